//! kustomize's default field specs, as tables.
//!
//! A line is `group version kind create path`; `-` is an empty part. A line that starts with `*`,
//! `+` or `%` stands for its path below each pod spec of a list of kinds (see [`pod_specs`]).
//! In [`NAME_REFERENCES`] a line `@ group version kind` names what the fields after it refer to.

/// The kinds with pod specs that a mark stands for: version, kind and where the pod spec is.
pub(super) fn pod_specs(mark: &str) -> &'static [(&'static str, &'static str, &'static str)] {
    const TEMPLATE: &str = "spec/template/spec";
    const CRON: &str = "spec/jobTemplate/spec/template/spec";
    match mark {
        // ConfigMaps and Secrets: no ReplicationController.
        "*" => &[
            ("v1", "Pod", "spec"),
            ("", "PodTemplate", "template/spec"),
            ("", "Deployment", TEMPLATE),
            ("", "ReplicaSet", TEMPLATE),
            ("", "DaemonSet", TEMPLATE),
            ("", "StatefulSet", TEMPLATE),
            ("", "Job", TEMPLATE),
            ("", "CronJob", CRON),
        ],
        // Service accounts, claims and priority classes: no ReplicaSet.
        "+" => &[
            ("", "Pod", "spec"),
            ("", "StatefulSet", TEMPLATE),
            ("", "Deployment", TEMPLATE),
            ("", "ReplicationController", TEMPLATE),
            ("", "Job", TEMPLATE),
            ("", "DaemonSet", TEMPLATE),
            ("", "CronJob", CRON),
        ],
        // Variables.
        "%" => &[
            ("", "Pod", "spec"),
            ("", "Deployment", TEMPLATE),
            ("", "ReplicaSet", TEMPLATE),
            ("", "DaemonSet", TEMPLATE),
            ("", "StatefulSet", TEMPLATE),
            ("", "Job", TEMPLATE),
            ("", "CronJob", CRON),
        ],
        _ => &[],
    }
}

pub(super) const NAMES: &str = "- - - - metadata/name";

/// Fields that `commonLabels` writes besides those of [`TEMPLATE_LABELS`].
pub(super) const SELECTOR_LABELS: &str = "\
- v1 Service create spec/selector
- v1 ReplicationController create spec/selector
- - Deployment create spec/selector/matchLabels
apps - Deployment - spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels
apps - Deployment - spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels
apps - Deployment - spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels
apps - Deployment - spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels
apps - Deployment - spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels
- - ReplicaSet create spec/selector/matchLabels
- - DaemonSet create spec/selector/matchLabels
apps - StatefulSet create spec/selector/matchLabels
apps - StatefulSet - spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels
apps - StatefulSet - spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels
apps - StatefulSet - spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels
apps - StatefulSet - spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels
apps - StatefulSet - spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels
batch - Job - spec/selector/matchLabels
batch - CronJob - spec/jobTemplate/spec/selector/matchLabels
policy - PodDisruptionBudget - spec/selector/matchLabels
networking.k8s.io - NetworkPolicy - spec/podSelector/matchLabels
networking.k8s.io - NetworkPolicy - spec/ingress/from/podSelector/matchLabels
networking.k8s.io - NetworkPolicy - spec/egress/to/podSelector/matchLabels";

pub(super) const TEMPLATE_LABELS: &str = "\
- - - create metadata/labels
- v1 ReplicationController create spec/template/metadata/labels
- - Deployment create spec/template/metadata/labels
- - ReplicaSet create spec/template/metadata/labels
- - DaemonSet create spec/template/metadata/labels
apps - StatefulSet create spec/template/metadata/labels
apps - StatefulSet create spec/volumeClaimTemplates[]/metadata/labels
batch - Job create spec/template/metadata/labels
batch - CronJob create spec/jobTemplate/metadata/labels
batch - CronJob create spec/jobTemplate/spec/template/metadata/labels";

pub(super) const ANNOTATIONS: &str = "\
- - - create metadata/annotations
- v1 ReplicationController create spec/template/metadata/annotations
- - Deployment create spec/template/metadata/annotations
- - ReplicaSet create spec/template/metadata/annotations
- - DaemonSet create spec/template/metadata/annotations
- - StatefulSet create spec/template/metadata/annotations
batch - Job create spec/template/metadata/annotations
batch - CronJob create spec/jobTemplate/metadata/annotations
batch - CronJob create spec/jobTemplate/spec/template/metadata/annotations";

pub(super) const NAMESPACE: &str = "\
- - Namespace create metadata/name
apiregistration.k8s.io - APIService create spec/service/namespace
apiextensions.k8s.io - CustomResourceDefinition - spec/conversion/webhook/clientConfig/service/namespace";

pub(super) const IMAGES: &str = "\
- - - create spec/containers[]/image
- - - create spec/initContainers[]/image
- - - create spec/volumes[]/image/reference
- - - create spec/template/spec/containers[]/image
- - - create spec/template/spec/initContainers[]/image
- - - create spec/template/spec/volumes[]/image/reference";

