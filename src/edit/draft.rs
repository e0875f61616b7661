//! A text that is being edited: every change is a cut in it, and at the end it is read again and
//! must mean what it meant before, with just these changes.

use granit_parser::ScalarStyle;

use super::layout::{self, Page, Part, Shape, Step, column, is_first_on_line, line_start};
use super::write::Manner;
use crate::manifest::read::read_all;
use crate::manifest::{Diagnostic, Map, Node, ReadOptions, Sources, Span, Value};

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
        let manner = manner(text, &pages);
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

    /// Gives what is written at a path another value. Returns where.
    fn replace(&mut self, page: usize, path: &[Step], value: &Node) -> Result<usize, Diagnostic> {
        let (Some(part), Some((last, above))) = (self.part(page, path).cloned(), path.split_last())
        else {
            return Err(self.refuse(path, "a whole document is not replaced"));
        };
        let parent = self.part(page, above).cloned();
        let flow = parent.as_ref().is_some_and(Part::is_flow);
        let key = match (&parent, last) {
            (Some(parent), Step::Key(name)) => parent.pair(name).map(|pair| pair.key.clone()),
            _ => None,
        };
        match (&part.shape, &value.value) {
            (Shape::Scalar { style, .. }, Value::Scalar(new)) => {
                let old = (!part.is_missing()).then_some(*style);
                let written = self.manner.scalar(new, old, flow);
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if !part.is_missing() && !is_block {
                    self.splice(part.start, part.end, &written);
                    return Ok(part.start);
                }
                let Some(colon) = key.and_then(|key| self.colon(key.end)) else {
                    return Err(self.refuse(path, "its key cannot be found"));
                };
                let end = if is_block { part.end } else { colon };
                let between = &self.text[colon..part.start.max(colon)];
                if is_block && between.contains(['&', '!', '#']) {
                    return Err(self.refuse(path, "it is a block with an anchor, tag or comment"));
                }
                self.splice(colon, end, &format!(" {written}"));
                Ok(colon)
            }
            (Shape::Alias, Value::Scalar(new)) => {
                let written = self.manner.scalar(new, None, flow);
                self.splice(part.start, part.end, &written);
                Ok(part.start)
            }
            _ if !is_empty(&part) => Err(self.refuse(path, "something of another kind is there")),
            _ if flow => {
                let mut written = String::new();
                self.manner.flow(value, None, &mut written);
                self.splice(part.start, part.end, &written);
                Ok(part.start)
            }
            _ => {
                let Some(key) = key else {
                    return Err(self.refuse(path, "its key cannot be found"));
                };
                let mut written = String::new();
                let at = column(&self.text, key.start);
                self.manner.block_value(value, at, true, &mut written);
                let end = line_end(&self.text, part.end.max(key.end));
                self.splice(end, end, &written);
                // What stood for nothing goes, with the blank before it.
                let blank = self.text[..part.start].ends_with(' ') && !part.is_missing();
                self.splice(part.start - usize::from(blank), part.end, "");
                Ok(key.start)
            }
        }
    }

    /// Offset behind the colon of a key that ends at an offset.
    fn colon(&self, end: usize) -> Option<usize> {
        let rest = &self.text[end..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest[blanks..].starts_with(':').then_some(end + blanks + 1)
    }

    /// Adds a key to a mapping. Returns where.
    fn insert(
        &mut self,
        page: usize,
        path: &[Step],
        value: &Node,
        behind: &[&str],
    ) -> Result<usize, Diagnostic> {
        let Some((Step::Key(name), above)) = path.split_last() else {
            return Err(self.refuse(path, "there is no such entry"));
        };
        let parent = self.part(page, above).cloned();
        let (flow, entries) = match parent.as_ref().map(|part| &part.shape) {
            Some(Shape::Map { flow, entries }) if !entries.is_empty() => (*flow, entries),
            Some(Shape::Map { .. } | Shape::Scalar { .. })
                if !above.is_empty() && parent.as_ref().is_some_and(is_empty) =>
            {
                let map = one_entry(name, value.clone());
                return self.replace(page, above, &map);
            }
            _ => return Err(self.refuse(path, "there is no mapping to put it into")),
        };
        if flow {
            let last = entries
                .last()
                .map(|pair| (pair.key.start, pair.value.end.max(pair.key.end)));
            let key = self.manner.key(name, true);
            let json = self.manner.json;
            return Ok(self.append_flow(last, |manner, column, out| {
                out.push_str(&key);
                out.push_str(": ");
                manner.flow(value, column.filter(|_| json), out);
            }));
        }
        let at = column(&self.text, entries[0].key.start);
        let anchor = entries
            .iter()
            .rev()
            .find(|pair| pair.key.text().is_some_and(|key| behind.contains(&key)));
        let is_last = anchor.is_none();
        let pair = anchor.or(entries.last());
        let end = pair.map_or(0, |pair| pair.value.end.max(pair.key.end));
        let end = match self.pages.get(page) {
            // What goes last in a document goes behind its last comments.
            Some(page) if is_last && above.is_empty() => {
                self.text[..page.end].trim_end().len().max(end)
            }
            _ => end,
        };
        let end = line_end(&self.text, end);
        let mut written = format!("{}{}", self.manner.newline, " ".repeat(at));
        written.push_str(&self.manner.key(name, false));
        written.push(':');
        self.manner.block_value(value, at, true, &mut written);
        self.splice(end, end, &written);
        Ok(end + self.manner.newline.len())
    }

    /// Adds an entry to a block list. Returns where.
    fn append_block(&mut self, page: usize, path: &[Step], items: &[Part], item: &Node) -> usize {
        let dash = self.dash(page, path, items);
        let last = items.last().map_or((0, 0), |part| (part.start, part.end));
        let start = line_start(&self.text, last.0);
        let gap = self.text[start..last.0]
            .get(dash + 1..)
            .filter(|between| !between.is_empty() && between.bytes().all(|byte| byte == b' '))
            .map_or(1, str::len);
        let apart = items.len() > 1 && self.text[..start].ends_with(&self.manner.newline.repeat(2));
        let mut written = self.manner.newline.repeat(1 + usize::from(apart));
        written.extend(std::iter::repeat_n(' ', dash));
        written.push('-');
        written.extend(std::iter::repeat_n(' ', gap));
        self.manner
            .block_content(item, dash + 1 + gap, &mut written);
        let end = line_end(&self.text, last.1);
        self.splice(end, end, &written);
        end + self.manner.newline.len()
    }

    /// The column of a list's dashes. The parser gives the place of the first dash, but of a list
    /// that is not indented that of its first entry.
    fn dash(&self, page: usize, path: &[Step], items: &[Part]) -> usize {
        let key = path.split_last().and_then(|(last, above)| match last {
            Step::Key(name) => Some(self.part(page, above)?.pair(name)?.key.clone()),
            Step::Index(_) => None,
        });
        let first = items.first().map_or(0, |item| item.start);
        let line = &self.text[line_start(&self.text, first)..];
        let key_column = key.map(|key| column(&self.text, key.start));
        match key_column {
            Some(at) if line.get(at..).is_some_and(|rest| rest.starts_with('-')) => at,
            _ => self
                .part(page, path)
                .map_or(0, |part| column(&self.text, part.start)),
        }
    }

    /// Adds an entry to what stands in brackets. Returns where.
    fn append_flow(
        &mut self,
        last: Option<(usize, usize)>,
        write: impl FnOnce(Manner, Option<usize>, &mut String),
    ) -> usize {
        let Some((start, end)) = last else {
            return 0;
        };
        let own_line = is_first_on_line(&self.text, start);
        let mut item = String::new();
        let at = column(&self.text, start);
        write(self.manner, own_line.then_some(at), &mut item);
        if !own_line {
            self.splice(end, end, &format!(", {item}"));
            return end;
        }
        let line = format!("{}{}{item}", self.manner.newline, " ".repeat(at));
        let rest = self.text[end..].trim_start_matches([' ', '\t']);
        let comma = rest
            .starts_with(',')
            .then(|| self.text.len() - rest.len() + 1);
        let from = comma.unwrap_or(end);
        let stop = line_end(&self.text, from);
        let behind = self.text[from..stop].trim();
        // A comment stays with the entry that it stands behind.
        let stop = if behind.is_empty() || behind.starts_with('#') {
            stop
        } else {
            from
        };
        if comma.is_some() {
            self.splice(stop, stop, &format!("{line},"));
            return stop + self.manner.newline.len();
        }
        self.splice(stop, stop, &line);
        self.splice(end, end, ",");
        stop + 1 + self.manner.newline.len()
    }

    /// Where the entries of a collection stand, and which of them is meant.
    fn children(&self, page: usize, above: &[Step], last: &Step) -> Option<Children> {
        let parent = self.part(page, above)?;
        match (&parent.shape, last) {
            (Shape::Map { flow, entries }, Step::Key(name)) => {
                let at = entries
                    .iter()
                    .position(|pair| pair.key.text() == Some(name))?;
                let span = |pair: &layout::Pair| {
                    let colon = self.colon(pair.key.end).unwrap_or(pair.key.end);
                    (pair.key.start, pair.value.end.max(colon))
                };
                Some(Children {
                    at,
                    spans: entries.iter().map(span).collect(),
                    flow: *flow,
                })
            }
            (Shape::Seq { flow, items }, Step::Index(index)) => {
                let span = |item: &Part| (item.start, item.end);
                items.get(*index).map(|_| Children {
                    at: *index,
                    spans: items.iter().map(span).collect(),
                    flow: *flow,
                })
            }
            _ => None,
        }
    }

    /// Takes an entry out of brackets, with its comma. Returns where.
    fn cut_flow(&mut self, spans: &[(usize, usize)], at: usize) -> usize {
        let (start, end) = match (spans.get(at + 1), at.checked_sub(1)) {
            (Some(next), _) => (spans[at].0, next.0),
            (None, Some(before)) => (spans[before].1, spans[at].1),
            (None, None) => spans[at],
        };
        self.splice(start, end, "");
        start
    }

    /// Takes an entry out of a block, with the comments that are its own. Returns where.
    fn cut_block(&mut self, spans: &[(usize, usize)], at: usize, is_item: bool) -> usize {
        let (start, end) = spans[at];
        let line = line_start(&self.text, start);
        let head = &self.text[line..start];
        let alone = head
            .trim_start_matches('\u{feff}')
            .bytes()
            .all(|byte| byte == b' ' || is_item && byte == b'-');
        // The first key of a list's entry stands behind its dash: the next one takes its place.
        if let (false, Some(next)) = (alone, spans.get(at + 1)) {
            self.splice(start, next.0, "");
            return start;
        }
        let indent = head.len() - head.trim_start_matches(' ').len();
        let from = if at == 0 {
            line
        } else {
            with_comments(&self.text, line, indent)
        };
        let mut to = layout::next_line(&self.text, end);
        let mut from = from;
        if to == self.text.len() && !self.text.ends_with('\n') && from > 0 {
            // There was no line break at the end, and there will be none.
            from = line_end(&self.text, from - 1);
            to = self.text.len();
        }
        self.splice(from, to, "");
        from
    }
}

