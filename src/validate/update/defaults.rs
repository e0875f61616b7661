//! The defaults that matter to a comparison: what the server writes into fields that are left
//! out, before it compares the new object with the old one (`SetDefaults_*` and the generated
//! defaults of `pkg/apis/*/v1`, Kubernetes 1.37).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::manifest::{Map, Node, Span};
use crate::schema::{Object, Shape, Type};

/// Fills in the defaults of an object.
pub(super) fn complete(node: &mut Node, object: Object) {
    value(node, object.ty());
    match object.short_name() {
        "Pod" => pod(node),
        "Secret" => fold(node),
        // Not of one that stands in another object.
        "PersistentVolume" => {
            let spec = node.get_mut("spec").and_then(Node::as_map_mut);
            if let Some(spec) = spec {
                pointer(spec, "volumeMode", Node::string("Filesystem", Span::NONE));
            }
        }
        _ => {}
    }
}

/// What a Secret has as text becomes data.
fn fold(node: &mut Node) {
    let Some(map) = node.as_map_mut() else {
        return;
    };
    let Some(texts) = map.remove("stringData") else {
        return;
    };
    pointer(map, "data", Node::empty_map(Span::NONE));
    let data = map.get_mut("data").and_then(Node::as_map_mut);
    let Some((data, texts)) = data.zip(texts.as_map()) else {
        return;
    };
    for entry in texts {
        let text = entry.value.as_str().unwrap_or_default();
        let encoded = Node::string(STANDARD.encode(text), entry.value.span);
        data.set(entry.key.clone(), encoded);
    }
}

fn value(node: &mut Node, ty: Type) {
    match ty.shape() {
        Shape::Object(object) => {
            let Some(map) = node.as_map_mut() else {
                return;
            };
            for entry in map.iter_mut() {
                if let Some(field) = object.field(&entry.key) {
                    value(&mut entry.value, field.ty());
                }
            }
            own(
                map,
                object.name().strip_prefix("io.k8s.").unwrap_or_default(),
            );
        }
        Shape::Map(inner) if inner.as_object().is_some() => {
            for entry in node.as_map_mut().into_iter().flat_map(Map::iter_mut) {
                value(&mut entry.value, inner);
            }
        }
        Shape::List(list) if list.item().as_object().is_some() => {
            for item in node.as_seq_mut().into_iter().flatten() {
                value(item, list.item());
            }
        }
        _ => {}
    }
}

