//! What an expression may cost at most (`checker/cost.go` of cel-go, `cel/library/cost.go` and
//! `cel/common/schemas.go` of k8s.io/apiserver).

mod device;
mod lists;
mod prices;

pub(super) use lists::sorted;

use super::library::Overload;
use super::parse::Expr;
use super::schema;
use super::types::Ty;
use crate::manifest::Node;

/// The largest request that the server reads.
const LARGEST: u64 = 3 * 1024 * 1024;

/// How much there is of a value: bytes of a text, items of a list, entries of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Size {
    pub(super) const UNKNOWN: Size = Size {
        min: 0,
        max: u64::MAX,
    };

    pub(super) fn fixed(size: usize) -> Self {
        let size = size as u64;
        Size {
            min: size,
            max: size,
        }
    }

    pub(super) fn union(self, other: Size) -> Self {
        Size {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    fn plus(self, other: Size) -> Self {
        Size {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
        }
    }

    fn times(self, other: Size) -> Self {
        Size {
            min: self.min.saturating_mul(other.min),
            max: self.max.saturating_mul(other.max),
        }
    }

    /// The cost of passing over it once, at so much for each.
    fn traversal(self, factor: f64) -> u64 {
        factored(self.max, factor)
    }
}

/// For each byte of a text.
const TEXT: f64 = 0.1;
/// For each byte of a regular expression.
const REGEX: f64 = 0.25;

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the server computes in float64 as well, and rounds up"
)]
pub(super) fn factored(size: u64, factor: f64) -> u64 {
    // A float that is too large becomes the largest integer.
    (size as f64 * factor).ceil() as u64
}

/// What a schema tells of the size of a value.
#[derive(Clone, Debug)]
pub(in crate::validate) struct Decl {
    kind: DeclKind,
}

#[derive(Clone, Debug)]
enum DeclKind {
    Schema {
        schema: Node,
        root: bool,
    },
    /// A text of a type that has no schema.
    Text(u64),
    /// The metadata of an object.
    Metadata,
    /// A device, or a part of one.
    Device(&'static device::Part),
}

impl Decl {
    pub(super) fn new(schema: &Node, root: bool) -> Self {
        Self {
            kind: DeclKind::Schema {
                schema: schema.clone(),
                root,
            },
        }
    }

    /// The device that a selector sees.
    pub(super) fn device() -> Self {
        Self::of_device(&device::DEVICE)
    }

    fn of_device(part: &'static device::Part) -> Self {
        Self {
            kind: DeclKind::Device(part),
        }
    }

    /// What the estimator of the server takes a step from nowhere for: that of schemas, for the
    /// root, a quirk.
    pub(super) fn rootless(&self) -> Option<Decl> {
        (!matches!(self.kind, DeclKind::Device(_))).then(|| self.clone())
    }

    fn text(size: u64) -> Self {
        Self {
            kind: DeclKind::Text(size),
        }
    }

    /// The items of a list, or the values of a map.
    pub(super) fn inner(&self) -> Option<Decl> {
        let schema = match &self.kind {
            DeclKind::Schema { schema, .. } => schema,
            DeclKind::Device(part) => return part.values().map(Self::of_device),
            _ => return None,
        };
        let inner = match kind(schema) {
            "array" => schema.get("items"),
            "object" => schema.get("additionalProperties"),
            _ => None,
        }?;
        inner.as_map()?;
        Some(Decl::new(
            inner,
            flag(inner, "x-kubernetes-embedded-resource"),
        ))
    }

    /// The keys of a map.
    pub(super) fn keys(&self) -> Option<Decl> {
        if let DeclKind::Device(part) = &self.kind {
            return part.keys().map(Self::of_device);
        }
        self.inner().map(|_| Decl::text(0))
    }

    pub(super) fn field(&self, name: &str) -> Option<Decl> {
        match &self.kind {
            DeclKind::Text(_) => None,
            DeclKind::Device(part) => part.field(name).map(Self::of_device),
            // A name has 253 characters at most, one less where more are added.
            DeclKind::Metadata => match name {
                "name" => Some(Decl::text(253 * 4)),
                "generateName" => Some(Decl::text(252 * 4)),
                _ => None,
            },
            DeclKind::Schema { schema, root } => {
                if *root && !schema::names_itself(schema) {
                    match name {
                        "metadata" => {
                            return Some(Decl {
                                kind: DeclKind::Metadata,
                            });
                        }
                        "apiVersion" | "kind" => return Some(Decl::text(LARGEST - 2)),
                        _ => {}
                    }
                }
                let property = schema::property(schema, name)?;
                Some(Decl::new(
                    property,
                    flag(property, "x-kubernetes-embedded-resource"),
                ))
            }
        }
    }

