//! A kustomization tree, from the leaves up: resources, generators, components, transformers,
//! validators, in kustomize's order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{Config, RawConfig};
use super::decode::Text;
use super::generators::{self, Generated};
use super::kustomization::Kustomization;
use super::load::{Dir, Loaded, Mode, is_remote, lock, normalize, shown_path};
use super::names::{self, Side};
use super::namespace::{self, NamespaceRule, Subjects};
use super::origin::{self, Origin};
use super::resmap::{ResMap, duplicate};
use super::resource::Resource;
use super::run::{Run, conflict};
use super::vars::Var;
use super::{crds, images, labels, patch, plugins, replacements, shared, typed, vars};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Node, Span};

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
    from_root: PathBuf,
}

impl Chain<'_> {
    /// The kustomization's directory.
    pub(crate) fn dir(&self) -> &Dir {
        self.dir
    }

    /// The directories that lead to it, its own first.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &Dir> {
        std::iter::successors(Some(self), |link| link.parent).map(|link| link.dir)
    }

    /// The path of a file that the kustomization names, from the root's directory.
    pub(crate) fn path_from_root(&self, entry: &str) -> PathBuf {
        normalize(&self.from_root.join(entry))
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
        from_root: PathBuf::new(),
    };
    accumulate(run, &chain, loaded, Accumulator::default(), Role::Root)
}

fn accumulate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    loaded: &Loaded,
    mut into: Accumulator,
    role: Role,
) -> Result<Accumulator, Diagnostics> {
    let dir = chain.dir;
    let kustomization = &loaded.kustomization;
    run.was_read(&loaded.path);
    run.entered(dir);
    run.warn_all(kustomization.warnings.clone());
    refuse(kustomization)?;
    run.use_openapi(dir, &kustomization.openapi)?;
    resources(run, chain, &kustomization.resources, &mut into)?;
    configurations(run, dir, kustomization, &mut into)?;
    custom_kinds(run, dir, kustomization, &mut into)?;
    let file = chain.path_from_root(loaded.file_name);
    generate(run, dir, kustomization, &file, &mut into.map)?;
    plugins::generate(run, chain, &kustomization.generators, &mut into.map)?;
    for entry in &kustomization.components {
        let component = open(run, chain, entry)?;
        let next = Chain {
            dir: &component,
            parent: Some(chain),
            from_root: chain.path_from_root(&entry.value),
        };
        into = load_and_accumulate(run, &next, entry, into, Role::Component)?;
    }
    transform(run, chain, loaded, &mut into)?;
    if role == Role::Root {
        typed::expand(run, &mut into.map)?;
    }
    plugins::validate(run, chain, &kustomization.validators, &mut into.map)?;
    vars::declare(&mut into.map, &mut into.vars, &kustomization.vars).map_err(Diagnostics)?;
    Ok(into)
}

