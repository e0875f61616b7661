//! Random trees of kustomizations: bases, components, layers, and every field of each.

use std::collections::BTreeMap;

use super::objects::{self, IMAGES, NAMES, NAMESPACES};
use super::rng::Rng;
use super::tree::Tree;
use super::yaml::{Y, flow, map, s, write};
use super::{changes, extras, generator, replaced, settings, spoil};

/// A layer while it is made.
pub(crate) struct Layer<'t> {
    pub(crate) folder: &'t str,
    pub(crate) files: &'t mut BTreeMap<String, Vec<u8>>,
    /// The kustomization.
    pub(crate) fields: Vec<(String, Y)>,
    /// What is there to be changed.
    pub(crate) seen: Vec<Y>,
}

impl Layer<'_> {
    /// Adds to a list of the kustomization.
    pub(crate) fn add(&mut self, field: &str, value: Y) {
        match self.fields.iter_mut().find(|(name, _)| name == field) {
            Some((_, Y::List(items))) => items.push(value),
            Some(_) => {}
            None => self.fields.push((field.to_owned(), Y::List(vec![value]))),
        }
    }

    /// Sets a field of the kustomization.
    pub(crate) fn set(&mut self, field: &str, value: Y) {
        self.fields.push((field.to_owned(), value));
    }

    /// Writes a file of the layer and returns its name.
    pub(crate) fn file(&mut self, name: &str, text: String) -> String {
        let mut name = name.to_owned();
        while self.files.contains_key(&format!("{}/{name}", self.folder)) {
            name = format!("x{name}");
        }
        self.files
            .insert(format!("{}/{name}", self.folder), text.into_bytes());
        name
    }
}

/// The tree of a seed.
pub(crate) fn tree(seed: u64) -> Tree {
    let mut rng = Rng::new(seed);
    let rng = &mut rng;
    let mut files = BTreeMap::new();
    let base = layer(rng, &mut files, "base", &[], Vec::new(), false);
    let mut seen = base.clone();
    let mut bases = vec!["base"];
    if rng.chance(15) {
        seen.extend(layer(rng, &mut files, "more", &[], Vec::new(), false));
        bases.push("more");
    }
    let has_component = rng.chance(20);
    if has_component {
        layer(rng, &mut files, "comp", &[], seen.clone(), true);
    }
    if rng.chance(25) {
        let below: Vec<&str> = bases.clone();
        seen = layer(rng, &mut files, "mid", &below, seen, false);
        if rng.chance(30) {
            // A diamond: two ways to one base, told apart by their prefixes.
            seen.extend(layer(rng, &mut files, "mid2", &below, base, false));
            bases = vec!["mid", "mid2"];
        } else {
            bases = vec!["mid"];
        }
    }
    if has_component {
        bases.push("comp");
    }
    layer(rng, &mut files, "root", &bases, seen, false);
    let mut tree = Tree {
        files,
        root: "root".to_owned(),
    };
    if seed >= extras::FROM {
        extras::add(seed, &mut tree);
    }
    if rng.chance(6) {
        spoil::spoil(rng, &mut tree);
    }
    tree
}

/// Writes a layer and returns the objects that it sees.
fn layer(
    rng: &mut Rng,
    files: &mut BTreeMap<String, Vec<u8>>,
    folder: &str,
    below: &[&str],
    seen: Vec<Y>,
    component: bool,
) -> Vec<Y> {
    let mut layer = Layer {
        folder,
        files,
        fields: Vec::new(),
        seen,
    };
    for folder in below {
        let field = if *folder == "comp" {
            "components"
        } else {
            "resources"
        };
        layer.add(field, s(format!("../{folder}")));
    }
    resources(rng, &mut layer, below.is_empty() && !component);
    // Few fields at a time, so that what differs is found quickly and most builds succeed.
    let count = 1 + rng.below(4);
    for _ in 0..count {
        one_field(rng, &mut layer);
    }
    if component {
        layer.set("apiVersion", s("kustomize.config.k8s.io/v1alpha1"));
        layer.set("kind", s("Component"));
    } else if rng.chance(50) {
        layer.set("apiVersion", s("kustomize.config.k8s.io/v1beta1"));
        layer.set("kind", s("Kustomization"));
    }
    let mut fields = Vec::new();
    for (name, value) in std::mem::take(&mut layer.fields) {
        if !fields.iter().any(|(known, _)| *known == name) {
            let at = rng.below(fields.len() + 1);
            fields.insert(at, (name, value));
        }
    }
    let text = write(&Y::Map(fields), rng);
    let name = match rng.below(12) {
        0 => "kustomization.yml",
        1 => "Kustomization",
        _ => "kustomization.yaml",
    };
    layer.file(name, text);
    layer.seen
}

