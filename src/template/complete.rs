//! From what a user wrote to complete inputs: nulls out, defaults in, rules held.

use std::collections::HashSet;

use crate::manifest::path::{FieldPath, Step};
use crate::manifest::{Diagnostic, Map, Node, Span, Value};

use super::dialect::{Rule, Schema};
use super::engine::{Answer, Engine, Scope};

/// Returns the inputs without `null` entries: in a base, `null` means absent.
pub(super) fn without_nulls(node: &Node, schema: Option<&Schema>) -> Node {
    if schema.is_some_and(|schema| schema.keep_null) {
        return node.clone();
    }
    match &node.value {
        Value::Scalar(_) => node.clone(),
        Value::Seq(items) => {
            let of = schema.and_then(|schema| schema.items.as_deref());
            let items = items.iter().map(|item| without_nulls(item, of)).collect();
            Node::seq(items, node.span)
        }
        Value::Map(map) => {
            let mut kept = Map::with_capacity(map.len());
            for entry in map.iter().filter(|entry| !entry.value.is_null()) {
                let under = schema.and_then(|schema| match &schema.forms {
                    Some(forms) => forms.map.under(&entry.key),
                    None => schema.under(&entry.key),
                });
                let value = without_nulls(&entry.value, under.map(AsRef::as_ref));
                kept.insert(entry.key.clone(), entry.key_span, value);
            }
            Node::map(kept, node.span)
        }
    }
}

/// Fills in the static defaults.
pub(super) fn with_defaults(node: &Node, schema: &Schema) -> Node {
    let schema = match (&schema.forms, &node.value) {
        (Some(forms), Value::Map(_)) => forms.map.as_ref(),
        _ => schema,
    };
    match &node.value {
        Value::Scalar(_) => node.clone(),
        Value::Seq(items) => {
            let items = items.iter().map(|item| match &schema.items {
                Some(of) => with_defaults(item, of),
                None => item.clone(),
            });
            Node::seq(items.collect(), node.span)
        }
        Value::Map(map) => {
            let mut map = map.as_ref().clone();
            for (name, property) in &schema.properties {
                if let (Some(default), false) = (&property.default, map.contains_key(name)) {
                    map.set(name.clone(), default.clone());
                }
            }
            for entry in &mut map {
                if let Some(under) = schema.under(&entry.key) {
                    entry.value = with_defaults(&entry.value, under);
                }
            }
            Node::map(map, node.span)
        }
    }
}

/// Fills in the computed defaults, in the order declared; later ones see earlier ones.
///
/// # Errors
/// An expression that does not work, at the schema.
pub(super) fn with_computed(
    spec: Node,
    schema: &Schema,
    engine: &Engine,
) -> Result<Node, Box<Diagnostic>> {
    let mut spec = spec;
    compute(&mut spec, schema, &FieldPath::root(), engine)?;
    Ok(spec)
}

fn compute(
    spec: &mut Node,
    schema: &Schema,
    path: &FieldPath,
    engine: &Engine,
) -> Result<(), Box<Diagnostic>> {
    if !has_computed(schema) {
        return Ok(());
    }
    for (name, property) in &schema.properties {
        let below = path.key(name.clone());
        if below.find(spec).is_some() {
            compute(spec, property, &below, engine)?;
            continue;
        }
        let Some(expression) = &property.computed else {
            continue;
        };
        let answer = engine
            .evaluate(&expression.text, &engine.scope(spec), path)
            .map_err(|message| {
                Box::new(Diagnostic::error("schema", message).at(expression.span, ""))
            })?;
        let value = match answer {
            Answer::Nothing => continue,
            Answer::Bool(value) => Node::bool(value, expression.span),
            Answer::Int(value) => Node::int(value, expression.span),
            Answer::Text(value) => Node::string(value, expression.span),
        };
        if let Some(map) = at_mut(spec, path).and_then(Node::as_map_mut) {
            map.set(name.clone(), value);
        }
    }
    let Some(each) = &schema.additional else {
        return Ok(());
    };
    let keys: Vec<_> = path
        .find(spec)
        .and_then(Node::as_map)
        .into_iter()
        .flatten()
        .map(|entry| entry.key.clone())
        .filter(|key| schema.property(key).is_none())
        .collect();
    for key in keys {
        compute(spec, each, &path.key(key), engine)?;
    }
    Ok(())
}

fn has_computed(schema: &Schema) -> bool {
    let of = |schema: &Schema| schema.computed.is_some() || has_computed(schema);
    schema.properties.iter().any(|(_, property)| of(property))
        || schema.additional.as_deref().is_some_and(of)
}

