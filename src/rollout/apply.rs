//! Applies one object, with the steps that have to come before and after.

use serde_json::{Value, json};

use crate::cluster::managers::{self, HANDOVER, SWITCH};
use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError, Patch, Resource};
use crate::diff::predict::{self, Folding};
use crate::diff::{Prediction, Wanted};

/// How often a step that met a concurrent change is tried again.
const TRIES: usize = 5;

/// Applies an object and returns what is stored now.
///
/// # Errors
/// The server refuses it.
pub async fn apply(
    cluster: &Cluster,
    wanted: &Wanted,
    prediction: &Prediction,
    folding: Folding,
    force: bool,
) -> Result<Value, ClusterError> {
    let resource = match &wanted.resource {
        Some(resource) => resource.clone(),
        // Its definition was applied a moment ago.
        None => cluster.resource_of(&wanted.object)?,
    };
    let patch = Patch::OURS.force(force);
    let Some(live) = &wanted.live else {
        return cluster.apply(&resource, &wanted.applied, patch).await;
    };
    if prediction.managed.is_some() {
        change_managers(cluster, &resource, live, |live| {
            predict::managed_before(wanted, live, folding)
        })
        .await?;
    }
    if wanted.autoscaler.is_some() {
        hand_over(cluster, &resource, live).await?;
    }
    if !prediction.switch {
        return cluster.apply(&resource, &wanted.applied, patch).await;
    }
    let change = json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}});
    let switch = Patch {
        manager: SWITCH,
        force: false,
        dry_run: false,
    };
    cluster.merge(&resource, live, &change, switch).await?;
    let stored = cluster.apply(&resource, &wanted.applied, patch).await;
    // Also after a refusal: left behind, the entry would be in the way of the next switch.
    change_managers(cluster, &resource, live, |live| {
        managers::dropped(live, SWITCH)
    })
    .await?;
    stored
}

/// Gives the live number of replicas to a second manager, so that it does not fall to 1 when we
/// leave the field out.
async fn hand_over(
    cluster: &Cluster,
    resource: &Resource,
    live: &Value,
) -> Result<(), ClusterError> {
    let current = cluster
        .get(resource, live.namespace(), live.name())
        .await?
        .unwrap_or_else(|| live.clone());
    let path = ["spec", "replicas"];
    let held_by_others = managers::theirs(managers::entries(&current)).has(&path);
    if held_by_others || !managers::ours(&current).has(&path) {
        return Ok(());
    }
    let claim = json!({
        "apiVersion": current["apiVersion"],
        "kind": current["kind"],
        "metadata": {"name": live.name(), "namespace": live.namespace()},
        "spec": {"replicas": current["spec"]["replicas"]},
    });
    let patch = Patch {
        manager: HANDOVER,
        force: false,
        dry_run: false,
    };
    match cluster.apply(resource, &claim, patch).await {
        // The autoscaler was faster: it holds the field now, which is what this is for.
        Ok(_) | Err(ClusterError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Replaces `managedFields`; reads the object again where somebody changed it meanwhile.
async fn change_managers(
    cluster: &Cluster,
    resource: &Resource,
    live: &Value,
    change: impl Fn(&Value) -> Option<Vec<Value>>,
) -> Result<(), ClusterError> {
    let mut tries = 0;
    loop {
        let current = cluster.get(resource, live.namespace(), live.name()).await?;
        let Some(current) = current else {
            return Ok(());
        };
        let Some(managed) = change(&current) else {
            return Ok(());
        };
        let managed = json!(managed);
        let fields = [("/metadata/managedFields", &managed)];
        tries += 1;
        match cluster
            .replace_fields(resource, &current, &fields, Patch::OURS)
            .await
        {
            Err(error) if error.is_taken() && tries < TRIES => {}
            result => return result.map(|_| ()),
        }
    }
}
