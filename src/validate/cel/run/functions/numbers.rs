//! Arithmetic and order (`common/types/int.go` and others of cel-go).

use std::cmp::Ordering;

use super::super::equal::{compare, item_key, keys_of, scalar_key};
use super::super::value::{Identity, List, Value};
use super::super::{NO_OVERLOAD, Stop, Tools, time};
use super::{Answer, Function};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "_+_" => |tools, args| both(tools, args, add),
        "_-_" => |tools, args| both(tools, args, subtract),
        "_*_" => |tools, args| both(tools, args, multiply),
        "_/_" => |tools, args| both(tools, args, divide),
        "_%_" => |tools, args| both(tools, args, modulo),
        "-_" => |_, args| negate(args),
        "_<_" => |tools, args| ordered(tools, args, Ordering::is_lt),
        "_<=_" => |tools, args| ordered(tools, args, Ordering::is_le),
        "_>_" => |tools, args| ordered(tools, args, Ordering::is_gt),
        "_>=_" => |tools, args| ordered(tools, args, Ordering::is_ge),
        _ => return None,
    })
}

type Binary = fn(&mut Tools, &Value, &Value) -> Answer;

fn both(tools: &mut Tools, args: &[Value], operation: Binary) -> Answer {
    match args {
        [a, b] => operation(tools, a, b),
        _ => Err(NO_OVERLOAD),
    }
}

fn ordered(tools: &mut Tools, args: &[Value], test: fn(Ordering) -> bool) -> Answer {
    both_ordered(tools, args).map(|order| Value::Bool(test(order)))
}

fn both_ordered(tools: &mut Tools, args: &[Value]) -> Result<Ordering, Stop> {
    match args {
        [a, b] => compare(tools, a, b),
        _ => Err(NO_OVERLOAD),
    }
}

fn overflow<T>(result: Option<T>, value: impl FnOnce(T) -> Value) -> Answer {
    result
        .map(value)
        .ok_or_else(|| Stop::wrong("integer overflow"))
}

fn unsigned(result: Option<u64>) -> Answer {
    result
        .map(Value::Uint)
        .ok_or_else(|| Stop::wrong("unsigned integer overflow"))
}

/// `a + b`.
pub(super) fn add(tools: &mut Tools, a: &Value, b: &Value) -> Answer {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => overflow(a.checked_add(*b), Value::Int),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_add(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Text(a), Value::Text(b)) => {
            tools.spend_on(a.len() + b.len())?;
            Ok(Value::text(format!("{a}{b}")))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            tools.spend_on(a.len() + b.len())?;
            Ok(Value::Bytes([&a[..], &b[..]].concat().into()))
        }
        (Value::List(a), Value::List(b)) => joined(tools, a, b),
        (Value::Duration(a), Value::Duration(b)) => time::duration(a.checked_add(*b)),
        (Value::Timestamp(moment), Value::Duration(by))
        | (Value::Duration(by), Value::Timestamp(moment)) => moment.shifted(i128::from(*by)),
        _ => Err(NO_OVERLOAD),
    }
}

/// `list + list`: sets and lists with keys are merged.
fn joined(tools: &mut Tools, a: &List, b: &List) -> Answer {
    tools.spend(a.items.len() + b.items.len())?;
    let mut items = a.items.to_vec();
    match &a.identity {
        Identity::Place => items.extend(b.items.iter().cloned()),
        Identity::Set => {
            let mut seen: std::collections::HashSet<_> = keys_of(a)?.into_iter().collect();
            for item in b.items.iter() {
                let key = scalar_key(item).ok_or_else(|| {
                    Stop::wrong("listSet operations are only supported on lists of scalar values")
                })?;
                if seen.insert(key) {
                    items.push(item.clone());
                }
            }
        }
        Identity::Keys(keys) => {
            let numbered = items.iter().enumerate();
            let places: std::collections::HashMap<_, usize> = numbered
                .map(|(at, item)| (item_key(item, keys), at))
                .collect();
            for item in b.items.iter() {
                // What is added is not looked for again, as on the server.
                if let Some(at) = places.get(&item_key(item, keys)) {
                    items[*at] = item.clone();
                } else {
                    items.push(item.clone());
                }
            }
        }
    }
    Ok(Value::List(List {
        items: items.into(),
        identity: a.identity.clone(),
        given: false,
    }))
}

fn subtract(_: &mut Tools, a: &Value, b: &Value) -> Answer {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => overflow(a.checked_sub(*b), Value::Int),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_sub(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => time::duration(a.checked_sub(*b)),
        (Value::Timestamp(moment), Value::Duration(by)) => moment.shifted(-i128::from(*by)),
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            time::duration(i64::try_from(a.nanos - b.nanos).ok())
        }
        _ => Err(NO_OVERLOAD),
    }
}

fn multiply(_: &mut Tools, a: &Value, b: &Value) -> Answer {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => overflow(a.checked_mul(*b), Value::Int),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_mul(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        _ => Err(NO_OVERLOAD),
    }
}

fn divide(_: &mut Tools, a: &Value, b: &Value) -> Answer {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(Stop::wrong("division by zero"))
        }
        (Value::Int(a), Value::Int(b)) => overflow(a.checked_div(*b), Value::Int),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_div(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        _ => Err(NO_OVERLOAD),
    }
}

fn modulo(_: &mut Tools, a: &Value, b: &Value) -> Answer {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(Stop::wrong("modulus by zero"))
        }
        (Value::Int(a), Value::Int(b)) => overflow(a.checked_rem(*b), Value::Int),
        (Value::Uint(a), Value::Uint(b)) => unsigned(a.checked_rem(*b)),
        _ => Err(NO_OVERLOAD),
    }
}

fn negate(args: &[Value]) -> Answer {
    match args {
        [Value::Int(value)] => overflow(value.checked_neg(), Value::Int),
        [Value::Double(value)] => Ok(Value::Double(-value)),
        [Value::Duration(value)] => time::duration(value.checked_neg()),
        _ => Err(NO_OVERLOAD),
    }
}

/// A number as Go's `%g` writes it.
pub(in super::super) fn general(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN".to_owned(),
        number if number.is_infinite() => if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        number => crate::manifest::number::Number::Float(number).to_yaml_after_json(),
    }
}
