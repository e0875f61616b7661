//! The rules: what each is called, how much it weighs, and the function that looks for it.
//!
//! `docs/rules/` has a page for each. Severities: an error is a contradiction within the input
//! that cannot work; a warning is hardly ever meant; an info is a matter of taste or of what
//! stands elsewhere, and is only told on demand.

use super::context::Context;
use super::findings::Findings;
use super::{
    autoscaling, budgets, classes, gateway, ingress, monitors, names, network_policy, order,
    placement, pod_security, quota, ranges, rbac, references, services, workloads,
};
use crate::manifest::Severity::{self, Error, Info, Warning};

/// A rule of the lint.
#[derive(Debug)]
pub struct Rule {
    /// Stable identifier in kebab case.
    pub id: &'static str,
    /// How much a finding weighs, unless a switch says otherwise.
    pub severity: Severity,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Its page: what it finds, why, an example of each sort.
    pub page: &'static str,
    /// Looks for it.
    pub(super) check: fn(&Context<'_>, &mut Findings<'_>),
}

macro_rules! rules {
    ($($id:literal $severity:ident $check:path, $summary:literal;)*) => {
        /// All rules, by area.
        pub const RULES: &[Rule] = &[$(Rule {
            id: $id,
            severity: $severity,
            summary: $summary,
            page: include_str!(concat!("../../docs/rules/", $id, ".md")),
            check: $check,
        }),*];
    };
}

