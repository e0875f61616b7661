//! Collects what a rule finds.

use super::context::Context;
use super::grade;
use super::table::Rule;
use crate::manifest::{Diagnostic, Severity, Sources};

/// How sure a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// The input itself shows that it is not meant.
    Plain,
    /// It may be in the cluster, or be meant. An error where the input is said to be complete.
    Weak,
    /// Whatever the rule's severity: only worth knowing.
    Hint,
}

/// What is said of a name that no object of a kind has: which one it is a slip of, or that the object
/// may be in the cluster.
pub(super) fn absent(kind: &str, near: Option<&str>) -> (Weight, String) {
    match near {
        Some(near) => (Weight::Plain, format!("did you mean `{near}`?")),
        None => (
            Weight::Weak,
            format!("no {kind} of the input has this name"),
        ),
    }
}

/// The findings of one rule.
pub(super) struct Findings<'c> {
    context: &'c Context<'c>,
    sources: &'c Sources,
    rule: &'static Rule,
    /// Whether findings that are not sure can be told at all.
    tells_weak: bool,
    found: Vec<(usize, Diagnostic)>,
}

impl<'c> Findings<'c> {
    pub(super) fn new(
        context: &'c Context<'c>,
        sources: &'c Sources,
        rule: &'static Rule,
        tells_weak: bool,
    ) -> Self {
        Self {
            context,
            sources,
            rule,
            tells_weak,
            found: Vec::new(),
        }
    }

    /// What was added, each with the position of its object.
    pub(super) fn found(self) -> Vec<(usize, Diagnostic)> {
        self.found
    }

    /// Whether a finding can be told: what cannot need not be put into words.
    pub(super) fn tells(&self, weight: Weight) -> bool {
        match weight {
            Weight::Plain => true,
            Weight::Weak => self.tells_weak || self.context.complete,
            Weight::Hint => self.tells_weak,
        }
    }

    /// Adds a finding about an object. Rule and severity are set here.
    pub(super) fn add(&mut self, index: usize, weight: Weight, finding: Diagnostic) {
        if !self.tells(weight) {
            return;
        }
        let severity = match weight {
            Weight::Weak if self.context.complete => Severity::Error,
            Weight::Weak | Weight::Hint => grade(self.rule, true),
            Weight::Plain => grade(self.rule, false),
        };
        let object = finding
            .object
            .clone()
            .unwrap_or_else(|| self.context.describe(index));
        let finding = Diagnostic {
            severity,
            rule: self.rule.id.into(),
            object: Some(object),
            ..finding
        };
        self.found.push((index, finding));
    }

    /// The source text of a span, where a file has it.
    pub(super) fn written(&self, span: crate::manifest::Span) -> Option<String> {
        let source = self.sources.get(span.file())?;
        let text = source.text.get(span.range())?;
        Some(text.to_owned())
    }
}

/// A finding whose rule is not set yet.
pub(super) fn finding(message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning("", message)
}
