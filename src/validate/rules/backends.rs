//! Volumes of other systems: iSCSI, Fibre Channel, Flocker, Quobyte, disks of clouds and drivers of
//! old (`validateVolumeSource` and what it calls in `pkg/apis/core/validation`).

use super::fields::{range, refuse_form};
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// `validateISCSIVolumeSource`: the number, and both names.
pub(super) fn iscsi(faults: &mut Faults<'_>, view: View<'_>) {
    if view.int("lun").is_some_and(|lun| !(0..=255).contains(&lun)) {
        range(faults, view, "lun", 0, 255);
    }
    let on = |name| view.bool(name) == Some(true);
    if (on("chapAuthDiscovery") || on("chapAuthSession")) && view.get("secretRef").is_none() {
        view.required(faults, "secretRef", "which Secret has the password?", "");
    }
    let remark = "such as `iqn.2001-04.com.example:storage`";
    for (name, shown) in [("iqn", "iqn"), ("initiatorName", "initiatorname")] {
        let Some(node) = view.get(name) else {
            continue;
        };
        let text = node.as_str().unwrap_or_default();
        let fits = match text.get(..3) {
            Some("iqn") => is_iqn(text),
            Some("eui") => is_wwn(text, 16),
            Some("naa") => is_wwn(text, 32),
            _ if name == "iqn" && text.is_empty() => true,
            _ => false,
        };
        if !fits {
            let finding = Finding {
                rule: "invalid-name",
                message: format!("`{name}` cannot be `{text}`"),
                remark,
                words: format!("Invalid value: {text:?}: must be valid format"),
            };
            view.refuse_at(faults, shown, node.span, finding);
        }
    }
}

/// `iqn.YYYY-MM.domain:name`, anywhere at the end of the text.
fn is_iqn(text: &str) -> bool {
    text.match_indices("iqn.").any(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let Some((date, rest)) = rest.split_once('.') else {
            return false;
        };
        let date = date.as_bytes();
        let is_date = date.len() == 7
            && date.iter().enumerate().all(|(index, b)| {
                if index == 4 {
                    *b == b'-'
                } else {
                    b.is_ascii_digit()
                }
            });
        let Some((domain, name)) = rest.split_once(':') else {
            return false;
        };
        let in_domain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        let in_name = |c: char| !matches!(c, ',' | ';' | '*' | '&' | '$' | '|') && !is_blank(c);
        is_date
            && !domain.is_empty()
            && domain.bytes().all(in_domain)
            && !name.is_empty()
            && name.chars().all(in_name)
    })
}

/// The white space of Go's regular expressions.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

/// Three letters, any character, and so many letters and digits.
fn is_wwn(text: &str, length: usize) -> bool {
    let mut rest = text.get(3..).unwrap_or_default().chars();
    let any = rest.next();
    let digits = rest.as_str();
    any.is_some_and(|c| c != '\n')
        && digits.len() == length
        && digits.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A Secret that is named has a name.
pub(super) fn secret_name(faults: &mut Faults<'_>, view: View<'_>) {
    if view.get("secretRef").is_some() && view.find(&["secretRef", "name"]).is_none_or(is_empty) {
        view.required(faults, "secretRef.name", "which Secret?", "");
    }
}

fn is_empty(node: &Node) -> bool {
    node.as_str() == Some("")
}

/// The name of a volume and its portal together, where the initiator has a name. `field` is what
/// the server names.
pub(super) fn portal(
    faults: &mut Faults<'_>,
    view: View<'_>,
    field: &str,
    name: &str,
    portal: &str,
) {
    if name.len() + portal.len() < 64 {
        return;
    }
    let finding = Finding {
        rule: "too-long",
        message: "the names of the volume and of its portal are too long".to_owned(),
        remark: "at most 63 bytes together",
        words: format!(
            "Invalid value: {name:?}: Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified."
        ),
    };
    view.refuse(faults, field, finding);
}

/// `validateFCVolumeSource`.
pub(super) fn fibre_channel(faults: &mut Faults<'_>, view: View<'_>) {
    let path = "targetWWNs";
    match (view.items(path).is_empty(), view.items("wwids").is_empty()) {
        (true, true) => {
            let reason = "must specify either targetWWNs or wwids, but not both";
            view.required(faults, path, "which volume?", reason);
        }
        (false, false) => {
            let reason = "targetWWNs and wwids can not be specified simultaneously";
            view.invalid(faults, "one-of", path, reason, reason);
        }
        _ => {}
    }
    if view.items(path).is_empty() {
        return;
    }
    match view.int("lun") {
        None if view.get("lun").is_none() => {
            let reason = "lun is required if targetWWNs is specified";
            view.required(faults, "lun", "which unit?", reason);
        }
        Some(lun) if !(0..=255).contains(&lun) => range(faults, view, "lun", 0, 255),
        _ => {}
    }
}

/// `validateFlockerVolumeSource`.
pub(super) fn flocker(faults: &mut Faults<'_>, view: View<'_>) {
    let name = view.text("datasetName");
    match (name.is_empty(), view.text("datasetUUID").is_empty()) {
        (true, true) => {
            let reason = "one of datasetName and datasetUUID is required";
            view.required(faults, "", "which dataset?", reason);
        }
        (false, false) => {
            let reason = "datasetName and datasetUUID can not be specified simultaneously";
            view.invalid(faults, "one-of", "", reason, reason);
        }
        _ => {}
    }
    if name.contains('/') {
        let reason = "must not contain '/'";
        view.invalid(faults, "invalid-name", "datasetName", reason, reason);
    }
}

/// `validateQuobyteVolumeSource`.
pub(super) fn quobyte(faults: &mut Faults<'_>, view: View<'_>) {
    let registry = view.text("registry");
    if registry.is_empty() {
        return;
    }
    if view.text("tenant").len() >= 65 {
        let reason = "must be a UUID and may not exceed a length of 64 characters";
        return view.required(faults, "tenant", reason, reason);
    }
    if !registry.split(',').all(is_host_and_port) {
        let reason = "must be a host:port pair or multiple pairs separated by commas";
        view.invalid(faults, "invalid-address", "registry", reason, reason);
    }
}

/// Whether Go's `net.SplitHostPort` can split a text.
fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let plain = |part: &str| !part.contains(['[', ']']);
    match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').is_some_and(plain) && plain(port),
        None => !host.contains(':') && plain(host) && plain(port),
    }
}

