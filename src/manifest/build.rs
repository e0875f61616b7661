//! Builds a tree from parser events: tags, keys, anchors, merge keys and their limits.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use granit_parser::{Event, ScalarStyle, Span as EventSpan, Tag};
use smol_str::SmolStr;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::map::Map;
use super::node::{Node, Scalar, ScalarKind, Value};
use super::read::{Document, DuplicateKey, Duplicates, ReadOptions};
use super::refold::refold;
use super::resolve::{Dialect, Resolved, resolve};
use super::source::{FileId, Span};

/// A finished node with what its aliases cost.
#[derive(Clone)]
struct Built {
    node: Node,
    /// Nodes in it, aliases expanded.
    weight: u64,
    /// Nodes of these that aliases brought.
    aliased: u64,
    /// Levels below it, itself included.
    depth: usize,
}

enum Frame {
    Seq {
        items: Vec<Node>,
        open: Open,
    },
    Map {
        map: Map,
        key: Option<Key>,
        merges: Vec<Node>,
        open: Open,
    },
}

/// What is known of a collection before it ends.
struct Open {
    start: usize,
    anchor: usize,
    weight: u64,
    aliased: u64,
    depth: usize,
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
    options: ReadOptions,
    /// The text's length, when its last line holds something and has no line break.
    open_end: Option<usize>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Built>,
    root: Option<Built>,
    start: Span,
    duplicates: Vec<DuplicateKey>,
    faults: Vec<Diagnostic>,
}

