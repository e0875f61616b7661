//! Lists that are written item by item, so that a long one is never in memory as a whole.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A list, made anew each time it is written.
pub(super) struct Stream<F>(pub(super) F);

impl<F, I> Serialize for Stream<F>
where
    F: Fn() -> I,
    I: Iterator<Item = Value>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}
