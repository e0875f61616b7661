//! deployx against the real control plane, from end to end. One program, so that all tests but
//! those that fill nodes share one control plane; each has a namespace of its own.

#[path = "../cluster/mod.rs"]
mod cluster;

mod failure;
mod lock;
mod ownership;
mod permissions;
mod project;
mod strategy;
mod upgrade;
