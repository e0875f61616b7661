//! What stands in the way of an upgrade.

use std::collections::HashSet;

use serde_json::Value;

use super::error::ReleaseError;
use super::prepare::Options;
use super::prune::Left;
use super::store::{self, History};
use crate::cluster::client::for_each;
use crate::cluster::health::takes_time;
use crate::cluster::managers;
use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::diff::wanted::{RELEASE_NAME, RELEASE_NAMESPACE};
use crate::diff::{Release, Wanted};
use crate::manifest::object::ObjectId;

/// Somebody is at work on the release, or died over it.
pub(super) fn busy(
    history: &History,
    release: &Release,
    options: &Options,
) -> Option<ReleaseError> {
    let last = history.last().filter(|last| last.status().is_pending())?;
    (!options.take_over).then(|| ReleaseError::Busy {
        release: release.name.clone(),
        revision: last.revision(),
        status: last.status().as_str(),
        age: store::age(last),
        description: last.description().to_owned(),
    })
}

/// Objects that exist and are not marked as part of this release.
pub(super) fn foreign(
    wanted: &[Wanted],
    release: &Release,
    options: &Options,
) -> Option<ReleaseError> {
    if options.take_ownership {
        return None;
    }
    let objects: Vec<(ObjectId, String)> = wanted
        .iter()
        .filter_map(|wanted| {
            let live = wanted.live.as_ref()?;
            (!release.owns(live)).then(|| (wanted.id.clone(), owner(live)))
        })
        // A namespace that came before the release is no rival; every overlay may name it.
        .filter(|(id, owner)| {
            id.kind != "Namespace"
                || id.name != release.namespace.as_str()
                || owner.starts_with("part of")
        })
        .collect();
    (!objects.is_empty()).then(|| ReleaseError::Foreign {
        release: release.name.clone(),
        objects,
    })
}

/// Whether the namespace of the release does not exist. It is asked for only where nothing else shows
/// that it does.
pub(super) async fn namespace_missing(
    cluster: &Cluster,
    release: &Release,
    wanted: &[Wanted],
    history: &History,
) -> Result<bool, ReleaseError> {
    let lives_there = |wanted: &Wanted| {
        wanted.live.is_some() && wanted.id.namespace == release.namespace.as_str()
    };
    if history.last().is_some() || wanted.iter().any(lives_there) {
        return Ok(false);
    }
    let namespaces = Resource::cluster_wide("", "v1", "Namespace", "namespaces");
    match cluster.get(&namespaces, "", &release.namespace).await {
        Ok(found) => Ok(found.is_none()),
        // Who may not look at namespaces finds out when something is created there.
        Err(ClusterError::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Finds out before anything changes whether the user may do what comes last: delete what is
/// pruned, watch what is applied, finish the record.
pub(super) async fn check_rights(
    cluster: &Cluster,
    release: &Release,
    wanted: &[Wanted],
    pruned: &[Left],
) -> Result<(), ReleaseError> {
    let secrets = Resource::namespaced("", "v1", "Secret", "secrets");
    let mut demands: HashSet<(&str, Resource, String)> = HashSet::new();
    for verb in ["create", "update"] {
        demands.insert((verb, secrets.clone(), release.namespace.clone()));
    }
    for wanted in wanted
        .iter()
        .filter(|w| takes_time(&w.id.group, &w.id.kind))
    {
        let namespace = wanted.id.namespace.to_string();
        if let Some(resource) = &wanted.resource {
            demands.insert(("watch", resource.clone(), namespace.clone()));
        }
        if matches!(wanted.id.group.as_str(), "apps" | "batch") {
            let pods = Resource::namespaced("", "v1", "Pod", "pods");
            demands.insert(("watch", pods, namespace));
        }
    }
    let answers = for_each(demands, |(verb, resource, namespace)| async move {
        cluster.demand(verb, &resource, &namespace).await
    })
    .await;
    let deletions = for_each(pruned, |left| {
        cluster.try_delete(&left.resource, &left.id.namespace, &left.id.name)
    })
    .await;
    let mut refused: Vec<ClusterError> = answers
        .into_iter()
        .chain(deletions)
        .filter_map(Result::err)
        .collect();
    match refused.len() {
        0 => Ok(()),
        1 => Err(refused.remove(0).into()),
        _ => Err(ReleaseError::Refused { list: refused }),
    }
}

/// Whether the input has the namespace of the release among its objects.
pub(super) fn brings_namespace(wanted: &[Wanted], release: &Release) -> bool {
    wanted
        .iter()
        .any(|w| w.is("", "Namespace") && w.id.name == release.namespace.as_str())
}

/// Who an object belongs to, in words.
fn owner(live: &Value) -> String {
    let (name, namespace) = (
        live.annotation(RELEASE_NAME),
        live.annotation(RELEASE_NAMESPACE),
    );
    if !name.is_empty() {
        return format!("part of release {name} in namespace {namespace}");
    }
    match managers::all_owners(live).first() {
        Some(owner) => format!("set by {}", owner.manager),
        None => "nobody's".to_owned(),
    }
}
