//! The flags by which every command reads a source.

use clap::Args;

use super::CommandError;

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
