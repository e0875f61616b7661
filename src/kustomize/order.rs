//! The order of the output: as loaded, or by kind ("legacy", the default of `kustomize build`).

use std::cmp::Ordering;

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
    gvk_parts(gvk).concat()
}

fn gvk_parts(gvk: &Gvk) -> [&str; 5] {
    [
        or(&gvk.group, "~G"),
        "_",
        or(&gvk.version, "~V"),
        "_",
        or(&gvk.kind, "~K"),
    ]
}

fn id_parts(resource: &Resource) -> [&str; 3] {
    [or(&resource.namespace, "~X"), "|", or(&resource.name, "~N")]
}

fn or<'t>(text: &'t str, none: &'t str) -> &'t str {
    if text.is_empty() { none } else { text }
}

/// Compares two resources of one rank as kustomize does: by the texts `group_version_kind`, then
/// `namespace|name`.
fn compare_texts(a: &Resource, b: &Resource) -> Ordering {
    fn bytes_of<'t>(parts: &'t [&str]) -> impl Iterator<Item = u8> + 't {
        parts.iter().flat_map(|part| part.bytes())
    }
    fn compare(a: &[&str], b: &[&str]) -> Ordering {
        // Where parts are equal the next ones stand at the same place of the whole texts.
        let mut pairs = a.iter().zip(b);
        let Some(at) = pairs.position(|(a, b)| a != b) else {
            return Ordering::Equal;
        };
        bytes_of(&a[at..]).cmp(bytes_of(&b[at..]))
    }
    let is_core_namespace = |gvk: &Gvk| gvk.kind == "Namespace" && gvk.group.is_empty();
    let by_kind = compare(&gvk_parts(&a.gvk), &gvk_parts(&b.gvk));
    let by_kind = if is_core_namespace(&a.gvk) && is_core_namespace(&b.gvk) {
        // Whatever is compared with a Namespace of the core group is compared backwards.
        by_kind.reverse()
    } else {
        by_kind
    };
    by_kind.then_with(|| compare(&id_parts(a), &id_parts(b)))
}

/// Sorts by kind; `first` and `last` are the lists of `legacySortOptions`.
///
/// Resources are large and many: no keys are kept for them, and each moves once, at the end.
pub(crate) fn sort_legacy<S: AsRef<str>>(resources: &mut [Resource], first: &[S], last: &[S]) {
    let rank_of = |resource: &Resource| {
        let gvk = &resource.gvk;
        // Among Namespaces the one of the core group comes first although `~` sorts last.
        let own_group = gvk.kind == "Namespace" && !gvk.group.is_empty();
        (rank(&gvk.kind, first, last), own_group)
    };
    let mut order: Vec<_> = resources.iter().map(rank_of).zip(0_usize..).collect();
    order.sort_unstable_by(|(rank_a, a), (rank_b, b)| {
        let by_text = || compare_texts(&resources[*a], &resources[*b]);
        rank_a.cmp(rank_b).then_with(by_text).then(a.cmp(b))
    });
    let mut places = vec![0; order.len()];
    for (place, (_, from)) in order.into_iter().enumerate() {
        places[from] = place;
    }
    for at in 0..places.len() {
        while places[at] != at {
            let to = places[at];
            resources.swap(at, to);
            places.swap(at, to);
        }
    }
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
