//! What fields of one object have to do with each other, and with the version.

use super::*;

#[test]
fn of_some_fields_one_is_required_or_only_one_allowed() {
    let source = |text: &str| pod("", &format!("env: [{{name: A, {text}}}]"));
    refused(
        &source("valueFrom: {}"),
        "one-of",
        "spec.containers[0].env[0].valueFrom",
    );
    refused(
        &source("value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}"),
        "forbidden-field",
        "spec.containers[0].env[0].valueFrom",
    );
    accepted(&source(
        "value: '', valueFrom: {fieldRef: {fieldPath: metadata.name}}",
    ));
    let probe = |text: &str| pod("", &format!("livenessProbe: {{{text}}}"));
    refused(
        &probe("periodSeconds: 1"),
        "one-of",
        "spec.containers[0].livenessProbe",
    );
    refused(
        &probe("exec: {command: [a]}, httpGet: {port: 80}"),
        "one-of",
        "spec.containers[0].livenessProbe.httpGet",
    );
    accepted(&pod("", "lifecycle: {}"));
    accepted(&pod("volumes: [{name: a}, {name: b, emptyDir: null}]", ""));
    refused(
        &pod(
            "volumes: [{name: a, emptyDir: {}, hostPath: {path: /a}}]",
            "",
        ),
        "one-of",
        "spec.volumes[0].hostPath",
    );
    let ingress = |spec: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: x}}, spec: {{{spec}}}}}"
        )
    };
    refused(&ingress(""), "one-of", "spec");
    refused(
        &ingress("defaultBackend: {}"),
        "one-of",
        "spec.defaultBackend",
    );
    refused(
        &ingress("defaultBackend: {service: {name: a}}"),
        "required-field",
        "spec.defaultBackend",
    );
    accepted(&ingress(
        "defaultBackend: {service: {name: a, port: {name: http}}}",
    ));
    let policy = |peer: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: x}}, \
                 spec: {{ingress: [{{from: [{peer}]}}]}}}}"
        )
    };
    refused(&policy("{}"), "one-of", "spec.ingress[0].from[0]");
    refused(
        &policy("{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"),
        "one-of",
        "spec.ingress[0].from[0]",
    );
    accepted(&policy("{namespaceSelector: {}, podSelector: {}}"));
}

#[test]
fn what_stands_beside_a_field_can_demand_or_forbid_it() {
    let service = |spec: &str| {
        format!("{{apiVersion: v1, kind: Service, metadata: {{name: x}}, spec: {{{spec}}}}}")
    };
    refused(
        "{apiVersion: v1, kind: Service, metadata: {name: x}}",
        "required-field",
        "spec.ports",
    );
    accepted(&service("clusterIP: None"));
    refused(
        &service("type: ExternalName"),
        "required-field",
        "spec.externalName",
    );
    refused(
        &service("ports: [{port: 1, name: a}, {port: 2}]"),
        "required-field",
        "spec.ports[1].name",
    );
    let role = |rule: &str| {
        format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, \
                 metadata: {{name: x}}, rules: [{{verbs: [get], {rule}}}]}}"
        )
    };
    refused(
        &role("resources: [pods]"),
        "required-field",
        "rules[0].apiGroups",
    );
    refused(
        &role("apiGroups: ['']"),
        "required-field",
        "rules[0].resources",
    );
    accepted(&role("nonResourceURLs: [/healthz]"));
    refused(
        &role("nonResourceURLs: [/healthz], resources: [pods]"),
        "forbidden-field",
        "rules[0].nonResourceURLs",
    );
    let binding = |kind: &str| {
        format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}, metadata: {{name: x}}, \
                 roleRef: {{kind: ClusterRole, name: a}}, subjects: [{{kind: ServiceAccount, name: a}}]}}"
        )
    };
    refused(
        &binding("ClusterRoleBinding"),
        "required-field",
        "subjects[0].namespace",
    );
    accepted(&binding("RoleBinding"));
    let selector = |text: &str| {
        format!(
            "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: x}}, \
                 spec: {{selector: {{matchExpressions: [{{key: a, {text}}}]}}}}}}"
        )
    };
    let values = "spec.selector.matchExpressions[0].values";
    refused(&selector("operator: In"), "required-field", values);
    refused(
        &selector("operator: Exists, values: [a]"),
        "forbidden-field",
        values,
    );
    accepted(&selector("operator: Exists, values: []"));
    refused(
        &pod("securityContext: {seccompProfile: {type: Localhost}}", ""),
        "required-field",
        "spec.securityContext.seccompProfile.localhostProfile",
    );
    let workload = |api: &str, kind: &str, selector: &str, policy: &str| {
        format!(
            "{{apiVersion: {api}, kind: {kind}, metadata: {{name: x}}, spec: {{{selector} \
                 template: {{metadata: {{labels: {{a: b}}}}, \
                 spec: {{{policy} containers: [{{name: a, image: b}}]}}}}}}}}"
        )
    };
    let restart = "spec.template.spec.restartPolicy";
    refused(
        &workload("batch/v1", "Job", "", ""),
        "required-field",
        restart,
    );
    accepted(&workload("batch/v1", "Job", "", "restartPolicy: Never,"));
    let selector = "selector: {matchLabels: {a: b}},";
    accepted(&workload(
        "apps/v1",
        "Deployment",
        selector,
        "restartPolicy: Always,",
    ));
    refused(
        &workload("apps/v1", "Deployment", selector, "restartPolicy: Never,"),
        "unsupported-value",
        restart,
    );
    refused(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: x}, spec: {accessModes: [ReadWriteOnce]}}",
        "required-field",
        "spec.resources[storage]",
    );
    let autoscaler = |spec: &str| {
        format!(
            "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: x}}, \
                 spec: {{scaleTargetRef: {{kind: Deployment, name: a, apiVersion: apps/v1}}, maxReplicas: 2, {spec}}}}}"
        )
    };
    accepted(&autoscaler("metrics: [], behavior: {scaleUp: {}}"));
    refused(
        &autoscaler("metrics: [{type: Resource}]"),
        "required-field",
        "spec.metrics[0].resource",
    );
    refused(
        &autoscaler("behavior: {scaleUp: {policies: []}}"),
        "required-field",
        "spec.behavior.scaleUp.policies",
    );
}

