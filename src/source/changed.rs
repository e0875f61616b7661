//! Which overlays a change of files concerns: those whose build reads one of them.
//!
//! A build that fails counts as changed, since nobody knows what it would have read. The answer
//! may name an overlay too many (a comment was changed), never one too few; [`compare`] tells
//! those apart by what the builds print.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::kustomize::{Build, is_kustomization, is_kustomization_file};
use crate::manifest::emit::emit_all;
use crate::manifest::{Diagnostics, Object, ObjectId};

/// Files that differ, prepared for many questions.
#[derive(Clone, Debug, Default)]
pub struct ChangedFiles {
    files: BTreeSet<PathBuf>,
    /// Folders of which everything counts: links that were changed, and repositories in this one.
    folders: Vec<PathBuf>,
    /// Those that are gone.
    gone: Vec<PathBuf>,
}

/// Why an overlay counts as changed.
#[derive(Clone, Debug)]
pub enum Reason {
    /// Its build reads these files, or read them before they were deleted.
    Files(Vec<PathBuf>),
    /// It does not build.
    Fault(Diagnostics),
}

/// What differs between two builds of an overlay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Objects that are new.
    pub added: usize,
    /// Objects that are gone.
    pub removed: usize,
    /// Objects that are in both, and not the same.
    pub changed: usize,
}

impl ChangedFiles {
    /// Takes files by their absolute paths, deleted ones among them.
    pub fn new(files: BTreeSet<PathBuf>) -> Self {
        let mut folders = Vec::new();
        let mut gone = Vec::new();
        let mut targets = Vec::new();
        for file in &files {
            match file.symlink_metadata() {
                Err(_) => gone.push(file.clone()),
                Ok(metadata) if metadata.is_symlink() => targets.extend(file.canonicalize().ok()),
                Ok(metadata) if metadata.is_dir() => folders.push(file.clone()),
                Ok(_) => {}
            }
        }
        // What a link leads to is read under its true path.
        let (more, others): (Vec<_>, Vec<_>) = targets.into_iter().partition(|path| path.is_dir());
        folders.extend(more);
        let mut files = files;
        files.extend(others);
        Self {
            files,
            folders,
            gone,
        }
    }

    /// Whether a file counts.
    pub fn contains(&self, file: &Path) -> bool {
        self.files.contains(file) || self.folders.iter().any(|folder| file.starts_with(folder))
    }

    /// The files that were deleted from a folder or below it.
    pub fn gone_below<'f>(&'f self, folder: &'f Path) -> impl Iterator<Item = &'f PathBuf> {
        self.gone
            .iter()
            .filter(move |file| file.starts_with(folder))
    }

    /// Why an overlay counts as changed; `None` where it does not. `settings` is the name of the
    /// file that holds for all below its folder, `templates` are folders of which a deleted file
    /// may have taken part.
    pub fn touch<'p>(
        &self,
        overlay: &Path,
        build: &Result<Build, Diagnostics>,
        settings: &str,
        templates: impl Iterator<Item = &'p PathBuf>,
    ) -> Option<Reason> {
        let build = match build {
            Ok(build) => build,
            Err(faults) => return Some(Reason::Fault(faults.clone())),
        };
        let read = build.files.iter().filter(|file| self.contains(file));
        let mut found: BTreeSet<PathBuf> = read.cloned().collect();
        let real = overlay
            .canonicalize()
            .unwrap_or_else(|_| overlay.to_path_buf());
        let was_above = |file: &&PathBuf| {
            file.file_name().is_some_and(|name| name == settings)
                && file.parent().is_some_and(|folder| real.starts_with(folder))
        };
        found.extend(self.gone.iter().filter(was_above).cloned());
        let is_typed = build.files.iter().any(|file| file.ends_with(settings));
        for folder in templates.filter(|_| is_typed) {
            let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            found.extend(self.gone_below(&folder).cloned());
        }
        let charts = build
            .files
            .iter()
            .filter(|file| file.ends_with("Chart.yaml"));
        for folder in charts.filter_map(|file| file.parent()) {
            found.extend(self.gone_below(folder).cloned());
        }
        (!found.is_empty()).then(|| Reason::Files(found.into_iter().collect()))
    }

    /// The overlays in or below a folder that are gone, by their true paths.
    pub fn gone_overlays(&self, folder: &Path) -> BTreeSet<PathBuf> {
        let real = folder
            .canonicalize()
            .unwrap_or_else(|_| folder.to_path_buf());
        let gone = self
            .gone_below(&real)
            .filter(|file| is_kustomization_file(file));
        gone.filter_map(|file| file.parent())
            .filter(|folder| !is_kustomization(folder))
            .map(Path::to_path_buf)
            .collect()
    }
}

