//! What of a pod the Pod Security Standards do not allow: the checks of
//! `k8s.io/pod-security-admission/policy`, for the levels `baseline` and `restricted`.
//!
//! Whether a namespace asks for a level is known when all objects are; until then a breach is
//! a few bytes.

use super::{entries, items};
use crate::manifest::{Node, Span};

/// A level of the standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::lint) enum Level {
    /// What is known to lead out of the container is refused.
    Baseline,
    /// What is not hardened is refused too.
    Restricted,
}

/// Something that a level does not allow.
#[derive(Clone, Copy, Debug)]
pub(in crate::lint) struct Breach {
    /// The level that refuses it.
    pub(in crate::lint) level: Level,
    /// The first minor version of the standards that refuses it, and the first that does not.
    pub(in crate::lint) versions: (u32, u32),
    /// The container, by its position in the facts; `None` for the pod.
    pub(in crate::lint) container: Option<usize>,
    /// The field, below the container or the pod's spec.
    pub(in crate::lint) field: &'static str,
    /// What is wrong, and what is wanted.
    pub(in crate::lint) words: &'static str,
    /// Where it stands; the container or the pod where something is missing.
    pub(in crate::lint) at: Span,
}

const EVER: (u32, u32) = (0, u32::MAX);

/// Capabilities that a container has without asking.
const USUAL: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel settings that only concern the pod, each with the version that came to know it.
const SYSCTLS: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
    ("net.ipv4.tcp_notsent_lowat", 37),
];

/// Volumes that `restricted` leaves to a pod.
const VOLUMES: [&str; 10] = [
    "name",
    "configMap",
    "downwardAPI",
    "emptyDir",
    "projected",
    "secret",
    "csi",
    "persistentVolumeClaim",
    "ephemeral",
    "image",
];

/// What holds for all containers of a pod.
struct Pod<'n> {
    context: Option<&'n Node>,
    windows: bool,
    /// Whether its users are others than the node's.
    own_users: bool,
}

/// Finds what the standards do not allow in the spec of a pod. `containers` are in the order of
/// the facts, each with where it stands.
pub(super) fn breaches(spec: &Node, containers: &[(&Node, Span)]) -> Vec<Breach> {
    let mut found = Vec::new();
    let pod = Pod {
        context: given(Some(spec), "securityContext"),
        windows: spec.at(&["os", "name"]).and_then(Node::as_str) == Some("windows"),
        own_users: spec.get("hostUsers").and_then(Node::as_bool) == Some(false),
    };
    of_pod(spec, &pod, &mut found);
    for (index, &(node, at)) in containers.iter().enumerate() {
        let first = found.len();
        of_container(node, at, &pod, &mut found);
        for breach in &mut found[first..] {
            breach.container = Some(index);
        }
    }
    found
}

fn given<'n>(node: Option<&'n Node>, name: &str) -> Option<&'n Node> {
    node?.get(name).filter(|node| !node.is_null())
}

fn is_true(node: Option<&Node>, name: &str) -> Option<Span> {
    let node = given(node, name)?;
    (node.as_bool() == Some(true)).then_some(node.span)
}

fn breach(level: Level, field: &'static str, words: &'static str, at: Span) -> Breach {
    Breach {
        level,
        versions: EVER,
        container: None,
        field,
        words,
        at,
    }
}

