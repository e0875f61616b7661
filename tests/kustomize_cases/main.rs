//! Small cases of our own, built by the real kustomize and in process: equal bytes, or both refuse.
//!
//! The files of this folder hold them: `=== NAME` begins a case, `--> PATH` a file of it. The
//! folder that is built is `root`, or the only one. `!5.5` or `!5.8` behind the name leaves that
//! kustomize out, with the reason in the line below. `\uFEFF` stands for a byte order mark.

#[path = "../cluster/mod.rs"]
mod cluster;
#[path = "../kustomize_random/compare.rs"]
mod compare;
#[path = "../kustomize_random/tree.rs"]
mod tree;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use compare::Oracle;
use deployx::kustomize::Compat;
use tree::Tree;

struct Case {
    name: String,
    /// The kustomize that is left out.
    without: Option<String>,
    tree: Tree,
}

/// All cases of the folder.
fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kustomize_cases");
    let entries = std::fs::read_dir(folder).expect("the folder of this test");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let text = |path| std::fs::read_to_string(path).expect("a text");
    paths.iter().flat_map(|path| read(&text(path))).collect()
}

fn read(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for case in format!("\n{text}").split("\n=== ").skip(1) {
        let (head, body) = case.split_once('\n').expect("a case has files");
        let mut words = head.split_whitespace();
        let name = words.next().expect("a name").to_owned();
        let without = words
            .next()
            .map(|word| word.trim_start_matches('!').to_owned());
        let files = format!("\n{body}\n");
        let files = files.split("\n--> ").skip(1).map(|file| {
            let (path, content) = file.split_once('\n').expect("a path");
            let content = content
                .trim_end_matches('\n')
                .replace("\\uFEFF", "\u{feff}");
            (path.trim().to_owned(), format!("{content}\n").into_bytes())
        });
        let files: std::collections::BTreeMap<_, _> = files.collect();
        let root = if files.keys().any(|path| path.starts_with("root/")) {
            "root"
        } else {
            "."
        };
        let root = root.to_owned();
        cases.push(Case {
            name,
            without,
            tree: Tree { files, root },
        });
    }
    cases
}

/// Compares on two threads; returns what differs.
fn wrong(oracle: &Oracle, version: &str) -> Vec<String> {
    let mut cases = cases();
    cases.retain(|case| case.without.as_deref() != Some(version));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(difference) = compare::compare(oracle, &case.tree) {
                wrong.push(format!("=== {}: {}", case.name, difference.show()));
            }
        }
        wrong
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut wrong = work();
        wrong.extend(other.join().expect("no panic"));
        wrong
    })
}

#[test]
fn small_cases_are_built_as_by_kustomize() {
    let oracle = Oracle {
        program: cluster::tools().kustomize(),
        compat: Compat::V5_8,
    };
    let wrong = wrong(&oracle, "5.8");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn small_cases_are_built_as_by_kustomize_5_5() {
    let oracle = Oracle {
        program: cluster::Tools::kustomize_5_5(),
        compat: Compat::V5_5,
    };
    let wrong = wrong(&oracle, "5.5");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
