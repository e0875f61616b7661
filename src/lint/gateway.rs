//! The Gateway API: routes and the gateways that they belong to, references into other
//! namespaces. What a gateway does not take up is not served, and only a status says so.

use super::context::{Context, meet};
use super::facts::{Gateway, Grant, Listener, Route, Text, What};
use super::findings::{Findings, Weight, absent, finding};

const GROUP: &str = "gateway.networking.k8s.io";

fn routes<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Route)> {
    context.each(|fact| match &fact.what {
        What::Route(route) => Some(route.as_ref()),
        _ => None,
    })
}

/// The Gateways of the input that a name in a namespace means.
fn gateways<'f>(
    context: &Context<'f>,
    namespace: &str,
    name: &str,
) -> impl Iterator<Item = (usize, &'f Gateway)> {
    let found = context.find("Gateway", namespace, name);
    let facts = context.facts;
    found.filter_map(move |at| match &facts[at].what {
        What::Gateway(gateway) => Some((at, gateway.as_ref())),
        _ => None,
    })
}

/// A route to a Gateway that is not there.
pub(super) fn missing_gateway(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, route) in routes(context) {
        for parent in &route.parents {
            let namespace = parent.namespace.as_deref();
            let namespace = namespace.unwrap_or(context.namespace(index));
            let name = parent.gateway.text.as_str();
            if context.find("Gateway", namespace, name).next().is_some() {
                continue;
            }
            let near = context.nearest(index, "Gateway", namespace, name);
            let elsewhere = context.named("Gateway", name).first();
            let (weight, remark) = match (near, elsewhere) {
                (_, Some(&at)) => {
                    let other = context.namespace(at);
                    (Weight::Plain, format!("it is in namespace `{other}`"))
                }
                (near, None) => absent("Gateway", near),
            };
            let found = finding(format!("there is no Gateway `{name}`"))
                .at(parent.gateway.span(), remark)
                .field(format!("{}.name", parent.field))
                .note("the route is attached to nothing");
            findings.add(index, weight, found);
        }
    }
}

/// A route to a listener that its Gateway does not have.
pub(super) fn route_listener(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, route) in routes(context) {
        for parent in &route.parents {
            let namespace = parent.namespace.as_deref();
            let namespace = namespace.unwrap_or(context.namespace(index));
            let Some(section) = &parent.section else {
                continue;
            };
            for (at, gateway) in gateways(context, namespace, &parent.gateway.text) {
                let names: Vec<&str> = gateway.listeners.iter().map(|l| l.name.as_str()).collect();
                if names.is_empty() || names.contains(&section.text.as_str()) {
                    continue;
                }
                let message = format!(
                    "Gateway `{}` has no listener `{}`",
                    parent.gateway.text, section.text
                );
                let found = finding(message)
                    .at(section.span(), format!("it has `{}`", names.join("`, `")))
                    .also(context.facts[at].at, "the Gateway")
                    .field(format!("{}.sectionName", parent.field));
                findings.add(index, Weight::Plain, found);
            }
        }
    }
}

/// A route that no listener of its Gateway takes up.
pub(super) fn not_admitted(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, route) in routes(context) {
        let own = context.namespace(index);
        for parent in &route.parents {
            let namespace = parent.namespace.as_deref().unwrap_or(own);
            for (at, gateway) in gateways(context, namespace, &parent.gateway.text) {
                let asked = |listener: &&Listener| {
                    let named = parent.section.as_ref();
                    named.is_none_or(|name| name.text == listener.name)
                        && parent.port.is_none_or(|port| listener.port == Some(port))
                };
                let asked: Vec<&Listener> = gateway.listeners.iter().filter(asked).collect();
                let lets_in = |listener: &&&Listener| {
                    !listener.own_namespace || meet(own, context.namespace(at))
                };
                let open: Vec<&Listener> = asked.iter().filter(lets_in).copied().collect();
                let name = &parent.gateway.text;
                let found = if asked.is_empty() {
                    continue;
                } else if open.is_empty() {
                    let message = format!("Gateway `{name}` takes no routes of namespace `{own}`");
                    finding(message)
                        .at(
                            parent.gateway.span(),
                            "its listeners are for routes of its own namespace",
                        )
                        .field(format!("{}.name", parent.field))
                        .hint(
                            "set `allowedRoutes.namespaces.from: All` of the listener, or `Selector`",
                        )
                } else if let Some(host) = outside(&route.hosts, &open) {
                    let hosts = open.iter().filter_map(|listener| listener.host.as_deref());
                    let hosts: Vec<&str> = hosts.collect();
                    let message = format!("Gateway `{name}` has no listener for `{}`", host.text);
                    finding(message)
                        .at(host.span(), format!("it is for `{}`", hosts.join("`, `")))
                        .field("spec.hostnames")
                } else {
                    continue;
                };
                let found = found
                    .also(context.facts[at].at, "the Gateway")
                    .note("the route is not accepted, and nothing is served");
                findings.add(index, Weight::Plain, found);
            }
        }
    }
}

