//! Lists that are merged by key: kyaml's `walkAssociativeSequence`, step by step, since its
//! treatment of doubles, missing keys and several keys shows in the result.

use std::collections::{HashMap, HashSet};

use smol_str::SmolStr;

use super::{DIRECTIVE, Directive, MergeError, Merged, Merger, directive_of};
use crate::manifest::{Node, Value};
use crate::merge::merge_keys::SchemaId;

/// The values of one element's keys, empty where it has none.
type Values = Vec<SmolStr>;

impl Merger<'_> {
    pub(super) fn walk_keyed_list(
        self,
        target: Option<&Node>,
        patch: Option<&Node>,
        schema: Option<SchemaId>,
        keys: &[SmolStr],
    ) -> Result<Merged, MergeError> {
        let items = schema.and_then(|at| self.schema.items(at));
        let patch_list = patch.filter(|node| !node.is_null());
        let Some(target) = target.filter(|node| !node.is_null()) else {
            let node = match patch_list {
                Some(list) => self.merge_elements(list, Some(list), items, keys)?,
                None => None,
            };
            return Ok(Merged {
                node,
                is_target: false,
            });
        };
        if patch.is_some_and(Node::is_null) {
            return Ok(Merged {
                node: None,
                is_target: false,
            });
        }
        let stripped;
        let mut patch_list = patch_list;
        let mut base = target;
        if let Some(list) = patch_list
            && let Some(found) = list_directive(list)?
        {
            stripped = without_directive(list);
            match found {
                Directive::Delete => {
                    return Ok(Merged {
                        node: None,
                        is_target: false,
                    });
                }
                Directive::Replace => base = &stripped,
                Directive::Merge => {}
            }
            patch_list = Some(&stripped);
        }
        Ok(Merged {
            node: self.merge_elements(base, patch_list, items, keys)?,
            is_target: true,
        })
    }

    fn merge_elements(
        self,
        target: &Node,
        patch: Option<&Node>,
        items: Option<SchemaId>,
        keys: &[SmolStr],
    ) -> Result<Option<Node>, MergeError> {
        if let [key] = keys
            && let Some(elements) = self.merge_distinct(target, patch, items, key)?
        {
            return Ok(Some(Node::seq(elements, target.span)));
        }
        let scalar_key = [SmolStr::default()];
        let keys = if keys.is_empty() { &scalar_key } else { keys };
        let mut dest: Vec<Node> = target.as_seq().unwrap_or_default().to_vec();
        let source: &[Node] = patch.and_then(Node::as_seq).unwrap_or_default();

        let mut values = element_values(source, &dest, keys);
        if keys.len() > 1 {
            merge_values(&mut values);
        }
        let mut added: Vec<Node> = Vec::with_capacity(values.len());
        let mut used: Vec<SmolStr> = keys.to_vec();
        for at in 0..values.len() {
            let (valid_keys, valid_values) = valid(&values, &values[at], keys);
            let (match_keys, match_values) = valid(
                std::slice::from_ref(&valid_values),
                &valid_values,
                &valid_keys,
            );
            let position = find(&dest, &match_keys, &match_values);
            let other = find(source, &match_keys, &match_values).map(|at| &source[at]);
            let merged = self.walk(position.map(|at| &dest[at]), other, items)?;
            used = valid_keys;
            match merged.node.filter(|node| !is_empty(node)) {
                None => delete(&mut dest, &used, &valid_values)?,
                Some(mut node) => {
                    for (key, value) in used.iter().zip(&valid_values) {
                        add_missing_key(&mut node, key, value);
                    }
                    if let Some(at) = position
                        && merged.is_target
                    {
                        dest[at] = node.clone();
                    }
                    set(&mut added, node, &used, &valid_values)?;
                }
            }
        }
        if values.is_empty() {
            added = dest;
        } else {
            append_all(&mut added, dest, &used)?;
        }
        Ok(Some(Node::seq(added, target.span)))
    }
}

