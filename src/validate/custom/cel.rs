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
                let at = node_at(root, &error.field_path).span;
                let words = format!("Invalid value: {}", error.message);
                let finding = Diagnostic::error("cel-rule", error.message.clone())
                    .at(at, "")
                    .field(error.field_path.clone())
                    .note(format!("the rule is `{}`", error.rule))
                    .note(server_says(version, words));
                findings.push(finding);
            }
            Ok(findings)
        }
    }

    /// The value at a path such as `spec.items[0].name`, as far as it can be followed.
    fn node_at<'n>(root: &'n Node, path: &str) -> &'n Node {
        let mut node = root;
        for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
            let index = step.parse::<usize>().ok();
            let item = index.and_then(|index| node.as_seq()?.get(index));
            let Some(next) = item.or_else(|| node.get(step)) else {
                break;
            };
            node = next;
        }
        node
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