fn resources(rng: &mut Rng, layer: &mut Layer<'_>, is_base: bool) {
    let count = if is_base {
        1 + rng.below(6)
    } else {
        rng.below(3)
    };
    let mut at = 0;
    while at < count {
        let together = 1 + rng.below(3);
        let mut text = String::new();
        let is_list = rng.chance(4);
        let mut items = Vec::new();
        for _ in 0..together {
            let object = fresh(rng, &layer.seen);
            if !text.is_empty() {
                text.push_str(&rng.word(&["---\n", "---\n", "--- # next\n", "\n---\n\n"]));
            }
            if is_list {
                items.push(object.clone());
            } else if rng.chance(4) {
                text.push_str(&format!("{}\n", flow(&object)));
            } else {
                text.push_str(&write(&object, rng));
            }
            layer.seen.push(object);
            at += 1;
        }
        if is_list {
            text = write(
                &map([
                    ("apiVersion", s("v1")),
                    ("kind", s("List")),
                    ("items", Y::List(items)),
                ]),
                rng,
            );
        }
        if rng.chance(6) {
            text = text.replace('\n', "\r\n");
        }
        let name = layer.file(&format!("r{at}.yaml"), text);
        layer.add("resources", s(name));
    }
}

/// An object that no other has the identity of, mostly.
fn fresh(rng: &mut Rng, seen: &[Y]) -> Y {
    let id = |object: &Y| {
        let metadata = object.get("metadata").cloned().unwrap_or(s(""));
        let text = |key: &str| metadata.get(key).map(Y::text).unwrap_or_default();
        (
            object.get("kind").map(Y::text),
            text("name"),
            text("namespace"),
        )
    };
    let mut object = objects::any(rng);
    for _ in 0..8 {
        if rng.chance(2) || !seen.iter().any(|other| id(other) == id(&object)) {
            break;
        }
        object = objects::any(rng);
    }
    object
}

