//! Which kinds the server serves, and under which URL.

use std::collections::HashMap;

use kube::discovery::{ApiCapabilities, ApiResource, Discovery, Scope};

use crate::manifest::object::Gvk;

/// A kind as the server serves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Group, version, kind and plural.
    pub api: ApiResource,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// A namespaced kind that every server has, known without asking.
    pub fn namespaced(group: &str, version: &str, kind: &str, plural: &str) -> Self {
        Self::known(group, version, kind, plural, true)
    }

    /// A cluster-scoped kind that every server has, known without asking.
    pub fn cluster_wide(group: &str, version: &str, kind: &str, plural: &str) -> Self {
        Self::known(group, version, kind, plural, false)
    }

    /// The path that its objects have in URLs, for one namespace or for all.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.api.group.is_empty() {
            format!("/api/{}", self.api.version)
        } else {
            format!("/apis/{}/{}", self.api.group, self.api.version)
        };
        match namespace.filter(|ns| self.namespaced && !ns.is_empty()) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.api.plural),
            None => format!("{root}/{}", self.api.plural),
        }
    }

    fn known(group: &str, version: &str, kind: &str, plural: &str, namespaced: bool) -> Self {
        let api_version = if group.is_empty() {
            version.to_owned()
        } else {
            format!("{group}/{version}")
        };
        Self {
            api: ApiResource {
                group: group.to_owned(),
                version: version.to_owned(),
                api_version,
                kind: kind.to_owned(),
                plural: plural.to_owned(),
            },
            namespaced,
        }
    }
}

/// All kinds of a server.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    by_gvk: HashMap<Gvk, Resource>,
    /// The version that the server prefers, by group and kind.
    preferred: HashMap<(String, String), Resource>,
}

impl Kinds {
    /// Asks the server: two requests where it aggregates discovery (since 1.26), else one for each
    /// group version.
    pub(super) async fn discover(client: &kube::Client) -> Result<Self, kube::Error> {
        let discovery = match Discovery::new(client.clone()).run_aggregated().await {
            Ok(discovery) => discovery,
            Err(_) => Discovery::new(client.clone()).run().await?,
        };
        let mut kinds = Self::default();
        for group in discovery.groups() {
            for version in group.versions() {
                for (api, capabilities) in group.versioned_resources(version) {
                    kinds.add(api, &capabilities);
                }
            }
            for (api, capabilities) in group.recommended_resources() {
                let key = (api.group.clone(), api.kind.clone());
                kinds.preferred.insert(key, resource(api, &capabilities));
            }
        }
        Ok(kinds)
    }

    /// Returns how a kind is served.
    pub fn get(&self, gvk: &Gvk) -> Option<&Resource> {
        self.by_gvk.get(gvk)
    }

    /// Returns how a kind is served in the version that the server prefers.
    pub fn preferred(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.preferred.get(&(group.to_owned(), kind.to_owned()))
    }

    fn add(&mut self, api: ApiResource, capabilities: &ApiCapabilities) {
        // `selfsubjectaccessreviews` and their like can only be created.
        if !capabilities.supports_operation("get") && !capabilities.supports_operation("list") {
            return;
        }
        let gvk = Gvk::new(&api.api_version, &api.kind);
        let found = resource(api, capabilities);
        let key = (found.api.group.clone(), found.api.kind.clone());
        self.preferred.entry(key).or_insert_with(|| found.clone());
        self.by_gvk.insert(gvk, found);
    }
}

fn resource(api: ApiResource, capabilities: &ApiCapabilities) -> Resource {
    Resource {
        api,
        namespaced: capabilities.scope == Scope::Namespaced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let deployments = Resource::namespaced("apps", "v1", "Deployment", "deployments");
        assert_eq!(
            deployments.path(Some("shop")),
            "/apis/apps/v1/namespaces/shop/deployments"
        );
        assert_eq!(deployments.path(None), "/apis/apps/v1/deployments");
        let nodes = Resource::cluster_wide("", "v1", "Node", "nodes");
        assert_eq!(nodes.path(Some("shop")), "/api/v1/nodes");
    }
}
