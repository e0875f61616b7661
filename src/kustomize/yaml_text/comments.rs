//! Which comments a text has between two of its tokens, and to which place each belongs: go-yaml's
//! rules, which look at blank lines and at how deep a comment is indented.

/// A comment that waits for the token that it belongs to.
#[derive(Debug, Default)]
pub(super) struct Comment {
    /// The place from which on a token takes it.
    pub(super) token: usize,
    /// Where the scan began that found it.
    scan: usize,
    start: Place,
    end: usize,
    pub(super) head: String,
    pub(super) line: String,
    pub(super) foot: String,
}

/// A place: an offset, and what go-yaml takes for its line and column (from 1) there.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    at: usize,
    line: usize,
    column: usize,
}

/// What the scanner knows between two tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// Where the scan begins.
    pub(super) from: usize,
    /// Where the token before starts; before a comma, the token before that.
    pub(super) token: usize,
    /// Whether that token is the colon of a key.
    pub(super) is_value: bool,
    /// How deep the innermost block is indented.
    pub(super) indent: usize,
    /// Whether brackets are open.
    pub(super) in_brackets: bool,
}

/// Finds the comments of a text.
pub(super) struct Scanner<'t> {
    bytes: &'t [u8],
    lines: Vec<usize>,
    pub(super) found: Vec<Comment>,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let breaks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Self {
            bytes,
            lines: breaks.map(|(at, _)| at + 1).collect(),
            found: Vec::new(),
        }
    }

    /// Looks for a comment behind a token, on its line; returns where the scan goes on.
    pub(super) fn line(&mut self, from: usize, token: usize) -> usize {
        let mut at = from;
        while is_blank(self.byte(at)) {
            at += 1;
        }
        if self.breaks_before(from) > 0 || self.byte(at) != b'#' {
            return from;
        }
        let end = self.end_of_line(at);
        self.found.push(Comment {
            token,
            start: self.place(at),
            line: self.text(at, end),
            ..Comment::default()
        });
        end
    }

    /// Looks for a comment in the first line of a text on lines of its own.
    pub(super) fn header(&mut self, start: usize) {
        let rest = self.bytes.iter().skip(start + 1);
        let marks = rest.take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-'));
        let from = start + 1 + marks.count();
        self.line(from.min(self.bytes.len()), start);
    }

    /// Looks for comments in what lies before the next token; returns where that stands.
    pub(super) fn gap(&mut self, gap: Gap) -> usize {
        let mut at = gap.from;
        loop {
            while is_blank(self.byte(at)) {
                at += 1;
            }
            if self.byte(at) == b'#' {
                at = self.block(gap, at);
            }
            if !is_break(self.byte(at)) {
                return at.min(self.bytes.len());
            }
            at += 1;
        }
    }

    /// Takes a block of comments, blank lines between them included.
    fn block(&mut self, gap: Gap, at: usize) -> usize {
        let mut mark = at;
        let (mut line, mut column) = (self.place(mark).line, self.place(mark).column - 1);
        let breaks = self.breaks_before(mark);
        // A comment that starts here is still one of what is before it.
        let foot_line = (self.place(gap.from).line > 0)
            .then(|| line + 1 - breaks.min(line + 1) + usize::from(breaks == 0 && column > 1));
        let mut comment = Comment {
            scan: gap.from,
            token: gap.token,
            ..Comment::default()
        };
        let mut text = String::new();
        let mut start = Place::default();
        let (mut after_empty, mut first_empty) = (false, breaks <= 1);
        let mut ahead = 0;
        loop {
            let at = mark + ahead;
            ahead += 1;
            column += 1;
            let byte = self.byte(at);
            if is_blank(byte) {
                continue;
            }
            let closes = gap.in_brackets && matches!(byte, b']' | b'}');
            let is_left = start.column <= gap.indent;
            if closes || is_break(byte) || byte == 0 {
                if closes || !after_empty {
                    let below = Some(start.line) == foot_line && !gap.is_value;
                    if closes || first_empty && (below || is_left) {
                        if is_left {
                            comment.token = start.at;
                        }
                        self.foot(&mut comment, &mut text, start, at);
                    } else if !text.is_empty() && byte != 0 {
                        text.push('\n');
                    }
                }
                if !is_break(byte) {
                    break;
                }
                (first_empty, after_empty) = (false, true);
                column = 0;
                line += 1;
                continue;
            }
            if closes || column <= gap.indent && column != start.column {
                self.foot(&mut comment, &mut text, start, at);
            }
            if byte != b'#' {
                break;
            }
            if text.is_empty() {
                start = Place { at, line, column };
            } else {
                text.push('\n');
            }
            after_empty = false;
            mark = self.end_of_line(at);
            text.push_str(&self.text(at, mark));
            // go-yaml does not look at what ends the line, and counts it only with the next.
            ahead = 1;
            column = 0;
            line = self.place(mark).line;
        }
        if !text.is_empty() {
            comment.token = start.at;
            comment.start = start;
            comment.end = mark + ahead - 2;
            comment.head = text;
            self.found.push(comment);
        }
        mark
    }

    /// What was read so far stands below what is before it.
    fn foot(&mut self, comment: &mut Comment, text: &mut String, start: Place, at: usize) {
        if text.is_empty() {
            return;
        }
        self.found.push(Comment {
            token: comment.token,
            scan: comment.scan,
            start,
            end: at,
            foot: std::mem::take(text),
            ..Comment::default()
        });
        comment.scan = at;
        comment.token = at;
    }

    /// Where a block ends that is indented this deep: before comments that stand as deep, so that
    /// they are not in what follows.
    pub(super) fn end_of_block(&self, end: usize, indent: usize) -> usize {
        let mut end = end;
        let mut stop = end;
        for comment in self.found.iter().rev() {
            if comment.end < stop {
                break;
            }
            if comment.start.column == indent + 1 {
                end = comment.start.at;
            }
            stop = comment.scan;
        }
        end
    }

    /// Goes past blanks and line breaks, as the scanner does behind a plain scalar.
    pub(super) fn skip_blanks(&self, from: usize) -> usize {
        let mut at = from;
        while at < self.bytes.len() && (is_blank(self.byte(at)) || is_break(self.byte(at))) {
            at += 1;
        }
        at
    }

    /// How many line breaks there are before a place since the last character that is none.
    fn breaks_before(&self, at: usize) -> usize {
        let before = self.bytes[..at].iter().rev();
        let blanks = before.take_while(|byte| is_blank(**byte) || is_break(**byte));
        blanks.filter(|byte| **byte == b'\n').count()
    }

    /// Line from 0 and column from 1.
    fn place(&self, at: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).map_or(0, |line| self.lines[line]);
        Place {
            at,
            line,
            column: at - start + 1,
        }
    }

    /// The column of a place, from 0.
    pub(super) fn column(&self, at: usize) -> usize {
        self.place(at).column - 1
    }

    /// Whether the mark of a long key stands here.
    pub(super) fn is_question(&self, at: usize, in_brackets: bool) -> bool {
        let next = self.byte(at + 1);
        self.byte(at) == b'?' && (in_brackets || is_blank(next) || is_break(next) || next == 0)
    }

    pub(super) fn end_of_line(&self, from: usize) -> usize {
        let rest = self.bytes.iter().skip(from);
        from + rest.take_while(|byte| !is_break(**byte)).count()
    }

    /// Where the text ends.
    pub(super) fn end(&self) -> usize {
        self.bytes.len()
    }

    fn text(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(&self.bytes[from..to]).into_owned()
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
