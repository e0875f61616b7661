//! Legacy exec plugins: programs in a folder that is named after the group, version and kind of
//! their configuration, run as kustomize 5.8.1 runs them. Go plugins (`.so`) are refused: they
//! are parts of kustomize's own program.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::NamedTempFile;

use super::{exchange, shell_words};
use crate::kustomize::accumulate::Chain;
use crate::kustomize::decode::{Fields, Text};
use crate::kustomize::outside::Plugins;
use crate::kustomize::resmap::ResMap;
use crate::kustomize::resource::Resource;
use crate::kustomize::run::Run;
use crate::manifest::read::io_reason;
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Severity, emit};
use crate::process::{self, Call, Failure, Stderr};

/// Longest `KEY=value` that Linux lets into an environment.
const MAX_VARIABLE: usize = 131_071;
const CONFIG_STRING: &str = "KUSTOMIZE_PLUGIN_CONFIG_STRING";
const CONFIG_ROOT: &str = "KUSTOMIZE_PLUGIN_CONFIG_ROOT";

/// A plugin that a configuration belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Legacy {
    program: PathBuf,
    args: Vec<String>,
}

impl Legacy {
    /// Finds the plugin of a configuration.
    ///
    /// # Errors
    /// Plugins are not allowed, there is no program, it is none of this form, or its arguments are
    /// malformed.
    pub(super) fn of(
        run: &Run<'_>,
        chain: &Chain<'_>,
        config: &Resource,
    ) -> Result<Self, Diagnostics> {
        let plugins = run.options().outside.plugins.as_ref();
        let plugins = plugins.ok_or_else(|| not_enabled(config))?;
        Ok(Self {
            program: find(plugins, config)?,
            args: arguments(run, chain, config)?,
        })
    }

