//! The end of a build: what kustomize does once for the whole tree, and what it prints.

use super::{Order, Run, conflict};
use crate::kustomize::accumulate::{self, Accumulator};
use crate::kustomize::load::{Dir, Loaded};
use crate::kustomize::order::{ORDER_FIRST, ORDER_LAST, sort_legacy};
use crate::kustomize::origin::{self, Wanted};
use crate::kustomize::record::{Recording, Step, StepKind};
use crate::kustomize::replacements::is_unreadable;
use crate::kustomize::resmap::{doubles, duplicate};
use crate::kustomize::resource::{Resource, is_book, is_text_unquoted};
use crate::kustomize::{hash, references, typed, vars};
use crate::manifest::{Diagnostic, Diagnostics, Map, Node, Object, Span};

/// Objects, `Release` resources, and the record where one was asked for.
pub(super) type Finished = (Vec<Object>, Vec<Object>, Option<Recording>);

/// Accumulates the root and does what is done once: hashes, references, order.
pub(super) fn finish(run: &Run<'_>, dir: &Dir) -> Result<Finished, Diagnostics> {
    let loaded = run.files().kustomization(dir);
    let loaded = loaded.as_ref().as_ref().map_err(Clone::clone)?;
    let has = |option: &str| {
        let options = &loaded.kustomization.build_metadata;
        options.iter().any(|text| text.value == option)
    };
    run.metadata.set(Wanted {
        origins: has("originAnnotations"),
        transformations: has("transformerAnnotations"),
        managed_by: has("managedByLabel"),
    });
    let Accumulator {
        mut map,
        customs,
        vars,
    } = accumulate::root(run, dir, loaded)?;
    let step = |kind| move || Step::new(kind, Span::NONE);
    hash::suffix_names(&mut map);
    run.record(&mut map, step(StepKind::Hash));
    let config = run.config(&customs).map_err(|path| conflict(&path))?;
    let mut faults = Diagnostics::default();
    faults.take(references::fix(&mut map, &config.name_reference));
    run.record(&mut map, step(StepKind::Reference));
    let mut unused = Vec::new();
    faults.take(vars::resolve(
        &mut map,
        &vars,
        &config.var_reference,
        &mut unused,
    ));
    faults.or(())?;
    warn_of_unused(run, loaded, unused);
    run.record(&mut map, step(StepKind::Vars));
    if map.len() == 0 {
        let warning = Diagnostic::warning("empty-build", "this kustomization builds no object");
        run.warn(warning.at(loaded.kustomization.span, ""));
    }
    let mut resources = map.take();
    let releases = typed::releases(run, &resources);
    resources.retain(|resource| !resource.dead && !resource.is_local());
    let unreadable = resources.iter_mut().filter_map(|resource| {
        let faults = resource.unreadable.take()?;
        is_unreadable(&resource.node).then_some(faults)
    });
    Diagnostics(unreadable.flat_map(|faults| faults.0).collect()).or(())?;
    Diagnostics(resources.iter().filter_map(refused_at_the_end).collect()).or(())?;
    sort(run, loaded, &mut resources)?;
    if run.tracks_origins() || run.options().managed_by {
        let mut wanted = run.metadata.get();
        wanted.managed_by |= run.options().managed_by;
        if wanted.managed_by {
            origin::label(&mut resources, run.options().compat).map_err(Diagnostics)?;
        }
        let write = |resource: &mut Resource| origin::write(resource, wanted);
        resources.iter_mut().for_each(write);
    }
    resources.iter_mut().for_each(write_annotations);
    let recording = run.recorder().map(|recorder| {
        recorder.step(resources.iter_mut(), step(StepKind::Metadata)());
        recorder.finish(&resources)
    });
    let object = |resource: Resource| Object {
        root: resource.node,
    };
    let objects = resources.into_iter().map(object).collect();
    Ok((objects, releases, recording))
}

