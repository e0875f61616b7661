//! Facts of what pods ask for, and of what a namespace gives: resources, quotas, ranges.

use smol_str::SmolStr;

use super::{entries, items};
use crate::manifest::quantity::Quantity;
use crate::manifest::{Node, Span};

/// An amount and where it stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::lint) struct Measure {
    /// The amount.
    pub(in crate::lint) value: Quantity,
    /// Its place.
    pub(in crate::lint) at: Span,
}

/// Amounts by the name of their resource.
#[derive(Clone, Debug, Default)]
pub(in crate::lint) struct Measures(Vec<(SmolStr, Measure)>);

/// What a container, or a pod as a whole, asks for.
#[derive(Clone, Debug, Default)]
pub(in crate::lint) struct Resources {
    /// What is kept free for it.
    pub(in crate::lint) requests: Measures,
    /// What it may use.
    pub(in crate::lint) limits: Measures,
}

/// `ResourceQuota`.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Quota {
    /// What may be used, by the name of the resource: `requests.cpu`, `pods`.
    pub(in crate::lint) hard: Measures,
    /// Whether it counts only some of the pods.
    pub(in crate::lint) scoped: bool,
}

/// What a range limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lint) enum Limited {
    /// Each container.
    Container,
    /// All containers of a pod together.
    Pod,
    /// A PersistentVolumeClaim.
    Claim,
}

/// A range of a `LimitRange`.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Range {
    /// What it limits.
    pub(in crate::lint) of: Limited,
    /// The least.
    pub(in crate::lint) min: Measures,
    /// The most.
    pub(in crate::lint) max: Measures,
    /// The limit of a container that has none.
    pub(in crate::lint) default: Measures,
    /// The request of a container that has none.
    pub(in crate::lint) default_request: Measures,
}

impl Measures {
    fn of(node: Option<&Node>) -> Self {
        let measures = entries(node).iter().filter_map(|entry| {
            let value = Quantity::parse(entry.value.scalar_text()?)?;
            let at = entry.value.span;
            Some((entry.key.clone(), Measure { value, at }))
        });
        Self(measures.collect())
    }

    /// The amount of a resource.
    pub(in crate::lint) fn get(&self, name: &str) -> Option<Measure> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|&(_, measure)| measure)
    }

    /// The names of its resources.
    pub(in crate::lint) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl Resources {
    /// Reads the `resources` of a container or of a pod.
    pub(super) fn of(node: Option<&Node>) -> Self {
        let field = |name: &str| Measures::of(node.and_then(|node| node.get(name)));
        Self {
            requests: field("requests"),
            limits: field("limits"),
        }
    }

    /// What is kept free: a limit is the default of a request.
    pub(in crate::lint) fn request(&self, name: &str) -> Option<Measure> {
        self.requests.get(name).or_else(|| self.limits.get(name))
    }
}

/// Takes the facts of a ResourceQuota.
pub(super) fn quota(spec: Option<&Node>) -> Quota {
    Quota {
        hard: Measures::of(spec.and_then(|spec| spec.get("hard"))),
        scoped: !items(spec, "scopes").is_empty()
            || spec.is_some_and(|spec| spec.get("scopeSelector").is_some()),
    }
}

/// Takes the storage that the spec of a claim asks for.
pub(super) fn storage(spec: Option<&Node>) -> Option<Measure> {
    let requests = spec.and_then(|spec| spec.at(&["resources", "requests"]));
    Measures::of(requests).get("storage")
}

/// Takes the ranges of a LimitRange.
pub(super) fn ranges(spec: Option<&Node>) -> Vec<Range> {
    let range = |item: &Node| {
        let of = match item.get("type").and_then(Node::as_str)? {
            "Container" => Limited::Container,
            "Pod" => Limited::Pod,
            "PersistentVolumeClaim" => Limited::Claim,
            _ => return None,
        };
        Some(Range {
            of,
            min: Measures::of(item.get("min")),
            max: Measures::of(item.get("max")),
            default: Measures::of(item.get("default")),
            default_request: Measures::of(item.get("defaultRequest")),
        })
    };
    items(spec, "limits").iter().filter_map(range).collect()
}
