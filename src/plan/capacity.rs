//! Whether more pods fit on the nodes, counted as the scheduler counts: by requests.

use std::collections::HashMap;

use serde_json::Value;

use super::pod::{self, Amounts};
use crate::cluster::value::Read;

/// The nodes and what is left on them.
#[derive(Clone, Debug, Default)]
pub struct Room {
    nodes: Vec<Node>,
    /// Quotas by namespace: what is still allowed there.
    quotas: Vec<Quota>,
    /// What a container asks for that does not say it, by namespace.
    defaults: HashMap<String, Amounts>,
}

#[derive(Clone, Debug)]
struct Node {
    object: Value,
    allocatable: Amounts,
    requested: Amounts,
    ports: Vec<String>,
    pods: Vec<Value>,
}

#[derive(Clone, Debug)]
struct Quota {
    namespace: String,
    name: String,
    left: Amounts,
}

/// Why a pod does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// What is in the way.
    pub cause: Cause,
    /// In words, with the numbers.
    pub reason: String,
}

/// What keeps a pod from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Not enough of a resource, or no node that it may run on.
    Resources,
    /// A host port that is taken on every node.
    HostPort,
    /// A volume that only one node mounts.
    Volume,
}

impl Room {
    /// Counts the pods on the nodes. All are live objects: pods of all namespaces; `limits` are
    /// the ResourceQuotas and LimitRanges of the namespaces that matter.
    pub fn new(nodes: &[Value], pods: &[Value], limits: &[Value]) -> Self {
        let nodes = nodes.iter().map(|object| Node {
            object: object.clone(),
            allocatable: Amounts::read(object.at(&["status", "allocatable"])),
            requested: Amounts::default(),
            ports: Vec::new(),
            pods: Vec::new(),
        });
        let mut room = Self {
            nodes: nodes.collect(),
            quotas: of_kind(limits, "ResourceQuota").map(quota).collect(),
            defaults: HashMap::new(),
        };
        for range in of_kind(limits, "LimitRange") {
            let entry = room.defaults.entry(range.namespace().to_owned());
            entry.or_default().0.extend(default_requests(range).0);
        }
        for pod in pods {
            let is_over = matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed");
            let on = pod.text(&["spec", "nodeName"]);
            let node = room.nodes.iter_mut().find(|node| node.object.name() == on);
            if let (false, Some(node)) = (is_over, node) {
                node.take(&pod::requests(&pod["spec"]), &pod["spec"], pod);
            }
        }
        room
    }

    /// Puts `count` pods of a template on the nodes.
    ///
    /// # Errors
    /// They do not all fit; then nothing was put anywhere.
    pub fn place(&mut self, namespace: &str, template: &Value, count: i64) -> Result<(), Short> {
        let mut room = self.clone();
        for _ in 0..count {
            room.place_one(namespace, template)?;
        }
        *self = room;
        Ok(())
    }

    fn place_one(&mut self, namespace: &str, template: &Value) -> Result<(), Short> {
        let spec = &template["spec"];
        let defaults = self.defaults.get(namespace).cloned().unwrap_or_default();
        let needs = pod::requests_with(spec, &defaults);
        for quota in &mut self.quotas {
            if quota.namespace == namespace {
                quota.take(&needs, spec)?;
            }
        }
        let eligible: Vec<usize> = (0..self.nodes.len())
            .filter(|at| pod::may_run(spec, &self.nodes[*at].object))
            .collect();
        if eligible.is_empty() {
            return Err(resources(format!(
                "a surge pod may run on none of the {} nodes (selector, affinity, taints)",
                self.nodes.len()
            )));
        }
        let ports = pod::host_ports(spec);
        let free_of_ports: Vec<usize> = eligible
            .iter()
            .copied()
            .filter(|at| {
                !ports
                    .iter()
                    .any(|port| self.nodes[*at].ports.contains(port))
            })
            .collect();
        if free_of_ports.is_empty() {
            return Err(Short {
                cause: Cause::HostPort,
                reason: format!(
                    "host port {} is taken on every node a surge pod may run on",
                    ports.join(", ")
                ),
            });
        }
        let apart: Vec<usize> = free_of_ports
            .into_iter()
            .filter(|at| !self.is_repelled(*at, namespace, template))
            .collect();
        if apart.is_empty() {
            return Err(resources(
                "its anti-affinity keeps a surge pod off every node that has one of its pods"
                    .to_owned(),
            ));
        }
        let fitting = apart
            .iter()
            .copied()
            .find(|at| self.nodes[*at].lack(&needs).is_none());
        match fitting {
            Some(at) => {
                let pod = serde_json::json!({
                    "metadata": {"namespace": namespace, "labels": template["metadata"]["labels"]},
                });
                self.nodes[at].take(&needs, spec, &pod);
                Ok(())
            }
            None => Err(self.shortage(&apart, &needs)),
        }
    }

