//! Verdicts as SARIF 2.1.0, which code scanning services read: one run, one result for each
//! finding, with its region. An unknown verdict is a result of kind `open`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::place::{Place, words};
use super::stream::Stream;
use crate::lint::Ignored;
use crate::manifest::{Diagnostic, Severity, Sources};
use crate::schema::Version;
use crate::validate::{Judged, Verdict, Verdicts, switchable_rules};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The rule of objects whose verdict is unknown.
const UNKNOWN: &str = "no-schema";

#[derive(Serialize)]
struct Log<R> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<R>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<R> {
    tool: Value,
    column_kind: &'static str,
    properties: Value,
    results: R,
}

/// Writes the verdicts, with a final newline.
///
/// # Errors
/// The writer's.
pub fn findings_sarif(
    out: &mut dyn Write,
    sources: &Sources,
    verdicts: &Verdicts,
    version: Version,
) -> io::Result<()> {
    let mut rules = BTreeMap::new();
    let ignored = || verdicts.ignored.iter();
    for finding in verdicts
        .findings()
        .chain(ignored().map(|ignored| &ignored.finding))
    {
        let level = rules.entry(rule(finding)).or_insert(Severity::Info);
        *level = finding.severity.max(*level);
    }
    for judged in &verdicts.objects {
        if judged.judgement.verdict == Verdict::Unknown {
            rules.entry(UNKNOWN).or_insert(Severity::Info);
        }
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(n, r)| (*r, n)).collect();
    let results = || {
        let of_objects = verdicts.objects.iter().flat_map(|judged| {
            let findings = judged.judgement.findings.iter();
            findings
                .map(|finding| result(sources, finding, &index))
                .chain(open(sources, judged, &index))
        });
        let remarks = verdicts.remarks.iter();
        of_objects
            .chain(remarks.map(|finding| result(sources, finding, &index)))
            .chain(ignored().map(|ignored| suppressed(sources, ignored, &index)))
    };
    let descriptors: Vec<_> = rules.into_iter().map(descriptor).collect();
    let document = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: json!({ "driver": {
                "name": "deployx",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": descriptors,
            }}),
            column_kind: "unicodeCodePoints",
            properties: json!({ "kubernetes": version.to_string() }),
            results: Stream(results),
        }],
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn rule(finding: &Diagnostic) -> &str {
    match finding.rule.as_ref() {
        "" => "other",
        rule => rule,
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn descriptor((id, severity): (&str, Severity)) -> Value {
    let mut descriptor = json!({
        "id": id,
        "shortDescription": { "text": id.replace('-', " ") },
        "defaultConfiguration": { "level": level(severity) },
    });
    if let Some(rule) = switchable_rules().find(|rule| rule.id == id) {
        descriptor["fullDescription"] = json!({ "text": rule.summary });
        descriptor["help"] = json!({ "text": rule.page, "markdown": rule.page });
    }
    descriptor
}

/// A finding that was switched off.
fn suppressed(sources: &Sources, ignored: &Ignored, index: &BTreeMap<&str, usize>) -> Value {
    let mut result = result(sources, &ignored.finding, index);
    let kind = if ignored.in_source {
        "inSource"
    } else {
        "external"
    };
    result["suppressions"] = json!([{ "kind": kind, "justification": ignored.reason }]);
    result
}

fn result(sources: &Sources, finding: &Diagnostic, index: &BTreeMap<&str, usize>) -> Value {
    let place = Place::of_finding(sources, finding);
    let name = [&finding.object, &finding.field].map(|part| part.as_deref().unwrap_or_default());
    let rule = rule(finding);
    let file = place.as_ref().map_or("", |place| &place.file);
    let mut result = json!({
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": level(finding.severity),
        "message": { "text": words(finding) },
        "locations": [location(place.as_ref(), &name.join(" "))],
        "partialFingerprints": {
            "deployx/v1": fingerprint(&[rule, file, name[0], name[1], &finding.message]),
        },
    });
    let related: Vec<Value> = finding
        .secondary
        .iter()
        .filter_map(|label| Some((Place::of(sources, label.span)?, label)))
        .map(|(place, label)| {
            let mut location = location(Some(&place), "");
            location["message"] = json!({ "text": label.text });
            location
        })
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    result
}

/// The result that says that nothing is known of an object.
fn open(sources: &Sources, judged: &Judged, index: &BTreeMap<&str, usize>) -> Option<Value> {
    let reason = judged.judgement.unknown.as_deref()?;
    let place = Place::of(sources, judged.span).map(|place| Place {
        // The whole object would be marked otherwise.
        end_line: place.line,
        end_column: place.column,
        ..place
    });
    let name = judged.id.to_string();
    let file = place.as_ref().map_or("", |place| &place.file);
    Some(json!({
        "ruleId": UNKNOWN,
        "ruleIndex": index[UNKNOWN],
        "kind": "open",
        "level": "none",
        "message": { "text": reason },
        "locations": [location(place.as_ref(), &name)],
        "partialFingerprints": { "deployx/v1": fingerprint(&[UNKNOWN, file, &name]) },
    }))
}

/// A location; without a place only the name of what it is about.
fn location(place: Option<&Place>, name: &str) -> Value {
    let mut location = json!({});
    if let Some(place) = place {
        let mut region = json!({ "startLine": place.line, "startColumn": place.column });
        if (place.end_line, place.end_column) > (place.line, place.column) {
            region["endLine"] = place.end_line.into();
            region["endColumn"] = place.end_column.into();
        }
        location["physicalLocation"] = json!({
            "artifactLocation": artifact(&place.file),
            "region": region,
        });
    }
    let name = name.trim();
    if !name.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": name, "kind": "object" }]);
    }
    location
}

/// A file as a URI: relative to the working directory, or absolute.
fn artifact(file: &str) -> Value {
    let uri = encode(file);
    if file.starts_with('/') {
        return json!({ "uri": format!("file://{uri}") });
    }
    json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
}

/// Percent-encodes a path for a URI (RFC 3986, section 3.3; `:` too, lest it end a scheme).
fn encode(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// What makes a finding the same one after lines were added above it.
fn fingerprint(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\0").as_bytes());
    let mut hex = String::with_capacity(32);
    for byte in &digest[..16] {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
