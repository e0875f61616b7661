//! What a pod asks of a node: resources, labels, tolerations, ports.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::value::Read;
use crate::manifest::quantity::Quantity;

/// Amounts by resource name, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(pub BTreeMap<String, i128>);

impl Amounts {
    /// Reads a mapping of quantities.
    pub fn read(quantities: Option<&Value>) -> Self {
        let entries = quantities.and_then(Value::as_object).into_iter().flatten();
        let amounts = entries.filter_map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((name.clone(), Quantity::parse(&text)?.millis()))
        });
        Self(amounts.collect())
    }

    /// The amount of a resource; 0 where none is given.
    pub fn get(&self, name: &str) -> i128 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Adds amounts.
    pub fn add(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            *self.0.entry(name.clone()).or_default() += amount;
        }
    }

    fn max(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            let mine = self.0.entry(name.clone()).or_default();
            *mine = (*mine).max(*amount);
        }
    }
}

/// Returns what the scheduler counts for a pod: the larger of its containers together and of each
/// init container while it runs, with the sidecars that run then, plus overhead
/// (`k8s.io/component-helpers/resource`, v0.37).
pub fn requests(spec: &Value) -> Amounts {
    requests_with(spec, &Amounts::default())
}

/// The same for a pod that is still to be admitted: what a container does not ask for, a
/// LimitRange of its namespace asks for it.
pub fn requests_with(spec: &Value, defaults: &Amounts) -> Amounts {
    let container_requests = |container: &Value| {
        let mut amounts = defaults.clone();
        amounts.0.extend(container_requests(container).0);
        amounts
    };
    let mut running = Amounts::default();
    for container in spec.items(&["containers"]) {
        running.add(&container_requests(container));
    }
    let mut sidecars = Amounts::default();
    let mut starting = Amounts::default();
    for container in spec.items(&["initContainers"]) {
        let mut own = container_requests(container);
        if container.text(&["restartPolicy"]) == "Always" {
            sidecars.add(&own);
            starting.max(&sidecars);
        } else {
            own.add(&sidecars);
            starting.max(&own);
        }
    }
    running.add(&sidecars);
    running.max(&starting);
    // Requests of the pod itself go before those of its containers.
    for (name, amount) in self::container_requests(spec).0 {
        running.0.insert(name, amount);
    }
    running.add(&Amounts::read(spec.at(&["overhead"])));
    running
}

/// A limit without a request is a request (the server's default for pods).
fn container_requests(container: &Value) -> Amounts {
    let mut amounts = Amounts::read(container.at(&["resources", "limits"]));
    let requests = Amounts::read(container.at(&["resources", "requests"]));
    amounts.0.extend(requests.0);
    amounts
}

/// Returns the host ports that a pod takes, as `8080/TCP`.
pub fn host_ports(spec: &Value) -> Vec<String> {
    let on_host = spec.flag(&["hostNetwork"]);
    let ports = spec
        .items(&["containers"])
        .iter()
        .flat_map(|container| container.items(&["ports"]));
    ports
        .filter_map(|port| {
            let number = match port.int(&["hostPort"]) {
                0 if on_host => port.int(&["containerPort"]),
                number => number,
            };
            let protocol = match port.text(&["protocol"]) {
                "" => "TCP",
                protocol => protocol,
            };
            (number > 0).then(|| format!("{number}/{protocol}"))
        })
        .collect()
}

/// Whether a pod may be put on a node: name, selector, required affinity, taints.
pub fn may_run(spec: &Value, node: &Value) -> bool {
    let wanted = spec.text(&["nodeName"]);
    (wanted.is_empty() || wanted == node.name())
        && !node.flag(&["spec", "unschedulable"])
        && selector_matches(spec, node)
        && affinity_matches(spec, node)
        && node
            .items(&["spec", "taints"])
            .iter()
            .filter(|taint| taint.text(&["effect"]) != "PreferNoSchedule")
            .all(|taint| is_tolerated(spec, taint))
}

fn selector_matches(spec: &Value, node: &Value) -> bool {
    let labels = spec.at(&["nodeSelector"]).and_then(Value::as_object);
    labels
        .into_iter()
        .flatten()
        .all(|(key, value)| node.at(&["metadata", "labels", key]) == Some(value))
}

