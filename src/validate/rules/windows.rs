//! Windows: security options (`validateWindowsSecurityContextOptions`) and containers that are
//! processes of the host (`validateWindowsHostProcessPod`).

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::View;

const SPEC_MAX: usize = 64 * 1024;
const DOMAIN_MAX: usize = 256;
const USER_MAX: usize = 104;

/// The Windows options of a pod or a container.
pub(super) fn options(faults: &mut Faults<'_>, view: View<'_>) {
    let name = "gmsaCredentialSpecName";
    if let Some(text) = view.get(name).and_then(Node::as_str) {
        refuse_form(faults, view, name, Form::DnsSubdomain, text);
    }
    let name = "gmsaCredentialSpec";
    match view.get(name).and_then(Node::as_str).map(str::len) {
        Some(0) => {
            let reason = "gmsaCredentialSpec cannot be an empty string";
            view.invalid(faults, "wrong-length", name, "leave it out", reason);
        }
        Some(length) if length > SPEC_MAX => {
            let reason = "gmsaCredentialSpec size must be under 64 KiB";
            view.invalid(faults, "too-long", name, "at most 64 KiB", reason);
        }
        _ => {}
    }
    let name = "runAsUserName";
    if let Some(text) = view.get(name).and_then(Node::as_str) {
        for reason in user_faults(text) {
            let remark = "a user, or a domain and a user: `DOMAIN\\user`";
            view.invalid(faults, "invalid-name", name, remark, reason);
        }
    }
}

/// What the server complains of in the name of a user.
fn user_faults(text: &str) -> Vec<&'static str> {
    if text.is_empty() {
        return vec!["runAsUserName cannot be an empty string"];
    }
    if text.bytes().any(|b| b.is_ascii_control()) {
        return vec!["runAsUserName cannot contain control characters"];
    }
    let (domain, user) = match text.split_once('\\') {
        Some((domain, user)) => (Some(domain), user),
        None => (None, text),
    };
    if user.contains('\\') {
        return vec!["runAsUserName cannot contain more than one backslash"];
    }
    let mut reasons = Vec::new();
    if domain.is_some_and(|domain| domain.len() >= DOMAIN_MAX) {
        reasons.push("runAsUserName's Domain length must be under 256 characters");
    }
    if domain.is_some_and(|domain| !is_net_bios(domain) && !is_dns(domain)) {
        reasons.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    }
    if user.is_empty() {
        reasons.push("runAsUserName's User cannot be empty");
    } else if user.len() > USER_MAX {
        reasons.push("runAsUserName's User length must not be longer than 104 characters");
    }
    if !user.is_empty() && user.bytes().all(|b| matches!(b, b'.' | b' ')) {
        reasons.push("runAsUserName's User cannot contain only periods or spaces");
    }
    if user.contains(|c| r#""/\:;|=,+*?<>@[]"#.contains(c)) {
        reasons.push(
            r#"runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[]"#,
        );
    }
    reasons
}

fn is_net_bios(domain: &str) -> bool {
    (1..=15).contains(&domain.chars().count())
        && !domain.starts_with('.')
        && !domain.contains(|c| r#"\/:*?"<>|"#.contains(c))
}

fn is_dns(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

/// Containers that are processes of the host: all of them or none, and in the host's network.
pub(super) fn host_processes<'v>(
    faults: &mut Faults<'_>,
    view: View<'v>,
    containers: impl Iterator<Item = (String, &'v Node)>,
) {
    const PATH: [&str; 3] = ["securityContext", "windowsOptions", "hostProcess"];
    let of_pod = view.find(&PATH).and_then(Node::as_bool);
    let (mut all, mut processes) = (0, 0);
    for (path, container) in containers {
        all += 1;
        let own = container.at(&PATH).and_then(Node::as_bool);
        if let (Some(pod), Some(own)) = (of_pod, own)
            && pod != own
        {
            let path = format!("{path}.{}", PATH.join("."));
            let reason =
                format!("pod hostProcess value must be identical if both are specified, was {pod}");
            view.invalid(faults, "conflicting-fields", &path, &reason, &reason);
        }
        processes += usize::from(own.or(of_pod) == Some(true));
    }
    if processes == 0 {
        return;
    }
    if processes != all {
        let reason = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        let remark = "set `hostProcess` of the pod instead";
        view.invalid(faults, "conflicting-fields", "", remark, reason);
    }
    if view.bool("hostNetwork") != Some(true) {
        let reason = "hostNetwork must be true if pod contains any hostProcess containers";
        let remark = "write `hostNetwork: true`";
        view.invalid(faults, "conflicting-fields", "hostNetwork", remark, reason);
    }
}