    /// Its size by the limits of the schema and of a request.
    pub(super) fn size(&self) -> Size {
        let max = match &self.kind {
            DeclKind::Text(max) => *max,
            DeclKind::Metadata => 0,
            DeclKind::Device(part) => part.size,
            DeclKind::Schema { schema, .. } => largest(schema),
        };
        Size { min: 0, max }
    }
}

fn flag(schema: &Node, name: &str) -> bool {
    schema.get(name).and_then(Node::as_bool) == Some(true)
}

fn kind(schema: &Node) -> &str {
    schema
        .get("type")
        .and_then(Node::as_str)
        .unwrap_or_default()
}

/// The most items, entries or bytes that a value of a schema can have.
fn largest(schema: &Node) -> u64 {
    let bound = |key: &str| {
        let given = schema.get(key).and_then(Node::as_i64);
        given.map(|given| u64::try_from(given).unwrap_or(0))
    };
    if flag(schema, "x-kubernetes-int-or-string") {
        return bound("maxLength").map_or(LARGEST - 2, |max| max.saturating_mul(4));
    }
    match kind(schema) {
        "array" => {
            let least = || schema.get("items").map_or(0, |items| smallest(items, 0));
            bound("maxItems").unwrap_or_else(|| (LARGEST - 2) / (least() + 1))
        }
        "object" => {
            let values = schema.get("additionalProperties");
            match values.filter(|node| node.as_map().is_some()) {
                Some(values) => bound("maxProperties")
                    .unwrap_or_else(|| (LARGEST - 2) / (smallest(values, 0) + 6)),
                None => 0,
            }
        }
        "string" => {
            let format = schema
                .get("format")
                .and_then(Node::as_str)
                .unwrap_or_default();
            match format {
                "byte" => bound("maxLength").unwrap_or(LARGEST - 2),
                "duration" | "date-time" => 32,
                "date" => 12,
                _ => match bound("maxLength") {
                    Some(max) => max.saturating_mul(4),
                    None => longest_value(schema),
                },
            }
        }
        _ => 0,
    }
}

/// The bytes of the longest value that a text may have.
fn longest_value(schema: &Node) -> u64 {
    let values = schema.get("enum").and_then(Node::as_seq);
    match values.unwrap_or_default() {
        [] => LARGEST - 2,
        values => {
            let longest = values.iter().filter_map(Node::as_str).map(str::len).max();
            longest.unwrap_or(0) as u64
        }
    }
}

/// The fewest bytes that a value of a schema takes as JSON. `depth` bounds the descent.
pub(super) fn smallest(schema: &Node, depth: usize) -> u64 {
    if flag(schema, "x-kubernetes-int-or-string") || depth > 64 {
        return 1;
    }
    match kind(schema) {
        "array" => 2,
        "object" => {
            let values = schema.get("additionalProperties");
            if values.is_some_and(|node| node.as_map().is_some()) {
                return 2;
            }
            let required = schema
                .get("required")
                .and_then(Node::as_seq)
                .unwrap_or_default();
            let sizes = required.iter().filter_map(|name| {
                let name = name.as_str()?;
                let property = schema.get("properties")?.get(name)?;
                let has_default = property.get("default").is_some_and(|node| !node.is_null());
                (!has_default).then(|| name.len() as u64 + smallest(property, depth + 1) + 4)
            });
            sizes.fold(2, u64::saturating_add)
        }
        "string" => match schema
            .get("format")
            .and_then(Node::as_str)
            .unwrap_or_default()
        {
            "duration" => 4,
            "date" => 12,
            "date-time" => 22,
            _ => 2,
        },
        "boolean" => 4,
        _ => 1,
    }
}

/// How often a rule at a place can be asked at most, where nothing above bounds it.
pub(in crate::validate) fn most_often(schema: &Node) -> u64 {
    LARGEST / (smallest(schema, 0) + 1)
}

/// A part of a call, as far as its cost matters.
#[derive(Clone, Debug)]
pub(super) struct Part<'p> {
    pub(super) cost: u64,
    pub(super) size: Option<Size>,
    /// The size of its items.
    pub(super) entry: Option<Size>,
    pub(super) ty: Ty,
    pub(super) expr: &'p Expr,
    /// The size of its items by the schema.
    pub(super) items: Option<Size>,
}

