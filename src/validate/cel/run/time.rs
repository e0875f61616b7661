//! Times and spans of time (`common/types/timestamp.go` and `duration.go` of cel-go, and Go's
//! `time` package).

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::functions::{Answer, Function, failed};
use super::value::Value;
use super::{NO_OVERLOAD, Stop};

const SECOND: i128 = 1_000_000_000;
/// The first and the last second of the years 1 to 9999.
const FIRST: i128 = -62_135_596_800;
const LAST: i128 = 253_402_300_799;

/// A point in time, with the zone in which it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Nanoseconds since 1970.
    pub(super) nanos: i128,
    /// Seconds east of Greenwich.
    offset: i32,
}

impl Moment {
    pub(super) fn seconds(self) -> i64 {
        i64::try_from(self.nanos.div_euclid(SECOND)).unwrap_or(0)
    }

    /// Moved by so many nanoseconds.
    pub(super) fn shifted(self, by: i128) -> Answer {
        in_range(Self {
            nanos: self.nanos + by,
            ..self
        })
    }

    fn civil(self, offset: i32) -> Option<DateTime> {
        let offset = Offset::from_seconds(offset).ok()?;
        let timestamp = Timestamp::from_nanosecond(self.nanos).ok()?;
        Some(offset.to_datetime(timestamp))
    }

    /// Reads RFC 3339 as Go does; `loosely` also takes what formats of schemas take: no colon in
    /// the zone, no zone, a space or a small `t` before the clock.
    pub(super) fn read(text: &str, loosely: bool) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<i64> {
            let part = text.get(from..to)?;
            part.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
            part.parse().ok()
        };
        let bytes = text.as_bytes();
        let sign = |at: usize, signs: &[u8]| {
            let found = bytes.get(at).is_some_and(|byte| signs.contains(byte));
            found.then_some(())
        };
        let before: &[u8] = if loosely { b"Tt " } else { b"T" };
        for (at, signs) in [(4, b"-" as &[u8]), (7, b"-"), (10, before)] {
            sign(at, signs)?;
        }
        // Go takes an hour of one digit.
        let clock = if sign(12, b":").is_some() { 11 } else { 12 };
        let hour = number(11, clock + 1)?;
        sign(clock + 1, b":")?;
        sign(clock + 4, b":")?;
        let (minute, second) = (number(clock + 2, clock + 4)?, number(clock + 5, clock + 7)?);
        let small = |number: i64| i8::try_from(number).ok();
        let date = jiff::civil::Date::new(
            i16::try_from(number(0, 4)?).ok()?,
            small(number(5, 7)?)?,
            small(number(8, 10)?)?,
        )
        .ok()?;
        (hour < 24 && minute < 60 && second < 60).then_some(())?;
        let mut rest = text.get(clock + 7..)?;
        let mut fraction = 0;
        if let Some(digits) = rest.strip_prefix(['.', ',']) {
            let count = digits.bytes().take_while(u8::is_ascii_digit).count();
            if count > 0 {
                let nine: String = digits[..count]
                    .chars()
                    .chain("000000000".chars())
                    .take(9)
                    .collect();
                fraction = nine.parse::<i128>().ok()?;
                rest = &digits[count..];
            }
        }
        let offset = zone(rest, loosely)?;
        let days = i128::from(days(date));
        let local = days * 86_400 + i128::from(hour * 3600 + minute * 60 + second);
        Some(Self {
            nanos: (local - i128::from(offset)) * SECOND + fraction,
            offset,
        })
    }

    /// Reads a date.
    pub(super) fn read_date(text: &str) -> Option<Self> {
        Self::read(&format!("{text}T00:00:00Z"), false).filter(|_| text.len() == 10)
    }
}

/// Days since 1970.
fn days(date: jiff::civil::Date) -> i32 {
    let first = jiff::civil::date(1970, 1, 1);
    date.since(first).map_or(0, |span| span.get_days())
}

