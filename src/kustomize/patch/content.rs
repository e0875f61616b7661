//! What a patch's text holds: JSON 6902 operations or objects, told apart as kustomize does.

use std::sync::Arc;

use crate::kustomize::decode::Text;
use crate::kustomize::inline::{Places, text_of};
use crate::kustomize::kustomization::Patch;
use crate::kustomize::load::{Dir, Mode, lock};
use crate::kustomize::run::Run;
use crate::manifest::read::read_documents;
use crate::manifest::{Diagnostic, Diagnostics, FileId, Node, ReadOptions, Span};
use crate::merge::json6902::{self, Operation};

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
pub(super) fn load(
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
pub(super) fn content(
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

pub(super) fn operation_fault(error: json6902::PatchError) -> Diagnostic {
    Diagnostic::error("json-patch", error.message).at(error.span, error.hint.unwrap_or_default())
}