/// What a type's own defaults are.
fn own(map: &mut Map, name: &str) {
    match name {
        "api.core.v1.Container" | "api.core.v1.EphemeralContainer" => container(map),
        "api.core.v1.PodSpec" => pod_spec(map),
        "api.core.v1.ContainerPort" | "api.core.v1.ServicePort" | "api.core.v1.EndpointPort" => {
            text(map, "protocol", "TCP");
        }
        "api.core.v1.Probe" => {
            let fields = [("timeoutSeconds", 1), ("periodSeconds", 10)];
            for (name, default) in fields
                .into_iter()
                .chain([("successThreshold", 1), ("failureThreshold", 3)])
            {
                int(map, name, default);
            }
        }
        "api.core.v1.HTTPGetAction" => {
            text(map, "path", "/");
            text(map, "scheme", "HTTP");
        }
        "api.core.v1.GRPCAction" => pointer(map, "service", Node::string("", Span::NONE)),
        "api.core.v1.Volume" if map.iter().all(|e| e.key == "name" || e.value.is_null()) => {
            map.set("emptyDir", Node::empty_map(Span::NONE));
        }
        "api.core.v1.ImageVolumeSource" => pull_policy(map, "reference", "pullPolicy"),
        "api.core.v1.SecretVolumeSource"
        | "api.core.v1.ConfigMapVolumeSource"
        | "api.core.v1.DownwardAPIVolumeSource"
        | "api.core.v1.ProjectedVolumeSource" => {
            pointer(map, "defaultMode", Node::int(0o644, Span::NONE));
        }
        "api.core.v1.ServiceAccountTokenProjection" => {
            pointer(map, "expirationSeconds", Node::int(3600, Span::NONE));
        }
        "api.core.v1.HostPathVolumeSource" => pointer(map, "type", Node::string("", Span::NONE)),
        "api.core.v1.ObjectFieldSelector" => text(map, "apiVersion", "v1"),
        "api.core.v1.ISCSIVolumeSource" | "api.core.v1.ISCSIPersistentVolumeSource" => {
            text(map, "iscsiInterface", "default");
        }
        "api.core.v1.RBDVolumeSource" | "api.core.v1.RBDPersistentVolumeSource" => {
            text(map, "pool", "rbd");
            text(map, "user", "admin");
            text(map, "keyring", "/etc/ceph/keyring");
        }
        "api.core.v1.ScaleIOVolumeSource" | "api.core.v1.ScaleIOPersistentVolumeSource" => {
            text(map, "storageMode", "ThinProvisioned");
            text(map, "fsType", "xfs");
        }
        "api.core.v1.AzureDiskVolumeSource" => {
            for (name, default) in [
                ("cachingMode", "ReadWrite"),
                ("fsType", "ext4"),
                ("kind", "Shared"),
            ] {
                pointer(map, name, Node::string(default, Span::NONE));
            }
            pointer(map, "readOnly", Node::bool(false, Span::NONE));
        }
        "api.core.v1.PersistentVolumeClaimSpec" => {
            pointer(map, "volumeMode", Node::string("Filesystem", Span::NONE));
        }
        "api.core.v1.Secret" => text(map, "type", "Opaque"),
        "api.core.v1.ServiceSpec" => service(map),
        "api.apps.v1.StatefulSetSpec" => text(map, "podManagementPolicy", "OrderedReady"),
        "api.batch.v1.JobSpec" => job(map),
        "api.batch.v1.PodFailurePolicyOnPodConditionsPattern" => text(map, "status", "True"),
        "api.certificates.v1.PodCertificateRequestSpec"
        | "api.certificates.v1beta1.PodCertificateRequestSpec" => {
            pointer(map, "maxExpirationSeconds", Node::int(86_400, Span::NONE));
        }
        "api.rbac.v1.RoleRef" => text(map, "apiGroup", "rbac.authorization.k8s.io"),
        "api.scheduling.v1.PriorityClass" => {
            pointer(
                map,
                "preemptionPolicy",
                Node::string("PreemptLowerPriority", Span::NONE),
            );
        }
        "api.storage.v1.StorageClass" => {
            pointer(map, "reclaimPolicy", Node::string("Delete", Span::NONE));
            pointer(
                map,
                "volumeBindingMode",
                Node::string("Immediate", Span::NONE),
            );
        }
        "api.storage.v1.CSIDriverSpec" => {
            pointer(map, "attachRequired", Node::bool(true, Span::NONE));
            if items(map, "volumeLifecycleModes").is_empty() {
                let modes = vec![Node::string("Persistent", Span::NONE)];
                map.set("volumeLifecycleModes", Node::seq(modes, Span::NONE));
            }
        }
        "api.resource.v1.ExactDeviceRequest" | "api.resource.v1.DeviceSubRequest" => {
            text(map, "allocationMode", "ExactCount");
            if map.get("allocationMode").and_then(Node::as_str) == Some("ExactCount") {
                int(map, "count", 1);
            }
        }
        "api.resource.v1.DeviceToleration" => text(map, "operator", "Equal"),
        _ => {}
    }
}

fn container(map: &mut Map) {
    pull_policy(map, "image", "imagePullPolicy");
    text(map, "terminationMessagePath", "/dev/termination-log");
    text(map, "terminationMessagePolicy", "File");
}

/// An image without a tag, or with the tag `latest`, is always pulled.
fn pull_policy(map: &mut Map, image: &str, policy: &'static str) {
    let image = map.get(image).and_then(Node::as_str).unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let has_digest = image.contains('@');
    let tag = match name.split('@').next().unwrap_or_default().split_once(':') {
        Some((_, tag)) => tag,
        None if has_digest || name.is_empty() => "",
        None => "latest",
    };
    let default = if tag == "latest" {
        "Always"
    } else {
        "IfNotPresent"
    };
    text(map, policy, default);
}

fn pod_spec(map: &mut Map) {
    let old_name = map
        .get("serviceAccount")
        .and_then(Node::as_str)
        .unwrap_or_default()
        .to_owned();
    if !old_name.is_empty() {
        text(map, "serviceAccountName", &old_name);
    }
    if let Some(name) = map.get("serviceAccountName").cloned() {
        map.set("serviceAccount", name);
    }
    text(map, "dnsPolicy", "ClusterFirst");
    text(map, "restartPolicy", "Always");
    text(map, "schedulerName", "default-scheduler");
    pointer(map, "securityContext", Node::empty_map(Span::NONE));
    pointer(
        map,
        "terminationGracePeriodSeconds",
        Node::int(30, Span::NONE),
    );
}

