//! Verdicts on custom resources. The oracle of every line is kube-apiserver 1.37.0, or the Go code
//! that the modules name.

use super::*;
use crate::manifest::Sources;
use crate::validate::{Validator, Verdicts, judge_file};

/// A definition of `shop.dev/v1 Thing` with a schema of `spec`, in flow style.
fn definition(spec: &str) -> String {
    format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: \
         things.shop.dev}}, spec: {{group: shop.dev, scope: Namespaced, names: {{kind: Thing, \
         plural: things}}, versions: [{{name: v1, served: true, storage: true, subresources: \
         {{status: {{}}}}, schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {spec}, \
         status: {{type: object, properties: {{a: {{type: integer}}}}}}}}}}}}}}, {{name: v1beta1, \
         served: true, storage: false, deprecated: true, schema: {{openAPIV3Schema: {{type: \
         object, x-kubernetes-preserve-unknown-fields: true}}}}}}, {{name: v1alpha1, served: \
         false, storage: false, schema: {{openAPIV3Schema: {{type: object}}}}}}]}}}}\n"
    )
}

fn thing(spec: &str) -> String {
    format!("{{apiVersion: shop.dev/v1, kind: Thing, metadata: {{name: x}}, spec: {spec}}}\n")
}

/// Judges an object and a definition, in this order. Returns the verdict on the object and its
/// findings as `severity rule field`.
fn judge(schema: &str, object: &str) -> (String, Vec<String>) {
    judge_in("1.37", schema, object)
}

fn judge_in(version: &str, schema: &str, object: &str) -> (String, Vec<String>) {
    let sources = Sources::new();
    let text = format!("{object}---\n{}", definition(schema));
    let file = sources.add("in.yaml", text);
    let validator = Validator::new(version.parse().unwrap());
    let mut verdicts: Verdicts = judge_file(validator, &sources, file);
    verdicts.settle(validator, &sources, Definitions::default());
    let judgement = &verdicts.objects[0].judgement;
    let shown = |f: &Diagnostic| {
        let field = f.field.as_deref().unwrap_or("-");
        format!("{} {} {field}", f.severity.as_str(), f.rule)
    };
    let verdict = judgement
        .unknown
        .as_deref()
        .unwrap_or(judgement.verdict.as_str());
    (
        verdict.to_owned(),
        judgement.findings.iter().map(shown).collect(),
    )
}

/// The findings on a `spec` under a schema of it; none when it is accepted.
#[track_caller]
fn case(schema: &str, spec: &str, wanted: &[&str]) {
    let (verdict, findings) = judge(schema, &thing(spec));
    let verdict_wanted = if wanted.is_empty() {
        "accepted"
    } else {
        "rejected"
    };
    let context = format!("{schema}\n{spec}\n{findings:?}");
    assert_eq!(verdict, verdict_wanted, "{context}");
    let findings: Vec<&str> = findings
        .iter()
        .filter_map(|f| f.strip_prefix("error "))
        .collect();
    assert_eq!(findings, wanted, "{context}");
}

/// The same for one property `a` of `spec`.
#[track_caller]
fn property(schema: &str, value: &str, wanted: &[&str]) {
    let schema = format!("{{type: object, properties: {{a: {schema}}}}}");
    case(&schema, &format!("{{a: {value}}}"), wanted);
}

