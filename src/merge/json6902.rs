//! JSON patches (RFC 6902) on trees, with the reading of evanphx/json-patch that kustomize uses.

use smol_str::SmolStr;

use crate::manifest::json::to_json;
use crate::manifest::{Node, Span, Value, suggest};

/// One operation of a patch.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What to do.
    pub kind: OperationKind,
    /// Where, split at `/` and unescaped.
    pub path: Vec<SmolStr>,
    /// Where from, for `move` and `copy`.
    pub from: Vec<SmolStr>,
    /// The value of `add`, `replace` and `test`; a missing one counts as null.
    pub value: Option<Node>,
    /// Why the operation cannot be carried out. The Go library finds that out when it comes to
    /// apply it, so that a patch which selects nothing may hold nonsense.
    pub fault: Option<PatchError>,
    /// Where the operation stands.
    pub span: Span,
    /// Where its `path` stands.
    pub path_span: Span,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Sets a key, or inserts into a list.
    Add,
    /// Removes what exists.
    Remove,
    /// Sets what exists; of a mapping also what does not.
    Replace,
    /// Removes from one place and adds at another.
    Move,
    /// Adds what stands at another place.
    Copy,
    /// Fails where the value differs.
    Test,
}

/// The names of the operations.
const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

/// Why a patch cannot be read or applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatchError {
    /// What is wrong.
    pub message: String,
    /// The operation, or the part of it that is wrong.
    pub span: Span,
    /// What is there instead.
    pub hint: Option<String>,
}

impl PatchError {
    fn new(message: String, span: Span) -> Self {
        Self {
            message,
            span,
            hint: None,
        }
    }
}

