//! Name references: fields that hold the name of another object follow it when it is renamed.

use std::collections::{HashMap, HashSet};

use smol_str::SmolStr;

use super::config::NameReferences;
use super::fieldspec::{FieldError, FieldSpec, Make, selects};
use super::resmap::ResMap;
use super::resource::{Resource, effective_namespace, raw_text, set_scalar};
use crate::manifest::{Diagnostic, Gvk, Node};

/// Writes the current names of objects into all fields that hold an earlier one.
///
/// # Errors
/// A name that could mean two objects, and fields that cannot hold a name.
pub(crate) fn fix(map: &mut ResMap, references: &NameReferences) -> Result<(), Vec<Diagnostic>> {
    let index = Index::new(map);
    let mut faults = Vec::new();
    for at in map.positions() {
        faults.extend(blank_namespace(map.get(at)));
        let original = {
            let resource = map.get(at);
            Gvk {
                kind: resource.original_kind().clone(),
                ..resource.gvk.clone()
            }
        };
        for (spec, target) in references.of(&original) {
            let mut hit = false;
            let blocked = spec.visit(&map.get(at).node, &mut |node| hit |= index.may_hold(node));
            if !hit && !blocked {
                continue;
            }
            let visible = visible_namespaces(map.get(at));
            let role = role_reference(map.get(at), spec);
            // The tree is taken out while the candidates are looked at: a second hold on it would
            // make every change copy the way to it.
            let mut node = map.get_mut(at).take_node();
            let finder = Finder {
                map,
                index: &index,
                referrer: map.get(at),
                visible,
                role,
                spec,
                target,
            };
            let done = spec.apply(&mut node, Make::Nothing, &mut |node| finder.set(node));
            map.get_mut(at).node = node;
            if let Err(error) = done {
                let fault = Diagnostic::error("name-reference", error.message);
                let fault = fault.at(error.span, "").field(spec.path.replace('/', "."));
                faults.push(fault.in_object(map.get(at).describe()));
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// From this many resources of one name on, those in the namespaces that count are looked up.
const MANY: usize = 16;

/// kustomize looks at the service accounts of every role binding, and refuses one whose namespace
/// is there and is no text.
fn blank_namespace(resource: &Resource) -> Option<Diagnostic> {
    if resource.gvk.kind != "RoleBinding" {
        return None;
    }
    let subjects = resource.node.get("subjects").and_then(Node::as_seq)?;
    let wrong = subjects.iter().find_map(|subject| {
        let namespace = subject.get("namespace")?;
        let is_account = subject.get("kind").and_then(Node::as_str) == Some("ServiceAccount");
        (is_account && namespace.as_str().is_none()).then_some(namespace)
    })?;
    let message = format!(
        "the namespace of a service account is a string, not {}",
        wrong.describe()
    );
    let fault = Diagnostic::error("name-reference", message).at(wrong.span, "");
    Some(fault.in_object(resource.describe()))
}

/// Resources by the names that they had before.
struct Index {
    by_name: HashMap<SmolStr, Vec<usize>>,
    /// Of names that many had, positions by name and effective namespace.
    by_place: HashMap<(SmolStr, SmolStr), Vec<usize>>,
    /// By the namespace that resources were loaded into: where they are now.
    moved_from: HashMap<SmolStr, HashSet<Place>>,
}

/// A namespace as written, and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    namespace: SmolStr,
    cluster_scoped: bool,
}

impl Place {
    fn of(resource: &Resource) -> Self {
        Self {
            namespace: resource.namespace.clone(),
            cluster_scoped: resource.cluster_scoped,
        }
    }
}

impl Index {
    fn new(map: &ResMap) -> Self {
        let mut by_name: HashMap<SmolStr, Vec<usize>> = HashMap::new();
        let mut moved_from: HashMap<SmolStr, HashSet<Place>> = HashMap::new();
        for at in map.positions() {
            let resource = map.get(at);
            let place = Place::of(resource);
            match moved_from.get_mut(resource.original_namespace()) {
                Some(places) if places.contains(&place) => {}
                Some(places) => {
                    places.insert(place);
                }
                None => {
                    let from = SmolStr::new(resource.original_namespace());
                    moved_from.insert(from, HashSet::from([place]));
                }
            }
            for id in &resource.previous {
                let list = by_name.entry(id.name.clone()).or_default();
                if list.last() != Some(&at) {
                    list.push(at);
                }
            }
        }
        let mut by_place: HashMap<(SmolStr, SmolStr), Vec<usize>> = HashMap::new();
        for (name, list) in by_name.iter().filter(|(_, list)| list.len() > MANY) {
            for &at in list {
                let key = (name.clone(), map.get(at).effective_namespace().into());
                by_place.entry(key).or_default().push(at);
            }
        }
        Self {
            by_name,
            by_place,
            moved_from,
        }
    }

    /// The resources of a name that can be seen from a namespace or lie in none, or lie in one of
    /// those that a role binding names; in order, and perhaps others too.
    fn near(&self, name: &str, referrer: &Resource, visible: &HashSet<SmolStr>) -> Vec<usize> {
        let all = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        if all.len() <= MANY || referrer.cluster_scoped {
            return all.to_vec();
        }
        let own = referrer.effective_namespace();
        let none = effective_namespace("", true);
        let visible = visible.iter().map(|text| effective_namespace(text, false));
        let mut found: Vec<usize> = [own, none]
            .into_iter()
            .chain(visible)
            .filter_map(|namespace| self.by_place.get(&(name.into(), namespace.into())))
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a field could hold a name that something had.
    fn may_hold(&self, node: &Node) -> bool {
        if let Some(items) = node.as_seq() {
            // A list of lists is a fault that is reported.
            return items
                .iter()
                .any(|item| item.as_seq().is_some() || self.may_hold(item));
        }
        let name = node.as_map().map_or(Some(node), |map| map.get("name"));
        match name.and_then(Node::as_scalar) {
            Some(scalar) => self.by_name.contains_key(&scalar.text),
            // A mapping without a name is a fault that is reported.
            None => node.as_map().is_some(),
        }
    }
}

/// Looks up what one field of one object refers to.
struct Finder<'a> {
    map: &'a ResMap,
    index: &'a Index,
    /// Whose field it is. Its tree is not here.
    referrer: &'a Resource,
    /// Namespaces besides its own whose objects it may refer to.
    visible: HashSet<SmolStr>,
    /// What a role reference says besides the name.
    role: Option<Gvk>,
    spec: &'a FieldSpec,
    target: &'a Gvk,
}

impl Finder<'_> {
    fn set(&self, node: &mut Node) -> Result<(), FieldError> {
        if node.is_null() {
            return Ok(());
        }
        if node.as_map().is_some() {
            return self.set_mapping(node);
        }
        if node.as_scalar().is_some() {
            return self.set_text(node);
        }
        for item in node.as_seq_mut().into_iter().flatten() {
            if item.as_map().is_some() {
                self.set_mapping(item)?;
            } else if item.as_scalar().is_some() {
                if !item.is_null() {
                    self.set_text(item)?;
                }
            } else {
                return Err(FieldError {
                    message: "a list of lists holds no names".to_owned(),
                    span: item.span,
                });
            }
        }
        Ok(())
    }

    fn set_text(&self, node: &mut Node) -> Result<(), FieldError> {
        let name = raw_text(node);
        if let Some(found) = self.find(&name, None, node, false)?
            && found.name != name
        {
            let span = node.span;
            set_scalar(node, &found.name, span);
        }
        Ok(())
    }

    /// A reference by name and namespace: a subject of a role binding, a webhook's service.
    fn set_mapping(&self, node: &mut Node) -> Result<(), FieldError> {
        let Some(name) = node.get("name").map(raw_text) else {
            return Err(FieldError {
                message: format!(
                    "`{}` leads to a mapping without a `name`, so nothing says what it refers to",
                    self.spec.path
                ),
                span: node.span,
            });
        };
        let namespace = node.get("namespace").map(raw_text);
        let Some(found) = self.find(&name, namespace.as_deref(), node, true)? else {
            return Ok(());
        };
        if found.name == name && found.namespace.is_empty() {
            return Ok(());
        }
        let (name, namespace) = (found.name.clone(), found.namespace.clone());
        let span = node.span;
        if let Some(map) = node.as_map_mut() {
            for (key, text) in [("name", name), ("namespace", namespace)] {
                if text.is_empty() {
                    continue;
                }
                match map.get_mut(key) {
                    Some(field) => {
                        let span = field.span;
                        set_scalar(field, &text, span);
                    }
                    None => {
                        map.set(key, Node::string(text, span));
                    }
                }
            }
        }
        Ok(())
    }

    /// The object that a name means.
    fn find(
        &self,
        name: &str,
        namespace: Option<&str>,
        node: &Node,
        compare_namespaces: bool,
    ) -> Result<Option<&Resource>, FieldError> {
        if !self.index.by_name.contains_key(name) {
            return Ok(None);
        }
        let visible = &self.visible;
        let positions = self.index.near(name, self.referrer, visible);
        let mut candidates: Vec<&Resource> = positions
            .into_iter()
            .map(|at| self.map.get(at))
            .filter(|other| self.sees(&Place::of(other), visible))
            .collect();
        if let Some(namespace) = namespace {
            candidates = self.in_namespace(candidates, namespace, visible);
        }
        candidates.retain(|other| was_selected(other, self.target));
        if let Some(role) = &self.role {
            candidates.retain(|other| was_selected(other, role));
        }
        candidates.retain(|other| {
            self.referrer.cluster_scoped
                || other.cluster_scoped
                || other.gvk.kind == "ServiceAccount"
                || other.effective_namespace() == self.referrer.effective_namespace()
        });
        if candidates.len() > 1 {
            candidates.retain(|other| same_affixes(self.referrer, other, true));
            if candidates.len() > 1 {
                candidates.retain(|other| same_affixes(self.referrer, other, false));
            }
        }
        let Some(first) = candidates.first() else {
            return Ok(None);
        };
        let same = |other: &&Resource| {
            other.name == first.name && (!compare_namespaces || other.namespace == first.namespace)
        };
        if candidates.iter().all(same) {
            return Ok(Some(first));
        }
        let names: Vec<String> = candidates.iter().map(|other| other.describe()).collect();
        Err(FieldError {
            message: format!("`{name}` could mean any of {}", names.join(", ")),
            span: node.span,
        })
    }

    fn sees(&self, other: &Place, visible: &HashSet<SmolStr>) -> bool {
        let namespace = effective_namespace(&other.namespace, other.cluster_scoped);
        self.referrer.cluster_scoped
            || other.cluster_scoped
            || namespace == self.referrer.effective_namespace()
            || visible.contains(&other.namespace)
    }

    /// Those that were loaded into a namespace; where no object at all was, those that are in it.
    fn in_namespace<'r>(
        &self,
        candidates: Vec<&'r Resource>,
        namespace: &str,
        visible: &HashSet<SmolStr>,
    ) -> Vec<&'r Resource> {
        let places = self.index.moved_from.get(namespace);
        let any_original = places
            .into_iter()
            .flatten()
            .any(|place| self.sees(place, visible));
        let is_in = |other: &&Resource| {
            if any_original {
                other.original_namespace() == namespace
            } else {
                other.effective_namespace() == namespace
            }
        };
        candidates.into_iter().filter(is_in).collect()
    }
}

