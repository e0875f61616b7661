//! Trees that are written as YAML in many styles: what people write, not what emitters do.

use super::rng::Rng;

/// A tree whose scalars are source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Y {
    /// A scalar as written, on one line.
    S(String),
    /// A block scalar: its head (`|-`) and its lines.
    Block(&'static str, Vec<String>),
    List(Vec<Y>),
    Map(Vec<(String, Y)>),
}

/// A scalar as written.
pub(crate) fn s(text: impl Into<String>) -> Y {
    Y::S(text.into())
}

/// A mapping.
pub(crate) fn map<const N: usize>(entries: [(&str, Y); N]) -> Y {
    let entries = entries.map(|(key, value)| (key.to_owned(), value));
    Y::Map(entries.into())
}

impl Y {
    /// The value at a way through mappings.
    pub(crate) fn at(&self, way: &[&str]) -> Option<&Y> {
        way.iter().try_fold(self, |node, key| node.get(key))
    }

    /// A field of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Y> {
        match self {
            Y::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Sets a field of a mapping.
    pub(crate) fn set(&mut self, key: &str, value: Y) {
        if let Y::Map(entries) = self {
            match entries.iter_mut().find(|(name, _)| name == key) {
                Some((_, old)) => *old = value,
                None => entries.push((key.to_owned(), value)),
            }
        }
    }

    /// The text of a scalar without its quotes; empty for others.
    pub(crate) fn text(&self) -> String {
        match self {
            Y::S(text) => text.trim_matches(['"', '\'']).to_owned(),
            _ => String::new(),
        }
    }

    /// Every way to a node below, as keys and indexes.
    pub(crate) fn ways(&self) -> Vec<Vec<Step>> {
        let mut ways = Vec::new();
        walk(self, &mut Vec::new(), &mut ways);
        ways
    }

    /// The node at a way.
    pub(crate) fn follow(&self, way: &[Step]) -> Option<&Y> {
        way.iter().try_fold(self, |node, step| match (node, step) {
            (Y::List(items), Step::Index(at)) => items.get(*at),
            (_, Step::Key(key)) => node.get(key),
            _ => None,
        })
    }
}

/// A step of a way through a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

fn walk(node: &Y, way: &mut Vec<Step>, ways: &mut Vec<Vec<Step>>) {
    if !way.is_empty() {
        ways.push(way.clone());
    }
    match node {
        Y::Map(entries) => {
            for (key, value) in entries {
                way.push(Step::Key(key.clone()));
                walk(value, way, ways);
                way.pop();
            }
        }
        Y::List(items) => {
            for (at, item) in items.iter().enumerate() {
                way.push(Step::Index(at));
                walk(item, way, ways);
                way.pop();
            }
        }
        Y::S(_) | Y::Block(..) => {}
    }
}

/// How a document is written.
struct Style {
    /// Whether lists in mappings are indented.
    indent_lists: bool,
    /// Chance in a hundred that a collection is written in flow form.
    flow: usize,
    /// Chance in a hundred of a comment.
    comments: usize,
}

/// Writes a document.
pub(crate) fn write(node: &Y, rng: &mut Rng) -> String {
    let style = Style {
        indent_lists: rng.chance(50),
        flow: if rng.chance(30) { 15 } else { 0 },
        comments: if rng.chance(30) { 6 } else { 0 },
    };
    let mut out = String::new();
    block(node, 0, &style, rng, &mut out);
    out
}

/// Writes a tree on one line.
pub(crate) fn flow(node: &Y) -> String {
    match node {
        Y::S(text) => text.clone(),
        Y::Block(_, lines) => format!("{:?}", lines.join("\n")),
        Y::List(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Y::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn can_flow(node: &Y) -> bool {
    match node {
        Y::S(text) => {
            let plain = !text.starts_with(['"', '\'']);
            !(text.is_empty()
                || plain && text.contains([',', '[', ']', '{', '}', '&', '*', ':', '?']))
        }
        Y::Block(..) => false,
        Y::List(items) => items.iter().all(can_flow),
        Y::Map(entries) => entries.iter().all(|(_, value)| can_flow(value)),
    }
}

fn block(node: &Y, depth: usize, style: &Style, rng: &mut Rng, out: &mut String) {
    let pad = "  ".repeat(depth);
    match node {
        Y::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                if rng.chance(style.comments) {
                    out.push_str(&format!("{pad}# about {key}\n"));
                }
                out.push_str(&format!("{pad}{key}:"));
                value_of(value, depth, style, rng, out);
            }
        }
        Y::List(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("{pad}-"));
                item_of(item, depth, style, rng, out);
            }
        }
        other => out.push_str(&format!("{pad}{}\n", flow(other))),
    }
}

/// What stands after a key.
fn value_of(value: &Y, depth: usize, style: &Style, rng: &mut Rng, out: &mut String) {
    let pad = "  ".repeat(depth);
    match value {
        Y::Map(entries) if !entries.is_empty() && !flows(value, style, rng) => {
            out.push('\n');
            block(value, depth + 1, style, rng, out);
        }
        Y::List(items) if !items.is_empty() && !flows(value, style, rng) => {
            out.push('\n');
            block(
                value,
                depth + usize::from(style.indent_lists),
                style,
                rng,
                out,
            );
        }
        Y::Block(head, lines) => {
            out.push_str(&format!(" {head}\n"));
            for line in lines {
                if line.is_empty() {
                    out.push('\n');
                } else {
                    out.push_str(&format!("{pad}  {line}\n"));
                }
            }
        }
        Y::S(text) if text.is_empty() => out.push('\n'),
        other => {
            out.push_str(&format!(" {}", flow(other)));
            if rng.chance(style.comments) {
                out.push_str(" # why");
            }
            out.push('\n');
        }
    }
}

/// What stands after a dash.
fn item_of(item: &Y, depth: usize, style: &Style, rng: &mut Rng, out: &mut String) {
    if let Y::Map(entries) = item
        && !entries.is_empty()
        && !flows(item, style, rng)
    {
        let mut text = String::new();
        block(item, depth + 1, style, rng, &mut text);
        // The first line goes after the dash, unless it is a comment.
        let skip = 2 * (depth + 1);
        if text.trim_start().starts_with('#') {
            out.push('\n');
            out.push_str(&text);
        } else {
            out.push(' ');
            out.push_str(&text[skip..]);
        }
    } else if matches!(item, Y::List(items) if !items.is_empty()) {
        out.push_str(&format!(" {}\n", flow(item)));
    } else {
        value_of(item, depth, style, rng, out);
    }
}

fn flows(node: &Y, style: &Style, rng: &mut Rng) -> bool {
    style.flow > 0 && rng.chance(style.flow) && can_flow(node)
}
