//! The server's own warnings, asked of a real API server and of deployx, and compared word by word.
//!
//! `DEPLOYX_WARNED=FILE` adds objects, one a line of JSON; those that the server refuses are passed
//! over.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;

use cluster::{Cluster, Namespace};
use deployx::manifest::Sources;
use deployx::schema::Version;
use deployx::validate::{Definitions, Validator, judge_file, switchable_rules};

/// Objects that cause many warnings, besides the examples of the rules' pages. Of one that causes
/// more than 4 KiB of them the server shortens each.
const OBJECTS: &[&str] = &[
    "apiVersion: apps/v1
kind: Deployment
metadata: {name: labels.v2}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations:
        scheduler.alpha.kubernetes.io/critical-pod: ''
        security.alpha.kubernetes.io/sysctls: a=b
        seccomp.security.alpha.kubernetes.io/pod: runtime/default
        container.seccomp.security.alpha.kubernetes.io/web: runtime/default
        container.apparmor.security.beta.kubernetes.io/web: runtime/default
    spec:
      nodeSelector: {beta.kubernetes.io/os: linux, failure-domain.beta.kubernetes.io/zone: a}
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions: [{key: beta.kubernetes.io/arch, operator: In, values: [amd64]}]
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 1
            preference:
              matchExpressions: [{key: node-role.kubernetes.io/master, operator: In, values: ['-a-']}]
      containers: [{name: web, image: a}]
",
    "apiVersion: apps/v1
kind: Deployment
metadata: {name: affinity}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      affinity:
        podAffinity:
          requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a}]
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: a}}]
      topologySpreadConstraints:
      - {maxSkew: 1, whenUnsatisfiable: ScheduleAnyway, topologyKey: failure-domain.beta.kubernetes.io/zone}
      containers: [{name: web, image: a}]
",
    "apiVersion: apps/v1
kind: Deployment
metadata: {name: containers}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: -5
      imagePullSecrets: [{name: a}, {name: a}, {name: ''}]
      dnsConfig: {nameservers: ['2001:DB8::1']}
      hostAliases: [{ip: 1.2.3.4}, {ip: 1.2.3.4}]
      initContainers:
      - {name: first, image: a, ports: [{name: http, containerPort: 80}]}
      containers:
      - name: web
        image: a
        env: [{name: A, value: a}, {name: A, value: '$(A)'}, {name: A, value: '$(A)b'}, {name: A, value: c}]
        resources: {limits: {memory: 1500m, ephemeral-storage: 100m}, requests: {memory: 1m}}
        ports:
        - {name: http, containerPort: 80}
        - {containerPort: 80, hostPort: 81}
        - {containerPort: 80, hostPort: 81, hostIP: 1.2.3.4}
        - {containerPort: 82, hostIP: 1.2.3.4}
",
    "apiVersion: apps/v1
kind: Deployment
metadata: {name: volumes}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers: [{name: web, image: a}]
      volumes:
      - {name: a, gitRepo: {repository: a}}
      - {name: b, glusterfs: {endpoints: a, path: b}}
      - {name: c, cephfs: {monitors: [a]}}
      - {name: d, rbd: {monitors: [a], image: b}}
      - {name: e, flocker: {datasetName: a}}
      - {name: f, quobyte: {registry: 'a:1', volume: b}}
      - {name: g, storageos: {volumeName: a, volumeNamespace: b}}
      - {name: h, secret: {secretName: s, items: [{key: a, path: x/}, {key: b, path: x/y}, {key: c, path: x}]}}
      - name: i
        projected:
          sources:
          - configMap: {name: one, items: [{key: a, path: p}]}
          - secret: {name: two, items: [{key: a, path: p/q}]}
          - serviceAccountToken: {path: p/token}
          - {}
      - {name: j, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1500m}}}}}}
",
    "apiVersion: v1
kind: Pod
metadata:
  name: pod.one
  annotations: {container.apparmor.security.beta.kubernetes.io/a: runtime/default}
spec: {containers: [{name: a, image: b}]}
",
    "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  revisionHistoryLimit: -1
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: a, image: b}]}}
  volumeClaimTemplates:
  - {metadata: {name: a}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1500m}}}}
",
    "apiVersion: batch/v1
kind: CronJob
metadata: {name: cron.a}
spec:
  schedule: '@daily'
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, terminationGracePeriodSeconds: -1, containers: [{name: a, image: b}]}}}}
",
    "apiVersion: batch/v1
