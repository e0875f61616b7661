//! Services: ports, addresses and families (`ValidateService` of `pkg/apis/core/validation`), and the
//! ranges of their addresses.

use std::collections::{HashMap, HashSet};

use super::addresses;
use super::fields::{range, refuse_form};
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View, item_text};

fn text<'n>(node: &'n Node, name: &str) -> &'n str {
    node.get(name).and_then(Node::as_str).unwrap_or_default()
}

/// `validateService`.
pub(super) fn service(faults: &mut Faults<'_>, view: View<'_>) {
    let kind = match view.text("type") {
        "" => "ClusterIP",
        kind => kind,
    };
    service_ports(faults, view, kind);
    if matches!(kind, "NodePort" | "LoadBalancer") {
        node_ports(faults, view);
    }
    if kind == "ExternalName" {
        external_name(faults, view);
    } else {
        addresses(faults, view);
        families(faults, view);
        if view.text("clusterIP") == "None" && matches!(kind, "LoadBalancer" | "NodePort") {
            let finding = Finding {
                rule: "conflicting-fields",
                message: format!("`clusterIP: None` stands beside `type: {kind}`"),
                remark: "a headless Service is of type ClusterIP",
                words: format!(
                    "Invalid value: \"None\": may not be set to 'None' for {kind} services"
                ),
            };
            let span = view.get("clusterIP").map_or(view.at, |node| node.span);
            view.refuse_at(faults, "clusterIPs[0]", span, finding);
        }
    }
    traffic(faults, view, kind);
    affinity(faults, view);
    balancer(faults, view, kind);
    for (index, address) in view.items("externalIPs").iter().enumerate() {
        let text = address.as_str().unwrap_or_default();
        let path = format!("externalIPs[{index}]");
        match addresses::ip(text, faults.version()) {
            Err(_) => refuse_form(faults, view, &path, Form::Ip, text),
            Ok(address) => no_special(faults, view, &path, address),
        }
    }
}

/// `ValidateNonSpecialIP`.
pub(super) fn no_special(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    address: std::net::IpAddr,
) {
    let link_local = match address {
        std::net::IpAddr::V4(v4) => v4.is_link_local(),
        std::net::IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let multicast = match address {
        std::net::IpAddr::V4(v4) => v4.octets()[..3] == [224, 0, 0],
        std::net::IpAddr::V6(v6) => v6.octets()[0] == 0xff && v6.octets()[1] & 0x0f == 2,
    };
    let reason = if address.is_unspecified() {
        "may not be unspecified (0.0.0.0 or ::)"
    } else if address.is_loopback() {
        "may not be in the loopback range (127.0.0.0/8, ::1/128)"
    } else if link_local {
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
    } else if multicast {
        "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
    } else {
        return;
    };
    view.invalid(faults, "invalid-address", path, reason, reason);
}

fn service_ports(faults: &mut Faults<'_>, view: View<'_>, kind: &str) {
    let (mut names, mut ports, mut node_ports) = (HashSet::new(), HashSet::new(), HashSet::new());
    for (index, item) in view.items("ports").iter().enumerate() {
        let path = |name: &str| format!("ports[{index}].{name}");
        let number = |name: &str| item.get(name).and_then(Node::as_i64).unwrap_or(0);
        let protocol = match text(item, "protocol") {
            "" => "TCP",
            protocol => protocol,
        };
        let name = text(item, "name");
        if !name.is_empty() && !names.insert(name) {
            view.duplicate(faults, &path("name"), "another port has this name");
        }
        if !ports.insert((protocol, number("port"))) {
            let finding = Finding {
                rule: "duplicate-value",
                message: format!("port {} is here twice", number("port")),
                remark: "another item has this port and protocol",
                words: format!(
                    "Duplicate value: {}",
                    crate::manifest::json::to_go_json(item)
                ),
            };
            view.refuse(faults, &format!("ports[{index}]"), finding);
        }
        let node = number("nodePort");
        if node == 0 {
            continue;
        }
        // The range of node ports is the cluster's, and a dry run does not ask for it.
        if kind == "ClusterIP" {
            let reason = "may not be used when `type` is 'ClusterIP'";
            view.forbidden(faults, &path("nodePort"), "`type: NodePort` has it", reason);
        }
        if !node_ports.insert((protocol, node)) {
            view.duplicate(faults, &path("nodePort"), "another item has this port");
        }
    }
}

/// `initNodePorts` of `pkg/registry/core/service/storage`: one port of a node is for one port of the
/// Service, though for several protocols of it.
fn node_ports(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("ports");
    let number = |item: &Node, name: &str| item.get(name).and_then(Node::as_i64).unwrap_or(0);
    let spares = view.bool("allocateLoadBalancerNodePorts") == Some(false)
        && view.text("type") == "LoadBalancer";
    let mut of_port: HashMap<i64, i64> = HashMap::new();
    let mut taken = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let (port, given) = (number(item, "port"), number(item, "nodePort"));
        if given == 0 && spares {
            continue;
        }
        let wanted = match of_port.get(&port) {
            Some(known) if *known == given || given == 0 => continue,
            Some(_) => given,
            None => {
                let mut same = items.iter().filter(|item| number(item, "port") == port);
                let wanted = same.find_map(|item| match number(item, "nodePort") {
                    0 => None,
                    node => Some(node),
                });
                // Without a wish any will do.
                of_port.insert(port, wanted.unwrap_or(-1));
                match wanted {
                    Some(wanted) => wanted,
                    None => continue,
                }
            }
        };
        if !taken.insert(wanted) {
            let path = format!("ports[{index}].nodePort");
            let reason = "provided port is already allocated";
            let remark = "another port of this Service has it";
            view.invalid(faults, "duplicate-value", &path, remark, reason);
        }
    }
}

