//! The flags by which every command reads a source: those of `kustomize build` that scripts have,
//! each with kustomize's effect or refused by name.

use std::env;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::CommandError;
use crate::helm::Program;
use crate::kustomize::outside::{Helm, Outside, Plugins, Proxies, Remote};
use crate::kustomize::{Compat, LoadRestrictions, Order};

/// The heading in the help.
const HEADING: &str = "Overlay builds";

/// How a source is read; the same flags for every command that takes one.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Which files a kustomization may load: LoadRestrictionsRootOnly or LoadRestrictionsNone
    #[arg(long, value_name = "RULE", default_value = "LoadRestrictionsRootOnly", help_heading = HEADING)]
    load_restrictor: String,
    /// Refuse an overlay that says something without effect: an image that no container uses, a
    /// target that nothing matches, a patch that changes nothing
    #[arg(long, help_heading = HEADING)]
    strict: bool,
    /// Fetch what a kustomization names by URL, repositories with git, files over HTTP
    #[arg(long, help_heading = HEADING)]
    allow_remote: bool,
    /// Run plugins that are programs: KRM functions with --enable-exec, and legacy exec plugins
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, value_name = "BOOL", hide_possible_values = true,
        help_heading = HEADING)]
    enable_alpha_plugins: bool,
    /// Let KRM functions be programs of this machine (with --enable-alpha-plugins)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, value_name = "BOOL", hide_possible_values = true,
        help_heading = HEADING)]
    enable_exec: bool,
    /// Render `helmCharts` with Helm
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", hide_default_value = true, value_name = "BOOL", hide_possible_values = true,
        help_heading = HEADING)]
    enable_helm: bool,
    /// The Helm program
    #[arg(
        long,
        value_name = "PROGRAM",
        default_value = "helm",
        env = "HELM_BIN",
        hide_short_help = true,
        help_heading = HEADING
    )]
    helm_command: PathBuf,
    /// An API version that charts are told the cluster has (can be repeated)
    #[arg(long, value_name = "VERSION", hide_short_help = true, help_heading = HEADING)]
    helm_api_versions: Vec<String>,
    /// The Kubernetes version that charts are told
    #[arg(long, value_name = "VERSION", hide_short_help = true, help_heading = HEADING)]
    helm_kube_version: Option<String>,
    /// Render charts with helm's --debug
    #[arg(long, hide_short_help = true, help_heading = HEADING)]
    helm_debug: bool,
    /// A variable for the environment of functions, KEY=VALUE (can be repeated)
    #[arg(short, long, value_name = "KEY=VALUE", hide_short_help = true, help_heading = HEADING)]
    env: Vec<String>,
    /// Order of the objects where the kustomization has no `sortOptions`: legacy or none
    #[arg(long, value_name = "ORDER", default_value = "legacy", value_parser = parse_reorder,
        hide_short_help = true, help_heading = HEADING)]
    reorder: Order,
    /// The kustomize that overlays are built like, where its versions differ: 5.5 or 5.8
    #[arg(long, value_name = "VERSION", default_value = "5.8", value_parser = parse_compat,
        hide_short_help = true, help_heading = HEADING)]
    kustomize_compat: Compat,
    /// Add the label app.kubernetes.io/managed-by
    #[arg(long, hide_short_help = true, help_heading = HEADING)]
    enable_managedby_label: bool,
    #[command(flatten)]
    containers: ContainerArgs,
}

/// Flags about functions in containers, which are refused where a kustomization lists one. Scripts
/// may go on passing them.
#[derive(Debug, Args)]
struct ContainerArgs {
    /// Taken for scripts: functions in containers are not run
    #[arg(long, hide = true)]
    network: bool,
    /// Taken for scripts: functions in containers are not run
    #[arg(long, hide = true, value_name = "NAME")]
    network_name: Option<String>,
    /// Taken for scripts: functions in containers are not run
    #[arg(long, hide = true, value_name = "MOUNT")]
    mount: Vec<String>,
    /// Taken for scripts: functions in containers are not run
    #[arg(long, hide = true)]
    as_current_user: bool,
    /// Taken for scripts: functions in Starlark are not run
    #[arg(long, hide = true)]
    enable_star: bool,
}

impl SourceArgs {
    /// Which files a kustomization may load.
    ///
    /// # Errors
    /// Usage error for an unknown load restrictor.
    pub(super) fn load_restrictions(&self) -> Result<LoadRestrictions, CommandError> {
        match self.load_restrictor.as_str() {
            "LoadRestrictionsRootOnly" | "rootOnly" | "" => Ok(LoadRestrictions::RootOnly),
            "LoadRestrictionsNone" | "none" => Ok(LoadRestrictions::None),
            other => Err(
                CommandError::usage(format!("`{other}` is no load restrictor"))
                    .hint("use LoadRestrictionsRootOnly or LoadRestrictionsNone"),
            ),
        }
    }

    /// Whether what an overlay says without effect is an error.
    pub(super) fn strict(&self) -> bool {
        self.strict
    }

    /// The order of objects where the root has no `sortOptions`.
    pub(super) fn order(&self) -> Order {
        self.reorder
    }

    /// Which kustomize overlays are built like.
    pub(super) fn compat(&self) -> Compat {
        self.kustomize_compat
    }

    /// Whether every object gets the label that says who manages it.
    pub(super) fn managed_by(&self) -> bool {
        self.enable_managedby_label
            || env::var_os("KUSTOMIZE_ENABLE_MANAGEDBY_LABEL").is_some_and(|value| value == "on")
    }

