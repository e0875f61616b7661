//! Where go-yaml and the parser disagree on what is YAML: quoted text whose lines are indented
//! less than they should be, and tabs where indentation is expected.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span as EventSpan, StructureStyle};

use super::Diagnostic;
use super::source::{FileId, Span};

/// How deep a line is indented for the parser to take it.
const PAD: usize = 200;
/// How many lines are indented before a text is given up.
const LINES: usize = 200;
/// How many bytes are parsed for that: the parser reads the text from its start for each line.
const BYTES: usize = 32 << 20;

/// Where blanks were put into a text, in order, by places in the new text.
#[derive(Debug, Default)]
pub(super) struct Insertions(Vec<usize>);

impl Insertions {
    /// The place in the text as it was.
    pub(super) fn original(&self, at: usize) -> usize {
        let before = self.0.iter().take_while(|start| **start < at);
        before.fold(at, |original, start| original - PAD.min(at - start))
    }
}

/// Indents the lines of quoted text that the parser finds too far left, which means nothing:
/// blanks at the start of such a line do not count. `None` where there are none, or too many.
pub(super) fn mended(text: &str, options: &granit_parser::Options) -> Option<(String, Insertions)> {
    let mut mended = text.to_owned();
    let mut places = Vec::new();
    while let Some(at) = first_misplaced(&mended, options) {
        if places.len() == LINES || places.len() * text.len() > BYTES {
            return None;
        }
        mended.insert_str(at, &" ".repeat(PAD));
        places.push(at);
    }
    (!places.is_empty()).then_some((mended, Insertions(places)))
}

/// Where the first line is that the parser refuses for its indentation alone.
fn first_misplaced(text: &str, options: &granit_parser::Options) -> Option<usize> {
    let mut parser = Parser::new_from_str_with_options(text, options.clone());
    loop {
        match parser.next_event()? {
            Ok((Event::StreamEnd, _)) => return None,
            Ok(_) => {}
            Err(error) if *error.kind() == ErrorKind::InvalidQuotedScalarIndent => {
                // A line that ends a document stays one.
                let at = error.marker().byte_offset()?;
                let line = text.get(at..)?;
                let ends = line.starts_with("---") || line.starts_with("...");
                return (!ends).then_some(at);
            }
            Err(_) => return None,
        }
    }
}

/// Tabs at the beginning of lines, which go-yaml refuses outside of brackets and quotes.
#[derive(Debug)]
pub(super) struct Tabs<'t> {
    text: &'t str,
    /// Their places, the last first.
    left: Vec<usize>,
    /// How many brackets are open.
    brackets: usize,
    /// Which of the collections that are open are in brackets.
    open: Vec<bool>,
    /// How deep a line must be indented to go on with the plain scalar that was last.
    deeper_than: Option<usize>,
}

