//! Our verdicts held against those of a real API server, on manifests that lie outside the
//! repository: `DEPLOYX_VERDICTS` names a folder with `verdicts/*.jsonl.zst` and `oracle/`.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "support/plain_path.rs"]
mod plain_path;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deployx::manifest::{Severity, Sources};
use deployx::parallel::on_all_cores;
use deployx::validate::{Definitions, Validator, Verdict, judge_file};
use serde_json::Value;

use plain_path::plain_path;

/// What came of a set.
#[derive(Debug, Default)]
struct Score {
    misses: Vec<String>,
    alarms: Vec<String>,
    unknown: usize,
    /// Refusals for which the server names a field, and those for which we name it too.
    nameable: usize,
    named: usize,
}

/// The cases of a file of lines.
fn lines(set: &Path) -> Vec<Value> {
    let output = Command::new("zstd").arg("-dcq").arg(set).output().unwrap();
    assert!(output.status.success(), "{}", set.display());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The cases of a folder with `truth.json`.
fn folder(set: &Path) -> Vec<Value> {
    let truth = fs::read_to_string(set.join("truth.json")).unwrap();
    let truth: serde_json::Map<String, Value> = serde_json::from_str(&truth).unwrap();
    let with_text = |(name, mut case): (String, Value)| {
        let text = fs::read(set.join(&name)).unwrap();
        case["manifest"] = String::from_utf8_lossy(&text).into();
        case["id"] = name.into();
        case
    };
    truth.into_iter().map(with_text).collect()
}

/// Judges every case of a set, on all cores.
fn score(cases: &[Value], version: &str) -> Score {
    let parts: Vec<&[Value]> = cases.chunks(50).collect();
    let mut total = Score::default();
    for part in on_all_cores(&parts, |part| score_of(part, version)) {
        total.misses.extend(part.misses);
        total.alarms.extend(part.alarms);
        total.unknown += part.unknown;
        total.nameable += part.nameable;
        total.named += part.named;
    }
    total
}

fn score_of(cases: &[Value], version: &str) -> Score {
    let validator = Validator::new(version.parse().unwrap());
    let mut score = Score::default();
    for case in cases {
        let sources = Sources::new();
        let file = sources.add("case.yaml", case["manifest"].as_str().unwrap());
        let mut verdicts = judge_file(validator, &sources, file);
        verdicts.settle(validator, &sources, Definitions::default());
        let objects = || verdicts.objects.iter().map(|object| &object.judgement);
        let verdict = objects().map(|judgement| judgement.verdict).max();
        let id = case["id"].as_str().unwrap_or_default().to_owned();
        match (case["accepted"].as_bool().unwrap(), verdict) {
            (true, Some(Verdict::Rejected)) => score.alarms.push(id),
            (false, Some(Verdict::Accepted)) => score.misses.push(id),
            (_, Some(Verdict::Unknown) | None) => score.unknown += 1,
            (true, _) => {}
            (false, _) => {
                let fields = case["fields"].as_array().map_or(&[][..], Vec::as_slice);
                let errors = objects().flat_map(|judgement| &judgement.findings);
                let ours: Vec<String> = errors
                    .filter(|finding| finding.severity == Severity::Error)
                    .filter_map(|finding| finding.field.as_deref().map(plain_path))
                    .collect();
                let is_ours = |field: &Value| ours.contains(&plain_path(field.as_str().unwrap()));
                score.nameable += usize::from(!fields.is_empty());
                score.named += usize::from(fields.iter().any(is_ours));
            }
        }
    }
    score
}

#[test]
fn verdicts_are_those_of_the_server() {
    let Some(given) = std::env::var_os("DEPLOYX_VERDICTS").map(PathBuf::from) else {
        println!("DEPLOYX_VERDICTS is not set: no verdicts were given, nothing is compared");
        return;
    };
    let set = |name: &str| lines(&given.join("verdicts").join(format!("{name}.jsonl.zst")));
    // One mutant was judged in another namespace than it names, for a label called `namespace`.
    for (name, cases, version, allowed) in [
        ("oracle", folder(&given.join("oracle")), "1.37", 0),
        ("real", set("real"), "1.37", 0),
        ("mutants", set("mutants"), "1.37", 1),
        ("mutants-1.33", set("mutants-1.33"), "1.33", 1),
    ] {
        let score = score(&cases, version);
        println!(
            "{name}: {} cases, misses {:?}, false alarms {:?}, unknown {}, field named {}/{}",
            cases.len(),
            score.misses,
            score.alarms,
            score.unknown,
            score.named,
            score.nameable
        );
        assert_eq!(score.alarms, [""; 0], "{name}: false alarms");
        assert!(score.misses.len() <= allowed, "{name}: {:?}", score.misses);
        assert_eq!(score.unknown, 0, "{name}: unknown");
        assert!(score.named * 100 >= score.nameable * 95, "{name}: fields");
    }
}