/// Puts resources into the order in which they are printed.
fn sort(run: &Run<'_>, loaded: &Loaded, resources: &mut [Resource]) -> Result<(), Diagnostics> {
    let sort = loaded.kustomization.sort_options.as_ref();
    let is_fifo = sort.map_or(run.options().order == Order::Fifo, |sort| {
        sort.order == "fifo"
    });
    if is_fifo {
        return Ok(());
    }
    // kustomize meets two objects of one name only when it sorts.
    let doubles = doubles(resources);
    let faults = doubles.map(|(first, again)| duplicate(&resources[first], &resources[again]));
    Diagnostics(faults.collect()).or(())?;
    match sort.and_then(|sort| sort.legacy.as_ref()) {
        Some((first, last)) => sort_legacy(resources, first, last),
        None => sort_legacy(resources, ORDER_FIRST, ORDER_LAST),
    }
    Ok(())
}

/// Warns of variables that nothing uses. Those of a base are for all its overlays, and a root
/// without bases may be one.
fn warn_of_unused(run: &Run<'_>, loaded: &Loaded, mut unused: Vec<Diagnostic>) {
    let own = loaded.kustomization.span.file();
    unused.retain(|warning| {
        let at = warning.primary.as_ref();
        at.is_some_and(|at| at.span.file() == own)
    });
    if run.trail.borrow().entered.len() > 1 {
        run.warn_all(unused);
    }
}

/// What kustomize finds wrong with a resource only when it is done with it: a kind or name that a
/// step has emptied, and a key of an annotation that it writes without the quotes it needs.
fn refused_at_the_end(resource: &Resource) -> Option<Diagnostic> {
    let fault = |message: String, at: Span| {
        let fault = Diagnostic::error("no-object", message).at(at, "");
        Some(fault.in_object(resource.describe()))
    };
    let missing = match (&resource.gvk.kind, &resource.name) {
        (kind, _) if kind.is_empty() => Some("kind"),
        (kind, name) if name.is_empty() && !kind.ends_with("List") => Some("metadata.name"),
        _ => None,
    };
    if let Some(field) = missing {
        let message = format!("`{field}` of this object is empty in the end");
        return fault(message, resource.node.span);
    }
    let annotations = resource.node.at(&["metadata", "annotations"]);
    let mut entries = annotations.and_then(Node::as_map).into_iter().flatten();
    let odd = entries.find(|entry| !is_text_unquoted(&entry.key) && !is_book(&entry.key))?;
    let message = format!(
        "kustomize cannot write the annotation `{}`, which is no string without quotes",
        odd.key
    );
    fault(message, odd.key_span)
}

/// Annotations come out as text, kustomize's own and an empty mapping of them not at all.
fn write_annotations(resource: &mut Resource) {
    if needs_normal_annotations(&resource.node) {
        let texts = resource.texts("annotations");
        let map = resource
            .node
            .at(&["metadata", "annotations"])
            .and_then(Node::as_map);
        let spans: Vec<Span> = map
            .into_iter()
            .flatten()
            .map(|entry| entry.value.span)
            .collect();
        let texts = texts.into_iter().zip(spans);
        let texts = texts.filter(|((key, _), _)| !is_book(key));
        let texts = texts.map(|((key, text), span)| (key, text, span)).collect();
        resource.set_texts("annotations", texts);
    }
}

fn needs_normal_annotations(node: &Node) -> bool {
    let Some(annotations) = node.at(&["metadata", "annotations"]) else {
        return node.get("metadata").is_none_or(Node::is_null);
    };
    // Folded text becomes a text like others: kustomize sets all annotations anew.
    let is_plain_text = |node: &Node| {
        let scalar = node.as_scalar();
        node.as_str().is_some() && scalar.is_some_and(|scalar| !scalar.folded)
    };
    let is_plain = |map: &Map| {
        map.iter()
            .all(|entry| is_plain_text(&entry.value) && !is_book(&entry.key))
    };
    annotations
        .as_map()
        .is_none_or(|map| map.is_empty() || !is_plain(map))
}
