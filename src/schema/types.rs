//! Types: structured ones with their fields, maps, lists, scalars.

use std::fmt;
use std::ops::Range;

use super::layout::{self, Record};
use super::version::Version;

/// The type of a field, an item or a value. A small handle: copy it.
#[derive(Clone, Copy)]
pub struct Type {
    record: Record,
    release: Version,
}

/// What a [`Type`] is, seen as the API server's decoder sees it.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Fields by name.
    Object(Object),
    /// Free keys, values of one type.
    Map(Type),
    /// Items of one type.
    List(List),
    /// Text, perhaps of a closed set ([`Type::values`]).
    String,
    /// true or false.
    Bool,
    /// Integer of 32 bits, signed.
    Int32,
    /// Integer of 64 bits, signed.
    Int64,
    /// Floating-point number.
    Float64,
    /// Base64 with padding.
    Bytes,
    /// RFC 3339, seconds.
    Time,
    /// RFC 3339 with exactly six decimals of a second.
    MicroTime,
    /// Amount with a suffix: `500m`, `1Gi`. A number is accepted too.
    Quantity,
    /// Integer of 32 bits or text.
    IntOrString,
    /// Anything; the server does not look inside.
    Any,
    /// A JSON Schema (the object), or a list of them.
    SchemaOrArray(Object),
    /// A JSON Schema (the object), or a boolean.
    SchemaOrBool(Object),
    /// A JSON Schema (the object), or a list of strings.
    SchemaOrStrings(Object),
}

/// A structured type.
#[derive(Clone, Copy)]
pub struct Object {
    record: Record,
    release: Version,
}

/// One field of a structured type.
#[derive(Clone, Copy)]
pub struct Field {
    record: Record,
    release: Version,
}

/// Iterator over the fields of a structured type, by name.
#[derive(Clone, Debug)]
pub struct Fields {
    range: Range<usize>,
    release: Version,
}

/// A list type with what merges need to know of it.
#[derive(Clone, Copy)]
pub struct List {
    record: Record,
    release: Version,
}

/// How server-side apply treats a list (`x-kubernetes-list-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// One owner for the whole list. Also where nothing is declared.
    Atomic,
    /// Scalars, each of which may occur once.
    Set,
    /// Objects identified by their [`List::map_keys`].
    Map,
}

/// How a strategic merge treats a field that it does not simply merge or replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchStrategy {
    /// Fields that the patch does not name are unchecked.
    RetainKeys,
    /// The patch's value takes the place of the old one.
    Replace,
}

/// A closed set of strings.
#[derive(Clone, Copy)]
pub struct Values {
    number: usize,
    release: Version,
}

const TAG_STRING: u8 = 3;

impl Type {
    /// What the type is.
    pub fn shape(self) -> Shape {
        let Self { record, release } = self;
        let inner = || at(release, record.usize(2));
        let schema = || object_at(release, record.usize(2));
        match record.u8(0) {
            0 => Shape::Object(Object { record, release }),
            1 => Shape::Map(inner()),
            2 => Shape::List(List { record, release }),
            TAG_STRING => Shape::String,
            4 => Shape::Bool,
            5 => Shape::Int32,
            6 => Shape::Int64,
            7 => Shape::Float64,
            8 => Shape::Bytes,
            9 => Shape::Time,
            10 => Shape::MicroTime,
            11 => Shape::Quantity,
            12 => Shape::IntOrString,
            13 => Shape::Any,
            14 => Shape::SchemaOrArray(schema()),
            15 => Shape::SchemaOrBool(schema()),
            16 => Shape::SchemaOrStrings(schema()),
            tag => unreachable!("the generator writes no type tag {tag}"),
        }
    }

    /// The closed set that a string must be of, if there is one.
    pub fn values(self) -> Option<Values> {
        if self.record.u8(0) != TAG_STRING || self.record.u16(2) == 0 {
            return None;
        }
        Some(Values {
            number: self.record.usize(2) - 1,
            release: self.release,
        })
    }

