//! The table of loaded texts that spans point into. Line and column are computed only when
//! something is printed.

use std::path::Path;
use std::sync::{Arc, OnceLock, RwLock};

pub use super::span::{FileId, Span};

/// What a stretch of generated text was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// First byte of the stretch in the generated text.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// The input value that was printed there.
    pub input: Option<Span>,
    /// The template text that printed it.
    pub template: Option<Span>,
}

/// Where a span leads when the text it points into was itself generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What the user wrote, where that is known.
    pub input: Option<Span>,
    /// The template line that made it, for generated text.
    pub template: Option<Span>,
}

/// One loaded text.
#[derive(Debug)]
pub struct Source {
    /// How the text is called in messages: a path as the user would write it, or `<stdin>`.
    pub name: String,
    /// The text itself.
    pub text: Arc<str>,
    /// For generated text: what made it, by ascending `start`. Empty for files.
    pub origins: Vec<Origin>,
    line_starts: OnceLock<Vec<u32>>,
}

/// A place as people and editors count it: both numbers start at 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Source {
    /// Returns the position of a byte offset.
    pub fn position(&self, offset: u32) -> Position {
        let starts = self.line_starts();
        let line = starts.partition_point(|&start| start <= offset).max(1) - 1;
        let start = starts[line] as usize;
        let mut end = (offset as usize).min(self.text.len()).max(start);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        Position {
            line: line + 1,
            column: self.text[start..end].chars().count() + 1,
        }
    }

    /// Returns a line's text without its line break; `line` counts from 1.
    pub fn line(&self, line: usize) -> &str {
        let starts = self.line_starts();
        let Some(&start) = starts.get(line.wrapping_sub(1)) else {
            return "";
        };
        let end = starts
            .get(line)
            .map_or(self.text.len(), |&next| next as usize);
        self.text[start as usize..end].trim_end_matches(['\n', '\r'])
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let breaks = self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
            std::iter::once(0)
                .chain(breaks.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)))
                .collect()
        })
    }
}

/// All texts that a run has loaded. Cheap to share between threads; entries never change.
#[derive(Debug, Default)]
pub struct Sources {
    entries: RwLock<Vec<Arc<Source>>>,
}

impl Sources {
    /// Creates an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text under the name that messages will show.
    pub fn add(&self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.add_generated(name, text, Vec::new())
    }

    /// Adds a text that a template made, with what each stretch of it was made from.
    pub fn add_generated(
        &self,
        name: impl Into<String>,
        text: impl Into<Arc<str>>,
        origins: Vec<Origin>,
    ) -> FileId {
        let source = Source {
            name: name.into(),
            text: text.into(),
            origins,
            line_starts: OnceLock::new(),
        };
        let mut entries = self
            .entries
            .write()
            .expect("no thread panics while it holds the table");
        let id = u32::try_from(entries.len()).expect("fewer than 2^32 sources are loaded");
        entries.push(Arc::new(source));
        FileId(id)
    }

    /// Returns a source. `None` only for the file of [`Span::NONE`].
    pub fn get(&self, file: FileId) -> Option<Arc<Source>> {
        let entries = self
            .entries
            .read()
            .expect("no thread panics while it holds the table");
        entries.get(file.0 as usize).cloned()
    }

    /// The files among the sources, generated texts left out.
    pub fn files(&self) -> Vec<FileId> {
        let entries = self
            .entries
            .read()
            .expect("no thread panics while it holds the table");
        let numbers = (0..).map(FileId).zip(entries.iter());
        let files = numbers.filter(|(_, source)| source.origins.is_empty());
        files.map(|(id, _)| id).collect()
    }

    /// Follows a span through generated text to what the user and the template wrote.
    pub fn trace(&self, span: Span) -> Trace {
        let Some(source) = self.get(span.file()) else {
            return Trace {
                input: None,
                template: None,
            };
        };
        if source.origins.is_empty() {
            return Trace {
                input: Some(span),
                template: None,
            };
        }
        let after = source
            .origins
            .partition_point(|origin| origin.start <= span.start());
        let hit = source.origins[..after]
            .iter()
            .rev()
            .find(|origin| origin.end > span.start());
        let origin = hit.or(source.origins[..after].last());
        Trace {
            input: origin.and_then(|origin| origin.input),
            template: origin.and_then(|origin| origin.template),
        }
    }

    /// Formats a span as `file:line:column`. Of generated text it names the input, or else the
    /// template line. Empty for [`Span::NONE`].
    pub fn locate(&self, span: Span) -> String {
        let trace = self.trace(span);
        let span = trace.input.or(trace.template).unwrap_or(span);
        let Some(source) = self.get(span.file()) else {
            return String::new();
        };
        let position = source.position(span.start());
        format!("{}:{}:{}", source.name, position.line, position.column)
    }
}

/// The name of a path in messages: forward slashes, no leading `./`.
pub fn display_path(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./")
        .map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let sources = Sources::new();
        let file = sources.add("a.yaml", "ä: 1\nkey: ü x\n");
        let source = sources.get(file).unwrap();
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(6), Position { line: 2, column: 1 });
        let x = source.text.find('x').unwrap();
        assert_eq!(
            source.position(u32::try_from(x).unwrap()),
            Position { line: 2, column: 8 }
        );
        assert_eq!(source.line(2), "key: ü x");
        assert_eq!(source.line(9), "");
        assert_eq!(sources.locate(Span::new(file, x, x + 1)), "a.yaml:2:8");
        assert_eq!(sources.locate(Span::NONE), "");
    }

    #[test]
    fn a_generated_text_leads_back_to_input_and_template() {
        let sources = Sources::new();
        let input = Span::new(sources.add("in.yaml", "image: x\n"), 7, 8);
        let template = Span::new(sources.add("t.j2", "image: {{ x }}\n"), 0, 14);
        let origins = vec![
            Origin {
                start: 0,
                end: 7,
                input: None,
                template: Some(template),
            },
            Origin {
                start: 7,
                end: 8,
                input: Some(input),
                template: Some(template),
            },
        ];
        let made = sources.add_generated("<web>", "image: x\n", origins);
        let trace = sources.trace(Span::new(made, 7, 8));
        assert_eq!(
            trace,
            Trace {
                input: Some(input),
                template: Some(template)
            }
        );
        assert_eq!(sources.locate(Span::new(made, 7, 8)), "in.yaml:1:8");
        assert_eq!(sources.locate(Span::new(made, 2, 3)), "t.j2:1:1");
        assert_eq!(sources.trace(Span::new(made, 2, 3)).input, None);
        assert_eq!(sources.trace(input).input, Some(input));
    }
}