/// Seconds east of Greenwich.
fn zone(text: &str, loosely: bool) -> Option<i32> {
    match text {
        "Z" => return Some(0),
        "" | "z" if loosely => return Some(0),
        _ => {}
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(both) => both,
        None if loosely && rest.is_ascii() && rest.len() == 4 => rest.split_at(2),
        None => return None,
    };
    let number = |text: &str| -> Option<i32> {
        let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(civil) = self.civil(self.offset) else {
            return f.write_str("?");
        };
        let (date, time) = (civil.date(), civil.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T",
            date.year(),
            date.month(),
            date.day()
        )?;
        write!(
            f,
            "{:02}:{:02}:{:02}",
            time.hour(),
            time.minute(),
            time.second()
        )?;
        let nanos = time.subsec_nanosecond();
        if nanos != 0 {
            let digits = format!("{nanos:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        match self.offset {
            0 => f.write_str("Z"),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.abs() / 60;
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

fn in_range(moment: Moment) -> Answer {
    let inside = (FIRST..=LAST).contains(&moment.nanos.div_euclid(SECOND));
    match inside {
        true => Ok(Value::Timestamp(moment)),
        false => Err(Stop::wrong("timestamp overflow")),
    }
}

/// A span of nanoseconds, if it fits.
pub(super) fn duration(nanos: Option<i64>) -> Answer {
    nanos
        .map(Value::Duration)
        .ok_or_else(|| Stop::wrong("duration overflow"))
}

/// `string(duration)`.
#[expect(clippy::cast_precision_loss, reason = "the server prints a float64")]
pub(super) fn shown_duration(nanos: i64) -> String {
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let seconds = seconds as f64 + rest as f64 / 1e9;
    format!("{seconds}s")
}

/// `duration(x)`.
pub(super) fn to_duration(value: &Value) -> Answer {
    match value {
        Value::Duration(_) => Ok(value.clone()),
        Value::Text(text) => {
            let nanos = read_duration(text);
            let wrong = || failed(value, "google.protobuf.Duration");
            nanos.map(Value::Duration).ok_or_else(wrong)
        }
        Value::Int(_) => Err(failed(value, "google.protobuf.Duration")),
        _ => Err(NO_OVERLOAD),
    }
}

/// `timestamp(x)`.
pub(super) fn to_timestamp(value: &Value) -> Answer {
    match value {
        Value::Timestamp(_) => Ok(value.clone()),
        Value::Text(text) => {
            let moment = Moment::read(text, false);
            in_range(moment.ok_or_else(|| failed(value, "google.protobuf.Timestamp"))?)
        }
        Value::Int(seconds) => in_range(Moment {
            nanos: i128::from(*seconds) * SECOND,
            offset: 0,
        }),
        _ => Err(NO_OVERLOAD),
    }
}

/// Nanoseconds of Go's `1h30m`, `-1.5s`, `0`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "Go computes a fraction in float64"
)]
pub(super) fn read_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("\u{b5}s", 1_000),
        ("\u{3bc}s", 1_000),
        ("ms", 1_000_000),
        ("s", SECOND),
        ("m", 60 * SECOND),
        ("h", 3600 * SECOND),
    ];
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(digits(rest));
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(digits(after)),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit());
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        total = total.checked_add(whole.checked_mul(*unit)?)?;
        // More digits than a span can hold say nothing.
        let fraction = &fraction[..fraction.len().min(18)];
        if !fraction.is_empty() {
            let scale = 10_f64.powi(i32::try_from(fraction.len()).ok()?);
            let part = fraction.parse::<i64>().ok()? as f64 * (*unit as f64 / scale);
            total = total.checked_add(part as i128)?;
        }
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// Nanoseconds of a text that a schema calls a duration: Go's form, or `2 days` and the like
/// (`strfmt.ParseDuration`).
pub(super) fn read_loose_duration(text: &str) -> Option<i64> {
    const UNITS: [(&[&str], i64); 8] = [
        (&["ns", "nano"], 1),
        (&["us", "\u{b5}s", "micro"], 1_000),
        (&["ms", "milli"], 1_000_000),
        (&["s", "sec"], 1_000_000_000),
        (&["m", "min"], 60_000_000_000),
        (&["h", "hr", "hour"], 3_600_000_000_000),
        (&["d", "day"], 86_400_000_000_000),
        (&["w", "wk", "week"], 604_800_000_000_000),
    ];
    if let Some(nanos) = read_duration(text) {
        return Some(nanos);
    }
    let (mut total, mut found, mut rest) = (0_i64, false, text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let tail = &rest[start..];
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        let after = tail[digits..].trim_start_matches(|c: char| c.is_ascii_whitespace());
        let end = after.find(|c: char| !c.is_ascii_alphabetic() && c != '\u{b5}');
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        let unit = unit.to_lowercase();
        for (names, nanos) in UNITS {
            let last = names.last().is_some_and(|last| unit.starts_with(last));
            if last || names.contains(&unit.as_str()) {
                let factor = tail[..digits].parse::<i64>().ok()?;
                total = total.wrapping_add(factor.wrapping_mul(nanos));
                found = true;
            }
        }
        rest = after;
    }
    found.then_some(total)
}

