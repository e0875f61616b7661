//! Warnings of CustomResourceDefinitions, and of the objects that are of them
//! (`apiextensions-apiserver/pkg/registry`).

use std::collections::BTreeSet;

use super::{Warnings, field, items, text};
use crate::manifest::{Diagnostic, Node, Object, Span};
use crate::schema::Version;
use crate::validate::custom;
use crate::validate::rules::qualified_fault;

/// Warnings of a definition: formats that are passed over, sets whose items cannot be compared.
pub(super) fn definition(warn: &mut Warnings<'_>, spec: Option<&Node>) {
    if warn.version.minor() < 34 {
        return;
    }
    let mut told = BTreeSet::new();
    for (index, version) in items(spec, "versions") {
        if let Some(schema) = version.at(&["schema", "openAPIV3Schema"]) {
            let path = format!("spec.versions[{index}].schema.openAPIV3Schema");
            schema_of(warn, schema, &path, &mut told);
        }
    }
}

/// Looks at a schema and at all below it. Each text is told once, as the server does.
fn schema_of(warn: &mut Warnings<'_>, schema: &Node, path: &str, told: &mut BTreeSet<String>) {
    let here = Some(schema);
    let format = text(here, "format");
    if !format.is_empty() && !is_known(format, text(here, "type"), warn.version) {
        let words = format!("unrecognized format {format:?}");
        if told.insert(words.clone()) {
            let at = span(here, "format");
            warn.plain("unknown-format", at, &format!("{path}.format"), words);
        }
    }
    let list = text(here, "x-kubernetes-list-type");
    let kind = text(field(here, "items"), "type");
    if warn.version.minor() >= 37 && list == "set" && matches!(kind, "object" | "array") {
        let words = format!(
            "x-kubernetes-list-type: set for items of type {kind:?} is not supported by server-side apply or CEL validation rules"
        );
        if told.insert(words.clone()) {
            let at = span(here, "x-kubernetes-list-type");
            let path = format!("{path}.x-kubernetes-list-type");
            warn.plain("set-items", at, &path, words);
        }
    }
    for name in ["items", "not", "additionalProperties", "additionalItems"] {
        if let Some(node) = field(here, name).filter(|node| node.as_map().is_some()) {
            schema_of(warn, node, &format!("{path}.{name}"), told);
        }
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        for (index, node) in items(here, name) {
            schema_of(warn, node, &format!("{path}.{name}[{index}]"), told);
        }
    }
    let properties = field(here, "properties").and_then(Node::as_map);
    for entry in properties.into_iter().flatten() {
        let path = format!("{path}.properties[{}]", entry.key);
        schema_of(warn, &entry.value, &path, told);
    }
}

fn span(node: Option<&Node>, name: &str) -> Span {
    field(node, name).map_or(Span::NONE, |node| node.span)
}

/// Whether the server checks a format for a type (`validation/formats.go`).
fn is_known(format: &str, kind: &str, version: Version) -> bool {
    match kind {
        "" | "string" => custom::is_known_format(format, version),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    }
}

/// Warnings of any custom resource: finalizers whose name belongs to nobody.
pub(in crate::validate) fn finalizers(
    version: Version,
    object: &Object,
    findings: &mut Vec<Diagnostic>,
) {
    let warn = &mut Warnings { version, findings };
    let mut told = BTreeSet::new();
    for (index, node) in items(object.root.get("metadata"), "finalizers") {
        let name = node.as_str().unwrap_or_default();
        if !told.insert(name) {
            continue;
        }
        let mut words = qualified_fault(name, version);
        let standard = matches!(name, "orphan" | "foregroundDeletion" | "kubernetes");
        if !name.contains('/') && !standard {
            let path = if name.contains('.') {
                " including a path (/)"
            } else {
                ""
            };
            words.push(format!(
                "prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
            ));
        }
        for words in words {
            let path = format!("metadata.finalizers[{index}]");
            let said = format!("metadata.finalizers: {name:?}: {words}");
            warn.add("finalizer-name", node.span, &path, &words, &said);
        }
    }
}
