//! Which lists kustomize merges by key, and which kinds it knows to be cluster-scoped.
//!
//! kustomize decides both by the OpenAPI schema of Kubernetes 1.21.2 that is compiled into it,
//! whatever the cluster's version is; the tables below are that schema with everything removed
//! that leads to no merged list.

use std::collections::HashMap;
use std::sync::LazyLock;

use smol_str::SmolStr;

use crate::manifest::Node;

/// A place in a [`MergeSchema`]: the schema of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaId(u32);

/// What is known about the values below objects: enough to merge patches into them.
#[derive(Clone, Debug, Default)]
pub struct MergeSchema {
    places: Vec<Place>,
    kinds: HashMap<(SmolStr, SmolStr), SchemaId>,
    namespaced: HashMap<(SmolStr, SmolStr), bool>,
}

#[derive(Clone, Debug)]
enum Place {
    /// Known, and nothing below it is merged by key.
    Opaque,
    Object(HashMap<SmolStr, SchemaId>),
    Map(SchemaId),
    List {
        items: Option<SchemaId>,
        /// `None`: a patch replaces the list. Empty: a list of scalars, merged by value.
        keys: Option<Vec<SmolStr>>,
    },
}

impl MergeSchema {
    /// The schema that is compiled into kustomize.
    pub fn builtin() -> &'static MergeSchema {
        static BUILTIN: LazyLock<MergeSchema> = LazyLock::new(MergeSchema::from_tables);
        &BUILTIN
    }

    /// Returns the schema of an object.
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<SchemaId> {
        let key = (SmolStr::new(api_version), SmolStr::new(kind));
        self.kinds.get(&key).copied()
    }

    /// Returns the schema of a field, or of a value in a map whose keys are free.
    pub fn field(&self, at: SchemaId, key: &str) -> Option<SchemaId> {
        match &self.places[at.0 as usize] {
            Place::Object(fields) => fields.get(key).copied(),
            Place::Map(values) => Some(*values),
            Place::Opaque | Place::List { .. } => None,
        }
    }

    /// Returns the schema of a list's elements.
    pub fn items(&self, at: SchemaId) -> Option<SchemaId> {
        match &self.places[at.0 as usize] {
            Place::List { items, .. } => *items,
            _ => None,
        }
    }

    /// Returns the merge keys of a list: `None` where a patch replaces the whole list, an empty
    /// slice for a list of scalars that are merged by value.
    pub fn merge_keys(&self, at: SchemaId) -> Option<&[SmolStr]> {
        match &self.places[at.0 as usize] {
            Place::List { keys, .. } => keys.as_deref(),
            _ => None,
        }
    }

    /// Whether a kind is certainly cluster-scoped. Kinds that kustomize does not know count as
    /// namespaced.
    pub fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        if is_builtin_cluster_scoped(api_version, kind) {
            return true;
        }
        if self.namespaced.is_empty() {
            return false;
        }
        let key = (SmolStr::new(api_version), SmolStr::new(kind));
        // What is precomputed in kustomize goes before a custom schema.
        let builtin = MergeSchema::builtin();
        !builtin.kinds.contains_key(&key) && self.namespaced.get(&key) == Some(&false)
    }

    /// Reads an OpenAPI document (`definitions` and `paths`), as `openapi: {path: ...}` names one.
    /// It takes the place of the compiled-in schema.
    pub fn from_openapi(root: &Node) -> MergeSchema {
        let mut schema = MergeSchema::default();
        schema.add(Place::Opaque);
        schema.extend(root, HashMap::new());
        schema
    }

    /// Reads an OpenAPI document and adds it to the compiled-in schema, which it may refer to and
    /// redefine: what kustomize does when it has needed that schema before it meets the document.
    pub fn extending_builtin(root: &Node) -> MergeSchema {
        let mut schema = MergeSchema::builtin().clone();
        // As `from_tables` numbers them: after the opaque place, in the order of the lines.
        let names = TYPES
            .lines()
            .map(|line| line.split(' ').next().unwrap_or_default());
        let ids = names
            .zip(1..)
            .map(|(name, id)| (name, SchemaId(id)))
            .collect();
        schema.extend(root, ids);
        schema
    }

    fn extend<'n>(&mut self, root: &'n Node, mut ids: HashMap<&'n str, SchemaId>) {
        let definitions = root.get("definitions").and_then(Node::as_map);
        for entry in definitions.into_iter().flatten() {
            let name = short_name(&entry.key);
            if !ids.contains_key(name) {
                ids.insert(name, self.add(Place::Opaque));
            }
        }
        for entry in definitions.into_iter().flatten() {
            let id = ids[short_name(&entry.key)];
            let place = self.place_of(&entry.value, &ids);
            self.places[id.0 as usize] = place;
            for (version, kind) in kinds_of(&entry.value) {
                self.kinds.insert((version, kind), id);
            }
        }
        let paths = root.get("paths").and_then(Node::as_map);
        for entry in paths.into_iter().flatten() {
            let Some(get) = entry.value.get("get") else {
                continue;
            };
            let namespaced = entry.key.contains("namespaces/{namespace}");
            for key in kinds_of(get) {
                let known = self.namespaced.entry(key).or_insert(namespaced);
                *known |= namespaced;
            }
        }
    }

    fn place_of(&mut self, definition: &Node, ids: &HashMap<&str, SchemaId>) -> Place {
        if let Some(properties) = definition.get("properties").and_then(Node::as_map) {
            let mut fields = HashMap::with_capacity(properties.len());
            for entry in properties {
                fields.insert(entry.key.clone(), self.id_of(&entry.value, ids));
            }
            return Place::Object(fields);
        }
        if let Some(values) = definition.get("additionalProperties")
            && values.as_map().is_some()
        {
            return Place::Map(self.id_of(values, ids));
        }
        let text = |key: &str| definition.get(key).and_then(Node::as_str);
        if text("type") != Some("array") {
            return Place::Opaque;
        }
        let items = definition.get("items").map(|items| self.id_of(items, ids));
        let strategy = text("x-kubernetes-patch-strategy").unwrap_or_default();
        let merges = strategy.split(',').any(|word| word == "merge");
        let listed = definition.get("x-kubernetes-list-map-keys");
        let keys = match listed.and_then(Node::as_seq) {
            Some(keys) => keys
                .iter()
                .filter_map(Node::as_str)
                .map(SmolStr::new)
                .collect(),
            None => text("x-kubernetes-patch-merge-key")
                .map(SmolStr::new)
                .into_iter()
                .collect(),
        };
        Place::List {
            items,
            keys: merges.then_some(keys),
        }
    }

    fn id_of(&mut self, property: &Node, ids: &HashMap<&str, SchemaId>) -> SchemaId {
        if let Some(name) = property.get("$ref").and_then(Node::as_str) {
            let name = short_name(name.rsplit('/').next().unwrap_or_default());
            return ids.get(name).copied().unwrap_or(SchemaId(0));
        }
        let place = self.place_of(property, ids);
        self.add(place)
    }

    fn add(&mut self, place: Place) -> SchemaId {
        let id = u32::try_from(self.places.len()).expect("a schema has fewer than 2^32 places");
        self.places.push(place);
        SchemaId(id)
    }

    fn from_tables() -> MergeSchema {
        let mut schema = MergeSchema::default();
        let opaque = schema.add(Place::Opaque);
        let mut ids: HashMap<&str, SchemaId> = HashMap::new();
        for line in TYPES.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            ids.insert(name, schema.add(Place::Opaque));
        }
        for line in TYPES.lines() {
            let mut words = line.split(' ');
            let Some(&id) = words.next().and_then(|name| ids.get(name)) else {
                continue;
            };
            let mut fields = HashMap::new();
            for word in words {
                let (name, place) = schema.field_of_table(word, &ids, opaque);
                fields.insert(name, place);
            }
            schema.places[id.0 as usize] = Place::Object(fields);
        }
        let metadata = ids["meta.v1.ObjectMeta"];
        let fields = HashMap::from([(SmolStr::new_static("metadata"), metadata)]);
        let plain = schema.add(Place::Object(fields));
        for line in KINDS.lines() {
            let mut words = line.split(' ');
            if let (Some(version), Some(kind), Some(id)) = (
                words.next(),
                words.next(),
                words.next().and_then(|name| ids.get(name)),
            ) {
                schema.kinds.insert((version.into(), kind.into()), *id);
            }
        }
        for line in PLAIN_KINDS.lines() {
            let mut words = line.split(' ');
            let version = words.next().unwrap_or_default();
            for kind in words {
                schema.kinds.insert((version.into(), kind.into()), plain);
            }
        }
        schema
    }

    /// Reads `name[]:type=key,key`: a list of `type` that is merged by these keys.
    fn field_of_table(
        &mut self,
        word: &str,
        ids: &HashMap<&str, SchemaId>,
        opaque: SchemaId,
    ) -> (SmolStr, SchemaId) {
        let (head, keys) = match word.split_once('=') {
            Some((head, "")) => (head, Some(Vec::new())),
            Some((head, keys)) => (head, Some(keys.split(',').map(SmolStr::new).collect())),
            None => (word, None),
        };
        let (name, target) = head.split_once(':').unwrap_or((head, ""));
        let target = ids.get(target).copied().unwrap_or(opaque);
        match name.strip_suffix("[]") {
            Some(name) => {
                let items = Some(target);
                (name.into(), self.add(Place::List { items, keys }))
            }
            None => (name.into(), target),
        }
    }
}

