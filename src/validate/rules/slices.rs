//! Devices that a driver offers, and taints on them (`pkg/apis/resource/validation`).

use super::devices::{driver, qualified, unique};
use super::fields::{refuse_form, too_long};
use super::form::Form;
use crate::manifest::quantity::Quantity;
use crate::manifest::{Node, names};
use crate::validate::fault::Faults;
use crate::validate::scalar;
use crate::validate::view::View;

/// `validateResourceSliceSpec`.
pub(super) fn slice(faults: &mut Faults<'_>, view: View<'_>) {
    driver(faults, view, "driver", view.text("driver"));
    pool(faults, view);
    let set = nodes(faults, view, true);
    const NAMES: &str = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    match set {
        0 => view.required(faults, "", "on which nodes?", NAMES),
        1 => {}
        _ => {
            let reason = format!("{NAMES}, but multiple fields are set");
            view.invalid(faults, "one-of", "", "exactly one of them", reason);
        }
    }
    if view.get("sharedCounters").is_some() && view.get("devices").is_some() {
        let reason = "only one of `sharedCounters` or `devices` is allowed";
        view.invalid(faults, "one-of", "", reason, reason);
    }
    let advanced = view.items("devices").iter().any(|device| {
        let has = |name: &str| {
            let items = device.get(name).and_then(Node::as_seq);
            items.is_some_and(|items| !items.is_empty())
        };
        has("taints") || has("consumesCounters")
    });
    let most = if advanced { 64 } else { 128 };
    if !view.too_many(faults, "devices", most) {
        unique(faults, view, "devices", "name");
    }
    if !view.too_many(faults, "sharedCounters", 8) {
        unique(faults, view, "sharedCounters", "name");
    }
    let each = view.bool("perDeviceNodeSelection") == Some(true);
    view.each("devices", |_, device| on_nodes(faults, device, each));
    view.each("sharedCounters", |_, set| counters(faults, set, "name"));
}

/// Names of counters and of their set.
fn counters(faults: &mut Faults<'_>, view: View<'_>, name: &str) {
    let text = view.text(name);
    if !text.is_empty() {
        refuse_form(faults, view, name, Form::DnsLabel, text);
    }
    if view.too_many(faults, "counters", 32) {
        return;
    }
    for entry in view.entries("counters") {
        refuse_form(faults, view, "counters", Form::DnsLabel, &entry.key);
    }
}

fn pool(faults: &mut Faults<'_>, view: View<'_>) {
    view.inside("pool", |view| {
        let count = view.int("resourceSliceCount").unwrap_or(0);
        if count < 0 {
            let reason = "must be greater than zero";
            view.invalid(
                faults,
                "out-of-range",
                "resourceSliceCount",
                "1 at least",
                reason,
            );
        }
        if view.int("generation").is_some_and(|number| number < 0) {
            let reason = "must be greater than or equal to zero";
            view.invalid(faults, "out-of-range", "generation", "0 at least", reason);
        }
        pool_name(faults, view, "name", view.text("name"));
    });
}

/// `validatePoolName`.
fn pool_name(faults: &mut Faults<'_>, view: View<'_>, path: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    if text.len() > names::SUBDOMAIN_MAX {
        too_long(faults, view, path, names::SUBDOMAIN_MAX);
    }
    for part in text.split('/') {
        refuse_form(faults, view, path, Form::DnsSubdomain, part);
    }
}

/// The fields that tell on which nodes devices are. Returns how many are set.
fn nodes(faults: &mut Faults<'_>, view: View<'_>, whole: bool) -> usize {
    let mut set = 0;
    if let Some(name) = view.get("nodeName").and_then(Node::as_str) {
        if name.is_empty() {
            let reason = match whole {
                true => "must be either unset or set to a non-empty string",
                false => "must not be empty",
            };
            view.invalid(faults, "invalid-name", "nodeName", reason, reason);
        } else {
            set += 1;
            refuse_form(faults, view, "nodeName", Form::DnsSubdomain, name);
        }
    }
    if let Some(selector) = view.get("nodeSelector") {
        set += 1;
        let terms = selector.get("nodeSelectorTerms").and_then(Node::as_seq);
        if whole && terms.map_or(0, <[Node]>::len) != 1 {
            let reason = "must have exactly one node selector term";
            let path = "nodeSelector.nodeSelectorTerms";
            view.invalid(faults, "invalid-selector", path, "one term", reason);
        }
    }
    let flags: &[&str] = match whole {
        true => &["allNodes", "perDeviceNodeSelection"],
        false => &["allNodes"],
    };
    for name in flags {
        match view.bool(name) {
            Some(true) => set += 1,
            Some(false) => {
                let reason = "must be either unset or set to true";
                view.invalid(faults, "invalid-value", name, "leave it out", reason);
            }
            None => {}
        }
    }
    set
}

