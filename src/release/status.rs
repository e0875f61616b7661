//! What is live of a release, and how it is.

use serde_json::Value;

use super::error::ReleaseError;
use super::prune;
use super::record::Record;
use super::store::History;
use crate::cluster::client::for_each;
use crate::cluster::health::{self, Health, State};
use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError};
use crate::diff::Release;
use crate::manifest::object::ObjectId;

/// The state of a release.
#[derive(Clone, Debug)]
pub struct ReleaseStatus {
    /// Name and namespace.
    pub release: Release,
    /// The latest revision.
    pub last: Record,
    /// The revision that is live, where it is another one.
    pub deployed: Option<u32>,
    /// Its objects in the order of the manifest; `None` for one that is gone.
    pub objects: Vec<(ObjectId, Option<Health>)>,
}

impl ReleaseStatus {
    /// Whether all objects are there and ready.
    pub fn is_healthy(&self) -> bool {
        self.objects.iter().all(|(_, health)| {
            health
                .as_ref()
                .is_some_and(|health| health.state == State::Ready)
        })
    }
}

/// Reads the state of a release.
///
/// # Errors
/// There is no such release, or it cannot be read.
pub async fn status(cluster: &Cluster, release: Release) -> Result<ReleaseStatus, ReleaseError> {
    let history = History::read(cluster, &release).await?;
    let Some(last) = history.last().cloned() else {
        return Err(ReleaseError::NoRelease {
            release: release.name,
            namespace: release.namespace,
        });
    };
    let objects = prune::objects(last.manifest());
    let answers = for_each(objects, |object| {
        let release = &release;
        async move {
            let mut id = object.id();
            let live: Option<Value> = match cluster.resource_of(&object) {
                Ok(resource) => {
                    if !resource.namespaced {
                        id.namespace = "".into();
                    } else if id.namespace.is_empty() {
                        id.namespace = release.namespace.as_str().into();
                    }
                    cluster.get(&resource, &id.namespace, &id.name).await?
                }
                Err(_) => None,
            };
            let health = live
                .filter(|live| !live.name().is_empty())
                .map(|live| health::health(&live));
            Ok::<_, ClusterError>((id, health))
        }
    })
    .await;
    let objects = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let deployed = history.deployed().map(Record::revision);
    Ok(ReleaseStatus {
        deployed: deployed.filter(|revision| *revision != last.revision()),
        release,
        last,
        objects,
    })
}
