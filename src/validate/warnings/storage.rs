//! Warnings of volumes, classes, nodes, quotas, accounts and Secrets.

use super::pods::{fraction, node_label, selector_term};
use super::{Warnings, addresses, field, items, key_span, keyed, text};
use crate::manifest::quantity::Quantity;
use crate::manifest::{Node, Object};

const CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const CLASS_WORDS: &str = "deprecated since v1.8; use \"storageClassName\" attribute instead";

/// Warnings of the kinds that are none of the other files'.
pub(super) fn check(warn: &mut Warnings<'_>, object: &Object, spec: Option<&Node>) {
    let root = &object.root;
    let annotations = root.at(&["metadata", "annotations"]);
    match (object.group(), object.kind()) {
        ("", "PersistentVolume") => volume(warn, annotations, spec),
        ("", "PersistentVolumeClaim") => {
            if field(annotations, CLASS).is_some() {
                let path = keyed("metadata.annotations", CLASS);
                warn.at(
                    "deprecated-annotation",
                    key_span(annotations, CLASS),
                    &path,
                    CLASS_WORDS,
                );
            }
            claim(warn, spec, "spec");
        }
        ("storage.k8s.io", "StorageClass") => topologies(warn, root),
        ("storage.k8s.io", "CSIStorageCapacity") => capacity(warn, root),
        ("storage.k8s.io", "CSIDriver") => driver(warn, spec),
        ("node.k8s.io", "RuntimeClass") => runtime(warn, root),
        ("", "Node") => node(warn, spec),
        ("", "ResourceQuota") => quota(warn, spec),
        ("", "ServiceAccount") => account(warn, annotations),
        ("", "Secret") => super::secrets::check(warn, object),
        ("resource.k8s.io", "ResourceSlice") => slice(warn, spec),
        _ => {}
    }
}

fn volume(warn: &mut Warnings<'_>, annotations: Option<&Node>, spec: Option<&Node>) {
    const MOUNT: &str = "volume.beta.kubernetes.io/mount-options";
    let mount = "deprecated since v1.31; use \"mountOptions\" attribute instead";
    for (key, words) in [(CLASS, CLASS_WORDS), (MOUNT, mount)] {
        if field(annotations, key).is_some() {
            let path = keyed("metadata.annotations", key);
            warn.at(
                "deprecated-annotation",
                key_span(annotations, key),
                &path,
                words,
            );
        }
    }
    if text(spec, "persistentVolumeReclaimPolicy") == "Recycle" {
        let words = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";
        let span = key_span(spec, "persistentVolumeReclaimPolicy");
        warn.at(
            "deprecated-field",
            span,
            "spec.persistentVolumeReclaimPolicy",
            words,
        );
    }
    let required = spec.and_then(|node| node.at(&["nodeAffinity", "required"]));
    for (index, term) in items(required, "nodeSelectorTerms") {
        let path = format!("spec.nodeAffinity.required.nodeSelectorTerms[{index}]");
        selector_term(warn, term, false, &path);
    }
    for (name, words) in [
        ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
        (
            "photonPersistentDisk",
            "deprecated in v1.11, non-functional in v1.16+",
        ),
        ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
        ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
        ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
        ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
    ] {
        if field(spec, name).is_some() {
            // The server writes the name of its own type's field here.
            let shown = if name == "storageos" {
                "storageOS"
            } else {
                name
            };
            warn.at(
                "deprecated-volume",
                key_span(spec, name),
                &format!("spec.{shown}"),
                words,
            );
        }
    }
}

/// Warnings of the spec of a claim, wherever it stands.
pub(super) fn claim(warn: &mut Warnings<'_>, spec: Option<&Node>, path: &str) {
    let resources = field(spec, "resources");
    for list in ["requests", "limits"] {
        fraction(
            warn,
            field(resources, list),
            "storage",
            &format!("{path}.resources.{list}"),
        );
    }
}

fn topologies(warn: &mut Warnings<'_>, root: &Node) {
    for (index, topology) in items(Some(root), "allowedTopologies") {
        for (at, expression) in items(Some(topology), "matchLabelExpressions") {
            let key = text(Some(expression), "key");
            if let Some(words) = node_label(key) {
                let path = format!("allowedTopologies[{index}].matchLabelExpressions[{at}].key");
                warn.at(
                    "deprecated-node-label",
                    key_span(Some(expression), "key"),
                    &path,
                    words,
                );
            }
        }
    }
}

