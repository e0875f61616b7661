//! Helm's release records: a Secret whose `release` is base64 of gzip of JSON
//! (Helm 3 and 4, `pkg/storage/driver`). What we write, Helm reads, and the other way round.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::cluster::value::Read;
use crate::diff::Release;

/// What the API server stores at most in a Secret, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// A record that unpacks to more is not read: a real one has a few megabytes at most.
const MAX_UNPACKED: u64 = 256 * 1024 * 1024;

/// What Helm calls the state of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The one that is live.
    Deployed,
    /// It did not become healthy.
    Failed,
    /// The first is being installed.
    PendingInstall,
    /// A rollback is under way.
    PendingRollback,
    /// An upgrade is under way.
    PendingUpgrade,
    /// A later one is live.
    Superseded,
    /// Removed, with its history kept.
    Uninstalled,
    /// Being removed.
    Uninstalling,
    /// None of these.
    Unknown,
}

impl Status {
    const ALL: [(Status, &'static str); 9] = [
        (Status::Deployed, "deployed"),
        (Status::Failed, "failed"),
        (Status::PendingInstall, "pending-install"),
        (Status::PendingRollback, "pending-rollback"),
        (Status::PendingUpgrade, "pending-upgrade"),
        (Status::Superseded, "superseded"),
        (Status::Uninstalled, "uninstalled"),
        (Status::Uninstalling, "uninstalling"),
        (Status::Unknown, "unknown"),
    ];

    /// Helm's word for it.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(status, _)| *status == self)
            .map_or("unknown", |(_, word)| word)
    }

    /// Whether somebody is at work on the release, or died over it.
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingRollback | Self::PendingUpgrade
        )
    }

    fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|(_, known)| *known == word)
            .map_or(Self::Unknown, |(status, _)| status)
    }
}

/// One revision of a release.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The JSON, as Helm has it; fields that we do not know are kept.
    pub json: Value,
    /// The Secret that it was read from.
    secret: Option<Value>,
}

