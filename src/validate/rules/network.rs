//! Ingresses and NetworkPolicies (`pkg/apis/networking/validation`).

use super::addresses;
use super::fields::{range, refuse_form};
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// A rule of an Ingress: its host.
pub(super) fn ingress_rule(faults: &mut Faults<'_>, view: View<'_>) {
    let host = view.text("host");
    if host.is_empty() {
        return;
    }
    if host.parse::<std::net::IpAddr>().is_ok() {
        let reason = "must be a DNS name, not an IP address";
        view.invalid(faults, "invalid-name", "host", reason, reason);
    }
    refuse_form(faults, view, "host", Form::WildcardOrSubdomain, host);
}

/// A path of an Ingress (`validateHTTPIngressPath`).
pub(super) fn ingress_path(faults: &mut Faults<'_>, view: View<'_>) {
    let path = view.text("path");
    let absolute = path.starts_with('/');
    match view.text("pathType") {
        "Exact" | "Prefix" => {
            if !absolute {
                let remark = format!("did you mean `/{path}`?");
                let finding = Finding {
                    rule: "invalid-path",
                    message: match path {
                        "" => "`path` is missing".to_owned(),
                        path => format!("`path` cannot be `{path}`"),
                    },
                    remark: &remark,
                    words: format!("Invalid value: {path:?}: must be an absolute path"),
                };
                view.refuse(faults, "path", finding);
            }
            if path.is_empty() {
                return;
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"] {
                if path.contains(part) {
                    let reason = format!("must not contain '{part}'");
                    view.invalid(faults, "invalid-path", "path", &reason, &reason);
                }
            }
            for end in ["/..", "/."] {
                if path.ends_with(end) {
                    let reason = format!("cannot end with '{end}'");
                    view.invalid(faults, "invalid-path", "path", &reason, &reason);
                }
            }
        }
        "ImplementationSpecific" if !path.is_empty() && !absolute => {
            let reason = "must be an absolute path";
            view.invalid(faults, "invalid-path", "path", reason, reason);
        }
        _ => {}
    }
}

/// A resource that an Ingress or a class names.
pub(super) fn local_reference(faults: &mut Faults<'_>, view: View<'_>, path: &str) {
    if let Some(group) = view.find(&[path, "apiGroup"]).and_then(Node::as_str) {
        refuse_form(
            faults,
            view,
            &format!("{path}.apiGroup"),
            Form::DnsSubdomain,
            group,
        );
    }
    for name in ["kind", "name"] {
        let value = view
            .find(&[path, name])
            .and_then(Node::as_str)
            .unwrap_or_default();
        if !value.is_empty() {
            refuse_form(
                faults,
                view,
                &format!("{path}.{name}"),
                Form::PathSegment,
                value,
            );
        }
    }
}

/// Parameters of an IngressClass.
pub(super) fn ingress_class(faults: &mut Faults<'_>, view: View<'_>) {
    local_reference(faults, view, "parameters");
    let of = |name| view.find(&["parameters", name]).and_then(Node::as_str);
    if view.get("parameters").is_none() {
        return;
    }
    // The default is the cluster.
    match (of("scope").or(Some("Cluster")), of("namespace")) {
        (Some("Namespace"), None | Some("")) => {
            let reason = "`parameters.scope` is set to 'Namespace'";
            view.required(faults, "parameters.namespace", reason, reason);
        }
        (Some("Cluster"), Some(_)) => {
            let reason = "`parameters.scope` is set to 'Cluster'";
            view.forbidden(faults, "parameters.namespace", reason, reason);
        }
        (Some("Namespace"), Some(namespace)) => {
            refuse_form(
                faults,
                view,
                "parameters.namespace",
                Form::DnsLabel,
                namespace,
            );
        }
        _ => {}
    }
}

/// A port of a NetworkPolicy.
pub(super) fn policy_port(faults: &mut Faults<'_>, view: View<'_>) {
    let Some(end) = view.int("endPort") else {
        return;
    };
    let reason = match view.get("port") {
        None => "may not be specified when `port` is not specified",
        Some(start) => match start.as_i64() {
            None => "may not be specified when `port` is non-numeric",
            Some(start) if end < start => "must be greater than or equal to `port`",
            Some(_) => "",
        },
    };
    if !reason.is_empty() {
        view.invalid(faults, "conflicting-fields", "endPort", reason, reason);
    }
    if view
        .get("port")
        .is_some_and(|start| start.as_i64().is_some())
        && !(1..=65535).contains(&end)
    {
        range(faults, view, "endPort", 1, 65535);
    }
}

/// A network of a NetworkPolicy with its exceptions.
pub(super) fn ip_block(faults: &mut Faults<'_>, view: View<'_>) {
    let version = faults.version();
    let network = view.text("cidr");
    if network.is_empty() {
        return;
    }
    let outer = addresses::cidr(network, version);
    if outer.is_err() {
        return refuse_form(faults, view, "cidr", Form::Cidr, network);
    }
    for (index, item) in view.items("except").iter().enumerate() {
        let path = format!("except[{index}]");
        let text = item.as_str().unwrap_or_default();
        let Ok((address, length)) = addresses::cidr(text, version) else {
            refuse_form(faults, view, &path, Form::Cidr, text);
            continue;
        };
        if let Ok((base, bits)) = outer {
            let inside = address.is_ipv4() == base.is_ipv4()
                && length > bits
                && addresses::masked(address, bits) == addresses::masked(base, bits);
            if !inside {
                let reason = "must be a strict subset of `cidr`";
                view.invalid(faults, "invalid-address", &path, reason, reason);
            }
        }
    }
}

/// `ValidateNetworkPolicySpec`, beyond its parts.
pub(super) fn policy(faults: &mut Faults<'_>, view: View<'_>) {
    if view.items("policyTypes").len() > 2 {
        let reason = "may not specify more than two policyTypes";
        view.invalid(faults, "too-many", "policyTypes", reason, reason);
    }
}
