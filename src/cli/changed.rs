//! `deployx changed`: the overlays that a commit could affect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::project::{Project, Projects};
use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui, Verbosity};
use crate::kustomize::{Build, Builder};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Sources};
use crate::parallel::on_all_cores;
use crate::report;
use crate::source::changed::{ChangedFiles, Difference, Reason, compare};
use crate::source::{git, inputs};
use crate::template;

/// List the overlays whose build a change since a git revision could affect
///
/// An overlay counts when its build reads a file that differs from the revision: committed or not,
/// new, renamed or deleted, through any base, component, generator or template. One that does not
/// build counts too. Paths are printed as they were typed, one on each line.
#[derive(Debug, Args)]
pub(super) struct ChangedArgs {
    /// Overlays, and folders of overlays
    #[arg(value_name = "DIR", default_value = ".")]
    folders: Vec<PathBuf>,
    /// Revision to compare with; REV... is the commit where HEAD and REV parted
    #[arg(long, value_name = "REV")]
    since: String,
    /// Form of the output: text, json or matrix (docs/ci.md)
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t)]
    output: Form,
    /// Build the overlays as they were, and list those whose output differs
    #[arg(long)]
    render: bool,
    /// Exit with 2 when there are any
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    options: SourceArgs,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A path on each line
    #[default]
    Text,
    /// One JSON document, with the reasons
    Json,
    /// A matrix of GitHub Actions, on one line
    Matrix,
}

/// An overlay that counts as changed.
struct Changed {
    path: PathBuf,
    reason: Reason,
    /// What its output differs in, where that was asked for and can be told.
    difference: Option<Difference>,
    /// It did not build at the revision, or was not there.
    is_new: bool,
}

/// Runs `deployx changed`.
pub(super) fn cmd_changed(
    ui: &mut Ui,
    sources: &Sources,
    args: ChangedArgs,
) -> Result<Exit, CommandError> {
    let started = Instant::now();
    let tops = tops(&args.folders)?;
    let mut files = BTreeSet::new();
    for top in tops.keys() {
        let more = git::changed_since(top, &args.since);
        files.extend(more.map_err(|error| CommandError::message(error.to_string()))?);
    }
    let files = ChangedFiles::new(files);
    let mut overlays = inputs::select(&args.folders).overlays;
    overlays.retain(|overlay| !inputs::is_component(overlay));
    let gone = gone(&args.folders, &files);
    if overlays.is_empty() && gone.is_empty() {
        let names: Vec<String> = args.folders.iter().map(|path| display_path(path)).collect();
        let message = format!("no overlay in {}", report::ticked(&names));
        return Err(CommandError::message(message));
    }
    let (mut changed, builds) = touched(sources, &overlays, &files, &args)?;
    if args.render {
        differ(sources, &mut changed, &builds, &tops, &args)?;
    }
    changed.sort_by(|a, b| a.path.cmp(&b.path));
    tell(ui, sources, &changed, &tops);
    for path in &gone {
        ui.status(format!("removed   {}", display_path(path)));
    }
    print(ui, &changed, overlays.len(), &gone, &tops, &args)?;
    let count = report::count(overlays.len(), "overlay");
    ui.status(format!(
        "{} of {count} changed since {} · {} ms",
        changed.len(),
        args.since,
        started.elapsed().as_millis()
    ));
    Ok(if args.exit_code && !changed.is_empty() {
        Exit::Differences
    } else {
        Exit::Success
    })
}

/// The repositories of the folders, each with one of the folders.
fn tops(folders: &[PathBuf]) -> Result<BTreeMap<PathBuf, PathBuf>, CommandError> {
    let mut tops = BTreeMap::new();
    for folder in folders {
        if !folder.is_dir() {
            let name = display_path(folder);
            return Err(CommandError::message(format!(
                "there is no folder `{name}`"
            )));
        }
        let top = git::top(folder).map_err(|error| CommandError::message(error.to_string()))?;
        tops.entry(top).or_insert_with(|| folder.clone());
    }
    Ok(tops)
}

