//! The transformer configuration of a build: the default field specs, those of typed kinds, and
//! what `configurations:` and `crds:` add.

use std::sync::{Arc, LazyLock};

use smol_str::SmolStr;

use super::compat::Compat;
use super::decode::Fields;
use super::defaults;
use super::expand::{TypedField, TypedFieldSpec};
use super::fieldspec::{FieldSpec, FieldSpecs, merge_one};
use super::order::kind_rank;
use crate::manifest::{Diagnostic, Gvk, Node};

/// Field specs as a file lists them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawConfig {
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) var_reference: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
    pub(crate) name_reference: Vec<BackReference>,
}

/// What fields refer to.
#[derive(Clone, Debug)]
pub(crate) struct BackReference {
    /// The kind that is referred to; an empty part means any.
    pub(crate) target: Gvk,
    /// The fields that hold its name.
    pub(crate) referrers: Vec<FieldSpec>,
}

/// A configuration ready for use.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) raw: RawConfig,
    pub(crate) name_prefix: FieldSpecs,
    pub(crate) name_suffix: FieldSpecs,
    pub(crate) common_labels: FieldSpecs,
    pub(crate) common_annotations: FieldSpecs,
    pub(crate) var_reference: FieldSpecs,
    pub(crate) images: FieldSpecs,
    pub(crate) replicas: FieldSpecs,
    pub(crate) name_reference: NameReferences,
}

/// Fields that hold names, by the kind that holds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameReferences {
    specs: FieldSpecs,
    /// For each spec, the kind that it refers to.
    targets: Vec<Gvk>,
}

impl NameReferences {
    /// The fields of an object that hold names, each with the kind that it refers to.
    pub(crate) fn of<'s>(&'s self, gvk: &'s Gvk) -> impl Iterator<Item = (&'s FieldSpec, &'s Gvk)> {
        self.specs
            .of_indexed(gvk)
            .map(|(at, spec)| (spec, &self.targets[at]))
    }

    fn new(references: &[BackReference]) -> Self {
        let mut sorted: Vec<&BackReference> = references.iter().collect();
        sorted.sort_by_cached_key(|reference| {
            let gvk = &reference.target;
            (kind_rank(&gvk.kind), super::order::gvk_key(gvk))
        });
        let mut specs = Vec::new();
        let mut targets = Vec::new();
        for reference in sorted {
            for spec in &reference.referrers {
                specs.push(spec.clone());
                targets.push(reference.target.clone());
            }
        }
        Self {
            specs: FieldSpecs::new(specs),
            targets,
        }
    }
}

impl Config {
    /// Compiles field specs into look-ups.
    pub(crate) fn new(raw: RawConfig) -> Self {
        Self {
            name_prefix: FieldSpecs::new(raw.name_prefix.clone()),
            name_suffix: FieldSpecs::new(raw.name_suffix.clone()),
            common_labels: FieldSpecs::new(raw.common_labels.clone()),
            common_annotations: FieldSpecs::new(raw.common_annotations.clone()),
            var_reference: FieldSpecs::new(raw.var_reference.clone()),
            images: FieldSpecs::new(raw.images.clone()),
            replicas: FieldSpecs::new(raw.replicas.clone()),
            name_reference: NameReferences::new(&raw.name_reference),
            raw,
        }
    }

    /// kustomize's defaults.
    pub(crate) fn default_config() -> &'static Arc<Config> {
        static DEFAULT: LazyLock<Arc<Config>> =
            LazyLock::new(|| Arc::new(Config::new(RawConfig::defaults())));
        &DEFAULT
    }

    /// kustomize's defaults, as the version has them, and the fields of typed kinds.
    pub(crate) fn with_typed(specs: &[TypedFieldSpec], compat: Compat) -> Arc<Config> {
        if specs.is_empty() && compat == Compat::default() {
            return Arc::clone(Config::default_config());
        }
        let mut raw = RawConfig::defaults();
        if compat.is_5_5() {
            raw.images
                .retain(|spec| !spec.path.ends_with("image/reference"));
        }
        for spec in specs {
            let field = FieldSpec::new(&spec.group, "", &spec.kind, &spec.path, spec.create);
            match spec.field {
                TypedField::Images => raw.images.push(field),
                TypedField::Replicas => raw.replicas.push(field),
                TypedField::Selectors => raw.common_labels.push(field),
                TypedField::Templates => raw.template_labels.push(field),
                TypedField::Annotations => raw.common_annotations.push(field),
            }
        }
        Arc::new(Config::new(raw))
    }
}

