//! Events (`pkg/apis/core/validation/events.go`).

use super::fields::{refuse_form, too_long};
use super::form::Form;
use crate::manifest::{Node, Object};
use crate::schema::Kind;
use crate::validate::fault::Faults;
use crate::validate::view::View;

/// Checks an event of either group.
pub(super) fn whole(faults: &mut Faults<'_>, manifest: &Object, kind: Kind) {
    let Some(view) = View::of_object(manifest) else {
        return;
    };
    let is_new = kind.group() == "events.k8s.io";
    let about = if is_new {
        "regarding"
    } else {
        "involvedObject"
    };
    let has_time = view.get("eventTime").is_some();
    if has_time {
        namespace(faults, view, about);
        reporter(faults, view, is_new);
    } else {
        legacy_namespace(faults, view, about);
    }
    if is_new {
        fields(faults, view);
    }
}

/// With a time of its own, an event of something without a namespace lies in one of two.
fn namespace(faults: &mut Faults<'_>, view: View<'_>, about: &str) {
    let own = view.find(&["metadata", "namespace"]).and_then(Node::as_str);
    let other = view.find(&[about, "namespace"]).and_then(Node::as_str);
    // One without a namespace gets that of the request.
    let fits = matches!(own.unwrap_or_default(), "" | "default" | "kube-system");
    if other.unwrap_or_default().is_empty() && !fits {
        mismatch(faults, view);
    }
}

fn mismatch(faults: &mut Faults<'_>, view: View<'_>) {
    let reason = "does not match event.namespace";
    let path = "involvedObject.namespace";
    view.invalid(faults, "conflicting-fields", path, reason, reason);
}

/// Who reports what was done and why.
fn reporter(faults: &mut Faults<'_>, view: View<'_>, is_new: bool) {
    let (controller, note) = match is_new {
        true => ("reportingController", "note"),
        false => ("reportingComponent", "message"),
    };
    for (name, most) in [
        (controller, usize::MAX),
        ("reportingInstance", 128),
        ("action", 128),
        ("reason", 128),
    ] {
        let text = view.text(name);
        if text.is_empty() {
            view.required(faults, name, "an event has it", "");
        } else if text.len() > most {
            too_long(faults, view, name, most);
        }
    }
    let text = view.text(controller);
    if !text.is_empty() {
        refuse_form(faults, view, controller, Form::LabelKey, text);
    }
    if view.text(note).len() > 1024 {
        too_long(faults, view, "message", 1024);
    }
}

/// Without a time of its own, an event lies in the namespace of what it is about.
fn legacy_namespace(faults: &mut Faults<'_>, view: View<'_>, about: &str) {
    let own = view.find(&["metadata", "namespace"]).and_then(Node::as_str);
    // One without a namespace gets that of the request; `default` is the usual one.
    let own = own.filter(|text| !text.is_empty()).unwrap_or("default");
    let other = view.find(&[about, "namespace"]).and_then(Node::as_str);
    let fits = match other.unwrap_or_default() {
        "" => own == "default",
        other => own == other,
    };
    if !fits {
        mismatch(faults, view);
    }
}

/// What events.k8s.io/v1 asks for besides.
fn fields(faults: &mut Faults<'_>, view: View<'_>) {
    if view.get("eventTime").is_none() {
        view.required(faults, "eventTime", "when?", "");
    }
    if !matches!(view.text("type"), "Normal" | "Warning") {
        let reason = format!("has invalid value: {}", view.text("type"));
        view.invalid(
            faults,
            "unsupported-value",
            "type",
            "`Normal` or `Warning`",
            reason,
        );
    }
    for (name, shown) in [
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
    ] {
        if view.get(name).is_some() {
            stale(faults, view, name, shown);
        }
    }
    if view.int("deprecatedCount").is_some_and(|count| count != 0) {
        stale(faults, view, "deprecatedCount", "count");
    }
    let source = |name: &str| {
        view.find(&["deprecatedSource", name])
            .and_then(Node::as_str)
    };
    if ["component", "host"]
        .iter()
        .any(|name| source(name).is_some_and(|t| !t.is_empty()))
    {
        stale(faults, view, "deprecatedSource", "source");
    }
    if view.get("series").is_some() {
        let count = view.find(&["series", "count"]).and_then(Node::as_i64);
        if count.unwrap_or(0) < 2 {
            let reason = "should be at least 2";
            view.invalid(faults, "out-of-range", "series.count", reason, reason);
        }
        let last = view.find(&["series", "lastObservedTime"]);
        if last.is_none() {
            view.required(faults, "series.lastObservedTime", "when?", "");
        }
    }
}

/// A field of former events; the server uses its former name.
fn stale(faults: &mut Faults<'_>, view: View<'_>, name: &str, shown: &str) {
    let finding = crate::validate::view::Finding {
        rule: "forbidden-field",
        message: format!("`{name}` is not allowed here"),
        remark: "leave it out",
        words: "Invalid value: \"\": needs to be unset".to_owned(),
    };
    view.refuse_at(faults, shown, view.span(name), finding);
}
