//! One Kubernetes manifest, and what identifies it.

use std::fmt;

use smol_str::SmolStr;

use super::node::Node;
use super::source::Span;

/// Group, version and kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    /// API group; empty for core.
    pub group: SmolStr,
    /// Version within the group.
    pub version: SmolStr,
    /// Kind, in camel case.
    pub kind: SmolStr,
}

impl Gvk {
    /// Splits an `apiVersion` (`v1`, `apps/v1`) and joins it with a kind.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = split_api_version(api_version);
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    /// The `apiVersion` field: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// Splits an `apiVersion` into group (empty for core) and version.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// What makes an object the same object from one revision to the next. The version is no part
/// of it: `apps/v1beta1` and `apps/v1` name one Deployment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// API group; empty for core.
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
    /// Namespace; empty for a cluster-scoped object, or where none is written.
    pub namespace: SmolStr,
    /// Name.
    pub name: SmolStr,
}

impl fmt::Display for ObjectId {
    /// As people say it: `Deployment shop/backend`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// One manifest: a mapping with `apiVersion` and `kind`.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The whole tree.
    pub root: Node,
}

impl Object {
    /// Takes a tree for an object; `None` when it has no `apiVersion` and `kind` that are strings.
    pub fn from_node(root: Node) -> Option<Self> {
        let is_text = |key| {
            root.get(key)
                .and_then(Node::as_str)
                .is_some_and(|t| !t.is_empty())
        };
        (is_text("apiVersion") && is_text("kind")).then_some(Self { root })
    }

    /// `apiVersion` as written.
    pub fn api_version(&self) -> &str {
        self.root
            .get("apiVersion")
            .and_then(Node::as_str)
            .unwrap_or_default()
    }

    /// API group; empty for core.
    pub fn group(&self) -> &str {
        split_api_version(self.api_version()).0
    }

    /// API version within the group.
    pub fn version(&self) -> &str {
        split_api_version(self.api_version()).1
    }

    /// Kind.
    pub fn kind(&self) -> &str {
        self.root
            .get("kind")
            .and_then(Node::as_str)
            .unwrap_or_default()
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    /// Whether the object is of this group and kind, in any version.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.kind() == kind && self.group() == group
    }

    /// `metadata.name`; empty where there is none.
    pub fn name(&self) -> &str {
        self.root
            .at(&["metadata", "name"])
            .and_then(Node::scalar_text)
            .unwrap_or_default()
    }

    /// `metadata.namespace`; empty where there is none.
    pub fn namespace(&self) -> &str {
        self.root
            .at(&["metadata", "namespace"])
            .and_then(Node::scalar_text)
            .unwrap_or_default()
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.root
            .at(&["metadata", "labels", key])
            .and_then(Node::scalar_text)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.root
            .at(&["metadata", "annotations", key])
            .and_then(Node::scalar_text)
    }

    /// What makes it the same object from one revision to the next.
    pub fn id(&self) -> ObjectId {
        ObjectId {
            group: self.group().into(),
            kind: self.kind().into(),
            namespace: self.namespace().into(),
            name: self.name().into(),
        }
    }

    /// As people say it: `Deployment shop/backend`.
    pub fn describe(&self) -> String {
        self.id().to_string()
    }

    /// Where the object stands: its name if it has one, else its kind.
    pub fn span(&self) -> Span {
        self.root
            .at(&["metadata", "name"])
            .or_else(|| self.root.get("kind"))
            .map_or(self.root.span, |node| node.span)
    }
}
