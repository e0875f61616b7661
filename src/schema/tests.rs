//! The tables against well-known facts, and the binary form against the readable one.

use super::*;

const TEXT: &str = include_str!("../../schemas/kubernetes/tables.txt");

fn newest() -> Tables {
    tables(Version::newest())
}

/// The type at a dotted path below a kind.
fn at(group: &str, version: &str, kind: &str, path: &str) -> Type {
    let kind = newest().kind(group, version, kind).unwrap();
    path.split('.').fold(kind.object().ty(), |ty, segment| {
        ty.step(segment)
            .unwrap_or_else(|| panic!("no `{segment}` of {path}"))
    })
}

fn values(ty: Type) -> Vec<&'static str> {
    ty.values().unwrap().iter().collect()
}

#[test]
fn versions_are_read_as_people_and_servers_write_them() {
    for text in ["1.37", "v1.37", "1.37.2", "v1.37.0-rc.1", "1.37+"] {
        assert_eq!(text.parse::<Version>().unwrap().minor(), 37, "{text}");
    }
    for text in ["", "1", "1.5", "2.37", "1.x", "latest"] {
        let error = text.parse::<Version>().unwrap_err().to_string();
        assert!(error.contains("supported are 1."), "{error}");
    }
    assert_eq!(Version::all().next_back(), Some(Version::newest()));
}

#[test]
fn kinds_have_scope_plural_and_versions() {
    for (group, version, kind, plural, namespaced) in [
        ("", "v1", "Pod", "pods", true),
        ("", "v1", "Namespace", "namespaces", false),
        ("apps", "v1", "Deployment", "deployments", true),
        ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
        (
            "networking.k8s.io",
            "v1",
            "IngressClass",
            "ingressclasses",
            false,
        ),
        (
            "policy",
            "v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            true,
        ),
        (
            "rbac.authorization.k8s.io",
            "v1",
            "ClusterRole",
            "clusterroles",
            false,
        ),
        (
            "storage.k8s.io",
            "v1",
            "StorageClass",
            "storageclasses",
            false,
        ),
        (
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            false,
        ),
        (
            "apiregistration.k8s.io",
            "v1",
            "APIService",
            "apiservices",
            false,
        ),
    ] {
        let found = newest().kind(group, version, kind).unwrap();
        assert_eq!(
            (found.plural(), found.namespaced(), found.can(Verb::Patch)),
            (plural, namespaced, true),
            "{kind}"
        );
        assert_eq!(
            newest().resource(group, version, plural).unwrap().kind(),
            kind
        );
    }
    let versions: Vec<_> = newest()
        .served_versions("autoscaling", "HorizontalPodAutoscaler")
        .collect();
    assert_eq!(versions, ["v1", "v2"]);
    assert!(newest().kind("", "v1", "Deployment").is_none());
    assert!(newest().kind("apps", "v1", "deployment").is_none());
    // What cannot be created is no kind of the tables, such as lists and subresources.
    assert!(newest().kind("", "v1", "PodList").is_none());
    assert!(newest().kind("autoscaling", "v1", "Scale").is_none());
    assert!(!newest().kind("", "v1", "Binding").unwrap().can(Verb::List));
}

#[test]
fn groups_of_kubernetes_are_told_from_foreign_ones() {
    for group in [
        "",
        "apps",
        "extensions",
        "networking.k8s.io",
        "apiextensions.k8s.io",
    ] {
        assert!(newest().has_group(group), "{group}");
    }
    for group in ["app", "cert-manager.io", "gateway.networking.k8s.io", "zzz"] {
        assert!(!newest().has_group(group), "{group}");
    }
}

