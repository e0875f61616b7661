//! The real programs that the tests use: built or fetched on first use, kept outside the checkout.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::start::source;

/// Returns the real tools, fetched on first use.
pub(crate) fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Result<Tools, String>> = OnceLock::new();
    match TOOLS.get_or_init(|| {
        Ok(Tools {
            bin: folder("tools")?.join("bin"),
        })
    }) {
        Ok(tools) => tools,
        Err(message) => panic!("{message}"),
    }
}

/// Real Helm, kustomize and pre-commit.
#[derive(Debug)]
pub(crate) struct Tools {
    bin: PathBuf,
}

impl Tools {
    /// Returns the folder of all of them, to be put before PATH.
    pub(crate) fn bin(&self) -> &Path {
        &self.bin
    }

    /// Returns a folder that is kept between runs, for what is costly to make.
    pub(crate) fn cache(&self) -> &Path {
        self.bin.parent().unwrap_or(&self.bin)
    }

    /// Returns Helm 3.17.2.
    pub(crate) fn helm3(&self) -> PathBuf {
        self.bin.join("helm3")
    }

    /// Returns Helm 4.3.1.
    pub(crate) fn helm4(&self) -> PathBuf {
        self.bin.join("helm4")
    }

    /// Returns kubectl 1.37.1.
    pub(crate) fn kubectl(&self) -> PathBuf {
        self.bin.join("kubectl")
    }

    /// Returns kustomize 5.8.1.
    pub(crate) fn kustomize(&self) -> PathBuf {
        self.bin.join("kustomize")
    }

    /// Returns kustomize 5.5.0, built when it is first asked for.
    pub(crate) fn kustomize_5_5() -> PathBuf {
        static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match PATH.get_or_init(|| Ok(folder("kustomize-5.5")?.join("kustomize"))) {
            Ok(path) => path.clone(),
            Err(message) => panic!("{message}"),
        }
    }

    /// Returns the JSON schema of SARIF 2.1.0, fetched when it is first asked for.
    pub(crate) fn sarif_schema() -> PathBuf {
        static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match PATH.get_or_init(|| Ok(folder("sarif-schema")?.join("sarif-2.1.0.json"))) {
            Ok(path) => path.clone(),
            Err(message) => panic!("{message}"),
        }
    }

    /// Returns pre-commit 4.7.0.
    pub(crate) fn pre_commit(&self) -> PathBuf {
        self.bin.join("pre-commit")
    }
}

/// Returns the kubectl of PATH, or ours where there is none.
pub(super) fn kubectl() -> &'static Path {
    static KUBECTL: OnceLock<PathBuf> = OnceLock::new();
    KUBECTL.get_or_init(|| {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut candidates = env::split_paths(&path).map(|folder| folder.join("kubectl"));
        candidates
            .find(|file| file.is_file())
            .unwrap_or_else(|| tools().kubectl())
    })
}

/// Returns the folder of the control plane's binaries: the one that `DEPLOYX_CONTROL_PLANE` names,
/// for servers of other versions, else our own; builds them when they are missing (about ten
/// minutes, once for each machine).
pub(super) fn control_plane() -> Result<PathBuf, String> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let given = || env::var_os("DEPLOYX_CONTROL_PLANE").map(PathBuf::from);
    FOLDER
        .get_or_init(|| given().map_or_else(|| folder("build"), Ok))
        .clone()
}

/// Runs a script of this folder, which prints the folder that it has filled.
fn folder(script: &str) -> Result<PathBuf, String> {
    let output = Command::new(source(script))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("tests/cluster/{script} (bash) cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("tests/cluster/{script} failed: {}", output.status));
    }
    Ok(PathBuf::from(
        String::from_utf8_lossy(&output.stdout).trim(),
    ))
}
