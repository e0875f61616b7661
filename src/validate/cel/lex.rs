//! Words of CEL (`parser/gen/CEL.g4` of cel-go).

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Ident(String),
    /// A name in back-ticks.
    Quoted(String),
    Int(u64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// A sign, or one of the words `true`, `false`, `null` and `in`.
    Sign(&'static str),
    End,
}

/// Names that the language keeps for itself and gives no meaning.
pub(super) const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Whether a name is a word of the language, so that no variable can have it.
pub(in crate::validate) fn is_word(name: &str) -> bool {
    matches!(name, "true" | "false" | "null" | "in") || RESERVED.contains(&name)
}

/// Signs, the longer before the shorter.
const SIGNS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}",
];

/// Splits an expression into words, each with the byte where it begins.
///
/// # Errors
/// Where a word cannot be read, and why.
pub(super) fn words(text: &str) -> Result<Vec<(usize, Token)>, (usize, String)> {
    let mut lexer = Lexer { text, at: 0 };
    let mut words = Vec::new();
    loop {
        lexer.skip();
        let at = lexer.at;
        let token = lexer.token().map_err(|message| (at, message))?;
        let done = token == Token::End;
        words.push((at, token));
        if done {
            return Ok(words);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Passes white space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            self.at += rest.len() - blank.len();
            if !blank.starts_with("//") {
                return;
            }
            self.at += blank.find('\n').unwrap_or(blank.len());
        }
    }

    fn token(&mut self) -> Result<Token, String> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        if let Some(token) = self.string()? {
            return Ok(token);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(self.name());
        }
        let dot_digit = first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if first.is_ascii_digit() || dot_digit {
            return self.number();
        }
        if first == '`' {
            return self.quoted();
        }
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            None => Err(format!("token recognition error at: '{first}'")),
        }
    }

    fn name(&mut self) -> Token {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += end;
        match &rest[..end] {
            "true" => Token::Sign("true"),
            "false" => Token::Sign("false"),
            "null" => Token::Sign("null"),
            "in" => Token::Sign("in"),
            name => Token::Ident(name.to_owned()),
        }
    }

    fn quoted(&mut self) -> Result<Token, String> {
        let rest = &self.rest()[1..];
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-/ ".contains(c);
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if end == 0 || !rest[end..].starts_with('`') {
            return Err("token recognition error at: '`'".to_owned());
        }
        self.at += end + 2;
        Ok(Token::Quoted(rest[..end].to_owned()))
    }

    fn number(&mut self) -> Result<Token, String> {
        let rest = self.rest();
        let digits = |text: &str| {
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        if let Some(hex) = rest.strip_prefix("0x") {
            let end = hex
                .find(|c: char| !c.is_ascii_hexdigit())
                .unwrap_or(hex.len());
            if end > 0 {
                let value = u64::from_str_radix(&hex[..end], 16);
                self.at += 2 + end;
                return self.integer(value.ok());
            }
        }
        let mut end = digits(rest);
        let mut is_double = false;
        if rest[end..].starts_with('.') {
            let fraction = digits(&rest[end + 1..]);
            if fraction > 0 {
                is_double = true;
                end += 1 + fraction;
            }
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[end + 1 + sign..]);
            if exponent > 0 {
                is_double = true;
                end += 1 + sign + exponent;
            }
        }
        self.at += end;
        let text = &rest[..end];
        if is_double {
            return match text.parse() {
                Ok(value) => Ok(Token::Double(value)),
                Err(_) => Err("invalid double literal".to_owned()),
            };
        }
        self.integer(text.parse().ok())
    }

    fn integer(&mut self, value: Option<u64>) -> Result<Token, String> {
        let unsigned = self.rest().starts_with(['u', 'U']);
        self.at += usize::from(unsigned);
        match value {
            Some(value) if unsigned => Ok(Token::Uint(value)),
            Some(value) => Ok(Token::Int(value)),
            None if unsigned => Err("invalid uint literal".to_owned()),
            None => Err("invalid int literal".to_owned()),
        }
    }

    /// A text or bytes, where one begins here.
    fn string(&mut self) -> Result<Option<Token>, String> {
        let rest = self.rest();
        let (mut raw, mut bytes, mut start) = (false, false, 0);
        for c in rest.chars().take(2) {
            match c {
                'r' | 'R' if !raw => raw = true,
                'b' | 'B' if !bytes => bytes = true,
                _ => break,
            }
            start += 1;
        }
        let body = &rest[start..];
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|quote| body.starts_with(*quote))
        else {
            return Ok(None);
        };
        let inner = &body[quote.len()..];
        let Some(end) = closing(inner, quote, raw) else {
            let first: String = body.chars().take(10).collect();
            return Err(format!("token recognition error at: '{first}'"));
        };
        self.at += start + quote.len() + end + quote.len();
        let value = unescape(&inner[..end], raw, bytes)?;
        Ok(Some(match bytes {
            true => Token::Bytes(value),
            false => Token::Text(String::from_utf8_lossy(&value).into_owned()),
        }))
    }
}

/// Where the closing quotes stand.
fn closing(inner: &str, quote: &str, raw: bool) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' && !raw {
            escaped = true;
        } else if inner[at..].starts_with(quote) {
            return Some(at);
        } else if (c == '\n' || c == '\r') && quote.len() == 1 {
            return None;
        }
    }
    None
}

fn unescape(text: &str, raw: bool, bytes: bool) -> Result<Vec<u8>, String> {
    let mut value = Vec::with_capacity(text.len());
    if raw {
        return Ok(text.as_bytes().to_vec());
    }
    let invalid = || "unable to unescape string".to_owned();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        value.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let kind = rest.chars().next().ok_or_else(invalid)?;
        rest = &rest[kind.len_utf8()..];
        let plain = match kind {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '\\' | '\'' | '"' | '`' | '?' => kind as u32,
            'x' | 'X' | 'u' | 'U' | '0'..='3' => {
                let (length, radix, digits) = match kind {
                    'x' | 'X' => (2, 16, rest),
                    'u' => (4, 16, rest),
                    'U' => (8, 16, rest),
                    // The digit itself is the first of three.
                    _ => (2, 8, rest),
                };
                let digits = digits.get(..length).ok_or_else(invalid)?;
                let number = u32::from_str_radix(digits, radix).map_err(|_| invalid())?;
                rest = &rest[length..];
                match kind.to_digit(4) {
                    Some(first) if radix == 8 => first * 64 + number,
                    _ => number,
                }
            }
            _ => return Err(invalid()),
        };
        if bytes && matches!(kind, 'u' | 'U') {
            return Err(invalid());
        }
        match u8::try_from(plain) {
            Ok(byte) if bytes => value.push(byte),
            _ => {
                let c = char::from_u32(plain).ok_or_else(invalid)?;
                value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    value.extend_from_slice(rest.as_bytes());
    Ok(value)
}
