//! Facts of what makes pods: their labels, containers and what they need to start.

use smol_str::SmolStr;

use super::resources::{self, Measure, Resources};
use super::security::{self, Breach};
use super::volumes::volume;
use super::{Int, Port, Text, entries, items, pairs, selector};
use crate::lint::select::Selector;
use crate::manifest::{Node, Object, Span};

/// Something that makes pods.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Workload {
    /// How many pods it makes, and who says so.
    pub(in crate::lint) scale: Scale,
    /// Where `replicas` stands and what it says.
    pub(in crate::lint) replicas: Option<Int>,
    /// Which pods it takes for its own.
    pub(in crate::lint) selector: Option<Selector>,
    /// The labels of its pods.
    pub(in crate::lint) labels: Vec<(SmolStr, SmolStr)>,
    /// The path of its pod template: `spec.template`, empty for a Pod.
    pub(in crate::lint) path: &'static str,
    /// Containers, those that run first among them.
    pub(in crate::lint) containers: Vec<Container>,
    /// ConfigMaps, Secrets and claims that a pod needs before it starts.
    pub(in crate::lint) needs: Vec<Need>,
    /// The account that it runs as, where one is written.
    pub(in crate::lint) account: Option<Text>,
    /// Names of volumes that are not mounted by any container.
    pub(in crate::lint) unmounted: Vec<Text>,
    /// Whether it uses the node's network.
    pub(in crate::lint) host_network: bool,
    /// The Service that a StatefulSet names.
    pub(in crate::lint) service: Option<Text>,
    /// Topology spread constraints.
    pub(in crate::lint) spreads: Vec<Spread>,
    /// File modes that look octal and are decimal, with their field.
    pub(in crate::lint) odd_modes: Vec<(Int, String)>,
    /// Whether a mesh adds containers to its pods, which this cannot see.
    pub(in crate::lint) injected: bool,
    /// Classes that it names, each with its field.
    pub(in crate::lint) classes: Vec<(ClassKind, Text, String)>,
    /// The storage that the claims ask for which are made for it, each with its field.
    pub(in crate::lint) claims: Vec<(Measure, String)>,
    /// Pods of its namespace that it does not want beside it, each with the field.
    pub(in crate::lint) repels: Vec<(Selector, String)>,
    /// What the pod asks for as a whole.
    pub(in crate::lint) resources: Option<Resources>,
    /// What the Pod Security Standards do not allow.
    pub(in crate::lint) breaches: Vec<Breach>,
    /// Whether something makes new pods of it when its configuration changes.
    pub(in crate::lint) rolls: bool,
}

/// Kinds of classes that pods and their claims name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lint) enum ClassKind {
    /// `PriorityClass`.
    Priority,
    /// `RuntimeClass`.
    Runtime,
    /// `StorageClass`.
    Storage,
}

/// How the number of pods comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lint) enum Scale {
    /// `spec.replicas`: Deployment, StatefulSet and the like.
    Replicas,
    /// One for each node.
    Nodes,
    /// They run to an end.
    Batch,
    /// A single Pod.
    One,
    /// Known to an operator.
    Custom,
}

/// One container.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Container {
    /// Its name.
    pub(in crate::lint) name: SmolStr,
    /// Its path: `spec.template.spec.containers[0]`.
    pub(in crate::lint) path: String,
    /// Where it stands.
    pub(in crate::lint) at: Span,
    /// Whether it ends before the others start.
    pub(in crate::lint) runs_first: bool,
    /// Its image.
    pub(in crate::lint) image: Option<Text>,
    /// The ports that it declares.
    pub(in crate::lint) ports: Vec<ContainerPort>,
    /// What it asks for.
    pub(in crate::lint) resources: Resources,
    /// Ports that probes and lifecycle handlers connect to.
    pub(in crate::lint) probes: Vec<ProbePort>,
    /// `$(NAME)` in a variable's value before `NAME` is defined: the variable, the name, the place.
    pub(in crate::lint) early: Vec<(SmolStr, SmolStr, Span, usize)>,
}

/// A port of a container.
#[derive(Clone, Debug)]
pub(in crate::lint) struct ContainerPort {
    /// Its name.
    pub(in crate::lint) name: Option<SmolStr>,
    /// Its number.
    pub(in crate::lint) number: i64,
    /// Its protocol.
    pub(in crate::lint) protocol: SmolStr,
    /// Where it stands.
    pub(in crate::lint) at: Span,
}