/// What a Pod gets and a template does not (`SetDefaults_Pod`).
fn pod(node: &mut Node) {
    let Some(spec) = node.get_mut("spec").and_then(Node::as_map_mut) else {
        return;
    };
    pointer(spec, "enableServiceLinks", Node::bool(true, Span::NONE));
    if spec
        .get("terminationGracePeriodSeconds")
        .and_then(Node::as_i64)
        .is_some_and(|n| n < 0)
    {
        spec.set("terminationGracePeriodSeconds", Node::int(1, Span::NONE));
    }
    let host = spec.get("hostNetwork").and_then(Node::as_bool) == Some(true);
    for name in ["containers", "initContainers"] {
        for item in spec
            .get_mut(name)
            .and_then(Node::as_seq_mut)
            .into_iter()
            .flatten()
        {
            requests(item);
            if host {
                host_ports(item);
            }
        }
    }
}

/// A limit is a request where there is none.
fn requests(container: &mut Node) {
    let limits = container
        .at(&["resources", "limits"])
        .and_then(Node::as_map)
        .cloned();
    let (Some(limits), Some(resources)) = (limits, container.get_mut("resources")) else {
        return;
    };
    let Some(map) = resources.as_map_mut() else {
        return;
    };
    pointer(map, "requests", Node::empty_map(Span::NONE));
    let Some(requests) = map.get_mut("requests").and_then(Node::as_map_mut) else {
        return;
    };
    for limit in &limits {
        if !requests.contains_key(&limit.key) {
            requests.set(limit.key.clone(), limit.value.clone());
        }
    }
}

fn host_ports(container: &mut Node) {
    for port in container
        .get_mut("ports")
        .and_then(Node::as_seq_mut)
        .into_iter()
        .flatten()
    {
        let number = port.get("containerPort").and_then(Node::as_i64);
        if let (Some(number), Some(map)) = (number, port.as_map_mut()) {
            int(map, "hostPort", number);
        }
    }
}

fn service(map: &mut Map) {
    text(map, "type", "ClusterIP");
    let kind = map
        .get("type")
        .and_then(Node::as_str)
        .unwrap_or_default()
        .to_owned();
    if kind == "LoadBalancer" {
        pointer(
            map,
            "allocateLoadBalancerNodePorts",
            Node::bool(true, Span::NONE),
        );
    }
    let external = !items(map, "externalIPs").is_empty();
    if external || matches!(kind.as_str(), "LoadBalancer" | "NodePort") {
        text(map, "externalTrafficPolicy", "Cluster");
    }
}

fn job(map: &mut Map) {
    let given = |map: &Map, name: &str| map.get(name).is_some_and(|node| !node.is_null());
    if !given(map, "completions") && !given(map, "parallelism") {
        map.set("completions", Node::int(1, Span::NONE));
    }
    pointer(map, "parallelism", Node::int(1, Span::NONE));
    pointer(
        map,
        "completionMode",
        Node::string("NonIndexed", Span::NONE),
    );
    pointer(map, "suspend", Node::bool(false, Span::NONE));
}

fn items<'m>(map: &'m Map, name: &str) -> &'m [Node] {
    map.get(name).and_then(Node::as_seq).unwrap_or_default()
}

/// Sets a text that is missing or empty.
fn text(map: &mut Map, name: &'static str, default: &str) {
    let is_empty = |node: &Node| node.is_null() || node.as_str() == Some("");
    if map.get(name).is_none_or(is_empty) {
        map.set(name, Node::string(default, Span::NONE));
    }
}

/// Sets a number that is missing or 0.
fn int(map: &mut Map, name: &'static str, default: i64) {
    let is_zero = |node: &Node| node.is_null() || node.as_i64() == Some(0);
    if map.get(name).is_none_or(is_zero) {
        map.set(name, Node::int(default, Span::NONE));
    }
}

/// Sets a field that is missing, whatever its empty value.
fn pointer(map: &mut Map, name: &'static str, default: Node) {
    if map.get(name).is_none_or(Node::is_null) {
        map.set(name, default);
    }
}