/// The first host of a route, where none of them is one that a listener is for.
fn outside<'r>(hosts: &'r [Text], listeners: &[&Listener]) -> Option<&'r Text> {
    let shared = |host: &Text| {
        let mut listeners = listeners.iter();
        listeners.any(|listener| {
            listener
                .host
                .as_ref()
                .is_none_or(|own| share(own, &host.text))
        })
    };
    hosts.first().filter(|_| !hosts.iter().any(shared))
}

/// Whether there is a host that both of two names mean, of which each may begin with `*.`.
fn share(one: &str, other: &str) -> bool {
    let below = |pattern: &str, host: &str| {
        let domain = pattern.strip_prefix('*');
        domain.is_some_and(|domain| host.len() > domain.len() && host.ends_with(domain))
    };
    one.eq_ignore_ascii_case(other) || below(one, other) || below(other, one)
}

/// A reference into another namespace that nothing there allows.
pub(super) fn reference_grant(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, fact) in context.facts.iter().enumerate() {
        let own = context.namespace(index);
        match &fact.what {
            What::Route(route) => {
                for backend in &route.backends {
                    if let Some(other) = &backend.namespace {
                        let to = ("Service", other.as_str(), &backend.service, &backend.field);
                        ungranted(context, findings, index, own, to);
                    }
                }
            }
            What::Gateway(gateway) => {
                for (secret, namespace, field) in &gateway.certificates {
                    if let Some(other) = namespace {
                        let to = ("Secret", other.as_str(), secret, field);
                        ungranted(context, findings, index, own, to);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Tells of a reference, given as kind, namespace, name and field, unless a grant allows it.
fn ungranted(
    context: &Context<'_>,
    findings: &mut Findings<'_>,
    index: usize,
    own: &str,
    (kind, other, name, field): (&str, &str, &Text, &String),
) {
    if own.is_empty() || own == other {
        return;
    }
    let from = context.facts[index].id.kind.as_str();
    let allows = |grant: &Grant| {
        let source = |f: &[smol_str::SmolStr; 3]| f[0] == GROUP && f[1] == from && f[2] == own;
        let target = |t: &[smol_str::SmolStr; 3]| {
            t[0].is_empty() && t[1] == kind && (t[2].is_empty() || t[2] == name.text)
        };
        grant.from.iter().any(source) && grant.to.iter().any(target)
    };
    let mut grants = context.of_kind("ReferenceGrant").iter();
    let allowed = grants.any(|&at| match &context.facts[at].what {
        What::Grant(grant) => meet(context.namespace(at), other) && allows(grant),
        _ => false,
    });
    if allowed {
        return;
    }
    // Whose object it is may have granted it: told where the object itself is here.
    let here = context.named(kind, &name.text).iter();
    let here = here
        .into_iter()
        .any(|&at| context.namespace(at) == other && context.beside(index, at));
    let message =
        format!("nothing in namespace `{other}` allows a {from} of `{own}` to use this {kind}");
    let found = finding(message)
        .at(name.span(), "a ReferenceGrant is needed")
        .field(field.clone())
        .note("the reference is refused: the gateway answers with 500, or the listener stays down")
        .hint(format!(
            "add a ReferenceGrant to `{other}`: from {{group: {GROUP}, kind: {from}, namespace: {own}}}, to {{group: \"\", kind: {kind}}}"
        ));
    findings.add(
        index,
        if here { Weight::Plain } else { Weight::Weak },
        found,
    );
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn hosts_meet_where_a_wildcard_covers_one() {
        for (one, other, wanted) in [
            ("a.io", "a.io", true),
            ("*.a.io", "b.a.io", true),
            ("*.a.io", "c.b.a.io", true),
            ("*.a.io", "a.io", false),
            ("b.a.io", "*.a.io", true),
            ("*.a.io", "*.b.a.io", true),
            ("a.io", "b.io", false),
        ] {
            assert_eq!(share(one, other), wanted, "{one} {other}");
        }
    }
}
