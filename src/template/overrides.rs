//! The last word of a typed resource on what it makes: `overrides` and `remove`.

use smol_str::SmolStr;

use crate::manifest::{Diagnostic, Diagnostics, Entry, Map, Node, Object, Span};
use crate::merge::json6902::{self, Operation, OperationKind};
use crate::merge::merge_keys::MergeSchema;
use crate::merge::strategic;

use super::engine::Subject;

/// Applies `spec.overrides`, then `spec.remove`.
///
/// # Errors
/// A key that names no object, what cannot be merged or removed, and a selector that was touched.
pub(super) fn apply(objects: &mut [Object], subject: &Subject) -> Result<(), Diagnostics> {
    let mut faults = Vec::new();
    for entry in entries(subject, "overrides") {
        for at in targets(objects, entry, subject, &mut faults) {
            match merged(&objects[at], entry) {
                Ok(object) => replace(&mut objects[at], object, entry, &mut faults),
                Err(fault) => faults.push(*fault),
            }
        }
    }
    for entry in entries(subject, "remove") {
        for at in targets(objects, entry, subject, &mut faults) {
            for pointer in entry.value.as_seq().unwrap_or_default() {
                match removed(&objects[at], pointer) {
                    Ok(object) => replace(&mut objects[at], object, entry, &mut faults),
                    Err(fault) => faults.push(*fault),
                }
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

fn entries<'s>(subject: &'s Subject, field: &str) -> Vec<&'s Entry> {
    let map = subject.spec.get(field).and_then(Node::as_map);
    map.into_iter().flat_map(Map::iter).collect()
}

/// The objects that `Kind` or `Kind/name` names; the name may be the final one, or that with the
/// resource's name as written, so that it stays right under a prefix.
fn targets(
    objects: &[Object],
    entry: &Entry,
    subject: &Subject,
    faults: &mut Vec<Diagnostic>,
) -> Vec<usize> {
    let (kind, name) = match entry.key.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (entry.key.as_str(), None),
    };
    let as_written = |object: &Object| match object.name().strip_prefix(subject.name.as_str()) {
        Some(rest) => format!("{}{rest}", subject.source_name),
        None => object.name().to_owned(),
    };
    let found: Vec<usize> = objects
        .iter()
        .enumerate()
        .filter(|(_, object)| {
            object.kind() == kind
                && name.is_none_or(|name| object.name() == name || as_written(object) == name)
        })
        .map(|(at, _)| at)
        .collect();
    if found.is_empty() {
        let all: Vec<String> = objects
            .iter()
            .map(|object| format!("{}/{}", object.kind(), as_written(object)))
            .collect();
        let message = format!("{} makes no `{}`", subject.kind.kind, entry.key);
        let near = crate::manifest::suggest::nearest(&entry.key, all.iter().map(String::as_str));
        let kinds = objects.iter().map(Object::kind);
        let near = near.or_else(|| crate::manifest::suggest::nearest(kind, kinds));
        let mut fault = Diagnostic::error("override-target", message).at(
            entry.key_span,
            near.map_or_else(String::new, |near| format!("did you mean `{near}`?")),
        );
        fault = fault.hint(format!("it makes {}", all.join(", ")));
        faults.push(fault);
    }
    found
}

fn merged(object: &Object, entry: &Entry) -> Result<Object, Box<Diagnostic>> {
    let mut patch = entry.value.clone();
    let named = [
        ("apiVersion", object.root.get("apiVersion")),
        ("kind", object.root.get("kind")),
    ];
    if let Some(map) = patch.as_map_mut() {
        for (key, value) in named {
            if let (Some(value), false) = (value, map.contains_key(key)) {
                map.set(key, value.clone());
            }
        }
    }
    let result = strategic::merge(&object.root, &patch, MergeSchema::builtin());
    let root = result.map_err(|error| {
        let fault = Diagnostic::error("override", error.message).at(error.span, "");
        Box::new(match error.target {
            Some(target) => fault.also(target, "this is what the template made"),
            None => fault,
        })
    })?;
    root.and_then(Object::from_node).ok_or_else(|| {
        Box::new(
            Diagnostic::error("override", "an override cannot delete an object")
                .at(entry.value.span, ""),
        )
    })
}

fn removed(object: &Object, pointer: &Node) -> Result<Object, Box<Diagnostic>> {
    let text = pointer.as_str().unwrap_or_default();
    let unescape = |step: &str| SmolStr::from(step.replace("~1", "/").replace("~0", "~"));
    let operation = Operation {
        kind: OperationKind::Remove,
        path: text.split('/').skip(1).map(unescape).collect(),
        from: Vec::new(),
        value: None,
        fault: None,
        span: pointer.span,
        path_span: pointer.span,
    };
    let mut root = object.root.clone();
    let done = json6902::apply(&mut root, &[operation]);
    let what = format!("{} has no `{text}`", object.kind());
    done.map_err(|error| Box::new(Diagnostic::error("override", what).at(error.span, "")))?;
    Object::from_node(root).ok_or_else(|| {
        let message = "`kind` and `apiVersion` cannot be removed";
        Box::new(Diagnostic::error("override", message).at(pointer.span, ""))
    })
}

/// Takes the changed object, unless what identifies it or its pods has changed.
fn replace(slot: &mut Object, changed: Object, entry: &Entry, faults: &mut Vec<Diagnostic>) {
    let fault = |message: &str, span: Span| {
        Diagnostic::error("override", message)
            .at(span, "")
            .hint("the selector has an input of its own: `selector`")
    };
    if slot.id() != changed.id() {
        faults.push(
            Diagnostic::error("override", "an override cannot rename an object")
                .at(entry.key_span, ""),
        );
        return;
    }
    let selector = |object: &Object| object.root.at(&["spec", "selector"]).cloned();
    if selector(slot) != selector(&changed) && pod_labels(slot).is_some() {
        faults.push(fault(
            "an override cannot touch the selector",
            entry.key_span,
        ));
        return;
    }
    let lost = selected(slot).into_iter().find(|(key, value)| {
        pod_labels(&changed).and_then(|labels| labels.get(key)?.as_str().map(SmolStr::new))
            != Some(value.clone())
    });
    if let Some((key, _)) = lost {
        let message = format!("the pod label `{key}` belongs to the selector");
        faults.push(fault(&message, entry.key_span));
        return;
    }
    *slot = changed;
}

fn pod_labels(object: &Object) -> Option<&Map> {
    object
        .root
        .at(&["spec", "template", "metadata", "labels"])
        .and_then(Node::as_map)
}

fn selected(object: &Object) -> Vec<(SmolStr, SmolStr)> {
    let labels = object
        .root
        .at(&["spec", "selector", "matchLabels"])
        .and_then(Node::as_map);
    labels
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry.key.clone(), entry.value.as_str()?.into())))
        .collect()
}
