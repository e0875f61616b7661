//! The `json` filter: structure and scalars as compact JSON, which is YAML at any indentation.

use std::collections::BTreeMap;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use crate::manifest::number::Number;

use super::Shared;
use super::filters::Amount;
use super::marks;

/// Deepest nesting that is printed.
const DEPTH: usize = 64;

/// Prints a value; each scalar from an input carries its mark.
///
/// # Errors
/// Bytes, functions, keys that are no strings, and nesting beyond the limit.
pub(super) fn print(value: &Value, shared: &Shared) -> Result<String, Error> {
    let mut out = String::new();
    write(value, shared, &mut out, 0)?;
    Ok(out)
}

fn write(value: &Value, shared: &Shared, out: &mut String, depth: usize) -> Result<(), Error> {
    if depth > DEPTH {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("nested deeper than {DEPTH}"),
        ));
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => out.push_str("null"),
        ValueKind::Seq | ValueKind::Iterable => {
            out.push('[');
            for (at, item) in value.try_iter()?.enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(&item, shared, out, depth + 1)?;
            }
            out.push(']');
        }
        ValueKind::Map => {
            out.push('{');
            for (at, (name, (key, item))) in entries(value)?.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                mark(&key, &quote(&name), shared, out);
                out.push(':');
                write(&item, shared, out, depth + 1)?;
            }
            out.push('}');
        }
        ValueKind::Bool | ValueKind::Number | ValueKind::String => {
            let text = scalar(value).ok_or_else(|| not_json(value))?;
            mark(value, &text, shared, out);
        }
        _ => match value.downcast_object_ref::<Amount>() {
            Some(amount) => out.push_str(&quote(&amount.0.to_string())),
            None => return Err(not_json(value)),
        },
    }
    Ok(())
}

/// The entries of a map by key; a value that a macro returned as a string is no key.
pub(super) fn entries(value: &Value) -> Result<BTreeMap<String, (Value, Value)>, Error> {
    let mut entries = BTreeMap::new();
    for key in value.try_iter()? {
        let name = key
            .as_str()
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "a key must be a string"))?
            .to_owned();
        let item = value.get_item(&key)?;
        entries.insert(marks::plain(&name).into_owned(), (key, item));
    }
    Ok(entries)
}

/// A scalar as JSON; `None` for what is none.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value.kind() {
        ValueKind::Bool => Some(value.is_true().to_string()),
        ValueKind::Number => number(value),
        ValueKind::String => value.as_str().map(quote),
        _ => None,
    }
}

/// A number without a fraction that is zero.
pub(super) fn number(value: &Value) -> Option<String> {
    if value.is_integer() {
        return Some(value.to_string());
    }
    let float = f64::try_from(value.clone()).ok()?;
    float.is_finite().then(|| Number::Float(float).to_json())
}

fn mark(value: &Value, text: &str, shared: &Shared, out: &mut String) {
    let cell = shared.lock();
    let input = cell.trace.find(value).filter(|_| cell.marking);
    match input {
        Some(input) => out.push_str(&marks::wrap(input, text)),
        None => out.push_str(text),
    }
}

/// A JSON string; marks inside it (a macro's output) stay marks.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn not_json(value: &Value) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("a {} cannot be printed as JSON", value.kind()),
    )
}
