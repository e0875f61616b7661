//! Fails closed: real kustomize does not look into typed kinds, so an `images:` or `labels:` that
//! no `configurations:` file leads there would be passed over, and the old image go out.
//!
//! By the time a function runs this has happened already, in its own kustomization or in one
//! below; so they are read here, and nothing in them is carried out.

use std::collections::HashSet;

use smol_str::SmolStr;

use super::tree::{Declared, Reader, Scope, Seen};
use super::{Call, GROUP};
use crate::kustomize::config::RawConfig;
use crate::kustomize::expand::{ExpandResource, TypedField, TypedFieldSpec};
use crate::kustomize::fieldspec::FieldSpec;
use crate::kustomize::load::{Files, Keep};
use crate::kustomize::run::is_kustomization;
use crate::manifest::{Diagnostic, Diagnostics, Gvk, Node, Object, Span};

/// Refuses `Validate` among the transformers: it answers nothing, which kustomize takes there for
/// an empty build.
///
/// # Errors
/// The entry that lists it; a kustomization that cannot be read.
pub(super) fn check_validator(call: &Call<'_>, config: &Object) -> Result<(), Diagnostics> {
    if !is_kustomization(call.root) {
        return Ok(());
    }
    let files = Files::new(call.sources, Keep::ForOthers);
    let root = files.root(call.root)?;
    let loaded = files.kustomization(&root);
    let loaded = loaded.as_ref().as_ref().map_err(Clone::clone)?.whole()?;
    let mut reader = Reader::new(&files);
    for entry in &loaded.kustomization.transformers {
        let is_this = |declared: &Declared| {
            declared.gvk.group == GROUP
                && declared.gvk.kind == config.kind()
                && declared.name == config.name()
        };
        if reader.plugins(&root, entry)?.iter().any(is_this) {
            let message = "`Validate` is a validator; as a transformer it would empty the build";
            return Err(Diagnostic::error("function-config", message)
                .at(entry.span, "listed here")
                .hint("list it in `validators`")
                .into());
        }
    }
    Ok(())
}

/// Refuses a build in which a field of a kustomization concerns a typed resource and does not
/// reach it.
///
/// # Errors
/// Each such field, with its place; kustomizations that cannot be read.
pub(super) fn check(call: &Call<'_>, resources: &[ExpandResource]) -> Result<(), Diagnostics> {
    let items: Vec<Typed> = resources
        .iter()
        .filter_map(|item| typed(call, item))
        .collect();
    if items.is_empty() || !is_kustomization(call.root) {
        return Ok(());
    }
    let files = Files::new(call.sources, Keep::ForOthers);
    let root = files.root(call.root)?;
    let mut reader = Reader::new(&files);
    let mut all = Seen::default();
    reader.read(&root, &mut all)?;
    // What no file declares comes from afar or from a generator: it may come through any of them.
    let found: HashSet<(SmolStr, SmolStr)> = all.declared.iter().map(Declared::key).collect();
    let is_lost = |item: &&Typed| !found.contains(&(item.gvk.kind.clone(), item.original.clone()));
    let lost: Vec<&Typed> = items.iter().filter(is_lost).collect();
    let mut faults: Vec<Diagnostic> = Vec::new();
    for scope in &reader.scopes {
        let mut targets = targets(scope, &items);
        targets.extend(lost.iter().map(|item| Target {
            item,
            declared: None,
        }));
        let check = Check {
            scope,
            targets,
            fields: call.typed.field_specs(),
        };
        faults.extend(check.faults());
    }
    let mut places: HashSet<Option<Span>> = HashSet::new();
    faults.retain(|fault| places.insert(fault.primary.as_ref().map(|label| label.span)));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

/// A typed resource as the function sees it.
struct Typed {
    gvk: Gvk,
    original: SmolStr,
    names: Vec<SmolStr>,
    node: Node,
}

/// A typed resource that comes through a kustomization.
struct Target<'t> {
    item: &'t Typed,
    declared: Option<&'t Declared>,
}

/// What comes through a kustomization and is still there when the function runs.
fn targets<'t>(scope: &'t Scope, items: &'t [Typed]) -> Vec<Target<'t>> {
    let mut targets = Vec::new();
    for declared in &scope.seen.declared {
        let is_it = |item: &&Typed| {
            item.gvk.kind == declared.gvk.kind
                && item.gvk.group == declared.gvk.group
                && item.original == declared.name
        };
        targets.extend(items.iter().filter(is_it).map(|item| Target {
            item,
            declared: Some(declared),
        }));
    }
    targets
}

/// One kustomization against the typed resources that come through it.
struct Check<'k> {
    scope: &'k Scope,
    targets: Vec<Target<'k>>,
    fields: &'k [TypedFieldSpec],
}

