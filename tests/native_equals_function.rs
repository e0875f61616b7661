//! One overlay built three ways gives the same bytes: natively, by real kustomize with deployx as
//! a KRM function, and with deployx as a legacy exec plugin.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cluster::tools;
use deployx::manifest::Sources;
use deployx::template::{self, Library};
use tempfile::TempDir;

const DEPLOYX: &str = env!("CARGO_BIN_EXE_deployx");

const WEB: &str = "\
apiVersion: deployx.dev/v1
kind: WebService
metadata:
  name: backend
  labels: {team: shop}
  annotations: {example.com/owner: shop}
spec:
  image: shop/backend:1
  ports: {http: 8080}
  env:
    MODE: fast
    TOKEN: {secret: app-secrets, key: token}
    LEVEL: {config: app-config, key: level}
  envFrom:
    all: {config: app-config}
  resources: {cpu: 100m..1, memory: 256Mi}
  replicas: 2
";

const CONFIG: &str = "\
configMapGenerator:
- name: app-config
  literals: [level=info]
secretGenerator:
- name: app-secrets
  literals: [token=abc]
";

/// Plain objects that name what the typed resource makes.
const NAMING: &str = "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: entry}
spec:
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: backend, port: {name: http}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: backend-scaler}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: backend}
  maxReplicas: 4
";

/// A tree of kustomizations whose `prod` is built.
struct Overlay(TempDir);

