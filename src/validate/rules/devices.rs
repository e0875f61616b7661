//! Claims of devices, and their classes (`pkg/apis/resource/validation`,
//! `zz_generated.validations.go` of resource/v1).

use super::expressions::compile;
use super::fields::{refuse_form, too_long};
use super::form::Form;
use crate::manifest::{Node, names};
use crate::validate::cel::{Env, Wanted};
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// Most requests, constraints, configurations or selectors of a list.
const LIST_MAX: usize = 32;
/// The minor version since which claims can share a device.
const CONSUMABLE: u8 = 36;
/// Longest expression, and largest parameters.
const TEXT_MAX: usize = 10 * 1024;
/// What a selector may cost at most (`CELSelectorExpressionMaxCost`).
const COST_MAX: u64 = 1_000_000;

/// `validateDeviceClaim`.
pub(super) fn claim(faults: &mut Faults<'_>, view: View<'_>) {
    let known = Requests::of(view);
    if !view.too_many(faults, "requests", LIST_MAX) {
        unique(faults, view, "requests", "name");
    }
    view.too_many(faults, "constraints", LIST_MAX);
    view.too_many(faults, "config", LIST_MAX);
    view.each("constraints", |_, view| constraint(faults, view, &known));
    view.each("config", |_, view| references(faults, view, &known));
}

/// The names of the requests of a claim, and of what is in them.
struct Requests<'v> {
    names: Vec<(&'v str, Vec<&'v str>)>,
}

impl<'v> Requests<'v> {
    fn of(view: View<'v>) -> Self {
        let name = |node: &'v Node| node.get("name").and_then(Node::as_str).unwrap_or_default();
        let below = |node: &'v Node| {
            let subs = node.get("firstAvailable").and_then(Node::as_seq);
            subs.unwrap_or_default().iter().map(name).collect()
        };
        let requests = view.items("requests").iter();
        Self {
            names: requests.map(|node| (name(node), below(node))).collect(),
        }
    }

    fn has(&self, text: &str) -> bool {
        let (request, sub) = match text.split_once('/') {
            Some((request, sub)) => (request, Some(sub)),
            None => (text, None),
        };
        let mut found = self.names.iter().filter(|(name, _)| *name == request);
        found.any(|(_, subs)| sub.is_none_or(|sub| subs.contains(&sub)))
    }
}

/// The names in `requests` of a constraint or a configuration.
fn references(faults: &mut Faults<'_>, view: View<'_>, known: &Requests<'_>) {
    if view.too_many(faults, "requests", LIST_MAX) {
        return;
    }
    const REASON: &str = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    let items = view.items("requests");
    for (index, item) in items.iter().enumerate() {
        let text = item.as_str().unwrap_or_default();
        let path = format!("requests[{index}]");
        let remark = "`requests` of the claim has none of this name";
        if text.matches('/').count() > 1 {
            view.invalid(faults, "unknown-request", &path, remark, REASON);
            continue;
        }
        for part in text.split('/') {
            refuse_form(faults, view, &path, Form::DnsLabel, part);
        }
        if !known.has(text) {
            view.invalid(faults, "unknown-request", &path, remark, REASON);
        }
    }
    let texts: Vec<_> = items.iter().map(Node::as_str).collect();
    for (index, text) in texts.iter().enumerate() {
        if texts[..index].contains(text) {
            let path = format!("requests[{index}]");
            view.duplicate(faults, &path, "this request is here already");
        }
    }
}

fn constraint(faults: &mut Faults<'_>, view: View<'_>, known: &Requests<'_>) {
    references(faults, view, known);
    let pair = ["matchAttribute", "distinctAttribute"];
    // Former releases do not look at the second one where the first one is there.
    let strict = faults.version().minor() >= 37;
    match pair.map(|name| view.get(name).is_some()) {
        [false, false] if faults.version().minor() < CONSUMABLE => {
            view.required(faults, "matchAttribute", "which attribute?", "");
        }
        [false, false] => {
            let reason = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set";
            view.required(faults, "", "which attribute?", reason);
        }
        _ => {}
    }
    let looked_at = pair.iter().filter(|name| view.get(name).is_some());
    for name in looked_at.take(if strict { 2 } else { 1 }) {
        if let Some(text) = view.get(name).and_then(Node::as_str) {
            qualified(faults, view, name, text, true);
            // The newer rule beside it does not fold the case.
            let domain = text.split_once('/').map_or("", |(domain, _)| domain);
            let folded = domain.to_lowercase();
            if strict && domain != folded {
                let reason = Form::DnsSubdomain.fault(domain, faults.version());
                let reason = format!("prefix: {}", reason.unwrap_or_default());
                view.invalid(faults, "invalid-name", name, "in lower case", reason);
            }
        }
    }
}

/// `validateQualifiedName`: a C identifier, perhaps after a domain and a slash.
pub(super) fn qualified(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    text: &str,
    full: bool,
) {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        [name] => identifier(faults, view, path, name),
        [domain, name] => {
            if domain.is_empty() {
                let reason = "the domain must not be empty";
                view.invalid(faults, "invalid-name", path, reason, reason);
            } else {
                driver(faults, view, path, domain);
            }
            if name.is_empty() {
                let reason = "the name must not be empty";
                view.invalid(faults, "invalid-name", path, reason, reason);
            } else {
                identifier(faults, view, path, name);
            }
        }
        _ => {}
    }
    if full && parts.len() == 1 {
        let reason = "a fully qualified name must be a domain and a name separated by a slash";
        view.invalid(faults, "invalid-name", path, "`example.com/name`", reason);
    }
}

