use super::*;
use crate::manifest::emit::emit;
use crate::manifest::json::to_json;

/// What the quick reader makes of a text is what the parser's events make of it, positions
/// included.
#[track_caller]
fn read_alike(text: &str) {
    let file = Sources::new().add("in.yaml", "");
    for options in [
        ReadOptions::kubectl(),
        ReadOptions::kustomize_resource(),
        ReadOptions::kustomize_patch(),
    ] {
        let quick = read_text(text, 0, file, &options, Reader::QuickFirst);
        let slow = read_text(text, 0, file, &options, Reader::ParserAlone);
        assert_eq!(format!("{quick:#?}"), format!("{slow:#?}"), "{text}");
    }
}

#[test]
fn the_quick_reader_and_the_parser_read_alike() {
    for text in [
        "",
        "# only\n",
        "---\n---\n",
        "a: 1\n---\nb: 2\n...\n---\n# none\n---\n- c\n",
        "\n--- # x\na:\n  # c\n  b:\n  # d\nc: 1\n---\n---\nx",
        "list:\n- - p\n  - q\n- x: 1\n  y:   # c\n\n    z: \"q\"   # c\n  e:\n\nn: {}\n",
        "a:\n  - x\n  - k: v\n    l:\n    - m\n  - - y\n    - z\nb:\n  c: 1\n",
        "t: |\n  l1\n   l2\n\n\nu: |-\n  x\n\n  y\nv:\n  w: |+\n    z\n\n  # c\n",
        "- |\n  a\n- >-\n  a\n  b\n\n\n  c\n\n- >+\n  d\n\n",
        "s: >\n  a\n   b\n  c\nt: |2\n   x\nu: |\n\n  y\n",
        "k: 'it''s' # c\n\"q\": \"a\\n\\\"\\t\\\\ é\"\n'r': \"\\u00e9\"\n",
        "f: {a: b, \"c\": [d, -1, a:b, \"e\"], g: , h: {}}\ng: [a b, c]\nh: {x: [1, 2], y: }\n",
        "a: b\n  c\n",
        "a: b: c\n",
        "a: - b\n",
        "a:\n\tb: 1\n",
        "a: \"x\n  y\"\n",
        "a: &x b\nc: *x\nd: !!str 1\n<<: {e: f}\n",
        "- a\n b\n",
        "- a: 1\n b: 2\n",
        "a:\n  b: 1\n c: 2\n",
        "a: 1\n- b\n",
        "a: -\nb: --x\nc: ...\nd: ---\ne: a#b\nf: a #b\n",
        "a : 1\n? b\n: c\n",
        "a: 1\na: 2\n",
        "1: a\ntrue: b\n",
        "x: [a, b\n  c]\ny: [a, ]\nz: {a, b}\n",
        "x: @a\n",
        "x: \u{a0}a\u{2028}b\n",
        "x: a\r\ny: b\r\n",
        "a: |\n  no end",
        "\u{feff}a: 1\n",
        "%YAML 1.1\n---\na: 1\n",
        "  a: 1\n  b: 2\n",
        "a: 1\n---\nb: [\n---\nc: 3\n",
    ] {
        read_alike(text);
    }
    let deep = (0..100).map(|n| format!("{}a:\n", " ".repeat(n)));
    read_alike(&deep.collect::<String>());
}

