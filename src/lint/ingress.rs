//! Ingresses, routes and webhooks, and the Services that they call.

use std::collections::HashMap;

use smol_str::SmolStr;

use super::context::{Class, Context};
use super::facts::{Backend, Facts, Ingress, Port, Text, What};
use super::findings::{Findings, Weight, finding};

fn ingresses<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Ingress)> {
    context.each(|fact| match &fact.what {
        What::Ingress(ingress) => Some(ingress.as_ref()),
        _ => None,
    })
}

/// The Services that an object calls.
fn backends(fact: &Facts) -> &[Backend] {
    match &fact.what {
        What::Ingress(ingress) => &ingress.backends,
        What::Route(route) => &route.backends,
        What::Webhooks(webhooks) => &webhooks.backends,
        _ => &[],
    }
}

/// A backend whose Service is not there.
pub(super) fn missing_service(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, fact) in context.facts.iter().enumerate() {
        let mut told = Vec::new();
        for backend in backends(fact) {
            let namespace = backend.namespace.as_deref().unwrap_or(&fact.id.namespace);
            let name = backend.service.text.as_str();
            if context.find("Service", namespace, name).next().is_some() || told.contains(&name) {
                continue;
            }
            told.push(name);
            let near = context.nearest(index, "Service", namespace, name);
            let beside = context.scope == super::Scope::Overlay
                && context.has_in(index, Class::Service, namespace)
                && !context.has_in(index, Class::Custom, namespace);
            let weight = if near.is_some() || beside {
                Weight::Plain
            } else {
                Weight::Weak
            };
            let elsewhere = context.named("Service", name).first();
            let remark = match (near, elsewhere) {
                (_, Some(&other)) => format!("it is in namespace `{}`", context.namespace(other)),
                (Some(near), None) => format!("did you mean `{near}`?"),
                (None, None) => "no Service of the input has this name".to_owned(),
            };
            let found = finding(format!("there is no Service `{name}`"))
                .at(backend.service.span(), remark)
                .field(backend.field.clone());
            findings.add(index, weight, found);
        }
    }
}

/// A backend whose Service does not have the port.
pub(super) fn service_port(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, fact) in context.facts.iter().enumerate() {
        for backend in backends(fact) {
            let namespace = backend.namespace.as_deref().unwrap_or(&fact.id.namespace);
            let Some(wanted) = &backend.port else {
                continue;
            };
            let services: Vec<usize> = context
                .find("Service", namespace, &backend.service.text)
                .collect();
            let [at] = services[..] else { continue };
            let Some(service) = context.service(at).filter(|s| !s.external_name) else {
                continue;
            };
            let known = service.ports.iter().any(|port| match &wanted.port {
                Port::Name(name, _) => port.name.as_deref() == Some(name.as_str()),
                Port::Number(number, _) => port.number == *number,
            });
            if known || service.ports.is_empty() {
                continue;
            }
            let ports = service.ports.iter().map(|port| match &port.name {
                Some(name) => format!("{} (`{name}`)", port.number),
                None => port.number.to_string(),
            });
            let ports: Vec<String> = ports.collect();
            let message = format!(
                "Service `{}` has no port {}",
                backend.service.text, wanted.port
            );
            let found = finding(message)
                .at(wanted.port.span(), format!("it has {}", ports.join(", ")))
                .also(context.facts[at].at, "the Service")
                .field(wanted.field.clone());
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// Two rules for the same host and path.
pub(super) fn duplicate_path(context: &Context<'_>, findings: &mut Findings<'_>) {
    // Class, host, path and how it is compared; the objects with the number of the path.
    let mut seen: HashMap<[&str; 4], Vec<(usize, usize)>> = HashMap::new();
    for (index, ingress) in ingresses(context) {
        if ingress.shares {
            continue;
        }
        let class = ingress.class.as_ref().map_or("", |class| &class.text);
        for (at, path) in ingress.paths.iter().enumerate() {
            let key = [
                class,
                path.host.as_str(),
                path.path.as_str(),
                path.kind.as_str(),
            ];
            let others = seen.entry(key).or_default();
            let first = others.iter().find(|(other, _)| {
                // An Ingress that is there twice is told by another rule.
                let twice = *other != index && context.facts[*other].id == context.facts[index].id;
                context.beside(index, *other) && !twice
            });
            if let Some(&(other, place)) = first {
                let What::Ingress(first) = &context.facts[other].what else {
                    continue;
                };
                let host = if path.host.is_empty() {
                    "every host"
                } else {
                    &path.host
                };
                let message = format!("{host}, path `{}`: this is routed twice", path.path);
                let found = finding(message)
                    .at(path.at, "")
                    .also(
                        first.paths[place].at,
                        format!("routed here first, by {}", context.describe(other)),
                    )
                    .field(format!("{}.path", path.field));
                findings.add(index, Weight::Plain, found);
            } else {
                others.push((index, at));
            }
        }
    }
}

/// A host with a certificate for which there is no rule.
pub(super) fn tls_host(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, ingress) in ingresses(context) {
        if ingress.hosts.is_empty() || ingress.hosts.iter().any(SmolStr::is_empty) {
            continue;
        }
        for (host, field) in &ingress.tls_hosts {
            let covered = ingress
                .hosts
                .iter()
                .any(|rule| covers(&host.text, rule) || covers(rule, &host.text));
            if covered {
                continue;
            }
            let near = crate::manifest::suggest::nearest(
                &host.text,
                ingress.hosts.iter().map(SmolStr::as_str),
            );
            let remark = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the rules are for `{}`", ingress.hosts.join("`, `")),
            };
            let found = finding(format!("no rule is for the host `{}`", host.text))
                .at(host.span(), remark)
                .field(field.clone());
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// Whether a host, perhaps with a wildcard in front, covers another.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            host == pattern || host.split_once('.').is_some_and(|(_, rest)| rest == domain)
        }
        None => pattern == host,
    }
}

