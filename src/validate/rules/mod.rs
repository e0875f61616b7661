//! What the server refuses after it has decoded an object and filled in defaults: names, ranges,
//! and what must fit together. Each file has the rules of one area, after the function of
//! `pkg/apis/*/validation` of Kubernetes 1.37 that it names.

mod access;
mod admission;
mod annotations;
mod autoscaling;
mod batch;
mod certificates;
mod config;
mod container;
mod context;
mod crd;
mod cron;
mod devices;
mod drivers;
mod events;
mod expressions;
mod fields;
mod flow;
mod form;
mod metadata;
mod network;
mod pod;
mod policies;
mod resources;
mod reviews;
mod scheduling;
mod schema_rules;
mod selectors;
mod slices;
mod storage;
mod structural;
mod volumes;
mod windows;
mod workloads;

pub(super) use context::Context;
pub(super) use crd::rename_fields;
pub(super) use metadata::of_custom as custom_metadata;

use super::fault::Faults;
use super::place::Place;
use super::view::View;
use crate::manifest::{self, Map, Node, Span};
use crate::schema::{Kind, Object, Version};

/// Checks what concerns an object as a whole.
pub(super) fn whole(faults: &mut Faults<'_>, manifest: &manifest::Object, kind: Kind) {
    metadata::check(faults, manifest, kind);
    annotations::whole(faults, manifest, kind);
    match kind.group() {
        "" if kind.kind() == "Secret" => config::whole(faults, manifest),
        "" | "events.k8s.io" if kind.kind() == "Event" => events::whole(faults, manifest, kind),
        "authorization.k8s.io" => reviews::whole(faults, manifest, kind.kind()),
        _ => {}
    }
}

/// What the server complains of in a text that is no DNS label.
pub(super) fn label_fault(text: &str, version: Version) -> Vec<String> {
    separate(form::Form::DnsLabel.fault(text, version))
}

/// What the server complains of in a text that is no value of a label.
pub(super) fn label_value_fault(text: &str, version: Version) -> Vec<String> {
    separate(form::Form::LabelValue.fault(text, version))
}

/// What the server complains of in a text that is no qualified name.
pub(super) fn qualified_fault(text: &str, version: Version) -> Vec<String> {
    let words = form::Form::LabelKey.fault(text, version);
    separate(words.map(|words| words.replace("a valid label key", "a qualified name")))
}

/// Takes apart what the length and the shape of a text were said to be together.
fn separate(words: Option<String>) -> Vec<String> {
    let Some(words) = words else {
        return Vec::new();
    };
    let long = words.starts_with("must be no more than");
    match words.split_once(", ").filter(|_| long) {
        Some((length, shape)) => vec![length.to_owned(), shape.to_owned()],
        None => vec![words],
    }
}

/// Whether the server drops a field before it validates: a `dataSource` that is neither a claim nor
/// a snapshot (`EnforceDataSourceBackwardsCompatibility` of `pkg/api/persistentvolumeclaim`).
pub(super) fn is_dropped(field: &str, value: &Node) -> bool {
    field == "dataSource" && value.as_map().is_some() && !volumes::is_claim_or_snapshot(value)
}

