//! What documents mean, by paths: reading and changing the tree beside the text.

use super::super::layout::Step;
use crate::manifest::read::read_all;
use crate::manifest::{Node, ReadOptions, Sources, Span};

/// What the documents of a text mean.
pub(super) fn trees(name: &str, text: &str) -> Result<Vec<Node>, String> {
    let sources = Sources::new();
    let file = sources.add(name, text);
    let documents = read_all(&sources, file, &ReadOptions::kubectl());
    let documents = documents.map_err(|faults| faults.to_string())?;
    Ok(documents
        .into_iter()
        .map(|document| document.root)
        .collect())
}

pub(super) fn node_at<'n>(root: &'n Node, path: &[Step]) -> Option<&'n Node> {
    path.iter().try_fold(root, |node, step| match step {
        Step::Key(name) => node.get(name),
        Step::Index(index) => node.as_seq()?.get(*index),
    })
}

pub(super) fn node_at_mut<'n>(root: &'n mut Node, path: &[Step]) -> Option<&'n mut Node> {
    path.iter().try_fold(root, |node, step| match step {
        Step::Key(name) => node.get_mut(name),
        Step::Index(index) => node.as_seq_mut()?.get_mut(*index),
    })
}

/// Sets a value whose parent exists; a parent that is null becomes a mapping.
pub(super) fn set_at(root: &mut Node, path: &[Step], value: Node) -> bool {
    let Some((last, above)) = path.split_last() else {
        return false;
    };
    let Some(parent) = node_at_mut(root, above) else {
        return false;
    };
    if parent.is_null() {
        *parent = Node::empty_map(Span::NONE);
    }
    match last {
        Step::Key(name) => parent
            .as_map_mut()
            .map(|map| map.set(name, value))
            .is_some(),
        Step::Index(index) => parent
            .as_seq_mut()
            .and_then(|items| items.get_mut(*index))
            .map(|item| *item = value)
            .is_some(),
    }
}

/// A path as people write it: `images[0].newTag`.
pub(super) fn show(path: &[Step]) -> String {
    let mut shown = String::new();
    for step in path {
        match step {
            Step::Key(name) if shown.is_empty() => shown.push_str(name),
            Step::Key(name) => shown.push_str(&format!(".{name}")),
            Step::Index(index) => shown.push_str(&format!("[{index}]")),
        }
    }
    shown
}