kind: Job
metadata: {name: large}
spec:
  completionMode: Indexed
  completions: 100001
  parallelism: 10001
  template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}
",
    "apiVersion: v1
kind: Service
metadata: {name: web, annotations: {service.kubernetes.io/topology-aware-hints: auto}}
spec: {externalIPs: ['2001:db8:0::1'], externalName: a.b, loadBalancerIP: '2001:DB8::2', ports: [{port: 1}]}
",
    "apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, sessionAffinity: ClientIP, externalIPs: [1.2.3.4], loadBalancerIP: 1.2.3.4, ports: [{port: 1}]}
",
    "apiVersion: v1
kind: Service
metadata: {name: named}
spec: {type: ExternalName, externalName: a.b, externalIPs: [1.2.3.4]}
",
    "apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, loadBalancerSourceRanges: ['2001:DB8::/32'], ports: [{port: 1}]}
",
    "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: addresses}
spec:
  podSelector: {}
  ingress: [{from: [{ipBlock: {cidr: '2001:DB8::/32', except: ['2001:db8:0:1::/64']}}]}]
  egress: [{to: [{ipBlock: {cidr: '2001:db8::/32'}}]}]
",
    "apiVersion: v1
kind: Endpoints
metadata: {name: hand}
subsets: [{addresses: [{ip: '2001:DB8::1'}], notReadyAddresses: [{ip: '2001:db8::0:2'}], ports: [{port: 1}]}]
",
    "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: names}
addressType: FQDN
endpoints: [{addresses: [a.b]}]
",
    "apiVersion: v1
kind: PersistentVolume
metadata: {name: old, annotations: {volume.beta.kubernetes.io/storage-class: a, volume.beta.kubernetes.io/mount-options: b}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 1Gi}
  persistentVolumeReclaimPolicy: Recycle
  nfs: {server: a, path: /b}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: beta.kubernetes.io/os, operator: Exists}]}]}}
",
    "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: old, annotations: {volume.beta.kubernetes.io/storage-class: a}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1500m}, limits: {storage: 2500m}}}
",
    "apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: zones}
provisioner: a.b/c
allowedTopologies: [{matchLabelExpressions: [{key: failure-domain.beta.kubernetes.io/zone, values: [a]}]}]
",
    "apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: a.b}
spec: {tokenRequests: [{audience: a}]}
",
    "apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: old}
handler: a
scheduling: {nodeSelector: {beta.kubernetes.io/os: linux}}
",
    "apiVersion: v1
kind: ServiceAccount
metadata: {name: old, annotations: {kubernetes.io/enforce-mountable-secrets: 'true'}}
",
    "apiVersion: v1
kind: Secret
metadata: {name: switched}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    -----BEGIN PRIVATE KEY-----
    AAAA
    -----END PRIVATE KEY-----
  tls.key: |
    -----BEGIN CERTIFICATE-----
    AAAA
    -----END CERTIFICATE-----
",
    "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.warn.example.com}
spec:
  group: warn.example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
  - {name: v1alpha1, served: true, storage: false, deprecated: true, schema: {openAPIV3Schema: {type: object}}}
  - {name: v1beta1, served: true, storage: false, deprecated: true, deprecationWarning: old, schema: {openAPIV3Schema: {type: object}}}
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          a: {type: string, format: date-time}
          b: {type: string, format: int32}
          c: {type: integer, format: int}
          d: {type: number, format: float}
          e: {type: boolean, format: x}
          f: {type: array, x-kubernetes-list-type: set, items: {type: array, x-kubernetes-list-type: atomic, items: {type: string, format: regex}}}
          g: {x-kubernetes-int-or-string: true, format: int-or-string}
          h: {type: object, additionalProperties: {type: string, format: regexp}}
          i: {type: string, anyOf: [{format: other}]}
---
apiVersion: warn.example.com/v1alpha1
kind: Widget
metadata: {name: a, finalizers: [a.b, orphan, 'x.y/z', C]}
---
apiVersion: warn.example.com/v1beta1
kind: Widget
metadata: {name: b}
",
    "apiVersion: v1
kind: ResourceQuota
metadata: {name: quota}
spec: {hard: {memory: 2Gi, limits.memory: 1Gi, requests.ephemeral-storage: 2Gi, limits.ephemeral-storage: 1Gi}}
",
];

