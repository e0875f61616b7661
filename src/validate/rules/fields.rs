//! Rules about one field alone: the form of a text, the range of a number, the keys of a mapping.
//!
//! The table follows `pkg/apis/*/validation` of Kubernetes 1.37. An empty text and a 0 are no
//! values for most fields; the few where they are checked say so.

use super::form::Form;
use crate::manifest::{Entry, Node};
use crate::schema::Object;
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// What is asked of a value.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// A form, unless the text is empty. In a list it is asked of each item, also an empty one.
    Text(Form),
    /// A form, also of an empty text.
    Always(Form),
    /// An integer from a number on; the server's words when it is not.
    From(i64, &'static str),
    /// An integer between two, both included. 0 counts as no value where none differs from 0.
    Within(i64, i64),
    /// A port: a number or a name.
    Port,
    /// A mapping of label keys and values.
    Labels,
    /// At most so many characters.
    AtMost(usize),
}

use Check::{Always, AtMost, From, Labels, Port, Text, Within};
use Form::{
    ConfigKey, Dns1035Label, DnsLabel, DnsPrefix, DnsSubdomain, DomainPath, EnvName, HeaderName,
    Ip, LabelKey, LabelValue, PathSegment, PortName, ServiceName, WildcardOrSubdomain,
};

const NOT_NEGATIVE: Check = From(0, "must be greater than or equal to 0");
const POSITIVE: Check = From(1, "must be greater than 0");
const PORT: Check = Within(1, 65535);
const USER: Check = Within(0, 2_147_483_647);

