//! Kinds whose rules for updates are a few comparisons.

use std::collections::BTreeSet;

use super::change::{Change, FORBIDDEN, IMMUTABLE, list_of_texts};
use super::pod::put;
use crate::manifest::{Node, Span};
use crate::validate::rules;

const FROZEN: &str = "field is immutable when `immutable` is set";

/// Checks a kind that has no file of its own; most have no rules.
pub(super) fn check(change: &mut Change<'_>) {
    match (change.kind.group(), change.kind.kind()) {
        ("", "ConfigMap") => frozen(change, &["data", "binaryData"]),
        ("", "Secret") => {
            change.immutable(&["type"]);
            frozen(change, &["data"]);
        }
        ("", "Node") => node(change),
        ("", "ResourceQuota") => scopes(change),
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => {
            change.immutable(&["spec", "selector"]);
        }
        ("apps", "ControllerRevision") => change.immutable(&["data"]),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(change),
        ("certificates.k8s.io", "ClusterTrustBundle") => change.immutable(&["spec", "signerName"]),
        ("certificates.k8s.io", "PodCertificateRequest") => change.immutable(&["spec"]),
        ("coordination.k8s.io", "LeaseCandidate") => change.immutable(&["spec", "leaseName"]),
        ("events.k8s.io", "Event") => event(change),
        ("storagemigration.k8s.io", "StorageVersionMigration") => change.immutable(&["spec"]),
        ("discovery.k8s.io", "EndpointSlice") => change.immutable(&["addressType"]),
        ("networking.k8s.io", "IngressClass") => change.immutable(&["spec", "controller"]),
        ("networking.k8s.io", "IPAddress") => change.immutable(&["spec", "parentRef"]),
        ("networking.k8s.io", "ServiceCIDR") => service_cidr(change),
        ("node.k8s.io", "RuntimeClass") => change.immutable(&["handler"]),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => role(change),
        ("resource.k8s.io", "ResourceClaim" | "ResourceClaimTemplate") => {
            change.immutable(&["spec"]);
        }
        ("resource.k8s.io", "ResourceSlice") => {
            change.immutable(&["spec", "pool", "name"]);
            change.immutable(&["spec", "driver"]);
            change.immutable(&["spec", "nodeName"]);
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            change.forbidden(&["value"], "may not be changed in an update.");
            change.immutable(&["preemptionPolicy"]);
        }
        ("storage.k8s.io", _) => super::storage::classes(change),
        _ => {}
    }
}

/// ConfigMaps and Secrets that are declared immutable.
fn frozen(change: &mut Change<'_>, fields: &[&str]) {
    let flag = |node: Option<&Node>| node.and_then(Node::as_bool) == Some(true);
    if !flag(change.before(&["immutable"])) {
        return;
    }
    if !flag(change.after(&["immutable"])) {
        let words = format!("Forbidden: {FROZEN}");
        change.report(IMMUTABLE, "immutable", &["immutable".to_owned()], words);
    }
    for field in fields {
        change.forbidden(&[field], FROZEN);
    }
}

fn role(change: &mut Change<'_>) {
    let reason = match change.version.minor() {
        ..37 => "cannot change roleRef",
        _ => "field is immutable",
    };
    change.immutable_as(&["roleRef"], "roleRef", reason);
}

fn scopes(change: &mut Change<'_>) {
    let path = ["spec", "scopes"];
    let set = |node| -> BTreeSet<String> { list_of_texts(node).into_iter().collect() };
    if set(change.before(&path)) != set(change.after(&path)) {
        change.invalid(IMMUTABLE, "spec.scopes", "field is immutable");
    }
}

/// `ValidateEventUpdate`, whose paths are those of the older version.
fn event(change: &mut Change<'_>) {
    for (path, field) in [
        ("regarding", "involvedObject"),
        ("reason", "reason"),
        ("note", "message"),
        ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("type", "type"),
        ("eventTime", "eventTime"),
        ("action", "action"),
        ("related", "related"),
        ("reportingController", "reportingController"),
        ("reportingInstance", "reportingInstance"),
    ] {
        change.immutable_as(&[path], field, "field is immutable");
    }
}

