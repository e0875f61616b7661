//! The decoder's view: JSON types, unknown fields, closed sets, and what must be there.
//!
//! The server decodes into Go structs: null is the zero value everywhere, names are exact in
//! case, `3.0` is an integer. Closed sets and required fields it checks after it has filled in
//! defaults; the tables know only those that no default fills.

use smol_str::SmolStr;

use super::fault::Faults;
use super::forget::{forget, is_forgotten};
use super::place::Place;
use super::scalar::{self, TimeForm};
use super::{absent, neighbours, rules, unions};
use crate::manifest::{Node, Object as Manifest, Scalar, Span, Value};
use crate::schema::{Field, Kind, Object, Shape, Type};

/// Checks an object of a known kind.
pub(super) fn object(manifest: &Manifest, kind: Kind, faults: &mut Faults<'_>) {
    let root = &manifest.root;
    let owner = root.get("kind").map_or(root.span, |node| node.span);
    let mut walk = Walk { faults };
    walk.fields(root, kind.object(), &Place::ROOT, Mode::default(), owner);
}

/// Checks a value of a structured type that stands in an object of no known kind.
pub(super) fn part(
    node: &Node,
    object: Object,
    place: &Place<'_>,
    owner: Span,
    faults: &mut Faults<'_>,
) {
    let mut walk = Walk { faults };
    walk.value(node, object.ty(), place, Mode::default(), owner);
}

/// What the server is strict about at a place.
#[derive(Clone, Copy, Default)]
struct Mode {
    /// Below `status`, which a create drops before it validates.
    dropped: bool,
    /// Below a type with a decoder of its own, which does not report unknown fields.
    lenient: bool,
}

struct Walk<'w, 'f> {
    faults: &'w mut Faults<'f>,
}

impl Walk<'_, '_> {
    /// Checks a value. `owner` is where the key of the value stands, for what has no place of
    /// its own.
    fn value(&mut self, node: &Node, ty: Type, place: &Place<'_>, mode: Mode, owner: Span) {
        if node.is_null() {
            return;
        }
        match ty.shape() {
            Shape::Object(object) => self.fields(node, object, place, mode, owner),
            Shape::Map(value) => {
                let Some(map) = node.as_map() else {
                    return self.faults.wrong_type(node, ty, place);
                };
                for entry in map {
                    let place = place.key(&entry.key);
                    self.item(&entry.value, value, &place, mode, entry.key_span);
                }
            }
            Shape::List(list) => {
                let Some(items) = node.as_seq() else {
                    return self.faults.wrong_type(node, ty, place);
                };
                for (index, item) in items.iter().enumerate() {
                    self.item(
                        item,
                        list.item(),
                        &place.index(index),
                        mode,
                        first_key(item),
                    );
                }
            }
            Shape::SchemaOrArray(object) | Shape::SchemaOrStrings(object) => {
                self.schema_or_list(node, ty, object, place, mode);
            }
            Shape::SchemaOrBool(object) => {
                let lenient = Mode {
                    lenient: true,
                    ..mode
                };
                match &node.value {
                    Value::Map(_) => self.fields(node, object, place, lenient, owner),
                    _ if node.as_bool().is_none() => self.faults.wrong_type(node, ty, place),
                    _ => {}
                }
            }
            _ => self.scalar(node, ty, place),
        }
    }

    /// Checks an item of a list, or a value of a free mapping.
    fn item(&mut self, item: &Node, ty: Type, place: &Place<'_>, mode: Mode, owner: Span) {
        if !item.is_null() {
            return self.value(item, ty, place, mode, owner);
        }
        // null makes a zero item: its own fields are missing then.
        if let (Some(object), false) = (ty.as_object(), mode.dropped) {
            absent::fields(self.faults, object, place, item.span);
        }
    }

