//! kustomize's own plugins, configured by objects of `apiVersion: builtin`.

use smol_str::SmolStr;

use super::accumulate::{Accumulator, Chain};
use super::config::read_fields;
use super::decode::{Fields, Text};
use super::fieldspec::{FieldSpec, FieldSpecs, split_escaped};
use super::generators::{self, Generated};
use super::kustomization::{Patch, Replica, read_patch_fields};
use super::names::{self, Side};
use super::namespace::{self, NamespaceRule, Subjects};
use super::resource::{Resource, raw_text, set_scalar};
use super::run::Run;
use super::selector::Selector;
use super::value_path::{MakeKind, ValuePath};
use super::{hash, helm_charts, images, labels, patch, replacements};
use crate::manifest::{Diagnostic, Diagnostics, Map, Node};

/// Whether an object configures one of kustomize's own plugins.
pub(crate) fn is_builtin(config: &Resource) -> bool {
    config.gvk.group.is_empty() && config.gvk.version == "builtin"
}

/// Runs a generator; `None` when the kind is none.
pub(crate) fn generate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    config: &Resource,
) -> Option<Result<Vec<Resource>, Diagnostics>> {
    let mut faults = Vec::new();
    let mut fields = Fields::of_plugin(&config.node, "a generator", &mut faults).without_coercion();
    let kind = match config.gvk.kind.as_str() {
        "ConfigMapGenerator" => Generated::ConfigMap,
        "SecretGenerator" => Generated::Secret,
        "HelmChartInflationGenerator" => return Some(helm_charts::plugin(run, chain, config)),
        "IAMPolicyGenerator" => return Some(iam_policy(run, config).map(|made| vec![made])),
        _ => return None,
    };
    let args = generators::read_plugin(&mut fields, &config.name, &config.namespace);
    if !faults.is_empty() {
        return Some(Err(Diagnostics(faults)));
    }
    Some(generators::make(run, chain.dir(), &args, kind).map(|made| vec![made]))
}

/// Runs a transformer; `None` when the kind is none.
pub(crate) fn transform(
    run: &Run<'_>,
    chain: &Chain<'_>,
    config: &Resource,
    into: &mut Accumulator,
) -> Option<Result<(), Diagnostics>> {
    let mut faults = Vec::new();
    let fields = Fields::of_plugin(&config.node, "a transformer", &mut faults);
    let done = dispatch(run, chain, config, fields, into)?;
    if !faults.is_empty() {
        return Some(Err(Diagnostics(faults)));
    }
    Some(done)
}

fn dispatch(
    run: &Run<'_>,
    chain: &Chain<'_>,
    config: &Resource,
    mut fields: Fields<'_, '_>,
    into: &mut Accumulator,
) -> Option<Result<(), Diagnostics>> {
    let dir = chain.dir();
    let map = &mut into.map;
    let specs = |fields: &mut Fields<'_, '_>| FieldSpecs::new(read_fields(fields, "fieldSpecs"));
    let done = match config.gvk.kind.as_str() {
        "AnnotationsTransformer" => {
            let pairs = fields.pairs("annotations");
            labels::transform(map, &pairs, &specs(&mut fields))
        }
        "LabelTransformer" => {
            let pairs = fields.pairs("labels");
            labels::transform(map, &pairs, &specs(&mut fields))
        }
        "HashTransformer" => {
            add_hashes(into);
            Ok(())
        }
        "ImageTagTransformer" => {
            let image = fields.node("imageTag");
            let image = image.map(|node| {
                images::read(&mut Fields::of_plugin(node, "an image", fields.faults()))
            });
            let images: Vec<_> = image.into_iter().collect();
            let mut warnings = Vec::new();
            let done = images::transform(map, &images, &specs(&mut fields), &mut warnings);
            run.warn_all(warnings);
            done
        }
        "NamespaceTransformer" => return Some(set_namespace(&mut fields, config, into)),
        "PrefixTransformer" => affix(&mut fields, into, &[Side::Prefix]),
        "SuffixTransformer" => affix(&mut fields, into, &[Side::Suffix]),
        "PrefixSuffixTransformer" => affix(&mut fields, into, &[Side::Prefix, Side::Suffix]),
        "PatchTransformer" => {
            let patch = read_patch_fields(&mut fields);
            return Some(patch::apply(run, dir, map, &patch));
        }
        "PatchJson6902Transformer" => {
            let target = fields.node("target");
            let target = target.map(|node| Selector::read(node, &mut fields));
            let patch = Patch {
                path: fields.filled("path"),
                inline: fields.filled("jsonOp"),
                target,
                allow_name_change: false,
                allow_kind_change: false,
                unknown_options: Vec::new(),
                span: fields.span(),
            };
            return Some(patch::apply_json6902(run, dir, map, &patch));
        }
        "PatchStrategicMergeTransformer" => {
            let mut entries = fields.texts("paths");
            entries.extend(fields.filled("patches"));
            if entries.is_empty() {
                let message = "this transformer needs `paths` or `patches`";
                let fault = Diagnostic::error("patch", message);
                return Some(Err(fault.at(fields.span(), "").into()));
            }
            return Some(patch::apply_strategic_merge(run, dir, map, &entries));
        }
        "ReplacementTransformer" => {
            let entries = replacements::read_entries(&mut fields);
            return Some(replacements::transform(run, dir, map, &entries));
        }
        "ReplicaCountTransformer" => {
            let replica = read_replica(&mut fields);
            names::replicas(map, &replica, &specs(&mut fields))
        }
        "ValueAddTransformer" => return Some(add_values(run, chain, &mut fields, into)),
        _ => return None,
    };
    Some(done.map_err(Diagnostics))
}

