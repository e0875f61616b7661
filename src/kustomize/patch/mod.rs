//! Patches: strategic merge and JSON 6902, inline and by path, with and without targets.

mod content;
mod json;
mod strategic;
mod target;

use std::sync::Arc;

pub(crate) use self::content::PatchContent;
use self::content::{content, load};
use self::strategic::by_target;
use self::target::find_target;
use super::decode::Text;
use super::inline::text_of;
use super::kustomization::Patch;
use super::load::Dir;
use super::record::{Step, StepKind};
use super::resmap::ResMap;
use super::resource::Resource;
use super::run::Run;
use super::selector::Selector;
use super::{silent, typed};
use crate::manifest::{Diagnostic, Diagnostics, Gvk, Node, Span};
use crate::merge::merge_keys::MergeSchema;

/// Applies an entry of `patches`.
///
/// # Errors
/// What cannot be read or applied, and a patch without a target that names nothing.
pub(crate) fn apply(
    run: &Run<'_>,
    dir: &Dir,
    map: &mut ResMap,
    patch: &Patch,
) -> Result<(), Diagnostics> {
    if !patch.unknown_options.is_empty() && !run.options().compat.is_5_5() {
        mark_unpatched(map, patch);
        return Err(Diagnostics(patch.unknown_options.clone()));
    }
    let content = load(run, dir, patch, true).inspect_err(|_| mark_unpatched(map, patch))?;
    let done = apply_content(run, map, patch, &content);
    run.record(map, || {
        Step::new(StepKind::Patch, patch.span).patch(&content)
    });
    done
}

/// Notes that a patch which cannot be read is missing on what it may be for.
fn mark_unpatched(map: &mut ResMap, patch: &Patch) {
    let target = patch.target.as_ref();
    for resource in map.iter_mut() {
        resource.broken |= target.is_none_or(|target| target.matches(resource));
    }
}

fn apply_content(
    run: &Run<'_>,
    map: &mut ResMap,
    patch: &Patch,
    content: &PatchContent,
) -> Result<(), Diagnostics> {
    match content {
        PatchContent::Empty if run.options().compat.is_5_5() => {
            let message = "this patch is empty, which kustomize 5.5 refuses";
            Err(Diagnostic::error("patch-empty", message)
                .at(patch.span, "")
                .into())
        }
        PatchContent::Empty => {
            run.warn(Diagnostic::warning("patch-empty", "this patch is empty").at(patch.span, ""));
            Ok(())
        }
        PatchContent::Json(operations) => json::apply(run, map, patch, operations, true),
        PatchContent::Strategic(objects) => {
            silent::directives(run, objects);
            strategic::apply(run, map, patch, objects)
        }
    }
}

/// Applies an entry of `patchesJson6902`.
///
/// # Errors
/// As [`apply`], and a target without a name.
pub(crate) fn apply_json6902(
    run: &Run<'_>,
    dir: &Dir,
    map: &mut ResMap,
    patch: &Patch,
) -> Result<(), Diagnostics> {
    let has_name = patch
        .target
        .as_ref()
        .is_some_and(|target| target.name.is_some());
    if !has_name {
        let message = "an entry of `patchesJson6902` needs a `target` with a `name`";
        return Err(Diagnostic::error("patch-target", message)
            .at(patch.span, "")
            .into());
    }
    let content = load(run, dir, patch, false).inspect_err(|_| mark_unpatched(map, patch))?;
    match &*content {
        PatchContent::Json(operations) if !operations.is_empty() => {
            let done = json::apply(run, map, patch, operations, false);
            run.record(map, || {
                Step::new(StepKind::JsonPatch, patch.span).patch(&content)
            });
            done
        }
        _ => Err(Diagnostic::error("json-patch", "this is no JSON patch")
            .at(patch.span, "it must be a list of operations")
            .into()),
    }
}

/// Applies `patchesStrategicMerge`: each entry is a patch's text, or else a file.
///
/// # Errors
/// What cannot be read or applied, and patches that name nothing.
pub(crate) fn apply_strategic_merge(
    run: &Run<'_>,
    dir: &Dir,
    map: &mut ResMap,
    entries: &[Text],
) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut contents = Vec::new();
    for entry in entries {
        let content = faults.take(strategic_entry(run, dir, entry));
        contents.extend(content.map(|content| (entry.span, content)));
    }
    if !faults.is_empty() {
        map.iter_mut().for_each(|resource| resource.broken = true);
    }
    let is_empty =
        |(_, content): &(Span, Arc<PatchContent>)| matches!(**content, PatchContent::Empty);
    if let Some((span, _)) = contents.first()
        && faults.is_empty()
        && contents.iter().all(is_empty)
    {
        let fault = Diagnostic::error("patch-empty", "these patches are empty");
        return Err(fault.at(*span, "").into());
    }
    for (span, content) in contents {
        let PatchContent::Strategic(objects) = &*content else {
            continue;
        };
        let patch = Patch {
            path: None,
            inline: None,
            target: None,
            allow_name_change: false,
            allow_kind_change: false,
            unknown_options: Vec::new(),
            span,
        };
        silent::directives(run, objects);
        for object in objects {
            let done = find_target(run, map, object, &patch)
                .and_then(|at| by_target(run, map, object, &patch, &[at]));
            faults.take(done);
        }
        run.record(map, || Step::new(StepKind::Patch, span).patch(&content));
    }
    faults.or(())
}

fn strategic_entry(
    run: &Run<'_>,
    dir: &Dir,
    entry: &Text,
) -> Result<Arc<PatchContent>, Diagnostics> {
    let is_text = entry.value.contains('\n') || entry.value.starts_with('{');
    let content = if is_text {
        content(run, text_of(run.files(), entry), Some(entry))?
    } else {
        content(run, run.text(dir, entry)?, None)?
    };
    match &*content {
        PatchContent::Strategic(_) | PatchContent::Empty => Ok(content),
        PatchContent::Json(_) => {
            let message = "this is a JSON patch; `patchesStrategicMerge` takes objects";
            Err(Diagnostic::error("patch", message)
                .at(entry.span, "")
                .hint("list it in `patches`, with a `target`")
                .into())
        }
    }
}

/// Says which entry lists a patch, where the fault is in a file of its own.
fn listed(fault: Diagnostic, patch: &Patch) -> Diagnostic {
    match &fault.primary {
        Some(label) if label.span.file() != patch.span.file() => {
            fault.also(patch.span, "listed here")
        }
        _ => fault,
    }
}

/// Warns of a target without a match, unless expansion is going to make one: then the patch would
/// come too early, which is an error.
fn nothing_selected(run: &Run<'_>, map: &ResMap, target: &Selector) -> Result<(), Diagnostic> {
    if map.incomplete {
        return Ok(());
    }
    if let Some((maker, made)) = typed::maker_of(run, map, |made| target.matches(made)) {
        return Err(typed::generated(&maker, &made, target.span));
    }
    silent::no_target(run, map, target);
    Ok(())
}

/// Kind and name that a patch gives, for a look at what expansion would make.
pub(crate) fn identity(object: &Node) -> (Gvk, String) {
    let resource = Resource::new(object.clone(), MergeSchema::builtin());
    (resource.gvk, resource.name.to_string())
}
