//! Functions on lists (`ext/lists.go` and `ext/sets.go` of cel-go, `cel/library/lists.go` of
//! k8s.io/apiserver).

use std::cmp::Ordering;

use super::super::equal::{compare, same};
use super::super::eval::contains;
use super::super::value::{List, Value};
use super::super::{NO_OVERLOAD, Stop, Tools};
use super::{Answer, Function, numbers};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "isSorted" => |tools, args| match args {
            [Value::List(list)] => {
                for pair in list.items.windows(2) {
                    if compare(tools, &pair[0], &pair[1])? == Ordering::Greater {
                        return Ok(Value::Bool(false));
                    }
                }
                Ok(Value::Bool(true))
            }
            _ => Err(NO_OVERLOAD),
        },
        "sum" => sum,
        "min" => |tools, args| extreme(tools, args, "min", Ordering::Greater),
        "max" => |tools, args| extreme(tools, args, "max", Ordering::Less),
        "slice" => slice,
        "flatten" => |tools, args| match args {
            [Value::List(list)] => flatten(tools, list, 1).map(Value::list),
            [Value::List(_), Value::Int(depth)] if *depth < 0 => {
                Err(Stop::wrong("level must be non-negative"))
            }
            [Value::List(list), Value::Int(depth)] => flatten(tools, list, *depth).map(Value::list),
            _ => Err(NO_OVERLOAD),
        },
        "reverse" => |tools, args| match args {
            [Value::List(list)] => {
                tools.spend(list.items.len())?;
                Ok(Value::list(list.items.iter().rev().cloned().collect()))
            }
            _ => Err(NO_OVERLOAD),
        },
        "distinct" => distinct,
        "sort" => |tools, args| match args {
            [Value::List(list)] => sorted(tools, list, list),
            _ => Err(NO_OVERLOAD),
        },
        "@sortBy" => |tools, args| match args {
            [Value::List(list), Value::List(keys)] => sorted(tools, list, keys),
            _ => Err(NO_OVERLOAD),
        },
        "lists.range" => range,
        "unwrapOpt" | "optional.unwrap" => |_, args| match args {
            [Value::List(list)] => {
                let mut items = Vec::new();
                for item in list.items.iter() {
                    match item {
                        Value::Optional(Some(inner)) => items.push((**inner).clone()),
                        Value::Optional(None) => {}
                        _ => return Err(NO_OVERLOAD),
                    }
                }
                Ok(Value::list(items))
            }
            _ => Err(NO_OVERLOAD),
        },
        "sets.contains" => |tools, args| match args {
            [Value::List(list), Value::List(part)] => Ok(Value::Bool(covers(tools, list, part)?)),
            _ => Err(NO_OVERLOAD),
        },
        "sets.equivalent" => |tools, args| match args {
            [Value::List(a), Value::List(b)] => {
                let both = covers(tools, a, b)? && covers(tools, b, a)?;
                Ok(Value::Bool(both))
            }
            _ => Err(NO_OVERLOAD),
        },
        "sets.intersects" => |tools, args| match args {
            [Value::List(a), Value::List(b)] => {
                let b = Value::List(b.clone());
                for item in a.items.iter() {
                    match contains(tools, item, &b) {
                        Ok(true) => return Ok(Value::Bool(true)),
                        Ok(false) | Err(Stop::Wrong(_)) => {}
                        Err(other) => return Err(other),
                    }
                }
                Ok(Value::Bool(false))
            }
            _ => Err(NO_OVERLOAD),
        },
        _ => return None,
    })
}

/// Where an item stands.
pub(super) fn place(tools: &mut Tools, list: &List, item: &Value, last: bool) -> Answer {
    let mut found = None;
    for (at, own) in list.items.iter().enumerate() {
        match same(tools, own, item) {
            Ok(true) => found = Some(at),
            Ok(false) | Err(Stop::Wrong(_)) => {}
            Err(other) => return Err(other),
        }
        if found.is_some() && !last {
            break;
        }
    }
    let found = found.and_then(|at| i64::try_from(at).ok());
    Ok(Value::Int(found.unwrap_or(-1)))
}

