//! Filters and functions, through templates.

use super::*;
use crate::manifest::read::{ReadOptions, read_one};

fn subject(sources: &Sources) -> Subject {
    let node = |text: &str| {
        let file = sources.add("in.yaml", text);
        read_one(sources, file, &ReadOptions::kustomize_resource())
            .unwrap()
            .root
    };
    Subject {
        kind: KindInfo {
            group: "deployx.dev".into(),
            version: "v1".into(),
            kind: "WebService".into(),
            template: Some("t".into()),
            workload: None,
            component: Some("web".into()),
            serving: true,
            track: "main".into(),
            name_max: 63,
        },
        name: "pre-api".into(),
        source_name: "api".into(),
        namespace: "prod".into(),
        spec: node(
            "{image: 'r.io:5000/a/b:1.2', n: 3, f: 1.5, t: true, s: '', m: {b: 1, a: [x]}, selector: {app: old, deployx.dev/track: null}, pod: {labels: {tier: web}}}",
        ),
        metadata: node(
            "{name: pre-api, namespace: prod, labels: {team: shop}, annotations: {note: x, config.kubernetes.io/index: '0'}}",
        ),
        services: BTreeMap::new(),
    }
}

/// Renders an expression or a template; an error comes as its message.
fn render(text: &str) -> String {
    let text = if text.contains("{{") || text.contains("{%") {
        text.to_owned()
    } else {
        format!("{{{{ {text} }}}}")
    };
    let file = TemplateFile {
        name: "t".into(),
        shown: "t".into(),
        text: text.into(),
        built_in: false,
    };
    let sources = Sources::new();
    let engine = Engine::new(vec![file], (1, 29));
    match engine.render("t", &subject(&sources), &sources) {
        Ok(rendered) => rendered.text,
        Err(fault) => format!("error: {}", fault.message),
    }
}

