//! What is legal in an input and rarely meant.

use crate::manifest::{Diagnostic, Map, Node, ScalarKind, Severity, Span};

use super::dialect::{Schema, parse_image};
use super::engine::uses;

/// Endings of names whose values are secrets.
const SECRET_NAMES: [&str; 3] = ["KEY", "TOKEN", "PASSWORD"];

/// Looks at complete inputs.
pub(super) fn lint(spec: &Node, schema: &Schema) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    images(spec, schema, &mut found);
    resources(spec, schema, &mut found);
    if let Some(env) = spec.get("env").and_then(Node::as_map) {
        let more = spec.get("envFrom").and_then(Node::as_map);
        environment(env, more.is_none_or(Map::is_empty), &mut found);
    }
    found
}

fn images(node: &Node, schema: &Schema, found: &mut Vec<Diagnostic>) {
    if schema.image
        && let Some(text) = node.as_str()
        && let Ok(image) = parse_image(text)
        && image.digest.is_none()
        && matches!(image.tag, None | Some("latest"))
    {
        let message = match image.tag {
            None => format!("image `{text}` has no tag"),
            Some(_) => format!("image `{text}` has the tag `latest`"),
        };
        found.push(
            Diagnostic::warning("image-latest", message)
                .at(node.span, "")
                .hint("a release cannot be rolled back to an image whose name does not change"),
        );
    }
    for (name, property) in &schema.properties {
        if let Some(below) = node.get(name) {
            images(below, property, found);
        }
    }
}

fn resources(spec: &Node, schema: &Schema, found: &mut Vec<Diagnostic>) {
    let from_schema = |span: Span| schema_file(schema, "resources") == Some(span.file());
    let Some(resources) = spec.get("resources") else {
        return;
    };
    if from_schema(resources.span) {
        let texts = ["cpu", "memory"].map(|key| {
            let text = resources.get(key).and_then(Node::scalar_text);
            format!("{key} {}", text.unwrap_or_default())
        });
        found.push(
            Diagnostic::new(
                Severity::Info,
                "resources-defaulted",
                format!("`resources` is not written: {}", texts.join(", ")),
            )
            .at(spec.span, ""),
        );
    }
}

fn schema_file(schema: &Schema, field: &str) -> Option<crate::manifest::FileId> {
    let default = schema.property(field)?.default.as_ref()?;
    Some(default.span.file())
}

fn environment(env: &Map, closed: bool, found: &mut Vec<Diagnostic>) {
    for entry in env {
        let value = entry.value.get("value").unwrap_or(&entry.value);
        let Some(scalar) = value.as_scalar().filter(|s| s.kind == ScalarKind::Str) else {
            continue;
        };
        let text = scalar.text.as_str();
        let name = entry.key.to_ascii_uppercase();
        let secret = SECRET_NAMES.iter().any(|ending| name.ends_with(ending));
        if secret && !text.is_empty() && !text.starts_with("$(") {
            found.push(
                Diagnostic::warning(
                    "secret-literal",
                    format!("`{}` looks like a secret, written as plain text", entry.key),
                )
                .at(value.span, "")
                .hint("write `{secret: NAME}`, and keep the value in a Secret"),
            );
        }
        for used in uses(text) {
            if closed && !env.contains_key(&used) {
                let message = format!("`$({used})` is no variable of this container");
                found.push(
                    Diagnostic::warning("env-unknown", message)
                        .at(value.span, "stays as it is written")
                        .hint(format!("write `$$({used})` if that is meant")),
                );
            }
        }
    }
}
