//! The kinds that are known: the built-in ones, and those of the project's folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use smol_str::SmolStr;

use crate::kustomize::expand::TypedFieldSpec;
use crate::manifest::read::{self, ReadOptions, read_one};
use crate::manifest::{Diagnostic, Diagnostics, FileId, Node, Sources};

use super::builtin;
use super::dialect::{self, KindInfo, Schema};
use super::engine::{Engine, TemplateFile};
use super::fields;
use super::project::Project;

/// One kind of typed resource.
#[derive(Clone, Debug)]
pub struct Kind {
    /// What it is.
    pub info: KindInfo,
    /// The schema of its `spec`.
    pub schema: Arc<Schema>,
    /// Whether it ships with deployx.
    pub built_in: bool,
}

/// All kinds, and the templates that expand them. Built-in schemas are read when a resource of
/// their kind is first met. Positions in messages point into the table that the library is used
/// with; use one table in a run.
#[derive(Debug)]
pub struct Library {
    slots: BTreeMap<(SmolStr, SmolStr), Slot>,
    pub(super) engine: Engine,
    project: Project,
    warnings: Mutex<Vec<Diagnostic>>,
    field_specs: Vec<TypedFieldSpec>,
    common: Mutex<BTreeMap<String, Node>>,
    /// The project's files that kinds depend on, as far as they were asked for.
    pub(super) files_of: Mutex<BTreeMap<(SmolStr, SmolStr), Vec<PathBuf>>>,
}

/// A kind that may not have been read yet.
#[derive(Debug)]
struct Slot {
    file: String,
    kind: OnceLock<Result<Kind, Diagnostics>>,
}

impl Library {
    /// Loads the library for a folder: what ships, and what its project adds.
    ///
    /// # Errors
    /// Every fault of `.deployx.yaml`, of the project's schemas and of its templates.
    pub fn load(from: &Path, sources: &Sources) -> Result<Self, Diagnostics> {
        let project = Project::find(from, sources)?;
        let mut faults = Vec::new();
        let own_templates = template_files(&project, &mut faults);
        let own_schemas = schema_files(&project, &mut faults);
        let mut library = Self {
            slots: builtin::KINDS.iter().map(built_in_slot).collect(),
            engine: Engine::new(templates(own_templates), project.kube()),
            project,
            warnings: Mutex::default(),
            field_specs: fields::built_in(),
            common: Mutex::default(),
            files_of: Mutex::default(),
        };
        for name in own_schemas.keys() {
            match library.own_kind(name, &own_schemas, sources) {
                Ok(Some(kind)) => {
                    faults.extend(library.kind_faults(&kind, sources));
                    library.add(name, kind);
                }
                Ok(None) => {}
                Err(Diagnostics(items)) => faults.extend(items),
            }
        }
        if faults.is_empty() {
            Ok(library)
        } else {
            Err(Diagnostics(faults))
        }
    }

    /// A kind of the project's own replaces the built-in one of the same name.
    fn add(&mut self, file: &str, kind: Kind) {
        let (group, name) = (kind.info.group.clone(), kind.info.kind.clone());
        self.field_specs
            .retain(|spec| spec.group != group || spec.kind != name);
        self.field_specs.extend(fields::specs(&kind));
        let slot = Slot {
            file: file.to_owned(),
            kind: OnceLock::from(Ok(kind)),
        };
        self.slots.insert((group, name), slot);
    }

    fn own_kind(
        &self,
        name: &str,
        own: &BTreeMap<String, PathBuf>,
        sources: &Sources,
    ) -> Result<Option<Kind>, Diagnostics> {
        let mut files = Files {
            sources,
            own,
            read: &self.common,
        };
        // A broken file must be told as such, not as a schema that is missing.
        let file = read::load(sources, &own[name])?;
        let root = files.root(file)?;
        files.keep(name, root);
        let loaded = dialect::load(name, &mut files)?;
        Ok(loaded.kind.map(|info| Kind {
            info,
            schema: loaded.schema,
            built_in: false,
        }))
    }

    /// Whether there is such a kind.
    pub fn has(&self, group: &str, kind: &str) -> bool {
        let key = (SmolStr::new(group), SmolStr::new(kind));
        self.slots.contains_key(&key)
    }

