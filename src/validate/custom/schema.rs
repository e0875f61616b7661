//! A structural schema as the server reads it from a definition, in a form that is quick to
//! check against (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema`).

use std::sync::OnceLock;

use regex::Regex;
use smol_str::SmolStr;

use crate::manifest::go_regex;
use crate::manifest::number::Number;
use crate::manifest::{Node, Scalar, Value};

/// What a value must be like.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) ty: Option<Type>,
    pub(super) nullable: bool,
    /// As written; formats that the server does not know are left out by [`super::format`].
    pub(super) format: Option<SmolStr>,
    /// Sorted by name.
    properties: Vec<(SmolStr, Schema)>,
    pub(super) additional: Additional,
    pub(super) items: Option<Box<Schema>>,
    pub(super) required: Vec<SmolStr>,
    pub(super) values: Option<Vec<Node>>,
    pub(super) pattern: Option<Pattern>,
    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) multiple_of: Option<f64>,
    pub(super) length: Range,
    pub(super) item_count: Range,
    pub(super) property_count: Range,
    pub(super) all_of: Vec<Schema>,
    pub(super) any_of: Vec<Schema>,
    pub(super) one_of: Vec<Schema>,
    pub(super) not: Option<Box<Schema>>,
    pub(super) default: Option<Node>,
    pub(super) preserve_unknown: bool,
    pub(super) embedded: bool,
    pub(super) list: ListKind,
    /// Whether it has rules in CEL, itself or below.
    pub(super) has_rules: bool,
}

/// Types of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
    /// `x-kubernetes-int-or-string`.
    IntOrString,
}

/// What a mapping may hold besides its properties.
#[derive(Debug, Default)]
pub(super) enum Additional {
    /// Nothing: it is an unknown field.
    #[default]
    None,
    /// Anything that has no fields of its own (`additionalProperties: true`).
    Any,
    /// Values like this.
    Like(Box<Schema>),
}

/// How the items of a list are told apart.
#[derive(Debug, Default)]
pub(super) enum ListKind {
    #[default]
    Atomic,
    Set,
    Map(Vec<SmolStr>),
}

/// A limit of a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) limit: f64,
    pub(super) exclusive: bool,
}

/// Limits of a count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
}

/// A regular expression, compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Pattern {
    /// As written.
    pub(super) text: SmolStr,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The compiled expression; `None` where it cannot be compiled here.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| go_regex::compile(&self.text).ok())
            .as_ref()
    }
}

impl Schema {
    /// Reads a schema. What is malformed in it counts as absent: the definition's own verdict
    /// tells of that.
    pub(super) fn read(node: &Node) -> Self {
        let get = |key: &str| node.get(key).filter(|value| !value.is_null());
        let flag = |key: &str| get(key).and_then(Node::as_bool).unwrap_or_default();
        let count = |key: &str| get(key).and_then(Node::as_i64);
        let list = |key: &str| get(key).and_then(Node::as_seq).unwrap_or_default();
        let names = |key: &str| -> Vec<SmolStr> {
            let items = list(key).iter();
            items.filter_map(Node::as_str).map(SmolStr::new).collect()
        };
        let schemas = |key: &str| -> Vec<Schema> { list(key).iter().map(Schema::read).collect() };
        let boxed = |key: &str| get(key).map(|inner| Box::new(Schema::read(inner)));
        let bound = |key: &str, exclusive: &str| {
            Some(Bound {
                limit: float(get(key)?)?,
                exclusive: flag(exclusive),
            })
        };
        let text = |key: &str| get(key).and_then(Node::as_str).filter(|t| !t.is_empty());
        let mut schema = Self {
            ty: Type::read(text("type"), flag("x-kubernetes-int-or-string")),
            nullable: flag("nullable"),
            format: text("format").map(SmolStr::new),
            properties: properties(get("properties")),
            additional: Additional::read(get("additionalProperties")),
            items: boxed("items"),
            required: names("required"),
            // An empty set closes nothing.
            values: get("enum")
                .and_then(Node::as_seq)
                .filter(|values| !values.is_empty())
                .map(<[Node]>::to_vec),
            pattern: text("pattern").map(|text| Pattern {
                text: text.into(),
                compiled: OnceLock::new(),
            }),
            minimum: bound("minimum", "exclusiveMinimum"),
            maximum: bound("maximum", "exclusiveMaximum"),
            multiple_of: get("multipleOf").and_then(float),
            length: Range {
                min: count("minLength"),
                max: count("maxLength"),
            },
            item_count: Range {
                min: count("minItems"),
                max: count("maxItems"),
            },
            property_count: Range {
                min: count("minProperties"),
                max: count("maxProperties"),
            },
            all_of: schemas("allOf"),
            any_of: schemas("anyOf"),
            one_of: schemas("oneOf"),
            not: boxed("not"),
            default: get("default").cloned(),
            preserve_unknown: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            list: match text("x-kubernetes-list-type") {
                Some("set") => ListKind::Set,
                Some("map") => ListKind::Map(names("x-kubernetes-list-map-keys")),
                _ => ListKind::Atomic,
            },
            has_rules: false,
        };
        let below = schema.properties.iter().any(|(_, inner)| inner.has_rules)
            || schema.items.iter().any(|inner| inner.has_rules)
            || matches!(&schema.additional, Additional::Like(inner) if inner.has_rules);
        schema.has_rules = below || !list("x-kubernetes-validations").is_empty();
        schema
    }

