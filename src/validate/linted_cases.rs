//! Cases of rules that look at more than the example of their page shows: what counts, and what
//! must not be told.

use super::{Lint, Scope, Severity, Switches};
use crate::manifest::Sources;
use crate::schema::Version;
use crate::validate::{Validator, judge_file};

/// Severity and field of what a rule finds in a text.
fn found(rule: &str, text: &str) -> Vec<String> {
    let sources = Sources::new();
    let file = sources.add("all.yaml", text);
    let verdicts = judge_file(Validator::new(Version::newest()), &sources, file);
    let lint = Lint {
        version: Version::newest(),
        complete: false,
        least: Some(Severity::Info),
        switches: &Switches::default(),
    };
    let found = lint.findings(&sources, &verdicts, Scope::Overlay);
    let mine = found.iter().filter(|(_, finding)| finding.rule == rule);
    mine.map(|(_, f)| {
        format!(
            "{} {}",
            f.severity.as_str(),
            f.field.as_deref().unwrap_or_default()
        )
    })
    .collect()
}

/// A Deployment `web` of namespace `shop`.
fn deployment(replicas: u8, pod: &str, container: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\n\
         spec: {{replicas: {replicas}, selector: {{matchLabels: {{app: web}}}}, template: \
         {{metadata: {{labels: {{app: web}}}}, spec: {{{pod} containers: \
         [{{name: web, image: a, {container}}}]}}}}}}\n"
    )
}

#[test]
fn security_levels_are_those_of_the_admission_plugin() {
    const HARD: &str = "securityContext: {allowPrivilegeEscalation: false, runAsNonRoot: true, \
        capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}";
    let space = |labels: &str| {
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{{labels}}}}}\n")
    };
    let level = |level: &str| space(&format!("pod-security.kubernetes.io/enforce: {level}"));
    let container = "error spec.template.spec.containers[0]";
    for (namespace, pod, own, wanted) in [
        (level("privileged"), "hostPID: true,", "", String::new()),
        (space("a: b"), "hostPID: true,", "", String::new()),
        (level("baseline"), "", "", String::new()),
        (
            level("baseline"),
            "hostPID: true,",
            "",
            "error spec.template.spec.hostPID".to_owned(),
        ),
        (
            level("baseline"),
            "",
            "ports: [{containerPort: 1, hostPort: 1}]",
            format!("{container}.ports"),
        ),
        (
            level("baseline"),
            "",
            "securityContext: {capabilities: {add: [NET_ADMIN]}}",
            format!("{container}.securityContext.capabilities.add"),
        ),
        (
            level("baseline"),
            "",
            "securityContext: {capabilities: {add: [CHOWN]}}",
            String::new(),
        ),
        (
            level("baseline"),
            "securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: a}]},",
            "",
            String::new(),
        ),
        (
            level("baseline").replace(
                "enforce: baseline",
                "enforce: baseline, pod-security.kubernetes.io/enforce-version: v1.31",
            ),
            "securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: a}]},",
            "",
            "error spec.template.spec.securityContext.sysctls".to_owned(),
        ),
        (level("restricted"), "", HARD, String::new()),
        (
            level("restricted"),
            "",
            "",
            format!("{container}.securityContext.capabilities.drop"),
        ),
        (
            level("restricted"),
            "volumes: [{name: a, nfs: {server: a, path: /b}}],",
            HARD,
            "error spec.template.spec.volumes".to_owned(),
        ),
        (
            level("restricted"),
            "securityContext: {runAsUser: 0},",
            HARD,
            "error spec.template.spec.securityContext.runAsUser".to_owned(),
        ),
        (
            level("restricted"),
            "hostUsers: false, securityContext: {runAsUser: 0},",
            HARD,
            String::new(),
        ),
    ] {
        let text = namespace.clone() + &deployment(1, pod, own);
        assert_eq!(found("pod-security", &text).concat(), wanted, "{text}");
    }
}

