//! Roles and bindings (`pkg/apis/rbac/validation`).

use super::fields::refuse_form;
use super::form::Form;
use crate::validate::fault::Faults;
use crate::validate::view::View;

const GROUP: &str = "rbac.authorization.k8s.io";

/// `ValidateRoleBindingSubject`.
pub(super) fn subject(faults: &mut Faults<'_>, view: View<'_>) {
    let group = view.text("apiGroup");
    match view.text("kind") {
        "ServiceAccount" => {
            let name = view.text("name");
            if !name.is_empty() {
                refuse_form(faults, view, "name", Form::DnsSubdomain, name);
            }
            if !group.is_empty() {
                view.unsupported(faults, "apiGroup", &[""]);
            }
        }
        // Empty, it becomes the group.
        "User" | "Group" if !group.is_empty() && group != GROUP => {
            view.unsupported(faults, "apiGroup", &[GROUP]);
        }
        _ => {}
    }
}

/// The role that a binding names.
pub(super) fn role_reference(faults: &mut Faults<'_>, view: View<'_>) {
    let group = view.text("apiGroup");
    if !group.is_empty() && group != GROUP {
        view.unsupported(faults, "apiGroup", &[GROUP]);
    }
    if faults.context().kind == "ClusterRoleBinding" && view.text("kind") == "Role" {
        view.unsupported(faults, "kind", &["ClusterRole"]);
    }
}

/// `ValidatePolicyRule`: what a Role in a namespace cannot grant.
pub(super) fn rule(faults: &mut Faults<'_>, view: View<'_>) {
    if faults.context().kind == "Role" && !view.items("nonResourceURLs").is_empty() {
        let reason = "namespaced rules cannot apply to non-resource URLs";
        let remark = "only a ClusterRole can";
        view.invalid(faults, "forbidden-field", "nonResourceURLs", remark, reason);
    }
}
