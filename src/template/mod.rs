//! Typed templates: schemas that type the inputs, templates that turn them into objects.
//!
//! Same inputs, same bytes, on every machine: no clock, environment, files, network or cluster.

mod builtin;
mod complete;
mod config_hash;
mod expand;
mod fields;
mod files;
mod library;
mod lint;
mod overrides;
mod project;
mod services;
mod switches;

pub mod dialect;
pub mod engine;

pub use config_hash::ANNOTATION as CONFIG_HASH;
pub use expand::GROUP;
pub use fields::configuration;
pub use library::{Kind, Library};
pub use project::{Project, config_schema};
pub use switches::LintSetting;

#[cfg(test)]
mod tests;
