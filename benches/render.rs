//! The native overlay build beside the real kustomize, in one run.
//!
//! `cargo bench --bench render [-- OBJECTS...]`; `KUSTOMIZE_BIN` names the real one, without it
//! only ours is timed. Objects come in groups of four (Deployment, Service, ConfigMap,
//! ServiceAccount) under an overlay with prefix, namespace, labels, images, patches, a generator
//! and references.
#![expect(clippy::print_stdout, reason = "it is run to be read")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use deployx::kustomize::{Options, build};
use deployx::manifest::Sources;
use deployx::manifest::emit::emit_all;

fn main() {
    let sizes: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![100, 1_000, 2_000, 10_000]
    } else {
        sizes
    };
    let kustomize = std::env::var_os("KUSTOMIZE_BIN");
    println!(
        "{:>8} {:>12} {:>12} {:>8}",
        "objects", "deployx", "kustomize", "times"
    );
    for size in sizes {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_overlay(folder.path(), size);
        let overlay = folder.path().join("overlay");
        let ours = (0..5)
            .map(|_| time_ours(&overlay))
            .min()
            .unwrap_or_default();
        let real = kustomize.as_ref().map(|bin| {
            let start = Instant::now();
            let output = Command::new(bin).arg("build").arg(&overlay).output();
            let output = output.expect("kustomize runs");
            let took = start.elapsed();
            assert_eq!(String::from_utf8_lossy(&output.stderr), "");
            assert!(
                String::from_utf8_lossy(&output.stdout) == render(&overlay),
                "outputs differ"
            );
            took
        });
        let shown = real.map_or_else(|| "-".to_owned(), |took| format!("{took:.1?}"));
        let times = real.map_or_else(String::new, |took| {
            format!("{:.0}", took.as_secs_f64() / ours.as_secs_f64())
        });
        println!(
            "{size:>8} {:>12} {shown:>12} {times:>8}",
            format!("{ours:.1?}")
        );
    }
}

fn time_ours(overlay: &Path) -> Duration {
    let start = Instant::now();
    let output = render(overlay);
    let took = start.elapsed();
    assert!(!output.is_empty());
    took
}

fn render(overlay: &Path) -> String {
    let sources = Sources::new();
    let build = build(&sources, overlay, Options::default()).expect("the overlay builds");
    emit_all(build.objects.iter().map(|object| &object.root))
}

fn write_overlay(folder: &Path, size: usize) {
    let (base, overlay) = (folder.join("base"), folder.join("overlay"));
    fs::create_dir_all(&base).expect("a folder");
    fs::create_dir_all(&overlay).expect("a folder");
    let mut resources = String::from("resources:\n");
    let mut patches = String::from("patches:\n");
    for n in 0..size / 4 {
        let _ = writeln!(resources, "- app{n}.yaml");
        fs::write(base.join(format!("app{n}.yaml")), group(n)).expect("a file");
        if n % 10 == 0 {
            let _ = write!(
                patches,
                "- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {{name: app{n}}}\n    spec:\n      template:\n        spec:\n          containers:\n          - name: main\n            env: [{{name: EXTRA, value: \"{n}\"}}]\n"
            );
        }
    }
    let generator = "configMapGenerator:\n- name: shared\n  literals: [mode=fast]\n";
    fs::write(
        base.join("kustomization.yaml"),
        format!("{resources}{generator}"),
    )
    .expect("a file");
    let head = "resources: [../base]\nnamePrefix: pre-\nnamespace: shop\nlabels:\n- pairs: {team: a}\n  includeSelectors: true\nimages:\n- name: registry.example.com/app\n  newTag: v2\n";
    fs::write(
        overlay.join("kustomization.yaml"),
        format!("{head}{patches}"),
    )
    .expect("a file");
}

fn group(n: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app{n}
  labels: {{app: app{n}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: app{n}}}
  template:
    metadata:
      labels: {{app: app{n}}}
    spec:
      serviceAccountName: app{n}
      containers:
      - name: main
        image: registry.example.com/app:v1
        ports:
        - containerPort: 8080
        env:
        - name: MODE
          valueFrom:
            configMapKeyRef: {{name: shared, key: mode}}
        envFrom:
        - configMapRef: {{name: app{n}}}
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
---
apiVersion: v1
kind: Service
metadata:
  name: app{n}
spec:
  selector: {{app: app{n}}}
  ports:
  - port: 80
    targetPort: 8080
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: app{n}
data:
  key: value-{n}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app{n}
"
    )
}
