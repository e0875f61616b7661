//! Annotations that the server reads itself: those of pods, Services, DaemonSets and protected API
//! groups (`ValidatePodSpecificAnnotations` of `pkg/apis/core/validation` and others).

use super::addresses;
use super::form::Form;
use crate::manifest::{Node, Object};
use crate::schema::Kind;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

pub(super) const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
pub(super) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
pub(super) const SECCOMP: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Checks the annotations of an object as a whole.
pub(super) fn whole(faults: &mut Faults<'_>, manifest: &Object, kind: Kind) {
    let Some(view) = View::of_object(manifest) else {
        return;
    };
    match (kind.group(), kind.kind()) {
        ("", "Pod") => {
            let metadata = view.find(&["metadata"]).unwrap_or(&manifest.root);
            let spec = view.get("spec");
            pod(faults, view, metadata, spec, "metadata.annotations");
            super::profiles::check(faults, view, metadata);
        }
        ("", "Service") => {
            source_ranges(faults, view);
            topology(faults, view);
        }
        ("apps", "Deployment") => rollback(faults, view),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration") => shares(faults, view),
        ("networking.k8s.io", "Ingress") => ingress_class(faults, view),
        ("apps", "DaemonSet") => {
            const KEY: &str = "deprecated.daemonset.template.generation";
            let node = view.find(&["metadata", "annotations"]);
            let node = node.and_then(|all| all.get(KEY));
            // null is the empty text.
            let text = |node: &'_ Node| node.as_str().unwrap_or_default().to_owned();
            if let Some((text, node)) = node.map(|node| (text(node), node))
                && text.parse::<i64>().is_err()
            {
                let words = format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
                refuse(faults, view, "metadata.annotations", node, &text, words);
            }
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => approval(faults, view),
        _ => {}
    }
}

/// An annotation of an object, with where it stands.
fn annotation<'v>(view: View<'v>, key: &str) -> Option<(&'v str, &'v Node)> {
    let node = view.find(&["metadata", "annotations"])?.get(key)?;
    // The decoder makes an empty text of null.
    let text = match node.is_null() {
        true => "",
        false => node.as_str()?,
    };
    Some((text, node))
}

fn refuse(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    node: &Node,
    text: &str,
    words: String,
) {
    let finding = Finding {
        rule: "invalid-annotation",
        message: format!("this annotation cannot be `{text}`"),
        remark: "the server reads this annotation",
        words: match words.starts_with("strconv") || words.starts_with("Forbidden") {
            true => words,
            false => format!("Invalid value: {text:?}: {words}"),
        },
    };
    view.refuse_at(faults, path, node.span, finding);
}

/// The annotations of a pod or of a template of pods. `path` is where the server says they are.
pub(super) fn pod(
    faults: &mut Faults<'_>,
    view: View<'_>,
    metadata: &Node,
    spec: Option<&Node>,
    path: &str,
) {
    let annotations = metadata.get("annotations").and_then(Node::as_map);
    for entry in annotations.into_iter().flatten() {
        let text = entry.value.as_str().unwrap_or_default();
        let key = entry.key.as_str();
        let keyed = format!("{path}[{key}]");
        if let Some(container) = key.strip_prefix(APPARMOR) {
            if !has_container(spec, container) {
                let words = "container not found".to_owned();
                refuse(faults, view, &keyed, &entry.value, container, words);
            }
            let known = matches!(text, "" | "runtime/default" | "unconfined");
            if !known && !text.starts_with("localhost/") {
                let words = format!("invalid AppArmor profile name: {text:?}");
                refuse(faults, view, &keyed, &entry.value, text, words);
            }
        } else if key == SECCOMP_POD || key.starts_with(SECCOMP) {
            // The server writes this path with a dot.
            let dotted = format!("{path}.{key}");
            seccomp(faults, view, &dotted, &entry.value, text);
        } else if key == "controller.kubernetes.io/pod-deletion-cost" && !is_cost(text) {
            let words = "must be a 32bit integer".to_owned();
            refuse(faults, view, &keyed, &entry.value, text, words);
        } else if key == "kubernetes.io/config.mirror" {
            let node = spec
                .and_then(|spec| spec.get("nodeName"))
                .and_then(Node::as_str);
            if node.unwrap_or_default().is_empty() {
                let words = "must set spec.nodeName if mirror pod annotation is set".to_owned();
                refuse(faults, view, &keyed, &entry.value, text, words);
            }
        }
    }
}

fn has_container(spec: Option<&Node>, name: &str) -> bool {
    ["containers", "initContainers", "ephemeralContainers"]
        .iter()
        .filter_map(|list| spec?.get(list)?.as_seq())
        .flatten()
        .any(|container| container.get("name").and_then(Node::as_str) == Some(name))
}

fn seccomp(faults: &mut Faults<'_>, view: View<'_>, path: &str, node: &Node, text: &str) {
    let words = match text {
        "runtime/default" | "docker/default" | "unconfined" => return,
        text => match text.strip_prefix("localhost/") {
            None => "must be a valid seccomp profile".to_owned(),
            Some(profile) => match Form::RelativePath.fault(profile, faults.version()) {
                Some(words) => words,
                None => return,
            },
        },
    };
    refuse(faults, view, path, node, text, words);
}

