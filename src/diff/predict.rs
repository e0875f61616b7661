//! Asks the server what an apply would do, without doing it.

use serde_json::{Value, json};

use super::wanted::Wanted;
use crate::cluster::error::Conflict;
use crate::cluster::fields::FieldSet;
use crate::cluster::managers::{self, TAKEN_OVER};
use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError, MANAGER, Patch, Resource};

/// What an object would become.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The object as the server would store it. For a new one: what would be applied.
    pub after: Value,
    /// Fields that other managers hold with other values. An apply without force is refused.
    pub conflicts: Vec<Conflict>,
    /// `managedFields` as they have to be before the apply, where they have to change.
    pub managed: Option<Vec<Value>>,
    /// Whether the strategy has to be switched before the apply (see [`needs_switch`]).
    pub switch: bool,
}

/// Which managers become ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folding {
    /// Only what Helm's own updates left on our objects.
    Ours,
    /// Also those of `kubectl apply`.
    TakeOver,
}

/// Predicts what applying `wanted` does to the live object.
///
/// # Errors
/// The server would refuse it (an immutable field, a quota, a missing permission).
pub async fn predict(
    cluster: &Cluster,
    wanted: &Wanted,
    folding: Folding,
) -> Result<Prediction, ClusterError> {
    let (Some(live), Some(resource)) = (&wanted.live, &wanted.resource) else {
        return Ok(Prediction {
            after: wanted.applied.clone(),
            conflicts: Vec::new(),
            managed: None,
            switch: false,
        });
    };
    let managed = managed_before(wanted, live, folding);
    let view = with_managed(live, managed.as_deref());
    let switch = needs_switch(&view, &wanted.applied);
    let mut asked = wanted.applied.clone();
    if wanted.autoscaler.is_some()
        && let Some(replicas) = live.at(&["spec", "replicas"])
    {
        // Left out it would read as a fall to 1, which the hand-over prevents.
        asked["spec"]["replicas"] = replicas.clone();
    }
    if switch {
        // The server would refuse the switch in one step; what it does is known.
        asked["spec"]["strategy"] = live["spec"]["strategy"].clone();
    }
    let (mut after, mut conflicts) = dry_run(cluster, resource, &asked).await?;
    if managed.is_some() {
        conflicts.retain(|conflict| is_held_by_others(conflict, folding));
        after = without_what_was_folded(cluster, resource, &view, after).await?;
    }
    if switch {
        after["spec"]["strategy"] = wanted.applied["spec"]["strategy"].clone();
    }
    Ok(Prediction {
        after,
        conflicts,
        managed,
        switch,
    })
}

