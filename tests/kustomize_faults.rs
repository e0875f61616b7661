//! Faults of overlays: each is refused with its position and the way that led to it.

use std::fs;

use deployx::kustomize::{Options, build};
use deployx::manifest::{Diagnostic, Diagnostics, Severity, Sources};

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: x}]}\n";

/// Builds the folder `root` of some files.
fn try_build(files: &[(&str, &str)]) -> (Sources, Result<Vec<Diagnostic>, Diagnostics>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let sources = Sources::new();
    let root = folder.path().join("root");
    let result = build(&sources, &root, Options::default()).map(|build| build.warnings);
    let prefix = format!("{}/", folder.path().display());
    (sources, result, prefix)
}

/// The faults as `rule file:line:column message`, with the places that led to each.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let (sources, result, prefix) = try_build(files);
    let Err(Diagnostics(faults)) = result else {
        panic!("{files:?} was built");
    };
    let errors = faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error);
    errors
        .map(|fault| shown(&sources, fault, &prefix))
        .collect()
}

fn shown(sources: &Sources, fault: &Diagnostic, prefix: &str) -> String {
    let place = fault
        .primary
        .as_ref()
        .map_or_else(String::new, |label| sources.locate(label.span));
    let also: Vec<String> = fault
        .secondary
        .iter()
        .map(|label| sources.locate(label.span))
        .collect();
    let hint = fault.hint.as_deref().unwrap_or_default();
    let remark = fault
        .primary
        .as_ref()
        .map_or("", |label| label.text.as_str());
    let line = format!(
        "{} {place} {} | {} | {remark} {hint}",
        fault.rule,
        fault.message,
        also.join(" ")
    );
    line.replace(prefix, "")
}

#[track_caller]
fn refused(files: &[(&str, &str)], wants: &[&str]) {
    let faults = faults(files);
    let all = faults.join("\n");
    for want in wants {
        assert!(all.contains(want), "no `{want}` in\n{all}");
    }
}

fn kustomization(text: &str) -> (&'static str, &str) {
    ("root/kustomization.yaml", text)
}

#[test]
fn a_kustomization_with_faults_names_them_all() {
    refused(
        &[kustomization(
            "resource: [a]\nnamePrefix: 3\nimages: {}\npatches: [{pach: x}]\n",
        )],
        &[
            "unknown-field root/kustomization.yaml:1:1 unknown field `resource` in a kustomization",
            "did you mean `resources`?",
            "wrong-type root/kustomization.yaml:2:13 `namePrefix` of a kustomization must be a string",
            "write it in quotes: \"3\"",
            "wrong-type root/kustomization.yaml:3:9 `images`",
            "root/kustomization.yaml:4:12 unknown field `pach`",
        ],
    );
    refused(
        &[kustomization("kind: Kustomization\n")],
        &["empty-kustomization"],
    );
    refused(
        &[kustomization("kind: Deployment\nresources: []\n")],
        &["kustomization-kind"],
    );
    refused(
        &[("root/x.yaml", "")],
        &["no-kustomization", "has no kustomization.yaml"],
    );
    refused(
        &[
            kustomization("resources: []"),
            ("root/kustomization.yml", "resources: []"),
        ],
        &["two-kustomizations"],
    );
}

#[test]
fn what_cannot_be_loaded_is_refused_where_it_is_named() {
    let nothing = ("root/x", "");
    for (text, want) in [
        (
            "resources: [a.yaml]\n",
            "file-missing root/kustomization.yaml:1:13 cannot read `root/a.yaml`",
        ),
        (
            "resources: [../other/a.yaml]\n",
            "outside-root root/kustomization.yaml:1:13",
        ),
        (
            "resources: [../root]\n",
            "cycle root/kustomization.yaml:1:13",
        ),
        ("resources: [..]\n", "cycle root/kustomization.yaml:1:13"),
        (
            "resources: [https://example.com/a.yaml]\n",
            "remote-resource root/kustomization.yaml:1:13",
        ),
        (
            "components: [a.yaml]\n",
            "no-kustomization root/kustomization.yaml:1:14",
        ),
        (
            "components: [../base]\n",
            "component root/kustomization.yaml:1:14",
        ),
        (
            "patches: [{path: p.yaml}]\n",
            "file-missing root/kustomization.yaml:1:18",
        ),
        (
            "helmCharts: [{name: shop}]\nresources: []\n",
            "root/kustomization.yaml:1:",
        ),
    ] {
        let files = [
            kustomization(text),
            nothing,
            ("other/a.yaml", POD),
            ("base/kustomization.yaml", "resources: []"),
            ("kustomization.yaml", "resources: [root]"),
        ];
        refused(&files, &[want]);
    }
}

