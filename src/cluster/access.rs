//! Which cluster, as whom: kubeconfig, flags, and the settings that Helm hands to a plugin.

use std::path::PathBuf;
use std::time::Duration;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::error::ClusterError;

/// How long a connection may take to come about. kubectl waits for the system (two minutes).
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// What the user said about the cluster. Everything left out comes from the kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `--kubeconfig`. Without it: `KUBECONFIG`, then `~/.kube/config`, then the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `HELM_NAMESPACE`: Helm's flag, or, as Helm always sets it, the namespace of the context.
    pub helm_namespace: Option<String>,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `--user`.
    pub user: Option<String>,
    /// `--server`.
    pub server: Option<String>,
    /// `--token`.
    pub token: Option<String>,
    /// `--as`.
    pub as_user: Option<String>,
    /// `--as-group` (can be repeated).
    pub as_groups: Vec<String>,
    /// `--certificate-authority`.
    pub ca_file: Option<PathBuf>,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`.
    pub insecure: bool,
}

/// The cluster that was reached, as the first line of a question names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name of the context; empty inside a pod.
    pub context: String,
    /// URL of the API server.
    pub server: String,
    /// The namespace that applies where none is written.
    pub namespace: String,
    /// The namespace of the context itself.
    pub context_namespace: String,
}

impl Access {
    /// Fills what no flag has set from the variables that Helm sets for its plugins (Helm 3 and 4:
    /// `HELM_NAMESPACE`, `HELM_KUBECONTEXT`, `HELM_KUBEAPISERVER`, `HELM_KUBETOKEN`,
    /// `HELM_KUBEASUSER`, `HELM_KUBEASGROUPS`, `HELM_KUBECAFILE`, `HELM_KUBETLS_SERVER_NAME`,
    /// `HELM_KUBEINSECURE_SKIP_TLS_VERIFY`). `get` reads a variable.
    pub fn or_helm_environment(mut self, get: impl Fn(&str) -> Option<String>) -> Self {
        let read = |key: &str| get(key).filter(|value| !value.is_empty());
        self.helm_namespace = self.helm_namespace.or_else(|| read("HELM_NAMESPACE"));
        self.context = self.context.or_else(|| read("HELM_KUBECONTEXT"));
        self.server = self.server.or_else(|| read("HELM_KUBEAPISERVER"));
        self.token = self.token.or_else(|| read("HELM_KUBETOKEN"));
        self.as_user = self.as_user.or_else(|| read("HELM_KUBEASUSER"));
        if self.as_groups.is_empty() {
            let groups = read("HELM_KUBEASGROUPS").unwrap_or_default();
            self.as_groups = groups
                .split(',')
                .filter(|group| !group.is_empty())
                .map(str::to_owned)
                .collect();
        }
        self.ca_file = self
            .ca_file
            .or_else(|| read("HELM_KUBECAFILE").map(PathBuf::from));
        self.tls_server_name = self
            .tls_server_name
            .or_else(|| read("HELM_KUBETLS_SERVER_NAME"));
        self.insecure |=
            read("HELM_KUBEINSECURE_SKIP_TLS_VERIFY").is_some_and(|value| value == "true");
        self
    }

    /// The namespace that the user has asked for. Helm does not say whether its own comes from a
    /// flag; where it is that of the context, nobody has asked.
    pub fn asked_namespace(&self, context_namespace: &str) -> Option<&str> {
        let of_helm = self.helm_namespace.as_deref();
        self.namespace
            .as_deref()
            .or(of_helm.filter(|namespace| *namespace != context_namespace))
    }

    /// Reads the kubeconfig and applies the flags.
    ///
    /// # Errors
    /// There is no kubeconfig, it cannot be read, or it has no such context.
    pub async fn resolve(&self) -> Result<(Config, Target), ClusterError> {
        let (mut config, context) = match self.read_kubeconfig()? {
            Some(file) => self.with_kubeconfig(file).await?,
            None => match Config::incluster() {
                Ok(config) => (config, String::new()),
                Err(_) => return Err(ClusterError::NoCluster),
            },
        };
        self.override_config(&mut config)?;
        let context_namespace = config.default_namespace.clone();
        let asked = self.asked_namespace(&context_namespace);
        let namespace = asked.unwrap_or(&context_namespace).to_owned();
        let target = Target {
            context,
            server: config
                .cluster_url
                .to_string()
                .trim_end_matches('/')
                .to_owned(),
            namespace,
            context_namespace,
        };
        Ok((config, target))
    }

    fn read_kubeconfig(&self) -> Result<Option<Kubeconfig>, ClusterError> {
        let read = match &self.kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => match Kubeconfig::read() {
                Err(KubeconfigError::FindPath) => return Ok(None),
                Err(KubeconfigError::ReadConfig(source, _))
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    return Ok(None);
                }
                read => read,
            },
        };
        read.map(Some).map_err(ClusterError::kubeconfig)
    }

    async fn with_kubeconfig(&self, file: Kubeconfig) -> Result<(Config, String), ClusterError> {
        let known: Vec<String> = file.contexts.iter().map(|c| c.name.clone()).collect();
        let context = self
            .context
            .clone()
            .or_else(|| file.current_context.clone());
        let Some(context) = context.filter(|name| !name.is_empty()) else {
            return Err(ClusterError::NoContext { known });
        };
        if !known.contains(&context) {
            return Err(ClusterError::UnknownContext { context, known });
        }
        let options = KubeConfigOptions {
            context: Some(context.clone()),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
        };
        let config = Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(ClusterError::kubeconfig)?;
        Ok((config, context))
    }

    fn override_config(&self, config: &mut Config) -> Result<(), ClusterError> {
        if let Some(server) = &self.server {
            config.cluster_url = server.parse().map_err(|_| ClusterError::BadServer {
                server: server.clone(),
            })?;
        }
        if let Some(token) = &self.token {
            config.auth_info.token = Some(token.clone().into());
        }
        if let Some(user) = &self.as_user {
            config.auth_info.impersonate = Some(user.clone());
        }
        if !self.as_groups.is_empty() {
            config.auth_info.impersonate_groups = Some(self.as_groups.clone());
        }
        if let Some(path) = &self.ca_file {
            config.root_cert = None;
            config.root_cert_file = Some(path.clone());
        }
        if let Some(name) = &self.tls_server_name {
            config.tls_server_name = Some(name.clone());
        }
        config.accept_invalid_certs |= self.insecure;
        config.connect_timeout = Some(CONNECT_WITHIN);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_before_what_helm_hands_over() {
        let variables = |key: &str| match key {
            "HELM_NAMESPACE" => Some("helm".to_owned()),
            "HELM_KUBECONTEXT" => Some(String::new()),
            "HELM_KUBEASGROUPS" => Some("a,b".to_owned()),
            "HELM_KUBEINSECURE_SKIP_TLS_VERIFY" => Some("false".to_owned()),
            _ => None,
        };
        let mut access = Access {
            namespace: Some("mine".into()),
            ..Access::default()
        }
        .or_helm_environment(variables);
        assert_eq!(access.asked_namespace("shop"), Some("mine"));
        access.namespace = None;
        assert_eq!(access.asked_namespace("shop"), Some("helm"));
        assert_eq!(access.asked_namespace("helm"), None);
        assert_eq!(access.context, None);
        assert_eq!(access.as_groups, ["a", "b"]);
        assert!(!access.insecure);
    }

    #[tokio::test]
    async fn an_unknown_context_lists_those_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(
            &path,
            "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
             contexts:\n- {name: a, context: {cluster: c, user: u, namespace: shop}}\n\
             clusters:\n- {name: c, cluster: {server: 'https://127.0.0.1:1'}}\nusers: []\n",
        )
        .unwrap();
        let mut access = Access {
            kubeconfig: Some(path),
            ..Access::default()
        };
        let (_, target) = access.resolve().await.unwrap();
        assert_eq!(target.context, "a");
        assert_eq!(target.server, "https://127.0.0.1:1");
        assert_eq!(target.namespace, "shop");

        access.context = Some("b".into());
        let error = access.resolve().await.unwrap_err();
        assert!(matches!(&error, ClusterError::UnknownContext { known, .. } if known == &["a"]));
        assert_eq!(error.to_string(), "there is no context `b`");
        assert_eq!(error.hint().as_deref(), Some("known contexts: a"));
    }
}