impl<'t> Tabs<'t> {
    /// Finds those of a text.
    pub(super) fn of(text: &'t str) -> Self {
        let mut left = Vec::new();
        if text.contains('\t') {
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                let blanks = indent(line);
                if line[blanks..].starts_with('\t') {
                    left.push(start + blanks);
                }
                start += line.len();
            }
        }
        left.reverse();
        Self {
            text,
            left,
            brackets: 0,
            open: Vec::new(),
            deeper_than: None,
        }
    }

    /// Goes past an event; returns a tab before it that stands where it must not.
    pub(super) fn pass(&mut self, event: &Event<'_>, span: &EventSpan) -> Option<usize> {
        if self.left.is_empty() {
            return None;
        }
        let start = span.start.byte_offset().unwrap_or_default();
        let end = span.end.byte_offset().unwrap_or_default();
        let found = self.before(start);
        self.deeper_than = None;
        match event {
            Event::Scalar(_, style, ..) => {
                self.inside(end);
                if *style == ScalarStyle::Plain {
                    self.deeper_than = Some(indent(self.line_of(start)));
                }
            }
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                self.open.push(*style == StructureStyle::Flow);
                self.brackets += usize::from(*style == StructureStyle::Flow);
            }
            Event::SequenceEnd | Event::MappingEnd if self.open.pop() == Some(true) => {
                self.inside(end);
                self.brackets -= 1;
            }
            _ => {}
        }
        found
    }

    /// Takes the tabs before a place; returns the first that stands where it must not.
    fn before(&mut self, at: usize) -> Option<usize> {
        let mut found = None;
        while let Some(tab) = self.left.pop_if(|tab| *tab < at) {
            let column = indent(self.line_of(tab));
            let goes_on = self.deeper_than.is_some_and(|least| column > least);
            if self.brackets == 0 && !goes_on {
                found = found.or(Some(tab));
            }
        }
        found
    }

    /// Takes the tabs in something that may hold them.
    fn inside(&mut self, end: usize) {
        while self.left.pop_if(|tab| *tab < end).is_some() {}
    }

    fn line_of(&self, at: usize) -> &'t str {
        let start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        &self.text[start..]
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The fault of a tab.
pub(super) fn tab(file: FileId, at: usize) -> Diagnostic {
    let message = "not YAML: a tab stands where a line is indented; YAML takes blanks for that";
    Diagnostic::error("yaml-syntax", message).at(Span::new(file, at, at + 1), "")
}

#[cfg(test)]
mod tests {
    use crate::manifest::read::{ReadOptions, read_documents};
    use crate::manifest::{Sources, json::to_json};

    fn read(text: &str) -> Result<String, String> {
        let sources = Sources::new();
        let file = sources.add("a.yaml", text);
        let documents = read_documents(&sources, file, &ReadOptions::kustomize_resource());
        let mut texts = Vec::new();
        for document in documents {
            let root = document.map_err(|faults| faults.to_string())?.root;
            texts.push(to_json(&root).to_string());
        }
        Ok(texts.join(" "))
    }

    #[test]
    fn quoted_text_may_go_on_anywhere() {
        // kustomize 5.8.1 takes these.
        for (text, want) in [
            ("a:\n  b: \"x\ny\"\nc: d", r#"{"a":{"b":"x y"},"c":"d"}"#),
            ("a:\n  b: 'x\n\n y'\nc: d", r#"{"a":{"b":"x\ny"},"c":"d"}"#),
            (
                "a:\n- b: \"x\\\ny\"\n- 'z\nw'",
                r#"{"a":[{"b":"xy"},"z w"]}"#,
            ),
        ] {
            assert_eq!(read(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_would_be_parsed_over_and_over_is_given_up() {
        let documents = |count: usize| "---\na: \"x\ny\"\n".repeat(count);
        let long = format!("# {}\n", "x".repeat(super::BYTES / 2));
        assert!(read(&documents(20)).is_ok());
        assert!(read(&format!("{long}{}", documents(2))).is_ok());
        assert!(read(&format!("{long}{}", documents(20))).is_err());
    }

    #[test]
    fn spans_of_mended_text_are_those_of_the_file() {
        let text = "a:\n  b: \"x\ny\"\nc: d\n";
        let sources = Sources::new();
        let file = sources.add("a.yaml", text);
        let options = ReadOptions::kustomize_resource();
        let documents = read_documents(&sources, file, &options);
        let root = &documents[0].as_ref().unwrap().root;
        let span = root.get("c").unwrap().span;
        assert_eq!(&text[span.range()], "d");
    }

    #[test]
    fn tabs_do_not_indent() {
        for (text, is_yaml) in [
            ("a:\n\t\n  b: c", false),
            ("a:\n  b: \"c\"\n\t# d\ne: f", false),
            ("a: b\n\t\nc: d", false),
            ("{\n\t\"a\": [\n\t1\n\t]\n}", true),
            ("a: |\n  x\n  \ty\nb: c", true),
            ("a: b\t# c\nd:\te", true),
        ] {
            assert_eq!(read(text).is_ok(), is_yaml, "{text:?}");
        }
    }
}
