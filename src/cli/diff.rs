//! `deployx diff`: what an upgrade would change in the cluster.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::cluster::{self, ClusterArgs};
use super::project;
use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui};
use crate::cluster::{Access, Cluster};
use crate::manifest::source::display_path;
use crate::manifest::{Object, Sources};
use crate::plan::{Policy, Strategy};
use crate::release::{Options, Prepared, ReleasePolicy, prepare};
use crate::report::DiffView;
use crate::source::Loaded;

/// Show what an upgrade would change in the cluster; changes nothing
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(super) struct DiffArgs {
    /// Kustomization directory, file or folder of manifests, or - for standard input
    #[arg(value_names = ["RELEASE", "SOURCE"], num_args = 1..=2, required = true)]
    target: Vec<String>,
    /// Exit with 2 when there are differences
    #[arg(long, visible_alias = "detailed-exitcode")]
    exit_code: bool,
    #[command(flatten)]
    release: ReleaseArgs,
    #[command(flatten)]
    options: SourceArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What is asked of a release, for `diff` and `upgrade` alike.
#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// Name of the release, where the overlay does not say it
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// How workloads move to their new pods
    #[arg(long, value_enum, value_name = "STRATEGY")]
    strategy: Option<StrategyArg>,
    /// Allow a rolling update that does not fit by requests
    #[arg(long)]
    ignore_capacity: bool,
    /// Make objects part of the release that exist and belong to others
    #[arg(long)]
    take_ownership: bool,
    /// Overwrite fields that others hold with other values
    #[arg(long)]
    force_conflicts: bool,
    /// Also delete namespaces, definitions and volumes that left the overlay
    #[arg(long)]
    prune_protected: bool,
}

/// A strategy as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StrategyArg {
    /// Decide by what fits
    Auto,
    /// New pods beside the old ones
    Rolling,
    /// Old pods first, then new ones
    Recreate,
}

impl ReleaseArgs {
    /// Resolves what was typed, with what the overlay says.
    pub(super) fn options(&self, policy: Option<&ReleasePolicy>) -> Options {
        let flag = self.strategy.map(|strategy| match strategy {
            StrategyArg::Auto => Strategy::Auto,
            StrategyArg::Rolling => Strategy::Rolling,
            StrategyArg::Recreate => Strategy::Recreate,
        });
        Options {
            strategy: Policy {
                flag,
                release: policy.and_then(|policy| policy.strategy),
                ignore_capacity: self.ignore_capacity,
            },
            take_ownership: self.take_ownership,
            force_conflicts: self.force_conflicts,
            prune_protected: self.prune_protected,
            ..Options::default()
        }
    }
}

/// The positional arguments: `SOURCE`, or `RELEASE SOURCE`.
pub(super) struct Positional {
    /// The release, where it was named.
    pub(super) release: Option<String>,
    /// The source.
    pub(super) source: PathBuf,
}

impl Positional {
    /// Tells them apart.
    ///
    /// # Errors
    /// The release was named twice, differently.
    pub(super) fn read(target: &[String], flag: &ReleaseArgs) -> Result<Self, CommandError> {
        let (release, source) = match target {
            [release, source] => (Some(release.clone()), source),
            [source] => (None, source),
            _ => return Err(CommandError::usage("a source is needed")),
        };
        if let (Some(release), Some(flag)) = (&release, &flag.release)
            && release != flag
        {
            return Err(CommandError::usage(format!(
                "the release is called `{release}` and `{flag}` at once"
            )));
        }
        Ok(Self {
            release: release.or_else(|| flag.release.clone()),
            source: PathBuf::from(source),
        })
    }
}

/// Loads the objects of a source and takes the Release resource out of them.
pub(super) fn load(
    ui: &mut Ui,
    sources: &Sources,
    path: &Path,
    options: &SourceArgs,
) -> Result<(Vec<Object>, Option<ReleasePolicy>), CommandError> {
    let loaded = project::load(sources, path, options).map_err(|error| error.of_command("diff"))?;
    parts(ui, sources, loaded)
}

/// As [`load`], for an upgrade: what the server would refuse is refused before it is asked.
pub(super) fn load_valid(
    ui: &mut Ui,
    sources: &Sources,
    path: &Path,
    options: &SourceArgs,
) -> Result<(Vec<Object>, Option<ReleasePolicy>), CommandError> {
    let loaded = project::load_valid(sources, path, options);
    parts(
        ui,
        sources,
        loaded.map_err(|error| error.of_command("upgrade"))?,
    )
}

fn parts(
    ui: &mut Ui,
    sources: &Sources,
    mut loaded: Loaded,
) -> Result<(Vec<Object>, Option<ReleasePolicy>), CommandError> {
    ui.diagnostics(sources, &loaded.warnings);
    let policy = ReleasePolicy::take(&mut loaded.releases)?;
    Ok((loaded.objects, policy))
}

/// What was typed, as the arguments of the command that comes next.
fn next_target(args: &DiffArgs) -> String {
    let mut words = args.target.clone();
    if let Some(release) = &args.release.release {
        words.extend(["--release".to_owned(), release.clone()]);
    }
    words.extend(args.cluster.typed());
    words.join(" ")
}

/// Runs `deployx diff`.
pub(super) fn cmd_diff(
    ui: &mut Ui,
    sources: &Sources,
    args: DiffArgs,
) -> Result<Exit, CommandError> {
    cluster::check_driver()?;
    let positional = Positional::read(&args.target, &args.release)?;
    let (objects, policy) = load(ui, sources, &positional.source, &args.options)?;
    let access = args.cluster.access();
    let options = args.release.options(policy.as_ref());
    let named = positional.release.as_deref();
    let (cluster, prepared) =
        cluster::block_on(prepared(&access, named, policy.as_ref(), objects, options))?;
    let name = display_path(&positional.source);
    let view = view(&prepared, sources, &name, &cluster, ui);
    let text = if prepared.has_changes() {
        format!(
            "{}\nnext      deployx upgrade {}\n",
            view.render(),
            next_target(&args)
        )
    } else {
        format!(
            "{}: no differences · {}\n",
            prepared.release.name,
            view.summary()
        )
    };
    ui.stdout().write_all(text.as_bytes())?;
    for blocker in &prepared.blockers {
        let hint = blocker
            .hint()
            .map_or_else(String::new, |hint| format!("\n  {hint}"));
        ui.status(format!("an upgrade would be refused: {blocker}{hint}"));
    }
    Ok(if args.exit_code && prepared.has_changes() {
        Exit::Differences
    } else {
        Exit::Success
    })
}

/// Reaches the cluster and finds out what would change.
pub(super) async fn prepared(
    access: &Access,
    named: Option<&str>,
    policy: Option<&ReleasePolicy>,
    objects: Vec<Object>,
    options: Options,
) -> Result<(Cluster, Prepared), CommandError> {
    let cluster = cluster::connect(access).await?;
    let release = cluster::release(named, access, policy, &cluster)?;
    let prepared = prepare(&cluster, release, objects, options).await?;
    Ok((cluster, prepared))
}

/// How the diff is shown on stdout.
pub(super) fn view<'a>(
    prepared: &'a Prepared,
    sources: &'a Sources,
    input: &'a str,
    cluster: &'a Cluster,
    ui: &Ui,
) -> DiffView<'a> {
    let target = &cluster.target;
    DiffView {
        prepared,
        sources,
        input,
        cluster: if target.context.is_empty() {
            &target.server
        } else {
            &target.context
        },
        style: ui.out_style,
    }
}
