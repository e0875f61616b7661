//! `configMapGenerator` and `secretGenerator`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use smol_str::SmolStr;

use super::decode::{Fields, Text};
use super::load::{Dir, shown_path};
use super::origin::{self, Origin};
use super::resmap::ResMap;
use super::resource::{Behavior, Resource, is_text_unquoted, raw_text, text_node};
use super::run::Run;
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Map, Node, Span};

const FIELDS: &[&str] = &[
    "namespace",
    "name",
    "behavior",
    "literals",
    "files",
    "envs",
    "env",
    "options",
    "type",
];

/// Longest line of base64 text in a Secret.
const BASE64_LINE: usize = 70;

/// What a generator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generated {
    ConfigMap,
    Secret,
}

impl Generated {
    /// The name of kustomize's plugin.
    pub(crate) fn plugin(self) -> &'static str {
        match self {
            Generated::ConfigMap => "ConfigMapGenerator",
            Generated::Secret => "SecretGenerator",
        }
    }
}

/// An entry of a generator list, with `generatorOptions` worked in.
#[derive(Debug)]
pub(crate) struct GeneratorArgs {
    name: Text,
    namespace: SmolStr,
    behavior: Behavior,
    literals: Vec<Text>,
    files: Vec<Text>,
    envs: Vec<Text>,
    secret_type: SmolStr,
    options: Options,
    pub(crate) span: Span,
}

/// `options` of a generator, or `generatorOptions`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    labels: Vec<(SmolStr, Text)>,
    annotations: Vec<(SmolStr, Text)>,
    disable_hash: bool,
    immutable: bool,
}

/// Reads `generatorOptions` or `options`.
pub(crate) fn read_options(fields: &mut Fields<'_, '_>, name: &str) -> Option<Options> {
    const OPTIONS: &[&str] = &[
        "labels",
        "annotations",
        "disableNameSuffixHash",
        "immutable",
    ];
    let node = fields.node(name)?;
    let mut fields = fields.inner(node, "generator options", OPTIONS);
    Some(Options {
        labels: fields.pairs("labels"),
        annotations: fields.pairs("annotations"),
        disable_hash: fields.flag("disableNameSuffixHash"),
        immutable: fields.flag("immutable"),
    })
}

/// Reads a list of generators.
pub(crate) fn read_all(
    fields: &mut Fields<'_, '_>,
    name: &str,
    global: Option<&Options>,
) -> Vec<GeneratorArgs> {
    let items = fields.items(name);
    items
        .iter()
        .map(|item| {
            let mut fields = Fields::new(item, "a generator", FIELDS, fields.faults());
            read(&mut fields, global)
        })
        .collect()
}

/// Reads a plugin's configuration, whose own name and namespace are the defaults.
pub(crate) fn read_plugin(
    fields: &mut Fields<'_, '_>,
    name: &SmolStr,
    namespace: &SmolStr,
) -> GeneratorArgs {
    let mut args = read_fields(fields, None);
    if args.name.value.is_empty() {
        args.name.value = name.clone();
    }
    if args.namespace.is_empty() {
        args.namespace = namespace.clone();
    }
    args
}

fn read(fields: &mut Fields<'_, '_>, global: Option<&Options>) -> GeneratorArgs {
    let args = read_fields(fields, global);
    if args.name.value.is_empty() {
        let fault = Diagnostic::error("generator-name", "a generator needs a `name`");
        fields.faults().push(fault.at(args.span, ""));
    }
    args
}

fn read_fields(fields: &mut Fields<'_, '_>, global: Option<&Options>) -> GeneratorArgs {
    let span = fields.span();
    let mut envs = fields.texts("envs");
    // kustomize moves `env` to `envs` in kustomizations alone, and does not look at it elsewhere.
    if !fields.is_of_plugin() {
        envs.extend(fields.filled("env"));
    }
    let behavior = match fields.plain("behavior").as_str() {
        "merge" => Behavior::Merge,
        "replace" => Behavior::Replace,
        _ => Behavior::Create,
    };
    let name = fields.filled("name").unwrap_or_else(|| Text {
        value: SmolStr::default(),
        span,
    });
    let mut options = read_options(fields, "options").unwrap_or_default();
    if let Some(global) = global {
        fill(&mut options.labels, &global.labels);
        fill(&mut options.annotations, &global.annotations);
        options.disable_hash |= global.disable_hash;
        options.immutable |= global.immutable;
    }
    GeneratorArgs {
        name,
        namespace: fields.plain("namespace"),
        behavior,
        literals: fields.texts("literals"),
        files: fields.texts("files"),
        envs,
        secret_type: fields.plain("type"),
        options,
        span,
    }
}

