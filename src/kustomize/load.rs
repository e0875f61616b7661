//! Files of a build: read once for a run, whoever asks for them, and never from outside a root.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::decode::Text;
use super::documents;
use super::kustomization::{FILE_NAMES, Kustomization};
use super::patch::PatchContent;
use super::remote::{Fetched, Repository};
use crate::helm::HelmError;
use crate::manifest::read::{self, Duplicates, io_reason, read_documents};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, FileId, Node, ReadOptions, Sources, Span, suggest};
use crate::merge::merge_keys::MergeSchema;

/// A directory with a kustomization, by its true path and by the one that messages show.
#[derive(Clone, Debug)]
pub(crate) struct Dir {
    pub(crate) real: Arc<Path>,
    pub(crate) shown: PathBuf,
    /// The repository that it lies in, where it was fetched from one.
    pub(crate) repository: Option<Arc<Repository>>,
}

/// Whether files outside of a kustomization's directory may be loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoadRestrictions {
    /// Only files in or below it, symbolic links followed.
    #[default]
    RootOnly,
    /// Any file.
    None,
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// Objects: `List`s expanded, name and kind required.
    Resources,
    /// Objects as strategic-merge patches: like resources, of equal keys the first counts.
    Patches,
}

/// What becomes of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It is kept for the other builds of the run.
    ForOthers,
    /// It belongs to the one build of the run.
    Nothing,
}

type Cached<T> = Arc<Result<T, Diagnostics>>;
type Table<K, V> = Mutex<HashMap<K, V>>;

/// All that a run has read, shared by its builds.
#[derive(Debug)]
pub(crate) struct Files<'s> {
    pub(crate) sources: &'s Sources,
    pub(crate) keep: Keep,
    real: Table<PathBuf, Result<Real, String>>,
    texts: Table<Arc<Path>, Result<FileId, Diagnostics>>,
    bytes: Table<Arc<Path>, Result<Arc<[u8]>, String>>,
    objects: Table<(FileId, Mode), Cached<Vec<Node>>>,
    kustomizations: Table<Arc<Path>, Cached<Loaded>>,
    pub(crate) patches: Table<FileId, Result<Arc<PatchContent>, Diagnostics>>,
    pub(crate) inline: Table<Span, FileId>,
    pub(crate) schemas: Table<(FileId, bool), Arc<MergeSchema>>,
    pub(crate) configs: Table<FileId, Cached<Arc<super::config::RawConfig>>>,
    pub(crate) fetched: Fetched,
    /// The version of Helm, asked for once.
    pub(crate) helm_version: OnceLock<Result<u32, HelmError>>,
    /// Held while a chart is pulled.
    pub(crate) pulls: Mutex<()>,
}

/// A true path.
#[derive(Clone, Debug)]
pub(crate) struct Real {
    pub(crate) path: Arc<Path>,
    pub(crate) is_dir: bool,
}

/// A kustomization and its file.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// As far as it could be read.
    pub(crate) kustomization: Kustomization,
    /// What is wrong with it.
    pub(crate) faults: Diagnostics,
    pub(crate) path: Arc<Path>,
    pub(crate) file_name: &'static str,
}

impl Loaded {
    /// The kustomization, where nothing is wrong with it.
    ///
    /// # Errors
    /// All that is.
    pub(crate) fn whole(&self) -> Result<&Self, Diagnostics> {
        self.faults.clone().or(self)
    }
}

impl<'s> Files<'s> {
    pub(crate) fn new(sources: &'s Sources, keep: Keep) -> Self {
        Self {
            sources,
            keep,
            real: Mutex::default(),
            texts: Mutex::default(),
            bytes: Mutex::default(),
            objects: Mutex::default(),
            kustomizations: Mutex::default(),
            patches: Mutex::default(),
            inline: Mutex::default(),
            schemas: Mutex::default(),
            configs: Mutex::default(),
            fetched: Fetched::default(),
            helm_version: OnceLock::new(),
            pulls: Mutex::default(),
        }
    }

    /// Opens the directory that a build starts from.
    pub(crate) fn root(&self, path: &Path) -> Result<Dir, Diagnostic> {
        let fail = |reason: String| {
            let name = display_path(path);
            Diagnostic::error(
                "no-kustomization",
                format!("cannot build `{name}`: {reason}"),
            )
        };
        let real = self.real_path(path).map_err(fail)?;
        if !real.is_dir {
            return Err(fail("it is no folder".to_owned()));
        }
        Ok(Dir {
            real: real.path,
            shown: normalize(path),
            repository: None,
        })
    }

    /// The true path that an entry of a kustomization names, links followed.
    pub(crate) fn resolve(&self, dir: &Dir, entry: &str) -> Result<Real, String> {
        let path = dir.real.join(entry);
        if let Some(known) = lock(&self.real).get(&path) {
            return known.clone();
        }
        match below(&dir.real, entry) {
            Some(real) => {
                lock(&self.real).insert(path, Ok(real.clone()));
                Ok(real)
            }
            None => self.real_path(&path),
        }
    }

