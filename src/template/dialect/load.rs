//! Reads schemas: every keyword is known, every object says what else it may hold, every
//! reference resolves. This is the check of a schema against the dialect.

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;
use smol_str::SmolStr;

use crate::manifest::json::to_json;
use crate::manifest::{Diagnostic, Diagnostics, Node, Severity, Span, suggest};

use super::{Expression, Foreign, Format, Forms, KindInfo, Refusal, Rule, Schema, Type};

/// Keywords of the subset that have no meaning for judging.
const PASSIVE: [&str; 8] = [
    "$schema",
    "$id",
    "$defs",
    "$comment",
    "title",
    "x-deployx-kind",
    "x-deployx-shared-rules",
    "x-deployx-since",
];

/// Keywords of JSON Schema beyond the subset, judged by the `jsonschema` crate.
const FOREIGN: [&str; 13] = [
    "oneOf",
    "anyOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependentRequired",
    "contains",
    "minContains",
    "maxContains",
    "multipleOf",
];

/// Where schemas that a `$ref` names are found: by file name, without a folder.
pub trait Files {
    /// Returns the root of a schema file; `deployx:common` is `common.schema.json`.
    fn file(&mut self, name: &str) -> Option<Node>;
}

impl<F: FnMut(&str) -> Option<Node>> Files for F {
    fn file(&mut self, name: &str) -> Option<Node> {
        self(name)
    }
}

/// A schema file that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the kind is, where the file declares one.
    pub kind: Option<KindInfo>,
    /// The schema of `spec`.
    pub schema: Arc<Schema>,
}

/// Reads the schema file `name`.
///
/// # Errors
/// Every fault of it and of what it refers to.
pub fn load(name: &str, files: &mut dyn Files) -> Result<Loaded, Diagnostics> {
    let mut loader = Loader {
        files,
        roots: HashMap::new(),
        done: HashMap::new(),
        open: Vec::new(),
        faults: Vec::new(),
    };
    let Some(root) = loader.root(name) else {
        return Err(Diagnostic::error("schema", format!("there is no schema `{name}`")).into());
    };
    let schema = loader.schema(name, &root);
    let kind = match root.get("x-deployx-kind") {
        Some(node) => loader.kind_info(node),
        // A file of `$defs` alone is there to be referred to.
        None => root.get("properties").and_then(|_| named_after_file(name)),
    };
    if loader.faults.is_empty() {
        Ok(Loaded { kind, schema })
    } else {
        Err(Diagnostics(loader.faults))
    }
}

/// The kind of a schema that declares none: files are called after their kind
/// (`web-crawler.schema.json`, with `web-crawler.yaml.j2` beside it).
fn named_after_file(file: &str) -> Option<KindInfo> {
    let stem = file.strip_suffix(".schema.json")?;
    let pascal = stem.split('-').map(|word| {
        let (head, tail) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        head.to_uppercase() + tail
    });
    Some(KindInfo {
        group: "deployx.dev".into(),
        version: "v1".into(),
        kind: pascal.collect::<String>().into(),
        template: Some(format!("{stem}.yaml.j2").into()),
        workload: None,
        component: None,
        serving: false,
        track: "main".into(),
        name_max: 63,
    })
}

