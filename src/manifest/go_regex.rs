//! Regular expressions of Go (RE2), which kustomize's selectors and the schemas of custom resources
//! hold. The regex crate is a descendant; where the two read one text differently, it is rewritten
//! first: classes such as `\d` are ASCII in Go, a brace that begins no repetition is a plain
//! character, and so are brackets and set operators inside a class. What only the crate knows is
//! refused. The rules are those of Go's `regexp/syntax`, 1.26.

use regex::{Regex, RegexBuilder};

/// Compiles an expression of Go.
///
/// # Errors
/// Why it is none, or that it is too large.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let reason = |error: regex::Error| {
        let text = error.to_string();
        let line = text.lines().last().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    };
    RegexBuilder::new(&Translator::new(pattern).run()?)
        .build()
        .map_err(reason)
}

/// The most repetitions that Go takes.
const MOST_REPEATS: usize = 1000;

struct Translator<'p> {
    rest: &'p str,
    out: String,
    in_class: bool,
    /// The repetition operator that was read last, if nothing has followed it.
    repeated: Option<&'p str>,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str) -> Self {
        Self {
            rest: pattern,
            out: String::with_capacity(pattern.len() + 16),
            in_class: false,
            repeated: None,
        }
    }

    fn run(mut self) -> Result<String, String> {
        while let Some(c) = self.rest.chars().next() {
            if self.in_class {
                self.in_class(c)?;
                continue;
            }
            let repetition = match c {
                '*' | '+' | '?' => 1,
                '{' => repetition(self.rest)?,
                _ => 0,
            };
            if repetition > 0 {
                self.repeat(repetition)?;
                continue;
            }
            self.repeated = None;
            match c {
                '\\' => self.escape(),
                '[' => self.open_class(),
                '(' => self.open_group()?,
                '{' => self.replace(1, "\\{"),
                _ => self.keep(c.len_utf8()),
            }
        }
        Ok(self.out)
    }

    /// Takes some bytes as they are.
    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.out.push_str(kept);
        self.rest = rest;
    }

    /// Takes some bytes and writes something else.
    fn replace(&mut self, length: usize, text: &str) {
        self.out.push_str(text);
        self.rest = &self.rest[length..];
    }

    /// Takes a repetition operator, with the `?` that makes it lazy.
    fn repeat(&mut self, length: usize) -> Result<(), String> {
        let length = length + usize::from(self.rest[length..].starts_with('?'));
        let operator = &self.rest[..length];
        if let Some(before) = self.repeated {
            return Err(format!(
                "invalid nested repetition operator: `{before}{operator}`"
            ));
        }
        self.repeated = Some(operator);
        self.keep(length);
        Ok(())
    }

    /// Takes `(`, and the name or the flags of a group.
    fn open_group(&mut self) -> Result<(), String> {
        let Some(inside) = self.rest.strip_prefix("(?") else {
            self.keep(1);
            return Ok(());
        };
        let is_named = inside.starts_with("P<") || inside.starts_with('<');
        let end = inside.find(if is_named { &['>'][..] } else { &[':', ')'] });
        let Some(end) = end else {
            return Err(format!("missing argument or end of group: `{}`", self.rest));
        };
        if is_named {
            return self.named_group(&inside[..end], end + 3);
        }
        let is_flag = |c: char| matches!(c, 'i' | 'm' | 's' | 'U' | '-');
        if !inside[..end].chars().all(is_flag) {
            let group = &self.rest[..end + 2];
            return Err(format!("invalid or unsupported Perl syntax: `{group}`"));
        }
        self.keep(end + 3);
        Ok(())
    }

    /// Takes the head of a group with a name, without the name: nobody asks for it, and Go takes one
    /// that stands twice or begins with a digit.
    fn named_group(&mut self, head: &str, length: usize) -> Result<(), String> {
        let name = head.split_once('<').map_or("", |(_, name)| name);
        let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_inside) {
            return Err(format!("invalid named capture: `(?{head}>`"));
        }
        self.replace(length, "(");
        Ok(())
    }

    /// Takes `[`, with what means something else there than later: `^`, `]`, `-`.
    fn open_class(&mut self) {
        self.in_class = true;
        self.keep(1);
        if self.rest.starts_with('^') {
            self.keep(1);
        }
        match self.rest.chars().next() {
            Some(']') => self.replace(1, "\\]"),
            Some('-') => self.replace(1, "\\-"),
            _ => {}
        }
    }

    /// Takes one character of a class.
    fn in_class(&mut self, c: char) -> Result<(), String> {
        match c {
            '\\' => self.escape(),
            '[' => match posix_class(self.rest)? {
                Some(length) => self.keep(length),
                None => self.replace(1, "\\["),
            },
            ']' => {
                self.in_class = false;
                self.keep(1);
            }
            '&' => self.replace(1, "\\&"),
            '~' => self.replace(1, "\\~"),
            '-' if self.rest.starts_with("--") => self.replace(2, "-\\-"),
            _ => self.keep(c.len_utf8()),
        }
        Ok(())
    }

    /// Takes a backslash and what belongs to it.
    fn escape(&mut self) {
        let after = &self.rest[1..];
        let Some(c) = after.chars().next() else {
            self.keep(1);
            return;
        };
        let set = match c.to_ascii_lowercase() {
            'd' => "0-9",
            'w' => "0-9A-Za-z_",
            's' => "\\t\\n\\x0C\\r ",
            _ => "",
        };
        match (c, self.in_class) {
            ('Q', false) => {
                let quoted = &after[1..];
                let (literal, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                self.out.push_str(&regex::escape(literal));
                self.rest = rest;
            }
            ('d' | 'w' | 's', true) => self.replace(2, set),
            ('d' | 'w' | 's', false) => self.replace(2, &format!("[{set}]")),
            ('D' | 'W' | 'S', _) => self.replace(2, &format!("[^{set}]")),
            // A name or number in braces, which are no repetition: \p{Greek}, \x{10ff}.
            ('p' | 'P' | 'x', _) => {
                let inner = after[1..].strip_prefix('{');
                let name = inner.and_then(|inner| inner.find('}'));
                self.keep(name.map_or(2, |end| end + 4));
            }
            ('b', false) => self.replace(2, "(?-u:\\b)"),
            // The beginning and the end of a word to the crate.
            ('<', _) => self.replace(2, "<"),
            ('>', _) => self.replace(2, ">"),
            ('0'..='7', _) => self.octal(after),
            _ => self.keep(1 + c.len_utf8()),
        }
    }

    /// Takes `\0`, `\12`, `\101`; a single digit other than 0 is a reference, which neither knows.
    fn octal(&mut self, digits: &str) {
        let is_octal = |c: &char| ('0'..='7').contains(c);
        let length = digits.chars().take(3).take_while(is_octal).count();
        match u32::from_str_radix(&digits[..length], 8) {
            Ok(code) if length > 1 || code == 0 => {
                self.replace(1 + length, &format!("\\x{{{code:x}}}"));
            }
            _ => self.keep(2),
        }
    }
}

