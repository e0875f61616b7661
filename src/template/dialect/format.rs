//! Formats of scalars: short grammars, so that a patch always replaces a scalar by a scalar.

use crate::manifest::duration::Duration;
use crate::manifest::names;
use crate::manifest::quantity::Quantity;
use crate::manifest::resolve;
use crate::manifest::{Scalar, ScalarKind};

use super::cron;
use super::image;

/// A scalar's grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `none`, or a duration of at most a day.
    AffinityDuration,
    /// `/etc/app`.
    AbsPath,
    /// A key of a ConfigMap or Secret.
    ConfigKey,
    /// `250m`, `250m..1`, `250m..`.
    CpuRange,
    /// `*/5 * * * *` or `@daily`.
    Cron,
    /// A DNS label.
    DnsLabel,
    /// A DNS subdomain.
    DnsSubdomain,
    /// `90s`, `1h30m`.
    Duration,
    /// A string, an integer, `true` or `false`, as written.
    EnvLiteral,
    /// Name of an environment variable.
    EnvName,
    /// An image reference.
    Image,
    /// `1` or `25%`.
    IntOrPercent,
    /// A label key.
    LabelKey,
    /// A label value.
    LabelValue,
    /// As `cpu-range`, for bytes.
    MemoryRange,
    /// `0444`.
    OctalMode,
    /// `70%` or `70`.
    Percent,
    /// A JSON pointer.
    Pointer,
    /// `8080` or `53/udp`.
    Port,
    /// Name of a port.
    PortName,
    /// A Kubernetes quantity.
    Quantity,
    /// `50/1m`.
    Rate,
    /// `data/x`, below a directory.
    RelPath,
    /// A port number or `none`.
    ServicePort,
    /// `Europe/Berlin`.
    Timezone,
    /// `https://example.com/x`.
    Url,
}

use Format as F;

/// Name, what it must be, and an example.
const FORMATS: [(F, &str, &str, &str); 26] = [
    (
        F::AffinityDuration,
        "affinity-duration",
        "`none` or a duration of at most 24h",
        "3h",
    ),
    (
        F::AbsPath,
        "abs-path",
        "an absolute path without `..`",
        "/etc/app",
    ),
    (
        F::ConfigKey,
        "config-key",
        "letters, digits, `-`, `_` and `.`",
        "db-user",
    ),
    (
        F::CpuRange,
        "cpu-range",
        "CPUs as `request`, `request..limit` or `request..`",
        "250m..1",
    ),
    (
        F::Cron,
        "cron",
        "five cron fields or a macro",
        "30 14 * * *",
    ),
    (
        F::DnsLabel,
        "dns-label",
        "at most 63 lower-case letters, digits and `-`",
        "api-v1",
    ),
    (
        F::DnsSubdomain,
        "dns-subdomain",
        "lower-case letters, digits, `-` and `.`",
        "app-config",
    ),
    (
        F::Duration,
        "duration",
        "a duration with units h, m, s",
        "1h30m",
    ),
    (
        F::EnvLiteral,
        "env-literal",
        "a string, an integer, `true` or `false`",
        "info",
    ),
    (
        F::EnvName,
        "env-name",
        "printable characters without `=`",
        "LOG_LEVEL",
    ),
    (
        F::Image,
        "image",
        "an image reference",
        "registry.example.com/shop/api:1.4.0",
    ),
    (
        F::IntOrPercent,
        "int-or-percent",
        "a number of pods or a percentage",
        "25%",
    ),
    (
        F::LabelKey,
        "label-key",
        "a label key",
        "app.kubernetes.io/part-of",
    ),
    (
        F::LabelValue,
        "label-value",
        "at most 63 letters, digits, `-`, `_` and `.`",
        "shop",
    ),
    (
        F::MemoryRange,
        "memory-range",
        "bytes as `request..limit`, `both` or `request..`",
        "256Mi..512Mi",
    ),
    (
        F::OctalMode,
        "octal-mode",
        "permissions in octal, quoted",
        "\"0444\"",
    ),
    (F::Percent, "percent", "a percentage from 1", "70%"),
    (
        F::Pointer,
        "pointer",
        "a JSON pointer",
        "/spec/template/spec/containers/0",
    ),
    (
        F::Port,
        "port",
        "a port, with or without a protocol",
        "53/udp",
    ),
    (
        F::PortName,
        "port-name",
        "at most 15 lower-case letters, digits and single `-`, with a letter",
        "http",
    ),
    (F::Quantity, "quantity", "a quantity", "10Gi"),
    (F::Rate, "rate", "a number for each period", "50/1m"),
    (
        F::RelPath,
        "rel-path",
        "a relative path without `..`",
        "data/uploads",
    ),
    (
        F::ServicePort,
        "service-port",
        "a port number or `none`",
        "80",
    ),
    (
        F::Timezone,
        "timezone",
        "a name of the time zone database",
        "Europe/Berlin",
    ),
    (
        F::Url,
        "url",
        "an http or https address",
        "https://example.com",
    ),
];

