//! A real control plane for the tests: etcd, kube-apiserver, controller manager, scheduler and
//! fake nodes with fake kubelets (kwok), on loopback. README.md beside this file is its manual.

#![allow(
    dead_code,
    unused_imports,
    reason = "each integration test is a program of its own and uses a part of this"
)]

mod capacity;
mod logs;
mod namespace;
mod start;
mod supervisor;
mod tools;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use logs::Logs;
pub(crate) use namespace::Namespace;
pub(crate) use tools::tools;

/// A running API server that judges manifests and nothing else: everyone may do everything, there
/// are no controllers and no nodes, and admission plugins that look at other objects are off. Ask
/// it with `dryRun=All&fieldValidation=Strict`; it answers about a thousand times a second.
pub(crate) struct Judge {
    supervisor: supervisor::Supervisor,
    server: String,
}

impl Judge {
    /// Starts one (about 4 s).
    pub(crate) fn start() -> Self {
        match start::start_judge() {
            Ok((supervisor, server)) => Self { supervisor, server },
            Err(message) => panic!("the judge did not start: {message}"),
        }
    }

    /// Returns the URL of the server.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Returns the kubeconfig of the administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.supervisor.dir().join("admin.kubeconfig")
    }

    /// Returns a kubectl for it.
    pub(crate) fn kubectl(&self) -> Command {
        start::isolated(tools::kubectl(), self.supervisor.dir())
    }
}

/// The annotations that choose what becomes of a pod begin with this. README.md lists them.
pub(crate) const ANNOTATIONS: &str = "test.deployx.dev";

/// The users besides `admin` that the server knows. They may do nothing until a test grants it
/// ([`Namespace::grant`], [`Cluster::grant`]).
pub(crate) const USERS: [&str; 5] = ["viewer", "editor", "no-dry-run", "outsider", "nobody"];

/// The nodes of a control plane: all of one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes {
    /// How many.
    pub(crate) count: usize,
    /// Memory of each, as a quantity: `2Gi`.
    pub(crate) memory: &'static str,
    /// Processors of each, as a quantity: `4`.
    pub(crate) cpu: &'static str,
    /// How many pods fit on each.
    pub(crate) pods: u32,
}

impl Default for Nodes {
    /// Three nodes that no test fills by accident.
    fn default() -> Self {
        Self {
            count: 3,
            memory: "256Gi",
            cpu: "64",
            pods: 500,
        }
    }
}

/// A running control plane. It stops, and its folder goes, when this is dropped or when the
/// process ends in whatever way.
pub(crate) struct Cluster {
    /// Holds the pipe that keeps the processes alive.
    supervisor: supervisor::Supervisor,
    server: String,
    nodes: Nodes,
    numbers: AtomicUsize,
}

impl Cluster {
    /// Returns the control plane that all tests of this process share, started on first use.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::try_start(Nodes::default())) {
            Ok(cluster) => cluster,
            Err(message) => panic!("the control plane did not start: {message}"),
        }
    }

    /// Starts a control plane of its own, for tests that need to fill its nodes (about 4 s).
    pub(crate) fn start(nodes: Nodes) -> Self {
        match Self::try_start(nodes) {
            Ok(cluster) => cluster,
            Err(message) => panic!("the control plane did not start: {message}"),
        }
    }

    /// Starts a control plane, or says which part failed, with the end of its log.
    pub(crate) fn try_start(nodes: Nodes) -> Result<Self, String> {
        let (supervisor, server) = start::start(nodes)?;
        Ok(Self {
            supervisor,
            server,
            nodes,
            numbers: AtomicUsize::new(0),
        })
    }

    /// Returns the URL of the server.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Returns the folder that lives as long as the control plane: logs, keys, kubeconfigs.
    pub(crate) fn dir(&self) -> &Path {
        self.supervisor.dir()
    }

    /// Returns the kubeconfig of the administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_for("admin")
    }

    /// Returns the kubeconfig of one of [`USERS`], or of `admin`.
    pub(crate) fn kubeconfig_for(&self, user: &str) -> PathBuf {
        let path = self.dir().join(format!("{user}.kubeconfig"));
        assert!(
            path.exists(),
            "no user `{user}`; there are admin, {}",
            USERS.join(", ")
        );
        path
    }

    /// Creates a namespace for one test; its name begins with `prefix` and is unique.
    pub(crate) fn namespace(&self, prefix: &str) -> Namespace<'_> {
        Namespace::create(self, prefix)
    }

    /// Returns a handle on a namespace that the program under test creates by itself; its logs can
    /// be set from now on. The name is the caller's, so give the test a control plane of its own.
    pub(crate) fn foreign_namespace(&self, name: &str) -> Namespace<'_> {
        Namespace::foreign(self, name)
    }

    /// Grants `user` verbs on resources in the whole cluster. Every test sees it: prefer
    /// [`Namespace::grant`].
    pub(crate) fn grant(&self, user: &str, verbs: &str, resources: &str) {
        let name = format!("{user}-{}", self.next());
        let (verbs, resources) = (format!("--verb={verbs}"), format!("--resource={resources}"));
        self.kubectl_ok(&["create", "clusterrole", &name, &verbs, &resources]);
        let (role, user) = (format!("--clusterrole={name}"), format!("--user={user}"));
        self.kubectl_ok(&["create", "clusterrolebinding", &name, &role, &user]);
    }

    /// Returns a command whose KUBECONFIG is the administrator's and whose home is the control
    /// plane's folder, so that no setting or cache of the machine takes part.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        start::isolated(program, self.dir())
    }

    /// Runs the real kubectl as administrator.
    pub(crate) fn kubectl(&self, args: &[&str]) -> Output {
        self.command(tools::kubectl())
            .args(args)
            .output()
            .expect("kubectl can be run")
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

    /// Waits with `kubectl wait` for at most a minute.
    fn wait(&self, kind: &str, args: &[&str]) {
        self.kubectl_ok(&[&["wait", kind, "--timeout=60s"], args].concat());
    }

    /// Returns a number that this control plane has not given before.
    fn next(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}
