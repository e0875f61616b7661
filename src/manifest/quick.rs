//! A quick reader for the YAML that people write: block mappings and lists, scalars and flow
//! collections of one line, block scalars. It hands on exactly what the parser's events would
//! bring, positions included, at a multiple of their speed.
//!
//! It refuses to decide anything: whatever it is not sure of (anchors, tags, texts over several
//! lines, tabs, every mistake) it leaves, and the parser reads that document and those after it.

mod scalars;

use granit_parser::{ScalarStyle, StructureStyle};

use super::build::{Builder, Kind};
use super::read::{Document, MAX_DOCUMENTS};
use super::{Diagnostics, FileId, Span};
use scalars::Simple;

/// Nesting beyond this is left to the parser.
const DEPTH: usize = 64;
/// A key of more bytes is left to the parser, which refuses one of 1,024 characters.
const KEY_BYTES: usize = 1_000;

/// Reads documents from the start of a text for as long as it can. Returns the offset in `text` of
/// the first document that it could not read; the length of the text when it read all.
pub(super) fn read(
    text: &str,
    file: FileId,
    skipped: usize,
    builder: &mut Builder,
    documents: &mut Vec<Result<Document, Diagnostics>>,
) -> usize {
    if !is_ordinary(text) {
        return 0;
    }
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        line: 0,
        file,
        skipped,
        builder,
    };
    let mut start = 0;
    loop {
        if documents.len() == MAX_DOCUMENTS {
            // The parser says that it is too many, if there is another.
            return start;
        }
        match reader.document() {
            Some(true) => documents.push(reader.builder.finish_document()),
            Some(false) => return text.len(),
            None => {
                reader.builder.abandon_document();
                return start;
            }
        }
        start = reader.at;
    }
}

/// Whether a text has no characters that YAML treats in a special way.
fn is_ordinary(text: &str) -> bool {
    let is_suspicious = |byte: u8| {
        byte < b' ' && byte != b'\n' && byte != b'\t' || matches!(byte, 0x7f | 0xc2 | 0xe2 | 0xef)
    };
    let suspicious = text
        .bytes()
        .fold(false, |any, byte| any | is_suspicious(byte));
    !suspicious
        || text.chars().all(|c| {
            let is_break = matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
            let is_mark = matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
            !is_break && !is_mark && (!c.is_control() || c == '\n' || c == '\t')
        })
}

struct Reader<'t, 'b> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// Where the current line starts.
    line: usize,
    file: FileId,
    skipped: usize,
    builder: &'b mut Builder,
}

