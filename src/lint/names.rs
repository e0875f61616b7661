//! Names, namespaces and keys: objects that are there twice, or not where they seem to be.

use std::collections::HashMap;

use super::Scope;
use super::context::Context;
use super::findings::{Findings, Weight, finding};

/// An object that is there twice.
pub(super) fn duplicate_object(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut seen: HashMap<&crate::manifest::ObjectId, Vec<usize>> = HashMap::new();
    for (index, fact) in context.facts.iter().enumerate() {
        if fact.id.name.is_empty() || fact.id.kind.is_empty() {
            continue;
        }
        let others = seen.entry(&fact.id).or_default();
        let same_file = |&&at: &&usize| context.facts[at].at.file() == fact.at.file();
        if let Some(&first) = others.iter().find(same_file) {
            let found = finding(format!("{} is here for the second time", fact.id))
                .at(fact.at, "this one wins when both are applied")
                .also(context.facts[first].at, "the first one");
            findings.add(index, Weight::Plain, found);
        } else if let Some(&first) = others.first() {
            // Files of a folder are often alternatives.
            let weight = if context.scope == Scope::Overlay {
                Weight::Plain
            } else {
                Weight::Hint
            };
            if findings.tells(weight) {
                let found = finding(format!("{} is here for the second time", fact.id))
                    .at(fact.at, "")
                    .also(context.facts[first].at, "the first one");
                findings.add(index, weight, found);
            }
        }
        if others.len() < 8 {
            others.push(index);
        }
    }
}

/// A namespace on what has none.
pub(super) fn cluster_scoped(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, fact) in context.facts.iter().enumerate() {
        let Some(span) = fact.namespace_at.filter(|_| !fact.id.namespace.is_empty()) else {
            continue;
        };
        if context.is_namespaced(index) == Some(false) {
            let found = finding(format!("a {} is in no namespace", fact.id.kind))
                .at(span, "the server passes over this")
                .field("metadata.namespace");
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// Objects of one input of which some name their namespace and some do not.
pub(super) fn mixed_namespaces(context: &Context<'_>, findings: &mut Findings<'_>) {
    if context.scope != Scope::Overlay {
        return;
    }
    let namespaced = |index: usize| context.is_namespaced(index) == Some(true);
    let (mut with, mut without) = (None, None);
    for index in (0..context.facts.len()).filter(|&index| namespaced(index)) {
        let place = if context.namespace(index).is_empty() {
            &mut without
        } else {
            &mut with
        };
        place.get_or_insert(index);
    }
    if let (Some(with), Some(without)) = (with, without) {
        let span = context.facts[with]
            .namespace_at
            .unwrap_or(context.facts[with].at);
        let found = finding("this object names no namespace, and others of the input do")
            .at(
                context.facts[without].at,
                "it goes where the command line says",
            )
            .also(span, format!("{} names one", context.describe(with)))
            .hint("set `namespace:` in the kustomization");
        findings.add(without, Weight::Plain, found);
    }
}

/// A key that YAML reads as something else than it says.
pub(super) fn reinterpreted_key(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, fact) in context.facts.iter().enumerate() {
        for (key, span, field) in &fact.odd_keys {
            let Some(written) = findings.written(*span) else {
                continue;
            };
            let plain = written.trim();
            if plain == key.as_str()
                || plain.starts_with(['"', '\'', '?', '!', '&', '*'])
                || plain.is_empty()
            {
                continue;
            }
            let found = finding(format!("the key `{plain}` is read as `{key}`"))
                .at(*span, format!("write it in quotes: \"{plain}\""))
                .field(format!("{field}[{key}]"));
            findings.add(index, Weight::Plain, found);
        }
    }
}
