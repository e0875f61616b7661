//! Proves the test bed itself: that the control plane of the tests behaves as a real cluster does
//! in everything that other tests rely on.

mod cluster;

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs};

use cluster::{Cluster, Logs, Namespace, Nodes, tools};

/// Returns a Deployment of one pod with these annotations (`key: value`, without their prefix).
/// It has an init container and a second container, which no annotation may break.
fn deployment(name: &str, annotations: &[(&str, &str)]) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata:\n      \
         labels: {{app: {name}}}\n      annotations: {{{}}}\n    spec:\n      \
         initContainers:\n      - {{name: prepare, image: busybox}}\n      \
         containers:\n      - {{name: app, image: shop/app:1}}\n      - {{name: proxy, image: envoy}}\n",
        annotated(annotations)
    )
}

/// Returns a Job whose pods have these annotations.
fn job(name: &str, annotations: &[(&str, &str)]) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}}}\nspec:\n  backoffLimit: 0\n  \
         template:\n    metadata:\n      annotations: {{{}}}\n    spec:\n      \
         restartPolicy: Never\n      containers:\n      - {{name: app, image: shop/job:1}}\n",
        annotated(annotations)
    )
}

fn annotated(annotations: &[(&str, &str)]) -> String {
    let entries: Vec<String> = annotations
        .iter()
        .map(|(key, value)| format!("{}/{key}: '{value}'", cluster::ANNOTATIONS))
        .collect();
    entries.join(", ")
}

/// Waits until a field of the only pod of a namespace has a value, and returns the pod's name.
fn wait_for_pod(namespace: &Namespace<'_>, path: &str, value: &str) -> String {
    namespace.wait_for(path, || {
        let path = format!("jsonpath={{.items[0].status.{path}}}");
        let output = namespace.kubectl(&["get", "pods", "-o", &path]);
        output.stdout == value.as_bytes()
    });
    namespace.get("pods", "{.items[0].metadata.name}")
}

#[test]
fn nodes_are_ready_and_a_deployment_becomes_available() {
    let cluster = Cluster::shared();
    let nodes = cluster.kubectl_ok(&["get", "nodes", "--no-headers"]);
    assert_eq!(nodes.lines().count(), 3);
    assert_eq!(nodes.matches(" Ready ").count(), 3, "{nodes}");

    let namespace = cluster.namespace("ready");
    namespace.apply(&deployment("web", &[]));
    namespace.wait("deployment/web", "condition=Available");
    let status = |path: &str| namespace.get("pods", &format!("{{.items[0].status.{path}}}"));
    assert_eq!(status("phase"), "Running");
    assert_eq!(status("containerStatuses[*].ready"), "true true");
    assert_eq!(
        status("initContainerStatuses[*].state.terminated.reason"),
        "Completed"
    );
    assert_eq!(status("containerStatuses[0].image"), "shop/app:1");
    assert!(status("containerStatuses[0].containerID").starts_with("containerd://"));
    assert!(status("podIP").starts_with("10.244."));
    assert!(!status("conditions[?(@.type=='Ready')].lastTransitionTime").is_empty());
}

#[test]
fn a_pod_can_be_slow_or_never_ready() {
    let namespace = Cluster::shared().namespace("slow");
    namespace.apply(&deployment("slow", &[("ready-after", "2s")]));
    namespace.apply(&deployment("never", &[("never-ready", "true")]));
    namespace.wait("deployment/slow", "condition=Available");
    let ready = "{range .items[*]}{.status.containerStatuses[0].ready}{end}";
    assert_eq!(selected(&namespace, "app=slow", ready), "true");
    assert_eq!(selected(&namespace, "app=never", ready), "false");
    let condition = "{.items[0].status.conditions[?(@.type=='Ready')].";
    let seconds = |path: &str| -> String {
        selected(&namespace, "app=slow", &format!("{condition}{path}}}"))
    };
    let start = selected(&namespace, "app=slow", "{.items[0].status.startTime}");
    assert!(
        seconds("lastTransitionTime") > start,
        "ready later than it started"
    );
    let why = selected(&namespace, "app=never", &format!("{condition}message}}"));
    assert_eq!(why, "containers with unready status: [app]");

    // Deletion is graceful: the object goes when its containers have stopped.
    namespace.kubectl_ok(&["delete", "deployment", "--all"]);
    namespace.wait_for("no pods", || namespace.get("pods", "{.items}") == "[]");
}

/// Returns a field of the pods with a label.
fn selected(namespace: &Namespace<'_>, label: &str, path: &str) -> String {
    let path = format!("jsonpath={path}");
    namespace.kubectl_ok(&["get", "pods", "-l", label, "-o", &path])
}

