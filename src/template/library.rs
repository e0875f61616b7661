//! The kinds that are known: the built-in ones, and those of the project's folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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

/// All kinds, and the templates that expand them. Positions in its messages point into the table
/// that it was loaded with; use one table in a run.
#[derive(Debug)]
pub struct Library {
    pub(super) kinds: BTreeMap<(SmolStr, SmolStr), Arc<Kind>>,
    pub(super) engine: Engine,
    pub(super) project: Project,
    pub(super) warnings: Mutex<Vec<Diagnostic>>,
    field_specs: Vec<TypedFieldSpec>,
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
        let mut files = Files {
            sources,
            own: schema_files(&project, &mut faults),
            read: BTreeMap::new(),
        };
        let mut kinds = BTreeMap::new();
        let built_in = builtin::SCHEMAS.iter().map(|(name, _)| (*name).to_owned());
        let built_in: Vec<String> = built_in
            .filter(|name| name != "common.schema.json")
            .collect();
        let own: Vec<String> = files.own.keys().cloned().collect();
        for (name, shipped) in built_in
            .into_iter()
            .map(|name| (name, true))
            .chain(own.into_iter().map(|name| (name, false)))
        {
            match files.kind(&name, shipped) {
                Ok(Some(kind)) => {
                    let key = (kind.info.group.clone(), kind.info.kind.clone());
                    kinds.insert(key, Arc::new(kind));
                }
                Ok(None) => {}
                Err(Diagnostics(items)) => faults.extend(items),
            }
        }
        let engine = Engine::new(templates(own_templates), project.kube());
        let library = Self {
            field_specs: fields::specs(kinds.values().map(AsRef::as_ref)),
            kinds,
            engine,
            project,
            warnings: Mutex::default(),
        };
        faults.extend(library.template_faults(sources));
        if faults.is_empty() {
            Ok(library)
        } else {
            Err(Diagnostics(faults))
        }
    }

    /// The kinds, by group and kind.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values().map(AsRef::as_ref)
    }

    /// Finds a kind of any group by its name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds().find(|kind| kind.info.kind == name)
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

    /// Checks the templates of the project's own kinds: syntax, and that the inputs they read are
    /// those that the schema has.
    fn template_faults(&self, sources: &Sources) -> Vec<Diagnostic> {
        let own = self.kinds().filter(|kind| !kind.built_in);
        own.flat_map(|kind| self.kind_faults(kind, sources))
            .collect()
    }

    pub(super) fn kind_faults(&self, kind: &Kind, sources: &Sources) -> Vec<Diagnostic> {
        let Some(template) = &kind.info.template else {
            return Vec::new();
        };
        let reads = match self.engine.reads(template, sources) {
            Ok(reads) => reads,
            Err(fault) => return vec![fault],
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
                Diagnostic::error("template", message)
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

/// Schema files, read once each.
struct Files<'s> {
    sources: &'s Sources,
    own: BTreeMap<String, PathBuf>,
    read: BTreeMap<String, Node>,
}

impl Files<'_> {
    fn kind(&mut self, name: &str, built_in: bool) -> Result<Option<Kind>, Diagnostics> {
        if !built_in {
            // A broken file must be told as such, not as a schema that is missing.
            let path = self.own[name].clone();
            let file = read::load(self.sources, &path)?;
            let root = self.root(file)?;
            self.read.insert(name.to_owned(), root);
        }
        let loaded = dialect::load(name, self)?;
        let Some(info) = loaded.kind else {
            return Ok(None);
        };
        Ok(Some(Kind {
            info,
            schema: loaded.schema,
            built_in,
        }))
    }

    fn root(&self, file: FileId) -> Result<Node, Diagnostics> {
        Ok(read_one(self.sources, file, &ReadOptions::kubectl())?.root)
    }
}

impl dialect::Files for Files<'_> {
    fn file(&mut self, name: &str) -> Option<Node> {
        if let Some(root) = self.read.get(name) {
            return Some(root.clone());
        }
        let file = match builtin::schema(name) {
            Some(text) => self.sources.add(format!("builtin:{name}"), text),
            None => read::load(self.sources, self.own.get(name)?).ok()?,
        };
        let root = self.root(file).ok()?;
        self.read.insert(name.to_owned(), root.clone());
        Some(root)
    }
}

/// The files of the project's folders with a suffix, by path below the folder; the first folder
/// that has one wins.
fn own_files(folders: &[PathBuf], suffix: &str) -> BTreeMap<String, PathBuf> {
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
