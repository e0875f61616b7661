//! Warnings of pods and of what makes them (`pkg/api/pod/warnings.go`, `pkg/api/job/warnings.go`).

use std::collections::HashMap;

use super::{Warnings, addresses, field, items, key_span, keyed, storage, text};
use crate::manifest::quantity::Quantity;
use crate::manifest::{Node, Span};
use crate::validate::rules::label_value_fault;

/// Warnings of a Pod.
pub(super) fn pod(warn: &mut Warnings<'_>, root: &Node) {
    let pod = Pod {
        meta: root.get("metadata"),
        spec: root.get("spec"),
        prefix: "",
    };
    pod.check(warn);
}

/// Warnings of a pod template.
pub(super) fn template(warn: &mut Warnings<'_>, node: Option<&Node>, path: &str) {
    let pod = Pod {
        meta: field(node, "metadata"),
        spec: field(node, "spec"),
        prefix: path,
    };
    pod.check(warn);
}

/// Warnings of a StatefulSet besides those of its pods.
pub(super) fn stateful_set(warn: &mut Warnings<'_>, spec: Option<&Node>) {
    for (index, claim) in items(spec, "volumeClaimTemplates") {
        // The server leaves `.spec` out of the path.
        storage::claim(
            warn,
            claim.get("spec"),
            &format!("spec.volumeClaimTemplates[{index}]"),
        );
    }
    let limit = field(spec, "revisionHistoryLimit");
    if let Some(node) = limit.filter(|node| node.as_i64().is_some_and(|n| n < 0)) {
        let words =
            "a negative value retains all historical revisions; a value >= 0 is recommended";
        warn.at(
            "negative-value",
            node.span,
            "spec.revisionHistoryLimit",
            words,
        );
    }
}

/// Warnings of a Job's spec.
pub(super) fn job(warn: &mut Warnings<'_>, spec: Option<&Node>, path: &str) {
    let number = |name: &str| field(spec, name).and_then(Node::as_i64);
    let indexed = text(spec, "completionMode") == "Indexed";
    let many = number("completions").unwrap_or(0) > 100_000;
    if indexed && many && number("parallelism").unwrap_or(1) > 10_000 {
        let words = "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail";
        warn.at("ignored-field", key_span(spec, "completions"), path, words);
    }
    template(warn, field(spec, "template"), &format!("{path}.template"));
}

/// What the server says about a label of nodes that has another name now.
pub(super) fn node_label(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os" => "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"
        }
        "beta.kubernetes.io/instance-type" => {
            "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"
        }
        "app.kubernetes.io/created-by" => "deprecated since v1.9",
        "scheduler.alpha.kubernetes.io/preferAvoidPods" => {
            "deprecated since v1.22; use Taints and Tolerations instead"
        }
        "node-role.kubernetes.io/master" => "use \"node-role.kubernetes.io/control-plane\" instead",
        _ => return None,
    })
}

/// Warnings of a term that selects nodes.
pub(super) fn selector_term(warn: &mut Warnings<'_>, term: &Node, values: bool, path: &str) {
    for (index, expression) in items(Some(term), "matchExpressions") {
        let key = text(Some(expression), "key");
        if let Some(words) = node_label(key) {
            let field = format!("{path}.matchExpressions[{index}].key");
            let span = expression
                .get("key")
                .map_or(expression.span, |node| node.span);
            warn.at(
                "deprecated-node-label",
                span,
                &field,
                format!("{key} is {words}"),
            );
        }
        if !values {
            continue;
        }
        for (at, value) in items(Some(expression), "values") {
            let text = value.as_str().unwrap_or_default();
            for fault in label_value_fault(text, warn.version) {
                let field = format!("{path}.matchExpressions[{index}].values[{at}]");
                warn.at(
                    "ignored-field",
                    value.span,
                    &field,
                    format!("{text} is invalid, {fault}"),
                );
            }
        }
    }
}

/// Warns of an amount of bytes that is no whole number.
pub(super) fn fraction(warn: &mut Warnings<'_>, amounts: Option<&Node>, name: &str, path: &str) {
    let Some(node) = field(amounts, name) else {
        return;
    };
    let Some(amount) = node.scalar_text().and_then(Quantity::parse) else {
        return;
    };
    if amount.millis() % 1000 != 0 {
        let words = format!("fractional byte value \"{amount}\" is invalid, must be an integer");
        warn.at("fractional-bytes", node.span, &keyed(path, name), words);
    }
}

/// A port that was seen: its path, host address and host port.
type Taken<'p> = (String, &'p str, i64);

/// A pod or a pod template.
#[derive(Clone, Copy)]
struct Pod<'p> {
    meta: Option<&'p Node>,
    spec: Option<&'p Node>,
    /// The path of the template; empty for a Pod.
    prefix: &'p str,
}

