//! Services and the pods that they lead to.

use super::context::{Class, Context, is_slip};
use super::facts::{ContainerPort, Port, Service, ServicePort, Workload};
use super::findings::{Findings, Weight, finding};
use super::select::Selector;

/// A Service whose selector selects no pods.
pub(super) fn selects_nothing(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, service) in context.services() {
        let Some(selector) = &service.selector else {
            continue;
        };
        if let Some(miss) = Miss::of(context, index, selector) {
            let message = format!("this Service selects no pods: `{}`", selector.describe());
            let found = miss.shown(context, selector, finding(message), "spec.selector");
            findings.add(index, miss.weight, found);
        }
    }
}

/// A selector that selects no pods of the input.
pub(super) struct Miss {
    /// Whether the pods were meant to be in the input.
    pub(super) weight: Weight,
    /// The workload that differs from the selector in one label.
    nearly: Option<usize>,
}

impl Miss {
    /// Looks for the pods of a selector. `None` where there are some, and for what selects all.
    pub(super) fn of(context: &Context<'_>, index: usize, selector: &Selector) -> Option<Self> {
        let namespace = context.namespace(index);
        if selector.is_empty() || context.selects_any(namespace, selector) {
            return None;
        }
        let nearly = nearly(context, index, selector);
        // An operator may make the pods of a custom resource.
        let beside =
            context.has_beside(index, Class::Workload) && !context.has_beside(index, Class::Custom);
        let sure = nearly.is_some() || beside && context.scope == super::Scope::Overlay;
        Some(Self {
            weight: if sure { Weight::Plain } else { Weight::Weak },
            nearly,
        })
    }

    /// Adds place, field and what differs.
    pub(super) fn shown(
        &self,
        context: &Context<'_>,
        selector: &Selector,
        found: crate::manifest::Diagnostic,
        field: &str,
    ) -> crate::manifest::Diagnostic {
        let labels = |index: usize| context.facts[index].workload().map(|w| &w.labels);
        let found = found.field(field);
        let missed = self
            .nearly
            .and_then(|index| Some((index, selector.first_miss(labels(index)?)?)));
        let Some((index, (key, value, span))) = missed else {
            return found.at(selector.at, "no pod template has these labels");
        };
        let has = labels(index).and_then(|labels| super::select::value_of(labels, key));
        let name = context.describe(index);
        let remark = match has {
            Some(has) => format!("the pods of {name} have `{key}: {has}`"),
            None => format!("the pods of {name} have no label `{key}`"),
        };
        let _ = value;
        found
            .at(*span, remark)
            .also(context.facts[index].at, "this workload is nearly selected")
    }
}

/// The workload beside an object that lacks exactly one of several labels, or has one with
/// another value that resembles it.
fn nearly(context: &Context<'_>, index: usize, selector: &Selector) -> Option<usize> {
    let mut best = None;
    for at in context.workloads_in(context.namespace(index)).take(200) {
        let Some(workload) = context.facts[at].workload() else {
            continue;
        };
        if !context.beside(index, at) {
            continue;
        }
        let mut misses = selector.pairs.iter().filter(|(key, value, _)| {
            super::select::value_of(&workload.labels, key) != Some(value.as_str())
        });
        let (Some((key, value, _)), None) = (misses.next(), misses.next()) else {
            continue;
        };
        let has = super::select::value_of(&workload.labels, key);
        let near = has.is_some_and(|has| is_slip(value, has));
        if near {
            best = Some(at);
            break;
        }
    }
    best
}

/// What a port of a Service leads to in one workload.
enum Target<'w> {
    /// A port that the workload declares.
    Declared(&'w ContainerPort),
    /// A number that it does not declare, while it declares others.
    Undeclared,
    /// A name that it does not declare.
    Missing,
    /// Nothing can be said.
    Unknown,
}

fn target<'w>(workload: &'w Workload, port: &ServicePort) -> Target<'w> {
    let mut declared = workload
        .containers
        .iter()
        .filter(|container| !container.runs_first)
        .flat_map(|container| &container.ports);
    let number = match &port.target {
        Some(Port::Name(name, _)) => {
            let named = declared.find(|p| p.name.as_deref() == Some(name.as_str()));
            return match named {
                Some(port) => Target::Declared(port),
                None if workload.injected => Target::Unknown,
                None => Target::Missing,
            };
        }
        Some(Port::Number(number, _)) if *number != 0 => *number,
        _ => port.number,
    };
    let ports: Vec<_> = declared.collect();
    // Of several with the number, the one with the right protocol.
    let same = ports.iter().filter(|p| p.number == number);
    match same.max_by_key(|p| p.protocol == port.protocol) {
        Some(port) => Target::Declared(port),
        None if ports.is_empty() || workload.injected => Target::Unknown,
        None => Target::Undeclared,
    }
}

/// The workloads beside a Service that it leads to; files of other folders may be alternatives.
fn leads_to(
    context: &Context<'_>,
    index: usize,
    selector: &Selector,
) -> impl Iterator<Item = usize> {
    let selected = context.selected(context.namespace(index), selector);
    selected
        .into_iter()
        .filter(move |&at| context.beside(index, at))
}