fn of_pod(spec: &Node, pod: &Pod<'_>, found: &mut Vec<Breach>) {
    for (field, words) in [
        ("hostNetwork", "the node's network"),
        ("hostPID", "the node's processes"),
        ("hostIPC", "the node's memory between processes"),
    ] {
        if let Some(at) = is_true(Some(spec), field) {
            found.push(breach(Level::Baseline, field, words, at));
        }
    }
    for volume in items(Some(spec), "volumes") {
        for entry in entries(Some(volume)) {
            let (level, words) = match entry.key.as_str() {
                _ if entry.value.is_null() => continue,
                "hostPath" => (Level::Baseline, "a folder of the node"),
                name if VOLUMES.contains(&name) => continue,
                _ => (
                    Level::Restricted,
                    "a kind of volume that only an administrator may choose: use a claim",
                ),
            };
            found.push(breach(level, "volumes", words, entry.key_span));
        }
    }
    for sysctl in items(pod.context, "sysctls") {
        let name = sysctl
            .get("name")
            .and_then(Node::as_str)
            .unwrap_or_default();
        let known = SYSCTLS.iter().find(|(known, _)| *known == name);
        let until = known.map_or(u32::MAX, |&(_, since)| since);
        if until > 0 {
            let words = "a kernel setting that is not safe";
            found.push(Breach {
                versions: (0, until),
                ..breach(
                    Level::Baseline,
                    "securityContext.sysctls",
                    words,
                    sysctl.span,
                )
            });
        }
    }
    of_context(pod.context, pod, found);
    if let Some(node) = given(pod.context, "runAsNonRoot")
        && node.as_bool() == Some(false)
    {
        found.push(as_root(pod, node.span));
    }
}

/// What a security context of a pod or a container may say in the same way.
fn of_context(context: Option<&Node>, pod: &Pod<'_>, found: &mut Vec<Breach>) {
    if let Some(options) = given(context, "seLinuxOptions") {
        let text = |name: &str| options.get(name).and_then(Node::as_str).unwrap_or_default();
        let kinds = ["", "container_t", "container_init_t", "container_kvm_t"];
        let engine = text("type") == "container_engine_t";
        if !kinds.contains(&text("type")) || !text("user").is_empty() || !text("role").is_empty() {
            let words = "an SELinux user, role or type of its own";
            let until = if engine && text("user").is_empty() && text("role").is_empty() {
                31
            } else {
                u32::MAX
            };
            found.push(Breach {
                versions: (0, until),
                ..breach(
                    Level::Baseline,
                    "securityContext.seLinuxOptions",
                    words,
                    options.span,
                )
            });
        }
    }
    for (field, words, versions) in [
        (
            "securityContext.seccompProfile.type",
            "no filter of system calls: `RuntimeDefault` or `Localhost` is wanted",
            (19, u32::MAX),
        ),
        (
            "securityContext.appArmorProfile.type",
            "no AppArmor profile: `RuntimeDefault` or `Localhost` is wanted",
            EVER,
        ),
    ] {
        let name = field.split('.').nth(1).unwrap_or_default();
        if let Some(node) = given(given(context, name), "type")
            && !matches!(node.as_str(), Some("RuntimeDefault" | "Localhost"))
        {
            found.push(Breach {
                versions,
                ..breach(Level::Baseline, field, words, node.span)
            });
        }
    }
    if let Some(at) = is_true(given(context, "windowsOptions"), "hostProcess") {
        let field = "securityContext.windowsOptions.hostProcess";
        found.push(breach(Level::Baseline, field, "a process of the node", at));
    }
    if let Some(user) = given(context, "runAsUser")
        && user.as_i64() == Some(0)
    {
        let until = if pod.own_users { 35 } else { u32::MAX };
        found.push(Breach {
            versions: (23, until),
            ..breach(
                Level::Restricted,
                "securityContext.runAsUser",
                "it runs as root",
                user.span,
            )
        });
    }
}

fn as_root(pod: &Pod<'_>, at: Span) -> Breach {
    let until = if pod.own_users { 35 } else { u32::MAX };
    Breach {
        versions: (0, until),
        ..breach(
            Level::Restricted,
            "securityContext.runAsNonRoot",
            "it may run as root: `runAsNonRoot: true` is wanted",
            at,
        )
    }
}

fn of_container(node: &Node, at: Span, pod: &Pod<'_>, found: &mut Vec<Breach>) {
    let context = given(Some(node), "securityContext");
    of_context(context, pod, found);
    if let Some(at) = is_true(context, "privileged") {
        let field = "securityContext.privileged";
        found.push(breach(
            Level::Baseline,
            field,
            "it may do all that the node may",
            at,
        ));
    }
    if let Some(mount) = given(context, "procMount")
        && mount.as_str() != Some("Default")
    {
        let words = "more of /proc than usual";
        let until = if pod.own_users { 35 } else { u32::MAX };
        let field = "securityContext.procMount";
        found.push(Breach {
            versions: (0, until),
            ..breach(Level::Baseline, field, words, mount.span)
        });
        found.push(Breach {
            versions: (35, u32::MAX),
            ..breach(Level::Restricted, field, words, mount.span)
        });
    }
    for port in items(Some(node), "ports") {
        if let Some(number) = given(Some(port), "hostPort")
            && number.as_i64().is_some_and(|number| number != 0)
        {
            found.push(breach(
                Level::Baseline,
                "ports",
                "a port of the node",
                number.span,
            ));
        }
    }
    capabilities(context, at, pod, found);
    hosts(node, found);
    hardened(context, at, pod, found);
}