/// The start of the comment lines that stand directly above a line, at the same indentation.
fn with_comments(text: &str, line: usize, indent: usize) -> usize {
    let mut from = line;
    while from > 0 {
        let above = line_start(text, from - 1);
        let words = &text[above..from];
        let blanks = words.len() - words.trim_start_matches(' ').len();
        if blanks != indent || !words[blanks..].starts_with('#') {
            break;
        }
        from = above;
    }
    from
}

/// Where the line that holds an offset ends, its line break not counted.
fn line_end(text: &str, offset: usize) -> usize {
    let end = text[offset..]
        .find('\n')
        .map_or(text.len(), |at| offset + at);
    if end > offset && text[..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}

fn is_empty(part: &Part) -> bool {
    match &part.shape {
        Shape::Scalar { text, style } => {
            *style == ScalarStyle::Plain && matches!(text.as_str(), "" | "~" | "null")
        }
        Shape::Seq { items, .. } => items.is_empty(),
        Shape::Map { entries, .. } => entries.is_empty(),
        Shape::Alias => false,
    }
}

fn one_entry(name: &str, value: Node) -> Node {
    let mut map = Map::new();
    map.set(name, value);
    Node::map(map, Span::NONE)
}

/// What the documents of a text mean.
fn trees(name: &str, text: &str) -> Result<Vec<Node>, String> {
    let sources = Sources::new();
    let file = sources.add(name, text);
    let documents = read_all(&sources, file, &ReadOptions::kubectl());
    let documents = documents.map_err(|faults| faults.to_string())?;
    Ok(documents
        .into_iter()
        .map(|document| document.root)
        .collect())
}

fn node_at<'n>(root: &'n Node, path: &[Step]) -> Option<&'n Node> {
    path.iter().try_fold(root, |node, step| match step {
        Step::Key(name) => node.get(name),
        Step::Index(index) => node.as_seq()?.get(*index),
    })
}

