//! Where go-yaml and the parser disagree on what is YAML: quoted text whose lines are indented
//! less than they should be, tabs where indentation is expected, question marks in brackets.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span as EventSpan, StructureStyle};

use super::source::{FileId, Span};
use super::{Diagnostic, Dialect};

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

/// What go-yaml refuses and the parser takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quirk {
    /// A tab where a line is indented, or behind the dash of a list element.
    Tab,
    /// A question mark in a plain scalar inside brackets.
    QuestionMark,
    /// An escape in double quotes that go-yaml does not know: `\\/`, or half a character as
    /// JSON writes it.
    Escape,
    /// The end of a document before there is one.
    End,
}

/// What stands at the very start of a text where go-yaml takes none of it.
pub(super) fn bad_start(text: &str, dialect: Dialect) -> Option<(usize, Quirk)> {
    let mut start = 0;
    let mut tab = None;
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start();
        if rest.starts_with('{') && dialect == Dialect::Kubectl {
            return None;
        }
        let blanks = &line[..line.len() - rest.len()];
        tab = tab.or(blanks.find('\t').map(|at| start + at));
        if rest.is_empty() {
            start += line.len();
            continue;
        }
        let after = line.strip_prefix("...");
        let is_end = after
            .is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t', '\r', '\n']));
        return tab
            .map(|at| (at, Quirk::Tab))
            .or(is_end.then_some((start, Quirk::End)));
    }
    tab.map(|at| (at, Quirk::Tab))
}

/// Looks for tabs and question marks that go-yaml refuses: tabs at the beginning of lines outside
/// of brackets and quotes, and behind dashes; question marks inside of brackets.
#[derive(Debug)]
pub(super) struct Quirks<'t> {
    text: &'t str,
    /// Places of tabs at the beginning of lines, the last first.
    left: Vec<usize>,
    /// Whether there is anything to look for.
    any: bool,
    /// Whether an escaped slash is one: kubectl reads a file that begins with a brace as JSON.
    is_json: bool,
    /// How many brackets are open.
    brackets: usize,
    /// Which of the collections that are open are in brackets.
    open: Vec<bool>,
    /// How deep a line must be indented to go on with the plain scalar that was last.
    deeper_than: Option<usize>,
}

impl<'t> Quirks<'t> {
    /// Finds those of a text.
    pub(super) fn of(text: &'t str, dialect: Dialect) -> Self {
        let mut left = Vec::new();
        let has_tabs = text.contains('\t');
        if has_tabs {
            let mut start = 0;
            let mut after_comment = false;
            for line in text.split_inclusive('\n') {
                let blanks = indent(line);
                if line[blanks..].starts_with('\t') {
                    // Between comments nothing is indented.
                    let next = text[start..].trim_start();
                    if !(after_comment && next.starts_with('#')) {
                        left.push(start + blanks);
                    }
                }
                if !line.trim().is_empty() {
                    after_comment = line.trim_start().starts_with('#');
                }
                start += line.len();
            }
        }
        left.reverse();
        Self {
            text,
            left,
            any: has_tabs || text.contains(['?', '\\']),
            is_json: dialect == Dialect::Kubectl && text.trim_start().starts_with('{'),
            brackets: 0,
            open: Vec::new(),
            deeper_than: None,
        }
    }

