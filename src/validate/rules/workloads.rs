//! Deployments, ReplicaSets, StatefulSets, DaemonSets (`pkg/apis/apps/validation`).

use super::{annotations, fields, metadata, selectors};
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::View;

const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// `ValidateDeploymentSpec`.
pub(super) fn deployment(faults: &mut Faults<'_>, view: View<'_>) {
    selector(faults, view, "empty selector is invalid for deployment");
    no_deadline(faults, view, "ReplicaSet");
    deployment_strategy(faults, view);
    let ready = view.int("minReadySeconds").unwrap_or(0);
    let progress = view.int("progressDeadlineSeconds");
    if progress.unwrap_or(600) <= ready && progress.is_none_or(|seconds| seconds >= 0) {
        let reason = "must be greater than minReadySeconds";
        let remark = match progress {
            Some(_) => "more than `minReadySeconds`",
            None => "`progressDeadlineSeconds` is 600 unless it is set; set it higher than this",
        };
        let words = format!("Invalid value: {}: {reason}", progress.unwrap_or(600));
        let finding = crate::validate::view::Finding {
            rule: "out-of-range",
            message: "`progressDeadlineSeconds` is not above `minReadySeconds`".to_owned(),
            remark,
            words,
        };
        let span = match progress {
            Some(_) => view.span("progressDeadlineSeconds"),
            None => view.span("minReadySeconds"),
        };
        view.refuse_at(faults, "progressDeadlineSeconds", span, finding);
    }
}

/// `ValidateReplicaSetSpec`.
pub(super) fn replica_set(faults: &mut Faults<'_>, view: View<'_>) {
    selector(faults, view, "empty selector is invalid for deployment");
    no_deadline(faults, view, "ReplicaSet");
}

/// `ValidateReplicationControllerSpec`: the selector is a plain mapping, and defaults to the
/// labels of the template.
pub(super) fn controller(faults: &mut Faults<'_>, view: View<'_>) {
    no_deadline(faults, view, "ReplicationController");
    let labels = view.find(&["template", "metadata", "labels"]);
    let wanted = view.entries("selector");
    let has_labels = labels
        .and_then(Node::as_map)
        .is_some_and(|map| !map.is_empty());
    // Without a selector it takes the labels of its pods.
    if wanted.is_empty() && !has_labels && view.get("selector").is_none_or(is_map) {
        view.required(faults, "selector", "which pods?", "");
    }
    // null is the empty text, on both sides.
    let text = |node: &Node| node.as_str().unwrap_or_default().to_owned();
    let has = |key: &str| Some(text(labels?.get(key)?));
    if wanted.iter().any(|e| has(&e.key) != Some(text(&e.value))) {
        mismatch(faults, view);
    }
}

fn is_map(node: &Node) -> bool {
    node.as_map().is_some()
}

/// The volumes that a StatefulSet makes of its claim templates are looked at with those of its pods,
/// since 1.34. In which order nobody knows.
fn claim_volumes(faults: &mut Faults<'_>, view: View<'_>) {
    for claim in view.items("volumeClaimTemplates") {
        let name = claim
            .at(&["metadata", "name"])
            .and_then(Node::as_str)
            .unwrap_or_default();
        let form = super::form::Form::DnsLabel;
        let Some(words) = form.fault(name, faults.version()) else {
            continue;
        };
        // The claim of such a volume has the template's name as well.
        let paths: &[&str] = match name {
            "" => &["name", "persistentVolumeClaim.claimName"],
            _ => &["name"],
        };
        for path in paths {
            let finding = crate::validate::view::Finding {
                rule: "invalid-name",
                message: format!("no volume can have the name of this template: `{name}`"),
                remark: form.rule(),
                words: match name {
                    "" => "Required value".to_owned(),
                    name => format!("Invalid value: {name:?}: {words}"),
                },
            };
            let path = format!("template.spec.volumes[0].{path}");
            view.refuse_at(faults, &path, claim.span, finding);
        }
    }
}