/// The nodes of one device, where each device has its own.
fn on_nodes(faults: &mut Faults<'_>, view: View<'_>, each: bool) {
    if !each {
        if ["nodeName", "nodeSelector", "allNodes"]
            .iter()
            .any(|name| view.get(name).is_some())
        {
            let reason = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
            view.invalid(faults, "conflicting-fields", "", reason, reason);
        }
        return;
    }
    let reason = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    match nodes(faults, view, false) {
        0 => view.required(faults, "", "on which nodes?", reason),
        1 => {}
        _ => view.invalid(faults, "one-of", "", "exactly one of them", reason),
    }
}

/// `validateDevice`.
pub(super) fn device(faults: &mut Faults<'_>, view: View<'_>) {
    let name = view.text("name");
    if !name.is_empty() {
        refuse_form(faults, view, "name", Form::DnsLabel, name);
    }
    let count = view.entries("attributes").len() + view.entries("capacity").len();
    if count > 32 {
        let reason = "the total number of attributes and capacities must not exceed 32";
        view.invalid(faults, "too-many", "", "at most 32", reason);
    }
    for list in ["attributes", "capacity"] {
        for entry in view.entries(list) {
            qualified(faults, view, list, &entry.key, false);
        }
    }
    view.each_value("attributes", |_, view| attribute(faults, view));
    let shared = view.bool("allowMultipleAllocations") == Some(true);
    view.each_value("capacity", |_, view| {
        if view.get("requestPolicy").is_none() {
            return;
        }
        if shared {
            policy(faults, view);
        } else {
            let reason = "allowMultipleAllocations must be true";
            view.forbidden(faults, "requestPolicy", reason, reason);
        }
    });
    view.too_many(faults, "taints", 16);
    if !view.too_many(faults, "consumesCounters", 2) {
        unique(faults, view, "consumesCounters", "counterSet");
        view.each("consumesCounters", |_, view| {
            counters(faults, view, "counterSet");
        });
    }
    conditions(faults, view);
}

fn attribute(faults: &mut Faults<'_>, view: View<'_>) {
    const MEMBERS: &[&str] = &[
        "bool", "int", "string", "version", "bools", "ints", "strings", "versions",
    ];
    // Lists of values are not there until a gate is opened.
    let single = &MEMBERS[..4];
    let set = single
        .iter()
        .filter(|name| view.get(name).is_some())
        .count();
    if set != 1 {
        let reason = "exactly one value must be specified";
        view.invalid(faults, "one-of", "", "one value", reason);
    }
    let version = view.get("version").and_then(Node::as_str);
    if version.is_some_and(|text| !is_semver(text)) {
        let reason = "must be a string compatible with semver.org spec 2.0.0";
        view.invalid(
            faults,
            "invalid-version",
            "version",
            "such as `1.2.3`",
            reason,
        );
    }
    for name in ["string", "version"] {
        if view.text(name).len() > 64 {
            too_long(faults, view, name, 64);
        }
    }
}

/// Whether a text is a version by semver.org, with nothing before it.
fn is_semver(text: &str) -> bool {
    let legal = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let (rest, build) = match text.split_once('+') {
        Some((rest, build)) => (rest, Some(build)),
        None => (text, None),
    };
    let (core, pre) = match rest.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (rest, None),
    };
    let numbers: Vec<&str> = core.split('.').collect();
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    numbers.len() == 3
        && numbers.into_iter().all(number)
        && build.is_none_or(|build| build.split('.').all(legal))
        && pre.is_none_or(|pre| {
            pre.split('.')
                .all(|part| legal(part) && (!is_digits(part) || number(part)))
        })
}

/// `validateRequestPolicy`.
fn policy(faults: &mut Faults<'_>, view: View<'_>) {
    let most = amount(view.get("value"));
    view.inside("requestPolicy", |view| {
        let values = view.items("validValues");
        let range = view.get("validRange").is_some();
        if !values.is_empty() && range {
            let reason = "exactly one policy can be specified, cannot specify \"validValues\" and \"validRange\" at the same time";
            return view.forbidden(faults, "", "one of the two", reason);
        }
        let which = match (values.is_empty(), range) {
            (false, _) => "validValues",
            (true, true) => "validRange",
            _ => return,
        };
        let Some(default) = view.get("default") else {
            let reason = format!("required when {which} is defined");
            return view.required(faults, "default", "what is asked by default?", &reason);
        };
        let default = amount(Some(default));
        if range {
            view.inside("validRange", |view| self::range(faults, view, default, most));
        } else {
            self::values(faults, view, default, most);
        }
    });
}

fn amount(node: Option<&Node>) -> Option<Quantity> {
    scalar::quantity(node?.scalar_text()?.trim())
}

