//! The answer: for each field or object that is meant, what set it and what won.

use std::collections::HashSet;

use crate::cluster::fields::Step as PathStep;
use crate::diff::compare::{compare, find, item_steps};
use crate::kustomize::record::{Event, RecordPath, Recorded, Recording, Step, StepKind};
use crate::manifest::{Diagnostic, Node, Object, Sources, Span, Value, suggest};

use super::query::{Name, Pattern, Query};

/// The history of one object or field.
#[derive(Clone, Debug)]
pub struct History {
    /// The object as people say it: `Deployment shop/backend`.
    pub object: String,
    /// The field; empty for the whole object.
    pub path: Vec<PathStep>,
    /// What it is at the end; `None` where it is not part of the output.
    pub value: Option<Node>,
    /// What set it, in order.
    pub entries: Vec<Entry>,
}

/// What one step did.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What the step is: `patch`, `images`.
    pub step: &'static str,
    /// The entry of the kustomization that asks for the step; nowhere for what is always done.
    pub asked: Span,
    /// The object that changed, where it is not the one that is explained: the typed resource
    /// that it was made from.
    pub of: Option<String>,
    /// What there is to say beyond the place: where a copied value came from.
    pub note: Option<(String, Span)>,
    /// The fields that changed. Empty where the step made the whole object or collection.
    pub changes: Vec<Change>,
    /// Where it stands that made it.
    pub at: Span,
    /// Whether what is there at the end comes from here.
    pub won: bool,
}

/// One field before and after a step.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which field.
    pub path: Vec<PathStep>,
    /// Its value before; `None` where it was not there.
    pub before: Option<Node>,
    /// Its value after; `None` where it went.
    pub after: Option<Node>,
    /// Where the value, or what removes it, is written.
    pub at: Span,
}

/// Answers a question about a finished build.
///
/// # Errors
/// An object or a field that never was there, with the nearest that was.
pub fn explain(
    recording: &Recording,
    sources: &Sources,
    query: &Query,
) -> Result<Vec<History>, Diagnostic> {
    let (meant, pattern) = find_objects(recording, query)?;
    let explainer = Explainer { recording, sources };
    let mut histories = Vec::new();
    for &at in &meant {
        let object = &recording.objects[at];
        if pattern.is_root() {
            histories.push(explainer.history(object, Vec::new()));
            continue;
        }
        for path in fields(object, pattern) {
            histories.push(explainer.history(object, path));
        }
    }
    if histories.is_empty() {
        return Err(no_field(&recording.objects[meant[0]], pattern));
    }
    Ok(histories)
}

/// The objects that are meant: those of the output, or else those that once were there.
fn find_objects<'q>(
    recording: &Recording,
    query: &'q Query,
) -> Result<(Vec<usize>, &'q Pattern), Diagnostic> {
    for (name, pattern) in query.readings() {
        let meant: Vec<usize> = (0..recording.objects.len())
            .filter(|&at| was_called(&recording.objects[at], query, name))
            .collect();
        let by_now: Vec<usize> = meant
            .iter()
            .copied()
            .filter(|&at| is_called(&recording.objects[at].now, query, name))
            .collect();
        let meant = if by_now.is_empty() { meant } else { by_now };
        let live: Vec<usize> = meant
            .iter()
            .copied()
            .filter(|&at| recording.objects[at].last.is_some())
            .collect();
        let meant = if live.is_empty() { meant } else { live };
        if !meant.is_empty() {
            return Ok((meant, pattern));
        }
    }
    Err(no_object(recording, query))
}

fn was_called(object: &Recorded, query: &Query, name: &Name) -> bool {
    let trees = object
        .events
        .iter()
        .filter_map(|event| event.after.as_ref());
    let mut trees = trees.chain([&object.now]);
    trees.any(|tree| is_called(tree, query, name))
}

