//! Changes in a kustomization file: its `images`, `replicas`, `namespace`, labels and annotations.

use super::draft::Draft;
use super::layout::Step;
use super::request::{ImageChange, Part, Reach, TextChange};
use crate::manifest::{Diagnostic, Map, Node, Span};

/// The document of a kustomization file that counts: kustomize reads the first.
const PAGE: usize = 0;

/// An entry of `images`, or of `imageTags` as it was once called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageEntry {
    path: Vec<Step>,
    pub(super) name: String,
    pub(super) new_name: Option<String>,
    /// Whether it sets a tag.
    pub(super) has_tag: bool,
}

/// The entries of `images`.
pub(super) fn image_entries(draft: &Draft) -> Vec<ImageEntry> {
    let mut entries = Vec::new();
    for list in ["images", "imageTags"] {
        let path = vec![key(&field(draft, list))];
        let items = draft.node(PAGE, &path).and_then(Node::as_seq);
        for (index, item) in items.unwrap_or_default().iter().enumerate() {
            let text = |name: &str| item.get(name).and_then(Node::as_str).map(str::to_owned);
            let mut path = path.clone();
            path.push(Step::Index(index));
            entries.push(ImageEntry {
                path,
                name: text("name").unwrap_or_default(),
                new_name: text("newName"),
                has_tag: text("newTag").is_some(),
            });
        }
    }
    entries
}

/// The entry of `images` that a place in the file belongs to.
pub(super) fn entry_at<'e>(
    draft: &Draft,
    entries: &'e [ImageEntry],
    offset: usize,
) -> Option<&'e ImageEntry> {
    let (page, path) = draft.find(offset)?;
    let mut entries = entries.iter();
    entries.find(|entry| page == PAGE && path.starts_with(&entry.path))
}

/// Changes an entry of `images`. What is asked for counts as in `kustomize edit set image`: with
/// a new name or a tag, what is not named goes.
///
/// # Errors
/// The place cannot be written to.
pub(super) fn set_image(
    draft: &mut Draft,
    entry: &ImageEntry,
    change: &ImageChange,
) -> Result<(), Diagnostic> {
    let new_name = match &change.new_name {
        // A name that stays as it is needs no field.
        Part::Set(name) if *name == entry.name && entry.new_name.is_none() => Part::Keep,
        other => other.clone(),
    };
    for (name, part) in [
        ("newName", &new_name),
        ("newTag", &change.tag),
        ("digest", &change.digest),
    ] {
        let mut path = entry.path.clone();
        path.push(key(name));
        let old = draft.node(PAGE, &path).and_then(Node::scalar_text);
        let old = old.map(str::to_owned);
        let change = |old: &str, new: &str| format!("{}: {name} {old} -> {new}", entry.name);
        match (part, old) {
            (Part::Keep, _) | (Part::Clear, None) => {}
            (Part::Clear, Some(old)) => {
                let words = format!("{}: {name} {old} removed", entry.name);
                draft.remove(PAGE, &path, words)?;
            }
            (Part::Set(new), Some(old)) => {
                let words = change(&old, new);
                draft.put(PAGE, &path, text(new), &[], words)?;
            }
            (Part::Set(new), None) => {
                let words = format!("{}: {name} {new} added", entry.name);
                let behind = match name {
                    "newName" => &["name"][..],
                    _ => &["name", "newName", "newTag"],
                };
                draft.put(PAGE, &path, text(new), behind, words)?;
            }
        }
    }
    // A suffix would change the tag that was asked for; kustomize drops it here too.
    if !matches!(change.new_name, Part::Keep) || matches!(change.tag, Part::Set(_)) {
        let mut path = entry.path.clone();
        path.push(key("tagSuffix"));
        let words = format!("{}: tagSuffix removed", entry.name);
        draft.remove(PAGE, &path, words)?;
    }
    Ok(())
}

/// Adds an entry to `images`.
///
/// # Errors
/// The place cannot be written to.
pub(super) fn add_image(
    draft: &mut Draft,
    name: &str,
    change: &ImageChange,
) -> Result<(), Diagnostic> {
    let mut map = Map::new();
    map.set("name", text(name));
    let mut words = format!("{name}:");
    for (field, part) in [
        ("newName", &change.new_name),
        ("newTag", &change.tag),
        ("digest", &change.digest),
    ] {
        if let Part::Set(new) = part
            && !(field == "newName" && new == name)
        {
            words.push_str(&format!(" {field} {new}"));
            map.set(field, text(new));
        }
    }
    if map.len() == 1 {
        return Ok(());
    }
    words.push_str(" added");
    let list = [key(&field(draft, "images"))];
    let item = Node::map(map, Span::NONE);
    draft.push(PAGE, &list, item, &[], words)
}

