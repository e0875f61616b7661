//! Patterns are regular expressions of Go (RE2). The regex crate is its descendant; where the two
//! read one text differently, it is rewritten first: classes such as `\d` are ASCII in Go, and
//! brackets, braces and set operators inside a class are plain characters there.

use regex::{Regex, RegexBuilder};

/// Compiles a pattern of Go. `None` where that is impossible here.
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&translate(pattern))
        .size_limit(4 << 20)
        .build()
        .ok()
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => escape(after, class, &mut out),
            '[' if !class => {
                class = true;
                out.push('[');
                let negated = after.strip_prefix('^');
                out.push_str(if negated.is_some() { "^" } else { "" });
                // A bracket that comes first closes nothing.
                let first = negated.unwrap_or(after);
                if let Some(rest) = first.strip_prefix(']') {
                    out.push_str("\\]");
                    rest
                } else {
                    first
                }
            }
            '[' => {
                if let Some(length) = posix_class(rest) {
                    out.push_str(&rest[..length]);
                    &rest[length..]
                } else {
                    out.push_str("\\[");
                    after
                }
            }
            ']' if class => {
                class = false;
                out.push(']');
                after
            }
            '&' | '~' if class => {
                out.push('\\');
                out.push(c);
                after
            }
            '{' if !class && !is_repetition(rest) => {
                out.push_str("\\{");
                after
            }
            _ => {
                out.push(c);
                after
            }
        };
    }
    out
}

/// Writes what follows a backslash. Returns what is left.
fn escape<'p>(after: &'p str, class: bool, out: &mut String) -> &'p str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    let set = match c.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\x0C\\r ",
        _ => "",
    };
    match (c, class) {
        ('Q', false) => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            return rest;
        }
        ('d' | 'w' | 's', true) => out.push_str(set),
        ('d' | 'w' | 's', false) => out.push_str(&format!("[{set}]")),
        ('D' | 'W' | 'S', _) => out.push_str(&format!("[^{set}]")),
        // A name or number in braces, which are no repetition: \p{Greek}, \x{10ff}.
        ('p' | 'P' | 'x', _) => {
            let length = match rest.strip_prefix('{').and_then(|inner| inner.find('}')) {
                Some(end) => end + 2,
                None => 0,
            };
            out.push('\\');
            out.push(c);
            out.push_str(&rest[..length]);
            return &rest[length..];
        }
        ('b', false) => out.push_str("(?-u:\\b)"),
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    rest
}

/// The length of `[:alpha:]` and the like at the beginning of a text.
fn posix_class(text: &str) -> Option<usize> {
    let end = text.strip_prefix("[:")?.find(":]")?;
    let name = &text[2..2 + end];
    let word = name.strip_prefix('^').unwrap_or(name);
    (!word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())).then_some(end + 4)
}

/// Whether a text begins with `{2}`, `{2,}` or `{2,3}`.
fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text[1..].split_once('}') else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    !low.is_empty() && digits(low) && digits(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 answers to `regexp.MustCompile(pattern).MatchString(text)`.
    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, text, matches) in [
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^\w+$", "ä", false),
            (r"^[\w-]+$", "a-b_1", true),
            (r"^\D$", "ä", true),
            (r"^[^\s]+$", "a b", false),
            (r"^[[a]+$", "[a", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]a]+$", "]", false),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^{a}$", "{a}", true),
            (r"^a{2}$", "aa", true),
            (r"^a{,2}$", "a{,2}", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"\bfoo\b", "a foo b", true),
            (r"^(?i)abc$", "ABC", true),
            (r"^a\/b$", "a/b", true),
            (r"^$", "\n", false),
            (r"^\p{Greek}$", "α", true),
        ] {
            let found = compile(pattern).map(|regex| regex.is_match(text));
            let rewritten = translate(pattern);
            assert_eq!(found, Some(matches), "{pattern} {rewritten} {text:?}");
        }
        assert!(compile("(?=a)").is_none());
    }
}
