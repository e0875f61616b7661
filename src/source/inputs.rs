//! What a list of paths means to a command that judges all of it: overlays to build, and files
//! that stand for themselves.
//!
//! A file that a kustomization reads is a part of it, often only a patch, so the overlay is
//! judged in its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};
use walkdir::WalkDir;

use super::{is_hidden, is_manifest_name, manifest_files};
use crate::helm;
use crate::kustomize;
use crate::manifest::{Node, ReadOptions, Sources, read};

/// Overlays and files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Directories with a kustomization, in order.
    pub overlays: Vec<PathBuf>,
    /// Files to be judged by themselves, unless an overlay turns out to read them.
    pub files: Vec<PathBuf>,
    /// Helm charts that were named, to be rendered.
    pub charts: Vec<PathBuf>,
    /// Number of files of Helm charts that are no manifests and were left out.
    pub chart_files: usize,
}

/// Sorts paths (files and folders) into overlays and files.
///
/// A folder with a kustomization is one overlay, and so is the nearest such folder above a file.
/// Any other folder is searched, but for hidden entries and what `.gitignore` names; a path that
/// does not exist stays a file, so that reading it says so. A chart is rendered where it is named;
/// one that is merely found is not, for nobody has said with which values: its templates and its
/// description are left out and counted.
pub fn select(paths: &[PathBuf]) -> Inputs {
    let mut inputs = Inputs::default();
    let mut overlays = BTreeSet::new();
    for path in paths {
        if kustomize::is_kustomization(path) {
            overlays.insert(path.clone());
        } else if helm::is_chart(path) {
            inputs.charts.push(path.clone());
        } else if path.is_dir() {
            for entry in walk(path) {
                if is_folder(&entry) {
                    let folder = Some(entry.into_path());
                    overlays.extend(folder.filter(|dir| kustomize::is_kustomization(dir)));
                } else if is_manifest_name(entry.path()) {
                    inputs.files.push(entry.into_path());
                }
            }
        } else {
            overlays.extend(overlay_above(path));
            inputs.files.push(path.clone());
        }
    }
    let all = inputs.files.len();
    let mut charts = ChartFolders::default();
    inputs.files.retain(|file| !charts.is_chart_file(file));
    inputs.chart_files = all - inputs.files.len();
    inputs
        .files
        .retain(|file| !kustomize::is_kustomization_file(file));
    inputs.overlays = overlays.into_iter().collect();
    inputs
}

/// What a list of changed files means: all overlays of the repository, since any of them may read
/// one of the files, and those of the files that are manifests themselves.
pub fn around(repository: &Path, files: &[PathBuf]) -> Inputs {
    let is_manifest = |file: &&PathBuf| {
        is_manifest_name(file) && !kustomize::is_kustomization_file(file) && !is_chart_file(file)
    };
    Inputs {
        files: files.iter().filter(is_manifest).cloned().collect(),
        ..select(&[repository.to_path_buf()])
    }
}

/// Everything in a folder that git would not ignore, by name.
fn walk(folder: &Path) -> impl Iterator<Item = DirEntry> {
    WalkBuilder::new(folder)
        .standard_filters(false)
        .hidden(true)
        .parents(true)
        .git_ignore(true)
        .git_exclude(true)
        // A folder need not be a repository for its `.gitignore` to be meant.
        .require_git(false)
        .sort_by_file_name(Ord::cmp)
        .build()
        .filter_map(Result::ok)
}

/// Whether an entry is a folder, or a link to one. Only a link is looked up again: there may be
/// many thousand files.
fn is_folder(entry: &DirEntry) -> bool {
    match entry.file_type() {
        Some(kind) if !kind.is_symlink() => kind.is_dir(),
        _ => entry.path().is_dir(),
    }
}

/// Whether a file is a Helm chart's description, or lies in its `templates` folder.
fn is_chart_file(file: &Path) -> bool {
    ChartFolders::default().is_chart_file(file)
}

/// Looks at each folder once, where the files of one come one after the other.
#[derive(Default)]
struct ChartFolders {
    last: Option<(PathBuf, bool)>,
}

impl ChartFolders {
    fn is_chart_file(&mut self, file: &Path) -> bool {
        if file.file_name().is_some_and(|name| name == "Chart.yaml") {
            return true;
        }
        let Some(folder) = file.parent() else {
            return false;
        };
        if let Some((last, is_of_chart)) = &self.last
            && last.as_os_str() == folder.as_os_str()
        {
            return *is_of_chart;
        }
        let is_of_chart = folder.ancestors().any(is_templates);
        self.last = Some((folder.to_path_buf(), is_of_chart));
        is_of_chart
    }
}

