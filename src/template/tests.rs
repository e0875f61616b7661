//! Expansion of whole resources, as a build sees it.

use std::path::Path;
use std::rc::Rc;

use super::Library;
use crate::kustomize::expand::{ExpandInput, ExpandResource, TypedResources as _};
use crate::manifest::read::{ReadOptions, read_all};
use crate::manifest::{Diagnostics, Node, Sources, emit};

/// A build of the documents in a text.
pub(super) struct Build {
    pub(super) sources: Rc<Sources>,
    pub(super) library: Rc<Library>,
    pub(super) resources: Vec<ExpandResource>,
}

thread_local! {
    /// The built-in library, loaded once in each test.
    static BUILT_IN: (Rc<Sources>, Rc<Library>) = load(tempfile::tempdir().unwrap().path());
}

fn load(folder: &Path) -> (Rc<Sources>, Rc<Library>) {
    let sources = Sources::new();
    let library = Library::load(folder, &sources).unwrap_or_else(|e| panic!("{e}"));
    (Rc::new(sources), Rc::new(library))
}

impl Build {
    pub(super) fn new(text: &str) -> Self {
        Self::with(text, BUILT_IN.with(Clone::clone))
    }

    pub(super) fn in_folder(text: &str, folder: &Path) -> Self {
        Self::with(text, load(folder))
    }

    fn with(text: &str, (sources, library): (Rc<Sources>, Rc<Library>)) -> Self {
        let file = sources.add("api.yaml", text);
        let documents = read_all(&sources, file, &ReadOptions::kustomize_resource()).unwrap();
        let resources = documents
            .into_iter()
            .map(|document| resource(document.root))
            .collect();
        Self {
            sources,
            library,
            resources,
        }
    }

    pub(super) fn expand(&self) -> Result<Vec<Node>, Diagnostics> {
        let input = ExpandInput {
            resources: &self.resources,
            sources: &self.sources,
            root: Path::new("."),
        };
        let expansions = self.library.expand(&input)?;
        Ok(expansions.into_iter().flat_map(|e| e.objects).collect())
    }

