//! Verdicts for people: the findings, what is unknown, and one line that sums up.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::style::{Role, Style, count};
use crate::manifest::{Diagnostic, Severity, Sources};
use crate::parallel::in_order;
use crate::schema::Version;
use crate::validate::{Verdict, Verdicts};

/// So many findings are put into text at a time, on all cores.
const AT_ONCE: usize = 64;

/// Writes the verdicts.
///
/// # Errors
/// The writer's.
pub fn findings_human(
    out: &mut dyn Write,
    sources: &Sources,
    verdicts: &Verdicts,
    version: Version,
    took: Duration,
    style: Style,
) -> io::Result<()> {
    let (mut errors, mut warnings) = (0, 0);
    let findings: Vec<&Diagnostic> = verdicts.findings().collect();
    for finding in &findings {
        match finding.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
            Severity::Info => {}
        }
    }
    let some: Vec<&[&Diagnostic]> = findings.chunks(AT_ONCE).collect();
    let shown = |some: &&[&Diagnostic]| {
        let texts = some.iter();
        let texts = texts.map(|finding| super::diagnostic(sources, finding, style) + "\n");
        texts.collect::<String>()
    };
    in_order(&some, shown, |text| out.write_all(text.as_bytes()))?;
    let mut unknown = 0;
    for (reason, number) in reasons(verdicts) {
        unknown += number;
        let head = style.paint(Role::Warning, "unknown");
        writeln!(
            out,
            "{head}: {} ({})",
            super::diagnostic::printable(reason),
            count(number, "object")
        )?;
    }
    let mut parts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    if parts.is_empty() {
        parts.push("nothing wrong".to_owned());
    }
    if unknown > 0 {
        parts.push(format!("{unknown} unknown"));
    }
    if !verdicts.ignored.is_empty() {
        parts.push(format!("{} ignored", verdicts.ignored.len()));
    }
    // What could not be read is no object.
    let objects = verdicts.objects.iter().filter(|o| !o.id.kind.is_empty());
    let mut judged = count(objects.count(), "object");
    if verdicts.overlays > 0 {
        judged.push_str(&format!(", {}", count(verdicts.overlays, "overlay")));
    }
    if verdicts.charts > 0 {
        judged.push_str(&format!(", {}", count(verdicts.charts, "chart")));
    }
    if verdicts.skipped > 0 {
        judged.push_str(&format!(
            ", {} skipped",
            count(verdicts.skipped, "other document")
        ));
    }
    if verdicts.chart_files > 0 {
        judged.push_str(&format!(
            ", {} skipped",
            count(verdicts.chart_files, "chart file")
        ));
    }
    let millis = took.as_millis();
    writeln!(
        out,
        "{} · {judged} · Kubernetes {version} · {millis} ms",
        parts.join(", ")
    )
}

/// Why objects are unknown, with their number.
fn reasons(verdicts: &Verdicts) -> BTreeMap<&str, usize> {
    let mut reasons = BTreeMap::new();
    for judged in &verdicts.objects {
        if let (Verdict::Unknown, Some(reason)) =
            (judged.judgement.verdict, &judged.judgement.unknown)
        {
            *reasons.entry(reason.as_str()).or_insert(0) += 1;
        }
    }
    reasons
}
