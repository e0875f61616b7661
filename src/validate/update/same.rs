//! What differs between two values of a type, as the server compares them after decoding
//! (`apiequality.Semantic.DeepEqual`): the spelling of quantities and the order of keys do not
//! count, an empty list is a missing one, and an empty text is a missing one unless the field is
//! a pointer.

use smol_str::SmolStr;

use crate::manifest::node::{Scalar, ScalarKind};
use crate::manifest::quantity::Quantity;
use crate::manifest::{Map, Node};
use crate::schema::{Field, Object, Shape, Type};
use crate::validate::place::Place;
use crate::validate::scalar::{self, decode_base64};

/// Fields that the server drops, because their gates are off by default in every release.
const GATED: [(&str, &str); 7] = [
    ("DeviceSubRequest", "derivedAttributes"),
    ("EmptyDirVolumeSource", "mode"),
    ("ExactDeviceRequest", "derivedAttributes"),
    ("HTTPGetAction", "protocol"),
    ("PodSpec", "evictionResponders"),
    ("PodSpec", "schedulingGroup"),
    ("ServiceAccountTokenProjection", "user"),
];

/// Returns the paths of the values that differ, as the server writes paths; at most `most`.
pub(super) fn changes(
    ty: Type,
    pointer: bool,
    (old, new): (Option<&Node>, Option<&Node>),
    place: &Place<'_>,
    most: usize,
) -> Vec<String> {
    let mut differ = Differ {
        paths: Vec::new(),
        most,
    };
    differ.value(ty, old, new, pointer, place);
    differ.paths
}

/// Whether two values are the same to the server.
pub(super) fn same(ty: Type, old: Option<&Node>, new: Option<&Node>) -> bool {
    changes(ty, false, (old, new), &Place::ROOT, 1).is_empty()
}

struct Differ {
    paths: Vec<String>,
    most: usize,
}

impl Differ {
    fn value(
        &mut self,
        ty: Type,
        old: Option<&Node>,
        new: Option<&Node>,
        pointer: bool,
        place: &Place<'_>,
    ) {
        let old = old.filter(|node| !node.is_null());
        let new = new.filter(|node| !node.is_null());
        if self.paths.len() >= self.most || old.is_none() && new.is_none() {
            return;
        }
        match ty.shape() {
            Shape::Object(_) if pointer && old.is_some() != new.is_some() => self.push(place),
            Shape::Object(object) => self.fields(object, old, new, place),
            Shape::Map(value) => self.entries(value, old, new, place),
            Shape::List(list) => self.items(list.item(), old, new, place),
            Shape::Any
            | Shape::SchemaOrArray(_)
            | Shape::SchemaOrBool(_)
            | Shape::SchemaOrStrings(_) => {
                if old != new {
                    self.push(place);
                }
            }
            _ => {
                let (a, b) = (read(ty, old), read(ty, new));
                let is_zero = |value: &Option<Value>| value.as_ref().is_none_or(Value::is_zero);
                if a != b && (pointer || !(is_zero(&a) && is_zero(&b))) {
                    self.push(place);
                }
            }
        }
    }

    fn fields(
        &mut self,
        object: Object,
        old: Option<&Node>,
        new: Option<&Node>,
        place: &Place<'_>,
    ) {
        let counts = |field: &Field| {
            !field.unchecked() && !GATED.contains(&(object.short_name(), field.name()))
        };
        for field in object.fields().filter(counts) {
            let (a, b) = (get(old, field.name()), get(new, field.name()));
            let place = place.field(field.name());
            self.value(field.ty(), a, b, field.is_pointer(), &place);
        }
    }

    fn entries(&mut self, ty: Type, old: Option<&Node>, new: Option<&Node>, place: &Place<'_>) {
        let empty = Map::new();
        let old = old.and_then(Node::as_map).unwrap_or(&empty);
        let new = new.and_then(Node::as_map).unwrap_or(&empty);
        for entry in new {
            let place = place.key(&entry.key);
            match old.get(&entry.key) {
                None => self.push(&place),
                Some(value) if matches!(ty.shape(), Shape::Quantity) => {
                    // The only maps of quantities are lists of resources, which are rounded up.
                    if millis(value) != millis(&entry.value) {
                        self.push(&place);
                    }
                }
                Some(value) => self.value(ty, Some(value), Some(&entry.value), false, &place),
            }
        }
        for entry in old.iter().filter(|entry| !new.contains_key(&entry.key)) {
            self.push(&place.key(&entry.key));
        }
    }

