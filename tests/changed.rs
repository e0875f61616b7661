//! `deployx changed` in real repositories.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const DEPLOYX: &str = env!("CARGO_BIN_EXE_deployx");

struct Repository(tempfile::TempDir);

impl Repository {
    /// Two overlays of one base, one that stands alone, one with a typed resource of a project.
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        for (name, text) in [
            (
                "base/kustomization.yaml",
                "resources: [cm.yaml]\nconfigMapGenerator:\n- {name: gen, files: [app.conf]}\n",
            ),
            (
                "base/cm.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n",
            ),
            ("base/app.conf", "x=1\n"),
            (
                "overlays/prod/kustomization.yaml",
                "resources: [../../base]\npatches: [{path: p.yaml}]\n",
            ),
            (
                "overlays/prod/p.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {c: d}\n",
            ),
            (
                "overlays/test/kustomization.yaml",
                "resources: [../../base]\ncomponents: [../../part]\n",
            ),
            (
                "part/kustomization.yaml",
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: t-\n",
            ),
            (
                "overlays/alone/kustomization.yaml",
                "resources: [cm.yaml]\n",
            ),
            (
                "overlays/alone/cm.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
            ),
            (
                "typed/.deployx.yaml",
                "schemas: [own/schemas]\ntemplates: [own/templates]\n",
            ),
            (
                "typed/own/schemas/note.schema.json",
                "{\"x-deployx-kind\": {\"group\": \"x.example.com\", \"version\": \"v1\", \"kind\": \"Note\", \"template\": \"note.yaml.j2\", \"component\": \"note\"}, \"type\": \"object\", \"additionalProperties\": false, \"properties\": {\"text\": {\"description\": \"Text.\", \"type\": \"string\"}}}",
            ),
            (
                "typed/own/templates/note.yaml.j2",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ meta(name) | json }}\ndata:\n  text: {{ spec.text | json }}\n",
            ),
            ("typed/own/templates/unused.yaml.j2", "apiVersion: v1\n"),
            ("typed/prod/kustomization.yaml", "resources: [note.yaml]\n"),
            (
                "typed/prod/note.yaml",
                "apiVersion: x.example.com/v1\nkind: Note\nmetadata: {name: n}\nspec: {text: hello}\n",
            ),
        ] {
            repository.write(name, text);
        }
        repository.git(&["init", "-q", "-b", "main"]);
        repository.commit();
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn git(&self, args: &[&str]) {
        let identity = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "commit.gpgsign=false",
        ];
        let mut git = Command::new("git");
        git.current_dir(self.path()).args(identity).args(args);
        assert!(git.status().unwrap().success(), "{args:?}");
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "a"]);
    }

    /// Forgets what was changed.
    fn reset(&self) {
        self.git(&["add", "-A"]);
        self.git(&["reset", "-q", "--hard"]);
    }

    fn run_in(&self, folder: &str, args: &[&str]) -> Output {
        let mut command = Command::new(DEPLOYX);
        command
            .current_dir(self.path().join(folder))
            .arg("changed")
            .args(args);
        command.output().unwrap()
    }

    fn run(&self, args: &[&str]) -> String {
        let output = self.run_in(".", args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The overlays that count since the last commit.
    fn changed(&self) -> Vec<String> {
        let all = self.run(&["overlays", "typed", "--since", "HEAD"]);
        all.lines().map(str::to_owned).collect()
    }
}

#[test]
fn an_overlay_counts_when_its_build_reads_a_changed_file() {
    let repository = Repository::new();
    let (prod, test) = ("overlays/prod", "overlays/test");
    assert_eq!(repository.changed(), [] as [String; 0]);
    for (file, text, wanted) in [
        ("README.md", "x", &[][..]),
        (
            "base/cm.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
            &[prod, test],
        ),
        ("base/app.conf", "x=2\n", &[prod, test]),
        (
            "overlays/prod/p.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {c: e}\n",
            &[prod],
        ),
        (
            "part/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: u-\n",
            &[test],
        ),
        // A new overlay that git does not know yet.
        (
            "overlays/new/kustomization.yaml",
            "resources: [../alone]\n",
            &["overlays/new"],
        ),
        // What does not build counts.
        (
            "base/kustomization.yaml",
            "resources: [none.yaml]\n",
            &[prod, test],
        ),
        // Templates, schemas and settings of typed resources.
        (
            "typed/own/templates/note.yaml.j2",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ meta(name) | json }}\ndata:\n  t: {{ spec.text | json }}\n",
            &["typed/prod"],
        ),
        (
            "typed/own/templates/unused.yaml.j2",
            "apiVersion: v2\n",
            &[],
        ),
        (
            "typed/.deployx.yaml",
            "schemas: [own/schemas]\ntemplates: [own/templates]\nkubernetesVersion: '1.36'\n",
            &["typed/prod"],
        ),
    ] {
        repository.write(file, text);
        assert_eq!(repository.changed(), wanted, "{file}");
        repository.reset();
    }
    // Deleted: still referred to, or gone with its overlay.
    fs::remove_file(repository.path().join("overlays/prod/p.yaml")).unwrap();
    assert_eq!(repository.changed(), [prod]);
    repository.reset();
    fs::remove_file(repository.path().join("typed/own/templates/unused.yaml.j2")).unwrap();
    assert_eq!(repository.changed(), ["typed/prod"]);
    repository.reset();
    fs::remove_dir_all(repository.path().join("overlays/alone")).unwrap();
    let output = repository.run_in(".", &["overlays", "--since", "HEAD"]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("removed   overlays/alone"), "{words}");
    repository.reset();
    // Renamed.
    repository.git(&["mv", "base/app.conf", "base/other.conf"]);
    repository.write(
        "base/kustomization.yaml",
        "resources: [cm.yaml]\nconfigMapGenerator:\n- {name: gen, files: [app.conf=other.conf]}\n",
    );
    assert_eq!(repository.changed(), [prod, test]);
    // Builds are compared, and nothing differs but the file's name.
    assert_eq!(
        repository.run(&["overlays", "--since", "HEAD", "--render"]),
        ""
    );
}

