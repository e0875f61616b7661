//! `validate --against`: what was there before, so that a change which the server would refuse is
//! found without a cluster.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::project::{Project, folder_of};
use super::super::{CommandError, Ui};
use super::ValidateArgs;
use crate::helm;
use crate::kustomize;
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostics, FileId, Object, ObjectId, Sources, read};
use crate::source::{git, inputs};
use crate::validate::{Validator, objects_in};

/// Objects by where they came from and what they are.
pub(super) struct Before {
    /// The sources of the command line, whose overlays are found by their path below them.
    roots: Vec<PathBuf>,
    objects: HashMap<(Place, ObjectId), Object>,
    /// What was checked out; it goes with this.
    folder: Option<TempDir>,
}

/// Where an object came from.
#[derive(PartialEq, Eq, Hash)]
enum Place {
    /// An overlay or a chart, by where it lies as seen from the source.
    Overlay(PathBuf),
    /// Files, which may have been moved.
    Files,
}

impl Before {
    /// Reads what `--against` names; `None` without it.
    ///
    /// # Errors
    /// There is no such path or revision. What is there and cannot be built is only warned of.
    pub(super) fn read(
        ui: &mut Ui,
        sources: &Sources,
        project: &Project,
        args: &ValidateArgs,
        roots: &[PathBuf],
        validator: Validator,
    ) -> Result<Option<Self>, CommandError> {
        let Some(against) = &args.against else {
            return Ok(None);
        };
        let Some(first) = roots.first() else {
            return Err(CommandError::usage(
                "`--against` is for sources that have a path",
            ));
        };
        let refused = |error: git::GitError| CommandError::message(error.to_string());
        let mut before = Self {
            roots: roots.to_vec(),
            objects: HashMap::new(),
            folder: None,
        };
        let olds = if let Some(revision) = against.strip_prefix("git:") {
            let folder = tempfile::tempdir()?;
            let tree = git::Tree::check_out(&folder_of(first), revision, folder.path())
                .map_err(refused)?;
            before.folder = Some(folder);
            roots.iter().map(|root| tree.path_of(root)).collect()
        } else if let ([_], old) = (roots, PathBuf::from(against)) {
            if !old.exists() {
                let name = display_path(&old);
                return Err(CommandError::message(format!(
                    "there is nothing at `{name}`"
                )));
            }
            vec![old]
        } else {
            return Err(CommandError::usage(
                "`--against PATH` is for one SOURCE; `--against git:REV` is for any number",
            ));
        };
        let options = project.options(&args.options)?;
        let builder = kustomize::Builder::new(sources, options.kustomize());
        let mut reader = Reader {
            ui,
            sources,
            builder,
            validator,
            args,
        };
        for old in olds.iter().filter(|old| old.exists()) {
            before.root(&mut reader, old);
        }
        Ok(Some(before))
    }

    /// What an overlay or a chart printed before.
    pub(super) fn in_overlay(&self, overlay: &Path, id: &ObjectId) -> Option<&Object> {
        let related = |root: &&PathBuf| {
            overlay.starts_with(root) || root.starts_with(overlay) || overlay == Path::new(".")
        };
        let root = self.roots.iter().find(related)?;
        let place = Place::Overlay(place_of(root, overlay));
        self.objects.get(&(place, id.clone()))
    }

    /// What a file held before.
    pub(super) fn in_files(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(&(Place::Files, id.clone()))
    }

    fn root(&mut self, reader: &mut Reader<'_>, root: &Path) {
        let mut found = inputs::select(&[root.to_path_buf()]);
        let mut read = BTreeSet::new();
        for overlay in &found.overlays {
            let place = place_of(root, overlay);
            match reader.builder.build(overlay) {
                Ok(build) => {
                    read.extend(build.files);
                    self.add(build.objects, || Place::Overlay(place.clone()));
                }
                Err(_) if inputs::is_component(overlay) => {
                    read.extend(inputs::files_below(overlay));
                }
                Err(Diagnostics(findings)) => {
                    read.extend(inputs::files_below(overlay));
                    let name = display_path(overlay);
                    reader.ui.status(format!(
                        "`{name}` could not be built before, so its changes are not judged:"
                    ));
                    reader.ui.diagnostics(reader.sources, &findings);
                }
            }
        }
        for chart in &found.charts {
            if let Some(file) = reader.render(chart) {
                let place = place_of(root, chart);
                self.add(reader.objects(file), || Place::Overlay(place.clone()));
            }
        }
        found.leave_out(&read);
        for file in &found.files {
            if let Ok(file) = read::load(reader.sources, file) {
                self.add(reader.objects(file), || Place::Files);
            }
        }
    }

    fn add(&mut self, objects: Vec<Object>, place: impl Fn() -> Place) {
        for object in objects {
            self.objects.insert((place(), object.id()), object);
        }
    }
}

/// What it takes to read what was there before.
struct Reader<'r> {
    ui: &'r mut Ui,
    sources: &'r Sources,
    builder: kustomize::Builder<'r>,
    validator: Validator,
    args: &'r ValidateArgs,
}

impl Reader<'_> {
    /// The objects of a file, lists taken apart.
    fn objects(&self, file: FileId) -> Vec<Object> {
        objects_in(self.validator, self.sources, file)
    }

    /// Renders a chart with the values that are given for the new one.
    fn render(&mut self, chart: &Path) -> Option<FileId> {
        let template = self.args.charts.template(
            chart,
            self.args.cluster.access().namespace,
            self.validator.version().to_string(),
        );
        match helm::render(&self.args.options.helm(), self.sources, &template) {
            Ok(file) => Some(file),
            Err(fault) => {
                let name = display_path(chart);
                self.ui.status(format!(
                    "`{name}` could not be rendered before, so its changes are not judged:"
                ));
                self.ui.diagnostics(self.sources, &[fault]);
                None
            }
        }
    }
}

/// Where an overlay lies as seen from the source that it was found by: below a folder, or above a
/// file.
fn place_of(root: &Path, overlay: &Path) -> PathBuf {
    if let Ok(below) = overlay.strip_prefix(root) {
        return below.to_path_buf();
    }
    Path::new("..").join(root.strip_prefix(overlay).unwrap_or(root))
}
