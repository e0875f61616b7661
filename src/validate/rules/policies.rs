//! Admission policies and their bindings (`pkg/apis/admissionregistration/validation`).

use super::admission;
use super::expressions::compile;
use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::cel::{Env, Wanted, is_word};
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// The longest expression of an audit annotation.
const ANNOTATION_MAX: usize = 5 * 1024;

/// `validateValidatingAdmissionPolicySpec`.
pub(super) fn validating(faults: &mut Faults<'_>, view: View<'_>) {
    constraints(faults, view);
    let params = view.get("paramKind").is_some();
    let mut env = Env::admission(params, true);
    if !view.items("variables").is_empty() {
        env = env.with_variables();
    }
    variables(faults, view, &mut env);
    let messages = || Env::admission(params, false);
    let validations = view.items("validations");
    if validations.is_empty() && view.items("auditAnnotations").is_empty() {
        let reason = "validations or auditAnnotations must contain at least one item";
        view.required(faults, "validations", "what is checked?", reason);
        view.required(faults, "auditAnnotations", "what is checked?", reason);
    }
    let composed = !view.items("variables").is_empty();
    for (index, item) in validations.iter().enumerate() {
        let path = |name: &str| format!("validations[{index}].{name}");
        let text = |name: &str| item.get(name).and_then(Node::as_str).unwrap_or_default();
        let expression = text("expression");
        if !expression.trim().is_empty() {
            compile(
                faults,
                view,
                &path("expression"),
                expression,
                &env,
                Wanted::Bool,
            );
        } else if !expression.is_empty() {
            let reason = "expression is not specified";
            view.required(faults, &path("expression"), reason, reason);
        }
        let message = text("messageExpression");
        if !message.trim().is_empty() {
            let mut own = messages();
            if composed {
                own = own.with_variables_of(&env);
            }
            compile(
                faults,
                view,
                &path("messageExpression"),
                message,
                &own,
                Wanted::Text,
            );
        } else if !message.is_empty() {
            blank(faults, view, &path("messageExpression"));
        }
        let message = text("message");
        if !message.is_empty() && message.trim().is_empty() {
            blank(faults, view, &path("message"));
        } else if message.trim().contains(['\n', '\r']) {
            let reason = "must not contain line breaks";
            view.invalid(faults, "invalid-text", &path("message"), reason, reason);
        }
    }
    annotations(faults, view, &env);
}

fn blank(faults: &mut Faults<'_>, view: View<'_>, path: &str) {
    let reason = "must be non-empty if specified";
    view.invalid(faults, "invalid-text", path, reason, reason);
}

fn annotations(faults: &mut Faults<'_>, view: View<'_>, env: &Env) {
    let items = view.items("auditAnnotations");
    if items.len() > 20 {
        let reason = "must not have more than 20 auditAnnotations";
        view.invalid(faults, "too-many", "auditAnnotations", "at most 20", reason);
    }
    let policy = faults.context().name.clone();
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = |name: &str| format!("auditAnnotations[{index}].{name}");
        let text = |name: &str| item.get(name).and_then(Node::as_str).unwrap_or_default();
        let key = text("key");
        let full = format!("{policy}/{key}");
        if policy.is_empty() {
            let reason = "requires metadata.name be non-empty";
            view.invalid(faults, "invalid-key", &path("key"), reason, reason);
        } else if let Some(words) = Form::LabelKey.fault(&full, faults.version()) {
            let finding = Finding {
                rule: "invalid-key",
                message: format!("`{key}` is no key of an audit annotation"),
                remark: "the policy's name, `/` and this make a key as annotations have",
                words: format!("Invalid value: {full:?}: {words}"),
            };
            view.refuse(faults, &path("key"), finding);
        }
        if seen.contains(&key) {
            view.duplicate(faults, &path("key"), "another annotation has this key");
        }
        seen.push(key);
        let value = text("valueExpression").trim();
        if value.len() > ANNOTATION_MAX {
            let reason = format!("must not exceed {ANNOTATION_MAX} bytes in length");
            view.required(faults, &path("valueExpression"), &reason, &reason);
        } else if !value.is_empty() {
            let path = path("valueExpression");
            compile(faults, view, &path, value, env, Wanted::TextOrNull);
        } else if item
            .get("valueExpression")
            .is_some_and(|node| !node.is_null() && !text("valueExpression").is_empty())
        {
            let reason = "valueExpression is not specified";
            view.required(faults, &path("valueExpression"), reason, reason);
        }
    }
}

