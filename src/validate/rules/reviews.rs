//! Questions to the API server about permissions (`pkg/apis/authorization/validation`).

use super::form::Form;
use crate::manifest::{Node, Object};
use crate::validate::fault::Faults;
use crate::validate::place::Place;
use crate::validate::view::{Finding, View};

/// What a review has besides its question: nothing, or a namespace alone.
pub(super) fn whole(faults: &mut Faults<'_>, manifest: &Object, kind: &str) {
    if kind == "SelfSubjectRulesReview" {
        return rules(faults, manifest);
    }
    let local = kind == "LocalSubjectAccessReview";
    if !local && !matches!(kind, "SubjectAccessReview" | "SelfSubjectAccessReview") {
        return;
    }
    let Some(map) = manifest.root.as_map() else {
        return;
    };
    let at = map
        .iter()
        .next()
        .map_or(manifest.root.span, |entry| entry.key_span);
    let view = View {
        map,
        place: &Place::ROOT,
        at,
    };
    view.inside("metadata", |view| {
        let stray = view.map.iter().any(|entry| {
            // The server itself fills these in or clears them before it looks.
            const OWN: &[&str] = &[
                "managedFields",
                "creationTimestamp",
                "uid",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "selfLink",
            ];
            // A review of the whole cluster loses its namespace on the way.
            let is_allowed = OWN.contains(&entry.key.as_str()) || entry.key == "namespace";
            !is_allowed && !is_nothing(&entry.value)
        });
        if stray {
            let reason = match local {
                true => "must be empty except for namespace",
                false => "must be empty",
            };
            view.invalid(faults, "forbidden-field", "", reason, reason);
        }
    });
    if !local {
        return;
    }
    let namespace = |path: &[&str]| view.find(path).and_then(Node::as_str).unwrap_or_default();
    // The request itself has a namespace, which an object without one takes on.
    let own = namespace(&["metadata", "namespace"]);
    if view
        .find(&["spec", "resourceAttributes"])
        .is_some_and(|node| node.as_map().is_some())
    {
        let asked = namespace(&["spec", "resourceAttributes", "namespace"]);
        let differs = if own.is_empty() {
            // What is no name at all is not that of the request either.
            Form::DnsLabel.fault(asked, faults.version()).is_some()
        } else {
            asked != own
        };
        if differs {
            let reason = "must match metadata.namespace";
            let path = "spec.resourceAttributes.namespace";
            view.invalid(faults, "conflicting-fields", path, reason, reason);
        }
    }
    if view.find(&["spec", "nonResourceAttributes"]).is_some() {
        let reason = "disallowed on this kind of request";
        let path = "spec.nonResourceAttributes";
        view.invalid(faults, "forbidden-field", path, reason, reason);
    }
}

/// What one may do is asked for a namespace.
fn rules(faults: &mut Faults<'_>, manifest: &Object) {
    let namespace = manifest.root.at(&["spec", "namespace"]);
    if namespace.is_none_or(|node| node.is_null() || node.as_str() == Some("")) {
        let finding = Finding {
            rule: "required-field",
            message: "`namespace` is missing".to_owned(),
            remark: "in which namespace?",
            words: "no namespace on request".to_owned(),
        };
        let span = namespace.map_or(manifest.root.span, |node| node.span);
        faults.found("spec.namespace".to_owned(), span, finding);
    }
}

fn is_nothing(node: &Node) -> bool {
    node.is_null()
        || node.as_str() == Some("")
        || node.as_i64() == Some(0)
        || node.as_seq().is_some_and(<[Node]>::is_empty)
        || node.as_map().is_some_and(crate::manifest::Map::is_empty)
}

/// `ValidateSubjectAccessReviewSpec`, and that of oneself (`own`).
pub(super) fn access(faults: &mut Faults<'_>, view: View<'_>, own: bool) {
    let given = |name: &str| view.get(name).is_some();
    if given("resourceAttributes") == given("nonResourceAttributes") {
        let reason = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        view.invalid(faults, "one-of", "", "exactly one of the two", reason);
    }
    if !own && view.text("user").is_empty() && view.items("groups").is_empty() {
        let reason = "at least one of user or group must be specified";
        view.invalid(faults, "required-field", "user", reason, reason);
    }
}

/// `validateFieldSelectorAttributes` and that of labels.
pub(super) fn selector(faults: &mut Faults<'_>, view: View<'_>) {
    let raw = !view.text("rawSelector").is_empty();
    let listed = !view.items("requirements").is_empty();
    if raw && listed {
        let reason = "may not specified at the same time as requirements";
        view.invalid(faults, "one-of", "rawSelector", reason, reason);
    } else if !raw && !listed {
        let reason = "requirements or rawSelector is required";
        view.required(faults, "requirements", reason, reason);
    }
}

/// `ValidateFieldSelectorRequirement`; what it does not know as an operator passes.
pub(super) fn field_requirement(faults: &mut Faults<'_>, view: View<'_>) {
    let count = view.items("values").len();
    match view.text("operator") {
        "In" | "NotIn" if count == 0 => {
            let reason = "must be specified when `operator` is 'In' or 'NotIn'";
            view.required(faults, "values", reason, reason);
        }
        "Exists" | "DoesNotExist" if count > 0 => {
            let reason = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            view.forbidden(faults, "values", reason, reason);
        }
        _ => {}
    }
}
