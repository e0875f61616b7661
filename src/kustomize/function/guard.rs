//! Fails closed: real kustomize does not look into typed kinds, so an `images:` or `labels:` that
//! no `configurations:` file leads there would be passed over, and the old image go out.
//!
//! By the time a function runs this has happened already, in its own kustomization or in one
//! below; so they are read here, and nothing in them is carried out.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use smol_str::SmolStr;

use super::Call;
use crate::kustomize::config::RawConfig;
use crate::kustomize::decode::Text;
use crate::kustomize::expand::{ExpandResource, TypedField, TypedFieldSpec};
use crate::kustomize::fieldspec::FieldSpec;
use crate::kustomize::kustomization::Kustomization;
use crate::kustomize::load::{Dir, Files, LoadRestrictions, Loaded, Mode, shown_path};
use crate::kustomize::run::is_kustomization;
use crate::manifest::{Diagnostic, Diagnostics, Gvk, Node, Object, Span};

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
    let files = Files::new(call.sources);
    let root = files.root(call.root)?;
    let mut reader = Reader {
        files: &files,
        scopes: Vec::new(),
        open: Vec::new(),
    };
    let mut all = Seen::default();
    reader.read(&root, &mut all)?;
    // What no file declares comes from afar or from a generator: it may come through any of them.
    let found: HashSet<(SmolStr, SmolStr)> = all.declared.iter().map(Declared::key).collect();
    let is_lost = |item: &&Typed| !found.contains(&(item.gvk.kind.clone(), item.original.clone()));
    let lost: Vec<&Typed> = items.iter().filter(is_lost).collect();
    let mut faults: Vec<Diagnostic> = Vec::new();
    for scope in &reader.scopes {
        let mut targets = scope.targets(&items);
        targets.extend(lost.iter().map(|item| Target {
            item,
            declared: None,
        }));
        let fields = call.typed.field_specs();
        faults.extend(
            Check {
                scope,
                targets,
                fields,
            }
            .faults(),
        );
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

/// A typed resource as a file declares it.
#[derive(Clone)]
struct Declared {
    gvk: Gvk,
    name: SmolStr,
    node: Node,
}

impl Declared {
    fn key(&self) -> (SmolStr, SmolStr) {
        (self.gvk.kind.clone(), self.name.clone())
    }
}

/// What a kustomization has gathered when its own fields run.
#[derive(Clone, Default)]
struct Seen {
    declared: Vec<Declared>,
    configs: Vec<Arc<RawConfig>>,
}

/// A kustomization with what its fields act on.
struct Scope {
    loaded: Arc<Result<Loaded, Diagnostics>>,
    seen: Seen,
}

/// A typed resource that comes through a kustomization.
struct Target<'t> {
    item: &'t Typed,
    declared: Option<&'t Declared>,
}

/// Reads a tree of kustomizations from the leaves up, in kustomize's order.
struct Reader<'r, 's> {
    files: &'r Files<'s>,
    scopes: Vec<Scope>,
    open: Vec<Arc<Path>>,
}

impl Reader<'_, '_> {
    fn read(&mut self, dir: &Dir, seen: &mut Seen) -> Result<(), Diagnostics> {
        if self.open.contains(&dir.real) {
            return Ok(());
        }
        let loaded = self.files.kustomization(dir);
        let kustomization = match loaded.as_ref() {
            Ok(loaded) => &loaded.kustomization,
            Err(faults) => return Err(faults.clone()),
        };
        self.open.push(Arc::clone(&dir.real));
        for entry in &kustomization.resources {
            self.resource(dir, entry, seen)?;
        }
        for entry in &kustomization.configurations {
            seen.configs.push(self.config(dir, entry)?);
        }
        for entry in &kustomization.components {
            if let Some(component) = self.folder(dir, entry) {
                self.read(&component, seen)?;
            }
        }
        self.open.pop();
        self.scopes.push(Scope {
            loaded,
            seen: seen.clone(),
        });
        Ok(())
    }

    /// A file or folder; what is neither lies afar, and kustomize has fetched it.
    fn resource(&mut self, dir: &Dir, entry: &Text, into: &mut Seen) -> Result<(), Diagnostics> {
        if let Some(folder) = self.folder(dir, entry) {
            let mut base = Seen::default();
            self.read(&folder, &mut base)?;
            into.declared.extend(base.declared);
            into.configs.extend(base.configs);
            return Ok(());
        }
        let Ok((real, shown)) = self.files.find(dir, entry, LoadRestrictions::None) else {
            return Ok(());
        };
        let file = self.files.text(&real, &shown)?;
        let objects = self.files.objects(file, Mode::Resources);
        let objects = (*objects).as_ref().map_err(Clone::clone)?;
        into.declared.extend(objects.iter().filter_map(|node| {
            let object = Object::from_node(node.clone())?;
            Some(Declared {
                gvk: object.gvk(),
                name: object.name().into(),
                node: object.root,
            })
        }));
        Ok(())
    }

    fn folder(&self, dir: &Dir, entry: &Text) -> Option<Dir> {
        let real = self.files.resolve(dir, &entry.value).ok()?;
        real.is_dir().then(|| Dir {
            real,
            shown: shown_path(dir, &entry.value),
        })
    }

    fn config(&self, dir: &Dir, entry: &Text) -> Result<Arc<RawConfig>, Diagnostics> {
        let (real, shown) = self.files.find(dir, entry, LoadRestrictions::None)?;
        let file = self.files.text(&real, &shown)?;
        let root = self.files.document(file)?;
        RawConfig::read(&root).map(Arc::new).map_err(Diagnostics)
    }
}

impl Scope {
    fn kustomization(&self) -> Option<&Kustomization> {
        self.loaded
            .as_ref()
            .as_ref()
            .ok()
            .map(|loaded| &loaded.kustomization)
    }

    /// What comes through here and is still there when the function runs.
    fn targets<'t>(&'t self, items: &'t [Typed]) -> Vec<Target<'t>> {
        let mut targets = Vec::new();
        for declared in &self.seen.declared {
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