/// Overlays that were deleted, as they would be typed.
fn gone(folders: &[PathBuf], files: &ChangedFiles) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for folder in folders {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        for overlay in files.gone_overlays(folder) {
            let below = overlay.strip_prefix(&real).unwrap_or(&overlay);
            all.insert(folder.join(below));
        }
    }
    all
}

type Builds = BTreeMap<PathBuf, Build>;

/// Builds all overlays and keeps those that read a changed file.
fn touched(
    sources: &Sources,
    overlays: &[PathBuf],
    files: &ChangedFiles,
    args: &ChangedArgs,
) -> Result<(Vec<Changed>, Builds), CommandError> {
    let mut changed = Vec::new();
    let mut builds = Builds::new();
    for (project, members) in Projects::of(sources, overlays).groups()? {
        let paths: Vec<&PathBuf> = members.iter().map(|at| &overlays[*at]).collect();
        let built = build_all(sources, &project, &paths, &args.options)?;
        for (path, build) in paths.into_iter().zip(built) {
            let folders = project.template_folders();
            let reason = files.touch(path, &build, template::Project::FILE, folders);
            let Some(reason) = reason else {
                continue;
            };
            changed.push(Changed {
                path: path.clone(),
                reason,
                difference: None,
                is_new: false,
            });
            if let Ok(build) = build {
                builds.insert(path.clone(), build);
            }
        }
    }
    Ok((changed, builds))
}

fn build_all(
    sources: &Sources,
    project: &Project,
    paths: &[&PathBuf],
    options: &SourceArgs,
) -> Result<Vec<Result<Build, Diagnostics>>, CommandError> {
    let builder = Builder::new(sources, project.options(options)?.kustomize());
    Ok(on_all_cores(paths, |path| builder.build(path)))
}

/// Keeps the overlays whose output differs from that at the revision.
fn differ(
    sources: &Sources,
    changed: &mut Vec<Changed>,
    builds: &Builds,
    tops: &BTreeMap<PathBuf, PathBuf>,
    args: &ChangedArgs,
) -> Result<(), CommandError> {
    let mut before: BTreeMap<PathBuf, Result<Build, Diagnostics>> = BTreeMap::new();
    for top in tops.keys() {
        let old = tempfile::tempdir().map_err(|error| {
            CommandError::message(format!("cannot make a folder for the old files: {error}"))
        })?;
        git::check_out(top, &args.since, old.path())
            .map_err(|error| CommandError::message(error.to_string()))?;
        let mut paths = Vec::new();
        let mut then = Vec::new();
        for one in changed.iter() {
            let real = one.path.canonicalize().unwrap_or_else(|_| one.path.clone());
            if let Ok(below) = real.strip_prefix(top) {
                paths.push(&one.path);
                then.push(old.path().join(below));
            }
        }
        for (project, members) in Projects::of(sources, &then).groups()? {
            let olds: Vec<&PathBuf> = members.iter().map(|at| &then[*at]).collect();
            let built = build_all(sources, &project, &olds, &args.options)?;
            for (at, build) in members.into_iter().zip(built) {
                before.insert(paths[at].clone(), build);
            }
        }
    }
    changed.retain_mut(|one| {
        let (Some(Ok(old)), Some(new)) = (before.get(&one.path), builds.get(&one.path)) else {
            one.is_new = builds.contains_key(&one.path);
            return true;
        };
        one.difference = compare(old, new);
        one.difference.is_some()
    });
    Ok(())
}

/// Says on stderr what does not build, and in a verbose run why each overlay counts.
fn tell(ui: &mut Ui, sources: &Sources, changed: &[Changed], tops: &BTreeMap<PathBuf, PathBuf>) {
    let mut faults = Vec::new();
    for one in changed {
        let name = display_path(&one.path);
        match &one.reason {
            Reason::Fault(Diagnostics(items)) => {
                let first = items.first();
                let reason = first.map_or("", |fault| fault.message.as_str());
                let message = format!("`{name}` does not build, so it counts: {reason}");
                let mut fault = Diagnostic::warning("overlay-broken", message);
                fault.primary = first.and_then(|fault| fault.primary.clone());
                faults.push(fault);
            }
            Reason::Files(files) if ui.verbosity >= Verbosity::Verbose => {
                let names: Vec<String> = files.iter().map(|file| below(file, tops)).collect();
                ui.status(format!("{name}: {}", names.join(", ")));
            }
            Reason::Files(_) => {}
        }
    }
    ui.diagnostics(sources, &faults);
}

