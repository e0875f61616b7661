//! Which kind an object is of, and what its group, version, kind and name alone tell.

use crate::manifest::suggest::nearest;
use crate::manifest::{Diagnostic, Node, Object, Span};
use crate::schema::{Kind, Lifecycle, Tables, Verb, Version};

use super::server_says;

/// What there is to know about an object's kind.
pub(super) enum Found {
    /// The server serves it.
    Known(Kind),
    /// It belongs to a group of Kubernetes that has no such kind.
    Missing(Box<Diagnostic>),
    /// It belongs to another group: a custom resource, or no object for a cluster. The text
    /// says why nothing is known.
    Foreign(String),
}

/// Looks an object's kind up.
pub(super) fn find(tables: Tables, object: &Object) -> Found {
    let (group, version, kind) = (object.group(), object.version(), object.kind());
    if let Some(found) = tables.kind(group, version, kind) {
        if found.served_by_default() {
            return Found::Known(found);
        }
        return Found::Missing(Box::new(disabled(tables, object)));
    }
    if !tables.has_group(group) {
        return Found::Foreign(format!("no schema for {kind} of `{group}`"));
    }
    Found::Missing(Box::new(missing(tables, object)))
}

/// Warns, as the server does, of an API version that it serves but that is going away.
pub(super) fn check_deprecation(
    version: Version,
    object: &Object,
    kind: Kind,
    findings: &mut Vec<Diagnostic>,
) {
    let Some(words) = kind
        .lifecycle()
        .and_then(|cycle| deprecation(version, &kind.api_version(), kind.kind(), cycle))
    else {
        return;
    };
    let message = format!("`{}` of {} is deprecated", kind.api_version(), kind.kind());
    let finding = Diagnostic::warning("deprecated-api", message)
        .at(version_span(object), "")
        .note(server_says(version, format_args!("Warning: {words}")));
    findings.push(finding);
}

/// What the server warns of an API version (`deprecation.WarningMessage` of k8s.io/apiserver);
/// `None` while it is not deprecated.
fn deprecation(
    version: Version,
    api_version: &str,
    kind: &str,
    cycle: Lifecycle,
) -> Option<String> {
    let since = cycle.deprecated.filter(|&since| since <= version.minor())?;
    let mut words = format!("{api_version} {kind} is deprecated in v1.{since}+");
    if let Some(removed) = cycle.removed {
        words.push_str(&format!(", unavailable in v1.{removed}+"));
    }
    if let Some(new) = cycle.replacement {
        words.push_str(&format!("; use {} {}", new.api_version(), new.kind));
    }
    Some(words)
}

/// Checks that an object which is stored has a name. The forms of names are other rules.
pub(super) fn check_name(
    version: Version,
    object: &Object,
    kind: Kind,
    findings: &mut Vec<Diagnostic>,
) {
    let metadata = object.root.get("metadata");
    // What is no mapping or no string is told by the decoder.
    let named = |key| match metadata.and_then(|m| m.get(key)) {
        Some(node) => !node.is_null() && node.as_str() != Some(""),
        None => false,
    };
    // A LimitRange without a name gets one that is made up (its strategy in `pkg/registry/core`).
    if kind.kind() == "LimitRange" {
        return;
    }
    let undecodable = metadata.is_some_and(|m| m.as_map().is_none() && !m.is_null());
    if !kind.can(Verb::Get) || undecodable || named("name") || named("generateName") {
        return;
    }
    let span = key_span(&object.root, "metadata").unwrap_or_else(|| kind_span(object));
    let words = "metadata.name: Required value: name or generateName is required";
    findings.push(
        Diagnostic::error(
            "required-field",
            format!("this {} has no name", kind.kind()),
        )
        .at(span, "`metadata.name` is missing")
        .field("metadata.name")
        .note(server_says(version, words)),
    );
}

/// Where the key of a field stands.
fn key_span(root: &Node, key: &str) -> Option<Span> {
    Some(root.as_map()?.entry(key)?.key_span)
}

fn kind_span(object: &Object) -> Span {
    object.root.get("kind").map_or(object.root.span, |n| n.span)
}

fn version_span(object: &Object) -> Span {
    let node = object.root.get("apiVersion");
    node.map_or(object.root.span, |n| n.span)
}

