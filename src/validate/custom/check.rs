//! A value against a schema, as the server's validator checks it
//! (`k8s.io/kube-openapi/pkg/validation/validate`).

use super::super::rules::Context;
use super::format;
use super::schema::{Additional, Range, Schema, Type, float, is_integer};
use crate::manifest::{Diagnostic, Map, Node, Span};
use crate::schema::Version;
use crate::validate::fault::Faults;
use crate::validate::place::Place;

/// What a check found out.
pub(super) struct Check {
    pub(super) version: Version,
    pub(super) findings: Vec<Diagnostic>,
    /// A pattern that cannot be compiled here, so that nothing is known of the value.
    pub(super) undecided: Option<String>,
}

impl Check {
    pub(super) fn new(version: Version) -> Self {
        Self {
            version,
            findings: Vec::new(),
            undecided: None,
        }
    }

    /// Checks a value. `owner` is where its key stands, for what has no place of its own.
    pub(super) fn value(&mut self, node: &Node, schema: &Schema, place: &Place<'_>, owner: Span) {
        if !self.has_type(node, schema, place) {
            return;
        }
        self.one_of_values(node, schema, place);
        if node.is_null() {
            return;
        }
        self.combinations(node, schema, place, owner);
        if let Some(map) = node.as_map() {
            self.mapping(map, schema, place, owner);
        } else if let Some(items) = node.as_seq() {
            self.list(items, node, schema, place);
        } else if let Some(text) = node.as_str() {
            self.text(text, node, schema, place);
        } else if let Some(number) = float(node) {
            self.number(number, node, schema, place);
        }
    }

    pub(super) fn refuse(
        &mut self,
        rule: &'static str,
        message: String,
        at: Span,
        remark: &str,
        place: &Place<'_>,
        words: &str,
    ) {
        Faults::new(self.version, Context::default(), &mut self.findings)
            .refuse(rule, message, at, remark, place, words);
    }

    fn has_type(&mut self, node: &Node, schema: &Schema, place: &Place<'_>) -> bool {
        let Some(ty) = schema.ty else {
            return true;
        };
        let given = type_of(node);
        let fits = match (ty, given) {
            (_, None) => schema.nullable,
            (Type::IntOrString, Some(given)) => matches!(given, Type::Integer | Type::String),
            (Type::Number, Some(given)) => matches!(given, Type::Number | Type::Integer),
            // The server lets a list pass for a string that has a format.
            (Type::String, Some(Type::Array)) => schema
                .format
                .as_deref()
                .is_some_and(|format| format::check(format, "", self.version).is_some()),
            (ty, Some(given)) => ty == given,
        };
        if fits {
            return true;
        }
        let message = format!("this must be {}, not {}", article(ty), node.describe());
        let plain = node.as_scalar().is_some_and(|scalar| scalar.plain);
        let remark = match (ty, node.scalar_text()) {
            (Type::String, Some(text)) if plain && given.is_some() => {
                format!("write it in quotes: \"{text}\"")
            }
            (Type::Integer | Type::Number, Some(text)) if text.parse::<f64>().is_ok() => {
                format!("write it without quotes: {text}")
            }
            (Type::Boolean, Some(text @ ("true" | "false"))) => {
                format!("write it without quotes: {text}")
            }
            _ => String::new(),
        };
        let words = format!(
            "Invalid value: \"{}\": {place} in body must be of type {}: \"{}\"",
            given.map_or("null", Type::name),
            ty.name(),
            given.map_or("null", Type::name)
        );
        self.refuse("wrong-type", message, node.span, &remark, place, &words);
        false
    }