/// `ValidateStatefulSetSpec`.
pub(super) fn stateful_set(faults: &mut Faults<'_>, view: View<'_>) {
    selector(faults, view, "empty selector is invalid for statefulset");
    no_deadline(faults, view, "StatefulSet");
    if faults.version().minor() < 34 {
        // All else in the template was looked at since 1.34 only.
        view.inside("template", |inner| template(faults, inner));
    } else {
        claim_volumes(faults, view);
    }
    let service = view.text("serviceName");
    if !service.is_empty() && faults.version().minor() >= 34 {
        fields::refuse_form(
            faults,
            view,
            "serviceName",
            super::form::Form::DnsLabel,
            service,
        );
    }
    let rolling = view.find(&["updateStrategy", "rollingUpdate"]);
    if view
        .find(&["updateStrategy", "type"])
        .and_then(Node::as_str)
        == Some("OnDelete")
    {
        if rolling.is_some() {
            let reason = "only allowed for updateStrategy 'RollingUpdate'";
            let path = "updateStrategy.rollingUpdate";
            view.invalid(faults, "forbidden-field", path, reason, reason);
        }
        return;
    }
    let most = rolling
        .and_then(|r| r.get("maxUnavailable"))
        .filter(|n| !n.is_null());
    // The field is dropped unless MaxUnavailableStatefulSet is on.
    if let Some(node) = most.filter(|_| faults.version().minor() >= 37) {
        let path = "updateStrategy.rollingUpdate.maxUnavailable";
        int_or_percent(faults, view, path, node);
        at_most_all(faults, view, path, node);
        if amount(node) == Some(0) {
            view.invalid(faults, "out-of-range", path, "1 at least", "cannot be 0");
        }
    }
}

/// `ValidateDaemonSetSpec`.
pub(super) fn daemon_set(faults: &mut Faults<'_>, view: View<'_>) {
    selector(faults, view, "empty selector is invalid for daemonset");
    no_deadline(faults, view, "DaemonSet");
    let kind = view
        .find(&["updateStrategy", "type"])
        .and_then(Node::as_str);
    if !matches!(kind.unwrap_or_default(), "" | "RollingUpdate") {
        return;
    }
    let field = |name: &str| view.find(&["updateStrategy", "rollingUpdate", name]);
    for name in ["maxUnavailable", "maxSurge"] {
        if let Some(node) = field(name) {
            let path = format!("updateStrategy.rollingUpdate.{name}");
            int_or_percent(faults, view, &path, node);
            at_most_all(faults, view, &path, node);
        }
    }
    let unavailable = field("maxUnavailable").map_or(Some(1), amount);
    let surge = field("maxSurge").map_or(Some(0), amount);
    match (unavailable, surge) {
        (Some(0), Some(0)) => {
            let path = "updateStrategy.rollingUpdate.maxUnavailable";
            view.required(
                faults,
                path,
                "1 at least, or a `maxSurge`",
                "cannot be 0 when maxSurge is 0",
            );
        }
        (Some(unavailable), Some(surge)) if unavailable != 0 && surge != 0 => {
            let path = "updateStrategy.rollingUpdate.maxSurge";
            let reason = "may not be set when maxUnavailable is non-zero";
            let remark = "`maxUnavailable: 0` must stand beside it, it is 1 otherwise";
            view.invalid(faults, "conflicting-fields", path, remark, reason);
        }
        _ => {}
    }
}

/// The metadata of a pod template: labels and annotations, under paths of their own.
pub(super) fn template(faults: &mut Faults<'_>, view: View<'_>) {
    let Some(node) = view.get("metadata") else {
        return;
    };
    let Some(map) = node.as_map() else {
        return;
    };
    // The server leaves `metadata` out of these two paths.
    let inner = View { map, ..view };
    if let Some(node) = inner.get("labels") {
        fields::labels(faults, inner, "labels", node);
    }
    metadata::annotations(faults, inner, "annotations");
    annotations::pod(faults, view, node, view.get("spec"), "annotations");
    super::profiles::check(faults, view, node);
}