#[test]
fn quotas_count_what_is_sure() {
    let quota = |hard: &str| {
        format!(
            "apiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q, namespace: shop}}\nspec: {{hard: {{{hard}}}}}\n"
        )
    };
    let half = "resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {cpu: 500m}}";
    for (hard, replicas, container, wanted) in [
        ("requests.cpu: 1", 2, half, &[][..]),
        (
            "requests.cpu: 1",
            3,
            half,
            &["error spec.hard[requests.cpu]"],
        ),
        ("cpu: 1", 3, half, &["error spec.hard[cpu]"]),
        ("limits.cpu: 1", 3, half, &["error spec.hard[limits.cpu]"]),
        ("memory: 2Gi", 3, half, &["error spec.hard[memory]"]),
        ("pods: 2", 3, "", &["error spec.hard[pods]"]),
        ("pods: 3", 3, "", &[]),
        ("services: 0", 3, "", &[]),
    ] {
        let text = quota(hard) + &deployment(replicas, "", container);
        assert_eq!(found("quota-exceeded", &text), wanted, "{text}");
    }
    let scaled = quota("pods: 2")
        + &deployment(3, "", "")
        + "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\n\
           spec: {minReplicas: 2, maxReplicas: 5, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n";
    assert_eq!(found("quota-exceeded", &scaled), [] as [&str; 0]);
    let other =
        (quota("pods: 2") + &deployment(3, "", "")).replacen("namespace: shop", "namespace: b", 1);
    assert_eq!(found("quota-exceeded", &other), [] as [&str; 0]);

    let range = "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: r, namespace: shop}\nspec: {limits: [{type: Container, defaultRequest: {memory: 1Gi}}]}\n";
    let field = "error spec.template.spec.containers[0].resources.";
    for (hard, container, range, wanted) in [
        ("requests.memory: 9Gi", half, "", String::new()),
        ("limits.memory: 9Gi", half, "", format!("{field}limits")),
        ("requests.memory: 9Gi", "", "", format!("{field}requests")),
        ("requests.memory: 9Gi", "", range, String::new()),
        ("limits.memory: 9Gi", half, range, format!("{field}limits")),
    ] {
        let text = quota(hard) + &deployment(1, "", container) + range;
        assert_eq!(found("quota-required", &text).concat(), wanted, "{text}");
    }
}

#[test]
fn ranges_fill_in_what_is_missing_before_they_compare() {
    let field = "error spec.template.spec.containers[0].resources.";
    for (limits, container, wanted) in [
        (
            "max: {cpu: 1}",
            "limits: {cpu: 2}",
            format!("{field}limits[cpu]"),
        ),
        (
            "max: {cpu: 1}",
            "requests: {cpu: 2}",
            format!("{field}requests[cpu]"),
        ),
        ("max: {cpu: 1}", "requests: {cpu: 1}", String::new()),
        (
            "min: {cpu: 200m}",
            "requests: {cpu: 100m}",
            format!("{field}requests[cpu]"),
        ),
        (
            "min: {cpu: 200m}",
            "limits: {cpu: 100m}",
            format!("{field}requests[cpu]"),
        ),
        ("min: {cpu: 200m}", "requests: {memory: 1Gi}", String::new()),
        (
            "default: {cpu: 1}",
            "requests: {cpu: 2}, limits: {cpu: 2}",
            String::new(),
        ),
        (
            "defaultRequest: {cpu: 1}",
            "requests: {cpu: 2}",
            String::new(),
        ),
    ] {
        let text = format!(
            "{}{}",
            range("Container", limits),
            deployment(1, "", &format!("resources: {{{container}}}"))
        );
        assert_eq!(found("limit-range", &text).concat(), wanted, "{text}");
    }
}

