//! Resource names and amounts: of containers and of pods (`validateResourceRequirements`).

use super::form::Form;
use crate::manifest::quantity::Quantity;
use crate::manifest::{Entry, Node};
use crate::validate::fault::Faults;
use crate::validate::scalar;
use crate::validate::view::{Finding, View};

const COMPUTE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// Resources that are counted in a quota.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
const DERIVED: [&str; 6] = [
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

/// Where a list of resources stands: that decides which names it takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Container,
    Pod,
    Quota,
    Any,
}

/// The amount that a value stands for, rounded up to thousandths as the server keeps it; null is
/// zero. `None` for what is no quantity.
pub(super) fn quantity(node: &Node) -> Option<Quantity> {
    let text = match node.scalar_text() {
        Some(text) => text.trim(),
        None if node.is_null() => "0",
        None => return None,
    };
    let exact = scalar::quantity(text)?;
    let rounded = exact.millis() * 1_000_000 != exact.nanos();
    match rounded {
        true => Quantity::parse(&format!("{}m", exact.millis())),
        false => Some(exact),
    }
}

/// `requests` and `limits` of a container or, under the pod spec, of the whole pod.
pub(super) fn requirements(faults: &mut Faults<'_>, view: View<'_>) {
    let owner = match view.place.parent().map_or("", |place| place.field_name()) {
        "spec" => Owner::Pod,
        _ => Owner::Container,
    };
    if owner == Owner::Pod && view.get("claims").is_some() {
        let reason = "claims may not be set for Resources at pod-level";
        view.forbidden(faults, "claims", "containers have claims", reason);
    }
    let limits = view.entries("limits");
    let requests = view.entries("requests");
    for (list, entries) in [("limits", limits), ("requests", requests)] {
        for entry in entries {
            let path = format!("{list}[{}]", entry.key);
            name(faults, view, &path, entry, owner);
            checked_amount(faults, view, &path, entry, true);
        }
    }
    for request in requests {
        compare(faults, view, request);
    }
    claims(faults, view);
    let named: Vec<&Entry> = limits.iter().chain(requests).collect();
    stand_alone(faults, view, "", named);
}

/// Huge pages without cpu and memory beside them.
fn stand_alone<'e>(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    entries: impl IntoIterator<Item = &'e Entry>,
) {
    let (mut huge, mut others) = (false, false);
    for entry in entries {
        huge |= is_huge(&entry.key);
        others |= matches!(entry.key.as_str(), "cpu" | "memory");
    }
    if huge && !others {
        let finding = Finding {
            rule: "conflicting-fields",
            message: "huge pages stand alone".to_owned(),
            remark: "name cpu or memory beside them",
            words: "Forbidden: HugePages require cpu or memory".to_owned(),
        };
        view.refuse(faults, path, finding);
    }
}

/// `validateResourceClaimNames`: each claim, or each request of it, once.
fn claims(faults: &mut Faults<'_>, view: View<'_>) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (index, claim) in view.items("claims").iter().enumerate() {
        let text = |name: &str| claim.get(name).and_then(Node::as_str).unwrap_or_default();
        let (name, request) = (text("name"), text("request"));
        if name.is_empty() {
            continue;
        }
        let path = format!("claims[{index}]");
        // A claim alone is all of its requests.
        let again = seen.iter().any(|(other, part)| {
            *other == name && (part.is_empty() || request.is_empty() || *part == request)
        });
        if again {
            view.duplicate(faults, &path, "this claim is listed already");
        }
        if !request.is_empty() {
            let path = format!("{path}.request");
            super::fields::refuse_form(faults, view, &path, Form::DnsLabel, request);
        }
        seen.push((name, request));
    }
}

