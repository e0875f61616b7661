//! KRM functions that are programs, run as kustomize 5.8.1 runs them: a `ResourceList` in, one
//! out, in the folder of the kustomization that lists them. Containers are refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use smol_str::SmolStr;

use super::exchange;
use crate::kustomize::accumulate::Chain;
use crate::kustomize::decode::{Fields, Text};
use crate::kustomize::load::normalize;
use crate::kustomize::outside::Plugins;
use crate::kustomize::resmap::ResMap;
use crate::kustomize::resource::Resource;
use crate::kustomize::run::Run;
use crate::manifest::{Diagnostic, Diagnostics, Node, ReadOptions, Span, emit, read};
use crate::process::{self, Call, Failure, Stderr};

const ANNOTATIONS: [&str; 2] = ["config.kubernetes.io/function", "config.k8s.io/function"];
const CONTAINER: &str = "config.kubernetes.io/container";
const LOCAL: &str = "config.kubernetes.io/local-config";
/// The file that a configuration was read from, as other tools note it.
const PATHS: [&str; 2] = [
    "internal.config.kubernetes.io/path",
    "config.kubernetes.io/path",
];
/// The resources that a configuration in a folder of this name is for lie one folder up.
const FUNCTIONS: &str = "functions";

/// A function that a configuration names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    path: Text,
    args: Vec<Text>,
    envs: Vec<Text>,
}

impl Function {
    /// Reads the function of a configuration; `None` where it names none.
    ///
    /// # Errors
    /// A malformed description, and functions that run in containers or in Starlark.
    pub(super) fn of(run: &Run<'_>, config: &Resource) -> Result<Option<Self>, Diagnostics> {
        let annotations = config.node.at(&["metadata", "annotations"]);
        let annotation = |key: &str| {
            let node = annotations?.get(key)?;
            let text = node.scalar_text().filter(|text| !text.is_empty())?;
            Some((text, node.span))
        };
        if let Some((text, span)) = ANNOTATIONS.iter().find_map(|key| annotation(key)) {
            let sources = run.files().sources;
            let name = format!("{} (function)", sources.locate(span));
            let file = sources.add(name, text);
            let document = read::read_one(sources, file, &ReadOptions::kubectl())
                .map_err(|faults| malformed(faults, span))?;
            return Self::read(&document.root, config, span).map(Some);
        }
        if let Some(node) = config.node.at(&["metadata", "configFn"]) {
            return Self::read(node, config, node.span).map(Some);
        }
        match annotation(CONTAINER) {
            Some((image, span)) => Err(in_container(config, image, span).into()),
            None => Ok(None),
        }
    }

    fn read(node: &Node, config: &Resource, span: Span) -> Result<Self, Diagnostics> {
        const FIELDS: &[&str] = &["container", "deferFailure", "exec"];
        const EXEC: &[&str] = &["path", "args", "envs"];
        const OTHER: &[&str] = &["image", "network", "mounts", "envs"];
        if node.get("starlark").is_some() {
            return Err(in_starlark(config, span).into());
        }
        let mut faults = Vec::new();
        if let Some(container) = node.get("container") {
            let mut inner = Fields::new(container, "a container", OTHER, &mut faults);
            let image = inner.plain("image");
            if faults.is_empty() && !image.is_empty() {
                return Err(in_container(config, &image, span).into());
            }
        }
        let mut fields = Fields::new(node, "a function", FIELDS, &mut faults);
        fields.flag("deferFailure");
        let function = fields.node("exec").and_then(|exec| {
            let mut exec = Fields::new(exec, "`exec` of a function", EXEC, fields.faults());
            Some(Self {
                args: exec.texts("args"),
                envs: exec.texts("envs"),
                path: exec.filled("path")?,
            })
        });
        if !faults.is_empty() {
            return Err(malformed(Diagnostics(faults), span));
        }
        function.ok_or_else(|| {
            let message = format!("the function of {} names no program", config.describe());
            Diagnostic::error("function", message)
                .at(span, "")
                .hint("write `exec: {path: ./PROGRAM}`")
                .into()
        })
    }

