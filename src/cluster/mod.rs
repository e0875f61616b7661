//! The live side: how a cluster is reached, read, asked what would happen, and changed.
//!
//! `serde_json::Value` is what the wire speaks and what this module hands out; everything that
//! compares objects turns them into trees first.

pub mod access;
pub mod client;
pub mod error;
pub mod fields;
pub mod health;
pub mod kinds;
pub mod managers;
pub mod value;
mod warnings;

pub use access::{Access, Target};
pub use client::{Cluster, Patch};
pub use error::ClusterError;
pub use fields::FieldSet;
pub use health::{Health, State};
pub use kinds::{Kinds, Resource};

/// The field manager of everything that deployx applies. It is Helm's, so that either can go on
/// where the other stopped.
pub const MANAGER: &str = "helm";
