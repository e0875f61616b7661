//! `replacements:`: values copied from one object into fields of others.

mod field;

use smol_str::SmolStr;

use self::field::{copy, set_text};
pub(crate) use self::field::{is_unreadable, set_scalar_text};
use super::aliases;
use super::compat::Compat;
use super::decode::{Fields, Text};
use super::fieldspec::selects;
use super::load::Dir;
use super::record::{Step, StepKind};
use super::resmap::ResMap;
use super::resource::{Resource, untagged};
use super::run::Run;
use super::selector::Selector;
use super::silent;
use super::value_path::ValuePath;
use crate::manifest::{Diagnostic, Diagnostics, Gvk, Node, Span};

const DEFAULT_PATH: &str = "metadata.name";

/// An entry of `replacements`: in place, or a file with one or many.
#[derive(Debug)]
pub(crate) enum ReplacementEntry {
    Inline(Box<Replacement>),
    Path(Text),
}

/// A value and the fields that it is copied into.
#[derive(Debug)]
pub(crate) struct Replacement {
    source: Option<Source>,
    value: Option<Text>,
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Source {
    gvk: Gvk,
    name: SmolStr,
    namespace: SmolStr,
    path: Text,
    options: FieldOptions,
    span: Span,
}

#[derive(Debug)]
struct Target {
    select: Option<Selector>,
    reject: Vec<Selector>,
    paths: Vec<Text>,
    options: FieldOptions,
    span: Span,
}

#[derive(Debug, Default)]
struct FieldOptions {
    delimiter: SmolStr,
    index: i64,
    create: bool,
}

/// Reads `replacements`.
pub(crate) fn read_entries(fields: &mut Fields<'_, '_>) -> Vec<ReplacementEntry> {
    let items = fields.items("replacements");
    let mut entries = Vec::new();
    for item in items {
        entries.extend(read_entry(item, fields));
    }
    entries
}

/// Reads an entry of `replacements`, or of the same list in a plugin's configuration.
fn read_entry(item: &Node, within: &mut Fields<'_, '_>) -> Option<ReplacementEntry> {
    const FIELDS: &[&str] = &["path", "source", "sourceValue", "targets"];
    let mut fields = within.inner(item, "a replacement", FIELDS);
    if let Some(path) = fields.filled("path") {
        if fields.node("source").is_some() || !fields.items("targets").is_empty() {
            let message = "a replacement has `path`, or `source` and `targets`";
            let fault = Diagnostic::error("replacement", message).at(path.span, "");
            fields.faults().push(fault);
        }
        return Some(ReplacementEntry::Path(path));
    }
    let replacement = read(&mut fields)?;
    Some(ReplacementEntry::Inline(Box::new(replacement)))
}

fn read(fields: &mut Fields<'_, '_>) -> Option<Replacement> {
    let span = fields.span();
    let source = fields.node("source").map(|node| read_source(node, fields));
    let value = fields.text("sourceValue");
    let has_targets = fields.node("targets").is_some();
    let mut targets = Vec::new();
    for item in fields.items("targets") {
        targets.push(read_target(item, fields));
    }
    let fault = match (&source, &value) {
        (Some(_), Some(_)) => "a replacement has `source` or `sourceValue`, not both",
        (None, None) => "a replacement needs a `source` and at least one target",
        _ if !has_targets => "a replacement needs a `source` and at least one target",
        _ => {
            return Some(Replacement {
                source,
                value,
                targets,
            });
        }
    };
    let fault = Diagnostic::error("replacement", fault).at(span, "");
    fields.faults().push(fault);
    None
}

fn read_source(node: &Node, within: &mut Fields<'_, '_>) -> Source {
    const FIELDS: &[&str] = &[
        "group",
        "version",
        "kind",
        "name",
        "namespace",
        "fieldPath",
        "options",
    ];
    let mut fields = within.inner(node, "a replacement's source", FIELDS);
    let gvk = Gvk {
        group: fields.plain("group"),
        version: fields.plain("version"),
        kind: fields.plain("kind"),
    };
    Source {
        gvk,
        name: fields.plain("name"),
        namespace: fields.plain("namespace"),
        path: fields
            .filled("fieldPath")
            .unwrap_or_else(|| default_path(node.span)),
        options: read_options(&mut fields),
        span: node.span,
    }
}

fn read_target(node: &Node, within: &mut Fields<'_, '_>) -> Target {
    const FIELDS: &[&str] = &["select", "reject", "fieldPaths", "options"];
    let mut fields = within.inner(node, "a replacement's target", FIELDS);
    let select = fields
        .node("select")
        .map(|node| Selector::read(node, &mut fields));
    if select.is_none() {
        let fault = Diagnostic::error("replacement", "a target needs `select`");
        fields.faults().push(fault.at(node.span, ""));
    }
    let mut reject = Vec::new();
    for item in fields.items("reject") {
        reject.push(Selector::read(item, &mut fields));
    }
    let mut paths = fields.texts("fieldPaths");
    if paths.is_empty() {
        paths.push(default_path(node.span));
    }
    Target {
        select,
        reject,
        paths,
        options: read_options(&mut fields),
        span: node.span,
    }
}

fn read_options(fields: &mut Fields<'_, '_>) -> FieldOptions {
    const FIELDS: &[&str] = &["delimiter", "index", "encoding", "create"];
    let Some(node) = fields.node("options") else {
        return FieldOptions::default();
    };
    let mut fields = fields.inner(node, "options of a replacement", FIELDS);
    FieldOptions {
        delimiter: fields.plain("delimiter"),
        index: fields.integer("index").map_or(0, |index| index.value),
        create: fields.flag("create"),
    }
}

fn default_path(span: Span) -> Text {
    Text {
        value: DEFAULT_PATH.into(),
        span,
    }
}

/// Carries out replacements in order.
///
/// # Errors
/// Sources that are not there or are several, and fields that are not there.
pub(crate) fn transform(
    run: &Run<'_>,
    dir: &Dir,
    map: &mut ResMap,
    entries: &[ReplacementEntry],
) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    for entry in entries {
        match entry {
            ReplacementEntry::Inline(replacement) => {
                faults.take(replace(run, map, replacement, None));
            }
            ReplacementEntry::Path(path) => {
                let loaded = faults.take(load(run, dir, path));
                for replacement in loaded.unwrap_or_default() {
                    faults.take(replace(run, map, &replacement, Some(path.span)));
                }
            }
        }
    }
    faults.or(())
}

