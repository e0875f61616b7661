//! Writes YAML exactly as `kustomize build` does (go-yaml 2 over JSON): keys sorted, lists not
//! indented under their key, plain text folded at 80 columns, quotes only where they are needed.

use std::cmp::Ordering;

use smol_str::SmolStr;

use super::map::{Entry, Map};
use super::node::{Node, Scalar, ScalarKind, Value};
use super::resolve::{bool_value, needs_quotes};
use super::scalar_style::{Style, analyze};

/// Column after which a space may become a line break.
const BEST_WIDTH: usize = 80;
/// Longest key, in bytes, that go-yaml writes as a simple key.
const SIMPLE_KEY_BYTES: usize = 128;

/// Writes one document, with a final newline and without a document marker.
pub fn emit(node: &Node) -> String {
    let mut out = String::new();
    emit_to(node, &mut out);
    out
}

/// Appends one document to `out`.
pub fn emit_to(node: &Node, out: &mut String) {
    let line_start = out.len();
    let mut emitter = Emitter { out, line_start };
    match &node.value {
        Value::Map(map) if !map.is_empty() => emitter.map(map, 0, true),
        Value::Seq(items) if !items.is_empty() => emitter.seq(items, 0, true),
        _ => emitter.leaf(node, 2),
    }
    emitter.out.push('\n');
}

/// Writes documents one after the other, separated by `---` lines.
pub fn emit_all<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> String {
    let mut out = String::new();
    for (at, node) in nodes.into_iter().enumerate() {
        if at > 0 {
            out.push_str("---\n");
        }
        emit_to(node, &mut out);
    }
    out
}

/// The order in which go-yaml writes keys: letters after everything else, runs of digits by
/// their value (`a2` before `a10`).
pub fn compare_keys(a: &str, b: &str) -> Ordering {
    let common = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    if common == a.len() || common == b.len() {
        return a.len().cmp(&b.len());
    }
    let (x, y) = (a.as_bytes()[common], b.as_bytes()[common]);
    if x.is_ascii_alphabetic() && y.is_ascii_alphabetic() {
        return x.cmp(&y);
    }
    compare_keys_slow(a, b)
}

