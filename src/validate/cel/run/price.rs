//! What a call costs when it is made (`interpreter/runtimecost.go` of cel-go, `CallCost` of
//! `cel/library/cost.go`, the trackers of `ext/lists.go` and `ext/sets.go`).

use super::super::cost::factored as times;
use super::value::Value;

/// How the cost of a call is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Price {
    /// One, whatever it is called with.
    One,
    /// The text at this place is passed over once, at so much for each character.
    Text(usize, f64),
    /// The same for a conversion between text and bytes.
    Conversion,
    /// The result is passed over.
    Result(f64),
    /// Each item of the list at this place.
    Items(usize),
    /// The shorter of two.
    Shorter,
    /// The smaller of two, whatever they are.
    Unequal,
    /// The same, but one for the types that Kubernetes adds.
    Equal,
    Sum,
    /// Text and regular expression.
    Regex,
    /// Text and text within.
    Within,
    /// All that is in the first argument.
    All,
    /// Whether an address is read from a text first.
    ContainsIp(bool),
    ContainsCidr(bool),
    Format,
    /// A new list as long as the result.
    NewList,
    Flatten,
    /// Each item of the list at this place with each.
    Pairs(usize),
    /// The items of one list with those of the other, so many times.
    Sets(u64),
}

/// For each character of a text.
const TEXT: f64 = 0.1;
/// For each character of a regular expression.
const REGEX: f64 = 0.25;
/// For a new list, with the call.
const LIST: u64 = 11;

/// The price of a function; `resolved`: one form of it alone fits by the types.
pub(super) fn of(name: &str, resolved: bool) -> Price {
    match name {
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" | "includes" => Price::All,
        "url" | "lowerAscii" | "upperAscii" | "substring" | "trim" | "cidr" | "isIP" | "isCIDR"
        | "quantity" | "isQuantity" | "semver" | "isSemver" => Price::Text(0, TEXT),
        "replace" | "split" | "ip.isCanonical" => Price::Text(0, 2.0 * TEXT),
        "join" => Price::Result(2.0 * TEXT),
        "find" | "findAll" => Price::Regex,
        // The method of a network is priced by what it is called on.
        "ip" => Price::Text(0, TEXT),
        "containsIP" => Price::ContainsIp(false),
        "containsCIDR" => Price::ContainsCidr(false),
        "validate" => Price::Format,
        "_==_" => Price::Equal,
        "_!=_" => Price::Unequal,
        "sets.contains" | "sets.intersects" if resolved => Price::Sets(1),
        "sets.equivalent" if resolved => Price::Sets(2),
        "slice" | "lists.range" | "reverse" if resolved => Price::NewList,
        "flatten" if resolved => Price::Flatten,
        "distinct" | "sort" if resolved => Price::Pairs(0),
        "@sortBy" if resolved => Price::Pairs(1),
        "startsWith" | "endsWith" if resolved => Price::Text(1, TEXT),
        "string" | "bytes" if resolved => Price::Conversion,
        "strings.quote" | "format" if resolved => Price::Text(0, TEXT),
        "@in" if resolved => Price::Items(1),
        "_<_" | "_<=_" | "_>_" | "_>=_" if resolved => Price::Shorter,
        "_+_" if resolved => Price::Sum,
        "matches" if resolved => Price::Regex,
        "contains" if resolved => Price::Within,
        _ => Price::One,
    }
}

impl Price {
    /// The same for a call that reads a text, by its types.
    pub(super) fn reading(self) -> Self {
        match self {
            Price::ContainsIp(_) => Price::ContainsIp(true),
            Price::ContainsCidr(_) => Price::ContainsCidr(true),
            other => other,
        }
    }