impl<'p> Pod<'p> {
    fn check(self, warn: &mut Warnings<'_>) {
        self.node_labels(warn);
        self.annotations(warn);
        self.volumes(warn);
        super::paths::overlaps(warn, self.spec);
        self.entries(warn);
        let overhead = field(self.spec, "overhead");
        for name in ["memory", "ephemeral-storage"] {
            fraction(warn, overhead, name, &self.path("spec.overhead"));
        }
        for (container, path) in self.containers() {
            check_container(warn, container, &path, self.prefix.is_empty());
        }
        self.ports(warn);
        self.affinity(warn);
        // Of a Pod the server has made it 1 before it warns.
        let grace = field(self.spec, "terminationGracePeriodSeconds");
        let grace = grace.filter(|_| !self.prefix.is_empty());
        if let Some(node) = grace.filter(|node| node.as_i64().is_some_and(|n| n < 0)) {
            let words = "must be >= 0; negative values are invalid and will be treated as 1";
            let path = self.path("spec.terminationGracePeriodSeconds");
            warn.at("negative-value", node.span, &path, words);
        }
        for (index, node) in items(field(self.spec, "dnsConfig"), "nameservers") {
            addresses::ip(
                warn,
                node,
                &self.path(&format!("spec.dnsConfig.nameservers[{index}]")),
            );
        }
        for (index, alias) in items(self.spec, "hostAliases") {
            if let Some(node) = alias.get("ip") {
                addresses::ip(
                    warn,
                    node,
                    &self.path(&format!("spec.hostAliases[{index}].ip")),
                );
            }
        }
    }

    fn path(self, rest: &str) -> String {
        match self.prefix {
            "" => rest.to_owned(),
            prefix => format!("{prefix}.{rest}"),
        }
    }

    fn annotation(self, key: &str) -> Option<(&'p str, Span)> {
        let map = field(self.meta, "annotations")?.as_map()?;
        let entry = map.entry(key)?;
        Some((entry.value.as_str().unwrap_or_default(), entry.key_span))
    }