impl Merger<'_> {
    /// The usual case in one pass: every element of both lists has a key of its own. `None` where
    /// that is not so.
    fn merge_distinct(
        self,
        target: &Node,
        patch: Option<&Node>,
        items: Option<SchemaId>,
        key: &SmolStr,
    ) -> Result<Option<Vec<Node>>, MergeError> {
        let dest = target.as_seq().unwrap_or_default();
        let source = patch.and_then(Node::as_seq).unwrap_or_default();
        let keys = std::slice::from_ref(key);
        if !has_own_keys(dest, keys) || !has_own_keys(source, keys) {
            return Ok(None);
        }
        let places: HashMap<SmolStr, usize> = dest
            .iter()
            .enumerate()
            .map(|(at, element)| (key_value(element, key), at))
            .collect();
        let mut taken = vec![false; dest.len()];
        let mut result = Vec::with_capacity(dest.len() + source.len());
        for other in source {
            let value = key_value(other, key);
            let place = places.get(&value).copied();
            if let Some(at) = place {
                taken[at] = true;
            }
            let old = place.map(|at| &dest[at]);
            let merged = self.walk(old, Some(other), items)?;
            if let Some(mut node) = merged.node.filter(|node| !is_empty(node)) {
                add_missing_key(&mut node, key, &value);
                let old = old.filter(|_| !merged.is_target);
                result.push(old.cloned().unwrap_or(node));
            }
        }
        for (element, _) in dest.iter().zip(&taken).filter(|(_, taken)| !**taken) {
            let merged = self.walk(Some(element), None, items)?.node;
            result.extend(merged.filter(|node| !is_empty(node)));
        }
        Ok(Some(result))
    }
}

/// Whether every element is a mapping (or, for a list of scalars, a scalar) with a value of its
/// own under the first key.
pub(super) fn has_own_keys(list: &[Node], keys: &[SmolStr]) -> bool {
    let key = keys.first().map_or("", SmolStr::as_str);
    let mut seen = HashSet::with_capacity(list.len());
    list.iter().all(|element| {
        let right = if key.is_empty() {
            element.as_scalar().is_some()
        } else {
            element.get(DIRECTIVE).is_none() || element.get(key).is_some()
        };
        let value = key_value(element, key);
        right && !value.is_empty() && seen.insert(value)
    })
}

/// The values of all elements' keys, each once: the patch's first.
fn element_values(source: &[Node], dest: &[Node], keys: &[SmolStr]) -> Vec<Values> {
    let mut seen = HashSet::new();
    let mut result = Vec::new();
    for element in source.iter().chain(dest) {
        let values: Values = keys.iter().map(|key| key_value(element, key)).collect();
        if seen.insert(values.clone()) {
            result.push(values);
        }
    }
    result
}

/// The text under a key; of the element itself for lists of scalars.
fn key_value(element: &Node, key: &str) -> SmolStr {
    let value = if key.is_empty() {
        Some(element)
    } else {
        element.get(key)
    };
    value
        .and_then(Node::as_scalar)
        .filter(|_| key.is_empty() || !value.is_some_and(Node::is_null))
        .map(|scalar| scalar.text.clone())
        .unwrap_or_default()
}

/// Takes elements for the same whose values differ only where one has none: a port without a
/// protocol and one with it.
fn merge_values(values: &mut [Values]) {
    for i in 0..values.len() {
        // kyaml goes on with the values as they were when it came to them.
        let own = values[i].clone();
        for j in 0..values.len() {
            if let Some(merged) = unify(&own, &values[j]) {
                values[i].clone_from(&merged);
                values[j] = merged;
            }
        }
    }
}

fn unify(a: &[SmolStr], b: &[SmolStr]) -> Option<Values> {
    let mut common = false;
    let mut result = Vec::with_capacity(a.len());
    for (x, y) in a.iter().zip(b) {
        if x == y {
            common = true;
            result.push(x.clone());
        } else if x.is_empty() {
            result.push(y.clone());
        } else if y.is_empty() {
            result.push(x.clone());
        } else {
            return None;
        }
    }
    common.then_some(result)
}

/// The keys that any of `all` has a value for, and `values` for them.
fn valid(all: &[Values], values: &[SmolStr], keys: &[SmolStr]) -> (Vec<SmolStr>, Values) {
    if keys.len() == 1 {
        return (keys.to_vec(), values.to_vec());
    }
    let has_value = |at: usize| {
        all.iter()
            .any(|values| values.get(at).is_some_and(|v| !v.is_empty()))
    };
    let kept: Vec<usize> = (0..keys.len()).filter(|&at| has_value(at)).collect();
    if kept.is_empty() {
        return (keys.to_vec(), values.to_vec());
    }
    let valid_keys = kept.iter().map(|&at| keys[at].clone()).collect();
    let valid_values = (0..values.len())
        .filter(|at| !values[*at].is_empty() || kept.contains(at))
        .map(|at| values[at].clone())
        .collect();
    (valid_keys, valid_values)
}

/// The first element with exactly these values.
fn find(list: &[Node], keys: &[SmolStr], values: &[SmolStr]) -> Option<usize> {
    list.iter().position(|element| {
        keys.iter().zip(values).all(|(key, value)| {
            let field = if key.is_empty() {
                Some(element)
            } else {
                element.get(key)
            };
            field
                .and_then(Node::as_scalar)
                .is_some_and(|scalar| scalar.text == *value)
        })
    })
}