#[test]
fn a_crashing_container_restarts_backs_off_and_leaves_its_logs() {
    let namespace = Cluster::shared().namespace("crash");
    namespace.set_logs(Logs {
        current: &["starting"],
        previous: &["no DATABASE_URL", "giving up"],
    });
    namespace.apply(&deployment("web", &[("crash", "3"), ("back-off", "10m")]));
    let waiting = "containerStatuses[0].state.waiting.reason";
    let pod = wait_for_pod(&namespace, waiting, "CrashLoopBackOff");

    let status = |path: &str| namespace.get("pods", &format!("{{.items[0].status.{path}}}"));
    assert_eq!(status("phase"), "Running");
    assert_eq!(status("containerStatuses[0].restartCount"), "1");
    assert_eq!(
        status("containerStatuses[0].lastState.terminated.exitCode"),
        "3"
    );
    assert_eq!(
        status("containerStatuses[0].lastState.terminated.reason"),
        "Error"
    );
    assert_eq!(status("containerStatuses[1].ready"), "true");
    let message = status("containerStatuses[0].state.waiting.message");
    assert!(
        message.starts_with(&format!(
            "back-off 10s restarting failed container=app pod={pod}_"
        )),
        "{message}"
    );

    let logs = |more: &[&str]| namespace.kubectl_ok(&[&["logs", &pod, "-c", "app"], more].concat());
    assert_eq!(logs(&[]), "starting\n");
    assert_eq!(logs(&["--previous"]), "no DATABASE_URL\ngiving up\n");
    assert_eq!(logs(&["--previous", "--tail=1"]), "giving up\n");
    namespace.set_container_logs(&[(
        "proxy",
        Logs {
            current: &["listening"],
            previous: &[],
        },
    )]);
    namespace.wait_for("logs of proxy", || {
        namespace.kubectl(&["logs", &pod, "-c", "proxy"]).stdout == b"listening\n"
    });
}

#[test]
fn a_container_can_crash_twice_and_then_run() {
    let namespace = Cluster::shared().namespace("recover");
    let annotations = [("crash", "1"), ("crash-times", "2"), ("back-off", "100ms")];
    namespace.apply(&deployment("web", &annotations));
    namespace.wait("deployment/web", "condition=Available");
    let status = namespace.get(
        "pods",
        "{.items[0].status.containerStatuses[0].restartCount}",
    );
    assert_eq!(status, "2");
}

#[test]
fn a_container_can_run_out_of_memory() {
    let namespace = Cluster::shared().namespace("oom");
    namespace.apply(&deployment(
        "web",
        &[("oom", "true"), ("container", "proxy")],
    ));
    let ended = "containerStatuses[1].lastState.terminated";
    wait_for_pod(&namespace, &format!("{ended}.reason"), "OOMKilled");
    let code = namespace.get("pods", &format!("{{.items[0].status.{ended}.exitCode}}"));
    assert_eq!(code, "137");
}

#[test]
fn an_init_container_can_crash() {
    let namespace = Cluster::shared().namespace("init");
    namespace.apply(&deployment(
        "web",
        &[("crash", "1"), ("container", "prepare")],
    ));
    wait_for_pod(
        &namespace,
        "initContainerStatuses[0].state.waiting.reason",
        "CrashLoopBackOff",
    );
    let status = |path: &str| namespace.get("pods", &format!("{{.items[0].status.{path}}}"));
    assert_eq!(status("phase"), "Pending");
    assert_eq!(
        status("containerStatuses[*].state.waiting.reason"),
        "PodInitializing PodInitializing"
    );
    let initialized = status("conditions[?(@.type=='Initialized')].message");
    assert_eq!(initialized, "containers with incomplete status: [prepare]");
}

#[test]
fn an_image_may_be_missing_and_a_configuration_wrong() {
    let namespace = Cluster::shared().namespace("image");
    namespace.apply(&deployment("web", &[("image-error", "true")]));
    wait_for_pod(
        &namespace,
        "containerStatuses[0].state.waiting.reason",
        "ImagePullBackOff",
    );
    let message = namespace.get(
        "pods",
        "{.items[0].status.containerStatuses[0].state.waiting.message}",
    );
    assert_eq!(
        message,
        "Back-off pulling image \"shop/app:1\": ErrImagePull: rpc error: code = NotFound desc = \
         failed to pull and unpack image \"docker.io/shop/app:1\": failed to resolve reference \
         \"docker.io/shop/app:1\": docker.io/shop/app:1: not found"
    );
    assert_eq!(namespace.get("pods", "{.items[0].status.phase}"), "Pending");

    let namespace = Cluster::shared().namespace("config");
    namespace.apply(&deployment(
        "web",
        &[("config-error", "secret \"db\" not found")],
    ));
    let waiting = "containerStatuses[0].state.waiting";
    wait_for_pod(
        &namespace,
        &format!("{waiting}.reason"),
        "CreateContainerConfigError",
    );
    wait_for_pod(
        &namespace,
        &format!("{waiting}.message"),
        "secret \"db\" not found",
    );
}

#[test]
fn a_claim_is_bound_and_its_volume_goes_with_it() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("claim");
    namespace.apply(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  \
         accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n",
    );
    namespace.wait("pvc/data", "jsonpath={.status.phase}=Bound");
    let volume = namespace.get("pvc/data", "{.spec.volumeName}");
    assert_eq!(
        cluster
            .kubectl_ok(&["get", "pv", &volume, "-o", "name"])
            .trim(),
        format!("persistentvolume/{volume}")
    );
    namespace.kubectl_ok(&["delete", "pvc/data"]);
    namespace.wait(&format!("pv/{volume}"), "delete");
}

