//! All objects of one input, indexed: what stands in which namespace, which pods have which
//! labels. A rule asks the indexes, so that no rule looks at all objects for each object.

use std::collections::{HashMap, HashSet};

use smol_str::SmolStr;

use super::Scope;
use super::facts::{Autoscaler, Facts, Service, Text, What, Workload};
use super::select::Selector;
use crate::manifest::{Sources, Span};
use crate::parallel::both;
use crate::schema::Tables;

/// The objects of one input.
pub(super) struct Context<'f> {
    /// The objects in their order; their positions stand for them everywhere below.
    pub(super) facts: &'f [&'f Facts],
    /// The types of Kubernetes.
    pub(super) tables: Tables,
    /// What the input is.
    pub(super) scope: Scope,
    /// Whether it holds everything that it refers to.
    pub(super) complete: bool,
    /// The folder of each object's file; one and the same for all objects of an overlay.
    folders: Vec<u32>,
    /// Objects by name, then by kind.
    by_name: HashMap<&'f str, HashMap<&'f str, Vec<usize>>>,
    by_kind: HashMap<&'f str, Vec<usize>>,
    /// Which kinds a folder has, and in which namespaces.
    around: HashMap<(u32, Class), HashSet<&'f str>>,
    /// Workloads by the labels of their pods.
    pods: Labelled<'f>,
    /// Services by their own labels.
    services: Labelled<'f>,
    /// Objects by folder and kind.
    by_folder: HashMap<u32, HashMap<&'f str, Vec<usize>>>,
    /// Autoscalers by the name of their target.
    autoscalers: HashMap<&'f str, Vec<usize>>,
    /// Other things that change the number of pods, by the name of their target.
    scalers: HashMap<&'f str, Vec<usize>>,
    /// Services whose endpoints are written by hand.
    endpoints: HashSet<&'f str>,
    /// What makes a Secret or ConfigMap, by the name of what it makes.
    makers: HashMap<&'f str, Vec<usize>>,
}

/// Kinds that a rule asks for as "is there any at all?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Anything with pods.
    Workload,
    /// Services.
    Service,
    /// ConfigMaps.
    ConfigMap,
    /// Secrets.
    Secret,
    /// PersistentVolumeClaims.
    Claim,
    /// ServiceAccounts.
    Account,
    /// Roles.
    Role,
    /// LimitRanges.
    Limits,
    /// Custom resources, of which an operator may make anything.
    Custom,
}

/// Objects by namespace, and there by labels.
#[derive(Default)]
struct Labelled<'f> {
    spaces: HashMap<&'f str, Space<'f>>,
}

/// The objects of one namespace.
#[derive(Default)]
struct Space<'f> {
    all: Vec<usize>,
    /// By label and value.
    labels: HashMap<&'f str, HashMap<&'f str, Vec<usize>>>,
}

