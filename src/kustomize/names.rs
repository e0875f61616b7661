//! `namePrefix`, `nameSuffix` and `replicas`.

use smol_str::SmolStr;

use super::decode::Text;
use super::fieldspec::{FieldError, FieldSpecs, Make, selects};
use super::kustomization::Replica;
use super::resmap::ResMap;
use super::resource::{Resource, set_scalar};
use crate::manifest::{Diagnostic, Gvk, Node};
use crate::merge::strategic::keep_style;

/// On which side of a name a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Prefix,
    Suffix,
}

/// Adds a prefix or suffix to all names.
///
/// # Errors
/// Fields that cannot hold a name.
pub(crate) fn affix(
    map: &mut ResMap,
    text: &Text,
    side: Side,
    specs: &FieldSpecs,
) -> Result<(), Vec<Diagnostic>> {
    let mut faults = Vec::new();
    for resource in map.iter_mut() {
        let original = Gvk {
            kind: resource.original_kind().clone(),
            ..resource.gvk.clone()
        };
        if keeps_its_name(&original) {
            continue;
        }
        for spec in specs.of(&original) {
            if spec.path == "metadata/name" {
                remember(resource, text, side);
            }
            if !spec.selects(&resource.gvk) {
                continue;
            }
            let done = spec.apply(&mut resource.node, Make::Scalar, &mut |node| {
                add_affix(node, text, side)
            });
            if let Err(error) = done {
                let message = format!("cannot write `{}`: {}", spec.path, error.message);
                let fault = Diagnostic::error("field-spec", message).at(error.span, "");
                faults.push(fault.in_object(resource.describe()));
            }
        }
        resource.refresh_names();
    }
    map.renamed();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn remember(resource: &mut Resource, text: &Text, side: Side) {
    if text.value.is_empty() {
        return;
    }
    let texts = match side {
        Side::Prefix => &mut resource.prefixes,
        Side::Suffix => &mut resource.suffixes,
    };
    texts.push(text.value.clone());
    resource.store_previous();
}

fn add_affix(node: &mut Node, text: &Text, side: Side) -> Result<(), FieldError> {
    let Some(scalar) = node.as_scalar() else {
        return Err(FieldError {
            message: format!("a name is a string, not {}", node.describe()),
            span: node.span,
        });
    };
    let new = match side {
        Side::Prefix => format!("{}{}", text.value, scalar.text),
        Side::Suffix => format!("{}{}", scalar.text, text.value),
    };
    let span = node.span;
    set_scalar(node, &new, span);
    Ok(())
}

/// Kinds whose names mean something outside of the build.
fn keeps_its_name(gvk: &Gvk) -> bool {
    match gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}

/// Sets replica counts.
///
/// # Errors
/// A name that no resource with replicas has.
pub(crate) fn replicas(
    map: &mut ResMap,
    replica: &Replica,
    specs: &FieldSpecs,
) -> Result<(), Vec<Diagnostic>> {
    let mut found = false;
    let mut faults = Vec::new();
    for at in map.named(&replica.name).to_vec() {
        for spec in specs.all() {
            if !had_id(map.get(at), &replica.name, &spec.gvk) {
                continue;
            }
            found = true;
            let resource = map.get_mut(at);
            if !spec.selects(&resource.gvk) {
                continue;
            }
            let done = spec.apply(&mut resource.node, Make::Scalar, &mut |node| {
                let mut count = Node::int(replica.count, replica.span);
                keep_style(node, &mut count);
                *node = count;
                Ok(())
            });
            if let Err(error) = done {
                let fault = Diagnostic::error("field-spec", error.message).at(error.span, "");
                faults.push(fault.in_object(resource.describe()));
            }
        }
    }
    if !found && !map.incomplete {
        faults.push(nothing_to_scale(map, replica, specs));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn had_id(resource: &Resource, name: &str, selector: &Gvk) -> bool {
    let selected = |kind: &SmolStr| {
        let gvk = Gvk {
            kind: kind.clone(),
            ..resource.gvk.clone()
        };
        selects(selector, &gvk)
    };
    !resource.dead
        && (resource.name == name && selected(&resource.gvk.kind)
            || resource
                .previous
                .iter()
                .any(|id| id.name == name && selected(&id.kind)))
}

fn nothing_to_scale(map: &mut ResMap, replica: &Replica, specs: &FieldSpecs) -> Diagnostic {
    let kinds: Vec<&str> = specs
        .all()
        .iter()
        .map(|spec| spec.gvk.kind.as_str())
        .collect();
    let fault = Diagnostic::error(
        "replicas-unmatched",
        format!("nothing named `{}` has replicas", replica.name),
    )
    .at(replica.span, "")
    .note(format!(
        "kinds with replicas: {}",
        super::decode::list(&kinds)
    ));
    let names: Vec<&SmolStr> = map
        .iter()
        .filter(|resource| kinds.contains(&resource.gvk.kind.as_str()))
        .map(Resource::original_name)
        .collect();
    let near =
        crate::manifest::suggest::nearest(&replica.name, names.iter().map(|name| name.as_str()));
    match near {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault,
    }
}
