//! Blocks of PEM as Go's `encoding/pem` of 1.26 finds them: what is broken is passed over.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Base64 as Go reads it: bits at the end that are too many do not matter.
const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A block of PEM.
pub(super) struct Block {
    /// What stands after `BEGIN`.
    pub(super) kind: String,
    /// Whether lines with a colon stand before the content.
    pub(super) has_headers: bool,
    /// The content.
    pub(super) bytes: Vec<u8>,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// The blocks of a text, in their order.
pub(super) fn blocks(text: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = text;
    // A block begins at the last `BEGIN` before an `END`.
    while let Some(end) = find(rest, END) {
        let (head, tail) = (&rest[..end], &rest[end + END.len()..]);
        let Some(found) = read(head, tail) else {
            rest = tail;
            continue;
        };
        blocks.push(found);
        // The text before the next line has nothing but the rest of this one.
        let next = tail.iter().position(|byte| *byte == b'\n');
        rest = next.map_or(&[], |at| &tail[at + 1..]);
    }
    blocks
}

/// Reads a block whose content ends where `head` does; `tail` is what follows `END`.
fn read(head: &[u8], tail: &[u8]) -> Option<Block> {
    let begin = head.windows(BEGIN.len()).rposition(|w| w == BEGIN)?;
    if begin > 0 && head[begin - 1] != b'\n' {
        return None;
    }
    let (line, mut body) = line(&head[begin + BEGIN.len()..]);
    let kind = line.strip_suffix(DASHES)?;
    let mut has_headers = false;
    loop {
        let (line, next) = self::line(body);
        if !line.contains(&b':') {
            break;
        }
        // The last header needs a line break of its own before `END`.
        if next.is_empty() && !body.contains(&b'\n') {
            return None;
        }
        (has_headers, body) = (true, next);
    }
    let trailer = tail.strip_prefix(kind)?.strip_prefix(DASHES)?;
    if !self::line(trailer).0.is_empty() {
        return None;
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let data: Vec<u8> = body.iter().copied().filter(|b| !is_blank(b)).collect();
    Some(Block {
        kind: String::from_utf8_lossy(kind).into_owned(),
        has_headers,
        bytes: decode(&data)?,
    })
}

/// Reads base64, which may have line breaks anywhere.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let data: Vec<u8> = text.iter().copied().filter(|b| !is_break(b)).collect();
    GO.decode(data).ok()
}

/// The first line without white space at its end, and what follows it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let at = text.iter().position(|byte| *byte == b'\n');
    let (line, rest) = match at {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[][..]),
    };
    (line.trim_ascii_end(), rest)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_that_go_finds() {
        for (text, wanted) in [
            ("noise\n-----BEGIN A-----\nYWJj\n-----END A-----\nmore", "A"),
            ("-----BEGIN A-----\nYW\nJj\n-----END A----- \t\n", "A"),
            ("-----BEGIN A-----\nk: v\nYWJj\n-----END A-----", "A+"),
            ("-----BEGIN A-----\n-----END A-----", "A"),
            // The kind goes on to the end of the line.
            ("-----BEGIN A-----x\nYWJj\n-----END A-----", ""),
            ("-----BEGIN A-----\nYWJj\n-----END B-----", ""),
            ("-----BEGIN A-----\nYWJj\n-----END A-----x", ""),
            ("x-----BEGIN A-----\nYWJj\n-----END A-----", ""),
            ("-----BEGIN A-----\nYWJ\n-----END A-----", ""),
            ("-----BEGIN A-----\nx", ""),
            // What is broken does not hide what follows.
            (
                "-----BEGIN A-----\n-----BEGIN B-----\nYWJj\n-----END B-----\n",
                "B",
            ),
            (
                "-----BEGIN A-----\n?\n-----END A-----\n-----BEGIN B-----\nYWJj\n-----END B-----\n",
                "B",
            ),
        ] {
            let found: Vec<String> = blocks(text.as_bytes())
                .into_iter()
                .map(|block| block.kind + if block.has_headers { "+" } else { "" })
                .collect();
            assert_eq!(found.concat(), wanted, "{text}");
        }
    }
}
