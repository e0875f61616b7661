//! Autoscalers and disruption budgets (`pkg/apis/autoscaling/validation`, `pkg/apis/policy/validation`).

use super::resources::quantity;
use super::workloads::{at_most_all, int_or_percent};
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// The first minor version that asks for the API group of what is scaled.
const ASKS_FOR_GROUP: u8 = 34;

/// `validateHorizontalPodAutoscalerSpec`, of both versions.
pub(super) fn autoscaler(faults: &mut Faults<'_>, view: View<'_>) {
    let minor = faults.version().minor();
    // HPAScaleToZero.
    let least = i64::from(minor < 37);
    let min = view.int("minReplicas");
    let max = view.int("maxReplicas").unwrap_or(0);
    if min.is_some_and(|min| min < least) {
        let reason = format!("must be greater than or equal to {least}");
        view.invalid(faults, "out-of-range", "minReplicas", &reason, &reason);
    }
    if max < 0 {
        let reason = "must be greater than or equal to 1";
        view.invalid(faults, "out-of-range", "maxReplicas", "1 at least", reason);
    }
    if max != 0 && max < min.unwrap_or(1) {
        let reason = "must be greater than or equal to `minReplicas`";
        view.invalid(
            faults,
            "out-of-range",
            "maxReplicas",
            "`minReplicas` at least",
            reason,
        );
    }
    let version = view
        .find(&["scaleTargetRef", "apiVersion"])
        .and_then(Node::as_str);
    target_version(
        faults,
        view,
        "scaleTargetRef.apiVersion",
        version.unwrap_or_default(),
    );
    let metrics = view.items("metrics");
    let kind = |metric: &Node| metric.get("type").and_then(Node::as_str).map(str::to_owned);
    let counts = |metric| matches!(kind(metric).as_deref(), Some("Object" | "External"));
    if min == Some(0) && minor >= 37 && !metrics.iter().any(counts) {
        let reason = "must specify at least one Object or External metric to support scaling to zero replicas";
        view.forbidden(faults, "metrics", reason, reason);
    }
    if view
        .int("targetCPUUtilizationPercentage")
        .is_some_and(|number| number < 1)
    {
        let finding = Finding {
            rule: "out-of-range",
            message: "the target cannot be below 1".to_owned(),
            remark: "1 at least",
            words: "Invalid value: must be greater than 0".to_owned(),
        };
        let span = view.span("targetCPUUtilizationPercentage");
        let path = "metrics[0].resource.target.averageUtilization";
        view.refuse_at(faults, path, span, finding);
    }
}

/// The API version of what is scaled: with a group, unless there is none or it is a
/// ReplicationController.
fn target_version(faults: &mut Faults<'_>, view: View<'_>, path: &str, version: &str) {
    let slashes = version.matches('/').count();
    if slashes > 1 {
        let reason = format!("unexpected GroupVersion string: {version}");
        return view.invalid(
            faults,
            "invalid-reference",
            path,
            "such as `apps/v1`",
            reason,
        );
    }
    let kind = view
        .find(&["scaleTargetRef", "kind"])
        .and_then(Node::as_str);
    let grouped = version
        .split_once('/')
        .is_some_and(|(group, _)| !group.is_empty());
    if grouped || kind == Some("ReplicationController") || faults.version().minor() < ASKS_FOR_GROUP
    {
        return;
    }
    let finding = Finding {
        rule: "invalid-reference",
        message: match version {
            "" => "`apiVersion` is missing".to_owned(),
            version => format!("`apiVersion` cannot be `{version}`"),
        },
        remark: "such as `apps/v1`",
        words: format!("Invalid value: {version:?}: apiVersion must specify API group"),
    };
    view.refuse(faults, path, finding);
}

/// `validateScalingRules`.
pub(super) fn scaling_rules(faults: &mut Faults<'_>, view: View<'_>) {
    let name = "stabilizationWindowSeconds";
    match view.int(name) {
        Some(..0) => {
            let reason = "must be greater than or equal to zero";
            view.invalid(faults, "out-of-range", name, "0 to 3600", reason);
        }
        Some(3601..) => {
            let reason = "must be less than or equal to 3600";
            view.invalid(faults, "out-of-range", name, "0 to 3600", reason);
        }
        _ => {}
    }
    if view
        .get("tolerance")
        .and_then(quantity)
        .is_some_and(crate::manifest::quantity::Quantity::is_negative)
    {
        let reason = "must be greater than or equal to 0";
        view.invalid(faults, "out-of-range", "tolerance", "0 at least", reason);
    }
}

