//! What is applied before that which it needs: hooks of Helm, waves of Argo CD, and files that
//! kubectl applies from top to bottom.

use std::collections::HashMap;

use super::context::{Context, meet};
use super::facts::{NeedKind, Step, Text, What, Workload};
use super::findings::{Findings, Weight, finding};
use crate::manifest::Span;

/// An object that is applied before one that it needs.
pub(super) fn apply_order(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        for (kind, name, field) in needs(workload) {
            for at in context.find(kind, context.namespace(index), &name.text) {
                let Some(early) = early(context, index, at) else {
                    continue;
                };
                let found = finding(format!(
                    "this needs {kind} `{}`, which comes later",
                    name.text
                ))
                .at(early.at, early.this)
                .also(early.other_at.unwrap_or(context.facts[at].at), early.other)
                .field(field.clone())
                .note("its pods wait for what is only applied when they are ready")
                .hint(early.hint);
                findings.add(index, Weight::Plain, found);
            }
        }
    }
    namespaces(context, findings);
}

/// What pods do not start without, with the field.
fn needs(workload: &Workload) -> Vec<(&'static str, &Text, String)> {
    let needs = workload
        .needs
        .iter()
        .filter(|need| !need.optional && need.key.is_none());
    let mut found: Vec<_> = needs
        .filter_map(|need| {
            let kind = match need.kind {
                NeedKind::ConfigMap => "ConfigMap",
                NeedKind::Secret => "Secret",
                NeedKind::Claim => "PersistentVolumeClaim",
                // Images may be there already, or come without.
                NeedKind::PullSecret => return None,
            };
            Some((kind, &need.name, need.field.clone()))
        })
        .collect();
    let account = workload.account.iter();
    found.extend(account.map(|name| {
        let field = match workload.path {
            "" => "spec.serviceAccountName".to_owned(),
            path => format!("{path}.spec.serviceAccountName"),
        };
        ("ServiceAccount", name, field)
    }));
    found.sort_by_key(|(kind, name, _)| (*kind, name.text.clone()));
    found.dedup_by_key(|(kind, name, _)| (*kind, name.text.clone()));
    found
}

/// How one object comes before another.
struct Early {
    at: Span,
    this: String,
    other_at: Option<Span>,
    other: String,
    hint: &'static str,
}

/// Whether one object is applied, and waited for, before another.
fn early(context: &Context<'_>, index: usize, other: usize) -> Option<Early> {
    let facts = (&context.facts[index].step, &context.facts[other].step);
    match facts {
        (
            Some(Step::Before { hook, weight, at }),
            Some(Step::Before {
                weight: later,
                at: there,
                ..
            }),
        ) => (weight < later).then(|| Early {
            at: *at,
            this: format!("a `{hook}` hook of weight {weight}"),
            other_at: Some(*there),
            other: format!("a hook of weight {later}"),
            hint: "give it a smaller `helm.sh/hook-weight` than what needs it",
        }),
        (Some(Step::Before { hook, at, .. }), None | Some(Step::After)) => Some(Early {
            at: *at,
            this: format!("a `{hook}` hook runs before the release's objects are there"),
            other_at: None,
            other: "an object of the release".to_owned(),
            hint: "make it a hook of a smaller weight too, or run this as `post-install`",
        }),
        (Some(Step::Wave { wave, at }), other) => {
            let (later, there) = match other {
                Some(Step::Wave { wave, at }) => (*wave, Some(*at)),
                _ => (0, None),
            };
            (*wave < later).then(|| Early {
                at: *at,
                this: format!("in wave {wave}"),
                other_at: there,
                other: format!("in wave {later}"),
                hint: "give it a smaller `argocd.argoproj.io/sync-wave` than what needs it",
            })
        }
        (None, Some(Step::Wave { wave, at })) if *wave > 0 => Some(Early {
            at: context.facts[index].at,
            this: "in wave 0".to_owned(),
            other_at: Some(*at),
            other: format!("in wave {wave}"),
            hint: "give it a smaller `argocd.argoproj.io/sync-wave` than what needs it",
        }),
        _ => None,
    }
}

/// A Namespace that stands below objects of it in the same file.
fn namespaces(context: &Context<'_>, findings: &mut Findings<'_>) {
    if !findings.tells(Weight::Hint) {
        return;
    }
    let mut first: HashMap<(&str, crate::manifest::FileId), usize> = HashMap::new();
    for (index, fact) in context.facts.iter().enumerate() {
        let file = fact.at.file();
        if let What::Namespace(_) = fact.what {
            let Some(&above) = first.get(&(fact.id.name.as_str(), file)) else {
                continue;
            };
            if context.facts[above].at.start() > fact.at.start() || !meet("", &fact.id.namespace) {
                continue;
            }
            let found = finding(format!(
                "this Namespace stands below {}, which is in it",
                context.describe(above)
            ))
            .at(fact.at, "")
            .also(context.facts[above].at, "created first by `kubectl apply`")
            .note("deployx and kustomize sort them; `kubectl apply -f` fails the first time")
            .hint("move the Namespace to the top of the file");
            findings.add(index, Weight::Hint, found);
        } else if context.is_namespaced(index) != Some(false) {
            first
                .entry((fact.id.namespace.as_str(), file))
                .or_insert(index);
        }
    }
}
