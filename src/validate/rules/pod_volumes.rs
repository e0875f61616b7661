//! The volumes of a pod beside what its containers mount, and the claims that are made for it
//! (`ValidatePodSpec` of `pkg/apis/core/validation`).

use std::collections::HashMap;

use super::form::Form;
use super::pod::{containers, items, text};
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// Checks that what is mounted exists, and devices against claims.
pub(super) fn check(faults: &mut Faults<'_>, view: View<'_>) {
    let claims = faults.context().claims.clone();
    let mut known: HashMap<&str, bool> = HashMap::new();
    for volume in view.items("volumes") {
        let claim = ["persistentVolumeClaim", "ephemeral"];
        let is_claim = claim
            .iter()
            .any(|n| volume.get(n).is_some_and(|v| !v.is_null()));
        known.insert(text(volume, "name"), is_claim);
    }
    known.extend(claims.iter().map(|name| (name.as_str(), true)));
    known.remove("");
    // Until 1.34 such a variable is forgotten.
    let from_files = faults.version().minor() >= 35;
    for (path, container) in containers(view) {
        for (index, mount) in items(container, "volumeMounts").iter().enumerate() {
            let name = text(mount, "name");
            if !name.is_empty() && !known.contains_key(name) {
                let path = format!("{path}.volumeMounts[{index}].name");
                no_volume(faults, view, &path, name, &known);
            }
        }
        for (index, device) in items(container, "volumeDevices").iter().enumerate() {
            let name = text(device, "name");
            let path = format!("{path}.volumeDevices[{index}].name");
            match known.get(name) {
                None if name.is_empty() => {}
                None => no_volume(faults, view, &path, name, &known),
                Some(true) => {}
                Some(false) => {
                    let reason = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                    view.invalid(
                        faults,
                        "unknown-volume",
                        &path,
                        "only claims are devices",
                        reason,
                    );
                }
            }
        }
        for (index, variable) in items(container, "env").iter().enumerate() {
            let reference = variable.at(&["valueFrom", "fileKeyRef"]);
            let name = reference.map_or("", |reference| text(reference, "volumeName"));
            if from_files && !name.is_empty() && !known.contains_key(name) {
                let path = format!("{path}.env[{index}].valueFrom.fileKeyRef.volumeName");
                no_volume(faults, view, &path, name, &known);
            }
        }
    }
}

/// The claims that are made for a Pod: they have names, and are not to be named themselves.
pub(super) fn made_claims(faults: &mut Faults<'_>, view: View<'_>) {
    let pod = faults.context().name.clone();
    if pod.is_empty() {
        return;
    }
    let claim_of = |volume: &Node| {
        let name = text(volume, "name");
        let is_made = volume.get("ephemeral").is_some_and(|node| !node.is_null());
        (is_made && !name.is_empty()).then(|| format!("{pod}-{name}"))
    };
    let made: Vec<String> = view.items("volumes").iter().filter_map(claim_of).collect();
    for (index, volume) in view.items("volumes").iter().enumerate() {
        if let Some(claim) = claim_of(volume)
            && let Some(words) = Form::DnsSubdomain.fault(&claim, faults.version())
        {
            let path = format!("volumes[{index}].name");
            let reason = format!("PVC name {claim:?}: {words}");
            let remark = "its claim is named after the Pod and this";
            view.invalid(faults, "invalid-name", &path, remark, reason);
        }
        let claim = volume.at(&["persistentVolumeClaim", "claimName"]);
        let claim = claim.and_then(Node::as_str).unwrap_or_default();
        if made.iter().any(|made| made == claim) {
            let path = format!("volumes[{index}].persistentVolumeClaim.claimName");
            let reason = "must not reference a PVC that gets created for an ephemeral volume";
            view.invalid(faults, "conflicting-fields", &path, reason, reason);
        }
    }
}

fn no_volume(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    name: &str,
    known: &HashMap<&str, bool>,
) {
    let near = crate::manifest::suggest::nearest(name, known.keys().copied());
    let remark = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`volumes` has none of this name".to_owned(),
    };
    let finding = Finding {
        rule: "unknown-volume",
        message: format!("there is no volume `{name}`"),
        remark: &remark,
        words: format!("Not found: {name:?}"),
    };
    view.refuse(faults, path, finding);
}
