//! Verdicts for machines: one JSON document.
//!
//! `version` (1) changes when a field changes its meaning or goes; new fields may come.
//! `objects` has one entry for each object with its `verdict` (`accepted`, `rejected`,
//! `unknown`); `findings` has what there is to say, each with `file`, `line` and `column` (from
//! 1, absent where there is no place), `rule`, `severity` (`error`, `warning`, `info`), `field`
//! as the API server writes it, and `message`. docs/output-json.md describes all of it. Lines and columns are those of the text that the
//! user wrote, also for objects that a template made.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::place::Place;
use super::stream::Stream;
use crate::manifest::{Diagnostic, Severity, Sources, Span};
use crate::schema::Version;
use crate::validate::{Judged, Verdict, Verdicts};

#[derive(Serialize)]
struct Document<O, F> {
    version: u8,
    kubernetes: String,
    objects: O,
    findings: F,
    summary: Value,
}

/// Writes the verdicts, with a final newline.
///
/// # Errors
/// The writer's.
pub fn findings_json(
    out: &mut dyn Write,
    sources: &Sources,
    verdicts: &Verdicts,
    version: Version,
) -> io::Result<()> {
    let all = || verdicts.findings();
    let count = |verdict| {
        let of = |judged: &&Judged| judged.judgement.verdict == verdict;
        verdicts.objects.iter().filter(of).count()
    };
    let severity = |severity| all().filter(|f| f.severity == severity).count();
    let document = Document {
        version: 1,
        kubernetes: version.to_string(),
        objects: Stream(|| verdicts.objects.iter().map(|o| object(sources, o))),
        findings: Stream(|| all().map(|f| finding(sources, f))),
        summary: json!({
            "accepted": count(Verdict::Accepted),
            "unknown": count(Verdict::Unknown),
            "rejected": count(Verdict::Rejected),
            "skipped": verdicts.skipped,
            "overlays": verdicts.overlays,
            "chartFiles": verdicts.chart_files,
            "errors": severity(Severity::Error),
            "warnings": severity(Severity::Warning),
            "infos": severity(Severity::Info),
            "ignored": verdicts.ignored.len(),
        }),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn object(sources: &Sources, judged: &Judged) -> Value {
    let mut fields = place(sources, Some(judged.span));
    for (name, text) in [
        ("apiVersion", judged.api_version.as_str()),
        ("kind", &judged.id.kind),
        ("namespace", &judged.id.namespace),
        ("name", &judged.id.name),
        ("verdict", judged.judgement.verdict.as_str()),
        (
            "reason",
            judged.judgement.unknown.as_deref().unwrap_or_default(),
        ),
    ] {
        set(&mut fields, name, text);
    }
    Value::Object(fields)
}

fn finding(sources: &Sources, finding: &Diagnostic) -> Value {
    let primary = finding.primary.as_ref();
    let mut fields = place(sources, primary.map(|label| label.span));
    for (name, text) in [
        ("rule", finding.rule.as_ref()),
        ("severity", finding.severity.as_str()),
        ("field", finding.field.as_deref().unwrap_or_default()),
        ("object", finding.object.as_deref().unwrap_or_default()),
        ("message", &finding.message),
        ("remark", primary.map_or("", |label| &label.text)),
        ("hint", finding.hint.as_deref().unwrap_or_default()),
    ] {
        set(&mut fields, name, text);
    }
    if let Some(place) = primary.and_then(|label| Place::of(sources, label.span)) {
        fields.insert("endLine".to_owned(), json!(place.end_line));
        fields.insert("endColumn".to_owned(), json!(place.end_column));
    }
    if !finding.notes.is_empty() {
        fields.insert("notes".to_owned(), json!(finding.notes));
    }
    Value::Object(fields)
}

/// A name without a value is left out.
fn set(fields: &mut Map<String, Value>, name: &str, text: &str) {
    if !text.is_empty() {
        fields.insert(name.to_owned(), json!(text));
    }
}

fn place(sources: &Sources, span: Option<Span>) -> Map<String, Value> {
    let mut fields = Map::new();
    let Some(place) = span.and_then(|span| Place::of(sources, span)) else {
        return fields;
    };
    fields.insert("file".to_owned(), json!(place.file));
    fields.insert("line".to_owned(), json!(place.line));
    fields.insert("column".to_owned(), json!(place.column));
    fields
}
