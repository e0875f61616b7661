//! The structural verdict, on small manifests. The oracle of every line is kube-apiserver
//! 1.37.0, create with `dryRun=All&fieldValidation=Strict`.

mod relations;

use super::*;
use crate::manifest::Sources;

/// Judges a text. Returns the verdicts, and the findings as `severity rule field @ line:column`.
fn judge(text: &str) -> (Vec<&'static str>, Vec<String>) {
    let sources = Sources::new();
    let file = sources.add("in.yaml", text);
    let verdicts = judge_file(Validator::new(Version::newest()), &sources, file);
    let shown = |finding: &Diagnostic| {
        let span = finding.primary.as_ref().map(|label| label.span);
        let place = span.map(|span| sources.locate(span)).unwrap_or_default();
        format!(
            "{} {} {} @ {}",
            finding.severity.as_str(),
            finding.rule,
            finding.field.as_deref().unwrap_or("-"),
            place.trim_start_matches("in.yaml:")
        )
    };
    let findings = verdicts.objects.iter().flat_map(|o| &o.judgement.findings);
    let findings = findings.map(shown).collect();
    let words = |judged: &Judged| judged.judgement.verdict.as_str();
    (verdicts.objects.iter().map(words).collect(), findings)
}

/// A Pod with fields added to its spec and to its container, in flow style.
fn pod(spec: &str, container: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: x}}, \
         spec: {{containers: [{{name: a, image: b, {container}}}], {spec}}}}}"
    )
}

#[track_caller]
fn accepted(text: &str) {
    let (verdicts, findings) = judge(text);
    assert_eq!(verdicts, ["accepted"], "{text}\n{findings:?}");
    assert_eq!(findings, Vec::<String>::new(), "{text}");
}

/// The rule and field of the only finding.
#[track_caller]
fn refused(text: &str, rule: &str, field: &str) {
    let (verdicts, findings) = judge(text);
    assert_eq!(verdicts, ["rejected"], "{text}");
    let [finding] = findings.as_slice() else {
        panic!("{text}\n{findings:#?}");
    };
    let wanted = format!("error {rule} {field} @ ");
    assert!(finding.starts_with(&wanted), "{finding}, not {wanted}");
}

#[test]
fn an_autoscaler_policy_of_type_pod_is_caught_with_a_suggestion() {
    let text = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: finance, namespace: vextrus}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: finance}
  maxReplicas: 3
  behavior:
    scaleDown:
      policies:
      - type: Pod
        value: 1
        periodSeconds: 60
";
    let sources = Sources::new();
    let file = sources.add("prod/autoscaler.yaml", text);
    let verdicts = judge_file(Validator::new(Version::newest()), &sources, file);
    let findings = &verdicts.objects[0].judgement.findings;
    let style = crate::report::Style::new(false);
    insta::assert_snapshot!(crate::report::diagnostic(&sources, &findings[0], style), @"
    error[unsupported-value]: `type` cannot be `Pod`
      --> prod/autoscaler.yaml:10:15
       |
     9 |       policies:
    10 |       - type: Pod
       |               ^^^ `Percent` or `Pods`; did you mean `Pods`?
       = in  HorizontalPodAutoscaler vextrus/finance
       = at  spec.behavior.scaleDown.policies[0].type
       = the API server (1.37) would say: Unsupported value: \"Pod\": supported values: \"Percent\", \"Pods\"
    ");
    assert_eq!(findings.len(), 1);
}

