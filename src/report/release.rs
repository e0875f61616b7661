//! What there is to say of a release: its state and its history.

use std::fmt::Write as _;

use super::{Role, Style};
use crate::cluster::State;
use crate::release::status::ReleaseStatus;
use crate::release::{Record, Status, store};

/// The state of a release and of its objects, for people.
pub fn release_status(found: &ReleaseStatus, style: Style) -> String {
    let last = &found.last;
    let mut out = format!(
        "{} r{} is {} since {} · {}\n",
        found.release.name,
        last.revision(),
        style.paint(Role::Strong, last.status().as_str()),
        store::age(last),
        last.description(),
    );
    if let Some(deployed) = found.deployed {
        let _ = writeln!(out, "live is r{deployed}");
    }
    out.push('\n');
    for (id, health) in &found.objects {
        let (role, word, reason) = match health {
            None => (
                Role::Error,
                "missing",
                "it is in the record and not in the cluster",
            ),
            Some(health) => match health.state {
                State::Ready => (Role::Good, "ready", health.reason.as_str()),
                State::Progressing => (Role::Warning, "waits", health.reason.as_str()),
                State::Failed => (Role::Error, "failed", health.reason.as_str()),
            },
        };
        let word = style.paint(role, format!("{word:<8}"));
        let _ = writeln!(out, "{word} {id}   {reason}");
    }
    out
}

/// The revisions of a release, oldest first, for people.
pub fn history(records: &[Record], style: Style) -> String {
    let mut out = String::new();
    for record in records {
        let status = record.status();
        let role = match status {
            Status::Deployed => Role::Good,
            Status::Failed => Role::Error,
            _ if status.is_pending() => Role::Warning,
            _ => Role::Faint,
        };
        let _ = writeln!(
            out,
            "r{:<4} {}  {:<12}  {:<14}  {}",
            record.revision(),
            style.paint(role, format!("{:<16}", status.as_str())),
            store::age(record),
            record.chart(),
            record.description(),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Release;

    #[test]
    fn a_line_for_each_revision() {
        let release = Release {
            name: "shop".into(),
            namespace: "prod".into(),
        };
        let mut record = Record::new(&release, 3, "", "", "long ago");
        record.set(Status::Deployed, "Upgrade complete");
        let chart = record.chart();
        assert_eq!(
            history(&[record], Style::new(false)),
            format!("r3    deployed          some time ago  {chart:<14}  Upgrade complete\n")
        );
    }
}
