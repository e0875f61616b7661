//! Network policies: pods that they miss, ports that do not exist, names that cannot be resolved.

use std::collections::{HashMap, HashSet};

use super::Scope;
use super::context::Context;
use super::facts::{Policy, PolicyRule, Port, What};
use super::findings::{Findings, Weight, finding};
use super::services::Miss;

fn policies<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Policy)> {
    context.each(|fact| match &fact.what {
        What::Policy(policy) => Some(policy.as_ref()),
        _ => None,
    })
}

/// A policy for no pods.
pub(super) fn selects_nothing(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, policy) in policies(context) {
        let Some(selector) = &policy.selector else {
            continue;
        };
        if let Some(miss) = Miss::of(context, index, selector) {
            let message = format!("this policy is for no pods: `{}`", selector.describe());
            let found = miss.shown(context, selector, finding(message), "spec.podSelector");
            findings.add(index, miss.weight, found);
        }
    }
}

/// A peer that is no pod of the input.
pub(super) fn peer(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, policy) in policies(context) {
        for (selector, field) in policy
            .ingress
            .iter()
            .chain(&policy.egress)
            .flat_map(|rule| &rule.peers)
        {
            if let Some(miss) = Miss::of(context, index, selector) {
                let message = format!("this lets no pods through: `{}`", selector.describe());
                let found = miss.shown(context, selector, finding(message), field);
                findings.add(index, miss.weight, found);
            }
        }
    }
}

/// A named port that none of the pods behind the policy declares.
pub(super) fn port(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, policy) in policies(context) {
        let Some(selector) = &policy.selector else {
            continue;
        };
        let selected = context.selected(context.namespace(index), selector);
        let workloads: Vec<_> = selected
            .iter()
            .filter_map(|&at| context.facts[at].workload())
            .collect();
        if workloads.is_empty() || workloads.iter().any(|workload| workload.injected) {
            continue;
        }
        for (port, _, field) in policy.ingress.iter().flat_map(|rule| &rule.ports) {
            let Port::Name(name, span) = port else {
                continue;
            };
            let names = || {
                let containers = workloads.iter().flat_map(|workload| &workload.containers);
                let ports = containers.flat_map(|container| &container.ports);
                ports.filter_map(|port| port.name.as_deref())
            };
            if names().any(|known| known == name.as_str()) {
                continue;
            }
            let remark = match crate::manifest::suggest::nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "the rule lets nothing in".to_owned(),
            };
            let found = finding(format!("none of the selected pods has a port `{name}`"))
                .at(*span, remark)
                .also(context.facts[selected[0]].at, "these pods are selected")
                .field(field.clone());
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// Whether a rule lets DNS through.
fn lets_dns(rule: &PolicyRule) -> bool {
    rule.all_ports
        || rule.ports.iter().any(|(port, end, _)| match port {
            // The port of a DNS server may have another number behind its Service.
            Port::Name(name, _) => name.contains("dns"),
            Port::Number(number, _) => {
                matches!(number, 53 | 5353 | 8053)
                    || *number <= 53 && end.is_some_and(|end| end >= 53)
            }
        })
}

/// Pods that may call others and cannot ask for their addresses.
pub(super) fn dns(context: &Context<'_>, findings: &mut Findings<'_>) {
    if context.scope != Scope::Overlay {
        // The policy that lets DNS through may lie elsewhere.
        return;
    }
    let mut resolved: HashSet<usize> = HashSet::new();
    let mut limited: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, policy) in policies(context).filter(|(_, policy)| policy.limits_egress) {
        let Some(selector) = &policy.selector else {
            continue;
        };
        let selected = context.selected(context.namespace(index), selector);
        if policy.egress.iter().any(lets_dns) {
            resolved.extend(&selected);
        }
        if !policy.egress.is_empty() {
            limited.insert(index, selected);
        }
    }
    for (index, policy) in policies(context) {
        let Some(selected) = limited.get(&index) else {
            continue;
        };
        let cut_off = selected.iter().find(|at| !resolved.contains(at));
        let Some(&at) = cut_off else { continue };
        // Addresses in the place of names need no DNS.
        let by_address = policy.egress.iter().all(|rule| rule.peers.is_empty());
        if by_address {
            continue;
        }
        let found = finding(format!(
            "the pods of {} may call others, but not DNS",
            context.describe(at)
        ))
        .at(
            policy.egress_at.unwrap_or(context.facts[index].at),
            "no rule is for port 53",
        )
        .field("spec.egress")
        .note("they cannot find the address of any Service by its name")
        .hint("allow UDP and TCP 53 to `kube-system`");
        findings.add(index, Weight::Plain, found);
    }
}

/// A workload for which there is no policy at all.
pub(super) fn no_policy(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut covered: HashSet<usize> = HashSet::new();
    for (index, policy) in policies(context) {
        if let Some(selector) = &policy.selector {
            covered.extend(context.selected(context.namespace(index), selector));
        }
    }
    for (at, workload) in context.workloads() {
        if !covered.contains(&at) && !workload.host_network {
            let found = finding("every pod of the cluster may call these pods").at(
                context.facts[at].at,
                "no NetworkPolicy of the input is for them",
            );
            findings.add(at, Weight::Plain, found);
        }
    }
}
