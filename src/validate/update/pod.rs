//! Pods: nearly nothing of a running one can change (`ValidatePodUpdate`).

use super::change::{Change, FORBIDDEN, IMMUTABLE};
use super::same::same;
use crate::manifest::{Map, Node};
use crate::schema::Type;

/// The server's list of what can change.
const MAY_CHANGE: &str = "pod updates may not change fields other than \
    `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Checks a Pod.
pub(super) fn check(change: &mut Change<'_>) {
    annotations(change);
    for list in ["containers", "initContainers"] {
        let path = ["spec", list];
        let count = |node: Option<&Node>| node.and_then(Node::as_seq).map_or(0, <[Node]>::len);
        if count(change.before(&path)) != count(change.after(&path)) {
            let words = "Forbidden: pod updates may not add or remove containers".to_owned();
            let field = path.join(".");
            return change.report(IMMUTABLE, &field, std::slice::from_ref(&field), words);
        }
    }
    if !deadline(change) {
        return;
    }
    tolerations(change);
    gates(change);
    let (Some(old), Some(mut new)) = (
        change.old.get("spec").cloned(),
        change.new.get("spec").cloned(),
    ) else {
        return;
    };
    images(&mut new, &old);
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        put(&mut new, field, old.get(field));
    }
    let grace = |spec: &Node| {
        spec.get("terminationGracePeriodSeconds")
            .and_then(Node::as_i64)
    };
    if grace(&old).is_some_and(|seconds| seconds < 0) && grace(&new) == Some(1) {
        put(
            &mut new,
            "terminationGracePeriodSeconds",
            old.get("terminationGracePeriodSeconds"),
        );
    }
    let gated = old
        .get("schedulingGates")
        .and_then(Node::as_seq)
        .is_some_and(|g| !g.is_empty());
    if gated {
        node_selector(change, &old, &mut new);
        node_affinity(change, &old, &mut new);
    }
    let changes = change.compare(&["spec"], Some(&old), Some(&new));
    if !changes.is_empty() {
        change.report(
            IMMUTABLE,
            "spec",
            &changes,
            format!("Forbidden: {MAY_CHANGE}"),
        );
    }
}

/// Sets a field to the value of another object, or removes it.
pub(super) fn put(node: &mut Node, field: &'static str, value: Option<&Node>) {
    let Some(map) = node.as_map_mut() else {
        return;
    };
    match value {
        Some(value) => map.set(field, value.clone()),
        None => map.remove(field),
    };
}

/// Gives the containers of `new` the images of `old`: these can change.
fn images(new: &mut Node, old: &Node) {
    for list in ["containers", "initContainers"] {
        let old = old.get(list).and_then(Node::as_seq).unwrap_or_default();
        let new = new
            .get_mut(list)
            .and_then(Node::as_seq_mut)
            .into_iter()
            .flatten();
        for (new, old) in new.zip(old) {
            put(new, "image", old.get("image"));
        }
    }
}

fn annotations(change: &mut Change<'_>) {
    let path = ["metadata", "annotations"];
    let map = |node: Option<&Node>| node.and_then(Node::as_map).cloned().unwrap_or_default();
    let (old, new): (Map, Map) = (map(change.before(&path)), map(change.after(&path)));
    let keys = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(key)));
    for key in keys {
        let what = match key {
            MIRROR => "mirror pod annotation",
            _ if key.starts_with(APP_ARMOR) => "AppArmor annotations",
            _ => continue,
        };
        let verb = match (old.get(key), new.get(key)) {
            (Some(old), Some(new)) if old == new => continue,
            (None, _) => "add",
            _ => "remove or update",
        };
        let words = format!("Forbidden: may not {verb} {what}");
        let field = format!("metadata.annotations[{key}]");
        change.report(IMMUTABLE, &field, std::slice::from_ref(&field), words);
    }
}

/// A deadline can be set, and come nearer. Returns whether the server goes on.
fn deadline(change: &mut Change<'_>) -> bool {
    let path = ["spec", "activeDeadlineSeconds"];
    let seconds = |node: Option<&Node>| node.and_then(Node::as_i64);
    let (old, new) = (seconds(change.before(&path)), seconds(change.after(&path)));
    let reason = match (old, new) {
        (_, Some(new)) if !(0..=i64::from(i32::MAX)).contains(&new) => return false,
        (Some(old), Some(new)) if old < new => "must be less than or equal to previous value",
        (Some(_), None) => "must not update from a positive integer to nil value",
        _ => return true,
    };
    change.invalid(FORBIDDEN, "spec.activeDeadlineSeconds", reason);
    new.is_none()
}

