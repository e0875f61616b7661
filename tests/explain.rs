//! `deployx render --explain`: what people and machines read of how a field came to be.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use deployx::kustomize::{self, Options};
use deployx::manifest::Sources;
use deployx::manifest::emit::emit_all;

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: shop/web:1.0
        env:
        - name: MODE
          value: plain
        - name: HOST
          value: localhost
        envFrom:
        - configMapRef: {name: settings}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - name: http
    port: 80
";

/// Base, component and overlay, with every field that changes an object.
fn shop() -> Project {
    Project::new(&[
        ("base/web.yaml", WEB),
        (
            "base/kustomization.yaml",
            "resources:\n- web.yaml\nconfigMapGenerator:\n- name: settings\n  literals:\n  - level=info\n  - color=blue\n",
        ),
        (
            "tracing/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: add\n      path: /spec/template/spec/containers/0/env/-\n      value: {name: TRACE, value: 'on'}\n",
        ),
        (
            "prod/kustomization.yaml",
            "resources:\n- ../base\ncomponents:\n- ../tracing\nnamespace: shop\nnamePrefix: prod-\nlabels:\n- pairs: {team: a}\n  includeTemplates: true\npatches:\n- path: web-patch.yaml\n- target: {kind: Deployment, name: web}\n  patch: |-\n    - op: replace\n      path: /spec/replicas\n      value: 3\n    - op: remove\n      path: /spec/template/spec/containers/0/env/1\nimages:\n- name: shop/web\n  newName: registry.example.com/shop/web\n  newTag: '2.1'\nreplicas:\n- name: web\n  count: 5\nconfigMapGenerator:\n- name: settings\n  behavior: merge\n  literals:\n  - color=red\nreplacements:\n- source: {kind: Service, name: web, fieldPath: metadata.name}\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths:\n    - spec.template.spec.containers.[name=web].env.[name=MODE].value\n",
        ),
        (
            "prod/web-patch.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n      - name: web\n        image: shop/web:1.5\n        env:\n        - name: MODE\n          value: fast\n",
        ),
    ])
}

/// A typed resource with an overlay.
fn typed() -> Project {
    Project::new(&[
        (
            "base/web.yaml",
            "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata:\n  name: web\nspec:\n  image: shop/web:1\n  ports:\n    http: 8080\n  replicas: 1\n",
        ),
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\nnamespace: shop\npatches:\n- path: web.yaml\nimages:\n- name: shop/web\n  newTag: '2'\n",
        ),
        (
            "prod/web.yaml",
            "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata:\n  name: web\nspec:\n  replicas: 4\n  overrides:\n    Deployment:\n      spec:\n        minReadySeconds: 7\n",
        ),
    ])
}

