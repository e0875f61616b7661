//! The tree that every stage works on.
//!
//! Collections are shared (`Arc`) and copied only where they change, so an overlay that
//! touches one field of an object copies the path to that field and nothing else.

use std::sync::Arc;

use smol_str::SmolStr;

use super::map::Map;
use super::number::{self, Number};
use super::refold::refold;
use super::resolve;
use super::source::Span;

/// A value and where it came from.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands. A merge keeps the span of the value that won.
    pub span: Span,
}

/// The three shapes of a YAML node.
#[derive(Clone, Debug)]
pub enum Value {
    /// Null, boolean, number or string.
    Scalar(Scalar),
    /// Keys and values, in source order.
    Map(Arc<Map>),
    /// A list.
    Seq(Arc<Vec<Node>>),
}

/// A scalar as its source has it: the text, and what the dialect of its file makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// Source text of a plain scalar, content of a quoted one.
    pub text: SmolStr,
    /// What the text means.
    pub kind: ScalarKind,
    /// Whether it was written without quotes.
    pub plain: bool,
    /// Whether it is folded text (`>`), which may change when kustomize writes it once more.
    pub folded: bool,
    /// Whether kustomize set it without saying what it is, so that a text which a later step puts
    /// in its place decides that anew.
    pub untagged: bool,
}

/// What a scalar's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarKind {
    /// `null`, `~`, or nothing at all.
    Null,
    /// A boolean; [`Scalar::as_bool`] tells which.
    Bool,
    /// An integer of 64 bits, signed or unsigned; underscores, hex, octal and binary forms included.
    Int,
    /// A number that is no such integer in form. Its value may still be integral (`1e3`).
    Float,
    /// Text.
    Str,
    /// A date that kustomize's reader turns into an RFC 3339 string.
    Timestamp,
}

impl Scalar {
    /// A string.
    pub fn string(text: impl Into<SmolStr>) -> Self {
        Self {
            text: text.into(),
            kind: ScalarKind::Str,
            plain: false,
            folded: false,
            untagged: false,
        }
    }

    /// Returns the boolean that the text stands for, in any spelling of YAML 1.1.
    pub fn as_bool(&self) -> Option<bool> {
        (self.kind == ScalarKind::Bool).then(|| resolve::bool_value(&self.text))
    }

    /// Returns the number that the text stands for.
    pub fn as_number(&self) -> Option<Number> {
        match self.kind {
            ScalarKind::Int | ScalarKind::Float => number::parse(&self.text),
            _ => None,
        }
    }

    /// Returns the text as it goes to JSON when this is a string: dates become RFC 3339, and
    /// folded text what kustomize makes of it when it writes it for JSON.
    pub fn as_str(&self) -> Option<SmolStr> {
        match self.kind {
            ScalarKind::Str if self.folded => Some(SmolStr::new(refold(&self.text))),
            ScalarKind::Str => Some(self.text.clone()),
            ScalarKind::Timestamp => Some(resolve::timestamp_rfc3339(&self.text)),
            _ => None,
        }
    }

    /// Whether two scalars mean the same: `0644` and `420` do, `"1"` and `1` do not.
    pub fn same_value(&self, other: &Scalar) -> bool {
        use ScalarKind::{Bool, Float, Int, Null, Str, Timestamp};
        match (self.kind, other.kind) {
            (Null, Null) => true,
            (Bool, Bool) => self.as_bool() == other.as_bool(),
            (Int | Float, Int | Float) => self.as_number() == other.as_number(),
            (Str | Timestamp, Str | Timestamp) => self.as_str() == other.as_str(),
            _ => false,
        }
    }
}

