//! Sources of volumes (`validateVolumeSource` and what it calls in `pkg/apis/core/validation`).

use std::collections::HashSet;

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::{Map, Node};
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View, item_text};

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";

/// A volume of a pod.
pub(super) fn volume(faults: &mut Faults<'_>, view: View<'_>) {
    let negative = |node: &Node| {
        super::resources::quantity(node)
            .is_some_and(crate::manifest::quantity::Quantity::is_negative)
    };
    if view.find(&["emptyDir", "sizeLimit"]).is_some_and(negative) {
        let reason = "SizeLimit field must be a valid resource quantity";
        view.forbidden(faults, "emptyDir.sizeLimit", "0 at least", reason);
    }
    let text = |path: &[&str]| view.find(path).and_then(Node::as_str).unwrap_or_default();
    let host = text(&["hostPath", "path"]);
    if host.split('/').any(|part| part == "..") {
        let reason = "must not contain '..'";
        view.invalid(faults, "invalid-path", "hostPath.path", reason, reason);
    }
    let server_path = text(&["nfs", "path"]);
    if !server_path.is_empty() && !server_path.starts_with('/') {
        let reason = "must be an absolute path";
        view.invalid(faults, "invalid-path", "nfs.path", reason, reason);
    }
    if view.find(&["iscsi", "initiatorName"]).is_some() {
        let portal = text(&["iscsi", "targetPortal"]);
        super::backends::portal(faults, view, "name", view.text("name"), portal);
    }
    csi_driver(faults, view, text(&["csi", "driver"]));
    if view.find(&["csi", "nodePublishSecretRef"]).is_some() {
        let name = text(&["csi", "nodePublishSecretRef", "name"]);
        match name {
            "" => view.required(faults, "csi.nodePublishSecretRef.name", "which Secret?", ""),
            name => secret_name(faults, view, name),
        }
    }
    let directory = text(&["gitRepo", "directory"]);
    refuse_form(
        faults,
        view,
        "gitRepo.directory",
        Form::RelativePath,
        directory,
    );
}

/// The Secret of a CSI volume, which the server reports as the name of the volume.
fn secret_name(faults: &mut Faults<'_>, view: View<'_>, name: &str) {
    let Some(words) = Form::DnsSubdomain.fault(name, faults.version()) else {
        return;
    };
    let finding = Finding {
        rule: "invalid-name",
        message: format!("`{name}` is no name of a Secret"),
        remark: Form::DnsSubdomain.rule(),
        words: format!("Invalid value: {name:?}: {words}"),
    };
    let node = view.find(&["csi", "nodePublishSecretRef", "name"]);
    view.refuse_at(
        faults,
        "csi.name",
        node.map_or(view.at, |node| node.span),
        finding,
    );
}

/// The metadata of a template for claims: labels and annotations.
pub(super) fn template(faults: &mut Faults<'_>, view: View<'_>) {
    view.inside("metadata", |view| {
        if let Some(node) = view.get("labels") {
            super::fields::labels(faults, view, "labels", node);
        }
        super::metadata::annotations(faults, view, "annotations");
        for entry in view.map {
            let value = &entry.value;
            let is_nothing = value.is_null()
                || value.as_str() == Some("")
                || value.as_i64() == Some(0) && entry.key == "generation"
                || value.as_seq().is_some_and(<[Node]>::is_empty);
            if !is_nothing && !matches!(entry.key.as_str(), "labels" | "annotations") {
                view.forbidden(
                    faults,
                    &entry.key,
                    "labels and annotations alone",
                    "cannot be set",
                );
            }
        }
    });
}

/// The driver of a CSI volume; reported at the path below `view`.
pub(super) fn csi_driver(faults: &mut Faults<'_>, view: View<'_>, driver: &str) {
    if driver.len() > 63 {
        super::fields::too_long(faults, view, "csi.driver", 63);
    }
    if !driver.is_empty() {
        let folded = driver.to_lowercase();
        if Form::DnsSubdomain
            .fault(&folded, faults.version())
            .is_some()
        {
            refuse_form(faults, view, "csi.driver", Form::DnsSubdomain, driver);
        }
    }
}

/// Permissions of files: `defaultMode` or `mode`.
pub(super) fn mode(faults: &mut Faults<'_>, view: View<'_>, name: &str) {
    if view
        .int(name)
        .is_some_and(|mode| !(0..=0o777).contains(&mode))
    {
        let remark = "octal: 0644 and not 644 in quotes or decimal";
        view.invalid(faults, "invalid-mode", name, remark, MODE);
    }
}

