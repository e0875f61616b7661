//! The question: `KIND/[NAMESPACE/]NAME[:PATH]`.

use std::str::FromStr;

use crate::cluster::fields::Step;
use crate::diff::compare::{display_path, item_steps};
use crate::manifest::suggest::nearest;
use crate::manifest::{Node, Value};

/// Short names of kinds, as kubectl knows them.
const SHORT: [(&str, &str); 22] = [
    ("cj", "CronJob"),
    ("cm", "ConfigMap"),
    ("crd", "CustomResourceDefinition"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("ep", "Endpoints"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("ing", "Ingress"),
    ("limits", "LimitRange"),
    ("netpol", "NetworkPolicy"),
    ("ns", "Namespace"),
    ("pc", "PriorityClass"),
    ("pdb", "PodDisruptionBudget"),
    ("po", "Pod"),
    ("pv", "PersistentVolume"),
    ("pvc", "PersistentVolumeClaim"),
    ("quota", "ResourceQuota"),
    ("rs", "ReplicaSet"),
    ("sa", "ServiceAccount"),
    ("sc", "StorageClass"),
    ("sts", "StatefulSet"),
    ("svc", "Service"),
];

/// Which object, and which of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    kind: String,
    /// What may be the name and the path: a name may hold colons, so the objects decide.
    readings: Vec<(Name, Pattern)>,
}

/// The name of an object, with its namespace where one was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

impl FromStr for Query {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write KIND/NAME or KIND/NAME:PATH, for example \
                    deployment/backend:spec.replicas";
        let (kind, rest) = text.split_once('/').ok_or(form)?;
        if kind.is_empty() || rest.is_empty() || rest.starts_with(':') {
            return Err(form.to_owned());
        }
        let mut readings = Vec::new();
        let ends = rest.match_indices(':').map(|(at, _)| at);
        let ends: Vec<usize> = ends.chain([rest.len()]).collect();
        for &end in ends.iter().rev() {
            let path = rest.get(end + 1..).unwrap_or_default();
            if let (Some(name), Ok(pattern)) = (Name::new(&rest[..end]), path.parse()) {
                readings.push((name, pattern));
            }
        }
        if readings.len() < ends.len() {
            let path = rest.split_once(':').map_or("", |(_, path)| path);
            path.parse::<Pattern>()?;
        }
        if readings.is_empty() {
            return Err(form.to_owned());
        }
        Ok(Self {
            kind: kind.to_owned(),
            readings,
        })
    }
}

impl Name {
    fn new(text: &str) -> Option<Self> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        (!name.is_empty() && !name.contains('/')).then(|| Self {
            namespace,
            name: name.to_owned(),
        })
    }
}

impl Query {
    /// The kind as asked for, in the spelling of the API where it was a short name.
    pub(super) fn kind(&self) -> &str {
        let short = SHORT
            .iter()
            .find(|(short, _)| short.eq_ignore_ascii_case(&self.kind));
        short.map_or(&self.kind, |(_, kind)| kind)
    }

    /// Whether a kind is the one that is asked for: in any case, in the plural, with its group.
    pub(super) fn is_of_kind(&self, group: &str, kind: &str) -> bool {
        let asked = self.kind().to_ascii_lowercase();
        let (asked, wanted_group) = match asked.split_once('.') {
            Some((kind, group)) => (kind.to_owned(), Some(group.to_owned())),
            None => (asked, None),
        };
        let kind = kind.to_ascii_lowercase();
        let plurals = [
            format!("{kind}s"),
            format!("{kind}es"),
            kind.strip_suffix('y')
                .map_or_else(String::new, |stem| format!("{stem}ies")),
        ];
        wanted_group.is_none_or(|wanted| wanted == group)
            && (asked == kind || plurals.contains(&asked))
    }

    /// The ways to take the text for name and path, the longest name first.
    pub(super) fn readings(&self) -> &[(Name, Pattern)] {
        &self.readings
    }
}

/// A path in which items of lists are named by their keys, by their place, or all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

