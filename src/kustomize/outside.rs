//! What a build may use besides the files of its tree: programs and the network. Nothing of it is
//! used unless it is given here; the command line has a flag for each.

use std::path::PathBuf;
use std::time::Duration;

/// What a build may use. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Plugins that are programs (`--enable-alpha-plugins`).
    pub plugins: Option<Plugins>,
    /// Helm (`--enable-helm`).
    pub helm: Option<Helm>,
    /// The network and git repositories (`--allow-remote`).
    pub remote: Option<Remote>,
    /// Is told when a program takes long.
    pub notify: Option<fn(&str)>,
}

/// How plugins are run.
#[derive(Clone, Debug, Default)]
pub struct Plugins {
    /// Whether KRM functions may be programs (`--enable-exec`).
    pub exec: bool,
    /// `KEY=value` for functions, stronger than their own (`--env`).
    pub env: Vec<String>,
    /// Where legacy plugins may live, with the reason; the first folder that exists counts.
    pub homes: Vec<(&'static str, PathBuf)>,
}

/// How Helm is run.
#[derive(Clone, Debug)]
pub struct Helm {
    /// The program.
    pub command: PathBuf,
    /// The `apiVersions` of charts that have none.
    pub api_versions: Vec<String>,
    /// The `kubeVersion` of charts that have none.
    pub kube_version: String,
    /// Whether all charts are rendered with `--debug`.
    pub debug: bool,
}

/// How remote files and repositories are fetched.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The git program.
    pub git: PathBuf,
    /// Longest time for one download.
    pub timeout: Duration,
    /// Proxies by scheme.
    pub proxies: Proxies,
}

/// The proxies of the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http:` addresses.
    pub http: Option<String>,
    /// For `https:` addresses.
    pub https: Option<String>,
    /// Hosts and domains that are reached without one.
    pub none: Vec<String>,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            git: PathBuf::from("git"),
            timeout: Duration::from_secs(60),
            proxies: Proxies::default(),
        }
    }
}