/// A file's path from the top of its repository.
fn below(file: &Path, tops: &BTreeMap<PathBuf, PathBuf>) -> String {
    let mut below = tops.keys().filter_map(|top| file.strip_prefix(top).ok());
    display_path(below.next().unwrap_or(file))
}

/// What an overlay is called: its path below the folder that was named.
fn name_of(path: &Path, folders: &[PathBuf]) -> String {
    let below = folders
        .iter()
        .filter_map(|folder| path.strip_prefix(folder).ok())
        .filter(|below| !below.as_os_str().is_empty())
        .min_by_key(|below| below.components().count());
    let last = path.file_name().map(Path::new);
    display_path(below.or(last).unwrap_or(path))
}

fn print(
    ui: &mut Ui,
    changed: &[Changed],
    overlays: usize,
    gone: &BTreeSet<PathBuf>,
    tops: &BTreeMap<PathBuf, PathBuf>,
    args: &ChangedArgs,
) -> Result<(), CommandError> {
    let text = match args.output {
        Form::Text => {
            let mut lines = String::new();
            for one in changed {
                lines.push_str(&display_path(&one.path));
                lines.push_str(&words(one, args.render));
                lines.push('\n');
            }
            lines
        }
        Form::Matrix => {
            let include: Vec<_> = changed
                .iter()
                .map(|one| {
                    json!({
                        "overlay": name_of(&one.path, &args.folders),
                        "path": display_path(&one.path),
                    })
                })
                .collect();
            format!("{}\n", json!({ "include": include }))
        }
        Form::Json => {
            let list: Vec<_> = changed.iter().map(|one| entry(one, tops, args)).collect();
            let gone: Vec<String> = gone.iter().map(|path| display_path(path)).collect();
            let document = json!({
                "version": 1,
                "since": args.since,
                "overlays": list,
                "removed": gone,
                "unchanged": overlays - changed.len(),
            });
            format!("{document:#}\n")
        }
    };
    ui.stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// With `--render`, what differs: behind the path, so that a script can cut it off.
fn words(one: &Changed, render: bool) -> String {
    match (render, &one.difference) {
        (true, Some(difference)) => {
            let mut parts = Vec::new();
            for (count, word) in [
                (difference.changed, "changed"),
                (difference.added, "new"),
                (difference.removed, "removed"),
            ] {
                if count > 0 {
                    parts.push(format!("{count} {word}"));
                }
            }
            if parts.is_empty() {
                parts.push("order".to_owned());
            }
            format!("\t{}", parts.join(", "))
        }
        (true, None) if one.is_new => "\tdid not build before".to_owned(),
        (true, None) => "\tdoes not build".to_owned(),
        (false, _) => String::new(),
    }
}

fn entry(
    one: &Changed,
    tops: &BTreeMap<PathBuf, PathBuf>,
    args: &ChangedArgs,
) -> serde_json::Value {
    let mut entry = json!({
        "overlay": name_of(&one.path, &args.folders),
        "path": display_path(&one.path),
    });
    match &one.reason {
        Reason::Files(files) => {
            let files: Vec<String> = files.iter().map(|file| below(file, tops)).collect();
            entry["reason"] = "files".into();
            entry["files"] = files.into();
        }
        Reason::Fault(faults) => {
            entry["reason"] = "fault".into();
            entry["fault"] = faults.to_string().into();
        }
    }
    if let Some(difference) = &one.difference {
        entry["objects"] = json!({
            "changed": difference.changed,
            "new": difference.added,
            "removed": difference.removed,
        });
    }
    entry
}
