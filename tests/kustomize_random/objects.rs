//! Random objects: all common kinds, references between them, custom kinds, and odd scalars.

use super::kinds;
use super::rng::Rng;
use super::yaml::{Y, map, s};

/// Names are few, so that references and patches meet.
pub(crate) const NAMES: &[&str] = &["web", "db", "app", "api", "web-1", "front.end", "x"];
pub(crate) const NAMESPACES: &[&str] = &["shop", "default", "kube-system", "other"];
pub(crate) const IMAGES: &[&str] = &[
    "nginx",
    "nginx:1.2",
    "\"nginx:1.20\"",
    "redis:latest",
    "registry.io:5000/team/app:v1.2.3",
    "registry.io/team/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "ghcr.io/org/img:1@sha256:abcd",
    "my-app",
    "app$x:1",
    "\"\"",
];
/// Texts that readers and writers of YAML disagree about.
pub(crate) const SCALARS: &[&str] = &[
    "plain",
    "\"quoted\"",
    "'single'",
    "\"\"",
    "''",
    "yes",
    "\"yes\"",
    "no",
    "on",
    "off",
    "y",
    "n",
    "true",
    "\"true\"",
    "null",
    "~",
    "\"null\"",
    "1",
    "\"1\"",
    "01",
    "0o7",
    "0x1F",
    "1e3",
    "\"1e3\"",
    "1_000",
    "1.0",
    "1.10",
    "-0",
    "+1",
    ".5",
    "5.",
    "2020-01-01",
    "\"2020-01-01\"",
    "2020-01-01T10:00:00Z",
    "12:30:45",
    "\"12:30\"",
    "0644",
    "\"a b\"",
    "a b c",
    "\"é\"",
    "ü",
    "\"\\u2028\"",
    "\"\\t tab\"",
    "\"line\\nbreak\"",
    "\"ends with space \"",
    "\" starts\"",
    "'it''s'",
    "a#b",
    "\"a # b\"",
    "a:b",
    "\"a: b\"",
    "\"- x\"",
    "-x",
    "\"@x\"",
    "\"`x`\"",
    "\"%x\"",
    "\"*x\"",
    "\"&x\"",
    "\"!x\"",
    "!!str 5",
    "!!str true",
    "=",
    "\"=\"",
    "<",
    "{}",
    "[]",
    "\"{}\"",
    "\"[a]\"",
    "\"$(WEB_NAME)\"",
    "$(DB_NAME)-x",
    "$$(WEB_NAME)",
    "$(MISSING)",
    "1.23456789123456789",
    "\"😀\"",
    "\"\\\\\"",
    "back\\slash",
    "\"very long text that must be folded because it is longer than eighty columns, is it not? yes it is indeed\"",
    "http://example.com:80/a?b=c&d=e",
    "100m",
    "1Gi",
    "\"0\"",
    "0",
    "0b11",
    "1:2",
    "\"---\"",
    "a,b",
    "\"trailing\\n\"",
    "\"\\r\\n\"",
    "\"a\\tb\"",
    "\"#x\"",
    "x #y",
    "\"x: \"",
    "\"?\"",
    "\"|\"",
    "\">\"",
];

/// What makes a build fail, or nearly.
const BAD: &[&str] = &[
    ".inf",
    ".nan",
    "1e400",
    "? x",
    "\"\\x00\"",
    "---",
    "...",
    "!!int \"5\"",
    "!!int x",
    "*x",
    "&x y",
    "@x",
    "`x`",
    "!custom x",
    "\"open",
    "{a",
    "a: b: c",
];

/// A random scalar, sometimes a block.
pub(crate) fn scalar(rng: &mut Rng) -> Y {
    if rng.below(1000) < 2 {
        return s(rng.word(BAD));
    }
    if rng.chance(12) {
        return block(rng);
    }
    if rng.chance(50) {
        return s(rng.word(NAMES));
    }
    s(rng.word(SCALARS))
}

