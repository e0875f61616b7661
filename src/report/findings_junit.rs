//! Verdicts as JUnit XML: a suite for each file, a case for each object. An unknown verdict is a
//! skipped case; warnings are the case's output.

use std::io::{self, Write};
use std::time::Duration;

use super::place::{Place, words};
use crate::manifest::{Diagnostic, Severity, Sources};
use crate::validate::{Judged, Verdict, Verdicts};

/// Writes the verdicts, with a final newline.
///
/// # Errors
/// The writer's.
pub fn findings_junit(
    out: &mut dyn Write,
    sources: &Sources,
    verdicts: &Verdicts,
    took: Duration,
) -> io::Result<()> {
    let mut suites: Vec<(String, Vec<&Judged>)> = Vec::new();
    for judged in &verdicts.objects {
        let file = Place::of(sources, judged.span).map_or_else(String::new, |place| place.file);
        match suites.last_mut() {
            Some((last, cases)) if *last == file => cases.push(judged),
            _ => suites.push((file, vec![judged])),
        }
    }
    let all: Vec<&Judged> = verdicts.objects.iter().collect();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let seconds = took.as_secs_f64();
    writeln!(
        out,
        r#"<testsuites name="deployx validate" {} time="{seconds:.3}">"#,
        counts(&all)
    )?;
    for (file, cases) in &suites {
        let name = attribute(file);
        writeln!(out, r#"  <testsuite name="{name}" {}>"#, counts(cases))?;
        for judged in cases {
            case(out, sources, file, judged)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn counts(cases: &[&Judged]) -> String {
    // An error of the lint fails the case of an object that the server would accept.
    let fails = |judged: &&&Judged| {
        let mut findings = judged.judgement.findings.iter();
        findings.any(|finding| finding.severity == Severity::Error)
    };
    let unknown = |judged: &&&Judged| judged.judgement.verdict == Verdict::Unknown;
    let failures = cases.iter().filter(fails).count();
    let skipped = cases.iter().filter(unknown).count();
    format!(
        r#"tests="{}" failures="{failures}" errors="0" skipped="{skipped}""#,
        cases.len()
    )
}

fn case(out: &mut dyn Write, sources: &Sources, file: &str, judged: &Judged) -> io::Result<()> {
    let name = match judged.id.kind.as_str() {
        "" => "document".to_owned(),
        _ => judged.id.to_string(),
    };
    let (name, class) = (attribute(&name), attribute(file));
    write!(out, r#"    <testcase name="{name}" classname="{class}""#)?;
    let judgement = &judged.judgement;
    let (errors, others): (Vec<_>, Vec<_>) = judgement
        .findings
        .iter()
        .partition(|finding| finding.severity == Severity::Error);
    if errors.is_empty() && others.is_empty() && judgement.unknown.is_none() {
        return writeln!(out, "/>");
    }
    writeln!(out, ">")?;
    for error in errors {
        let (message, rule) = (attribute(&error.message), attribute(&error.rule));
        let text = text(&described(sources, error));
        writeln!(
            out,
            r#"      <failure message="{message}" type="{rule}">{text}</failure>"#
        )?;
    }
    if let Some(reason) = &judgement.unknown {
        writeln!(out, r#"      <skipped message="{}"/>"#, attribute(reason))?;
    }
    if !others.is_empty() {
        let lines: Vec<String> = others.iter().map(|f| described(sources, f)).collect();
        let text = text(&lines.join("\n\n"));
        writeln!(out, "      <system-out>{text}</system-out>")?;
    }
    writeln!(out, "    </testcase>")
}

fn described(sources: &Sources, finding: &Diagnostic) -> String {
    let head = format!("{}[{}]", finding.severity.as_str(), finding.rule);
    let place = finding.primary.as_ref().map(|label| label.span);
    let place = place.map(|span| sources.locate(sources.trace(span).input.unwrap_or(span)));
    let place = place.filter(|place| !place.is_empty());
    let place = place.map_or_else(String::new, |place| format!("{place}: "));
    format!("{place}{head}: {}", words(finding))
}

/// Escapes text for an element. What XML 1.0 cannot hold at all becomes U+FFFD.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\t' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Escapes text for an attribute in double quotes.
fn attribute(value: &str) -> String {
    text(value)
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
        .replace('\t', "&#9;")
}