impl RawConfig {
    fn defaults() -> Self {
        let names = || fields_of(defaults::NAMES);
        let template_labels = fields_of(defaults::TEMPLATE_LABELS);
        let mut common_labels = fields_of(defaults::SELECTOR_LABELS);
        common_labels.extend(template_labels.iter().cloned());
        Self {
            name_prefix: names(),
            name_suffix: names(),
            namespace: fields_of(defaults::NAMESPACE),
            common_labels,
            labels: Vec::new(),
            template_labels,
            common_annotations: fields_of(defaults::ANNOTATIONS),
            var_reference: fields_of(defaults::VAR_REFERENCES),
            images: fields_of(defaults::IMAGES),
            replicas: fields_of(defaults::REPLICAS),
            name_reference: references_of(defaults::NAME_REFERENCES),
        }
    }

    /// Adds the specs of another configuration.
    ///
    /// # Errors
    /// The path of a field that is there with another `create`.
    pub(crate) fn merge(&mut self, other: &RawConfig) -> Result<(), SmolStr> {
        for (list, more) in [
            (&mut self.name_prefix, &other.name_prefix),
            (&mut self.name_suffix, &other.name_suffix),
            (&mut self.namespace, &other.namespace),
            (&mut self.common_labels, &other.common_labels),
            (&mut self.labels, &other.labels),
            (&mut self.template_labels, &other.template_labels),
            (&mut self.common_annotations, &other.common_annotations),
            (&mut self.var_reference, &other.var_reference),
            (&mut self.images, &other.images),
            (&mut self.replicas, &other.replicas),
        ] {
            merge_fields(list, more)?;
        }
        for reference in &other.name_reference {
            let known = self
                .name_reference
                .iter_mut()
                .find(|known| known.target == reference.target);
            match known {
                Some(known) => merge_fields(&mut known.referrers, &reference.referrers)?,
                None => self.name_reference.push(reference.clone()),
            }
        }
        Ok(())
    }

    /// Brings the specs into kustomize's order and drops those that come after a narrower one of
    /// the same field: kustomize sorts its lists, and then adds them to an empty configuration.
    ///
    /// # Errors
    /// As [`RawConfig::merge`].
    pub(crate) fn settle(&mut self) -> Result<(), SmolStr> {
        for list in [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.common_annotations,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ] {
            let mut sorted = std::mem::take(list);
            sorted.sort_by_cached_key(|spec| {
                (kind_rank(&spec.gvk.kind), super::order::gvk_key(&spec.gvk))
            });
            merge_fields(list, &sorted)?;
        }
        Ok(())
    }

    /// Reads a file that `configurations:` lists.
    ///
    /// # Errors
    /// Every unknown field and wrong type.
    pub(crate) fn read(root: &Node) -> Result<Self, Vec<Diagnostic>> {
        const FIELDS: &[&str] = &[
            "namePrefix",
            "nameSuffix",
            "namespace",
            "commonLabels",
            "labels",
            "templateLabels",
            "commonAnnotations",
            "nameReference",
            "varReference",
            "images",
            "replicas",
        ];
        let mut faults = Vec::new();
        let mut fields = Fields::new(root, "a transformer configuration", FIELDS, &mut faults);
        let config = Self {
            name_prefix: read_fields(&mut fields, "namePrefix"),
            name_suffix: read_fields(&mut fields, "nameSuffix"),
            namespace: read_fields(&mut fields, "namespace"),
            common_labels: read_fields(&mut fields, "commonLabels"),
            labels: read_fields(&mut fields, "labels"),
            template_labels: read_fields(&mut fields, "templateLabels"),
            common_annotations: read_fields(&mut fields, "commonAnnotations"),
            var_reference: read_fields(&mut fields, "varReference"),
            images: read_fields(&mut fields, "images"),
            replicas: read_fields(&mut fields, "replicas"),
            name_reference: read_references(&mut fields),
        };
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(faults)
        }
    }
}

/// Reads a list of field specs.
pub(crate) fn read_fields(fields: &mut Fields<'_, '_>, name: &str) -> Vec<FieldSpec> {
    const FIELDS: &[&str] = &["group", "version", "kind", "path", "create"];
    let items = fields.items(name);
    let mut specs = Vec::with_capacity(items.len());
    for item in items {
        specs.push(read_field(fields.inner(item, "a field spec", FIELDS)));
    }
    specs
}

