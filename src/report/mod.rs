//! Turns results into text, for people and for machines. The only place that decides how
//! something looks; it writes to what `cli/` hands it.

mod diagnostic;
mod diff;
mod edit;
mod explain;
mod findings_github;
mod findings_human;
mod findings_json;
mod findings_junit;
mod findings_sarif;
mod objects;
mod place;
mod release;
mod rollout;
mod rules;
mod stream;
mod style;
pub mod templates;

pub use diagnostic::diagnostic;
pub use diff::DiffView;
pub use edit::{file_changes, file_diff};
pub use explain::{histories, histories_json};
pub use findings_github::findings_github;
pub use findings_human::findings_human;
pub use findings_json::findings_json;
pub use findings_junit::findings_junit;
pub use findings_sarif::findings_sarif;
pub use objects::{ObjectForm, objects, objects_of};
pub use release::{history, release_status};
pub use rollout::{PlainReporter, TerminalReporter, failure};
pub use rules::rules;
pub use style::{Role, Style, count, ticked};

#[cfg(test)]
mod findings_tests;
