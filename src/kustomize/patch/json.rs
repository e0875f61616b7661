//! JSON 6902 patches on resources: the way into JSON, the operations, and the way back.

use smol_str::SmolStr;

use super::content::operation_fault;
use super::{listed, mark_unpatched, nothing_selected};
use crate::kustomize::kustomization::Patch;
use crate::kustomize::plugins::tracked;
use crate::kustomize::replacements::is_unreadable;
use crate::kustomize::resmap::ResMap;
use crate::kustomize::resource::{Resource, is_book, plain_scalar};
use crate::kustomize::run::Run;
use crate::kustomize::silent;
use crate::manifest::{Diagnostic, Diagnostics, Node, Scalar, ScalarKind, Span, Value};
use crate::merge::json6902::{self, Operation, OperationKind};

/// Applies operations to the resources that the target selects.
///
/// # Errors
/// A patch without a target, operations that say nothing sensible, and those that cannot be applied.
pub(super) fn apply(
    run: &Run<'_>,
    map: &mut ResMap,
    patch: &Patch,
    operations: &[Operation],
    remembers: bool,
) -> Result<(), Diagnostics> {
    let Some(target) = &patch.target else {
        return Err(
            Diagnostic::error("patch-target", "a JSON patch needs a `target`")
                .at(patch.span, "")
                .into(),
        );
    };
    let selected = target.select(map)?;
    if selected.is_empty() {
        nothing_selected(run, map, target)?;
    }
    let wrong = operations.iter().filter_map(|one| one.fault.clone());
    let mut faults: Vec<Diagnostic> = wrong.map(operation_fault).collect();
    if !faults.is_empty() && !selected.is_empty() {
        mark_unpatched(map, patch);
        return Err(Diagnostics(faults));
    }
    faults.clear();
    let is_test = |one: &Operation| one.kind == OperationKind::Test;
    let forgets_origin = operations.iter().any(replaces_annotations);
    let shows_books = operations.iter().any(reads_annotations);
    let mut changes = selected.is_empty() || operations.iter().all(is_test);
    for &at in &selected {
        let resource = map.get_mut(at);
        if resource.broken {
            changes = true;
            continue;
        }
        let before = resource.node.clone();
        if remembers {
            resource.store_previous();
        }
        if shows_books {
            resource.node = tracked(resource);
        } else if resource.has_hidden_annotations() {
            resource.ensure_annotations();
        }
        if let Some(unreadable) = resource.unreadable.take()
            && is_unreadable(&resource.node)
        {
            resource.broken = true;
            faults.extend(unreadable.0);
            changes = true;
            continue;
        }
        resource.aliases.clear();
        if forgets_origin {
            resource.origin = None;
        }
        into_json(&mut resource.node);
        let done = json6902::apply(&mut resource.node, operations);
        if shows_books {
            close_books(&mut resource.node);
        }
        out_of_json(&mut resource.node);
        resource.refresh(&run.schema());
        changes |= done.is_err() || !resource.node.same_value(&before);
        if let Err(error) = done {
            resource.broken = true;
            let fault = Diagnostic::error("json-patch", error.message);
            let fault = fault
                .at(error.span, error.hint.unwrap_or_default())
                .in_object(resource.describe())
                .also(resource.node.span, "the object");
            faults.push(listed(fault, patch));
        }
        map.renamed_one(at);
    }
    if !changes {
        let selected: Vec<&Resource> = selected.iter().map(|&at| map.get(at)).collect();
        silent::no_change(run, patch.span, &selected);
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

/// Whether an operation takes off all annotations. kustomize saves its own from that, but not the
/// one that says where an object comes from.
fn replaces_annotations(operation: &Operation) -> bool {
    let path: Vec<&str> = operation.path.iter().map(SmolStr::as_str).collect();
    let writes = matches!(
        operation.kind,
        OperationKind::Add | OperationKind::Replace | OperationKind::Remove
    );
    writes && matches!(path.as_slice(), ["metadata"] | ["metadata", "annotations"])
}

/// Whether an operation reads all annotations, so that those count which kustomize keeps its books
/// in.
fn reads_annotations(operation: &Operation) -> bool {
    let path = match operation.kind {
        OperationKind::Test => &operation.path,
        OperationKind::Copy | OperationKind::Move => &operation.from,
        OperationKind::Add | OperationKind::Remove | OperationKind::Replace => return false,
    };
    let path: Vec<&str> = path.iter().map(SmolStr::as_str).collect();
    matches!(
        path.as_slice(),
        [] | ["metadata"] | ["metadata", "annotations"]
    )
}

/// Takes the books off an object's annotations; what was copied elsewhere keeps them.
fn close_books(node: &mut Node) {
    let annotations = node.at_mut(&["metadata", "annotations"]);
    if let Some(annotations) = annotations.and_then(Node::as_map_mut) {
        annotations.retain(|entry| !is_book(&entry.key));
    }
}

/// What the way into JSON does to scalars: dates become text, `null` is spelled out.
fn into_json(node: &mut Node) {
    each_scalar(node, &mut |scalar| match scalar.kind {
        ScalarKind::Null => scalar.text = "null".into(),
        ScalarKind::Str | ScalarKind::Timestamp => {
            if let Some(text) = scalar.as_str() {
                scalar.text = text;
            }
            scalar.kind = ScalarKind::Str;
            scalar.folded = false;
        }
        ScalarKind::Int | ScalarKind::Float => {}
        ScalarKind::Bool => {
            let value = scalar.as_bool() == Some(true);
            scalar.text = if value { "true" } else { "false" }.into();
        }
    });
}

/// What the way out of JSON does to the way scalars are written, which later steps look at: quotes
/// stay only where they are needed, and each number is a float.
fn out_of_json(node: &mut Node) {
    each_scalar(node, &mut |scalar| match scalar.kind {
        ScalarKind::Str | ScalarKind::Timestamp => {
            scalar.kind = ScalarKind::Str;
            scalar.untagged = false;
            scalar.plain = is_written_plain(&scalar.text);
        }
        ScalarKind::Int | ScalarKind::Float => {
            if let Some(number) = scalar.as_number() {
                *scalar = plain_scalar(&number.to_yaml_after_json());
            }
        }
        ScalarKind::Null => *scalar = plain_scalar("null"),
        ScalarKind::Bool => {
            let is_true = scalar.as_bool() == Some(true);
            *scalar = plain_scalar(if is_true { "true" } else { "false" });
        }
    });
}

fn each_scalar(node: &mut Node, change: &mut dyn FnMut(&mut Scalar)) {
    match &mut node.value {
        Value::Scalar(scalar) => change(scalar),
        Value::Seq(_) => {
            for item in node.as_seq_mut().into_iter().flatten() {
                each_scalar(item, change);
            }
        }
        Value::Map(_) => {
            for entry in node.as_map_mut().into_iter().flat_map(|map| map.iter_mut()) {
                each_scalar(&mut entry.value, change);
            }
        }
    }
}

/// Whether a text is written without quotes and on one line.
fn is_written_plain(text: &str) -> bool {
    let written = crate::manifest::emit::emit(&Node::string(text, Span::NONE));
    !written.starts_with(['"', '\'', '|', '>'])
}
