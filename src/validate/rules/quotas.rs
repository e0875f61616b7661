//! What a namespace may use: quotas and limit ranges (`ValidateResourceQuotaSpec`,
//! `ValidateLimitRange`).

use super::form::Form;
use super::resources::{Owner, amount, is_quota, name, quantity};
use crate::manifest::quantity::Quantity;
use crate::manifest::{Entry, Node};
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View, item_text};

/// `ValidateResourceQuotaSpec`.
pub(super) fn quota(faults: &mut Faults<'_>, view: View<'_>) {
    for entry in view.entries("hard") {
        let path = format!("hard[{}]", entry.key);
        name(faults, view, &path, entry, Owner::Quota);
        amount(faults, view, &path, entry);
    }
    let scopes: Vec<&str> = view.items("scopes").iter().filter_map(item_text).collect();
    for (one, other) in [
        ("BestEffort", "NotBestEffort"),
        ("Terminating", "NotTerminating"),
    ] {
        if scopes.contains(&one) && scopes.contains(&other) {
            let remark = format!("`{one}` and `{other}` exclude each other");
            view.invalid(
                faults,
                "conflicting-fields",
                "scopes",
                &remark,
                "conflicting scopes",
            );
        }
    }
    let selected = view
        .find(&["scopeSelector", "matchExpressions"])
        .and_then(Node::as_seq);
    let selected = selected.unwrap_or_default().iter().filter_map(|item| {
        let name = item.get("scopeName")?.as_str()?;
        Some((name, "scopeSelector.matchExpressions"))
    });
    let scopes = scopes.iter().map(|scope| (*scope, "scopes"));
    for (scope, path) in scopes.chain(selected) {
        let fits = |name: &str| match scope {
            "BestEffort" => name == "pods",
            "VolumeAttributesClass" => {
                matches!(name, "persistentvolumeclaims" | "requests.storage")
            }
            "Terminating"
            | "NotTerminating"
            | "NotBestEffort"
            | "PriorityClass"
            | "CrossNamespacePodAffinity" => {
                let derived = name
                    .trim_start_matches("requests.")
                    .trim_start_matches("limits.");
                name == "pods" || matches!(derived, "cpu" | "memory")
            }
            _ => true,
        };
        let misfit = view
            .entries("hard")
            .iter()
            .find(|e| is_quota(&e.key) && !fits(&e.key));
        if let Some(entry) = misfit {
            let remark = format!("`{}` has no scope `{scope}`", entry.key);
            let reason = "unsupported scope applied to resource";
            view.invalid(faults, "conflicting-fields", path, &remark, reason);
        }
    }
}

/// A condition of a quota's scope selector (`validateScopedResourceSelectorRequirement`).
pub(super) fn scope(faults: &mut Faults<'_>, view: View<'_>) {
    let operator = view.text("operator");
    let none = view.items("values").is_empty();
    // The server leaves the index out.
    let list = view
        .place
        .parent()
        .map(ToString::to_string)
        .unwrap_or_default();
    let name = view.text("scopeName");
    if !matches!(name, "" | "PriorityClass" | "VolumeAttributesClass") && operator != "Exists" {
        let reason = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
        let finding = Finding {
            rule: "conflicting-fields",
            message: format!("`{name}` has no values to compare with"),
            remark: "write `operator: Exists`",
            words: format!("Invalid value: {operator:?}: {reason}"),
        };
        faults.found(format!("{list}.operator"), view.span("operator"), finding);
    }
    let (words, message) = match operator {
        "In" | "NotIn" if none => (
            "Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            "`values` is missing",
        ),
        "Exists" | "DoesNotExist" if !none => (
            "Invalid value: must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector",
            "`values` is not allowed here",
        ),
        _ => return,
    };
    let finding = Finding {
        rule: "conflicting-fields",
        message: message.to_owned(),
        remark: "In and NotIn compare with values, Exists and DoesNotExist do not",
        words: words.to_owned(),
    };
    faults.found(format!("{list}.values"), view.span("values"), finding);
}

/// The types of a LimitRange: each once.
pub(super) fn limit_types(faults: &mut Faults<'_>, view: View<'_>) {
    let mut seen = Vec::new();
    for (index, item) in view.items("limits").iter().enumerate() {
        let kind = item.get("type").and_then(Node::as_str).unwrap_or_default();
        if seen.contains(&kind) {
            let path = format!("limits[{index}].type");
            view.duplicate(faults, &path, "another item is of this type");
        }
        seen.push(kind);
    }
}

