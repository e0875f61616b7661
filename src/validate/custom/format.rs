//! The string formats that the server checks in custom resources
//! (`apiextensions-apiserver/pkg/apiserver/validation/formats.go` and the `strfmt` package of
//! kube-openapi). A format that it does not know is no rule at all.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;

use crate::manifest::names;
use crate::schema::Version;
use crate::validate::scalar;

/// Whether a text has a format. `None` where the server of that version does not check it.
pub(super) fn check(format: &str, text: &str, version: Version) -> Option<bool> {
    // Names are compared without dashes.
    let format = format.replace('-', "");
    Some(match format.as_str() {
        "bsonobjectid" => text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit()),
        "byte" => matches(&BASE64, text),
        "cidr" => is_cidr(text),
        "creditcard" => is_credit_card(text),
        "date" => is_date(text),
        "datetime" => is_date_time(text),
        "duration" => is_duration(text),
        "email" => is_email(text),
        "hexcolor" => matches(&HEX_COLOR, text),
        "hostname" => is_hostname(text),
        "ipv4" => is_ipv4(text),
        "ipv6" => text.contains(':') && text.parse::<Ipv6Addr>().is_ok(),
        "isbn" => is_isbn10(text) || is_isbn13(text),
        "isbn10" => is_isbn10(text),
        "isbn13" => is_isbn13(text),
        "mac" => is_mac(text),
        "password" => true,
        "rgbcolor" => matches(&RGB_COLOR, text),
        "ssn" => matches(&SSN, text),
        "uri" => is_request_uri(text),
        "uuid" => is_uuid(text, None),
        "uuid3" => is_uuid(text, Some('3')),
        "uuid4" => is_uuid(text, Some('4')),
        "uuid5" => is_uuid(text, Some('5')),
        "k8sshortname" if version.minor() >= 34 => names::is_dns_label(text),
        "k8slongname" if version.minor() >= 34 => names::is_dns_subdomain(text),
        _ => return None,
    })
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("the tests compile it"));
    };
}

pattern!(
    BASE64,
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$"
);
pattern!(HEX_COLOR, "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$");
pattern!(
    RGB_COLOR,
    concat!(
        r"^rgb\([\t\n\f\r ]*(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])[\t\n\f\r ]*,",
        r"[\t\n\f\r ]*(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])[\t\n\f\r ]*,",
        r"[\t\n\f\r ]*(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])[\t\n\f\r ]*\)$"
    )
);
pattern!(SSN, "^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$");
pattern!(
    HOSTNAME,
    concat!(
        r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|",
        r"([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}",
        r"([a-zA-Z\p{L}]){2,63})$"
    )
);
pattern!(
    DATE_TIME,
    "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$"
);
pattern!(SCALA_DURATION, r"([0-9]+)[\t\n\f\r ]*([A-Za-zµ]+)");
pattern!(
    GO_DURATION,
    r"^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$"
);
pattern!(
    CREDIT_CARD,
    concat!(
        "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|(222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|",
        "27[01][0-9]|2720)[0-9]{12}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|",
        "3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11}|6[27][0-9]{14})$"
    )
);

fn matches(pattern: &LazyLock<Regex>, text: &str) -> bool {
    pattern.is_match(text)
}

fn is_date(text: &str) -> bool {
    // `time.Parse` reads a date so when a whole time is made of it.
    text.len() == 10 && scalar::is_time(&format!("{text}T00:00:00Z"), scalar::TimeForm::Seconds)
}

fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else {
        return false;
    };
    if !is_date(date) || !matches(&DATE_TIME, time) {
        return false;
    }
    let two = |at: usize| time[at..at + 2].parse().unwrap_or(99_u8);
    two(0) < 24 && two(3) < 60 && two(6) < 60
}

fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 18] = [
        "ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk", "nano", "micro", "milli",
        "sec", "min", "hour", "day",
    ];
    if matches(&GO_DURATION, text) {
        return true;
    }
    // Units in words may go on: `3 minutes`.
    let words = [
        "nano", "micro", "milli", "sec", "min", "hour", "day", "week",
    ];
    SCALA_DURATION.captures_iter(text).any(|found| {
        let unit = found[2].to_lowercase();
        UNITS.contains(&unit.as_str()) || words.iter().any(|word| unit.starts_with(word))
    })
}

