//! Facts of the Gateway API: gateways, routes, and who may refer to whom.

use smol_str::SmolStr;

use super::network::{Backend, PortRef};
use super::{Port, Text, entries, items};
use crate::manifest::Node;

/// A `Gateway`.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Gateway {
    /// Its listeners.
    pub(in crate::lint) listeners: Vec<Listener>,
    /// Secrets of its certificates, each with its namespace, if one is written, and the field.
    pub(in crate::lint) certificates: Vec<(Text, Option<SmolStr>, String)>,
    /// Whether an issuer makes its certificates.
    pub(in crate::lint) issues: bool,
}

/// A listener of a Gateway.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Listener {
    /// Its name.
    pub(in crate::lint) name: SmolStr,
    /// Its port.
    pub(in crate::lint) port: Option<i64>,
    /// The host that it is for; `None` for all.
    pub(in crate::lint) host: Option<SmolStr>,
    /// Whether only routes of the Gateway's own namespace may use it.
    pub(in crate::lint) own_namespace: bool,
}

/// A route.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Route {
    /// Where it sends traffic to.
    pub(in crate::lint) backends: Vec<Backend>,
    /// Gateways that it belongs to.
    pub(in crate::lint) parents: Vec<Parent>,
    /// The hosts that it is for, each with its field; none for all.
    pub(in crate::lint) hosts: Vec<Text>,
}

/// A Gateway that a route names.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Parent {
    /// The Gateway.
    pub(in crate::lint) gateway: Text,
    /// Its namespace, where one is written.
    pub(in crate::lint) namespace: Option<SmolStr>,
    /// One of its listeners.
    pub(in crate::lint) section: Option<Text>,
    /// The port of listeners.
    pub(in crate::lint) port: Option<i64>,
    /// The field that names it.
    pub(in crate::lint) field: String,
}

/// A `ReferenceGrant`: what may refer to the objects of its namespace.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Grant {
    /// Group, kind and namespace of those that refer.
    pub(in crate::lint) from: Vec<[SmolStr; 3]>,
    /// Group, kind and name of what is referred to; an empty name for all.
    pub(in crate::lint) to: Vec<[SmolStr; 3]>,
}

fn text(node: &Node, name: &str) -> Option<SmolStr> {
    node.get(name).and_then(Node::as_str).map(SmolStr::new)
}

/// Takes the facts of a Gateway.
pub(super) fn gateway(root: &Node) -> Gateway {
    let mut gateway = Gateway {
        listeners: Vec::new(),
        certificates: Vec::new(),
        issues: entries(root.at(&["metadata", "annotations"]))
            .iter()
            .any(|entry| entry.key.starts_with("cert-manager.io/")),
    };
    for (index, node) in items(root.get("spec"), "listeners").iter().enumerate() {
        let from = node.at(&["allowedRoutes", "namespaces", "from"]);
        let from = from.and_then(Node::as_str).unwrap_or("Same");
        gateway.listeners.push(Listener {
            name: text(node, "name").unwrap_or_default(),
            port: node.get("port").and_then(Node::as_i64),
            host: text(node, "hostname").filter(|host| !host.is_empty()),
            own_namespace: from == "Same",
        });
        let certificates = items(node.get("tls"), "certificateRefs").iter().enumerate();
        gateway
            .certificates
            .extend(certificates.filter_map(|(at, node)| {
                let is_secret = text(node, "kind").is_none_or(|kind| kind == "Secret");
                let name = Text::of(node.get("name")).filter(|_| is_secret)?;
                let field = format!("spec.listeners[{index}].tls.certificateRefs[{at}].name");
                Some((name, text(node, "namespace"), field))
            }));
    }
    gateway
}

/// Takes the facts of a route.
pub(super) fn route(spec: Option<&Node>) -> Route {
    let mut route = Route {
        backends: Vec::new(),
        parents: Vec::new(),
        hosts: items(spec, "hostnames")
            .iter()
            .filter_map(|node| Text::of(Some(node)))
            .collect(),
    };
    for (index, parent) in items(spec, "parentRefs").iter().enumerate() {
        let is_gateway = text(parent, "kind").is_none_or(|kind| kind == "Gateway");
        if let Some(gateway) = Text::of(parent.get("name")).filter(|_| is_gateway) {
            route.parents.push(Parent {
                gateway,
                namespace: text(parent, "namespace"),
                section: Text::of(parent.get("sectionName")),
                port: parent.get("port").and_then(Node::as_i64),
                field: format!("spec.parentRefs[{index}]"),
            });
        }
    }
    for (index, rule) in items(spec, "rules").iter().enumerate() {
        let path = format!("spec.rules[{index}]");
        for (at, node) in items(Some(rule), "backendRefs").iter().enumerate() {
            let field = format!("{path}.backendRefs[{at}]");
            route.backends.extend(backend(node, &field));
        }
        for (at, filter) in items(Some(rule), "filters").iter().enumerate() {
            if let Some(node) = filter.at(&["requestMirror", "backendRef"]) {
                let field = format!("{path}.filters[{at}].requestMirror.backendRef");
                route.backends.extend(backend(node, &field));
            }
        }
    }
    route
}

fn backend(node: &Node, path: &str) -> Option<Backend> {
    if text(node, "kind").is_some_and(|kind| kind != "Service") {
        return None;
    }
    Some(Backend {
        service: Text::of(node.get("name"))?,
        namespace: text(node, "namespace"),
        port: Port::of(node.get("port")).map(|port| PortRef {
            port,
            field: format!("{path}.port"),
        }),
        field: format!("{path}.name"),
    })
}

/// Takes the facts of a ReferenceGrant.
pub(super) fn grant(spec: Option<&Node>) -> Grant {
    let list = |name: &str, last: &str| {
        let items = items(spec, name).iter();
        let read = items
            .map(|node| ["group", "kind", last].map(|name| text(node, name).unwrap_or_default()));
        read.collect()
    };
    Grant {
        from: list("from", "namespace"),
        to: list("to", "name"),
    }
}
