//! Facts of what leads traffic to pods, or keeps it from them.

use smol_str::SmolStr;

use super::{Port, Text, entries, items, selector};
use crate::lint::select::Selector;
use crate::manifest::{Node, Object, Span};

/// A `Service`.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Service {
    /// Which pods it leads to; `None` where others write its endpoints.
    pub(in crate::lint) selector: Option<Selector>,
    /// Its ports.
    pub(in crate::lint) ports: Vec<ServicePort>,
    /// Whether it has no address of its own.
    pub(in crate::lint) headless: bool,
    /// Whether it is only another name.
    pub(in crate::lint) external_name: bool,
}

/// A port of a Service.
#[derive(Clone, Debug)]
pub(in crate::lint) struct ServicePort {
    /// Its name.
    pub(in crate::lint) name: Option<SmolStr>,
    /// Its number.
    pub(in crate::lint) number: i64,
    /// The port of the pods.
    pub(in crate::lint) target: Option<Port>,
    /// Its protocol.
    pub(in crate::lint) protocol: SmolStr,
    /// Where it stands.
    pub(in crate::lint) at: Span,
}

/// A port of a Service, as another object names it.
#[derive(Clone, Debug)]
pub(in crate::lint) struct PortRef {
    /// The port.
    pub(in crate::lint) port: Port,
    /// The field that names it.
    pub(in crate::lint) field: String,
}

/// A Service that another object sends traffic to.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Backend {
    /// The Service.
    pub(in crate::lint) service: Text,
    /// Its namespace, where it is not that of the object.
    pub(in crate::lint) namespace: Option<SmolStr>,
    /// The port.
    pub(in crate::lint) port: Option<PortRef>,
    /// The field that names the Service.
    pub(in crate::lint) field: String,
}

/// An `Ingress`.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Ingress {
    /// Its class, from the field or the annotation.
    pub(in crate::lint) class: Option<Text>,
    /// Whether the class is written in the field.
    pub(in crate::lint) class_in_spec: bool,
    /// Where it sends traffic to.
    pub(in crate::lint) backends: Vec<Backend>,
    /// Hosts and paths.
    pub(in crate::lint) paths: Vec<IngressPath>,
    /// Hosts of its certificates, with their field.
    pub(in crate::lint) tls_hosts: Vec<(Text, String)>,
    /// Secrets of its certificates, with their field.
    pub(in crate::lint) tls_secrets: Vec<(Text, String)>,
    /// Hosts of its rules; empty texts for rules without one.
    pub(in crate::lint) hosts: Vec<SmolStr>,
    /// Whether an issuer makes its certificates.
    pub(in crate::lint) issues: bool,
    /// Whether it shares hosts and paths with another on purpose.
    pub(in crate::lint) shares: bool,
}

/// A path of an Ingress.
#[derive(Clone, Debug)]
pub(in crate::lint) struct IngressPath {
    /// The host; empty for all.
    pub(in crate::lint) host: SmolStr,
    /// The path.
    pub(in crate::lint) path: SmolStr,
    /// How the path is compared.
    pub(in crate::lint) kind: SmolStr,
    /// Where it stands.
    pub(in crate::lint) at: Span,
    /// Its field.
    pub(in crate::lint) field: String,
}

/// A `NetworkPolicy`.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Policy {
    /// Which pods it holds for.
    pub(in crate::lint) selector: Option<Selector>,
    /// What may come in.
    pub(in crate::lint) ingress: Vec<PolicyRule>,
    /// What may go out.
    pub(in crate::lint) egress: Vec<PolicyRule>,
    /// Whether it limits what goes out.
    pub(in crate::lint) limits_egress: bool,
    /// Where `egress` stands.
    pub(in crate::lint) egress_at: Option<Span>,
}

/// A rule of a NetworkPolicy.
#[derive(Clone, Debug)]
pub(in crate::lint) struct PolicyRule {
    /// Ports, each with the end of its range and its field; none for all.
    pub(in crate::lint) ports: Vec<(Port, Option<i64>, String)>,
    /// Whether the rule holds for all ports.
    pub(in crate::lint) all_ports: bool,
    /// Pods of the same namespace that it names, with the field.
    pub(in crate::lint) peers: Vec<(Selector, String)>,
}

/// A ServiceMonitor or PodMonitor.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Monitor {
    /// What it scrapes.
    pub(in crate::lint) selector: Option<Selector>,
    /// Whether it looks into other namespaces too.
    pub(in crate::lint) elsewhere: bool,
    /// Names of ports, with their field.
    pub(in crate::lint) ports: Vec<(Text, String)>,
    /// Whether it selects pods instead of Services.
    pub(in crate::lint) pods: bool,
}

