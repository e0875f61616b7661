//! Numbers as Go's YAML and JSON libraries read and print them.

use std::fmt::Write as _;

/// The value of a numeric scalar.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An integer from -2^63 to 2^64-1.
    Int(i128),
    /// Any other number.
    Float(f64),
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self.canonical(), other.canonical()) {
            (Number::Int(a), Number::Int(b)) => a == b,
            (Number::Float(a), Number::Float(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

impl Number {
    /// Turns a float with an integral value into an integer where Go's JSON encoder writes it
    /// without a fraction or an exponent (below 1e21) and it fits 64 bits.
    pub fn canonical(self) -> Number {
        match self {
            Number::Float(f) if f.fract() == 0.0 && f.abs() < 1e21 => {
                #[expect(clippy::cast_possible_truncation, reason = "1e21 fits 128 bits")]
                let int = shortest_integer(f).unwrap_or(f as i128);
                if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&int) {
                    Number::Int(int)
                } else {
                    self
                }
            }
            _ => self,
        }
    }

    /// Returns the integer, if the value is one of 64 signed bits.
    pub fn as_i64(self) -> Option<i64> {
        match self.canonical() {
            Number::Int(int) => i64::try_from(int).ok(),
            Number::Float(_) => None,
        }
    }

    /// Returns the value as a float, rounded where it must be.
    #[expect(clippy::cast_precision_loss, reason = "that is what is asked for")]
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Float(float) => float,
        }
    }

    /// Formats as `kustomize build` prints it: integers plain, floats as Go's `%g` (`1e+21`).
    pub fn to_yaml(self) -> String {
        match self.canonical() {
            Number::Int(int) => int.to_string(),
            Number::Float(float) => format_g(float),
        }
    }

    /// Formats as go-yaml writes what Go's JSON decoder has read, which is a float whatever it was:
    /// `1e+06` for a million.
    pub fn to_yaml_after_json(self) -> String {
        format_g(self.as_f64())
    }

    /// Formats as Go's `encoding/json` prints it (`1e+21`, `1e-7`, `123456789.123`).
    pub fn to_json(self) -> String {
        match self.canonical() {
            Number::Int(int) => int.to_string(),
            Number::Float(float) => format_json(float),
        }
    }
}

/// Reads the text of a plain scalar that resolves to a number.
///
/// Forms and precedence are those of go-yaml's `resolve`: underscores are dropped, `0x`, `0o`,
/// `0b` and a leading `0` choose the base, what is left is a float. Returns `None` for any other
/// text, for infinities and for what is too large.
pub fn parse(text: &str) -> Option<Number> {
    let cleaned;
    let plain = if text.contains('_') {
        cleaned = text.replace('_', "");
        cleaned.as_str()
    } else {
        text
    };
    if let Some(int) = parse_int(plain) {
        return Some(Number::Int(int));
    }
    if is_float_form(plain) || text.starts_with('.') && is_float_form(text) {
        let float: f64 = plain.parse().ok()?;
        return float.is_finite().then_some(Number::Float(float));
    }
    None
}

/// Reads an integer as Go's `strconv.ParseInt(s, 0, 64)` and `ParseUint` do.
pub fn parse_int(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    // A sign is ParseInt's alone; ParseUint takes none.
    let upper = if text.starts_with('+') {
        i128::from(i64::MAX)
    } else {
        i128::from(u64::MAX)
    };
    (i128::from(i64::MIN)..=upper)
        .contains(&value)
        .then_some(value)
}