/// What the server warns of when it is asked to create objects, sorted. A definition that stands
/// before its objects is really created, since they cannot be without it.
fn of_server(namespace: &Namespace<'_>, text: &str) -> Vec<String> {
    let file = namespace.cluster().dir().join("object.yaml");
    let is_definition = |text: &str| text.contains("kind: CustomResourceDefinition\n");
    let Some((definition, objects)) = text.split_once("---\n").filter(|(d, _)| is_definition(d))
    else {
        return warned(namespace, &file, text);
    };
    let mut told = warned(namespace, &file, definition);
    std::fs::write(&file, definition).unwrap();
    let path = file.to_str().unwrap();
    for args in [
        &["apply", "-f", path][..],
        &["wait", "--for=condition=Established", "-f", path],
    ] {
        let output = namespace.kubectl(args);
        assert!(output.status.success(), "{output:?}");
    }
    // The server's own discovery follows a moment later.
    let name = definition.split("metadata: {name: ").nth(1).unwrap();
    let name = name.split_once('}').unwrap().0;
    for _ in 0..50 {
        if namespace.kubectl(&["get", name]).status.success() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    told.extend(warned(namespace, &file, objects));
    let deleted = namespace.kubectl(&["delete", "crd", name]);
    assert!(deleted.status.success(), "{deleted:?}");
    sorted(told.into_iter())
}

/// What the server warns of on a dry run.
fn warned(namespace: &Namespace<'_>, file: &std::path::Path, object: &str) -> Vec<String> {
    let told = ask(namespace, file, object);
    told.unwrap_or_else(|refused| panic!("{object}{refused}"))
}

/// What the server warns of on a dry run, or why it refuses.
fn ask(
    namespace: &Namespace<'_>,
    file: &std::path::Path,
    object: &str,
) -> Result<Vec<String>, String> {
    std::fs::write(file, object).unwrap();
    let file = file.to_str().unwrap();
    let args = [
        "create",
        "--dry-run=server",
        "--validate=ignore",
        "-f",
        file,
    ];
    let output = namespace.kubectl(&args);
    let told = String::from_utf8(output.stderr).unwrap();
    if !output.status.success() {
        return Err(told);
    }
    let lines = told
        .lines()
        .filter_map(|line| line.strip_prefix("Warning: "));
    Ok(sorted(lines.map(str::to_owned)))
}

/// What deployx says that the server would warn of.
fn of_deployx(object: &str) -> Vec<String> {
    let sources = Sources::new();
    let file = sources.add("object.yaml", object);
    let validator = Validator::new(Version::newest());
    let mut verdicts = judge_file(validator, &sources, file);
    verdicts.settle(validator, &sources, Definitions::default());
    let notes = verdicts.findings().flat_map(|finding| &finding.notes);
    let words = notes.filter_map(|note| {
        let warned = note.split_once(") would warn: ");
        let warned = warned.or_else(|| note.split_once(") would say: Warning: "));
        Some(warned?.1.to_owned())
    });
    sorted(words)
}

fn sorted(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.collect();
    words.sort();
    // kubectl prints equal ones once.
    words.dedup();
    words
}

/// The examples of the pages of the server's warnings.
fn examples() -> impl Iterator<Item = &'static str> {
    let pages = switchable_rules().filter(|rule| rule.of_server && rule.id != "deprecated-api");
    pages
        .flat_map(|rule| rule.page.split("```yaml\n").skip(1))
        .filter_map(|text| Some(text.split_once("```")?.0))
}

#[test]
fn warnings_are_those_of_the_server() {
    let namespace = Cluster::shared().namespace("warnings");
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut compare = |object: &str, server: &[String]| {
        let own = of_deployx(object);
        compared += server.len();
        let missing = server.iter().filter(|words| !own.contains(words));
        wrong.extend(missing.map(|words| format!("deployx does not say: {words}")));
        let more = own.iter().filter(|words| !server.contains(words));
        wrong.extend(more.map(|words| format!("only deployx says: {words}")));
    };
    for object in OBJECTS.iter().copied().chain(examples()) {
        compare(object, &of_server(&namespace, object));
    }
    let more =
        std::env::var_os("DEPLOYX_WARNED").map(|file| std::fs::read_to_string(file).unwrap());
    let file = namespace.cluster().dir().join("more.yaml");
    for object in more.iter().flat_map(|text| text.lines()) {
        match ask(&namespace, &file, object) {
            Ok(server) => compare(object, &server),
            Err(refused) => println!("refused: {refused}"),
        }
    }
    println!("{compared} warnings of the server compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