#[test]
fn a_fault_in_a_base_shows_the_way_to_it() {
    refused(
        &[
            kustomization("resources:\n- ../base\n"),
            ("base/kustomization.yaml", "resources: [a.yaml, b.yaml]"),
            ("base/a.yaml", "kind: Pod\nmetadata: {}\n"),
            ("base/b.yaml", "a: 1\na: 2\n"),
        ],
        &[
            "no-object base/a.yaml:1:1 this Pod has no `metadata.name` | root/kustomization.yaml:2:3",
            "base/b.yaml:2:1",
        ],
    );
}

#[test]
fn two_objects_of_one_name_show_both_places() {
    refused(
        &[
            kustomization("resources: [a.yaml, b.yaml]"),
            ("root/a.yaml", POD),
            ("root/b.yaml", POD),
        ],
        &["duplicate-object root/b.yaml:1:1 Pod web is there twice | root/a.yaml:1:1"],
    );
}

#[test]
fn patches_that_fit_nothing_are_refused() {
    let with = |patch: &str| format!("resources: [pod.yaml]\npatches:\n- patch: |-\n{patch}");
    for (patch, wants) in [
        (
            "    apiVersion: v1\n    kind: Pod\n    metadata: {name: wep}\n",
            [
                "patch-unmatched root/kustomization.yaml:4:5",
                "did you mean `web`?",
            ],
        ),
        (
            "    apiVersion: v1\n    kind: Pod\n    metadata: {name: web}\n    spec: [1]\n",
            [
                "patch-mismatch root/kustomization.yaml:7:11",
                "a list where the object has a mapping",
            ],
        ),
        (
            "    - {op: remove, path: /spec/no}\n  target: {kind: Pod}\n",
            ["json-patch root/kustomization.yaml:4:26", "`/spec/no`"],
        ),
        (
            "    - {op: delete, path: /spec/no}\n  target: {kind: Pod}\n",
            [
                "json-patch root/kustomization.yaml:4:12",
                "unknown operation `delete`",
            ],
        ),
        (
            "    - {op: remove, path: /spec/no}\n",
            [
                "patch-target root/kustomization.yaml:3:3",
                "needs a `target`",
            ],
        ),
        (
            "    - {op: remove, path: /spec}\n  target: {name: \"(\"}\n",
            [
                "selector-regex root/kustomization.yaml:5:18",
                "no regular expression",
            ],
        ),
    ] {
        refused(
            &[kustomization(&with(patch)), ("root/pod.yaml", POD)],
            &wants,
        );
    }
}

#[test]
fn generators_and_replicas_without_a_match_are_refused() {
    for (text, want) in [
        (
            "configMapGenerator: [{name: a, behavior: merge}]\n",
            "generator-unmatched root/kustomization.yaml:1:22",
        ),
        (
            "configMapGenerator: [{name: a, literals: [x]}]\n",
            "generator-literal root/kustomization.yaml:1:43",
        ),
        (
            "configMapGenerator: [{name: a, literals: [x=1, x=2]}]\n",
            "generator-key root/kustomization.yaml:1:48",
        ),
        (
            "secretGenerator: [{literals: [x=1]}]\n",
            "generator-name root/kustomization.yaml:1:19",
        ),
        (
            "replicas: [{name: web, count: 2}]\n",
            "replicas-unmatched root/kustomization.yaml:1:12",
        ),
        (
            "images: [{name: \"a(\"}]\n",
            "image-name root/kustomization.yaml:1:17",
        ),
        (
            "replacements:\n- source: {kind: Secret}\n  targets: [{select: {kind: Pod}}]\n",
            "replacement-source root/kustomization.yaml:2:11",
        ),
        (
            "replacements:\n- sourceValue: x\n  targets: [{select: {kind: Pod}, fieldPaths: [spec.no]}]\n",
            "replacement-field root/kustomization.yaml:3:48",
        ),
        (
            "vars: [{name: A, objref: {kind: Pod, name: gone, apiVersion: v1}}]\n",
            "var-unmatched root/kustomization.yaml:1:15",
        ),
    ] {
        let text = format!("{text}resources: [pod.yaml]\n");
        refused(&[kustomization(&text), ("root/pod.yaml", POD)], &[want]);
    }
}

