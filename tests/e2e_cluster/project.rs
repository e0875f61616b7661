//! A folder of manifests, a namespace, and deployx between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::cluster::{Cluster, Namespace};

/// Manifests on their way into a namespace.
pub(crate) struct Project<'a> {
    pub(crate) namespace: Namespace<'a>,
    dir: tempfile::TempDir,
}

/// What a run has printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project<'static> {
    /// A project in a new namespace of the shared control plane.
    pub(crate) fn new(prefix: &str) -> Self {
        Self::on(Cluster::shared(), prefix)
    }
}

impl<'a> Project<'a> {
    /// A project in a new namespace of a control plane.
    pub(crate) fn on(cluster: &'a Cluster, prefix: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir(dir.path().join("app")).expect("it is new");
        let namespace = cluster.namespace(prefix);
        // A copy: the namespace writes its own anew for every command, also while ours runs.
        fs::copy(namespace.kubeconfig(), dir.path().join("kubeconfig")).expect("it exists");
        Self { namespace, dir }
    }

    /// The folder of the manifests.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a manifest file.
    pub(crate) fn write(&self, file: &str, text: &str) -> &Self {
        let path = self.dir.path().join("app").join(file);
        fs::write(path, text).expect("the folder can be written");
        self
    }

    /// Removes a manifest file.
    pub(crate) fn remove(&self, file: &str) -> &Self {
        fs::remove_file(self.dir.path().join("app").join(file)).expect("it was written");
        self
    }

    /// A command for deployx that has yet to be run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.namespace.command(env!("CARGO_BIN_EXE_deployx"));
        command.current_dir(self.dir.path()).args(args);
        command.env("KUBECONFIG", self.dir.path().join("kubeconfig"));
        for variable in ["HELM_DRIVER", "HELM_NAMESPACE", "HELM_PLUGIN_NAME"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs deployx.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        finish(&mut self.command(args))
    }

    /// Runs deployx as another user.
    pub(crate) fn run_as(&self, user: &str, args: &[&str]) -> Run {
        let kubeconfig: PathBuf = self.namespace.kubeconfig_for(user);
        finish(self.command(args).env("KUBECONFIG", kubeconfig))
    }

    /// `deployx diff shop app --exit-code`.
    pub(crate) fn diff(&self, more: &[&str]) -> Run {
        self.run(&[&["diff", "shop", "app", "--exit-code"], more].concat())
    }

    /// `deployx upgrade shop app --yes`.
    pub(crate) fn upgrade(&self, more: &[&str]) -> Run {
        self.run(&[&["upgrade", "shop", "app", "--yes", "--timeout=60s"], more].concat())
    }

    /// Runs a real Helm, which must succeed.
    pub(crate) fn helm(&self, helm: &Path, args: &[&str]) -> String {
        let run = finish(self.namespace.command(helm).args(args));
        assert_eq!(run.code, 0, "helm {args:?}: {}", run.stderr);
        run.stdout
    }

    /// The states of the revisions, as Helm's own labels say them, oldest first.
    pub(crate) fn revisions(&self) -> Vec<String> {
        let path =
            "{range .items[*]}{.metadata.labels.version} {.metadata.labels.status}{'\\n'}{end}";
        let text = self.namespace.kubectl_ok(&[
            "get",
            "secrets",
            "-l",
            "owner=helm,name=shop",
            "-o",
            &format!("jsonpath={path}"),
        ]);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_by_key(|line| line.split(' ').next().and_then(|n| n.parse::<u32>().ok()));
        lines
    }

    /// UIDs of all pods with a label, sorted: equal before and after means that none restarted.
    pub(crate) fn pods(&self, selector: &str) -> Vec<String> {
        let path = "jsonpath={.items[*].metadata.uid}";
        let text = self
            .namespace
            .kubectl_ok(&["get", "pods", "-l", selector, "-o", path]);
        let mut uids: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        uids.sort();
        uids
    }
}

impl Run {
    /// Demands an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Demands a text on stdout.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "no {text:?} in stdout:\n{}",
            self.stdout
        );
        self
    }

    /// Demands that a text is not on stdout.
    #[track_caller]
    pub(crate) fn keeps_quiet_about(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text),
            "{text:?} in stdout:\n{}",
            self.stdout
        );
        assert!(
            !self.stderr.contains(text),
            "{text:?} in stderr:\n{}",
            self.stderr
        );
        self
    }

    /// Demands a text on stderr.
    #[track_caller]
    pub(crate) fn warns(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no {text:?} in stderr:\n{}",
            self.stderr
        );
        self
    }
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program can be run");
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// A Deployment of one container `app` that asks for 64Mi.
pub(crate) struct App<'a> {
    pub(crate) name: &'a str,
    pub(crate) image: &'a str,
    /// `spec.replicas`; left out where `None`.
    pub(crate) replicas: Option<u32>,
    /// Memory that each pod asks for.
    pub(crate) memory: &'a str,
    /// Annotations of the pods, under `test.deployx.dev/`.
    pub(crate) annotations: &'a [(&'a str, &'a str)],
    /// More lines of `spec`, indented by two.
    pub(crate) spec: &'a str,
}

impl Default for App<'_> {
    fn default() -> Self {
        Self {
            name: "web",
            image: "shop/web:1",
            replicas: None,
            memory: "64Mi",
            annotations: &[],
            spec: "",
        }
    }
}

impl App<'_> {
    /// The manifest.
    pub(crate) fn yaml(&self) -> String {
        let annotations: Vec<String> = self
            .annotations
            .iter()
            .map(|(key, value)| format!("{}/{key}: '{value}'", crate::cluster::ANNOTATIONS))
            .collect();
        let replicas = self
            .replicas
            .map_or_else(String::new, |n| format!("  replicas: {n}\n"));
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n{replicas}{spec}  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata:\n      \
             labels: {{app: {name}}}\n      annotations: {{{annotations}}}\n    spec:\n      \
             containers:\n      - name: app\n        image: {image}\n        \
             resources: {{requests: {{memory: {memory}}}}}\n",
            name = self.name,
            spec = self.spec,
            annotations = annotations.join(", "),
            image = self.image,
            memory = self.memory,
        )
    }
}

/// A ConfigMap with one key.
pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{LEVEL: '{value}'}}\n"
    )
}
