//! Label selectors in objects (`apimachinery/pkg/apis/meta/v1/validation`).

use super::fields;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::View;

/// Checks the labels of a selector; its expressions have rules of their own type.
pub(super) fn labels(faults: &mut Faults<'_>, view: View<'_>) {
    if let Some(node) = view.get("matchLabels") {
        fields::labels(faults, view, "matchLabels", node);
    }
}

/// Whether a selector has no conditions.
pub(super) fn is_empty(selector: &Node) -> bool {
    let labels = selector.get("matchLabels").and_then(Node::as_map);
    let expressions = selector.get("matchExpressions").and_then(Node::as_seq);
    labels.is_none_or(crate::manifest::Map::is_empty) && expressions.is_none_or(<[Node]>::is_empty)
}

/// Whether a selector selects labels. What is no proper selector counts as one that does: the
/// server says something else about it.
pub(super) fn matches(selector: &Node, labels: Option<&Node>) -> bool {
    let label = |key: &str| labels.and_then(|map| map.get(key)).map(text);
    let equal = selector.get("matchLabels").and_then(Node::as_map);
    let equal = equal.into_iter().flatten();
    let expressions = selector.get("matchExpressions").and_then(Node::as_seq);
    equal
        .into_iter()
        .all(|entry| label(&entry.key) == Some(text(&entry.value)))
        && expressions.unwrap_or_default().iter().all(|expression| {
            let given = label(expression.get("key").map_or("", text));
            let values = expression.get("values").and_then(Node::as_seq);
            let listed = |value: &str| {
                let mut values = values.unwrap_or_default().iter();
                values.any(|known| text(known) == value)
            };
            match expression.get("operator").map_or("", text) {
                "In" => given.is_some_and(listed),
                "NotIn" => !given.is_some_and(listed),
                "Exists" => given.is_some(),
                "DoesNotExist" => given.is_none(),
                _ => true,
            }
        })
}

fn text(node: &Node) -> &str {
    node.as_str().unwrap_or_default()
}
