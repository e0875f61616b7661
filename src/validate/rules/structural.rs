//! The schema of a CustomResourceDefinition: what the server supports of JSON Schema, that it is
//! structural, and that its defaults keep it (`pkg/apiserver/schema/validation.go` and
//! `pkg/apis/apiextensions/validation` of k8s.io/apiextensions-apiserver 1.37).

use crate::manifest::{Entry, Map, Node};
use crate::schema::{Version, tables};
use crate::validate::custom;
use crate::validate::fault::Faults;
use crate::validate::view::Finding;

/// Where a schema stands in another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Root,
    Item,
    Field,
}

/// A walk over a schema, with the path as the server writes it.
pub(super) struct Walk<'w, 'f> {
    pub(super) faults: &'w mut Faults<'f>,
    pub(super) path: String,
    /// Number of findings so far.
    pub(super) count: usize,
}

pub(super) fn flag(node: &Node, name: &str) -> bool {
    node.get(name).and_then(Node::as_bool) == Some(true)
}

pub(super) fn kind(node: &Node) -> &str {
    node.get("type").and_then(Node::as_str).unwrap_or_default()
}

/// The value of a key, unless it is null.
pub(super) fn given<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.get(name).filter(|node| !node.is_null())
}

/// The schemas under a key that holds a mapping of them.
pub(super) fn named<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = (&'n str, &'n Node)> {
    let entries = node.get(key).and_then(Node::as_map).into_iter().flatten();
    entries.map(|entry| (entry.key.as_str(), &entry.value))
}

/// The schemas under a key that holds a list of them.
pub(super) fn listed<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    node.get(key).and_then(Node::as_seq).unwrap_or_default()
}

impl Walk<'_, '_> {
    /// Checks below a step of the path.
    pub(super) fn below(&mut self, step: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        check(self);
        self.path.truncate(length);
    }

    pub(super) fn found(&mut self, node: &Node, step: &str, words: String, remark: &str) {
        let span = node
            .as_map()
            .and_then(|map| map.iter().next())
            .map_or(node.span, |e| e.key_span);
        let first = step.split(['.', '[']).next().unwrap_or(step);
        let span = node.get(first).map_or(span, |given| given.span);
        let finding = Finding {
            rule: "structural-schema",
            message: match step {
                "" => "this schema is not structural".to_owned(),
                step => format!("`{step}` makes this schema not structural"),
            },
            remark,
            words,
        };
        let field = match step {
            "" => self.path.clone(),
            step => format!("{}.{step}", self.path),
        };
        self.count += 1;
        self.faults.found(field, span, finding);
    }

    pub(super) fn forbid(&mut self, node: &Node, step: &str, reason: &str) {
        self.found(node, step, format!("Forbidden: {reason}"), reason);
    }

    /// `validateStructuralInvariants`: a schema outside of value validation.
    pub(super) fn schema(&mut self, node: &Node, level: Level) {
        // null is a schema without anything.
        if node.as_map().is_none() && (!node.is_null() || level != Level::Field) {
            return;
        }
        // A `type` that is no text is told by the decoder.
        let is_read = |node: &Node| node.as_str().is_some() || node.is_null();
        if node.get("type").is_none_or(is_read) {
            self.of_type(node, level);
        }
        // Whatever is no mapping is no schema: `true` is read as none at all.
        if kind(node) == "array" && node.get("items").and_then(Node::as_map).is_none() {
            let words = "Required value: must be specified".to_owned();
            self.found(node, "items", words, "of what?");
        }
        if let Some(items) = given(node, "items") {
            self.below(".items", |walk| walk.schema(items, Level::Item));
        }
        for (name, inner) in named(node, "properties") {
            self.below(&format!(".properties[{name}]"), |walk| {
                walk.schema(inner, Level::Field);
            });
        }
        if let Some(additional) = given(node, "additionalProperties") {
            if level == Level::Root {
                self.forbid(node, "additionalProperties", "must not be used at the root");
            }
            if flag(node, "x-kubernetes-embedded-resource") {
                let reason = "must not be used if x-kubernetes-embedded-resource is set";
                self.forbid(node, "additionalProperties", reason);
            }
            self.below(".additionalProperties", |walk| {
                walk.schema(additional, Level::Field);
            });
        }
        self.extensions(node);
        self.implied(node, level);
        let any_of = is_integer_or_string(listed(node, "anyOf"));
        let all_of = listed(node, "allOf")
            .first()
            .is_some_and(|first| is_integer_or_string(listed(first, "anyOf")));
        self.values(node, any_of, all_of);
    }

