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
    let states = recording.objects.iter().flat_map(|object| &object.events);
    let once: Vec<Object> = states
        .filter_map(|event| Object::from_node(event.after.clone()?))
        .filter(|object| query.is_of_kind(object.group(), object.kind()))
        .collect();
    let names = of_kind.iter().chain(&once).map(Object::name);
    if let Some(near) = suggest::nearest(asked, names) {
        return fault.hint(format!("did you mean `{}/{near}`?", kind.to_lowercase()));
    }
    let listed = |objects: &[String]| {
        let more = if objects.len() > 8 { ", ..." } else { "" };
        format!("{}{more}", objects[..objects.len().min(8)].join(", "))
    };
    if !of_kind.is_empty() {
        let names: Vec<String> = of_kind.iter().map(named).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        return fault.hint(format!("there {verb} {}", listed(&names)));
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
        None => fault.hint(format!("there is {}", listed(&kinds))),
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
        // The inputs of a typed resource are gone at the end, but not lost.
        let is_expanded = || {
            let makers = self.recording.objects.iter().filter_map(|made| made.maker);
            let mut makers = makers.filter_map(|at| self.recording.objects.get(at));
            makers.any(|maker| std::ptr::eq(maker, object))
        };
        let last = object.last.as_ref();
        let last = last.or_else(|| is_expanded().then_some(&object.now));
        let value = last.and_then(|tree| find(tree, &path)).cloned();
        mark_winner(&mut entries, value.is_some());
        History {
            object: describe(last.unwrap_or(&object.now)),
            value,
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
            of: None,
            note: Some((format!("no input of {name} says otherwise"), Span::NONE)),
            changes: vec![Change {
                path: path.to_vec(),
                before: None,
                after: Some(field.clone()),
                at: input,
            }],
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
            let mut at = changes[0].at;
            let mut note = self.note(event, object, &changes);
            if event.step.kind == StepKind::Reference
                && let Some((_, place)) = &mut note
            {
                at = std::mem::replace(place, Span::NONE);
            }
            entries.push(Entry {
                step: self.word(event, after.as_ref()),
                asked: asked(event, at),
                of: of.map(str::to_owned),
                note: note.filter(|_| path.is_empty() || event.step.kind != StepKind::Expansion),
                at,
                changes: if makes { Vec::new() } else { changes },
                won: false,
            });
        }
    }

    /// The word for a step; of an expansion, whether the template wrote the field or the last word
    /// of the typed resource on what it makes.
    fn word(&self, event: &Event, after: Option<&Node>) -> &'static str {
        match after {
            Some(node) if event.step.kind == StepKind::Expansion => {
                match self.sources.trace(node.span).template {
                    Some(_) => "template",
                    None => "override",
                }
            }
            _ => event.step.kind.as_str(),
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
                if found.is_empty() && sets_again(&event.step, path, old, new) {
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
        let is_known = self.sources.get(after.span.file()).is_some();
        match event.step.kind {
            StepKind::NamePrefix | StepKind::NameSuffix | StepKind::Replacement => asked,
            StepKind::Expansion => self
                .sources
                .trace(after.span)
                .template
                .unwrap_or(after.span),
            kind if is_known && is_new => match kind {
                StepKind::Resource
                | StepKind::Generator
                | StepKind::Patch
                | StepKind::JsonPatch
                | StepKind::Plugin => after.span,
                // A mapping that was made for an entry stands nowhere; the entry does.
                _ => first_scalar(after).span,
            },
            _ => asked,
        }
    }

    /// Where a copied value or a name came from.
    fn note(&self, event: &Event, object: &Recorded, changes: &[Change]) -> Option<(String, Span)> {
        match event.step.kind {
            StepKind::Expansion => {
                let maker = &self.recording.objects.get(object.maker?)?.now;
                Some((format!("made from {}", describe(maker)), name_of(maker)))
            }
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
            StepKind::Hash => Some(("of the content".to_owned(), Span::NONE)),
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

/// Marks what decided the value: the last that set it, or took it away. A template only carries
/// on what an input says.
fn mark_winner(entries: &mut [Entry], is_there: bool) {
    let mut decided = entries
        .iter()
        .rposition(|entry| !is_there || entry.is_of_value());
    while let Some(at) = decided
        && at > 0
        && matches!(entries[at].step, "template" | "override")
    {
        decided = Some(at - 1);
    }
    if let Some(at) = decided {
        entries[at].won = true;
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
    let is_inside =
        asked.file() == at.file() && asked.start() <= at.start() && at.end() <= asked.end();
    let is_near = event.step.kind == StepKind::Images && asked.file() == at.file();
    if is_inside || is_near || event.step.kind == StepKind::Expansion {
        Span::NONE
    } else {
        asked
    }
}

/// Whether a step wrote the value that was there already. A patch has to name its object and the
/// items of lists: that is no statement about them.
fn sets_again(step: &Step, path: &[PathStep], old: &Node, new: &Node) -> bool {
    let writes = !matches!(
        step.kind,
        StepKind::Metadata | StepKind::Vars | StepKind::Reference | StepKind::Hash
    );
    let names = match path {
        [PathStep::Field(field)] => matches!(field.as_str(), "apiVersion" | "kind"),
        [PathStep::Field(metadata), PathStep::Field(field)] => {
            metadata == "metadata" && matches!(field.as_str(), "name" | "namespace")
        }
        [.., PathStep::Item(keys), PathStep::Field(field)] => {
            keys.iter().any(|(key, _)| key == field)
        }
        _ => false,
    };
    writes && !names && old.span != new.span && new.as_scalar().is_some() && !new.span.is_none()
}

fn first_scalar(node: &Node) -> &Node {
    match &node.value {
        Value::Scalar(_) => node,
        Value::Map(map) => map.iter().next().map_or(node, |e| first_scalar(&e.value)),
        Value::Seq(items) => items.first().map_or(node, first_scalar),
    }
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
