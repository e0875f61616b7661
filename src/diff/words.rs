//! The words that differ inside two values, and just enough around them.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// How much of an unchanged stretch is shown; longer ones are cut in the middle.
const CONTEXT: usize = 40;

/// A stretch of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same on both sides.
    Same(String),
    /// Different; either may be empty.
    Changed {
        /// What it was.
        before: String,
        /// What it becomes.
        after: String,
    },
}

/// Splits two values into what is the same and what differs. Where hardly anything is the same,
/// the whole values are returned as one change.
pub fn words(before: &str, after: &str) -> Vec<Piece> {
    let (old, new) = (split(before), split(after));
    let mut pieces = Vec::new();
    let mut same = 0;
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        match op {
            DiffOp::Equal { old_index, len, .. } => {
                let text = old[old_index..old_index + len].concat();
                same += text.chars().filter(|c| c.is_alphanumeric()).count();
                pieces.push(Piece::Same(text));
            }
            DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
                pieces.push(Piece::Changed {
                    before: old[op.old_range()].concat(),
                    after: new[op.new_range()].concat(),
                });
            }
        }
    }
    let longest = before.len().max(after.len());
    let changes = pieces
        .iter()
        .filter(|p| matches!(p, Piece::Changed { .. }))
        .count();
    // Many small islands of equality are harder to read than the two values.
    if same * 3 < longest || changes > 4 {
        return vec![Piece::Changed {
            before: before.to_owned(),
            after: after.to_owned(),
        }];
    }
    let last = pieces.len() - 1;
    for (at, piece) in pieces.iter_mut().enumerate() {
        if let Piece::Same(text) = piece {
            *text = cut(text, at == 0, at == last);
        }
    }
    pieces
}

/// Words, numbers, and each other character by itself.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut former: Option<char> = None;
    for (at, c) in text.char_indices() {
        let class = |c: char| (c.is_alphabetic(), c.is_numeric());
        let joins = former.is_some_and(|f| class(f) == class(c) && class(c) != (false, false));
        if !joins && at > start {
            parts.push(&text[start..at]);
            start = at;
        }
        former = Some(c);
    }
    if start < text.len() {
        parts.push(&text[start..]);
    }
    parts
}

/// Cuts a long stretch: at its outer end where it is the first or last, else in the middle.
fn cut(text: &str, first: bool, last: bool) -> String {
    let count = text.chars().count();
    if count <= CONTEXT {
        return text.to_owned();
    }
    let head = |n: usize| text.chars().take(n).collect::<String>();
    let tail = |n: usize| text.chars().skip(count - n).collect::<String>();
    match (first, last) {
        (true, _) => format!("...{}", tail(CONTEXT - 3)),
        (_, true) => format!("{}...", head(CONTEXT - 3)),
        _ => format!("{}...{}", head(CONTEXT / 2 - 2), tail(CONTEXT / 2 - 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(before: &str, after: &str, expected: &str) {
        let text: String = words(before, after)
            .into_iter()
            .map(|piece| match piece {
                Piece::Same(text) => text,
                Piece::Changed { before, after } => format!("[{before} -> {after}]"),
            })
            .collect();
        assert_eq!(text, expected);
    }

    #[test]
    fn the_words_that_differ() {
        case(
            "klinecubic/backend:prod-v0.8.8",
            "klinecubic/backend:prod-v0.8.9",
            "klinecubic/backend:prod-v0.8.[8 -> 9]",
        );
        case("20", "40", "[20 -> 40]");
        case("true", "false", "[true -> false]");
        case(
            "--log=info --port=80",
            "--log=info --port=80 --debug",
            "--log=info --port=80[ ->  --debug]",
        );
        case("completely", "different", "[completely -> different]");
        case("", "x", "[ -> x]");
    }

    #[test]
    fn long_stretches_are_cut_and_never_the_part_that_differs() {
        let long = "registry.example.com/a/very/long/path/that/nobody/reads/to/the/end/backend";
        case(
            &format!("{long}:1"),
            &format!("{long}:2"),
            "...path/that/nobody/reads/to/the/end/backend:[1 -> 2]"
                .replace("...path", "...path")
                .as_str(),
        );
    }
}
