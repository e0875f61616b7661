//! Watches workloads until all are ready, one is certain to fail, or time is up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::stream::{self, SelectAll, Stream, StreamExt};
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event as WatchEvent};
use serde_json::Value;

use super::diagnose;
use super::event::{Event, Reporter};
use super::evidence::{Evidence, Fault};
use crate::cluster::health::{self, Health, State};
use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::manifest::object::ObjectId;

/// What is said of an object that no watch has shown yet.
const APPLIED: &str = "applied";

/// A workload to watch.
#[derive(Clone, Debug)]
pub struct Target {
    /// Which.
    pub id: ObjectId,
    /// How its kind is served.
    pub resource: Resource,
    /// Its generation after the apply; what is older is not looked at.
    pub generation: i64,
    /// Whether this release has changed it; what is unchanged and ready is not worth a word.
    pub changed: bool,
}

/// Why a rollout has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The workload that failed, or the first that was not ready in time.
    pub id: ObjectId,
    /// How.
    pub cause: FailureCause,
    /// Last lines that the container wrote.
    pub logs: Vec<String>,
    /// Whether these are of the run before the present one.
    pub previous: bool,
    /// Every workload that was not ready, and why.
    pub unready: Vec<(ObjectId, String)>,
    /// How long the watch had lasted.
    pub after: Duration,
}

/// How a rollout has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// A container that cannot come up.
    Fault(Fault),
    /// The object says so itself.
    Said(String),
    /// Time is up.
    Timeout {
        /// The time there was.
        limit: Duration,
        /// What its pods say, each once.
        pods: Vec<String>,
    },
}

/// A watch that could not be carried out, or a rollout that failed.
#[derive(Debug)]
pub enum WatchError {
    /// The cluster does not let us, or is gone.
    Cluster(ClusterError),
    /// The rollout failed.
    Failed(Box<Failure>),
}

type Key = (String, String, String);
type Stored = Pin<
    Box<dyn Stream<Item = (Resource, Result<WatchEvent<DynamicObject>, watcher::Error>)> + Send>,
>;

/// Watches until all targets are ready.
///
/// # Errors
/// One fails for a terminal reason, `limit` is over, or the user may not watch.
pub async fn watch(
    cluster: &Cluster,
    targets: &[Target],
    limit: Duration,
    started: Instant,
    reporter: &mut dyn Reporter,
) -> Result<(), WatchError> {
    if targets.is_empty() {
        return Ok(());
    }
    let mut streams = open(cluster, targets);
    let mut view = View::default();
    let deadline = Instant::now() + limit;
    let begun = Instant::now();
    let mut said: HashMap<ObjectId, Health> = HashMap::new();
    loop {
        // Wake up now and then: some evidence is completed by time alone.
        let tick = deadline
            .saturating_duration_since(Instant::now())
            .min(Duration::from_secs(1));
        match tokio::time::timeout(tick, streams.next()).await {
            Ok(Some((resource, Ok(event)))) => view.take(&resource, event),
            Ok(Some((resource, Err(error)))) => refuse(cluster, &resource, error)?,
            Ok(None) | Err(_) => {}
        }
        let states = view.states(targets);
        for (target, health) in targets.iter().zip(&states) {
            let is_new = said.get(&target.id) != Some(health);
            let is_quiet = health.reason == APPLIED
                || !target.changed
                    && health.state == State::Ready
                    && !said.contains_key(&target.id);
            if is_new && !is_quiet {
                said.insert(target.id.clone(), health.clone());
                let event = Event::Progress {
                    id: target.id.clone(),
                    health: health.clone(),
                };
                reporter.event(started.elapsed(), &event);
            }
        }
        if states.iter().all(|health| health.state == State::Ready) {
            return Ok(());
        }
        let cause = view.verdict(targets, &states).or_else(|| {
            (Instant::now() >= deadline).then(|| view.timeout(targets, &states, limit))
        });
        if let Some((id, cause)) = cause {
            let failure = Failure {
                id,
                cause,
                logs: Vec::new(),
                previous: false,
                unready: unready(targets, &states),
                after: begun.elapsed(),
            };
            let failure = diagnose::with_logs(cluster, failure, &view.pods()).await;
            return Err(WatchError::Failed(Box::new(failure)));
        }
    }
}

