//! Which rules a type has, beyond those on its fields alone.

use super::{
    access, admission, autoscaling, backends, batch, certificates, config, container, crd, devices,
    drivers, endpoints, flow, network, nodes, pod, pod_system, policies, quotas, resources,
    reviews, scheduling, selectors, services, slices, storage, volumes, windows, workloads,
};
use crate::validate::fault::Faults;
use crate::validate::view::View;

/// A rule on a mapping.
type Rule = fn(&mut Faults<'_>, View<'_>);

/// Types without `io.k8s.`, sorted, with their rules.
static RULES: &[(&str, &[Rule])] = &[
    (
        "api.admissionregistration.v1.MutatingAdmissionPolicyBindingSpec",
        &[policies::mutating_binding],
    ),
    (
        "api.admissionregistration.v1.MutatingAdmissionPolicySpec",
        &[policies::mutating],
    ),
    (
        "api.admissionregistration.v1.MutatingWebhook",
        &[admission::webhook],
    ),
    (
        "api.admissionregistration.v1.NamedRuleWithOperations",
        &[admission::rule, policies::named_rule],
    ),
    (
        "api.admissionregistration.v1.ParamRef",
        &[policies::param_reference],
    ),
    (
        "api.admissionregistration.v1.RuleWithOperations",
        &[admission::rule],
    ),
    (
        "api.admissionregistration.v1.ServiceReference",
        &[admission::service],
    ),
    (
        "api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec",
        &[policies::validating_binding],
    ),
    (
        "api.admissionregistration.v1.ValidatingAdmissionPolicySpec",
        &[policies::validating],
    ),
    (
        "api.admissionregistration.v1.ValidatingWebhook",
        &[admission::webhook],
    ),
    ("api.apps.v1.ControllerRevision", &[storage::revision]),
    ("api.apps.v1.DaemonSetSpec", &[workloads::daemon_set]),
    ("api.apps.v1.DeploymentSpec", &[workloads::deployment]),
    ("api.apps.v1.ReplicaSetSpec", &[workloads::replica_set]),
    ("api.apps.v1.StatefulSetSpec", &[workloads::stateful_set]),
    (
        "api.authorization.v1.FieldSelectorAttributes",
        &[reviews::selector],
    ),
    (
        "api.authorization.v1.LabelSelectorAttributes",
        &[reviews::selector],
    ),
    (
        "api.authorization.v1.SelfSubjectAccessReviewSpec",
        &[|faults, view| reviews::access(faults, view, true)],
    ),
    (
        "api.authorization.v1.SubjectAccessReviewSpec",
        &[|faults, view| reviews::access(faults, view, false)],
    ),
    (
        "api.autoscaling.v1.HorizontalPodAutoscalerSpec",
        &[autoscaling::autoscaler],
    ),
    (
        "api.autoscaling.v2.ContainerResourceMetricSource",
        &[|faults, view| autoscaling::source(faults, view, "ContainerResource")],
    ),
    (
        "api.autoscaling.v2.ExternalMetricSource",
        &[|faults, view| autoscaling::source(faults, view, "External")],
    ),
    (
        "api.autoscaling.v2.HPAScalingPolicy",
        &[autoscaling::scaling_policy],
    ),
    (
        "api.autoscaling.v2.HPAScalingRules",
        &[autoscaling::scaling_rules],
    ),
    (
        "api.autoscaling.v2.HorizontalPodAutoscalerSpec",
        &[autoscaling::autoscaler],
    ),
    ("api.autoscaling.v2.MetricSpec", &[autoscaling::metric]),
    ("api.autoscaling.v2.MetricTarget", &[autoscaling::target]),
    (
        "api.autoscaling.v2.ObjectMetricSource",
        &[|faults, view| autoscaling::source(faults, view, "Object")],
    ),
    (
        "api.autoscaling.v2.PodsMetricSource",
        &[|faults, view| autoscaling::source(faults, view, "Pods")],
    ),
    (
        "api.autoscaling.v2.ResourceMetricSource",
        &[|faults, view| autoscaling::source(faults, view, "Resource")],
    ),
    ("api.batch.v1.CronJobSpec", &[batch::cron_job]),
    ("api.batch.v1.JobSpec", &[batch::job]),
    (
        "api.certificates.v1.CertificateSigningRequestSpec",
        &[certificates::request],
    ),
    (
        "api.certificates.v1.ClusterTrustBundleSpec",
        &[certificates::bundle],
    ),
    (
        "api.certificates.v1.PodCertificateRequestSpec",
        &[certificates::pod_request],
    ),
    (
        "api.core.v1.AWSElasticBlockStoreVolumeSource",
        &[backends::partition],
    ),
    (
        "api.core.v1.AppArmorProfile",
        &[|faults, view| container::local_profile(faults, view, true)],
    ),
    ("api.core.v1.AzureDiskVolumeSource", &[backends::azure_disk]),
    (
        "api.core.v1.AzureFilePersistentVolumeSource",
        &[backends::azure_file],
    ),
    (
        "api.core.v1.CinderPersistentVolumeSource",
        &[backends::secret_name, backends::secret_namespace],
    ),
    ("api.core.v1.CinderVolumeSource", &[backends::secret_name]),
    (
        "api.core.v1.ClusterTrustBundleProjection",
        &[certificates::bundle_source],
    ),
    ("api.core.v1.ConfigMap", &[config::config_map]),
    (
        "api.core.v1.ConfigMapVolumeSource",
        &[|faults, view| volumes::mode(faults, view, "defaultMode")],
    ),
    ("api.core.v1.Container", &[container::container]),
    ("api.core.v1.DownwardAPIVolumeFile", &[volumes::file]),
    (
        "api.core.v1.DownwardAPIVolumeSource",
        &[|faults, view| volumes::mode(faults, view, "defaultMode")],
    ),
    ("api.core.v1.EndpointAddress", &[endpoints::endpoint]),
    ("api.core.v1.EndpointSubset", &[endpoints::subset]),
    ("api.core.v1.EphemeralContainer", &[container::container]),
    ("api.core.v1.FCVolumeSource", &[backends::fibre_channel]),
    ("api.core.v1.FlexPersistentVolumeSource", &[backends::flex]),
    ("api.core.v1.FlexVolumeSource", &[backends::flex]),
    ("api.core.v1.FlockerVolumeSource", &[backends::flocker]),
    (
        "api.core.v1.GCEPersistentDiskVolumeSource",
        &[backends::partition],
    ),
    (
        "api.core.v1.GlusterfsPersistentVolumeSource",
        &[backends::gluster],
    ),
    (
        "api.core.v1.ISCSIPersistentVolumeSource",
        &[backends::iscsi, backends::secret_name],
    ),
    ("api.core.v1.ISCSIVolumeSource", &[backends::iscsi]),
    ("api.core.v1.KeyToPath", &[volumes::file]),
    ("api.core.v1.LimitRangeItem", &[quotas::limit_range]),
    ("api.core.v1.LimitRangeSpec", &[quotas::limit_types]),
    ("api.core.v1.NamespaceSpec", &[storage::namespace]),
    (
        "api.core.v1.NodeSelectorRequirement",
        &[scheduling::node_requirement],
    ),
    ("api.core.v1.NodeSpec", &[nodes::spec]),
    (
        "api.core.v1.ObjectFieldSelector",
        &[container::field_reference],
    ),
    ("api.core.v1.PersistentVolumeClaimSpec", &[volumes::claim]),
    (
        "api.core.v1.PersistentVolumeClaimTemplate",
        &[volumes::template],
    ),
    ("api.core.v1.PersistentVolumeSpec", &[storage::volume]),
    ("api.core.v1.PodAffinityTerm", &[scheduling::pod_term]),
    (
        "api.core.v1.PodCertificateProjection",
        &[certificates::pod_certificate],
    ),
    ("api.core.v1.PodSecurityContext", &[pod_system::sysctls]),
    (
        "api.core.v1.PodSpec",
        &[
            pod::spec,
            scheduling::spread_pairs,
            |faults, view| resources::overhead(faults, view, "overhead"),
            resources::of_pod,
        ],
    ),
    ("api.core.v1.PodTemplateSpec", &[workloads::template]),
    ("api.core.v1.PreferredSchedulingTerm", &[scheduling::weight]),
    ("api.core.v1.Probe", &[container::probe]),
    ("api.core.v1.ProjectedVolumeSource", &[volumes::projected]),
    ("api.core.v1.QuobyteVolumeSource", &[backends::quobyte]),
    (
        "api.core.v1.ReplicationControllerSpec",
        &[workloads::controller],
    ),
    (
        "api.core.v1.ResourceFieldSelector",
        &[container::resource_reference],
    ),
    ("api.core.v1.ResourceQuotaSpec", &[quotas::quota]),
    (
        "api.core.v1.ResourceRequirements",
        &[resources::requirements],
    ),
    (
        "api.core.v1.ScopedResourceSelectorRequirement",
        &[quotas::scope],
    ),
    (
        "api.core.v1.SeccompProfile",
        &[|faults, view| container::local_profile(faults, view, false)],
    ),
    (
        "api.core.v1.SecretVolumeSource",
        &[|faults, view| volumes::mode(faults, view, "defaultMode")],
    ),
    ("api.core.v1.SecurityContext", &[container::security]),
    ("api.core.v1.ServiceSpec", &[services::service]),
    (
        "api.core.v1.StorageOSPersistentVolumeSource",
        &[backends::storage_os, backends::secret_namespace],
    ),
    ("api.core.v1.StorageOSVolumeSource", &[backends::storage_os]),
    ("api.core.v1.Toleration", &[scheduling::toleration]),
    ("api.core.v1.TopologySelectorTerm", &[storage::topology]),
    (
        "api.core.v1.TopologySpreadConstraint",
        &[scheduling::spread],
    ),
    ("api.core.v1.Volume", &[volumes::volume]),
    ("api.core.v1.WeightedPodAffinityTerm", &[scheduling::weight]),
    (
        "api.core.v1.WindowsSecurityContextOptions",
        &[windows::options],
    ),
    ("api.discovery.v1.EndpointSlice", &[endpoints::slice]),
    ("api.flowcontrol.v1.FlowSchemaSpec", &[flow::schema]),
    ("api.flowcontrol.v1.LimitResponse", &[flow::response]),
    (
        "api.flowcontrol.v1.NonResourcePolicyRule",
        &[flow::other_rule],
    ),
    ("api.flowcontrol.v1.PolicyRulesWithSubjects", &[flow::rules]),
    (
        "api.flowcontrol.v1.PriorityLevelConfigurationSpec",
        &[flow::level],
    ),
    ("api.flowcontrol.v1.QueuingConfiguration", &[flow::queuing]),
    (
        "api.flowcontrol.v1.ResourcePolicyRule",
        &[flow::resource_rule],
    ),
    ("api.flowcontrol.v1.Subject", &[flow::subject]),
    (
        "api.networking.v1.HTTPIngressPath",
        &[network::ingress_path],
    ),
    ("api.networking.v1.IPBlock", &[network::ip_block]),
    (
        "api.networking.v1.IngressBackend",
        &[|faults, view| network::local_reference(faults, view, "resource")],
    ),
    (
        "api.networking.v1.IngressClassSpec",
        &[network::ingress_class],
    ),
    ("api.networking.v1.IngressRule", &[network::ingress_rule]),
    (
        "api.networking.v1.NetworkPolicyPort",
        &[network::policy_port],
    ),
    ("api.networking.v1.NetworkPolicySpec", &[network::policy]),
    (
        "api.networking.v1.ServiceCIDRSpec",
        &[services::service_ranges],
    ),
    (
        "api.node.v1.Overhead",
        &[|faults, view| resources::overhead(faults, view, "podFixed")],
    ),
    ("api.node.v1.Scheduling", &[storage::scheduling]),
    (
        "api.policy.v1.PodDisruptionBudgetSpec",
        &[autoscaling::budget],
    ),
    ("api.rbac.v1.PolicyRule", &[access::rule]),
    ("api.rbac.v1.RoleRef", &[access::role_reference]),
    ("api.rbac.v1.Subject", &[access::subject]),
    ("api.resource.v1.CELDeviceSelector", &[devices::selector]),
    ("api.resource.v1.Device", &[slices::device]),
    ("api.resource.v1.DeviceClaim", &[devices::claim]),
    ("api.resource.v1.DeviceClassSpec", &[devices::class]),
    ("api.resource.v1.DeviceRequest", &[devices::request]),
    ("api.resource.v1.DeviceSubRequest", &[devices::wanted]),
    ("api.resource.v1.DeviceTaint", &[slices::taint]),
    (
        "api.resource.v1.DeviceTaintSelector",
        &[slices::taint_selector],
    ),
    ("api.resource.v1.DeviceToleration", &[devices::toleration]),
    ("api.resource.v1.ExactDeviceRequest", &[devices::wanted]),
    (
        "api.resource.v1.OpaqueDeviceConfiguration",
        &[devices::configuration],
    ),
    (
        "api.resource.v1.ResourceClaimTemplateSpec",
        &[volumes::template],
    ),
    ("api.resource.v1.ResourceSliceSpec", &[slices::slice]),
    ("api.scheduling.v1.PriorityClass", &[storage::priority]),
    ("api.storage.v1.CSIDriverSpec", &[drivers::csi_driver]),
    ("api.storage.v1.CSINodeSpec", &[drivers::csi_node]),
    ("api.storage.v1.CSIStorageCapacity", &[drivers::capacity]),
    ("api.storage.v1.StorageClass", &[storage::class]),
    (
        "api.storage.v1.VolumeAttachmentSpec",
        &[drivers::attachment],
    ),
    (
        "api.storage.v1.VolumeAttributesClass",
        &[drivers::attributes],
    ),
    (
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec",
        &[crd::spec],
    ),
    (
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion",
        &[crd::version],
    ),
    (
        "apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference",
        &[admission::service],
    ),
    (
        "apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement",
        &[reviews::field_requirement],
    ),
    (
        "apimachinery.pkg.apis.meta.v1.LabelSelector",
        &[selectors::labels],
    ),
    (
        "kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec",
        &[storage::api_service],
    ),
];

/// The rules of a type; `name` is its name in OpenAPI.
pub(super) fn of(name: &str) -> &'static [Rule] {
    let name = name.strip_prefix("io.k8s.").unwrap_or_default();
    let index = RULES.binary_search_by(|row| row.0.cmp(name));
    index.map_or(&[], |index| RULES[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Version, tables};

    #[test]
    fn rules_are_sorted_and_of_types_that_exist() {
        assert!(RULES.is_sorted_by_key(|row| row.0));
        let newest = tables(Version::newest());
        for (name, _) in RULES {
            assert!(newest.object(&format!("io.k8s.{name}")).is_some(), "{name}");
        }
    }
}
