//! Autoscalers and the workloads that they scale.

use std::collections::HashMap;

use super::context::{Class, Context};
use super::facts::{Autoscaler, Scale, What, Workload};
use super::findings::{Findings, Weight, finding};

fn autoscalers<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Autoscaler)> {
    context.each(|fact| match &fact.what {
        What::Autoscaler(autoscaler) => Some(autoscaler.as_ref()),
        _ => None,
    })
}

/// The workload that an autoscaler scales, if it is in the input.
fn target<'f>(
    context: &Context<'f>,
    index: usize,
    autoscaler: &Autoscaler,
) -> Option<(usize, &'f Workload)> {
    let name = &autoscaler.target.as_ref()?.text;
    let mut found = context.find(&autoscaler.kind, context.namespace(index), name);
    let at = found.next()?;
    Some((at, context.facts[at].workload()?))
}

/// An autoscaler without its workload.
pub(super) fn missing_target(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, autoscaler) in autoscalers(context) {
        let Some(name) = &autoscaler.target else {
            continue;
        };
        let (kind, namespace) = (autoscaler.kind.as_str(), context.namespace(index));
        if unscalable(kind) || context.find(kind, namespace, &name.text).next().is_some() {
            continue;
        }
        let near = context.nearest(index, kind, namespace, &name.text);
        let other = ["Deployment", "StatefulSet", "ReplicaSet", "Rollout"]
            .into_iter()
            .find(|other| context.find(other, namespace, &name.text).next().is_some());
        let beside = context.scope == super::Scope::Overlay
            && context.has_beside(index, Class::Workload)
            && !context.has_beside(index, Class::Custom);
        let weight = if near.is_some() || other.is_some() || beside {
            Weight::Plain
        } else {
            Weight::Weak
        };
        let remark = match (other, near) {
            (Some(other), _) => format!("`{}` is a {other}", name.text),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("no {kind} of the input has this name"),
        };
        let found = finding(format!("there is no {}", super::context::named(kind, name)))
            .at(name.span(), remark)
            .field("spec.scaleTargetRef.name");
        findings.add(index, weight, found);
    }
}

fn unscalable(kind: &str) -> bool {
    matches!(kind, "DaemonSet" | "Job" | "CronJob" | "Pod")
}

/// A target that cannot be scaled at all.
pub(super) fn unscalable_target(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, autoscaler) in autoscalers(context) {
        let Some(name) = &autoscaler.target else {
            continue;
        };
        if !unscalable(&autoscaler.kind)
            || !matches!(autoscaler.group.as_str(), "" | "apps" | "batch")
        {
            continue;
        }
        let message = format!("a {} cannot be scaled", autoscaler.kind);
        let found = finding(message)
            .at(
                name.span(),
                "the target needs a scale subresource: a Deployment, a StatefulSet",
            )
            .field("spec.scaleTargetRef.kind");
        findings.add(index, Weight::Plain, found);
    }
}

/// `replicas` that the autoscaler will not keep.
pub(super) fn replicas_out_of_range(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, autoscaler) in autoscalers(context) {
        let Some((at, workload)) = target(context, index, autoscaler) else {
            continue;
        };
        let Some(replicas) = workload.replicas else {
            continue;
        };
        let min = autoscaler.min.map_or(1, |min| min.value);
        // 0 switches the autoscaler off.
        let limit = if replicas.value == 0 {
            None
        } else if replicas.value < min {
            autoscaler.min
        } else {
            autoscaler.max.filter(|max| max.value < replicas.value)
        };
        let Some(limit) = limit else { continue };
        let word = if limit.value > replicas.value {
            "at least"
        } else {
            "at most"
        };
        let message = format!(
            "{} replicas are asked for, and the autoscaler keeps {word} {}",
            replicas.value, limit.value
        );
        let found = finding(message)
            .at(replicas.at, "replicas are set here")
            .also(
                limit.at,
                format!("the limit of {} is set here", context.describe(index)),
            )
            .field("spec.replicas")
            .note("every apply sets the first, and the autoscaler corrects it: pods come and go")
            .hint("leave `replicas` out, or change the autoscaler");
        findings.add(at, Weight::Plain, found);
    }
}

/// `replicas` beside an autoscaler.
pub(super) fn replicas(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, autoscaler) in autoscalers(context) {
        let Some((at, workload)) = target(context, index, autoscaler) else {
            continue;
        };
        let Some(replicas) = workload.replicas else {
            continue;
        };
        let found =
            finding("an autoscaler sets the number of pods; `replicas` undoes it at every apply")
                .at(replicas.at, "leave it out")
                .also(context.facts[index].at, "the autoscaler")
                .field("spec.replicas");
        findings.add(at, Weight::Plain, found);
    }
}

