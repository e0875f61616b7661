//! Targets: which resources a patch or a replacement is for.

use std::sync::OnceLock;

use regex::Regex;
use smol_str::SmolStr;

use super::decode::{Fields, Text};
use super::resmap::ResMap;
use super::resource::Resource;
use super::targets::{ENTRIES, Wanted};
use crate::manifest::selector::LabelSelector;
use crate::manifest::{Diagnostic, Node, Span, go_regex};

/// The fields of a target.
pub(crate) const FIELDS: &[&str] = &[
    "group",
    "version",
    "kind",
    "name",
    "namespace",
    "labelSelector",
    "annotationSelector",
];

/// A target as written: every part is a regular expression that the whole text must match.
#[derive(Debug)]
pub(crate) struct Selector {
    pub(crate) group: Option<Text>,
    pub(crate) version: Option<Text>,
    pub(crate) kind: Option<Text>,
    pub(crate) name: Option<Text>,
    pub(crate) namespace: Option<Text>,
    pub(crate) labels: Option<Text>,
    pub(crate) annotations: Option<Text>,
    pub(crate) span: Span,
    compiled: OnceLock<Result<Compiled, Box<Diagnostic>>>,
}

#[derive(Debug)]
struct Compiled {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Option<LabelSelector>,
    annotations: Option<LabelSelector>,
}

/// An anchored regular expression; most are plain words.
#[derive(Debug)]
enum Pattern {
    Word(SmolStr),
    Regex(Regex),
}

