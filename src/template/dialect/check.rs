//! Judges an input against its schema: all faults at once, each where the node that has it stands.

use std::collections::HashSet;

use crate::manifest::number::Number;
use crate::manifest::path::FieldPath;
use crate::manifest::{Diagnostic, Map, Node, Scalar, ScalarKind, Span, Value, json, suggest};

use super::unknown::{self, Unknown};
use super::{Bounds, Refusal, Schema, Type};

/// Whether a whole input or a patch of one is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Everything required must be there; `null` means absent and was dropped before.
    Whole,
    /// Nothing is required, `null` is allowed everywhere, rules are off.
    Patch,
}

/// What judging found.
#[derive(Debug, Default)]
pub struct Checked {
    /// The faults, in source order of the input.
    pub faults: Vec<Diagnostic>,
    /// Paths of nodes that have a fault in or below them: rules over them do not run.
    pub broken: HashSet<FieldPath>,
}

/// Judges `node`, which stands at `path` of a resource of `kind` whose `spec` is of schema `root`.
pub fn check(root: &Schema, kind: &str, node: &Node, path: &FieldPath, form: Form) -> Checked {
    let mut checker = Checker {
        root,
        kind,
        form,
        found: Checked::default(),
    };
    checker.value(root, node, path, node.span);
    checker.found
}

struct Checker<'s> {
    root: &'s Schema,
    kind: &'s str,
    form: Form,
    found: Checked,
}

