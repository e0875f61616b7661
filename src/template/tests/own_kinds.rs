//! Kinds and templates of a project's own folders.

use std::fs;
use std::path::Path;

use super::Build;
use crate::manifest::{Sources, emit};
use crate::template::Library;

const CRAWLER_SCHEMA: &str = r#"{
  "x-deployx-kind": {"group": "crawl.example.com", "version": "v1", "kind": "Crawler", "template": "crawler.yaml.j2", "component": "crawler", "workload": "Deployment"},
  "type": "object", "additionalProperties": false, "required": ["image"],
  "properties": {
    "image": {"$ref": "deployx:common#/$defs/image"},
    "depth": {"type": "integer", "default": 3, "description": "How deep."},
    "mode": {"type": "string", "description": "x", "anyOf": [{"const": "fast"}, {"pattern": "^slow-"}], "default": "fast"}
  }
}"#;

const CRAWLER_TEMPLATE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {{ meta(name) | json }}
data:
  image: {{ spec.image | json }}
  depth: {{ spec.depth | string | json }}
  mode: {{ spec.mode | json }}
";

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config = "templates: [t]\nschemas: [s]\n";
    fs::create_dir_all(dir.path().join("t/lib")).unwrap();
    fs::create_dir_all(dir.path().join("s")).unwrap();
    fs::write(dir.path().join(".deployx.yaml"), config).unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn load_faults(dir: &Path) -> String {
    let sources = Sources::new();
    match Library::load(dir, &sources) {
        Ok(_) => String::new(),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn a_kind_of_the_projects_own() {
    let dir = project(&[
        ("s/crawler.schema.json", CRAWLER_SCHEMA),
        ("t/crawler.yaml.j2", CRAWLER_TEMPLATE),
    ]);
    let resource = |spec: &str| {
        format!(
            "apiVersion: crawl.example.com/v1\nkind: Crawler\nmetadata: {{name: c}}\nspec: {spec}\n"
        )
    };
    let build = Build::in_folder(&resource("{image: a:1, mode: slow-1}"), dir.path());
    let objects = build.expand().unwrap();
    insta::assert_snapshot!(emit::emit_all(&objects), @r#"
    apiVersion: v1
    data:
      depth: "3"
      image: a:1
      mode: slow-1
    kind: ConfigMap
    metadata:
      labels:
        app.kubernetes.io/component: crawler
        app.kubernetes.io/name: c
      name: c
    "#);
    let images = build.library.field_specs().iter();
    assert!(
        images
            .clone()
            .any(|spec| spec.kind == "Crawler" && spec.path == "spec/image")
    );
    let faults =
        Build::in_folder(&resource("{image: a:1, mode: quick, dept: 1}"), dir.path()).faults();
    assert!(
        faults.contains("unknown field `dept` in Crawler (did you mean `depth`?)"),
        "{faults}"
    );
    assert!(faults.contains("api.yaml:4:26 `mode`"), "{faults}");
}

#[test]
fn a_block_of_a_built_in_template_is_overridden() {
    let dir = project(&[(
        "t/web-service.yaml.j2",
        "{% extends \"builtin:web-service.yaml.j2\" %}\n{% block budget %}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ meta(k8s_name(name, \"x\")) | json }}\n{{ super() }}\n{% endblock %}\n",
    )]);
    let build = Build::in_folder(super::WORKED_EXAMPLE, dir.path());
    let kinds: Vec<String> = build
        .expand()
        .unwrap()
        .iter()
        .map(|node| node.get("kind").unwrap().as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "ServiceAccount",
            "ConfigMap",
            "Service",
            "Deployment",
            "ConfigMap",
            "PodDisruptionBudget",
            "Ingress"
        ]
    );
}

#[test]
fn what_is_wrong_with_a_project_is_told_when_it_is_loaded() {
    for (files, part) in [
        (
            vec![("t/lib/pod.j2", "x")],
            "would change all kinds at once",
        ),
        (
            vec![("s/common.schema.json", "{}")],
            "would change all kinds at once",
        ),
        (vec![("s/crawler.schema.json", "{")], ""),
        (
            vec![("s/crawler.schema.json", CRAWLER_SCHEMA)],
            "template not found",
        ),
        (
            vec![
                ("s/crawler.schema.json", CRAWLER_SCHEMA),
                (
                    "t/crawler.yaml.j2",
                    "{{ spec.image }}{{ spec.depht }}{{ spec.mode }}",
                ),
            ],
            "reads `spec.depht`",
        ),
        (
            vec![
                ("s/crawler.schema.json", CRAWLER_SCHEMA),
                ("t/crawler.yaml.j2", "{{ spec.image }}{{ spec.mode }}"),
            ],
            "no template reads the input `depth`",
        ),
        (
            vec![
                ("s/crawler.schema.json", CRAWLER_SCHEMA),
                ("t/crawler.yaml.j2", "{% if %}"),
            ],
            "syntax error",
        ),
    ] {
        let dir = project(&files);
        let told = load_faults(dir.path());
        assert!(!told.is_empty() && told.contains(part), "{part}: {told}");
    }
}

/// The findings of rendering a template of the project's own.
fn rendering(template: &str) -> String {
    let template = format!("{{# {{{{ spec }}}} #}}{{% if spec %}}{{% endif %}}{template}");
    let dir = project(&[
        ("s/crawler.schema.json", CRAWLER_SCHEMA),
        ("t/crawler.yaml.j2", &template),
    ]);
    let text = "apiVersion: crawl.example.com/v1\nkind: Crawler\nmetadata: {name: c}\nspec: {image: a:1}\n";
    let build = Build::in_folder(text, dir.path());
    let told = build.faults();
    told.replace(
        &crate::manifest::source::display_path(&dir.path().canonicalize().unwrap()),
        "DIR",
    )
    .replace(&crate::manifest::source::display_path(dir.path()), "DIR")
}

#[test]
fn templates_are_strict_and_fenced_in() {
    for (template, part) in [
        ("x: {{ spec }}", "a map is not printed bare"),
        ("x: {{ true }}", "a bool is not printed bare"),
        ("x: {{ none }}", "a none is not printed bare"),
        ("x: {{ nope }}", "`nope` is undefined"),
        ("x: {{ spec.image.x.y }}", "undefined"),
        (
            "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
            "steps",
        ),
        ("{% include \"../../etc/passwd\" %}", "template not found"),
        ("{% include \"/etc/passwd\" %}", "template not found"),
        ("x: {{ now() }}", "unknown function"),
        ("x: {{ env(\"HOME\") }}", "unknown function"),
        ("x: {{ debug() }}", "unknown function"),
        (
            "{{ fail(\"no such thing\", at=spec.image) }}",
            "api.yaml:4:15 no such thing",
        ),
        (
            "{{ spec[\"no\" ~ \"pe\"] | required(\"say it\") }}",
            "say it",
        ),
        ("x: [", "not YAML"),
        ("- 1", "prints no object"),
        (
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "recursion",
        ),
    ] {
        let told = rendering(template);
        assert!(told.contains(part), "{template}: {told}");
    }
}

#[test]
fn a_template_that_looks_at_printed_text_keeps_its_bytes() {
    let dir = project(&[
        ("s/crawler.schema.json", CRAWLER_SCHEMA),
        (
            "t/crawler.yaml.j2",
            "{% set x = spec.image | json %}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {n: \"{{ x | length }}\", d: {{ spec.depth | string | json }}, m: {{ spec.mode | json }}}\n",
        ),
    ]);
    let text = "apiVersion: crawl.example.com/v1\nkind: Crawler\nmetadata: {name: c}\nspec: {image: a:1}\n";
    let objects = Build::in_folder(text, dir.path()).expand().unwrap();
    assert_eq!(objects[0].at(&["data", "n"]).unwrap().as_str(), Some("5"));
}

#[test]
fn older_clusters_get_what_they_know() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join(".deployx.yaml"),
        "kubernetesVersion: '1.26'\n",
    )
    .unwrap();
    let build = Build::in_folder(super::WORKED_EXAMPLE, dir.path());
    let text = emit::emit_all(&build.expand().unwrap());
    for absent in ["matchLabelKeys", "unhealthyPodEvictionPolicy", "sleep:"] {
        assert!(!text.contains(absent), "{absent}");
    }
    assert!(
        text.contains("- sleep\n") && text.contains("- \"5\"\n"),
        "{text}"
    );
    let warnings = build.library.take_warnings();
    assert!(warnings.iter().any(|w| w.rule == "drain-needs-sleep"));
}