/// Why a Secret is no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It cannot be decoded.
    #[error("release record `{name}` cannot be read: {reason}")]
    Broken {
        /// Name of the Secret.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// It does not fit into a Secret.
    #[error("the release record would have {bytes} bytes; a Secret holds {MAX_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl Record {
    /// Makes a revision. `first_deployed` and `now` are RFC 3339.
    pub fn new(
        release: &Release,
        revision: u32,
        manifest: &str,
        first_deployed: &str,
        now: &str,
    ) -> Self {
        let json = json!({
            "name": release.name,
            "namespace": release.namespace,
            "version": revision,
            "info": {
                "first_deployed": first_deployed,
                "last_deployed": now,
                "deleted": "",
                "description": "",
                "status": "unknown",
            },
            // Never null: `helm get all` and `helm upgrade --reuse-values` would panic.
            "chart": {
                "metadata": {
                    "name": "deployx",
                    "version": env!("CARGO_PKG_VERSION"),
                    "apiVersion": "v2",
                    "description": "Applied by deployx",
                },
                "lock": null,
                "templates": [],
                "values": {},
                "schema": null,
                "files": [],
            },
            "config": {},
            "manifest": manifest,
            "apply_method": "ssa",
        });
        Self { json, secret: None }
    }

    /// Reads a record from its Secret.
    ///
    /// # Errors
    /// The Secret has no `release`, or something else in it.
    pub fn decode(secret: Value) -> Result<Self, RecordError> {
        let broken = |reason: String| RecordError::Broken {
            name: secret.name().to_owned(),
            reason,
        };
        let outer = secret.text(&["data", "release"]);
        let inner = STANDARD
            .decode(outer)
            .map_err(|error| broken(error.to_string()))?;
        let packed = STANDARD
            .decode(&inner)
            .map_err(|error| broken(error.to_string()))?;
        let mut text = Vec::new();
        // Helm also reads records that are not compressed.
        if packed.starts_with(&[0x1f, 0x8b, 0x08]) {
            GzDecoder::new(packed.as_slice())
                .take(MAX_UNPACKED)
                .read_to_end(&mut text)
                .map_err(|error| broken(error.to_string()))?;
        } else {
            text = packed;
        }
        let json: Value =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        if !json.is_object() {
            return Err(broken("no object".to_owned()));
        }
        Ok(Self {
            json,
            secret: Some(secret),
        })
    }

    /// Writes the Secret. One that was read keeps its own labels and version.
    ///
    /// # Errors
    /// It is larger than a Secret may be.
    pub fn encode(&self, now: i64) -> Result<Value, RecordError> {
        let text = self.json.to_string();
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer
            .write_all(text.as_bytes())
            .expect("writing to memory does not fail");
        let packed = packer.finish().expect("writing to memory does not fail");
        let inner = STANDARD.encode(packed);
        if inner.len() > MAX_BYTES {
            return Err(RecordError::TooLarge { bytes: inner.len() });
        }
        let mut secret = self.secret.clone().unwrap_or_else(|| self.new_secret(now));
        secret["data"]["release"] = json!(STANDARD.encode(inner));
        secret["metadata"]["labels"]["status"] = json!(self.status().as_str());
        secret["metadata"]["labels"]["modifiedAt"] = json!(now.to_string());
        if let Some(metadata) = secret["metadata"].as_object_mut() {
            metadata.shift_remove("managedFields");
        }
        Ok(secret)
    }

    /// The revision.
    pub fn revision(&self) -> u32 {
        u32::try_from(self.json.int(&["version"])).unwrap_or_default()
    }

    /// The state.
    pub fn status(&self) -> Status {
        Status::parse(self.json.text(&["info", "status"]))
    }

    /// What the last change of state was.
    pub fn description(&self) -> &str {
        self.json.text(&["info", "description"])
    }

    /// When it was deployed, RFC 3339.
    pub fn last_deployed(&self) -> &str {
        self.json.text(&["info", "last_deployed"])
    }

    /// When the first revision was deployed, RFC 3339.
    pub fn first_deployed(&self) -> &str {
        self.json.text(&["info", "first_deployed"])
    }

    /// The objects, as YAML.
    pub fn manifest(&self) -> &str {
        self.json.text(&["manifest"])
    }

    /// Name and version of the chart, `web-1.2.0`; ours is called `deployx`.
    pub fn chart(&self) -> String {
        let field = |name| self.json.text(&["chart", "metadata", name]);
        format!("{}-{}", field("name"), field("version"))
    }

    /// Sets the state and says why.
    pub fn set(&mut self, status: Status, description: impl Into<String>) {
        self.json["info"]["status"] = json!(status.as_str());
        self.json["info"]["description"] = json!(description.into());
    }

    /// Sets the state; what was said stays.
    pub fn set_status(&mut self, status: Status) {
        self.json["info"]["status"] = json!(status.as_str());
    }

    /// Name of its Secret.
    pub fn secret_name(&self) -> String {
        format!(
            "sh.helm.release.v1.{}.v{}",
            self.json.text(&["name"]),
            self.revision()
        )
    }

    /// Remembers the Secret that was stored, for the next change.
    pub fn stored(&mut self, secret: Value) {
        self.secret = Some(secret);
    }

    fn new_secret(&self, now: i64) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "helm.sh/release.v1",
            "metadata": {
                "name": self.secret_name(),
                "namespace": self.json["namespace"],
                "labels": {
                    "name": self.json["name"],
                    "owner": "helm",
                    "status": self.status().as_str(),
                    "version": self.revision().to_string(),
                    "createdAt": now.to_string(),
                },
            },
            "data": {},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release {
            name: "shop".into(),
            namespace: "prod".into(),
        }
    }

    #[test]
    fn a_record_survives_its_secret() {
        let now = "2026-01-01T00:00:00Z";
        let mut record = Record::new(&release(), 7, "a: 1\n", now, now);
        record.set(Status::PendingUpgrade, "by a test");
        let secret = record.encode(1_767_225_600).unwrap();
        assert_eq!(secret.name(), "sh.helm.release.v1.shop.v7");
        assert_eq!(secret.label("status"), "pending-upgrade");
        assert_eq!(secret.label("version"), "7");
        assert_eq!(secret["type"], "helm.sh/release.v1");

        let mut read = Record::decode(secret).unwrap();
        assert_eq!(read.json, record.json);
        assert!(read.status().is_pending());
        assert_eq!(
            read.chart(),
            format!("deployx-{}", env!("CARGO_PKG_VERSION"))
        );

        read.set_status(Status::Superseded);
        let again = read.encode(1_767_225_700).unwrap();
        assert_eq!(again.label("status"), "superseded");
        assert_eq!(again.label("createdAt"), "1767225600");
        let last = Record::decode(again).unwrap();
        assert_eq!(
            (last.status(), last.description()),
            (Status::Superseded, "by a test")
        );
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        for data in [
            json!({}),
            json!({"release": "!"}),
            json!({"release": "bm9uZQ=="}),
        ] {
            let secret = json!({"metadata": {"name": "x"}, "data": data});
            assert!(Record::decode(secret).is_err());
        }
    }

    #[test]
    fn a_record_that_does_not_fit_is_refused() {
        // Nothing that gzip could make small.
        let mut state = 1_u64;
        let noise: String = (0..2_000_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                char::from(b' ' + u8::try_from((state >> 33) % 94).unwrap())
            })
            .collect();
        let record = Record::new(&release(), 1, &noise, "", "");
        assert!(
            matches!(record.encode(0), Err(RecordError::TooLarge { bytes }) if bytes > MAX_BYTES)
        );
    }
}
