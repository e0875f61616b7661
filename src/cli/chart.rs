//! Flags that say how a Helm chart is rendered, for every command that takes one as its source.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::helm::Template;

/// How a chart is rendered. The names are Helm's.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Helm charts")]
pub(super) struct ChartArgs {
    /// File with values of a chart (can be repeated)
    #[arg(short = 'f', long, value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Value of a chart: KEY=VALUE (can be repeated)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Value of a chart that stays a string (can be repeated)
    #[arg(long, value_name = "KEY=VALUE", hide_short_help = true)]
    set_string: Vec<String>,
    /// Value of a chart that stands in a file (can be repeated)
    #[arg(long, value_name = "KEY=FILE", hide_short_help = true)]
    set_file: Vec<String>,
    /// Value of a chart in JSON (can be repeated)
    #[arg(long, value_name = "KEY=JSON", hide_short_help = true)]
    set_json: Vec<String>,
    /// Name of the release that a chart is rendered for
    #[arg(
        long,
        value_name = "NAME",
        default_value = "release-name",
        hide_short_help = true
    )]
    release_name: String,
}

impl ChartArgs {
    /// How a chart is rendered for a version of Kubernetes: hooks and definitions included, since
    /// all of it reaches the server.
    pub(super) fn template(
        &self,
        chart: &Path,
        namespace: Option<String>,
        kube_version: String,
    ) -> Template {
        let mut more: Vec<OsString> = Vec::new();
        for (flag, given) in [
            ("--set", &self.set),
            ("--set-string", &self.set_string),
            ("--set-file", &self.set_file),
            ("--set-json", &self.set_json),
        ] {
            for value in given {
                more.extend([flag.into(), value.into()]);
            }
        }
        Template {
            release: self.release_name.clone(),
            chart: chart.to_path_buf(),
            namespace: namespace.unwrap_or_default(),
            values: self.values.clone(),
            kube_version,
            include_crds: true,
            more,
            ..Template::default()
        }
    }
}
