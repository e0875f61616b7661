//! From the sources of a command line to verdicts: overlays are built and files are read, on all
//! cores.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::project::{Project, folder_of};
use super::super::{CommandError, Ui};
use super::ValidateArgs;
use super::against::Before;
use super::lint::linted;
use crate::helm;
use crate::kustomize;
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Sources};
use crate::parallel::on_all_cores;
use crate::source::{self, git, inputs};
use crate::validate::{self, Definitions, Lint, Validator, Verdicts};

/// Judges everything that the sources yield. Returns the files that overlays have read, too, by
/// their true paths.
pub(super) fn judge(
    ui: &mut Ui,
    sources: &Sources,
    project: &Project,
    args: &ValidateArgs,
    validator: Validator,
    mut definitions: Definitions,
) -> Result<(Verdicts, BTreeSet<PathBuf>), CommandError> {
    let crds: Vec<PathBuf> = project.crds().iter().chain(&args.crds).cloned().collect();
    definitions.extend(validate::load_definitions(sources, &crds)?);
    let mut verdicts = Verdicts::default();
    let mut paths = args.sources.clone();
    if paths.iter().any(|path| path == Path::new("-")) {
        paths.retain(|path| path != Path::new("-"));
        let file = source::load_stdin(sources)?;
        verdicts.append(validate::judge_file(validator, sources, file));
    }
    let before = Before::read(ui, sources, project, args, &paths, validator)?;
    let changed = changed_files(args, &paths)?;
    let mut inputs = if args.affected {
        inputs::around(&repository_of(&paths), &paths)
    } else {
        inputs::select(&paths)
    };
    verdicts.chart_files = inputs.chart_files;
    let charts = inputs.charts.len() + inputs.chart_files;
    let found = inputs.files.len() + inputs.overlays.len() + charts;
    if found == 0 && !paths.is_empty() && !args.affected {
        let name = display_path(&paths[0]);
        return Err(
            CommandError::message(format!("no kustomization and no manifest in `{name}`"))
                .hint("manifests are files that end in .yaml, .yml or .json"),
        );
    }
    let builder = kustomize::Builder::new(sources, project.options(&args.options)?.kustomize());
    let mut judged = on_all_cores(&inputs.overlays, |overlay| {
        judge_overlay(
            &builder,
            overlay,
            validator,
            changed.as_ref(),
            before.as_ref(),
        )
    });
    let mut read = BTreeSet::new();
    for overlay in &judged {
        ui.diagnostics(sources, &overlay.warnings);
        read.extend(overlay.files.iter().cloned());
    }
    // What a chart renders belongs together as what an overlay builds does.
    judged.extend(inputs.charts.iter().map(|chart| JudgedOverlay {
        root: chart.clone(),
        verdicts: judge_chart(sources, chart, args, validator, before.as_ref()),
        ..JudgedOverlay::default()
    }));
    inputs.leave_out(&read);
    if let Some(changed) = &changed {
        let is_changed = |file: &PathBuf| !file.canonicalize().is_ok_and(|f| !changed.contains(&f));
        inputs.files.retain(is_changed);
    }
    let mut files = validate::judge_files(validator, sources, &inputs.files);
    if let Some(before) = &before {
        files.compare(validator, sources, |id| before.in_files(id));
    }
    verdicts.append(files);
    let switches = project.switches();
    let lint = Lint {
        version: validator.version(),
        complete: args.lint.complete,
        least: args.lint.least(),
        switches: &switches,
    };
    let (mut verdicts, found) = linted(sources, &lint, verdicts, judged);
    verdicts.settle(validator, sources, definitions);
    lint.settle(sources, &mut verdicts, found);
    verdicts
        .remarks
        .extend(lint.faults(sources, &sources.files()));
    Ok((verdicts, read))
}

