//! What passes between a build and its plugins: resources with their history in annotations, as
//! kustomize writes them, and back. Tried with kustomize 5.8.1.

use std::collections::HashMap;

use smol_str::SmolStr;

use crate::kustomize::load::Mode;
use crate::kustomize::origin;
use crate::kustomize::resmap::{ResMap, duplicate};
use crate::kustomize::resource::{Behavior, PreviousId, Resource, is_book};
use crate::kustomize::run::Run;
use crate::manifest::read::load_bytes;
use crate::manifest::{Diagnostic, Diagnostics, Gvk, Map, Node, Span, Value, emit};

const NAMES: &str = "internal.config.kubernetes.io/previousNames";
const NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";
const BEHAVIOR: &str = "internal.config.kubernetes.io/generatorBehavior";
const FROM_HELM: &str = "internal.config.kubernetes.io/helm-generated";
const ID: &str = "kustomize.config.k8s.io/id";
const WANTS_HASH: &str = "kustomize.config.k8s.io/needs-hash";
const WANTS_BEHAVIOR: &str = "kustomize.config.k8s.io/behavior";

/// The annotations of a resource, the last of equal keys counting.
type Annotations = Vec<(SmolStr, SmolStr, Span)>;

/// A resource as plugins see it.
pub(crate) fn tracked(resource: &Resource) -> Node {
    let mut texts = annotations(resource);
    let mut add = |key: &str, text: String| texts.push((key.into(), text.into(), Span::NONE));
    let join = |parts: &mut dyn Iterator<Item = &str>| parts.collect::<Vec<_>>().join(",");
    if !resource.previous.is_empty() {
        let ids = &resource.previous;
        add(NAMES, join(&mut ids.iter().map(|id| id.name.as_str())));
        add(
            NAMESPACES,
            join(&mut ids.iter().map(|id| id.namespace.as_str())),
        );
        add(KINDS, join(&mut ids.iter().map(|id| id.kind.as_str())));
    }
    for (key, list) in [
        (PREFIXES, &resource.prefixes),
        (SUFFIXES, &resource.suffixes),
    ] {
        if !list.is_empty() {
            add(key, join(&mut list.iter().map(SmolStr::as_str)));
        }
    }
    if resource.needs_hash {
        add(NEEDS_HASH, "enabled".to_owned());
    }
    if resource.generated {
        let behavior = match resource.behavior {
            Behavior::Create => "unspecified",
            Behavior::Merge => "merge",
            Behavior::Replace => "replace",
        };
        add(BEHAVIOR, behavior.to_owned());
    }
    if resource.from_helm {
        add(FROM_HELM, "true".to_owned());
    }
    if let Some(history) = &resource.origin {
        for (key, text) in history.annotations() {
            add(key, text);
        }
    }
    with_annotations(resource, texts)
}

/// A resource as plugins see it that may change it.
pub(super) fn identified(resource: &Resource) -> Node {
    let mut id = Map::new();
    for (key, text) in [
        ("group", &resource.gvk.group),
        ("kind", &resource.gvk.kind),
        ("name", &resource.name),
        ("namespace", &resource.namespace),
        ("version", &resource.gvk.version),
    ] {
        if !text.is_empty() {
            id.set(key, Node::string(text.clone(), Span::NONE));
        }
    }
    let mut node = tracked(resource);
    annotate(&mut node, ID, &emit::emit(&Node::map(id, Span::NONE)));
    node
}

/// Adds an annotation to an object.
pub(super) fn annotate(node: &mut Node, key: &str, text: &str) {
    let span = node.span;
    let child = |node: &mut Node, key: &str| {
        if let Some(map) = node.as_map_mut() {
            let child = map.get_or_insert_with(key, || Node::empty_map(span));
            if child.is_null() {
                *child = Node::empty_map(span);
            }
        }
    };
    child(node, "metadata");
    if let Some(metadata) = node.get_mut("metadata") {
        child(metadata, "annotations");
    }
    let annotations = node
        .at_mut(&["metadata", "annotations"])
        .and_then(Node::as_map_mut);
    if let Some(annotations) = annotations {
        annotations.set(key, Node::string(text, Span::NONE));
    }
}

