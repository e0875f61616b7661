//! `generators:`, `transformers:` and `validators:`: configurations of plugins, each an object.
//! Our own and kustomize's are built in; the others are programs, run where that is allowed.

mod exchange;
mod function;
mod legacy;
mod shell_words;

pub(crate) use self::exchange::{remember, tracked};
use self::function::Function;
use self::legacy::Legacy;
use super::accumulate::{Accumulator, Chain, resources};
use super::decode::Text;
use super::inline::{Places, text_of};
use super::load::Mode;
use super::origin::{self, Origin};
use super::record::{Step, StepKind};
use super::resmap::ResMap;
use super::resource::Resource;
use super::run::Run;
use super::{builtin, generators, typed};
use crate::manifest::{Diagnostic, Diagnostics};

/// The API group of our own plugins.
const OURS: &str = "deployx.dev";

/// Runs what `transformers:` lists, in order.
///
/// # Errors
/// What cannot be loaded, is no plugin, may not be run, or fails.
pub(crate) fn transform(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entries: &[Text],
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    for config in configs(run, chain, entries)? {
        if config.gvk.group == OURS && config.gvk.kind == "Expand" {
            run.depends_on_root();
            typed::expand(run, &mut into.map)?;
        } else if builtin::is_builtin(&config) {
            builtin::transform(run, chain, &config, into)
                .unwrap_or_else(|| Err(unknown(&config, "transformer").into()))?;
        } else {
            let program = Program::of(run, chain, &config)?;
            let returned = program.run(run, chain, &config, Some(&into.map))?;
            exchange::take_over(&mut into.map, returned, &program.name())?;
        }
        if let Some(origin) = Origin::of_plugin(&config) {
            origin::transformed(&mut into.map, &origin);
        }
        run.record(&mut into.map, || {
            Step::new(StepKind::Plugin, config.node.span)
        });
        into.map.compact();
    }
    Ok(())
}

/// Runs what `generators:` lists, in order.
///
/// # Errors
/// What cannot be loaded, is no generator, may not be run, or fails.
pub(crate) fn generate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entries: &[Text],
    map: &mut ResMap,
) -> Result<(), Diagnostics> {
    for config in configs(run, chain, entries)? {
        let mut made = if config.gvk.group == OURS {
            return Err(unknown(&config, "generator").into());
        } else if builtin::is_builtin(&config) {
            let made = builtin::generate(run, chain, &config);
            made.unwrap_or_else(|| Err(unknown(&config, "generator").into()))?
        } else {
            let mut made = Program::of(run, chain, &config)?.run(run, chain, &config, None)?;
            for resource in &mut made {
                exchange::heed_wishes(resource)?;
            }
            made
        };
        if let Some(origin) = Origin::of_plugin(&config) {
            for resource in &mut made {
                origin::set(resource, &origin);
            }
        }
        for resource in made {
            generators::absorb(run, map, resource, config.node.span)?;
        }
        run.record(map, || Step::new(StepKind::Generator, config.node.span));
    }
    Ok(())
}

/// Runs what `validators:` lists; nothing is changed.
///
/// # Errors
/// What cannot be loaded, is no plugin, may not be run, finds faults, or changes something.
pub(crate) fn validate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entries: &[Text],
    map: &mut ResMap,
) -> Result<(), Diagnostics> {
    for config in configs(run, chain, entries)? {
        if config.gvk.group == OURS && config.gvk.kind == "Validate" {
            run.depends_on_root();
            let views = typed::views(map);
            let input = run.expand_input(&views);
            run.options().validators.validate(&config.node, &input)?;
        } else if config.gvk.group == OURS || builtin::is_builtin(&config) {
            return Err(unknown(&config, "validator").into());
        } else {
            let program = Program::of(run, chain, &config)?;
            let returned = program.run(run, chain, &config, Some(map))?;
            exchange::compare(map, &returned, &config, &program.name())?;
        }
    }
    Ok(())
}

/// A plugin that is a program.
enum Program {
    Function(Function),
    Legacy(Legacy),
}

impl Program {
    fn of(run: &Run<'_>, chain: &Chain<'_>, config: &Resource) -> Result<Self, Diagnostics> {
        match Function::of(run, config)? {
            Some(function) => Ok(Program::Function(function)),
            None => Ok(Program::Legacy(Legacy::of(run, chain, config)?)),
        }
    }

    fn run(
        &self,
        run: &Run<'_>,
        chain: &Chain<'_>,
        config: &Resource,
        map: Option<&ResMap>,
    ) -> Result<Vec<Resource>, Diagnostics> {
        match self {
            Program::Function(function) => function.run(run, chain, config, map),
            Program::Legacy(legacy) => legacy.run(run, chain, config, map),
        }
    }

    fn name(&self) -> String {
        match self {
            Program::Function(function) => function.name(),
            Program::Legacy(legacy) => legacy.name(),
        }
    }
}

/// Loads plugin configurations: texts in place first, then files and directories.
fn configs(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entries: &[Text],
) -> Result<Vec<Resource>, Diagnostics> {
    let mut loaded = Accumulator::default();
    let mut paths = Vec::new();
    let kustomization = run.files().kustomization(chain.dir());
    let file_name = match kustomization.as_ref() {
        Ok(loaded) => loaded.file_name,
        Err(_) => "",
    };
    for entry in entries {
        // What holds nothing is a text in place as well.
        let is_empty = entry.value.trim().is_empty();
        if !is_empty && !entry.value.contains('\n') && !entry.value.starts_with('{') {
            paths.push(entry.clone());
            continue;
        }
        let files = run.files();
        let file = text_of(files, entry);
        let places = Places::new(files.sources, file, entry.span);
        let objects = files.objects(file, Mode::Resources);
        let mut objects = (*objects).clone().map_err(|mut faults| {
            places.remap_faults(&mut faults);
            faults
        })?;
        for node in &mut objects {
            places.remap(node);
        }
        let schema = run.schema();
        let mut objects: Vec<Resource> = objects
            .into_iter()
            .map(|node| Resource::new(node, &schema))
            .collect();
        if run.tracks_origins() {
            let origin = Origin::File(chain.path_from_root(file_name));
            for object in &mut objects {
                origin::set(object, &origin);
            }
        }
        loaded.map.append_all(objects).map_err(Diagnostics)?;
    }
    resources(run, chain, &paths, &mut loaded)?;
    Ok(loaded.map.take())
}

fn unknown(config: &Resource, role: &str) -> Diagnostic {
    let name = format!("{} of {}", config.gvk.kind, config.gvk.api_version());
    Diagnostic::error("unknown-plugin", format!("{name} is no {role}"))
        .at(config.node.span, "configured here")
}
