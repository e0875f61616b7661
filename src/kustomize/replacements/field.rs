//! What a replacement does to one field.

use super::FieldOptions;
use crate::kustomize::decode::Text;
use crate::kustomize::resource::{plain_scalar, untagged};
use crate::kustomize::run::Run;
use crate::kustomize::value_path::{MakeKind, ValuePath};
use crate::kustomize::{silent, structured};
use crate::manifest::{Node, ScalarKind, Value};
use crate::merge::strategic::keep_style;

/// Copies a value to where a path leads. Returns why the object cannot be read afterwards, where
/// that is so.
pub(super) fn copy(
    run: &Run<'_>,
    root: &mut Node,
    value: &Node,
    text: &Text,
    options: &FieldOptions,
) -> Result<Option<String>, String> {
    let make = options.create.then_some(match &value.value {
        Value::Scalar(_) => MakeKind::Scalar,
        Value::Map(_) => MakeKind::Map,
        Value::Seq(_) => MakeKind::List,
    });
    let path = ValuePath::new(&text.value);
    let into_texts = !run.options().compat.is_5_5();
    if into_texts && structured::set(root, &path, value, make, run.files().sources) {
        return Ok(None);
    }
    let mut unreadable = None;
    let mut set = |field: &mut Node| {
        let reason = set_field(field, value, options)?;
        unreadable = unreadable.take().or(reason);
        Ok(())
    };
    let (count, forgets) = if into_texts {
        path.visit_with_texts(root, make, &mut set)?
    } else {
        (path.visit(root, make, &mut set)?, false)
    };
    if forgets {
        silent::forgotten(run, text);
    }
    if count == 0 {
        return Err(String::new());
    }
    Ok(unreadable)
}

/// Sets one field. Returns why its new text does not fit its type, where that is so.
fn set_field(
    field: &mut Node,
    value: &Node,
    options: &FieldOptions,
) -> Result<Option<String>, String> {
    let text = value.as_scalar().map_or("", |scalar| scalar.text.as_str());
    if options.delimiter.is_empty() {
        if field.as_scalar().is_none() {
            *field = value.clone();
            return Ok(None);
        }
        let reason = set_scalar_text(field, text);
        field.span = value.span;
        return Ok(reason);
    }
    let Some(scalar) = field.as_scalar() else {
        return Err(format!(
            "`delimiter` needs a text, and this is {}",
            field.describe()
        ));
    };
    let old = scalar.text.clone();
    let mut parts: Vec<&str> = old.split(options.delimiter.as_str()).collect();
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, text),
        Ok(index) if index >= parts.len() => parts.push(text),
        Ok(index) => parts[index] = text,
    }
    let joined = parts.join(&options.delimiter);
    let reason = set_scalar_text(field, &joined);
    field.span = value.span;
    Ok(reason)
}

/// Replaces the text of a scalar and leaves its type: a text stays one, a number must become a
/// number. Returns why it does not, where that is so.
pub(crate) fn set_scalar_text(field: &mut Node, text: &str) -> Option<String> {
    let old = field.as_scalar()?;
    if old.untagged {
        let mut new = untagged(text, field.span);
        keep_style(field, &mut new);
        *field = new;
        return None;
    }
    if old.kind == ScalarKind::Str {
        set_text(field, text);
        return None;
    }
    if !fits(old.kind, text) {
        let reason = format!("`{text}` cannot replace {}", field.describe());
        if let Value::Scalar(scalar) = &mut field.value {
            scalar.text = text.into();
        }
        return Some(reason);
    }
    field.value = Value::Scalar(plain_scalar(text));
    None
}

/// Replaces the text of a scalar; it means what it meant.
pub(super) fn set_text(field: &mut Node, text: &str) {
    if let Value::Scalar(scalar) = &mut field.value {
        scalar.text = text.into();
        scalar.kind = ScalarKind::Str;
    }
}

/// Whether an object holds a scalar whose text does not fit its type. Annotations are written as
/// texts in the end, whatever they are.
pub(crate) fn is_unreadable(object: &Node) -> bool {
    let Some(fields) = object.as_map() else {
        return holds_misfit(object);
    };
    fields.iter().any(|entry| match entry.value.as_map() {
        Some(metadata) if entry.key == "metadata" => metadata
            .iter()
            .any(|entry| entry.key != "annotations" && holds_misfit(&entry.value)),
        _ => holds_misfit(&entry.value),
    })
}

fn holds_misfit(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => !fits(scalar.kind, &scalar.text),
        Value::Seq(items) => items.iter().any(holds_misfit),
        Value::Map(map) => map.iter().any(|entry| holds_misfit(&entry.value)),
    }
}

/// Whether a text can be read as a scalar of a kind.
fn fits(kind: ScalarKind, text: &str) -> bool {
    let new = plain_scalar(text).kind;
    match kind {
        ScalarKind::Str => true,
        ScalarKind::Float => matches!(new, ScalarKind::Float | ScalarKind::Int),
        kind => new == kind,
    }
}
