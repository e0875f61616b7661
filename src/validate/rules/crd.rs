//! CustomResourceDefinitions: names, versions, and what a version has besides its schema
//! (`apiextensions-apiserver/pkg/apis/apiextensions/validation`).

use super::fields::refuse_form;
use super::form::Form;
use super::schema_rules;
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
    conversion(faults, view);
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
    for (field, name) in faults.context().names() {
        if name != wanted {
            let finding = Finding {
                rule: "invalid-name",
                message: format!("the name cannot be `{name}`"),
                remark: "`spec.names.plural`, a dot and `spec.group`",
                words: format!(
                    "Invalid value: {name:?}: must be spec.names.plural+\".\"+spec.group"
                ),
            };
            faults.found(field.to_owned(), view.span("names"), finding);
        }
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

/// A version: its schema, its columns, where it scales, and by what it is selected.
pub(super) fn version(faults: &mut Faults<'_>, view: View<'_>) {
    scale(faults, view);
    columns(faults, view);
    let schema = view
        .find(&["schema", "openAPIV3Schema"])
        .filter(|node| node.as_map().is_some());
    if let Some(schema) = schema {
        let path = format!("{}.schema.openAPIV3Schema", view.place);
        let has_status = view.find(&["subresources", "status"]).is_some();
        schema_rules::check(faults, schema, path, has_status);
        selectable(faults, view, schema);
    }
    deprecation(faults, view);
}

fn scale(faults: &mut Faults<'_>, view: View<'_>) {
    for (name, under, reason) in [
        (
            "specReplicasPath",
            &[".spec."][..],
            "should be a json path under .spec",
        ),
        (
            "statusReplicasPath",
            &[".status."],
            "should be a json path under .status",
        ),
        (
            "labelSelectorPath",
            &[".spec.", ".status."],
            "should be a json path under either .spec or .status",
        ),
    ] {
        let text = view
            .find(&["subresources", "scale", name])
            .and_then(Node::as_str);
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            continue;
        };
        let path = format!("subresources.scale.{name}");
        if !text.starts_with('.') {
            let remark = format!("did you mean `.{text}`?");
            let reason = "must be a simple json path starting with .";
            view.invalid(faults, "invalid-json-path", &path, &remark, reason);
        } else if !under.iter().any(|under| text.starts_with(under)) {
            view.invalid(faults, "invalid-json-path", &path, reason, reason);
        }
    }
}

fn columns(faults: &mut Faults<'_>, view: View<'_>) {
    const KINDS: &[&str] = &["boolean", "date", "integer", "number", "string"];
    const FORMATS: &[&str] = &[
        "byte",
        "date",
        "date-time",
        "double",
        "float",
        "int32",
        "int64",
        "password",
    ];
    for (index, column) in view.items("additionalPrinterColumns").iter().enumerate() {
        let text = |name: &str| column.get(name).and_then(Node::as_str).unwrap_or_default();
        for (name, known) in [("type", KINDS), ("format", FORMATS)] {
            if !text(name).is_empty() && !known.contains(&text(name)) {
                let reason = format!("must be one of {}", known.join(","));
                let path = format!("additionalPrinterColumns[{index}].{name}");
                view.invalid(faults, "unsupported-value", &path, &reason, &reason);
            }
        }
        let path = text("jsonPath");
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
            // The server calls the field so.
            let field = format!("additionalPrinterColumns[{index}].JSONPath");
            view.refuse_at(faults, &field, span, finding);
        }
    }
}

