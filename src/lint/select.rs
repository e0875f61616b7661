//! Label selectors of objects: `matchLabels` and `matchExpressions`.

use smol_str::SmolStr;

use crate::manifest::{Node, Span};

/// What a selector asks of the labels of a pod.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    /// Labels that must have these values, each with its place.
    pub(super) pairs: Vec<(SmolStr, SmolStr, Span)>,
    conditions: Vec<(SmolStr, Condition)>,
    /// Where the selector stands.
    pub(super) at: Span,
}

#[derive(Clone, Debug)]
enum Condition {
    In(Vec<SmolStr>),
    NotIn(Vec<SmolStr>),
    Exists,
    Missing,
    /// An operator that does not exist; the verdict speaks of it.
    Unknown,
}

impl Selector {
    /// Reads `{matchLabels, matchExpressions}`, or a plain mapping of labels as Services have it.
    pub(super) fn of(node: &Node) -> Option<Self> {
        let map = node.as_map()?;
        let mut selector = Self {
            pairs: Vec::new(),
            conditions: Vec::new(),
            at: map.iter().next().map_or(node.span, |first| first.key_span),
        };
        let structured = |key: &str| matches!(key, "matchLabels" | "matchExpressions");
        if map.keys().any(structured) {
            if let Some(labels) = map.get("matchLabels") {
                selector.add_pairs(labels);
            }
            let items = map.get("matchExpressions").and_then(Node::as_seq);
            for item in items.unwrap_or_default() {
                selector.add_condition(item);
            }
        } else {
            selector.add_pairs(node);
        }
        Some(selector)
    }

    fn add_pairs(&mut self, node: &Node) {
        for entry in node.as_map().into_iter().flatten() {
            let value = entry.value.as_str().unwrap_or_default();
            let pair = (entry.key.clone(), value.into(), entry.value.span);
            self.pairs.push(pair);
        }
    }

    fn add_condition(&mut self, item: &Node) {
        let Some(key) = item.get("key").and_then(Node::as_str) else {
            return;
        };
        let values = item.get("values").and_then(Node::as_seq);
        let values = values.unwrap_or_default().iter();
        let values: Vec<SmolStr> = values.filter_map(|v| Some(v.as_str()?.into())).collect();
        let condition = match item.get("operator").and_then(Node::as_str) {
            Some("In") => Condition::In(values),
            Some("NotIn") => Condition::NotIn(values),
            Some("Exists") => Condition::Exists,
            Some("DoesNotExist") => Condition::Missing,
            _ => Condition::Unknown,
        };
        self.conditions.push((key.into(), condition));
    }

    /// Whether it asks for nothing, and so selects all.
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.conditions.is_empty()
    }

    /// Whether pods with these labels are selected.
    pub(super) fn matches(&self, labels: &[(SmolStr, SmolStr)]) -> bool {
        self.pairs
            .iter()
            .all(|(key, value, _)| value_of(labels, key) == Some(value.as_str()))
            && self.conditions.iter().all(|(key, condition)| {
                let value = value_of(labels, key);
                let listed =
                    |values: &[SmolStr]| value.is_some_and(|v| values.iter().any(|x| x == v));
                match condition {
                    Condition::In(values) => listed(values),
                    Condition::NotIn(values) => !listed(values),
                    Condition::Exists => value.is_some(),
                    Condition::Missing => value.is_none(),
                    Condition::Unknown => true,
                }
            })
    }

    /// The first label that these labels have not, or have with another value.
    pub(super) fn first_miss(
        &self,
        labels: &[(SmolStr, SmolStr)],
    ) -> Option<&(SmolStr, SmolStr, Span)> {
        self.pairs
            .iter()
            .find(|(key, value, _)| value_of(labels, key) != Some(value.as_str()))
    }

    /// As people write it: `app=web,tier=front`.
    pub(super) fn describe(&self) -> String {
        let mut parts: Vec<String> = self
            .pairs
            .iter()
            .map(|(k, v, _)| format!("{k}={v}"))
            .collect();
        parts.extend(
            self.conditions
                .iter()
                .map(|(key, condition)| match condition {
                    Condition::In(values) => format!("{key} in ({})", values.join(", ")),
                    Condition::NotIn(values) => format!("{key} notin ({})", values.join(", ")),
                    Condition::Exists => key.to_string(),
                    Condition::Missing => format!("!{key}"),
                    Condition::Unknown => format!("{key} ?"),
                }),
        );
        parts.join(",")
    }
}

/// The value of a label.
pub(super) fn value_of<'l>(labels: &'l [(SmolStr, SmolStr)], key: &str) -> Option<&'l str> {
    let found = labels.iter().find(|(name, _)| name == key)?;
    Some(found.1.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{ReadOptions, Sources, read};

    fn selects(text: &str, labels: &[(&str, &str)]) -> bool {
        let sources = Sources::new();
        let file = sources.add("a.yaml", text);
        let root = read::read_one(&sources, file, &ReadOptions::kubectl());
        let selector = Selector::of(&root.unwrap().root).unwrap();
        let labels: Vec<_> = labels
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        selector.matches(&labels)
    }

    #[test]
    fn both_forms_select_as_the_server_does() {
        let labels = [("app", "web"), ("tier", "front")];
        for (text, wanted) in [
            ("{}", true),
            ("{app: web}", true),
            ("{app: web, tier: back}", false),
            ("{matchLabels: {app: web}}", true),
            (
                "{matchExpressions: [{key: app, operator: In, values: [api, web]}]}",
                true,
            ),
            (
                "{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}",
                false,
            ),
            (
                "{matchExpressions: [{key: none, operator: NotIn, values: [web]}]}",
                true,
            ),
            (
                "{matchExpressions: [{key: none, operator: DoesNotExist}]}",
                true,
            ),
            (
                "{matchLabels: {app: web}, matchExpressions: [{key: none, operator: Exists}]}",
                false,
            ),
        ] {
            assert_eq!(selects(text, &labels), wanted, "{text}");
        }
    }
}
