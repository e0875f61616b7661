//! Containers: ports, mounts, probes, references, security
//! (`validateContainerCommon` of `pkg/apis/core/validation`).

use std::collections::HashSet;

use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// Checks a container of any list.
pub(super) fn container(faults: &mut Faults<'_>, view: View<'_>) {
    port_names(faults, view);
    mounts(faults, view);
    devices(faults, view);
    let list = view.place.parent().map_or("", |place| place.field_name());
    if list == "initContainers" && view.text("restartPolicy") != "Always" {
        for name in [
            "lifecycle",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
        ] {
            if view.get(name).is_some() {
                let reason = "may not be set for init containers without restartPolicy=Always";
                let remark = "an init container ends; only one that restarts always has this";
                view.forbidden(faults, name, remark, reason);
            }
        }
    }
    let minor = faults.version().minor();
    if list == "initContainers" && view.text("restartPolicy") != "Always" && minor >= 36 {
        for (index, item) in view.items("resizePolicy").iter().enumerate() {
            if text(item, "restartPolicy") == "RestartContainer" {
                let path = format!("resizePolicy[{index}].restartPolicy");
                let reason = "must not be set to 'RestartContainer' for non-sidecar initContainers";
                view.invalid(faults, "conflicting-fields", &path, reason, reason);
            }
        }
    }
    if list == "containers" && minor <= 33 && view.get("restartPolicy").is_some() {
        let reason = "may not be set for non-init containers";
        view.forbidden(faults, "restartPolicy", reason, reason);
    }
    let policy = view.text("restartPolicy");
    if list == "initContainers" && minor <= 33 && !matches!(policy, "" | "Always") {
        let words = format!("Unsupported value: {policy:?}: supported values: \"Always\"");
        let finding = Finding {
            rule: "unsupported-value",
            message: format!("`{policy}` is not allowed here"),
            remark: "write `Always`",
            words,
        };
        view.refuse_at(faults, "restartPolicy", view.span("restartPolicy"), finding);
    }
    let image = view.text("image");
    if faults.context().is_pod() && image.trim() != image {
        let reason = "must not have leading or trailing whitespace";
        view.invalid(faults, "invalid-image", "image", reason, reason);
    }
    restart_rules(faults, view);
    let mut seen = HashSet::new();
    for (index, item) in view.items("resizePolicy").iter().enumerate() {
        if !seen.insert(text(item, "resourceName")) {
            let path = format!("resizePolicy[{index}]");
            view.duplicate(faults, &path, "this resource has a policy already");
        }
    }
}

fn text<'n>(node: &'n Node, name: &str) -> &'n str {
    node.get(name).and_then(Node::as_str).unwrap_or_default()
}

fn port_names(faults: &mut Faults<'_>, view: View<'_>) {
    let mut seen = HashSet::new();
    for (index, port) in view.items("ports").iter().enumerate() {
        let name = text(port, "name");
        let right = !name.is_empty() && Form::PortName.fault(name, faults.version()).is_none();
        if right && !seen.insert(name) {
            let path = format!("ports[{index}].name");
            view.duplicate(faults, &path, "another port has this name");
        }
    }
}