/// Services that webhooks and the like call.
#[derive(Clone, Debug, Default)]
pub(in crate::lint) struct Webhooks {
    /// The Services.
    pub(in crate::lint) backends: Vec<Backend>,
}

/// Takes the facts of a Service.
pub(super) fn service(spec: Option<&Node>) -> Service {
    let text = |name: &str| spec.and_then(|s| s.get(name)).and_then(Node::as_str);
    let ports = items(spec, "ports").iter().filter_map(|port| {
        let field = |name: &str| port.get(name).and_then(Node::as_str);
        Some(ServicePort {
            name: field("name").map(SmolStr::new),
            number: port.get("port")?.as_i64()?,
            target: Port::of(port.get("targetPort")),
            protocol: field("protocol").unwrap_or("TCP").into(),
            at: port.get("port").map_or(port.span, |node| node.span),
        })
    });
    Service {
        selector: selector(spec.and_then(|s| s.get("selector"))).filter(|s| !s.is_empty()),
        ports: ports.collect(),
        headless: text("clusterIP") == Some("None"),
        external_name: text("type") == Some("ExternalName"),
    }
}

/// Takes the facts of an Ingress.
pub(super) fn ingress(object: &Object) -> Ingress {
    let spec = object.root.get("spec");
    let annotations = object.root.at(&["metadata", "annotations"]);
    let annotation = |name: &str| annotations.and_then(|node| node.get(name));
    let in_spec = Text::of(spec.and_then(|s| s.get("ingressClassName")));
    let mut ingress = Ingress {
        class_in_spec: in_spec.is_some(),
        class: in_spec.or_else(|| Text::of(annotation("kubernetes.io/ingress.class"))),
        backends: Vec::new(),
        paths: Vec::new(),
        tls_hosts: Vec::new(),
        tls_secrets: Vec::new(),
        hosts: Vec::new(),
        issues: entries(annotations).iter().any(|entry| {
            entry.key.starts_with("cert-manager.io/")
                || entry.key.starts_with("certmanager.k8s.io/")
                || entry.key.ends_with("tls-acme")
        }),
        // Each controller has its own way to say that two Ingresses belong together.
        shares: entries(annotations).iter().any(|entry| {
            ["canary", "mergeable", "group", "weight"]
                .iter()
                .any(|word| entry.key.contains(word))
        }),
    };
    for field in ["defaultBackend", "backend"] {
        if let Some(node) = spec.and_then(|s| s.get(field)) {
            ingress
                .backends
                .extend(ingress_backend(node, &format!("spec.{field}")));
        }
    }
    for (index, rule) in items(spec, "rules").iter().enumerate() {
        let host = rule.get("host").and_then(Node::as_str).unwrap_or_default();
        ingress.hosts.push(host.into());
        for (at, path) in items(rule.get("http"), "paths").iter().enumerate() {
            let field = format!("spec.rules[{index}].http.paths[{at}]");
            if let Some(node) = path.get("backend") {
                ingress
                    .backends
                    .extend(ingress_backend(node, &format!("{field}.backend")));
            }
            let text = |name: &str| path.get(name).and_then(Node::as_str);
            ingress.paths.push(IngressPath {
                host: host.into(),
                path: text("path").unwrap_or("/").into(),
                kind: text("pathType").unwrap_or_default().into(),
                at: path.get("path").map_or(path.span, |node| node.span),
                field,
            });
        }
    }
    for (index, tls) in items(spec, "tls").iter().enumerate() {
        if let Some(secret) = Text::of(tls.get("secretName")) {
            let field = format!("spec.tls[{index}].secretName");
            ingress.tls_secrets.push((secret, field));
        }
        for (at, host) in items(Some(tls), "hosts").iter().enumerate() {
            let field = format!("spec.tls[{index}].hosts[{at}]");
            ingress
                .tls_hosts
                .extend(Text::of(Some(host)).map(|host| (host, field)));
        }
    }
    ingress
}

