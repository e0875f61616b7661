//! The upgrade: take the release, apply in order, watch until ready, prune, record.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::error::ReleaseError;
use super::prepare::{Item, Prepared};
use super::record::{Record, Status};
use super::store;
use crate::cluster::client::for_each;
use crate::cluster::health::{self, State};
use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError, Patch, Resource};
use crate::plan::Wave;
use crate::rollout::watch::{self, Target, WatchError};
use crate::rollout::{Event, Reporter, apply};

/// How long a new definition may take to be served.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(60);

/// How an upgrade ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do, and nothing was written.
    Current {
        /// The revision that is live.
        revision: u32,
    },
    /// The new revision is live and healthy.
    Deployed {
        /// Its number.
        revision: u32,
        /// How long it took.
        took: Duration,
    },
}

/// Carries out what was prepared. `interrupt` ends it early: it resolves to the exit code of the
/// signal that came.
///
/// # Errors
/// Something stands in the way (then nothing was changed), the cluster refuses in the middle, or
/// a workload fails. In the latter cases the record says `failed` and nothing was pruned.
pub async fn upgrade(
    cluster: &Cluster,
    mut prepared: Prepared,
    reporter: &mut dyn Reporter,
    interrupt: impl Future<Output = u8>,
) -> Result<Outcome, ReleaseError> {
    let started = Instant::now();
    if !prepared.blockers.is_empty() {
        return Err(prepared.blockers.remove(0));
    }
    if prepared.is_current() {
        let revision = prepared.history.last().map_or(0, Record::revision);
        return Ok(Outcome::Current { revision });
    }
    let mut record = new_record(&prepared);
    // Whether it fits is found out before anything changes.
    record.encode(0)?;
    let mut run = Run {
        cluster,
        prepared,
        started,
        reporter,
    };
    run.make_namespace().await?;
    run.end_pending().await?;
    store::create(cluster, &mut record).await?;
    let revision = record.revision();
    run.report(&Event::Taken { revision });

    let ended = tokio::select! {
        result = run.carry_out() => result,
        code = interrupt => Err(ReleaseError::Interrupted { revision, code }),
    };
    match ended {
        Ok(()) => {
            run.finish(&mut record).await?;
            run.report(&Event::Deployed { revision });
            Ok(Outcome::Deployed {
                revision,
                took: started.elapsed(),
            })
        }
        Err(error) => {
            let error = with_revision(error, revision);
            record.set(Status::Failed, summary(&error));
            // The failure itself is what has to be told; a record that cannot be marked says
            // `pending`, and `--take-over` helps.
            let _ = store::update(cluster, &mut record).await;
            Err(error)
        }
    }
}

struct Run<'a> {
    cluster: &'a Cluster,
    prepared: Prepared,
    started: Instant,
    reporter: &'a mut dyn Reporter,
}

