//! Strategic-merge patches on resources: what survives them, and what they change.

use super::target::find_target;
use super::{Patch, listed, nothing_selected};
use crate::kustomize::aliases;
use crate::kustomize::resmap::{ResMap, duplicate};
use crate::kustomize::resource::{Resource, is_text_unquoted, raw_text};
use crate::kustomize::run::Run;
use crate::kustomize::silent;
use crate::manifest::{Diagnostic, Diagnostics, Node, Sources, Span, Value};
use crate::merge::merge_keys::MergeSchema;
use crate::merge::strategic;

/// Applies strategic-merge patches: without a target each to what it names.
pub(super) fn apply(
    run: &Run<'_>,
    map: &mut ResMap,
    patch: &Patch,
    objects: &[Node],
) -> Result<(), Diagnostics> {
    match &patch.target {
        None => {
            let mut faults = Diagnostics::default();
            for object in objects {
                faults.take(by_identity(run, map, object, patch));
            }
            faults.or(())
        }
        Some(_) if objects.len() > 1 => Err(Diagnostic::error(
            "patch-target",
            "a patch with a `target` holds one object",
        )
        .at(patch.span, format!("this one holds {}", objects.len()))
        .also(objects[1].span, "the second object")
        .into()),
        Some(target) => {
            let selected = target.select(map)?;
            if selected.is_empty() {
                nothing_selected(run, map, target)?;
            }
            by_target(run, map, &objects[0], patch, &selected)
        }
    }
}

/// Applies a strategic-merge patch to the one resource that it names.
fn by_identity(
    run: &Run<'_>,
    map: &mut ResMap,
    object: &Node,
    patch: &Patch,
) -> Result<(), Diagnostics> {
    let at = find_target(run, map, object, patch)?;
    let changes = merge_into(run, map.get_mut(at), object, patch)?;
    map.renamed_one(at);
    if patch.allow_name_change || patch.allow_kind_change {
        map.may_conflict();
    }
    if !changes {
        silent::no_change(run, object.span, &[map.get(at)]);
    }
    Ok(())
}