fn add_hashes(into: &mut Accumulator) {
    hash::suffix_names(&mut into.map);
}

fn affix(
    fields: &mut Fields<'_, '_>,
    into: &mut Accumulator,
    sides: &[Side],
) -> Result<(), Vec<Diagnostic>> {
    let span = fields.span();
    let has_specs = fields.node("fieldSpecs").is_some();
    let specs = FieldSpecs::new(read_fields(fields, "fieldSpecs"));
    if !has_specs {
        let message = "this transformer needs `fieldSpecs`";
        return Err(vec![Diagnostic::error("field-specs", message).at(span, "")]);
    }
    for &side in sides {
        let name = match side {
            Side::Prefix => "prefix",
            Side::Suffix => "suffix",
        };
        let text = fields.text(name).unwrap_or_else(|| Text {
            value: SmolStr::default(),
            span,
        });
        names::affix(&mut into.map, &text, side, &specs)?;
    }
    Ok(())
}

fn set_namespace(
    fields: &mut Fields<'_, '_>,
    config: &Resource,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let specs = read_fields(fields, "fieldSpecs");
    let subjects = match fields.text("setRoleBindingSubjects") {
        None => Subjects::DefaultOnly,
        Some(text) => match text.value.as_str() {
            "" | "defaultOnly" => Subjects::DefaultOnly,
            "allServiceAccounts" => Subjects::AllServiceAccounts,
            "none" => Subjects::None,
            other => {
                let message = format!("`{other}` is no mode of `setRoleBindingSubjects`");
                return Err(Diagnostic::error("role-binding-subjects", message)
                    .at(text.span, "`defaultOnly`, `allServiceAccounts` or `none`")
                    .into());
            }
        },
    };
    if config.namespace.is_empty() {
        return Ok(());
    }
    let written = config.node.at(&["metadata", "namespace"]);
    let namespace = Text {
        value: config.namespace.clone(),
        span: written.map_or(config.node.span, |node| node.span),
    };
    let rule = NamespaceRule {
        namespace: &namespace,
        specs: &specs,
        subjects,
        unset_only: fields.flag("unsetOnly"),
    };
    namespace::transform(&mut into.map, &rule).map_err(Diagnostics)
}

fn read_replica(fields: &mut Fields<'_, '_>) -> Replica {
    let span = fields.span();
    let Some(node) = fields.node("replica") else {
        return Replica {
            name: SmolStr::default(),
            count: 0,
            span,
        };
    };
    let mut fields = Fields::of_plugin(node, "`replica`", fields.faults());
    Replica {
        name: fields.plain("name"),
        count: fields.integer("count").map_or(0, |count| count.value),
        span: node.span,
    }
}

/// One target of a ValueAddTransformer.
struct ValueTarget {
    select: Option<Selector>,
    path: SmolStr,
    /// Where in a file path the value goes, from 1; 0 replaces the whole.
    position: usize,
}

fn add_values(
    run: &Run<'_>,
    chain: &Chain<'_>,
    fields: &mut Fields<'_, '_>,
    into: &mut Accumulator,
) -> Result<(), Diagnostics> {
    let span = fields.span();
    let mut value = fields.plain("value").trim().to_owned();
    if value.is_empty() {
        let name = chain.dir().real.file_name();
        value = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    }
    let mut targets = read_value_targets(fields);
    if let Some(path) = fields.filled("targetFilePath") {
        let file = run.text(chain.dir(), &path)?;
        let root = run.files().document(file)?;
        let mut faults = Vec::new();
        let mut fields = Fields::of_plugin(&root, "a list of targets", &mut faults);
        targets.extend(read_value_targets(&mut fields));
        if !faults.is_empty() {
            return Err(Diagnostics(faults));
        }
    }
    if targets.is_empty() {
        let message = "this transformer needs at least one target";
        return Err(Diagnostic::error("value-target", message)
            .at(span, "")
            .into());
    }
    let text = Text {
        value: value.as_str().into(),
        span,
    };
    for target in &targets {
        let selected = match &target.select {
            Some(select) => select.select(&mut into.map)?,
            None => into.map.positions(),
        };
        for at in selected {
            add_value(into.map.get_mut(at), target, &text)?;
        }
        into.map.renamed();
    }
    Ok(())
}