fn is_called(tree: &Node, query: &Query, name: &Name) -> bool {
    let Some(object) = Object::from_node(tree.clone()) else {
        return false;
    };
    query.is_of_kind(object.group(), object.kind())
        && object.name() == name.name
        && name
            .namespace
            .as_ref()
            .is_none_or(|namespace| object.namespace() == namespace)
}

fn no_object(recording: &Recording, query: &Query) -> Diagnostic {
    let asked = query.readings().last().map(|(name, _)| &name.name);
    let asked = asked.map_or("", String::as_str);
    let kind = query.kind();
    let fault = Diagnostic::error("explain", format!("the build has no {kind} `{asked}`"));
    let live = || {
        let objects = recording.objects.iter();
        objects
            .filter_map(|object| object.last.clone())
            .filter_map(Object::from_node)
    };
    let named = |object: &Object| format!("{}/{}", object.kind().to_lowercase(), object.name());
    let of_kind: Vec<Object> = live()
        .filter(|object| query.is_of_kind(object.group(), object.kind()))
        .collect();
    if let Some(near) = suggest::nearest(asked, of_kind.iter().map(Object::name)) {
        return fault.hint(format!("did you mean `{}/{near}`?", kind.to_lowercase()));
    }
    let listed = |objects: &[String]| {
        let more = if objects.len() > 8 { ", ..." } else { "" };
        format!("{}{more}", objects[..objects.len().min(8)].join(", "))
    };
    if !of_kind.is_empty() {
        let names: Vec<String> = of_kind.iter().map(named).collect();
        return fault.hint(format!("there are {}", listed(&names)));
    }
    let same_name: Vec<String> = live()
        .filter(|object| object.name() == asked)
        .map(|object| named(&object))
        .collect();
    if !same_name.is_empty() {
        return fault.hint(format!("did you mean `{}`?", listed(&same_name)));
    }
    let kinds: HashSet<String> = live().map(|object| object.kind().to_owned()).collect();
    let mut kinds: Vec<String> = kinds.into_iter().collect();
    kinds.sort();
    match suggest::nearest(kind, kinds.iter().map(String::as_str)) {
        Some(near) => fault.hint(format!("did you mean the kind `{near}`?")),
        None => fault.hint(format!("its kinds are {}", listed(&kinds))),
    }
}

fn no_field(object: &Recorded, pattern: &Pattern) -> Diagnostic {
    let tree = object.last.as_ref().unwrap_or(&object.now);
    let (place, near) = pattern.nearest(tree);
    let fault = Diagnostic::error("explain", format!("{} has {place}", describe(tree)));
    match near {
        Some(near) => fault.hint(near),
        None => fault,
    }
}

/// The fields that a pattern means, in whatever state of the object they were there.
fn fields(object: &Recorded, pattern: &Pattern) -> Vec<Vec<PathStep>> {
    let states = object
        .events
        .iter()
        .filter_map(|event| event.after.as_ref());
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for tree in [&object.now].into_iter().chain(states.rev()) {
        for path in pattern.fields(tree) {
            if seen.insert(path.clone()) {
                found.push(path);
            }
        }
    }
    found
}

struct Explainer<'e> {
    recording: &'e Recording,
    sources: &'e Sources,
}