    /// Finds a file that a kustomization names.
    ///
    /// # Errors
    /// Missing, a folder, or outside of the kustomization's directory.
    pub(crate) fn find(
        &self,
        dir: &Dir,
        entry: &Text,
        restrictions: LoadRestrictions,
    ) -> Result<(Arc<Path>, PathBuf), Diagnostic> {
        let shown = shown_path(dir, &entry.value);
        let real = self.resolve(dir, &entry.value).map_err(|reason| {
            let name = display_path(&shown);
            let message = format!("cannot read `{name}`: {reason}");
            Diagnostic::error("file-missing", message).at(entry.span, named_here(dir, &entry.value))
        })?;
        // What was fetched never leaves its folder.
        let is_bound = restrictions == LoadRestrictions::RootOnly || dir.repository.is_some();
        if is_bound && !real.path.starts_with(&dir.real) {
            return Err(outside(dir, &shown, entry));
        }
        Ok((real.path, shown))
    }

    /// Takes a text for what is in a file, by its true path and by that of a link to it.
    pub(crate) fn supply(&self, path: &Path, text: &str) {
        let file = self.sources.add(display_path(path), text);
        let folder = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let linked = path
            .file_name()
            .map(|name| folder.canonicalize().map(|dir| dir.join(name)));
        let real = std::fs::canonicalize(path);
        for path in linked.into_iter().chain([real]).filter_map(Result::ok) {
            lock(&self.texts).insert(Arc::from(path), Ok(file));
        }
    }

    /// Reads a file as text.
    pub(crate) fn text(&self, real: &Arc<Path>, shown: &Path) -> Result<FileId, Diagnostics> {
        if let Some(known) = lock(&self.texts).get(real) {
            return known.clone();
        }
        let loaded = read::file_bytes(real)
            .map_err(|reason| unreadable(shown, &reason).into())
            .and_then(|bytes| read::load_bytes(self.sources, &display_path(shown), bytes));
        let mut texts = lock(&self.texts);
        texts.entry(Arc::clone(real)).or_insert(loaded).clone()
    }

    /// Takes a downloaded file as text.
    pub(crate) fn fetched_text(&self, url: &str, bytes: &[u8]) -> Result<FileId, Diagnostics> {
        if let Some(known) = lock(&self.fetched.texts).get(url) {
            return Ok(*known);
        }
        let file = read::load_bytes(self.sources, url, bytes.to_vec())?;
        Ok(*lock(&self.fetched.texts)
            .entry(url.to_owned())
            .or_insert(file))
    }

    /// Reads a short YAML text that stands in no file.
    pub(crate) fn small_document(&self, text: &str) -> Option<Node> {
        let file = self.sources.add("<annotation>", text);
        self.document(file).ok()
    }

    /// Reads a file whatever is in it.
    pub(crate) fn bytes(&self, real: &Arc<Path>) -> Result<Arc<[u8]>, String> {
        if let Some(known) = lock(&self.bytes).get(real) {
            return known.clone();
        }
        let loaded = read::file_bytes(real).map(Arc::from);
        let mut bytes = lock(&self.bytes);
        bytes.entry(Arc::clone(real)).or_insert(loaded).clone()
    }

    /// Reads the objects of a text.
    pub(crate) fn objects(&self, file: FileId, mode: Mode) -> Cached<Vec<Node>> {
        if let Some(known) = lock(&self.objects).get(&(file, mode)) {
            return Arc::clone(known);
        }
        let loaded = Arc::new(documents::objects(self.sources, file, mode));
        if self.keep == Keep::Nothing {
            return loaded;
        }
        let mut objects = lock(&self.objects);
        Arc::clone(objects.entry((file, mode)).or_insert(loaded))
    }

    /// Reads the kustomization of a directory.
    pub(crate) fn kustomization(&self, dir: &Dir) -> Cached<Loaded> {
        if let Some(known) = lock(&self.kustomizations).get(&dir.real) {
            return Arc::clone(known);
        }
        let loaded = Arc::new(self.load_kustomization(dir));
        let mut kustomizations = lock(&self.kustomizations);
        let entry = kustomizations.entry(Arc::clone(&dir.real));
        Arc::clone(entry.or_insert(loaded))
    }

    /// Reads one document as kubectl does.
    pub(crate) fn document(&self, file: FileId) -> Result<Node, Diagnostics> {
        self.document_with(file, &ReadOptions::kubectl())
    }

    /// Reads one document as kubectl does, and refuses keys that stand there twice.
    pub(crate) fn strict_document(&self, file: FileId) -> Result<Node, Diagnostics> {
        let options = ReadOptions {
            duplicates: Duplicates::Error,
            ..ReadOptions::kubectl()
        };
        self.document_with(file, &options)
    }

    fn document_with(&self, file: FileId, options: &ReadOptions) -> Result<Node, Diagnostics> {
        let documents = read_documents(self.sources, file, options);
        match documents.into_iter().next() {
            None => Ok(Node::null(Span::new(file, 0, 0))),
            Some(document) => document.map(|document| document.root),
        }
    }