    /// Whether required anti-affinity of the template meets a pod in the topology of a node.
    fn is_repelled(&self, at: usize, namespace: &str, template: &Value) -> bool {
        let path = [
            "spec",
            "affinity",
            "podAntiAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
        ];
        template.items(&path).iter().any(|term| {
            let key = term.text(&["topologyKey"]);
            let place = self.nodes[at].object.label(key);
            let namespaces = term.items(&["namespaces"]);
            let is_in_scope = |pod: &Value| {
                if namespaces.is_empty() {
                    pod.namespace() == namespace
                } else {
                    namespaces
                        .iter()
                        .any(|one| one.as_str() == Some(pod.namespace()))
                }
            };
            self.nodes
                .iter()
                .filter(|node| node.object.label(key) == place)
                .flat_map(|node| &node.pods)
                .any(|pod| is_in_scope(pod) && labels_match(&term["labelSelector"], pod))
        })
    }

    fn shortage(&self, eligible: &[usize], needs: &Amounts) -> Short {
        // The resource that is short on most nodes is the one to talk about.
        let mut lacking: Vec<&str> = eligible
            .iter()
            .filter_map(|at| self.nodes[*at].lack(needs))
            .collect();
        lacking.sort_by_key(|name| i32::from(*name != "memory"));
        let name = lacking.first().copied().unwrap_or("memory").to_owned();
        let freest = eligible
            .iter()
            .map(|at| &self.nodes[*at])
            .max_by_key(|node| node.left(&name));
        let Some(node) = freest else {
            return resources("there are no nodes".to_owned());
        };
        let show = |amount: i128| display(&name, amount);
        resources(format!(
            "a surge pod needs {}; the freest node has {} ({}: {} allocatable, {} requested)",
            show(if name == "pods" {
                1000
            } else {
                needs.get(&name)
            }),
            show(node.left(&name).max(0)),
            node.object.name(),
            show(node.allocatable.get(&name)),
            show(node.allocatable.get(&name) - node.left(&name)),
        ))
    }
}

impl Node {
    fn take(&mut self, requests: &Amounts, spec: &Value, pod: &Value) {
        self.requested.add(requests);
        self.ports.extend(pod::host_ports(spec));
        self.pods.push(serde_json::json!({"metadata": {
            "namespace": pod.namespace(), "labels": pod["metadata"]["labels"]}}));
    }

    fn left(&self, name: &str) -> i128 {
        let used = if name == "pods" {
            i128::try_from(self.pods.len()).unwrap_or(i128::MAX / 1000) * 1000
        } else {
            self.requested.get(name)
        };
        self.allocatable.get(name) - used
    }

    /// The first resource that there is too little of.
    fn lack<'a>(&self, needs: &'a Amounts) -> Option<&'a str> {
        if self.allocatable.0.contains_key("pods") && self.left("pods") < 1000 {
            return Some("pods");
        }
        let short = |(name, amount): &(&String, &i128)| **amount > 0 && self.left(name) < **amount;
        needs.0.iter().find(short).map(|(name, _)| name.as_str())
    }
}

