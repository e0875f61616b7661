//! The tokens of a text with the comments between them. The parser's scanner finds the tokens; where
//! marks of blocks stand and where blocks end is found here, since comments go by that.

use granit_parser::{ScalarStyle, Scanner as Tokens, StrInput, TokenType};

use super::Style;
use super::comments::{Comment, Gap, Scanner};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    StreamStart,
    StreamEnd,
    Directive,
    DocumentStart,
    DocumentEnd,
    SequenceStart,
    MappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar(Style),
    /// What follows is no YAML.
    Broken,
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) text: String,
}

/// All tokens of a text up to a fault, and its comments; `None` for tags of one's own making.
pub(super) fn scan(text: &str) -> Option<(Vec<Token>, Vec<Comment>)> {
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    let mut scan = Scan {
        scanner: Scanner::new(text),
        tokens: Vec::new(),
        indents: Vec::new(),
        brackets: 0,
        from: 0,
        next: 0,
        ended: 0,
    };
    for token in Tokens::with_options(StrInput::new(text), options) {
        let Ok(token) = token else {
            scan.token(Kind::Broken, String::new(), text.len());
            break;
        };
        let (span, token) = token.into_parts();
        let (kind, text) = kind_of(token)?;
        scan.token(kind, text, span.end.byte_offset()?);
    }
    Some((scan.tokens, scan.scanner.found))
}

/// The state of the scan.
struct Scan<'t> {
    scanner: Scanner<'t>,
    tokens: Vec<Token>,
    /// How deep the open blocks are indented.
    indents: Vec<usize>,
    /// How many brackets are open.
    brackets: usize,
    /// Where the scan for the next token begins.
    from: usize,
    /// Where the next token stands: blanks and comments are behind.
    next: usize,
    /// How many blocks ended since the last token that stands in the text.
    ended: usize,
}

impl Scan<'_> {
    /// Takes a token. The parser says where scalars and brackets end, but not where the marks of
    /// blocks stand.
    fn token(&mut self, kind: Kind, text: String, end: usize) {
        let start = self.next;
        let end = match kind {
            Kind::Value | Kind::BlockEntry | Kind::Key => start + 1,
            Kind::Directive => self.scanner.end_of_line(start),
            _ => end,
        };
        let end = end.min(self.scanner.end());
        let is_written = match kind {
            Kind::BlockEnd | Kind::SequenceStart | Kind::MappingStart => false,
            Kind::Key => self.scanner.is_question(start, self.brackets > 0),
            _ => true,
        };
        if kind != Kind::BlockEnd {
            self.end_blocks(kind, start);
        }
        match kind {
            Kind::SequenceStart | Kind::MappingStart => {
                self.indents.push(self.scanner.column(start));
            }
            Kind::FlowSequenceStart | Kind::FlowMappingStart => self.brackets += 1,
            Kind::FlowSequenceEnd | Kind::FlowMappingEnd => {
                self.brackets = self.brackets.saturating_sub(1);
            }
            Kind::BlockEnd => self.ended += 1,
            _ => {}
        }
        self.tokens.push(Token { kind, start, text });
        if is_written {
            self.look_behind(kind, end);
        }
    }

    /// Takes the comments behind the last token.
    fn look_behind(&mut self, kind: Kind, end: usize) {
        let last = self.tokens.len() - 1;
        let before = last.saturating_sub(1);
        let from = match kind {
            Kind::Scalar(Style::None) => self.scanner.skip_blanks(end),
            Kind::Scalar(Style::Literal | Style::Folded) => {
                let start = self.tokens[last].start;
                self.scanner.header(start);
                self.scanner.skip_blanks(end)
            }
            _ => end,
        };
        // A comment behind a key or a comma belongs to what is before.
        let goes_back = kind == Kind::Value && self.brackets == 0
            || kind == Kind::FlowEntry && self.brackets > 0;
        let owner = if goes_back { before } else { last };
        let has_none = matches!(
            kind,
            Kind::StreamStart
                | Kind::BlockEntry
                | Kind::DocumentStart
                | Kind::DocumentEnd
                | Kind::Directive
        );
        self.from = if has_none {
            from
        } else {
            self.scanner.line(from, self.tokens[owner].start)
        };
        let owner = if kind == Kind::FlowEntry {
            before
        } else {
            last
        };
        self.next = self.scanner.gap(Gap {
            from: self.from,
            token: self.tokens[owner].start,
            is_value: self.tokens[owner].kind == Kind::Value,
            indent: self.indents.last().copied().unwrap_or_default(),
            in_brackets: self.brackets > 0,
        });
    }

    /// Says where the blocks end that end before a token.
    fn end_blocks(&mut self, kind: Kind, start: usize) {
        let column = self.scanner.column(start);
        let ends_all = matches!(
            kind,
            Kind::StreamEnd | Kind::DocumentStart | Kind::DocumentEnd | Kind::Directive
        );
        let mut end = self.from.saturating_sub(1);
        let mut is_rest = false;
        // They stand behind each other: nothing but their ends lies between them.
        let first = self.tokens.len() - self.ended;
        for token in &mut self.tokens[first..] {
            let indent = self.indents.pop().unwrap_or_default();
            if ends_all && !is_rest && indent <= column {
                is_rest = true;
                end = start.saturating_sub(1);
            }
            end = self.scanner.end_of_block(end, indent);
            token.start = end;
        }
        self.ended = 0;
    }
}

fn kind_of(token: TokenType<'_>) -> Option<(Kind, String)> {
    let kind = match token {
        TokenType::StreamStart => Kind::StreamStart,
        TokenType::StreamEnd => Kind::StreamEnd,
        TokenType::VersionDirective(..) => Kind::Directive,
        TokenType::DocumentStart => Kind::DocumentStart,
        TokenType::DocumentEnd => Kind::DocumentEnd,
        TokenType::BlockSequenceStart => Kind::SequenceStart,
        TokenType::BlockMappingStart => Kind::MappingStart,
        TokenType::BlockEnd => Kind::BlockEnd,
        TokenType::FlowSequenceStart => Kind::FlowSequenceStart,
        TokenType::FlowSequenceEnd => Kind::FlowSequenceEnd,
        TokenType::FlowMappingStart => Kind::FlowMappingStart,
        TokenType::FlowMappingEnd => Kind::FlowMappingEnd,
        TokenType::BlockEntry => Kind::BlockEntry,
        TokenType::FlowEntry => Kind::FlowEntry,
        TokenType::Key => Kind::Key,
        TokenType::Value => Kind::Value,
        TokenType::Alias(name) => return Some((Kind::Alias, name.into_owned())),
        TokenType::Anchor(name) => return Some((Kind::Anchor, name.into_owned())),
        TokenType::Tag(handle, suffix) => {
            let tag = format!("{handle}{suffix}");
            let short = match tag.strip_prefix("tag:yaml.org,2002:") {
                Some(name) => format!("!!{name}"),
                None => tag,
            };
            return Some((Kind::Tag, short));
        }
        TokenType::Scalar(style, text) => {
            let style = match style {
                ScalarStyle::Plain => Style::None,
                ScalarStyle::SingleQuoted => Style::SingleQuoted,
                ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                ScalarStyle::Literal => Style::Literal,
                ScalarStyle::Folded => Style::Folded,
            };
            return Some((Kind::Scalar(style), text.into_owned()));
        }
        // Tags of one's own making.
        _ => return None,
    };
    Some((kind, String::new()))
}
