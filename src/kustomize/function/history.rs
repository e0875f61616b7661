//! The history of a resource as kustomize hands it to plugins: annotations, which it reads back
//! from what a plugin prints. Tried with kustomize 5.5.0 and 5.8.1.

use smol_str::SmolStr;

use super::super::expand::ExpandResource;
use super::super::typed::{suffix_of, take_hash_wish};
use crate::manifest::{Entry, Map, Node, Object};

const PREFIX: &str = "internal.config.kubernetes.io/";
const NAMES: &str = "internal.config.kubernetes.io/previousNames";
const NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";
const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
const LOCAL: &str = "config.kubernetes.io/local-config";

/// Where kustomize numbers the items of a list and names the files to write them to.
const BOOKKEEPING: [&str; 5] = [
    "config.kubernetes.io/index",
    "config.kubernetes.io/path",
    "config.kubernetes.io/id",
    "config.k8s.io/id",
    "kustomize.config.k8s.io/id",
];

/// A resource and its history, told apart.
#[derive(Debug)]
pub(super) struct Tracked {
    /// The resource as its files have it.
    bare: Node,
    /// kustomize's own annotations.
    tracking: Vec<Entry>,
}

impl Tracked {
    /// Takes kustomize's annotations off a resource.
    pub(super) fn read(node: &Node) -> Self {
        let mut bare = node.clone();
        let mut tracking = Vec::new();
        let has_any = node
            .at(&["metadata", "annotations"])
            .and_then(Node::as_map)
            .is_some_and(|map| map.keys().any(is_tracking));
        if has_any && let Some(metadata) = bare.get_mut("metadata").and_then(Node::as_map_mut) {
            let annotations = metadata.get_mut("annotations").and_then(Node::as_map_mut);
            let left = annotations.map(|map| {
                map.retain(|entry| {
                    let taken = is_tracking(&entry.key);
                    if taken {
                        tracking.push(entry.clone());
                    }
                    !taken
                });
                map.len()
            });
            if left == Some(0) {
                metadata.remove("annotations");
            }
        }
        Self { bare, tracking }
    }

    /// What expansion and validators see of it.
    pub(super) fn view(&self) -> ExpandResource {
        let previous_names = self.list(NAMES);
        ExpandResource {
            original_name: previous_names
                .first()
                .cloned()
                .unwrap_or_else(|| self.name()),
            previous_names,
            prefixes: self.list(PREFIXES),
            suffixes: self.list(SUFFIXES),
            needs_hash: self.text(NEEDS_HASH) == Some("enabled"),
            is_local: self
                .bare
                .at(&["metadata", "annotations", LOCAL])
                .and_then(Node::scalar_text)
                .is_some_and(|text| text != "false"),
            node: self.bare.clone(),
        }
    }

    /// An object that was made from this one, with its history under the object's own kind:
    /// `backend-headless` was called so from the start, as `backend` was. kustomize looks for
    /// names in the fields of the first kind, so the old kind would leave references dangling.
    pub(super) fn heir(&self, mut made: Node) -> Node {
        let wants_hash = take_hash_wish(&mut made);
        let object = |node: &Node| Object { root: node.clone() };
        let (kind, name) = (
            object(&made).kind().to_owned(),
            object(&made).name().to_owned(),
        );
        let current = self.name();
        let suffix = suffix_of(&name, &current);
        let mut entries = Vec::new();
        for entry in &self.tracking {
            let text = entry.value.scalar_text().unwrap_or_default();
            let inherited = match (entry.key.as_str(), suffix) {
                (ORIGIN | TRANSFORMATIONS, _) | (NAMESPACES | PREFIXES | SUFFIXES, Some(_)) => {
                    text.to_owned()
                }
                (NAMES, Some(suffix)) => each(text, |name| format!("{name}{suffix}")),
                (KINDS, Some(_)) => each(text, |_| kind.clone()),
                _ => continue,
            };
            entries.push((entry.key.clone(), inherited));
        }
        if wants_hash {
            entries.push((NEEDS_HASH.into(), "enabled".to_owned()));
        }
        annotate(&mut made, entries);
        made
    }

    fn name(&self) -> SmolStr {
        let name = self.bare.at(&["metadata", "name"]);
        name.and_then(Node::scalar_text).unwrap_or_default().into()
    }

    fn text(&self, key: &str) -> Option<&str> {
        let entry = self.tracking.iter().find(|entry| entry.key == key)?;
        entry.value.scalar_text()
    }

    fn list(&self, key: &str) -> Vec<SmolStr> {
        let text = self.text(key).unwrap_or_default();
        let parts = text.split(',').filter(|_| !text.is_empty());
        parts.map(SmolStr::new).collect()
    }
}

/// Marks an object that no cluster ever sees; kustomize drops it at the end of the root.
pub(super) fn mark_local(mut node: Node) -> Node {
    annotate(&mut node, vec![(LOCAL.into(), "true".to_owned())]);
    node
}

fn is_tracking(key: &str) -> bool {
    key.starts_with(PREFIX)
        || BOOKKEEPING.contains(&key)
        || [ORIGIN, TRANSFORMATIONS].contains(&key)
}

fn each(list: &str, change: impl Fn(&str) -> String) -> String {
    let parts: Vec<String> = list.split(',').map(change).collect();
    parts.join(",")
}

fn annotate(node: &mut Node, entries: Vec<(SmolStr, String)>) {
    if entries.is_empty() {
        return;
    }
    let span = node.span;
    let empty = || Node::map(Map::new(), span);
    let child = |node: &mut Node, key: &str| -> Option<()> {
        let child = node.as_map_mut()?.get_or_insert_with(key, empty);
        if child.is_null() {
            *child = empty();
        }
        Some(())
    };
    // An object without a mapping there is refused by kustomize itself.
    if child(node, "metadata").is_none() {
        return;
    }
    let Some(metadata) = node.get_mut("metadata") else {
        return;
    };
    if child(metadata, "annotations").is_none() {
        return;
    }
    let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) else {
        return;
    };
    for (key, text) in entries {
        annotations.insert(key, span, Node::string(text, span));
    }
}
