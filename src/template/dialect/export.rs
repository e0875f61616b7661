//! Plain JSON Schema for editors, compiled from a schema of the dialect.

use serde_json::{Map, Value, json};

use crate::manifest::json::to_json;

use super::{Format, KindInfo, Refusal, Schema, Type};

/// What the exported schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Whole resources.
    Resources,
    /// Strategic-merge patches: nothing is required, `null` is allowed everywhere.
    Patches,
}

/// Compiles the schema of a kind, wrapped in `apiVersion`, `kind` and `metadata`.
pub fn resource(info: &KindInfo, schema: &Schema, form: For) -> Value {
    let api_version = format!("{}/{}", info.group, info.version);
    let mut required = vec!["apiVersion", "kind", "metadata"];
    if form == For::Resources && !schema.required.is_empty() {
        required.push("spec");
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": info.kind.as_str(),
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": {
            "apiVersion": {"const": api_version},
            "kind": {"const": info.kind.as_str()},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": info.name_max, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
                    "namespace": {"type": "string"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "annotations": {"type": "object", "additionalProperties": {"type": "string"}}
                }
            },
            "spec": compile(schema, form)
        }
    })
}

/// One schema for all kinds: the `kind` of a document decides.
pub fn all<'k>(kinds: impl Iterator<Item = (&'k KindInfo, &'k Schema)>, form: For) -> Value {
    let branches: Vec<Value> = kinds
        .map(|(info, schema)| {
            let api_version = format!("{}/{}", info.group, info.version);
            json!({
                "if": {
                    "required": ["apiVersion", "kind"],
                    "properties": {
                        "apiVersion": {"const": api_version},
                        "kind": {"const": info.kind.as_str()}
                    }
                },
                "then": resource(info, schema, form)
            })
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Typed resources of deployx",
        "allOf": branches
    })
}

fn compile(schema: &Schema, form: For) -> Value {
    let plain = bare(schema, form);
    if form == For::Patches && schema.refused.is_none() {
        return json!({"anyOf": [plain, {"type": "null"}]});
    }
    plain
}

fn bare(schema: &Schema, form: For) -> Value {
    if let Some(Refusal::NotBuilt(why) | Refusal::Never(why)) = &schema.refused {
        return json!({"not": {}, "description": why.as_str()});
    }
    let mut out = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.to_owned(), value);
        }
    };
    put("description", description(schema).map(Value::from));
    put("default", schema.default.as_ref().map(to_json));
    put("deprecated", schema.deprecated.then_some(Value::Bool(true)));
    let examples: Vec<Value> = schema.examples.iter().map(to_json).collect();
    put("examples", (!examples.is_empty()).then(|| examples.into()));
    if let Some(forms) = &schema.forms {
        let forms = [bare(&forms.scalar, form), bare(&forms.map, form)];
        put("oneOf", Some(forms.to_vec().into()));
        return Value::Object(out);
    }
    put("type", types(schema));
    let choices: Vec<Value> = schema.choices.iter().map(to_json).collect();
    put("enum", (!choices.is_empty()).then(|| choices.into()));
    let pattern = schema
        .pattern
        .as_ref()
        .map(|pattern| pattern.as_str().into());
    put("pattern", pattern);
    put(
        "items",
        schema.items.as_ref().map(|items| bare(items, form)),
    );
    put(
        "uniqueItems",
        schema.unique_items.then_some(Value::Bool(true)),
    );
    bounds(schema, form, &mut put);
    if schema.kind == Some(Type::Object) {
        object(schema, form, &mut put);
    }
    Value::Object(out)
}

fn bounds(schema: &Schema, form: For, put: &mut dyn FnMut(&str, Option<Value>)) {
    let bounds = &schema.bounds;
    let whole = |least: Option<usize>| least.filter(|_| form == For::Resources);
    put("minimum", bounds.minimum.map(Value::from));
    put("maximum", bounds.maximum.map(Value::from));
    put("exclusiveMinimum", bounds.above.map(Value::from));
    put("exclusiveMaximum", bounds.below.map(Value::from));
    put("minLength", bounds.min_length.map(Value::from));
    put("maxLength", bounds.max_length.map(Value::from));
    put("minItems", whole(bounds.min_items).map(Value::from));
    put("maxItems", bounds.max_items.map(Value::from));
    put(
        "minProperties",
        whole(bounds.min_properties).map(Value::from),
    );
    put("maxProperties", bounds.max_properties.map(Value::from));
}

