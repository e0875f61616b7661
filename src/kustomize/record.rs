//! What each step of a build changed, for whoever asks how an object came to be what it is.
//!
//! Trees are shared and copied where they change, so a snapshot is a pointer: a recorder keeps one
//! for each object, and looks after each step which of them is another. It is there only in a
//! build that asks for it.

use std::cell::RefCell;
use std::sync::Arc;

use super::decode::Text;
use super::patch::PatchContent;
use super::resource::Resource;
use crate::manifest::{Node, Span, Value};
use crate::merge::json6902::OperationKind;

/// What a step of a build is, by the field of the kustomization that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// A file of `resources`.
    Resource,
    /// `configMapGenerator`, `secretGenerator`, or a plugin of `generators`.
    Generator,
    /// A strategic-merge patch.
    Patch,
    /// A JSON 6902 patch.
    JsonPatch,
    /// `namespace`.
    Namespace,
    /// `namePrefix`.
    NamePrefix,
    /// `nameSuffix`.
    NameSuffix,
    /// An entry of `labels`.
    Labels,
    /// `commonLabels`.
    CommonLabels,
    /// `commonAnnotations`.
    CommonAnnotations,
    /// An entry of `replicas`.
    Replicas,
    /// `images`.
    Images,
    /// An entry of `replacements`.
    Replacement,
    /// A plugin of `transformers`.
    Plugin,
    /// A typed resource became objects.
    Expansion,
    /// The hash of the content at the end of a name.
    Hash,
    /// The name of an object was written where others refer to it.
    Reference,
    /// `vars`.
    Vars,
    /// `buildMetadata`, and annotations written as text.
    Metadata,
}

impl StepKind {
    /// The word for it: where there is one, the field of the kustomization.
    pub fn as_str(self) -> &'static str {
        match self {
            StepKind::Resource => "resource",
            StepKind::Generator => "generator",
            StepKind::Patch => "patch",
            StepKind::JsonPatch => "json patch",
            StepKind::Namespace => "namespace",
            StepKind::NamePrefix => "namePrefix",
            StepKind::NameSuffix => "nameSuffix",
            StepKind::Labels => "labels",
            StepKind::CommonLabels => "commonLabels",
            StepKind::CommonAnnotations => "commonAnnotations",
            StepKind::Replicas => "replicas",
            StepKind::Images => "images",
            StepKind::Replacement => "replacement",
            StepKind::Plugin => "transformer",
            StepKind::Expansion => "expansion",
            StepKind::Hash => "hash",
            StepKind::Reference => "reference",
            StepKind::Vars => "vars",
            StepKind::Metadata => "buildMetadata",
        }
    }
}

/// One step of a build.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is.
    pub kind: StepKind,
    /// The entry of the kustomization that asks for it; nowhere for what is always done.
    pub at: Span,
    /// Where a value was copied from, and of which object: of a replacement.
    pub source: Option<(String, Span)>,
    patch: Option<Arc<PatchContent>>,
}

impl Step {
    pub(crate) fn new(kind: StepKind, at: Span) -> Self {
        Self {
            kind,
            at,
            source: None,
            patch: None,
        }
    }

    pub(crate) fn of_text(kind: StepKind, text: &Text) -> Self {
        Self::new(kind, text.span)
    }

    pub(crate) fn patch(mut self, content: &Arc<PatchContent>) -> Self {
        if matches!(**content, PatchContent::Json(_)) {
            self.kind = StepKind::JsonPatch;
        }
        self.patch = Some(Arc::clone(content));
        self
    }

    pub(crate) fn source(mut self, object: String, at: Span) -> Self {
        self.source = Some((object, at));
        self
    }

    /// Where the step removes a field, as far as that can be told: the `null` or the `$patch` of a
    /// strategic-merge patch, the operation of a JSON patch. `tree` is the object before.
    pub fn removes(&self, tree: &Node, path: &[RecordPath<'_>]) -> Option<Span> {
        match &**self.patch.as_ref()? {
            PatchContent::Empty => None,
            PatchContent::Strategic(objects) => {
                objects.iter().find_map(|object| removal(object, path))
            }
            PatchContent::Json(operations) => {
                let parts = pointer_of(tree, path)?;
                let removes = operations.iter().rev().find(|operation| {
                    let from = match operation.kind {
                        OperationKind::Remove | OperationKind::Replace => &operation.path,
                        OperationKind::Move => &operation.from,
                        _ => return false,
                    };
                    from.len() <= parts.len()
                        && from.iter().zip(&parts).all(|(part, want)| part == want)
                })?;
                Some(removes.span)
            }
        }
    }
}

/// One part of a path to a field, with list items by what tells them apart.
#[derive(Clone, Copy, Debug)]
pub enum RecordPath<'p> {
    /// A key of a mapping.
    Key(&'p str),
    /// An item by the text of one of its fields.
    Item(&'p str, &'p str),
    /// An item by its place.
    Index(usize),
}

/// What a step did to one object.
#[derive(Clone, Debug)]
pub struct Event {
    /// The step.
    pub step: Arc<Step>,
    /// The object before; `None` where the step made it.
    pub before: Option<Node>,
    /// The object after; `None` where the step removed it.
    pub after: Option<Node>,
}

/// The life of one object.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What changed it, in order; the first made it.
    pub events: Vec<Event>,
    /// The typed resource that it was made from, as an index of [`Recording::objects`].
    pub maker: Option<usize>,
    /// As it stands at the end of the build; `None` where it is not part of the output.
    pub last: Option<Node>,
    /// As the last step left it.
    pub now: Node,
}

