//! Monitors of the Prometheus operator, and what they scrape.

use super::Scope;
use super::context::{Class, Context};
use super::facts::{Facts, Monitor, What};
use super::findings::{Findings, Weight, finding};

fn monitors<'f>(context: &Context<'f>) -> impl Iterator<Item = (usize, &'f Monitor)> {
    context.each(|fact| match &fact.what {
        What::Monitor(monitor) => Some(monitor.as_ref()),
        _ => None,
    })
}

/// What a monitor selects, by the names of its ports.
fn selected<'f>(context: &Context<'f>, index: usize, monitor: &Monitor) -> Vec<&'f Facts> {
    let Some(selector) = monitor.selector.as_ref() else {
        return Vec::new();
    };
    let namespace = if monitor.elsewhere {
        ""
    } else {
        context.namespace(index)
    };
    let found = if monitor.pods {
        context.selected(namespace, selector)
    } else {
        context.selected_services(namespace, selector)
    };
    found.into_iter().map(|at| context.facts[at]).collect()
}

/// A monitor that scrapes nothing.
pub(super) fn selects_nothing(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, monitor) in monitors(context) {
        let Some(selector) = monitor
            .selector
            .as_ref()
            .filter(|selector| !selector.is_empty())
        else {
            continue;
        };
        if !selected(context, index, monitor).is_empty() {
            continue;
        }
        let (class, what) = if monitor.pods {
            (Class::Workload, "pods")
        } else {
            (Class::Service, "Services")
        };
        let sure = context.scope == Scope::Overlay
            && !monitor.elsewhere
            && context.has_beside(index, class)
            && !context.has_beside(index, Class::Custom);
        let found = finding(format!(
            "this monitor selects no {what}: `{}`",
            selector.describe()
        ))
        .at(
            selector.at,
            format!("no {what} of the input have these labels"),
        )
        .field("spec.selector");
        findings.add(
            index,
            if sure { Weight::Plain } else { Weight::Weak },
            found,
        );
    }
}

/// A port that nothing of what a monitor selects has.
pub(super) fn port(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, monitor) in monitors(context) {
        let selected = selected(context, index, monitor);
        if selected.is_empty() {
            continue;
        }
        for (port, field) in &monitor.ports {
            let mut names = Vec::new();
            for fact in &selected {
                match &fact.what {
                    What::Service(service) => {
                        names.extend(service.ports.iter().filter_map(|p| p.name.as_deref()));
                    }
                    What::Workload(workload) => {
                        let ports = workload.containers.iter().flat_map(|c| &c.ports);
                        names.extend(ports.filter_map(|p| p.name.as_deref()));
                    }
                    _ => {}
                }
            }
            if names.contains(&port.text.as_str()) {
                continue;
            }
            let remark = match crate::manifest::suggest::nearest(&port.text, names.iter().copied())
            {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "none of its ports has a name".to_owned(),
                None => format!("there are `{}`", names.join("`, `")),
            };
            let found = finding(format!(
                "nothing that is selected has a port `{}`",
                port.text
            ))
            .at(port.span(), remark)
            .also(selected[0].at, "this is selected")
            .field(field.clone());
            // An operator may bring what is meant; an overlay is a whole.
            let sure = context.scope == Scope::Overlay && !monitor.elsewhere;
            findings.add(
                index,
                if sure { Weight::Plain } else { Weight::Weak },
                found,
            );
        }
    }
}