fn block(rng: &mut Rng) -> Y {
    const LINES: &[&str] = &[
        "first line",
        "indented",
        "",
        "key: value",
        "list:",
        "- item",
        "# no comment",
        "tab\there",
        "trailing ",
        "{\"a\": 1}",
        "a = b",
        "$(WEB_NAME)",
        "ünï",
        "a: {b: [c]}",
    ];
    let head = *rng.pick(&["|", "|-", "|+", ">", ">-"]);
    let count = 1 + rng.below(4);
    let mut lines: Vec<String> = (0..count).map(|_| rng.word(LINES)).collect();
    if lines[0].starts_with(' ') || lines[0].is_empty() {
        lines[0].replace_range(.., "start");
    }
    Y::Block(head, lines)
}

/// A text, as fields want that must be texts.
pub(crate) fn text(rng: &mut Rng) -> Y {
    const TEXTS: &[&str] = &[
        "one",
        "\"two\"",
        "'3'",
        "\"\"",
        "a-b",
        "\"true\"",
        "\"1.0\"",
        "\"x y\"",
        "v1.2.3",
        "\"012\"",
        "\"null\"",
        "\"é\"",
        "\"2001-01-01\"",
        "\"y\"",
        "some words here",
    ];
    s(rng.word(TEXTS))
}

pub(crate) fn some(
    rng: &mut Rng,
    percent: usize,
    node: &mut Y,
    key: &str,
    make: impl FnOnce(&mut Rng) -> Y,
) {
    if rng.chance(percent) {
        let value = make(rng);
        node.set(key, value);
    }
}

/// A name of the pool.
pub(crate) fn name(rng: &mut Rng) -> Y {
    s(rng.word(NAMES))
}

pub(crate) fn metadata(rng: &mut Rng, namespaced: bool) -> Y {
    let mut node = map([("name", name(rng))]);
    if namespaced {
        some(rng, 20, &mut node, "namespace", |rng| {
            s(rng.word(NAMESPACES))
        });
    }
    some(rng, 30, &mut node, "labels", |rng| {
        let mut labels = map([("app", text(rng))]);
        some(rng, 40, &mut labels, "app.kubernetes.io/name", text);
        some(rng, 10, &mut labels, "tier", scalar);
        labels
    });
    some(rng, 20, &mut node, "annotations", |rng| {
        let mut annotations = map([("note", text(rng))]);
        some(rng, 40, &mut annotations, "example.com/odd", scalar);
        some(
            rng,
            5,
            &mut annotations,
            "config.kubernetes.io/local-config",
            |_| s("\"true\""),
        );
        annotations
    });
    if rng.chance(2) {
        node.set("finalizers", Y::List(vec![s("a/b"), s("c/d")]));
    }
    node
}

/// An object of a kind.
pub(crate) fn object(version: &str, kind: &str, namespaced: bool, rest: Y, rng: &mut Rng) -> Y {
    let mut node = map([
        ("apiVersion", s(version)),
        ("kind", s(kind)),
        ("metadata", metadata(rng, namespaced)),
    ]);
    if let Y::Map(entries) = rest {
        for (key, value) in entries {
            node.set(&key, value);
        }
    }
    node
}

pub(crate) fn list(rng: &mut Rng, limit: usize, mut make: impl FnMut(&mut Rng) -> Y) -> Y {
    let count = rng.below(limit) + 1;
    Y::List((0..count).map(|_| make(rng)).collect())
}

fn key_ref(rng: &mut Rng) -> Y {
    map([("name", name(rng)), ("key", s("key"))])
}

fn env(rng: &mut Rng) -> Y {
    let mut node = map([("name", s(rng.word(&["A", "B", "C", "WEB"])))]);
    match rng.below(6) {
        0 => node.set("valueFrom", map([("configMapKeyRef", key_ref(rng))])),
        1 => node.set("valueFrom", map([("secretKeyRef", key_ref(rng))])),
        2 => {}
        _ => node.set("value", scalar(rng)),
    }
    node
}

