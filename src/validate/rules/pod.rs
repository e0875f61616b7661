//! What must fit together in a pod spec (`ValidatePodSpec` of `pkg/apis/core/validation`).

use std::collections::HashSet;

use super::fields::refuse_form;
use super::form::Form;
use super::{pod_system, pod_volumes};
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// The lists of containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Checks a pod spec.
pub(super) fn spec(faults: &mut Faults<'_>, view: View<'_>) {
    pod_volumes::check(faults, view);
    if view.text("restartPolicy") == "Never" {
        no_restarts(faults, view);
    }
    if faults.context().is_pod() {
        pod_volumes::made_claims(faults, view);
    }
    names(faults, view);
    host_ports(faults, view);
    dns(faults, view);
    namespaces(faults, view);
    gates(faults, view);
    claims(faults, view);
    pod_system::host_sysctls(faults, view);
    pod_system::operating_system(faults, view);
    super::windows::host_processes(faults, view, containers(view));
    sleeps(faults, view);
    let account = view.text("serviceAccount");
    if view.text("serviceAccountName").is_empty() && !account.is_empty() {
        deprecated_account(faults, view, account);
    }
    if !view.items("ephemeralContainers").is_empty() {
        let (remark, reason) = match faults.context().is_pod() {
            true => ("add them to a running pod", "cannot be set on create"),
            false => (
                "add them to a running pod",
                "ephemeral containers not allowed in pod template",
            ),
        };
        view.forbidden(faults, "ephemeralContainers", remark, reason);
    }
    if let Some(name) = view.get("hostnameOverride").and_then(Node::as_str)
        && faults.version().minor() >= 35
    {
        hostname_override(faults, view, name);
    }
}

/// Containers of a pod that never restarts do not restart for a resize (`validateResizePolicy`).
fn no_restarts(faults: &mut Faults<'_>, view: View<'_>) {
    for (path, container) in containers(view) {
        for item in items(container, "resizePolicy") {
            if text(item, "restartPolicy") != "RestartContainer" {
                continue;
            }
            let finding = Finding {
                rule: "conflicting-fields",
                message: "`restartPolicy` cannot be `RestartContainer`".to_owned(),
                remark: "the pod never restarts its containers",
                words: "Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'".to_owned(),
            };
            view.refuse_at(faults, &format!("{path}.resizePolicy"), item.span, finding);
        }
    }
}

/// The former field for the service account, which the server copies to the other one.
fn deprecated_account(faults: &mut Faults<'_>, view: View<'_>, account: &str) {
    if let Some(words) = Form::DnsSubdomain.fault(account, faults.version()) {
        let finding = Finding {
            rule: "invalid-name",
            message: format!("`{account}` is no name of a service account"),
            remark: Form::DnsSubdomain.rule(),
            words: format!("Invalid value: {account:?}: {words}"),
        };
        let span = view.get("serviceAccount").map_or(view.at, |node| node.span);
        view.refuse_at(faults, "serviceAccountName", span, finding);
    }
}

/// How long a container sleeps before it ends: within the grace period (`validateSleepAction`).
fn sleeps(faults: &mut Faults<'_>, view: View<'_>) {
    let grace = view.int("terminationGracePeriodSeconds").unwrap_or(30);
    for (path, container) in containers(view) {
        for hook in ["postStart", "preStop"] {
            let seconds = container.at(&["lifecycle", hook, "sleep", "seconds"]);
            if seconds
                .and_then(Node::as_i64)
                .is_some_and(|n| n < 0 || n > grace.max(1))
            {
                let path = format!("{path}.lifecycle.{hook}.sleep");
                let reason = format!(
                    "must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                );
                view.invalid(faults, "out-of-range", &path, &reason, &reason);
            }
        }
    }
}

/// Iterates over the containers of all lists, with their paths.
pub(super) fn containers(view: View<'_>) -> impl Iterator<Item = (String, &Node)> {
    CONTAINERS.into_iter().flat_map(move |list| {
        let items = view.items(list).iter().enumerate();
        items.map(move |(index, item)| (format!("{list}[{index}]"), item))
    })
}

pub(super) fn text<'n>(node: &'n Node, name: &str) -> &'n str {
    node.get(name).and_then(Node::as_str).unwrap_or_default()
}

pub(super) fn items<'n>(node: &'n Node, name: &str) -> &'n [Node] {
    node.get(name).and_then(Node::as_seq).unwrap_or_default()
}

