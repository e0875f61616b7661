//! What the rules need to know of an object: names, labels, selectors, ports, references, each
//! with its place. The object's tree can go when its facts are taken, so that a large folder
//! does not stay in memory.
//!
//! Whatever has another type than it should is passed over: the verdict speaks of that.

mod access;
mod gateway;
mod network;
mod order;
mod pods;
mod resources;
mod scaling;
mod security;
mod volumes;

use smol_str::SmolStr;

use super::select::Selector;
use crate::manifest::{Entry, Node, Object, ObjectId, Span};

pub(super) use access::{Binding, Role, RoleRule};
pub(super) use gateway::{Gateway, Grant, Listener, Route};
pub(super) use network::{
    Backend, Ingress, Monitor, Policy, PolicyRule, Service, ServicePort, Webhooks,
};
pub(super) use order::Step;
pub(super) use pods::{ClassKind, Container, ContainerPort, Need, NeedKind, Scale, Workload};
pub(super) use resources::{Limited, Measure, Quota, Range, Resources};
pub(super) use scaling::{Amount, Autoscaler, Budget, Scaler};
pub(super) use security::{Breach, Level};

/// The annotation that switches rules off for one object.
pub(super) const IGNORE: &str = "lint.deployx.dev/ignore";

/// A text and where it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// The text.
    pub(super) text: SmolStr,
    /// Its place; `None` where it is a default that nobody wrote.
    pub(super) at: Option<Span>,
}

impl Text {
    /// Reads a string that is not empty.
    fn of(node: Option<&Node>) -> Option<Self> {
        let node = node?;
        let text = node.as_str().filter(|text| !text.is_empty())?;
        Some(Self {
            text: text.into(),
            at: Some(node.span),
        })
    }

    /// Its place, or nowhere.
    pub(super) fn span(&self) -> Span {
        self.at.unwrap_or(Span::NONE)
    }
}

/// A number and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Int {
    /// The number.
    pub(super) value: i64,
    /// Its place.
    pub(super) at: Span,
}

impl Int {
    fn of(node: Option<&Node>) -> Option<Self> {
        let node = node?;
        Some(Self {
            value: node.as_i64()?,
            at: node.span,
        })
    }
}

/// A name or a number of a port, and where it stands.
#[derive(Clone, Debug)]
pub(super) enum Port {
    /// By name.
    Name(SmolStr, Span),
    /// By number.
    Number(i64, Span),
}

impl Port {
    fn of(node: Option<&Node>) -> Option<Self> {
        let node = node?;
        match (node.as_str(), node.as_i64()) {
            (Some(""), _) => None,
            (Some(name), _) => Some(Self::Name(name.into(), node.span)),
            (None, Some(number)) => Some(Self::Number(number, node.span)),
            (None, None) => None,
        }
    }

    /// Where it stands.
    pub(super) fn span(&self) -> Span {
        match self {
            Self::Name(_, span) | Self::Number(_, span) => *span,
        }
    }
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name, _) => f.write_str(name),
            Self::Number(number, _) => write!(f, "{number}"),
        }
    }
}

/// What is known of one object.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Kind, namespace and name.
    pub(super) id: ObjectId,
    /// Where the object stands: its name, else its kind.
    pub(super) at: Span,
    /// Where its namespace stands, if one is written.
    pub(super) namespace_at: Option<Span>,
    /// The value of the annotation that switches rules off.
    pub(super) ignore: Option<Text>,
    /// Its labels, where a rule selects objects of this kind by them.
    pub(super) labels: Vec<(SmolStr, SmolStr)>,
    /// When it is applied, where an annotation says so.
    pub(super) step: Option<Step>,
    /// Keys of free mappings that look like something else than a text: `true`, `420`.
    pub(super) odd_keys: Vec<(SmolStr, Span, &'static str)>,
    /// What its kind adds.
    pub(super) what: What,
}

