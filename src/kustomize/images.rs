//! `images:`: new names, tags and digests for container images.

use std::collections::{BTreeSet, HashMap};

use smol_str::SmolStr;

use super::decode::{Fields, Text};
use super::fieldspec::{FieldError, FieldSpecs, Make};
use super::image_name::{ImageIndex, NamePattern};
use super::resmap::ResMap;
use super::resource::{Resource, set_scalar};
use crate::manifest::{Diagnostic, Node, Span, Value, suggest};

const FIELDS: &[&str] = &["name", "newName", "tagSuffix", "newTag", "digest"];

/// An entry of `images`.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) name: Text,
    new_name: SmolStr,
    tag_suffix: SmolStr,
    new_tag: SmolStr,
    digest: SmolStr,
    pattern: NamePattern,
    /// What mostly changes from release to release: the tag, else the digest, else the name.
    span: Span,
}

/// Reads a list of images.
pub(crate) fn read_all(fields: &mut Fields<'_, '_>, name: &str) -> Vec<Image> {
    let items = fields.items(name);
    items
        .iter()
        .map(|item| read(&mut fields.inner(item, "an entry of `images`", FIELDS)))
        .collect()
}

/// Reads an entry of `images`, or the same fields in a plugin's configuration.
pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Image {
    let span = fields.span();
    let name = fields.text("name").unwrap_or_else(|| Text {
        value: SmolStr::default(),
        span,
    });
    let (new_name, tag_suffix) = (fields.plain("newName"), fields.plain("tagSuffix"));
    let (new_tag, digest) = (fields.plain("newTag"), fields.plain("digest"));
    let set = ["newTag", "digest", "newName", "tagSuffix"]
        .iter()
        .find_map(|field| fields.node(field));
    Image {
        // kustomize puts the name into its expression as it is, so a dot matches any character.
        pattern: NamePattern::new(&name.value),
        name,
        new_name,
        tag_suffix,
        new_tag,
        digest,
        span: set.map_or(span, |value| value.span),
    }
}

impl Image {
    /// Whether the entry says nothing of what an image becomes.
    pub(crate) fn is_idle(&self) -> bool {
        [
            &self.new_name,
            &self.tag_suffix,
            &self.new_tag,
            &self.digest,
        ]
        .into_iter()
        .all(SmolStr::is_empty)
    }

    /// The new reference for one that the entry is for.
    fn apply(&self, reference: &str) -> Option<String> {
        if !self.matches(reference) {
            return None;
        }
        let (name, tag, digest) = split(reference);
        let name = if self.new_name.is_empty() {
            name
        } else {
            &self.new_name
        };
        let suffixed;
        let (tag, digest) = match (self.new_tag.as_str(), self.digest.as_str()) {
            ("", "") if self.tag_suffix.is_empty() => (tag, digest),
            ("", "") => {
                suffixed = format!("{tag}{}", self.tag_suffix);
                (suffixed.as_str(), "")
            }
            (new_tag, "") => (new_tag, ""),
            ("", new_digest) => ("", new_digest),
            both => both,
        };
        let mut result = name.to_owned();
        for (separator, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                result.push(separator);
                result.push_str(part);
            }
        }
        Some(result)
    }

    /// Whether the entry is for a reference.
    pub(crate) fn matches(&self, reference: &str) -> bool {
        self.pattern.matches(reference)
    }
}

/// Splits a reference into name, tag and digest.
fn split(reference: &str) -> (&str, &str, &str) {
    // A colon before the first slash belongs to the registry's port.
    let host = reference.find('/').filter(|at| *at > 0).unwrap_or(0);
    let search = &reference[host..];
    let at_sign = search.find('@').map(|at| at + host);
    let colon = search.find(':').map(|at| at + host);
    match (colon, at_sign) {
        (None, None) => (reference, "", ""),
        (colon, Some(at)) if colon.is_none_or(|colon| at < colon) => {
            (&reference[..at], "", &reference[at + 1..])
        }
        (Some(colon), Some(at)) => (
            &reference[..colon],
            &reference[colon + 1..at],
            &reference[at + 1..],
        ),
        (Some(colon), None) => (&reference[..colon], &reference[colon + 1..], ""),
        (None, Some(at)) => (&reference[..at], "", &reference[at + 1..]),
    }
}

/// A new text, and the place of the entry that set it.
type New = (SmolStr, Span);

fn not_a(wanted: &str, node: &Node) -> FieldError {
    FieldError {
        message: format!("{wanted}, not {}", node.describe()),
        span: node.span,
    }
}

/// What all entries make of one reference, by the text and by how often each entry is tried on
/// it: the same few references stand in many objects.
struct Rewriter<'i> {
    images: &'i [Image],
    index: ImageIndex,
    known: HashMap<(SmolStr, usize), Option<New>>,
    matched: Vec<bool>,
    /// The first image of a container that is no text.
    fault: Option<FieldError>,
}