    /// Runs the plugin on a build, or as a generator, and returns what it printed.
    ///
    /// # Errors
    /// It cannot be run, fails, or prints what are no objects.
    pub(super) fn run(
        &self,
        run: &Run<'_>,
        chain: &Chain<'_>,
        config: &Resource,
        map: Option<&ResMap>,
    ) -> Result<Vec<Resource>, Diagnostics> {
        let nodes: Vec<_> = map
            .into_iter()
            .flat_map(ResMap::iter)
            .map(exchange::identified)
            .collect();
        let output = self.spawn(run, chain, config, &emit::emit_all(&nodes))?;
        exchange::read(run, config, &self.name(), output)
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> String {
        format!("plugin `{}`", display_path(&self.program))
    }

    fn spawn(
        &self,
        run: &Run<'_>,
        chain: &Chain<'_>,
        config: &Resource,
        input: &str,
    ) -> Result<Vec<u8>, Diagnostics> {
        let fault = |message: String| {
            Diagnostic::error("plugin-failed", message)
                .at(config.node.span, "configured here")
                .in_object(config.describe())
        };
        let text = emit::emit(&exchange::tracked(config));
        // Removed when it is dropped, however the plugin ends: it may hold secrets.
        let file = write_config(&text)
            .map_err(|reason| fault(format!("cannot hand over the configuration: {reason}")))?;
        let folder = &chain.dir().real;
        let mut command = Command::new(&self.program);
        command
            .arg(file.path())
            .args(&self.args)
            .current_dir(folder);
        let root = folder.to_string_lossy();
        for (key, value) in [(CONFIG_STRING, text.as_str()), (CONFIG_ROOT, &root)] {
            if key.len() + 1 + value.len() <= MAX_VARIABLE {
                command.env(key, value);
            } else {
                let message =
                    format!("`{key}` is not set: it would be too long for an environment");
                let warning = Diagnostic::new(Severity::Info, "plugin-env", message);
                run.warn(
                    warning
                        .at(config.node.span, "the configuration is this long")
                        .note("the plugin finds the configuration in the file that it is given"),
                );
            }
        }
        let call = Call {
            name: &self.name(),
            input: input.as_bytes(),
            stderr: Stderr::Capture,
            timeout: None,
            notify: run.options().outside.notify,
        };
        match process::run(&mut command, &call) {
            Ok(done) if done.status.success() => Ok(done.stdout),
            Ok(done) => {
                let failed = fault(format!("{} failed: {}", self.name(), done.status));
                let words = process::indented(&String::from_utf8_lossy(&done.stderr));
                Err(if words.is_empty() {
                    failed.note("it said nothing on standard error")
                } else {
                    failed.note(format!("it says: {words}"))
                }
                .into())
            }
            Err(Failure::NotStarted(reason)) => {
                Err(fault(format!("cannot run {}: {reason}", self.name())).into())
            }
            Err(failure) => Err(fault(format!("{} was ended: {failure}", self.name())).into()),
        }
    }
}

fn write_config(text: &str) -> Result<NamedTempFile, String> {
    let mut file = tempfile::Builder::new()
        .prefix("kust-plugin-config-")
        .tempfile()
        .map_err(|error| io_reason(&error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.flush())
        .map_err(|error| io_reason(&error))?;
    Ok(file)
}

/// The program of a configuration.
fn find(plugins: &Plugins, config: &Resource) -> Result<PathBuf, Diagnostic> {
    let fault = |message: String| {
        Diagnostic::error("plugin-missing", message)
            .at(config.node.span, "configured here")
            .in_object(config.describe())
    };
    let Some((_, home)) = plugins.homes.iter().find(|(_, home)| home.exists()) else {
        let fault = fault(format!(
            "there is no folder of plugins to look for {} in",
            config.describe()
        ));
        let looked = plugins.homes.iter();
        let looked = looked.map(|(why, home)| format!("`{}` ({why})", display_path(home)));
        return Err(fault.note(format!(
            "looked for: {}",
            looked.collect::<Vec<_>>().join(", ")
        )));
    };
    let kind = config.original_kind();
    let program = home
        .join(&*config.gvk.group)
        .join(&*config.gvk.version)
        .join(kind.to_lowercase())
        .join(kind.as_str());
    let name = display_path(&program);
    match std::fs::metadata(&program) {
        Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => Err(fault(format!(
            "the plugin `{name}` is not executable"
        ))
        .hint(format!("chmod +x {name}"))),
        Ok(_) => Ok(program),
        Err(_) if object_file(&program).exists() => Err(fault(format!(
            "the plugin `{}` is a Go plugin, which only kustomize can load",
            display_path(&object_file(&program))
        ))
        .hint("make it a KRM function: a program that reads a ResourceList and writes one")),
        Err(_) => Err(fault(format!(
            "there is no plugin for {}",
            config.describe()
        ))
        .note(format!("it would be the program `{name}`"))
        .hint("a KRM function names its program in the annotation `config.kubernetes.io/function`")),
    }
}

fn object_file(program: &Path) -> PathBuf {
    let mut name = program.as_os_str().to_owned();
    name.push(".so");
    PathBuf::from(name)
}

/// What a configuration lets follow its file on the command line.
fn arguments(
    run: &Run<'_>,
    chain: &Chain<'_>,
    config: &Resource,
) -> Result<Vec<String>, Diagnostics> {
    let mut faults = Vec::new();
    let mut fields = Fields::of_plugin(&config.node, "a plugin", &mut faults);
    let line: Option<Text> = fields.filled("argsOneLiner");
    let file: Option<Text> = fields.filled("argsFromFile");
    if !faults.is_empty() {
        return Err(Diagnostics(faults));
    }
    let mut args = Vec::new();
    if let Some(line) = line {
        args = shell_words::split(&line.value).ok_or_else(|| {
            let message = "a quote in `argsOneLiner` is not closed";
            Diagnostic::error("plugin-args", message).at(line.span, "")
        })?;
    }
    if let Some(file) = file {
        let bytes = run.bytes(chain.dir(), &file)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.split('\n').map(|line| line.trim_start_matches(' '));
        args.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
    }
    Ok(args)
}

fn not_enabled(config: &Resource) -> Diagnostic {
    let message = format!(
        "{} of {} is configured by a plugin, which is not allowed",
        config.describe(),
        config.gvk.api_version()
    );
    Diagnostic::error("plugin-not-enabled", message)
        .at(config.node.span, "no program is run unasked")
        .hint("allow it with --enable-alpha-plugins, or correct `apiVersion` and `kind`")
}
