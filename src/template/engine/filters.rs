//! Filters of templates and rules. A filter that takes one value and returns one keeps its origin.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{DynObject, Kwargs, Object, ObjectRepr, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::manifest::duration::Duration;
use crate::manifest::quantity::Quantity;
use crate::manifest::read::{ReadOptions, read_one};
use crate::manifest::{Node, Sources, Span, emit, json as tree_json, names};

use super::super::dialect::{parse_image, split_port, split_range, split_rate};
use super::{Shared, json, marks};

type Result<T = Value> = std::result::Result<T, Error>;

pub(super) fn bad(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail.into())
}

/// Adds all filters; those of the engine that print structure its own way go.
pub(super) fn add(env: &mut Environment<'static>, shared: &Shared) {
    for name in [
        "tojson",
        "pprint",
        "safe",
        "escape",
        "e",
        "urlencode",
        "format",
    ] {
        env.remove_filter(name);
    }
    texts(env, shared);
    kept(env, shared, "string", string);
    kept(env, shared, "label_value", |v| {
        Ok(names::label_value(&text(v)?).into())
    });
    kept(env, shared, "range_lo", |v| {
        Ok(split_range(&scalar_text(v)?).0.into())
    });
    kept(env, shared, "seconds", seconds);
    kept(env, shared, "percent", |v| {
        let text = scalar_text(v)?;
        let number = text.strip_suffix('%').unwrap_or(&text);
        number
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| bad(format!("`{text}` is no percentage")))
    });
    kept(env, shared, "int_or_percent", |v| {
        let text = scalar_text(v)?;
        Ok(text
            .parse::<i64>()
            .map_or_else(|_| Value::from(text.as_str()), Value::from))
    });
    kept(env, shared, "port_number", |v| Ok(port(v)?.0.into()));
    kept(env, shared, "port_protocol", |v| Ok(port(v)?.1.into()));
    kept(env, shared, "octal", |v| {
        let text = scalar_text(v)?;
        i64::from_str_radix(&text, 8)
            .map(Value::from)
            .map_err(|_| bad(format!("`{text}` is no octal number")))
    });
    kept(env, shared, "rate_count", |v| Ok(rate(v)?.0.into()));
    kept(env, shared, "rate_seconds", |v| Ok(rate(v)?.1.into()));
    env.add_filter("omit", |value: &Value, default: &Value| {
        if is_absent(value) || value == default {
            Value::from(())
        } else {
            value.clone()
        }
    });
    env.add_filter("pluck", |map: &Value, field: String| pluck(map, &field));
    images(env, shared);
    quantities(env, shared);
    let cell = shared.clone();
    env.add_filter("range_hi", move |value: &Value, rule: Option<String>| {
        if is_absent(value) {
            return Ok(Value::from(()));
        }
        let text = scalar_text(value)?;
        let high = match split_range(&text) {
            (_, Some("")) => return Ok(Value::from(())),
            (_, Some(high)) => high.to_owned(),
            (low, None) if rule.as_deref() == Some("memory") => low.to_owned(),
            (_, None) => return Ok(Value::from(())),
        };
        Ok::<_, Error>(cell.lock().trace.derive(value, high.into()))
    });
    let cell = shared.clone();
    env.add_filter("required", move |value: &Value, message: String| {
        if is_absent(value) || value.as_str() == Some("") {
            return Err(super::functions::failure(&cell, &message, Some(value)));
        }
        Ok(value.clone())
    });
}

/// Adds a filter whose result keeps the origin of its argument. What is absent stays absent, so
/// that an optional field needs no `if`; a misspelt one is found when the template is loaded.
fn kept(
    env: &mut Environment<'static>,
    shared: &Shared,
    name: &'static str,
    filter: fn(&Value) -> Result,
) {
    let cell = shared.clone();
    env.add_filter(name, move |value: &Value| -> Result {
        if is_absent(value) {
            return Ok(Value::from(()));
        }
        let made = filter(value)?;
        Ok(cell.lock().trace.derive(value, made))
    });
}