#[test]
fn what_grants_everything_is_told() {
    let role = |rule: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{{{rule}}}]\n"
        )
    };
    let binding = |kind: &str, name: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: b}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}\n\
             subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: u}}]\n"
        )
    };
    let all = r#"apiGroups: ["*"], resources: ["*"], verbs: ["*"]"#;
    for (text, wanted) in [
        (role(all), "info rules[0]"),
        (
            role(r#"apiGroups: ["*"], resources: ["*"], verbs: [get]"#),
            "",
        ),
        (
            role(r#"apiGroups: [apps], resources: ["*"], verbs: ["*"]"#),
            "",
        ),
        (
            binding("ClusterRoleBinding", "cluster-admin"),
            "info roleRef.name",
        ),
        (binding("RoleBinding", "cluster-admin"), "info roleRef.name"),
        (binding("ClusterRoleBinding", "admin"), ""),
    ] {
        assert_eq!(found("rbac-wildcard", &text).concat(), wanted, "{text}");
    }
}

#[test]
fn names_leave_room_for_what_is_added_to_them() {
    let set = |length: usize| {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: {}}}\nspec: {{serviceName: s, selector: \
             {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: \
             [{{name: a, image: b}}]}}}}}}\n",
            "a".repeat(length)
        )
    };
    assert!(found("stateful-set-name", &set(52)).is_empty());
    assert_eq!(
        found("stateful-set-name", &set(53)),
        ["error metadata.name"]
    );
}

#[test]
fn ranges_of_pods_are_for_all_containers_together() {
    let pod = "error spec.template";
    for (limits, containers, wanted) in [
        (
            "max: {cpu: 3}",
            ["limits: {cpu: 2}", "limits: {cpu: 2}"],
            pod,
        ),
        (
            "max: {cpu: 3}",
            ["requests: {cpu: 2}", "requests: {cpu: 2}"],
            pod,
        ),
        (
            "max: {cpu: 4}",
            ["limits: {cpu: 2}", "limits: {cpu: 2}"],
            "",
        ),
        (
            "min: {cpu: 1}",
            ["requests: {cpu: 300m}", "limits: {cpu: 300m}"],
            pod,
        ),
        // A default may fill in what is not said.
        ("min: {cpu: 1}", ["requests: {cpu: 300m}", ""], ""),
        ("max: {memory: 1Gi}", ["limits: {cpu: 2}", ""], ""),
    ] {
        let [first, second] = containers;
        let second =
            format!("resources: {{{first}}}}}, {{name: b, image: c, resources: {{{second}}}");
        let text = format!("{}{}", range("Pod", limits), deployment(1, "", &second));
        assert_eq!(found("limit-range", &text).concat(), wanted, "{text}");
    }
}

#[test]
fn ranges_of_claims_are_for_those_that_are_made_too() {
    let claim = |name: &str, size: &str| {
        format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}, namespace: shop}}\n\
             spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}\n"
        )
    };
    let template = "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db, namespace: shop}\n\
        spec: {serviceName: db, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, \
        spec: {containers: [{name: db, image: a}]}}, volumeClaimTemplates: [{metadata: {name: data}, \
        spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 100Gi}}}}]}\n";
    let ephemeral = deployment(
        1,
        "volumes: [{name: e, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], \
         resources: {requests: {storage: 1Mi}}}}}}],",
        "resources: {}",
    );
    let text = [
        range(
            "PersistentVolumeClaim",
            "min: {storage: 1Gi}, max: {storage: 10Gi}",
        ),
        claim("small", "500Mi"),
        claim("right", "10Gi"),
        claim("large", "11Gi"),
        template.to_owned(),
        ephemeral,
    ];
    let own = "error spec.resources.requests[storage]";
    let volume = "spec.template.spec.volumes[0].ephemeral.volumeClaimTemplate";
    let mut found = found("limit-range", &text.concat());
    found.sort();
    assert_eq!(
        found,
        [
            own.to_owned(),
            own.to_owned(),
            format!("error {volume}.spec.resources.requests[storage]"),
            "error spec.volumeClaimTemplates[0].spec.resources.requests[storage]".to_owned(),
        ]
    );
}

