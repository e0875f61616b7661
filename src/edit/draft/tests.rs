use super::*;
use crate::manifest::Map;

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

/// A path as people write it: `images.0.newTag`.
fn path(text: &str) -> Vec<Step> {
    let steps = text.split('.').map(|word| match word.parse() {
        Ok(index) => Step::Index(index),
        Err(_) => key(word),
    });
    steps.collect()
}

fn text(text: &str) -> Node {
    Node::string(text, Span::NONE)
}

fn map(entries: &[(&str, &str)]) -> Node {
    let mut map = Map::new();
    for (name, value) in entries {
        map.set(*name, text(value));
    }
    Node::map(map, Span::NONE)
}

/// Makes one change in a text.
#[track_caller]
fn edit(
    before: &str,
    change: impl FnOnce(&mut Draft) -> Result<(), Diagnostic>,
) -> Result<String, String> {
    let mut draft = Draft::new("in.yaml", before).map_err(|fault| fault.message)?;
    change(&mut draft).map_err(|fault| fault.message)?;
    let edited = draft.finish().map_err(|fault| fault.message)?;
    Ok(edited.text)
}

#[track_caller]
fn put(before: &str, at: &str, value: Node, after: &str) {
    let made = edit(before, |draft| {
        draft.put(0, &path(at), value, &[], String::new()).map(drop)
    });
    assert_eq!(made.as_deref(), Ok(after), "{before}");
}

#[track_caller]
fn push(before: &str, at: &str, item: Node, after: &str) {
    let made = edit(before, |draft| {
        draft.push(0, &path(at), item, &[], String::new())
    });
    assert_eq!(made.as_deref(), Ok(after), "{before}");
}

#[track_caller]
fn remove(before: &str, at: &str, after: &str) {
    let made = edit(before, |draft| {
        draft.remove(0, &path(at), String::new()).map(drop)
    });
    assert_eq!(made.as_deref(), Ok(after), "{before}");
}

#[test]
fn a_scalar_keeps_its_quotes_and_what_stands_around_it() {
    for (before, after) in [
        ("a: v1 # c\nb: 2\n", "a: v2 # c\nb: 2\n"),
        ("a:   \"v1\"\n", "a:   \"v2\"\n"),
        ("a: 'v1'", "a: 'v2'"),
        ("a: &x v1\n", "a: &x v2\n"),
        ("a: !!str v1\n", "a: !!str v2\n"),
        ("\u{feff}a: v1\r\n# c\r\n", "\u{feff}a: v2\r\n# c\r\n"),
        ("{a: v1, b: 2}\n", "{a: v2, b: 2}\n"),
        ("{\"a\": \"v1\"}\n", "{\"a\": \"v2\"}\n"),
        ("a: # todo\nb: 1\n", "a: v2 # todo\nb: 1\n"),
        ("a:\nb: 1\n", "a: v2\nb: 1\n"),
        ("a: ~\n", "a: v2\n"),
        ("a: |\n  v1\n\nb: 1\n", "a: v2\n\nb: 1\n"),
        ("a: >-\n  v1\n  x\nb: 1\n", "a: v2\nb: 1\n"),
        ("a: long text\n  in two lines\nb: 1\n", "a: v2\nb: 1\n"),
        ("b: 1\n", "b: 1\na: v2\n"),
        ("b: 1", "b: 1\na: v2"),
        (
            "b: 1\n# last\n\n---\nc: 1\n",
            "b: 1\n# last\na: v2\n\n---\nc: 1\n",
        ),
        ("{b: 1}\n", "{b: 1, a: v2}\n"),
        ("x: &x {a: v1}\n<<: *x\n", "x: &x {a: v1}\n<<: *x\na: v2\n"),
        ("v: &v v1\na: *v # c\n", "v: &v v1\na: v2 # c\n"),
    ] {
        put(before, "a", text("v2"), after);
    }
    put("a: v1\n", "a", text("1.10"), "a: \"1.10\"\n");
    put("a: v1\n", "a", Node::int(3, Span::NONE), "a: 3\n");
    put("a: \"3\"\n", "a", Node::int(3, Span::NONE), "a: 3\n");
}

