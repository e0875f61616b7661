//! Facts of volumes: what they need, and modes that are not what they seem.

use super::pods::{ClassKind, Need, NeedKind, Workload, need};
use super::{Int, Text, items};
use crate::manifest::Node;

/// Takes the facts of a volume of a pod.
pub(super) fn volume(node: &Node, path: &str, workload: &mut Workload) {
    source(node, path, workload);
    if let Some(claim) = node.get("persistentVolumeClaim") {
        let field = format!("{path}.persistentVolumeClaim.claimName");
        let found = need(NeedKind::Claim, claim.get("claimName"), claim, field);
        workload.needs.extend(found);
    }
    let claim = [
        "ephemeral",
        "volumeClaimTemplate",
        "spec",
        "storageClassName",
    ];
    if let Some(class) = Text::of(node.at(&claim)) {
        let field = format!("{path}.{}", claim.join("."));
        workload.classes.push((ClassKind::Storage, class, field));
    }
    let projected = node.get("projected");
    odd_mode(
        projected,
        "defaultMode",
        &format!("{path}.projected"),
        workload,
    );
    for (index, node) in items(projected, "sources").iter().enumerate() {
        source(
            node,
            &format!("{path}.projected.sources[{index}]"),
            workload,
        );
    }
    let downward = node.get("downwardAPI");
    odd_mode(
        downward,
        "defaultMode",
        &format!("{path}.downwardAPI"),
        workload,
    );
}

/// A ConfigMap or Secret as a volume or as a part of one.
fn source(node: &Node, path: &str, workload: &mut Workload) {
    for (field, kind) in [
        ("configMap", NeedKind::ConfigMap),
        ("secret", NeedKind::Secret),
    ] {
        let Some(reference) = node.get(field) else {
            continue;
        };
        let by = if reference.get("secretName").is_some() {
            "secretName"
        } else {
            "name"
        };
        let path = format!("{path}.{field}");
        odd_mode(Some(reference), "defaultMode", &path, workload);
        let Some(first) = need(kind, reference.get(by), reference, format!("{path}.{by}")) else {
            continue;
        };
        workload.needs.push(first.clone());
        for (index, item) in items(Some(reference), "items").iter().enumerate() {
            odd_mode(
                Some(item),
                "mode",
                &format!("{path}.items[{index}]"),
                workload,
            );
            if let Some(key) = Text::of(item.get("key")) {
                workload.needs.push(Need {
                    key: Some(key),
                    field: format!("{path}.items[{index}].key"),
                    ..first.clone()
                });
            }
        }
    }
}

/// A mode such as 400 or 444: its digits are octal, and it was written as a decimal number.
fn odd_mode(node: Option<&Node>, field: &str, path: &str, workload: &mut Workload) {
    let Some(node) = node.and_then(|node| node.get(field)) else {
        return;
    };
    let text = node.scalar_text().unwrap_or_default();
    // Larger ones (644, 755) are refused: 511 is 0777.
    if matches!(text, "400" | "440" | "444" | "500")
        && let Some(mode) = Int::of(Some(node))
        && mode.value >= 400
    {
        workload.odd_modes.push((mode, format!("{path}.{field}")));
    }
}