/// `validateScalingPolicy`.
pub(super) fn scaling_policy(faults: &mut Faults<'_>, view: View<'_>) {
    for name in ["value", "periodSeconds"] {
        if view.int(name).is_some_and(|number| number < 0) {
            let reason = "must be greater than zero";
            view.invalid(faults, "out-of-range", name, "1 at least", reason);
        }
    }
    if view
        .int("periodSeconds")
        .is_some_and(|number| number > 1800)
    {
        let reason = "must be less than or equal to 1800";
        view.invalid(
            faults,
            "out-of-range",
            "periodSeconds",
            "at most 1800",
            reason,
        );
    }
}

/// `validateMetricSpec`: a block of another type than the metric's.
pub(super) fn metric(faults: &mut Faults<'_>, view: View<'_>) {
    let expected = match view.text("type") {
        "ContainerResource" => "containerResource",
        "External" => "external",
        "Object" => "object",
        "Pods" => "pods",
        "Resource" => "resource",
        _ => return,
    };
    let all = [
        "object",
        "external",
        "pods",
        "resource",
        "containerResource",
    ];
    let given: Vec<&str> = all
        .into_iter()
        .filter(|name| view.get(name).is_some())
        .collect();
    if given.len() < 2 {
        // A single other block passes here: the missing one is reported.
        return;
    }
    for name in given.into_iter().filter(|name| *name != expected) {
        let reason = "must populate the given metric source only";
        let remark = format!("the type of this metric is that of `{expected}`");
        view.forbidden(faults, name, &remark, reason);
    }
}

/// What a metric aims at: which fields go together depends on the source.
pub(super) fn source(faults: &mut Faults<'_>, view: View<'_>, kind: &str) {
    let given = |name| view.find(&["target", name]).is_some();
    let (value, average) = (given("value"), given("averageValue"));
    let utilization = given("averageUtilization");
    match kind {
        "Resource" | "ContainerResource" => {
            if kind == "ContainerResource" {
                super::resources::container_name(faults, view, "name");
            }
            if !utilization && !average {
                let reason = "must set either a target raw value or a target utilization";
                let path = "target.averageUtilization";
                view.required(faults, path, "this, or `averageValue`", reason);
            } else if utilization && average {
                let reason = "may not set both a target raw value and a target utilization";
                view.forbidden(faults, "target.averageValue", reason, reason);
            }
        }
        "Pods" if !average => {
            let reason = "must specify a positive target averageValue";
            view.required(faults, "target.averageValue", reason, reason);
        }
        "Object" if !value && !average => {
            let reason = "must set either a target value or averageValue";
            view.required(faults, "target.averageValue", "this, or `value`", reason);
        }
        "External" if !value && !average => {
            let reason = "must set either a target value for metric or a per-pod target";
            view.required(faults, "target.averageValue", "this, or `value`", reason);
        }
        "External" if value && average => {
            let reason = "may not set both a target value for metric and a per-pod target";
            view.forbidden(faults, "target.value", reason, reason);
        }
        _ => {}
    }
}

/// `validateMetricTarget`.
pub(super) fn target(faults: &mut Faults<'_>, view: View<'_>) {
    for name in ["value", "averageValue"] {
        let amount = view.get(name).and_then(quantity);
        if amount.is_some_and(|amount| amount.is_zero() || amount.is_negative()) {
            view.invalid(
                faults,
                "out-of-range",
                name,
                "more than 0",
                "must be positive",
            );
        }
    }
    if view
        .int("averageUtilization")
        .is_some_and(|number| number < 1)
    {
        let reason = "must be greater than 0";
        view.invalid(
            faults,
            "out-of-range",
            "averageUtilization",
            "1 at least",
            reason,
        );
    }
}

/// `ValidatePodDisruptionBudgetSpec`.
pub(super) fn budget(faults: &mut Faults<'_>, view: View<'_>) {
    for name in ["minAvailable", "maxUnavailable"] {
        if let Some(node) = view.get(name) {
            int_or_percent(faults, view, name, node);
            at_most_all(faults, view, name, node);
        }
    }
}
