//! `deployx set`: changes a value in the user's own files, and nothing else in them.

mod targets;
mod words;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::targets::{Target, targets};
use self::words::resolve;
use super::project::{Project, Projects};
use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui};
use crate::edit::{self, Builds, FileEdit, ImageChange, Outcome, Part, Request, Scope};
use crate::kustomize::{Build, Builder};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Sources};
use crate::parallel::on_all_cores;
use crate::report;
use crate::source::inputs;

/// Change a value in an overlay, a manifest or a values file; comments and layout stay
///
/// A source is an overlay, a folder of overlays, a file of manifests, or a chart's values. In a
/// folder of overlays, those that mention what is changed are changed, and the others are told.
#[derive(Debug, Args)]
pub(super) struct SetArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Image(ImageArgs),
    Tag(TagArgs),
    Replicas(ReplicasArgs),
    Namespace(NamespaceArgs),
    Label(LabelArgs),
    Annotation(AnnotationArgs),
}

/// Set images: their name, tag and digest
///
/// NAME is the image's name, the last part of it, its container or its workload. As in
/// `kustomize edit set image`, what REF does not say goes, and `*` keeps what is there:
/// web=registry/web:1.2, web=*:1.2, web=*@sha256:..., web:1.2.
#[derive(Debug, Args)]
struct ImageArgs {
    /// Sources (else the working directory), and what to set
    #[arg(value_names = ["SOURCE", "NAME=REF"], num_args = 1.., required = true)]
    args: Vec<String>,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// Set the tags of images; their names stay, digests of the old tags go
#[derive(Debug, Args)]
struct TagArgs {
    /// Sources (else the working directory), and NAME=TAG, or one TAG for every image that has one
    #[arg(value_names = ["SOURCE", "NAME=TAG"], num_args = 0..)]
    args: Vec<String>,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    common: CommonArgs,
}

/// Set the number of replicas of workloads
#[derive(Debug, Args)]
struct ReplicasArgs {
    /// Sources (else the working directory), and what to set
    #[arg(value_names = ["SOURCE", "NAME=NUMBER"], num_args = 1.., required = true)]
    args: Vec<String>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Set the namespace
#[derive(Debug, Args)]
struct NamespaceArgs {
    /// Sources (else the working directory), and the namespace, which goes last
    #[arg(value_names = ["SOURCE", "NAMESPACE"], num_args = 1.., required = true)]
    args: Vec<String>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Set labels, or remove them: key=value, key-
///
/// A label that is there is changed where it stands. A new one goes to `metadata.labels` alone:
/// the selectors of workloads that exist cannot be changed.
#[derive(Debug, Args)]
struct LabelArgs {
    /// Sources (else the working directory), and what to set
    #[arg(value_names = ["SOURCE", "KEY=VALUE"], num_args = 1.., required = true)]
    args: Vec<String>,
    /// Put new labels into pod templates too
    #[arg(long)]
    include_templates: bool,
    /// Put new labels into pod templates and selectors too, as `kustomize edit set label` does
    #[arg(long)]
    include_selectors: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// Set annotations, or remove them: key=value, key-
#[derive(Debug, Args)]
struct AnnotationArgs {
    /// Sources (else the working directory), and what to set
    #[arg(value_names = ["SOURCE", "KEY=VALUE"], num_args = 1.., required = true)]
    args: Vec<String>,
    #[command(flatten)]
    common: CommonArgs,
}

/// Where a tag comes from that is not typed.
#[derive(Debug, Args)]
struct VersionArgs {
    /// Take the tag from the version in pyproject.toml, package.json, Cargo.toml, or a file of one line
    #[arg(long, value_name = "FILE")]
    version_from: Option<PathBuf>,
    /// Text before the version
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        requires = "version_from"
    )]
    prefix: String,
    /// Text behind the version
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        requires = "version_from"
    )]
    suffix: String,
}

/// How changes are made.
#[derive(Debug, Args)]
struct CommonArgs {
    /// Show what would change in the files, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Exit with 2 when a file changes, or would change
    #[arg(long)]
    exit_code: bool,
    /// Do not build the overlays to see whether the change takes effect
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    options: SourceArgs,
}

