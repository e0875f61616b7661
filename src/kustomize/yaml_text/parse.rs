//! Reads a document with its comments: which comment goes to which node is go-yaml's rule.

use super::comments::Comment;
use super::tokens::{Kind, Token, scan};
use super::{Comments, Document, Piece, Shape, Style, implied_tag};

/// How deep collections may be nested.
const DEPTH: usize = 200;

/// Reads the first document of a text.
pub(super) fn parse(text: &str) -> Option<Document> {
    let (tokens, comments) = scan(text)?;
    let mut parser = Parser {
        tokens,
        at: 0,
        comments: comments.into_iter().peekable(),
        waiting: Comments::default(),
        stem: String::new(),
        depth: 0,
    };
    parser.document()
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    comments: std::iter::Peekable<std::vec::IntoIter<Comment>>,
    /// Comments that were met, for the next node that takes some.
    waiting: Comments,
    /// What stands above the dash of an element that is a collection.
    stem: String,
    depth: usize,
}

impl Parser {
    /// The next token. What comments were met up to it wait from now on.
    fn peek(&mut self) -> Option<Kind> {
        let token = self.tokens.get(self.at)?;
        // go-yaml reads two tokens ahead.
        let ahead = self.tokens[self.at..].iter().take(3);
        if ahead.into_iter().any(|token| token.kind == Kind::Broken) {
            return None;
        }
        while let Some(comment) = self.comments.peek() {
            let waits = !comment.head.is_empty() && token.kind == Kind::BlockEnd;
            if token.start < comment.token || waits {
                break;
            }
            for (waiting, text) in [
                (&mut self.waiting.head, &comment.head),
                (&mut self.waiting.foot, &comment.foot),
                (&mut self.waiting.line, &comment.line),
            ] {
                if !text.is_empty() && !waiting.is_empty() {
                    waiting.push('\n');
                }
                waiting.push_str(text);
            }
            self.comments.next();
        }
        Some(token.kind)
    }

    fn skip(&mut self) {
        self.at += 1;
    }

    fn take(&mut self) -> Comments {
        self.stem.clear();
        std::mem::take(&mut self.waiting)
    }

    fn document(&mut self) -> Option<Document> {
        self.peek()?;
        self.skip();
        let mut head = String::new();
        let mut kind = self.peek()?;
        let is_explicit = matches!(kind, Kind::Directive | Kind::DocumentStart);
        while kind == Kind::Directive {
            self.skip();
            kind = self.peek()?;
        }
        if is_explicit {
            if kind != Kind::DocumentStart {
                return None;
            }
            self.skip();
            kind = self.peek()?;
        } else if kind == Kind::StreamEnd {
            return None;
        } else {
            head = self.document_head();
        }
        let is_end = matches!(
            kind,
            Kind::Directive | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd
        );
        let root = if is_explicit && is_end {
            empty()
        } else {
            self.node(true, false)?
        };
        self.peek()?;
        let comments = self.take();
        let foot = if comments.foot.is_empty() {
            comments.head
        } else {
            comments.foot
        };
        Some(Document { root, head, foot })
    }

    /// What stands above the last blank line of the comments at the top is the document's.
    fn document_head(&mut self) -> String {
        let waiting = &mut self.waiting.head;
        let bytes = waiting.as_bytes();
        for at in (1..bytes.len()).rev().filter(|at| bytes[*at] == b'\n') {
            let end = if at + 1 == bytes.len() {
                at
            } else if bytes[at - 1] == b'\n' {
                at - 1
            } else {
                continue;
            };
            let rest = waiting.split_off(at + 1);
            let mut head = std::mem::replace(waiting, rest);
            head.truncate(end);
            return head;
        }
        String::new()
    }