    /// The schema of a property.
    pub(super) fn property(&self, name: &str) -> Option<&Schema> {
        let found = self
            .properties
            .binary_search_by(|(own, _)| own.as_str().cmp(name));
        found.ok().map(|index| &self.properties[index].1)
    }

    /// The properties by name.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.properties.iter().map(|(name, s)| (name.as_str(), s))
    }

    /// The schema of a key: a property's, or that of all other keys.
    pub(super) fn key(&self, name: &str) -> Option<&Schema> {
        self.property(name).or(match &self.additional {
            Additional::Like(schema) => Some(schema),
            _ => None,
        })
    }
}

impl Type {
    fn read(name: Option<&str>, int_or_string: bool) -> Option<Self> {
        if int_or_string {
            return Some(Type::IntOrString);
        }
        Some(match name? {
            "array" => Type::Array,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "object" => Type::Object,
            "string" => Type::String,
            _ => return None,
        })
    }

    /// The name in the server's messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Array => "array",
            Type::Boolean => "boolean",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::Object => "object",
            Type::String => "string",
            Type::IntOrString => "integer,string",
        }
    }
}

impl Additional {
    fn read(node: Option<&Node>) -> Self {
        match node {
            Some(node) if node.as_map().is_some() => Self::Like(Box::new(Schema::read(node))),
            Some(node) if node.as_bool() == Some(true) => Self::Any,
            _ => Self::None,
        }
    }
}

fn properties(node: Option<&Node>) -> Vec<(SmolStr, Schema)> {
    let entries = node.and_then(Node::as_map).into_iter().flatten();
    let mut properties: Vec<_> = entries
        .map(|entry| (entry.key.clone(), Schema::read(&entry.value)))
        .collect();
    properties.sort_by(|a, b| a.0.cmp(&b.0));
    properties
}

/// The value of a number.
pub(super) fn float(node: &Node) -> Option<f64> {
    match number(node)? {
        Number::Float(value) => Some(value),
        #[expect(
            clippy::cast_precision_loss,
            reason = "the server compares numbers as float64 too"
        )]
        Number::Int(value) => Some(value as f64),
    }
}

/// Whether a number is an integer for the server: one that it reads as int64, or a float without
/// a fraction that float64 holds exactly, give or take the error of a division
/// (`swag.IsFloat64AJSONInteger`).
pub(super) fn is_integer(node: &Node) -> bool {
    match number(node) {
        Some(Number::Int(value)) if i64::try_from(value).is_ok() => true,
        Some(_) => float(node).is_some_and(is_json_integer),
        None => false,
    }
}

/// The same for a quotient.
pub(super) fn is_json_integer(value: f64) -> bool {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    let whole = value.trunc();
    let error = (value - whole).abs() / (value.abs() + whole.abs());
    value.abs() <= LARGEST && (value.fract() == 0.0 || whole != 0.0 && error < 1e-9)
}

/// A number as the reader took it.
fn number(node: &Node) -> Option<Number> {
    match &node.value {
        Value::Scalar(scalar) => Scalar::as_number(scalar),
        _ => None,
    }
}