impl VersionArgs {
    /// The tag that the file gives.
    fn tag(&self) -> Result<Option<String>, CommandError> {
        let Some(path) = &self.version_from else {
            return Ok(None);
        };
        let version = edit::read_version(path)?;
        Ok(Some(format!("{}{version}{}", self.prefix, self.suffix)))
    }
}

/// Runs `deployx set`.
pub(super) fn cmd_set(ui: &mut Ui, sources: &Sources, args: SetArgs) -> Result<Exit, CommandError> {
    let (paths, request, common) = resolve(args.what)?;
    let targets = targets(&paths)?;
    let plan = plan(sources, &targets, &request, &common)?;
    ui.diagnostics(sources, &plan.warnings);
    if plan.edits.is_empty() && plan.unchanged == 0 {
        let places: Vec<String> = paths.iter().map(|path| display_path(path)).collect();
        let message = format!(
            "nothing in {} mentions this {request}",
            report::ticked(&places)
        );
        return Err(
            CommandError::message(message).hint("name the overlays themselves to add it to them")
        );
    }
    show(ui, &plan, common.dry_run)?;
    if !common.dry_run {
        for edit in &plan.edits {
            edit::write(edit)?;
        }
    }
    Ok(if common.exit_code && !plan.edits.is_empty() {
        Exit::Differences
    } else {
        Exit::Success
    })
}

/// What will be done.
#[derive(Default)]
struct Plan {
    edits: Vec<FileEdit>,
    unchanged: usize,
    /// Sources that do not mention what is changed.
    skipped: Vec<String>,
    warnings: Vec<Diagnostic>,
}

impl Plan {
    /// Adds the edit of a file. Two sources may ask for the same one, but not for different ones.
    fn add(&mut self, edit: FileEdit) -> Option<Diagnostic> {
        let is_same = |known: &&FileEdit| {
            let real = |edit: &FileEdit| edit.path.canonicalize().ok();
            known.path == edit.path || real(known) == real(&edit)
        };
        match self.edits.iter().find(is_same) {
            None => {
                self.edits.push(edit);
                None
            }
            Some(known) if known.after == edit.after => None,
            Some(_) => {
                let name = display_path(&edit.path);
                let message = format!("two sources would change `{name}` differently");
                Some(Diagnostic::error("edit-refused", message).hint("change them one by one"))
            }
        }
    }
}

/// Finds out what has to be changed, all of it before anything is written.
fn plan(
    sources: &Sources,
    targets: &[Target],
    request: &Request,
    common: &CommonArgs,
) -> Result<Plan, CommandError> {
    let plan = plan_with(sources, targets, request, common)?;
    let is_idle = plan.edits.is_empty() && plan.unchanged == 0;
    if !is_idle || !targets.iter().any(|target| target.scope == Scope::Entries) {
        return Ok(plan);
    }
    // No kustomization of the folder has an entry for it: the files that set it count.
    let wider: Vec<Target> = targets
        .iter()
        .map(|target| Target {
            scope: match target.scope {
                Scope::Entries => Scope::Files,
                other => other,
            },
            ..target.clone()
        })
        .collect();
    plan_with(sources, &wider, request, common)
}

fn plan_with(
    sources: &Sources,
    targets: &[Target],
    request: &Request,
    common: &CommonArgs,
) -> Result<Plan, CommandError> {
    let folders: Vec<PathBuf> = targets.iter().map(|target| target.path.clone()).collect();
    let projects = Projects::of(sources, &folders).groups()?;
    let jobs: Vec<(&Target, &Project)> = projects
        .iter()
        .flat_map(|(project, places)| places.iter().map(move |place| (&targets[*place], project)))
        .collect();
    common.options.load_restrictions()?;
    let done = on_all_cores(&jobs, |(target, project)| {
        one(sources, target, project, request, common)
    });
    let mut plan = Plan::default();
    let mut faults = Diagnostics::default();
    for ((target, _), (outcome, warnings)) in jobs.iter().zip(done) {
        plan.warnings.extend(warnings);
        match outcome {
            Ok(Outcome::Changed(edits)) => {
                for edit in edits {
                    faults.0.extend(plan.add(edit));
                }
            }
            Ok(Outcome::Unchanged) => plan.unchanged += 1,
            Ok(Outcome::NotMentioned) => plan.skipped.push(display_path(&target.path)),
            Err(Diagnostics(items)) => faults.0.extend(items),
        }
    }
    if !faults.0.is_empty() {
        return Err(faults.into());
    }
    plan.edits.sort_by(|a, b| a.path.cmp(&b.path));
    plan.skipped.sort();
    Ok(plan)
}

