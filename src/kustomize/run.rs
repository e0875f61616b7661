//! One build of one root, and the builder that shares what is loaded between builds.

mod finish;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use smol_str::SmolStr;

use super::compat::Compat;
use super::config::{Config, RawConfig};
use super::decode::Text;
use super::expand::{ExpandInput, NoTypedResources, NoValidators, TypedResources, Validators};
use super::load::{Dir, Files, Keep, LoadRestrictions, lock};
use super::origin::Wanted;
use super::outside::Outside;
use super::record::{Recorder, Recording, Step};
use super::resmap::ResMap;
use super::resource::Resource;
use super::shared::{Bases, Trail};
use super::{patch, remote, silent, typed};
use crate::manifest::diagnostic::Said;
use crate::manifest::{Diagnostic, Diagnostics, FileId, Node, Object, Severity, Sources, Span};
use crate::merge::merge_keys::MergeSchema;

/// The Kubernetes version whose schema is compiled into kustomize.
const BUILTIN_SCHEMA: &str = "v1.21.2";

/// How overlays are built.
pub struct Options<'t> {
    /// Whether files outside of a kustomization's folder may be loaded.
    pub load_restrictions: LoadRestrictions,
    /// The order of objects where the root has no `sortOptions`.
    pub order: Order,
    /// Which kustomize the build is byte-equal to.
    pub compat: Compat,
    /// Whether every object gets the label that says who manages it, as with `managedByLabel` in
    /// the root's `buildMetadata`.
    pub managed_by: bool,
    /// What builds may use besides the files of their trees.
    pub outside: Arc<Outside>,
    /// What knows typed resources.
    pub typed: &'t dyn TypedResources,
    /// What checks builds.
    pub validators: &'t dyn Validators,
    /// Whether a build takes down what each of its steps changed.
    pub record: bool,
    /// Whether warnings are errors.
    pub strict: bool,
}

/// The order of objects in the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By kind: what `kustomize build` prints.
    #[default]
    Legacy,
    /// As loaded.
    Fifo,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            load_restrictions: LoadRestrictions::default(),
            order: Order::default(),
            compat: Compat::default(),
            managed_by: false,
            outside: Arc::default(),
            typed: &NoTypedResources,
            validators: &NoValidators,
            record: false,
            strict: false,
        }
    }
}

/// A finished build.
#[derive(Debug)]
pub struct Build {
    /// The objects in the order in which they are printed.
    pub objects: Vec<Object>,
    /// `Release` resources as they stood at the end; they are not among the objects.
    pub releases: Vec<Object>,
    /// What is suspicious, and what kustomize passes over in silence.
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read, by its true path.
    pub files: Vec<PathBuf>,
    /// What each step changed, where [`Options::record`] asks for it.
    pub recording: Option<Recording>,
}

/// Builds overlays and shares what it loads between them. Can be used by many threads at once.
pub struct Builder<'s> {
    files: Files<'s>,
    options: Options<'s>,
    base_config: Arc<Config>,
    configs: Mutex<HashMap<Vec<usize>, Arc<Config>>>,
    bases: Bases,
}

impl<'s> Builder<'s> {
    /// Creates a builder; texts go to `sources`.
    pub fn new(sources: &'s Sources, options: Options<'s>) -> Self {
        Self::with(Files::new(sources, Keep::ForOthers), options)
    }

    /// Creates a builder for one build. What it has read is changed in place instead of being
    /// kept for the next one, which takes half the memory and much of the time.
    pub fn single(sources: &'s Sources, options: Options<'s>) -> Self {
        Self::with(Files::new(sources, Keep::Nothing), options)
    }

    fn with(files: Files<'s>, options: Options<'s>) -> Self {
        let base_config = Config::with_typed(options.typed.field_specs(), options.compat);
        Self {
            files,
            options,
            base_config,
            configs: Mutex::default(),
            bases: Bases::default(),
        }
    }

    /// Takes a text for what is in a file of objects or a kustomization, before anything is built.
    pub fn supply(&self, path: &Path, text: &str) {
        self.files.supply(path, text);
    }

