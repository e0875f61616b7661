//! In which order objects are applied: each wave needs those before it.

use crate::manifest::object::ObjectId;

/// A set of objects that can be applied together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wave {
    /// Namespaces: everything else is in them.
    Namespaces,
    /// CustomResourceDefinitions; their kinds exist once they are established.
    Definitions,
    /// What pods read, may do, and are found by.
    Configuration,
    /// Volumes and claims.
    Storage,
    /// Objects of kinds that Kubernetes does not bring.
    Custom,
    /// What runs pods, and what scales it.
    Workloads,
    /// What brings traffic.
    Routes,
}

impl Wave {
    /// All, in order.
    pub const ALL: [Self; 7] = [
        Self::Namespaces,
        Self::Definitions,
        Self::Configuration,
        Self::Storage,
        Self::Custom,
        Self::Workloads,
        Self::Routes,
    ];

    /// The wave of an object.
    pub fn of(id: &ObjectId) -> Self {
        match (id.group.as_str(), id.kind.as_str()) {
            ("", "Namespace") => Self::Namespaces,
            ("apiextensions.k8s.io", "CustomResourceDefinition") => Self::Definitions,
            ("", "PersistentVolume" | "PersistentVolumeClaim") | ("storage.k8s.io", _) => {
                Self::Storage
            }
            ("", "Pod" | "ReplicationController") | ("apps" | "batch" | "autoscaling", _) => {
                Self::Workloads
            }
            ("networking.k8s.io", "Ingress" | "IngressClass")
            | (
                "gateway.networking.k8s.io"
                | "apiregistration.k8s.io"
                | "admissionregistration.k8s.io",
                _,
            ) => Self::Routes,
            (group, _) if !group.contains('.') || group.ends_with(".k8s.io") => Self::Configuration,
            _ => Self::Custom,
        }
    }

    /// What one object of it is called in progress lines.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Namespaces => "namespace",
            Self::Definitions => "definition",
            Self::Configuration => "configuration object",
            Self::Storage => "volume claim",
            Self::Custom => "custom resource",
            Self::Workloads => "workload",
            Self::Routes => "route",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_goes_first() {
        let wave = |group: &str, kind: &str| {
            Wave::of(&ObjectId {
                group: group.into(),
                kind: kind.into(),
                namespace: "".into(),
                name: "x".into(),
            })
        };
        let order = [
            wave("", "Namespace"),
            wave("apiextensions.k8s.io", "CustomResourceDefinition"),
            wave("", "ConfigMap"),
            wave("", "PersistentVolumeClaim"),
            wave("cert-manager.io", "Certificate"),
            wave("apps", "Deployment"),
            wave("networking.k8s.io", "Ingress"),
        ];
        assert_eq!(order, Wave::ALL);
        assert_eq!(wave("", "Service"), Wave::Configuration);
        assert_eq!(
            wave("networking.k8s.io", "NetworkPolicy"),
            Wave::Configuration
        );
        assert_eq!(
            wave("rbac.authorization.k8s.io", "Role"),
            Wave::Configuration
        );
        assert_eq!(
            wave("autoscaling", "HorizontalPodAutoscaler"),
            Wave::Workloads
        );
        assert_eq!(wave("gateway.networking.k8s.io", "HTTPRoute"), Wave::Routes);
    }
}
