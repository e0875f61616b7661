//! A number against the bounds of its schema (`validator.go` and `values.go` of kube-openapi). A
//! whole number is compared as one, with bounds that have lost what stands behind their point.

use super::check::Check;
use super::schema::{Bound, Schema, Type, is_json_integer};
use crate::manifest::Node;
use crate::validate::place::Place;

/// The version since which a number, and each bound, must be of the type and format of the schema.
const CHECKS_TYPES: u8 = 36;
/// 2^63, beyond which no number is whole to the server.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

impl Check {
    /// Checks a number.
    pub(super) fn number(&mut self, number: f64, node: &Node, schema: &Schema, place: &Place<'_>) {
        let typed = self.version.minor() >= CHECKS_TYPES;
        if typed {
            self.bounds(node, schema, place);
        }
        let is_whole = number.fract() == 0.0 && number.abs() < TOO_LARGE;
        let read = |limit: f64| match is_whole && (!typed || is_of_type(limit, schema)) {
            true => whole(limit),
            false => limit,
        };
        let mut faults = Vec::new();
        if let Some(kind) = too_wide(number, schema).filter(|_| typed) {
            faults.push(kind.to_owned());
        }
        let compare = |bound: Bound, is_beyond: fn(f64, f64) -> bool, than: &str| {
            let limit = read(bound.limit);
            #[expect(clippy::float_cmp, reason = "the server compares them like this")]
            let is_at = bound.exclusive && number == limit;
            let or_equal = if bound.exclusive { "" } else { " or equal to" };
            (is_beyond(number, limit) || is_at).then(|| match or_equal {
                "" => format!("{than} than {limit}"),
                _ => format!("{than} than{or_equal} {limit}"),
            })
        };
        faults.extend(
            schema
                .minimum
                .and_then(|bound| compare(bound, |a, b| a < b, "greater")),
        );
        faults.extend(
            schema
                .maximum
                .and_then(|bound| compare(bound, |a, b| a > b, "less")),
        );
        if let Some(factor) = schema.multiple_of.map(read)
            && !is_multiple(number, factor)
        {
            faults.push(match factor {
                ..=0.0 => format!(
                    "a multiple of a factor above 0, which for whole numbers is {factor} here"
                ),
                factor => format!("a multiple of {factor}"),
            });
        }
        let text = node.scalar_text().unwrap_or_default();
        for fault in faults {
            let words = format!("Invalid value: {text}: {place} in body should be {fault}");
            let message = format!("`{text}` is out of range");
            let remark = format!("it must be {fault}");
            self.refuse("out-of-range", message, node.span, &remark, place, &words);
        }
    }

    /// The bounds themselves must be of the type: no number is accepted where they are not.
    fn bounds(&mut self, node: &Node, schema: &Schema, place: &Place<'_>) {
        let limit = |bound: Option<Bound>| bound.map(|bound| bound.limit);
        for (name, words, bound) in [
            ("multipleOf", "MultipleOf", schema.multiple_of),
            ("maximum", "Maximum boundary", limit(schema.maximum)),
            ("minimum", "Minimum boundary", limit(schema.minimum)),
        ] {
            if bound.is_none_or(|bound| is_of_type(bound, schema)) {
                continue;
            }
            let ty = schema.ty.map_or("number", Type::name);
            let form = match &schema.format {
                Some(format) => format!("with format {format}"),
                None => "(default format)".to_owned(),
            };
            let words =
                format!("Invalid value: {words} value must be of type {ty} {form} in {place}");
            let message = format!("no number fits the schema: its `{name}` is not of its type");
            self.refuse("out-of-range", message, node.span, "", place, &words);
        }
    }
}

/// What a number should be that is too large for its format.
fn too_wide(number: f64, schema: &Schema) -> Option<&'static str> {
    match (schema.ty, schema.format.as_deref()) {
        (Some(Type::Integer), Some("int32")) if !is_of_type(number, schema) => {
            Some("a whole number of 32 bits")
        }
        (Some(Type::Number), Some("float")) if !is_of_type(number, schema) => {
            Some("a number of 32 bits")
        }
        _ => None,
    }
}

/// Whether a number can be one of a schema's type and format (`IsValueValidAgainstRange`).
fn is_of_type(number: f64, schema: &Schema) -> bool {
    let format = schema.format.as_deref().unwrap_or_default();
    let (least, most) = match (schema.ty, format) {
        (Some(Type::Integer), "int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
        // The largest number of 64 bits is no float; this is the nearest below it.
        (Some(Type::Integer), _) => (-TOO_LARGE, 9_223_372_036_854_774_784.0),
        (_, "float" | "float32") => (f64::from(f32::MIN), f64::from(f32::MAX)),
        _ => return true,
    };
    let is_whole = schema.ty != Some(Type::Integer) || number.fract() == 0.0;
    is_whole && (least..=most).contains(&number)
}

/// A bound as Go converts it to a whole number.
fn whole(limit: f64) -> f64 {
    match limit.abs() < TOO_LARGE {
        true => limit.trunc(),
        false => -TOO_LARGE,
    }
}

fn is_multiple(number: f64, factor: f64) -> bool {
    factor > 0.0
        && is_json_integer(if factor < 1.0 {
            1.0 / factor * number
        } else {
            number / factor
        })
}
