//! What the server supports of JSON Schema at all, how lists and maps are merged, and that defaults
//! keep their schemas (`pkg/apis/apiextensions/validation` and
//! `pkg/apiserver/schema/defaulting` of k8s.io/apiextensions-apiserver 1.37).

use super::structural::{Walk, flag, given, kind, listed, named};
use crate::manifest::{Node, Value};
use crate::validate::custom;
use crate::validate::view::Finding;

impl Walk<'_, '_> {
    /// `ValidateDefaults`: each default keeps the schema that it stands in.
    pub(super) fn defaults(&mut self, node: &Node) {
        if node.as_map().is_none() {
            return;
        }
        if let Some(default) = given(node, "default") {
            self.embedded_default(node, default);
            let version = self.faults.version();
            for (below, words, span) in custom::default_faults(version, node, default) {
                let field = format!("{}.default{below}", self.path);
                self.count += 1;
                let finding = Finding {
                    rule: "invalid-default",
                    message: "this default does not keep its own schema".to_owned(),
                    remark: "",
                    words,
                };
                self.faults.found(field, span, finding);
            }
        }
        if let Some(items) = given(node, "items") {
            self.below(".items", |walk| walk.defaults(items));
        }
        for (name, inner) in named(node, "properties") {
            self.below(&format!(".properties[{name}]"), |walk| walk.defaults(inner));
        }
        if let Some(additional) = given(node, "additionalProperties") {
            self.below(".additionalProperties", |walk| walk.defaults(additional));
        }
    }

    /// A default that is an object of its own says what it is.
    fn embedded_default(&mut self, node: &Node, default: &Node) {
        if !flag(node, "x-kubernetes-embedded-resource") || default.as_map().is_none() {
            return;
        }
        for name in ["apiVersion", "kind"] {
            if given(default, name).is_none() {
                self.count += 1;
                let finding = Finding {
                    rule: "invalid-default",
                    message: format!("this default has no `{name}`"),
                    remark: "an object has it",
                    words: "Required value: must not be empty".to_owned(),
                };
                let field = format!("{}.default.{name}", self.path);
                self.faults.found(field, default.span, finding);
            }
        }
    }

    /// `ValidateCustomResourceDefinitionOpenAPISchema` without its rules: what is supported at
    /// all. `defaults` tells why none may stand here.
    pub(super) fn supported(&mut self, node: &Node, defaults: Option<&str>, in_metadata: bool) {
        if let Some(where_) = defaults
            && given(node, "default").is_some()
        {
            self.forbid(node, "default", &format!("must not be set {where_}"));
        }
        for name in [
            "id",
            "additionalItems",
            "patternProperties",
            "definitions",
            "dependencies",
            "$ref",
        ] {
            let is_set = given(node, name).is_some_and(|value| match (name, &value.value) {
                ("id", _) => value.as_str() != Some(""),
                ("patternProperties" | "definitions", Value::Map(map)) => {
                    map.iter().next().is_some()
                }
                _ => true,
            });
            if is_set {
                self.forbid(node, name, &format!("{name} is not supported"));
            }
        }
        if given(node, "$schema")
            .and_then(Node::as_str)
            .is_some_and(|text| !text.is_empty())
        {
            // Said of the whole schema, not of this part.
            let end = self.path.find("openAPIV3Schema").unwrap_or(0) + "openAPIV3Schema".len();
            let finding = Finding {
                rule: "structural-schema",
                message: "`$schema` makes this schema not structural".to_owned(),
                remark: "leave it out",
                words: "Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported".to_owned(),
            };
            let field = self.path.get(..end).unwrap_or(&self.path).to_owned();
            let span = given(node, "$schema").map_or(node.span, |text| text.span);
            self.count += 1;
            self.faults.found(field, span, finding);
        }
        if kind(node) == "null" {
            let reason = "type cannot be set to null, use nullable as an alternative";
            self.forbid(node, "type", reason);
        }
        if given(node, "items").is_some_and(|items| items.as_seq().is_some_and(|s| !s.is_empty())) {
            let reason = "items must be a schema object and not an array";
            self.forbid(node, "items", reason);
        }
        if in_metadata && flag(node, "x-kubernetes-embedded-resource") {
            let reason = "must not be used inside of resource meta";
            self.forbid(node, "x-kubernetes-embedded-resource", reason);
        }
        if flag(node, "uniqueItems") {
            let reason =
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.forbid(node, "uniqueItems", reason);
        }
        if let Some(additional) = given(node, "additionalProperties")
            && named(node, "properties").next().is_some()
            && additional.as_bool() != Some(true)
        {
            let reason = "additionalProperties and properties are mutual exclusive";
            self.forbid(node, "additionalProperties", reason);
        }
        let preserve = "x-kubernetes-preserve-unknown-fields";
        if node.get(preserve).and_then(Node::as_bool) == Some(false) {
            let words = "Invalid value: false: must be true or undefined".to_owned();
            self.found(node, preserve, words, "leave it out");
        }
        self.topology(node);
    }

