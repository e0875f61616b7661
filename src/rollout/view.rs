//! What the watches have shown: workloads, the pods below them, and what that means.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use kube::api::DynamicObject;
use kube::runtime::watcher::Event;
use serde_json::Value;

use super::evidence::Evidence;
use super::watch::{FailureCause, Target};
use crate::cluster::Resource;
use crate::cluster::health::{self, Health, State};
use crate::cluster::value::Read;
use crate::manifest::object::ObjectId;

/// What is said of an object that no watch has shown yet.
pub(super) const APPLIED: &str = "applied";

/// Kind, namespace and name.
type Key = (String, String, String);

/// The state of a rollout as far as it is known. An event makes one workload doubtful, and only
/// doubtful ones are looked at, so that the work grows with the events.
pub(super) struct View<'a> {
    targets: &'a [Target],
    /// The target of each workload.
    by_key: HashMap<Key, usize>,
    states: Vec<Health>,
    doubtful: BTreeSet<usize>,
    objects: BTreeMap<Key, Value>,
    /// The ReplicaSets of each Deployment, by its UID.
    sets: HashMap<String, BTreeSet<Key>>,
    /// The workload above each owner of pods, by UIDs.
    above: HashMap<String, Key>,
    evidence: Evidence,
}

impl<'a> View<'a> {
    /// A view that has seen nothing.
    pub(super) fn new(targets: &'a [Target]) -> Self {
        let applied = Health {
            state: State::Progressing,
            reason: APPLIED.to_owned(),
        };
        let keys = targets.iter().map(|target| key_of(&target.id));
        Self {
            targets,
            by_key: keys.zip(0..).collect(),
            states: vec![applied; targets.len()],
            doubtful: BTreeSet::new(),
            objects: BTreeMap::new(),
            sets: HashMap::new(),
            above: HashMap::new(),
            evidence: Evidence::default(),
        }
    }

    /// Takes in an event.
    pub(super) fn take(&mut self, resource: &Resource, event: Event<DynamicObject>) {
        match event {
            Event::InitApply(object) | Event::Apply(object) => {
                self.store(resource, &object);
            }
            Event::Delete(object) => {
                if let Some(key) = self.store(resource, &object) {
                    self.objects.remove(&key);
                }
            }
            // What vanished while a watch was broken stays here and at worst delays the end: a
            // workload's own status decides, not the pods.
            Event::Init | Event::InitDone => {}
        }
    }

    /// Makes everything that is not ready doubtful: time has passed.
    pub(super) fn doubt_all(&mut self) {
        let unready = (0..self.states.len()).filter(|at| self.states[*at].state != State::Ready);
        self.doubtful.extend(unready);
    }

    /// Judges what has become doubtful, and returns it.
    pub(super) fn judge(&mut self) -> Vec<usize> {
        let doubtful: Vec<usize> = std::mem::take(&mut self.doubtful).into_iter().collect();
        for at in &doubtful {
            if let Some(health) = self.judge_one(*at) {
                self.states[*at] = health;
            }
        }
        doubtful
    }

    /// The state of a target.
    pub(super) fn health(&self, at: usize) -> &Health {
        &self.states[at]
    }

    /// Whether all targets are ready.
    pub(super) fn is_ready(&self) -> bool {
        self.states
            .iter()
            .all(|health| health.state == State::Ready)
    }

    /// The targets that are not ready, and why.
    pub(super) fn unready(&self) -> Vec<(ObjectId, String)> {
        self.targets
            .iter()
            .zip(&self.states)
            .filter(|(_, health)| health.state != State::Ready)
            .map(|(target, health)| (target.id.clone(), health.reason.clone()))
            .collect()
    }

    /// All pods.
    pub(super) fn pods(&self) -> Vec<&Value> {
        let is_pod = |((kind, ..), _): &(&Key, &Value)| kind == "Pod";
        self.objects
            .iter()
            .filter(is_pod)
            .map(|(_, value)| value)
            .collect()
    }

    /// What settles the matter for a target that is not ready, if anything does.
    pub(super) fn verdict(&self, at: usize) -> Option<FailureCause> {
        let (target, health) = (&self.targets[at], &self.states[at]);
        if health.state == State::Ready {
            return None;
        }
        // A Job retries as often as it says itself.
        if target.id.group == "apps" || target.id.kind == "Pod" {
            let pods = self.new_pods(target);
            if let Some(fault) = self.evidence.fault(&pods, Instant::now()) {
                return Some(FailureCause::Fault(fault));
            }
        }
        (health.state == State::Failed).then(|| FailureCause::Said(health.reason.clone()))
    }

