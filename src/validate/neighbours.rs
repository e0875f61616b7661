//! What must be there, or must not, because of what stands beside it in the same mapping.
//!
//! The rules and the server's words are those of `pkg/apis/*/validation` of Kubernetes 1.37,
//! tried on the real server. Defaults that matter (`type: ClusterIP`) are taken into account.

use super::fault::Faults;
use super::place::Place;
use super::view::View;
use crate::manifest::{Map, Node, Span};
use crate::schema::Object;

/// Checks a mapping of a type. `at` is where it stands.
pub(super) fn check(
    faults: &mut Faults<'_>,
    object: Object,
    map: &Map,
    place: &Place<'_>,
    at: Span,
) {
    let view = View { map, place, at };
    match object.name().strip_prefix("io.k8s.").unwrap_or_default() {
        "api.apps.v1.DaemonSetSpec"
        | "api.apps.v1.DeploymentSpec"
        | "api.apps.v1.ReplicaSetSpec"
        | "api.apps.v1.StatefulSetSpec"
        | "api.core.v1.ReplicationControllerSpec" => always_restarts(faults, view),
        "api.autoscaling.v2.HPAScalingRules" => scaling_rules(faults, view),
        "api.autoscaling.v2.MetricSpec" => metric(faults, view),
        "api.batch.v1.JobSpec" => job_ends(faults, view),
        "api.core.v1.AppArmorProfile" => localhost_profile(faults, view, "AppArmor"),
        "api.core.v1.EnvVar" => value_or_source(faults, view),
        "api.core.v1.NodeSelectorRequirement"
        | "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement" => requirement(faults, view),
        "api.core.v1.PersistentVolumeClaimSpec" => claim(faults, view),
        "api.core.v1.SeccompProfile" => localhost_profile(faults, view, "seccomp"),
        "api.core.v1.ServiceSpec" => service(faults, view),
        "api.networking.v1.IngressServiceBackend" => backend_port(faults, view),
        "api.networking.v1.IngressSpec" => ingress(faults, view),
        "api.networking.v1.NetworkPolicyPeer" => peer(faults, view),
        "api.policy.v1.PodDisruptionBudgetSpec" => budget(faults, view),
        "api.rbac.v1.ClusterRoleBinding" => cluster_subjects(faults, view),
        "api.rbac.v1.PolicyRule" => policy_rule(faults, view),
        _ => {}
    }
}

impl View<'_> {
    /// Reports a field that is missing here.
    fn missing(self, faults: &mut Faults<'_>, name: &str, remark: &str, words: &str) {
        let message = format!("`{name}` is missing");
        let place = self.place.field(name);
        faults.refuse(
            "required-field",
            message,
            self.span(name),
            remark,
            &place,
            words,
        );
    }

    /// Reports a field that must not be here.
    fn unwanted(self, faults: &mut Faults<'_>, name: &str, remark: &str, words: &str) {
        let message = format!("`{name}` is not allowed here");
        let place = self.place.field(name);
        faults.refuse(
            "forbidden-field",
            message,
            self.span(name),
            remark,
            &place,
            words,
        );
    }
}

/// The restart policy of the pods that a workload makes, with where it stands.
fn restart_policy(view: View<'_>) -> (&str, Span) {
    let spec = view.get("template").and_then(|t| t.get("spec"));
    let policy = spec.and_then(|s| s.get("restartPolicy"));
    let template = view.span("template");
    let span = spec.map_or(template, |node| match node.as_map() {
        Some(map) => map.iter().next().map_or(template, |entry| entry.key_span),
        None => template,
    });
    match policy.and_then(Node::as_str) {
        Some(text) => (text, policy.map_or(span, |node| node.span)),
        None => ("", span),
    }
}

fn always_restarts(faults: &mut Faults<'_>, view: View<'_>) {
    let (policy, at) = restart_policy(view);
    if matches!(policy, "OnFailure" | "Never") {
        let (template, spec) = (view.place.field("template"), "spec");
        let place = template.field(spec);
        let place = place.field("restartPolicy");
        let words = format!("Unsupported value: \"{policy}\": supported values: \"Always\"");
        let message = format!("`restartPolicy` cannot be `{policy}`");
        let remark = "pods of this kind always restart; a Job's may end";
        faults.refuse("unsupported-value", message, at, remark, &place, &words);
    }
}

