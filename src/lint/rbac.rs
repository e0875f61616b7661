//! Roles that grant nothing, or everything, and bindings that lead nowhere.

use super::Scope;
use super::context::{Class, Context, meet};
use super::facts::{Binding, Role, RoleRule, What};
use super::findings::{Findings, Weight, finding};

fn roles<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Role)> {
    context.each(|fact| match &fact.what {
        What::Role(role) => Some(role),
        _ => None,
    })
}

fn bindings<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Binding)> {
    context.each(|fact| match &fact.what {
        What::Binding(binding) => Some(binding),
        _ => None,
    })
}

/// A role without rules, or a binding without subjects.
pub(super) fn grants_nothing(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, role) in roles(context) {
        if role.rules.is_empty() && !role.aggregates {
            let found = finding("this role grants nothing: it has no rules")
                .at(role.rules_at.unwrap_or(context.facts[index].at), "");
            findings.add(index, Weight::Plain, found);
        }
    }
    for (index, binding) in bindings(context) {
        if binding.subjects == 0 {
            let found = finding("this binding grants nothing: it has no subjects")
                .at(context.facts[index].at, "");
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// A rule for a resource that its API groups do not have.
pub(super) fn unknown_resource(context: &Context<'_>, findings: &mut Findings<'_>) {
    let known = Resources::of(context);
    for (index, role) in roles(context) {
        for (at, rule) in role.rules.iter().enumerate() {
            if rule.groups.is_empty() || !rule.groups.iter().all(|group| known.is_closed(group)) {
                continue;
            }
            for (number, (resource, span)) in rule.resources.iter().enumerate() {
                let name = resource.split('/').next().unwrap_or_default();
                if name.contains('*') || rule.groups.iter().any(|group| known.has(group, name)) {
                    continue;
                }
                // What was removed is kept for old clusters.
                let Some(group) = known.group_of(name) else {
                    continue;
                };
                let shown: Vec<String> = rule
                    .groups
                    .iter()
                    .map(|group| format!("\"{group}\""))
                    .collect();
                let message = format!(
                    "`{resource}` is no resource of the API group {}",
                    shown.join(", ")
                );
                let found = finding(message)
                    .at(*span, format!("it is one of \"{group}\""))
                    .field(format!("rules[{at}].resources[{number}]"))
                    .note("this part of the rule grants nothing");
                findings.add(index, Weight::Plain, found);
            }
        }
    }
}

/// The resources of Kubernetes' own API groups.
struct Resources {
    pairs: std::collections::HashSet<(&'static str, &'static str)>,
    groups: std::collections::HashMap<&'static str, &'static str>,
    closed: std::collections::HashSet<&'static str>,
}

impl Resources {
    fn of(context: &Context<'_>) -> Self {
        let kinds: Vec<_> = context.tables.kinds().collect();
        Self {
            pairs: kinds
                .iter()
                .map(|kind| (kind.group(), kind.plural()))
                .collect(),
            closed: kinds.iter().map(|kind| kind.group()).collect(),
            // Of two groups with one resource the newer is meant: events, ingresses.
            groups: kinds
                .iter()
                .map(|kind| (kind.plural(), kind.group()))
                .collect(),
        }
    }

    /// Whether all resources of a group are known.
    fn is_closed(&self, group: &str) -> bool {
        self.closed.contains(group)
    }

    fn has(&self, group: &str, resource: &str) -> bool {
        self.pairs.contains(&(group, resource))
            || group.is_empty() && resource == "componentstatuses"
    }

    fn group_of(&self, resource: &str) -> Option<&'static str> {
        self.groups.get(resource).copied()
    }
}

/// A rule that grants everything.
pub(super) fn wildcard(context: &Context<'_>, findings: &mut Findings<'_>) {
    let all = |list: &[smol_str::SmolStr]| list.iter().any(|item| item == "*");
    let wild = |rule: &RoleRule| {
        all(&rule.verbs) && all(&rule.groups) && rule.resources.iter().any(|(name, _)| name == "*")
    };
    for (index, role) in roles(context) {
        for (at, rule) in role.rules.iter().enumerate().filter(|(_, rule)| wild(rule)) {
            let found = finding("this rule grants everything")
                .at(rule.at, "")
                .field(format!("rules[{at}]"));
            findings.add(index, Weight::Plain, found);
        }
    }
    for (index, binding) in bindings(context) {
        let Some(role) = binding
            .role
            .as_ref()
            .filter(|role| role.text == "cluster-admin")
        else {
            continue;
        };
        let found = finding("this binding grants everything")
            .at(role.span(), "")
            .field("roleRef.name");
        findings.add(index, Weight::Plain, found);
    }
}

/// A binding to an account that is not there.
pub(super) fn missing_subject(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, binding) in bindings(context) {
        for subject in &binding.accounts {
            let name = subject.name.text.as_str();
            let own = context.namespace(index);
            let namespace = subject
                .namespace
                .as_ref()
                .map_or(own, |text| text.text.as_str());
            let there = context
                .find("ServiceAccount", namespace, name)
                .next()
                .is_some();
            if there || name == "default" {
                continue;
            }
            let others = context.named("ServiceAccount", name).iter();
            let elsewhere = others.copied().find(|&at| context.beside(index, at));
            let near = context.nearest(index, "ServiceAccount", namespace, name);
            let span = match (&subject.namespace, elsewhere) {
                (Some(namespace), Some(_)) => namespace.span(),
                _ => subject.name.span(),
            };
            let beside = context.scope == Scope::Overlay
                && context.has_in(index, Class::Account, namespace)
                && !context.has_beside(index, Class::Custom);
            let (weight, remark) = match (elsewhere, near) {
                (Some(at), _) => (
                    Weight::Plain,
                    format!(
                        "the ServiceAccount is in namespace `{}`",
                        context.namespace(at)
                    ),
                ),
                (None, Some(near)) => (Weight::Plain, format!("did you mean `{near}`?")),
                (None, None) if beside => (Weight::Plain, String::new()),
                (None, None) => (Weight::Weak, String::new()),
            };
            let field = if elsewhere.is_some() {
                "namespace"
            } else {
                "name"
            };
            let message = format!("there is no ServiceAccount `{name}` in namespace `{namespace}`");
            let found = finding(message)
                .at(span, remark)
                .field(format!("subjects[{}].{field}", subject.index))
                .note("the role is granted to nobody");
            findings.add(index, weight, found);
        }
    }
}