/// Whether a folder holds the templates of a chart.
fn is_templates(folder: &Path) -> bool {
    let chart = folder.parent();
    folder.file_name().is_some_and(|name| name == "templates")
        && chart.is_some_and(|chart| chart.join("Chart.yaml").is_file())
}

/// The folders where a change can matter to some paths: those below a folder that git would not
/// ignore, and the folder of a file.
pub fn folders(paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for path in paths {
        if path.is_dir() {
            folders.extend(walk(path).filter(is_folder).map(DirEntry::into_path));
        } else {
            let parent = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            folders.insert(parent.unwrap_or(Path::new(".")).to_path_buf());
        }
    }
    folders
}

impl Inputs {
    /// Leaves out the files that builds have read, by their true paths.
    pub fn leave_out(&mut self, read: &BTreeSet<PathBuf>) {
        if read.is_empty() {
            return;
        }
        self.files
            .retain(|file| !file.canonicalize().is_ok_and(|file| read.contains(&file)));
    }
}

/// The manifests of a folder and those below it, by their true paths.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let files = manifest_files(folder).into_iter();
    files.filter_map(|file| file.canonicalize().ok()).collect()
}

/// The folders below with a kustomization.
pub(super) fn overlays_below(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
        .filter(|path| kustomize::is_kustomization(path))
        .collect()
}

/// The nearest folder with a kustomization at or above a file, no further up than the folder
/// that the path starts from.
fn overlay_above(file: &Path) -> Option<PathBuf> {
    file.ancestors()
        .skip(1)
        .find(|folder| kustomize::is_kustomization(folder))
        .map(|folder| match folder {
            here if here.as_os_str().is_empty() => PathBuf::from("."),
            folder => folder.to_path_buf(),
        })
}

/// Whether a directory is a Component, which may not build without the overlay that names it.
pub fn is_component(folder: &Path) -> bool {
    let sources = Sources::new();
    kustomize::kustomization_file(folder)
        .and_then(|path| read::load(&sources, &path).ok())
        .and_then(|file| read::read_one(&sources, file, &ReadOptions::kubectl()).ok())
        .is_some_and(|document| {
            document.root.get("kind").and_then(Node::as_str) == Some("Component")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_an_overlay_stand_for_the_overlay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "a/prod/kustomization.yaml",
            "a/prod/patch.yaml",
            "b/cm.yaml",
            "b/.x/d.yaml",
        ] {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "{}").unwrap();
        }
        let of_file = select(&[at("a/prod/patch.yaml")]);
        assert_eq!(of_file.overlays, [at("a/prod")]);
        assert_eq!(of_file.files, [at("a/prod/patch.yaml")]);
        let whole = select(&[folder.path().to_path_buf()]);
        assert_eq!(whole.overlays, [at("a/prod")]);
        assert_eq!(whole.files, [at("a/prod/patch.yaml"), at("b/cm.yaml")]);
        let read = [at("a/prod/patch.yaml").canonicalize().unwrap()]
            .into_iter()
            .collect();
        let mut whole = whole;
        whole.leave_out(&read);
        assert_eq!(whole.files, [at("b/cm.yaml")]);
        std::fs::write(at(".gitignore"), "d/\n*.tmp.yaml\n").unwrap();
        for name in [
            "d/e.yaml",
            "b/x.tmp.yaml",
            "chart/Chart.yaml",
            "chart/crds/a.yaml",
            "chart/templates/sub/a.yaml",
            "chart/templates/b.yaml",
        ] {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "{}").unwrap();
        }
        let whole = select(&[folder.path().to_path_buf()]);
        let names = ["a/prod/patch.yaml", "b/cm.yaml", "chart/crds/a.yaml"];
        assert_eq!(whole.files, names.map(at));
        assert_eq!(whole.chart_files, 3);
        // What is named is meant, whatever git thinks of it.
        assert_eq!(select(&[at("d")]).files, [at("d/e.yaml")]);
        assert_eq!(select(&[at("d/e.yaml")]).files, [at("d/e.yaml")]);
        assert!(!is_component(&at("a/prod")));
        assert_eq!(select(&[at("b/cm.yaml")]).overlays, [] as [PathBuf; 0]);
    }
}
