//! `deployx render` of several sources: built at once, printed in order, each for itself. One that
//! fails prints nothing and does not stop the others.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::project::Projects;
use super::render::{RenderArgs, write_files};
use super::{CommandError, Exit, Ui};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Sources};
use crate::parallel::in_order;
use crate::report::{self, ObjectForm};
use crate::source::{Loaded, Loader};

/// What came of one source.
struct Rendered {
    warnings: Vec<Diagnostic>,
    result: Result<Output, CommandError>,
}

enum Output {
    Text(String),
    /// Number of files written.
    Files(usize),
}

/// Renders all sources of the command line.
///
/// # Errors
/// Wrong usage, and an output that cannot be written. What is wrong with sources is told, and
/// makes the exit code 1.
pub(super) fn render(
    ui: &mut Ui,
    sources: &Sources,
    args: &RenderArgs,
) -> Result<Exit, CommandError> {
    let folders = match &args.out {
        Some(out) => Some(mirrored(out, &args.sources)?),
        None => None,
    };
    let projects = Projects::of(sources, &args.sources);
    let mut loaders = Vec::new();
    for project in &projects.all {
        match project {
            Ok(project) => {
                let options = project.options(&args.options)?;
                loaders.push(Some(Loader::new(sources, options)));
            }
            Err(error) => {
                ui.diagnostics(sources, &error.diagnostics.0);
                loaders.push(None);
            }
        }
    }
    let work = |&at: &usize| {
        let loader = loaders[projects.places[at]].as_ref()?;
        let path = &args.sources[at];
        let folder = folders.as_ref().map(|folders| folders[at].as_path());
        Some(one(loader, path, folder, args.output))
    };
    let mut printer = Printer::new(ui, sources, args.output);
    let all: Vec<usize> = (0..args.sources.len()).collect();
    in_order(&all, work, |rendered| printer.take(rendered))?;
    // The process ends soon: to take apart what was shared would only cost time.
    std::mem::forget(loaders);
    let (failed, files) = (printer.failed, printer.files);
    let mut warnings: Vec<Diagnostic> = Vec::new();
    for project in projects.all.iter().flatten() {
        warnings.extend(project.take_warnings());
    }
    // They come in the order in which threads met them.
    warnings.sort_by_cached_key(|warning| {
        let at = warning.primary.as_ref().map(|label| label.span);
        (at.map(|span| sources.locate(span)), warning.message.clone())
    });
    ui.diagnostics(sources, &warnings);
    if let Some(out) = &args.out {
        let files = report::count(files, "file");
        ui.status(format!("{files} written to {}", display_path(out)));
    }
    if failed == 0 {
        return Ok(Exit::Success);
    }
    ui.status(format!("{failed} of {} sources failed", args.sources.len()));
    Ok(Exit::Failure)
}

fn one(loader: &Loader<'_>, path: &Path, folder: Option<&Path>, form: ObjectForm) -> Rendered {
    let Loaded {
        objects, warnings, ..
    } = match loader.load(path) {
        Ok(loaded) => loaded,
        Err(faults) => {
            return Rendered {
                warnings: Vec::new(),
                result: Err(faults.into()),
            };
        }
    };
    let result = match folder {
        Some(folder) => write_files(folder, &objects).map(Output::Files),
        None => Ok(Output::Text(report::objects_of(
            &display_path(path),
            form,
            &objects,
        ))),
    };
    Rendered { warnings, result }
}

/// Prints what comes, and counts.
struct Printer<'u> {
    ui: &'u mut Ui,
    sources: &'u Sources,
    form: ObjectForm,
    any_printed: bool,
    /// What was warned of: bases that several overlays share warn once.
    warned: HashSet<String>,
    failed: usize,
    files: usize,
}

impl<'u> Printer<'u> {
    fn new(ui: &'u mut Ui, sources: &'u Sources, form: ObjectForm) -> Self {
        Self {
            ui,
            sources,
            form,
            any_printed: false,
            warned: HashSet::new(),
            failed: 0,
            files: 0,
        }
    }

    /// Takes what came of the next source; `None` where its project is at fault.
    fn take(&mut self, rendered: Option<Rendered>) -> Result<(), CommandError> {
        let Some(Rendered {
            mut warnings,
            result,
        }) = rendered
        else {
            self.failed += 1;
            return Ok(());
        };
        warnings.retain(|warning| self.warned.insert(format!("{warning:?}")));
        self.ui.diagnostics(self.sources, &warnings);
        match result {
            Ok(Output::Files(files)) => self.files += files,
            Ok(Output::Text(text)) => {
                let separator = match self.form {
                    ObjectForm::Yaml if self.any_printed => "---\n",
                    _ => "",
                };
                self.any_printed = true;
                let out = self.ui.stdout();
                out.write_all(separator.as_bytes())?;
                out.write_all(text.as_bytes())?;
            }
            Err(error) => {
                self.failed += 1;
                self.ui.diagnostics(self.sources, &error.diagnostics.0);
            }
        }
        Ok(())
    }
}

