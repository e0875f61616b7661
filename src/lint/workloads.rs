//! Workloads and their pods: ports of probes, images, selectors that meet, what cannot run.

use super::context::Context;
use super::facts::{Container, Port, Scale, Workload};
use super::findings::{Findings, Weight, finding};

/// Looks at each container.
fn containers<'f>(
    context: &Context<'f>,
) -> impl Iterator<Item = (usize, &'f Workload, &'f Container)> {
    context.workloads().flat_map(|(index, workload)| {
        let containers = workload.containers.iter();
        containers.map(move |container| (index, workload, container))
    })
}

/// A probe or lifecycle handler on a name that its container does not declare.
pub(super) fn probe_port(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, _, container) in containers(context) {
        for probe in &container.probes {
            let Port::Name(name, span) = &probe.port else {
                continue;
            };
            let names = || {
                container
                    .ports
                    .iter()
                    .filter_map(|port| port.name.as_deref())
            };
            if names().any(|known| known == name.as_str()) || name.parse::<u16>().is_ok() {
                continue;
            }
            let remark = match crate::manifest::suggest::nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names().next().is_none() => "it has no ports with names".to_owned(),
                None => format!("it has `{}`", names().collect::<Vec<_>>().join("`, `")),
            };
            let found = finding(format!(
                "container `{}` has no port `{name}`",
                container.name
            ))
            .at(*span, remark)
            .field(format!("{}.{}", container.path, probe.field))
            .note("the probe fails whatever the container does");
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// A probe on a number that no container declares.
pub(super) fn probe_undeclared(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload, container) in containers(context) {
        let mut all = workload.containers.iter().flat_map(|c| &c.ports);
        if container.ports.is_empty() || workload.injected {
            continue;
        }
        for probe in &container.probes {
            let Port::Number(number, span) = probe.port else {
                continue;
            };
            if all.any(|port| port.number == number) {
                continue;
            }
            let ports: Vec<String> = container
                .ports
                .iter()
                .map(|p| p.number.to_string())
                .collect();
            let found = finding(format!("no container declares port {number}"))
                .at(span, format!("this one declares {}", ports.join(", ")))
                .field(format!("{}.{}", container.path, probe.field));
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// An image that is another one tomorrow.
pub(super) fn image_latest(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, _, container) in containers(context) {
        let Some(image) = &container.image else {
            continue;
        };
        let text = image.text.as_str();
        // What is filled in later is not known.
        if text.contains('@') || text.contains(['$', '{', '<']) {
            continue;
        }
        let last = text.rsplit('/').next().unwrap_or_default();
        let message = match last.split_once(':') {
            None => format!("image `{text}` has no tag"),
            Some((_, "latest")) => format!("image `{text}` has the tag `latest`"),
            Some(_) => continue,
        };
        let found = finding(message)
            .at(image.span(), "")
            .field(format!("{}.image", container.path))
            .hint("a release cannot be rolled back to an image whose name does not change");
        findings.add(index, Weight::Plain, found);
    }
}

/// A container that does not say what it needs.
pub(super) fn no_requests(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, _, container) in containers(context) {
        let missing: Vec<&str> = ["cpu", "memory"]
            .into_iter()
            .filter(|name| container.resources.request(name).is_none())
            .collect();
        if missing.is_empty() || container.runs_first {
            continue;
        }
        let message = format!(
            "container `{}` requests no {}",
            container.name,
            missing.join(" and no ")
        );
        let found = finding(message)
            .at(container.at, "the scheduler takes it for nothing")
            .field(format!("{}.resources.requests", container.path));
        findings.add(index, Weight::Plain, found);
    }
}

/// `$(NAME)` before `NAME` is defined.
pub(super) fn env_order(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, _, container) in containers(context) {
        for (own, later, span, at) in &container.early {
            let found = finding(format!(
                "`$({later})` stays as it is: `{later}` is defined after `{own}`"
            ))
            .at(*span, "only variables that stand before are known")
            .field(format!("{}.env[{at}].value", container.path))
            .hint(format!("move `{later}` before `{own}`"));
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// A file mode with octal digits that is a decimal number.
pub(super) fn file_mode(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        for (mode, field) in &workload.odd_modes {
            let found = finding(format!(
                "the mode {} is a decimal number: 0{:o}",
                mode.value, mode.value
            ))
            .at(mode.at, format!("did you mean `0{}`?", mode.value))
            .field(field.clone());
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// A volume that no container mounts.
pub(super) fn unmounted_volume(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        for name in &workload.unmounted {
            let found = finding(format!("no container mounts the volume `{}`", name.text))
                .at(name.span(), "");
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// Two workloads of one namespace that each take the other's pods for their own.
pub(super) fn selector_overlap(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        let Some(selector) = workload
            .selector
            .as_ref()
            .filter(|selector| !selector.is_empty())
        else {
            continue;
        };
        let kind = &context.facts[index].id.kind;
        let other = context
            .selected(context.namespace(index), selector)
            .into_iter()
            .find(|&at| {
                let other = &context.facts[at];
                let mutual = other.workload().and_then(|w| w.selector.as_ref());
                at < index
                    && context.beside(at, index)
                    && other.id != context.facts[index].id
                    && other.id.kind == *kind
                    && mutual.is_some_and(|selector| selector.matches(&workload.labels))
            });
        let Some(other) = other else { continue };
        let message = format!(
            "this selects the pods of {} too, and that one selects these",
            context.describe(other)
        );
        let found = finding(message)
            .at(selector.at, format!("`{}`", selector.describe()))
            .also(context.facts[other].at, "the other one")
            .field("spec.selector")
            .note("autoscalers, budgets and Services cannot tell the pods apart")
            .hint("give each a label of its own, in its selector and its pod template");
        findings.add(index, Weight::Plain, found);
    }
}

/// A StatefulSet whose Service is not there, or not headless.
pub(super) fn stateful_service(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        let Some(name) = &workload.service else {
            continue;
        };
        let namespace = context.namespace(index);
        let services: Vec<usize> = context.find("Service", namespace, &name.text).collect();
        let found = match services[..] {
            [] => {
                let near = context
                    .nearest(index, "Service", namespace, &name.text)
                    .or_else(|| with_prefix(context, index, &name.text));
                let remark = near.map_or_else(
                    || "no Service of the input has this name".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let sign = context.scope == super::Scope::Overlay
                    && context.has_beside(index, super::context::Class::Service);
                let weight = if near.is_some() || sign {
                    Weight::Plain
                } else {
                    Weight::Weak
                };
                let found =
                    finding(format!("there is no Service `{}`", name.text)).at(name.span(), remark);
                Some((weight, found))
            }
            [at] if context.service(at).is_some_and(|service| !service.headless) => {
                let found = finding(format!("Service `{}` is not headless", name.text))
                    .at(name.span(), "the pods get no names of their own in DNS")
                    .also(context.facts[at].at, "it has no `clusterIP: None`");
                Some((Weight::Hint, found))
            }
            _ => None,
        };
        if let Some((weight, found)) = found {
            let found = found
                .field("spec.serviceName")
                .note("without it `POD.SERVICE` is no name that other pods can use");
            findings.add(index, weight, found);
        }
    }
}

/// The Service whose name has the prefix that the StatefulSet's own name has: a build that adds
/// prefixes left the reference as it was.
fn with_prefix<'f>(context: &Context<'f>, index: usize, name: &str) -> Option<&'f str> {
    let own = &context.facts[index].id.name;
    let services = context.of_kind("Service").iter().take(500);
    let mut names = services
        .filter(|&&at| context.beside(index, at))
        .map(|&at| context.facts[at].id.name.as_str());
    names.find(|other| {
        let prefix = other.strip_suffix(name).unwrap_or_default();
        prefix.len() > 1 && own.starts_with(prefix)
    })
}

/// A StatefulSet whose pods cannot be created: a label has its name and more.
pub(super) fn name_too_long(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        let id = &context.facts[index].id;
        // `controller-revision-hash` is the name, a dash and ten characters; a label has 63.
        if workload.scale == Scale::Replicas && id.kind == "StatefulSet" && id.name.len() > 52 {
            let found = finding(format!(
                "the name has {} characters; 52 is the most",
                id.name.len()
            ))
            .at(context.facts[index].at, "")
            .field("metadata.name")
            .note("the pods' label `controller-revision-hash` would be longer than 63 characters");
            findings.add(index, Weight::Plain, found);
        }
    }
}
