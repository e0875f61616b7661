//! Fairness of the API server: flow schemas and priority levels
//! (`pkg/apis/flowcontrol/validation`).

use super::fields::refuse_form;
use super::form::Form;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// `ValidateFlowSchemaSpec`.
pub(super) fn schema(faults: &mut Faults<'_>, view: View<'_>) {
    let path = "matchingPrecedence";
    let name = faults.context().name.clone();
    match view.int(path).unwrap_or(0) {
        // The default is 1000.
        0 => {}
        number if number < 0 => {
            let reason = "must be a positive value";
            view.invalid(faults, "out-of-range", path, "1 to 10000", reason);
        }
        number if number > 10_000 => {
            let reason = "must not be greater than 10000";
            view.invalid(faults, "out-of-range", path, "1 to 10000", reason);
        }
        1 if name != "exempt" => {
            let reason = "only the schema named 'exempt' may have matchingPrecedence 1";
            view.invalid(faults, "out-of-range", path, "2 to 10000", reason);
        }
        _ => {}
    }
    if name == "exempt" {
        let rules = all_requests(&["system:masters"]);
        let wanted =
            format!("{{matchingPrecedence:1,priorityLevelConfiguration:{{name:exempt}},{rules}}}");
        mandatory(faults, view, &wanted);
    } else if name == "catch-all" {
        let rules = all_requests(&["system:unauthenticated", "system:authenticated"]);
        let wanted = format!(
            "{{distinguisherMethod:{{type:ByUser}},matchingPrecedence:10000,priorityLevelConfiguration:{{name:catch-all}},{rules}}}"
        );
        mandatory(faults, view, &wanted);
    }
    let level = view.find(&["priorityLevelConfiguration", "name"]);
    if let Some(text) = level.and_then(Node::as_str).filter(|text| !text.is_empty()) {
        let path = "priorityLevelConfiguration.name";
        refuse_form(faults, view, path, Form::DnsSubdomain, text);
    }
}

/// What a server makes itself must stay as it is (`MandatoryFlowSchemas` and
/// `MandatoryPriorityLevelConfigurations` of `k8s.io/apiserver`).
fn mandatory(faults: &mut Faults<'_>, view: View<'_>, wanted: &str) {
    let name = faults.context().name.clone();
    if plain(&Node::map(view.map.clone(), view.at)) == wanted {
        return;
    }
    let finding = Finding {
        rule: "fixed-value",
        message: format!("`{name}` is the server's own and cannot differ from what it makes"),
        remark: "use another name",
        words: format!("Invalid value: spec of '{name}' must equal the fixed value"),
    };
    view.refuse(faults, "", finding);
}

/// A value in one line with its keys sorted, without what is no value.
fn plain(node: &Node) -> String {
    if let Some(items) = node.as_seq() {
        let items: Vec<String> = items.iter().map(plain).collect();
        return format!("[{}]", items.join(","));
    }
    let Some(map) = node.as_map() else {
        return node.scalar_text().unwrap_or_default().to_owned();
    };
    let entries = map
        .iter()
        .map(|entry| (entry.key.as_str(), plain(&entry.value)));
    // 0 is the default of one percentage and no value of the other.
    let is_nothing = |key: &str, value: &str| {
        matches!(value, "" | "[]" | "{}" | "false") || value == "0" && key == "lendablePercent"
    };
    let mut entries: Vec<_> = entries
        .filter(|(key, value)| !is_nothing(key, value))
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    entries.sort();
    format!("{{{}}}", entries.join(","))
}

/// All requests of some groups.
fn all_requests(groups: &[&str]) -> String {
    let subjects: Vec<String> = groups
        .iter()
        .map(|group| format!("{{group:{{name:{group}}},kind:Group}}"))
        .collect();
    format!(
        "rules:[{{nonResourceRules:[{{nonResourceURLs:[*],verbs:[*]}}],resourceRules:[{{apiGroups:[*],clusterScope:true,namespaces:[*],resources:[*],verbs:[*]}}],subjects:[{}]}}]",
        subjects.join(",")
    )
}