/// Whether an element is the one that kyaml's ElementSetter means. An empty value matches any,
/// and keys beyond the values do not count.
fn matches(element: &Node, keys: &[SmolStr], values: &[SmolStr]) -> Result<bool, MergeError> {
    if values.is_empty() {
        return Ok(false);
    }
    for (key, value) in keys.iter().zip(values) {
        let found = if key.is_empty() {
            element
                .as_scalar()
                .is_some_and(|scalar| scalar.text == *value)
        } else {
            match &element.value {
                Value::Map(map) => map.get(key).is_some_and(|field| {
                    value.is_empty()
                        || field
                            .as_scalar()
                            .is_some_and(|scalar| scalar.text == *value)
                }),
                _ => {
                    return Err(MergeError {
                        message: format!("a list merged by `{key}` holds {}", element.describe()),
                        span: element.span,
                        target: None,
                    });
                }
            }
        };
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Drops what is empty, then replaces or removes the elements that match; returns whether any did.
fn replace_or_remove(
    list: &mut Vec<Node>,
    replacement: Option<&Node>,
    keys: &[SmolStr],
    values: &[SmolStr],
) -> Result<bool, MergeError> {
    let wants_mapping =
        !keys[0].is_empty() && values.first().is_some_and(|value| !value.is_empty());
    let mut found = false;
    let mut result = Vec::with_capacity(list.len() + 1);
    for element in list.drain(..) {
        if is_empty(&element) {
            continue;
        }
        if wants_mapping && element.as_map().is_none() {
            result.push(element);
        } else if matches(&element, keys, values)? {
            found = true;
            result.extend(replacement.cloned());
        } else if !values.is_empty() {
            result.push(element);
        }
    }
    *list = result;
    Ok(found)
}

fn delete(list: &mut Vec<Node>, keys: &[SmolStr], values: &[SmolStr]) -> Result<(), MergeError> {
    replace_or_remove(list, None, keys, values).map(|_| ())
}

fn set(
    list: &mut Vec<Node>,
    node: Node,
    keys: &[SmolStr],
    values: &[SmolStr],
) -> Result<(), MergeError> {
    if !replace_or_remove(list, Some(&node), keys, values)? && !node.is_null() {
        list.push(node);
    }
    Ok(())
}

/// Adds the target's elements to the patch's: each takes the place of the one with its keys.
fn append_all(list: &mut Vec<Node>, dest: Vec<Node>, keys: &[SmolStr]) -> Result<(), MergeError> {
    for element in dest {
        if keys[0].is_empty() {
            let value = key_value(&element, "");
            set(list, element, keys, &[value])?;
            continue;
        }
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            match element.get(key).filter(|node| !node.is_null()) {
                Some(node) => values.push(
                    node.as_scalar()
                        .map_or_else(SmolStr::default, |s| s.text.clone()),
                ),
                // kyaml appends it here, and once more (in place of all else) below.
                None => list.push(element.clone()),
            }
        }
        if keys.len() > 1 {
            delete(list, keys, &values)?;
        }
        set(list, element, keys, &values)?;
    }
    Ok(())
}

fn add_missing_key(node: &mut Node, key: &SmolStr, value: &SmolStr) {
    if key.is_empty() || value.is_empty() || node.get(key).is_some() {
        return;
    }
    let span = node.span;
    if let Some(map) = node.as_map_mut() {
        map.insert(key.clone(), span, Node::string(value.clone(), span));
    }
}

pub(super) fn is_empty(node: &Node) -> bool {
    node.is_null() || node.as_map().is_some_and(crate::manifest::Map::is_empty)
}

/// The directive of a list: the first element with `$patch`, when that is all it has.
fn list_directive(list: &Node) -> Result<Option<Directive>, MergeError> {
    let elements = list.as_seq().unwrap_or_default();
    let Some((map, value)) = elements
        .iter()
        .filter_map(Node::as_map)
        .find_map(|map| Some((map, map.get(DIRECTIVE)?)))
    else {
        return Ok(None);
    };
    if map.len() > 1 {
        return Ok(None);
    }
    directive_of(value, list.span).map(Some)
}

fn without_directive(list: &Node) -> Node {
    let kept = list.as_seq().unwrap_or_default().iter();
    let kept = kept.filter(|element| element.get(DIRECTIVE).is_none() && !is_empty(element));
    Node::seq(kept.cloned().collect(), list.span)
}