/// A binding of a role that is not there.
pub(super) fn missing_role(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, binding) in bindings(context) {
        let Some(role) = &binding.role else { continue };
        let (name, kind) = (role.text.as_str(), binding.role_kind.as_str());
        let namespace = if kind == "Role" {
            context.namespace(index)
        } else {
            ""
        };
        let built_in = kind == "ClusterRole"
            && (matches!(name, "admin" | "cluster-admin" | "edit" | "view") || name.contains(':'));
        if built_in
            || !matches!(kind, "Role" | "ClusterRole")
            || context.find(kind, namespace, name).next().is_some()
        {
            continue;
        }
        let other_kind = if kind == "Role" {
            "ClusterRole"
        } else {
            "Role"
        };
        let find = |kind: &str| {
            let found = context.named(kind, name).iter().copied();
            found.into_iter().find(|&at| context.beside(index, at))
        };
        let other = find(other_kind).filter(|&at| {
            other_kind == "ClusterRole" || meet(context.namespace(at), context.namespace(index))
        });
        let near = context.nearest(index, kind, namespace, name);
        let beside = context.scope == Scope::Overlay
            && context.has_beside(index, Class::Role)
            && !context.has_beside(index, Class::Custom);
        let (weight, remark) = match (other, find(kind), near) {
            (Some(_), _, _) => (Weight::Plain, format!("`{name}` is a {other_kind}")),
            (_, Some(at), _) => (
                Weight::Plain,
                format!("it is in namespace `{}`", context.namespace(at)),
            ),
            (_, _, Some(near)) => (Weight::Plain, format!("did you mean `{near}`?")),
            _ if beside && kind == "Role" => (Weight::Plain, String::new()),
            _ => (Weight::Weak, String::new()),
        };
        let found = finding(format!("there is no {kind} `{name}`"))
            .at(role.span(), remark)
            .field("roleRef.name")
            .note("the binding grants nothing until there is one");
        findings.add(index, weight, found);
    }
}

/// A role that nothing binds.
pub(super) fn unbound(context: &Context<'_>, findings: &mut Findings<'_>) {
    let bound: std::collections::HashSet<(&str, &str)> = bindings(context)
        .filter_map(|(_, binding)| {
            Some((
                binding.role_kind.as_str(),
                binding.role.as_ref()?.text.as_str(),
            ))
        })
        .collect();
    for (index, _) in roles(context) {
        let id = &context.facts[index].id;
        if id.kind == "Role" && !bound.contains(&("Role", id.name.as_str())) {
            let found =
                finding("no binding of the input grants this role").at(context.facts[index].at, "");
            findings.add(index, Weight::Plain, found);
        }
    }
}
