//! Starts the parts of a control plane in their order.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;

use super::supervisor::Supervisor;
use super::{Nodes, USERS, tools};

/// Starts a control plane and returns it with the URL of its server.
pub(super) fn start(nodes: Nodes) -> Result<(Supervisor, String), String> {
    let binaries = tools::control_plane()?;
    // Another process may take a port between our choice and the server's use of it.
    let mut last = String::new();
    for _ in 0..3 {
        match start_once(&binaries, nodes) {
            Err(message) if message.contains("address already in use") => last = message,
            result => return result,
        }
    }
    Err(last)
}

fn start_once(binaries: &Path, nodes: Nodes) -> Result<(Supervisor, String), String> {
    let mut supervisor = Supervisor::start(binaries)?;
    let [etcd, peer, api, kubelet] = free_ports()?;
    let server = format!("https://127.0.0.1:{api}");
    write_files(supervisor.dir(), &server)?;
    start_server(&mut supervisor, [etcd, peer, api], CLUSTER)?;
    start_controllers(&mut supervisor)?;
    let seed = read("seed.yaml")? + "---\n" + &nodes.manifests();
    feed(kubectl(supervisor.dir(), "create -f -"), &seed)?;
    start_nodes(&mut supervisor, kubelet, nodes.count)?;
    Ok((supervisor, server))
}

/// Starts etcd and an API server that judges manifests alone: whoever asks may do everything, and
/// no admission plugin that looks at other objects takes part.
pub(super) fn start_judge() -> Result<(Supervisor, String), String> {
    let binaries = tools::control_plane()?;
    let mut last = String::new();
    for _ in 0..3 {
        let mut supervisor = Supervisor::start(&binaries)?;
        let [etcd, peer, api] = free_ports()?;
        let server = format!("https://127.0.0.1:{api}");
        write_files(supervisor.dir(), &server)?;
        match start_server(&mut supervisor, [etcd, peer, api], JUDGE) {
            Err(message) if message.contains("address already in use") => last = message,
            result => return result.map(|()| (supervisor, server)),
        }
    }
    Err(last)
}

const CLUSTER: &str = "--authorization-mode RBAC --service-cluster-ip-range 10.96.0.0/16";
// Both families, so that no verdict depends on the network of a cluster.
const JUDGE: &str = "--authorization-mode AlwaysAllow
    --service-cluster-ip-range 10.96.0.0/16,fd00:96::/112
    --disable-admission-plugins NamespaceLifecycle,ServiceAccount,LimitRanger,ResourceQuota,Priority,RuntimeClass,DefaultStorageClass,DefaultIngressClass,StorageObjectInUseProtection,PersistentVolumeClaimResize,TaintNodesByCondition,PodSecurity";

/// Starts etcd and the API server on three ports (etcd's, its peers', the server's), and waits
/// until it is ready. `flavour` are options of the server.
fn start_server(
    supervisor: &mut Supervisor,
    [etcd, peer, api]: [u16; 3],
    flavour: &str,
) -> Result<(), String> {
    let store = format!("http://127.0.0.1:{etcd}");
    let options = format!(
        "--name default --data-dir DIR/etcd --unsafe-no-fsync --log-level error
         --listen-client-urls {store} --advertise-client-urls {store}
         --listen-peer-urls http://127.0.0.1:{peer}
         --initial-advertise-peer-urls http://127.0.0.1:{peer}
         --initial-cluster default=http://127.0.0.1:{peer}"
    );
    supervisor.run("etcd", &options)?;
    supervisor.wait("etcd", |_| listens(etcd))?;
    let options = format!(
        "--etcd-servers {store} --secure-port {api} --bind-address 127.0.0.1
         --advertise-address 127.0.0.1 --tls-cert-file DIR/tls.crt
         --tls-private-key-file DIR/tls.key --token-auth-file DIR/tokens.csv
         --allow-privileged=true --endpoint-reconciler-type none {flavour}
         --service-account-issuer https://kubernetes.default.svc
         --service-account-key-file DIR/tls.crt --service-account-signing-key-file DIR/tls.key
         --kubelet-preferred-address-types InternalIP"
    );
    supervisor.run("kube-apiserver", &options)?;
    supervisor.wait("kube-apiserver", |dir| {
        let mut ready = kubectl(dir, "get --raw=/readyz");
        listens(api) && ready.output().is_ok_and(|output| output.status.success())
    })
}

/// Starts the controller manager and the scheduler.
fn start_controllers(supervisor: &mut Supervisor) -> Result<(), String> {
    // The default limits (20 requests a second) would make the tests wait for the controllers.
    let common = "--kubeconfig DIR/admin.kubeconfig --leader-elect=false --secure-port=0
         --kube-api-qps=1000 --kube-api-burst=2000";
    // The fake nodes send no heartbeats: with the default (40 s) their pods would become unready.
    let options = format!(
        "{common} --service-account-private-key-file DIR/tls.key --root-ca-file DIR/ca.crt
         --use-service-account-credentials --concurrent-namespace-syncs=20
         --node-monitor-grace-period=24h"
    );
    supervisor.run("kube-controller-manager", &options)?;
    supervisor.run("kube-scheduler", common)
}

