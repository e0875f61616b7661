//! Conversions between types (`ConvertToType` of cel-go's types).

use super::super::value::Value;
use super::super::{NO_OVERLOAD, Stop, time};
use super::{Answer, Function, numbers};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "int" => |_, args| one(args, to_int),
        "uint" => |_, args| one(args, to_uint),
        "double" => |_, args| one(args, to_double),
        "string" => |_, args| one(args, to_text),
        "bytes" => |_, args| one(args, to_bytes),
        "bool" => |_, args| one(args, to_bool),
        "duration" => |_, args| one(args, time::to_duration),
        "timestamp" => |_, args| one(args, time::to_timestamp),
        "dyn" => |_, args| one(args, |value| Ok(value.clone())),
        "type" => |_, args| one(args, |value| Ok(Value::Type(value.type_name()))),
        _ => return None,
    })
}

fn one(args: &[Value], convert: fn(&Value) -> Answer) -> Answer {
    match args {
        [value] => convert(value),
        _ => Err(NO_OVERLOAD),
    }
}

/// A value that cannot be converted.
pub(in super::super) fn failed(from: &Value, to: &str) -> Stop {
    let from = from.type_name();
    Stop::wrong(format!("type conversion error from '{from}' to '{to}'"))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the limits are those of the server"
)]
fn to_int(value: &Value) -> Answer {
    let overflow = || Stop::wrong("integer overflow");
    match value {
        Value::Int(value) | Value::Duration(value) => Ok(Value::Int(*value)),
        Value::Uint(value) => i64::try_from(*value)
            .map(Value::Int)
            .map_err(|_| overflow()),
        Value::Double(value) => {
            let inside = *value > i64::MIN as f64 && *value < i64::MAX as f64;
            match inside {
                true => Ok(Value::Int(*value as i64)),
                false => Err(overflow()),
            }
        }
        Value::Text(text) => {
            let number = text.parse::<i64>().ok();
            number.map(Value::Int).ok_or_else(|| failed(value, "int"))
        }
        Value::Timestamp(moment) => Ok(Value::Int(moment.seconds())),
        _ => Err(NO_OVERLOAD),
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the limits are those of the server"
)]
fn to_uint(value: &Value) -> Answer {
    let overflow = || Stop::wrong("unsigned integer overflow");
    match value {
        Value::Uint(value) => Ok(Value::Uint(*value)),
        Value::Int(value) => u64::try_from(*value)
            .map(Value::Uint)
            .map_err(|_| overflow()),
        Value::Double(value) => {
            let inside = *value >= 0.0 && *value < u64::MAX as f64;
            match inside {
                true => Ok(Value::Uint(*value as u64)),
                false => Err(overflow()),
            }
        }
        Value::Text(text) => {
            let number = text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
            number.map(Value::Uint).ok_or_else(|| failed(value, "uint"))
        }
        _ => Err(NO_OVERLOAD),
    }
}

#[expect(clippy::cast_precision_loss, reason = "that is what is asked for")]
fn to_double(value: &Value) -> Answer {
    match value {
        Value::Double(value) => Ok(Value::Double(*value)),
        Value::Int(value) => Ok(Value::Double(*value as f64)),
        Value::Uint(value) => Ok(Value::Double(*value as f64)),
        Value::Text(text) => {
            let number = text.parse::<f64>().ok();
            number
                .map(Value::Double)
                .ok_or_else(|| failed(value, "double"))
        }
        _ => Err(NO_OVERLOAD),
    }
}

fn to_bool(value: &Value) -> Answer {
    match value {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        Value::Text(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(failed(value, "bool")),
        },
        _ => Err(NO_OVERLOAD),
    }
}

fn to_bytes(value: &Value) -> Answer {
    match value {
        Value::Bytes(_) => Ok(value.clone()),
        Value::Text(text) => Ok(Value::Bytes(text.as_bytes().into())),
        _ => Err(NO_OVERLOAD),
    }
}

/// `string(x)`.
pub(super) fn to_text(value: &Value) -> Answer {
    Ok(Value::text(match value {
        Value::Text(_) => return Ok(value.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => numbers::general(*value),
        Value::Bytes(bytes) => {
            let why = "invalid UTF-8 in bytes, cannot convert to string";
            let text = std::str::from_utf8(bytes);
            text.map_err(|_| Stop::wrong(why))?.to_owned()
        }
        Value::Duration(nanos) => time::shown_duration(*nanos),
        Value::Timestamp(moment) => moment.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Cidr(address, bits) => format!("{address}/{bits}"),
        _ => return Err(NO_OVERLOAD),
    }))
}
