//! Facts of roles and of what binds them.

use smol_str::SmolStr;

use super::{Text, items};
use crate::manifest::{Node, Span};

/// A Role or ClusterRole.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Role {
    /// What it grants.
    pub(in crate::lint) rules: Vec<RoleRule>,
    /// Whether other roles make up its rules.
    pub(in crate::lint) aggregates: bool,
    /// Where `rules` stands.
    pub(in crate::lint) rules_at: Option<Span>,
}

/// One rule of a role.
#[derive(Clone, Debug)]
pub(in crate::lint) struct RoleRule {
    /// API groups.
    pub(in crate::lint) groups: Vec<SmolStr>,
    /// Resources, each with its place.
    pub(in crate::lint) resources: Vec<(SmolStr, Span)>,
    /// Verbs.
    pub(in crate::lint) verbs: Vec<SmolStr>,
    /// Where it begins.
    pub(in crate::lint) at: Span,
}

/// A RoleBinding or ClusterRoleBinding.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Binding {
    /// The kind of the role.
    pub(in crate::lint) role_kind: SmolStr,
    /// The role.
    pub(in crate::lint) role: Option<Text>,
    /// The accounts that it is bound to.
    pub(in crate::lint) accounts: Vec<Subject>,
    /// Number of subjects of any kind.
    pub(in crate::lint) subjects: usize,
}

/// A ServiceAccount that a role is bound to.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Subject {
    /// Its name.
    pub(in crate::lint) name: Text,
    /// Its namespace, where it is written.
    pub(in crate::lint) namespace: Option<Text>,
    /// Its index among the subjects.
    pub(in crate::lint) index: usize,
}

/// Takes the facts of a role.
pub(super) fn role(root: &Node) -> Role {
    let list = |rule: &Node, name: &str| -> Vec<SmolStr> {
        let nodes = items(Some(rule), name).iter();
        nodes
            .filter_map(|node| Some(node.as_str()?.into()))
            .collect()
    };
    let rules = items(Some(root), "rules").iter().map(|rule| RoleRule {
        groups: list(rule, "apiGroups"),
        resources: items(Some(rule), "resources")
            .iter()
            .filter_map(|node| Some((node.as_str()?.into(), node.span)))
            .collect(),
        verbs: list(rule, "verbs"),
        at: first_key(rule),
    });
    Role {
        rules: rules.collect(),
        aggregates: root.get("aggregationRule").is_some(),
        rules_at: root
            .as_map()
            .and_then(|map| map.entry("rules"))
            .map(|entry| entry.key_span),
    }
}

/// Takes the facts of a binding.
pub(super) fn binding(root: &Node) -> Binding {
    let subjects = items(Some(root), "subjects");
    let accounts = subjects.iter().enumerate().filter_map(|(index, node)| {
        if node.get("kind")?.as_str()? != "ServiceAccount" {
            return None;
        }
        Some(Subject {
            name: Text::of(node.get("name"))?,
            namespace: Text::of(node.get("namespace")),
            index,
        })
    });
    Binding {
        role_kind: root
            .at(&["roleRef", "kind"])
            .and_then(Node::as_str)
            .unwrap_or_default()
            .into(),
        role: Text::of(root.at(&["roleRef", "name"])),
        accounts: accounts.collect(),
        subjects: subjects.len(),
    }
}

fn first_key(node: &Node) -> Span {
    let first = node.as_map().and_then(|map| map.iter().next());
    first.map_or(node.span, |entry| entry.key_span)
}
