//! `deployx templates`: what typed kinds there are, and what they take.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CommandError, Exit, Ui};
use crate::manifest::{Sources, suggest};
use crate::report::templates::{KindLine, fields, kinds};
use crate::template::dialect::export::{self, For};
use crate::template::dialect::rows;
use crate::template::{Kind, Library, config_schema, configuration};

/// Show the typed templates: kinds, their fields, and schemas for editors
#[derive(Debug, Args)]
pub(super) struct TemplatesArgs {
    /// Folder whose project counts
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    project: PathBuf,
    #[command(subcommand)]
    command: TemplatesCommand,
}

#[derive(Debug, Subcommand)]
enum TemplatesCommand {
    /// List the kinds
    List,
    /// Show the fields of a kind: type, default, what it becomes, rules
    Show {
        /// Kind, for example WebService
        kind: String,
        /// One field and what is below it, for example ingress
        field: Option<String>,
    },
    /// Print the JSON Schema for editors
    Schema {
        /// Kind, `all` for one schema of all kinds, or `config` for .deployx.yaml
        kind: String,
        /// For strategic-merge patches: nothing is required, null is allowed
        #[arg(long)]
        patch: bool,
    },
    /// Print the file for `configurations:` that leads plain kustomize into typed resources
    KustomizeConfig,
}

/// Runs `deployx templates`.
pub(super) fn cmd_templates(
    ui: &mut Ui,
    sources: &Sources,
    args: &TemplatesArgs,
) -> Result<Exit, CommandError> {
    let library = Library::load(&args.project, sources)?;
    match &args.command {
        TemplatesCommand::List => list(ui, &library, sources)?,
        TemplatesCommand::Show { kind, field } => {
            show(ui, library.named(kind, sources)?, field.as_deref())?;
        }
        TemplatesCommand::Schema { kind, patch } => {
            let form = if *patch { For::Patches } else { For::Resources };
            let json = schema(&library, kind, form, sources)?;
            writeln!(ui.stdout(), "{json:#}")?;
        }
        TemplatesCommand::KustomizeConfig => {
            let text = configuration(library.field_specs());
            ui.stdout().write_all(text.as_bytes())?;
        }
    }
    Ok(Exit::Success)
}

fn list(ui: &mut Ui, library: &Library, sources: &Sources) -> Result<(), CommandError> {
    let found = library.kinds(sources)?;
    let lines: Vec<KindLine<'_>> = found
        .iter()
        .map(|kind| KindLine {
            info: &kind.info,
            description: kind.schema.description.as_deref().unwrap_or_default(),
            origin: if kind.built_in { "built in" } else { "project" },
        })
        .collect();
    let style = ui.out_style;
    Ok(kinds(ui.stdout(), &lines, style)?)
}

fn show(ui: &mut Ui, kind: &Kind, field: Option<&str>) -> Result<(), CommandError> {
    let mut rows = rows(&kind.schema);
    if let Some(field) = field {
        let names: Vec<String> = rows.iter().map(|row| row.field.clone()).collect();
        rows.retain(|row| {
            row.field == field
                || row
                    .field
                    .strip_prefix(field)
                    .is_some_and(|rest| rest.starts_with('.'))
        });
        if rows.is_empty() {
            let error = CommandError::message(format!("{} has no `{field}`", kind.info.kind));
            let near = suggest::nearest(field, names.iter().map(String::as_str));
            return Err(match near {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("see `deployx templates show {}`", kind.info.kind)),
            });
        }
    }
    let style = ui.out_style;
    Ok(fields(ui.stdout(), &rows, style)?)
}

fn schema(
    library: &Library,
    kind: &str,
    form: For,
    sources: &Sources,
) -> Result<serde_json::Value, CommandError> {
    match kind {
        "config" => Ok(config_schema()),
        "all" => {
            let found = library.kinds(sources)?;
            let pairs = found.iter().map(|kind| (&kind.info, kind.schema.as_ref()));
            Ok(export::all(pairs, form))
        }
        kind => {
            let kind = library.named(kind, sources)?;
            Ok(export::resource(&kind.info, &kind.schema, form))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: TemplatesCommand) -> Result<String, String> {
        let (mut ui, captured) = Ui::capture();
        let empty = tempfile::tempdir().unwrap();
        let args = TemplatesArgs {
            project: empty.path().to_path_buf(),
            command,
        };
        match cmd_templates(&mut ui, &Sources::new(), &args) {
            Ok(_) => Ok(captured.stdout()),
            Err(error) => Err(error.diagnostics.to_string()),
        }
    }

    #[test]
    fn kinds_are_listed() {
        insta::assert_snapshot!(run(TemplatesCommand::List).unwrap());
    }

    #[test]
    fn fields_are_shown() {
        let show = |kind: &str, field: Option<&str>| {
            run(TemplatesCommand::Show {
                kind: kind.into(),
                field: field.map(str::to_owned),
            })
        };
        insta::assert_snapshot!(show("WebService", Some("ingress")).unwrap());
        let all = show("WebService", None).unwrap();
        assert!(all.lines().all(|line| line.chars().count() <= 140), "{all}");
        assert_eq!(
            show("Webservice", None).unwrap_err(),
            "there is no kind `Webservice`"
        );
        assert_eq!(
            show("Worker", Some("replica")).unwrap_err(),
            "Worker has no `replica`"
        );
    }

    #[test]
    fn schemas_are_json() {
        for kind in ["WebService", "all", "config"] {
            for patch in [false, true] {
                let text = run(TemplatesCommand::Schema {
                    kind: kind.into(),
                    patch,
                })
                .unwrap();
                let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert!(jsonschema::validator_for(&json).is_ok(), "{kind}");
            }
        }
    }

    #[test]
    fn the_configuration_is_printed() {
        let text = run(TemplatesCommand::KustomizeConfig).unwrap();
        assert!(text.contains("path: spec/image"), "{text}");
    }
}
