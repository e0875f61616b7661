//! Why a release cannot be planned or carried out, and what to do about it.

use super::record::RecordError;
use crate::cluster::ClusterError;
use crate::cluster::error::Conflict;
use crate::manifest::Diagnostic;
use crate::manifest::object::ObjectId;
use crate::plan::strategy::CannotRoll;
use crate::rollout::Failure;

/// A release that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Not a name that Helm takes.
    #[error("`{name}` is no name for a release")]
    BadName {
        /// As given.
        name: String,
    },
    /// Somebody is at work on it, or died over it.
    #[error(
        "{release} is being changed: revision {revision} is `{status}`, begun {age} ({description})"
    )]
    Busy {
        /// The release.
        release: String,
        /// The revision that is not finished.
        revision: u32,
        /// Its state.
        status: &'static str,
        /// `14 s ago`.
        age: String,
        /// Who, as the record says it.
        description: String,
    },
    /// `--strategy rolling` cannot work.
    #[error("{}", lines(cannot))]
    CannotRoll {
        /// Which workloads, and why.
        cannot: Vec<CannotRoll>,
    },
    /// The cluster refused.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Other managers hold fields with other values.
    #[error(
        "others set fields that this release would overwrite:{}",
        conflicts(list)
    )]
    Conflicts {
        /// The objects, and who holds what.
        list: Vec<(ObjectId, Vec<Conflict>)>,
    },
    /// Helm keeps its records elsewhere.
    #[error("HELM_DRIVER is `{driver}`; deployx keeps its records in Secrets alone")]
    Driver {
        /// As set.
        driver: String,
    },
    /// The rollout failed after something was changed.
    #[error("{} failed", failure.id)]
    Failed {
        /// How.
        failure: Box<Failure>,
        /// The revision that failed.
        revision: u32,
    },
    /// Objects exist and belong to somebody else.
    #[error(
        "these objects exist and are not part of release {release}:{}",
        foreign(objects)
    )]
    Foreign {
        /// The release.
        release: String,
        /// Which, and who owns them.
        objects: Vec<(ObjectId, String)>,
    },
    /// Changes of live objects that the server does not allow.
    #[error("live objects cannot change like this:{}", impossible(findings))]
    Impossible {
        /// What cannot change, each where the input sets it.
        findings: Vec<Diagnostic>,
    },
    /// Ended by a signal; the record says so.
    #[error("interrupted; revision {revision} is marked as failed")]
    Interrupted {
        /// The revision that was under way.
        revision: u32,
        /// 130 for SIGINT, 143 for SIGTERM.
        code: u8,
    },
    /// The cluster refused in the middle of the apply.
    #[error("{source}")]
    MidWay {
        /// What it said.
        source: ClusterError,
        /// The revision that failed.
        revision: u32,
    },
    /// The command line says another name than the overlay.
    #[error("the release is called `{written}` in the overlay, and `{asked}` on the command line")]
    NameDiffers {
        /// On the command line.
        asked: String,
        /// In the overlay.
        written: String,
    },
    /// Nothing says what the release is called.
    #[error("the release has no name")]
    NoName,
    /// The namespace of the release does not exist, and the overlay does not bring it.
    #[error("namespace {namespace} does not exist")]
    NoNamespace {
        /// The namespace.
        namespace: String,
    },
    /// There are no records of it.
    #[error("there is no release {release} in namespace {namespace}")]
    NoRelease {
        /// The release.
        release: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// The server would refuse these objects, or what is to be done with them.
    #[error("the cluster would refuse this release:{}", refused(list))]
    Refused {
        /// What it says about each.
        list: Vec<ClusterError>,
    },
    /// Somebody else has taken the release at the same moment.
    #[error("somebody else has begun revision {revision} of {release} at this moment")]
    Overtaken {
        /// The release.
        release: String,
        /// The revision.
        revision: u32,
    },
    /// A record cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Two policies in one input.
    #[error("there are several Release resources: {}", names.join(", "))]
    TwoReleases {
        /// Their names.
        names: Vec<String>,
    },
}

impl ReleaseError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BadName { .. } => {
                Some("53 characters at most: lower-case letters, digits, `-` and `.`".into())
            }
            Self::Busy { .. } => {
                Some("wait for it to end; if its writer is gone, go on with `--take-over`".into())
            }
            Self::CannotRoll { .. } => Some(
                "use `--strategy auto` or `--strategy recreate`, make room, or insist with \
                 `--ignore-capacity`"
                    .into(),
            ),
            Self::Cluster(source) | Self::MidWay { source, .. } => source.hint(),
            Self::Conflicts { .. } => Some(
                "take these values into the overlay, or overwrite them with `--force-conflicts`"
                    .into(),
            ),
            Self::Driver { .. } => Some("unset HELM_DRIVER, or set it to `secret`".into()),
            Self::Foreign { .. } => Some(
                "make them part of the release with `--take-ownership`; nothing restarts".into(),
            ),
            Self::Impossible { findings } => findings.iter().find_map(|f| f.hint.clone()),
            Self::NameDiffers { .. } => Some("leave one of them out".into()),
            Self::NoName => {
                Some("name it: deployx upgrade RELEASE SOURCE, or add a Release resource".into())
            }
            Self::NoNamespace { namespace } => Some(format!(
                "add a Namespace `{namespace}` to the overlay, or use `--create-namespace`"
            )),
            Self::Overtaken { .. } => Some("look at it: deployx status".into()),
            Self::Record(RecordError::TooLarge { .. }) => Some(
                "split the overlay into two releases, or move large files out of ConfigMaps".into(),
            ),
            Self::Refused { list } => list.iter().find_map(refusal_hint),
            Self::TwoReleases { .. } => Some("keep one; a patch can change it per overlay".into()),
            Self::Failed { .. }
            | Self::Interrupted { .. }
            | Self::NoRelease { .. }
            | Self::Record(RecordError::Broken { .. }) => None,
        }
    }

    /// Whether something in the cluster had been changed.
    pub fn after_change(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::MidWay { .. })
    }
}

fn refusal_hint(error: &ClusterError) -> Option<String> {
    match error {
        ClusterError::Rejected {
            object, message, ..
        } if message.contains("immutable") => {
            let name = object.replacen(' ', "/", 1);
            Some(format!(
                "an immutable field needs a new object: delete {name} first, or give it a new name"
            ))
        }
        other => other.hint(),
    }
}

fn lines(items: &[CannotRoll]) -> String {
    let lines: Vec<String> = items.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn refused(list: &[ClusterError]) -> String {
    let lines: Vec<String> = list.iter().map(|error| format!("\n  {error}")).collect();
    lines.concat()
}

fn foreign(objects: &[(ObjectId, String)]) -> String {
    let lines: Vec<String> = objects
        .iter()
        .map(|(id, owner)| format!("\n  {id} ({owner})"))
        .collect();
    lines.concat()
}

fn impossible(findings: &[Diagnostic]) -> String {
    let lines = findings.iter().map(|finding| {
        let object = finding.object.as_deref().unwrap_or_default();
        let field = finding.field.as_deref().unwrap_or_default();
        format!("\n  {object} {field}")
    });
    lines.collect()
}

fn conflicts(list: &[(ObjectId, Vec<Conflict>)]) -> String {
    list.iter()
        .flat_map(|(id, conflicts)| {
            conflicts.iter().map(move |conflict| {
                let field = conflict.field.trim_start_matches('.');
                format!("\n  {id} {field} ({})", conflict.manager)
            })
        })
        .collect()
}