/// Reads a file with one replacement, or a list of them. kustomize ignores fields in it that it
/// does not know.
fn load(run: &Run<'_>, dir: &Dir, path: &Text) -> Result<Vec<Replacement>, Diagnostics> {
    let file = run.text(dir, path)?;
    let root = run.files().document(file)?;
    let items = root.as_seq().unwrap_or(std::slice::from_ref(&root));
    let mut faults = Vec::new();
    let mut replacements = Vec::new();
    for item in items {
        let mut fields = Fields::lenient(item, "a replacement", &mut faults);
        replacements.extend(read(&mut fields));
    }
    if faults.is_empty() {
        Ok(replacements)
    } else {
        Err(Diagnostics(faults))
    }
}

/// Carries out one replacement; `entry` is the place that names the file which holds it.
fn replace(
    run: &Run<'_>,
    map: &mut ResMap,
    replacement: &Replacement,
    entry: Option<Span>,
) -> Result<(), Diagnostics> {
    let compat = run.options().compat;
    let value = match (&replacement.source, &replacement.value) {
        (Some(source), _) => match source_value(map, source)? {
            Some(value) => value,
            None => return Ok(()),
        },
        (None, Some(text)) if compat.is_5_5() => {
            let message = "kustomize 5.5 knows no `sourceValue`";
            return Err(Diagnostic::error("replacement", message)
                .at(text.span, "")
                .into());
        }
        (None, Some(text)) => Copied {
            value: untagged(&text.value, text.span),
            from: "`sourceValue`".to_owned(),
        },
        (None, None) => return Ok(()),
    };
    let Copied { value, from } = value;
    let mut faults = Vec::new();
    for target in &replacement.targets {
        let Some(select) = &target.select else {
            continue;
        };
        let mut any = false;
        let candidates = if compat.is_5_5() {
            map.positions()
        } else {
            select.candidates(map)?
        };
        for at in candidates {
            if !is_target(target, select, map.get(at), compat)? {
                continue;
            }
            any = true;
            let resource = map.get_mut(at);
            if resource.broken {
                continue;
            }
            let before = resource.node.clone();
            for path in &target.paths {
                match copy(run, &mut resource.node, &value, path, &target.options) {
                    Ok(None) => {}
                    Ok(Some(reason)) => {
                        let fault = no_field(resource, path, &reason, target);
                        resource.unreadable.get_or_insert_default().0.push(fault);
                    }
                    Err(reason) => {
                        resource.broken = true;
                        faults.push(no_field(resource, path, &reason, target));
                    }
                }
            }
            aliases::propagate(resource, &before);
            resource.refresh(&run.schema());
            map.renamed_one(at);
        }
        run.record(map, || {
            let at = match target.paths.as_slice() {
                [only] => only.span,
                _ => target.span,
            };
            Step::new(StepKind::Replacement, entry.unwrap_or(at)).source(from.clone(), value.span)
        });
        if !any && !map.incomplete {
            silent::no_target(run, map, select);
        }
        for reject in &target.reject {
            silent::no_reject(run, map, reject);
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(faults))
    }
}

