//! Custom resources, judged by the definitions that are at hand: what the server does with an
//! object of a CustomResourceDefinition, from unknown fields and defaults to rules in CEL.

mod cel;
mod check;
mod format;
mod load;
mod numbers;
mod prepare;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod update;

use std::collections::HashMap;
use std::sync::Arc;

use smol_str::SmolStr;

pub use self::load::load_definitions;

use self::cel::Rules;
use self::check::Check;
use self::schema::Schema;
use super::fault::Faults;
use super::place::Place;
use super::rules::{Context, custom_metadata};
use super::{Judgement, Verdict, decode, server_says};
use crate::manifest::{Diagnostic, Node, Object, Span, go_regex, names};
use crate::schema::{Tables, tables};

/// The custom resource definitions that are at hand.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    kinds: HashMap<(SmolStr, SmolStr), Arc<Definition>>,
}

/// Whether a text is no regular expression of Go.
pub(super) fn is_no_pattern(text: &str) -> bool {
    // Classes of Unicode are larger here than in Go, which takes them.
    let is_large = |why: &str| {
        why.contains("exceeds size limit") && (text.contains("\\p") || text.contains("\\P"))
    };
    go_regex::compile(text).is_err_and(|why| !is_large(&why))
}

/// Whether the server of a version checks a format of texts.
pub(super) fn is_known_format(format: &str, version: crate::schema::Version) -> bool {
    format::check(format, "", version).is_some()
}

/// Whether a text has a format, in the newest version.
pub(super) fn has_format(format: &str, text: &str) -> bool {
    format::check(format, text, crate::schema::Version::newest()) == Some(true)
}

/// What is wrong with the default of a schema: where in it, the server's words, and where it
/// stands in the file.
pub(super) fn default_faults(
    release: crate::schema::Version,
    schema: &Node,
    default: &Node,
) -> Vec<(String, String, Span)> {
    let read = Schema::read(schema);
    let mut check = Check::new(release);
    check.value(default, &read, &Place::ROOT, default.span);
    let mut faults: Vec<_> = check
        .findings
        .iter()
        .map(|finding| {
            let below = match finding.field.as_deref().unwrap_or_default() {
                "" => String::new(),
                field if field.starts_with('[') => field.to_owned(),
                field => format!(".{field}"),
            };
            let span = finding
                .primary
                .as_ref()
                .map_or(default.span, |label| label.span);
            (below, finding.message.clone(), span)
        })
        .collect();
    if default.as_map().is_some() {
        let mut stray = Vec::new();
        let mut own = Faults::new(release, Context::default(), &mut stray);
        prepare::unknown_fields(default, &read, "the default", &mut own);
        if !stray.is_empty() && !read.embedded {
            let words = "Invalid value: must not have unknown fields".to_owned();
            faults.push((String::new(), words, default.span));
        }
    }
    faults
}

/// One custom kind.
#[derive(Debug)]
struct Definition {
    versions: Vec<Version>,
}

/// One version of a custom kind.
#[derive(Debug)]
struct Version {
    name: SmolStr,
    served: bool,
    /// The server's warning, where it is deprecated.
    warning: Option<String>,
    /// Whether a create drops `status` before it validates.
    has_status: bool,
    schema: Option<(Schema, Rules)>,
}

impl Definitions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether the definition of a kind is at hand.
    pub(super) fn knows(&self, group: &str, kind: &str) -> bool {
        self.kinds.contains_key(&(group.into(), kind.into()))
    }

    /// Adds a definition; one of the same group and kind gives way. Returns whether the object is
    /// a definition at all.
    pub fn add(&mut self, object: &Object) -> bool {
        if object.group() != "apiextensions.k8s.io" || object.kind() != "CustomResourceDefinition" {
            return false;
        }
        let text = |path: &[&str]| object.root.at(path).and_then(Node::as_str);
        let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
        if let (Some(group), Some(kind)) = (group, kind) {
            let versions = object.root.at(&["spec", "versions"]).and_then(Node::as_seq);
            let nodes = versions.unwrap_or_default();
            let read = |node: &Node| Version::read(node, nodes, group, kind);
            let versions = nodes.iter().filter_map(read);
            let definition = Definition {
                versions: versions.collect(),
            };
            self.kinds
                .insert((group.into(), kind.into()), Arc::new(definition));
        }
        true
    }

    /// Adds those of another set, which win.
    pub fn extend(&mut self, other: Definitions) {
        self.kinds.extend(other.kinds);
    }

    /// Judges a custom resource. `None` where its definition is not at hand.
    pub(super) fn judge(
        &self,
        release: crate::schema::Version,
        object: &Object,
    ) -> Option<Judgement> {
        let key = (object.group().into(), object.kind().into());
        let definition = self.kinds.get(&key)?;
        let served = |v: &&Version| v.served && v.name == object.version();
        let mut judge = Judge {
            tables: tables(release),
            object,
            old: None,
            findings: Vec::new(),
            unknown: None,
        };
        match definition.versions.iter().find(served) {
            Some(version) => judge.version(version),
            None => judge.not_served(definition),
        }
        Some(judge.judgement())
    }
}

