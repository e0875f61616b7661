//! The schema dialect of typed inputs: a closed subset of JSON Schema 2020-12 plus `x-deployx-*`.
//!
//! The subset is judged by our own walker, because every fault must be reported at once, at the
//! position of the node that brought it, with a did-you-mean; a general engine works on values
//! without positions and cannot see source text (`0644`) or patch forms. What a user's own schema
//! needs beyond the subset (`oneOf`, `if`, ...) is handed to the `jsonschema` crate, node by node.

mod check;
mod cron;
mod format;
mod image;
mod load;
mod table;
mod unknown;

pub mod export;

use std::fmt;
use std::sync::Arc;

use regex::Regex;
use smol_str::SmolStr;

use crate::manifest::{Node, Severity, Span};

pub use check::{Checked, Form, check};
pub use format::{Format, scalar_text, split_port, split_range, split_rate};
pub use image::{Image, parse_image};
pub use load::{Files, Loaded, load};
pub use table::{Row, rows};

/// What one value of an input may be.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Where the schema stands.
    pub span: Option<Span>,
    /// Kind of node; `None` where a scalar format decides, or anything goes.
    pub kind: Option<Type>,
    /// One sentence for people.
    pub description: Option<SmolStr>,
    /// Values as a user might write them.
    pub examples: Vec<Node>,
    /// Static default.
    pub default: Option<Node>,
    /// Default computed from siblings, after the static ones.
    pub computed: Option<Expression>,
    /// Whether using it is warned about.
    pub deprecated: bool,
    /// Named fields of an object, in the order declared.
    pub properties: Vec<(SmolStr, Arc<Schema>)>,
    /// Fields that must be there.
    pub required: Vec<SmolStr>,
    /// What other keys of an object may hold; `None` closes it.
    pub additional: Option<Arc<Schema>>,
    /// What keys must look like.
    pub property_names: Option<Arc<Schema>>,
    /// What the items of a list are.
    pub items: Option<Arc<Schema>>,
    /// Whether items must differ.
    pub unique_items: bool,
    /// Bounds of sizes and numbers.
    pub bounds: Bounds,
    /// `enum` and `const`.
    pub choices: Vec<Node>,
    /// Regular expression that a string must match somewhere.
    pub pattern: Option<Regex>,
    /// Format with a grammar of its own.
    pub format: Option<Format>,
    /// Exactly one of these siblings must be set.
    pub one_of: Vec<SmolStr>,
    /// At most one of these siblings may be set.
    pub at_most_one: Vec<SmolStr>,
    /// Scalar and map form of a union.
    pub forms: Option<Forms>,
    /// Rules across fields.
    pub rules: Vec<Rule>,
    /// Names that other systems use for this field.
    pub aliases: Vec<SmolStr>,
    /// Why the field is refused though its name is known.
    pub refused: Option<Refusal>,
    /// Whether values are never printed.
    pub secret: bool,
    /// Which kind of object the value names.
    pub reference: Option<SmolStr>,
    /// Whether `images:` reaches the value.
    pub image: bool,
    /// Why it cannot change, and what to do instead.
    pub immutable: Option<SmolStr>,
    /// Whether a change restarts pods.
    pub restarts: bool,
    /// Whether `null` entries are kept instead of meaning "absent".
    pub keep_null: bool,
    /// What the value becomes.
    pub targets: Vec<SmolStr>,
    /// What is beyond the subset, for the `jsonschema` crate.
    pub foreign: Option<Foreign>,
}

/// The kind of node that a schema asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A mapping.
    Object,
    /// A list.
    Array,
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Type {
    /// The name in a schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Type::Object => "object",
            Type::Array => "array",
            Type::String => "string",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::Boolean => "boolean",
        }
    }

    /// As people say it in a message.
    pub fn describe(self) -> &'static str {
        match self {
            Type::Object => "a mapping",
            Type::Array => "a list",
            Type::String => "a string",
            Type::Integer => "an integer",
            Type::Number => "a number",
            Type::Boolean => "`true` or `false`",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Type::Object,
            Type::Array,
            Type::String,
            Type::Integer,
            Type::Number,
            Type::Boolean,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// Bounds of sizes and numbers; `None` means unbounded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Smallest number.
    pub minimum: Option<f64>,
    /// Largest number.
    pub maximum: Option<f64>,
    /// Number that must be exceeded.
    pub above: Option<f64>,
    /// Number that must not be reached.
    pub below: Option<f64>,
    /// Shortest text, in characters.
    pub min_length: Option<usize>,
    /// Longest text, in characters.
    pub max_length: Option<usize>,
    /// Fewest items.
    pub min_items: Option<usize>,
    /// Most items.
    pub max_items: Option<usize>,
    /// Fewest keys.
    pub min_properties: Option<usize>,
    /// Most keys.
    pub max_properties: Option<usize>,
}

/// The only union: chosen by the kind of node.
#[derive(Clone, Debug)]
pub struct Forms {
    /// For scalars.
    pub scalar: Arc<Schema>,
    /// For mappings.
    pub map: Arc<Schema>,
}

/// An expression with its place.
#[derive(Clone, Debug)]
pub struct Expression {
    /// MiniJinja expression.
    pub text: SmolStr,
    /// Where it stands.
    pub span: Span,
}

/// A rule across fields of one object.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable identifier.
    pub id: SmolStr,
    /// MiniJinja expression that must be true.
    pub assert: Expression,
    /// What is wrong when it is not; `{field}` is replaced by the field's value.
    pub message: SmolStr,
    /// Dotted paths of the fields to point at, relative to the object.
    pub at: Vec<SmolStr>,
    /// What to do.
    pub hint: Option<SmolStr>,
    /// How much it weighs.
    pub severity: Severity,
}

/// Why a known field is refused.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// It is planned.
    NotBuilt(SmolStr),
    /// It makes no sense here.
    Never(SmolStr),
}

/// A validator for the keywords beyond the subset.
#[derive(Clone)]
pub struct Foreign(pub Arc<jsonschema::Validator>);

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Foreign")
    }
}

/// What a kind is: the `x-deployx-kind` of its schema.
#[derive(Clone, Debug)]
pub struct KindInfo {
    /// API group.
    pub group: SmolStr,
    /// API version.
    pub version: SmolStr,
    /// Kind.
    pub kind: SmolStr,
    /// Template file; `None` for a policy that becomes no object.
    pub template: Option<SmolStr>,
    /// Kind of the workload that it makes.
    pub workload: Option<SmolStr>,
    /// Value of the component label.
    pub component: Option<SmolStr>,
    /// Whether a Service selects its pods.
    pub serving: bool,
    /// Value of the track label.
    pub track: SmolStr,
    /// Longest name.
    pub name_max: usize,
}

impl Schema {
    /// Returns a named field.
    pub fn property(&self, name: &str) -> Option<&Arc<Schema>> {
        self.properties
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, schema)| schema)
    }

    /// Returns the schema of the value under a key: a named field, or that of all other keys.
    pub fn under(&self, key: &str) -> Option<&Arc<Schema>> {
        self.property(key).or(self.additional.as_ref())
    }
}
