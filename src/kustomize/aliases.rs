//! Labels that share one value: kustomize writes a new label or annotation into all its places by
//! one node, so that a later change of one of them changes the others too (tried: a patch of
//! `metadata.labels.app` above `commonLabels: {app: ...}` also changes the selectors).

use std::sync::Arc;

use smol_str::SmolStr;

use super::fieldspec::{FieldSpec, PathStep};
use super::resource::Resource;
use crate::manifest::{Node, Value};

/// The places of one key that share a value.
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    key: SmolStr,
    /// Paths of the mappings that hold the key.
    places: Places,
}

/// Paths to mappings. They are the same in most resources of a kind, which share them.
type Places = Arc<[Vec<PathStep>]>;

/// The places that were noted last: of each kind and key there are few.
#[derive(Default)]
pub(crate) struct Seen(Vec<Places>);

impl Seen {
    /// How many are compared before one is made anew.
    const KEPT: usize = 16;

    fn share(&mut self, places: Vec<Vec<PathStep>>) -> Places {
        if let Some(same) = self.0.iter().find(|seen| ***seen == *places) {
            return Arc::clone(same);
        }
        let places = Places::from(places);
        if self.0.len() == Self::KEPT {
            self.0.remove(0);
        }
        self.0.push(Arc::clone(&places));
        places
    }
}

/// The places that some fields lead to, and which keys each of them has.
pub(crate) struct Before {
    /// With whether it has them, key by key.
    places: Vec<(Vec<PathStep>, Vec<bool>)>,
    /// The tree, where values are shared already. To keep it makes the next change copy it.
    node: Option<Node>,
}

/// Notes what is there before labels are written.
pub(crate) fn before<'k, 's>(
    resource: &Resource,
    keys: impl Iterator<Item = &'k SmolStr> + Clone,
    specs: impl Iterator<Item = &'s FieldSpec>,
) -> Before {
    let node = &resource.node;
    let mut places = Vec::new();
    specs.for_each(|spec| spec.places(node, &mut places));
    let with_keys = |place: Vec<PathStep>| {
        let map = find(node, &place);
        let has = |key| map.is_some_and(|map| map.get(key).is_some());
        let has = keys.clone().map(|key| has(key)).collect();
        (place, has)
    };
    Before {
        places: places.into_iter().map(with_keys).collect(),
        node: (!resource.aliases.is_empty()).then(|| node.clone()),
    }
}

/// Notes which of the keys were new where, and carries changes of old ones on.
pub(crate) fn after<'k, 's>(
    resource: &mut Resource,
    before: &Before,
    keys: impl Iterator<Item = &'k SmolStr>,
    specs: impl Iterator<Item = &'s FieldSpec>,
    seen: &mut Seen,
) {
    if let Some(node) = &before.node {
        propagate(resource, node);
    }
    let mut places = Vec::new();
    specs.for_each(|spec| spec.places(&resource.node, &mut places));
    for (at, key) in keys.enumerate() {
        let is_new = |place: &&Vec<PathStep>| {
            let known = before.places.iter().find(|(known, _)| known == *place);
            known.is_none_or(|(_, has)| !has[at])
        };
        let new: Vec<Vec<PathStep>> = places.iter().filter(is_new).cloned().collect();
        if new.len() > 1 {
            resource.aliases.reserve_exact(1);
            resource.aliases.push(Alias {
                key: key.clone(),
                places: seen.share(new),
            });
        }
    }
}

/// Carries a change of one place of a value to the others.
pub(crate) fn propagate(resource: &mut Resource, before: &Node) {
    if resource.aliases.is_empty() {
        return;
    }
    let mut aliases = std::mem::take(&mut resource.aliases);
    for alias in &mut aliases {
        let key = &alias.key;
        let is_there = |place: &&Vec<PathStep>| {
            same_lists(before, &resource.node, place)
                && find(&resource.node, place).is_some_and(|map| map.get(key).is_some())
        };
        if !alias.places.iter().all(|place| is_there(&place)) {
            alias.places = alias.places.iter().filter(is_there).cloned().collect();
        }
        let changed = alias.places.iter().filter_map(|place| {
            let old = find(before, place)?.get(key)?;
            let new = find(&resource.node, place)?.get(key)?;
            (old.span != new.span || !old.same_value(new)).then(|| (place, new.clone()))
        });
        // A merge goes over the fields in the order of their names, and the last one stays.
        let last = changed.max_by(|(a, _), (b, _)| a.cmp(b));
        let Some((_, value)) = last else {
            continue;
        };
        for place in &*alias.places {
            if let Some(slot) = find_mut(&mut resource.node, place).and_then(|map| map.get_mut(key))
            {
                *slot = value.clone();
            }
        }
    }
    aliases.retain(|alias| alias.places.len() > 1);
    resource.aliases = aliases;
}

fn find<'n>(node: &'n Node, place: &[PathStep]) -> Option<&'n Node> {
    place.iter().try_fold(node, |node, step| match step {
        PathStep::Key(key) => node.get(key),
        PathStep::Index(at) => node.as_seq()?.get(*at),
    })
}

fn find_mut<'n>(node: &'n mut Node, place: &[PathStep]) -> Option<&'n mut Node> {
    place.iter().try_fold(node, |node, step| match step {
        PathStep::Key(key) => node.get_mut(key),
        PathStep::Index(at) => node.as_seq_mut()?.get_mut(*at),
    })
}

/// Whether the lists on a path are as long as they were: else their elements may have moved.
fn same_lists(before: &Node, after: &Node, place: &[PathStep]) -> bool {
    let (mut old, mut new) = (before, after);
    for step in place {
        if let (Value::Seq(a), Value::Seq(b)) = (&old.value, &new.value)
            && a.len() != b.len()
        {
            return false;
        }
        let (Some(a), Some(b)) = (
            find(old, std::slice::from_ref(step)),
            find(new, std::slice::from_ref(step)),
        ) else {
            return false;
        };
        (old, new) = (a, b);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::config::Config;
    use crate::kustomize::decode::Spanned;
    use crate::kustomize::labels;
    use crate::kustomize::resmap::ResMap;
    use crate::manifest::Span;
    use crate::manifest::json::{from_json, to_json};
    use crate::merge::merge_keys::MergeSchema;

    #[test]
    fn a_label_that_was_written_everywhere_changes_everywhere() {
        // Made by kustomize 5.8.1: `commonLabels` in the base, a patch of `metadata.labels` above.
        let json = serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"template": {"metadata": {"labels": {"own": "x", "app": "mine"}}}}
        });
        let mut map = ResMap::default();
        map.push(Resource::new(
            from_json(&json, Span::NONE),
            MergeSchema::builtin(),
        ));
        let text = |value: &str| Spanned {
            value: value.into(),
            span: Span::NONE,
        };
        let pairs = [("app".into(), text("common")), ("team".into(), text("t"))];
        labels::transform(&mut map, &pairs, &Config::default_config().common_labels).unwrap();
        let resource = map.get_mut(0);
        let before = resource.node.clone();
        for (key, value) in [("app", "patched"), ("team", "u")] {
            let slot = resource.node.at_mut(&["metadata", "labels", key]).unwrap();
            *slot = Node::string(value, Span::NONE);
        }
        propagate(resource, &before);
        let result = to_json(&resource.node);
        assert_eq!(result["spec"]["selector"]["matchLabels"]["app"], "patched");
        // This one was there before, so it is a value of its own.
        let template = &result["spec"]["template"]["metadata"]["labels"];
        assert_eq!(template["app"], "common");
        assert_eq!(template["team"], "u");
    }
}
