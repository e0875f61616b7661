//! Volumes, claims and the classes of both (`pkg/apis/core/validation`,
//! `pkg/apis/storage/validation`).

use super::change::{Change, FORBIDDEN, IMMUTABLE};
use crate::manifest::quantity::Quantity;
use crate::manifest::{Map, Node};

const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Fields of a PersistentVolumeSpec that are no source of a volume.
const NO_SOURCE: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

/// `ValidatePersistentVolumeUpdate`.
pub(super) fn volume(change: &mut Change<'_>) {
    source(change);
    change.immutable_as(&["spec", "volumeMode"], "volumeMode", "field is immutable");
    if change.before(&["spec", "nodeAffinity"]).is_some() {
        rename_labels(change);
        let reason = "field is immutable, except for updating from beta label to GA";
        change.immutable_as(&["spec", "nodeAffinity"], "nodeAffinity", reason);
    }
    let class = ["spec", "volumeAttributesClassName"];
    if change.before(&class).is_some() && change.after(&class).is_none() {
        let words = "Forbidden: update from non-nil value to nil is forbidden".to_owned();
        let field = class.join(".");
        change.report(FORBIDDEN, &field, std::slice::from_ref(&field), words);
    }
}

/// Labels of nodes that were renamed when they became stable.
const RENAMED: [(&str, &str); 5] = [
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
    (
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
    ),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/region",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "topology.kubernetes.io/zone",
    ),
];

/// Gives the old terms of a volume the new names of labels, where the new ones have them in the same
/// place (`getMaskNodeSelectorLabelChangeEqualities`).
fn rename_labels(change: &mut Change<'_>) {
    let path = ["spec", "nodeAffinity", "required", "nodeSelectorTerms"];
    let new = change.new.at(&path).cloned();
    let new = new.as_ref().and_then(Node::as_seq).unwrap_or_default();
    let old = change.old.at_mut(&path).and_then(Node::as_seq_mut);
    for (old, new) in old.into_iter().flatten().zip(new) {
        for list in ["matchExpressions", "matchFields"] {
            let new = new.get(list).and_then(Node::as_seq).unwrap_or_default();
            let old = old.get_mut(list).and_then(Node::as_seq_mut);
            for (old, new) in old.into_iter().flatten().zip(new) {
                let key = |node: &Node| node.get("key").and_then(Node::as_str).map(str::to_owned);
                let renamed = |&(beta, stable): &(&str, &str)| {
                    key(old).as_deref() == Some(beta) && key(new).as_deref() == Some(stable)
                };
                if RENAMED.iter().any(renamed) {
                    super::pod::put(old, "key", new.get("key"));
                }
            }
        }
    }
}

/// The source of a volume cannot change; a secret for its expansion may be added.
fn source(change: &mut Change<'_>) {
    let only_source = |node: Option<&Node>| {
        let mut node = node.cloned()?;
        node.as_map_mut()?
            .retain(|entry| !NO_SOURCE.contains(&entry.key.as_str()));
        Some(node)
    };
    let old = only_source(change.before(&["spec"]));
    let mut new = only_source(change.after(&["spec"]));
    let secret = "controllerExpandSecretRef";
    let driver = old.as_ref().and_then(|old| old.get("csi"));
    let has_none = driver.is_some_and(|csi| csi.get(secret).is_none_or(Node::is_null));
    if let Some(new) = new.as_mut().filter(|_| has_none)
        && let Some(csi) = new.get_mut("csi").and_then(Node::as_map_mut)
    {
        csi.remove(secret);
    }
    let changes = change.compare(&["spec"], old.as_ref(), new.as_ref());
    if !changes.is_empty() {
        let words = "Forbidden: spec.persistentvolumesource is immutable after creation";
        change.report(
            IMMUTABLE,
            "spec.persistentvolumesource",
            &changes,
            words.to_owned(),
        );
    }
}

/// `ValidatePersistentVolumeClaimUpdate`.
pub(super) fn claim(change: &mut Change<'_>) {
    normalize(change);
    let annotation = ["metadata", "annotations", BETA_CLASS];
    let class = ["spec", "storageClassName"];
    let has = |change: &Change<'_>, old: bool, path: &[&str]| {
        let node = if old {
            change.before(path)
        } else {
            change.after(path)
        };
        node.and_then(Node::as_str).map(str::to_owned)
    };
    let (old_note, new_note) = (
        has(change, true, &annotation),
        has(change, false, &annotation),
    );
    let (old_class, new_class) = (has(change, true, &class), has(change, false, &class));
    let (mut old, mut new) = (
        change.old.get("spec").cloned(),
        change.new.get("spec").cloned(),
    );
    let upgraded = old_note.is_some()
        && old_class.is_none()
        && new_class == old_note
        && (new_note.is_none() || new_note == old_note);
    if !upgraded && old_note.unwrap_or_default() != new_note.unwrap_or_default() {
        let field = format!("metadata.annotations.{BETA_CLASS}");
        let at = format!("metadata.annotations[{BETA_CLASS}]");
        let words = "Invalid value: field is immutable".to_owned();
        change.report(IMMUTABLE, &field, &[at], words);
    }
    if upgraded || old_class.is_none() && new_class.is_some() {
        copy(&mut old, new.as_ref(), &["storageClassName"]);
    }
    if change.texts(&["spec", "volumeName"]).0.is_empty() {
        copy(&mut old, new.as_ref(), &["volumeName"]);
    }
    let bound = change.texts(&["status", "phase"]).0 == "Bound";
    if bound {
        if new
            .as_ref()
            .is_some_and(|new| new.at(&["resources", "requests"]).is_some())
        {
            copy(
                &mut new,
                old.as_ref(),
                &["resources", "requests", "storage"],
            );
        }
        copy(&mut new, old.as_ref(), &["volumeAttributesClassName"]);
    }
    let changes = change.compare(&["spec"], old.as_ref(), new.as_ref());
    if !changes.is_empty() {
        let words = "Forbidden: spec is immutable after creation except resources.requests and \
                     volumeAttributesClassName for bound claims";
        change.report(IMMUTABLE, "spec", &changes, words.to_owned());
    }
    size(change);
    change.immutable_as(&["spec", "volumeMode"], "volumeMode", "field is immutable");
    attributes(change);
}