/// A certificate's Secret that nothing makes.
pub(super) fn tls_secret(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, fact) in context.facts.iter().enumerate() {
        let own = context.namespace(index);
        let secrets: Vec<(&Text, &str, &String)> = match &fact.what {
            What::Ingress(ingress) if !ingress.issues => {
                let secrets = ingress.tls_secrets.iter();
                secrets
                    .map(|(secret, field)| (secret, own, field))
                    .collect()
            }
            What::Gateway(gateway) if !gateway.issues => {
                let secrets = gateway.certificates.iter();
                let named = secrets.map(|(secret, namespace, field)| {
                    (secret, namespace.as_deref().unwrap_or(own), field)
                });
                named.collect()
            }
            _ => continue,
        };
        for (secret, namespace, field) in secrets {
            if super::references::has_secret(context, namespace, &secret.text) {
                continue;
            }
            let near = context.nearest(index, "Secret", namespace, &secret.text);
            let (weight, remark) = match near {
                Some(near) => (Weight::Plain, format!("did you mean `{near}`?")),
                None => (Weight::Weak, "nothing of the input makes it".to_owned()),
            };
            let found = finding(format!("there is no Secret `{}`", secret.text))
                .at(secret.span(), remark)
                .field(field.clone());
            findings.add(index, weight, found);
        }
    }
}

/// A class that is not among those of the input.
pub(super) fn missing_class(context: &Context<'_>, findings: &mut Findings<'_>) {
    if context.of_kind("IngressClass").is_empty() {
        return;
    }
    for (index, ingress) in ingresses(context) {
        let Some(class) = ingress.class.as_ref().filter(|_| ingress.class_in_spec) else {
            continue;
        };
        let classes: Vec<&str> = context
            .of_kind("IngressClass")
            .iter()
            .filter(|&&at| context.beside(index, at))
            .map(|&at| context.facts[at].id.name.as_str())
            .collect();
        if classes.is_empty() || classes.contains(&class.text.as_str()) {
            continue;
        }
        let found = finding(format!("there is no IngressClass `{}`", class.text))
            .at(
                class.span(),
                format!("the input has `{}`", classes.join("`, `")),
            )
            .field("spec.ingressClassName");
        findings.add(index, Weight::Plain, found);
    }
}

/// A backend that has no pods behind it.
pub(super) fn no_endpoints(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, ingress) in ingresses(context) {
        for backend in &ingress.backends {
            let name = backend.service.text.as_str();
            for at in context.find("Service", context.namespace(index), name) {
                let Some(service) = context.service(at) else {
                    continue;
                };
                if service.selector.is_some() || context.has_endpoints(name) {
                    continue;
                }
                let why = if service.external_name {
                    "an ExternalName, which many controllers do not follow"
                } else {
                    "a Service without selector, and the input has no endpoints for it"
                };
                let found = finding(format!("`{name}` has no pods behind it"))
                    .at(backend.service.span(), format!("this is {why}"))
                    .also(context.facts[at].at, "the Service")
                    .field(backend.field.clone());
                findings.add(index, Weight::Plain, found);
            }
        }
    }
}
