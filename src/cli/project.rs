//! Wires the stages together for the project that a source belongs to: its typed kinds take part
//! in overlay builds, and so does the verdict, where a kustomization lists `kind: Validate`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::kustomize::{ExpandInput, TypedResources, Validators};
use crate::manifest::{Diagnostic, Diagnostics, Node, Object, Severity, Sources};
use crate::schema::Version;
use crate::source::{self, Loaded};
use crate::template::{self, Library};
use crate::validate::{Validator, Verdict};

use super::CommandError;
use super::source_args::SourceArgs;

/// The project of a source: the nearest folder upwards with `.deployx.yaml`.
pub(super) struct Project {
    library: Library,
    verdict: OfflineVerdict,
}

impl Project {
    /// Finds the project of a path (a source, or for a function the working directory).
    ///
    /// # Errors
    /// Every fault of `.deployx.yaml` and of the schemas and templates that it names.
    pub(super) fn of(sources: &Sources, path: &Path) -> Result<Self, CommandError> {
        let library = Library::load(&folder_of(path), sources)?;
        let (major, minor) = library.project().kube();
        let version = format!("{major}.{minor}")
            .parse()
            .unwrap_or(Version::newest());
        let verdict = OfflineVerdict {
            validator: Validator::new(version),
        };
        Ok(Self { library, verdict })
    }

    /// What knows the project's typed resources.
    pub(super) fn typed(&self) -> &dyn TypedResources {
        &self.library
    }

    /// What checks builds that ask for it.
    pub(super) fn validators(&self) -> &dyn Validators {
        &self.verdict
    }

    /// The Kubernetes version that the project declares, else the newest known.
    pub(super) fn version(&self) -> Version {
        self.verdict.validator.version()
    }

    /// Files and folders with the custom resource definitions that the project declares.
    pub(super) fn crds(&self) -> &[PathBuf] {
        &self.library.project().crds
    }

    /// Folders with the project's own templates and schemas.
    pub(super) fn template_folders(&self) -> impl Iterator<Item = &PathBuf> {
        let project = self.library.project();
        project.templates.iter().chain(&project.schemas)
    }

    /// How this project's sources are read.
    ///
    /// # Errors
    /// Usage errors of the flags.
    pub(super) fn options(
        &self,
        args: &SourceArgs,
    ) -> Result<source::SourceOptions<'_>, CommandError> {
        Ok(source::SourceOptions {
            load_restrictions: args.load_restrictions()?,
            order: args.order(),
            managed_by: args.managed_by(),
            strict: args.strict(),
            outside: args.outside(),
            typed: self.typed(),
            validators: self.validators(),
        })
    }

    /// Loads a source. What the templates warned of is among its warnings.
    ///
    /// # Errors
    /// Everything that is wrong with the source, located.
    pub(super) fn load(
        &self,
        sources: &Sources,
        path: &Path,
        args: &SourceArgs,
    ) -> Result<Loaded, CommandError> {
        let mut loaded = source::load(sources, path, &self.options(args)?)?;
        loaded.warnings.extend(self.take_warnings());
        Ok(loaded)
    }

    /// What the templates have warned of so far.
    pub(super) fn take_warnings(&self) -> Vec<Diagnostic> {
        self.library.take_warnings()
    }
}

/// The projects of several sources.
pub(super) struct Projects {
    /// In the order in which they are met.
    pub(super) all: Vec<Result<Project, CommandError>>,
    /// For each source, the place of its project.
    pub(super) places: Vec<usize>,
}

impl Projects {
    /// Finds the projects of some paths; each is read once.
    pub(super) fn of(sources: &Sources, paths: &[PathBuf]) -> Self {
        let mut known: HashMap<Option<PathBuf>, usize> = HashMap::new();
        let mut all = Vec::new();
        let places = paths.iter().map(|path| {
            let folder = template::Project::folder_of(&folder_of(path));
            *known.entry(folder).or_insert_with(|| {
                all.push(Project::of(sources, path));
                all.len() - 1
            })
        });
        let places = places.collect();
        Self { all, places }
    }

    /// Each project with the places of its sources in the list.
    ///
    /// # Errors
    /// What is wrong with the first broken project.
    pub(super) fn groups(self) -> Result<Vec<(Project, Vec<usize>)>, CommandError> {
        let places = self.places;
        let groups = self.all.into_iter().enumerate().map(|(at, project)| {
            let members = places.iter().enumerate();
            let members = members.filter(|(_, place)| **place == at);
            Ok((project?, members.map(|(member, _)| member).collect()))
        });
        groups.collect()
    }
}

/// Loads a source with the project it belongs to.
///
/// # Errors
/// Everything that is wrong with the project or the source, located.
pub(super) fn load(
    sources: &Sources,
    path: &Path,
    args: &SourceArgs,
) -> Result<Loaded, CommandError> {
    Project::of(sources, path)?.load(sources, path, args)
}

/// Loads a source that is going to be applied: what the server would refuse is refused here,
/// before it is asked.
///
/// # Errors
/// As [`load`], and every finding of the verdict that would stop the apply.
pub(super) fn load_valid(
    sources: &Sources,
    path: &Path,
    args: &SourceArgs,
) -> Result<Loaded, CommandError> {
    let project = Project::of(sources, path)?;
    let mut loaded = project.load(sources, path, args)?;
    let mut faults = Diagnostics::default();
    for object in &loaded.objects {
        let judgement = project.verdict.validator.judge(object);
        // Create accepts equal keys in a keyed list, server-side apply does not.
        let (stops, tells): (Vec<_>, Vec<_>) =
            judgement.findings.into_iter().partition(|finding| {
                finding.severity == Severity::Error || finding.rule == "ssa-duplicate-key"
            });
        faults.0.extend(stops.into_iter().map(|finding| Diagnostic {
            severity: Severity::Error,
            ..finding
        }));
        loaded.warnings.extend(tells);
    }
    if faults.0.is_empty() {
        Ok(loaded)
    } else {
        Err(faults.into())
    }
}

/// The folder whose project counts: of standard input, the working directory.
fn folder_of(path: &Path) -> PathBuf {
    if path == Path::new("-") {
        return PathBuf::from(".");
    }
    if path.is_dir() {
        return path.to_path_buf();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The verdict as a validator of overlay builds.
struct OfflineVerdict {
    validator: Validator,
}

impl Validators for OfflineVerdict {
    fn validate(&self, _config: &Node, input: &ExpandInput<'_>) -> Result<(), Diagnostics> {
        let mut faults = Diagnostics::default();
        let shown = input.resources.iter().filter(|resource| !resource.is_local);
        for object in shown.filter_map(|resource| Object::from_node(resource.node.clone())) {
            let judgement = self.validator.judge(&object);
            if judgement.verdict == Verdict::Rejected {
                faults.0.extend(judgement.findings);
            }
        }
        if faults.0.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}