fn read_value_targets(fields: &mut Fields<'_, '_>) -> Vec<ValueTarget> {
    let mut targets = Vec::new();
    for item in fields.items("targets") {
        let mut fields = Fields::of_plugin(item, "a target", fields.faults());
        let select = fields.node("selector");
        let select = select.map(|node| Selector::read(node, &mut fields));
        let path = fields.plain("fieldPath");
        let position = fields.integer("filePathPosition").map_or(0, |n| n.value);
        let fault = match (path.is_empty(), usize::try_from(position)) {
            (false, Ok(position)) => {
                targets.push(ValueTarget {
                    select,
                    path,
                    position,
                });
                continue;
            }
            (true, _) => "a target needs a `fieldPath`",
            (_, Err(_)) => "`filePathPosition` cannot be negative",
        };
        let fault = Diagnostic::error("value-target", fault).at(item.span, "");
        fields.faults().push(fault);
    }
    targets
}

fn add_value(
    resource: &mut Resource,
    target: &ValueTarget,
    value: &Text,
) -> Result<(), Diagnostic> {
    let fault = |message: String| Diagnostic::error("value-field", message).at(value.span, "");
    if target.path == "metadata/namespace" {
        let rule = NamespaceRule {
            namespace: value,
            specs: &[],
            subjects: Subjects::DefaultOnly,
            unset_only: false,
        };
        let metadata = FieldSpec::new("", "", "", "metadata/namespace", true);
        namespace::transform_one(resource, &rule, &metadata)
            .map_err(|error| fault(error.message))?;
    } else {
        let path = ValuePath(split_escaped(&target.path, '/'));
        path.visit(&mut resource.node, Some(MakeKind::Scalar), &mut |field| {
            if field.as_scalar().is_none() {
                return Err(format!("`{}` is {}", target.path, field.describe()));
            }
            let new = match target.position {
                0 => value.value.to_string(),
                position => insert_part(&raw_text(field), position - 1, &value.value),
            };
            set_scalar(field, &new, value.span);
            Ok(())
        })
        .map_err(fault)?;
    }
    resource.refresh_names();
    Ok(())
}

/// Inserts a part into a file path; the position counts without a leading slash.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    let joined = parts.join("/");
    if absolute {
        format!("/{joined}")
    } else {
        joined
    }
}

/// A service account that is bound to one of Google Cloud.
fn iam_policy(run: &Run<'_>, config: &Resource) -> Result<Resource, Diagnostics> {
    let text = |path: &[&str]| config.node.at(path).map(raw_text).unwrap_or_default();
    let span = config.node.span;
    let cloud = text(&["cloud"]);
    if cloud != "gke" {
        let message = format!("`cloud: {cloud}` is not supported; only `gke` is");
        return Err(Diagnostic::error("iam-cloud", message).at(span, "").into());
    }
    let account = format!(
        "{}@{}.iam.gserviceaccount.com",
        text(&["serviceAccount", "name"]),
        text(&["serviceAccount", "projectId"])
    );
    let node = |text: &str| Node::string(text, span);
    let mut annotations = Map::new();
    annotations.set("iam.gke.io/gcp-service-account", node(&account));
    let mut metadata = Map::new();
    metadata.set("annotations", Node::map(annotations, span));
    metadata.set("name", node(&text(&["kubernetesService", "name"])));
    let namespace = text(&["kubernetesService", "namespace"]);
    if !namespace.is_empty() {
        metadata.set("namespace", node(&namespace));
    }
    let mut root = Map::new();
    root.set("apiVersion", node("v1"));
    root.set("kind", node("ServiceAccount"));
    root.set("metadata", Node::map(metadata, span));
    Ok(Resource::new(Node::map(root, span), &run.schema()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_into_file_paths() {
        // The table of kustomize's ValueAddTransformer.
        for (path, position, want) in [
            ("", 1, "PEACH"),
            ("/", 1, "/PEACH"),
            ("pie", 1, "PEACH/pie"),
            ("/pie", 1, "/PEACH/pie"),
            ("raw", 2, "raw/PEACH"),
            ("/raw", 2, "/raw/PEACH"),
            ("a/nice/warm/pie", 4, "a/nice/warm/PEACH/pie"),
            ("/a/nice/warm/pie", 4, "/a/nice/warm/PEACH/pie"),
            ("a", 99, "a/PEACH"),
        ] {
            assert_eq!(
                insert_part(path, position - 1, "PEACH"),
                want,
                "{path} {position}"
            );
        }
    }
}
