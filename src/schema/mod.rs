//! What the types of Kubernetes look like, for each supported version: fields, closed sets of
//! values, list and merge keys, scope, lifecycle.
//!
//! The tables are read in place from one binary file that `schemas/kubernetes/generate` writes;
//! nothing is parsed and nothing is allocated. Every entry carries the versions where it holds,
//! so several versions share what they have in common.

mod kinds;
mod layout;
mod types;
mod version;

pub use kinds::{Kind, Kinds, Lifecycle, Replacement, Verb};
pub use types::{Field, Fields, List, ListType, Object, PatchStrategy, Shape, Type, Values};
pub use version::{UnknownVersion, Version};

/// The tables of one version of Kubernetes. A small handle: copy it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    version: Version,
}

/// Returns the tables of a version.
pub fn tables(version: Version) -> Tables {
    Tables { version }
}

impl Tables {
    /// Returns the version whose types these are.
    pub fn version(self) -> Version {
        self.version
    }

    /// Looks up a kind as a manifest names it: group (empty for the core group), version, kind.
    pub fn kind(self, group: &str, version: &str, kind: &str) -> Option<Kind> {
        kinds::find(self.version, group, kind).find(|k| k.version() == version)
    }

    /// Iterates over the API versions of a kind that this Kubernetes version has.
    pub fn served_versions(self, group: &str, kind: &str) -> impl Iterator<Item = &'static str> {
        kinds::find(self.version, group, kind).map(Kind::version)
    }

    /// Iterates over all kinds that can be created, by group, kind and version.
    pub fn kinds(self) -> Kinds {
        kinds::all(self.version)
    }

    /// Looks up a kind by the plural name of its resource, as URLs and RBAC rules have it.
    pub fn resource(self, group: &str, version: &str, plural: &str) -> Option<Kind> {
        self.kinds().find(|kind| {
            kind.plural() == plural && kind.group() == group && kind.version() == version
        })
    }

    /// Whether a group belongs to Kubernetes itself, now or in former versions, so that a kind
    /// which is missing from it does not exist (while one of a foreign group may be a custom
    /// resource).
    pub fn has_group(self, group: &str) -> bool {
        kinds::has_group(group)
    }

    /// Tells when an API version of a kind came and when it goes. Also knows versions that
    /// are no longer served. `None` where Kubernetes declares nothing.
    pub fn lifecycle(self, group: &str, version: &str, kind: &str) -> Option<Lifecycle> {
        kinds::lifecycle(self.version, group, version, kind)
    }

    /// Looks up a structured type by its name in OpenAPI: `io.k8s.api.core.v1.PodSpec`.
    pub fn object(self, name: &str) -> Option<Object> {
        types::find_object(self.version, name)
    }
}

#[cfg(test)]
mod tests;
