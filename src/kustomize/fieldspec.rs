//! Field specs: which field of which kinds a transformer touches, compiled into a lookup by kind.

use std::collections::HashMap;

use smol_str::SmolStr;

use crate::manifest::{Gvk, Node, Scalar, ScalarKind, Span, Value};

/// One field of some kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    /// Which objects; an empty part means any.
    pub(crate) gvk: Gvk,
    /// As written: keys joined by `/`, a slash in a key as `\/`.
    pub(crate) path: SmolStr,
    /// Whether a missing field is made.
    pub(crate) create: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    key: SmolStr,
    /// Written with `[]`: the field is a list, and never made.
    is_list: bool,
    /// Whether a mapping can be asked for it.
    is_key: bool,
}

impl Step {
    fn new(part: &SmolStr) -> Self {
        let list = part.strip_suffix("[]");
        let key = list.map_or_else(|| part.clone(), SmolStr::from);
        Self {
            is_list: list.is_some(),
            is_key: is_key(&key),
            key,
        }
    }

    /// Why it is no key.
    fn fault(&self, span: Span) -> FieldError {
        let message = match self.key.as_str() {
            "" => "the path has an empty part".to_owned(),
            key => format!("`{key}` cannot stand in the path of a field spec: a key is expected"),
        };
        FieldError { message, span }
    }
}

/// Whether kustomize takes a part of a path for a key, and not for a number, a wildcard or a
/// condition on list elements, which it refuses as soon as a mapping is asked for them.
fn is_key(part: &str) -> bool {
    let is_condition = part.starts_with('[') && part.ends_with(']');
    !matches!(part, "" | "-" | "*") && !is_condition && part.parse::<i64>().is_err()
}

/// One step of an exact path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PathStep {
    Key(SmolStr),
    Index(usize),
}

/// What a missing field becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    /// Nothing: it stays missing.
    Nothing,
    Map,
    Scalar,
}

/// Why a field spec does not fit an object.
#[derive(Clone, Debug)]
pub(crate) struct FieldError {
    pub(crate) message: String,
    pub(crate) span: Span,
}

impl FieldSpec {
    pub(crate) fn new(group: &str, version: &str, kind: &str, path: &str, create: bool) -> Self {
        let gvk = Gvk {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        };
        let steps = split_path(path).iter().map(Step::new).collect();
        Self {
            gvk,
            path: path.into(),
            create,
            steps,
        }
    }

    /// The keys of the path, without the marks for lists.
    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = &SmolStr> {
        self.steps.iter().map(|step| &step.key)
    }

    /// Whether an object of this group, version and kind has the field.
    pub(crate) fn selects(&self, gvk: &Gvk) -> bool {
        selects(&self.gvk, gvk)
    }

    /// Calls `set` on every value that the path leads to, lists walked through, and makes what is
    /// missing where the spec says so. Copies nothing that `set` is not called on.
    pub(crate) fn apply(
        &self,
        root: &mut Node,
        make: Make,
        set: &mut dyn FnMut(&mut Node) -> Result<(), FieldError>,
    ) -> Result<(), FieldError> {
        let make = if self.create { make } else { Make::Nothing };
        if reaches(root, &self.steps, make) {
            walk(root, &self.steps, make, set)?;
        }
        Ok(())
    }

    /// Adds the exact paths that lead to values, with the indexes of list elements.
    pub(crate) fn places(&self, root: &Node, found: &mut Vec<Vec<PathStep>>) {
        places(root, &self.steps, &mut Vec::new(), found);
    }

    /// Calls `see` on every value that the path leads to. Returns whether something is in the way
    /// that [`FieldSpec::apply`] refuses: a scalar, or a part of the path that is no key.
    pub(crate) fn visit<'n>(&self, root: &'n Node, see: &mut dyn FnMut(&'n Node)) -> bool {
        visit(root, &self.steps, see)
    }
}

/// Whether `selector` (empty parts mean any) selects `gvk`.
pub(crate) fn selects(selector: &Gvk, gvk: &Gvk) -> bool {
    let part = |wanted: &SmolStr, is: &SmolStr| wanted.is_empty() || wanted == is;
    part(&selector.kind, &gvk.kind)
        && part(&selector.group, &gvk.group)
        && part(&selector.version, &gvk.version)
}

/// Field specs with a lookup by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldSpecs {
    specs: Vec<FieldSpec>,
    by_kind: HashMap<SmolStr, Vec<usize>>,
    any_kind: Vec<usize>,
}

