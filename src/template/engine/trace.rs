//! Which input a value in a template came from.
//!
//! Strings carry their identity: the engine passes them on as shared allocations, so the address
//! of a text names its input. Numbers and booleans have none; of those, the input that was read
//! last with the same value counts. A wrong guess there changes a message, never the output.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::Value;

use crate::manifest::Span;

/// How many reads of numbers and booleans are remembered.
const REMEMBERED: usize = 512;

/// The inputs of one render.
#[derive(Debug, Default)]
pub(super) struct Trace {
    spans: Vec<Span>,
    by_address: HashMap<usize, usize>,
    /// Keeps texts alive, so that no address is used twice.
    texts: Vec<Arc<str>>,
    reads: Vec<(Value, usize)>,
}

impl Trace {
    /// Returns the number of a span as an input.
    pub(super) fn input(&mut self, span: Span) -> Option<usize> {
        if span.is_none() {
            return None;
        }
        self.spans.push(span);
        Some(self.spans.len() - 1)
    }

    /// Returns the span of an input.
    pub(super) fn span(&self, input: usize) -> Option<Span> {
        self.spans.get(input).copied()
    }

    /// Makes a string value with an identity.
    pub(super) fn string(&mut self, text: &str, input: Option<usize>) -> Value {
        let text: Arc<str> = Arc::from(text);
        if let Some(input) = input {
            self.by_address.insert(text.as_ptr() as usize, input);
            self.texts.push(Arc::clone(&text));
        }
        Value::from(text)
    }

    /// Notes that a number or boolean was read from an input.
    pub(super) fn read(&mut self, value: &Value, input: Option<usize>) {
        let Some(input) = input else {
            return;
        };
        if self.reads.len() >= REMEMBERED {
            self.reads.drain(..REMEMBERED / 2);
        }
        self.reads.push((value.clone(), input));
    }

    /// Returns the input of a scalar.
    pub(super) fn find(&self, value: &Value) -> Option<usize> {
        if let Some(text) = value.as_str() {
            let input = self.by_address.get(&(text.as_ptr() as usize)).copied();
            return input.filter(|_| !text.is_empty());
        }
        self.reads
            .iter()
            .rev()
            .find(|(read, _)| read.kind() == value.kind() && read == value)
            .map(|(_, input)| *input)
    }

    /// Gives `made`, which a filter made of `from`, the same input. Returns what to pass on.
    pub(super) fn derive(&mut self, from: &Value, made: Value) -> Value {
        let Some(input) = self.find(from) else {
            return made;
        };
        if let Some(text) = made.as_str() {
            return self.string(text, Some(input));
        }
        self.read(&made, Some(input));
        made
    }
}