#[test]
fn what_is_there_already_is_not_touched() {
    for before in [
        "a: 'v2'\n",
        "a:  v2\n",
        "a: \"v\\u0032\"\n",
        "a: |-\n  v2\n",
    ] {
        put(before, "a", text("v2"), before);
    }
}

#[test]
fn a_key_goes_where_its_neighbours_are() {
    let deep = "a:\n    b:\n        c: 1 # c\n    # end of b\n    d: 1\n";
    put(
        deep,
        "a.b.x",
        text("w"),
        "a:\n    b:\n        c: 1 # c\n        x: w\n    # end of b\n    d: 1\n",
    );
    put(
        deep,
        "a.x",
        map(&[("k", "v")]),
        "a:\n    b:\n        c: 1 # c\n    # end of b\n    d: 1\n    x:\n        k: v\n",
    );
    put(
        "l:\n- a: 1\n  b:\n- a: 2\n",
        "l.0.x",
        text("w"),
        "l:\n- a: 1\n  b:\n  x: w\n- a: 2\n",
    );
    put("a: {}\nb: 1\n", "a.x", text("w"), "a:\n  x: w\nb: 1\n");
    put("a: {} # c\n", "a.x", text("w"), "a: # c\n  x: w\n");
    put("a:\nb: 1\n", "a.x", text("w"), "a:\n  x: w\nb: 1\n");
    put("{a: {}}\n", "a.x", text("w"), "{a: {x: w}}\n");
    let behind = edit("kind: x\n# r\nr: []\n", |draft| {
        let value = text("ns");
        draft
            .put(0, &path("namespace"), value, &["kind"], String::new())
            .map(drop)
    });
    assert_eq!(
        behind.as_deref(),
        Ok("kind: x\nnamespace: ns\n# r\nr: []\n")
    );
}

#[test]
fn an_entry_joins_its_list() {
    let item = || map(&[("name", "x"), ("newTag", "1.10")]);
    for (before, after) in [
        (
            "l:\n- name: a # c\n  b: c\n# end\nz: 1\n",
            "l:\n- name: a # c\n  b: c\n- name: x\n  newTag: \"1.10\"\n# end\nz: 1\n",
        ),
        (
            "l:\n  - name: a\n",
            "l:\n  - name: a\n  - name: x\n    newTag: \"1.10\"\n",
        ),
        (
            "l:\n  -   name: a",
            "l:\n  -   name: a\n  -   name: x\n      newTag: \"1.10\"",
        ),
        (
            "l:\r\n- name: a\r\n",
            "l:\r\n- name: a\r\n- name: x\r\n  newTag: \"1.10\"\r\n",
        ),
        (
            "l:\n- a\n\n- b\n\nz: 1\n",
            "l:\n- a\n\n- b\n\n- name: x\n  newTag: \"1.10\"\n\nz: 1\n",
        ),
        (
            "l: [{name: a}]\n",
            "l: [{name: a}, {name: x, newTag: \"1.10\"}]\n",
        ),
        (
            "l: [\n  {name: a}, # one\n  {name: b}, # two\n]\n",
            "l: [\n  {name: a}, # one\n  {name: b}, # two\n  {name: x, newTag: \"1.10\"},\n]\n",
        ),
        (
            "l: [\n  {name: a} # one\n]\n",
            "l: [\n  {name: a}, # one\n  {name: x, newTag: \"1.10\"}\n]\n",
        ),
        ("l: []\nz: 1\n", "l:\n- name: x\n  newTag: \"1.10\"\nz: 1\n"),
        (
            "l: # c\nz: 1\n",
            "l: # c\n- name: x\n  newTag: \"1.10\"\nz: 1\n",
        ),
        (
            "z:\n  - a\n",
            "z:\n  - a\nl:\n  - name: x\n    newTag: \"1.10\"\n",
        ),
        (
            "{\n  \"l\": [\n    {\n      \"name\": \"a\"\n    }\n  ]\n}\n",
            "{\n  \"l\": [\n    {\n      \"name\": \"a\"\n    },\n    {\n      \"name\": \"x\",\n      \
             \"newTag\": \"1.10\"\n    }\n  ]\n}\n",
        ),
        (
            "{\n  \"a\": 1\n}",
            "{\n  \"a\": 1,\n  \"l\": [\n    {\n      \"name\": \"x\",\n      \"newTag\": \
             \"1.10\"\n    }\n  ]\n}",
        ),
        (
            "{\"a\":1}",
            "{\"a\":1, \"l\": [{\"name\": \"x\", \"newTag\": \"1.10\"}]}",
        ),
    ] {
        push(before, "l", item(), after);
    }
}

