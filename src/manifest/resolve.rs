//! What a plain scalar means: the two dialects that Kubernetes tools read.
//!
//! Both are go-yaml's: version 2 under kubectl, Helm and the server, version 3 under kustomize's
//! resource files and strategic-merge patches.

use smol_str::SmolStr;

use super::node::ScalarKind;
use super::number;

/// Whose rules decide what a plain scalar means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// kubectl, Helm, the API server, and kustomization files: `yes`, `on` and `y` are booleans,
    /// a date is a string, integers from 2^63 are floats, keys become strings.
    Kubectl,
    /// kustomize for resources and strategic-merge patches: only `true` and `false` are booleans,
    /// a date becomes an RFC 3339 string, integers go up to 2^64-1, keys must be strings.
    Kustomize,
}

/// What a plain scalar resolves to, or that it cannot be held by JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// A value of this kind.
    Kind(ScalarKind),
    /// `.inf` or `.nan`: both readers refuse it, since JSON has no such value.
    NotFinite,
}

/// Resolves the text of a plain scalar without a tag.
pub fn resolve(text: &str, dialect: Dialect) -> Resolved {
    use ScalarKind::{Bool, Float, Int, Null, Str, Timestamp};
    let Some(&first) = text.as_bytes().first() else {
        return Resolved::Kind(Null);
    };
    let kind = match first {
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O' => match text {
            "~" | "null" | "Null" | "NULL" => Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Bool,
            _ if dialect == Dialect::Kubectl && is_yaml11_bool(text) => Bool,
            _ => Str,
        },
        b'.' | b'+' | b'-' | b'0'..=b'9' => {
            if is_not_finite(text) {
                return Resolved::NotFinite;
            }
            if dialect == Dialect::Kustomize && is_timestamp(text) {
                return Resolved::Kind(Timestamp);
            }
            match number::parse(text) {
                Some(number::Number::Int(int))
                    if dialect == Dialect::Kubectl && int > i128::from(i64::MAX) =>
                {
                    Float
                }
                Some(number::Number::Int(_)) => Int,
                Some(number::Number::Float(_)) => Float,
                None => Str,
            }
        }
        _ => Str,
    };
    Resolved::Kind(kind)
}

/// Whether a string must be quoted to stay one: what any YAML 1.1 reader would take for
/// something else (go-yaml 2's `stringv`).
pub fn needs_quotes(text: &str) -> bool {
    match resolve(text, Dialect::Kubectl) {
        Resolved::Kind(ScalarKind::Str) => {
            let first = text.as_bytes().first();
            first.is_some_and(|b| matches!(b, b'0'..=b'9' | b'+' | b'-'))
                && (is_timestamp(text) || is_base60(text))
        }
        _ => true,
    }
}

/// The value of a boolean's text, in any spelling of YAML 1.1.
pub fn bool_value(text: &str) -> bool {
    match text.as_bytes() {
        [b't' | b'T' | b'y' | b'Y', ..] => true,
        [b'o' | b'O', second, ..] => matches!(second, b'n' | b'N'),
        _ => false,
    }
}

/// Turns a date as go-yaml 3 accepts it into RFC 3339 (`2001-01-01` -> `2001-01-01T00:00:00Z`).
pub fn timestamp_rfc3339(text: &str) -> SmolStr {
    parse_timestamp(text).map_or_else(|| SmolStr::new(text), SmolStr::from)
}

/// `y`, `yes`, `on` and their opposites, in lower, upper and title case.
fn is_yaml11_bool(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
    )
}

fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`: read as base 60 by old parsers.
fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = unsigned
        .split_once('.')
        .map_or(unsigned, |(whole, fraction)| {
            if fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
                whole
            } else {
                ""
            }
        });
    let mut parts = whole.split(':');
    let head = parts.next().unwrap_or_default();
    let head_is_number = head.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && head.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let is_sixty = |part: &str| match part.as_bytes() {
        [b] => b.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    };
    let mut count = 0;
    head_is_number
        && parts.all(|part| {
            count += 1;
            is_sixty(part)
        })
        && count > 0
}

fn is_timestamp(text: &str) -> bool {
    parse_timestamp(text).is_some()
}

/// Reads the forms of go-yaml's `allowedTimestampFormats`: a date, or a date with a time after
/// `T`, `t` (with a zone) or a space (without one). Month, day and times may be one digit long.
fn parse_timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((bytes[at], &text[at + 1..]))),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year: i16 = parts.next()?.parse().ok()?;
    let month = two_digits(parts.next()?)?;
    let day = two_digits(parts.next()?)?;
    if parts.next().is_some() {
        return None;
    }
    jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let head = format!("{year:04}-{month:02}-{day:02}");
    let Some((separator, time)) = time else {
        return Some(format!("{head}T00:00:00Z"));
    };
    let (clock, zone) = if separator == b' ' {
        (time, "Z")
    } else {
        split_zone(time)?
    };
    Some(format!("{head}T{}{zone}", clock_rfc3339(clock)?))
}

fn split_zone(time: &str) -> Option<(&str, &str)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, "Z"));
    }
    let at = time.rfind(['+', '-'])?;
    let zone = &time[at..];
    let digits = zone.as_bytes();
    let well_formed = digits.len() == 6
        && digits[3] == b':'
        && [1, 2, 4, 5].iter().all(|&n| digits[n].is_ascii_digit());
    let zone = if matches!(zone, "+00:00" | "-00:00") {
        "Z"
    } else {
        zone
    };
    well_formed.then_some((&time[..at], zone))
}

fn clock_rfc3339(clock: &str) -> Option<String> {
    let (whole, fraction) = match clock.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (clock, None),
    };
    let mut parts = whole.split(':');
    let hour = two_digits(parts.next()?)?;
    let minute = two_digits(parts.next()?)?;
    let second = two_digits(parts.next()?)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match fraction {
        None => String::new(),
        Some(f) if f.is_empty() || f.len() > 9 || !f.bytes().all(|b| b.is_ascii_digit()) => {
            return None;
        }
        Some(f) => match f.trim_end_matches('0') {
            "" => String::new(),
            trimmed => format!(".{trimmed}"),
        },
    };
    Some(format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
}

fn two_digits(text: &str) -> Option<u8> {
    let well_formed = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
    if well_formed { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ScalarKind::{Bool, Float, Int, Null, Str, Timestamp};

    #[test]
    fn kubectl_reads_yaml_1_1() {
        // reference: sigs.k8s.io/yaml of kubectl 1.34, row by row.
        for (texts, kind) in [
            (
                "yes No on OFF y N Y n true True TRUE false False FALSE",
                Bool,
            ),
            (
                "tRUE yEs oN 1:30 190:20:30 2001-01-01 = << 0o8 1e400 @x e5 1,000",
                Str,
            ),
            ("0644 0o644 0777 -0644 0x1F 0b101 1_000 +1 0 00", Int),
            (
                "089 1e3 12e03 1.10 1.0 .5 1. 9223372036854775808 18446744073709551615",
                Float,
            ),
            ("~ null Null NULL", Null),
        ] {
            for text in texts.split(' ') {
                assert_eq!(
                    resolve(text, Dialect::Kubectl),
                    Resolved::Kind(kind),
                    "{text}"
                );
            }
        }
        assert_eq!(resolve("", Dialect::Kubectl), Resolved::Kind(Null));
        for text in [".inf", "-.Inf", "+.INF", ".nan", ".NaN"] {
            assert_eq!(
                resolve(text, Dialect::Kubectl),
                Resolved::NotFinite,
                "{text}"
            );
        }
    }

    #[test]
    fn kustomize_reads_resources_with_fewer_booleans_and_with_dates() {
        for (text, kind) in [
            ("yes", Str),
            ("on", Str),
            ("y", Str),
            ("true", Bool),
            ("TRUE", Bool),
            ("2001-01-01", Timestamp),
            ("2001-1-1 1:2:3", Timestamp),
            ("2001-13-01", Str),
            ("1:30", Str),
            ("18446744073709551615", Int),
            ("18446744073709551616", Float),
            ("0644", Int),
        ] {
            assert_eq!(
                resolve(text, Dialect::Kustomize),
                Resolved::Kind(kind),
                "{text}"
            );
        }
    }

    #[test]
    fn dates_become_rfc_3339() {
        for (text, want) in [
            ("2001-01-01", "2001-01-01T00:00:00Z"),
            ("2020-1-2", "2020-01-02T00:00:00Z"),
            ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
            ("2020-01-02t3:4:5.120+02:00", "2020-01-02T03:04:05.12+02:00"),
            ("2020-01-02 03:04:05", "2020-01-02T03:04:05Z"),
        ] {
            assert_eq!(timestamp_rfc3339(text), want);
        }
    }

    #[test]
    fn old_spellings_are_quoted() {
        for text in
            "y n yes on off true null ~ 1e3 0x1F 0o7 017 1_000 12:30:45 2020-01-01 .inf +1 .5 1."
                .split(' ')
        {
            assert!(needs_quotes(text), "{text}");
        }
        assert!(needs_quotes(""));
        for text in [
            "=", "<<", "1e", "e5", "nan", "inf", "1,000", "a", "1.2.3", "1:x", "12:30:",
        ] {
            assert!(!needs_quotes(text), "{text}");
        }
    }

    #[test]
    fn booleans_have_values() {
        for text in ["y", "Yes", "on", "ON", "true"] {
            assert!(bool_value(text), "{text}");
        }
        for text in ["n", "No", "off", "OFF", "false"] {
            assert!(!bool_value(text), "{text}");
        }
    }
}
