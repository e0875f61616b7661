//! `labels`, `commonLabels` and `commonAnnotations`: entries written into mappings.

use smol_str::SmolStr;

use super::aliases;
use super::config::Config;
use super::decode::Text;
use super::fieldspec::{FieldError, FieldSpec, FieldSpecs, Make, merge_one};
use super::kustomization::Label;
use super::resmap::ResMap;
use super::resource::{Resource, is_text_unquoted, text_node};
use crate::manifest::{Diagnostic, Node};
use crate::merge::strategic::keep_style;

/// Writes pairs into every mapping that the specs lead to.
///
/// # Errors
/// Fields that are no mappings.
pub(crate) fn transform(
    map: &mut ResMap,
    pairs: &[(SmolStr, Text)],
    specs: &FieldSpecs,
) -> Result<(), Vec<Diagnostic>> {
    let mut faults = Vec::new();
    if pairs.is_empty() {
        return Ok(());
    }
    let mut seen = aliases::Seen::default();
    for resource in map.iter_mut() {
        write(resource, pairs, specs, &mut seen, &mut faults);
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Writes pairs into the mappings of one resource.
pub(crate) fn write(
    resource: &mut Resource,
    pairs: &[(SmolStr, Text)],
    specs: &FieldSpecs,
    seen: &mut aliases::Seen,
    faults: &mut Vec<Diagnostic>,
) {
    let gvk = resource.gvk.clone();
    let keys = pairs.iter().map(|(key, _)| key);
    let before = aliases::before(resource, keys.clone(), specs.of(&gvk));
    for spec in specs.of(&gvk) {
        let done = spec.apply(&mut resource.node, Make::Map, &mut |node| set(node, pairs));
        if let Err(error) = done {
            let message = format!("cannot write `{}`: {}", spec.path, error.message);
            let fault = Diagnostic::error("field-spec", message).at(error.span, "");
            faults.push(fault.in_object(resource.describe()));
        }
    }
    aliases::after(resource, &before, keys, specs.of(&gvk), seen);
}

/// The fields that an entry of `labels` is written into.
///
/// # Errors
/// A field that is named twice with different `create`.
pub(crate) fn specs_of(label: &Label, config: &Config) -> Result<FieldSpecs, Diagnostic> {
    let mut specs = label.fields.clone();
    let conflict = |spec: FieldSpec| {
        let message = format!("`{}` is named twice, with `create` and without", spec.path);
        Diagnostic::error("field-spec-conflict", message).at(label.span, "")
    };
    let mut add = |more: &[FieldSpec]| -> Result<(), Diagnostic> {
        more.iter()
            .try_for_each(|spec| merge_one(&mut specs, spec.clone()))
            .map_err(conflict)
    };
    add(&config.raw.labels)?;
    if label.include_selectors {
        add(&config.raw.common_labels)?;
    } else {
        if label.include_templates {
            add(&config.raw.template_labels)?;
        }
        add(&[FieldSpec::new("", "", "", "metadata/labels", true)])?;
    }
    Ok(FieldSpecs::new(specs))
}

fn set(node: &mut Node, pairs: &[(SmolStr, Text)]) -> Result<(), FieldError> {
    // A null that may not be made into a mapping stays one.
    if node.is_null() {
        return Ok(());
    }
    let (span, describe) = (node.span, node.describe());
    let Some(map) = node.as_map_mut() else {
        return Err(FieldError {
            message: format!("it is {describe}, not a mapping"),
            span,
        });
    };
    for (key, text) in pairs {
        let mut value = text_node(text.value.clone(), text.span);
        match map.get(key) {
            Some(old) => keep_style(old, &mut value),
            None if is_text_unquoted(key) => {}
            None => {
                let message = format!("kustomize cannot write the key `{key}` without quotes");
                return Err(FieldError {
                    message,
                    span: text.span,
                });
            }
        }
        map.insert(key.clone(), text.span, value);
    }
    Ok(())
}