impl Builder {
    /// Creates a builder for a text, of which the parser does not see the first `skipped` bytes.
    pub(super) fn new(file: FileId, text: &str, skipped: usize, options: ReadOptions) -> Self {
        let last_line = text.rsplit('\n').next().unwrap_or_default();
        Self {
            file,
            skipped,
            options,
            open_end: (!last_line.trim().is_empty()).then_some(text.len()),
            stack: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            start: Span::new(file, 0, 0),
            duplicates: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Begins a document. go-yaml 2 refuses every version directive but 1.1.
    pub(super) fn start_document(&mut self, version: Option<(u32, u32)>, span: EventSpan) {
        self.start = self.span(&span);
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
        let root = root.map_or_else(|| Node::null(start), |built| built.node);
        Ok(Document { root, duplicates })
    }

    /// Forgets a document that cannot be finished.
    pub(super) fn abandon_document(&mut self) {
        self.stack.clear();
        self.anchors.clear();
        self.root = None;
        self.duplicates.clear();
        self.faults.clear();
    }

    /// Takes one event of a document's content.
    pub(super) fn event(&mut self, event: Event<'_>, span: EventSpan) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), span);
            }
            Event::SequenceStart(_, anchor, _) => {
                let open = self.open(anchor, &span);
                self.stack.push(Frame::Seq {
                    items: Vec::new(),
                    open,
                });
            }
            Event::MappingStart(_, anchor, _) => {
                let open = self.open(anchor, &span);
                let map = Map::with_capacity(4);
                self.stack.push(Frame::Map {
                    map,
                    key: None,
                    merges: Vec::new(),
                    open,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&span),
            Event::Alias(id) => self.alias(id, span),
            _ => {}
        }
    }

    fn open(&mut self, anchor: usize, span: &EventSpan) -> Open {
        // A collection as a key has no name that JSON could hold.
        if let Some(Frame::Map {
            key: key @ None, ..
        }) = self.stack.last_mut()
        {
            *key = Some(Key::Dropped);
            let at = Self::place(self.file, self.skipped, span);
            self.faults.push(
                Diagnostic::error("yaml-key", "a key must be a scalar, not a collection")
                    .at(at, ""),
            );
            self.stack.push(Frame::Seq {
                items: Vec::new(),
                open: Open {
                    start: 0,
                    anchor: 0,
                    weight: 0,
                    aliased: 0,
                    depth: KEY_MARK,
                },
            });
        }
        let start = Self::place(self.file, self.skipped, span).start as usize;
        Open {
            start,
            anchor,
            weight: 1,
            aliased: 0,
            depth: 1,
        }
    }

    fn close(&mut self, span: &EventSpan) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let end = Self::place(self.file, self.skipped, span).end as usize;
        let (node_value, open) = match frame {
            Frame::Seq { items, open } => (Value::Seq(items.into()), open),
            Frame::Map {
                mut map,
                merges,
                open,
                ..
            } => {
                merge_into(&mut map, &merges);
                (Value::Map(map.into()), open)
            }
        };
        let node = Node::new(node_value, Span::new(self.file, open.start, end));
        let built = Built {
            node,
            weight: open.weight,
            aliased: open.aliased,
            depth: open.depth,
        };
        if open.anchor != 0 {
            self.anchors.insert(open.anchor, built.clone());
        }
        // What was read as a key ends here: the mapping goes on with its value.
        if let Some(Frame::Seq { open, .. }) = self.stack.last()
            && open.depth == KEY_MARK
        {
            self.stack.pop();
            return;
        }
        self.push(built);
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: EventSpan,
    ) {
        let at = self.span(&span);
        let plain = style == ScalarStyle::Plain;
        // The parser spells a missing value `~`; strategic merge tells the two apart.
        let text = if plain && at.start == at.end {
            ""
        } else {
            text
        };
        let as_go;
        let text = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                as_go = self.block_scalar(text, style, at);
                as_go.as_ref()
            }
            _ => text,
        };
        if matches!(self.stack.last(), Some(Frame::Map { key: None, .. })) {
            let scalar = self.make_scalar(text, plain, tag, at);
            if anchor != 0 {
                self.anchor_scalar(anchor, &scalar, at);
            }
            let is_merge = text == "<<" && tag.is_none();
            return self.key(&scalar, is_merge.then_some(plain), at);
        }
        let scalar = self.make_scalar(text, plain, tag, at);
        if anchor != 0 {
            self.anchor_scalar(anchor, &scalar, at);
        }
        let node = Node::new(Value::Scalar(scalar), at);
        self.push(Built {
            node,
            weight: 1,
            aliased: 0,
            depth: 1,
        });
    }

    /// What go-yaml makes of a block scalar: it adds no line break at the end of a text that has
    /// none, and kustomize writes folded text once more and reads it back.
    fn block_scalar<'t>(&self, text: &'t str, style: ScalarStyle, at: Span) -> Cow<'t, str> {
        let ends_open = self.open_end.is_some_and(|end| at.end as usize >= end);
        let text = text
            .strip_suffix('\n')
            .filter(|_| ends_open)
            .unwrap_or(text);
        if style == ScalarStyle::Folded && self.options.dialect == Dialect::Kustomize {
            refold(text)
        } else {
            Cow::Borrowed(text)
        }
    }

    fn anchor_scalar(&mut self, anchor: usize, scalar: &Scalar, at: Span) {
        let node = Node::new(Value::Scalar(scalar.clone()), at);
        self.anchors.insert(
            anchor,
            Built {
                node,
                weight: 1,
                aliased: 0,
                depth: 1,
            },
        );
    }

    fn alias(&mut self, id: usize, span: EventSpan) {
        let at = self.span(&span);
        let Some(mut built) = self.anchors.get(&id).cloned() else {
            self.faults.push(
                Diagnostic::error("yaml-alias", "this alias stands inside its own anchor")
                    .at(at, "it would contain itself"),
            );
            let node = Node::null(at);
            return self.push(Built {
                node,
                weight: 1,
                aliased: 0,
                depth: 1,
            });
        };
        if matches!(self.stack.last(), Some(Frame::Map { key: None, .. })) {
            if let Some(scalar) = built.node.as_scalar().cloned() {
                self.key(&scalar, None, at);
            } else {
                self.faults.push(
                    Diagnostic::error("yaml-key", "a key must be a scalar, not a collection")
                        .at(at, ""),
                );
                self.set_key(Key::Dropped);
            }
            return;
        }
        built.aliased = built.weight;
        self.push(built);
    }

    /// Takes a scalar as a key. `merge` is set for the text `<<`, with whether it is plain.
    fn key(&mut self, scalar: &Scalar, merge: Option<bool>, at: Span) {
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
    fn key_name(&mut self, scalar: &Scalar, at: Span) -> Option<SmolStr> {
        if matches!(scalar.kind, ScalarKind::Str) {
            return Some(scalar.text.clone());
        }
        if self.options.duplicates == Duplicates::FirstWins {
            return Some(scalar.text.clone());
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
        if let Some(Frame::Map { key, .. }) = self.stack.last_mut() {
            *key = Some(new);
        }
    }

    /// Hands a finished node to the collection that is open, or makes it the root.
    fn push(&mut self, built: Built) {
        let depth = built.depth + 1;
        if depth + self.stack.len() > self.options.limits.depth {
            let message = format!(
                "the document nests deeper than {} levels",
                self.options.limits.depth
            );
            return self.fail_once("yaml-depth", message, built.node.span);
        }
        let span = built.node.span;
        let Some(frame) = self.stack.last_mut() else {
            self.check_aliases(&built);
            self.root = Some(built);
            return;
        };
        let open = match frame {
            Frame::Seq { open, .. } | Frame::Map { open, .. } => open,
        };
        open.weight = open.weight.saturating_add(built.weight);
        open.aliased = open.aliased.saturating_add(built.aliased);
        if open.depth != KEY_MARK {
            open.depth = open.depth.max(depth);
        }
        match frame {
            Frame::Seq { items, .. } => items.push(built.node),
            Frame::Map {
                map, key, merges, ..
            } => match key.take() {
                Some(Key::Plain(name, key_span)) => {
                    if map.contains_key(&name) {
                        return self.duplicate(name, key_span, built.node);
                    }
                    map.insert(name, key_span, built.node);
                }
                Some(Key::Merge(at)) => {
                    if is_mergeable(&built.node) {
                        merges.push(built.node);
                    } else {
                        let message = "map merge requires a mapping or a list of mappings";
                        self.fail_once("yaml-merge", message.to_owned(), at.or(span));
                    }
                }
                Some(Key::Dropped) | None => {}
            },
        }
    }

    fn duplicate(&mut self, name: SmolStr, key_span: Span, value: Node) {
        let path = self.path();
        let Some(Frame::Map { map, .. }) = self.stack.last_mut() else {
            return;
        };
        let first = map.entry(&name).map_or(key_span, |entry| entry.key_span);
        if self.options.duplicates == Duplicates::Error {
            self.faults.push(
                Diagnostic::error("duplicate-key", format!("key `{name}` is already set"))
                    .at(key_span, "set again here")
                    .also(first, "first set here"),
            );
            return;
        }
        let duplicate = DuplicateKey {
            key: name.to_string(),
            first,
            second: key_span,
            path,
        };
        self.duplicates.push(duplicate);
        if self.options.duplicates == Duplicates::LastWins {
            map.insert(name, key_span, value);
        }
    }

    /// The keys and indexes that lead to the mapping that is open.
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in self.stack.iter().take(self.stack.len().saturating_sub(1)) {
            match frame {
                Frame::Seq { items, .. } => path.push_str(&format!("[{}]", items.len())),
                Frame::Map {
                    key: Some(Key::Plain(name, _)),
                    ..
                } => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
                Frame::Map { .. } => {}
            }
        }
        path
    }

    /// go-yaml's rule against alias bombs: of a large document, aliases may make up 99 % up to
    /// 400,000 nodes, falling to 10 % at 4,000,000.
    fn check_aliases(&mut self, built: &Built) {
        if built.aliased <= 100 || built.weight <= self.options.limits.nodes {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio of two sizes")]
        let (weight, aliased) = (built.weight as f64, built.aliased as f64);
        let allowed = if weight <= 400_000.0 {
            0.99
        } else if weight >= 4_000_000.0 {
            0.10
        } else {
            0.99 - 0.89 * (weight - 400_000.0) / 3_600_000.0
        };
        if aliased / weight > allowed {
            let message = "document contains excessive aliasing".to_owned();
            self.fail_once("yaml-alias", message, built.node.span);
        }
    }

    fn fail_once(&mut self, rule: &'static str, message: String, at: Span) {
        if !self.faults.iter().any(|fault| fault.rule == rule) {
            self.faults
                .push(Diagnostic::error(rule, message).at(at, ""));
        }
    }

    fn make_scalar(&mut self, text: &str, plain: bool, tag: Option<&Tag>, at: Span) -> Scalar {
        let (kind, text) = match tag.and_then(core_tag).as_deref() {
            Some("str") => (ScalarKind::Str, SmolStr::new(text)),
            Some("binary") => (ScalarKind::Str, self.binary(text, at)),
            Some("int" | "float" | "bool" | "null" | "timestamp") => {
                (self.resolve(text, at), SmolStr::new(text))
            }
            _ if plain && !tag.is_some_and(is_non_specific) => {
                (self.resolve(text, at), SmolStr::new(text))
            }
            _ => (ScalarKind::Str, SmolStr::new(text)),
        };
        Scalar { text, kind, plain }
    }

    fn binary(&mut self, text: &str, at: Span) -> SmolStr {
        let compact: String = text.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(compact);
        if let Some(decoded) = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
            SmolStr::from(decoded)
        } else {
            let message = "`!!binary` holds no base64 text of UTF-8 characters".to_owned();
            self.faults
                .push(Diagnostic::error("yaml-binary", message).at(at, ""));
            SmolStr::new(text)
        }
    }

    fn resolve(&mut self, text: &str, at: Span) -> ScalarKind {
        match resolve(text, self.options.dialect) {
            Resolved::Kind(kind) => kind,
            Resolved::NotFinite => {
                self.faults.push(
                    Diagnostic::error("yaml-number", format!("unsupported value: `{text}`"))
                        .at(at, "JSON has no such number")
                        .hint(format!("for the text, write \"{text}\"")),
                );
                ScalarKind::Str
            }
        }
    }

    fn span(&self, span: &EventSpan) -> Span {
        Self::place(self.file, self.skipped, span)
    }

    fn place(file: FileId, skipped: usize, span: &EventSpan) -> Span {
        let start = span.start.byte_offset().unwrap_or_default() + skipped;
        let end = span.end.byte_offset().unwrap_or_default() + skipped;
        Span::new(file, start, end.max(start))
    }
}

/// The depth of a frame that only holds what stands in the place of a key.
const KEY_MARK: usize = usize::MAX;

/// The name of a tag of YAML's own namespace: `str`, `int`, `binary`.
fn core_tag(tag: &Tag) -> Option<Cow<'_, str>> {
    tag.suffix_in_namespace("tag:yaml.org,2002:")
}

fn is_non_specific(tag: &Tag) -> bool {
    tag.original() == "!"
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
