//! Services: addresses that were given stay (`ValidateServiceUpdate`).

use super::change::{Change, FORBIDDEN, IMMUTABLE};
use crate::manifest::Node;

/// Checks a Service.
pub(super) fn check(change: &mut Change<'_>) {
    let (old, new) = (Picture::of(&change.old), Picture::of(&change.new));
    if old.kind != "ExternalName" && new.kind != "ExternalName" {
        if !(old.headless && new.headless) {
            addresses(change, &old, &new);
        }
        if old.headless == new.headless && !new.headless {
            families(change, &old, &new);
        }
        fewer_families(change, &old, &new);
    }
    if new.policy == "SingleStack" {
        for (count, what) in [
            (new.addresses.len(), "cluster IPs"),
            (new.families.len(), "IP families"),
        ] {
            if count == 2 {
                let reason = format!(
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                );
                change.invalid(FORBIDDEN, "spec.ipFamilyPolicy", &reason);
            }
        }
    }
    if old.kind == "LoadBalancer" && new.kind == "LoadBalancer" {
        let class = ["spec", "loadBalancerClass"];
        change.immutable_as(&class, "spec.loadBalancerClass", "may not change once set");
    }
    if old.needs_health_check() && new.needs_health_check() {
        change.forbidden(&["spec", "healthCheckNodePort"], "field is immutable");
    }
}

/// What matters of a Service.
pub(super) struct Picture {
    /// Its type.
    pub(super) kind: String,
    /// Its addresses.
    pub(super) addresses: Vec<String>,
    /// Their families.
    pub(super) families: Vec<String>,
    policy: String,
    external_policy: String,
    allocates_ports: bool,
    headless: bool,
}

impl Picture {
    /// Looks at a Service that has its defaults.
    pub(super) fn of(root: &Node) -> Self {
        let text = |name: &str| {
            let node = root.at(&["spec", name]).and_then(Node::as_str);
            node.unwrap_or_default().to_owned()
        };
        let list = |name: &str| -> Vec<String> {
            let items = root.at(&["spec", name]).and_then(Node::as_seq);
            let items = items.unwrap_or_default().iter();
            items
                .map(|item| item.as_str().unwrap_or_default().to_owned())
                .collect()
        };
        let addresses = list("clusterIPs");
        let allocates = root.at(&["spec", "allocateLoadBalancerNodePorts"]);
        Self {
            kind: text("type"),
            headless: addresses == ["None"],
            addresses,
            families: list("ipFamilies"),
            policy: text("ipFamilyPolicy"),
            external_policy: text("externalTrafficPolicy"),
            allocates_ports: allocates.and_then(Node::as_bool) != Some(false),
        }
    }

    /// Whether it has addresses of its own.
    pub(super) fn needs_address(&self) -> bool {
        self.kind != "ExternalName"
    }

    /// Whether it has ports on the nodes.
    pub(super) fn needs_node_port(&self) -> bool {
        self.kind == "NodePort" || self.kind == "LoadBalancer" && self.allocates_ports
    }

    /// Whether it has a port for health checks.
    pub(super) fn needs_health_check(&self) -> bool {
        self.kind == "LoadBalancer" && self.external_policy == "Local"
    }
}

/// `validateUpgradeDowngradeClusterIPs`.
fn addresses(change: &mut Change<'_>, old: &Picture, new: &Picture) {
    let (before, after) = (&old.addresses, &new.addresses);
    let first = "spec.clusterIPs[0]";
    let at = match change.after(&["spec", "clusterIP"]) {
        Some(_) => "spec.clusterIP",
        None => first,
    };
    let mut report = |field: &str, reason: &str| {
        let words = format!("Invalid value: {after:?}: {reason}");
        change.report(IMMUTABLE, field, &[at.to_owned()], words);
    };
    if before.len() == after.len() {
        for (index, (a, b)) in before.iter().zip(after).enumerate() {
            if a != b {
                report(
                    &format!("spec.clusterIPs[{index}]"),
                    "may not change once set",
                );
            }
        }
        return;
    }
    if before.len() > after.len() && after.is_empty() {
        return report(first, "primary clusterIP can not be unset");
    }
    if let (Some(a), Some(b)) = (before.first(), after.first())
        && a != b
    {
        report(first, "may not change once set");
    }
    if before.len() > after.len() && after.len() == 1 && new.policy != "SingleStack" {
        let reason = "must be set to 'SingleStack' when releasing the secondary clusterIP";
        change.invalid(FORBIDDEN, "spec.ipFamilyPolicy", reason);
    }
}

/// `validateUpgradeDowngradeIPFamilies`.
fn families(change: &mut Change<'_>, old: &Picture, new: &Picture) {
    let (before, after) = (&old.families, &new.families);
    let first = "spec.ipFamilies[0]";
    let differs = if before.len() == after.len() {
        before != after
    } else {
        matches!((before.first(), after.first()), (Some(a), Some(b)) if a != b)
    };
    if differs {
        change.invalid(IMMUTABLE, first, "may not change once set");
    }
}

/// A family is given up on purpose alone, also where no addresses hang on it (`reducedIPFamilies` of
/// `pkg/registry/core/service/storage`).
fn fewer_families(change: &mut Change<'_>, old: &Picture, new: &Picture) {
    let is_fewer = !new.families.is_empty() && new.families.len() < old.families.len();
    if is_fewer && new.policy != "SingleStack" {
        let reason = "must be 'SingleStack' to release the secondary IP family";
        change.invalid(FORBIDDEN, "spec.ipFamilyPolicy", reason);
    }
}