/// One part of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Key(String),
    /// In brackets: a key with dots or slashes, an item by its key, `key=value`, or a place.
    Bracket(String),
    All,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(pointer) = text.strip_prefix('/') {
            let key = |part: &str| part.replace("~1", "/").replace("~0", "~");
            return Ok(Self(pointer.split('/').map(key).map(Part::new).collect()));
        }
        let mut parts = Vec::new();
        let mut word = String::new();
        let mut chars = text.chars();
        let flush = |word: &mut String, parts: &mut Vec<Part>| {
            if !word.is_empty() {
                parts.push(Part::new(std::mem::take(word)));
            }
        };
        while let Some(c) = chars.next() {
            match c {
                '\\' => word.extend(chars.next()),
                '.' => flush(&mut word, &mut parts),
                '[' => {
                    flush(&mut word, &mut parts);
                    let rest = chars.as_str();
                    let end = rest
                        .find(']')
                        .ok_or_else(|| format!("`[` is not closed in the path `{text}`"))?;
                    let inner = rest[..end].trim_matches(['"', '\'']);
                    parts.push(match inner {
                        "" | "*" => Part::All,
                        inner => Part::Bracket(inner.to_owned()),
                    });
                    chars = rest[end + 1..].chars();
                }
                c => word.push(c),
            }
        }
        flush(&mut word, &mut parts);
        Ok(Self(parts))
    }
}

impl Part {
    fn new(text: String) -> Self {
        if text == "*" {
            Part::All
        } else {
            Part::Key(text)
        }
    }

    /// Whether an item of a list is meant.
    fn is_item(&self, at: usize, step: &Step, item: &Node) -> bool {
        let text = match self {
            Part::All => return true,
            Part::Key(text) | Part::Bracket(text) => text,
        };
        if let Some((key, value)) = text.split_once('=') {
            return item.get(key).and_then(Node::scalar_text) == Some(value);
        }
        let is_key = match step {
            Step::Item(keys) => {
                let texts: Vec<&str> = keys.iter().map(|(_, v)| v.trim_matches('"')).collect();
                texts[0] == text || texts.join("/") == *text
            }
            _ => item.scalar_text() == Some(text),
        };
        is_key || text.parse() == Ok(at)
    }
}

impl Pattern {
    /// Whether the whole object is meant.
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields of a tree that are meant.
    pub(super) fn fields(&self, root: &Node) -> Vec<Vec<Step>> {
        let mut found = Vec::new();
        expand(root, &self.0, &mut Vec::new(), &mut found);
        found
    }

    /// How far the path leads, and what is there instead.
    pub(super) fn nearest(&self, root: &Node) -> (String, Option<String>) {
        let mut length = self.0.len();
        while length > 0 && Self(self.0[..length].to_vec()).fields(root).is_empty() {
            length -= 1;
        }
        let head = Self(self.0[..length].to_vec());
        let reached = head.fields(root).into_iter().next().unwrap_or_default();
        let there = crate::diff::compare::find(root, &reached);
        let asked = match self.0.get(length) {
            Some(Part::Key(text) | Part::Bracket(text)) => text.as_str(),
            _ => "",
        };
        let names = there.map(names_of).unwrap_or_default();
        let near = nearest(asked, names.iter().map(String::as_str));
        let near = near.map(|near| format!("did you mean `{near}`?"));
        let listed = || {
            let names: Vec<&str> = names.iter().map(String::as_str).take(12).collect();
            (!names.is_empty()).then(|| format!("there are {}", names.join(", ")))
        };
        let place = match display_path(&reached).as_str() {
            "" => format!("no `{asked}`"),
            path => format!("no `{asked}` in `{path}`"),
        };
        (place, near.or_else(listed))
    }
}

/// The keys of a mapping, or what tells the items of a list apart.
fn names_of(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Scalar(_) => Vec::new(),
        Value::Map(map) => map.keys().map(str::to_owned).collect(),
        Value::Seq(items) => item_steps(items)
            .iter()
            .map(|step| display_path(std::slice::from_ref(step)))
            .map(|text| text.trim_matches(['[', ']']).to_owned())
            .collect(),
    }
}

