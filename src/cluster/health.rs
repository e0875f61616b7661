//! Whether an object has become what it says, and if not, why not: kstatus's rules
//! (cli-utils, `pkg/kstatus/status`) over JSON, with reasons that people can act on.

use serde_json::Value;

use super::value::Read;

/// How far an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As asked for, and working.
    Ready,
    /// On its way.
    Progressing,
    /// It says itself that it will not become ready.
    Failed,
}

/// The state of one object, and in words what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How far it is.
    pub state: State,
    /// A lower-case fragment: `1 of 3 pods ready`. Never empty.
    pub reason: String,
}

impl Health {
    fn ready(reason: impl Into<String>) -> Self {
        Self {
            state: State::Ready,
            reason: reason.into(),
        }
    }

    fn progressing(reason: impl Into<String>) -> Self {
        Self {
            state: State::Progressing,
            reason: reason.into(),
        }
    }

    fn failed(reason: impl Into<String>) -> Self {
        Self {
            state: State::Failed,
            reason: reason.into(),
        }
    }
}

/// Judges a live object.
pub fn health(object: &Value) -> Health {
    if object.at(&["metadata", "deletionTimestamp"]).is_some() {
        return Health::progressing("being deleted");
    }
    if !is_observed(object) {
        return Health::progressing("not seen by its controller yet");
    }
    match (object.group(), object.kind()) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => replica_set(object),
        ("batch", "Job") => job(object),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "Service") => service(object),
        ("", "Namespace") => match object.text(&["status", "phase"]) {
            "Terminating" => Health::progressing("being deleted"),
            _ => Health::ready("active"),
        },
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd(object),
        ("apiregistration.k8s.io", "APIService") => by_condition(object, "Available"),
        ("policy" | "autoscaling", _) => Health::ready("exists"),
        (group, _) if is_built_in(group) => Health::ready("exists"),
        _ => custom(object),
    }
}