/// Tolerations can be added; of those that are there only the seconds can change.
fn tolerations(change: &mut Change<'_>) {
    let path = ["spec", "tolerations"];
    let without_seconds = |node: Option<&Node>| -> Vec<Node> {
        let mut items = node.and_then(Node::as_seq).unwrap_or_default().to_vec();
        for item in &mut items {
            put(item, "tolerationSeconds", None);
        }
        items
    };
    let (old, new) = (
        without_seconds(change.before(&path)),
        without_seconds(change.after(&path)),
    );
    let Some(ty) = item_type(change, &path) else {
        return;
    };
    // A plugin that is always on adds these two where nothing tolerates them
    // (`DefaultTolerationSeconds`).
    let text = |item: &Node, name: &str| {
        let text = item.get(name).and_then(Node::as_str);
        text.unwrap_or_default().to_owned()
    };
    let is_added = |item: &Node| {
        let key = text(item, "key");
        let tolerated = |other: &Node| {
            let other_key = text(other, "key");
            (other_key.is_empty() || other_key == key)
                && matches!(text(other, "effect").as_str(), "" | "NoExecute")
        };
        matches!(
            key.as_str(),
            "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable"
        ) && !new.iter().any(tolerated)
    };
    if !old
        .iter()
        .all(|old| is_added(old) || new.iter().any(|new| same(ty, Some(old), Some(new))))
    {
        let words =
            "Forbidden: existing toleration can not be modified except its tolerationSeconds";
        let field = path.join(".");
        change.report(
            FORBIDDEN,
            &field,
            std::slice::from_ref(&field),
            words.to_owned(),
        );
    }
}

/// Scheduling gates can only go.
fn gates(change: &mut Change<'_>) {
    let path = ["spec", "schedulingGates"];
    let names = |node: Option<&Node>| -> Vec<String> {
        let items = node.and_then(Node::as_seq).unwrap_or_default();
        let name = |item: &Node| item.get("name").and_then(Node::as_str).map(str::to_owned);
        items
            .iter()
            .map(|item| name(item).unwrap_or_default())
            .collect()
    };
    let (old, new) = (names(change.before(&path)), names(change.after(&path)));
    for (index, name) in new
        .iter()
        .enumerate()
        .filter(|(_, name)| !old.contains(name))
    {
        let words =
            format!("Forbidden: only deletion is allowed, but found new scheduling gate '{name}'");
        let field = format!("spec.schedulingGates[{index}].name");
        change.report(FORBIDDEN, &field, std::slice::from_ref(&field), words);
    }
}

/// While a Pod waits behind a gate, its node selector can be narrowed.
fn node_selector(change: &mut Change<'_>, old: &Node, new: &mut Node) {
    let before = old.get("nodeSelector").and_then(Node::as_map);
    let after = new.get("nodeSelector").and_then(Node::as_map);
    let kept = before.into_iter().flatten().all(|entry| {
        after
            .and_then(|after| after.get(&entry.key))
            .is_some_and(|value| *value == entry.value)
    });
    if !kept {
        let reason = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        change.invalid(FORBIDDEN, "spec.nodeSelector", reason);
    }
    put(new, "nodeSelector", old.get("nodeSelector"));
}

/// The same of its node affinity (`validateNodeAffinityMutation`).
fn node_affinity(change: &mut Change<'_>, old: &Node, new: &mut Node) {
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let terms = |spec: &Node| -> Vec<Node> {
        let terms = spec.at(&["affinity", "nodeAffinity", required, "nodeSelectorTerms"]);
        terms.and_then(Node::as_seq).unwrap_or_default().to_vec()
    };
    let (before, after) = (terms(old), terms(new));
    let path = format!("spec.affinity.nodeAffinity.{required}.nodeSelectorTerms");
    if !before.is_empty() && before.len() != after.len() {
        let reason = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        change.invalid(FORBIDDEN, &path, reason);
    } else {
        for (index, (old, new)) in before.iter().zip(&after).enumerate() {
            if !only_additions(old, new) {
                let reason = "only additions are allowed (no mutations or deletions)";
                change.invalid(FORBIDDEN, &format!("{path}[{index}]"), reason);
            }
        }
    }
    let node_affinity = old.at(&["affinity", "nodeAffinity"]);
    match (old.get("affinity"), new.get_mut("affinity")) {
        (None, Some(affinity)) => {
            put(affinity, "nodeAffinity", None);
            if affinity.as_map().is_some_and(Map::is_empty) {
                put(new, "affinity", None);
            }
        }
        (Some(_), Some(affinity)) => put(affinity, "nodeAffinity", node_affinity),
        (Some(affinity), None) => {
            if let Some(node_affinity) = node_affinity {
                let mut kept = affinity.clone();
                if let Some(map) = kept.as_map_mut() {
                    map.retain(|entry| entry.key == "nodeAffinity");
                }
                put(&mut kept, "nodeAffinity", Some(node_affinity));
                put(new, "affinity", Some(&kept));
            }
        }
        (None, None) => {}
    }
}

fn only_additions(old: &Node, new: &Node) -> bool {
    let list = |term: &Node, name: &str| -> Vec<Node> {
        term.get(name)
            .and_then(Node::as_seq)
            .unwrap_or_default()
            .to_vec()
    };
    let fields = ["matchExpressions", "matchFields"];
    let is_empty = |term: &Node| fields.iter().all(|name| list(term, name).is_empty());
    if is_empty(old) && !is_empty(new) {
        return false;
    }
    fields.iter().all(|name| {
        let (old, new) = (list(old, name), list(new, name));
        new.len() >= old.len() && new.iter().zip(&old).all(|(new, old)| new == old)
    })
}

fn item_type(change: &Change<'_>, path: &[&str]) -> Option<Type> {
    let object = change.kind.object().ty();
    let list = path.iter().try_fold(object, |ty, step| ty.step(step))?;
    list.step("0")
}
