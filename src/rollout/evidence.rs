//! When a failing pod settles the matter, and when it may still come right.
//!
//! Terminal: an image that does not exist, after one retry; a configuration that is wrong, after
//! one retry; two terminations of one container with the same exit code. Not terminal: a pull
//! that is throttled, a registry that does not answer, a pod that waits for room.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::value::Read;

/// How long a container may report a configuration error, which the kubelet repeats without any
/// change that a watch would show, before its retry is taken to have happened.
const CONFIG_RETRY: Duration = Duration::from_secs(10);

/// A reason why pods of a workload will not become ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Name of a pod that shows it.
    pub pod: String,
    /// Name of the container.
    pub container: String,
    /// What it is.
    pub kind: FaultKind,
}

/// What is wrong with a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It ends by itself, the same way each time.
    Crash {
        /// Exit code.
        exit_code: i64,
        /// `Error`, `OOMKilled`, `Completed`.
        reason: String,
        /// How often it was seen to end so.
        times: usize,
        /// In how many pods.
        pods: usize,
    },
    /// Its image cannot be had.
    Image {
        /// The image.
        image: String,
        /// As the kubelet puts it.
        message: String,
    },
    /// It cannot be created from its configuration.
    Config {
        /// `CreateContainerConfigError`.
        reason: String,
        /// As the kubelet puts it.
        message: String,
    },
}

/// What was seen of pods, kept also after they are gone.
#[derive(Debug, Default)]
pub struct Evidence {
    pods: HashMap<String, PodEvidence>,
    /// UIDs of the pods of each controller.
    by_owner: HashMap<String, BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct PodEvidence {
    name: String,
    /// Enough of the pod to tell which revision it was of.
    identity: Value,
    containers: BTreeMap<String, ContainerEvidence>,
}

#[derive(Debug, Default)]
struct ContainerEvidence {
    /// Terminations by what tells them apart: when they ended and how often it had restarted.
    terminations: BTreeMap<String, (i64, String)>,
    image: String,
    /// What the kubelet last said about the pull.
    pull_message: String,
    /// How often a pull was seen to fail, counting a back-off as the retry that it is.
    pull_failures: u32,
    last_waiting: String,
    config: Option<(Instant, u32, String, String)>,
}

impl Evidence {
    /// Takes in the state of a pod.
    pub fn observe(&mut self, pod: &Value, now: Instant) {
        let uid = pod.text(&["metadata", "uid"]).to_owned();
        let siblings = self.by_owner.entry(pod.controller_uid().to_owned());
        siblings.or_default().insert(uid.clone());
        let entry = self.pods.entry(uid).or_default();
        pod.name().clone_into(&mut entry.name);
        entry.identity = json!({"metadata": {"labels": pod["metadata"]["labels"]}});
        for list in ["initContainerStatuses", "containerStatuses"] {
            for status in pod.items(&["status", list]) {
                let container = status.text(&["name"]).to_owned();
                entry
                    .containers
                    .entry(container)
                    .or_default()
                    .observe(status, now);
            }
        }
    }

    /// Returns the UIDs of the pods of an owner that `is_wanted` accepts (by their labels), also of
    /// those that are gone.
    pub fn pods_of(&self, owner: &str, is_wanted: impl Fn(&Value) -> bool) -> Vec<String> {
        let pods = self.by_owner.get(owner).into_iter().flatten();
        pods.filter(|uid| {
            self.pods
                .get(*uid)
                .is_some_and(|pod| is_wanted(&pod.identity))
        })
        .cloned()
        .collect()
    }