/// `ValidateCustomResourceSelectableFields`.
fn selectable(faults: &mut Faults<'_>, view: View<'_>, schema: &Node) {
    let items = view.items("selectableFields");
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let text = item
            .get("jsonPath")
            .and_then(Node::as_str)
            .unwrap_or_default();
        if text.is_empty() {
            continue;
        }
        let path = format!("selectableFields[{index}].jsonPath");
        let Some(found) = schema_rules::follow(schema, text, false) else {
            let reason = "is an invalid path: does not refer to a valid field";
            view.invalid(
                faults,
                "invalid-json-path",
                &path,
                "a field of the schema",
                reason,
            );
            continue;
        };
        if text == ".metadata" || text.starts_with(".metadata.") {
            let reason = "must not point to fields in metadata";
            view.invalid(faults, "invalid-json-path", &path, reason, reason);
        }
        let kind = found.get("type").and_then(Node::as_str).unwrap_or_default();
        if !matches!(kind, "string" | "boolean" | "integer") {
            let reason = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            view.invalid(faults, "invalid-json-path", &path, "a plain field", reason);
        }
        if seen.contains(&text) {
            view.duplicate(faults, &path, "this field is here already");
        }
        seen.push(text);
    }
    view.too_many(faults, "selectableFields", 8);
}

/// `validateDeprecationWarning`.
fn deprecation(faults: &mut Faults<'_>, view: View<'_>) {
    let Some(text) = view.get("deprecationWarning").and_then(Node::as_str) else {
        return;
    };
    let mut reasons = Vec::new();
    let is_deprecated = view.bool("deprecated") == Some(true);
    for (is_wrong, reason) in [
        (!is_deprecated, "can only be set for deprecated versions"),
        (
            is_deprecated && text.len() > 256,
            "must be <= 256 characters long",
        ),
        (
            is_deprecated && text.is_empty(),
            "must not be an empty string",
        ),
        (
            is_deprecated && text.chars().any(char::is_control),
            "must only contain printable UTF-8 characters",
        ),
    ] {
        if is_wrong {
            reasons.push(reason);
        }
    }
    for reason in reasons {
        view.invalid(faults, "invalid-text", "deprecationWarning", reason, reason);
    }
}

/// A field that is given and not null.
fn given<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.get(name).filter(|node| !node.is_null())
}

/// `validateCustomResourceConversion`: a webhook where the strategy says so.
fn conversion(faults: &mut Faults<'_>, view: View<'_>) {
    let strategy = view
        .find(&["conversion", "strategy"])
        .and_then(Node::as_str);
    let webhook = view.find(&["conversion", "webhook"]);
    const CLIENT: [&str; 2] = ["url", "service"];
    match strategy {
        Some("Webhook") => {
            let inside = |name: &str| webhook.and_then(|node| given(node, name));
            let path = "conversion.webhook.clientConfig";
            match inside("clientConfig").map(|config| CLIENT.map(|name| given(config, name))) {
                None => {
                    let reason = "required when strategy is set to Webhook";
                    view.required(faults, path, "which webhook?", reason);
                }
                Some([None, None] | [Some(_), Some(_)]) => {
                    let reason = "exactly one of url or service is required";
                    view.required(faults, path, "`url` or `service`", reason);
                }
                Some([Some(url), None]) => {
                    let path = format!("{path}.url");
                    super::admission::webhook_url(
                        faults,
                        view,
                        &path,
                        url.as_str().unwrap_or_default(),
                    );
                }
                Some([None, Some(_)]) => {}
            }
            view.inside("conversion", |view| {
                view.inside("webhook", |view| {
                    super::admission::review_versions(faults, view, "conversionReviewVersions");
                });
            });
            if webhook.is_none() {
                let reason = "must specify one or more of v1, v1beta1";
                let path = "conversion.webhook.conversionReviewVersions";
                view.required(faults, path, "`[v1]`", reason);
            }
        }
        Some("None") if webhook.is_some() => {
            let reason = "should not be set when strategy is not set to Webhook";
            let has = |name: &str| webhook.is_some_and(|node| given(node, name).is_some());
            if has("clientConfig") {
                view.forbidden(faults, "conversion.webhook.clientConfig", reason, reason);
            }
            if has("conversionReviewVersions") {
                let path = "conversion.webhook.conversionReviewVersions";
                view.forbidden(faults, path, reason, reason);
            }
        }
        _ => {}
    }
}
