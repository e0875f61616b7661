//! The machine formats, on one input that has everything: an error, a warning, an unknown
//! verdict, a document that is no object, names that need escaping.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::manifest::{Diagnostic, Sources, Span};
use crate::schema::Version;
use crate::validate::{Validator, Verdicts, judge_file};

const TEXT: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  ports:
  - {prot: 80, port: 80}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: \"a<b>&\\\"c\"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fine}
---
just: [a
";

fn verdicts() -> (Sources, Verdicts) {
    let sources = Sources::new();
    let file = sources.add("prod, 50%/all.yaml", TEXT);
    let mut verdicts = judge_file(Validator::new(Version::newest()), &sources, file);
    let at = TEXT.find("fine").unwrap();
    let warning = Diagnostic::warning("odd", "two\nlines, 100% odd: \u{1b}x")
        .at(Span::new(file, at, at + 4), "here")
        .also(Span::new(file, 0, 10), "and there");
    verdicts.objects[2].judgement.findings.push(warning);
    let known = Diagnostic::warning("image-latest", "no tag").at(Span::new(file, at, at + 4), "");
    verdicts.ignored.push(crate::lint::Ignored {
        finding: known,
        reason: "on purpose".to_owned(),
        in_source: true,
    });
    (sources, verdicts)
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn sarif() -> Value {
    let (sources, verdicts) = verdicts();
    let version = Version::newest();
    let text = written(|out| findings_sarif(out, &sources, &verdicts, version));
    serde_json::from_str(&text).unwrap()
}

/// What sarif-schema-2.1.0.json says of the objects that are written: their members, which of
/// these are required, and closed sets.
fn sarif_schema() -> Value {
    let object = |required: &[&str], properties: Value| {
        json!({
            "type": "object", "required": required, "properties": properties,
            "additionalProperties": false,
        })
    };
    let list = |name: &str| json!({ "type": "array", "items": { "$ref": format!("#/definitions/{name}") } });
    let of = |name: &str| json!({ "$ref": format!("#/definitions/{name}") });
    let text = json!({ "type": "string" });
    let index = json!({ "type": "integer", "minimum": -1 });
    let number = json!({ "type": "integer", "minimum": 1 });
    let level = json!({ "enum": ["none", "note", "warning", "error"] });
    let mut log = object(
        &["version", "runs"],
        json!({
            "$schema": { "type": "string", "format": "uri" },
            "version": { "enum": ["2.1.0"] },
            "runs": list("run"),
        }),
    );
    log["definitions"] = json!({
        "run": object(&["tool"], json!({
            "tool": of("tool"), "results": list("result"), "properties": { "type": "object" },
            "columnKind": { "enum": ["utf16CodeUnits", "unicodeCodePoints"] },
        })),
        "tool": object(&["driver"], json!({ "driver": of("component") })),
        "component": object(&["name"], json!({
            "name": text, "version": text, "rules": list("descriptor"),
        })),
        "descriptor": object(&["id"], json!({
            "id": text, "shortDescription": of("message"), "fullDescription": of("message"),
            "help": of("help"),
            "defaultConfiguration": object(&[], json!({ "level": level })),
        })),
        "message": object(&["text"], json!({ "text": text })),
        "help": object(&["text"], json!({ "text": text, "markdown": text })),
        "suppression": object(&["kind"], json!({
            "kind": { "enum": ["inSource", "external"] }, "justification": text,
        })),
        "result": object(&["message"], json!({
            "ruleId": text, "ruleIndex": index, "level": level, "message": of("message"),
            "kind": { "enum": ["notApplicable", "pass", "fail", "review", "open", "informational"] },
            "locations": list("location"), "relatedLocations": list("location"),
            "suppressions": list("suppression"),
            "partialFingerprints": { "type": "object", "additionalProperties": text },
        })),
        "location": object(&[], json!({
            "physicalLocation": of("physical"), "message": of("message"),
            "logicalLocations": { "type": "array", "items": object(&[], json!({
                "fullyQualifiedName": text, "kind": text,
            }))},
        })),
        "physical": object(&["artifactLocation"], json!({
            "artifactLocation": object(&[], json!({
                "uri": { "type": "string", "pattern": "^[A-Za-z0-9/._~:%-]*$" }, "uriBaseId": text,
            })),
            "region": object(&["startLine"], json!({
                "startLine": number, "startColumn": number, "endLine": number, "endColumn": number,
            })),
        })),
    });
    log
}

#[test]
fn sarif_has_the_form_that_its_schema_demands() {
    let log = sarif();
    let schema = jsonschema::validator_for(&sarif_schema()).unwrap();
    let faults: Vec<String> = schema.iter_errors(&log).map(|e| e.to_string()).collect();
    assert_eq!(faults, [] as [String; 0], "{log:#}");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    assert_eq!(results[4]["suppressions"][0]["justification"], "on purpose");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        // `none` is for results that are no failures, and only for them.
        let is_open = result.get("kind").is_some();
        assert_eq!(result["level"] == "none", is_open, "{result}");
    }
    let physical = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(
        physical["artifactLocation"]["uri"],
        "prod%2C%2050%25/all.yaml"
    );
    let region = json!({ "startLine": 6, "startColumn": 6, "endLine": 6, "endColumn": 10 });
    assert_eq!(physical["region"], region);
    assert_eq!(results[1]["kind"], "open");
    let related = &results[2]["relatedLocations"][0];
    assert_eq!(related["message"]["text"], "and there");
}

#[test]
fn the_fingerprint_of_a_finding_outlives_lines_above_it() {
    let (sources, mut moved) = verdicts();
    let file = sources.add("prod, 50%/all.yaml", format!("# a comment\n{TEXT}"));
    moved.objects = judge_file(Validator::new(Version::newest()), &sources, file).objects;
    let text = written(|out| findings_sarif(out, &sources, &moved, Version::newest()));
    let after: Value = serde_json::from_str(&text).unwrap();
    let print = |log: &Value| log["runs"][0]["results"][0]["partialFingerprints"].clone();
    assert_eq!(print(&after), print(&sarif()));
}

#[test]
fn junit_has_a_suite_for_each_file_and_a_case_for_each_object() {
    let (sources, verdicts) = verdicts();
    let took = Duration::from_millis(12);
    let text = written(|out| findings_junit(out, &sources, &verdicts, took));
    insta::assert_snapshot!(text);
}

#[test]
fn github_gets_an_annotation_for_each_finding() {
    let (sources, verdicts) = verdicts();
    let text = written(|out| findings_github(out, &sources, &verdicts));
    insta::assert_snapshot!(text);
}