#[test]
fn builds_can_be_compared() {
    let repository = Repository::new();
    repository.write(
        "base/cm.yaml",
        "# a comment\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n",
    );
    assert_eq!(repository.changed(), ["overlays/prod", "overlays/test"]);
    assert_eq!(
        repository.run(&["overlays", "--since", "HEAD", "--render"]),
        ""
    );
    repository.write("base/app.conf", "x=2\n");
    repository.write("overlays/new/kustomization.yaml", "resources: [../alone]\n");
    let out = repository.run(&["overlays", "--since", "HEAD", "--render"]);
    assert_eq!(
        out,
        "overlays/new\tdid not build before\noverlays/prod\t1 new, 1 removed\noverlays/test\t1 new, 1 removed\n"
    );
    let status = Command::new("git")
        .current_dir(repository.path())
        .args(["status", "--porcelain"])
        .output()
        .unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert_eq!(
        status,
        " M base/app.conf\n M base/cm.yaml\n?? overlays/new/\n"
    );
}

#[test]
fn machines_get_a_matrix_or_json() {
    let repository = Repository::new();
    repository.write(
        "overlays/prod/p.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    );
    repository.commit();
    let matrix = repository.run(&["overlays", "--since", "HEAD~1", "-o", "matrix"]);
    assert_eq!(
        matrix,
        "{\"include\":[{\"overlay\":\"prod\",\"path\":\"overlays/prod\"}]}\n"
    );
    let none = repository.run(&["overlays", "--since", "HEAD", "-o", "matrix"]);
    assert_eq!(none, "{\"include\":[]}\n");
    let json = repository.run(&["overlays", "--since", "HEAD~1", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let wanted = serde_json::json!({
        "version": 1,
        "since": "HEAD~1",
        "overlays": [{
            "overlay": "prod",
            "path": "overlays/prod",
            "reason": "files",
            "files": ["overlays/prod/p.yaml"],
        }],
        "removed": [],
        "unchanged": 2,
    });
    assert_eq!(json, wanted);
    let output = repository.run_in(".", &["overlays", "--since", "HEAD~1", "--exit-code"]);
    assert_eq!(output.status.code(), Some(2));
    let output = repository.run_in("base", &["../overlays", "--since", "HEAD~1"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "../overlays/prod\n"
    );
    let output = repository.run_in("overlays/prod", &["--since", "HEAD~1", "-o", "matrix"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("\"path\":\".\""), "{out}");
    let output = repository.run_in(".", &["overlays", "--since", "nothing"]);
    assert_eq!(output.status.code(), Some(1));
    let output = repository.run_in(".", &["base/none", "--since", "HEAD"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_others_merged_meanwhile_does_not_count() {
    let repository = Repository::new();
    repository.git(&["checkout", "-q", "-b", "feature"]);
    repository.write(
        "overlays/prod/p.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    );
    repository.commit();
    repository.git(&["checkout", "-q", "main"]);
    repository.write(
        "overlays/alone/cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
    );
    repository.commit();
    repository.git(&["checkout", "-q", "feature"]);
    assert_eq!(
        repository.run(&["overlays", "--since", "main"]),
        "overlays/alone\noverlays/prod\n"
    );
    assert_eq!(
        repository.run(&["overlays", "--since", "main..."]),
        "overlays/prod\n"
    );
}
