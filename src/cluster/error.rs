//! Everything that can go wrong between us and an API server, and what to do about it.

use std::error::Error as _;

use kube::config::KubeconfigError;

/// A failed request, or a cluster that could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// `--server` is no URL.
    #[error("`{server}` is not the URL of a server")]
    BadServer {
        /// As given.
        server: String,
    },
    /// Another manager owns fields that we want to set.
    #[error("{object} has fields that others set: {}", list(conflicts))]
    Conflict {
        /// As people say it: `Deployment shop/backend`.
        object: String,
        /// Who holds which field.
        conflicts: Vec<Conflict>,
    },
    /// The user may not do this.
    #[error(
        "{object}: no permission to {verb} {resource}{}",
        in_namespace(namespace)
    )]
    Forbidden {
        /// What it was about: an object or a list.
        object: String,
        /// The verb that is missing: `patch`.
        verb: String,
        /// The resource with its group: `deployments.apps`.
        resource: String,
        /// The namespace; empty for the whole cluster.
        namespace: String,
        /// As the server put it.
        message: String,
    },
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {message}")]
    Kubeconfig {
        /// What is wrong with it.
        message: String,
    },
    /// No kubeconfig, and no pod around us.
    #[error("no cluster: there is no kubeconfig, and this is not a pod")]
    NoCluster,
    /// The kubeconfig names no current context.
    #[error("the kubeconfig has no current context")]
    NoContext {
        /// The contexts it has.
        known: Vec<String>,
    },
    /// The server refused the request.
    #[error("{object}: {message}")]
    Rejected {
        /// What it was about.
        object: String,
        /// HTTP status.
        code: u16,
        /// As the server put it.
        message: String,
    },
    /// The server does not know who we are.
    #[error("{server} does not accept these credentials")]
    Unauthorized {
        /// URL of the server.
        server: String,
    },
    /// The kubeconfig has no such context.
    #[error("there is no context `{context}`")]
    UnknownContext {
        /// As asked for.
        context: String,
        /// The contexts there are.
        known: Vec<String>,
    },
    /// The server does not serve this kind.
    #[error("{object}: the cluster has no kind `{kind}` in `{api_version}`")]
    UnknownKind {
        /// The object of that kind.
        object: String,
        /// `apiVersion`.
        api_version: String,
        /// Kind.
        kind: String,
    },
    /// No answer.
    #[error("{server} cannot be reached: {message}")]
    Unreachable {
        /// URL of the server.
        server: String,
        /// The innermost cause.
        message: String,
    },
}

/// A field that another manager holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The manager as the server names it: `"kubectl-patch" using apps/v1`.
    pub manager: String,
    /// The field: `.spec.replicas`.
    pub field: String,
}