impl Overlay {
    /// Writes files. `expand.yaml`, `validate.yaml` and `fields.yaml` are in every folder.
    fn new(files: &[(&str, &str)]) -> Self {
        let overlay = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            write(&overlay.0.path().join(name), text);
            let folder = overlay.0.path().join(name);
            write(&folder.with_file_name("fields.yaml"), &fields());
        }
        overlay.configure(&format!(
            "  annotations:\n    config.kubernetes.io/function: |\n      exec: {{path: {DEPLOYX}, args: [fn]}}\n"
        ));
        overlay
    }

    /// Writes the configurations of the plugins, with this among their metadata.
    fn configure(&self, metadata: &str) {
        for folder in fs::read_dir(self.0.path()).unwrap() {
            let folder = folder.unwrap().path();
            for (file, kind) in [("expand.yaml", "Expand"), ("validate.yaml", "Validate")] {
                let head =
                    format!("apiVersion: deployx.dev/v1\nkind: {kind}\nmetadata:\n  name: it\n");
                write(&folder.join(file), &format!("{head}{metadata}"));
            }
        }
    }

    fn prod(&self) -> PathBuf {
        self.0.path().join("prod")
    }

    /// Builds `prod` three ways and returns what all of them print.
    #[track_caller]
    fn build(&self) -> String {
        let native = ok(&render(&self.prod()));
        let function = ok(&kustomize(&self.prod()));
        assert_eq!(native, function, "the native build and the KRM function");
        self.configure("");
        let legacy = ok(&kustomize(&self.prod()));
        assert_eq!(native, legacy, "the native build and the legacy plugin");
        native
    }

    /// Builds `prod` with the function, which must fail, and returns what it says.
    #[track_caller]
    fn fail(&self) -> String {
        let output = kustomize(&self.prod());
        assert!(!output.status.success());
        assert_eq!(text(&output.stdout), "");
        let folder = self.0.path().canonicalize().unwrap();
        text(&output.stderr).replace(&format!("{}/", folder.display()), "")
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn ok(output: &Output) -> String {
    let err = text(&output.stderr);
    assert!(output.status.success(), "{:?}\n{err}", output.status);
    text(&output.stdout)
}

/// The fields of typed kinds as a `configurations:` file.
fn fields() -> String {
    let nowhere = tempfile::tempdir().unwrap();
    let library = Library::load(nowhere.path(), &Sources::new()).unwrap();
    template::configuration(library.field_specs())
}

fn render(overlay: &Path) -> Output {
    Command::new(DEPLOYX)
        .arg("render")
        .arg(overlay)
        .output()
        .unwrap()
}

/// Runs the real kustomize, with deployx on PATH and as a legacy plugin at home.
fn kustomize(overlay: &Path) -> Output {
    let home = tempfile::tempdir().unwrap();
    for kind in ["Expand", "Validate"] {
        let folder = home.path().join("deployx.dev/v1").join(kind.to_lowercase());
        fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(DEPLOYX, folder.join(kind)).unwrap();
    }
    Command::new(tools().kustomize())
        .args(["build", "--enable-alpha-plugins", "--enable-exec"])
        .arg(overlay)
        .env("KUSTOMIZE_PLUGIN_HOME", home.path())
        .env("PATH", path())
        .output()
        .unwrap()
}

/// PATH with our program first.
fn path() -> OsString {
    let ours = Path::new(DEPLOYX).parent().unwrap().to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([ours].into_iter().chain(std::env::split_paths(&path))).unwrap()
}

/// Runs `deployx` on an input.
fn pipe(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(DEPLOYX)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The lines that hold a name, without their indentation.
fn names(output: &str, name: &str) -> Vec<String> {
    let lines = output.lines().map(str::trim);
    lines
        .filter(|line| line.contains(name))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_field_of_an_overlay_reaches_typed_resources() {
    let output = Overlay::new(&[
        ("base/web.yaml", WEB),
        ("base/naming.yaml", NAMING),
        (
            "base/kustomization.yaml",
            &format!("resources: [web.yaml, naming.yaml]\nconfigurations: [fields.yaml]\n{CONFIG}"),
        ),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\ntransformers: [expand.yaml]\nvalidators: [validate.yaml]\n\
             namespace: shop\nnamePrefix: p-\nnameSuffix: -s\n\
             images: [{name: shop/backend, newTag: '2'}]\nreplicas: [{name: backend, count: 5}]\n\
             commonAnnotations: {note: x}\nlabels:\n- {pairs: {a: b}, includeSelectors: true}\n\
             - {pairs: {c: d}, includeTemplates: true}\n- {pairs: {e: f}}\n",
        ),
    ])
    .build();
    // The Deployment, its name in the autoscaler, the Service, its name in the Ingress, ...
    assert!(names(&output, "name: p-backend-s").len() >= 4, "{output}");
    assert!(output.contains("image: shop/backend:2\n"));
    assert!(output.contains("replicas: 5\n"));
    // Both references of the container and the object itself.
    assert_eq!(names(&output, "name: p-app-config-s-").len(), 3, "{output}");
    assert_eq!(
        names(&output, "name: p-app-secrets-s-").len(),
        2,
        "{output}"
    );
    assert!(!output.contains("internal.config"), "{output}");
}

#[test]
fn two_instances_of_one_base_keep_apart() {
    let instance = |prefix: &str| format!("resources: [../base]\nnamePrefix: {prefix}-\n");
    let base =
        format!("resources: [web.yaml, naming.yaml]\nconfigurations: [fields.yaml]\n{CONFIG}");
    let output = Overlay::new(&[
        ("base/web.yaml", WEB),
        ("base/naming.yaml", NAMING),
        ("base/kustomization.yaml", &base),
        ("one/kustomization.yaml", &instance("one")),
        ("two/kustomization.yaml", &instance("two")),
        (
            "prod/kustomization.yaml",
            "resources: [../one, ../two]\nnamespace: shop\ntransformers: [expand.yaml]\n",
        ),
    ])
    .build();
    for prefix in ["one", "two"] {
        assert!(
            names(&output, &format!("name: {prefix}-backend")).len() >= 4,
            "{output}"
        );
        assert_eq!(
            names(&output, &format!("name: {prefix}-app-config-")).len(),
            3,
            "{output}"
        );
    }
}

#[test]
fn expanded_in_the_base_overlays_see_ordinary_objects() {
    let output = Overlay::new(&[
        ("base/web.yaml", WEB),
        (
            "base/release.yaml",
            "apiVersion: deployx.dev/v1\nkind: Release\nmetadata: {name: r}\n",
        ),
        (
            "base/kustomization.yaml",
            &format!("resources: [web.yaml, release.yaml]\ntransformers: [expand.yaml]\n{CONFIG}"),
        ),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\nnamePrefix: p-\nnamespace: shop\n\
             images: [{name: shop/backend, newTag: '3'}]\nreplicas: [{name: backend, count: 7}]\n\
             patches:\n- target: {kind: Deployment, name: backend}\n  patch: |-\n    \
             - {op: add, path: /spec/minReadySeconds, value: 9}\n",
        ),
    ])
    .build();
    for part in [
        "image: shop/backend:3\n",
        "replicas: 7\n",
        "minReadySeconds: 9\n",
    ] {
        assert!(output.contains(part), "{part}\n{output}");
    }
    assert_eq!(names(&output, "name: p-app-config-").len(), 3, "{output}");
    assert!(!output.contains("kind: Release"), "{output}");
}

#[test]
fn every_kind_with_all_that_it_makes() {
    let more = "\
apiVersion: deployx.dev/v1
kind: WebService
metadata: {name: shopfront}
spec:
  image: shop/front
  ports: {http: 80}
  autoscaling: {min: 2, max: 6, cpu: 70}
  disruption: {maxUnavailable: 1}
  files:
    page: {path: /srv/index.html, content: \"<p>0x10</p>\\n\"}
  ingress:
    class: nginx
    routes: {main: {host: shop.example.com}}
  serviceAccount: {create: true}
---
apiVersion: deployx.dev/v1
kind: Worker
metadata: {name: mailer}
spec:
  image: shop/mailer
  rolloutOn: {config: true}
  envFrom: {all: {config: stable}}
---
apiVersion: deployx.dev/v1
kind: CronTask
metadata: {name: nightly}
spec: {image: shop/nightly, schedule: 0 3 * * *, env: {A: {config: stable, key: a}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: stable}
data: {a: \"1.0\"}
";
    for option in [
        "",
        "sortOptions: {order: fifo}\n",
        "buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]\n",
    ] {
        let output = Overlay::new(&[
            ("base/more.yaml", more),
            ("base/kustomization.yaml", "resources: [more.yaml]\n"),
            (
                "prod/kustomization.yaml",
                &format!(
                    "resources: [../base]\ntransformers: [expand.yaml]\nnameSuffix: -x\n\
                     namespace: shop\n{option}"
                ),
            ),
        ])
        .build();
        for kind in [
            "ConfigMap",
            "CronJob",
            "Deployment",
            "HorizontalPodAutoscaler",
            "Ingress",
            "PodDisruptionBudget",
            "Service",
            "ServiceAccount",
        ] {
            assert!(
                output.contains(&format!("kind: {kind}\n")),
                "{kind}\n{output}"
            );
        }
    }
}

#[test]
fn the_example_overlays() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for overlay in ["klinecubic/prod", "klinecubic/test"] {
        let overlay = repository.join("overlays").join(overlay);
        assert_eq!(
            ok(&render(&overlay)),
            ok(&kustomize(&overlay)),
            "{overlay:?}"
        );
    }
}

#[test]
fn the_example_lists_the_fields_of_the_typed_kinds() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("overlays/klinecubic/base/deployx-fields.yaml");
    assert_eq!(fs::read_to_string(file).unwrap(), fields());
}

#[test]
fn faults_end_the_build_and_say_where() {
    let expand = "resources: [web.yaml]\ntransformers: [expand.yaml]\n";
    let validate = format!("{expand}validators: [validate.yaml]\n");
    let typo = WEB.replace("replicas", "replica");
    let overridden = format!("{WEB}  overrides: {{Deployment: {{spec: {{paussed: true}}}}}}\n");
    for (kustomization, web, want) in [
        (
            expand,
            typo.as_str(),
            [
                "unknown field `replica`",
                "prod/web.yaml:17:3",
                "did you mean `replicas`?",
            ],
        ),
        (
            validate.as_str(),
            &overridden,
            [
                "unknown field `paussed`",
                "prod/web.yaml:18:35",
                "did you mean `paused`?",
            ],
        ),
        (
            "resources: [web.yaml]\ntransformers: [expand.yaml]\nimages:\n- {name: shop/backend, newTag: '2'}\n",
            WEB,
            [
                "`images` does not reach `spec.image`",
                "prod/kustomization.yaml:4:10",
                "deployx-fields.yaml",
            ],
        ),
        (
            "resources: [web.yaml]\ntransformers: [validate.yaml]\n",
            WEB,
            [
                "would empty the build",
                "prod/kustomization.yaml:2:16",
                "list it in `validators`",
            ],
        ),
        (
            "resources: [web.yaml]\ngenerators: [expand.yaml]\n",
            WEB,
            [
                "`Expand` is no generator",
                "kind: Expand",
                "in `transformers`",
            ],
        ),
    ] {
        let overlay = Overlay::new(&[
            ("prod/web.yaml", web),
            ("prod/kustomization.yaml", kustomization),
        ]);
        let said = overlay.fail();
        for part in want {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
}

#[test]
fn it_is_found_by_itself_and_refuses_what_is_no_list() {
    let list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n\
                functionConfig: {apiVersion: deployx.dev/v1, kind: Expand, metadata: {name: x}}\n";
    let empty = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n";
    for args in [&[][..], &["fn"]] {
        assert_eq!(ok(&pipe(args, list)), empty, "{args:?}");
        assert_eq!(
            ok(&pipe(args, &list.replace("Expand", "Validate"))),
            "",
            "{args:?}"
        );
    }
    let broken = list.replace("items: []", "items: [");
    for (input, code, want) in [
        ("", 1, "there is nothing on standard input"),
        (broken.as_str(), 1, "not YAML"),
        (
            "apiVersion: v1\nkind: List\n",
            1,
            "standard input holds no ResourceList",
        ),
        (
            &list.replace("Expand", "Explode"),
            1,
            "no configuration of deployx",
        ),
    ] {
        let output = pipe(&["fn"], input);
        assert_eq!(output.status.code(), Some(code), "{input}");
        assert_eq!(text(&output.stdout), "", "{input}");
        assert!(
            text(&output.stderr).contains(want),
            "{}",
            text(&output.stderr)
        );
    }
    // Without arguments anything else is a question for help.
    let output = pipe(&[], "apiVersion: v1\nkind: List\n");
    assert_eq!(output.status.code(), Some(64));
    assert!(
        text(&output.stderr).contains("Usage: deployx"),
        "{}",
        text(&output.stderr)
    );
}
