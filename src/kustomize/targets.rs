//! Where the resources are that a target without a name could mean: by kind, by label, by
//! annotation. A build may have thousands of patches, and thousands of resources for each.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::resource::{Resource, raw_text};
use crate::manifest::Node;

/// One thing that a target asks for by a plain word.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Wanted<'t> {
    Kind(&'t str),
    /// A field of `metadata`, a key of it, and its value.
    Entry(&'static str, &'t str, &'t str),
}

/// The fields of `metadata` that targets select by.
pub(crate) const ENTRIES: [&str; 2] = ["labels", "annotations"];

/// Positions of resources by what targets ask for. It may hold more than there is, as what was
/// once true of a resource stays: whoever looks up compares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    kinds: Index,
    /// Labels and annotations: fewer targets ask for them, and they cost more to note.
    entries: Index,
}

#[derive(Clone, Debug, Default)]
struct Index {
    /// By the hash of a [`Wanted`], in ascending order.
    positions: HashMap<u64, Vec<usize>>,
    indexed: usize,
    /// Resources that were given out for writing since.
    touched: Vec<usize>,
}

impl Targets {
    /// Notes that a resource may change.
    pub(crate) fn touch(&mut self, at: usize) {
        self.kinds.touch(at);
        self.entries.touch(at);
    }

    /// Forgets everything, because positions or many resources may change.
    pub(crate) fn forget(&mut self) {
        self.kinds.forget();
        self.entries.forget();
    }

    /// Positions of all resources that may have everything that is wanted, in order.
    pub(crate) fn find(&mut self, resources: &[Resource], wanted: &[Wanted<'_>]) -> Vec<usize> {
        let (kinds, entries): (Vec<_>, Vec<_>) = wanted
            .iter()
            .partition(|wanted| matches!(wanted, Wanted::Kind(_)));
        if entries.is_empty() {
            self.kinds.find(resources, &kinds, add_kinds)
        } else {
            self.entries.find(resources, &entries, add_entries)
        }
    }
}

impl Index {
    fn touch(&mut self, at: usize) {
        if at < self.indexed && self.touched.last() != Some(&at) {
            self.touched.push(at);
        }
    }

    fn forget(&mut self) {
        if self.indexed > 0 {
            *self = Self::default();
        }
    }

    /// The shortest list of those of what is wanted.
    fn find(
        &mut self,
        resources: &[Resource],
        wanted: &[Wanted<'_>],
        each: impl Fn(&Resource, &mut dyn FnMut(Wanted<'_>)),
    ) -> Vec<usize> {
        let touched = std::mem::take(&mut self.touched);
        for at in touched.into_iter().chain(self.indexed..resources.len()) {
            each(&resources[at], &mut |wanted| {
                insert_once(self.positions.entry(hash_of(&wanted)).or_default(), at);
            });
        }
        self.indexed = resources.len();
        let lists = wanted.iter().map(|wanted| {
            let list = self.positions.get(&hash_of(wanted));
            list.map_or(&[][..], Vec::as_slice)
        });
        let shortest = lists.min_by_key(|list| list.len());
        shortest.unwrap_or_default().to_vec()
    }
}

/// The kinds that a resource has or had.
fn add_kinds(resource: &Resource, add: &mut dyn FnMut(Wanted<'_>)) {
    add(Wanted::Kind(&resource.gvk.kind));
    for id in &resource.previous {
        if id.kind != resource.gvk.kind {
            add(Wanted::Kind(&id.kind));
        }
    }
}

fn add_entries(resource: &Resource, add: &mut dyn FnMut(Wanted<'_>)) {
    for field in ENTRIES {
        let map = resource.node.at(&["metadata", field]);
        for entry in map.and_then(Node::as_map).into_iter().flatten() {
            add(Wanted::Entry(field, &entry.key, &raw_text(&entry.value)));
        }
    }
}

/// Adds a position to an ascending list, where it is not there yet.
pub(crate) fn insert_once(positions: &mut Vec<usize>, at: usize) {
    if let Err(place) = positions.binary_search(&at) {
        positions.insert(place, at);
    }
}

/// A number for a value; those of several can be equal.
pub(crate) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::resmap::ResMap;
    use crate::manifest::Span;
    use crate::manifest::json::from_json;
    use crate::merge::merge_keys::MergeSchema;

    #[test]
    fn a_resource_that_many_patches_change_is_noted_once() {
        let json =
            serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}});
        let pod = Resource::new(from_json(&json, Span::NONE), MergeSchema::builtin());
        let (resources, mut targets) = ([pod.clone(), pod], Targets::default());
        for _ in 0..9 {
            let found = targets.find(&resources, &[Wanted::Kind("Pod")]);
            assert_eq!(found, [0, 1]);
            targets.touch(0);
            targets.touch(1);
        }
        let noted: usize = targets.kinds.positions.values().map(Vec::len).sum();
        assert_eq!(noted, 2);
    }

    #[test]
    fn resources_are_found_by_what_they_are_and_by_what_they_become() {
        let mut map = ResMap::default();
        for at in 0..6 {
            let kind = ["Deployment", "Service"][at % 2];
            let json = serde_json::json!({"apiVersion": "v1", "kind": kind,
                "metadata": {"name": format!("n{at}"), "labels": {"tier": (at / 2).to_string()}}});
            map.push(Resource::new(
                from_json(&json, Span::NONE),
                MergeSchema::builtin(),
            ));
        }
        let tier = |value| Wanted::Entry("labels", "tier", value);
        assert_eq!(map.wanted(&[Wanted::Kind("Service")]), [1, 3, 5]);
        assert_eq!(map.wanted(&[tier("1")]), [2, 3]);
        // The kind is left to whoever compares.
        assert_eq!(map.wanted(&[Wanted::Kind("Service"), tier("1")]), [2, 3]);
        assert_eq!(map.wanted(&[]).len(), 6);
        let changed = map.get_mut(4);
        *changed
            .node
            .at_mut(&["metadata", "labels", "tier"])
            .unwrap() = Node::string("1", Span::NONE);
        assert_eq!(map.wanted(&[tier("1")]), [2, 3, 4]);
        for resource in map.iter_mut() {
            resource.set_texts("labels", Vec::new());
        }
        assert!(map.wanted(&[tier("1")]).is_empty());
    }
}