fn covers(tools: &mut Tools, list: &List, part: &List) -> Result<bool, Stop> {
    let list = Value::List(list.clone());
    for item in part.items.iter() {
        if !contains(tools, item, &list)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sum(tools: &mut Tools, args: &[Value]) -> Answer {
    let [Value::List(list)] = args else {
        return Err(NO_OVERLOAD);
    };
    // The zero is of the type of the items; an empty list of any type has an equal sum.
    let mut total = match list.items.first() {
        Some(Value::Uint(_)) => Value::Uint(0),
        Some(Value::Double(_)) => Value::Double(0.0),
        Some(Value::Duration(_)) => Value::Duration(0),
        _ => Value::Int(0),
    };
    for item in list.items.iter() {
        total = match item {
            Value::Wrong(why) => return Err(Stop::Wrong(why.clone())),
            item => numbers::add(tools, &total, item)?,
        };
    }
    Ok(total)
}

fn extreme(tools: &mut Tools, args: &[Value], name: &str, gives_way: Ordering) -> Answer {
    let [Value::List(list)] = args else {
        return Err(NO_OVERLOAD);
    };
    let mut items = list.items.iter();
    let Some(mut best) = items.next() else {
        return Err(Stop::wrong(format!("{name} called on empty list")));
    };
    for item in items {
        if compare(tools, best, item)? == gives_way {
            best = item;
        }
    }
    match best {
        Value::Wrong(why) => Err(Stop::Wrong(why.clone())),
        best => Ok(best.clone()),
    }
}

fn slice(tools: &mut Tools, args: &[Value]) -> Answer {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = args else {
        return Err(NO_OVERLOAD);
    };
    let fail = |why: String| Err(Stop::wrong(format!("cannot slice({start}, {end}), {why}")));
    let (Ok(from), Ok(to)) = (usize::try_from(*start), usize::try_from(*end)) else {
        return fail("negative indexes not supported".to_owned());
    };
    if from > to {
        return fail("start index must be less than or equal to end index".to_owned());
    }
    let Some(items) = list.items.get(from..to) else {
        return fail(format!("list is length {}", list.items.len()));
    };
    tools.spend(items.len())?;
    Ok(Value::list(items.to_vec()))
}

fn flatten(tools: &mut Tools, list: &List, depth: i64) -> Result<Vec<Value>, Stop> {
    let mut items = Vec::with_capacity(list.items.len());
    for item in list.items.iter() {
        tools.spend(1)?;
        match item {
            Value::List(inner) if depth > 0 => items.extend(flatten(tools, inner, depth - 1)?),
            item => items.push(item.clone()),
        }
    }
    Ok(items)
}

fn distinct(tools: &mut Tools, args: &[Value]) -> Answer {
    let [Value::List(list)] = args else {
        return Err(NO_OVERLOAD);
    };
    let mut kept: Vec<Value> = Vec::new();
    for item in list.items.iter() {
        let mut seen = false;
        for other in &kept {
            match same(tools, item, other) {
                Ok(true) => {
                    seen = true;
                    break;
                }
                Ok(false) | Err(Stop::Wrong(_)) => {}
                Err(stop) => return Err(stop),
            }
        }
        if !seen {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

/// The items of a list in the order of their keys.
fn sorted(tools: &mut Tools, list: &List, keys: &List) -> Answer {
    if list.items.len() != keys.items.len() {
        return Err(NO_OVERLOAD);
    }
    let Some(first) = keys.items.first() else {
        return Ok(Value::List(list.clone()));
    };
    for key in keys.items.iter() {
        if let Value::Wrong(why) = key {
            return Err(Stop::Wrong(why.clone()));
        }
        if keys.items.len() > 1 && key.type_name() != first.type_name() {
            return Err(Stop::wrong("list elements must have the same type"));
        }
    }
    if !matches!(first, Value::Double(_)) && compare(tools, first, first).is_err() {
        return Err(Stop::wrong("list elements must be comparable"));
    }
    let mut order: Vec<usize> = (0..list.items.len()).collect();
    let mut stop = None;
    order.sort_by(|a, b| {
        let (a, b) = (&keys.items[*a], &keys.items[*b]);
        // Not a number has no place; it gets one all the same, since a sort needs a total order.
        if let (Value::Double(a), Value::Double(b)) = (a, b) {
            return a.partial_cmp(b).unwrap_or_else(|| a.total_cmp(b));
        }
        compare(tools, a, b).unwrap_or_else(|other| {
            stop = Some(other);
            Ordering::Equal
        })
    });
    match stop {
        Some(stop) => Err(stop),
        None => Ok(Value::list(
            order.iter().map(|at| list.items[*at].clone()).collect(),
        )),
    }
}

/// The longest list of numbers that is made (`defaultMaxRangeSize`).
const MOST_NUMBERS: i64 = 1_000_000;

fn range(tools: &mut Tools, args: &[Value]) -> Answer {
    let [Value::Int(count)] = args else {
        return Err(NO_OVERLOAD);
    };
    if *count < 0 {
        let why = format!("lists.range: size must be non-negative, got {count}");
        return Err(Stop::wrong(why));
    }
    if *count > MOST_NUMBERS {
        let why = format!("lists.range: size {count} exceeds maximum allowed ({MOST_NUMBERS})");
        return Err(Stop::wrong(why));
    }
    tools.spend(usize::try_from(*count).unwrap_or(usize::MAX))?;
    Ok(Value::list((0..*count).map(Value::Int).collect()))
}
