//! What a pod wants of the system that it runs on: kernel parameters, and what goes with its
//! operating system (`validateSysctls`, `ValidatePodSpec` of `pkg/apis/core/validation`).

use std::collections::HashSet;

use super::pod::{containers, text};
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::View;

/// What does not go with the operating system that a pod names.
pub(super) fn operating_system(faults: &mut Faults<'_>, view: View<'_>) {
    let (pod, security, refused) = match view.find(&["os", "name"]).and_then(Node::as_str) {
        Some("windows") => (
            &["hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"][..],
            &[
                "appArmorProfile",
                "seLinuxOptions",
                "seccompProfile",
                "fsGroup",
                "fsGroupChangePolicy",
                "sysctls",
                "runAsUser",
                "runAsGroup",
                "supplementalGroups",
                "supplementalGroupsPolicy",
                "seLinuxChangePolicy",
                "capabilities",
                "readOnlyRootFilesystem",
                "privileged",
                "allowPrivilegeEscalation",
                "procMount",
            ][..],
            "cannot be set for a windows pod",
        ),
        Some("linux") => (
            &[][..],
            &["windowsOptions"][..],
            "windows options cannot be set for a linux pod",
        ),
        _ => return,
    };
    // What is no pointer counts only with a value.
    let set = |node: Option<&Node>, name: &str| match node {
        None => false,
        Some(node) if node.is_null() => false,
        Some(node) if matches!(name, "hostPID" | "hostIPC") => node.as_bool() == Some(true),
        Some(node) => node.as_seq().is_none_or(|items| !items.is_empty()),
    };
    let has_resources = view.get("resources").is_some() && faults.version().minor() >= 34;
    if has_resources && refused.contains("windows pod") {
        let reason = "may not be set for a windows pod";
        view.forbidden(faults, "resources", "not with this `os`", reason);
    }
    for name in pod {
        if set(view.get(name), name) {
            view.forbidden(faults, name, "not with this `os`", refused);
        }
    }
    let contexts = std::iter::once((String::new(), view.get("securityContext")))
        .chain(containers(view).map(|(path, c)| (format!("{path}."), c.get("securityContext"))));
    for (path, context) in contexts {
        for name in security {
            if set(context.and_then(|context| context.get(name)), name) {
                let path = format!("{path}securityContext.{name}");
                view.forbidden(faults, &path, "not with this `os`", refused);
            }
        }
    }
}

/// Kernel parameters (`validateSysctls`), seen from the pod's security context.
pub(super) fn sysctls(faults: &mut Faults<'_>, view: View<'_>) {
    let mut seen = HashSet::new();
    for (index, sysctl) in view.items("sysctls").iter().enumerate() {
        let name = text(sysctl, "name");
        let path = format!("sysctls[{index}].name");
        if name.is_empty() {
            continue;
        }
        if name.len() > 253 || !name.split(['.', '/']).all(is_sysctl_segment) {
            let reason = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            view.invalid(
                faults,
                "invalid-name",
                &path,
                "such as `net.core.somaxconn`",
                reason,
            );
        } else if !seen.insert(name) {
            view.duplicate(faults, &path, "this parameter is set already");
        }
    }
}

fn is_sysctl_segment(segment: &str) -> bool {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    segment.as_bytes().first().is_some_and(plain)
        && segment.as_bytes().last().is_some_and(plain)
        && segment.bytes().all(|b| plain(&b) || b == b'-' || b == b'_')
}

/// Kernel parameters of a namespace that is the host's.
pub(super) fn host_sysctls(faults: &mut Faults<'_>, view: View<'_>) {
    let sysctls = view
        .find(&["securityContext", "sysctls"])
        .and_then(Node::as_seq);
    for (index, sysctl) in sysctls.unwrap_or_default().iter().enumerate() {
        let name = text(sysctl, "name").replace('/', ".");
        let ipc = ["kernel.shm", "kernel.msg", "fs.mqueue."]
            .iter()
            .any(|p| name.starts_with(p))
            || name == "kernel.sem";
        let reason = if view.bool("hostNetwork") == Some(true) && name.starts_with("net.") {
            "may not be specified when 'hostNetwork' is true"
        } else if view.bool("hostIPC") == Some(true) && ipc {
            "may not be specified when 'hostIPC' is true"
        } else {
            continue;
        };
        let path = format!("securityContext.sysctls[{index}].name");
        view.invalid(faults, "conflicting-fields", &path, reason, reason);
    }
}
