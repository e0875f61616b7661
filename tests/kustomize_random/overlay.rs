//! Random trees of kustomizations: bases, components, layers, and every field of each.

use std::collections::BTreeMap;

use super::changes;
use super::objects::{self, IMAGES, NAMES, NAMESPACES};
use super::rng::Rng;
use super::tree::Tree;
use super::yaml::{Y, flow, map, s, write};

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
    if rng.chance(6) {
        spoil(rng, &mut tree);
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
        17..=19 => changes::replacement(rng, layer),
        20 => changes::variable(rng, layer),
        21..=24 => generator(rng, layer),
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
        26 => configuration(rng, layer),
        27 => plugin(rng, layer),
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

fn labels(rng: &mut Rng) -> Y {
    let mut pairs = map([]);
    for _ in 0..=rng.below(2) {
        let key = rng.word(&["app", "team", "app.kubernetes.io/part-of", "x"]);
        pairs.set(&key, objects::text(rng));
    }
    pairs
}

fn image(rng: &mut Rng) -> Y {
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
fn target_name(rng: &mut Rng, layer: &Layer<'_>, kinds: &[&str]) -> Option<String> {
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

fn generator(rng: &mut Rng, layer: &mut Layer<'_>) {
    let is_secret = rng.chance(35);
    let mut node = map([("name", objects::name(rng))]);
    let mut filled = false;
    if rng.chance(60) {
        let literals = [
            "a=b",
            "\"key=it's\"",
            "'q=\"x\"'",
            "k=1",
            "empty=",
            "\"sp= x \"",
            "é=ü",
            "url=http://a?b=c",
            "\"n=a\\nb\"",
            "y=yes",
            "WEB=web",
            "key=new",
        ];
        let mut items: Vec<Y> = (0..=rng.below(2)).map(|_| s(rng.word(&literals))).collect();
        items.dedup();
        if rng.chance(1) {
            items.push(s("bad"));
        }
        node.set("literals", Y::List(items));
        filled = true;
    }
    if rng.chance(30) || !filled {
        const TEXTS: &[&str] = &[
            "x=1\n",
            "line one\nline two\n",
            "tab\tx\n",
            "no newline",
            "trailing \nspace\n",
            "",
            "key: [1, 2]\n",
            "{\"a\": \"b\"}",
            "windows\r\nlines\r\n",
            "é\n",
            "  lead\n\n\n",
            "a\n\nb",
            "😀\n",
        ];
        let text = rng.word(TEXTS);
        let mut file = layer.file("file.txt", text);
        if rng.chance(10) {
            let path = format!("{}/{file}", layer.folder);
            layer.files.insert(path, vec![0, 159, 146, 150, 255]);
        }
        if rng.chance(40) {
            file = format!("{}={file}", rng.word(&["k", "key.txt", "k.v", "a.b-c_d"]));
        }
        node.set("files", Y::List(vec![s(file)]));
    }
    if rng.chance(20) {
        const ENVS: &[&str] = &[
            "A=1\nB=two words\n",
            "# c\n\nA=x\n",
            "A=\"q\"\n",
            " A= b \n",
            "WEB_NAME\n",
            "\u{feff}A=1\n",
            "A=$(B)\r\nC=d\r\n",
        ];
        let text = rng.word(ENVS);
        let file = layer.file("vars.env", text);
        if rng.chance(80) {
            node.set("envs", Y::List(vec![s(file)]));
        } else {
            node.set("env", s(file));
        }
    }
    let kind = if is_secret { "Secret" } else { "ConfigMap" };
    let known = target_name(rng, layer, &[kind]);
    match known {
        Some(name) if rng.chance(40) => {
            node.set("name", s(name));
            node.set("behavior", s(rng.word(&["merge", "replace", "merge"])));
        }
        _ if rng.chance(5) => node.set("behavior", s(rng.word(&["create", "merge", "other"]))),
        _ => {}
    }
    if rng.chance(15) {
        node.set("namespace", s(rng.word(NAMESPACES)));
    }
    if rng.chance(25) {
        let mut options = map([]);
        if rng.chance(50) {
            options.set("disableNameSuffixHash", s("true"));
        }
        if rng.chance(30) {
            options.set("labels", labels(rng));
        }
        if rng.chance(30) {
            options.set("annotations", labels(rng));
        }
        if rng.chance(20) {
            options.set("immutable", s("true"));
        }
        node.set("options", options);
    }
    if is_secret && rng.chance(25) {
        node.set(
            "type",
            s(rng.word(&["kubernetes.io/tls", "Opaque", "\"\""])),
        );
    }
    let object = map([
        ("apiVersion", s("v1")),
        ("kind", s(kind)),
        (
            "metadata",
            map([("name", node.get("name").cloned().unwrap_or(s("x")))]),
        ),
        ("data", map([("key", s("x"))])),
    ]);
    layer.seen.push(object);
    layer.add(
        if is_secret {
            "secretGenerator"
        } else {
            "configMapGenerator"
        },
        node,
    );
}

fn configuration(rng: &mut Rng, layer: &mut Layer<'_>) {
    let spec = |path: &str, kind: &str, create: &str| {
        map([("path", s(path)), ("kind", s(kind)), ("create", s(create))])
    };
    let mut config = map([]);
    for _ in 0..=rng.below(2) {
        match rng.below(8) {
            0 => config.set(
                "nameReference",
                Y::List(vec![map([
                    (
                        "kind",
                        s(rng.word(&["Gadget", "ConfigMap", "Secret", "Widget"])),
                    ),
                    (
                        "fieldSpecs",
                        Y::List(vec![spec(
                            &rng.word(&[
                                "spec/ref/name",
                                "spec/ref",
                                "spec/deep/a/b/name",
                                "spec/items",
                            ]),
                            "Widget",
                            "false",
                        )]),
                    ),
                ])]),
            ),
            1 => config.set(
                "commonLabels",
                Y::List(vec![spec(
                    "spec/selector",
                    "Widget",
                    &rng.word(&["true", "false"]),
                )]),
            ),
            2 => config.set(
                "images",
                Y::List(vec![spec("spec/image", "Widget", "false")]),
            ),
            3 => config.set(
                "replicas",
                Y::List(vec![spec(
                    "spec/size",
                    "Widget",
                    &rng.word(&["true", "false"]),
                )]),
            ),
            4 => config.set(
                "namePrefix",
                Y::List(vec![spec("spec/odd", "Widget", "false")]),
            ),
            5 => config.set(
                "namespace",
                Y::List(vec![spec(
                    "spec/space",
                    "Widget",
                    &rng.word(&["true", "false"]),
                )]),
            ),
            6 => config.set(
                "varReference",
                Y::List(vec![spec(
                    &rng.word(&["spec/odd", "data", "spec/items"]),
                    &rng.word(&["Widget", "ConfigMap"]),
                    "false",
                )]),
            ),
            _ => config.set(
                "commonAnnotations",
                Y::List(vec![spec("spec/notes", "Widget", "true")]),
            ),
        }
    }
    let text = write(&config, rng);
    let file = layer.file("config.yaml", text);
    layer.add("configurations", s(file));
}

fn plugin(rng: &mut Rng, layer: &mut Layer<'_>) {
    let specs = |path: &str| Y::List(vec![map([("path", s(path)), ("create", s("true"))])]);
    let mut rest = map([]);
    let kind = match rng.below(8) {
        0 => {
            rest.set("prefix", s("t-"));
            rest.set("fieldSpecs", specs("metadata/name"));
            "PrefixTransformer"
        }
        1 => {
            rest.set("suffix", s("-t"));
            rest.set("fieldSpecs", specs("metadata/name"));
            "SuffixTransformer"
        }
        2 => {
            rest.set("labels", labels(rng));
            rest.set(
                "fieldSpecs",
                specs(&rng.word(&[
                    "metadata/labels",
                    "spec/selector/matchLabels",
                    "spec/new/labels",
                ])),
            );
            "LabelTransformer"
        }
        3 => {
            rest.set("annotations", labels(rng));
            rest.set("fieldSpecs", specs("metadata/annotations"));
            "AnnotationsTransformer"
        }
        4 => {
            rest.set("imageTag", image(rng));
            rest.set(
                "fieldSpecs",
                specs(&rng.word(&[
                    "spec/image",
                    "spec/template/spec/containers/image",
                    "spec/containers[]/image",
                ])),
            );
            "ImageTagTransformer"
        }
        5 => {
            rest.set(
                "metadata",
                map([("name", s("n")), ("namespace", s(rng.word(NAMESPACES)))]),
            );
            if rng.chance(40) {
                rest.set("unsetOnly", s("true"));
            }
            if rng.chance(40) {
                rest.set(
                    "setRoleBindingSubjects",
                    s(rng.word(&["allServiceAccounts", "none", "defaultOnly"])),
                );
            }
            rest.set(
                "fieldSpecs",
                Y::List(vec![
                    map([("path", s("metadata/namespace")), ("create", s("true"))]),
                    map([
                        ("path", s("subjects")),
                        ("kind", s("RoleBinding")),
                        ("group", s("rbac.authorization.k8s.io")),
                    ]),
                ]),
            );
            "NamespaceTransformer"
        }
        6 => {
            rest.set(
                "replica",
                map([("name", objects::name(rng)), ("count", s("7"))]),
            );
            rest.set(
                "fieldSpecs",
                Y::List(vec![map([
                    ("path", s("spec/replicas")),
                    ("create", s("true")),
                    ("kind", s("Deployment")),
                ])]),
            );
            "ReplicaCountTransformer"
        }
        _ => {
            rest.set("value", objects::text(rng));
            rest.set(
                "targets",
                Y::List(vec![map([(
                    "fieldPath",
                    s(rng.word(&["metadata/annotations/v", "spec/odd", "spec/added/deep"])),
                )])]),
            );
            "ValueAddTransformer"
        }
    };
    let mut object = map([
        ("apiVersion", s("builtin")),
        ("kind", s(kind)),
        ("metadata", map([("name", s("n"))])),
    ]);
    if let Y::Map(entries) = rest {
        for (key, value) in entries {
            object.set(&key, value);
        }
    }
    let text = write(&object, rng);
    let file = layer.file("plugin.yaml", text);
    layer.add("transformers", s(file));
}

/// Damages a file: what people do by mistake.
pub(crate) fn spoil(rng: &mut Rng, tree: &mut Tree) {
    let names: Vec<String> = tree.files.keys().cloned().collect();
    if names.is_empty() {
        return;
    }
    let name = rng.pick(&names).clone();
    let Some(text) = tree
        .files
        .get(&name)
        .and_then(|bytes| String::from_utf8(bytes.clone()).ok())
    else {
        return;
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return;
    }
    let at = rng.below(lines.len());
    match rng.below(9) {
        0 => {
            lines.remove(at);
        }
        1 => {
            let line = lines[at].clone();
            lines.insert(at, line);
        }
        2 => lines[at] = format!(" {}", lines[at]),
        3 => {
            let line = lines[at].trim_start_matches("  ").to_owned();
            lines[at] = line;
        }
        4 => lines[at] = lines[at].replace(':', ""),
        5 => lines[at] = lines[at].replacen(": ", ": &a ", 1),
        6 => {
            let other = rng.below(lines.len());
            lines.swap(at, other);
        }
        7 => {
            if let Some((key, _)) = lines[at].clone().split_once(": ") {
                lines[at] = format!("{key}: {}", objects::scalar(rng).text());
            }
        }
        _ => lines.insert(
            at,
            rng.word(&["---", "# note", "", "...", "extra: 1", "  x: y"]),
        ),
    }
    let mut text = lines.join("\n");
    text.push('\n');
    tree.files.insert(name, text.into_bytes());
}