#[test]
fn some_lists_refuse_a_second_name() {
    refused(
        &pod("volumes: [{name: a}, {name: a}]", ""),
        "duplicate-value",
        "spec.volumes[1].name",
    );
    refused(
        &pod(
            "volumes: [{name: v}]",
            "volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a}]",
        ),
        "duplicate-value",
        "spec.containers[0].volumeMounts[1].mountPath",
    );
}

#[test]
fn processes_of_a_windows_host_share_its_network() {
    let of_host = "securityContext: {windowsOptions: {hostProcess: true}}";
    accepted(&pod(&format!("hostNetwork: true, {of_host}"), ""));
    refused(&pod("", of_host), "conflicting-fields", "spec.hostNetwork");
    let user = |name: &str| {
        pod(
            "",
            &format!("securityContext: {{windowsOptions: {{runAsUserName: {name:?}}}}}"),
        )
    };
    for name in [
        "ContainerUser",
        r"NT AUTHORITY\SYSTEM",
        r"example.com\a b",
        r"x\y.z",
    ] {
        accepted(&user(name));
    }
    let long = format!(r"x\{}", "u".repeat(105));
    for name in ["", "a\tb", r"a\b\c", r".x\y", r"x\", "..", "a:b", &long] {
        let field = "spec.containers[0].securityContext.windowsOptions.runAsUserName";
        refused(&user(name), "invalid-name", field);
    }
}

#[test]
fn the_two_sources_of_a_claim_are_the_same() {
    let claim = |more: &str| {
        format!(
            "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: x}}, spec: {{accessModes: \
             [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}, dataSource: \
             {{kind: PersistentVolumeClaim, name: a}}, dataSourceRef: {{{more}}}}}}}"
        )
    };
    accepted(&claim("kind: PersistentVolumeClaim, name: a"));
    // Dropped, as the feature is off.
    accepted(&claim("kind: PersistentVolumeClaim, name: b, namespace: c"));
    refused(
        &claim("kind: PersistentVolumeClaim, name: b"),
        "conflicting-fields",
        "spec",
    );
}

#[test]
fn a_verdict_is_that_of_the_version() {
    let stateful = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: x}, spec: {selector: \
        {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, \
        image: b, env: [{value: c}]}, {name: a, image: b}]}}}}";
    let labelled = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: x}, spec: {selector: \
        {matchLabels: {a: b}}, template: {metadata: {labels: {a: b, C/d: e}}}}}";
    let policy = "{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicy, \
        metadata: {name: x}, spec: {matchConstraints: {resourceRules: [{operations: [CREATE], \
        apiGroups: [''], apiVersions: [v1], resources: [pods]}]}, mutations: [{patchType: JSONPatch, \
        jsonPatch: {expression: '[JSONPatch{op: \"remove\", path: \"/a\"}]'}}], \
        reinvocationPolicy: Never}}";
    let projected = "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: a, \
        image: b}], volumes: [{name: v, image: {}}]}}";
    for (text, version, wanted) in [
        (stateful, "1.33", Verdict::Accepted),
        (stateful, "1.34", Verdict::Rejected),
        (labelled, "1.33", Verdict::Rejected),
        (policy, "1.35", Verdict::Rejected),
        (policy, "1.36", Verdict::Accepted),
        (projected, "1.34", Verdict::Accepted),
        (projected, "1.35", Verdict::Rejected),
    ] {
        let sources = Sources::new();
        let file = sources.add("in.yaml", text);
        let verdicts = judge_file(Validator::new(version.parse().unwrap()), &sources, file);
        let judgement = &verdicts.objects[0].judgement;
        assert_eq!(
            judgement.verdict, wanted,
            "{version} {:?}",
            judgement.findings
        );
    }
}
