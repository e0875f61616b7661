//! Kinds that can be created, and the lifecycle of API versions.

use std::cmp::Ordering;
use std::fmt;

use super::layout::{self, Record};
use super::types::{self, Object};
use super::version::Version;

/// A kind of object that a user can create.
#[derive(Clone, Copy)]
pub struct Kind {
    record: Record,
    release: Version,
}

/// Iterator over kinds.
#[derive(Clone, Debug)]
pub struct Kinds {
    range: std::ops::Range<usize>,
    release: Version,
}

/// What the API server can do with a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// POST; every kind of the tables has it.
    Create,
    /// GET of one object.
    Get,
    /// GET of all.
    List,
    /// PUT.
    Update,
    /// PATCH, which server-side apply uses.
    Patch,
    /// DELETE of one object.
    Delete,
    /// DELETE of all.
    DeleteCollection,
}

/// When an API version of a kind came and when it goes. Minor versions of Kubernetes:
/// 25 stands for 1.25.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// First version that serves it.
    pub introduced: Option<u8>,
    /// First version that warns about it.
    pub deprecated: Option<u8>,
    /// First version that does not serve it any more.
    pub removed: Option<u8>,
    /// What to use instead.
    pub replacement: Option<Replacement>,
}

/// The API version that takes the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Version within the group.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
}

impl Replacement {
    /// The `apiVersion` to write: `apps/v1`, or `v1` in the core group.
    pub fn api_version(self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }
}

impl Kind {
    /// API group, empty for the core group.
    pub fn group(self) -> &'static str {
        self.record.str(0)
    }

    /// The kind's name: `Deployment`.
    pub fn kind(self) -> &'static str {
        self.record.str(2)
    }

    /// Version within the group: `v1`.
    pub fn version(self) -> &'static str {
        self.record.str(4)
    }

    /// Name of the resource in URLs and RBAC rules: `deployments`.
    pub fn plural(self) -> &'static str {
        self.record.str(6)
    }

    /// The `apiVersion` of a manifest: `apps/v1`, or `v1` in the core group.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => self.version().to_owned(),
            group => format!("{group}/{}", self.version()),
        }
    }

    /// What its objects look like.
    pub fn object(self) -> Object {
        types::object_at(self.release, self.record.usize(8))
    }

    /// Whether its objects live in a namespace.
    pub fn namespaced(self) -> bool {
        self.record.u8(11) == 1
    }

    /// Whether the server offers an operation on it.
    pub fn can(self, verb: Verb) -> bool {
        self.record.u8(10) & (1 << verb as u8) != 0
    }

    /// Whether a server with default flags serves it: alpha and beta versions are off until
    /// `--runtime-config` names them (`pkg/controlplane/instance.go`, since 1.24 for new ones).
    pub fn served_by_default(self) -> bool {
        let version = self.version();
        !version.contains("alpha") && !version.contains("beta")
    }

    /// When this API version came and when it goes.
    pub fn lifecycle(self) -> Option<Lifecycle> {
        lifecycle(self.release, self.group(), self.version(), self.kind())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind())
    }
}

impl Iterator for Kinds {
    type Item = Kind;

    fn next(&mut self) -> Option<Kind> {
        let release = self.release;
        self.range
            .by_ref()
            .map(|index| Record::of(layout::KINDS, layout::KIND_SIZE, index))
            .find(|record| record.u8(12) & release.mask() != 0)
            .map(|record| Kind { record, release })
    }
}

pub(super) fn all(release: Version) -> Kinds {
    Kinds {
        range: 0..layout::KINDS.len() / layout::KIND_SIZE,
        release,
    }
}

/// All API versions of a kind.
pub(super) fn find(release: Version, group: &str, kind: &str) -> Kinds {
    Kinds {
        range: range(layout::KINDS, layout::KIND_SIZE, group, kind),
        release,
    }
}

pub(super) fn has_group(group: &str) -> bool {
    let has = |section, size| {
        !layout::equal_range(section_len(section, size), |index| {
            Record::of(section, size, index).str(0).cmp(group)
        })
        .is_empty()
    };
    has(layout::KINDS, layout::KIND_SIZE) || has(layout::LIFECYCLES, layout::LIFECYCLE_SIZE)
}

pub(super) fn lifecycle(
    release: Version,
    group: &str,
    version: &str,
    kind: &str,
) -> Option<Lifecycle> {
    let minor = |byte: u8| (byte != 0).then_some(byte);
    range(layout::LIFECYCLES, layout::LIFECYCLE_SIZE, group, kind)
        .map(|index| Record::of(layout::LIFECYCLES, layout::LIFECYCLE_SIZE, index))
        .find(|record| record.str(4) == version && record.u8(9) & release.mask() != 0)
        .map(|record| Lifecycle {
            introduced: minor(record.u8(6)),
            deprecated: minor(record.u8(7)),
            removed: minor(record.u8(8)),
            replacement: (record.u16(12) != 0).then(|| Replacement {
                group: record.str(10),
                kind: record.str(12),
                version: record.str(14),
            }),
        })
}

/// The records of a group and kind; both sections begin with group and kind.
fn range(section: &'static [u8], size: usize, group: &str, kind: &str) -> std::ops::Range<usize> {
    layout::equal_range(section_len(section, size), |index| -> Ordering {
        let record = Record::of(section, size, index);
        (record.str(0), record.str(2)).cmp(&(group, kind))
    })
}

fn section_len(section: &'static [u8], size: usize) -> usize {
    section.len() / size
}