impl<'f> Context<'f> {
    /// Indexes objects.
    pub(super) fn new(
        sources: &Sources,
        tables: Tables,
        scope: Scope,
        complete: bool,
        facts: &'f [&'f Facts],
    ) -> Self {
        let others = || Self::unlabelled(sources, tables, scope, complete, facts);
        let ((pods, services), context) = if facts.len() < super::MANY {
            (labelled(facts), others())
        } else {
            both(|| labelled(facts), others)
        };
        Self {
            pods,
            services,
            ..context
        }
    }

    /// Everything but what is found by labels.
    fn unlabelled(
        sources: &Sources,
        tables: Tables,
        scope: Scope,
        complete: bool,
        facts: &'f [&'f Facts],
    ) -> Self {
        let mut context = Self {
            facts,
            tables,
            scope,
            complete,
            folders: folders(sources, scope, facts),
            by_name: HashMap::new(),
            by_kind: HashMap::new(),
            around: HashMap::new(),
            pods: Labelled::default(),
            services: Labelled::default(),
            by_folder: HashMap::new(),
            autoscalers: HashMap::new(),
            scalers: HashMap::new(),
            endpoints: HashSet::new(),
            makers: HashMap::new(),
        };
        for (index, fact) in facts.iter().enumerate() {
            let id = &fact.id;
            let kinds = context.by_name.entry(id.name.as_str()).or_default();
            kinds.entry(id.kind.as_str()).or_default().push(index);
            context
                .by_kind
                .entry(id.kind.as_str())
                .or_default()
                .push(index);
            let here = context.by_folder.entry(context.folders[index]).or_default();
            here.entry(id.kind.as_str()).or_default().push(index);
            if let Some(class) = class(fact) {
                let key = (context.folders[index], class);
                context
                    .around
                    .entry(key)
                    .or_default()
                    .insert(id.namespace.as_str());
            }
            match &fact.what {
                What::Autoscaler(autoscaler) => {
                    if let Some(target) = &autoscaler.target {
                        let named = context.autoscalers.entry(&target.text);
                        named.or_default().push(index);
                    }
                }
                What::Scaler(scaler) if !scaler.vertical => {
                    if let Some(target) = &scaler.target {
                        context.scalers.entry(&target.text).or_default().push(index);
                    }
                }
                What::Endpoints(of) => {
                    context.endpoints.insert(of);
                }
                What::Maker(name) => context.makers.entry(name).or_default().push(index),
                _ => {}
            }
        }
        context
    }

    /// Whether something other than a HorizontalPodAutoscaler sets the number of pods.
    pub(super) fn is_scaled_otherwise(&self, index: usize) -> bool {
        let id = &self.facts[index].id;
        let scalers = self.scalers.get(id.name.as_str()).into_iter().flatten();
        scalers
            .into_iter()
            .any(|&at| meet(self.namespace(at), &id.namespace))
    }

    /// Whether the input has endpoints for a Service.
    pub(super) fn has_endpoints(&self, service: &str) -> bool {
        self.endpoints.contains(service)
    }

    /// Whether an object of the input becomes a Secret or ConfigMap of this name.
    pub(super) fn is_made(&self, namespace: &str, name: &str) -> bool {
        let makers = self.makers.get(name).into_iter().flatten();
        makers
            .into_iter()
            .any(|&at| meet(self.namespace(at), namespace))
    }

    /// The namespace of an object, as written; empty where none is.
    pub(super) fn namespace(&self, index: usize) -> &'f str {
        self.facts[index].id.namespace.as_str()
    }

    /// Whether objects of this kind are in a namespace. `None` where the kind is not one of
    /// Kubernetes.
    pub(super) fn is_namespaced(&self, index: usize) -> Option<bool> {
        let id = &self.facts[index].id;
        let version = self.tables.served_versions(&id.group, &id.kind).next()?;
        let kind = self.tables.kind(&id.group, version, &id.kind)?;
        Some(kind.namespaced())
    }

    /// Objects of a kind.
    pub(super) fn of_kind(&self, kind: &str) -> &[usize] {
        self.by_kind.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Objects with a kind and a name in a namespace; where there are none, those that may be in it,
    /// since a namespace is written on one side only.
    pub(super) fn find(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> impl Iterator<Item = usize> + use<> {
        let named = self.named(kind, name);
        let of = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let found = named.iter().copied();
            found.filter(|&index| same(self.namespace(index))).collect()
        };
        let exact = of(&|other| other == namespace);
        let found = if exact.is_empty() {
            of(&|other| meet(other, namespace))
        } else {
            exact
        };
        found.into_iter()
    }

    /// Objects with a kind and a name in any namespace.
    pub(super) fn named(&self, kind: &str, name: &str) -> &[usize] {
        let kinds = self.by_name.get(name);
        kinds
            .and_then(|kinds| kinds.get(kind))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether the input has anything of a class in the namespace of an object, where it would
    /// stand beside it: in the same overlay, or in the same folder.
    pub(super) fn has_beside(&self, index: usize, class: Class) -> bool {
        self.has_in(index, class, self.namespace(index))
    }

    /// As [`Context::has_beside`], in another namespace than the object's.
    pub(super) fn has_in(&self, index: usize, class: Class, namespace: &str) -> bool {
        let around = self.around.get(&(self.folders[index], class));
        around.is_some_and(|namespaces| namespaces.iter().any(|ns| meet(ns, namespace)))
    }

    /// Whether two objects stand beside each other: in one overlay, or in one folder.
    pub(super) fn beside(&self, one: usize, other: usize) -> bool {
        self.folders[one] == self.folders[other]
    }

    /// Workloads whose pods a selector selects in a namespace. An empty selector selects all.
    pub(super) fn selected(&self, namespace: &str, selector: &Selector) -> Vec<usize> {
        self.pods
            .selected(namespace, selector, |index| self.pod_labels(index))
    }

    /// Whether there are such workloads.
    pub(super) fn selects_any(&self, namespace: &str, selector: &Selector) -> bool {
        let pod_labels = |index| self.pod_labels(index);
        let mut selected = self.pods.selecting(namespace, selector, pod_labels);
        selected.next().is_some()
    }

    fn pod_labels(&self, index: usize) -> Option<&[(SmolStr, SmolStr)]> {
        let workload = self.facts[index].workload();
        workload.map(|workload| workload.labels.as_slice())
    }

    /// Services that a selector selects by their own labels.
    pub(super) fn selected_services(&self, namespace: &str, selector: &Selector) -> Vec<usize> {
        self.services.selected(namespace, selector, |index| {
            Some(self.facts[index].labels.as_slice())
        })
    }

    /// All workloads that are, or may be, in a namespace.
    pub(super) fn workloads_in(&self, namespace: &str) -> impl Iterator<Item = usize> {
        let spaces = self.pods.spaces(namespace).into_iter();
        spaces.flat_map(|space| space.all.iter().copied())
    }

    /// Workloads, each with its position.
    pub(super) fn workloads(&self) -> impl Iterator<Item = (usize, &'f Workload)> {
        self.each(|fact| fact.workload())
    }

    /// Services, each with its position.
    pub(super) fn services(&self) -> impl Iterator<Item = (usize, &'f Service)> {
        self.each(|fact| match &fact.what {
            What::Service(service) => Some(service.as_ref()),
            _ => None,
        })
    }

    /// What `of` finds in the objects, each with its position.
    pub(super) fn each<T: 'f>(
        &self,
        of: impl Fn(&'f Facts) -> Option<&'f T>,
    ) -> impl Iterator<Item = (usize, &'f T)> {
        let facts = self.facts.iter().enumerate();
        facts.filter_map(move |(index, fact)| Some((index, of(fact)?)))
    }

    /// The Service of a position.
    pub(super) fn service(&self, index: usize) -> Option<&'f Service> {
        match &self.facts[index].what {
            What::Service(service) => Some(service),
            _ => None,
        }
    }

    /// The autoscalers that name a workload as their target.
    pub(super) fn autoscalers_of(
        &self,
        index: usize,
    ) -> impl Iterator<Item = (usize, &'f Autoscaler)> {
        let id = &self.facts[index].id;
        let found = self.autoscalers.get(id.name.as_str());
        let found = found.into_iter().flatten().copied();
        found.filter_map(move |at| match &self.facts[at].what {
            What::Autoscaler(autoscaler)
                if autoscaler.kind == id.kind && meet(self.namespace(at), &id.namespace) =>
            {
                Some((at, autoscaler.as_ref()))
            }
            _ => None,
        })
    }

    /// How objects call themselves in messages.
    pub(super) fn describe(&self, index: usize) -> String {
        self.facts[index].id.to_string()
    }

    /// The name of an object in the same place that a name which is not there is a slip of.
    pub(super) fn nearest(
        &self,
        index: usize,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<&'f str> {
        let here = self.by_folder.get(&self.folders[index])?;
        let others = here.get(kind)?.iter();
        let names = others.filter(|&&other| meet(self.namespace(other), namespace));
        // Nobody mistypes one name of thousands; the search stays linear.
        let mut names = names.take(500).map(|&at| self.facts[at].id.name.as_str());
        names.find(|other| is_slip(name, other))
    }
}