fn fill(own: &mut Vec<(SmolStr, Text)>, global: &[(SmolStr, Text)]) {
    for (key, text) in global {
        if !own.iter().any(|(known, _)| known == key) {
            own.push((key.clone(), text.clone()));
        }
    }
}

/// Makes the object of a generator and works it into the build.
///
/// # Errors
/// Missing files, malformed entries, repeated keys, and identities that are taken (or missing,
/// for `behavior: merge` and `replace`).
pub(crate) fn run(
    run: &Run<'_>,
    dir: &Dir,
    map: &mut ResMap,
    args: &GeneratorArgs,
    kind: Generated,
    origin: Option<&Origin>,
) -> Result<(), Diagnostics> {
    let mut resource = make(run, dir, args, kind)?;
    if let Some(origin) = origin {
        origin::set(&mut resource, origin);
    }
    absorb(run, map, resource, args.span)
}

/// Makes the object of a generator.
pub(crate) fn make(
    run: &Run<'_>,
    dir: &Dir,
    args: &GeneratorArgs,
    kind: Generated,
) -> Result<Resource, Diagnostics> {
    let span = args.span;
    let text = |text: &str| text_node(text, span);
    let mut metadata = Map::new();
    metadata.set("name", text_node(args.name.value.clone(), args.name.span));
    if !args.namespace.is_empty() {
        metadata.set("namespace", text(&args.namespace));
    }
    for (field, pairs) in [
        ("labels", &args.options.labels),
        ("annotations", &args.options.annotations),
    ] {
        if !pairs.is_empty() {
            let pairs = pairs.iter();
            let entries =
                pairs.map(|(key, text)| (key.clone(), text_node(text.value.clone(), text.span)));
            metadata.set(field, Node::map(entries.collect(), span));
        }
    }
    let mut root = Map::new();
    root.set("apiVersion", text("v1"));
    let name = if kind == Generated::Secret {
        "Secret"
    } else {
        "ConfigMap"
    };
    root.set("kind", text(name));
    root.set("metadata", Node::map(metadata, span));
    let pairs = load_pairs(run, dir, args)?;
    let keys = pairs.iter().map(|pair| (&pair.key, pair.span));
    let labels = args.options.labels.iter();
    let keys = keys.chain(labels.map(|(key, text)| (key, text.span)));
    let odd = keys.filter(|(key, _)| !is_text_unquoted(key));
    Diagnostics(odd.map(|(key, span)| odd_key(key, span)).collect()).or(())?;
    add_data(&mut root, pairs, args, kind);
    if args.options.immutable {
        root.set("immutable", Node::bool(true, span));
    }
    let mut resource = Resource::new(Node::map(root, span), &run.schema());
    resource.needs_hash = !args.options.disable_hash;
    resource.behavior = args.behavior;
    resource.generated = true;
    Ok(resource)
}

fn odd_key(key: &str, span: Span) -> Diagnostic {
    let message =
        format!("kustomize cannot write the key `{key}`, which is no string without quotes");
    Diagnostic::error("generator-key", message).at(span, "")
}

struct Pair {
    key: SmolStr,
    value: Vec<u8>,
    span: Span,
}

fn add_data(root: &mut Map, pairs: Vec<Pair>, args: &GeneratorArgs, kind: Generated) {
    let mut data = Map::new();
    let mut binary = Map::new();
    for Pair { key, value, span } in pairs {
        match (kind, String::from_utf8(value)) {
            (Generated::ConfigMap, Ok(text)) => {
                data.insert(key, span, text_node(text, span));
            }
            (Generated::ConfigMap, Err(error)) => {
                binary.insert(key, span, text_node(base64(error.as_bytes()), span));
            }
            (Generated::Secret, text) => {
                let bytes =
                    text.map_or_else(std::string::FromUtf8Error::into_bytes, String::into_bytes);
                data.insert(key, span, text_node(base64(&bytes), span));
            }
        }
    }
    if kind == Generated::Secret {
        let secret_type = if args.secret_type.is_empty() {
            "Opaque"
        } else {
            &args.secret_type
        };
        root.set("type", Node::string(secret_type, args.span));
        root.set("data", Node::map(data, args.span));
        return;
    }
    for (field, map) in [("data", data), ("binaryData", binary)] {
        if !map.is_empty() {
            root.set(field, Node::map(map, args.span));
        }
    }
}

/// Base64 in lines of 70 characters where it is longer.
fn base64(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    if encoded.len() < BASE64_LINE {
        return encoded;
    }
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / BASE64_LINE + 1);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(BASE64_LINE));
        let _ = writeln!(lines, "{line}");
        rest = more;
    }
    lines
}

