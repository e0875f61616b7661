//! Values made from the types alone.

use deployx::schema::{Object, Shape, Type};
use serde_json::{Map, Value, json};

use super::random::Random;
use super::values;

/// A value of a type. `name` is the field that holds it; `depth` counts what may still be nested.
pub(crate) fn value(ty: Type, name: &str, depth: usize, random: &mut Random) -> Value {
    match ty.shape() {
        Shape::Object(object) => self::object(object, depth, random),
        Shape::Map(inner) => {
            let count = random.below(3);
            let entry = |random: &mut Random| {
                let key = values::key(name, random);
                (key, value(inner, name, depth.saturating_sub(1), random))
            };
            Value::Object((0..count).map(|_| entry(random)).collect())
        }
        Shape::List(list) => {
            let count = match depth {
                0 => random.below(2),
                _ => 1 + random.below(2),
            };
            let mut item = || value(list.item(), name, depth.saturating_sub(1), random);
            Value::Array((0..count).map(|_| item()).collect())
        }
        Shape::String => {
            let choices: Vec<&str> = ty.values().map_or_else(Vec::new, |v| v.iter().collect());
            if choices.is_empty() || random.percent(5) {
                json!(values::text(name, random))
            } else {
                json!(*random.pick(&choices))
            }
        }
        Shape::Bool => json!(random.percent(50)),
        Shape::Int32 | Shape::Int64 => json!(values::number(random)),
        Shape::Float64 => json!(*random.pick(&[0.0, 1.0, 1.5, -2.0])),
        Shape::Bytes => json!(*random.pick(&["YQ==", "", "YWJj", "YQ", "{}"])),
        Shape::Time => json!(*random.pick(&[
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.5Z",
            "2024-01-01"
        ])),
        Shape::MicroTime => json!(*random.pick(&[
            "2024-01-01T00:00:00.000000Z",
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.123Z"
        ])),
        Shape::Quantity => values::quantity(random),
        Shape::IntOrString if random.percent(50) => json!(values::number(random)),
        Shape::IntOrString => json!(match random.percent(60) {
            true => (*random.pick(&["http", "25%", "80", "web", "100%"])).to_owned(),
            false => values::any_text(random),
        }),
        Shape::SchemaOrArray(object)
        | Shape::SchemaOrBool(object)
        | Shape::SchemaOrStrings(object) => self::object(object, depth.saturating_sub(1), random),
        Shape::Any => values::anything(random),
    }
}

/// A value of a structured type: what is required, and some more.
pub(crate) fn object(object: Object, depth: usize, random: &mut Random) -> Value {
    let fields: Vec<_> = object.fields().collect();
    let optional = fields.iter().filter(|field| !field.required()).count();
    // A few fields each time, however many there are.
    let wanted = if depth == 0 { 0 } else { 1 + random.below(3) };
    let mut map = Map::new();
    for field in fields {
        let take = match field.required() {
            true => !random.percent(2),
            false => random.below(optional) < wanted,
        };
        if take && field.name() != "status" {
            let below = depth.saturating_sub(1);
            map.insert(
                field.name().to_owned(),
                value(field.ty(), field.name(), below, random),
            );
        }
    }
    Value::Object(map)
}
