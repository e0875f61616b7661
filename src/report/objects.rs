//! Objects as `render` prints them: YAML, JSON, or their names.

use std::io::{self, Write};

use crate::manifest::{Object, emit, json};
use crate::parallel::in_order;

/// How many objects are put into text at a time, on all cores.
const AT_ONCE: usize = 32;

/// About as many bytes as most objects have.
const USUAL_BYTES: usize = 512;

/// Forms in which objects are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectForm {
    /// YAML documents, as `kustomize build` prints them.
    Yaml,
    /// One JSON document: a `List`.
    Json,
    /// One line for each object: `Deployment shop/backend`.
    Names,
}

/// Writes the objects of one source.
///
/// # Errors
/// What the writer says.
pub fn objects(out: &mut dyn Write, form: ObjectForm, objects: &[Object]) -> io::Result<()> {
    match form {
        ObjectForm::Yaml => yaml(out, objects),
        ObjectForm::Json => out.write_all(list(None, objects).as_bytes()),
        ObjectForm::Names => out.write_all(names(objects).as_bytes()),
    }
}

/// The text of one of several sources, which names it: in a comment, or in JSON, which has none,
/// as annotation `deployx.dev/source` of the `List`.
pub fn objects_of(source: &str, form: ObjectForm, objects: &[Object]) -> String {
    // A path may hold what would end the comment.
    let source: String = source
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    match form {
        ObjectForm::Yaml => {
            let documents = emit::emit_all(objects.iter().map(|object| &object.root));
            format!("# {source}\n{documents}")
        }
        ObjectForm::Json => list(Some(&source), objects),
        ObjectForm::Names => format!("# {source}\n{}", names(objects)),
    }
}

fn yaml(out: &mut dyn Write, objects: &[Object]) -> io::Result<()> {
    let chunks: Vec<(usize, &[Object])> = objects.chunks(AT_ONCE).enumerate().collect();
    let text = |&(nth, objects): &(usize, &[Object])| {
        let mut text = String::with_capacity(AT_ONCE * USUAL_BYTES);
        for (at, object) in objects.iter().enumerate() {
            if nth > 0 || at > 0 {
                text.push_str("---\n");
            }
            emit::emit_to(&object.root, &mut text);
        }
        text
    };
    in_order(&chunks, text, |text| out.write_all(text.as_bytes()))
}

fn list(source: Option<&str>, objects: &[Object]) -> String {
    let items = objects.iter().map(|object| json::to_json(&object.root));
    let items: Vec<_> = items.collect();
    let mut list = serde_json::json!({"apiVersion": "v1", "kind": "List"});
    if let Some(source) = source {
        list["metadata"] = serde_json::json!({"annotations": {"deployx.dev/source": source}});
    }
    list["items"] = items.into();
    format!("{list:#}\n")
}

fn names(objects: &[Object]) -> String {
    let lines = objects.iter().map(|object| object.describe() + "\n");
    lines.collect()
}
