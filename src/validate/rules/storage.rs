//! Storage classes and volumes of the cluster, and the rest of small kinds
//! (`pkg/apis/storage/validation`, `pkg/apis/resource/validation`, `pkg/apis/scheduling/validation`).

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

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
    let path = text(&["nfs", "path"]);
    if !path.is_empty() && !path.starts_with('/') {
        let reason = "must be an absolute path";
        view.invalid(faults, "invalid-path", "nfs.path", reason, reason);
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
    let hostname = view.text("hostname");
    if !hostname.is_empty() {
        refuse_form(faults, view, "hostname", Form::DnsLabel, hostname);
    }
    if let Some(node) = view.get("nodeName").and_then(Node::as_str) {
        refuse_form(faults, view, "nodeName", Form::DnsSubdomain, node);
    }
    let text = view.text("ip");
    match super::form::ip(text, faults.version()) {
        Err(_) => refuse_form(faults, view, "ip", Form::Ip, text),
        Ok(address) => super::network::no_special(faults, view, "ip", address),
    }
}

/// A subset of Endpoints: addresses, and ports with names where there are several.
pub(super) fn subset(faults: &mut Faults<'_>, view: View<'_>) {
    if view.items("addresses").is_empty() && view.items("notReadyAddresses").is_empty() {
        let reason = "must specify `addresses` or `notReadyAddresses`";
        view.required(faults, "", reason, reason);
    }
    let ports = view.items("ports");
    for (index, port) in ports.iter().enumerate() {
        let path = |name: &str| format!("ports[{index}].{name}");
        let text = |name: &str| port.get(name).and_then(Node::as_str).unwrap_or_default();
        if text("name").is_empty() && ports.len() > 1 {
            view.required(
                faults,
                &path("name"),
                "with several ports each needs a name",
                "",
            );
        } else if !text("name").is_empty() {
            refuse_form(faults, view, &path("name"), Form::DnsLabel, text("name"));
        }
        let number = port.get("port").and_then(Node::as_i64);
        if number.is_some_and(|number| number != 0 && !(1..=65535).contains(&number)) {
            super::fields::range(faults, view, &path("port"), 1, 65535);
        }
        if let Some(protocol) = port.get("appProtocol").and_then(Node::as_str) {
            refuse_form(faults, view, &path("appProtocol"), Form::LabelKey, protocol);
        }
    }
}

/// The addresses and ports of an EndpointSlice.
pub(super) fn slice(faults: &mut Faults<'_>, view: View<'_>) {
    let kind = view.text("addressType");
    for (at, endpoint) in view.items("endpoints").iter().enumerate() {
        hints(faults, view, at, endpoint);
        let addresses = endpoint
            .get("addresses")
            .and_then(Node::as_seq)
            .unwrap_or_default();
        for (index, address) in addresses.iter().enumerate() {
            let text = address.as_str().unwrap_or_default();
            let path = format!("endpoints[{at}].addresses[{index}]");
            slice_address(faults, view, &path, kind, text);
        }
        for (name, form) in [
            ("hostname", Form::DnsLabel),
            ("nodeName", Form::DnsSubdomain),
        ] {
            if let Some(text) = endpoint.get(name).and_then(Node::as_str) {
                refuse_form(faults, view, &format!("endpoints[{at}].{name}"), form, text);
            }
        }
    }
    let mut names = Vec::new();
    for (index, port) in view.items("ports").iter().enumerate() {
        let name = port.get("name").and_then(Node::as_str).unwrap_or_default();
        if names.contains(&name) {
            let path = format!("ports[{index}].name");
            view.duplicate(faults, &path, "another port has this name");
        }
        names.push(name);
    }
}

fn slice_address(faults: &mut Faults<'_>, view: View<'_>, path: &str, kind: &str, text: &str) {
    if kind == "FQDN" {
        return refuse_form(faults, view, path, Form::DnsSubdomain, text);
    }
    let Ok(address) = super::form::ip(text, faults.version()) else {
        return refuse_form(faults, view, path, Form::Ip, text);
    };
    match (kind, address.is_ipv4()) {
        ("IPv4", false) => {
            let reason = "must be an IPv4 address";
            view.invalid(faults, "invalid-address", path, reason, reason);
        }
        ("IPv6", true) => {
            let reason = "must be an IPv6 address";
            view.invalid(faults, "invalid-address", path, reason, reason);
        }
        _ => super::network::no_special(faults, view, path, address),
    }
}

/// Taints and networks of a Node.
pub(super) fn node(faults: &mut Faults<'_>, view: View<'_>) {
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
        .filter_map(|item| super::form::cidr(item.as_str()?, faults.version()).ok())
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
                    .filter_map(Node::as_str)
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
        let values: Vec<&str> = values.iter().filter_map(Node::as_str).collect();
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
    let name = faults.context().name.clone();
    let wanted = format!("{version}.{group}");
    if !name.is_empty() && name != wanted {
        let finding = Finding {
            rule: "invalid-name",
            message: format!("the name cannot be `{name}`"),
            remark: "`spec.version`, a dot and `spec.group`",
            words: format!(
                "Invalid value: {name:?}: must be `spec.version+\".\"+spec.group`: {wanted:?}"
            ),
        };
        faults.found("metadata.name".to_owned(), view.at, finding);
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
    let items = view.items("tolerations");
    for (index, item) in items.iter().enumerate() {
        if items[..index].contains(item) {
            let path = format!("tolerations[{index}]");
            view.duplicate(faults, &path, "this toleration is here already");
        }
    }
}

/// `ValidateControllerRevision`: the data is an object.
pub(super) fn revision(faults: &mut Faults<'_>, view: View<'_>) {
    if view.get("data").is_some_and(|data| data.as_map().is_none()) {
        let reason = "data must be a valid JSON object";
        view.required(faults, "data", "a mapping", reason);
    }
}

/// `validateHints` of an endpoint: zones and nodes, each once.
fn hints(faults: &mut Faults<'_>, view: View<'_>, at: usize, endpoint: &Node) {
    for (list, form) in [
        ("forZones", Form::LabelValue),
        ("forNodes", Form::DnsSubdomain),
    ] {
        let items = endpoint.at(&["hints", list]).and_then(Node::as_seq);
        let mut seen = Vec::new();
        for (index, item) in items.unwrap_or_default().iter().enumerate() {
            let name = item.get("name").and_then(Node::as_str).unwrap_or_default();
            let path = format!("endpoints[{at}].hints.{list}[{index}].name");
            if seen.contains(&name) {
                view.duplicate(faults, &path, "this name is here already");
            }
            seen.push(name);
            if !name.is_empty() {
                refuse_form(faults, view, &path, form, name);
            }
        }
    }
}
