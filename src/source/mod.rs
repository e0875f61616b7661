//! What yields objects: a kustomization directory, plain files, standard input.

pub mod changed;
pub mod git;
pub mod inputs;
mod plain;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use crate::kustomize::outside::Outside;
use crate::kustomize::record::Recording;
use crate::kustomize::{self, Compat, LoadRestrictions, Order, TypedResources, Validators};
use crate::manifest::read::{self, Document};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, FileId, Node, Object, ReadOptions, Sources};

/// How a source is read.
#[derive(Clone)]
pub struct SourceOptions<'t> {
    /// Which files a kustomization may load.
    pub load_restrictions: LoadRestrictions,
    /// The order of an overlay's objects where the root has no `sortOptions`.
    pub order: Order,
    /// Which kustomize overlays are byte-equal to.
    pub compat: Compat,
    /// Whether every object of an overlay gets the label that says who manages it.
    pub managed_by: bool,
    /// Whether what an overlay says without effect is an error.
    pub strict: bool,
    /// What overlays may use besides the files of their trees.
    pub outside: Arc<Outside>,
    /// What knows typed resources.
    pub typed: &'t dyn TypedResources,
    /// What checks overlays that ask for it.
    pub validators: &'t dyn Validators,
}

impl<'t> SourceOptions<'t> {
    /// The same for an overlay build.
    pub fn kustomize(self) -> kustomize::Options<'t> {
        kustomize::Options {
            load_restrictions: self.load_restrictions,
            order: self.order,
            compat: self.compat,
            managed_by: self.managed_by,
            strict: self.strict,
            outside: self.outside,
            typed: self.typed,
            validators: self.validators,
            ..kustomize::Options::default()
        }
    }
}

/// The objects of a source.
#[derive(Debug, Default)]
pub struct Loaded {
    /// In the order in which they are printed.
    pub objects: Vec<Object>,
    /// `Release` resources; they are not among the objects.
    pub releases: Vec<Object>,
    /// What is suspicious and did not stop the load.
    pub warnings: Vec<Diagnostic>,
}

/// Loads sources, and shares what several of them read. Can be used by many threads at once.
pub struct Loader<'s> {
    sources: &'s Sources,
    options: SourceOptions<'s>,
    builder: kustomize::Builder<'s>,
}

impl<'s> Loader<'s> {
    /// Creates a loader; texts go to `sources`.
    pub fn new(sources: &'s Sources, options: SourceOptions<'s>) -> Self {
        Self {
            sources,
            builder: kustomize::Builder::new(sources, options.clone().kustomize()),
            options,
        }
    }

    /// Loads the objects of a source.
    ///
    /// # Errors
    /// Everything that is wrong with it, located.
    pub fn load(&self, path: &Path) -> Result<Loaded, Diagnostics> {
        if path != Path::new("-") && is_overlay(path) {
            return self.builder.build(path).map(Loaded::from);
        }
        manifests_of(self.sources, path, &self.options)
    }
}

/// Loads the objects of a single source.
///
/// # Errors
/// Everything that is wrong with it, located.
pub fn load(
    sources: &Sources,
    path: &Path,
    options: &SourceOptions<'_>,
) -> Result<Loaded, Diagnostics> {
    if path != Path::new("-") && is_overlay(path) {
        return kustomize::build(sources, path, options.clone().kustomize()).map(Loaded::from);
    }
    manifests_of(sources, path, options)
}

/// Takes down how the objects of a source came to be. Returns that and what is suspicious.
///
/// # Errors
/// As [`load`].
pub fn record(
    sources: &Sources,
    path: &Path,
    options: &SourceOptions<'_>,
) -> Result<(Recording, Vec<Diagnostic>), Diagnostics> {
    if path == Path::new("-") || !is_overlay(path) {
        let (root, loaded) = plain_manifests(sources, path)?;
        let recording = plain::record(sources, root, &loaded, options.typed)?;
        return Ok((recording, loaded.warnings));
    }
    let options = kustomize::Options {
        record: true,
        ..options.clone().kustomize()
    };
    let build = kustomize::build(sources, path, options)?;
    Ok((build.recording.unwrap_or_default(), build.warnings))
}

/// Loads a file, a folder without a kustomization, or standard input.
fn manifests_of(
    sources: &Sources,
    path: &Path,
    options: &SourceOptions<'_>,
) -> Result<Loaded, Diagnostics> {
    let (root, loaded) = plain_manifests(sources, path)?;
    plain::expand(sources, root, loaded, options.typed)
}

/// The manifests of a file, a folder without a kustomization, or standard input as they are
/// written, and the folder that paths in them start from.
fn plain_manifests<'p>(
    sources: &Sources,
    path: &'p Path,
) -> Result<(&'p Path, Loaded), Diagnostics> {
    if path == Path::new("-") {
        let loaded = manifests(sources, &[load_stdin(sources)?])?;
        return Ok((Path::new("."), loaded));
    }
    let files = if path.is_dir() {
        manifest_files(path)
    } else {
        vec![path.to_path_buf()]
    };
    // A folder of overlays is no heap of manifests: one of them has to be chosen.
    if files.is_empty()
        || files
            .iter()
            .any(|file| kustomize::is_kustomization_file(file))
    {
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
    let root = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(Path::new("."))
    };
    Ok((root, manifests(sources, &ids)?))
}

/// Whether a source is a kustomization: a folder with one, or the address of a repository.
fn is_overlay(path: &Path) -> bool {
    kustomize::is_kustomization(path) || is_repository(path)
}

/// Whether a source is the address of a repository with a kustomization.
fn is_repository(path: &Path) -> bool {
    !path.exists() && path.to_str().is_some_and(kustomize::is_repository)
}

impl From<kustomize::Build> for Loaded {
    fn from(build: kustomize::Build) -> Self {
        Self {
            objects: build.objects,
            releases: build.releases,
            warnings: build.warnings,
        }
    }
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

/// The manifests of a folder and those below it, by name.
pub fn manifest_files(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .filter(|path| is_manifest_name(path))
        .collect()
}

fn is_manifest_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str());
    matches!(extension, Some("yaml" | "yml" | "json"))
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

/// Whether a path is a folder of manifests, with no kustomization in it or below.
pub fn is_plain_folder(path: &Path) -> bool {
    path.is_dir() && {
        let files = manifest_files(path);
        let is_overlay = |file: &PathBuf| kustomize::is_kustomization_file(file);
        !files.is_empty() && !files.iter().any(is_overlay) && !kustomize::is_kustomization(path)
    }
}

fn nothing_here(path: &Path) -> Diagnostic {
    let name = display_path(path);
    let message = format!("no kustomization, chart or manifest in `{name}`");
    let overlays = inputs::overlays_below(path);
    let fault = Diagnostic::error("no-source", message);
    let is_base =
        |overlay: &&PathBuf| overlay.ends_with("base") || inputs::is_component(overlay.as_path());
    // Of the folders there, a base is the least likely to be meant.
    let meant = overlays.iter().find(|overlay| !is_base(overlay));
    let Some(meant) = meant.or(overlays.first()) else {
        return fault;
    };
    let names: Vec<String> = overlays
        .iter()
        .filter_map(|overlay| overlay.strip_prefix(path).ok())
        .map(display_path)
        .collect();
    fault
        .note(format!(
            "it has folders that are overlays: {}",
            names.join(", ")
        ))
        .hint(format!("try: deployx render {}", display_path(meant)))
}
