//! Patches: strategic merge and JSON 6902, inline and by path, with and without targets.

use std::sync::Arc;

use super::aliases;
use super::decode::Text;
use super::inline::{Places, text_of};
use super::kustomization::Patch;
use super::load::{Dir, Mode, lock};
use super::record::{Step, StepKind};
use super::resmap::{ResMap, duplicate};
use super::resource::{Resource, raw_text};
use super::run::Run;
use super::selector::Selector;
use super::{silent, typed};
use crate::manifest::read::read_documents;
use crate::manifest::{
    Diagnostic, Diagnostics, FileId, Gvk, Node, ReadOptions, ScalarKind, Span, Value,
};
use crate::merge::json6902::{self, Operation};
use crate::merge::merge_keys::MergeSchema;
use crate::merge::strategic;

/// How many names a message lists.
const LISTED: usize = 8;

/// What a patch's text holds.
#[derive(Debug)]
pub(crate) enum PatchContent {
    /// Nothing but comments.
    Empty,
    Strategic(Vec<Node>),
    Json(Vec<Operation>),
}

/// Loads the text of a patch and reads it, once for a run. kustomize trims what stands in place in
/// `patches`, and there alone.
///
/// # Errors
/// Neither or both of `path` and `patch`, a missing file, what is neither kind of patch.
pub(crate) fn load(
    run: &Run<'_>,
    dir: &Dir,
    patch: &Patch,
    trim: bool,
) -> Result<Arc<PatchContent>, Diagnostics> {
    let own = patch.inline.as_ref();
    let inline = own.map(|text| if trim { trimmed(text) } else { text.clone() });
    match (&patch.path, &inline) {
        (Some(path), None) => {
            let file = run.text(dir, path)?;
            content(run, file, None)
        }
        (None, Some(text)) if !text.value.is_empty() => {
            content(run, text_of(run.files(), text), Some(text))
        }
        (None, _) => Err(
            Diagnostic::error("patch", "a patch needs `path` or `patch`")
                .at(patch.span, "")
                .into(),
        ),
        (Some(path), Some(_)) => {
            let message = "a patch has `path` or `patch`, not both";
            Err(Diagnostic::error("patch", message).at(path.span, "").into())
        }
    }
}

/// The text without blanks at its ends, so that a block scalar in its last line loses its break.
fn trimmed(text: &Text) -> Text {
    Text {
        value: text.value.trim().into(),
        span: text.span,
    }
}

/// Reads the content of a patch.
pub(crate) fn content(
    run: &Run<'_>,
    file: FileId,
    inline: Option<&Text>,
) -> Result<Arc<PatchContent>, Diagnostics> {
    if let Some(known) = lock(&run.files().patches).get(&file) {
        return known.clone();
    }
    let read = read_content(run, file, inline).map(Arc::new);
    let mut patches = lock(&run.files().patches);
    patches.entry(file).or_insert(read).clone()
}

fn read_content(
    run: &Run<'_>,
    file: FileId,
    inline: Option<&Text>,
) -> Result<PatchContent, Diagnostics> {
    let sources = run.files().sources;
    let places = inline.map(|text| Places::new(sources, file, text.span));
    let relocate = |mut faults: Diagnostics| {
        if let Some(places) = &places {
            places.remap_faults(&mut faults);
        }
        faults
    };
    let first = read_documents(sources, file, &ReadOptions::kubectl())
        .into_iter()
        .next();
    if let Some(Ok(document)) = &first
        && document.root.as_seq().is_some()
    {
        let mut root = document.root.clone();
        if let Some(places) = &places {
            places.remap(&mut root);
        }
        only_json(run, file, root.span)?;
        let operations = json6902::read(&root)
            .map_err(|errors| Diagnostics(errors.into_iter().map(operation_fault).collect()))?;
        if operations.is_empty() {
            return Ok(PatchContent::Empty);
        }
        return Ok(PatchContent::Json(operations));
    }
    if let Some(Ok(document)) = &first
        && let Some(op) = document.root.get("op")
        && document.root.get("kind").is_none()
    {
        let mut op = op.clone();
        if let Some(places) = &places {
            places.remap(&mut op);
        }
        return Err(
            Diagnostic::error("json-patch", "a JSON patch is a list of operations")
                .at(op.span, "write `- ` before the operation")
                .into(),
        );
    }
    let objects = run.files().objects(file, Mode::Patches);
    let mut objects = (*objects).clone().map_err(relocate)?;
    if let Some(places) = &places {
        for node in &mut objects {
            places.remap(node);
        }
    }
    if objects.is_empty() {
        return Ok(PatchContent::Empty);
    }
    Ok(PatchContent::Strategic(objects))
}

/// kustomize takes a text that starts with a bracket for JSON, so YAML in flow form is refused.
fn only_json(run: &Run<'_>, file: FileId, span: Span) -> Result<(), Diagnostics> {
    let source = run.files().sources.get(file);
    let text = source.as_ref().map_or("", |source| &*source.text);
    if !text.starts_with('[') {
        return Ok(());
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| {
            let message = format!("a patch that starts with `[` must be JSON: {error}");
            let hint =
                "put the keys in double quotes, or write one operation a line, each after `- `";
            Diagnostic::error("json-patch", message)
                .at(span, "")
                .hint(hint)
                .into()
        })
}