/// Namespaces that a role binding names, whose objects it may refer to.
fn visible_namespaces(referrer: &Resource) -> HashSet<SmolStr> {
    if referrer.gvk.kind != "RoleBinding" {
        return HashSet::new();
    }
    let subjects = referrer.node.get("subjects").and_then(Node::as_seq);
    let subjects = subjects.unwrap_or_default().iter();
    let accounts = subjects.filter(|subject| {
        subject.get("kind").and_then(Node::scalar_text) == Some("ServiceAccount")
    });
    accounts
        .filter_map(|subject| subject.get("namespace"))
        .map(raw_text)
        .collect()
}

/// What a `roleRef` says besides the name.
fn role_reference(referrer: &Resource, spec: &FieldSpec) -> Option<Gvk> {
    if !spec.path.ends_with("roleRef/name") {
        return None;
    }
    let role = referrer.node.get("roleRef")?;
    Some(Gvk {
        group: raw_text(role.get("apiGroup")?),
        version: SmolStr::default(),
        kind: raw_text(role.get("kind")?),
    })
}

fn was_selected(resource: &Resource, selector: &Gvk) -> bool {
    resource.previous.iter().any(|id| {
        let gvk = Gvk {
            kind: id.kind.clone(),
            ..resource.gvk.clone()
        };
        selects(selector, &gvk)
    })
}

/// Whether two resources went through the same prefixes and suffixes, as far as the shorter list
/// goes; `loosely` takes an empty list for equal to any.
fn same_affixes(a: &Resource, b: &Resource, loosely: bool) -> bool {
    let same = |a: &[SmolStr], b: &[SmolStr]| {
        if a.is_empty() || b.is_empty() {
            return loosely || a.len() == b.len();
        }
        let length = a.len().min(b.len());
        a[a.len() - length..] == b[b.len() - length..]
    };
    same(&a.prefixes, &b.prefixes) && same(&a.suffixes, &b.suffixes)
}