impl FieldSpecs {
    pub(crate) fn new(specs: Vec<FieldSpec>) -> Self {
        let mut by_kind: HashMap<SmolStr, Vec<usize>> = HashMap::new();
        for spec in &specs {
            if !spec.gvk.kind.is_empty() {
                by_kind.entry(spec.gvk.kind.clone()).or_default();
            }
        }
        let mut any_kind = Vec::new();
        for (at, spec) in specs.iter().enumerate() {
            if spec.gvk.kind.is_empty() {
                any_kind.push(at);
                for list in by_kind.values_mut() {
                    list.push(at);
                }
            } else if let Some(list) = by_kind.get_mut(&spec.gvk.kind) {
                list.push(at);
            }
        }
        Self {
            specs,
            by_kind,
            any_kind,
        }
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> &[FieldSpec] {
        &self.specs
    }

    /// Those that fit an object, in order.
    pub(crate) fn of<'s>(&'s self, gvk: &'s Gvk) -> impl Iterator<Item = &'s FieldSpec> {
        self.of_indexed(gvk).map(|(_, spec)| spec)
    }

    /// Those that fit an object, in order, with their places in [`FieldSpecs::all`].
    pub(crate) fn of_indexed<'s>(
        &'s self,
        gvk: &'s Gvk,
    ) -> impl Iterator<Item = (usize, &'s FieldSpec)> {
        let list = self.by_kind.get(&gvk.kind).unwrap_or(&self.any_kind);
        list.iter()
            .map(|&at| (at, &self.specs[at]))
            .filter(move |(_, spec)| spec.selects(gvk))
    }
}

/// Adds a spec to a list unless one that it covers is there.
///
/// # Errors
/// The same field with another `create`: kustomize's "conflicting fieldspecs".
pub(crate) fn merge_one(list: &mut Vec<FieldSpec>, spec: FieldSpec) -> Result<(), FieldSpec> {
    let known = list
        .iter()
        .find(|known| known.path == spec.path && selects(&spec.gvk, &known.gvk));
    match known {
        Some(known) if known.create != spec.create => Err(spec),
        Some(_) => Ok(()),
        None => {
            list.push(spec);
            Ok(())
        }
    }
}

/// Splits at `/`; `\/` is a slash in a key. A leading slash is dropped.
pub(crate) fn split_path(path: &str) -> Vec<SmolStr> {
    split_escaped(path, '/')
}

/// Splits at a delimiter that a backslash escapes.
pub(crate) fn split_escaped(path: &str, delimiter: char) -> Vec<SmolStr> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    if parts.len() > 1 && parts[0].is_empty() {
        parts.remove(0);
    }
    parts.into_iter().map(SmolStr::from).collect()
}

/// Whether a walk would set, make or refuse anything.
fn reaches(node: &Node, steps: &[Step], make: Make) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    match &node.value {
        Value::Map(_) if !step.is_key => true,
        Value::Map(map) => match map.get(&step.key) {
            Some(next) if next.is_null() => {
                step.is_list || rest.is_empty() || make != Make::Nothing
            }
            Some(next) => reaches(next, rest, make),
            None => make != Make::Nothing && !step.is_list,
        },
        Value::Seq(items) => items.iter().any(|item| reaches(item, steps, make)),
        Value::Scalar(_) => !node.is_null(),
    }
}

fn walk(
    node: &mut Node,
    steps: &[Step],
    make: Make,
    set: &mut dyn FnMut(&mut Node) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    let Some((step, rest)) = steps.split_first() else {
        return set(node);
    };
    if node.is_null() {
        return Ok(());
    }
    let span = node.span;
    if let Some(items) = node.as_seq_mut() {
        return items
            .iter_mut()
            .try_for_each(|item| walk(item, steps, make, set));
    }
    let describe = node.describe();
    if !step.is_key {
        return Err(step.fault(span));
    }
    let Some(map) = node.as_map_mut() else {
        return Err(FieldError {
            message: format!(
                "`{}` is looked up in {describe}, where a mapping or a list is expected",
                step.key
            ),
            span,
        });
    };
    let made = || match (make, rest.is_empty()) {
        _ if step.is_list => Node::seq(Vec::new(), span),
        (Make::Scalar, true) => empty_scalar(span),
        _ => Node::empty_map(span),
    };
    let makes = make != Make::Nothing && !step.is_list;
    let next = match map.get_mut(&step.key) {
        Some(next) => {
            if next.is_null() && (makes || step.is_list) {
                let mut new = made();
                // What becomes of a null keeps its spelling: `null` with a prefix is `p-null`.
                if let (Some(old), Value::Scalar(scalar)) = (next.as_scalar(), &mut new.value) {
                    scalar.text = old.text.clone();
                }
                *next = new;
            }
            next
        }
        None if makes => map.get_or_insert_with(&step.key, made),
        None => return Ok(()),
    };
    walk(next, rest, make, set)
}

