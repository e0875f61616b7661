//! CustomResourceDefinitions: names, versions, and schemas that are structural
//! (`apiextensions-apiserver/pkg/apis/apiextensions/validation`, `pkg/apiserver/schema`).

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// `validateCustomResourceDefinitionSpec`.
pub(super) fn spec(faults: &mut Faults<'_>, view: View<'_>) {
    let group = view.text("group");
    if !group.is_empty() {
        refuse_form(faults, view, "group", Form::DnsSubdomain, group);
        if !group.contains('.') && Form::DnsSubdomain.fault(group, faults.version()).is_none() {
            let reason = "should be a domain with at least one dot";
            view.invalid(
                faults,
                "invalid-name",
                "group",
                "such as `example.com`",
                reason,
            );
        }
    }
    names(faults, view);
    versions(faults, view);
    if view.bool("preserveUnknownFields") == Some(true) {
        let reason = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        view.invalid(
            faults,
            "forbidden-field",
            "preserveUnknownFields",
            reason,
            reason,
        );
    }
    let wanted = format!(
        "{}.{group}",
        view.find(&["names", "plural"])
            .and_then(Node::as_str)
            .unwrap_or_default()
    );
    let name = faults.context().name.clone();
    if !name.is_empty() && name != wanted {
        let finding = Finding {
            rule: "invalid-name",
            message: format!("the name cannot be `{name}`"),
            remark: "`spec.names.plural`, a dot and `spec.group`",
            words: format!("Invalid value: {name:?}: must be spec.names.plural+\".\"+spec.group"),
        };
        faults.found("metadata.name".to_owned(), view.span("names"), finding);
    }
}

fn names(faults: &mut Faults<'_>, view: View<'_>) {
    let text = |name: &str| {
        view.find(&["names", name])
            .and_then(Node::as_str)
            .unwrap_or_default()
    };
    for name in ["plural", "singular"] {
        let value = text(name);
        if !value.is_empty() {
            refuse_form(
                faults,
                view,
                &format!("names.{name}"),
                Form::Dns1035Label,
                value,
            );
        }
    }
    for name in ["kind", "listKind"] {
        let value = text(name);
        if !value.is_empty()
            && let Some(words) = Form::Dns1035Label.fault(&value.to_lowercase(), faults.version())
        {
            let path = format!("names.{name}");
            let reason = format!("may have mixed case, but should otherwise match: {words}");
            view.invalid(
                faults,
                "invalid-name",
                &path,
                "letters, digits and `-`",
                reason,
            );
        }
    }
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        let reason = "kind and listKind may not be the same";
        view.invalid(
            faults,
            "conflicting-fields",
            "names.listKind",
            reason,
            reason,
        );
    }
    for list in ["shortNames", "categories"] {
        let items = view
            .find(&["names", list])
            .and_then(Node::as_seq)
            .unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let value = item.as_str().unwrap_or_default();
            let path = format!("names.{list}[{index}]");
            refuse_form(faults, view, &path, Form::Dns1035Label, value);
        }
    }
}

fn versions(faults: &mut Faults<'_>, view: View<'_>) {
    let versions = view.items("versions");
    if versions.is_empty() {
        return;
    }
    let name = |node: &'_ Node| node.get("name").and_then(Node::as_str).map(str::to_owned);
    let mut seen: Vec<String> = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        let name = name(version).unwrap_or_default();
        let path = format!("versions[{index}].name");
        if !name.is_empty() {
            refuse_form(faults, view, &path, Form::Dns1035Label, &name);
        }
        if seen.contains(&name) {
            let reason = "must contain unique version names";
            view.invalid(faults, "duplicate-value", "versions", reason, reason);
        }
        seen.push(name);
        if version
            .at(&["schema", "openAPIV3Schema"])
            .is_none_or(Node::is_null)
        {
            let path = format!("versions[{index}].schema.openAPIV3Schema");
            view.required(faults, &path, "every version has a schema", "");
        }
    }
    let stored = |version: &&Node| version.get("storage").and_then(Node::as_bool) == Some(true);
    if versions.iter().filter(stored).count() != 1 {
        let reason = "must have exactly one version marked as storage version";
        let remark = "`storage: true` in exactly one version";
        view.invalid(faults, "storage-version", "versions", remark, reason);
    }
}

