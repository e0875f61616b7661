//! The API server's own verdict, offline: what a kube-apiserver of a given version, with default
//! flags, answers to the creation of an object.
//!
//! A verdict is a function of the object and the version. All faults are found, not only the
//! first one as the server does.

mod absent;
mod cel;
mod custom;
mod decode;
mod document;
mod fault;
mod forget;
mod kind;
mod linted;
mod lists;
mod neighbours;
mod place;
mod rules;
mod scalar;
mod unions;
mod update;
mod view;
mod warnings;

pub use custom::{Definitions, load_definitions};
pub use document::{Judged, Verdicts, judge_file, judge_files, objects_in, primary_span};
pub use linted::{Lint, RuleInfo, VERDICT_RULES, rules as switchable_rules};
pub use update::{FORBIDDEN, IMMUTABLE};

use crate::manifest::{Diagnostic, Object, Severity};
use crate::schema::{self, Tables, Version};

/// What the server would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It would create the object.
    Accepted,
    /// It depends on what only a cluster has, such as the schema of a custom resource.
    Unknown,
    /// It would refuse the object.
    Rejected,
}

impl Verdict {
    /// The word for it in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Unknown => "unknown",
            Verdict::Rejected => "rejected",
        }
    }
}

/// The verdict on one object, with everything there is to say about it.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// What the server would say.
    pub verdict: Verdict,
    /// Why it is unknown; only then.
    pub unknown: Option<String>,
    /// Errors, for which the server refuses the object, and warnings: among these what only
    /// server-side apply refuses, under rule names that begin with `ssa-`.
    pub findings: Vec<Diagnostic>,
}

/// Judges objects for one version of Kubernetes. A small handle: copy it.
#[derive(Clone, Copy, Debug)]
pub struct Validator {
    tables: Tables,
}

impl Validator {
    /// Creates a validator for a version.
    pub fn new(version: Version) -> Self {
        Self {
            tables: schema::tables(version),
        }
    }

    /// The version of Kubernetes whose verdict it gives.
    pub fn version(self) -> Version {
        self.tables.version()
    }

    /// Judges one object.
    pub fn judge(self, object: &Object) -> Judgement {
        match kind::find(self.tables, object) {
            kind::Found::Known(kind) => {
                let mut findings = Vec::new();
                kind::check_deprecation(self.version(), object, kind, &mut findings);
                kind::check_name(self.version(), object, kind, &mut findings);
                let mut faults = fault::Faults::new(
                    self.version(),
                    rules::Context::of(object, kind),
                    &mut findings,
                );
                decode::object(object, kind, &mut faults);
                rules::whole(&mut faults, object, kind);
                lists::duplicates(self.version(), object, kind, &mut findings);
                rules::rename_fields(object, &mut findings);
                // The server warns of what it accepts.
                if findings.iter().all(|f| f.severity != Severity::Error) {
                    warnings::check(self.version(), object, &mut findings);
                    findings.extend(self.refused_later(kind, object));
                }
                Judgement::of(object, findings)
            }
            kind::Found::Missing(finding) => Judgement::of(object, vec![*finding]),
            kind::Found::Foreign(reason) => Judgement {
                verdict: Verdict::Unknown,
                unknown: Some(reason),
                findings: Vec::new(),
            },
        }
    }
}

impl Validator {
    /// What the server takes and then refuses in each pod: until 1.33 it did not look at the template
    /// of a StatefulSet. Told as warnings.
    fn refused_later(self, kind: schema::Kind, object: &Object) -> Vec<Diagnostic> {
        let next = Version::all().find(|version| version.minor() == 34);
        let (33, "StatefulSet", Some(next)) = (self.version().minor(), kind.kind(), next) else {
            return Vec::new();
        };
        let is_of_template = |finding: &Diagnostic| {
            let field = finding.field.as_deref().unwrap_or_default();
            finding.severity == Severity::Error && field.starts_with("spec.template.")
        };
        let judged = Validator::new(next).judge(object).findings.into_iter();
        let warn = |finding: Diagnostic| Diagnostic {
            severity: Severity::Warning,
            ..finding.note("this version takes the StatefulSet, and refuses its pods")
        };
        judged.filter(is_of_template).map(warn).collect()
    }
}

impl Judgement {
    fn of(object: &Object, mut findings: Vec<Diagnostic>) -> Self {
        let name = object.describe();
        for finding in &mut findings {
            finding.object.get_or_insert_with(|| name.clone());
        }
        let refused = findings.iter().any(|f| f.severity == Severity::Error);
        // Most have one or none, and thousands of judgements wait for the report.
        findings.shrink_to_fit();
        Self {
            verdict: if refused {
                Verdict::Rejected
            } else {
                Verdict::Accepted
            },
            unknown: None,
            findings,
        }
    }
}

/// The line that quotes the server: its words are what people search for.
fn server_says(version: Version, words: impl std::fmt::Display) -> String {
    format!("the API server ({version}) would say: {words}")
}

#[cfg(test)]
mod tests;
