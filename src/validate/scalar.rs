//! Scalars in text form, read as the server's decoders read them (apimachinery 0.37): times,
//! base64. Each check says what is wrong in the server's own words.

use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

use crate::manifest::quantity::Quantity;

/// Decodes base64 as Go's `base64.StdEncoding` does. `None` where [`check_base64`] finds a fault.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let settings = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, settings);
    engine.decode(text.replace(['\r', '\n'], "")).ok()
}

/// Checks base64 as Go's `base64.StdEncoding` decodes it into bytes: line breaks are skipped,
/// padding is demanded, bits that the padding leaves over do not matter.
pub(super) fn check_base64(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    let is_break = |at: usize| matches!(bytes.get(at), Some(b'\r' | b'\n'));
    let skip_breaks = |mut at: usize| {
        while is_break(at) {
            at += 1;
        }
        at
    };
    let illegal = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    let (mut at, mut in_group) = (0, 0);
    loop {
        at = skip_breaks(at);
        match bytes.get(at) {
            None if in_group == 0 => return Ok(()),
            None => return illegal(at - in_group),
            Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') => {
                in_group = (in_group + 1) % 4;
            }
            Some(b'=') if in_group >= 2 => {
                if in_group == 2 {
                    let second = skip_breaks(at + 1);
                    match bytes.get(second) {
                        Some(b'=') => at = second,
                        Some(_) => return illegal(second - 1),
                        None => return illegal(bytes.len()),
                    }
                }
                let rest = skip_breaks(at + 1);
                return if rest < bytes.len() {
                    illegal(rest)
                } else {
                    Ok(())
                };
            }
            Some(_) => return illegal(at),
        }
        at += 1;
    }
}

/// Checks a quantity as `resource.ParseQuantity` reads it. Some texts that look odd pass there
/// and are zero: `m`, `-`, `.`.
pub(super) fn check_quantity(text: &str) -> Result<(), &'static str> {
    const WRONG_FORMAT: &str = "quantities must match the regular expression \
        '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    // Space around it is dropped before escapes are read, so a line break is none.
    let text = text.trim_matches(|c: char| c.is_whitespace() && !c.is_ascii_control());
    if text.is_empty() {
        return Err(WRONG_FORMAT);
    }
    let digits = |text: &'_ str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut suffix = &unsigned[digits(unsigned)..];
    if let Some(fraction) = suffix.strip_prefix('.') {
        suffix = &fraction[digits(fraction)..];
    }
    let letters = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let exponent = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    if digits(exponent) != exponent.len() {
        return Err(WRONG_FORMAT);
    }
    let known = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    let is_exponent = || {
        let number = suffix.strip_prefix(['e', 'E']);
        number.is_some_and(|n| n.parse::<i64>().is_ok())
    };
    if known.contains(&suffix) || is_exponent() {
        Ok(())
    } else {
        Err("unable to parse quantity's suffix")
    }
}

/// The amount that a text is read as: zero for the odd ones that [`check_quantity`] lets pass, and
/// `None` for those that it does not.
pub(super) fn quantity(text: &str) -> Option<Quantity> {
    let odd = || check_quantity(text).ok().and(Quantity::parse("0"));
    Quantity::parse(text).or_else(odd)
}

/// The forms of `metav1.Time` and `metav1.MicroTime`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// `2006-01-02T15:04:05Z07:00`, any fraction of a second.
    Seconds,
    /// `2006-01-02T15:04:05.000000Z07:00`, exactly six decimals.
    Micro,
}

impl TimeForm {
    /// An example of the form.
    pub(super) fn example(self) -> &'static str {
        match self {
            TimeForm::Seconds => "2026-11-21T07:53:00Z",
            TimeForm::Micro => "2026-11-21T07:53:00.000000Z",
        }
    }
}

/// Checks a time as Go's `time.Parse` reads it.
pub(super) fn is_time(text: &str, form: TimeForm) -> bool {
    parse_time(text, form).is_some()
}

fn parse_time(text: &str, form: TimeForm) -> Option<()> {
    // Go takes an hour of one digit.
    let padded;
    let text = match text.as_bytes() {
        [..] if text.as_bytes().get(12) == Some(&b':') && text.is_char_boundary(11) => {
            padded = format!("{}0{}", &text[..11], &text[11..]);
            padded.as_str()
        }
        _ => text,
    };
    let digits = |range: std::ops::Range<usize>| -> Option<u16> {
        let part = text.get(range)?;
        part.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        part.parse().ok()
    };
    let literal = |at: usize, byte: u8| (text.as_bytes().get(at) == Some(&byte)).then_some(());
    for (at, byte) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        literal(at, byte)?;
    }
    let year = i16::try_from(digits(0..4)?).ok()?;
    let month = i8::try_from(digits(5..7)?).ok()?;
    let day = i8::try_from(digits(8..10)?).ok()?;
    jiff::civil::Date::new(year, month, day).ok()?;
    let clock = (digits(11..13)?, digits(14..16)?, digits(17..19)?);
    (clock.0 < 24 && clock.1 < 60 && clock.2 < 60).then_some(())?;
    let rest = text.get(19..)?;
    let fraction = rest
        .strip_prefix(['.', ','])
        .map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
    let zone = match (form, fraction) {
        (TimeForm::Micro, 6) => &rest[7..],
        (TimeForm::Micro, _) => return None,
        (TimeForm::Seconds, 0) => rest,
        (TimeForm::Seconds, n) => &rest[n + 1..],
    };
    is_zone(zone).then_some(())
}