    fn containers(self) -> impl Iterator<Item = (&'p Node, String)> {
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |list| {
                items(self.spec, list)
                    .map(move |(index, node)| (node, self.path(&format!("spec.{list}[{index}]"))))
            })
    }

    fn node_labels(self, warn: &mut Warnings<'_>) {
        const RULE: &str = "deprecated-node-label";
        let labels = field(self.spec, "nodeSelector").and_then(Node::as_map);
        for entry in labels.into_iter().flatten() {
            if let Some(words) = node_label(&entry.key) {
                let path = keyed(&self.path("spec.nodeSelector"), &entry.key);
                warn.at(RULE, entry.key_span, &path, words);
            }
        }
        let affinity = field(field(self.spec, "affinity"), "nodeAffinity");
        let required = field(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
        let path = self.path("spec.affinity.nodeAffinity");
        for (index, term) in items(required, "nodeSelectorTerms") {
            let path = format!(
                "{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[{index}]"
            );
            selector_term(warn, term, false, &path);
        }
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        for (index, term) in items(affinity, preferred) {
            if let Some(preference) = term.get("preference") {
                selector_term(
                    warn,
                    preference,
                    true,
                    &format!("{path}.{preferred}[{index}].preference"),
                );
            }
        }
        for (index, spread) in items(self.spec, "topologySpreadConstraints") {
            let path = self.path(&format!("spec.topologySpreadConstraints[{index}]"));
            let key = text(Some(spread), "topologyKey");
            if let Some(words) = node_label(key) {
                let span = spread
                    .get("topologyKey")
                    .map_or(spread.span, |node| node.span);
                warn.at(
                    RULE,
                    span,
                    &format!("{path}.topologyKey"),
                    format!("{key} is {words}"),
                );
            }
            null_selector(warn, spread, spread, &format!("{path}.labelSelector"));
        }
    }

    fn annotations(self, warn: &mut Warnings<'_>) {
        const RULE: &str = "deprecated-annotation";
        let path = self.path("metadata.annotations");
        for (key, words) in [
            (
                "scheduler.alpha.kubernetes.io/critical-pod",
                "non-functional in v1.16+; use the \"priorityClassName\" field instead",
            ),
            (
                "security.alpha.kubernetes.io/sysctls",
                "non-functional in v1.11+; use the \"sysctls\" field instead",
            ),
            (
                "security.alpha.kubernetes.io/unsafe-sysctls",
                "non-functional in v1.11+; use the \"sysctls\" field instead",
            ),
        ] {
            if let Some((_, span)) = self.annotation(key) {
                warn.at(RULE, span, &keyed(&path, key), words);
            }
        }
        let profile =
            |node: Option<&'p Node>, name: &str| field(field(node, "securityContext"), name);
        let seccomp = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
        let key = "seccomp.security.alpha.kubernetes.io/pod";
        if let (Some((_, span)), None) =
            (self.annotation(key), profile(self.spec, "seccompProfile"))
        {
            warn.at(RULE, span, &keyed(&path, key), seccomp);
        }
        for (container, _) in self.containers() {
            let name = text(Some(container), "name");
            let key = format!("container.seccomp.security.alpha.kubernetes.io/{name}");
            let own = profile(Some(container), "seccompProfile");
            if let (Some((_, span)), None) = (self.annotation(&key), own) {
                warn.at(RULE, span, &keyed(&path, &key), seccomp);
            }
            let key = format!("container.apparmor.security.beta.kubernetes.io/{name}");
            let own = profile(Some(container), "appArmorProfile");
            if let (Some((value, span)), None) = (self.annotation(&key), own) {
                // Before 1.34 any profile of a template's pods silenced this.
                let compared = self.prefix.is_empty() || warn.version.minor() >= 34;
                let same = profile(self.spec, "appArmorProfile")
                    .is_some_and(|of_pod| !compared || is_profile(of_pod, value));
                if !same {
                    let words = "deprecated since v1.30; use the \"appArmorProfile\" field instead";
                    warn.at(RULE, span, &keyed(&path, &key), words);
                }
            }
        }
    }

    fn volumes(self, warn: &mut Warnings<'_>) {
        for (index, volume) in items(self.spec, "volumes") {
            let path = self.path(&format!("spec.volumes[{index}]"));
            for (name, shown, words) in [
                (
                    "photonPersistentDisk",
                    "photonPersistentDisk",
                    "deprecated in v1.11, non-functional in v1.16+",
                ),
                (
                    "gitRepo",
                    "gitRepo",
                    "deprecated in v1.11, and disabled by default in v1.33+",
                ),
                (
                    "scaleIO",
                    "scaleIO",
                    "deprecated in v1.16, non-functional in v1.22+",
                ),
                (
                    "flocker",
                    "flocker",
                    "deprecated in v1.22, non-functional in v1.25+",
                ),
                (
                    "storageos",
                    "storageOS",
                    "deprecated in v1.22, non-functional in v1.25+",
                ),
                (
                    "quobyte",
                    "quobyte",
                    "deprecated in v1.22, non-functional in v1.25+",
                ),
                (
                    "glusterfs",
                    "glusterfs",
                    "deprecated in v1.25, non-functional in v1.26+",
                ),
                (
                    "cephfs",
                    "cephfs",
                    "deprecated in v1.28, non-functional in v1.31+",
                ),
                (
                    "rbd",
                    "rbd",
                    "deprecated in v1.28, non-functional in v1.31+",
                ),
            ] {
                if field(Some(volume), name).is_some() {
                    let span = key_span(Some(volume), name);
                    warn.at("deprecated-volume", span, &format!("{path}.{shown}"), words);
                }
            }
            let claim = volume.at(&["ephemeral", "volumeClaimTemplate", "spec"]);
            storage::claim(
                warn,
                claim,
                &format!("{path}.ephemeral.volumeClaimTemplate.spec"),
            );
        }
    }

    /// Entries of lists that are there twice.
    fn entries(self, warn: &mut Warnings<'_>) {
        for (list, key, words) in [
            ("hostAliases", "ip", "duplicate ip"),
            ("imagePullSecrets", "name", "duplicate name"),
        ] {
            let mut seen = std::collections::HashSet::new();
            for (index, item) in items(self.spec, list) {
                let value = text(Some(item), key);
                if !seen.insert(value) {
                    let path = self.path(&format!("spec.{list}[{index}].{key}"));
                    let span = item.get(key).map_or(item.span, |node| node.span);
                    warn.at("duplicate-entry", span, &path, format!("{words} {value:?}"));
                }
            }
        }
        for (index, item) in items(self.spec, "imagePullSecrets") {
            if text(Some(item), "name").is_empty() {
                let path = self.path(&format!("spec.imagePullSecrets[{index}].name"));
                warn.at(
                    "duplicate-entry",
                    item.span,
                    &path,
                    "invalid empty name \"\"",
                );
            }
        }
    }

    fn ports(self, warn: &mut Warnings<'_>) {
        let mut numbers: HashMap<(i64, &str), Vec<Taken<'_>>> = HashMap::new();
        for (container, path) in self.containers() {
            for (index, port) in items(Some(container), "ports") {
                let path = format!("{path}.ports[{index}]");
                let int = |name: &str| field(Some(port), name).and_then(Node::as_i64).unwrap_or(0);
                let (ip, host) = (text(Some(port), "hostIP"), int("hostPort"));
                let protocol = match text(Some(port), "protocol") {
                    "" => "TCP",
                    protocol => protocol,
                };
                let span = port
                    .get("containerPort")
                    .map_or(port.span, |node| node.span);
                if !ip.is_empty() && host == 0 {
                    let words = format!(
                        "hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{} Protocol:{protocol} HostIP:{ip}}}",
                        text(Some(port), "name"),
                        int("containerPort")
                    );
                    warn.at("ignored-field", span, &path, words);
                }
                let others = numbers.entry((int("containerPort"), protocol)).or_default();
                for (other, other_ip, other_host) in others.iter() {
                    let words = if ip == *other_ip && host == *other_host {
                        "duplicate port definition"
                    } else if host == 0 || *other_host == 0 {
                        "overlapping port definition"
                    } else if host == *other_host && ip.is_empty() != other_ip.is_empty() {
                        "dangerously ambiguous port definition"
                    } else {
                        continue;
                    };
                    warn.at(
                        "port-conflict",
                        span,
                        &path,
                        format!("{words} with {other}"),
                    );
                }
                others.push((path, ip, host));
            }
        }
        let mut names: HashMap<&str, String> = HashMap::new();
        for (container, path) in self.containers() {
            for (index, port) in items(Some(container), "ports") {
                let name = text(Some(port), "name");
                if name.is_empty() {
                    continue;
                }
                let path = format!("{path}.ports[{index}]");
                match names.get(name) {
                    Some(other) => {
                        let words = format!(
                            "duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}"
                        );
                        let span = port.get("name").map_or(port.span, |node| node.span);
                        warn.at("port-conflict", span, &path, words);
                    }
                    None => {
                        names.insert(name, path);
                    }
                }
            }
        }
    }

    fn affinity(self, warn: &mut Warnings<'_>) {
        for kind in ["podAffinity", "podAntiAffinity"] {
            let affinity = field(field(self.spec, "affinity"), kind);
            let path = self.path(&format!("spec.affinity.{kind}"));
            let required = "requiredDuringSchedulingIgnoredDuringExecution";
            for (index, term) in items(affinity, required) {
                null_selector(
                    warn,
                    term,
                    term,
                    &format!("{path}.{required}[{index}].labelSelector"),
                );
            }
            let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
            for (index, weighted) in items(affinity, preferred) {
                if let Some(term) = weighted.get("podAffinityTerm") {
                    let path = format!("{path}.{preferred}[{index}].podAffinityTerm.labelSelector");
                    null_selector(warn, term, weighted, &path);
                }
            }
        }
    }
}

