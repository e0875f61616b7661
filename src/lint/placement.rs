//! Where pods are placed beside others: spread constraints and anti-affinity that look at the
//! wrong labels.

use super::Scope;
use super::context::Context;
use super::facts::Workload;
use super::findings::{Findings, Weight, finding};

/// Constraints that spread other pods than the workload's own.
pub(super) fn spread_selector(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        for spread in &workload.spreads {
            if spread.selector.is_empty() || spread.selector.matches(&workload.labels) {
                continue;
            }
            let span = spread
                .selector
                .first_miss(&workload.labels)
                .map_or(spread.selector.at, |m| m.2);
            let message = format!("this spreads pods with `{}`", spread.selector.describe());
            let found = finding(message)
                .at(span, "the workload's own pods have other labels")
                .field(format!(
                    "{}spec.topologySpreadConstraints",
                    prefix(workload)
                ));
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// An anti-affinity that keeps away from no pods: not from the workload's own, and from no others.
pub(super) fn affinity_selector(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        for (selector, field) in &workload.repels {
            let namespace = context.namespace(index);
            if selector.matches(&workload.labels) || context.selects_any(namespace, selector) {
                continue;
            }
            // Its own labels with other values: the selector was copied, or the labels changed.
            let labels = &workload.labels;
            let own = |key: &str| labels.iter().find(|(known, _)| known == key);
            let Some((key, wanted, at)) = selector.first_miss(labels) else {
                continue;
            };
            let known = selector.pairs.iter().all(|(key, ..)| own(key).is_some());
            let sure = context.scope == Scope::Overlay && known;
            let remark = match own(key) {
                Some((_, value)) => format!("its own pods have `{key}: {value}`"),
                None => format!("no pod of the input has `{key}: {wanted}`"),
            };
            let found = finding(format!(
                "this keeps away from no pod: `{}`",
                selector.describe()
            ))
            .at(*at, remark)
            .field(field.clone())
            .note("its pods may all run on one node");
            let weight = if sure { Weight::Plain } else { Weight::Weak };
            findings.add(index, weight, found);
        }
    }
}

fn prefix(workload: &Workload) -> String {
    match workload.path {
        "" => String::new(),
        path => format!("{path}."),
    }
}
