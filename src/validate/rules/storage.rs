//! Storage classes and volumes of the cluster, and the rest of small kinds
//! (`pkg/apis/storage/validation`, `pkg/apis/resource/validation`, `pkg/apis/scheduling/validation`).

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View, item_text};

/// `ValidateStorageClass`.
pub(super) fn class(faults: &mut Faults<'_>, view: View<'_>) {
    topologies(faults, view);
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

/// `ValidatePersistentVolumeSpec`: how much there is.
fn capacity(faults: &mut Faults<'_>, view: View<'_>) {
    let capacity = view.entries("capacity");
    if capacity.is_empty() {
        view.required(faults, "capacity", "how much is there?", "");
    } else if capacity.len() > 1 || capacity[0].key != "storage" {
        view.unsupported(faults, "capacity", &["storage"]);
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
}

/// The same for a volume that an attachment describes itself.
fn inline_volume(faults: &mut Faults<'_>, view: View<'_>) {
    let reason = "may not be specified in the context of inline volumes";
    for name in ["claimRef", "nodeAffinity"] {
        if view.get(name).is_some() {
            view.forbidden(faults, name, reason, reason);
        }
    }
    if !view.entries("capacity").is_empty() {
        view.forbidden(faults, "capacity", reason, reason);
    }
    if !view.text("storageClassName").is_empty() {
        view.forbidden(faults, "storageClassName", reason, reason);
    }
    if view.get("csi").is_none() {
        let reason = "has to be specified in the context of inline volumes";
        view.required(faults, "csi", reason, reason);
    }
    if !matches!(view.text("persistentVolumeReclaimPolicy"), "" | "Retain") {
        let reason = "may only be Retain in the context of inline volumes";
        view.forbidden(faults, "persistentVolumeReclaimPolicy", reason, reason);
    }
    if !matches!(view.text("volumeMode"), "" | "Filesystem") {
        let reason =
            "may not specify volumeMode other than Filesystem in the context of inline volumes";
        view.forbidden(faults, "volumeMode", reason, reason);
    }
}

/// `ValidatePersistentVolumeSpec`, beyond what is required.
pub(super) fn volume(faults: &mut Faults<'_>, view: View<'_>) {
    let inline = faults.context().kind == "VolumeAttachment";
    if inline {
        inline_volume(faults, view);
    } else {
        capacity(faults, view);
    }
    let modes: Vec<&str> = view
        .items("accessModes")
        .iter()
        .filter_map(item_text)
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
    csi_secrets(faults, view);
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
    if text(&["local", "path"]).split('/').any(|part| part == "..") {
        let reason = "must not contain '..'";
        view.invalid(faults, "invalid-path", "local.path", reason, reason);
    }
    if view.get("nodeAffinity").is_some() && view.find(&["nodeAffinity", "required"]).is_none() {
        let reason = "must specify required node constraints";
        view.required(faults, "nodeAffinity.required", "which nodes?", reason);
    }
    if view.find(&["iscsi", "initiatorName"]).is_some() {
        let name = faults.context().name.clone();
        let portal = text(&["iscsi", "targetPortal"]);
        super::backends::portal(faults, view, "iscsi.targetportal", &name, portal);
    }
    if !inline {
        attributes_class(faults, view);
    }
    let path = text(&["nfs", "path"]);
    if !path.is_empty() && !path.starts_with('/') {
        let reason = "must be an absolute path";
        view.invalid(faults, "invalid-path", "nfs.path", reason, reason);
    }
}

/// The class of the attributes of a volume, since 1.34; the one of an attachment's own volume is
/// not looked at.
fn attributes_class(faults: &mut Faults<'_>, view: View<'_>) {
    let path = "volumeAttributesClassName";
    let Some(name) = view.get(path).and_then(Node::as_str) else {
        return;
    };
    if faults.version().minor() < 34 {
        return;
    }
    match name {
        "" => {
            let reason = "an empty string is disallowed";
            view.required(faults, path, "which class?", reason);
        }
        name => refuse_form(faults, view, path, Form::DnsSubdomain, name),
    }
    if view.get("csi").is_none() {
        let reason = "has to be specified when using volumeAttributesClassName";
        view.required(faults, "csi", "only CSI volumes have such a class", reason);
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
    } else if wanted.is_some() && view.bool("globalDefault") == Some(true) {
        let finding = Finding {
            rule: "forbidden-field",
            message: format!("`{name}` is not the default"),
            remark: "the class exists already",
            words: format!(
                "Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: globalDefault of {name} PriorityClass must be false"
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

/// `validateAllowedTopologies`: no term twice, and none without expressions.
fn topologies(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("allowedTopologies");
    let expressions = |item: &Node| {
        let list = item.get("matchLabelExpressions").and_then(Node::as_seq);
        let mut pairs: Vec<(String, Vec<String>)> = list
            .unwrap_or_default()
            .iter()
            .map(|expression| {
                let key = expression
                    .get("key")
                    .and_then(Node::as_str)
                    .unwrap_or_default();
                let values = expression
                    .get("values")
                    .and_then(Node::as_seq)
                    .unwrap_or_default();
                let mut values: Vec<String> = values
                    .iter()
                    .filter_map(item_text)
                    .map(str::to_owned)
                    .collect();
                values.sort();
                (key.to_owned(), values)
            })
            .collect();
        pairs.sort();
        pairs
    };
    let terms: Vec<_> = items.iter().map(expressions).collect();
    for (index, term) in terms.iter().enumerate() {
        if term.is_empty() || terms[..index].contains(term) {
            let path = format!("allowedTopologies[{index}].matchLabelExpressions");
            view.duplicate(faults, &path, "each term once, and with expressions");
        }
    }
}

/// A term of the topologies of a class: each key and each value once.
pub(super) fn topology(faults: &mut Faults<'_>, view: View<'_>) {
    let mut keys = Vec::new();
    for (at, item) in view.items("matchLabelExpressions").iter().enumerate() {
        let path = |name: &str| format!("matchLabelExpressions[{at}].{name}");
        let key = item.get("key").and_then(Node::as_str).unwrap_or_default();
        if keys.contains(&key) {
            view.duplicate(faults, &path("key"), "this key is here already");
        }
        keys.push(key);
        let values = item
            .get("values")
            .and_then(Node::as_seq)
            .unwrap_or_default();
        let values: Vec<&str> = values.iter().filter_map(item_text).collect();
        for (index, value) in values.iter().enumerate() {
            if values[..index].contains(value) {
                let path = path(&format!("values[{index}]"));
                view.duplicate(faults, &path, "this value is here already");
            }
        }
    }
}

/// `ValidateAPIService`.
pub(super) fn api_service(faults: &mut Faults<'_>, view: View<'_>) {
    let (group, version) = (view.text("group"), view.text("version"));
    let wanted = format!("{version}.{group}");
    for (field, name) in faults.context().names() {
        if name != wanted {
            let finding = Finding {
                rule: "invalid-name",
                message: format!("the name cannot be `{name}`"),
                remark: "`spec.version`, a dot and `spec.group`",
                words: format!(
                    "Invalid value: {name:?}: must be `spec.version+\".\"+spec.group`: {wanted:?}"
                ),
            };
            faults.found(field.to_owned(), view.at, finding);
        }
    }
    if !group.is_empty() {
        refuse_form(faults, view, "group", Form::DnsSubdomain, group);
    }
    if !version.is_empty() {
        refuse_form(faults, view, "version", Form::Dns1035Label, version);
    }
    for (name, most) in [("groupPriorityMinimum", 20000), ("versionPriority", 1000)] {
        let number = view.int(name).unwrap_or(0);
        if !(1..=most).contains(&number) && view.get(name).is_some() && number != 0 {
            let reason = format!("must be positive and less than {most}");
            view.invalid(faults, "out-of-range", name, &reason, &reason);
        }
    }
    if view.bool("insecureSkipTLSVerify") == Some(true) && !view.text("caBundle").is_empty() {
        let reason = "may not be true if caBundle is present";
        let path = "insecureSkipTLSVerify";
        view.invalid(faults, "conflicting-fields", path, reason, reason);
    }
    let port = view.find(&["service", "port"]).and_then(Node::as_i64);
    if port.is_some_and(|port| !(1..=65535).contains(&port)) {
        let reason = "port is not valid: must be between 1 and 65535, inclusive";
        view.invalid(faults, "out-of-range", "service.port", "1 to 65535", reason);
    }
    if view.get("service").is_none() && view.bool("insecureSkipTLSVerify") == Some(true) {
        let reason = "local APIServices may not have insecureSkipTLSVerify";
        view.invalid(
            faults,
            "conflicting-fields",
            "insecureSkipTLSVerify",
            reason,
            reason,
        );
    }
}

/// `validatePVSecretReference` of the secrets of a CSI volume; that to stage it is not looked at.
fn csi_secrets(faults: &mut Faults<'_>, view: View<'_>) {
    for secret in [
        "controllerPublishSecretRef",
        "nodePublishSecretRef",
        "controllerExpandSecretRef",
        "nodeExpandSecretRef",
    ] {
        let Some(reference) = view.find(&["csi", secret]).filter(|n| n.as_map().is_some()) else {
            continue;
        };
        for (name, form) in [("name", Form::DnsSubdomain), ("namespace", Form::DnsLabel)] {
            let path = format!("csi.{secret}.{name}");
            match reference
                .get(name)
                .and_then(Node::as_str)
                .unwrap_or_default()
            {
                "" => view.required(faults, &path, "which Secret?", ""),
                text => refuse_form(faults, view, &path, form, text),
            }
        }
    }
}

/// `ValidateRuntimeClass`: each toleration once.
pub(super) fn scheduling(faults: &mut Faults<'_>, view: View<'_>) {
    // How long something is tolerated makes no difference.
    let key = |item: &Node| {
        ["key", "operator", "value", "effect"].map(|name| {
            let text = item.get(name).and_then(Node::as_str);
            text.unwrap_or_default().to_owned()
        })
    };
    let mut seen = Vec::new();
    for (index, item) in view.items("tolerations").iter().enumerate() {
        let key = key(item);
        if seen.contains(&key) {
            let path = format!("tolerations[{index}]");
            view.duplicate(faults, &path, "this toleration is here already");
        }
        seen.push(key);
    }
}

/// `ValidateControllerRevision`: the data is an object.
pub(super) fn revision(faults: &mut Faults<'_>, view: View<'_>) {
    if view.get("data").is_some_and(|data| data.as_map().is_none()) {
        let reason = "data must be a valid JSON object";
        view.required(faults, "data", "a mapping", reason);
    }
}
