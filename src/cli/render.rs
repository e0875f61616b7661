//! `deployx render`: the objects of a source, expanded.

use std::path::{Path, PathBuf};

use clap::Args;

use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui, explain, project, render_many};
use crate::explain::Query;
use crate::manifest::source::display_path;
use crate::manifest::{Object, Sources, emit, read};
use crate::report::{self, ObjectForm};
use crate::source;

/// Print the objects of overlays or files, expanded
///
/// Without typed resources the output is byte-equal to `kustomize build`. Several sources are
/// built at once on all cores, share what they load, and are printed in their order, each under a
/// comment with its path. One that fails prints nothing, and does not stop the others.
#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// Kustomization directories, files of manifests, or - for standard input
    #[arg(value_name = "SOURCE", default_value = ".")]
    pub(super) sources: Vec<PathBuf>,
    /// Take folders without a kustomization as folders of manifests; kustomize refuses them
    #[arg(long)]
    manifests: bool,
    /// Form of the output: yaml, json or names
    #[arg(short, long, value_name = "FORM", default_value = "yaml", value_parser = parse_form)]
    pub(super) output: ObjectForm,
    /// Write one file for each object into this folder instead of printing them; of several
    /// sources, into a folder for each that is called as its path
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub(super) out: Option<PathBuf>,
    /// Tell which files and steps set an object or one of its fields, instead of printing objects
    ///
    /// KIND in any case, in the plural or short; NAME as it is at the end or as it was written;
    /// NAMESPACE/ may stand before it. PATH is written like
    /// `spec.template.spec.containers[web].image`: items of lists by what tells them apart, by
    /// their place, or all by `[*]`; keys with dots in brackets. `-o json` is for machines.
    #[arg(long, value_name = "KIND/NAME[:PATH]", conflicts_with = "out")]
    explain: Option<Query>,
    #[command(flatten)]
    pub(super) options: SourceArgs,
}

/// Reads the value of `-o`. In scripts it is often the path of `kustomize build -o PATH`, which
/// must not silently become something else.
fn parse_form(text: &str) -> Result<ObjectForm, String> {
    match text {
        "yaml" => Ok(ObjectForm::Yaml),
        "json" => Ok(ObjectForm::Json),
        "names" => Ok(ObjectForm::Names),
        _ => Err("use yaml, json or names; to write files, use `--out DIR`".to_owned()),
    }
}

/// Runs `deployx render`.
pub(super) fn cmd_render(
    ui: &mut Ui,
    sources: &Sources,
    args: RenderArgs,
) -> Result<Exit, CommandError> {
    if !args.manifests {
        args.sources
            .iter()
            .try_for_each(|path| is_buildable(path))?;
    }
    if let Some(query) = &args.explain {
        return explain_field(ui, sources, &args, query);
    }
    let [source] = args.sources.as_slice() else {
        return render_many::render(ui, sources, &args);
    };
    let loaded = project::load(sources, source, &args.options)?;
    ui.diagnostics(sources, &loaded.warnings);
    if let Some(folder) = &args.out {
        let files = write_files(folder, &loaded.objects)?;
        let files = report::count(files, "file");
        ui.status(format!("{files} written to {}", display_path(folder)));
        return Ok(Exit::Success);
    }
    report::objects(ui.stdout(), args.output, &loaded.objects)?;
    // The process ends here: to take the trees apart would only cost time.
    std::mem::forget(loaded);
    Ok(Exit::Success)
}

/// Refuses a folder of plain manifests, as `kustomize build` does: in a script it is an overlay
/// whose kustomization was forgotten.
fn is_buildable(path: &Path) -> Result<(), CommandError> {
    if !source::is_plain_folder(path) {
        return Ok(());
    }
    let name = display_path(path);
    let message = format!("`{name}` has no kustomization.yaml");
    let hint = format!("to print its manifests: deployx render --manifests {name}");
    Err(CommandError::message(message).hint(hint))
}