/// Whether a text is another with a slip in it: one or two letters more, fewer or other ones in one
/// place. Numbers tell things apart on purpose.
pub(super) fn is_slip(text: &str, other: &str) -> bool {
    let (one, two) = (text.as_bytes(), other.as_bytes());
    if one.len() < 4 || two.len() < 4 || one.len().abs_diff(two.len()) > 2 || one == two {
        return false;
    }
    let same = |pair: &(&u8, &u8)| pair.0 == pair.1;
    let head = one.iter().zip(two).take_while(same).count();
    let (one, two) = (&one[head..], &two[head..]);
    let pairs = one.iter().rev().zip(two.iter().rev());
    let tail = pairs.take_while(same).count();
    let (one, two) = (&one[..one.len() - tail], &two[..two.len() - tail]);
    let letters = |bytes: &[u8]| {
        bytes
            .iter()
            .all(|b| b.is_ascii_alphabetic() || *b == b'-' || *b == b'_')
    };
    one.len() <= 2 && two.len() <= 2 && letters(one) && letters(two)
}

/// Whether two namespaces may be the same: where none is written, it is given when applied.
pub(super) fn meet(one: &str, other: &str) -> bool {
    one == other || one.is_empty() || other.is_empty()
}

impl<'f> Labelled<'f> {
    fn add(&mut self, index: usize, namespace: &'f str, labels: &'f [(SmolStr, SmolStr)]) {
        let space = self.spaces.entry(namespace).or_default();
        space.all.push(index);
        for (key, value) in labels {
            let values = space.labels.entry(key.as_str()).or_default();
            values.entry(value.as_str()).or_default().push(index);
        }
    }

