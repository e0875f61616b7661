//! Seccomp and AppArmor profiles that are given in an annotation and in a field: both must say the
//! same (`validateSeccompAnnotationsAndFields` and `validateAppArmorAnnotationsAndFieldsMatchOnCreate`
//! of `pkg/apis/core/validation`).

use super::annotations::{APPARMOR, SECCOMP, SECCOMP_POD};
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// Checks a pod spec against the annotations beside it. `view` holds `spec`.
pub(super) fn check(faults: &mut Faults<'_>, view: View<'_>, metadata: &Node) {
    let annotations = metadata.get("annotations").and_then(Node::as_map);
    let (Some(annotations), Some(spec)) = (annotations, view.get("spec")) else {
        return;
    };
    let annotation = |key: &str| annotations.get(key).and_then(Node::as_str);
    if let Some(profile) = spec.at(&["securityContext", "seccompProfile"])
        && let Some(text) = annotation(SECCOMP_POD)
    {
        seccomp(
            faults,
            view,
            "spec.securityContext.seccompProfile",
            profile,
            text,
        );
    }
    let is_windows = spec.at(&["os", "name"]).and_then(Node::as_str) == Some("windows");
    let of_pod = spec
        .at(&["securityContext", "appArmorProfile"])
        .filter(|n| !n.is_null());
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let items = spec.get(list).and_then(Node::as_seq).unwrap_or_default();
        for (index, container) in items.iter().enumerate() {
            let name = container
                .get("name")
                .and_then(Node::as_str)
                .unwrap_or_default();
            let path = format!("spec.{list}[{index}].securityContext");
            let own = |name: &str| {
                let profile = container.at(&["securityContext", name]);
                profile.filter(|node| !node.is_null())
            };
            if let Some(profile) = own("seccompProfile")
                && let Some(text) = annotation(&format!("{SECCOMP}{name}"))
            {
                seccomp(
                    faults,
                    view,
                    &format!("{path}.seccompProfile"),
                    profile,
                    text,
                );
            }
            // In a Pod the server has by then made a field of the annotation where there was none.
            let of_pod = of_pod.filter(|_| !faults.context().is_pod());
            if let Some(profile) = own("appArmorProfile").or(of_pod)
                && let Some(text) = annotation(&format!("{APPARMOR}{name}"))
                && !is_windows
            {
                let path = format!("{path}.appArmorProfile");
                compare(
                    faults,
                    view,
                    &path,
                    profile,
                    text,
                    "apparmor",
                    &["runtime/default"],
                );
            }
        }
    }
}

fn seccomp(faults: &mut Faults<'_>, view: View<'_>, path: &str, profile: &Node, text: &str) {
    const DEFAULTS: &[&str] = &["runtime/default", "docker/default"];
    compare(faults, view, path, profile, text, "seccomp", DEFAULTS);
}

/// Compares a profile with an annotation; `defaults` are the annotations for `RuntimeDefault`.
fn compare(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    profile: &Node,
    text: &str,
    what: &str,
    defaults: &[&str],
) {
    let given = |name: &str| profile.get(name).and_then(Node::as_str);
    let (field, fits) = match given("type") {
        Some("Unconfined") => ("type", text == "unconfined"),
        Some("RuntimeDefault") => ("type", defaults.contains(&text)),
        Some("Localhost") => match text.strip_prefix("localhost/") {
            None => ("type", false),
            Some(name) => ("localhostProfile", given("localhostProfile") == Some(name)),
        },
        _ => return,
    };
    if fits {
        return;
    }
    let noun = match field {
        "type" => "type",
        _ => "profile",
    };
    let finding = Finding {
        rule: "conflicting-fields",
        message: format!("the annotation names another {what} profile: `{text}`"),
        remark: "leave the annotation out: the field has taken its place",
        words: format!("Forbidden: {what} {noun} in annotation and field must match"),
    };
    let span = profile.get(field).map_or(profile.span, |node| node.span);
    view.refuse_at(faults, &format!("{path}.{field}"), span, finding);
}
