//! Laws of the reader and the emitter, over values and bytes that nobody chose.

use deployx::manifest::emit::emit;
use deployx::manifest::read::{ReadOptions, read_documents, read_one};
use deployx::manifest::{Map, Node, Sources, Span};
use proptest::prelude::*;

/// Strings that YAML finds hard, mixed with arbitrary ones.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[a-z0-9:#,\\-\\[\\]{}&*!|>'\"%@` \n\t]{0,24}",
        "\\PC{0,8}",
        "[a-z ]{70,110}",
        prop::sample::select(vec![
            "yes",
            "no",
            "y",
            "null",
            "~",
            "",
            "0644",
            "1e3",
            "1_000",
            "12:30:45",
            "2020-01-01",
            ".inf",
            "<<",
            "=",
            "---",
            "...",
            "- a",
            "? b",
            " lead",
            "trail ",
            "a: b",
            "a #b",
            "\n",
            "a\n",
            "a\n\n",
            "\n\na",
            "  a\nb\n",
            "a\r\nb",
            "\u{2028}",
            "\u{85}",
            "\u{feff}x",
            "😀",
        ])
        .prop_map(str::to_owned),
    ]
}

fn tree() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        text().prop_map(|text| Node::string(text, Span::NONE)),
        any::<i64>().prop_map(|n| Node::int(n, Span::NONE)),
        any::<bool>().prop_map(|b| Node::bool(b, Span::NONE)),
        Just(Node::null(Span::NONE)),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| Node::seq(items, Span::NONE)),
            // A key `<<` is written plain by go-yaml, and so by us, and then reads as a merge.
            prop::collection::vec(
                (text().prop_filter("merge key", |key| key != "<<"), inner),
                0..5
            )
            .prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
                Node::map(entries.collect::<Map>(), Span::NONE)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_emitted_reads_back_the_same(node in tree()) {
        let mut map = Map::new();
        map.set("root", node);
        let node = Node::map(map, Span::NONE);
        let yaml = emit(&node);
        let sources = Sources::new();
        let file = sources.add("emitted.yaml", yaml.as_str());
        let back = read_one(&sources, file, &ReadOptions::kubectl());
        let back = back.map_err(|faults| TestCaseError::fail(format!("{faults}\n{yaml}")))?;
        prop_assert_eq!(&back.root, &node, "\n{}", yaml);
        prop_assert_eq!(emit(&back.root), yaml);
    }

    #[test]
    fn the_independent_reader_agrees(node in tree()) {
        // The other reader speaks YAML 1.2, so only what both dialects share is compared: our
        // output quotes everything on which they differ.
        let mut map = Map::new();
        map.set("root", node);
        let node = Node::map(map, Span::NONE);
        let yaml = emit(&node);
        if yaml.contains(['\u{2028}', '\u{2029}', '\u{85}', '\u{feff}']) || yaml.contains("<<") {
            return Ok(());
        }
        let theirs: Result<serde_json::Value, _> = serde_yaml::from_str(&yaml);
        let theirs = theirs.map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
        prop_assert_eq!(theirs, deployx::manifest::json::to_json(&node), "\n{}", yaml);
    }

    #[test]
    fn no_input_panics(text in "[ -~\n\t&*<:{}\\[\\]!|>'\"%#?é-]{0,200}") {
        let sources = Sources::new();
        let file = sources.add("any.yaml", text);
        for options in [
            ReadOptions::kubectl(),
            ReadOptions::kustomize_resource(),
            ReadOptions::kustomize_patch(),
        ] {
            for document in read_documents(&sources, file, &options).into_iter().flatten() {
                emit(&document.root);
            }
        }
    }
}
