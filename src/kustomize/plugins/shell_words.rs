//! Words of a line as a shell splits them: quotes, backslashes, and a comment at the end.

/// Splits a line as kustomize 5.8.1 does; `None` where a quote is not closed.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut is_escaped = false;
    for letter in line.chars() {
        if is_escaped {
            word.push(letter);
            is_escaped = false;
            continue;
        }
        match (letter, quote) {
            ('\\', quote) if quote != Some('\'') => is_escaped = true,
            ('\'' | '"', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('#', None) => break,
            (letter, None) if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (letter, _) => word.push(letter),
        }
    }
    if quote.is_some() {
        return None;
    }
    if !word.is_empty() {
        words.push(word);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn lines_are_split() {
        for (line, want) in [
            ("", &[][..]),
            ("a  b\tc", &["a", "b", "c"]),
            ("--x='a b' \"c d\"", &["--x=a b", "c d"]),
            ("a\\ b 'c\\d' \"e\\\"f\"", &["a b", "c\\d", "e\"f"]),
            ("a # rest 'open", &["a"]),
            ("a#b c", &["a"]),
            // An empty word is none, unlike in a shell.
            ("a '' b", &["a", "b"]),
        ] {
            assert_eq!(split(line).unwrap(), want, "{line}");
        }
        assert_eq!(split("a 'b"), None);
    }
}