    /// Goes past an event; returns what stands where it must not, before it or in it.
    pub(super) fn pass(&mut self, event: &Event<'_>, span: &EventSpan) -> Option<(usize, Quirk)> {
        if !self.any {
            return None;
        }
        let start = span.start.byte_offset().unwrap_or_default();
        let end = span.end.byte_offset().unwrap_or_default();
        let mut tab = self.before(start);
        let mut other = None;
        self.deeper_than = None;
        match event {
            Event::Scalar(_, style, ..) => {
                tab = tab.or_else(|| self.behind_a_dash(start));
                self.inside(end);
                if *style == ScalarStyle::Plain {
                    self.deeper_than = Some(indent(self.line_of(start)));
                    let source = self.text.get(start..end).filter(|_| self.brackets > 0);
                    let question = source.and_then(|source| Some(start + source.find('?')?));
                    other = question.map(|at| (at, Quirk::QuestionMark));
                }
                if *style == ScalarStyle::DoubleQuoted && !self.is_json {
                    let escape = self.text.get(start..end).and_then(unknown_escape);
                    other = escape.map(|at| (start + at, Quirk::Escape));
                }
            }
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                tab = tab.or_else(|| self.behind_a_dash(start));
                self.open.push(*style == StructureStyle::Flow);
                self.brackets += usize::from(*style == StructureStyle::Flow);
            }
            Event::SequenceEnd | Event::MappingEnd if self.open.pop() == Some(true) => {
                self.inside(end);
                self.brackets -= 1;
            }
            _ => {}
        }
        tab.map(|at| (at, Quirk::Tab)).or(other)
    }

    /// A tab between the dash of a list element (or the mark of a long key) and what starts here.
    fn behind_a_dash(&self, start: usize) -> Option<usize> {
        let line = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = self.text.get(line..start)?;
        let marks = before.trim_start_matches(' ');
        let is_mark = |byte: u8| matches!(byte, b'-' | b'?' | b':' | b' ' | b'\t');
        let tab = marks.find('\t').filter(|at| *at > 0)?;
        let found = self.brackets == 0 && marks.bytes().all(is_mark);
        found.then_some(line + before.len() - marks.len() + tab)
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

/// Where an escape stands, in a text with its quotes, that JSON knows and go-yaml does not.
fn unknown_escape(quoted: &str) -> Option<usize> {
    let bytes = quoted.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match bytes[at..] {
            [b'\\', b'/', ..]
            | [
                b'\\',
                b'u',
                b'd' | b'D',
                b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F',
                ..,
            ] => {
                return Some(at);
            }
            [b'\\', ..] => at += 2,
            _ => at += 1,
        }
    }
    None
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The fault of what go-yaml refuses.
pub(super) fn refusal(quirk: Quirk, file: FileId, at: usize) -> Diagnostic {
    let message = match quirk {
        Quirk::Tab => "not YAML: a tab stands where a line is indented; YAML takes blanks for that",
        Quirk::QuestionMark => {
            "kustomize and kubectl take no `?` in brackets, unless the text is in quotes"
        }
        Quirk::End => "not YAML: `...` ends a document, and there is none before it",
        Quirk::Escape => {
            "kustomize and kubectl do not know this escape; write the character itself"
        }
    };
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
            ("# a\n\t\n\t# b\na: b", true),
            ("# a\n\t\na: b", false),
            ("a:\n-\tb", false),
            ("a:\n- \tb: c", false),
            ("a:\n-\t'b'", false),
            ("a:\n- b\t", true),
        ] {
            assert_eq!(read(text).is_ok(), is_yaml, "{text:?}");
        }
    }

    #[test]
    fn what_may_stand_before_a_document() {
        for (text, is_yaml) in [
            ("\n\na: b", true),
            ("\t\na: b", false),
            ("\t\n---\na: b", false),
            ("\t\n", false),
            ("...\na: b", false),
            ("\n...\n---\na: b", false),
            ("a: b\n...\n", true),
        ] {
            assert_eq!(read(text).is_ok(), is_yaml, "{text:?}");
        }
    }

    #[test]
    fn escapes_of_json_are_not_those_of_go_yaml() {
        for (text, is_yaml) in [
            ("a: \"\\ud83d\\ude00\"", false),
            ("a: \"\\u00e9\\\\ud83d\"", true),
            ("a: \"b\\/c\"", false),
            ("a: \"b\\\\/c\"", true),
            ("a: 'b\\/c'", true),
        ] {
            assert_eq!(read(text).is_ok(), is_yaml, "{text:?}");
        }
        let sources = Sources::new();
        let json = sources.add("a.json", "{\"a\": \"b\\/c\"}");
        let documents = read_documents(&sources, json, &ReadOptions::kubectl());
        assert!(documents[0].is_ok());
    }

    #[test]
    fn question_marks_in_brackets_need_quotes() {
        for (text, is_yaml) in [
            ("{a: http://b?c}", false),
            ("a: [b?]", false),
            ("a: {b: \"c?d\", e: 'f?'}", true),
            ("a: b?c\nd: [e]", true),
        ] {
            assert_eq!(read(text).is_ok(), is_yaml, "{text:?}");
        }
    }
}
