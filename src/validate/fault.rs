//! The words for what is wrong with the structure of an object.

use super::place::Place;
use super::rules::Context;
use super::scalar::TimeForm;
use super::server_says;
use super::view::Finding;
use crate::manifest::suggest::nearest;
use crate::manifest::{Diagnostic, Node, Span};
use crate::schema::{Field, Object, Shape, Type, Values, Version};

/// Collects findings.
pub(super) struct Faults<'f> {
    version: Version,
    context: Context,
    findings: &'f mut Vec<Diagnostic>,
}

impl<'f> Faults<'f> {
    /// Creates a collector that adds to `findings`.
    pub(super) fn new(
        version: Version,
        context: Context,
        findings: &'f mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            version,
            context,
            findings,
        }
    }

    /// What the rules know of the object.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// A field that the type does not have. Returns the field that was probably meant.
    pub(super) fn unknown_field(
        &mut self,
        name: &str,
        at: Span,
        object: Object,
        place: &Place<'_>,
    ) -> Option<&'static str> {
        let near = nearest(name, object.fields().map(Field::name));
        let remark = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
        let message = format!("unknown field `{name}` in {}", object.short_name());
        let path = place.field(name).decoded();
        let words = format!("strict decoding error: unknown field \"{path}\"");
        let finding = Diagnostic::error("unknown-field", message)
            .at(at, remark)
            .field(path)
            .note(server_says(self.version, words));
        self.findings.push(finding);
        near
    }

    /// A value of another type than the field's.
    pub(super) fn wrong_type(&mut self, node: &Node, ty: Type, place: &Place<'_>) {
        let (expected, given) = (expected(ty), node.describe());
        let remark = match (ty.shape(), node.scalar_text()) {
            (Shape::String | Shape::Bytes | Shape::IntOrString, Some(text)) if is_plain(node) => {
                format!("write it in quotes: \"{text}\"")
            }
            (Shape::Int32 | Shape::Int64 | Shape::Float64, Some(text))
                if text.parse::<f64>().is_ok() =>
            {
                format!("write it without quotes: {text}")
            }
            (Shape::Bool, Some(text @ ("true" | "false"))) => {
                format!("write it without quotes: {text}")
            }
            _ => format!("{expected} is expected"),
        };
        let message = format!("this must be {expected}, not {given}");
        self.add("wrong-type", message, node.span, remark, place, None);
    }

    /// A number that the field's type cannot hold.
    pub(super) fn out_of_range(&mut self, node: &Node, go_type: &str, place: &Place<'_>) {
        let text = node.scalar_text().unwrap_or_default();
        let (bits, limit) = match go_type {
            "int32" => (32, "-2147483648 to 2147483647"),
            _ => (64, "-9223372036854775808 to 9223372036854775807"),
        };
        let message = format!("`{text}` is no integer of {bits} bits");
        let remark = format!("a whole number from {limit}");
        self.add("out-of-range", message, node.span, remark, place, None);
    }

    /// A text that is checked against a closed set.
    pub(super) fn one_of(&mut self, text: &str, values: Values, at: Span, place: &Place<'_>) {
        if values.contains(text) {
            return;
        }
        let ticked: Vec<_> = values
            .iter()
            .filter(|value| !value.is_empty())
            .map(|value| format!("`{value}`"))
            .collect();
        let mut remark = match ticked.split_last() {
            Some((last, head)) if !head.is_empty() => format!("{} or {last}", head.join(", ")),
            _ => ticked.concat(),
        };
        if let Some(near) = nearest(text, values.iter()).filter(|_| ticked.len() > 1) {
            remark.push_str(&format!("; did you mean `{near}`?"));
        }
        let quoted: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
        let quoted = quoted.join(", ");
        let words = format!("Unsupported value: \"{text}\": supported values: {quoted}");
        // The server means the whole strategy.
        let place = match place.parent() {
            Some(above)
                if place.field_name() == "type"
                    && matches!(above.field_name(), "strategy" | "updateStrategy") =>
            {
                above
            }
            _ => place,
        };
        let message = match (place.field_name(), text) {
            (name, "") => format!("`{name}` cannot be empty"),
            (name, text) => format!("`{name}` cannot be `{text}`"),
        };
        self.add(
            "unsupported-value",
            message,
            at,
            remark,
            place,
            Some(&words),
        );
    }

    /// A required field that is not there.
    pub(super) fn missing(&mut self, field: Field, place: &Place<'_>, at: Span) {
        let message = format!("required field `{}` is missing", field.name());
        let remark = format!("`{place}` is required");
        let words = "Required value";
        self.add("required-field", message, at, remark, place, Some(words));
    }

    /// A required field that is there, but has the value of one that is not.
    pub(super) fn empty(&mut self, field: Field, place: &Place<'_>, at: Span) {
        let place = place.field(field.name());
        let what = match field.ty().shape() {
            Shape::List(_) | Shape::Map(_) => "empty",
            Shape::Int32 | Shape::Int64 => "0",
            _ => "empty or 0",
        };
        let message = format!("required field `{}` is {what}", field.name());
        let words = "Required value";
        self.add("required-field", message, at, "", &place, Some(words));
    }

    /// A text that is no quantity.
    pub(super) fn quantity(&mut self, text: &str, words: &str, at: Span, place: &Place<'_>) {
        let remark = quantity_remark(text);
        let message = format!("`{text}` is no quantity");
        self.add("invalid-quantity", message, at, remark, place, Some(words));
    }

    /// A text that is no base64.
    pub(super) fn base64(&mut self, words: &str, at: Span, place: &Place<'_>) {
        let remark = if place.to_string().starts_with("data[") {
            "plain text belongs in `stringData`"
        } else {
            "base64 with padding is expected"
        };
        let message = "this is not base64".to_owned();
        self.add("invalid-base64", message, at, remark, place, Some(words));
    }

    /// A text that is no time.
    pub(super) fn time(&mut self, text: &str, form: TimeForm, at: Span, place: &Place<'_>) {
        let remark = format!("write it as `{}`", form.example());
        let message = format!("`{text}` is no time");
        self.add("invalid-time", message, at, remark, place, None);
    }

    /// The version of Kubernetes whose server speaks.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// What a rule found at a field.
    pub(super) fn found(&mut self, field: String, at: Span, finding: Finding<'_>) {
        let Finding {
            rule,
            message,
            remark,
            words,
        } = finding;
        let finding = Diagnostic::error(rule, message)
            .at(at, remark)
            .field(field)
            .note(server_says(self.version, words));
        self.findings.push(finding);
    }

    /// Anything else that the server refuses, with its own words.
    pub(super) fn refuse(
        &mut self,
        rule: &'static str,
        message: String,
        at: Span,
        remark: &str,
        place: &Place<'_>,
        words: &str,
    ) {
        self.add(rule, message, at, remark, place, Some(words));
    }

    fn add(
        &mut self,
        rule: &'static str,
        message: String,
        at: Span,
        remark: impl Into<String>,
        place: &Place<'_>,
        words: Option<&str>,
    ) {
        let mut finding = Diagnostic::error(rule, message)
            .at(at, remark)
            .field(place.to_string());
        if let Some(words) = words {
            finding = finding.note(server_says(self.version, words));
        }
        self.findings.push(finding);
    }
}