/// Warnings of one container.
fn check_container(warn: &mut Warnings<'_>, container: &Node, path: &str, of_pod: bool) {
    let resources = field(Some(container), "resources");
    let (requests, limits) = (field(resources, "requests"), field(resources, "limits"));
    for name in ["memory", "ephemeral-storage"] {
        fraction(warn, limits, name, &format!("{path}.resources.limits"));
        // In a Pod, not in a template, a limit is by now the request that is missing.
        let asked = field(requests, name).is_some() || !of_pod;
        let asked = if asked { requests } else { limits };
        fraction(warn, asked, name, &format!("{path}.resources.requests"));
    }
    let mut seen = std::collections::HashSet::new();
    for (index, variable) in items(Some(container), "env") {
        let name = text(Some(variable), "name");
        if seen.insert(name) {
            continue;
        }
        let reference = format!("$({name})");
        let value = text(Some(variable), "value");
        let hides = field(Some(variable), "valueFrom").is_some()
            || value == reference
            || !value.contains(&reference);
        if hides {
            let words = format!(
                "hides previous definition of {name:?}, which may be dropped when using apply"
            );
            let span = variable.get("name").map_or(variable.span, |node| node.span);
            warn.at("env-hidden", span, &format!("{path}.env[{index}]"), words);
        }
    }
}

fn null_selector(warn: &mut Warnings<'_>, holder: &Node, at: &Node, path: &str) {
    if field(Some(holder), "labelSelector").is_none() {
        let first = at.as_map().and_then(|map| map.iter().next());
        let span = first.map_or(at.span, |entry| entry.key_span);
        warn.at(
            "null-selector",
            span,
            path,
            "a null labelSelector results in matching no pod",
        );
    }
}

/// Whether an AppArmor annotation says the same as a profile.
fn is_profile(profile: &Node, annotation: &str) -> bool {
    let (kind, name) = match annotation {
        "unconfined" => ("Unconfined", ""),
        "runtime/default" => ("RuntimeDefault", ""),
        other => match other.strip_prefix("localhost/") {
            Some(name) => ("Localhost", name),
            None => return false,
        },
    };
    text(Some(profile), "type") == kind && text(Some(profile), "localhostProfile") == name
}
