//! Which resource a patch without a target names, and what is said where there is none.

use super::listed;
use crate::kustomize::kustomization::Patch;
use crate::kustomize::resmap::ResMap;
use crate::kustomize::resource::Resource;
use crate::kustomize::run::Run;
use crate::manifest::{Diagnostic, Diagnostics, Node};

/// How many names a message lists.
const LISTED: usize = 8;

/// Finds the resource that a patch names. That it is missing is no fault where something could not
/// be loaded: it may be in there.
pub(super) fn find_target(
    run: &Run<'_>,
    map: &mut ResMap,
    object: &Node,
    patch: &Patch,
) -> Result<usize, Diagnostics> {
    identity_target(run, map, object).map_err(|fault| {
        if map.incomplete {
            return Diagnostics::default();
        }
        run.explain_missing(map, object, listed(fault, patch))
    })
}

/// Finds the resource that a patch names by group, version, kind, name and namespace.
fn identity_target(run: &Run<'_>, map: &mut ResMap, object: &Node) -> Result<usize, Diagnostic> {
    let named = Resource::new(object.clone(), &run.schema());
    let found = map.with_any_id(&named.gvk, &named.name, named.effective_namespace());
    match found.as_slice() {
        [at] => Ok(*at),
        [] => {
            let message = format!("no object matches this patch of {}", named.describe());
            let fault = Diagnostic::error("patch-unmatched", message).at(
                object.span,
                format!("{}, {}", named.describe(), named.gvk.api_version()),
            );
            Err(near_misses(map, &named, fault))
        }
        [first, second, ..] => {
            let message = format!("two objects match this patch of {}", named.describe());
            Err(Diagnostic::error("patch-ambiguous", message)
                .at(object.span, "")
                .also(map.get(*first).node.span, "one")
                .also(map.get(*second).node.span, "the other"))
        }
    }
}

/// What is there instead: another version or namespace, or a name that is nearly the same.
fn near_miss(map: &mut ResMap, named: &Resource) -> Option<usize> {
    let is_of_kind = |at: usize| !map.get(at).dead && map.get(at).gvk.kind == named.gvk.kind;
    let of_kind: Vec<usize> = (0..map.len()).filter(|&at| is_of_kind(at)).collect();
    let same_name = map.named(&named.name).to_vec();
    if let Some(at) = same_name.into_iter().find(|at| of_kind.contains(at)) {
        return Some(at);
    }
    let name_of = |at: &usize| map.get(*at).original_name().as_str();
    let near = crate::manifest::suggest::nearest(&named.name, of_kind.iter().map(name_of))?;
    of_kind.iter().copied().find(|at| name_of(at) == near)
}

/// Says what is there instead of what a patch names.
fn near_misses(map: &mut ResMap, named: &Resource, fault: Diagnostic) -> Diagnostic {
    if let Some(at) = near_miss(map, named) {
        let other = map.get_mut(at);
        // The patch was meant for it, so it is not what it should be.
        other.broken = true;
        if other.original_name() != &named.name && other.name != named.name {
            let hint = format!("did you mean `{}`?", other.original_name());
            return fault.hint(hint).also(other.node.span, "this one is there");
        }
        let note = format!(
            "there is {} of {}",
            other.describe(),
            other.gvk.api_version()
        );
        return fault.note(note).also(other.node.span, "this one is there");
    }
    let of_kind = map
        .iter()
        .filter(|other| other.gvk.kind == named.gvk.kind)
        .map(|other| other.original_name().as_str());
    let names: Vec<&str> = of_kind.take(LISTED + 1).collect();
    if names.is_empty() {
        return fault.note(format!("there is no {} here", named.gvk.kind));
    }
    let more = if names.len() > LISTED { ", ..." } else { "" };
    let listed = crate::kustomize::decode::list(&names[..names.len().min(LISTED)]);
    fault.note(format!("the {}s here are {listed}{more}", named.gvk.kind))
}
