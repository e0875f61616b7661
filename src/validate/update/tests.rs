//! Updates, old and new side by side. The oracle of every line is kube-apiserver 1.37.0, an
//! update with `dryRun=All&fieldValidation=Strict` of an object that was created before.

use crate::manifest::{Node, Object, ReadOptions, Severity, Sources, read};
use crate::schema::Version;
use crate::validate::{Definitions, Judgement, Validator};

const ACCEPTED: &str = include_str!("../rules/tests/accepted.yaml");
const CHANGES: &str = include_str!("tests/changes.txt");

fn documents(text: &str) -> Vec<Object> {
    let sources = Sources::new();
    let file = sources.add("in.yaml", text);
    let read = read::read_documents(&sources, file, &ReadOptions::kubectl());
    let objects = read.into_iter().map(|document| document.unwrap().root);
    objects.filter_map(Object::from_node).collect()
}

fn judge(old: &Object, new: &Object) -> Judgement {
    let definitions = Definitions::default();
    Validator::new(Version::newest()).judge_update(&definitions, old, new)
}

/// The errors of an update, as rule and field.
fn errors(old: &Object, new: &Object) -> Vec<(String, String)> {
    let errors = judge(old, new).findings.into_iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| (finding.rule.into_owned(), finding.field.unwrap_or_default()))
        .collect()
}

#[test]
fn every_object_may_stay_as_it_is() {
    for object in documents(ACCEPTED) {
        assert_eq!(errors(&object, &object), [], "{}", object.describe());
    }
}

/// Sets the value at a path of names and indices, such as `spec.ports.0.name`; without a value,
/// removes it.
fn set(node: &mut Node, path: &str, value: Option<Node>) {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let index = step
        .parse::<usize>()
        .ok()
        .filter(|_| node.as_seq().is_some());
    match (index, rest, value) {
        (Some(index), "", Some(value)) => node.as_seq_mut().unwrap()[index] = value,
        (Some(index), "", None) => drop(node.as_seq_mut().unwrap().remove(index)),
        (Some(index), rest, value) => set(&mut node.as_seq_mut().unwrap()[index], rest, value),
        (None, "", Some(value)) => drop(node.as_map_mut().unwrap().set(step, value)),
        (None, "", None) => drop(node.as_map_mut().unwrap().remove(step)),
        (None, rest, value) => set(node.get_mut(step).unwrap(), rest, value),
    }
}

#[test]
fn changes_are_judged_as_the_server_judges_them() {
    let documents = documents(ACCEPTED);
    let rows = CHANGES.lines().filter(|line| !line.starts_with('#'));
    for row in rows {
        let columns: Vec<&str> = row.split('\t').collect();
        let [name, path, value, rule, field] = columns[..] else {
            panic!("{row}");
        };
        let named = |object: &&Object| format!("{}/{}", object.kind(), object.name()) == name;
        let old = documents.iter().find(named).unwrap();
        let mut new = old.clone();
        let value = (value != "-").then(|| {
            let text = format!("apiVersion: a\nkind: b\nvalue: {value}");
            let read = self::documents(&text);
            read[0].root.get("value").unwrap().clone()
        });
        set(&mut new.root, path, value);
        let expected = match rule {
            "accepted" => vec![],
            rule => vec![(rule.to_owned(), field.to_owned())],
        };
        assert_eq!(errors(old, &new), expected, "{row}");
    }
}

const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.x.io}
spec:
  group: x.io
  scope: Namespaced
  names: {kind: Shop, plural: shops}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, x-kubernetes-validations: [{rule: self >= oldSelf, message: a shop does not shrink}]}
              region: {type: string, default: eu, x-kubernetes-validations: [{rule: self == oldSelf, message: a shop does not move}]}
              mode: {type: string, enum: [open, closed]}
              shelves: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string}, kind: {type: string, enum: [a, b]}}}}
";

#[test]
fn custom_resources_compare_and_tolerate_what_has_not_changed() {
    let mut definitions = Definitions::default();
    assert!(definitions.add(&documents(DEFINITION)[0]));
    let errors = |old: &str, new: &str| -> Vec<String> {
        let object = |spec: &str| {
            let text =
                format!("apiVersion: x.io/v1\nkind: Shop\nmetadata: {{name: a}}\nspec: {spec}\n");
            documents(&text).remove(0)
        };
        let validator = Validator::new(Version::newest());
        let judgement = validator.judge_update(&definitions, &object(old), &object(new));
        let findings = judgement.findings.into_iter();
        findings.map(|f| f.field.unwrap_or_default()).collect()
    };
    for (old, new, expected) in [
        ("{size: 2}", "{size: 3}", &[][..]),
        ("{size: 2}", "{size: 1}", &["spec.size"]),
        ("{}", "{region: eu}", &[]),
        ("{}", "{region: us}", &["spec.region"]),
        // What is wrong already is tolerated, as long as it stays as it is.
        ("{mode: shut, size: 1}", "{mode: shut, size: 2}", &[]),
        ("{mode: shut}", "{mode: shur}", &["spec.mode"]),
        (
            "{shelves: [{name: x, kind: z}]}",
            "{shelves: [{name: new}, {name: x, kind: z}]}",
            &[],
        ),
        (
            "{shelves: [{name: x, kind: z}]}",
            "{shelves: [{name: yy, kind: z}]}",
            &["spec.shelves[0].kind"],
        ),
    ] {
        assert_eq!(errors(old, new), expected, "{old} -> {new}");
    }
}

