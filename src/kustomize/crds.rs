//! `crds:`: OpenAPI definitions whose marks say which fields hold names, labels and annotations.

use smol_str::SmolStr;

use super::config::{BackReference, RawConfig};
use super::fieldspec::{FieldSpec, merge_one};
use crate::manifest::{Diagnostic, Gvk, Map, Node};

const ANNOTATION: &str = "x-kubernetes-annotation";
const LABEL_SELECTOR: &str = "x-kubernetes-label-selector";
const IDENTITY: &str = "x-kubernetes-identity";
const REF_VERSION: &str = "x-kubernetes-object-ref-api-version";
const REF_KIND: &str = "x-kubernetes-object-ref-kind";
const REF_NAME_KEY: &str = "x-kubernetes-object-ref-name-key";

/// Reads a file that `crds:` lists: a mapping of type names to definitions.
///
/// # Errors
/// What is no such mapping.
pub(crate) fn read(root: &Node) -> Result<RawConfig, Diagnostic> {
    let fault = |message: String, node: &Node| {
        Diagnostic::error("crds", message).at(node.span, "").hint(
            "`crds` takes OpenAPI definitions; list a CustomResourceDefinition in `resources`",
        )
    };
    let Some(types) = root.as_map() else {
        let message = format!("this holds {}, not OpenAPI definitions", root.describe());
        return Err(fault(message, root));
    };
    let mut config = RawConfig::default();
    for entry in types {
        if entry.value.as_map().is_none() {
            let message = format!("`{}` is no OpenAPI definition", entry.key);
            return Err(fault(message, &entry.value));
        }
        let Some(properties) = properties(types, &entry.key) else {
            continue;
        };
        let is_object = ["kind", "apiVersion", "metadata"]
            .iter()
            .all(|name| properties.contains_key(name));
        if is_object {
            let kind = entry.key.rsplit('.').next().unwrap_or_default();
            let mut walk = Walk {
                types,
                kind,
                path: Vec::new(),
                seen: vec![entry.key.clone()],
                config: &mut config,
            };
            walk.properties(properties)
                .map_err(|path| super::run::conflict(&path).at(entry.key_span, ""))?;
        }
    }
    Ok(config)
}

fn properties<'n>(types: &'n Map, name: &str) -> Option<&'n Map> {
    let definition = types.get(name)?;
    let schema = definition
        .get("Schema")
        .or_else(|| definition.get("schema"))?;
    schema.get("properties")?.as_map()
}

struct Walk<'n, 'c> {
    types: &'n Map,
    kind: &'n str,
    path: Vec<SmolStr>,
    /// The types on the way, so that one that holds itself ends.
    seen: Vec<SmolStr>,
    config: &'c mut RawConfig,
}

impl Walk<'_, '_> {
    fn properties(&mut self, properties: &Map) -> Result<(), SmolStr> {
        for entry in properties {
            self.path.push(entry.key.clone());
            self.property(&entry.value)?;
            self.path.pop();
        }
        Ok(())
    }

    fn property(&mut self, property: &Node) -> Result<(), SmolStr> {
        let text = |key: &str| property.get(key).and_then(Node::as_str);
        let conflict = |spec: FieldSpec| spec.path;
        for (mark, list) in [
            (ANNOTATION, &mut self.config.common_annotations),
            (LABEL_SELECTOR, &mut self.config.common_labels),
            (IDENTITY, &mut self.config.name_prefix),
        ] {
            if text(mark).is_some() {
                let path = self.path.join("/");
                let spec = FieldSpec::new("", "", self.kind, &path, false);
                merge_one(list, spec).map_err(conflict)?;
            }
        }
        if let (Some(version), Some(kind)) = (text(REF_VERSION), text(REF_KIND)) {
            let key = text(REF_NAME_KEY).unwrap_or("name");
            let path = format!("{}/{key}", self.path.join("/"));
            let reference = BackReference {
                target: Gvk {
                    group: SmolStr::default(),
                    version: version.into(),
                    kind: kind.into(),
                },
                referrers: vec![FieldSpec::new("", "", self.kind, &path, false)],
            };
            let found = RawConfig {
                name_reference: vec![reference],
                ..RawConfig::default()
            };
            self.config.merge(&found)?;
        }
        let Some(name) = text("$ref").map(SmolStr::new) else {
            return Ok(());
        };
        if self.seen.contains(&name) {
            return Ok(());
        }
        if let Some(below) = properties(self.types, &name) {
            self.seen.push(name);
            self.properties(below)?;
            self.seen.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Span;
    use crate::manifest::json::from_json;

    #[test]
    fn marks_become_field_specs() {
        let json = serde_json::json!({
            "example.com/v1.Bee": {"Schema": {"properties": {
                "apiVersion": {}, "kind": {}, "metadata": {},
                "spec": {"$ref": "example.com/v1.BeeSpec"}
            }}},
            "example.com/v1.BeeSpec": {"Schema": {"properties": {
                "again": {"$ref": "example.com/v1.BeeSpec"},
                "labels": {"x-kubernetes-label-selector": ""},
                "secretRef": {
                    "x-kubernetes-object-ref-api-version": "v1",
                    "x-kubernetes-object-ref-kind": "Secret"
                }
            }}}
        });
        let config = read(&from_json(&json, Span::NONE)).unwrap();
        assert_eq!(config.common_labels[0].path, "spec/labels");
        assert_eq!(config.common_labels[0].gvk.kind, "Bee");
        let reference = &config.name_reference[0];
        assert_eq!(reference.target.kind, "Secret");
        assert_eq!(reference.referrers[0].path, "spec/secretRef/name");
    }

    #[test]
    fn a_custom_resource_definition_is_refused() {
        let json = serde_json::json!({"apiVersion": "v1", "kind": "CustomResourceDefinition"});
        let fault = read(&from_json(&json, Span::NONE)).expect_err("no definitions");
        assert!(
            fault
                .message
                .contains("`apiVersion` is no OpenAPI definition")
        );
    }
}
