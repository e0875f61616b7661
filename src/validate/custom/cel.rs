//! `x-kubernetes-validations`: rules in CEL, compiled once for each version of a definition.
//!
//! Built with the feature `cel`, which is on by default. Without it nothing is known of an object
//! that such rules concern.

pub(super) use imp::Rules;

#[cfg(feature = "cel")]
mod imp {
    use std::sync::OnceLock;

    use kube_cel::{CompiledSchema, compile_schema};

    use crate::manifest::json::to_json;
    use crate::manifest::{Diagnostic, Node};
    use crate::schema::Version;
    use crate::validate::server_says;

    /// The rules of a schema.
    pub(in crate::validate::custom) struct Rules {
        schema: Node,
        compiled: OnceLock<CompiledSchema>,
    }

    impl std::fmt::Debug for Rules {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Rules")
        }
    }

    impl Rules {
        pub(in crate::validate::custom) fn new(schema: &Node) -> Self {
            Self {
                schema: schema.clone(),
                compiled: OnceLock::new(),
            }
        }

        /// Evaluates the rules on an object that has its defaults; `old` is what an update
        /// changes, for rules that compare (`oldSelf`).
        ///
        /// # Errors
        /// Why nothing is known: a rule that this evaluator cannot compile or run.
        pub(in crate::validate::custom) fn check(
            &self,
            version: Version,
            root: &Node,
            old: Option<&Node>,
        ) -> Result<Vec<Diagnostic>, String> {
            let compiled = self
                .compiled
                .get_or_init(|| compile_schema(&to_json(&self.schema)));
            let (object, old) = (to_json(root), old.map(to_json));
            let validator = kube_cel::Validator::new();
            let Err(errors) = validator.validate_compiled(compiled, &object, old.as_ref()) else {
                return Ok(Vec::new());
            };
            let mut findings = Vec::new();
            for error in errors.as_slice() {
                use kube_cel::ErrorKind::{EvaluationError, ValidationFailure};
                // A rule that fails while it runs is one that is not kept, for the server too.
                if !matches!(error.kind, ValidationFailure | EvaluationError) {
                    let rule = &error.rule;
                    return Err(format!("the rule `{rule}` cannot be evaluated here"));
                }
                let mut path = error.field_path.as_str();
                if error.kind == EvaluationError {
                    // Only a rule that was evaluated points at its `fieldPath`.
                    path = without_own_path(&self.schema, &error.rule, path);
                }
                let mut field = String::new();
                let at = follow(root, Some(&self.schema), path, &mut field).span;
                let words = format!("Invalid value: {}", error.message);
                let finding = Diagnostic::error("cel-rule", error.message.clone())
                    .at(at, "")
                    .field(field)
                    .note(format!("the rule is `{}`", error.rule))
                    .note(server_says(version, words));
                findings.push(finding);
            }
            Ok(findings)
        }
    }

    /// A path without the `fieldPath` of the rule that it was made for.
    fn without_own_path<'p>(schema: &Node, rule: &str, path: &'p str) -> &'p str {
        let rules = schema
            .get("x-kubernetes-validations")
            .and_then(Node::as_seq);
        let own = rules.unwrap_or_default().iter().find_map(|node| {
            let same = node.get("rule").and_then(Node::as_str) == Some(rule);
            node.get("fieldPath")
                .and_then(Node::as_str)
                .filter(|_| same)
        });
        if let Some(rest) = own.and_then(|own| path.strip_suffix(own)) {
            return rest;
        }
        let below = ["items", "additionalProperties"].into_iter();
        let below = below.filter_map(|name| schema.get(name));
        let properties = schema.get("properties").and_then(Node::as_map).into_iter();
        let properties = properties.flatten().map(|entry| &entry.value);
        let mut found = below
            .chain(properties)
            .map(|node| without_own_path(node, rule, path));
        found.find(|rest| rest.len() < path.len()).unwrap_or(path)
    }

    /// Follows a path such as `spec.items[0].name` as far as there are values, and writes it as the
    /// server does: the keys of a mapping in brackets, the names of fields with dots. A key may
    /// have dots in it.
    fn follow<'n>(
        node: &'n Node,
        schema: Option<&Node>,
        path: &str,
        written: &mut String,
    ) -> &'n Node {
        let path = path.strip_prefix('.').unwrap_or(path);
        if let Some((index, rest)) = path.strip_prefix('[').and_then(|p| p.split_once(']'))
            && let Some(item) = index
                .parse()
                .ok()
                .and_then(|i: usize| node.as_seq()?.get(i))
        {
            let _ = std::fmt::Write::write_fmt(written, format_args!("[{index}]"));
            return follow(item, schema.and_then(|s| s.get("items")), rest, written);
        }
        let rest_of = |key: &str| {
            let rest = path.strip_prefix(key)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
        };
        let entries = node.as_map().into_iter().flatten();
        let fitting = entries.filter(|entry| rest_of(&entry.key).is_some());
        let Some(entry) = fitting.max_by_key(|entry| entry.key.len()) else {
            let dot = !path.is_empty() && !path.starts_with('[') && !written.is_empty();
            written.push_str(if dot { "." } else { "" });
            written.push_str(path);
            return node;
        };
        let (key, rest) = (entry.key.as_str(), rest_of(&entry.key).unwrap_or_default());
        let property = schema.and_then(|schema| schema.get("properties")?.get(key));
        let additional = schema.and_then(|schema| schema.get("additionalProperties"));
        let in_brackets = property.is_none() && additional.is_some();
        let form = match (in_brackets, written.is_empty()) {
            (true, _) => format!("[{key}]"),
            (false, true) => key.to_owned(),
            (false, false) => format!(".{key}"),
        };
        written.push_str(&form);
        follow(&entry.value, property.or(additional), rest, written)
    }

    #[cfg(test)]
    mod tests {
        use super::{follow, without_own_path};
        use crate::manifest::{Node, ReadOptions, Sources, read};

        fn node(text: &str) -> Node {
            let sources = Sources::new();
            let file = sources.add("a.yaml", text);
            let read = read::read_one(&sources, file, &ReadOptions::kubectl());
            read.unwrap().root
        }

        #[test]
        fn paths_are_written_as_the_server_writes_them() {
            let value = node("{spec: {ports: {a.b/c: [{x: 1}]}, name: z}}");
            let schema = node(
                "{properties: {spec: {properties: {name: {}, ports: {additionalProperties: {items: {properties: {x: {}}}}}}}}}",
            );
            for (path, wanted, found) in [
                ("spec.name", "spec.name", "z"),
                (".spec.name", "spec.name", "z"),
                ("spec.ports.a.b/c[0].x", "spec.ports[a.b/c][0].x", "1"),
                ("spec.other.x", "spec.other.x", ""),
            ] {
                let mut written = String::new();
                let at = follow(&value, Some(&schema), path, &mut written);
                assert_eq!(written, wanted);
                assert_eq!(at.scalar_text().unwrap_or_default(), found, "{path}");
            }
        }

        #[test]
        fn a_rule_that_cannot_be_evaluated_has_no_path_of_its_own() {
            let schema = node(
                "{properties: {spec: {x-kubernetes-validations: [{rule: self.a > 1, fieldPath: .a}]}}}",
            );
            assert_eq!(without_own_path(&schema, "self.a > 1", "spec.a"), "spec");
            assert_eq!(without_own_path(&schema, "self.b", "spec.a"), "spec.a");
        }
    }
}

#[cfg(not(feature = "cel"))]
mod imp {
    use crate::manifest::{Diagnostic, Node};
    use crate::schema::Version;

    /// The rules of a schema, which this build cannot evaluate.
    #[derive(Debug)]
    pub(in crate::validate::custom) struct Rules;

    impl Rules {
        pub(in crate::validate::custom) fn new(_schema: &Node) -> Self {
            Self
        }

        pub(in crate::validate::custom) fn check(
            &self,
            _version: Version,
            _root: &Node,
            _old: Option<&Node>,
        ) -> Result<Vec<Diagnostic>, String> {
            Err("rules in CEL are not evaluated by this build (feature `cel`)".to_owned())
        }
    }
}
