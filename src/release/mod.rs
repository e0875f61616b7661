//! Releases: their records, the lock, what is pruned, and the upgrade from end to end.

mod difference;
pub mod error;
mod live;
pub mod name;
mod obstacle;
pub mod prepare;
pub mod prune;
pub mod record;
mod refusal;
pub mod status;
pub mod store;
pub mod upgrade;

pub use error::ReleaseError;
pub use name::ReleasePolicy;
pub use prepare::{Options, Prepared, prepare};
pub use record::{Record, Status};
pub use upgrade::{Outcome, upgrade};
