//! What pods need before they start: configuration, claims, accounts.

use std::collections::{HashMap, HashSet};

use super::Scope;
use super::context::{Class, Context};
use super::facts::{Need, NeedKind, Scale, What};
use super::findings::{Findings, Weight, absent, finding};

/// The kind of an object that is needed.
fn kind_of(kind: NeedKind) -> &'static str {
    match kind {
        NeedKind::ConfigMap => "ConfigMap",
        NeedKind::Secret | NeedKind::PullSecret => "Secret",
        NeedKind::Claim => "PersistentVolumeClaim",
    }
}

/// Whether a Secret is in the input, or is made by something in it.
pub(super) fn has_secret(context: &Context<'_>, namespace: &str, name: &str) -> bool {
    context.find("Secret", namespace, name).next().is_some() || context.is_made(namespace, name)
}

/// What a cluster has by itself.
fn is_everywhere(kind: NeedKind, name: &str) -> bool {
    kind == NeedKind::ConfigMap && matches!(name, "kube-root-ca.crt" | "openshift-service-ca.crt")
}

/// Needs of a kind that are not in the input.
fn missing(context: &Context<'_>, findings: &mut Findings<'_>, wanted: NeedKind) {
    let kind = kind_of(wanted);
    for (index, workload) in context.workloads() {
        let namespace = context.namespace(index);
        let mut told: HashSet<&str> = HashSet::new();
        for need in workload.needs.iter().filter(|need| need.kind == wanted) {
            let name = need.name.text.as_str();
            let there = context.find(kind, namespace, name).next().is_some()
                || context.is_made(namespace, name)
                || is_everywhere(wanted, name);
            if there || need.optional || !told.insert(name) {
                continue;
            }
            let near = context.nearest(index, kind, namespace, name);
            let elsewhere = context
                .named(kind, name)
                .iter()
                .find(|&&at| context.beside(index, at));
            let (weight, remark) = match (elsewhere, near) {
                (Some(&at), _) => {
                    let other = context.namespace(at);
                    (
                        Weight::Plain,
                        format!(
                            "it is in namespace `{other}`, where pods of `{namespace}` cannot see it"
                        ),
                    )
                }
                (None, near) => absent(kind, near),
            };
            let found = finding(format!("there is no {kind} `{name}`"))
                .at(need.name.span(), remark)
                .field(need.field.clone());
            findings.add(index, weight, found);
        }
    }
}

/// A ConfigMap that is not there.
pub(super) fn missing_config_map(context: &Context<'_>, findings: &mut Findings<'_>) {
    missing(context, findings, NeedKind::ConfigMap);
}

/// A Secret that is not there.
pub(super) fn missing_secret(context: &Context<'_>, findings: &mut Findings<'_>) {
    missing(context, findings, NeedKind::Secret);
    missing(context, findings, NeedKind::PullSecret);
}

/// A claim that is not there.
pub(super) fn missing_claim(context: &Context<'_>, findings: &mut Findings<'_>) {
    missing(context, findings, NeedKind::Claim);
}

/// A key that the ConfigMap or Secret does not have.
pub(super) fn missing_key(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        for need in workload.needs.iter().filter(|need| !need.optional) {
            let Some(key) = &need.key else { continue };
            let kind = kind_of(need.kind);
            let namespace = context.namespace(index);
            let objects: Vec<usize> = context.find(kind, namespace, &need.name.text).collect();
            let [at] = objects[..] else { continue };
            let What::Config(config) = &context.facts[at].what else {
                continue;
            };
            // What an operator fills in is not known, nor is what lies in another folder.
            let open = config.filled_later
                || !context.beside(index, at)
                || context.is_made(namespace, &need.name.text)
                || config.keys.contains(&key.text);
            if open {
                continue;
            }
            let keys = config.keys.iter().map(smol_str::SmolStr::as_str);
            let remark = match crate::manifest::suggest::nearest(&key.text, keys.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if config.keys.len() > 8 => format!("it has {} other keys", config.keys.len()),
                None => format!("it has `{}`", keys.collect::<Vec<_>>().join("`, `")),
            };
            let field = match need.field.strip_suffix(".name") {
                Some(reference) => format!("{reference}.key"),
                None => need.field.clone(),
            };
            let message = format!("{kind} `{}` has no key `{}`", need.name.text, key.text);
            let found = finding(message)
                .at(key.span(), remark)
                .also(context.facts[at].at, format!("the {kind}"))
                .field(field)
                .note("the container does not start without it");
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// A Secret with which images are to be pulled, of a type that cannot.
pub(super) fn pull_secret_type(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        for need in workload
            .needs
            .iter()
            .filter(|need| need.kind == NeedKind::PullSecret)
        {
            for at in context.find("Secret", context.namespace(index), &need.name.text) {
                let What::Config(config) = &context.facts[at].what else {
                    continue;
                };
                let kind = config.kind.as_ref().map_or("Opaque", |kind| &kind.text);
                if kind.starts_with("kubernetes.io/docker") {
                    continue;
                }
                let found = finding(format!(
                    "no image can be pulled with Secret `{}`",
                    need.name.text
                ))
                .at(need.name.span(), format!("its type is `{kind}`"))
                .also(context.facts[at].at, "the Secret")
                .field(need.field.clone())
                .hint("`type: kubernetes.io/dockerconfigjson` is expected");
                findings.add(index, Weight::Plain, found);
            }
        }
    }
}

/// A ConfigMap or Secret that nothing needs.
pub(super) fn unused(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut used: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (_, workload) in context.workloads() {
        for need in &workload.needs {
            let names = used.entry(kind_of(need.kind)).or_default();
            names.insert(&need.name.text);
        }
    }
    for (index, fact) in context.facts.iter().enumerate() {
        let What::Config(_) = &fact.what else {
            continue;
        };
        let is_used = used
            .get(fact.id.kind.as_str())
            .is_some_and(|names| names.contains(fact.id.name.as_str()));
        if is_used || !context.has_beside(index, Class::Workload) {
            continue;
        }
        let found =
            finding(format!("no pod of the input uses this {}", fact.id.kind)).at(fact.at, "");
        findings.add(index, Weight::Plain, found);
    }
}

/// A ConfigMap or Secret whose change makes no new pods.
pub(super) fn rollout(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        let lives = matches!(workload.scale, Scale::Replicas | Scale::Nodes);
        if workload.rolls || !lives {
            continue;
        }
        let mut told: HashSet<(&str, &str)> = HashSet::new();
        for need in workload
            .needs
            .iter()
            .filter(|need| need.field.contains(".env"))
        {
            let (kind, name) = (kind_of(need.kind), need.name.text.as_str());
            if has_digest(name) || !told.insert((kind, name)) {
                continue;
            }
            let mut objects = context.find(kind, context.namespace(index), name);
            let Some(at) = objects.find(|&at| context.beside(index, at)) else {
                continue;
            };
            let found = finding(format!("new values of {kind} `{name}` do not reach these pods"))
                .at(need.name.span(), "variables are read when a container starts")
                .also(context.facts[at].at, format!("the {kind}"))
                .field(need.field.clone())
                .hint(
                    "make the name change with its content (a generator of kustomize), or write a digest into an annotation of the pod template",
                );
            findings.add(index, Weight::Plain, found);
        }
    }
}