    /// What there is to say when time is up.
    pub(super) fn timeout(&self, limit: Duration) -> (usize, FailureCause) {
        let is_late = |health: &Health| health.state != State::Ready;
        let at = self.states.iter().position(is_late).unwrap_or_default();
        let late = &self.targets[at];
        let new: BTreeSet<String> = self.new_pods(late).into_iter().collect();
        let pods: Vec<&Value> = self
            .pods()
            .into_iter()
            .filter(|pod| new.contains(pod.text(&["metadata", "uid"])))
            .filter(|pod| health::health(pod).state != State::Ready)
            .collect();
        let suspect = pods.iter().find_map(|pod| {
            let statuses = pod.items(&["status", "containerStatuses"]);
            let slow = statuses.iter().find(|status| {
                !status.flag(&["ready"]) && status.at(&["state", "running"]).is_some()
            })?;
            Some((pod.name().to_owned(), slow.text(&["name"]).to_owned()))
        });
        let say = |pod: &&Value| format!("pod {}: {}", pod.name(), health::pod_reason(pod));
        let cause = FailureCause::Timeout {
            limit,
            pods: pods.iter().map(say).collect(),
            suspect,
        };
        (at, cause)
    }

    fn store(&mut self, resource: &Resource, object: &DynamicObject) -> Option<Key> {
        let mut value = serde_json::to_value(object).ok()?;
        value["apiVersion"] = Value::String(resource.api.api_version.clone());
        value["kind"] = Value::String(resource.api.kind.clone());
        if let Some(metadata) = value["metadata"].as_object_mut() {
            metadata.shift_remove("managedFields");
        }
        let key = (
            resource.api.kind.clone(),
            value.namespace().to_owned(),
            value.name().to_owned(),
        );
        self.relate(&key, &value);
        self.objects.insert(key.clone(), value);
        Some(key)
    }

    /// Notes what belongs to what, and which target an object is news of.
    fn relate(&mut self, key: &Key, value: &Value) {
        let uid = value.text(&["metadata", "uid"]);
        let owner = value.controller_uid();
        if let Some(at) = self.by_key.get(key) {
            self.doubtful.insert(*at);
            self.above.insert(uid.to_owned(), key.clone());
        }
        match key.0.as_str() {
            "Pod" => self.evidence.observe(value, Instant::now()),
            "ReplicaSet" => {
                let sets = self.sets.entry(owner.to_owned()).or_default();
                sets.insert(key.clone());
                if let Some(deployment) = self.above.get(owner).cloned() {
                    self.above.insert(uid.to_owned(), deployment);
                }
            }
            _ => {}
        }
        let above = self.above.get(owner).and_then(|key| self.by_key.get(key));
        self.doubtful.extend(above.copied());
    }

    fn judge_one(&self, at: usize) -> Option<Health> {
        let target = &self.targets[at];
        let Some(object) = self.objects.get(&key_of(&target.id)) else {
            // A Job's time to live may be over before all else is ready.
            return None;
        };
        let is_new = object.int(&["metadata", "generation"]) >= target.generation;
        is_new.then(|| health::health(object))
    }

    /// UIDs of the pods that run a workload's new revision, also of those that are gone.
    fn new_pods(&self, target: &Target) -> Vec<String> {
        let Some(workload) = self.objects.get(&key_of(&target.id)) else {
            return Vec::new();
        };
        let generation = workload.int(&["metadata", "generation"]);
        let observed = workload.int(&["status", "observedGeneration"]);
        if generation < target.generation || target.id.group == "apps" && observed < generation {
            return Vec::new();
        }
        let uid = workload.text(&["metadata", "uid"]);
        match target.id.kind.as_str() {
            "Pod" => vec![uid.to_owned()],
            "Deployment" => match self.new_set(workload) {
                Some(set) => self.evidence.pods_of(set, |_| true),
                None => Vec::new(),
            },
            "StatefulSet" => {
                let hash = workload.text(&["status", "updateRevision"]);
                self.evidence
                    .pods_of(uid, |pod| pod.label("controller-revision-hash") == hash)
            }
            "DaemonSet" => {
                let generation = workload.annotation("deprecated.daemonset.template.generation");
                self.evidence.pods_of(uid, |pod| {
                    pod.label("pod-template-generation") == generation
                })
            }
            _ => self.evidence.pods_of(uid, |_| true),
        }
    }

