//! `deployx render`: the objects of a source, expanded.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Exit, Ui, project};
use crate::manifest::{Sources, emit};

/// Print the objects of an overlay, a folder or a file, expanded
///
/// Without typed resources the output is byte-equal to `kustomize build`.
#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// Kustomization directory, file or folder of manifests, or - for standard input
    #[arg(default_value = ".")]
    source: PathBuf,
    #[command(flatten)]
    options: SourceArgs,
}

/// How a source is read; the same flags for every command that takes one.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Which files a kustomization may load: LoadRestrictionsRootOnly or LoadRestrictionsNone
    #[arg(long, value_name = "RULE", default_value = "LoadRestrictionsRootOnly")]
    load_restrictor: String,
}

impl SourceArgs {
    /// Whether a kustomization may load files of its own root alone.
    ///
    /// # Errors
    /// Usage error for an unknown load restrictor.
    pub(super) fn root_only(&self) -> Result<bool, CommandError> {
        match self.load_restrictor.as_str() {
            "LoadRestrictionsRootOnly" | "rootOnly" => Ok(true),
            "LoadRestrictionsNone" | "none" => Ok(false),
            other => Err(
                CommandError::usage(format!("`{other}` is no load restrictor"))
                    .hint("use LoadRestrictionsRootOnly or LoadRestrictionsNone"),
            ),
        }
    }
}

/// Runs `deployx render`.
pub(super) fn cmd_render(
    ui: &mut Ui,
    sources: &Sources,
    args: RenderArgs,
) -> Result<Exit, CommandError> {
    let loaded = project::load(sources, &args.source, &args.options)?;
    ui.diagnostics(sources, &loaded.warnings);
    let yaml = emit::emit_all(loaded.objects.iter().map(|object| &object.root));
    ui.stdout().write_all(yaml.as_bytes())?;
    Ok(Exit::Success)
}
