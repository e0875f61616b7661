//! How an object came to be what it is: the files and steps that set it, in order.
//!
//! A build that records ([`crate::kustomize::record`]) keeps a snapshot of an object after each
//! step that changed it. Here a question is put to that record; it decides nothing and prints
//! nothing.

mod history;
mod query;

pub use history::{Change, Entry, History, explain};
pub use query::Query;