struct Loader<'f> {
    files: &'f mut dyn Files,
    roots: HashMap<String, Node>,
    done: HashMap<(String, String), Arc<Schema>>,
    open: Vec<(String, String)>,
    faults: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn root(&mut self, name: &str) -> Option<Node> {
        if let Some(root) = self.roots.get(name) {
            return Some(root.clone());
        }
        let root = self.files.file(name)?;
        self.roots.insert(name.to_owned(), root.clone());
        Some(root)
    }

    fn fault(&mut self, span: Span, message: impl Into<String>) {
        self.faults
            .push(Diagnostic::error("schema", message).at(span, ""));
    }

    fn schema(&mut self, file: &str, node: &Node) -> Arc<Schema> {
        let Some(map) = node.as_map() else {
            self.fault(
                node.span,
                format!("a schema is a mapping, not {}", node.describe()),
            );
            return Arc::default();
        };
        let mut schema = match map.get("$ref") {
            Some(reference) => self.referred(file, reference).as_ref().clone(),
            None => Schema::default(),
        };
        schema.span = Some(node.span);
        let mut foreign = Vec::new();
        for entry in map {
            let (key, value) = (entry.key.as_str(), &entry.value);
            if FOREIGN.contains(&key) {
                foreign.push((key.to_owned(), to_json(value)));
            } else if !PASSIVE.contains(&key)
                && key != "$ref"
                && !self.structure(file, &mut schema, key, value)
                && !self.bounds(&mut schema, key, value)
                && !self.extension(file, &mut schema, key, value)
            {
                self.unknown_keyword(key, entry.key_span);
            }
        }
        self.close(file, &mut schema, node, foreign);
        Arc::new(schema)
    }

    /// Checks that hold for a schema as a whole.
    fn close(
        &mut self,
        file: &str,
        schema: &mut Schema,
        node: &Node,
        foreign: Vec<(String, serde_json::Value)>,
    ) {
        let says = |key: &str| node.get(key).is_some();
        if schema.kind == Some(Type::Object) && !says("additionalProperties") && !says("$ref") {
            self.fault(
                node.span,
                "an object must say `additionalProperties`: `false`, or a schema for a map",
            );
        }
        let scalar = schema.format.is_some_and(Format::takes_numbers);
        if scalar && schema.kind.is_some() {
            self.fault(
                node.span,
                "this format takes numbers and strings: it stands without `type`",
            );
        }
        for name in &schema.required.clone() {
            if schema.additional.is_none() && schema.property(name).is_none() {
                self.fault(node.span, format!("`{name}` is required but not declared"));
            }
        }
        if foreign.is_empty() {
            return;
        }
        let mut json: serde_json::Map<String, serde_json::Value> = foreign.into_iter().collect();
        if let Some(defs) = self.roots.get(file).and_then(|root| root.get("$defs")) {
            json.insert("$defs".into(), to_json(defs));
        }
        match jsonschema::validator_for(&serde_json::Value::Object(json)) {
            Ok(validator) => schema.foreign = Some(Foreign(Arc::new(validator))),
            Err(error) => self.fault(node.span, format!("not a JSON schema: {error}")),
        }
    }

    fn structure(&mut self, file: &str, schema: &mut Schema, key: &str, value: &Node) -> bool {
        match key {
            "type" => match value.as_str().and_then(Type::parse) {
                Some(kind) => schema.kind = Some(kind),
                None => self.fault(
                    value.span,
                    "`type` is one name: object, array, string, integer, number or boolean",
                ),
            },
            "description" => schema.description = self.text(value),
            "examples" => schema.examples = value.as_seq().unwrap_or_default().to_vec(),
            "default" => schema.default = Some(value.clone()),
            "deprecated" => schema.deprecated = self.flag(value),
            "properties" => {
                for entry in value.as_map().into_iter().flatten() {
                    let property = self.schema(file, &entry.value);
                    match schema.properties.iter_mut().find(|(k, _)| *k == entry.key) {
                        Some(slot) => slot.1 = property,
                        None => schema.properties.push((entry.key.clone(), property)),
                    }
                }
            }
            "required" => schema.required = self.names(value),
            "additionalProperties" => {
                schema.additional = match value.as_bool() {
                    Some(false) => None,
                    Some(true) => {
                        self.fault(
                            value.span,
                            "`additionalProperties` is `false` or a schema; `{}` takes anything",
                        );
                        None
                    }
                    None => Some(self.schema(file, value)),
                }
            }
            "propertyNames" => schema.property_names = Some(self.schema(file, value)),
            "items" => schema.items = Some(self.schema(file, value)),
            "uniqueItems" => schema.unique_items = self.flag(value),
            "enum" => schema.choices = value.as_seq().unwrap_or_default().to_vec(),
            "const" => schema.choices = vec![value.clone()],
            "pattern" => match value.as_str().map(Regex::new) {
                Some(Ok(regex)) => schema.pattern = Some(regex),
                _ => self.fault(value.span, "`pattern` is not a regular expression"),
            },
            "format" => match value.as_str().and_then(Format::parse) {
                Some(format) => schema.format = Some(format),
                None => self.unknown_format(value),
            },
            _ => return false,
        }
        true
    }

    fn bounds(&mut self, schema: &mut Schema, key: &str, value: &Node) -> bool {
        let bounds = &mut schema.bounds;
        let number = value
            .as_scalar()
            .and_then(crate::manifest::Scalar::as_number)
            .map(crate::manifest::number::Number::as_f64);
        let size = value.as_i64().and_then(|n| usize::try_from(n).ok());
        let known = match key {
            "minimum" => (&mut bounds.minimum).set(number),
            "maximum" => (&mut bounds.maximum).set(number),
            "exclusiveMinimum" => (&mut bounds.above).set(number),
            "exclusiveMaximum" => (&mut bounds.below).set(number),
            "minLength" => (&mut bounds.min_length).set(size),
            "maxLength" => (&mut bounds.max_length).set(size),
            "minItems" => (&mut bounds.min_items).set(size),
            "maxItems" => (&mut bounds.max_items).set(size),
            "minProperties" => (&mut bounds.min_properties).set(size),
            "maxProperties" => (&mut bounds.max_properties).set(size),
            _ => return false,
        };
        if !known {
            self.fault(value.span, format!("`{key}` must be a number"));
        }
        true
    }

    fn extension(&mut self, file: &str, schema: &mut Schema, key: &str, value: &Node) -> bool {
        match key {
            "x-deployx-one-of" => schema.one_of = self.names(value),
            "x-deployx-at-most-one" => schema.at_most_one = self.names(value),
            "x-deployx-forms" => match (value.get("scalar"), value.get("map")) {
                (Some(scalar), Some(map)) => {
                    schema.forms = Some(Forms {
                        scalar: self.schema(file, scalar),
                        map: self.schema(file, map),
                    });
                }
                _ => self.fault(value.span, "`x-deployx-forms` needs `scalar` and `map`"),
            },
            "x-deployx-rules" => {
                for rule in value.as_seq().unwrap_or_default() {
                    if let Some(rule) = self.rule(file, rule) {
                        schema.rules.push(rule);
                    }
                }
            }
            "x-deployx-default" => {
                schema.computed = self.text(value).map(|text| Expression {
                    text,
                    span: value.span,
                });
            }
            "x-deployx-secret" => schema.secret = self.flag(value),
            "x-deployx-ref" => {
                schema.reference = value.get("kind").and_then(Node::as_str).map(SmolStr::new);
            }
            "x-deployx-image" => schema.image = self.flag(value),
            "x-deployx-immutable" => schema.immutable = self.text(value),
            "x-deployx-restarts" => schema.restarts = self.flag(value),
            "x-deployx-keep-null" => schema.keep_null = self.flag(value),
            "x-deployx-aliases" => schema.aliases = self.names(value),
            "x-deployx-not-built" => schema.refused = self.text(value).map(Refusal::NotBuilt),
            "x-deployx-refused" => schema.refused = self.text(value).map(Refusal::Never),
            "x-deployx-target" => {
                schema.targets = match value.as_seq() {
                    Some(_) => self.names(value),
                    None => self.text(value).into_iter().collect(),
                }
            }
            _ => return false,
        }
        true
    }

    fn rule(&mut self, file: &str, node: &Node) -> Option<Rule> {
        if let Some(name) = node.get("$ref").and_then(Node::as_str) {
            let shared = self
                .roots
                .get(file)
                .and_then(|root| root.at(&["x-deployx-shared-rules", name]))
                .cloned();
            if shared.is_none() {
                self.fault(node.span, format!("there is no shared rule `{name}`"));
            }
            return self.rule(file, &shared?);
        }
        self.rule_keys(node);
        let text = |key: &str| node.get(key).and_then(Node::as_str).map(SmolStr::new);
        let (Some(id), Some(assert), Some(message)) =
            (text("id"), node.get("assert"), text("message"))
        else {
            self.fault(node.span, "a rule needs `id`, `assert` and `message`");
            return None;
        };
        let at = match node.get("at") {
            Some(list) if list.as_seq().is_some() => self.names(list),
            Some(one) => self.text(one).into_iter().collect(),
            None => Vec::new(),
        };
        let severity = match text("severity").as_deref() {
            Some("warning") => Severity::Warning,
            _ => Severity::Error,
        };
        Some(Rule {
            id,
            assert: Expression {
                text: self.text(assert)?,
                span: assert.span,
            },
            message,
            at,
            hint: text("hint"),
            severity,
        })
    }

    fn rule_keys(&mut self, node: &Node) {
        const KEYS: [&str; 6] = ["id", "assert", "message", "at", "hint", "severity"];
        for entry in node.as_map().into_iter().flatten() {
            if !KEYS.contains(&entry.key.as_str()) {
                self.fault(
                    entry.key_span,
                    format!("a rule has no `{}`; it has {}", entry.key, KEYS.join(", ")),
                );
            }
        }
    }

    fn kind_info(&mut self, node: &Node) -> Option<KindInfo> {
        let text = |key: &str| node.get(key).and_then(Node::as_str).map(SmolStr::new);
        let Some(kind) = text("kind") else {
            self.fault(node.span, "`x-deployx-kind` needs a `kind`");
            return None;
        };
        let limit = node.get("nameMax").and_then(Node::as_i64);
        Some(KindInfo {
            group: text("group").unwrap_or_else(|| "deployx.dev".into()),
            version: text("version").unwrap_or_else(|| "v1".into()),
            kind,
            template: text("template"),
            workload: text("workload"),
            component: text("component"),
            serving: node.get("serving").and_then(Node::as_bool).unwrap_or(false),
            track: text("track").unwrap_or_else(|| "main".into()),
            name_max: limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(63),
        })
    }

    fn referred(&mut self, file: &str, reference: &Node) -> Arc<Schema> {
        let text = reference.as_str().unwrap_or_default();
        let (name, pointer) = text.split_once('#').unwrap_or((text, ""));
        let name = match name {
            "" => file,
            "deployx:common" => "common.schema.json",
            other => other,
        };
        let key = (name.to_owned(), pointer.to_owned());
        if let Some(done) = self.done.get(&key) {
            return Arc::clone(done);
        }
        if self.open.contains(&key) {
            self.fault(reference.span, format!("`{text}` refers to itself"));
            return Arc::default();
        }
        let target = self.root(name).and_then(|root| {
            crate::manifest::path::FieldPath::from_pointer(pointer)?
                .find(&root)
                .cloned()
        });
        let Some(target) = target else {
            self.fault(reference.span, format!("`{text}` leads nowhere"));
            return Arc::default();
        };
        self.open.push(key.clone());
        let schema = self.schema(name, &target);
        self.open.pop();
        self.done.insert(key, Arc::clone(&schema));
        schema
    }

    fn text(&mut self, value: &Node) -> Option<SmolStr> {
        let text = value.as_str().map(SmolStr::new);
        if text.is_none() {
            self.fault(value.span, "must be a string");
        }
        text
    }

    fn flag(&mut self, value: &Node) -> bool {
        value.as_bool().unwrap_or_else(|| {
            self.fault(value.span, "must be `true` or `false`");
            false
        })
    }

    fn names(&mut self, value: &Node) -> Vec<SmolStr> {
        let items = value.as_seq().unwrap_or_default();
        let names: Vec<SmolStr> = items
            .iter()
            .filter_map(Node::as_str)
            .map(SmolStr::new)
            .collect();
        if value.as_seq().is_none() || names.len() != items.len() {
            self.fault(value.span, "must be a list of strings");
        }
        names
    }

    fn unknown_keyword(&mut self, key: &str, span: Span) {
        let known = "type description examples default deprecated properties required \
            additionalProperties propertyNames items uniqueItems enum const pattern format minimum \
            maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems \
            minProperties maxProperties x-deployx-one-of x-deployx-at-most-one x-deployx-forms \
            x-deployx-rules x-deployx-default x-deployx-secret x-deployx-ref x-deployx-image \
            x-deployx-immutable x-deployx-restarts x-deployx-keep-null x-deployx-aliases \
            x-deployx-not-built x-deployx-refused x-deployx-target";
        let candidates = known.split_whitespace().chain(PASSIVE).chain(FOREIGN);
        let mut fault = Diagnostic::error("schema", format!("unknown keyword `{key}` in a schema"));
        let remark = match suggest::nearest(key, candidates) {
            Some(near) => format!("did you mean `{near}`?"),
            None => String::new(),
        };
        if matches!(
            key,
            "patternProperties" | "unevaluatedProperties" | "prefixItems"
        ) {
            fault = fault.hint("use `additionalProperties` with a schema and `propertyNames`");
        }
        self.faults.push(fault.at(span, remark));
    }

    fn unknown_format(&mut self, value: &Node) {
        let text = value.as_str().unwrap_or_default();
        let remark = match suggest::nearest(text, Format::names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "formats are {}",
                Format::names().collect::<Vec<_>>().join(", ")
            ),
        };
        let fault = Diagnostic::error("schema", format!("unknown format `{text}`"));
        self.faults.push(fault.at(value.span, remark));
    }
}