/// Whether `replicas` has an entry for a workload.
pub(super) fn has_replicas(draft: &Draft, name: &str) -> bool {
    replicas_entry(draft, name).is_some()
}

fn replicas_entry(draft: &Draft, name: &str) -> Option<Vec<Step>> {
    let list = key(&field(draft, "replicas"));
    let items = draft.node(PAGE, std::slice::from_ref(&list))?.as_seq()?;
    let at = items
        .iter()
        .position(|item| item.get("name").and_then(Node::as_str) == Some(name))?;
    Some(vec![list, Step::Index(at)])
}

/// Sets the number of replicas of a workload.
///
/// # Errors
/// The place cannot be written to.
pub(super) fn set_replicas(draft: &mut Draft, name: &str, count: i64) -> Result<(), Diagnostic> {
    if let Some(mut path) = replicas_entry(draft, name) {
        path.push(key("count"));
        let old = draft.node(PAGE, &path).and_then(Node::scalar_text);
        let words = format!("{name}: replicas {} -> {count}", old.unwrap_or("0"));
        let number = Node::int(count, Span::NONE);
        return draft.put(PAGE, &path, number, &["name"], words).map(drop);
    }
    let mut map = Map::new();
    map.set("name", text(name));
    map.set("count", Node::int(count, Span::NONE));
    let list = [key(&field(draft, "replicas"))];
    let words = format!("{name}: replicas {count} added");
    draft.push(PAGE, &list, Node::map(map, Span::NONE), &[], words)
}

/// Whether a namespace is set.
pub(super) fn has_namespace(draft: &Draft) -> bool {
    let path = [key(&field(draft, "namespace"))];
    draft.node(PAGE, &path).is_some_and(|node| !node.is_null())
}

/// Sets the namespace.
///
/// # Errors
/// The place cannot be written to.
pub(super) fn set_namespace(draft: &mut Draft, namespace: &str) -> Result<(), Diagnostic> {
    let path = [key(&field(draft, "namespace"))];
    let old = draft.node(PAGE, &path).and_then(Node::scalar_text);
    let words = match old {
        Some(old) => format!("namespace {old} -> {namespace}"),
        None => format!("namespace {namespace} added"),
    };
    let behind = ["apiVersion", "kind", "metadata"];
    draft
        .put(PAGE, &path, text(namespace), &behind, words)
        .map(drop)
}

/// Whether a label is set.
pub(super) fn has_label(draft: &Draft, label: &str) -> bool {
    !label_places(draft, label).is_empty()
}

/// Sets or removes a label: where it stands already, else where its reach says.
///
/// # Errors
/// The place cannot be written to.
pub(super) fn set_label(
    draft: &mut Draft,
    change: &TextChange,
    reach: Reach,
) -> Result<(), Diagnostic> {
    let places = label_places(draft, &change.key);
    let Some(value) = &change.value else {
        // From the back, so that the places of the others stay.
        for path in places.iter().rev() {
            remove_label(draft, path, &change.key)?;
        }
        return Ok(());
    };
    for path in &places {
        put_text(draft, path, "label", &change.key, value)?;
    }
    if !places.is_empty() {
        return Ok(());
    }
    if let Some(mut path) = label_home(draft, reach) {
        path.push(key(&change.key));
        return put_text(draft, &path, "label", &change.key, value);
    }
    let mut pairs = Map::new();
    pairs.set(change.key.as_str(), text(value));
    let mut map = Map::new();
    map.set("pairs", Node::map(pairs, Span::NONE));
    match reach {
        Reach::Metadata => {}
        Reach::Templates => drop(map.set("includeTemplates", Node::bool(true, Span::NONE))),
        Reach::Selectors => drop(map.set("includeSelectors", Node::bool(true, Span::NONE))),
    }
    let list = [key(&field(draft, "labels"))];
    let words = format!("label {}: {value} added", change.key);
    draft.push(PAGE, &list, Node::map(map, Span::NONE), &[], words)
}