/// A version: its columns, and where it scales.
pub(super) fn version(faults: &mut Faults<'_>, view: View<'_>) {
    for name in [
        "specReplicasPath",
        "statusReplicasPath",
        "labelSelectorPath",
    ] {
        let path = view
            .find(&["subresources", "scale", name])
            .and_then(Node::as_str);
        if let Some(path) = path.filter(|path| !path.is_empty() && !path.starts_with('.')) {
            let remark = format!("did you mean `.{path}`?");
            let reason = "must be a simple json path starting with .";
            let path = format!("subresources.scale.{name}");
            view.invalid(faults, "invalid-json-path", &path, &remark, reason);
        }
    }
    for (index, column) in view.items("additionalPrinterColumns").iter().enumerate() {
        let kind = column
            .get("type")
            .and_then(Node::as_str)
            .unwrap_or_default();
        const KINDS: &[&str] = &["boolean", "date", "integer", "number", "string"];
        if !kind.is_empty() && !KINDS.contains(&kind) {
            let reason = "must be one of boolean,date,integer,number,string";
            let path = format!("additionalPrinterColumns[{index}].type");
            view.invalid(faults, "unsupported-value", &path, reason, reason);
        }
        let path = column
            .get("jsonPath")
            .and_then(Node::as_str)
            .unwrap_or_default();
        if !path.is_empty() && !path.starts_with('.') {
            let remark = format!("did you mean `.{path}`?");
            let finding = Finding {
                rule: "invalid-json-path",
                message: format!("`jsonPath` cannot be `{path}`"),
                remark: &remark,
                words: format!(
                    "Invalid value: {path:?}: must be a simple json path starting with ."
                ),
            };
            let span = column.get("jsonPath").map_or(view.at, |node| node.span);
            // The server calls the field so, and names a version only when there are several.
            let field = match faults.context().versions {
                1 => format!("spec.additionalPrinterColumns[{index}].JSONPath"),
                _ => format!("{}.additionalPrinterColumns[{index}].JSONPath", view.place),
            };
            faults.found(field, span, finding);
        }
    }
}

/// Where a schema stands in another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// The schema of a version (`ValidateStructural`). With one version the server names another path.
pub(super) fn schema(faults: &mut Faults<'_>, view: View<'_>) {
    let Some(root) = view
        .get("openAPIV3Schema")
        .filter(|node| node.as_map().is_some())
    else {
        return;
    };
    let path = match faults.context().versions {
        1 => "spec.validation.openAPIV3Schema".to_owned(),
        _ => format!("{}.openAPIV3Schema", view.place),
    };
    let mut walk = Walk { faults, path };
    walk.schema(root, Level::Root);
}

struct Walk<'w, 'f> {
    faults: &'w mut Faults<'f>,
    path: String,
}

fn flag(node: &Node, name: &str) -> bool {
    node.get(name).and_then(Node::as_bool) == Some(true)
}

fn kind(node: &Node) -> &str {
    node.get("type").and_then(Node::as_str).unwrap_or_default()
}

impl Walk<'_, '_> {
    /// Checks below a step of the path.
    fn below(&mut self, step: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        check(self);
        self.path.truncate(length);
    }

    fn found(&mut self, node: &Node, step: &str, words: String, remark: &str) {
        let span = node
            .as_map()
            .and_then(|map| map.iter().next())
            .map_or(node.span, |e| e.key_span);
        let span = node.get(step).map_or(span, |given| given.span);
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
        self.faults.found(field, span, finding);
    }

