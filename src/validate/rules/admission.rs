//! Webhooks and what they match (`pkg/apis/admissionregistration/validation`).

use super::expressions::compile;
use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::cel::{Env, Wanted};
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View, item_text};

/// A webhook of either kind.
pub(super) fn webhook(faults: &mut Faults<'_>, view: View<'_>) {
    let name = view.text("name");
    if !name.is_empty() {
        refuse_form(faults, view, "name", Form::DnsSubdomain, name);
        if Form::DnsSubdomain.fault(name, faults.version()).is_none() && name.split('.').count() < 3
        {
            let reason = "should be a domain with at least three segments separated by dots";
            view.invalid(
                faults,
                "invalid-name",
                "name",
                "such as `hook.example.com`",
                reason,
            );
        }
    }
    if view
        .int("timeoutSeconds")
        .is_some_and(|seconds| !(1..=30).contains(&seconds))
    {
        let reason = "the timeout value must be between 1 and 30 seconds";
        view.invalid(faults, "out-of-range", "timeoutSeconds", "1 to 30", reason);
    }
    review_versions(faults, view, "admissionReviewVersions");
    let url = view.find(&["clientConfig", "url"]).and_then(Node::as_str);
    if let Some(url) = url {
        webhook_url(faults, view, "clientConfig.url", url);
    }
    match_conditions(faults, view, &Env::admission(false, true));
    let effects = view.text("sideEffects");
    if matches!(effects, "Some" | "Unknown") {
        view.unsupported(faults, "sideEffects", &["None", "NoneOnDryRun"]);
    }
}

/// `validateAdmissionReviewVersions`, also of conversions.
pub(super) fn review_versions(faults: &mut Faults<'_>, view: View<'_>, list: &str) {
    let items = view.items(list);
    if items.is_empty() {
        return;
    }
    let texts: Vec<&str> = items
        .iter()
        .map(|i| i.as_str().unwrap_or_default())
        .collect();
    for (index, text) in texts.iter().enumerate() {
        let path = format!("{list}[{index}]");
        if texts[..index].contains(text) {
            view.invalid(
                faults,
                "duplicate-value",
                &path,
                "it is listed already",
                "duplicate version",
            );
        } else {
            refuse_form(faults, view, &path, Form::Dns1035Label, text);
        }
    }
    if !texts.iter().any(|text| matches!(*text, "v1" | "v1beta1")) {
        let reason = "must include at least one of v1, v1beta1";
        view.invalid(faults, "unsupported-value", list, "add `v1`", reason);
    }
}

/// `validateMatchConditions`: names, and expressions that yield true or false.
pub(super) fn match_conditions(faults: &mut Faults<'_>, view: View<'_>, env: &Env) {
    let items = view.items("matchConditions");
    if items.len() > 64 {
        let finding = Finding {
            rule: "too-many",
            message: "these are too many conditions".to_owned(),
            remark: "at most 64",
            words: format!("Too many: {}: must have at most 64 items", items.len()),
        };
        view.refuse(faults, "matchConditions", finding);
    }
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let name = item.get("name").and_then(Node::as_str).unwrap_or_default();
        if !name.is_empty() && seen.contains(&name) {
            let path = format!("matchConditions[{index}].name");
            view.duplicate(faults, &path, "another condition has this name");
        }
        seen.push(name);
        let expression = item.get("expression").and_then(Node::as_str);
        let expression = expression.unwrap_or_default();
        let path = format!("matchConditions[{index}].expression");
        if !expression.trim().is_empty() {
            compile(faults, view, &path, expression.trim(), env, Wanted::Bool);
        } else if !expression.is_empty() {
            view.required(faults, &path, "what must hold?", "");
        }
    }
}