fn texts(env: &mut Environment<'static>, shared: &Shared) {
    let cell = shared.clone();
    env.add_filter("json", move |value: &Value| json::print(value, &cell));
    let cell = shared.clone();
    env.add_filter("to_yaml", move |value: &Value| {
        Ok::<_, Error>(emit::emit(&tree(value, &cell)?).trim_end().to_owned())
    });
    env.add_filter("from_yaml", |text: String| parse(&text));
    env.add_filter("from_json", |text: String| parse(&text));
    env.add_filter("indent", |text: String, by: usize, first: Option<bool>| {
        indent(&text, by, first.unwrap_or(false))
    });
    env.add_filter("nindent", |text: String, by: usize| {
        format!("\n{}", indent(&text, by, true))
    });
    env.add_filter("b64enc", |text: String| {
        STANDARD.encode(marks::plain(&text).as_bytes())
    });
    env.add_filter("b64dec", |text: String| {
        let bytes = STANDARD
            .decode(marks::plain(&text).trim())
            .map_err(|error| bad(format!("not base64: {error}")))?;
        String::from_utf8(bytes).map_err(|_| bad("the decoded bytes are not UTF-8"))
    });
    env.add_filter("sha256", |text: String| {
        names::sha256_hex(&marks::plain(&text))
    });
    env.add_filter("hash10", |text: String| {
        names::encode_hash(&names::sha256_hex(&marks::plain(&text)))
    });
    let cell = shared.clone();
    env.add_filter("configmap_hash", move |data: &Value| {
        Ok::<_, Error>(configmap_hash(&tree(data, &cell)?))
    });
}