#[test]
fn types_are_those_of_the_decoder() {
    for (spec, container) in [
        ("terminationGracePeriodSeconds: 3.0", ""),
        ("terminationGracePeriodSeconds: 1e3", ""),
        ("hostNetwork: off, hostPID: no", ""),
        ("priority: null, volumes: null, nodeSelector: {a: null}", ""),
        (
            "",
            "resources: {limits: {cpu: 1, memory: null}, requests: {cpu: 1e-3}}",
        ),
        (
            "",
            "livenessProbe: {httpGet: {port: 80}}, readinessProbe: {tcpSocket: {port: web}}",
        ),
        ("", "env: [{name: A, value: null}], args: [null, '1']"),
        ("", "ports: [{containerPort: 0x50}]"),
    ] {
        accepted(&pod(spec, container));
    }
    for (spec, container, rule, field) in [
        ("hostNetwork: 'true'", "", "wrong-type", "spec.hostNetwork"),
        ("priority: '1'", "", "wrong-type", "spec.priority"),
        ("priority: 1.5", "", "out-of-range", "spec.priority"),
        ("priority: 2147483648", "", "out-of-range", "spec.priority"),
        ("nodeName: 5", "", "wrong-type", "spec.nodeName"),
        (
            "nodeSelector: {a: yes}",
            "",
            "wrong-type",
            "spec.nodeSelector[a]",
        ),
        ("nodeSelector: [a]", "", "wrong-type", "spec.nodeSelector"),
        ("volumes: {name: a}", "", "wrong-type", "spec.volumes"),
        ("affinity: []", "", "wrong-type", "spec.affinity"),
        ("", "args: [1]", "wrong-type", "spec.containers[0].args[0]"),
        (
            "",
            "livenessProbe: {tcpSocket: {port: true}}",
            "wrong-type",
            "spec.containers[0].livenessProbe.tcpSocket.port",
        ),
        (
            "",
            "resources: {limits: {memory: 1Gib}}",
            "invalid-quantity",
            "spec.containers[0].resources.limits[memory]",
        ),
        (
            "",
            "resources: {limits: {memory: [1]}}",
            "wrong-type",
            "spec.containers[0].resources.limits[memory]",
        ),
    ] {
        refused(&pod(spec, container), rule, field);
    }
    accepted(
        "{apiVersion: v1, kind: Secret, metadata: {name: x}, data: {a: null, b: eA==, c: [1, 2]}}",
    );
    refused(
        "{apiVersion: v1, kind: Secret, metadata: {name: x}, data: {a: x}}",
        "invalid-base64",
        "data[a]",
    );
    refused(
        "{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {y: 1}}",
        "wrong-type",
        "stringData[true]",
    );
    refused(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, creationTimestamp: now}}",
        "invalid-time",
        "metadata.creationTimestamp",
    );
    accepted("{apiVersion: v1, kind: ConfigMap, metadata: {name: x, creationTimestamp: null}}");
    refused(
        "{apiVersion: v1, kind: ConfigMap, metadata: [], data: null}",
        "wrong-type",
        "metadata",
    );
}

#[test]
fn unknown_fields_are_exact_in_case_and_found_at_any_depth() {
    refused(
        &pod("restartpolicy: Never", ""),
        "unknown-field",
        "spec.restartpolicy",
    );
    refused(
        &pod("", "env: [{nmae: A, name: B}]"),
        "unknown-field",
        "spec.containers[0].env[0].nmae",
    );
    refused(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, spec: {}}",
        "unknown-field",
        "spec",
    );
    // Free mappings and what the server does not look into have no unknown fields.
    accepted(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, labels: {any: thing}}, data: {a.b: c}}",
    );
    accepted(
        "{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: x}, data: {any: [1]}, revision: 1}",
    );
    // The status is decoded strictly, though a create drops it.
    refused(
        "{apiVersion: v1, kind: Namespace, metadata: {name: x}, status: {fase: x}}",
        "unknown-field",
        "status.fase",
    );
    accepted(
        "{apiVersion: v1, kind: Namespace, metadata: {name: x}, status: {phase: Odd, conditions: [{}]}}",
    );
}

#[test]
fn schemas_of_custom_resources_are_decoded_leniently_where_the_server_does() {
    let crd = |schema: &str| {
        format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, \
             metadata: {{name: as.b.c}}, spec: {{group: b.c, scope: Namespaced, \
             names: {{plural: as, kind: A}}, versions: [{{name: v1, served: true, storage: true, \
             schema: {{openAPIV3Schema: {{type: object, {schema}}}}}}}]}}}}"
        )
    };
    accepted(&crd(
        "properties: {a: {type: array, items: {type: string, odd: 1}}}",
    ));
    accepted(&crd(
        "properties: {a: {type: object, additionalProperties: true}}",
    ));
    accepted(&crd(
        "properties: {a: {type: object, x-kubernetes-preserve-unknown-fields: true, default: {any: 1}}}",
    ));
    let root = "spec.versions[0].schema.openAPIV3Schema";
    refused(&crd("odd: 1"), "unknown-field", &format!("{root}.odd"));
    refused(
        &crd("properties: {a: {type: object, additionalProperties: 5}}"),
        "wrong-type",
        &format!("{root}.properties[a].additionalProperties"),
    );
    refused(
        &crd("properties: {a: {type: array, items: {type: [string]}}}"),
        "wrong-type",
        &format!("{root}.properties[a].items.type"),
    );
    refused(
        &crd("properties: {a: {type: strnig}}"),
        "unsupported-value",
        "spec.validation.openAPIV3Schema.properties[a].type",
    );
}