/// Compares two builds of an overlay; `None` where they print the same and ask for the same
/// release policy.
pub fn compare(before: &Build, after: &Build) -> Option<Difference> {
    let print = |objects: &[Object]| emit_all(objects.iter().map(|object| &object.root));
    if print(&before.objects) == print(&after.objects)
        && print(&before.releases) == print(&after.releases)
    {
        return None;
    }
    let (old, new) = (by_id(before), by_id(after));
    let mut difference = Difference::default();
    for (id, object) in &new {
        match old.get(id) {
            None => difference.added += 1,
            Some(before) if !before.root.same_value(&object.root) => difference.changed += 1,
            Some(_) => {}
        }
    }
    difference.removed = old.keys().filter(|id| !new.contains_key(*id)).count();
    Some(difference)
}

fn by_id(build: &Build) -> BTreeMap<String, &Object> {
    let objects = build.objects.iter().chain(&build.releases);
    objects.map(|object| (key(&object.id()), object)).collect()
}

fn key(id: &ObjectId) -> String {
    format!("{id:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(files: &[PathBuf]) -> Build {
        Build {
            objects: Vec::new(),
            releases: Vec::new(),
            warnings: Vec::new(),
            files: files.to_vec(),
            recording: None,
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_a_build_reads_or_read_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let at = |name: &str| root.join(name);
        for name in ["a/x.yaml", "real/y.yaml", "settings", "own/t.j2"] {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        let reason = |changed: &[&str], read: &[&str]| {
            let changed = ChangedFiles::new(changed.iter().map(|name| at(name)).collect());
            let read: Vec<PathBuf> = read.iter().map(|name| at(name)).collect();
            let own = [at("own")];
            match changed.touch(&at("a"), &Ok(build(&read)), "settings", own.iter()) {
                None => Vec::new(),
                Some(Reason::Files(files)) => files,
                Some(Reason::Fault(_)) => panic!(),
            }
        };
        assert_eq!(reason(&["a/x.yaml"], &["a/x.yaml"]), [at("a/x.yaml")]);
        assert_eq!(reason(&["a/x.yaml"], &["real/y.yaml"]), [] as [PathBuf; 0]);
        assert_eq!(reason(&["link"], &["real/y.yaml"]), [at("real/y.yaml")]);
        // A template that is gone may have been used, by what has typed resources.
        assert_eq!(reason(&["own/old.j2"], &["settings"]), [at("own/old.j2")]);
        assert_eq!(reason(&["own/old.j2"], &["a/x.yaml"]), [] as [PathBuf; 0]);
        let chart = ["charts/web/Chart.yaml"];
        let gone = "charts/web/templates/old.yaml";
        assert_eq!(reason(&[gone], &chart), [at(gone)]);
        // Settings that are gone held for everything below.
        assert_eq!(reason(&["a/settings"], &[]), [at("a/settings")]);
        assert_eq!(reason(&["real/settings"], &[]), [] as [PathBuf; 0]);
        let gone = ChangedFiles::new([at("old/prod/kustomization.yaml")].into());
        assert_eq!(gone.gone_overlays(&root), [at("old/prod")].into());
        let fault = Err(Diagnostics::default());
        let none = ChangedFiles::default();
        let found = none.touch(&at("a"), &fault, "settings", std::iter::empty());
        assert!(matches!(found, Some(Reason::Fault(_))));
    }
}
