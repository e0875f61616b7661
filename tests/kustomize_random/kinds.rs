//! Random objects that run nothing: access, network, the cluster, and kinds of others.

use super::objects::*;
use super::rng::Rng;
use super::yaml::{Y, map, s};

pub(crate) fn access(rng: &mut Rng) -> Y {
    match rng.below(5) {
        0 | 1 => {
            let kind = rng.word(&["Role", "ClusterRole"]);
            let rule = map([
                ("apiGroups", s("[\"\"]")),
                ("resources", s("[configmaps, secrets]")),
                ("resourceNames", list(rng, 2, name)),
                ("verbs", s("[get]")),
            ]);
            object(
                "rbac.authorization.k8s.io/v1",
                &kind,
                kind == "Role",
                map([("rules", Y::List(vec![rule]))]),
                rng,
            )
        }
        2 | 3 => {
            let kind = rng.word(&["RoleBinding", "ClusterRoleBinding"]);
            let role = rng.word(&["Role", "ClusterRole"]);
            let subject = |rng: &mut Rng| {
                let mut subject = map([("kind", s("ServiceAccount")), ("name", name(rng))]);
                some(rng, 10, &mut subject, "name", |_| s("default"));
                some(rng, 60, &mut subject, "namespace", |rng| {
                    s(rng.word(NAMESPACES))
                });
                subject
            };
            let rest = map([
                (
                    "roleRef",
                    map([
                        ("apiGroup", s("rbac.authorization.k8s.io")),
                        ("kind", s(role)),
                        ("name", name(rng)),
                    ]),
                ),
                ("subjects", list(rng, 2, subject)),
            ]);
            object(
                "rbac.authorization.k8s.io/v1",
                &kind,
                kind == "RoleBinding",
                rest,
                rng,
            )
        }
        _ => {
            let mut account = object("v1", "ServiceAccount", true, map([]), rng);
            some(rng, 30, &mut account, "imagePullSecrets", |rng| {
                Y::List(vec![map([("name", name(rng))])])
            });
            account
        }
    }
}

pub(crate) fn network(rng: &mut Rng) -> Y {
    match rng.below(5) {
        0 => {
            let backend = map([(
                "service",
                map([("name", name(rng)), ("port", map([("number", s("80"))]))]),
            )]);
            let path = map([
                ("path", s("/")),
                ("pathType", s("Prefix")),
                ("backend", backend),
            ]);
            let mut spec = map([(
                "rules",
                Y::List(vec![map([
                    ("host", scalar(rng)),
                    ("http", map([("paths", Y::List(vec![path]))])),
                ])]),
            )]);
            some(rng, 40, &mut spec, "tls", |rng| {
                Y::List(vec![map([
                    ("hosts", s("[a.b]")),
                    ("secretName", name(rng)),
                ])])
            });
            some(rng, 30, &mut spec, "ingressClassName", name);
            object(
                "networking.k8s.io/v1",
                "Ingress",
                true,
                map([("spec", spec)]),
                rng,
            )
        }
        1 => {
            let version = rng.word(&["autoscaling/v2", "autoscaling/v1"]);
            let kind = rng.word(&["Deployment", "StatefulSet", "Widget"]);
            let target = map([
                ("apiVersion", s("apps/v1")),
                ("kind", s(kind)),
                ("name", name(rng)),
            ]);
            object(
                &version,
                "HorizontalPodAutoscaler",
                true,
                map([(
                    "spec",
                    map([("scaleTargetRef", target), ("maxReplicas", s("4"))]),
                )]),
                rng,
            )
        }
        2 => {
            let selector = map([("matchLabels", map([("app", text(rng))]))]);
            let spec = map([
                ("podSelector", selector.clone()),
                (
                    "ingress",
                    Y::List(vec![map([(
                        "from",
                        Y::List(vec![map([("podSelector", selector)])]),
                    )])]),
                ),
            ]);
            object(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                true,
                map([("spec", spec)]),
                rng,
            )
        }
        3 => {
            let selector = map([("matchLabels", map([("app", text(rng))]))]);
            object(
                "policy/v1",
                "PodDisruptionBudget",
                true,
                map([(
                    "spec",
                    map([("minAvailable", scalar(rng)), ("selector", selector)]),
                )]),
                rng,
            )
        }
        _ => {
            let kind = rng.word(&[
                "ValidatingWebhookConfiguration",
                "MutatingWebhookConfiguration",
            ]);
            let service = map([("name", name(rng)), ("namespace", s(rng.word(NAMESPACES)))]);
            let hook = map([
                ("name", s("a.b.c")),
                ("clientConfig", map([("service", service)])),
                ("sideEffects", s("None")),
            ]);
            object(
                "admissionregistration.k8s.io/v1",
                &kind,
                false,
                map([("webhooks", Y::List(vec![hook]))]),
                rng,
            )
        }
    }
}

pub(crate) fn cluster(rng: &mut Rng) -> Y {
    match rng.below(7) {
        0 => object("v1", "Namespace", false, map([]), rng),
        1 => object(
            "v1",
            "PersistentVolume",
            false,
            map([(
                "spec",
                map([
                    ("storageClassName", name(rng)),
                    ("capacity", map([("storage", s("1Gi"))])),
                ]),
            )]),
            rng,
        ),
        2 => object(
            "v1",
            "PersistentVolumeClaim",
            true,
            map([(
                "spec",
                map([("volumeName", name(rng)), ("storageClassName", name(rng))]),
            )]),
            rng,
        ),
        3 => object(
            "storage.k8s.io/v1",
            "StorageClass",
            false,
            map([("provisioner", s("x"))]),
            rng,
        ),
        4 => object(
            "scheduling.k8s.io/v1",
            "PriorityClass",
            false,
            map([("value", scalar(rng))]),
            rng,
        ),
        5 => object(
            "apiregistration.k8s.io/v1",
            "APIService",
            false,
            map([(
                "spec",
                map([
                    (
                        "service",
                        map([("name", name(rng)), ("namespace", s("shop"))]),
                    ),
                    ("group", s("a.b")),
                ]),
            )]),
            rng,
        ),
        _ => {
            let spec = map([
                ("group", s("example.com")),
                (
                    "names",
                    map([("kind", s("Widget")), ("plural", s("widgets"))]),
                ),
                (
                    "versions",
                    Y::List(vec![map([("name", s("v1")), ("served", s("true"))])]),
                ),
            ]);
            object(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                false,
                map([("spec", spec)]),
                rng,
            )
        }
    }
}

pub(crate) fn custom(rng: &mut Rng) -> Y {
    let mut spec = map([("image", s(rng.word(IMAGES))), ("size", scalar(rng))]);
    some(rng, 40, &mut spec, "containers", |rng| {
        list(rng, 2, container)
    });
    some(rng, 40, &mut spec, "ref", |rng| map([("name", name(rng))]));
    some(rng, 30, &mut spec, "items", |rng| list(rng, 3, scalar));
    some(rng, 30, &mut spec, "deep", |rng| {
        map([(
            "a",
            map([(
                "b",
                list(rng, 2, |rng| {
                    map([("name", name(rng)), ("value", scalar(rng))])
                }),
            )]),
        )])
    });
    some(rng, 20, &mut spec, "odd", scalar);
    let kind = rng.word(&["Widget", "Gadget"]);
    object("example.com/v1", &kind, true, map([("spec", spec)]), rng)
}
