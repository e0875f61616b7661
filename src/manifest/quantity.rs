//! Quantities as Kubernetes counts them: exact decimals with a suffix.
//!
//! Reading, rounding and printing are those of `k8s.io/apimachinery/pkg/api/resource`.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Add;

/// Units of 10^-9, the finest that Kubernetes keeps.
const NANO: i128 = 1_000_000_000;
/// Kubernetes caps every quantity at 2^63-1.
const MAX_NANOS: i128 = i64::MAX as i128 * NANO;

/// Which family of suffixes a quantity was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suffix {
    /// `n`, `u`, `m`, none, `k`, `M`, `G`, `T`, `P`, `E`.
    Decimal,
    /// `Ki`, `Mi`, `Gi`, `Ti`, `Pi`, `Ei`.
    Binary,
    /// `1e3`.
    Exponent,
}

/// An amount: `250m` CPUs, `512Mi` of memory. Compares by value, whatever the suffix.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    suffix: Suffix,
}

impl Quantity {
    /// Reads `1`, `250m`, `1.5Gi`, `1e3`. What is finer than 10^-9 is rounded up, what is larger
    /// than 2^63-1 is capped, as Kubernetes does. `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let digits_end = unsigned
            .bytes()
            .position(|b| !b.is_ascii_digit() && b != b'.')
            .unwrap_or(unsigned.len());
        let (number, suffix_text) = unsigned.split_at(digits_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (scale, suffix) = parse_suffix(suffix_text)?;
        let nanos = scaled(whole, fraction, scale);
        Some(Self {
            nanos: if negative { -nanos } else { nanos },
            suffix,
        })
    }

    /// The suffix family it was written in.
    pub fn suffix(self) -> Suffix {
        self.suffix
    }

    /// The amount in units of 10^-9, the finest there is.
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    /// Whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Whether the amount is below zero.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// The amount in thousandths, rounded up: CPUs as millicores.
    pub fn millis(self) -> i128 {
        div_up(self.nanos, NANO / 1000)
    }

    /// The amount as an integer, rounded up: memory as bytes.
    pub fn units(self) -> i128 {
        div_up(self.nanos, NANO)
    }

    /// Multiplies by a decimal such as `1.5` (at most nine digits after the point), rounding up.
    /// `None` when `factor` is not such a number.
    pub fn times(self, factor: &str) -> Option<Self> {
        let factor = Quantity::parse(factor).filter(|_| {
            factor
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'))
        })?;
        // Whole and fractional part apart, so that the product cannot overflow 128 bits early.
        let (whole, rest) = (factor.nanos / NANO, factor.nanos % NANO);
        let high = self.nanos.checked_mul(whole)?;
        let low = div_up(self.nanos.checked_mul(rest)?, NANO);
        Some(self.with_nanos(high.checked_add(low)?))
    }

    fn with_nanos(self, nanos: i128) -> Self {
        Self {
            nanos: nanos.clamp(-MAX_NANOS, MAX_NANOS),
            suffix: self.suffix,
        }
    }
}

impl Add for Quantity {
    type Output = Quantity;

    /// The sum, in the suffix family of the left operand.
    fn add(self, other: Quantity) -> Quantity {
        self.with_nanos(self.nanos + other.nanos)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl fmt::Display for Quantity {
    /// The canonical form: no fraction, the largest suffix that loses nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.suffix == Suffix::Binary && self.nanos.abs() >= 1024 * NANO {
            let (mantissa, power) = reduce(self.units(), 1024, 6);
            let unit = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power];
            return write!(f, "{mantissa}{unit}");
        }
        let (mantissa, power) = reduce(self.nanos, 1000, 9);
        if self.suffix == Suffix::Exponent {
            return match 3 * i64::try_from(power).unwrap_or(0) - 9 {
                0 => write!(f, "{mantissa}"),
                exponent => write!(f, "{mantissa}e{exponent}"),
            };
        }
        let unit = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][power];
        write!(f, "{mantissa}{unit}")
    }
}

/// Takes factors of `base` out of a number, at most `limit` of them.
fn reduce(mut number: i128, base: i128, limit: usize) -> (i128, usize) {
    let mut power = 0;
    while power < limit && number % base == 0 {
        number /= base;
        power += 1;
    }
    (number, power)
}

/// What a suffix multiplies by.
#[derive(Clone, Copy)]
enum Scale {
    Ten(i32),
    Two(u32),
}

fn parse_suffix(text: &str) -> Option<(Scale, Suffix)> {
    let decimal = |power| Some((Scale::Ten(power), Suffix::Decimal));
    let binary = |power| Some((Scale::Two(power), Suffix::Binary));
    match text {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = text.strip_prefix(['e', 'E'])?;
            let power: i32 = exponent.parse().ok()?;
            Some((Scale::Ten(power), Suffix::Exponent))
        }
    }
}

