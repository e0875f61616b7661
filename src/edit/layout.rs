//! How a text is laid out: where every key, value and list entry stands, aliases and merge keys as
//! they are written. [`crate::manifest::Node`] says what a text means; this says where to cut.

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use crate::manifest::read::Limits;

/// A value as it is written.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) shape: Shape,
    /// First byte of the content, after anchor and tag. Of a block scalar, its first line.
    pub(super) start: usize,
    /// One past the last byte of the content, line breaks behind it not counted.
    pub(super) end: usize,
}

/// The forms of a value.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Scalar { text: String, style: ScalarStyle },
    Alias,
    Seq { flow: bool, items: Vec<Part> },
    Map { flow: bool, entries: Vec<Pair> },
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) key: Part,
    pub(super) value: Part,
}

/// One document of a text.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// `None` for a document of comments alone.
    pub(super) root: Option<Part>,
    /// Where the document ends: at the next marker, or the end of the text.
    pub(super) end: usize,
}

/// A step from a collection to what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Part {
    /// The entry of a key that is written here; what a merge key brings is not.
    pub(super) fn pair(&self, name: &str) -> Option<&Pair> {
        let Shape::Map { entries, .. } = &self.shape else {
            return None;
        };
        entries.iter().find(|pair| pair.key.text() == Some(name))
    }

    /// Follows steps; an alias ends the way.
    pub(super) fn at(&self, path: &[Step]) -> Option<&Part> {
        path.iter()
            .try_fold(self, |part, step| match (step, &part.shape) {
                (Step::Key(name), _) => part.pair(name).map(|pair| &pair.value),
                (Step::Index(index), Shape::Seq { items, .. }) => items.get(*index),
                _ => None,
            })
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether this is a value that was left out.
    pub(super) fn is_missing(&self) -> bool {
        self.start == self.end && matches!(self.shape, Shape::Scalar { .. })
    }

    /// Whether this is written in brackets.
    pub(super) fn is_flow(&self) -> bool {
        matches!(
            self.shape,
            Shape::Seq { flow: true, .. } | Shape::Map { flow: true, .. }
        )
    }

    /// The steps that lead to the scalar whose content starts at an offset.
    pub(super) fn path_to(&self, offset: usize, path: &mut Vec<Step>) -> bool {
        match &self.shape {
            Shape::Scalar { .. } => self.start == offset,
            Shape::Alias => false,
            Shape::Seq { items, .. } => items.iter().enumerate().any(|(index, item)| {
                path.push(Step::Index(index));
                let found = item.path_to(offset, path);
                if !found {
                    path.pop();
                }
                found
            }),
            Shape::Map { entries, .. } => entries.iter().any(|pair| {
                path.push(Step::Key(pair.key.text().unwrap_or_default().to_owned()));
                let found = pair.value.path_to(offset, path);
                if !found {
                    path.pop();
                }
                found
            }),
        }
    }
}

/// A collection that is not finished.
struct Open {
    flow: bool,
    is_map: bool,
    start: usize,
    parts: Vec<Part>,
}

/// Reads the layout of a text.
///
/// # Errors
/// The parser's words for a text that is no YAML.
pub(super) fn pages(text: &str) -> Result<Vec<Page>, String> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = text.len() - body.len();
    let depth = Limits::DEFAULT.depth;
    let mut settings = granit_parser::options! {
        flow_nesting_limit: depth,
        block_nesting_limit: depth
    };
    settings.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(body, settings);
    let (mut pages, mut open, mut root) = (Vec::new(), Vec::<Open>::new(), None);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| error.info().clone())?;
        let start = span.start.byte_offset().unwrap_or_default() + skipped;
        let end = span.end.byte_offset().unwrap_or_default() + skipped;
        let done = match event {
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                open.push(Open {
                    flow: style == StructureStyle::Flow,
                    is_map: matches!(event, Event::MappingStart(..)),
                    start,
                    parts: Vec::new(),
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|frame| close(frame, end)),
            Event::Scalar(content, style, ..) => Some(scalar(text, &content, style, start, end)),
            Event::Alias(_) => Some(Part {
                shape: Shape::Alias,
                start,
                end,
            }),
            Event::DocumentEnd => {
                pages.push(Page {
                    root: root.take(),
                    end: start,
                });
                None
            }
            _ => None,
        };
        match (done, open.last_mut()) {
            (Some(part), Some(frame)) => frame.parts.push(part),
            (Some(part), None) => root = Some(part),
            (None, _) => {}
        }
    }
    // The last document goes on to the end of the text, comments behind it included.
    if let Some(last) = pages.last_mut()
        && !text[last.end..].starts_with("...")
    {
        last.end = text.len();
    }
    Ok(pages)
}

