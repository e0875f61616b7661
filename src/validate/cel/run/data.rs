//! Values of an object, by what its schema says of them (`UnstructuredToVal` of
//! `cel/common/valuesunstructured.go`).

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::schema;
use super::Given;
use super::time::{self, Moment};
use super::value::{Identity, List, Map, Origin, Value};
use crate::manifest::number::Number;
use crate::manifest::{Map as NodeMap, Node, Value as NodeValue};

/// What a schema makes of a value.
#[derive(Clone, Debug)]
pub(in crate::validate) struct Shape {
    kind: Kind,
    nullable: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    IntOrString,
    Object(Arc<Vec<(SmolStr, Shape)>>),
    /// Free keys, with values of one kind.
    Map(Arc<Shape>),
    /// An object without fields.
    Bare,
    Array(Arc<Shape>, Identity),
    /// A list whose items have no schema.
    NoItems,
    Text,
    Bytes,
    Duration,
    Date,
    Time,
    Number,
    Integer,
    Bool,
    /// Kept without a type.
    Kept,
    None,
}

/// Schemas are no deeper than this.
const DEEPEST: usize = 500;

impl Shape {
    /// Reads a schema; `root`: it is that of an object as a whole.
    pub(in crate::validate) fn new(schema: &Node, root: bool) -> Self {
        Self::below(schema, root, 0)
    }

    fn below(schema: &Node, root: bool, depth: usize) -> Self {
        let flag = |name: &str| schema.get(name).and_then(Node::as_bool) == Some(true);
        let text = |name: &str| schema.get(name).and_then(Node::as_str).unwrap_or_default();
        let inner = |schema: &Node| Arc::new(Self::below(schema, false, depth + 1));
        let kind = match text("type") {
            _ if depth > DEEPEST => Kind::None,
            _ if flag("x-kubernetes-int-or-string") => Kind::IntOrString,
            "object" => object(
                schema,
                root || flag("x-kubernetes-embedded-resource"),
                depth,
            ),
            "array" => match schema.get("items").filter(|items| items.as_map().is_some()) {
                Some(items) => Kind::Array(inner(items), identity(schema)),
                None => Kind::NoItems,
            },
            "string" => match text("format") {
                "duration" => Kind::Duration,
                "date" => Kind::Date,
                "date-time" => Kind::Time,
                "byte" => Kind::Bytes,
                _ => Kind::Text,
            },
            "number" => Kind::Number,
            "integer" => Kind::Integer,
            "boolean" => Kind::Bool,
            _ if flag("x-kubernetes-preserve-unknown-fields") => Kind::Kept,
            _ => Kind::None,
        };
        Self {
            kind,
            nullable: flag("nullable"),
        }
    }

    /// The value of a node.
    pub(in crate::validate) fn value(&self, node: &Node) -> Given {
        Given(self.read(node))
    }

    fn read(&self, node: &Node) -> Value {
        let wrong = |why: &str| Value::Wrong(why.into());
        if node.is_null() {
            return match self.nullable {
                true => Value::Null,
                false => wrong("invalid data, got null for schema with nullable=false"),
            };
        }
        let text = || {
            node.as_str()
                .ok_or_else(|| wrong("invalid data, expected string"))
        };
        let read = |parse: &dyn Fn(&str) -> Option<Value>, name: &str| match text() {
            Ok(text) => parse(text).unwrap_or_else(|| wrong(&format!("Invalid {name} {text}"))),
            Err(wrong) => wrong,
        };
        match &self.kind {
            Kind::IntOrString => match (node.as_str(), node.as_i64()) {
                (Some(text), _) => Value::text(text),
                (_, Some(number)) => Value::Int(number),
                _ => wrong(
                    "invalid data, expected XIntOrString value to be either a string or integer",
                ),
            },
            Kind::Object(_) | Kind::Map(_) | Kind::Bare => self.map(node),
            Kind::Array(items, identity) => match node.as_seq() {
                Some(own) => Value::List(List {
                    items: Arc::new(own.iter().map(|item| items.read(item)).collect()),
                    identity: identity.clone(),
                    given: true,
                }),
                None => {
                    wrong("invalid data, expected an array for the provided schema with type=array")
                }
            },
            Kind::NoItems => wrong("invalid array type, expected Items with a non-empty Schema"),
            Kind::Text => text().map_or_else(|wrong| wrong, Value::text),
            Kind::Bytes => read(
                &|text| {
                    let bytes = crate::validate::scalar::decode_base64(text)?;
                    Some(Value::Bytes(bytes.into()))
                },
                "byte formatted string",
            ),
            Kind::Duration => read(
                &|text| time::read_loose_duration(text).map(Value::Duration),
                "duration",
            ),
            Kind::Date => read(
                &|text| Moment::read_date(text).map(Value::Timestamp),
                "date formatted string",
            ),
            Kind::Time => read(
                &|text| Moment::read(text, true).map(Value::Timestamp),
                "date-time formatted string",
            ),
            Kind::Number => match number(node) {
                Some(number) => Value::Double(number.as_f64()),
                None => wrong("invalid data, expected float"),
            },
            Kind::Integer => match node.as_i64() {
                Some(number) => Value::Int(number),
                None => wrong("invalid data, expected int"),
            },
            Kind::Bool => match node.as_bool() {
                Some(value) => Value::Bool(value),
                None => wrong("invalid data, expected bool"),
            },
            Kind::Kept => Value::Kept(node.clone()),
            Kind::None => {
                wrong("invalid type, expected object, array, number, integer, boolean or string")
            }
        }
    }