/// Starts the fake kubelets, whose logs are served on this port, and waits until all nodes are
/// ready.
fn start_nodes(supervisor: &mut Supervisor, kubelet: u16, count: usize) -> Result<(), String> {
    let options = format!(
        "--kubeconfig DIR/admin.kubeconfig --config DIR/stages.yaml --manage-all-nodes
         --cidr 10.244.0.0/16 --enable-crds ClusterLogs --node-ip 127.0.0.1 --node-port {kubelet}
         --server-address 127.0.0.1:{kubelet} --tls-cert-file DIR/tls.crt
         --tls-private-key-file DIR/tls.key"
    );
    supervisor.run("kwok", &options)?;
    let all = vec!["True"; count].join(" ");
    supervisor.wait("kwok", |dir| {
        let mut ready = kubectl(
            dir,
            "get nodes -o jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}",
        );
        listens(kubelet)
            && ready
                .output()
                .is_ok_and(|output| output.stdout == all.as_bytes())
    })
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Returns a kubectl with these words as arguments, as administrator of the control plane of `dir`.
fn kubectl(dir: &Path, words: &str) -> Command {
    let mut command = isolated(tools::kubectl(), dir);
    command.args(words.split(' '));
    command
}

/// Returns a command whose KUBECONFIG is the administrator's and whose home is in `dir`.
pub(super) fn isolated(program: impl AsRef<OsStr>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    let home = dir.join("home");
    command
        .env("KUBECONFIG", dir.join("admin.kubeconfig"))
        .env("KUBECACHEDIR", home.join("kube-cache"))
        .env("HELM_CACHE_HOME", home.join("helm/cache"))
        .env("HELM_CONFIG_HOME", home.join("helm/config"))
        .env("HELM_DATA_HOME", home.join("helm/data"))
        .env("HOME", home)
        .stdin(Stdio::null());
    command
}

/// Writes keys, certificates, tokens, kubeconfigs and the stages.
fn write_files(dir: &Path, server: &str) -> Result<(), String> {
    let write = |name: &str, text: &str| {
        fs::write(dir.join(name), text).map_err(|error| format!("{name}: {error}"))
    };
    fs::create_dir(dir.join("home")).map_err(|error| format!("home: {error}"))?;
    certify(dir)?;
    let authority = fs::read(dir.join("ca.crt")).map_err(|error| format!("ca.crt: {error}"))?;
    let authority = base64::engine::general_purpose::STANDARD.encode(authority);
    let mut tokens = "admin-token,admin,admin,\"system:masters\"\n".to_owned();
    for user in USERS {
        let _ = writeln!(tokens, "{user}-token,{user},{user}");
    }
    write("tokens.csv", &tokens)?;
    for user in USERS.iter().chain(&["admin"]) {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {user}\n\
             clusters:\n- name: test\n  cluster: {{server: '{server}', certificate-authority-data: {authority}}}\n\
             users:\n- name: {user}\n  user: {{token: {user}-token}}\n\
             contexts:\n- name: {user}\n  context:\n    cluster: test\n    user: {user}\n    namespace: default\n"
        );
        write(&format!("{user}.kubeconfig"), &text)?;
    }
    write("stages.yaml", &stages()?)
}

/// Makes an authority and a certificate for 127.0.0.1, which the server and the fake kubelets
/// share; its key also signs the tokens of service accounts. Needs openssl 3 (Debian has it
/// wherever it has ca-certificates).
fn certify(dir: &Path) -> Result<(), String> {
    let common = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 30";
    for options in [
        "-subj /CN=deployx-test-authority -keyout ca.key -out ca.crt",
        "-subj /CN=127.0.0.1 -keyout tls.key -out tls.crt -CA ca.crt -CAkey ca.key \
         -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE",
    ] {
        let output = Command::new("openssl")
            .args(common.split(' '))
            .args(options.split_whitespace())
            .current_dir(dir)
            .output()
            .map_err(|error| format!("openssl cannot be run: {error}"))?;
        if !output.status.success() {
            return Err(format!(
                "openssl: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    Ok(())
}

/// Returns the stages with the text of pod-status.tpl in each place that asks for it.
fn stages() -> Result<String, String> {
    let status = read("pod-status.tpl")?;
    let indented: Vec<String> = status
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    Ok(read("stages.yaml")?.replace("      @pod-status\n", &indented.concat()))
}

/// Chooses ports that are free now. All are held until the last is chosen, so they differ.
fn free_ports<const N: usize>() -> Result<[u16; N], String> {
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        *port = listener
            .local_addr()
            .map_err(|error| error.to_string())?
            .port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// Runs `kubectl apply` with manifests on its stdin; returns its stdout.
pub(super) fn apply(mut command: Command, manifests: &str) -> Result<String, String> {
    command.args(["apply", "-f", "-"]);
    feed(command, manifests)
}

/// Runs a command with `input` on its stdin; returns its stdout.
pub(super) fn feed(mut command: Command, input: &str) -> Result<String, String> {
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let mut stdin = child.stdin.take().expect("piped above");
    let written = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child
        .wait_with_output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() || written.is_err() {
        return Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the stdout of a command that must have succeeded.
pub(super) fn succeeded(what: &str, output: &Output) -> String {
    assert!(
        output.status.success(),
        "`{what}` failed with {}:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the path of a file of this folder.
pub(super) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cluster")
        .join(name)
}

fn read(name: &str) -> Result<String, String> {
    fs::read_to_string(source(name)).map_err(|error| format!("tests/cluster/{name}: {error}"))
}
