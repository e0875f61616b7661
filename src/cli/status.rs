//! `deployx status`: what is live of a release, and how it is.

use clap::Args;

use super::cluster::{self, ClusterArgs};
use super::{CommandError, Exit, Ui};
use crate::cluster::State;
use crate::release::status::{ReleaseStatus, status};
use crate::release::store;
use crate::report::{Role, Style};

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
    let text = render(&found, ui.out_style);
    ui.stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

fn render(found: &ReleaseStatus, style: Style) -> String {
    let last = &found.last;
    let mut out = format!(
        "{} r{} is {} since {} · {}\n",
        found.release.name,
        last.revision(),
        style.paint(Role::Strong, last.status().as_str()),
        store::age(last),
        last.description(),
    );
    if let Some(deployed) = found.deployed {
        out.push_str(&format!("live is r{deployed}\n"));
    }
    out.push('\n');
    for (id, health) in &found.objects {
        let (role, word, reason) = match health {
            None => (
                Role::Error,
                "missing",
                "it is in the record and not in the cluster",
            ),
            Some(health) => match health.state {
                State::Ready => (Role::Good, "ready", health.reason.as_str()),
                State::Progressing => (Role::Warning, "waits", health.reason.as_str()),
                State::Failed => (Role::Error, "failed", health.reason.as_str()),
            },
        };
        let word = style.paint(role, format!("{word:<8}"));
        out.push_str(&format!("{word} {id}   {reason}\n"));
    }
    out
}