fn capacity(warn: &mut Warnings<'_>, root: &Node) {
    let topology = root.get("nodeTopology");
    for (index, expression) in items(topology, "matchExpressions") {
        let key = text(Some(expression), "key");
        if let Some(words) = node_label(key) {
            let path = format!("nodeTopology.matchExpressions[{index}].key");
            let span = key_span(Some(expression), "key");
            warn.at(
                "deprecated-node-label",
                span,
                &path,
                format!("{key} is {words}"),
            );
        }
    }
    let labels = field(topology, "matchLabels").and_then(Node::as_map);
    for entry in labels.into_iter().flatten() {
        if let Some(words) = node_label(&entry.key) {
            let path = format!("nodeTopology.matchLabels.{}", entry.key);
            warn.at("deprecated-node-label", entry.key_span, &path, words);
        }
    }
}

fn driver(warn: &mut Warnings<'_>, spec: Option<&Node>) {
    let requests = items(spec, "tokenRequests").count() > 0;
    if warn.version.minor() >= 35
        && requests
        && field(spec, "serviceAccountTokenInSecrets").is_none()
    {
        let words = "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes";
        let span = key_span(spec, "tokenRequests");
        warn.plain(
            "deprecated-field",
            span,
            "spec.serviceAccountTokenInSecrets",
            words,
        );
    }
}

fn runtime(warn: &mut Warnings<'_>, root: &Node) {
    let labels = root
        .at(&["scheduling", "nodeSelector"])
        .and_then(Node::as_map);
    for entry in labels.into_iter().flatten() {
        if let Some(words) = node_label(&entry.key) {
            warn.at(
                "deprecated-node-label",
                entry.key_span,
                "scheduling.nodeSelector",
                words,
            );
        }
    }
}

fn node(warn: &mut Warnings<'_>, spec: Option<&Node>) {
    if field(spec, "configSource").is_some() {
        let span = key_span(spec, "configSource");
        warn.at(
            "deprecated-field",
            span,
            "spec.configSource",
            "the feature is removed",
        );
    }
    if !text(spec, "externalID").is_empty() {
        let words = "this field is deprecated, and is unused by Kubernetes";
        warn.at(
            "deprecated-field",
            key_span(spec, "externalID"),
            "spec.externalID",
            words,
        );
    }
    for (index, node) in items(spec, "podCIDRs") {
        addresses::cidr(warn, node, &format!("spec.podCIDRs[{index}]"));
    }
}

fn quota(warn: &mut Warnings<'_>, spec: Option<&Node>) {
    if warn.version.minor() < 35 {
        return;
    }
    let hard = field(spec, "hard");
    let amount = |name: &str| {
        let text = field(hard, name)?.scalar_text()?;
        Some((Quantity::parse(text)?, text))
    };
    for name in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let mut request = format!("requests.{name}");
        if amount(&request).is_none() && matches!(name, "cpu" | "memory") {
            name.clone_into(&mut request);
        }
        let limit = format!("limits.{name}");
        if let (Some((less, shown)), Some((more, other))) = (amount(&request), amount(&limit))
            && less.nanos() > more.nanos()
        {
            let words =
                format!("ResourceQuota {request} ({shown}) should be less than {limit} ({other})");
            let path = keyed("spec.hard", &request);
            warn.plain("quota-order", key_span(hard, &request), &path, words);
        }
    }
}

fn account(warn: &mut Warnings<'_>, annotations: Option<&Node>) {
    const KEY: &str = "kubernetes.io/enforce-mountable-secrets";
    if field(annotations, KEY).is_some() {
        let words =
            "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets";
        let path = keyed("metadata.annotations", KEY);
        warn.at(
            "deprecated-annotation",
            key_span(annotations, KEY),
            &path,
            words,
        );
    }
}

fn slice(warn: &mut Warnings<'_>, spec: Option<&Node>) {
    let driver = text(spec, "driver");
    if warn.version.minor() >= 35 && driver != driver.to_lowercase() {
        let words =
            format!("driver names should be lowercase; {driver:?} contains uppercase characters");
        warn.at(
            "non-standard-address",
            key_span(spec, "driver"),
            "spec.driver",
            words,
        );
    }
}