    /// The Helm that renders a chart which is a source itself: the one that called us, or the one
    /// on the PATH.
    pub(super) fn helm(&self) -> Program<'_> {
        Program {
            command: &self.helm_command,
            home: None,
            notify: Some(notify),
        }
    }

    /// What builds may use besides the files of their trees.
    pub(super) fn outside(&self) -> Arc<Outside> {
        let plugins = self.enable_alpha_plugins.then(|| Plugins {
            exec: self.enable_exec,
            env: self.env.clone(),
            homes: plugin_homes(),
        });
        // In kustomize too, plugins include Helm.
        let helm = (self.enable_helm || self.enable_alpha_plugins).then(|| Helm {
            command: self.helm_command.clone(),
            api_versions: self.helm_api_versions.clone(),
            kube_version: self.helm_kube_version.clone().unwrap_or_default(),
            debug: self.helm_debug,
        });
        let remote = self.allow_remote.then(|| Remote {
            proxies: proxies(),
            ..Remote::default()
        });
        Arc::new(Outside {
            plugins,
            helm,
            remote,
            notify: Some(notify),
        })
    }
}

/// Reads the value of `--reorder`; `unspecified` is what kustomize calls none given.
fn parse_compat(text: &str) -> Result<Compat, String> {
    match text.trim_start_matches('v') {
        "5.5" | "5.5.0" => Ok(Compat::V5_5),
        "5.8" | "5.8.1" => Ok(Compat::V5_8),
        _ => Err("use 5.5 or 5.8".to_owned()),
    }
}

fn parse_reorder(text: &str) -> Result<Order, String> {
    match text {
        "legacy" | "unspecified" => Ok(Order::Legacy),
        "none" => Ok(Order::Fifo),
        _ => Err("use legacy (by kind) or none (as loaded)".to_owned()),
    }
}

/// Says that a program takes long.
fn notify(line: &str) {
    // A line that cannot be written is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Where kustomize looks for legacy plugins, in its order.
fn plugin_homes() -> Vec<(&'static str, PathBuf)> {
    let filled = |name| env::var_os(name).filter(|value| !value.is_empty());
    let mut homes = Vec::new();
    if let Some(home) = filled("KUSTOMIZE_PLUGIN_HOME") {
        homes.push(("$KUSTOMIZE_PLUGIN_HOME", PathBuf::from(home)));
    }
    if let Some(config) = filled("XDG_CONFIG_HOME") {
        let home = PathBuf::from(config).join("kustomize/plugin");
        homes.push(("$XDG_CONFIG_HOME", home));
    }
    if let Some(home) = filled("HOME").map(PathBuf::from) {
        homes.push((
            "the default of $XDG_CONFIG_HOME",
            home.join(".config/kustomize/plugin"),
        ));
        homes.push(("the home directory", home.join("kustomize/plugin")));
    }
    homes
}

/// The proxies of the environment, under the names that curl, git and Go know.
fn proxies() -> Proxies {
    let read = |names: [&str; 2]| {
        let mut values = names.iter().filter_map(|name| env::var(name).ok());
        values.find(|value| !value.is_empty())
    };
    let none = read(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Proxies {
        http: read(["HTTP_PROXY", "http_proxy"]),
        https: read(["HTTPS_PROXY", "https_proxy"]),
        none: none
            .split(',')
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: SourceArgs,
    }

    fn read(words: &[&str]) -> Result<SourceArgs, String> {
        let words = ["x"].iter().chain(words);
        Line::try_parse_from(words)
            .map(|line| line.args)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_outside_is_used_unless_it_is_allowed() {
        let outside = read(&[]).unwrap().outside();
        assert!(outside.plugins.is_none() && outside.helm.is_none() && outside.remote.is_none());
        // The one flag does nothing without the other.
        assert!(
            read(&["--enable-exec"])
                .unwrap()
                .outside()
                .plugins
                .is_none()
        );
        assert!(
            read(&["--enable-helm=false"])
                .unwrap()
                .outside()
                .helm
                .is_none()
        );
    }

    #[test]
    fn the_flags_of_kustomize_build_are_taken() {
        let line = "--enable-alpha-plugins --enable-exec=true -e A=1 --env B=2 --network \
                    --network-name bridge --mount type=bind --as-current-user --enable-star \
                    --helm-command /bin/helm4 --helm-api-versions a/v1 --helm-api-versions b/v1 \
                    --helm-kube-version 1.31 --helm-debug --reorder none --allow-remote \
                    --enable-managedby-label --load-restrictor LoadRestrictionsNone";
        let args = read(&line.split_whitespace().collect::<Vec<_>>()).unwrap();
        assert_eq!(args.load_restrictions().unwrap(), LoadRestrictions::None);
        assert_eq!(args.order(), Order::Fifo);
        assert!(args.managed_by());
        let outside = args.outside();
        let plugins = outside.plugins.as_ref().unwrap();
        assert!(plugins.exec);
        assert_eq!(plugins.env, ["A=1", "B=2"]);
        let helm = outside.helm.as_ref().unwrap();
        assert_eq!(helm.api_versions, ["a/v1", "b/v1"]);
        assert_eq!((helm.kube_version.as_str(), helm.debug), ("1.31", true));
        assert!(outside.remote.is_some());
        for order in ["legacy", "unspecified"] {
            assert_eq!(read(&["--reorder", order]).unwrap().order(), Order::Legacy);
        }
        let refused = read(&["--reorder", "sideways"]).unwrap_err();
        assert!(refused.contains("use legacy (by kind)"), "{refused}");
    }
}
