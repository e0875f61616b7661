//! `generators:`, `transformers:` and `validators:`: configurations of plugins, each an object.

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
/// What cannot be loaded, is no plugin of ours, or fails.
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
        } else {
            let done = if builtin::is_builtin(&config) {
                builtin::transform(run, chain, &config, into)
            } else {
                None
            };
            done.unwrap_or_else(|| Err(unknown(&config, "transformer").into()))?;
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
/// What cannot be loaded, is no generator, or fails.
pub(crate) fn generate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entries: &[Text],
    map: &mut ResMap,
) -> Result<(), Diagnostics> {
    for config in configs(run, chain, entries)? {
        let made = if builtin::is_builtin(&config) {
            builtin::generate(run, chain, &config)
        } else {
            None
        };
        let mut made = made.unwrap_or_else(|| Err(unknown(&config, "generator").into()))?;
        if let Some(origin) = Origin::of_plugin(&config) {
            origin::set(&mut made, &origin);
        }
        generators::absorb(run, map, made, config.node.span)?;
        run.record(map, || Step::new(StepKind::Generator, config.node.span));
    }
    Ok(())
}

/// Runs what `validators:` lists; nothing is changed.
///
/// # Errors
/// What cannot be loaded, is no plugin of ours, or finds faults.
pub(crate) fn validate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    entries: &[Text],
    map: &mut ResMap,
) -> Result<(), Diagnostics> {
    for config in configs(run, chain, entries)? {
        if config.gvk.group != OURS || config.gvk.kind != "Validate" {
            return Err(unknown(&config, "validator").into());
        }
        run.depends_on_root();
        let views = typed::views(map);
        let input = run.expand_input(&views);
        run.options().validators.validate(&config.node, &input)?;
    }
    Ok(())
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
        if !entry.value.contains('\n') && !entry.value.starts_with('{') {
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
    Diagnostic::error(
        "not-built-yet",
        format!("the {role} {name} is not built yet"),
    )
    .at(config.node.span, "")
    .note("kustomize would run a plugin for it, or a container")
}