    fn node(&mut self, block: bool, indentless: bool) -> Option<Piece> {
        let mut kind = self.peek()?;
        if kind == Kind::Alias {
            let mut alias = Piece::made(Shape::Alias);
            alias.value.clone_from(&self.tokens[self.at].text);
            alias.comments = self.take();
            self.skip();
            return Some(alias);
        }
        let (mut anchor, mut tag) = (String::new(), None);
        while matches!(kind, Kind::Anchor | Kind::Tag) {
            let text = std::mem::take(&mut self.tokens[self.at].text);
            match kind {
                Kind::Anchor => anchor = text,
                _ => tag = Some(text),
            }
            self.skip();
            kind = self.peek()?;
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut piece = match kind {
            Kind::BlockEntry if indentless => self.sequence(true)?,
            Kind::Scalar(style) => self.scalar(style),
            Kind::FlowSequenceStart => self.flow_sequence()?,
            Kind::FlowMappingStart => self.flow_mapping()?,
            Kind::SequenceStart if block => self.sequence(false)?,
            Kind::MappingStart if block => self.mapping()?,
            _ if !anchor.is_empty() || tag.is_some() => empty(),
            _ => return None,
        };
        self.depth -= 1;
        piece.anchor = anchor;
        if let Some(tag) = tag.filter(|tag| tag != "!") {
            piece.tag = tag;
            piece.is_tagged = true;
        }
        Some(piece)
    }

    fn scalar(&mut self, style: Style) -> Piece {
        let value = std::mem::take(&mut self.tokens[self.at].text);
        let tag = match style {
            Style::None if value == "<<" => "!!merge",
            Style::None => implied_tag(&value),
            _ => "!!str",
        };
        let comments = self.take();
        self.skip();
        Piece {
            tag: tag.to_owned(),
            style,
            value,
            comments,
            ..Piece::default()
        }
    }

    /// A sequence on lines of its own; one below a key may stand no deeper than it.
    fn sequence(&mut self, indentless: bool) -> Option<Piece> {
        let mut list = collection(Shape::Seq, Style::None);
        if !indentless {
            list.comments.head = std::mem::take(&mut self.stem);
            self.skip();
        }
        loop {
            let kind = self.peek()?;
            if kind == Kind::BlockEntry {
                let above = self.waiting.head.len();
                self.skip();
                self.split_stem(above)?;
                let is_empty = match self.peek()? {
                    Kind::BlockEntry | Kind::BlockEnd => true,
                    Kind::Key | Kind::Value => indentless,
                    _ => false,
                };
                let item = if is_empty {
                    empty()
                } else {
                    self.node(true, false)?
                };
                list.content.push(item);
            } else if indentless {
                return Some(list);
            } else if kind == Kind::BlockEnd {
                self.skip();
                return Some(list);
            } else {
                return None;
            }
        }
    }

    /// What stands above the dash of a collection is the collection's, and not its first entry's.
    fn split_stem(&mut self, above: usize) -> Option<()> {
        if above == 0 {
            return Some(());
        }
        if matches!(self.peek()?, Kind::SequenceStart | Kind::MappingStart) {
            let rest = self.waiting.head.split_off(above);
            self.stem = std::mem::take(&mut self.waiting.head);
            rest.get(1..)
                .unwrap_or_default()
                .clone_into(&mut self.waiting.head);
        }
        Some(())
    }

    fn mapping(&mut self) -> Option<Piece> {
        let mut map = collection(Shape::Map, Style::None);
        map.comments.head = std::mem::take(&mut self.stem);
        self.skip();
        loop {
            match self.peek()? {
                Kind::Key => self.skip(),
                Kind::BlockEnd => break,
                _ => return None,
            }
            let key = self.block_part()?;
            add_key(&mut map, key, true);
            let value = match self.peek()? {
                Kind::Value => {
                    self.skip();
                    self.block_part()?
                }
                _ => empty(),
            };
            add_value(&mut map, value);
        }
        self.end(&mut map);
        let foot = std::mem::take(&mut map.comments.foot);
        match map.content.iter_mut().nth_back(1) {
            Some(key) if !foot.is_empty() => key.comments.foot = foot,
            _ => map.comments.foot = foot,
        }
        Some(map)
    }

    /// A key or a value of a mapping on lines of its own.
    fn block_part(&mut self) -> Option<Piece> {
        match self.peek()? {
            Kind::Key | Kind::Value | Kind::BlockEnd => Some(empty()),
            _ => self.node(true, true),
        }
    }

    /// Takes the end of a collection with its comments.
    fn end(&mut self, piece: &mut Piece) {
        let comments = self.take();
        self.skip();
        piece.comments.line = comments.line;
        piece.comments.foot = comments.foot;
    }

    fn flow_sequence(&mut self) -> Option<Piece> {
        let mut list = collection(Shape::Seq, Style::Flow);
        list.comments = self.take();
        self.skip();
        loop {
            let mut kind = self.peek()?;
            if kind != Kind::FlowSequenceEnd && !list.content.is_empty() {
                if kind != Kind::FlowEntry {
                    return None;
                }
                self.skip();
                kind = self.peek()?;
            }
            match kind {
                Kind::FlowSequenceEnd => break,
                Kind::Key => {
                    self.skip();
                    let pair = self.single_pair()?;
                    list.content.push(pair);
                }
                _ => {
                    let item = self.node(false, false)?;
                    list.content.push(item);
                }
            }
        }
        self.end(&mut list);
        Some(list)
    }

    /// A mapping of one key that stands in a list without brackets of its own.
    fn single_pair(&mut self) -> Option<Piece> {
        let mut pair = collection(Shape::Map, Style::Flow);
        let key = self.flow_part(Kind::FlowSequenceEnd)?;
        add_key(&mut pair, key, false);
        let value = match self.peek()? {
            Kind::Value => {
                self.skip();
                self.flow_part(Kind::FlowSequenceEnd)?
            }
            _ => empty(),
        };
        add_value(&mut pair, value);
        Some(pair)
    }

    fn flow_mapping(&mut self) -> Option<Piece> {
        let mut map = collection(Shape::Map, Style::Flow);
        map.comments = self.take();
        self.skip();
        loop {
            let mut kind = self.peek()?;
            if kind != Kind::FlowMappingEnd && !map.content.is_empty() {
                if kind != Kind::FlowEntry {
                    return None;
                }
                self.skip();
                kind = self.peek()?;
            }
            match kind {
                Kind::FlowMappingEnd => break,
                Kind::Key => {
                    self.skip();
                    let key = self.flow_part(Kind::FlowMappingEnd)?;
                    add_key(&mut map, key, false);
                    let value = match self.peek()? {
                        Kind::Value => {
                            self.skip();
                            self.flow_part(Kind::FlowMappingEnd)?
                        }
                        _ => empty(),
                    };
                    add_value(&mut map, value);
                }
                _ => {
                    let key = self.node(false, false)?;
                    add_key(&mut map, key, false);
                    self.peek()?;
                    add_value(&mut map, empty());
                }
            }
        }
        self.end(&mut map);
        Some(map)
    }

    /// A key or a value in brackets.
    fn flow_part(&mut self, end: Kind) -> Option<Piece> {
        match self.peek()? {
            Kind::Value | Kind::FlowEntry => Some(empty()),
            kind if kind == end => Some(empty()),
            _ => self.node(false, false),
        }
    }
}

fn add_key(map: &mut Piece, mut key: Piece, block: bool) {
    // Below a value that is indented deeper, it is that value's.
    if block
        && !key.comments.foot.is_empty()
        && let Some(prior) = map.content.iter_mut().nth_back(1)
    {
        prior.comments.foot = std::mem::take(&mut key.comments.foot);
    }
    map.content.push(key);
}

fn add_value(map: &mut Piece, mut value: Piece) {
    if let Some(key) = map.content.last_mut()
        && key.comments.foot.is_empty()
    {
        key.comments.foot = std::mem::take(&mut value.comments.foot);
    }
    map.content.push(value);
}

fn collection(shape: Shape, style: Style) -> Piece {
    let tag = if shape == Shape::Map {
        "!!map"
    } else {
        "!!seq"
    };
    Piece {
        shape,
        style,
        tag: tag.to_owned(),
        ..Piece::default()
    }
}

/// A value that is not there.
fn empty() -> Piece {
    Piece {
        tag: "!!null".to_owned(),
        ..Piece::default()
    }
}