impl Quota {
    fn take(&mut self, needs: &Amounts, spec: &Value) -> Result<(), Short> {
        let mut limits = Amounts::default();
        for container in spec.items(&["containers"]) {
            limits.add(&Amounts::read(container.at(&["resources", "limits"])));
        }
        for (key, left) in &mut self.left.0 {
            let need = match key.as_str() {
                "pods" | "count/pods" => 1000,
                "cpu" | "memory" => needs.get(key),
                key => match key.split_once('.') {
                    Some(("requests", name)) => needs.get(name),
                    Some(("limits", name)) => limits.get(name),
                    _ => 0,
                },
            };
            if need > *left {
                let name = key.rsplit(['.', '/']).next().unwrap_or(key);
                return Err(resources(format!(
                    "a surge pod needs {}; quota {} of namespace {} has {} left ({key})",
                    display(name, need),
                    self.name,
                    self.namespace,
                    display(name, (*left).max(0)),
                )));
            }
            *left -= need;
        }
        Ok(())
    }
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object.kind() == kind)
}

/// What a LimitRange asks for on behalf of containers.
fn default_requests(range: &Value) -> Amounts {
    let mut amounts = Amounts::default();
    for limit in range.items(&["spec", "limits"]) {
        if limit.text(&["type"]) == "Container" {
            amounts.0.extend(Amounts::read(limit.at(&["default"])).0);
            amounts
                .0
                .extend(Amounts::read(limit.at(&["defaultRequest"])).0);
        }
    }
    amounts
}

fn quota(object: &Value) -> Quota {
    let used = Amounts::read(object.at(&["status", "used"]));
    let mut left = Amounts::read(object.at(&["status", "hard"]));
    for (name, amount) in &mut left.0 {
        *amount -= used.get(name);
    }
    Quota {
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
        left,
    }
}

fn labels_match(selector: &Value, pod: &Value) -> bool {
    let labels = selector.at(&["matchLabels"]).and_then(Value::as_object);
    let equal = labels
        .into_iter()
        .flatten()
        .all(|(key, value)| pod.at(&["metadata", "labels", key]) == Some(value));
    selector.is_object()
        && equal
        && selector
            .items(&["matchExpressions"])
            .iter()
            .all(|expression| {
                let label = pod.at(&["metadata", "labels", expression.text(&["key"])]);
                pod::expression_holds(expression, label.and_then(Value::as_str))
            })
}

fn resources(reason: String) -> Short {
    Short {
        cause: Cause::Resources,
        reason,
    }
}

/// Writes an amount as people read it: `512Mi`, `1.9Gi`, `250m` CPU, `3 pods`.
pub fn display(name: &str, thousandths: i128) -> String {
    match name {
        "cpu" if thousandths % 1000 == 0 => format!("{} CPU", thousandths / 1000),
        "cpu" => format!("{thousandths}m CPU"),
        "pods" => match thousandths / 1000 {
            1 => "1 pod".to_owned(),
            n => format!("{n} pods"),
        },
        "memory" | "ephemeral-storage" => bytes(thousandths / 1000),
        name => format!("{} {name}", thousandths / 1000),
    }
}

