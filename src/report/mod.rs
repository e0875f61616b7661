//! Turns results into text, for people and for machines. The only place that decides how
//! something looks; it writes to what `cli/` hands it.

mod diagnostic;
mod style;

pub use diagnostic::diagnostic;
pub use style::{Role, Style, count, ticked};
