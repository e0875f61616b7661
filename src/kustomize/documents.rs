//! The objects of a text as kustomize takes them: empty documents dropped, lists expanded, kind
//! and name required.

use std::collections::VecDeque;
use std::ops::Range;

use super::load::Mode;
use crate::manifest::read::{Document, TOO_MANY, read_all, read_first};
use crate::manifest::{
    Diagnostic, Diagnostics, FileId, Node, ReadOptions, ScalarKind, Sources, Span, Value,
};

/// Reads the objects of a source.
///
/// # Errors
/// Every fault of every document.
pub(crate) fn objects(
    sources: &Sources,
    file: FileId,
    mode: Mode,
) -> Result<Vec<Node>, Diagnostics> {
    let options = match mode {
        Mode::Resources => ReadOptions::kustomize_resource(),
        Mode::Patches => ReadOptions::kustomize_patch(),
    };
    let documents = documents(sources, file, &options)?;
    let mut roots: Vec<Node> = documents
        .into_iter()
        .map(|document| document.root)
        .collect();
    roots.retain(|root| !root.is_null());
    if let [only] = roots.as_slice()
        && let Some(items) = wrapped(only)
    {
        roots = items;
    }
    expand(roots)
}

/// Reads the documents of a text. kustomize cuts it at lines of dashes and reads one document of
/// each part, so that what comes after `...`, or after a document that ends early, is not there.
fn documents(
    sources: &Sources,
    file: FileId,
    options: &ReadOptions,
) -> Result<Vec<Document>, Diagnostics> {
    let Some(source) = sources.get(file) else {
        return Ok(Vec::new());
    };
    let parts = parts(&source.text, file)?;
    let read = read_all(sources, file, options);
    let ends_early = source.text.contains("\n...");
    let is_given_up = |faults: &Diagnostics| faults.0.iter().any(|fault| fault.rule == TOO_MANY);
    if read.as_ref().map_or_else(is_given_up, |_| !ends_early) {
        return read;
    }
    let mut documents = Vec::new();
    let mut faults = Diagnostics::default();
    for part in parts {
        let first = read_first(sources, file, part, options);
        documents.extend(first.and_then(|first| faults.take(first)));
    }
    faults.or(documents)
}

/// The parts of a text between lines that begin with three dashes, the first line aside.
fn parts(text: &str, file: FileId) -> Result<Vec<Range<usize>>, Diagnostic> {
    let mut parts = Vec::new();
    let (mut start, mut from) = (0, 0);
    while let Some(at) = text[from..].find("\n---").map(|at| from + at) {
        let Some(length) = text[at + 4..].find('\n') else {
            break;
        };
        let end = at + 4 + length;
        let rest = text[at + 4..end].trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            let message = "kustomize takes nothing but a comment in a line that begins with `---`";
            let fault = Diagnostic::error("yaml-separator", message);
            let hint = "write what follows in the next line";
            return Err(fault.at(Span::new(file, at + 1, end), "").hint(hint));
        }
        parts.push(start..at + 1);
        (start, from) = (end + 1, end + 1);
    }
    parts.push(start..text.len());
    Ok(parts)
}

/// Expands objects whose kind ends in `List`; their items go last.
fn expand(roots: Vec<Node>) -> Result<Vec<Node>, Diagnostics> {
    let mut faults = Vec::new();
    let mut queue: VecDeque<Node> = VecDeque::with_capacity(roots.len());
    for root in roots {
        push_valid(root, &mut queue, &mut faults);
    }
    let mut result = Vec::with_capacity(queue.len());
    while let Some(node) = queue.pop_front() {
        let is_list = kind(&node).is_some_and(|kind| kind.ends_with("List"));
        match node.get("items").filter(|_| is_list) {
            None => result.push(node),
            Some(items) if items.is_null() => {}
            Some(items) => match items.as_seq() {
                Some(items) => {
                    for item in items {
                        let mut item = item.clone();
                        // These go through JSON, which quotes every text.
                        quote(&mut item);
                        push_valid(item, &mut queue, &mut faults);
                    }
                }
                None => faults.push(
                    Diagnostic::error(
                        "list-items",
                        format!("`items` must be a list, not {}", items.describe()),
                    )
                    .at(items.span, ""),
                ),
            },
        }
    }
    if faults.is_empty() {
        Ok(result)
    } else {
        Err(Diagnostics(faults))
    }
}