fn no_field(resource: &Resource, path: &Text, reason: &str, target: &Target) -> Diagnostic {
    let verb = if target.options.create {
        "find or make"
    } else {
        "find"
    };
    let message = format!("cannot {verb} the field `{}`", path.value);
    let fault = Diagnostic::error("replacement-field", message)
        .at(path.span, reason.to_owned())
        .also(resource.node.span, "in this object")
        .in_object(resource.describe());
    if let Some(near) = ValuePath::new(&path.value).nearest(&resource.node) {
        return fault.hint(near);
    }
    if target.options.create || !reason.is_empty() {
        return fault;
    }
    fault.hint("write `options: {create: true}` where it is to be made")
}

/// A value to copy, and what holds it, as people say it.
struct Copied {
    value: Node,
    from: String,
}

/// The value to copy; `None` where it cannot be known because something else is wrong.
fn source_value(map: &mut ResMap, source: &Source) -> Result<Option<Copied>, Diagnostic> {
    let candidates = if source.name.is_empty() {
        map.positions()
    } else {
        map.named(&source.name).to_vec()
    };
    let mut found = candidates
        .into_iter()
        .filter(|&at| !map.get(at).dead && is_source(source, map.get(at)));
    let fault =
        |message: String| Diagnostic::error("replacement-source", message).at(source.span, "");
    let Some(at) = found.next() else {
        if map.incomplete {
            return Ok(None);
        }
        return Err(missing_source(map, source));
    };
    if let Some(second) = found.next() {
        return Err(fault("more than one object matches this source".to_owned())
            .also(map.get(at).node.span, "one")
            .also(map.get(second).node.span, "another"));
    }
    let resource = map.get(at);
    if resource.broken {
        return Ok(None);
    }
    let path = ValuePath::new(&source.path.value);
    let is_empty = |node: &Node| {
        node.is_null()
            || node.as_map().is_some_and(crate::manifest::Map::is_empty)
            || node.as_seq().is_some_and(<[Node]>::is_empty)
    };
    let Some(value) = path.find(&resource.node).filter(|node| !is_empty(node)) else {
        let message = format!("{} has no `{}`", resource.describe(), source.path.value);
        let fault = Diagnostic::error("replacement-source", message);
        let near = path.nearest(&resource.node).unwrap_or_default();
        return Err(fault
            .at(source.path.span, near)
            .also(resource.node.span, "the source"));
    };
    let options = &source.options;
    let copied = |value: Node| {
        let from = format!("{} {}", resource.describe(), source.path.value);
        Ok(Some(Copied { value, from }))
    };
    if options.delimiter.is_empty() {
        return copied(value.clone());
    }
    let Some(scalar) = value.as_scalar() else {
        let message = format!(
            "`delimiter` needs a text, and `{}` is {}",
            source.path.value,
            value.describe()
        );
        return Err(fault(message));
    };
    let part = usize::try_from(options.index)
        .ok()
        .and_then(|index| scalar.text.split(options.delimiter.as_str()).nth(index));
    let Some(part) = part else {
        let message = format!("`{}` has no part {}", scalar.text, options.index);
        return Err(fault(message));
    };
    let mut refined = value.clone();
    set_text(&mut refined, part);
    copied(refined)
}

