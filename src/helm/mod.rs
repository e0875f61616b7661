//! Runs the user's Helm, 3 or 4: which version it is, pulling a chart, rendering one. It knows
//! nothing of overlays, and never asks a cluster.

mod chart;
mod marks;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

pub use chart::{is_chart, render};

use crate::process::{self, Call, Failure, Stderr};

/// A Helm program with the folders that it may write to.
#[derive(Clone, Debug)]
pub struct Program<'h> {
    /// The program.
    pub command: &'h Path,
    /// Where it keeps its configuration, cache and data; `None` leaves it the user's own.
    pub home: Option<&'h Path>,
    /// Is told when it takes long.
    pub notify: Option<fn(&str)>,
}

/// Why Helm gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelmError {
    /// There is no such program.
    #[error("cannot run `{command}`: {reason}")]
    Missing {
        /// The program.
        command: String,
        /// Why.
        reason: String,
    },
    /// It is too old, or says nothing that is a version.
    #[error("`{command}` is no Helm 3 or 4: {said}")]
    Version {
        /// The program.
        command: String,
        /// What it calls its version.
        said: String,
    },
    /// It failed.
    #[error("`{line}` failed")]
    Failed {
        /// The command line.
        line: String,
        /// What it said.
        words: String,
    },
    /// It was ended.
    #[error("`{line}` was ended: {reason}")]
    Ended {
        /// The command line.
        line: String,
        /// Why.
        reason: String,
    },
}

impl HelmError {
    /// What Helm itself said, if it said anything.
    pub fn words(&self) -> Option<&str> {
        match self {
            HelmError::Failed { words, .. } => Some(words),
            _ => None,
        }
    }
}

/// How a chart is rendered: the arguments of `helm template`.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// The name of the release; empty lets Helm make one up.
    pub release: String,
    /// The folder of the chart.
    pub chart: PathBuf,
    /// Its namespace.
    pub namespace: String,
    /// A template for the name of the release.
    pub name_template: String,
    /// Files with values, each stronger than those before.
    pub values: Vec<PathBuf>,
    /// What `.Capabilities.APIVersions` holds besides the built-in ones.
    pub api_versions: Vec<String>,
    /// What `.Capabilities.KubeVersion` is.
    pub kube_version: String,
    /// Whether custom resource definitions are printed.
    pub include_crds: bool,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// Whether hooks are left out.
    pub skip_hooks: bool,
    /// Whether Helm says more when it fails.
    pub debug: bool,
    /// Whether versions under development count.
    pub devel: bool,
    /// Further arguments, such as those of the `--set` family.
    pub more: Vec<OsString>,
}

/// How a chart is fetched: the arguments of `helm pull`.
#[derive(Clone, Debug, Default)]
pub struct Pull {
    /// The chart's name.
    pub name: String,
    /// The repository, `oci:` or not.
    pub repository: String,
    /// The version; empty for the newest.
    pub version: String,
    /// The folder to unpack it in.
    pub into: PathBuf,
    /// Whether versions under development count.
    pub devel: bool,
}

impl Template {
    /// The arguments, in kustomize's order.
    pub fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["template".into()];
        if self.release.is_empty() {
            args.push("--generate-name".into());
        } else {
            args.push(OsString::from(&self.release));
        }
        args.push(self.chart.clone().into());
        let mut option = |name: &str, value: &OsStr| {
            if !value.is_empty() {
                args.extend([name.into(), value.to_owned()]);
            }
        };
        option("--namespace", self.namespace.as_ref());
        option("--name-template", self.name_template.as_ref());
        for file in &self.values {
            option("-f", file.as_ref());
        }
        for version in &self.api_versions {
            option("--api-versions", version.as_ref());
        }
        option("--kube-version", self.kube_version.as_ref());
        let flags = [
            ("--include-crds", self.include_crds),
            ("--skip-tests", self.skip_tests),
            ("--no-hooks", self.skip_hooks),
            ("--debug", self.debug),
            ("--devel", self.devel),
        ];
        args.extend(
            flags
                .into_iter()
                .filter(|(_, is_set)| *is_set)
                .map(|(name, _)| name.into()),
        );
        args.extend(self.more.iter().cloned());
        args
    }
}

impl Pull {
    /// The arguments, in kustomize's order.
    pub fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = ["pull", "--untar", "--untardir"].map(Into::into).into();
        args.push(self.into.clone().into());
        if self.repository.starts_with("oci://") {
            let repository = self.repository.strip_suffix('/');
            let repository = repository.unwrap_or(&self.repository);
            args.push(format!("{repository}/{}", self.name).into());
        } else {
            if !self.repository.is_empty() {
                args.extend(["--repo".into(), OsString::from(&self.repository)]);
            }
            args.push(OsString::from(&self.name));
        }
        if !self.version.is_empty() {
            args.extend(["--version".into(), OsString::from(&self.version)]);
        }
        if self.devel {
            args.push("--devel".into());
        }
        args
    }
}