#[test]
fn an_entry_goes_with_its_own_comments() {
    for (before, at, after) in [
        (
            "a: 1\n# of b\nb: 2 # b\n# of c\nc: 3\n",
            "b",
            "a: 1\n# of c\nc: 3\n",
        ),
        ("# head\na: 1\nb: 2\n", "a", "# head\nb: 2\n"),
        ("a: 1\nb: 2", "b", "a: 1"),
        ("a: 1\r\nb: 2\r\n", "b", "a: 1\r\n"),
        ("l:\n- name: a\n  tag: b\n", "l.0.name", "l:\n- tag: b\n"),
        ("l:\n- name: a\n  tag: b\n", "l.0.tag", "l:\n- name: a\n"),
        (
            "l:\n- a: 1\n  b: 2\n# c\n- c: 3\n",
            "l.0",
            "l:\n# c\n- c: 3\n",
        ),
        (
            "l:\n- a: 1\n# c\n- c: 3\nz: 1\n",
            "l.1",
            "l:\n- a: 1\nz: 1\n",
        ),
        ("l:\n- a: 1\nz: 1\n", "l.0", "z: 1\n"),
        ("a:\n  b:\n    c: 1\nz: 1\n", "a.b.c", "z: 1\n"),
        ("{a: 1, b: 2, c: 3}\n", "b", "{a: 1, c: 3}\n"),
        ("{a: 1, b: 2, c: 3}\n", "c", "{a: 1, b: 2}\n"),
        ("l: [1, 2]\n", "l.0", "l: [2]\n"),
        ("a: 1\nb: |\n  x\n\nc: 1\n", "b", "a: 1\n\nc: 1\n"),
        ("a: 1\nb:\nc: 1\n", "b", "a: 1\nc: 1\n"),
    ] {
        remove(before, at, after);
    }
}

#[test]
fn what_would_change_more_is_refused() {
    let shared = "a: &x v1\nb: *x\n";
    let refused = edit(shared, |draft| {
        draft
            .put(0, &path("a"), text("v2"), &[], String::new())
            .map(drop)
    });
    let message = refused.unwrap_err();
    assert!(message.contains("shared through an anchor"), "{message}");
    // Both at once is what the anchor is for.
    let both = edit(shared, |draft| {
        for at in ["a", "b"] {
            draft.put(0, &path(at), text("v2"), &[], String::new())?;
        }
        Ok(())
    });
    assert_eq!(both.as_deref(), Ok("a: &x v2\nb: v2\n"));
    let alias = edit("a: &x {b: 1}\nc: *x\n", |draft| {
        draft
            .put(0, &path("c.b"), text("2"), &[], String::new())
            .map(drop)
    });
    assert!(alias.unwrap_err().contains("no mapping"));
    let other_kind = edit("a: [1]\n", |draft| {
        draft
            .put(0, &path("a"), text("2"), &[], String::new())
            .map(drop)
    });
    assert!(other_kind.unwrap_err().contains("another kind"));
    assert!(Draft::new("in.yaml", "a: [").is_err());
}

#[test]
fn changes_are_told_by_their_lines() {
    let mut draft = Draft::new("in.yaml", "a: 1\nb: 2\nc:\n- x: 1\n").unwrap();
    draft
        .put(0, &path("b"), text("v"), &[], "b".into())
        .unwrap();
    draft
        .push(0, &path("c"), map(&[("k", "1")]), &[], "c".into())
        .unwrap();
    draft.remove(0, &path("a"), "a".into()).unwrap();
    let edited = draft.finish().unwrap();
    assert_eq!(edited.text, "b: v\nc:\n- x: 1\n- k: \"1\"\n");
    let lines: Vec<_> = edited
        .changes
        .iter()
        .map(|(l, w)| (*l, w.as_str()))
        .collect();
    assert_eq!(lines, [(1, "b"), (1, "a"), (4, "c")]);
}