/// What all containers of a pod ask for fits into what the pod asks for
/// (`validatePodResourceConsistency`). `view` is that of the pod spec.
pub(super) fn of_pod(faults: &mut Faults<'_>, view: View<'_>) {
    let own = |list: &str| view.find(&["resources", list]).and_then(Node::as_map);
    let asked = |container: &Node, list: &str, name: &str| {
        let amounts = container.get("resources")?.get(list)?;
        quantity(amounts.get(name)?)
    };
    // Forgotten until the gate was opened (PodLevelResources).
    if faults.version().minor() < 34 {
        return;
    }
    for entry in own("requests").into_iter().flatten() {
        let Some(given) = quantity(&entry.value) else {
            continue;
        };
        let all = total(view, |container| {
            let request = asked(container, "requests", &entry.key);
            // A limit alone is a request too, of a pod.
            let limit =
                || asked(container, "limits", &entry.key).filter(|_| faults.context().is_pod());
            request.or_else(limit).map_or(0, Quantity::nanos)
        });
        if all > given.nanos() {
            let path = format!("resources.requests[{}]", entry.key);
            let reason = "must be greater than or equal to aggregate container requests";
            view.invalid(
                faults,
                "conflicting-fields",
                &path,
                "the containers ask for more",
                reason,
            );
        }
    }
    for entry in own("limits").into_iter().flatten() {
        let Some(given) = quantity(&entry.value) else {
            continue;
        };
        // A Pod without a request of its own asks for what its containers do (`defaultPodRequests`).
        let is_asked = own("requests").is_some_and(|all| all.get(&entry.key).is_some());
        if faults.context().is_pod() && !is_asked && !is_huge(&entry.key) {
            let all = total(view, |container| {
                let request = asked(container, "requests", &entry.key);
                let limit = || asked(container, "limits", &entry.key);
                request.or_else(limit).map_or(0, Quantity::nanos)
            });
            if all > given.nanos() {
                let finding = Finding {
                    rule: "request-above-limit",
                    message: format!(
                        "the containers ask for more {} than the pod may use",
                        entry.key
                    ),
                    remark: &format!("the pod's limit is {given}"),
                    words: format!(
                        "Invalid value: must be less than or equal to {} limit of {given}",
                        entry.key
                    ),
                };
                view.refuse_at(faults, "resources.requests", entry.value.span, finding);
            }
        }
        if is_huge(&entry.key) {
            let all = total(view, |container| {
                asked(container, "limits", &entry.key).map_or(0, Quantity::nanos)
            });
            if all > given.nanos() {
                let path = format!("resources.limits[{}]", entry.key);
                let reason = "must be greater than or equal to aggregate container limits";
                view.invalid(
                    faults,
                    "conflicting-fields",
                    &path,
                    "the containers may use more",
                    reason,
                );
            }
        }
        for (index, container) in view.items("containers").iter().enumerate() {
            let Some(limit) = asked(container, "limits", &entry.key).filter(|l| *l > given) else {
                continue;
            };
            let amounts = container.at(&["resources", "limits"]);
            let span = amounts
                .and_then(|a| a.get(&entry.key))
                .map_or(view.at, |node| node.span);
            let finding = Finding {
                rule: "conflicting-fields",
                message: format!("the limit {limit} is above the pod's"),
                remark: &format!("the pod's limit is {given}"),
                words: format!(
                    "Invalid value: \"{limit}\": must be less than or equal to pod limits of {given}"
                ),
            };
            let path = format!("resources.containers[{index}][{}].limits", entry.key);
            view.refuse_at(faults, &path, span, finding);
        }
    }
}

/// The sum over containers: sidecars run beside the others, other init containers before them.
fn total(view: View<'_>, of: impl Fn(&Node) -> i128) -> i128 {
    let mut sum: i128 = view.items("containers").iter().map(&of).sum();
    let (mut sidecars, mut before) = (0, 0);
    for container in view.items("initContainers") {
        let amount = of(container);
        if container.get("restartPolicy").and_then(Node::as_str) == Some("Always") {
            sidecars += amount;
            before = before.max(sidecars);
        } else {
            before = before.max(sidecars + amount);
        }
    }
    sum += sidecars;
    sum.max(before)
}

/// Compares a request with the limit of the same resource.
fn compare(faults: &mut Faults<'_>, view: View<'_>, request: &Entry) {
    let Some(wanted) = quantity(&request.value) else {
        return;
    };
    let overcommits = is_native(&request.key) && !is_huge(&request.key);
    let limits = view.get("limits").and_then(Node::as_map);
    let limit = limits.and_then(|limits| limits.get(&request.key));
    let (words, remark) = match limit.map(quantity) {
        Some(None) => return,
        Some(Some(limit)) if wanted != limit && !overcommits => (
            format!("must be equal to {} limit of {limit}", request.key),
            format!("the limit is {limit}; this resource cannot be overcommitted"),
        ),
        Some(Some(limit)) if wanted > limit => (
            format!(
                "must be less than or equal to {} limit of {limit}",
                request.key
            ),
            format!("the limit is {limit}"),
        ),
        Some(Some(_)) => return,
        None if overcommits => return,
        None => {
            let reason = "Limit must be set for non overcommitable resources";
            let finding = Finding {
                rule: "required-field",
                message: format!("`{}` has a request and no limit", request.key),
                remark: "this resource needs both, and equal",
                words: format!("Required value: {reason}"),
            };
            return view.refuse_at(faults, "limits", request.key_span, finding);
        }
    };
    let finding = Finding {
        rule: "request-above-limit",
        message: format!("the request for {} does not fit its limit", request.key),
        remark: &remark,
        words: format!("Invalid value: \"{wanted}\": {words}"),
    };
    view.refuse_at(faults, "requests", request.value.span, finding);
}