impl Explainer<'_> {
    fn history(&self, object: &Recorded, path: Vec<PathStep>) -> History {
        let mut entries = Vec::new();
        self.origin(object, &path, &mut entries);
        self.events(object, &path, None, &mut entries);
        let last = object.last.as_ref().and_then(|tree| find(tree, &path));
        if let Some(won) = entries.iter_mut().rev().find(|entry| entry.is_of_value()) {
            won.won = true;
        }
        History {
            object: describe(object.last.as_ref().unwrap_or(&object.now)),
            value: last.cloned(),
            path,
            entries,
        }
    }

    /// What the typed resource contributed from which an object was made.
    fn origin(&self, object: &Recorded, path: &[PathStep], entries: &mut Vec<Entry>) {
        let Some(maker) = object.maker.and_then(|at| self.recording.objects.get(at)) else {
            return;
        };
        let name = describe(&maker.now);
        if path.is_empty() {
            self.events(maker, path, Some(&name), entries);
            return;
        }
        let made = object.events.first().and_then(|event| event.after.as_ref());
        let Some(field) = made.and_then(|tree| find(tree, path)) else {
            return;
        };
        let Some(input) = self.sources.trace(field.span).input else {
            return;
        };
        let inputs = maker.now.clone();
        if let Some(path) = path_of(&inputs, input, &mut Vec::new()) {
            self.events(maker, &path, Some(&name), entries);
            return;
        }
        // An input that the resource does not have comes from its schema.
        entries.push(Entry {
            step: "default",
            asked: Span::NONE,
            of: Some(name),
            note: None,
            changes: Vec::new(),
            at: input,
            won: false,
        });
    }

    /// Adds what the steps did to a field, or to what is below it.
    fn events(
        &self,
        object: &Recorded,
        path: &[PathStep],
        of: Option<&str>,
        entries: &mut Vec<Entry>,
    ) {
        for event in &object.events {
            let at = |tree: &Option<Node>| tree.as_ref().and_then(|tree| find(tree, path)).cloned();
            let (before, after) = (at(&event.before), at(&event.after));
            let changes = self.changes(event, path, before.as_ref(), after.as_ref());
            let makes = before.is_none() && after.as_ref().is_some_and(|n| n.as_scalar().is_none());
            if changes.is_empty() {
                continue;
            }
            let place = changes[0].at;
            entries.push(Entry {
                step: event.step.kind.as_str(),
                asked: asked(event, place),
                of: of.map(str::to_owned),
                note: self.note(event, &changes),
                at: if makes { changes[0].at } else { place },
                changes: if makes { Vec::new() } else { changes },
                won: false,
            });
        }
    }

    fn changes(
        &self,
        event: &Event,
        path: &[PathStep],
        before: Option<&Node>,
        after: Option<&Node>,
    ) -> Vec<Change> {
        let change = |path: Vec<PathStep>, before: Option<&Node>, after: Option<&Node>| Change {
            at: self.place(event, &path, before, after),
            path,
            before: before.cloned(),
            after: after.cloned(),
        };
        match (before, after) {
            (None, None) => Vec::new(),
            (Some(old), Some(new)) => {
                let found = compare(old, new);
                if found.is_empty() && sets_again(&event.step, old, new) {
                    return vec![change(path.to_vec(), before, after)];
                }
                found
                    .into_iter()
                    .map(|one| {
                        let path = [path, &one.path].concat();
                        change(path, one.before.as_ref(), one.after.as_ref())
                    })
                    .collect()
            }
            _ => vec![change(path.to_vec(), before, after)],
        }
    }

    /// Where a new value is written, or what removes the old one; else what asks for the step.
    fn place(
        &self,
        event: &Event,
        path: &[PathStep],
        before: Option<&Node>,
        after: Option<&Node>,
    ) -> Span {
        let asked = event.step.at;
        let Some(after) = after else {
            let removes = event.before.as_ref().and_then(|tree| {
                let path = record_path(path)?;
                let path: Vec<RecordPath<'_>> = path.iter().map(Part::as_record).collect();
                event.step.removes(tree, &path)
            });
            return removes.unwrap_or(asked);
        };
        let is_new = before.is_none_or(|before| before.span != after.span);
        let is_known = self.sources.get(after.span.file).is_some();
        match event.step.kind {
            StepKind::NamePrefix | StepKind::NameSuffix => asked,
            _ if is_known && is_new => after.span,
            _ => asked,
        }
    }

    /// Where a copied value or a name came from.
    fn note(&self, event: &Event, changes: &[Change]) -> Option<(String, Span)> {
        match event.step.kind {
            StepKind::Replacement => {
                let (from, at) = event.step.source.as_ref()?;
                Some((format!("copied from {from}"), *at))
            }
            StepKind::Reference => {
                let new = changes.iter().find_map(|change| change.after.as_ref())?;
                let object = self.renamed_to(new)?;
                let first = object.events.first()?.after.as_ref()?;
                Some((format!("follows {}", describe(first)), name_of(first)))
            }
            StepKind::Hash => Some(("the hash of its content".to_owned(), Span::NONE)),
            _ => None,
        }
    }

    /// The object whose name a field has.
    fn renamed_to(&self, field: &Node) -> Option<&Recorded> {
        let text = field.scalar_text()?;
        self.recording.objects.iter().find(|object| {
            let name = |tree: &Node| {
                tree.at(&["metadata", "name"])?
                    .scalar_text()
                    .map(str::to_owned)
            };
            let first = object.events.first().and_then(|event| event.after.as_ref());
            name(&object.now).as_deref() == Some(text)
                && first.and_then(name).as_deref() != Some(text)
        })
    }
}