/// `validateFlexVolumeSource`: some options are the kubelet's.
pub(super) fn flex(faults: &mut Faults<'_>, view: View<'_>) {
    for entry in view.entries("options") {
        let key = entry.key.as_str();
        let domain = key.split_once('/').map_or(key, |(domain, _)| domain);
        let domain = format!(".{}", domain.to_lowercase());
        if domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io") {
            let finding = Finding {
                rule: "invalid-key",
                message: format!("`{key}` is reserved"),
                remark: "use a domain of your own",
                words: format!(
                    "Invalid value: {key:?}: kubernetes.io and k8s.io namespaces are reserved"
                ),
            };
            view.refuse_at(faults, &format!("options[{key}]"), entry.key_span, finding);
        }
    }
}

/// `validateAzureDisk`: each kind of disk has URIs of its own.
pub(super) fn azure_disk(faults: &mut Faults<'_>, view: View<'_>) {
    let uri = view.text("diskURI");
    // The default is Shared.
    let (start, form) = match view.text("kind") {
        "Managed" => (
            "/subscriptions/",
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        ),
        _ => (
            "https://",
            "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
        ),
    };
    if !uri.starts_with(start) {
        view.unsupported(faults, "diskURI", &[form]);
    }
}

/// A disk with partitions: of GCE or of AWS.
pub(super) fn partition(faults: &mut Faults<'_>, view: View<'_>) {
    if view
        .int("partition")
        .is_some_and(|number| !(0..=255).contains(&number))
    {
        range(faults, view, "partition", 0, 255);
    }
}

/// `validateStorageOSVolumeSource`.
pub(super) fn storage_os(faults: &mut Faults<'_>, view: View<'_>) {
    for name in ["volumeName", "volumeNamespace"] {
        match view.text(name) {
            "" if name == "volumeName" => view.required(faults, name, "which volume?", ""),
            "" => {}
            text => refuse_form(faults, view, name, Form::DnsLabel, text),
        }
    }
    secret_name(faults, view);
}

/// The Secret of a volume of the cluster has a namespace too.
pub(super) fn secret_namespace(faults: &mut Faults<'_>, view: View<'_>) {
    let namespace = view.find(&["secretRef", "namespace"]);
    if view.get("secretRef").is_some() && namespace.is_none_or(is_empty) {
        view.required(faults, "secretRef.namespace", "where is the Secret?", "");
    }
}

/// `validateGlusterfsPersistentVolumeSource`.
pub(super) fn gluster(faults: &mut Faults<'_>, view: View<'_>) {
    if let Some(text) = view.get("endpointsNamespace").and_then(Node::as_str) {
        refuse_form(faults, view, "endpointsNamespace", Form::DnsLabel, text);
    }
}

/// `validateAzureFilePV`.
pub(super) fn azure_file(faults: &mut Faults<'_>, view: View<'_>) {
    if view.get("secretNamespace").is_some_and(is_empty) {
        view.required(faults, "secretNamespace", "where is the Secret?", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_split_as_go_splits_them() {
        for (text, wanted) in [
            ("a:1", true),
            (":", true),
            ("a:", true),
            ("[::1]:1", true),
            ("a", false),
            ("::1:1", false),
            ("[::1]", false),
            ("a]:1", false),
        ] {
            assert_eq!(is_host_and_port(text), wanted, "{text}");
        }
    }
}