/// Reads a list of operations. What is wrong with one is told when it is applied.
///
/// # Errors
/// What is no list of mappings.
pub fn read(patch: &Node) -> Result<Vec<Operation>, Vec<PatchError>> {
    let Some(items) = patch.as_seq() else {
        let message = format!(
            "a JSON patch is a list of operations, not {}",
            patch.describe()
        );
        return Err(vec![PatchError::new(message, patch.span)]);
    };
    let mut operations = Vec::with_capacity(items.len());
    let mut faults = Vec::new();
    for item in items {
        match read_operation(item) {
            Ok(operation) => operations.push(operation),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(operations)
    } else {
        Err(faults)
    }
}

/// Applies operations in order.
///
/// # Errors
/// The first operation that cannot be done; the object is then half changed.
pub fn apply(root: &mut Node, operations: &[Operation]) -> Result<(), PatchError> {
    for operation in operations {
        if let Some(fault) = &operation.fault {
            return Err(fault.clone());
        }
        apply_one(root, operation).map_err(|message| failure(root, operation, message))?;
    }
    Ok(())
}

/// Points at the part of an operation that failed, and says what the object has instead.
fn failure(root: &Node, operation: &Operation, message: String) -> PatchError {
    let (path, span) = match operation.kind {
        OperationKind::Test => {
            let value = operation.value.as_ref();
            let span = value.map_or(operation.path_span, |value| value.span);
            return PatchError::new(message, span);
        }
        OperationKind::Move | OperationKind::Copy if find(root, &operation.from).is_none() => {
            (&operation.from, operation.span)
        }
        _ => (&operation.path, operation.path_span),
    };
    PatchError {
        message,
        span,
        hint: nearest(root, path),
    }
}

/// The nearest path that exists: with a key that is nearly the same, or how long a list is.
fn nearest(root: &Node, path: &[SmolStr]) -> Option<String> {
    let depth = (0..path.len()).find(|&depth| find(root, &path[..=depth]).is_none())?;
    let there = find(root, &path[..depth])?;
    let place = match pointer(&path[..depth]) {
        root if root.is_empty() => "the object".to_owned(),
        pointer => format!("`{pointer}`"),
    };
    match &there.value {
        Value::Map(map) => {
            let near = suggest::nearest(&path[depth], map.keys())?;
            let meant = [&path[..depth], &[SmolStr::new(near)], &path[depth + 1..]].concat();
            Some(format!("did you mean `{}`?", pointer(&meant)))
        }
        Value::Seq(items) => Some(match items.len() {
            0 => format!("{place} is an empty list"),
            1 => format!("{place} is a list with one element, at 0"),
            n => format!("{place} is a list with {n} elements, 0 to {}", n - 1),
        }),
        Value::Scalar(_) => Some(format!("{place} is {}", there.describe())),
    }
}

/// Writes path segments as a JSON pointer.
pub fn pointer(path: &[SmolStr]) -> String {
    let mut pointer = String::new();
    for part in path {
        pointer.push('/');
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

fn read_operation(item: &Node) -> Result<Operation, PatchError> {
    if item.as_map().is_none() && !item.is_null() {
        let message = format!("an operation is a mapping, not {}", item.describe());
        return Err(PatchError::new(message, item.span));
    }
    let (kind, mut fault) = match read_kind(item) {
        Ok(kind) => (kind, None),
        Err(fault) => (OperationKind::Test, Some(fault)),
    };
    let mut place = |key: &str| {
        let text = item.get(key).and_then(Node::as_str);
        let wrong = match text {
            None => Some(format!("the operation has no `{key}`")),
            Some(text) if !text.is_empty() && !text.contains('/') => {
                Some(format!("`{text}` is no pointer: write `/{text}`"))
            }
            Some(_) => None,
        };
        fault = fault
            .take()
            .or_else(|| Some(PatchError::new(wrong?, item.span)));
        text.map(split_pointer).unwrap_or_default()
    };
    let path = place("path");
    let from = match kind {
        OperationKind::Move | OperationKind::Copy => place("from"),
        _ => Vec::new(),
    };
    Ok(Operation {
        kind,
        path,
        from,
        value: item.get("value").cloned(),
        fault,
        span: item.span,
        path_span: item.get("path").map_or(item.span, |path| path.span),
    })
}

fn read_kind(item: &Node) -> Result<OperationKind, PatchError> {
    let op = item.get("op");
    match op.and_then(Node::as_str) {
        Some("add") => Ok(OperationKind::Add),
        Some("remove") => Ok(OperationKind::Remove),
        Some("replace") => Ok(OperationKind::Replace),
        Some("move") => Ok(OperationKind::Move),
        Some("copy") => Ok(OperationKind::Copy),
        Some("test") => Ok(OperationKind::Test),
        Some(other) => {
            let span = op.map_or(item.span, |op| op.span);
            let hint = match suggest::nearest(other, OPERATIONS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it is one of {}", OPERATIONS.join(", ")),
            };
            Err(PatchError {
                hint: Some(hint),
                ..PatchError::new(format!("unknown operation `{other}`"), span)
            })
        }
        None => {
            let message = "the operation has no `op`".to_owned();
            Err(PatchError::new(message, item.span))
        }
    }
}

/// Splits a pointer as the Go library does: what stands before the first `/` is dropped.
fn split_pointer(text: &str) -> Vec<SmolStr> {
    text.split('/')
        .skip(1)
        .map(|part| SmolStr::from(part.replace("~1", "/").replace("~0", "~")))
        .collect()
}

fn apply_one(root: &mut Node, operation: &Operation) -> Result<(), String> {
    let value = || {
        operation
            .value
            .clone()
            .unwrap_or_else(|| Node::null(operation.span))
    };
    match operation.kind {
        OperationKind::Add => add(root, &operation.path, value()),
        OperationKind::Replace => replace(root, &operation.path, value()),
        OperationKind::Remove => remove(root, &operation.path).map(|_| ()),
        OperationKind::Move => {
            let moved = remove(root, &operation.from)?;
            add(root, &operation.path, moved)
        }
        OperationKind::Copy => {
            let copied = get(root, &operation.from)?.cloned();
            let copied = copied.unwrap_or_else(|| Node::null(operation.span));
            add(root, &operation.path, copied)
        }
        OperationKind::Test => test(root, operation),
    }
}

fn test(root: &Node, operation: &Operation) -> Result<(), String> {
    let found = if operation.path.is_empty() {
        Some(root)
    } else {
        get(root, &operation.path)?
    };
    let wanted = operation.value.as_ref().filter(|node| !node.is_null());
    let same = match (found.filter(|node| !node.is_null()), wanted) {
        (None, None) => true,
        (Some(found), Some(wanted)) => found.same_value(wanted),
        _ => false,
    };
    if same {
        return Ok(());
    }
    let path = pointer(&operation.path);
    // A Secret's values are nobody's to read in a log.
    let is_secret = root.get("kind").and_then(Node::as_str) == Some("Secret")
        && matches!(operation.path.first(), Some(part) if part == "data" || part == "stringData");
    let text = |node: Option<&Node>| node.map_or_else(|| "nothing".to_owned(), short_json);
    Err(if is_secret {
        format!("the test of `{path}` failed: the object has another value")
    } else {
        let (wanted, found) = (text(operation.value.as_ref()), text(found));
        format!("the test of `{path}` failed: it wants {wanted}, and the object has {found}")
    })
}

/// A value in back-ticks, cut where it is long.
fn short_json(node: &Node) -> String {
    const MOST: usize = 60;
    let text = to_json(node).to_string();
    if text.chars().count() <= MOST {
        return format!("`{text}`");
    }
    let head: String = text.chars().take(MOST).collect();
    format!("`{head}...`")
}

fn missing(verb: &str, path: &[SmolStr]) -> String {
    format!("cannot {verb} `{}`: there is no such field", pointer(path))
}

/// What stands at a path: nothing where a mapping lacks the last key, an error where there is no
/// such place at all.
fn get<'n>(root: &'n Node, path: &[SmolStr]) -> Result<Option<&'n Node>, String> {
    let missing = || missing("find", path);
    let (key, parents) = path.split_last().ok_or_else(missing)?;
    let container = find(root, parents).ok_or_else(missing)?;
    match &container.value {
        Value::Map(map) => Ok(map.get(key)),
        _ => find(container, std::slice::from_ref(key))
            .map(Some)
            .ok_or_else(missing),
    }
}

fn find<'n>(root: &'n Node, path: &[SmolStr]) -> Option<&'n Node> {
    path.iter().try_fold(root, |node, part| match &node.value {
        Value::Map(map) => map.get(part),
        Value::Seq(items) => items.get(index(part, items.len())?),
        Value::Scalar(_) => None,
    })
}