fn scalar(text: &str, content: &str, style: ScalarStyle, start: usize, end: usize) -> Part {
    let written = text.get(start..end).unwrap_or_default();
    let end = start + written.trim_end().len();
    Part {
        shape: Shape::Scalar {
            // The parser spells a missing value `~`.
            text: if start == end && style == ScalarStyle::Plain {
                String::new()
            } else {
                content.to_owned()
            },
            style,
        },
        start,
        end,
    }
}

fn close(frame: Open, end: usize) -> Part {
    let last = frame.parts.last().map_or(frame.start, |part| part.end);
    let end = if frame.flow { end } else { last };
    let shape = if frame.is_map {
        let mut entries = Vec::with_capacity(frame.parts.len() / 2);
        let mut parts = frame.parts.into_iter();
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            entries.push(Pair { key, value });
        }
        Shape::Map {
            flow: frame.flow,
            entries,
        }
    } else {
        Shape::Seq {
            flow: frame.flow,
            items: frame.parts,
        }
    };
    Part {
        shape,
        start: frame.start,
        end,
    }
}

/// Offset of the first byte of the line that holds an offset.
pub(super) fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

/// Offset behind the line break of the line that holds an offset, or the end of the text.
pub(super) fn next_line(text: &str, offset: usize) -> usize {
    text[offset..]
        .find('\n')
        .map_or(text.len(), |at| offset + at + 1)
}

/// Bytes between the start of the line and an offset; a byte order mark does not count.
pub(super) fn column(text: &str, offset: usize) -> usize {
    let line = &text[line_start(text, offset)..offset];
    line.strip_prefix('\u{feff}').unwrap_or(line).len()
}

/// Whether nothing but blanks stands before an offset in its line.
pub(super) fn is_first_on_line(text: &str, offset: usize) -> bool {
    let line = &text[line_start(text, offset)..offset];
    line.trim_start_matches('\u{feff}')
        .bytes()
        .all(|byte| byte == b' ' || byte == b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Part {
        pages(text).unwrap().remove(0).root.unwrap()
    }

    #[test]
    fn parts_are_found_where_they_stand() {
        let text = "\u{feff}a: &x v1 # c\nb:\n- c: 'q'\n  d: *x\nk:\nm: |\n  text\n\n# end\n";
        let root = root(text);
        let shown = |path: &[Step]| {
            let part = root.at(path).unwrap();
            &text[part.start..part.end]
        };
        let key = |name: &str| Step::Key(name.to_owned());
        assert_eq!(shown(&[key("a")]), "v1");
        assert_eq!(shown(&[key("b"), Step::Index(0), key("c")]), "'q'");
        assert_eq!(shown(&[key("b"), Step::Index(0), key("d")]), "*x");
        assert_eq!(shown(&[key("m")]), "text");
        assert!(root.at(&[key("k")]).unwrap().is_missing());
        assert!(root.at(&[key("none")]).is_none());
        let mut path = Vec::new();
        assert!(root.path_to(text.find("'q'").unwrap(), &mut path));
        assert_eq!(path, [key("b"), Step::Index(0), key("c")]);
    }

    #[test]
    fn documents_end_at_the_next_marker() {
        let text = "a: 1\n# one\n---\n# only\n---\nb: 2\n...\n";
        let pages = pages(text).unwrap();
        let ends: Vec<_> = pages.iter().map(|page| &text[page.end..]).collect();
        assert_eq!(ends[0], "---\n# only\n---\nb: 2\n...\n");
        assert_eq!(*ends.last().unwrap(), "...\n");
    }
}
