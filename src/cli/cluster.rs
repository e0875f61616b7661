//! Flags that say which cluster and which release, shared by every command that needs one.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Exit};
use crate::cluster::{Access, Cluster, ClusterError};
use crate::diff::Release;
use crate::manifest::Diagnostics;
use crate::manifest::source::display_path;
use crate::release::{ReleaseError, ReleasePolicy, name};

/// Which cluster, as whom. The names are kubectl's; Helm's are accepted too.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterArgs {
    /// Namespace of the release
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, visible_alias = "kube-context", value_name = "NAME")]
    context: Option<String>,
    /// Path of the kubeconfig
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Cluster entry of the kubeconfig
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    cluster: Option<String>,
    /// User entry of the kubeconfig
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    user: Option<String>,
    /// URL of the API server
    #[arg(
        long,
        visible_alias = "kube-apiserver",
        value_name = "URL",
        hide_short_help = true
    )]
    server: Option<String>,
    /// Bearer token
    #[arg(
        long,
        visible_alias = "kube-token",
        value_name = "TOKEN",
        hide_short_help = true
    )]
    token: Option<String>,
    /// User to act as
    #[arg(
        long = "as",
        visible_alias = "kube-as-user",
        value_name = "USER",
        hide_short_help = true
    )]
    as_user: Option<String>,
    /// Group to act as (can be repeated)
    #[arg(
        long = "as-group",
        visible_alias = "kube-as-group",
        value_name = "GROUP",
        hide_short_help = true
    )]
    as_groups: Vec<String>,
    /// Certificate authority of the API server
    #[arg(
        long = "certificate-authority",
        visible_alias = "kube-ca-file",
        value_name = "FILE",
        hide_short_help = true
    )]
    ca_file: Option<PathBuf>,
    /// Name that the certificate of the API server must have
    #[arg(
        long,
        visible_alias = "kube-tls-server-name",
        value_name = "NAME",
        hide_short_help = true
    )]
    tls_server_name: Option<String>,
    /// Accept any certificate of the API server
    #[arg(
        long = "insecure-skip-tls-verify",
        visible_alias = "kube-insecure-skip-tls-verify",
        hide_short_help = true
    )]
    insecure: bool,
}

impl ClusterArgs {
    /// The namespace and the cluster as they were typed, for a command that is to be pasted.
    pub(super) fn typed(&self) -> Vec<String> {
        let mut words = Vec::new();
        let kubeconfig = self.kubeconfig.as_deref().map(display_path);
        for (flag, value) in [
            ("-n", self.namespace.clone()),
            ("--context", self.context.clone()),
            ("--kubeconfig", kubeconfig),
        ] {
            words.extend(
                value
                    .map(|value| [flag.to_owned(), value])
                    .into_iter()
                    .flatten(),
            );
        }
        words
    }

    /// Whether a cluster was named, by a flag or by Helm; a kubeconfig that is merely there names
    /// none.
    pub(super) fn names_one(&self) -> bool {
        let access = self.access();
        access.context.is_some() || access.server.is_some() || self.kubeconfig.is_some()
    }

    /// Resolves flags, then what Helm hands to its plugins.
    pub(super) fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace: self.namespace.clone(),
            helm_namespace: None,
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            server: self.server.clone(),
            token: self.token.clone(),
            as_user: self.as_user.clone(),
            as_groups: self.as_groups.clone(),
            ca_file: self.ca_file.clone(),
            tls_server_name: self.tls_server_name.clone(),
            insecure: self.insecure,
        }
        .or_helm_environment(variable)
    }
}

/// Reaches the cluster.
pub(super) async fn connect(access: &Access) -> Result<Cluster, CommandError> {
    Ok(Cluster::connect(access).await?)
}

/// Decides name and namespace of the release.
pub(super) fn release(
    asked: Option<&str>,
    access: &Access,
    policy: Option<&ReleasePolicy>,
    cluster: &Cluster,
) -> Result<Release, CommandError> {
    let context = &cluster.target.context_namespace;
    let asked_namespace = access.asked_namespace(context);
    Ok(name::resolve(asked, asked_namespace, policy, context)?)
}

/// Refuses a Helm that keeps its records elsewhere.
pub(super) fn check_driver() -> Result<(), CommandError> {
    match variable("HELM_DRIVER").as_deref() {
        None | Some("" | "secret" | "secrets") => Ok(()),
        Some(driver) => Err(ReleaseError::Driver {
            driver: driver.to_owned(),
        }
        .into()),
    }
}

/// Whether Helm has called us as its plugin.
pub(super) fn is_helm_plugin() -> bool {
    variable("HELM_PLUGIN_NAME").is_some_and(|name| !name.is_empty())
}

/// Runs asynchronous work to its end.
pub(super) fn block_on<T>(
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .map_err(|error| CommandError::message(format!("cannot start threads: {error}")))?;
    let result = runtime.block_on(work);
    // Watches that are still open need not be waited for.
    runtime.shutdown_background();
    result
}

/// Reads a variable of the environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl From<ClusterError> for CommandError {
    fn from(error: ClusterError) -> Self {
        let failed = Self::message(error.to_string());
        match error.hint() {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}

impl From<ReleaseError> for CommandError {
    fn from(error: ReleaseError) -> Self {
        if let ReleaseError::Impossible { findings } = error {
            return Diagnostics(findings).into();
        }
        let failed = Self::message(error.to_string());
        let exit = match &error {
            ReleaseError::Interrupted { code: 143, .. } => Exit::Terminated,
            ReleaseError::Interrupted { .. } => Exit::Interrupted,
            error if error.after_change() => Exit::RolloutFailed,
            _ => Exit::Failure,
        };
        let failed = failed.exit(exit);
        match error.hint() {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}
