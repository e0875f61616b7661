//! The functions of the language and of its libraries, by name.

mod convert;
mod format;
mod formats;
mod kube;
mod lists;
mod numbers;
mod texts;

pub(super) use convert::failed;

use super::value::Value;
use super::{NO_OVERLOAD, Stop, Tools, equal, eval, time};

/// What a call gives.
pub(super) type Answer = Result<Value, Stop>;

/// A function: the target of a method is the first argument.
pub(super) type Function = fn(&mut Tools, &[Value]) -> Answer;

/// The function of a name; `member` where it is called on something.
pub(super) fn find(name: &str, member: bool) -> Option<Function> {
    let own: Option<Function> = match name {
        "_==_" => Some(|tools, args| match args {
            [a, b] => Ok(Value::Bool(equal::equal(tools, a, b)?)),
            _ => Err(NO_OVERLOAD),
        }),
        "_!=_" => Some(|tools, args| match args {
            [a, b] => match equal::equal(tools, a, b) {
                Err(Stop::Wrong(_)) => Ok(Value::Bool(true)),
                same => Ok(Value::Bool(!same?)),
            },
            _ => Err(NO_OVERLOAD),
        }),
        "@in" => Some(|tools, args| match args {
            [a, b] => Ok(Value::Bool(eval::contains(tools, a, b)?)),
            _ => Err(NO_OVERLOAD),
        }),
        "!_" => Some(|_, args| match args {
            [Value::Bool(value)] => Ok(Value::Bool(!value)),
            _ => Err(NO_OVERLOAD),
        }),
        "size" => Some(|_, args| match args {
            [Value::Ip(_) | Value::Cidr(..)] => Err(NO_OVERLOAD),
            [value] => {
                let size = value.size().and_then(|size| i64::try_from(size).ok());
                size.map(Value::Int)
                    .ok_or_else(|| Stop::wrong("no such overload: size"))
            }
            _ => Err(NO_OVERLOAD),
        }),
        "optional.of" => Some(|_, args| match args {
            [value] => Ok(Value::some(value.clone())),
            _ => Err(NO_OVERLOAD),
        }),
        "optional.none" => Some(|_, _| Ok(Value::Optional(None))),
        "optional.ofNonZeroValue" => Some(|_, args| match args {
            [value] if is_zero(value) => Ok(Value::Optional(None)),
            [value] => Ok(Value::some(value.clone())),
            _ => Err(NO_OVERLOAD),
        }),
        "hasValue" => Some(|_, args| match args {
            [Value::Optional(inner)] => Ok(Value::Bool(inner.is_some())),
            _ => Err(NO_OVERLOAD),
        }),
        "value" => Some(|_, args| match args {
            [Value::Optional(Some(inner))] => Ok((**inner).clone()),
            [Value::Optional(None)] => Err(Stop::wrong("optional.none() dereference")),
            _ => Err(NO_OVERLOAD),
        }),
        _ => None,
    };
    own.or_else(|| numbers::find(name))
        .or_else(|| convert::find(name))
        .or_else(|| texts::find(name))
        .or_else(|| lists::find(name))
        .or_else(|| time::find(name))
        .or_else(|| kube::find(name, member))
}

/// Whether a value is the zero of its type.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Int(value) | Value::Duration(value) => *value == 0,
        Value::Uint(value) => *value == 0,
        Value::Double(value) => *value == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        // The lists and maps of the object have no zero.
        Value::List(list) => !list.given && list.items.is_empty(),
        Value::Map(map) => map.origin() == super::value::Origin::Made && map.len() == 0,
        _ => false,
    }
}

/// A value in a message.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Double(number) => numbers::general(*number),
        Value::Null => "0".to_owned(),
        other => other.type_name().to_owned(),
    }
}

/// The name of Go's type of a value, which some messages have.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "types.Null",
        Value::Bool(_) => "types.Bool",
        Value::Int(_) => "types.Int",
        Value::Uint(_) => "types.Uint",
        Value::Double(_) => "types.Double",
        Value::Text(_) => "types.String",
        Value::Bytes(_) => "types.Bytes",
        Value::Duration(_) => "types.Duration",
        Value::Timestamp(_) => "types.Timestamp",
        Value::Optional(_) => "*types.Optional",
        _ => "ref.Val",
    }
}
