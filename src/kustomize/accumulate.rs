//! A kustomization tree, from the leaves up: resources, generators, components, transformers,
//! validators, in kustomize's order.

use std::path::Path;
use std::sync::Arc;

use super::config::RawConfig;
use super::decode::Text;
use super::generators::{self, Generated};
use super::kustomization::Kustomization;
use super::load::{Dir, Loaded, Mode, lock, named_here, shown_path};
use super::origin::{self, Origin, Place};
use super::record::{Step, StepKind};
use super::resmap::{ResMap, duplicate};
use super::resource::Resource;
use super::run::{Run, conflict, is_repository};
use super::transform::transform;
use super::vars::Var;
use super::{crds, helm_charts, plugins, remote, shared, typed, vars};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, FileId, Node, Span};

/// What a kustomization has gathered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accumulator {
    pub(crate) map: ResMap,
    /// The configurations of it and of what it loaded, in order.
    pub(crate) customs: Vec<Arc<RawConfig>>,
    pub(crate) vars: Vec<Var>,
}

/// The kustomizations that lead to one, for cycles and messages.
pub(crate) struct Chain<'c> {
    dir: &'c Dir,
    parent: Option<&'c Chain<'c>>,
    /// The way from the root's directory, for origins.
    from_root: Place,
}

impl<'c> Chain<'c> {
    /// The chain with one more link, which an entry of the last one names.
    fn next(&'c self, dir: &'c Dir, entry: &str) -> Chain<'c> {
        Chain {
            dir,
            parent: Some(self),
            from_root: self.path_from_root(entry),
        }
    }

    /// The kustomization's directory.
    pub(crate) fn dir(&self) -> &Dir {
        self.dir
    }

    /// The directories that lead to it, its own first.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &Dir> {
        std::iter::successors(Some(self), |link| link.parent).map(|link| link.dir)
    }

    /// The path of a file that the kustomization names, from the root's directory.
    pub(crate) fn path_from_root(&self, entry: &str) -> Place {
        self.from_root.join(entry)
    }
}

/// What `loaded` is built as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Base,
    Component,
}

/// Accumulates the root of a build.
///
/// # Errors
/// All faults of the tree, as far as they are independent.
pub(crate) fn root(run: &Run<'_>, dir: &Dir, loaded: &Loaded) -> Result<Accumulator, Diagnostics> {
    let chain = Chain {
        dir,
        parent: None,
        from_root: Place::default(),
    };
    let mut accumulator = Accumulator::default();
    let faults = accumulate(run, &chain, loaded, &mut accumulator, Role::Root);
    faults.or(accumulator)
}

/// Gathers what a kustomization loads and makes, and returns what is wrong with it: a fault does
/// not keep others from being found that have nothing to do with it.
fn accumulate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    loaded: &Loaded,
    into: &mut Accumulator,
    role: Role,
) -> Diagnostics {
    let dir = chain.dir;
    let kustomization = &loaded.kustomization;
    run.was_read(&loaded.path);
    run.entered(dir);
    run.warn_all(kustomization.warnings.clone());
    let mut faults = loaded.faults.clone();
    faults.take(run.use_openapi(dir, &kustomization.openapi, &into.map));
    faults.take(resources(run, chain, &kustomization.resources, into));
    faults.take(configurations(run, dir, kustomization, into));
    faults.take(custom_kinds(run, dir, kustomization, into));
    into.map.incomplete |= !faults.is_empty();
    let file = chain.path_from_root(loaded.file_name);
    let mut made = Diagnostics::default();
    made.take(generate(run, dir, kustomization, &file, &mut into.map));
    // No chart is rendered for a build that fails anyway.
    if faults.is_empty() && made.is_empty() {
        let charts = render_charts(run, chain, kustomization, &file, &mut into.map);
        made.take(charts);
    }
    made.take(plugins::generate(
        run,
        chain,
        &kustomization.generators,
        &mut into.map,
    ));
    for entry in &kustomization.components {
        made.take(component(run, chain, entry, into));
    }
    into.map.incomplete |= !made.is_empty();
    faults.0.extend(made.0);
    faults
        .0
        .extend(transform(run, chain, loaded, into, faults.is_empty()).0);
    if role == Role::Root {
        faults.take(typed::expand(run, &mut into.map));
    }
    if faults.is_empty() {
        let validators = &kustomization.validators;
        faults.take(plugins::validate(run, chain, validators, &mut into.map));
    }
    faults.take(vars::declare(
        &mut into.map,
        &mut into.vars,
        &kustomization.vars,
    ));
    faults
}