fn is_zone(zone: &str) -> bool {
    let bytes = zone.as_bytes();
    let number = |at: usize| -> Option<u8> { zone.get(at..at + 2)?.parse().ok() };
    zone == "Z"
        || bytes.len() == 6
            && matches!(bytes[0], b'+' | b'-')
            && bytes[3] == b':'
            && bytes[1].is_ascii_digit()
            && bytes[4].is_ascii_digit()
            && number(1).is_some_and(|hours| hours <= 24)
            && number(4).is_some_and(|minutes| minutes < 60)
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_decoded_as_go_decodes_it() {
        for (text, wanted) in [
            ("eA==", Some("x")),
            ("eA\n==\n", Some("x")),
            ("ea==", Some("y")),
            ("eA=", None),
            ("eA== ", None),
        ] {
            let decoded = super::decode_base64(text);
            assert_eq!(decoded.as_deref(), wanted.map(str::as_bytes), "{text:?}");
        }
    }

    use super::*;

    /// The numbers are those that Go 1.26 prints.
    #[test]
    fn base64_is_read_as_go_reads_it() {
        for text in [
            "",
            "eA==",
            "aGVsbG8=",
            "aGVs\nbG8=\n",
            "eB==",
            "eA=\n=",
            "\r\n",
        ] {
            assert_eq!(check_base64(text), Ok(()), "{text:?}");
        }
        for (text, at) in [
            ("x", 0),
            ("hunter2", 4),
            ("a-b=", 1),
            ("pass word", 4),
            ("eA=", 3),
            ("eA==x", 4),
            ("eA=x", 2),
            ("=", 0),
            ("e=", 1),
            ("aGVs=", 4),
            ("eA\n==\nx", 6),
            ("aGVsbG8=\n\n=", 10),
            ("abc=\nd", 5),
            ("ä", 0),
        ] {
            let error = check_base64(text).unwrap_err();
            let wanted = format!("illegal base64 data at input byte {at}");
            assert_eq!(error, wanted, "{text}");
        }
    }

    #[test]
    fn quantities_are_read_as_the_server_reads_them() {
        for text in [
            "1",
            "0",
            "-1",
            "+1.5",
            "100m",
            "1n",
            "1.Gi",
            ".5",
            "0.5Gi",
            "1e3",
            "1E3",
            "1e-3",
            "1E",
            "1Mi ",
            " 2",
            "m",
            "-",
            "12e+6",
            "1000000000000000000000Ki",
        ] {
            assert_eq!(check_quantity(text), Ok(()), "{text}");
        }
        for text in [
            "", " ", "abc", "1 Gi", "1.5.5", "1,5", "10%", "0x10", "1Gi5x",
        ] {
            assert!(
                check_quantity(text).unwrap_err().contains("regular"),
                "{text}"
            );
        }
        for text in [
            "1K", "128mi", "1gb", "100MB", "1e", "1ki", "1Gib", "1Gi\n", "1e1.5", "0.5core", "--1",
        ] {
            assert!(check_quantity(text).is_err(), "{text}");
        }
        assert_eq!(
            check_quantity("1K"),
            Err("unable to parse quantity's suffix")
        );
    }

    #[test]
    fn times_are_read_as_go_reads_them() {
        use TimeForm::{Micro, Seconds};
        for (text, seconds, micro) in [
            ("2026-11-21T07:53:00Z", true, false),
            ("2026-11-21T07:53:00.5Z", true, false),
            ("2026-11-21T07:53:00.123456Z", true, true),
            ("2026-11-21T07:53:00.123456+02:00", true, true),
            ("2026-11-21T07:53:00-07:30", true, false),
            ("2026-11-21", false, false),
            ("2026-13-21T07:53:00Z", false, false),
            ("2026-02-30T07:53:00Z", false, false),
            ("2026-11-21T24:00:00Z", false, false),
            ("2026-11-21t07:53:00Z", false, false),
            ("2026-11-21 07:53:00Z", false, false),
            ("2026-11-21T07:53:00", false, false),
            ("", false, false),
            ("2026-11-21T07:53:00ß", false, false),
        ] {
            assert_eq!(is_time(text, Seconds), seconds, "{text}");
            assert_eq!(is_time(text, Micro), micro, "{text}");
        }
    }
}