/// The keys and values: of env files, then literals, then files.
fn load_pairs(run: &Run<'_>, dir: &Dir, args: &GeneratorArgs) -> Result<Vec<Pair>, Diagnostics> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut faults = Vec::new();
    for entry in &args.envs {
        match run.bytes(dir, entry) {
            Ok(bytes) => {
                let name = display_path(&shown_path(dir, &entry.value));
                env_pairs(&bytes, &name, entry.span, &mut pairs, &mut faults);
            }
            Err(fault) => faults.push(fault),
        }
    }
    for entry in &args.literals {
        match entry.value.split_once('=') {
            Some((key, value)) if !key.is_empty() => pairs.push(Pair {
                key: key.into(),
                value: unquoted(value).as_bytes().to_vec(),
                span: entry.span,
            }),
            _ => {
                let message = format!("`{}` is no literal", entry.value);
                let fault = Diagnostic::error("generator-literal", message);
                faults.push(fault.at(entry.span, "it must be `key=value`"));
            }
        }
    }
    for entry in &args.files {
        match file_pair(run, dir, entry) {
            Ok(pair) => pairs.push(pair),
            Err(fault) => faults.push(fault),
        }
    }
    for (at, pair) in pairs.iter().enumerate() {
        if let Some(first) = pairs[..at].iter().find(|other| other.key == pair.key) {
            let message = format!("`{}` has the key `{}` twice", args.name.value, pair.key);
            let fault = Diagnostic::error("generator-key", message);
            faults.push(
                fault
                    .at(pair.span, "here again")
                    .also(first.span, "first here"),
            );
        }
    }
    if faults.is_empty() {
        Ok(pairs)
    } else {
        Err(Diagnostics(faults))
    }
}

fn file_pair(run: &Run<'_>, dir: &Dir, entry: &Text) -> Result<Pair, Diagnostic> {
    let malformed = |message: String| {
        Err(Diagnostic::error("generator-file", message)
            .at(entry.span, "it must be a path, or `key=path`"))
    };
    let text = entry.value.as_str();
    let (key, path) = match text.split_once('=') {
        None => (
            text.rsplit('/')
                .find(|part| !part.is_empty())
                .unwrap_or(text),
            text,
        ),
        Some((_, path)) if path.contains('=') => {
            return malformed(format!("`{text}` has more than one `=`"));
        }
        Some(("", _)) => return malformed(format!("`{text}` has no key before its `=`")),
        Some((_, "")) => return malformed(format!("`{text}` has no path after its `=`")),
        Some((key, path)) => (key, path),
    };
    let path = Text {
        value: path.into(),
        span: entry.span,
    };
    Ok(Pair {
        key: key.into(),
        value: run.bytes(dir, &path)?.to_vec(),
        span: entry.span,
    })
}

/// Reads `KEY=value` lines; blank lines and comments are skipped, nothing is trimmed or unquoted.
fn env_pairs(
    bytes: &[u8],
    name: &str,
    span: Span,
    pairs: &mut Vec<Pair>,
    faults: &mut Vec<Diagnostic>,
) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(line) = std::str::from_utf8(line) else {
            let message = format!("line {} of `{name}` is not UTF-8 text", at + 1);
            faults.push(Diagnostic::error("generator-env", message).at(span, ""));
            continue;
        };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if key.is_empty() {
            continue;
        }
        pairs.push(Pair {
            key: key.into(),
            value: value.as_bytes().to_vec(),
            span,
        });
    }
}

fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

/// Adds a generated resource, or merges it into or replaces the one of its identity.
///
/// # Errors
/// An identity that is taken, missing or ambiguous for the behavior.
pub(crate) fn absorb(
    run: &Run<'_>,
    map: &mut ResMap,
    resource: Resource,
    span: Span,
) -> Result<(), Diagnostics> {
    let found = map.with_any_id(
        &resource.gvk,
        &resource.name,
        resource.effective_namespace(),
    );
    let fault = |rule: &'static str, message: String| {
        Diagnostic::error(rule, message)
            .at(span, "this generator")
            .in_object(resource.describe())
    };
    match (found.as_slice(), resource.behavior) {
        ([], Behavior::Create) => map.append_all(vec![resource]).map_err(Diagnostics),
        ([], _) if map.incomplete => Ok(()),
        ([], _) => {
            let message = format!(
                "there is no {} to merge into or replace",
                resource.describe()
            );
            Err(fault("generator-unmatched", message)
                .hint("use `behavior: create`, or name one that a base has")
                .into())
        }
        ([at], Behavior::Create) => {
            let message = format!("{} is there already", resource.describe());
            Err(fault("duplicate-object", message)
                .also(map.get(*at).node.span, "this one")
                .hint("use `behavior: merge` or `behavior: replace`")
                .into())
        }
        ([at], _) if map.get(*at).gvk != resource.gvk => {
            let message = format!(
                "{} has become {}, which nothing can be merged into",
                resource.describe(),
                map.get(*at).describe()
            );
            let fault = fault("generator-unmatched", message);
            Err(fault.also(map.get(*at).node.span, "this one").into())
        }
        ([at], behavior) => {
            let merged = over(map.get(*at), resource, behavior, run);
            map.replace(*at, merged);
            Ok(())
        }
        ([first, second, ..], _) => {
            let message = format!("two objects could take {}", resource.describe());
            Err(fault("generator-ambiguous", message)
                .also(map.get(*first).node.span, "one")
                .also(map.get(*second).node.span, "the other")
                .into())
        }
    }
}