/// Classes with a name.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// The length of `[:alpha:]` and the like at the beginning of a text, if there is one.
fn posix_class(text: &str) -> Result<Option<usize>, String> {
    let inside = text.strip_prefix("[:");
    let Some((name, _)) = inside.and_then(|inside| inside.split_once(":]")) else {
        return Ok(None);
    };
    if !CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(format!("invalid character class range: `[:{name}:]`"));
    }
    Ok(Some(name.len() + 4))
}

/// The length of `{2}`, `{2,}` or `{2,3}` at the beginning of a text; 0 where there is none.
fn repetition(text: &str) -> Result<usize, String> {
    let Some((inside, _)) = text[1..].split_once('}') else {
        return Ok(0);
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    if low.is_empty() || !digits(low) || !digits(high) {
        return Ok(0);
    }
    let too_many =
        |text: &str| !text.is_empty() && text.parse().map_or(true, |n: usize| n > MOST_REPEATS);
    if too_many(low) || too_many(high) {
        return Err(format!("invalid repeat count: `{{{inside}}}`"));
    }
    Ok(inside.len() + 2)
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
            (r"^\${NAME}-x$", "${NAME}-x", true),
            (r"^[a~~b]$", "~", true),
            (r"^[--a]$", "A", true),
            (r"^[+--]$", ",", true),
            (r"^\<a\>$", "<a>", true),
            (r"^\_$", "_", true),
            (r"^\101$", "A", true),
            (r"^(?i-s:a)(?P<n>b)(?<m>c)$", "Abc", true),
            (r"^(a*)*?$", "aa", true),
            (r"^(?P<n>a)(?P<n>b)(?<1>c)$", "abc", true),
            ("^a{2$", "a{2", true),
        ] {
            let found = compile(pattern).map(|regex| regex.is_match(text));
            assert_eq!(found, Ok(matches), "{pattern} {text:?}");
        }
    }

    /// What Go 1.26 answers to `regexp.Compile(pattern)`.
    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in [
            "(?=a)",
            "a**",
            "a*??",
            "a{2}{3}",
            "x*{2}",
            "a{1001}",
            r"\1",
            r"\8",
            r"\e",
            "(?x)a",
            "(?u)a",
            "(?R)",
            "(?i",
            "(?P<>a)",
            "(?P<n-x>a)",
            "[a--b]",
            "[z-a]",
            r"\p{Foo}",
            "[[:foo:]]",
            r"[\b]",
            "*a",
            "a)",
            "(a",
            "[a",
        ] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