/// `validateMutatingAdmissionPolicySpec`.
pub(super) fn mutating(faults: &mut Faults<'_>, view: View<'_>) {
    constraints(faults, view);
    mutated_operations(faults, view, "matchConstraints");
    let params = view.get("paramKind").is_some();
    let mut env = Env::admission(params, true).with_variables();
    variables(faults, view, &mut env);
    let env = env.with_patches();
    for (index, item) in view.items("mutations").iter().enumerate() {
        let path = |name: &str| format!("mutations[{index}].{name}");
        let kind = item
            .get("patchType")
            .and_then(Node::as_str)
            .unwrap_or_default();
        let (own, other, wanted) = match kind {
            "JSONPatch" => ("jsonPatch", "applyConfiguration", Wanted::Patches),
            "ApplyConfiguration" => ("applyConfiguration", "jsonPatch", Wanted::Patch),
            _ => continue,
        };
        let given = |name: &str| item.get(name).filter(|node| !node.is_null());
        match given(own) {
            None => {
                let reason = format!("must be specified when patchType is {kind}");
                view.required(faults, &path(own), &reason, &reason);
            }
            Some(patch) => {
                let text = patch.get("expression").and_then(Node::as_str);
                let text = text.unwrap_or_default().trim();
                if !text.is_empty() {
                    let path = format!("{}.expression", path(own));
                    compile(faults, view, &path, text, &env, wanted);
                } else if patch
                    .get("expression")
                    .and_then(Node::as_str)
                    .is_some_and(|text| !text.is_empty())
                {
                    view.required(
                        faults,
                        &format!("{}.expression", path(own)),
                        "what is changed?",
                        "",
                    );
                }
            }
        }
        if given(other).is_some() {
            let reason = format!("must not be specified when patchType is {kind}");
            view.invalid(faults, "conflicting-fields", &path(other), &reason, &reason);
        }
    }
}

/// What is deleted cannot be changed.
fn mutated_operations(faults: &mut Faults<'_>, view: View<'_>, resources: &str) {
    let rules = view
        .find(&[resources, "resourceRules"])
        .and_then(Node::as_seq);
    for rule in rules.unwrap_or_default() {
        let operations = rule.get("operations").and_then(Node::as_seq);
        for operation in operations.unwrap_or_default() {
            let text = operation.as_str().unwrap_or_default();
            if !matches!(text, "*" | "CONNECT" | "CREATE" | "UPDATE") {
                let finding = Finding {
                    rule: "unsupported-value",
                    message: format!("`{text}` cannot be mutated"),
                    remark: "`CREATE`, `UPDATE`, `CONNECT` or `*`",
                    words: format!(
                        "Unsupported value: {text:?}: supported values: \"*\", \"CONNECT\", \"CREATE\", \"UPDATE\""
                    ),
                };
                let path = format!("{resources}.resourceRules.operations");
                view.refuse_at(faults, &path, operation.span, finding);
            }
        }
    }
}

/// What a policy is for: its parameters, what it matches, and on which conditions.
fn constraints(faults: &mut Faults<'_>, view: View<'_>) {
    param_kind(faults, view);
    let rules = view
        .find(&["matchConstraints", "resourceRules"])
        .and_then(Node::as_seq);
    if view.get("matchConstraints").is_some() && rules.unwrap_or_default().is_empty() {
        let path = "matchConstraints.resourceRules";
        view.required(faults, path, "which resources?", "");
    }
    let params = view.get("paramKind").is_some();
    admission::match_conditions(faults, view, &Env::admission(params, true));
}

