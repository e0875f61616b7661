//! What kustomize passes over in silence: each is a warning here, and an error in a strict build.

use super::decode::Text;
use super::resmap::ResMap;
use super::resource::Resource;
use super::run::Run;
use super::selector::Selector;
use crate::manifest::{Diagnostic, Node, Span, Value, suggest};

/// Directives of kubectl's strategic merge that kustomize does not know: they end up in the object.
const DIRECTIVES: [&str; 3] = [
    "$setElementOrder/",
    "$deleteFromPrimitiveList/",
    "$retainKeys",
];

/// Drops what is said of a component that is built on its own: what it is for is not there.
pub(super) fn keep_for_component(warnings: &mut Vec<Diagnostic>) {
    const MISSING: [&str; 4] = [
        "empty-build",
        "image-unused",
        "reject-unmatched",
        "target-unmatched",
    ];
    warnings.retain(|warning| !MISSING.contains(&warning.rule.as_ref()));
}

/// Whether a patch could leave an object as it is, by a look at its scalars alone: it costs less
/// than to compare the objects, and most patches change one. What names the object does not count.
pub(super) fn may_be_idle(patch: &Node, object: &Node) -> bool {
    let names = |key: &str| matches!(key, "apiVersion" | "kind");
    let entries = patch.as_map().into_iter().flatten();
    entries.filter(|entry| !names(&entry.key)).all(|entry| {
        let there = object.get(&entry.key);
        if entry.key != "metadata" {
            return sets_nothing(&entry.value, there);
        }
        let metadata = entry.value.as_map().into_iter().flatten();
        metadata
            .filter(|entry| !matches!(entry.key.as_str(), "name" | "namespace"))
            .all(|entry| sets_nothing(&entry.value, there.and_then(|node| node.get(&entry.key))))
    })
}

fn sets_nothing(patch: &Node, there: Option<&Node>) -> bool {
    if patch.is_null() {
        return there.is_none_or(Node::is_null);
    }
    match (&patch.value, there.map(|node| &node.value)) {
        (Value::Scalar(new), Some(Value::Scalar(old))) => new.same_value(old),
        (Value::Map(map), Some(Value::Map(_))) => map
            .iter()
            .all(|entry| sets_nothing(&entry.value, there.and_then(|node| node.get(&entry.key)))),
        // Lists and directives take a closer look.
        (Value::Seq(_), Some(Value::Seq(_))) => true,
        _ => false,
    }
}

/// Warns of a patch that leaves all objects as they were.
pub(super) fn no_change(run: &Run<'_>, patch: Span, selected: &[&Resource]) {
    let what = match selected {
        [only] => only.describe(),
        selected => format!("any of {} objects", selected.len()),
    };
    let message = format!("this patch changes nothing in {what}");
    let warning = Diagnostic::warning("patch-no-change", message)
        .at(patch, "")
        .hint("what it sets is so already; remove the patch, or correct it");
    run.warn(match selected {
        [only] => warning.also(only.node.span, "the object"),
        _ => warning,
    });
}

/// Warns of directives that a patch writes into the object instead of being obeyed.
pub(super) fn directives(run: &Run<'_>, objects: &[Node]) {
    for object in objects {
        directive(run, object);
    }
}

fn directive(run: &Run<'_>, node: &Node) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Seq(items) => items.iter().for_each(|item| directive(run, item)),
        Value::Map(map) => {
            for entry in map.iter() {
                if DIRECTIVES.iter().any(|name| entry.key.starts_with(name)) {
                    let message = format!("kustomize does not know `{}`", entry.key);
                    run.warn(
                        Diagnostic::warning("patch-directive", message)
                            .at(entry.key_span, "it becomes a field of the object")
                            .note("of kubectl's directives kustomize obeys `$patch` alone"),
                    );
                }
                directive(run, &entry.value);
            }
        }
    }
}

/// Warns of a target that no object matches.
pub(super) fn no_target(run: &Run<'_>, map: &ResMap, target: &Selector) {
    let message = format!("no object matches the target {}", target.describe());
    let remark = nearest(map, target).unwrap_or_default();
    run.warn(
        Diagnostic::warning("target-unmatched", message)
            .at(target.span, remark)
            .note("kustomize passes over this in silence"),
    );
}

/// Warns of a `reject` that names an object which is not there.
pub(super) fn no_reject(run: &Run<'_>, map: &ResMap, reject: &Selector) {
    if map.incomplete || reject.name.is_none() {
        return;
    }
    let is_there = |resource: &Resource| reject.matches_any_id(resource).unwrap_or(true);
    if map.iter().any(is_there) {
        return;
    }
    let message = format!(
        "no object matches {}, so nothing is rejected",
        reject.describe()
    );
    let remark = nearest(map, reject).unwrap_or_default();
    run.warn(Diagnostic::warning("reject-unmatched", message).at(reject.span, remark));
}

/// Warns of a path that leads into a text where kustomize sets the value in a copy.
pub(super) fn forgotten(run: &Run<'_>, path: &Text) {
    let message = format!(
        "nothing is set at `{}`: kustomize changes a copy of the text there and forgets it",
        path.value
    );
    let warning = Diagnostic::warning("replacement-forgotten", message).at(path.span, "");
    run.warn(warning.hint(
        "name what holds the text instead of `*`; in JSON the value must be one of the same type",
    ));
}

/// The nearest name among the objects of the kind that a target is for, else the nearest kind.
fn nearest(map: &ResMap, target: &Selector) -> Option<String> {
    let kind = target.kind.as_ref().map(|kind| kind.value.as_str());
    let is_of_kind = |resource: &&Resource| kind.is_none_or(|kind| resource.gvk.kind == kind);
    if !map.iter().any(|resource| is_of_kind(&resource)) {
        let near = suggest::nearest(kind?, map.iter().map(|one| one.gvk.kind.as_str()));
        return Some(match near {
            Some(near) => format!("did you mean the kind `{near}`?"),
            None => format!("there is no {} here", kind?),
        });
    }
    let name = target.name.as_ref()?;
    let names = map.iter().filter(is_of_kind);
    let names: Vec<&str> = names.map(|one| one.original_name().as_str()).collect();
    match suggest::nearest(&name.value, names.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        // The name is right, so another part of the target is not.
        None if names.contains(&name.value.as_str()) => Some(format!(
            "there is `{}`, but not with the rest of the target",
            name.value
        )),
        None => None,
    }
}