fn bytes(bytes: i128) -> String {
    const UNITS: [&str; 5] = ["", "Ki", "Mi", "Gi", "Ti"];
    let mut unit = 0;
    let mut size = 1_i128;
    while unit + 1 < UNITS.len() && bytes >= size * 1024 {
        size *= 1024;
        unit += 1;
    }
    // Hundredths, rounded down: room is never overstated.
    let hundredths = bytes * 100 / size;
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let fraction = format!("{rest:02}");
    let fraction = fraction.trim_end_matches('0');
    match fraction {
        "" => format!("{whole}{}", UNITS[unit]),
        fraction => format!("{whole}.{fraction}{}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, memory: &str, pods: &str) -> Value {
        json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {"allocatable": {"memory": memory, "cpu": "4", "pods": pods}}})
    }

    fn pod(node: &str, memory: &str) -> Value {
        json!({"metadata": {"name": "p", "namespace": "shop", "labels": {"app": "old"}},
            "spec": {"nodeName": node, "containers": [
                {"resources": {"requests": {"memory": memory}}}]},
            "status": {"phase": "Running"}})
    }

    fn template(memory: &str) -> Value {
        json!({"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"resources": {"requests": {"memory": memory}}}]}})
    }

    #[test]
    fn a_full_cluster_says_what_is_missing() {
        let nodes = [node("node-1", "2Gi", "110"), node("node-2", "2Gi", "110")];
        let pods = [pod("node-1", "1900Mi"), pod("node-2", "1638Mi")];
        let mut room = Room::new(&nodes, &pods, &[]);
        let short = room.place("shop", &template("512Mi"), 1).unwrap_err();
        assert_eq!(
            short.reason,
            "a surge pod needs 512Mi; the freest node has 410Mi \
             (node-2: 2Gi allocatable, 1.59Gi requested)"
        );
        assert_eq!(room.place("shop", &template("400Mi"), 1), Ok(()));
        assert!(
            room.place("shop", &template("400Mi"), 1).is_err(),
            "the first took the room"
        );
    }

    #[test]
    fn pods_that_are_over_take_no_room() {
        let mut done = pod("node-1", "2Gi");
        done["status"]["phase"] = json!("Succeeded");
        let mut room = Room::new(&[node("node-1", "2Gi", "110")], &[done], &[]);
        assert_eq!(room.place("shop", &template("2Gi"), 1), Ok(()));
    }

    #[test]
    fn the_number_of_pods_counts() {
        let nodes = [node("node-1", "2Gi", "1")];
        let mut room = Room::new(&nodes, &[pod("node-1", "1Mi")], &[]);
        let short = room.place("shop", &template("1Mi"), 1).unwrap_err();
        assert!(
            short
                .reason
                .starts_with("a surge pod needs 1 pod; the freest node has 0 pods")
        );
    }

    #[test]
    fn host_ports_and_anti_affinity_keep_pods_apart() {
        let mut with_port = template("1Mi");
        with_port["spec"]["containers"][0]["ports"] = json!([{"hostPort": 80}]);
        let mut room = Room::new(&[node("node-1", "2Gi", "110")], &[], &[]);
        assert_eq!(room.place("shop", &with_port, 1), Ok(()));
        let short = room.place("shop", &with_port, 1).unwrap_err();
        assert_eq!(short.cause, Cause::HostPort);

        let mut lonely = template("1Mi");
        lonely["spec"]["affinity"] = json!({"podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {"app": "web"}}}]}});
        let mut room = Room::new(&[node("node-1", "2Gi", "110")], &[], &[]);
        assert_eq!(room.place("shop", &lonely, 1), Ok(()));
        assert!(room.place("shop", &lonely, 1).is_err());
        assert_eq!(room.place("other", &lonely, 1), Ok(()));
    }

    #[test]
    fn a_quota_is_a_limit_too() {
        let quota = json!({"kind": "ResourceQuota", "metadata": {"name": "small", "namespace": "shop"}, "status": {
            "hard": {"requests.memory": "1Gi", "pods": "10"},
            "used": {"requests.memory": "900Mi", "pods": "2"}}});
        let mut room = Room::new(&[node("node-1", "8Gi", "110")], &[], &[quota]);
        let short = room.place("shop", &template("512Mi"), 1).unwrap_err();
        assert_eq!(
            short.reason,
            "a surge pod needs 512Mi; quota small of namespace shop has 124Mi left (requests.memory)"
        );
        assert_eq!(room.place("other", &template("512Mi"), 1), Ok(()));
    }

    #[test]
    fn a_limit_range_asks_for_containers_that_do_not() {
        let range = json!({"kind": "LimitRange", "metadata": {"namespace": "shop"}, "spec": {
            "limits": [{"type": "Container", "defaultRequest": {"memory": "1Gi"}}]}});
        let mut room = Room::new(&[node("node-1", "1536Mi", "110")], &[], &[range]);
        let silent = json!({"spec": {"containers": [{"name": "a"}]}});
        assert_eq!(room.place("shop", &silent, 1), Ok(()));
        assert!(room.place("shop", &silent, 1).is_err());
        assert_eq!(room.place("shop", &template("100Mi"), 1), Ok(()));
        assert_eq!(room.place("other", &silent, 9), Ok(()));
    }

    #[test]
    fn amounts_in_words() {
        assert_eq!(display("memory", 2_040_109_465 * 1000), "1.89Gi");
        assert_eq!(display("memory", 512 * 1024 * 1024 * 1000), "512Mi");
        assert_eq!(display("cpu", 250), "250m CPU");
        assert_eq!(display("cpu", 4000), "4 CPU");
        assert_eq!(display("nvidia.com/gpu", 1000), "1 nvidia.com/gpu");
    }
}