/// Whether the text has go-yaml's float form:
/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`.
pub fn is_float_form(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let digits = |at: &mut usize| {
        let from = *at;
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
        *at - from
    };
    let whole = digits(&mut at);
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let fraction = digits(&mut at);
        if whole == 0 && fraction == 0 {
            return false;
        }
    } else if whole == 0 {
        return false;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'-' | b'+')) {
            at += 1;
        }
        if digits(&mut at) == 0 {
            return false;
        }
    }
    at == bytes.len()
}

/// The integer that the shortest decimal form of an integral float spells, as Go prints it:
/// 2^63 as a float is `9223372036854775808`, with zeros after the digits that matter.
fn shortest_integer(float: f64) -> Option<i128> {
    format!("{float}").parse().ok()
}

/// Go's `strconv.FormatFloat(f, 'g', -1, 64)`: an exponent below -4 or from 6 is written out.
fn format_g(float: f64) -> String {
    let exponent = decimal_exponent(float);
    if (-4..6).contains(&exponent) {
        format!("{float}")
    } else {
        exponential(float)
    }
}

/// Go's JSON form: `%e` below 1e-6 and from 1e21, with a single-digit exponent kept short.
fn format_json(float: f64) -> String {
    if float != 0.0 && (float.abs() < 1e-6 || float.abs() >= 1e21) {
        let text = exponential(float);
        // encoding/json cleans e-09 to e-9.
        return match text.strip_suffix(|c: char| c.is_ascii_digit()) {
            Some(head) if head.ends_with("e-0") => {
                format!("{}{}", head.trim_end_matches('0'), &text[text.len() - 1..])
            }
            _ => text,
        };
    }
    format!("{float}")
}

fn exponential(float: f64) -> String {
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    let mut out = String::from(mantissa);
    let _ = write!(out, "e{sign}{digits:0>2}");
    out
}

fn decimal_exponent(float: f64) -> i32 {
    let text = format!("{float:e}");
    text.split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> Option<String> {
        parse(text).map(Number::to_yaml)
    }

    #[test]
    fn numbers_print_as_kustomize_prints_them() {
        // reference: kustomize 5.8.1 on a list of number forms.
        for (text, want) in [
            ("1.0", "1"),
            ("1.10", "1.1"),
            ("010", "8"),
            ("0o10", "8"),
            ("0x10", "16"),
            ("1_000", "1000"),
            ("1e10", "10000000000"),
            ("1e21", "1e+21"),
            ("1e-7", "1e-07"),
            ("123456789.123", "1.23456789123e+08"),
            ("12345678901234567890", "12345678901234567890"),
            ("100000000000000000000000", "1e+23"),
            ("9007199254740993", "9007199254740993"),
            ("0.1e1", "1"),
            (".5", "0.5"),
            ("-0", "0"),
            ("089", "89"),
            ("08", "8"),
            ("-0644", "-420"),
            ("0b101", "5"),
            ("+1", "1"),
            ("1.", "1"),
            ("1e3", "1000"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("123456.5", "123456.5"),
            ("1234567.5", "1.2345675e+06"),
            ("1e20", "1e+20"),
        ] {
            assert_eq!(yaml(text).as_deref(), Some(want), "{text}");
        }
        for text in [
            "", "1:30", "0o8", "x", "1e400", ".", "-", "e5", "1e", ".inf", "0x", "1 2",
        ] {
            assert_eq!(yaml(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_that_went_through_json_are_floats() {
        // kustomize 5.8.1, by a replacement out of an object with a JSON patch.
        for (text, want) in [
            ("3", "3"),
            ("100000", "100000"),
            ("1000000", "1e+06"),
            ("12345678", "1.2345678e+07"),
            ("9007199254740993", "9.007199254740992e+15"),
            ("1234567.5", "1.2345675e+06"),
            ("0.00001", "1e-05"),
        ] {
            assert_eq!(parse(text).unwrap().to_yaml_after_json(), want);
        }
    }

    #[test]
    fn numbers_go_to_json_as_go_encodes_them() {
        for (text, want) in [
            ("1e21", "1e+21"),
            ("1e-7", "1e-7"),
            ("123456789.123", "123456789.123"),
        ] {
            assert_eq!(parse(text).unwrap().to_json(), want);
        }
    }
}