/// Applies a strategic-merge patch to the resources that a target selects, as kustomize does:
/// with the group and version of each, and with labels and annotations as text, so that a null
/// there does not remove.
pub(super) fn by_target(
    run: &Run<'_>,
    map: &mut ResMap,
    object: &Node,
    patch: &Patch,
    selected: &[usize],
) -> Result<(), Diagnostics> {
    let mut faults = Vec::new();
    let mut changes = selected.is_empty();
    let mut as_text = Resource::new(object.clone(), MergeSchema::builtin());
    for field in ["labels", "annotations"] {
        let map = object.at(&["metadata", field]).and_then(Node::as_map);
        let entries = map.into_iter().flatten();
        let texts =
            entries.map(|entry| (entry.key.clone(), raw_text(&entry.value), entry.value.span));
        let texts: Vec<_> = texts.collect();
        if !texts.is_empty() || object.at(&["metadata", field]).is_some() {
            as_text.set_texts(field, texts);
        }
    }
    for &at in selected {
        let resource = map.get_mut(at);
        let mut own = as_text.node.clone();
        let version = resource.node.get("apiVersion").map(raw_text);
        let span = own.span;
        if let (Some(version), Some(fields)) = (version, own.as_map_mut()) {
            fields.insert("apiVersion", span, Node::string(version, span));
        }
        match merge_into(run, resource, &own, patch) {
            Ok(changed) => changes |= changed,
            Err(error) => faults.push(error),
        }
        map.renamed_one(at);
    }
    if !changes && faults.is_empty() {
        let selected: Vec<&Resource> = selected.iter().map(|&at| map.get(at)).collect();
        silent::no_change(run, object.span, &selected);
    }
    let renames = patch.allow_name_change || patch.allow_kind_change;
    if renames
        && faults.is_empty()
        && let Some((first, second)) = map.conflict_of(selected)
    {
        faults.push(duplicate(map.get(first), map.get(second)));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

/// Merges a patch into a resource. Returns whether that changed it.
fn merge_into(
    run: &Run<'_>,
    resource: &mut Resource,
    object: &Node,
    patch: &Patch,
) -> Result<bool, Diagnostic> {
    let schema = &run.schema();
    if resource.broken {
        return Ok(true);
    }
    let (name, namespace) = (resource.name.clone(), resource.namespace.clone());
    let kind = resource.node.get("kind").cloned();
    if patch.allow_name_change || patch.allow_kind_change {
        resource.store_previous();
    }
    let merged = strategic::merge(&resource.node, object, schema).map_err(|error| {
        resource.broken = true;
        let fault = Diagnostic::error("patch-mismatch", error.message).at(error.span, "");
        let fault = match error.target {
            Some(span) if span != error.span => fault.also(span, "in the object"),
            _ => fault,
        };
        listed(fault.in_object(resource.describe()), patch)
    })?;
    let Some(merged) = merged.filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
    else {
        resource.dead = true;
        return Ok(true);
    };
    if let Some(fault) = odd_key(run.files().sources, object, &merged) {
        resource.broken = true;
        return Err(listed(fault.in_object(resource.describe()), patch));
    }
    if replaces_annotations(object) {
        resource.forget();
    }
    let before = std::mem::replace(&mut resource.node, merged);
    resource.node.span = before.span;
    aliases::propagate(resource, &before);
    if !patch.allow_kind_change
        && let Some(kind) = kind
        && let Some(fields) = resource.node.as_map_mut()
    {
        fields.set("kind", kind);
    }
    if !patch.allow_name_change && !is_named(resource, &name) {
        resource.set_name(&name, object.span);
    }
    resource.set_namespace(&namespace, object.span);
    // kustomize sets anew what a patch may not change.
    let kept = [
        (!patch.allow_kind_change, &["kind"][..]),
        (!patch.allow_name_change, &["metadata", "name"]),
        (true, &["metadata", "namespace"]),
    ];
    for (_, path) in kept.into_iter().filter(|(is_kept, _)| *is_kept) {
        if let Some(Value::Scalar(scalar)) = resource.node.at_mut(path).map(|node| &mut node.value)
        {
            scalar.untagged = true;
        }
    }
    resource.refresh(schema);
    Ok(!silent::may_be_idle(object, &before) || !resource.node.same_value(&before))
}

/// Whether a patch takes off all annotations that are there. kustomize keeps the history of an
/// object among them.
fn replaces_annotations(patch: &Node) -> bool {
    let Some(metadata) = patch.get("metadata") else {
        return false;
    };
    let directive = |node: &Node| {
        let text = node.get("$patch").and_then(Node::scalar_text);
        matches!(text, Some("replace" | "delete"))
    };
    let annotations = metadata.get("annotations");
    directive(metadata) || annotations.is_some_and(|node| node.is_null() || directive(node))
}

/// A key that is no string, which a patch has brought into an object: kustomize cannot print it.
/// A key that was there already stays as it was.
fn odd_key(sources: &Sources, patch: &Node, merged: &Node) -> Option<Diagnostic> {
    let mut odd = Vec::new();
    each_key(patch, &mut |key, span| {
        if !is_text_unquoted(key) && !is_quoted(sources, span) {
            odd.push((key.to_owned(), span));
        }
    });
    if odd.is_empty() {
        return None;
    }
    let mut found = None;
    each_key(merged, &mut |key, span| {
        if odd.iter().any(|(known, at)| known == key && *at == span) {
            found = Some((key.to_owned(), span));
        }
    });
    let (key, span) = found?;
    let fault = Diagnostic::error("yaml-key", format!("the key `{key}` is not a string"));
    let hint = format!("write it in quotes: \"{key}\"");
    Some(fault.at(span, "").hint(hint))
}

fn each_key(node: &Node, see: &mut dyn FnMut(&str, Span)) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Seq(items) => items.iter().for_each(|item| each_key(item, see)),
        Value::Map(map) => {
            for entry in map.iter() {
                see(&entry.key, entry.key_span);
                each_key(&entry.value, see);
            }
        }
    }
}

fn is_quoted(sources: &Sources, span: Span) -> bool {
    let source = sources.get(span.file());
    let text = source
        .as_ref()
        .and_then(|source| source.text.get(span.start() as usize..));
    text.is_some_and(|text| text.starts_with(['"', '\'']))
}

fn is_named(resource: &Resource, name: &str) -> bool {
    let written = resource.node.at(&["metadata", "name"]);
    written.is_some_and(|node| !node.is_null() && raw_text(node) == name)
}