fn external_name(faults: &mut Faults<'_>, view: View<'_>) {
    let words = "may not be set for ExternalName services";
    for name in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let given = match view.get(name) {
            Some(node) => node.as_str() != Some("") && node.as_seq().is_none_or(|s| !s.is_empty()),
            None => false,
        };
        if given && name != "clusterIP" {
            view.forbidden(faults, name, "there is no address to choose", words);
        } else if given {
            let span = view.span(name);
            let finding = Finding {
                rule: "forbidden-field",
                message: "`clusterIP` is not allowed here".to_owned(),
                remark: "`type: ExternalName` has no address",
                words: format!("Forbidden: {words}"),
            };
            view.refuse_at(faults, "clusterIPs", span, finding);
        }
    }
    let name = view.text("externalName");
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.is_empty() {
        refuse_form(faults, view, "externalName", Form::DnsSubdomain, name);
    }
}

/// `ValidateServiceClusterIPsRelatedFields`, for one that is created.
fn addresses(faults: &mut Faults<'_>, view: View<'_>) {
    let single = view.text("clusterIP");
    let list: Vec<&str> = view
        .items("clusterIPs")
        .iter()
        .filter_map(item_text)
        .collect();
    let mut families = HashSet::new();
    for (index, family) in view.items("ipFamilies").iter().enumerate() {
        if let Some(text) = family.as_str()
            && !families.insert(text)
        {
            view.duplicate(
                faults,
                &format!("ipFamilies[{index}]"),
                "one of each family",
            );
        }
    }
    if single.is_empty() {
        if !list.is_empty() {
            let reason = "must be empty when `clusterIP` is not specified";
            view.invalid(faults, "conflicting-fields", "clusterIPs", reason, reason);
        }
        return;
    }
    if list.first().is_some_and(|first| *first != single) {
        let reason = "first value must match `clusterIP`";
        view.invalid(faults, "conflicting-fields", "clusterIPs", reason, reason);
    }
    if list.len() > 2 {
        let reason = "may only hold up to 2 values";
        view.invalid(faults, "too-many", "clusterIPs", reason, reason);
    }
    let (path, all): (&dyn Fn(usize) -> String, Vec<&str>) = match list.is_empty() {
        true => (&|_| "clusterIP".to_owned(), vec![single]),
        false => (&|index| format!("clusterIPs[{index}]"), list),
    };
    for (index, address) in all.iter().enumerate() {
        if *address == "None" {
            if all.len() > 1 {
                let reason = "'None' must be the first and only value";
                view.invalid(faults, "conflicting-fields", &path(index), reason, reason);
            }
            continue;
        }
        if let Some(words) = Form::Ip.fault(address, faults.version()) {
            let finding = Finding {
                rule: "invalid-address",
                message: format!("`{address}` is no IP address"),
                remark: "an address of the cluster's own range, or `None`",
                words: format!("Invalid value: {address:?}: {words}"),
            };
            let span = view.span("clusterIP");
            view.refuse_at(faults, &format!("clusterIPs[{index}]"), span, finding);
        }
    }
}