impl Rewriter<'_> {
    /// The new text for an image, where any entry changes it.
    fn of_image(&mut self, image: &Node, tries: usize) -> Result<Option<New>, FieldError> {
        if image.is_null() {
            return Ok(None);
        }
        match image.as_scalar() {
            Some(scalar) => Ok(self.rewrite(&scalar.text, tries)),
            None => Err(not_a("an image is a string", image)),
        }
    }

    /// The same for the image of a container; what is wrong with one is kept for later.
    fn of_container(&mut self, container: &Node, tries: usize) -> Option<New> {
        let new = match container.get("image") {
            Some(image) => self.of_image(image, tries),
            None if container.as_map().is_some() || container.is_null() => Ok(None),
            None => Err(not_a("a container is a mapping", container)),
        };
        new.unwrap_or_else(|fault| {
            self.fault.get_or_insert(fault);
            None
        })
    }

    /// The new text and the entry that set it, where any entry changes it. kustomize tries each
    /// entry once for a list of containers and once for each field spec that leads there.
    fn rewrite(&mut self, text: &SmolStr, tries: usize) -> Option<New> {
        let key = (text.clone(), tries);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let mut current = text.to_string();
        let mut set_by = None;
        let mut from = 0;
        while let Some(at) = self.index.next(&current, from) {
            let image = &self.images[at];
            from = at + 1;
            for _ in 0..tries {
                if let Some(new) = image.apply(&current) {
                    self.matched[at] = true;
                    set_by = Some(image.span);
                    current = new;
                }
            }
        }
        let result = set_by.map(|span| (SmolStr::from(current), span));
        self.known.insert(key, result.clone());
        result
    }
}

/// Applies all entries to all resources, and warns of entries that change nothing.
///
/// # Errors
/// An image field that holds a mapping or a list, and a name that is no regular expression once
/// there is any image to compare it with: kustomize 5.8.1 crashes then, and not before.
pub(crate) fn transform(
    map: &mut ResMap,
    images: &[Image],
    specs: &FieldSpecs,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), Vec<Diagnostic>> {
    let mut rewriter = Rewriter {
        images,
        index: ImageIndex::new(images.iter().map(|image| image.name.value.as_str())),
        known: HashMap::new(),
        matched: vec![false; images.len()],
        fault: None,
    };
    let mut faults = Vec::new();
    for resource in map.iter_mut() {
        if resource.gvk.kind == "CustomResourceDefinition" {
            continue;
        }
        if let Err(error) = transform_one(resource, specs, &mut rewriter) {
            let fault = Diagnostic::error("image-field", error.message);
            faults.push(fault.at(error.span, "").in_object(resource.describe()));
        }
    }
    if !rewriter.known.is_empty() {
        faults.extend(images.iter().filter_map(broken_name));
    }
    for (image, _) in images
        .iter()
        .zip(&rewriter.matched)
        .filter(|(_, matched)| !**matched && !map.incomplete)
    {
        warnings.push(unused(map, image));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn broken_name(image: &Image) -> Option<Diagnostic> {
    let NamePattern::Broken(reason) = &image.pattern else {
        return None;
    };
    let name = &image.name;
    let message = format!("the image name `{}` is no regular expression", name.value);
    let fault = Diagnostic::error("image-name", message);
    Some(fault.at(name.span, "").note(reason.clone()))
}

/// The warning for an entry that matches nothing, with the nearest image that is used.
fn unused(map: &ResMap, image: &Image) -> Diagnostic {
    let mut names = BTreeSet::new();
    for resource in map.iter() {
        used(&resource.node, &mut names);
    }
    let name = image.name.value.as_str();
    let message = format!("no container uses the image `{name}`");
    let warning = Diagnostic::warning("image-unused", message);
    let base = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let near = suggest::nearest(name, names.iter().map(String::as_str))
        .or_else(|| Some(names.iter().find(|used| base(used) == base(name))?.as_str()));
    let remark = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
    warning.at(image.name.span, remark)
}

/// The images in lists of containers, without tag and digest.
fn used(node: &Node, names: &mut BTreeSet<String>) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Seq(items) => items.iter().for_each(|item| used(item, names)),
        Value::Map(map) => {
            for entry in map.iter() {
                used(&entry.value, names);
                let items = entry.value.as_seq().filter(|_| is_containers(&entry.key));
                let images = items
                    .into_iter()
                    .flatten()
                    .filter_map(|item| item.get("image"));
                names.extend(
                    images
                        .filter_map(Node::scalar_text)
                        .map(|i| split(i).0.to_owned()),
                );
            }
        }
    }
}