/// What a type accepts, as people say it.
fn expected(ty: Type) -> &'static str {
    match ty.shape() {
        Shape::Object(_) | Shape::Map(_) => "a mapping",
        Shape::List(_) => "a list",
        Shape::String | Shape::SchemaOrStrings(_) => "a string",
        Shape::Bool => "true or false",
        Shape::Int32 | Shape::Int64 => "an integer",
        Shape::Float64 => "a number",
        Shape::Bytes => "base64 text",
        Shape::Time | Shape::MicroTime => "a time",
        Shape::Quantity => "a quantity such as `100m` or `1Gi`",
        Shape::IntOrString => "an integer or a string",
        Shape::SchemaOrArray(_) => "a schema or a list of schemas",
        Shape::SchemaOrBool(_) => "a schema, true or false",
        Shape::Any => "anything",
    }
}

fn is_plain(node: &Node) -> bool {
    node.as_scalar().is_some_and(|scalar| scalar.plain)
}

/// What to write instead of a text that is nearly a quantity.
fn quantity_remark(text: &str) -> String {
    let number = text.trim().trim_end_matches(|c: char| !c.is_ascii_digit());
    let suffix = text.trim()[number.len()..].trim();
    let right = match suffix.to_ascii_lowercase().as_str() {
        "k" => "k",
        "mb" | "m" => "M",
        "gb" | "g" => "G",
        "tb" | "t" => "T",
        "ki" | "kib" | "kb" => "Ki",
        "mi" | "mib" => "Mi",
        "gi" | "gib" => "Gi",
        "ti" | "tib" => "Ti",
        _ => "",
    };
    if right.is_empty() || number.is_empty() || number.parse::<f64>().is_err() {
        "a number with one of the suffixes n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei".into()
    } else {
        format!("did you mean `{number}{right}`?")
    }
}