/// Finds out what has to be changed in one source.
fn one(
    sources: &Sources,
    target: &Target,
    project: &Project,
    request: &Request,
    common: &CommonArgs,
) -> (Result<Outcome, Diagnostics>, Vec<Diagnostic>) {
    let mut warnings = Vec::new();
    if !target.is_overlay {
        let outcome = edit::edit_file(&target.path, request, target.scope);
        return (outcome.map_err(Into::into), warnings);
    }
    let builder = ProjectBuilds {
        sources,
        project,
        options: &common.options,
    };
    // A Component builds with the overlay that names it alone.
    let builds = !common.no_build && !inputs::is_component(&target.path);
    let builds = builds.then_some(&builder as &dyn Builds);
    let outcome = edit::edit_overlay(
        sources,
        &target.path,
        request,
        target.scope,
        builds,
        &mut warnings,
    );
    if let (Ok(Outcome::Changed(edits)), Request::Images(changes)) = (&outcome, request) {
        warnings.extend(lost_names(changes, edits));
    }
    if matches!(outcome, Ok(Outcome::NotMentioned)) {
        warnings.clear();
    }
    (outcome, warnings)
}

/// `NAME:TAG` means that the image is not renamed any more, which is rarely meant.
fn lost_names(changes: &[ImageChange], edits: &[FileEdit]) -> Option<Diagnostic> {
    let cleared = changes.iter().find(|change| {
        let words = change.name.as_ref().map(|name| format!("{name}: newName "));
        let is_lost = |edit: &FileEdit| {
            let mut all = edit.changes.iter().map(|(_, words)| words);
            let words = words.as_deref().unwrap_or_default();
            all.any(|line| line.starts_with(words) && line.ends_with("removed"))
        };
        change.new_name == Part::Clear && edits.iter().any(is_lost)
    })?;
    let name = cleared.name.as_deref().unwrap_or_default();
    let message = format!("`{name}` is not renamed any more: NAME:TAG leaves no `newName`");
    let fault = Diagnostic::warning("image-name-lost", message);
    Some(fault.hint(format!(
        "to change the tag alone: deployx set tag SOURCE {name}=TAG"
    )))
}

/// Builds with the project's typed kinds.
struct ProjectBuilds<'p> {
    sources: &'p Sources,
    project: &'p Project,
    options: &'p SourceArgs,
}

impl Builds for ProjectBuilds<'_> {
    fn build(&self, folder: &Path, texts: &[(PathBuf, String)]) -> Result<Build, Diagnostics> {
        let options = self.project.options(self.options);
        let options = options.map_err(|error| error.diagnostics)?;
        let builder = Builder::new(self.sources, options.kustomize());
        for (path, text) in texts {
            builder.supply(path, text);
        }
        builder.build(folder)
    }
}

/// Says what changes: a line for each change, or the difference of the files.
fn show(ui: &mut Ui, plan: &Plan, dry_run: bool) -> Result<(), CommandError> {
    let style = ui.out_style;
    for edit in &plan.edits {
        let text = if dry_run {
            report::file_diff(edit, style)
        } else {
            report::file_changes(edit, style)
        };
        ui.stdout().write_all(text.as_bytes())?;
    }
    for name in &plan.skipped {
        ui.status(format!("skipped   {name}: does not mention it"));
    }
    let verb = if dry_run { "would change" } else { "changed" };
    let mut parts = Vec::new();
    if !plan.edits.is_empty() {
        parts.push(format!(
            "{} {verb}",
            report::count(plan.edits.len(), "file")
        ));
    }
    if plan.unchanged > 0 {
        let count = report::count(plan.unchanged, "source");
        parts.push(format!("{count} unchanged"));
    }
    if !plan.skipped.is_empty() {
        parts.push(format!("{} skipped", plan.skipped.len()));
    }
    ui.status(parts.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests;
