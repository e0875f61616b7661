//! Strategic merge as kustomize does it (kyaml's `merge2`), quirks included.
//!
//! It is not what the API server does: `$setElementOrder`, `$retainKeys` and
//! `$deleteFromPrimitiveList` mean nothing here, new list elements go first, and also what the
//! patch does not mention is normalised (empty values vanish, lists merged by key lose doubles).

use smol_str::SmolStr;

use super::merge_keys::{MergeSchema, SchemaId};
use crate::manifest::resolve::{Resolved, resolve};
use crate::manifest::{Dialect, Map, Node, ScalarKind, Span, Value};

mod list;

/// The key of a directive in a patch.
const DIRECTIVE: &str = "$patch";

/// Why a patch cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MergeError {
    /// What is wrong.
    pub message: String,
    /// The value of the patch (or, where the patch has none, of the object) that is wrong.
    pub span: Span,
    /// The value of the object that it does not fit, where there is one.
    pub target: Option<Span>,
}

/// Merges `patch` into `target`. `None` means that the patch deletes the object.
///
/// # Errors
/// A mapping where the other side has a list or a scalar, and unknown `$patch` directives.
pub fn merge(
    target: &Node,
    patch: &Node,
    schema: &MergeSchema,
) -> Result<Option<Node>, MergeError> {
    // kyaml returns the patch in place of the object, and kustomize does not look at that.
    if patch.as_map().map(|map| directive(map, patch.span)) == Some(Ok(Some(Directive::Replace))) {
        return Ok(Some(target.clone()));
    }
    let merger = Merger { schema };
    Ok(merger.walk(Some(target), Some(patch), None)?.node)
}

#[derive(Clone, Copy)]
pub(super) struct Merger<'a> {
    pub(super) schema: &'a MergeSchema,
}

/// The result of merging two values.
pub(super) struct Merged {
    /// What the field becomes; `None` removes it.
    pub(super) node: Option<Node>,
    /// Whether it is the target's value, changed, and not the patch's: list elements that are
    /// not go in and are then replaced by the target's own.
    pub(super) is_target: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Missing,
    Map,
    List,
    Scalar,
}

fn shape(node: Option<&Node>) -> Shape {
    match node.map(|node| &node.value) {
        None => Shape::Missing,
        Some(Value::Map(_)) => Shape::Map,
        Some(Value::Seq(_)) => Shape::List,
        Some(Value::Scalar(scalar)) if scalar.kind == ScalarKind::Null => Shape::Missing,
        Some(Value::Scalar(_)) => Shape::Scalar,
    }
}

