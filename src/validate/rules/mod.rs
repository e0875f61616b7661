//! What the server refuses after it has decoded an object and filled in defaults: names, ranges,
//! and what must fit together. Each file has the rules of one area, after the function of
//! `pkg/apis/*/validation` of Kubernetes 1.37 that it names.

mod access;
mod addresses;
mod admission;
mod annotations;
mod autoscaling;
mod backends;
mod batch;
mod certificates;
mod config;
mod container;
mod context;
mod crd;
mod cron;
mod devices;
mod drivers;
mod endpoints;
mod events;
mod expressions;
mod fields;
mod flow;
mod form;
mod metadata;
mod network;
mod nodes;
mod pem;
mod pod;
mod pod_system;
mod pod_volumes;
mod policies;
mod profiles;
mod quotas;
mod renames;
mod resources;
mod reviews;
mod scheduling;
mod schema_rules;
mod schema_support;
mod selectors;
mod services;
mod slices;
mod storage;
mod structural;
mod table;
mod volumes;
mod windows;
mod workloads;

pub(super) use certificates::are_authorities;
pub(super) use context::Context;
pub(super) use metadata::of_custom as custom_metadata;
pub(super) use renames::rename_fields;

use super::fault::Faults;
use super::place::Place;
use super::view::View;
use crate::manifest::{self, Map, Node, Span};
use crate::schema::{Kind, Object, Version};

/// Checks what concerns an object as a whole.
pub(super) fn whole(faults: &mut Faults<'_>, manifest: &manifest::Object, kind: Kind) {
    metadata::check(faults, manifest, kind);
    annotations::whole(faults, manifest, kind);
    match kind.group() {
        "" if kind.kind() == "Secret" => config::whole(faults, manifest),
        "" if kind.kind() == "Node" => nodes::whole(faults, manifest),
        "" | "events.k8s.io" if kind.kind() == "Event" => events::whole(faults, manifest, kind),
        "authorization.k8s.io" => reviews::whole(faults, manifest, kind.kind()),
        _ => {}
    }
}

/// What the server complains of in a text that is no DNS label.
pub(super) fn label_fault(text: &str, version: Version) -> Vec<String> {
    separate(form::Form::DnsLabel.fault(text, version))
}

/// What the server complains of in a text that is no value of a label.
pub(super) fn label_value_fault(text: &str, version: Version) -> Vec<String> {
    separate(form::Form::LabelValue.fault(text, version))
}

/// What the server complains of in a text that is no qualified name.
pub(super) fn qualified_fault(text: &str, version: Version) -> Vec<String> {
    let words = form::Form::LabelKey.fault(text, version);
    separate(words.map(|words| words.replace("a valid label key", "a qualified name")))
}

/// Takes apart what the length and the shape of a text were said to be together.
fn separate(words: Option<String>) -> Vec<String> {
    let Some(words) = words else {
        return Vec::new();
    };
    let long = words.starts_with("must be no more than");
    match words.split_once(", ").filter(|_| long) {
        Some((length, shape)) => vec![length.to_owned(), shape.to_owned()],
        None => vec![words],
    }
}

/// Whether the server drops a field of a claim before it validates, where nothing stands beside it
/// that keeps it.
pub(super) fn is_dropped(field: &str, value: &Node) -> bool {
    volumes::is_dropped(true, &Map::new(), field, value)
}

/// Whether the server drops a field of the object at hand before it validates.
pub(super) fn drops(context: &Context, beside: &Map, field: &str, value: &Node) -> bool {
    volumes::is_dropped(
        context.kind == "PersistentVolumeClaim",
        beside,
        field,
        value,
    )
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
    for rule in table::of(object.name()) {
        rule(faults, view);
    }
}

#[cfg(test)]
mod tests;
