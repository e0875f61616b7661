//! Where a finding stands, as machines want it told.

use crate::manifest::{Diagnostic, Sources, Span};

/// A stretch of a file that the user wrote. All numbers count from 1, columns in characters;
/// the end column is one past the last character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The path as the user would write it, or `<stdin>`.
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
}

impl Place {
    /// Finds the place of a span: for generated text, that of the input or else the template line
    /// which made it. `None` where no source holds it.
    pub(super) fn of(sources: &Sources, span: Span) -> Option<Self> {
        let trace = sources.trace(span);
        let shown = trace.input.or(trace.template).unwrap_or(span);
        let source = sources.get(shown.file())?;
        let (start, end) = (source.position(shown.start()), source.position(shown.end()));
        Some(Self {
            file: source.name.clone(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
        })
    }

    /// Finds the primary place of a finding.
    pub(super) fn of_finding(sources: &Sources, finding: &Diagnostic) -> Option<Self> {
        Self::of(sources, finding.primary.as_ref()?.span)
    }
}

/// What there is to say about a finding in plain text: the message, then a line for each remark.
pub(super) fn words(finding: &Diagnostic) -> String {
    let remark = finding.primary.as_ref().map(|label| label.text.as_str());
    let mut lines = vec![finding.message.clone()];
    lines.extend(remark.filter(|text| !text.is_empty()).map(str::to_owned));
    lines.extend(finding.object.as_ref().map(|object| format!("in {object}")));
    lines.extend(finding.field.as_ref().map(|field| format!("at {field}")));
    lines.extend(finding.notes.iter().cloned());
    lines.extend(finding.hint.clone());
    lines.join("\n")
}