/// `ValidateNodeUpdate`.
fn node(change: &mut Change<'_>) {
    one_range(&mut change.old);
    one_range(&mut change.new);
    if change.before(&["spec", "podCIDRs"]).is_some() {
        let reason = "node updates may not change podCIDR except from \"\" to valid";
        change.forbidden(&["spec", "podCIDRs"], reason);
    }
    let (old, new) = change.texts(&["spec", "providerID"]);
    if !old.is_empty() && old != new {
        let reason = match new {
            "" => "field cannot be cleared once set",
            _ => "field cannot be modified once set",
        };
        change.invalid(IMMUTABLE, "spec.providerID", reason);
    }
    change.forbidden(&["spec", "externalID"], "may not be updated");
}

/// The older field for the ranges of a node wins over the first of the newer one
/// (`Convert_v1_NodeSpec_To_core_NodeSpec`).
fn one_range(root: &mut Node) {
    let Some(spec) = root.get_mut("spec") else {
        return;
    };
    let one = spec
        .get("podCIDR")
        .filter(|node| node.as_str().is_some_and(|t| !t.is_empty()));
    let ranges = spec
        .get("podCIDRs")
        .and_then(Node::as_seq)
        .unwrap_or_default();
    if let Some(one) = one.filter(|one| ranges.first() != Some(*one)).cloned() {
        put(spec, "podCIDRs", Some(&Node::seq(vec![one], Span::NONE)));
    }
}

/// `ValidateServiceCIDRUpdate`: a second range may be added.
fn service_cidr(change: &mut Change<'_>) {
    let path = ["spec", "cidrs"];
    let old = list_of_texts(change.before(&path));
    let new = list_of_texts(change.after(&path));
    if old.len() != new.len() && (old.len(), new.len()) != (1, 2) {
        return change.invalid(IMMUTABLE, "spec.cidrs", "field is immutable");
    }
    for (index, (old, new)) in old.iter().zip(&new).enumerate() {
        if old != new {
            let field = format!("spec.cidrs[{index}]");
            change.invalid(IMMUTABLE, &field, "field is immutable");
        }
    }
}

/// `ValidateCustomResourceDefinitionUpdate`.
fn definition(change: &mut Change<'_>) {
    // A definition from a file is taken for one that is in use.
    let established = match change
        .before(&["status", "conditions"])
        .and_then(Node::as_seq)
    {
        None => true,
        Some(conditions) => conditions.iter().any(|condition| {
            let text = |name| condition.get(name).and_then(Node::as_str);
            text("type") == Some("Established") && text("status") == Some("True")
        }),
    };
    if established {
        change.immutable(&["spec", "scope"]);
        change.immutable(&["spec", "names", "kind"]);
        authorities(change);
    }
    change.immutable(&["spec", "group"]);
    change.immutable(&["spec", "names", "plural"]);
    let versions = change
        .after(&["spec", "versions"])
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let has = |name: &str| {
        versions
            .iter()
            .any(|v| v.get("name").and_then(Node::as_str) == Some(name))
    };
    let stored = change
        .before(&["status", "storedVersions"])
        .and_then(Node::as_seq);
    let gone: Vec<(usize, String)> = stored
        .unwrap_or_default()
        .iter()
        .filter_map(Node::as_str)
        .enumerate()
        .filter(|(_, name)| !has(name))
        .map(|(index, name)| (index, name.to_owned()))
        .collect();
    for (index, name) in gone {
        let words = format!(
            "Invalid value: \"{name}\": missing from spec.versions; {name} was previously a storage \
             version, and must remain in spec.versions until a storage migration ensures no data \
             remains persisted in {name} and removes {name} from status.storedVersions"
        );
        let field = format!("status.storedVersions[{index}]");
        change.report(FORBIDDEN, &field, &["spec.versions".to_owned()], words);
    }
}

/// The authorities of a webhook of a definition that is in use: they are certificates, unless they
/// were none before (`allowInvalidCABundle`).
fn authorities(change: &mut Change<'_>) {
    const PATH: [&str; 5] = ["spec", "conversion", "webhook", "clientConfig", "caBundle"];
    let is_broken = |node: Option<&Node>| {
        let text = node.and_then(Node::as_str).unwrap_or_default();
        !text.is_empty() && !rules::are_authorities(text)
    };
    let strategy = change.after(&["spec", "conversion", "strategy"]);
    if strategy.and_then(Node::as_str) != Some("Webhook")
        || !is_broken(change.after(&PATH))
        || is_broken(change.before(&PATH))
    {
        return;
    }
    let words =
        "Invalid value: unable to load root certificates: unable to parse bytes as PEM block";
    let field = "spec.conversion.webhookClientConfig.caBundle";
    change.report(
        "invalid-certificate",
        field,
        &[PATH.join(".")],
        words.to_owned(),
    );
}