    /// Builds the kustomization in a directory.
    ///
    /// # Errors
    /// Everything that is wrong with it and with what it loads, located.
    pub fn build(&self, root: &Path) -> Result<Build, Diagnostics> {
        let dir = self.open(root)?;
        let run = Run::new(self, root);
        let result = finish::finish(&run, &dir);
        let Trail {
            mut warnings, read, ..
        } = run.trail.take();
        if let Ok(loaded) = &*self.files.kustomization(&dir)
            && loaded.kustomization.is_component
        {
            silent::keep_for_component(&mut warnings);
        }
        let result = result.and_then(|built| {
            let is_strict = self.options.strict;
            let refused = warnings
                .iter()
                .filter(|one| is_strict && one.severity == Severity::Warning);
            let as_error = |warning: &Diagnostic| Diagnostic {
                severity: Severity::Error,
                ..warning.clone()
            };
            Diagnostics(refused.map(as_error).collect()).or(built)
        });
        match result {
            Ok((objects, releases, recording)) => Ok(Build {
                objects,
                releases,
                warnings: each_once(Diagnostics(warnings)).0,
                files: sorted(read),
                recording,
            }),
            Err(faults) => Err(each_once(faults)),
        }
    }
}

/// Drops what is said twice: two ways can lead to one faulty base.
fn each_once(faults: Diagnostics) -> Diagnostics {
    let mut kept = faults.0;
    Said::default().only_new(&mut kept);
    Diagnostics(kept)
}

impl Builder<'_> {
    /// Opens the directory that a build starts from, which may lie in a repository.
    fn open(&self, root: &Path) -> Result<Dir, Diagnostic> {
        match root.to_str().filter(|_| !root.exists()) {
            Some(address) if is_repository(address) => {
                let entry = Text {
                    value: address.into(),
                    span: Span::NONE,
                };
                let outside = &self.options.outside;
                remote::directory(&self.files.fetched, outside, &entry, &[]).map_err(unplaced)
            }
            _ => self.files.root(root),
        }
    }
}

/// A fault of what was typed, which stands in no file.
fn unplaced(fault: Diagnostic) -> Diagnostic {
    Diagnostic {
        primary: None,
        ..fault
    }
}

/// Whether a source is the address of a repository.
pub fn is_repository(address: &str) -> bool {
    remote::repo_spec::RepoSpec::parse(address).is_ok()
}

fn sorted(mut paths: Vec<Arc<Path>>) -> Vec<PathBuf> {
    // Bytes compare much faster than the components of paths.
    paths.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    paths.dedup();
    paths.iter().map(|path| path.to_path_buf()).collect()
}

/// Builds the kustomization in a directory.
///
/// # Errors
/// Everything that is wrong with it and with what it loads, located.
pub fn build(sources: &Sources, root: &Path, options: Options<'_>) -> Result<Build, Diagnostics> {
    Builder::single(sources, options).build(root)
}

/// Whether a directory has a kustomization.
pub fn is_kustomization(path: &Path) -> bool {
    kustomization_file(path).is_some()
}

/// The kustomization of a directory.
pub fn kustomization_file(directory: &Path) -> Option<PathBuf> {
    let mut paths = super::kustomization::FILE_NAMES
        .iter()
        .map(|name| directory.join(name));
    paths.find(|path| path.is_file())
}

/// Whether a path is called as a kustomization is.
pub fn is_kustomization_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| super::kustomization::FILE_NAMES.contains(&name))
}

/// The state of one build.
pub(crate) struct Run<'b> {
    builder: &'b Builder<'b>,
    root: &'b Path,
    schema: RefCell<Option<Arc<MergeSchema>>>,
    /// Whether a kustomization chose the schema; the first one counts.
    schema_chosen: Cell<bool>,
    trail: RefCell<Trail>,
    metadata: Cell<Wanted>,
    recorder: Option<Recorder>,
}

impl<'b> Run<'b> {
    fn new<'s: 'b>(builder: &'b Builder<'s>, root: &'b Path) -> Self {
        Self {
            builder,
            root,
            schema: RefCell::default(),
            schema_chosen: Cell::default(),
            trail: RefCell::default(),
            metadata: Cell::default(),
            recorder: builder.options.record.then(Recorder::default),
        }
    }