#[test]
fn types_are_those_of_the_schema() {
    for (ty, good, bad) in [
        (
            "string",
            &["x", "'1'", "''"][..],
            &["1", "true", "{}", "[]"][..],
        ),
        (
            "integer",
            &["1", "3.0", "-2", "1e3"],
            &["'1'", "1.5", "true"],
        ),
        ("number", &["1", "1.5"], &["'1'", "[]"]),
        ("boolean", &["true", "no"], &["'true'", "1"]),
        ("object", &["{}"], &["[]", "x"]),
        ("array, items: {type: string}", &["[]", "[a]"], &["{}", "a"]),
    ] {
        let schema = format!("{{type: {ty}}}");
        for value in good {
            property(&schema, value, &[]);
        }
        for value in bad {
            property(&schema, value, &["wrong-type spec.a"]);
        }
    }
    let either = "{x-kubernetes-int-or-string: true}";
    property(either, "1", &[]);
    property(either, "50%", &[]);
    property(either, "1.5", &["wrong-type spec.a"]);
    property(
        "{type: array, items: {type: integer}}",
        "[1, x]",
        &["wrong-type spec.a[1]"],
    );
    let free = "{type: object, additionalProperties: {type: integer}}";
    property(free, "{b: 1, c: x}", &["wrong-type spec.a.c"]);
    // A list passes for a string that has a format.
    property("{type: string, format: date}", "[x]", &[]);
    property(
        "{type: string, format: semver}",
        "[x]",
        &["wrong-type spec.a"],
    );
}

#[test]
fn nulls_are_dropped_where_null_is_no_value() {
    property("{type: string}", "null", &[]);
    property("{type: string, nullable: true}", "null", &[]);
    property(
        "{type: array, items: {type: string}}",
        "[null]",
        &["wrong-type spec.a[0]"],
    );
    property(
        "{type: array, items: {type: string, nullable: true}}",
        "[null]",
        &[],
    );
    let required = "{type: object, required: [a], properties: {a: {type: string}}}";
    case(required, "{a: null}", &["required-field spec.a"]);
    let nullable = "{type: object, required: [a], properties: {a: {type: string, nullable: true}}}";
    case(nullable, "{a: null}", &[]);
    property(
        "{type: string, nullable: true, enum: [x]}",
        "null",
        &["unsupported-value spec.a"],
    );
}

#[test]
fn defaults_are_filled_in_before_anything_is_checked() {
    let with_default = "{type: object, required: [a], properties: {a: {type: string, default: x}}}";
    case(with_default, "{}", &[]);
    case(with_default, "{a: null}", &[]);
    let keys = "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port, \
        protocol], items: {type: object, required: [port], properties: {port: {type: integer}, protocol: {type: \
        string, default: TCP}}}}";
    property(keys, "[{port: 1}, {port: 1, protocol: UDP}]", &[]);
    property(
        keys,
        "[{port: 1}, {port: 1, protocol: TCP}]",
        &["duplicate-value spec.a[1]"],
    );
}

#[test]
fn values_are_held_to_their_limits() {
    property("{type: string, enum: [A, B]}", "A", &[]);
    property(
        "{type: string, enum: [A, B]}",
        "a",
        &["unsupported-value spec.a"],
    );
    property("{type: integer, enum: [1, 2]}", "1.0", &[]);
    property("{type: string, pattern: '^\\d+$'}", "'12'", &[]);
    property(
        "{type: string, pattern: '^\\d+$'}",
        "x",
        &["pattern spec.a"],
    );
    property("{type: string, minLength: 2, maxLength: 3}", "äöü", &[]);
    property(
        "{type: string, minLength: 2}",
        "ä",
        &["wrong-length spec.a"],
    );
    property(
        "{type: string, maxLength: 3, pattern: a}",
        "bbbb",
        &["wrong-length spec.a"],
    );
    property("{type: integer, minimum: 1, maximum: 3}", "3", &[]);
    property("{type: integer, minimum: 1}", "0", &["out-of-range spec.a"]);
    property(
        "{type: integer, maximum: 3, exclusiveMaximum: true}",
        "3",
        &["out-of-range spec.a"],
    );
    property(
        "{type: integer, format: int32}",
        "2147483648",
        &["out-of-range spec.a"],
    );
    property("{type: integer, format: int64}", "2147483648", &[]);
    property(
        "{type: integer, multipleOf: 5}",
        "7",
        &["out-of-range spec.a"],
    );
    property(
        "{type: array, minItems: 1, items: {type: string}}",
        "[]",
        &["wrong-count spec.a"],
    );
    property(
        "{type: array, maxItems: 1, items: {type: string}}",
        "[a, b]",
        &["wrong-count spec.a"],
    );
    let free = "{type: object, maxProperties: 1, additionalProperties: {type: string}}";
    property(free, "{a: b, c: d}", &["wrong-count spec.a"]);
    property(
        "{type: string, format: ipv4}",
        "10.0.0",
        &["wrong-format spec.a"],
    );
    property("{type: string, format: ipv4}", "10.0.0.1", &[]);
    property("{type: string, format: no-such-format}", "x", &[]);
    let set = "{type: array, x-kubernetes-list-type: set, items: {type: string}}";
    property(set, "[a, b]", &[]);
    property(set, "[a, b, a]", &["duplicate-value spec.a[2]"]);
}

