//! Jobs and CronJobs (`pkg/apis/batch/validation`).

use super::cron;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// `validateCronJobSpec`.
pub(super) fn cron_job(faults: &mut Faults<'_>, view: View<'_>) {
    let schedule = view.text("schedule");
    if !schedule.is_empty() {
        if let Err(reason) = cron::check(schedule) {
            view.invalid(faults, "invalid-schedule", "schedule", &reason, &reason);
        }
        if schedule.contains("TZ") {
            let reason = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            view.invalid(
                faults,
                "invalid-schedule",
                "schedule",
                "`timeZone` names it",
                reason,
            );
        }
    }
    if let Some(zone) = view.get("timeZone").and_then(Node::as_str) {
        time_zone(faults, view, zone);
    }
    let job = |name| view.find(&["jobTemplate", "spec", name]);
    if job("selector").is_some() {
        let reason = "`selector` will be auto-generated";
        let path = "jobTemplate.spec.selector";
        view.invalid(faults, "forbidden-field", path, "leave it out", reason);
    }
    if job("manualSelector").and_then(Node::as_bool) == Some(true) {
        view.unsupported(faults, "jobTemplate.spec.manualSelector", &["nil", "false"]);
    }
}

fn time_zone(faults: &mut Faults<'_>, view: View<'_>, zone: &str) {
    let reason = match zone {
        "" => "timeZone must be nil or non-empty string".to_owned(),
        _ if zone.eq_ignore_ascii_case("local") => {
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
                .to_owned()
        }
        _ if cron::is_time_zone(zone) => return,
        _ => format!("unknown time zone {zone}"),
    };
    let remark = match cron::nearest_time_zone(zone) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "a name such as `Europe/Berlin`".to_owned(),
    };
    view.invalid(faults, "invalid-time-zone", "timeZone", &remark, reason);
}

/// `validateJobSpec`, and what concerns a Job alone.
pub(super) fn job(faults: &mut Faults<'_>, view: View<'_>) {
    let indexed = view.text("completionMode") == "Indexed";
    if indexed {
        indexed_job(faults, view);
    } else {
        for name in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
            if view.get(name).is_some() {
                let reason = "requires indexed completion mode";
                let remark = "only with `completionMode: Indexed`";
                view.invalid(faults, "conflicting-fields", name, remark, reason);
            }
        }
    }
    if view.get("maxFailedIndexes").is_some() && view.get("backoffLimitPerIndex").is_none() {
        let reason = "when maxFailedIndexes is specified";
        view.required(
            faults,
            "backoffLimitPerIndex",
            "`maxFailedIndexes` demands it",
            reason,
        );
    }
    if view.get("podFailurePolicy").is_some() {
        failure_policy(faults, view);
    }
    let in_cron_job = view
        .place
        .parent()
        .is_some_and(|p| p.field_name() == "jobTemplate");
    if !in_cron_job {
        selector(faults, view);
    }
}

/// A Job makes its own selector and labels unless `manualSelector` is set.
fn selector(faults: &mut Faults<'_>, view: View<'_>) {
    let labels = view.find(&["template", "metadata", "labels"]);
    let selector = view.get("selector").filter(|node| node.as_map().is_some());
    let manual = view.bool("manualSelector") == Some(true);
    // What the server has made is there when the Job is updated.
    if manual || faults.context().is_update {
        let path = "template.metadata.labels";
        match selector {
            None if manual && view.get("selector").is_none() => {
                view.required(faults, "selector", "`manualSelector` demands it", "");
            }
            Some(selector) if !super::selectors::matches(selector, labels) => {
                let reason = "`selector` does not match template `labels`";
                view.invalid(faults, "selector-mismatch", path, reason, reason);
            }
            _ => {}
        }
        return;
    }
    let name = faults.context().name.clone();
    if let Some(selector) = selector
        && !super::selectors::is_empty(selector)
    {
        let reason = "`selector` not auto-generated";
        let remark = "leave it out, or set `manualSelector: true`";
        view.invalid(faults, "selector-mismatch", "selector", remark, reason);
    }
    for (label, given) in [
        ("job-name", true),
        ("batch.kubernetes.io/job-name", true),
        ("controller-uid", false),
        ("batch.kubernetes.io/controller-uid", false),
    ] {
        let Some(value) = labels.and_then(|labels| labels.get(label)) else {
            continue;
        };
        // The name of the Job itself is what the server would write; its UID nobody knows.
        if given && value.as_str() == Some(name.as_str()) {
            continue;
        }
        let shown = crate::manifest::json::to_go_json(value);
        let finding = Finding {
            rule: "reserved-label",
            message: format!("the label `{label}` is the Job's own"),
            remark: "leave it out: the server writes it",
            words: format!("Invalid value: {shown}: must be '{name}'"),
        };
        view.refuse_at(faults, "template.metadata.labels", value.span, finding);
    }
}

