//! Runs the processes of a control plane and notices when one dies.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::start::source;

/// How long the server may take to answer; it needs 3 s on an idle machine with two cores.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// The shell that runs the processes: `supervise` says what it promises.
pub(super) struct Supervisor {
    child: Child,
    /// Open as long as the processes shall live.
    commands: Option<ChildStdin>,
    binaries: PathBuf,
    dir: PathBuf,
    names: Vec<&'static str>,
}

impl Supervisor {
    pub(super) fn start(binaries: &Path) -> Result<Self, String> {
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
            binaries: binaries.to_owned(),
            dir,
            names: Vec::new(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs one of the binaries. `options` are words between white space, in which
    /// `DIR` stands for the folder.
    pub(super) fn run(&mut self, name: &'static str, options: &str) -> Result<(), String> {
        self.names.push(name);
        let dir = self.dir.display().to_string();
        let options: Vec<String> = options
            .split_whitespace()
            .map(|word| quoted(&word.replace("DIR", &dir)))
            .collect();
        let program = quoted(&self.binaries.join(name).display().to_string());
        let mut pipe = self.commands.as_ref().expect("open until drop");
        writeln!(pipe, "{name} {program} {}", options.join(" "))
            .map_err(|error| format!("the supervisor is gone: {error}"))
    }

    /// Fails with the end of the log if a process has ended.
    fn check(&self) -> Result<(), String> {
        for name in &self.names {
            let id = fs::read_to_string(self.dir.join(format!("{name}.pid"))).unwrap_or_default();
            // The shell reaps what has ended, so its entry goes at once.
            if !id.is_empty() && !Path::new("/proc").join(id.trim()).exists() {
                return Err(format!("{name} has ended:\n{}", self.tail(name)));
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
    pub(super) fn wait(&self, name: &str, ready: impl Fn(&Path) -> bool) -> Result<(), String> {
        let start = Instant::now();
        while !ready(&self.dir) {
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

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
