//! `deployx validate --watch`: a change of a file is followed by a new verdict.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// How long a verdict may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the program however the test ends.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watch {
    /// The next summary line of stdout.
    fn summary(&self) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            if line.contains(" · Kubernetes ") {
                return line;
            }
        }
    }
}

#[test]
fn a_change_is_followed_by_a_new_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("prod")).unwrap();
    fs::create_dir_all(at("base")).unwrap();
    fs::write(at("prod/kustomization.yaml"), "resources: [../base]\n").unwrap();
    fs::write(at("base/kustomization.yaml"), "resources: [a.yaml]\n").unwrap();
    let object = |data: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {data}\n")
    };
    fs::write(at("base/a.yaml"), object("{a: b}")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_deployx"))
        .args(["validate", "--watch"])
        .arg(at("prod"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let watch = Watch { child, lines };
    assert!(watch.summary().starts_with("nothing wrong · 1 object"));
    // A file of the base, in a folder that was not named.
    fs::write(at("base/a.yaml"), object("{a: 1}")).unwrap();
    assert!(watch.summary().starts_with("1 error"));
    // As editors save: the new text under another name, then renamed.
    fs::write(at("base/.a.yaml.new"), object("{a: '1'}")).unwrap();
    fs::rename(at("base/.a.yaml.new"), at("base/a.yaml")).unwrap();
    let last = loop {
        let line = watch.summary();
        // Writing and renaming may be two changes.
        if line.starts_with("nothing wrong") {
            break line;
        }
    };
    assert!(last.contains("1 object, 1 overlay"), "{last}");
}
