//! What a rule needs to know of the object around it.

use smol_str::SmolStr;

use crate::manifest::{Node, Object};
use crate::schema::{Kind, Verb};

/// What a rule needs to know of the object around it.
#[derive(Clone, Debug, Default)]
pub(in crate::validate) struct Context {
    /// The kind; empty for none.
    pub(super) kind: &'static str,
    /// The object's name, or one as the server makes it from `generateName`.
    pub(super) name: SmolStr,
    /// What the name is made from, where that is given.
    pub(super) generate: SmolStr,
    /// Whether the server only answers the object: what it does not keep has no rules for its
    /// metadata.
    pub(in crate::validate) is_answered: bool,
    /// The keys of a Pod's labels.
    pub(super) labels: Vec<SmolStr>,
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
        let labels = object.root.at(&["metadata", "labels"]);
        let labels = labels.and_then(Node::as_map).into_iter().flatten();
        let generate = object.root.at(&["metadata", "generateName"]);
        let generate = generate.and_then(Node::as_str).unwrap_or_default();
        let name_is_made = object.name().is_empty() && !generate.is_empty();
        Self {
            kind: kind.kind(),
            name: match name_is_made {
                // Nothing is added to an address (its strategy in `pkg/registry/networking`).
                true if kind.kind() == "IPAddress" => generate.into(),
                true => made_name(generate),
                false => object.name().into(),
            },
            generate: generate.into(),
            is_answered: !kind.can(Verb::Get),
            labels: match kind.kind() {
                "Pod" => labels.map(|entry| entry.key.clone()).collect(),
                _ => Vec::new(),
            },
            is_update: false,
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

    /// The names that the server looks at, with their fields: also what a name is made from, and
    /// even where there is a name.
    pub(super) fn names(&self) -> Vec<(&'static str, SmolStr)> {
        [
            ("metadata.generateName", &self.generate),
            ("metadata.name", &self.name),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(field, text)| (field, text.clone()))
        .collect()
    }
}

/// A name as the server makes it (`SimpleNameGenerator` of `k8s.io/apiserver`): 58 bytes at most
/// of what is given, and five characters, here always the same ones.
fn made_name(generate: &str) -> SmolStr {
    let mut end = generate.len().min(58);
    while !generate.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}xxxxx", &generate[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_within_63_bytes() {
        assert_eq!(made_name("web-"), "web-xxxxx");
        assert_eq!(made_name(&"a".repeat(80)).len(), 63);
        assert_eq!(made_name(&"\u{e4}".repeat(80)).len(), 63);
    }
}
