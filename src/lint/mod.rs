//! Lint: what the API server accepts and nobody means, seen across all objects of an input. A
//! selector that selects nothing, a budget that can never be met, a port that nothing opens.
//!
//! Lint judges what it sees: an input is often a part of what is in the cluster, so that "there is
//! no such Secret" is told where there is a sign that it was meant to be here, and else only on
//! demand (a *weak* finding, of severity `info`). Each rule says in its page below `docs/rules/`
//! what it takes for such a sign.
//!
//! A finding never makes an accepted object a rejected one.

mod autoscaling;
mod budgets;
mod classes;
mod comments;
mod context;
mod facts;
mod findings;
mod gateway;
mod ingress;
mod monitors;
mod names;
mod network_policy;
mod order;
mod placement;
mod pod_security;
mod quota;
mod ranges;
mod rbac;
mod references;
mod select;
mod services;
mod switches;
mod table;
mod workloads;

pub use comments::{Comments, faults as comment_faults};
pub use facts::Facts;
pub use switches::{Ignored, Outcome, Shared, Switches, annotation_faults};
pub use table::{RULES, Rule, rule};

use context::Context;
use findings::Findings;

use crate::manifest::{Diagnostic, Severity, Sources};
use crate::parallel::on_all_cores;
use crate::schema::{self, Version};

/// What an input is, which decides what its objects tell about those that are not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One overlay: what belongs together.
    Overlay,
    /// Files and folders of them: what lies in one folder probably belongs together.
    Files,
}

/// What is asked of a run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The version of Kubernetes that the objects are for.
    pub version: Version,
    /// Whether the input holds everything that it refers to.
    pub complete: bool,
}

/// From this many objects on, the rules are run on all cores.
const MANY: usize = 500;

/// Runs all rules over the objects of one input. `wanted` tells whether a finding of a rule and a
/// severity can be told. Returns the findings, each with the position of its object; in the order
/// of the objects.
pub fn run(
    sources: &Sources,
    options: Options,
    scope: Scope,
    facts: &[&Facts],
    wanted: impl Fn(&Rule, Severity) -> bool,
) -> Vec<(usize, Diagnostic)> {
    let tables = schema::tables(options.version);
    let context = Context::new(sources, tables, scope, options.complete, facts);
    let rules = RULES.iter().filter(|rule| wanted(rule, rule.severity));
    let rules: Vec<(&'static Rule, bool)> = rules
        .map(|rule| (rule, wanted(rule, grade(rule, true))))
        .collect();
    let check = |&(rule, tells_weak): &(&'static Rule, bool)| {
        let mut findings = Findings::new(&context, sources, rule, tells_weak);
        (rule.check)(&context, &mut findings);
        findings.found()
    };
    // Overlays are linted at once as it is.
    let found = if scope == Scope::Files && facts.len() >= MANY {
        on_all_cores(&rules, check)
    } else {
        rules.iter().map(check).collect()
    };
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort_by_key(|(index, _)| *index);
    found
}

/// How much a rule's findings weigh at most.
fn grade(rule: &Rule, weak: bool) -> Severity {
    if weak { Severity::Info } else { rule.severity }
}