fn transform_one(
    resource: &mut Resource,
    specs: &FieldSpecs,
    rewriter: &mut Rewriter<'_>,
) -> Result<(), FieldError> {
    let gvk = resource.gvk.clone();
    let paths: Vec<Vec<&SmolStr>> = specs.of(&gvk).map(|spec| spec.keys().collect()).collect();
    let mut path = Vec::new();
    let any = in_containers(&resource.node, &paths, &mut path, rewriter);
    if let Some(fault) = rewriter.fault.take() {
        return Err(fault);
    }
    if any {
        path.clear();
        set_in_containers(&mut resource.node, &paths, &mut path, rewriter);
    }
    let mut done: Vec<&Vec<&SmolStr>> = Vec::new();
    for (spec, keys) in specs.of(&gvk).zip(&paths) {
        if is_container_path(keys) && !spec.path.is_empty() {
            // Lists of containers are done; a null one still becomes empty.
            spec.apply(&mut resource.node, Make::Nothing, &mut |_| Ok(()))?;
            continue;
        }
        if done.contains(&keys) {
            continue;
        }
        let tries = paths.iter().filter(|other| *other == keys).count();
        done.push(keys);
        spec.apply(&mut resource.node, Make::Nothing, &mut |node| {
            set_image(node, tries, rewriter)
        })?;
    }
    Ok(())
}

fn set_image(node: &mut Node, tries: usize, rewriter: &mut Rewriter<'_>) -> Result<(), FieldError> {
    if let Some((text, span)) = rewriter.of_image(node, tries)? {
        set_scalar(node, &text, span);
    }
    Ok(())
}

fn is_containers(key: &str) -> bool {
    matches!(key, "containers" | "initContainers")
}

fn is_container_path(keys: &[&SmolStr]) -> bool {
    matches!(keys, [.., list, image] if is_containers(list) && *image == "image")
}

/// How often kustomize tries an entry on the image of a container: for the list itself, and for
/// each field spec whose path is that of the list.
fn tries(paths: &[Vec<&SmolStr>], path: &[SmolStr]) -> usize {
    let same = |keys: &&Vec<&SmolStr>| {
        keys.len() == path.len() + 1 && keys.iter().zip(path).all(|(a, b)| **a == *b)
    };
    1 + paths
        .iter()
        .filter(|keys| is_container_path(keys))
        .filter(same)
        .count()
}

/// Whether any container's image would change.
fn in_containers(
    node: &Node,
    paths: &[Vec<&SmolStr>],
    path: &mut Vec<SmolStr>,
    rewriter: &mut Rewriter<'_>,
) -> bool {
    if let Some(items) = node.as_seq() {
        return items.iter().fold(false, |any, item| {
            in_containers(item, paths, path, rewriter) | any
        });
    }
    let mut any = false;
    for entry in node.as_map().into_iter().flatten() {
        if entry.value.as_scalar().is_some() {
            continue;
        }
        path.push(entry.key.clone());
        any |= in_containers(&entry.value, paths, path, rewriter);
        if is_containers(&entry.key)
            && let Some(items) = entry.value.as_seq()
        {
            let tries = tries(paths, path);
            for item in items {
                any |= rewriter.of_container(item, tries).is_some();
            }
        }
        path.pop();
    }
    any
}

