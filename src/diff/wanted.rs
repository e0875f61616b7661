//! What is to be applied: the rendered objects with a namespace, our marks, and `stringData`
//! folded into `data`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::manifest::json::to_json;
use crate::manifest::node::Node;
use crate::manifest::object::{Object, ObjectId};
use crate::manifest::source::Span;

/// The label that Helm puts on what it manages.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The annotation that names the release.
pub const RELEASE_NAME: &str = "meta.helm.sh/release-name";
/// The annotation that names the namespace of the release.
pub const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// The release that objects belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// The namespace that holds its records.
    pub namespace: String,
}

/// One object on its way to the cluster.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// As rendered, with its namespace filled in.
    pub object: Object,
    /// What makes it the same object from one revision to the next.
    pub id: ObjectId,
    /// How its kind is served; `None` while its definition is still to be applied.
    pub resource: Option<Resource>,
    /// What goes to the server.
    pub applied: Value,
    /// What is there now.
    pub live: Option<Value>,
    /// The autoscaler that rules its replicas.
    pub autoscaler: Option<String>,
}

impl Release {
    /// Whether a live object carries the marks of this release.
    pub fn owns(&self, live: &Value) -> bool {
        live.label(MANAGED_BY) == "Helm"
            && live.annotation(RELEASE_NAME) == self.name
            && live.annotation(RELEASE_NAMESPACE) == self.namespace
    }

    /// Puts the marks of this release on an object.
    pub fn mark(&self, object: &mut Value) {
        let metadata = &mut object["metadata"];
        for (field, key, value) in [
            ("labels", MANAGED_BY, "Helm"),
            ("annotations", RELEASE_NAME, &self.name),
            ("annotations", RELEASE_NAMESPACE, &self.namespace),
        ] {
            if !metadata[field].is_object() {
                metadata[field] = Value::Object(Map::new());
            }
            metadata[field][key] = json!(value);
        }
    }
}

impl Wanted {
    /// Prepares an object. A namespaced one without a namespace gets the release's.
    ///
    /// # Errors
    /// Neither the cluster nor a definition among `definitions` (group and kind) has its kind.
    pub fn prepare(
        mut object: Object,
        cluster: &Cluster,
        release: &Release,
        definitions: &[Definition],
    ) -> Result<Self, ClusterError> {
        let (resource, namespaced) = match cluster.resource_of(&object) {
            Ok(resource) => {
                let namespaced = resource.namespaced;
                (Some(resource), namespaced)
            }
            Err(error) => match definitions.iter().find(|d| d.defines(&object)) {
                Some(definition) => (None, definition.namespaced),
                None => return Err(error),
            },
        };
        set_namespace(
            &mut object,
            namespaced.then_some(release.namespace.as_str()),
        );
        let mut applied = to_json(&object.root);
        fold_string_data(&mut applied);
        if let Some(fields) = applied.as_object_mut() {
            fields.shift_remove("status");
        }
        release.mark(&mut applied);
        Ok(Self {
            id: object.id(),
            object,
            resource,
            applied,
            live: None,
            autoscaler: None,
        })
    }

    /// Whether it is of this group and kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.object.is(group, kind)
    }
}

/// A kind that a CustomResourceDefinition of the same input brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    group: String,
    kind: String,
    namespaced: bool,
}

impl Definition {
    /// Reads a CustomResourceDefinition; `None` for any other object.
    pub fn of(object: &Object) -> Option<Self> {
        if !object.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            return None;
        }
        let text = |path: &[&str]| object.root.at(path).and_then(Node::as_str);
        Some(Self {
            group: text(&["spec", "group"])?.to_owned(),
            kind: text(&["spec", "names", "kind"])?.to_owned(),
            namespaced: text(&["spec", "scope"]) == Some("Namespaced"),
        })
    }

    fn defines(&self, object: &Object) -> bool {
        object.is(&self.group, &self.kind)
    }
}

/// Sets the namespace where a namespaced object has none; removes it from a cluster-wide one.
fn set_namespace(object: &mut Object, default: Option<&str>) {
    let has_one = !object.namespace().is_empty();
    let Some(metadata) = object.root.get_mut("metadata").and_then(Node::as_map_mut) else {
        return;
    };
    match default {
        Some(namespace) if !has_one => {
            metadata.insert("namespace", Span::NONE, Node::string(namespace, Span::NONE));
        }
        Some(_) => {}
        None => {
            metadata.remove("namespace");
        }
    }
}

/// Under server-side apply a key that left `stringData` would stay in `data` for ever (tried on
/// 1.37), so the server's own folding is done before.
fn fold_string_data(object: &mut Value) {
    if object.kind() != "Secret" || !object.group().is_empty() {
        return;
    }
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let Some(Value::Object(texts)) = fields.shift_remove("stringData") else {
        return;
    };
    let data = fields
        .entry("data")
        .or_insert_with(|| Value::Object(Map::new()));
    for (key, value) in texts {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        data[key] = json!(STANDARD.encode(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::json::from_json;

    #[test]
    fn string_data_becomes_data_and_wins() {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret",
            "data": {"a": "eA==", "b": "eQ=="}, "stringData": {"a": "new"}});
        fold_string_data(&mut secret);
        assert_eq!(secret["data"], json!({"a": "bmV3", "b": "eQ=="}));
        assert!(secret.get("stringData").is_none());
    }

    #[test]
    fn marks_are_those_of_helm() {
        let release = Release {
            name: "shop".into(),
            namespace: "prod".into(),
        };
        let mut object = json!({"metadata": {"name": "a", "labels": {"app": "a"}}});
        assert!(!release.owns(&object));
        release.mark(&mut object);
        assert!(release.owns(&object));
        assert_eq!(object["metadata"]["labels"]["app"], "a");
        let other = Release {
            name: "blog".into(),
            ..release
        };
        assert!(!other.owns(&object));
    }

    #[test]
    fn namespaces_go_where_they_belong() {
        let object = |value: Value| Object::from_node(from_json(&value, Span::NONE)).unwrap();
        let mut map =
            object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
        set_namespace(&mut map, Some("prod"));
        assert_eq!(map.namespace(), "prod");
        set_namespace(&mut map, Some("other"));
        assert_eq!(map.namespace(), "prod");
        set_namespace(&mut map, None);
        assert_eq!(map.namespace(), "");
    }
}
