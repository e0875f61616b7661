//! `deployx upgrade`: diff, confirm, apply, watch, record.

use std::io::BufRead as _;
use std::time::Duration;

use clap::Args;

use super::cluster::{self, ClusterArgs};
use super::diff::{self, Positional, ReleaseArgs};
use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui, Verbosity};
use crate::cluster::Cluster;
use crate::diff::ObjectDiff;
use crate::manifest::source::display_path;
use crate::manifest::{Sources, duration};
use crate::release::{Options, Outcome, Prepared, Record, ReleaseError, ReleasePolicy, upgrade};
use crate::report::{self, PlainReporter, TerminalReporter};
use crate::rollout::{Event, Reporter};

/// Bring a release to a source: diff, confirm, apply in order, watch, prune, record
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct UpgradeArgs {
    /// Kustomization directory, file or folder of manifests, or - for standard input
    #[arg(value_names = ["RELEASE", "SOURCE"], num_args = 1..=2, required = true)]
    target: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Accepted as Helm's flag: a release that does not exist is always installed
    #[arg(short, long)]
    install: bool,
    /// Create the namespace of the release where it is missing
    #[arg(long)]
    create_namespace: bool,
    /// Take over a release whose last writer is gone
    #[arg(long)]
    take_over: bool,
    /// How long workloads may take to become ready [default: 5m, or the Release resource's]
    #[arg(long, value_name = "DURATION")]
    timeout: Option<String>,
    /// How many revisions are kept
    #[arg(long, value_name = "N", default_value_t = 10, env = "HELM_MAX_HISTORY")]
    history_max: usize,
    #[command(flatten)]
    release: ReleaseArgs,
    #[command(flatten)]
    options: SourceArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl UpgradeArgs {
    fn options(&self, policy: Option<&ReleasePolicy>) -> Result<Options, CommandError> {
        let mut options = self.release.options(policy);
        if let Some(limit) = policy.and_then(|policy| policy.timeout) {
            options.timeout = limit;
        }
        if let Some(text) = &self.timeout {
            let limit = duration::Duration::parse(text).ok_or_else(|| {
                CommandError::usage(format!("`{text}` is no duration"))
                    .hint("for example 5m or 90s")
            })?;
            options.timeout = Duration::from_millis(limit.as_millis());
        }
        options.take_over = self.take_over;
        options.create_namespace = self.create_namespace;
        // Helm's 0 means without limit.
        options.history_max = match self.history_max {
            0 => usize::MAX,
            max => max,
        };
        options.holder = holder();
        options.check_new = true;
        Ok(options)
    }
}

/// Runs `deployx upgrade`.
pub(super) fn cmd_upgrade(
    ui: &mut Ui,
    sources: &Sources,
    args: UpgradeArgs,
) -> Result<Exit, CommandError> {
    cluster::check_driver()?;
    let positional = Positional::read(&args.target, &args.release)?;
    let asks = !args.yes && !cluster::is_helm_plugin();
    if asks && !ui.interactive {
        return Err(CommandError::message("there is no terminal to confirm on")
            .hint("look at `deployx diff` first, then use `--yes`"));
    }
    let (objects, policy) = diff::load_valid(ui, sources, &positional.source, &args.options)?;
    let access = args.cluster.access();
    let options = args.options(policy.as_ref())?;
    let named = positional.release.as_deref();
    let name = display_path(&positional.source);
    cluster::block_on(async {
        let (cluster, mut prepared) =
            diff::prepared(&access, named, policy.as_ref(), objects, options).await?;
        let mut blockers = std::mem::take(&mut prepared.blockers)
            .into_iter()
            .map(CommandError::from);
        if let Some(mut refusal) = blockers.next() {
            // All at once: nobody likes to be refused twice.
            let others = blockers.flat_map(|other| other.diagnostics.0);
            refusal.diagnostics.0.extend(others);
            return Err(refusal);
        }
        if prepared.is_current() {
            let revision = prepared.history.last().map_or(0, Record::revision);
            ui.status(format!(
                "{}: nothing to do, revision {revision} is live and the cluster is as the source says",
                prepared.release.name
            ));
            return Ok(Exit::Success);
        }
        let text = diff::view(&prepared, sources, &name, &cluster, ui).render();
        ui.stdout().write_all(text.as_bytes())?;
        ui.flush()?;
        if asks && !confirm(ui, &cluster, &prepared)? {
            ui.status("nothing was changed");
            return Ok(Exit::Failure);
        }
        run(ui, sources, &cluster, prepared).await
    })
}

async fn run(
    ui: &mut Ui,
    sources: &Sources,
    cluster: &Cluster,
    prepared: Prepared,
) -> Result<Exit, CommandError> {
    let release = prepared.release.clone();
    let diffs: Vec<ObjectDiff> = prepared.diffs().cloned().collect();
    let style = ui.err_style;
    let result = {
        let mut reporter: Box<dyn Reporter> = if ui.progress {
            Box::new(TerminalReporter::new(style))
        } else if ui.verbosity == Verbosity::Quiet {
            Box::new(|_: Duration, _: &Event| {})
        } else {
            Box::new(PlainReporter {
                out: ui.stderr(),
                style,
            })
        };
        upgrade(cluster, prepared, &mut *reporter, interrupted()).await
    };
    match result {
        Ok(Outcome::Current { revision }) => {
            ui.status(format!(
                "{}: nothing to do, revision {revision} is live",
                release.name
            ));
            Ok(Exit::Success)
        }
        Ok(Outcome::Deployed { revision, took }) => {
            ui.status(format!(
                "{} r{revision} is live after {} s",
                release.name,
                took.as_secs()
            ));
            Ok(Exit::Success)
        }
        Err(ReleaseError::Failed { failure, revision }) => {
            let text = report::failure(&failure, &diffs, sources, style);
            write!(ui.stderr(), "{text}")?;
            writeln!(
                ui.stderr(),
                "\n{} r{revision} is marked as failed; nothing was pruned, nothing was rolled back\n\
                 next      deployx status {} -n {}",
                release.name,
                release.name,
                release.namespace
            )?;
            Ok(Exit::RolloutFailed)
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks; the first line says where.
fn confirm(ui: &mut Ui, cluster: &Cluster, prepared: &Prepared) -> Result<bool, CommandError> {
    let target = &cluster.target;
    write!(
        ui.stderr(),
        "\ncontext {} · server {} · namespace {}\nupgrade {}? [y/N] ",
        target.context,
        target.server,
        prepared.release.namespace,
        prepared.release.name
    )?;
    ui.stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Who is at work, for the record.
fn holder() -> String {
    let user = cluster::variable("USER").or_else(|| cluster::variable("LOGNAME"));
    let host = std::fs::read_to_string("/etc/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .or_else(|| cluster::variable("HOSTNAME"));
    format!(
        "{}@{}, process {}",
        user.unwrap_or_else(|| "unknown".into()),
        host.unwrap_or_else(|| "unknown".into()),
        std::process::id()
    )
}

/// Waits for a signal that ends the run, and returns the code that it stands for.
async fn interrupted() -> u8 {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = terminate.recv() => 143,
                _ = tokio::signal::ctrl_c() => 130,
            };
        }
    }
    let _ = tokio::signal::ctrl_c().await;
    130
}
