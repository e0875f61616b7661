//! What left the input and is to be deleted, and what is spared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::record::Record;
use crate::cluster::value::Read;
use crate::cluster::{Kinds, Resource};
use crate::diff::Release;
use crate::manifest::node::Node;
use crate::manifest::object::{Object, ObjectId};
use crate::manifest::{ReadOptions, Sources, read};

/// An object that a former revision had and this one has not.
#[derive(Clone, Debug)]
pub struct Left {
    /// Which.
    pub id: ObjectId,
    /// How its kind is served.
    pub resource: Resource,
    /// What is there now.
    pub live: Option<Value>,
}

/// Returns what the revisions had and `wanted` has not, each once. Objects of kinds that the
/// cluster does not serve any more cannot be there.
pub fn candidates(
    revisions: &[Record],
    wanted: &BTreeSet<ObjectId>,
    release: &Release,
    kinds: &Kinds,
) -> Vec<Left> {
    let mut left = BTreeMap::new();
    for object in revisions
        .iter()
        .flat_map(|record| objects(record.manifest()))
    {
        let served = kinds
            .get(&object.gvk())
            .or_else(|| kinds.preferred(object.group(), object.kind()));
        let Some(resource) = served else {
            continue;
        };
        let mut id = object.id();
        if !resource.namespaced {
            id.namespace = "".into();
        } else if id.namespace.is_empty() {
            id.namespace = release.namespace.as_str().into();
        }
        if !wanted.contains(&id) {
            left.insert(
                id.clone(),
                Left {
                    id,
                    resource: resource.clone(),
                    live: None,
                },
            );
        }
    }
    left.into_values().collect()
}

/// Returns why an object stays although it left the input; `None` when it is to be deleted.
pub fn spared(left: &Left, release: &Release, prune_protected: bool) -> Option<String> {
    let live = left.live.as_ref()?;
    if !release.owns(live) {
        return Some("it is not marked as part of this release".to_owned());
    }
    if live.annotation("helm.sh/resource-policy") == "keep" {
        return Some("helm.sh/resource-policy: keep".to_owned());
    }
    let protected = matches!(
        (left.id.group.as_str(), left.id.kind.as_str()),
        (
            "",
            "Namespace" | "PersistentVolumeClaim" | "PersistentVolume"
        ) | ("apiextensions.k8s.io", "CustomResourceDefinition")
    );
    (protected && !prune_protected).then(|| "deleted only with `--prune-protected`".to_owned())
}

/// Returns the objects of a stored manifest. What cannot be read is left out: it cannot be
/// named, and so is never deleted.
pub fn objects(manifest: &str) -> Vec<Object> {
    let sources = Sources::new();
    let file = sources.add("<record>", manifest);
    let documents = read::read_documents(&sources, file, &ReadOptions::kubectl());
    let mut objects = Vec::new();
    for document in documents.into_iter().flatten() {
        let items = document.root.get("items").and_then(Node::as_seq);
        match items {
            Some(items) => objects.extend(items.iter().cloned().filter_map(Object::from_node)),
            None => objects.extend(Object::from_node(document.root)),
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release() -> Release {
        Release {
            name: "shop".into(),
            namespace: "prod".into(),
        }
    }

    fn left(kind: &str, annotations: Value) -> Left {
        let mut live = json!({"kind": kind, "metadata": {"name": "x", "annotations": annotations}});
        release().mark(&mut live);
        Left {
            id: ObjectId {
                group: "".into(),
                kind: kind.into(),
                namespace: "prod".into(),
                name: "x".into(),
            },
            resource: Resource::namespaced("", "v1", kind, "x"),
            live: Some(live),
        }
    }

    #[test]
    fn data_and_what_says_so_is_spared() {
        let spared = |left: &Left, all| spared(left, &release(), all);
        assert_eq!(spared(&left("ConfigMap", json!({})), false), None);
        let claim = left("PersistentVolumeClaim", json!({}));
        assert!(spared(&claim, false).unwrap().contains("--prune-protected"));
        assert_eq!(spared(&claim, true), None);
        let kept = left("ConfigMap", json!({"helm.sh/resource-policy": "keep"}));
        assert!(spared(&kept, true).is_some());
        let mut foreign = left("ConfigMap", json!({}));
        foreign.live = Some(json!({"metadata": {"name": "x"}}));
        assert!(spared(&foreign, true).is_some());
        foreign.live = None;
        assert_eq!(spared(&foreign, true), None);
    }

    #[test]
    fn a_stored_manifest_is_read_as_kubectl_reads() {
        let manifest = "---\n# Source: web/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\n\
                        metadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n\
                        - {apiVersion: v1, kind: Secret, metadata: {name: b}}\n---\n";
        let names: Vec<String> = objects(manifest).iter().map(Object::describe).collect();
        assert_eq!(names, ["ConfigMap a", "Secret b"]);
    }
}