#[test]
fn what_cannot_change_is_told_with_its_place_and_what_to_do() {
    let object = |image: &str| {
        let text = format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: a}}\nspec: {{template: {{spec: \
             {{restartPolicy: Never, containers: [{{name: a, image: {image}}}]}}}}}}\n"
        );
        documents(&text).remove(0)
    };
    let judgement = judge(&object("x:1"), &object("x:2"));
    assert!(judgement.needs_replace());
    let finding = &judgement.findings[0];
    assert_eq!(finding.field.as_deref(), Some("spec.template"));
    assert_eq!(finding.primary.as_ref().unwrap().text, "was `x:1`");
    assert_eq!(
        finding.hint.as_deref(),
        Some("a Job runs once: give it a new name, or delete the old one first")
    );
}

#[test]
fn words_are_those_of_the_version() {
    let old = documents(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: a}\nspec: {serviceName: a, selector: \
         {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}\n",
    )
    .remove(0);
    let mut new = old.clone();
    set(
        &mut new.root,
        "spec.serviceName",
        Some(Node::string("b", old.root.span)),
    );
    for (version, field, words) in [
        ("1.37", "spec.serviceName", "field is immutable"),
        (
            "1.36",
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals'",
        ),
    ] {
        let validator = Validator::new(version.parse().unwrap());
        let judgement = validator.judge_update(&Definitions::default(), &old, &new);
        let finding = &judgement.findings[0];
        assert_eq!(finding.field.as_deref(), Some(field));
        assert!(finding.notes[0].contains(words), "{:?}", finding.notes);
    }
}

#[test]
fn what_the_server_tolerates_is_tolerated() {
    let volume = |key: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: a}}\nspec: {{capacity: {{storage: 1Gi}}, \
             accessModes: [ReadWriteOnce], hostPath: {{path: /a}}, nodeAffinity: {{required: {{nodeSelectorTerms: \
             [{{matchExpressions: [{{key: {key}, operator: In, values: [a]}}]}}]}}}}}}\n"
        )
    };
    let set = |account: &str, policy: &str| {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: a}}\nspec: {{serviceName: a, \
             selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: \
             {{serviceAccountName: {account}, dnsPolicy: {policy}, containers: [{{name: a, image: b}}]}}}}}}\n"
        )
    };
    let pod = |group: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: a, image: b}}]{group}}}\n"
        )
    };
    let node =
        |status: &str| format!("{{apiVersion: v1, kind: Node, metadata: {{name: a}}{status}}}\n");
    let ingress = |annotation: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: a, annotations: {{{annotation}}}}}\n\
             spec: {{ingressClassName: b, defaultBackend: {{service: {{name: a, port: {{number: 1}}}}}}}}\n"
        )
    };
    let address = |generate: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: IPAddress, metadata: {{name: 10.0.0.7{generate}}}, spec: {{parentRef: {{resource: services, name: a, namespace: b}}}}}}\n"
        )
    };
    let slice = |multiple: &str| {
        format!(
            "{{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {{name: a}}, spec: {{driver: a.io, nodeName: node-1, \
             pool: {{name: p, generation: 1, resourceSliceCount: 1}}, devices: [{{name: d, {multiple} capacity: {{c: {{value: '10', \
             requestPolicy: {{default: '1', validValues: ['1', '2']}}}}}}}}]}}}}\n"
        )
    };
    let claim = |size: &str, namespace: &str| {
        format!(
            "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: a}}, spec: {{accessModes: [ReadWriteOnce], \
             dataSourceRef: {{apiGroup: a.io, kind: B, name: c{namespace}}}, resources: {{requests: {{storage: {size}}}}}}}, \
             status: {{phase: Bound, capacity: {{storage: 2Gi}}}}}}\n"
        )
    };
    let (beta, stable) = ("beta.kubernetes.io/os", "kubernetes.io/os");
    for (old, new, expected) in [
        (volume(beta), volume(stable), &[][..]),
        (volume(stable), volume(beta), &["nodeAffinity"]),
        (
            volume(beta),
            volume("kubernetes.io/arch"),
            &["nodeAffinity"],
        ),
        (
            set("a", "ClusterFirst"),
            set("A_b", "ClusterFirst"),
            &["spec.template.spec.serviceAccountName"],
        ),
        (set("a", "None"), set("A_b", "None"), &[]),
        (
            node(""),
            node(", status: {allocatable: {a.io/b: 1.5}, declaredFeatures: [b, a]}"),
            &[],
        ),
        (ingress(""), ingress("kubernetes.io/ingress.class: a"), &[]),
        (
            "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: A, status: 'True'}]}]}, template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}\n".to_owned(),
            "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: A}]}]}, template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}\n".to_owned(),
            &[],
        ),
        (address(""), address(", generateName: x"), &["metadata.generateName"]),
        (slice("allowMultipleAllocations: true,"), slice(""), &[]),
        (claim("2Gi", ""), claim("'2Gi '", ""), &[]),
        (claim("2Gi", ""), claim("2Gi", ", namespace: b"), &["spec"]),
        (pod(""), pod(", schedulingGroup: {podGroupName: x}"), &[]),
    ] {
        let (old, new) = (documents(&old).remove(0), documents(&new).remove(0));
        let found: Vec<String> = errors(&old, &new)
            .into_iter()
            .map(|(_, field)| field)
            .collect();
        assert_eq!(found, expected, "{}", new.describe());
    }
}

#[test]
fn values_of_secrets_are_not_told() {
    let object = |value: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nimmutable: true\nstringData: {{a: {value}}}\n"
        );
        documents(&text).remove(0)
    };
    let judgement = judge(&object("hunter2"), &object("hunter3"));
    assert!(judgement.needs_replace());
    assert!(!format!("{:?}", judgement.findings).contains("hunter"));
}