#[test]
fn closed_sets_take_the_empty_text_only_where_it_is_no_value() {
    accepted(&pod("restartPolicy: '', dnsPolicy: Default", ""));
    accepted(
        "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: x}, provisioner: a, reclaimPolicy: ''}",
    );
    refused(
        &pod("restartPolicy: never", ""),
        "unsupported-value",
        "spec.restartPolicy",
    );
    refused(
        &pod("preemptionPolicy: ''", ""),
        "unsupported-value",
        "spec.preemptionPolicy",
    );
    let claim = |modes: &str| {
        format!(
            "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: x}}, \
             spec: {{accessModes: {modes}, resources: {{requests: {{storage: 1Gi}}}}}}}}"
        )
    };
    accepted(&claim("[ReadWriteOnce]"));
    refused(&claim("[RWO]"), "unsupported-value", "spec.accessModes[0]");
    refused(&claim("[null]"), "unsupported-value", "spec.accessModes[0]");
    refused(&claim("[]"), "required-field", "spec.accessModes");
}

#[test]
fn what_is_missing_is_named_as_the_server_names_it() {
    let (verdicts, findings) =
        judge("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n");
    assert_eq!(verdicts, ["rejected"]);
    assert_eq!(
        findings,
        [
            "error required-field spec.selector @ 2:7",
            "error required-field spec.template.spec.containers @ 2:7",
        ]
    );
    // A null item is an item without fields.
    let (_, findings) = judge(&pod("initContainers: [null]", ""));
    assert_eq!(findings.len(), 2, "{findings:?}");
    refused(
        &pod("volumes: [{emptyDir: {}}]", ""),
        "required-field",
        "spec.volumes[0].name",
    );
    refused(
        &pod("", "ports: [{containerPort: 0}]"),
        "required-field",
        "spec.containers[0].ports[0].containerPort",
    );
    refused(
        &pod("", "env: [{name: ''}]"),
        "required-field",
        "spec.containers[0].env[0].name",
    );
    refused(
        "{apiVersion: v1, kind: ConfigMap}",
        "required-field",
        "metadata.name",
    );
    refused(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: ''}}",
        "required-field",
        "metadata.name",
    );
    accepted("{apiVersion: v1, kind: ConfigMap, metadata: {generateName: x-}}");
    // Named by nobody, and stored nowhere.
    accepted(
        "{apiVersion: authorization.k8s.io/v1, kind: SubjectAccessReview, spec: {user: a, nonResourceAttributes: {}}}",
    );
}

#[test]
fn all_faults_are_found_at_once_with_their_places() {
    let text = "\
apiVersion: v1
kind: Service
metadata:
  name: x
spec:
  typo: 1
  type: Clusterip
  ports:
  - port: '80'
    targetPort: 80
    targetPort: 81
";
    let (verdicts, findings) = judge(text);
    assert_eq!(verdicts, ["rejected"]);
    assert_eq!(
        findings,
        [
            "error unknown-field spec.typo @ 6:3",
            "error unsupported-value spec.type @ 7:9",
            "error wrong-type spec.ports[0].port @ 9:11",
            "error duplicate-key spec.ports[0].targetPort @ 11:5",
        ]
    );
}

