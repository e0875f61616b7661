//! Updates of custom resources: rules that compare with the old object, and what is tolerated
//! because it has not changed (CRD validation ratcheting, on since 1.30).

use super::schema::{ListKind, Schema};
use super::{Definitions, Judge, Judgement, Version};
use crate::manifest::{Diagnostic, Node, Object};
use crate::schema::tables;

impl Definitions {
    /// Judges an update of a custom resource. `None` where its definition is not at hand.
    pub(in crate::validate) fn judge_update(
        &self,
        release: crate::schema::Version,
        old: &Object,
        new: &Object,
    ) -> Option<Judgement> {
        let key = (new.group().into(), new.kind().into());
        let definition = self.kinds.get(&key)?;
        let served = |v: &&Version| v.served && v.name == new.version();
        let mut judge = Judge {
            tables: tables(release),
            object: new,
            // An object of another version would have to be converted, which webhooks may do.
            old: Some(old).filter(|old| old.version() == new.version()),
            findings: Vec::new(),
            unknown: None,
        };
        match definition.versions.iter().find(served) {
            Some(version) => judge.version(version),
            None => judge.not_served(definition),
        }
        Some(judge.judgement())
    }
}

/// Whether a finding is tolerated: the value that is wrong, or one around it, is the old one.
pub(super) fn is_tolerated(finding: &Diagnostic, schema: &Schema, old: &Node, new: &Node) -> bool {
    let field = finding.field.as_deref().unwrap_or_default();
    let (mut old, mut new, mut schema) = (Some(old), new, Some(schema));
    for step in steps(field) {
        if old.is_some_and(|old| old == new) {
            return true;
        }
        let next = match step.parse::<usize>() {
            Ok(index) if new.as_seq().is_some() => {
                let item = new.as_seq().and_then(|items| items.get(index));
                old = old
                    .zip(item)
                    .and_then(|(old, item)| same_item(schema, old, item));
                schema = schema.and_then(|schema| schema.items.as_deref());
                item
            }
            _ => {
                old = old.and_then(|old| old.get(step));
                schema = schema.and_then(|schema| schema.key(step));
                new.get(step)
            }
        };
        let Some(next) = next else {
            return false;
        };
        new = next;
    }
    old.is_some_and(|old| old == new)
}

/// The item of the old list that is the same as one of the new list; only lists whose items have
/// keys tell.
fn same_item<'o>(schema: Option<&Schema>, old: &'o Node, item: &Node) -> Option<&'o Node> {
    let ListKind::Map(keys) = &schema?.list else {
        return None;
    };
    let same = |other: &&Node| keys.iter().all(|key| other.get(key) == item.get(key));
    old.as_seq()?.iter().find(same)
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[', ']']).filter(|step| !step.is_empty())
}
