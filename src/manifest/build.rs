//! Builds a tree from parser events: tags, keys, anchors, merge keys and their limits.

mod scalars;

use std::collections::HashMap;

use granit_parser::{Event, Span as EventSpan, StructureStyle};
use smol_str::SmolStr;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::go_yaml::Insertions;
use super::map::{Entry, INDEX_FROM, Map};
use super::node::{Node, Scalar, ScalarKind, Value};
use super::read::{Document, DuplicateKey, Duplicates, ReadOptions};
use super::resolve::Dialect;
use super::source::{FileId, Span};

/// A node that has an anchor, with what an alias of it costs.
#[derive(Clone)]
struct Anchored {
    node: Node,
    /// Nodes in it, aliases expanded.
    weight: u64,
    /// Levels in it, itself included.
    depth: usize,
}

/// A collection that is open. Its elements lie at the end of the builder's stacks, so that each
/// list and mapping is made in one piece and as long as it needs to be.
struct Frame {
    kind: Kind,
    /// Where its elements begin on the stack of entries, or of items.
    base: usize,
    /// The key whose value comes next.
    key: Option<Key>,
    start: u32,
    anchor: usize,
    /// The builder's counts before it.
    nodes: u64,
    /// Levels in it so far, itself included.
    depth: usize,
    /// Whether it is written in brackets.
    in_brackets: bool,
    rare: Option<Box<Rare>>,
}

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Map,
    Seq,
    /// No collection: it holds the place of a key while a collection is read that stands there.
    Key,
}

/// What few mappings need.
#[derive(Default)]
struct Rare {
    /// What `<<` brings.
    merges: Vec<Node>,
    /// Keys with their places, of a long mapping.
    index: HashMap<SmolStr, usize>,
}

enum Key {
    Plain(SmolStr, Span),
    Merge(Span),
    /// A key whose value is read and dropped.
    Dropped,
}

/// Turns the events of one stream into documents.
pub(super) struct Builder {
    file: FileId,
    skipped: usize,
    /// What was put into the text that the parser reads.
    insertions: Insertions,
    options: ReadOptions,
    /// The text's length, when its last line holds something and has no line break.
    open_end: Option<usize>,
    frames: Vec<Frame>,
    /// The entries of all open mappings.
    entries: Vec<Entry>,
    /// The items of all open lists.
    items: Vec<Node>,
    anchors: HashMap<usize, Anchored>,
    /// Nodes so far, aliases expanded.
    nodes: u64,
    /// Nodes of these that aliases brought.
    aliased: u64,
    root: Option<Node>,
    start: Span,
    duplicates: Vec<DuplicateKey>,
    faults: Vec<Diagnostic>,
}

