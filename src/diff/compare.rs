//! Compares two trees, field by field. Items of lists are matched by their keys where they have
//! some, so that an inserted container does not read as two changed ones.

use std::collections::HashSet;

use crate::cluster::fields::Step;
use crate::manifest::json::to_json;
use crate::manifest::node::{Node, Value};

/// A field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it is.
    pub path: Vec<Step>,
    /// What it was; `None` when it is new.
    pub before: Option<Node>,
    /// What it becomes; `None` when it goes.
    pub after: Option<Node>,
}

/// Keys that name an item of a list, most telling first. The second is a part of the name where
/// items have it: two ports may differ in their protocol only.
const ITEM_KEYS: [(&str, Option<&str>); 12] = [
    ("name", None),
    ("containerPort", Some("protocol")),
    ("port", Some("protocol")),
    ("mountPath", None),
    ("devicePath", None),
    ("topologyKey", None),
    ("ip", None),
    ("host", None),
    ("path", None),
    ("type", None),
    ("key", None),
    ("uid", None),
];

/// Returns the fields that differ, in the order of `after`, removed ones last.
pub fn compare(before: &Node, after: &Node) -> Vec<Change> {
    let mut changes = Vec::new();
    walk(&mut Vec::new(), before, after, &mut changes);
    changes
}

/// Writes a path as people say it: `spec.template.spec.containers[backend].image`.
pub fn display_path(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Field(name) if name.contains(['.', '/']) => out.push_str(&format!("[{name}]")),
            Step::Field(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            Step::Item(keys) => {
                let texts: Vec<&str> = keys.iter().map(|(_, v)| v.trim_matches('"')).collect();
                out.push_str(&format!("[{}]", texts.join("/")));
            }
            Step::Member(text) => out.push_str(&format!("[{}]", text.trim_matches('"'))),
            Step::Index(at) => out.push_str(&format!("[{at}]")),
        }
    }
    out
}

/// Follows a path in another tree, matching items of lists by their keys.
pub fn find<'n>(root: &'n Node, path: &[Step]) -> Option<&'n Node> {
    path.iter().try_fold(root, |node, step| match step {
        Step::Field(name) => node.get(name),
        Step::Index(at) => node.as_seq()?.get(*at),
        Step::Member(text) => node.as_seq()?.iter().find(|item| json(item) == *text),
        Step::Item(keys) => node.as_seq()?.iter().find(|item| {
            // What the server fills in (a protocol) need not be in the other tree.
            keys.iter()
                .all(|(key, text)| item.get(key).is_none_or(|value| json(value) == *text))
                && item.get(&keys[0].0).is_some()
        }),
    })
}

/// What tells the items of a list apart: their keys where they have some, else their places.
pub fn item_steps(items: &[Node]) -> Vec<Step> {
    match item_key(items, items) {
        Some(key) => items
            .iter()
            .filter_map(|item| item_step(item, key))
            .collect(),
        None => (0..items.len()).map(Step::Index).collect(),
    }
}

fn walk(path: &mut Vec<Step>, before: &Node, after: &Node, changes: &mut Vec<Change>) {
    match (&before.value, &after.value) {
        (Value::Map(_), Value::Map(_)) => walk_maps(path, before, after, changes),
        (Value::Seq(a), Value::Seq(b)) => match item_key(a, b) {
            Some(key) => walk_items(path, (a, b), key, changes),
            None if a.len() == b.len() && is_of_maps(a) && is_of_maps(b) => {
                for (at, (a, b)) in a.iter().zip(b.iter()).enumerate() {
                    path.push(Step::Index(at));
                    walk(path, a, b, changes);
                    path.pop();
                }
            }
            None => leaf(path, before, after, changes),
        },
        _ => leaf(path, before, after, changes),
    }
}

fn walk_maps(path: &mut Vec<Step>, before: &Node, after: &Node, changes: &mut Vec<Change>) {
    let keys = |node: &Node| -> Vec<String> {
        node.as_map()
            .map(|map| map.keys().map(str::to_owned).collect())
            .unwrap_or_default()
    };
    for key in keys(after) {
        path.push(Step::Field(key.clone()));
        match (before.get(&key), after.get(&key)) {
            (Some(a), Some(b)) => walk(path, a, b, changes),
            (None, Some(b)) => push(path, None, Some(b), changes),
            _ => {}
        }
        path.pop();
    }
    for key in keys(before) {
        if after.get(&key).is_none() {
            path.push(Step::Field(key.clone()));
            push(path, before.get(&key), None, changes);
            path.pop();
        }
    }
}

type ItemKey = (&'static str, Option<&'static str>);