/// Looks at each port of each Service with a selector, with the workloads that it leads to.
fn each_port<'f>(
    context: &Context<'f>,
    mut look: impl FnMut(usize, &'f Service, usize, &'f ServicePort, &[(usize, &'f Workload)]),
) {
    for (index, service) in context.services() {
        let Some(selector) = &service.selector else {
            continue;
        };
        let workloads: Vec<_> = leads_to(context, index, selector)
            .filter_map(|at| Some((at, context.facts[at].workload()?)))
            .collect();
        if workloads.is_empty() {
            continue;
        }
        for (at, port) in service.ports.iter().enumerate() {
            look(index, service, at, port, &workloads);
        }
    }
}

/// A port that leads to a name which none of the selected pods declares.
pub(super) fn target_port(context: &Context<'_>, findings: &mut Findings<'_>) {
    each_port(context, |index, _, at, port, workloads| {
        let Some(Port::Name(name, span)) = &port.target else {
            return;
        };
        let missing =
            |(_, workload): &(usize, &Workload)| matches!(target(workload, port), Target::Missing);
        if !workloads.iter().all(missing) {
            return;
        }
        let (first, workload) = workloads[0];
        let names: Vec<&str> = workload
            .containers
            .iter()
            .flat_map(|container| &container.ports)
            .filter_map(|port| port.name.as_deref())
            .collect();
        let remark = match crate::manifest::suggest::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "the pods have no ports with names".to_owned(),
            None => format!("the pods have `{}`", names.join("`, `")),
        };
        let message = format!("no container of the selected pods has a port `{name}`");
        let found = finding(message)
            .at(*span, remark)
            .also(context.facts[first].at, "these pods are selected")
            .field(format!("spec.ports[{at}].targetPort"))
            .note("connections to this port of the Service are refused");
        findings.add(index, Weight::Plain, found);
    });
}

/// A port that leads to a number which the selected pods do not declare, while they declare
/// others.
pub(super) fn undeclared_port(context: &Context<'_>, findings: &mut Findings<'_>) {
    each_port(context, |index, service, at, port, workloads| {
        let undeclared = |(_, workload): &(usize, &Workload)| {
            matches!(target(workload, port), Target::Undeclared)
        };
        // The ports of a headless Service lead nowhere; they only name what DNS answers.
        if service.headless || !workloads.iter().all(undeclared) {
            return;
        }
        // To declare a port is a matter of taste. But who declares ports, and none of those that
        // the Service leads to, probably has them wrong.
        let any = service.ports.iter().any(|port| {
            let declared = |(_, workload): &(usize, &Workload)| {
                matches!(target(workload, port), Target::Declared(_))
            };
            workloads.iter().any(declared)
        });
        let weight = if any { Weight::Hint } else { Weight::Plain };
        let (first, workload) = workloads[0];
        let numbers: Vec<String> = workload
            .containers
            .iter()
            .filter(|container| !container.runs_first)
            .flat_map(|container| &container.ports)
            .map(|port| port.number.to_string())
            .collect();
        let (number, span, field) = match &port.target {
            Some(Port::Number(number, span)) => (*number, *span, "targetPort"),
            _ => (port.number, port.at, "port"),
        };
        let message = format!("the selected pods do not declare port {number}");
        let found = finding(message)
            .at(span, format!("they declare {}", numbers.join(", ")))
            .also(context.facts[first].at, "these pods are selected")
            .field(format!("spec.ports[{at}].{field}"));
        findings.add(index, weight, found);
    });
}

/// A port whose protocol is not that of the container's port.
pub(super) fn protocol(context: &Context<'_>, findings: &mut Findings<'_>) {
    each_port(context, |index, _, at, port, workloads| {
        for (other, workload) in workloads {
            let Target::Declared(declared) = target(workload, port) else {
                continue;
            };
            if declared.protocol == port.protocol {
                continue;
            }
            let message = format!(
                "this port is {}, the container's is {}",
                port.protocol, declared.protocol
            );
            let found = finding(message)
                .at(port.at, "")
                .also(
                    declared.at,
                    format!("the port of {}", context.describe(*other)),
                )
                .field(format!("spec.ports[{at}].protocol"));
            findings.add(index, Weight::Plain, found);
            return;
        }
    });
}

/// A Service that leads to several workloads, of which one does not have its port.
pub(super) fn selects_several(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, service) in context.services() {
        let Some(selector) = &service.selector else {
            continue;
        };
        let selected: Vec<usize> = leads_to(context, index, selector).collect();
        if selected.len() < 2 {
            continue;
        }
        let workload = |at: usize| context.facts[at].workload();
        let serves = |at: usize, port: &ServicePort| {
            workload(at).is_some_and(|w| matches!(target(w, port), Target::Declared(_)))
        };
        let lacks = |at: usize, port: &ServicePort| {
            workload(at).is_some_and(|w| match target(w, port) {
                Target::Missing | Target::Undeclared => true,
                // Pods without any port serve nothing.
                Target::Unknown => !w.injected && w.containers.iter().all(|c| c.ports.is_empty()),
                Target::Declared(_) => false,
            })
        };
        let stray = service.ports.iter().find_map(|port| {
            let serving = *selected.iter().find(|&&at| serves(at, port))?;
            let stray = *selected.iter().find(|&&at| lacks(at, port))?;
            Some((serving, stray, port))
        });
        let Some((serving, stray, port)) = stray else {
            continue;
        };
        let message = format!(
            "this Service selects {} too, which does not have port {}",
            context.describe(stray),
            port.target
                .as_ref()
                .map_or(port.number.to_string(), Port::to_string)
        );
        let found = finding(message)
            .at(selector.at, format!("`{}`", selector.describe()))
            .also(context.facts[serving].at, "the workload that is meant")
            .also(context.facts[stray].at, "is selected by the same labels")
            .field("spec.selector")
            .note("connections go to all pods that are ready; those to the latter fail");
        findings.add(index, Weight::Plain, found);
    }
}
