//! What the server refuses of an update: fields that cannot change, transitions that are not
//! allowed, on top of the rules for every object. What a live object has already is tolerated
//! where the server tolerates it.
//!
//! The new object is the one that the server would see: under server-side apply the merged one.
//! The rules are those of `Validate*Update` of `pkg/apis/*/validation` and of the strategies in
//! `pkg/registry` (Kubernetes 1.37; older releases where they differ).

mod change;
mod defaults;
mod metadata;
mod pod;
mod prepare;
mod same;
mod service;
mod simple;
mod storage;
mod workloads;

pub use change::{FORBIDDEN, IMMUTABLE};

use change::Change;

use super::{Definitions, Judgement, Validator, decode, fault, kind, lists, rules};
use crate::manifest::{Diagnostic, Node, Object, Severity};
use crate::schema::{Kind, Tables};

impl Validator {
    /// Judges an update of `old`, which the cluster has, to `new`. Custom resources are judged by
    /// `definitions`.
    pub fn judge_update(self, definitions: &Definitions, old: &Object, new: &Object) -> Judgement {
        let kind = match kind::find(self.tables, new) {
            kind::Found::Known(kind) => kind,
            kind::Found::Missing(finding) => return Judgement::of(new, vec![*finding]),
            kind::Found::Foreign(_) => {
                let judged = definitions.judge_update(self.version(), old, new);
                return judged.unwrap_or_else(|| self.judge(new));
            }
        };
        let mut findings = Vec::new();
        kind::check_deprecation(self.version(), new, kind, &mut findings);
        kind::check_name(self.version(), new, kind, &mut findings);
        // The decoder sees the object as it is sent, the rules what the server makes of it.
        let prepared = prepare::prepared(old, new, kind);
        let mut rules = self.decoded(kind, new);
        if prepared.root != new.root {
            rules.retain(is_decoder);
            let again = self.decoded(kind, &prepared).into_iter();
            rules.extend(again.filter(|finding| !is_decoder(finding)));
        }
        rules.retain(|finding| is_decoder(finding) || !is_skipped(kind, finding, old, new));
        if kind.kind() == "StatefulSet" && self.tolerates_template(kind, old) {
            rules.retain(|finding| is_decoder(finding) || !is_below(finding, "spec.template"));
        }
        findings.append(&mut rules);
        lists::duplicates(self.version(), new, kind, &mut findings);
        findings.append(&mut self.changes(kind, old, &prepared, new));
        if kind.kind() == "CustomResourceDefinition" {
            rules::rename_fields(new, &mut findings);
        }
        Judgement::of(new, findings)
    }

    /// Whether anything may be written into the template of a StatefulSet: where its old spec is not
    /// valid. Until 1.34 templates were not looked at (`ValidateStatefulSetUpdate`).
    fn tolerates_template(self, kind: Kind, old: &Object) -> bool {
        let found = self.decoded(kind, old);
        self.version().minor() >= 34
            && found.iter().any(|finding| {
                finding.severity == Severity::Error
                    && is_below(finding, "spec")
                    && !is_skipped(kind, finding, old, old)
            })
    }

    /// What the decoder and the rules for every object find.
    fn decoded(self, kind: Kind, object: &Object) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        let context = rules::Context::of(object, kind).for_update();
        let mut faults = fault::Faults::new(self.version(), context, &mut findings);
        decode::object(object, kind, &mut faults);
        rules::whole(&mut faults, object, kind);
        findings
    }

    /// What the rules on changes find.
    fn changes(self, kind: Kind, old: &Object, prepared: &Object, new: &Object) -> Vec<Diagnostic> {
        let complete = |object: &Object| {
            let mut root = object.root.clone();
            defaults::complete(&mut root, kind.object());
            root
        };
        let (before, after) = (complete(old), complete(prepared));
        let mut change = Change::new(kind, self.version(), before, after, &new.root);
        metadata::check(&mut change);
        match (kind.group(), kind.kind()) {
            ("", "Pod") => pod::check(&mut change),
            ("", "Service") => service::check(&mut change),
            ("", "PersistentVolume") => storage::volume(&mut change),
            ("", "PersistentVolumeClaim") => storage::claim(&mut change),
            ("apps", "StatefulSet") => workloads::stateful_set(&mut change),
            ("batch", "Job") => workloads::job(&mut change),
            _ => simple::check(&mut change),
        }
        change.findings
    }
}

impl Judgement {
    /// Whether an object must be replaced to become what is wanted: a field cannot change.
    pub fn needs_replace(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.rule == IMMUTABLE)
    }
}

/// What the metadata of a custom resource says against an update: it is that of every kind.
pub(super) fn identity(tables: Tables, old: &Object, new: &Object) -> Vec<Diagnostic> {
    let Some(any) = tables.kind("", "v1", "ConfigMap") else {
        return Vec::new();
    };
    let (before, after) = (old.root.clone(), new.root.clone());
    let mut change = Change::new(any, tables.version(), before, after, &new.root);
    change.noun = new.kind();
    metadata::check(&mut change);
    change.findings
}