/// Checks a mapping of a type. `at` is where it stands.
pub(super) fn check(
    faults: &mut Faults<'_>,
    object: Object,
    map: &Map,
    place: &Place<'_>,
    at: Span,
) {
    let view = View { map, place, at };
    fields::check(faults, object, view);
    match object.name().strip_prefix("io.k8s.").unwrap_or_default() {
        "api.admissionregistration.v1.MutatingWebhook"
        | "api.admissionregistration.v1.ValidatingWebhook" => admission::webhook(faults, view),
        "api.admissionregistration.v1.RuleWithOperations" => admission::rule(faults, view),
        "api.admissionregistration.v1.ServiceReference"
        | "apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference" => {
            admission::service(faults, view);
        }
        "api.apps.v1.DaemonSetSpec" => workloads::daemon_set(faults, view),
        "api.apps.v1.DeploymentSpec" => workloads::deployment(faults, view),
        "api.apps.v1.ReplicaSetSpec" => workloads::replica_set(faults, view),
        "api.apps.v1.StatefulSetSpec" => workloads::stateful_set(faults, view),
        "api.autoscaling.v1.HorizontalPodAutoscalerSpec"
        | "api.autoscaling.v2.HorizontalPodAutoscalerSpec" => autoscaling::autoscaler(faults, view),
        "api.autoscaling.v2.ContainerResourceMetricSource" => {
            autoscaling::source(faults, view, "ContainerResource");
        }
        "api.autoscaling.v2.ExternalMetricSource" => autoscaling::source(faults, view, "External"),
        "api.autoscaling.v2.HPAScalingPolicy" => autoscaling::scaling_policy(faults, view),
        "api.autoscaling.v2.HPAScalingRules" => autoscaling::scaling_rules(faults, view),
        "api.autoscaling.v2.MetricSpec" => autoscaling::metric(faults, view),
        "api.autoscaling.v2.MetricTarget" => autoscaling::target(faults, view),
        "api.autoscaling.v2.ObjectMetricSource" => autoscaling::source(faults, view, "Object"),
        "api.autoscaling.v2.PodsMetricSource" => autoscaling::source(faults, view, "Pods"),
        "api.autoscaling.v2.ResourceMetricSource" => autoscaling::source(faults, view, "Resource"),
        "api.batch.v1.CronJobSpec" => batch::cron_job(faults, view),
        "api.batch.v1.JobSpec" => batch::job(faults, view),
        "api.core.v1.ConfigMap" => config::config_map(faults, view),
        "api.core.v1.PersistentVolumeClaimTemplate"
        | "api.resource.v1.ResourceClaimTemplateSpec" => volumes::template(faults, view),
        "api.core.v1.EndpointSubset" => storage::subset(faults, view),
        "api.core.v1.NodeSpec" => storage::node(faults, view),
        "api.core.v1.ScopedResourceSelectorRequirement" => resources::scope(faults, view),
        "api.core.v1.LimitRangeSpec" => resources::limit_types(faults, view),
        "api.core.v1.TopologySelectorTerm" => storage::topology(faults, view),
        "api.admissionregistration.v1.NamedRuleWithOperations" => {
            admission::rule(faults, view);
            policies::named_rule(faults, view);
        }
        "api.admissionregistration.v1.MutatingAdmissionPolicySpec" => {
            policies::mutating(faults, view);
        }
        "api.admissionregistration.v1.ValidatingAdmissionPolicySpec" => {
            policies::validating(faults, view);
        }
        "api.admissionregistration.v1.MutatingAdmissionPolicyBindingSpec" => {
            policies::mutating_binding(faults, view);
        }
        "api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec" => {
            policies::validating_binding(faults, view);
        }
        "api.admissionregistration.v1.ParamRef" => policies::param_reference(faults, view),
        "api.authorization.v1.FieldSelectorAttributes"
        | "api.authorization.v1.LabelSelectorAttributes" => reviews::selector(faults, view),
        "api.authorization.v1.SelfSubjectAccessReviewSpec" => reviews::access(faults, view, true),
        "api.authorization.v1.SubjectAccessReviewSpec" => reviews::access(faults, view, false),
        "apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement" => {
            reviews::field_requirement(faults, view);
        }
        "api.certificates.v1.CertificateSigningRequestSpec" => certificates::request(faults, view),
        "api.certificates.v1.ClusterTrustBundleSpec" => certificates::bundle(faults, view),
        "api.certificates.v1.PodCertificateRequestSpec" => certificates::pod_request(faults, view),
        "api.flowcontrol.v1.FlowSchemaSpec" => flow::schema(faults, view),
        "api.flowcontrol.v1.LimitResponse" => flow::response(faults, view),
        "api.flowcontrol.v1.NonResourcePolicyRule" => flow::other_rule(faults, view),
        "api.flowcontrol.v1.PolicyRulesWithSubjects" => flow::rules(faults, view),
        "api.flowcontrol.v1.PriorityLevelConfigurationSpec" => flow::level(faults, view),
        "api.flowcontrol.v1.QueuingConfiguration" => flow::queuing(faults, view),
        "api.flowcontrol.v1.ResourcePolicyRule" => flow::resource_rule(faults, view),
        "api.flowcontrol.v1.Subject" => flow::subject(faults, view),
        "api.networking.v1.ServiceCIDRSpec" => network::service_ranges(faults, view),
        "api.apps.v1.ControllerRevision" => storage::revision(faults, view),
        "api.node.v1.Scheduling" => storage::scheduling(faults, view),
        "api.storage.v1.CSIDriverSpec" => drivers::csi_driver(faults, view),
        "api.storage.v1.CSINodeSpec" => drivers::csi_node(faults, view),
        "api.storage.v1.CSIStorageCapacity" => drivers::capacity(faults, view),
        "api.storage.v1.VolumeAttachmentSpec" => drivers::attachment(faults, view),
        "api.storage.v1.VolumeAttributesClass" => drivers::attributes(faults, view),
        "api.discovery.v1.EndpointSlice" => storage::slice(faults, view),
        "api.resource.v1.CELDeviceSelector" => devices::selector(faults, view),
        "api.resource.v1.Device" => slices::device(faults, view),
        "api.resource.v1.DeviceClaim" => devices::claim(faults, view),
        "api.resource.v1.DeviceClassSpec" => devices::class(faults, view),
        "api.resource.v1.DeviceSubRequest" | "api.resource.v1.ExactDeviceRequest" => {
            devices::wanted(faults, view);
        }
        "api.resource.v1.DeviceTaint" => slices::taint(faults, view),
        "api.resource.v1.DeviceTaintSelector" => slices::taint_selector(faults, view),
        "api.resource.v1.DeviceToleration" => devices::toleration(faults, view),
        "api.resource.v1.OpaqueDeviceConfiguration" => devices::configuration(faults, view),
        "api.resource.v1.ResourceSliceSpec" => slices::slice(faults, view),
        "kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec" => {
            storage::api_service(faults, view);
        }
        "api.core.v1.EndpointAddress" => storage::endpoint(faults, view),
        "api.core.v1.NamespaceSpec" => storage::namespace(faults, view),
        "api.core.v1.PersistentVolumeSpec" => storage::volume(faults, view),
        "api.policy.v1.PodDisruptionBudgetSpec" => autoscaling::budget(faults, view),
        "api.rbac.v1.PolicyRule" => access::rule(faults, view),
        "api.rbac.v1.RoleRef" => access::role_reference(faults, view),
        "api.rbac.v1.Subject" => access::subject(faults, view),
        "api.resource.v1.DeviceRequest" => devices::request(faults, view),
        "api.scheduling.v1.PriorityClass" => storage::priority(faults, view),
        "api.storage.v1.StorageClass" => storage::class(faults, view),
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec" => {
            crd::spec(faults, view);
        }
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion" => {
            crd::version(faults, view);
        }
        "api.core.v1.AppArmorProfile" => container::local_profile(faults, view, true),
        "api.core.v1.ConfigMapVolumeSource"
        | "api.core.v1.DownwardAPIVolumeSource"
        | "api.core.v1.SecretVolumeSource" => volumes::mode(faults, view, "defaultMode"),
        "api.core.v1.Container" | "api.core.v1.EphemeralContainer" => {
            container::container(faults, view);
        }
        "api.core.v1.DownwardAPIVolumeFile" | "api.core.v1.KeyToPath" => {
            volumes::file(faults, view);
        }
        "api.core.v1.LimitRangeItem" => resources::limit_range(faults, view),
        "api.core.v1.NodeSelectorRequirement" => scheduling::node_requirement(faults, view),
        "api.core.v1.ObjectFieldSelector" => container::field_reference(faults, view),
        "api.core.v1.PersistentVolumeClaimSpec" => volumes::claim(faults, view),
        "api.core.v1.PodAffinityTerm" => scheduling::pod_term(faults, view),
        "api.core.v1.PodSecurityContext" => pod::sysctls(faults, view),
        "api.core.v1.PodSpec" => {
            pod::spec(faults, view);
            scheduling::spread_pairs(faults, view);
            resources::overhead(faults, view, "overhead");
            resources::of_pod(faults, view);
        }
        "api.core.v1.PreferredSchedulingTerm" | "api.core.v1.WeightedPodAffinityTerm" => {
            scheduling::weight(faults, view);
        }
        "api.core.v1.Probe" => container::probe(faults, view),
        "api.core.v1.ProjectedVolumeSource" => volumes::projected(faults, view),
        "api.core.v1.ResourceFieldSelector" => container::resource_reference(faults, view),
        "api.core.v1.ResourceQuotaSpec" => resources::quota(faults, view),
        "api.core.v1.ResourceRequirements" => resources::requirements(faults, view),
        "api.core.v1.SeccompProfile" => container::local_profile(faults, view, false),
        "api.core.v1.SecurityContext" => container::security(faults, view),
        "api.core.v1.ServiceSpec" => network::service(faults, view),
        "api.core.v1.Toleration" => scheduling::toleration(faults, view),
        "api.core.v1.TopologySpreadConstraint" => scheduling::spread(faults, view),
        "api.core.v1.Volume" => volumes::volume(faults, view),
        "api.core.v1.ISCSIPersistentVolumeSource" | "api.core.v1.ISCSIVolumeSource" => {
            volumes::iscsi(faults, view);
        }
        "api.core.v1.WindowsSecurityContextOptions" => windows::options(faults, view),
        "api.networking.v1.HTTPIngressPath" => network::ingress_path(faults, view),
        "api.networking.v1.IPBlock" => network::ip_block(faults, view),
        "api.networking.v1.IngressBackend" => network::local_reference(faults, view, "resource"),
        "api.networking.v1.IngressClassSpec" => network::ingress_class(faults, view),
        "api.networking.v1.IngressRule" => network::ingress_rule(faults, view),
        "api.networking.v1.NetworkPolicyPort" => network::policy_port(faults, view),
        "api.networking.v1.NetworkPolicySpec" => network::policy(faults, view),
        "api.node.v1.Overhead" => resources::overhead(faults, view, "podFixed"),
        "api.core.v1.PodTemplateSpec" => workloads::template(faults, view),
        "api.core.v1.ReplicationControllerSpec" => workloads::controller(faults, view),
        "apimachinery.pkg.apis.meta.v1.LabelSelector" => selectors::labels(faults, view),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