/// What is wrong with a scalar, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// What it must be, as a fragment.
    pub message: String,
    /// What to write.
    pub hint: Option<String>,
}

impl Format {
    /// Finds a format by its name in a schema.
    pub fn parse(name: &str) -> Option<Self> {
        FORMATS
            .iter()
            .find(|(_, format, ..)| *format == name)
            .map(|(format, ..)| *format)
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().map(|(_, name, ..)| *name)
    }

    /// The name in a schema.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// What a value must be.
    pub fn describe(self) -> &'static str {
        self.row().2
    }

    /// A value of this format.
    pub fn example(self) -> &'static str {
        self.row().3
    }

    /// Whether numbers are taken besides strings. Such a format stands without `type`.
    pub fn takes_numbers(self) -> bool {
        matches!(
            self,
            F::CpuRange
                | F::EnvLiteral
                | F::IntOrPercent
                | F::MemoryRange
                | F::Percent
                | F::Port
                | F::Quantity
                | F::ServicePort
        )
    }

    fn row(self) -> &'static (F, &'static str, &'static str, &'static str) {
        FORMATS
            .iter()
            .find(|(format, ..)| *format == self)
            .expect("every format has a row")
    }

    /// Checks a scalar.
    ///
    /// # Errors
    /// What it must be instead.
    pub fn check(self, scalar: &Scalar) -> Result<(), FormatError> {
        if self == F::EnvLiteral {
            return check_env_literal(scalar);
        }
        let text = match scalar.kind {
            ScalarKind::Str => scalar.text.to_string(),
            ScalarKind::Int | ScalarKind::Float if self.takes_numbers() => scalar_text(scalar),
            ScalarKind::Int if self == F::Duration || self == F::AffinityDuration => {
                return Err(FormatError {
                    message: "a duration needs a unit".into(),
                    hint: Some(format!("say `{}s`", scalar_text(scalar))),
                });
            }
            ScalarKind::Int if self == F::OctalMode => {
                return Err(FormatError {
                    message: "a bare number is read as decimal or octal by its spelling".into(),
                    hint: Some("quote it: \"0444\"".into()),
                });
            }
            _ => return Err(self.error()),
        };
        let why = self.judge(&text);
        match why {
            Verdict::Good => Ok(()),
            Verdict::Bad => Err(self.error()),
            Verdict::Because(message) => Err(FormatError {
                message,
                hint: None,
            }),
        }
    }

    fn error(self) -> FormatError {
        FormatError {
            message: format!("must be {}", self.describe()),
            hint: Some(format!("for example `{}`", self.example())),
        }
    }

    fn judge(self, text: &str) -> Verdict {
        let good = match self {
            F::CpuRange | F::MemoryRange => return judge_range(text),
            F::Cron => {
                return match cron::check(text) {
                    Ok(()) => Verdict::Good,
                    Err(message) => Verdict::Because(message),
                };
            }
            F::Image => {
                return match image::parse_image(text) {
                    Ok(_) => Verdict::Good,
                    Err(message) => Verdict::Because(message),
                };
            }
            F::AffinityDuration => text == "none" || Duration::parse(text).is_some_and(in_one_day),
            F::AbsPath => is_abs_path(text),
            F::ConfigKey => names::is_config_key(text),
            F::DnsLabel => names::is_dns_label(text),
            F::DnsSubdomain => names::is_dns_subdomain(text),
            F::Duration => Duration::parse(text).is_some_and(|d| d.as_secs().is_some()),
            F::EnvLiteral => true,
            F::EnvName => names::is_env_name(text),
            F::IntOrPercent => percent(text, 0).is_some() || number(text).is_some(),
            F::LabelKey => names::is_label_key(text),
            F::LabelValue => names::is_label_value(text),
            F::OctalMode => is_octal_mode(text),
            F::Percent => percent(
                text.strip_suffix('%').map_or(&format!("{text}%"), |_| text),
                1,
            )
            .is_some(),
            F::Pointer => text.starts_with('/'),
            F::Port => split_port(text).is_some(),
            F::PortName => names::is_port_name(text),
            F::Quantity => Quantity::parse(text).is_some_and(|q| !q.is_negative()),
            F::Rate => split_rate(text).is_some(),
            F::RelPath => is_rel_path(text),
            F::ServicePort => text == "none" || port_number(text).is_some(),
            F::Timezone => is_timezone(text),
            F::Url => is_url(text),
        };
        if good { Verdict::Good } else { Verdict::Bad }
    }
}