/// Checks the name of a resource.
pub(super) fn name(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    entry: &Entry,
    owner: Owner,
) {
    let text = entry.key.as_str();
    let Some(words) = name_fault(text, faults, owner) else {
        return;
    };
    let near = crate::manifest::suggest::nearest(text, COMPUTE);
    let remark = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "cpu, memory, ephemeral-storage, or a name with a domain before it".to_owned(),
    };
    let words = match words.strip_prefix("Unsupported value: ") {
        Some(rest) => format!("Unsupported value: {text:?}: {rest}"),
        None => format!("Invalid value: {text:?}: {words}"),
    };
    let finding = Finding {
        rule: "invalid-resource-name",
        message: format!("`{text}` is no resource that can stand here"),
        remark: &remark,
        words,
    };
    view.refuse_at(faults, path, entry.key_span, finding);
}

/// Checks the name of a container's resource that stands in a field (`ValidateContainerResourceName`).
pub(super) fn container_name(faults: &mut Faults<'_>, view: View<'_>, path: &str) {
    let text = view.text(path);
    if text.is_empty() {
        return;
    }
    if let Some(words) = name_fault(text, faults, Owner::Container) {
        let remark = "cpu, memory, ephemeral-storage, or a name with a domain before it";
        view.invalid(faults, "invalid-resource-name", path, remark, words);
    }
}

/// What the server says of the name of a resource.
fn name_fault(text: &str, faults: &Faults<'_>, owner: Owner) -> Option<String> {
    Form::LabelKey.fault(text, faults.version()).or_else(|| {
        let plain = !text.contains('/');
        let words = match owner {
            _ if plain && !is_standard(text) => {
                "must be a standard resource type or fully qualified"
            }
            Owner::Container if plain && !COMPUTE.contains(&text) && !is_huge(text) => {
                "must be a standard resource for containers"
            }
            Owner::Container if !plain && !is_native(text) && !is_extended(faults, text) => {
                "doesn't follow extended resource name standard"
            }
            Owner::Pod if !matches!(text, "cpu" | "memory") && !is_huge(text) => {
                "Unsupported value: supported values: \"cpu\", \"hugepages-\", \"memory\""
            }
            Owner::Quota if plain && !is_quota(text) => "must be a standard resource for quota",
            _ => return None,
        };
        Some(words.to_owned())
    })
}

/// Checks an amount: not negative, whole where things are counted (`ValidateResourceQuantityValue`).
pub(super) fn amount(faults: &mut Faults<'_>, view: View<'_>, path: &str, entry: &Entry) {
    checked_amount(faults, view, path, entry, false);
}

/// The same for a container; `pages`: whether it must be a multiple of the page size.
fn checked_amount(faults: &mut Faults<'_>, view: View<'_>, path: &str, entry: &Entry, pages: bool) {
    let Some(value) = quantity(&entry.value) else {
        return;
    };
    let text = entry.key.as_str();
    let mut reasons = Vec::new();
    if value.is_negative() {
        reasons.push((
            "out-of-range",
            "must be greater than or equal to 0".to_owned(),
        ));
    }
    let counted = COUNTED.contains(&text) || is_extended(faults, text);
    if counted && value.millis() % 1000 != 0 {
        reasons.push(("invalid-quantity", "must be an integer".to_owned()));
    }
    if let Some(size) = text.strip_prefix("hugepages-").filter(|_| pages) {
        let size = Quantity::parse(size).map_or(0, Quantity::units);
        if size <= 0 || value.units() % size != 0 {
            let reason = format!("{value} is not positive integer multiple of {text}");
            reasons.push(("invalid-quantity", reason));
        }
    }
    for (rule, reason) in reasons {
        let finding = Finding {
            rule,
            message: format!("`{text}` cannot be `{value}`"),
            remark: &reason,
            words: format!("Invalid value: \"{value}\": {reason}"),
        };
        view.refuse_at(faults, path, entry.value.span, finding);
    }
}

/// Overhead of a RuntimeClass: as limits of a container.
pub(super) fn overhead(faults: &mut Faults<'_>, view: View<'_>, list: &str) {
    // The server takes it for limits.
    let (own, shown) = if list == "overhead" {
        ("overhead", "overhead.limits")
    } else {
        ("", "limits")
    };
    for entry in view.entries(list) {
        let path = format!("{shown}[{}]", entry.key);
        name(faults, view, &path, entry, Owner::Container);
        checked_amount(faults, view, &path, entry, true);
    }
    stand_alone(faults, view, own, view.entries(list));
}

fn is_huge(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(faults: &Faults<'_>, name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && Form::LabelKey
            .fault(&format!("requests.{name}"), faults.version())
            .is_none()
}

pub(super) fn is_quota(name: &str) -> bool {
    COMPUTE.contains(&name)
        || COUNTED.contains(&name)
        || DERIVED.contains(&name)
        || name == "requests.storage"
        || is_huge(name)
        || name.starts_with("requests.hugepages-")
}

fn is_standard(name: &str) -> bool {
    is_quota(name) || name == "storage"
}