/// A file in a volume: where it lies and its permissions.
pub(super) fn file(faults: &mut Faults<'_>, view: View<'_>) {
    mode(faults, view, "mode");
    let path = view.text("path");
    if !path.is_empty() {
        refuse_form(faults, view, "path", Form::RelativeFile, path);
    }
}

/// Several sources in one volume (`validateProjectionSources`).
pub(super) fn projected(faults: &mut Faults<'_>, view: View<'_>) {
    mode(faults, view, "defaultMode");
    let mut seen = HashSet::new();
    for (index, source) in view.items("sources").iter().enumerate() {
        certificates(faults, view, index, source, &mut seen);
        for kind in ["secret", "configMap", "downwardAPI"] {
            let items = source.at(&[kind, "items"]).and_then(Node::as_seq);
            for item in items.unwrap_or_default() {
                let path = item.get("path").and_then(Node::as_str).unwrap_or_default();
                if !path.is_empty() && !seen.insert(path) {
                    conflict(faults, view, item, path);
                }
            }
        }
        let token = source
            .get("serviceAccountToken")
            .filter(|token| !token.is_null());
        // A Pod without an account gets one from the admission of every cluster (ServiceAccount).
        if let Some(token) = token {
            token_path(faults, view, index, token);
        }
    }
}

/// Bundles of authorities (since 1.37) and certificates of the pod (since 1.37).
fn certificates<'n>(
    faults: &mut Faults<'_>,
    view: View<'_>,
    index: usize,
    source: &'n Node,
    seen: &mut HashSet<&'n str>,
) {
    if faults.version().minor() < 37 {
        return;
    }
    for (kind, paths) in [
        ("clusterTrustBundle", &["path"][..]),
        (
            "podCertificate",
            &["credentialBundlePath", "keyPath", "certificateChainPath"],
        ),
    ] {
        let Some(node) = source.get(kind).filter(|node| !node.is_null()) else {
            continue;
        };
        for name in paths {
            let path = node.get(name).and_then(Node::as_str).unwrap_or_default();
            // Only an empty path of a bundle is a path like another.
            if path.is_empty() && kind != "clusterTrustBundle" {
                continue;
            }
            if !path.is_empty() {
                let at = format!("sources[{index}].{kind}.{name}");
                refuse_form(faults, view, &at, Form::RelativeFile, path);
            }
            if !seen.insert(path) {
                conflict(faults, view, source, path);
            }
        }
    }
}

fn token_path(faults: &mut Faults<'_>, view: View<'_>, index: usize, token: &Node) {
    let at = |name: &str| format!("sources[{index}].serviceAccountToken.{name}");
    if let Some(seconds) = token.get("expirationSeconds").and_then(Node::as_i64) {
        let reason = match seconds {
            ..600 => "may not specify a duration less than 10 minutes",
            4_294_967_297.. => "may not specify a duration larger than 2^32 seconds",
            _ => "",
        };
        if !reason.is_empty() {
            view.invalid(
                faults,
                "out-of-range",
                &at("expirationSeconds"),
                reason,
                reason,
            );
        }
    }
    let path = token.get("path").and_then(Node::as_str).unwrap_or_default();
    if !path.is_empty()
        && let Some(words) = Form::RelativeFile.fault(path, faults.version())
    {
        // The server names the volume here.
        let span = token.get("path").map_or(view.at, |node| node.span);
        let finding = Finding {
            rule: "invalid-path",
            message: format!("`{path}` leaves the volume"),
            remark: Form::RelativeFile.rule(),
            words: format!("Invalid value: {path:?}: {words}"),
        };
        view.refuse_at(faults, "path", span, finding);
    }
}

fn conflict(faults: &mut Faults<'_>, view: View<'_>, source: &Node, path: &str) {
    let finding = Finding {
        rule: "duplicate-value",
        message: format!("`{path}` is written twice in this volume"),
        remark: "another source has this path",
        words: format!("Invalid value: {path:?}: conflicting duplicate paths"),
    };
    // The server names the volume.
    view.refuse_at(faults, "", source.span, finding);
}

/// `ValidatePersistentVolumeClaimSpec`, beyond what is required.
pub(super) fn claim(faults: &mut Faults<'_>, view: View<'_>) {
    let modes: Vec<&str> = view
        .items("accessModes")
        .iter()
        .filter_map(item_text)
        .collect();
    if modes.contains(&"ReadWriteOncePod") && modes.len() > 1 {
        let reason = "may not use ReadWriteOncePod with other access modes";
        view.forbidden(
            faults,
            "accessModes",
            "`ReadWriteOncePod` stands alone",
            reason,
        );
    }
    // null is an amount here: zero.
    let requests = view.find(&["resources", "requests"]);
    let storage = requests.and_then(|requests| requests.get("storage"));
    if let Some(amount) = storage.and_then(super::resources::quantity)
        && (amount.is_zero() || amount.is_negative())
    {
        let finding = Finding {
            rule: "out-of-range",
            message: format!("`storage` cannot be `{amount}`"),
            remark: "more than 0",
            words: format!("Invalid value: \"{amount}\": must be greater than zero"),
        };
        let span = storage.map_or(view.at, |node| node.span);
        view.refuse_at(faults, "resources[storage]", span, finding);
    }
    data_source(faults, view);
}

