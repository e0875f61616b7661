//! Versions of Kubernetes that the tables know.

use std::fmt;
use std::str::FromStr;

use super::layout;

/// A minor version of Kubernetes that has tables, for example 1.37.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    bit: u8,
}

/// A version that has no tables, or no version at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Kubernetes version `{text}` is not supported; supported are {}",
    Version::list()
)]
pub struct UnknownVersion {
    /// What was given.
    pub text: String,
}

impl Version {
    /// Returns the newest version that has tables.
    pub fn newest() -> Self {
        Self::at(layout::MINORS.len() - 1)
    }

    /// Iterates over all versions that have tables, oldest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..layout::MINORS.len()).map(Self::at)
    }

    /// Returns the minor version number: 37 of 1.37.
    pub fn minor(self) -> u8 {
        layout::MINORS[usize::from(self.bit)]
    }

    /// The version's bit in the masks of the tables.
    pub(super) fn mask(self) -> u8 {
        1 << self.bit
    }

    fn at(position: usize) -> Self {
        Self {
            bit: u8::try_from(position).expect("a mask has eight bits"),
        }
    }

    fn list() -> String {
        let all: Vec<_> = Self::all().map(|version| version.to_string()).collect();
        all.join(", ")
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    /// Reads `1.37`, `v1.37` or, as servers say it, `v1.37.2` (also `1.37+`); the patch
    /// release makes no difference to the types.
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let numbers = text.strip_prefix('v').unwrap_or(text);
        let mut parts = numbers.splitn(3, '.');
        let minor = match (parts.next(), parts.next()) {
            (Some("1"), Some(minor)) => minor.trim_end_matches('+').parse().ok(),
            _ => None,
        };
        Self::all()
            .find(|version| Some(version.minor()) == minor)
            .ok_or_else(|| UnknownVersion {
                text: text.to_owned(),
            })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor())
    }
}
