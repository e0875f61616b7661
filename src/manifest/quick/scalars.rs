//! The scalars and flow collections of the quick reader: what stands in one line, and block
//! scalars. Which collection it belongs to is decided by the reader.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, StructureStyle};

use super::super::build::Kind;
use super::{DEPTH, KEY_BYTES, Reader};

/// A scalar of one line.
pub(super) struct Simple<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) style: ScalarStyle,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// All methods return `None` for what is left to the parser.
impl<'t> Reader<'t, '_> {
    /// Reads a scalar of one line: a key, whose colon comes next, or a value.
    pub(super) fn simple(&mut self) -> Option<Simple<'t>> {
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
    pub(super) fn flow(&mut self, depth: usize) -> Option<()> {
        let is_map = self.byte() == b'{';
        let (kind, end) = if is_map {
            (Kind::Map, b'}')
        } else {
            (Kind::Seq, b']')
        };
        if depth > DEPTH {
            return None;
        }
        self.builder.open(
            kind,
            0,
            StructureStyle::Flow,
            self.span(self.at, self.at + 1),
        );
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
    pub(super) fn block_scalar(&mut self, column: usize) -> Option<()> {
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