impl Run<'_> {
    fn report(&mut self, event: &Event) {
        self.reporter.event(self.started.elapsed(), event);
    }

    /// The record needs its namespace: where the overlay brings it, that goes first.
    async fn make_namespace(&mut self) -> Result<(), ReleaseError> {
        if !self.prepared.namespace_missing {
            return Ok(());
        }
        let namespace = self.prepared.release.namespace.clone();
        let resource = Resource::cluster_wide("", "v1", "Namespace", "namespaces");
        let brought = self.prepared.items.iter().find(|item| {
            item.wanted.is("", "Namespace") && item.wanted.id.name == namespace.as_str()
        });
        if let Some(item) = brought {
            let object = &item.wanted.applied;
            self.cluster.apply(&resource, object, Patch::OURS).await?;
        } else {
            let object = json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace}});
            self.cluster.create(&resource, &object).await?;
        }
        Ok(())
    }

    /// Ends what a dead run left, with `--take-over`.
    async fn end_pending(&mut self) -> Result<(), ReleaseError> {
        let pending = self
            .prepared
            .history
            .last()
            .filter(|r| r.status().is_pending());
        if let Some(pending) = pending {
            let mut pending = pending.clone();
            let by = &self.prepared.options.holder;
            pending.set(Status::Failed, format!("Taken over by {by}"));
            store::update(self.cluster, &mut pending).await?;
        }
        Ok(())
    }

    async fn carry_out(&mut self) -> Result<(), ReleaseError> {
        let mut targets = Vec::new();
        for wave in Wave::ALL {
            targets.extend(self.apply_wave(wave).await?);
            if wave == Wave::Definitions && !targets.is_empty() {
                self.establish(&targets).await?;
            }
        }
        let limit = self.prepared.options.timeout;
        let mask = &self.prepared.mask;
        let reporter = &mut *self.reporter;
        let mut masked = |elapsed: Duration, event: &Event| {
            let mut event = event.clone();
            event.rewrite(|text| mask.text(text));
            reporter.event(elapsed, &event);
        };
        let watched = watch::watch(self.cluster, &targets, limit, self.started, &mut masked).await;
        watched.map_err(|error| match error {
            WatchError::Cluster(source) => ReleaseError::MidWay {
                source,
                revision: 0,
            },
            WatchError::Failed(mut failure) => {
                failure.rewrite(|text| self.prepared.mask.text(text));
                ReleaseError::Failed {
                    failure,
                    revision: 0,
                }
            }
        })?;
        self.prune().await
    }

    /// Applies what has changed of a wave, and returns what is to be watched.
    async fn apply_wave(&mut self, wave: Wave) -> Result<Vec<Target>, ReleaseError> {
        let options = &self.prepared.options;
        let (folding, force) = (options.folding(), options.force_conflicts);
        let cluster = self.cluster;
        let of_wave: Vec<&Item> = self
            .prepared
            .items
            .iter()
            .filter(|item| Wave::of(&item.wanted.id) == wave)
            .collect();
        let answers = for_each(of_wave, |item| async move {
            let stored = if item.diff.is_change() {
                let (wanted, prediction) = (&item.wanted, &item.prediction);
                apply::apply(cluster, wanted, prediction, folding, force).await?
            } else {
                item.wanted.live.clone().unwrap_or_default()
            };
            Ok::<_, ClusterError>((item, stored))
        })
        .await;
        let mut targets = Vec::new();
        let mut count = 0;
        for answer in answers {
            let (item, stored) = answer.map_err(|source| ReleaseError::MidWay {
                source: source.map_message(|text| self.prepared.mask.text(text)),
                revision: 0,
            })?;
            count += usize::from(item.diff.is_change());
            targets.extend(target(cluster, item, &stored));
        }
        if count > 0 {
            self.report(&Event::Applied { wave, count });
        }
        Ok(targets)
    }

    /// Waits until the kinds of new definitions are served.
    async fn establish(&mut self, definitions: &[Target]) -> Result<(), ReleaseError> {
        let mid_way = |source| ReleaseError::MidWay {
            source,
            revision: 0,
        };
        let deadline = Instant::now() + ESTABLISHED_WITHIN;
        for definition in definitions {
            if definition.id.kind != "CustomResourceDefinition" {
                continue;
            }
            loop {
                let name = &definition.id.name;
                let found = self.cluster.get(&definition.resource, "", name).await;
                let found = found.map_err(mid_way)?;
                let state = found.map(|object| health::health(&object).state);
                if state == Some(State::Ready) || Instant::now() > deadline {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        self.cluster.rediscover().await.map_err(mid_way)
    }

    async fn prune(&mut self) -> Result<(), ReleaseError> {
        let pruned = std::mem::take(&mut self.prepared.pruned);
        for left in pruned {
            let (namespace, name) = (&left.id.namespace, &left.id.name);
            let deleted = self.cluster.delete(&left.resource, namespace, name).await;
            deleted.map_err(|source| ReleaseError::MidWay {
                source,
                revision: 0,
            })?;
            self.report(&Event::Pruned { id: left.id });
        }
        Ok(())
    }

    /// Marks the new revision as live, the former ones as superseded, and forgets the oldest.
    async fn finish(&mut self, record: &mut Record) -> Result<(), ReleaseError> {
        let word = if self.prepared.history.last().is_none() {
            "Install complete"
        } else {
            "Upgrade complete"
        };
        record.set(Status::Deployed, word);
        store::update(self.cluster, record).await?;
        let mut history = std::mem::take(&mut self.prepared.history);
        for former in &mut history.0 {
            if former.status() == Status::Deployed {
                former.set_status(Status::Superseded);
                store::update(self.cluster, former).await?;
            }
        }
        history.0.push(record.clone());
        for old in history.excess(self.prepared.options.history_max) {
            store::delete(self.cluster, old).await?;
        }
        Ok(())
    }
}

fn new_record(prepared: &Prepared) -> Record {
    let now = store::now();
    let history = &prepared.history;
    let first = history
        .0
        .first()
        .map_or(now.as_str(), Record::first_deployed);
    let revision = history.next_revision();
    let mut record = Record::new(
        &prepared.release,
        revision,
        &prepared.manifest(),
        first,
        &now,
    );
    let status = match revision {
        1 => Status::PendingInstall,
        _ => Status::PendingUpgrade,
    };
    record.set(
        status,
        format!("deployx upgrade by {}", prepared.options.holder),
    );
    record
}

fn target(cluster: &Cluster, item: &Item, stored: &Value) -> Option<Target> {
    let id = &item.wanted.id;
    if !health::takes_time(&id.group, &id.kind) {
        return None;
    }
    let resource = match &item.wanted.resource {
        Some(resource) => resource.clone(),
        None => cluster.resource_of(&item.wanted.object).ok()?,
    };
    Some(Target {
        id: id.clone(),
        resource,
        generation: stored.int(&["metadata", "generation"]),
        changed: item.diff.is_change(),
    })
}

fn with_revision(error: ReleaseError, revision: u32) -> ReleaseError {
    match error {
        ReleaseError::Failed { failure, .. } => ReleaseError::Failed { failure, revision },
        ReleaseError::MidWay { source, .. } => ReleaseError::MidWay { source, revision },
        other => other,
    }
}

/// What the record says about a failure; one line, as Helm shows it in a table.
fn summary(error: &ReleaseError) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    format!("Upgrade failed: {line}")
}
