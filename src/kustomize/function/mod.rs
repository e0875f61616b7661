//! deployx as a plugin of real kustomize: a KRM function, and a legacy exec plugin.
//!
//! kustomize throws the `results` of a function away, so what is wrong is an error of the run,
//! never part of its output; and an empty output deletes every resource of a transformer.

mod guard;
mod history;
mod list;
mod tree;

use std::path::Path;

use self::history::Tracked;
use self::list::{Item, ResourceList};
use super::expand::{ExpandInput, ExpandResource, TypedResources, Validators};
use super::load::LoadRestrictions;
use super::run::{Options, build};
use crate::manifest::suggest::nearest;
use crate::manifest::{
    Diagnostic, Diagnostics, FileId, Node, Object, ReadOptions, Severity, Sources, emit, read,
};

/// The API group of the configurations and of the built-in typed kinds.
const GROUP: &str = "deployx.dev";
const VERSION: &str = "v1";
/// The kind of typed resource that is the policy of a release, and makes no objects.
const RELEASE: &str = "Release";

/// What a configuration asks for, by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Expand typed resources: a transformer.
    Expand,
    /// Check everything and change nothing: a validator.
    Validate,
}

impl Mode {
    const KINDS: [(&'static str, Mode); 2] =
        [("Expand", Mode::Expand), ("Validate", Mode::Validate)];

    fn of(kind: &str) -> Option<Mode> {
        let found = Mode::KINDS.iter().find(|(name, _)| *name == kind);
        found.map(|(_, mode)| *mode)
    }
}

/// Everything that a call works with besides its input.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    /// The directory of the kustomization that lists the configuration.
    pub root: &'c Path,
    /// The table that texts go to.
    pub sources: &'c Sources,
    /// What knows typed resources.
    pub typed: &'c dyn TypedResources,
    /// What checks a build.
    pub validators: &'c dyn Validators,
}

/// Runs the KRM function: a `ResourceList` (`config.kubernetes.io/v1` or `v1beta1`) in, one out.
/// The kind of its `functionConfig`, of group `deployx.dev`, says what is asked for; `Validate`
/// returns nothing, because kustomize takes any other answer of a validator for a change.
///
/// # Errors
/// An input that is no `ResourceList`, an unknown configuration, faults of typed resources, what
/// the validators find, and fields of the kustomization in [`Call::root`] or of one below it
/// that do not reach the typed resources they are meant for.
pub fn run(call: &Call<'_>, input: Vec<u8>) -> Result<String, Diagnostics> {
    let file = read::load_bytes(call.sources, "<stdin>", input)?;
    let list = ResourceList::read(call.sources, file)?;
    let mode = mode(&list.config)?;
    refuse_generator(&list)?;
    match mode {
        Mode::Expand => {
            let (kept, made) = expand(call, &list.items)?;
            Ok(list.write(&kept, &made))
        }
        Mode::Validate => {
            validate(call, &list.config, &list.items)?;
            Ok(String::new())
        }
    }
}

/// Runs the legacy exec plugin: the resources of the build in, as YAML documents with kustomize's
/// annotations of their history, and documents out.
///
/// # Errors
/// As [`run`]; also a configuration that cannot be read.
pub fn run_legacy(call: &Call<'_>, config: &Path, input: Vec<u8>) -> Result<String, Diagnostics> {
    let config = read::load(call.sources, config)?;
    let config = read::read_one(call.sources, config, &ReadOptions::kustomize_resource())?.root;
    let mode = mode(&config)?;
    let file = read::load_bytes(call.sources, "<stdin>", input)?;
    let items = documents(call.sources, file)?;
    match mode {
        Mode::Expand => {
            let (kept, made) = expand(call, &items)?;
            let kept = kept.iter().map(|kept| match kept {
                Kept::Same(at) => &items[*at].node,
                Kept::Changed(node) => node,
            });
            Ok(emit::emit_all(kept.chain(&made)))
        }
        Mode::Validate => {
            validate(call, &config, &items)?;
            Ok(String::new())
        }
    }
}

/// Whether a text is the configuration of one of our plugins.
pub fn is_config(text: &str) -> bool {
    let sources = Sources::new();
    let file = sources.add("<config>", text);
    let document = read::read_one(&sources, file, &ReadOptions::kustomize_resource());
    let object = document
        .ok()
        .and_then(|document| Object::from_node(document.root));
    object.is_some_and(|object| object.group() == GROUP && Mode::of(object.kind()).is_some())
}

/// A resource of the input that stays.
enum Kept {
    /// As it came, by its index.
    Same(usize),
    /// With another content.
    Changed(Node),
}

fn mode(config: &Node) -> Result<Mode, Diagnostics> {
    let Some(object) = Object::from_node(config.clone()) else {
        return Err(unknown_config("the function has no configuration", config)
            .note("the `functionConfig` of the list says what to do with its items")
            .into());
    };
    let (kind, api_version) = (object.kind(), object.api_version());
    let mode = Mode::of(kind).filter(|_| object.group() == GROUP);
    let Some(mode) = mode else {
        let message = format!("`{kind}` of `{api_version}` is no configuration of deployx");
        let fault = unknown_config(message, config);
        return Err(match nearest(kind, Mode::KINDS.map(|(name, _)| name)) {
            Some(name) if name != kind => fault.note(format!("did you mean `{name}`?")),
            _ => fault,
        }
        .into());
    };
    if object.version() != VERSION {
        let message = format!("`{api_version}` has no kind `{kind}`");
        return Err(unknown_config(message, config).into());
    }
    Ok(mode)
}

fn unknown_config(message: impl Into<String>, config: &Node) -> Diagnostic {
    Diagnostic::error("function-config", message)
        .at(config.span, "")
        .hint(
            "write `apiVersion: deployx.dev/v1` and `kind: Expand` (in `transformers`) or \
             `kind: Validate` (in `validators`)",
        )
}

/// A generator is handed nothing but its own configuration: nothing would be expanded or checked,
/// and the build would go on.
fn refuse_generator(list: &ResourceList) -> Result<(), Diagnostics> {
    let [item] = list.items.as_slice() else {
        return Ok(());
    };
    let id = |node: &Node| Object::from_node(node.clone()).map(|object| object.id());
    if id(&item.node) != id(&list.config) {
        return Ok(());
    }
    let message = format!(
        "`{}` is no generator: there it is handed no resources",
        item.object.kind()
    );
    Err(unknown_config(message, &list.config).into())
}

fn documents(sources: &Sources, file: FileId) -> Result<Vec<Item>, Diagnostics> {
    let documents = read::read_all(sources, file, &ReadOptions::kustomize_resource())?;
    let roots = documents.into_iter().map(|document| document.root);
    list::items(roots.filter(|root| !root.is_null()))
}

/// What stays of the input, in order, and what expansion adds to it.
fn expand(call: &Call<'_>, items: &[Item]) -> Result<(Vec<Kept>, Vec<Node>), Diagnostics> {
    let tracked: Vec<Tracked> = items.iter().map(|item| Tracked::read(&item.node)).collect();
    let resources: Vec<ExpandResource> = tracked.iter().map(Tracked::view).collect();
    guard::check(call, &resources)?;
    let mut expansions = call
        .typed
        .expand(&input(call, &resources))
        .map_err(|faults| located(call, faults))?;
    expansions.sort_by_key(|expansion| expansion.from);
    let mut made = Vec::new();
    for expansion in expansions {
        let maker = &tracked[expansion.from];
        made.extend(expansion.objects.into_iter().map(|node| maker.heir(node)));
    }
    let mut kept = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        if !call.typed.is_typed(item.object.group(), item.object.kind()) {
            kept.push(Kept::Same(at));
        } else if item.object.kind() == RELEASE {
            kept.push(Kept::Changed(history::mark_local(item.node.clone())));
        }
    }
    Ok((kept, made))
}

