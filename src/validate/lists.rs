//! What server-side apply refuses though a create accepts it: equal keys in a list that it keeps
//! by key (`duplicate entries for key`), equal items in a set.

use std::collections::HashMap;

use super::place::Place;
use super::server_says;
use crate::manifest::{Diagnostic, Node, Object, Span};
use crate::schema::{Kind, List, ListType, Shape, Type, Version};

/// Warns of duplicates anywhere in an object but in its status.
pub(super) fn duplicates(
    version: Version,
    object: &Object,
    kind: Kind,
    findings: &mut Vec<Diagnostic>,
) {
    walk(
        version,
        &object.root,
        kind.object().ty(),
        &Place::ROOT,
        findings,
    );
}

fn walk(
    version: Version,
    node: &Node,
    ty: Type,
    place: &Place<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    match ty.shape() {
        Shape::Object(object) => {
            for entry in node.as_map().into_iter().flatten() {
                let place = place.field(&entry.key);
                if let Some(field) = object.field(&entry.key)
                    && !place.is_root_field("status")
                {
                    walk(version, &entry.value, field.ty(), &place, findings);
                }
            }
        }
        Shape::Map(value) => {
            for entry in node.as_map().into_iter().flatten() {
                walk(
                    version,
                    &entry.value,
                    value,
                    &place.key(&entry.key),
                    findings,
                );
            }
        }
        Shape::List(list) => {
            let items = node.as_seq().unwrap_or_default();
            if items.len() > 1 {
                check(version, items, list, place, findings);
            }
            for (index, item) in items.iter().enumerate() {
                walk(version, item, list.item(), &place.index(index), findings);
            }
        }
        _ => {}
    }
}

fn check(
    version: Version,
    items: &[Node],
    list: List,
    place: &Place<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let mut seen: HashMap<String, Span> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let identity = match list.list_type() {
            ListType::Atomic => return,
            ListType::Set => item.scalar_text().map(|text| (text.to_owned(), item.span)),
            ListType::Map => key_of(item, list),
        };
        let Some((key, span)) = identity else {
            continue;
        };
        let Some(first) = seen.get(&key) else {
            seen.insert(key, span);
            continue;
        };
        let words = format!("{place}: duplicate entries for key [{key}]");
        findings.push(
            Diagnostic::warning(
                "ssa-duplicate-key",
                format!("`{key}` stands twice in this list: server-side apply refuses it"),
            )
            .at(span, "again here")
            .also(*first, "first here")
            .field(place.index(index).to_string())
            .note("a create accepts it; of two equal entries the last one counts")
            .note(server_says(version, words)),
        );
    }
}

/// The fields that identify an item, as the server writes them; `None` where one is missing.
fn key_of(item: &Node, list: List) -> Option<(String, Span)> {
    let mut key = String::new();
    let mut span = None;
    for name in list.map_keys() {
        let given = item.get(name).filter(|node| !node.is_null());
        let text = match given {
            Some(node) => node.scalar_text()?,
            None => default_key(name, list)?,
        };
        span = span.or(given.map(|node| node.span));
        let separator = if key.is_empty() { "" } else { "," };
        let number = given.is_some_and(|node| node.as_i64().is_some());
        let quote = if number { "" } else { "\"" };
        key.push_str(&format!("{separator}{name}={quote}{text}{quote}"));
    }
    Some((key, span.unwrap_or(item.span)))
}

/// The defaults that keys of built-in lists have.
fn default_key(name: &str, list: List) -> Option<&'static str> {
    let of_reference = || {
        let item = list.item().as_object();
        item.is_some_and(|object| object.short_name() == "LocalObjectReference")
    };
    match name {
        "protocol" => Some("TCP"),
        "name" if of_reference() => Some(""),
        _ => None,
    }
}