/// The name of a definition as the tables have it.
fn short_name(name: &str) -> &str {
    const PREFIXES: [&str; 3] = [
        "io.k8s.api.",
        "io.k8s.apimachinery.pkg.apis.",
        "io.k8s.kube-aggregator.pkg.apis.",
    ];
    let short = |prefix: &&str| name.strip_prefix(*prefix);
    PREFIXES.iter().find_map(short).unwrap_or(name)
}

/// The kinds that `x-kubernetes-group-version-kind` names: one, or a list of them.
fn kinds_of(node: &Node) -> Vec<(SmolStr, SmolStr)> {
    let Some(mark) = node.get("x-kubernetes-group-version-kind") else {
        return Vec::new();
    };
    let marks = mark.as_seq().unwrap_or(std::slice::from_ref(mark));
    let text = |mark: &Node, key: &str| mark.get(key).and_then(Node::as_str).map(str::to_owned);
    marks
        .iter()
        .filter_map(|mark| {
            let group = text(mark, "group").unwrap_or_default();
            let version = text(mark, "version")?;
            let kind = text(mark, "kind")?;
            let api_version = if group.is_empty() {
                version
            } else {
                format!("{group}/{version}")
            };
            Some((api_version.into(), kind.into()))
        })
        .collect()
}

fn is_builtin_cluster_scoped(api_version: &str, kind: &str) -> bool {
    static KINDS: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
        let lines = CLUSTER_SCOPED.lines();
        lines
            .filter_map(|line| line.split_once(' '))
            .map(|(version, kinds)| (version, kinds.split(' ').collect()))
            .collect()
    });
    KINDS
        .get(api_version)
        .is_some_and(|kinds| kinds.contains(&kind))
}

