//! What a list of sources means to an edit: overlays, and files that stand for themselves.

use std::path::{Path, PathBuf};

use super::super::CommandError;
use crate::edit::Scope;
use crate::kustomize;
use crate::manifest::source::display_path;
use crate::source::inputs;

/// One thing to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Folder of an overlay, or a file.
    pub(super) path: PathBuf,
    pub(super) is_overlay: bool,
    pub(super) scope: Scope,
}

/// Finds what the sources mean.
///
/// # Errors
/// A path that does not exist, or holds nothing that could be changed.
pub(super) fn targets(paths: &[PathBuf]) -> Result<Vec<Target>, CommandError> {
    let mut found = Vec::new();
    for path in paths {
        for target in of(path)? {
            if !found.contains(&target) {
                found.push(target);
            }
        }
    }
    Ok(found)
}

fn of(path: &Path) -> Result<Vec<Target>, CommandError> {
    let name = display_path(path);
    if !path.exists() {
        return Err(CommandError::message(format!(
            "there is no file or folder `{name}`"
        )));
    }
    let target = |path: &Path, is_overlay, scope| Target {
        path: path.to_path_buf(),
        is_overlay,
        scope,
    };
    if kustomize::is_kustomization(path) {
        return Ok(vec![target(path, true, Scope::One)]);
    }
    if path.is_file() {
        let folder = path
            .parent()
            .filter(|_| kustomize::is_kustomization_file(path));
        return Ok(vec![match folder {
            Some(folder) if folder.as_os_str().is_empty() => {
                target(Path::new("."), true, Scope::One)
            }
            Some(folder) => target(folder, true, Scope::One),
            None => target(path, false, Scope::One),
        }]);
    }
    let values = path.join("values.yaml");
    if path.join("Chart.yaml").is_file() && values.is_file() {
        return Ok(vec![target(&values, false, Scope::One)]);
    }
    let inputs = inputs::select(&[path.to_path_buf()]);
    let found: Vec<Target> = if inputs.overlays.is_empty() {
        let files = inputs.files.iter();
        files
            .map(|file| target(file, false, Scope::Files))
            .collect()
    } else {
        let overlays = inputs.overlays.iter();
        overlays
            .map(|overlay| target(overlay, true, Scope::Entries))
            .collect()
    };
    if found.is_empty() {
        return Err(CommandError::message(format!(
            "no kustomization, chart or manifest in `{name}`"
        )));
    }
    Ok(found)
}