/// Renders a chart and judges what it prints.
fn judge_chart(
    sources: &Sources,
    chart: &Path,
    args: &ValidateArgs,
    validator: Validator,
    before: Option<&Before>,
) -> Verdicts {
    let template = args.charts.template(
        chart,
        args.cluster.access().namespace,
        validator.version().to_string(),
    );
    let helm = args.options.helm();
    let mut verdicts = match helm::render(&helm, sources, &template) {
        Ok(file) => validate::judge_file(validator, sources, file),
        Err(fault) => {
            let mut verdicts = Verdicts::default();
            let faults = vec![fault];
            verdicts.refuse(validate::primary_span(&faults), faults);
            verdicts
        }
    };
    if let Some(before) = before {
        verdicts.compare(validator, sources, |id| before.in_overlay(chart, id));
    }
    verdicts.charts += 1;
    verdicts
}

/// The files that were changed, by their true paths; `None` where everything is judged.
fn changed_files(
    args: &ValidateArgs,
    paths: &[PathBuf],
) -> Result<Option<BTreeSet<PathBuf>>, CommandError> {
    if args.affected {
        let real = |path: &PathBuf| path.canonicalize().ok();
        return Ok(Some(paths.iter().filter_map(real).collect()));
    }
    let (Some(revision), Some(path)) = (&args.since, paths.first()) else {
        return Ok(None);
    };
    let changed = git::changed_since(&folder_of(path), revision);
    Ok(Some(changed.map_err(|error| {
        CommandError::message(error.to_string())
    })?))
}

/// The repository that the first of some paths lies in, as a path from the working directory;
/// outside of any repository, the working directory.
fn repository_of(paths: &[PathBuf]) -> PathBuf {
    let first = paths.first().map_or(Path::new("."), PathBuf::as_path);
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let (Ok(top), Ok(here)) = (git::top(&folder_of(first)), here) else {
        return PathBuf::from(".");
    };
    match here.strip_prefix(&top) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.components().map(|_| "..").collect(),
        Err(_) => top,
    }
}

/// What came of one overlay.
#[derive(Default)]
pub(super) struct JudgedOverlay {
    /// Its folder.
    pub(super) root: PathBuf,
    pub(super) verdicts: Verdicts,
    warnings: Vec<Diagnostic>,
    /// The files that it read, by their true paths.
    pub(super) files: Vec<PathBuf>,
}

/// Builds an overlay and judges what it prints; nothing, where it reads none of the changed files.
fn judge_overlay(
    builder: &kustomize::Builder<'_>,
    overlay: &Path,
    validator: Validator,
    changed: Option<&BTreeSet<PathBuf>>,
    before: Option<&Before>,
) -> JudgedOverlay {
    let mut judged = JudgedOverlay {
        root: overlay.to_path_buf(),
        ..JudgedOverlay::default()
    };
    match builder.build(overlay) {
        Ok(build) => {
            judged.files = build.files;
            if changed.is_some_and(|changed| !judged.files.iter().any(|f| changed.contains(f))) {
                return judged;
            }
            judged.verdicts.overlays += 1;
            // What a Component lacks by itself, the overlay that names it brings.
            if !inputs::is_component(overlay) {
                judged.warnings = build.warnings;
            }
            for object in &build.objects {
                let old = before.and_then(|before| before.in_overlay(overlay, &object.id()));
                match old {
                    Some(old) => judged.verdicts.judge_update(validator, old, object),
                    None => judged.verdicts.judge(validator, object),
                }
            }
        }
        // A Component may need what only the overlay that names it brings.
        Err(_) if inputs::is_component(overlay) => {
            judged.verdicts.skipped += 1;
            judged.files = inputs::files_below(overlay);
        }
        // What it would have read is not known, so it is told whatever was changed.
        Err(Diagnostics(findings)) => {
            judged.verdicts.overlays += 1;
            judged
                .verdicts
                .refuse(validate::primary_span(&findings), findings);
            judged.files = inputs::files_below(overlay);
        }
    }
    judged
}