fn validate(call: &Call<'_>, config: &Node, items: &[Item]) -> Result<(), Diagnostics> {
    if let Some(config) = Object::from_node(config.clone()) {
        guard::check_validator(call, &config)?;
    }
    let resources: Vec<ExpandResource> = items
        .iter()
        .map(|item| Tracked::read(&item.node).view())
        .collect();
    call.validators
        .validate(config, &input(call, &resources))
        .map_err(|faults| located(call, faults))
}

/// What expansion warns of with the places in the user's files, where a native build of the same
/// kustomization warns of the same. `take` is asked again after that build.
pub fn located_warnings(call: &Call<'_>, take: &dyn Fn() -> Vec<Diagnostic>) -> Vec<Diagnostic> {
    let warnings = take();
    if warnings.is_empty() || build(call.sources, call.root, options(call)).is_err() {
        return warnings;
    }
    let found = take();
    if said(&found) == said(&warnings) {
        found
    } else {
        warnings
    }
}

/// The same faults with the places in the user's files: what kustomize hands over has lost them,
/// but a native build of the same kustomization finds them again.
fn located(call: &Call<'_>, faults: Diagnostics) -> Diagnostics {
    match build(call.sources, call.root, options(call)) {
        Err(mut found) => {
            found.0.retain(|fault| fault.severity == Severity::Error);
            let is_error = |fault: &&Diagnostic| fault.severity == Severity::Error;
            let errors: Vec<Diagnostic> = faults.0.iter().filter(is_error).cloned().collect();
            if said(&found.0) == said(&errors) {
                found
            } else {
                faults
            }
        }
        Ok(_) => faults,
    }
}

fn options<'c>(call: &Call<'c>) -> Options<'c> {
    Options {
        load_restrictions: LoadRestrictions::None,
        typed: call.typed,
        validators: call.validators,
        ..Options::default()
    }
}

/// What findings say, wherever they stand.
fn said(findings: &[Diagnostic]) -> Vec<(&str, &str)> {
    let mut said: Vec<(&str, &str)> = findings
        .iter()
        .map(|finding| (finding.rule.as_ref(), finding.message.as_str()))
        .collect();
    said.sort_unstable();
    said
}

fn input<'i>(call: &Call<'i>, resources: &'i [ExpandResource]) -> ExpandInput<'i> {
    ExpandInput {
        resources,
        sources: call.sources,
        root: call.root,
    }
}

#[cfg(test)]
mod tests;
