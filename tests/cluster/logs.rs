//! What the fake containers have logged.

use std::fs;
use std::path::PathBuf;

use super::{Namespace, start, tools};

/// The log lines of containers; what is not given stays empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Logs<'a> {
    /// The lines of the running container: `kubectl logs`.
    pub(crate) current: &'a [&'a str],
    /// The lines of the one before: `kubectl logs --previous`.
    pub(crate) previous: &'a [&'a str],
}

impl Namespace<'_> {
    /// Creates an object together with the one that tells kwok where the logs lie.
    pub(super) fn create_with_logs(&self, object: &str) {
        fs::create_dir_all(self.log_file("", "current").with_file_name(""))
            .expect("the control plane's folder can be written");
        self.write_logs(
            "",
            Logs {
                current: &["started"],
                previous: &[],
            },
        );
        let manifests = object.to_owned() + &self.log_object(&[]);
        let mut command = self.cluster.command(tools::kubectl());
        command.args(["create", "-f", "-"]);
        start::feed(command, &manifests).unwrap_or_else(|message| panic!("{message}"));
    }

    /// Sets the log lines of all containers of this namespace, at once. The same for all restarts.
    pub(crate) fn set_logs(&self, logs: Logs<'_>) {
        self.write_logs("", logs);
    }

    /// Sets log lines that differ by container name. Other containers have no logs then.
    pub(crate) fn set_container_logs(&self, logs: &[(&str, Logs<'_>)]) {
        for (container, logs) in logs {
            self.write_logs(container, *logs);
        }
        let containers: Vec<&str> = logs.iter().map(|(container, _)| *container).collect();
        self.cluster.apply(&self.log_object(&containers));
    }

    fn write_logs(&self, container: &str, logs: Logs<'_>) {
        for (which, lines) in [("current", logs.current), ("previous", logs.previous)] {
            // The CRI form, which is what kwok's server reads.
            let text: Vec<String> = (0_u32..)
                .zip(lines)
                .map(|(n, line)| format!("2026-01-01T00:00:00.{n:09}Z stderr F {line}\n"))
                .collect();
            fs::write(self.log_file(container, which), text.concat())
                .expect("the control plane's folder can be written");
        }
    }

    fn log_file(&self, container: &str, which: &str) -> PathBuf {
        self.cluster
            .dir()
            .join("logs")
            .join(format!("{}.{container}.{which}", self.name()))
    }

    /// Returns the ClusterLogs object: for the named containers, or for all when none is named.
    fn log_object(&self, containers: &[&str]) -> String {
        let entry = |container: &str, names: &str| {
            format!(
                "  - containers: [{names}]\n    logsFile: {}\n    previousLogsFile: {}\n",
                self.log_file(container, "current").display(),
                self.log_file(container, "previous").display(),
            )
        };
        let entries: String = if containers.is_empty() {
            entry("", "")
        } else {
            containers
                .iter()
                .map(|container| entry(container, container))
                .collect()
        };
        format!(
            "apiVersion: kwok.x-k8s.io/v1alpha1\nkind: ClusterLogs\nmetadata: {{name: {name}}}\n\
             spec:\n  selector: {{matchNamespaces: [{name}]}}\n  logs:\n{entries}",
            name = self.name(),
        )
    }
}