fn expand(node: &Node, parts: &[Part], path: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    let Some((part, rest)) = parts.split_first() else {
        found.push(path.clone());
        return;
    };
    match &node.value {
        Value::Scalar(_) => {}
        Value::Map(map) => {
            for entry in map.iter() {
                let is_meant = match part {
                    Part::All => true,
                    Part::Key(text) | Part::Bracket(text) => *text == entry.key,
                };
                if is_meant {
                    path.push(Step::Field(entry.key.to_string()));
                    expand(&entry.value, rest, path, found);
                    path.pop();
                }
            }
        }
        Value::Seq(items) => {
            for (at, (item, step)) in items.iter().zip(item_steps(items)).enumerate() {
                if part.is_item(at, &step, item) {
                    path.push(step);
                    expand(item, rest, path, found);
                    path.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Span;
    use crate::manifest::json::from_json;

    fn fields(pattern: &str) -> Vec<String> {
        let json = serde_json::json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "a"}},
            "spec": {"args": ["x", "y"], "containers": [
                {"name": "web", "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                {"name": "side", "image": "s"}
            ]}
        });
        let node = from_json(&json, Span::NONE);
        let pattern: Pattern = pattern.parse().unwrap();
        let found = pattern.fields(&node);
        found.iter().map(|path| display_path(path)).collect()
    }

    #[test]
    fn a_path_names_fields_in_the_ways_people_write_them() {
        for (pattern, want) in [
            (
                "spec.containers[side].image",
                vec!["spec.containers[side].image"],
            ),
            (
                "spec.containers[1].image",
                vec!["spec.containers[side].image"],
            ),
            (
                "spec.containers.1.image",
                vec!["spec.containers[side].image"],
            ),
            (
                "spec.containers[name=side].image",
                vec!["spec.containers[side].image"],
            ),
            (
                "/spec/containers/1/image",
                vec!["spec.containers[side].image"],
            ),
            (
                "spec.containers[*].name",
                vec!["spec.containers[web].name", "spec.containers[side].name"],
            ),
            (
                "spec.containers[web].ports[80]",
                vec!["spec.containers[web].ports[80/TCP]"],
            ),
            (
                "metadata.labels[app.kubernetes.io/name]",
                vec!["metadata.labels[app.kubernetes.io/name]"],
            ),
            (
                r"metadata.labels.app\.kubernetes\.io/name",
                vec!["metadata.labels[app.kubernetes.io/name]"],
            ),
            ("spec.args[1]", vec!["spec.args[1]"]),
            ("", vec![""]),
            ("spec.no", vec![]),
        ] {
            assert_eq!(fields(pattern), want, "{pattern}");
        }
        assert!("a[b".parse::<Pattern>().is_err());
    }

    #[test]
    fn a_question_names_an_object() {
        let query: Query = "svc/shop/web:spec.ports[http]".parse().unwrap();
        assert!(query.is_of_kind("", "Service"));
        assert!(!query.is_of_kind("", "ServiceAccount"));
        let (name, pattern) = &query.readings()[1];
        assert_eq!(name.name, "web");
        assert_eq!(name.namespace.as_deref(), Some("shop"));
        assert!(!pattern.is_root());
        let colons: Query = "clusterroles/system:node".parse().unwrap();
        assert_eq!(colons.readings()[0].0.name, "system:node");
        for (kind, group, is) in [
            ("Deployments.apps", "apps", true),
            ("deployment.extensions", "apps", false),
        ] {
            let query: Query = format!("{kind}/x").parse().unwrap();
            assert_eq!(query.is_of_kind(group, "Deployment"), is, "{kind}");
        }
        let policies: Query = "networkpolicies/x".parse().unwrap();
        assert!(policies.is_of_kind("networking.k8s.io", "NetworkPolicy"));
        for wrong in [
            "deployment",
            "deployment/",
            "/x",
            "deployment/:spec",
            "a/b:c[d",
        ] {
            assert!(wrong.parse::<Query>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_there_has_a_neighbour() {
        let json = serde_json::json!({"spec": {"containers": [{"name": "web", "image": "x"}]}});
        let node = from_json(&json, Span::NONE);
        for (pattern, want) in [
            (
                "spec.containers[wbe].image",
                ("no `wbe` in `spec.containers`", "did you mean `web`?"),
            ),
            (
                "spec.containers[web].imagee",
                (
                    "no `imagee` in `spec.containers[web]`",
                    "did you mean `image`?",
                ),
            ),
            ("status", ("no `status`", "there are spec")),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            let (place, near) = pattern.nearest(&node);
            assert_eq!((place.as_str(), near.as_deref()), (want.0, Some(want.1)));
        }
    }
}
