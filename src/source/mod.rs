//! What yields objects: a kustomization directory, plain files, standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::kustomize::{self, LoadRestrictions};
use crate::manifest::read::{self, Document};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, FileId, Node, Object, ReadOptions, Sources};

/// How a source is read.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Whether a kustomization may load files from its own root alone.
    pub root_only: bool,
}

/// The objects of a source.
#[derive(Debug, Default)]
pub struct Loaded {
    /// In the order in which they are printed.
    pub objects: Vec<Object>,
    /// What is suspicious and did not stop the load.
    pub warnings: Vec<Diagnostic>,
}

/// Loads the objects of a source.
///
/// # Errors
/// Everything that is wrong with it, located.
pub fn load(
    sources: &Sources,
    path: &Path,
    options: &SourceOptions,
) -> Result<Loaded, Diagnostics> {
    if path == Path::new("-") {
        return manifests(sources, &[load_stdin(sources)?]);
    }
    if kustomize::is_kustomization(path) {
        return overlay(sources, path, options);
    }
    let files = if path.is_dir() {
        manifest_files(path)
    } else {
        vec![path.to_path_buf()]
    };
    if files.is_empty() {
        return Err(nothing_here(path).into());
    }
    let mut ids = Vec::new();
    let mut faults = Diagnostics::default();
    for file in files {
        match read::load(sources, &file) {
            Ok(id) => ids.push(id),
            Err(Diagnostics(items)) => faults.0.extend(items),
        }
    }
    if !faults.0.is_empty() {
        return Err(faults);
    }
    manifests(sources, &ids)
}

/// Builds a kustomization directory.
fn overlay(sources: &Sources, path: &Path, options: &SourceOptions) -> Result<Loaded, Diagnostics> {
    let load_restrictions = if options.root_only {
        LoadRestrictions::RootOnly
    } else {
        LoadRestrictions::None
    };
    let options = kustomize::Options {
        load_restrictions,
        ..kustomize::Options::default()
    };
    let build = kustomize::build(sources, path, options)?;
    Ok(Loaded {
        objects: build.objects,
        warnings: build.warnings,
    })
}

/// Reads standard input into the table.
///
/// # Errors
/// Unreadable, too large, or no UTF-8.
pub fn load_stdin(sources: &Sources) -> Result<FileId, Diagnostics> {
    let mut bytes = Vec::new();
    let limit = read::Limits::DEFAULT.bytes + 1;
    std::io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| {
            Diagnostic::error("stdin", format!("cannot read standard input: {error}"))
        })?;
    read::load_bytes(sources, "<stdin>", bytes)
}

/// What a folder and the folders below it hold.
#[derive(Debug, Default)]
pub struct Found {
    /// Kustomization directories that can be built; Components cannot.
    pub overlays: Vec<PathBuf>,
    /// Manifests that are no part of a kustomization directory. What lies in or below one is
    /// for its kustomization to use: a patch on its own is no manifest.
    pub files: Vec<PathBuf>,
}

/// Searches a folder for everything that can be judged, by name.
pub fn discover(folder: &Path) -> Found {
    let mut found = Found::default();
    let mut roots: Vec<PathBuf> = Vec::new();
    for entry in entries(folder) {
        let path = entry.path();
        if entry.file_type().is_dir() && kustomize::is_kustomization(path) {
            roots.push(path.to_path_buf());
            if !kustomize::is_component(path) {
                found.overlays.push(path.to_path_buf());
            }
        } else if is_manifest(&entry) && !roots.iter().any(|root| path.starts_with(root)) {
            found.files.push(entry.into_path());
        }
    }
    found
}

/// The manifests of a folder and those below it, by name.
fn manifest_files(folder: &Path) -> Vec<PathBuf> {
    entries(folder)
        .filter(is_manifest)
        .map(walkdir::DirEntry::into_path)
        .collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = walkdir::DirEntry> {
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()))
        .filter_map(Result::ok)
}

fn is_manifest(entry: &walkdir::DirEntry) -> bool {
    let extension = entry.path().extension().and_then(|e| e.to_str());
    entry.file_type().is_file() && matches!(extension, Some("yaml" | "yml" | "json"))
}

fn is_hidden(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with('.')
}

fn manifests(sources: &Sources, files: &[FileId]) -> Result<Loaded, Diagnostics> {
    let mut loaded = Loaded::default();
    let mut faults = Diagnostics::default();
    for &file in files {
        match read::read_all(sources, file, &ReadOptions::kubectl()) {
            Ok(documents) => {
                for document in documents {
                    add_document(document, &mut loaded, &mut faults);
                }
            }
            Err(Diagnostics(items)) => faults.0.extend(items),
        }
    }
    if faults.0.is_empty() {
        Ok(loaded)
    } else {
        Err(faults)
    }
}

fn add_document(document: Document, loaded: &mut Loaded, faults: &mut Diagnostics) {
    for duplicate in &document.duplicates {
        faults.0.push(
            Diagnostic::error(
                "duplicate-key",
                format!("key `{}` is already set in this mapping", duplicate.key),
            )
            .at(duplicate.second, "set again here")
            .also(duplicate.first, "first set here"),
        );
    }
    if document.root.is_null() {
        return;
    }
    let span = document.root.span;
    match Object::from_node(document.root) {
        Some(list) if list.kind().ends_with("List") && list.root.get("items").is_some() => {
            let items = list
                .root
                .get("items")
                .and_then(Node::as_seq)
                .unwrap_or_default();
            for item in items {
                match Object::from_node(item.clone()) {
                    Some(object) => loaded.objects.push(object),
                    None => faults.0.push(no_object(item.span)),
                }
            }
        }
        Some(object) => loaded.objects.push(object),
        None => faults.0.push(no_object(span)),
    }
}

fn no_object(span: crate::manifest::Span) -> Diagnostic {
    Diagnostic::error("no-object", "this document is no Kubernetes object")
        .at(span, "it has no `apiVersion` and `kind`")
}

fn nothing_here(path: &Path) -> Diagnostic {
    let name = display_path(path);
    Diagnostic::error(
        "no-source",
        format!("no kustomization, chart or manifest in `{name}`"),
    )
}
