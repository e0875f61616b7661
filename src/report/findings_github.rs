//! Verdicts as workflow commands of GitHub Actions: an annotation on the line of each finding, and
//! a last line that sums up.

use std::io::{self, Write};

use super::diagnostic::printable;
use super::place::{Place, words};
use super::style::count;
use crate::manifest::{Diagnostic, Severity, Sources};
use crate::validate::{Verdict, Verdicts};

/// Writes the verdicts.
///
/// # Errors
/// The writer's.
pub fn findings_github(
    out: &mut dyn Write,
    sources: &Sources,
    verdicts: &Verdicts,
) -> io::Result<()> {
    let (mut errors, mut warnings, mut unknown) = (0, 0, 0);
    for finding in verdicts.findings() {
        errors += usize::from(finding.severity == Severity::Error);
        warnings += usize::from(finding.severity == Severity::Warning);
        annotation(out, sources, finding)?;
    }
    for judged in &verdicts.objects {
        if judged.judgement.verdict == Verdict::Unknown {
            unknown += 1;
        }
    }
    writeln!(
        out,
        "{}, {}, {unknown} unknown, {}",
        count(errors, "error"),
        count(warnings, "warning"),
        count(verdicts.objects.len(), "object")
    )
}

fn annotation(out: &mut dyn Write, sources: &Sources, finding: &Diagnostic) -> io::Result<()> {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = Place::of_finding(sources, finding) {
        properties.push(("file", place.file));
        properties.push(("line", place.line.to_string()));
        properties.push(("endLine", place.end_line.to_string()));
        // GitHub takes columns only of an annotation within one line.
        if place.line == place.end_line {
            properties.push(("col", place.column.to_string()));
            properties.push(("endColumn", place.end_column.to_string()));
        }
    }
    properties.push(("title", format!("deployx: {}", finding.rule)));
    let properties: Vec<String> = properties
        .into_iter()
        .map(|(name, value)| format!("{name}={}", property(&value)))
        .collect();
    let properties = properties.join(",");
    writeln!(out, "::{command} {properties}::{}", data(&words(finding)))
}

/// Escapes the message of a command.
fn data(text: &str) -> String {
    printable(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