/// The collection that the last part of a path names something in.
fn container<'n, 'p>(
    root: &'n mut Node,
    path: &'p [SmolStr],
) -> Result<(&'n mut Node, &'p SmolStr), String> {
    let Some((key, parents)) = path.split_last() else {
        return Err("the path is empty: a patch cannot replace the whole object".to_owned());
    };
    let mut node = root;
    for (depth, part) in parents.iter().enumerate() {
        node = existing(node, part).ok_or_else(|| {
            format!(
                "there is no `{}` in the object, which `{}` needs",
                pointer(&path[..=depth]),
                pointer(path)
            )
        })?;
    }
    Ok((node, key))
}

fn existing<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    if node.as_seq().is_some() {
        let at = index(key, node.as_seq()?.len())?;
        return node.as_seq_mut()?.get_mut(at);
    }
    node.get_mut(key)
}

/// An index; negative ones count from the end.
fn index(part: &str, len: usize) -> Option<usize> {
    let at: i64 = part.parse().ok()?;
    let at = if at < 0 {
        i64::try_from(len).ok()? + at
    } else {
        at
    };
    usize::try_from(at).ok()
}

fn add(root: &mut Node, path: &[SmolStr], value: Node) -> Result<(), String> {
    let (container, key) = container(root, path)?;
    if let Some(items) = container.as_seq_mut() {
        if key == "-" {
            items.push(value);
            return Ok(());
        }
        let negative = key.starts_with('-');
        let at = index(key, items.len() + usize::from(negative))
            .ok_or_else(|| format!("`{key}` is no index of `{}`", pointer(path)))?;
        if at > items.len() {
            return Err(format!(
                "cannot add at index {key}: the list of `{}` has {} elements",
                pointer(path),
                items.len()
            ));
        }
        items.insert(at, value);
        return Ok(());
    }
    let describe = container.describe();
    match container.as_map_mut() {
        Some(map) => {
            let span = value.span;
            map.insert(key.clone(), span, value);
            Ok(())
        }
        None => Err(format!("cannot add `{}` to {describe}", pointer(path))),
    }
}

/// Sets what exists. Of a mapping the Go library takes a missing key for one that is null.
fn replace(root: &mut Node, path: &[SmolStr], value: Node) -> Result<(), String> {
    if path.is_empty() && value.as_map().is_some() {
        *root = value;
        return Ok(());
    }
    let (container, key) = container(root, path)?;
    if container.as_map().is_some() {
        return add(root, path, value);
    }
    let slot = existing(container, key).ok_or_else(|| missing("replace", path))?;
    *slot = value;
    Ok(())
}

