//! Merging trees: strategic merge as kustomize does it, and JSON patches (RFC 6902).

pub mod json6902;
pub mod merge_keys;
pub mod strategic;