/// A port that a probe or lifecycle handler connects to.
#[derive(Clone, Debug)]
pub(in crate::lint) struct ProbePort {
    /// The port.
    pub(in crate::lint) port: Port,
    /// Below the container: `livenessProbe.httpGet.port`.
    pub(in crate::lint) field: String,
}

/// A topology spread constraint.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Spread {
    /// Which pods it counts.
    pub(in crate::lint) selector: Selector,
}

/// What a pod needs before it starts.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Need {
    /// What kind of thing.
    pub(in crate::lint) kind: NeedKind,
    /// Its name.
    pub(in crate::lint) name: Text,
    /// A key in it.
    pub(in crate::lint) key: Option<Text>,
    /// Whether the pod starts without it too.
    pub(in crate::lint) optional: bool,
    /// The field that names it.
    pub(in crate::lint) field: String,
}

/// Kinds of things that pods need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lint) enum NeedKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A Secret with which images are pulled.
    PullSecret,
    /// A PersistentVolumeClaim.
    Claim,
}

/// Takes the facts of something that makes pods, by the kinds of Kubernetes or by its form: a
/// pod template at `spec.template`.
pub(super) fn workload(object: &Object) -> Option<Workload> {
    let (scale, path) = match (object.group(), object.kind()) {
        ("", "Pod") => (Scale::One, ""),
        ("", "PodTemplate") => (Scale::Custom, "template"),
        ("apps" | "extensions", "DaemonSet") => (Scale::Nodes, "spec.template"),
        ("apps" | "extensions", "Deployment" | "StatefulSet" | "ReplicaSet")
        | ("", "ReplicationController") => (Scale::Replicas, "spec.template"),
        ("batch", "Job") => (Scale::Batch, "spec.template"),
        ("batch", "CronJob") => (Scale::Batch, "spec.jobTemplate.spec.template"),
        _ => (Scale::Custom, "spec.template"),
    };
    let template = path
        .split('.')
        .filter(|step| !step.is_empty())
        .try_fold(&object.root, |node, step| node.get(step))?;
    let spec = template.get("spec")?;
    spec.get("containers")?.as_seq()?;
    let owner = object.root.get("spec").filter(|_| !path.is_empty());
    let field = |name: &str| owner.and_then(|node| node.get(name));
    let mut workload = Workload {
        scale,
        replicas: Int::of(field("replicas"))
            .filter(|_| matches!(scale, Scale::Replicas | Scale::Custom)),
        selector: selector(field("selector")).filter(|_| scale != Scale::Batch),
        labels: pairs(template.at(&["metadata", "labels"])),
        path,
        containers: Vec::new(),
        needs: Vec::new(),
        account: Text::of(
            spec.get("serviceAccountName")
                .or(spec.get("serviceAccount")),
        ),
        unmounted: Vec::new(),
        host_network: spec.get("hostNetwork").and_then(Node::as_bool) == Some(true),
        service: Text::of(field("serviceName")).filter(|_| object.kind() == "StatefulSet"),
        spreads: spreads(spec),
        odd_modes: Vec::new(),
        injected: is_injected(template),
        classes: classes(spec, owner, path),
        claims: claims(spec, owner, path),
        repels: Vec::new(),
        resources: spec.get("resources").map(|node| Resources::of(Some(node))),
        breaches: Vec::new(),
        rolls: rolls(object, template),
    };
    let prefix = match path {
        "" => "spec".to_owned(),
        path => format!("{path}.spec"),
    };
    repels(spec, &prefix, &mut workload);
    let mut mounted = Vec::new();
    let mut nodes = Vec::new();
    for (list, runs_first) in [("initContainers", true), ("containers", false)] {
        for (index, node) in items(Some(spec), list).iter().enumerate() {
            let path = format!("{prefix}.{list}[{index}]");
            let sidecar = node.get("restartPolicy").and_then(Node::as_str) == Some("Always");
            container(node, path, runs_first && !sidecar, &mut workload);
            nodes.push((node, node.get("name").map_or(node.span, |name| name.span)));
            for field in ["volumeMounts", "volumeDevices"] {
                let names = items(Some(node), field).iter();
                mounted.extend(names.filter_map(|m| m.get("name").and_then(Node::as_str)));
            }
        }
    }
    workload.breaches = security::breaches(spec, &nodes);
    for (index, node) in items(Some(spec), "imagePullSecrets").iter().enumerate() {
        let field = format!("{prefix}.imagePullSecrets[{index}].name");
        let found = need(NeedKind::PullSecret, node.get("name"), node, field);
        workload.needs.extend(found);
    }
    for (index, node) in items(Some(spec), "volumes").iter().enumerate() {
        volume(node, &format!("{prefix}.volumes[{index}]"), &mut workload);
        if let Some(name) = Text::of(node.get("name"))
            && !mounted.contains(&name.text.as_str())
        {
            workload.unmounted.push(name);
        }
    }
    Some(workload)
}

