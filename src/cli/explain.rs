//! `deployx render --explain`: which file and step set a field.

use std::path::Path;

use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui, project};
use crate::diff::Mask;
use crate::explain::{Query, explain};
use crate::kustomize::record::Recording;
use crate::kustomize::{self, Options};
use crate::manifest::Sources;
use crate::manifest::source::display_path;
use crate::report;

/// Forms of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Human,
    Json,
}

/// Builds an overlay and tells how the object or field that is asked for came to be.
pub(super) fn explain_overlay(
    ui: &mut Ui,
    sources: &Sources,
    source: &Path,
    args: &SourceArgs,
    query: &Query,
    form: Form,
) -> Result<Exit, CommandError> {
    let project = project::Project::of(sources, source)?;
    if !kustomize::is_kustomization(source) {
        // What is wrong with the path itself is said as ever.
        project.load(sources, source, args)?;
        let name = display_path(source);
        let message = format!("`{name}` is no overlay, so nothing was worked into its files");
        return Err(CommandError::message(message)
            .hint("--explain needs a folder with a kustomization.yaml"));
    }
    let options = Options {
        record: true,
        ..project.options(args)?.kustomize()
    };
    let build = kustomize::build(sources, source, options)?;
    ui.diagnostics(sources, &build.warnings);
    let recording = masked(build.recording.unwrap_or_default());
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