/// Checks that no two containers of different lists have one name.
fn names(faults: &mut Faults<'_>, view: View<'_>) {
    let mut seen: HashSet<&str> = HashSet::new();
    for list in CONTAINERS {
        let before = seen.clone();
        for (index, container) in view.items(list).iter().enumerate() {
            let name = text(container, "name");
            if !name.is_empty() && before.contains(name) {
                let path = format!("{list}[{index}].name");
                view.duplicate(faults, &path, "another container has this name");
            }
            seen.insert(name);
        }
    }
}

/// Checks that no port of a node is taken twice, and that it is the container's own under
/// `hostNetwork`.
fn host_ports(faults: &mut Faults<'_>, view: View<'_>) {
    let host_network = view.bool("hostNetwork") == Some(true);
    let is_pod = faults.context().is_pod();
    let mut taken: HashSet<(String, String, i64)> = HashSet::new();
    for list in ["containers", "initContainers"] {
        for (at, container) in view.items(list).iter().enumerate() {
            if list == "initContainers" {
                // They run one by one.
                taken.clear();
            }
            for (index, port) in items(container, "ports").iter().enumerate() {
                let number = |name: &str| port.get(name).and_then(Node::as_i64).unwrap_or(0);
                let path = format!("{list}[{at}].ports[{index}].hostPort");
                let (given, own) = (number("hostPort"), number("containerPort"));
                let host = match (given, host_network && is_pod) {
                    (0, true) => own,
                    (given, _) => given,
                };
                if host_network && list == "containers" && host != 0 && host != own {
                    let reason = "must match `containerPort` when `hostNetwork` is true";
                    view.invalid(faults, "conflicting-fields", &path, reason, reason);
                }
                if host == 0 {
                    continue;
                }
                let protocol = match text(port, "protocol") {
                    "" => "TCP",
                    protocol => protocol,
                };
                let key = (protocol.to_owned(), text(port, "hostIP").to_owned(), host);
                let shown = format!("{}/{}/{}", key.0, key.1, key.2);
                if !taken.insert(key) {
                    let finding = Finding {
                        rule: "duplicate-value",
                        message: format!("port {host} of the node is taken already"),
                        remark: "another port of this pod has it",
                        words: format!("Duplicate value: {shown:?}"),
                    };
                    view.refuse(faults, &path, finding);
                }
            }
        }
    }
}

fn dns(faults: &mut Faults<'_>, view: View<'_>) {
    let none = view.text("dnsPolicy") == "None";
    let config = view.get("dnsConfig");
    let servers = config.map_or(&[][..], |config| items(config, "nameservers"));
    if none && config.is_none() {
        let reason = "must provide `dnsConfig` when `dnsPolicy` is None";
        return view.required(faults, "dnsConfig", "`dnsPolicy: None` demands it", reason);
    }
    if none && servers.is_empty() {
        let reason = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        let remark = "`dnsPolicy: None` demands one";
        return view.required(faults, "dnsConfig.nameservers", remark, reason);
    }
    let Some(config) = config else {
        return;
    };
    if servers.len() > 3 {
        let reason = "must not have more than 3 nameservers";
        view.invalid(
            faults,
            "too-many",
            "dnsConfig.nameservers",
            "at most 3",
            reason,
        );
    }
    for (index, server) in servers.iter().enumerate() {
        let path = format!("dnsConfig.nameservers[{index}]");
        refuse_form(
            faults,
            view,
            &path,
            Form::Ip,
            server.as_str().unwrap_or_default(),
        );
    }
    let searches = items(config, "searches");
    let path = "dnsConfig.searches";
    if searches.len() > 32 {
        let reason = "must not have more than 32 search paths";
        view.invalid(faults, "too-many", path, "at most 32", reason);
    }
    let length = |node: &Node| node.as_str().map_or(0, str::len) + 1;
    if searches.iter().map(length).sum::<usize>() > 2049 {
        let reason =
            "must not have more than 2048 characters (including spaces) in the search list";
        view.invalid(faults, "too-long", path, "at most 2048 characters", reason);
    }
    for (index, search) in searches.iter().enumerate() {
        // null is the empty text.
        let text = search.as_str().unwrap_or_default();
        if text != "." {
            refuse_form(
                faults,
                view,
                &format!("{path}[{index}]"),
                Form::DnsSearch,
                text,
            );
        }
    }
    for (index, option) in items(config, "options").iter().enumerate() {
        if text(option, "name").is_empty() {
            let path = format!("dnsConfig.options[{index}]");
            view.required(faults, &path, "an option has a `name`", "must not be empty");
        }
    }
}