impl Program<'_> {
    /// The major version: 3 or 4.
    ///
    /// # Errors
    /// There is no such program, or it is another version.
    pub fn major(&self) -> Result<u32, HelmError> {
        let said = self.run(&["version".into(), "--short".into()])?;
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        match major(&said) {
            Some(major @ (3 | 4)) => Ok(major),
            _ => Err(HelmError::Version {
                command: self.command.display().to_string(),
                said: if said.is_empty() {
                    "it tells no version".to_owned()
                } else {
                    said
                },
            }),
        }
    }

    /// Fetches a chart.
    ///
    /// # Errors
    /// Helm fails.
    pub fn pull(&self, pull: &Pull) -> Result<(), HelmError> {
        self.run(&pull.args()).map(|_| ())
    }

    /// Renders a chart.
    ///
    /// # Errors
    /// Helm fails.
    pub fn template(&self, template: &Template) -> Result<Vec<u8>, HelmError> {
        self.run(&template.args())
    }

    fn run(&self, args: &[OsString]) -> Result<Vec<u8>, HelmError> {
        let mut command = Command::new(self.command);
        command.args(args);
        if let Some(home) = self.home {
            command
                .env("HELM_CONFIG_HOME", home)
                .env("HELM_CACHE_HOME", home.join(".cache"))
                .env("HELM_DATA_HOME", home.join(".data"));
        }
        let words = args.iter().map(|arg| arg.to_string_lossy().into_owned());
        let line = format!(
            "{} {}",
            self.command.display(),
            words.collect::<Vec<_>>().join(" ")
        );
        let call = Call {
            name: &format!("`{line}`"),
            input: &[],
            stderr: Stderr::Capture,
            timeout: None,
            notify: self.notify,
        };
        match process::run(&mut command, &call) {
            Ok(done) if done.status.success() => Ok(done.stdout),
            Ok(done) => Err(HelmError::Failed {
                line,
                words: done.words(),
            }),
            Err(Failure::NotStarted(reason)) => Err(HelmError::Missing {
                command: self.command.display().to_string(),
                reason,
            }),
            Err(failure) => Err(HelmError::Ended {
                line,
                reason: failure.to_string(),
            }),
        }
    }
}

/// The first number of the first thing that looks like a version: numbers with dots between.
fn major(said: &str) -> Option<u32> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut runs = said.split(|c: char| !is_part(c));
    runs.find_map(|run| {
        let mut numbers = run.split('.');
        let major = numbers.next()?.parse().ok()?;
        numbers.next()?.parse::<u32>().ok()?;
        Some(major)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(args: &[OsString]) -> String {
        let words = args.iter().map(|arg| arg.to_string_lossy().into_owned());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn arguments_are_those_of_kustomize() {
        let mut template = Template {
            chart: "charts/a".into(),
            ..Template::default()
        };
        assert_eq!(line(&template.args()), "template --generate-name charts/a");
        template = Template {
            release: "r".into(),
            namespace: "n".into(),
            name_template: "t".into(),
            values: vec!["v".into(), "w".into()],
            api_versions: vec!["a/v1".into(), "b/v1".into()],
            kube_version: "1.31".into(),
            include_crds: true,
            skip_tests: true,
            skip_hooks: true,
            debug: true,
            devel: true,
            ..template
        };
        assert_eq!(
            line(&template.args()),
            "template r charts/a --namespace n --name-template t -f v -f w --api-versions a/v1 \
             --api-versions b/v1 --kube-version 1.31 --include-crds --skip-tests --no-hooks \
             --debug --devel"
        );
        let mut pull = Pull {
            name: "a".into(),
            into: "charts".into(),
            ..Pull::default()
        };
        for (repository, version, want) in [
            ("", "", "a"),
            ("https://x", "", "--repo https://x a"),
            ("https://x", "1.2", "--repo https://x a --version 1.2"),
            ("oci://x/y/", "1.2", "oci://x/y/a --version 1.2"),
        ] {
            pull.repository = repository.into();
            pull.version = version.into();
            let want = format!("pull --untar --untardir charts {want}");
            assert_eq!(line(&pull.args()), want);
        }
    }

    #[test]
    fn versions_are_read() {
        for (said, want) in [
            ("v3.17.2+gcc0bbbd", Some(3)),
            ("v4.0.0", Some(4)),
            ("Client: v2.17.0+ga690bad", Some(2)),
            ("version 3", None),
            ("", None),
        ] {
            assert_eq!(major(said), want, "{said}");
        }
    }
}