    /// The structured type, where it is one.
    pub fn as_object(self) -> Option<Object> {
        match self.shape() {
            Shape::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Whether a map has one owner as a whole under server-side apply.
    pub fn is_atomic_map(self) -> bool {
        matches!(self.shape(), Shape::Map(_)) && self.record.u8(1) != 0
    }

    /// The type one step down a path: a field's, a map value's whatever the key, a list item's
    /// whatever the index or key. `None` where there is no such step.
    pub fn step(self, segment: &str) -> Option<Type> {
        match self.shape() {
            Shape::Object(object) => object.field(segment).map(Field::ty),
            Shape::Map(value) => Some(value),
            Shape::List(list) => Some(list.item()),
            _ => None,
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shape().fmt(f)
    }
}

impl Object {
    /// Its name in OpenAPI: `io.k8s.api.core.v1.Container`.
    pub fn name(self) -> &'static str {
        self.record.str(2)
    }

    /// The last part of its name: `Container`.
    pub fn short_name(self) -> &'static str {
        let name = self.name();
        name.rsplit('.').next().unwrap_or(name)
    }

    /// This type as a [`Type`].
    pub fn ty(self) -> Type {
        Type {
            record: self.record,
            release: self.release,
        }
    }

    /// Looks up a field by its JSON name, in exactly that case.
    pub fn field(self, name: &str) -> Option<Field> {
        let Range { start, end } = self.range();
        let found = layout::equal_range(end - start, |index| {
            field_record(start + index).str(0).cmp(name)
        });
        let release = self.release;
        Fields {
            range: start + found.start..start + found.end,
            release,
        }
        .next()
    }

    /// Iterates over the fields by name.
    pub fn fields(self) -> Fields {
        Fields {
            range: self.range(),
            release: self.release,
        }
    }

    /// Whether it has one owner as a whole under server-side apply.
    pub fn is_atomic(self) -> bool {
        self.record.u8(1) & self.release.mask() != 0
    }

    fn range(self) -> Range<usize> {
        let first = self.record.usize(4);
        first..first + self.record.usize(6)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Field {
    /// Its JSON name.
    pub fn name(self) -> &'static str {
        self.record.str(0)
    }

    /// The type of its value.
    pub fn ty(self) -> Type {
        at(self.release, self.record.usize(2))
    }

    /// Whether the server refuses to create an object where this is missing, null or empty,
    /// whatever the other fields are. Never set for a structured field that is no pointer:
    /// the server takes a missing one as an empty one, and demands *its* fields.
    pub fn required(self) -> bool {
        self.record.u8(4) & 1 != 0
    }

    /// Whether an empty value (`""`, `0`, `{}`) differs from a missing one for the server.
    pub fn is_pointer(self) -> bool {
        self.record.u8(4) & 2 != 0
    }

    /// Whether the server decodes the field but applies no rule to it or to what is below: its
    /// feature gate is off by default in this version, so that a create forgets it, or nothing
    /// looks at it (the pod template of a StatefulSet until 1.33).
    pub fn unchecked(self) -> bool {
        self.record.u8(4) & 16 != 0
    }

    /// The patch strategy of a field that is no list (lists: [`List::merges`]).
    pub fn strategy(self) -> Option<PatchStrategy> {
        match self.record.u8(4) & 0b1100 {
            0b0100 => Some(PatchStrategy::RetainKeys),
            0b1000 => Some(PatchStrategy::Replace),
            _ => None,
        }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.name(), self.ty())
    }
}

impl Iterator for Fields {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        let release = self.release;
        self.range
            .by_ref()
            .map(field_record)
            .find(|record| record.u8(5) & release.mask() != 0)
            .map(|record| Field { record, release })
    }
}

impl List {
    /// The type of its items.
    pub fn item(self) -> Type {
        at(self.release, self.record.usize(2))
    }

    /// How server-side apply treats it.
    pub fn list_type(self) -> ListType {
        match self.record.u8(1) & 3 {
            2 => ListType::Set,
            3 => ListType::Map,
            _ => ListType::Atomic,
        }
    }

    /// Whether [`ListType::Atomic`] is declared, not merely taken for granted.
    pub fn declares_atomic(self) -> bool {
        self.record.u8(1) & 3 == 1
    }

    /// The fields that identify an item under server-side apply; none unless [`ListType::Map`].
    pub fn map_keys(self) -> impl Iterator<Item = &'static str> {
        self.record.str(4).split(',').filter(|key| !key.is_empty())
    }

    /// Whether a strategic merge merges it item by item instead of replacing it.
    pub fn merges(self) -> bool {
        self.record.u8(1) & 4 != 0
    }

    /// The field that identifies an item under a strategic merge; none for lists of scalars
    /// and lists that are replaced.
    pub fn merge_key(self) -> Option<&'static str> {
        Some(self.record.str(6)).filter(|key| !key.is_empty())
    }

    /// Whether a strategic merge of an item drops the fields that the patch does not name.
    pub fn retains_keys(self) -> bool {
        self.record.u8(1) & 8 != 0
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}]", self.item())
    }
}

impl Values {
    /// Iterates over the values, sorted.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        let release = self.release;
        let set = Record::of(layout::SETS, layout::SET_SIZE, self.number);
        let first = set.usize(0);
        (first..first + set.usize(2))
            .map(|index| Record::of(layout::SET_VALUES, layout::SET_VALUE_SIZE, index))
            .filter(move |record| record.u8(2) & release.mask() != 0)
            .map(|record| record.str(0))
    }

    #[cfg(test)]
    pub(super) fn version(self) -> Version {
        self.release
    }

    #[cfg(test)]
    pub(super) fn number(self) -> usize {
        self.number
    }

    /// Whether `value` is one of them.
    pub fn contains(self, value: &str) -> bool {
        self.iter().any(|v| v == value)
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

pub(super) fn at(release: Version, index: usize) -> Type {
    Type {
        record: Record::of(layout::TYPES, layout::TYPE_SIZE, index),
        release,
    }
}

/// The structured type at an index that is known to hold one.
pub(super) fn object_at(release: Version, index: usize) -> Object {
    let Type { record, release } = at(release, index);
    Object { record, release }
}

pub(super) fn find_object(release: Version, name: &str) -> Option<Object> {
    let count = layout::TYPES.len() / layout::TYPE_SIZE;
    let found = layout::equal_range(count, |index| {
        let record = Record::of(layout::TYPES, layout::TYPE_SIZE, index);
        match record.u8(0) {
            0 => record.str(2).cmp(name),
            // What follows the structured types counts as greater than every name.
            _ => std::cmp::Ordering::Greater,
        }
    });
    found
        .start
        .lt(&found.end)
        .then(|| object_at(release, found.start))
}

fn field_record(index: usize) -> Record {
    Record::of(layout::FIELDS, layout::FIELD_SIZE, index)
}