/// Works a component into what the kustomization has so far.
fn component(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entry: &Text,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let component = open(run, chain, entry)?;
    let next = chain.next(&component, &entry.value);
    load_and_accumulate(run, &next, entry, into, Role::Component).or(())
}

/// Loads `resources`: files, and directories with kustomizations.
pub(crate) fn resources(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entries: &[Text],
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    for entry in entries {
        faults.take(resource(run, chain, entry, into));
    }
    faults.or(())
}

fn resource(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entry: &Text,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let found = run.files().resolve(chain.dir, &entry.value);
    match found {
        Ok(real) if real.is_dir => {
            let dir = open(run, chain, entry)?;
            base(run, chain, &dir, entry, into)
        }
        Err(_) if remote::is_remote(&entry.value) => remote_resource(run, chain, entry, into),
        _ => {
            let resources = objects_of(run, chain, entry)?;
            into.map.append_all(resources).map_err(Diagnostics)
        }
    }
}

/// Loads what lies afar: first as a file, where it can be one, then as a repository.
fn remote_resource(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entry: &Text,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let is_repository = is_repository(&entry.value);
    let mut no_file = None;
    if remote::is_http(&entry.value) {
        match objects_of(run, chain, entry) {
            Ok(resources) => return into.map.append_all(resources).map_err(Diagnostics),
            // A page about a repository is no YAML.
            Err(faults) if !is_repository || run.options().outside.remote.is_none() => {
                return Err(faults);
            }
            Err(faults) => no_file = faults.0.into_iter().next(),
        }
    }
    let dir = open(run, chain, entry).map_err(|fault| match &no_file {
        Some(other) => fault.note(format!("nor as a file: {}", other.message)),
        None => fault,
    })?;
    base(run, chain, &dir, entry, into)
}

/// Loads a base.
fn base(
    run: &Run<'_>,
    chain: &Chain<'_>,
    dir: &Dir,
    entry: &Text,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let next = chain.next(dir, &entry.value);
    let (base, mut faults) = shared::base(run, &next, || {
        let mut base = Accumulator::default();
        let faults = load_and_accumulate(run, &next, entry, &mut base, Role::Base);
        (base, faults)
    });
    faults.take(merge(into, base, entry));
    faults.or(())
}

/// The objects of a file.
fn objects_of(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entry: &Text,
) -> Result<Vec<Resource>, Diagnostics> {
    let file = run.text(chain.dir, entry)?;
    let objects = run.files().objects(file, Mode::Resources);
    // What nobody else asks for is taken and not copied when it changes.
    let objects = match Arc::try_unwrap(objects) {
        Ok(objects) => objects?,
        Err(shared) => (*shared).clone()?,
    };
    let schema = run.schema();
    let of = |node| Resource::new(node, &schema);
    let mut resources: Vec<Resource> = objects.into_iter().map(of).collect();
    for resource in &mut resources {
        plugins::remember(run, resource);
    }
    if run.tracks_origins() {
        let origin = Origin::File(chain.path_from_root(&entry.value));
        for resource in &mut resources {
            origin::set(resource, &origin);
        }
    }
    if let Some(recorder) = run.recorder() {
        let step = Step::of_text(StepKind::Resource, entry);
        recorder.step(resources.iter_mut(), step);
    }
    Ok(resources)
}