/// Where a label is set.
fn label_places(draft: &Draft, label: &str) -> Vec<Vec<Step>> {
    let mut places = Vec::new();
    let common = vec![key(&field(draft, "commonLabels")), key(label)];
    if draft.node(PAGE, &common).is_some() {
        places.push(common);
    }
    let list = key(&field(draft, "labels"));
    let items = draft.node(PAGE, std::slice::from_ref(&list));
    let items = items.and_then(Node::as_seq).unwrap_or_default();
    for index in 0..items.len() {
        let path = vec![list.clone(), Step::Index(index), key("pairs"), key(label)];
        if draft.node(PAGE, &path).is_some() {
            places.push(path);
        }
    }
    places
}

/// The mapping that a new label belongs to, where there is one.
fn label_home(draft: &Draft, reach: Reach) -> Option<Vec<Step>> {
    let common = vec![key(&field(draft, "commonLabels"))];
    let is_filled = |path: &[Step]| {
        let map = draft.node(PAGE, path).and_then(Node::as_map);
        map.is_some_and(|map| !map.is_empty())
    };
    if reach == Reach::Selectors && is_filled(&common) {
        return Some(common);
    }
    let list = key(&field(draft, "labels"));
    let items = draft.node(PAGE, std::slice::from_ref(&list))?.as_seq()?;
    let has = |item: &Node, flag: &str| item.get(flag).and_then(Node::as_bool) == Some(true);
    let at = items.iter().position(|item| {
        let (selectors, templates) = (has(item, "includeSelectors"), has(item, "includeTemplates"));
        let reaches = match reach {
            Reach::Metadata => !selectors && !templates,
            Reach::Templates => templates && !selectors,
            Reach::Selectors => selectors,
        };
        reaches && item.get("fields").is_none()
    })?;
    let home = vec![list, Step::Index(at), key("pairs")];
    is_filled(&home).then_some(home)
}

fn remove_label(draft: &mut Draft, path: &[Step], label: &str) -> Result<(), Diagnostic> {
    let words = format!("label {label} removed");
    let pairs = path.len() - 1;
    let is_last = draft
        .node(PAGE, &path[..pairs])
        .and_then(Node::as_map)
        .is_some_and(|map| map.len() == 1);
    // Of an entry of `labels` nothing would be left that does anything.
    let whole = if is_last && pairs > 1 {
        &path[..pairs - 1]
    } else {
        path
    };
    draft.remove(PAGE, whole, words).map(drop)
}

/// Whether `commonAnnotations` has an annotation.
pub(super) fn has_annotation(draft: &Draft, annotation: &str) -> bool {
    let path = [key(&field(draft, "commonAnnotations")), key(annotation)];
    draft.node(PAGE, &path).is_some()
}

/// Sets or removes an annotation of `commonAnnotations`.
///
/// # Errors
/// The place cannot be written to.
pub(super) fn set_annotation(draft: &mut Draft, change: &TextChange) -> Result<(), Diagnostic> {
    let home = key(&field(draft, "commonAnnotations"));
    let path = [home.clone(), key(&change.key)];
    let Some(value) = &change.value else {
        let words = format!("annotation {} removed", change.key);
        return draft.remove(PAGE, &path, words).map(drop);
    };
    let map = draft.node(PAGE, std::slice::from_ref(&home));
    if map.is_some_and(|map| map.as_map().is_some_and(|map| !map.is_empty())) {
        return put_text(draft, &path, "annotation", &change.key, value);
    }
    let mut map = Map::new();
    map.set(change.key.as_str(), text(value));
    let words = format!("annotation {}: {value} added", change.key);
    let map = Node::map(map, Span::NONE);
    draft.put(PAGE, &[home], map, &[], words).map(drop)
}

fn put_text(
    draft: &mut Draft,
    path: &[Step],
    what: &str,
    name: &str,
    value: &str,
) -> Result<(), Diagnostic> {
    let old = draft.node(PAGE, path).and_then(Node::scalar_text);
    let words = match old {
        Some(old) => format!("{what} {name}: {old} -> {value}"),
        None => format!("{what} {name}: {value} added"),
    };
    draft.put(PAGE, path, text(value), &[], words).map(drop)
}

/// The key that a field of the file is written with: kustomize takes any case.
fn field(draft: &Draft, name: &str) -> String {
    let root = draft.trees().first().and_then(Node::as_map);
    let mut keys = root.into_iter().flat_map(Map::keys);
    let found = keys.find(|key| key.eq_ignore_ascii_case(name));
    found.unwrap_or(name).to_owned()
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

fn text(text: &str) -> Node {
    Node::string(text, Span::NONE)
}
