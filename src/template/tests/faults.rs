//! What users get wrong, and what they are told.

use super::Build;

/// The findings for a WebService whose `spec` is `image`, `ports` and these lines.
fn web(lines: &str) -> String {
    resource(
        "WebService",
        &format!("  image: a:1\n  ports: {{http: 80}}\n{lines}"),
    )
}

fn resource(kind: &str, spec: &str) -> String {
    let text =
        format!("apiVersion: deployx.dev/v1\nkind: {kind}\nmetadata: {{name: api}}\nspec:\n{spec}");
    Build::new(&text).faults()
}

#[test]
fn each_fault_is_told_where_it_stands() {
    let mut told = String::new();
    for lines in [
        "  replica: 2\n",
        "  instances: 2\n  envs: {}\n  livenessProbe: {}\n  host: x\n  hostNetwork: true\n  tty: true\n  qwertz: 1\n",
        "  replicas: \"2\"\n",
        "  replicas: -1\n",
        "  replicas: 2\n  autoscaling: {max: 3}\n",
        "  autoscaling: {}\n",
        "  autoscaling: {min: 5, max: 3}\n",
        "  env: {A: yes, B: 0644, C: 1.5, D: [x], E: {secret: x, config: y}, F: {}, G: {key: x, value: v}}\n",
        "  env: {A: $(B), B: $(A)}\n",
        "  env: {A: {service: backend}}\n",
        "  resources: {cpu: 2..1, memory: 1Gb}\n",
        "  shutdown: {grace: 30}\n",
        "  health: {ready: {http: /a, tcp: true}, live: {every: 5s}}\n",
        "  health: {ready: {http: /a}, live: {http: /a}}\n",
        "  health: {ready: {tcp: true, port: admin}}\n",
        "  network: {}\n  metrics: {}\n  ingress: {gateway: x/y, api: HTTPRoute, routes: {a: {host: a.b}}}\n",
        "  ingress: {routes: {a: {path: /x}}}\n",
        "  imagePullPolicy: always\n",
        "  files: {a: {path: /x, content: a}, b: {path: /x, content: b}}\n",
        "  volumes: {d: {path: /d, storage: {size: 1Gi}}}\n",
        "  disruption: {minAvailable: 2}\n",
        "  rollout: {surge: 0}\n",
        "  security: {user: 0}\n",
        "  overrides: {Deploymnt: {spec: {}}}\n",
        "  overrides: {Deployment: {spec: {selector: {matchLabels: {x: y}}}}}\n",
        "  overrides: {Deployment: {metadata: {name: x}}}\n",
        "  remove: {Deployment: [/spec/nope], Service/other: [/spec]}\n",
        "  pod: {labels: {deployx.dev/track: x}}\n",
        "  service: {ports: {nope: 1}}\n",
        "  mainPort: nope\n",
        "  command: x\n  args: [1]\n  imagePullSecrets: [a, a]\n",
    ] {
        let lines_shown = lines.trim_end().replace('\n', "\n  ");
        told.push_str(&format!(
            "{lines_shown}\n    {}\n\n",
            web(lines).replace('\n', "\n    ")
        ));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_legal_and_rarely_meant_is_warned_of() {
    let mut told = String::new();
    for lines in [
        "  env: {API_KEY: abc, DB_PASSWORD: {secret: s}, TOKEN: $(API_KEY), X: $(NOPE) $$(NO)}\n",
        "  env: {X: $(MAYBE)}\n  envFrom: {a: {config: c}}\n",
        "  resources: {cpu: 1}\n",
    ] {
        told.push_str(&format!("{lines}    {}\n\n", web(lines).replace('\n', "\n    ")));
    }
    let untagged = resource("CronTask", "  image: a.b:5/c\n  schedule: '@daily'\n");
    let latest = resource("CronTask", "  image: c:latest\n  schedule: '@daily'\n");
    insta::assert_snapshot!(format!("{told}{untagged}\n{latest}"));
}

#[test]
fn faults_of_the_resource_as_such() {
    let mut told = String::new();
    for text in [
        "apiVersion: deployx.dev/v1\nkind: WebServce\nmetadata: {name: a}\n",
        "apiVersion: deployx.dev/v1\nkind: Migration\nmetadata: {name: a}\n",
        "apiVersion: deployx.dev/v2\nkind: WebService\nmetadata: {name: a}\n",
        "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata: {name: A_b}\n",
        "apiVersion: deployx.dev/v1\nkind: CronTask\nmetadata: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\nspec: {image: a, schedule: x}\n",
        "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata: {name: a}\nimage: x\nspec: 3\n",
        "apiVersion: deployx.dev/v1\nkind: Worker\nmetadata: {name: a}\nspec: {image: a, service: {}, health: {ready: {tcp: true}, live: {tcp: true}}}\n",
        "apiVersion: deployx.dev/v1\nkind: Worker\nmetadata: {name: a}\nspec: {image: a, ports: {a: 1, b: 2}}\n",
        "apiVersion: deployx.dev/v1\nkind: Release\nmetadata: {name: a}\nspec: {gates: {}, strategy: {type: canary}, timeouts: {total: 1m}, cluster: {context: x}, strateg: 1}\n",
        "apiVersion: deployx.dev/v1\nkind: Release\nmetadata: {name: a}\n---\napiVersion: deployx.dev/v1\nkind: Release\nmetadata: {name: b}\n",
        "apiVersion: deployx.dev/v1\nkind: Worker\nmetadata: {name: a}\nspec: {image: a}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n",
        "apiVersion: deployx.dev/v1\nkind: CronTask\nmetadata: {name: a}\nspec: {image: a, schedule: \"* * * *\", startWithin: 5s, timeZone: Local}\n",
    ] {
        told.push_str(&format!(
            "{text}    {}\n\n",
            Build::new(text).faults().replace('\n', "\n    ")
        ));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn noncharacters_of_the_marks_are_refused() {
    let told = web("  env: {A: \"x\\uFDD0y\"}\n");
    assert!(told.contains("api.yaml:7:12 holds a character"), "{told}");
}

#[test]
fn a_release_expands_to_nothing() {
    let build = Build::new(
        "apiVersion: deployx.dev/v1\nkind: Release\nmetadata: {name: shop}\nspec: {strategy: {type: rolling}, timeouts: {workload: 10m}}\n",
    );
    assert!(build.expand().unwrap().is_empty());
}

#[test]
fn a_patch_is_checked_on_its_own() {
    let build = Build::new("");
    let sources = &build.sources;
    let file = sources.add(
        "prod/api.yaml",
        "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata: {name: api}\nspec: {replicas: null, autoscaling: {mx: 3}, env: {A: null}, health: {ready: {http: null, tcp: true}}}\n",
    );
    let options = crate::manifest::ReadOptions::kustomize_patch();
    let root = crate::manifest::read::read_one(sources, file, &options)
        .unwrap()
        .root;
    let patch = crate::manifest::Object::from_node(root).unwrap();
    let faults = build.library.check_patch(&patch, sources);
    assert_eq!(faults.len(), 1);
    assert_eq!(
        faults[0].message,
        "unknown field `mx` in `autoscaling` of WebService"
    );
}