fn read_field(mut fields: Fields<'_, '_>) -> FieldSpec {
    let (group, version) = (fields.plain("group"), fields.plain("version"));
    let (kind, path) = (fields.plain("kind"), fields.plain("path"));
    FieldSpec::new(&group, &version, &kind, &path, fields.flag("create"))
}

fn read_references(fields: &mut Fields<'_, '_>) -> Vec<BackReference> {
    const FIELDS: &[&str] = &["group", "version", "kind", "fieldSpecs"];
    let mut references: Vec<BackReference> = Vec::new();
    for item in fields.items("nameReference") {
        let mut fields = Fields::new(item, "a name reference", FIELDS, fields.faults());
        let target = Gvk {
            group: fields.plain("group"),
            version: fields.plain("version"),
            kind: fields.plain("kind"),
        };
        references.push(BackReference {
            target,
            referrers: read_fields(&mut fields, "fieldSpecs"),
        });
    }
    references
}

fn merge_fields(list: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<(), SmolStr> {
    more.iter()
        .try_for_each(|spec| merge_one(list, spec.clone()))
        .map_err(|spec| spec.path)
}

fn fields_of(table: &str) -> Vec<FieldSpec> {
    table.lines().flat_map(fields_of_line).collect()
}

fn fields_of_line(line: &str) -> Vec<FieldSpec> {
    let part = |text: &str| {
        if text == "-" {
            String::new()
        } else {
            text.to_owned()
        }
    };
    let words: Vec<&str> = line.splitn(5, ' ').collect();
    match words.as_slice() {
        [mark, path] => defaults::pod_specs(mark)
            .iter()
            .map(|(version, kind, pod)| {
                FieldSpec::new("", version, kind, &format!("{pod}/{path}"), false)
            })
            .collect(),
        [group, version, kind, create, path] => {
            let (group, version, kind) = (part(group), part(version), part(kind));
            vec![FieldSpec::new(
                &group,
                &version,
                &kind,
                path,
                *create == "create",
            )]
        }
        _ => Vec::new(),
    }
}

fn references_of(table: &str) -> Vec<BackReference> {
    let mut references: Vec<BackReference> = Vec::new();
    for line in table.lines() {
        if let Some(target) = line.strip_prefix("@ ") {
            let mut parts = target
                .split(' ')
                .map(|part| SmolStr::new(if part == "-" { "" } else { part }));
            let mut next = || parts.next().unwrap_or_default();
            let target = Gvk {
                group: next(),
                version: next(),
                kind: next(),
            };
            references.push(BackReference {
                target,
                referrers: Vec::new(),
            });
        } else if let Some(reference) = references.last_mut() {
            reference.referrers.extend(fields_of_line(line));
        }
    }
    references
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_tables_hold_kustomizes_fields() {
        let config = Config::default_config();
        // Counted in kustomize 5.8.1's consts.
        assert_eq!(config.common_labels.all().len(), 32);
        assert_eq!(config.common_annotations.all().len(), 9);
        let deployment = Gvk::new("apps/v1", "Deployment");
        let references: Vec<String> = config
            .name_reference
            .of(&deployment)
            .filter(|(_, target)| target.kind == "Secret")
            .map(|(spec, _)| spec.path.to_string())
            .collect();
        assert_eq!(references.len(), 7);
        assert!(references.contains(&"spec/template/spec/imagePullSecrets/name".to_owned()));
    }

    #[test]
    fn one_field_with_two_wishes_is_a_conflict() {
        let mut raw = RawConfig::defaults();
        let mut other = RawConfig {
            replicas: vec![FieldSpec::new("", "", "Deployment", "spec/replicas", true)],
            ..RawConfig::default()
        };
        assert_eq!(raw.merge(&other), Ok(()));
        assert_eq!(raw.replicas.len(), 4);
        other.replicas[0].create = false;
        assert_eq!(raw.merge(&other), Err("spec/replicas".into()));
    }

    #[test]
    fn a_narrower_field_takes_the_place_of_a_wider_one() {
        // Tried with kustomize 5.8.1: only `Foo` gets a prefix then.
        let mut raw = RawConfig::defaults();
        let other = RawConfig {
            name_prefix: vec![FieldSpec::new("", "", "Foo", "metadata/name", false)],
            ..RawConfig::default()
        };
        raw.merge(&other).unwrap();
        raw.settle().unwrap();
        assert_eq!(raw.name_prefix, other.name_prefix);
        assert_eq!(raw.common_labels.len(), 32);
    }
}
