//! The resources of a build in order, with an index by every name they have or had.

use std::collections::HashMap;

use smol_str::SmolStr;

use super::resource::Resource;
use super::targets::{Targets, Wanted, hash_of, insert_once};
use crate::manifest::{Diagnostic, Gvk};

/// Resources in the order in which they were loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResMap {
    items: Vec<Resource>,
    /// Name, current or previous, to positions in ascending order. An entry may be out of date:
    /// whoever looks up compares. Empty until it is asked for.
    by_name: HashMap<SmolStr, Vec<usize>>,
    indexed: usize,
    /// The same by [`id_hash`]: one name can stand in thousands of namespaces.
    by_id: HashMap<u64, Vec<usize>>,
    ids_indexed: usize,
    targets: Targets,
    /// Whether no two resources have one current identity, as far as is known.
    is_unique: bool,
    /// Whether something that belongs here could not be loaded. Its fault is reported; what finds
    /// no match because of it is none of its own.
    pub(crate) incomplete: bool,
}

impl ResMap {
    /// All resources that no patch deleted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.items.iter().filter(|resource| !resource.dead)
    }

    /// All resources for writing. Whoever changes names says so by [`ResMap::renamed`].
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Resource> {
        self.all_mut().filter(|resource| !resource.dead)
    }

    /// All resources for writing, also those that a patch deleted.
    pub(crate) fn all_mut(&mut self) -> std::slice::IterMut<'_, Resource> {
        self.targets.forget();
        self.items.iter_mut()
    }

    /// Positions of all resources that no patch deleted.
    pub(crate) fn positions(&self) -> Vec<usize> {
        (0..self.items.len())
            .filter(|&at| !self.items[at].dead)
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn get(&self, at: usize) -> &Resource {
        &self.items[at]
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> &mut Resource {
        self.targets.touch(at);
        &mut self.items[at]
    }

    /// Adds without a look at identities.
    pub(crate) fn push(&mut self, resource: Resource) {
        self.is_unique = false;
        self.items.push(resource);
    }

    /// Adds resources, each with an identity of its own.
    ///
    /// # Errors
    /// Every resource whose identity is taken, with both places.
    pub(crate) fn append_all(&mut self, resources: Vec<Resource>) -> Result<(), Vec<Diagnostic>> {
        let mut faults = Vec::new();
        if self.items.is_empty() && resources.len() < 2 {
            self.items = resources;
            return Ok(());
        }
        for resource in resources {
            match self.with_current_id(&resource).first().copied() {
                Some(at) => faults.push(duplicate(&self.items[at], &resource)),
                None => self.items.push(resource),
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// Puts a resource in the place of another.
    pub(crate) fn replace(&mut self, at: usize, resource: Resource) {
        self.items[at] = resource;
        self.renamed();
    }

    /// Removes and returns all.
    pub(crate) fn take(&mut self) -> Vec<Resource> {
        self.renamed();
        std::mem::take(&mut self.items)
    }

    /// Drops what patches deleted.
    pub(crate) fn compact(&mut self) {
        if self.items.iter().any(|resource| resource.dead) {
            self.items.retain(|resource| !resource.dead);
            self.renamed();
        }
    }

    /// Forgets the index because names or positions changed.
    pub(crate) fn renamed(&mut self) {
        // Freed, and not only cleared: most are never asked for again.
        self.by_name = HashMap::new();
        self.indexed = 0;
        self.by_id = HashMap::new();
        self.ids_indexed = 0;
        self.targets.forget();
        self.is_unique = false;
    }

    /// Tells the index that one resource has a new name.
    pub(crate) fn renamed_one(&mut self, at: usize) {
        if at < self.indexed {
            add_names(&mut self.by_name, at, &self.items[at]);
        }
        if at < self.ids_indexed {
            add_ids(&mut self.by_id, at, &self.items[at]);
        }
    }

    /// Positions of the resources that have or had a name; some may be out of date.
    pub(crate) fn named(&mut self, name: &str) -> &[usize] {
        for at in self.indexed..self.items.len() {
            add_names(&mut self.by_name, at, &self.items[at]);
        }
        self.indexed = self.items.len();
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Positions of the resources that may have everything that is wanted, in order; of all where
    /// that is nothing.
    pub(crate) fn wanted(&mut self, wanted: &[Wanted<'_>]) -> Vec<usize> {
        if wanted.is_empty() {
            return (0..self.items.len()).collect();
        }
        self.targets.find(&self.items, wanted)
    }

    /// Positions of the resources any of whose identities is this one.
    pub(crate) fn with_any_id(&mut self, gvk: &Gvk, name: &str, namespace: &str) -> Vec<usize> {
        self.index_ids();
        let candidates = self.by_id.get(&id_hash(&gvk.kind, name, namespace));
        let is_meant = |at: &usize| {
            let resource = &self.items[*at];
            !resource.dead && resource.has_id(gvk, name, namespace)
        };
        let candidates = candidates.into_iter().flatten().copied();
        candidates.filter(is_meant).collect()
    }

    /// Two resources with one current identity, one of which is among those that changed.
    pub(crate) fn conflict_of(&mut self, changed: &[usize]) -> Option<(usize, usize)> {
        if !self.is_unique {
            let found = self.conflict();
            self.is_unique = found.is_none();
            return found;
        }
        changed.iter().find_map(|&at| {
            let others = self.with_current_id(&self.items[at].clone());
            let other = others.into_iter().find(|&other| other != at)?;
            Some((at.min(other), at.max(other)))
        })
    }

    /// Says that an identity changed and was not compared with the others.
    pub(crate) fn may_conflict(&mut self) {
        self.is_unique = false;
    }

    fn index_ids(&mut self) {
        for at in self.ids_indexed..self.items.len() {
            add_ids(&mut self.by_id, at, &self.items[at]);
        }
        self.ids_indexed = self.items.len();
    }

    /// Two resources with one current identity, if there are any.
    pub(crate) fn conflict(&self) -> Option<(usize, usize)> {
        doubles(&self.items).first().copied()
    }

    fn with_current_id(&mut self, resource: &Resource) -> Vec<usize> {
        self.index_ids();
        let namespace = resource.effective_namespace();
        let hash = id_hash(&resource.gvk.kind, &resource.name, namespace);
        let is_same = |at: &usize| {
            let other = &self.items[*at];
            !other.dead
                && other.gvk == resource.gvk
                && other.name == resource.name
                && other.effective_namespace() == namespace
        };
        let candidates = self.by_id.get(&hash).into_iter().flatten().copied();
        candidates.filter(is_same).collect()
    }
}

/// The places of resources whose current identity another before them has, and of the one before.
pub(crate) fn doubles(resources: &[Resource]) -> Vec<(usize, usize)> {
    let identity = |at: usize| {
        let resource = &resources[at];
        let namespace = resource.effective_namespace();
        (&resource.gvk, resource.name.as_str(), namespace)
    };
    // Numbers instead of a table of identities, which is large when memory is at its peak.
    let living = (0..resources.len()).filter(|&at| !resources[at].dead);
    let mut hashes: Vec<(u64, usize)> = living.map(|at| (hash_of(&identity(at)), at)).collect();
    hashes.sort_unstable();
    let mut found = Vec::new();
    for alike in hashes.chunk_by(|a, b| a.0 == b.0) {
        for (nth, &(_, at)) in alike.iter().enumerate().skip(1) {
            let mut before = alike[..nth].iter().rev();
            let first = before.find(|(_, first)| identity(*first) == identity(at));
            found.extend(first.map(|&(_, first)| (first, at)));
        }
    }
    found.sort_unstable_by_key(|&(_, at)| at);
    found
}

/// Two resources with one identity.
pub(crate) fn duplicate(first: &Resource, second: &Resource) -> Diagnostic {
    Diagnostic::error(
        "duplicate-object",
        format!("{} is there twice", second.describe()),
    )
    .at(second.node.span, "here again")
    .also(first.node.span, "first here")
    .in_object(second.describe())
    .hint("remove one of the two, or give one of them another name or namespace")
}

/// A number for an identity; those of several can be equal.
fn id_hash(kind: &str, name: &str, namespace: &str) -> u64 {
    hash_of(&(kind, name, namespace))
}

fn add_ids(index: &mut HashMap<u64, Vec<usize>>, at: usize, resource: &Resource) {
    let mut add = |hash: u64| {
        insert_once(index.entry(hash).or_default(), at);
    };
    for id in &resource.previous {
        add(id_hash(&id.kind, &id.name, &id.namespace));
    }
    add(id_hash(
        &resource.gvk.kind,
        &resource.name,
        resource.effective_namespace(),
    ));
}

fn add_names(index: &mut HashMap<SmolStr, Vec<usize>>, at: usize, resource: &Resource) {
    let previous = resource.previous.iter().map(|id| &id.name);
    for name in previous.chain(std::iter::once(&resource.name)) {
        if let Some(positions) = index.get_mut(name) {
            insert_once(positions, at);
        } else {
            index.insert(name.clone(), vec![at]);
        }
    }
}
