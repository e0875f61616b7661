//! Storage drivers on nodes, what they attach, and what is left there
//! (`pkg/apis/storage/validation`).

use super::devices::driver;
use super::fields::{refuse_form, too_long};
use super::form::Form;
use crate::manifest::Node;
use crate::manifest::quantity::Quantity;
use crate::validate::fault::Faults;
use crate::validate::scalar;
use crate::validate::view::{Finding, View};

/// Most bytes of all keys and values of parameters.
const PARAMETERS_MAX: usize = 256 * 1024;

/// `validateCSIDriverSpec`.
pub(super) fn csi_driver(faults: &mut Faults<'_>, view: View<'_>) {
    if view
        .int("nodeAllocatableUpdatePeriodSeconds")
        .is_some_and(|period| period < 10)
    {
        let reason = "must be greater than or equal to 10 seconds";
        let path = "nodeAllocatableUpdatePeriodSeconds";
        view.invalid(faults, "out-of-range", path, "10 at least", reason);
    }
    let requests = view.items("tokenRequests");
    if view.get("serviceAccountTokenInSecrets").is_some() && requests.is_empty() {
        let reason = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        let path = "serviceAccountTokenInSecrets";
        view.invalid(faults, "conflicting-fields", path, reason, reason);
    }
    let mut seen = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        let path = |name: &str| format!("tokenRequests[{index}].{name}");
        let audience = request
            .get("audience")
            .and_then(Node::as_str)
            .unwrap_or_default();
        if seen.contains(&audience) {
            view.duplicate(
                faults,
                &path("audience"),
                "another request has this audience",
            );
            continue;
        }
        seen.push(audience);
        let seconds = request.get("expirationSeconds").and_then(Node::as_i64);
        let reason = match seconds {
            Some(seconds) if seconds < 600 => "may not specify a duration less than 10 minutes",
            Some(seconds) if seconds > 1 << 32 => {
                "may not specify a duration larger than 2^32 seconds"
            }
            _ => continue,
        };
        view.invalid(
            faults,
            "out-of-range",
            &path("expirationSeconds"),
            "600 to 4294967296",
            reason,
        );
    }
}

/// `validateCSINodeDrivers`.
pub(super) fn csi_node(faults: &mut Faults<'_>, view: View<'_>) {
    let mut seen: Vec<String> = Vec::new();
    view.each("drivers", |_, view| {
        let name = view.text("name");
        driver(faults, view, "name", name);
        if seen.iter().any(|known| known == name) {
            view.duplicate(faults, "name", "this driver is here already");
        }
        seen.push(name.to_owned());
        if view.text("nodeID").len() > 256 {
            let reason = "must be 256 characters or less";
            view.invalid(faults, "too-long", "nodeID", reason, reason);
        }
        let count = view.find(&["allocatable", "count"]).and_then(Node::as_i64);
        if count.is_some_and(|count| count < 0) {
            let reason = "must be greater than or equal to 0";
            view.invalid(
                faults,
                "out-of-range",
                "allocatable.count",
                "0 at least",
                reason,
            );
        }
        topology_keys(faults, view);
    });
}

fn topology_keys(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("topologyKeys");
    let texts: Vec<&str> = items
        .iter()
        .map(|item| item.as_str().unwrap_or_default())
        .collect();
    for (index, text) in texts.iter().enumerate() {
        let span = items[index].span;
        // The server names the driver, not the key.
        if texts[..index].contains(text) {
            let finding = Finding {
                rule: "duplicate-value",
                message: format!("`{text}` is here for the second time"),
                remark: "each key once",
                words: format!("Duplicate value: {text:?}"),
            };
            view.refuse_at(faults, "", span, finding);
        }
        if let Some(words) = Form::LabelKey.fault(text, faults.version()) {
            let finding = Finding {
                rule: "invalid-label",
                message: format!("`{text}` is no {}", Form::LabelKey.noun()),
                remark: Form::LabelKey.rule(),
                words: format!("Invalid value: {text:?}: {words}"),
            };
            view.refuse_at(faults, "", span, finding);
        }
    }
}

/// `validateVolumeAttachmentSpec`.
pub(super) fn attachment(faults: &mut Faults<'_>, view: View<'_>) {
    driver(faults, view, "attacher", view.text("attacher"));
    let node = view.text("nodeName");
    if !node.is_empty() {
        refuse_form(faults, view, "nodeName", Form::DnsSubdomain, node);
    }
    let given = |name: &str| view.find(&["source", name]).is_some();
    let reason = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    match (given("inlineVolumeSpec"), given("persistentVolumeName")) {
        (false, false) => view.required(faults, "source", "which volume?", reason),
        (true, true) => view.forbidden(faults, "source", "one of the two", reason),
        _ => {}
    }
    let name = view
        .find(&["source", "persistentVolumeName"])
        .and_then(Node::as_str);
    match name {
        Some("") => {
            let reason = "must specify non empty persistentVolumeName";
            view.required(faults, "source.persistentVolumeName", reason, reason);
        }
        Some(name) => {
            let path = "source.persistentVolumeName";
            refuse_form(faults, view, path, Form::DnsSubdomain, name);
        }
        None => {}
    }
}

/// `ValidateCSIStorageCapacity`.
pub(super) fn capacity(faults: &mut Faults<'_>, view: View<'_>) {
    let class = view.text("storageClassName");
    if !class.is_empty() {
        refuse_form(faults, view, "storageClassName", Form::DnsSubdomain, class);
    }
    let amount = view.get("capacity").and_then(Node::scalar_text);
    let amount = amount.and_then(scalar::quantity);
    if amount.is_some_and(Quantity::is_negative) {
        let reason = "must be greater than or equal to 0";
        view.invalid(faults, "out-of-range", "capacity", "0 at least", reason);
    }
}

/// `ValidateVolumeAttributesClass`.
pub(super) fn attributes(faults: &mut Faults<'_>, view: View<'_>) {
    let name = view.text("driverName");
    if !name.is_empty() {
        refuse_form(
            faults,
            view,
            "driverName",
            Form::LabelKey,
            &name.to_lowercase(),
        );
    }
    let mut size = 0;
    for entry in view.entries("parameters") {
        size += entry.key.len() + entry.value.as_str().map_or(0, str::len);
        if entry.key.is_empty() {
            let finding = Finding {
                rule: "invalid-key",
                message: "a parameter has no name".to_owned(),
                remark: "a name",
                words: "Invalid value: \"\": field can not be empty.".to_owned(),
            };
            view.refuse_at(faults, "parameters", entry.key_span, finding);
        }
    }
    if size > PARAMETERS_MAX {
        too_long(faults, view, "parameters", PARAMETERS_MAX);
    }
}
