//! StatefulSets and Jobs (`pkg/apis/apps/validation`, `pkg/apis/batch/validation`).

use super::change::{Change, FORBIDDEN, IMMUTABLE};
use super::pod::put;
use crate::manifest::{Map, Node};

/// The server's words until 1.36.
const STATEFUL: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', \
    'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
    'minReadySeconds' are forbidden";

/// What a StatefulSet keeps for ever.
const KEPT: [&str; 4] = [
    "selector",
    "volumeClaimTemplates",
    "serviceName",
    "podManagementPolicy",
];

/// `ValidateStatefulSetUpdate`.
pub(super) fn stateful_set(change: &mut Change<'_>) {
    for root in [&mut change.old, &mut change.new] {
        claim_templates(root);
    }
    if change.version.minor() >= 37 {
        for field in KEPT {
            change.immutable(&["spec", field]);
        }
        return;
    }
    let changes: Vec<String> = KEPT
        .iter()
        .flat_map(|field| change.changes(&["spec", field]))
        .collect();
    if !changes.is_empty() {
        change.report(
            IMMUTABLE,
            "spec",
            &changes,
            format!("Forbidden: {STATEFUL}"),
        );
    }
}

/// The server writes `apiVersion`, `kind` and a status into the claims, and does not compare them.
fn claim_templates(root: &mut Node) {
    let claims = root
        .at_mut(&["spec", "volumeClaimTemplates"])
        .and_then(Node::as_seq_mut);
    for claim in claims.into_iter().flatten() {
        for field in ["apiVersion", "kind"] {
            put(claim, field, None);
        }
        if claim
            .get("status")
            .is_none_or(|status| status.as_map().is_some_and(is_pending))
        {
            put(claim, "status", None);
        }
    }
}

fn is_pending(status: &Map) -> bool {
    let is_empty = |node: &Node| {
        node.is_null()
            || node.as_map().is_some_and(Map::is_empty)
            || node.as_seq().is_some_and(<[Node]>::is_empty)
    };
    status.iter().all(|entry| {
        entry.key == "phase" && entry.value.as_str() == Some("Pending") || is_empty(&entry.value)
    })
}

/// `ValidateJobUpdate`.
pub(super) fn job(change: &mut Change<'_>) {
    completions(change);
    change.immutable(&["spec", "selector"]);
    template(change);
    for field in [
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ] {
        change.immutable(&["spec", field]);
    }
}

/// Only an indexed Job can change its size, and only as a whole.
fn completions(change: &mut Change<'_>) {
    let path = ["spec", "completions"];
    if change.texts(&["spec", "completionMode"]).1 != "Indexed" {
        return change.immutable(&path);
    }
    let number = |name| change.after(&["spec", name]).and_then(Node::as_i64);
    let (completions, parallelism) = (number("completions"), number("parallelism"));
    if change.changes(&path).is_empty() || completions.is_none() {
        return;
    }
    if completions != parallelism {
        // The server means `spec.parallelism`.
        let reason = "can only be modified in tandem with spec.parallelism";
        change.invalid(FORBIDDEN, "spec.completions", reason);
    }
}

/// What the state of a suspended Job allows.
struct Freedom {
    suspended: bool,
    /// Where its pods may run.
    scheduling: bool,
    /// What its containers ask for.
    resources: bool,
}

impl Freedom {
    fn of(change: &Change<'_>) -> Self {
        let suspended = change.before(&["spec", "suspend"]).and_then(Node::as_bool) == Some(true);
        let not_started = change.before(&["status", "startTime"]).is_none();
        let conditions = change
            .before(&["status", "conditions"])
            .and_then(Node::as_seq);
        let is_suspended = conditions.unwrap_or_default().iter().any(|condition| {
            let text = |name| condition.get(name).and_then(Node::as_str);
            text("type") == Some("Suspended") && text("status") == Some("True")
        });
        let active = change
            .before(&["status", "active"])
            .and_then(Node::as_i64)
            .unwrap_or(0);
        let mutable = suspended && (not_started || is_suspended) && active == 0;
        // MutablePodResourcesForSuspendedJobs and MutableSchedulingDirectivesForSuspendedJobs
        // are on since 1.36.
        let gates = change.version.minor() >= 36;
        Self {
            suspended,
            scheduling: if gates {
                mutable
            } else {
                suspended && not_started
            },
            resources: gates && mutable,
        }
    }
}

fn template(change: &mut Change<'_>) {
    let path = ["spec", "template"];
    let freedom = Freedom::of(change);
    let new = change.after(&path).cloned();
    let mut old = change.before(&path).cloned();
    if let (Some(old), Some(new), true) = (&mut old, &new, freedom.scheduling) {
        scheduling(old, new);
    }
    if !(freedom.suspended && freedom.resources) {
        let changes = change.compare(&path, old.as_ref(), new.as_ref());
        if !changes.is_empty() {
            let words = "Invalid value: ...: field is immutable".to_owned();
            change.report(IMMUTABLE, "spec.template", &changes, words);
        }
        return;
    }
    let spec = |template: Option<Node>| template.and_then(|template| template.get("spec").cloned());
    let (mut old, new) = (spec(old), spec(new));
    if let (Some(old), Some(new)) = (&mut old, &new) {
        resources(old, new);
    }
    let path = ["spec", "template", "spec"];
    let changes = change.compare(&path, old.as_ref(), new.as_ref());
    if !changes.is_empty() {
        let words = "Invalid value: ...: field is immutable".to_owned();
        change.report(IMMUTABLE, "spec.template.spec", &changes, words);
    }
}

/// Gives the old template the scheduling of the new one.
fn scheduling(old: &mut Node, new: &Node) {
    let mut metadata = old
        .get("metadata")
        .cloned()
        .unwrap_or_else(|| Node::empty_map(old.span));
    for field in ["annotations", "labels"] {
        put(&mut metadata, field, new.at(&["metadata", field]));
    }
    put(old, "metadata", Some(&metadata));
    let (Some(old), Some(new)) = (old.get_mut("spec"), new.get("spec")) else {
        return;
    };
    for field in ["nodeSelector", "tolerations", "schedulingGates"] {
        put(old, field, new.get(field));
    }
    let mut affinity = old.get("affinity").cloned();
    match (&mut affinity, new.get("affinity")) {
        (Some(before), None) => {
            put(before, "nodeAffinity", None);
            if before.as_map().is_some_and(Map::is_empty) {
                affinity = None;
            }
        }
        (None, Some(after)) => {
            let mut only = Node::empty_map(after.span);
            put(&mut only, "nodeAffinity", after.get("nodeAffinity"));
            affinity = Some(only);
        }
        (Some(before), Some(after)) => put(before, "nodeAffinity", after.get("nodeAffinity")),
        (None, None) => {}
    }
    put(old, "affinity", affinity.as_ref());
}

/// Gives the old containers the resources of the new ones.
fn resources(old: &mut Node, new: &Node) {
    for list in ["containers", "initContainers"] {
        let new = new.get(list).and_then(Node::as_seq).unwrap_or_default();
        let old = old.get_mut(list).and_then(Node::as_seq_mut);
        let Some(old) = old.filter(|old| old.len() == new.len()) else {
            continue;
        };
        for (old, new) in old.iter_mut().zip(new) {
            if old.get("name") == new.get("name") {
                put(old, "resources", new.get("resources"));
            }
        }
    }
}