fn compare_keys_slow(a: &str, b: &str) -> Ordering {
    let (ar, br): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = ar.iter().zip(&br).position(|(x, y)| x != y) else {
        return ar.len().cmp(&br.len());
    };
    let (x, y) = (ar[at], br[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero continues a number that began before it, so `10` sorts after `1a`'s digit.
    let within_number = (x == '0' || y == '0')
        && ar[..at]
            .iter()
            .rev()
            .take_while(|c| c.is_numeric())
            .any(|c| *c != '0');
    let number = |chars: &[char]| {
        let digits = chars[at..].iter().take_while(|c| c.is_numeric());
        digits.fold(
            (i64::from(within_number), 0_usize),
            |(value, count), digit| {
                let digit = i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
                (value.wrapping_mul(10).wrapping_add(digit), count + 1)
            },
        )
    };
    number(&ar).cmp(&number(&br)).then_with(|| x.cmp(&y))
}

/// The entries of a mapping in the order in which they are written.
pub fn sorted_entries(map: &Map) -> Vec<&Entry> {
    let mut entries: Vec<&Entry> = map.iter().collect();
    if !is_sorted(map) {
        sort_entries(&mut entries);
    }
    entries
}

fn is_sorted(map: &Map) -> bool {
    map.iter()
        .is_sorted_by(|a, b| compare_keys(&a.key, &b.key) != Ordering::Greater)
}

/// Sorts as Go's `sort.Sort` does where that matters: go-yaml's order of keys is no total order
/// (`1a`, `10`, `1-`), for which the standard library's sort may panic. Up to 12 entries Go sorts
/// by insertion, and so does this; longer lists are merged from such runs.
fn sort_entries(entries: &mut [&Entry]) {
    const RUN: usize = 12;
    let before = |a: &Entry, b: &Entry| compare_keys(&a.key, &b.key) == Ordering::Less;
    for run in entries.chunks_mut(RUN) {
        for at in 1..run.len() {
            let mut to = at;
            while to > 0 && before(run[to], run[to - 1]) {
                run.swap(to, to - 1);
                to -= 1;
            }
        }
    }
    let mut width = RUN;
    while width < entries.len() {
        for pair in entries
            .chunks_mut(2 * width)
            .filter(|pair| pair.len() > width)
        {
            let (left, right) = (pair[..width].to_vec(), pair[width..].to_vec());
            let (mut l, mut r) = (left.iter().peekable(), right.iter().peekable());
            for slot in pair.iter_mut() {
                let from_right = match (l.peek(), r.peek()) {
                    (Some(a), Some(b)) => before(b, a),
                    (None, _) => true,
                    (_, None) => false,
                };
                let next = if from_right { r.next() } else { l.next() };
                *slot = next.expect("both halves together fill the pair");
            }
        }
        width *= 2;
    }
}

struct Emitter<'a> {
    out: &'a mut String,
    /// Where the current line starts in `out`; the column is counted only for text that may fold.
    line_start: usize,
}

impl Emitter<'_> {
    /// Writes the entries of a block mapping. `compact` says that the first key goes on the
    /// current line (after `- `, or at the very start).
    fn map(&mut self, map: &Map, indent: usize, compact: bool) {
        let mut on_this_line = compact;
        let mut write = |entry: &Entry| {
            if !std::mem::take(&mut on_this_line) {
                self.new_line(indent);
            }
            self.entry(entry, indent);
        };
        if is_sorted(map) {
            map.iter().for_each(write);
        } else {
            sorted_entries(map).into_iter().for_each(&mut write);
        }
    }

    fn entry(&mut self, entry: &Entry, indent: usize) {
        let key = entry.key.as_str();
        if is_word(key) {
            self.out.push_str(key);
        } else if is_simple_key(key) {
            self.text(key, indent + 2, true);
        } else {
            self.out.push_str("? ");
            self.text(key, indent + 2, false);
            self.new_line(indent);
            self.out.push(':');
            return self.complex_value(&entry.value, indent);
        }
        self.out.push(':');
        self.value(&entry.value, indent);
    }

    /// Writes what follows `key:`.
    fn value(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Map(map) if !map.is_empty() => self.map(map, indent + 2, false),
            Value::Seq(items) if !items.is_empty() => self.seq(items, indent, false),
            _ => {
                self.out.push(' ');
                self.leaf(node, indent + 2);
            }
        }
    }

    /// Writes what follows the `:` of a complex key: collections go on the same line.
    fn complex_value(&mut self, node: &Node, indent: usize) {
        self.out.push(' ');
        match &node.value {
            Value::Map(map) if !map.is_empty() => self.map(map, indent + 2, true),
            Value::Seq(items) if !items.is_empty() => self.seq(items, indent + 2, true),
            _ => self.leaf(node, indent + 2),
        }
    }

    fn seq(&mut self, items: &[Node], indent: usize, compact: bool) {
        for (at, item) in items.iter().enumerate() {
            if at > 0 || !compact {
                self.new_line(indent);
            }
            self.out.push_str("- ");
            match &item.value {
                Value::Map(map) if !map.is_empty() => self.map(map, indent + 2, true),
                Value::Seq(items) if !items.is_empty() => self.seq(items, indent + 2, true),
                _ => self.leaf(item, indent + 2),
            }
        }
    }

    /// Writes a scalar or an empty collection at the current column.
    fn leaf(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Map(_) => self.out.push_str("{}"),
            Value::Seq(_) => self.out.push_str("[]"),
            Value::Scalar(scalar) => self.scalar(scalar, indent),
        }
    }

    fn scalar(&mut self, scalar: &Scalar, indent: usize) {
        match scalar.kind {
            ScalarKind::Null => self.out.push_str("null"),
            ScalarKind::Bool => {
                self.out.push_str(if bool_value(&scalar.text) {
                    "true"
                } else {
                    "false"
                });
            }
            ScalarKind::Int if is_decimal(&scalar.text) => self.out.push_str(&scalar.text),
            ScalarKind::Int | ScalarKind::Float => match scalar.as_number() {
                Some(number) => self.out.push_str(&number.to_yaml()),
                None => self.text(&scalar.text, indent, false),
            },
            ScalarKind::Str if !scalar.folded => self.text(&scalar.text, indent, false),
            ScalarKind::Str | ScalarKind::Timestamp => {
                let text: SmolStr = scalar.as_str().unwrap_or_default();
                self.text(&text, indent, false);
            }
        }
    }

    /// Writes a string; `indent` is where its continuation lines start.
    fn text(&mut self, text: &str, indent: usize, simple_key: bool) {
        if is_word(text) {
            self.out.push_str(text);
        } else {
            self.styled(text, indent, simple_key);
        }
    }

    fn styled(&mut self, text: &str, indent: usize, simple_key: bool) {
        let analysis = analyze(text);
        let wanted = if text.contains('\n') {
            Style::Literal
        } else if needs_quotes(text) {
            Style::DoubleQuoted
        } else {
            Style::Plain
        };
        match analysis.select(wanted, simple_key, text.is_empty()) {
            Style::Plain => self.folded(text, indent, simple_key),
            Style::SingleQuoted => self.single_quoted(text, indent, simple_key),
            Style::DoubleQuoted => self.double_quoted(text, indent, simple_key),
            Style::Literal => self.literal(text, indent),
        }
    }

    fn folded(&mut self, text: &str, indent: usize, simple_key: bool) {
        if simple_key || text.len() + self.out.len() - self.line_start <= BEST_WIDTH {
            self.out.push_str(text);
            return;
        }
        let mut column = self.column();
        let mut spaces = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' ' {
                if !spaces && column > BEST_WIDTH && chars.peek() != Some(&' ') {
                    self.new_line(indent);
                    column = indent;
                } else {
                    self.out.push(' ');
                    column += 1;
                }
                spaces = true;
            } else {
                self.out.push(c);
                column += 1;
                spaces = false;
            }
        }
    }

    fn single_quoted(&mut self, text: &str, indent: usize, simple_key: bool) {
        self.out.push('\'');
        let mut column = self.column();
        let (mut spaces, mut breaks) = (false, false);
        for (at, c) in text.char_indices() {
            if c == ' ' {
                let rest = &text[at + 1..];
                let fold = !simple_key && !spaces && column > BEST_WIDTH;
                if fold && at > 0 && !rest.is_empty() && !rest.starts_with(' ') {
                    self.new_line(indent);
                    column = indent;
                } else {
                    self.out.push(' ');
                    column += 1;
                }
                spaces = true;
            } else if is_other_break(c) {
                self.out.push(c);
                column = 0;
                breaks = true;
            } else {
                if breaks {
                    self.pad(indent);
                    column = indent;
                }
                if c == '\'' {
                    self.out.push('\'');
                    column += 1;
                }
                self.out.push(c);
                column += 1;
                (spaces, breaks) = (false, false);
            }
        }
        self.out.push('\'');
    }

    fn double_quoted(&mut self, text: &str, indent: usize, simple_key: bool) {
        self.out.push('"');
        let mut column = self.column();
        let mut spaces = false;
        // go-yaml looks for a byte order mark at the start, whatever character it is at.
        let escapes_all = text.starts_with('\u{feff}');
        for (at, c) in text.char_indices() {
            if c == ' ' && !escapes_all {
                let rest = &text[at + 1..];
                if !simple_key && !spaces && column > BEST_WIDTH && at > 0 && !rest.is_empty() {
                    self.new_line(indent);
                    column = indent;
                    if rest.starts_with(' ') {
                        self.out.push('\\');
                        column += 1;
                    }
                } else {
                    self.out.push(' ');
                    column += 1;
                }
                spaces = true;
                continue;
            }
            let before = self.out.len();
            push_double_quoted(self.out, c, escapes_all);
            column += if self.out.len() - before == c.len_utf8() {
                1
            } else {
                self.out.len() - before
            };
            spaces = false;
        }
        self.out.push('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            self.out.push('2');
        }
        let mut ending = text.chars().rev();
        match (ending.next().is_some_and(is_break), ending.next()) {
            (false, _) => self.out.push('-'),
            (true, None) => self.out.push('+'),
            (true, Some(c)) if is_break(c) => self.out.push('+'),
            _ => {}
        }
        self.out.push('\n');
        let mut line_begins = true;
        for line in text.split_inclusive(is_break) {
            let content = line.trim_end_matches(is_break);
            if !content.is_empty() {
                if line_begins {
                    self.pad(indent);
                }
                self.out.push_str(content);
            }
            self.out.push_str(&line[content.len()..]);
            line_begins = line.len() > content.len();
        }
        // The next key starts a line of its own in any case.
        if text.ends_with('\n') {
            self.out.pop();
        }
        self.line_start = self.out.len();
    }

    fn new_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.line_start = self.out.len();
        self.pad(indent);
    }

    fn pad(&mut self, indent: usize) {
        const SPACES: &str = "                                                                ";
        let mut left = indent;
        while left > 0 {
            let some = left.min(SPACES.len());
            self.out.push_str(&SPACES[..some]);
            left -= some;
        }
    }

    fn column(&self) -> usize {
        self.out[self.line_start..].chars().count()
    }
}