/// What a kind adds to the facts of an object.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// Something with pods of its own.
    Workload(Box<Workload>),
    /// `Service`.
    Service(Box<Service>),
    /// `Ingress`.
    Ingress(Box<Ingress>),
    /// A route of the Gateway API.
    Route(Box<Route>),
    /// `Gateway`.
    Gateway(Box<Gateway>),
    /// `ReferenceGrant`.
    Grant(Box<Grant>),
    /// `IngressClass`.
    IngressClass,
    /// Endpoints or EndpointSlice: the name of the Service that they serve.
    Endpoints(SmolStr),
    /// `HorizontalPodAutoscaler`.
    Autoscaler(Box<Autoscaler>),
    /// Another thing that scales: a KEDA ScaledObject, a VerticalPodAutoscaler.
    Scaler(Box<Scaler>),
    /// `PodDisruptionBudget`.
    Budget(Box<Budget>),
    /// ConfigMap or Secret.
    Config(Config),
    /// PersistentVolumeClaim: whether only one node can mount it.
    Claim {
        /// Its access modes, when all of them are for one node.
        single_node: Option<Span>,
        /// Its StorageClass.
        class: Option<Text>,
        /// How much it asks for.
        storage: Option<Measure>,
    },
    /// PersistentVolume: the class that it belongs to.
    Volume(Option<SmolStr>),
    /// `ServiceAccount`.
    Account,
    /// Role or ClusterRole.
    Role(Role),
    /// RoleBinding or ClusterRoleBinding.
    Binding(Binding),
    /// `NetworkPolicy`.
    Policy(Box<Policy>),
    /// ServiceMonitor or PodMonitor.
    Monitor(Box<Monitor>),
    /// Webhook configurations and other things that call a Service.
    Webhooks(Webhooks),
    /// `LimitRange`: its ranges, of which those for containers fill in requests.
    Limits(Vec<Range>),
    /// `ResourceQuota`.
    Quota(Box<Quota>),
    /// `Namespace`: the level of security that it enforces, with the version of the standards.
    Namespace(Option<(Text, Option<SmolStr>)>),
    /// An object that makes a Secret or ConfigMap of this name when it is in the cluster.
    Maker(SmolStr),
    /// Nothing that a rule asks for. Whether the kind is one of Kubernetes itself.
    Other {
        /// Whether an operator may make pods, Services or configuration of it.
        custom: bool,
    },
}

/// A ConfigMap or Secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    /// Its keys.
    pub(super) keys: Vec<SmolStr>,
    /// The type of a Secret.
    pub(super) kind: Option<Text>,
    /// Whether something in the cluster fills it: a token, a CA bundle, a placeholder.
    pub(super) filled_later: bool,
}

impl Facts {
    /// Takes the facts of an object.
    pub fn of(object: &Object) -> Self {
        let root = &object.root;
        let metadata = root.get("metadata");
        let meta = |name: &str| metadata.and_then(|node| node.get(name));
        let what = what(object);
        let selected = matches!(what, What::Service(_) | What::Workload(_));
        let mut odd_keys = Vec::new();
        for (node, field) in [
            (meta("labels"), "metadata.labels"),
            (meta("annotations"), "metadata.annotations"),
            (root.get("data"), "data"),
            (root.get("stringData"), "stringData"),
        ] {
            find_odd_keys(node, field, &mut odd_keys);
        }
        Self {
            id: object.id(),
            at: object.span(),
            namespace_at: meta("namespace").map(|node| node.span),
            ignore: Text::of(meta("annotations").and_then(|node| node.get(IGNORE))),
            labels: if selected {
                pairs(meta("labels"))
            } else {
                Vec::new()
            },
            step: order::step(meta("annotations")),
            odd_keys,
            what,
        }
    }

    /// The workload, if the object is one.
    pub(super) fn workload(&self) -> Option<&Workload> {
        match &self.what {
            What::Workload(workload) => Some(workload),
            _ => None,
        }
    }
}