fn indexed_job(faults: &mut Faults<'_>, view: View<'_>) {
    let completions = view.int("completions");
    if view.get("completions").is_none() {
        let reason = "when completion mode is Indexed";
        // Without completions and parallelism, both are 1; a template has no such defaults.
        if view.get("parallelism").is_some() || faults.context().kind == "CronJob" {
            view.required(faults, "completions", "`Indexed` demands it", reason);
        }
    }
    let mut limit = |name: &str, most: i64, reason: &str| {
        if view.int(name).is_some_and(|number| number > most) {
            view.invalid(faults, "out-of-range", name, reason, reason);
        }
    };
    let above = completions.is_some_and(|number| number > 100_000)
        && view.get("backoffLimitPerIndex").is_some();
    limit(
        "parallelism",
        100_000,
        "must be less than or equal to 100000 when completion mode is Indexed",
    );
    limit(
        "maxFailedIndexes",
        100_000,
        "must be less than or equal to 100000",
    );
    if let Some(completions) = completions {
        limit(
            "maxFailedIndexes",
            completions,
            "must be less than or equal to completions",
        );
    }
    if above {
        let reason = "must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index";
        limit("parallelism", 10_000, reason);
        limit("maxFailedIndexes", 10_000, reason);
        if view.get("maxFailedIndexes").is_none() {
            let reason = "must be specified when completions is above 100000";
            view.required(faults, "maxFailedIndexes", reason, reason);
        }
    }
    if let Some(number) = completions.filter(|number| *number > 0)
        && !faults.context().name.is_empty()
        && view.place.parent().is_some_and(|p| p.parent().is_none())
    {
        hostname(faults, view, number);
    }
    success_policy(faults, view, completions);
}

/// The pods of an indexed Job are named after it.
fn hostname(faults: &mut Faults<'_>, view: View<'_>, completions: i64) {
    let name = format!("{}-{}", faults.context().name, completions - 1);
    if super::form::Form::DnsLabel
        .fault(&name, faults.version())
        .is_none()
    {
        return;
    }
    let shown = faults.context().name.clone();
    let finding = Finding {
        rule: "invalid-name",
        message: "pods cannot be named after this Job".to_owned(),
        remark: "the name and the index make a DNS label of at most 63 characters",
        words: format!(
            "Invalid value: {shown:?}: will not able to create pod with invalid DNS label: {name}"
        ),
    };
    faults.found(
        "metadata.name".to_owned(),
        view.span("completions"),
        finding,
    );
}

fn success_policy(faults: &mut Faults<'_>, view: View<'_>, completions: Option<i64>) {
    let Some(policy) = view.get("successPolicy") else {
        return;
    };
    let rules = policy
        .get("rules")
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let path = "successPolicy.rules";
    if rules.is_empty() {
        let reason = "at least one rules must be specified when the successPolicy is specified";
        view.required(faults, path, "at least one rule", reason);
    }
    for (index, rule) in rules.iter().enumerate() {
        let given = |name| rule.get(name).filter(|node| !node.is_null());
        if given("succeededCount").is_none() && given("succeededIndexes").is_none() {
            let reason = "at least one of succeededCount or succeededIndexes must be specified";
            view.required(faults, &format!("{path}[{index}]"), reason, reason);
        }
        let indexes = given("succeededIndexes").and_then(Node::as_str);
        let total = match (indexes, completions) {
            (Some(text), Some(completions)) => {
                let path = format!("{path}[{index}].succeededIndexes");
                count_indexes(text, completions).unwrap_or_else(|words| {
                    let reason = format!("error parsing succeededIndexes: {words}");
                    view.invalid(faults, "invalid-indexes", &path, "such as `1,3-5`", reason);
                    0
                })
            }
            _ => i64::MAX,
        };
        let count = given("succeededCount").and_then(Node::as_i64);
        let is_above = |most: i64| count.is_some_and(|count| count > most);
        if is_above(total) && !completions.is_some_and(is_above) {
            let path = format!("{path}[{index}].succeededCount");
            let reason = format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            );
            view.invalid(faults, "out-of-range", &path, &reason, &reason);
        }
        if let (Some(count), Some(completions)) = (count, completions) {
            let path = format!("{path}[{index}].succeededCount");
            if count < 0 {
                let reason = "must be greater than or equal to 0";
                view.invalid(faults, "out-of-range", &path, reason, reason);
            } else if count > completions {
                let reason = format!(
                    "must be less than or equal to {completions} (the number of specified completions)"
                );
                view.invalid(faults, "out-of-range", &path, &reason, &reason);
            }
        }
    }
}