fn identifier(faults: &mut Faults<'_>, view: View<'_>, path: &str, text: &str) {
    if text.len() > 32 {
        too_long(faults, view, path, 32);
    }
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        let reason = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
        view.invalid(
            faults,
            "invalid-name",
            path,
            "letters, digits and `_`",
            reason,
        );
    }
}

/// `ValidateCSIDriverName`, which is the form of all names of drivers.
pub(super) fn driver(faults: &mut Faults<'_>, view: View<'_>, path: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    if text.len() > names::LABEL_MAX {
        too_long(faults, view, path, names::LABEL_MAX);
    }
    refuse_form(faults, view, path, Form::DnsSubdomain, &text.to_lowercase());
}

/// Reports items of a list that have a name for the second time.
pub(super) fn unique(faults: &mut Faults<'_>, view: View<'_>, list: &str, key: &str) {
    let name = |node: &'_ Node| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let names: Vec<String> = view
        .items(list)
        .iter()
        .map(|node| name(node).unwrap_or_default())
        .collect();
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            let path = format!("{list}[{index}]");
            view.duplicate(faults, &path, "another one has this name");
        }
    }
}

/// `validateDeviceRequest`: one form or the other.
pub(super) fn request(faults: &mut Faults<'_>, view: View<'_>) {
    let exact = view.get("exactly").is_some();
    let first = !view.items("firstAvailable").is_empty();
    let reason = "exactly one of `exactly` or `firstAvailable` is required";
    match (exact, first) {
        (false, false) => view.required(faults, "", "which devices?", reason),
        (true, true) => {
            let reason = format!("{reason}, but multiple fields are set");
            view.invalid(faults, "one-of", "", "exactly one of the two", reason);
        }
        _ => {}
    }
    if !exact && first && !view.too_many(faults, "firstAvailable", 8) {
        unique(faults, view, "firstAvailable", "name");
    }
}

/// What an exact request and one of several alternatives have in common.
pub(super) fn wanted(faults: &mut Faults<'_>, view: View<'_>) {
    view.too_many(faults, "selectors", LIST_MAX);
    let count = view.int("count").unwrap_or(0);
    match view.text("allocationMode") {
        "All" if count != 0 => {
            let reason = "must not be specified when allocationMode is 'All'";
            view.invalid(faults, "conflicting-fields", "count", reason, reason);
        }
        // One is the default.
        "ExactCount" | "" if count < 0 => {
            let reason = "must be greater than zero";
            view.invalid(faults, "out-of-range", "count", "1 at least", reason);
        }
        _ => {}
    }
}

/// `validateSelector`.
pub(super) fn selector(faults: &mut Faults<'_>, view: View<'_>) {
    let text = view.text("expression");
    if text.len() > TEXT_MAX {
        return too_long(faults, view, "expression", TEXT_MAX);
    }
    if text.is_empty() {
        return;
    }
    let (env, wanted) = (Env::device(), Wanted::Selector);
    let checked = compile(faults, view, "expression", text, &env, wanted);
    if checked.is_some_and(|checked| checked.cost > COST_MAX) {
        let found = Finding {
            rule: "cel-cost",
            message: "this may cost too much to evaluate".to_owned(),
            remark: "fewer loops, shorter texts and patterns",
            words: "Forbidden: too complex, exceeds cost limit".to_owned(),
        };
        view.refuse(faults, "expression", found);
    }
}

/// `validateDeviceToleration`.
pub(super) fn toleration(faults: &mut Faults<'_>, view: View<'_>) {
    let (key, value) = (view.text("key"), view.text("value"));
    if !key.is_empty() {
        refuse_form(faults, view, "key", Form::LabelKey, key);
    }
    match view.text("operator") {
        "Exists" if !value.is_empty() => {
            let reason = "must be empty for operator `Exists`";
            view.invalid(faults, "conflicting-fields", "value", reason, reason);
        }
        // Equal is the default.
        "Equal" | "" => refuse_form(faults, view, "value", Form::LabelValue, value),
        _ => {}
    }
}

/// `validateOpaqueConfiguration`.
pub(super) fn configuration(faults: &mut Faults<'_>, view: View<'_>) {
    driver(faults, view, "driver", view.text("driver"));
    let Some(parameters) = view.get("parameters") else {
        return;
    };
    if crate::manifest::json::to_go_json(parameters).len() > TEXT_MAX {
        too_long(faults, view, "parameters", TEXT_MAX);
    } else if parameters.as_map().is_none() {
        let reason = "must be a valid JSON object";
        view.invalid(faults, "wrong-type", "parameters", "a mapping", reason);
    }
}

/// `validateDeviceClassSpec`.
pub(super) fn class(faults: &mut Faults<'_>, view: View<'_>) {
    view.too_many(faults, "selectors", LIST_MAX);
    view.too_many(faults, "config", LIST_MAX);
    if let Some(text) = view.get("extendedResourceName").and_then(Node::as_str)
        && !is_extended(text, faults)
    {
        let reason = "must be a valid extended resource name";
        view.invalid(
            faults,
            "invalid-name",
            "extendedResourceName",
            "`example.com/name`",
            reason,
        );
    }
}

/// `IsExtendedResourceName`: a name with a domain that is not Kubernetes' own.
fn is_extended(text: &str, faults: &Faults<'_>) -> bool {
    let native = !text.contains('/') || text.contains("kubernetes.io/");
    !native
        && !text.starts_with("requests.")
        && Form::LabelKey
            .fault(&format!("requests.{text}"), faults.version())
            .is_none()
}
