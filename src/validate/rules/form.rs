//! Forms of text: names, labels, ports, addresses. Each says what is wrong in the server's words
//! (`apimachinery/pkg/api/validate/content`, `pkg/util/validation`) and the nearest right form.

use super::addresses::{cidr, ip};
use crate::manifest::names;
use crate::schema::Version;

/// What a text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Key of a ConfigMap or Secret.
    ConfigKey,
    /// Network in CIDR notation.
    Cidr,
    /// RFC 1035 label.
    Dns1035Label,
    /// RFC 1123 label.
    DnsLabel,
    /// RFC 1123 subdomain.
    DnsSubdomain,
    /// RFC 1123 subdomain that may end in `-`: the server takes it for the head of a name.
    DnsPrefix,
    /// A subdomain whose parts may begin with `_`; `.` alone and a final dot pass.
    DnsSearch,
    /// `domain/path`.
    DomainPath,
    /// Name of an environment variable.
    EnvName,
    /// Name of an HTTP header.
    HeaderName,
    /// IP address.
    Ip,
    /// Key of a label: a qualified name.
    LabelKey,
    /// Value of a label.
    LabelValue,
    /// One segment of a URL path.
    PathSegment,
    /// Name of a port (IANA service name).
    PortName,
    /// A relative path that does not leave its directory.
    RelativePath,
    /// As the former, and not beginning with `..`.
    RelativeFile,
    /// Name of a Service: an RFC 1123 label, before 1.36 an RFC 1035 label.
    ServiceName,
    /// A subdomain, or `*.` and one.
    WildcardOrSubdomain,
}

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SEARCH: &str = r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
const WILDCARD: &str = r"a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_PART: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

impl Form {
    /// What the server says about a text; nothing when it has the form.
    pub(super) fn fault(self, text: &str, version: Version) -> Option<String> {
        let words = match self {
            Form::ConfigKey => config_key(text),
            Form::Cidr => cidr(text, version).err().map(str::to_owned),
            Form::Dns1035Label => label_1035(text),
            Form::DnsLabel => label(text),
            Form::DnsSubdomain => subdomain(text),
            Form::DnsPrefix => match text.strip_suffix('-') {
                Some(head) if !head.is_empty() => subdomain(&format!("{head}a")),
                _ => subdomain(text),
            },
            Form::DnsSearch => search(text, version),
            Form::DomainPath => domain_path(text),
            Form::EnvName => env_name(text, version),
            Form::HeaderName => header(text),
            Form::Ip => ip(text, version).err().map(str::to_owned),
            Form::LabelKey => label_key(text),
            Form::LabelValue => label_value(text),
            Form::PathSegment => path_segment(text),
            Form::PortName => port_name(text),
            Form::RelativePath => relative(text),
            Form::RelativeFile => relative(text).or_else(|| {
                let words = "must not start with '..'".to_owned();
                text.starts_with("..").then_some(words)
            }),
            // RelaxedServiceNameValidation.
            Form::ServiceName if version.minor() < 36 => label_1035(text),
            Form::ServiceName => label(text),
            Form::WildcardOrSubdomain if text.contains('*') => wildcard(text),
            Form::WildcardOrSubdomain => subdomain(text),
        };
        words.filter(|words| !words.is_empty())
    }

