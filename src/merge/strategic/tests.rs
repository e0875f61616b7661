//! Tables of object, patch and result; the oracle is kustomize 5.8.1.

use super::*;
use crate::manifest::emit::emit;
use crate::manifest::read::read_one;
use crate::manifest::{ReadOptions, Sources};

fn read(text: &str) -> Node {
    let sources = Sources::new();
    let file = sources.add("in.yaml", text);
    let options = ReadOptions::kustomize_patch();
    read_one(&sources, file, &options).unwrap().root
}

fn merged(target: &str, patch: &str) -> Result<Option<String>, String> {
    merge(&read(target), &read(patch), MergeSchema::builtin())
        .map(|node| node.map(|node| emit(&node)))
        .map_err(|error| error.message)
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: ";

#[track_caller]
fn check(target: &str, patch: &str, want: &str) {
    let want = emit(&read(want));
    assert_eq!(merged(target, patch), Ok(Some(want)), "{target} + {patch}");
}

#[track_caller]
fn check_pod(target: &str, patch: &str, want: &str) {
    let wrap = |text: &str| format!("{DEPLOYMENT}{text}}}}}");
    check(&wrap(target), &wrap(patch), &wrap(want));
}

#[test]
fn fields_are_set_added_and_removed() {
    for (target, patch, want) in [
        (
            "{a: 1, b: {c: 2}}",
            "{b: {d: 3}}",
            "{a: 1, b: {c: 2, d: 3}}",
        ),
        ("{a: 1, b: 2}", "{b: null}", "{a: 1}"),
        ("{a: 1}", "{b: {c: null, d: 1}}", "{a: 1, b: {d: 1}}"),
        (
            "{a: {b: 1, c: 2}}",
            "{a: {$patch: replace, d: 3}}",
            "{a: {d: 3}}",
        ),
        ("{a: {b: 1}, c: 2}", "{a: {$patch: delete}}", "{c: 2}"),
        ("{a: [1, 2]}", "{a: [3]}", "{a: [3]}"),
        ("{a: '1', b: 1}", "{a: 3, b: 'x'}", "{a: '3', b: x}"),
        // What the patch does not name is normalised too: an empty value goes, `null` stays.
        (
            "{a: , b: null, c: ~, d: {e: }}",
            "{x: 1}",
            "{b: null, c: null, d: {}, x: 1}",
        ),
    ] {
        check(target, patch, want);
    }
    assert_eq!(merged("{a: 1}", "{$patch: delete}"), Ok(None));
}

#[test]
fn keyed_lists_take_the_patch_first() {
    for (target, patch, want) in [
        (
            "{containers: [{name: a, image: x}]}",
            "{containers: [{name: b}, {name: a, image: y}]}",
            "{containers: [{name: b}, {name: a, image: y}]}",
        ),
        (
            "{containers: [{name: a}, {name: b}]}",
            "{containers: [{name: a, $patch: delete}]}",
            "{containers: [{name: b}]}",
        ),
        (
            "{containers: [{name: a}, {name: b}]}",
            "{containers: [{$patch: replace}, {name: c}]}",
            "{containers: [{name: c}]}",
        ),
        // An element that asks to be replaced is not: its old self goes back in.
        (
            "{containers: [{name: a, image: x}]}",
            "{containers: [{name: a, $patch: replace, image: y}]}",
            "{containers: [{name: a, image: x}]}",
        ),
        // A port without its protocol drives out the patch's, which has one.
        (
            "{containers: [{name: a, ports: [{containerPort: 1}, {containerPort: 2}]}]}",
            "{containers: [{name: a, ports: [{containerPort: 2, protocol: TCP, name: x}]}]}",
            "{containers: [{name: a, ports: [{containerPort: 1}, {containerPort: 2}]}]}",
        ),
        (
            "{tolerations: [{key: a}]}",
            "{tolerations: [{key: b}]}",
            "{tolerations: [{key: b}]}",
        ),
        // Doubles in a list that the patch does not name: the last stays, at the first's place.
        (
            "{volumes: [{name: a, x: 1}, {name: b}, {name: a, x: 2}]}",
            "{nodeName: x}",
            "{nodeName: x, volumes: [{name: a, x: 2}, {name: b}]}",
        ),
    ] {
        check_pod(target, patch, want);
    }
    let finalizers =
        |list: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{finalizers: {list}}}");
    check(
        &finalizers("[a, b]"),
        &finalizers("[c, a]"),
        &finalizers("[c, a, b]"),
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let message = merged("{a: {b: 1}}", "{a: [1]}").expect_err("a list for a mapping");
    assert!(
        message.contains("a list where the object has a mapping"),
        "{message}"
    );
    let message = merged("{a: {b: 1}}", "{a: {$patch: drop}}").expect_err("unknown directive");
    assert!(message.contains("`$patch: drop`"), "{message}");
}