    fn one_of_values(&mut self, node: &Node, schema: &Schema, place: &Place<'_>) {
        let Some(values) = &schema.values else { return };
        let is_one = |value: &Node| !value.is_null() && value.same_value(node);
        if values.iter().any(is_one) {
            return;
        }
        let shown = |value: &Node| match value.as_str() {
            Some(text) => text.to_owned(),
            None => crate::manifest::json::to_go_json(value),
        };
        let names: Vec<String> = values.iter().map(shown).collect();
        let given = shown(node);
        let near = crate::manifest::suggest::nearest(&given, names.iter().map(String::as_str));
        let ticked: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let mut remark = format!("one of {}", ticked.join(", "));
        if let Some(near) = near {
            remark.push_str(&format!("; did you mean `{near}`?"));
        }
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let words = format!(
            "Unsupported value: \"{given}\": supported values: {}",
            quoted.join(", ")
        );
        let message = format!("`{}` cannot be `{given}`", place.field_name());
        self.refuse(
            "unsupported-value",
            message,
            node.span,
            &remark,
            place,
            &words,
        );
    }

    /// `allOf`, `anyOf`, `oneOf`, `not`.
    fn combinations(&mut self, node: &Node, schema: &Schema, place: &Place<'_>, owner: Span) {
        let version = self.version;
        let mut undecided = None;
        let mut against = |schema: &Schema| {
            let mut check = Check::new(version);
            check.value(node, schema, place, owner);
            undecided = undecided.take().or(check.undecided);
            check.findings
        };
        let all: Vec<_> = schema.all_of.iter().flat_map(&mut against).collect();
        let any: Vec<_> = schema.any_of.iter().map(&mut against).collect();
        let one: Vec<_> = schema.one_of.iter().map(&mut against).collect();
        let negated = schema.not.as_deref().map(&mut against);
        self.undecided = self.undecided.take().or(undecided);
        let not_all = !all.is_empty();
        self.findings.extend(all);
        if not_all {
            let words = format!("{place} in body must validate all the schemas (allOf)");
            self.combination(node, "this does not fit all of the schemas", place, &words);
        }
        if !any.is_empty() && !any.iter().any(Vec::is_empty) {
            let words = format!("{place} in body must validate at least one schema (anyOf)");
            self.combination(node, "this fits none of the allowed schemas", place, &words);
            self.findings.extend(fewest(any));
        }
        let fitting = one.iter().filter(|faults| faults.is_empty()).count();
        if !one.is_empty() && fitting != 1 {
            let words = format!("{place} in body must validate one and only one schema (oneOf)");
            let (message, words) = match fitting {
                0 => (
                    "this fits none of the allowed schemas",
                    format!("{words}. Found none valid"),
                ),
                n => (
                    "this fits more than one of schemas that exclude each other",
                    format!("{words}. Found {n} valid alternatives"),
                ),
            };
            self.combination(node, message, place, &words);
            self.findings
                .extend(fewest(one).into_iter().filter(|_| fitting == 0));
        }
        if negated.is_some_and(|faults| faults.is_empty()) {
            let words = format!("{place} in body must not validate the schema (not)");
            self.combination(
                node,
                "this fits a schema that it must not fit",
                place,
                &words,
            );
        }
    }

    fn combination(&mut self, node: &Node, message: &str, place: &Place<'_>, words: &str) {
        let at = first_key(node);
        self.refuse(
            "schema-combination",
            message.to_owned(),
            at,
            "",
            place,
            words,
        );
    }

    fn mapping(&mut self, map: &Map, schema: &Schema, place: &Place<'_>, owner: Span) {
        let count = i64::try_from(map.len()).unwrap_or(i64::MAX);
        self.count(count, schema.property_count, "properties", owner, place);
        for entry in map {
            let below = match (schema.property(&entry.key), &schema.additional) {
                (Some(below), _) => below,
                (None, Additional::Like(below)) => below,
                _ => continue,
            };
            let place = place.field(&entry.key);
            self.value(&entry.value, below, &place, entry.key_span);
        }
        for name in schema
            .required
            .iter()
            .filter(|name| !map.contains_key(name))
        {
            let place = place.field(name);
            let message = format!("required field `{name}` is missing");
            let remark = format!("`{place}` is required");
            self.refuse(
                "required-field",
                message,
                owner,
                &remark,
                &place,
                "Required value",
            );
        }
    }

