//! Regular expressions as Go reads them, which users write: what the two dialects disagree on is
//! escaped. Classes such as `\w` know all letters here and ASCII there; names are ASCII.

use regex::Regex;

/// Compiles an expression of Go's `regexp`.
///
/// # Errors
/// What is no expression.
pub(crate) fn compile(expression: &str) -> Result<Regex, regex::Error> {
    Regex::new(&translate(expression))
}

/// Spells an expression so that this program's library reads it as Go does: a brace that begins
/// no count stands for itself, and so does a bracket or a doubled sign in a class; `\Q` quotes.
fn translate(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len() + 4);
    let mut rest = expression;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if let Some(quoted) = rest.strip_prefix("\\Q") {
            let (text, more) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            out.push_str(&regex::escape(text));
            rest = more;
            continue;
        }
        let mut taken = c.len_utf8();
        match c {
            '\\' => {
                let next = after.chars().next();
                taken += next.map_or(0, char::len_utf8);
                out.push_str(&rest[..taken]);
            }
            '{' if !in_class && !is_count(after) => out.push_str("\\{"),
            '[' if in_class => match after.find(":]").filter(|_| after.starts_with(':')) {
                Some(end) => {
                    taken += end + 2;
                    out.push_str(&rest[..taken]);
                }
                None => out.push_str("\\["),
            },
            '[' => {
                in_class = true;
                let caret = usize::from(after.starts_with('^'));
                let bracket = usize::from(after[caret..].starts_with(']'));
                taken += caret + bracket;
                out.push_str(&rest[..taken]);
            }
            '&' | '~' | '-' if in_class && after.starts_with(c) => {
                out.push('\\');
                out.push(c);
            }
            _ => {
                in_class &= c != ']';
                out.push(c);
            }
        }
        rest = &rest[taken..];
    }
    out
}

/// Whether the count of a repetition comes: `3}`, `3,}` or `3,5}`.
fn is_count(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let least = digits(text);
    let rest = &text[least..];
    if least == 0 {
        return false;
    }
    let rest = match rest.strip_prefix(',') {
        Some(rest) => &rest[digits(rest)..],
        None => rest,
    };
    rest.starts_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_to_go() {
        // Tried with Go 1.26's `regexp`.
        for (expression, text, matches) in [
            ("a{2}", "aa", true),
            ("a{2}", "a{2}", false),
            ("a{,2}", "a{,2}", true),
            ("x{b}", "x{b}", true),
            ("{", "{", true),
            (r"\{a}", "{a}", true),
            (r"\Qa.b\E.", "a.bc", true),
            (r"\Qa.b\E.", "axbc", false),
            ("[[a]", "[", true),
            ("[[:digit:]]+", "12", true),
            ("[]a]+", "]a", true),
            ("[^]a]", "b", true),
            ("[a&&b]", "&", true),
            ("[a-c]+", "abc", true),
        ] {
            let found = compile(&format!("^(?:{expression})$")).unwrap();
            assert_eq!(found.is_match(text), matches, "{expression} on {text}");
        }
        for wrong in ["a(", "*", "[a", "a{2,1}"] {
            assert!(compile(wrong).is_err(), "{wrong}");
        }
    }
}