/// `whole.fraction` times the scale, in nanos, rounded up and capped.
fn scaled(whole: &str, fraction: &str, scale: Scale) -> i128 {
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    let (shift, factor) = match scale {
        Scale::Ten(power) => (power, 1_i128),
        Scale::Two(power) => (0, 1_i128 << power),
    };
    let fraction_len = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    let exponent = shift.saturating_sub(fraction_len).saturating_add(9);
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if length.saturating_add(exponent) > 30 {
        return MAX_NANOS;
    }
    // Past the last digit that can matter only "is anything left" counts, for rounding up.
    let keep = digits.len().min(36);
    let more = digits[keep..].bytes().any(|b| b != b'0');
    let dropped = i32::try_from(digits.len() - keep).unwrap_or(i32::MAX);
    let mantissa: i128 = digits[..keep].parse().unwrap_or(i128::MAX);
    let exponent = exponent.saturating_add(dropped);
    let product = mantissa.checked_mul(factor);
    let nanos = match (product, u32::try_from(exponent)) {
        (None, _) => return scaled_wide(mantissa, factor, exponent),
        (Some(product), Ok(up)) => 10_i128
            .checked_pow(up)
            .and_then(|ten| product.checked_mul(ten)),
        (Some(product), Err(_)) => Some(shrink(product, exponent.unsigned_abs())),
    };
    let nanos = nanos.unwrap_or(MAX_NANOS);
    nanos.saturating_add(i128::from(more)).min(MAX_NANOS)
}

/// The product does not fit 128 bits: the mantissa has digits far below a nano; drop those first.
fn scaled_wide(mantissa: i128, factor: i128, exponent: i32) -> i128 {
    let Ok(_) = u32::try_from(-exponent) else {
        return MAX_NANOS;
    };
    let drop = 18.min(exponent.unsigned_abs());
    let product = shrink(mantissa, drop).checked_mul(factor);
    product.map_or(MAX_NANOS, |product| {
        shrink(product, exponent.unsigned_abs() - drop).min(MAX_NANOS)
    })
}

fn shrink(number: i128, powers: u32) -> i128 {
    10_i128
        .checked_pow(powers)
        .map_or(i128::from(number > 0), |ten| div_up(number, ten))
}

/// Division that rounds away from zero.
fn div_up(number: i128, by: i128) -> i128 {
    let quotient = number / by;
    if number % by == 0 {
        quotient
    } else {
        quotient + number.signum() * by.signum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn q(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|| panic!("{text} is a quantity"))
    }

    #[test]
    fn prints_as_apimachinery_does() {
        // Expectations: quantity_test.go of apimachinery 0.34, TestQuantityString and -Parse.
        for (text, canonical) in [
            ("0", "0"),
            ("0n", "0"),
            ("1024Ki", "1Mi"),
            ("1000Ki", "1000Ki"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("1023", "1023"),
            ("250m", "250m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.1", "100m"),
            (".5", "500m"),
            ("1.", "1"),
            ("+1", "1"),
            ("-1", "-1"),
            ("1000000", "1M"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("1500e0", "1500"),
            ("100e-3", "100e-3"),
            ("1E", "1E"),
            ("9223372036854775807", "9223372036854775807"),
            ("10E", "9223372036854775807"),
            ("0.0000000001", "1n"),
            (
                "1.00000000000000000000000000000000000000000000001",
                "1000000001n",
            ),
            ("0.00000000000000000000000000000000000001Ei", "1n"),
        ] {
            assert_eq!(q(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refuses_what_apimachinery_refuses() {
        for text in [
            "", "x", "1x", "1 Gi", "1.2.3", "Gi", ".", "-", "1K", "1mi", "1KI", "1e", "1e1.5",
            "1i", "--1", "1Gi ", "1,5",
        ] {
            assert!(Quantity::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn compares_adds_and_multiplies_exactly() {
        assert!(q("1Gi") > q("1G"));
        assert_eq!(q("1024Mi"), q("1Gi"));
        assert_eq!((q("250m") + q("0.75")).to_string(), "1");
        assert_eq!((q("1Gi") + q("512Mi")).to_string(), "1536Mi");
        assert_eq!(q("512Mi").times("1.5").unwrap().to_string(), "768Mi");
        assert_eq!(q("1m").times("0.0000001").unwrap().to_string(), "1n");
        assert!(q("1").times("2Gi").is_none());
        assert_eq!(q("100m").millis(), 100);
        assert_eq!(q("1.0001").millis(), 1001);
        assert_eq!(q("512Mi").units(), 536_870_912);
        assert!(q("-1").is_negative() && !q("0").is_negative());
    }

    proptest! {
        #[test]
        fn printing_loses_nothing(number in 0_u64..1_u64 << 50, at in 0_usize..16) {
            let suffix = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "e3", "e-3"][at];
            let quantity = q(&format!("{number}{suffix}"));
            prop_assert_eq!(q(&quantity.to_string()), quantity);
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eEinumkKMGTP]{0,60}") {
            if let Some(quantity) = Quantity::parse(&text) {
                let _ = (quantity + quantity).to_string();
                let _ = quantity.times("1.5");
            }
        }
    }
}