/// Whether a text is one of those that nearly all are: short, of letters, digits and `._/:-`, and
/// nothing that YAML could take for something else. It is written as it is, in a key too.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    let is_inside =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':');
    first.is_ascii_alphanumeric()
        && *last != b':'
        && bytes.len() <= SIMPLE_KEY_BYTES
        && bytes.iter().all(is_inside)
        && !needs_quotes(text)
}

/// Whether an integer is written as it is printed: decimal, without a leading zero or a sign.
fn is_decimal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_short = matches!(bytes.len(), 1..=18);
    is_short && bytes.iter().all(u8::is_ascii_digit) && (bytes[0] != b'0' || bytes.len() == 1)
}

fn is_simple_key(key: &str) -> bool {
    key.len() <= SIMPLE_KEY_BYTES && !key.contains(is_break)
}

fn is_break(c: char) -> bool {
    c == '\n' || c == '\r' || is_other_break(c)
}

fn is_other_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn push_double_quoted(out: &mut String, c: char, always: bool) {
    use std::fmt::Write as _;
    let is_raw = !always && super::scalar_style::is_printable(c);
    let escape = match c {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{a0}' if !is_raw => "\\_",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ if is_raw => {
            out.push(c);
            return;
        }
        _ => {
            let code = u32::from(c);
            let _ = match code {
                0..=0xff => write!(out, "\\x{code:02X}"),
                0x100..=0xffff => write!(out, "\\u{code:04X}"),
                _ => write!(out, "\\U{code:08X}"),
            };
            return;
        }
    };
    out.push_str(escape);
}

#[cfg(test)]
mod tests;