    /// Checks a mapping against a structured type.
    fn fields(&mut self, node: &Node, object: Object, place: &Place<'_>, mode: Mode, owner: Span) {
        let Some(map) = node.as_map() else {
            return self.faults.wrong_type(node, object.ty(), place);
        };
        let mode = Mode {
            dropped: mode.dropped || is_forgotten(object, map),
            ..mode
        };
        // What a misspelt field was meant to be is not reported as missing besides.
        let mut meant = Vec::new();
        for entry in map {
            let Some(field) = object.field(&entry.key) else {
                if !mode.lenient {
                    let fault =
                        self.faults
                            .unknown_field(&entry.key, entry.key_span, object, place);
                    meant.extend(fault);
                }
                continue;
            };
            let place = place.field(&entry.key);
            let mode = Mode {
                dropped: mode.dropped
                    || field.unchecked()
                    || place.is_root_field("status")
                    || entry.key == "status"
                        && object.name().ends_with(".core.v1.PersistentVolumeClaim")
                    || place.is_root_field("metadata") && self.faults.context().is_answered
                    || is_inner_owner(&place)
                    || object.name().ends_with(".v2.MetricIdentifier") && entry.key == "selector"
                    || rules::drops(self.faults.context(), map, &entry.key, &entry.value),
                ..mode
            };
            self.field(&entry.value, field, &place, mode, entry.key_span);
        }
        if mode.dropped {
            return;
        }
        let forgotten = forget(object, map);
        let map = forgotten.as_ref().unwrap_or(map);
        for field in object.fields().filter(|field| absent::matters(*field)) {
            if field.name() == "operator" && takes_any_operator(place) {
                continue;
            }
            match map.entry(field.name()) {
                Some(given) if given.value.is_null() => {
                    absent::field(self.faults, field, place, given.key_span);
                }
                Some(given) if field.required() && is_zero(&given.value, field) => {
                    self.faults.empty(field, place, given.value.span);
                }
                Some(_) => {}
                None if meant.contains(&field.name()) => {}
                None => absent::field(self.faults, field, place, owner),
            }
        }
        unions::check(self.faults, object, map, place, owner);
        neighbours::check(self.faults, object, map, place, owner);
        rules::check(self.faults, object, map, place, owner);
    }

    fn field(&mut self, node: &Node, field: Field, place: &Place<'_>, mode: Mode, key: Span) {
        self.value(node, field.ty(), place, mode, key);
        if mode.dropped {
            return;
        }
        // For a field that is no pointer, the empty text is the same as no value.
        if let Some(values) = field.ty().values()
            && let Some(text) = node.as_str()
            && (field.is_pointer() || !text.is_empty())
            && !(field.name() == "operator" && place.parent().is_some_and(takes_any_operator))
        {
            self.faults.one_of(text, values, node.span, place);
        }
        self.items_of(node, field.ty(), place);
    }

    /// Checks the items of a list, or the values of a map, against the closed set of their type.
    fn items_of(&mut self, node: &Node, ty: Type, place: &Place<'_>) {
        let inner = match ty.shape() {
            Shape::List(list) => list.item(),
            Shape::Map(value) => value,
            _ => return,
        };
        let Some(values) = inner.values() else {
            return;
        };
        // null is the empty text here.
        let text = |node: &Node| {
            if node.is_null() {
                return Some(String::new());
            }
            node.as_str().map(str::to_owned)
        };
        for (index, item) in node.as_seq().unwrap_or_default().iter().enumerate() {
            if let Some(text) = text(item) {
                self.faults
                    .one_of(&text, values, item.span, &place.index(index));
            }
        }
        for entry in node.as_map().into_iter().flatten() {
            if let Some(text) = text(&entry.value) {
                let place = place.key(&entry.key);
                self.faults.one_of(&text, values, entry.value.span, &place);
            }
        }
    }

    fn scalar(&mut self, node: &Node, ty: Type, place: &Place<'_>) {
        match ty.shape() {
            Shape::Any => {}
            Shape::Bool if node.as_bool().is_some() => {}
            Shape::String | Shape::IntOrString if text_of(node).is_some() => {}
            Shape::Float64 | Shape::Quantity if is_number(node) => {}
            Shape::Int64 if node.as_i64().is_some() => {}
            Shape::Int32 | Shape::IntOrString if is_number(node) => self.int32(node, place),
            Shape::Int64 if is_number(node) => self.faults.out_of_range(node, "int64", place),
            Shape::Quantity => self.quantity(node, ty, place),
            Shape::Bytes => self.bytes(node, ty, place),
            Shape::Time | Shape::MicroTime => self.time(node, ty, place),
            _ => self.faults.wrong_type(node, ty, place),
        }
    }

    fn int32(&mut self, node: &Node, place: &Place<'_>) {
        if node
            .as_i64()
            .is_none_or(|number| i32::try_from(number).is_err())
        {
            self.faults.out_of_range(node, "int32", place);
        }
    }