/// `type field:type list[]:type=merge,keys`, a line for each type.
const TYPES: &str = "\
admissionregistration.v1.MutatingWebhookConfiguration metadata:meta.v1.ObjectMeta webhooks[]=name
admissionregistration.v1.ValidatingWebhookConfiguration metadata:meta.v1.ObjectMeta webhooks[]=name
admissionregistration.v1beta1.MutatingWebhookConfiguration metadata:meta.v1.ObjectMeta webhooks[]=name
admissionregistration.v1beta1.ValidatingWebhookConfiguration metadata:meta.v1.ObjectMeta webhooks[]=name
apiregistration.v1.APIService metadata:meta.v1.ObjectMeta status:apiregistration.v1.APIServiceStatus
apiregistration.v1.APIServiceStatus conditions[]=type
apiregistration.v1beta1.APIService metadata:meta.v1.ObjectMeta status:apiregistration.v1beta1.APIServiceStatus
apiregistration.v1beta1.APIServiceStatus conditions[]=type
apps.v1.DaemonSet metadata:meta.v1.ObjectMeta spec:apps.v1.DaemonSetSpec status:apps.v1.DaemonSetStatus
apps.v1.DaemonSetSpec template:core.v1.PodTemplateSpec
apps.v1.DaemonSetStatus conditions[]=type
apps.v1.Deployment metadata:meta.v1.ObjectMeta spec:apps.v1.DeploymentSpec status:apps.v1.DeploymentStatus
apps.v1.DeploymentSpec template:core.v1.PodTemplateSpec
apps.v1.DeploymentStatus conditions[]=type
apps.v1.Kustomization configMapGenerator[]=name secretGenerator[]=name
apps.v1.ReplicaSet metadata:meta.v1.ObjectMeta spec:apps.v1.ReplicaSetSpec status:apps.v1.ReplicaSetStatus
apps.v1.ReplicaSetSpec template:core.v1.PodTemplateSpec
apps.v1.ReplicaSetStatus conditions[]=type
apps.v1.StatefulSet metadata:meta.v1.ObjectMeta spec:apps.v1.StatefulSetSpec status:apps.v1.StatefulSetStatus
apps.v1.StatefulSetSpec template:core.v1.PodTemplateSpec volumeClaimTemplates[]:core.v1.PersistentVolumeClaim
apps.v1.StatefulSetStatus conditions[]=type
batch.v1.CronJob metadata:meta.v1.ObjectMeta spec:batch.v1.CronJobSpec
batch.v1.CronJobSpec jobTemplate:batch.v1.JobTemplateSpec
batch.v1.Job metadata:meta.v1.ObjectMeta spec:batch.v1.JobSpec status:batch.v1.JobStatus
batch.v1.JobSpec template:core.v1.PodTemplateSpec
batch.v1.JobStatus conditions[]=type
batch.v1.JobTemplateSpec metadata:meta.v1.ObjectMeta spec:batch.v1.JobSpec
batch.v1beta1.CronJob metadata:meta.v1.ObjectMeta spec:batch.v1beta1.CronJobSpec
batch.v1beta1.CronJobSpec jobTemplate:batch.v1beta1.JobTemplateSpec
batch.v1beta1.JobTemplateSpec metadata:meta.v1.ObjectMeta spec:batch.v1.JobSpec
core.v1.ComponentStatus conditions[]=type metadata:meta.v1.ObjectMeta
core.v1.Container env[]=name ports[]=containerPort,protocol volumeDevices[]=devicePath volumeMounts[]=mountPath
core.v1.EphemeralContainer env[]=name volumeDevices[]=devicePath volumeMounts[]=mountPath
core.v1.EphemeralVolumeSource volumeClaimTemplate:core.v1.PersistentVolumeClaimTemplate
core.v1.Namespace metadata:meta.v1.ObjectMeta status:core.v1.NamespaceStatus
core.v1.NamespaceStatus conditions[]=type
core.v1.Node metadata:meta.v1.ObjectMeta spec:core.v1.NodeSpec status:core.v1.NodeStatus
core.v1.NodeSpec podCIDRs[]=
core.v1.NodeStatus addresses[]=type conditions[]=type
core.v1.PersistentVolumeClaim metadata:meta.v1.ObjectMeta status:core.v1.PersistentVolumeClaimStatus
core.v1.PersistentVolumeClaimStatus conditions[]=type
core.v1.PersistentVolumeClaimTemplate metadata:meta.v1.ObjectMeta
core.v1.Pod metadata:meta.v1.ObjectMeta spec:core.v1.PodSpec status:core.v1.PodStatus
core.v1.PodSpec containers[]:core.v1.Container=name ephemeralContainers[]:core.v1.EphemeralContainer=name hostAliases[]=ip imagePullSecrets[]=name initContainers[]:core.v1.Container=name topologySpreadConstraints[]=topologyKey,whenUnsatisfiable volumes[]:core.v1.Volume=name
core.v1.PodStatus conditions[]=type podIPs[]=ip
core.v1.PodTemplate metadata:meta.v1.ObjectMeta template:core.v1.PodTemplateSpec
core.v1.PodTemplateSpec metadata:meta.v1.ObjectMeta spec:core.v1.PodSpec
core.v1.ReplicationController metadata:meta.v1.ObjectMeta spec:core.v1.ReplicationControllerSpec status:core.v1.ReplicationControllerStatus
core.v1.ReplicationControllerSpec template:core.v1.PodTemplateSpec
core.v1.ReplicationControllerStatus conditions[]=type
core.v1.Service metadata:meta.v1.ObjectMeta spec:core.v1.ServiceSpec status:core.v1.ServiceStatus
core.v1.ServiceAccount metadata:meta.v1.ObjectMeta secrets[]=name
core.v1.ServiceSpec ports[]=port,protocol
core.v1.ServiceStatus conditions[]=type
core.v1.Volume ephemeral:core.v1.EphemeralVolumeSource
meta.v1.ObjectMeta finalizers[]= ownerReferences[]=uid
policy.v1.PodDisruptionBudget metadata:meta.v1.ObjectMeta status:policy.v1.PodDisruptionBudgetStatus
policy.v1.PodDisruptionBudgetStatus conditions[]=type
policy.v1beta1.PodDisruptionBudget metadata:meta.v1.ObjectMeta status:policy.v1beta1.PodDisruptionBudgetStatus
policy.v1beta1.PodDisruptionBudgetStatus conditions[]=type
storage.v1.CSINode metadata:meta.v1.ObjectMeta spec:storage.v1.CSINodeSpec
storage.v1.CSINodeSpec drivers[]=name
storage.v1beta1.CSINode metadata:meta.v1.ObjectMeta spec:storage.v1beta1.CSINodeSpec
storage.v1beta1.CSINodeSpec drivers[]=name";