/// Fields that are not built are refused by name.
fn refuse(kustomization: &Kustomization) -> Result<(), Diagnostics> {
    let faults: Vec<Diagnostic> = kustomization
        .refused
        .iter()
        .map(|(name, span)| {
            Diagnostic::error("not-built-yet", format!("`{name}` is not built yet")).at(*span, "")
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

/// Loads `resources`: files, and directories with kustomizations.
pub(crate) fn resources(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entries: &[Text],
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let mut faults = Vec::new();
    for entry in entries {
        if let Err(Diagnostics(more)) = resource(run, chain, entry, into) {
            faults.extend(more);
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

fn resource(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entry: &Text,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let found = run.files().resolve(chain.dir, &entry.value);
    match found {
        Ok(real) if real.is_dir() => {
            let dir = open(run, chain, entry)?;
            let next = Chain {
                dir: &dir,
                parent: Some(chain),
                from_root: chain.path_from_root(&entry.value),
            };
            let base = shared::base(run, &next, || {
                load_and_accumulate(run, &next, entry, Accumulator::default(), Role::Base)
            })?;
            merge(into, base, entry)
        }
        Err(_) if is_remote(&entry.value) => Err(remote(entry).into()),
        _ => {
            let file = run.text(chain.dir, entry)?;
            let objects = run.files().objects(file, Mode::Resources);
            let objects = (*objects).as_ref().map_err(Clone::clone)?;
            let schema = run.schema();
            let mut resources: Vec<Resource> = objects
                .iter()
                .map(|node| Resource::new(node.clone(), &schema))
                .collect();
            if run.tracks_origins() {
                let origin = Origin::File(chain.path_from_root(&entry.value));
                for resource in &mut resources {
                    origin::set(resource, &origin);
                }
            }
            into.map.append_all(resources).map_err(Diagnostics)
        }
    }
}

fn merge(into: &mut Accumulator, mut base: Accumulator, entry: &Text) -> Result<(), Diagnostics> {
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
        Ok(real) if real.is_dir() => real,
        Ok(_) => return Err(fail(format!("`{name}` is a file, not a folder"))),
        Err(_) if is_remote(&entry.value) => return Err(remote(entry)),
        Err(reason) => return Err(fail(format!("cannot open `{name}`: {reason}"))),
    };
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
    Ok(Dir { real, shown })
}

fn remote(entry: &Text) -> Diagnostic {
    Diagnostic::error(
        "remote-resource",
        format!("`{}` is not on this machine", entry.value),
    )
    .at(entry.span, "remote resources are not loaded")
    .hint("copy it into the repository and name the copy")
}

fn load_and_accumulate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entry: &Text,
    into: Accumulator,
    role: Role,
) -> Result<Accumulator, Diagnostics> {
    let loaded = run.files().kustomization(chain.dir);
    let result = match loaded.as_ref() {
        Err(faults) => Err(faults.clone()),
        Ok(loaded) if loaded.kustomization.is_component != (role == Role::Component) => {
            Err(wrong_kind(chain, entry, role).into())
        }
        Ok(loaded) => accumulate(run, chain, loaded, into, role),
    };
    result.map_err(|faults| loaded_by(faults, entry.span))
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
    read: impl Fn(&Node) -> Result<RawConfig, Vec<Diagnostic>>,
) -> Result<Arc<RawConfig>, Diagnostics> {
    let file = run.text(dir, entry)?;
    let known = lock(&run.files().configs).get(&file).cloned();
    let cached = if let Some(cached) = known {
        cached
    } else {
        let root = run.files().document(file)?;
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
    for entry in &kustomization.configurations {
        let raw = config_file(run, dir, entry, RawConfig::read)?;
        merge_config(run, into, raw, entry)?;
    }
    Ok(())
}

fn custom_kinds(
    run: &Run<'_>,
    dir: &Dir,
    kustomization: &Kustomization,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    for entry in &kustomization.crds {
        let raw = config_file(run, dir, entry, |root| {
            crds::read(root).map_err(|fault| vec![fault])
        })?;
        merge_config(run, into, raw, entry)?;
    }
    Ok(())
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
    file: &Path,
    map: &mut ResMap,
) -> Result<(), Diagnostics> {
    let mut faults = Vec::new();
    for (list, kind) in [
        (&kustomization.config_maps, Generated::ConfigMap),
        (&kustomization.secrets, Generated::Secret),
    ] {
        let origin = run
            .tracks_origins()
            .then(|| Origin::builtin(file, kind.plugin()));
        for args in list {
            let done = generators::run(run, dir, map, args, kind, origin.as_ref());
            if let Err(Diagnostics(more)) = done {
                faults.extend(more);
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

/// Runs the transformers of a kustomization, in kustomize's order.
fn transform(
    run: &Run<'_>,
    chain: &Chain<'_>,
    loaded: &Loaded,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let dir = chain.dir;
    let kustomization = &loaded.kustomization;
    let config = run.config(&into.customs).map_err(|path| conflict(&path))?;
    let map = &mut into.map;
    // kustomize notes each transformer as often as it is configured.
    let note = |map: &mut ResMap, kind: &str, times: usize| {
        if run.tracks_origins() {
            let origin = Origin::builtin(&chain.path_from_root(loaded.file_name), kind);
            (0..times).for_each(|_| origin::transformed(map, &origin));
        }
    };
    patch::apply_strategic_merge(run, dir, map, &kustomization.patches_strategic_merge)?;
    let merges = usize::from(!kustomization.patches_strategic_merge.is_empty());
    note(map, "PatchStrategicMergeTransformer", merges);
    each(&kustomization.patches, |entry| {
        patch::apply(run, dir, map, entry)
    })?;
    map.compact();
    note(map, "PatchTransformer", kustomization.patches.len());
    if let Some(text) = &kustomization.namespace {
        let rule = NamespaceRule {
            namespace: text,
            specs: &config.raw.namespace,
            subjects: Subjects::DefaultOnly,
            unset_only: false,
        };
        namespace::transform(map, &rule).map_err(Diagnostics)?;
        note(map, "NamespaceTransformer", 1);
    }
    for (text, side, specs, kind) in [
        (
            &kustomization.name_prefix,
            Side::Prefix,
            &config.name_prefix,
            "PrefixTransformer",
        ),
        (
            &kustomization.name_suffix,
            Side::Suffix,
            &config.name_suffix,
            "SuffixTransformer",
        ),
    ] {
        if let Some(text) = text {
            names::affix(map, text, side, specs).map_err(Diagnostics)?;
            note(map, kind, 1);
        }
    }
    add_labels(map, kustomization, &config)?;
    let (labels, common) = (
        kustomization.labels.len(),
        kustomization.common_labels.len(),
    );
    if labels + common > 0 {
        note(map, "LabelTransformer", labels + 1);
    }
    let annotations = &kustomization.common_annotations;
    labels::transform(map, annotations, &config.common_annotations).map_err(Diagnostics)?;
    note(
        map,
        "AnnotationsTransformer",
        usize::from(!annotations.is_empty()),
    );
    each(&kustomization.patches_json6902, |entry| {
        patch::apply_json6902(run, dir, map, entry)
    })?;
    note(
        map,
        "PatchJson6902Transformer",
        kustomization.patches_json6902.len(),
    );
    each(&kustomization.replicas, |entry| {
        names::replicas(map, entry, &config.replicas).map_err(Diagnostics)
    })?;
    note(map, "ReplicaCountTransformer", kustomization.replicas.len());
    if !kustomization.images.is_empty() {
        let mut warnings = Vec::new();
        images::transform(map, &kustomization.images, &config.images, &mut warnings)
            .map_err(Diagnostics)?;
        run.warn_all(warnings);
        note(map, "ImageTagTransformer", kustomization.images.len());
    }
    let replacements = &kustomization.replacements;
    replacements::transform(run, dir, map, replacements)?;
    note(
        map,
        "ReplacementTransformer",
        usize::from(!replacements.is_empty()),
    );
    plugins::transform(run, chain, &kustomization.transformers, into)
}

fn add_labels(
    map: &mut ResMap,
    kustomization: &Kustomization,
    config: &Config,
) -> Result<(), Diagnostics> {
    for label in &kustomization.labels {
        let specs = labels::specs_of(label, config)?;
        labels::transform(map, &label.pairs, &specs).map_err(Diagnostics)?;
    }
    labels::transform(map, &kustomization.common_labels, &config.common_labels).map_err(Diagnostics)
}

/// Does something for all, and collects the faults of all.
fn each<T>(
    items: &[T],
    mut act: impl FnMut(&T) -> Result<(), Diagnostics>,
) -> Result<(), Diagnostics> {
    let mut faults = Vec::new();
    for item in items {
        if let Err(Diagnostics(more)) = act(item) {
            faults.extend(more);
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}