    /// A schema outside of value validation.
    fn schema(&mut self, node: &Node, level: Level) {
        // null is a schema without anything.
        if node.as_map().is_none() && (!node.is_null() || level != Level::Field) {
            return;
        }
        // A `type` that is no text is told by the decoder.
        let is_read = |node: &Node| node.as_str().is_some() || node.is_null();
        if node.get("type").is_none_or(is_read) {
            self.of_type(node, level);
        }
        let preserve = "x-kubernetes-preserve-unknown-fields";
        if node.get(preserve).and_then(Node::as_bool) == Some(false) {
            let words = "Invalid value: false: must be true or undefined".to_owned();
            self.found(node, preserve, words, "leave it out");
        }
        if node.get("uniqueItems").and_then(Node::as_bool) == Some(true) {
            let words = "Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic".to_owned();
            self.found(
                node,
                "uniqueItems",
                words,
                "`x-kubernetes-list-type: set` says so",
            );
        }
        if kind(node) == "array" && node.get("items").is_none_or(Node::is_null) {
            self.found(
                node,
                "items",
                "Required value: must be specified".to_owned(),
                "of what?",
            );
        }
        if let Some(items) = node.get("items") {
            self.below(".items", |walk| walk.schema(items, Level::Item));
        }
        for entry in node
            .get("properties")
            .and_then(Node::as_map)
            .into_iter()
            .flatten()
        {
            let step = format!(".properties[{}]", entry.key);
            self.below(&step, |walk| walk.schema(&entry.value, Level::Field));
        }
        let additional = node
            .get("additionalProperties")
            .filter(|node| !node.is_null());
        if let Some(additional) = additional {
            if level == Level::Root {
                let words = "Forbidden: must not be used at the root".to_owned();
                self.found(node, "additionalProperties", words, "name the properties");
            }
            self.below(".additionalProperties", |walk| {
                walk.schema(additional, Level::Field);
            });
        }
        self.list_type(node);
        let checks = level == Level::Root || flag(node, "x-kubernetes-embedded-resource");
        self.implied(node, checks);
        self.values(node);
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

    /// A list that is kept by key names properties of its items.
    fn list_type(&mut self, node: &Node) {
        const KEYS: &str = "x-kubernetes-list-map-keys";
        let keys = node.get(KEYS).and_then(Node::as_seq).unwrap_or_default();
        let list_type = node.get("x-kubernetes-list-type").and_then(Node::as_str);
        if list_type != Some("map") {
            return;
        }
        if keys.is_empty() {
            let words = "Required value: must not be empty if x-kubernetes-list-type is map";
            return self.found(
                node,
                KEYS,
                words.to_owned(),
                "which properties are the key?",
            );
        }
        let properties = node.at(&["items", "properties"]).and_then(Node::as_map);
        let known = |key: &Node| {
            let key = key.as_str().unwrap_or_default();
            properties.is_some_and(|properties| properties.contains_key(key))
        };
        if !keys.iter().all(known) {
            let shown = node.get(KEYS).map(crate::manifest::json::to_go_json);
            let words = format!(
                "Invalid value: {}: entries must all be names of item properties",
                shown.unwrap_or_default()
            );
            self.found(node, KEYS, words, "a property of the items");
        }
    }

    /// The fields that every object has.
    fn implied(&mut self, node: &Node, checks: bool) {
        if !checks {
            return;
        }
        for (name, wanted) in [
            ("kind", "string"),
            ("apiVersion", "string"),
            ("metadata", "object"),
        ] {
            let Some(field) = node.at(&["properties", name]) else {
                continue;
            };
            let given = kind(field).to_owned();
            if given != wanted {
                let words = format!("Invalid value: {given:?}: must be {wanted}");
                let step = format!(".properties[{name}]");
                self.below(&step, |walk| walk.found(field, "type", words, wanted));
            }
        }
    }

    /// `allOf` and its like restrict values and declare nothing.
    fn values(&mut self, node: &Node) {
        if let Some(pattern) = node.get("pattern").and_then(Node::as_str)
            && pattern_is_broken(pattern)
        {
            let words = format!(
                "Invalid value: {pattern:?}: must be a valid regular expression, but isn't"
            );
            self.found(node, "pattern", words, "a regular expression of Go");
        }
        let int_or_string = flag(node, "x-kubernetes-int-or-string");
        for list in ["allOf", "anyOf", "oneOf"] {
            let items = node.get(list).and_then(Node::as_seq).unwrap_or_default();
            for (index, item) in items.iter().enumerate() {
                // The one exception: `anyOf` of integer and string.
                if int_or_string {
                    continue;
                }
                self.below(&format!(".{list}[{index}]"), |walk| walk.nested(item));
            }
        }
        if let Some(not) = node.get("not") {
            self.below(".not", |walk| walk.nested(not));
        }
    }

    fn nested(&mut self, node: &Node) {
        if node.as_map().is_none() {
            return;
        }
        for name in [
            "type",
            "title",
            "description",
            "default",
            "nullable",
            "additionalProperties",
            "x-kubernetes-preserve-unknown-fields",
            "x-kubernetes-embedded-resource",
            "x-kubernetes-int-or-string",
        ] {
            let given = node.get(name).filter(|node| !node.is_null());
            let zero = |node: &Node| node.as_str() == Some("") || node.as_bool() == Some(false);
            if given.is_some_and(|given| name == "default" || !zero(given)) {
                let reason = match name {
                    "additionalProperties" | "default" => "must be undefined to be structural",
                    "nullable"
                    | "x-kubernetes-preserve-unknown-fields"
                    | "x-kubernetes-embedded-resource"
                    | "x-kubernetes-int-or-string" => "must be false to be structural",
                    _ => "must be empty to be structural",
                };
                let words = format!("Forbidden: {reason}");
                self.found(node, name, words, "declare it outside of this restriction");
            }
        }
        if let Some(items) = node.get("items") {
            self.below(".items", |walk| walk.nested(items));
        }
        for entry in node
            .get("properties")
            .and_then(Node::as_map)
            .into_iter()
            .flatten()
        {
            let step = format!(".properties[{}]", entry.key);
            self.below(&step, |walk| walk.nested(&entry.value));
        }
        self.values(node);
    }
}

/// Whether a pattern is certainly no regular expression: neither here nor in Go.
fn pattern_is_broken(pattern: &str) -> bool {
    matches!(regex::Regex::new(pattern), Err(regex::Error::Syntax(_))) && unbalanced(pattern)
}

/// Whether brackets or parentheses are not closed: what no dialect accepts.
fn unbalanced(pattern: &str) -> bool {
    let (mut depth, mut class, mut escaped) = (0_i32, false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                continue;
            }
            '\\' => escaped = true,
            ']' if class => class = false,
            _ if class => {}
            '[' => class = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return true;
        }
    }
    depth != 0 || class || escaped
}
