//! Equality and order (`Equal` and `Compare` of cel-go's types, and of the types that Kubernetes
//! adds).

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::value::{Identity, Key, List, Map, Origin, Value};
use super::{NO_OVERLOAD, Stop, Tools};

/// Whether two values are equal.
///
/// # Errors
/// Values that cannot be compared.
pub(super) fn equal(tools: &mut Tools, a: &Value, b: &Value) -> Result<bool, Stop> {
    match (a, b) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Wrong(why), _) | (_, Value::Wrong(why)) => Err(Stop::Wrong(why.clone())),
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        _ => same(tools, a, b),
    }
}

/// The `Equal` of the left value.
pub(super) fn same(tools: &mut Tools, a: &Value, b: &Value) -> Result<bool, Stop> {
    tools.spend(1)?;
    Ok(match (a, b) {
        (Value::Wrong(why), _) | (_, Value::Wrong(why)) => return Err(Stop::Wrong(why.clone())),
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => {
            tools.spend_on(a.len().min(b.len()))?;
            a == b
        }
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Timestamp(a), Value::Timestamp(b)) => a.nanos == b.nanos,
        (Value::Type(a), Value::Type(b)) | (Value::Format(a), Value::Format(b)) => a == b,
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => {
            numbers(a, b) == Some(Ordering::Equal)
        }
        (Value::Optional(a), Value::Optional(b)) => match (a, b) {
            (Some(a), Some(b)) => return same(tools, a, b),
            (a, b) => a.is_none() && b.is_none(),
        },
        (Value::List(a), Value::List(b)) => return lists(tools, a, b),
        (Value::Map(a), Value::Map(b)) => return maps(tools, a, b),
        (Value::Quantity(a), Value::Quantity(b)) => a == b,
        (Value::Url(a), Value::Url(b)) => a.text() == b.text(),
        (Value::Ip(a), Value::Ip(b)) => a == b,
        (Value::Cidr(a, m), Value::Cidr(b, n)) => a == b && m == n,
        (Value::Semver(a), Value::Semver(b)) => a.compare(b) == Ordering::Equal,
        (Value::Kept(a), Value::Kept(b)) => a.same_value(b),
        (
            Value::List(List { given: true, .. })
            | Value::Quantity(_)
            | Value::Url(_)
            | Value::Ip(_)
            | Value::Cidr(..)
            | Value::Semver(_)
            | Value::Format(_),
            _,
        ) => return Err(NO_OVERLOAD),
        (Value::Map(map), _) if map.origin() != Origin::Made => return Err(NO_OVERLOAD),
        _ => false,
    })
}

fn lists(tools: &mut Tools, a: &List, b: &List) -> Result<bool, Stop> {
    if a.items.len() != b.items.len() {
        return Ok(false);
    }
    match &a.identity {
        Identity::Place => {}
        Identity::Set => return sets(tools, a, b),
        Identity::Keys(keys) => return keyed(tools, keys, a, b),
    }
    for (a, b) in a.items.iter().zip(b.items.iter()) {
        match equal(tools, a, b) {
            Ok(true) => {}
            // A list that the expression made passes over what cannot be compared.
            Err(Stop::Wrong(_)) => return Ok(false),
            other => return other,
        }
    }
    Ok(true)
}

fn sets(tools: &mut Tools, a: &List, b: &List) -> Result<bool, Stop> {
    tools.spend_on(a.items.len() * 16)?;
    let own: HashSet<Key> = keys_of(a)?.into_iter().collect();
    let others: HashSet<Key> = keys_of(b)?.into_iter().collect();
    Ok(own == others)
}

/// The items of a set as keys.
///
/// # Errors
/// Items that are no scalars.
pub(super) fn keys_of(list: &List) -> Result<Vec<Key>, Stop> {
    let keys: Option<Vec<Key>> = list.items.iter().map(scalar_key).collect();
    keys.ok_or_else(|| {
        Stop::wrong("listSet operations are only supported on lists of scalar values")
    })
}

/// A scalar as a key; what has no key of its own by how it is written.
pub(super) fn scalar_key(value: &Value) -> Option<Key> {
    match value {
        Value::List(_) | Value::Map(_) => None,
        other => Some(Key::of(other).unwrap_or_else(|| Key::Text(format!("{other:?}").into()))),
    }
}

