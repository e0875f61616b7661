//! What a rule needs to know of the object around it.

use smol_str::SmolStr;

use crate::manifest::{Node, Object};
use crate::schema::Kind;

/// What a rule needs to know of the object around it.
#[derive(Clone, Debug, Default)]
pub(in crate::validate) struct Context {
    /// The kind; empty for none.
    pub(super) kind: &'static str,
    /// The object's name.
    pub(super) name: SmolStr,
    /// Whether a Pod names its service account.
    pub(super) has_account: bool,
    /// Whether values of node selectors are checked: only in pods.
    pub(super) checks_node_values: bool,
    /// Whether the object takes the place of another, so that rules on new ones do not hold.
    pub(super) is_update: bool,
    /// Volumes that the claim templates of a StatefulSet add to its pods.
    pub(super) claims: Vec<SmolStr>,
}

impl Context {
    /// Looks at an object.
    pub(in crate::validate) fn of(object: &Object, kind: Kind) -> Self {
        let claims = object.root.at(&["spec", "volumeClaimTemplates"]);
        let claims = claims.and_then(Node::as_seq).unwrap_or_default();
        let name = |claim: &Node| Some(claim.at(&["metadata", "name"])?.as_str()?.into());
        let account = ["serviceAccountName", "serviceAccount"].iter().any(|name| {
            let node = object.root.at(&["spec", name]);
            node.and_then(Node::as_str)
                .is_some_and(|text| !text.is_empty())
        });
        Self {
            kind: kind.kind(),
            name: object.name().into(),
            has_account: account,
            is_update: false,
            checks_node_values: kind.kind() != "PersistentVolume",
            claims: match kind.kind() {
                "StatefulSet" => claims.iter().filter_map(name).collect(),
                _ => Vec::new(),
            },
        }
    }

    /// The same for an object that takes the place of another.
    pub(in crate::validate) fn for_update(self) -> Self {
        Self {
            is_update: true,
            ..self
        }
    }

    /// Whether the pod spec at hand is that of a Pod, not of a template.
    pub(super) fn is_pod(&self) -> bool {
        self.kind == "Pod"
    }
}