#[test]
fn what_once_was_read_otherwise_is_read_alike() {
    for text in ["k: v\n... \"d\"\na: b\n", "---\n...\n", "---\n... x\n"] {
        read_alike(text);
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_written_is_read_alike(
        parts in proptest::collection::vec(proptest::sample::select(PARTS.to_vec()), 0..40),
    ) {
        read_alike(&parts.concat());
    }
}

/// What most YAML is made of, and what is hard to read.
const PARTS: &[&str] = &[
    "a", "b: ", "c:", "- ", "-", "  ", "    ", "\n", "\n", "\n  ", "\n- ", "---\n", "# c", " #",
    "1", "'q'", "\"d\"", "{", "}", "[", "]", ", ", "|", ">-", "|+\n", "\t", "é", ":", "k: v\n",
    "  - x\n", "&a ", "*a", "~", "...",
];

fn read(text: &str, options: &ReadOptions) -> Result<Vec<Document>, Diagnostics> {
    let sources = Sources::new();
    let file = sources.add("in.yaml", text);
    read_all(&sources, file, options)
}

fn kubectl(text: &str) -> String {
    let documents = read(text, &ReadOptions::kubectl()).unwrap();
    to_json(&documents[0].root).to_string()
}

#[track_caller]
fn refused(text: &str, options: &ReadOptions, rule: &str) {
    let faults = read(text, options).expect_err(text);
    assert_eq!(faults.0[0].rule, rule, "{faults}");
    assert!(faults.0[0].primary.is_some(), "{faults} has no position");
}

#[test]
fn keys_become_strings_under_kubectl() {
    assert_eq!(
        kubectl("on: 1\ny: 2\nno: 3\n1: 4\n1.5: 5\n0644: 6"),
        r#"{"true":2,"false":3,"1":4,"1.5":5,"420":6}"#
    );
    refused("~: 1", &ReadOptions::kubectl(), "yaml-key");
    refused("{a: 1}: 1\nb: 2", &ReadOptions::kubectl(), "yaml-key");
    // The keys of an object itself become texts there too.
    refused("a: {1: a}", &ReadOptions::kustomize_resource(), "yaml-key");
}

#[test]
fn of_equal_keys_the_reader_s_tool_decides() {
    let text = "a: 1\nb:\n- c: 1\n  c: 2\na: 3";
    assert_eq!(kubectl(text), r#"{"a":3,"b":[{"c":2}]}"#);
    let documents = read(text, &ReadOptions::kubectl()).unwrap();
    let found: Vec<_> = documents[0]
        .duplicates
        .iter()
        .map(|d| (d.path.as_str(), d.key.as_str()))
        .collect();
    assert_eq!(found, [("b[0]", "c"), ("", "a")]);
    let patch = read(text, &ReadOptions::kustomize_patch()).unwrap();
    assert_eq!(
        to_json(&patch[0].root).to_string(),
        r#"{"a":1,"b":[{"c":1}]}"#
    );
    refused(text, &ReadOptions::kustomize_resource(), "duplicate-key");
}

#[test]
fn anchors_and_merge_keys_expand() {
    assert_eq!(
        kubectl("a: &a {x: 1, w: 2}\nb: {<<: *a, w: 3}\nc: {<<: [{x: 9}, *a], z: *a}"),
        r#"{"a":{"x":1,"w":2},"b":{"w":3,"x":1},"c":{"z":{"x":1,"w":2},"x":9,"w":2}}"#
    );
    assert_eq!(kubectl("\"<<\": 1"), r#"{"<<":1}"#);
    let kustomize = read("\"<<\": 1\na: 2", &ReadOptions::kustomize_resource()).unwrap();
    assert_eq!(to_json(&kustomize[0].root).to_string(), r#"{"a":2}"#);
    refused("a: {<<: 1}", &ReadOptions::kubectl(), "yaml-merge");
    refused("a: &a [*a]", &ReadOptions::kubectl(), "yaml-alias");
    refused("a: *nobody", &ReadOptions::kubectl(), "yaml-syntax");
}

#[test]
fn tags_are_honoured() {
    assert_eq!(
        kubectl("a: !!str 5\nb: !!int \"5\"\nc: !!binary aGVsbG8=\nd: !x y\ne: ! 1\nf: !!float 1"),
        r#"{"a":"5","b":5,"c":"hello","d":true,"e":"1","f":1}"#
    );
    for text in [
        "!!null x",
        "!!int x",
        "!!int 1.5",
        "!!timestamp x",
        "!!bool 1",
    ] {
        refused(&format!("a: {text}"), &ReadOptions::kubectl(), "yaml-tag");
    }
    let kubectl = read("a: !!bool yes", &ReadOptions::kubectl());
    assert!(kubectl.is_ok());
    refused(
        "a: !!bool yes",
        &ReadOptions::kustomize_resource(),
        "yaml-tag",
    );
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let sources = Sources::new();
    let file = sources.add("in.yaml", "a: 1\n---\nb: [\n---\nc: 3\n---\nd: .inf\n");
    let documents = read_documents(&sources, file, &ReadOptions::kubectl());
    let shape: Vec<_> = documents.iter().map(Result::is_ok).collect();
    assert_eq!(shape, [true, false, true, false]);
    let Err(faults) = &documents[1] else { panic!() };
    let at = faults.0[0].primary.as_ref().unwrap().span;
    assert!(
        sources.locate(at).starts_with("in.yaml:"),
        "{}",
        sources.locate(at)
    );
}

#[test]
fn hostile_input_is_refused_with_a_position() {
    let deep = "[".repeat(100_000);
    refused(&deep, &ReadOptions::kubectl(), "yaml-syntax");
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let alias = format!("*a{}", n - 1);
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![alias; 10].join(", ")));
    }
    refused(&bomb, &ReadOptions::kubectl(), "yaml-alias");
    let mut chain = String::from("a0: &a0 [x]\n");
    for n in 1..600 {
        chain.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
    }
    refused(&chain, &ReadOptions::kubectl(), "yaml-depth");
    refused(
        "%YAML 1.2\n---\na: 1",
        &ReadOptions::kubectl(),
        "yaml-version",
    );
    refused("a: @b", &ReadOptions::kubectl(), "yaml-syntax");
    refused("a:\n\t- b", &ReadOptions::kubectl(), "yaml-syntax");
}

#[test]
fn spans_cover_what_was_written() {
    let text = "\u{feff}metadata:\n  name: \"web\"\n";
    let sources = Sources::new();
    let file = sources.add("in.yaml", text);
    let root = read_one(&sources, file, &ReadOptions::kubectl())
        .unwrap()
        .root;
    let name = root.at(&["metadata", "name"]).unwrap();
    let source = sources.get(file).unwrap();
    assert_eq!(&source.text[name.span.range()], "\"web\"");
    assert_eq!(emit(&root), "metadata:\n  name: web\n");
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources::new();
    let missing = load(&sources, &folder.path().join("none.yaml")).unwrap_err();
    assert!(
        missing
            .to_string()
            .ends_with("none.yaml`: no such file or folder"),
        "{missing}"
    );
    let bad = folder.path().join("bad.yaml");
    std::fs::write(&bad, b"a: \xff\n").unwrap();
    let faults = load(&sources, &bad).unwrap_err();
    let span = faults.0[0].primary.as_ref().unwrap().span;
    assert!(sources.locate(span).ends_with("bad.yaml:1:4"));
}