enum Verdict {
    Good,
    Bad,
    Because(String),
}

/// The text of a scalar, numbers in the one spelling that both ways of building print.
pub fn scalar_text(scalar: &Scalar) -> String {
    match scalar.as_number() {
        Some(number) => number.to_yaml(),
        None => scalar.as_str().map_or_else(
            || match scalar.as_bool() {
                Some(value) => value.to_string(),
                None => scalar.text.to_string(),
            },
            |text| text.to_string(),
        ),
    }
}

/// Splits `53/udp` into number and protocol in upper case; a bare number is TCP.
pub fn split_port(text: &str) -> Option<(u16, &'static str)> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => "TCP",
        "udp" => "UDP",
        "sctp" => "SCTP",
        _ => return None,
    };
    Some((port_number(number)?, protocol))
}

/// Splits `A..B`, `A..` and `A` into request and what stands after the dots (`None` without dots).
pub fn split_range(text: &str) -> (&str, Option<&str>) {
    match text.split_once("..") {
        Some((low, high)) => (low.trim(), Some(high.trim())),
        None => (text, None),
    }
}

/// Splits `50/1m` into a count from 1 and a period of 1 second to 30 minutes, as HPA policies ask.
pub fn split_rate(text: &str) -> Option<(i64, u64)> {
    let (count, period) = text.split_once('/')?;
    let count: i64 = number(count).filter(|n| *n > 0)?;
    let seconds = Duration::parse(period)?.as_secs()?;
    (1..=1800).contains(&seconds).then_some((count, seconds))
}

fn check_env_literal(scalar: &Scalar) -> Result<(), FormatError> {
    let as_written = match scalar.kind {
        ScalarKind::Str => !scalar.plain || !resolve::needs_quotes(&scalar.text),
        ScalarKind::Int | ScalarKind::Bool => scalar.text == scalar_text(scalar),
        ScalarKind::Float | ScalarKind::Timestamp => false,
        ScalarKind::Null => return Err(F::EnvLiteral.error()),
    };
    if as_written {
        return Ok(());
    }
    Err(FormatError {
        message: format!("`{}` can be read in several ways", scalar.text),
        hint: Some(format!("quote it: \"{}\"", scalar.text)),
    })
}

fn judge_range(text: &str) -> Verdict {
    let (low, high) = split_range(text);
    let amount = |text: &str| Quantity::parse(text).filter(|q| !q.is_negative());
    match (amount(low), high) {
        (Some(_), None | Some("")) => Verdict::Good,
        (Some(request), Some(high)) => match amount(high) {
            Some(limit) if limit < request => {
                Verdict::Because(format!("the request {low} is larger than the limit {high}"))
            }
            Some(_) => Verdict::Good,
            None => Verdict::Bad,
        },
        (None, _) => Verdict::Bad,
    }
}

fn in_one_day(duration: Duration) -> bool {
    duration
        .as_secs()
        .is_some_and(|s| (1..=86_400).contains(&s))
}

fn number(text: &str) -> Option<i64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (canonical && digits).then(|| text.parse::<i32>().ok().map(i64::from))?
}

fn percent(text: &str, least: i64) -> Option<i64> {
    number(text.strip_suffix('%')?).filter(|n| *n >= least)
}

fn port_number(text: &str) -> Option<u16> {
    number(text)
        .and_then(|n| u16::try_from(n).ok())
        .filter(|n| *n > 0)
}

fn is_abs_path(text: &str) -> bool {
    text.starts_with('/') && !text.contains(':') && text.split('/').all(|part| part != "..")
}

fn is_rel_path(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/') && text.split('/').all(|part| part != "..")
}

fn is_octal_mode(text: &str) -> bool {
    matches!(text.len(), 3 | 4)
        && text.bytes().all(|b| (b'0'..=b'7').contains(&b))
        && (text.len() == 3 || text.starts_with('0'))
}

/// Whether a name has the shape of a time zone; `Local` is what the server refuses.
fn is_timezone(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    !text.eq_ignore_ascii_case("local") && text.split('/').all(part)
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests;
