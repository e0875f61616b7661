//! Carrying a plan out: apply in waves, watch until ready or until it is certain that it fails.

pub mod apply;
pub mod diagnose;
pub mod event;
pub mod evidence;
mod view;
pub mod watch;

pub use event::{Event, Reporter};
pub use evidence::{Evidence, Fault};
pub use watch::{Failure, FailureCause};