impl Version {
    fn read(node: &Node, all: &[Node], group: &str, kind: &str) -> Option<Self> {
        let name = node.get("name").and_then(Node::as_str)?;
        let flag = |key: &str| node.get(key).and_then(Node::as_bool).unwrap_or_default();
        let given = node.get("deprecationWarning").and_then(Node::as_str);
        let warning = given.map_or_else(
            || match successor(name, all) {
                Some(next) => {
                    format!("{group}/{name} {kind} is deprecated; use {group}/{next} {kind}")
                }
                None => format!("{group}/{name} {kind} is deprecated"),
            },
            str::to_owned,
        );
        let schema = node.at(&["schema", "openAPIV3Schema"]);
        Some(Self {
            name: name.into(),
            served: flag("served"),
            warning: flag("deprecated").then_some(warning),
            has_status: node
                .at(&["subresources", "status"])
                .is_some_and(|status| !status.is_null()),
            schema: schema.map(|node| (Schema::read(node), Rules::new(node))),
        })
    }
}

struct Judge<'j> {
    tables: Tables,
    object: &'j Object,
    /// What an update changes.
    old: Option<&'j Object>,
    findings: Vec<Diagnostic>,
    unknown: Option<String>,
}

impl Judge<'_> {
    fn version(&mut self, version: &Version) {
        let release = self.tables.version();
        let root = &self.object.root;
        let kind = self.object.kind();
        if let Some(words) = &version.warning {
            let message = format!("`{}` of {kind} is deprecated", self.object.api_version());
            let finding = Diagnostic::warning("deprecated-api", message)
                .at(span_of(root, "apiVersion"), "")
                .note(server_says(release, format_args!("Warning: {words}")));
            self.findings.push(finding);
        }
        let Some((schema, rules)) = &version.schema else {
            self.unknown = Some(format!("the definition of {kind} has no schema"));
            return;
        };
        let mut faults = Faults::new(release, Context::default(), &mut self.findings);
        prepare::unknown_fields(root, schema, kind, &mut faults);
        self.metadata(root, &Place::ROOT);
        match self.old {
            Some(old) => {
                let identity = super::update::identity(self.tables, old, self.object);
                self.findings.extend(identity);
            }
            None => self.name(),
        }
        let complete = completed(root, version, schema);
        let old = self.old.map(|old| completed(&old.root, version, schema));
        let tolerated = |finding: &Diagnostic| {
            let old = old.as_ref();
            old.is_some_and(|old| update::is_tolerated(finding, schema, old, &complete))
        };
        let mut check = Check::new(release);
        check.value(&complete, schema, &Place::ROOT, span_of(root, "kind"));
        check.findings.retain(|finding| !tolerated(finding));
        self.findings.append(&mut check.findings);
        self.unknown = check.undecided;
        self.embedded(&complete, schema, &Place::ROOT);
        let duplicates = |node: &Node| {
            let mut found = Vec::new();
            let mut faults = Faults::new(release, Context::default(), &mut found);
            prepare::duplicates(node, schema, &Place::ROOT, &mut faults);
            found
        };
        // Once there, they are tolerated for ever.
        if old.as_ref().is_none_or(|old| duplicates(old).is_empty()) {
            self.findings.append(&mut duplicates(&complete));
        }
        if schema.has_rules && !self.findings.iter().any(keeps_from_rules) {
            match rules.check(release, &complete, old.as_ref()) {
                Ok(findings) => self.findings.extend(findings),
                Err(reason) => self.unknown = Some(reason),
            }
        }
    }

    /// The metadata of the object, or of an embedded one: its fields are those of every kind.
    fn metadata(&mut self, node: &Node, place: &Place<'_>) {
        let Some(entry) = node.as_map().and_then(|map| map.entry("metadata")) else {
            return;
        };
        let meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
        if let Some(object) = self.tables.object(meta) {
            let mut faults = Faults::new(
                self.tables.version(),
                Context::default(),
                &mut self.findings,
            );
            let place = place.field("metadata");
            decode::part(&entry.value, object, &place, entry.key_span, &mut faults);
        }
    }

    fn name(&mut self) {
        let release = self.tables.version();
        let mut faults = Faults::new(release, Context::default(), &mut self.findings);
        let root = &self.object.root;
        let named = |key: &str| root.at(&["metadata", key]).filter(|node| !node.is_null());
        let metadata = Place::ROOT.field("metadata");
        let place = metadata.field("name");
        let name = named("name").and_then(Node::as_str).unwrap_or_default();
        if !name.is_empty() {
            if !names::is_dns_subdomain(name) {
                let words = format!(
                    "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower \
                     case alphanumeric characters, '-' or '.', and must start and end with an \
                     alphanumeric character"
                );
                let at = named("name").map_or(root.span, |node| node.span);
                let message = format!("`{name}` is no valid name");
                let remark = "lower-case letters, digits, `-` and `.`";
                faults.refuse("invalid-name", message, at, remark, &place, &words);
            }
        } else if named("generateName")
            .and_then(Node::as_str)
            .unwrap_or_default()
            .is_empty()
        {
            let words = "Required value: name or generateName is required";
            let message = format!("this {} has no name", self.object.kind());
            let remark = "`metadata.name` is missing";
            let at = span_of(root, "metadata");
            faults.refuse("required-field", message, at, remark, &place, words);
        }
        custom_metadata(&mut faults, self.object);
    }

    /// Objects inside the object: they need `apiVersion` and `kind`, and have metadata
    /// (`schema/objectmeta/validation.go`).
    fn embedded(&mut self, node: &Node, schema: &Schema, place: &Place<'_>) {
        if schema.embedded && node.as_map().is_some() {
            self.embedded_name(node, "apiVersion", place, |text| {
                text.matches('/').count() < 2
            });
            self.embedded_name(node, "kind", place, |text| {
                names::is_dns_1035_label(&text.to_lowercase())
            });
            self.metadata(node, place);
            if let Some(name) = node.at(&["metadata", "name"])
                && name.as_str().is_some_and(|text| !is_path_segment(text))
            {
                let metadata = place.field("metadata");
                let place = metadata.field("name");
                let message = "a name cannot be `.` or `..`, or contain `/` or `%`".to_owned();
                let words = "Invalid value: may not contain '/' or '%', nor be '.' or '..'";
                Faults::new(
                    self.tables.version(),
                    Context::default(),
                    &mut self.findings,
                )
                .refuse("invalid-name", message, name.span, "", &place, words);
            }
        }
        for entry in node.as_map().into_iter().flatten() {
            if let Some(below) = schema.key(&entry.key) {
                self.embedded(&entry.value, below, &place.field(&entry.key));
            }
        }
        if let Some(below) = &schema.items {
            for (index, item) in node.as_seq().unwrap_or_default().iter().enumerate() {
                self.embedded(item, below, &place.index(index));
            }
        }
    }

    /// A field of an embedded object that must be there and hold a name of a certain form.
    fn embedded_name(
        &mut self,
        node: &Node,
        key: &str,
        place: &Place<'_>,
        is_valid: impl Fn(&str) -> bool,
    ) {
        let place = place.field(key);
        let mut faults = Faults::new(
            self.tables.version(),
            Context::default(),
            &mut self.findings,
        );
        let Some(given) = node.get(key) else {
            let message = format!("required field `{key}` is missing");
            let remark = "an embedded object needs it";
            let words = "Required value";
            return faults.refuse("required-field", message, node.span, remark, &place, words);
        };
        let (rule, words) = match given.as_str() {
            None => ("wrong-type", "must be a string"),
            Some("") => ("invalid-name", "Invalid value: \"\": must not be empty"),
            Some(text) if !is_valid(text) => ("invalid-name", "Invalid value"),
            Some(_) => return,
        };
        let message = format!("this is no valid `{key}`");
        faults.refuse(rule, message, given.span, "", &place, words);
    }

    fn not_served(&mut self, definition: &Definition) {
        let (api_version, kind) = (self.object.api_version(), self.object.kind());
        let group = self.object.group();
        let served = definition.versions.iter().filter(|v| v.served);
        let served: Vec<String> = served.map(|v| format!("`{group}/{}`", v.name)).collect();
        let remark = match served.as_slice() {
            [] => "its definition serves no version".to_owned(),
            names => format!("use {}", names.join(" or ")),
        };
        let words = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
        let message = format!("{kind} is not served in `{api_version}`");
        let finding = Diagnostic::error("unknown-kind", message)
            .at(span_of(&self.object.root, "apiVersion"), remark)
            .note(server_says(self.tables.version(), words));
        self.findings.push(finding);
    }

    fn judgement(mut self) -> Judgement {
        let refused = |f: &Diagnostic| f.severity == crate::manifest::Severity::Error;
        if self.old.is_none() && !self.findings.iter().any(refused) {
            let release = self.tables.version();
            super::warnings::finalizers(release, self.object, &mut self.findings);
        }
        let mut judgement = Judgement::of(self.object, self.findings);
        if judgement.verdict == Verdict::Accepted && self.unknown.is_some() {
            judgement.verdict = Verdict::Unknown;
            judgement.unknown = self.unknown;
        }
        judgement
    }
}