    /// What a text of the form is called.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Form::ConfigKey => "valid key",
            Form::Cidr => "network in CIDR notation",
            Form::Dns1035Label => "DNS label that starts with a letter",
            Form::DnsLabel | Form::ServiceName => "DNS label",
            Form::DnsSubdomain | Form::DnsPrefix | Form::DnsSearch => "DNS name",
            Form::DomainPath => "path with a domain before it",
            Form::EnvName => "name of an environment variable",
            Form::HeaderName => "name of an HTTP header",
            Form::Ip => "IP address",
            Form::LabelKey => "qualified name",
            Form::LabelValue => "label value",
            Form::PathSegment => "name",
            Form::PortName => "port name",
            Form::RelativePath | Form::RelativeFile => "path inside the volume",
            Form::WildcardOrSubdomain => "DNS name, with or without `*.` before it",
        }
    }

    /// Which texts have the form, in a few words.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Form::ConfigKey => "letters, digits, `-`, `_` and `.`",
            Form::Cidr => "an address, `/` and a length, such as `10.9.8.0/24`",
            Form::Dns1035Label | Form::DnsLabel | Form::ServiceName => {
                "at most 63 of a-z, 0-9 and `-`, alphanumeric at both ends"
            }
            Form::DnsSubdomain | Form::DnsPrefix => {
                "a-z, 0-9, `-` and `.`, alphanumeric at both ends"
            }
            Form::DnsSearch => "a-z, 0-9, `-`, `_` and `.`",
            Form::DomainPath => "such as `example.com/name`",
            Form::EnvName => "printable ASCII without `=`",
            Form::HeaderName => "letters, digits and `-`",
            Form::Ip => "such as `10.9.8.7` or `2001:db8::1`",
            Form::LabelKey => "at most 63 of letters, digits, `-`, `_` and `.`, after `domain/`",
            Form::LabelValue => "at most 63 of letters, digits, `-`, `_` and `.`",
            Form::PathSegment => "without `/` and `%`",
            Form::PortName => "at most 15 of a-z, 0-9 and `-`, with a letter",
            Form::RelativePath | Form::RelativeFile => "relative, without `..`",
            Form::WildcardOrSubdomain => "`*` stands only as the whole first part",
        }
    }

    /// A text of the form that is near to one that is not.
    pub(super) fn nearest(self, text: &str, version: Version) -> Option<String> {
        let squeeze = |text: &str, keep: &str| {
            let mut out = String::new();
            for c in text.trim().chars() {
                if c.is_ascii_alphanumeric() || keep.contains(c) {
                    out.push(c);
                } else if !out.ends_with('-') {
                    out.push('-');
                }
            }
            out.trim_matches(|c: char| !c.is_ascii_alphanumeric())
                .to_owned()
        };
        let candidate = match self {
            Form::Dns1035Label | Form::DnsLabel | Form::PortName | Form::ServiceName => {
                squeeze(&text.to_ascii_lowercase(), "-")
            }
            Form::DnsSubdomain | Form::DnsPrefix => squeeze(&text.to_ascii_lowercase(), "-."),
            Form::WildcardOrSubdomain if !text.contains('*') => {
                squeeze(&text.to_ascii_lowercase(), "-.")
            }
            Form::LabelKey => match text.split_once('/') {
                Some((prefix, name)) => format!(
                    "{}/{}",
                    squeeze(&prefix.to_ascii_lowercase(), "-."),
                    squeeze(name, "-_.")
                ),
                None => squeeze(text, "-_."),
            },
            Form::LabelValue => squeeze(text, "-_."),
            Form::ConfigKey => text.replace(['/', ' '], "."),
            _ => return None,
        };
        (candidate != text && !candidate.is_empty() && self.fault(&candidate, version).is_none())
            .then_some(candidate)
    }
}

/// Joins several of the server's complaints as it joins them.
fn complaints(list: &[Option<&str>]) -> Option<String> {
    let given: Vec<&str> = list.iter().flatten().copied().collect();
    (!given.is_empty()).then(|| given.join(", "))
}

fn label(text: &str) -> Option<String> {
    let long = (text.len() > names::LABEL_MAX).then_some("must be no more than 63 characters");
    let shape = (!is_label_shape(text)).then_some(if subdomain(text).is_none() {
        "must not contain dots"
    } else {
        LABEL
    });
    complaints(&[long, shape])
}

fn label_1035(text: &str) -> Option<String> {
    let long = (text.len() > names::LABEL_MAX).then_some("must be no more than 63 characters");
    let shape = is_label_shape(text) && text.as_bytes()[0].is_ascii_lowercase();
    complaints(&[long, (!shape).then_some(LABEL_1035)])
}

fn subdomain(text: &str) -> Option<String> {
    let long = (text.len() > names::SUBDOMAIN_MAX).then_some("must be no more than 253 characters");
    let shape = text.split('.').all(is_label_shape);
    complaints(&[long, (!shape).then_some(SUBDOMAIN)])
}

fn wildcard(text: &str) -> Option<String> {
    let rest = text.strip_prefix("*.").map(subdomain);
    (rest != Some(None)).then(|| WILDCARD.to_owned())
}