pub(super) const REPLICAS: &str = "\
- - Deployment create spec/replicas
- - ReplicationController create spec/replicas
- - ReplicaSet create spec/replicas
- - StatefulSet create spec/replicas";

pub(super) const VAR_REFERENCES: &str = "\
% containers/args
% containers/command
% containers/env/value
% containers/volumeMounts/mountPath
% initContainers/args
% initContainers/command
% initContainers/env/value
% initContainers/volumeMounts/mountPath
- - CronJob - spec/jobTemplate/spec/template/volumes/nfs/server
- - DaemonSet - spec/template/spec/volumes/nfs/server
- - Deployment - spec/template/spec/volumes/nfs/server
- - Deployment - spec/template/metadata/annotations
- - Ingress - spec/rules/host
- - Ingress - spec/tls/hosts
- - Ingress - spec/tls/secretName
- - Job - spec/template/spec/volumes/nfs/server
- - Pod - spec/volumes/nfs/server
- - ReplicaSet - spec/template/spec/volumes/nfs/server
- - Service - spec/ports/port
- - Service - spec/ports/targetPort
- - StatefulSet - spec/volumeClaimTemplates/spec/nfs/server
- - PersistentVolume - spec/nfs/server
- - - - metadata/labels
- - - - metadata/annotations";

pub(super) const NAME_REFERENCES: &str = "\
@ - - Deployment
- - HorizontalPodAutoscaler - spec/scaleTargetRef/name
@ - - ReplicationController
- - HorizontalPodAutoscaler - spec/scaleTargetRef/name
@ - - ReplicaSet
- - HorizontalPodAutoscaler - spec/scaleTargetRef/name
@ - - StatefulSet
- - HorizontalPodAutoscaler - spec/scaleTargetRef/name
@ - v1 ConfigMap
* volumes/configMap/name
* containers/env/valueFrom/configMapKeyRef/name
* initContainers/env/valueFrom/configMapKeyRef/name
* containers/envFrom/configMapRef/name
* initContainers/envFrom/configMapRef/name
* volumes/projected/sources/configMap/name
- - Node - spec/configSource/configMap
- - Role - rules/resourceNames
- - ClusterRole - rules/resourceNames
- - Ingress - metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap
@ - v1 Secret
* volumes/secret/secretName
* containers/env/valueFrom/secretKeyRef/name
* initContainers/env/valueFrom/secretKeyRef/name
* containers/envFrom/secretRef/name
* initContainers/envFrom/secretRef/name
* imagePullSecrets/name
* volumes/projected/sources/secret/name
- - Ingress - spec/tls/secretName
- - Ingress - metadata/annotations/ingress.kubernetes.io\\/auth-secret
- - Ingress - metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret
- - Ingress - metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret
- - ServiceAccount - imagePullSecrets/name
- - StorageClass - parameters/secretName
- - StorageClass - parameters/adminSecretName
- - StorageClass - parameters/userSecretName
- - StorageClass - parameters/secretRef
- - Role - rules/resourceNames
- - ClusterRole - rules/resourceNames
serving.knative.dev v1 Service - spec/template/spec/containers/env/valueFrom/secretKeyRef/name
- - PersistentVolume - spec/azureFile/secretName
@ - v1 Service
apps - StatefulSet - spec/serviceName
- - Ingress - spec/rules/http/paths/backend/serviceName
- - Ingress - spec/backend/serviceName
- - Ingress - spec/rules/http/paths/backend/service/name
- - Ingress - spec/defaultBackend/service/name
apiregistration.k8s.io - APIService - spec/service/name
admissionregistration.k8s.io - ValidatingWebhookConfiguration - webhooks/clientConfig/service
admissionregistration.k8s.io - MutatingWebhookConfiguration - webhooks/clientConfig/service
@ rbac.authorization.k8s.io - Role
rbac.authorization.k8s.io - RoleBinding - roleRef/name
@ rbac.authorization.k8s.io - ClusterRole
rbac.authorization.k8s.io - RoleBinding - roleRef/name
rbac.authorization.k8s.io - ClusterRoleBinding - roleRef/name
@ - v1 ServiceAccount
+ serviceAccountName
rbac.authorization.k8s.io - RoleBinding - subjects
rbac.authorization.k8s.io - ClusterRoleBinding - subjects
@ - v1 PersistentVolumeClaim
+ volumes/persistentVolumeClaim/claimName
@ - v1 PersistentVolume
- - PersistentVolumeClaim - spec/volumeName
- - ClusterRole - rules/resourceNames
@ storage.k8s.io v1 StorageClass
- - PersistentVolume - spec/storageClassName
- - PersistentVolumeClaim - spec/storageClassName
- - StatefulSet - spec/volumeClaimTemplates/spec/storageClassName
@ scheduling.k8s.io v1 PriorityClass
+ priorityClassName
@ networking.k8s.io/v1 v1 IngressClass
- - Ingress - spec/ingressClassName
@ admissionregistration.k8s.io - ValidatingAdmissionPolicy
admissionregistration.k8s.io - ValidatingAdmissionPolicyBinding - spec/policyName";