    /// The names of all kinds, sorted by group and kind.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.slots
            .keys()
            .map(|(group, kind)| (group.as_str(), kind.as_str()))
    }

    /// Returns a kind; `None` where there is none of this name.
    ///
    /// # Errors
    /// Faults of its schema.
    pub fn kind(
        &self,
        group: &str,
        kind: &str,
        sources: &Sources,
    ) -> Result<Option<&Kind>, Diagnostics> {
        let key = (SmolStr::new(group), SmolStr::new(kind));
        let Some(slot) = self.slots.get(&key) else {
            return Ok(None);
        };
        let loaded = slot.kind.get_or_init(|| {
            let mut files = Files {
                sources,
                own: &BTreeMap::new(),
                read: &self.common,
            };
            let loaded = dialect::load(&slot.file, &mut files)?;
            let info = loaded.kind.ok_or_else(|| {
                Diagnostic::error("schema", format!("`{}` declares no kind", slot.file))
            })?;
            Ok(Kind {
                info,
                schema: loaded.schema,
                built_in: true,
            })
        });
        loaded.as_ref().map(Some).map_err(Clone::clone)
    }

    /// Finds a kind of any group by its name alone.
    ///
    /// # Errors
    /// An unknown name, with the nearest one; faults of the schema.
    pub fn named(&self, kind: &str, sources: &Sources) -> Result<&Kind, Diagnostics> {
        let group = self.names().find(|(_, name)| *name == kind);
        let found = match group {
            Some((group, name)) => self.kind(group, name, sources)?,
            None => None,
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = self.names().map(|(_, name)| name).collect();
            let near = crate::manifest::suggest::nearest(kind, names.iter().copied());
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("kinds are {}", names.join(", ")),
            };
            Diagnostic::error("typed-kind", format!("there is no kind `{kind}`"))
                .hint(hint)
                .into()
        })
    }

    /// Returns all kinds, sorted by group and kind.
    ///
    /// # Errors
    /// Faults of their schemas.
    pub fn kinds(&self, sources: &Sources) -> Result<Vec<&Kind>, Diagnostics> {
        let mut kinds = Vec::new();
        for (group, kind) in self.names() {
            kinds.extend(self.kind(group, kind, sources)?);
        }
        Ok(kinds)
    }

    /// The schema of a kind, and its template, by the names that files have.
    pub(super) fn first_files(&self, key: &(SmolStr, SmolStr)) -> Option<Vec<String>> {
        let slot = self.slots.get(key)?;
        let loaded = slot.kind.get().and_then(|kind| kind.as_ref().ok());
        let template = loaded.and_then(|kind| kind.info.template.clone());
        let stem = slot.file.strip_suffix(".schema.json");
        let shipped = stem.map(|stem| format!("{stem}.yaml.j2"));
        let template = template.map(|name| name.to_string()).or(shipped);
        let files = template.into_iter().chain([slot.file.clone()]);
        Some(files.collect())
    }

    /// The project that the library was loaded for.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The fields that kustomize's transformers reach natively.
    pub fn field_specs(&self) -> &[TypedFieldSpec] {
        &self.field_specs
    }

    /// Takes what expansions have warned about so far.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut warnings)
    }

    pub(super) fn warn(&self, more: impl IntoIterator<Item = Diagnostic>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.extend(more);
    }

    /// Checks a kind's template: its syntax, and that the inputs it reads are those of the schema.
    pub(super) fn kind_faults(&self, kind: &Kind, sources: &Sources) -> Vec<Diagnostic> {
        let Some(template) = &kind.info.template else {
            return Vec::new();
        };
        let reads = match self.engine.reads(template, sources) {
            Ok(reads) => reads,
            Err(fault) => return vec![*fault],
        };
        let spec_reads: Vec<&str> = reads
            .iter()
            .filter_map(|name| name.strip_prefix("spec."))
            .collect();
        let mut faults: Vec<Diagnostic> = spec_reads
            .iter()
            .filter_map(|path| unknown_input(&kind.schema, path))
            .map(|field| {
                let message = format!(
                    "template {template} reads `spec.{field}`, which {} does not have",
                    kind.info.kind
                );
                let fault = Diagnostic::error("template", message);
                let words = format!("spec.{field}");
                match self.engine.find(template, &words, sources) {
                    Some(span) => fault.at(span, format!("no such input of {}", kind.info.kind)),
                    None => fault,
                }
            })
            .collect();
        let whole = reads.iter().any(|name| name == "spec");
        for (name, property) in &kind.schema.properties {
            let read = spec_reads
                .iter()
                .any(|path| path.split('.').next() == Some(name));
            if !whole && !read && property.refused.is_none() && !is_generic(name) {
                let message = format!("no template reads the input `{name}`");
                let fault = Diagnostic::error("template", message)
                    .hint("an input without effect misleads; remove it or use it");
                faults.push(match property.span {
                    Some(span) => fault.at(span, ""),
                    None => fault,
                });
            }
        }
        faults
    }
}

