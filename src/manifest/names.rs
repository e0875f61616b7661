//! The kinds of names that Kubernetes knows, and names made from parts that always fit.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Longest DNS label and longest label value.
pub const LABEL_MAX: usize = 63;
/// Longest DNS subdomain.
pub const SUBDOMAIN_MAX: usize = 253;

/// Lower-case letters, digits and `-`, starting and ending with a letter or digit, at most 63
/// (RFC 1123 label).
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= LABEL_MAX && is_label_shape(text)
}

/// A DNS label that starts with a letter (RFC 1035), as the name of a Service must be.
pub fn is_dns_1035_label(text: &str) -> bool {
    is_dns_label(text) && text.as_bytes()[0].is_ascii_lowercase()
}

/// Label shapes joined by dots, at most 253 characters (RFC 1123 subdomain).
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN_MAX && text.split('.').all(is_label_shape)
}

/// Empty, or at most 63 of letters, digits, `-`, `_` and `.`, alphanumeric at both ends.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || text.len() <= LABEL_MAX && is_qualified_part(text)
}

/// A label or annotation key: a name of at most 63, with or without a subdomain and `/` before it.
pub fn is_label_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    prefix.is_none_or(is_dns_subdomain) && name.len() <= LABEL_MAX && is_qualified_part(name)
}

/// The name of a container port: at most 15 lower-case letters, digits and single `-`, with at
/// least one letter (IANA service name).
pub fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && is_label_shape(text)
        && !text.contains("--")
        && text.bytes().any(|b| b.is_ascii_lowercase())
}

/// The name of an environment variable as the server takes it: printable ASCII without `=`.
/// Since Kubernetes 1.34 that is all that is asked.
pub fn is_env_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| (b' '..=b'~').contains(&b) && b != b'=')
}

/// A key of a ConfigMap or Secret: letters, digits, `-`, `_` and `.`, at most 253, not `.` or `..`.
pub fn is_config_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= SUBDOMAIN_MAX
        && text != "."
        && !text.starts_with("..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Joins parts by `-` into a DNS label of at most `max` characters.
///
/// Letters become lower case, other characters `-`, runs of `-` one, ends are trimmed. What is too
/// long loses characters of the *first* part and gets eight hexadecimal digits of the SHA-256 of
/// the full name, so that suffixes stay readable and different names stay different. `None` when
/// nothing is left or the suffixes alone do not fit.
pub fn k8s_name(parts: &[&str], max: usize) -> Option<String> {
    let clean: Vec<String> = parts
        .iter()
        .map(|part| squeeze(part))
        .filter(|part| !part.is_empty())
        .collect();
    let full = clean.join("-");
    if full.is_empty() || full.len() <= max {
        return (!full.is_empty()).then_some(full);
    }
    let suffix = format!("{}-{}", tail(&clean), short_hash(&full));
    let room = max.checked_sub(suffix.len()).filter(|room| *room > 0)?;
    let first = clean[0][..room.min(clean[0].len())].trim_end_matches('-');
    Some(format!("{first}{suffix}"))
}

/// Makes a label value of any text: other characters become `-`, ends are trimmed to
/// alphanumerics, what is too long is cut and gets eight digits of its hash.
pub fn label_value(text: &str) -> String {
    let replaced: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
                c
            } else {
                '-'
            }
        })
        .collect();
    let trimmed = replaced.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if trimmed.len() <= LABEL_MAX {
        return trimmed.to_owned();
    }
    let cut = trimmed[..LABEL_MAX - 9].trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    format!("{cut}-{}", short_hash(text))
}