/// Whether a mesh puts containers of its own into the pods.
fn is_injected(template: &Node) -> bool {
    let metadata = template.get("metadata");
    ["annotations", "labels"]
        .iter()
        .flat_map(|name| entries(metadata.and_then(|node| node.get(name))))
        .any(|entry| entry.key.contains("inject") && entry.value.as_str() != Some("false"))
}

/// Whether new pods come with new configuration: by a digest of it in the template, or by a
/// controller that is asked for.
fn rolls(object: &Object, template: &Node) -> bool {
    let has = |root: &Node, words: &[&str]| {
        let annotations = entries(root.at(&["metadata", "annotations"])).iter();
        let mut keys = annotations.map(|entry| entry.key.to_lowercase());
        keys.any(|key| words.iter().any(|word| key.contains(word)))
    };
    has(template, &["checksum", "hash", "sha", "reload", "revision"])
        || has(&object.root, &["reload", "update-on-config-change"])
}

/// The classes that a pod and the claims of a StatefulSet name.
fn classes(spec: &Node, owner: Option<&Node>, path: &str) -> Vec<(ClassKind, Text, String)> {
    let mut found = Vec::new();
    for (class, field) in [
        (ClassKind::Priority, "priorityClassName"),
        (ClassKind::Runtime, "runtimeClassName"),
    ] {
        if let Some(name) = Text::of(spec.get(field)) {
            let field = match path {
                "" => format!("spec.{field}"),
                path => format!("{path}.spec.{field}"),
            };
            found.push((class, name, field));
        }
    }
    for (index, claim) in items(owner, "volumeClaimTemplates").iter().enumerate() {
        if let Some(name) = Text::of(claim.at(&["spec", "storageClassName"])) {
            let field = format!("spec.volumeClaimTemplates[{index}].spec.storageClassName");
            found.push((ClassKind::Storage, name, field));
        }
    }
    found
}

/// The storage of the claims that a StatefulSet makes, and of those that live as long as a pod.
fn claims(spec: &Node, owner: Option<&Node>, path: &str) -> Vec<(Measure, String)> {
    let mut found = Vec::new();
    let mut take = |claim: Option<&Node>, field: String| {
        if let Some(storage) = resources::storage(claim) {
            found.push((storage, format!("{field}.resources.requests[storage]")));
        }
    };
    for (index, claim) in items(owner, "volumeClaimTemplates").iter().enumerate() {
        let field = format!("spec.volumeClaimTemplates[{index}].spec");
        take(claim.get("spec"), field);
    }
    let prefix = match path {
        "" => "spec".to_owned(),
        path => format!("{path}.spec"),
    };
    for (index, volume) in items(Some(spec), "volumes").iter().enumerate() {
        let steps = ["ephemeral", "volumeClaimTemplate", "spec"];
        let field = format!("{prefix}.volumes[{index}].{}", steps.join("."));
        take(volume.at(&steps), field);
    }
    found
}

/// Takes the terms of a pod's anti-affinity that look at its own namespace.
fn repels(spec: &Node, prefix: &str, workload: &mut Workload) {
    let rules = spec.at(&["affinity", "podAntiAffinity"]);
    for list in [
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
    ] {
        for (index, node) in items(rules, list).iter().enumerate() {
            let weighted = node.get("podAffinityTerm");
            let term = weighted.unwrap_or(node);
            if term.get("namespaceSelector").is_some()
                || !items(Some(term), "namespaces").is_empty()
            {
                continue;
            }
            let Some(selector) = selector(term.get("labelSelector")).filter(|s| !s.is_empty())
            else {
                continue;
            };
            let inner = if weighted.is_some() {
                ".podAffinityTerm"
            } else {
                ""
            };
            let field =
                format!("{prefix}.affinity.podAntiAffinity.{list}[{index}]{inner}.labelSelector");
            workload.repels.push((selector, field));
        }
    }
}

fn spreads(spec: &Node) -> Vec<Spread> {
    items(Some(spec), "topologySpreadConstraints")
        .iter()
        .filter_map(|node| {
            let selector = selector(node.get("labelSelector"))?;
            Some(Spread { selector })
        })
        .collect()
}

