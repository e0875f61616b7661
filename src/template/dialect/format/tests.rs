use super::*;
use crate::manifest::resolve::{Dialect, Resolved, resolve};

/// A scalar as a kustomize resource file would have it; texts in double quotes are quoted.
fn scalar(text: &str) -> Scalar {
    if let Some(quoted) = text.strip_prefix('"') {
        return Scalar::string(quoted.trim_end_matches('"'));
    }
    let Resolved::Kind(kind) = resolve(text, Dialect::Kustomize) else {
        panic!("{text} is a scalar");
    };
    Scalar {
        text: text.into(),
        kind,
        plain: true,
        folded: false,
        untagged: false,
    }
}

#[test]
fn formats_take_and_refuse() {
    for (format, good, bad) in [
        ("affinity-duration", "none 3h 86400s", "25h 0s 10800 x"),
        ("abs-path", "/ /a/b", "a ../a /a/../b /a:b"),
        ("config-key", "a a.b _x", ".. a/b"),
        (
            "cpu-range",
            "1 0.5 250m 250m..1 1.. 2..2",
            "1..500m x ..1 1..x -1",
        ),
        ("dns-label", "a a-1", "A a.b -a"),
        ("dns-subdomain", "a a.b", "A a_b"),
        ("duration", "0s 90s 1h30m", "30 1d 500ms x 1.5"),
        (
            "env-literal",
            "a \"yes\" 50 true -1 \"0644\" a=b",
            "yes 0644 1.5 1e3 True 2001-01-01 1:30 +1 0x1F",
        ),
        ("int-or-percent", "0 3 25% 0% 100%", "-1 x 1.5 %"),
        ("label-key", "a a.b/c", "/a a/b/c"),
        ("label-value", "a v1.2", "a/b -a"),
        ("memory-range", "512Mi 256Mi..1Gi 1Gi.. 1000", "1Gi..1Mi x"),
        (
            "octal-mode",
            "\"0444\" \"400\" \"0777\"",
            "0444 292 \"999\" \"07777\"",
        ),
        ("percent", "70% 70 1", "0 0% x -1 7.5"),
        ("pointer", "/a/b / /a~1b", "a a/b"),
        (
            "port",
            "8080 53/udp 53/UDP 1/sctp 80/tcp",
            "0 65536 x 53/foo 8080/ \"080\"",
        ),
        ("port-name", "http a1", "80 HTTP a--b"),
        ("quantity", "1Gi 10 0.5", "x -1 1K"),
        ("rate", "50/1m 3/30s", "50 50/ 0/1m 1/2h 1/500ms"),
        ("rel-path", "a a/b", "/a ../a a/.."),
        ("service-port", "80 none", "0 http x 99999"),
        (
            "timezone",
            "UTC Etc/UTC America/Argentina/Buenos_Aires Etc/GMT+1",
            "Local a//b /x",
        ),
        (
            "url",
            "http://a https://a.b/c?d",
            "a ftp://a http:// http:///x",
        ),
        ("cron", "@daily", "@never x"),
        (
            "image",
            "a a:1 r.io:5000/a/b:1@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "A:1 a:: :1",
        ),
        ("env-name", "A a.b", "A=B"),
    ] {
        let format = Format::parse(format).unwrap();
        for text in good.split(' ') {
            assert_eq!(format.check(&scalar(text)), Ok(()), "{format:?} {text}");
        }
        for text in bad.split(' ') {
            assert!(format.check(&scalar(text)).is_err(), "{format:?} {text}");
        }
    }
    assert_eq!(Format::names().count(), 26);
}

#[test]
fn messages_say_what_to_write() {
    let error = |format: Format, text| format.check(&scalar(text)).unwrap_err();
    assert_eq!(error(Format::Duration, "30").hint.unwrap(), "say `30s`");
    assert_eq!(
        error(Format::EnvLiteral, "yes").hint.unwrap(),
        "quote it: \"yes\""
    );
    assert_eq!(
        error(Format::CpuRange, "2..1").message,
        "the request 2 is larger than the limit 1"
    );
}

#[test]
fn parts_of_short_grammars() {
    assert_eq!(split_port("53/udp"), Some((53, "UDP")));
    assert_eq!(split_range("250m..1"), ("250m", Some("1")));
    assert_eq!(split_range("1.."), ("1", Some("")));
    assert_eq!(split_range("1"), ("1", None));
    assert_eq!(split_rate("50/1m"), Some((50, 60)));
}