/// Two autoscalers of one workload.
pub(super) fn duplicate_target(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut seen: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    let scalers = context
        .facts
        .iter()
        .enumerate()
        .filter_map(|(index, fact)| {
            let (kind, target) = match &fact.what {
                What::Autoscaler(autoscaler) => (&autoscaler.kind, autoscaler.target.as_ref()?),
                What::Scaler(scaler) if !scaler.vertical => (&scaler.kind, scaler.target.as_ref()?),
                _ => return None,
            };
            Some((index, kind.as_str(), target))
        });
    for (index, kind, target) in scalers {
        let others = seen.entry((kind, target.text.as_str())).or_default();
        let same_object = |other: usize| context.facts[other].id == context.facts[index].id;
        let first = others.iter().copied().find(|&other| {
            context.namespace(other) == context.namespace(index)
                && context.beside(other, index)
                && !same_object(other)
        });
        if let Some(first) = first {
            let message = format!(
                "{} is scaled by two autoscalers",
                super::context::named(kind, target)
            );
            let found = finding(message)
                .at(target.span(), "")
                .also(context.facts[first].at, "the other one")
                .field("spec.scaleTargetRef.name")
                .note("each undoes what the other does");
            findings.add(index, Weight::Plain, found);
        }
        others.push(index);
    }
}

/// A vertical autoscaler on a workload that is scaled by the use of its resources.
pub(super) fn vertical_and_horizontal(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, fact) in context.facts.iter().enumerate() {
        let What::Scaler(scaler) = &fact.what else {
            continue;
        };
        let Some(target) = scaler.target.as_ref().filter(|_| scaler.vertical) else {
            continue;
        };
        for at in context.find(&scaler.kind, &fact.id.namespace, &target.text) {
            let mut others = context.autoscalers_of(at);
            let other =
                others.find(|(_, autoscaler)| autoscaler.metrics.iter().any(|m| m.of_requests));
            let Some((other, _)) = other else { continue };
            let found =
                finding("this changes the requests by which another autoscaler counts pods")
                    .at(target.span(), "")
                    .also(context.facts[other].at, "the other one")
                    .field("spec.targetRef.name");
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// A metric of the share of requests, for containers without requests.
pub(super) fn missing_request(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, autoscaler) in autoscalers(context) {
        let Some((at, workload)) = target(context, index, autoscaler) else {
            continue;
        };
        // A LimitRange or a mesh may add what is missing.
        if workload.scale == Scale::Custom || context.has_beside(at, Class::Limits) {
            continue;
        }
        for metric in autoscaler
            .metrics
            .iter()
            .filter(|metric| metric.of_requests)
        {
            let resource = metric.resource.text.as_str();
            let without = workload.containers.iter().find(|container| {
                let measured = metric
                    .container
                    .as_ref()
                    .is_none_or(|c| c.text == container.name);
                !container.runs_first && measured && container.resources.request(resource).is_none()
            });
            let Some(container) = without else { continue };
            let message = format!(
                "the use of {resource} is compared with requests, and container `{}` has none",
                container.name
            );
            let found = finding(message)
                .at(metric.resource.span(), "the autoscaler cannot compute this")
                .also(
                    container.at,
                    format!("container of {}", context.describe(at)),
                )
                .field(metric.field.clone())
                .hint(format!(
                    "set `resources.requests.{resource}` of the container"
                ));
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// A metric of a container that the pods do not have.
pub(super) fn missing_container(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, autoscaler) in autoscalers(context) {
        let Some((_, workload)) = target(context, index, autoscaler) else {
            continue;
        };
        for metric in &autoscaler.metrics {
            let Some(name) = &metric.container else {
                continue;
            };
            let known: Vec<&str> = workload
                .containers
                .iter()
                .map(|c| c.name.as_str())
                .collect();
            if known.contains(&name.text.as_str()) || workload.injected {
                continue;
            }
            let found = finding(format!("the pods have no container `{}`", name.text))
                .at(name.span(), format!("they have `{}`", known.join("`, `")))
                .field(format!("{}.container", metric.field));
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// How many pods a workload has at least and at most, as far as the input says.
pub(super) fn range(context: &Context<'_>, at: usize, workload: &Workload) -> Option<(i64, i64)> {
    if !matches!(workload.scale, Scale::Replicas) {
        return None;
    }
    let mut scaled = context.autoscalers_of(at);
    if let Some((_, autoscaler)) = scaled.next() {
        let min = autoscaler.min.map_or(1, |min| min.value);
        return Some((min, autoscaler.max?.value));
    }
    if context.is_scaled_otherwise(at) {
        return None;
    }
    let replicas = workload.replicas.map_or(1, |replicas| replicas.value);
    Some((replicas, replicas))
}
