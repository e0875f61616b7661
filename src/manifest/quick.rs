//! A quick reader for the YAML that people write: block mappings and lists, scalars and flow
//! collections of one line, block scalars. It hands on exactly what the parser's events would
//! bring, positions included, at a multiple of their speed.
//!
//! It refuses to decide anything: whatever it is not sure of (anchors, tags, texts over several
//! lines, tabs, every mistake) it leaves, and the parser reads that document and those after it.

use std::borrow::Cow;

use granit_parser::ScalarStyle;

use super::build::{Builder, Kind};
use super::read::{Document, MAX_DOCUMENTS};
use super::{Diagnostics, FileId, Span};

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

/// A scalar of one line.
struct Simple<'t> {
    text: Cow<'t, str>,
    style: ScalarStyle,
    start: usize,
    end: usize,
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
            if self.is_end() || self.is_marker() {
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
        (self.is_end() || self.is_marker()).then_some(true)
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
        self.builder
            .open(Kind::Map, 0, self.span(first.start, first.start));
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
        self.builder.open(Kind::Seq, 0, self.span(start, start));
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

    /// Reads a scalar of one line: a key, whose colon comes next, or a value.
    fn simple(&mut self) -> Option<Simple<'t>> {
        match self.byte() {
            b'"' => self.double_quoted(),
            b'\'' => self.single_quoted(),
            _ => self.plain(),
        }
    }

    fn plain(&mut self) -> Option<Simple<'t>> {
        let start = self.at;
        let first = self.bytes[start];
        if !starts_plain(first) || first == b'-' && !self.is_flag() {
            return None;
        }
        let mut at = start + 1;
        let end = loop {
            match self.bytes.get(at) {
                None | Some(b'\n') => break at,
                Some(b'\t') => return None,
                Some(b':') if matches!(self.bytes.get(at + 1), None | Some(b' ' | b'\n')) => {
                    break at;
                }
                Some(b'#') if self.bytes[at - 1] == b' ' => break at,
                Some(_) => at += 1,
            }
        };
        let text = self.text[start..end].trim_end_matches(' ');
        self.at = start + text.len();
        // A blank before the colon is left to the parser.
        if self.at < end && self.bytes.get(end) == Some(&b':') {
            return None;
        }
        Some(Simple {
            text: Cow::Borrowed(text),
            style: ScalarStyle::Plain,
            start,
            end: self.at,
        })
    }

    /// Whether a text that starts with a dash is one: `-1`, `--flag`.
    fn is_flag(&self) -> bool {
        let rest = &self.bytes[self.at..];
        !matches!(rest.get(1), None | Some(b' ' | b'\n' | b'\t')) && !rest.starts_with(b"---")
    }

    fn single_quoted(&mut self) -> Option<Simple<'t>> {
        let start = self.at;
        let mut at = start + 1;
        let mut has_quotes = false;
        loop {
            match self.bytes.get(at)? {
                b'\'' if self.bytes.get(at + 1) == Some(&b'\'') => {
                    has_quotes = true;
                    at += 2;
                }
                b'\'' => break,
                b'\n' | b'\t' => return None,
                _ => at += 1,
            }
        }
        let text = &self.text[start + 1..at];
        self.at = at + 1;
        Some(Simple {
            text: if has_quotes {
                Cow::Owned(text.replace("''", "'"))
            } else {
                Cow::Borrowed(text)
            },
            style: ScalarStyle::SingleQuoted,
            start,
            end: self.at,
        })
    }

    fn double_quoted(&mut self) -> Option<Simple<'t>> {
        let start = self.at;
        let mut at = start + 1;
        // What is before `copied` is in `text`; empty until the first escape.
        let mut copied = at;
        let mut text = String::new();
        loop {
            match self.bytes.get(at)? {
                b'"' => break,
                b'\n' | b'\t' => return None,
                b'\\' => {
                    text.push_str(&self.text[copied..at]);
                    text.push(match self.bytes.get(at + 1)? {
                        b'"' => '"',
                        b'\\' => '\\',
                        b'n' => '\n',
                        b't' => '\t',
                        _ => return None,
                    });
                    at += 2;
                    copied = at;
                }
                _ => at += 1,
            }
        }
        let rest = &self.text[copied..at];
        self.at = at + 1;
        Some(Simple {
            text: if copied == start + 1 {
                Cow::Borrowed(rest)
            } else {
                Cow::Owned(text + rest)
            },
            style: ScalarStyle::DoubleQuoted,
            start,
            end: self.at,
        })
    }

    /// Reads a flow collection of one line.
    fn flow(&mut self, depth: usize) -> Option<()> {
        let is_map = self.byte() == b'{';
        let (kind, end) = if is_map {
            (Kind::Map, b'}')
        } else {
            (Kind::Seq, b']')
        };
        if depth > DEPTH {
            return None;
        }
        self.builder.open(kind, 0, self.span(self.at, self.at + 1));
        self.at += 1;
        self.skip_spaces();
        while self.byte() != end {
            if is_map {
                let key = self.flow_simple()?;
                if self.byte() != b':' || key.end - key.start > KEY_BYTES {
                    return None;
                }
                self.emit(&key);
                self.at += 1;
                if !matches!(self.byte(), b' ' | b',' | b'}') {
                    return None;
                }
            }
            let colon = self.at - 1;
            self.skip_spaces();
            match self.byte() {
                b'[' | b'{' => self.flow(depth + 1)?,
                b',' | b'}' if is_map => {
                    let missing = self.span(colon, colon);
                    self.builder
                        .scalar("", ScalarStyle::Plain, 0, None, missing);
                }
                _ => {
                    let value = self.flow_simple()?;
                    self.emit(&value);
                }
            }
            self.skip_spaces();
            match self.byte() {
                b',' => {
                    self.at += 1;
                    self.skip_spaces();
                    if self.byte() == end {
                        return None;
                    }
                }
                byte if byte == end => {}
                _ => return None,
            }
        }
        self.at += 1;
        self.builder.close(self.span(self.at - 1, self.at));
        Some(())
    }

    /// Reads a scalar in a flow collection; plain ones of few characters only.
    fn flow_simple(&mut self) -> Option<Simple<'t>> {
        match self.byte() {
            b'"' => return self.double_quoted(),
            b'\'' => return self.single_quoted(),
            b'-' if !self.is_flag() => return None,
            byte if !is_flow_plain(byte) => return None,
            _ => {}
        }
        let start = self.at;
        while is_flow_plain(self.byte())
            || self.byte() == b':'
                && self
                    .bytes
                    .get(self.at + 1)
                    .is_some_and(u8::is_ascii_alphanumeric)
        {
            self.at += 1;
        }
        // More words, or what is special: left to the parser.
        let ends = match self.byte() {
            b',' | b']' | b'}' | b':' => true,
            b' ' => {
                let after = self.bytes[self.at..].iter().find(|byte| **byte != b' ');
                matches!(after, Some(b',' | b']' | b'}'))
            }
            _ => false,
        };
        ends.then(|| Simple {
            text: Cow::Borrowed(&self.text[start..self.at]),
            style: ScalarStyle::Plain,
            start,
            end: self.at,
        })
    }

    /// Reads a literal or folded scalar below a key or dash at `column`, and goes to the next
    /// token.
    fn block_scalar(&mut self, column: usize) -> Option<()> {
        let is_folded = self.byte() == b'>';
        self.at += 1;
        let chomp = self.byte();
        if matches!(chomp, b'-' | b'+') {
            self.at += 1;
        }
        self.skip_spaces();
        if self.byte() != b'\n' || self.at >= self.bytes.len() {
            return None;
        }
        self.at += 1;
        let first = self.text[self.at..]
            .bytes()
            .take_while(|b| *b == b' ')
            .count();
        let start = self.at + first;
        if first <= column || matches!(self.bytes.get(start)?, b'\n' | b'\t') {
            return None;
        }
        let mut text = String::new();
        // Line breaks that follow the last line so far.
        let mut breaks = 0;
        loop {
            self.line = self.at;
            let rest = &self.bytes[self.at..];
            let indent = rest.iter().take(first).take_while(|b| **b == b' ').count();
            match rest.get(indent) {
                None => break,
                Some(b'\n') if indent == 0 => {
                    breaks += 1;
                    self.at += 1;
                    continue;
                }
                Some(b'\n') => return None,
                Some(_) if indent < first => break,
                Some(_) => {}
            }
            let line = &rest[indent..];
            let length = line.iter().position(|b| *b == b'\n')?;
            let from = self.at + indent;
            if is_folded && matches!(line[0], b' ' | b'\t') {
                return None;
            }
            push_breaks(&mut text, breaks, is_folded);
            text.push_str(&self.text[from..from + length]);
            self.at = from + length + 1;
            breaks = 1;
        }
        match chomp {
            b'-' => {}
            b'+' => text.extend(std::iter::repeat_n('\n', breaks)),
            _ => text.push('\n'),
        }
        self.skip_spaces();
        let style = if is_folded {
            ScalarStyle::Folded
        } else {
            ScalarStyle::Literal
        };
        let at = self.span(start, self.at);
        self.builder.scalar(&text, style, 0, None, at);
        self.next_token()
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

/// Writes the line breaks between two lines of a block scalar: folded, the first one is a blank
/// where it is alone, and is nothing before others.
fn push_breaks(text: &mut String, breaks: usize, is_folded: bool) {
    match breaks {
        1 if is_folded => text.push(' '),
        0 | 1 => text.extend(std::iter::repeat_n('\n', breaks)),
        _ => text.extend(std::iter::repeat_n('\n', breaks - usize::from(is_folded))),
    }
}

/// Whether a plain scalar can start with a byte.
fn starts_plain(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b'\n'
            | b'\t'
            | b','
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'#'
            | b'&'
            | b'*'
            | b'!'
            | b'|'
            | b'>'
            | b'\''
            | b'"'
            | b'%'
            | b'@'
            | b'`'
            | b'?'
            | b':'
    )
}

/// Whether a byte is one of those that plain scalars in flow collections are read of here.
fn is_flow_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-' | b'+' | b'$' | b'=')
}
