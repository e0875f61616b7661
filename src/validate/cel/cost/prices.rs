//! The functions that Kubernetes sets a price on (`apiserver/pkg/cel/library/cost.go`), by the
//! library that they are of.

use super::super::library::Overload;
use super::super::parse::Kind;
use super::super::types::Ty;
use super::{Part, REGEX, Size, TEXT, factored};

/// What a call costs beside its arguments, and how large its result is, where that is known.
pub(in super::super) type Price = (u64, Option<Size>);

/// Functions that cost one, whatever they are called with.
const CHEAP: [&str; 38] = [
    "add",
    "allowed",
    "asApproximateFloat",
    "asInteger",
    "compareTo",
    "error",
    "errored",
    "family",
    "format.named",
    "getEscapedPath",
    "getHost",
    "getHostname",
    "getPort",
    "getQuery",
    "getScheme",
    "group",
    "isGlobalUnicast",
    "isGreaterThan",
    "isInteger",
    "isLessThan",
    "isLinkLocalMulticast",
    "isLinkLocalUnicast",
    "isLoopback",
    "isUnspecified",
    "major",
    "masked",
    "minor",
    "name",
    "namespace",
    "patch",
    "path",
    "prefixLength",
    "reason",
    "resource",
    "serviceAccount",
    "sign",
    "sub",
    "subresource",
];

/// The price of a function; `None` where it has none of its own.
pub(super) fn special(
    name: &str,
    overload: &Overload,
    target: Option<&Part<'_>>,
    args: &[Part<'_>],
) -> Option<Price> {
    if let Some(price) = super::lists::listed(name, overload, target, args) {
        return Some(price);
    }
    if CHEAP.contains(&name) {
        return Some((1, None));
    }
    match name {
        "check" => Some((350_000, None)),
        "fieldSelector" | "labelSelector" => {
            let length = args.first()?.size();
            let requirements = factored(factored(length.max, 0.5), 50.0);
            let cost = 10_u64.saturating_add(length.traversal(TEXT));
            Some((cost.saturating_add(requirements), None))
        }
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
            Some(walk(overload, target?))
        }
        "validate" => {
            let cost = args.first()?.size().traversal(TEXT);
            Some((factored(cost, 128.0 * REGEX), None))
        }
        "_==_" => match (&args.first()?.ty, &args.get(1)?.ty) {
            (Ty::Opaque(a), Ty::Opaque(b)) if a == b => Some((1, None)),
            _ => None,
        },
        _ => of_text(name, target, args).or_else(|| of_address(name, overload, args)),
    }
}

/// Functions that look at each item of a list, or at a text as a whole.
fn walk(overload: &Overload, target: &Part<'_>) -> Price {
    let on_text = matches!(overload.params.first(), Some(Ty::Text));
    if on_text && !matches!(target.ty, Ty::List(_)) {
        return (target.size().traversal(TEXT), None);
    }
    let mut each = 1_u64;
    if let Ty::List(item) = &target.ty
        && matches!(**item, Ty::Text | Ty::Bytes)
    {
        let item = target.items.unwrap_or(Size::UNKNOWN);
        each = each.saturating_add(item.traversal(TEXT));
    }
    (target.size().max.saturating_mul(each), None)
}

/// Functions that make texts of texts.
fn of_text(name: &str, target: Option<&Part<'_>>, args: &[Part<'_>]) -> Option<Price> {
    Some(match name {
        "url" | "jsonpatch.escapeKey" => {
            let size = args.first()?.size();
            (size.traversal(TEXT), Some(size))
        }
        "lowerAscii" | "upperAscii" | "substring" | "trim" => {
            let size = target?.size();
            (size.traversal(TEXT), Some(size))
        }
        "replace" => {
            let size = target?.size();
            let result = replaced(size, args.first()?.size(), args.get(1)?.size());
            (size.traversal(2.0 * TEXT), Some(result))
        }
        "split" => {
            let size = target?.size();
            let limit = match args.get(1).map(|arg| &arg.expr.kind) {
                Some(Kind::Int(limit)) => u64::try_from(*limit).unwrap_or(u64::MAX),
                _ => size.max,
            };
            let result = Size { min: 0, max: limit };
            (size.traversal(2.0 * TEXT), Some(result))
        }
        "join" => {
            let target = target?;
            let list = target.size();
            let item = target.items.unwrap_or(Size::UNKNOWN);
            let mut size = list.times(item);
            if let Some(separator) = args.first() {
                let gaps = Size {
                    min: list.min.saturating_sub(1),
                    max: list.max.saturating_sub(1),
                };
                size = size.plus(separator.size().times(gaps));
            }
            (size.traversal(TEXT), Some(size))
        }
        "find" | "findAll" => {
            let size = target?.size();
            let text = size.plus(Size { min: 1, max: 1 }).traversal(TEXT);
            let cost = text.saturating_mul(args.first()?.size().traversal(REGEX));
            let result = Size {
                min: 0,
                max: size.max,
            };
            (cost, Some(result))
        }
        _ => return None,
    })
}

/// Functions that read addresses, amounts and versions.
fn of_address(name: &str, overload: &Overload, args: &[Part<'_>]) -> Option<Price> {
    let cost = match name {
        "ip" if matches!(overload.params.first(), Some(Ty::Opaque(_))) => 1,
        "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver" | "isSemver" => {
            args.first()?.size().traversal(TEXT)
        }
        "ip.isCanonical" => args.first()?.size().traversal(2.0 * TEXT),
        "containsIP" | "containsCIDR" => {
            let cost = if name == "containsCIDR" { 7_u64 } else { 4 };
            match overload.params.get(1) {
                Some(Ty::Text) => cost.saturating_add(args.first()?.size().traversal(TEXT)),
                _ => cost,
            }
        }
        _ => return None,
    };
    Some((cost, None))
}

/// How long a text is in which all of something was replaced.
fn replaced(size: Size, from: Size, to: Size) -> Size {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the server computes in float64 as well"
    )]
    let per = |size: u64, from: u64| (size as f64 / from.max(1) as f64).ceil() as u64;
    let (most, kept_max) = if from.min == 0 {
        (size.max.saturating_add(1), size.max)
    } else if to.max <= from.min {
        (0, size.max)
    } else {
        (per(size.max, from.min), 0)
    };
    let (fewest, kept_min) = if from.max == 0 {
        (size.min.saturating_add(1), size.min)
    } else if from.max <= to.min {
        (0, size.min)
    } else {
        (per(size.min, from.max), 0)
    };
    let count = Size {
        min: fewest,
        max: most,
    };
    count.times(to).plus(Size {
        min: kept_min,
        max: kept_max,
    })
}
