//! Our verdict beside the server's.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::Write as _;

use deployx::manifest::{Severity, Sources};
use deployx::validate::{Definitions, Judgement, Validator, Verdict, judge_file};
use serde_json::{Value, json};

use super::judge::Answer;
use super::plain_path::plain_path;

/// What deployx says of a manifest.
pub(crate) struct Ours {
    pub(crate) verdict: Verdict,
    /// The fields of its errors, without indices and keys.
    pub(crate) fields: Vec<String>,
    pub(crate) unknown: Option<String>,
    /// The server's words, as we have them, of rules in CEL.
    said: Vec<String>,
}

/// Judges a manifest of one object.
pub(crate) fn ours(validator: Validator, manifest: &str, definitions: &Definitions) -> Ours {
    let sources = Sources::new();
    let file = sources.add("mutant.yaml", manifest);
    let mut verdicts = judge_file(validator, &sources, file);
    verdicts.settle(validator, &sources, definitions.clone());
    let judgements = verdicts.objects.iter().map(|object| &object.judgement);
    Ours::of(judgements.collect())
}

impl Ours {
    /// Sums up the judgements of a manifest; one without any object is refused.
    pub(crate) fn of(judgements: Vec<&Judgement>) -> Self {
        let findings = judgements.iter().flat_map(|judgement| &judgement.findings);
        let errors = findings.filter(|finding| finding.severity == Severity::Error);
        let said = errors
            .clone()
            .filter(|finding| matches!(finding.rule.as_ref(), "cel-rule" | "cel-cost"))
            .flat_map(|finding| &finding.notes)
            .filter_map(|note| Some(note.split_once("would say: ")?.1.to_owned()))
            .collect();
        let fields = errors.filter_map(|finding| finding.field.as_deref());
        let mut fields: Vec<String> = fields.map(plain_path).collect();
        fields.sort();
        fields.dedup();
        let verdict = judgements.iter().map(|judgement| judgement.verdict).max();
        Self {
            verdict: verdict.unwrap_or(Verdict::Rejected),
            fields,
            said,
            unknown: judgements
                .iter()
                .find_map(|judgement| judgement.unknown.clone()),
        }
    }
}

/// How the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
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
fn difference(server: &Answer, ours: &Ours) -> Option<Difference> {
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
    /// What we say of rules in CEL of which the server says something too.
    pub(crate) said: usize,
    /// What of that is in its own words.
    pub(crate) quoted: usize,
}

impl Figures {
    fn count(&mut self, server: &Answer, ours: &Ours, difference: Option<Difference>) {
        if !server.accepted {
            let same = |words: &&String| server.message.contains(words.as_str());
            self.said += ours.said.len();
            self.quoted += ours.said.iter().filter(same).count();
        }
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
        self.said += other.said;
        self.quoted += other.quoted;
    }
}

/// Prints a table of figures with their sum, which it returns.
fn print(figures: &BTreeMap<String, Figures>) -> Figures {
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

/// All answers to the questions of a test, ours beside the server's.
pub(crate) struct Comparison {
    figures: BTreeMap<String, Figures>,
    /// Misses, false alarms and what is unknown, for the message of a failure.
    wrong: Vec<String>,
    /// Where every difference is written down, if the environment names a file.
    log: Option<File>,
}

impl Comparison {
    pub(crate) fn new() -> Self {
        let open = |path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap()
        };
        Self {
            figures: BTreeMap::new(),
            wrong: Vec::new(),
            log: env::var_os("DEPLOYX_DIFFERENCES").map(open),
        }
    }

    /// Compares two answers to a question about an object of a kind. `what` is it for people;
    /// `question` is it in full, as a mapping.
    pub(crate) fn add(
        &mut self,
        (kind, what): (&str, &str),
        question: impl FnOnce() -> Value,
        server: &Answer,
        ours: &Ours,
    ) {
        let found = difference(server, ours);
        let figures = self.figures.entry(kind.to_owned()).or_default();
        figures.count(server, ours, found);
        let Some(found) = found else {
            return;
        };
        let mut line = question();
        let words: String = server.message.chars().take(1500).collect();
        if !matches!(found, Difference::Unnamed | Difference::Inexact) {
            self.wrong.push(format!(
                "{found:?}: {kind}: {what}\n  server: {words}\n  ours: {:?} {:?}\n  {line}",
                ours.fields, ours.unknown
            ));
        }
        if let Some(log) = &mut self.log {
            let answers = json!({
                "difference": format!("{found:?}"), "kind": kind, "what": what,
                "code": server.code, "message": words, "fields": server.fields,
                "ours": ours.fields, "unknown": ours.unknown,
            });
            let answers = answers.as_object().unwrap().clone();
            line.as_object_mut().unwrap().extend(answers);
            // One write for a line: the tests write to the same file side by side.
            log.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
    }

    /// Prints the figures and fails where a verdict is wrong.
    pub(crate) fn finish(self) -> Figures {
        let all = print(&self.figures);
        let shown = self.wrong.iter().take(20).cloned().collect::<Vec<_>>();
        assert!(
            self.wrong.is_empty(),
            "{} verdicts differ from the server's:\n{}",
            self.wrong.len(),
            shown.join("\n")
        );
        all
    }
}
