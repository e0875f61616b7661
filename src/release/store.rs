//! Reading and writing the records of one release.

use kube::api::ListParams;

use super::error::ReleaseError;
use super::record::{Record, Status};
use crate::cluster::value::Read;
use crate::cluster::{Cluster, Resource};
use crate::diff::Release;

/// The revisions of one release, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History(pub Vec<Record>);

impl History {
    /// Reads the records of a release.
    ///
    /// # Errors
    /// The user may not list Secrets, or a record is broken.
    pub async fn read(cluster: &Cluster, release: &Release) -> Result<Self, ReleaseError> {
        let params = ListParams::default().labels(&format!("owner=helm,name={}", release.name));
        let found = cluster
            .list_where(&secrets(), Some(&release.namespace), params)
            .await?;
        let mut records = Vec::new();
        for secret in found {
            if secret["type"] == "helm.sh/release.v1" {
                records.push(Record::decode(secret)?);
            }
        }
        records.sort_by_key(Record::revision);
        Ok(Self(records))
    }

    /// The latest revision.
    pub fn last(&self) -> Option<&Record> {
        self.0.last()
    }

    /// The revision that is live.
    pub fn deployed(&self) -> Option<&Record> {
        let mut latest_first = self.0.iter().rev();
        latest_first.find(|record| record.status() == Status::Deployed)
    }

    /// The number of the next revision.
    pub fn next_revision(&self) -> u32 {
        self.last().map_or(1, |record| record.revision() + 1)
    }

    /// The revisions whose objects may still be there: the live one and all after it.
    pub fn since_deployed(&self) -> &[Record] {
        let from = self
            .0
            .iter()
            .rposition(|record| record.status() == Status::Deployed);
        &self.0[from.unwrap_or(0)..]
    }

    /// The revisions to forget so that `keep` are left, never the live one.
    pub fn excess(&self, keep: usize) -> Vec<&Record> {
        let live = self.deployed().map(Record::revision);
        let excess = self.0.len().saturating_sub(keep.max(1));
        self.0
            .iter()
            .filter(|record| Some(record.revision()) != live)
            .take(excess)
            .collect()
    }
}

/// Stores a new record. The name of its Secret is the lock: whoever creates it has the release.
///
/// # Errors
/// Somebody else was faster, or the user may not create Secrets.
pub async fn create(cluster: &Cluster, record: &mut Record) -> Result<(), ReleaseError> {
    let secret = record.encode(now_seconds())?;
    match cluster.create(&secrets(), &secret).await {
        Ok(stored) => {
            record.stored(stored);
            Ok(())
        }
        Err(error) if error.is_taken() => Err(ReleaseError::Overtaken {
            release: record.json.text(&["name"]).to_owned(),
            revision: record.revision(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// Stores a record that has changed.
///
/// # Errors
/// Somebody else has changed it since it was read.
pub async fn update(cluster: &Cluster, record: &mut Record) -> Result<(), ReleaseError> {
    let secret = record.encode(now_seconds())?;
    let stored = cluster.replace(&secrets(), &secret).await?;
    record.stored(stored);
    Ok(())
}

/// Removes a record.
pub async fn delete(cluster: &Cluster, record: &Record) -> Result<(), ReleaseError> {
    let namespace = record.json.text(&["namespace"]);
    let name = record.secret_name();
    cluster.delete(&secrets(), namespace, &name).await?;
    Ok(())
}

/// The time now, RFC 3339.
pub fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn now_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn secrets() -> Resource {
    Resource::namespaced("", "v1", "Secret", "secrets")
}

/// How long ago a revision was deployed, in words.
pub fn age(record: &Record) -> String {
    age_of(record.last_deployed())
}

/// How long ago a time (RFC 3339) was, in words: `14 s ago`.
pub fn age_of(time: &str) -> String {
    let Ok(then) = time.parse::<jiff::Timestamp>() else {
        return "some time ago".to_owned();
    };
    let seconds = jiff::Timestamp::now().as_second() - then.as_second();
    match seconds {
        ..120 => format!("{} s ago", seconds.max(0)),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(states: &[Status]) -> History {
        let release = Release {
            name: "shop".into(),
            namespace: "prod".into(),
        };
        let records = (1..).zip(states).map(|(revision, status)| {
            let mut record = Record::new(&release, revision, "", "", "");
            record.set_status(*status);
            record
        });
        History(records.collect())
    }

    #[test]
    fn the_live_revision_and_what_came_after() {
        use Status::{Deployed, Failed, Superseded};
        let history = history(&[Superseded, Deployed, Failed, Failed]);
        assert_eq!(history.deployed().map(Record::revision), Some(2));
        assert_eq!(history.next_revision(), 5);
        let since: Vec<u32> = history
            .since_deployed()
            .iter()
            .map(Record::revision)
            .collect();
        assert_eq!(since, [2, 3, 4]);
    }

    #[test]
    fn without_a_live_revision_all_may_have_left_objects() {
        let history = history(&[Status::Failed, Status::Failed]);
        assert_eq!(history.since_deployed().len(), 2);
        assert_eq!(History::default().next_revision(), 1);
        assert!(History::default().since_deployed().is_empty());
    }

    #[test]
    fn the_oldest_are_forgotten_but_never_the_live_one() {
        use Status::{Deployed, Failed, Superseded};
        let history = history(&[Superseded, Deployed, Failed, Failed, Failed]);
        let excess: Vec<u32> = history
            .excess(2)
            .into_iter()
            .map(Record::revision)
            .collect();
        assert_eq!(excess, [1, 3, 4]);
        assert!(history.excess(10).is_empty());
    }
}
