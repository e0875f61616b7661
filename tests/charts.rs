//! Helm charts as sources: rendered by the real Helm 3 and 4, findings at the lines of templates.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cluster::tools;

const DEPLOYMENT: &str = r#"{{- $name := include "web.name" . -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels: {{- include "web.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: {{ $name }}}
  template:
    metadata:
      labels: {app: {{ $name }}}
      annotations:
        checksum: {{ include (print $.Template.BasePath "/config.yaml") . | sha256sum }}
    spec:
      containers:
      - name: web
        image: "{{ .Values.image }}"
        {{- with .Values.resources }}
        resources:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        prots:
        - containerPort: 80
"#;

const HELPERS: &str = r#"{{- define "web.name" -}}
{{ .Release.Name | trunc 20 }}
{{- end }}
{{ define "web.labels" -}}
app: {{ include "web.name" . }}
bad-: "x"
{{- end }}
"#;

fn chart(folder: &Path) {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n"),
        (
            "values.yaml",
            "replicas: 2\nimage: nginx:1\nresources: {limits: {cpu: lots}}\n",
        ),
        ("templates/_helpers.tpl", HELPERS),
        ("templates/deployment.yaml", DEPLOYMENT),
        (
            "templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  a: b\n",
        ),
        (
            "crds/thing.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
             metadata: {name: things.example.com}\nspec:\n  group: example.com\n  scope: Namespace\n  \
             names: {plural: things, kind: Thing}\n  versions:\n  - name: v1\n    served: true\n    \
             storage: true\n    schema: {openAPIV3Schema: {type: object}}\n",
        ),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn validate(helm: &Path, folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_deployx"))
        .args(["validate", "charts/web"])
        .args(args)
        .current_dir(folder)
        .env("HELM_BIN", helm)
        .output()
        .unwrap()
}

/// Where the findings stand, in order: `file:line rule`.
fn places(output: &Output) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let mut places: Vec<String> = findings
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default();
            format!("{}:{} {}", text("file"), finding["line"], text("field"))
        })
        .collect();
    places.sort();
    places.dedup();
    places
}

fn findings_stand_at_template_lines(helm: &Path) {
    let folder = tempfile::tempdir().unwrap();
    chart(&folder.path().join("charts/web"));
    let output = validate(helm, folder.path(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let places = places(&output);
    for wanted in [
        "charts/web/crds/thing.yaml:6 spec.scope",
        "charts/web/templates/_helpers.tpl:6 metadata.labels",
        "charts/web/templates/deployment.yaml:22 spec.template.spec.containers[0].resources.limits[cpu]",
        "charts/web/templates/deployment.yaml:24 spec.template.spec.containers[0].prots",
    ] {
        assert!(
            places.iter().any(|place| place.starts_with(wanted)),
            "{wanted}\n{places:#?}"
        );
    }

    let fixed = ["--set", "resources=null", "--set-string", "replicas=two"];
    let output = validate(
        helm,
        folder.path(),
        &[&["--format", "json"], &fixed[..]].concat(),
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("templates/deployment.yaml"), "{text}");
    assert!(text.contains("spec.replicas"), "{text}");
    assert!(!text.contains("limits"), "{text}");
}

/// What a chart rendered before is what its objects are updates of.
#[test]
fn changes_of_a_chart_are_judged_as_updates() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join("charts").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (chart, size) in [("old", "1Gi"), ("web", "2Gi")] {
        write(
            &format!("{chart}/Chart.yaml"),
            "apiVersion: v2\nname: web\nversion: 0.1.0\n",
        );
        let class = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: s}\n\
            provisioner: a.io/b\nparameters: {size: SIZE}\n";
        write(
            &format!("{chart}/templates/class.yaml"),
            &class.replace("SIZE", size),
        );
    }
    let against = ["--format", "json", "--against", "charts/old"];
    let output = validate(&tools().helm4(), folder.path(), &against);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        places(&output),
        ["charts/web/templates/class.yaml:5 parameters"]
    );
}

#[test]
fn helm_3_renders_and_findings_stand_at_template_lines() {
    findings_stand_at_template_lines(&tools().helm3());
}

#[test]
fn helm_4_renders_and_findings_stand_at_template_lines() {
    findings_stand_at_template_lines(&tools().helm4());
}

#[test]
fn what_helm_refuses_is_told_where_it_says() {
    let folder = tempfile::tempdir().unwrap();
    chart(&folder.path().join("charts/web"));
    let template = folder.path().join("charts/web/templates/broken.yaml");
    fs::write(
        &template,
        "kind: ConfigMap\ndata: {{ required \"set it\" .Values.none }}\n",
    )
    .unwrap();
    for helm in [tools().helm3(), tools().helm4()] {
        let output = validate(&helm, folder.path(), &[]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.contains("the chart `charts/web` cannot be rendered"),
            "{text}"
        );
        assert!(
            text.contains("charts/web/templates/broken.yaml:2:1"),
            "{text}"
        );
        assert!(text.contains("set it"), "{text}");
    }
    let output = validate(Path::new("no-such-helm"), folder.path(), &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("cannot run `no-such-helm`"), "{text}");
    assert!(text.contains("HELM_BIN"), "{text}");
}