fn job_ends(faults: &mut Faults<'_>, view: View<'_>) {
    let (policy, at) = restart_policy(view);
    if matches!(policy, "" | "Always") {
        let template = view.place.field("template");
        let place = template.field("spec");
        let place = place.field("restartPolicy");
        let words = "Required value: valid values: \"OnFailure\", \"Never\"";
        let message = match policy {
            "" => "`restartPolicy` is missing".to_owned(),
            policy => format!("`restartPolicy` cannot be `{policy}`"),
        };
        let remark = "the pods of a Job need `restartPolicy: Never` or `OnFailure`";
        faults.refuse("required-field", message, at, remark, &place, words);
    }
}

fn scaling_rules(faults: &mut Faults<'_>, view: View<'_>) {
    if view
        .get("policies")
        .is_some_and(|p| p.as_seq().is_some_and(<[Node]>::is_empty))
    {
        let words = "Required value: must specify at least one Policy";
        view.missing(
            faults,
            "policies",
            "leave `policies` out for the default",
            words,
        );
    }
}

fn metric(faults: &mut Faults<'_>, view: View<'_>) {
    let field = match view.text("type") {
        "ContainerResource" => "containerResource",
        "External" => "external",
        "Object" => "object",
        "Pods" => "pods",
        "Resource" => "resource",
        _ => return,
    };
    if view.get(field).is_none() {
        let words = "Required value: must populate information for the given metric source";
        view.missing(faults, field, "the type of this metric demands it", words);
    }
}

fn localhost_profile(faults: &mut Faults<'_>, view: View<'_>, what: &str) {
    const FIELD: &str = "localhostProfile";
    let given = view.get(FIELD).is_some();
    match view.text("type") {
        "Localhost" if !given => {
            let words = format!("Required value: must be set when {what} type is Localhost");
            view.missing(faults, FIELD, "`type: Localhost` demands it", &words);
        }
        "" | "Localhost" => {}
        _ if given => {
            let words = format!("Invalid value: can only be set when {what} type is Localhost");
            view.unwanted(faults, FIELD, "only `type: Localhost` has it", &words);
        }
        _ => {}
    }
}

fn value_or_source(faults: &mut Faults<'_>, view: View<'_>) {
    if view.get("valueFrom").is_some() && !view.text("value").is_empty() {
        let words = "Invalid value: \"\": may not be specified when `value` is not empty";
        view.unwanted(faults, "valueFrom", "`value` is given too", words);
    }
}

fn requirement(faults: &mut Faults<'_>, view: View<'_>) {
    let values = view.items("values");
    match view.text("operator") {
        "In" | "NotIn" if values.is_empty() => {
            let words = "Required value: must be specified when `operator` is 'In' or 'NotIn'";
            view.missing(faults, "values", "In and NotIn compare with values", words);
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let words =
                "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            view.unwanted(faults, "values", "Exists and DoesNotExist take none", words);
        }
        "Gt" | "Lt" if values.len() != 1 => {
            let words =
                "Required value: must be specified single value when `operator` is 'Lt' or 'Gt'";
            let message = "exactly one value is required".to_owned();
            let place = view.place.field("values");
            let at = view.span("values");
            faults.refuse("required-field", message, at, "", &place, words);
        }
        _ => {}
    }
}

fn claim(faults: &mut Faults<'_>, view: View<'_>) {
    let requests = view.get("resources").and_then(|r| r.get("requests"));
    if requests.and_then(|r| r.get("storage")).is_none() {
        let resources = view.place.field("resources");
        let place = resources.key("storage");
        let message = "`resources.requests.storage` is missing".to_owned();
        let remark = "how much is claimed?";
        let at = view.span("resources");
        faults.refuse(
            "required-field",
            message,
            at,
            remark,
            &place,
            "Required value",
        );
    }
}

fn service(faults: &mut Faults<'_>, view: View<'_>) {
    let external = view.text("type") == "ExternalName";
    let clusters = view.items("clusterIPs").first().and_then(Node::as_str);
    let headless = view.text("clusterIP") == "None" || clusters == Some("None");
    let ports = view.items("ports");
    if external && view.text("externalName").is_empty() {
        view.missing(
            faults,
            "externalName",
            "`type: ExternalName` demands it",
            "Required value",
        );
    }
    if !external && !headless && ports.is_empty() {
        view.missing(
            faults,
            "ports",
            "only a headless Service goes without",
            "Required value",
        );
    }
    if ports.len() < 2 {
        return;
    }
    let list = view.place.field("ports");
    for (index, port) in ports.iter().enumerate() {
        if port
            .get("name")
            .is_none_or(|name| name.is_null() || name.as_str() == Some(""))
        {
            let item = list.index(index);
            let place = item.field("name");
            let first = port.as_map().and_then(|map| map.iter().next());
            let at = first.map_or(port.span, |entry| entry.key_span);
            let message = "`name` is missing".to_owned();
            let remark = "with several ports each needs a name";
            faults.refuse(
                "required-field",
                message,
                at,
                remark,
                &place,
                "Required value",
            );
        }
    }
}

