//! Random kustomizations, as people might write them: a change leaves everything else byte for
//! byte, and a second one finds nothing to do.

use proptest::prelude::*;

use super::super::kustomization::{
    image_entries, set_image, set_label, set_namespace, set_replicas,
};
use super::super::request::{ImageChange, Reach, TextChange};
use super::*;

/// How one text is written.
#[derive(Clone, Debug)]
struct Taste {
    indent: usize,
    list: usize,
    quote: char,
    crlf: bool,
    open_end: bool,
    flow: bool,
    comments: Vec<bool>,
}

fn taste() -> impl Strategy<Value = Taste> {
    (
        1..5_usize,
        0..3_usize,
        prop::sample::select(vec![' ', '"', '\'']),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(any::<bool>(), 40),
    )
        .prop_map(
            |(indent, list, quote, crlf, open_end, flow, comments)| Taste {
                indent,
                list,
                quote,
                crlf,
                open_end,
                flow,
                comments,
            },
        )
}

/// A field of a kustomization: its lines, without comments.
fn field(name: &str, taste: &Taste, tags: &[String]) -> Vec<String> {
    let pad = " ".repeat(taste.list);
    let quoted = |text: &str| match taste.quote {
        ' ' => text.to_owned(),
        quote => format!("{quote}{text}{quote}"),
    };
    match name {
        "resources" => vec!["resources:".into(), format!("{pad}- ../base")],
        "namespace" => vec![format!("namespace: {}", quoted("shop"))],
        "images" if taste.flow => {
            let items = tags.iter().enumerate();
            let items = items.map(|(at, tag)| format!("{{name: i{at}, newTag: {}}}", quoted(tag)));
            vec![format!(
                "images: [{}]",
                items.collect::<Vec<_>>().join(", ")
            )]
        }
        "images" => {
            let mut lines = vec!["images:".to_owned()];
            for (at, tag) in tags.iter().enumerate() {
                lines.push(format!("{pad}- name: i{at}"));
                lines.push(format!("{pad}  newTag: {}", quoted(tag)));
            }
            lines
        }
        "replicas" => vec!["replicas: []".into()],
        "commonLabels" => {
            let pad = " ".repeat(taste.indent);
            vec![
                "commonLabels:".into(),
                format!("{pad}a: b"),
                format!("{pad}c: d"),
            ]
        }
        other => vec![format!("{other}: pre-")],
    }
}

/// A kustomization with comments and empty lines between and behind its lines.
fn kustomization() -> impl Strategy<Value = String> {
    let names = [
        "resources",
        "namespace",
        "images",
        "replicas",
        "commonLabels",
        "namePrefix",
    ];
    let fields = Just(names.to_vec()).prop_shuffle();
    let tags = prop::collection::vec("v[0-9]{1,2}(\\.[0-9])?", 1..4);
    (fields, taste(), tags).prop_map(|(fields, taste, tags)| {
        let mut lines = Vec::new();
        let mut comments = taste.comments.iter().cycle();
        let mut maybe = || *comments.next().unwrap_or(&false);
        for name in fields {
            for line in field(name, &taste, &tags) {
                if maybe() && !line.starts_with(' ') {
                    lines.push(String::new());
                }
                if maybe() {
                    let pad = line.len() - line.trim_start().len();
                    lines.push(format!("{}# about {name}", " ".repeat(pad)));
                }
                let behind = if maybe() { "  # here" } else { "" };
                lines.push(format!("{line}{behind}"));
            }
        }
        let newline = if taste.crlf { "\r\n" } else { "\n" };
        let mut text = lines.join(newline);
        if !taste.open_end {
            text.push_str(newline);
        }
        text
    })
}

#[derive(Clone, Debug)]
enum Change {
    Tag(usize, String),
    Namespace(String),
    Replicas(i64),
    Label(&'static str, Option<String>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..3_usize, "[a-z0-9]{1,4}(\\.[0-9]{1,2})?").prop_map(|(at, tag)| Change::Tag(at, tag)),
        "[a-z]{1,6}".prop_map(Change::Namespace),
        (0..9_i64).prop_map(Change::Replicas),
        ("[a-z0-9]{0,4}", prop::sample::select(vec!["a", "c", "new"]))
            .prop_map(|(value, key)| Change::Label(key, Some(value))),
        prop::sample::select(vec!["a", "c"]).prop_map(|key| Change::Label(key, None)),
    ]
}

/// Makes a change. Returns the new text, and how many bytes of the old one may go.
fn apply(text: &str, change: &Change) -> (String, usize) {
    let mut draft = Draft::new("kustomization.yaml", text).unwrap();
    let may_go = match change {
        Change::Tag(at, tag) => {
            let entries = image_entries(&draft);
            let entry = &entries[at % entries.len()];
            let change = ImageChange::parse_tag(&format!("{}={tag}", entry.name)).unwrap();
            set_image(&mut draft, entry, &change).unwrap();
            8
        }
        Change::Namespace(namespace) => {
            set_namespace(&mut draft, namespace).unwrap();
            8
        }
        Change::Replicas(count) => {
            set_replicas(&mut draft, "web", *count).unwrap();
            // The empty list goes, and the comment behind it is met again.
            12
        }
        Change::Label(key, value) => {
            let change = TextChange {
                key: (*key).to_owned(),
                value: value.clone(),
            };
            set_label(&mut draft, &change, Reach::Metadata).unwrap();
            // A removed entry goes with its indentation and its comments.
            if value.is_some() { 4 } else { 60 }
        }
    };
    (draft.finish().unwrap().text, may_go)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_else_stays(text in kustomization(), change in change()) {
        let (made, may_go) = apply(&text, &change);
        let pairs = text.bytes().zip(made.bytes());
        let before = pairs.take_while(|(a, b)| a == b).count();
        let rest = text.len().min(made.len()) - before;
        let pairs = text.bytes().rev().zip(made.bytes().rev()).take(rest);
        let behind = pairs.take_while(|(a, b)| a == b).count();
        let gone = text.len() - before - behind;
        prop_assert!(gone <= may_go, "{gone} bytes are gone\n{text}\n--\n{made}");
        prop_assert_eq!(made.ends_with('\n'), text.ends_with('\n'));
        prop_assert_eq!(made.matches('\n').count(), if text.contains("\r\n") {
            made.matches("\r\n").count()
        } else {
            made.matches('\n').count()
        });
        let (again, _) = apply(&made, &change);
        prop_assert_eq!(again, made);
    }
}