#[test]
fn lifecycles_know_what_went_and_what_replaces_it() {
    let gone = newest()
        .lifecycle("policy", "v1beta1", "PodDisruptionBudget")
        .unwrap();
    assert_eq!((gone.deprecated, gone.removed), (Some(21), Some(25)));
    let new = gone.replacement.unwrap();
    assert_eq!(
        (new.group, new.version, new.kind),
        ("policy", "v1", "PodDisruptionBudget")
    );
    let gone = newest()
        .lifecycle("extensions", "v1beta1", "Ingress")
        .unwrap();
    assert_eq!(gone.removed, Some(22));
    assert_eq!(gone.replacement.unwrap().group, "networking.k8s.io");
    let stays = newest()
        .kind("apps", "v1", "Deployment")
        .unwrap()
        .lifecycle()
        .unwrap();
    assert_eq!((stays.introduced, stays.removed), (Some(9), None));
}

#[test]
fn scalars_are_what_the_decoder_makes_of_them() {
    for (path, want) in [
        ("spec.replicas", "Int32"),
        ("spec.template.spec.terminationGracePeriodSeconds", "Int64"),
        ("spec.template.spec.hostNetwork", "Bool"),
        (
            "spec.template.spec.containers.0.resources.limits.cpu",
            "Quantity",
        ),
        (
            "spec.template.spec.containers.0.livenessProbe.httpGet.port",
            "IntOrString",
        ),
        ("spec.strategy.rollingUpdate.maxSurge", "IntOrString"),
        ("metadata.creationTimestamp", "Time"),
        ("metadata.managedFields.0.fieldsV1", "Any"),
        ("metadata.labels.any/key", "String"),
    ] {
        assert_eq!(
            format!("{:?}", at("apps", "v1", "Deployment", path)),
            want,
            "{path}"
        );
    }
    assert!(matches!(
        at("", "v1", "Secret", "data.x").shape(),
        Shape::Bytes
    ));
    assert!(matches!(
        at("coordination.k8s.io", "v1", "Lease", "spec.renewTime").shape(),
        Shape::MicroTime
    ));
    let schema = "spec.versions.0.schema.openAPIV3Schema.items";
    let ty = at(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        schema,
    );
    assert!(matches!(ty.shape(), Shape::SchemaOrArray(o) if o.short_name() == "JSONSchemaProps"));
}

#[test]
fn lists_carry_what_merges_need() {
    let list = |kind: &str, group: &str, path: &str| match at(group, "v1", kind, path).shape() {
        Shape::List(list) => list,
        other => panic!("{path}: {other:?}"),
    };
    let ports = list(
        "Deployment",
        "apps",
        "spec.template.spec.containers.0.ports",
    );
    assert_eq!(ports.list_type(), ListType::Map);
    assert_eq!(
        ports.map_keys().collect::<Vec<_>>(),
        ["containerPort", "protocol"]
    );
    assert_eq!(
        (ports.merges(), ports.merge_key()),
        (true, Some("containerPort"))
    );
    let args = list("Deployment", "apps", "spec.template.spec.containers.0.args");
    assert_eq!((args.list_type(), args.merges()), (ListType::Atomic, false));
    let finalizers = list("Pod", "", "metadata.finalizers");
    assert_eq!(
        (finalizers.list_type(), finalizers.merge_key()),
        (ListType::Set, None)
    );
    assert!(finalizers.merges());
    let volumes = list("Pod", "", "spec.volumes");
    assert!(volumes.retains_keys() && volumes.merge_key() == Some("name"));
    let deployment = at("apps", "v1", "Deployment", "spec").as_object().unwrap();
    let strategy = deployment.field("strategy").unwrap();
    assert_eq!(strategy.strategy(), Some(PatchStrategy::RetainKeys));
    assert!(
        deployment
            .field("selector")
            .unwrap()
            .ty()
            .as_object()
            .unwrap()
            .is_atomic()
    );
    assert!(at("", "v1", "Pod", "spec.nodeSelector").is_atomic_map());
    assert!(!at("", "v1", "Pod", "metadata.labels").is_atomic_map());
}