/// A LimitRange of namespace `shop` with one range.
fn range(of: &str, limits: &str) -> String {
    format!(
        "apiVersion: v1\nkind: LimitRange\nmetadata: {{name: r, namespace: shop}}\n\
         spec: {{limits: [{{type: {of}, {limits}}}]}}\n"
    )
}

#[test]
fn grants_name_who_refers_and_what_is_referred_to() {
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: a}\n\
        spec: {rules: [{backendRefs: [{name: web, namespace: b, port: 80}]}]}\n";
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: b}\nspec: {ports: [{port: 80}]}\n";
    let grant = |from: &str, to: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {{name: g, namespace: b}}\n\
             spec: {{from: [{{group: gateway.networking.k8s.io, {from}}}], to: [{{group: '', {to}}}]}}\n"
        )
    };
    let (from, to) = ("kind: HTTPRoute, namespace: a", "kind: Service");
    let field = "spec.rules[0].backendRefs[0].name";
    for (text, wanted) in [
        (route.to_owned(), format!("info {field}")),
        (route.to_owned() + service, format!("warning {field}")),
        (route.to_owned() + service + &grant(from, to), String::new()),
        (
            route.to_owned() + service + &grant(from, "kind: Service, name: web"),
            String::new(),
        ),
        (
            route.to_owned() + service + &grant(from, "kind: Service, name: x"),
            format!("warning {field}"),
        ),
        (
            route.to_owned() + service + &grant("kind: HTTPRoute, namespace: c", to),
            format!("warning {field}"),
        ),
        (
            route.to_owned() + service + &grant("kind: GRPCRoute, namespace: a", to),
            format!("warning {field}"),
        ),
    ] {
        assert_eq!(found("reference-grant", &text).concat(), wanted, "{text}");
    }
}

#[test]
fn hooks_and_waves_come_in_their_order() {
    let job = |annotations: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j, annotations: {{{annotations}}}}}\nspec: {{template: \
             {{spec: {{restartPolicy: Never, containers: [{{name: a, image: b, envFrom: [{{secretRef: {{name: s}}}}]}}]}}}}}}\n"
        )
    };
    let secret = |annotations: &str| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s, annotations: {{{annotations}}}}}\ndata: {{a: eA==}}\n"
        )
    };
    let (hook, weight) = ("helm.sh/hook: pre-install", "helm.sh/hook-weight");
    let wave = |wave: &str| format!("argocd.argoproj.io/sync-wave: '{wave}'");
    let field = "warning spec.template.spec.containers[0].envFrom[0].secretRef.name";
    for (this, other, wanted) in [
        (String::new(), String::new(), ""),
        (hook.to_owned(), String::new(), field),
        (hook.to_owned(), hook.to_owned(), ""),
        (format!("{hook}, {weight}: '-5'"), hook.to_owned(), field),
        (hook.to_owned(), format!("{hook}, {weight}: '-5'"), ""),
        ("helm.sh/hook: post-install".to_owned(), String::new(), ""),
        (wave("-1"), String::new(), field),
        (wave("1"), String::new(), ""),
        (wave("1"), wave("2"), field),
        (String::new(), wave("2"), field),
        (String::new(), wave("-1"), ""),
    ] {
        let text = job(&this) + &secret(&other);
        assert_eq!(found("apply-order", &text).concat(), wanted, "{text}");
    }
}

#[test]
fn a_volume_made_by_hand_needs_no_class() {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {storageClassName: manual, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
    let volume = "---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {storageClassName: manual, capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /a}}\n";
    assert_eq!(
        found("missing-storage-class", claim),
        ["info spec.storageClassName"]
    );
    let both = claim.to_owned() + volume;
    assert_eq!(found("missing-storage-class", &both), [] as [&str; 0]);
}
