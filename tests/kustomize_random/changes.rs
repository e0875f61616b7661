//! Random patches, replacements and variables against the objects that a layer sees.

use super::objects::{self, NAMES, NAMESPACES};
use super::overlay::Layer;
use super::rng::Rng;
use super::yaml::{Step, Y, flow, map, s, write};

/// An object of the layer, or a new one when there is none.
pub(crate) fn object(rng: &mut Rng, layer: &Layer<'_>) -> Y {
    if layer.seen.is_empty() || rng.chance(2) {
        return objects::any(rng);
    }
    rng.pick(&layer.seen).clone()
}

pub(crate) fn text_at(object: &Y, way: &[&str]) -> String {
    object.at(way).map(Y::text).unwrap_or_default()
}

/// A selector that fits an object, more or less.
pub(crate) fn selector(rng: &mut Rng, object: &Y, regex: bool) -> Y {
    let mut node = map([]);
    let version = text_at(object, &["apiVersion"]);
    let (group, version) = version.rsplit_once('/').unwrap_or(("", &version));
    if rng.chance(85) {
        node.set("kind", s(text_at(object, &["kind"])));
    }
    if rng.chance(75) {
        let name = text_at(object, &["metadata", "name"]);
        let name = match rng.below(12) {
            0 if regex => ".*".to_owned(),
            1 if regex => format!("{}.*", name.chars().next().unwrap_or('w')),
            2 if regex => format!("^{name}$"),
            3 if regex => format!("{name}|db"),
            4 => rng.word(NAMES),
            _ => name,
        };
        node.set("name", s(name));
    }
    if rng.chance(15) {
        node.set("group", s(group));
    }
    if rng.chance(15) {
        node.set("version", s(version));
    }
    if rng.chance(10) {
        node.set("namespace", s(rng.word(NAMESPACES)));
    }
    if rng.chance(6) {
        node.set(
            "labelSelector",
            s(rng.word(&[
                "\"app=one\"",
                "app",
                "\"app in (one, two)\"",
                "\"!app\"",
                "\"app!=one\"",
            ])),
        );
    }
    if rng.chance(4) {
        node.set(
            "annotationSelector",
            s(rng.word(&["note", "\"note=one\"", "\"!note\""])),
        );
    }
    node
}

/// The value of a field as text: in place, or as a file with `path`.
fn inline_or_file(
    rng: &mut Rng,
    layer: &mut Layer<'_>,
    entry: &mut Y,
    field: &str,
    file: &str,
    text: String,
) {
    if rng.chance(50) {
        let lines = text
            .trim_end_matches('\n')
            .lines()
            .map(str::to_owned)
            .collect();
        entry.set(
            field,
            Y::Block(if rng.chance(70) { "|-" } else { "|" }, lines),
        );
    } else {
        let name = layer.file(file, text);
        entry.set("path", s(name));
    }
}

/// An entry of `patches`.
pub(crate) fn patch(rng: &mut Rng, layer: &mut Layer<'_>) {
    let target = object(rng, layer);
    let mut entry = map([]);
    if rng.chance(45) {
        let mut text = operations(rng, &target);
        if rng.chance(2) {
            text = objects::scalar(rng).text();
        }
        inline_or_file(rng, layer, &mut entry, "patch", "ops.yaml", text);
        if rng.chance(97) {
            entry.set("target", selector(rng, &target, true));
        }
    } else {
        let mut text = merge_patch(rng, &target);
        if rng.chance(8) {
            let other = object(rng, layer);
            text = format!("{text}---\n{}", merge_patch(rng, &other));
        }
        inline_or_file(rng, layer, &mut entry, "patch", "patch.yaml", text);
        if rng.chance(45) {
            entry.set("target", selector(rng, &target, true));
        }
        if rng.chance(10) {
            let mut options = map([]);
            options.set(
                &rng.word(&["allowNameChange", "allowKindChange"]),
                s(rng.word(&["true", "true", "false"])),
            );
            entry.set("options", options);
        }
    }
    layer.add("patches", entry);
}

/// An entry of `patchesStrategicMerge`.
pub(crate) fn strategic(rng: &mut Rng, layer: &mut Layer<'_>) {
    let target = object(rng, layer);
    let text = merge_patch(rng, &target);
    let entry = if rng.chance(40) {
        Y::Block("|-", text.trim_end().lines().map(str::to_owned).collect())
    } else {
        s(layer.file("sm.yaml", text))
    };
    layer.add("patchesStrategicMerge", entry);
}

