//! `deployx status`: what is live of a release, and how it is.

use clap::Args;

use super::cluster::{self, ClusterArgs};
use super::{CommandError, Exit, Ui};
use crate::release::status::status;
use crate::report;

/// Show which revision of a release is live, and the state of its objects
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE")]
    release: String,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Runs `deployx status`.
pub(super) fn cmd_status(ui: &mut Ui, args: StatusArgs) -> Result<Exit, CommandError> {
    cluster::check_driver()?;
    let access = args.cluster.access();
    let found = cluster::block_on(async {
        let cluster = cluster::connect(&access).await?;
        let release = cluster::release(Some(&args.release), &access, None, &cluster)?;
        Ok(status(&cluster, release).await?)
    })?;
    let text = report::release_status(&found, ui.out_style);
    ui.stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}