#[test]
fn closed_sets_come_from_tags_and_from_code() {
    let hpa = |path| at("autoscaling", "v2", "HorizontalPodAutoscaler", path);
    assert_eq!(
        values(hpa("spec.behavior.scaleDown.policies.0.type")),
        ["Percent", "Pods"]
    );
    assert_eq!(
        values(hpa("spec.metrics.0.resource.target.type")),
        ["AverageValue", "Utilization", "Value"]
    );
    assert_eq!(
        values(at("", "v1", "Pod", "spec.restartPolicy")),
        ["Always", "Never", "OnFailure"]
    );
    let modes = at("", "v1", "PersistentVolumeClaim", "spec.accessModes.0");
    assert!(modes.values().unwrap().contains("ReadWriteOncePod"));
    assert!(!modes.values().unwrap().contains("readWriteOnce"));
    // Open although they have constants.
    assert!(at("", "v1", "Secret", "type").values().is_none());
    assert!(
        at("", "v1", "Node", "status.conditions.0.type")
            .values()
            .is_none()
    );
}

#[test]
fn required_means_what_create_refuses() {
    let required = |group: &str, kind: &str, path: &str, field: &str| {
        let object = at(group, "v1", kind, path).as_object().unwrap();
        object.field(field).unwrap().required()
    };
    assert!(required("apps", "Deployment", "spec", "selector"));
    assert!(required("", "Pod", "spec", "containers"));
    // Optional in OpenAPI, demanded by the server.
    assert!(required("", "Pod", "spec.containers.0", "image"));
    // Demanded by OpenAPI, but the server fills it in or does not care.
    assert!(!required(
        "rbac.authorization.k8s.io",
        "RoleBinding",
        "roleRef",
        "apiGroup"
    ));
    assert!(!required(
        "networking.k8s.io",
        "NetworkPolicy",
        "spec",
        "podSelector"
    ));
    assert!(!required("apps", "Deployment", "spec", "template"));
    let spec = at("apps", "v1", "Deployment", "spec").as_object().unwrap();
    assert!(spec.field("replicas").unwrap().is_pointer());
    assert!(!spec.field("template").unwrap().is_pointer());
}

#[test]
fn versions_differ_where_kubernetes_does() {
    let in_version = |text: &str| tables(text.parse().unwrap());
    let all: Vec<String> = Version::all().map(|v| v.to_string()).collect();
    assert_eq!(all, ["1.33", "1.34", "1.35", "1.36", "1.37"]);
    let group = "admissionregistration.k8s.io";
    for (version, there) in [("1.33", false), ("1.35", false), ("1.36", true)] {
        let found = in_version(version).kind(group, "v1", "MutatingAdmissionPolicy");
        assert_eq!(found.is_some(), there, "{version}");
    }
    let field = |version: &str, object: &str, field: &str| {
        let name = format!("io.k8s.api.{object}");
        in_version(version).object(&name).unwrap().field(field)
    };
    // A gate that came on by default, and a template that nobody looked at.
    assert!(field("1.33", "core.v1.EnvVarSource", "fileKeyRef").is_none());
    let files = |version| field(version, "core.v1.EnvVarSource", "fileKeyRef").unwrap();
    assert!(files("1.34").unchecked() && !files("1.35").unchecked());
    let template = |version| field(version, "apps.v1.StatefulSetSpec", "template").unwrap();
    assert!(template("1.33").unchecked() && !template("1.34").unchecked());
    let traffic = |version| {
        let field = field(version, "core.v1.ServiceSpec", "trafficDistribution").unwrap();
        values(field.ty()).len()
    };
    assert_eq!((traffic("1.33"), traffic("1.34")), (1, 3));
}

#[test]
fn all_versions_fit_in_two_megabytes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/kubernetes/tables.bin");
    assert!(std::fs::metadata(path).unwrap().len() < 2 << 20);
}

