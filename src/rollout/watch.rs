//! Watches workloads until all are ready, one is certain to fail, or time is up.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::stream::{self, SelectAll, Stream, StreamExt};
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event as WatchEvent};

use super::diagnose;
use super::event::{Event, Reporter};
use super::evidence::{Fault, FaultKind};
use super::view::{self, View};
use crate::cluster::health::{Health, State};
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::manifest::object::ObjectId;

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
        /// A pod and its container that runs and is not ready, if there is one.
        suspect: Option<(String, String)>,
    },
}

impl Failure {
    /// Rewrites every text that came from the cluster, for example without secrets.
    pub fn rewrite(&mut self, rewrite: impl Fn(&str) -> String) {
        let texts = self
            .logs
            .iter_mut()
            .chain(self.unready.iter_mut().map(|(_, why)| why));
        for text in texts {
            *text = rewrite(text);
        }
        self.cause.rewrite(rewrite);
    }
}

impl FailureCause {
    /// Rewrites every text that came from the cluster.
    pub fn rewrite(&mut self, rewrite: impl Fn(&str) -> String) {
        match self {
            Self::Fault(fault) => {
                if let FaultKind::Image { message, .. } | FaultKind::Config { message, .. } =
                    &mut fault.kind
                {
                    *message = rewrite(message);
                }
            }
            Self::Said(text) => *text = rewrite(text),
            Self::Timeout { pods, .. } => {
                for text in pods {
                    *text = rewrite(text);
                }
            }
        }
    }
}

/// A watch that could not be carried out, or a rollout that failed.
#[derive(Debug)]
pub enum WatchError {
    /// The cluster does not let us, or is gone.
    Cluster(ClusterError),
    /// The rollout failed.
    Failed(Box<Failure>),
}

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
    let mut view = View::new(targets);
    let begun = Instant::now();
    let deadline = begun + limit;
    let mut said: HashMap<usize, Health> = HashMap::new();
    loop {
        // Wake up now and then: some evidence is completed by time alone.
        let tick = deadline
            .saturating_duration_since(Instant::now())
            .min(Duration::from_secs(1));
        let mut news = tokio::time::timeout(tick, streams.next())
            .await
            .ok()
            .flatten();
        if news.is_none() {
            view.doubt_all();
        }
        // What has come meanwhile is taken in at once, so that many events cost one look.
        while let Some((resource, event)) = news {
            match event {
                Ok(event) => view.take(&resource, event),
                Err(error) => refuse(cluster, &resource, error)?,
            }
            news = streams.next().now_or_never().flatten();
        }
        let doubtful = view.judge();
        for at in &doubtful {
            let (target, health) = (&targets[*at], view.health(*at));
            let is_new = said.get(at) != Some(health);
            let is_quiet = health.reason == view::APPLIED
                || !target.changed && health.state == State::Ready && !said.contains_key(at);
            if is_new && !is_quiet {
                said.insert(*at, health.clone());
                let event = Event::Progress {
                    id: target.id.clone(),
                    health: health.clone(),
                };
                reporter.event(started.elapsed(), &event);
            }
        }
        if view.is_ready() {
            return Ok(());
        }
        let cause = doubtful
            .into_iter()
            .find_map(|at| Some((at, view.verdict(at)?)))
            .or_else(|| (Instant::now() >= deadline).then(|| view.timeout(limit)));
        if let Some((at, cause)) = cause {
            let event = Event::Failed {
                id: targets[at].id.clone(),
                cause: cause.clone(),
            };
            reporter.event(started.elapsed(), &event);
            let failure = Failure {
                id: targets[at].id.clone(),
                cause,
                logs: Vec::new(),
                previous: false,
                unready: view.unready(),
                after: begun.elapsed(),
            };
            let failure = diagnose::with_logs(cluster, failure, &view.pods()).await;
            return Err(WatchError::Failed(Box::new(failure)));
        }
    }
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
    let (watcher::Error::InitialListFailed(status) | watcher::Error::WatchStartFailed(status)) =
        error
    else {
        return Ok(());
    };
    let label = format!("watching {}", resource.api.plural);
    match cluster.sort(status, &label) {
        error @ (ClusterError::Forbidden { .. } | ClusterError::Unauthorized { .. }) => {
            Err(WatchError::Cluster(error))
        }
        _ => Ok(()),
    }
}
