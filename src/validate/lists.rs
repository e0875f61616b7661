//! Equal keys in a list that is kept by key, equal items in a set. Server-side apply refuses them
//! all (`duplicate entries for key`); a create refuses them in some lists only, and accepts the
//! others: these are warnings under a rule of their own.

use std::collections::HashMap;

use super::place::Place;
use super::server_says;
use crate::manifest::{Diagnostic, Node, Object, Span};
use crate::schema::{Kind, List, ListType, Shape, Type, Version};

/// The lists in which a create refuses a second item with the same key: type, field, key, and
/// the server's words after the value.
const REFUSED: &[(&str, &str, &str, Words)] = &[
    (
        "Container",
        "volumeMounts",
        "mountPath",
        Words::MustBeUnique,
    ),
    (
        "MutatingWebhookConfiguration",
        "webhooks",
        "name",
        Words::Duplicate,
    ),
    ("PodSpec", "containers", "name", Words::Duplicate),
    ("PodSpec", "initContainers", "name", Words::Duplicate),
    ("PodSpec", "volumes", "name", Words::Duplicate),
    (
        "ValidatingWebhookConfiguration",
        "webhooks",
        "name",
        Words::Duplicate,
    ),
];

/// How the server puts it.
#[derive(Clone, Copy)]
enum Words {
    /// `Duplicate value: ".."`
    Duplicate,
    /// `Invalid value: "..": must be unique`
    MustBeUnique,
}

/// Finds duplicates anywhere in an object but in its status.
pub(super) fn duplicates(
    version: Version,
    object: &Object,
    kind: Kind,
    findings: &mut Vec<Diagnostic>,
) {
    let mut search = Search {
        version,
        findings,
        unchecked: false,
    };
    search.value(&object.root, kind.object().ty(), &Place::ROOT, None);
}

struct Search<'f> {
    version: Version,
    findings: &'f mut Vec<Diagnostic>,
    /// Below a field that no rule is applied to, where only server-side apply refuses anything.
    unchecked: bool,
}

impl Search<'_> {
    /// Searches a value; `refused` tells how a create refuses duplicates in it.
    fn value(
        &mut self,
        node: &Node,
        ty: Type,
        place: &Place<'_>,
        refused: Option<(&'static str, Words)>,
    ) {
        match ty.shape() {
            Shape::Object(object) => {
                // Most values are scalars, and hold no list.
                let entries = node.as_map().into_iter().flatten();
                for entry in entries.filter(|entry| entry.value.as_scalar().is_none()) {
                    let place = place.field(&entry.key);
                    if let Some(field) = object.field(&entry.key)
                        && !place.is_root_field("status")
                    {
                        let around = self.unchecked;
                        self.unchecked |= field.unchecked();
                        let refused = REFUSED
                            .iter()
                            .filter(|_| !self.unchecked)
                            .find(|row| row.1 == entry.key && row.0 == object.short_name())
                            .map(|row| (row.2, row.3));
                        self.value(&entry.value, field.ty(), &place, refused);
                        self.unchecked = around;
                    }
                }
            }
            Shape::Map(value) => {
                for entry in node.as_map().into_iter().flatten() {
                    self.value(&entry.value, value, &place.key(&entry.key), None);
                }
            }
            Shape::List(list) => {
                let items = node.as_seq().unwrap_or_default();
                if items.len() > 1 {
                    self.items(items, list, place, refused);
                }
                for (index, item) in items.iter().enumerate() {
                    self.value(item, list.item(), &place.index(index), None);
                }
            }
            _ => {}
        }
    }

    fn items(
        &mut self,
        items: &[Node],
        list: List,
        place: &Place<'_>,
        refused: Option<(&'static str, Words)>,
    ) {
        let mut seen: HashMap<String, Span> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let identity = match list.list_type() {
                ListType::Atomic => return,
                ListType::Set => item
                    .scalar_text()
                    .map(|text| (format!("=\"{text}\""), item.span)),
                ListType::Map => key_of(item, list),
            };
            let Some((key, span)) = identity else {
                continue;
            };
            let Some(&first) = seen.get(&key) else {
                seen.insert(key, span);
                continue;
            };
            let place = place.index(index);
            let value = refused.and_then(|(name, words)| {
                let text = item.get(name)?.as_str().filter(|text| !text.is_empty())?;
                Some((name, words, text))
            });
            let finding = match value {
                Some((name, words, text)) => {
                    let place = place.field(name);
                    let words = match words {
                        Words::Duplicate => format!("Duplicate value: \"{text}\""),
                        Words::MustBeUnique => format!("Invalid value: \"{text}\": must be unique"),
                    };
                    let message = format!("`{name}: {text}` stands twice in this list");
                    Diagnostic::error("duplicate-value", message)
                        .field(place.to_string())
                        .note(server_says(self.version, words))
                }
                None => self.apply_alone(&key, &place),
            };
            self.findings
                .push(finding.at(span, "again here").also(first, "first here"));
        }
    }

    /// What only server-side apply refuses.
    fn apply_alone(&self, key: &str, place: &Place<'_>) -> Diagnostic {
        let list = place.parent().map(ToString::to_string).unwrap_or_default();
        let words = format!(".{list}: duplicate entries for key [{key}]");
        let message = format!("`{key}` stands twice in this list: server-side apply refuses it");
        Diagnostic::warning("ssa-duplicate-key", message)
            .field(place.to_string())
            .note("a create accepts it; `kubectl apply --server-side` and deployx do not")
            .note(server_says(self.version, words))
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