/// The items of a `List` that is alone in its text.
fn wrapped(root: &Node) -> Option<Vec<Node>> {
    let kind = kind(root)?;
    if !matches!(kind, "List" | "ResourceList") {
        return None;
    }
    let items = root.get("items");
    if items.is_none() {
        root.get("functionConfig")?;
    }
    Some(items.and_then(Node::as_seq).unwrap_or_default().to_vec())
}

fn push_valid(node: Node, queue: &mut VecDeque<Node>, faults: &mut Vec<Diagnostic>) {
    let is_empty = match &node.value {
        Value::Map(map) => map.is_empty(),
        Value::Seq(items) => items.is_empty(),
        Value::Scalar(scalar) => scalar.kind == ScalarKind::Null,
    };
    if is_empty {
        return;
    }
    match validate(&node) {
        None => queue.push_back(node),
        Some(fault) => faults.push(fault),
    }
}

fn validate(node: &Node) -> Option<Diagnostic> {
    let fault = |message: &str| Diagnostic::error("no-object", message.to_owned());
    if node.as_map().is_none() {
        let message = format!("this is no object but {}", node.describe());
        return Some(fault(&message).at(node.span, ""));
    }
    let Some(kind) = kind(node) else {
        return Some(fault("this object has no `kind`").at(node.span, ""));
    };
    let name = node
        .at(&["metadata", "name"])
        .filter(|name| !name.is_null());
    if name.is_none() && !kind.ends_with("List") {
        let message = format!("this {kind} has no `metadata.name`");
        return Some(fault(&message).at(node.span, ""));
    }
    None
}

fn kind(node: &Node) -> Option<&str> {
    node.get("kind")
        .and_then(Node::scalar_text)
        .filter(|kind| !kind.is_empty())
}

fn quote(node: &mut Node) {
    match &mut node.value {
        Value::Scalar(scalar) => {
            if scalar.kind == ScalarKind::Str {
                scalar.plain = false;
            }
        }
        Value::Seq(_) => node.as_seq_mut().into_iter().flatten().for_each(quote),
        Value::Map(_) => {
            for entry in node.as_map_mut().into_iter().flat_map(|map| map.iter_mut()) {
                quote(&mut entry.value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let sources = Sources::new();
        let file = sources.add("in.yaml", text);
        let objects =
            objects(&sources, file, Mode::Resources).map_err(|faults| faults.to_string())?;
        let name = |node: &Node| {
            node.at(&["metadata", "name"])?
                .scalar_text()
                .map(str::to_owned)
        };
        Ok(objects.iter().filter_map(name).collect())
    }

    #[test]
    fn lists_are_expanded_and_empty_documents_dropped() {
        let item = |name: &str| format!("{{kind: A, metadata: {{name: {name}}}}}");
        for (text, want) in [
            (
                format!("---\n# nothing\n---\n{}\n---\n{{}}\n", item("a")),
                vec!["a"],
            ),
            (
                format!("kind: List\nitems: [{}, {}]", item("a"), item("b")),
                vec!["a", "b"],
            ),
            // What a list holds comes after the documents that follow it.
            (
                format!("kind: AList\nitems: [{}]\n---\n{}", item("a"), item("b")),
                vec!["b", "a"],
            ),
            ("kind: AList\nitems: null".to_owned(), vec![]),
        ] {
            assert_eq!(names(&text).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for (text, want) in [
            ("metadata: {name: a}", "no `kind`"),
            ("kind: A", "no `metadata.name`"),
            ("[a]", "a list"),
            ("kind: AList\nitems: 3", "`items` must be a list"),
        ] {
            let message = names(text).expect_err(text);
            assert!(message.contains(want), "{message}");
        }
    }
}
