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
        let what = key.replace('\n', ", ");
        let words = format!("duplicate entries for key [{what}]");
        findings.push(
            Diagnostic::warning(
                "ssa-duplicate-key",
                format!("`{what}` stands twice in this list; server-side apply refuses that"),
            )
            .at(span, "again here")
            .also(*first, "first here")
            .field(place.index(index).to_string())
            .note(server_says(version, words)),
        );
    }
}

/// The values of the fields that identify an item, one in each line; `None` where one is missing.
fn key_of(item: &Node, list: List) -> Option<(String, Span)> {
    let mut key = String::new();
    let mut span = None;
    for name in list.map_keys() {
        let given = item.get(name);
        let text = match given.and_then(Node::scalar_text) {
            Some(text) => text,
            // The one default that the keys of built-in lists have.
            None if name == "protocol" => "TCP",
            None => return None,
        };
        span = span.or(given.map(|node| node.span));
        if !key.is_empty() {
            key.push('\n');
        }
        key.push_str(&format!("{name}: {text}"));
    }
    Some((key, span.unwrap_or(item.span)))
}
