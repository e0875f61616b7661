//! A `ResourceList`: what a KRM function reads and writes.

use std::ops::Range;
use std::sync::Arc;

use super::Kept;
use crate::manifest::source::Span;
use crate::manifest::{
    Diagnostic, Diagnostics, FileId, Node, Object, ReadOptions, Sources, emit, read,
};

const API_VERSIONS: [&str; 2] = ["config.kubernetes.io/v1", "config.kubernetes.io/v1beta1"];
const KIND: &str = "ResourceList";

/// The list that kustomize hands over.
#[derive(Debug)]
pub(super) struct ResourceList {
    pub(super) items: Vec<Item>,
    /// The `functionConfig`; null where there is none.
    pub(super) config: Node,
    api_version: String,
    text: Arc<str>,
    /// The lines of each item in `text`, where each has lines of its own.
    lines: Option<Vec<Range<usize>>>,
}

/// A resource of the input.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) node: Node,
    pub(super) object: Object,
}

impl ResourceList {
    /// Reads a list.
    ///
    /// # Errors
    /// YAML faults, anything that is no `ResourceList`, and items that are no objects.
    pub(super) fn read(sources: &Sources, file: FileId) -> Result<Self, Diagnostics> {
        let documents = read::read_all(sources, file, &ReadOptions::kustomize_resource())?;
        let mut roots = documents.into_iter().map(|document| document.root);
        let mut roots = roots.by_ref().filter(|root| !root.is_null());
        let Some(root) = roots.next() else {
            return Err(
                no_list("there is nothing on standard input", Span::new(file, 0, 0)).into(),
            );
        };
        if let Some(second) = roots.next() {
            return Err(no_list("more than one document on standard input", second.span).into());
        }
        let api_version = text(&root, "apiVersion");
        if text(&root, "kind") != KIND || !API_VERSIONS.contains(&api_version) {
            return Err(no_list("standard input holds no ResourceList", root.span).into());
        }
        let nodes = match root.get("items") {
            None => &[],
            Some(node) if node.is_null() => &[],
            Some(node) => node.as_seq().ok_or_else(|| {
                let message = format!("`items` must be a list, not {}", node.describe());
                Diagnostic::error("resource-list", message).at(node.span, "")
            })?,
        };
        let source = sources.get(file).map(|source| Arc::clone(&source.text));
        let text = source.unwrap_or_default();
        Ok(Self {
            items: items(nodes.iter().cloned())?,
            config: root
                .get("functionConfig")
                .cloned()
                .unwrap_or_else(|| Node::null(root.span)),
            api_version: api_version.to_owned(),
            lines: lines(&text, &root, nodes),
            text,
        })
    }

    /// The list with what stays of its items and what is new. An item that stays as it came goes
    /// out in the very words it came in: a later step of kustomize may look at how a value is
    /// written (`1.0`, a date), and comments survive.
    pub(super) fn write(&self, kept: &[Kept], made: &[Node]) -> String {
        let mut out = format!("apiVersion: {}\nkind: {KIND}\nitems:", self.api_version);
        if kept.is_empty() && made.is_empty() {
            out.push_str(" []\n");
            return out;
        }
        out.push('\n');
        for kept in kept {
            match (kept, &self.lines) {
                (Kept::Changed(node), _) => write_item(node, &mut out),
                (Kept::Same(at), None) => write_item(&self.items[*at].node, &mut out),
                (Kept::Same(at), Some(lines)) => {
                    out.push_str(&self.text[lines[*at].clone()]);
                    if !out.ends_with('\n') {
                        out.push('\n');
                    }
                }
            }
        }
        for node in made {
            write_item(node, &mut out);
        }
        out
    }
}

/// Takes trees for objects.
///
/// # Errors
/// Those that are none.
pub(super) fn items(nodes: impl Iterator<Item = Node>) -> Result<Vec<Item>, Diagnostics> {
    let mut items = Vec::new();
    let mut faults = Vec::new();
    for node in nodes {
        match Object::from_node(node.clone()) {
            Some(object) => items.push(Item { node, object }),
            None => faults.push(
                Diagnostic::error("no-object", "this item is no Kubernetes object")
                    .at(node.span, "it has no `apiVersion` and `kind`"),
            ),
        }
    }
    if faults.is_empty() {
        Ok(items)
    } else {
        Err(Diagnostics(faults))
    }
}

fn text<'n>(root: &'n Node, key: &str) -> &'n str {
    root.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn no_list(message: &str, span: Span) -> Diagnostic {
    Diagnostic::error("resource-list", message)
        .at(span, "")
        .note("kustomize pipes a ResourceList of config.kubernetes.io/v1 to `deployx fn`")
        .hint("to expand an overlay yourself: deployx render OVERLAY")
}

fn write_item(node: &Node, out: &mut String) {
    emit::emit_to(&Node::seq(vec![node.clone()], node.span), out);
}

/// The lines of each item, where the list stands in block style at the margin, as kustomize
/// writes it.
fn lines(text: &str, root: &Node, nodes: &[Node]) -> Option<Vec<Range<usize>>> {
    let starts: Vec<usize> = nodes
        .iter()
        .map(|node| line_start(text, node))
        .collect::<Option<_>>()?;
    let entries = root.as_map()?.iter();
    let at = root.as_map()?.entry("items")?.key_span.start();
    let next = entries
        .map(|entry| entry.key_span.start())
        .filter(|start| *start > at)
        .min();
    let end = next.map_or(text.len(), |start| start as usize);
    let ends = starts.iter().skip(1).copied().chain([end]);
    Some(
        starts
            .iter()
            .copied()
            .zip(ends)
            .map(|(start, end)| start..end)
            .collect(),
    )
}

fn line_start(text: &str, node: &Node) -> Option<usize> {
    let before = text.get(..node.span.start() as usize)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (&before[start..] == "- ").then_some(start)
}
