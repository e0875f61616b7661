//! From differences to operations: in which order, with which strategy, and whether it fits.

pub mod autoscaler;
pub mod capacity;
pub mod order;
pub mod pod;
pub mod strategy;

pub use capacity::Room;
pub use order::Wave;
pub use strategy::{Choice, Policy, Strategy};