/// Types without `io.k8s.`, sorted, with the rules of their fields.
static FIELDS: &[(&str, &[(&str, Check)])] = &[
    (
        "api.admissionregistration.v1.MatchCondition",
        &[("name", Always(LabelKey))],
    ),
    (
        "api.admissionregistration.v1.MutatingAdmissionPolicyBindingSpec",
        &[("policyName", Text(DnsSubdomain))],
    ),
    (
        "api.admissionregistration.v1.ServiceReference",
        &[("port", PORT)],
    ),
    (
        "api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec",
        &[("policyName", Text(DnsSubdomain))],
    ),
    (
        "api.apps.v1.ControllerRevision",
        &[("revision", NOT_NEGATIVE)],
    ),
    (
        "api.apps.v1.DaemonSetSpec",
        &[
            ("minReadySeconds", NOT_NEGATIVE),
            ("revisionHistoryLimit", NOT_NEGATIVE),
        ],
    ),
    (
        "api.apps.v1.DeploymentSpec",
        &[
            ("minReadySeconds", NOT_NEGATIVE),
            ("progressDeadlineSeconds", NOT_NEGATIVE),
            ("replicas", NOT_NEGATIVE),
            ("revisionHistoryLimit", NOT_NEGATIVE),
        ],
    ),
    (
        "api.apps.v1.ReplicaSetSpec",
        &[
            ("minReadySeconds", NOT_NEGATIVE),
            ("replicas", NOT_NEGATIVE),
        ],
    ),
    (
        "api.apps.v1.RollingUpdateStatefulSetStrategy",
        &[("partition", NOT_NEGATIVE)],
    ),
    (
        "api.apps.v1.StatefulSetOrdinals",
        &[("start", NOT_NEGATIVE)],
    ),
    (
        "api.apps.v1.StatefulSetSpec",
        &[
            ("minReadySeconds", NOT_NEGATIVE),
            ("replicas", NOT_NEGATIVE),
        ],
    ),
    (
        "api.autoscaling.v1.CrossVersionObjectReference",
        &[("kind", Text(PathSegment)), ("name", Text(PathSegment))],
    ),
    (
        "api.autoscaling.v2.ContainerResourceMetricSource",
        &[("container", Text(DnsLabel))],
    ),
    (
        "api.autoscaling.v2.CrossVersionObjectReference",
        &[("kind", Text(PathSegment)), ("name", Text(PathSegment))],
    ),
    (
        "api.autoscaling.v2.MetricIdentifier",
        &[("name", Text(PathSegment))],
    ),
    (
        "api.batch.v1.CronJobSpec",
        &[
            ("failedJobsHistoryLimit", NOT_NEGATIVE),
            ("startingDeadlineSeconds", NOT_NEGATIVE),
            ("successfulJobsHistoryLimit", NOT_NEGATIVE),
        ],
    ),
    (
        "api.batch.v1.JobSpec",
        &[
            ("activeDeadlineSeconds", NOT_NEGATIVE),
            ("backoffLimit", NOT_NEGATIVE),
            ("backoffLimitPerIndex", NOT_NEGATIVE),
            ("completions", NOT_NEGATIVE),
            ("managedBy", Always(DomainPath)),
            ("managedBy", AtMost(63)),
            ("maxFailedIndexes", NOT_NEGATIVE),
            ("parallelism", NOT_NEGATIVE),
            ("ttlSecondsAfterFinished", NOT_NEGATIVE),
        ],
    ),
    (
        "api.batch.v1.PodFailurePolicyOnPodConditionsPattern",
        &[("type", Always(LabelKey))],
    ),
    (
        "api.coordination.v1.LeaseSpec",
        &[
            ("leaseDurationSeconds", POSITIVE),
            ("leaseTransitions", NOT_NEGATIVE),
        ],
    ),
    (
        "api.core.v1.ConfigMapEnvSource",
        &[("name", Text(DnsPrefix))],
    ),
    (
        "api.core.v1.ConfigMapKeySelector",
        &[("key", Text(ConfigKey)), ("name", Always(DnsSubdomain))],
    ),
    ("api.core.v1.Container", &[("name", Text(DnsLabel))]),
    (
        "api.core.v1.ContainerPort",
        &[
            ("containerPort", PORT),
            ("hostPort", PORT),
            ("name", Text(PortName)),
        ],
    ),
    ("api.core.v1.EnvFromSource", &[("prefix", Text(EnvName))]),
    ("api.core.v1.EnvVar", &[("name", Text(EnvName))]),
    (
        "api.core.v1.EphemeralContainer",
        &[("name", Text(DnsLabel))],
    ),
    ("api.core.v1.GRPCAction", &[("port", PORT)]),
    ("api.core.v1.HTTPGetAction", &[("port", Port)]),
    ("api.core.v1.HTTPHeader", &[("name", Always(HeaderName))]),
    (
        "api.core.v1.HostAlias",
        &[("hostnames", Text(DnsSubdomain)), ("ip", Always(Ip))],
    ),
    (
        "api.core.v1.PersistentVolumeClaimSpec",
        &[
            ("storageClassName", Text(DnsSubdomain)),
            ("volumeAttributesClassName", Text(DnsSubdomain)),
        ],
    ),
    (
        "api.core.v1.PersistentVolumeSpec",
        &[("storageClassName", Text(DnsSubdomain))],
    ),
    (
        "api.core.v1.PodReadinessGate",
        &[("conditionType", Always(LabelKey))],
    ),
    (
        "api.core.v1.PodResourceClaim",
        &[
            ("name", Text(DnsLabel)),
            ("resourceClaimName", Always(DnsSubdomain)),
            ("resourceClaimTemplateName", Always(DnsSubdomain)),
        ],
    ),
    (
        "api.core.v1.PodSecurityContext",
        &[
            ("fsGroup", USER),
            ("runAsGroup", USER),
            ("runAsUser", USER),
            ("supplementalGroups", USER),
        ],
    ),
    (
        "api.core.v1.PodSpec",
        &[
            ("activeDeadlineSeconds", Within(1, 2_147_483_647)),
            ("hostname", Text(DnsLabel)),
            ("nodeName", Text(DnsSubdomain)),
            ("nodeSelector", Labels),
            ("priorityClassName", Text(DnsSubdomain)),
            ("runtimeClassName", Always(DnsSubdomain)),
            ("serviceAccountName", Text(DnsSubdomain)),
            ("subdomain", Text(DnsLabel)),
        ],
    ),
    (
        "api.core.v1.Probe",
        &[
            ("failureThreshold", NOT_NEGATIVE),
            ("initialDelaySeconds", NOT_NEGATIVE),
            ("periodSeconds", NOT_NEGATIVE),
            ("successThreshold", NOT_NEGATIVE),
            ("terminationGracePeriodSeconds", POSITIVE),
            ("timeoutSeconds", NOT_NEGATIVE),
        ],
    ),
    (
        "api.core.v1.ReplicationControllerSpec",
        &[
            ("minReadySeconds", NOT_NEGATIVE),
            ("replicas", NOT_NEGATIVE),
            ("selector", Labels),
        ],
    ),
    ("api.core.v1.SecretEnvSource", &[("name", Text(DnsPrefix))]),
    (
        "api.core.v1.SecretKeySelector",
        &[("key", Text(ConfigKey)), ("name", Always(DnsSubdomain))],
    ),
    (
        "api.core.v1.SecurityContext",
        &[("runAsGroup", USER), ("runAsUser", USER)],
    ),
    (
        "api.core.v1.ServicePort",
        &[
            ("appProtocol", Always(LabelKey)),
            ("name", Text(DnsLabel)),
            ("port", PORT),
            ("targetPort", Port),
        ],
    ),
    ("api.core.v1.ServiceSpec", &[("selector", Labels)]),
    ("api.core.v1.TCPSocketAction", &[("port", Port)]),
    ("api.core.v1.Toleration", &[("key", Text(LabelKey))]),
    (
        "api.core.v1.TopologySelectorLabelRequirement",
        &[("key", Always(LabelKey))],
    ),
    ("api.core.v1.Volume", &[("name", Text(DnsLabel))]),
    (
        "api.discovery.v1.EndpointPort",
        &[("appProtocol", Always(LabelKey)), ("name", Text(DnsLabel))],
    ),
    (
        "api.flowcontrol.v1.ExemptPriorityLevelConfiguration",
        &[
            ("lendablePercent", Within(0, 100)),
            ("nominalConcurrencyShares", NOT_NEGATIVE),
        ],
    ),
    (
        "api.flowcontrol.v1.LimitedPriorityLevelConfiguration",
        &[
            ("borrowingLimitPercent", NOT_NEGATIVE),
            ("lendablePercent", Within(0, 100)),
            ("nominalConcurrencyShares", NOT_NEGATIVE),
        ],
    ),
    (
        "api.networking.v1.IngressClassSpec",
        &[
            ("controller", AtMost(250)),
            ("controller", Text(DomainPath)),
        ],
    ),
    (
        "api.networking.v1.IngressServiceBackend",
        &[("name", Text(ServiceName))],
    ),
    (
        "api.networking.v1.IngressSpec",
        &[("ingressClassName", Always(DnsSubdomain))],
    ),
    (
        "api.networking.v1.IngressTLS",
        &[
            ("hosts", Text(WildcardOrSubdomain)),
            ("secretName", Text(DnsSubdomain)),
        ],
    ),
    ("api.networking.v1.NetworkPolicyPort", &[("port", Port)]),
    (
        "api.networking.v1.ParentReference",
        &[
            ("group", Text(DnsSubdomain)),
            ("name", Text(PathSegment)),
            ("namespace", Text(PathSegment)),
            ("resource", Text(PathSegment)),
        ],
    ),
    (
        "api.networking.v1.ServiceBackendPort",
        &[("name", Text(PortName)), ("number", PORT)],
    ),
    ("api.node.v1.RuntimeClass", &[("handler", Text(DnsLabel))]),
    ("api.node.v1.Scheduling", &[("nodeSelector", Labels)]),
    ("api.rbac.v1.RoleRef", &[("name", Text(PathSegment))]),
    ("api.resource.v1.DeviceRequest", &[("name", Text(DnsLabel))]),
    (
        "api.resource.v1.DeviceSubRequest",
        &[
            ("deviceClassName", Text(DnsSubdomain)),
            ("name", Text(DnsLabel)),
        ],
    ),
    (
        "api.resource.v1.ExactDeviceRequest",
        &[("deviceClassName", Text(DnsSubdomain))],
    ),
    (
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference",
        &[("port", PORT)],
    ),
    (
        "apimachinery.pkg.apis.meta.v1.GroupResource",
        &[
            ("group", Text(DnsSubdomain)),
            ("resource", Text(Dns1035Label)),
        ],
    ),
    (
        "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
        &[("key", Always(LabelKey)), ("values", Text(LabelValue))],
    ),
];

