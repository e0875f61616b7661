//! Changes in place: what `deployx set` does to the user's own files.
//!
//! An edit is a cut in the text at the place of a value, so that comments, order and layout stay
//! byte for byte outside of it. After it the text is read again and must mean what it meant, with
//! just this change; else nothing is written. Nothing here guesses: a name that means several
//! images or none, a value that an anchor shares with others, is refused with the reason.
//!
//! It refuses to run git, to ask a registry, or to format what it did not change.

mod draft;
mod file;
mod images;
mod kustomization;
mod layout;
mod loose;
mod overlay;
mod request;
mod uses;
mod version;
mod write;

pub use file::{FileEdit, write};
pub use loose::edit_file;
pub use overlay::{Builds, Outcome, Scope, edit_overlay};
pub use request::{ImageChange, Part, Reach, Request, TextChange, parse_replicas, parse_text};
pub use version::read_version;