    /// Runs the function on a build, or as a generator, and returns what is there then.
    ///
    /// # Errors
    /// It may not be run, cannot be, fails, or prints what are no objects.
    pub(super) fn run(
        &self,
        run: &Run<'_>,
        chain: &Chain<'_>,
        config: &Resource,
        map: Option<&ResMap>,
    ) -> Result<Vec<Resource>, Diagnostics> {
        let plugins = self.allowed(run, config)?;
        let mut function_config = exchange::tracked(config);
        exchange::annotate(&mut function_config, LOCAL, "true");
        let all: Vec<&Resource> = map.into_iter().flat_map(ResMap::iter).collect();
        let scope = scope_of(&config.node);
        let is_meant = |resource: &&Resource| match (&scope, folder_of(&resource.node)) {
            (None, _) => true,
            (Some(scope), Some(folder)) => folder.starts_with(scope),
            (Some(_), None) => false,
        };
        let (meant, others): (Vec<&Resource>, Vec<&Resource>) =
            all.iter().partition(|r| is_meant(r));
        let mut items: Vec<Node> = meant.into_iter().map(exchange::identified).collect();
        if all.is_empty() {
            // A list is never empty: without resources it holds the configuration, which is never
            // part of the output.
            items.push(function_config.clone());
        }
        let input = list(&mut items, &function_config);
        let output = self.spawn(run, chain, config, plugins, &input)?;
        let mut returned = exchange::read(run, config, &self.name(), output)?;
        returned.extend(others.into_iter().cloned());
        Ok(returned)
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> String {
        format!("function `{}`", self.path.value)
    }

    fn allowed<'r>(&self, run: &'r Run<'_>, config: &Resource) -> Result<&'r Plugins, Diagnostic> {
        let plugins = run.options().outside.plugins.as_ref();
        plugins.filter(|plugins| plugins.exec).ok_or_else(|| {
            let message = format!(
                "{} runs the program `{}`, which is not allowed",
                config.describe(),
                self.path.value
            );
            Diagnostic::error("plugin-not-enabled", message)
                .at(config.node.span, "no program is run unasked")
                .note("to leave it out would print objects that nobody has checked or changed")
                .hint("allow it with --enable-alpha-plugins --enable-exec")
        })
    }

    fn spawn(
        &self,
        run: &Run<'_>,
        chain: &Chain<'_>,
        config: &Resource,
        plugins: &Plugins,
        input: &str,
    ) -> Result<Vec<u8>, Diagnostics> {
        let folder = &chain.dir().real;
        let fault = |message: String| {
            Diagnostic::error("function-failed", message)
                .at(config.node.span, "configured here")
                .in_object(config.describe())
        };
        if folder.as_ref() == Path::new("/") {
            return Err(fault("a function is not run in the folder `/`".to_owned()).into());
        }
        // A path with a slash starts from the working directory of the new process.
        let mut command = Command::new(self.path.value.as_str());
        command
            .args(self.args.iter().map(|arg| arg.value.as_str()))
            .envs(self.environment(run, plugins))
            .current_dir(folder);
        let call = Call {
            name: &format!("{} of {}", self.name(), config.describe()),
            input: input.as_bytes(),
            stderr: Stderr::Inherit,
            timeout: None,
            notify: run.options().outside.notify,
        };
        match process::run(&mut command, &call) {
            Ok(done) if done.status.success() => Ok(done.stdout),
            Ok(done) => {
                let message = format!("{} failed: {}", self.name(), done.status);
                Err(fault(message).into())
            }
            Err(Failure::NotStarted(reason)) => {
                let message = format!("cannot run {}: {reason}", self.name());
                let fault = fault(message);
                Err(if self.path.value.contains('/') {
                    fault.note(format!("the path starts from `{}`", folder.display()))
                } else {
                    fault.note("a name without a slash is looked for on PATH")
                }
                .into())
            }
            Err(failure) => Err(fault(format!("{} was ended: {failure}", self.name())).into()),
        }
    }

    /// Its own variables and those of the command line, which are stronger. Like kustomize it takes
    /// no value that holds a `=`.
    fn environment(&self, run: &Run<'_>, plugins: &Plugins) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::new();
        let own = self.envs.iter().map(|env| (env.value.as_str(), env.span));
        let given = plugins.env.iter().map(|env| (env.as_str(), Span::NONE));
        for (text, span) in own.chain(given) {
            match text.split_once('=') {
                Some((key, value)) if !value.contains('=') => {
                    environment.insert(key.to_owned(), value.to_owned());
                }
                _ => {
                    let message = format!("`{text}` is not given to {}", self.name());
                    let warning = Diagnostic::warning("function-env", message)
                        .note("kustomize takes `KEY=VALUE` with one `=` and leaves out the rest");
                    run.warn(if span == Span::NONE {
                        warning
                    } else {
                        warning.at(span, "")
                    });
                }
            }
        }
        environment
    }
}

/// The list that the function reads.
fn list(items: &mut [Node], config: &Node) -> String {
    for (at, item) in items.iter_mut().enumerate() {
        let (index, id) = (at.to_string(), (at + 1).to_string());
        for (key, text) in [
            ("config.kubernetes.io/index", &index),
            ("internal.config.kubernetes.io/index", &index),
            (
                "internal.config.kubernetes.io/annotations-migration-resource-id",
                &index,
            ),
            ("internal.config.kubernetes.io/id", &id),
            ("config.k8s.io/id", &id),
        ] {
            exchange::annotate(item, key, text);
        }
    }
    let mut text = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n".to_owned();
    if items.is_empty() {
        text.push_str("items: []\n");
    } else {
        text.push_str("items:\n");
        emit::emit_to(&Node::seq(items.to_vec(), Span::NONE), &mut text);
    }
    let config = [(SmolStr::new("functionConfig"), config.clone())];
    emit::emit_to(
        &Node::map(config.into_iter().collect(), Span::NONE),
        &mut text,
    );
    text
}

/// The folder whose resources a configuration is for; `None` for all.
fn scope_of(config: &Node) -> Option<String> {
    folder_of(config).filter(|folder| folder != ".")
}

/// The folder that an object says it was read from. What lies in `functions` counts as one up.
fn folder_of(node: &Node) -> Option<String> {
    let annotations = node.at(&["metadata", "annotations"])?;
    let path = PATHS
        .iter()
        .find_map(|key| annotations.get(key)?.scalar_text())?;
    let folder = normalize(Path::new(path).parent()?);
    let folder = match folder.file_name() {
        Some(name) if name == FUNCTIONS => normalize(folder.parent()?),
        _ => folder,
    };
    Some(folder.to_string_lossy().into_owned())
}

fn malformed(faults: Diagnostics, span: Span) -> Diagnostics {
    let place = |fault: Diagnostic| {
        let text = fault.primary.as_ref().map(|label| label.text.clone());
        fault
            .at(span, text.unwrap_or_default())
            .note("in the description of a function")
    };
    Diagnostics(faults.0.into_iter().map(place).collect())
}

fn in_container(config: &Resource, image: &str, span: Span) -> Diagnostic {
    let message = format!(
        "{} runs in the container `{image}`, and containers are not run",
        config.describe()
    );
    Diagnostic::error("function-container", message)
        .at(span, "")
        .note("`network`, `mounts` and the flags for them belong to containers and have no effect")
        .hint("name a program of this machine, `exec: {path: ./PROGRAM}`, and allow it with --enable-alpha-plugins --enable-exec")
}

fn in_starlark(config: &Resource, span: Span) -> Diagnostic {
    let message = format!(
        "{} is written in Starlark, which is not run",
        config.describe()
    );
    Diagnostic::error("function-starlark", message)
        .at(span, "")
        .note("kustomize itself has dropped it")
        .hint("name a program of this machine, `exec: {path: ./PROGRAM}`")
}
