//! Starts the processes of a control plane and notices when one dies.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;

use super::{Nodes, USERS, tools};

/// How long the server may take to answer; it needs 3 s on an idle machine with two cores.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// The shell that runs the processes: `supervise` says what it promises.
pub(super) struct Supervisor {
    child: Child,
    /// Open as long as the processes shall live.
    commands: Option<ChildStdin>,
    dir: PathBuf,
    names: Vec<&'static str>,
}

impl Supervisor {
    fn start() -> Result<Self, String> {
        let dir = tempfile::Builder::new()
            .prefix("deployx-cluster-")
            .tempdir()
            .map_err(|error| format!("no temporary folder: {error}"))?
            .keep();
        let mut child = Command::new(source("supervise"))
            .arg(&dir)
            .stdin(Stdio::piped())
            // Whoever reads our output must not wait for the control plane.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the process that holds the pipe.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("tests/cluster/supervise (bash) cannot be run: {error}"))?;
        let commands = child.stdin.take();
        Ok(Self {
            child,
            commands,
            dir,
            names: Vec::new(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs a program of the control plane with options in words.
    fn run(&mut self, name: &'static str, program: &Path, options: &str) -> Result<(), String> {
        self.names.push(name);
        let options: Vec<String> = options.split_whitespace().map(quoted).collect();
        let program = quoted(&program.display().to_string());
        let mut pipe = self.commands.as_ref().expect("open until drop");
        writeln!(pipe, "{name} {program} {}", options.join(" "))
            .map_err(|error| format!("the supervisor is gone: {error}"))
    }

    /// Fails with the end of the log if a process has ended.
    fn check(&self) -> Result<(), String> {
        for name in &self.names {
            if let Ok(code) = fs::read_to_string(self.dir.join(format!("{name}.exit"))) {
                return Err(format!(
                    "{name} ended with code {}:\n{}",
                    code.trim(),
                    self.tail(name)
                ));
            }
        }
        Ok(())
    }

    /// Returns the last lines of a log.
    fn tail(&self, name: &str) -> String {
        let log = fs::read_to_string(self.dir.join(format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Waits until `ready` says so.
    fn wait(&self, name: &str, ready: impl Fn() -> bool) -> Result<(), String> {
        let start = Instant::now();
        while !ready() {
            self.check()?;
            if start.elapsed() > READY_WITHIN {
                let seconds = READY_WITHIN.as_secs();
                return Err(format!(
                    "{name} not ready within {seconds} s:\n{}",
                    self.tail(name)
                ));
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.commands = None;
        // It ends by itself; an error would mean that it is gone already.
        let _ = self.child.wait();
    }
}

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
    let mut supervisor = Supervisor::start()?;
    let [etcd, peer, api, kubelet] = free_ports()?;
    let server = format!("https://127.0.0.1:{api}");
    let dir = supervisor.dir().to_owned();
    let d = dir.display();
    write_files(&dir, &server)?;

    let (client_url, peer_url) = (
        format!("http://127.0.0.1:{etcd}"),
        format!("http://127.0.0.1:{peer}"),
    );
    supervisor.run(
        "etcd",
        &binaries.join("etcd"),
        &format!(
            "--name default --data-dir {d}/etcd --unsafe-no-fsync --log-level error
             --listen-client-urls {client_url} --advertise-client-urls {client_url}
             --listen-peer-urls {peer_url} --initial-advertise-peer-urls {peer_url}
             --initial-cluster default={peer_url}"
        ),
    )?;
    supervisor.wait("etcd", || TcpStream::connect(("127.0.0.1", etcd)).is_ok())?;
    supervisor.run(
        "kube-apiserver",
        &binaries.join("kube-apiserver"),
        &format!(
            "--etcd-servers {client_url} --secure-port {api} --bind-address 127.0.0.1
             --advertise-address 127.0.0.1 --tls-cert-file {d}/tls.crt
             --tls-private-key-file {d}/tls.key --token-auth-file {d}/tokens.csv
             --authorization-mode RBAC --allow-privileged=true --endpoint-reconciler-type none
             --service-account-issuer https://kubernetes.default.svc
             --service-account-key-file {d}/tls.crt --service-account-signing-key-file {d}/tls.key
             --service-cluster-ip-range 10.96.0.0/16 --kubelet-preferred-address-types InternalIP"
        ),
    )?;
    let kubeconfig = dir.join("admin.kubeconfig");
    let kubectl = || {
        let mut command = Command::new(tools::kubectl());
        command
            .env("KUBECONFIG", &kubeconfig)
            .env("KUBECACHEDIR", dir.join("home/kube-cache"))
            .env("HOME", dir.join("home"))
            .stdin(Stdio::null());
        command
    };
    supervisor.wait("kube-apiserver", || {
        TcpStream::connect(("127.0.0.1", api)).is_ok()
            && kubectl()
                .args(["get", "--raw=/readyz"])
                .output()
                .is_ok_and(|o| o.status.success())
    })?;

    // The default limits (20 requests a second) would make the tests wait for the controllers.
    let client = format!(
        "--kubeconfig {} --leader-elect=false --secure-port=0 --kube-api-qps=1000 --kube-api-burst=2000",
        kubeconfig.display()
    );
    supervisor.run(
        "kube-controller-manager",
        &binaries.join("kube-controller-manager"),
        &format!(
            "{client} --service-account-private-key-file {d}/tls.key --root-ca-file {d}/ca.crt
             --use-service-account-credentials --concurrent-namespace-syncs=20"
        ),
    )?;
    supervisor.run("kube-scheduler", &binaries.join("kube-scheduler"), &client)?;

    let seed = read("seed.yaml")? + "---\n" + &nodes.manifests();
    let mut create = kubectl();
    create.args(["create", "-f", "-"]);
    feed(create, &seed)?;
    supervisor.run(
        "kwok",
        &binaries.join("kwok"),
        &format!(
            "--kubeconfig {k} --config {d}/stages.yaml --manage-all-nodes --cidr 10.244.0.0/16
             --enable-crds ClusterLogs --node-ip 127.0.0.1 --node-port {kubelet}
             --server-address 127.0.0.1:{kubelet} --tls-cert-file {d}/tls.crt
             --tls-private-key-file {d}/tls.key",
            k = kubeconfig.display()
        ),
    )?;
    supervisor.wait("kwok", || {
        TcpStream::connect(("127.0.0.1", kubelet)).is_ok()
    })?;
    Ok((supervisor, server))
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

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
