//! Classes that pods and claims name, and namespaces: objects of the whole cluster.

use std::collections::HashSet;

use super::context::Context;
use super::facts::{ClassKind, Text, What};
use super::findings::{Findings, absent, finding};

/// What the server makes by itself.
const PRIORITIES: [&str; 2] = ["system-cluster-critical", "system-node-critical"];
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// A PriorityClass that is not there.
pub(super) fn missing_priority(context: &Context<'_>, findings: &mut Findings<'_>) {
    let note = "no pod is created without it";
    for (index, name, field) in named(context, ClassKind::Priority) {
        if !PRIORITIES.contains(&name.text.as_str()) {
            missing(
                context,
                findings,
                index,
                "PriorityClass",
                (name, field, note),
            );
        }
    }
}

/// A RuntimeClass that is not there.
pub(super) fn missing_runtime(context: &Context<'_>, findings: &mut Findings<'_>) {
    let note = "no pod is created without it";
    for (index, name, field) in named(context, ClassKind::Runtime) {
        missing(
            context,
            findings,
            index,
            "RuntimeClass",
            (name, field, note),
        );
    }
}

/// A StorageClass that is not there.
pub(super) fn missing_storage(context: &Context<'_>, findings: &mut Findings<'_>) {
    let note = "the claim stays pending, and with it the pod";
    let volumes = context.of_kind("PersistentVolume").iter();
    let volumes = volumes.filter_map(|&at| match &context.facts[at].what {
        What::Volume(class) => class.as_deref(),
        _ => None,
    });
    // A class without an object holds volumes and claims together that are made by hand.
    let by_hand: HashSet<&str> = volumes.collect();
    let mut wanted = named(context, ClassKind::Storage);
    for (index, fact) in context.facts.iter().enumerate() {
        if let What::Claim {
            class: Some(class), ..
        } = &fact.what
        {
            wanted.push((index, class, "spec.storageClassName"));
        }
    }
    for (index, name, field) in wanted {
        if !by_hand.contains(name.text.as_str()) {
            missing(
                context,
                findings,
                index,
                "StorageClass",
                (name, field, note),
            );
        }
    }
}

/// The classes of a kind that workloads name, with the field.
fn named<'f>(context: &Context<'f>, kind: ClassKind) -> Vec<(usize, &'f Text, &'f str)> {
    let mut found = Vec::new();
    for (index, workload) in context.workloads() {
        let classes = workload.classes.iter().filter(|(known, ..)| *known == kind);
        found.extend(classes.map(|(_, name, field)| (index, name, field.as_str())));
    }
    found
}

fn missing(
    context: &Context<'_>,
    findings: &mut Findings<'_>,
    index: usize,
    kind: &str,
    (name, field, note): (&Text, &str, &str),
) {
    let text = name.text.as_str();
    if !context.named(kind, text).is_empty() {
        return;
    }
    let (weight, remark) = absent(kind, context.nearest(index, kind, "", text));
    let found = finding(format!("there is no {kind} `{text}`"))
        .at(name.span(), remark)
        .field(field)
        .note(note);
    findings.add(index, weight, found);
}

/// A namespace that is not there.
pub(super) fn missing_namespace(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut told: HashSet<&str> = HashSet::new();
    for (index, fact) in context.facts.iter().enumerate() {
        let name = fact.id.namespace.as_str();
        let Some(at) = fact.namespace_at.filter(|_| !name.is_empty()) else {
            continue;
        };
        if NAMESPACES.contains(&name)
            || told.contains(name)
            || context.is_namespaced(index) == Some(false)
            || !context.named("Namespace", name).is_empty()
        {
            continue;
        }
        // Each is told once, so that the list stays short.
        told.insert(name);
        let near = context.nearest(index, "Namespace", "", name);
        let (weight, remark) = absent("Namespace", near);
        let found = finding(format!("there is no Namespace `{name}`"))
            .at(at, remark)
            .field("metadata.namespace")
            .note("the server creates nothing in a namespace that is not there");
        findings.add(index, weight, found);
    }
}