impl Pattern {
    fn new(text: &Text) -> Result<Self, Box<Diagnostic>> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
        if text.value.chars().all(is_plain) {
            return Ok(Pattern::Word(text.value.clone()));
        }
        go_regex::compile(&format!("^(?:{})$", text.value))
            .map(Pattern::Regex)
            .map_err(|reason| {
                let message = format!("`{}` is no regular expression", text.value);
                Box::new(
                    Diagnostic::error("selector-regex", message)
                        .at(text.span, "")
                        .note(reason),
                )
            })
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Word(word) => word == text,
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Selector {
    /// Reads a target.
    pub(crate) fn read(node: &Node, within: &mut Fields<'_, '_>) -> Self {
        let mut fields = within.inner(node, "a target", FIELDS);
        Self::from_fields(&mut fields, node.span)
    }

    /// Reads the fields of a target out of a mapping that may have others.
    pub(crate) fn from_fields(fields: &mut Fields<'_, '_>, span: Span) -> Self {
        Self {
            group: fields.filled("group"),
            version: fields.filled("version"),
            kind: fields.filled("kind"),
            name: fields.filled("name"),
            namespace: fields.filled("namespace"),
            labels: fields.filled("labelSelector"),
            annotations: fields.filled("annotationSelector"),
            span,
            compiled: OnceLock::new(),
        }
    }

    /// Positions of the resources that the target means, in order.
    ///
    /// # Errors
    /// A regular expression or label selector that cannot be read.
    pub(crate) fn select(&self, map: &mut ResMap) -> Result<Vec<usize>, Diagnostic> {
        let compiled = self.compiled()?;
        let mut selected = self.candidates(map)?;
        selected.retain(|&at| compiled.matches(map.get(at)));
        Ok(selected)
    }

    /// Positions of the resources that may be meant: all that have or had what the target asks
    /// for by a plain word.
    pub(crate) fn candidates(&self, map: &mut ResMap) -> Result<Vec<usize>, Diagnostic> {
        let compiled = self.compiled()?;
        let mut candidates = match &compiled.name {
            Some(Pattern::Word(name)) => map.named(name).to_vec(),
            _ => map.wanted(&compiled.wanted()),
        };
        candidates.retain(|&at| !map.get(at).dead);
        Ok(candidates)
    }

    /// Whether a resource is meant. A target that cannot be read means none.
    pub(crate) fn matches(&self, resource: &Resource) -> bool {
        self.compiled()
            .is_ok_and(|compiled| compiled.matches(resource))
    }

    /// Whether labels and annotations of a resource are those that are asked for.
    pub(crate) fn matches_labels(&self, resource: &Resource) -> Result<bool, Diagnostic> {
        let compiled = self.compiled()?;
        Ok(selected(compiled.labels.as_ref(), resource, "labels")
            && selected(compiled.annotations.as_ref(), resource, "annotations"))
    }

    /// Whether any identity that a resource has or had is meant.
    pub(crate) fn matches_any_id(&self, resource: &Resource) -> Result<bool, Diagnostic> {
        let compiled = self.compiled()?;
        let fits = |kind: &str, name: &str, namespace: &str| {
            let part = |pattern: &Option<Pattern>, text: &str| {
                pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
            };
            part(&compiled.kind, kind)
                && part(&compiled.name, name)
                && part(&compiled.namespace, namespace)
                && part(&compiled.group, &resource.gvk.group)
                && part(&compiled.version, &resource.gvk.version)
        };
        let mut previous = resource.previous.iter();
        Ok(
            fits(&resource.gvk.kind, &resource.name, &resource.namespace)
                || previous.any(|id| fits(&id.kind, &id.name, &id.namespace)),
        )
    }

    /// Whether it asks for labels or annotations.
    pub(crate) fn has_labels(&self) -> bool {
        self.labels.is_some() || self.annotations.is_some()
    }

    /// Whether it asks for anything but labels and annotations.
    pub(crate) fn has_identity(&self) -> bool {
        let parts = [
            &self.group,
            &self.version,
            &self.kind,
            &self.name,
            &self.namespace,
        ];
        parts.into_iter().any(Option::is_some)
    }

    /// The target in a person's words: `Deployment web.*`.
    pub(crate) fn describe(&self) -> String {
        let parts = [
            ("", &self.kind),
            ("", &self.name),
            ("group ", &self.group),
            ("version ", &self.version),
            ("namespace ", &self.namespace),
            ("labels ", &self.labels),
            ("annotations ", &self.annotations),
        ];
        let words: Vec<String> = parts
            .into_iter()
            .filter_map(|(word, text)| Some(format!("{word}{}", text.as_ref()?.value)))
            .collect();
        words.join(" ")
    }

    fn compiled(&self) -> Result<&Compiled, Diagnostic> {
        self.compiled
            .get_or_init(|| self.compile())
            .as_ref()
            .map_err(|fault| (**fault).clone())
    }

    fn compile(&self) -> Result<Compiled, Box<Diagnostic>> {
        let pattern = |text: &Option<Text>| text.as_ref().map(Pattern::new).transpose();
        Ok(Compiled {
            group: pattern(&self.group)?,
            version: pattern(&self.version)?,
            kind: pattern(&self.kind)?,
            name: pattern(&self.name)?,
            namespace: pattern(&self.namespace)?,
            labels: self.labels.as_ref().map(label_selector).transpose()?,
            annotations: self.annotations.as_ref().map(label_selector).transpose()?,
        })
    }
}

impl Compiled {
    /// What it asks for by plain words, besides names: resources can be looked up by that.
    fn wanted(&self) -> Vec<Wanted<'_>> {
        let mut wanted = Vec::new();
        if let Some(Pattern::Word(kind)) = &self.kind {
            wanted.push(Wanted::Kind(kind));
        }
        for (field, selector) in ENTRIES.into_iter().zip([&self.labels, &self.annotations]) {
            let equal = selector.iter().flat_map(LabelSelector::equalities);
            wanted.extend(equal.map(|(key, value)| Wanted::Entry(field, key, value)));
        }
        wanted
    }

    fn matches(&self, resource: &Resource) -> bool {
        let fits = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        };
        !resource.dead
            && fits(&self.kind, &resource.gvk.kind)
            && fits(&self.group, &resource.gvk.group)
            && fits(&self.version, &resource.gvk.version)
            && (fits(&self.name, resource.original_name()) || fits(&self.name, &resource.name))
            && (fits(&self.namespace, resource.original_namespace())
                || fits(&self.namespace, resource.effective_namespace()))
            && selected(self.labels.as_ref(), resource, "labels")
            && selected(self.annotations.as_ref(), resource, "annotations")
    }
}

fn selected(selector: Option<&LabelSelector>, resource: &Resource, field: &str) -> bool {
    selector.is_none_or(|selector| {
        let map = resource.node.at(&["metadata", field]);
        selector.matches(|key| {
            let node = map.and_then(|map| map.get(key))?;
            Some(super::resource::raw_text(node))
        })
    })
}

fn label_selector(text: &Text) -> Result<LabelSelector, Box<Diagnostic>> {
    text.value.parse().map_err(|error| {
        let message = format!("`{}` is no label selector: {error}", text.value);
        Box::new(Diagnostic::error("label-selector", message).at(text.span, ""))
    })
}