/// `apiVersion kind type`, for kinds with a merged list outside of `metadata`.
const KINDS: &str = "\
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration admissionregistration.v1.MutatingWebhookConfiguration
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration admissionregistration.v1.ValidatingWebhookConfiguration
admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration admissionregistration.v1beta1.MutatingWebhookConfiguration
admissionregistration.k8s.io/v1beta1 ValidatingWebhookConfiguration admissionregistration.v1beta1.ValidatingWebhookConfiguration
apiregistration.k8s.io/v1 APIService apiregistration.v1.APIService
apiregistration.k8s.io/v1beta1 APIService apiregistration.v1beta1.APIService
apps/v1 DaemonSet apps.v1.DaemonSet
apps/v1 Deployment apps.v1.Deployment
apps/v1 ReplicaSet apps.v1.ReplicaSet
apps/v1 StatefulSet apps.v1.StatefulSet
batch/v1 CronJob batch.v1.CronJob
batch/v1 Job batch.v1.Job
batch/v1beta1 CronJob batch.v1beta1.CronJob
kustomize.config.k8s.io/v1beta1 Kustomization apps.v1.Kustomization
policy/v1 PodDisruptionBudget policy.v1.PodDisruptionBudget
policy/v1beta1 PodDisruptionBudget policy.v1beta1.PodDisruptionBudget
storage.k8s.io/v1 CSINode storage.v1.CSINode
storage.k8s.io/v1beta1 CSINode storage.v1beta1.CSINode
v1 ComponentStatus core.v1.ComponentStatus
v1 Namespace core.v1.Namespace
v1 Node core.v1.Node
v1 PersistentVolumeClaim core.v1.PersistentVolumeClaim
v1 Pod core.v1.Pod
v1 PodTemplate core.v1.PodTemplate
v1 ReplicationController core.v1.ReplicationController
v1 Service core.v1.Service
v1 ServiceAccount core.v1.ServiceAccount";