fn backend_port(faults: &mut Faults<'_>, view: View<'_>) {
    let port = view.get("port");
    let name = port.and_then(|p| p.get("name")).and_then(Node::as_str);
    let number = port.and_then(|p| p.get("number")).and_then(Node::as_i64);
    let named = name.is_some_and(|name| !name.is_empty());
    let numbered = number.is_some_and(|number| number != 0);
    // The server names the backend, not its service.
    let Some(backend) = view.place.parent() else {
        return;
    };
    let at = view.span("port");
    if !named && !numbered && port.is_none_or(|p| p.as_map().is_some()) {
        let words = "Required value: port name or number is required";
        let message = "`port` is missing".to_owned();
        let remark = "give its `name` or its `number`";
        faults.refuse("required-field", message, at, remark, backend, words);
    } else if named && numbered {
        let words = "Invalid value: \"\": cannot set both port name & port number";
        let message = "`name` stands beside `number`".to_owned();
        let remark = "only one of them is allowed";
        faults.refuse("one-of", message, at, remark, backend, words);
    }
}

fn ingress(faults: &mut Faults<'_>, view: View<'_>) {
    if view.items("rules").is_empty() && view.get("defaultBackend").is_none() {
        let words = "Invalid value: null: either `defaultBackend` or `rules` must be specified";
        let message = "neither `rules` nor `defaultBackend` is given".to_owned();
        faults.refuse(
            "one-of",
            message,
            view.at,
            "one is required",
            view.place,
            words,
        );
    }
}

fn peer(faults: &mut Faults<'_>, view: View<'_>) {
    let selects = view
        .get("podSelector")
        .or_else(|| view.get("namespaceSelector"));
    if view.get("ipBlock").is_some() && selects.is_some() {
        let words = "Forbidden: may not specify both ipBlock and another peer";
        let message = "`ipBlock` stands beside a selector".to_owned();
        let remark = "write two peers";
        let at = view.span("ipBlock");
        faults.refuse("one-of", message, at, remark, view.place, words);
    }
}

fn budget(faults: &mut Faults<'_>, view: View<'_>) {
    if view.get("minAvailable").is_some() && view.get("maxUnavailable").is_some() {
        let words = "Invalid value: minAvailable and maxUnavailable cannot be both set";
        let message = "`minAvailable` stands beside `maxUnavailable`".to_owned();
        let remark = "only one of them is allowed";
        let at = view.span("maxUnavailable");
        faults.refuse("one-of", message, at, remark, view.place, words);
    }
}

/// A binding in a namespace takes its own; one of the whole cluster has none to take.
fn cluster_subjects(faults: &mut Faults<'_>, view: View<'_>) {
    let list = view.place.field("subjects");
    for (index, subject) in view.items("subjects").iter().enumerate() {
        let text = |name| subject.get(name).and_then(Node::as_str).unwrap_or_default();
        let typed = |name| {
            subject
                .get(name)
                .is_none_or(|n| n.is_null() || n.as_str().is_some())
        };
        if text("kind") == "ServiceAccount" && text("namespace").is_empty() && typed("namespace") {
            let item = list.index(index);
            let place = item.field("namespace");
            let at = subject.get("name").map_or(subject.span, |node| node.span);
            let message = "`namespace` is missing".to_owned();
            let remark = "which namespace is this ServiceAccount in?";
            faults.refuse(
                "required-field",
                message,
                at,
                remark,
                &place,
                "Required value",
            );
        }
    }
}

fn policy_rule(faults: &mut Faults<'_>, view: View<'_>) {
    let resources = ["apiGroups", "resources", "resourceNames"];
    if !view.items("nonResourceURLs").is_empty() {
        if resources.iter().any(|name| !view.items(name).is_empty()) {
            let words =
                "Invalid value: rules cannot apply to both regular resources and non-resource URLs";
            let remark = "write two rules";
            view.unwanted(faults, "nonResourceURLs", remark, words);
        }
        return;
    }
    for (name, remark, what) in [
        ("apiGroups", "the core group is `\"\"`", "api group"),
        ("resources", "which resources?", "resource"),
    ] {
        let typed = view.get(name).is_none_or(|node| node.as_seq().is_some());
        if view.items(name).is_empty() && typed {
            let words = format!("Required value: resource rules must supply at least one {what}");
            view.missing(faults, name, remark, &words);
        }
    }
}
