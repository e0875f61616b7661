//! What the server does to a custom resource before it validates it: fields that the schema does
//! not know are found (and would be pruned), nulls are dropped where null is no value, defaults
//! are filled in.

use super::schema::{Additional, ListKind, Schema};
use crate::manifest::suggest::nearest;
use crate::manifest::{Node, Span};
use crate::validate::fault::Faults;
use crate::validate::place::Place;

/// Fields of the object itself and of embedded ones, which no schema needs to name.
const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Reports the fields that the schema does not know.
pub(super) fn unknown_fields(root: &Node, schema: &Schema, kind: &str, faults: &mut Faults<'_>) {
    let mut search = Search { kind, faults };
    search.fields(
        root,
        Some(schema),
        &Place::ROOT,
        true,
        schema.preserve_unknown,
    );
}

struct Search<'s, 'f> {
    kind: &'s str,
    faults: &'s mut Faults<'f>,
}

impl Search<'_, '_> {
    /// Searches a value. `kept`: its own unknown fields are kept, as the list around it says.
    fn value(&mut self, node: &Node, schema: Option<&Schema>, place: &Place<'_>, kept: bool) {
        let kept = kept || schema.is_some_and(|schema| schema.preserve_unknown);
        if node.as_map().is_some() {
            let embedded = schema.is_some_and(|schema| schema.embedded);
            self.fields(node, schema, place, embedded, kept);
        }
        let items = schema.and_then(|schema| schema.items.as_deref());
        for (index, item) in node.as_seq().unwrap_or_default().iter().enumerate() {
            self.value(item, items, &place.index(index), kept);
        }
    }

    fn fields(
        &mut self,
        node: &Node,
        schema: Option<&Schema>,
        place: &Place<'_>,
        embedded: bool,
        kept: bool,
    ) {
        for entry in node.as_map().into_iter().flatten() {
            let name = entry.key.as_str();
            if embedded && META_FIELDS.contains(&name) {
                continue;
            }
            let (value, below) = (&entry.value, place.field(name));
            if let Some(property) = schema.and_then(|schema| schema.property(name)) {
                self.value(value, Some(property), &below, false);
                continue;
            }
            match schema.map(|schema| &schema.additional) {
                Some(Additional::Like(schema)) => self.value(value, Some(schema), &below, false),
                Some(Additional::Any) => self.value(value, None, &below, false),
                _ if kept => {}
                _ => self.unknown(name, entry.key_span, schema, &below),
            }
        }
    }

    fn unknown(&mut self, name: &str, at: Span, schema: Option<&Schema>, place: &Place<'_>) {
        let names = schema.into_iter().flat_map(Schema::properties);
        let near = nearest(name, names.map(|(name, _)| name));
        let remark = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
        let message = format!("unknown field `{name}` in {}", self.kind);
        let words = format!("strict decoding error: unknown field \"{place}\"");
        self.faults
            .refuse("unknown-field", message, at, &remark, place, &words);
    }
}

/// Drops nulls and fills in defaults, in the order of the server
/// (`PruneNonNullableNullsWithoutDefaults`, then `Default`).
pub(super) fn complete(node: &mut Node, schema: &Schema) {
    drop_nulls(node, schema);
    fill(node, schema);
}

fn drop_nulls(node: &mut Node, schema: &Schema) {
    let dropped = |node: &Node, schema: &Schema| {
        node.is_null() && !schema.nullable && schema.default.is_none()
    };
    if node.as_map().is_some() {
        let Some(map) = node.as_map_mut() else { return };
        map.retain(|entry| {
            let Some(below) = schema.key(&entry.key) else {
                return true;
            };
            if dropped(&entry.value, below) {
                return false;
            }
            drop_nulls(&mut entry.value, below);
            true
        });
    } else if let (Some(items), Some(below)) = (node.as_seq_mut(), schema.items.as_deref()) {
        for item in items {
            drop_nulls(item, below);
        }
    }
}

fn fill(node: &mut Node, schema: &Schema) {
    let span = node.span;
    // Defaults have no place of their own: what is wrong with one is shown where it is missing.
    let default_of = |schema: &Schema, span: Span| {
        let mut value = schema.default.clone()?;
        value.respan(span);
        Some(value)
    };
    let is_unset = |node: &Node, schema: &Schema| node.is_null() && !schema.nullable;
    if node.as_map().is_some() {
        let Some(map) = node.as_map_mut() else { return };
        for (name, property) in schema.properties() {
            let given = map.get(name);
            if given.is_none_or(|given| is_unset(given, property))
                && let Some(value) = default_of(property, span)
            {
                map.set(name, value);
            }
        }
        for entry in map.iter_mut() {
            let Some(below) = schema.key(&entry.key) else {
                continue;
            };
            if is_unset(&entry.value, below)
                && let Some(value) = default_of(below, entry.key_span)
            {
                entry.value = value;
            }
            fill(&mut entry.value, below);
        }
    } else if let (Some(items), Some(below)) = (node.as_seq_mut(), schema.items.as_deref()) {
        for item in items {
            if is_unset(item, below)
                && let Some(value) = default_of(below, item.span)
            {
                *item = value;
            }
            fill(item, below);
        }
    }
}

/// Reports equal items in sets, and equal keys in lists that are kept by key
/// (`schema/listtype/validation.go`).
pub(super) fn duplicates(node: &Node, schema: &Schema, place: &Place<'_>, faults: &mut Faults<'_>) {
    for entry in node.as_map().into_iter().flatten() {
        if let Some(below) = schema.key(&entry.key) {
            let free = schema.property(&entry.key).is_none();
            let place = if free {
                place.key(&entry.key)
            } else {
                place.field(&entry.key)
            };
            duplicates(&entry.value, below, &place, faults);
        }
    }
    let Some(items) = node.as_seq() else { return };
    let identity = |item: &Node| match &schema.list {
        ListKind::Atomic => None,
        ListKind::Set => Some(crate::manifest::json::to_go_json(item)),
        ListKind::Map(names) => {
            let mut key = String::new();
            for name in names {
                if let Some(value) = item.get(name) {
                    let value = crate::manifest::json::to_go_json(value);
                    let separator = if key.is_empty() { "" } else { "," };
                    key.push_str(&format!("{separator}\"{name}\":{value}"));
                }
            }
            Some(format!("{{{key}}}"))
        }
    };
    let mut seen = std::collections::HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let place = place.index(index);
        let is_map = matches!(schema.list, ListKind::Map(_));
        if is_map && item.as_map().is_none() && !item.is_null() {
            let words = "must be an object for an array of list-type map";
            let message = "an item of this list must be a mapping".to_owned();
            faults.refuse("wrong-type", message, item.span, "", &place, words);
        } else if let Some(key) = identity(item)
            && !seen.insert(key.clone())
        {
            let words = format!("Duplicate value: {key}");
            let message = format!("{key} stands twice in this list");
            faults.refuse(
                "duplicate-value",
                message,
                item.span,
                "again here",
                &place,
                &words,
            );
        }
    }
    if let Some(below) = &schema.items {
        for (index, item) in items.iter().enumerate() {
            duplicates(item, below, &place.index(index), faults);
        }
    }
}
