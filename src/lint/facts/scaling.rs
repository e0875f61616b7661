//! Facts of what decides how many pods there are, and how many of them may go.

use smol_str::SmolStr;

use super::{Int, Text, items, selector};
use crate::lint::select::Selector;
use crate::manifest::{Node, Span};

/// A `HorizontalPodAutoscaler`.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Autoscaler {
    /// API group of its target; empty for the core group.
    pub(in crate::lint) group: SmolStr,
    /// Kind of its target.
    pub(in crate::lint) kind: SmolStr,
    /// Name of its target.
    pub(in crate::lint) target: Option<Text>,
    /// Lowest number of pods; 1 where none is written.
    pub(in crate::lint) min: Option<Int>,
    /// Highest number of pods.
    pub(in crate::lint) max: Option<Int>,
    /// What it measures.
    pub(in crate::lint) metrics: Vec<Metric>,
}

/// A metric of the pods' own resources.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Metric {
    /// `cpu`, `memory`.
    pub(in crate::lint) resource: Text,
    /// The one container that is measured.
    pub(in crate::lint) container: Option<Text>,
    /// Whether it is measured against the requests.
    pub(in crate::lint) of_requests: bool,
    /// Its field.
    pub(in crate::lint) field: String,
}

/// Something else that scales a workload.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Scaler {
    /// Kind of its target.
    pub(in crate::lint) kind: SmolStr,
    /// Name of its target.
    pub(in crate::lint) target: Option<Text>,
    /// Whether it changes the size of pods instead of their number.
    pub(in crate::lint) vertical: bool,
}

/// A number of pods or a share of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::lint) enum Amount {
    /// A number.
    Pods(i64, Span),
    /// Hundredths.
    Percent(i64, Span),
}

impl Amount {
    fn of(node: Option<&Node>) -> Option<Self> {
        let node = node?;
        match node.as_str() {
            Some(text) => {
                let percent = text.strip_suffix('%')?.parse().ok()?;
                Some(Self::Percent(percent, node.span))
            }
            None => Some(Self::Pods(node.as_i64()?, node.span)),
        }
    }

    /// Where it stands.
    pub(in crate::lint) fn span(self) -> Span {
        match self {
            Self::Pods(_, span) | Self::Percent(_, span) => span,
        }
    }

    /// How many of `pods` it is; a share is rounded up, as the disruption controller does.
    pub(in crate::lint) fn out_of(self, pods: i64) -> i64 {
        match self {
            Self::Pods(number, _) => number,
            Self::Percent(percent, _) => (pods.saturating_mul(percent) + 99) / 100,
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pods(number, _) => write!(f, "{number}"),
            Self::Percent(percent, _) => write!(f, "{percent}%"),
        }
    }
}

/// A `PodDisruptionBudget`.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Budget {
    /// Which pods it holds for.
    pub(in crate::lint) selector: Option<Selector>,
    /// How many must stay.
    pub(in crate::lint) min_available: Option<Amount>,
    /// How many may go.
    pub(in crate::lint) max_unavailable: Option<Amount>,
}

/// Takes the facts of an autoscaler of any version.
pub(super) fn autoscaler(spec: Option<&Node>) -> Autoscaler {
    let field = |name: &str| spec.and_then(|s| s.get(name));
    let target = field("scaleTargetRef");
    let text = |name: &str| {
        let node = target.and_then(|t| t.get(name));
        node.and_then(Node::as_str).unwrap_or_default()
    };
    let mut metrics = Vec::new();
    if let Some(node) = field("targetCPUUtilizationPercentage") {
        metrics.push(Metric {
            resource: Text {
                text: "cpu".into(),
                at: Some(node.span),
            },
            container: None,
            of_requests: true,
            field: "spec.targetCPUUtilizationPercentage".to_owned(),
        });
    }
    for (index, metric) in items(spec, "metrics").iter().enumerate() {
        for source in ["resource", "containerResource"] {
            let node = metric.get(source);
            let Some(resource) = Text::of(node.and_then(|n| n.get("name"))) else {
                continue;
            };
            let value = |name: &str| node.and_then(|n| n.at(&["target", name]));
            let old = node.and_then(|n| n.get("targetAverageUtilization"));
            metrics.push(Metric {
                resource,
                container: Text::of(node.and_then(|n| n.get("container"))),
                of_requests: value("averageUtilization").or(old).is_some(),
                field: format!("spec.metrics[{index}].{source}"),
            });
        }
    }
    Autoscaler {
        group: text("apiVersion")
            .split_once('/')
            .map_or("", |(group, _)| group)
            .into(),
        kind: text("kind").into(),
        target: Text::of(target.and_then(|t| t.get("name"))),
        min: Int::of(field("minReplicas")),
        max: Int::of(field("maxReplicas")),
        metrics,
    }
}

/// Takes the facts of a KEDA ScaledObject.
pub(super) fn scaled_object(spec: Option<&Node>) -> Scaler {
    scaler(spec.and_then(|s| s.get("scaleTargetRef")), false)
}

/// Takes the facts of a VerticalPodAutoscaler.
pub(super) fn vertical(spec: Option<&Node>) -> Scaler {
    let mode = spec.and_then(|s| s.at(&["updatePolicy", "updateMode"]));
    let off = mode.and_then(Node::as_str) == Some("Off");
    scaler(spec.and_then(|s| s.get("targetRef")).filter(|_| !off), true)
}

fn scaler(target: Option<&Node>, vertical: bool) -> Scaler {
    let kind = target.and_then(|t| t.get("kind")).and_then(Node::as_str);
    Scaler {
        kind: kind.unwrap_or("Deployment").into(),
        target: Text::of(target.and_then(|t| t.get("name"))),
        vertical,
    }
}

/// Takes the facts of a budget.
pub(super) fn budget(spec: Option<&Node>) -> Budget {
    let field = |name: &str| spec.and_then(|s| s.get(name));
    Budget {
        selector: selector(field("selector")),
        min_available: Amount::of(field("minAvailable")),
        max_unavailable: Amount::of(field("maxUnavailable")),
    }
}
