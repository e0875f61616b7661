//! In which ways a text may be written, as go-yaml 3 sees it.

use super::{Piece, Shape, Style, implied_tag};

/// The longest key that is written on one line.
const KEY_BYTES: usize = 128;

/// How a text may be written.
#[expect(clippy::struct_excessive_bools, reason = "one for each way")]
pub(super) struct Allowed {
    pub(super) flow_plain: bool,
    pub(super) block_plain: bool,
    pub(super) single_quoted: bool,
    pub(super) block: bool,
    pub(super) has_breaks: bool,
}

impl Allowed {
    pub(super) fn of(value: &str) -> Self {
        if value.is_empty() {
            return Self {
                flow_plain: false,
                block_plain: true,
                single_quoted: true,
                block: false,
                has_breaks: false,
            };
        }
        let (flow_marks, block_marks) = marks(value);
        let chars: Vec<char> = value.chars().collect();
        let pair = |first: fn(char) -> bool, second: fn(char) -> bool| {
            chars.windows(2).any(|w| first(w[0]) && second(w[1]))
        };
        let is_space = |c: char| c == ' ';
        let break_space = pair(is_break, is_space);
        let space_break = pair(is_space, is_break);
        let is_edge = |c: Option<&char>| c.is_some_and(|c| *c == ' ' || is_break(*c));
        let edges = is_edge(chars.first()) || is_edge(chars.last());
        let special = chars.iter().any(|c| *c != '\t' && !is_printable(*c));
        let has_breaks = chars.iter().any(|c| is_break(*c));
        let odd = space_break || special || chars.contains(&'\t');
        let plain = !(edges || break_space || odd || has_breaks);
        Self {
            flow_plain: plain && !flow_marks,
            block_plain: plain && !block_marks,
            single_quoted: !(break_space || odd),
            block: !(space_break || special || chars.last() == Some(&' ')),
            has_breaks,
        }
    }
}

/// Whether a text holds characters that mean something, inside of brackets and outside.
fn marks(value: &str) -> (bool, bool) {
    let mut flow = value.starts_with("---") || value.starts_with("...");
    let mut block = flow;
    let mut before = None;
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        let blank_follows = chars.peek().is_none_or(|c| matches!(c, ' ' | '\t'));
        match (c, before) {
            (
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`',
                None,
            ) => (flow, block) = (true, true),
            ('?' | ':', None) | (':', Some(_)) => {
                flow = true;
                block |= blank_follows;
            }
            ('-', None) if blank_follows => (flow, block) = (true, true),
            (',' | '?' | '[' | ']' | '{' | '}', Some(_)) => flow = true,
            ('#', Some(before)) if matches!(before, ' ' | '\t') || is_break(before) => {
                (flow, block) = (true, true);
            }
            _ => {}
        }
        before = Some(c);
    }
    (flow, block)
}

/// The tag to write, if any, and whether the text needs quotes to stay one.
pub(super) fn tag_of(piece: &Piece) -> (String, bool) {
    if piece.tag.is_empty() || piece.is_tagged {
        return (piece.tag.clone(), false);
    }
    let is_text = piece.tag == "!!str";
    let is_quoted = !matches!(piece.style, Style::None | Style::Flow);
    let implied = match piece.shape {
        Shape::Scalar if is_text && is_quoted => "!!str",
        Shape::Scalar => implied_tag(&piece.value),
        Shape::Map => "!!map",
        Shape::Seq => "!!seq",
        Shape::Alias => "",
    };
    if implied == piece.tag || piece.shape == Shape::Alias {
        (String::new(), false)
    } else if is_text {
        (String::new(), true)
    } else {
        (piece.tag.clone(), false)
    }
}

/// Whether a key goes without a question mark.
pub(super) fn is_simple_key(key: &Piece) -> bool {
    let length = match key.shape {
        Shape::Scalar if key.value.contains(is_break) => return false,
        Shape::Scalar | Shape::Alias => key.value.len(),
        Shape::Map | Shape::Seq if key.content.is_empty() => 0,
        Shape::Map | Shape::Seq => return false,
    };
    length + key.anchor.len() + tag_of(key).0.len() <= KEY_BYTES
}

/// A character as double quotes hold it.
pub(super) fn escape(c: char) -> String {
    match c {
        '\0' => "\\0".to_owned(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{1b}' => "\\e".to_owned(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{a0}' => "\\_".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        c if u32::from(c) <= 0xff => format!("\\x{:02X}", u32::from(c)),
        c if u32::from(c) <= 0xffff => format!("\\u{:04X}", u32::from(c)),
        c => format!("\\U{:08X}", u32::from(c)),
    }
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}
