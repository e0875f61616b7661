//! Wires the stages together for the project that a source belongs to: its typed kinds take part
//! in overlay builds, and so does the verdict, where a kustomization lists `kind: Validate`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::kustomize::{self, ExpandInput, TypedResources, Validators};
use crate::lint::{Scope, Switches};
use crate::manifest::{Diagnostic, Diagnostics, Node, Object, Severity, Sources};
use crate::schema::Version;
use crate::source::{self, Loaded};
use crate::template::{self, Library};
use crate::validate::{Lint, Validator, Verdict, Verdicts, switchable_rules};

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

    /// The switches of the lint.
    pub(super) fn switches(&self) -> Switches {
        let project = self.library.project();
        let folder = project.folder.clone().unwrap_or_default();
        Switches::new(&folder, &project.lint)
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
            compat: args.compat(),
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

    /// Runs the lint over what a source yields. Returns the rules of what it found.
    fn lint(
        &self,
        sources: &Sources,
        path: &Path,
        verdicts: &mut Verdicts,
    ) -> Vec<Cow<'static, str>> {
        let switches = self.switches();
        let lint = Lint {
            version: self.version(),
            complete: false,
            least: Some(Severity::Warning),
            switches: &switches,
        };
        let scope = if kustomize::is_kustomization(path) {
            Scope::Overlay
        } else {
            Scope::Files
        };
        let found = lint.findings(sources, verdicts, scope);
        let rules = found
            .iter()
            .map(|(_, finding)| finding.rule.clone())
            .collect();
        lint.settle(sources, verdicts, found);
        rules
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
    let mut verdicts = Verdicts::default();
    for object in &loaded.objects {
        verdicts.judge(project.verdict.validator, object);
    }
    let linted = project.lint(sources, path, &mut verdicts);
    for finding in verdicts.findings() {
        // Create accepts equal keys in a keyed list, server-side apply does not.
        let stops = finding.severity == Severity::Error && !linted.contains(&finding.rule)
            || finding.rule == "ssa-duplicate-key";
        if stops {
            let severity = Severity::Error;
            faults.0.push(Diagnostic {
                severity,
                ..finding.clone()
            });
        } else if !says_itself(&finding.rule) && !is_told(sources, &loaded.warnings, finding) {
            let severity = finding.severity.min(Severity::Warning);
            loaded.warnings.push(Diagnostic {
                severity,
                ..finding.clone()
            });
        }
    }
    if faults.0.is_empty() {
        Ok(loaded)
    } else {
        Err(faults.into())
    }
}

/// Whether the server warns of something in words of its own, when it is asked.
fn says_itself(rule: &str) -> bool {
    let mut rules = switchable_rules().filter(|rule| rule.of_server);
    rule != "deprecated-api" && rules.any(|known| known.id == rule)
}

/// Whether a template has warned of the same at the same place of its input.
fn is_told(sources: &Sources, warnings: &[Diagnostic], finding: &Diagnostic) -> bool {
    let place = |finding: &Diagnostic| {
        let label = finding.primary.as_ref()?;
        Some(sources.locate(label.span))
    };
    let same = |told: &Diagnostic| told.rule == finding.rule && place(told) == place(finding);
    warnings.iter().any(same)
}

/// The folder whose project or repository counts: of standard input, the working directory.
pub(super) fn folder_of(path: &Path) -> PathBuf {
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