impl Builder {
    /// Creates a builder for a text, of which the parser does not see the first `skipped` bytes.
    pub(super) fn new(file: FileId, text: &str, skipped: usize, options: ReadOptions) -> Self {
        let last_line = text.rsplit(['\n', '\r']).next().unwrap_or_default();
        Self {
            file,
            skipped,
            insertions: Insertions::default(),
            options,
            open_end: (!last_line.trim().is_empty()).then_some(text.len()),
            frames: Vec::new(),
            entries: Vec::new(),
            items: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            aliased: 0,
            root: None,
            start: Span::new(file, 0, 0),
            duplicates: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Begins a document. go-yaml 2 refuses every version directive but 1.1.
    pub(super) fn start_document(&mut self, version: Option<(u32, u32)>, at: Span) {
        self.start = at;
        if let Some((major, minor)) = version
            && (major, minor) != (1, 1)
            && (self.options.dialect == Dialect::Kubectl || (major, minor) != (1, 2))
        {
            let message = format!("found incompatible YAML document: version {major}.{minor}");
            let fault = Diagnostic::error("yaml-version", message)
                .at(self.start, "")
                .hint("remove the `%YAML` line");
            self.faults.push(fault);
        }
    }

    /// Ends a document.
    pub(super) fn finish_document(&mut self) -> Result<Document, Diagnostics> {
        let root = self.root.take();
        let duplicates = std::mem::take(&mut self.duplicates);
        let faults = std::mem::take(&mut self.faults);
        let start = self.start;
        self.abandon_document();
        if !faults.is_empty() {
            return Err(Diagnostics(faults));
        }
        let root = root.unwrap_or_else(|| Node::null(start));
        Ok(Document { root, duplicates })
    }

    /// Forgets a document that cannot be finished.
    pub(super) fn abandon_document(&mut self) {
        self.frames.clear();
        self.entries.clear();
        self.items.clear();
        self.anchors.clear();
        (self.nodes, self.aliased) = (0, 0);
        self.root = None;
        self.duplicates.clear();
        self.faults.clear();
    }

    /// Takes one event of a document's content.
    pub(super) fn event(&mut self, event: Event<'_>, span: &EventSpan) {
        let at = self.span(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), at);
            }
            Event::SequenceStart(style, anchor, _) => self.open(Kind::Seq, anchor, style, at),
            Event::MappingStart(style, anchor, _) => self.open(Kind::Map, anchor, style, at),
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => self.alias(id, at),
            _ => {}
        }
    }

    /// Begins a list or a mapping.
    pub(super) fn open(&mut self, kind: Kind, anchor: usize, style: StructureStyle, at: Span) {
        // A collection as a key has no name that JSON could hold.
        if self.is_key_next() {
            self.set_key(Key::Dropped);
            self.faults.push(
                Diagnostic::error("yaml-key", "a key must be a scalar, not a collection")
                    .at(at, ""),
            );
            self.push_frame(Kind::Key, 0, style, at);
        }
        self.push_frame(kind, anchor, style, at);
    }

    fn push_frame(&mut self, kind: Kind, anchor: usize, style: StructureStyle, at: Span) {
        self.frames.push(Frame {
            kind,
            base: match kind {
                Kind::Map => self.entries.len(),
                Kind::Seq | Kind::Key => self.items.len(),
            },
            key: None,
            start: at.start(),
            anchor,
            nodes: self.nodes,
            depth: 1,
            in_brackets: style == StructureStyle::Flow,
            rare: None,
        });
    }

    /// Ends the innermost list or mapping that is open.
    pub(super) fn close(&mut self, at: Span) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        let value = match frame.kind {
            Kind::Seq | Kind::Key => Value::Seq(self.items.split_off(frame.base).into()),
            Kind::Map => {
                let mut map = Map::from_unique(self.entries.split_off(frame.base));
                if let Some(rare) = &frame.rare {
                    merge_into(&mut map, &rare.merges);
                }
                Value::Map(map.into())
            }
        };
        let span = Span::new(self.file, frame.start as usize, at.end() as usize);
        let node = Node::new(value, span);
        if frame.anchor != 0 {
            let anchored = Anchored {
                node: node.clone(),
                weight: (self.nodes - frame.nodes).saturating_add(1),
                depth: frame.depth,
            };
            self.anchors.insert(frame.anchor, anchored);
        }
        // What was read as a key ends here: the mapping goes on with its value.
        if self.frames.last().is_some_and(|f| f.kind == Kind::Key) {
            self.frames.pop();
            return;
        }
        self.push(node, 1, frame.depth);
    }

    /// Whether a mapping is open whose next key has not come yet.
    fn is_key_next(&self) -> bool {
        let frame = self.frames.last();
        frame.is_some_and(|frame| frame.kind == Kind::Map && frame.key.is_none())
    }

    fn alias(&mut self, id: usize, at: Span) {
        let Some(anchored) = self.anchors.get(&id).cloned() else {
            self.faults.push(
                Diagnostic::error("yaml-alias", "this alias stands inside its own anchor")
                    .at(at, "it would contain itself"),
            );
            return self.push(Node::null(at), 1, 1);
        };
        if self.is_key_next() {
            if let Some(scalar) = anchored.node.as_scalar().cloned() {
                self.key(scalar, None, at);
            } else {
                self.faults.push(
                    Diagnostic::error("yaml-key", "a key must be a scalar, not a collection")
                        .at(at, ""),
                );
                self.set_key(Key::Dropped);
            }
            return;
        }
        self.aliased = self.aliased.saturating_add(anchored.weight);
        self.push(anchored.node, anchored.weight, anchored.depth);
    }

    /// Takes a scalar as a key. `merge` is set for the text `<<`, with whether it is plain.
    fn key(&mut self, scalar: Scalar, merge: Option<bool>, at: Span) {
        let key = match (merge, self.options.dialect) {
            (Some(true), _) => Key::Merge(at),
            (Some(false), Dialect::Kustomize) => Key::Dropped,
            _ => self
                .key_name(scalar, at)
                .map_or(Key::Dropped, |name| Key::Plain(name, at)),
        };
        self.set_key(key);
    }

    /// The JSON name of a key: kubectl turns numbers and booleans into text, kustomize refuses
    /// them in resources, and nobody takes null.
    fn key_name(&mut self, scalar: Scalar, at: Span) -> Option<SmolStr> {
        if scalar.kind == ScalarKind::Str || self.options.duplicates == Duplicates::FirstWins {
            return Some(scalar.text);
        }
        // kustomize reads an object into a mapping by texts, and what is in it as it comes.
        let is_at_top = self.frames.len() == 1 && scalar.kind != ScalarKind::Null;
        if is_at_top && self.is_kustomize_resource() {
            return Some(scalar.text);
        }
        if self.options.dialect == Dialect::Kubectl {
            if let Some(value) = scalar.as_bool() {
                return Some(SmolStr::new_static(if value { "true" } else { "false" }));
            }
            if let Some(number) = scalar.as_number() {
                return Some(SmolStr::from(number.to_yaml()));
            }
        }
        let what = if scalar.kind == ScalarKind::Null {
            "null"
        } else {
            "not a string"
        };
        self.faults.push(
            Diagnostic::error("yaml-key", format!("the key `{}` is {what}", scalar.text))
                .at(at, "")
                .hint(format!("write it in quotes: \"{}\"", scalar.text)),
        );
        None
    }

    fn set_key(&mut self, new: Key) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(new);
        }
    }

    /// Hands a finished node to the collection that is open, or makes it the root. `weight` counts
    /// what it adds to the document: 1, or all that an alias brings.
    fn push(&mut self, node: Node, weight: u64, depth: usize) {
        self.nodes = self.nodes.saturating_add(weight);
        let depth = depth + 1;
        if depth + self.frames.len() > self.options.limits.depth {
            let message = format!(
                "the document nests deeper than {} levels",
                self.options.limits.depth
            );
            return self.fail_once("yaml-depth", message, node.span);
        }
        let Some(frame) = self.frames.last_mut() else {
            self.check_aliases(node.span);
            self.root = Some(node);
            return;
        };
        frame.depth = frame.depth.max(depth);
        if frame.kind != Kind::Map {
            self.items.push(node);
            return;
        }
        match frame.key.take() {
            Some(Key::Plain(key, key_span)) => self.add_entry(key, key_span, node),
            Some(Key::Merge(at)) => {
                let is_second = frame.rare.as_ref().is_some_and(|r| !r.merges.is_empty());
                if is_second && self.options.dialect == Dialect::Kustomize {
                    let message = "a mapping has one merge key `<<`, which may take a list";
                    self.fail_once("yaml-merge", message.to_owned(), at.or(node.span));
                } else if is_mergeable(&node) {
                    frame.rare.get_or_insert_default().merges.push(node);
                } else {
                    let message = "map merge requires a mapping or a list of mappings";
                    self.fail_once("yaml-merge", message.to_owned(), at.or(node.span));
                }
            }
            Some(Key::Dropped) | None => {}
        }
    }

    fn add_entry(&mut self, key: SmolStr, key_span: Span, value: Node) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let siblings = &self.entries[frame.base..];
        let first = if siblings.len() < INDEX_FROM {
            siblings.iter().position(|entry| entry.key == key)
        } else {
            let index = &mut frame.rare.get_or_insert_default().index;
            for (at, entry) in siblings.iter().enumerate().skip(index.len()) {
                index.insert(entry.key.clone(), at);
            }
            index.get(&key).copied()
        };
        match first {
            None => self.entries.push(Entry {
                key,
                key_span,
                value,
            }),
            Some(at) => {
                let at = frame.base + at;
                self.duplicate(at, key, key_span, value);
            }
        }
    }

    /// Takes the second of two equal keys; the first is the entry at `at`.
    fn duplicate(&mut self, at: usize, key: SmolStr, key_span: Span, value: Node) {
        let path = self.path();
        let entry = &mut self.entries[at];
        let first = entry.key_span;
        if self.options.duplicates == Duplicates::Error {
            self.faults.push(
                Diagnostic::error("duplicate-key", format!("key `{key}` is already set"))
                    .at(key_span, "set again here")
                    .also(first, "first set here"),
            );
            return;
        }
        if self.options.duplicates == Duplicates::LastWins {
            (entry.key_span, entry.value) = (key_span, value);
        }
        self.duplicates.push(DuplicateKey {
            key: key.to_string(),
            first,
            second: key_span,
            path,
        });
    }

    /// The keys and indexes that lead to the mapping that is open.
    fn path(&self) -> String {
        let mut path = String::new();
        for (at, frame) in self.frames.iter().enumerate() {
            if at + 1 == self.frames.len() {
                break;
            }
            match (&frame.kind, &frame.key) {
                (Kind::Seq | Kind::Key, _) => {
                    // The lists below it begin where it ends.
                    let mut below = self.frames[at + 1..].iter();
                    let end = below
                        .find(|frame| frame.kind != Kind::Map)
                        .map_or(self.items.len(), |frame| frame.base);
                    path.push_str(&format!("[{}]", end - frame.base));
                }
                (Kind::Map, Some(Key::Plain(name, _))) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
                (Kind::Map, _) => {}
            }
        }
        path
    }

    /// go-yaml's rule against alias bombs: of a large document, aliases may make up 99 % up to
    /// 400,000 nodes, falling to 10 % at 4,000,000.
    fn check_aliases(&mut self, root: Span) {
        if self.aliased <= 100 || self.nodes <= self.options.limits.nodes {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio of two sizes")]
        let (weight, aliased) = (self.nodes as f64, self.aliased as f64);
        let allowed = if weight <= 400_000.0 {
            0.99
        } else if weight >= 4_000_000.0 {
            0.10
        } else {
            0.99 - 0.89 * (weight - 400_000.0) / 3_600_000.0
        };
        if aliased / weight > allowed {
            let message = "document contains excessive aliasing".to_owned();
            self.fail_once("yaml-alias", message, root);
        }
    }

    fn fail_once(&mut self, rule: &'static str, message: String, at: Span) {
        if !self.faults.iter().any(|fault| fault.rule == rule) {
            self.faults
                .push(Diagnostic::error(rule, message).at(at, ""));
        }
    }

    /// Where an event stands in the file.
    pub(super) fn span(&self, span: &EventSpan) -> Span {
        let start = self.place(span.start.byte_offset().unwrap_or_default());
        let end = self.place(span.end.byte_offset().unwrap_or_default());
        Span::new(self.file, start, end.max(start))
    }

    /// Where a place of the text that the parser reads is in the file.
    pub(super) fn place(&self, at: usize) -> usize {
        self.insertions.original(at) + self.skipped
    }

    /// Says what was put into the text that the parser reads.
    pub(super) fn mended(&mut self, insertions: Insertions) {
        self.insertions = insertions;
    }

    /// Whose rules decide what a plain scalar means.
    pub(super) fn dialect(&self) -> Dialect {
        self.options.dialect
    }

    /// Refuses the document.
    pub(super) fn refuse(&mut self, fault: Diagnostic) {
        self.faults.push(fault);
    }

    /// Says how much of the file the parser does not see.
    pub(super) fn skip(&mut self, skipped: usize) {
        self.skipped = skipped;
    }
}

fn is_mergeable(node: &Node) -> bool {
    match &node.value {
        Value::Map(_) => true,
        Value::Seq(items) => items.iter().all(|item| item.as_map().is_some()),
        Value::Scalar(_) => false,
    }
}

/// Adds what `<<` brings: explicit keys win, and of several merged mappings the first.
fn merge_into(map: &mut Map, merges: &[Node]) {
    for node in merges {
        let maps: Vec<&Map> = match &node.value {
            Value::Map(merged) => vec![merged],
            Value::Seq(items) => items.iter().filter_map(Node::as_map).collect(),
            Value::Scalar(_) => Vec::new(),
        };
        for merged in maps {
            for entry in merged {
                if !map.contains_key(&entry.key) {
                    map.insert(entry.key.clone(), entry.key_span, entry.value.clone());
                }
            }
        }
    }
}