impl ClusterError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BadServer { .. } => Some("for example https://10.0.0.1:6443".into()),
            Self::Conflict { .. } => Some(
                "take these values into the overlay, or overwrite them with `--force-conflicts`"
                    .into(),
            ),
            Self::Forbidden {
                verb,
                resource,
                namespace,
                ..
            } => {
                let namespace = match namespace.as_str() {
                    "" => String::new(),
                    namespace => format!(" -n {namespace}"),
                };
                Some(format!(
                    "ask for the verb; check it with: kubectl auth can-i {verb} {resource}{namespace}"
                ))
            }
            Self::NoCluster => Some("name one with `--kubeconfig`, or set KUBECONFIG".into()),
            Self::NoContext { known } | Self::UnknownContext { known, .. } => {
                Some(match known.as_slice() {
                    [] => "the kubeconfig has no contexts".into(),
                    known => format!("known contexts: {}", known.join(", ")),
                })
            }
            Self::Unauthorized { .. } => {
                Some("log in again, or check the user of this context".into())
            }
            Self::UnknownKind { .. } => {
                Some("install its CustomResourceDefinition, or check apiVersion and kind".into())
            }
            Self::Unreachable { .. } => {
                Some("check the context (`kubectl config current-context`), VPN and network".into())
            }
            Self::Kubeconfig { .. } | Self::Rejected { .. } => None,
        }
    }

    /// Whether the object, or the namespace it would be in, does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Rejected { code: 404, .. })
    }

    /// Whether the object exists already, or has changed since it was read.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Rejected { code: 409, .. })
    }

    /// Returns the error with what the server said rewritten, for example without secrets.
    pub fn map_message(mut self, rewrite: impl Fn(&str) -> String) -> Self {
        if let Self::Rejected { message, .. } | Self::Forbidden { message, .. } = &mut self {
            *message = rewrite(message);
        }
        self
    }

    pub(super) fn kubeconfig(error: KubeconfigError) -> Self {
        Self::Kubeconfig {
            message: error.to_string(),
        }
    }

    /// Sorts what the client returned. `object` is what the request was about.
    pub(super) fn from_kube(error: kube::Error, object: &str, server: &str) -> Self {
        let status = match error {
            kube::Error::Api(status) => status,
            error => {
                return Self::Unreachable {
                    server: server.to_owned(),
                    message: innermost(&error),
                };
            }
        };
        match status.code {
            401 => Self::Unauthorized {
                server: server.to_owned(),
            },
            403 => forbidden(object, &status.message),
            409 => {
                let causes = status.details.as_ref().map(|d| d.causes.as_slice());
                let conflicts: Vec<Conflict> = causes
                    .unwrap_or_default()
                    .iter()
                    .filter(|cause| cause.reason == "FieldManagerConflict")
                    .map(|cause| Conflict {
                        manager: cause
                            .message
                            .trim_start_matches("conflict with ")
                            .to_owned(),
                        field: cause.field.clone(),
                    })
                    .collect();
                if conflicts.is_empty() {
                    rejected(object, 409, &status.message)
                } else {
                    Self::Conflict {
                        object: object.to_owned(),
                        conflicts,
                    }
                }
            }
            code => rejected(object, code, &status.message),
        }
    }
}

fn rejected(object: &str, code: u16, message: &str) -> ClusterError {
    ClusterError::Rejected {
        object: object.to_owned(),
        code,
        message: message.to_owned(),
    }
}

/// An RBAC refusal says `User "x" cannot patch resource "deployments" in API group "apps" in the
/// namespace "shop"`; what admission refuses (a quota, a policy) has another form.
fn forbidden(object: &str, message: &str) -> ClusterError {
    let quoted = |marker: &str| {
        let rest = &message[message.find(marker)? + marker.len()..];
        rest.split('"').next()
    };
    let verb = message
        .find(" cannot ")
        .and_then(|at| message[at + " cannot ".len()..].split(' ').next());
    let (Some(verb), Some(resource)) = (verb, quoted(" resource \"")) else {
        return rejected(object, 403, message);
    };
    let group = quoted("in API group \"").unwrap_or_default();
    let resource = match group {
        "" => resource.to_owned(),
        group => format!("{resource}.{group}"),
    };
    ClusterError::Forbidden {
        object: object.to_owned(),
        verb: verb.to_owned(),
        resource,
        namespace: quoted("in the namespace \"").unwrap_or_default().to_owned(),
        message: message.to_owned(),
    }
}

fn innermost(error: &kube::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if let kube::Error::Service(_) = error
        && error.source().is_none()
    {
        return error.to_string();
    }
    cause.to_string()
}

fn list(conflicts: &[Conflict]) -> String {
    let each: Vec<String> = conflicts
        .iter()
        .map(|c| format!("{} ({})", c.field.trim_start_matches('.'), c.manager))
        .collect();
    each.join(", ")
}

fn in_namespace(namespace: &str) -> String {
    match namespace {
        "" => String::new(),
        namespace => format!(" in namespace {namespace}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_verb_resource_and_namespace() {
        let error = forbidden(
            "Deployment shop/web",
            "deployments.apps \"web\" is forbidden: User \"viewer\" cannot patch resource \
             \"deployments\" in API group \"apps\" in the namespace \"shop\"",
        );
        assert_eq!(
            error.to_string(),
            "Deployment shop/web: no permission to patch deployments.apps in namespace shop"
        );
        assert!(
            error
                .hint()
                .unwrap()
                .contains("can-i patch deployments.apps -n shop")
        );
    }

    #[test]
    fn a_quota_is_no_missing_permission() {
        let error = forbidden(
            "Pod shop/x",
            "pods \"x\" is forbidden: exceeded quota: small",
        );
        assert!(matches!(error, ClusterError::Rejected { code: 403, .. }));
    }
}