/// Takes what the kind of an object adds.
fn what(object: &Object) -> What {
    let root = &object.root;
    let spec = root.get("spec");
    match (object.group(), object.kind()) {
        ("", "Service") => What::Service(Box::new(network::service(spec))),
        ("" | "discovery.k8s.io", "Endpoints" | "EndpointSlice") => What::Endpoints(
            object
                .label("kubernetes.io/service-name")
                .unwrap_or(object.name())
                .into(),
        ),
        ("networking.k8s.io" | "extensions", "Ingress") => {
            What::Ingress(Box::new(network::ingress(object)))
        }
        ("networking.k8s.io", "IngressClass") => What::IngressClass,
        ("networking.k8s.io", "NetworkPolicy") => What::Policy(Box::new(network::policy(spec))),
        ("gateway.networking.k8s.io", kind) if kind.ends_with("Route") => {
            What::Route(Box::new(gateway::route(spec)))
        }
        ("gateway.networking.k8s.io", "Gateway") => What::Gateway(Box::new(gateway::gateway(root))),
        ("gateway.networking.k8s.io", "ReferenceGrant") => {
            What::Grant(Box::new(gateway::grant(spec)))
        }
        ("autoscaling", "HorizontalPodAutoscaler") => {
            What::Autoscaler(Box::new(scaling::autoscaler(spec)))
        }
        ("keda.sh", "ScaledObject") => What::Scaler(Box::new(scaling::scaled_object(spec))),
        ("autoscaling.k8s.io", "VerticalPodAutoscaler") => {
            What::Scaler(Box::new(scaling::vertical(spec)))
        }
        ("policy", "PodDisruptionBudget") => What::Budget(Box::new(scaling::budget(spec))),
        ("", "ConfigMap" | "Secret") => What::Config(config(object)),
        ("", "PersistentVolumeClaim") => What::Claim {
            single_node: single_node(spec),
            class: Text::of(spec.and_then(|spec| spec.get("storageClassName"))),
            storage: resources::storage(spec),
        },
        ("", "PersistentVolume") => What::Volume(
            Text::of(spec.and_then(|spec| spec.get("storageClassName"))).map(|class| class.text),
        ),
        ("", "ServiceAccount") => What::Account,
        ("", "Namespace") => What::Namespace(enforced(root)),
        ("", "LimitRange") => What::Limits(resources::ranges(spec)),
        ("", "ResourceQuota") => What::Quota(Box::new(resources::quota(spec))),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => What::Role(access::role(root)),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            What::Binding(access::binding(root))
        }
        ("monitoring.coreos.com", kind @ ("ServiceMonitor" | "PodMonitor")) => {
            What::Monitor(Box::new(network::monitor(spec, kind)))
        }
        ("admissionregistration.k8s.io", _) => What::Webhooks(network::webhooks(root)),
        ("apiregistration.k8s.io", "APIService") => {
            What::Webhooks(network::called(spec, &["service"]))
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => What::Webhooks(network::called(
            spec,
            &["conversion", "webhook", "clientConfig", "service"],
        )),
        (group, kind) => match (pods::workload(object), made_by(group, kind, object)) {
            (Some(workload), _) => What::Workload(Box::new(workload)),
            (None, Some(name)) => What::Maker(name),
            (None, None) => What::Other {
                custom: group.contains('.') && !group.ends_with(".k8s.io"),
            },
        },
    }
}