fn walk_items(
    path: &mut Vec<Step>,
    (before, after): (&[Node], &[Node]),
    key: ItemKey,
    changes: &mut Vec<Change>,
) {
    let by_step = |items: &'_ [Node], step: &Step| {
        items
            .iter()
            .position(|item| item_step(item, key).as_ref() == Some(step))
    };
    for item in after {
        let Some(step) = item_step(item, key) else {
            continue;
        };
        let old = by_step(before, &step).map(|at| &before[at]);
        path.push(step);
        match old {
            Some(old) => walk(path, old, item, changes),
            None => push(path, None, Some(item), changes),
        }
        path.pop();
    }
    for item in before {
        let Some(step) = item_step(item, key) else {
            continue;
        };
        if by_step(after, &step).is_none() {
            path.push(step);
            push(path, Some(item), None, changes);
            path.pop();
        }
    }
}

/// Returns the key by which all items of both lists can be told apart.
fn item_key(a: &[Node], b: &[Node]) -> Option<ItemKey> {
    if !is_of_maps(a) || !is_of_maps(b) || a.is_empty() && b.is_empty() {
        return None;
    }
    ITEM_KEYS
        .into_iter()
        .find(|key| is_unique(a, *key) && is_unique(b, *key))
}

fn is_unique(items: &[Node], key: ItemKey) -> bool {
    let mut seen = HashSet::new();
    items
        .iter()
        .all(|item| item_step(item, key).is_some_and(|step| seen.insert(step)))
}

fn item_step(item: &Node, (key, second): ItemKey) -> Option<Step> {
    let value = item.get(key)?;
    value.as_scalar()?;
    let mut keys = vec![(key.to_owned(), json(value))];
    if let Some(second) = second
        && let Some(value) = item.get(second)
    {
        keys.push((second.to_owned(), json(value)));
    }
    Some(Step::Item(keys))
}

fn is_of_maps(items: &[Node]) -> bool {
    items.iter().all(|item| item.as_map().is_some())
}

fn json(node: &Node) -> String {
    to_json(node).to_string()
}

fn leaf(path: &[Step], before: &Node, after: &Node, changes: &mut Vec<Change>) {
    if !before.same_value(after) {
        push(path, Some(before), Some(after), changes);
    }
}

/// Records a change. What the server may write or leave out (null, an empty mapping or list) is none.
fn push(path: &[Step], before: Option<&Node>, after: Option<&Node>, changes: &mut Vec<Change>) {
    let is_nothing = |node: Option<&Node>| {
        node.is_none_or(|node| match &node.value {
            Value::Map(map) => map.is_empty(),
            Value::Seq(items) => items.is_empty(),
            Value::Scalar(_) => node.is_null(),
        })
    };
    if is_nothing(before) && is_nothing(after) {
        return;
    }
    changes.push(Change {
        path: path.to_vec(),
        before: before.cloned(),
        after: after.cloned(),
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::json::from_json;
    use crate::manifest::source::Span;

    #[track_caller]
    fn case(before: Value, after: Value, expected: &[&str]) {
        let node = |value: &Value| from_json(value, Span::NONE);
        let found: Vec<String> = compare(&node(&before), &node(&after))
            .iter()
            .map(|change| {
                let text = |node: &Option<Node>| node.as_ref().map_or("-".into(), super::json);
                format!(
                    "{}: {} -> {}",
                    display_path(&change.path),
                    text(&change.before),
                    text(&change.after)
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn items_are_matched_by_name() {
        case(
            json!({"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]}),
            json!({"containers": [{"name": "new", "image": "z"}, {"name": "a", "image": "x:2"}]}),
            &[
                r#"containers[new]: - -> {"name":"new","image":"z"}"#,
                r#"containers[a].image: "x:1" -> "x:2""#,
                r#"containers[b]: {"name":"b","image":"y"} -> -"#,
            ],
        );
    }

    #[test]
    fn ports_are_matched_by_number_and_protocol() {
        case(
            json!({"ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}),
            json!({"ports": [{"port": 53, "protocol": "UDP", "x": 1}, {"port": 53, "protocol": "TCP"}]}),
            &["ports[53/UDP].x: - -> 1"],
        );
    }

    #[test]
    fn lists_of_scalars_change_as_a_whole_and_order_of_keys_does_not_count() {
        case(
            json!({"args": ["a", "b"], "x": 1, "labels": {"app.io/name": "a"}}),
            json!({"x": 1, "args": ["a", "c"], "labels": {"app.io/name": "b"}}),
            &[
                r#"args: ["a","b"] -> ["a","c"]"#,
                r#"labels[app.io/name]: "a" -> "b""#,
            ],
        );
    }

    #[test]
    fn nothing_is_nothing() {
        case(json!({"a": {}}), json!({"b": null, "c": []}), &[]);
        case(json!({"a": 1}), json!({"a": 1.0}), &[]);
    }
}
