//! `deployx render --explain`: which file and step set a field.

use std::path::Path;

use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui, project};
use crate::diff::Mask;
use crate::explain::{Query, explain};
use crate::kustomize::record::Recording;
use crate::manifest::Sources;
use crate::{report, source};

/// Forms of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Human,
    Json,
}

/// Loads a source and tells how the object or field that is asked for came to be.
pub(super) fn explain_source(
    ui: &mut Ui,
    sources: &Sources,
    path: &Path,
    args: &SourceArgs,
    query: &Query,
    form: Form,
) -> Result<Exit, CommandError> {
    let project = project::Project::of(sources, path)?;
    let (recording, warnings) = source::record(sources, path, &project.options(args)?)?;
    ui.diagnostics(sources, &warnings);
    let recording = masked(recording);
    let histories = explain(&recording, sources, query)?;
    let text = match form {
        Form::Human => report::histories(sources, &histories, ui.out_style),
        Form::Json => report::histories_json(sources, &histories),
    };
    ui.stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

/// The record without the values of Secrets: how they came to be can be told without them.
fn masked(mut recording: Recording) -> Recording {
    let mask = Mask::new();
    for object in &mut recording.objects {
        let trees = object.events.iter_mut();
        let trees = trees.flat_map(|event| [&mut event.before, &mut event.after]);
        for tree in trees.chain([&mut object.last]).flatten() {
            *tree = mask.object(tree);
        }
        object.now = mask.object(&object.now);
    }
    recording
}