fn set_in_containers(
    node: &mut Node,
    paths: &[Vec<&SmolStr>],
    path: &mut Vec<SmolStr>,
    rewriter: &mut Rewriter<'_>,
) {
    if !in_containers(node, paths, &mut path.clone(), rewriter) {
        return;
    }
    if let Some(items) = node.as_seq_mut() {
        for item in items {
            set_in_containers(item, paths, path, rewriter);
        }
        return;
    }
    for entry in node.as_map_mut().into_iter().flat_map(|map| map.iter_mut()) {
        if entry.value.as_scalar().is_some() {
            continue;
        }
        path.push(entry.key.clone());
        set_in_containers(&mut entry.value, paths, path, rewriter);
        if is_containers(&entry.key) && entry.value.as_seq().is_some() {
            let tries = tries(paths, path);
            for item in entry.value.as_seq_mut().into_iter().flatten() {
                let new = rewriter.of_container(item, tries);
                if let (Some((text, span)), Some(image)) = (new, item.get_mut("image")) {
                    set_scalar(image, &text, span);
                }
            }
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::json::{from_json, to_json};
    use crate::merge::merge_keys::MergeSchema;

    fn image(json: &str) -> Image {
        let node = from_json(&serde_json::from_str(json).unwrap(), Span::NONE);
        let mut faults = Vec::new();
        let image = read(&mut Fields::new(&node, "an image", FIELDS, &mut faults));
        assert!(faults.is_empty(), "{faults:?}");
        image
    }

    #[test]
    fn references_get_new_names_tags_and_digests() {
        for (entry, reference, want) in [
            (
                r#"{"name":"nginx","newTag":"2"}"#,
                "nginx:1",
                Some("nginx:2"),
            ),
            (r#"{"name":"nginx","newTag":"2"}"#, "nginx", Some("nginx:2")),
            (
                r#"{"name":"nginx","newTag":"2"}"#,
                "nginx@sha256:ab",
                Some("nginx:2"),
            ),
            (
                r#"{"name":"nginx","digest":"sha256:cd"}"#,
                "nginx:1",
                Some("nginx@sha256:cd"),
            ),
            (
                r#"{"name":"nginx","newTag":"3","digest":"sha256:cd"}"#,
                "nginx:1",
                Some("nginx:3@sha256:cd"),
            ),
            (
                r#"{"name":"nginx","newName":"r:5/n"}"#,
                "nginx:1",
                Some("r:5/n:1"),
            ),
            (
                r#"{"name":"r:5/n","newTag":"2"}"#,
                "r:5/n:1",
                Some("r:5/n:2"),
            ),
            (
                r#"{"name":"nginx","tagSuffix":"-x"}"#,
                "nginx:1",
                Some("nginx:1-x"),
            ),
            (r#"{"name":"nginx","newTag":"2"}"#, "other/nginx:1", None),
            (
                r#"{"name":"n.inx","newTag":"2"}"#,
                "nginx:1",
                Some("nginx:2"),
            ),
        ] {
            assert_eq!(
                image(entry).apply(reference).as_deref(),
                want,
                "{entry} on {reference}"
            );
        }
    }

    #[test]
    fn a_name_that_is_no_expression_is_refused_where_there_is_an_image() {
        let images = [image(r#"{"name":"a(","newTag":"1"}"#)];
        let config = super::super::config::Config::default_config();
        for (containers, refused) in [
            (serde_json::json!([{"image": "x"}]), true),
            (serde_json::json!([]), false),
        ] {
            let json = serde_json::json!({
                "apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}
            });
            let mut map = ResMap::default();
            let node = from_json(&json, Span::NONE);
            map.push(Resource::new(node, MergeSchema::builtin()));
            let done = transform(&mut map, &images, &config.images, &mut Vec::new());
            let rules = done.map_err(|faults| faults[0].rule.clone());
            assert_eq!(rules.err().as_deref(), refused.then_some("image-name"));
        }
    }

    /// Tried with kustomize 5.8.1.
    #[test]
    fn an_image_of_a_container_is_a_text() {
        let images = [image(r#"{"name":"a","newTag":"2"}"#)];
        let config = super::super::config::Config::default_config();
        for (container, refused) in [
            (serde_json::json!({"image": {"repository": "a"}}), true),
            (serde_json::json!({"image": ["a"]}), true),
            (serde_json::json!([]), true),
            (serde_json::json!("a"), true),
            (serde_json::json!({"image": null}), false),
            (serde_json::json!({"image": 5}), false),
            (serde_json::json!({}), false),
            (serde_json::json!(null), false),
        ] {
            let json = serde_json::json!({
                "apiVersion": "v1", "kind": "Thing", "deep": {"containers": [container]}
            });
            let mut map = ResMap::default();
            let node = from_json(&json, Span::NONE);
            map.push(Resource::new(node, MergeSchema::builtin()));
            let done = transform(&mut map, &images, &config.images, &mut Vec::new());
            let rules = done.map_err(|faults| faults[0].rule.clone());
            let wanted = refused.then_some("image-field");
            assert_eq!(rules.err().as_deref(), wanted, "{json}");
        }
    }

    #[test]
    fn containers_anywhere_and_field_specs_are_reached() {
        let json = serde_json::json!({
            "apiVersion": "v1", "kind": "Thing", "metadata": {"name": "t"},
            "deep": [{"containers": [{"image": "a:1"}, {"image": "b"}]}],
            "spec": {"image": "a:1", "volumes": null}
        });
        let mut map = ResMap::default();
        map.push(Resource::new(
            from_json(&json, Span::NONE),
            MergeSchema::builtin(),
        ));
        let images = [
            image(r#"{"name":"a","newTag":"2"}"#),
            image(r#"{"name":"zz","newTag":"2"}"#),
        ];
        let mut warnings = Vec::new();
        let config = super::super::config::Config::default_config();
        transform(&mut map, &images, &config.images, &mut warnings).unwrap();
        let result = to_json(&map.get(0).node);
        assert_eq!(result["deep"][0]["containers"][0]["image"], "a:2");
        assert_eq!(result["deep"][0]["containers"][1]["image"], "b");
        assert_eq!(result["spec"]["image"], "a:1");
        assert_eq!(result["spec"]["volumes"], serde_json::json!([]));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].message.contains("`zz`"));
    }
}