fn unready(targets: &[Target], states: &[Health]) -> Vec<(ObjectId, String)> {
    targets
        .iter()
        .zip(states)
        .filter(|(_, health)| health.state != State::Ready)
        .map(|(target, health)| (target.id.clone(), health.reason.clone()))
        .collect()
}

/// Opens one watch for each kind and namespace of the targets, and for the pods below them.
fn open(cluster: &Cluster, targets: &[Target]) -> SelectAll<Stored> {
    let mut wanted: Vec<(Resource, String)> = Vec::new();
    let mut add = |resource: Resource, namespace: &str| {
        let entry = (resource, namespace.to_owned());
        if !wanted.contains(&entry) {
            wanted.push(entry);
        }
    };
    for target in targets {
        let namespace = target.id.namespace.as_str();
        add(target.resource.clone(), namespace);
        if matches!(target.id.group.as_str(), "apps" | "batch") {
            add(Resource::namespaced("", "v1", "Pod", "pods"), namespace);
        }
        if target.id.kind == "Deployment" {
            add(
                Resource::namespaced("apps", "v1", "ReplicaSet", "replicasets"),
                namespace,
            );
        }
    }
    let streams = wanted.into_iter().map(|(resource, namespace)| {
        let api: Api<DynamicObject> = if resource.namespaced {
            Api::namespaced_with(cluster.client(), &namespace, &resource.api)
        } else {
            Api::all_with(cluster.client(), &resource.api)
        };
        let events = watcher::watcher(api, watcher::Config::default()).default_backoff();
        let tagged: Stored = Box::pin(
            stream::repeat(resource)
                .zip(events)
                .map(|(resource, event)| (resource, event)),
        );
        tagged
    });
    stream::select_all(streams)
}

/// A missing permission ends the watch; anything else is tried again.
fn refuse(cluster: &Cluster, resource: &Resource, error: watcher::Error) -> Result<(), WatchError> {
    let status = match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => error,
        _ => return Ok(()),
    };
    let label = format!("watching {}", resource.api.plural);
    match cluster.sort(status, &label) {
        error @ (ClusterError::Forbidden { .. } | ClusterError::Unauthorized { .. }) => {
            Err(WatchError::Cluster(error))
        }
        _ => Ok(()),
    }
}

/// What the watches have shown so far.
#[derive(Default)]
struct View {
    objects: BTreeMap<Key, Value>,
    evidence: Evidence,
}

impl View {
    fn take(&mut self, resource: &Resource, event: WatchEvent<DynamicObject>) {
        match event {
            WatchEvent::InitApply(object) | WatchEvent::Apply(object) => {
                self.store(resource, &object);
            }
            WatchEvent::Delete(object) => {
                if let Some(key) = self.store(resource, &object) {
                    self.objects.remove(&key);
                }
            }
            // What vanished while a watch was broken stays here and at worst delays the end: a
            // workload's own status decides, not the pods.
            WatchEvent::Init | WatchEvent::InitDone => {}
        }
    }

    fn store(&mut self, resource: &Resource, object: &DynamicObject) -> Option<Key> {
        let mut value = serde_json::to_value(object).ok()?;
        value["apiVersion"] = Value::String(resource.api.api_version.clone());
        value["kind"] = Value::String(resource.api.kind.clone());
        if resource.api.kind == "Pod" {
            self.evidence.observe(&value, Instant::now());
        }
        let key = (
            resource.api.kind.clone(),
            value.namespace().to_owned(),
            value.name().to_owned(),
        );
        self.objects.insert(key.clone(), value);
        Some(key)
    }

    fn get(&self, id: &ObjectId) -> Option<&Value> {
        let key = (
            id.kind.to_string(),
            id.namespace.to_string(),
            id.name.to_string(),
        );
        self.objects.get(&key)
    }