pub(crate) fn container(rng: &mut Rng) -> Y {
    let mut node = map([
        ("name", s(rng.word(&["main", "side", "init"]))),
        ("image", s(rng.word(IMAGES))),
    ]);
    some(rng, 40, &mut node, "env", |rng| list(rng, 3, env));
    some(rng, 15, &mut node, "envFrom", |rng| {
        let kind = rng.word(&["configMapRef", "secretRef"]);
        Y::List(vec![map([(kind.as_str(), map([("name", name(rng))]))])])
    });
    some(rng, 25, &mut node, "ports", |rng| {
        list(rng, 2, |rng| {
            let mut port = map([("containerPort", s(rng.word(&["80", "8080", "\"90\""])))]);
            some(rng, 40, &mut port, "protocol", |rng| {
                s(rng.word(&["TCP", "UDP"]))
            });
            some(
                rng,
                40,
                &mut port,
                "name",
                |rng| s(rng.word(&["http", "x"])),
            );
            port
        })
    });
    some(rng, 25, &mut node, "args", |rng| list(rng, 3, scalar));
    some(rng, 15, &mut node, "command", |rng| list(rng, 2, text));
    some(rng, 25, &mut node, "volumeMounts", |rng| {
        list(rng, 2, |rng| {
            map([
                ("name", name(rng)),
                ("mountPath", s(rng.word(&["/a", "/b", "/c"]))),
            ])
        })
    });
    some(rng, 15, &mut node, "resources", |_| {
        map([("limits", map([("cpu", s("1")), ("memory", s("\"1Gi\""))]))])
    });
    some(rng, 3, &mut node, "image", |rng| s(rng.word(SCALARS)));
    node
}

fn volume(rng: &mut Rng) -> Y {
    let mut node = map([("name", name(rng))]);
    match rng.below(6) {
        0 => node.set("configMap", map([("name", name(rng))])),
        1 => node.set("secret", map([("secretName", name(rng))])),
        2 => node.set("persistentVolumeClaim", map([("claimName", name(rng))])),
        3 => node.set("emptyDir", s("{}")),
        4 => node.set(
            "projected",
            map([(
                "sources",
                Y::List(vec![map([("configMap", map([("name", name(rng))]))])]),
            )]),
        ),
        _ => node.set("image", map([("reference", s(rng.word(IMAGES)))])),
    }
    node
}

fn pod_spec(rng: &mut Rng) -> Y {
    let mut node = map([("containers", list(rng, 2, container))]);
    some(rng, 25, &mut node, "initContainers", |rng| {
        list(rng, 1, container)
    });
    some(rng, 35, &mut node, "volumes", |rng| list(rng, 3, volume));
    some(rng, 25, &mut node, "serviceAccountName", name);
    some(rng, 10, &mut node, "imagePullSecrets", |rng| {
        Y::List(vec![map([("name", name(rng))])])
    });
    some(rng, 10, &mut node, "priorityClassName", name);
    some(rng, 8, &mut node, "nodeSelector", |rng| {
        map([("disk", scalar(rng))])
    });
    some(rng, 8, &mut node, "tolerations", |_| {
        Y::List(vec![map([("key", s("a")), ("operator", s("Exists"))])])
    });
    some(rng, 5, &mut node, "containers", |_| s("[]"));
    some(rng, 5, &mut node, "topologySpreadConstraints", |rng| {
        Y::List(vec![map([
            ("topologyKey", s("zone")),
            ("whenUnsatisfiable", s("DoNotSchedule")),
            (
                "labelSelector",
                map([("matchLabels", map([("app", text(rng))]))]),
            ),
        ])])
    });
    some(rng, 5, &mut node, "affinity", |rng| {
        let term = map([
            (
                "labelSelector",
                map([("matchLabels", map([("app", text(rng))]))]),
            ),
            ("topologyKey", s("host")),
        ]);
        map([(
            "podAntiAffinity",
            map([(
                "requiredDuringSchedulingIgnoredDuringExecution",
                Y::List(vec![term]),
            )]),
        )])
    });
    node
}