/// Sets a bound; says whether there was a value.
trait SetBound<T> {
    fn set(self, value: Option<T>) -> bool;
}

impl<T> SetBound<T> for &mut Option<T> {
    fn set(self, value: Option<T>) -> bool {
        let known = value.is_some();
        if known {
            *self = value;
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Sources;
    use crate::manifest::read::{ReadOptions, read_one};

    fn faults(text: &str) -> Vec<String> {
        let sources = Sources::new();
        let file = sources.add("x.schema.json", text);
        let root = read_one(&sources, file, &ReadOptions::kubectl())
            .unwrap()
            .root;
        let mut files = |name: &str| (name == "x.schema.json").then(|| root.clone());
        match load("x.schema.json", &mut files) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.into_iter().map(|f| f.message).collect(),
        }
    }

    #[test]
    fn a_schema_is_held_to_the_dialect() {
        for (text, part) in [
            (r#"{"typee": "string"}"#, "unknown keyword `typee`"),
            (r#"{"type": ["string", "null"]}"#, "`type` is one name"),
            (r#"{"type": "object"}"#, "must say `additionalProperties`"),
            (
                r#"{"type": "object", "additionalProperties": true}"#,
                "`{}` takes anything",
            ),
            (
                r#"{"type": "object", "additionalProperties": false, "required": ["a"]}"#,
                "`a` is required",
            ),
            (
                r#"{"format": "dns-labl", "type": "string"}"#,
                "unknown format",
            ),
            (
                r#"{"format": "port", "type": "string"}"#,
                "stands without `type`",
            ),
            (r#"{"pattern": "("}"#, "regular expression"),
            (r##"{"$ref": "#/$defs/x"}"##, "leads nowhere"),
            (
                r##"{"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}}"##,
                "refers to itself",
            ),
            (r#"{"x-deployx-rules": [{"id": "a"}]}"#, "a rule needs"),
            (r#"{"minLength": "x"}"#, "must be a number"),
            (r#"{"oneOf": 3}"#, "not a JSON schema"),
            (
                r#"{"patternProperties": {}}"#,
                "unknown keyword `patternProperties`",
            ),
        ] {
            let found = faults(text);
            assert!(found.iter().any(|m| m.contains(part)), "{text}: {found:?}");
        }
        assert!(
            faults(
                r#"{"type": "object", "additionalProperties": {}, "anyOf": [{"required": ["a"]}]}"#
            )
            .is_empty()
        );
    }
}
