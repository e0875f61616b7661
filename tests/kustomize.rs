//! The native overlay build against kustomize's own outputs.
//!
//! `DEPLOYX_CORPUS` names a directory with real kustomizations and what kustomize prints for
//! them; without it the test says so and passes.
#![expect(clippy::print_stdout, reason = "it is run to be read")]

use std::fs;
use std::path::{Path, PathBuf};

use deployx::kustomize::{Builder, LoadRestrictions, Options};
use deployx::manifest::Sources;
use deployx::manifest::emit::emit_all;
use serde_json::Value as Json;

/// One directory to build, and what must come out.
struct Case {
    name: String,
    root: PathBuf,
    restrictions: LoadRestrictions,
    /// `None`: kustomize refuses it, and so must we.
    expected: Option<PathBuf>,
}

fn corpus() -> Option<PathBuf> {
    let corpus = std::env::var_os("DEPLOYX_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        println!(
            "DEPLOYX_CORPUS is not set: the corpus of overlays was not given, nothing is compared"
        );
    }
    corpus
}

fn restrictions(lifted: bool) -> LoadRestrictions {
    if lifted {
        LoadRestrictions::None
    } else {
        LoadRestrictions::RootOnly
    }
}

/// Kustomizations of public repositories. What kustomize itself could not build for want of a
/// network, Helm or a plugin does not count.
fn roots(corpus: &Path) -> Vec<Case> {
    let index =
        fs::read_to_string(corpus.join("kustomize-index.jsonl")).expect("an index of roots");
    let rows = index
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).expect("a line of JSON"));
    rows.filter_map(|row| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let result = text("result");
        let skipped = ["remote-base", "helm-needed", "external-plugin"];
        if skipped.contains(&result.as_str()) {
            return None;
        }
        Some(Case {
            name: text("root"),
            root: corpus.join("repos").join(text("root")),
            restrictions: restrictions(text("load_restrictor") == "none"),
            expected: (result == "ok").then(|| corpus.join(text("expected"))),
        })
    })
    .collect()
}

/// Cases of kustomize's own tests.
fn cases(folder: &Path, expected: &str) -> Vec<Case> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut cases: Vec<Case> = entries
        .filter_map(|entry| {
            let folder = entry.path();
            let text = fs::read_to_string(folder.join("case.json")).ok()?;
            let case: Json = serde_json::from_str(&text).expect("a case");
            let output = folder.join(expected);
            Some(Case {
                name: entry.file_name().to_string_lossy().into_owned(),
                root: folder.join("in").join(case["root"].as_str().unwrap_or(".")),
                restrictions: restrictions(case["load_restrictor_none"] == true),
                expected: output.exists().then_some(output),
            })
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// Builds all cases in one run and returns what is wrong.
fn wrong(cases: &[Case]) -> Vec<String> {
    let sources = Sources::new();
    let builder = |restrictions| {
        let options = Options {
            load_restrictions: restrictions,
            ..Options::default()
        };
        Builder::new(&sources, options)
    };
    let (strict, lax) = (
        builder(LoadRestrictions::RootOnly),
        builder(LoadRestrictions::None),
    );
    let mut wrong = Vec::new();
    for case in cases {
        let builder = if case.restrictions == LoadRestrictions::None {
            &lax
        } else {
            &strict
        };
        let fault = match (builder.build(&case.root), &case.expected) {
            (Ok(_), None) => Some("kustomize refuses this".to_owned()),
            (Err(_), None) => None,
            (Err(faults), Some(_)) => Some(faults.to_string()),
            (Ok(build), Some(expected)) => {
                let want = fs::read_to_string(expected).expect("an expected output");
                let got = emit_all(build.objects.iter().map(|object| &object.root));
                (got != want).then(|| first_difference(&got, &want))
            }
        };
        wrong.extend(fault.map(|fault| format!("{}: {fault}", case.name)));
    }
    wrong
}

fn first_difference(got: &str, want: &str) -> String {
    let mut lines = got.lines().zip(want.lines()).enumerate();
    match lines.find(|(_, (got, want))| got != want) {
        Some((at, (got, want))) => format!("line {}: `{got}`, not `{want}`", at + 1),
        None => format!(
            "{} lines, not {}",
            got.lines().count(),
            want.lines().count()
        ),
    }
}

#[test]
fn overlays_of_public_repositories_are_built_byte_for_byte() {
    let Some(corpus) = corpus() else { return };
    let cases = roots(&corpus);
    assert!(cases.len() > 800, "{} roots", cases.len());
    let wrong = wrong(&cases);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn kustomizes_own_cases_are_built_byte_for_byte() {
    let Some(corpus) = corpus() else { return };
    let mut all = cases(&corpus.join("krusty"), "expected-kubectl.yaml");
    all.extend(cases(
        &corpus.join("krusty-plugins"),
        "expected-kubectl.yaml",
    ));
    assert!(all.len() > 110, "{} cases", all.len());
    let wrong = wrong(&all);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