fn capabilities(context: Option<&Node>, at: Span, pod: &Pod<'_>, found: &mut Vec<Breach>) {
    let given = given(context, "capabilities");
    for node in items(given, "add") {
        let name = node.as_str().unwrap_or_default();
        let field = "securityContext.capabilities.add";
        if !USUAL.contains(&name) {
            let words = "a capability that containers do not usually have";
            found.push(breach(Level::Baseline, field, words, node.span));
        } else if name != "NET_BIND_SERVICE" {
            let words = "a capability: only `NET_BIND_SERVICE` may be added";
            found.push(Breach {
                versions: (22, if pod.windows { 25 } else { u32::MAX }),
                ..breach(Level::Restricted, field, words, node.span)
            });
        }
    }
    let drops = items(given, "drop");
    if !drops.iter().any(|node| node.as_str() == Some("ALL")) {
        found.push(Breach {
            versions: (22, if pod.windows { 25 } else { u32::MAX }),
            ..breach(
                Level::Restricted,
                "securityContext.capabilities.drop",
                "it keeps capabilities: `drop: [ALL]` is wanted",
                given.map_or(at, |node| node.span),
            )
        });
    }
}

/// Probes and lifecycle handlers that call another host.
fn hosts(node: &Node, found: &mut Vec<Breach>) {
    for path in [
        &["livenessProbe"][..],
        &["readinessProbe"],
        &["startupProbe"],
        &["lifecycle", "postStart"],
        &["lifecycle", "preStop"],
    ] {
        for action in ["httpGet", "tcpSocket"] {
            let host = node.at(path).and_then(|node| node.at(&[action, "host"]));
            let Some(host) = host.filter(|host| host.as_str().is_some_and(|h| !h.is_empty()))
            else {
                continue;
            };
            let field = path[path.len() - 1];
            let words = "the node calls another host than the pod";
            found.push(Breach {
                versions: (34, u32::MAX),
                ..breach(Level::Baseline, field, words, host.span)
            });
        }
    }
}

/// What `restricted` wants to be written down, for the container or for the pod.
fn hardened(context: Option<&Node>, at: Span, pod: &Pod<'_>, found: &mut Vec<Breach>) {
    let here = context.map_or(at, |node| node.span);
    let escalation = given(context, "allowPrivilegeEscalation");
    if escalation.and_then(Node::as_bool) != Some(false) {
        found.push(Breach {
            versions: (8, if pod.windows { 25 } else { u32::MAX }),
            ..breach(
                Level::Restricted,
                "securityContext.allowPrivilegeEscalation",
                "its programs may gain privileges: `allowPrivilegeEscalation: false` is wanted",
                escalation.map_or(here, |node| node.span),
            )
        });
    }
    let own = given(context, "runAsNonRoot");
    let whole = given(pod.context, "runAsNonRoot").and_then(Node::as_bool);
    match own.and_then(Node::as_bool) {
        Some(true) => {}
        Some(false) => found.push(as_root(pod, own.map_or(here, |node| node.span))),
        // Told of the pod.
        None if whole.is_some() => {}
        None => found.push(as_root(pod, here)),
    }
    let profile = |context| given(context, "seccompProfile").is_some();
    if !profile(context) && !profile(pod.context) {
        found.push(Breach {
            versions: (19, if pod.windows { 25 } else { u32::MAX }),
            ..breach(
                Level::Restricted,
                "securityContext.seccompProfile",
                "it may make any system call: `seccompProfile: {type: RuntimeDefault}` is wanted",
                here,
            )
        });
    }
}
