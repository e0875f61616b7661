//! Endpoints and slices of them (`pkg/apis/discovery/validation`, `validateEndpointSubsets`).

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::View;

/// An address of Endpoints.
pub(super) fn endpoint(faults: &mut Faults<'_>, view: View<'_>) {
    let hostname = view.text("hostname");
    if !hostname.is_empty() {
        refuse_form(faults, view, "hostname", Form::DnsLabel, hostname);
    }
    if let Some(node) = view.get("nodeName").and_then(Node::as_str) {
        refuse_form(faults, view, "nodeName", Form::DnsSubdomain, node);
    }
    let text = view.text("ip");
    match super::addresses::ip(text, faults.version()) {
        Err(_) => refuse_form(faults, view, "ip", Form::Ip, text),
        Ok(address) => super::services::no_special(faults, view, "ip", address),
    }
}

/// A subset of Endpoints: addresses, and ports with names where there are several.
pub(super) fn subset(faults: &mut Faults<'_>, view: View<'_>) {
    if view.items("addresses").is_empty() && view.items("notReadyAddresses").is_empty() {
        let reason = "must specify `addresses` or `notReadyAddresses`";
        view.required(faults, "", reason, reason);
    }
    let ports = view.items("ports");
    for (index, port) in ports.iter().enumerate() {
        let path = |name: &str| format!("ports[{index}].{name}");
        let text = |name: &str| port.get(name).and_then(Node::as_str).unwrap_or_default();
        if text("name").is_empty() && ports.len() > 1 {
            view.required(
                faults,
                &path("name"),
                "with several ports each needs a name",
                "",
            );
        } else if !text("name").is_empty() {
            refuse_form(faults, view, &path("name"), Form::DnsLabel, text("name"));
        }
        let number = port.get("port").and_then(Node::as_i64);
        if number.is_some_and(|number| number != 0 && !(1..=65535).contains(&number)) {
            super::fields::range(faults, view, &path("port"), 1, 65535);
        }
        if let Some(protocol) = port.get("appProtocol").and_then(Node::as_str) {
            refuse_form(faults, view, &path("appProtocol"), Form::LabelKey, protocol);
        }
    }
}

/// The addresses and ports of an EndpointSlice.
pub(super) fn slice(faults: &mut Faults<'_>, view: View<'_>) {
    let kind = view.text("addressType");
    if view.too_many(faults, "endpoints", 1000) {
        return;
    }
    for (at, endpoint) in view.items("endpoints").iter().enumerate() {
        hints(faults, view, at, endpoint);
        let addresses = endpoint
            .get("addresses")
            .and_then(Node::as_seq)
            .unwrap_or_default();
        view.too_many(faults, &format!("endpoints[{at}].addresses"), 100);
        for (index, address) in addresses.iter().enumerate() {
            let text = address.as_str().unwrap_or_default();
            let path = format!("endpoints[{at}].addresses[{index}]");
            slice_address(faults, view, &path, kind, text);
        }
        for (name, form) in [
            ("hostname", Form::DnsLabel),
            ("nodeName", Form::DnsSubdomain),
        ] {
            if let Some(text) = endpoint.get(name).and_then(Node::as_str) {
                refuse_form(faults, view, &format!("endpoints[{at}].{name}"), form, text);
            }
        }
    }
    if view.too_many(faults, "ports", 20_000) {
        return;
    }
    let mut names = std::collections::HashSet::new();
    for (index, port) in view.items("ports").iter().enumerate() {
        let name = port.get("name").and_then(Node::as_str).unwrap_or_default();
        if !names.insert(name) {
            let path = format!("ports[{index}].name");
            view.duplicate(faults, &path, "another port has this name");
        }
    }
}

/// `IsFullyQualifiedDomainName`: at least two labels; a dot at the end goes.
fn domain_name(faults: &mut Faults<'_>, view: View<'_>, path: &str, text: &str) {
    if text.is_empty() {
        return view.required(faults, path, "which name?", "");
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let long = |label: &str| Form::DnsLabel.fault(label, faults.version());
    let words = Form::DnsSubdomain
        .fault(name, faults.version())
        .or_else(|| {
            let reason = "should be a domain with at least two segments separated by dots";
            (!name.contains('.')).then(|| reason.to_owned())
        })
        .or_else(|| name.split('.').find_map(long));
    if let Some(words) = words {
        let remark = "such as `a.example.com`";
        view.invalid(faults, "invalid-name", path, remark, words);
    }
}

fn slice_address(faults: &mut Faults<'_>, view: View<'_>, path: &str, kind: &str, text: &str) {
    if kind == "FQDN" {
        return domain_name(faults, view, path, text);
    }
    if kind == "IPv6"
        && let Some(words) = super::addresses::strict_ip(text)
    {
        return view.invalid(faults, "invalid-address", path, "an IPv6 address", words);
    }
    let Ok(address) = super::addresses::ip(text, faults.version()) else {
        return refuse_form(faults, view, path, Form::Ip, text);
    };
    match (kind, address.is_ipv4()) {
        ("IPv4", false) => {
            let reason = "must be an IPv4 address";
            view.invalid(faults, "invalid-address", path, reason, reason);
        }
        ("IPv6", true) => {
            let reason = "must be an IPv6 address";
            view.invalid(faults, "invalid-address", path, reason, reason);
        }
        _ => super::services::no_special(faults, view, path, address),
    }
}

/// `validateHints` of an endpoint: zones and nodes, each once.
fn hints(faults: &mut Faults<'_>, view: View<'_>, at: usize, endpoint: &Node) {
    for (list, form) in [
        ("forZones", Form::LabelValue),
        ("forNodes", Form::DnsSubdomain),
    ] {
        let items = endpoint.at(&["hints", list]).and_then(Node::as_seq);
        if view.too_many(faults, &format!("endpoints[{at}].hints.{list}"), 8) {
            return;
        }
        let mut seen = Vec::new();
        for (index, item) in items.unwrap_or_default().iter().enumerate() {
            let name = item.get("name").and_then(Node::as_str).unwrap_or_default();
            let path = format!("endpoints[{at}].hints.{list}[{index}].name");
            if seen.contains(&name) {
                view.duplicate(faults, &path, "this name is here already");
            }
            seen.push(name);
            if !name.is_empty() {
                refuse_form(faults, view, &path, form, name);
            }
        }
    }
}