#[test]
fn what_kustomize_passes_over_in_silence_is_a_warning() {
    let text = "resources: [pod.yaml]\nimages: [{name: nginx, newTag: '1'}]\npatches:\n- {target: {kind: Job}, patch: '[{\"op\": \"remove\", \"path\": \"/a\"}]'}\n";
    let (sources, result, prefix) = try_build(&[kustomization(text), ("root/pod.yaml", POD)]);
    let warnings = result.expect("it is built");
    let shown: Vec<String> = warnings
        .iter()
        .map(|one| shown(&sources, one, &prefix))
        .collect();
    let all = shown.join("\n");
    for want in [
        "image-unused root/kustomization.yaml:2:17 no container uses the image `nginx`",
        "target-unmatched root/kustomization.yaml:4:12 no object matches the target Job",
    ] {
        assert!(all.contains(want), "no `{want}` in\n{all}");
    }
}

/// What a person reads when some files are built.
fn told(files: &[(&str, &str)]) -> String {
    let (sources, result, prefix) = try_build(files);
    let found = match result {
        Ok(warnings) => warnings,
        Err(Diagnostics(faults)) => faults,
    };
    let style = deployx::report::Style::new(false);
    let texts: Vec<String> = found
        .iter()
        .filter(|one| one.severity > Severity::Info)
        .map(|one| deployx::report::diagnostic(&sources, one, style))
        .collect();
    texts.join("\n").replace(&prefix, "")
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: web
        image: shop/web:1
";

#[test]
fn independent_faults_of_a_tree_are_reported_at_once() {
    insta::assert_snapshot!(told(&[
        kustomization(
            "resources:\n- ../base\n- missing.yaml\npatches:\n- path: patch.yaml\n- path: gone.yaml\n- target: {kind: Deployment}\n  patch: |-\n    - op: remove\n      path: /spec/replica\nimages:\n- name: 'a('\n  newTag: '1'\nconfigMapGenerator:\n- name: settings\n  files: [settings.txt]\n  literals: [novalue]\n",
        ),
        (
            "root/patch.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: [1]\n"
        ),
        ("root/setting.txt", "x"),
        (
            "base/kustomization.yaml",
            "resources: [web.yaml]\nnameprefx: a-\nreplicas:\n- name: web\n  count: two\n",
        ),
        ("base/web.yaml", DEPLOYMENT),
    ]));
}

#[test]
fn what_follows_from_a_fault_is_no_fault_of_its_own() {
    // The patch, the replicas and the replacement would all match what cannot be loaded.
    let text = "resources: [web.yml]\npatches: [{patch: '{apiVersion: apps/v1, kind: Deployment, \
                metadata: {name: web}}'}]\nreplicas: [{name: web, count: 2}]\nreplacements:\n\
                - source: {kind: Deployment, name: web}\n  targets: [{select: {kind: Deployment}}]\n";
    let only = faults(&[kustomization(text), ("root/web.yaml", DEPLOYMENT)]);
    assert_eq!(only.len(), 1, "{only:?}");
    assert!(only[0].contains("did you mean `web.yaml`?"), "{only:?}");
    // A patch that fails leaves the object without what the next ones rely on.
    let text = "resources: [web.yaml]\npatches:\n- path: patch.yaml\n- target: {kind: Deployment}\n  \
                patch: '[{\"op\": \"remove\", \"path\": \"/spec/paused\"}]'\n";
    let only = faults(&[
        kustomization(text),
        ("root/web.yaml", DEPLOYMENT),
        (
            "root/patch.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: wep}\nspec: {paused: true}\n",
        ),
    ]);
    assert_eq!(only.len(), 1, "{only:?}");
    assert!(only[0].contains("did you mean `web`?"), "{only:?}");
}

#[test]
fn a_base_that_two_ways_lead_to_is_faulty_once() {
    let only = faults(&[
        kustomization("resources: [../a, ../b]"),
        (
            "a/kustomization.yaml",
            "resources: [../base]\nnamePrefix: a-\n",
        ),
        (
            "b/kustomization.yaml",
            "resources: [../base]\nnamePrefix: b-\n",
        ),
        ("base/kustomization.yaml", "resources: [pod.yml]"),
    ]);
    assert_eq!(only.len(), 1, "{only:?}");
}

#[test]
fn a_component_on_its_own_is_not_blamed_for_what_it_is_without() {
    let text = "kind: Component\nresources: [web.yaml]\nimages: [{name: nginx, newTag: '1'}]\n\
                patches: [{target: {kind: Job}, patch: '[{\"op\": \"remove\", \"path\": \"/a\"}]'}]\n";
    let files = [kustomization(text), ("root/web.yaml", DEPLOYMENT)];
    assert_eq!(told(&files), "");
    let overlay = [
        kustomization("components: [../part]\n"),
        ("part/kustomization.yaml", text),
        ("part/web.yaml", DEPLOYMENT),
    ];
    assert_eq!(told(&overlay).matches("warning[").count(), 2);
}

#[test]
fn json_patches_name_the_nearest_path() {
    let with = |operations: &str| {
        told(&[
            kustomization(&format!(
                "resources: [web.yaml]\npatches:\n- target: {{kind: Deployment}}\n  patch: |-\n{operations}"
            )),
            ("root/web.yaml", DEPLOYMENT),
        ])
    };
    insta::assert_snapshot!([
        with("    - op: replace\n      path: /spec/templat/spec/containers/0/image\n      value: x\n"),
        with("    - op: remove\n      path: /spec/template/spec/containers/3\n"),
        with("    - op: test\n      path: /spec/replicas\n      value: 2\n"),
        with("    - op: replce\n      path: /spec/replicas\n      value: 2\n    - path: /spec\n"),
        with("    op: remove\n    path: /spec/replicas\n"),
    ]
    .join("\n"));
}

#[test]
fn replacements_name_the_nearest_path() {
    let with = |replacement: &str| {
        told(&[
            kustomization(&format!(
                "resources: [web.yaml]\nreplacements:\n{replacement}"
            )),
            ("root/web.yaml", DEPLOYMENT),
        ])
    };
    insta::assert_snapshot!([
        with("- source: {kind: Deployment, name: wbe}\n  targets: [{select: {kind: Deployment}}]\n"),
        with("- source: {kind: Deployment, name: web, fieldPath: spec.replica}\n  targets: [{select: {kind: Deployment}}]\n"),
        with("- sourceValue: x\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths: [spec.template.spec.container.0.image]\n"),
        with("- sourceValue: x\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths: ['spec.template.spec.containers.[name=wbe].image']\n"),
        with("- sourceValue: x\n  targets:\n  - select: {kind: Deploymnet}\n    fieldPaths: [metadata.name]\n"),
    ]
    .join("\n"));
}

#[test]
fn what_has_no_effect_is_told() {
    insta::assert_snapshot!(told(&[
        kustomization(
            "resources: [web.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\nimages:\n- name: shop/wbe\n  newTag: '2'\n- name: shop/web\n- name: other.example.com/web\n  newTag: '3'\npatches:\n- path: same.yaml\n- target: {kind: Deployment, name: wbe}\n  patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]'\n- target: {kind: StatefulSet}\n  patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]'\n- target: {kind: Deployment}\n  patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: any}\n    spec:\n      $retainKeys: [replicas]\nreplacements:\n- sourceValue: x\n  targets:\n  - select: {kind: Deployment}\n    reject: [{name: webb}]\n    fieldPaths: [metadata.annotations.x]\n    options: {create: true}\n",
        ),
        ("root/web.yaml", DEPLOYMENT),
        (
            "root/same.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n",
        ),
    ]));
}
