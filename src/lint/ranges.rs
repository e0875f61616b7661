//! What is outside the LimitRanges of its namespace: containers, pods as a whole, and claims of
//! storage (the admission plugin `LimitRanger`). The server accepts the workload; its pods are what
//! it refuses, later.
//!
//! Only what is sure is told: sums of what containers say, and never that something is not said,
//! which a default of the cluster may fill in.

use super::context::Context;
use super::facts::{Container, Limited, Measure, Range, What, Workload};
use super::findings::{Findings, Weight, finding};
use super::quota::{Side, of_pod, shown, workloads_of};
use crate::manifest::{Diagnostic, Span};

/// What is outside what the LimitRange of its namespace allows.
pub(super) fn out_of_range(context: &Context<'_>, findings: &mut Findings<'_>) {
    let beside = workloads_of(context, "LimitRange");
    for &at in context.of_kind("LimitRange") {
        let What::Limits(ranges) = &context.facts[at].what else {
            continue;
        };
        let mut tell = |index: usize, found: Diagnostic| {
            let range = context.facts[at].at;
            let remark = format!("{} is for its namespace", context.describe(at));
            findings.add(index, Weight::Plain, found.also(range, remark));
        };
        for &(index, workload) in beside.get(&at).into_iter().flatten() {
            for range in ranges {
                for found in of_workload(range, workload, context.facts[index].at) {
                    tell(index, found);
                }
            }
        }
        for &claim in context.of_kind("PersistentVolumeClaim") {
            let is_here = context.namespace(claim) == context.namespace(at);
            let What::Claim {
                storage: Some(storage),
                ..
            } = &context.facts[claim].what
            else {
                continue;
            };
            for range in ranges.iter().filter(|range| range.of == Limited::Claim) {
                if is_here && context.beside(at, claim) {
                    let field = "spec.resources.requests[storage]";
                    let found = of_claim(range, *storage, field, "the claim is not created");
                    if let Some(found) = found {
                        tell(claim, found);
                    }
                }
            }
        }
    }
}

/// What of a workload is outside a range.
fn of_workload(range: &Range, workload: &Workload, at: Span) -> Vec<Diagnostic> {
    match range.of {
        Limited::Container => {
            let containers = workload.containers.iter();
            containers.flat_map(|c| outside(range, c)).collect()
        }
        Limited::Pod => of_all(range, workload, at),
        Limited::Claim => {
            let claims = workload.claims.iter();
            let found = claims.filter_map(|(storage, field)| {
                of_claim(range, *storage, field, "no claim is made, and no pod")
            });
            found.collect()
        }
    }
}

/// A claim of storage.
fn of_claim(range: &Range, storage: Measure, field: &str, note: &str) -> Option<Diagnostic> {
    let (min, max) = (range.min.get("storage"), range.max.get("storage"));
    let (message, limit, remark) = match (min, max) {
        (Some(min), _) if storage.value < min.value => {
            ("less storage is claimed than is allowed", min, "least")
        }
        (_, Some(max)) if storage.value > max.value => {
            ("more storage is claimed than is allowed", max, "most")
        }
        _ => return None,
    };
    let found = finding(message.to_owned())
        .at(storage.at, "")
        .also(limit.at, format!("the {remark} is {}", limit.value))
        .field(field)
        .note(note.to_owned());
    Some(found)
}

/// All containers of a pod together, as far as they say what they ask for.
fn of_all(range: &Range, workload: &Workload, at: Span) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut tell = |message: String, other: Measure, remark: String| {
        let here = finding(message).at(at, "").also(other.at, remark);
        found.push(here.field(workload.path).note("no pod is created"));
    };
    for name in range.max.names() {
        let Some(max) = range.max.get(name) else {
            continue;
        };
        for (side, verb) in [(Side::Limits, "may use"), (Side::Requests, "requests")] {
            let sum = of_pod(workload, name, side);
            if sum > max.value.nanos() {
                let sum = shown(sum, name);
                let message = format!("a pod {verb} {sum} of {name} in all, more than is allowed");
                tell(message, max, format!("the most is {}", max.value));
                break;
            }
        }
    }
    for name in range.min.names() {
        let says = |container: &Container| container.resources.request(name).is_some();
        let sum = of_pod(workload, name, Side::Requests);
        if let Some(min) = range.min.get(name)
            && workload.containers.iter().all(says)
            && sum < min.value.nanos()
        {
            let sum = shown(sum, name);
            let message = format!("a pod requests {sum} of {name} in all, less than is allowed");
            tell(message, min, format!("the least is {}", min.value));
        }
    }
    found
}

/// What of a container is outside a range. What it does not say is filled in by the range
/// itself, first limits, then requests.
fn outside(range: &Range, container: &Container) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let own = &container.resources;
    let mut names: Vec<&str> = own.requests.names().chain(own.limits.names()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let default = range.default.get(name).or(range.max.get(name));
        let request = own.request(name);
        let limit = own.limits.get(name).or(default);
        let (min, max) = (range.min.get(name), range.max.get(name));
        let field = |list: &str| format!("{}.resources.{list}[{name}]", container.path);
        let mut tell = |message: String, at, list: &str, other, remark: String| {
            let found_here = finding(message)
                .at(at, "")
                .also(other, remark)
                .field(field(list))
                .note("no pod is created");
            found.push(found_here);
        };
        if let (Some(request), Some(min)) = (request, min)
            && request.value < min.value
        {
            let message = format!(
                "container `{}` requests less {name} than is allowed",
                container.name
            );
            tell(
                message,
                request.at,
                "requests",
                min.at,
                format!("the least is {}", min.value),
            );
        }
        if let (Some(limit), Some(max)) = (own.limits.get(name), max)
            && limit.value > max.value
        {
            let message = format!(
                "container `{}` may use more {name} than is allowed",
                container.name
            );
            tell(
                message,
                limit.at,
                "limits",
                max.at,
                format!("the most is {}", max.value),
            );
        } else if let (Some(request), Some(limit)) = (own.requests.get(name), limit)
            && own.limits.get(name).is_none()
            && request.value > limit.value
        {
            let message = format!(
                "container `{}` requests more {name} than the limit that it is given",
                container.name
            );
            let remark = format!("a container without a limit gets {}", limit.value);
            tell(message, request.at, "requests", limit.at, remark);
        }
    }
    found
}