#[test]
fn schemas_can_be_combined() {
    let any = "{type: object, properties: {b: {type: string}, c: {type: string}}, anyOf: \
        [{required: [b]}, {required: [c]}]}";
    property(any, "{c: x}", &[]);
    property(
        any,
        "{}",
        &["schema-combination spec.a", "required-field spec.a.b"],
    );
    let one = any.replace("anyOf", "oneOf");
    property(&one, "{c: x}", &[]);
    property(&one, "{b: x, c: x}", &["schema-combination spec.a"]);
    let not = "{type: string, not: {enum: [x]}}";
    property(not, "k", &[]);
    property(not, "x", &["schema-combination spec.a"]);
    let all = "{type: integer, allOf: [{minimum: 2}, {maximum: 4}]}";
    property(all, "3", &[]);
    property(
        all,
        "5",
        &["out-of-range spec.a", "schema-combination spec.a"],
    );
    let either = "{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}], \
        pattern: '^[0-9]+$'}";
    property(either, "5", &[]);
    property(either, "5x", &["pattern spec.a"]);
}

#[test]
fn unknown_fields_are_found_unless_the_schema_keeps_them() {
    property(
        "{type: string}",
        "x, replica: 1",
        &["unknown-field spec.replica"],
    );
    let kept = "{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {b: {type: \
        object, properties: {c: {type: string}}}}}";
    property(kept, "{x: {k: 1}}", &[]);
    property(kept, "{b: {d: 1}}", &["unknown-field spec.a.b.d"]);
    let anything = "{type: object, additionalProperties: true}";
    property(anything, "{x: 1}", &[]);
    property(anything, "{x: {k: 1}}", &["unknown-field spec.a.x.k"]);
    let list = "{type: array, items: {type: object, properties: {b: {type: string}}}}";
    property(list, "[{b: x}, {bb: x}]", &["unknown-field spec.a[1].bb"]);
    let kept_list = list.replace(
        "{type: array",
        "{x-kubernetes-preserve-unknown-fields: true, type: array",
    );
    property(&kept_list, "[{bb: x}]", &[]);
    let any = "{type: object}";
    let object = |rest: &str| {
        format!("{{apiVersion: shop.dev/v1, kind: Thing, metadata: {{name: x}}, {rest}}}\n")
    };
    let (_, findings) = judge(any, &object("sepc: {}"));
    assert_eq!(findings, ["error unknown-field sepc"]);
    // What a create drops is still decoded.
    let (_, findings) = judge(any, &object("status: {b: 1, a: x}"));
    assert_eq!(findings, ["error unknown-field status.b"]);
}