fn mounts(faults: &mut Faults<'_>, view: View<'_>) {
    let devices = view.items("volumeDevices");
    let named = |key: &str, value: &str| devices.iter().any(|device| text(device, key) == value);
    let privileged = view
        .find(&["securityContext", "privileged"])
        .and_then(Node::as_bool);
    for (index, mount) in view.items("volumeMounts").iter().enumerate() {
        let path = |name: &str| format!("volumeMounts[{index}].{name}");
        for (key, other, reason) in [
            ("name", "name", "must not already exist in volumeDevices"),
            (
                "mountPath",
                "devicePath",
                "must not already exist as a path in volumeDevices",
            ),
        ] {
            let value = text(mount, key);
            if !value.is_empty() && named(other, value) {
                view.invalid(faults, "conflicting-fields", &path(key), reason, reason);
            }
        }
        for name in ["subPath", "subPathExpr"] {
            sub_path(faults, view, index, name, text(mount, name));
        }
        if !text(mount, "subPath").is_empty() && !text(mount, "subPathExpr").is_empty() {
            let reason = "subPathExpr and subPath are mutually exclusive";
            view.invalid(faults, "one-of", &path("subPathExpr"), reason, reason);
        }
        let propagation = text(mount, "mountPropagation");
        if propagation == "Bidirectional" && privileged != Some(true) {
            let finding = Finding {
                rule: "forbidden-field",
                message: "`mountPropagation: Bidirectional` is not allowed here".to_owned(),
                remark: "only a privileged container may mount so",
                words: "Forbidden: Bidirectional mount propagation is available only to privileged containers".to_owned(),
            };
            let span = mount
                .get("mountPropagation")
                .map_or(view.at, |node| node.span);
            view.refuse_at(faults, "volumeMounts.mountPropagation", span, finding);
        }
        if matches!(text(mount, "recursiveReadOnly"), "Enabled" | "IfPossible") {
            let read_only = mount.get("readOnly").and_then(Node::as_bool) == Some(true);
            let reason = if !read_only {
                "may only be specified when readOnly is true"
            } else if !matches!(propagation, "" | "None") {
                "may only be specified when mountPropagation is None or not specified"
            } else {
                continue;
            };
            let span = mount
                .get("recursiveReadOnly")
                .map_or(view.at, |node| node.span);
            let finding = Finding {
                rule: "forbidden-field",
                message: "`recursiveReadOnly` is not allowed here".to_owned(),
                remark: reason,
                words: format!("Forbidden: {reason}"),
            };
            view.refuse_at(faults, "volumeMounts.recursiveReadOnly", span, finding);
        }
    }
}

/// A path inside a volume; the server reports it without the index for `subPath`.
fn sub_path(faults: &mut Faults<'_>, view: View<'_>, index: usize, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let Some(words) = Form::RelativePath.fault(value, faults.version()) else {
        return;
    };
    let mount = view.items("volumeMounts").get(index);
    let span = mount
        .and_then(|m| m.get(name))
        .map_or(view.at, |node| node.span);
    let finding = Finding {
        rule: "invalid-path",
        message: format!("`{value}` leaves the volume"),
        remark: "a relative path without `..`",
        words: format!("Invalid value: {value:?}: {words}"),
    };
    view.refuse_at(faults, &format!("volumeMounts.{name}"), span, finding);
}

fn devices(faults: &mut Faults<'_>, view: View<'_>) {
    let (mut names, mut paths) = (HashSet::new(), HashSet::new());
    for (index, device) in view.items("volumeDevices").iter().enumerate() {
        let path = |name: &str| format!("volumeDevices[{index}].{name}");
        let (name, device) = (text(device, "name"), text(device, "devicePath"));
        if !name.is_empty() && !names.insert(name) {
            view.invalid(
                faults,
                "duplicate-value",
                &path("name"),
                "",
                "must be unique",
            );
        }
        if device.split('/').any(|part| part == "..") {
            let reason = "can not contain backsteps ('..')";
            view.invalid(faults, "invalid-path", &path("devicePath"), reason, reason);
        } else if !device.is_empty() && !paths.insert(device) {
            view.invalid(
                faults,
                "duplicate-value",
                &path("devicePath"),
                "",
                "must be unique",
            );
        }
    }
}