/// kustomize's name suffix for a ConfigMap of these data (`api/internal/hasher`).
fn configmap_hash(data: &Node) -> String {
    let empty = data.as_map().is_none_or(crate::manifest::Map::is_empty);
    let data = if empty {
        "\"\"".to_owned()
    } else {
        tree_json::to_go_json(data)
    };
    let encoded = format!(r#"{{"data":{data},"kind":"ConfigMap","name":""}}"#);
    names::encode_hash(&names::sha256_hex(&encoded))
}

fn images(env: &mut Environment<'static>, shared: &Shared) {
    kept(env, shared, "image_name", |v| {
        let text = text(v)?;
        parse_image(&text).map(|i| i.name.into()).map_err(bad)
    });
    kept(env, shared, "image_tag", |v| {
        let text = text(v)?;
        parse_image(&text).map(|i| i.tag.into()).map_err(bad)
    });
    kept(env, shared, "image_digest", |v| {
        let text = text(v)?;
        parse_image(&text).map(|i| i.digest.into()).map_err(bad)
    });
}

fn quantities(env: &mut Environment<'static>, shared: &Shared) {
    env.add_function("quantity", |value: &Value| {
        quantity(value).map(|q| Value::from_object(Amount(q)))
    });
    env.add_filter("quantity", |value: &Value| {
        quantity(value).map(|q| Value::from_object(Amount(q)))
    });
    kept(env, shared, "q_print", |v| {
        Ok(quantity(v)?.to_string().into())
    });
    env.add_filter("q_add", |a: &Value, b: &Value| {
        Ok::<_, Error>((quantity(a)? + quantity(b)?).to_string())
    });
    env.add_filter("q_mul", |a: &Value, by: &Value| {
        let factor = scalar_text(by)?;
        let product = quantity(a)?.times(&factor);
        product
            .map(|q| q.to_string())
            .ok_or_else(|| bad(format!("cannot multiply by `{factor}`")))
    });
    env.add_filter("q_max", |a: &Value, b: &Value| {
        let (left, right) = (quantity(a)?, quantity(b)?);
        Ok::<_, Error>(if right > left { right } else { left }.to_string())
    });
}

/// A quantity as a value: compares exactly, prints canonically.
pub(super) struct Amount(pub(super) Quantity);

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Object for Amount {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other
            .downcast_ref::<Self>()
            .map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn quantity(value: &Value) -> Result<Quantity> {
    if let Some(amount) = value.downcast_object_ref::<Amount>() {
        return Ok(amount.0);
    }
    let text = scalar_text(value)?;
    Quantity::parse(&text).ok_or_else(|| bad(format!("`{text}` is no quantity")))
}

/// Text, numbers and booleans as text: `true`, `2`, `0.5`.
pub(super) fn scalar_text(value: &Value) -> Result<String> {
    match value.kind() {
        ValueKind::String => text(value),
        ValueKind::Number => json::number(value).ok_or_else(|| bad("not a number")),
        ValueKind::Bool => Ok(value.is_true().to_string()),
        kind => Err(bad(format!("a scalar is expected, not {kind}"))),
    }
}

fn string(value: &Value) -> Result {
    if value.kind() == ValueKind::Number && !value.is_integer() {
        let whole = json::number(value).filter(|text| !text.contains(['.', 'e']));
        return whole
            .map(Value::from)
            .ok_or_else(|| bad("a fraction has no one spelling; quote it in the input"));
    }
    scalar_text(value).map(Value::from)
}

pub(super) fn seconds(value: &Value) -> Result {
    let text = scalar_text(value)?;
    let duration = Duration::parse(&text)
        .ok_or_else(|| bad(format!("`{text}` is no duration such as `90s`")))?;
    let seconds = duration
        .as_secs()
        .ok_or_else(|| bad(format!("`{text}` is no whole number of seconds")))?;
    Ok(Value::from(seconds))
}

fn port(value: &Value) -> Result<(u16, &'static str)> {
    let text = scalar_text(value)?;
    split_port(&text).ok_or_else(|| bad(format!("`{text}` is no port")))
}

fn rate(value: &Value) -> Result<(i64, u64)> {
    let text = scalar_text(value)?;
    split_rate(&text).ok_or_else(|| bad(format!("`{text}` is no rate such as `50/1m`")))
}

/// One field of each value of a map, under the same keys; entries without it are left out.
fn pluck(map: &Value, field: &str) -> Result {
    let mut plucked = std::collections::BTreeMap::new();
    for (key, (_, value)) in json::entries(map)? {
        let value = value.get_attr(field)?;
        if !is_absent(&value) {
            plucked.insert(key, value);
        }
    }
    Ok(Value::from(plucked))
}

fn is_absent(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Undefined | ValueKind::None)
}

fn text(value: &Value) -> Result<String> {
    let text = value
        .as_str()
        .ok_or_else(|| bad(format!("a string is expected, not {}", value.kind())))?;
    Ok(marks::plain(text).into_owned())
}

/// A value as a tree without positions.
pub(super) fn tree(value: &Value, shared: &Shared) -> Result<Node> {
    let printed = json::print(value, shared)?;
    let json = serde_json::from_str(&marks::plain(&printed))
        .map_err(|error| bad(format!("not JSON: {error}")))?;
    Ok(tree_json::from_json(&json, Span::NONE))
}

/// Reads YAML (and so JSON) by kubectl's rules.
fn parse(text: &str) -> Result {
    let sources = Sources::new();
    let file = sources.add("text", marks::plain(text).as_ref());
    let root = read_one(&sources, file, &ReadOptions::kubectl())
        .map_err(|error| bad(error.to_string()))?
        .root;
    Ok(Value::from_serialize_json(&tree_json::to_json(&root)))
}

/// JSON values to template values.
trait FromJson {
    fn from_serialize_json(json: &serde_json::Value) -> Value;
}

impl FromJson for Value {
    fn from_serialize_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::from(()),
            serde_json::Value::Bool(value) => Value::from(*value),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(int), _) => Value::from(int),
                (None, Some(float)) => Value::from(float),
                (None, None) => Value::from(number.to_string()),
            },
            serde_json::Value::String(text) => Value::from(text.as_str()),
            serde_json::Value::Array(items) => {
                items.iter().map(Value::from_serialize_json).collect()
            }
            serde_json::Value::Object(object) => object
                .iter()
                .map(|(key, value)| (key.clone(), Value::from_serialize_json(value)))
                .collect::<std::collections::BTreeMap<_, _>>()
                .into(),
        }
    }
}

/// Pads lines, but not empty ones.
fn indent(text: &str, by: usize, first: bool) -> String {
    let pad = " ".repeat(by);
    let lines = text.split('\n').enumerate().map(|(at, line)| {
        if (at == 0 && !first) || marks::plain(line).is_empty() {
            line.to_owned()
        } else {
            format!("{pad}{line}")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Joins positional arguments and `max=` to a name.
pub(super) fn k8s_name(parts: Rest<Value>, options: Kwargs) -> Result<String> {
    let max: Option<usize> = options.get("max")?;
    options.assert_all_used()?;
    let parts = parts.iter().map(scalar_text).collect::<Result<Vec<_>>>()?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    names::k8s_name(&parts, max.unwrap_or(names::LABEL_MAX))
        .ok_or_else(|| bad(format!("`{}` makes no name", parts.join("-"))))
}
