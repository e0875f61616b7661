//! The verdict and the lint together: what is told of the objects of a run.

use super::Verdicts;
use super::warnings;
use crate::lint::{self, Comments, Facts, Options, Outcome, RULES, Rule, Scope, Shared, Switches};
use crate::manifest::{Diagnostic, FileId, Severity, Sources};
use crate::parallel::on_all_cores;
use crate::schema::Version;

/// From this many files on, their comments are read on all cores.
const MANY_FILES: usize = 500;

/// How the lint is run.
#[derive(Debug)]
pub struct Lint<'s> {
    /// The version of Kubernetes that the objects are for.
    pub version: Version,
    /// Whether the input holds everything that it refers to.
    pub complete: bool,
    /// The least severity that is told; `None` for no lint at all.
    pub least: Option<Severity>,
    /// The switches of the project.
    pub switches: &'s Switches,
}

/// A rule that can be switched.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// Stable identifier in kebab case.
    pub id: &'static str,
    /// How much a finding weighs, unless a switch says otherwise.
    pub severity: Severity,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Its page, in Markdown.
    pub page: &'static str,
    /// Whether it is a warning of the API server.
    pub of_server: bool,
}

/// The rules that can be switched: those of the lint, then the server's warnings.
pub fn rules() -> impl Iterator<Item = RuleInfo> {
    let lint = RULES.iter().map(|rule| RuleInfo {
        id: rule.id,
        severity: rule.severity,
        summary: rule.summary,
        page: rule.page,
        of_server: false,
    });
    let switch = RuleInfo {
        id: "lint-switch",
        severity: Severity::Warning,
        summary: "a switch without a reason, or for a rule that there is not",
        page: include_str!("../../docs/rules/lint-switch.md"),
        of_server: false,
    };
    let warnings = warnings::RULES.iter().map(|&(id, summary, page)| RuleInfo {
        id,
        severity: Severity::Warning,
        summary,
        page,
        of_server: true,
    });
    lint.chain([switch]).chain(warnings)
}

/// The rules of the verdict, which cannot be switched: a table in Markdown, one row each.
pub const VERDICT_RULES: &str = include_str!("../../docs/rules/verdict.md");

/// The identifiers of all rules that can be switched.
fn rule_ids() -> Vec<&'static str> {
    rules().map(|rule| rule.id).collect()
}

impl Lint<'_> {
    /// Runs the rules over the objects of one input. The findings stand with the positions of
    /// their objects.
    pub fn findings(
        &self,
        sources: &Sources,
        verdicts: &Verdicts,
        scope: Scope,
    ) -> Vec<(usize, Diagnostic)> {
        let Some(least) = self.least else {
            return Vec::new();
        };
        let objects = verdicts.objects.iter().enumerate();
        let (positions, facts): (Vec<usize>, Vec<&Facts>) = objects
            .filter_map(|(index, judged)| Some((index, judged.facts.as_deref()?)))
            .unzip();
        let options = Options {
            version: self.version,
            complete: self.complete,
        };
        let wanted =
            |rule: &Rule, severity: Severity| self.switches.wants(rule.id, severity, least);
        let found = lint::run(sources, options, scope, &facts, wanted);
        let found = found
            .into_iter()
            .map(|(index, finding)| (positions[index], finding));
        found.collect()
    }

    /// Decides what is told of the verdicts' warnings and of the lint's findings. Call it once for
    /// all inputs together, when custom resources are judged.
    pub fn settle(
        &self,
        sources: &Sources,
        verdicts: &mut Verdicts,
        found: Vec<(usize, Diagnostic)>,
    ) {
        let comments = Comments::default();
        let mut shared = Shared::default();
        let ids = rule_ids();
        let known = |rule: &str| ids.contains(&rule);
        let least = self.least.unwrap_or(Severity::Warning);
        let mut found = found.into_iter().peekable();
        for (index, judged) in verdicts.objects.iter_mut().enumerate() {
            let findings = &mut judged.judgement.findings;
            // Errors of the verdict cannot be switched off: the server does not listen.
            let is_open = |finding: &mut Diagnostic| finding.severity != Severity::Error;
            let mut open: Vec<Diagnostic> = findings.extract_if(.., is_open).collect();
            while let Some((_, finding)) = found.next_if(|(at, _)| *at == index) {
                if shared.is_new(&finding) {
                    open.push(finding);
                }
            }
            let facts = judged.facts.take();
            let facts = facts.as_deref();
            if let Some(facts) = facts.filter(|_| self.least.is_some()) {
                let faults = lint::annotation_faults(facts, &known, &ids).into_iter();
                open.extend(faults.map(|fault| fault.in_object(judged.id.to_string())));
            }
            for finding in open {
                match self
                    .switches
                    .decide(sources, &comments, &judged.id, facts, least, finding)
                {
                    Outcome::Told(finding) => findings.push(finding),
                    Outcome::Ignored(ignored) => verdicts.ignored.push(ignored),
                    Outcome::Dropped => {}
                }
            }
        }
        if !shared.is_any() {
            return;
        }
        for finding in verdicts
            .objects
            .iter_mut()
            .flat_map(|o| &mut o.judgement.findings)
        {
            match shared.others(finding) {
                0 => {}
                1 => finding.notes.push("the same in 1 more overlay".to_owned()),
                more => finding
                    .notes
                    .push(format!("the same in {more} more overlays")),
            }
        }
    }

    /// What is wrong with the switches themselves: those of the project, and the comments of files
    /// by the files' names.
    pub fn faults(&self, sources: &Sources, files: &[FileId]) -> Vec<Diagnostic> {
        if self.least.is_none() {
            return Vec::new();
        }
        let ids = rule_ids();
        let known = |rule: &str| ids.contains(&rule);
        let mut faults = self.switches.faults(&known, &ids);
        let of = |file: &FileId| lint::comment_faults(sources, *file, &known, &ids);
        let of_files = if files.len() < MANY_FILES {
            files.iter().map(of).collect()
        } else {
            on_all_cores(files, of)
        };
        // Files were read in any order. Few have a fault.
        let mut wrong: Vec<_> = files.iter().zip(of_files).collect();
        wrong.retain(|(_, faults)| !faults.is_empty());
        wrong.sort_by_cached_key(|(file, _)| sources.get(**file).map(|source| source.name.clone()));
        faults.extend(wrong.into_iter().flat_map(|(_, faults)| faults));
        faults
    }
}

#[cfg(test)]
#[path = "linted_cases.rs"]
mod cases;
#[cfg(test)]
#[path = "linted_tests.rs"]
mod tests;