rules! {
    "service-selects-nothing" Warning services::selects_nothing, "a Service whose selector selects no pods";
    "service-target-port" Error services::target_port, "a Service's targetPort is a name that the selected pods do not have";
    "service-port-undeclared" Warning services::undeclared_port, "a Service leads to a port that the selected pods do not declare, while they declare others";
    "service-port-protocol" Warning services::protocol, "a Service's port has another protocol than the container's";
    "service-selects-several" Warning services::selects_several, "a Service selects a workload that does not have its port";
    "backend-missing-service" Warning ingress::missing_service, "an Ingress, route or webhook calls a Service that is not there";
    "backend-service-port" Error ingress::service_port, "an Ingress, route or webhook calls a port that the Service does not have";
    "backend-no-endpoints" Info ingress::no_endpoints, "an Ingress leads to a Service without pods";
    "ingress-duplicate-path" Warning ingress::duplicate_path, "two rules for the same host and path";
    "ingress-tls-host" Warning ingress::tls_host, "a certificate's host for which there is no rule";
    "ingress-tls-secret" Warning ingress::tls_secret, "a certificate's Secret that nothing makes";
    "ingress-class" Warning ingress::missing_class, "an IngressClass that is not among those of the input";
    "route-listener" Error gateway::route_listener, "a route to a listener that its Gateway does not have";
    "route-missing-gateway" Warning gateway::missing_gateway, "a route to a Gateway that is not there";
    "route-not-admitted" Error gateway::not_admitted, "a route that no listener of its Gateway takes up";
    "reference-grant" Warning gateway::reference_grant, "a reference into another namespace that no ReferenceGrant allows";
    "hpa-missing-target" Warning autoscaling::missing_target, "an autoscaler whose workload is not there";
    "hpa-unscalable-target" Error autoscaling::unscalable_target, "an autoscaler of a kind that cannot be scaled";
    "hpa-replicas-out-of-range" Warning autoscaling::replicas_out_of_range, "`replicas` outside what the autoscaler keeps";
    "hpa-replicas" Info autoscaling::replicas, "`replicas` beside an autoscaler";
    "hpa-duplicate-target" Error autoscaling::duplicate_target, "two autoscalers for one workload";
    "hpa-and-vpa" Warning autoscaling::vertical_and_horizontal, "a vertical and a horizontal autoscaler on one workload";
    "hpa-missing-request" Warning autoscaling::missing_request, "an autoscaler compares with requests that a container does not have";
    "hpa-missing-container" Error autoscaling::missing_container, "an autoscaler measures a container that the pods do not have";
    "pdb-unreachable" Warning budgets::unreachable, "a budget that asks for more pods than there will be";
    "pdb-blocks-evictions" Warning budgets::blocks_evictions, "a budget that lets no pod be evicted";
    "pdb-selects-nothing" Warning budgets::selects_nothing, "a budget for no pods";
    "pdb-overlap" Error budgets::overlap, "pods with two budgets, which cannot be evicted at all";
    "pdb-missing" Info budgets::without_budget, "several pods without a budget";
    "missing-config-map" Warning references::missing_config_map, "a ConfigMap that is not there";
    "missing-secret" Warning references::missing_secret, "a Secret that is not there";
    "missing-claim" Warning references::missing_claim, "a PersistentVolumeClaim that is not there";
    "missing-key" Error references::missing_key, "a key that the ConfigMap or Secret does not have";
    "missing-service-account" Warning references::missing_account, "a ServiceAccount that is not there";
    "missing-priority-class" Warning classes::missing_priority, "a PriorityClass that is not there";
    "missing-runtime-class" Warning classes::missing_runtime, "a RuntimeClass that is not there";
    "missing-storage-class" Warning classes::missing_storage, "a StorageClass that is not there";
    "missing-namespace" Warning classes::missing_namespace, "a Namespace that is not there";
    "pull-secret-type" Warning references::pull_secret_type, "an imagePullSecret of a type that cannot pull images";
    "config-unused" Info references::unused, "a ConfigMap or Secret that no pod uses";
    "config-rollout" Info references::rollout, "variables from a ConfigMap or Secret whose change makes no new pods";
    "claim-shared" Warning references::shared_claim, "several pods on a claim that one node can mount";
    "quota-exceeded" Error quota::exceeded, "workloads that ask for more than the quota of their namespace gives";
    "quota-required" Error quota::required, "a container that does not say what the quota of its namespace counts";
    "limit-range" Error ranges::out_of_range, "a container, a pod or a claim outside the LimitRange of its namespace";
    "pod-security" Error pod_security::refused, "pods that the security level of their namespace does not let in";
    "apply-order" Warning order::apply_order, "an object that is applied before one that it needs";
    "rbac-grants-nothing" Warning rbac::grants_nothing, "a role without rules, a binding without subjects";
    "rbac-unknown-resource" Warning rbac::unknown_resource, "a rule for a resource that its API group does not have";
    "rbac-missing-subject" Warning rbac::missing_subject, "a role is bound to a ServiceAccount that is not there";
    "rbac-missing-role" Warning rbac::missing_role, "a binding of a role that is not there";
    "rbac-unbound-role" Info rbac::unbound, "a Role that nothing binds";
    "rbac-wildcard" Info rbac::wildcard, "a role or binding that grants everything";
    "probe-port" Error workloads::probe_port, "a probe on a port name that its container does not have";
    "probe-port-undeclared" Info workloads::probe_undeclared, "a probe on a port number that no container declares";
    "image-latest" Warning workloads::image_latest, "an image without a tag, or with the tag `latest`";
    "requests-missing" Info workloads::no_requests, "a container that requests no cpu or no memory";
    "env-order" Warning workloads::env_order, "`$(NAME)` before the variable `NAME` is defined";
    "file-mode" Warning workloads::file_mode, "a file mode with octal digits that is a decimal number";
    "volume-unmounted" Info workloads::unmounted_volume, "a volume that no container mounts";
    "spread-selector" Warning placement::spread_selector, "a topology spread constraint that does not count the workload's own pods";
    "affinity-selector" Warning placement::affinity_selector, "an anti-affinity that keeps away from no pods";
    "selector-overlap" Warning workloads::selector_overlap, "two workloads that select each other's pods";
    "stateful-set-service" Warning workloads::stateful_service, "a StatefulSet without its headless Service";
    "stateful-set-name" Error workloads::name_too_long, "a StatefulSet whose name is too long for its pods";
    "network-policy-selects-nothing" Warning network_policy::selects_nothing, "a NetworkPolicy for no pods";
    "network-policy-port" Warning network_policy::port, "a NetworkPolicy names a port that the pods do not have";
    "network-policy-dns" Warning network_policy::dns, "a NetworkPolicy that lets pods call others, but not DNS";
    "network-policy-peer" Info network_policy::peer, "a NetworkPolicy lets in pods that are not in the input";
    "network-policy-missing" Info network_policy::no_policy, "a workload without any NetworkPolicy";
    "monitor-selects-nothing" Warning monitors::selects_nothing, "a ServiceMonitor or PodMonitor that scrapes nothing";
    "monitor-port" Warning monitors::port, "a monitor scrapes a port that does not exist";
    "duplicate-object" Error names::duplicate_object, "an object that is there twice";
    "namespace-on-cluster-object" Info names::cluster_scoped, "a namespace on an object that is in none";
    "mixed-namespaces" Info names::mixed_namespaces, "some objects name their namespace, others do not";
    "reinterpreted-key" Warning names::reinterpreted_key, "a key that YAML reads as another text";
}

/// The rule with an identifier.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