    /// Returns what settles the matter for these pods (UIDs), if anything does.
    pub fn fault(&self, pods: &[String], now: Instant) -> Option<Fault> {
        let seen: Vec<&PodEvidence> = pods.iter().filter_map(|uid| self.pods.get(uid)).collect();
        for pod in &seen {
            for (name, container) in &pod.containers {
                if let Some(kind) = container.cannot_start(now) {
                    return Some(Fault {
                        pod: pod.name.clone(),
                        container: name.clone(),
                        kind,
                    });
                }
            }
        }
        crash(&seen)
    }
}

impl ContainerEvidence {
    fn observe(&mut self, status: &Value, now: Instant) {
        status.text(&["image"]).clone_into(&mut self.image);
        let restarts = status.int(&["restartCount"]);
        self.end(status, "state", restarts);
        self.end(status, "lastState", restarts - 1);
        let waiting = status.text(&["state", "waiting", "reason"]);
        let message = status.text(&["state", "waiting", "message"]);
        match waiting {
            "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => {
                if is_permanent(message) || self.pull_message.is_empty() {
                    message.clone_into(&mut self.pull_message);
                }
                if waiting != self.last_waiting {
                    self.pull_failures += 1;
                }
                if waiting == "ImagePullBackOff" {
                    self.pull_failures = self.pull_failures.max(2);
                }
                if matches!(waiting, "ErrImageNeverPull" | "InvalidImageName") {
                    self.pull_failures = u32::MAX;
                }
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                let (_, times, reason, said) = self
                    .config
                    .get_or_insert_with(|| (now, 0, String::new(), String::new()));
                *times += 1;
                waiting.clone_into(reason);
                message.clone_into(said);
            }
            _ => {
                self.config = None;
            }
        }
        waiting.clone_into(&mut self.last_waiting);
        if status.at(&["state", "running"]).is_some() {
            self.pull_failures = 0;
        }
    }

    /// Records a termination. The same one is seen first as `state`, later as `lastState`.
    fn end(&mut self, status: &Value, field: &str, restart: i64) {
        let Some(ended) = status.at(&[field, "terminated"]) else {
            return;
        };
        let id = match ended.text(&["containerID"]) {
            "" => format!("{restart}"),
            id => id.to_owned(),
        };
        let what = (ended.int(&["exitCode"]), ended.text(&["reason"]).to_owned());
        self.terminations.insert(id, what);
    }

    fn cannot_start(&self, now: Instant) -> Option<FaultKind> {
        if self.pull_failures >= 2 && self.last_waiting.contains("Image") {
            let settled = self.pull_failures == u32::MAX || is_permanent(&self.pull_message);
            if settled {
                return Some(FaultKind::Image {
                    image: self.image.clone(),
                    message: self.pull_message.clone(),
                });
            }
        }
        let (since, times, reason, message) = self.config.as_ref()?;
        (*times >= 2 || now.duration_since(*since) >= CONFIG_RETRY).then(|| FaultKind::Config {
            reason: reason.clone(),
            message: message.clone(),
        })
    }
}

/// Whether a failed pull cannot be helped by waiting.
fn is_permanent(message: &str) -> bool {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    !says(&["toomanyrequests", "too many requests", "429", "rate limit"])
        && says(&[
            "not found",
            "manifest unknown",
            "does not exist",
            "unauthorized",
            "denied",
            "forbidden",
            "invalid reference",
            "no match for platform",
        ])
}