impl Part<'_> {
    fn size(&self) -> Size {
        self.size.unwrap_or(Size::UNKNOWN)
    }
}

/// What a call costs, and how large its result is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) cost: u64,
    pub(super) size: Option<Size>,
}

/// The cost of calling a function in one of its forms, without its target's, with its arguments'.
pub(super) fn call(
    name: &str,
    overload: &Overload,
    target: Option<&Part<'_>>,
    args: &[Part<'_>],
) -> Call {
    let all = args
        .iter()
        .fold(0_u64, |sum, arg| sum.saturating_add(arg.cost));
    let (own, size) = match prices::special(name, overload, target, args) {
        Some(found) => found,
        None => match plain(name, overload, target, args) {
            Plain::Whole(cost, size) => return Call { cost, size },
            Plain::Own(cost, size) => (cost, size),
        },
    };
    Call {
        cost: own.saturating_add(all),
        size,
    }
}

/// The cost of a function of CEL itself.
enum Plain {
    /// With its arguments'.
    Whole(u64, Option<Size>),
    /// Its own alone.
    Own(u64, Option<Size>),
}

fn plain(name: &str, overload: &Overload, target: Option<&Part<'_>>, args: &[Part<'_>]) -> Plain {
    let first = overload.params.first();
    let of = |index: usize| args.get(index).map_or(Size::UNKNOWN, Part::size);
    let cost_of = |index: usize| args.get(index).map_or(0, |arg| arg.cost);
    match (name, target) {
        ("format", Some(target)) => Plain::Own(target.size().traversal(TEXT), None),
        ("bytes", None) if matches!(first, Some(Ty::Text)) => {
            let size = of(0);
            let result = Size {
                min: size.min,
                // The server does not look out for an overflow here, nor below.
                max: size.max.wrapping_mul(4),
            };
            Plain::Own(size.traversal(TEXT), Some(result))
        }
        ("string", None) if matches!(first, Some(Ty::Bytes)) => {
            let size = of(0);
            let result = Size {
                min: size.min / 4,
                max: size.max,
            };
            Plain::Own(size.traversal(TEXT), Some(result))
        }
        ("strings.quote", None) => {
            let size = of(0);
            let result = Size {
                min: size.min.wrapping_add(2),
                max: size.max.wrapping_mul(2).wrapping_add(2),
            };
            Plain::Own(size.traversal(TEXT), Some(result))
        }
        ("startsWith" | "endsWith", Some(_)) => Plain::Own(of(0).traversal(TEXT), None),
        ("@in", None) if matches!(overload.params.get(1), Some(Ty::List(_))) => {
            Plain::Own(of(1).max, None)
        }
        ("matches", _) => {
            let (text, regex) = match target {
                Some(target) => (target.size(), of(0)),
                None => (of(0), of(1)),
            };
            let text = text.plus(Size { min: 1, max: 1 }).traversal(TEXT);
            Plain::Own(text.saturating_mul(regex.traversal(REGEX)), None)
        }
        ("contains", Some(target)) => {
            let cost = target.size().traversal(TEXT);
            Plain::Own(cost.saturating_mul(of(0).traversal(TEXT)), None)
        }
        ("_&&_" | "_||_", None) => Plain::Whole(cost_of(0).saturating_add(cost_of(1)), None),
        ("_?_:_", None) => {
            let cost = cost_of(0).saturating_add(cost_of(1).max(cost_of(2)));
            Plain::Whole(cost, Some(of(1).union(of(2))))
        }
        ("_+_", None) if matches!(first, Some(Ty::Text | Ty::Bytes)) => {
            let size = of(0).plus(of(1));
            Plain::Own(size.traversal(TEXT), Some(size))
        }
        ("_+_", None) if matches!(first, Some(Ty::List(_))) => {
            Plain::Own(1, Some(of(0).plus(of(1))))
        }
        ("_<_" | "_<=_" | "_>_" | "_>=_", None) if matches!(first, Some(Ty::Text | Ty::Bytes)) => {
            Plain::Own(factored(of(0).max.min(of(1).max), TEXT), None)
        }
        ("_==_" | "_!=_", None) => Plain::Own(factored(of(0).max.min(of(1).max), TEXT), None),
        _ => Plain::Own(1, None),
    }
}
