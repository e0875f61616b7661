//! What a create forgets before it validates: fields whose feature gates are off by default in a
//! version. The rules of devices and drivers look at several fields and levels together, so they
//! are shown a mapping without them. (The gates of pods concern single fields: their rules ask the
//! version. Volumes are forgotten as a whole.)

use crate::manifest::{Map, Node};
use crate::schema::{Field, Object, Shape, Type};

/// The types of which something is forgotten begin with these.
const TYPES: [&str; 2] = ["io.k8s.api.resource.", "io.k8s.api.storage.v1.CSIDriver"];

/// Returns a mapping of a type without what is forgotten; `None` where nothing is.
pub(super) fn forget(object: Object, map: &Map) -> Option<Map> {
    let is_one = TYPES.iter().any(|name| object.name().starts_with(name));
    if !is_one || !holds(object, map) {
        return None;
    }
    let mut kept = map.clone();
    strip(object, &mut kept);
    Some(kept)
}

/// Whether a mapping is forgotten with all that is in it: a volume that is an image
/// (`dropImageVolumes` of pkg/api/pod).
pub(super) fn is_forgotten(object: Object, map: &Map) -> bool {
    map.get("image").is_some_and(|image| !image.is_null())
        && object.name() == "io.k8s.api.core.v1.Volume"
        && object.field("image").is_some_and(Field::unchecked)
}

/// Whether something is forgotten of a mapping or below it.
fn holds(object: Object, map: &Map) -> bool {
    map.iter().any(|entry| {
        let field = object.field(&entry.key);
        field.is_some_and(|field| field.unchecked() || holds_below(field.ty(), &entry.value))
    })
}

fn holds_below(ty: Type, node: &Node) -> bool {
    let map = || node.as_map();
    match ty.shape() {
        Shape::Object(object) => map().is_some_and(|map| holds(object, map)),
        Shape::Map(inner) => {
            map().is_some_and(|map| map.iter().any(|e| holds_below(inner, &e.value)))
        }
        Shape::List(list) => {
            let items = node.as_seq().unwrap_or_default();
            items.iter().any(|item| holds_below(list.item(), item))
        }
        _ => false,
    }
}

fn strip(object: Object, map: &mut Map) {
    map.retain(|entry| !object.field(&entry.key).is_some_and(Field::unchecked));
    for entry in map.iter_mut() {
        if let Some(field) = object.field(&entry.key) {
            strip_below(field.ty(), &mut entry.value);
        }
    }
}

fn strip_below(ty: Type, node: &mut Node) {
    match ty.shape() {
        Shape::Object(object) => {
            if let Some(map) = node.as_map_mut() {
                strip(object, map);
            }
        }
        Shape::Map(inner) => {
            for entry in node.as_map_mut().into_iter().flat_map(Map::iter_mut) {
                strip_below(inner, &mut entry.value);
            }
        }
        Shape::List(list) => {
            for item in node.as_seq_mut().into_iter().flatten() {
                strip_below(list.item(), item);
            }
        }
        _ => {}
    }
}