impl Merger<'_> {
    pub(super) fn walk(
        self,
        target: Option<&Node>,
        patch: Option<&Node>,
        schema: Option<SchemaId>,
    ) -> Result<Merged, MergeError> {
        let (target_shape, patch_shape) = (shape(target), shape(patch));
        if target_shape != Shape::Missing
            && patch_shape != Shape::Missing
            && target_shape != patch_shape
        {
            return Err(mismatch(target, patch));
        }
        let schema = schema.or_else(|| self.schema_of(target).or_else(|| self.schema_of(patch)));
        let shape = if target_shape == Shape::Missing {
            patch_shape
        } else {
            target_shape
        };
        match shape {
            Shape::Missing => Ok(absent(target, patch)),
            Shape::Map => self.walk_map(target, patch, schema),
            Shape::Scalar => Ok(replaced(target, patch)),
            Shape::List => match schema.and_then(|at| self.schema.merge_keys(at)) {
                Some(keys) => self.walk_keyed_list(target, patch, schema, keys),
                None => Ok(replaced(target, patch)),
            },
        }
    }

    /// What a patch's value becomes where the target has none: nulls and directives are gone.
    pub(super) fn clean(
        self,
        patch: &Node,
        schema: Option<SchemaId>,
    ) -> Result<Option<Node>, MergeError> {
        let schema = schema.or_else(|| self.schema_of(Some(patch)));
        match &patch.value {
            Value::Map(map) => match directive(map, patch.span) {
                Ok(Some(Directive::Delete)) => Ok(None),
                Err(error) => Err(error),
                Ok(found) => self
                    .clean_map(map, patch.span, schema, found.is_some())
                    .map(Some),
            },
            Value::Seq(_) => match schema.and_then(|at| self.schema.merge_keys(at)) {
                Some(keys) => Ok(self
                    .walk_keyed_list(Some(patch), Some(patch), schema, keys)?
                    .node),
                None => Ok(Some(patch.clone())),
            },
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Null => Ok(None),
            Value::Scalar(_) => {
                let mut value = patch.clone();
                quote_ambiguous(&mut value);
                Ok(Some(value))
            }
        }
    }

    fn clean_map(
        self,
        map: &Map,
        span: Span,
        schema: Option<SchemaId>,
        strip: bool,
    ) -> Result<Node, MergeError> {
        let mut result = Map::with_capacity(map.len());
        for entry in map {
            if strip && entry.key == DIRECTIVE {
                continue;
            }
            let below = schema.and_then(|at| self.schema.field(at, &entry.key));
            if let Some(value) = self.clean(&entry.value, below)? {
                result.insert(entry.key.clone(), entry.key_span, value);
            }
        }
        Ok(Node::map(result, span))
    }

    fn walk_map(
        self,
        target: Option<&Node>,
        patch: Option<&Node>,
        schema: Option<SchemaId>,
    ) -> Result<Merged, MergeError> {
        let from_patch = |node| Merged {
            node,
            is_target: false,
        };
        let Some(target) = target.filter(|node| !node.is_null()) else {
            let Some((patch, map)) = patch.and_then(|node| Some((node, node.as_map()?))) else {
                return Ok(from_patch(None));
            };
            // Here an unknown directive stays in the object.
            let found = directive(map, patch.span).ok().flatten();
            if found == Some(Directive::Delete) {
                return Ok(from_patch(None));
            }
            let cleaned = self.clean_map(map, patch.span, schema, found.is_some())?;
            return Ok(from_patch(Some(cleaned)));
        };
        let patch_map = match patch {
            None => None,
            Some(node) if node.is_null() => return Ok(from_patch(None)),
            Some(node) => node.as_map(),
        };
        let found = match (patch, patch_map) {
            (Some(node), Some(map)) => directive(map, node.span)?,
            _ => None,
        };
        match (found, patch, patch_map) {
            (Some(Directive::Delete), ..) => Ok(from_patch(None)),
            (Some(Directive::Replace), Some(node), Some(map)) => {
                let cleaned = self.clean_map(map, node.span, schema, true)?;
                Ok(from_patch(Some(cleaned)))
            }
            _ => Ok(Merged {
                node: Some(self.merge_fields(target, patch_map, schema, found.is_some())?),
                is_target: true,
            }),
        }
    }

    fn merge_fields(
        self,
        target: &Node,
        patch: Option<&Map>,
        schema: Option<SchemaId>,
        strip: bool,
    ) -> Result<Node, MergeError> {
        let mut result = target.clone();
        let Some(fields) = target.as_map() else {
            return Ok(result);
        };
        for entry in fields {
            let other = patch.and_then(|map| map.get(&entry.key));
            let below = schema.and_then(|at| self.schema.field(at, &entry.key));
            if other.is_none() {
                if self.is_settled(&entry.value, below) {
                    continue;
                }
                if is_ambiguous(&entry.value) {
                    if let Some(value) = result.get_mut(&entry.key) {
                        quote_ambiguous(value);
                    }
                    continue;
                }
            }
            let merged = self.walk(Some(&entry.value), other, below)?.node;
            set_field(&mut result, &entry.key, None, merged);
        }
        for entry in patch.into_iter().flatten() {
            if fields.contains_key(&entry.key) || strip && entry.key == DIRECTIVE {
                continue;
            }
            let below = schema.and_then(|at| self.schema.field(at, &entry.key));
            let merged = self.walk(None, Some(&entry.value), below)?.node;
            set_field(&mut result, &entry.key, Some(entry.key_span), merged);
        }
        Ok(result)
    }

    /// Whether a walk without a patch would leave a value as it is, which it nearly always does.
    pub(super) fn is_settled(self, node: &Node, schema: Option<SchemaId>) -> bool {
        match &node.value {
            Value::Scalar(scalar) => {
                (scalar.kind != ScalarKind::Null || !scalar.text.is_empty()) && !is_ambiguous(node)
            }
            Value::Map(map) => {
                let schema = schema.or_else(|| self.schema_of(Some(node)));
                map.iter().all(|entry| {
                    let below = schema.and_then(|at| self.schema.field(at, &entry.key));
                    self.is_settled(&entry.value, below)
                })
            }
            Value::Seq(items) => match schema.and_then(|at| self.schema.merge_keys(at)) {
                None => true,
                Some(keys) => {
                    let below = schema.and_then(|at| self.schema.items(at));
                    let settled =
                        |item: &Node| !list::is_empty(item) && self.is_settled(item, below);
                    list::has_own_keys(items, keys) && items.iter().all(settled)
                }
            },
        }
    }

    fn schema_of(self, node: Option<&Node>) -> Option<SchemaId> {
        let map = node?.as_map()?;
        let version = map.get("apiVersion")?.scalar_text()?;
        let kind = map.get("kind")?.scalar_text()?;
        self.schema.of_kind(version, kind)
    }
}