fn one_field(rng: &mut Rng, layer: &mut Layer<'_>) {
    match rng.below(30) {
        0 | 1 => layer.set(
            "namePrefix",
            s(rng.word(&["pre-", "\"1-\"", "a.", "\"\"", "p-"])),
        ),
        2 => layer.set("nameSuffix", s(rng.word(&["-suf", "\"-1\"", "-v2"]))),
        3 | 4 => layer.set("namespace", s(rng.word(NAMESPACES))),
        5 => {
            let mut label = map([("pairs", labels(rng))]);
            for field in ["includeSelectors", "includeTemplates"] {
                if rng.chance(40) {
                    label.set(field, s("true"));
                }
            }
            if rng.chance(15) {
                let mut spec = map([(
                    "path",
                    s(rng.word(&[
                        "spec/labels",
                        "metadata/labels",
                        "spec/deep/a",
                        "spec/items",
                    ])),
                )]);
                spec.set("create", s(rng.word(&["true", "false"])));
                if rng.chance(50) {
                    spec.set("kind", s(rng.word(&["Widget", "Deployment"])));
                }
                label.set("fields", Y::List(vec![spec]));
            }
            layer.add("labels", label);
        }
        6 => layer.set("commonLabels", labels(rng)),
        7 => layer.set("commonAnnotations", labels(rng)),
        8 | 9 => {
            for _ in 0..=rng.below(2) {
                let image = image(rng);
                layer.add("images", image);
            }
        }
        10 => {
            let count = rng.word(&["0", "5", "100"]);
            if let Some(name) =
                target_name(rng, layer, &["Deployment", "StatefulSet", "ReplicaSet"])
            {
                layer.add("replicas", map([("name", s(name)), ("count", s(count))]));
            }
        }
        11..=14 => changes::patch(rng, layer),
        15 => changes::strategic(rng, layer),
        16 => changes::json6902(rng, layer),
        17..=19 => replaced::replacement(rng, layer),
        20 => replaced::variable(rng, layer),
        21..=24 => generator::generator(rng, layer),
        25 => {
            let mut options = map([]);
            if rng.chance(50) {
                options.set("disableNameSuffixHash", s(rng.word(&["true", "false"])));
            }
            if rng.chance(50) {
                options.set("labels", labels(rng));
            }
            if rng.chance(30) {
                options.set("annotations", labels(rng));
            }
            if rng.chance(20) {
                options.set("immutable", s("true"));
            }
            layer.set("generatorOptions", options);
        }
        26 => settings::configuration(rng, layer),
        27 => settings::plugin(rng, layer),
        28 => layer.set(
            "buildMetadata",
            s(rng.word(&[
                "[originAnnotations]",
                "[transformerAnnotations]",
                "[managedByLabel]",
                "[managedByLabel, originAnnotations]",
            ])),
        ),
        _ => layer.set(
            "sortOptions",
            match rng.below(3) {
                0 => map([("order", s("fifo"))]),
                1 => map([("order", s("legacy"))]),
                _ => map([
                    ("order", s("legacy")),
                    (
                        "legacySortOptions",
                        map([
                            ("orderFirst", s("[Deployment, Service]")),
                            ("orderLast", s("[ConfigMap]")),
                        ]),
                    ),
                ]),
            },
        ),
    }
}

pub(crate) fn labels(rng: &mut Rng) -> Y {
    let mut pairs = map([]);
    for _ in 0..=rng.below(2) {
        let key = rng.word(&["app", "team", "app.kubernetes.io/part-of", "x"]);
        pairs.set(&key, objects::text(rng));
    }
    pairs
}

pub(crate) fn image(rng: &mut Rng) -> Y {
    let name = if rng.chance(25) {
        rng.word(&[
            "nginx",
            "my-app",
            "\"registry.io:5000/team/app\"",
            "redis",
            "app$x",
            "\"nginx.*\"",
            "\"ng[i]nx\"",
        ])
    } else {
        let image = rng.word(IMAGES);
        let image = image.trim_matches('"');
        let image = image.split('@').next().unwrap_or_default().to_owned();
        let colon = image.rfind(':').filter(|at| !image[*at..].contains('/'));
        image[..colon.unwrap_or(image.len())].to_owned()
    };
    let mut node = map([(
        "name",
        s(if name.is_empty() {
            "nginx".to_owned()
        } else {
            name
        }),
    )]);
    for (field, values) in [
        ("newName", &["other", "reg.io/x", "\"a:1\""][..]),
        ("newTag", &["\"2\"", "v2", "\"1.10\"", "\"\""][..]),
        ("digest", &["sha256:abc", "\"sha256:123\""][..]),
        ("tagSuffix", &["-alpine", "\"-1\""][..]),
    ] {
        if rng.chance(40) {
            node.set(field, s(rng.word(values)));
        }
    }
    node
}

/// A name of an object of some kinds, mostly.
pub(crate) fn target_name(rng: &mut Rng, layer: &Layer<'_>, kinds: &[&str]) -> Option<String> {
    let fitting: Vec<String> = layer
        .seen
        .iter()
        .filter(|object| {
            object
                .get("kind")
                .is_some_and(|kind| kinds.contains(&kind.text().as_str()))
        })
        .filter_map(|object| Some(object.at(&["metadata", "name"])?.text()))
        .collect();
    if rng.chance(2) {
        return Some(rng.word(NAMES));
    }
    (!fitting.is_empty()).then(|| rng.pick(&fitting).clone())
}
