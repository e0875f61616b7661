//! What the built-in schemas and templates owe their readers.

use std::collections::BTreeSet;

use super::{Build, expanded};
use crate::manifest::Span;
use crate::manifest::json::{from_json, to_json};
use crate::schema::{Version, tables};
use crate::template::dialect::Schema;

/// Calls `visit` with the dotted path of each field that can be written.
fn fields(schema: &Schema, prefix: &str, visit: &mut dyn FnMut(&str, &Schema)) {
    for (name, property) in &schema.properties {
        let path = format!("{prefix}{name}");
        visit(&path, property);
        if property.refused.is_none() {
            fields(property, &format!("{path}."), visit);
            if let Some(each) = &property.additional {
                let each = each.forms.as_ref().map_or(each, |forms| &forms.map);
                fields(each, &format!("{path}.<name>."), visit);
            }
        }
    }
}

#[test]
fn every_field_is_described_and_shown_by_example() {
    let build = Build::new("");
    let mut missing = Vec::new();
    for kind in build.library.kinds(&build.sources).unwrap() {
        fields(&kind.schema, "", &mut |path, schema| {
            let refused = schema.refused.is_some();
            for (what, is_there) in [
                ("description", schema.description.is_some()),
                ("example", refused || !schema.examples.is_empty()),
                ("target", refused || !schema.targets.is_empty()),
            ] {
                if !is_there {
                    missing.push(format!("{} {path}: {what}", kind.info.kind));
                }
            }
        });
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn examples_and_defaults_are_valid() {
    use crate::manifest::path::FieldPath;
    use crate::template::dialect::{Form, check};
    let build = Build::new("");
    for kind in build.library.kinds(&build.sources).unwrap() {
        fields(&kind.schema, "", &mut |path, schema| {
            for value in schema.examples.iter().chain(&schema.default) {
                let form = if schema.default.as_ref().is_some_and(|d| d.same_value(value)) {
                    Form::Patch
                } else {
                    Form::Whole
                };
                let found = check(schema, &kind.info.kind, value, &FieldPath::root(), form);
                assert!(found.faults.is_empty(), "{path}: {:?}", found.faults);
            }
        });
    }
}

#[test]
fn targets_are_fields_of_kubernetes() {
    let build = Build::new("");
    let tables = tables(Version::newest());
    let mut wrong = BTreeSet::new();
    for kind in build.library.kinds(&build.sources).unwrap() {
        fields(&kind.schema, "", &mut |path, schema| {
            for target in &schema.targets {
                let (root, rest) = target.split_once('.').unwrap_or((target, ""));
                if root == "Release" {
                    continue;
                }
                let exists = tables.kinds().any(|kind| {
                    let steps = rest.split('.').filter(|step| !step.is_empty());
                    kind.kind() == root
                        && steps
                            .flat_map(|step| match step.strip_suffix("[]") {
                                Some(list) => vec![list, "0"],
                                None => vec![step],
                            })
                            .try_fold(kind.object().ty(), crate::schema::Type::step)
                            .is_some()
                });
                if !exists {
                    wrong.insert(format!("{path}: {target}"));
                }
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn templates_read_what_the_schemas_have() {
    let build = Build::new("");
    for kind in build.library.kinds(&build.sources).unwrap() {
        let faults = build.library.kind_faults(kind, &build.sources);
        assert!(faults.is_empty(), "{faults:?}");
    }
}

/// Inputs that say nothing new in their example, or only beside others.
const WITHOUT_EFFECT: [&str; 4] = [
    // The only source has no other to be ordered with.
    "envFrom.<name>.order",
    // Written out, the default.
    "ingress.api",
    // The Service of the base has one port, which its type and name do not change.
    "mainPort",
    "rolloutOn",
];

#[test]
fn every_input_has_an_effect() {
    let build = Build::new("");
    let mut idle = Vec::new();
    for kind in build
        .library
        .kinds(&build.sources)
        .unwrap()
        .into_iter()
        .filter(|kind| kind.info.template.is_some())
    {
        for (name, property) in &kind.schema.properties {
            if property.refused.is_some() || WITHOUT_EFFECT.contains(&name.as_str()) {
                continue;
            }
            let mut base = base(&kind.info.kind);
            if name == "volumes" && kind.info.kind == "WebService" {
                // The example is mounted by one node, which one pod can use.
                base["replicas"] = 1.into();
            }
            let Some(example) = property.examples.first() else {
                continue;
            };
            let mut with = base.clone();
            with[name.as_str()] = to_json(example);
            if name == "autoscaling" {
                with.as_object_mut().unwrap().remove("replicas");
            }
            if render(&kind.info.kind, &with) == render(&kind.info.kind, &base) {
                idle.push(format!("{} {name}", kind.info.kind));
            }
        }
    }
    assert!(idle.is_empty(), "{idle:?}");
}

fn base(kind: &str) -> serde_json::Value {
    let mut base = serde_json::json!({"image": "a:1"});
    match kind {
        "WebService" => base["ports"] = serde_json::json!({"http": 1234, "grpc": 1, "metrics": 2}),
        "Worker" => base["ports"] = serde_json::json!({"grpc": 1}),
        _ => base["schedule"] = "@daily".into(),
    }
    base
}

fn render(kind: &str, spec: &serde_json::Value) -> String {
    let spec = crate::manifest::emit::emit(&from_json(spec, Span::NONE));
    let spec = spec.replace('\n', "\n  ");
    let service = "---\napiVersion: deployx.dev/v1\nkind: WebService\nmetadata: {name: other}\nspec: {image: b, ports: {http: 1}}\n";
    expanded(&format!(
        "apiVersion: deployx.dev/v1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n  {}\n{service}",
        spec.trim_end()
    ))
}

#[test]
fn nested_inputs_have_an_effect() {
    let cases: [(&str, &str, &[&str]); 12] = [
        (
            "WebService",
            "env",
            &[
                r#"{"A":{"secret":"s"}}"#,
                r#"{"A":{"secret":"s","key":"k"}}"#,
                r#"{"A":{"secret":"s","optional":true}}"#,
                r#"{"A":{"service":"other"}}"#,
            ],
        ),
        (
            "WebService",
            "envFrom",
            &[
                r#"{"a":{"config":"c"}}"#,
                r#"{"a":{"config":"c","prefix":"P_"}}"#,
                r#"{"a":{"config":"c","optional":true}}"#,
                r#"{"a":{"config":"c"},"b":{"secret":"s"}}"#,
                r#"{"a":{"config":"c","order":1},"b":{"secret":"s"}}"#,
            ],
        ),
        (
            "WebService",
            "service",
            &[
                r#"{"type":"NodePort"}"#,
                r#"{"type":"headless"}"#,
                r#"{"type":"none"}"#,
                r#"{"ports":{"http":81}}"#,
                r#"{"sessionAffinity":"3h"}"#,
                r#"{"annotations":{"a":"b"}}"#,
                r#"{"name":"n"}"#,
            ],
        ),
        (
            "WebService",
            "health",
            &[
                r#"{"ready":{"http":"/a"}}"#,
                r#"{"ready":{"http":"/a","scheme":"HTTPS"}}"#,
                r#"{"ready":{"http":"/a","port":"grpc"}}"#,
                r#"{"ready":{"every":"7s"}}"#,
                r#"{"ready":{"timeout":"7s"}}"#,
                r#"{"ready":{"failures":7}}"#,
                r#"{"live":{"tcp":true}}"#,
                r#"{"startup":{"within":"9m"}}"#,
                r#"{"startup":{"grpc":"x"}}"#,
            ],
        ),
        (
            "WebService",
            "rollout",
            &[
                r#"{"type":"rolling"}"#,
                r#"{"type":"recreate"}"#,
                r#"{"surge":2}"#,
                r#"{"unavailable":1}"#,
                r#"{"minReady":"3s"}"#,
                r#"{"deadline":"1m"}"#,
                r#"{"history":1}"#,
            ],
        ),
        (
            "WebService",
            "autoscaling",
            &[
                r#"{"max":3}"#,
                r#"{"max":3,"min":1}"#,
                r#"{"max":3,"cpu":"50%"}"#,
                r#"{"max":3,"memory":"50%"}"#,
                r#"{"max":3,"scaleUp":{"percent":"50/1m"}}"#,
                r#"{"max":3,"scaleUp":{"pods":"5/1m"}}"#,
                r#"{"max":3,"scaleUp":{"window":"1m"}}"#,
                r#"{"max":3,"scaleUp":{"select":"min"}}"#,
                r#"{"max":3,"scaleDown":{"select":"disabled"}}"#,
            ],
        ),
        (
            "WebService",
            "placement",
            &[
                r#"{"spread":"hard"}"#,
                r#"{"spread":"none"}"#,
                r#"{"zones":"none"}"#,
                r#"{"priorityClass":"p"}"#,
                r#"{"runtimeClass":"p"}"#,
                r#"{"affinity":{"a":{}}}"#,
            ],
        ),
        (
            "WebService",
            "security",
            &[
                r#"{"profile":"baseline"}"#,
                r#"{"profile":"none"}"#,
                r#"{"user":1}"#,
                r#"{"group":1}"#,
                r#"{"fsGroup":1}"#,
                r#"{"readOnlyRoot":false}"#,
                r#"{"runAsNonRoot":false}"#,
                r#"{"profile":"none","privileged":true}"#,
            ],
        ),
        (
            "WebService",
            "serviceAccount",
            &[
                r#"{"name":"s"}"#,
                r#"{"create":false}"#,
                r#"{"token":true}"#,
                r#"{"annotations":{"a":"b"}}"#,
            ],
        ),
        (
            "WebService",
            "shutdown",
            &[r#"{"drain":"0s"}"#, r#"{"grace":"9s"}"#],
        ),
        (
            "WebService",
            "ingress",
            &[
                r#"{"routes":{"a":{"host":"h"}}}"#,
                r#"{"class":"c","routes":{"a":{"host":"h"}}}"#,
                r#"{"routes":{"a":{"host":"h","path":"/p"}}}"#,
                r#"{"routes":{"a":{"host":"h","pathType":"Exact"}}}"#,
                r#"{"routes":{"a":{"host":"h","port":"grpc"}}}"#,
                r#"{"tls":{},"routes":{"a":{"host":"h"}}}"#,
                r#"{"tls":{"secret":"s"},"routes":{"a":{"host":"h"}}}"#,
                r#"{"tls":{"issuer":"i"},"routes":{"a":{"host":"h"}}}"#,
                r#"{"tls":{"issuer":"i","issuerKind":"Issuer"},"routes":{"a":{"host":"h"}}}"#,
            ],
        ),
        (
            "CronTask",
            "history",
            &[r#"{"succeeded":7}"#, r#"{"failed":7}"#],
        ),
    ];
    for (kind, field, values) in cases {
        let mut seen = BTreeSet::from([render(kind, &base(kind))]);
        for value in values {
            let mut spec = base(kind);
            spec[field] = serde_json::from_str(value).unwrap();
            assert!(seen.insert(render(kind, &spec)), "{kind} {field}: {value}");
        }
    }
}

#[test]
fn marks_change_no_byte() {
    for text in [
        super::WORKED_EXAMPLE,
        super::OVERLAY,
        super::EVERYTHING,
        super::WORKER,
        super::CRON,
    ] {
        let build = Build::new(text);
        let spans: Vec<Span> = build
            .expand()
            .unwrap()
            .iter()
            .map(|node| node.span)
            .collect();
        assert!(!spans.is_empty());
        for (marked, plain) in build
            .library
            .renders_both_ways(&build.resources, &build.sources)
        {
            assert_eq!(marked, plain);
            assert!(!marked.contains('\u{FDD0}'));
        }
    }
}