/// Whether the server drops a field of a claim before it validates: a `dataSource` that is neither a
/// claim nor a snapshot, unless a `dataSourceRef` stands beside it, and a reference into another
/// namespace (`EnforceDataSourceBackwardsCompatibility` and `DropDisabledFields` of
/// `pkg/api/persistentvolumeclaim`).
pub(super) fn is_dropped(is_claim: bool, beside: &Map, field: &str, value: &Node) -> bool {
    let namespace = value.get("namespace").and_then(Node::as_str);
    if is_claim && field == "dataSourceRef" && namespace.is_some_and(|text| !text.is_empty()) {
        return true;
    }
    let has_reference = || {
        beside
            .get("dataSourceRef")
            .is_some_and(|node| !node.is_null())
    };
    is_claim
        && field == "dataSource"
        && value.as_map().is_some()
        && !is_claim_or_snapshot(value)
        && !has_reference()
}

/// Whether a `dataSource` is one of the two that the server keeps.
fn is_claim_or_snapshot(source: &Node) -> bool {
    let text = |name: &str| source.get(name).and_then(Node::as_str).unwrap_or_default();
    matches!(
        (text("apiGroup"), text("kind")),
        ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
    )
}

fn data_source(faults: &mut Faults<'_>, view: View<'_>) {
    const NAMES: [&str; 2] = ["dataSource", "dataSourceRef"];
    let text = |path: &[&str]| view.find(path).and_then(Node::as_str).unwrap_or_default();
    let is_claim = faults.context().kind == "PersistentVolumeClaim";
    let has_namespace = !text(&["dataSourceRef", "namespace"]).is_empty();
    // CrossNamespaceVolumeDataSource is off: a claim forgets such a reference, a template does not.
    let is_kept = |name: &str, node: &Node| match name {
        "dataSource" => !is_dropped(is_claim, view.map, name, node),
        _ => !(is_claim && has_namespace),
    };
    let [source, reference] = NAMES.map(|name| {
        let node = view.get(name).filter(|node| node.as_map().is_some());
        node.filter(|node| is_kept(name, node))
    });
    for (name, node) in NAMES.into_iter().zip([source, reference]) {
        if let Some(node) = node {
            one_source(faults, view, name, node);
        }
    }
    let (Some(source), Some(reference)) = (source, reference) else {
        return;
    };
    let same = ["apiGroup", "kind", "name"].iter().all(|field| {
        let texts = [source, reference].map(|node| node.get(field).and_then(Node::as_str));
        // The group is a pointer: none is not the empty one.
        texts[0] == texts[1]
            || *field != "apiGroup" && texts[0].unwrap_or("") == texts[1].unwrap_or("")
    });
    let words = match has_namespace {
        true => "may not be specified when dataSourceRef.namespace is specified",
        false if same => return,
        false => "must match dataSourceRef",
    };
    let finding = Finding {
        rule: "conflicting-fields",
        message: "`dataSource` and `dataSourceRef` differ".to_owned(),
        remark: "one of them is enough",
        words: format!("Invalid value: \"spec.dataSource\": {words}"),
    };
    view.refuse_at(faults, "", view.span("dataSource"), finding);
}

/// `validateDataSource` and `validateDataSourceRef`.
fn one_source(faults: &mut Faults<'_>, view: View<'_>, name: &str, node: &Node) {
    let text = |field: &str| node.get(field).and_then(Node::as_str).unwrap_or_default();
    let group = text("apiGroup");
    if group.is_empty() && !matches!(text("kind"), "" | "PersistentVolumeClaim") {
        let reason = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        let finding = Finding {
            rule: "invalid-reference",
            message: format!("`kind` cannot be `{}`", text("kind")),
            remark: "name the `apiGroup` of this kind",
            words: format!("Invalid value: {:?}: {reason}", text("kind")),
        };
        let span = node.get("kind").map_or(view.at, |node| node.span);
        view.refuse_at(faults, name, span, finding);
    }
    for (field, form) in [
        ("apiGroup", Form::DnsSubdomain),
        ("namespace", Form::DnsLabel),
    ] {
        if !text(field).is_empty() {
            refuse_form(faults, view, &format!("{name}.{field}"), form, text(field));
        }
    }
}
