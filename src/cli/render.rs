//! `deployx render`: the objects of a source, expanded.

use std::path::{Path, PathBuf};

use clap::Args;

use super::source_args::SourceArgs;
use super::{CommandError, Exit, Ui, explain, project};
use crate::explain::Query;
use crate::manifest::source::display_path;
use crate::manifest::{Object, Sources, emit, json, read};
use crate::report;

/// Print the objects of an overlay, a folder or a file, expanded
///
/// Without typed resources the output is byte-equal to `kustomize build`.
#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// Kustomization directory, file or folder of manifests, or - for standard input
    #[arg(default_value = ".")]
    source: PathBuf,
    /// Form of the output: yaml, json or names
    #[arg(short, long, value_name = "FORM", default_value = "yaml", value_parser = parse_form)]
    output: Form,
    /// Write one file for each object into this folder instead of printing them
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    out: Option<PathBuf>,
    /// Tell which files and steps set an object or one of its fields, instead of printing objects
    ///
    /// KIND in any case, in the plural or short; NAME as it is at the end or as it was written;
    /// NAMESPACE/ may stand before it. PATH is written like
    /// `spec.template.spec.containers[web].image`: items of lists by what tells them apart, by
    /// their place, or all by `[*]`; keys with dots in brackets. `-o json` is for machines.
    #[arg(long, value_name = "KIND/NAME[:PATH]", conflicts_with = "out")]
    explain: Option<Query>,
    #[command(flatten)]
    options: SourceArgs,
}

/// Forms in which objects are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// YAML documents, as `kustomize build` prints them.
    Yaml,
    /// One JSON document: a `List`.
    Json,
    /// One line for each object: `Deployment shop/backend`.
    Names,
}

/// Reads the value of `-o`. In scripts it is often the path of `kustomize build -o PATH`, which
/// must not silently become something else.
fn parse_form(text: &str) -> Result<Form, String> {
    match text {
        "yaml" => Ok(Form::Yaml),
        "json" => Ok(Form::Json),
        "names" => Ok(Form::Names),
        _ => Err("use yaml, json or names; to write files, use `--out DIR`".to_owned()),
    }
}

/// Runs `deployx render`.
pub(super) fn cmd_render(
    ui: &mut Ui,
    sources: &Sources,
    args: RenderArgs,
) -> Result<Exit, CommandError> {
    if let Some(query) = &args.explain {
        let form = match args.output {
            Form::Yaml => explain::Form::Human,
            Form::Json => explain::Form::Json,
            Form::Names => {
                let message = "`-o names` has nothing to say of a field";
                return Err(CommandError::usage(message).hint("leave it out, or use `-o json`"));
            }
        };
        return explain::explain_overlay(ui, sources, &args.source, &args.options, query, form);
    }
    let loaded = project::load(sources, &args.source, &args.options)?;
    ui.diagnostics(sources, &loaded.warnings);
    if let Some(folder) = &args.out {
        return write_files(ui, folder, &loaded.objects);
    }
    let nodes = loaded.objects.iter().map(|object| &object.root);
    let text = match args.output {
        Form::Yaml => emit::emit_all(nodes),
        Form::Json => {
            let items: Vec<_> = nodes.map(json::to_json).collect();
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
            format!("{list:#}\n")
        }
        Form::Names => {
            let lines = loaded
                .objects
                .iter()
                .map(|object| format!("{}\n", object.describe()));
            lines.collect()
        }
    };
    ui.stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

/// Writes each object to a file that is called as `kustomize build -o DIR` calls it, with the
/// namespace in front where objects of several namespaces could meet.
fn write_files(ui: &mut Ui, folder: &Path, objects: &[Object]) -> Result<Exit, CommandError> {
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
    let files = report::count(objects.len(), "file");
    ui.status(format!("{files} written to {}", display_path(folder)));
    Ok(Exit::Success)
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
