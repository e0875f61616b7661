//! The server's own warnings, which it sends beside the answer to a create that it accepts and
//! which kubectl prints as `Warning: ..`: what is deprecated, what has no effect, what hides
//! something else.
//!
//! The conditions and the words are those of the `WarningsOnCreate` of the strategies in
//! `pkg/registry` and of `pkg/api/*/warnings.go`, Kubernetes 1.33 to 1.37.

mod addresses;
mod definitions;
mod paths;
mod pods;
mod secrets;
mod services;
mod storage;

pub(super) use definitions::finalizers;

use super::rules::label_fault;
use crate::manifest::{Diagnostic, Node, Object, Span};
use crate::schema::Version;

/// A warning of the server: its identifier, what it is about, and its page.
pub(super) type Rule = (&'static str, &'static str, &'static str);

macro_rules! rules {
    ($($id:literal, $summary:literal;)*) => {
        /// The rules.
        pub(super) const RULES: &[Rule] =
            &[$(($id, $summary, include_str!(concat!("../../../docs/rules/", $id, ".md")))),*];
    };
}

rules! {
    "deprecated-api", "an API version that a later Kubernetes will not serve";
    "deprecated-annotation", "an annotation that has become a field, or nothing at all";
    "deprecated-field", "a field or value that is going to disappear";
    "deprecated-node-label", "a label of nodes that has another name now";
    "deprecated-volume", "a kind of volume that no longer works";
    "duplicate-entry", "an entry that is there twice, of which one counts";
    "env-hidden", "a variable that hides an earlier one of the same name";
    "finalizer-name", "a finalizer of a custom resource whose name belongs to nobody";
    "fractional-bytes", "an amount of memory or storage that is no whole number of bytes";
    "ignored-field", "a field that has no effect beside another";
    "negative-value", "a number below zero that is taken for another";
    "non-standard-address", "an address that programs read in different ways";
    "null-selector", "a selector that is not there, and so matches no pod";
    "overlapping-paths", "two files of a volume in one place";
    "pod-host-name", "a name that is no DNS label, while pods and hosts are called after it";
    "port-conflict", "two ports of a pod that get in each other's way";
    "quota-order", "a quota of requests above that of limits";
    "set-items", "a set of objects or lists in a definition, which nothing can compare";
    "ssa-duplicate-key", "an item that is there twice, which server-side apply refuses";
    "tls-key-pair", "a certificate and a key that do not belong together";
    "unknown-format", "a format in a definition that the server does not know";
    "webhook-no-effect", "a webhook for what no webhook is asked about";
}

/// Collects warnings.
pub(super) struct Warnings<'w> {
    version: Version,
    findings: &'w mut Vec<Diagnostic>,
}

impl Warnings<'_> {
    /// A warning that begins with its field: `spec.x: words`.
    fn at(&mut self, rule: &'static str, span: Span, field: &str, words: impl AsRef<str>) {
        let words = words.as_ref();
        self.add(rule, span, field, words, &format!("{field}: {words}"));
    }

    /// A warning whose words are all that the server says.
    fn plain(&mut self, rule: &'static str, span: Span, field: &str, words: impl AsRef<str>) {
        let words = words.as_ref();
        self.add(rule, span, field, words, words);
    }

    fn add(&mut self, rule: &'static str, span: Span, field: &str, words: &str, all: &str) {
        debug_assert!(
            RULES.iter().any(|(id, ..)| *id == rule),
            "{rule} is in the table"
        );
        let finding = Diagnostic::warning(rule, words)
            .at(span, "")
            .field(field)
            .note(format!(
                "the API server ({}) would warn: {all}",
                self.version
            ));
        self.findings.push(finding);
    }
}

/// Adds the warnings that an accepted object causes.
pub(super) fn check(version: Version, object: &Object, findings: &mut Vec<Diagnostic>) {
    let mut warnings = Warnings { version, findings };
    let root = &object.root;
    let spec = root.get("spec").filter(|node| !node.is_null());
    let warn = &mut warnings;
    match (object.group(), object.kind()) {
        ("", "Pod") => {
            host_name(
                warn,
                object,
                "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended",
            );
            pods::pod(warn, root);
        }
        ("", "PodTemplate") => pods::template(warn, root.get("template"), "template"),
        ("apps", "Deployment" | "ReplicaSet") | ("", "ReplicationController") => {
            pod_name(warn, object);
            pods::template(warn, field(spec, "template"), "spec.template");
        }
        ("apps", "DaemonSet") => pods::template(warn, field(spec, "template"), "spec.template"),
        ("apps", "StatefulSet") => {
            pods::template(warn, field(spec, "template"), "spec.template");
            pods::stateful_set(warn, spec);
        }
        ("batch", "Job") => {
            pod_name(warn, object);
            pods::job(warn, spec, "spec");
        }
        ("batch", "CronJob") => {
            pod_name(warn, object);
            let job = spec.and_then(|node| node.at(&["jobTemplate", "spec"]));
            pods::job(warn, job, "spec.jobTemplate.spec");
        }
        ("", "Service") => services::service(warn, root, spec),
        ("", "Endpoints") => services::endpoints(warn, root),
        ("discovery.k8s.io", "EndpointSlice") => services::slice(warn, root),
        ("networking.k8s.io", "Ingress") => services::ingress(warn, root, spec),
        ("networking.k8s.io", "NetworkPolicy") => services::policy(warn, spec),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definitions::definition(warn, spec),
        ("admissionregistration.k8s.io", kind) => services::admission(warn, object, kind),
        _ => storage::check(warn, object, spec),
    }
}

fn pod_name(warn: &mut Warnings<'_>, object: &Object) {
    host_name(
        warn,
        object,
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended",
    );
}

/// Names of pods and hosts that are no DNS label.
fn host_name(warn: &mut Warnings<'_>, object: &Object, words: &str) {
    let faults = label_fault(object.name(), warn.version);
    if !object.name().is_empty() && !faults.is_empty() {
        // Go prints a list of strings in brackets, without commas.
        let words = format!("{words}: [{}]", faults.join(" "));
        warn.plain("pod-host-name", object.span(), "metadata.name", words);
    }
}

/// A field that is there and not null.
fn field<'n>(node: Option<&'n Node>, name: &str) -> Option<&'n Node> {
    node?.get(name).filter(|node| !node.is_null())
}

/// The text of a field; empty where there is none.
fn text<'n>(node: Option<&'n Node>, name: &str) -> &'n str {
    field(node, name).and_then(Node::as_str).unwrap_or_default()
}

/// The items of a list, each with its index.
fn items<'n>(node: Option<&'n Node>, name: &str) -> impl Iterator<Item = (usize, &'n Node)> {
    let items = field(node, name).and_then(Node::as_seq);
    items.unwrap_or_default().iter().enumerate()
}

/// Where a key of a mapping stands.
fn key_span(node: Option<&Node>, name: &str) -> Span {
    let entry = node.and_then(Node::as_map).and_then(|map| map.entry(name));
    entry.map_or(node.map_or(Span::NONE, |node| node.span), |entry| {
        entry.key_span
    })
}

/// A key of a mapping as the server writes it.
fn keyed(path: &str, key: &str) -> String {
    format!("{path}[{key}]")
}

#[cfg(test)]
mod tests;
