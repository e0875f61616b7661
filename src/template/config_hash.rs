//! The pod annotation that changes when plainly named configuration of the build changes.

use std::collections::HashMap;

use smol_str::SmolStr;

use crate::kustomize::expand::ExpandResource;
use crate::manifest::{Map, Node, Object, Span, json, names};

use super::engine::Subject;

/// The annotation.
pub const ANNOTATION: &str = "deployx.dev/config-hash";

/// Where kinds keep their pod template.
const TEMPLATES: [(&str, &[&str]); 5] = [
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("Deployment", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
];

/// The ConfigMaps and Secrets of a build, by kind and by each name that they have or had.
#[derive(Debug, Default)]
pub(super) struct Configuration<'r> {
    by_name: HashMap<(&'static str, SmolStr), Vec<&'r ExpandResource>>,
}

impl<'r> Configuration<'r> {
    /// Collects them.
    pub(super) fn of(resources: &'r [ExpandResource]) -> Self {
        let mut found = Self::default();
        for resource in resources {
            let node = &resource.node;
            let kind = match node.get("kind").and_then(Node::as_str) {
                Some("ConfigMap") => "ConfigMap",
                Some("Secret") => "Secret",
                _ => continue,
            };
            if node.get("apiVersion").and_then(Node::as_str) != Some("v1") {
                continue;
            }
            let current = node.at(&["metadata", "name"]).and_then(Node::as_str);
            let mut names: Vec<SmolStr> = resource.previous_names.clone();
            names.push(resource.original_name.clone());
            names.push(current.unwrap_or_default().into());
            names.sort();
            names.dedup();
            for name in names {
                found
                    .by_name
                    .entry((kind, name))
                    .or_default()
                    .push(resource);
            }
        }
        found
    }

    /// The resource that a plain name means in a namespace; of several, the one with the same
    /// prefixes and suffixes as the one that names it. `None` also where a hash of its own will
    /// change its name with its data.
    fn meant(
        &self,
        kind: &'static str,
        name: &SmolStr,
        namespace: &str,
        own: &ExpandResource,
    ) -> Option<&'r ExpandResource> {
        let here = |resource: &&&ExpandResource| {
            let place = resource.node.at(&["metadata", "namespace"]);
            place.and_then(Node::as_str).unwrap_or_default() == namespace
        };
        let kin = |resource: &&&ExpandResource| {
            resource.prefixes == own.prefixes && resource.suffixes == own.suffixes
        };
        let named = self.by_name.get(&(kind, name.clone()))?;
        let mut candidates = named.iter().filter(here);
        let near = candidates.clone().find(kin);
        let chosen = *near.or(candidates.next())?;
        (!chosen.needs_hash && !chosen.is_local).then_some(chosen)
    }
}

/// Annotates the pod templates of `objects` with a hash over the ConfigMaps and Secrets of the
/// build that they use and whose name will carry no hash of its own.
pub(super) fn annotate(
    objects: &mut [Object],
    subject: &Subject,
    own: &ExpandResource,
    configuration: &Configuration<'_>,
) {
    let Some(switches) = subject.spec.get("rolloutOn") else {
        return;
    };
    let on = |key: &str| switches.get(key).and_then(Node::as_bool).unwrap_or(true);
    let kinds = [("ConfigMap", on("config")), ("Secret", on("secrets"))];
    for object in objects {
        let Some((_, path)) = TEMPLATES.iter().find(|(kind, _)| *kind == object.kind()) else {
            continue;
        };
        let Some(template) = object.root.at(path) else {
            continue;
        };
        let mut used = Vec::new();
        references(template, None, &mut used);
        used.retain(|(kind, _)| kinds.contains(&(*kind, true)));
        let mut found: Vec<&ExpandResource> = used
            .iter()
            .filter_map(|(kind, name)| configuration.meant(kind, name, &subject.namespace, own))
            .collect();
        found.sort_by_key(|resource| key(resource));
        found.dedup_by_key(|resource| key(resource));
        if !found.is_empty() {
            set(&mut object.root, path, &hash(&found));
        }
    }
}

/// References to ConfigMaps and Secrets in a pod template, wherever they stand.
fn references(node: &Node, field: Option<&str>, used: &mut Vec<(&'static str, SmolStr)>) {
    if let Some(items) = node.as_seq() {
        for item in items {
            references(item, None, used);
        }
    }
    let Some(map) = node.as_map() else {
        return;
    };
    let named = match field {
        Some("configMap" | "configMapRef" | "configMapKeyRef") => Some(("ConfigMap", "name")),
        Some("secretRef" | "secretKeyRef") => Some(("Secret", "name")),
        Some("secret") => Some(("Secret", "secretName")),
        _ => None,
    };
    if let Some((kind, key)) = named
        && let Some(name) = map
            .get(key)
            .or_else(|| map.get("name"))
            .and_then(Node::as_str)
    {
        used.push((kind, name.into()));
    }
    for entry in map {
        references(&entry.value, Some(&entry.key), used);
    }
}

fn key(resource: &ExpandResource) -> (String, String) {
    let text = |path: &[&str]| {
        let node = resource.node.at(path).and_then(Node::as_str);
        node.unwrap_or_default().to_owned()
    };
    (text(&["kind"]), text(&["metadata", "name"]))
}

/// Ten characters, as many as kustomize's own suffix reveals.
fn hash(found: &[&ExpandResource]) -> String {
    let items = found.iter().map(|resource| {
        let (kind, name) = key(resource);
        let mut data = Map::new();
        for field in ["data", "binaryData", "stringData"] {
            if let Some(value) = resource.node.get(field) {
                data.set(field, value.clone());
            }
        }
        let item = [
            Node::string(kind, Span::NONE),
            Node::string(name, Span::NONE),
            Node::map(data, Span::NONE),
        ];
        Node::seq(item.to_vec(), Span::NONE)
    });
    let all = Node::seq(items.collect(), Span::NONE);
    names::encode_hash(&names::sha256_hex(&json::to_go_json(&all)))
}

fn set(root: &mut Node, path: &[&str], hash: &str) {
    let span = root.span;
    let annotations = root
        .at_mut(path)
        .and_then(Node::as_map_mut)
        .map(|map| map.get_or_insert_with("metadata", || Node::empty_map(span)))
        .and_then(Node::as_map_mut)
        .map(|map| map.get_or_insert_with("annotations", || Node::empty_map(span)))
        .and_then(Node::as_map_mut);
    if let Some(annotations) = annotations {
        annotations.set(ANNOTATION, Node::string(hash, span));
    }
}
