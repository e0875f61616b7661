//! Changes in files that stand for themselves: manifests, typed resources, values of a chart.

use std::path::Path;

use super::draft::Draft;
use super::file::OpenFile;
use super::images::{self, Site};
use super::layout::Step;
use super::overlay::{Outcome, Scope};
use super::request::{ImageChange, Part, Request, TextChange};
use super::uses::{Meaning, Names};
use crate::manifest::object::split_api_version;
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Map, Node, Span, suggest};
use crate::schema::{Version, tables};

/// Changes a file of manifests or of a chart's values.
///
/// # Errors
/// It cannot be read, what is asked for is not in it (with [`Scope::One`]), or the place cannot
/// be written to. Nothing is written here.
pub fn edit_file(path: &Path, request: &Request, scope: Scope) -> Result<Outcome, Diagnostic> {
    let mut file = OpenFile::read(path)?;
    let name = display_path(path);
    let is_mentioned = match request {
        Request::Images(changes) => set_images(&mut file.draft, &name, changes, scope)?,
        Request::Replicas(counts) => {
            let mut any = false;
            for (workload, count) in counts {
                any |= set_replicas(&mut file.draft, &name, workload, *count, scope)?;
            }
            any
        }
        Request::Namespace(namespace) => set_namespace(&mut file.draft, &name, namespace)?,
        Request::Labels(changes, _) => set_texts(&mut file.draft, &name, "labels", changes)?,
        Request::Annotations(changes) => set_texts(&mut file.draft, &name, "annotations", changes)?,
    };
    Ok(match file.finish()? {
        Some(edit) => Outcome::Changed(vec![edit]),
        None if is_mentioned => Outcome::Unchanged,
        None => Outcome::NotMentioned,
    })
}

/// Changes images. Returns whether the file names one of them.
fn set_images(
    draft: &mut Draft,
    file: &str,
    changes: &[ImageChange],
    scope: Scope,
) -> Result<bool, Diagnostic> {
    let mut any = false;
    for change in changes {
        let sites = images::sites(draft);
        let meant = match &change.name {
            None => sites.iter().filter(|site| has_tag(site)).collect(),
            Some(typed) => match meant(&sites, typed, change, file, scope)? {
                Some(sites) => sites,
                None => continue,
            },
        };
        any |= !meant.is_empty();
        for site in meant {
            site.set(draft, change)?;
        }
    }
    if !any && scope == Scope::One {
        return Err(Diagnostic::error(
            "image-unknown",
            format!("`{file}` names no image with a tag"),
        ));
    }
    Ok(any)
}

fn has_tag(site: &Site) -> bool {
    !super::request::split_reference(&site.reference)
        .1
        .is_empty()
}

/// The places that are meant; `None` where the file has none and need not.
fn meant<'s>(
    sites: &'s [Site],
    typed: &str,
    change: &ImageChange,
    file: &str,
    scope: Scope,
) -> Result<Option<Vec<&'s Site>>, Diagnostic> {
    let mut names = Names::default();
    for site in sites {
        site.call(&mut names);
    }
    match names.find(typed) {
        Meaning::Image(name) => Ok(Some(
            sites.iter().filter(|site| site.name() == name).collect(),
        )),
        Meaning::Several(images) => Err(several(typed, &images)),
        Meaning::None { near, known } => {
            let is_set = |site: &&Site| {
                matches!(change.new_name, Part::Set(_)) && change.is_done(&site.reference)
            };
            let done: Vec<&Site> = sites.iter().filter(is_set).collect();
            if !done.is_empty() {
                return Ok(Some(done));
            }
            if scope != Scope::One {
                return Ok(None);
            }
            Err(unknown(typed, file, near, &known))
        }
    }
}

/// The fault of a name that means several images.
pub(super) fn several(typed: &str, images: &[String]) -> Diagnostic {
    let message = format!("`{typed}` means several images");
    Diagnostic::error("image-ambiguous", message)
        .hint(format!("name one of them: {}", images.join(", ")))
}

/// The fault of a name that means none.
pub(super) fn unknown(
    typed: &str,
    source: &str,
    near: Option<String>,
    known: &[String],
) -> Diagnostic {
    let fault = Diagnostic::error(
        "image-unknown",
        format!("`{source}` uses no image `{typed}`"),
    );
    let fault = match near {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault,
    };
    if known.is_empty() {
        return fault.note("it uses no images at all");
    }
    fault.note(format!("its images are {}", known.join(", ")))
}

/// Sets replicas. Returns whether the file has the workload.
fn set_replicas(
    draft: &mut Draft,
    file: &str,
    workload: &str,
    count: i64,
    scope: Scope,
) -> Result<bool, Diagnostic> {
    let mut names = Vec::new();
    let mut found = Vec::new();
    for (page, root) in draft.trees().iter().enumerate() {
        if is_object(root) {
            let name = root.at(&["metadata", "name"]).and_then(Node::as_str);
            if let Some(name) = name.filter(|_| can_scale(root)) {
                names.push(name.to_owned());
                if name == workload {
                    found.push((page, vec![key("spec"), key("replicas")]));
                }
            }
        } else {
            scalable_values(page, root, workload, &mut names, &mut found);
        }
    }
    if found.is_empty() && scope == Scope::One {
        let message = format!("`{file}` has no workload `{workload}`");
        let fault = Diagnostic::error("workload-unknown", message);
        let near = suggest::nearest(workload, names.iter().map(String::as_str));
        return Err(match near {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None if names.is_empty() => fault,
            None => fault.note(format!("its workloads are {}", names.join(", "))),
        });
    }
    for (page, path) in &found {
        let old = draft.node(*page, path).and_then(Node::scalar_text);
        let words = match old {
            Some(old) => format!("{workload}: replicas {old} -> {count}"),
            None => format!("{workload}: replicas {count} added"),
        };
        draft.put(*page, path, Node::int(count, Span::NONE), &[], words)?;
    }
    Ok(!found.is_empty())
}