/// Reads what a plugin printed.
///
/// # Errors
/// What is no YAML, no object, or carries a history that makes no sense.
pub(super) fn read(
    run: &Run<'_>,
    config: &Resource,
    name: &str,
    output: Vec<u8>,
) -> Result<Vec<Resource>, Diagnostics> {
    let located = |Diagnostics(faults): Diagnostics| {
        let also = |fault: Diagnostic| fault.also(config.node.span, "printed by this plugin");
        Diagnostics(faults.into_iter().map(also).collect())
    };
    let sources = run.files().sources;
    let file = load_bytes(sources, &format!("<output of {name}>"), output).map_err(located)?;
    let objects = run.files().objects(file, Mode::Resources);
    let objects = (*objects)
        .as_ref()
        .map_err(|faults| located(faults.clone()))?;
    let mut faults = Vec::new();
    let mut resources = Vec::with_capacity(objects.len());
    for node in objects {
        let mut resource = Resource::new(node.clone(), &run.schema());
        match restore(run, &mut resource, |key| is_book(key) || key == ID) {
            Ok(()) => resources.push(resource),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(resources)
    } else {
        Err(located(Diagnostics(faults)))
    }
}

/// Takes what a transformer returned for the whole of the build: an object of an identity that is
/// there takes its place, another goes last, and what did not come back is gone.
///
/// # Errors
/// Two objects of one identity.
pub(super) fn take_over(
    map: &mut ResMap,
    returned: Vec<Resource>,
    name: &str,
) -> Result<(), Diagnostics> {
    map.compact();
    no_doubles(&returned, name)?;
    let old = map.take();
    let ids = old.iter().map(id_of);
    let places: HashMap<Id, usize> = ids.enumerate().map(|(at, id)| (id, at)).collect();
    let mut slots: Vec<Option<Resource>> = vec![None; old.len()];
    let mut new = Vec::new();
    for mut resource in returned {
        let Some(&at) = places.get(&id_of(&resource)) else {
            new.push(resource);
            continue;
        };
        resource.vars.clone_from(&old[at].vars);
        resource.record = old[at].record;
        adopt_places(&mut resource.node, &old[at].node);
        slots[at] = Some(resource);
    }
    for resource in slots.into_iter().flatten().chain(new) {
        map.push(resource);
    }
    Ok(())
}

/// Holds what a validator returned against the build, which it must not change. kustomize does not
/// look at what is missing or new.
///
/// # Errors
/// Every object that came back with another content.
pub(super) fn compare(
    map: &ResMap,
    returned: &[Resource],
    config: &Resource,
    name: &str,
) -> Result<(), Diagnostics> {
    no_doubles(returned, name)?;
    let known: HashMap<Id, &Resource> = map.iter().map(|old| (id_of(old), old)).collect();
    let changed = returned.iter().filter_map(|resource| {
        let old = known.get(&id_of(resource))?;
        let same =
            emit::emit(&unmarked(&tracked(old))) == emit::emit(&unmarked(&tracked(resource)));
        (!same).then(|| {
            let message = format!("the validator {name} changes {}", old.describe());
            Diagnostic::error("validator-changes", message)
                .at(old.node.span, "")
                .also(
                    config.node.span,
                    "a validator prints nothing, or what it was given",
                )
                .hint("list it in `transformers` if it is meant to change objects")
        })
    });
    let faults: Vec<Diagnostic> = changed.collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

/// Reads what a generator's output asks for: a hash, and what to do with an object that is there.
///
/// # Errors
/// A wish for a hash that is neither true nor false.
pub(super) fn heed_wishes(resource: &mut Resource) -> Result<(), Diagnostic> {
    let mut texts = annotations(resource);
    let wish = resource.annotation(WANTS_HASH);
    let behavior = resource.annotation(WANTS_BEHAVIOR);
    texts.retain(|(key, ..)| key != WANTS_HASH && key != WANTS_BEHAVIOR);
    resource.set_texts("annotations", texts);
    resource.generated = true;
    resource.behavior = behavior_of(behavior.as_deref().unwrap_or_default());
    // What Go takes for a boolean.
    match wish.as_deref() {
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(()),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => {
            resource.needs_hash = true;
            Ok(())
        }
        Some(other) => {
            let message = format!("`{WANTS_HASH}` is true or false, not `{other}`");
            Err(Diagnostic::error("needs-hash", message).at(resource.node.span, ""))
        }
    }
}

/// An identity: what two objects of a build cannot share.
type Id = (Gvk, SmolStr, SmolStr);

fn id_of(resource: &Resource) -> Id {
    (
        resource.gvk.clone(),
        resource.name.clone(),
        resource.effective_namespace().into(),
    )
}

fn no_doubles(returned: &[Resource], name: &str) -> Result<(), Diagnostics> {
    let mut seen: HashMap<Id, &Resource> = HashMap::new();
    let mut faults = Vec::new();
    for resource in returned {
        if let Some(first) = seen.insert(id_of(resource), resource) {
            faults.push(duplicate(first, resource).note(format!("{name} printed it twice")));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

fn annotations(resource: &Resource) -> Annotations {
    let map = resource
        .node
        .at(&["metadata", "annotations"])
        .and_then(Node::as_map);
    let spans = map.into_iter().flatten().map(|entry| entry.value.span);
    let texts = resource.texts("annotations").into_iter().zip(spans);
    texts.map(|((key, text), span)| (key, text, span)).collect()
}

fn with_annotations(resource: &Resource, texts: Annotations) -> Node {
    let has_own = resource.node.at(&["metadata", "annotations"]).is_some();
    if texts.is_empty() && !has_own {
        return resource.node.clone();
    }
    let mut copy = resource.clone();
    copy.set_texts("annotations", texts);
    copy.node
}

fn unmarked(node: &Node) -> Node {
    let mut node = node.clone();
    if let Some(labels) = node
        .at_mut(&["metadata", "labels"])
        .and_then(Node::as_map_mut)
    {
        // By this label a validator may say that it was there.
        labels.remove("validated-by");
        if labels.is_empty()
            && let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut)
        {
            metadata.remove("labels");
        }
    }
    node
}

fn behavior_of(text: &str) -> Behavior {
    match text {
        "merge" => Behavior::Merge,
        "replace" => Behavior::Replace,
        _ => Behavior::Create,
    }
}

/// Reads the history that a file has for an object: somebody has kept there what kustomize, or one
/// of its plugins, printed. kustomize goes by it, and takes where an object comes from off it.
pub(crate) fn remember(run: &Run<'_>, resource: &mut Resource) {
    let annotations = resource.node.at(&["metadata", "annotations"]);
    let mut keys = annotations.and_then(Node::as_map).into_iter().flatten();
    if keys.any(|entry| is_history(&entry.key) || origin::is_annotation(&entry.key)) {
        // A history that is broken counts for nothing.
        restore(run, resource, is_history).unwrap_or_default();
        if let Some(history) = &mut resource.origin {
            history.origin = None;
        }
    }
}

/// Whether an annotation is part of a history. The other books of kustomize stay where a file has
/// them: a function asks for the path.
fn is_history(key: &str) -> bool {
    const KEYS: [&str; 8] = [
        NAMES, NAMESPACES, KINDS, PREFIXES, SUFFIXES, NEEDS_HASH, FROM_HELM, BEHAVIOR,
    ];
    KEYS.contains(&key)
}

/// Reads the history of a resource back from its annotations, and takes it off them, as well as
/// others that are hidden.
fn restore(
    run: &Run<'_>,
    resource: &mut Resource,
    is_hidden: impl Fn(&str) -> bool,
) -> Result<(), Diagnostic> {
    let mut own = Annotations::new();
    let mut hidden: HashMap<SmolStr, SmolStr> = HashMap::new();
    let all = annotations(resource);
    let tracks = run.tracks_origins();
    let is_hidden = |key: &str| origin::is_annotation(key) || is_hidden(key);
    let count = all.len();
    for (key, text, span) in all {
        if is_hidden(&key) {
            hidden.insert(key, text);
        } else {
            own.push((key, text, span));
        }
    }
    if own.len() != count {
        resource.set_texts("annotations", own);
    }
    let list = |key: &str| -> Vec<SmolStr> {
        let text = hidden.get(key).map(SmolStr::as_str).unwrap_or_default();
        let parts = text.split(',').filter(|_| !text.is_empty());
        parts.map(SmolStr::new).collect()
    };
    let (names, namespaces, kinds) = (list(NAMES), list(NAMESPACES), list(KINDS));
    if names.len() != namespaces.len() || names.len() != kinds.len() {
        let message = format!(
            "the history of {} is broken: {} names, {} namespaces, {} kinds",
            resource.describe(),
            names.len(),
            namespaces.len(),
            kinds.len()
        );
        return Err(Diagnostic::error("plugin-history", message)
            .at(resource.node.span, "")
            .note(format!(
                "a plugin keeps `{NAMES}` and its fellows, or drops them all"
            )));
    }
    let ids = names.into_iter().zip(namespaces).zip(kinds);
    resource.previous = ids
        .map(|((name, namespace), kind)| PreviousId {
            name,
            namespace,
            kind,
        })
        .collect();
    resource.prefixes = list(PREFIXES);
    resource.suffixes = list(SUFFIXES);
    let is = |key: &str, wanted: &str| hidden.get(key).is_some_and(|text| text == wanted);
    resource.needs_hash = is(NEEDS_HASH, "enabled");
    resource.from_helm = is(FROM_HELM, "true");
    if let Some(behavior) = hidden.get(BEHAVIOR) {
        resource.generated = true;
        resource.behavior = behavior_of(behavior);
    }
    if tracks {
        let read = |text: &str| run.files().small_document(text);
        resource.origin = origin::History::read(&hidden, &read).map(Box::new);
    }
    Ok(())
}

/// Gives values that came back as they were their places in the user's files again.
fn adopt_places(new: &mut Node, old: &Node) {
    match (&new.value, &old.value) {
        (Value::Scalar(a), Value::Scalar(b)) if a.same_value(b) => new.span = old.span,
        (Value::Seq(a), Value::Seq(b)) => {
            let is_whole = a.len() == b.len();
            new.span = old.span;
            let olds = b.iter();
            let news = new.as_seq_mut().into_iter().flatten();
            if is_whole {
                news.zip(olds).for_each(|(new, old)| adopt_places(new, old));
            }
        }
        (Value::Map(_), Value::Map(b)) => {
            new.span = old.span;
            for entry in new.as_map_mut().into_iter().flat_map(|map| map.iter_mut()) {
                if let Some(old) = b.entry(&entry.key) {
                    entry.key_span = old.key_span;
                    adopt_places(&mut entry.value, &old.value);
                }
            }
        }
        _ => {}
    }
}