    /// UID of the ReplicaSet that has a Deployment's own template, as its controller finds it.
    /// While the pods of a former revision go (`Recreate`) there may be none yet: theirs must
    /// not be taken for it, whatever they do.
    fn new_set(&self, deployment: &Value) -> Option<&str> {
        let sets = self.sets.get(deployment.text(&["metadata", "uid"]))?;
        let template = &deployment["spec"]["template"];
        sets.iter()
            .filter_map(|key| self.objects.get(key))
            .find(|set| {
                let mut own = set["spec"]["template"].clone();
                if let Some(labels) = own["metadata"]["labels"].as_object_mut() {
                    labels.shift_remove("pod-template-hash");
                }
                own == *template
            })
            .map(|set| set.text(&["metadata", "uid"]))
    }
}

fn key_of(id: &ObjectId) -> Key {
    (
        id.kind.to_string(),
        id.namespace.to_string(),
        id.name.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target() -> Target {
        Target {
            id: ObjectId {
                group: "apps".into(),
                kind: "Deployment".into(),
                namespace: "shop".into(),
                name: "web".into(),
            },
            resource: Resource::namespaced("apps", "v1", "Deployment", "deployments"),
            generation: 2,
            changed: true,
        }
    }

    fn show(view: &mut View<'_>, api_version: &str, kind: &str, value: Value) {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = Resource::namespaced(group, version, kind, "x");
        let object: DynamicObject = serde_json::from_value(value).unwrap();
        view.take(&resource, Event::Apply(object));
    }

    fn owned(uid: &str, name: &str, owner: &str) -> Value {
        json!({"uid": uid, "name": name, "namespace": "shop", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "X", "name": "x", "uid": owner, "controller": true}]})
    }

    fn deployment(image: &str, observed: i64) -> Value {
        json!({"metadata": {"uid": "d", "name": "web", "namespace": "shop", "generation": 2},
            "spec": {"template": {"spec": {"image": image}}},
            "status": {"observedGeneration": observed}})
    }

    fn set(uid: &str, image: &str) -> Value {
        json!({"metadata": owned(uid, uid, "d"), "spec": {"template": {
            "metadata": {"labels": {"pod-template-hash": uid}}, "spec": {"image": image}}}})
    }

    fn crashing(uid: &str, set: &str) -> Value {
        let ended = |id: &str| json!({"terminated": {"containerID": id, "exitCode": 1}});
        json!({"metadata": owned(uid, uid, set), "status": {"containerStatuses": [
            {"name": "app", "restartCount": 1, "state": ended("b"), "lastState": ended("a")}]}})
    }

    #[test]
    fn pods_of_a_former_revision_settle_nothing() {
        let targets = [target()];
        let mut view = View::new(&targets);
        let mut template = deployment("new", 2);
        template["spec"]["template"]["metadata"] = json!({"labels": {}});
        show(&mut view, "apps/v1", "Deployment", template);
        show(&mut view, "apps/v1", "ReplicaSet", set("old", "old"));
        show(&mut view, "v1", "Pod", crashing("p1", "old"));
        assert_eq!(view.judge(), [0]);
        assert!(
            view.verdict(0).is_none(),
            "the new ReplicaSet is not there yet"
        );

        show(&mut view, "apps/v1", "ReplicaSet", set("new", "new"));
        assert!(view.verdict(0).is_none());
        show(&mut view, "v1", "Pod", crashing("p2", "new"));
        assert_eq!(view.judge(), [0]);
        assert!(matches!(view.verdict(0), Some(FailureCause::Fault(fault)) if fault.pod == "p2"));
    }

    #[test]
    fn what_the_controller_has_not_seen_is_not_judged() {
        let targets = [target()];
        let mut view = View::new(&targets);
        show(&mut view, "apps/v1", "Deployment", deployment("new", 1));
        show(&mut view, "apps/v1", "ReplicaSet", set("new", "new"));
        show(&mut view, "v1", "Pod", crashing("p", "new"));
        view.judge();
        assert!(view.verdict(0).is_none());
        assert_eq!(view.health(0).reason, "not seen by its controller yet");
        assert!(!view.is_ready());
    }
}
