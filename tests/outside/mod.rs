//! Overlays in folders of their own, built by kustomize and by deployx.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
        self.kustomize_by(&tools().kustomize(), flags)
    }

    /// Builds it with another kustomize.
    pub(crate) fn kustomize_by(&self, program: &Path, flags: &[&str]) -> Output {
        let mut command = Command::new(program);
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

    /// Both refuse and print nothing. Returns what deployx says.
    #[track_caller]
    pub(crate) fn both_refuse(&self, flags: &[&str]) -> String {
        refusal(&self.kustomize(flags), &self.deployx(flags))
    }

    /// What kustomize and deployx printed is the same.
    #[track_caller]
    pub(crate) fn compare(&self, theirs: &Output, ours: &Output) {
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

/// Both refused and printed nothing. Returns what deployx says.
#[track_caller]
pub(crate) fn refusal(theirs: &Output, ours: &Output) -> String {
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

/// Standard output.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An object with these annotations.
pub(crate) fn config_map(name: &str, annotations: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\n\
         data: {{c: d}}\n"
    )
}
