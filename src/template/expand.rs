//! Expansion: every typed resource of a build becomes objects.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use smol_str::SmolStr;

use crate::kustomize::expand::{
    ExpandInput, ExpandResource, Expansion, TypedFieldSpec, TypedResources,
};
use crate::manifest::object::split_api_version;
use crate::manifest::path::FieldPath;
use crate::manifest::read::{ReadOptions, read_all};
use crate::manifest::{
    Diagnostic, Diagnostics, Map, Node, Object, Severity, Sources, Span, Value, names, suggest,
};

use super::complete::{rule_faults, with_computed, with_defaults, without_nulls};
use super::dialect::{self, Form};
use super::engine::Subject;
use super::library::{Kind, Library};
use super::{config_hash, lint, overrides, services};

/// The group of the built-in kinds.
pub const GROUP: &str = "deployx.dev";

/// Kinds of the group that configure plugins and are no typed resources.
const CONFIGS: [&str; 2] = ["Expand", "Validate"];

impl TypedResources for Library {
    fn is_typed(&self, group: &str, kind: &str) -> bool {
        // An unknown kind of our group is one too, so that expansion can say what is wrong.
        (group == GROUP && !CONFIGS.contains(&kind)) || self.has(group, kind)
    }

    fn field_specs(&self) -> &[TypedFieldSpec] {
        Library::field_specs(self)
    }

    fn files_of(&self, group: &str, kind: &str) -> Vec<PathBuf> {
        self.own_files_of(group, kind)
    }

    fn expand(&self, input: &ExpandInput<'_>) -> Result<Vec<Expansion>, Diagnostics> {
        let mut faults = Vec::new();
        let mut prepared = Vec::new();
        for (at, resource) in input.resources.iter().enumerate() {
            let Some(object) = Object::from_node(resource.node.clone()) else {
                continue;
            };
            if resource.is_local && !object.is(GROUP, "Release")
                || !self.is_typed(object.group(), object.kind())
            {
                continue;
            }
            match self.prepare(&object, input.sources) {
                Ok((kind, spec, found)) => {
                    let (errors, rest) = split(found);
                    self.warn(rest);
                    let whole = errors.is_empty();
                    faults.extend(errors);
                    prepared.push(Prepared {
                        at,
                        kind,
                        spec,
                        object,
                        whole,
                    });
                }
                Err(Diagnostics(items)) => faults.extend(items),
            }
        }
        faults.extend(two_releases(&prepared));
        let mut expansions = Vec::new();
        let around = Around {
            services: services::Services::of(&prepared, input.resources),
            configuration: config_hash::Configuration::of(input.resources),
        };
        for one in prepared.iter().filter(|one| one.whole) {
            match self.objects(one, input, &around) {
                Ok(objects) => expansions.push(Expansion {
                    from: one.at,
                    objects,
                }),
                Err(Diagnostics(items)) => faults.extend(items),
            }
        }
        faults.extend(collisions(&expansions, input));
        if faults.is_empty() {
            Ok(expansions)
        } else {
            Err(Diagnostics(faults))
        }
    }
}

/// A typed resource with complete inputs.
pub(super) struct Prepared<'l> {
    /// Index in the build.
    pub(super) at: usize,
    pub(super) kind: &'l Kind,
    pub(super) spec: Node,
    pub(super) object: Object,
    /// Whether the inputs have no error, so that it can be rendered.
    pub(super) whole: bool,
}

/// What a typed resource may refer to, collected once for a build.
struct Around<'r> {
    services: services::Services,
    configuration: config_hash::Configuration<'r>,
}

impl Library {
    /// Judges the inputs of one typed resource and completes them.
    ///
    /// # Errors
    /// What is wrong with the resource as such: its kind, its version.
    /// Faults of the inputs are the third value, warnings among them.
    pub fn prepare(
        &self,
        object: &Object,
        sources: &Sources,
    ) -> Result<(&Kind, Node, Vec<Diagnostic>), Diagnostics> {
        let kind = self.find(object, sources)?;
        let mut faults = envelope_faults(object, kind);
        let spec = object
            .root
            .get("spec")
            .cloned()
            .unwrap_or_else(|| Node::empty_map(object.span()));
        let path = FieldPath::root().key("spec");
        let spec = without_nulls(&spec, Some(&kind.schema));
        let found = dialect::check(&kind.schema, &kind.info.kind, &spec, &path, Form::Whole);
        let sound = found.faults.is_empty();
        faults.extend(found.faults);
        let mut spec = spec;
        let reserved = super::engine::reserved(&object.root);
        if reserved.is_none() && spec.as_map().is_some() {
            spec = with_defaults(&spec, &kind.schema);
            match with_computed(spec.clone(), &kind.schema, &self.engine) {
                Ok(complete) => {
                    spec = complete;
                    faults.extend(rule_faults(
                        &spec,
                        &kind.schema,
                        &self.engine,
                        &found.broken,
                    ));
                }
                // A computed default may stumble over a fault that is reported already.
                Err(fault) if sound => faults.push(*fault),
                Err(_) => {}
            }
        }
        faults.extend(reserved);
        if faults.is_empty() {
            faults = lint::lint(&spec, &kind.schema);
        }
        let name = object.describe();
        for fault in &mut faults {
            fault.object.get_or_insert_with(|| name.clone());
        }
        Ok((kind, spec, faults))
    }

