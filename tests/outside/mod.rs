//! Overlays in folders of their own, built by kustomize and by deployx, and a server of files.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use tempfile::TempDir;

use super::cluster::tools;

const DEPLOYX: &str = env!("CARGO_BIN_EXE_deployx");

/// A folder with kustomizations, of which `over` is built. Plugins are looked for in `home`,
/// programs also in `bin`.
pub(crate) struct Overlay(TempDir);

impl Overlay {
    /// Writes files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let overlay = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(overlay.path("home")).unwrap();
        for (name, text) in files {
            overlay.write(name, text);
        }
        overlay
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The true path of something in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let root = self.0.path().canonicalize().unwrap();
        if name.is_empty() {
            root
        } else {
            root.join(name)
        }
    }

    /// The overlay that is built.
    pub(crate) fn over(&self) -> PathBuf {
        self.path("over")
    }

    /// Builds it with kustomize.
    pub(crate) fn kustomize(&self, flags: &[&str]) -> Output {
        let mut command = Command::new(tools().kustomize());
        command.arg("build").args(flags).arg(self.over());
        self.run(command)
    }

    /// Builds it with deployx.
    pub(crate) fn deployx(&self, flags: &[&str]) -> Output {
        let mut command = Command::new(DEPLOYX);
        command.arg("render").args(flags).arg(self.over());
        self.run(command)
    }

    /// Both print the same.
    #[track_caller]
    pub(crate) fn same(&self, flags: &[&str]) {
        self.compare(&self.kustomize(flags), &self.deployx(flags));
    }

    /// Both print the same where what is remote is allowed.
    #[track_caller]
    pub(crate) fn same_remote(&self) {
        self.compare(&self.kustomize(&[]), &self.deployx(&["--allow-remote"]));
    }

    /// Both refuse and print nothing. Returns what deployx says.
    #[track_caller]
    pub(crate) fn both_refuse(&self, flags: &[&str]) -> String {
        refusal(&self.kustomize(flags), &self.deployx(flags))
    }

    /// The same where what is remote is allowed.
    #[track_caller]
    pub(crate) fn both_refuse_remote(&self, flags: &[&str]) -> String {
        let ours = self.deployx(&[flags, &["--allow-remote"]].concat());
        refusal(&self.kustomize(flags), &ours)
    }

    #[track_caller]
    fn compare(&self, theirs: &Output, ours: &Output) {
        let text = fs::read_to_string(self.path("over/kustomization.yaml")).unwrap();
        assert!(theirs.status.success(), "{text}\n{}", err(theirs));
        assert!(ours.status.success(), "{text}\n{}", err(ours));
        assert_eq!(out(theirs), out(ours), "{text}");
    }

    fn run(&self, mut command: Command) -> Output {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::split_paths(&path).chain([self.path("bin")]);
        let path: OsString = std::env::join_paths(path).unwrap();
        command
            .env("KUSTOMIZE_PLUGIN_HOME", self.path("home"))
            .env("PATH", path)
            .env_remove("HELM_BIN")
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy")
            .output()
            .unwrap()
    }
}

#[track_caller]
fn refusal(theirs: &Output, ours: &Output) -> String {
    assert!(!theirs.status.success(), "{}", out(theirs));
    assert_eq!(ours.status.code(), Some(1), "{}", out(ours));
    assert_eq!(out(ours), "");
    err(ours)
}

/// Builds a source with deployx.
pub(crate) fn deployx(flags: &[&str], source: &Path) -> Output {
    let mut command = Command::new(DEPLOYX);
    command.arg("render").args(flags).arg(source);
    command.output().unwrap()
}

/// Writes a shell script.
pub(crate) fn script(path: &Path, body: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs git as somebody.
#[track_caller]
pub(crate) fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {}", err(&done));
}

/// Standard output.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server of files on the loopback; a file `302 PATH` is a redirection. It ends with the process.
pub(crate) struct Server {
    port: u16,
}

impl Server {
    /// Serves files.
    pub(crate) fn start(files: Vec<(&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().and_then(Result::ok).unwrap_or_default();
                // The header ends with an empty line.
                while lines
                    .next()
                    .and_then(Result::ok)
                    .is_some_and(|line| !line.is_empty())
                {}
                let path = first.split(' ').nth(1).unwrap_or_default();
                let found = files.iter().find(|(name, _)| *name == path);
                let (head, body) = match found {
                    None => ("404 Not Found".to_owned(), &b""[..]),
                    Some((_, body)) => match body.strip_prefix(b"302 ") {
                        Some(to) => {
                            let to = String::from_utf8_lossy(to);
                            (format!("302 Found\r\nLocation: {to}"), &b""[..])
                        }
                        None => ("200 OK".to_owned(), body.as_slice()),
                    },
                };
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                // The other side may be gone.
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(body);
            }
        });
        Self { port }
    }

    /// The address of a file.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}
