//! deployx takes a team from "we changed a value" to "it is live, healthy, and recorded".
//!
//! The modules are the stages of the pipeline, in the order in which data flows; a stage knows
//! the stages above it. See `docs/architecture.md`.

pub mod cli;
pub mod cluster;
pub mod diff;
pub mod edit;
pub mod explain;
pub mod helm;
pub mod kustomize;
pub mod lint;
pub mod manifest;
pub mod merge;
pub mod parallel;
pub mod plan;
pub mod process;
pub mod release;
pub mod report;
pub mod rollout;
pub mod schema;
pub mod source;
pub mod template;
pub mod validate;
