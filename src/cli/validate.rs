//! `deployx validate`: what the API server will say, before it is asked.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};

use super::{CommandError, Exit, Ui};
use crate::manifest::{Diagnostic, Sources};
use crate::report;
use crate::schema::Version;
use crate::source;
use crate::validate::{self, Validator, Verdict, Verdicts};

/// Say what the API server would answer, offline
///
/// Every fault is reported with its place, the server's own words and what to write instead.
/// Exit code 1 when an object would be refused.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Files, folders of manifests, or - for standard input
    #[arg(value_name = "SOURCE", default_value = ".")]
    sources: Vec<PathBuf>,
    /// Kubernetes version whose verdict is asked for, for example 1.37 [default: the newest known]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Fail also where nothing is known, as for a custom resource without its schema
    #[arg(long)]
    require_schema: bool,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON document
    Json,
}

/// Runs `deployx validate`.
pub(super) fn cmd_validate(
    ui: &mut Ui,
    sources: &Sources,
    args: ValidateArgs,
) -> Result<Exit, CommandError> {
    let started = Instant::now();
    let version = match &args.kubernetes_version {
        Some(text) => text
            .parse()
            .map_err(|error: crate::schema::UnknownVersion| {
                CommandError::usage(error.to_string())
            })?,
        None => Version::newest(),
    };
    let validator = Validator::new(version);
    let mut verdicts = Verdicts::default();
    for source in &args.sources {
        verdicts.append(judge(validator, sources, source)?);
    }
    if args.require_schema {
        verdicts.objects.iter_mut().for_each(require_schema);
    }
    let style = ui.out_style;
    match args.format {
        Format::Json => report::findings_json(ui.stdout(), sources, &verdicts, version)?,
        Format::Human => {
            let took = started.elapsed();
            report::findings_human(ui.stdout(), sources, &verdicts, version, took, style)?;
        }
    }
    let refused = |judged: &validate::Judged| judged.judgement.verdict == Verdict::Rejected;
    Ok(if verdicts.objects.iter().any(refused) {
        Exit::Failure
    } else {
        Exit::Success
    })
}

/// Judges everything that a source yields.
fn judge(validator: Validator, sources: &Sources, path: &Path) -> Result<Verdicts, CommandError> {
    if path == Path::new("-") {
        let file = source::load_stdin(sources)?;
        return Ok(validate::judge_file(validator, sources, file));
    }
    if !path.is_dir() {
        return Ok(validate::judge_files(
            validator,
            sources,
            &[path.to_path_buf()],
        ));
    }
    let files = source::manifest_files(path);
    if files.is_empty() {
        let name = crate::manifest::source::display_path(path);
        return Err(CommandError::message(format!("no manifest in `{name}`"))
            .hint("manifests are files that end in .yaml, .yml or .json"));
    }
    Ok(validate::judge_files(validator, sources, &files))
}

/// Makes an unknown verdict an error.
fn require_schema(judged: &mut validate::Judged) {
    let Some(reason) = judged.judgement.unknown.take() else {
        return;
    };
    judged.judgement.verdict = Verdict::Rejected;
    judged.judgement.findings.push(
        Diagnostic::error("no-schema", reason)
            .at(judged.span, "this cannot be checked")
            .in_object(judged.id.to_string()),
    );
}