    fn map(&self, node: &Node) -> Value {
        let Some(map) = node.as_map() else {
            let why = "invalid data, expected a map for the provided schema with type=object";
            return Value::Wrong(why.into());
        };
        let mut entries = Vec::with_capacity(map.len());
        let mut unknown = Vec::new();
        for entry in map {
            let shape = match &self.kind {
                Kind::Object(fields) => {
                    let found = fields.binary_search_by(|(name, _)| name.cmp(&entry.key));
                    found.ok().map(|at| &fields[at].1)
                }
                Kind::Map(values) => Some(&**values),
                _ => None,
            };
            match (shape, &self.kind) {
                // Null in a field is the same as no value.
                (Some(_), Kind::Object(_)) if entry.value.is_null() => {
                    entries.push((Value::Text(entry.key.clone()), Value::Null));
                }
                (Some(shape), _) => {
                    entries.push((Value::Text(entry.key.clone()), shape.read(&entry.value)));
                }
                (None, _) => unknown.push((entry.key.clone(), entry.value.clone())),
            }
        }
        let origin = match &self.kind {
            Kind::Object(_) => Origin::Fields,
            _ => Origin::Free,
        };
        Value::Map(Map::new(entries, origin, unknown))
    }
}

/// An object: `root` adds what every object has.
fn object(schema: &Node, root: bool, depth: usize) -> Kind {
    let below = |node: &Node| Shape::below(node, false, depth + 1);
    let properties = schema.get("properties").and_then(Node::as_map);
    if !root && properties.is_none_or(NodeMap::is_empty) {
        let values = schema.get("additionalProperties");
        return match values.filter(|node| node.as_map().is_some()) {
            Some(values) => Kind::Map(Arc::new(below(values))),
            None => Kind::Bare,
        };
    }
    let entries = properties.into_iter().flatten();
    let mut fields: Vec<(SmolStr, Shape)> = entries
        .map(|entry| (entry.key.clone(), below(&entry.value)))
        .collect();
    if root && !schema::names_itself(schema) {
        let plain = |kind| Shape {
            kind,
            nullable: false,
        };
        let names = ["generateName", "name"].map(|name| (name.into(), plain(Kind::Text)));
        let metadata = Kind::Object(Arc::new(names.to_vec()));
        fields.retain(|(name, _)| !["apiVersion", "kind", "metadata"].contains(&name.as_str()));
        fields.push(("apiVersion".into(), plain(Kind::Text)));
        fields.push(("kind".into(), plain(Kind::Text)));
        fields.push(("metadata".into(), plain(metadata)));
    }
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    Kind::Object(Arc::new(fields))
}

fn identity(schema: &Node) -> Identity {
    let text = schema
        .get("x-kubernetes-list-type")
        .and_then(Node::as_str)
        .unwrap_or_default();
    match text {
        "set" => Identity::Set,
        "map" => {
            let keys = schema
                .get("x-kubernetes-list-map-keys")
                .and_then(Node::as_seq)
                .unwrap_or_default();
            let keys = keys.iter().filter_map(Node::as_str).map(|key| {
                let escaped = schema::escape(key);
                escaped.map_or_else(|| SmolStr::new(key), SmolStr::new)
            });
            Identity::Keys(keys.collect())
        }
        _ => Identity::Place,
    }
}

fn number(node: &Node) -> Option<Number> {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar.as_number(),
        _ => None,
    }
}
