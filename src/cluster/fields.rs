//! Sets of fields as `metadata.managedFields` writes them (`FieldsV1` of structured-merge-diff 6).
//!
//! A set is a tree of path elements: `f:name` a field, `k:{"name":"x"}` an item of a list by its
//! keys, `v:"x"` a member of a set, `i:0` a position. `.` says that the element itself belongs to
//! the set, besides what is below it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One element of a path through an object, rich enough to find it in a field set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A field of a mapping.
    Field(String),
    /// An item of a list: the scalars it holds, by key, as JSON text (`"web"`, `80`).
    Item(Vec<(String, String)>),
    /// A member of a list of scalars, as JSON text.
    Member(String),
    /// A position in a list.
    Index(usize),
}

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    member: bool,
    children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// Reads a `fieldsV1`.
    pub fn from_json(fields: &Value) -> Self {
        let mut set = Self::default();
        let Some(entries) = fields.as_object() else {
            return set;
        };
        for (element, below) in entries {
            if element == "." {
                set.member = true;
                continue;
            }
            let mut child = Self::from_json(below);
            if below.as_object().is_none_or(Map::is_empty) {
                child.member = true;
            }
            set.children.insert(element.clone(), child);
        }
        set
    }

    /// Writes a `fieldsV1`.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        if self.member && !self.children.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (element, child) in &self.children {
            fields.insert(element.clone(), child.to_json());
        }
        Value::Object(fields)
    }

    /// Whether nothing belongs to the set.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(Self::is_empty)
    }

    /// Returns what belongs to either.
    pub fn union(mut self, other: &Self) -> Self {
        self.member |= other.member;
        for (element, child) in &other.children {
            let mine = self.children.remove(element).unwrap_or_default();
            self.children.insert(element.clone(), mine.union(child));
        }
        self
    }

    /// Returns what belongs to this one and not to the other.
    pub fn difference(&self, other: &Self) -> Self {
        let children = self.children.iter().map(|(element, child)| {
            let rest = match other.children.get(element) {
                Some(theirs) => child.difference(theirs),
                None => child.clone(),
            };
            (element.clone(), rest)
        });
        Self {
            member: self.member && !other.member,
            children: children.filter(|(_, child)| !child.is_empty()).collect(),
        }
    }

    /// Whether the field belongs to the set: itself, something below it, or, where a list or a
    /// mapping is owned as a whole, what it is a part of.
    pub fn covers(&self, path: &[Step]) -> bool {
        let Some((step, rest)) = path.split_first() else {
            return !self.is_empty();
        };
        match self.child(step) {
            Some(child) => child.covers(rest),
            None => self.member && self.children.is_empty(),
        }
    }

    /// Returns the set without a field and what is below it.
    pub fn without(mut self, path: &[&str]) -> Self {
        let Some((key, rest)) = path.split_first() else {
            return Self::default();
        };
        let element = format!("f:{key}");
        if let Some(child) = self.children.remove(&element) {
            let rest = child.without(rest);
            if !rest.is_empty() {
                self.children.insert(element, rest);
            }
        }
        self
    }

    /// Whether the field itself, or something below it, belongs to the set.
    pub fn has(&self, path: &[&str]) -> bool {
        let found = path
            .iter()
            .try_fold(self, |set, key| set.children.get(&format!("f:{key}")));
        found.is_some_and(|set| !set.is_empty())
    }

    /// Removes the fields of this set from an object. What also holds something of `kept` stays:
    /// a set has a mapping itself besides its fields, and others may have put fields there too.
    pub fn remove_from(&self, object: &mut Value, kept: &Self) {
        let nothing = Self::default();
        // From the end, so that positions stay what they are.
        for (element, child) in self.children.iter().rev() {
            let kept = kept.children.get(element).unwrap_or(&nothing);
            if child.member && kept.is_empty() {
                remove(object, element);
            } else if let Some(found) = find(object, element) {
                child.remove_from(found, kept);
            }
        }
    }

    /// Returns the part of this set that an object does not have.
    pub fn missing_in(&self, object: &Value) -> Self {
        let mut missing = Self::default();
        for (element, child) in &self.children {
            let below = match lookup(object, element) {
                Some(found) => child.missing_in(found),
                None => child.clone(),
            };
            if !below.is_empty() {
                missing.children.insert(element.clone(), below);
            }
        }
        missing
    }

    fn child(&self, step: &Step) -> Option<&Self> {
        match step {
            Step::Field(name) => self.children.get(&format!("f:{name}")),
            Step::Index(at) => self.children.get(&format!("i:{at}")),
            Step::Member(text) => self.children.get(&format!("v:{text}")),
            Step::Item(fields) => self
                .children
                .iter()
                .find(|(element, _)| {
                    keys_of(element).is_some_and(|keys| {
                        keys.iter().all(|(key, value)| {
                            // The server writes defaulted keys (protocol TCP) that a step may lack.
                            fields
                                .iter()
                                .find(|(name, _)| name == key)
                                .is_none_or(|(_, text)| is_json(text, value))
                        })
                    })
                })
                .map(|(_, child)| child),
        }
    }
}