/// Sets, replaces or removes a field the way kyaml's FieldSetter does: what stood in quotes stays
/// text, whatever replaces it (tried: `replicas: "1"` patched with 3 gives `"3"`).
pub fn set_field(object: &mut Node, key: &SmolStr, key_span: Option<Span>, value: Option<Node>) {
    let Some(map) = object.as_map_mut() else {
        return;
    };
    match value {
        None => {
            map.remove(key);
        }
        Some(mut value) => {
            if let Some(entry) = map.get_mut(key) {
                keep_style(entry, &mut value);
                *entry = value;
            } else {
                quote_ambiguous(&mut value);
                map.insert(key.clone(), key_span.unwrap_or(value.span), value);
            }
        }
    }
}

/// Gives `new` the way `old` was written, as kyaml does: in quotes it is text whatever it was, and
/// text that takes the place of a plain scalar counts as plain for the next change.
pub fn keep_style(old: &Node, new: &mut Node) {
    if let (Value::Scalar(old), Value::Scalar(new)) = (&old.value, &mut new.value) {
        if !old.plain && new.plain {
            new.kind = ScalarKind::Str;
        }
        new.plain = old.plain;
    }
}

/// Whether a text stands without quotes that YAML 1.1 would read as something else. kyaml puts it
/// in quotes whenever a merge passes over it.
pub fn is_ambiguous(node: &Node) -> bool {
    node.as_scalar().is_some_and(|scalar| {
        scalar.plain
            && (scalar.kind == ScalarKind::Str || scalar.untagged)
            && !scalar.text.is_empty()
            && resolve(&scalar.text, Dialect::Kubectl) != Resolved::Kind(ScalarKind::Str)
    })
}

fn quote_ambiguous(node: &mut Node) {
    if is_ambiguous(node)
        && let Value::Scalar(scalar) = &mut node.value
    {
        scalar.plain = false;
        scalar.kind = ScalarKind::Str;
    }
}

/// Both sides are missing or null.
fn absent(target: Option<&Node>, patch: Option<&Node>) -> Merged {
    // A null that is spelled out survives a patch that does not name it; an empty value does not.
    let keeps = patch.is_none()
        && target
            .and_then(Node::as_scalar)
            .is_some_and(|scalar| !scalar.text.is_empty());
    Merged {
        node: target.filter(|_| keeps).cloned(),
        is_target: keeps,
    }
}

/// The patch's value where it has one; null removes.
fn replaced(target: Option<&Node>, patch: Option<&Node>) -> Merged {
    match patch {
        Some(patch) => Merged {
            node: Some(patch).filter(|node| !node.is_null()).cloned(),
            is_target: false,
        },
        None => Merged {
            node: target.cloned(),
            is_target: true,
        },
    }
}

fn mismatch(target: Option<&Node>, patch: Option<&Node>) -> MergeError {
    let describe = |node: Option<&Node>| node.map_or("nothing", Node::describe);
    MergeError {
        message: format!(
            "the patch has {} where the object has {}",
            describe(patch),
            describe(target)
        ),
        span: patch.or(target).map_or(Span::NONE, |node| node.span),
        target: target.map(|node| node.span),
    }
}

fn directive(map: &Map, span: Span) -> Result<Option<Directive>, MergeError> {
    match map.get(DIRECTIVE) {
        None => Ok(None),
        Some(value) => directive_of(value, span).map(Some),
    }
}

fn directive_of(value: &Node, span: Span) -> Result<Directive, MergeError> {
    match value.as_scalar().map(|scalar| scalar.text.as_str()) {
        Some("delete") => Ok(Directive::Delete),
        Some("replace") => Ok(Directive::Replace),
        Some("merge") => Ok(Directive::Merge),
        other => Err(MergeError {
            message: format!(
                "unknown patch directive `$patch: {}`; known are `delete`, `replace` and `merge`",
                other.unwrap_or("...")
            ),
            span: value.span.or(span),
            target: None,
        }),
    }
}

#[cfg(test)]
mod tests;