impl Checker<'_> {
    /// Records a fault and marks the path to it as broken.
    fn fault(&mut self, fault: Diagnostic, path: &FieldPath) {
        for length in 0..=path.0.len() {
            self.found
                .broken
                .insert(FieldPath(path.0[..length].to_vec()));
        }
        self.found.faults.push(fault.field(path.to_string()));
    }

    fn wrong(&mut self, node: &Node, path: &FieldPath, message: String, remark: impl Into<String>) {
        let fault = Diagnostic::error("input", message).at(node.span, remark);
        self.fault(fault, path);
    }

    fn value(&mut self, schema: &Schema, node: &Node, path: &FieldPath, key_span: Span) {
        if let Some(refusal) = &schema.refused {
            return self.refuse(refusal, path, key_span);
        }
        if node.is_null() {
            if self.form == Form::Whole {
                self.wrong(node, path, format!("{} is null", quoted(path)), "");
            }
            return;
        }
        if let Some(forms) = &schema.forms {
            let form = match &node.value {
                Value::Map(_) => &forms.map,
                _ => &forms.scalar,
            };
            return self.value(form, node, path, key_span);
        }
        if !self.kind_fits(schema, node, path) {
            return;
        }
        match &node.value {
            Value::Map(map) => self.map(schema, node, map, path, key_span),
            Value::Seq(items) => self.list(schema, node, items, path),
            Value::Scalar(scalar) => self.scalar(schema, node, scalar, path),
        }
        self.choices(schema, node, path);
        self.foreign(schema, node, path);
    }

    fn refuse(&mut self, refusal: &Refusal, path: &FieldPath, key_span: Span) {
        let (rule, message, remark) = match refusal {
            Refusal::NotBuilt(why) => (
                "not-built",
                format!("{}: {why}", quoted(path)),
                "remove it for now",
            ),
            Refusal::Never(why) => ("input", format!("{}: {why}", quoted(path)), ""),
        };
        self.fault(Diagnostic::error(rule, message).at(key_span, remark), path);
    }

    fn kind_fits(&mut self, schema: &Schema, node: &Node, path: &FieldPath) -> bool {
        let scalar_format = schema.format.filter(|f| f.takes_numbers());
        let fits = match (schema.kind, &node.value) {
            (None, Value::Scalar(_))
            | (Some(Type::Object), Value::Map(_))
            | (Some(Type::Array), Value::Seq(_)) => true,
            (None, _) => scalar_format.is_none(),
            (Some(kind), Value::Scalar(scalar)) => {
                scalar_fits(kind, scalar) || schema.format.is_some() && kind == Type::String
            }
            _ => false,
        };
        if fits {
            return true;
        }
        let wanted = match (schema.kind, scalar_format) {
            (Some(kind), _) => kind.describe(),
            (None, Some(format)) => format.describe(),
            (None, None) => "a scalar",
        };
        let message = format!("{} must be {wanted}, not {}", quoted(path), node.describe());
        let mut fault = Diagnostic::error("input", message).at(node.span, "");
        if let (Some(kind), Some(scalar)) = (schema.kind, node.as_scalar())
            && let Some(hint) = quoting_hint(kind, scalar)
        {
            fault = fault.hint(hint);
        }
        self.fault(fault, path);
        false
    }

    fn map(&mut self, schema: &Schema, node: &Node, map: &Map, path: &FieldPath, key_span: Span) {
        for entry in map {
            let below = path.key(entry.key.clone());
            if let Some(names) = &schema.property_names
                && schema.property(&entry.key).is_none()
            {
                self.key(names, &entry.key, entry.key_span, &below);
            }
            match schema.under(&entry.key) {
                Some(_) if schema.keep_null && entry.value.is_null() => {}
                Some(under) => self.value(under, &entry.value, &below, entry.key_span),
                // An object without any declared shape takes anything.
                None if schema.kind.is_none() => {}
                None => self.unknown(schema, &entry.key, entry.key_span, &below),
            }
        }
        if self.form == Form::Whole {
            self.presence(schema, node, map, path, key_span);
        }
        self.exclusive(schema, map, path, node.span);
    }

    /// Required fields and numbers of fields; only of whole inputs.
    fn presence(&mut self, schema: &Schema, node: &Node, map: &Map, path: &FieldPath, key: Span) {
        for name in &schema.required {
            if !map.contains_key(name) {
                let what = if path.0.len() <= 1 {
                    format!("{} needs `{name}`", self.kind)
                } else {
                    format!("{} needs `{name}`", quoted(path))
                };
                let example = schema
                    .property(name)
                    .and_then(|s| s.examples.first())
                    .map(|example| format!("for example `{name}: {}`", json::to_go_json(example)));
                let mut fault = Diagnostic::error("input", what).at(key, "");
                if let Some(example) = example {
                    fault = fault.hint(example);
                }
                self.fault(fault, path);
            }
        }
        let Bounds {
            min_properties: least,
            max_properties: most,
            ..
        } = schema.bounds;
        self.size(map.len(), least, most, "entry", "entries", node, path);
    }

    fn exclusive(&mut self, schema: &Schema, map: &Map, path: &FieldPath, span: Span) {
        let group = if schema.one_of.is_empty() {
            &schema.at_most_one
        } else {
            &schema.one_of
        };
        let set: Vec<_> = group
            .iter()
            .filter_map(|name| map.entry(name))
            .filter(|entry| !entry.value.is_null())
            .collect();
        let names = |list: &[&str]| and_ticked(list, "or");
        if set.len() > 1 {
            let listed: Vec<&str> = set.iter().map(|entry| entry.key.as_str()).collect();
            let mut fault = Diagnostic::error(
                "input",
                format!(
                    "only one of {} may be set in {}",
                    and_ticked(&listed, "and"),
                    quoted(path)
                ),
            )
            .at(set[1].key_span, "this one too");
            fault = fault.also(set[0].key_span, "this one is set").hint(format!(
                "in an overlay that changes its mind, write `{}: null` beside `{}`",
                set[0].key, set[1].key
            ));
            self.fault(fault, path);
        }
        if set.is_empty() && !schema.one_of.is_empty() && self.form == Form::Whole {
            let all: Vec<&str> = schema.one_of.iter().map(AsRef::as_ref).collect();
            let message = format!("{} needs one of {}", quoted(path), names(&all));
            self.fault(Diagnostic::error("input", message).at(span, ""), path);
        }
    }

    fn key(&mut self, names: &Schema, key: &str, span: Span, path: &FieldPath) {
        let scalar = Scalar::string(key);
        let fault = match names.format.map(|format| format.check(&scalar)) {
            Some(Err(error)) => Some((error.message, error.hint)),
            _ => match &names.pattern {
                Some(pattern) if !pattern.is_match(key) => {
                    Some((format!("must match {}", pattern.as_str()), None))
                }
                _ => None,
            },
        };
        if let Some((message, hint)) = fault {
            let mut fault =
                Diagnostic::error("input", format!("the name `{key}` {message}")).at(span, "");
            fault.hint = hint;
            self.fault(fault, path);
        }
    }

    fn unknown(&mut self, schema: &Schema, key: &str, span: Span, path: &FieldPath) {
        let place = match path.0.len() {
            0..=2 => self.kind.to_owned(),
            length => {
                let parent = FieldPath(path.0[1..length - 1].to_vec());
                format!("`{parent}` of {}", self.kind)
            }
        };
        let Unknown { remark, hint } = unknown::explain(self.root, schema, key);
        let mut fault = Diagnostic::error("input", format!("unknown field `{key}` in {place}"))
            .at(span, remark)
            .note(format!(
                "`deployx templates show {}` lists all fields",
                self.kind
            ));
        fault.hint = hint;
        self.fault(fault, path);
    }

    fn list(&mut self, schema: &Schema, node: &Node, items: &[Node], path: &FieldPath) {
        let Bounds {
            min_items: least,
            max_items: most,
            ..
        } = schema.bounds;
        self.size(items.len(), least, most, "item", "items", node, path);
        for (at, item) in items.iter().enumerate() {
            let below = path.index(at);
            if let Some(of) = &schema.items {
                self.value(of, item, &below, item.span);
            }
            let twin = items[..at].iter().find(|other| other.same_value(item));
            if let Some(twin) = twin.filter(|_| schema.unique_items) {
                let what = item.scalar_text().unwrap_or("the same item");
                let message = format!("`{what}` is listed twice in {}", quoted(path));
                let fault = Diagnostic::error("input", message)
                    .at(item.span, "again here")
                    .also(twin.span, "first here");
                self.fault(fault, &below);
            }
        }
    }

    fn scalar(&mut self, schema: &Schema, node: &Node, scalar: &Scalar, path: &FieldPath) {
        if let Some(format) = schema.format
            && let Err(error) = format.check(scalar)
        {
            let message = format!("{}: {}", quoted(path), error.message);
            let message = if error.message.starts_with("must ") {
                format!("{} {}", quoted(path), error.message)
            } else {
                message
            };
            let mut fault = Diagnostic::error("input", message).at(node.span, "");
            fault.hint = error.hint;
            return self.fault(fault, path);
        }
        if scalar.kind == ScalarKind::Str {
            self.text(schema, node, &scalar.text, path);
        }
        if let Some(number) = scalar.as_number() {
            self.number(schema, node, number.as_f64(), path);
        }
    }

    fn text(&mut self, schema: &Schema, node: &Node, text: &str, path: &FieldPath) {
        if let Some(pattern) = &schema.pattern
            && !pattern.is_match(text)
        {
            let example = schema
                .examples
                .first()
                .map(|example| format!("for example {}", json::to_go_json(example)));
            let message = format!("{} must match {}", quoted(path), pattern.as_str());
            let mut fault = Diagnostic::error("input", message).at(node.span, "");
            fault.hint = example;
            self.fault(fault, path);
        }
        let Bounds {
            min_length: least,
            max_length: most,
            ..
        } = schema.bounds;
        let length = text.chars().count();
        self.size(length, least, most, "character", "characters", node, path);
    }

    fn number(&mut self, schema: &Schema, node: &Node, number: f64, path: &FieldPath) {
        let bounds = &schema.bounds;
        let fault = [
            bounds
                .minimum
                .filter(|b| number < *b)
                .map(|b| format!("at least {b}")),
            bounds
                .maximum
                .filter(|b| number > *b)
                .map(|b| format!("at most {b}")),
            bounds
                .above
                .filter(|b| number <= *b)
                .map(|b| format!("more than {b}")),
            bounds
                .below
                .filter(|b| number >= *b)
                .map(|b| format!("less than {b}")),
        ];
        if let Some(wanted) = fault.into_iter().flatten().next() {
            self.wrong(node, path, format!("{} must be {wanted}", quoted(path)), "");
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one sentence with its grammar")]
    fn size(
        &mut self,
        size: usize,
        least: Option<usize>,
        most: Option<usize>,
        one: &str,
        many: &str,
        node: &Node,
        path: &FieldPath,
    ) {
        let count = |n: usize| format!("{n} {}", if n == 1 { one } else { many });
        if let Some(least) = least.filter(|least| size < *least && self.form == Form::Whole) {
            let message = format!("{} needs at least {}", quoted(path), count(least));
            self.wrong(node, path, message, "");
        }
        if let Some(most) = most.filter(|most| size > *most) {
            let message = format!("{} takes at most {}, not {size}", quoted(path), count(most));
            self.wrong(node, path, message, "");
        }
    }

    fn choices(&mut self, schema: &Schema, node: &Node, path: &FieldPath) {
        let choices = &schema.choices;
        if choices.is_empty() || choices.iter().any(|choice| choice.same_value(node)) {
            return;
        }
        let texts: Vec<&str> = choices.iter().filter_map(Node::scalar_text).collect();
        let found = node.scalar_text().unwrap_or(node.describe());
        let listed = and_ticked(&texts, "or");
        let remark = match suggest::nearest(found, texts.iter().copied()) {
            Some(near) => format!("{listed}; did you mean `{near}`?"),
            None => listed,
        };
        let message = format!("`{found}` is not a value of {}", quoted(path));
        self.wrong(node, path, message, remark);
    }

    /// Keywords beyond the subset: the crate's own words, at the node that its path leads to.
    fn foreign(&mut self, schema: &Schema, node: &Node, path: &FieldPath) {
        let Some(foreign) = schema.foreign.as_ref().filter(|_| self.form == Form::Whole) else {
            return;
        };
        let value = json::to_json(node);
        for error in foreign.0.iter_errors(&value) {
            let below = FieldPath::from_pointer(error.instance_path().as_str());
            let at = below.as_ref().and_then(|below| below.find(node));
            let span = at.map_or(node.span, |node| node.span);
            let fault = Diagnostic::error("input", format!("{}: {error}", quoted(path)));
            self.fault(fault.at(span, ""), path);
        }
    }
}

fn scalar_fits(kind: Type, scalar: &Scalar) -> bool {
    match kind {
        Type::Object | Type::Array => false,
        Type::String => scalar.as_str().is_some(),
        Type::Integer => scalar.as_number().and_then(Number::as_i64).is_some(),
        Type::Number => scalar.as_number().is_some(),
        Type::Boolean => scalar.kind == ScalarKind::Bool,
    }
}

fn quoting_hint(kind: Type, scalar: &Scalar) -> Option<String> {
    let text = &scalar.text;
    match kind {
        Type::String => Some(format!("quote it: \"{text}\"")),
        Type::Integer | Type::Number | Type::Boolean if scalar.kind == ScalarKind::Str => {
            let plain = crate::manifest::resolve::resolve(text, crate::manifest::Dialect::Kubectl);
            let meant = match plain {
                crate::manifest::resolve::Resolved::Kind(ScalarKind::Int) => kind != Type::Boolean,
                crate::manifest::resolve::Resolved::Kind(ScalarKind::Bool) => kind == Type::Boolean,
                _ => false,
            };
            let word = match (kind, text.as_str()) {
                (Type::Boolean, _) => {
                    if crate::manifest::resolve::bool_value(text) {
                        "true"
                    } else {
                        "false"
                    }
                }
                (_, text) => text,
            };
            meant.then(|| format!("write {word} without quotes"))
        }
        _ => None,
    }
}

/// The path as messages show it: without the leading `spec.`, which every input has.
fn quoted(path: &FieldPath) -> String {
    let text = path.to_string();
    let text = text.strip_prefix("spec.").unwrap_or(&text);
    format!("`{text}`")
}

/// "`a`, `b` or `c`".
fn and_ticked(names: &[&str], word: &str) -> String {
    let ticked: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match ticked.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, head)) => format!("{} {word} {last}", head.join(", ")),
        None => String::new(),
    }
}
