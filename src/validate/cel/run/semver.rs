//! Versions of semver.org, as `github.com/blang/semver/v4` reads and orders them.

use std::cmp::Ordering;

/// A version; what is behind `+` has no order and is left out.
#[derive(Debug)]
pub(super) struct Semver {
    pub(super) numbers: [u64; 3],
    before: Vec<Part>,
}

/// A part of what stands behind `-`.
#[derive(Debug)]
enum Part {
    Number(u64),
    Text(String),
}

impl Semver {
    /// Reads `1.2.3-rc.1+build`.
    ///
    /// # Errors
    /// Why it is no version.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (rest, None),
        };
        let (patch, before) = match rest.split_once('-') {
            Some((patch, before)) => (patch, Some(before)),
            None => (rest, None),
        };
        let numbers = [
            number(major, "Major")?,
            number(minor, "Minor")?,
            number(patch, "Patch")?,
        ];
        let before = before.map(|before| before.split('.').map(part).collect());
        for part in build.into_iter().flat_map(|build| build.split('.')) {
            if part.is_empty() {
                return Err("Build meta data is empty".to_owned());
            }
            if !part.bytes().all(is_part) {
                return Err(format!(
                    "Invalid character(s) found in build meta data {part:?}"
                ));
            }
        }
        Ok(Self {
            numbers,
            before: before.transpose()?.unwrap_or_default(),
        })
    }

    /// Reads one that is shorter, has a `v` before it or zeros in front.
    ///
    /// # Errors
    /// Why it is no version.
    pub(super) fn read_loosely(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text
            .splitn(3, '.')
            .map(|part| {
                if part.len() < 2 {
                    return part.to_owned();
                }
                let rest = part.trim_start_matches('0');
                match rest.starts_with(|c: char| c.is_ascii_digit()) {
                    true => rest.to_owned(),
                    false => format!("0{rest}"),
                }
            })
            .collect();
        if parts.len() < 3 {
            if parts.last().is_some_and(|last| last.contains(['+', '-'])) {
                let why = "short version cannot contain PreRelease/Build meta data";
                return Err(why.to_owned());
            }
            parts.resize(3, "0".to_owned());
        }
        Self::read(&parts.join("."))
    }

    /// Which of two versions comes first.
    pub(super) fn compare(&self, other: &Semver) -> Ordering {
        let numbers = self.numbers.cmp(&other.numbers);
        numbers.then_with(|| match (self.before.is_empty(), other.before.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let pairs = self.before.iter().zip(&other.before);
                let orders = pairs.map(|(a, b)| match (a, b) {
                    (Part::Number(a), Part::Number(b)) => a.cmp(b),
                    (Part::Text(a), Part::Text(b)) => a.cmp(b),
                    (Part::Number(_), Part::Text(_)) => Ordering::Less,
                    (Part::Text(_), Part::Number(_)) => Ordering::Greater,
                });
                let lengths = self.before.len().cmp(&other.before.len());
                orders.fold(Ordering::Equal, Ordering::then).then(lengths)
            }
        })
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn number(text: &str, name: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let name = name.to_lowercase();
        return Err(format!(
            "Invalid character(s) found in {name} number {text:?}"
        ));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(format!(
            "{name} number must not contain leading zeroes {text:?}"
        ));
    }
    text.parse().map_err(|_| too_large(text))
}

fn too_large(text: &str) -> String {
    format!("strconv.ParseUint: parsing {text:?}: value out of range")
}

fn part(text: &str) -> Result<Part, String> {
    if text.is_empty() {
        return Err("Prerelease is empty".to_owned());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        if text.len() > 1 && text.starts_with('0') {
            return Err(format!(
                "Numeric PreRelease version must not contain leading zeroes {text:?}"
            ));
        }
        return match text.parse() {
            Ok(number) => Ok(Part::Number(number)),
            Err(_) => Err(too_large(text)),
        };
    }
    match text.bytes().all(is_part) {
        true => Ok(Part::Text(text.to_owned())),
        false => Err(format!("Invalid character(s) found in prerelease {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order is that of semver.org, section 11.
    #[test]
    fn versions_are_ordered() {
        let texts = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1+build",
            "1.0.0",
            "1.2.0",
            "10.0.0",
        ];
        let versions = texts.map(|text| Semver::read(text).unwrap());
        for pair in versions.windows(2) {
            assert_eq!(pair[0].compare(&pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "a.b.c",
        ] {
            assert!(Semver::read(text).is_err(), "{text}");
        }
        for text in ["1", "v1.2", "01.2.3", "v1.02.3-rc.1"] {
            assert!(Semver::read_loosely(text).is_ok(), "{text}");
        }
        assert!(Semver::read_loosely("1-rc.1").is_err());
    }
}
