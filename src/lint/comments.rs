//! Comments that switch a rule off: `# deployx: ignore[rule, rule] reason`.
//!
//! Comments are not in the tree, so the text is read. A comment holds for its line, or, on a line
//! of its own, for the next one, in both cases with everything that is indented below it; at the
//! head of a document it holds for all of it.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Mutex;

use smol_str::SmolStr;

use super::switches;
use crate::manifest::{Diagnostic, FileId, Sources, Span};

const MARK: &str = "# deployx: ignore";

/// The comments of the files that findings point into, each file read once.
#[derive(Debug, Default)]
pub struct Comments {
    files: Mutex<HashMap<FileId, Vec<Comment>>>,
}

#[derive(Clone, Debug)]
struct Comment {
    rules: Vec<SmolStr>,
    reason: String,
    /// The lines that it holds for, from 1.
    lines: RangeInclusive<usize>,
    /// First byte of the comment, and one past its last.
    at: (usize, usize),
}

impl Comments {
    /// Why a rule is off at a place, if it is.
    pub fn reason(&self, sources: &Sources, place: Span, rule: &str) -> Option<String> {
        let source = sources.get(place.file())?;
        let mut files = self
            .files
            .lock()
            .expect("no thread panics while it holds the list");
        let comments = files
            .entry(place.file())
            .or_insert_with(|| parse(&source.text));
        if comments.is_empty() {
            return None;
        }
        let line = source.position(place.start()).line;
        let found = comments.iter().find(|comment| {
            comment.lines.contains(&line) && comment.rules.iter().any(|r| r == rule)
        });
        found.map(|comment| comment.reason.clone())
    }
}

/// What is wrong with the comments of a file.
pub fn faults(
    sources: &Sources,
    file: FileId,
    known: &dyn Fn(&str) -> bool,
    ids: &[&str],
) -> Vec<Diagnostic> {
    let Some(source) = sources.get(file) else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    for comment in parse(&source.text) {
        let span = Span::new(file, comment.at.0, comment.at.1);
        if comment.rules.is_empty() {
            let message = "this comment names no rule";
            let finding = Diagnostic::warning(switches::SWITCH, message);
            faults.push(finding.at(span, "write `# deployx: ignore[rule] reason`"));
        }
        for rule in &comment.rules {
            faults.extend(switches::fault(
                known,
                ids,
                rule,
                &comment.reason,
                true,
                span,
            ));
        }
    }
    faults
}

/// Finds all comments of a text.
fn parse(text: &str) -> Vec<Comment> {
    // Almost no file has any.
    if !text.contains(MARK) {
        return Vec::new();
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let mut comments = Vec::new();
    let mut offset = 0;
    let mut at_head = true;
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        if let Some(at) = line.find(MARK).filter(|at| is_comment(line, *at)) {
            let own_line = trimmed.starts_with('#');
            let (rules, reason) = rules_of(&line[at + MARK.len()..]);
            let lines = if own_line && at_head {
                index + 1..=document_end(&lines, index)
            } else if own_line {
                let next = (index + 1..lines.len()).find(|&n| !is_blank(lines[n]));
                next.map_or(index + 1..=index + 1, |next| {
                    next + 1..=block_end(&lines, next)
                })
            } else {
                index + 1..=block_end(&lines, index)
            };
            let at = (offset + at, offset + line.trim_end().len());
            comments.push(Comment {
                rules,
                reason,
                lines,
                at,
            });
        }
        if line.starts_with("---") {
            at_head = true;
        } else if !is_blank(line) {
            at_head = false;
        }
        offset += line.len() + 1;
    }
    comments
}

/// Whether a `#` begins a comment: at the start of a line or after a space.
fn is_comment(line: &str, at: usize) -> bool {
    line[..at]
        .chars()
        .next_back()
        .is_none_or(char::is_whitespace)
}

/// Reads `[rule, rule] reason`.
fn rules_of(rest: &str) -> (Vec<SmolStr>, String) {
    let Some((rules, reason)) = rest
        .trim_start()
        .strip_prefix('[')
        .and_then(|r| r.split_once(']'))
    else {
        return (Vec::new(), rest.trim().to_owned());
    };
    let rules = rules
        .split(',')
        .map(str::trim)
        .filter(|rule| !rule.is_empty());
    let reason = reason.trim().trim_start_matches([':', '-']).trim();
    (rules.map(SmolStr::new).collect(), reason.to_owned())
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The last line of a document, from 1.
fn document_end(lines: &[&str], from: usize) -> usize {
    let end = (from + 1..lines.len()).find(|&n| lines[n].starts_with("---"));
    end.unwrap_or(lines.len())
}

/// The last line of what is indented below a line, from 1.
fn block_end(lines: &[&str], from: usize) -> usize {
    let first = indent(lines[from]);
    let item = lines[from].trim_start().starts_with("- ");
    let ends = |line: &str| {
        let deeper = indent(line) > first
            // A list may stand as far left as the key that it belongs to.
            || !item && indent(line) == first && line.trim_start().starts_with('-') && !line.starts_with("---");
        !is_blank(line) && !deeper
    };
    let end = (from + 1..lines.len()).find(|&n| ends(lines[n]));
    end.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_hold_for_what_stands_below_them() {
        let text = "\
# deployx: ignore[whole] all of it
kind: A
spec:
  # deployx: ignore[block, other] because
  ports:
  - port: 1
    name: x
  - port: 2 # deployx: ignore[item] - so
    name: y
  last: \"# deployx: ignore[no]\"
---
kind: B
# deployx: ignore nothing
";
        let sources = Sources::new();
        let file = sources.add("a.yaml", text);
        let comments = Comments::default();
        let mut told = Vec::new();
        let mut offset = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let place = Span::new(file, offset, offset + 1);
            for rule in ["whole", "block", "item", "no"] {
                if let Some(reason) = comments.reason(&sources, place, rule) {
                    told.push(format!("{} {rule}: {reason}", number + 1));
                }
            }
            offset += line.len();
        }
        let wanted = |rule: &str, lines: RangeInclusive<usize>, reason: &str| -> Vec<String> {
            lines
                .map(|line| format!("{line} {rule}: {reason}"))
                .collect()
        };
        let mut all = wanted("whole", 1..=10, "all of it");
        all.extend(wanted("block", 5..=9, "because"));
        all.extend(wanted("item", 8..=9, "so"));
        told.sort();
        all.sort();
        assert_eq!(told, all);
        let known = |rule: &str| rule != "item";
        let faults = faults(&sources, file, &known, &["items"]);
        let faults: Vec<_> = faults.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(
            faults,
            [
                "there is no rule `item` that can be switched",
                "this comment names no rule"
            ]
        );
    }
}