    /// Judges a patch of a typed resource on its own: names and forms, nothing that needs the rest.
    pub fn check_patch(&self, patch: &Object, sources: &Sources) -> Vec<Diagnostic> {
        let Ok(kind) = self.find(patch, sources) else {
            return Vec::new();
        };
        let Some(spec) = patch.root.get("spec") else {
            return Vec::new();
        };
        let path = FieldPath::root().key("spec");
        dialect::check(&kind.schema, &kind.info.kind, spec, &path, Form::Patch).faults
    }

    fn find(&self, object: &Object, sources: &Sources) -> Result<&Kind, Diagnostics> {
        let Some(kind) = self.kind(object.group(), object.kind(), sources)? else {
            return Err(self.unknown_kind(object).into());
        };
        if object.version() != kind.info.version {
            let span = object
                .root
                .get("apiVersion")
                .map_or(object.span(), |n| n.span);
            let wanted = format!("{}/{}", kind.info.group, kind.info.version);
            let message = format!("{} has no version `{}`", kind.info.kind, object.version());
            return Err(Diagnostic::error("typed-version", message)
                .at(span, format!("write `{wanted}`"))
                .in_object(object.describe())
                .into());
        }
        Ok(kind)
    }

    fn unknown_kind(&self, object: &Object) -> Diagnostic {
        let names: Vec<&str> = self.names().map(|(_, kind)| kind).collect();
        let planned = ["StatefulService", "Migration"].contains(&object.kind());
        let span = object.root.get("kind").map_or(object.span(), |n| n.span);
        let remark = match suggest::nearest(object.kind(), names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("kinds are {}", names.join(", ")),
        };
        if planned {
            let message = format!("kind `{}` is not built yet", object.kind());
            return Diagnostic::error("not-built", message).at(span, remark);
        }
        let message = format!(
            "unknown kind `{}` in group {}",
            object.kind(),
            object.group()
        );
        Diagnostic::error("typed-kind", message).at(span, remark)
    }

    fn objects(
        &self,
        one: &Prepared<'_>,
        input: &ExpandInput<'_>,
        around: &Around<'_>,
    ) -> Result<Vec<Node>, Diagnostics> {
        let Some(template) = &one.kind.info.template else {
            // A policy makes nothing; the build keeps it, marked as local, to be patched on.
            return Ok(Vec::new());
        };
        let resource = &input.resources[one.at];
        let subject = subject(one, resource, around.services.seen_by(one, input.resources));
        let located = |fault: Diagnostic| {
            let name = one.object.describe();
            Diagnostics::from(match fault.object {
                None => fault.in_object(name),
                Some(_) => fault,
            })
        };
        let rendered = self
            .engine
            .render(template, &subject, input.sources)
            .map_err(|fault| located(*fault))?;
        self.warn(rendered.warnings);
        let title = format!("<{} {}>", one.kind.info.kind, subject.name);
        let file = input
            .sources
            .add_generated(title, rendered.text, rendered.origins);
        let documents = read_all(input.sources, file, &ReadOptions::kustomize_resource())?;
        let mut objects: Vec<Object> = Vec::new();
        for document in documents {
            let root = drop_nulls(&document.root);
            if root.is_null() || root.as_map().is_some_and(Map::is_empty) {
                continue;
            }
            let span = root.span;
            let object = Object::from_node(root).filter(|object| !object.name().is_empty());
            objects.push(object.ok_or_else(|| {
                located(
                    Diagnostic::error("template", "the template prints no object here").at(
                        span,
                        "an object has `apiVersion`, `kind` and `metadata.name`",
                    ),
                )
            })?);
        }
        overrides::apply(&mut objects, &subject).map_err(|Diagnostics(faults)| {
            Diagnostics(faults.into_iter().flat_map(|f| located(f).0).collect())
        })?;
        config_hash::annotate(&mut objects, &subject, resource, &around.configuration);
        Ok(objects.into_iter().map(|object| object.root).collect())
    }
}

fn subject(
    one: &Prepared<'_>,
    resource: &ExpandResource,
    services: BTreeMap<SmolStr, BTreeMap<SmolStr, String>>,
) -> Subject {
    let empty = || Node::empty_map(Span::NONE);
    Subject {
        kind: one.kind.info.clone(),
        name: one.object.name().to_owned(),
        source_name: resource.original_name.to_string(),
        namespace: one.object.namespace().to_owned(),
        spec: one.spec.clone(),
        metadata: one
            .object
            .root
            .get("metadata")
            .cloned()
            .unwrap_or_else(empty),
        services,
    }
}