/// The generated resource with the old one's identity, labels and annotations, and, for a merge,
/// the old one's data where it has no own.
fn over(old: &Resource, mut new: Resource, behavior: Behavior, run: &Run<'_>) -> Resource {
    for field in ["labels", "annotations"] {
        merge_pairs(old, &mut new, &["metadata", field]);
    }
    new.set_name(&old.name, old.node.span);
    new.set_namespace(&old.namespace, old.node.span);
    new.needs_hash &= old.needs_hash;
    new.previous.clone_from(&old.previous);
    new.prefixes.clone_from(&old.prefixes);
    new.suffixes.clone_from(&old.suffixes);
    new.vars.clone_from(&old.vars);
    new.record = old.record;
    if behavior == Behavior::Merge {
        merge_pairs(old, &mut new, &["data"]);
        merge_pairs(old, &mut new, &["binaryData"]);
    }
    if let Some(history) = &old.origin {
        let own = new.origin.get_or_insert_default();
        own.transformations.clone_from(&history.transformations);
        // A merge keeps the old origin, a replacement has the new one.
        if history.origin.is_some() && (behavior == Behavior::Merge || own.origin.is_none()) {
            own.origin.clone_from(&history.origin);
        }
    }
    new.behavior = old.behavior;
    new.generated = old.generated;
    new.from_helm = old.from_helm;
    new.refresh(&run.schema());
    new
}

/// Puts the old mapping's entries, as text, under the new one's.
fn merge_pairs(old: &Resource, new: &mut Resource, path: &[&str]) {
    let entries = |node: &Node| -> Vec<(SmolStr, SmolStr, Span)> {
        let map = node.at(path).and_then(Node::as_map);
        let entries = map.into_iter().flatten();
        entries
            .map(|entry| (entry.key.clone(), raw_text(&entry.value), entry.value.span))
            .collect()
    };
    let mut merged = Map::new();
    for (key, text, span) in entries(&old.node).into_iter().chain(entries(&new.node)) {
        merged.insert(key, span, text_node(text, span));
    }
    let span = new.node.span;
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let holder = parents
        .iter()
        .try_fold(&mut new.node, |node, key| node.get_mut(key));
    if let Some(map) = holder.and_then(Node::as_map_mut) {
        map.remove(last);
        if !merged.is_empty() {
            map.insert(SmolStr::new(last), span, Node::map(merged, span));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_base64_is_broken_into_lines() {
        assert_eq!(base64(b"short"), "c2hvcnQ=");
        let long = base64(&[b'x'; 60]);
        assert_eq!(long.lines().next().map(str::len), Some(70));
        assert!(long.ends_with('\n'));
        assert_eq!(long.lines().count(), 2);
    }

    #[test]
    fn env_files_are_taken_as_they_are() {
        let text = b"\xef\xbb\xbfA=1\n# no\n\n  B = \"x\" \r\nC\nD=a=b\n";
        let (mut pairs, mut faults) = (Vec::new(), Vec::new());
        env_pairs(text, "e", Span::NONE, &mut pairs, &mut faults);
        let shown: Vec<(String, String)> = pairs
            .into_iter()
            .map(|pair| (pair.key.to_string(), String::from_utf8(pair.value).unwrap()))
            .collect();
        let want = [("A", "1"), ("B ", " \"x\" "), ("C", ""), ("D", "a=b")];
        assert_eq!(shown, want.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert!(faults.is_empty());
    }

    #[test]
    fn one_pair_of_quotes_is_dropped() {
        for (text, want) in [
            ("\"a\"", "a"),
            ("'a'", "a"),
            ("\"a'", "\"a'"),
            ("\"", "\""),
            ("", ""),
        ] {
            assert_eq!(unquoted(text), want);
        }
    }
}
