//! Writes a document as go-yaml 3 does for kustomize: two blanks of indentation, lists not
//! indented below their key, long lines left alone.

use super::scalar::{Allowed, escape, is_break, is_printable, is_simple_key, tag_of};
use super::{Comments, Document, Piece, Shape, Style};

/// Writes a whole document.
pub(super) fn document(document: &Document) -> String {
    let mut writer = Writer::default();
    let head = Comments {
        head: document.head.clone(),
        ..Comments::default()
    };
    writer.meet(&head);
    if !writer.waiting.head.is_empty() {
        writer.head_comment();
        writer.put_break();
    }
    writer.root(&document.root, &document.foot);
    writer.out
}

/// Writes a piece as a document of its own.
pub(super) fn piece(piece: &Piece) -> String {
    let mut writer = Writer::default();
    writer.root(piece, "");
    writer.out
}

/// Where a node stands, which decides how it may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Root,
    Item,
    Key,
    Value,
}

struct Writer {
    out: String,
    column: usize,
    /// -1 outside of everything.
    indent: isize,
    /// Whether the last character was a blank, or none is needed.
    is_blank: bool,
    /// Whether nothing but indentation and dashes is on the line.
    is_indention: bool,
    /// A blank line goes in before the next line that is indented this deep.
    foot_indent: isize,
    brackets: usize,
    /// Comments that were met and wait to be written.
    waiting: Comments,
    /// What stands below the value of the key before.
    tail: String,
    /// What stands beside a key whose value begins on the next line.
    key_line: String,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            out: String::new(),
            column: 0,
            indent: -1,
            is_blank: true,
            is_indention: true,
            foot_indent: -1,
            brackets: 0,
            waiting: Comments::default(),
            tail: String::new(),
            key_line: String::new(),
        }
    }
}

impl Writer {
    fn root(&mut self, root: &Piece, foot: &str) {
        self.start(root, "");
        self.head_comment();
        self.node(root, Position::Root);
        self.meet(&Comments {
            foot: foot.to_owned(),
            ..Comments::default()
        });
        self.foot_indent = 0;
        self.foot_comment();
        self.foot_indent = -1;
        self.write_indent();
    }

    /// Takes the comments of a node's beginning.
    fn start(&mut self, piece: &Piece, tail: &str) {
        let comments = &piece.comments;
        match piece.shape {
            Shape::Scalar | Shape::Alias => self.meet(comments),
            Shape::Map | Shape::Seq => self.meet(&Comments {
                head: comments.head.clone(),
                ..Comments::default()
            }),
        }
        if !tail.is_empty() && matches!(piece.shape, Shape::Scalar | Shape::Map) {
            tail.clone_into(&mut self.tail);
        }
    }

    /// Takes the comments of a collection's end.
    fn end(&mut self, piece: &Piece, tail: &str) {
        self.meet(&Comments {
            head: String::new(),
            ..piece.comments.clone()
        });
        if !tail.is_empty() {
            tail.clone_into(&mut self.tail);
        }
    }

    fn meet(&mut self, comments: &Comments) {
        for (waiting, text) in [
            (&mut self.waiting.head, &comments.head),
            (&mut self.waiting.line, &comments.line),
            (&mut self.waiting.foot, &comments.foot),
        ] {
            if !text.is_empty() {
                waiting.clone_from(text);
            }
        }
    }

    /// Writes a node whose beginning was met, and what stands beside and below it.
    fn node(&mut self, piece: &Piece, position: Position) {
        self.begin(piece, position);
        self.line_comment(false);
        self.foot_comment();
        self.rest(piece, position);
    }

    /// Writes a node that is a key: comments wait for its value.
    fn key(&mut self, piece: &Piece, position: Position) {
        self.begin(piece, position);
        self.rest(piece, position);
    }