#[test]
fn filters_do_what_they_say() {
    let mut wrong = Vec::new();
    for (text, want) in [
        ("spec.m | json", r#"{"a":["x"],"b":1}"#),
        (
            "['<', 1.0, 2.5, none, true] | json",
            r#"["<",1,2.5,null,true]"#,
        ),
        ("spec.nope | json", "null"),
        ("spec.m | to_yaml", "a:\n- x\nb: 1"),
        ("('a: 1' | from_yaml).a", "1"),
        ("'{\"a\": \"yes\"}' | from_json | json", r#"{"a":"yes"}"#),
        ("'a: yes' | from_yaml | json", r#"{"a":true}"#),
        ("'a\nb\n\nc' | indent(2)", "a\n  b\n\n  c"),
        ("'a\nb' | indent(2, true)", "  a\n  b"),
        ("'a\nb' | nindent(2)", "\n  a\n  b"),
        ("spec.n | string", "3"),
        ("spec.t | string", "true"),
        (
            "spec.f | string",
            "error: invalid operation: a fraction has no one spelling; quote it in the input",
        ),
        (
            "spec.m | string",
            "error: invalid operation: a scalar is expected, not map",
        ),
        ("'ä' | b64enc", "w6Q="),
        ("'w6Q=' | b64dec", "ä"),
        (
            "'/w==' | b64dec",
            "error: invalid operation: the decoded bytes are not UTF-8",
        ),
        (
            "'%' | b64dec",
            "error: invalid operation: not base64: Invalid symbol 37, offset 0.",
        ),
        (
            "'' | sha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("'' | hash10", "tkbgc44298"),
        ("{'x': 'y'} | configmap_hash", "6gc9d749f7"),
        ("{} | configmap_hash", "6ct58987ht"),
        ("{'a': '<b>&é'} | configmap_hash", "2c27d2449m"),
        ("k8s_name('A_b', 'c')", "a-b-c"),
        (
            "k8s_name('a' * 30, 'suffix', max=20)",
            "aaaa-suffix-0a5d4a9d",
        ),
        (
            "k8s_name('', '-')",
            "error: invalid operation: `--` makes no name",
        ),
        ("'v1+x' | label_value", "v1-x"),
        (
            "quantity('1Gi') > quantity('1G')",
            "error: invalid operation: a bool is not printed bare; pipe it through `json`",
        ),
        ("(quantity('1Gi') > quantity('1G')) | json", "true"),
        ("(quantity('0.5') == quantity('500m')) | json", "true"),
        ("quantity('1024Mi') | json", r#""1Gi""#),
        ("'1024Mi' | q_print", "1Gi"),
        ("'250m' | q_add('1')", "1250m"),
        ("'512Mi' | q_mul('1.5')", "768Mi"),
        ("'1Gi' | q_max('1G')", "1Gi"),
        ("'250m..1' | range_lo", "250m"),
        ("'250m..1' | range_hi", "1"),
        ("'1' | range_hi | json", "null"),
        ("'1..' | range_hi('memory') | json", "null"),
        ("'1Gi' | range_hi('memory')", "1Gi"),
        ("'1h30m' | seconds", "5400"),
        (
            "'500ms' | seconds",
            "error: invalid operation: `500ms` is no whole number of seconds",
        ),
        ("'70%' | percent", "70"),
        ("70 | percent", "70"),
        ("'25%' | int_or_percent | json", r#""25%""#),
        ("'3' | int_or_percent | json", "3"),
        ("'53/udp' | port_number", "53"),
        ("'53/udp' | port_protocol", "UDP"),
        ("'0444' | octal", "292"),
        ("'50/1m' | rate_count", "50"),
        ("'50/1m' | rate_seconds", "60"),
        ("3 | omit(3) | json", "null"),
        ("{'a': {'x': 1}, 'b': {}} | pluck('x') | json", r#"{"a":1}"#),
        ("spec.image | image_tag", "1.2"),
        ("spec.image | image_name", "r.io:5000/a/b"),
        ("spec.image | image_digest | json", "null"),
        ("spec.s | required('say it')", "error: say it"),
        ("spec.n | required('say it')", "3"),
        ("default_from(spec.nope, none, spec.s, 1) | json", r#""""#),
        (
            "merge({'a': {'b': 1, 'c': 2}}, {'a': {'b': none, 'd': 3}}) | json",
            r#"{"a":{"c":2,"d":3}}"#,
        ),
        ("kube_at_least('1.29') | json", "true"),
        ("kube_at_least('1.30') | json", "false"),
        (
            "kube_at_least('new')",
            "error: invalid operation: `new` is no version such as `1.30`",
        ),
        (
            "kube ~ ' ' ~ kind ~ ' ' ~ name ~ ' ' ~ source_name",
            "1.29 WebService pre-api api",
        ),
        ("main_port({'a': 1})", "a"),
        ("main_port({'a': 1, 'http': 2})", "http"),
        ("main_port({'a': 1, 'b': 2}, 'b')", "b"),
        (
            "main_port({'a': 1, 'b': 2})",
            "error: invalid operation: several ports and none is called `http`",
        ),
    ] {
        let got = render(text);
        if got != want {
            wrong.push(format!("{text}\n  got  {got}\n  want {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn labels_of_objects_pods_and_selectors() {
    for (text, want) in [
        (
            "labels() | json",
            r#"{"app.kubernetes.io/component":"web","app.kubernetes.io/name":"pre-api","team":"shop"}"#,
        ),
        (
            "selector() | json",
            r#"{"app":"old","app.kubernetes.io/name":"pre-api"}"#,
        ),
        (
            "service_selector() | json",
            r#"{"app":"old","app.kubernetes.io/name":"pre-api"}"#,
        ),
        (
            "pod_labels() | json",
            r#"{"app":"old","app.kubernetes.io/component":"web","app.kubernetes.io/name":"pre-api","deployx.dev/serving":"true","deployx.dev/track":"main","tier":"web"}"#,
        ),
        (
            "meta('x', labels={'a': 'b', 'c': none}, annotations={'d': 'e'}) | json",
            r#"{"annotations":{"d":"e","note":"x"},"labels":{"a":"b","app.kubernetes.io/component":"web","app.kubernetes.io/name":"pre-api","team":"shop"},"name":"x","namespace":"prod"}"#,
        ),
        (
            "meta('x', nope=1)",
            "error: too many arguments: unknown keyword argument 'nope'",
        ),
    ] {
        assert_eq!(render(text), want, "{text}");
    }
}

#[test]
fn environment_variables_come_after_what_they_use() {
    let names = |env: &str| {
        render(&format!(
            "env_list({env}) | map(attribute='name') | join(' ')"
        ))
    };
    assert_eq!(
        names("{'A': '$(C)', 'B': 'x', 'C': '$(D)', 'D': '1'}"),
        "B D C A"
    );
    assert_eq!(names("{'A': '$$(B)', 'B': '$(A)'}"), "A B");
    assert_eq!(names("{'A': '$(A)', 'B': '$(UNKNOWN)'}"), "A B");
    assert_eq!(
        names("{'A': '$(B)', 'B': '$(A)', 'C': ''}"),
        "error: variables use each other in a circle: `A`, `B`"
    );
}

#[test]
fn structure_keeps_its_origin_through_macros_and_filters() {
    let text = "{% macro m(x) %}\n  v: {{ x | string | json }}\n{% endmacro %}\na:\n{{ m(spec.n) | indent(2, true) }}b: {{ spec.m | json }}\n";
    let file = TemplateFile {
        name: "t".into(),
        shown: "t".into(),
        text: text.into(),
        built_in: true,
    };
    let sources = Sources::new();
    let engine = Engine::new(vec![file], (1, 37));
    let subject = subject(&sources);
    let rendered = engine.render("t", &subject, &sources).unwrap();
    let made = sources.add_generated("made", rendered.text.clone(), rendered.origins);
    let input = sources.get(subject.spec.span.file()).unwrap();
    for (needle, origin, line) in [("\"3\"", "3", 2), ("1}", "1", 5), ("\"x\"", "x", 5)] {
        let at = rendered.text.find(needle).unwrap();
        let trace = sources.trace(Span::new(made, at, at + 1));
        let span = trace.input.unwrap();
        assert_eq!(&input.text[span.range()], origin);
        let template = trace.template.unwrap();
        let source = sources.get(template.file()).unwrap();
        assert_eq!(source.position(template.start()).line, line, "{needle}");
    }
}

#[test]
fn two_tables_do_not_mix_up_their_templates() {
    let file = TemplateFile {
        name: "t".into(),
        shown: "t".into(),
        text: "{{ fail('x', at=spec.n) }}".into(),
        built_in: true,
    };
    let engine = Engine::new(vec![file], (1, 37));
    for others in [0, 3, 1] {
        let sources = Sources::new();
        for _ in 0..others {
            sources.add("other", "other");
        }
        let fault = engine
            .render("t", &subject(&sources), &sources)
            .unwrap_err();
        let line = fault.secondary.first().unwrap();
        assert_eq!(sources.locate(line.span), "t:1:4");
    }
}
