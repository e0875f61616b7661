//! What becomes of each object, and which strategy each Deployment gets.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::ReleaseError;
use super::prepare::{Item, Options};
use super::refusal;
use crate::cluster::client::for_each;
use crate::cluster::managers;
use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::diff::{Mask, ObjectDiff, Wanted, predict};
use crate::manifest::Diagnostic;
use crate::manifest::object::ObjectId;
use crate::plan::strategy::{self, Workload};
use crate::plan::{Choice, Room};

/// What was found out.
pub(super) struct Differences {
    /// The objects.
    pub(super) items: Vec<Item>,
    /// The strategies.
    pub(super) choices: Vec<Choice>,
    /// Workloads that cannot roll as was asked.
    pub(super) cannot: Vec<strategy::CannotRoll>,
    /// Changes of live objects that are not possible.
    pub(super) impossible: Vec<Diagnostic>,
}

/// Predicts all objects; decides the strategies of those that restart, and predicts these again
/// where the strategy changes.
pub(super) async fn differences(
    cluster: &Cluster,
    mut wanted: Vec<Wanted>,
    options: &Options,
    mask: &Mask,
) -> Result<Differences, ReleaseError> {
    let quiet: Vec<Workload> = wanted
        .iter()
        .filter_map(|w| workload(w, false, None))
        .collect();
    let unknown = || Err("nothing restarts".to_owned());
    let settled = strategy::decide(&quiet, options.strategy, unknown()).unwrap_or_default();
    set_strategies(&mut wanted, &settled);
    let (mut items, impossible) = predict_all(cluster, wanted, options, mask).await?;

    let mut claims = Vec::new();
    for item in items.iter().filter(|item| item.diff.restarts > 0) {
        claims.push((
            item.wanted.id.clone(),
            single_node_volume(cluster, item, &items).await?,
        ));
    }
    let claim = |id: &ObjectId| {
        let of = claims.iter().find(|(owner, _)| owner == id);
        of.and_then(|(_, claim)| claim.clone())
    };
    let workloads: Vec<Workload> = items
        .iter()
        .filter_map(|item| {
            let restarts = item.diff.restarts > 0;
            workload(&item.wanted, restarts, claim(&item.wanted.id))
        })
        .collect();
    let room = if workloads.iter().any(|workload| workload.restarts) {
        room(cluster, &workloads).await
    } else {
        unknown()
    };
    let (choices, cannot) = match strategy::decide(&workloads, options.strategy, room) {
        Ok(choices) => (choices, Vec::new()),
        Err(cannot) => (settled.clone(), cannot),
    };
    for item in &mut items {
        let Some(choice) = choices.iter().find(|choice| choice.id == item.wanted.id) else {
            continue;
        };
        let possible = item.diff.immutable.is_empty();
        if possible && item.wanted.applied["spec"]["strategy"] != choice.strategy {
            item.wanted.applied["spec"]["strategy"] = choice.strategy.clone();
            item.prediction = predict::predict(cluster, &item.wanted, options.folding()).await?;
            item.diff = ObjectDiff::new(&item.wanted, &item.prediction, mask);
        }
    }
    Ok(Differences {
        items,
        choices,
        cannot,
        impossible,
    })
}

async fn predict_all(
    cluster: &Cluster,
    wanted: Vec<Wanted>,
    options: &Options,
    mask: &Mask,
) -> Result<(Vec<Item>, Vec<Diagnostic>), ReleaseError> {
    let answers = for_each(&wanted, |wanted| async move {
        if wanted.live.is_none() && options.check_new {
            predict::check_new(cluster, wanted).await?;
        }
        predict::predict(cluster, wanted, options.folding()).await
    })
    .await;
    let mut refused = Vec::new();
    let (mut items, mut impossible) = (Vec::new(), Vec::new());
    for (wanted, answer) in wanted.into_iter().zip(answers) {
        match answer {
            Ok(prediction) => {
                let mut diff = ObjectDiff::new(&wanted, &prediction, mask);
                if let (Some(live), true) = (&wanted.live, options.take_ownership) {
                    diff.taken_from = taken_from(live);
                }
                items.push(Item {
                    wanted,
                    prediction,
                    diff,
                });
            }
            Err(error) => match refusal::explain(&wanted, &error, mask) {
                Some((item, findings)) => {
                    items.push(item);
                    impossible.extend(findings);
                }
                None => refused.push(error.map_message(|text| mask.text(text))),
            },
        }
    }
    match refused.len() {
        0 => Ok((items, impossible)),
        1 => Err(refused.remove(0).into()),
        _ => Err(ReleaseError::Refused { list: refused }),
    }
}