#[test]
fn kinds_are_told_apart() {
    let object = |api: &str, kind: &str| {
        format!("{{apiVersion: {api}, kind: {kind}, metadata: {{name: x}}}}")
    };
    for (api, kind, rule, remark) in [
        ("v1", "Deployment", "unknown-kind", "use `apps/v1`"),
        ("apps/v2", "Deployment", "unknown-kind", "use `apps/v1`"),
        (
            "apps/v1",
            "deployment",
            "unknown-kind",
            "did you mean `Deployment`?",
        ),
        (
            "v1",
            "ConfigMpa",
            "unknown-kind",
            "did you mean `ConfigMap`?",
        ),
        ("v1", "Nonsense", "unknown-kind", ""),
        (
            "policy/v1beta1",
            "PodDisruptionBudget",
            "removed-api",
            "use `policy/v1`",
        ),
        (
            "extensions/v1beta1",
            "Ingress",
            "removed-api",
            "use `networking.k8s.io/v1`",
        ),
        (
            "resource.k8s.io/v1beta1",
            "ResourceClaim",
            "api-disabled",
            "use `resource.k8s.io/v1`",
        ),
    ] {
        let sources = Sources::new();
        let file = sources.add("in.yaml", object(api, kind));
        let verdicts = judge_file(Validator::new(Version::newest()), &sources, file);
        let judgement = &verdicts.objects[0].judgement;
        assert_eq!(judgement.verdict, Verdict::Rejected, "{api} {kind}");
        let finding = &judgement.findings[0];
        let label = finding.primary.as_ref().unwrap();
        assert_eq!(
            (finding.rule.as_ref(), label.text.as_str()),
            (rule, remark),
            "{api} {kind}"
        );
        assert!(
            finding.notes[0].contains("no matches for kind"),
            "{:?}",
            finding.notes
        );
    }
    let (verdicts, findings) = judge(&object("cert-manager.io/v1", "Certificate"));
    assert_eq!((verdicts, findings.len()), (vec!["unknown"], 0));
}

#[test]
fn lists_are_taken_apart_and_other_documents_skipped() {
    let config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
    let wrong = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}, dta: {}}";
    let (verdicts, findings) = judge(&format!(
        "apiVersion: v1\nkind: List\nitems:\n- {config}\n- {wrong}\n---\n\
         apiVersion: v1\nkind: ConfigMapList\nitems: [{config}]\n---\n# nothing\n---\n\
         replicas: 3\n---\nkind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\n"
    ));
    assert_eq!(verdicts, ["accepted", "rejected", "accepted"]);
    assert_eq!(findings, ["error unknown-field dta @ 5:58"]);
    for text in [
        "kind: Pod",
        "apiVersion: v1",
        "- a",
        "text",
        "{apiVersion: v1, kind: 5}",
    ] {
        let (verdicts, findings) = judge(text);
        assert_eq!(verdicts, ["rejected"], "{text}");
        assert!(
            findings[0].starts_with("error no-object - @ 1:"),
            "{findings:?}"
        );
    }
    let (verdicts, findings) =
        judge("a: [\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    assert_eq!(verdicts, ["rejected", "accepted"]);
    assert!(findings[0].starts_with("error yaml-syntax"), "{findings:?}");
}

/// Tried with a server-side apply dry run: 500 `duplicate entries for key`.
#[test]
fn what_only_server_side_apply_refuses_is_a_warning_of_its_own() {
    for (spec, container, field) in [
        (
            "",
            "env: [{name: A, value: '1'}, {name: A, value: '2'}]",
            "spec.containers[0].env[1]",
        ),
        (
            "",
            "ports: [{containerPort: 80}, {containerPort: 80, protocol: TCP, name: b}]",
            "spec.containers[0].ports[1]",
        ),
        (
            "imagePullSecrets: [{name: ''}, {}]",
            "",
            "spec.imagePullSecrets[1]",
        ),
        (
            "hostAliases: [{ip: 1.2.3.4}, {ip: 1.2.3.4}]",
            "",
            "spec.hostAliases[1]",
        ),
    ] {
        let (verdicts, mut findings) = judge(&pod(spec, container));
        assert_eq!(verdicts, ["accepted"], "{spec}{container}");
        // The server has warnings of its own for some of them.
        findings.retain(|finding| finding.contains(" ssa-"));
        assert_eq!(findings.len(), 1, "{findings:?}");
        let wanted = format!("warning ssa-duplicate-key {field} @ ");
        assert!(findings[0].starts_with(&wanted), "{findings:?}");
    }
    accepted(&pod(
        "",
        "ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]",
    ));
    accepted(&pod("imagePullSecrets: [{name: a}]", "args: [a, a]"));
    let (_, findings) =
        judge("{apiVersion: v1, kind: ConfigMap, metadata: {name: x, finalizers: [a.b/c, a.b/c]}}");
    assert!(findings[0].starts_with("warning ssa-duplicate-key metadata.finalizers[1]"));
}
