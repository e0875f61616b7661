//! Typed resources among plain manifests: they expand as in an overlay of their own.

use std::path::Path;

use smol_str::SmolStr;

use super::Loaded;
use crate::kustomize::record::{Recorded, Recording};
use crate::kustomize::{ExpandInput, ExpandResource, Expansion, TypedResources};
use crate::manifest::{Diagnostics, Object, Sources};

/// Expands the typed resources of a load; what they become goes last, and `Release` resources
/// are set apart.
///
/// # Errors
/// Every fault of every typed resource's input.
pub(super) fn expand(
    sources: &Sources,
    root: &Path,
    loaded: Loaded,
    typed: &dyn TypedResources,
) -> Result<Loaded, Diagnostics> {
    let expansions = expansions(sources, root, &loaded, typed)?;
    let is_typed = |object: &Object| typed.is_typed(object.group(), object.kind());
    if !loaded.objects.iter().any(is_typed) {
        return Ok(loaded);
    }
    let (made_from, mut objects): (Vec<Object>, Vec<Object>) =
        loaded.objects.into_iter().partition(is_typed);
    let releases = made_from
        .into_iter()
        .filter(|object| object.kind() == "Release");
    let made = expansions
        .into_iter()
        .flat_map(|expansion| expansion.objects);
    objects.extend(made.filter_map(Object::from_node));
    Ok(Loaded {
        objects,
        releases: loaded.releases.into_iter().chain(releases).collect(),
        warnings: loaded.warnings,
    })
}

/// The lives of the objects of a load: each is read, and what is typed becomes others.
///
/// # Errors
/// As [`expand`].
pub(super) fn record(
    sources: &Sources,
    root: &Path,
    loaded: &Loaded,
    typed: &dyn TypedResources,
) -> Result<Recording, Diagnostics> {
    let read = loaded.objects.iter().map(|object| {
        let is_typed = typed.is_typed(object.group(), object.kind());
        Recorded::read(&object.root, !is_typed)
    });
    let mut recording = Recording {
        objects: read.collect(),
    };
    for Expansion { from, objects } in expansions(sources, root, loaded, typed)? {
        let maker = &loaded.objects[from].root;
        let made = objects.iter().map(|node| Recorded::made(node, maker, from));
        recording.objects.extend(made);
    }
    Ok(recording)
}

/// What the typed resources of a load become; nothing where there are none.
fn expansions(
    sources: &Sources,
    root: &Path,
    loaded: &Loaded,
    typed: &dyn TypedResources,
) -> Result<Vec<Expansion>, Diagnostics> {
    let is_typed = |object: &Object| typed.is_typed(object.group(), object.kind());
    if !loaded.objects.iter().any(is_typed) {
        return Ok(Vec::new());
    }
    let resources: Vec<ExpandResource> = loaded.objects.iter().map(resource).collect();
    typed.expand(&ExpandInput {
        resources: &resources,
        sources,
        root,
    })
}

fn resource(object: &Object) -> ExpandResource {
    ExpandResource {
        node: object.root.clone(),
        original_name: SmolStr::new(object.name()),
        previous_names: Vec::new(),
        prefixes: Vec::new(),
        suffixes: Vec::new(),
        needs_hash: false,
        is_local: false,
    }
}