/// Restart rules of one container (`validateContainerRestartPolicy`, since 1.35).
fn restart_rules(faults: &mut Faults<'_>, view: View<'_>) {
    let rules = view.items("restartPolicyRules");
    if rules.is_empty() || faults.version().minor() < 35 {
        return;
    }
    if view.get("restartPolicy").is_none() {
        let reason = "must specify restartPolicy when restart rules are used";
        view.required(faults, "restartPolicy", "the rules demand it", reason);
    }
    if rules.len() > 20 {
        let finding = Finding {
            rule: "too-many",
            message: "these are too many rules".to_owned(),
            remark: "at most 20",
            words: format!("Too many: {}: must have at most 20 items", rules.len()),
        };
        view.refuse(faults, "restartPolicyRules", finding);
    }
    for (index, rule) in rules.iter().enumerate() {
        if rule.get("exitCodes").is_none_or(Node::is_null) {
            let path = format!("restartPolicyRules[{index}].exitCodes");
            view.required(faults, &path, "which exit codes?", "must be specified");
        }
        let path = format!("restartPolicyRules[{index}].exitCodes.values");
        view.too_many(faults, &path, 255);
    }
}

/// A probe: what it is for decides what it may have.
pub(super) fn probe(faults: &mut Faults<'_>, view: View<'_>) {
    match view.place.field_name() {
        // 0 becomes 1.
        "livenessProbe" | "startupProbe"
            if view
                .int("successThreshold")
                .is_some_and(|number| !(0..=1).contains(&number)) =>
        {
            let remark = "such a probe has succeeded when it succeeds once";
            view.invalid(
                faults,
                "out-of-range",
                "successThreshold",
                remark,
                "must be 1",
            );
        }
        "readinessProbe" if view.get("terminationGracePeriodSeconds").is_some() => {
            let reason = "must not be set for readinessProbes";
            let path = "terminationGracePeriodSeconds";
            view.invalid(
                faults,
                "forbidden-field",
                path,
                "readiness ends nothing",
                reason,
            );
        }
        _ => {}
    }
}