/// Whether a text is the JSON of a value.
fn is_json(text: &str, value: &Value) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|read| read == *value)
}

fn keys_of(element: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(element.strip_prefix("k:")?).ok()
}

/// As [`find`], in an object as it is written: keys that the server fills in may be missing.
fn lookup<'a>(object: &'a Value, element: &str) -> Option<&'a Value> {
    match element.split_once(':')? {
        ("f", name) => object.get(name),
        ("k", _) => {
            let keys = keys_of(element)?;
            object.as_array()?.iter().find(|item| {
                let given =
                    |(key, value): (&String, &Value)| item.get(key).map(|given| given == value);
                keys.iter().all(|key| given(key) != Some(false))
                    && keys.iter().any(|key| given(key).is_some())
            })
        }
        _ => object.get(position(object, element)?),
    }
}

fn find<'a>(object: &'a mut Value, element: &str) -> Option<&'a mut Value> {
    let (kind, text) = element.split_once(':')?;
    if kind == "f" {
        return object.get_mut(text);
    }
    let at = position(object, element)?;
    object.get_mut(at)
}

fn remove(object: &mut Value, element: &str) {
    match object {
        Value::Object(fields) => {
            if let Some(name) = element.strip_prefix("f:") {
                fields.shift_remove(name);
            }
        }
        Value::Array(_) => {
            if let Some(at) = position(object, element)
                && let Value::Array(items) = object
            {
                items.remove(at);
            }
        }
        _ => {}
    }
}

/// The position of a list element.
fn position(list: &Value, element: &str) -> Option<usize> {
    let items = list.as_array()?;
    let (kind, text) = element.split_once(':')?;
    match kind {
        "i" => text.parse().ok().filter(|at| *at < items.len()),
        "v" => {
            let wanted: Value = serde_json::from_str(text).ok()?;
            items.iter().position(|item| *item == wanted)
        }
        "k" => {
            let keys = keys_of(element)?;
            let is_it = |item: &Value| keys.iter().all(|(key, value)| item.get(key) == Some(value));
            items.iter().position(is_it)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(fields: Value) -> FieldSet {
        FieldSet::from_json(&fields)
    }

    #[test]
    fn json_there_and_back() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
        });
        assert_eq!(set(fields.clone()).to_json(), fields);
    }

    #[test]
    fn union_and_difference() {
        let a = set(json!({"f:spec": {"f:a": {}, "f:b": {"f:x": {}}}}));
        let b = set(json!({"f:spec": {"f:b": {}, "f:c": {}}}));
        let both = a.clone().union(&b);
        assert_eq!(
            both.to_json(),
            json!({"f:spec": {"f:a": {}, "f:b": {".": {}, "f:x": {}}, "f:c": {}}})
        );
        assert_eq!(both.difference(&b), a);
        assert!(a.difference(&both).is_empty());
    }

    #[test]
    fn a_field_is_found_by_its_item_and_through_what_is_owned_whole() {
        let owned = set(json!({"f:spec": {
            "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}}},
            "f:args": {},
        }}));
        let container = |name: &str, field: &str| {
            vec![
                Step::Field("spec".into()),
                Step::Field("containers".into()),
                Step::Item(vec![("name".into(), format!("\"{name}\""))]),
                Step::Field(field.into()),
            ]
        };
        assert!(owned.covers(&container("web", "image")));
        assert!(!owned.covers(&container("web", "command")));
        assert!(!owned.covers(&container("other", "image")));
        let argument = [
            Step::Field("spec".into()),
            Step::Field("args".into()),
            Step::Index(1),
        ];
        assert!(owned.covers(&argument));
        assert!(owned.has(&["spec", "args"]));
        assert!(
            !owned
                .clone()
                .without(&["spec", "args"])
                .has(&["spec", "args"])
        );
    }

    #[test]
    fn fields_are_removed_with_the_items_that_were_only_ours() {
        let mut object = json!({"spec": {
            "replicas": 3,
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "finalizers": ["x", "y"],
            "labels": {"a": "1", "b": "2"},
            "selector": {"app": "web"},
        }});
        let gone = set(json!({"f:spec": {
            "f:replicas": {},
            "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}},
            "f:finalizers": {"v:\"x\"": {}},
            "f:labels": {"f:a": {}},
            "f:selector": {".": {}},
        }}));
        let kept = set(json!({"f:spec": {"f:selector": {"f:app": {}}}}));
        gone.remove_from(&mut object, &kept);
        assert_eq!(
            object,
            json!({"spec": {
                "env": [{"name": "B", "value": "2"}],
                "finalizers": ["y"],
                "labels": {"b": "2"},
                "selector": {"app": "web"},
            }})
        );
    }
}