/// `ValidateWebhookURL`, as far as no URL library is needed.
pub(super) fn webhook_url(faults: &mut Faults<'_>, view: View<'_>, path: &str, url: &str) {
    const FORM: &str = "; desired format: https://host[/path]";
    if url.chars().any(|c| c.is_ascii_control()) {
        let reason = format!("url must be a valid URL: invalid control character in URL{FORM}");
        return view.required(
            faults,
            path,
            "a URL has no line breaks and the like",
            &reason,
        );
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        let reason = format!("'https' is the only allowed URL scheme{FORM}");
        return view.invalid(faults, "invalid-url", path, "https://host/path", reason);
    };
    let mut reasons = Vec::new();
    if scheme != "https" {
        reasons.push(format!("'https' is the only allowed URL scheme{FORM}"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = &rest[..end];
    if host.is_empty() {
        reasons.push(format!("host must be specified{FORM}"));
    }
    if host.contains('@') {
        reasons.push("user information is not permitted in the URL".to_owned());
    }
    if rest
        .split_once('#')
        .is_some_and(|(_, fragment)| !fragment.is_empty())
    {
        reasons.push("fragments are not permitted in the URL".to_owned());
    }
    let query = rest.split('#').next().and_then(|r| r.split_once('?'));
    if query.is_some_and(|(_, query)| !query.is_empty()) {
        reasons.push("query parameters are not permitted in the URL".to_owned());
    }
    for reason in reasons {
        view.invalid(faults, "invalid-url", path, "https://host/path", reason);
    }
}

/// `ValidateWebhookService`: the path.
pub(super) fn service(faults: &mut Faults<'_>, view: View<'_>) {
    let path = view.text("path");
    if path.is_empty() || path == "/" {
        return;
    }
    if path == "//" {
        let reason = "segment[0] may not be empty";
        return view.invalid(faults, "invalid-path", "path", reason, reason);
    }
    if !path.starts_with('/') {
        let remark = format!("did you mean `/{path}`?");
        view.invalid(
            faults,
            "invalid-path",
            "path",
            &remark,
            "must start with a '/'",
        );
    }
    // The first character goes whatever it is.
    let mut checked = path.chars();
    checked.next();
    let checked = checked.as_str();
    let checked = checked.strip_suffix('/').unwrap_or(checked);
    for (index, step) in checked.split('/').enumerate() {
        let reason = match step {
            "" => format!("segment[{index}] may not be empty"),
            step => match Form::DnsSubdomain.fault(step, faults.version()) {
                Some(words) => format!("segment[{index}]: {words}"),
                None => continue,
            },
        };
        let remark = "each segment is a DNS name: a-z, 0-9, `-` and `.`";
        view.invalid(faults, "invalid-path", "path", remark, reason);
    }
}

/// `validateRule`: what a webhook or a policy matches.
pub(super) fn rule(faults: &mut Faults<'_>, view: View<'_>) {
    for (list, what) in [
        ("apiGroups", "API groups"),
        ("apiVersions", "API versions"),
        ("operations", "operations"),
    ] {
        let items = view.items(list);
        if items.len() > 1 && items.iter().any(|item| item.as_str() == Some("*")) {
            let reason = format!("if '*' is present, must not specify other {what}");
            view.invalid(
                faults,
                "conflicting-fields",
                list,
                "`*` stands alone",
                reason,
            );
        }
    }
    for list in ["apiVersions", "resources"] {
        for (index, item) in view.items(list).iter().enumerate() {
            // null is the empty text.
            if item.as_str() == Some("") || item.is_null() {
                let path = format!("{list}[{index}]");
                view.required(faults, &path, "an empty text names nothing", "");
            }
        }
    }
    resources(faults, view);
}

fn resources(faults: &mut Faults<'_>, view: View<'_>) {
    let items = view.items("resources");
    let texts: Vec<&str> = items.iter().filter_map(item_text).collect();
    let mut plain = false;
    let (mut whole, mut everywhere): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        let path = format!("resources[{index}]");
        let Some((resource, sub)) = text.split_once('/') else {
            // The last one decides, as in the server.
            if !text.is_empty() {
                plain = *text != "*";
            }
            continue;
        };
        for (known, part, shown) in [
            (&whole, resource, format!("{resource}/*")),
            (&everywhere, sub, format!("*/{sub}")),
        ] {
            if known.contains(&part) {
                let reason = format!("if '{shown}' is present, must not specify {text}");
                view.invalid(faults, "conflicting-fields", &path, &reason, &reason);
            }
        }
        if sub == "*" {
            whole.push(resource);
        }
        if resource == "*" {
            everywhere.push(sub);
        }
    }
    let has = |text| texts.contains(&text);
    if texts.len() > 1 && has("*/*") {
        let reason = "if '*/*' is present, must not specify other resources";
        view.invalid(faults, "conflicting-fields", "resources", reason, reason);
    }
    if has("*") && plain {
        let reason = "if '*' is present, must not specify other resources without subresources";
        view.invalid(faults, "conflicting-fields", "resources", reason, reason);
    }
}