fn remove(root: &mut Node, path: &[SmolStr]) -> Result<Node, String> {
    let (container, key) = container(root, path)?;
    let found = if let Some(items) = container.as_seq_mut() {
        index(key, items.len())
            .filter(|at| *at < items.len())
            .map(|at| items.remove(at))
    } else {
        container.as_map_mut().and_then(|map| map.remove(key))
    };
    found.ok_or_else(|| missing("remove", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::json::{from_json, to_json};

    fn patched(object: &str, patch: &str) -> Result<String, String> {
        let node = |text: &str| from_json(&serde_json::from_str(text).unwrap(), Span::NONE);
        let mut root = node(object);
        let operations = read(&node(patch)).map_err(|errors| errors[0].message.clone())?;
        apply(&mut root, &operations).map_err(|error| error.message)?;
        Ok(to_json(&root).to_string())
    }

    #[test]
    fn operations_do_what_rfc_6902_says() {
        for (object, patch, want) in [
            (
                r#"{"a":1}"#,
                r#"[{"op":"add","path":"/b","value":2}]"#,
                r#"{"a":1,"b":2}"#,
            ),
            (
                r#"{"a":[1,2]}"#,
                r#"[{"op":"add","path":"/a/1","value":9}]"#,
                r#"{"a":[1,9,2]}"#,
            ),
            (
                r#"{"a":[1]}"#,
                r#"[{"op":"add","path":"/a/-","value":9}]"#,
                r#"{"a":[1,9]}"#,
            ),
            (
                r#"{"a":[1,2]}"#,
                r#"[{"op":"remove","path":"/a/0"}]"#,
                r#"{"a":[2]}"#,
            ),
            (
                r#"{"a/b":1}"#,
                r#"[{"op":"replace","path":"/a~1b","value":3}]"#,
                r#"{"a/b":3}"#,
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"move","from":"/a","path":"/b"}]"#,
                r#"{"b":1}"#,
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"copy","from":"/a","path":"/b"}]"#,
                r#"{"a":1,"b":1}"#,
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"test","path":"/a","value":1},{"op":"remove","path":"/a"}]"#,
                "{}",
            ),
        ] {
            assert_eq!(patched(object, patch).as_deref(), Ok(want), "{patch}");
        }
    }

    #[test]
    fn what_is_missing_is_null_as_in_the_go_library() {
        // Tried with kustomize 5.8.1.
        for (patch, want) in [
            (r#"[{"op":"add","path":"/b"}]"#, r#"{"a":1,"b":null}"#),
            (r#"[{"op":"replace","path":"/a"}]"#, r#"{"a":null}"#),
            (
                r#"[{"op":"copy","from":"/c","path":"/b"}]"#,
                r#"{"a":1,"b":null}"#,
            ),
            (r#"[{"op":"test","path":"/c"}]"#, r#"{"a":1}"#),
            (
                r#"[{"op":"replace","path":"","value":{"b":2}}]"#,
                r#"{"b":2}"#,
            ),
        ] {
            assert_eq!(patched(r#"{"a":1}"#, patch).as_deref(), Ok(want), "{patch}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        for (object, patch, want) in [
            (r#"{"a":1}"#, r#"[{"op":"remove","path":"/b"}]"#, "`/b`"),
            (
                r#"{"a":[]}"#,
                r#"[{"op":"replace","path":"/a/0","value":1}]"#,
                "`/a/0`",
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"add","path":"/b/c","value":1}]"#,
                "no `/b`",
            ),
            (
                r#"{"a":[1]}"#,
                r#"[{"op":"add","path":"/a/5","value":1}]"#,
                "index 5",
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"test","path":"/a","value":2}]"#,
                "test of `/a` failed: it wants `2`, and the object has `1`",
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"ad","path":"/a","value":2}]"#,
                "`ad`",
            ),
            (r#"{"a":1}"#, r#"{"op":"add"}"#, "a list"),
            (r#"{"a":1}"#, r#"[{"op":"add","value":1}]"#, "`path`"),
            (r#"{"a":1}"#, "[null]", "`op`"),
            (
                r#"{"a":1}"#,
                r#"[{"op":"test","path":"a","value":1}]"#,
                "`/a`",
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"test","path":"/b/c","value":null}]"#,
                "`/b/c`",
            ),
            (
                r#"{"a":[]}"#,
                r#"[{"op":"copy","from":"/a/0","path":"/b"}]"#,
                "`/a/0`",
            ),
        ] {
            let message = patched(object, patch).expect_err(patch);
            assert!(message.contains(want), "{message}");
        }
    }
}