/// An alpha or beta version that a server with default flags does not serve.
fn disabled(tables: Tables, object: &Object) -> Diagnostic {
    let (api_version, kind) = (object.api_version(), object.kind());
    let message = format!("{kind} of `{api_version}` is not served unless it is switched on");
    let others = served(tables, object.group(), kind);
    let remark = match others.as_slice() {
        [] => String::new(),
        [.., last] => format!("use `{last}`"),
    };
    let mut finding = with_server(
        tables,
        object,
        Diagnostic::error("api-disabled", message).at(version_span(object), remark),
    );
    let cycle = tables.lifecycle(object.group(), object.version(), kind);
    if let Some(words) =
        cycle.and_then(|cycle| deprecation(tables.version(), api_version, kind, cycle))
    {
        finding = finding.note(words);
    }
    finding.hint(format!(
        "a cluster serves it when its kube-apiserver runs with --runtime-config={api_version}=true"
    ))
}

/// A kind that a group of Kubernetes does not have in this version.
fn missing(tables: Tables, object: &Object) -> Diagnostic {
    let (group, version, kind) = (object.group(), object.version(), object.kind());
    let api_version = object.api_version();
    let release = tables.version();
    let gone = tables
        .lifecycle(group, version, kind)
        .and_then(|cycle| Some((cycle.removed?, cycle.replacement)))
        .filter(|(removed, _)| *removed <= release.minor());
    if let Some((removed, replacement)) = gone {
        let remark = match (replacement, served(tables, group, kind).last()) {
            (Some(new), _) => format!("use `{}`", new.api_version()),
            (None, Some(last)) => format!("use `{last}`"),
            (None, None) => String::new(),
        };
        let message =
            format!("{kind} of `{api_version}` is not served since Kubernetes 1.{removed}");
        let finding = Diagnostic::error("removed-api", message).at(version_span(object), remark);
        return with_server(tables, object, finding);
    }
    let served = served(tables, group, kind);
    if let Some(last) = served.last() {
        let message = format!("{kind} is not served in `{api_version}`");
        let finding = Diagnostic::error("unknown-kind", message)
            .at(version_span(object), format!("use `{last}`"));
        return with_server(tables, object, finding);
    }
    // The kind in another group, or a slip of the kind's name in this one.
    if let Some(other) = tables
        .kinds()
        .find(|k| k.kind() == kind && k.served_by_default())
    {
        let message = format!("{kind} is not served in `{api_version}`");
        let finding = Diagnostic::error("unknown-kind", message).at(
            version_span(object),
            format!("use `{}`", other.api_version()),
        );
        return with_server(tables, object, finding);
    }
    let names = || tables.kinds().filter(|k| k.served_by_default());
    let near = nearest(kind, names().filter(|k| k.group() == group).map(Kind::kind))
        .or_else(|| nearest(kind, names().map(Kind::kind)));
    let remark = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
    let message = format!("there is no kind `{kind}` in `{api_version}`");
    let finding = Diagnostic::error("unknown-kind", message).at(kind_span(object), remark);
    with_server(tables, object, finding)
}

/// The API versions in which a kind is served by default.
fn served(tables: Tables, group: &str, kind: &str) -> Vec<String> {
    tables
        .served_versions(group, kind)
        .filter_map(|version| tables.kind(group, version, kind))
        .filter(|kind| kind.served_by_default())
        .map(Kind::api_version)
        .collect()
}

fn with_server(tables: Tables, object: &Object, finding: Diagnostic) -> Diagnostic {
    let words = format!(
        "no matches for kind \"{}\" in version \"{}\"",
        object.kind(),
        object.api_version()
    );
    finding.note(server_says(tables.version(), words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tables;

    #[test]
    fn a_deprecated_version_is_warned_of_in_the_servers_words() {
        let words = |release: &str, group: &str, version: &str, kind: &str| {
            let release: Version = release.parse().unwrap();
            let cycle = tables(release).lifecycle(group, version, kind).unwrap();
            deprecation(release, &format!("{group}/{version}"), kind, cycle)
        };
        let admission = "admissionregistration.k8s.io";
        let policy = "MutatingAdmissionPolicy";
        assert_eq!(words("1.36", admission, "v1beta1", policy), None);
        assert_eq!(
            words("1.37", admission, "v1beta1", policy).unwrap(),
            "admissionregistration.k8s.io/v1beta1 MutatingAdmissionPolicy is deprecated in \
             v1.37+, unavailable in v1.40+; use admissionregistration.k8s.io/v1 \
             MutatingAdmissionPolicy"
        );
        assert_eq!(words("1.37", "apps", "v1", "Deployment"), None);
    }

    #[test]
    fn no_server_with_default_flags_serves_what_is_gone() {
        for version in Version::all() {
            for kind in tables(version).kinds().filter(|k| k.served_by_default()) {
                let removed = kind.lifecycle().and_then(|cycle| cycle.removed);
                assert!(removed.is_none_or(|removed| removed > version.minor()));
            }
        }
    }
}