fn values(
    faults: &mut Faults<'_>,
    view: View<'_>,
    default: Option<Quantity>,
    most: Option<Quantity>,
) {
    if view.too_many(faults, "validValues", 10) {
        return;
    }
    let items: Vec<_> = view
        .items("validValues")
        .iter()
        .map(|item| amount(Some(item)))
        .collect();
    for (index, item) in items.iter().enumerate() {
        let path = format!("validValues[{index}]");
        if index > 0 && items[index - 1] > *item {
            let reason = "values must be sorted in ascending order";
            view.invalid(faults, "not-sorted", &path, reason, reason);
        }
        if *item > most {
            let reason = "option is larger than capacity value";
            view.invalid(faults, "out-of-range", &path, reason, reason);
        }
        // Parts of a unit make no difference (DRAFractionalCapacityRange is off).
        let units = item.map(Quantity::units);
        if items[..index]
            .iter()
            .any(|other| other.map(Quantity::units) == units)
        {
            view.duplicate(faults, &path, "this value is here already");
        }
    }
    if !items.contains(&default) {
        let reason = "default value is not valid according to the requestPolicy";
        view.invalid(faults, "out-of-range", "validValues", reason, reason);
    }
}

fn range(
    faults: &mut Faults<'_>,
    view: View<'_>,
    default: Option<Quantity>,
    most: Option<Quantity>,
) {
    let Some(min) = view.get("min") else {
        return;
    };
    let min = amount(Some(min));
    let max = amount(view.get("max"));
    // Former releases name the bound, divide by whatever the step is, and count below zero.
    let strict = faults.version().minor() >= 37;
    let [below, above] = match strict {
        true => ["default", "default"],
        false => ["min", "max"],
    };
    let mut wrong = |path: &str, is_wrong: bool, reason: &str| {
        if is_wrong {
            view.invalid(faults, "out-of-range", path, reason, reason);
        }
    };
    wrong("min", min > most, "min is larger than capacity value");
    wrong(below, default < min, "default is less than min");
    if max.is_some() {
        wrong("max", min > max, "min is larger than max");
        wrong("max", max > most, "max is larger than capacity value");
        wrong(above, default > max, "default is more than max");
    }
    let whole = |quantity: &Option<Quantity>| i64::try_from((*quantity)?.units()).ok();
    if let Some(step) = view.get("step") {
        let step = whole(&amount(Some(step))).unwrap_or(0);
        if step == 0 || strict && step < 0 {
            return wrong("step", true, "must be greater than zero");
        }
        let (Some(low), Some(limit)) = (whole(&min), whole(&most)) else {
            return;
        };
        wrong(
            "step",
            low.saturating_add(step) > limit,
            "one step is larger than capacity value",
        );
        let bounds = [("default", &default), ("min", &min), ("max", &max)];
        let negative =
            |quantity: &Option<Quantity>| strict && quantity.is_some_and(Quantity::is_negative);
        for (path, _) in bounds.iter().filter(|(_, bound)| negative(bound)) {
            wrong(path, true, "must be greater than or equal to 0");
        }
        if bounds.iter().any(|(_, bound)| negative(bound)) {
            return;
        }
        for value in [whole(&default), whole(&max)].into_iter().flatten() {
            let off = value.checked_sub(low).is_some_and(|rest| rest % step != 0);
            wrong("step", off, "value is not a multiple of a given step");
        }
    }
}

/// `validateDeviceTaint`.
pub(super) fn taint(faults: &mut Faults<'_>, view: View<'_>) {
    refuse_form(faults, view, "key", Form::LabelKey, view.text("key"));
    refuse_form(faults, view, "value", Form::LabelValue, view.text("value"));
}

/// `validateDeviceTaintSelector`.
pub(super) fn taint_selector(faults: &mut Faults<'_>, view: View<'_>) {
    for name in ["driver", "pool", "device"] {
        let Some(text) = view.get(name).and_then(Node::as_str) else {
            continue;
        };
        match (name, text) {
            ("device", text) => refuse_form(faults, view, name, Form::DnsLabel, text),
            (_, "") => view.required(faults, name, "a name", ""),
            ("driver", text) => driver(faults, view, name, text),
            (_, text) => pool_name(faults, view, name, text),
        }
    }
}

/// `validateDeviceBindingParameters`.
fn conditions(faults: &mut Faults<'_>, view: View<'_>) {
    const LISTS: [&str; 2] = ["bindingConditions", "bindingFailureConditions"];
    let texts = |list: &str| -> Vec<String> {
        let items = view.items(list).iter();
        items
            .map(|item| item.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let all = LISTS.map(texts);
    for (list, texts) in LISTS.iter().zip(&all) {
        view.too_many(faults, list, 4);
        for (index, text) in texts.iter().enumerate() {
            let path = format!("{list}[{index}]");
            refuse_form(faults, view, &path, Form::LabelKey, text);
            if texts[..index].contains(text) {
                view.duplicate(faults, &path, "this condition is here already");
            }
            if *list == LISTS[1] && all[0].contains(text) {
                let reason = "bindingFailureConditions must not overlap with bindingConditions";
                view.invalid(faults, "conflicting-fields", &path, reason, reason);
            }
        }
    }
    let names = match (all[0].is_empty(), all[1].is_empty()) {
        (true, false) => (LISTS[0], LISTS[1]),
        (false, true) => (LISTS[1], LISTS[0]),
        _ => return,
    };
    let reason = format!("{} are required to use {}", names.0, names.1);
    view.invalid(faults, "missing-field", names.0, &reason, &reason);
}