/// The Service of a backend, in the form of `networking.k8s.io/v1` or of the versions before.
fn ingress_backend(node: &Node, path: &str) -> Option<Backend> {
    if let Some(service) = node.get("service") {
        let number = Port::of(service.at(&["port", "number"]));
        let (port, last) = match number {
            Some(port) => (Some(port), "number"),
            None => (Port::of(service.at(&["port", "name"])), "name"),
        };
        let field = format!("{path}.service.port.{last}");
        return Some(Backend {
            service: Text::of(service.get("name"))?,
            namespace: None,
            port: port.map(|port| PortRef { port, field }),
            field: format!("{path}.service.name"),
        });
    }
    let field = format!("{path}.servicePort");
    Some(Backend {
        service: Text::of(node.get("serviceName"))?,
        namespace: None,
        port: Port::of(node.get("servicePort")).map(|port| PortRef { port, field }),
        field: format!("{path}.serviceName"),
    })
}

/// Takes the facts of a NetworkPolicy.
pub(super) fn policy(spec: Option<&Node>) -> Policy {
    let field = |name: &str| spec.and_then(|s| s.get(name));
    let types = items(spec, "policyTypes");
    let egress = field("egress").filter(|node| !node.is_null());
    let limits_egress = if types.is_empty() {
        egress.is_some()
    } else {
        types.iter().any(|node| node.as_str() == Some("Egress"))
    };
    Policy {
        selector: selector(field("podSelector")),
        ingress: policy_rules(spec, "ingress", "from"),
        egress: policy_rules(spec, "egress", "to"),
        limits_egress,
        egress_at: spec
            .and_then(Node::as_map)
            .and_then(|map| map.entry("egress"))
            .map(|entry| entry.key_span),
    }
}

fn policy_rules(spec: Option<&Node>, list: &str, peers: &str) -> Vec<PolicyRule> {
    let rules = items(spec, list).iter().enumerate();
    rules
        .map(|(index, rule)| {
            let path = format!("spec.{list}[{index}]");
            let listed = items(Some(rule), "ports");
            let ports = listed.iter().enumerate().filter_map(|(at, port)| {
                let end = port.get("endPort").and_then(Node::as_i64);
                let field = format!("{path}.ports[{at}].port");
                Some((Port::of(port.get("port"))?, end, field))
            });
            let ports: Vec<_> = ports.collect();
            let pods = items(Some(rule), peers).iter().enumerate();
            let pods = pods.filter(|(_, peer)| peer.get("namespaceSelector").is_none());
            PolicyRule {
                all_ports: listed.is_empty() || ports.len() < listed.len(),
                ports,
                peers: pods
                    .filter_map(|(at, peer)| {
                        let field = format!("{path}.{peers}[{at}].podSelector");
                        Some((selector(peer.get("podSelector"))?, field))
                    })
                    .collect(),
            }
        })
        .collect()
}

/// Takes the facts of a ServiceMonitor or PodMonitor.
pub(super) fn monitor(spec: Option<&Node>, kind: &str) -> Monitor {
    let pods = kind == "PodMonitor";
    let list = if pods {
        "podMetricsEndpoints"
    } else {
        "endpoints"
    };
    let ports = items(spec, list).iter().enumerate();
    Monitor {
        selector: selector(spec.and_then(|s| s.get("selector"))),
        elsewhere: spec.is_some_and(|s| s.get("namespaceSelector").is_some()),
        ports: ports
            .filter_map(|(at, node)| {
                let port = Text::of(node.get("port"))?;
                Some((port, format!("spec.{list}[{at}].port")))
            })
            .collect(),
        pods,
    }
}

/// Takes the Services that the webhooks of a configuration call.
pub(super) fn webhooks(root: &Node) -> Webhooks {
    let hooks = items(Some(root), "webhooks").iter().enumerate();
    let backends = hooks.filter_map(|(index, hook)| {
        let service = hook.at(&["clientConfig", "service"])?;
        called_service(service, &format!("webhooks[{index}].clientConfig.service"))
    });
    Webhooks {
        backends: backends.collect(),
    }
}

/// Takes the one Service that the server calls for an object: below `spec`, at a path.
pub(super) fn called(spec: Option<&Node>, path: &[&str]) -> Webhooks {
    let service = spec.and_then(|spec| spec.at(path));
    let path = format!("spec.{}", path.join("."));
    let backend = service.and_then(|service| called_service(service, &path));
    Webhooks {
        backends: backend.into_iter().collect(),
    }
}

fn called_service(service: &Node, path: &str) -> Option<Backend> {
    let namespace = service.get("namespace").and_then(Node::as_str);
    Some(Backend {
        service: Text::of(service.get("name"))?,
        namespace: namespace.map(SmolStr::new),
        port: Port::of(service.get("port")).map(|port| PortRef {
            port,
            field: format!("{path}.port"),
        }),
        field: format!("{path}.name"),
    })
}