/// Checks the fields of a mapping of a type.
pub(super) fn check(faults: &mut Faults<'_>, object: Object, view: View<'_>) {
    let name = object.name().strip_prefix("io.k8s.").unwrap_or_default();
    let Ok(index) = FIELDS.binary_search_by(|row| row.0.cmp(name)) else {
        return;
    };
    for (field, check) in FIELDS[index].1 {
        // The controller of a StatefulSet writes these two itself.
        if matches!(*field, "hostname" | "subdomain") && faults.context().kind == "StatefulSet" {
            continue;
        }
        let Some(entry) = view.map.entry(field).filter(|e| !e.value.is_null()) else {
            continue;
        };
        let is_pointer = || {
            object
                .field(field)
                .is_some_and(crate::schema::Field::is_pointer)
        };
        let is_required = || {
            object
                .field(field)
                .is_some_and(crate::schema::Field::required)
        };
        match *check {
            Text(form) | Always(form) if entry.value.as_seq().is_some() => {
                let items = entry.value.as_seq().unwrap_or_default();
                for (index, item) in items.iter().enumerate() {
                    // null is the empty text.
                    if let Some(text) = item.as_str().or(item.is_null().then_some("")) {
                        refuse_form(faults, view, &format!("{field}[{index}]"), form, text);
                    }
                }
            }
            Text(form) | Always(form) => {
                let always = matches!(check, Always(_)) && !is_required();
                if let Some(text) = entry.value.as_str().filter(|t| always || !t.is_empty()) {
                    refuse_form(faults, view, field, form, text);
                }
            }
            Labels => labels(faults, view, field, &entry.value),
            Port => port(faults, view, field, &entry.value),
            AtMost(length) => {
                if entry.value.as_str().is_some_and(|t| t.len() > length) {
                    too_long(faults, view, field, length);
                }
            }
            From(..) | Within(..) => numbers(faults, view, entry, *check, is_pointer),
        }
    }
}