/// Addresses against families, and how many of both there are (`initIPFamilyFields` of
/// `pkg/registry/core/service/storage`).
fn families(faults: &mut Faults<'_>, view: View<'_>) {
    let single = view.text("clusterIP");
    let texts =
        |list: &str| -> Vec<&str> { view.items(list).iter().filter_map(item_text).collect() };
    let families = texts("ipFamilies");
    let addresses = match texts("clusterIPs") {
        list if list.is_empty() && !single.is_empty() => vec![single],
        list => list,
    };
    let is_headless = single == "None";
    let parsed: Vec<_> = addresses
        .iter()
        .filter_map(|text| addresses::ip(text, faults.version()).ok())
        .collect();
    if parsed.len() == addresses.len() && !is_headless {
        if let [first, second] = parsed[..]
            && first.is_ipv4() == second.is_ipv4()
        {
            let reason = "may specify no more than one IP for each IP family";
            view.invalid(faults, "invalid-address", "clusterIPs", reason, reason);
        }
        for (index, (address, family)) in parsed.iter().zip(&families).enumerate() {
            let wanted = match (*family, address.is_ipv4()) {
                ("IPv4", false) => "IPv4",
                ("IPv6", true) => "IPv6",
                _ => continue,
            };
            let finding = Finding {
                rule: "invalid-address",
                message: format!("`{address}` is no {wanted} address"),
                remark: "`ipFamilies` says of which family it is",
                words: format!(
                    "Invalid value: {:?}: expected an {wanted} value as indicated by `ipFamilies[{index}]`",
                    addresses[index]
                ),
            };
            let path = format!("clusterIPs[{index}]");
            view.refuse_at(faults, &path, view.span("clusterIP"), finding);
        }
    }
    let policy = match view.text("ipFamilyPolicy") {
        "" if is_headless && view.entries("selector").is_empty() => "RequireDualStack",
        "" => "SingleStack",
        policy => policy,
    };
    // The server counts them when it has found nothing else wrong with them.
    let is_double = matches!(families[..], [first, second] if first == second);
    let are_right = match is_headless {
        true => addresses.len() <= 1,
        false => parsed.len() == addresses.len(),
    };
    if policy != "SingleStack" || is_double || !are_right {
        return;
    }
    for (count, what) in [
        (addresses.len(), "cluster IPs"),
        (families.len(), "IP families"),
    ] {
        if count == 2 {
            let finding = Finding {
                rule: "conflicting-fields",
                message: format!("one stack does not have two {what}"),
                remark: "`PreferDualStack` or `RequireDualStack`",
                words: format!(
                    "Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                ),
            };
            view.refuse(faults, "ipFamilyPolicy", finding);
        }
    }
}

fn traffic(faults: &mut Faults<'_>, view: View<'_>, kind: &str) {
    let balanced = matches!(kind, "LoadBalancer" | "NodePort");
    let external = balanced || kind == "ClusterIP" && !view.items("externalIPs").is_empty();
    let policy = view.text("externalTrafficPolicy");
    if !external && !policy.is_empty() {
        let reason = "may only be set for externally-accessible services";
        let remark = "only NodePort and LoadBalancer have it";
        view.invalid(
            faults,
            "conflicting-fields",
            "externalTrafficPolicy",
            remark,
            reason,
        );
    }
    let needs_check = kind == "LoadBalancer" && policy == "Local";
    if let Some(number) = view
        .int("healthCheckNodePort")
        .filter(|number| *number != 0)
    {
        if !needs_check {
            let reason = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
            view.invalid(
                faults,
                "conflicting-fields",
                "healthCheckNodePort",
                reason,
                reason,
            );
        } else if !(1..=65535).contains(&number) {
            range(faults, view, "healthCheckNodePort", 1, 65535);
        }
    }
}

fn affinity(faults: &mut Faults<'_>, view: View<'_>) {
    if view.text("sessionAffinity") != "ClientIP" {
        return;
    }
    let seconds = view.find(&["sessionAffinityConfig", "clientIP", "timeoutSeconds"]);
    if seconds
        .and_then(Node::as_i64)
        .is_some_and(|n| !(1..=86400).contains(&n))
    {
        let path = "sessionAffinityConfig.clientIP.timeoutSeconds";
        let reason = "must be greater than 0 and less than 86400";
        view.invalid(faults, "out-of-range", path, "1 to 86400", reason);
    }
}

fn balancer(faults: &mut Faults<'_>, view: View<'_>, kind: &str) {
    let is_balancer = kind == "LoadBalancer";
    let reason = "may only be used when `type` is 'LoadBalancer'";
    let ranges = view.items("loadBalancerSourceRanges");
    if !ranges.is_empty() && !is_balancer {
        let finding = Finding {
            rule: "forbidden-field",
            message: "`loadBalancerSourceRanges` is not allowed here".to_owned(),
            remark: "`type: LoadBalancer` has it",
            words: format!("Forbidden: {reason}"),
        };
        let span = view.span("loadBalancerSourceRanges");
        // The server spells this one so.
        view.refuse_at(faults, "LoadBalancerSourceRanges", span, finding);
    }
    for (index, item) in ranges.iter().enumerate() {
        let text = item.as_str().unwrap_or_default().trim();
        if let Some(words) = Form::Cidr.fault(text, faults.version()) {
            let finding = Finding {
                rule: "invalid-address",
                message: format!("`{text}` is no network in CIDR notation"),
                remark: Form::Cidr.rule(),
                words: format!("Invalid value: {text:?}: {words}"),
            };
            let path = format!("LoadBalancerSourceRanges[{index}]");
            view.refuse_at(faults, &path, item.span, finding);
        }
    }
    if view.get("allocateLoadBalancerNodePorts").is_some() && !is_balancer {
        view.forbidden(faults, "allocateLoadBalancerNodePorts", reason, reason);
    }
    if let Some(class) = view.get("loadBalancerClass").and_then(Node::as_str) {
        if is_balancer {
            refuse_form(faults, view, "loadBalancerClass", Form::LabelKey, class);
        } else {
            view.forbidden(faults, "loadBalancerClass", reason, reason);
        }
    }
}

/// `validateServiceCIDRSpec`: one network of each family.
pub(super) fn service_ranges(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("cidrs");
    if items.len() > 2 {
        let reason = "may only hold up to 2 values";
        return view.invalid(faults, "too-many", "cidrs", "at most 2", reason);
    }
    let mut families = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let text = item.as_str().unwrap_or_default();
        if let Some(words) = super::addresses::strict_cidr(text) {
            let path = format!("cidrs[{index}]");
            view.invalid(faults, "invalid-address", &path, Form::Cidr.rule(), words);
        }
        if let Ok((address, _)) = super::addresses::cidr(text, faults.version()) {
            families.push(address.is_ipv4());
        }
    }
    if let [first, second] = families[..]
        && first == second
    {
        let reason = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
        view.invalid(
            faults,
            "invalid-address",
            "cidrs",
            "one of each family",
            reason,
        );
    }
}