/// The folder for each source: its path below `out`, without what leads upwards, and a file
/// without its extension.
///
/// # Errors
/// Two sources that would meet in one folder.
fn mirrored(out: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut known: HashMap<PathBuf, &Path> = HashMap::new();
    let mut folders = Vec::new();
    for path in paths {
        let mut below = PathBuf::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => below.push(name),
                Component::ParentDir => {
                    below.pop();
                }
                _ => {}
            }
        }
        if path == Path::new("-") {
            below = PathBuf::from("stdin");
        } else if path.is_file() {
            below.set_extension("");
        }
        if let Some(other) = known.insert(below.clone(), path) {
            let (one, two) = (display_path(other), display_path(path));
            let message = format!("`{one}` and `{two}` would be written to one folder");
            let hint = "run the command from a folder above both, or once for each";
            return Err(CommandError::usage(message).hint(hint));
        }
        folders.push(out.join(below));
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

    /// Runs `deployx render` in a folder with two overlays on a base, and one that is broken.
    fn run(args: &[&str]) -> (Exit, String, String, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("base/kustomization.yaml", "resources: [a.yaml]\n"),
            ("base/a.yaml", MAP),
            (
                "o/one/kustomization.yaml",
                "resources: [../../base]\nnamePrefix: one-\nimages: [{name: x, newTag: v2}]\n",
            ),
            (
                "o/two/kustomization.yaml",
                "resources: [../../base]\nnamePrefix: two-\n",
            ),
            ("o/bad/kustomization.yaml", "resources: [none.yaml]\n"),
            ("kinds/.deployx.yaml", "nonsense: 1\n"),
            ("kinds/kustomization.yaml", "resources: [a.yaml]\n"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = folder.path().to_str().unwrap().to_owned();
        let words = ["deployx", "render"].iter().chain(args);
        let words = words.map(|word| word.replace("DIR", &root));
        let (mut ui, captured) = Ui::capture();
        let exit = crate::cli::run(crate::cli::Cli::parse_from(words), &mut ui);
        let tidy = |text: String| text.replace(&root, "DIR");
        (
            exit,
            tidy(captured.stdout()),
            tidy(captured.stderr()),
            folder,
        )
    }

    #[test]
    fn several_sources_are_one_stream_in_their_order() {
        let (exit, out, err, _folder) = run(&["DIR/o/two", "DIR/base", "DIR/o/one"]);
        assert_eq!(exit, Exit::Success, "{err}");
        insta::assert_snapshot!(out, @r"
        # DIR/o/two
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: two-a
        ---
        # DIR/base
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: a
        ---
        # DIR/o/one
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: one-a
        ");
        assert_eq!(err.matches("no container uses").count(), 1, "{err}");
    }

    #[test]
    fn what_fails_prints_nothing_and_stops_nothing() {
        let (exit, out, err, _folder) = run(&[
            "-o",
            "names",
            "DIR/o/bad",
            "DIR/o/one",
            "DIR/kinds",
            "DIR/o/none",
        ]);
        assert_eq!(exit, Exit::Failure);
        assert_eq!(out, "# DIR/o/one\nConfigMap one-a\n");
        for part in [
            "none.yaml",
            "`nonsense`",
            "DIR/o/none",
            "3 of 4 sources failed",
        ] {
            assert!(err.contains(part), "{part} in {err}");
        }
    }

    #[test]
    fn json_names_the_source_of_each_list() {
        let (exit, out, _, _folder) = run(&["-o", "json", "DIR/o/one", "DIR/o/two"]);
        assert_eq!(exit, Exit::Success);
        let lists = serde_json::Deserializer::from_str(&out).into_iter::<serde_json::Value>();
        let lists: Vec<_> = lists.map(Result::unwrap).collect();
        assert_eq!(lists.len(), 2);
        let source = &lists[1]["metadata"]["annotations"]["deployx.dev/source"];
        assert_eq!(source, "DIR/o/two");
        assert_eq!(lists[1]["items"][0]["metadata"]["name"], "two-a");
    }

    #[test]
    fn each_source_has_a_folder_of_its_own() {
        let (exit, out, err, folder) = run(&["--out", "DIR/out", "DIR/o/one", "DIR/base/a.yaml"]);
        assert_eq!((exit, out.as_str()), (Exit::Success, ""));
        assert!(err.contains("2 files written to DIR/out"), "{err}");
        let below = folder.path().strip_prefix("/").unwrap();
        let out = folder.path().join("out").join(below);
        assert!(out.join("o/one/v1_configmap_one-a.yaml").is_file());
        assert!(out.join("base/a/v1_configmap_a.yaml").is_file());
        let (exit, ..) = run(&["--out", "DIR/out", "DIR/o/one", "DIR/o/two/../one"]);
        assert_eq!(exit, Exit::Usage);
    }
}