/// The name of the Secret or ConfigMap that an object becomes in a cluster with the operator
/// that knows it.
fn made_by(group: &str, kind: &str, object: &Object) -> Option<SmolStr> {
    let spec = |path: &[&str]| object.root.get("spec").and_then(|spec| spec.at(path));
    let named = |node: Option<&Node>| node.and_then(Node::as_str).map(SmolStr::new);
    match (group, kind) {
        ("cert-manager.io", "Certificate") => named(spec(&["secretName"])),
        (_, "SealedSecret") => named(spec(&["template", "metadata", "name"])),
        (_, "ExternalSecret" | "ClusterExternalSecret") => named(spec(&["target", "name"]))
            .or_else(|| named(spec(&["template", "metadata", "name"]))),
        ("secrets.hashicorp.com", _) => named(spec(&["destination", "name"])),
        (_, kind) if kind.contains("Secret") => None,
        _ => return None,
    }
    .or_else(|| Some(object.name().into()))
}

fn config(object: &Object) -> Config {
    let mut keys = Vec::new();
    for field in ["data", "binaryData", "stringData"] {
        keys.extend(
            entries(object.root.get(field))
                .iter()
                .map(|e| e.key.clone()),
        );
    }
    let kind = Text::of(object.root.get("type"));
    let token = kind
        .as_ref()
        .is_some_and(|kind| kind.text == "kubernetes.io/service-account-token");
    // Annotations and labels by which an operator is told to write into it.
    let marks = ["metadata"].iter().filter_map(|name| object.root.get(name));
    let marked = marks
        .flat_map(|metadata| [metadata.get("annotations"), metadata.get("labels")])
        .flat_map(|node| entries(node))
        .any(|entry| {
            [
                "inject",
                "replicat",
                "reflect",
                "vault",
                "cabundle",
                "ca-bundle",
                "copy",
            ]
            .iter()
            .any(|word| entry.key.contains(word))
        });
    Config {
        filled_later: keys.is_empty() || token || marked,
        keys,
        kind,
    }
}

/// The level that a namespace enforces, by its labels.
fn enforced(root: &Node) -> Option<(Text, Option<SmolStr>)> {
    let label = |name: &str| {
        let labels = root.at(&["metadata", "labels"])?;
        Text::of(labels.get(&format!("pod-security.kubernetes.io/{name}")))
    };
    Some((label("enforce")?, label("enforce-version").map(|v| v.text)))
}

fn single_node(spec: Option<&Node>) -> Option<Span> {
    let modes = spec?.get("accessModes")?;
    let items = modes.as_seq()?;
    let single = |mode: &Node| matches!(mode.as_str(), Some("ReadWriteOnce" | "ReadWriteOncePod"));
    items
        .iter()
        .all(single)
        .then(|| items.first().map(|mode| mode.span))?
}

/// The entries of a mapping; none where there is none.
fn entries(node: Option<&Node>) -> &[Entry] {
    node.and_then(Node::as_map)
        .map_or(&[], |map| map.iter().as_slice())
}

/// The items of a list; none where there is none.
fn items<'n>(node: Option<&'n Node>, field: &str) -> &'n [Node] {
    node.and_then(|node| node.get(field))
        .and_then(Node::as_seq)
        .unwrap_or_default()
}

/// The string entries of a mapping.
fn pairs(node: Option<&Node>) -> Vec<(SmolStr, SmolStr)> {
    entries(node)
        .iter()
        .filter_map(|entry| Some((entry.key.clone(), entry.value.as_str()?.into())))
        .collect()
}

/// A label selector, or the plain mapping that Services have in its place.
fn selector(node: Option<&Node>) -> Option<Selector> {
    Selector::of(node.filter(|node| !node.is_null())?)
}

fn find_odd_keys(
    node: Option<&Node>,
    field: &'static str,
    found: &mut Vec<(SmolStr, Span, &'static str)>,
) {
    for entry in entries(node) {
        let digits = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'e' | b'+');
        let odd = matches!(entry.key.as_str(), "true" | "false")
            || entry
                .key
                .starts_with(|c: char| c.is_ascii_digit() || c == '-')
                && entry.key.bytes().all(digits);
        if odd {
            found.push((entry.key.clone(), entry.key_span, field));
        }
    }
}
