use super::*;
use crate::manifest::{ReadOptions, Sources, read};

fn parse(text: &str, options: &ReadOptions) -> Vec<Node> {
    let sources = Sources::new();
    let file = sources.add("in.yaml", text);
    let documents = read::read_all(&sources, file, options).unwrap();
    documents
        .into_iter()
        .map(|document| document.root)
        .collect()
}

fn round_trip(text: &str) -> String {
    emit_all(&parse(text, &ReadOptions::kustomize_resource()))
}

/// Oracle: `kubectl kustomize` 1.32.4 and 1.37.1 over these two resources.
#[test]
fn ninety_strings_and_thirty_numbers_as_kustomize_writes_them() {
    let strings = include_str!("../../../tests/fixtures/emit/strings.json");
    let numbers = include_str!("../../../tests/fixtures/emit/numbers.yaml");
    let want = include_str!("../../../tests/fixtures/emit/expected.yaml");
    let mut nodes = parse(strings, &ReadOptions::kustomize_resource());
    nodes.extend(parse(numbers, &ReadOptions::kustomize_resource()));
    similar_asserts(&emit_all(&nodes), want);
}

#[track_caller]
fn similar_asserts(got: &str, want: &str) {
    for (at, (got, want)) in got.lines().zip(want.lines()).enumerate() {
        assert_eq!(got, want, "line {}", at + 1);
    }
    assert_eq!(got, want);
}

/// By kustomize 5.8.1, over a file with such a mark in a generator.
#[test]
fn a_text_behind_a_byte_order_mark_is_escaped() {
    let node = Node::string("\u{feff}he o\n", crate::manifest::Span::NONE);
    assert_eq!(emit(&node), "\"\\uFEFF\\x68\\x65\\x20\\x6F\\n\"\n");
}

#[test]
fn lists_nest_compactly() {
    assert_eq!(
        round_trip(
            "a:\n  - b: 1\n    c:\n      - - 1\n        - 2\n      - []\n  - {}\nd: {e: {f: [x]}}"
        ),
        "a:\n- b: 1\n  c:\n  - - 1\n    - 2\n  - []\n- {}\nd:\n  e:\n    f:\n    - x\n"
    );
}

#[test]
fn long_and_broken_keys_are_complex() {
    let long = "k".repeat(129);
    assert_eq!(
        round_trip(&format!("? {long}\n: {{a: 1}}")),
        format!("? {long}\n: a: 1\n")
    );
    assert_eq!(
        round_trip("\"a\\nb\": 1\nc: 2"),
        "? |-\n  a\n  b\n: 1\nc: 2\n"
    );
}

/// Found by fuzzing: no total order, which the standard library's sort may answer by a panic.
#[test]
fn keys_without_a_total_order_are_written() {
    let letters = ["0", "1", "-", ":", "a", "R"];
    let keys: Vec<String> = (0..1296)
        .map(|n: usize| (0..4).map(|at| letters[n / 6_usize.pow(at) % 6]).collect())
        .collect();
    let mut map = Map::new();
    for key in &keys {
        map.set(key.as_str(), Node::null(crate::manifest::Span::NONE));
    }
    assert_eq!(sorted_entries(&map).len(), 1296);
}

proptest::proptest! {
    #[test]
    fn words_are_written_as_any_text_is(text in "[a-z0-9._/:-]{0,12}|[a-zA-Z]{1,5}") {
        if is_word(&text) {
            for simple_key in [false, true] {
                let mut out = String::new();
                let mut emitter = Emitter { out: &mut out, line_start: 0 };
                emitter.styled(&text, 2, simple_key);
                proptest::prop_assert_eq!(&out, &text);
            }
        }
    }
}

#[test]
fn keys_sort_as_go_yaml_sorts_them() {
    let mut keys = vec![
        "a10", "a2", "a", "b", "A", "a-b", "a.b", "ab", "1", "10", "9", "é", "z",
    ];
    keys.sort_by(|a, b| compare_keys(a, b));
    assert_eq!(
        keys,
        [
            "1", "9", "10", "A", "a", "a-b", "a.b", "a2", "a10", "ab", "b", "z", "é"
        ]
    );
}
