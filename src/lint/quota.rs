//! What a namespace gives, and what its workloads ask for: the ResourceQuotas of the input. The server accepts the workload; its pods are what it refuses, later.
//!
//! Only what is sure is counted: the pods that there are at least, and what their containers say.

use std::collections::HashMap;

use super::autoscaling::range;
use super::context::Context;
use super::facts::{Container, Limited, Quota, Range, Scale, What, Workload};
use super::findings::{Findings, Weight, finding};
use crate::manifest::quantity::Quantity;

/// Resources of which a quota may count requests and limits, and names that mean their requests.
const COUNTED: [(&str, &str, Side); 9] = [
    ("cpu", "cpu", Side::Requests),
    ("requests.cpu", "cpu", Side::Requests),
    ("limits.cpu", "cpu", Side::Limits),
    ("memory", "memory", Side::Requests),
    ("requests.memory", "memory", Side::Requests),
    ("limits.memory", "memory", Side::Limits),
    ("ephemeral-storage", "ephemeral-storage", Side::Requests),
    (
        "requests.ephemeral-storage",
        "ephemeral-storage",
        Side::Requests,
    ),
    (
        "limits.ephemeral-storage",
        "ephemeral-storage",
        Side::Limits,
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Requests,
    Limits,
}

/// The quotas of the input, by the namespace that is written in them.
fn quotas<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Quota)> {
    context.each(|fact| match &fact.what {
        What::Quota(quota) if !quota.scoped => Some(quota.as_ref()),
        _ => None,
    })
}

/// The workloads that stand beside each object of a kind, in the very namespace of it.
pub(super) fn workloads_of<'f>(
    context: &Context<'f>,
    kind: &str,
) -> HashMap<usize, Vec<(usize, &'f Workload)>> {
    let owners = context.of_kind(kind);
    if owners.is_empty() {
        return HashMap::new();
    }
    let mut by_namespace: HashMap<&str, Vec<(usize, &Workload)>> = HashMap::new();
    for (index, workload) in context.workloads() {
        if workload.scale != Scale::Custom {
            let here = by_namespace.entry(context.namespace(index)).or_default();
            here.push((index, workload));
        }
    }
    let beside = |&owner: &usize| {
        let here = by_namespace
            .get(context.namespace(owner))
            .into_iter()
            .flatten();
        let here = here.filter(|(index, _)| context.beside(owner, *index));
        (owner, here.copied().collect())
    };
    owners.iter().map(beside).collect()
}

/// What a pod asks for of a resource, as far as its containers say.
pub(super) fn of_pod(workload: &Workload, resource: &str, side: Side) -> i128 {
    let amount = |resources: &super::facts::Resources| {
        let found = match side {
            Side::Requests => resources.request(resource),
            Side::Limits => resources.limits.get(resource),
        };
        found.map_or(0, |measure| measure.value.nanos())
    };
    if let Some(whole) = &workload.resources
        && amount(whole) > 0
    {
        return amount(whole);
    }
    let (first, others): (Vec<&Container>, Vec<&Container>) =
        workload.containers.iter().partition(|c| c.runs_first);
    let first = first.iter().map(|c| amount(&c.resources)).max();
    let others: i128 = others.iter().map(|c| amount(&c.resources)).sum();
    others.max(first.unwrap_or(0))
}

/// How many pods there are at least.
fn pods(context: &Context<'_>, index: usize, workload: &Workload) -> i128 {
    match workload.scale {
        Scale::Replicas => range(context, index, workload).map_or(0, |(least, _)| least.into()),
        Scale::One => 1,
        Scale::Nodes | Scale::Batch | Scale::Custom => 0,
    }
}

