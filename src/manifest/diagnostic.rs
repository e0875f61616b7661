//! What is wrong, where, and what to do: the one shape of every located message.
//!
//! Stages collect diagnostics; only `report/` turns them into text.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use super::source::Span;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably not meant.
    Warning,
    /// Wrong: what was asked for cannot be done, or the server would refuse it.
    Error,
}

impl Severity {
    /// The word for it in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What there is to say about that place; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// Stable identifier in kebab case, for switches and documentation.
    pub rule: Cow<'static, str>,
    /// What is wrong: a lower-case fragment, names in back-ticks, no final period.
    pub message: String,
    /// The place that is wrong.
    pub primary: Option<Label>,
    /// Other places that matter (the other of two duplicates, the file that asked for this one).
    pub secondary: Vec<Label>,
    /// Further lines, each a sentence of its own.
    pub notes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The object it is about, as people say it: `Deployment shop/backend`.
    pub object: Option<String>,
    /// The field it is about, as the API server writes it: `spec.containers[0].image`.
    pub field: Option<String>,
}

impl Diagnostic {
    /// Creates an error.
    pub fn error(rule: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, rule, message)
    }

    /// Creates a warning.
    pub fn warning(rule: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, rule, message)
    }

    /// Creates a finding of any severity.
    pub fn new(
        severity: Severity,
        rule: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule: rule.into(),
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            notes: Vec::new(),
            hint: None,
            object: None,
            field: None,
        }
    }

    /// Sets the place that is wrong, with a remark for the caret (may be empty).
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Adds another place that matters.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Adds a line of explanation.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the object.
    pub fn in_object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Names the field.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

/// What was said already: several ways can lead to one fault, and several overlays share a base.
#[derive(Debug, Default)]
pub struct Said(HashSet<(Cow<'static, str>, String, Option<Span>)>);

impl Said {
    /// Drops what was said before or is there twice, by rule, words and place.
    pub fn only_new(&mut self, found: &mut Vec<Diagnostic>) {
        found.retain(|one| {
            let place = one.primary.as_ref().map(|label| label.span);
            self.0
                .insert((one.rule.clone(), one.message.clone(), place))
        });
    }
}

/// Everything that is wrong with an input: the error type of the stages that read input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the faults out of a result, so that what does not depend on it can go on.
    pub fn take<T>(&mut self, result: Result<T, impl Into<Diagnostics>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(faults) => {
                self.0.extend(faults.into().0);
                None
            }
        }
    }

    /// The value where there is no fault.
    ///
    /// # Errors
    /// The faults, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(faults: Vec<Diagnostic>) -> Self {
        Self(faults)
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    /// The messages without their places, for logs and tests; `report/` draws the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&diagnostic.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