impl Recorded {
    /// An object of a plain file, which no step changes. `stays` says whether it is part of the
    /// output.
    pub fn read(node: &Node, stays: bool) -> Self {
        let step = Step::new(StepKind::Resource, Span::NONE);
        Self::new(node, Arc::new(step), None, stays)
    }

    /// An object that was made from a typed resource of a plain file.
    pub fn made(node: &Node, maker: &Node, from: usize) -> Self {
        let step = Step::new(StepKind::Expansion, maker.span);
        Self::new(node, Arc::new(step), Some(from), true)
    }

    fn new(node: &Node, step: Arc<Step>, maker: Option<usize>, stays: bool) -> Self {
        Self {
            events: vec![Event {
                step,
                before: None,
                after: Some(node.clone()),
            }],
            maker,
            last: stays.then(|| node.clone()),
            now: node.clone(),
        }
    }
}

/// The lives of all objects of a build.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// In the order in which they were made.
    pub objects: Vec<Recorded>,
}

/// Takes down what the steps of a build do.
#[derive(Debug, Default)]
pub(crate) struct Recorder(RefCell<Recording>);

impl Recorder {
    /// Notes what a step has made of some resources.
    pub(crate) fn step<'r>(&self, resources: impl Iterator<Item = &'r mut Resource>, step: Step) {
        let step = Arc::new(step);
        let mut recording = self.0.borrow_mut();
        for resource in resources {
            recording.see(resource, &step, None);
        }
    }

    /// Notes that a resource was made from a typed one.
    pub(crate) fn made(&self, resource: &mut Resource, maker: &Resource) {
        let step = Arc::new(Step::new(StepKind::Expansion, maker.node.span));
        let maker = maker.record.checked_sub(1).map(|at| at as usize);
        self.0.borrow_mut().see(resource, &step, maker);
    }

    /// Notes what is left at the end of the build, and hands over the record.
    pub(crate) fn finish(&self, resources: &[Resource]) -> Recording {
        let mut recording = self.0.take();
        for resource in resources {
            let at = resource.record.checked_sub(1);
            if let Some(object) = at.and_then(|at| recording.objects.get_mut(at as usize)) {
                object.last = Some(resource.node.clone());
            }
        }
        recording
    }
}

impl Recording {
    fn see(&mut self, resource: &mut Resource, step: &Arc<Step>, maker: Option<usize>) {
        let event = |before: Option<&Node>, after: Option<&Node>| Event {
            step: Arc::clone(step),
            before: before.cloned(),
            after: after.cloned(),
        };
        let known = resource.record.checked_sub(1);
        let Some(object) = known.and_then(|at| self.objects.get_mut(at as usize)) else {
            let step = Arc::clone(step);
            self.objects
                .push(Recorded::new(&resource.node, step, maker, false));
            resource.record = u32::try_from(self.objects.len()).unwrap_or_default();
            return;
        };
        if resource.dead {
            let is_new = object
                .events
                .last()
                .is_some_and(|last| last.after.is_some());
            if is_new {
                object.events.push(event(Some(&object.now), None));
            }
        } else if !is_same(&object.now, &resource.node) {
            let event = event(Some(&object.now), Some(&resource.node));
            object.events.push(event);
            object.now = resource.node.clone();
        }
    }
}

/// Whether two trees are one, spans included.
fn is_same(a: &Node, b: &Node) -> bool {
    a.span == b.span
        && match (&a.value, &b.value) {
            (Value::Scalar(a), Value::Scalar(b)) => a == b,
            (Value::Seq(a), Value::Seq(b)) => {
                Arc::ptr_eq(a, b)
                    || a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| is_same(a, b))
            }
            (Value::Map(a), Value::Map(b)) => {
                Arc::ptr_eq(a, b)
                    || a.len() == b.len()
                        && a.iter()
                            .zip(b.iter())
                            .all(|(a, b)| a.key == b.key && is_same(&a.value, &b.value))
            }
            _ => false,
        }
}

/// Where a strategic-merge patch removes a field: a `null` on the way, or a directive beside it.
fn removal(patch: &Node, path: &[RecordPath<'_>]) -> Option<Span> {
    if patch.is_null() {
        return Some(patch.span);
    }
    if let Some(directive) = patch.get("$patch") {
        return Some(directive.span);
    }
    let (first, rest) = path.split_first()?;
    match first {
        RecordPath::Key(key) => removal(patch.get(key)?, rest),
        RecordPath::Item(key, text) => {
            let items = patch.as_seq()?;
            let is_meant = |item: &&Node| item.get(key).and_then(Node::scalar_text) == Some(*text);
            let by_item = items
                .iter()
                .filter(is_meant)
                .find_map(|item| removal(item, rest));
            by_item.or_else(|| Some(items.iter().find_map(|item| item.get("$patch"))?.span))
        }
        RecordPath::Index(at) => removal(patch.as_seq()?.get(*at)?, rest),
    }
}

/// The parts of a JSON pointer to a field.
fn pointer_of(tree: &Node, path: &[RecordPath<'_>]) -> Option<Vec<String>> {
    let mut node = tree;
    let mut parts = Vec::with_capacity(path.len());
    for part in path {
        let (name, next) = match part {
            RecordPath::Key(key) => ((*key).to_owned(), node.get(key)?),
            RecordPath::Item(key, text) => {
                let items = node.as_seq()?;
                let at = items
                    .iter()
                    .position(|item| item.get(key).and_then(Node::scalar_text) == Some(*text))?;
                (at.to_string(), &items[at])
            }
            RecordPath::Index(at) => (at.to_string(), node.as_seq()?.get(*at)?),
        };
        parts.push(name);
        node = next;
    }
    Some(parts)
}