/// Namespaces that are shared with the host, or are not.
fn namespaces(faults: &mut Faults<'_>, view: View<'_>) {
    let on = |name| view.bool(name) == Some(true);
    if on("shareProcessNamespace") && on("hostPID") {
        let reason = "ShareProcessNamespace and HostPID cannot both be enabled";
        view.invalid(
            faults,
            "conflicting-fields",
            "shareProcessNamespace",
            reason,
            reason,
        );
    }
    if view.bool("hostUsers") != Some(false) {
        for (path, container) in containers(view) {
            if container
                .at(&["securityContext", "procMount"])
                .and_then(Node::as_str)
                == Some("Unmasked")
            {
                let path = format!("{path}.securityContext.procMount");
                let reason = "`hostUsers` must be false to use `Unmasked`";
                view.invalid(faults, "conflicting-fields", &path, reason, reason);
            }
        }
        return;
    }
    for (name, field) in [
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ] {
        if on(name) {
            let finding = Finding {
                rule: "conflicting-fields",
                message: format!("`{name}` stands beside `hostUsers: false`"),
                remark: "one of them must go",
                words: "Forbidden: when `hostUsers` is false".to_owned(),
            };
            view.refuse_at(faults, field, view.span(name), finding);
        }
    }
    for (path, container) in containers(view) {
        if !items(container, "volumeDevices").is_empty() {
            let path = format!("{path}.volumeDevices");
            view.forbidden(
                faults,
                &path,
                "`hostUsers` is false",
                "when `hostUsers` is false",
            );
        }
    }
}

fn gates(faults: &mut Faults<'_>, view: View<'_>) {
    let gates = view.items("schedulingGates");
    let mut seen = HashSet::new();
    for (index, gate) in gates.iter().enumerate() {
        let name = text(gate, "name");
        let path = format!("schedulingGates[{index}]");
        refuse_form(faults, view, &path, Form::LabelKey, name);
        if !seen.insert(name) {
            view.duplicate(faults, &path, "this gate is listed already");
        }
    }
    if !gates.is_empty() && !view.text("nodeName").is_empty() && faults.context().is_pod() {
        let reason = "cannot be set until all schedulingGates have been cleared";
        view.forbidden(faults, "nodeName", "a gated pod has no node yet", reason);
    }
}

/// Resource claims, and what containers use of them.
fn claims(faults: &mut Faults<'_>, view: View<'_>) {
    let mut known = HashSet::new();
    for (index, claim) in view.items("resourceClaims").iter().enumerate() {
        let name = text(claim, "name");
        if !name.is_empty() && !known.insert(name) {
            let path = format!("resourceClaims[{index}].name");
            view.duplicate(faults, &path, "another claim has this name");
        }
        let given = |name| claim.get(name).is_some_and(|node| !node.is_null());
        let both = (
            given("resourceClaimName"),
            given("resourceClaimTemplateName"),
        );
        let reason = match both {
            (true, true) => {
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            }
            (false, false) => {
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            }
            _ => continue,
        };
        let path = format!("resourceClaims[{index}]");
        view.invalid(faults, "one-of", &path, "exactly one of the two", reason);
    }
    for (path, container) in containers(view) {
        let claims = container
            .at(&["resources", "claims"])
            .and_then(Node::as_seq);
        for (index, claim) in claims.unwrap_or_default().iter().enumerate() {
            let name = text(claim, "name");
            if !name.is_empty() && !known.contains(name) {
                let path = format!("{path}.resources.claims[{index}]");
                let finding = Finding {
                    rule: "unknown-claim",
                    message: format!("there is no resource claim `{name}`"),
                    remark: "`resourceClaims` of the pod has none of this name",
                    words: format!(
                        "Not found: {name:?}: must be one of the names in pod.spec.resourceClaims"
                    ),
                };
                view.refuse(faults, &path, finding);
            }
        }
    }
}

fn hostname_override(faults: &mut Faults<'_>, view: View<'_>, name: &str) {
    let path = "hostnameOverride";
    for (other, reason) in [
        (
            "setHostnameAsFQDN",
            "may not be specified when setHostnameAsFQDN is true",
        ),
        (
            "hostNetwork",
            "may not be specified when hostNetwork is true",
        ),
    ] {
        if view.bool(other) == Some(true) {
            view.forbidden(faults, path, reason, reason);
        }
    }
    if name.len() > 64 {
        super::fields::too_long(faults, view, path, 64);
    }
    refuse_form(faults, view, path, Form::DnsSubdomain, name);
}
