//! What an apply would make of a live object, as far as that can be told without the server: for
//! the changes that the server refuses to predict, because they are not possible.

use serde_json::Value;

use crate::cluster::managers;
use crate::manifest::{Node, Span};

/// Fields that name an item of a list.
const ITEM_KEYS: [&str; 8] = [
    "name",
    "containerPort",
    "port",
    "mountPath",
    "devicePath",
    "key",
    "ip",
    "uid",
];

/// Merges what is applied into the live object. What we own and do not apply any more goes.
pub fn merged(live: &Value, applied: &Value) -> Value {
    let mut object = live.clone();
    let gone = managers::ours(live).missing_in(applied);
    gone.remove_from(&mut object, &managers::theirs(managers::entries(live)));
    merge(&mut object, applied);
    object
}

fn merge(live: &mut Value, applied: &Value) {
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) => {
            for (key, value) in applied {
                match live.get_mut(key) {
                    Some(old) => merge(old, value),
                    None => {
                        live.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(live), Value::Array(applied)) => match item_key(live, applied) {
            Some(key) => merge_items(live, applied, key),
            None => live.clone_from(applied),
        },
        (live, applied) => live.clone_from(applied),
    }
}

fn merge_items(live: &mut Vec<Value>, applied: &[Value], key: &str) {
    for item in applied {
        match live.iter_mut().find(|old| old.get(key) == item.get(key)) {
            Some(old) => merge(old, item),
            None => live.push(item.clone()),
        }
    }
}

/// The field by which the items of both lists can be told apart.
fn item_key(live: &[Value], applied: &[Value]) -> Option<&'static str> {
    let unique = |items: &[Value], key: &str| {
        let values: Vec<_> = items.iter().map(|item| item.get(key)).collect();
        values
            .iter()
            .enumerate()
            .all(|(at, value)| value.is_some() && !values[..at].contains(value))
    };
    ITEM_KEYS
        .into_iter()
        .find(|key| !applied.is_empty() && unique(live, key) && unique(applied, key))
}

/// Gives the values of an object the places of the same values in the input.
pub fn place(object: &mut Node, input: &Node) {
    if object.as_map().is_some() {
        let Some(map) = object.as_map_mut() else {
            return;
        };
        for entry in map.iter_mut() {
            let Some(written) = input.as_map().and_then(|input| input.entry(&entry.key)) else {
                continue;
            };
            entry.key_span = written.key_span;
            place(&mut entry.value, &written.value);
        }
    } else if let Some(items) = object.as_seq_mut() {
        let written = input.as_seq().unwrap_or_default();
        for (index, item) in items.iter_mut().enumerate() {
            let same = |other: &&Node| {
                ITEM_KEYS.iter().any(|key| {
                    let (a, b) = (item.get(key), other.get(key));
                    a.is_some() && a == b
                })
            };
            if let Some(written) = written.iter().find(same).or_else(|| written.get(index)) {
                place(item, written);
            }
        }
    }
    if object.span == Span::NONE {
        object.span = input.span;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_applied_wins_and_what_others_hold_stays() {
        let live = json!({
            "metadata": {"managedFields": [
                {"manager": "helm", "operation": "Apply", "fieldsV1": {"f:spec": {
                    "f:selector": {"f:old": {}},
                    "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
                                "k:{\"port\":81,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}}},
                {"manager": "other", "operation": "Update", "fieldsV1": {"f:spec": {"f:x": {}}}},
            ]},
            "spec": {"selector": {"old": "a"}, "x": 1, "ports": [
                {"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 81, "protocol": "TCP"}]},
        });
        let applied = json!({"spec": {"selector": {"new": "b"}, "ports": [{"port": 80}]}});
        assert_eq!(
            merged(&live, &applied)["spec"],
            json!({"selector": {"new": "b"}, "x": 1,
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]})
        );
    }
}