/// Relaxed since 1.32 (`RelaxedDNSSearchValidation`).
fn search(text: &str, version: Version) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if version.minor() < 34 {
        return subdomain(text);
    }
    let part = |part: &str| {
        let part = part.strip_prefix('_').unwrap_or(part);
        let ends = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        ends(part.as_bytes().first())
            && ends(part.as_bytes().last())
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    let long = (text.len() > names::SUBDOMAIN_MAX).then_some("must be no more than 253 characters");
    let shape = text.split('.').all(part);
    complaints(&[long, (!shape).then_some(SEARCH)])
}

fn is_label_shape(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
}

fn is_name_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn label_value(text: &str) -> Option<String> {
    let long = (text.len() > names::LABEL_MAX).then_some("must be no more than 63 bytes");
    let shape = (!text.is_empty() && !is_name_part(text)).then_some(VALUE);
    complaints(&[long, shape])
}

fn label_key(text: &str) -> Option<String> {
    if text.matches('/').count() > 1 {
        return Some(format!(
            "a valid label key {NAME_PART} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ));
    }
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let prefix = match prefix {
        Some("") => Some("prefix part must be non-empty".to_owned()),
        Some(prefix) => subdomain(prefix).map(|words| format!("prefix part {words}")),
        None => None,
    };
    let length = match name.len() {
        0 => Some("name part must be non-empty"),
        64.. => Some("name part must be no more than 63 bytes"),
        _ => None,
    };
    let shape = (!is_name_part(name)).then(|| format!("name part {NAME_PART}"));
    complaints(&[prefix.as_deref(), length, shape.as_deref()])
}

fn config_key(text: &str) -> Option<String> {
    let long = (text.len() > names::SUBDOMAIN_MAX).then_some("must be no more than 253 characters");
    let shape = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let dots = match text {
        "." => Some("must not be '.'"),
        ".." => Some("must not be '..'"),
        _ => text.starts_with("..").then_some("must not start with '..'"),
    };
    complaints(&[long, (!shape).then_some(CONFIG_KEY), dots])
}

/// Relaxed since 1.32 (`RelaxedEnvironmentVariableValidation`).
fn env_name(text: &str, _version: Version) -> Option<String> {
    if text.is_empty() {
        return Some("environment variable name must be non-empty".to_owned());
    }
    (!names::is_env_name(text)).then(|| {
        "a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned()
    })
}

fn header(text: &str) -> Option<String> {
    let shape = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (!shape).then(|| {
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')".to_owned()
    })
}

fn path_segment(text: &str) -> Option<String> {
    if text == "." || text == ".." {
        return Some(format!("may not be '{text}'"));
    }
    let contains = |c: char, words| text.contains(c).then_some(words);
    complaints(&[
        contains('/', "may not contain '/'"),
        contains('%', "may not contain '%'"),
    ])
}

fn port_name(text: &str) -> Option<String> {
    let alphabet = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    complaints(&[
        (text.len() > 15).then_some("must be no more than 15 characters"),
        (text.is_empty() || !text.bytes().all(alphabet))
            .then_some("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"),
        (!text.bytes().any(|b| b.is_ascii_lowercase()))
            .then_some("must contain at least one letter (a-z)"),
        text.contains("--")
            .then_some("must not contain consecutive hyphens"),
        (text.starts_with('-') || text.ends_with('-'))
            .then_some("must not begin or end with a hyphen"),
    ])
}

fn relative(text: &str) -> Option<String> {
    let absolute = text.starts_with('/').then_some("must be a relative path");
    let back = text
        .split('/')
        .any(|part| part == "..")
        .then_some("must not contain '..'");
    complaints(&[absolute, back])
}

fn domain_path(text: &str) -> Option<String> {
    let Some((domain, path)) = text
        .split_once('/')
        .filter(|(d, p)| !d.is_empty() && !p.is_empty())
    else {
        return Some("must be a domain-prefixed path (such as \"acme.io/foo\")".to_owned());
    };
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b);
    subdomain(domain).or_else(|| {
        (!path.bytes().all(legal)).then(|| {
            r"Invalid path (regex used for validation is '[A-Za-z0-9/\-._~%!$&'()*+,;=:]+')"
                .to_owned()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_takes_and_refuses_what_the_server_does() {
        let newest = Version::newest();
        let long = "a".repeat(64);
        let longer = "a".repeat(254);
        for (form, right, wrong) in [
            (
                Form::DnsLabel,
                vec!["a", "0", "a-b", "123"],
                vec!["", "A", "a_b", "a.b", "-a", "a-", long.as_str()],
            ),
            (Form::Dns1035Label, vec!["a", "a-1"], vec!["1a", "", "a.b"]),
            (
                Form::DnsSubdomain,
                vec!["a.b", "0.1", long.as_str()],
                vec!["a..b", ".a", "a_b", "A.b", longer.as_str(), ""],
            ),
            (
                Form::DnsSearch,
                vec!["a_b.c", "_tcp.x", "a.b."],
                vec!["-a", "a..b", "A", "", "."],
            ),
            (
                Form::WildcardOrSubdomain,
                vec!["*.a.b", "a.b"],
                vec!["*", "*.", "a.*", "**.a"],
            ),
            (
                Form::LabelKey,
                vec!["a", "A_b.c", "x.io/A"],
                vec![
                    "",
                    "a/",
                    "/a",
                    "X.io/a",
                    "a/b/c",
                    "-a",
                    "a b",
                    long.as_str(),
                ],
            ),
            (
                Form::LabelValue,
                vec!["", "A_b.c", "1"],
                vec!["-", "a ", "a/b", "a:b", "_a", long.as_str()],
            ),
            (
                Form::ConfigKey,
                vec!["a", ".a", "A_b-c.d", "-"],
                vec!["", ".", "..", "..a", "a/b", "a b", longer.as_str()],
            ),
            (
                Form::PortName,
                vec!["http", "a-1", "1a"],
                vec!["80", "a--b", "-a", "a-", "HTTP", "", "abcdefghijklmnop"],
            ),
            (Form::EnvName, vec!["1A b!", "a.b"], vec!["", "a=b", "ä"]),
            (Form::HeaderName, vec!["X-A"], vec!["", "a b", "a:"]),
            (
                Form::PathSegment,
                vec!["system:a", "a b"],
                vec![".", "..", "a/b", "a%b"],
            ),
            (
                Form::RelativePath,
                vec!["a/b", "..a", ""],
                vec!["/a", "a/../b", ".."],
            ),
            (Form::RelativeFile, vec!["a/b"], vec!["/a", "..a"]),
            (
                Form::DomainPath,
                vec!["a.b/c", "a/b/c"],
                vec!["a", "a/", "/b", "A/b", "a/b c"],
            ),
            (
                Form::Ip,
                vec!["10.0.0.1", "::1", "2001:DB8::1"],
                vec![
                    "",
                    "10.0.0",
                    "010.0.0.1",
                    "::ffff:1.2.3.4",
                    "a",
                    "1.2.3.4/8",
                ],
            ),
            (
                Form::Cidr,
                vec!["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/64", "1.2.3.4/32"],
                vec![
                    "10.0.0.0",
                    "10.0.0.0/33",
                    "10.0.0.1/8",
                    "10.0.0.0/08",
                    "a/8",
                    "1.2.3.4/",
                ],
            ),
        ] {
            for text in right {
                assert_eq!(form.fault(text, newest), None, "{form:?} {text}");
            }
            for text in wrong {
                assert!(form.fault(text, newest).is_some(), "{form:?} {text}");
            }
        }
    }

    #[test]
    fn the_nearest_right_form_is_offered() {
        let newest = Version::newest();
        for (form, text, want) in [
            (Form::DnsSubdomain, "My_App", Some("my-app")),
            (Form::DnsLabel, "a.b", Some("a-b")),
            (Form::LabelValue, "a/b:c", Some("a-b-c")),
            (Form::LabelKey, "App.io/na me", Some("app.io/na-me")),
            (Form::PortName, "HTTP_Web", Some("http-web")),
            (Form::PortName, "8080", None),
            (Form::Ip, "x", None),
        ] {
            assert_eq!(form.nearest(text, newest).as_deref(), want, "{text}");
        }
    }
}