/// `validateParamKind`.
fn param_kind(faults: &mut Faults<'_>, view: View<'_>) {
    let text = |name| {
        view.find(&["paramKind", name])
            .and_then(Node::as_str)
            .unwrap_or_default()
    };
    let version = text("apiVersion");
    if !version.is_empty() {
        let path = "paramKind.apiVersion";
        let parts: Vec<&str> = version.split('/').collect();
        match parts[..] {
            _ if version == "/" => {
                let reason = "version must be specified";
                view.invalid(faults, "invalid-name", path, reason, reason);
            }
            [own] => refuse_form(faults, view, path, Form::Dns1035Label, own),
            [group, own] => {
                if !group.is_empty() {
                    refuse_form(faults, view, path, Form::DnsSubdomain, group);
                }
                match own {
                    "" => {
                        let reason = "version must be specified";
                        view.invalid(faults, "invalid-name", path, reason, reason);
                    }
                    own => refuse_form(faults, view, path, Form::Dns1035Label, own),
                }
            }
            _ => {
                let reason = format!("unexpected GroupVersion string: {version}");
                view.invalid(faults, "invalid-name", path, "`group/version`", reason);
            }
        }
    }
    let kind = text("kind");
    if !kind.is_empty()
        && let Some(words) = Form::Dns1035Label.fault(&kind.to_lowercase(), faults.version())
    {
        let reason = format!("may have mixed case, but should otherwise match: {words}");
        view.invalid(
            faults,
            "invalid-name",
            "paramKind.kind",
            "letters and digits",
            reason,
        );
    }
}

fn variables(faults: &mut Faults<'_>, view: View<'_>, env: &mut Env) {
    for (index, item) in view.items("variables").iter().enumerate() {
        let path = |name: &str| format!("variables[{index}].{name}");
        let text = |name: &str| item.get(name).and_then(Node::as_str).unwrap_or_default();
        let name = text("name");
        if !name.is_empty() && name.trim().is_empty() {
            view.required(faults, &path("name"), "a name", "name is not specified");
        } else if !name.is_empty() && !is_identifier(name) {
            let reason = "must be a valid CEL identifier";
            view.invalid(
                faults,
                "invalid-name",
                &path("name"),
                "letters, digits and `_`",
                reason,
            );
        }
        let expression = text("expression");
        if !expression.trim().is_empty() {
            let checked = compile(
                faults,
                view,
                &path("expression"),
                expression,
                env,
                Wanted::Any,
            );
            env.compose(name, checked.as_ref());
        } else if !expression.is_empty() {
            let reason = "expression is not specified";
            view.required(faults, &path("expression"), reason, reason);
        }
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !is_word(name)
}

/// `validateParamRef` of a binding.
pub(super) fn param_reference(faults: &mut Faults<'_>, view: View<'_>) {
    let name = view.text("name");
    let selector = view.get("selector").is_some();
    if !name.is_empty() {
        refuse_form(faults, view, "name", Form::PathSegment, name);
    }
    match (name.is_empty(), selector) {
        (false, true) => {
            let reason = "name and selector are mutually exclusive";
            view.forbidden(faults, "name", reason, reason);
            view.forbidden(faults, "selector", reason, reason);
        }
        (true, false) => {
            let reason = "one of name or selector must be specified";
            view.required(faults, "", reason, reason);
        }
        _ => {}
    }
}

/// `validateMutatingAdmissionPolicyBindingSpec`.
pub(super) fn mutating_binding(faults: &mut Faults<'_>, view: View<'_>) {
    mutated_operations(faults, view, "matchResources");
}

/// `validateValidationActions`.
pub(super) fn validating_binding(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("validationActions");
    let texts: Vec<&str> = items
        .iter()
        .map(|item| item.as_str().unwrap_or_default())
        .collect();
    for (index, text) in texts.iter().enumerate() {
        if texts[..index].contains(text) {
            let path = format!("validationActions[{index}]");
            view.duplicate(faults, &path, "this action is here already");
        }
    }
    if texts.contains(&"Deny") && texts.contains(&"Warn") {
        let reason = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        view.invalid(
            faults,
            "conflicting-fields",
            "validationActions",
            "`Deny` or `Warn`",
            reason,
        );
    }
}

/// `validateNamedRuleWithOperations`: names of resources.
pub(super) fn named_rule(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("resourceNames");
    let texts: Vec<&str> = items
        .iter()
        .map(|item| item.as_str().unwrap_or_default())
        .collect();
    for (index, text) in texts.iter().enumerate() {
        let path = format!("resourceNames[{index}]");
        refuse_form(faults, view, &path, Form::PathSegment, text);
        if texts[..index].contains(text) {
            view.duplicate(faults, &path, "this name is here already");
        }
    }
}
