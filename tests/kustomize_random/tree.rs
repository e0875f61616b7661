//! A kustomization tree as files.

use std::collections::BTreeMap;

/// Files by path, and the folder to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) root: String,
}