/// A claim cannot shrink below what it has got.
fn size(change: &mut Change<'_>) {
    let path = ["spec", "resources", "requests", "storage"];
    let amount = |node: Option<&Node>| {
        let text = node.and_then(Node::scalar_text)?;
        Quantity::parse(text.trim()).map(Quantity::nanos)
    };
    let (old, new) = (amount(change.before(&path)), amount(change.after(&path)));
    let got = amount(change.before(&["status", "capacity", "storage"])).unwrap_or(0);
    let (old, new) = (old.unwrap_or(0), new.unwrap_or(0));
    if new < old && new <= got {
        let words = "Forbidden: field can not be less than status.capacity".to_owned();
        let field = path.join(".");
        change.report(FORBIDDEN, &field, std::slice::from_ref(&field), words);
    }
}

fn attributes(change: &mut Change<'_>) {
    let class = ["spec", "volumeAttributesClassName"];
    let current = ["status", "currentVolumeAttributesClassName"];
    if change.before(&current).is_none() || change.changes(&class).is_empty() {
        return;
    }
    let what = match change.after(&class) {
        None => "nil",
        Some(node) if node.as_str() == Some("") => "empty string",
        Some(_) => return,
    };
    let words = format!(
        "Forbidden: update to {what} is forbidden when status.currentVolumeAttributesClassName is \
         not nil"
    );
    let field = class.join(".");
    change.report(FORBIDDEN, &field, std::slice::from_ref(&field), words);
}

/// `NormalizeDataSources`: the two fields for the source of the data say the same.
fn normalize(change: &mut Change<'_>) {
    for root in [&mut change.old, &mut change.new] {
        let Some(spec) = root.get_mut("spec").and_then(Node::as_map_mut) else {
            continue;
        };
        let given = |spec: &Map, name: &str| spec.get(name).filter(|node| !node.is_null()).cloned();
        match (given(spec, "dataSource"), given(spec, "dataSourceRef")) {
            (Some(source), None) if crate::validate::rules::is_dropped("dataSource", &source) => {
                spec.remove("dataSource");
            }
            (Some(source), None) => {
                spec.set("dataSourceRef", source);
            }
            (None, Some(source)) if source.get("namespace").is_none_or(Node::is_null) => {
                spec.set("dataSource", source);
            }
            _ => {}
        }
    }
}

/// Copies a value from one tree to the other, also that there is none.
fn copy(to: &mut Option<Node>, from: Option<&Node>, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let value = from.and_then(|from| from.at(path)).cloned();
    let Some(map) = to
        .as_mut()
        .and_then(|to| to.at_mut(parents))
        .and_then(Node::as_map_mut)
    else {
        return;
    };
    match value {
        Some(value) => map.set(*last, value),
        None => map.remove(last),
    };
}

/// The kinds of `storage.k8s.io`.
pub(super) fn classes(change: &mut Change<'_>) {
    match change.kind.kind() {
        "StorageClass" => {
            let was_forbidden = change.version.minor() < 36;
            for field in ["parameters", "provisioner", "reclaimPolicy"] {
                if was_forbidden {
                    change.forbidden(&[field], &format!("updates to {field} are forbidden."));
                } else {
                    change.immutable(&[field]);
                }
            }
            change.immutable(&["volumeBindingMode"]);
        }
        "VolumeAttachment" => change.immutable(&["spec"]),
        "CSIDriver" => {
            let path = ["spec", "attachRequired"];
            change.immutable_as(&path, "spec.attachedRequired", "field is immutable");
            change.immutable(&["spec", "volumeLifecycleModes"]);
        }
        "CSIStorageCapacity" => {
            change.immutable(&["nodeTopology"]);
            change.immutable(&["storageClassName"]);
        }
        "CSINode" => drivers(change),
        "VolumeAttributesClass" => {
            change.forbidden(&["driverName"], "updates to driverName are forbidden.");
            change.forbidden(&["parameters"], "updates to parameters are forbidden.");
        }
        _ => {}
    }
}

/// A driver of a node cannot change, but for how many volumes it can take.
fn drivers(change: &mut Change<'_>) {
    let list = |node: Option<&Node>| -> Vec<Node> {
        let items = node
            .and_then(|spec| spec.get("drivers"))
            .and_then(Node::as_seq);
        let mut items = items.unwrap_or_default().to_vec();
        for item in &mut items {
            if let Some(map) = item.as_map_mut() {
                map.remove("allocatable");
            }
        }
        items
    };
    let (old, new) = (
        list(change.before(&["spec"])),
        list(change.after(&["spec"])),
    );
    let changed = old.iter().any(|old| {
        let name = |item: &Node| item.get("name").and_then(Node::as_str).map(str::to_owned);
        new.iter().any(|new| name(new) == name(old) && new != old)
    });
    if changed {
        change.invalid(IMMUTABLE, "spec.drivers", "field is immutable");
    }
}
