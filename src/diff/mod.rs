//! What will really change: the server's own prediction, compared with what is live.

pub mod compare;
pub mod mask;
pub mod merged;
pub mod noise;
pub mod object;
pub mod predict;
pub mod wanted;
pub mod words;

pub use compare::{Change, compare};
pub use mask::Mask;
pub use object::{Action, FieldChange, ObjectDiff};
pub use predict::{Prediction, predict};
pub use wanted::{Release, Wanted};
