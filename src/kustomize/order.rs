//! The order of the output: as loaded, or by kind ("legacy", the default of `kustomize build`).

use std::cmp::Reverse;

use super::resource::Resource;
use crate::manifest::Gvk;

/// Kinds that go first, in this order.
pub(crate) const ORDER_FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that go last, in this order.
pub(crate) const ORDER_LAST: &[&str] = &[
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The place of a kind in the default order; 0 for all that have none of their own.
pub(crate) fn kind_rank(kind: &str) -> i64 {
    rank(kind, ORDER_FIRST, ORDER_LAST)
}

/// Group, version and kind as the text that kustomize sorts by.
pub(crate) fn gvk_key(gvk: &Gvk) -> String {
    let or = |text: &str, none: &str| {
        if text.is_empty() {
            none.to_owned()
        } else {
            text.to_owned()
        }
    };
    format!(
        "{}_{}_{}",
        or(&gvk.group, "~G"),
        or(&gvk.version, "~V"),
        or(&gvk.kind, "~K")
    )
}

/// Sorts by kind; `first` and `last` are the lists of `legacySortOptions`.
pub(crate) fn sort_legacy<S: AsRef<str>>(resources: &mut [Resource], first: &[S], last: &[S]) {
    resources.sort_by_cached_key(|resource| {
        let gvk = &resource.gvk;
        let or = |text: &str, none: &str| {
            if text.is_empty() {
                none.to_owned()
            } else {
                text.to_owned()
            }
        };
        // Among Namespaces the one of the core group comes first although `~` sorts last.
        let own_group = gvk.kind == "Namespace" && !gvk.group.is_empty();
        let id = format!(
            "{}|{}",
            or(&resource.namespace, "~X"),
            or(&resource.name, "~N")
        );
        // Its versions, of which there is one, are sorted backwards for that.
        let is_core = gvk.kind == "Namespace" && !own_group;
        let core_version = Reverse(if is_core {
            or(&gvk.version, "~V")
        } else {
            String::new()
        });
        (
            rank(&gvk.kind, first, last),
            own_group,
            core_version,
            gvk_key(gvk),
            id,
        )
    });
}

fn rank<S: AsRef<str>>(kind: &str, first: &[S], last: &[S]) -> i64 {
    let place = |list: &[S]| {
        let at = list.iter().rposition(|name| name.as_ref() == kind)?;
        i64::try_from(at).ok()
    };
    let length = i64::try_from(first.len()).unwrap_or(i64::MAX);
    match (place(last), place(first)) {
        (Some(at), _) => at + 1,
        (None, Some(at)) => at - length,
        (None, None) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Span;
    use crate::manifest::json::from_json;
    use crate::merge::merge_keys::MergeSchema;

    #[test]
    fn kinds_have_places_and_the_rest_goes_by_group_and_name() {
        let make = |version: &str, kind: &str, name: &str| {
            let json = serde_json::json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
            Resource::new(from_json(&json, Span::NONE), MergeSchema::builtin())
        };
        let mut resources = vec![
            make(
                "admissionregistration.k8s.io/v1",
                "ValidatingWebhookConfiguration",
                "w",
            ),
            make("v1", "Pod", "p"),
            make("batch/v1", "Job", "j"),
            make("apps/v1", "Deployment", "b"),
            make("apps/v1", "Deployment", "a"),
            make("v1", "Namespace", "n"),
        ];
        sort_legacy(&mut resources, ORDER_FIRST, ORDER_LAST);
        let names: Vec<&str> = resources.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["n", "a", "b", "j", "p", "w"]);
    }
}