/// The places of a chart's values that hold a workload's number of replicas: `backend.replicas`
/// or `backend.replicaCount` for `backend`, and whatever is named in full.
fn scalable_values(
    page: usize,
    root: &Node,
    workload: &str,
    names: &mut Vec<String>,
    found: &mut Vec<(usize, Vec<Step>)>,
) {
    const FIELDS: [&str; 2] = ["replicaCount", "replicas"];
    for entry in root.as_map().into_iter().flatten() {
        let is_count = |field: &&str| entry.value.get(field).and_then(Node::as_i64).is_some();
        if let Some(field) = FIELDS.iter().find(|field| is_count(field)) {
            names.push(entry.key.to_string());
            if entry.key == workload {
                found.push((page, vec![key(workload), key(field)]));
            }
        }
        if FIELDS.contains(&entry.key.as_str()) {
            names.push(entry.key.to_string());
        }
    }
    let path: Vec<&str> = workload.split('.').collect();
    let is_field = path.last().is_some_and(|last| FIELDS.contains(last));
    if is_field && root.at(&path).is_some() {
        found.push((page, path.into_iter().map(key).collect()));
    }
}

fn can_scale(root: &Node) -> bool {
    let kind = root.get("kind").and_then(Node::as_str).unwrap_or_default();
    let scales = [
        "Deployment",
        "ReplicaSet",
        "ReplicationController",
        "StatefulSet",
        "WebService",
        "Worker",
    ];
    scales.contains(&kind) || root.at(&["spec", "replicas"]).is_some()
}

/// Sets the namespace of every object that can have one.
fn set_namespace(draft: &mut Draft, file: &str, namespace: &str) -> Result<bool, Diagnostic> {
    let pages: Vec<(usize, String)> = objects(draft, file)?
        .into_iter()
        .filter(|(page, _)| is_namespaced(&draft.trees()[*page]))
        .collect();
    for (page, object) in &pages {
        let path = [key("metadata"), key("namespace")];
        let old = draft.node(*page, &path).and_then(Node::scalar_text);
        let words = match old {
            Some(old) => format!("{object}: namespace {old} -> {namespace}"),
            None => format!("{object}: namespace {namespace} added"),
        };
        let value = Node::string(namespace, Span::NONE);
        draft.put(*page, &path, value, &["name"], words)?;
    }
    Ok(!pages.is_empty())
}

/// Whether an object lives in a namespace; of a kind that is not known, whether it says so.
fn is_namespaced(root: &Node) -> bool {
    let text = |name: &str| root.get(name).and_then(Node::as_str).unwrap_or_default();
    let (group, version) = split_api_version(text("apiVersion"));
    let known = tables(Version::newest()).kind(group, version, text("kind"));
    known.map_or_else(
        || root.at(&["metadata", "namespace"]).is_some(),
        crate::schema::Kind::namespaced,
    )
}

/// Sets or removes labels or annotations of every object.
fn set_texts(
    draft: &mut Draft,
    file: &str,
    field: &str,
    changes: &[TextChange],
) -> Result<bool, Diagnostic> {
    for (page, object) in objects(draft, file)? {
        for change in changes {
            let path = [key("metadata"), key(field), key(&change.key)];
            let old = draft.node(page, &path).and_then(Node::scalar_text);
            let Some(value) = &change.value else {
                let words = format!("{object}: {} removed", change.key);
                draft.remove(page, &path, words)?;
                continue;
            };
            let words = match old {
                Some(old) => format!("{object}: {}: {old} -> {value}", change.key),
                None => format!("{object}: {}: {value} added", change.key),
            };
            let value = Node::string(value.as_str(), Span::NONE);
            let home = draft.node(page, &path[..2]).and_then(Node::as_map);
            if home.is_some_and(|map| !map.is_empty()) {
                draft.put(page, &path, value, &[], words)?;
                continue;
            }
            let mut map = Map::new();
            map.set(change.key.as_str(), value);
            let behind = ["name", "namespace", "labels"];
            draft.put(page, &path[..2], Node::map(map, Span::NONE), &behind, words)?;
        }
    }
    Ok(true)
}

/// The objects of a file, by document, as people say them.
fn objects(draft: &Draft, file: &str) -> Result<Vec<(usize, String)>, Diagnostic> {
    let trees = draft.trees().iter().enumerate();
    let objects: Vec<(usize, String)> = trees
        .filter(|(_, root)| is_object(root))
        .map(|(page, root)| {
            let kind = root.get("kind").and_then(Node::as_str);
            let name = root.at(&["metadata", "name"]).and_then(Node::as_str);
            let words = [kind.unwrap_or_default(), name.unwrap_or_default()];
            (page, words.join(" ").trim().to_owned())
        })
        .collect();
    if objects.is_empty() {
        let message = format!("`{file}` holds no Kubernetes object");
        return Err(Diagnostic::error("no-object", message));
    }
    Ok(objects)
}

fn is_object(root: &Node) -> bool {
    root.get("apiVersion").is_some() && root.get("kind").is_some()
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}
