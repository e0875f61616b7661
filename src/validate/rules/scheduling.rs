//! Where pods may run: affinity, tolerations, topology
//! (`validateAffinity`, `ValidateTolerations`, `validateTopologySpreadConstraints`).

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View, item_text};

/// A toleration.
pub(super) fn toleration(faults: &mut Faults<'_>, view: View<'_>) {
    let operator = view.text("operator");
    let value = view.text("value");
    if view.text("key").is_empty() && operator != "Exists" {
        let reason = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        let remark = "without a `key` it must be `operator: Exists`";
        view.invalid(faults, "conflicting-fields", "operator", remark, reason);
    }
    if view.get("tolerationSeconds").is_some() && view.text("effect") != "NoExecute" {
        let reason = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        view.invalid(faults, "conflicting-fields", "effect", reason, reason);
    }
    let words = match operator {
        "" | "Equal" => Form::LabelValue.fault(value, faults.version()),
        "Exists" if !value.is_empty() => {
            Some("value must be empty when `operator` is 'Exists'".to_owned())
        }
        // TaintTolerationComparisonOperators is off.
        "Gt" | "Lt" => return view.unsupported(faults, "operator", &["Equal", "Exists"]),
        _ => None,
    };
    if let Some(words) = words {
        let finding = Finding {
            rule: "conflicting-fields",
            message: format!("`value` cannot be `{value}`"),
            remark: match operator {
                "Exists" => "`Exists` takes no `value`",
                _ => Form::LabelValue.rule(),
            },
            words: format!("Invalid value: {value:?}: {words}"),
        };
        let span = view.get("value").map_or(view.at, |node| node.span);
        view.refuse_at(faults, "operator", span, finding);
    }
}