impl Entry {
    /// Whether the step set a value, and did not take one away.
    fn is_of_value(&self) -> bool {
        self.changes.is_empty() || self.changes.iter().any(|change| change.after.is_some())
    }
}

/// The entry of the kustomization, unless the change itself stands there.
fn asked(event: &Event, at: Span) -> Span {
    let asked = event.step.at;
    let is_inside = asked.file == at.file && asked.start <= at.start && at.end <= asked.end;
    if is_inside || event.step.kind == StepKind::Images && asked.file == at.file {
        Span::NONE
    } else {
        asked
    }
}

/// Whether a step wrote the value that was there already.
fn sets_again(step: &Step, old: &Node, new: &Node) -> bool {
    let writes = !matches!(
        step.kind,
        StepKind::Metadata | StepKind::Vars | StepKind::Reference | StepKind::Hash
    );
    writes && old.span != new.span && new.as_scalar().is_some() && !new.span.is_none()
}

fn describe(tree: &Node) -> String {
    Object::from_node(tree.clone()).map_or_else(String::new, |object| object.describe())
}

fn name_of(tree: &Node) -> Span {
    let name = tree.at(&["metadata", "name"]);
    name.map_or(tree.span, |name| name.span)
}

/// A part of a path that owns its texts.
enum Part {
    Key(String),
    Item(String, String),
    Index(usize),
}

impl Part {
    fn as_record(&self) -> RecordPath<'_> {
        match self {
            Part::Key(key) => RecordPath::Key(key),
            Part::Item(key, text) => RecordPath::Item(key, text),
            Part::Index(at) => RecordPath::Index(*at),
        }
    }
}

fn record_path(path: &[PathStep]) -> Option<Vec<Part>> {
    let part = |step: &PathStep| match step {
        PathStep::Field(key) => Some(Part::Key(key.clone())),
        PathStep::Index(at) => Some(Part::Index(*at)),
        PathStep::Item(keys) => {
            let (key, text) = keys.first()?;
            Some(Part::Item(key.clone(), text.trim_matches('"').to_owned()))
        }
        PathStep::Member(_) => None,
    };
    path.iter().map(part).collect()
}

/// The path to the value that stands at a place.
fn path_of(node: &Node, span: Span, path: &mut Vec<PathStep>) -> Option<Vec<PathStep>> {
    if node.span == span && !path.is_empty() {
        return Some(path.clone());
    }
    let mut below = |step: PathStep, child: &Node| {
        path.push(step);
        let found = path_of(child, span, path);
        path.pop();
        found
    };
    match &node.value {
        Value::Scalar(_) => None,
        Value::Map(map) => map
            .iter()
            .find_map(|entry| below(PathStep::Field(entry.key.to_string()), &entry.value)),
        Value::Seq(items) => {
            let steps = item_steps(items);
            let mut items = steps.into_iter().zip(items.iter());
            items.find_map(|(step, item)| below(step, item))
        }
    }
}
