//! Warnings of Services, Endpoints, Ingresses, network policies and webhooks
//! (`pkg/api/service/warnings.go` and the strategies).

use super::{Warnings, addresses, field, items, key_span, text};
use crate::manifest::{Node, Object};

/// Warnings of a Service.
pub(super) fn service(warn: &mut Warnings<'_>, root: &Node, spec: Option<&Node>) {
    const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
    let minor = warn.version.minor();
    let annotations = root.at(&["metadata", "annotations"]);
    if field(annotations, HINTS).is_some() {
        let words = format!(
            "annotation {HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead"
        );
        let span = key_span(annotations, HINTS);
        warn.plain(
            "deprecated-annotation",
            span,
            &super::keyed("metadata.annotations", HINTS),
            words,
        );
    }
    let kind = match text(spec, "type") {
        "" => "ClusterIP",
        kind => kind,
    };
    let first = items(spec, "clusterIPs")
        .next()
        .and_then(|(_, node)| node.as_str());
    let headless = text(spec, "clusterIP") == "None" || first == Some("None");
    if !headless && kind != "ExternalName" {
        if items(spec, "clusterIPs").next().is_none() {
            // The server makes the list of the single address.
            if let Some(node) = field(spec, "clusterIP").filter(|node| node.as_str() != Some("")) {
                addresses::ip(warn, node, "spec.clusterIPs[0]");
            }
        }
        for (index, node) in items(spec, "clusterIPs") {
            addresses::ip(warn, node, &format!("spec.clusterIPs[{index}]"));
        }
    }
    let external = items(spec, "externalIPs").count() > 0;
    if headless && kind == "ClusterIP" && minor >= 34 {
        for (name, shown, there) in [
            (
                "loadBalancerIP",
                "loadBalancerIP",
                !text(spec, "loadBalancerIP").is_empty(),
            ),
            ("externalIPs", "externalIPs", external),
            (
                "sessionAffinity",
                "SessionAffinity",
                !matches!(text(spec, "sessionAffinity"), "" | "None"),
            ),
        ] {
            if there {
                let words = format!("spec.{shown} is ignored for headless services");
                warn.plain(
                    "ignored-field",
                    key_span(spec, name),
                    &format!("spec.{name}"),
                    words,
                );
            }
        }
    }
    for (index, node) in items(spec, "externalIPs") {
        addresses::ip(warn, node, &format!("spec.externalIPs[{index}]"));
    }
    let external_span = key_span(spec, "externalIPs");
    let in_use = !(headless && kind == "ClusterIP") && kind != "ExternalName";
    if external && in_use && minor >= 36 {
        let words =
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
        warn.plain("deprecated-field", external_span, "spec.externalIPs", words);
    }
    if let Some(node) = field(spec, "loadBalancerIP").filter(|node| node.as_str() != Some("")) {
        addresses::ip(warn, node, "spec.loadBalancerIP");
    }
    for (index, node) in items(spec, "loadBalancerSourceRanges") {
        addresses::cidr(
            warn,
            node,
            &format!("spec.loadBalancerSourceRanges[{index}]"),
        );
    }
    if external && kind == "ExternalName" {
        let words = "spec.externalIPs is ignored when spec.type is \"ExternalName\"";
        warn.plain("ignored-field", external_span, "spec.externalIPs", words);
    }
    if kind != "ExternalName" && !text(spec, "externalName").is_empty() {
        let words = "spec.externalName is ignored when spec.type is not \"ExternalName\"";
        warn.plain(
            "ignored-field",
            key_span(spec, "externalName"),
            "spec.externalName",
            words,
        );
    }
    if text(spec, "trafficDistribution") == "PreferClose" && minor >= 35 {
        let words = "\"PreferClose\" is deprecated; use \"PreferSameZone\"";
        let span = field(spec, "trafficDistribution").map_or(root.span, |node| node.span);
        warn.at("deprecated-field", span, "spec.trafficDistribution", words);
    }
}

fn is_managed(root: &Node, label: &str, by: &[&str]) -> bool {
    let value = root
        .at(&["metadata", "labels", label])
        .and_then(Node::as_str);
    value.is_some_and(|value| by.contains(&value))
}