    fn of_type(&mut self, node: &Node, level: Level) {
        let free = flag(node, "x-kubernetes-int-or-string")
            || flag(node, "x-kubernetes-preserve-unknown-fields");
        let embedded = flag(node, "x-kubernetes-embedded-resource");
        match kind(node) {
            given if embedded && given != "object" => {
                let reason = "must be object if x-kubernetes-embedded-resource is true";
                let words = match given {
                    "" => format!("Required value: {reason}"),
                    given => format!("Invalid value: {given:?}: {reason}"),
                };
                self.found(node, "type", words, "write `type: object`");
            }
            "" if !free => {
                let reason = match level {
                    Level::Root => "must not be empty at the root",
                    Level::Item => "must not be empty for specified array items",
                    Level::Field => "must not be empty for specified object fields",
                };
                let words = format!("Required value: {reason}");
                self.found(node, "type", words, "every schema has a `type`");
            }
            "" | "object" => {}
            given if level == Level::Root => {
                let words = format!("Invalid value: {given:?}: must be object at the root");
                self.found(node, "type", words, "write `type: object`");
            }
            _ => {}
        }
    }

    fn extensions(&mut self, node: &Node) {
        if !flag(node, "x-kubernetes-int-or-string") {
            return;
        }
        for name in [
            "x-kubernetes-preserve-unknown-fields",
            "x-kubernetes-embedded-resource",
        ] {
            if flag(node, name) {
                let reason = "must be false if x-kubernetes-int-or-string is true";
                self.found(node, name, format!("Invalid value: true: {reason}"), reason);
            }
        }
    }

    /// The fields that every object has.
    fn implied(&mut self, node: &Node, level: Level) {
        let embedded = flag(node, "x-kubernetes-embedded-resource");
        let properties = || named(node, "properties");
        if embedded
            && !flag(node, "x-kubernetes-preserve-unknown-fields")
            && properties().next().is_none()
        {
            let reason = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
            let words = format!("Required value: {reason}");
            self.found(node, "properties", words, "which fields?");
        }
        if level != Level::Root && !embedded {
            return;
        }
        for (name, wanted) in [
            ("kind", "string"),
            ("apiVersion", "string"),
            ("metadata", "object"),
        ] {
            let Some((_, field)) = properties().find(|(own, _)| *own == name) else {
                continue;
            };
            let given = kind(field).to_owned();
            if given != wanted {
                let words = format!("Invalid value: {given:?}: must be {wanted}");
                let step = format!(".properties[{name}]");
                self.below(&step, |walk| walk.found(field, "type", words, wanted));
            }
        }
        let metadata = properties().find(|(name, _)| *name == "metadata");
        if let Some((_, metadata)) = metadata.filter(|_| level == Level::Root)
            && has_more_than_names(metadata, self.faults.version())
        {
            let reason = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            self.forbid(node, "properties[metadata]", reason);
        }
    }

    /// `validateValueValidation`: `allOf` and its like restrict values and declare nothing.
    fn values(&mut self, node: &Node, skip_any_of: bool, skip_first_all_of: bool) {
        if let Some(pattern) = node.get("pattern").and_then(Node::as_str)
            && custom::is_no_pattern(pattern)
        {
            let words = format!(
                "Invalid value: {pattern:?}: must be a valid regular expression, but isn't"
            );
            self.found(node, "pattern", words, "a regular expression of Go");
        }
        for list in ["anyOf", "allOf", "oneOf"] {
            if list == "anyOf" && skip_any_of {
                continue;
            }
            for (index, item) in listed(node, list).iter().enumerate() {
                let skip = list == "allOf" && skip_first_all_of && index == 0;
                self.below(&format!(".{list}[{index}]"), |walk| walk.nested(item, skip));
            }
        }
        if let Some(not) = given(node, "not") {
            self.below(".not", |walk| walk.nested(not, false));
        }
    }