/// `apiVersion kind...`, for kinds with merged lists in `metadata` alone.
const PLAIN_KINDS: &str = "\
apiextensions.k8s.io/v1 CustomResourceDefinition
apiextensions.k8s.io/v1beta1 CustomResourceDefinition
apps/v1 ControllerRevision
authentication.k8s.io/v1 TokenRequest TokenReview
authentication.k8s.io/v1beta1 TokenReview
authorization.k8s.io/v1 LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview
authorization.k8s.io/v1beta1 LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview
autoscaling/v1 HorizontalPodAutoscaler Scale
autoscaling/v2beta1 HorizontalPodAutoscaler
autoscaling/v2beta2 HorizontalPodAutoscaler
certificates.k8s.io/v1 CertificateSigningRequest
certificates.k8s.io/v1beta1 CertificateSigningRequest
coordination.k8s.io/v1 Lease
coordination.k8s.io/v1beta1 Lease
discovery.k8s.io/v1 EndpointSlice
discovery.k8s.io/v1beta1 EndpointSlice
events.k8s.io/v1 Event
events.k8s.io/v1beta1 Event
extensions/v1beta1 Ingress
flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema PriorityLevelConfiguration
networking.k8s.io/v1 Ingress IngressClass NetworkPolicy
networking.k8s.io/v1beta1 Ingress IngressClass
node.k8s.io/v1 RuntimeClass
node.k8s.io/v1beta1 RuntimeClass
policy/v1beta1 Eviction PodSecurityPolicy
rbac.authorization.k8s.io/v1 ClusterRole ClusterRoleBinding Role RoleBinding
rbac.authorization.k8s.io/v1beta1 ClusterRole ClusterRoleBinding Role RoleBinding
scheduling.k8s.io/v1 PriorityClass
scheduling.k8s.io/v1beta1 PriorityClass
storage.k8s.io/v1 CSIDriver StorageClass VolumeAttachment
storage.k8s.io/v1beta1 CSIDriver CSIStorageCapacity StorageClass VolumeAttachment
v1 Binding ConfigMap Endpoints Event LimitRange PersistentVolume ResourceQuota Secret";

