//! Durations as people write them: `90s`, `5m`, `1h30m`.

use std::fmt;

/// Units in the order in which they may follow each other, with their milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A span of time, exact to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    millis: u64,
}

impl Duration {
    /// Reads `90s`, `5m`, `1h30m`, `1.5h`, `500ms`: numbers with a unit each, larger units first,
    /// no unit twice. `None` for any other text, a bare number included.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut next_unit = 0;
        let mut millis: u64 = 0;
        while !rest.is_empty() {
            let digits = rest
                .bytes()
                .position(|b| !b.is_ascii_digit() && b != b'.')?;
            let (number, tail) = rest.split_at(digits);
            let end = tail
                .bytes()
                .position(|b| b.is_ascii_digit() || b == b'.')
                .unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let at = next_unit + UNITS[next_unit..].iter().position(|(u, _)| *u == unit)?;
            next_unit = at + 1;
            millis = millis.checked_add(times(number, UNITS[at].1)?)?;
            rest = tail;
        }
        (!text.is_empty()).then_some(Self { millis })
    }

    /// A duration of whole seconds.
    pub fn from_secs(seconds: u64) -> Self {
        Self {
            millis: seconds.saturating_mul(1000),
        }
    }

    /// Milliseconds.
    pub fn as_millis(self) -> u64 {
        self.millis
    }

    /// Whole seconds; `None` where a fraction would be lost.
    pub fn as_secs(self) -> Option<u64> {
        self.millis
            .is_multiple_of(1000)
            .then_some(self.millis / 1000)
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_millis(duration.millis)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        for (unit, size) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

/// A decimal number times a unit; `None` unless the product is a whole number of milliseconds.
fn times(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 9 || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let total = whole.checked_mul(unit)?;
    if fraction.is_empty() {
        return Some(total);
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let part = fraction.parse::<u64>().ok()?.checked_mul(unit)?;
    part.is_multiple_of(scale)
        .then(|| total.checked_add(part / scale))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds, printed) in [
            ("90s", 90, "1m30s"),
            ("5m", 300, "5m"),
            ("1h30m", 5400, "1h30m"),
            ("1.5h", 5400, "1h30m"),
            ("0s", 0, "0s"),
            ("24h", 86_400, "24h"),
            ("1m1s", 61, "1m1s"),
        ] {
            let duration = Duration::parse(text).unwrap();
            assert_eq!(duration.as_secs(), Some(seconds), "{text}");
            assert_eq!(duration.to_string(), printed, "{text}");
        }
        assert_eq!(Duration::parse("500ms").unwrap().as_secs(), None);
        assert_eq!(Duration::parse("1s500ms").unwrap().as_millis(), 1500);
    }

    #[test]
    fn refuses_what_is_unclear() {
        for text in [
            "",
            "30",
            "s",
            "1d",
            "5 m",
            "5M",
            "1m1h",
            "1m1m",
            "-5s",
            "1.s",
            ".5s",
            "1..5s",
            "5mins",
            "99999999999999999999s",
            "0.0001s",
        ] {
            assert_eq!(Duration::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_reading_agree(millis in 0_u64..1_u64 << 53) {
            let duration = Duration { millis };
            prop_assert_eq!(Duration::parse(&duration.to_string()), Some(duration));
        }

        #[test]
        fn no_text_panics(text in "[0-9.hms]{0,20}") {
            let _ = Duration::parse(&text);
        }
    }
}
