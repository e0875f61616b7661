//! Values of an expression that runs (`common/types` of cel-go).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use smol_str::SmolStr;

use super::semver::Semver;
use super::time::Moment;
use super::url::Url;
use crate::manifest::Node;
use crate::manifest::quantity::Quantity;

/// A value. Cloning one costs nothing.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(SmolStr),
    Bytes(Arc<[u8]>),
    /// Nanoseconds.
    Duration(i64),
    Timestamp(Moment),
    List(List),
    Map(Map),
    Optional(Option<Arc<Value>>),
    /// A type, by its name.
    Type(&'static str),
    Quantity(Quantity),
    Url(Arc<Url>),
    Ip(IpAddr),
    Cidr(IpAddr, u8),
    Semver(Arc<Semver>),
    /// A named format.
    Format(&'static str),
    /// What a schema keeps without a type.
    Kept(Node),
    /// What is no value: why it cannot be used.
    Wrong(SmolStr),
}

/// How the items of a list are told apart.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// By their places.
    Place,
    /// By themselves (`x-kubernetes-list-type: set`).
    Set,
    /// By these fields.
    Keys(Arc<[SmolStr]>),
}

/// A list.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) items: Arc<Vec<Value>>,
    pub(super) identity: Identity,
    /// Whether it is a part of the object, which compares more strictly.
    pub(super) given: bool,
}

impl List {
    pub(super) fn new(items: Vec<Value>) -> Self {
        Self {
            items: Arc::new(items),
            identity: Identity::Place,
            given: false,
        }
    }
}

/// The key of a map; numbers of all types are one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Text(SmolStr),
    Number(i128),
    Bool(bool),
}

impl Key {
    /// The key that a value is, if it is one.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Text(text) => Key::Text(text.clone()),
            Value::Int(number) => Key::Number(i128::from(*number)),
            Value::Uint(number) => Key::Number(i128::from(*number)),
            Value::Bool(flag) => Key::Bool(*flag),
            Value::Double(number) if number.fract() == 0.0 && number.abs() < 1.9e19 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "the fraction is zero")]
                Key::Number(*number as i128)
            }
            _ => return None,
        })
    }
}

/// Where a map comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The expression made it.
    Made,
    /// A part of the object with free keys.
    Free,
    /// A part of the object with fields: their names are escaped, and null is absent.
    Fields,
}

/// A map, or an object.
#[derive(Clone, Debug)]
pub(super) struct Map(Arc<Entries>);

#[derive(Debug)]
struct Entries {
    all: Vec<(Value, Value)>,
    /// Where a key stands, where there are many.
    index: HashMap<Key, usize>,
    origin: Origin,
    /// Entries that the schema does not know.
    unknown: Vec<(SmolStr, Node)>,
}

/// So many entries are searched one by one.
const FEW: usize = 8;

impl Map {
    pub(super) fn new(
        entries: Vec<(Value, Value)>,
        origin: Origin,
        unknown: Vec<(SmolStr, Node)>,
    ) -> Self {
        let mut index = HashMap::new();
        if entries.len() > FEW {
            let keys = entries.iter().enumerate();
            index.extend(keys.filter_map(|(at, (key, _))| Some((Key::of(key)?, at))));
        }
        Self(Arc::new(Entries {
            all: entries,
            index,
            origin,
            unknown,
        }))
    }

    pub(super) fn entries(&self) -> &[(Value, Value)] {
        &self.0.all
    }

    pub(super) fn origin(&self) -> Origin {
        self.0.origin
    }

    pub(super) fn unknown(&self) -> &[(SmolStr, Node)] {
        &self.0.unknown
    }

    pub(super) fn len(&self) -> usize {
        self.0.all.len() + self.0.unknown.len()
    }

    /// The value of a key as an expression writes it.
    ///
    /// # Errors
    /// A key that no map of this kind has.
    pub(super) fn find(&self, key: &Value) -> Result<Option<&Value>, &'static str> {
        let origin = self.0.origin;
        let wanted = match key {
            Value::Text(name) if origin == Origin::Fields => {
                match super::super::schema::unescape(name) {
                    Some(name) => Key::Text(name),
                    None => return Ok(None),
                }
            }
            Value::Text(name) => Key::Text(name.clone()),
            _ if origin != Origin::Made => return Err("no such overload"),
            other => match Key::of(other) {
                Some(key) => key,
                None => return Ok(None),
            },
        };
        let found = if self.0.all.len() > FEW {
            self.0.index.get(&wanted).map(|at| &self.0.all[*at])
        } else {
            let mut entries = self.0.all.iter();
            entries.find(|(own, _)| Key::of(own).as_ref() == Some(&wanted))
        };
        let value = found.map(|(_, value)| value);
        Ok(value.filter(|value| origin != Origin::Fields || !matches!(value, Value::Null)))
    }

    /// The keys as an expression sees them.
    pub(super) fn keys(&self) -> impl Iterator<Item = Value> + '_ {
        self.0.all.iter().map(|(key, _)| match key {
            Value::Text(name) if self.0.origin == Origin::Fields => {
                let escaped = super::super::schema::escape(name);
                Value::Text(escaped.map_or_else(|| name.clone(), SmolStr::new))
            }
            key => key.clone(),
        })
    }
}

impl Value {
    pub(super) fn text(text: impl Into<SmolStr>) -> Self {
        Value::Text(text.into())
    }

    pub(super) fn list(items: Vec<Value>) -> Self {
        Value::List(List::new(items))
    }

    pub(super) fn some(value: Value) -> Self {
        Value::Optional(Some(Arc::new(value)))
    }

    /// How large it is, for what has a size: characters, bytes, items, entries.
    pub(super) fn size(&self) -> Option<usize> {
        Some(match self {
            Value::Text(text) => characters(text),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.items.len(),
            Value::Map(map) => map.len(),
            Value::Ip(IpAddr::V4(_)) => 4,
            Value::Ip(IpAddr::V6(_)) => 16,
            Value::Cidr(_, bits) => usize::from(*bits).div_ceil(8),
            _ => return None,
        })
    }

    /// About how many bytes an operation on it may look at.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 1,
        }
    }

    /// The name of its type in messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::Text(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::Timestamp(_) => "google.protobuf.Timestamp",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Optional(_) => "optional_type",
            Value::Type(_) => "type",
            Value::Quantity(_) => "kubernetes.Quantity",
            Value::Url(_) => "kubernetes.URL",
            Value::Ip(_) => "net.IP",
            Value::Cidr(..) => "net.CIDR",
            Value::Semver(_) => "kubernetes.Semver",
            Value::Format(_) => "kubernetes.NamedFormat",
            Value::Kept(_) => "unknown",
            Value::Wrong(_) => "error",
        }
    }

    /// Whether it is of one of the types that a constant list is searched for at once.
    pub(super) fn is_plain(&self) -> bool {
        matches!(
            self,
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Text(_)
        )
    }
}

/// How many characters a text has.
pub(super) fn characters(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().count(),
    }
}