fn node_at_mut<'n>(root: &'n mut Node, path: &[Step]) -> Option<&'n mut Node> {
    path.iter().try_fold(root, |node, step| match step {
        Step::Key(name) => node.get_mut(name),
        Step::Index(index) => node.as_seq_mut()?.get_mut(*index),
    })
}

/// Sets a value whose parent exists; a parent that is null becomes a mapping.
fn set_at(root: &mut Node, path: &[Step], value: Node) -> bool {
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

/// Finds out how a text is written.
fn manner(text: &str, pages: &[Page]) -> Manner {
    let mut seen = (None, None);
    for root in pages.iter().filter_map(|page| page.root.as_ref()) {
        indents(text, root, &mut seen);
    }
    let json = text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    Manner {
        json,
        step: seen.0.unwrap_or(2),
        list: seen.1.unwrap_or(0),
        newline: if text.contains("\r\n") { "\r\n" } else { "\n" },
    }
}

/// The first indentation of a mapping, and of a list, in a mapping.
fn indents(text: &str, part: &Part, seen: &mut (Option<usize>, Option<usize>)) {
    match &part.shape {
        Shape::Map { flow, entries } => {
            for pair in entries {
                let outer = column(text, pair.key.start);
                let deeper = |inner: usize| inner.checked_sub(outer);
                match &pair.value.shape {
                    Shape::Map { entries, .. } => {
                        let first = entries.first().map(|first| first.key.start);
                        let first = first.filter(|first| is_first_on_line(text, *first));
                        let found = first.and_then(|first| deeper(column(text, first)));
                        seen.0 = seen.0.or(found.filter(|step| *step > 0));
                    }
                    Shape::Seq { flow: false, items } if !flow => {
                        let first = items.first().map_or(pair.value.start, |item| item.start);
                        let line = &text[line_start(text, first)..];
                        let at = line.len() - line.trim_start_matches(' ').len();
                        seen.1 = seen.1.or(deeper(at));
                    }
                    _ => {}
                }
                indents(text, &pair.value, seen);
            }
        }
        Shape::Seq { items, .. } => items.iter().for_each(|item| indents(text, item, seen)),
        _ => {}
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
