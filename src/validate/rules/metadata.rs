//! `metadata`: names by kind, labels, annotations, owners, finalizers
//! (`apimachinery/pkg/api/validation/objectmeta.go`, `pkg/apis/core/validation`).

use super::fields::{labels, refuse_form, too_long};
use super::form::Form;
use crate::manifest::{Node, Object};
use crate::schema::{Kind, Verb};
use crate::validate::fault::Faults;
use crate::validate::place::Place;
use crate::validate::view::{Finding, View};

pub(super) const ANNOTATIONS_MAX: usize = 256 * 1024;

/// Checks the metadata of an object.
pub(super) fn check(faults: &mut Faults<'_>, object: &Object, kind: Kind) {
    let Some(node) = object.root.get("metadata") else {
        return;
    };
    let Some(map) = node.as_map() else {
        return;
    };
    let place = Place::ROOT.field("metadata");
    let at = map.iter().next().map_or(node.span, |entry| entry.key_span);
    let view = View {
        map,
        place: &place,
        at,
    };
    // What is only asked and never stored has no rules for its metadata.
    if !kind.can(Verb::Get) {
        return;
    }
    names(faults, view, kind);
    if let Some(node) = view.get("labels") {
        labels(faults, view, "labels", node);
    }
    annotations(faults, view, "annotations");
    owners(faults, view);
    finalizers(faults, view, is_core(kind));
    managed_fields(faults, view);
    if view.int("generation").is_some_and(|number| number < 0) && !counts_generations(faults, kind)
    {
        let words = "must be greater than or equal to 0";
        view.invalid(faults, "out-of-range", "generation", "0 at least", words);
    }
}

/// Checks the metadata of a custom resource but for its name.
pub(in crate::validate) fn of_custom(faults: &mut Faults<'_>, object: &Object) {
    let Some(map) = object.root.get("metadata").and_then(Node::as_map) else {
        return;
    };
    let place = Place::ROOT.field("metadata");
    let at = map.iter().next().map_or(object.root.span, |e| e.key_span);
    let view = View {
        map,
        place: &place,
        at,
    };
    if let Some(node) = view.get("labels") {
        labels(faults, view, "labels", node);
    }
    annotations(faults, view, "annotations");
    owners(faults, view);
    finalizers(faults, view, false);
}

/// Checks the names of an object: each kind has its own form.
fn names(faults: &mut Faults<'_>, view: View<'_>, kind: Kind) {
    // The old object has its name, in whatever form was right for it.
    let is_update = faults.context().is_update;
    let form = match is_update && !checks_name_again(kind) {
        true => Form::PathSegment,
        false => name_form(kind),
    };
    let name = view.text("name");
    let generate = view.text("generateName");
    if !name.is_empty() {
        refuse_form(faults, view, "name", form, name);
    }
    // These kinds have a newer check, which looks at the name that is made alone; the server's own
    // look at what an update leaves is the same for all kinds.
    let looks_at_both = matches!(form, Form::PathSegment)
        || faults.version().minor() <= 34
        || !matches!(kind.kind(), "ReplicationController" | "DeviceClass");
    if name.is_empty() && !generate.is_empty() && !looks_at_both {
        let made = format!("{generate}x");
        if form.fault(&made, faults.version()).is_some() {
            refuse_form(faults, view, "name", form, &made);
        }
    }
    if generate.contains(['/', '%']) && !looks_at_both {
        // What all objects have in common is asked of it all the same.
        refuse_form(faults, view, "generateName", Form::PathSegment, generate);
    }
    if !generate.is_empty() && looks_at_both {
        // A dash at the end is followed by characters that are made up.
        let masked = match generate.strip_suffix('-') {
            Some(head) if !head.is_empty() => format!("{head}a"),
            _ => generate.to_owned(),
        };
        // Dots alone are no name, but they can begin one; roles and bindings do not tell the two apart
        // (`ValidateRBACName`).
        let begins = kind.group() != "rbac.authorization.k8s.io" || is_update;
        let dots = matches!(form, Form::PathSegment) && matches!(&*masked, "." | "..") && begins;
        if !dots && form.fault(&masked, faults.version()).is_some() {
            refuse_form(faults, view, "generateName", form, generate);
        }
    }
    let namespace = view.text("namespace");
    if kind.namespaced() && !namespace.is_empty() {
        refuse_form(faults, view, "namespace", Form::DnsLabel, namespace);
    }
    if kind.kind() == "IPAddress" {
        address_name(faults, view);
    }
    if is_update {
        return;
    }
    let most = match kind.kind() {
        // Eleven characters are added to the names of its Jobs.
        "CronJob" => 52,
        _ => usize::MAX,
    };
    if name.len() > most {
        let reason = format!("must be no more than {most} characters");
        let remark = format!("at most {most} characters");
        view.invalid(faults, "invalid-name", "name", &remark, reason);
    }
    // Kept for what is loaded from files when a server starts (`ValidateStaticSuffix`).
    if kind.group() == "admissionregistration.k8s.io"
        && faults.version().minor() >= 37
        && faults.context().name.ends_with(".static.k8s.io")
    {
        let reason = "names ending with \".static.k8s.io\" are reserved for static manifest-based configurations and cannot be managed via the API";
        view.invalid(faults, "invalid-name", "name", "another ending", reason);
    }
    if kind.kind() == "PriorityClass" && name.starts_with("system-") {
        system_priority(faults, view, name);
    }
}