    fn of_kind<'a>(&'a self, kind: &'a str, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |((k, ns, _), _)| k == kind && ns == namespace)
            .map(|(_, value)| value)
    }

    fn pods(&self) -> Vec<&Value> {
        let is_pod = |((kind, ..), _): &(&Key, &Value)| kind == "Pod";
        self.objects
            .iter()
            .filter(is_pod)
            .map(|(_, value)| value)
            .collect()
    }

    fn states(&self, targets: &[Target]) -> Vec<Health> {
        targets
            .iter()
            .map(|target| match self.get(&target.id) {
                Some(object) if object.int(&["metadata", "generation"]) >= target.generation => {
                    health::health(object)
                }
                _ => Health {
                    state: State::Progressing,
                    reason: APPLIED.to_owned(),
                },
            })
            .collect()
    }

    /// Whether the matter is settled for one of the targets that are not ready.
    fn verdict(&self, targets: &[Target], states: &[Health]) -> Option<(ObjectId, FailureCause)> {
        for (target, health) in targets.iter().zip(states) {
            if health.state == State::Ready {
                continue;
            }
            // A Job retries as often as it says itself.
            if target.id.group == "apps" || target.id.kind == "Pod" {
                let pods = self.new_pods(target);
                if let Some(fault) = self.evidence.fault(&pods, Instant::now()) {
                    return Some((target.id.clone(), FailureCause::Fault(fault)));
                }
            }
            if health.state == State::Failed {
                let said = FailureCause::Said(health.reason.clone());
                return Some((target.id.clone(), said));
            }
        }
        None
    }

    fn timeout(
        &self,
        targets: &[Target],
        states: &[Health],
        limit: Duration,
    ) -> (ObjectId, FailureCause) {
        let late = targets
            .iter()
            .zip(states)
            .find(|(_, health)| health.state != State::Ready)
            .map_or(&targets[0], |(target, _)| target);
        let new: HashSet<String> = self.new_pods(late).into_iter().collect();
        let mut pods: Vec<String> = self
            .of_kind("Pod", &late.id.namespace)
            .filter(|pod| new.contains(pod.text(&["metadata", "uid"])))
            .filter(|pod| health::health(pod).state != State::Ready)
            .map(|pod| format!("pod {}: {}", pod.name(), health::pod_reason(pod)))
            .collect();
        pods.sort();
        (late.id.clone(), FailureCause::Timeout { limit, pods })
    }

    /// UIDs of the pods that run a workload's new revision.
    fn new_pods(&self, target: &Target) -> Vec<String> {
        let Some(workload) = self.get(&target.id) else {
            return Vec::new();
        };
        if workload.int(&["metadata", "generation"]) < target.generation
            || health::health(workload).reason.starts_with("not seen by")
        {
            return Vec::new();
        }
        let namespace = target.id.namespace.as_str();
        let uid = workload.text(&["metadata", "uid"]);
        // Evidence keeps pods that are gone: a crashing pod may have been replaced.
        let pods = |is_new: &dyn Fn(&Value) -> bool| -> Vec<String> {
            self.evidence.seen(is_new).collect()
        };
        match target.id.kind.as_str() {
            "Pod" => vec![uid.to_owned()],
            "Deployment" => {
                let set = self
                    .of_kind("ReplicaSet", namespace)
                    .filter(|set| set.controller_uid() == uid)
                    .max_by_key(|set| revision(set));
                match set.map(|set| set.text(&["metadata", "uid"])) {
                    Some(set) => pods(&|pod| pod.controller_uid() == set),
                    None => Vec::new(),
                }
            }
            "StatefulSet" => {
                let hash = workload.text(&["status", "updateRevision"]);
                pods(&|pod| {
                    pod.controller_uid() == uid && pod.label("controller-revision-hash") == hash
                })
            }
            "DaemonSet" => {
                let generation = workload.annotation("deprecated.daemonset.template.generation");
                pods(&|pod| {
                    pod.controller_uid() == uid
                        && pod.label("pod-template-generation") == generation
                })
            }
            _ => pods(&|pod| pod.controller_uid() == uid),
        }
    }
}

/// The number that the Deployment controller gives to its ReplicaSets; the new one has the highest.
fn revision(set: &Value) -> i64 {
    set.annotation("deployment.kubernetes.io/revision")
        .parse()
        .unwrap_or_default()
}