    fn load_kustomization(&self, dir: &Dir) -> Result<Loaded, Diagnostics> {
        let present = |name: &&str| dir.real.join(name).is_file();
        let found: Vec<&'static str> = FILE_NAMES.into_iter().filter(present).collect();
        let folder = display_path(&dir.shown);
        let file_name = match found.as_slice() {
            [name] => *name,
            [] => return Err(missing_kustomization(dir, &folder).into()),
            [first, second, ..] => {
                return Err(Diagnostic::error(
                    "two-kustomizations",
                    format!("`{folder}` has both `{first}` and `{second}`"),
                )
                .hint("keep one of them")
                .into());
            }
        };
        let shown = dir.shown.join(file_name);
        let path = Arc::from(dir.real.join(file_name));
        let file = self.text(&path, &shown)?;
        let root = self.document(file)?;
        let (kustomization, faults) = Kustomization::read(&root);
        Ok(Loaded {
            kustomization,
            faults: Diagnostics(faults),
            path,
            file_name,
        })
    }

    fn real_path(&self, path: &Path) -> Result<Real, String> {
        if let Some(known) = lock(&self.real).get(path) {
            return known.clone();
        }
        let real = std::fs::canonicalize(path);
        let real = real.map(|path| Real {
            is_dir: path.is_dir(),
            path: Arc::from(path),
        });
        let real = real.map_err(|error| io_reason(&error));
        let mut known = lock(&self.real);
        known.entry(path.to_path_buf()).or_insert(real).clone()
    }
}

/// The true path of an entry of a directory whose own is known, by one look at the entry instead
/// of one at each folder above it. `None` where that does not tell.
fn below(dir: &Path, entry: &str) -> Option<Real> {
    if entry.is_empty() || entry.contains('/') || entry == "." || entry == ".." {
        return None;
    }
    let path = dir.join(entry);
    let metadata = std::fs::symlink_metadata(&path).ok()?;
    (!metadata.is_symlink()).then(|| Real {
        is_dir: metadata.is_dir(),
        path: Arc::from(path),
    })
}

/// Locks a table; a panic elsewhere leaves it whole, since entries are only added.
pub(crate) fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The path that messages show for an entry of a kustomization.
pub(crate) fn shown_path(dir: &Dir, entry: &str) -> PathBuf {
    normalize(&dir.shown.join(entry))
}

/// The remark for an entry that names nothing: the nearest name that is there.
pub(crate) fn named_here(dir: &Dir, entry: &str) -> String {
    /// A folder with more entries is not searched.
    const MOST: usize = 10_000;
    let mut at = dir.real.to_path_buf();
    let mut parts: Vec<&str> = entry.split('/').collect();
    let missing = parts.iter().position(|part| {
        at.push(part);
        !at.exists()
    });
    let near = missing.and_then(|missing| {
        at.pop();
        let names = std::fs::read_dir(&at).ok()?.take(MOST);
        let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names: Vec<String> = names.collect();
        let near = suggest::nearest(parts[missing], names.iter().map(String::as_str))?;
        Some((missing, near.to_owned()))
    });
    match &near {
        Some((missing, near)) => {
            parts[*missing] = near;
            format!("did you mean `{}`?", parts.join("/"))
        }
        None => "named here".to_owned(),
    }
}

/// Removes `.` and resolves `..` in a path as written.
pub(crate) fn normalize(path: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() {
        return PathBuf::from(".");
    }
    parts.iter().collect()
}

fn unreadable(shown: &Path, reason: &str) -> Diagnostic {
    let name = display_path(shown);
    Diagnostic::error("file-missing", format!("cannot read `{name}`: {reason}"))
}

fn outside(dir: &Dir, shown: &Path, entry: &Text) -> Diagnostic {
    let fault = Diagnostic::error(
        "outside-root",
        format!(
            "`{}` is not in or below `{}`",
            display_path(shown),
            display_path(&dir.shown)
        ),
    )
    .at(entry.span, "leaves the kustomization's folder")
    .note("a kustomization loads files from its own folder and below, symbolic links followed");
    match &dir.repository {
        Some(_) => fault.note("no flag lifts this for what was fetched"),
        None => fault.hint("make the other folder a kustomization and list it in `resources`, or use --load-restrictor LoadRestrictionsNone"),
    }
}

fn missing_kustomization(dir: &Dir, folder: &str) -> Diagnostic {
    let fault = Diagnostic::error(
        "no-kustomization",
        format!("`{folder}` has no kustomization.yaml"),
    );
    let mut below: Vec<String> = std::fs::read_dir(&dir.real)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| {
            FILE_NAMES
                .iter()
                .any(|name| entry.path().join(name).is_file())
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    below.sort();
    if below.is_empty() {
        return fault;
    }
    fault.note(format!(
        "it has sub-folders that are overlays: {}",
        below.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_short_as_they_are() {
        for (path, want) in [
            ("a/b/../c/./d.yaml", "a/c/d.yaml"),
            ("./x", "x"),
            ("a/..", "."),
            ("../a", "../a"),
            ("../../a/../b", "../../b"),
            ("/a/../b", "/b"),
        ] {
            assert_eq!(normalize(Path::new(path)), Path::new(want), "{path}");
        }
    }
}
