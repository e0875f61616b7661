//! `deployx history`: the revisions of a release.

use clap::Args;

use super::cluster::{self, ClusterArgs};
use super::{CommandError, Exit, Ui};
use crate::release::ReleaseError;
use crate::release::store::History;
use crate::report;

/// Show the revisions of a release, Helm's and ours alike
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE")]
    release: String,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Runs `deployx history`.
pub(super) fn cmd_history(ui: &mut Ui, args: HistoryArgs) -> Result<Exit, CommandError> {
    cluster::check_driver()?;
    let access = args.cluster.access();
    let history = cluster::block_on(async {
        let cluster = cluster::connect(&access).await?;
        let release = cluster::release(Some(&args.release), &access, None, &cluster)?;
        let history = History::read(&cluster, &release).await?;
        if history.last().is_none() {
            return Err(ReleaseError::NoRelease {
                release: release.name,
                namespace: release.namespace,
            }
            .into());
        }
        Ok(history)
    })?;
    let text = report::history(&history.0, ui.out_style);
    ui.stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}
