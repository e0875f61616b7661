//! Inputs as template values: read-only, sorted, and each leaf knows where it stands.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use crate::manifest::number::Number;
use crate::manifest::{Node, Scalar, ScalarKind, Span, Value as Tree, emit};

use super::Shared;
use super::marks;

/// A mapping of an input.
pub(super) struct InputMap {
    entries: Vec<Leaf>,
    pub(super) span: Span,
    shared: Shared,
}

/// A list of an input.
pub(super) struct InputList {
    items: Vec<Leaf>,
    pub(super) span: Span,
    shared: Shared,
}

struct Leaf {
    key: Value,
    value: Value,
    input: Option<usize>,
}

impl fmt::Debug for InputMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.entries.iter().map(|leaf| (&leaf.key, &leaf.value)))
            .finish()
    }
}

impl fmt::Debug for InputList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.items.iter().map(|leaf| &leaf.value))
            .finish()
    }
}

/// Turns a tree into a value. `Err` holds the span of a text that marks would get lost in.
pub(super) fn value(node: &Node, shared: &Shared) -> Result<Value, Span> {
    match &node.value {
        Tree::Scalar(scalar) => {
            if marks::has_marks(&scalar.text) {
                return Err(node.span);
            }
            let input = shared.lock().trace.input(node.span);
            Ok(self::scalar(scalar, input, shared))
        }
        Tree::Seq(items) => {
            let items = items
                .iter()
                .map(|item| leaf(Value::UNDEFINED, item, shared));
            Ok(Value::from_object(InputList {
                items: items.collect::<Result<_, _>>()?,
                span: node.span,
                shared: shared.clone(),
            }))
        }
        Tree::Map(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for entry in emit::sorted_entries(map) {
                if marks::has_marks(&entry.key) {
                    return Err(entry.key_span);
                }
                let key = {
                    let mut cell = shared.lock();
                    let input = cell.trace.input(entry.key_span);
                    cell.trace.string(&entry.key, input)
                };
                entries.push(leaf(key, &entry.value, shared)?);
            }
            entries.sort_by(|a, b| a.key.as_str().cmp(&b.key.as_str()));
            Ok(Value::from_object(InputMap {
                entries,
                span: node.span,
                shared: shared.clone(),
            }))
        }
    }
}

fn leaf(key: Value, node: &Node, shared: &Shared) -> Result<Leaf, Span> {
    let input = match &node.value {
        Tree::Scalar(scalar) if scalar.kind != ScalarKind::Str => {
            shared.lock().trace.input(node.span)
        }
        _ => None,
    };
    Ok(Leaf {
        key,
        value: value(node, shared)?,
        input,
    })
}

fn scalar(scalar: &Scalar, input: Option<usize>, shared: &Shared) -> Value {
    match scalar.kind {
        ScalarKind::Null => Value::from(()),
        ScalarKind::Bool => Value::from(scalar.as_bool().unwrap_or(false)),
        ScalarKind::Int | ScalarKind::Float => match scalar.as_number().map(Number::canonical) {
            Some(Number::Int(int)) => match i64::try_from(int) {
                Ok(int) => Value::from(int),
                Err(_) => Value::from(int),
            },
            Some(Number::Float(float)) => Value::from(float),
            None => shared.lock().trace.string(&scalar.text, input),
        },
        ScalarKind::Str | ScalarKind::Timestamp => {
            let text = scalar.as_str().unwrap_or_default();
            shared.lock().trace.string(&text, input)
        }
    }
}

impl Leaf {
    fn read(&self, shared: &Shared) -> Value {
        if self.input.is_some() {
            shared.lock().trace.read(&self.value, self.input);
        }
        self.value.clone()
    }
}

impl Object for InputMap {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let at = self
            .entries
            .binary_search_by(|leaf| leaf.key.as_str().unwrap_or_default().cmp(key))
            .ok()?;
        Some(self.entries[at].read(&self.shared))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.entries.iter().map(|leaf| leaf.key.clone()).collect())
    }
}

impl Object for InputList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = key.as_usize()?;
        Some(self.items.get(at)?.read(&self.shared))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }
}

/// Where a value of an input stands, also a mapping or list.
pub(super) fn span_of(value: &Value, shared: &Shared) -> Option<Span> {
    if let Some(map) = value.downcast_object_ref::<InputMap>() {
        return Some(map.span);
    }
    if let Some(list) = value.downcast_object_ref::<InputList>() {
        return Some(list.span);
    }
    let cell = shared.lock();
    cell.trace
        .find(value)
        .and_then(|input| cell.trace.span(input))
}
