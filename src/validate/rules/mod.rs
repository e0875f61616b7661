//! What the server refuses after it has decoded an object and filled in defaults: names, ranges,
//! and what must fit together. Each file has the rules of one area, after the function of
//! `pkg/apis/*/validation` of Kubernetes 1.37 that it names.

mod fields;
mod form;
mod metadata;
mod selectors;
mod workloads;

use super::fault::Faults;
use super::place::Place;
use super::view::View;
use crate::manifest::{self, Map, Span};
use crate::schema::{Kind, Object};

/// Checks what concerns an object as a whole.
pub(super) fn whole(faults: &mut Faults<'_>, manifest: &manifest::Object, kind: Kind) {
    metadata::check(faults, manifest, kind);
}

/// Checks a mapping of a type. `at` is where it stands.
pub(super) fn check(
    faults: &mut Faults<'_>,
    object: Object,
    map: &Map,
    place: &Place<'_>,
    at: Span,
) {
    let view = View { map, place, at };
    fields::check(faults, object, view);
    match object.name().strip_prefix("io.k8s.").unwrap_or_default() {
        "api.apps.v1.DaemonSetSpec" => workloads::daemon_set(faults, view),
        "api.apps.v1.DeploymentSpec" => workloads::deployment(faults, view),
        "api.apps.v1.ReplicaSetSpec" => workloads::replica_set(faults, view),
        "api.apps.v1.StatefulSetSpec" => workloads::stateful_set(faults, view),
        "api.core.v1.PodTemplateSpec" => workloads::template(faults, view),
        "api.core.v1.ReplicationControllerSpec" => workloads::controller(faults, view),
        "apimachinery.pkg.apis.meta.v1.LabelSelector" => selectors::labels(faults, view),
        _ => {}
    }
}