/// A field of the pod that a variable or a file shows (`validateObjectFieldSelector`).
pub(super) fn field_reference(faults: &mut Faults<'_>, view: View<'_>) {
    let path = view.text("fieldPath");
    if path.is_empty() {
        return;
    }
    if !matches!(view.text("apiVersion"), "" | "v1") {
        let reason = format!(
            "error converting fieldPath: unsupported pod version: {}",
            view.text("apiVersion")
        );
        return view.invalid(faults, "invalid-field-reference", "fieldPath", "", reason);
    }
    let in_volume = view
        .place
        .parent()
        .is_some_and(|p| p.field_name() == "items");
    let allowed: &[&str] = match in_volume {
        true => &[
            "metadata.annotations",
            "metadata.labels",
            "metadata.name",
            "metadata.namespace",
            "metadata.uid",
        ],
        false => &[
            "metadata.name",
            "metadata.namespace",
            "metadata.uid",
            "spec.nodeName",
            "spec.serviceAccountName",
            "status.hostIP",
            "status.hostIPs",
            "status.podIP",
            "status.podIPs",
        ],
    };
    let subscript = path
        .strip_suffix("']")
        .and_then(|head| head.split_once("['"));
    if let Some((field, key)) = subscript {
        let key = match field {
            "metadata.labels" => key.to_owned(),
            "metadata.annotations" => key.to_lowercase(),
            _ => {
                let reason = format!(
                    "error converting fieldPath: field label does not support subscript: {path}"
                );
                let remark = "only labels and annotations have keys";
                return view.invalid(
                    faults,
                    "invalid-field-reference",
                    "fieldPath",
                    remark,
                    reason,
                );
            }
        };
        if let Some(words) = Form::LabelKey.fault(&key, faults.version()) {
            let finding = Finding {
                rule: "invalid-field-reference",
                message: format!("`{key}` is no key of a label or annotation"),
                remark: Form::LabelKey.rule(),
                words: format!("Invalid value: {key:?}: {words}"),
            };
            view.refuse_at(faults, "", view.span("fieldPath"), finding);
        }
        return;
    }
    const CONVERTED: &[&str] = &[
        "metadata.annotations",
        "metadata.labels",
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.phase",
        "status.podIP",
        "status.podIPs",
    ];
    if path == "spec.host" && !in_volume {
        return;
    }
    if !CONVERTED.contains(&path) && path != "spec.host" {
        let near = crate::manifest::suggest::nearest(path, allowed.iter().copied());
        let remark = near.map_or_else(
            || format!("one of {}", allowed.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let reason = format!("error converting fieldPath: field label not supported: {path}");
        view.invalid(
            faults,
            "invalid-field-reference",
            "fieldPath",
            &remark,
            reason,
        );
    } else if !allowed.contains(&path) {
        view.unsupported(faults, "fieldPath", allowed);
    }
}

/// A resource of the container that a variable or a file shows
/// (`validateContainerResourceFieldSelector`).
pub(super) fn resource_reference(faults: &mut Faults<'_>, view: View<'_>) {
    const RESOURCES: &[&str] = &[
        "limits.cpu",
        "limits.ephemeral-storage",
        "limits.memory",
        "requests.cpu",
        "requests.ephemeral-storage",
        "requests.memory",
    ];
    let in_volume = view
        .place
        .parent()
        .is_some_and(|p| p.field_name() == "items");
    let resource = view.text("resource");
    if in_volume && view.text("containerName").is_empty() {
        view.required(faults, "containerName", "which container?", "");
    }
    let huge = ["limits.hugepages-", "requests.hugepages-"]
        .iter()
        .any(|prefix| resource.starts_with(prefix));
    if !resource.is_empty() && !huge && !RESOURCES.contains(&resource) {
        view.unsupported(faults, "resource", RESOURCES);
    }
    let Some(divisor) = view.get("divisor").and_then(super::resources::quantity) else {
        return;
    };
    let printed = divisor.to_string();
    let allowed: &[&str] = match resource {
        "limits.cpu" | "requests.cpu" => &["1m", "1"],
        _ => &[
            "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
        ],
    };
    if !divisor.is_zero()
        && !allowed.contains(&printed.as_str())
        && (huge || RESOURCES.contains(&resource))
    {
        let reason = format!("only divisor's values {} are supported", allowed.join(", "));
        view.invalid(faults, "invalid-divisor", "divisor", &reason, &reason);
    }
}

/// `ValidateSecurityContext`.
pub(super) fn security(faults: &mut Faults<'_>, view: View<'_>) {
    if view.bool("allowPrivilegeEscalation") != Some(false) {
        return;
    }
    if view.bool("privileged") == Some(true) {
        conflict(
            faults,
            view,
            "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        );
    }
    let added = view.find(&["capabilities", "add"]).and_then(Node::as_seq);
    let mut added = added.unwrap_or_default().iter();
    if added.any(|node| node.as_str() == Some("CAP_SYS_ADMIN")) {
        conflict(
            faults,
            view,
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
        );
    }
}

fn conflict(faults: &mut Faults<'_>, view: View<'_>, reason: &str) {
    let finding = Finding {
        rule: "conflicting-fields",
        message: "`allowPrivilegeEscalation: false` contradicts the rest".to_owned(),
        remark: reason,
        words: format!("Invalid value: {reason}"),
    };
    view.refuse_at(faults, "", view.span("allowPrivilegeEscalation"), finding);
}

/// A seccomp or AppArmor profile on the node.
pub(super) fn local_profile(faults: &mut Faults<'_>, view: View<'_>, armor: bool) {
    if view.text("type") != "Localhost" {
        return;
    }
    let Some(profile) = view.get("localhostProfile").and_then(Node::as_str) else {
        return;
    };
    let path = "localhostProfile";
    if !armor {
        return super::fields::refuse_form(faults, view, path, Form::RelativePath, profile);
    }
    if profile.trim() != profile {
        let reason = "must not be padded with whitespace";
        view.invalid(faults, "invalid-name", path, reason, reason);
    } else if profile.is_empty() {
        let reason = "must be set when AppArmor type is Localhost";
        view.required(faults, path, reason, reason);
    }
    if profile.len() > 4095 {
        super::fields::too_long(faults, view, path, 4095);
    }
}