/// An entry of `patchesJson6902`.
pub(crate) fn json6902(rng: &mut Rng, layer: &mut Layer<'_>) {
    let target = object(rng, layer);
    let mut selector = selector(rng, &target, true);
    if selector.get("name").is_none() && rng.chance(95) {
        selector.set("name", s(text_at(&target, &["metadata", "name"])));
    }
    let mut entry = map([("target", selector)]);
    let text = operations(rng, &target);
    inline_or_file(rng, layer, &mut entry, "patch", "ops6902.yaml", text);
    layer.add("patchesJson6902", entry);
}

/// A part of an object, changed here and there.
fn merge_patch(rng: &mut Rng, target: &Y) -> String {
    let mut patch = if rng.chance(50) {
        target.clone()
    } else {
        // Another object's fields under this one's name.
        let mut other = objects::any(rng);
        for _ in 0..6 {
            if other.get("kind") == target.get("kind") {
                break;
            }
            other = objects::any(rng);
        }
        other
    };
    let budget = 1 + rng.below(3);
    for _ in 0..budget {
        alter(rng, &mut patch, 0);
    }
    thin(rng, &mut patch, 0);
    for field in ["apiVersion", "kind"] {
        if let Some(value) = target.get(field) {
            patch.set(field, value.clone());
        }
    }
    let mut metadata = map([("name", s(text_at(target, &["metadata", "name"])))]);
    if let Some(Y::Map(entries)) = patch.get("metadata").cloned() {
        for (key, value) in entries {
            if key != "name" && key != "namespace" {
                metadata.set(&key, value);
            }
        }
    }
    if let Some(namespace) = target.at(&["metadata", "namespace"])
        && rng.chance(90)
    {
        metadata.set("namespace", namespace.clone());
    }
    if rng.chance(6) {
        metadata.set("name", s(rng.word(NAMES)));
    }
    patch.set("metadata", metadata);
    if rng.chance(3) {
        patch = map([
            (
                "apiVersion",
                patch.get("apiVersion").cloned().unwrap_or(s("v1")),
            ),
            ("kind", patch.get("kind").cloned().unwrap_or(s("Pod"))),
            (
                "metadata",
                patch.get("metadata").cloned().unwrap_or(map([])),
            ),
            (
                "$patch",
                s(rng.word(&["delete", "replace", "merge", "other"])),
            ),
        ]);
    }
    write(&patch, rng)
}

/// Drops fields at random, so that a patch is a part.
fn thin(rng: &mut Rng, node: &mut Y, depth: usize) {
    match node {
        Y::Map(entries) => {
            if depth > 1 {
                entries.retain(|(key, _)| key == "name" || rng.chance(65));
            }
            for (_, value) in entries.iter_mut() {
                thin(rng, value, depth + 1);
            }
        }
        Y::List(items) => {
            if items.len() > 1 && rng.chance(40) {
                let at = rng.below(items.len());
                items.remove(at);
            }
            for item in items.iter_mut() {
                thin(rng, item, depth + 1);
            }
        }
        Y::S(_) | Y::Block(..) => {}
    }
}

/// Changes one place below a node.
fn alter(rng: &mut Rng, node: &mut Y, depth: usize) {
    match node {
        Y::Map(entries) if !entries.is_empty() => {
            if depth > 1 && rng.chance(25) {
                match rng.below(7) {
                    0 => entries.push(("added".to_owned(), objects::scalar(rng))),
                    1 => entries.push((
                        "$patch".to_owned(),
                        s(rng.word(&["delete", "replace", "merge", "delete"])),
                    )),
                    2 => entries.push(("newMap".to_owned(), map([("a", objects::scalar(rng))]))),
                    3 => {
                        let at = rng.below(entries.len());
                        entries[at].1 = s(rng.word(&["null", "", "~", "{}", "[]"]));
                    }
                    4 => entries.push(("$retainKeys".to_owned(), s("[a]"))),
                    5 => entries.push((
                        "$setElementOrder/containers".to_owned(),
                        s("[{name: main}]"),
                    )),
                    _ => {
                        let at = rng.below(entries.len());
                        entries[at].1 = objects::scalar(rng);
                    }
                }
                return;
            }
            let at = rng.below(entries.len());
            alter(rng, &mut entries[at].1, depth + 1);
        }
        Y::List(items) if !items.is_empty() => match rng.below(8) {
            0 => items.push(map([(
                "$patch",
                s(rng.word(&["delete", "replace", "merge"])),
            )])),
            1 => {
                let item = rng.pick(items).clone();
                items.push(item);
            }
            2 => items.push(map([("name", objects::name(rng)), ("$patch", s("delete"))])),
            _ => {
                let at = rng.below(items.len());
                alter(rng, &mut items[at], depth + 1);
            }
        },
        other if depth > 1 => *other = objects::scalar(rng),
        _ => {}
    }
}

