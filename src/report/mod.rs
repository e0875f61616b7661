//! Turns results into text, for people and for machines. The only place that decides how
//! something looks; it writes to what `cli/` hands it.

mod diagnostic;
mod diff;
mod findings_human;
mod findings_json;
mod release;
mod rollout;
mod style;
pub mod templates;

pub use diagnostic::diagnostic;
pub use diff::DiffView;
pub use findings_human::findings_human;
pub use findings_json::findings_json;
pub use release::{history, release_status};
pub use rollout::{PlainReporter, TerminalReporter, failure};
pub use style::{Role, Style, count, ticked};
