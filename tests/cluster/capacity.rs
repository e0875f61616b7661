//! Nodes that are full, as the scheduler counts: by requests.

use super::{Cluster, Nodes};

impl Nodes {
    /// Returns the Node objects, whose names are `node-0`, `node-1`, ...
    pub(super) fn manifests(&self) -> String {
        let resources = format!(
            "{{cpu: '{}', memory: {}, pods: '{}'}}",
            self.cpu, self.memory, self.pods
        );
        let nodes: Vec<String> = (0..self.count)
            .map(|n| {
                format!(
                    "apiVersion: v1\nkind: Node\nmetadata:\n  name: node-{n}\n  annotations: {{kwok.x-k8s.io/node: fake}}\n  \
                     labels: {{kubernetes.io/hostname: node-{n}, kubernetes.io/os: linux, kubernetes.io/arch: amd64}}\n\
                     status:\n  allocatable: {resources}\n  capacity: {resources}\n---\n"
                )
            })
            .collect();
        nodes.concat()
    }

    /// Returns the memory of one node in bytes.
    pub(crate) fn memory_bytes(&self) -> Result<u64, String> {
        memory_bytes(self.memory)
    }
}

/// Returns a quantity of memory in bytes.
fn memory_bytes(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let shift = match unit {
        "" => 0,
        "Ki" => 10,
        "Mi" => 20,
        "Gi" => 30,
        "Ti" => 40,
        _ => return Err(format!("memory `{text}`: give it in Ki, Mi, Gi or Ti")),
    };
    let number: u64 = number
        .parse()
        .map_err(|error| format!("memory `{text}`: {error}"))?;
    Ok(number << shift)
}

impl Cluster {
    /// Fills every node to `percent` of its memory, by the requests of one pod in the namespace
    /// `filler`; what other pods request counts. A second call replaces the first.
    pub(crate) fn fill(&self, percent: u64) {
        let memory = self
            .nodes
            .memory_bytes()
            .unwrap_or_else(|message| panic!("{message}"));
        self.kubectl_ok(&["delete", "namespace", "filler", "--ignore-not-found"]);
        self.kubectl_ok(&["create", "namespace", "filler"]);
        self.wait("serviceaccount/default", &["-n", "filler", "--for=create"]);
        let pods: Vec<String> = (0..self.nodes.count)
            .map(|n| {
                let bytes = (memory * percent / 100).saturating_sub(self.requested(n));
                format!(
                    "apiVersion: v1\nkind: Pod\nmetadata: {{name: filler-{n}, namespace: filler}}\n\
                     spec:\n  nodeName: node-{n}\n  containers:\n  - name: filler\n    image: filler\n    \
                     resources: {{requests: {{memory: '{bytes}'}}}}\n---\n"
                )
            })
            .collect();
        self.apply(&pods.concat());
        self.wait("pods", &["-n", "filler", "--all", "--for=condition=Ready"]);
    }

    /// Bytes of memory that the pods on a node request.
    fn requested(&self, node: usize) -> u64 {
        let requests = self.kubectl_ok(&[
            "get",
            "pods",
            "--all-namespaces",
            &format!("--field-selector=spec.nodeName=node-{node}"),
            "-o",
            "jsonpath={.items[*].spec.containers[*].resources.requests.memory}",
        ]);
        let bytes = |text: &str| memory_bytes(text).unwrap_or_else(|message| panic!("{message}"));
        requests.split_whitespace().map(bytes).sum()
    }
}
