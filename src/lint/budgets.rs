//! Disruption budgets: whether they can be met, and whether they let anything happen.

use std::collections::HashMap;

use super::autoscaling::range;
use super::context::Context;
use super::facts::{Amount, Budget, What};
use super::findings::{Findings, Weight, finding};
use super::services::Miss;
use crate::manifest::Diagnostic;

fn budgets<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Budget)> {
    context.each(|fact| match &fact.what {
        What::Budget(budget) => Some(budget.as_ref()),
        _ => None,
    })
}

/// The pods that a budget holds for: the workloads, and how many pods they have at least and at
/// most. `None` where that cannot be said.
fn pods(context: &Context<'_>, index: usize, budget: &Budget) -> Option<(Vec<usize>, i64, i64)> {
    let selector = budget.selector.as_ref()?;
    let workloads = context.selected(context.namespace(index), selector);
    let (mut least, mut most) = (0_i64, 0_i64);
    for &at in &workloads {
        let (min, max) = range(context, at, context.facts[at].workload()?)?;
        least = least.saturating_add(min);
        most = most.saturating_add(max);
    }
    (!workloads.is_empty()).then_some((workloads, least, most))
}

/// A budget that asks for more pods than there will ever be.
pub(super) fn unreachable(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, budget) in budgets(context) {
        let (Some(amount), Some((workloads, _, most))) =
            (budget.min_available, pods(context, index, budget))
        else {
            continue;
        };
        // No pods at all is a workload that is switched off.
        if most == 0 || amount.out_of(most) <= most {
            continue;
        }
        let found = finding("this budget can never be met")
            .at(amount.span(), format!("at least {amount} of {most}"))
            .field("spec.minAvailable")
            .note("no pod may be evicted, ever: a node drain waits without end")
            .hint(format!(
                "ask for less than {most}, or raise the number of pods"
            ));
        let found = with_limits(context, &workloads, Limit::Most, found);
        findings.add(index, Weight::Plain, found);
    }
}

/// A budget that lets no pod go.
pub(super) fn blocks_evictions(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, budget) in budgets(context) {
        let Some((workloads, least, most)) = pods(context, index, budget) else {
            continue;
        };
        if most == 0 {
            continue;
        }
        let (amount, field, why) = match (budget.min_available, budget.max_unavailable) {
            (Some(amount), _) => {
                let needed = amount.out_of(least);
                // More than there will ever be is told by `unreachable`.
                if amount.out_of(most) > most || needed < least {
                    continue;
                }
                let why = match least {
                    1 => format!("{amount} of the one pod that there may be"),
                    _ => format!("{amount} of {least}"),
                };
                (amount, "spec.minAvailable", why)
            }
            (None, Some(amount @ (Amount::Pods(0, _) | Amount::Percent(0, _)))) => {
                (amount, "spec.maxUnavailable", "none may go".to_owned())
            }
            _ => continue,
        };
        let found = finding("this budget lets no pod be evicted")
            .at(amount.span(), why)
            .field(field)
            .note("a node drain waits without end, also for an upgrade of the cluster");
        let found = with_limits(context, &workloads, Limit::Least, found);
        findings.add(index, Weight::Plain, found);
    }
}

#[derive(Clone, Copy)]
enum Limit {
    Least,
    Most,
}

/// Adds where the numbers of pods are set.
fn with_limits(
    context: &Context<'_>,
    workloads: &[usize],
    which: Limit,
    found: Diagnostic,
) -> Diagnostic {
    workloads.iter().take(3).fold(found, |found, &at| {
        let name = context.describe(at);
        let (limit, field) = match (context.autoscalers_of(at).next(), which) {
            (Some((_, autoscaler)), Limit::Most) => (autoscaler.max, "maxReplicas"),
            (Some((_, autoscaler)), Limit::Least) => (autoscaler.min, "minReplicas"),
            (None, _) => {
                let workload = context.facts[at].workload();
                (workload.and_then(|workload| workload.replicas), "replicas")
            }
        };
        if let Some(limit) = limit {
            let text = format!("{field}: {} is set here, for {name}", limit.value);
            found.also(limit.at, text)
        } else {
            let text = format!("{name} has no {field}, which means 1");
            found.also(context.facts[at].at, text)
        }
    })
}

/// A budget for no pods.
pub(super) fn selects_nothing(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, budget) in budgets(context) {
        let Some(selector) = &budget.selector else {
            continue;
        };
        if let Some(miss) = Miss::of(context, index, selector) {
            let message = format!("this budget is for no pods: `{}`", selector.describe());
            let found = miss.shown(context, selector, finding(message), "spec.selector");
            findings.add(index, miss.weight, found);
        }
    }
}

/// Pods with two budgets.
pub(super) fn overlap(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut first: HashMap<usize, usize> = HashMap::new();
    for (index, budget) in budgets(context) {
        let Some(selector) = &budget.selector else {
            continue;
        };
        let mut told = false;
        for at in context.selected(context.namespace(index), selector) {
            let other = *first.entry(at).or_insert(index);
            let apart = other == index
                || told
                || !context.beside(other, index)
                || context.facts[other].id == context.facts[index].id;
            if apart {
                continue;
            }
            told = true;
            let message = format!("the pods of {} have two budgets", context.describe(at));
            let found = finding(message)
                .at(selector.at, "")
                .also(context.facts[other].at, "the other budget")
                .also(context.facts[at].at, "the workload")
                .field("spec.selector")
                .note("the server refuses to evict a pod with more than one budget");
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// A workload of several pods without a budget.
pub(super) fn without_budget(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut covered = std::collections::HashSet::new();
    for (index, budget) in budgets(context) {
        if let Some(selector) = &budget.selector {
            covered.extend(context.selected(context.namespace(index), selector));
        }
    }
    for (at, workload) in context.workloads() {
        let several = range(context, at, workload).is_some_and(|(least, _)| least > 1);
        if several && !covered.contains(&at) {
            let found = finding("several pods, and no budget says how many of them must stay").at(
                context.facts[at].at,
                "a node drain may take all of them at once",
            );
            findings.add(at, Weight::Plain, found);
        }
    }
}
