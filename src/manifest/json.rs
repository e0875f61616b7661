//! The tree's edges to JSON: the kube client's values, and Go's encoding for hashes.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::map::Map;
use super::node::{Node, Scalar, ScalarKind, Value};
use super::number::Number;
use super::source::Span;

/// Converts a tree to a JSON value; key order is kept.
pub fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Map(map) => Json::Object(
            map.iter()
                .map(|entry| (entry.key.to_string(), to_json(&entry.value)))
                .collect(),
        ),
        Value::Seq(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Scalar(scalar) => scalar_to_json(scalar),
    }
}

/// Converts a JSON value to a tree whose nodes all have the span.
pub fn from_json(json: &Json, span: Span) -> Node {
    match json {
        Json::Null => Node::null(span),
        Json::Bool(value) => Node::bool(*value, span),
        Json::String(text) => Node::string(text.as_str(), span),
        Json::Number(number) => {
            let kind = if number.is_f64() {
                ScalarKind::Float
            } else {
                ScalarKind::Int
            };
            let text = number.to_string().into();
            Node::new(
                Value::Scalar(Scalar {
                    text,
                    kind,
                    plain: true,
                    folded: false,
                    untagged: false,
                }),
                span,
            )
        }
        Json::Array(items) => Node::seq(
            items.iter().map(|item| from_json(item, span)).collect(),
            span,
        ),
        Json::Object(object) => {
            let mut map = Map::with_capacity(object.len());
            for (key, value) in object {
                map.insert(key.as_str(), span, from_json(value, span));
            }
            Node::map(map, span)
        }
    }
}

/// Writes compact JSON as Go's `encoding/json` does: keys sorted by bytes, `<`, `>` and `&`
/// escaped, other characters raw. Hashes are computed over this form.
pub fn to_go_json(node: &Node) -> String {
    let mut out = String::new();
    write_go_json(node, &mut out);
    out
}

fn write_go_json(node: &Node, out: &mut String) {
    match &node.value {
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for (at, entry) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_go_string(&entry.key, out);
                out.push(':');
                write_go_json(&entry.value, out);
            }
            out.push('}');
        }
        Value::Seq(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_go_json(item, out);
            }
            out.push(']');
        }
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => out.push_str("null"),
            ScalarKind::Bool => {
                out.push_str(if scalar.as_bool() == Some(true) {
                    "true"
                } else {
                    "false"
                });
            }
            ScalarKind::Int | ScalarKind::Float => match scalar.as_number() {
                Some(number) => out.push_str(&number.to_json()),
                None => write_go_string(&scalar.text, out),
            },
            ScalarKind::Str | ScalarKind::Timestamp => {
                write_go_string(&scalar.as_str().unwrap_or_default(), out);
            }
        },
    }
}

/// Writes a JSON string as Go's `encoding/json` does by default.
pub fn write_go_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn scalar_to_json(scalar: &Scalar) -> Json {
    match scalar.kind {
        ScalarKind::Null => Json::Null,
        ScalarKind::Bool => Json::Bool(scalar.as_bool() == Some(true)),
        ScalarKind::Int | ScalarKind::Float => scalar
            .as_number()
            .map_or_else(|| Json::String(scalar.text.to_string()), number_to_json),
        ScalarKind::Str | ScalarKind::Timestamp => {
            Json::String(scalar.as_str().unwrap_or_default().to_string())
        }
    }
}

fn number_to_json(number: Number) -> Json {
    match number.canonical() {
        Number::Int(int) => i64::try_from(int)
            .map(Json::from)
            .or_else(|_| u64::try_from(int).map(Json::from))
            .unwrap_or(Json::Null),
        Number::Float(float) => Json::from(float),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Sources, read};

    #[test]
    fn go_json_sorts_by_bytes_and_escapes_html() {
        let sources = Sources::new();
        let file = sources.add("a", "{b: \"<b>&é\", a: [1, 1.5, null, true], B: \"x\\n\"}");
        let node = read::read_one(&sources, file, &read::ReadOptions::kubectl())
            .unwrap()
            .root;
        assert_eq!(
            to_go_json(&node),
            r#"{"B":"x\n","a":[1,1.5,null,true],"b":"\u003cb\u003e\u0026é"}"#
        );
        assert_eq!(from_json(&to_json(&node), Span::NONE), node);
    }
}