fn affinity_matches(spec: &Value, node: &Value) -> bool {
    let path = [
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
    ];
    let Some(required) = spec.at(&path) else {
        return true;
    };
    required.items(&["nodeSelectorTerms"]).iter().any(|term| {
        let labels = term.items(&["matchExpressions"]);
        let fields = term.items(&["matchFields"]);
        !(labels.is_empty() && fields.is_empty())
            && labels.iter().all(|e| {
                let label = node.at(&["metadata", "labels", e.text(&["key"])]);
                expression_holds(e, label.and_then(Value::as_str))
            })
            && fields
                .iter()
                .all(|e| expression_holds(e, Some(node.name())))
    })
}

/// Evaluates one expression of a selector (`In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt`, `Lt`).
pub fn expression_holds(expression: &Value, value: Option<&str>) -> bool {
    let values = expression.items(&["values"]);
    let is_listed = || value.is_some_and(|v| values.iter().any(|one| one.as_str() == Some(v)));
    let compare = |holds: fn(i64, i64) -> bool| {
        let bound = values.first().and_then(Value::as_str);
        match (
            value.and_then(|v| v.parse().ok()),
            bound.and_then(|b| b.parse().ok()),
        ) {
            (Some(value), Some(bound)) => holds(value, bound),
            _ => false,
        }
    };
    match expression.text(&["operator"]) {
        "In" => is_listed(),
        "NotIn" => !is_listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|value, bound| value > bound),
        "Lt" => compare(|value, bound| value < bound),
        _ => false,
    }
}

fn is_tolerated(spec: &Value, taint: &Value) -> bool {
    spec.items(&["tolerations"]).iter().any(|toleration| {
        let effect = toleration.text(&["effect"]);
        let key = toleration.text(&["key"]);
        let any_value = toleration.text(&["operator"]) == "Exists";
        (effect.is_empty() || effect == taint.text(&["effect"]))
            && (key == taint.text(&["key"]) || key.is_empty() && any_value)
            && (any_value || toleration.text(&["value"]) == taint.text(&["value"]))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MI: i128 = 1024 * 1024 * 1000;

    fn container(memory: &str) -> Value {
        json!({"resources": {"requests": {"memory": memory}}})
    }

    #[test]
    fn requests_count_init_containers_sidecars_and_overhead() {
        let mut sidecar = container("20Mi");
        sidecar["restartPolicy"] = json!("Always");
        let spec = json!({
            "containers": [container("100Mi"), container("50Mi")],
            "initContainers": [sidecar, container("300Mi")],
            "overhead": {"memory": "5Mi"},
        });
        assert_eq!(requests(&spec).get("memory"), 325 * MI);
        let spec =
            json!({"containers": [container("100Mi")], "initContainers": [container("30Mi")]});
        assert_eq!(requests(&spec).get("memory"), 100 * MI);
        let limits = json!({"containers": [{"resources": {"limits": {"cpu": "250m"}}}]});
        assert_eq!(requests(&limits).get("cpu"), 250);
        let whole = json!({"containers": [container("1Mi")],
            "resources": {"requests": {"memory": "64Mi"}}});
        assert_eq!(requests(&whole).get("memory"), 64 * MI);
    }

    #[test]
    fn a_pod_runs_where_labels_and_taints_allow() {
        let node = json!({"metadata": {"name": "a", "labels": {"disk": "ssd", "cores": "8"}},
            "spec": {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}});
        let tolerating = |mut spec: Value| {
            spec["tolerations"] = json!([{"key": "gpu", "operator": "Exists"}]);
            spec
        };
        assert!(!may_run(&json!({}), &node));
        assert!(may_run(&tolerating(json!({})), &node));
        assert!(may_run(
            &tolerating(json!({"nodeSelector": {"disk": "ssd"}})),
            &node
        ));
        assert!(!may_run(
            &tolerating(json!({"nodeSelector": {"disk": "hdd"}})),
            &node
        ));
        let affinity = |operator: &str, values: Value| {
            tolerating(json!({"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "cores", "operator": operator, "values": values}]}
            ]}}}}))
        };
        assert!(may_run(&affinity("Gt", json!(["4"])), &node));
        assert!(!may_run(&affinity("NotIn", json!(["8"])), &node));
        assert!(!may_run(&affinity("DoesNotExist", json!([])), &node));
    }

    #[test]
    fn host_ports_with_and_without_host_network() {
        let spec = json!({"containers": [{"ports": [{"containerPort": 80, "hostPort": 8080},
            {"containerPort": 53, "protocol": "UDP"}]}]});
        assert_eq!(host_ports(&spec), ["8080/TCP"]);
        let mut on_host = spec;
        on_host["hostNetwork"] = json!(true);
        assert_eq!(host_ports(&on_host), ["8080/TCP", "53/UDP"]);
    }
}