/// `ValidateLimitRange`, one item.
pub(super) fn limit_range(faults: &mut Faults<'_>, view: View<'_>) {
    let kind = view.text("type");
    let owner = match kind {
        "Pod" | "Container" => Owner::Container,
        _ => Owner::Any,
    };
    if kind.contains('/') {
        super::fields::refuse_form(faults, view, "type", Form::LabelKey, kind);
    } else if !kind.is_empty() {
        let known = ["Container", "PersistentVolumeClaim", "Pod"];
        if !known.contains(&kind) {
            let near = crate::manifest::suggest::nearest(kind, known);
            let remark = near.unwrap_or("Container, Pod or PersistentVolumeClaim");
            let reason = "must be a standard limit type or fully qualified";
            view.invalid(faults, "invalid-limit-type", "type", remark, reason);
        }
    }
    if kind == "Pod" {
        for name in ["default", "defaultRequest"] {
            if !view.entries(name).is_empty() {
                let reason = "may not be specified when `type` is 'Pod'";
                view.forbidden(faults, name, "only containers have defaults", reason);
            }
        }
    }
    let get = |list: &str, key: &str| {
        view.get(list)
            .and_then(Node::as_map)
            .and_then(|m| m.get(key))
            .and_then(quantity)
    };
    if kind == "PersistentVolumeClaim"
        && get("min", "storage").is_none()
        && get("max", "storage").is_none()
    {
        let reason =
            "either minimum or maximum storage value is required, but neither was provided";
        view.required(faults, "limits", "`min` or `max` of `storage`", reason);
    }
    const LISTS: [&str; 5] = [
        "max",
        "min",
        "default",
        "defaultRequest",
        "maxLimitRequestRatio",
    ];
    let mut keys: Vec<&Entry> = Vec::new();
    for list in LISTS {
        for entry in view.entries(list) {
            name(
                faults,
                view,
                &format!("{list}[{}]", entry.key),
                entry,
                owner,
            );
            if !keys.iter().any(|known| known.key == entry.key) {
                keys.push(entry);
            }
        }
    }
    for key in keys {
        limits_of(faults, view, &key.key, kind, &get);
    }
}

/// The limits of one resource against each other, with the server's defaults.
fn limits_of(
    faults: &mut Faults<'_>,
    view: View<'_>,
    key: &str,
    kind: &str,
    get: &impl Fn(&str, &str) -> Option<Quantity>,
) {
    let (min, max) = (get("min", key), get("max", key));
    let is_container = kind == "Container";
    let default = get("default", key).or(max.filter(|_| is_container));
    let request = get("defaultRequest", key);
    let request = request.or(get("default", key)
        .or(min)
        .or(default)
        .filter(|_| is_container));
    let above = |a: Option<Quantity>, b: Option<Quantity>| match (a, b) {
        (Some(a), Some(b)) if a > b => Some((a, b)),
        _ => None,
    };
    for (list, pair, words) in [
        (
            "min",
            above(min, max),
            "min value {a} is greater than max value {b}",
        ),
        (
            "defaultRequest",
            above(min, request),
            "min value {a} is greater than default request value {b}",
        ),
        (
            "defaultRequest",
            above(request, max),
            "default request value {a} is greater than max value {b}",
        ),
        (
            "default",
            above(min, default),
            "min value {a} is greater than default value {b}",
        ),
        (
            "default",
            above(default, max),
            "default value {a} is greater than max value {b}",
        ),
        (
            "defaultRequest",
            above(request, default),
            "default request value {a} is greater than default limit value {b}",
        ),
    ] {
        let Some((a, b)) = pair else {
            continue;
        };
        let reason = words
            .replace("{a}", &a.to_string())
            .replace("{b}", &b.to_string());
        view.invalid(
            faults,
            "conflicting-limits",
            &format!("{list}[{key}]"),
            &reason,
            &reason,
        );
    }
    if let Some(ratio) = get("maxLimitRequestRatio", key) {
        let path = format!("maxLimitRequestRatio[{key}]");
        if ratio.millis() < 1000 {
            let reason = format!("ratio {ratio} is less than 1");
            view.invalid(faults, "conflicting-limits", &path, &reason, &reason);
        } else if let (Some(min), Some(max)) = (min, max)
            && !min.is_zero()
            && is_above(ratio.millis() * min.millis(), max.millis() * 1000, min)
        {
            let reason = format!("ratio {ratio} is greater than max/min");
            view.invalid(faults, "conflicting-limits", &path, &reason, &reason);
        }
    }
}

/// Whether a ratio is above that of two amounts, by what both are when they are multiplied with the
/// lower one: a negative one turns them around.
fn is_above(ratio: i128, limits: i128, min: Quantity) -> bool {
    match min.is_negative() {
        true => ratio < limits,
        false => ratio > limits,
    }
}
