//! Makes a case that differs smaller, and shows it.

use super::compare::{Difference, Oracle, compare};
use super::tree::Tree;

/// Makes a case smaller as long as it differs in the same way.
pub(crate) fn shrink(oracle: &Oracle, tree: &Tree, found: Difference) -> (Tree, Difference) {
    let mut best = (tree.clone(), found);
    let kind = best.1.kind();
    let mut budget = 600;
    loop {
        let before = best.0.clone();
        for path in before.files.keys() {
            shrink_file(oracle, path, kind, &mut best, &mut budget);
        }
        if best.0 == before || budget == 0 {
            return best;
        }
    }
}

fn shrink_file(
    oracle: &Oracle,
    path: &str,
    kind: &str,
    best: &mut (Tree, Difference),
    budget: &mut usize,
) {
    let mut attempt = |candidate: Tree, best: &mut (Tree, Difference)| {
        if *budget == 0 {
            return false;
        }
        *budget -= 1;
        match compare(oracle, &candidate) {
            Some(difference) if difference.kind() == kind => {
                *best = (candidate, difference);
                true
            }
            _ => false,
        }
    };
    let mut without = best.0.clone();
    without.files.remove(path);
    if attempt(without, best) {
        return;
    }
    let Ok(text) = String::from_utf8(best.0.files[path].clone()) else {
        return;
    };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut size = lines.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < lines.len() {
            let end = (at + size).min(lines.len());
            let mut fewer = lines.clone();
            fewer.drain(at..end);
            let mut candidate = best.0.clone();
            candidate
                .files
                .insert(path.to_owned(), fewer.concat().into_bytes());
            if attempt(candidate, best) {
                lines = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
}

/// A tree as text that people can put back into files.
pub(crate) fn show(tree: &Tree) -> String {
    let files = tree.files.iter();
    let files =
        files.map(|(path, bytes)| format!("--> {path}\n{}", String::from_utf8_lossy(bytes)));
    format!(
        "build {}\n{}",
        tree.root,
        files.collect::<Vec<_>>().join("\n")
    )
}