/// Inputs that are read outside templates: labels, selectors, the last words, config hashes.
fn is_generic(name: &str) -> bool {
    matches!(
        name,
        "overrides" | "remove" | "selector" | "pod" | "rolloutOn"
    )
}

/// The part of a dotted path that the schema does not have.
fn unknown_input(schema: &Schema, path: &str) -> Option<String> {
    let mut at = schema;
    for part in path.split('.') {
        let next = match &at.forms {
            Some(forms) => forms.map.under(part),
            None => at.under(part),
        };
        match next {
            Some(next) => at = next,
            // What is under anything at all is unknown, and so is what is not a mapping.
            None if at.kind != Some(dialect::Type::Object) => return None,
            None => return Some(path.to_owned()),
        }
    }
    None
}

fn built_in_slot((kind, file): &(&str, &str)) -> ((SmolStr, SmolStr), Slot) {
    let key = (SmolStr::new_static("deployx.dev"), SmolStr::new(kind));
    let slot = Slot {
        file: (*file).to_owned(),
        kind: OnceLock::new(),
    };
    (key, slot)
}

/// Schema files, read once each.
struct Files<'s> {
    sources: &'s Sources,
    own: &'s BTreeMap<String, PathBuf>,
    read: &'s Mutex<BTreeMap<String, Node>>,
}

impl Files<'_> {
    fn root(&self, file: FileId) -> Result<Node, Diagnostics> {
        Ok(read_one(self.sources, file, &ReadOptions::kubectl())?.root)
    }

    fn keep(&self, name: &str, root: Node) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(name.to_owned(), root);
    }
}

impl dialect::Files for Files<'_> {
    fn file(&mut self, name: &str) -> Option<Node> {
        {
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(root) = read.get(name) {
                return Some(root.clone());
            }
        }
        let file = match builtin::schema(name) {
            Some(text) => self.sources.add(format!("builtin:{name}"), text),
            None => read::load(self.sources, self.own.get(name)?).ok()?,
        };
        let root = self.root(file).ok()?;
        self.keep(name, root.clone());
        Some(root)
    }
}

/// The files of the project's folders with a suffix, by path below the folder; the first folder
/// that has one wins.
pub(super) fn own_files(folders: &[PathBuf], suffix: &str) -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    for folder in folders {
        let found = walkdir::WalkDir::new(folder).sort_by_file_name();
        for entry in found.into_iter().filter_map(Result::ok) {
            let path = entry.path();
            let below = path.strip_prefix(folder).unwrap_or(path);
            let name = crate::manifest::source::display_path(below);
            if entry.file_type().is_file() && name.ends_with(suffix) {
                files.entry(name).or_insert_with(|| path.to_path_buf());
            }
        }
    }
    files
}

fn schema_files(project: &Project, faults: &mut Vec<Diagnostic>) -> BTreeMap<String, PathBuf> {
    let mut files = own_files(&project.schemas, ".schema.json");
    if files.remove("common.schema.json").is_some() {
        faults.push(
            Diagnostic::error(
                "schema",
                "`common.schema.json` would change all kinds at once",
            )
            .hint("give it another name and refer to that"),
        );
    }
    files
}

fn template_files(project: &Project, faults: &mut Vec<Diagnostic>) -> Vec<TemplateFile> {
    let mut files = Vec::new();
    for (name, path) in own_files(&project.templates, ".j2") {
        let shown = crate::manifest::source::display_path(&path);
        if builtin::TEMPLATES.iter().any(|(known, _)| *known == name) && name.starts_with("lib/") {
            let message = format!("`{shown}` would change all kinds at once");
            faults.push(
                Diagnostic::error("template", message)
                    .hint("extend the template of one kind: `{% extends \"builtin:...\" %}`"),
            );
            continue;
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => files.push(TemplateFile {
                name,
                shown,
                text: text.into(),
                built_in: false,
            }),
            Err(error) => faults.push(Diagnostic::error(
                "file-unreadable",
                format!("cannot read `{shown}`: {}", read::io_reason(&error)),
            )),
        }
    }
    files
}

/// The project's templates first; each built-in one also under `builtin:`.
fn templates(own: Vec<TemplateFile>) -> Vec<TemplateFile> {
    let mut files = own;
    for (name, text) in builtin::TEMPLATES {
        let text: Arc<str> = Arc::from(*text);
        let shown = format!("builtin:{name}");
        let taken = files.iter().any(|file| file.name == *name);
        let mut add = |name: String| {
            files.push(TemplateFile {
                name,
                shown: shown.clone(),
                text: Arc::clone(&text),
                built_in: true,
            });
        };
        add(shown.clone());
        if !taken {
            add((*name).to_owned());
        }
    }
    files
}
