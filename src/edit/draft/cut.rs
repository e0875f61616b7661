//! Where a change cuts the text: scalars, keys and list entries, in blocks and in brackets.

use granit_parser::ScalarStyle;

use super::super::layout::{self, Part, Shape, Step, column, is_first_on_line, line_start};
use super::super::write::Manner;
use super::{Children, Draft};
use crate::manifest::{Diagnostic, Map, Node, Span, Value};

impl Draft {
    /// Gives what is written at a path another value. Returns where.
    pub(super) fn replace(
        &mut self,
        page: usize,
        path: &[Step],
        value: &Node,
    ) -> Result<usize, Diagnostic> {
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
    pub(super) fn insert(
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
    pub(super) fn append_block(
        &mut self,
        page: usize,
        path: &[Step],
        items: &[Part],
        item: &Node,
    ) -> usize {
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
    pub(super) fn append_flow(
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
    pub(super) fn children(&self, page: usize, above: &[Step], last: &Step) -> Option<Children> {
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
    pub(super) fn cut_flow(&mut self, spans: &[(usize, usize)], at: usize) -> usize {
        let (start, end) = match (spans.get(at + 1), at.checked_sub(1)) {
            (Some(next), _) => (spans[at].0, next.0),
            (None, Some(before)) => (spans[before].1, spans[at].1),
            (None, None) => spans[at],
        };
        self.splice(start, end, "");
        start
    }

    /// Takes an entry out of a block, with the comments that are its own. Returns where.
    pub(super) fn cut_block(
        &mut self,
        spans: &[(usize, usize)],
        at: usize,
        is_item: bool,
    ) -> usize {
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
