//! Cron schedules as the CronJob controller reads them (robfig/cron v3, `ParseStandard`).

/// The five fields: name, lowest and highest number, names of numbers.
const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of month", 1, 31, &[]),
    (
        "month",
        1,
        12,
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    ),
    (
        "day of week",
        0,
        6,
        &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    ),
];

/// Checks a schedule.
///
/// # Errors
/// What is wrong with which field.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.contains("TZ=") {
        return Err("a time zone belongs in `timeZone`".into());
    }
    if text.starts_with('@') {
        return check_macro(text);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "must have five fields (minute hour day month weekday), has {}",
            fields.len()
        ));
    }
    for (field, (name, low, high, names)) in fields.iter().zip(FIELDS) {
        for part in field.split(',') {
            if !is_part(part, low, high, names) {
                return Err(format!(
                    "`{part}` is no {name}: {low} to {high}, `*`, a range or a step"
                ));
            }
        }
    }
    Ok(())
}

fn check_macro(text: &str) -> Result<(), String> {
    const MACROS: [&str; 7] = [
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
    ];
    let every = text
        .strip_prefix("@every ")
        .and_then(crate::manifest::duration::Duration::parse);
    if MACROS.contains(&text) || every.is_some() {
        return Ok(());
    }
    Err(format!(
        "`{text}` is no macro; there are {} and `@every 1h`",
        MACROS.join(", ")
    ))
}

fn is_part(part: &str, low: u32, high: u32, names: &[&str]) -> bool {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let step_is_good = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|n| n > 0));
    let number = |text: &str| -> Option<u32> {
        let named = names.iter().position(|n| n.eq_ignore_ascii_case(text));
        let value = match named {
            Some(at) => low + u32::try_from(at).ok()?,
            None => text.parse().ok()?,
        };
        (low..=high).contains(&value).then_some(value)
    };
    let range_is_good = match range {
        "*" | "?" => true,
        _ => match range.split_once('-') {
            Some((from, to)) => {
                matches!((number(from), number(to)), (Some(from), Some(to)) if from <= to)
            }
            None => number(range).is_some(),
        },
    };
    step_is_good && range_is_good
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn schedules_are_read_as_the_controller_reads_them() {
        for text in [
            "30 14 * * *",
            "*/5 * * * *",
            "0 0 1,15 * mon-fri",
            "0-30/10 1-5 ? JAN-DEC 0",
            "@daily",
            "@every 1h30m",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for (text, part) in [
            ("* * * *", "five fields"),
            ("60 * * * *", "`60` is no minute"),
            ("* 24 * * *", "no hour"),
            ("* * 0 * *", "no day of month"),
            ("* * * 13 *", "no month"),
            ("* * * * 7", "no day of week"),
            ("5-1 * * * *", "no minute"),
            ("*/0 * * * *", "no minute"),
            ("@reboot", "no macro"),
            ("@every day", "no macro"),
            ("TZ=UTC * * * * *", "timeZone"),
            ("* * * * * *", "has 6"),
        ] {
            let message = check(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