/// How many indexes a text names, such as `1,3-5` (`validateIndexesFormat`); what is wrong with it,
/// as the server says it.
fn count_indexes(text: &str, completions: i64) -> Result<i64, String> {
    let (mut total, mut last) = (0, None);
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let limits: Vec<&str> = part.split('-').collect();
        if limits.len() > 2 {
            return Err(format!(
                "the fragment {part:?} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let number = |text: &str| match text.parse::<i64>() {
            Ok(number) if number >= completions => Err(format!("too large index: {text:?}")),
            Ok(number) => Ok(number),
            Err(_) => Err(format!(
                "cannot convert string to integer for index: {text:?}"
            )),
        };
        let first = number(limits[0])?;
        let end = limits.get(1).map_or(Ok(first), |text| number(text))?;
        let falls = limits.len() == 2 && first >= end || last.is_some_and(|last| last >= first);
        if falls {
            let last = last.unwrap_or(first);
            return Err(format!(
                "non-increasing order, previous: {last}, current: {first}"
            ));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

fn failure_policy(faults: &mut Faults<'_>, view: View<'_>) {
    let policy = view
        .find(&["template", "spec", "restartPolicy"])
        .and_then(Node::as_str);
    if policy == Some("OnFailure") {
        let reason = "only \"Never\" is supported when podFailurePolicy is specified";
        let path = "template.spec.restartPolicy";
        view.invalid(faults, "conflicting-fields", path, reason, reason);
    }
    let replacement = view.text("podReplacementPolicy");
    if replacement == "TerminatingOrFailed" {
        view.unsupported(faults, "podReplacementPolicy", &["Failed"]);
    }
    let rules = view
        .find(&["podFailurePolicy", "rules"])
        .and_then(Node::as_seq);
    let rules = rules.unwrap_or_default();
    if rules.len() > 20 {
        let finding = Finding {
            rule: "too-many",
            message: "these are too many rules".to_owned(),
            remark: "at most 20",
            words: format!("Too many: {}: must have at most 20 items", rules.len()),
        };
        view.refuse(faults, "podFailurePolicy.rules", finding);
    }
    let mut names: Vec<&str> = Vec::new();
    for list in ["containers", "initContainers"] {
        let containers = view
            .find(&["template", "spec", list])
            .and_then(Node::as_seq);
        let containers = containers.unwrap_or_default().iter();
        names.extend(containers.filter_map(|c| c.get("name").and_then(Node::as_str)));
    }
    for (index, rule) in rules.iter().enumerate() {
        failure_rule(
            faults,
            view,
            &format!("podFailurePolicy.rules[{index}]"),
            rule,
            &names,
        );
    }
}

fn failure_rule(faults: &mut Faults<'_>, view: View<'_>, path: &str, rule: &Node, names: &[&str]) {
    let given = |name: &str| {
        let node = rule.get(name).filter(|node| !node.is_null());
        node.filter(|node| node.as_seq().is_none_or(|items| !items.is_empty()))
    };
    if given("action").and_then(Node::as_str) == Some("FailIndex")
        && view.get("backoffLimitPerIndex").is_none()
    {
        let reason = "requires the backoffLimitPerIndex to be set";
        view.invalid(
            faults,
            "conflicting-fields",
            &format!("{path}.action"),
            reason,
            reason,
        );
    }
    let reason = match (given("onExitCodes"), given("onPodConditions")) {
        (Some(_), Some(_)) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (None, None) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => "",
    };
    if !reason.is_empty() {
        view.invalid(faults, "one-of", path, reason, reason);
    }
    let Some(codes) = given("onExitCodes") else {
        return;
    };
    let path = format!("{path}.onExitCodes");
    let container = codes.get("containerName").and_then(Node::as_str);
    if let Some(name) = container.filter(|name| !names.contains(name)) {
        let near = crate::manifest::suggest::nearest(name, names.iter().copied());
        let remark = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
        let reason = "must be one of the container or initContainer names in the pod template";
        let path = format!("{path}.containerName");
        view.invalid(faults, "unknown-container", &path, &remark, reason);
    }
    let values = codes
        .get("values")
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let numbers: Vec<i64> = values
        .iter()
        .filter_map(|node| node.as_i64().or(node.is_null().then_some(0)))
        .collect();
    if values.is_empty() {
        let reason = "at least one value is required";
        view.invalid(
            faults,
            "required-field",
            &format!("{path}.values"),
            reason,
            reason,
        );
    }
    if !numbers.is_sorted() {
        let reason = "must be ordered";
        view.invalid(
            faults,
            "invalid-order",
            &format!("{path}.values"),
            reason,
            reason,
        );
    }
    let is_in = codes.get("operator").and_then(Node::as_str) == Some("In");
    for (index, number) in numbers.iter().enumerate() {
        let path = format!("{path}.values[{index}]");
        if is_in && *number == 0 {
            let reason = "must not be 0 for the In operator";
            view.invalid(faults, "out-of-range", &path, "0 is no failure", reason);
        }
        if numbers[..index].contains(number) {
            view.duplicate(faults, &path, "this code is listed already");
        }
    }
}