/// An address, or a name and an address in angle brackets. The finer points of RFC 5322, such as
/// comments and quoted parts, are taken on trust.
fn is_email(text: &str) -> bool {
    let address = match (text.find('<'), text.strip_suffix('>')) {
        (Some(at), Some(head)) => &head[at + 1..],
        (None, None) => text.trim(),
        _ => return false,
    };
    if address.starts_with('"') || text.contains('(') {
        return address.contains('@');
    }
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let atom = |part: &str| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || r#"()<>[]:;@\,""#.contains(c);
        !part.is_empty() && !part.contains(odd)
    };
    let literal = domain.starts_with('[') && domain.ends_with(']');
    local.split('.').all(atom) && (literal || domain.split('.').all(atom))
}

fn is_hostname(text: &str) -> bool {
    matches(&HOSTNAME, text) && text.len() <= 255 && text.split('.').all(|part| part.len() <= 63)
}

/// Leading zeros are allowed.
fn is_ipv4(text: &str) -> bool {
    let octet = |part: &str| {
        let digits = part.trim_start_matches('0');
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (digits.is_empty() || digits.parse::<u8>().is_ok())
    };
    let plain = text.split('.').count() == 4 && text.split('.').all(octet);
    plain || text.contains('.') && text.contains(':') && text.parse::<Ipv6Addr>().is_ok()
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let bits = match (
        is_ipv4(address) && !address.contains(':'),
        address.parse::<Ipv6Addr>(),
    ) {
        (true, _) => Ipv4Addr::BITS,
        (false, Ok(_)) => Ipv6Addr::BITS,
        _ => return false,
    };
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    digits && length.parse::<u32>().is_ok_and(|length| length <= bits)
}

/// Six, eight or twenty octets, as `net.ParseMAC` reads them.
fn is_mac(text: &str) -> bool {
    let hex = |width: usize| {
        move |part: &str| part.len() == width && part.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let octets = |separator: char, width: usize| {
        let parts: Vec<&str> = text.split(separator).collect();
        let octets = parts.len() * width / 2;
        parts.iter().all(|part| hex(width)(part)) && matches!(octets, 6 | 8 | 20)
    };
    octets(':', 2) || octets('-', 2) || octets('.', 4)
}

fn is_uuid(text: &str, kind: Option<char>) -> bool {
    let version = kind.map_or_else(|| "[0-9a-f]".to_owned(), String::from);
    let variant = match kind {
        Some('4' | '5') => "[89ab]",
        _ => "[0-9a-f]",
    };
    let pattern = format!(
        "(?i)^[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?{version}[0-9a-f]{{3}}-?{variant}[0-9a-f]{{3}}-?[0-9a-f]{{12}}$"
    );
    Regex::new(&pattern).is_ok_and(|regex| regex.is_match(text))
}

/// What `net/url.ParseRequestURI` reads: an absolute URI or an absolute path.
fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return false;
    }
    let escapes_are_whole = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes();
        digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit)
    });
    if !escapes_are_whole && !text.contains('?') {
        return false;
    }
    if text.starts_with('/') {
        return true;
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let good = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let Some(authority) = rest.strip_prefix("//") else {
        return good;
    };
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    let host = authority[..end].rsplit('@').next().unwrap_or_default();
    let port = match host.rfind(']') {
        Some(at) => &host[at + 1..],
        None => host.find(':').map_or("", |at| &host[at..]),
    };
    let port_is_number = port
        .strip_prefix(':')
        .is_none_or(|p| p.bytes().all(|b| b.is_ascii_digit()));
    good && port_is_number && !host.contains([' ', '"', '<', '>', '^', '`', '{', '}', '|', '\\'])
}

fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !matches(&CREDIT_CARD, &digits) {
        return false;
    }
    // Luhn: every second digit from the right counts twice.
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte - b'0') * (1 + u32::from(index % 2 == 1));
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

fn isbn_digits(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect()
}

fn is_isbn10(text: &str) -> bool {
    let digits = isbn_digits(text);
    if digits.len() != 10 || !digits[..9].bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let value = |byte: u8| match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'X' => Some(10),
        _ => None,
    };
    let sum = (1..)
        .zip(digits.bytes())
        .try_fold(0, |sum, (weight, byte)| Some(sum + weight * value(byte)?));
    sum.is_some_and(|sum: u32| sum.is_multiple_of(11))
}