/// Warnings of Endpoints.
pub(super) fn endpoints(warn: &mut Warnings<'_>, root: &Node) {
    let span = root.get("apiVersion").map_or(root.span, |node| node.span);
    let words = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
    warn.plain("deprecated-api", span, "apiVersion", words);
    if is_managed(
        root,
        "endpoints.kubernetes.io/managed-by",
        &["endpoint-controller"],
    ) {
        return;
    }
    for (index, subset) in items(Some(root), "subsets") {
        for list in ["addresses", "notReadyAddresses"] {
            for (at, address) in items(Some(subset), list) {
                if let Some(node) = address.get("ip") {
                    addresses::ip(warn, node, &format!("subsets[{index}].{list}[{at}].ip"));
                }
            }
        }
    }
}

/// Warnings of an EndpointSlice.
pub(super) fn slice(warn: &mut Warnings<'_>, root: &Node) {
    let kind = text(Some(root), "addressType");
    if kind == "FQDN" {
        let span = key_span(Some(root), "addressType");
        warn.at(
            "deprecated-field",
            span,
            "spec.addressType",
            "FQDN endpoints are deprecated",
        );
    }
    let controllers = [
        "endpointslice-controller.k8s.io",
        "endpointslicemirroring-controller.k8s.io",
    ];
    if kind == "FQDN" || is_managed(root, "endpointslice.kubernetes.io/managed-by", &controllers) {
        return;
    }
    for (index, endpoint) in items(Some(root), "endpoints") {
        for (at, node) in items(Some(endpoint), "addresses") {
            addresses::ip(warn, node, &format!("endpoints[{index}].addresses[{at}]"));
        }
    }
}

/// Warnings of an Ingress.
pub(super) fn ingress(warn: &mut Warnings<'_>, root: &Node, spec: Option<&Node>) {
    const CLASS: &str = "kubernetes.io/ingress.class";
    let annotations = root.at(&["metadata", "annotations"]);
    if field(annotations, CLASS).is_some() && field(spec, "ingressClassName").is_none() {
        let words = format!(
            "annotation {CLASS:?} is deprecated, please use 'spec.ingressClassName' instead"
        );
        let path = super::keyed("metadata.annotations", CLASS);
        warn.plain(
            "deprecated-annotation",
            key_span(annotations, CLASS),
            &path,
            words,
        );
    }
}

/// Warnings of a NetworkPolicy.
pub(super) fn policy(warn: &mut Warnings<'_>, spec: Option<&Node>) {
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in items(spec, list) {
            for (at, peer) in items(Some(rule), peers) {
                let block = field(Some(peer), "ipBlock");
                let path = format!("spec.{list}[{index}].{peers}[{at}].ipBlock");
                if let Some(node) = field(block, "cidr") {
                    addresses::cidr(warn, node, &format!("{path}.cidr"));
                }
                for (number, node) in items(block, "except") {
                    addresses::cidr(warn, node, &format!("{path}.except[{number}]"));
                }
            }
        }
    }
}

/// What no webhook is asked about (`pkg/kubeapiserver/admission/exclusion`).
const EXCLUDED: [(&str, &str); 6] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
];

/// Warnings of webhook configurations and admission policies.
pub(super) fn admission(warn: &mut Warnings<'_>, object: &Object, kind: &str) {
    const SUFFIX: &str = ".static.k8s.io";
    // From 1.37 on the gate is on, and the name is refused where it stands.
    if warn.version.minor() == 36 && object.name().ends_with(SUFFIX) {
        let words = format!(
            "names ending with {SUFFIX:?} are reserved for static manifest-based configurations and cannot be managed via the API"
        );
        warn.at("ignored-field", object.span(), "metadata.name", words);
    }
    if warn.version.minor() < 37 || !kind.ends_with("WebhookConfiguration") {
        return;
    }
    for (index, hook) in items(Some(&object.root), "webhooks") {
        for (at, rule) in items(Some(hook), "rules") {
            let texts = |name: &str| -> Vec<String> {
                let nodes = items(Some(rule), name);
                nodes
                    .filter_map(|(_, node)| Some(node.as_str()?.to_owned()))
                    .collect()
            };
            let (groups, resources) = (texts("apiGroups"), texts("resources"));
            if groups.iter().chain(&resources).any(|item| item == "*") {
                continue;
            }
            let mut told = Vec::new();
            for (group, resource) in groups
                .iter()
                .flat_map(|g| resources.iter().map(move |r| (g, r)))
            {
                let pair = (group.as_str(), resource.as_str());
                if EXCLUDED.contains(&pair) && !told.contains(&pair) {
                    told.push(pair);
                    let words = format!(
                        "{resource}.{group} is excluded from admission webhooks; this rule will have no effect"
                    );
                    warn.at(
                        "webhook-no-effect",
                        rule.span,
                        &format!("webhooks[{index}].rules[{at}]"),
                        words,
                    );
                }
            }
        }
    }
}