fn at_mut<'n>(root: &'n mut Node, path: &FieldPath) -> Option<&'n mut Node> {
    path.0.iter().try_fold(root, |node, step| match step {
        Step::Key(key) => node.get_mut(key),
        Step::Index(index) => node.as_seq_mut()?.get_mut(*index),
    })
}

/// Holds the inputs to the rules of their schema, where nothing below is broken already.
/// `broken` has paths from the resource's root, `spec` first.
pub(super) fn rule_faults(
    spec: &Node,
    schema: &Schema,
    engine: &Engine,
    broken: &HashSet<FieldPath>,
) -> Vec<Diagnostic> {
    let mut held = Held {
        spec,
        scope: engine.scope(spec),
        engine,
        broken,
        faults: Vec::new(),
    };
    held.hold(schema, spec, &FieldPath::root());
    held.faults
}

struct Held<'a> {
    spec: &'a Node,
    scope: Scope,
    engine: &'a Engine,
    broken: &'a HashSet<FieldPath>,
    faults: Vec<Diagnostic>,
}

impl Held<'_> {
    fn hold(&mut self, schema: &Schema, node: &Node, path: &FieldPath) {
        let schema = match (&schema.forms, &node.value) {
            (Some(forms), Value::Map(_)) => forms.map.as_ref(),
            _ => schema,
        };
        match &node.value {
            Value::Scalar(_) => return,
            Value::Seq(items) => {
                if let Some(of) = &schema.items {
                    for (at, item) in items.iter().enumerate() {
                        self.hold(of, item, &path.index(at));
                    }
                }
            }
            Value::Map(map) => {
                for entry in map.iter() {
                    if let Some(under) = schema.under(&entry.key) {
                        self.hold(under, &entry.value, &path.key(entry.key.clone()));
                    }
                }
            }
        }
        let mut full = vec![Step::Key("spec".into())];
        full.extend(path.0.iter().cloned());
        if self.broken.contains(&FieldPath(full)) {
            return;
        }
        for rule in &schema.rules {
            self.rule(rule, node, path);
        }
    }

    fn rule(&mut self, rule: &Rule, node: &Node, path: &FieldPath) {
        match self.engine.evaluate(&rule.assert.text, &self.scope, path) {
            Ok(Answer::Bool(true)) => {}
            Ok(Answer::Bool(false)) => {
                let fault = self.broken_rule(rule, node, path);
                self.faults.push(fault);
            }
            Ok(_) => self.faults.push(
                Diagnostic::error("schema", format!("rule `{}` gives no boolean", rule.id))
                    .at(rule.assert.span, ""),
            ),
            Err(message) => self.faults.push(
                Diagnostic::error("schema", format!("rule `{}`: {message}", rule.id))
                    .at(rule.assert.span, "")
                    .also(node.span, "for this input"),
            ),
        }
    }

    /// The finding: the first field of `at` that the user wrote, the others beside it.
    fn broken_rule(&self, rule: &Rule, node: &Node, path: &FieldPath) -> Diagnostic {
        let mut places: Vec<(FieldPath, Span)> = Vec::new();
        for at in &rule.at {
            let below = at.split('.').fold(path.clone(), |path, key| path.key(key));
            if let Some(span) = key_span(self.spec, &below) {
                places.push((below, span));
            }
        }
        // A default stands in the schema file: what the user wrote goes first.
        places.sort_by_key(|(_, span)| span.file() == rule.assert.span.file());
        let mut fault = Diagnostic::new(
            rule.severity,
            rule.id.to_string(),
            filled(&rule.message, node),
        );
        fault.hint = rule.hint.as_ref().map(ToString::to_string);
        let mut places = places.into_iter();
        let (field, span) = places.next().unwrap_or_else(|| (path.clone(), node.span));
        fault = fault.at(span, "").field(format!("spec.{field}"));
        for (field, span) in places {
            let word = if span.file() == rule.assert.span.file() {
                "the default"
            } else {
                "is set here"
            };
            fault = fault.also(span, format!("`{field}` {word}"));
        }
        fault
    }
}

/// Where the key that a path ends with stands.
fn key_span(root: &Node, path: &FieldPath) -> Option<Span> {
    let (last, head) = path.0.split_last()?;
    let parent = FieldPath(head.to_vec()).find(root)?.clone();
    match last {
        Step::Key(key) => parent.as_map()?.entry(key).map(|entry| entry.key_span),
        Step::Index(index) => parent.as_seq()?.get(*index).map(|item| item.span),
    }
}

/// Puts the values of fields in the places that `{field}` names.
fn filled(message: &str, node: &Node) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let value = node.get(name).and_then(Node::scalar_text);
        out.push_str(value.unwrap_or(name));
        rest = tail;
    }
    out.push_str(rest);
    out
}