/// Whether an object of this kind can take its time, so that a rollout has to watch it.
pub fn takes_time(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet")
            | ("batch", "Job")
            | ("", "Pod" | "PersistentVolumeClaim")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

fn is_built_in(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io") && group != "gateway.networking.k8s.io"
}

fn is_observed(object: &Value) -> bool {
    let observed = object.at(&["status", "observedGeneration"]);
    let generation = object.int(&["metadata", "generation"]);
    match observed.and_then(Value::as_i64) {
        Some(observed) => observed >= generation,
        // Workloads say what they have seen; before that they have seen nothing.
        None => object.group() != "apps",
    }
}

fn deployment(object: &Value) -> Health {
    let wanted = replicas(object);
    let status = |field| object.int(&["status", field]);
    if let Some(progress) = object.condition("Progressing")
        && progress.text(&["reason"]) == "ProgressDeadlineExceeded"
    {
        return Health::failed(format!(
            "no progress within its deadline, {} of {wanted} pods ready",
            status("readyReplicas")
        ));
    }
    if let Some(failure) = object.condition("ReplicaFailure")
        && failure.text(&["status"]) == "True"
        && status("updatedReplicas") < wanted
    {
        return Health::progressing(format!("pods are refused: {}", failure.text(&["message"])));
    }
    let (updated, total) = (status("updatedReplicas"), status("replicas"));
    let available = status("availableReplicas");
    if updated < wanted {
        return Health::progressing(format!("{updated} of {wanted} pods are of this revision"));
    }
    if total > updated {
        let old = total - updated;
        return Health::progressing(format!("{} still running", pods(old, "old")));
    }
    if available < wanted {
        return Health::progressing(format!("{available} of {wanted} pods ready"));
    }
    Health::ready(format!("{available} of {wanted} pods ready"))
}

fn stateful_set(object: &Value) -> Health {
    let wanted = replicas(object);
    let status = |field| object.int(&["status", field]);
    let ready = status("readyReplicas");
    if object.text(&["spec", "updateStrategy", "type"]) == "OnDelete" {
        return Health::ready(format!(
            "{ready} of {wanted} pods ready, updated when deleted"
        ));
    }
    if status("replicas") < wanted || ready < wanted {
        return Health::progressing(format!("{ready} of {wanted} pods ready"));
    }
    let partition = object.int(&["spec", "updateStrategy", "rollingUpdate", "partition"]);
    let updated = status("updatedReplicas");
    if partition > 0 {
        return if updated < wanted - partition {
            Health::progressing(format!("{updated} of {} pods updated", wanted - partition))
        } else {
            Health::ready(format!(
                "{ready} of {wanted} pods ready, partition {partition}"
            ))
        };
    }
    let revision = |field| object.text(&["status", field]);
    if revision("currentRevision") != revision("updateRevision") {
        return Health::progressing(format!("{updated} of {wanted} pods updated"));
    }
    Health::ready(format!("{ready} of {wanted} pods ready"))
}

fn daemon_set(object: &Value) -> Health {
    let status = |field| object.int(&["status", field]);
    let wanted = status("desiredNumberScheduled");
    let on_delete = object.text(&["spec", "updateStrategy", "type"]) == "OnDelete";
    let updated = status("updatedNumberScheduled");
    if !on_delete && updated < wanted {
        return Health::progressing(format!("{updated} of {wanted} pods updated"));
    }
    let available = status("numberAvailable");
    if available < wanted {
        return Health::progressing(format!("{available} of {wanted} pods ready"));
    }
    Health::ready(format!("{available} of {wanted} pods ready"))
}

fn replica_set(object: &Value) -> Health {
    let wanted = replicas(object);
    let ready = object.int(&["status", "availableReplicas"]);
    if ready < wanted {
        return Health::progressing(format!("{ready} of {wanted} pods ready"));
    }
    Health::ready(format!("{ready} of {wanted} pods ready"))
}

fn job(object: &Value) -> Health {
    let is_true = |kind| {
        object
            .condition(kind)
            .filter(|condition| condition.text(&["status"]) == "True")
    };
    if let Some(failed) = is_true("Failed") {
        return Health::failed(format!(
            "{}: {}",
            failed.text(&["reason"]),
            failed.text(&["message"])
        ));
    }
    if is_true("Complete").is_some() {
        return Health::ready("complete");
    }
    if object.flag(&["spec", "suspend"]) {
        return Health::ready("suspended");
    }
    let done = object.int(&["status", "succeeded"]);
    let wanted = object
        .at(&["spec", "completions"])
        .map_or(1, |_| object.int(&["spec", "completions"]));
    Health::progressing(format!("{done} of {wanted} runs complete"))
}

fn pod(object: &Value) -> Health {
    match object.text(&["status", "phase"]) {
        "Succeeded" => return Health::ready("complete"),
        "Failed" => {
            let reason = object.text(&["status", "reason"]);
            return Health::failed(if reason.is_empty() { "failed" } else { reason });
        }
        _ => {}
    }
    if let Some(ready) = object.condition("Ready")
        && ready.text(&["status"]) == "True"
    {
        return Health::ready("ready");
    }
    Health::progressing(pod_reason(object))
}

/// Why a pod is not ready, in the words that its conditions and containers give.
pub fn pod_reason(pod: &Value) -> String {
    if let Some(scheduled) = pod.condition("PodScheduled")
        && scheduled.text(&["status"]) == "False"
    {
        return format!("cannot be scheduled: {}", scheduled.text(&["message"]));
    }
    let lists = ["initContainerStatuses", "containerStatuses"];
    let containers = lists.iter().flat_map(|list| pod.items(&["status", list]));
    for container in containers {
        let waiting = container.text(&["state", "waiting", "reason"]);
        if !waiting.is_empty() && waiting != "PodInitializing" && waiting != "ContainerCreating" {
            return format!("container {}: {waiting}", container.text(&["name"]));
        }
    }
    match pod.condition("Ready").map(|ready| ready.text(&["message"])) {
        Some(message) if !message.is_empty() => message.to_owned(),
        _ => match pod.text(&["status", "phase"]) {
            "Pending" if pod.text(&["spec", "nodeName"]).is_empty() => "waits for a node".into(),
            "Pending" => "containers are being created".into(),
            _ => "not ready".into(),
        },
    }
}

fn claim(object: &Value) -> Health {
    match object.text(&["status", "phase"]) {
        "Bound" => Health::ready("bound"),
        "Lost" => Health::failed("its volume is lost"),
        _ => Health::progressing("waits for a volume"),
    }
}

fn service(object: &Value) -> Health {
    if object.text(&["spec", "type"]) == "LoadBalancer"
        && object
            .items(&["status", "loadBalancer", "ingress"])
            .is_empty()
    {
        return Health::progressing("waits for a load balancer");
    }
    Health::ready("exists")
}

fn crd(object: &Value) -> Health {
    let condition = |kind| object.condition(kind).map(|c| c.text(&["status"]));
    if condition("NamesAccepted") == Some("False") {
        let message = object
            .condition("NamesAccepted")
            .map_or("", |c| c.text(&["message"]));
        return Health::failed(format!("its names are taken: {message}"));
    }
    match condition("Established") {
        Some("True") => Health::ready("established"),
        _ => Health::progressing("not established yet"),
    }
}

/// A kind that we do not know: what its conditions say in the usual words.
fn custom(object: &Value) -> Health {
    for kind in ["Stalled", "Failed"] {
        if let Some(condition) = object.condition(kind)
            && condition.text(&["status"]) == "True"
        {
            return Health::failed(format!("{kind}: {}", condition.text(&["message"])));
        }
    }
    if let Some(condition) = object.condition("Reconciling")
        && condition.text(&["status"]) == "True"
    {
        return Health::progressing(condition.text(&["message"]));
    }
    match object.condition("Ready") {
        Some(_) => by_condition(object, "Ready"),
        None => Health::ready("exists"),
    }
}

fn by_condition(object: &Value, kind: &str) -> Health {
    let condition = object.condition(kind);
    match condition.map(|condition| condition.text(&["status"])) {
        Some("True") => Health::ready(kind.to_lowercase()),
        Some(_) => {
            let message = condition.map_or("", |condition| condition.text(&["message"]));
            Health::progressing(format!("not {}: {message}", kind.to_lowercase()))
        }
        None => Health::progressing(format!("not {} yet", kind.to_lowercase())),
    }
}

fn replicas(object: &Value) -> i64 {
    object
        .at(&["spec", "replicas"])
        .and_then(Value::as_i64)
        .unwrap_or(1)
}

fn pods(count: i64, which: &str) -> String {
    match count {
        1 => format!("1 {which} pod"),
        n => format!("{n} {which} pods"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn case(object: Value, state: State, reason: &str) {
        let found = health(&object);
        assert_eq!((found.state, found.reason.as_str()), (state, reason));
    }

    fn deployment(replicas: i64, status: Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "generation": 2},
            "spec": {"replicas": replicas}, "status": status,
        })
    }

    #[test]
    fn deployments() {
        case(
            deployment(1, json!({})),
            State::Progressing,
            "not seen by its controller yet",
        );
        case(
            deployment(1, json!({"observedGeneration": 1, "readyReplicas": 1})),
            State::Progressing,
            "not seen by its controller yet",
        );
        case(
            deployment(
                3,
                json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1}),
            ),
            State::Progressing,
            "1 of 3 pods are of this revision",
        );
        case(
            deployment(
                3,
                json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3}),
            ),
            State::Progressing,
            "1 old pod still running",
        );
        case(
            deployment(
                3,
                json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
                "availableReplicas": 2}),
            ),
            State::Progressing,
            "2 of 3 pods ready",
        );
        case(
            deployment(
                3,
                json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3,
                "availableReplicas": 3}),
            ),
            State::Ready,
            "3 of 3 pods ready",
        );
        case(
            deployment(0, json!({"observedGeneration": 2})),
            State::Ready,
            "0 of 0 pods ready",
        );
        case(
            deployment(
                1,
                json!({"observedGeneration": 2, "conditions": [
                {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}),
            ),
            State::Failed,
            "no progress within its deadline, 0 of 1 pods ready",
        );
    }

    #[test]
    fn stateful_sets_and_daemon_sets() {
        let set = |status: Value| {
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": status})
        };
        case(
            set(
                json!({"observedGeneration": 1, "replicas": 2, "readyReplicas": 2,
                "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}),
            ),
            State::Progressing,
            "1 of 2 pods updated",
        );
        case(
            set(
                json!({"observedGeneration": 1, "replicas": 2, "readyReplicas": 2,
                "updatedReplicas": 2, "currentRevision": "b", "updateRevision": "b"}),
            ),
            State::Ready,
            "2 of 2 pods ready",
        );
        let daemons = json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"generation": 1}, "spec": {},
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 3,
                "updatedNumberScheduled": 3, "numberAvailable": 2}});
        case(daemons, State::Progressing, "2 of 3 pods ready");
    }

    #[test]
    fn jobs_claims_and_definitions() {
        let job = |conditions: Value| {
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {},
                "spec": {"completions": 2}, "status": {"succeeded": 1, "conditions": conditions}})
        };
        case(job(json!([])), State::Progressing, "1 of 2 runs complete");
        case(
            job(
                json!([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit"}]),
            ),
            State::Failed,
            "BackoffLimitExceeded: Job has reached the specified backoff limit",
        );
        case(
            job(json!([{"type": "Complete", "status": "True"}])),
            State::Ready,
            "complete",
        );
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {}, "status": {"phase": "Pending"}});
        case(claim, State::Progressing, "waits for a volume");
        let crd = json!({"apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition", "metadata": {},
            "status": {"conditions": [{"type": "Established", "status": "True"}]}});
        case(crd, State::Ready, "established");
    }

    #[test]
    fn what_nobody_knows_exists_or_says_ready() {
        let certificate = |status: Value| {
            json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
                "metadata": {"generation": 1}, "status": status})
        };
        case(certificate(json!({})), State::Ready, "exists");
        case(
            certificate(json!({"conditions": [{"type": "Ready", "status": "False",
                "message": "waiting for the issuer"}]})),
            State::Progressing,
            "not ready: waiting for the issuer",
        );
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}});
        case(map, State::Ready, "exists");
    }

    #[test]
    fn a_pod_says_why() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {},
            "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled",
                "status": "False", "message": "0/3 nodes are available: 3 Insufficient memory."}]}});
        case(
            pod,
            State::Progressing,
            "cannot be scheduled: 0/3 nodes are available: 3 Insufficient memory.",
        );
    }
}
