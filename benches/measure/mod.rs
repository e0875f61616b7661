//! What the benches share: overlays of any size, and the cost of a program from start to exit.
#![allow(dead_code, reason = "no bench uses all of it")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// What a program has cost, as the operating system counts it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) status: ExitStatus,
    pub(crate) wall: Duration,
    pub(crate) user: Duration,
    pub(crate) peak_bytes: u64,
}

/// The program that is measured: `DEPLOYX_BIN` where that is set, else the one built with the bench.
pub(crate) fn deployx() -> Command {
    let given = std::env::var_os("DEPLOYX_BIN");
    Command::new(given.unwrap_or_else(|| env!("CARGO_BIN_EXE_deployx").into()))
}

/// Runs a program to its end; what it prints goes to a file, or nowhere.
pub(crate) fn run(command: &mut Command, output: Option<&Path>) -> Cost {
    let stdout = output.map_or_else(Stdio::null, |path| {
        Stdio::from(fs::File::create(path).expect("a file"))
    });
    command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let used = child.wait4().expect("the program ends");
    Cost {
        status: used.status,
        wall: start.elapsed(),
        user: used.rusage.utime,
        peak_bytes: used.rusage.maxrss,
    }
}

/// The least of several runs, figure by figure.
pub(crate) fn least(times: usize, mut measure: impl FnMut() -> Cost) -> Cost {
    let mut least = measure();
    for _ in 1..times {
        let next = measure();
        least.wall = least.wall.min(next.wall);
        least.user = least.user.min(next.user);
        least.peak_bytes = least.peak_bytes.min(next.peak_bytes);
    }
    least
}

/// Bytes as MB.
#[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Writes a base and an overlay on it. Objects come in groups of four (Deployment, Service,
/// ConfigMap, ServiceAccount) under prefix, namespace, labels, images, a patch for every tenth
/// group, a generator and references.
pub(crate) fn write_overlay(folder: &Path, size: usize) {
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

/// A group of four objects, as people write them.
pub(crate) fn group(n: usize) -> String {
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
