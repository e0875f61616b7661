//! Functions on lists and sets, whose prices cel-go sets itself (`ext/lists.go`, `ext/sets.go`).

use super::super::library::Overload;
use super::super::parse::Kind;
use super::super::types::Ty;
use super::prices::Price;
use super::{Part, Size, TEXT, factored};

/// For the call and the new list.
const LIST: u64 = 11;

/// The price of a function; `None` where it is not one of these.
pub(super) fn listed(
    name: &str,
    overload: &Overload,
    target: Option<&Part<'_>>,
    args: &[Part<'_>],
) -> Option<Price> {
    if let Some(factor) = match name {
        "sets.contains" | "sets.intersects" => Some(1.0),
        "sets.equivalent" => Some(2.0),
        _ => None,
    } {
        let pairs = args.first()?.size().times(args.get(1)?.size());
        return Some((factored(pairs.max, factor).saturating_add(1), None));
    }
    let (size, factor) = match (name, target) {
        ("lists.range", None) => (exactly(number(args.first()?, u64::MAX)), 1.0),
        ("slice", Some(target)) => {
            let start = number(args.first()?, 0);
            let end = number(args.get(1)?, target.size().max);
            // The server takes a slice that ends before it begins for a very long one.
            (exactly(end.wrapping_sub(start)), 1.0)
        }
        ("reverse", Some(target)) => (target.size(), 1.0),
        ("flatten", Some(target)) => {
            let depth = args.first().map_or(1, |arg| number(arg, u64::MAX));
            return Some(new_list(target.size(), depth_factor(depth)));
        }
        ("distinct", Some(target)) => (pairs(target.size()), 2.0),
        ("sort", Some(target)) => (pairs(target.size()), sort_factor(&overload.result)),
        _ => return None,
    };
    Some(new_list(size, factor))
}

/// The price of sorting a list by keys of a type.
pub(in super::super) fn sorted(keys: Size, list: &Ty) -> Price {
    new_list(pairs(keys), sort_factor(list))
}

fn new_list(size: Size, factor: f64) -> Price {
    (factored(size.max, factor).saturating_add(LIST), Some(size))
}

fn pairs(size: Size) -> Size {
    size.times(size)
}

fn exactly(size: u64) -> Size {
    Size {
        min: size,
        max: size,
    }
}

/// Texts are passed over when they are compared.
fn sort_factor(list: &Ty) -> f64 {
    match list {
        Ty::List(item) if !matches!(**item, Ty::Text | Ty::Bytes | Ty::Dyn) => 2.0,
        _ => 2.0 + TEXT,
    }
}

#[expect(clippy::cast_precision_loss, reason = "the server computes in float64")]
fn depth_factor(depth: u64) -> f64 {
    depth as f64
}

/// The number that a literal is.
fn number(part: &Part<'_>, otherwise: u64) -> u64 {
    match &part.expr.kind {
        Kind::Int(number) => u64::try_from(*number).unwrap_or(0),
        _ => otherwise,
    }
}
