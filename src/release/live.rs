//! Reads what is live: of the objects that are wanted, of those that left, and the autoscalers.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::error::ReleaseError;
use super::prune::Left;
use crate::cluster::client::Listing;
use crate::cluster::value::Read;
use crate::cluster::{Cluster, Resource};
use crate::diff::Wanted;
use crate::manifest::object::ObjectId;

/// A kind with at most this many wanted objects is read object by object, not as a list.
const FEW: usize = 2;

/// Reads what is live of the wanted objects and of those that left; returns the autoscalers.
pub(super) async fn read_live(
    cluster: &Cluster,
    wanted: &mut [Wanted],
    left: &mut [Left],
) -> Result<Vec<Value>, ReleaseError> {
    let mut names: HashMap<(Resource, String), Vec<String>> = HashMap::new();
    let mut want = |resource: &Resource, id: &ObjectId| {
        let key = (resource.clone(), id.namespace.to_string());
        names.entry(key).or_default().push(id.name.to_string());
    };
    for wanted in wanted.iter() {
        if let Some(resource) = &wanted.resource {
            want(resource, &wanted.id);
        }
    }
    for left in left.iter() {
        want(&left.resource, &left.id);
    }
    let scalers = Resource::namespaced(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
    );
    let mut listings: Vec<Listing> = names
        .into_iter()
        .filter(|((resource, _), _)| *resource != scalers)
        .map(|((resource, namespace), names)| Listing {
            namespace: resource.namespaced.then_some(namespace),
            names: if names.len() <= FEW {
                names
            } else {
                Vec::new()
            },
            resource,
        })
        .collect();
    let scaled: BTreeSet<String> = wanted
        .iter()
        .filter(|w| is_scalable(&w.id) || w.is("autoscaling", "HorizontalPodAutoscaler"))
        .map(|w| w.id.namespace.to_string())
        .chain(
            left.iter()
                .filter(|l| l.resource == scalers)
                .map(|l| l.id.namespace.to_string()),
        )
        .collect();
    listings.extend(scaled.into_iter().map(|namespace| Listing {
        resource: scalers.clone(),
        namespace: Some(namespace),
        names: Vec::new(),
    }));
    let mut found: HashMap<ObjectId, Value> = HashMap::new();
    let mut autoscalers = Vec::new();
    for (listing, objects) in cluster.list_all(listings).await? {
        for object in objects {
            if listing.resource == scalers {
                autoscalers.push(object.clone());
            }
            found.insert(id_of(&object), object);
        }
    }
    for wanted in wanted.iter_mut().filter(|wanted| wanted.resource.is_some()) {
        wanted.live = found.remove(&wanted.id);
    }
    for left in left.iter_mut() {
        left.live = found.remove(&left.id);
    }
    Ok(autoscalers)
}

/// What makes a live object the same object as one of the input.
pub(super) fn id_of(object: &Value) -> ObjectId {
    ObjectId {
        group: object.group().into(),
        kind: object.kind().into(),
        namespace: object.namespace().into(),
        name: object.name().into(),
    }
}

/// Whether an autoscaler may rule its replicas.
pub(super) fn is_scalable(id: &ObjectId) -> bool {
    id.group == "apps" && matches!(id.kind.as_str(), "Deployment" | "StatefulSet")
}
