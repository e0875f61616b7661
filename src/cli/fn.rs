//! `deployx fn`: the plugin of real kustomize, called by name or found by itself.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::project::Project;
use super::{CommandError, Exit, Ui};
use crate::kustomize::function::{self, Call};
use crate::manifest::{Diagnostics, Severity, Sources, read};

/// kustomize sets this, and nothing else, for a legacy exec plugin: the kustomization's folder.
const PLUGIN_ROOT: &str = "KUSTOMIZE_PLUGIN_CONFIG_ROOT";
/// How much of standard input is looked at before it is taken for a ResourceList.
const HEAD_BYTES: u64 = 4096;

/// Expand or check the resources of a `kustomize build` that calls this as a function
///
/// Reads a ResourceList from standard input and writes one to standard output. A file with
/// `apiVersion: deployx.dev/v1` and `kind: Expand`, listed in `transformers`, or `kind: Validate`,
/// listed in `validators`, names the function in an annotation:
///
///   config.kubernetes.io/function: |
///     exec: {path: deployx, args: [fn]}
///
/// Run it with: kustomize build --enable-alpha-plugins --enable-exec OVERLAY
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct FnArgs {}

/// A call that says by its circumstances that kustomize makes it.
#[derive(Debug)]
pub(super) enum Found {
    /// A function without arguments; the input has been read up to here.
    Function(Vec<u8>),
    /// A legacy exec plugin, with its configuration and the kustomization's folder.
    Legacy { config: PathBuf, root: PathBuf },
}

/// Finds out whether kustomize calls, where no subcommand says so.
pub(super) fn found(args: &[OsString]) -> Option<Found> {
    match args {
        [_] if !io::stdin().is_terminal() => {
            let head = head(&mut io::stdin().lock()).ok()?;
            is_resource_list(&head).then_some(Found::Function(head))
        }
        [_, config, ..] => {
            let root = env::var_os(PLUGIN_ROOT)?;
            let text = std::fs::read_to_string(config).ok()?;
            function::is_config(&text).then(|| Found::Legacy {
                config: config.into(),
                root: root.into(),
            })
        }
        _ => None,
    }
}

/// Runs `deployx fn`.
pub(super) fn cmd_fn(ui: &mut Ui, sources: &Sources, args: FnArgs) -> Result<Exit, CommandError> {
    let FnArgs {} = args;
    serve(ui, sources, Found::Function(Vec::new()))
}

/// Answers a call of kustomize's.
pub(super) fn serve(ui: &mut Ui, sources: &Sources, found: Found) -> Result<Exit, CommandError> {
    let (head, root) = match &found {
        Found::Function(head) => (head.clone(), env::current_dir()?),
        Found::Legacy { root, .. } => (Vec::new(), root.clone()),
    };
    let input = rest(head, &mut io::stdin().lock())?;
    let project = Project::of(sources, &root)?;
    let call = Call {
        root: &root,
        sources,
        typed: project.typed(),
        validators: project.validators(),
    };
    let output = answer(&call, &found, input)?;
    // kustomize runs this unasked and many times: only what is suspicious is said.
    let take = || {
        let mut warnings = project.take_warnings();
        warnings.retain(|warning| warning.severity >= Severity::Warning);
        warnings
    };
    ui.diagnostics(sources, &function::located_warnings(&call, &take));
    ui.stdout().write_all(output.as_bytes())?;
    Ok(Exit::Success)
}

fn answer(call: &Call<'_>, found: &Found, input: Vec<u8>) -> Result<String, Diagnostics> {
    match found {
        Found::Function(_) => function::run(call, input),
        Found::Legacy { config, .. } => function::run_legacy(call, Path::new(config), input),
    }
}

fn head(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    from.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

fn rest(mut head: Vec<u8>, from: &mut dyn Read) -> Result<Vec<u8>, CommandError> {
    // One byte more than is allowed, so that too much is told from just enough.
    let limit = read::Limits::DEFAULT.bytes + 1;
    from.take(limit)
        .read_to_end(&mut head)
        .map_err(|error| CommandError::message(format!("cannot read standard input: {error}")))?;
    Ok(head)
}

/// Whether a text begins as kustomize begins a ResourceList.
fn is_resource_list(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let lines = text.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---"
    });
    lines.take(2).any(|line| {
        let value = |key| {
            line.strip_prefix(key)
                .map(|value: &str| value.trim().trim_matches('"'))
        };
        value("kind:") == Some("ResourceList")
            || value("apiVersion:").is_some_and(|value| value.starts_with("config.kubernetes.io/"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_list_is_known_by_its_first_lines() {
        for (head, want) in [
            (
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n",
                true,
            ),
            (
                "kind: ResourceList\napiVersion: config.kubernetes.io/v1beta1\n",
                true,
            ),
            ("# from kustomize\n---\nkind: \"ResourceList\"\n", true),
            ("apiVersion: config.kubernetes.io/v1\n", true),
            (
                "apiVersion: v1\nkind: ConfigMap\ndata:\n  kind: ResourceList\n",
                false,
            ),
            (
                "apiVersion: v1\nkind: List\nitems:\n- kind: ResourceList\n",
                false,
            ),
            ("", false),
            ("\u{0}\u{1}", false),
        ] {
            assert_eq!(is_resource_list(head.as_bytes()), want, "{head}");
        }
    }
}