fn object(schema: &Schema, form: For, put: &mut dyn FnMut(&str, Option<Value>)) {
    let properties: Map<String, Value> = schema
        .properties
        .iter()
        .map(|(name, property)| (name.to_string(), compile(property, form)))
        .collect();
    put(
        "properties",
        (!properties.is_empty()).then(|| properties.into()),
    );
    let additional = match &schema.additional {
        None => Value::Bool(false),
        Some(each) => compile(each, form),
    };
    put("additionalProperties", Some(additional));
    let names = schema.property_names.as_ref();
    put("propertyNames", names.map(|names| bare(names, form)));
    if form == For::Patches {
        return;
    }
    let required: Vec<&str> = schema.required.iter().map(AsRef::as_ref).collect();
    put("required", (!required.is_empty()).then(|| required.into()));
    let one = |names: &[smol_str::SmolStr]| -> Vec<Value> {
        names
            .iter()
            .map(|name| json!({"required": [name.as_str()]}))
            .collect()
    };
    if !schema.one_of.is_empty() {
        put("oneOf", Some(one(&schema.one_of).into()));
    } else if !schema.at_most_one.is_empty() {
        let none = json!({"not": {"anyOf": one(&schema.at_most_one)}});
        let mut branches = one(&schema.at_most_one);
        branches.push(none);
        put("oneOf", Some(branches.into()));
    }
}

/// The node kinds that an editor should accept; scalar formats take more than one.
fn types(schema: &Schema) -> Option<Value> {
    match (schema.kind, schema.format) {
        (Some(kind), _) => Some(kind.as_str().into()),
        (None, Some(Format::EnvLiteral)) => Some(json!(["string", "integer", "boolean"])),
        (None, Some(Format::CpuRange | Format::MemoryRange | Format::Quantity)) => {
            Some(json!(["string", "number"]))
        }
        (None, Some(format)) if format.takes_numbers() => Some(json!(["string", "integer"])),
        (None, Some(_)) => Some("string".into()),
        (None, None) => None,
    }
}

fn description(schema: &Schema) -> Option<String> {
    let mut text = schema.description.as_deref()?.to_owned();
    if let Some(format) = schema.format {
        text.push_str(&format!(
            " Format: {}, for example `{}`.",
            format.describe(),
            format.example()
        ));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Sources;
    use crate::template::Library;

    #[test]
    fn editors_take_what_deployx_takes() {
        let sources = Sources::new();
        let empty = tempfile::tempdir().unwrap();
        let library = Library::load(empty.path(), &sources).unwrap();
        let kind = library
            .kind("deployx.dev", "WebService", &sources)
            .unwrap()
            .unwrap();
        let judge = |form| {
            let schema = resource(&kind.info, &kind.schema, form);
            jsonschema::validator_for(&schema).unwrap()
        };
        let resource = |spec: Value| json!({"apiVersion": "deployx.dev/v1", "kind": "WebService", "metadata": {"name": "a"}, "spec": spec});
        let whole = judge(For::Resources);
        for (spec, good) in [
            (json!({"image": "a:1", "ports": {"http": 80}}), true),
            (
                json!({"image": "a:1", "ports": {"http": "80/tcp"}, "env": {"A": 1, "B": {"secret": "s"}}}),
                true,
            ),
            (
                json!({"image": "a:1", "ports": {"http": 80}, "health": {"ready": {"http": "/a"}}}),
                true,
            ),
            (
                json!({"image": "a:1", "ports": {"http": 80}, "health": {"ready": {"every": "9s"}}}),
                true,
            ),
            (json!({"image": "a:1"}), false),
            (
                json!({"image": "a:1", "ports": {"http": 80}, "replica": 1}),
                false,
            ),
            (
                json!({"image": "a:1", "ports": {"http": 80}, "metrics": {}}),
                false,
            ),
            (
                json!({"image": "a:1", "ports": {"http": 80}, "env": {"A": {"secret": "s", "config": "c"}}}),
                false,
            ),
            (
                json!({"image": "a:1", "ports": {"http": 80}, "health": {"ready": {"http": "/a", "tcp": true}}}),
                false,
            ),
        ] {
            assert_eq!(whole.is_valid(&resource(spec.clone())), good, "{spec}");
        }
        let patch = judge(For::Patches);
        assert!(patch.is_valid(&resource(json!({"replicas": null, "env": {"A": null}}))));
        assert!(!patch.is_valid(&resource(json!({"replcas": 1}))));
        let every = all(
            std::iter::once((&kind.info, kind.schema.as_ref())),
            For::Resources,
        );
        let every = jsonschema::validator_for(&every).unwrap();
        assert!(!every.is_valid(&resource(json!({"image": "a"}))));
        assert!(every.is_valid(&json!({"kind": "Other"})));
    }
}
