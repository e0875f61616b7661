//! `deployx validate`: what the API server will say, before it is asked.

mod against;
mod cluster;
mod judge;
mod lint;
mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};

use super::chart::ChartArgs;
use super::cluster::ClusterArgs;
use super::project::Project;
use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui};
use crate::manifest::{Diagnostic, Severity, Sources};
use crate::report;
use crate::validate::{self, Validator, Verdict, Verdicts};

/// Say what the API server would answer, offline
///
/// Every fault is reported with its place, the server's own words and what to write instead.
/// Exit code 1 when an object would be refused.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Kustomization directories, Helm charts, files, folders of them, or - for standard input
    #[arg(value_name = "SOURCE", default_value = ".")]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    options: SourceArgs,
    /// Kubernetes version whose verdict is asked for, for example 1.37 [default: that of the
    /// cluster that is named, else the project's, else the newest known]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// File or folder with custom resource definitions, besides those in the sources and those of the project
    #[arg(long = "crds", value_name = "PATH")]
    crds: Vec<PathBuf>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Judge only files that differ from this git revision, and overlays that read one of them
    #[arg(long, value_name = "REV")]
    since: Option<String>,
    /// Take the SOURCEs as files that were changed, as commit hooks name them: judge every overlay
    /// of the repository that reads one of them, and the manifests among them
    #[arg(long, conflicts_with = "since")]
    affected: bool,
    /// Judge each object as an update of what was there before: at a path, or in the same sources
    /// at a git revision. Finds changes of fields that cannot change
    #[arg(long, value_name = "PATH|git:REV")]
    against: Option<String>,
    /// Stay, and judge again whenever a file changes
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    lint: lint::LintArgs,
    /// What makes the command fail (exit code 1)
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    fail_on: FailOn,
    /// Fail also where nothing is known, as for a custom resource without its schema
    #[arg(long)]
    require_schema: bool,
    #[command(flatten)]
    charts: ChartArgs,
    // A cluster that is named gives its version and its custom resource definitions.
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON document (docs/output-json.md)
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, a case for each object
    Junit,
    /// Annotations of GitHub Actions
    Github,
}

/// What makes the command fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// An object that the server would refuse, or an error of the lint
    #[default]
    Error,
    /// A warning too
    Warning,
}

/// Runs `deployx validate`.
pub(super) fn cmd_validate(
    ui: &mut Ui,
    sources: &Sources,
    args: ValidateArgs,
) -> Result<Exit, CommandError> {
    if !args.watch {
        return Ok(once(ui, sources, &args)?.0);
    }
    if args.sources.iter().any(|path| path == Path::new("-")) {
        return Err(CommandError::usage("standard input cannot be watched"));
    }
    if args.format != Format::Human {
        return Err(CommandError::usage("`--watch` is for people")
            .hint("leave out `--format`, or run without `--watch`"));
    }
    watch::watch(ui, &args)
}

/// Judges once and shows the result. Returns the files that overlays have read, too.
fn once(
    ui: &mut Ui,
    sources: &Sources,
    args: &ValidateArgs,
) -> Result<(Exit, BTreeSet<PathBuf>), CommandError> {
    let started = Instant::now();
    let first = args
        .sources
        .first()
        .map_or(Path::new("."), PathBuf::as_path);
    let project = Project::of(sources, first)?;
    let known = cluster::ask(ui, sources, &args.cluster)?;
    let version = match &args.kubernetes_version {
        Some(text) => text
            .parse()
            .map_err(|error: crate::schema::UnknownVersion| {
                CommandError::usage(error.to_string())
            })?,
        None => known
            .as_ref()
            .map_or(project.version(), |known| known.version),
    };
    let given = known.map(|known| known.definitions).unwrap_or_default();
    let validator = Validator::new(version);
    let (mut verdicts, read) = judge::judge(ui, sources, &project, args, validator, given)?;
    if args.require_schema {
        verdicts.objects.iter_mut().for_each(require_schema);
    }
    let (took, style) = (started.elapsed(), ui.out_style);
    let out = ui.stdout();
    match args.format {
        Format::Json => report::findings_json(out, sources, &verdicts, version)?,
        Format::Human => report::findings_human(out, sources, &verdicts, version, took, style)?,
        Format::Sarif => report::findings_sarif(out, sources, &verdicts, version)?,
        Format::Junit => report::findings_junit(out, sources, &verdicts, took)?,
        Format::Github => report::findings_github(out, sources, &verdicts)?,
    }
    let exit = if fails(&verdicts, args.fail_on) {
        Exit::Failure
    } else {
        Exit::Success
    };
    if !args.watch {
        // The process ends soon: to take it all apart would only cost time.
        std::mem::forget(verdicts);
    }
    Ok((exit, read))
}

fn fails(verdicts: &Verdicts, on: FailOn) -> bool {
    let least = match on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
    };
    let rejected = |judged: &validate::Judged| judged.judgement.verdict == Verdict::Rejected;
    verdicts.objects.iter().any(rejected)
        || verdicts.findings().any(|finding| finding.severity >= least)
}

/// Makes an unknown verdict an error.
fn require_schema(judged: &mut validate::Judged) {
    let Some(reason) = judged.judgement.unknown.take() else {
        return;
    };
    judged.judgement.verdict = Verdict::Rejected;
    judged.judgement.findings.push(
        Diagnostic::error("no-schema", reason)
            .at(judged.span, "this cannot be checked")
            .in_object(judged.id.to_string()),
    );
}

#[cfg(test)]
mod tests;
