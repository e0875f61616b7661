//! Random replacements and variables.

use super::changes::{object, selector, text_at};
use super::objects;
use super::overlay::Layer;
use super::rng::Rng;
use super::yaml::{Step, Y, map, s, write};

/// A way as a path of `replacements`.
fn field_path(rng: &mut Rng, object: &Y, way: &[Step], regex: bool) -> String {
    let mut parts = Vec::new();
    let mut node = object;
    for step in way {
        match step {
            Step::Key(key) if key.contains('.') => {
                parts.push(if rng.chance(70) {
                    key.replace('.', "\\.")
                } else {
                    format!("[{key}]")
                });
            }
            Step::Key(key) => parts.push(key.clone()),
            Step::Index(at) => {
                let name = match node {
                    Y::List(items) => items
                        .get(*at)
                        .and_then(|item| item.get("name"))
                        .map(Y::text),
                    _ => None,
                };
                parts.push(match (name, rng.below(8)) {
                    (_, 0) if regex => "*".to_owned(),
                    (_, 1) => at.to_string(),
                    (Some(name), _) => format!("[name={name}]"),
                    (None, 2) => "[=x]".to_owned(),
                    (None, _) => at.to_string(),
                });
            }
        }
        node = node.follow(std::slice::from_ref(step)).unwrap_or(node);
    }
    if rng.chance(4) {
        parts.push(rng.word(&["new", "a", "a.b", "[name=zz]", "0", "*", "-", "a.c"]));
    }
    parts.join(".")
}

fn field_options(rng: &mut Rng, source: bool) -> Option<Y> {
    if !rng.chance(30) {
        return None;
    }
    let mut options = map([]);
    if rng.chance(60) {
        options.set(
            "delimiter",
            s(rng.word(&["\".\"", "\":\"", "\"/\"", "\"-\"", "e"])),
        );
        if rng.chance(80) {
            options.set(
                "index",
                s(if source {
                    rng.word(&["0", "0", "0", "1"])
                } else {
                    rng.word(&["0", "1", "2", "-1", "5"])
                }),
            );
        }
    }
    if !source && rng.chance(60) {
        options.set("create", s("true"));
    }
    if rng.chance(2) {
        options.set("encoding", s("base64"));
    }
    Some(options)
}

/// An entry of `replacements`.
pub(crate) fn replacement(rng: &mut Rng, layer: &mut Layer<'_>) {
    let mut entry = map([]);
    let from = object(rng, layer);
    if rng.chance(8) {
        entry.set("sourceValue", objects::text(rng));
    } else {
        let mut source = map([
            ("kind", s(text_at(&from, &["kind"]))),
            ("name", s(text_at(&from, &["metadata", "name"]))),
        ]);
        if rng.chance(20) {
            source = selector(rng, &from, false);
        }
        if rng.chance(85) {
            let ways = from.ways();
            let mut way = rng.pick(&ways).clone();
            for _ in 0..4 {
                if rng.chance(10) || matches!(from.follow(&way), Some(Y::S(_) | Y::Block(..))) {
                    break;
                }
                way = rng.pick(&ways).clone();
            }
            source.set("fieldPath", s(field_path(rng, &from, &way, false)));
        }
        if let Some(options) = field_options(rng, true) {
            source.set("options", options);
        }
        if let Y::Map(entries) = &mut source {
            entries.retain(|(key, _)| !key.ends_with("Selector"));
        }
        entry.set("source", source);
    }
    let mut targets = Vec::new();
    for _ in 0..=rng.below(2) {
        let to = object(rng, layer);
        let mut target = map([("select", selector(rng, &to, true))]);
        if rng.chance(12) {
            let other = object(rng, layer);
            target.set("reject", Y::List(vec![selector(rng, &other, true)]));
        }
        if rng.chance(95) {
            let ways = to.ways();
            let paths = (0..=rng.below(2))
                .map(|_| {
                    let mut way = rng.pick(&ways).clone();
                    for _ in 0..3 {
                        if matches!(to.follow(&way), Some(Y::S(_) | Y::Block(..))) && way.len() > 1
                        {
                            break;
                        }
                        way.clone_from(rng.pick(&ways));
                    }
                    s(quoted(&field_path(rng, &to, &way, true)))
                })
                .collect();
            target.set("fieldPaths", Y::List(paths));
        }
        if let Some(options) = field_options(rng, false) {
            target.set("options", options);
        }
        targets.push(target);
    }
    entry.set("targets", Y::List(targets));
    if let Some(Y::S(path)) = entry.at(&["source", "fieldPath"]).cloned() {
        let mut source = entry.get("source").cloned().unwrap_or(map([]));
        source.set("fieldPath", s(quoted(&path)));
        entry.set("source", source);
    }
    if rng.chance(10) {
        let text = write(
            &if rng.chance(50) {
                Y::List(vec![entry])
            } else {
                entry
            },
            rng,
        );
        let file = layer.file("replacement.yaml", text);
        entry = map([("path", s(file))]);
    }
    layer.add("replacements", entry);
}

fn quoted(path: &str) -> String {
    if path.starts_with(['[', '*', '-']) || path.contains(['[', '*', '\\']) {
        format!("'{}'", path.replace('\'', "''"))
    } else {
        path.to_owned()
    }
}

/// An entry of `vars`.
pub(crate) fn variable(rng: &mut Rng, layer: &mut Layer<'_>) {
    let from = object(rng, layer);
    let mut reference = map([("name", s(text_at(&from, &["metadata", "name"])))]);
    reference.set("kind", s(text_at(&from, &["kind"])));
    if rng.chance(80) {
        reference.set("apiVersion", s(text_at(&from, &["apiVersion"])));
    }
    if let Some(namespace) = from.at(&["metadata", "namespace"])
        && rng.chance(70)
    {
        reference.set("namespace", namespace.clone());
    }
    let mut entry = map([
        ("name", s(rng.word(&["WEB_NAME", "DB_NAME", "B"]))),
        ("objref", reference),
    ]);
    if rng.chance(60) {
        let ways = from.ways();
        let way = rng.pick(&ways).clone();
        let mut parts = Vec::new();
        for step in &way {
            match step {
                Step::Key(key) => parts.push(key.replace('.', "\\.")),
                Step::Index(at) => {
                    let last = parts.pop().unwrap_or_default();
                    parts.push(format!("{last}[{at}]"));
                }
            }
        }
        entry.set(
            "fieldref",
            map([("fieldpath", s(quoted(&parts.join("."))))]),
        );
    }
    layer.add("vars", entry);
}