#[test]
fn a_job_succeeds_or_fails() {
    let namespace = Cluster::shared().namespace("job");
    namespace.apply(&job("good", &[("run-for", "500ms")]));
    namespace.apply(&job("bad", &[("crash", "4")]));
    namespace.wait("job/good", "condition=Complete");
    namespace.wait("job/bad", "condition=Failed");
    let ended = "{.items[0].status.containerStatuses[0].state.terminated.exitCode}";
    assert_eq!(selected(&namespace, "job-name=bad", ended), "4");
    let phase = "{.items[0].status.phase}";
    assert_eq!(selected(&namespace, "job-name=bad", phase), "Failed");
    assert_eq!(selected(&namespace, "job-name=good", phase), "Succeeded");
}

#[test]
fn a_full_cluster_takes_no_more_pods() {
    let cluster = Cluster::start(Nodes {
        count: 3,
        memory: "2Gi",
        cpu: "4",
        pods: 110,
    });
    cluster.fill(80);
    let namespace = cluster.namespace("full");
    let pod = |name: &str, memory: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  \
             - {{name: app, image: app, resources: {{requests: {{memory: {memory}}}}}}}\n"
        )
    };
    namespace.apply(&pod("small", "300Mi"));
    namespace.apply(&pod("large", "512Mi"));
    namespace.wait("pod/small", "condition=Ready");
    namespace.wait("pod/large", "condition=PodScheduled=false");
    let scheduled = "{.status.conditions[?(@.type=='PodScheduled')]";
    assert_eq!(
        namespace.get("pod/large", &format!("{scheduled}.reason}}")),
        "Unschedulable"
    );
    let message = namespace.get("pod/large", &format!("{scheduled}.message}}"));
    assert!(
        message.starts_with("0/3 nodes are available: 3 Insufficient memory."),
        "{message}"
    );

    let foreign = cluster.foreign_namespace("shop");
    cluster.kubectl_ok(&["create", "namespace", "shop"]);
    foreign.wait("serviceaccount/default", "create");
    foreign.apply(&pod("tiny", "1Mi"));
    foreign.wait("pod/tiny", "condition=Ready");
    assert_eq!(foreign.kubectl_ok(&["logs", "tiny"]), "started\n");

    let dir = cluster.dir().to_owned();
    drop(cluster);
    assert!(!dir.exists(), "nothing is left behind");
}

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_claim_is_bound_and_its_volume_goes_with_it"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let folder = || {
        fs::read_dir(temporary.path())
            .unwrap()
            .next()
            .map(|entry| entry.unwrap().path())
    };
    // The log of the last one appears when all have been started.
    while !folder().is_some_and(|folder| folder.join("kwok.log").exists()) {
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "the child runs until it is killed"
        );
        sleep(Duration::from_millis(50));
    }
    let kubeconfig = fs::read_to_string(folder().unwrap().join("admin.kubeconfig")).unwrap();
    let port = kubeconfig
        .split("https://127.0.0.1:")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    let address = format!("127.0.0.1:{port}");
    assert!(TcpStream::connect(&address).is_ok(), "the server runs");
    child.kill().unwrap();
    child.wait().unwrap();
    // The supervisor removes the folder last.
    for _ in 0..600 {
        if folder().is_none() {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(folder(), None);
    assert!(TcpStream::connect(&address).is_err(), "the server is gone");
}

#[test]
fn a_user_may_do_only_what_was_granted() {
    let namespace = Cluster::shared().namespace("users");
    namespace.grant("viewer", "get,list", "configmaps");
    assert!(
        namespace
            .kubectl_as("viewer", &["get", "configmaps"])
            .status
            .success()
    );
    let refused = namespace.kubectl_as("viewer", &["create", "configmap", "x"]);
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.contains("User \"viewer\" cannot create resource \"configmaps\""),
        "{message}"
    );
    assert!(
        !namespace
            .kubectl_as("nobody", &["get", "configmaps"])
            .status
            .success()
    );
    assert!(
        namespace
            .kubectl_as("nobody", &["version"])
            .status
            .success(),
        "known to the server all the same"
    );
}

#[test]
fn the_real_tools_answer() {
    let tools = tools();
    for (program, args, expected) in [
        (tools.helm3(), &["version", "--short"][..], "v3.17.2"),
        (tools.helm4(), &["version", "--short"], "v4.3.1"),
        (tools.kustomize(), &["version"], "v5.8.1"),
        (tools.pre_commit(), &["--version"], "pre-commit 4.7.0"),
        (
            tools.kubectl(),
            &["version", "--client"],
            "Client Version: v1.37.1",
        ),
    ] {
        let output = Command::new(&program).args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(expected), "{}: {text}", program.display());
    }
    let namespace = Cluster::shared().namespace("helm");
    for helm in [tools.helm3(), tools.helm4()] {
        let output = namespace
            .command(helm)
            .args(["list", "--short"])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