pub(super) fn find(name: &str) -> Option<Function> {
    macro_rules! part {
        ($time:expr) => {
            |_, args| match args {
                [Value::Timestamp(moment)] => time_part(*moment, 0, $time),
                [Value::Timestamp(moment), Value::Text(zone)] => {
                    time_part(*moment, offset_of(zone)?, $time)
                }
                _ => Err(NO_OVERLOAD),
            }
        };
        ($time:expr, $unit:expr) => {
            |_, args| match args {
                [Value::Duration(nanos)] => Ok(Value::Int(nanos / $unit)),
                [Value::Timestamp(moment)] => time_part(*moment, 0, $time),
                [Value::Timestamp(moment), Value::Text(zone)] => {
                    time_part(*moment, offset_of(zone)?, $time)
                }
                _ => Err(NO_OVERLOAD),
            }
        };
    }
    Some(match name {
        "getFullYear" => part!(|t| i64::from(t.year())),
        "getMonth" => part!(|t| i64::from(t.month()) - 1),
        "getDayOfYear" => part!(|t| i64::from(t.date().day_of_year()) - 1),
        "getDayOfMonth" => part!(|t| i64::from(t.day()) - 1),
        "getDate" => part!(|t| i64::from(t.day())),
        "getDayOfWeek" => part!(|t| i64::from(t.date().weekday().to_sunday_zero_offset())),
        "getHours" => part!(|t| i64::from(t.hour()), 3_600_000_000_000),
        "getMinutes" => part!(|t| i64::from(t.minute()), 60_000_000_000),
        "getSeconds" => part!(|t| i64::from(t.second()), 1_000_000_000),
        "getMilliseconds" => {
            part!(|t| i64::from(t.subsec_nanosecond() / 1_000_000), 1_000_000)
        }
        _ => return None,
    })
}

fn time_part(moment: Moment, offset: i32, part: fn(DateTime) -> i64) -> Answer {
    let civil = moment.civil(offset);
    let civil = civil.ok_or(Stop::Unknown("a time is out of range"))?;
    Ok(Value::Int(part(civil)))
}

/// Seconds east of Greenwich of a zone that an expression names.
fn offset_of(zone: &str) -> Result<i32, Stop> {
    let Some((hours, minutes)) = zone.split_once(':') else {
        return match zone {
            "" | "UTC" => Ok(0),
            _ => Err(Stop::Unknown("it names a time zone")),
        };
    };
    let number = |text: &str| {
        let wrong = || format!("strconv.Atoi: parsing {text:?}: invalid syntax");
        text.parse::<i32>().map_err(|_| Stop::wrong(wrong()))
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if !(0..60).contains(&minutes) {
        let why = format!("timezone offset minutes out of range [0, 59]: {zone}");
        return Err(Stop::wrong(why));
    }
    let signed = if zone.starts_with('-') {
        -minutes
    } else {
        minutes
    };
    let offset = hours
        .checked_mul(60)
        .and_then(|hours| hours.checked_add(signed));
    let seconds = offset.and_then(|minutes| minutes.checked_mul(60));
    seconds.ok_or(Stop::Unknown("a time zone is out of range"))
}