    /// `validateNestedValueValidation`.
    fn nested(&mut self, node: &Node, skip_any_of: bool) {
        if node.as_map().is_none() {
            return;
        }
        for (name, reason) in [
            ("type", "must be empty to be structural"),
            ("title", "must be empty to be structural"),
            ("description", "must be empty to be structural"),
            ("default", "must be undefined to be structural"),
            ("nullable", "must be false to be structural"),
            ("additionalProperties", "must be undefined to be structural"),
            (
                "x-kubernetes-preserve-unknown-fields",
                "must be false to be structural",
            ),
            (
                "x-kubernetes-embedded-resource",
                "must be false to be structural",
            ),
            (
                "x-kubernetes-int-or-string",
                "must be false to be structural",
            ),
            (
                "x-kubernetes-list-map-keys",
                "must be empty to be structural",
            ),
            (
                "x-kubernetes-list-type",
                "must be undefined to be structural",
            ),
            (
                "x-kubernetes-map-type",
                "must be undefined to be structural",
            ),
            ("x-kubernetes-validations", "must be empty to be structural"),
        ] {
            let is_set = given(node, name).is_some_and(|value| match name {
                "default"
                | "additionalProperties"
                | "x-kubernetes-list-type"
                | "x-kubernetes-map-type" => true,
                _ => {
                    value.as_str() != Some("")
                        && value.as_bool() != Some(false)
                        && value.as_seq().is_none_or(|items| !items.is_empty())
                }
            });
            if is_set {
                let words = format!("Forbidden: {reason}");
                self.found(node, name, words, "declare it outside of this restriction");
            }
        }
        if let Some(items) = given(node, "items") {
            self.below(".items", |walk| walk.nested(items, false));
        }
        for (name, inner) in named(node, "properties") {
            self.below(&format!(".properties[{name}]"), |walk| {
                walk.nested(inner, false);
            });
            if name == "metadata" {
                let reason = "must not be specified in a nested context";
                self.forbid(node, "properties[metadata]", reason);
            }
        }
        self.values(node, skip_any_of, false);
    }

    /// `validateStructuralCompleteness`: what the root's restrictions speak of is declared.
    pub(super) fn complete(&mut self, root: &Node) {
        self.all_complete(root, Some(root));
    }

    fn all_complete(&mut self, restricting: &Node, declared: Option<&Node>) {
        let lists = ["allOf", "anyOf", "oneOf"];
        let nested = lists.iter().flat_map(|list| listed(restricting, list));
        for inner in nested.chain(given(restricting, "not")) {
            self.is_complete(inner, declared);
        }
    }

    fn is_complete(&mut self, restricting: &Node, declared: Option<&Node>) {
        if restricting.as_map().is_none() {
            return;
        }
        let Some(node) = declared else {
            let words = "Required value: because it is defined in a restriction".to_owned();
            return self.found(
                restricting,
                "",
                words,
                "declare it outside of restrictions too",
            );
        };
        self.all_complete(restricting, declared);
        if let Some(items) = given(restricting, "items") {
            self.below(".items", |walk| {
                walk.is_complete(items, given(node, "items"));
            });
        }
        for (name, inner) in named(restricting, "properties") {
            let found = named(node, "properties").find(|(own, _)| *own == name);
            self.below(&format!(".properties[{name}]"), |walk| {
                walk.is_complete(inner, found.map(|(_, declared)| declared));
            });
        }
    }
}

/// The one form in which `type` may stand in a restriction: integer or string.
fn is_integer_or_string(items: &[Node]) -> bool {
    const SCHEMA: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
    let schema = tables(Version::newest()).object(SCHEMA);
    let counts = |entry: &&Entry| {
        let is_known = schema.is_some_and(|schema| schema.field(&entry.key).is_some());
        is_known && !is_nothing(&entry.key, &entry.value)
    };
    let only = |item: &Node, wanted: &str| {
        let mut entries = item.as_map().into_iter().flatten().filter(counts);
        let first = entries.next();
        first.is_some_and(|entry| entry.key == "type" && entry.value.as_str() == Some(wanted))
            && entries.next().is_none()
    };
    matches!(items, [first, second] if only(first, "integer") && only(second, "string"))
}

/// Whether the server, once it has read a schema, sees no difference to one without this field:
/// some empty lists and mappings are kept, others are not.
fn is_nothing(name: &str, value: &Node) -> bool {
    let kept = matches!(
        name,
        "properties" | "required" | "x-kubernetes-list-map-keys" | "x-kubernetes-validations"
    );
    match name {
        "items" => value.as_map().is_none(),
        "definitions" | "patternProperties" if value.as_map().is_some_and(Map::is_empty) => true,
        _ => {
            value.is_null()
                || value.as_str() == Some("")
                || value.as_bool() == Some(false)
                || !kept && value.as_seq().is_some_and(<[Node]>::is_empty)
        }
    }
}

/// Whether the schema of the root's metadata declares anything besides the two names.
fn has_more_than_names(metadata: &Node, version: Version) -> bool {
    let entries = metadata.as_map().into_iter().flatten();
    for entry in entries {
        let stray = match entry.key.as_str() {
            "type" | "default" => false,
            "properties" => {
                let mut names = named(metadata, "properties").map(|(name, _)| name);
                names.any(|name| !matches!(name, "name" | "generateName"))
            }
            // Until 1.35 an empty example is none.
            "example" if version.minor() <= 35 => !entry.value.as_map().is_some_and(Map::is_empty),
            name => !is_nothing(name, &entry.value),
        };
        if stray {
            return true;
        }
    }
    false
}