fn merge(into: &mut Accumulator, mut base: Accumulator, entry: &Text) -> Result<(), Diagnostics> {
    base.map.incomplete |= into.map.incomplete;
    into.map.incomplete = base.map.incomplete;
    if into.map.len() == 0 {
        if let Some((first, second)) = base.map.conflict() {
            let fault = duplicate(base.map.get(first), base.map.get(second));
            return Err(fault.also(entry.span, "loaded by this entry").into());
        }
        into.map = base.map;
    } else {
        into.map.append_all(base.map.take()).map_err(|faults| {
            let note = |fault: Diagnostic| fault.also(entry.span, "loaded by this entry");
            Diagnostics(faults.into_iter().map(note).collect())
        })?;
    }
    for custom in base.customs {
        add_custom(&mut into.customs, custom);
    }
    vars::merge(&mut into.vars, &base.vars)?;
    Ok(())
}

fn add_custom(customs: &mut Vec<Arc<RawConfig>>, custom: Arc<RawConfig>) {
    if !customs.iter().any(|known| Arc::ptr_eq(known, &custom)) {
        customs.push(custom);
    }
}

/// Opens a directory that a kustomization names.
fn open(run: &Run<'_>, chain: &Chain<'_>, entry: &Text) -> Result<Dir, Diagnostic> {
    let shown = shown_path(chain.dir, &entry.value);
    let fail = |message: String| {
        Diagnostic::error("no-kustomization", message).at(entry.span, "named here")
    };
    let name = display_path(&shown);
    if Path::new(entry.value.as_str()).is_absolute() {
        return Err(fail(format!("`{name}` is an absolute path"))
            .hint("name the folder relative to the kustomization"));
    }
    let real = match run.files().resolve(chain.dir, &entry.value) {
        Ok(real) if real.is_dir => real.path,
        Ok(_) => return Err(fail(format!("`{name}` is a file, not a folder"))),
        Err(_) if remote::is_remote(&entry.value) => {
            let fetched = &run.files().fetched;
            let ancestors: Vec<&Dir> = chain.ancestors().collect();
            return remote::directory(fetched, &run.options().outside, entry, &ancestors);
        }
        Err(reason) => {
            let message = format!("cannot open `{name}`: {reason}");
            let near = named_here(chain.dir, &entry.value);
            return Err(Diagnostic::error("no-kustomization", message).at(entry.span, near));
        }
    };
    let repository = chain.dir.repository.clone();
    if let Some(repository) = &repository
        && !real.starts_with(repository.root())
    {
        let message = format!("`{name}` leads out of its repository");
        return Err(Diagnostic::error("outside-root", message).at(entry.span, ""));
    }
    for link in chain.ancestors() {
        if link.real.starts_with(&real) {
            let message = format!(
                "`{name}` contains `{}`, which loads it",
                display_path(&link.shown)
            );
            return Err(Diagnostic::error("cycle", message)
                .at(entry.span, "a cycle starts here")
                .hint("a kustomization cannot load a folder that it is in or below"));
        }
    }
    Ok(Dir {
        real,
        shown,
        repository,
    })
}

fn load_and_accumulate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entry: &Text,
    into: &mut Accumulator,
    role: Role,
) -> Diagnostics {
    let loaded = run.files().kustomization(chain.dir);
    let faults = match loaded.as_ref() {
        Err(faults) => faults.clone(),
        Ok(loaded) if loaded.kustomization.is_component != (role == Role::Component) => {
            wrong_kind(chain, entry, role).into()
        }
        Ok(loaded) => {
            let faults = accumulate(run, chain, loaded, into, role);
            return loaded_by(faults, entry.span);
        }
    };
    into.map.incomplete = true;
    loaded_by(faults, entry.span)
}

/// Adds a link to the chain of kustomizations that a fault came through.
fn loaded_by(mut faults: Diagnostics, span: Span) -> Diagnostics {
    for fault in &mut faults.0 {
        let is_there = fault
            .primary
            .as_ref()
            .is_some_and(|label| label.span == span)
            || fault.secondary.iter().any(|label| label.span == span);
        if fault.primary.is_none() {
            *fault = fault.clone().at(span, "named here");
        } else if !is_there {
            *fault = fault.clone().also(span, "loaded by this entry");
        }
    }
    faults
}