    fn list(&mut self, items: &[Node], node: &Node, schema: &Schema, place: &Place<'_>) {
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        self.count(count, schema.item_count, "items", node.span, place);
        if let Some(below) = &schema.items {
            for (index, item) in items.iter().enumerate() {
                self.value(item, below, &place.index(index), first_key(item));
            }
        }
    }

    fn count(&mut self, count: i64, range: Range, what: &str, at: Span, place: &Place<'_>) {
        let (message, words) = if range.min.is_some_and(|min| count < min) {
            let min = range.min.unwrap_or_default();
            let words = format!("{place} in body should have at least {min} {what}");
            (
                format!("at least {min} {what} are needed here, not {count}"),
                words,
            )
        } else if range.max.is_some_and(|max| count > max) {
            let max = range.max.unwrap_or_default();
            let words = format!("Too many: {count}: must have at most {max} items");
            (
                format!("at most {max} {what} are allowed here, not {count}"),
                words,
            )
        } else {
            return;
        };
        self.refuse("wrong-count", message, at, "", place, &words);
    }

    /// The server stops at the first of length and pattern.
    fn text(&mut self, text: &str, node: &Node, schema: &Schema, place: &Place<'_>) {
        if let Some(format) = &schema.format
            && schema
                .ty
                .is_none_or(|ty| matches!(ty, Type::String | Type::IntOrString))
            && format::check(format, text, self.version) == Some(false)
        {
            let message = format!("this is no `{format}`");
            let words =
                format!("Invalid value: \"{text}\": {place} in body must be of type {format}");
            self.refuse("wrong-format", message, node.span, "", place, &words);
        }
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        let Range { min, max } = schema.length;
        if let Some(max) = max.filter(|max| length > *max) {
            let words = format!("Too long: may not be more than {max} bytes");
            let message = format!("this has {length} characters; at most {max} are allowed");
            self.refuse("wrong-length", message, node.span, "", place, &words);
        } else if let Some(min) = min.filter(|min| length < *min) {
            let words = format!("{place} in body should be at least {min} chars long");
            let message = format!("this has {length} characters; at least {min} are needed");
            self.refuse("wrong-length", message, node.span, "", place, &words);
        } else if let Some(pattern) = &schema.pattern {
            let Some(regex) = pattern.regex() else {
                let reason = format!("the pattern `{}` cannot be evaluated here", pattern.text);
                self.undecided.get_or_insert(reason);
                return;
            };
            if !regex.is_match(text) {
                let words = format!(
                    "Invalid value: \"{text}\": {place} in body should match '{}'",
                    pattern.text
                );
                let message = format!("`{text}` does not match the pattern of this field");
                let remark = format!("it must match `{}`", pattern.text);
                self.refuse("pattern", message, node.span, &remark, place, &words);
            }
        }
    }
}

/// The type of a value; `None` for null. A number without a fraction is an integer, as in Go.
fn type_of(node: &Node) -> Option<Type> {
    if node.is_null() {
        return None;
    }
    Some(if node.as_map().is_some() {
        Type::Object
    } else if node.as_seq().is_some() {
        Type::Array
    } else if node.as_bool().is_some() {
        Type::Boolean
    } else if node.as_str().is_some() {
        Type::String
    } else if is_integer(node) {
        Type::Integer
    } else {
        Type::Number
    })
}

fn article(ty: Type) -> &'static str {
    match ty {
        Type::Array => "a list",
        Type::Boolean => "true or false",
        Type::Integer => "an integer",
        Type::Number => "a number",
        Type::Object => "a mapping",
        Type::String => "a string",
        Type::IntOrString => "an integer or a string",
    }
}

/// The faults against the schema that fits best.
fn fewest(all: Vec<Vec<Diagnostic>>) -> Vec<Diagnostic> {
    all.into_iter().min_by_key(Vec::len).unwrap_or_default()
}

/// Where a mapping begins: its first key, which is what people look at.
fn first_key(node: &Node) -> Span {
    let first = node.as_map().and_then(|map| map.iter().next());
    first.map_or(node.span, |entry| entry.key_span)
}
