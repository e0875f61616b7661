//! Typed resources in a build: expansion in its place, with the history handed on.

use std::collections::BTreeSet;
use std::sync::Arc;

use smol_str::SmolStr;

use super::expand::{ExpandResource, Expansion};
use super::resmap::ResMap;
use super::resource::{PreviousId, Resource};
use super::run::Run;
use crate::manifest::{Diagnostic, Diagnostics, Node, Object, Span};

/// The kind of typed resource that is the policy of a release, and makes no objects.
const RELEASE: &str = "Release";
const LOCAL: &str = "config.kubernetes.io/local-config";
/// How an object asks for a hash of its content at the end of its name.
const WANTS_HASH: &str = "kustomize.config.k8s.io/needs-hash";

/// Expands all typed resources: what they make goes last, in their order, and they are gone.
///
/// # Errors
/// Faults of their inputs, and objects that are there already.
pub(crate) fn expand(run: &Run<'_>, map: &mut ResMap) -> Result<(), Diagnostics> {
    let typed = run.options().typed;
    let is_typed = |resource: &Resource| typed.is_typed(&resource.gvk.group, &resource.gvk.kind);
    if !map.iter().any(is_typed) {
        return Ok(());
    }
    for resource in map.iter_mut() {
        // What is wrong with it may come from a step that failed.
        resource.dead |= resource.broken && is_typed(resource);
    }
    let kinds: BTreeSet<(SmolStr, SmolStr)> = map
        .iter()
        .filter(|resource| is_typed(resource))
        .map(|resource| (resource.gvk.group.clone(), resource.gvk.kind.clone()))
        .collect();
    for (group, kind) in &kinds {
        for file in typed.files_of(group, kind) {
            run.was_read(&Arc::from(file));
        }
    }
    map.compact();
    let resources: Vec<ExpandResource> = map.iter().map(view).collect();
    let mut expansions = typed.expand(&run.expand_input(&resources))?;
    expansions.sort_by_key(|expansion| expansion.from);
    let mut made = Vec::new();
    for Expansion { from, objects } in expansions {
        for node in objects {
            let mut heir = heir(run, map.get(from), node);
            if let Some(recorder) = run.recorder() {
                recorder.made(&mut heir, map.get(from));
            }
            made.push(heir);
        }
    }
    let kept = map.take().into_iter().filter_map(|mut resource| {
        if !is_typed(&resource) {
            return Some(resource);
        }
        // A Release stays, to be patched and prefixed on, until the end of the root drops it.
        (resource.gvk.kind == RELEASE).then(|| {
            mark_local(&mut resource);
            resource
        })
    });
    for resource in kept.collect::<Vec<_>>() {
        map.push(resource);
    }
    map.append_all(made).map_err(Diagnostics)
}

/// The `Release` resources of a finished build.
pub(crate) fn releases(run: &Run<'_>, resources: &[Resource]) -> Vec<Object> {
    let typed = run.options().typed;
    resources
        .iter()
        .filter(|resource| !resource.dead && resource.gvk.kind == RELEASE)
        .filter(|resource| typed.is_typed(&resource.gvk.group, RELEASE))
        .map(|resource| Object {
            root: resource.node.clone(),
        })
        .collect()
}

/// What expansion and validators see of a build.
pub(crate) fn views(map: &ResMap) -> Vec<ExpandResource> {
    map.iter().map(view).collect()
}

/// The typed resource that would make an object that is meant, and that object.
pub(crate) fn maker_of(
    run: &Run<'_>,
    map: &ResMap,
    is_meant: impl Fn(&Resource) -> bool,
) -> Option<(Resource, Resource)> {
    let typed = run.options().typed;
    let is_typed = |resource: &Resource| typed.is_typed(&resource.gvk.group, &resource.gvk.kind);
    if !map.iter().any(is_typed) {
        return None;
    }
    let expansions = typed.expand(&run.expand_input(&views(map))).ok()?;
    let live: Vec<&Resource> = map.iter().collect();
    expansions.into_iter().find_map(|expansion| {
        let maker = *live.get(expansion.from)?;
        let made = expansion.objects.into_iter();
        let mut made = made.map(|node| heir(run, maker, node));
        Some((maker.clone(), made.find(|made| is_meant(made))?))
    })
}

/// The fault of a patch that names what only expansion makes.
pub(crate) fn generated(maker: &Resource, made: &Resource, span: Span) -> Diagnostic {
    let message = format!(
        "{} is made from {}, after all patches",
        made.describe(),
        maker.describe()
    );
    Diagnostic::error("patch-of-generated", message)
        .at(span, "this patch comes too early")
        .also(maker.node.span, "made from this")
        .hint(format!(
            "patch the inputs of {}, or its `spec.overrides`",
            maker.describe()
        ))
}

fn view(resource: &Resource) -> ExpandResource {
    ExpandResource {
        node: resource.node.clone(),
        original_name: resource.original_name().clone(),
        previous_names: resource.previous.iter().map(|id| id.name.clone()).collect(),
        prefixes: resource.prefixes.to_vec(),
        suffixes: resource.suffixes.to_vec(),
        needs_hash: resource.needs_hash,
        is_local: resource.is_local(),
    }
}

/// An object with the history of the typed resource that it was made from, under its own kind:
/// `backend-headless` was called so from the start, as `backend` was. An object with a name of
/// its own has no such history.
fn heir(run: &Run<'_>, maker: &Resource, mut node: Node) -> Resource {
    let needs_hash = take_hash_wish(&mut node);
    let mut made = Resource::new(node, &run.schema());
    made.needs_hash = needs_hash;
    made.origin.clone_from(&maker.origin);
    let Some(suffix) = suffix_of(&made.name, &maker.name).map(SmolStr::new) else {
        return made;
    };
    made.previous = maker
        .previous
        .iter()
        .map(|id| PreviousId {
            name: format!("{}{suffix}", id.name).into(),
            namespace: if made.cluster_scoped {
                made.effective_namespace().into()
            } else {
                id.namespace.clone()
            },
            kind: made.gvk.kind.clone(),
        })
        .collect();
    made.prefixes.clone_from(&maker.prefixes);
    made.suffixes.clone_from(&maker.suffixes);
    made
}

/// What a generated name adds to the name of the typed resource; `None` where it is another name.
pub(crate) fn suffix_of<'n>(made: &'n str, maker: &str) -> Option<&'n str> {
    let suffix = made.strip_prefix(maker)?;
    (suffix.is_empty() || suffix.starts_with('-')).then_some(suffix)
}

/// Takes the wish for a hash off an object. Returns whether it had one.
pub(crate) fn take_hash_wish(node: &mut Node) -> bool {
    let wish = node.at(&["metadata", "annotations", WANTS_HASH]);
    let Some(wanted) = wish.map(|node| node.scalar_text() == Some("true")) else {
        return false;
    };
    if let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut) {
        let annotations = metadata.get_mut("annotations").and_then(Node::as_map_mut);
        let left = annotations.map(|map| {
            map.remove(WANTS_HASH);
            map.len()
        });
        if left == Some(0) {
            metadata.remove("annotations");
        }
    }
    wanted
}

fn mark_local(resource: &mut Resource) {
    let span = resource.node.span;
    let mut texts: Vec<(SmolStr, SmolStr, Span)> = resource
        .texts("annotations")
        .into_iter()
        .filter(|(key, _)| key != LOCAL)
        .map(|(key, text)| (key, text, span))
        .collect();
    texts.push((LOCAL.into(), "true".into(), span));
    resource.set_texts("annotations", texts);
}