fn explain_field(
    ui: &mut Ui,
    sources: &Sources,
    args: &RenderArgs,
    query: &Query,
) -> Result<Exit, CommandError> {
    let form = match args.output {
        ObjectForm::Yaml => explain::Form::Human,
        ObjectForm::Json => explain::Form::Json,
        ObjectForm::Names => {
            let message = "`-o names` has nothing to say of a field";
            return Err(CommandError::usage(message).hint("leave it out, or use `-o json`"));
        }
    };
    let [source] = args.sources.as_slice() else {
        return Err(CommandError::usage("`--explain` takes one source"));
    };
    explain::explain_source(ui, sources, source, &args.options, query, form)
}

/// Writes each object to a file that is called as `kustomize build -o DIR` calls it, with the
/// namespace in front where objects of several namespaces could meet. Returns their number.
pub(super) fn write_files(folder: &Path, objects: &[Object]) -> Result<usize, CommandError> {
    let failed = |path: &Path, error: &std::io::Error| {
        let path = display_path(path);
        CommandError::message(format!("cannot write `{path}`: {}", read::io_reason(error)))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut namespaces: Vec<&str> = objects.iter().map(Object::namespace).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    for object in objects {
        let mut parts = vec![
            object.api_version().replace('/', "_"),
            object.kind().to_owned(),
        ];
        if namespaces.len() > 1 && !object.namespace().is_empty() {
            parts.insert(0, object.namespace().to_owned());
        }
        parts.push(object.name().replace([':', '/'], "_"));
        let path = folder.join(format!("{}.yaml", parts.join("_").to_lowercase()));
        std::fs::write(&path, emit::emit(&object.root)).map_err(|error| failed(&path, &error))?;
    }
    Ok(objects.len())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    const TWO: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: shop}\n---\n\
                       apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n";

    fn run(args: &[&str]) -> (Exit, String, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("in.yaml"), TWO).unwrap();
        let root = folder.path().to_str().unwrap();
        let words = ["deployx", "render", "DIR/in.yaml"].iter().chain(args);
        let words = words.map(|word| word.replace("DIR", root));
        let (mut ui, captured) = Ui::capture();
        let exit = crate::cli::run(crate::cli::Cli::parse_from(words), &mut ui);
        (exit, captured.stdout(), folder)
    }

    #[test]
    fn a_folder_of_manifests_is_printed_only_where_that_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("in.yaml"), TWO).unwrap();
        let root = folder.path().to_str().unwrap();
        let run = |args: &[&str]| {
            let words = [&["deployx", "render", root], args].concat();
            let (mut ui, captured) = Ui::capture();
            let exit = crate::cli::run(crate::cli::Cli::parse_from(words), &mut ui);
            (exit, captured.stdout(), captured.stderr())
        };
        let (exit, out, err) = run(&[]);
        assert_eq!((exit, out.as_str()), (Exit::Failure, ""));
        assert!(err.contains("has no kustomization.yaml"), "{err}");
        assert!(err.contains("--manifests"), "{err}");
        let (exit, out, _) = run(&["--manifests", "-o", "names"]);
        assert_eq!(
            (exit, out.as_str()),
            (Exit::Success, "ConfigMap shop/b\nDeployment a\n")
        );
    }

    #[test]
    fn objects_are_printed_in_the_form_asked_for() {
        let (exit, names, _) = run(&["-o", "names"]);
        assert_eq!(
            (exit, names.as_str()),
            (Exit::Success, "ConfigMap shop/b\nDeployment a\n")
        );
        let (_, json, _) = run(&["-o", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["items"][1]["metadata"]["name"], "a");
        let (_, yaml, _) = run(&[]);
        assert!(yaml.starts_with("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n"));
    }

    #[test]
    fn objects_are_written_to_files() {
        let (exit, out, folder) = run(&["--out", "DIR/out"]);
        assert_eq!((exit, out.as_str()), (Exit::Success, ""));
        let file = folder.path().join("out/shop_v1_configmap_b.yaml");
        assert!(
            std::fs::read_to_string(file)
                .unwrap()
                .contains("namespace: shop")
        );
        assert!(folder.path().join("out/apps_v1_deployment_a.yaml").exists());
    }
}
