//! Random configurations, and kustomize's own plugins by configuration.

use super::objects::{self, NAMESPACES};
use super::overlay::{Layer, image, labels};
use super::rng::Rng;
use super::yaml::{Y, map, s, write};

pub(crate) fn configuration(rng: &mut Rng, layer: &mut Layer<'_>) {
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

pub(crate) fn plugin(rng: &mut Rng, layer: &mut Layer<'_>) {
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
