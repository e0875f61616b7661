//! A namespace for one test.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Cluster, start, tools};

/// A namespace of a control plane, created for one test and never shared.
pub(crate) struct Namespace<'a> {
    pub(super) cluster: &'a Cluster,
    name: String,
}

impl<'a> Namespace<'a> {
    /// Creates the namespace and waits for its default service account: without it the server
    /// refuses pods.
    pub(super) fn create(cluster: &'a Cluster, prefix: &str) -> Self {
        let name = format!("{prefix}-{}", cluster.next());
        let namespace = Self { cluster, name };
        let object = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n---\n",
            namespace.name
        );
        namespace.create_with_logs(&object);
        namespace.wait("serviceaccount/default", "create");
        namespace
    }

    /// Prepares logs for a namespace that somebody else creates.
    pub(super) fn foreign(cluster: &'a Cluster, name: &str) -> Self {
        let namespace = Self {
            cluster,
            name: name.to_owned(),
        };
        namespace.create_with_logs("");
        namespace
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns its control plane.
    pub(crate) fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    /// Returns a kubeconfig of the administrator whose context names this namespace.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_for("admin")
    }

    /// Returns a kubeconfig of `user` (one of [`super::USERS`]) whose context names this namespace.
    pub(crate) fn kubeconfig_for(&self, user: &str) -> PathBuf {
        let text = fs::read_to_string(self.cluster.kubeconfig_for(user)).expect("it exists");
        let path = self
            .cluster
            .dir()
            .join(format!("{}.{user}.kubeconfig", self.name));
        fs::write(
            &path,
            text.replace("namespace: default", &format!("namespace: {}", self.name)),
        )
        .expect("the control plane's folder can be written");
        path
    }

    /// Grants `user` verbs on resources (both comma-separated, `*` for all) in this namespace.
    pub(crate) fn grant(&self, user: &str, verbs: &str, resources: &str) {
        let name = format!("{user}-{}", self.cluster.next());
        let (verbs, resources) = (format!("--verb={verbs}"), format!("--resource={resources}"));
        self.kubectl_ok(&["create", "role", &name, &verbs, &resources]);
        let (role, user) = (format!("--role={name}"), format!("--user={user}"));
        self.kubectl_ok(&["create", "rolebinding", &name, &role, &user]);
    }

    /// Returns a command as [`Cluster::command`] does, with this namespace in its kubeconfig.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.cluster.command(program);
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    /// Runs the real kubectl as administrator in this namespace.
    pub(crate) fn kubectl(&self, args: &[&str]) -> Output {
        self.command(tools::kubectl())
            .args(args)
            .output()
            .expect("kubectl can be run")
    }

    /// Runs the real kubectl as `user` in this namespace.
    pub(crate) fn kubectl_as(&self, user: &str, args: &[&str]) -> Output {
        let mut command = self.cluster.command(tools::kubectl());
        command
            .env("KUBECONFIG", self.kubeconfig_for(user))
            .args(args);
        command.output().expect("kubectl can be run")
    }

    /// Runs kubectl, which must succeed, and returns its stdout.
    pub(crate) fn kubectl_ok(&self, args: &[&str]) -> String {
        start::succeeded(&format!("kubectl {}", args.join(" ")), &self.kubectl(args))
    }

    /// Applies manifests (YAML, several documents allowed) with `kubectl apply`.
    pub(crate) fn apply(&self, manifests: &str) -> String {
        let command = self.command(tools::kubectl());
        start::apply(command, manifests).unwrap_or_else(|message| panic!("{message}"))
    }

    /// Waits up to a minute, as `kubectl wait --for=...` does: `wait("deployment/web",
    /// "condition=Available")`, `wait("pod/x", "delete")`, `wait("job/x", "jsonpath={..}=value")`.
    pub(crate) fn wait(&self, object: &str, until: &str) {
        self.kubectl_ok(&["wait", object, &format!("--for={until}"), "--timeout=60s"]);
    }

    /// Waits up to a minute until `done` says so; `what` is named when it never does.
    pub(crate) fn wait_for(&self, what: &str, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            let left = start.elapsed() < Duration::from_secs(60);
            assert!(
                left,
                "{what} in {}: not as awaited within a minute",
                self.name
            );
            sleep(Duration::from_millis(100));
        }
    }

    /// Returns a field of an object by its JSON path: `get("deploy/web", "{.spec.replicas}")`.
    pub(crate) fn get(&self, object: &str, path: &str) -> String {
        self.kubectl_ok(&["get", object, "-o", &format!("jsonpath={path}")])
    }
}