/// `ValidateFlowSchemaPolicyRulesWithSubjects`.
pub(super) fn rules(faults: &mut Faults<'_>, view: View<'_>) {
    if view.items("resourceRules").is_empty() && view.items("nonResourceRules").is_empty() {
        let reason = "at least one of resourceRules and nonResourceRules has to be non-empty";
        view.required(faults, "", "which requests?", reason);
    }
}

/// `ValidateFlowSchemaSubject`: the member that the kind names, and no other.
pub(super) fn subject(faults: &mut Faults<'_>, view: View<'_>) {
    const MEMBERS: [(&str, &str); 3] = [
        ("ServiceAccount", "serviceAccount"),
        ("User", "user"),
        ("Group", "group"),
    ];
    let kind = view.text("kind");
    if !MEMBERS.iter().any(|(known, _)| *known == kind) {
        return;
    }
    for (known, member) in MEMBERS {
        let given = view.get(member).is_some();
        if known == kind && !given {
            let reason = format!("{member} is required when subject kind is '{known}'");
            view.required(faults, member, "who?", &reason);
        } else if known != kind && given {
            let reason = format!("{member} is forbidden when subject kind is not '{known}'");
            view.forbidden(faults, member, &reason, &reason);
        }
    }
    view.inside("serviceAccount", |view| {
        let name = view.text("name");
        if kind == "ServiceAccount" && !name.is_empty() && name != "*" {
            refuse_form(faults, view, "name", Form::DnsSubdomain, name);
        }
        let namespace = view.text("namespace");
        if kind == "ServiceAccount" && !namespace.is_empty() {
            refuse_form(faults, view, "namespace", Form::DnsLabel, namespace);
        }
    });
}

const VERBS: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "proxy",
    "update",
    "watch",
];

fn texts<'v>(view: View<'v>, list: &str) -> Vec<&'v str> {
    let items = view.items(list).iter();
    items
        .map(|item| item.as_str().unwrap_or_default())
        .collect()
}

/// `*` stands alone. Returns whether it is there.
fn wildcard(faults: &mut Faults<'_>, view: View<'_>, list: &str, what: &str) -> bool {
    let texts = texts(view, list);
    let found = texts.contains(&"*");
    if found && texts.len() > 1 {
        let reason = format!("if '*' is present, must not specify other {what}");
        view.invalid(
            faults,
            "conflicting-fields",
            list,
            "`*` stands alone",
            reason,
        );
    }
    found
}

fn verbs(faults: &mut Faults<'_>, view: View<'_>) {
    let known = |text: &&str| VERBS.contains(text);
    if !wildcard(faults, view, "verbs", "verbs") && !texts(view, "verbs").iter().all(known) {
        view.unsupported(faults, "verbs", VERBS);
    }
}

/// `ValidateFlowSchemaResourcePolicyRule`.
pub(super) fn resource_rule(faults: &mut Faults<'_>, view: View<'_>) {
    verbs(faults, view);
    wildcard(faults, view, "apiGroups", "api groups");
    wildcard(faults, view, "resources", "resources");
    let namespaces = texts(view, "namespaces");
    if namespaces.is_empty() && view.bool("clusterScope") != Some(true) {
        let reason =
            "resource rules that are not cluster scoped must supply at least one namespace";
        view.required(faults, "namespaces", "`*` for all", reason);
    } else if !wildcard(faults, view, "namespaces", "namespaces") {
        for (index, text) in namespaces.iter().enumerate() {
            let path = format!("namespaces[{index}]");
            refuse_form(faults, view, &path, Form::DnsLabel, text);
        }
    }
}