/// Faults of what stands around the inputs.
fn envelope_faults(object: &Object, kind: &Kind) -> Vec<Diagnostic> {
    const KEYS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
    let mut faults = Vec::new();
    for entry in object.root.as_map().into_iter().flatten() {
        if !KEYS.contains(&entry.key.as_str()) {
            let remark = match kind.schema.property(&entry.key) {
                Some(_) => "inputs belong under `spec`".to_owned(),
                None => suggest::nearest(&entry.key, KEYS)
                    .map_or_else(String::new, |near| format!("did you mean `{near}`?")),
            };
            let message = format!("unknown field `{}` in {}", entry.key, kind.info.kind);
            faults.push(Diagnostic::error("input", message).at(entry.key_span, remark));
        }
    }
    let name = object.name();
    let span = object
        .root
        .at(&["metadata", "name"])
        .map_or(object.span(), |node| node.span);
    if !names::is_dns_label(name) {
        let message = format!("`{name}` is no name for a {}", kind.info.kind);
        let remark = "at most 63 lower-case letters, digits and `-`";
        faults.push(Diagnostic::error("typed-name", message).at(span, remark));
    } else if name.len() > kind.info.name_max {
        let message = format!("the name of a {} is too long", kind.info.kind);
        let remark = format!(
            "{} characters; at most {}, since Kubernetes appends to it",
            name.len(),
            kind.info.name_max
        );
        faults.push(Diagnostic::error("typed-name", message).at(span, remark));
    }
    faults
}

fn split(found: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    found
        .into_iter()
        .partition(|fault| fault.severity == Severity::Error)
}

/// Removes keys whose value is null, at every depth.
fn drop_nulls(node: &Node) -> Node {
    match &node.value {
        Value::Scalar(_) => node.clone(),
        Value::Seq(items) => Node::seq(items.iter().map(drop_nulls).collect(), node.span),
        Value::Map(map) => {
            let entries = map.iter().filter(|entry| !entry.value.is_null());
            let kept = entries.map(|entry| entry.with(drop_nulls(&entry.value)));
            Node::map(Map::from_unique(kept.collect()), node.span)
        }
    }
}

fn two_releases(prepared: &[Prepared<'_>]) -> Option<Diagnostic> {
    let mut releases = prepared
        .iter()
        .filter(|one| one.kind.info.template.is_none() && one.object.is(GROUP, "Release"));
    let (first, second) = (releases.next()?, releases.next()?);
    Some(
        Diagnostic::error("two-releases", "a build has at most one Release")
            .at(second.object.span(), "this is the second")
            .also(first.object.span(), "this is the first")
            .hint("remove one, or build the overlays on their own"),
    )
}

/// Generated objects that have the name of another object of the build.
fn collisions(expansions: &[Expansion], input: &ExpandInput<'_>) -> Vec<Diagnostic> {
    type Id = (String, SmolStr, String, String);
    let id = |node: &Node| -> Option<Id> {
        let object = Object::from_node(node.clone())?;
        let (group, _) = split_api_version(object.api_version());
        Some((
            group.to_owned(),
            object.kind().into(),
            object.namespace().to_owned(),
            object.name().to_owned(),
        ))
    };
    let mut seen: HashMap<Id, (Span, Option<usize>)> = HashMap::new();
    let from: std::collections::HashSet<usize> = expansions.iter().map(|one| one.from).collect();
    for (at, resource) in input.resources.iter().enumerate() {
        if !from.contains(&at)
            && let Some(id) = id(&resource.node)
        {
            seen.insert(id, (resource.node.span, None));
        }
    }
    let mut faults = Vec::new();
    for expansion in expansions {
        let typed = &input.resources[expansion.from].node;
        for node in &expansion.objects {
            let Some(id) = id(node) else { continue };
            let what = format!("{} {}", id.1, id.3);
            match seen.get(&id) {
                None => {
                    seen.insert(id, (typed.span, Some(expansion.from)));
                }
                Some((other, maker)) => {
                    let remark = if maker.is_some() {
                        "this makes it too"
                    } else {
                        "this is it"
                    };
                    faults.push(
                        Diagnostic::error("same-object", format!("{what} is there twice"))
                            .at(typed.span, "this makes it")
                            .also(*other, remark)
                            .hint("rename one of them"),
                    );
                }
            }
        }
    }
    faults
}

#[cfg(test)]
impl Library {
    /// Each template's text with the marks taken out, and rendered without any.
    pub(super) fn renders_both_ways(
        &self,
        resources: &[ExpandResource],
        sources: &Sources,
    ) -> Vec<(String, String)> {
        let typed: Vec<Prepared<'_>> = resources
            .iter()
            .enumerate()
            .filter_map(|(at, resource)| {
                let object = Object::from_node(resource.node.clone())?;
                let (kind, spec, _) = self.prepare(&object, sources).ok()?;
                Some(Prepared {
                    at,
                    kind,
                    spec,
                    object,
                    whole: true,
                })
            })
            .collect();
        let urls = services::Services::of(&typed, resources);
        let render = |one: &Prepared<'_>| {
            let subject = subject(one, &resources[one.at], urls.seen_by(one, resources));
            let template = one.kind.info.template.as_ref()?;
            let marked = self.engine.render(template, &subject, sources).ok()?;
            let plain = self.engine.render_plain(template, &subject, sources).ok()?;
            Some((marked.text, plain))
        };
        typed.iter().filter_map(render).collect()
    }
}