fn deployment_strategy(faults: &mut Faults<'_>, view: View<'_>) {
    let rolling = view.find(&["strategy", "rollingUpdate"]);
    match view.find(&["strategy", "type"]).and_then(Node::as_str) {
        Some("Recreate") => {
            if rolling.is_some() {
                let reason = "may not be specified when strategy `type` is 'Recreate'";
                view.forbidden(
                    faults,
                    "strategy.rollingUpdate",
                    "`Recreate` takes none",
                    reason,
                );
            }
            return;
        }
        None | Some("" | "RollingUpdate") => {}
        Some(_) => return,
    }
    let field = |name: &str| view.find(&["strategy", "rollingUpdate", name]);
    for name in ["maxUnavailable", "maxSurge"] {
        if let Some(node) = field(name) {
            int_or_percent(
                faults,
                view,
                &format!("strategy.rollingUpdate.{name}"),
                node,
            );
        }
    }
    let path = "strategy.rollingUpdate.maxUnavailable";
    let value = |name| field(name).map_or(Some(25), amount);
    if value("maxUnavailable") == Some(0) && value("maxSurge") == Some(0) {
        let reason = "may not be 0 when `maxSurge` is 0";
        view.invalid(faults, "out-of-range", path, reason, reason);
    }
    if let Some(node) = field("maxUnavailable") {
        at_most_all(faults, view, path, node);
    }
}

/// Checks that a selector is not empty and selects the labels of the template.
fn selector(faults: &mut Faults<'_>, view: View<'_>, empty: &str) {
    let Some(selector) = view.get("selector").filter(|node| node.as_map().is_some()) else {
        return;
    };
    if selectors::is_empty(selector) {
        let remark = "which pods? name the labels of the template";
        return view.invalid(faults, "empty-selector", "selector", remark, empty);
    }
    let labels = view.find(&["template", "metadata", "labels"]);
    if !selectors::matches(selector, labels) {
        mismatch(faults, view);
    }
}

fn mismatch(faults: &mut Faults<'_>, view: View<'_>) {
    let path = "template.metadata.labels";
    let reason = "`selector` does not match template `labels`";
    let remark = "`spec.selector` does not select these pods";
    view.invalid(faults, "selector-mismatch", path, remark, reason);
}

fn no_deadline(faults: &mut Faults<'_>, view: View<'_>, kind: &str) {
    if view
        .find(&["template", "spec", "activeDeadlineSeconds"])
        .is_some()
    {
        let reason = format!("activeDeadlineSeconds in {kind} is not Supported");
        let path = "template.spec.activeDeadlineSeconds";
        view.forbidden(faults, path, "only a Pod or a Job may end so", &reason);
    }
}

/// `ValidatePositiveIntOrPercent`.
pub(super) fn int_or_percent(faults: &mut Faults<'_>, view: View<'_>, path: &str, node: &Node) {
    if let Some(text) = node.as_str() {
        if percent(text).is_none() {
            let remark = match text.parse::<u32>() {
                Ok(_) => format!("write it without quotes: {text}, or as a percentage: {text}%"),
                Err(_) => "a number, or a percentage such as `25%`".to_owned(),
            };
            view.invalid(faults, "invalid-percentage", path, &remark, PERCENT);
        }
    } else if node.as_i64().is_some_and(|number| number < 0) {
        let reason = "must be greater than or equal to 0";
        view.invalid(faults, "out-of-range", path, "0 at least", reason);
    }
}

/// `IsNotMoreThan100Percent`.
pub(super) fn at_most_all(faults: &mut Faults<'_>, view: View<'_>, path: &str, node: &Node) {
    if node
        .as_str()
        .and_then(percent)
        .is_some_and(|value| value > 100)
    {
        let reason = "must not be greater than 100%";
        view.invalid(faults, "out-of-range", path, "at most 100%", reason);
    }
}

fn percent(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('%').filter(|digits| !digits.is_empty())?;
    let all = digits.bytes().all(|b| b.is_ascii_digit());
    all.then(|| digits.parse().unwrap_or(i64::MAX))
}

/// `getIntOrPercentValue`: a text that is no percentage counts as the number in it, or 0.
fn amount(node: &Node) -> Option<i64> {
    match node.as_str() {
        Some(text) => Some(percent(text).unwrap_or_else(|| text.parse().unwrap_or(0))),
        None => node.as_i64(),
    }
}