fn numbers(
    faults: &mut Faults<'_>,
    view: View<'_>,
    entry: &Entry,
    check: Check,
    is_pointer: impl Fn() -> bool,
) {
    if let Some(items) = entry.value.as_seq() {
        for (index, item) in items.iter().enumerate() {
            if let Some(number) = item.as_i64() {
                refuse_number(
                    faults,
                    view,
                    &format!("{}[{index}]", entry.key),
                    number,
                    check,
                );
            }
        }
    } else if let Some(number) = entry.value.as_i64()
        && (number != 0 || is_pointer())
    {
        refuse_number(faults, view, &entry.key, number, check);
    }
}

fn refuse_number(faults: &mut Faults<'_>, view: View<'_>, path: &str, number: i64, check: Check) {
    match check {
        From(least, words) if number < least => {
            let remark = format!("{least} at least");
            view.invalid(faults, "out-of-range", path, &remark, words);
        }
        Within(least, most) if number < least || number > most => {
            range(faults, view, path, least, most);
        }
        _ => {}
    }
}

/// Reports a number outside a range.
pub(super) fn range(faults: &mut Faults<'_>, view: View<'_>, path: &str, least: i64, most: i64) {
    let reason = format!("must be between {least} and {most}, inclusive");
    let remark = format!("{least} to {most}");
    view.invalid(faults, "out-of-range", path, &remark, reason);
}