/// An integer of 32 bits without a sign or zeros before it.
fn is_cost(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = text == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
    canonical && text.parse::<i32>().is_ok()
}

/// The ranges of a load balancer, as they were written before they were a field.
fn source_ranges(faults: &mut Faults<'_>, view: View<'_>) {
    const KEY: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
    let ranges = view
        .find(&["spec", "loadBalancerSourceRanges"])
        .and_then(Node::as_seq);
    if ranges.is_some_and(|ranges| !ranges.is_empty()) {
        return;
    }
    let Some((text, node)) = annotation(view, KEY) else {
        return;
    };
    let path = format!("metadata.annotations[{KEY}]");
    if view.find(&["spec", "type"]).and_then(Node::as_str) != Some("LoadBalancer") {
        let words = "Forbidden: may only be used when `type` is 'LoadBalancer'".to_owned();
        return refuse(faults, view, &path, node, text, words);
    }
    let ranges = text.trim();
    for range in ranges.split(',').filter(|_| !ranges.is_empty()) {
        if let Err(words) = addresses::cidr(range.trim(), faults.version()) {
            refuse(faults, view, &path, node, range, words.to_owned());
        }
    }
}

/// Two annotations for the same, the older and the newer one (`ValidateService`).
fn topology(faults: &mut Faults<'_>, view: View<'_>) {
    const OLD: &str = "service.kubernetes.io/topology-aware-hints";
    const NEW: &str = "service.kubernetes.io/topology-mode";
    if let (Some((old, _)), Some((new, node))) = (annotation(view, OLD), annotation(view, NEW))
        && old != new
    {
        let words = format!("must match annotations[{OLD}] when both are specified");
        let path = format!("metadata.annotations[{NEW}]");
        refuse(faults, view, &path, node, new, words);
    }
}

/// The revision to which an old client wants to go back (`ValidateRollback`).
fn rollback(faults: &mut Faults<'_>, view: View<'_>) {
    const KEY: &str = "deprecated.deployment.rollback.to";
    let Some((text, node)) = annotation(view, KEY).filter(|(text, _)| !text.is_empty()) else {
        return;
    };
    match text.parse::<i64>() {
        Ok(0..) => {}
        Ok(_) => {
            let words = "must be greater than or equal to 0".to_owned();
            refuse(faults, view, "spec.rollback.version", node, text, words);
        }
        Err(_) => {
            let words = format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
            refuse(faults, view, "metadata.annotations", node, text, words);
        }
    }
}

/// What the server itself writes between two of its versions.
fn shares(faults: &mut Faults<'_>, view: View<'_>) {
    const KEY: &str = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
    if let Some((text, node)) = annotation(view, KEY) {
        let words = format!("Forbidden: annotation '{KEY}' is forbidden");
        refuse(faults, view, "metadata.annotations", node, text, words);
    }
}

/// The class of an Ingress, as it was written before it was a field (`ValidateIngressCreate`).
fn ingress_class(faults: &mut Faults<'_>, view: View<'_>) {
    const KEY: &str = "kubernetes.io/ingress.class";
    let field = view
        .find(&["spec", "ingressClassName"])
        .and_then(Node::as_str);
    if let Some((text, node)) = annotation(view, KEY)
        && field.is_some_and(|field| field != text)
    {
        let words = "must match `ingressClassName` when both are specified".to_owned();
        refuse(
            faults,
            view,
            &format!("annotations.{KEY}"),
            node,
            text,
            words,
        );
    }
}

/// `ValidateCustomResourceDefinition`: groups of Kubernetes are not for everyone.
fn approval(faults: &mut Faults<'_>, view: View<'_>) {
    const KEY: &str = "api-approved.kubernetes.io";
    let group = view
        .find(&["spec", "group"])
        .and_then(Node::as_str)
        .unwrap_or_default();
    let is_protected = ["k8s.io", "kubernetes.io"].iter().any(|own| {
        group == *own
            || group
                .strip_suffix(own)
                .is_some_and(|rest| rest.ends_with('.'))
    });
    if !is_protected {
        return;
    }
    let path = format!("metadata.annotations[{KEY}]");
    let hint = "protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111";
    let Some((text, node)) = annotation(view, KEY).filter(|(text, _)| !text.is_empty()) else {
        let finding = Finding {
            rule: "required-field",
            message: format!("the group `{group}` is Kubernetes' own"),
            remark: "use a group of your own",
            words: format!("Required value: {hint}"),
        };
        return view.refuse_at(faults, &path, view.span("metadata"), finding);
    };
    let is_url = text.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.is_empty() && !rest.is_empty() && !rest.starts_with('/')
    });
    if !text.starts_with("unapproved") && !is_url {
        let words = format!("{hint}: with either a URL or a reason starting with \"unapproved\"");
        refuse(faults, view, &path, node, text, words);
    }
}