    /// Writes a scalar, or what stands before a collection.
    fn begin(&mut self, piece: &Piece, position: Position) {
        let (tag, quoted) = tag_of(piece);
        match piece.shape {
            Shape::Alias => {
                self.indicator("*", true, false, false);
                self.write_word(&piece.value);
            }
            Shape::Scalar => {
                self.properties(piece, &tag);
                let style = self.style(piece, quoted, position == Position::Key);
                let indent = self.indent;
                self.increase(true, false);
                self.scalar(&piece.value, style);
                self.indent = indent;
            }
            Shape::Map | Shape::Seq => self.properties(piece, &tag),
        }
    }

    /// Writes what a collection holds.
    fn rest(&mut self, piece: &Piece, position: Position) {
        match piece.shape {
            Shape::Scalar | Shape::Alias => {}
            _ if self.brackets > 0 || piece.style == Style::Flow || piece.content.is_empty() => {
                self.flow(piece);
            }
            Shape::Map => self.block_map(piece),
            Shape::Seq => self.block_seq(piece, position),
        }
    }

    fn properties(&mut self, piece: &Piece, tag: &str) {
        if !piece.anchor.is_empty() {
            self.indicator("&", true, false, false);
            self.write_word(&piece.anchor);
        }
        if !tag.is_empty() {
            self.indicator(tag, true, false, false);
        }
    }

