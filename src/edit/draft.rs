//! A text that is being edited: every change is a cut in it, and at the end it is read again and
//! must mean what it meant before, with just these changes.

mod cut;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod tree;

use self::tree::{node_at, node_at_mut, set_at, show, trees};
use super::layout::{self, Page, Part, Shape, Step};
use super::write::Manner;
use crate::manifest::{Diagnostic, Node, Span, Value};

/// A text, what it means so far, and what was done to it.
#[derive(Debug)]
pub(super) struct Draft {
    name: String,
    text: String,
    pages: Vec<Page>,
    /// What each document means, as kubectl reads it.
    trees: Vec<Node>,
    marks: Vec<Mark>,
    manner: Manner,
}

/// One change, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    offset: usize,
    words: String,
}

/// Where the entries of a collection stand, and which of them is meant.
struct Children {
    at: usize,
    spans: Vec<(usize, usize)>,
    flow: bool,
}

/// An edited text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edited {
    pub(super) text: String,
    /// Line (from 1) and words of each change, in order of lines.
    pub(super) changes: Vec<(usize, String)>,
}

impl Draft {
    /// Takes a text for editing.
    ///
    /// # Errors
    /// It is no YAML.
    pub(super) fn new(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let refuse = |reason: String| {
            Diagnostic::error("edit-refused", format!("cannot edit `{name}`: {reason}"))
        };
        let pages = layout::pages(text).map_err(|reason| refuse(format!("not YAML: {reason}")))?;
        let trees = trees(name, text).map_err(refuse)?;
        if pages.len() != trees.len() {
            return Err(refuse("its documents cannot be told apart".to_owned()));
        }
        let manner = Manner::of(text, &pages);
        Ok(Self {
            name: name.to_owned(),
            text: text.to_owned(),
            pages,
            trees,
            marks: Vec::new(),
            manner,
        })
    }

    /// What each document means so far.
    pub(super) fn trees(&self) -> &[Node] {
        &self.trees
    }

    /// What a document holds at a path.
    pub(super) fn node(&self, page: usize, path: &[Step]) -> Option<&Node> {
        node_at(self.trees.get(page)?, path)
    }

    /// The document and the path of the scalar whose content starts at an offset.
    pub(super) fn find(&self, offset: usize) -> Option<(usize, Vec<Step>)> {
        self.pages.iter().enumerate().find_map(|(page, found)| {
            let mut path = Vec::new();
            let root = found.root.as_ref()?;
            root.path_to(offset, &mut path).then_some((page, path))
        })
    }