/// All methods return `None` for what is left to the parser.
impl<'t> Reader<'t, '_> {
    /// Reads a document. Returns false at the end of the text.
    fn document(&mut self) -> Option<bool> {
        self.next_token()?;
        if self.is_end() {
            return Some(false);
        }
        let marker = self.at;
        let is_explicit = self.is_marker();
        if is_explicit {
            if self.bytes[self.at] != b'-' {
                return None;
            }
            self.builder
                .start_document(None, self.span(marker, marker + 3));
            self.at += 3;
            self.end_of_value()?;
            self.next_token()?;
            if self.ends_document()? {
                let empty = self.span(marker + 3, marker + 3);
                self.builder.scalar("", ScalarStyle::Plain, 0, None, empty);
                return Some(true);
            }
        } else {
            self.builder.start_document(None, self.span(marker, marker));
        }
        if self.column() != 0 || self.bytes[self.at] == b'%' {
            return None;
        }
        self.block(0)?;
        self.ends_document()?.then_some(true)
    }

    /// Whether the document ends here. What may stand behind `...` is for the parser to say.
    fn ends_document(&self) -> Option<bool> {
        if self.is_end() {
            return Some(true);
        }
        match (self.is_marker(), self.byte()) {
            (true, b'.') => None,
            (is_marker, _) => Some(is_marker),
        }
    }

    /// Reads a block mapping or list that starts here.
    fn block(&mut self, depth: usize) -> Option<()> {
        if self.is_dash() {
            return self.list(depth, self.at);
        }
        let first = self.simple()?;
        self.mapping(depth, first)
    }

    /// Reads a block mapping whose first key was read.
    fn mapping(&mut self, depth: usize, first: Simple<'t>) -> Option<()> {
        let column = first.start - self.line;
        if depth > DEPTH {
            return None;
        }
        self.builder.open(
            Kind::Map,
            0,
            StructureStyle::Block,
            self.span(first.start, first.start),
        );
        let mut key = first;
        loop {
            if !self.is_colon() || key.end - key.start > KEY_BYTES {
                return None;
            }
            self.emit(&key);
            self.at += 1;
            self.value(depth, column)?;
            if self.is_outside(column) {
                break;
            }
            if self.column() != column || self.is_dash() {
                return None;
            }
            key = self.simple()?;
        }
        self.builder.close(self.span(self.at, self.at));
        Some(())
    }

    /// Reads what follows the colon of a key, and goes to the next token. A missing value stands
    /// at the colon.
    fn value(&mut self, depth: usize, column: usize) -> Option<()> {
        let colon = self.at - 1;
        self.skip_spaces();
        match self.byte() {
            b'\n' | b'#' => {
                self.next_token()?;
                if !self.is_outside(column) {
                    if self.column() > column {
                        return self.block(depth + 1);
                    }
                    if self.is_dash() {
                        let mut first = self.at + 1;
                        while self.bytes.get(first) == Some(&b' ') {
                            first += 1;
                        }
                        return self.list(depth + 1, first);
                    }
                }
                let missing = self.span(colon, colon);
                self.builder
                    .scalar("", ScalarStyle::Plain, 0, None, missing);
                Some(())
            }
            _ => self.inline(column),
        }
    }

    /// Reads a block list at a dash; `start` is where the parser sees it begin.
    fn list(&mut self, depth: usize, start: usize) -> Option<()> {
        let column = self.column();
        // In the mapping that it belongs to, such a list is not indented.
        let is_indented = start == self.at;
        if depth > DEPTH {
            return None;
        }
        self.builder
            .open(Kind::Seq, 0, StructureStyle::Block, self.span(start, start));
        loop {
            self.at += 1;
            self.skip_spaces();
            match self.byte() {
                b'\n' | b'#' => return None,
                _ if self.is_dash() => self.list(depth + 1, self.at)?,
                b'[' | b'{' | b'|' | b'>' => self.inline(column)?,
                _ => {
                    let simple = self.simple()?;
                    if self.is_colon() {
                        self.mapping(depth + 1, simple)?;
                    } else {
                        self.finish(&simple, column)?;
                    }
                }
            }
            if self.is_outside(column) {
                break;
            }
            if self.column() != column {
                return None;
            }
            if !self.is_dash() {
                if is_indented {
                    return None;
                }
                break;
            }
        }
        self.builder.close(self.span(self.at, self.at));
        Some(())
    }

    /// Reads a value in the line of its key or dash, which stands at `column`, and goes to the
    /// next token.
    fn inline(&mut self, column: usize) -> Option<()> {
        match self.byte() {
            b'[' | b'{' => {
                self.flow(0)?;
                self.end_of_value()?;
                self.next_token()?;
            }
            b'|' | b'>' => self.block_scalar(column)?,
            _ => {
                let simple = self.simple()?;
                if self.is_colon() {
                    return None;
                }
                return self.finish(&simple, column);
            }
        }
        self.no_more(column)
    }

    fn finish(&mut self, simple: &Simple<'t>, column: usize) -> Option<()> {
        self.emit(simple);
        self.end_of_value()?;
        self.next_token()?;
        self.no_more(column)
    }

    /// What is indented deeper than the key of a value goes on with that value.
    fn no_more(&self, column: usize) -> Option<()> {
        (self.is_outside(column) || self.column() == column).then_some(())
    }

    fn emit(&mut self, simple: &Simple<'t>) {
        let at = self.span(simple.start, simple.end);
        self.builder.scalar(&simple.text, simple.style, 0, None, at);
    }

    /// Goes to the next token over blanks, line breaks and comments.
    fn next_token(&mut self) -> Option<()> {
        loop {
            match self.bytes.get(self.at) {
                None => return Some(()),
                Some(b' ') => self.at += 1,
                Some(b'\n') => {
                    self.at += 1;
                    self.line = self.at;
                }
                Some(b'#') if self.at == 0 || matches!(self.bytes[self.at - 1], b' ' | b'\n') => {
                    let rest = &self.bytes[self.at..];
                    let length = rest.iter().position(|byte| *byte == b'\n');
                    self.at += length.unwrap_or(rest.len());
                }
                Some(b'\t') => return None,
                Some(_) => return Some(()),
            }
        }
    }

    /// After a value, only blanks and a comment may come in its line.
    fn end_of_value(&self) -> Option<()> {
        let rest = &self.bytes[self.at..];
        let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
        match rest.get(blanks) {
            None | Some(b'\n') => Some(()),
            Some(b'#') if blanks > 0 => Some(()),
            Some(_) => None,
        }
    }

    fn skip_spaces(&mut self) {
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    /// The byte here; at the end of the text a line break.
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b'\n')
    }

    fn is_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn column(&self) -> usize {
        self.at - self.line
    }

    /// Whether the token here belongs to no collection that is indented by `column`.
    fn is_outside(&self, column: usize) -> bool {
        self.is_end() || self.column() < column || self.is_marker()
    }

    /// Whether a document starts or ends here.
    fn is_marker(&self) -> bool {
        let rest = &self.bytes[self.at..];
        self.column() == 0
            && (rest.starts_with(b"---") || rest.starts_with(b"..."))
            && matches!(rest.get(3), None | Some(b' ' | b'\n' | b'\t'))
    }

    /// Whether a list element starts here.
    fn is_dash(&self) -> bool {
        self.byte() == b'-' && matches!(self.bytes.get(self.at + 1), None | Some(b' ' | b'\n'))
    }

    /// Whether the colon of a key is here.
    fn is_colon(&self) -> bool {
        self.byte() == b':' && matches!(self.bytes.get(self.at + 1), None | Some(b' ' | b'\n'))
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start + self.skipped, end + self.skipped)
    }
}