#[test]
fn metadata_is_that_of_every_object() {
    for (metadata, wanted) in [
        ("{name: x, labels: {a: b}}", &[][..]),
        ("{generateName: x-}", &[]),
        ("{}", &["error required-field metadata.name"]),
        ("{name: X_y}", &["error invalid-name metadata.name"]),
        (
            "{name: x, label: {}}",
            &["error unknown-field metadata.label"],
        ),
        (
            "{name: x, labels: {a: 1}}",
            &["error wrong-type metadata.labels[a]"],
        ),
        ("{name: x, finalizers: [a.io/b]}", &[]),
        (
            "{name: x, finalizers: [a]}",
            &["warning finalizer-name metadata.finalizers[0]"],
        ),
        (
            "{name: x, finalizers: ['a b']}",
            &["error invalid-finalizer metadata.finalizers"],
        ),
    ] {
        let object = format!("{{apiVersion: shop.dev/v1, kind: Thing, metadata: {metadata}}}\n");
        let (_, findings) = judge("{type: object}", &object);
        assert_eq!(findings, wanted, "{metadata}");
    }
    let embedded = "{type: object, x-kubernetes-embedded-resource: true, \
        x-kubernetes-preserve-unknown-fields: true}";
    property(embedded, "{apiVersion: v1, kind: Pod, spec: {}}", &[]);
    property(
        embedded,
        "{kind: Pod}",
        &["required-field spec.a.apiVersion"],
    );
    property(
        embedded,
        "{apiVersion: v1, kind: 1}",
        &["wrong-type spec.a.kind"],
    );
    for (value, wanted) in [
        (
            "{apiVersion: a/b/c, kind: Pod}",
            "invalid-name spec.a.apiVersion",
        ),
        ("{apiVersion: v1, kind: p_d}", "invalid-name spec.a.kind"),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a/b}}",
            "invalid-name spec.a.metadata.name",
        ),
    ] {
        property(embedded, value, &[wanted]);
    }
    let odd = "{apiVersion: v1, kind: Pod, metadata: {names: x}}";
    property(embedded, odd, &["unknown-field spec.a.metadata.names"]);
}

#[test]
fn versions_are_served_or_not() {
    let of = |version: &str| {
        let object = thing("{}").replace("dev/v1", &format!("dev/{version}"));
        judge("{type: object}", &object)
    };
    assert_eq!(of("v1"), ("accepted".to_owned(), vec![]));
    assert_eq!(of("v1beta1").1, ["warning deprecated-api -"]);
    assert_eq!(of("v1beta1").0, "accepted");
    for version in ["v1alpha1", "v2"] {
        let (verdict, findings) = of(version);
        assert_eq!(
            (verdict.as_str(), findings),
            ("rejected", vec!["error unknown-kind -".to_owned()])
        );
    }
    let (verdict, _) = judge("{type: object}", &thing("{}").replace("Thing", "Think"));
    assert_eq!(verdict, "no schema for Think of `shop.dev`");
}

#[test]
fn a_format_counts_from_the_version_that_knows_it() {
    let schema = "{type: object, properties: {a: {type: string, format: k8s-short-name}}}";
    let verdict = |version| judge_in(version, schema, &thing("{a: A.b}")).0;
    assert_eq!(
        (verdict("1.33"), verdict("1.34")),
        ("accepted".into(), "rejected".into())
    );
}

#[test]
fn what_cannot_be_decided_is_unknown() {
    let schema = "{type: object, properties: {a: {type: string, pattern: '(?=x)'}}}";
    let (verdict, _) = judge(schema, &thing("{a: b}"));
    assert_eq!(verdict, "the pattern `(?=x)` cannot be evaluated here");
}

#[test]
fn rules_in_cel_are_evaluated() {
    let schema = "{type: object, properties: {min: {type: integer, default: 1}, max: {type: \
        integer}, names: {type: array, items: {type: string, x-kubernetes-validations: [{rule: \
        \"self.startsWith('a')\", message: begins with a}]}}}, x-kubernetes-validations: [{rule: \
        'self.min <= self.max', messageExpression: \"'max is below ' + string(self.min)\"}]}";
    case(schema, "{max: 2}", &[]);
    case(schema, "{max: 0}", &["cel-rule spec"]);
    case(
        schema,
        "{max: 2, names: [ab, b]}",
        &["cel-rule spec.names[1]"],
    );
    // A rule that cannot run is not kept.
    case(schema, "{min: 1}", &["cel-rule spec"]);
    // The schema comes first.
    case(schema, "{min: x, max: 0}", &["wrong-type spec.min"]);
    let unsupported = "{type: object, x-kubernetes-validations: [{rule: 'self.('}]}";
    let (verdict, _) = judge(unsupported, &thing("{}"));
    assert_eq!(verdict, "the rule `self.(` cannot be evaluated here");
}