    /// Sets a value; makes the last key of the path where it is missing, behind the last of
    /// `behind` that is there. Returns whether anything changed.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub(super) fn put(
        &mut self,
        page: usize,
        path: &[Step],
        value: Node,
        behind: &[&str],
        words: String,
    ) -> Result<bool, Diagnostic> {
        if self
            .node(page, path)
            .is_some_and(|old| old.same_value(&value))
        {
            return Ok(false);
        }
        let offset = match self.part(page, path) {
            Some(_) => self.replace(page, path, &value)?,
            None => self.insert(page, path, &value, behind)?,
        };
        let tree = self.trees.get_mut(page);
        if !tree.is_some_and(|tree| set_at(tree, path, value)) {
            return Err(self.refuse(path, "there is nothing to put it into"));
        }
        self.done(offset, words)?;
        Ok(true)
    }

    /// Adds an entry to the list at a path, which is made where it is missing.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub(super) fn push(
        &mut self,
        page: usize,
        path: &[Step],
        item: Node,
        behind: &[&str],
        words: String,
    ) -> Result<(), Diagnostic> {
        let items = self.node(page, path).and_then(Node::as_seq);
        if items.is_none_or(<[Node]>::is_empty) {
            let list = Node::seq(vec![item], Span::NONE);
            return self.put(page, path, list, behind, words).map(drop);
        }
        let part = self.part(page, path).cloned();
        let offset = match part.as_ref().map(|part| &part.shape) {
            Some(Shape::Seq { flow: true, items }) => {
                let last = items.last().map(|item| (item.start, item.end));
                let lines = items.last().is_some_and(|last| {
                    last.is_flow() && self.text[last.start..last.end].contains('\n')
                });
                self.append_flow(last, |manner, column, out| {
                    manner.flow(&item, column.filter(|_| lines), out);
                })
            }
            Some(Shape::Seq { flow: false, items }) => {
                let items = items.clone();
                self.append_block(page, path, &items, &item)
            }
            _ => return Err(self.refuse(path, "it is an alias of what stands elsewhere")),
        };
        let list = self.trees.get_mut(page);
        let list = list.and_then(|tree| node_at_mut(tree, path));
        if let Some(items) = list.and_then(Node::as_seq_mut) {
            items.push(item);
        }
        self.done(offset, words)
    }

    /// Removes an entry, and collections that are empty without it. Returns whether there was one.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub(super) fn remove(
        &mut self,
        page: usize,
        path: &[Step],
        words: String,
    ) -> Result<bool, Diagnostic> {
        if self.node(page, path).is_none() {
            return Ok(false);
        }
        let Some((last, above)) = path.split_last() else {
            return Err(self.refuse(path, "a whole document is not removed"));
        };
        let siblings = self.node(page, above).map_or(0, |node| match &node.value {
            Value::Map(map) => map.len(),
            Value::Seq(items) => items.len(),
            Value::Scalar(_) => 0,
        });
        if siblings == 1 && !above.is_empty() {
            return self.remove(page, above, words);
        }
        let Some(children) = self.children(page, above, last) else {
            return Err(self.refuse(path, "it comes from an alias or a merge key"));
        };
        let offset = if children.flow {
            self.cut_flow(&children.spans, children.at)
        } else {
            let is_item = matches!(last, Step::Index(_));
            self.cut_block(&children.spans, children.at, is_item)
        };
        if let Some(parent) = self
            .trees
            .get_mut(page)
            .and_then(|tree| node_at_mut(tree, above))
        {
            match last {
                Step::Key(name) => drop(parent.as_map_mut().and_then(|map| map.remove(name))),
                Step::Index(index) => drop(parent.as_seq_mut().map(|items| items.remove(*index))),
            }
        }
        self.done(offset, words)?;
        Ok(true)
    }

    /// Ends the edit: the text is read again, and must mean what it is to mean.
    ///
    /// # Errors
    /// It means something else; nothing may be written then.
    pub(super) fn finish(self) -> Result<Edited, Diagnostic> {
        let refuse = |reason: &str| {
            let message = format!("cannot edit `{}`: {reason}", self.name);
            Diagnostic::error("edit-refused", message).hint("make this change by hand")
        };
        let trees = trees(&self.name, &self.text)
            .map_err(|_| refuse("the text would not be YAML any more"))?;
        let same = trees.len() == self.trees.len()
            && trees.iter().zip(&self.trees).all(|(a, b)| a.same_value(b));
        if !same {
            let shared = "the value is shared through an anchor, so more than this would change";
            let other = "more than this would change";
            let anchored = self.text.contains('&') && self.text.contains('*');
            return Err(refuse(if anchored { shared } else { other }));
        }
        if self.manner.json && serde_json::from_str::<serde::de::IgnoredAny>(&self.text).is_err() {
            return Err(refuse("the text would not be JSON any more"));
        }
        let mut changes: Vec<(usize, String)> = self
            .marks
            .into_iter()
            .map(|mark| {
                let before = &self.text[..mark.offset.min(self.text.len())];
                (before.matches('\n').count() + 1, mark.words)
            })
            .collect();
        changes.sort_by_key(|(line, _)| *line);
        Ok(Edited {
            text: self.text,
            changes,
        })
    }

    fn part(&self, page: usize, path: &[Step]) -> Option<&Part> {
        self.pages.get(page)?.root.as_ref()?.at(path)
    }

    fn refuse(&self, path: &[Step], reason: &str) -> Diagnostic {
        let message = format!("cannot edit `{}` of `{}`: {reason}", show(path), self.name);
        Diagnostic::error("edit-refused", message).hint("make this change by hand")
    }

    fn splice(&mut self, start: usize, end: usize, new: &str) {
        self.text.replace_range(start..end, new);
        for mark in &mut self.marks {
            if mark.offset >= end {
                mark.offset = mark.offset + new.len() - (end - start);
            }
        }
    }

    /// Notes a change, and reads the layout anew.
    fn done(&mut self, offset: usize, words: String) -> Result<(), Diagnostic> {
        self.marks.push(Mark { offset, words });
        let pages = layout::pages(&self.text);
        let broken = |reason| {
            let message = format!("cannot edit `{}`: {reason}", self.name);
            Diagnostic::error("edit-refused", message).hint("make this change by hand")
        };
        self.pages = pages.map_err(broken)?;
        Ok(())
    }
}
