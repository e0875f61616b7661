//! Nodes (`ValidateNode` of `pkg/apis/core/validation`). A create keeps their status, unlike that of
//! other kinds.

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::{Node, Object};
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// Checks what a node says of itself: amounts, features, and an annotation.
pub(super) fn whole(faults: &mut Faults<'_>, manifest: &Object) {
    let Some(view) = View::of_object(manifest) else {
        return;
    };
    avoided_pods(faults, view);
    view.inside("status", |view| status(faults, view));
}

fn status(faults: &mut Faults<'_>, view: View<'_>) {
    for list in ["capacity", "allocatable"] {
        // All is allocatable where nothing is said of it.
        let given = match view.get(list) {
            Some(_) => view.entries(list),
            None => view.entries("capacity"),
        };
        for entry in given {
            // The server writes this path with a dot.
            let path = format!("{list}.{}", entry.key);
            super::resources::amount(faults, view, &path, entry);
        }
    }
    let swap = view.find(&["nodeInfo", "swap", "capacity"]);
    if let Some(node) = swap.filter(|node| node.as_i64().is_some_and(|bytes| bytes <= 0)) {
        let finding = Finding {
            rule: "out-of-range",
            message: "`capacity` of the swap is not positive".to_owned(),
            remark: "more than 0",
            words: "Invalid value: must be greater than zero".to_owned(),
        };
        faults.found(
            "metadata.nodeSwapStatus.capacity".to_owned(),
            node.span,
            finding,
        );
    }
    if faults.version().minor() >= 36 {
        features(faults, view);
    }
}

/// `validateNodeDeclaredFeatures`: names in their order, each once.
fn features(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("declaredFeatures");
    let texts: Vec<&str> = items
        .iter()
        .map(|item| item.as_str().unwrap_or_default())
        .collect();
    for (index, text) in texts.iter().enumerate() {
        let path = format!("declaredFeatures[{index}]");
        if text.len() > 253 || !is_feature(text) {
            let reason = format!(
                "invalid feature name {text:?}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
            );
            let remark = "such as `MyFeature`";
            view.invalid(faults, "invalid-name", &path, remark, reason);
        }
        let Some(before) = index.checked_sub(1).map(|before| texts[before]) else {
            continue;
        };
        if before == *text {
            view.duplicate(faults, &path, "this feature is here already");
        } else if before > *text {
            let reason = "list must be sorted alphabetically";
            view.invalid(faults, "not-sorted", &path, reason, reason);
        }
    }
}

fn is_feature(text: &str) -> bool {
    let mut segments = text.split('/');
    let plain = |segment: &str| segment.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = segments.next().unwrap_or_default();
    first.starts_with(|c: char| c.is_ascii_uppercase())
        && plain(first)
        && segments
            .all(|segment| segment.starts_with(|c: char| c.is_ascii_alphabetic()) && plain(segment))
}

/// `ValidateAvoidPodsInNodeAnnotations`: JSON, and each entry names a controller.
fn avoided_pods(faults: &mut Faults<'_>, view: View<'_>) {
    const KEY: &str = "scheduler.alpha.kubernetes.io/preferAvoidPods";
    let annotations = view.find(&["metadata", "annotations"]);
    let Some(node) = annotations.and_then(|all| all.get(KEY)) else {
        return;
    };
    let text = node.as_str().unwrap_or_default();
    let mut refuse = |field: String, words: &str| {
        let finding = Finding {
            rule: "invalid-annotation",
            message: format!("the annotation `{KEY}` is not valid"),
            remark: "JSON with a controller in each entry",
            words: words.to_owned(),
        };
        faults.found(field, node.span, finding);
    };
    if text.is_empty() {
        return;
    }
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
        let words = "Invalid value: the annotation is no JSON";
        return refuse("metadata.annotations.AvoidPods".to_owned(), words);
    };
    let entries = value
        .get("preferAvoidPods")
        .and_then(|list| list.as_array());
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        let path = format!("metadata.annotations.{KEY}[{index}].PodSignature");
        let controller = entry.pointer("/podSignature/podController");
        match controller.filter(|value| !value.is_null()) {
            None => refuse(path, "Required value"),
            Some(owner) if owner.get("controller") != Some(&true.into()) => {
                let path = format!("{path}.PodController.Controller");
                refuse(path, "Invalid value: false: must point to a controller");
            }
            Some(_) => {}
        }
    }
}

/// Taints and networks of a Node.
pub(super) fn spec(faults: &mut Faults<'_>, view: View<'_>) {
    for (index, taint) in view.items("taints").iter().enumerate() {
        for (name, form) in [("key", Form::LabelKey), ("value", Form::LabelValue)] {
            let text = taint.get(name).and_then(Node::as_str).unwrap_or_default();
            if let Some(words) = form.fault(text, faults.version()) {
                let finding = Finding {
                    rule: "invalid-label",
                    message: format!("`{text}` is no {}", form.noun()),
                    remark: form.rule(),
                    words: format!("Invalid value: {text:?}: {words}"),
                };
                let span = taint.get(name).map_or(taint.span, |node| node.span);
                // The server puts the taints under `metadata`.
                faults.found(format!("metadata.taints[{index}].{name}"), span, finding);
            }
        }
    }
    unique_taints(faults, view);
    // The single form has the last word, and is reported as the first of the list.
    let single = view.text("podCIDR");
    let listed = view.items("podCIDRs").first().and_then(Node::as_str);
    if !single.is_empty() && listed != Some(single) {
        let Some(words) = Form::Cidr.fault(single, faults.version()) else {
            return;
        };
        let finding = Finding {
            rule: "invalid-address",
            message: format!("`{single}` is no {}", Form::Cidr.noun()),
            remark: Form::Cidr.rule(),
            words: format!("Invalid value: {single:?}: {words}"),
        };
        return view.refuse_at(faults, "podCIDRs[0]", view.span("podCIDR"), finding);
    }
    let networks: Vec<_> = view
        .items("podCIDRs")
        .iter()
        .filter_map(|item| super::addresses::cidr(item.as_str()?, faults.version()).ok())
        .collect();
    let mixed = networks.iter().any(|n| n.0.is_ipv4()) && networks.iter().any(|n| n.0.is_ipv6());
    if view.items("podCIDRs").len() > 1 && (!mixed || networks.len() > 2) {
        let reason = "may specify no more than one CIDR for each IP family";
        view.invalid(faults, "invalid-address", "podCIDRs", reason, reason);
    }
    for (index, item) in view.items("podCIDRs").iter().enumerate() {
        let text = item.as_str().unwrap_or_default();
        refuse_form(
            faults,
            view,
            &format!("podCIDRs[{index}]"),
            Form::Cidr,
            text,
        );
    }
}

/// Each pair of key and effect once.
fn unique_taints(faults: &mut Faults<'_>, view: View<'_>) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (index, taint) in view.items("taints").iter().enumerate() {
        let text = |name: &str| taint.get(name).and_then(Node::as_str).unwrap_or_default();
        let pair = (text("key"), text("effect"));
        if seen.contains(&pair) {
            let finding = Finding {
                rule: "duplicate-value",
                message: format!("there is another taint `{}` with this effect", pair.0),
                remark: "each key and effect once",
                words: "Duplicate value: taints must be unique by key and effect pair".to_owned(),
            };
            faults.found(format!("metadata.taints[{index}]"), taint.span, finding);
        }
        seen.push(pair);
    }
}
