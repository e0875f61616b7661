//! Schedules of CronJobs as robfig/cron v3 reads them (`ParseStandard`), in its words, and names
//! of time zones.

use crate::manifest::duration::Duration;

/// Lowest and highest number of the five fields, and names of numbers.
const FIELDS: [(u64, u64, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (
        1,
        12,
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    ),
    (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// The names of the IANA time zone database (2026a), one on each line, sorted.
static TIME_ZONES: &str = include_str!("time_zones.txt");

/// Checks a schedule.
///
/// # Errors
/// The words of the library.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
        // Refused anyhow: a schedule names no time zone.
        return Ok(());
    }
    if text.starts_with('@') {
        return descriptor(text);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        ));
    }
    for (field, (low, high, names)) in fields.iter().zip(FIELDS) {
        // As FieldsFunc splits: empty parts do not count.
        for part in field.split(',').filter(|part| !part.is_empty()) {
            range(part, low, high, names)?;
        }
    }
    Ok(())
}

fn descriptor(text: &str) -> Result<(), String> {
    let known = [
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
    ];
    if known.contains(&text) {
        return Ok(());
    }
    let Some(every) = text.strip_prefix("@every ") else {
        return Err(format!("unrecognized descriptor: {text}"));
    };
    let unsigned = every.strip_prefix(['-', '+']).unwrap_or(every);
    match unsigned == "0" || Duration::parse(unsigned).is_some() {
        true => Ok(()),
        false => Err(format!(
            "failed to parse duration {text}: time: invalid duration \"{every}\""
        )),
    }
}

/// One part of a field: `number`, `number-number`, `*`, each with or without `/step`.
fn range(part: &str, low: u64, high: u64, names: &[&str]) -> Result<(), String> {
    let slashes: Vec<&str> = part.split('/').collect();
    let ends: Vec<&str> = slashes[0].split('-').collect();
    let (start, mut end) = if matches!(ends[0], "*" | "?") {
        (low, high)
    } else {
        let start = number(ends[0], low, names)?;
        match ends.as_slice() {
            [_] => (start, start),
            [_, last] => (start, number(last, low, names)?),
            _ => return Err(format!("too many hyphens: {part}")),
        }
    };
    let step = match slashes.as_slice() {
        [_] => 1,
        [_, step] => {
            if ends.len() == 1 {
                end = high;
            }
            number(step, 0, &[])?
        }
        _ => return Err(format!("too many slashes: {part}")),
    };
    if start < low {
        return Err(format!(
            "beginning of range ({start}) below minimum ({low}): {part}"
        ));
    }
    if end > high {
        return Err(format!(
            "end of range ({end}) above maximum ({high}): {part}"
        ));
    }
    if start > end {
        return Err(format!(
            "beginning of range ({start}) beyond end of range ({end}): {part}"
        ));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {part}"));
    }
    Ok(())
}

fn number(text: &str, first: u64, names: &[&str]) -> Result<u64, String> {
    if let Some(at) = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
    {
        return Ok(first + at as u64);
    }
    match text.parse::<i64>() {
        Ok(number) => u64::try_from(number)
            .map_err(|_| format!("negative number ({number}) not allowed: {text}")),
        Err(_) => Err(format!(
            "failed to parse int from {text}: strconv.Atoi: parsing \"{text}\": invalid syntax"
        )),
    }
}

/// Whether a name is one of the time zone database.
pub(super) fn is_time_zone(name: &str) -> bool {
    // Sorted by bytes; searched in place, without a table.
    let mut rest = TIME_ZONES;
    while !rest.is_empty() {
        let middle = rest[rest.len() / 2..]
            .find('\n')
            .map_or(rest.len(), |at| rest.len() / 2 + at);
        let start = rest[..middle].rfind('\n').map_or(0, |at| at + 1);
        match name.cmp(&rest[start..middle]) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => rest = &rest[..start.saturating_sub(1)],
            std::cmp::Ordering::Greater => rest = rest.get(middle + 1..).unwrap_or_default(),
        }
    }
    false
}

/// The name of the database that is nearest to a text.
pub(super) fn nearest_time_zone(name: &str) -> Option<&'static str> {
    crate::manifest::suggest::nearest(name, TIME_ZONES.lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_the_controller_reads_them() {
        for text in [
            "* * * * *",
            "*/5 0-23/2 1,15 JAN-mar sun",
            "? ? ? ? ?",
            "*/70 * * * *",
            "0 0 31 2 *",
            "  0 0 * * 0 ",
            "@hourly",
            "@every 1h30m",
            "@every 0",
            ",1,, * * * *",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for (text, words) in [
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("* * * * 7", "end of range (7) above maximum (6): 7"),
            (
                "*/0 * * * *",
                "step of range should be a positive number: */0",
            ),
            (
                "5-1 * * * *",
                "beginning of range (5) beyond end of range (1): 5-1",
            ),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            (
                "L * * * *",
                "failed to parse int from L: strconv.Atoi: parsing \"L\": invalid syntax",
            ),
            ("@reboot", "unrecognized descriptor: @reboot"),
        ] {
            assert_eq!(check(text), Err(words.to_owned()), "{text}");
        }
        assert!(check("@every 1x").is_err());
    }

    #[test]
    fn every_time_zone_is_found() {
        for zone in TIME_ZONES.lines() {
            assert!(is_time_zone(zone), "{zone}");
        }
        for zone in ["", "Mars/Base", "europe/berlin", "Europe", "Zulu2", "A"] {
            assert!(!is_time_zone(zone), "{zone}");
        }
        assert_eq!(nearest_time_zone("Europe/Berlim"), Some("Europe/Berlin"));
    }
}
