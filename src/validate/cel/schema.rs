//! What the rules of a CustomResourceDefinition know of its schema.

use smol_str::SmolStr;

use super::lex::is_word;
use crate::manifest::Node;

/// The property that an expression means by a name: what is no plain name is written with
/// `__dash__` and the like (`apiserver/pkg/cel/escaping.go`).
pub(super) fn property<'n>(schema: &'n Node, name: &str) -> Option<&'n Node> {
    let properties = schema.get("properties")?.as_map()?;
    let found = properties.iter().find(|entry| reaches(name, &entry.key));
    found.map(|entry| &entry.value)
}

/// Whether an expression means a property by a name.
fn reaches(name: &str, property: &str) -> bool {
    // Words of CEL may be written plainly too.
    if is_word(property) {
        let escaped = name.strip_prefix("__").and_then(|n| n.strip_suffix("__"));
        return name == property || escaped == Some(property);
    }
    // Most names need no escape.
    let plain = property.bytes().all(|b| b.is_ascii_alphanumeric());
    let starts = !property.starts_with(|c: char| c.is_ascii_digit());
    match plain && starts {
        true => name == property,
        false => escape(property).as_deref() == Some(name),
    }
}

/// The name under which an expression reaches a property that is no plain name; `None` where
/// none does.
pub(super) fn escape(name: &str) -> Option<String> {
    if is_word(name) {
        return Some(format!("__{name}__"));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(legal) {
        return None;
    }
    let escaped = name
        .replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__");
    Some(escaped)
}

/// The property that an expression means by a name; `None` where it means none.
pub(super) fn unescape(name: &str) -> Option<SmolStr> {
    if !name.contains("__") {
        return Some(name.into());
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("__") {
        // An escape has something between its underscores, and no underscore in that.
        let end = after
            .find('_')
            .filter(|end| *end > 0 && after[*end..].starts_with("__"));
        let Some(end) = end else {
            out.push_str(before);
            out.push('_');
            rest = &rest[before.len() + 1..];
            continue;
        };
        out.push_str(before);
        out.push_str(match &after[..end] {
            "underscores" => "__",
            "dot" => ".",
            "dash" => "-",
            "slash" => "/",
            word if is_word(word) && name.len() == word.len() + 4 => word,
            _ => return None,
        });
        rest = &after[end + 2..];
    }
    out.push_str(rest);
    Some(out.into())
}

/// Whether a schema of a whole object declares its names itself, so that the server adds nothing.
pub(super) fn names_itself(schema: &Node) -> bool {
    let kind = |path: &[&str]| {
        let node = schema.at(path).and_then(|node| node.get("type"));
        node.and_then(Node::as_str).unwrap_or_default()
    };
    kind(&["properties", "kind"]) == "string"
        && kind(&["properties", "apiVersion"]) == "string"
        && kind(&["properties", "metadata"]) == "object"
        && kind(&["properties", "metadata", "properties", "name"]) == "string"
        && kind(&["properties", "metadata", "properties", "generateName"]) == "string"
}
