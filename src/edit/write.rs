//! Writes new values in the manner of the text around them: block or flow, its indentation, its
//! quotes, JSON where the file is JSON.

use granit_parser::ScalarStyle;

use super::layout::{Page, Part, Shape, column, is_first_on_line, line_start};
use crate::manifest::emit::emit;
use crate::manifest::{Node, Scalar, ScalarKind, Value};

/// How new text is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// The file is JSON, so that every key and text stands in double quotes.
    pub(super) json: bool,
    /// Blanks by which a mapping in a mapping is indented.
    pub(super) step: usize,
    /// Blanks by which a list in a mapping is indented: 0, or as a mapping.
    pub(super) list: usize,
    /// Line break of the file.
    pub(super) newline: &'static str,
}

impl Manner {
    /// Finds out how a text is written.
    pub(super) fn of(text: &str, pages: &[Page]) -> Self {
        let mut seen = (None, None);
        for root in pages.iter().filter_map(|page| page.root.as_ref()) {
            indents(text, root, &mut seen);
        }
        let json = text.trim_start().starts_with(['{', '['])
            && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        Self {
            json,
            step: seen.0.unwrap_or(2),
            list: seen.1.unwrap_or(0),
            newline: if text.contains("\r\n") { "\r\n" } else { "\n" },
        }
    }

    /// Writes a scalar. `old` is the style of the one that it takes the place of.
    pub(super) fn scalar(self, scalar: &Scalar, old: Option<ScalarStyle>, flow: bool) -> String {
        if scalar.kind != ScalarKind::Str {
            return scalar.text.to_string();
        }
        let text = scalar.text.as_str();
        let has_control = text.chars().any(char::is_control);
        match old {
            _ if self.json => json_string(text),
            Some(ScalarStyle::DoubleQuoted) => json_string(text),
            Some(ScalarStyle::SingleQuoted) if !has_control => single_quoted(text),
            _ => plain_or_quoted(text, flow),
        }
    }

    /// Writes a value behind a key or a dash whose own column is `column`, with the blank or the
    /// line break that goes before it.
    pub(super) fn block_value(self, value: &Node, column: usize, in_map: bool, out: &mut String) {
        match &value.value {
            Value::Scalar(scalar) => {
                out.push(' ');
                out.push_str(&self.scalar(scalar, None, false));
            }
            Value::Map(map) if map.is_empty() => out.push_str(" {}"),
            Value::Seq(items) if items.is_empty() => out.push_str(" []"),
            Value::Map(_) => {
                let inner = column + self.step;
                self.new_line(inner, out);
                self.block_content(value, inner, out);
            }
            Value::Seq(_) => {
                let inner = column + if in_map { self.list } else { self.step };
                self.new_line(inner, out);
                self.block_content(value, inner, out);
            }
        }
    }

    /// Writes a value whose first byte stands at `column`, without a line break behind it.
    pub(super) fn block_content(self, value: &Node, column: usize, out: &mut String) {
        match &value.value {
            Value::Scalar(scalar) => out.push_str(&self.scalar(scalar, None, false)),
            Value::Map(map) => {
                for (at, entry) in map.iter().enumerate() {
                    if at > 0 {
                        self.new_line(column, out);
                    }
                    out.push_str(&self.key(&entry.key, false));
                    out.push(':');
                    self.block_value(&entry.value, column, true, out);
                }
            }
            Value::Seq(items) => {
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.new_line(column, out);
                    }
                    out.push_str("- ");
                    self.block_content(item, column + 2, out);
                }
            }
        }
    }

    /// Writes a value in brackets; over several lines where the column of its own line is given.
    pub(super) fn flow(self, value: &Node, lines: Option<usize>, out: &mut String) {
        let (open, close, count) = match &value.value {
            Value::Scalar(scalar) => {
                out.push_str(&self.scalar(scalar, None, true));
                return;
            }
            Value::Map(map) => ('{', '}', map.len()),
            Value::Seq(items) => ('[', ']', items.len()),
        };
        let inner = lines.filter(|_| count > 0).map(|column| column + self.step);
        out.push(open);
        for at in 0..count {
            match inner {
                Some(column) => self.new_line(column, out),
                None if at > 0 => out.push(' '),
                None => {}
            }
            match &value.value {
                Value::Map(map) => {
                    if let Some(entry) = map.iter().nth(at) {
                        out.push_str(&self.key(&entry.key, true));
                        out.push_str(": ");
                        self.flow(&entry.value, inner, out);
                    }
                }
                Value::Seq(items) => self.flow(&items[at], inner, out),
                Value::Scalar(_) => {}
            }
            if at + 1 < count {
                out.push(',');
            }
        }
        if let (Some(column), Some(_)) = (lines, inner) {
            self.new_line(column, out);
        }
        out.push(close);
    }

    /// Writes a key.
    pub(super) fn key(self, key: &str, flow: bool) -> String {
        self.scalar(&Scalar::string(key), None, flow)
    }

    fn new_line(self, column: usize, out: &mut String) {
        out.push_str(self.newline);
        out.extend(std::iter::repeat_n(' ', column));
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

/// As kustomize writes a text, on one line.
fn plain_or_quoted(text: &str, flow: bool) -> String {
    let written = emit(&Node::string(text, crate::manifest::Span::NONE));
    let written = written.trim_end_matches('\n');
    // The emitter folds long texts, and writes texts of several lines as blocks.
    if written.contains('\n') || written.starts_with('|') {
        return json_string(text);
    }
    let is_plain = !written.starts_with(['"', '\'']);
    if is_plain && flow && text.contains([',', '[', ']', '{', '}']) {
        return single_quoted(text);
    }
    written.to_owned()
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text in double quotes. JSON's escapes are YAML's too.
fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANNER: Manner = Manner {
        json: false,
        step: 2,
        list: 0,
        newline: "\n",
    };

    #[test]
    fn texts_are_quoted_where_they_would_be_read_as_something_else() {
        for (text, plain, flow) in [
            ("v1.2.3", "v1.2.3", "v1.2.3"),
            ("1.10", "\"1.10\"", "\"1.10\""),
            ("1e3", "\"1e3\"", "\"1e3\""),
            ("20240101", "\"20240101\"", "\"20240101\""),
            ("on", "\"on\"", "\"on\""),
            ("a,b", "a,b", "'a,b'"),
            ("a: b", "'a: b'", "'a: b'"),
            ("", "\"\"", "\"\""),
            ("a\nb", "\"a\\nb\"", "\"a\\nb\""),
        ] {
            assert_eq!(MANNER.scalar(&Scalar::string(text), None, false), plain);
            assert_eq!(MANNER.scalar(&Scalar::string(text), None, true), flow);
        }
    }

    #[test]
    fn the_style_of_the_old_text_is_kept_where_it_can_be() {
        let write = |text: &str, old| MANNER.scalar(&Scalar::string(text), Some(old), false);
        assert_eq!(write("v1", ScalarStyle::DoubleQuoted), "\"v1\"");
        assert_eq!(write("it's", ScalarStyle::SingleQuoted), "'it''s'");
        assert_eq!(write("a\tb", ScalarStyle::SingleQuoted), "\"a\\tb\"");
        assert_eq!(write("v1", ScalarStyle::Plain), "v1");
        assert_eq!(write("v1", ScalarStyle::Literal), "v1");
    }
}