/// Whether the server does not come to the rules of a schema because of a finding: a value of
/// another type, one that is missing or not listed, or more than is allowed
/// (`registry/customresource/strategy.go`, `hasBlockingErr`).
fn keeps_from_rules(finding: &Diagnostic) -> bool {
    let said = || finding.notes.iter().any(|note| note.contains(": Too "));
    finding.severity == crate::manifest::Severity::Error
        && match finding.rule.as_ref() {
            "pattern" | "out-of-range" | "schema-combination" | "duplicate-value" => false,
            "wrong-length" | "wrong-count" => said(),
            _ => true,
        }
}

/// The version that the server recommends in place of a deprecated one: the highest of those that
/// are served, not deprecated and above it.
fn successor<'n>(deprecated: &str, all: &'n [Node]) -> Option<&'n str> {
    let flag = |node: &Node, key: &str| node.get(key).and_then(Node::as_bool) == Some(true);
    let good = all
        .iter()
        .filter(|v| flag(v, "served") && !flag(v, "deprecated"));
    let names = good.filter_map(|node| node.get("name").and_then(Node::as_str));
    let rank = |name: &str| version_rank(name);
    let above = names.filter(|name| rank(name) > rank(deprecated));
    above.max_by_key(|name| rank(name))
}

/// The order of versions: stable before beta before alpha before what is no version, then by
/// their numbers (`apimachinery/pkg/version`, `CompareKubeAwareVersionStrings`).
fn version_rank(name: &str) -> (u8, u32, u32) {
    let read = || {
        let rest = name.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let (major, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let major = major.parse().ok()?;
        let of = |stage: &str, grade| Some((grade, major, rest.strip_prefix(stage)?.parse().ok()?));
        match rest {
            "" => Some((3, major, 0)),
            _ => of("beta", 2).or_else(|| of("alpha", 1)),
        }
    };
    read().unwrap_or_default()
}

/// An object as the server validates it: without the status that has its own endpoint, and with
/// the defaults of the schema.
fn completed(root: &Node, version: &Version, schema: &Schema) -> Node {
    let mut complete = root.clone();
    if version.has_status
        && let Some(map) = complete.as_map_mut()
    {
        map.remove("status");
    }
    prepare::complete(&mut complete, schema);
    complete
}

/// Whether a text can be a part of a URL's path (`content.IsPathSegmentName`).
fn is_path_segment(text: &str) -> bool {
    text != "." && text != ".." && !text.contains(['/', '%'])
}

/// Where the value of a field of the object stands, else the object.
fn span_of(root: &Node, key: &str) -> Span {
    root.get(key).map_or(root.span, |node| node.span)
}