    /// What a call with these arguments and this result costs.
    pub(super) fn cost(self, args: &[Value], result: &Value) -> u64 {
        let of = |at: usize| args.get(at).map_or(1, size);
        match self {
            Price::One => 1,
            Price::Text(0, _) if matches!(args.first(), Some(Value::Cidr(..))) => 1,
            Price::Text(at, factor) => times(of(at), factor),
            Price::Conversion => match (args.first(), result) {
                (Some(Value::Text(_)), Value::Bytes(_))
                | (Some(Value::Bytes(_)), Value::Text(_)) => times(of(0), TEXT),
                _ => 1,
            },
            Price::Result(factor) => times(size(result), factor),
            Price::Items(at) => match args.get(at) {
                Some(Value::Map(_)) => 1,
                _ => of(at),
            },
            Price::Equal if args.first().is_some_and(is_added) => 1,
            Price::Equal | Price::Unequal => times(of(0).min(of(1)), TEXT),
            Price::Shorter if args.iter().any(is_long) => times(of(0).min(of(1)), TEXT),
            Price::Shorter => 1,
            Price::Sum if args.iter().any(is_long) => times(of(0).saturating_add(of(1)), TEXT),
            Price::Sum => 1,
            Price::Regex => times(of(0) + 1, TEXT).saturating_mul(times(of(1), REGEX)),
            Price::Within => times(of(0), TEXT).saturating_mul(times(of(1), TEXT)),
            Price::All => args.first().map_or(0, traversal),
            Price::ContainsIp(reads) => address(args, reads, 0),
            Price::ContainsCidr(reads) => address(args, reads, times(of(0), TEXT) + 1),
            Price::Format => match args.first() {
                Some(Value::Format(name)) => {
                    times(of(1) + 1, TEXT).saturating_mul(times(format_size(name), REGEX))
                }
                _ => 1,
            },
            Price::NewList => size(result).saturating_add(LIST),
            Price::Flatten => {
                let depth = match args.get(1) {
                    Some(Value::Int(depth)) => u64::try_from(*depth).unwrap_or(0),
                    _ => 1,
                };
                of(0).saturating_mul(depth).saturating_add(LIST)
            }
            Price::Pairs(at) => {
                let is_text = match args.get(at) {
                    Some(Value::List(list)) => list.items.first().is_some_and(is_long),
                    _ => false,
                };
                let factor = if is_text { 2.0 + TEXT } else { 2.0 };
                cut(of(at).saturating_mul(of(at)), factor).saturating_add(LIST)
            }
            Price::Sets(factor) => {
                let pairs = of(0).saturating_mul(of(1));
                pairs.saturating_mul(factor).saturating_add(1)
            }
        }
    }
}

/// Whether it is a text or bytes.
fn is_long(value: &Value) -> bool {
    matches!(value, Value::Text(_) | Value::Bytes(_))
}

/// Whether it is of a type that Kubernetes adds to the language.
fn is_added(value: &Value) -> bool {
    matches!(
        value,
        Value::Quantity(_)
            | Value::Ip(_)
            | Value::Cidr(..)
            | Value::Format(_)
            | Value::Url(_)
            | Value::Semver(_)
    )
}

fn size(value: &Value) -> u64 {
    match value {
        Value::Optional(Some(inner)) => size(inner),
        other => other.size().map_or(1, |size| size as u64),
    }
}

fn address(args: &[Value], reads: bool, more: u64) -> u64 {
    let of = |at: usize| args.get(at).map_or(1, size);
    let read = match args.get(1) {
        Some(Value::Text(_) | Value::Wrong(_)) if reads => times(of(1), TEXT),
        _ => 0,
    };
    times(of(0) * 2, TEXT) + more + read
}

/// The length of the regular expression by which a format is priced.
fn format_size(name: &str) -> u64 {
    match name {
        "dns1123Label" | "dns1035Label" | "dns1123LabelPrefix" | "dns1035LabelPrefix" => 30,
        "labelValue" => 40,
        "uri" => 1103,
        "byte" => 84,
        "uuid" => 70,
        "date" | "datetime" => 71,
        _ => 60,
    }
}

/// What it costs to pass over all that is in a value.
fn traversal(value: &Value) -> u64 {
    let sum = |sum: u64, value: &Value| sum.saturating_add(traversal(value));
    match value {
        Value::Text(text) => cut(text.len() as u64, TEXT),
        Value::Bytes(bytes) => cut(bytes.len() as u64, TEXT),
        Value::List(list) => list.items.iter().fold(0, sum),
        Value::Map(map) => map
            .entries()
            .iter()
            .fold(0, |total, (key, value)| sum(sum(total, key), value)),
        _ => 1,
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the server computes in float64 as well, and cuts off"
)]
fn cut(size: u64, factor: f64) -> u64 {
    (size as f64 * factor) as u64
}
