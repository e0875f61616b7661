//! What a failed container wrote before it ended.

use std::time::Duration;

use serde_json::Value;

use super::watch::{Failure, FailureCause};
use crate::cluster::Cluster;
use crate::cluster::value::Read;

/// How long the kubelet of a node may take to hand a log out.
const WITHIN: Duration = Duration::from_secs(5);

/// How many lines of a log are shown.
const LINES: i64 = 20;

/// Adds the last log lines of the container that failed. Without them the failure is still told:
/// logs may be gone, or not for us to read.
pub async fn with_logs(cluster: &Cluster, mut failure: Failure, pods: &[&Value]) -> Failure {
    let Some((pod, container)) = suspect(&failure, pods) else {
        return failure;
    };
    let namespace = failure.id.namespace.to_string();
    // What a container that never ended says is in its present run.
    let order = match failure.cause {
        FailureCause::Timeout { .. } => [false, true],
        _ => [true, false],
    };
    for previous in order {
        let logs = cluster.logs(&namespace, &pod, &container, LINES, previous);
        let logs = tokio::time::timeout(WITHIN, logs).await;
        let lines: Vec<String> = logs
            .map(Result::unwrap_or_default)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        if !lines.is_empty() {
            failure.logs = lines;
            failure.previous = previous;
            return failure;
        }
    }
    failure
}

/// The pod and container whose log tells most.
fn suspect(failure: &Failure, pods: &[&Value]) -> Option<(String, String)> {
    use super::evidence::FaultKind;
    match &failure.cause {
        FailureCause::Fault(fault) => match fault.kind {
            FaultKind::Crash { .. } => Some((fault.pod.clone(), fault.container.clone())),
            // It never ran.
            FaultKind::Image { .. } | FaultKind::Config { .. } => None,
        },
        FailureCause::Said(_) => pods
            .iter()
            .filter(|pod| {
                pod.namespace() == failure.id.namespace
                    && pod
                        .items(&["metadata", "ownerReferences"])
                        .iter()
                        .any(|owner| owner.text(&["name"]) == failure.id.name)
            })
            .flat_map(|pod| {
                pod.items(&["status", "containerStatuses"])
                    .iter()
                    .filter(|status| status.int(&["state", "terminated", "exitCode"]) != 0)
                    .map(|status| (pod.name().to_owned(), status.text(&["name"]).to_owned()))
            })
            .next_back(),
        FailureCause::Timeout { suspect, .. } => suspect.clone(),
    }
}
