//! `deployx set` beside the real `kustomize edit` (5.8.1): the builds after both must be equal,
//! while our file keeps its comments and layout.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cluster::tools;

const DEPLOYX: &str = env!("CARGO_BIN_EXE_deployx");

const BASE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
    selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
    spec:\n      initContainers:\n      - {name: init, image: 'shop/init:v1'}\n      \
    containers:\n      - {name: web, image: shop/web}\n      - {name: proxy, image: 'envoy:v1'}\n\
    ---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  \
    selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    \
    spec:\n      containers:\n      - {name: db, image: 'postgres:16'}\n";

/// Kustomizations as people write them.
const OVERLAYS: &[&str] = &[
    "# Production\nresources:\n- ../base # everything\n\nimages:\n# ours\n- name: shop/web\n  \
     newName: reg.example.com/web # mirror\n  newTag: v1\n- name: envoy\n  digest: \
     sha256:0000000000000000000000000000000000000000000000000000000000000000\n\n\
     # Two are enough\nreplicas:\n- name: web\n  count: 2\ncommonLabels:\n  team: blue # who\n",
    "resources: [../base]\nnamespace: old # to be changed\nimages: [{name: shop/web, newTag: 'v1'}]\n",
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../base\nimages: []\n",
    "resources:\r\n- ../base\r\n# the end, without a line break",
    "{\n  \"resources\": [\n    \"../base\"\n  ],\n  \"images\": [\n    {\n      \"name\": \"shop/web\",\n      \
     \"newTag\": \"v1\"\n    }\n  ]\n}\n",
    "---\nresources:\n- ../base\ncommonAnnotations: {a: b}\nlabels:\n- pairs: {tier: front}\n  includeSelectors: true\n",
];

/// The same change in the words of both.
const CHANGES: &[(&[&str], &[&str])] = &[
    (
        &["image", "shop/web=reg.io/x/web:1.10"],
        &["image", "shop/web=reg.io/x/web:1.10"],
    ),
    (&["image", "shop/web=*:v2"], &["image", "shop/web=*:v2"]),
    (
        &["image", "shop/web:v3", "envoy=mirror/envoy"],
        &["image", "shop/web:v3", "envoy=mirror/envoy"],
    ),
    (
        &[
            "image",
            "postgres@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        ],
        &[
            "image",
            "postgres@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        ],
    ),
    (
        &["replicas", "web=5", "db=3"],
        &["replicas", "web=5", "db=3"],
    ),
    (&["namespace", "shop-prod"], &["namespace", "shop-prod"]),
    (
        &["label", "--include-selectors", "team=red", "new=one"],
        &["label", "team:red", "new:one"],
    ),
    (
        &["annotation", "a=c", "example.com/x=y z"],
        &["annotation", "a:c", "example.com/x:y z"],
    ),
];

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn overlay(root: &Path, text: &str) -> PathBuf {
    write(
        &root.join("base/kustomization.yaml"),
        "resources: [all.yaml]\n",
    );
    write(&root.join("base/all.yaml"), BASE);
    write(&root.join("prod/kustomization.yaml"), text);
    root.join("prod")
}

/// What the real kustomize builds.
fn build(folder: &Path) -> String {
    let output = Command::new(tools().kustomize())
        .arg("build")
        .arg(folder)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    String::from_utf8(output.stdout).unwrap()
}

fn set(folder: &Path, args: &[&str]) -> (bool, String) {
    let mut words = vec!["set", args[0], folder.to_str().unwrap()];
    words.extend(&args[1..]);
    let output = Command::new(DEPLOYX).args(&words).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn builds_are_those_after_kustomize_edit() {
    for text in OVERLAYS {
        for (ours, theirs) in CHANGES {
            let folder = tempfile::tempdir().unwrap();
            let mine = overlay(&folder.path().join("mine"), text);
            let other = overlay(&folder.path().join("other"), text);
            let (done, said) = set(&mine, ours);
            assert!(done, "{ours:?}\n{text}\n{said}");
            let edit = Command::new(tools().kustomize())
                .current_dir(&other)
                .args(["edit", "set"])
                .args(*theirs)
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&edit.stderr);
            assert!(edit.status.success(), "{theirs:?} {words}");
            assert_eq!(build(&mine), build(&other), "{ours:?}\n{text}\n{said}");
            let file = mine.join("kustomization.yaml");
            let made = fs::read_to_string(&file).unwrap();
            // What is removed takes its own comment along.
            let kept = text.lines().filter(|line| !line.contains("newName"));
            for line in kept.filter(|line| line.contains('#')) {
                let comment = &line[line.find('#').unwrap()..];
                assert!(made.contains(comment), "{comment} is lost: {made}");
            }
            assert_eq!(made.ends_with('\n'), text.ends_with('\n'), "{made}");
            let is_crlf = made.lines().count() == made.matches("\r\n").count() + 1;
            assert_eq!(
                text.contains('\r'),
                is_crlf && made.contains('\r'),
                "{made:?}"
            );
            let time = file.metadata().unwrap().modified().unwrap();
            let (done, said) = set(&mine, ours);
            assert!(done && said.contains("unchanged"), "{said}");
            assert_eq!(file.metadata().unwrap().modified().unwrap(), time);
        }
    }
}

/// Every kustomization of the corpus with `images` takes a tag, and differs in that line alone.
#[test]
fn real_kustomizations_change_in_one_line() {
    let Some(corpus) = std::env::var_os("DEPLOYX_CORPUS").map(PathBuf::from) else {
        println!("DEPLOYX_CORPUS is not set: the corpus of overlays was not given");
        return;
    };
    let (mut changed, mut added) = (0, 0);
    let files = walkdir::WalkDir::new(corpus.join("repos")).sort_by_file_name();
    let files = files.into_iter().filter_map(Result::ok);
    // Each needs two processes, so one in four has to do.
    for entry in files
        .filter(|entry| entry.file_name() == "kustomization.yaml")
        .step_by(4)
    {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        if text.is_empty() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("kustomization.yaml"), &text);
        let args = [
            "image",
            "some.registry/that/nobody-has=x.io/y:1.10",
            "--no-build",
        ];
        let (done, said) = set(folder.path(), &args);
        let name = entry.path().display();
        assert!(done, "{name} {said}");
        let made = fs::read_to_string(folder.path().join("kustomization.yaml")).unwrap();
        let mut old = text.lines();
        let mut wanted = old.next();
        let mut extra = 0;
        for line in made.lines() {
            if wanted == Some(line) {
                wanted = old.next();
            } else {
                extra += 1;
            }
        }
        // An empty list gives way to a filled one; all other lines are there still.
        let is_empty_list = wanted.is_some_and(|line| line.starts_with("images: []"));
        assert!(wanted.is_none() || is_empty_list, "{name}\n{made}");
        assert!(extra <= 4, "{name}\n{made}");
        added += 1;
        if text.contains("newTag:") {
            let (done, said) = set(folder.path(), &["tag", "9.9.9", "--no-build"]);
            assert!(done, "{name} {said}");
            changed += 1;
        }
    }
    println!("{added} kustomizations got an entry, {changed} another tag");
    assert!(added > 150, "{added}");
}