/// Whether a name ends with the digest that kustomize appends.
fn has_digest(name: &str) -> bool {
    let last = name.rsplit_once('-').map_or("", |(_, last)| last);
    last.len() == 10 && last.bytes().all(|b| b"2456789bcdfghkmt".contains(&b))
}

/// A claim that one node mounts, for pods on several.
pub(super) fn shared_claim(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        if workload.scale != Scale::Replicas {
            continue;
        }
        let Some((least, _)) = super::autoscaling::range(context, index, workload) else {
            continue;
        };
        if least < 2 {
            continue;
        }
        for need in workload
            .needs
            .iter()
            .filter(|need| need.kind == NeedKind::Claim)
        {
            for at in context.find(
                "PersistentVolumeClaim",
                context.namespace(index),
                &need.name.text,
            ) {
                let What::Claim {
                    single_node: Some(modes),
                    ..
                } = &context.facts[at].what
                else {
                    continue;
                };
                let found = shared(context, need, least, at, *modes);
                findings.add(index, Weight::Plain, found);
            }
        }
    }
}

fn shared(
    context: &Context<'_>,
    need: &Need,
    pods: i64,
    at: usize,
    modes: crate::manifest::Span,
) -> crate::manifest::Diagnostic {
    let message = format!(
        "{pods} pods share the claim `{}`, which one node can mount",
        need.name.text
    );
    finding(message)
        .at(need.name.span(), "")
        .also(
            modes,
            format!("the access modes of {}", context.describe(at)),
        )
        .field(need.field.clone())
        .note("pods on other nodes stay in ContainerCreating")
        .hint("use a StatefulSet with claim templates, `ReadWriteMany`, or one replica")
}

/// A ServiceAccount that is not there.
pub(super) fn missing_account(context: &Context<'_>, findings: &mut Findings<'_>) {
    for (index, workload) in context.workloads() {
        let Some(account) = &workload.account else {
            continue;
        };
        let (name, namespace) = (account.text.as_str(), context.namespace(index));
        if name == "default"
            || context
                .find("ServiceAccount", namespace, name)
                .next()
                .is_some()
        {
            continue;
        }
        let near = context.nearest(index, "ServiceAccount", namespace, name);
        let elsewhere = context
            .named("ServiceAccount", name)
            .iter()
            .find(|&&at| context.beside(index, at));
        let sign = context.scope == Scope::Overlay
            && context.has_beside(index, Class::Account)
            && !context.has_beside(index, Class::Custom);
        let (weight, remark) = match (elsewhere, near) {
            (Some(&at), _) => (
                Weight::Plain,
                format!("it is in namespace `{}`", context.namespace(at)),
            ),
            (None, Some(near)) => (Weight::Plain, format!("did you mean `{near}`?")),
            (None, None) => (
                if sign { Weight::Plain } else { Weight::Weak },
                "no ServiceAccount of the input has this name".to_owned(),
            ),
        };
        let path = if workload.path.is_empty() {
            "spec".to_owned()
        } else {
            format!("{}.spec", workload.path)
        };
        let found = finding(format!("there is no ServiceAccount `{name}`"))
            .at(account.span(), remark)
            .field(format!("{path}.serviceAccountName"))
            .note("no pod is created without its account");
        findings.add(index, weight, found);
    }
}