    fn quantity(&mut self, node: &Node, ty: Type, place: &Place<'_>) {
        let Some(text) = text_of(node) else {
            return self.faults.wrong_type(node, ty, place);
        };
        if let Err(words) = scalar::check_quantity(&text) {
            self.faults.quantity(&text, words, node.span, place);
        }
    }

    fn bytes(&mut self, node: &Node, ty: Type, place: &Place<'_>) {
        if let Some(items) = node.as_seq() {
            let is_byte = |item: &Node| item.as_i64().is_some_and(|n| u8::try_from(n).is_ok());
            if items.iter().all(|item| item.is_null() || is_byte(item)) {
                return;
            }
        }
        let Some(text) = text_of(node) else {
            return self.faults.wrong_type(node, ty, place);
        };
        if let Err(words) = scalar::check_base64(&text) {
            self.faults.base64(&words, node.span, place);
        }
    }

    fn time(&mut self, node: &Node, ty: Type, place: &Place<'_>) {
        let form = match ty.shape() {
            Shape::MicroTime => TimeForm::Micro,
            _ => TimeForm::Seconds,
        };
        let Some(text) = text_of(node) else {
            return self.faults.wrong_type(node, ty, place);
        };
        if !scalar::is_time(&text, form) {
            self.faults.time(&text, form, node.span, place);
        }
    }

    /// A JSON Schema or a list: other shapes pass unseen (`apiextensions/v1/marshal.go`).
    fn schema_or_list(
        &mut self,
        node: &Node,
        ty: Type,
        object: Object,
        place: &Place<'_>,
        mode: Mode,
    ) {
        let lenient = Mode {
            lenient: true,
            ..mode
        };
        if node.as_map().is_some() {
            return self.fields(node, object, place, lenient, first_key(node));
        }
        let strings = matches!(ty.shape(), Shape::SchemaOrStrings(_));
        for (index, item) in node.as_seq().unwrap_or_default().iter().enumerate() {
            let place = place.index(index);
            if !strings {
                self.item(item, object.ty(), &place, lenient, first_key(item));
            } else if text_of(item).is_none() && !item.is_null() {
                self.faults.wrong_type(item, ty, &place);
            }
        }
    }
}

/// Whether this is a requirement of an access review's selector: the authorizer makes nothing of an
/// operator that it does not know, and the server lets it pass (`AllowUnknownOperatorInRequirement`).
fn takes_any_operator(requirement: &Place<'_>) -> bool {
    let selector = requirement.parent().and_then(Place::parent);
    let attributes = selector.and_then(Place::parent);
    attributes.is_some_and(|place| place.field_name() == "resourceAttributes")
}

/// The text that the server gets: a plain date that kustomize's reader knows as one is printed
/// as an RFC 3339 string.
fn text_of(node: &Node) -> Option<SmolStr> {
    node.as_scalar().and_then(Scalar::as_str)
}

fn is_number(node: &Node) -> bool {
    node.as_scalar().is_some_and(|s| s.as_number().is_some())
}

/// Whether a given value is what the server takes for no value.
fn is_zero(node: &Node, field: Field) -> bool {
    if field.is_pointer() {
        return false;
    }
    match field.ty().shape() {
        Shape::List(_) => node.as_seq().is_some_and(<[Node]>::is_empty),
        Shape::Map(_) => node.as_map().is_some_and(crate::manifest::Map::is_empty),
        Shape::Int32 | Shape::Int64 => node.as_i64() == Some(0),
        Shape::IntOrString => node.as_i64() == Some(0) || node.as_str() == Some(""),
        Shape::String | Shape::Bytes => node.as_str() == Some(""),
        _ => false,
    }
}

/// Whether this is `ownerReferences` in the metadata of a template, which nothing looks at.
fn is_inner_owner(place: &Place<'_>) -> bool {
    place.field_name() == "ownerReferences"
        && place
            .parent()
            .is_some_and(|metadata| !metadata.is_root_field("metadata"))
}

/// Where a mapping begins: its first key, which is what people look at.
fn first_key(node: &Node) -> Span {
    let first = node.as_map().and_then(|map| map.iter().next());
    first.map_or(node.span, |entry| entry.key_span)
}