/// Workloads that ask for more than their namespace has.
pub(super) fn exceeded(context: &Context<'_>, findings: &mut Findings<'_>) {
    let beside = workloads_of(context, "ResourceQuota");
    for (at, quota) in quotas(context) {
        let workloads = beside.get(&at).map_or(&[][..], Vec::as_slice);
        let counts: Vec<(usize, &Workload, i128)> = workloads
            .iter()
            .map(|&(index, workload)| (index, workload, pods(context, index, workload)))
            .collect();
        for name in quota.hard.names() {
            let counted = COUNTED.iter().find(|(known, ..)| *known == name);
            let each = |workload: &Workload| match counted {
                Some(&(_, resource, side)) => of_pod(workload, resource, side),
                None if name == "pods" => Quantity::parse("1").map_or(0, Quantity::nanos),
                None => 0,
            };
            let shares = counts
                .iter()
                .map(|&(index, w, count)| (index, each(w) * count));
            let shares: Vec<(usize, i128)> = shares.filter(|(_, share)| *share > 0).collect();
            let sum: i128 = shares.iter().map(|(_, share)| share).sum();
            let Some(hard) = quota.hard.get(name).filter(|hard| sum > hard.value.nanos()) else {
                continue;
            };
            let Some(&(largest, share)) = shares.iter().max_by_key(|(_, share)| *share) else {
                continue;
            };
            let words = (shown(sum, name), shown(share, name));
            let message = format!(
                "the workloads of this namespace ask for {} of `{name}`, and the quota gives {}",
                words.0, hard.value
            );
            let found = finding(message)
                .at(hard.at, "")
                .also(
                    context.facts[largest].at,
                    format!("{} asks for {}", context.describe(largest), words.1),
                )
                .field(format!("spec.hard[{name}]"))
                .note("pods above the quota are not created")
                .hint("raise the quota, or lower requests or `replicas`");
            findings.add(at, Weight::Plain, found);
        }
    }
}

/// An amount as people write it.
pub(super) fn shown(nanos: i128, name: &str) -> String {
    let units = nanos / 1_000_000_000;
    let bytes = name.contains("memory") || name.contains("storage");
    match units {
        _ if nanos % 1_000_000_000 != 0 && !bytes => format!("{}m", nanos / 1_000_000),
        _ if bytes && units >= 1 << 30 && units % (1 << 20) == 0 => {
            // Two digits are enough to compare by.
            let hundredths = units * 100 / (1 << 30);
            let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            format!("{}Gi", text.trim_end_matches('0').trim_end_matches('.'))
        }
        _ if bytes && units >= 1 << 20 => format!("{}Mi", units >> 20),
        _ => units.to_string(),
    }
}

/// A container without what the quota of its namespace asks every container to say.
pub(super) fn required(context: &Context<'_>, findings: &mut Findings<'_>) {
    let beside = workloads_of(context, "ResourceQuota");
    let mut defaults: Vec<(&str, &Range)> = Vec::new();
    for &at in context.of_kind("LimitRange") {
        if let What::Limits(ranges) = &context.facts[at].what {
            let ranges = ranges.iter().filter(|range| range.of == Limited::Container);
            defaults.extend(ranges.map(|range| (context.namespace(at), range)));
        }
    }
    for (at, quota) in quotas(context) {
        for &(name, resource, side) in &COUNTED {
            let Some(hard) = quota.hard.get(name) else {
                continue;
            };
            let filled = defaults.iter().any(|(namespace, range)| {
                *namespace == context.namespace(at) && fills(range, resource, side)
            });
            if filled {
                continue;
            }
            for &(index, workload) in beside.get(&at).into_iter().flatten() {
                if workload.resources.is_some() || workload.injected {
                    continue;
                }
                let silent = workload.containers.iter().find(|container| match side {
                    Side::Requests => container.resources.request(resource).is_none(),
                    Side::Limits => container.resources.limits.get(resource).is_none(),
                });
                let Some(container) = silent else { continue };
                let (list, what) = match side {
                    Side::Requests => ("requests", "request"),
                    Side::Limits => ("limits", "limit"),
                };
                let message = format!(
                    "container `{}` has no {what} for {resource}, which the quota of its namespace demands",
                    container.name
                );
                let found = finding(message)
                    .at(container.at, "")
                    .also(hard.at, format!("{} counts `{name}`", context.describe(at)))
                    .field(format!("{}.resources.{list}", container.path))
                    .note(format!(
                        "no pod is created: `failed quota: must specify {name}`"
                    ))
                    .hint(format!(
                        "set `resources.{list}.{resource}`, or a default in a LimitRange"
                    ));
                findings.add(index, Weight::Plain, found);
            }
        }
    }
}

/// Whether a LimitRange gives containers what they do not say.
fn fills(range: &Range, resource: &str, side: Side) -> bool {
    let limit = range.default.get(resource).or(range.max.get(resource));
    limit.is_some()
        || side == Side::Requests
            && (range.default_request.get(resource).is_some() || range.min.get(resource).is_some())
}
