//! What the server does to the new object before it judges it: what it has given to the old one
//! stays, and what no longer applies goes (`PrepareForUpdate` of the strategies, and `beginUpdate` of
//! Services).

use super::defaults;
use super::pod::put;
use super::service::Picture;
use crate::manifest::{Node, Object, Span};
use crate::schema::Kind;

/// Returns the new object as the server judges it.
pub(super) fn prepared(old: &Object, new: &Object, kind: Kind) -> Object {
    let mut prepared = new.clone();
    let root = &mut prepared.root;
    match (kind.group(), kind.kind()) {
        ("", "Service") => service(&old.root, root, kind),
        ("", "Namespace") => {
            let name = root.at(&["metadata", "name"]).cloned();
            if let Some(metadata) = root.get_mut("metadata") {
                let none = || Node::empty_map(Span::NONE);
                let mut labels = metadata.get("labels").cloned().unwrap_or_else(none);
                put(&mut labels, "kubernetes.io/metadata.name", name.as_ref());
                put(metadata, "labels", Some(&labels));
            }
            if let Some(spec) = root.get_mut("spec") {
                put(spec, "finalizers", old.root.at(&["spec", "finalizers"]));
            }
        }
        ("", "Pod") => {
            let resources = old.root.at(&["spec", "resources"]);
            if let Some(spec) = root.get_mut("spec")
                && spec.get("resources").is_none_or(Node::is_null)
            {
                put(spec, "resources", resources);
            }
        }
        ("", "PersistentVolumeClaim") => {
            // CrossNamespaceVolumeDataSource is off by default.
            let namespace = root.at(&["spec", "dataSourceRef", "namespace"]);
            let elsewhere = namespace
                .and_then(Node::as_str)
                .is_some_and(|n| !n.is_empty());
            let in_use = old.root.at(&["spec", "dataSourceRef"]);
            let in_use = in_use.is_some_and(|node| !node.is_null());
            if let Some(spec) = root.get_mut("spec").filter(|_| elsewhere && !in_use) {
                put(spec, "dataSourceRef", None);
            }
        }
        ("certificates.k8s.io", "CertificateSigningRequest") => {
            put(root, "spec", old.root.get("spec"));
        }
        _ => {}
    }
    prepared
}

fn service(old: &Node, new: &mut Node, kind: Kind) {
    let complete = |root: &Node| {
        let mut root = root.clone();
        defaults::complete(&mut root, kind.object());
        root
    };
    let (before, after) = (complete(old), complete(new));
    let (old, after_picture) = (Picture::of(&before), Picture::of(&after));
    if new.get("spec").is_none_or(Node::is_null) {
        put(new, "spec", Some(&Node::empty_map(new.span)));
    }
    let Some(spec) = new.get_mut("spec") else {
        return;
    };
    let before = before
        .get("spec")
        .cloned()
        .unwrap_or_else(|| Node::empty_map(spec.span));
    if old.needs_address() && after_picture.needs_address() {
        keep_addresses(&before, spec);
    }
    if old.needs_node_port() && after_picture.needs_node_port() {
        keep_node_ports(&before, spec);
    }
    let unset = |spec: &Node, name: &str| {
        spec.get(name)
            .is_none_or(|node| node.is_null() || node.as_i64() == Some(0))
    };
    if old.needs_health_check()
        && after_picture.needs_health_check()
        && unset(spec, "healthCheckNodePort")
    {
        put(
            spec,
            "healthCheckNodePort",
            before.get("healthCheckNodePort"),
        );
    }
    drop_what_no_longer_applies(&before, spec, &old, &after_picture);
}