fn container(node: &Node, path: String, runs_first: bool, workload: &mut Workload) {
    let name = node.get("name").and_then(Node::as_str).unwrap_or_default();
    let ports = items(Some(node), "ports").iter().filter_map(|port| {
        let text = |name: &str| port.get(name).and_then(Node::as_str);
        let number = Int::of(port.get("containerPort"))?;
        Some(ContainerPort {
            name: text("name").map(SmolStr::new),
            number: number.value,
            protocol: text("protocol").unwrap_or("TCP").into(),
            at: number.at,
        })
    });
    let early = environment(node, &path, workload);
    workload.containers.push(Container {
        name: name.into(),
        at: node.get("name").map_or(node.span, |node| node.span),
        runs_first,
        image: Text::of(node.get("image")),
        ports: ports.collect(),
        resources: Resources::of(node.get("resources")),
        probes: probes(node),
        early,
        path,
    });
}

/// Takes the references of a container's environment. Returns `$(NAME)` that come too early.
fn environment(
    node: &Node,
    path: &str,
    workload: &mut Workload,
) -> Vec<(SmolStr, SmolStr, Span, usize)> {
    for (index, source) in items(Some(node), "envFrom").iter().enumerate() {
        for (field, kind) in [
            ("configMapRef", NeedKind::ConfigMap),
            ("secretRef", NeedKind::Secret),
        ] {
            if let Some(reference) = source.get(field) {
                let field = format!("{path}.envFrom[{index}].{field}.name");
                let found = need(kind, reference.get("name"), reference, field);
                workload.needs.extend(found);
            }
        }
    }
    let variables = items(Some(node), "env");
    for (index, variable) in variables.iter().enumerate() {
        for (field, kind) in [
            ("configMapKeyRef", NeedKind::ConfigMap),
            ("secretKeyRef", NeedKind::Secret),
        ] {
            let Some(reference) = variable.at(&["valueFrom", field]) else {
                continue;
            };
            let field = format!("{path}.env[{index}].valueFrom.{field}.name");
            if let Some(found) = need(kind, reference.get("name"), reference, field) {
                let key = Text::of(reference.get("key"));
                workload.needs.push(Need { key, ..found });
            }
        }
    }
    early_uses(variables)
}

/// Finds `$(NAME)` in the value of a variable that stands before the variable `NAME`: it stays
/// as it is written.
fn early_uses(variables: &[Node]) -> Vec<(SmolStr, SmolStr, Span, usize)> {
    let name = |node: &Node| node.get("name").and_then(Node::as_str).map(SmolStr::new);
    let names: Vec<Option<SmolStr>> = variables.iter().map(name).collect();
    let mut found = Vec::new();
    for (index, variable) in variables.iter().enumerate() {
        let Some(value) = variable.get("value") else {
            continue;
        };
        let Some(text) = value.as_str().filter(|text| text.contains("$(")) else {
            continue;
        };
        let before = &names[..index];
        for later in names[index + 1..].iter().flatten() {
            let used = format!("$({later})");
            if text.contains(&used)
                && !text.contains(&format!("${used}"))
                && !before.iter().flatten().any(|known| known == later)
            {
                let own = names[index].clone().unwrap_or_default();
                found.push((own, later.clone(), value.span, index));
            }
        }
    }
    found
}

fn probes(node: &Node) -> Vec<ProbePort> {
    let mut found = Vec::new();
    let handlers = [
        (node.get("livenessProbe"), "livenessProbe"),
        (node.get("readinessProbe"), "readinessProbe"),
        (node.get("startupProbe"), "startupProbe"),
        (node.at(&["lifecycle", "postStart"]), "lifecycle.postStart"),
        (node.at(&["lifecycle", "preStop"]), "lifecycle.preStop"),
    ];
    for (handler, name) in handlers {
        let Some(handler) = handler else { continue };
        for action in ["httpGet", "tcpSocket", "grpc"] {
            if let Some(port) = Port::of(handler.at(&[action, "port"])) {
                let field = format!("{name}.{action}.port");
                found.push(ProbePort { port, field });
            }
        }
    }
    found
}

/// A need, where its name is written.
pub(super) fn need(
    kind: NeedKind,
    name: Option<&Node>,
    reference: &Node,
    field: String,
) -> Option<Need> {
    Some(Need {
        kind,
        name: Text::of(name)?,
        key: None,
        optional: reference.get("optional").and_then(Node::as_bool) == Some(true),
        field,
    })
}