/// `apiVersion kind...`: kustomize's precomputed list of kinds without a namespace.
const CLUSTER_SCOPED: &str = "\
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration ValidatingWebhookConfiguration
admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration ValidatingWebhookConfiguration
apiextensions.k8s.io/v1 CustomResourceDefinition
apiextensions.k8s.io/v1beta1 CustomResourceDefinition
apiregistration.k8s.io/v1 APIService
apiregistration.k8s.io/v1beta1 APIService
certificates.k8s.io/v1 CertificateSigningRequest
certificates.k8s.io/v1beta1 CertificateSigningRequest
flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema PriorityLevelConfiguration
networking.k8s.io/v1 IngressClass
networking.k8s.io/v1beta1 IngressClass
node.k8s.io/v1 RuntimeClass
node.k8s.io/v1beta1 RuntimeClass
policy/v1beta1 PodSecurityPolicy
rbac.authorization.k8s.io/v1 ClusterRole ClusterRoleBinding
rbac.authorization.k8s.io/v1beta1 ClusterRole ClusterRoleBinding
scheduling.k8s.io/v1 PriorityClass
scheduling.k8s.io/v1beta1 PriorityClass
storage.k8s.io/v1 CSIDriver CSINode StorageClass VolumeAttachment
storage.k8s.io/v1beta1 CSIDriver CSINode StorageClass VolumeAttachment
v1 ComponentStatus Namespace Node NodeProxyOptions PersistentVolume";

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(api_version: &str, kind: &str, path: &str) -> Option<String> {
        let schema = MergeSchema::builtin();
        let mut at = schema.of_kind(api_version, kind)?;
        for step in path.split('/') {
            at = match step {
                "[]" => schema.items(at)?,
                key => schema.field(at, key)?,
            };
        }
        schema.merge_keys(at).map(|keys| keys.join(","))
    }

    #[test]
    fn lists_are_merged_by_the_keys_of_kubernetes_1_21() {
        let containers = "spec/template/spec/containers";
        for (version, kind, path, want) in [
            ("apps/v1", "Deployment", containers, Some("name")),
            (
                "apps/v1",
                "Deployment",
                "spec/template/spec/containers/[]/env",
                Some("name"),
            ),
            (
                "apps/v1",
                "Deployment",
                "spec/template/spec/containers/[]/ports",
                Some("containerPort,protocol"),
            ),
            (
                "batch/v1",
                "CronJob",
                "spec/jobTemplate/spec/template/spec/volumes",
                Some("name"),
            ),
            ("v1", "Service", "spec/ports", Some("port,protocol")),
            ("v1", "ConfigMap", "metadata/finalizers", Some("")),
            (
                "apps/v1",
                "Deployment",
                "spec/template/spec/tolerations",
                None,
            ),
            ("apps/v1beta1", "Deployment", containers, None),
            ("example.com/v1", "Deployment", containers, None),
        ] {
            assert_eq!(keys(version, kind, path).as_deref(), want, "{kind} {path}");
        }
    }

    #[test]
    fn an_openapi_document_brings_its_own_keys_and_scopes() {
        let gvk = serde_json::json!([{"group": "example.com", "version": "v1", "kind": "Web"}]);
        let json = serde_json::json!({
            "definitions": {
                "Web": {
                    "x-kubernetes-group-version-kind": gvk,
                    "properties": {"spec": {"$ref": "#/definitions/Spec"}}
                },
                "Spec": {"properties": {"parts": {
                    "type": "array",
                    "items": {"$ref": "#/definitions/Spec"},
                    "x-kubernetes-patch-strategy": "merge",
                    "x-kubernetes-patch-merge-key": "name"
                }}}
            },
            "paths": {"/apis/example.com/v1/webs": {
                "get": {"x-kubernetes-group-version-kind": gvk[0]}
            }}
        });
        let node = crate::manifest::json::from_json(&json, crate::manifest::Span::NONE);
        let schema = MergeSchema::from_openapi(&node);
        let web = schema.of_kind("example.com/v1", "Web").unwrap();
        let parts = schema
            .field(schema.field(web, "spec").unwrap(), "parts")
            .unwrap();
        assert_eq!(
            schema.merge_keys(parts),
            Some([SmolStr::new("name")].as_slice())
        );
        assert!(schema.is_cluster_scoped("example.com/v1", "Web"));
        assert!(schema.of_kind("apps/v1", "Deployment").is_none());
    }

    /// As in kustomize's own test of an `openapi` that a component brings.
    #[test]
    fn an_openapi_document_adds_to_the_schema_that_is_there() {
        let json = serde_json::json!({"definitions": {
            "com.example.Config": {
                "x-kubernetes-group-version-kind": [
                    {"group": "example.com", "version": "v1", "kind": "Config"}
                ],
                "properties": {
                    "template": {"$ref": "#/definitions/io.k8s.api.core.v1.PodTemplateSpec"}
                }
            },
            "io.k8s.api.core.v1.Container": {"properties": {"args": {
                "type": "array",
                "x-kubernetes-patch-strategy": "merge"
            }}}
        }});
        let node = crate::manifest::json::from_json(&json, crate::manifest::Span::NONE);
        let schema = MergeSchema::extending_builtin(&node);
        let config = schema.of_kind("example.com/v1", "Config").unwrap();
        let pod = schema.field(config, "template").unwrap();
        let containers = schema.field(pod, "spec").unwrap();
        let containers = schema.field(containers, "containers").unwrap();
        let name = [SmolStr::new("name")];
        assert_eq!(schema.merge_keys(containers), Some(name.as_slice()));
        let container = schema.items(containers).unwrap();
        assert!(schema.field(container, "args").is_some());
        assert!(schema.field(container, "volumeMounts").is_none());
        assert!(schema.of_kind("apps/v1", "Deployment").is_some());
    }

    #[test]
    fn cluster_scoped_kinds_are_those_that_kustomize_knows() {
        let schema = MergeSchema::builtin();
        assert!(schema.is_cluster_scoped("v1", "Namespace"));
        assert!(schema.is_cluster_scoped("rbac.authorization.k8s.io/v1", "ClusterRole"));
        assert!(!schema.is_cluster_scoped("rbac.authorization.k8s.io/v1", "Role"));
        assert!(!schema.is_cluster_scoped("example.com/v1", "Namespace"));
    }
}