    /// What is, or may be, in a namespace.
    fn spaces(&self, namespace: &str) -> Vec<&Space<'f>> {
        if namespace.is_empty() {
            return self.spaces.values().collect();
        }
        let there = [self.spaces.get(namespace), self.spaces.get("")];
        there.into_iter().flatten().collect()
    }

    fn selected<'l>(
        &self,
        namespace: &str,
        selector: &Selector,
        labels: impl Fn(usize) -> Option<&'l [(SmolStr, SmolStr)]>,
    ) -> Vec<usize> {
        let mut found: Vec<usize> = self.selecting(namespace, selector, labels).collect();
        found.sort_unstable();
        found
    }

    /// What a selector selects in a namespace, in no order.
    fn selecting<'l>(
        &self,
        namespace: &str,
        selector: &Selector,
        labels: impl Fn(usize) -> Option<&'l [(SmolStr, SmolStr)]>,
    ) -> impl Iterator<Item = usize> {
        let spaces = self.spaces(namespace).into_iter();
        let candidates = spaces.flat_map(|space| space.candidates(selector)).copied();
        candidates.filter(move |&index| labels(index).is_some_and(|own| selector.matches(own)))
    }
}

impl Space<'_> {
    /// The shortest list that holds all that a selector can select.
    fn candidates(&self, selector: &Selector) -> &[usize] {
        let mut shortest = self.all.as_slice();
        for (key, value, _) in &selector.pairs {
            let values = self.labels.get(key.as_str());
            let list = values.and_then(|values| values.get(value.as_str()));
            let list = list.map_or(&[][..], Vec::as_slice);
            if list.len() < shortest.len() {
                shortest = list;
            }
        }
        shortest
    }
}

fn class(fact: &Facts) -> Option<Class> {
    Some(match &fact.what {
        What::Workload(_) => Class::Workload,
        What::Service(_) => Class::Service,
        What::Config(_) if fact.id.kind == "ConfigMap" => Class::ConfigMap,
        What::Config(_) => Class::Secret,
        What::Claim { .. } => Class::Claim,
        What::Account => Class::Account,
        What::Role(_) => Class::Role,
        What::Limits(_) => Class::Limits,
        What::Other { custom: true } => Class::Custom,
        _ => return None,
    })
}

/// Workloads by the labels of their pods, and Services by their own.
fn labelled<'f>(facts: &'f [&'f Facts]) -> (Labelled<'f>, Labelled<'f>) {
    let (mut pods, mut services) = (Labelled::default(), Labelled::default());
    for (index, fact) in facts.iter().enumerate() {
        match &fact.what {
            What::Workload(workload) => pods.add(index, &fact.id.namespace, &workload.labels),
            What::Service(_) => services.add(index, &fact.id.namespace, &fact.labels),
            _ => {}
        }
    }
    (pods, services)
}

/// Numbers the folders of the objects' files.
fn folders(sources: &Sources, scope: Scope, facts: &[&Facts]) -> Vec<u32> {
    if scope == Scope::Overlay {
        return vec![0; facts.len()];
    }
    let mut numbers: HashMap<SmolStr, u32> = HashMap::new();
    let mut last: Option<(Span, u32)> = None;
    let number = |fact: &&Facts| {
        if let Some((span, number)) = last
            && span.file() == fact.at.file()
        {
            return number;
        }
        let name = sources
            .get(fact.at.file())
            .map(|source| source.name.clone());
        let name = name.unwrap_or_default();
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let number = *numbers.entry(folder.into()).or_insert(next);
        last = Some((fact.at, number));
        number
    };
    facts.iter().map(number).collect()
}

/// A name with the kind that it is of, as people say it.
pub(super) fn named(kind: &str, name: &Text) -> String {
    format!("{kind} `{}`", name.text)
}

#[cfg(test)]
mod tests {
    use super::is_slip;

    #[test]
    fn a_slip_is_small_and_in_one_place() {
        for (text, other, wanted) in [
            ("app-config", "app-configs", true),
            ("app-confg", "app-config", true),
            ("app-ocnfig", "app-config", true),
            ("app_config", "app-config", true),
            ("ceph-mon", "ceph-tools", false),
            ("prometheus-k8s", "prometheus", false),
            ("web-1", "web-2", false),
            ("web", "wed", false),
        ] {
            assert_eq!(is_slip(text, other), wanted, "{text} {other}");
        }
    }
}