/// `patchAllocatedValues` and `normalizeClusterIPs`.
fn keep_addresses(before: &Node, spec: &mut Node) {
    let text = |spec: &Node| {
        spec.get("clusterIP")
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let list = |spec: &Node| {
        spec.get("clusterIPs")
            .and_then(Node::as_seq)
            .unwrap_or_default()
            .to_vec()
    };
    if text(spec).is_empty() {
        put(spec, "clusterIP", before.get("clusterIP"));
    }
    if list(spec).is_empty() {
        put(spec, "clusterIPs", before.get("clusterIPs"));
    }
    if text(spec) != text(before) && list(spec) == list(before) {
        let one = spec.get("clusterIP").cloned().into_iter().collect();
        put(spec, "clusterIPs", Some(&Node::seq(one, spec.span)));
    }
    for name in ["ipFamilyPolicy", "ipFamilies"] {
        if spec.get(name).is_none_or(Node::is_null) {
            put(spec, name, before.get(name));
        }
    }
    // As long as nothing else has changed, SingleStack gives the second family back.
    if spec.get("ipFamilyPolicy").and_then(Node::as_str) == Some("SingleStack") {
        for name in ["clusterIPs", "ipFamilies"] {
            let same = spec.get(name) == before.get(name);
            if let Some(items) = spec
                .get_mut(name)
                .and_then(Node::as_seq_mut)
                .filter(|_| same)
            {
                items.truncate(1);
            }
        }
    }
}

fn number(port: &Node) -> i64 {
    port.get("nodePort").and_then(Node::as_i64).unwrap_or(0)
}

fn ports(spec: &Node) -> &[Node] {
    spec.get("ports").and_then(Node::as_seq).unwrap_or_default()
}

/// Ports keep their number on the nodes by their name.
fn keep_node_ports(before: &Node, spec: &mut Node) {
    let name = |port: &Node| {
        port.get("name")
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let old: Vec<(String, i64)> = ports(before)
        .iter()
        .map(|port| (name(port), number(port)))
        .collect();
    let used: Vec<i64> = ports(spec).iter().map(number).filter(|n| *n != 0).collect();
    for port in spec
        .get_mut("ports")
        .and_then(Node::as_seq_mut)
        .into_iter()
        .flatten()
    {
        if number(port) != 0 {
            continue;
        }
        let known = old.iter().rev().find(|(known, _)| *known == name(port));
        if let Some((_, known)) = known.filter(|(_, n)| *n != 0 && !used.contains(n)) {
            let node = Node::int(*known, port.span);
            put(port, "nodePort", Some(&node));
        }
    }
}

/// `dropTypeDependentFields`: what the old type needed and the new one does not, unless the user
/// has changed it too.
fn drop_what_no_longer_applies(before: &Node, spec: &mut Node, old: &Picture, new: &Picture) {
    let mut drop = |names: &[&'static str]| {
        if names.iter().all(|name| spec.get(name) == before.get(name)) {
            for name in names {
                put(spec, name, None);
            }
        }
    };
    if old.needs_address() && !new.needs_address() {
        drop(&["clusterIP", "clusterIPs"]);
        drop(&["ipFamilies"]);
        drop(&["ipFamilyPolicy"]);
    }
    if old.needs_health_check() && !new.needs_health_check() {
        drop(&["healthCheckNodePort"]);
    }
    if old.kind == "LoadBalancer" && new.kind != "LoadBalancer" {
        drop(&["allocateLoadBalancerNodePorts"]);
        drop(&["loadBalancerClass"]);
    }
    let external = |kind: &str| matches!(kind, "LoadBalancer" | "NodePort");
    let has_external = spec
        .get("externalIPs")
        .and_then(Node::as_seq)
        .is_some_and(|l| !l.is_empty());
    if external(&old.kind) && !external(&new.kind) && !has_external {
        let same = spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy");
        if same {
            put(spec, "externalTrafficPolicy", None);
        }
    }
    let known: Vec<i64> = ports(before).iter().map(number).collect();
    let same = ports(spec)
        .iter()
        .map(number)
        .all(|n| n == 0 || known.contains(&n));
    if old.needs_node_port() && !new.needs_node_port() && same {
        for port in spec
            .get_mut("ports")
            .and_then(Node::as_seq_mut)
            .into_iter()
            .flatten()
        {
            put(port, "nodePort", None);
        }
    }
}
