//! Reads typed values out of trees as Go's JSON decoder does for kustomize: field names in any
//! case, null is nothing, no conversion between types, unknown fields are errors. All faults of
//! a file are collected.

use smol_str::SmolStr;

use crate::manifest::suggest::nearest;
use crate::manifest::{Diagnostic, Map, Node, ScalarKind, Span};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A text and where it stands.
pub(crate) type Text = Spanned<SmolStr>;

/// The fields of one mapping while it is read.
pub(crate) struct Fields<'n, 'd> {
    map: Option<&'n Map>,
    known: &'static [&'static str],
    what: &'static str,
    span: Span,
    faults: &'d mut Vec<Diagnostic>,
    reading: Reading,
}

/// How strictly the fields of a mapping are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// A kustomization: unknown fields are errors, and texts are texts.
    Strict,
    /// Unknown fields are ignored.
    Lenient,
    /// As lenient, and numbers and booleans are taken for texts: what the library that reads
    /// plugins' configurations does for the fields that are a struct's own.
    Coercing,
}

impl<'n, 'd> Fields<'n, 'd> {
    /// Takes a mapping with these fields; reports what is no mapping and what is unknown.
    pub(crate) fn new(
        node: &'n Node,
        what: &'static str,
        known: &'static [&'static str],
        faults: &'d mut Vec<Diagnostic>,
    ) -> Self {
        let map = mapping(node, what, faults);
        for entry in map.into_iter().flatten() {
            if !known
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&entry.key))
            {
                let fault = Diagnostic::error(
                    "unknown-field",
                    format!("unknown field `{}` in {what}", entry.key),
                );
                faults.push(match nearest(&entry.key, known.iter().copied()) {
                    Some(name) => fault.at(entry.key_span, format!("did you mean `{name}`?")),
                    None => fault
                        .at(entry.key_span, "")
                        .note(format!("{what} has {}", list(known))),
                });
            }
        }
        Self {
            map,
            known,
            what,
            span: node.span,
            faults,
            reading: Reading::Strict,
        }
    }

    /// Takes a plugin's configuration, of which kustomize ignores what it does not know.
    pub(crate) fn of_plugin(
        node: &'n Node,
        what: &'static str,
        faults: &'d mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            map: node.as_map(),
            known: &[],
            what,
            span: node.span,
            faults,
            reading: Reading::Coercing,
        }
    }

    /// Takes a mapping in a file of which kustomize ignores what it does not know.
    pub(crate) fn lenient(
        node: &'n Node,
        what: &'static str,
        faults: &'d mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            map: mapping(node, what, faults),
            known: &[],
            what,
            span: node.span,
            faults,
            reading: Reading::Lenient,
        }
    }

    /// Takes a mapping in this one, read as strictly.
    pub(crate) fn inner<'i>(
        &'i mut self,
        node: &'i Node,
        what: &'static str,
        known: &'static [&'static str],
    ) -> Fields<'i, 'i> {
        match self.reading {
            Reading::Strict => Fields::new(node, what, known, self.faults),
            Reading::Lenient | Reading::Coercing => Fields::lenient(node, what, self.faults),
        }
    }

    /// Takes no number for a text any more: the fields that follow are those of a struct in the
    /// struct, which the library does not look into.
    pub(crate) fn without_coercion(mut self) -> Self {
        if self.reading == Reading::Coercing {
            self.reading = Reading::Lenient;
        }
        self
    }

    /// Whether unknown fields are ignored.
    pub(crate) fn is_of_plugin(&self) -> bool {
        self.reading != Reading::Strict
    }

    pub(crate) fn span(&self) -> Span {
        self.span
    }

    pub(crate) fn faults(&mut self) -> &mut Vec<Diagnostic> {
        self.faults
    }

    /// Returns the value of a field, unless it is null.
    pub(crate) fn node(&self, name: &str) -> Option<&'n Node> {
        debug_assert!(
            self.known.is_empty() || self.known.contains(&name),
            "{name} is no field of {}",
            self.what
        );
        let map = self.map?;
        let found = map.get(name).or_else(|| {
            map.iter()
                .find(|entry| entry.key.eq_ignore_ascii_case(name))
                .map(|entry| &entry.value)
        });
        found.filter(|node| !node.is_null())
    }

    /// Where a field's key stands.
    pub(crate) fn key_span(&self, name: &str) -> Option<Span> {
        let entry = self
            .map?
            .iter()
            .find(|entry| entry.key.eq_ignore_ascii_case(name))?;
        Some(entry.key_span)
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<Text> {
        let node = self.node(name)?;
        self.text_of(node, name)
    }

    /// A text that is not empty: Go does not tell an empty one from none.
    pub(crate) fn filled(&mut self, name: &str) -> Option<Text> {
        self.text(name).filter(|text| !text.value.is_empty())
    }

    /// A text, empty where there is none.
    pub(crate) fn plain(&mut self, name: &str) -> SmolStr {
        self.text(name).map(|text| text.value).unwrap_or_default()
    }

    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let Some(node) = self.node(name) else {
            return false;
        };
        node.as_bool().unwrap_or_else(|| {
            self.wrong(name, "true or false", node);
            false
        })
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<Spanned<i64>> {
        let node = self.node(name)?;
        let found = node.as_i64();
        if found.is_none() {
            self.wrong(name, "an integer", node);
        }
        found.map(|value| Spanned {
            value,
            span: node.span,
        })
    }

    pub(crate) fn items(&mut self, name: &str) -> &'n [Node] {
        let Some(node) = self.node(name) else {
            return &[];
        };
        node.as_seq().unwrap_or_else(|| {
            self.wrong(name, "a list", node);
            &[]
        })
    }

    pub(crate) fn texts(&mut self, name: &str) -> Vec<Text> {
        let items = self.items(name);
        items
            .iter()
            .filter_map(|node| {
                if node.is_null() {
                    return Some(Spanned {
                        value: SmolStr::default(),
                        span: node.span,
                    });
                }
                self.text_of(node, name)
            })
            .collect()
    }

    /// A mapping of texts.
    pub(crate) fn pairs(&mut self, name: &str) -> Vec<(SmolStr, Text)> {
        let Some(node) = self.node(name) else {
            return Vec::new();
        };
        let Some(map) = node.as_map() else {
            self.wrong(name, "a mapping", node);
            return Vec::new();
        };
        let mut pairs = Vec::with_capacity(map.len());
        for entry in map {
            let value = if entry.value.is_null() {
                Some(Spanned {
                    value: SmolStr::default(),
                    span: entry.value.span,
                })
            } else {
                self.text_of(&entry.value, &entry.key)
            };
            pairs.extend(value.map(|value| (entry.key.clone(), value)));
        }
        pairs
    }

    fn text_of(&mut self, node: &Node, name: &str) -> Option<Text> {
        let value = match node.as_scalar() {
            Some(scalar) if matches!(scalar.kind, ScalarKind::Str | ScalarKind::Timestamp) => {
                scalar.text.clone()
            }
            // The configuration of a plugin is read with a library that makes texts of these.
            Some(scalar) if self.reading == Reading::Coercing => {
                match (scalar.as_bool(), scalar.as_number()) {
                    (Some(value), _) => SmolStr::from(value.to_string()),
                    (None, Some(number)) => number.to_yaml().into(),
                    (None, None) => scalar.text.clone(),
                }
            }
            _ => {
                self.wrong(name, "a string", node);
                return None;
            }
        };
        Some(Spanned {
            value,
            span: node.span,
        })
    }

    fn wrong(&mut self, name: &str, wanted: &str, node: &Node) {
        let field = format!("`{name}` of {}", self.what);
        let mut fault = wrong_type(&field, wanted, node);
        if wanted == "a string"
            && let Some(text) = node.scalar_text()
        {
            fault = fault.hint(format!("write it in quotes: \"{text}\""));
        }
        self.faults.push(fault);
    }
}

fn mapping<'n>(node: &'n Node, what: &str, faults: &mut Vec<Diagnostic>) -> Option<&'n Map> {
    let map = node.as_map();
    if map.is_none() && !node.is_null() {
        faults.push(wrong_type(what, "a mapping", node));
    }
    map
}

fn wrong_type(what: &str, wanted: &str, node: &Node) -> Diagnostic {
    Diagnostic::error(
        "wrong-type",
        format!("{what} must be {wanted}, not {}", node.describe()),
    )
    .at(node.span, format!("this is {}", node.describe()))
}

/// Names in back-ticks, joined by commas.
pub(crate) fn list(names: &[&str]) -> String {
    let ticked: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    ticked.join(", ")
}