impl Check<'_> {
    fn faults(&self) -> Vec<Diagnostic> {
        let Some(kustomization) = self.scope.kustomization() else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        for image in &kustomization.images {
            let concerns = |target: &Target<'_>, spec: &FieldSpec| {
                target.values(spec).iter().any(|value| image.matches(value))
            };
            let reached = |spec: &FieldSpec| self.is_reached(spec, &[], |raw| vec![&raw.images]);
            faults.extend(self.fault(
                "images",
                TypedField::Images,
                image.name.span,
                concerns,
                reached,
            ));
        }
        for replica in &kustomization.replicas {
            let concerns = |target: &Target<'_>, _: &FieldSpec| target.is_called(&replica.name);
            let reached = |spec: &FieldSpec| self.is_reached(spec, &[], |raw| vec![&raw.replicas]);
            faults.extend(self.fault(
                "replicas",
                TypedField::Replicas,
                replica.span,
                concerns,
                reached,
            ));
        }
        for label in kustomization
            .labels
            .iter()
            .filter(|label| !label.pairs.is_empty())
        {
            let own = &label.fields;
            if label.include_selectors {
                let reached = |spec: &FieldSpec| {
                    self.is_reached(spec, own, |raw| vec![&raw.common_labels, &raw.labels])
                };
                faults.extend(self.fault(
                    "labels",
                    TypedField::Selectors,
                    label.span,
                    any,
                    reached,
                ));
            } else if label.include_templates {
                let reached = |spec: &FieldSpec| {
                    self.is_reached(spec, own, |raw| vec![&raw.template_labels, &raw.labels])
                };
                faults.extend(self.fault(
                    "labels",
                    TypedField::Templates,
                    label.span,
                    any,
                    reached,
                ));
            }
        }
        if let Some((_, text)) = kustomization.common_labels.first() {
            let reached =
                |spec: &FieldSpec| self.is_reached(spec, &[], |raw| vec![&raw.common_labels]);
            faults.extend(self.fault(
                "commonLabels",
                TypedField::Selectors,
                text.span,
                any,
                reached,
            ));
        }
        if let Some((_, text)) = kustomization.common_annotations.first() {
            let reached =
                |spec: &FieldSpec| self.is_reached(spec, &[], |raw| vec![&raw.common_annotations]);
            let field = TypedField::Annotations;
            faults.extend(self.fault("commonAnnotations", field, text.span, any, reached));
        }
        faults
    }

    /// The fault of one entry: the first typed resource and field that it should reach and does
    /// not.
    fn fault(
        &self,
        name: &str,
        field: TypedField,
        span: Span,
        concerns: impl Fn(&Target<'_>, &FieldSpec) -> bool,
        reached: impl Fn(&FieldSpec) -> bool,
    ) -> Option<Diagnostic> {
        let wanted = self.fields.iter().filter(|wanted| wanted.field == field);
        let mut missed = wanted.flat_map(|wanted| {
            let version = |target: &Target<'_>| target.item.gvk.version.clone();
            let is_meant = |target: &&Target<'_>| {
                target.item.gvk.kind == wanted.kind && target.item.gvk.group == wanted.group
            };
            self.targets.iter().filter(is_meant).map(move |target| {
                let version = version(target);
                let (path, create) = (&wanted.path, wanted.create);
                (
                    target,
                    FieldSpec::new(&wanted.group, &version, &wanted.kind, path, create),
                )
            })
        });
        let (target, spec) =
            missed.find(|(target, spec)| concerns(target, spec) && !reached(spec))?;
        let keys: Vec<&str> = spec.keys().map(SmolStr::as_str).collect();
        let path = keys.join(".");
        let object = Object {
            root: target.item.node.clone(),
        };
        Some(
            Diagnostic::error(
                "unreached-field",
                format!("`{name}` does not reach `{path}` of {}", object.describe()),
            )
            .at(span, "kustomize passes over this kind")
            .in_object(object.describe())
            .field(path)
            .note("its own transformers do not look into typed resources")
            .hint(
                "list the fields once, in the base: `deployx templates kustomize-config > \
                 deployx-fields.yaml`, then `configurations: [deployx-fields.yaml]`",
            ),
        )
    }

    /// Whether a field spec of the entry itself or of a configuration leads to the field.
    fn is_reached<'r>(
        &'r self,
        wanted: &FieldSpec,
        own: &'r [FieldSpec],
        lists: impl Fn(&'r RawConfig) -> Vec<&'r Vec<FieldSpec>>,
    ) -> bool {
        let configs = self.scope.seen.configs.iter().flat_map(|raw| lists(raw));
        let mut specs = configs.flatten().chain(own);
        specs.any(|spec| {
            spec.selects(&wanted.gvk)
                && spec.keys().eq(wanted.keys())
                && (spec.create || !wanted.create)
        })
    }
}

impl Target<'_> {
    /// What stands at a field, in the file and when the function runs: what lies between has
    /// gone, and with it what it would have changed.
    fn values(&self, spec: &FieldSpec) -> Vec<&str> {
        let mut values = Vec::new();
        let declared = self.declared.map(|declared| &declared.node);
        for node in declared.into_iter().chain([&self.item.node]) {
            spec.visit(node, &mut |node| values.extend(node.scalar_text()));
        }
        values
    }

    fn is_called(&self, name: &str) -> bool {
        self.item.names.iter().any(|known| known == name)
    }
}

fn any(_: &Target<'_>, _: &FieldSpec) -> bool {
    true
}

fn typed(call: &Call<'_>, resource: &ExpandResource) -> Option<Typed> {
    let object = Object::from_node(resource.node.clone())?;
    let gvk = object.gvk();
    call.typed.is_typed(&gvk.group, &gvk.kind).then(|| {
        let mut names = resource.previous_names.clone();
        names.push(object.name().into());
        Typed {
            gvk,
            original: resource.original_name.clone(),
            names,
            node: object.root,
        }
    })
}
