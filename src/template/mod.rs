//! Typed templates: schemas that type the inputs, templates that turn them into objects.

pub mod dialect;
pub mod engine;