/// The key fields of an item of a list that is kept by keys.
pub(super) fn item_key(item: &Value, keys: &[smol_str::SmolStr]) -> Vec<Option<Key>> {
    let field = |name: &smol_str::SmolStr| match item {
        Value::Map(map) => {
            let found = map.find(&Value::Text(name.clone())).ok().flatten();
            found.and_then(scalar_key)
        }
        _ => None,
    };
    keys.iter().map(field).collect()
}

fn keyed(tools: &mut Tools, keys: &[smol_str::SmolStr], a: &List, b: &List) -> Result<bool, Stop> {
    tools.spend_on(a.items.len() * 16)?;
    let own: HashMap<_, &Value> = a.items.iter().map(|i| (item_key(i, keys), i)).collect();
    let mut seen = HashSet::new();
    for item in b.items.iter() {
        let key = item_key(item, keys);
        let Some(mine) = own.get(&key) else {
            return Ok(false);
        };
        if !same(tools, mine, item)? {
            return Ok(false);
        }
        seen.insert(key);
    }
    Ok(seen.len() == own.len())
}

fn maps(tools: &mut Tools, a: &Map, b: &Map) -> Result<bool, Stop> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (key, value) in a.entries() {
        let found = match (a.origin(), b.origin(), key) {
            // Names of fields are compared as they are.
            (Origin::Fields, Origin::Fields, _) => raw(b, key),
            _ => b.find(key).map_err(Stop::wrong)?,
        };
        let is_absent = a.origin() == Origin::Fields && matches!(value, Value::Null);
        let Some(other) = found else {
            if is_absent {
                continue;
            }
            return Ok(false);
        };
        if is_absent || !equal(tools, value, other)? {
            return Ok(false);
        }
    }
    for (key, node) in a.unknown() {
        tools.spend(16)?;
        let other = b.unknown().iter().find(|(other, _)| other == key);
        if other.is_some_and(|(_, other)| !node.same_value(other)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn raw<'m>(map: &'m Map, key: &Value) -> Option<&'m Value> {
    let wanted = Key::of(key);
    let mut entries = map.entries().iter();
    let found = entries.find(|(own, _)| Key::of(own) == wanted);
    found
        .map(|(_, value)| value)
        .filter(|value| !matches!(value, Value::Null))
}

/// How two numbers of any types compare; `None` for what is no number, and for NaN.
#[expect(clippy::cast_precision_loss, reason = "the server compares as float64")]
fn numbers(a: &Value, b: &Value) -> Option<Ordering> {
    const MOST: f64 = i64::MAX as f64;
    const MOST_UNSIGNED: f64 = u64::MAX as f64;
    let signed = |a: f64, b: i64| match () {
        () if a < -MOST => Some(Ordering::Less),
        () if a > MOST => Some(Ordering::Greater),
        () => a.partial_cmp(&(b as f64)),
    };
    let unsigned = |a: f64, b: u64| match () {
        () if a < 0.0 => Some(Ordering::Less),
        () if a > MOST_UNSIGNED => Some(Ordering::Greater),
        () => a.partial_cmp(&(b as f64)),
    };
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Value::Uint(a), Value::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Double(a), Value::Int(b)) => signed(*a, *b),
        (Value::Int(a), Value::Double(b)) => signed(*b, *a).map(Ordering::reverse),
        (Value::Double(a), Value::Uint(b)) => unsigned(*a, *b),
        (Value::Uint(a), Value::Double(b)) => unsigned(*b, *a).map(Ordering::reverse),
        _ => None,
    }
}

/// The order of two values.
///
/// # Errors
/// Values that have none.
pub(super) fn compare(tools: &mut Tools, a: &Value, b: &Value) -> Result<Ordering, Stop> {
    Ok(match (a, b) {
        (Value::Wrong(why), _) | (_, Value::Wrong(why)) => return Err(Stop::Wrong(why.clone())),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => {
            tools.spend_on(a.len().min(b.len()))?;
            a.as_bytes().cmp(b.as_bytes())
        }
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.nanos.cmp(&b.nanos),
        (
            Value::Int(_) | Value::Uint(_) | Value::Double(_),
            Value::Int(_) | Value::Uint(_) | Value::Double(_),
        ) => numbers(a, b).ok_or_else(|| Stop::wrong("NaN values cannot be ordered"))?,
        _ => return Err(NO_OVERLOAD),
    })
}