/// Whether a finding is one of the decoder, which does not know of an old object.
fn is_decoder(finding: &Diagnostic) -> bool {
    let unread = |finding: &Diagnostic| {
        let mut notes = finding.notes.iter();
        let words = ["quantities must match", "unable to parse quantity"];
        notes.any(|note| words.iter().any(|words| note.contains(words)))
    };
    match finding.rule.as_ref() {
        "unknown-field" | "wrong-type" | "invalid-base64" | "invalid-time" => true,
        "invalid-quantity" => unread(finding),
        "out-of-range" => finding.notes.is_empty(),
        _ => false,
    }
}

/// Whether a finding is about a field or something below it.
fn is_below(finding: &Diagnostic, field: &str) -> bool {
    let own = finding.field.as_deref().unwrap_or_default();
    let rest = own.strip_prefix(field);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether a rule on new objects does not hold for an update, or tolerates what was there before.
fn is_skipped(kind: Kind, finding: &Diagnostic, old: &Object, new: &Object) -> bool {
    if finding.severity != Severity::Error {
        return false;
    }
    let field = finding.field.as_deref().unwrap_or_default();
    let in_metadata = field.starts_with("metadata");
    // A status is written through an endpoint of its own.
    if field.starts_with("status.") || field.starts_with("metadata.nodeSwapStatus") {
        return true;
    }
    // The server keeps its own.
    if field.starts_with("metadata.managedFields") || field == "metadata.generation" {
        return true;
    }
    match (kind.group(), kind.kind()) {
        // These take any name for a finalizer once they are there.
        ("node.k8s.io", "RuntimeClass") | ("", "Event") if finding.rule == "invalid-finalizer" => {
            field.ends_with(']')
        }
        // Their rules for updates are nothing but comparisons.
        ("scheduling.k8s.io", "PriorityClass")
        | ("resource.k8s.io", "ResourceClaim")
        | ("certificates.k8s.io", "CertificateSigningRequest") => !in_metadata,
        // Their names are another rule of a create alone.
        ("apiextensions.k8s.io", "CustomResourceDefinition")
            if matches!(field, "metadata.name" | "metadata.generateName") =>
        {
            true
        }
        // These cannot change, so what is wrong with them came with the old object.
        ("apps", "StatefulSet") => {
            field.starts_with("spec.volumeClaimTemplates") || field == "spec.serviceName"
        }
        ("resource.k8s.io", "ResourceSlice") => is_old_capacity(old, new, field),
        // Beside a class it is refused when it is created (`ValidateIngressCreate`).
        ("networking.k8s.io", "Ingress") if field == "annotations.kubernetes.io/ingress.class" => {
            true
        }
        // How they are written is tolerated, not how they stand to each other.
        ("networking.k8s.io", "NetworkPolicy") if finding.rule == "invalid-address" => {
            let mut notes = finding.notes.iter();
            held_before(old, new, field, |text| text)
                && !notes.any(|note| note.contains("strict subset"))
        }
        ("", "Service") if finding.rule == "invalid-address" => {
            held_before(old, new, field, str::trim)
        }
        _ => false,
    }
}

/// Whether a field of a ResourceSlice is in the capacities or taints of a device that has the same
/// ones already (`validateDevice`).
fn is_old_capacity(old: &Object, new: &Object, field: &str) -> bool {
    let Some((index, rest)) = field
        .strip_prefix("spec.devices[")
        .and_then(|rest| rest.split_once(']'))
    else {
        return false;
    };
    let devices = |object: &Object| -> Vec<Node> {
        let devices = object.root.at(&["spec", "devices"]);
        devices.and_then(Node::as_seq).unwrap_or_default().to_vec()
    };
    let index = index.parse::<usize>().ok();
    let Some(device) = index.and_then(|index| devices(new).into_iter().nth(index)) else {
        return false;
    };
    let name = device.get("name");
    let Some(before) = devices(old).into_iter().find(|old| old.get("name") == name) else {
        return false;
    };
    ["capacity", "taints"].iter().any(|list| {
        let own = rest
            .strip_prefix('.')
            .and_then(|rest| rest.strip_prefix(list));
        own.is_some() && before.get(list) == device.get(list)
    })
}

/// Fields that hold addresses which were read more loosely once.
const ADDRESSES: [&str; 6] = [
    "cidr",
    "clusterIP",
    "clusterIPs",
    "except",
    "externalIPs",
    "loadBalancerSourceRanges",
];

/// Whether the address at a path of the new object is one of the old one's, in the form in which
/// they are compared.
fn held_before(old: &Object, new: &Object, field: &str, form: fn(&str) -> &str) -> bool {
    let text = change::text_at(&new.root, field);
    text.is_some_and(|text| holds(&old.root, form(text), form, false))
}

/// Whether an address is somewhere in a value; `counts` below a field that has addresses.
fn holds(node: &Node, text: &str, form: fn(&str) -> &str, counts: bool) -> bool {
    if counts && node.as_str().is_some_and(|own| form(own) == text) {
        return true;
    }
    let in_map = node.as_map().into_iter().flatten().any(|entry| {
        let counts = counts || ADDRESSES.contains(&entry.key.as_str());
        holds(&entry.value, text, form, counts)
    });
    let items = node.as_seq().unwrap_or_default();
    in_map || items.iter().any(|item| holds(item, text, form, counts))
}

#[cfg(test)]
mod tests;