fn is_isbn13(text: &str) -> bool {
    let digits = isbn_digits(text);
    if digits.len() != 13 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .enumerate()
        .map(|(index, byte)| u32::from(byte - b'0') * if index % 2 == 0 { 1 } else { 3 })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_the_server() {
        let check = |format: &str, text: &str| check(format, text, Version::newest());
        for (format, good, bad) in [
            (
                "bsonobjectid",
                &["5f9f1b9b9b9b9b9b9b9b9b9b"][..],
                &["x", ""][..],
            ),
            ("byte", &["eA=="], &["x", "", "a-_="]),
            (
                "cidr",
                &["10.0.0.0/8", "010.0.0.1/08", "::/0"],
                &["10.0.0.0", "10.0.0.0/33", "a/8"],
            ),
            (
                "creditcard",
                &["4111 1111 1111 1111"],
                &["4111 1111 1111 1112", "1"],
            ),
            (
                "date",
                &["2026-11-21"],
                &["2026-13-01", "2026-1-1", "21.11.2026"],
            ),
            (
                "date-time",
                &["2026-11-21T07:53:00Z", "2026-11-21t07:53:00.5+02:00"],
                &["2026-11-21", "2026-11-21T25:00:00Z", "2026-11-21 07:53:00Z"],
            ),
            (
                "duration",
                &["5m", "1h30m", "3 minutes", "2 days", "-1.5s"],
                &["5", "x", ""],
            ),
            (
                "email",
                &["a@b", "A <a.b@c.de>"],
                &["a", "a b@c", "@b", "a@", ".a@b"],
            ),
            ("hexcolor", &["#fff", "00FF00"], &["#ff", "red"]),
            (
                "hostname",
                &["a.example.com", "localhost", "1a.de"],
                &["a_b", "-a", "a b"],
            ),
            (
                "ipv4",
                &["10.0.0.1", "010.0.0.1"],
                &["10.0.0", "10.0.0.256", "::1"],
            ),
            ("ipv6", &["::1", "fe80::1"], &["10.0.0.1", "x"]),
            (
                "isbn",
                &["0321751043", "978-0321751041"],
                &["0321751044", "1"],
            ),
            ("isbn10", &["0321751043"], &["978-0321751041"]),
            ("isbn13", &["978-0321751041"], &["0321751043"]),
            (
                "mac",
                &["00:1b:44:11:3a:b7", "001b.4411.3ab7"],
                &["00:1b:44:11:3a", "x"],
            ),
            ("password", &["", "x"], &[]),
            ("rgbcolor", &["rgb(255, 0,1)"], &["rgb(256,0,0)", "red"]),
            ("ssn", &["123-45-6789"], &["12-345-6789"]),
            (
                "uri",
                &["https://a.de/b?c=d", "/x", "mailto:a@b", "x:"],
                &["", "a", "a b", "http://a:x/"],
            ),
            (
                "uuid",
                &["123E4567-e89b-12d3-a456-426614174000"],
                &["123e4567", ""],
            ),
            (
                "uuid3",
                &["123e4567-e89b-32d3-a456-426614174000"],
                &["123e4567-e89b-42d3-a456-426614174000"],
            ),
            (
                "uuid4",
                &["123e4567-e89b-42d3-a456-426614174000"],
                &["123e4567-e89b-42d3-c456-426614174000"],
            ),
            (
                "uuid5",
                &["123e4567-e89b-52d3-a456-426614174000"],
                &["123e4567-e89b-42d3-a456-426614174000"],
            ),
            ("k8s-short-name", &["a-b"], &["A", "a.b"]),
            ("k8s-long-name", &["a.b"], &["A", "a..b"]),
        ] {
            for text in good {
                assert_eq!(check(format, text), Some(true), "{format} {text:?}");
            }
            for text in bad {
                assert_eq!(check(format, text), Some(false), "{format} {text:?}");
            }
        }
        assert_eq!(check("semver", "x"), None);
        let old = "1.33".parse().unwrap();
        assert_eq!(super::check("k8s-short-name", "A", old), None);
    }
}