    /// How maps and lists are merged.
    fn topology(&mut self, node: &Node) {
        const LIST: &str = "x-kubernetes-list-type";
        const MAP: &str = "x-kubernetes-map-type";
        const KEYS: &str = "x-kubernetes-list-map-keys";
        let text = |name: &str| given(node, name).and_then(Node::as_str);
        for (name, wanted) in [(MAP, "object"), (LIST, "array")] {
            if text(name).is_some() && kind(node) != wanted {
                let reason = format!("must be {wanted} if {name} is specified");
                let words = match kind(node) {
                    "" => format!("Required value: {reason}"),
                    other => format!("Invalid value: {other:?}: {reason}"),
                };
                self.found(node, "type", words, &reason);
            }
        }
        let items = given(node, "items").filter(|items| items.as_map().is_some());
        if let (Some("set"), "array", Some(items)) = (text(LIST), kind(node), items) {
            self.atomic_items(node, items);
        }
        let keys = listed(node, KEYS);
        if !keys.is_empty() && text(LIST) != Some("map") {
            let reason = format!("must be map if {KEYS} is non-empty");
            let words = match text(LIST) {
                None => format!("Required value: {reason}"),
                Some(other) => format!("Invalid value: {other:?}: {reason}"),
            };
            self.found(node, LIST, words, &reason);
        }
        if matches!(text(LIST), Some("set" | "map"))
            && let Some(items) = items.filter(|items| flag(items, "nullable"))
        {
            let reason = format!(
                "cannot be nullable when {LIST} is {}",
                text(LIST).unwrap_or_default()
            );
            self.below(".items", |walk| walk.forbid(items, "nullable", &reason));
        }
        if text(LIST) == Some("map") {
            self.keyed(node, items, keys);
        }
    }

    fn atomic_items(&mut self, node: &Node, items: &Node) {
        let (name, is_wrong) = match kind(items) {
            "array" => {
                let list = given(items, "x-kubernetes-list-type").and_then(Node::as_str);
                (
                    "x-kubernetes-list-type",
                    list.is_some_and(|list| list != "atomic"),
                )
            }
            "object" => {
                let map = given(items, "x-kubernetes-map-type").and_then(Node::as_str);
                ("x-kubernetes-map-type", map != Some("atomic"))
            }
            _ => return,
        };
        let _ = node;
        if is_wrong {
            let reason = "must be atomic as item of a list with x-kubernetes-list-type=set";
            let words = format!("Invalid value: null: {reason}");
            self.below(".items", |walk| walk.found(items, name, words, reason));
        }
    }

    /// A list that is kept by key names properties of its items.
    fn keyed(&mut self, node: &Node, items: Option<&Node>, keys: &[Node]) {
        const KEYS: &str = "x-kubernetes-list-map-keys";
        if keys.is_empty() {
            let words = "Required value: must not be empty if x-kubernetes-list-type is map";
            self.found(
                node,
                KEYS,
                words.to_owned(),
                "which properties are the key?",
            );
        }
        let Some(items) = items else {
            let words = match given(node, "items") {
                None => "Required value: must have a schema if x-kubernetes-list-type is map",
                Some(_) => {
                    "Invalid value: must only have a single schema if x-kubernetes-list-type is map"
                }
            };
            return self.found(node, "items", words.to_owned(), "one schema");
        };
        if kind(items) != "object" {
            let reason = "must be object if parent array's x-kubernetes-list-type is map";
            let words = format!("Invalid value: {:?}: {reason}", kind(items));
            self.below(".items", |walk| walk.found(items, "type", words, reason));
        }
        let shown = || {
            given(node, KEYS)
                .map(crate::manifest::json::to_go_json)
                .unwrap_or_default()
        };
        let mut seen = Vec::new();
        for key in keys {
            let key = key.as_str().unwrap_or_default();
            let property = named(items, "properties").find(|(name, _)| *name == key);
            if seen.contains(&key) {
                let words = format!(
                    "Invalid value: {}: must not contain duplicate entries",
                    shown()
                );
                self.found(node, KEYS, words, "each key once");
            }
            seen.push(key);
            let Some((_, property)) = property else {
                if kind(items) == "object" {
                    let words = format!(
                        "Invalid value: {}: entries must all be names of item properties",
                        shown()
                    );
                    self.found(node, KEYS, words, "a property of the items");
                }
                continue;
            };
            let required = listed(items, "required")
                .iter()
                .any(|name| name.as_str() == Some(key));
            self.below(&format!(".items.properties[{key}]"), |walk| {
                if matches!(kind(property), "array" | "object") && kind(items) == "object" {
                    let reason = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                    let words = format!("Invalid value: {:?}: {reason}", kind(property));
                    walk.found(property, "type", words, reason);
                }
                if !required && given(property, "default").is_none() {
                    let reason = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                    walk.found(property, "default", format!("Required value: {reason}"), reason);
                }
                if flag(property, "nullable") {
                    let reason = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                    walk.forbid(property, "nullable", reason);
                }
            });
        }
    }
}
