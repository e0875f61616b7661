//! Images in files that stand for themselves: containers of manifests, inputs of typed resources,
//! and values of a chart in the forms that charts use.

use super::draft::Draft;
use super::layout::Step;
use super::request::{ImageChange, Part, split_reference};
use super::uses::{Names, Rank};
use crate::manifest::{Diagnostic, Node, Span, Value};

/// A place that names an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    page: usize,
    path: Vec<Step>,
    form: Form,
    /// The reference as a whole.
    pub(super) reference: String,
    /// What people may call it, the nearest last: the object, the container, the keys above it.
    callers: Vec<String>,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `image: repository:tag`
    Whole,
    /// `image: {registry, repository, tag, digest}`, as values of charts have it.
    Parts,
}

impl Site {
    /// The image's full name.
    pub(super) fn name(&self) -> &str {
        split_reference(&self.reference).0
    }

    /// Adds the names under which it can be meant.
    pub(super) fn call(&self, names: &mut Names) {
        names.add(self.name());
        if let Some((nearest, above)) = self.callers.split_last() {
            names.call(Rank::Container, self.name(), nearest);
            for caller in above {
                names.call(Rank::Object, self.name(), caller);
            }
        }
    }

    /// Changes it.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub(super) fn set(&self, draft: &mut Draft, change: &ImageChange) -> Result<(), Diagnostic> {
        let new = change.apply(&self.reference);
        if new == self.reference {
            return Ok(());
        }
        match self.form {
            Form::Whole => {
                let words = format!("image {} -> {new}", self.reference);
                let value = Node::string(new, Span::NONE);
                draft
                    .put(self.page, &self.path, value, &[], words)
                    .map(drop)
            }
            Form::Parts => self.set_parts(draft, change, &new),
        }
    }

    fn set_parts(
        &self,
        draft: &mut Draft,
        change: &ImageChange,
        new: &str,
    ) -> Result<(), Diagnostic> {
        let (name, tag, digest) = split_reference(new);
        let has = |field: &str| {
            let found = draft.node(self.page, &self.under(field));
            found.is_some_and(|node| !node.is_null() && node.as_str() != Some(""))
        };
        let (has_registry, has_digest) = (has("registry"), has("digest"));
        let mut fields: Vec<(&str, &str)> = Vec::new();
        if let Part::Set(_) = change.new_name {
            let (registry, path) = match name.split_once('/') {
                Some((host, path)) if is_registry(host) && has_registry => (Some(host), path),
                _ => (None, name),
            };
            fields.extend(registry.map(|registry| ("registry", registry)));
            fields.push(("repository", path));
        }
        if change.tag != Part::Keep {
            fields.push(("tag", tag));
        }
        if has_digest || !digest.is_empty() {
            fields.push(("digest", digest));
        }
        for (field, value) in fields {
            let path = self.under(field);
            let old = draft.node(self.page, &path).and_then(Node::scalar_text);
            let words = match old {
                Some(old) if !old.is_empty() => format!("{field} {old} -> {value}"),
                _ => format!("{field} {value} added"),
            };
            // An empty tag lets the chart choose one, which is no way to say "none".
            if value.is_empty() && old.is_none() {
                continue;
            }
            let value = Node::string(value, Span::NONE);
            draft.put(self.page, &path, value, &["repository", "tag"], words)?;
        }
        Ok(())
    }

    fn under(&self, field: &str) -> Vec<Step> {
        let mut path = self.path.clone();
        path.push(Step::Key(field.to_owned()));
        path
    }
}

fn is_registry(host: &str) -> bool {
    host.contains(['.', ':']) || host == "localhost"
}

/// Finds the images of a file. ConfigMaps and Secrets hold data, not images.
pub(super) fn sites(draft: &Draft) -> Vec<Site> {
    let mut sites = Vec::new();
    for (page, root) in draft.trees().iter().enumerate() {
        let kind = root.get("kind").and_then(Node::as_str);
        if matches!(kind, Some("ConfigMap" | "Secret")) {
            continue;
        }
        let name = root.at(&["metadata", "name"]).and_then(Node::as_str);
        let callers: Vec<String> = name.into_iter().map(str::to_owned).collect();
        walk(page, root, &mut Vec::new(), &callers, &mut sites);
    }
    sites
}

fn walk(page: usize, node: &Node, path: &mut Vec<Step>, callers: &[String], sites: &mut Vec<Site>) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Node::as_str);
                let mut callers = callers.to_vec();
                callers.extend(name.map(str::to_owned));
                path.push(Step::Index(index));
                walk(page, item, path, &callers, sites);
                path.pop();
            }
        }
        Value::Map(map) => {
            for entry in map.as_ref() {
                path.push(Step::Key(entry.key.to_string()));
                if entry.key == "image" {
                    sites.extend(site(page, &entry.value, path, callers));
                }
                let mut callers = callers.to_vec();
                if !is_structure(&entry.key) {
                    callers.push(entry.key.to_string());
                }
                walk(page, &entry.value, path, &callers, sites);
                path.pop();
            }
        }
    }
}

/// Keys of manifests, by which nobody calls an image.
fn is_structure(key: &str) -> bool {
    matches!(
        key,
        "spec"
            | "template"
            | "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "jobTemplate"
            | "image"
            | "metadata"
            | "global"
    )
}

fn site(page: usize, value: &Node, path: &[Step], callers: &[String]) -> Option<Site> {
    let text = |field: &str| {
        let text = value.get(field).and_then(Node::scalar_text);
        text.unwrap_or_default().to_owned()
    };
    let (form, reference) = match &value.value {
        Value::Scalar(_) => (Form::Whole, value.as_str()?.to_owned()),
        Value::Map(map) if map.contains_key("repository") => {
            let mut reference = text("registry");
            if !reference.is_empty() {
                reference.push('/');
            }
            reference.push_str(&text("repository"));
            for (mark, field) in [(':', "tag"), ('@', "digest")] {
                let part = text(field);
                if !part.is_empty() {
                    reference.push(mark);
                    reference.push_str(&part);
                }
            }
            (Form::Parts, reference)
        }
        _ => return None,
    };
    (!reference.is_empty()).then(|| Site {
        page,
        path: path.to_vec(),
        form,
        reference,
        callers: callers.to_vec(),
    })
}