fn operation_fault(error: json6902::PatchError) -> Diagnostic {
    Diagnostic::error("json-patch", error.message).at(error.span, error.hint.unwrap_or_default())
}

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
        PatchContent::Json(operations) => json(run, map, patch, operations, true),
        PatchContent::Strategic(objects) => {
            silent::directives(run, objects);
            strategic(run, map, patch, objects)
        }
    }
}

/// Applies strategic-merge patches: without a target each to what it names.
fn strategic(
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
            let done = json(run, map, patch, operations, false);
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

/// Applies a strategic-merge patch to the one resource that it names.
fn by_identity(
    run: &Run<'_>,
    map: &mut ResMap,
    object: &Node,
    patch: &Patch,
) -> Result<(), Diagnostics> {
    let at = find_target(run, map, object, patch)?;
    let changes = merge_into(map.get_mut(at), object, patch, &run.schema())?;
    map.renamed_one(at);
    if patch.allow_name_change || patch.allow_kind_change {
        map.may_conflict();
    }
    if !changes {
        silent::no_change(run, object.span, &[map.get(at)]);
    }
    Ok(())
}

/// Finds the resource that a patch names. That it is missing is no fault where something could not
/// be loaded: it may be in there.
fn find_target(
    run: &Run<'_>,
    map: &mut ResMap,
    object: &Node,
    patch: &Patch,
) -> Result<usize, Diagnostics> {
    identity_target(map, object).map_err(|fault| {
        if map.incomplete {
            return Diagnostics::default();
        }
        run.explain_missing(map, object, listed(fault, patch))
    })
}

/// Says which entry lists a patch, where the fault is in a file of its own.
fn listed(fault: Diagnostic, patch: &Patch) -> Diagnostic {
    match &fault.primary {
        Some(label) if label.span.file != patch.span.file => fault.also(patch.span, "listed here"),
        _ => fault,
    }
}

/// Finds the resource that a patch names by group, version, kind, name and namespace.
pub(crate) fn identity_target(map: &mut ResMap, object: &Node) -> Result<usize, Diagnostic> {
    let named = Resource::new(object.clone(), MergeSchema::builtin());
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

/// Applies a strategic-merge patch to the resources that a target selects, as kustomize does:
/// with the group and version of each, and with labels and annotations as text, so that a null
/// there does not remove.
fn by_target(
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
        match merge_into(resource, &own, patch, &run.schema()) {
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
    resource: &mut Resource,
    object: &Node,
    patch: &Patch,
    schema: &MergeSchema,
) -> Result<bool, Diagnostic> {
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
    resource.refresh(schema);
    Ok(!silent::may_be_idle(object, &before) || !resource.node.same_value(&before))
}

fn is_named(resource: &Resource, name: &str) -> bool {
    let written = resource.node.at(&["metadata", "name"]);
    written.is_some_and(|node| !node.is_null() && raw_text(node) == name)
}

fn json(
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
    let is_test = |one: &Operation| one.kind == json6902::OperationKind::Test;
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
        if resource.has_hidden_annotations() {
            resource.ensure_annotations();
        }
        resource.aliases.clear();
        through_json(&mut resource.node);
        let done = json6902::apply(&mut resource.node, operations);
        through_json(&mut resource.node);
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

/// What a trip through JSON and back does to the way scalars are written, which later merges
/// look at: dates become text, `null` is spelled out, quotes stay only where they are needed.
fn through_json(node: &mut Node) {
    match &mut node.value {
        Value::Scalar(scalar) => {
            match scalar.kind {
                ScalarKind::Null => scalar.text = "null".into(),
                ScalarKind::Str | ScalarKind::Timestamp => {
                    if let Some(text) = scalar.as_str() {
                        scalar.text = text;
                    }
                    scalar.kind = ScalarKind::Str;
                    scalar.folded = false;
                    scalar.plain = is_written_plain(&scalar.text);
                }
                ScalarKind::Int | ScalarKind::Float => {
                    if let Some(number) = scalar.as_number() {
                        scalar.text = number.to_yaml().into();
                    }
                }
                ScalarKind::Bool => {
                    let value = scalar.as_bool() == Some(true);
                    scalar.text = if value { "true" } else { "false" }.into();
                }
            }
            scalar.plain |= !matches!(scalar.kind, ScalarKind::Str);
        }
        Value::Seq(_) => node
            .as_seq_mut()
            .into_iter()
            .flatten()
            .for_each(through_json),
        Value::Map(_) => {
            for entry in node.as_map_mut().into_iter().flat_map(|map| map.iter_mut()) {
                through_json(&mut entry.value);
            }
        }
    }
}

/// Whether a text is written without quotes and on one line.
fn is_written_plain(text: &str) -> bool {
    let written = crate::manifest::emit::emit(&Node::string(text, Span::NONE));
    !written.starts_with(['"', '\'', '|', '>'])
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
