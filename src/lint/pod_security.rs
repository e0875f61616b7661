//! Pods that the namespace's level of the Pod Security Standards does not let in. The server
//! accepts the workload; its pods are what it refuses, later.

use super::context::Context;
use super::facts::{Breach, Level, Scale, What, Workload};
use super::findings::{Findings, Weight, finding};
use crate::manifest::Diagnostic;

/// Pods that a namespace of the input refuses.
pub(super) fn refused(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        let namespace = context.namespace(index);
        if workload.scale == Scale::Custom || namespace.is_empty() {
            continue;
        }
        let mut spaces = context.named("Namespace", namespace).iter();
        let Some(&at) = spaces.find(|&&at| context.beside(index, at)) else {
            continue;
        };
        let What::Namespace(Some((level, version))) = &context.facts[at].what else {
            continue;
        };
        let enforced = match level.text.as_str() {
            "baseline" => Level::Baseline,
            "restricted" => Level::Restricted,
            _ => continue,
        };
        let minor = version
            .as_deref()
            .and_then(|version| version.strip_prefix("v1."));
        let minor = minor.and_then(|minor| minor.parse().ok());
        let minor: u32 = minor.unwrap_or(context.tables.version().minor().into());
        let counts = |breach: &&Breach| {
            let (since, until) = breach.versions;
            breach.level <= enforced && (since..until).contains(&minor)
        };
        let breaches: Vec<&Breach> = workload.breaches.iter().filter(counts).collect();
        let Some((first, others)) = breaches.split_first() else {
            continue;
        };
        let found = told(workload, first, others).also(
            level.span(),
            format!("Namespace `{namespace}` enforces `{}`", level.text),
        );
        findings.add(index, Weight::Plain, found);
    }
}

fn told(workload: &Workload, first: &Breach, others: &[&Breach]) -> Diagnostic {
    let whose = |breach: &Breach| match breach.container.and_then(|at| workload.containers.get(at))
    {
        Some(container) => (
            format!("container `{}`", container.name),
            container.path.clone(),
        ),
        None if workload.path.is_empty() => ("the pod".to_owned(), "spec".to_owned()),
        None => ("the pod".to_owned(), format!("{}.spec", workload.path)),
    };
    let (_, path) = whose(first);
    let mut found = finding("the namespace does not let these pods in")
        .at(first.at, first.words)
        .field(format!("{path}.{}", first.field));
    for breach in others.iter().take(8) {
        let (who, _) = whose(breach);
        found = found.note(format!("{who}, `{}`: {}", breach.field, breach.words));
    }
    if others.len() > 8 {
        found = found.note(format!("and {} more", others.len() - 8));
    }
    found
}