impl Node {
    /// Creates a node.
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span }
    }

    /// A null.
    pub fn null(span: Span) -> Self {
        let scalar = Scalar {
            text: SmolStr::new_static("null"),
            kind: ScalarKind::Null,
            plain: true,
            folded: false,
            untagged: false,
        };
        Self::new(Value::Scalar(scalar), span)
    }

    /// A string.
    pub fn string(text: impl Into<SmolStr>, span: Span) -> Self {
        Self::new(Value::Scalar(Scalar::string(text)), span)
    }

    /// A boolean.
    pub fn bool(value: bool, span: Span) -> Self {
        let text = SmolStr::new_static(if value { "true" } else { "false" });
        Self::new(
            Value::Scalar(Scalar {
                text,
                kind: ScalarKind::Bool,
                plain: true,
                folded: false,
                untagged: false,
            }),
            span,
        )
    }

    /// An integer.
    pub fn int(value: i64, span: Span) -> Self {
        let text = SmolStr::from(value.to_string());
        Self::new(
            Value::Scalar(Scalar {
                text,
                kind: ScalarKind::Int,
                plain: true,
                folded: false,
                untagged: false,
            }),
            span,
        )
    }

    /// A mapping.
    pub fn map(map: Map, span: Span) -> Self {
        Self::new(Value::Map(Arc::new(map)), span)
    }

    /// A list.
    pub fn seq(items: Vec<Node>, span: Span) -> Self {
        Self::new(Value::Seq(Arc::new(items)), span)
    }

    /// An empty mapping.
    pub fn empty_map(span: Span) -> Self {
        Self::map(Map::new(), span)
    }

    /// Returns the scalar, if this is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Returns the text of a string. Numbers and booleans are no strings.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(s) if s.kind == ScalarKind::Str => Some(&s.text),
            _ => None,
        }
    }

    /// Returns the source text of any scalar but null.
    pub fn scalar_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(s) if s.kind != ScalarKind::Null => Some(&s.text),
            _ => None,
        }
    }

    /// Returns the boolean.
    pub fn as_bool(&self) -> Option<bool> {
        self.as_scalar().and_then(Scalar::as_bool)
    }

    /// Returns the integer, also of a float with an integral value (`1e3`), as Go's decoder does.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_scalar()
            .and_then(Scalar::as_number)
            .and_then(Number::as_i64)
    }

    /// Returns the mapping.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the list.
    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the mapping for writing; copies it when it is shared.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(Arc::make_mut(map)),
            _ => None,
        }
    }

    /// Returns the list for writing; copies it when it is shared.
    pub fn as_seq_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::Seq(items) => Some(Arc::make_mut(items)),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(s) if s.kind == ScalarKind::Null)
    }

    /// Returns the value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map().and_then(|map| map.get(key))
    }

    /// Returns the value under a key for writing. Copies what is shared only when the key exists.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.get(key)?;
        self.as_map_mut().and_then(|map| map.get_mut(key))
    }

    /// Follows keys from mapping to mapping.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Follows keys for writing. Copies what is shared only when the whole path exists.
    pub fn at_mut(&mut self, path: &[&str]) -> Option<&mut Node> {
        self.at(path)?;
        path.iter().try_fold(self, |node, key| node.get_mut(key))
    }

    /// What this is, as people say it in a message: `a string`, `a mapping`, `null`.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Map(_) => "a mapping",
            Value::Seq(_) => "a list",
            Value::Scalar(s) => match s.kind {
                ScalarKind::Null => "null",
                ScalarKind::Bool => "a boolean",
                ScalarKind::Int => "an integer",
                ScalarKind::Float => "a number",
                ScalarKind::Str | ScalarKind::Timestamp => "a string",
            },
        }
    }

    /// Whether two trees mean the same. Spans, key order and spelling do not count.
    pub fn same_value(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar(a), Value::Scalar(b)) => a.same_value(b),
            (Value::Seq(a), Value::Seq(b)) => {
                Arc::ptr_eq(a, b)
                    || a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| x.same_value(y))
            }
            (Value::Map(a), Value::Map(b)) => {
                Arc::ptr_eq(a, b)
                    || a.len() == b.len()
                        && a.iter().all(|entry| {
                            b.get(&entry.key)
                                .is_some_and(|value| entry.value.same_value(value))
                        })
            }
            _ => false,
        }
    }

    /// Sets the span of this node and of everything below it.
    pub fn respan(&mut self, span: Span) {
        self.span = span;
        match &mut self.value {
            Value::Scalar(_) => {}
            Value::Seq(items) => Arc::make_mut(items).iter_mut().for_each(|n| n.respan(span)),
            Value::Map(map) => {
                for entry in Arc::make_mut(map).iter_mut() {
                    entry.key_span = span;
                    entry.value.respan(span);
                }
            }
        }
    }
}

impl PartialEq for Node {
    /// Equality of meaning; see [`Node::same_value`].
    fn eq(&self, other: &Self) -> bool {
        self.same_value(other)
    }
}