    fn items(&mut self, ty: Type, old: Option<&Node>, new: Option<&Node>, place: &Place<'_>) {
        let old = old.and_then(Node::as_seq).unwrap_or_default();
        let new = new.and_then(Node::as_seq).unwrap_or_default();
        if old.len() != new.len() {
            return self.push(place);
        }
        for (index, (a, b)) in old.iter().zip(new).enumerate() {
            self.value(ty, Some(a), Some(b), false, &place.index(index));
        }
    }

    fn push(&mut self, place: &Place<'_>) {
        if self.paths.len() < self.most {
            self.paths.push(place.to_string());
        }
    }
}

fn get<'n>(node: Option<&'n Node>, name: &str) -> Option<&'n Node> {
    node.and_then(|node| node.get(name))
}

/// A scalar as the decoder makes it.
#[derive(PartialEq)]
enum Value {
    Bool(bool),
    Int(i64),
    Text(SmolStr),
    Bytes(Vec<u8>),
    Nanos(i128),
    /// What the decoder refuses anyway.
    Raw(Node),
}

impl Value {
    fn is_zero(&self) -> bool {
        match self {
            Value::Bool(value) => !value,
            Value::Int(value) => *value == 0,
            Value::Text(text) => text.is_empty(),
            Value::Bytes(bytes) => bytes.is_empty(),
            Value::Nanos(amount) => *amount == 0,
            Value::Raw(_) => false,
        }
    }
}

fn read(ty: Type, node: Option<&Node>) -> Option<Value> {
    let node = node?;
    let text = || node.as_scalar().and_then(Scalar::as_str);
    let value = match ty.shape() {
        Shape::Bool => node.as_bool().map(Value::Bool),
        Shape::Int32 | Shape::Int64 => node.as_i64().map(Value::Int),
        Shape::IntOrString => {
            let number = node.as_i64().map(Value::Int);
            number.or_else(|| text().map(Value::Text))
        }
        Shape::Bytes => {
            let decoded = text().and_then(|text| decode_base64(&text));
            decoded.map(Value::Bytes)
        }
        Shape::Quantity => quantity(node).map(|amount| Value::Nanos(amount.nanos())),
        _ => text().map(Value::Text),
    };
    Some(value.unwrap_or_else(|| Value::Raw(node.clone())))
}

fn quantity(node: &Node) -> Option<Quantity> {
    let scalar = node.as_scalar()?;
    match scalar.kind {
        ScalarKind::Str | ScalarKind::Int | ScalarKind::Float => {
            scalar::quantity(scalar.text.trim())
        }
        _ => None,
    }
}

fn millis(node: &Node) -> Option<i128> {
    quantity(node).map(Quantity::millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{ReadOptions, Sources, read};
    use crate::schema::{Version, tables};

    #[track_caller]
    fn case(object: &str, old: &str, new: &str, expected: &[&str]) {
        let parse = |text: &str| {
            let sources = Sources::new();
            let file = sources.add("in.yaml", text);
            let mut documents = read::read_documents(&sources, file, &ReadOptions::kubectl());
            documents.remove(0).unwrap().root
        };
        let ty = tables(Version::newest()).object(object).unwrap().ty();
        let (old, new) = (parse(old), parse(new));
        let found = changes(ty, false, (Some(&old), Some(&new)), &Place::ROOT, 9);
        assert_eq!(found, expected, "{object}");
    }

    #[test]
    fn values_differ_as_the_server_sees_them() {
        let container = "io.k8s.api.core.v1.Container";
        case(
            container,
            "args: []",
            "{stdin: false, image: '', resources: {}}",
            &[],
        );
        case(
            container,
            "resources: {limits: {cpu: '1', memory: 1Gi}}",
            "resources: {limits: {memory: 1024Mi, cpu: 1000m}}",
            &[],
        );
        case(
            container,
            "{image: a, args: [x, y], env: [{name: a, value: b}]}",
            "{image: b, args: [x], env: [{name: a, value: c}]}",
            &["args", "env[0].value", "image"],
        );
        case(
            "io.k8s.api.core.v1.PodSpec",
            "{nodeSelector: {a: b, c: d}, securityContext: {}}",
            "{nodeSelector: {a: x, e: f}, enableServiceLinks: false}",
            &[
                "enableServiceLinks",
                "nodeSelector[a]",
                "nodeSelector[e]",
                "nodeSelector[c]",
                "securityContext",
            ],
        );
        case(
            "io.k8s.api.core.v1.Secret",
            "data: {a: eA==}",
            "data: {a: 'eA='}",
            &["data[a]"],
        );
    }
}