fn crash(pods: &[&PodEvidence]) -> Option<Fault> {
    let mut counts: BTreeMap<(&str, i64), (usize, Vec<&str>, &str)> = BTreeMap::new();
    for pod in pods {
        for (name, container) in &pod.containers {
            for (exit_code, reason) in container.terminations.values() {
                // An init container that has done its work ends with 0, as it should.
                if *exit_code == 0 && container.terminations.len() < 2 {
                    continue;
                }
                let count = counts
                    .entry((name, *exit_code))
                    .or_insert((0, Vec::new(), reason));
                count.0 += 1;
                if !count.1.contains(&pod.name.as_str()) {
                    count.1.push(&pod.name);
                }
            }
        }
    }
    let ((container, exit_code), (times, names, reason)) =
        counts.into_iter().find(|(_, (times, ..))| *times >= 2)?;
    Some(Fault {
        pod: (*names.last()?).to_owned(),
        container: container.to_owned(),
        kind: FaultKind::Crash {
            exit_code,
            reason: reason.to_owned(),
            times,
            pods: names.len(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, status: Value) -> Value {
        json!({"metadata": {"name": format!("web-{uid}"), "uid": uid},
            "status": {"containerStatuses": [status]}})
    }

    fn ended(id: &str, exit_code: i64) -> Value {
        json!({"terminated": {"containerID": id, "exitCode": exit_code, "reason": "Error"}})
    }

    fn judge(states: &[Value]) -> Option<FaultKind> {
        let now = Instant::now();
        let mut evidence = Evidence::default();
        let mut pods = Vec::new();
        for state in states {
            evidence.observe(state, now);
            pods.push(state.text(&["metadata", "uid"]).to_owned());
        }
        pods.dedup();
        evidence.fault(&pods, now).map(|fault| fault.kind)
    }

    #[expect(clippy::unnecessary_wraps, reason = "as `judge` returns it")]
    fn crashed(times: usize, pods: usize) -> Option<FaultKind> {
        Some(FaultKind::Crash {
            exit_code: 1,
            reason: "Error".into(),
            times,
            pods,
        })
    }

    #[test]
    fn one_crash_is_no_verdict_two_are() {
        let first = pod(
            "a",
            json!({"name": "web", "state": ended("x", 1), "restartCount": 0}),
        );
        let seen_again = pod(
            "a",
            json!({"name": "web", "state": {"running": {}}, "lastState": ended("x", 1),
                "restartCount": 1}),
        );
        assert_eq!(judge(&[first.clone(), seen_again.clone()]), None);
        let second = pod(
            "a",
            json!({"name": "web", "state": ended("y", 1), "lastState": ended("x", 1),
                "restartCount": 1}),
        );
        assert_eq!(judge(&[first.clone(), seen_again, second]), crashed(2, 1));
        let other_pod = pod(
            "b",
            json!({"name": "web", "state": ended("z", 1), "restartCount": 0}),
        );
        assert_eq!(judge(&[first.clone(), other_pod]), crashed(2, 2));
        let other_code = pod(
            "b",
            json!({"name": "web", "state": ended("z", 2), "restartCount": 0}),
        );
        assert_eq!(judge(&[first, other_code]), None);
    }

    #[test]
    fn an_init_container_that_ends_well_has_not_crashed() {
        let done = |uid: &str| pod(uid, json!({"name": "init", "state": ended(uid, 0)}));
        assert_eq!(judge(&[done("a"), done("b")]), None);
    }

    fn waiting(reason: &str, message: &str) -> Value {
        pod(
            "a",
            json!({"name": "web", "image": "shop/web:9",
                "state": {"waiting": {"reason": reason, "message": message}}}),
        )
    }

    #[test]
    fn an_image_that_does_not_exist_settles_it_after_one_retry() {
        let first = waiting("ErrImagePull", "shop/web:9: not found");
        assert_eq!(judge(std::slice::from_ref(&first)), None);
        // The kubelet's second message may leave the cause out.
        for second in ["Back-off pulling image \"shop/web:9\"", ""] {
            let found = judge(&[first.clone(), waiting("ImagePullBackOff", second)]);
            let Some(FaultKind::Image { image, message }) = found else {
                panic!("no verdict after {second:?}");
            };
            assert_eq!(image, "shop/web:9");
            assert_eq!(message, "shop/web:9: not found");
        }
    }

    #[test]
    fn a_throttled_pull_is_waited_for() {
        let message = "toomanyrequests: You have reached your pull rate limit, denied";
        assert_eq!(
            judge(&[
                waiting("ErrImagePull", message),
                waiting("ImagePullBackOff", message)
            ]),
            None
        );
        let silent = "dial tcp: i/o timeout";
        assert_eq!(
            judge(&[
                waiting("ErrImagePull", silent),
                waiting("ImagePullBackOff", silent)
            ]),
            None
        );
    }

    #[test]
    fn a_bad_configuration_settles_it_when_it_lasts() {
        let state = waiting("CreateContainerConfigError", "secret \"x\" not found");
        assert_eq!(judge(std::slice::from_ref(&state)), None);
        assert!(judge(&[state.clone(), state.clone()]).is_some());
        let mut evidence = Evidence::default();
        let start = Instant::now();
        evidence.observe(&state, start);
        assert_eq!(evidence.fault(&["a".to_owned()], start), None);
        assert!(
            evidence
                .fault(&["a".to_owned()], start + CONFIG_RETRY)
                .is_some()
        );
    }
}
