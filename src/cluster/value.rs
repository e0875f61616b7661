//! Reading objects that came over the wire.

use serde_json::Value;

/// Reads fields of a JSON object, with defaults where a field is missing.
pub trait Read {
    /// Follows keys.
    fn at(&self, path: &[&str]) -> Option<&Value>;
    /// A string; empty where there is none.
    fn text(&self, path: &[&str]) -> &str;
    /// An integer; 0 where there is none.
    fn int(&self, path: &[&str]) -> i64;
    /// A boolean; `false` where there is none.
    fn flag(&self, path: &[&str]) -> bool;
    /// A list; empty where there is none.
    fn items(&self, path: &[&str]) -> &[Value];
    /// `metadata.name`.
    fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }
    /// `metadata.namespace`.
    fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }
    /// `kind`.
    fn kind(&self) -> &str {
        self.text(&["kind"])
    }
    /// API group; empty for core.
    fn group(&self) -> &str {
        self.text(&["apiVersion"])
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
    /// The value of a label; empty where there is none.
    fn label(&self, key: &str) -> &str {
        self.text(&["metadata", "labels", key])
    }
    /// The value of an annotation; empty where there is none.
    fn annotation(&self, key: &str) -> &str {
        self.text(&["metadata", "annotations", key])
    }
    /// A condition of `status.conditions`.
    fn condition(&self, kind: &str) -> Option<&Value> {
        self.items(&["status", "conditions"])
            .iter()
            .find(|condition| condition.text(&["type"]) == kind)
    }
    /// The UID of the controller that owns it; empty where there is none.
    fn controller_uid(&self) -> &str {
        self.items(&["metadata", "ownerReferences"])
            .iter()
            .find(|owner| owner.flag(&["controller"]))
            .map_or("", |owner| owner.text(&["uid"]))
    }
    /// As people say it: `Deployment shop/backend`.
    fn describe(&self) -> String {
        match self.namespace() {
            "" => format!("{} {}", self.kind(), self.name()),
            namespace => format!("{} {namespace}/{}", self.kind(), self.name()),
        }
    }
}

impl Read for Value {
    fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    fn text(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    fn int(&self, path: &[&str]) -> i64 {
        self.at(path).and_then(Value::as_i64).unwrap_or_default()
    }

    fn flag(&self, path: &[&str]) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or_default()
    }

    fn items(&self, path: &[&str]) -> &[Value] {
        self.at(path)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}