fn places(node: &Node, steps: &[Step], path: &mut Vec<PathStep>, found: &mut Vec<Vec<PathStep>>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(path.clone());
        return;
    };
    match &node.value {
        Value::Map(map) => {
            if let Some(next) = map.get(&step.key) {
                path.push(PathStep::Key(step.key.clone()));
                places(next, rest, path, found);
                path.pop();
            }
        }
        Value::Seq(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(PathStep::Index(at));
                places(item, steps, path, found);
                path.pop();
            }
        }
        Value::Scalar(_) => {}
    }
}

/// A scalar that was just made: written without quotes, so that what is set keeps its type.
fn empty_scalar(span: Span) -> Node {
    let scalar = Scalar {
        text: SmolStr::default(),
        kind: ScalarKind::Str,
        plain: true,
        folded: false,
        untagged: true,
    };
    Node::new(Value::Scalar(scalar), span)
}

fn visit<'n>(node: &'n Node, steps: &[Step], see: &mut dyn FnMut(&'n Node)) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        see(node);
        return false;
    };
    match &node.value {
        Value::Map(_) if !step.is_key => true,
        Value::Map(map) => map
            .get(&step.key)
            .is_some_and(|next| visit(next, rest, see)),
        Value::Seq(items) => items
            .iter()
            .fold(false, |blocked, item| blocked | visit(item, steps, see)),
        Value::Scalar(_) => !node.is_null(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::json::{from_json, to_json};

    fn set_all(object: &str, path: &str, create: bool, make: Make) -> String {
        let mut node = from_json(&serde_json::from_str(object).unwrap(), Span::NONE);
        let spec = FieldSpec::new("", "", "", path, create);
        let done = spec.apply(&mut node, make, &mut |value| {
            *value = Node::int(7, Span::NONE);
            Ok(())
        });
        done.map_or_else(|error| error.message, |()| to_json(&node).to_string())
    }

    #[test]
    fn a_path_leads_through_lists_and_makes_what_is_missing() {
        for (object, path, create, make, want) in [
            (
                r#"{"a":{"b":1}}"#,
                "a/b",
                false,
                Make::Scalar,
                r#"{"a":{"b":7}}"#,
            ),
            (
                r#"{"a":[{"b":1},{"c":1}]}"#,
                "a/b",
                false,
                Make::Scalar,
                r#"{"a":[{"b":7},{"c":1}]}"#,
            ),
            ("{}", "a/b", false, Make::Scalar, "{}"),
            ("{}", "a/b", true, Make::Scalar, r#"{"a":{"b":7}}"#),
            ("{}", "a/b", true, Make::Nothing, "{}"),
            ("{}", "a[]/b", true, Make::Map, "{}"),
            (r#"{"a":null}"#, "a[]/b", true, Make::Map, r#"{"a":[]}"#),
            (r#"{"a":null}"#, "a/b", true, Make::Map, r#"{"a":{"b":7}}"#),
            (r#"{"a":null}"#, "a/b", false, Make::Map, r#"{"a":null}"#),
            (r#"{"a/b":1}"#, r"a\/b", false, Make::Scalar, r#"{"a/b":7}"#),
        ] {
            assert_eq!(
                set_all(object, path, create, make),
                want,
                "{path} in {object}"
            );
        }
        assert!(set_all(r#"{"a":1}"#, "a/b", false, Make::Map).contains("looked up in an integer"));
        for path in ["a/*", "a/-", "a/0", "a/[b=1]", "a/", "a/*[]"] {
            let refused = set_all(r#"{"a":[{"b":1}]}"#, path, false, Make::Map);
            assert!(refused.contains("path"), "{path}: {refused}");
            assert_eq!(set_all("{}", path, false, Make::Map), "{}", "{path}");
        }
    }

    #[test]
    fn specs_are_found_by_kind() {
        let specs = FieldSpecs::new(vec![
            FieldSpec::new("", "", "", "any", false),
            FieldSpec::new("apps", "", "Deployment", "apps", false),
            FieldSpec::new("", "v1", "Deployment", "v1", false),
        ]);
        let paths = |version: &str, kind: &str| -> Vec<String> {
            let gvk = Gvk::new(version, kind);
            specs.of(&gvk).map(|spec| spec.path.to_string()).collect()
        };
        assert_eq!(paths("apps/v1", "Deployment"), ["any", "apps", "v1"]);
        assert_eq!(paths("apps/v2", "Deployment"), ["any", "apps"]);
        assert_eq!(paths("v1", "Pod"), ["any"]);
    }
}