fn taken_from(live: &Value) -> Vec<String> {
    let mut names: Vec<String> = managers::all_owners(live)
        .into_iter()
        .filter(|owner| owner.operation == "Update" && owner.subresource.is_empty())
        .map(|owner| owner.manager)
        .filter(|name| managers::TAKEN_OVER.contains(&name.as_str()))
        .filter(|name| name != crate::cluster::MANAGER)
        .collect();
    names.dedup();
    names
}

fn workload(wanted: &Wanted, restarts: bool, claim: Option<String>) -> Option<Workload> {
    if !wanted.is("apps", "Deployment") {
        return None;
    }
    let strategy = |object: &Value| object.at(&["spec", "strategy"]).cloned();
    let count = |object: &Value| object.at(&["spec", "replicas"]).and_then(Value::as_i64);
    let replicas = count(&wanted.applied)
        .or_else(|| {
            wanted
                .live
                .as_ref()
                .filter(|_| wanted.autoscaler.is_some())
                .and_then(count)
        })
        .unwrap_or(1);
    let written = wanted.object.root.at(&["spec", "strategy"]);
    Some(Workload {
        id: wanted.id.clone(),
        written: written.map(crate::manifest::json::to_json),
        live: wanted
            .live
            .as_ref()
            .map(|live| strategy(live).unwrap_or_default()),
        restarts,
        replicas,
        template: wanted.applied["spec"]["template"].clone(),
        single_node_volume: claim,
    })
}

fn set_strategies(wanted: &mut [Wanted], choices: &[Choice]) {
    for wanted in wanted {
        if let Some(choice) = choices.iter().find(|choice| choice.id == wanted.id) {
            wanted.applied["spec"]["strategy"] = choice.strategy.clone();
        }
    }
}

/// Returns the claim of a pod template that only one node at a time can mount.
async fn single_node_volume(
    cluster: &Cluster,
    item: &Item,
    items: &[Item],
) -> Result<Option<String>, ReleaseError> {
    let resource =
        Resource::namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims");
    let namespace = item.wanted.id.namespace.as_str();
    let volumes = item
        .wanted
        .applied
        .items(&["spec", "template", "spec", "volumes"]);
    for volume in volumes {
        let name = volume.text(&["persistentVolumeClaim", "claimName"]);
        if name.is_empty() {
            continue;
        }
        let of_input = items.iter().find(|other| {
            other.wanted.is("", "PersistentVolumeClaim")
                && other.wanted.id.name == name
                && other.wanted.id.namespace == namespace
        });
        let claim = match of_input {
            Some(claim) => Some(claim.wanted.applied.clone()),
            None => cluster.get(&resource, namespace, name).await?,
        };
        let modes = claim
            .as_ref()
            .map(|claim| claim.items(&["spec", "accessModes"]));
        let is_single =
            |mode: &Value| matches!(mode.as_str(), Some("ReadWriteOnce" | "ReadWriteOncePod"));
        if modes.is_some_and(|modes| !modes.is_empty() && modes.iter().all(is_single)) {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

/// Reads nodes, pods, quotas and limit ranges; says in words what may not be read.
async fn room(cluster: &Cluster, workloads: &[Workload]) -> Result<Room, String> {
    let nodes = Resource::cluster_wide("", "v1", "Node", "nodes");
    let pods = Resource::namespaced("", "v1", "Pod", "pods");
    let quotas = Resource::namespaced("", "v1", "ResourceQuota", "resourcequotas");
    let ranges = Resource::namespaced("", "v1", "LimitRange", "limitranges");
    let words = |error: ClusterError| error.to_string();
    let nodes = cluster.list(&nodes, None).await.map_err(words)?;
    let pods = cluster.list(&pods, None).await.map_err(words)?;
    let namespaces: BTreeSet<&str> = workloads
        .iter()
        .filter(|workload| workload.restarts)
        .map(|workload| workload.id.namespace.as_str())
        .collect();
    let mut limits = Vec::new();
    for namespace in namespaces {
        for resource in [&quotas, &ranges] {
            let found = cluster.list(resource, Some(namespace)).await;
            limits.extend(found.map_err(words)?);
        }
    }
    Ok(Room::new(&nodes, &pods, &limits))
}