fn wrong_kind(chain: &Chain<'_>, entry: &Text, role: Role) -> Diagnostic {
    let name = display_path(&chain.dir.shown);
    let (message, hint) = if role == Role::Component {
        (
            format!("`{name}` is a Kustomization, not a Component"),
            "list it in `resources`, or write `kind: Component` in it",
        )
    } else {
        (
            format!("`{name}` is a Component"),
            "list it in `components`",
        )
    };
    Diagnostic::error("component", message)
        .at(entry.span, "")
        .hint(hint)
}

/// Reads a configuration file, once for a run.
fn config_file(
    run: &Run<'_>,
    dir: &Dir,
    entry: &Text,
    load: impl Fn(FileId) -> Result<Node, Diagnostics>,
    read: impl Fn(&Node) -> Result<RawConfig, Vec<Diagnostic>>,
) -> Result<Arc<RawConfig>, Diagnostics> {
    let file = run.text(dir, entry)?;
    let known = lock(&run.files().configs).get(&file).cloned();
    let cached = if let Some(cached) = known {
        cached
    } else {
        let root = load(file)?;
        let config = Arc::new(read(&root).map(Arc::new).map_err(Diagnostics));
        let mut configs = lock(&run.files().configs);
        Arc::clone(configs.entry(file).or_insert(config))
    };
    (*cached)
        .clone()
        .map_err(|faults| loaded_by(faults, entry.span))
}

fn configurations(
    run: &Run<'_>,
    dir: &Dir,
    kustomization: &Kustomization,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    for entry in &kustomization.configurations {
        let load = |file| run.files().strict_document(file);
        let raw = config_file(run, dir, entry, load, RawConfig::read);
        if let Some(raw) = faults.take(raw) {
            faults.take(merge_config(run, into, raw, entry));
        }
    }
    faults.or(())
}

fn custom_kinds(
    run: &Run<'_>,
    dir: &Dir,
    kustomization: &Kustomization,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    for entry in &kustomization.crds {
        let load = |file| run.files().document(file);
        let raw = config_file(run, dir, entry, load, |root| {
            crds::read(root).map_err(|fault| vec![fault])
        });
        if let Some(raw) = faults.take(raw) {
            faults.take(merge_config(run, into, raw, entry));
        }
    }
    faults.or(())
}

fn merge_config(
    run: &Run<'_>,
    into: &mut Accumulator,
    raw: Arc<RawConfig>,
    entry: &Text,
) -> Result<(), Diagnostics> {
    add_custom(&mut into.customs, raw);
    run.config(&into.customs)
        .map_err(|path| conflict(&path).at(entry.span, "by this file and another"))?;
    Ok(())
}

fn generate(
    run: &Run<'_>,
    dir: &Dir,
    kustomization: &Kustomization,
    file: &Place,
    map: &mut ResMap,
) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    for (list, kind) in [
        (&kustomization.config_maps, Generated::ConfigMap),
        (&kustomization.secrets, Generated::Secret),
    ] {
        let origin = run
            .tracks_origins()
            .then(|| Origin::builtin(file, kind.plugin()));
        for args in list {
            let done = generators::run(run, dir, map, args, kind, origin.as_ref());
            faults.take(done);
            run.record(map, || Step::new(StepKind::Generator, args.span));
        }
    }
    faults.or(())
}

/// Adds what the charts of a kustomization render to.
fn render_charts(
    run: &Run<'_>,
    chain: &Chain<'_>,
    kustomization: &Kustomization,
    file: &Place,
    map: &mut ResMap,
) -> Result<(), Diagnostics> {
    let namespace = kustomization.namespace.as_ref();
    let charts = helm_charts::generate(run, chain, &kustomization.helm, namespace)?;
    let origin = run
        .tracks_origins()
        .then(|| Origin::builtin(file, "HelmChartInflationGenerator"));
    for mut resource in charts.into_iter().flatten() {
        if let Some(origin) = &origin {
            origin::set(&mut resource, origin);
        }
        let span = resource.node.span;
        generators::absorb(run, map, resource, span)?;
    }
    if let Some(span) = kustomization.helm.span() {
        run.record(map, || Step::new(StepKind::Generator, span));
    }
    Ok(())
}