    /// The findings as `rule place message (remark) | hint`, one on each line.
    pub(super) fn faults(&self) -> String {
        let faults = match self.expand() {
            Ok(_) => self.library.take_warnings(),
            Err(faults) => faults.0,
        };
        let lines = faults.iter().map(|fault| {
            let primary = fault.primary.as_ref();
            let place = primary.map_or_else(String::new, |at| self.sources.locate(at.span));
            let remark = primary.map_or("", |at| at.text.as_str());
            let mut line = format!("{} {place} {}", fault.rule, fault.message);
            if !remark.is_empty() {
                line.push_str(&format!(" ({remark})"));
            }
            if let Some(hint) = &fault.hint {
                line.push_str(&format!(" | {hint}"));
            }
            for also in &fault.secondary {
                let place = self.sources.locate(also.span);
                line.push_str(&format!("\n  also {place} {}", also.text));
            }
            line
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn resource(node: Node) -> ExpandResource {
    let name = node.at(&["metadata", "name"]).and_then(Node::as_str);
    ExpandResource {
        original_name: name.unwrap_or_default().into(),
        previous_names: Vec::new(),
        prefixes: Vec::new(),
        suffixes: Vec::new(),
        needs_hash: false,
        is_local: false,
        node,
    }
}

pub(super) fn expanded(text: &str) -> String {
    let build = Build::new(text);
    match build.expand() {
        Ok(objects) => emit::emit_all(&objects),
        Err(faults) => panic!("{faults}\n{}", build.faults()),
    }
}

const WORKED_EXAMPLE: &str = r#"apiVersion: deployx.dev/v1
kind: WebService
metadata: {name: api}
spec:
  image: registry.example.com/docsense/api:1.4.0
  ports: {http: 8080, metrics: 9090}
  resources: {cpu: 250m..1, memory: 512Mi}
  env:
    LOG_LEVEL: info
    DB_POOL_MAX: 50
    DATABASE_URL: postgres://$(DB_USER)@postgres:5432/docsense
    DB_USER: {secret: app-secrets, key: db-user}
    OPENAI_API_KEY: {secret: app-secrets, key: openai, optional: true}
  files:
    features: {path: /etc/api/features.yaml, content: "rag: true\n"}
  health:
    ready: {http: /health}
    live: {http: /live}
  ingress:
    class: nginx
    routes: {main: {host: api.test.example.com}}
"#;

#[test]
fn the_worked_example() {
    insta::assert_snapshot!(expanded(WORKED_EXAMPLE));
}

/// The same after the overlay of the specification was merged in.
const OVERLAY: &str = r#"apiVersion: deployx.dev/v1
kind: WebService
metadata: {name: api, namespace: docsense-prod}
spec:
  image: registry.example.com/docsense/api:1.4.2
  ports: {http: 8080, metrics: 9090}
  autoscaling: {min: 3, max: 10, scaleDown: {pods: 1/2m}}
  resources: {cpu: 500m..2, memory: 1Gi}
  env: {LOG_LEVEL: warning, DB_POOL_MAX: null}
  ingress:
    class: nginx
    tls: {issuer: letsencrypt-prod}
    routes: {main: {host: api.example.com}}
  overrides:
    Deployment: {spec: {template: {spec: {dnsConfig: {options: [{name: ndots, value: "2"}]}}}}}
"#;

/// Nearly every input at once.
const EVERYTHING: &str = r#"apiVersion: deployx.dev/v1
kind: WebService
metadata:
  name: shop
  namespace: prod
  labels: {team: shop, app.kubernetes.io/component: backend}
  annotations: {commit: abc, config.kubernetes.io/origin: x}
spec:
  image: registry.example.com:5000/shop/api@sha256:0000000000000000000000000000000000000000000000000000000000000000
  imagePullPolicy: Always
  imagePullSecrets: [regcred]
  command: [/app/server]
  args: [--port, "8080"]
  workingDir: /app
  containerName: app
  mainPort: grpc
  ports: {grpc: 9000, dns: 53/udp, admin: 8081}
  env:
    A: {field: status.podIP}
    B: {resource: limits.memory}
    C: {config: app-config}
    D: {value: 3}
    E: {service: backend}
    F: {service: backend, port: metrics}
    G: $$(A) $(H) $(UNKNOWN)
    H: "yes"
    I: true
    J: ""
  envFrom:
    zero: {secret: app-secrets, optional: true}
    late: {config: app-config, prefix: APP_, order: 10}
  files:
    a: {path: /etc/a, content: "x"}
    b: {path: /etc/b, content: "y", mode: "0400"}
    c: {path: /etc/c, config: app-config, key: c.yaml}
    d: {path: /etc/d, secret: app-tls, key: tls.crt, mode: "0440"}
  volumes:
    cache: {path: /cache, empty: {size: 1Gi, medium: Memory}}
    conf: {path: /conf, config: app-config, mode: "0444"}
    data: {path: /data, storage: {size: 10Gi, class: fast, access: ReadWriteMany}, subPath: x}
    keys: {path: /keys, secret: app-tls, readOnly: true}
    old: {path: /old, claim: uploads, readOnly: true}
    tmp: {path: /scratch, empty: {}}
  resources: {cpu: 1, memory: 1Gi.., ephemeralStorage: 1Gi..2Gi, extended: {example.com/gpu: 1}}
  service:
    type: LoadBalancer
    ports: {grpc: 9000, admin: none}
    sessionAffinity: 3h
    annotations: {lb: internal}
    loadBalancerClass: example.com/internal
    name: shop-api
  health:
    ready: {grpc: "", every: 10s}
    live: {exec: [/alive], every: 1m, timeout: 1s, failures: 3}
    startup: {tcp: true, port: admin, within: 5m}
  replicas: 3
  rollout: {surge: 3, minReady: 5s, deadline: 15m, history: 0}
  ingress:
    annotations: {x: "y"}
    tls: {secret: wildcard}
    routes:
      a: {host: b.example.com, path: /a, pathType: Exact}
      b: {host: a.example.com, port: admin}
      c: {host: b.example.com, path: /c}
  disruption: {minAvailable: 50%}
  placement:
    nodeSelector: {disk: ssd}
    tolerations: {gpu: {key: gpu, operator: Exists, effect: NoSchedule}}
    spread: hard
    zones: none
    priorityClass: high
    runtimeClass: gvisor
    affinity: {nodeAffinity: {}}
  security: {user: 1000, group: 1001, fsGroup: 1002, capabilities: {add: [NET_ADMIN]}}
  serviceAccount:
    name: shop-sa
    annotations: {role: shop}
    rules: {pods: {apiGroups: [""], resources: [pods], verbs: [get]}}
  shutdown: {drain: 10s, grace: 20s}
  pod:
    labels: {tier: web}
    annotations: {scrape: "true"}
    hostAliases: {b.internal: 10.0.0.1, a.internal: 10.0.0.1}
    dnsPolicy: Default
    dnsConfig: {options: [{name: ndots, value: "2"}]}
    shareProcessNamespace: true
  rolloutOn: {secrets: false}
  remove:
    Deployment: [/spec/template/spec/containers/0/lifecycle]
---
apiVersion: deployx.dev/v1
kind: WebService
metadata: {name: backend, namespace: prod}
spec:
  image: backend:1
  ports: {http: 8000, metrics: 9090}
  replicas: 1
  security: {profile: none}
  serviceAccount: {create: false, name: default}
  resources: {memory: 256Mi.., cpu: 100m}
  selector: {app: backend, deployx.dev/track: null}
  rollout: {type: recreate}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: app-config, namespace: prod}
data: {C: "1"}
"#;

const WORKER: &str = r"apiVersion: deployx.dev/v1
kind: Worker
metadata: {name: mailer}
spec:
  image: mailer:2
  health: {live: {exec: [/alive]}}
  volumes: {spool: {path: /spool, storage: {size: 1Gi}}}
  autoscaling: null
";

const CRON: &str = r"apiVersion: deployx.dev/v1
kind: CronTask
metadata: {name: snapshot}
spec:
  image: curlimages/curl:8.5.0
  schedule: 30 14 * * *
  suspend: true
  command: [curl, http://backend/run]
  resources: {cpu: 10m..100m, memory: 32Mi}
  parallelism: 2
  history: {succeeded: 1}
";

#[test]
fn an_overlay_hands_replicas_to_the_autoscaler() {
    insta::assert_snapshot!(expanded(OVERLAY));
}

#[test]
fn every_input_at_once() {
    insta::assert_snapshot!(expanded(EVERYTHING));
}

#[test]
fn a_worker() {
    insta::assert_snapshot!(expanded(WORKER));
}

#[test]
fn a_cron_task() {
    insta::assert_snapshot!(expanded(CRON));
}

#[test]
fn the_server_would_take_all_of_it() {
    let validator = crate::validate::Validator::new(crate::schema::Version::newest());
    for text in [WORKED_EXAMPLE, OVERLAY, EVERYTHING, WORKER, CRON] {
        for node in Build::new(text).expand().unwrap() {
            let object = crate::manifest::Object::from_node(node).unwrap();
            let judgement = validator.judge(&object);
            assert_eq!(judgement.findings, [], "{}", object.describe());
        }
    }
}

/// A changed line here restarts or orphans the pods of every user: within v1 there is none.
#[test]
fn selectors_never_change() {
    let mut seen = String::new();
    for text in [WORKED_EXAMPLE, EVERYTHING, WORKER, CRON] {
        for node in Build::new(text).expand().unwrap() {
            for path in [
                ["spec", "selector"].as_slice(),
                &["spec", "template", "metadata", "labels"],
                &[
                    "spec",
                    "jobTemplate",
                    "spec",
                    "template",
                    "metadata",
                    "labels",
                ],
            ] {
                if let Some(found) = node.at(path) {
                    let object = crate::manifest::Object::from_node(node.clone()).unwrap();
                    let json = crate::manifest::json::to_go_json(found);
                    seen.push_str(&format!(
                        "{} {}: {json}\n",
                        object.describe(),
                        path.join(".")
                    ));
                }
            }
        }
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn a_config_hash_follows_plain_configuration() {
    let text = |data: &str| {
        format!(
            "{WORKED_EXAMPLE}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: app-secrets}}\ndata: {{k: {data}}}\n"
        )
    };
    let annotation = |build: &Build| {
        let objects = build.expand().unwrap();
        let deployment = objects
            .iter()
            .find(|node| node.get("kind").unwrap().as_str() == Some("Deployment"));
        let path = [
            "spec",
            "template",
            "metadata",
            "annotations",
            super::CONFIG_HASH,
        ];
        let found = deployment.unwrap().at(&path).and_then(Node::as_str);
        found.map(str::to_owned)
    };
    let one = annotation(&Build::new(&text("YQ=="))).unwrap();
    let other = annotation(&Build::new(&text("Yg=="))).unwrap();
    assert_eq!(one.len(), 10);
    assert_ne!(one, other);
    assert_eq!(one, annotation(&Build::new(&text("YQ=="))).unwrap());
    let mut hashed = Build::new(&text("YQ=="));
    hashed.resources[1].needs_hash = true;
    assert_eq!(annotation(&hashed), None);
    let off = text("YQ==").replace("  files:", "  rolloutOn: {secrets: false}\n  files:");
    assert_eq!(annotation(&Build::new(&off)), None);
}

#[test]
fn every_value_leads_to_its_input_and_every_line_to_its_template() {
    let build = Build::new(WORKED_EXAMPLE);
    let objects = build.expand().unwrap();
    let find = |kind: &str, path: &str| {
        let object = objects
            .iter()
            .find(|node| node.get("kind").unwrap().as_str() == Some(kind))
            .unwrap();
        let pointer = crate::manifest::path::FieldPath::from_pointer(path).unwrap();
        pointer
            .find(object)
            .unwrap_or_else(|| panic!("{path}"))
            .span
    };
    let text = build
        .sources
        .get(build.resources[0].node.span.file())
        .unwrap();
    for (kind, path, wanted) in [
        (
            "Deployment",
            "/spec/template/spec/containers/0/image",
            "registry.example.com/docsense/api:1.4.0",
        ),
        (
            "Deployment",
            "/metadata/labels/app.kubernetes.io~1version",
            "registry.example.com/docsense/api:1.4.0",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/env/0/value",
            "50",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/env/0/name",
            "DB_POOL_MAX",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/env/1/valueFrom/secretKeyRef/key",
            "db-user",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/env/4/valueFrom/secretKeyRef/optional",
            "true",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/ports/1/containerPort",
            "9090",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/ports/1/name",
            "metrics",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/resources/limits/cpu",
            "250m..1",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/resources/requests/memory",
            "512Mi",
        ),
        (
            "Deployment",
            "/spec/template/spec/containers/0/livenessProbe/httpGet/path",
            "/live",
        ),
        ("ConfigMap", "/data/features", "\"rag: true\\n\""),
        ("Service", "/spec/ports/1/port", "9090"),
        ("Ingress", "/spec/rules/0/host", "api.test.example.com"),
        ("Ingress", "/spec/ingressClassName", "nginx"),
    ] {
        let trace = build.sources.trace(find(kind, path));
        let input = trace.input.unwrap_or_else(|| panic!("{path} has no input"));
        let found = &text.text[input.start() as usize..input.end() as usize];
        assert_eq!(
            (input.file(), found),
            (build.resources[0].node.span.file(), wanted),
            "{path}"
        );
        assert!(trace.template.is_some(), "{path}");
    }
    // A default stands in the schema.
    let default = build
        .sources
        .trace(find("PodDisruptionBudget", "/spec/maxUnavailable"));
    let place = build.sources.locate(default.template.unwrap());
    assert!(place.starts_with("builtin:lib/deployment.j2:"), "{place}");
    let replicas = build.sources.trace(find("Deployment", "/spec/replicas"));
    let place = build.sources.locate(replicas.input.unwrap());
    assert!(
        place.starts_with("builtin:web-service.schema.json:"),
        "{place}"
    );
    for object in &objects {
        assert_traced(object, &build.sources);
    }
}

fn assert_traced(node: &Node, sources: &Sources) {
    assert!(
        sources.trace(node.span).template.is_some(),
        "{}",
        sources.locate(node.span)
    );
    for entry in node.as_map().into_iter().flatten() {
        assert_traced(&entry.value, sources);
    }
    for item in node.as_seq().unwrap_or_default() {
        assert_traced(item, sources);
    }
}

mod faults;
mod own_kinds;
mod schemas;
