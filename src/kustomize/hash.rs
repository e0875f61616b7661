//! The hash suffix of generated names: kustomize's own, byte for byte.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::manifest::json::{to_go_json, write_go_string};
use crate::manifest::{Node, Span};

use super::resmap::ResMap;
use super::resource::raw_text;

/// Returns the suffix for an object's content. Names, labels and annotations do not count.
pub fn content_hash(node: &Node) -> String {
    let kind = node
        .get("kind")
        .and_then(Node::scalar_text)
        .unwrap_or_default();
    let encoded = match kind {
        "ConfigMap" => encode(node, "ConfigMap", "binaryData", false),
        "Secret" => encode(node, "Secret", "stringData", true),
        _ => to_go_json(node),
    };
    shorten(&encoded)
}

/// Appends the suffix to the names of the resources that want one.
pub(crate) fn suffix_names(map: &mut ResMap) {
    for resource in map.iter_mut().filter(|resource| resource.needs_hash) {
        let suffix = content_hash(&resource.node);
        resource.store_previous();
        let name = format!("{}-{suffix}", resource.name);
        let written = resource.node.at(&["metadata", "name"]);
        let span = written.map_or(Span::NONE, |node| node.span);
        resource.set_name(&name, span);
    }
    map.renamed();
}

/// The first ten hexadecimal digits of a text's SHA-256, with those that could spell a word
/// replaced.
pub fn shorten(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::with_capacity(10);
    for byte in digest.iter().take(5) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex.chars()
        .map(|digit| match digit {
            '0' => 'g',
            '1' => 'h',
            '3' => 'k',
            'a' => 'm',
            'e' => 't',
            other => other,
        })
        .collect()
}

fn encode(node: &Node, kind: &str, more: &str, with_type: bool) -> String {
    let mut out = String::from("{");
    let member = |key: &str, value: &Node, out: &mut String| {
        if out.len() > 1 {
            out.push(',');
        }
        write_go_string(key, out);
        out.push(':');
        if value.as_scalar().is_some() {
            write_go_string(&raw_text(value), out);
        } else {
            out.push_str(&to_go_json(value));
        }
    };
    let empty = Node::string("", Span::NONE);
    let extra = node.get(more).filter(|node| node.as_map().is_some());
    let text = |text: &str| Node::string(text, Span::NONE);
    // Keys in the order of Go's encoder; the name is always empty, since kustomize looks for a
    // field that is called `metadata/name`.
    if let Some(extra) = extra.filter(|_| more == "binaryData") {
        member(more, extra, &mut out);
    }
    member("data", node.get("data").unwrap_or(&empty), &mut out);
    member("kind", &text(kind), &mut out);
    member("name", &empty, &mut out);
    if let Some(extra) = extra.filter(|_| more == "stringData") {
        member(more, extra, &mut out);
    }
    if with_type {
        member("type", node.get("type").unwrap_or(&empty), &mut out);
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::json::from_json;

    #[test]
    fn suffixes_are_those_of_kustomize() {
        // Made by kustomize 5.8.1.
        for (json, want) in [
            (
                serde_json::json!({"kind": "ConfigMap", "data": {"x": "y"}}),
                "6gc9d749f7",
            ),
            (serde_json::json!({"kind": "ConfigMap"}), "6ct58987ht"),
            (
                serde_json::json!({"kind": "ConfigMap", "data": {"a": "<b>&é"}}),
                "2c27d2449m",
            ),
            (
                serde_json::json!({"kind": "Secret", "type": "Opaque", "data": {"u": "dg=="}}),
                "8f56k68htf",
            ),
        ] {
            assert_eq!(content_hash(&from_json(&json, Span::NONE)), want, "{json}");
        }
    }
}