/// `ValidateIPAddressName`: an address in its canonical form.
fn address_name(faults: &mut Faults<'_>, view: View<'_>) {
    for (field, text) in faults.context().names() {
        let Some(reason) = super::addresses::strict_ip(&text) else {
            continue;
        };
        let finding = Finding {
            rule: "invalid-name",
            message: format!("the name cannot be `{text}`"),
            remark: Form::Ip.rule(),
            words: format!("Invalid value: {text:?}: {reason}"),
        };
        faults.found(field.to_owned(), view.at, finding);
    }
}

fn system_priority(faults: &mut Faults<'_>, view: View<'_>, name: &str) {
    if matches!(name, "system-cluster-critical" | "system-node-critical") {
        return;
    }
    let reason = format!(
        "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a known system priority class"
    );
    view.forbidden(faults, "name", "`system-` names are reserved", &reason);
}

/// Whether an update asks for the form of the name again (`Validate*Update`, and what the
/// strategies call beside it).
fn checks_name_again(kind: Kind) -> bool {
    match kind.group() {
        "" => !matches!(
            kind.kind(),
            "Service" | "ResourceQuota" | "ReplicationController" | "PodTemplate" | "Event"
        ),
        "apps" => kind.kind() == "ControllerRevision",
        "networking.k8s.io" => matches!(kind.kind(), "Ingress" | "IngressClass" | "IPAddress"),
        "resource.k8s.io" => !matches!(kind.kind(), "ResourceSlice" | "DeviceTaintRule"),
        "storage.k8s.io" => kind.kind() != "CSIDriver",
        "certificates.k8s.io" => kind.kind() != "PodCertificateRequest",
        "batch"
        | "autoscaling"
        | "coordination.k8s.io"
        | "policy"
        | "scheduling.k8s.io"
        | "events.k8s.io"
        | "apiextensions.k8s.io" => false,
        _ => true,
    }
}

/// The form that the names of a kind have.
fn name_form(kind: Kind) -> Form {
    match (kind.group(), kind.kind()) {
        ("", "Service") => Form::ServiceName,
        ("", "Namespace") | ("apps", "StatefulSet") => Form::DnsLabel,
        ("rbac.authorization.k8s.io", _)
        | ("policy", "PodDisruptionBudget")
        | ("certificates.k8s.io", "CertificateSigningRequest" | "ClusterTrustBundle")
        | ("apiregistration.k8s.io", "APIService")
        | ("networking.k8s.io", "IPAddress")
        | ("", "ComponentStatus" | "Event") => Form::PathSegment,
        _ => Form::DnsSubdomain,
    }
}