/// Spread constraints of a pod spec, against each other.
pub(super) fn spread_pairs(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("topologySpreadConstraints");
    let pair = |item: &Node| {
        let text = |name: &str| {
            item.get(name)
                .and_then(Node::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        (text("topologyKey"), text("whenUnsatisfiable"))
    };
    let mut seen = std::collections::HashSet::new();
    for (index, item) in items.iter().enumerate().rev() {
        let (key, action) = pair(item);
        let shown = format!("{{{key}, {action}}}");
        if !seen.insert((key, action)) {
            let finding = Finding {
                rule: "duplicate-value",
                message: "this constraint is here twice".to_owned(),
                remark: "another has the same `topologyKey` and `whenUnsatisfiable`",
                words: format!("Duplicate value: {shown:?}"),
            };
            let path =
                format!("topologySpreadConstraints[{index}].{{topologyKey, whenUnsatisfiable}}");
            view.refuse_at(faults, &path, item.span, finding);
        }
    }
}

/// One spread constraint.
pub(super) fn spread(faults: &mut Faults<'_>, view: View<'_>) {
    if view.int("maxSkew").is_some_and(|number| number < 0) {
        view.invalid(
            faults,
            "out-of-range",
            "maxSkew",
            "1 at least",
            "must be greater than zero",
        );
    }
    if let Some(domains) = view.int("minDomains") {
        if domains <= 0 {
            let reason = "must be greater than zero";
            view.invalid(faults, "out-of-range", "minDomains", "1 at least", reason);
        }
        if view.text("whenUnsatisfiable") == "ScheduleAnyway" {
            let reason =
                "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway";
            view.invalid(faults, "conflicting-fields", "minDomains", reason, reason);
        }
    }
    label_keys(faults, view, &["matchLabelKeys"]);
    match faults.version().minor() {
        ..=33 => keys_in_selector(faults, view),
        _ => keys_twice(faults, view),
    }
}

/// A term of pod affinity.
pub(super) fn pod_term(faults: &mut Faults<'_>, view: View<'_>) {
    for namespace in view.items("namespaces") {
        let text = namespace.as_str().unwrap_or_default();
        if let Some(words) = Form::DnsLabel.fault(text, faults.version()) {
            let finding = Finding {
                rule: "invalid-name",
                message: format!("`{text}` is no name of a namespace"),
                remark: Form::DnsLabel.rule(),
                words: format!("Invalid value: {text:?}: {words}"),
            };
            view.refuse_at(faults, "namespace", namespace.span, finding);
        }
    }
    let key = view.text("topologyKey");
    if !key.is_empty() {
        refuse_form(faults, view, "topologyKey", Form::LabelKey, key);
    }
    label_keys(faults, view, &["matchLabelKeys", "mismatchLabelKeys"]);
    keys_twice(faults, view);
}

/// `ValidateMatchLabelKeysAndMismatchLabelKeys`.
fn label_keys(faults: &mut Faults<'_>, view: View<'_>, lists: &[&str]) {
    let selector = view.get("labelSelector");
    for list in lists {
        let items = view.items(list);
        if items.is_empty() {
            continue;
        }
        if selector.is_none() {
            let reason = "must not be specified when labelSelector is not set";
            view.forbidden(faults, list, "it narrows a `labelSelector`", reason);
            continue;
        }
        for (index, item) in items.iter().enumerate() {
            let text = item.as_str().unwrap_or_default();
            refuse_form(
                faults,
                view,
                &format!("{list}[{index}]"),
                Form::LabelKey,
                text,
            );
        }
    }
    let texts =
        |list: &str| -> Vec<&str> { view.items(list).iter().filter_map(item_text).collect() };
    let (matching, other) = (texts("matchLabelKeys"), texts("mismatchLabelKeys"));
    for (index, key) in matching.iter().enumerate() {
        let path = format!("matchLabelKeys[{index}]");
        if other.contains(key) {
            let reason = "exists in both matchLabelKeys and mismatchLabelKeys";
            view.invalid(faults, "conflicting-fields", &path, reason, reason);
        }
    }
}

/// The keys of labels that a selector names, in their order.
fn selector_keys(view: View<'_>) -> Vec<&str> {
    let labels = view.find(&["labelSelector", "matchLabels"]);
    let labels = labels.and_then(Node::as_map).into_iter().flatten();
    let expressions = view.find(&["labelSelector", "matchExpressions"]);
    let expressions = expressions.and_then(Node::as_seq).unwrap_or_default();
    labels
        .map(|entry| entry.key.as_str())
        .chain(
            expressions
                .iter()
                .filter_map(|item| item.get("key")?.as_str()),
        )
        .collect()
}

const IN_BOTH: &str = "exists in both matchLabelKeys and labelSelector";

/// `ValidateMatchLabelKeysInTopologySpread`.
fn keys_in_selector(faults: &mut Faults<'_>, view: View<'_>) {
    let keys = selector_keys(view);
    for (index, item) in view.items("matchLabelKeys").iter().enumerate() {
        if item.as_str().is_some_and(|key| keys.contains(&key)) {
            let path = format!("matchLabelKeys[{index}]");
            view.invalid(faults, "conflicting-fields", &path, IN_BOTH, IN_BOTH);
        }
    }
}

/// A key of `matchLabelKeys` that the selector names twice. For a Pod the server has added what its
/// own labels say to the selector by then.
fn keys_twice(faults: &mut Faults<'_>, view: View<'_>) {
    if view.get("labelSelector").is_none() {
        return;
    }
    let texts = |list: &str| view.items(list).iter().filter_map(item_text);
    let matching: Vec<&str> = texts("matchLabelKeys").collect();
    let mut keys = selector_keys(view);
    let own = faults.context().labels.clone();
    let added = texts("matchLabelKeys").chain(texts("mismatchLabelKeys"));
    keys.extend(added.filter(|key| own.iter().any(|label| label == key)));
    for (at, key) in keys.iter().enumerate() {
        let Some(index) = matching.iter().rposition(|matching| matching == key) else {
            continue;
        };
        if keys[..at].contains(key) {
            let finding = Finding {
                rule: "conflicting-fields",
                message: format!("`{key}` is in `matchLabelKeys` and in `labelSelector`"),
                remark: "one of them is enough",
                words: format!("Invalid value: {key:?}: {IN_BOTH}"),
            };
            // The server leaves the name of the list out.
            let span = view.items("matchLabelKeys")[index].span;
            view.refuse_at(faults, &format!("[{index}]"), span, finding);
        }
    }
}

/// A weight from 1 to 100.
pub(super) fn weight(faults: &mut Faults<'_>, view: View<'_>) {
    if view
        .int("weight")
        .is_some_and(|weight| !(1..=100).contains(&weight))
    {
        let reason = "must be in the range 1-100";
        view.invalid(faults, "out-of-range", "weight", "1 to 100", reason);
    }
}

/// A condition on labels of nodes, or on their fields.
pub(super) fn node_requirement(faults: &mut Faults<'_>, view: View<'_>) {
    let key = view.text("key");
    let values = view.items("values");
    if view.place.field_name() == "matchFields" {
        let operator = view.text("operator");
        if matches!(operator, "In" | "NotIn") && values.len() != 1 {
            let reason =
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            view.required(faults, "values", "exactly one", reason);
        } else if matches!(operator, "Exists" | "DoesNotExist" | "Gt" | "Lt") {
            let reason = "not a valid selector operator";
            view.invalid(
                faults,
                "invalid-operator",
                "operator",
                "In or NotIn",
                reason,
            );
        }
        if key != "metadata.name" {
            let reason = "not a valid field selector key";
            return view.invalid(faults, "invalid-key", "key", "only `metadata.name`", reason);
        }
        for (index, value) in values.iter().enumerate() {
            let text = value.as_str().unwrap_or_default();
            refuse_form(
                faults,
                view,
                &format!("values[{index}]"),
                Form::DnsSubdomain,
                text,
            );
        }
        return;
    }
    if !key.is_empty() {
        refuse_form(faults, view, "key", Form::LabelKey, key);
    }
    // Preferences may name any value: they succeed on a cluster of one node.
    let preferred = view
        .place
        .parent()
        .and_then(super::super::place::Place::parent)
        .is_some_and(|term| term.field_name() == "preference");
    if preferred {
        return;
    }
    for (index, value) in values.iter().enumerate() {
        let text = value.as_str().unwrap_or_default();
        refuse_form(
            faults,
            view,
            &format!("values[{index}]"),
            Form::LabelValue,
            text,
        );
    }
}