/// Walks the readable form line by line and finds each line's content in the binary form, for
/// every version where it holds, and nothing else.
#[test]
fn the_binary_form_says_what_the_readable_form_says() {
    let releases: Vec<&str> = lines("release ")
        .map(|l| l.split(' ').next().unwrap())
        .collect();
    let known: Vec<String> = Version::all().map(|v| v.to_string()).collect();
    assert_eq!(releases, known);
    for version in Version::all() {
        let mut found = String::new();
        describe(tables(version), &mut found);
        let mut wanted: Vec<String> = Vec::new();
        let mut inside = "";
        let held = format!(" {version}");
        for line in TEXT.lines().filter(|l| !l.starts_with(['#', 'r'])) {
            let (content, versions) = line.split_once(" @").unwrap_or((line, &held));
            if !line.starts_with(' ') {
                inside = content;
            }
            if format!("{versions} ").contains(&format!("{held} ")) {
                match inside.split_once(' ').unwrap() {
                    ("set", _) => {}
                    ("type", name) if line.starts_with(' ') => {
                        let name = name.trim_end_matches(" atomic");
                        wanted.push(format!("{name} {}", content.trim_start()));
                    }
                    _ => wanted.push(content.to_owned()),
                }
            }
        }
        let mut found: Vec<&str> = found.lines().collect();
        found.sort_unstable();
        wanted.sort_unstable();
        for (found, wanted) in found.iter().zip(&wanted) {
            assert_eq!(found, wanted);
        }
        assert_eq!(found.len(), wanted.len());
    }
}

fn lines(prefix: &str) -> impl Iterator<Item = &'static str> {
    TEXT.lines()
        .filter_map(move |line| line.strip_prefix(prefix))
}

/// Writes the tables of a version as the readable form has them, values of sets in place.
fn describe(tables: Tables, out: &mut String) {
    use std::fmt::Write as _;
    let mut objects = std::collections::BTreeMap::new();
    for kind in tables.kinds() {
        let verbs = [
            (Verb::Create, "create"),
            (Verb::Get, "get"),
            (Verb::List, "list"),
            (Verb::Update, "update"),
            (Verb::Patch, "patch"),
            (Verb::Delete, "delete"),
            (Verb::DeleteCollection, "deletecollection"),
        ];
        let verbs: Vec<_> = verbs
            .iter()
            .filter(|(v, _)| kind.can(*v))
            .map(|(_, n)| *n)
            .collect();
        let scope = if kind.namespaced() {
            "namespaced"
        } else {
            "cluster"
        };
        let (api, name, plural) = (kind.api_version(), kind.kind(), kind.plural());
        let (ty, verbs) = (kind.object().name(), verbs.join(","));
        writeln!(out, "kind {api} {name} {plural} {scope} {ty} {verbs}").unwrap();
        collect(kind.object(), &mut objects);
    }
    let cycles: std::collections::BTreeSet<(&str, &str)> = lines("lifecycle ")
        .map(|line| line.split(' '))
        .map(|mut words| (words.next().unwrap(), words.next().unwrap()))
        .collect();
    for (api, kind) in cycles {
        let (group, version) = api.rsplit_once('/').unwrap_or(("", api));
        let Some(cycle) = tables.lifecycle(group, version, kind) else {
            continue;
        };
        write!(out, "lifecycle {api} {kind}").unwrap();
        for (name, minor) in [
            ("introduced", cycle.introduced),
            ("deprecated", cycle.deprecated),
            ("removed", cycle.removed),
        ] {
            if let Some(minor) = minor {
                write!(out, " {name} 1.{minor}").unwrap();
            }
        }
        if let Some(new) = cycle.replacement {
            let slash = if new.group.is_empty() { "" } else { "/" };
            write!(
                out,
                " replacement {}{slash}{} {}",
                new.group, new.version, new.kind
            )
            .unwrap();
        }
        out.push('\n');
    }
    for (name, object) in objects {
        let atomic = if object.is_atomic() { " atomic" } else { "" };
        writeln!(out, "type {name}{atomic}").unwrap();
        for field in object.fields() {
            assert_eq!(object.field(field.name()).unwrap().name(), field.name());
            write!(out, "{name} {} {}", field.name(), expression(field.ty())).unwrap();
            for (said, word) in [
                (field.required(), " required"),
                (field.is_pointer(), " pointer"),
                (field.unchecked(), " unchecked"),
                (
                    field.strategy() == Some(PatchStrategy::RetainKeys),
                    " retainKeys",
                ),
                (field.strategy() == Some(PatchStrategy::Replace), " replace"),
            ] {
                out.push_str(if said { word } else { "" });
            }
            out.push('\n');
        }
    }
}