/// SHA-256 of a text, in lower-case hexadecimal.
pub fn sha256_hex(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The ten characters that kustomize makes of a hexadecimal hash: digits and letters that could
/// spell a word are replaced (kustomize `api/internal/hasher`).
pub fn encode_hash(hex: &str) -> String {
    hex.chars()
        .take(10)
        .map(|c| match c {
            '0' => 'g',
            '1' => 'h',
            '3' => 'k',
            'a' => 'm',
            'e' => 't',
            other => other,
        })
        .collect()
}

fn tail(parts: &[String]) -> String {
    parts[1..].iter().fold(String::new(), |mut tail, part| {
        tail.push('-');
        tail.push_str(part);
        tail
    })
}

fn short_hash(text: &str) -> String {
    let mut hex = sha256_hex(text);
    hex.truncate(8);
    hex
}

fn squeeze(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for c in part.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

fn is_label_shape(text: &str) -> bool {
    let alnum = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(alnum)
        && bytes.last().is_some_and(alnum)
        && bytes.iter().all(|b| alnum(b) || *b == b'-')
}

fn is_qualified_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_of_name_has_its_own_rules() {
        let long = "a".repeat(64);
        for (check, good, bad) in [
            (
                is_dns_label as fn(&str) -> bool,
                vec!["a", "0", "a-b", "web1"],
                vec!["", "A", "-a", "a-", "a.b", "a_b", &long],
            ),
            (is_dns_1035_label, vec!["a", "a-1"], vec!["1a", "", "A"]),
            (
                is_dns_subdomain,
                vec!["a", "a.b-c.d", &long],
                vec!["", "a..b", ".a", "a.", "A.b"],
            ),
            (
                is_label_value,
                vec!["", "a", "v1.2_3-x", "A"],
                vec!["-a", "a-", "a b", "a/b", &long],
            ),
            (
                is_label_key,
                vec!["a", "app.kubernetes.io/name", "x/Y_z"],
                vec!["", "/a", "a/", "a/b/c", "X.y/a", &long],
            ),
            (
                is_port_name,
                vec!["http", "a1", "1a"],
                vec!["", "a--b", "80", "http-metrics-and-more", "Http", "-a"],
            ),
            (is_env_name, vec!["A", "a.b-c", "A B"], vec!["", "A=B", "é"]),
            (
                is_config_key,
                vec!["a", "a.yaml", "_x", "A-1"],
                vec!["", ".", "..", "..a", "a/b", "a b"],
            ),
        ] {
            for text in good {
                assert!(check(text), "{text:?}");
            }
            for text in bad {
                assert!(!check(text), "{text:?}");
            }
        }
    }

    #[test]
    fn names_are_joined_and_cut_in_the_first_part() {
        assert_eq!(k8s_name(&["api", "files"], 63).unwrap(), "api-files");
        assert_eq!(k8s_name(&["My App_1", "x.y"], 63).unwrap(), "my-app-1-x-y");
        assert_eq!(k8s_name(&["", "--"], 63), None);
        let long = "a".repeat(70);
        let name = k8s_name(&[&long, "headless"], 63).unwrap();
        assert_eq!(name.len(), 63);
        assert!(name.contains("aaa-headless-"), "{name}");
        assert_ne!(name, k8s_name(&[&"a".repeat(71), "headless"], 63).unwrap());
        assert_eq!(k8s_name(&["a", &long], 63), None);
    }

    #[test]
    fn label_values_are_made_of_any_text() {
        assert_eq!(label_value("1.4.0"), "1.4.0");
        assert_eq!(label_value("v1+build/7"), "v1-build-7");
        assert_eq!(label_value("-x-"), "x");
        assert_eq!(label_value(&"b".repeat(80)).len(), 63);
    }

    #[test]
    fn hashes_are_encoded_as_kustomize_does() {
        assert_eq!(encode_hash("0123456789abcdef"), "gh2k456789");
        assert_eq!(encode_hash("aebcdf"), "mtbcdf");
        assert!(sha256_hex("").starts_with("e3b0c44298fc"));
    }

    proptest! {
        #[test]
        fn made_names_are_names(parts in proptest::collection::vec(".{0,90}", 1..4), max in 20_usize..64) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            if let Some(name) = k8s_name(&parts, max) {
                prop_assert!(is_dns_label(&name) && name.len() <= max, "{}", name);
            }
        }

        #[test]
        fn made_label_values_are_label_values(text in ".{0,120}") {
            prop_assert!(is_label_value(&label_value(&text)));
        }
    }
}
