//! Which style a string is written in: go-yaml 2's `yaml_emitter_analyze_scalar` and
//! `yaml_emitter_select_scalar_style`, for block context.

/// How a string is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// Which styles a string allows.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are libyaml's own")]
pub(super) struct Analysis {
    plain: bool,
    single_quoted: bool,
    block: bool,
    multiline: bool,
}

impl Analysis {
    /// Chooses the style nearest to the wanted one that the string allows.
    pub(super) fn select(self, wanted: Style, simple_key: bool, empty: bool) -> Style {
        let mut style = wanted;
        if simple_key && self.multiline {
            style = Style::DoubleQuoted;
        }
        if style == Style::Plain && (!self.plain || empty && simple_key) {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !self.single_quoted {
            style = Style::DoubleQuoted;
        }
        if style == Style::Literal && (!self.block || simple_key) {
            style = Style::DoubleQuoted;
        }
        style
    }
}

/// Finds out which styles a string allows.
pub(super) fn analyze(text: &str) -> Analysis {
    // Most strings are short words; they need no second look.
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Analysis {
            plain: true,
            single_quoted: true,
            block: true,
            multiline: false,
        };
    }
    if text.is_empty() {
        return Analysis {
            plain: true,
            single_quoted: true,
            block: false,
            multiline: false,
        };
    }
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut special, mut line_breaks) = (false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    let mut preceded_by_whitespace = true;
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        let followed_by_whitespace = chars.peek().is_none_or(|&next| next == ' ' || next == '\t');
        indicators |= match c {
            '#' => first || preceded_by_whitespace,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => first,
            '?' | '-' => first && followed_by_whitespace,
            ':' => followed_by_whitespace,
            _ => false,
        };
        special |= !is_printable(c);
        let is_break = matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        if c == ' ' {
            break_space |= previous_break;
            (previous_space, previous_break) = (true, false);
        } else if is_break {
            line_breaks = true;
            space_break |= previous_space;
            (previous_space, previous_break) = (false, true);
        } else {
            (previous_space, previous_break) = (false, false);
        }
        preceded_by_whitespace = is_break || matches!(c, ' ' | '\t' | '\0');
        first = false;
    }
    let leading = text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let trailing_space = previous_space;
    let plain = !(leading
        || trailing_space
        || previous_break
        || break_space
        || space_break
        || special
        || line_breaks
        || indicators);
    Analysis {
        plain,
        single_quoted: !(break_space || space_break || special),
        block: !(trailing_space || space_break || special),
        multiline: line_breaks,
    }
}

/// go-yaml 2's `is_printable`: no control characters but the newline, no byte order mark, and
/// nothing beyond the basic plane.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c,
        '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}
