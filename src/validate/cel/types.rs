//! Types of CEL and how they fit together (`checker/types.go` of cel-go).

use std::fmt;
use std::sync::Arc;

use super::schema;
use crate::manifest::Node;

/// A type.
#[derive(Clone, Debug)]
pub(super) enum Ty {
    /// Known only when the expression runs.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    List(Arc<Ty>),
    Map(Arc<Ty>, Arc<Ty>),
    Optional(Arc<Ty>),
    /// The type of a type.
    Type(Arc<Ty>),
    /// A type without fields, known by its name.
    Opaque(&'static str),
    /// A structure with these fields.
    Object(&'static Structure),
    /// An object of a JSON schema; `root` has `apiVersion`, `kind` and `metadata` besides.
    Schema {
        schema: Node,
        root: bool,
    },
    /// `Object{...}` of a patch, and what is below it: any field is taken.
    Patch(Arc<str>),
    /// What a function leaves open, by number.
    Open(usize),
}

/// A structure that the server declares.
#[derive(Debug)]
pub(super) struct Structure {
    pub(super) name: &'static str,
    /// Names with types as [`super::library`] writes them.
    pub(super) fields: &'static [(&'static str, &'static str)],
}

impl Ty {
    pub(super) fn list(item: Ty) -> Self {
        Ty::List(Arc::new(item))
    }

    pub(super) fn map(key: Ty, value: Ty) -> Self {
        Ty::Map(Arc::new(key), Arc::new(value))
    }

    pub(super) fn optional(inner: Ty) -> Self {
        Ty::Optional(Arc::new(inner))
    }

    pub(super) fn is_dyn(&self) -> bool {
        matches!(self, Ty::Dyn)
    }

    /// Whether null may stand for a value of the type.
    fn takes_null(&self) -> bool {
        matches!(
            self,
            Ty::Null
                | Ty::Duration
                | Ty::Timestamp
                | Ty::Opaque(_)
                | Ty::Optional(_)
                | Ty::Object(_)
                | Ty::Schema { .. }
                | Ty::Patch(_)
        )
    }

    /// Whether the two are the same type, open ones apart.
    pub(super) fn is_exactly(&self, other: &Ty) -> bool {
        match (self, other) {
            (Ty::List(a), Ty::List(b))
            | (Ty::Optional(a), Ty::Optional(b))
            | (Ty::Type(a), Ty::Type(b)) => a.is_exactly(b),
            (Ty::Map(k, v), Ty::Map(l, w)) => k.is_exactly(l) && v.is_exactly(w),
            (Ty::Opaque(a), Ty::Opaque(b)) => a == b,
            (Ty::Object(a), Ty::Object(b)) => a.name == b.name,
            (Ty::Patch(a), Ty::Patch(b)) => a == b,
            (Ty::Schema { schema: a, .. }, Ty::Schema { schema: b, .. }) => a.span == b.span,
            (Ty::Open(a), Ty::Open(b)) => a == b,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

impl fmt::Display for Ty {
    /// As the server writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Dyn | Ty::Open(_) => f.write_str("dyn"),
            Ty::Null => f.write_str("null"),
            Ty::Bool => f.write_str("bool"),
            Ty::Int => f.write_str("int"),
            Ty::Uint => f.write_str("uint"),
            Ty::Double => f.write_str("double"),
            Ty::Text => f.write_str("string"),
            Ty::Bytes => f.write_str("bytes"),
            Ty::Duration => f.write_str("google.protobuf.Duration"),
            Ty::Timestamp => f.write_str("google.protobuf.Timestamp"),
            Ty::List(item) => write!(f, "list({item})"),
            Ty::Map(key, value) => write!(f, "map({key}, {value})"),
            Ty::Optional(inner) => write!(f, "optional_type({inner})"),
            Ty::Type(inner) => write!(f, "type({inner})"),
            Ty::Opaque(name) => f.write_str(name),
            Ty::Object(structure) => f.write_str(structure.name),
            Ty::Schema { .. } => f.write_str("object"),
            Ty::Patch(name) => f.write_str(name),
        }
    }
}

/// What the open types of a function stand for in one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Bindings {
    bound: Vec<Option<Ty>>,
}

impl Bindings {
    /// A type that stands for nothing yet.
    pub(super) fn open(&mut self) -> usize {
        self.bound.push(None);
        self.bound.len() - 1
    }

    /// A type with what is known put in.
    pub(super) fn resolve(&self, ty: &Ty) -> Ty {
        match ty {
            Ty::Open(number) => match self.bound.get(*number).and_then(Option::as_ref) {
                Some(bound) => self.resolve(bound),
                None => ty.clone(),
            },
            Ty::List(item) => Ty::list(self.resolve(item)),
            Ty::Map(key, value) => Ty::map(self.resolve(key), self.resolve(value)),
            Ty::Optional(inner) => Ty::optional(self.resolve(inner)),
            Ty::Type(inner) => Ty::Type(Arc::new(self.resolve(inner))),
            _ => ty.clone(),
        }
    }

    /// Whether a value of `given` may stand where `wanted` is expected; binds open types.
    pub(super) fn fits(&mut self, wanted: &Ty, given: &Ty) -> bool {
        let (wanted, given) = (self.resolve(wanted), self.resolve(given));
        match (&wanted, &given) {
            (Ty::Open(a), Ty::Open(b)) if a == b => true,
            (Ty::Open(number), other) | (other, Ty::Open(number)) => {
                if mentions(other, *number) {
                    return false;
                }
                self.bound[*number] = Some(other.clone());
                true
            }
            (Ty::Dyn, _) | (_, Ty::Dyn) => true,
            (Ty::Null, other) | (other, Ty::Null) => other.takes_null(),
            (Ty::List(a), Ty::List(b)) | (Ty::Optional(a), Ty::Optional(b)) => self.fits(a, b),
            (Ty::Map(k, v), Ty::Map(l, w)) => self.fits(k, l) && self.fits(v, w),
            (Ty::Type(_), Ty::Type(_)) => true,
            (a, b) => a.is_exactly(b),
        }
    }
}

/// Whether a type has an open one in it.
fn mentions(ty: &Ty, number: usize) -> bool {
    match ty {
        Ty::Open(other) => *other == number,
        Ty::List(inner) | Ty::Optional(inner) | Ty::Type(inner) => mentions(inner, number),
        Ty::Map(key, value) => mentions(key, number) || mentions(value, number),
        _ => false,
    }
}

/// The type of a value that a schema describes; `None` where the server gives it none, so that it
/// cannot be used.
pub(super) fn of_schema(schema: &Node, root: bool) -> Option<Ty> {
    let flag = |name: &str| schema.get(name).and_then(Node::as_bool) == Some(true);
    let text = |name: &str| schema.get(name).and_then(Node::as_str).unwrap_or_default();
    if flag("x-kubernetes-int-or-string") {
        return Some(Ty::Dyn);
    }
    Some(match text("type") {
        "array" => Ty::list(of_schema(schema.get("items")?, false)?),
        "object" => {
            let values = schema.get("additionalProperties");
            match values.filter(|node| node.as_map().is_some()) {
                Some(values) => Ty::map(Ty::Text, of_schema(values, false)?),
                None => Ty::Schema {
                    schema: schema.clone(),
                    root: root || flag("x-kubernetes-embedded-resource"),
                },
            }
        }
        "string" => match text("format") {
            "byte" => Ty::Bytes,
            "duration" => Ty::Duration,
            "date" | "date-time" => Ty::Timestamp,
            _ => Ty::Text,
        },
        "boolean" => Ty::Bool,
        "number" => Ty::Double,
        "integer" => Ty::Int,
        _ => return None,
    })
}

/// The field of a value, by the name that the expression uses.
pub(super) fn field(ty: &Ty, name: &str) -> Option<Ty> {
    match ty {
        Ty::Object(structure) => {
            let found = structure.fields.iter().find(|(own, _)| *own == name)?;
            super::library::read_type(found.1)
        }
        Ty::Schema { schema, root } => {
            let adds = *root && !schema::names_itself(schema);
            if let Some(property) = schema::property(schema, name) {
                return match adds && name == "metadata" {
                    true => Some(Ty::Object(&METADATA)),
                    false => of_schema(property, false),
                };
            }
            match name {
                "apiVersion" | "kind" if *root => Some(Ty::Text),
                "metadata" if *root => Some(Ty::Object(&METADATA)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What a rule may use of the metadata of an object.
static METADATA: Structure = Structure {
    name: "kubernetes.ObjectMeta",
    fields: &[("name", "string"), ("generateName", "string")],
};