/// A way as a JSON pointer.
fn pointer(way: &[Step]) -> String {
    let parts: Vec<String> = way
        .iter()
        .map(|step| match step {
            Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Step::Index(at) => format!("/{at}"),
        })
        .collect();
    parts.concat()
}

/// A JSON patch in YAML or JSON.
fn operations(rng: &mut Rng, target: &Y) -> String {
    let mut operations = Vec::new();
    for _ in 0..=rng.below(2) {
        operations.push(operation(rng, target));
    }
    let node = Y::List(operations);
    match rng.below(6) {
        0 if rng.chance(20) => format!("{}\n", flow(&node)),
        0 | 1 => json(&node),
        _ => write(&node, rng),
    }
}

fn json(node: &Y) -> String {
    match node {
        Y::S(text) if text.starts_with('"') && !text.contains("\\x") => text.clone(),
        Y::S(text)
            if ["true", "false", "null", "1", "3", "80", "{}", "[]"].contains(&text.as_str()) =>
        {
            text.clone()
        }
        Y::S(text) => format!("{:?}", text.trim_matches('\''))
            .replace("\\u{", "\\u00")
            .replace('}', ""),
        Y::Block(_, lines) => serde_json::to_string(&lines.join("\n")).unwrap_or_default(),
        Y::List(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(", "))
        }
        Y::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("\"{key}\": {}", json(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn operation(rng: &mut Rng, target: &Y) -> Y {
    let ways = target.ways();
    let mut way = rng.pick(&ways).clone();
    for _ in 0..4 {
        if way.len() > 1 && way[0] != Step::Key("metadata".to_owned()) {
            break;
        }
        way.clone_from(rng.pick(&ways));
    }
    let mut path = pointer(&way);
    let is_list = matches!(target.follow(&way), Some(Y::List(_)));
    let is_map = matches!(target.follow(&way), Some(Y::Map(_)));
    let value = |rng: &mut Rng| {
        if rng.chance(30) {
            let other = objects::any(rng);
            let ways = other.ways();
            let way = rng.pick(&ways).clone();
            other.follow(&way).cloned().unwrap_or(s("x"))
        } else {
            objects::scalar(rng)
        }
    };
    let mut node = map([]);
    match rng.below(24) {
        0..=7 => {
            node.set("op", s("add"));
            match rng.below(6) {
                0 | 1 if is_map => path.push_str("/new"),
                0 | 1 if is_list => path.push_str("/-"),
                2 if is_list => path.push_str("/0"),
                3 => {
                    path = rng.word(&[
                        "/metadata/labels/x",
                        "/metadata/annotations/a~1b",
                        "/spec/replicas",
                        "/data/new",
                        "/metadata/labels",
                    ]);
                }
                _ => {}
            }
            node.set("path", s(path));
            node.set("value", value(rng));
        }
        8..=13 => {
            node.set("op", s("replace"));
            node.set("path", s(path));
            node.set("value", value(rng));
        }
        14..=17 => {
            node.set("op", s("remove"));
            node.set("path", s(path));
        }
        18..=20 => {
            node.set("op", s("test"));
            node.set("path", s(path));
            let value = if rng.chance(95) {
                target.follow(&way).cloned().unwrap_or(s("null"))
            } else {
                value(rng)
            };
            node.set("value", value);
        }
        21 | 22 => {
            node.set("op", s(rng.word(&["copy", "move"])));
            node.set("from", s(path));
            let other = rng.pick(&ways).clone();
            node.set("path", s(pointer(&other)));
        }
        _ => {
            node.set("op", s(rng.word(&["add", "replace", "remove", "merge"])));
            node.set(
                "path",
                s(rng.word(&[
                    "",
                    "/",
                    "spec",
                    "/no/where",
                    "/spec/-",
                    "/spec/00",
                    "/spec/-1",
                    "/metadata/name",
                    "/kind",
                    "/metadata/namespace",
                ])),
            );
            node.set("value", value(rng));
        }
    }
    node
}
