//! Fields as the server names them, where that is not their place in the manifest: people search for
//! its words, and tools compare with them.

use crate::manifest::{Diagnostic, Node, Object};

/// Names the fields of findings as the server does.
pub(in crate::validate) fn rename_fields(object: &Object, findings: &mut [Diagnostic]) {
    if object.kind() == "CustomResourceDefinition" {
        return of_definition(object, findings);
    }
    for finding in findings.iter_mut().filter(|finding| !is_decoded(finding)) {
        let Some(field) = &finding.field else {
            continue;
        };
        let renamed = match object.kind() {
            "Node" => of_node(field),
            _ => of_pod(field, &finding.rule),
        };
        if renamed.is_some() {
            finding.field = renamed;
        }
    }
}

/// What the decoder says has the names of the manifest.
fn is_decoded(finding: &Diagnostic) -> bool {
    ["unknown-field", "wrong-type", "duplicate-key"].contains(&finding.rule.as_ref())
}

/// The taints of a node stand under its metadata.
fn of_node(field: &str) -> Option<String> {
    let rest = field.strip_prefix("spec.taints")?;
    Some(format!("metadata.taints{rest}"))
}

/// Fields below a pod spec, at any depth.
fn of_pod(field: &str, rule: &str) -> Option<String> {
    // The items of this list have no place of their own.
    if let Some((head, rest)) = field.split_once(".downwardAPI.items[") {
        let (_, rest) = rest.split_once(']')?;
        return Some(format!("{head}.downwardAPI{rest}"));
    }
    if let Some((head, rest)) = field.split_once(".gcePersistentDisk.") {
        return Some(format!("{head}.persistentDisk.{rest}"));
    }
    let (parent, name) = field.rsplit_once('.')?;
    let (above, list) = parent.rsplit_once('.')?;
    let list = list.split_once('[').map_or(list, |(list, _)| list);
    match (list, name, rule) {
        (
            "resizePolicy",
            "resourceName" | "restartPolicy",
            "unsupported-value" | "required-field",
        ) => Some(format!("{above}.{list}")),
        ("claims", "name", "required-field") if above.ends_with("resources") => {
            Some(parent.to_owned())
        }
        ("os", "name", "unsupported-value") => Some(parent.to_owned()),
        _ => None,
    }
}

/// The server moves what all versions of a definition have in common to the definition itself before
/// it looks at it.
fn of_definition(object: &Object, findings: &mut [Diagnostic]) {
    let versions = object.root.at(&["spec", "versions"]).and_then(Node::as_seq);
    let versions = versions.unwrap_or_default();
    let common = |name: &str| {
        let mut values = versions
            .iter()
            .map(|version| version.get(name).filter(|n| !n.is_null()));
        let first = values.next().flatten();
        first.is_some() && values.all(|value| value == first)
    };
    let moved: Vec<(&str, &str)> = [
        ("schema", "validation"),
        ("subresources", "subresources"),
        ("additionalPrinterColumns", "additionalPrinterColumns"),
        ("selectableFields", "selectableFields"),
    ]
    .into_iter()
    .filter(|(name, _)| common(name))
    .collect();
    for finding in findings {
        let Some(field) = finding.field.as_ref().filter(|_| !is_decoded(finding)) else {
            continue;
        };
        let mut renamed = field
            .replace(
                "spec.conversion.webhook.clientConfig",
                "spec.conversion.webhookClientConfig",
            )
            .replace(
                "spec.conversion.webhook.conversion",
                "spec.conversion.conversion",
            );
        if let Some((_, rest)) = field
            .strip_prefix("spec.versions[")
            .and_then(|r| r.split_once("]."))
        {
            let target = moved.iter().find_map(|(name, to)| {
                let rest = rest.strip_prefix(name)?;
                // A schema that is missing is missing in its version.
                let is_missing = finding.rule == "required-field" && rest == ".openAPIV3Schema";
                if is_missing {
                    return None;
                }
                (rest.is_empty() || rest.starts_with(['.', '[']))
                    .then(|| format!("spec.{to}{rest}"))
            });
            renamed = target.unwrap_or(renamed);
        }
        finding.field = Some(renamed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_pods_have_the_servers_names() {
        for (field, rule, wanted) in [
            (
                "spec.volumes[0].downwardAPI.items[1].path",
                "invalid-path",
                Some("spec.volumes[0].downwardAPI.path"),
            ),
            (
                "spec.containers[0].resizePolicy[1].restartPolicy",
                "unsupported-value",
                Some("spec.containers[0].resizePolicy"),
            ),
            (
                "spec.initContainers[0].resizePolicy[1].restartPolicy",
                "conflicting-fields",
                None,
            ),
            (
                "spec.containers[0].resources.claims[0].name",
                "required-field",
                Some("spec.containers[0].resources.claims[0]"),
            ),
            ("spec.os.name", "unsupported-value", Some("spec.os")),
            ("spec.os.name", "required-field", None),
            ("spec", "required-field", None),
        ] {
            assert_eq!(of_pod(field, rule).as_deref(), wanted, "{field}");
        }
        assert_eq!(
            of_node("spec.taints[0].effect").as_deref(),
            Some("metadata.taints[0].effect")
        );
    }
}
