//! A mapping with where it stands: what the rules look at, and the words of their findings.

use std::fmt::Display;

use super::fault::Faults;
use super::place::Place;
use crate::manifest::json::to_go_json;
use crate::manifest::{Map, Node, Object, Span};

/// A mapping with where it stands.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    /// The mapping; empty for one that is not there.
    pub(super) map: &'v Map,
    /// Its place in the object.
    pub(super) place: &'v Place<'v>,
    /// What to point at when the mapping itself is meant.
    pub(super) at: Span,
}

/// What a rule finds, without the place.
pub(super) struct Finding<'w> {
    /// Stable identifier.
    pub(super) rule: &'static str,
    /// What is wrong, as people say it.
    pub(super) message: String,
    /// What to do about it, for the caret.
    pub(super) remark: &'w str,
    /// The server's words after the field.
    pub(super) words: String,
}

impl<'v> View<'v> {
    /// All of an object.
    pub(super) fn of_object(object: &'v Object) -> Option<Self> {
        let map = object.root.as_map()?;
        let first = map.iter().next();
        Some(Self {
            map,
            place: &Place::ROOT,
            at: first.map_or(object.root.span, |entry| entry.key_span),
        })
    }

    /// The value of a field, unless it is null.
    pub(super) fn get(self, name: &str) -> Option<&'v Node> {
        self.map.get(name).filter(|node| !node.is_null())
    }

    /// The value at a path such as `template.metadata.labels`, unless it is null.
    pub(super) fn find(self, path: &[&str]) -> Option<&'v Node> {
        let (first, rest) = path.split_first()?;
        self.get(first)?.at(rest).filter(|node| !node.is_null())
    }

    /// The text of a field; empty when there is none.
    pub(super) fn text(self, name: &str) -> &'v str {
        self.get(name).and_then(Node::as_str).unwrap_or_default()
    }

    /// The integer of a field.
    pub(super) fn int(self, name: &str) -> Option<i64> {
        self.get(name).and_then(Node::as_i64)
    }

    /// The boolean of a field.
    pub(super) fn bool(self, name: &str) -> Option<bool> {
        self.get(name).and_then(Node::as_bool)
    }

    /// The items of a list; none when there is none.
    pub(super) fn items(self, name: &str) -> &'v [Node] {
        self.get(name).and_then(Node::as_seq).unwrap_or_default()
    }

    /// The entries of a mapping; none when there is none.
    pub(super) fn entries(self, name: &str) -> &'v [crate::manifest::Entry] {
        let map = self.get(name).and_then(Node::as_map);
        map.map_or(&[], |map| map.iter().as_slice())
    }

    /// Looks at each item of a list that is a mapping; null is one without fields.
    pub(super) fn each(self, name: &str, mut look: impl FnMut(usize, View<'_>)) {
        let list = self.place.field(name);
        let empty = Map::new();
        for (index, item) in self.items(name).iter().enumerate() {
            if let Some(map) = item.as_map().or(item.is_null().then_some(&empty)) {
                let place = list.index(index);
                let at = first_key(item);
                look(
                    index,
                    View {
                        map,
                        place: &place,
                        at,
                    },
                );
            }
        }
    }

    /// Looks at each value of a free mapping that is itself a mapping; null is one without fields.
    pub(super) fn each_value(self, name: &str, mut look: impl FnMut(&str, View<'_>)) {
        let all = self.place.field(name);
        let empty = Map::new();
        for entry in self.entries(name) {
            let value = &entry.value;
            if let Some(map) = value.as_map().or(value.is_null().then_some(&empty)) {
                let place = all.key(&entry.key);
                let at = entry.key_span;
                look(
                    &entry.key,
                    View {
                        map,
                        place: &place,
                        at,
                    },
                );
            }
        }
    }

    /// Looks at the mapping of a field, where there is one.
    pub(super) fn inside(self, name: &str, look: impl FnOnce(View<'_>)) {
        let place = self.place.field(name);
        if let Some(map) = self.get(name).and_then(Node::as_map) {
            let at = self.span(name);
            look(View {
                map,
                place: &place,
                at,
            });
        }
    }

    /// Where the key of a field stands, else the mapping itself.
    pub(super) fn span(self, name: &str) -> Span {
        self.map.entry(name).map_or(self.at, |entry| entry.key_span)
    }

    /// The deepest node on a path that is there. Paths are written as the server writes them:
    /// `ports[0].name`, `labels[app]`. Returns the value, when all of the path is there, and
    /// where to point.
    pub(super) fn locate(self, path: &str) -> (Option<&'v Node>, Span) {
        let mut steps = Steps { rest: path };
        let (mut span, mut value) = (self.at, None);
        let mut map = Some(self.map);
        let mut seq: Option<&[Node]> = None;
        while let Some(step) = steps.next() {
            let next = match (step.parse::<usize>(), seq) {
                (Ok(index), Some(items)) => items.get(index).map(|item| (item, first_key(item))),
                _ => map
                    .and_then(|map| map.entry(step))
                    .map(|entry| (&entry.value, entry.key_span)),
            };
            let Some((node, at)) = next else {
                return (None, span);
            };
            (value, span) = (Some(node), at);
            (map, seq) = (node.as_map(), node.as_seq());
        }
        // A scalar is pointed at itself, anything larger at its key.
        match value {
            Some(node) if node.scalar_text().is_some() => (value, node.span),
            _ => (value, span),
        }
    }

    /// Reports a finding at a path below this mapping (empty: the mapping itself).
    pub(super) fn refuse(self, faults: &mut Faults<'_>, path: &str, finding: Finding<'_>) {
        let (_, span) = self.locate(path);
        self.refuse_at(faults, path, span, finding);
    }

    /// As [`View::refuse`], pointing elsewhere.
    pub(super) fn refuse_at(
        self,
        faults: &mut Faults<'_>,
        path: &str,
        span: Span,
        finding: Finding<'_>,
    ) {
        let field = match (self.place.to_string(), path) {
            (place, "") => place,
            (place, path) if place.is_empty() => path.to_owned(),
            (place, path) if path.starts_with('[') => format!("{place}{path}"),
            (place, path) => format!("{place}.{path}"),
        };
        faults.found(field, span, finding);
    }

    /// Reports a value that is not valid; `reason` is what the server says after the value.
    pub(super) fn invalid(
        self,
        faults: &mut Faults<'_>,
        rule: &'static str,
        path: &str,
        remark: &str,
        reason: impl Display,
    ) {
        let value = self.locate(path).0.filter(|_| !path.is_empty());
        let shown = value.map_or_else(|| "null".to_owned(), shown);
        let name = last_name(path);
        let message = match value.and_then(Node::scalar_text) {
            Some("") => format!("`{name}` cannot be empty"),
            Some(text) => format!("`{name}` cannot be `{}`", clip(text)),
            None if name.is_empty() => "this is not valid".to_owned(),
            None => format!("`{name}` is not valid"),
        };
        let words = format!("Invalid value: {shown}: {reason}");
        self.refuse(
            faults,
            path,
            Finding {
                rule,
                message,
                remark,
                words,
            },
        );
    }

    /// Reports a field that is missing; `reason` may be empty.
    pub(super) fn required(self, faults: &mut Faults<'_>, path: &str, remark: &str, reason: &str) {
        let words = match reason {
            "" => "Required value".to_owned(),
            reason => format!("Required value: {reason}"),
        };
        let message = match self.locate(path).0 {
            Some(_) => format!("`{}` cannot be empty", last_name(path)),
            None => format!("`{}` is missing", last_name(path)),
        };
        self.refuse(
            faults,
            path,
            Finding {
                rule: "required-field",
                message,
                remark,
                words,
            },
        );
    }

    /// Reports a field that must not be here.
    pub(super) fn forbidden(self, faults: &mut Faults<'_>, path: &str, remark: &str, reason: &str) {
        let finding = Finding {
            rule: "forbidden-field",
            message: format!("`{}` is not allowed here", last_name(path)),
            remark,
            words: format!("Forbidden: {reason}"),
        };
        self.refuse(faults, path, finding);
    }

    /// Reports a value outside a closed set.
    pub(super) fn unsupported(self, faults: &mut Faults<'_>, path: &str, values: &[&str]) {
        let text = self.locate(path).0.and_then(Node::scalar_text);
        let text = text.unwrap_or_default();
        let quoted: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
        let ticked: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        let finding = Finding {
            rule: "unsupported-value",
            message: match text {
                "" => format!("`{}` cannot be empty", last_name(path)),
                text => format!("`{}` cannot be `{}`", last_name(path), clip(text)),
            },
            remark: &ticked.join(", "),
            words: format!(
                "Unsupported value: \"{text}\": supported values: {}",
                quoted.join(", ")
            ),
        };
        self.refuse(faults, path, finding);
    }

    /// Reports a list or a mapping that has too much in it. Returns whether it has.
    pub(super) fn too_many(self, faults: &mut Faults<'_>, path: &str, most: usize) -> bool {
        let node = self.locate(path).0;
        let count = node.map_or(0, |node| match (node.as_seq(), node.as_map()) {
            (Some(items), _) => items.len(),
            (_, Some(map)) => map.iter().len(),
            _ => 0,
        });
        if count <= most {
            return false;
        }
        let finding = Finding {
            rule: "too-many",
            message: format!("`{}` has {count} items", last_name(path)),
            remark: &format!("at most {most}"),
            words: format!("Too many: {count}: must have at most {most} items"),
        };
        self.refuse(faults, path, finding);
        true
    }

    /// Reports a value that another item has already.
    pub(super) fn duplicate(self, faults: &mut Faults<'_>, path: &str, remark: &str) {
        let shown = self.locate(path).0.map_or_else(String::new, shown);
        let finding = Finding {
            rule: "duplicate-value",
            message: format!("`{}` is here for the second time", last_name(path)),
            remark,
            words: format!("Duplicate value: {shown}"),
        };
        self.refuse(faults, path, finding);
    }
}

/// The steps of a path in the server's form.
struct Steps<'p> {
    rest: &'p str,
}

impl<'p> Steps<'p> {
    fn next(&mut self) -> Option<&'p str> {
        let rest = self.rest.strip_prefix('.').unwrap_or(self.rest);
        if let Some(inner) = rest.strip_prefix('[') {
            let (step, rest) = inner.split_once(']').unwrap_or((inner, ""));
            self.rest = rest;
            return Some(step);
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (step, rest) = rest.split_at(end);
        self.rest = rest;
        (!step.is_empty()).then_some(step)
    }
}

/// A value as the server prints it.
fn shown(node: &Node) -> String {
    match node.as_str() {
        Some(text) => format!("{:?}", clip(text)),
        None => to_go_json(node),
    }
}

/// Where a mapping begins: its first key, which is what people look at.
fn first_key(node: &Node) -> Span {
    let first = node.as_map().and_then(|map| map.iter().next());
    first.map_or(node.span, |entry| entry.key_span)
}

/// The text of an item of a list of texts: null is the empty one, what is no text the decoder tells.
pub(super) fn item_text(node: &Node) -> Option<&str> {
    node.as_str().or(node.is_null().then_some(""))
}

/// The last name of a path: `name` of `ports[0].name`, `ports` of `ports[0]`, `a` of `data[a]`.
pub(super) fn last_name(path: &str) -> &str {
    let mut steps = Steps { rest: path };
    let mut last = "";
    while let Some(step) = steps.next() {
        if step.parse::<usize>().is_err() {
            last = step;
        }
    }
    last
}

/// A text that is short enough to show.
fn clip(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