fn missing_source(map: &ResMap, source: &Source) -> Diagnostic {
    let message = format!(
        "no object matches this source: {} {}",
        source.gvk.kind, source.name
    );
    let fault = Diagnostic::error("replacement-source", message).at(source.span, "");
    let same_kind = map
        .iter()
        .filter(|resource| source.gvk.kind.is_empty() || resource.gvk.kind == source.gvk.kind);
    let names: Vec<&str> = same_kind
        .map(|resource| resource.original_name().as_str())
        .collect();
    match crate::manifest::suggest::nearest(&source.name, names.iter().copied()) {
        Some(name) => fault.hint(format!("did you mean `{name}`?")),
        None if names.is_empty() && !source.gvk.kind.is_empty() => {
            fault.note(format!("there is no {} here", source.gvk.kind))
        }
        None if names.contains(&source.name.as_str()) => fault.hint(format!(
            "there is `{}`, but not with the rest of the source",
            source.name
        )),
        None => fault,
    }
}

/// Whether any identity of a resource is the source's.
fn is_source(source: &Source, resource: &Resource) -> bool {
    has_identity(resource, &source.gvk, &source.name, &source.namespace)
}

/// Whether any identity of a resource is this one; what is empty means any.
fn has_identity(resource: &Resource, wanted: &Gvk, name: &SmolStr, namespace: &SmolStr) -> bool {
    let (wanted_name, wanted_namespace) = (name, namespace);
    let default = |namespace: &SmolStr| {
        if namespace.is_empty() {
            SmolStr::new_static("default")
        } else {
            namespace.clone()
        }
    };
    let fits = |name: &SmolStr, namespace: &SmolStr, kind: &SmolStr| {
        let gvk = Gvk {
            kind: kind.clone(),
            ..resource.gvk.clone()
        };
        (wanted_name.is_empty() || wanted_name == name)
            && (wanted_namespace.is_empty() || *wanted_namespace == default(namespace))
            && selects(wanted, &gvk)
    };
    fits(&resource.name, &resource.namespace, &resource.gvk.kind)
        || resource
            .previous
            .iter()
            .any(|id| fits(&id.name, &id.namespace, &id.kind))
}

fn is_target(
    target: &Target,
    select: &Selector,
    resource: &Resource,
    compat: Compat,
) -> Result<bool, Diagnostic> {
    let selects = |selector: &Selector| {
        if compat.is_5_5() {
            Ok(is_exactly(selector, resource))
        } else {
            selector.matches_any_id(resource)
        }
    };
    if !select.matches_labels(resource)? {
        return Ok(false);
    }
    for reject in &target.reject {
        if reject.has_labels() && reject.matches_labels(resource)? {
            return Ok(false);
        }
        if reject.has_identity() && selects(reject)? {
            return Ok(false);
        }
    }
    selects(select)
}

/// Whether any identity of a resource is what a target names, word for word (kustomize 5.5).
fn is_exactly(selector: &Selector, resource: &Resource) -> bool {
    let text = |part: &Option<Text>| {
        part.as_ref()
            .map(|text| text.value.clone())
            .unwrap_or_default()
    };
    let gvk = Gvk {
        group: text(&selector.group),
        version: text(&selector.version),
        kind: text(&selector.kind),
    };
    let (name, namespace) = (text(&selector.name), text(&selector.namespace));
    has_identity(resource, &gvk, &name, &namespace)
}