struct Project(tempfile::TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        run(self.0.path(), args)
    }

    /// The answers to several questions about `prod`, each under its question.
    fn answers(&self, questions: &[&str]) -> String {
        self.answers_about("prod", questions)
    }

    fn answers_about(&self, source: &str, questions: &[&str]) -> String {
        let mut all = String::new();
        for question in questions {
            let (code, out, err) = self.run(&["render", source, "--explain", question]);
            assert_eq!(code, Some(0), "{question}\n{err}");
            all.push_str(&format!(
                "$ deployx render {source} --explain {question}\n{out}\n"
            ));
        }
        all
    }

    fn refusals(&self, questions: &[&str]) -> String {
        let mut all = String::new();
        for question in questions {
            let (code, out, err) = self.run(&["render", "prod", "--explain", question]);
            assert_eq!((code, out.as_str()), (Some(1), ""), "{question}\n{err}");
            all.push_str(&format!(
                "$ deployx render prod --explain {question}\n{err}\n"
            ));
        }
        all
    }
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_deployx"))
        .args(args)
        .current_dir(folder)
        .env("HOME", folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_field_of_an_overlay_with_base_and_component() {
    insta::assert_snapshot!(shop().answers(&[
        "deploy/web:spec.replicas",
        "deployment/prod-web:spec.template.spec.containers[web].image",
        "deploy/shop/web:spec.template.spec.containers[web].env[MODE].value",
        "deploy/web:spec.template.spec.containers[web].env[HOST]",
        "deploy/web:spec.template.spec.containers[*].env[TRACE].value",
        "deploy/web:spec.template.spec.containers[0].envFrom[0].configMapRef.name",
        "deploy/web:metadata.name",
        "deploy/web:metadata.namespace",
        "deploy/web:spec.template.metadata.labels[team]",
        "cm/settings:data.color",
        "cm/settings:metadata.name",
    ]));
}

#[test]
fn an_object_of_an_overlay() {
    insta::assert_snapshot!(shop().answers(&["deployment/web", "cm/settings", "Service/web"]));
}

#[test]
fn a_typed_resource_and_what_it_makes() {
    insta::assert_snapshot!(typed().answers(&[
        "deploy/web:spec.replicas",
        "deploy/web:spec.template.spec.containers[web].image",
        "deploy/web:spec.minReadySeconds",
        "deploy/web:spec.revisionHistoryLimit",
        "deploy/web:metadata.namespace",
        "webservice/web:spec.replicas",
        "svc/web",
    ]));
}

#[test]
fn a_plain_file_with_a_typed_resource_in_it() {
    let plain = typed();
    let questions = [
        "deploy/web:spec.replicas",
        "webservice/web:spec.image",
        "svc/web",
    ];
    let typed = plain.answers_about("base/web.yaml", &questions);
    fs::write(plain.0.path().join("plain.yaml"), WEB).unwrap();
    let written = plain.answers_about("plain.yaml", &["deploy/web:spec.replicas"]);
    insta::assert_snapshot!(typed + &written);
}

#[test]
fn the_example_overlay() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let question = "deploy/backend:spec.template.spec.containers[backend].image";
    let (code, out, err) = run(
        repository,
        &["render", "overlays/klinecubic/prod", "--explain", question],
    );
    assert_eq!(code, Some(0), "{err}");
    insta::assert_snapshot!(out);
}

#[test]
fn a_question_without_an_answer_has_a_neighbour() {
    insta::assert_snapshot!(shop().refusals(&[
        "deploy/wbe",
        "deplyoment/web",
        "statefulset/web",
        "deploy/web:spec.replica",
        "deploy/web:spec.template.spec.containers[wbe].image",
    ]));
    let (code, out, err) = shop().run(&["render", "prod", "--explain", "deployment"]);
    assert_eq!((code, out.as_str()), (Some(64), ""), "{err}");
    assert!(err.contains("KIND/NAME"), "{err}");
}

#[test]
fn machines_get_json() {
    let (code, out, err) = shop().run(&[
        "render",
        "prod",
        "--explain",
        "deploy/web:spec.replicas",
        "-o",
        "json",
    ]);
    assert_eq!(code, Some(0), "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let history = &json["histories"][0];
    let steps = history["steps"].as_array().unwrap();
    let words: Vec<&str> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["resource", "patch", "json patch", "replicas"]);
    assert_eq!(
        (&json["version"], &history["value"]),
        (&1.into(), &5.into())
    );
    assert_eq!(steps[3]["won"], true);
    assert_eq!(steps[1]["changes"][0]["before"], 1);
    assert_eq!(steps[1]["at"]["file"], "prod/web-patch.yaml");
    assert_eq!(steps[1]["at"]["line"], 6);
    assert_eq!(steps[1]["listedAt"]["file"], "prod/kustomization.yaml");
}

#[test]
fn what_a_secret_holds_is_told_without_its_value() {
    let project = Project::new(&[(
        "prod/kustomization.yaml",
        "secretGenerator:\n- name: keys\n  literals: [token=verysecret]\n",
    )]);
    let said = project.answers(&["secret/keys:data.token", "secret/keys"]);
    assert!(said.contains("10 bytes"), "{said}");
    assert!(
        !said.contains("verysecret") && !said.contains("dmVyeXNlY3JldA"),
        "{said}"
    );
}

#[test]
fn a_question_changes_nothing_of_the_build() {
    // The recorder sees every step of the build and must not change what it sees.
    let project = shop();
    let root = project.0.path().join("prod");
    let built = |record: bool| {
        let options = Options {
            record,
            ..Options::default()
        };
        let build = kustomize::build(&Sources::new(), &root, options).unwrap();
        assert_eq!(build.recording.is_some(), record);
        emit_all(build.objects.iter().map(|object| &object.root))
    };
    assert_eq!(built(true), built(false));
}