fn template(rng: &mut Rng) -> Y {
    let mut node = map([("spec", pod_spec(rng))]);
    if rng.chance(60) {
        node.set("metadata", map([("labels", map([("app", text(rng))]))]));
    }
    node
}

fn workload(rng: &mut Rng) -> Y {
    let (version, kind) = *rng.pick(&[
        ("apps/v1", "Deployment"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("extensions/v1beta1", "Deployment"),
        ("v1", "ReplicationController"),
    ]);
    let mut spec = map([("template", template(rng))]);
    some(rng, 50, &mut spec, "replicas", |rng| {
        s(rng.word(&["1", "3", "\"2\"", "null"]))
    });
    some(rng, 60, &mut spec, "selector", |rng| {
        let labels = map([("app", text(rng))]);
        if kind == "ReplicationController" {
            labels
        } else {
            map([("matchLabels", labels)])
        }
    });
    if kind == "StatefulSet" {
        spec.set("serviceName", name(rng));
        some(rng, 60, &mut spec, "volumeClaimTemplates", |rng| {
            Y::List(vec![map([
                ("metadata", map([("name", name(rng))])),
                (
                    "spec",
                    map([
                        ("storageClassName", name(rng)),
                        ("accessModes", Y::List(vec![s("ReadWriteOnce")])),
                    ]),
                ),
            ])])
        });
    }
    object(version, kind, true, map([("spec", spec)]), rng)
}

fn job(rng: &mut Rng) -> Y {
    let spec = map([("template", template(rng))]);
    if rng.chance(50) {
        return object("batch/v1", "Job", true, map([("spec", spec)]), rng);
    }
    let version = rng.word(&["batch/v1", "batch/v1beta1"]);
    let spec = map([
        ("schedule", s("\"* * * * *\"")),
        ("jobTemplate", map([("spec", spec)])),
    ]);
    object(&version, "CronJob", true, map([("spec", spec)]), rng)
}

fn service(rng: &mut Rng) -> Y {
    let mut spec = map([(
        "ports",
        list(rng, 2, |rng| {
            map([
                ("port", s(rng.word(&["80", "443"]))),
                ("targetPort", scalar(rng)),
            ])
        }),
    )]);
    some(rng, 70, &mut spec, "selector", |rng| {
        map([("app", text(rng))])
    });
    object("v1", "Service", true, map([("spec", spec)]), rng)
}

fn config(rng: &mut Rng) -> Y {
    let mut data = map([("key", scalar(rng))]);
    some(rng, 50, &mut data, "other.properties", scalar);
    some(rng, 30, &mut data, "WEB", scalar);
    some(rng, 15, &mut data, "config.json", |_| {
        s("'{\"a\": {\"b\": \"c\"}, \"list\": [1, 2]}'")
    });
    some(rng, 15, &mut data, "config.yaml", |_| {
        Y::Block(
            "|",
            vec![
                "a:".into(),
                "  b: c".into(),
                "list:".into(),
                "- name: x".into(),
                "  v: 1".into(),
            ],
        )
    });
    some(rng, 10, &mut data, "url", |_| {
        s("https://web.shop.svc:80/path")
    });
    if rng.chance(60) {
        return object("v1", "ConfigMap", true, map([("data", data)]), rng);
    }
    let field = rng.word(&["data", "stringData"]);
    object(
        "v1",
        "Secret",
        true,
        map([("type", s("Opaque")), (field.as_str(), data)]),
        rng,
    )
}

/// Any object.
pub(crate) fn any(rng: &mut Rng) -> Y {
    match rng.below(20) {
        0..=5 => workload(rng),
        6 => job(rng),
        7..=8 => service(rng),
        9..=11 => config(rng),
        12..=13 => kinds::access(rng),
        14..=15 => kinds::network(rng),
        16 => kinds::cluster(rng),
        17 => {
            let rest = map([("spec", pod_spec(rng))]);
            object("v1", "Pod", true, rest, rng)
        }
        _ => kinds::custom(rng),
    }
}