/// Asks whether the server would create a new object. `Ok` too where it cannot know yet, because
/// the namespace is still to come.
pub async fn check_new(cluster: &Cluster, wanted: &Wanted) -> Result<(), ClusterError> {
    let Some(resource) = &wanted.resource else {
        return Ok(());
    };
    match cluster
        .apply(resource, &wanted.applied, Patch::DRY_RUN)
        .await
    {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// Returns `managedFields` as they have to be before the apply; `None` where they are right.
///
/// Updates by Helm 3 (upgrade, rollback) are folded without a flag: unfolded they conflict with
/// our own apply, and what they set could never be removed.
pub fn managed_before(wanted: &Wanted, live: &Value, folding: Folding) -> Option<Vec<Value>> {
    let folded = match folding {
        Folding::Ours => managers::folded(live, &[MANAGER]),
        Folding::TakeOver => managers::folded(live, &TAKEN_OVER),
    };
    if wanted.autoscaler.is_some() {
        return folded;
    }
    // No autoscaler rules (any more): its claim on `replicas` must not outlive it.
    let view = with_managed(live, folded.as_deref());
    let wants_replicas = wanted.applied.at(&["spec", "replicas"]).is_some();
    match wants_replicas
        .then(|| managers::without_autoscaler(&view))
        .flatten()
    {
        Some(managed) => Some(managed),
        None => folded,
    }
}

/// Whether a switch of strategy needs a merge patch before the apply: the live `rollingUpdate`
/// block stays, and makes `Recreate` invalid, unless we own it (tried on 1.37).
pub fn needs_switch(live: &Value, applied: &Value) -> bool {
    let block = ["spec", "strategy", "rollingUpdate"];
    applied.kind() == "Deployment"
        && applied.text(&["spec", "strategy", "type"]) == "Recreate"
        && live.at(&block).is_some_and(|block| !block.is_null())
        && (!managers::ours(live).has(&block)
            || managers::theirs(managers::entries(live)).has(&block))
}

/// Returns the object as if it had these `managedFields`.
pub fn with_managed(live: &Value, managed: Option<&[Value]>) -> Value {
    let mut view = live.clone();
    if let Some(managed) = managed {
        view["metadata"]["managedFields"] = json!(managed);
    }
    view
}

async fn dry_run(
    cluster: &Cluster,
    resource: &Resource,
    asked: &Value,
) -> Result<(Value, Vec<Conflict>), ClusterError> {
    match cluster.apply(resource, asked, Patch::DRY_RUN).await {
        Ok(after) => Ok((after, Vec::new())),
        Err(ClusterError::Conflict { conflicts, .. }) => {
            let forced = Patch::DRY_RUN.force(true);
            let after = cluster.apply(resource, asked, forced).await?;
            Ok((after, conflicts))
        }
        Err(error) => Err(error),
    }
}

/// The server was asked with the managers as they are; folding makes fields ours that the new
/// object may no longer have. These go too: they are taken out of the prediction, and the server
/// says what that leads to (it may fill in a default).
async fn without_what_was_folded(
    cluster: &Cluster,
    resource: &Resource,
    view: &Value,
    after: Value,
) -> Result<Value, ClusterError> {
    let applied = managers::ours(&after);
    let kept = applied.union(&managers::theirs(managers::entries(view)));
    let gone: FieldSet = managers::ours(view).difference(&kept);
    let mut rest = after.clone();
    gone.remove_from(&mut rest, &kept);
    let is_asked = |key: &str| {
        // Metadata has no defaults; what the live object lacks cannot be replaced in it.
        key != "metadata" && key != "status" && view.get(key).is_some()
    };
    let differing: Vec<(String, Value)> = rest
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| is_asked(key) && after.get(*key) != Some(*value))
        .map(|(key, value)| (format!("/{key}"), value.clone()))
        .collect();
    if differing.is_empty() {
        return Ok(rest);
    }
    let fields: Vec<(&str, &Value)> = differing
        .iter()
        .map(|(path, value)| (path.as_str(), value))
        .collect();
    let stored = cluster
        .replace_fields(resource, view, &fields, Patch::DRY_RUN)
        .await?;
    for (path, _) in fields {
        let key = &path[1..];
        rest[key] = stored[key].clone();
    }
    Ok(rest)
}

/// Whether a conflict will still be there when the managers were changed.
fn is_held_by_others(conflict: &Conflict, folding: Folding) -> bool {
    // As the server writes it: `"kubectl" with subresource "scale" using apps/v1`.
    let mut quoted = conflict.manager.split('"').skip(1).step_by(2);
    let manager = quoted.next().unwrap_or_default();
    let subresource = quoted.next().unwrap_or_default();
    let folded: &[&str] = match folding {
        Folding::Ours => &[MANAGER],
        Folding::TakeOver => &TAKEN_OVER,
    };
    let was_autoscaler = manager == managers::HANDOVER
        || manager == "kube-controller-manager" && subresource == "scale";
    !(was_autoscaler || folded.contains(&manager) && subresource.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(strategy: Value, ours: Value) -> Value {
        json!({"kind": "Deployment", "spec": {"strategy": strategy}, "metadata": {"managedFields": [{
            "manager": "helm", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": ours}]}})
    }

    #[test]
    fn conflicts_with_what_is_folded_are_none() {
        let held = |manager: &str, folding| {
            let conflict = Conflict {
                manager: manager.to_owned(),
                field: ".spec.replicas".to_owned(),
            };
            is_held_by_others(&conflict, folding)
        };
        assert!(!held(r#""helm" using apps/v1"#, Folding::Ours));
        let kubectl = r#""kubectl-client-side-apply" using apps/v1"#;
        assert!(held(kubectl, Folding::Ours));
        assert!(!held(kubectl, Folding::TakeOver));
        let scaler = r#""kube-controller-manager" with subresource "scale" using apps/v1"#;
        assert!(!held(scaler, Folding::Ours));
        let person = r#""kubectl" with subresource "scale" using apps/v1"#;
        assert!(held(person, Folding::TakeOver));
    }

    #[test]
    fn a_block_that_nobody_owns_needs_the_switch() {
        let recreate = json!({"kind": "Deployment", "spec": {"strategy": {"type": "Recreate"}}});
        let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}});
        let none = live(rolling.clone(), json!({"f:spec": {"f:replicas": {}}}));
        assert!(needs_switch(&none, &recreate));
        let owned = json!({"f:spec": {"f:strategy": {"f:rollingUpdate": {"f:maxSurge": {}}}}});
        assert!(!needs_switch(&live(rolling.clone(), owned), &recreate));
        assert!(!needs_switch(
            &live(json!({"type": "Recreate"}), json!({})),
            &recreate
        ));
        let to_rolling = json!({"kind": "Deployment", "spec": {"strategy": rolling}});
        assert!(!needs_switch(&none, &to_rolling));
    }
}
