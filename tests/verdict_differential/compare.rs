//! Our verdict beside the server's.

use std::collections::BTreeMap;

use deployx::manifest::{Severity, Sources};
use deployx::validate::{Definitions, Validator, Verdict, judge_file};

use super::judge::{Answer, plain_path};

/// What deployx says of a manifest.
pub(crate) struct Ours {
    pub(crate) verdict: Verdict,
    /// The fields of its errors, without indices and keys.
    pub(crate) fields: Vec<String>,
    pub(crate) unknown: Option<String>,
    /// The server's words, as we have them, of rules in CEL.
    pub(crate) said: Vec<String>,
}

/// Judges a manifest of one object.
pub(crate) fn ours(validator: Validator, manifest: &str, definitions: &Definitions) -> Ours {
    let sources = Sources::new();
    let file = sources.add("mutant.yaml", manifest);
    let mut verdicts = judge_file(validator, &sources, file);
    verdicts.settle(validator, &sources, definitions.clone());
    let judgements = || verdicts.objects.iter().map(|object| &object.judgement);
    let errors = judgements()
        .flat_map(|judgement| &judgement.findings)
        .filter(|finding| finding.severity == Severity::Error);
    let said = errors
        .clone()
        .filter(|finding| matches!(finding.rule.as_ref(), "cel-rule" | "cel-cost"))
        .flat_map(|finding| &finding.notes)
        .filter_map(|note| Some(note.split_once("would say: ")?.1.to_owned()))
        .collect();
    let mut fields: Vec<String> = errors
        .filter_map(|finding| finding.field.as_deref())
        .map(plain_path)
        .collect();
    fields.sort();
    fields.dedup();
    let verdict = judgements().map(|judgement| judgement.verdict).max();
    Ours {
        // A document that is no object at all yields nothing.
        verdict: verdict.unwrap_or(Verdict::Rejected),
        fields,
        said,
        unknown: judgements().find_map(|judgement| judgement.unknown.clone()),
    }
}

/// How the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The server refuses what we accept.
    Miss,
    /// We refuse what the server accepts.
    FalseAlarm,
    /// We cannot tell.
    Unknown,
    /// Both refuse, but for no field in common.
    Unnamed,
    /// Both refuse, but not for exactly the same fields. No fault: the server stops at the first
    /// stage that refuses, we do not.
    Inexact,
}

/// Compares the two; `None` where they agree to the field.
pub(crate) fn difference(server: &Answer, ours: &Ours) -> Option<Difference> {
    match (server.accepted, ours.verdict) {
        (_, Verdict::Unknown) => Some(Difference::Unknown),
        (true, Verdict::Accepted) => None,
        (true, Verdict::Rejected) => Some(Difference::FalseAlarm),
        (false, Verdict::Accepted) => Some(Difference::Miss),
        (false, Verdict::Rejected) => {
            let common = server
                .fields
                .iter()
                .any(|field| ours.fields.contains(field));
            if server.fields.is_empty() || server.fields == ours.fields {
                None
            } else if common {
                Some(Difference::Inexact)
            } else {
                Some(Difference::Unnamed)
            }
        }
    }
}

/// Figures of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) asked: usize,
    pub(crate) accepted: usize,
    pub(crate) misses: usize,
    pub(crate) alarms: usize,
    pub(crate) unknown: usize,
    /// Refusals for which the server names a field.
    pub(crate) nameable: usize,
    /// Those for which we name it too.
    pub(crate) named: usize,
    /// Those for which we name exactly the same fields.
    pub(crate) exact: usize,
}

impl Figures {
    pub(crate) fn count(&mut self, server: &Answer, difference: Option<Difference>) {
        self.asked += 1;
        self.accepted += usize::from(server.accepted);
        match difference {
            Some(Difference::Miss) => self.misses += 1,
            Some(Difference::FalseAlarm) => self.alarms += 1,
            Some(Difference::Unknown) => self.unknown += 1,
            _ => {}
        }
        if !server.accepted && !server.fields.is_empty() {
            self.nameable += 1;
            self.named += usize::from(matches!(difference, None | Some(Difference::Inexact)));
            self.exact += usize::from(difference.is_none());
        }
    }

    fn add(&mut self, other: Figures) {
        self.asked += other.asked;
        self.accepted += other.accepted;
        self.misses += other.misses;
        self.alarms += other.alarms;
        self.unknown += other.unknown;
        self.nameable += other.nameable;
        self.named += other.named;
        self.exact += other.exact;
    }
}

/// Prints a table of figures with their sum, which it returns.
pub(crate) fn print(figures: &BTreeMap<String, Figures>) -> Figures {
    let mut all = Figures::default();
    println!(
        "{:34} {:>6} {:>8} {:>6} {:>6} {:>7} {:>13} {:>6}",
        "kind", "asked", "accepted", "misses", "alarms", "unknown", "field named", "exact"
    );
    let row = |kind: &str, f: &Figures| {
        let named = format!("{}/{}", f.named, f.nameable);
        println!(
            "{kind:34} {:>6} {:>8} {:>6} {:>6} {:>7} {named:>13} {:>6}",
            f.asked, f.accepted, f.misses, f.alarms, f.unknown, f.exact
        );
    };
    for (kind, figures) in figures {
        row(kind, figures);
        all.add(*figures);
    }
    row("all", &all);
    all
}