    fn block_seq(&mut self, list: &Piece, position: Position) {
        let indent = self.indent;
        let is_compact = matches!(position, Position::Key | Position::Value)
            && (self.column == 0 || !self.is_indention);
        self.increase(false, is_compact);
        for item in &list.content {
            self.start(item, "");
            self.head_comment();
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, Position::Item);
        }
        self.end(list, "");
        self.indent = indent;
    }

    fn block_map(&mut self, map: &Piece) {
        let indent = self.indent;
        self.increase(false, false);
        let mut tail = "";
        for pair in map.content.chunks_exact(2) {
            let (key, value) = (&pair[0], &pair[1]);
            self.start(&without_foot(key), tail);
            tail = &key.comments.foot;
            self.head_comment();
            self.write_indent();
            if !self.waiting.line.is_empty() {
                self.key_line = std::mem::take(&mut self.waiting.line);
            }
            if is_simple_key(key) {
                self.key(key, Position::Key);
                self.start(value, "");
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.key(key, Position::Value);
                self.start(value, "");
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.key_line_comment(value);
            self.node(value, Position::Value);
        }
        self.end(map, tail);
        self.head_comment();
        self.indent = indent;
    }

    /// What stands beside a key goes beside its value, or before it where that begins below.
    fn key_line_comment(&mut self, value: &Piece) {
        if self.key_line.is_empty() {
            return;
        }
        if value.shape == Shape::Scalar {
            if self.waiting.line.is_empty() {
                self.waiting.line = std::mem::take(&mut self.key_line);
            }
        } else if matches!(value.shape, Shape::Map | Shape::Seq) && value.style != Style::Flow {
            std::mem::swap(&mut self.waiting.line, &mut self.key_line);
            self.line_comment(false);
            std::mem::swap(&mut self.waiting.line, &mut self.key_line);
        }
    }

    /// A collection in brackets.
    fn flow(&mut self, piece: &Piece) {
        let is_map = piece.shape == Shape::Map;
        let indent = self.indent;
        let mut tail = "";
        let (mut first, mut has_comma) = (true, false);
        self.indicator(if is_map { "{" } else { "[" }, true, true, false);
        self.increase(true, false);
        self.brackets += 1;
        for parts in piece.content.chunks(if is_map { 2 } else { 1 }) {
            if is_map {
                self.start(&without_foot(&parts[0]), tail);
            } else {
                self.start(&parts[0], "");
            }
            if !first && !has_comma {
                self.indicator(",", false, false, false);
            }
            self.head_comment();
            if self.column == 0 {
                self.write_indent();
            }
            if let [key, value] = parts {
                tail = &key.comments.foot;
                let is_simple = is_simple_key(key);
                if is_simple {
                    self.key(key, Position::Key);
                } else {
                    self.indicator("?", true, false, false);
                    self.key(key, Position::Value);
                }
                self.start(value, "");
                self.indicator(":", !is_simple, false, false);
            }
            has_comma = self.has_trailing_comment();
            let position = if is_map {
                Position::Value
            } else {
                Position::Item
            };
            let last = &parts[parts.len() - 1];
            self.begin(last, position);
            if self.has_trailing_comment() {
                self.indicator(",", false, false, false);
            }
            self.line_comment(false);
            self.foot_comment();
            self.rest(last, position);
            first = false;
        }
        self.end(piece, tail);
        if is_map {
            let waits = !self.waiting.head.is_empty() || self.has_foot();
            if waits && !first && !has_comma {
                self.indicator(",", false, false, false);
            }
            self.head_comment();
        }
        self.brackets -= 1;
        self.indent = indent;
        if !is_map && self.column == 0 {
            self.write_indent();
        }
        self.indicator(if is_map { "}" } else { "]" }, false, false, false);
        self.line_comment(false);
        self.foot_comment();
    }

    fn has_foot(&self) -> bool {
        !self.waiting.foot.is_empty() || !self.tail.is_empty()
    }

    fn has_trailing_comment(&self) -> bool {
        !self.waiting.line.is_empty() || self.has_foot()
    }

    /// Goes deeper; a list that stands no deeper than its key stays.
    fn increase(&mut self, flow: bool, is_compact: bool) {
        self.indent = match self.indent {
            ..0 if flow => 2,
            ..0 => 0,
            indent if is_compact => indent,
            indent => indent + 2,
        };
    }

    fn style(&self, piece: &Piece, quoted: bool, is_key: bool) -> Style {
        let value = &piece.value;
        let allowed = Allowed::of(value);
        let mut style = match piece.style {
            Style::None | Style::Flow if value.contains('\n') => Style::Literal,
            Style::None | Style::Flow if quoted => Style::DoubleQuoted,
            Style::Flow => Style::None,
            style => style,
        };
        if is_key && allowed.has_breaks {
            style = Style::DoubleQuoted;
        }
        let plain = if self.brackets > 0 {
            allowed.flow_plain
        } else {
            allowed.block_plain
        };
        let needs_something = value.is_empty() && (self.brackets > 0 || is_key);
        if style == Style::None && (!plain || needs_something) {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !allowed.single_quoted {
            style = Style::DoubleQuoted;
        }
        let is_block = matches!(style, Style::Literal | Style::Folded);
        if is_block && (!allowed.block || self.brackets > 0 || is_key) {
            style = Style::DoubleQuoted;
        }
        style
    }

    fn scalar(&mut self, value: &str, style: Style) {
        match style {
            Style::None | Style::Flow => {
                if !value.is_empty() && !self.is_blank {
                    self.put(' ');
                }
                self.lines(value, false);
                if !value.is_empty() {
                    self.is_blank = false;
                }
                self.is_indention = false;
            }
            Style::SingleQuoted => {
                self.indicator("'", true, false, false);
                self.lines(value, true);
                self.indicator("'", false, false, false);
            }
            Style::DoubleQuoted => self.double_quoted(value),
            Style::Literal | Style::Folded => self.block(value, style),
        }
    }

    /// Text whose line breaks are doubled.
    fn lines(&mut self, value: &str, is_quoted: bool) {
        let mut breaks = false;
        for c in value.chars() {
            if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.write_break(c);
                breaks = true;
                continue;
            }
            if breaks && c != ' ' {
                self.write_indent();
            }
            if is_quoted && c == '\'' {
                self.put('\'');
            }
            self.put(c);
            if c != ' ' {
                self.is_indention = false;
                breaks = false;
            }
        }
    }

    fn double_quoted(&mut self, value: &str) {
        self.indicator("\"", true, false, false);
        for c in value.chars() {
            if is_printable(c) && c != '"' && c != '\\' && !is_break(c) {
                self.put(c);
                continue;
            }
            escape(c).chars().for_each(|c| self.put(c));
        }
        self.indicator("\"", false, false, false);
    }

    /// Text on lines of its own.
    fn block(&mut self, value: &str, style: Style) {
        let is_folded = style == Style::Folded;
        self.indicator(if is_folded { ">" } else { "|" }, true, false, false);
        if value.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            self.indicator("2", false, false, false);
        }
        let mut ends = value.chars().rev().map(is_break);
        match (ends.next(), ends.next()) {
            (None | Some(false), _) => self.indicator("-", false, false, false),
            (Some(true), None | Some(true)) => self.indicator("+", false, false, false),
            (Some(true), Some(false)) => {}
        }
        self.line_comment(true);
        self.is_blank = true;
        let (mut breaks, mut leading) = (true, true);
        let mut rest = value;
        while let Some(c) = rest.chars().next() {
            if is_break(c) {
                // Folding takes one break away; go-yaml looks for the text behind at its start.
                if is_folded && !breaks && !leading && c == '\n' {
                    let first = value.trim_start_matches(is_break).chars().next();
                    if first.is_some_and(|c| !matches!(c, ' ' | '\t')) {
                        self.put_break();
                    }
                }
                self.write_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                    leading = matches!(c, ' ' | '\t');
                }
                self.put(c);
                self.is_indention = false;
                breaks = false;
            }
            rest = &rest[c.len_utf8()..];
        }
    }

    fn head_comment(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        if !tail.is_empty() {
            self.write_indent();
            self.comment(&tail);
            self.foot_indent = self.indent.max(0);
        }
        let head = std::mem::take(&mut self.waiting.head);
        if !head.is_empty() {
            self.write_indent();
            self.comment(&head);
        }
    }

    fn line_comment(&mut self, line_break: bool) {
        let line = std::mem::take(&mut self.waiting.line);
        if line.is_empty() {
            if line_break {
                self.put_break();
            }
            return;
        }
        if !self.is_blank {
            self.put(' ');
        }
        self.comment(&line);
    }

    fn foot_comment(&mut self) {
        let foot = std::mem::take(&mut self.waiting.foot);
        if !foot.is_empty() {
            self.write_indent();
            self.comment(&foot);
            self.foot_indent = self.indent.max(0);
        }
    }

    fn comment(&mut self, comment: &str) {
        let (mut breaks, mut pound) = (false, false);
        for c in comment.chars() {
            if is_break(c) {
                self.write_break(c);
                (breaks, pound) = (true, false);
                continue;
            }
            if breaks {
                self.write_indent();
            }
            if !pound {
                if c != '#' {
                    self.put('#');
                    self.put(' ');
                }
                pound = true;
            }
            self.put(c);
            self.is_indention = false;
            breaks = false;
        }
        if !breaks {
            self.put_break();
        }
        self.is_blank = true;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.max(0);
        let column = isize::try_from(self.column).unwrap_or(isize::MAX);
        if !self.is_indention || column > indent || column == indent && !self.is_blank {
            self.put_break();
        }
        if self.foot_indent == indent {
            self.put_break();
        }
        while isize::try_from(self.column).unwrap_or(isize::MAX) < indent {
            self.put(' ');
        }
        self.is_blank = true;
        self.foot_indent = -1;
    }

    fn indicator(&mut self, text: &str, needs_blank: bool, is_blank: bool, is_indention: bool) {
        if needs_blank && !self.is_blank {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.is_blank = is_blank;
        self.is_indention &= is_indention;
    }

    fn write_word(&mut self, text: &str) {
        text.chars().for_each(|c| self.put(c));
        self.is_blank = false;
        self.is_indention = false;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.write_break('\n');
    }

    fn write_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.is_indention = true;
    }
}

fn without_foot(key: &Piece) -> Piece {
    let mut key = key.clone();
    key.comments.foot.clear();
    key
}