/// Checks annotations at a path: keys, and the size of all.
pub(super) fn annotations(faults: &mut Faults<'_>, view: View<'_>, path: &str) {
    let mut size = 0;
    for entry in view.entries(path.rsplit('.').next().unwrap_or(path)) {
        size += entry.key.len() + entry.value.as_str().map_or(0, str::len);
        let folded = entry.key.to_lowercase();
        if let Some(words) = Form::LabelKey.fault(&folded, faults.version()) {
            let near = Form::LabelKey.nearest(&entry.key, faults.version());
            let remark = near.map_or_else(
                || Form::LabelKey.rule().to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let finding = Finding {
                rule: "invalid-annotation",
                message: format!("`{}` is no key of an annotation", entry.key),
                remark: &remark,
                words: format!("Invalid value: {:?}: {words}", entry.key.as_str()),
            };
            view.refuse_at(faults, path, entry.key_span, finding);
        }
    }
    if size > ANNOTATIONS_MAX {
        too_long(faults, view, path, ANNOTATIONS_MAX);
    }
}

fn owners(faults: &mut Faults<'_>, view: View<'_>) {
    let mut controllers = 0;
    let all = view.items("ownerReferences");
    for (index, owner) in all.iter().enumerate() {
        // The server drops what is there twice.
        if all[..index].contains(owner) {
            continue;
        }
        let text = |name: &str| owner.get(name).and_then(Node::as_str).unwrap_or_default();
        let path = |name: &str| format!("ownerReferences[{index}].{name}");
        let version = text("apiVersion");
        let bad = match version.split_once('/') {
            Some((_, version)) => version.is_empty() || version.contains('/'),
            None => false,
        };
        if bad {
            let reason = "must be <group>/<version> or <version>";
            view.invalid(faults, "invalid-owner", &path("apiVersion"), "", reason);
        }
        if version == "v1" && text("kind") == "Event" {
            let reason = "/v1, Kind=Event is disallowed from being an owner";
            let path = format!("ownerReferences[{index}]");
            view.invalid(
                faults,
                "invalid-owner",
                &path,
                "an Event owns nothing",
                reason,
            );
        }
        controllers += usize::from(owner.get("controller").and_then(Node::as_bool) == Some(true));
    }
    if controllers > 1 {
        let reason = "Only one reference can have Controller set to true";
        view.invalid(faults, "invalid-owner", "ownerReferences", reason, reason);
    }
}

/// `is_core`: whether names without a domain are those of a closed set.
fn finalizers(faults: &mut Faults<'_>, view: View<'_>, is_core: bool) {
    let items = view.items("finalizers");
    for (index, item) in items.iter().enumerate() {
        let text = item.as_str().unwrap_or_default();
        let path = format!("finalizers[{index}]");
        if let Some(words) = Form::LabelKey.fault(text, faults.version()) {
            let finding = Finding {
                rule: "invalid-finalizer",
                message: format!("`{text}` is no name of a finalizer"),
                remark: "a name with a domain before it: `example.com/name`",
                words: format!("Invalid value: {text:?}: {words}"),
            };
            view.refuse_at(faults, "finalizers", item.span, finding);
        } else if is_core
            && !text.contains('/')
            && !matches!(text, "kubernetes" | "orphan" | "foregroundDeletion")
        {
            let reason = "name is neither a standard finalizer name nor is it fully qualified";
            let remark = "a name with a domain before it: `example.com/name`";
            view.invalid(faults, "invalid-finalizer", &path, remark, reason);
        }
    }
    let has = |name| items.iter().any(|item| item.as_str() == Some(name));
    if has("orphan") && has("foregroundDeletion") {
        let reason = "finalizer orphan and foregroundDeletion cannot be both set";
        view.invalid(faults, "invalid-finalizer", "finalizers", "", reason);
    }
}

/// Whether a create begins to count the generations of an object anew, whatever is given (the
/// strategies of `pkg/registry`).
fn counts_generations(faults: &Faults<'_>, kind: Kind) -> bool {
    if faults.context().is_update {
        return false;
    }
    match kind.group() {
        "" => matches!(kind.kind(), "Pod" | "PodTemplate" | "ReplicationController"),
        "apps" => kind.kind() != "ControllerRevision",
        "autoscaling" => faults.version().minor() >= 37,
        "discovery.k8s.io"
        | "batch"
        | "policy"
        | "scheduling.k8s.io"
        | "flowcontrol.apiserver.k8s.io"
        | "admissionregistration.k8s.io"
        | "apiextensions.k8s.io" => true,
        "networking.k8s.io" => !matches!(kind.kind(), "IPAddress" | "ServiceCIDR"),
        "resource.k8s.io" => !matches!(kind.kind(), "ResourceClaim" | "ResourceClaimTemplate"),
        _ => false,
    }
}

/// Whether a kind has the stricter rules of `pkg/apis/core/validation`.
fn is_core(kind: Kind) -> bool {
    // What is older than the rule for events is for both of their groups.
    let is_event = kind.group().is_empty() && kind.kind() == "Event";
    !is_event
        && !matches!(
            kind.group(),
            "admissionregistration.k8s.io"
                | "apiextensions.k8s.io"
                | "apiregistration.k8s.io"
                | "coordination.k8s.io"
                | "node.k8s.io"
                | "policy"
        )
}

fn managed_fields(faults: &mut Faults<'_>, view: View<'_>) {
    // What the server cannot read here it forgets.
    let is_read = |entry: &Node| {
        let operation = entry.get("operation").and_then(Node::as_str);
        matches!(operation, Some("Apply" | "Update"))
    };
    if !view.items("managedFields").iter().all(is_read) {
        return;
    }
    for (index, entry) in view.items("managedFields").iter().enumerate() {
        let text = |name: &str| entry.get(name).and_then(Node::as_str).unwrap_or_default();
        let path = |name: &str| format!("managedFields[{index}].{name}");
        if text("manager").len() > 128 {
            too_long(faults, view, &path("manager"), 128);
        }
        if text("subresource").len() > 256 {
            too_long(faults, view, &path("subresource"), 256);
        }
    }
}