fn collect(object: Object, into: &mut std::collections::BTreeMap<&'static str, Object>) {
    if into.insert(object.name(), object).is_some() {
        return;
    }
    for field in object.fields() {
        let mut ty = field.ty();
        loop {
            ty = match ty.shape() {
                Shape::Map(inner) => inner,
                Shape::List(list) => list.item(),
                Shape::Object(o)
                | Shape::SchemaOrArray(o)
                | Shape::SchemaOrBool(o)
                | Shape::SchemaOrStrings(o) => {
                    collect(o, into);
                    break;
                }
                _ => break,
            };
        }
    }
}

/// A type as `swagger.go` writes it.
fn expression(ty: Type) -> String {
    let word = match ty.shape() {
        Shape::Object(object) => object.name(),
        Shape::Map(value) => {
            let atomic = if ty.is_atomic_map() { "atomic" } else { "" };
            return format!("{{{atomic}}}{}", expression(value));
        }
        Shape::List(list) => return list_expression(list),
        Shape::String => {
            return ty.values().map_or_else(
                || "string".to_owned(),
                |values| format!("string({})", set_name(values)),
            );
        }
        Shape::Bool => "bool",
        Shape::Int32 => "int32",
        Shape::Int64 => "int64",
        Shape::Float64 => "float64",
        Shape::Bytes => "bytes",
        Shape::Time => "time",
        Shape::MicroTime => "micro-time",
        Shape::Quantity => "quantity",
        Shape::IntOrString => "int-or-string",
        Shape::Any => "any",
        Shape::SchemaOrArray(_) => "schema-or-array",
        Shape::SchemaOrBool(_) => "schema-or-bool",
        Shape::SchemaOrStrings(_) => "schema-or-strings",
    };
    word.to_owned()
}

fn list_expression(list: List) -> String {
    let keys: Vec<_> = list.map_keys().collect();
    let kind = match list.list_type() {
        ListType::Set => "set".to_owned(),
        ListType::Map => format!("map({})", keys.join(",")),
        ListType::Atomic if list.declares_atomic() => "atomic".to_owned(),
        ListType::Atomic => String::new(),
    };
    let merge = match (list.merges(), list.merge_key()) {
        (true, Some(key)) => format!("merge({key})"),
        (true, None) => "merge".to_owned(),
        _ => String::new(),
    };
    let retain = if list.retains_keys() {
        "retainKeys"
    } else {
        ""
    };
    let words: Vec<_> = [&kind, &merge, retain]
        .into_iter()
        .filter(|w| !w.is_empty())
        .collect();
    format!("[{}]{}", words.join(";"), expression(list.item()))
}

/// The name of the set that has exactly these values in this version, by its text.
fn set_name(values: Values) -> String {
    let mut sets: Vec<(&str, Vec<String>)> = Vec::new();
    let held = values.version().to_string();
    for line in TEXT.lines() {
        if let Some(name) = line.strip_prefix("set ") {
            sets.push((name, Vec::new()));
        } else if line.starts_with("  \"") {
            let (content, versions) = line.split_once(" @").unwrap_or((line, ""));
            if versions.is_empty() || versions.split(' ').any(|v| v == held) {
                let value = serde_json::from_str(content.trim()).unwrap();
                sets.last_mut().unwrap().1.push(value);
            }
        }
    }
    let (name, wanted) = &sets[values.number()];
    assert!(values.iter().eq(wanted.iter()), "{name}: {values:?}");
    (*name).to_owned()
}