/// Reports a text that is too long.
pub(super) fn too_long(faults: &mut Faults<'_>, view: View<'_>, path: &str, length: usize) {
    let finding = Finding {
        rule: "too-long",
        message: format!("`{}` is too long", path.rsplit('.').next().unwrap_or(path)),
        remark: &format!("at most {length} bytes"),
        words: format!("Too long: may not be more than {length} bytes"),
    };
    view.refuse(faults, path, finding);
}

/// Reports a text that does not have a form.
pub(super) fn refuse_form(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    form: Form,
    text: &str,
) {
    let version = faults.version();
    let Some(words) = form.fault(text, version) else {
        return;
    };
    let remark = match form.nearest(text, version) {
        Some(near) => format!("did you mean `{near}`?"),
        None => form.rule().to_owned(),
    };
    let finding = Finding {
        rule: rule_of(form),
        message: no_form(text, form),
        remark: &remark,
        words: format!("Invalid value: {text:?}: {words}"),
    };
    view.refuse(faults, path, finding);
}

/// A port: a number from 1 to 65535, or a name.
pub(super) fn port(faults: &mut Faults<'_>, view: View<'_>, path: &str, node: &Node) {
    if let Some(number) = node.as_i64() {
        // Where 0 means the port itself, a default has replaced it.
        let is_unset = number == 0 && path == "targetPort";
        if !is_unset && !(1..=65535).contains(&number) {
            range(faults, view, path, 1, 65535);
        }
    } else if let Some(text) = node.as_str()
        && !(text.is_empty() && path == "targetPort")
    {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let words = Form::PortName.fault(text, faults.version());
            let remark = format!("write it without quotes: {text}");
            return view.invalid(
                faults,
                "invalid-port",
                path,
                &remark,
                words.unwrap_or_default(),
            );
        }
        refuse_form(faults, view, path, Form::PortName, text);
    }
}

/// Checks label keys and values of the mapping at `path`, which the server reports as a whole.
pub(super) fn labels(faults: &mut Faults<'_>, view: View<'_>, path: &str, node: &Node) {
    let version = faults.version();
    for entry in node.as_map().into_iter().flatten() {
        let text = entry.value.as_str().unwrap_or_default();
        for (form, text, span) in [
            (LabelKey, entry.key.as_str(), entry.key_span),
            (LabelValue, text, entry.value.span),
        ] {
            let Some(words) = form.fault(text, version) else {
                continue;
            };
            let remark = match form.nearest(text, version) {
                Some(near) => format!("did you mean `{near}`?"),
                None => form.rule().to_owned(),
            };
            let finding = Finding {
                rule: "invalid-label",
                message: no_form(
                    text,
                    if form == LabelKey {
                        LabelKey
                    } else {
                        LabelValue
                    },
                ),
                remark: &remark,
                words: format!("Invalid value: {text:?}: {words}"),
            };
            view.refuse_at(faults, path, span, finding);
        }
    }
}

fn no_form(text: &str, form: Form) -> String {
    match text {
        "" => format!("this is empty, and no {}", form.noun()),
        text => format!("`{text}` is no {}", form.noun()),
    }
}

fn rule_of(form: Form) -> &'static str {
    match form {
        Form::Cidr | Form::Ip => "invalid-address",
        Form::LabelKey | Form::LabelValue => "invalid-label",
        Form::PortName => "invalid-port",
        Form::RelativeFile | Form::RelativePath => "invalid-path",
        Form::ConfigKey | Form::EnvName => "invalid-key",
        _ => "invalid-name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Version, tables};

    #[test]
    fn the_table_is_sorted_and_names_fields_that_exist() {
        assert!(FIELDS.is_sorted_by_key(|row| row.0));
        let newest = tables(Version::newest());
        for (object, fields) in FIELDS {
            let found = newest.object(&format!("io.k8s.{object}"));
            let found = found.unwrap_or_else(|| panic!("{object}"));
            for (field, _) in *fields {
                assert!(found.field(field).is_some(), "{object}.{field}");
            }
        }
    }
}