    pub(crate) fn files(&self) -> &'b Files<'b> {
        &self.builder.files
    }

    pub(crate) fn options(&self) -> &'b Options<'b> {
        &self.builder.options
    }

    /// The schema that merges and scopes go by.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema
            .borrow()
            .clone()
            .map_or(SchemaRef::Builtin, SchemaRef::Own)
    }

    /// Whether what a base makes is the same in every build of the run.
    pub(crate) fn may_share(&self) -> bool {
        let keeps = self.files().keep == Keep::ForOthers && self.recorder.is_none();
        keeps && !self.tracks_origins() && !self.schema_chosen.get()
    }

    /// What takes down the steps of the build, where that was asked for.
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// Notes what a step has made of the resources.
    pub(crate) fn record(&self, map: &mut ResMap, step: impl FnOnce() -> Step) {
        if let Some(recorder) = &self.recorder {
            recorder.step(map.all_mut(), step());
        }
    }

    pub(crate) fn bases(&self) -> &'b Bases {
        &self.builder.bases
    }

    /// Notes that a directory was entered.
    pub(crate) fn entered(&self, dir: &Dir) {
        self.trail.borrow_mut().entered.push(Arc::clone(&dir.real));
    }

    /// Notes that something depended on the root of the build.
    pub(crate) fn depends_on_root(&self) {
        self.trail.borrow_mut().is_private = true;
    }

    /// Begins a trail of its own; returns the one so far.
    pub(crate) fn start_trail(&self) -> Trail {
        self.trail.take()
    }

    /// Ends a trail of its own, and goes on with the one before.
    pub(crate) fn end_trail(&self, before: Trail) -> Trail {
        self.trail.replace(before)
    }

    /// Adds a trail to the one so far.
    pub(crate) fn follow(&self, trail: Trail) {
        self.trail.borrow_mut().extend(trail);
    }

    /// Whether the root asks for metadata about the build.
    pub(crate) fn tracks_origins(&self) -> bool {
        let wanted = self.metadata.get();
        wanted.origins || wanted.transformations || wanted.managed_by
    }

    /// Takes the schema that `openapi:` names, unless a kustomization above named one. Where
    /// `before` holds kinds that are not Kubernetes' own, kustomize has already asked its own
    /// schema about them, and the new one adds to that.
    pub(crate) fn use_openapi(
        &self,
        dir: &Dir,
        openapi: &[(SmolStr, Text)],
        before: &ResMap,
    ) -> Result<(), Diagnostics> {
        let field = |name: &str| {
            openapi
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, text)| text)
        };
        let (version, path) = (field("version"), field("path"));
        if self.schema_chosen.get() || version.is_none() && path.is_none() {
            return Ok(());
        }
        let fault = |message: String, at: Span| Diagnostic::error("openapi", message).at(at, "");
        match (version, path) {
            (Some(version), Some(_)) => {
                let message = "`openapi` has `version` or `path`, not both".to_owned();
                return Err(fault(message, version.span).into());
            }
            (Some(version), None) if version.value != BUILTIN_SCHEMA => {
                let message = format!("the OpenAPI version `{}` is not built in", version.value);
                let hint = format!("`{BUILTIN_SCHEMA}` is, or name a file with `path`");
                return Err(fault(message, version.span).hint(hint).into());
            }
            (_, Some(path)) => {
                let file = self.text(dir, path)?;
                let own = MergeSchema::builtin();
                let is_foreign = |resource: &Resource| {
                    own.of_kind(&resource.gvk.api_version(), &resource.gvk.kind)
                        .is_none()
                };
                let key = (file, before.iter().any(is_foreign));
                let known = lock(&self.files().schemas).get(&key).cloned();
                let schema = if let Some(schema) = known {
                    schema
                } else {
                    let root = self.files().document(file)?;
                    let schema = Arc::new(if key.1 {
                        MergeSchema::extending_builtin(&root)
                    } else {
                        MergeSchema::from_openapi(&root)
                    });
                    lock(&self.files().schemas).insert(key, Arc::clone(&schema));
                    schema
                };
                *self.schema.borrow_mut() = Some(schema);
            }
            _ => {}
        }
        self.schema_chosen.set(true);
        Ok(())
    }

    pub(crate) fn warn(&self, warning: Diagnostic) {
        self.trail.borrow_mut().warnings.push(warning);
    }

    pub(crate) fn warn_all(&self, warnings: Vec<Diagnostic>) {
        self.trail.borrow_mut().warnings.extend(warnings);
    }

    pub(crate) fn was_read(&self, path: &Arc<Path>) {
        self.trail.borrow_mut().read.push(Arc::clone(path));
    }

    /// Loads a file that a kustomization names.
    pub(crate) fn text(&self, dir: &Dir, entry: &Text) -> Result<FileId, Diagnostics> {
        let files = self.files();
        if remote::is_http(&entry.value) {
            let bytes = remote::file(&files.fetched, &self.options().outside, entry)?;
            return files.fetched_text(&entry.value, &bytes);
        }
        let (real, shown) = files.find(dir, entry, self.options().load_restrictions)?;
        self.was_read(&real);
        files.text(&real, &shown).map_err(|mut faults| {
            for fault in faults.0.iter_mut().filter(|fault| fault.primary.is_none()) {
                *fault = fault.clone().at(entry.span, "named here");
            }
            faults
        })
    }

    /// Loads a file that a kustomization names, whatever is in it.
    pub(crate) fn bytes(&self, dir: &Dir, entry: &Text) -> Result<Arc<[u8]>, Diagnostic> {
        let files = self.files();
        if remote::is_http(&entry.value) {
            return remote::file(&files.fetched, &self.options().outside, entry);
        }
        let (real, shown) = files.find(dir, entry, self.options().load_restrictions)?;
        self.was_read(&real);
        files.bytes(&real).map_err(|reason| {
            let name = crate::manifest::source::display_path(&shown);
            let message = format!("cannot read `{name}`: {reason}");
            Diagnostic::error("file-missing", message).at(entry.span, "named here")
        })
    }

    /// The configuration of an accumulator.
    pub(crate) fn config(&self, customs: &[Arc<RawConfig>]) -> Result<Arc<Config>, SmolStr> {
        if customs.is_empty() {
            return Ok(Arc::clone(&self.builder.base_config));
        }
        let key: Vec<usize> = customs
            .iter()
            .map(|raw| Arc::as_ptr(raw) as usize)
            .collect();
        if let Some(known) = lock(&self.builder.configs).get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut raw = self.builder.base_config.raw.clone();
        for custom in customs {
            raw.merge(custom)?;
        }
        raw.settle()?;
        let config = Arc::new(Config::new(raw));
        lock(&self.builder.configs).insert(key, Arc::clone(&config));
        Ok(config)
    }

    /// Adds to a patch's fault what expansion would make of the name that it gives.
    pub(crate) fn explain_missing(
        &self,
        map: &ResMap,
        object: &Node,
        fault: Diagnostic,
    ) -> Diagnostics {
        let (gvk, name) = patch::identity(object);
        let is_meant = |made: &Resource| {
            made.gvk.kind == gvk.kind && (made.name == name || *made.original_name() == name)
        };
        match typed::maker_of(self, map, is_meant) {
            Some((maker, made)) => typed::generated(&maker, &made, object.span).into(),
            None => fault.into(),
        }
    }

    /// What expansion and validators see.
    pub(crate) fn expand_input<'i>(
        &'i self,
        resources: &'i [super::expand::ExpandResource],
    ) -> ExpandInput<'i> {
        ExpandInput {
            resources,
            sources: self.files().sources,
            root: self.root,
        }
    }
}

/// A schema that is compiled in or loaded.
pub(crate) enum SchemaRef {
    Builtin,
    Own(Arc<MergeSchema>),
}

impl std::ops::Deref for SchemaRef {
    type Target = MergeSchema;

    fn deref(&self) -> &MergeSchema {
        match self {
            SchemaRef::Builtin => MergeSchema::builtin(),
            SchemaRef::Own(schema) => schema,
        }
    }
}

/// kustomize's "conflicting fieldspecs".
pub(crate) fn conflict(path: &str) -> Diagnostic {
    let message = format!("the field spec `{path}` is there twice, with `create` and without");
    Diagnostic::error("field-spec-conflict", message)
}
