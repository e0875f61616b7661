//! What is left out of every comparison: fields that the server keeps for itself.

use crate::manifest::node::Node;

/// Fields of `metadata` that the server writes.
const METADATA: [&str; 7] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
    "deletionGracePeriodSeconds",
];

/// Annotations and the label by which a release marks what it owns, and those of controllers.
const MARKS: [&str; 6] = [
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "control-plane.alpha.kubernetes.io/leader",
];

/// Returns the object without noise.
pub fn strip(object: &Node) -> Node {
    let mut object = object.clone();
    if let Some(root) = object.as_map_mut() {
        root.remove("status");
    }
    let Some(metadata) = object.get_mut("metadata").and_then(Node::as_map_mut) else {
        return object;
    };
    for field in METADATA {
        metadata.remove(field);
    }
    for field in ["annotations", "labels"] {
        let Some(marks) = metadata.get_mut(field).and_then(Node::as_map_mut) else {
            continue;
        };
        marks.retain(|entry| {
            let is_ours =
                entry.key == "app.kubernetes.io/managed-by" && entry.value.as_str() == Some("Helm");
            !is_ours && !MARKS.contains(&entry.key.as_str())
        });
        if marks.is_empty() {
            metadata.remove(field);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::json::{from_json, to_json};
    use crate::manifest::source::Span;

    #[test]
    fn what_the_server_writes_goes() {
        let object = json!({
            "metadata": {"name": "a", "uid": "x", "managedFields": [],
                "labels": {"app": "a", "app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "a"}},
            "spec": {"x": 1}, "status": {"y": 2},
        });
        assert_eq!(
            to_json(&strip(&from_json(&object, Span::NONE))),
            json!({"metadata": {"name": "a", "labels": {"app": "a"}}, "spec": {"x": 1}})
        );
    }
}
