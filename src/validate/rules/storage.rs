//! Storage classes and volumes of the cluster, and the rest of small kinds
//! (`pkg/apis/storage/validation`, `pkg/apis/resource/validation`, `pkg/apis/scheduling/validation`).

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// `ValidateStorageClass`.
pub(super) fn class(faults: &mut Faults<'_>, view: View<'_>) {
    let provisioner = view.text("provisioner");
    if !provisioner.is_empty()
        && let Some(words) = Form::LabelKey.fault(&provisioner.to_lowercase(), faults.version())
    {
        view.invalid(
            faults,
            "invalid-name",
            "provisioner",
            Form::LabelKey.rule(),
            words,
        );
    }
    let parameters = view.entries("parameters");
    if parameters.iter().any(|entry| entry.key.is_empty()) {
        let reason = "field can not be empty.";
        view.invalid(
            faults,
            "invalid-key",
            "parameters",
            "a key has a name",
            reason,
        );
    }
    let size = |e: &crate::manifest::Entry| e.key.len() + e.value.as_str().map_or(0, str::len);
    if parameters.iter().map(size).sum::<usize>() > 256 * 1024 || parameters.len() > 512 {
        super::fields::too_long(faults, view, "parameters", 256 * 1024);
    }
}

/// `ValidatePersistentVolumeSpec`, beyond what is required.
pub(super) fn volume(faults: &mut Faults<'_>, view: View<'_>) {
    let capacity = view.entries("capacity");
    if capacity.is_empty() || capacity.len() > 1 || capacity[0].key != "storage" {
        if view.get("capacity").is_none() {
            // The structural stage demands it.
        } else {
            view.unsupported(faults, "capacity", &["storage"]);
        }
    }
    for entry in capacity {
        let path = format!("capacity[{}]", entry.key);
        if super::resources::quantity(&entry.value).is_some_and(|q| q.is_zero() || q.is_negative())
        {
            view.invalid(
                faults,
                "out-of-range",
                &path,
                "more than 0",
                "must be greater than zero",
            );
        }
    }
    let modes: Vec<&str> = view
        .items("accessModes")
        .iter()
        .filter_map(Node::as_str)
        .collect();
    if modes.contains(&"ReadWriteOncePod") && modes.len() > 1 {
        let reason = "may not use ReadWriteOncePod with other access modes";
        view.forbidden(
            faults,
            "accessModes",
            "`ReadWriteOncePod` stands alone",
            reason,
        );
    }
    let text = |path: &[&str]| view.find(path).and_then(Node::as_str).unwrap_or_default();
    super::volumes::csi_driver(faults, view, text(&["csi", "driver"]));
    let host = text(&["hostPath", "path"]);
    if host.split('/').any(|part| part == "..") {
        let reason = "must not contain '..'";
        view.invalid(faults, "invalid-path", "hostPath.path", reason, reason);
    }
    if host == "/" && view.text("persistentVolumeReclaimPolicy") == "Recycle" {
        let reason = "may not be 'recycle' for a hostPath mount of '/'";
        view.forbidden(faults, "persistentVolumeReclaimPolicy", reason, reason);
    }
    if view.get("local").is_some() && view.get("nodeAffinity").is_none() {
        let reason = "Local volume requires node affinity";
        view.required(
            faults,
            "nodeAffinity",
            "a local volume is on one node",
            reason,
        );
    }
    let path = text(&["nfs", "path"]);
    if !path.is_empty() && !path.starts_with('/') {
        let reason = "must be an absolute path";
        view.invalid(faults, "invalid-path", "nfs.path", reason, reason);
    }
}

/// A request for devices: one form or the other.
pub(super) fn device_request(faults: &mut Faults<'_>, view: View<'_>) {
    let exact = view.get("exactly").is_some();
    let first = !view.items("firstAvailable").is_empty();
    if exact == first {
        let finding = Finding {
            rule: "one-of",
            message: match exact {
                true => "`exactly` stands beside `firstAvailable`".to_owned(),
                false => "neither `exactly` nor `firstAvailable` is given".to_owned(),
            },
            remark: "exactly one of the two",
            words: match exact {
                true => "Invalid value: exactly one of `exactly` or `firstAvailable` is required"
                    .to_owned(),
                false => "Required value: exactly one of `exactly` or `firstAvailable` is required"
                    .to_owned(),
            },
        };
        view.refuse(faults, "", finding);
    }
}

/// `ValidatePriorityClass`: the value of what users may define.
pub(super) fn priority(faults: &mut Faults<'_>, view: View<'_>) {
    let name = faults.context().name.clone();
    let value = view.int("value");
    let wanted = match name.as_str() {
        "system-cluster-critical" => Some(2_000_000_000),
        "system-node-critical" => Some(2_000_001_000),
        _ => None,
    };
    if wanted.is_none() && value.is_some_and(|value| value > 1_000_000_000) {
        let reason = "maximum allowed value of a user defined priority is 1000000000";
        view.forbidden(faults, "value", "at most 1000000000", reason);
    } else if let (Some(wanted), Some(value)) = (wanted, value)
        && wanted != value
    {
        let finding = Finding {
            rule: "forbidden-field",
            message: format!("`{name}` has another value"),
            remark: "the class exists already",
            words: format!(
                "Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of {name} PriorityClass must be {wanted}"
            ),
        };
        view.refuse(faults, "metadata.name", finding);
    }
}

/// Finalizers of a Namespace.
pub(super) fn namespace(faults: &mut Faults<'_>, view: View<'_>) {
    for item in view.items("finalizers") {
        let text = item.as_str().unwrap_or_default();
        let standard = matches!(text, "kubernetes" | "orphan" | "foregroundDeletion");
        let words = Form::LabelKey.fault(text, faults.version()).or_else(|| {
            let reason = "name is neither a standard finalizer name nor is it fully qualified";
            (!text.contains('/') && !standard).then(|| reason.to_owned())
        });
        if let Some(words) = words {
            let finding = Finding {
                rule: "invalid-finalizer",
                message: format!("`{text}` is no name of a finalizer"),
                remark: "a name with a domain before it: `example.com/name`",
                words: format!("Invalid value: {text:?}: {words}"),
            };
            view.refuse_at(faults, "finalizers", item.span, finding);
        }
    }
}

/// An address of Endpoints.
pub(super) fn endpoint(faults: &mut Faults<'_>, view: View<'_>) {
    let text = view.text("ip");
    match super::form::ip(text, faults.version()) {
        Err(_) => refuse_form(faults, view, "ip", Form::Ip, text),
        Ok(address) => super::network::no_special(faults, view, "ip", address),
    }
}