/// `ValidateFlowSchemaNonResourcePolicyRule`.
pub(super) fn other_rule(faults: &mut Faults<'_>, view: View<'_>) {
    verbs(faults, view);
    if wildcard(faults, view, "nonResourceURLs", "non-resource URLs") {
        return;
    }
    for (index, text) in texts(view, "nonResourceURLs").iter().enumerate() {
        let stars = text.matches('*').count();
        let reason = match *text {
            "" => "must not be empty",
            "/" => continue,
            text if !text.starts_with('/') => "must start with slash",
            text if text.contains(' ') => "must not contain white-space",
            text if text.contains("//") => "must not contain double slash",
            text if stars > 1 || stars == 1 && !text.ends_with("/*") => {
                "wildcard can only do suffix matching"
            }
            _ => continue,
        };
        let path = format!("nonResourceURLs[{index}]");
        view.invalid(faults, "invalid-path", &path, reason, reason);
    }
}

/// `ValidatePriorityLevelConfigurationSpec`.
pub(super) fn level(faults: &mut Faults<'_>, view: View<'_>) {
    let kind = view.text("type");
    if (faults.context().name == "exempt") != (kind == "Exempt") && !kind.is_empty() {
        let reason = "must be 'Exempt' if and only if `name` is 'exempt'";
        view.invalid(faults, "conflicting-fields", "type", reason, reason);
    }
    match kind {
        "Exempt" if view.get("limited").is_some() => {
            let reason = "must be nil if the type is not Limited";
            view.forbidden(faults, "limited", reason, reason);
        }
        "Limited" => {
            if faults.context().name == "catch-all" {
                let limit = "{limitResponse:{type:Reject},nominalConcurrencyShares:5}";
                mandatory(faults, view, &format!("{{limited:{limit},type:Limited}}"));
            }
            if view.get("exempt").is_some() {
                let reason = "must be nil if the type is Limited";
                view.forbidden(faults, "exempt", reason, reason);
            }
            if view.get("limited").is_none() {
                let reason = "must not be empty when type is Limited";
                view.required(faults, "limited", reason, reason);
            }
        }
        _ => {}
    }
}

/// `ValidateLimitResponse`.
pub(super) fn response(faults: &mut Faults<'_>, view: View<'_>) {
    let queuing = view.get("queuing").is_some();
    match view.text("type") {
        "Reject" if queuing => {
            let reason = "must be nil if limited.limitResponse.type is not Limited";
            view.forbidden(faults, "queuing", reason, reason);
        }
        "Queue" if !queuing => {
            let reason = "must not be empty if limited.limitResponse.type is Limited";
            view.required(faults, "queuing", reason, reason);
        }
        _ => {}
    }
}

/// `ValidatePriorityLevelQueuingConfiguration`.
pub(super) fn queuing(faults: &mut Faults<'_>, view: View<'_>) {
    let number = |name: &str, default: i64| match view.int(name).unwrap_or(0) {
        0 => default,
        number => number,
    };
    let (queues, hand) = (number("queues", 64), number("handSize", 8));
    for (name, value) in [
        ("queueLengthLimit", number("queueLengthLimit", 50)),
        ("queues", queues),
        ("handSize", hand),
    ] {
        if value <= 0 {
            view.invalid(
                faults,
                "out-of-range",
                name,
                "1 at least",
                "must be positive",
            );
        }
    }
    if queues > 10_000_000 {
        let reason = "must not be greater than 10000000";
        view.invalid(faults, "out-of-range", "queues", "at most 10000000", reason);
    }
    if hand > queues {
        let reason = format!("should not be greater than queues ({queues})");
        view.invalid(
            faults,
            "out-of-range",
            "handSize",
            "at most `queues`",
            reason,
        );
    } else if hand > 0 {
        #[expect(clippy::cast_precision_loss, reason = "both are small")]
        let entropy = ((queues as f64).log2() * hand as f64).ceil();
        if entropy > 60.0 {
            let reason = format!(
                "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than 60"
            );
            view.invalid(faults, "out-of-range", "handSize", "a smaller hand", reason);
        }
    }
}
