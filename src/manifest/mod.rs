//! The object model: YAML and JSON in and out with positions kept, and the small types
//! (names, quantities, paths, selectors) that every stage speaks.

mod build;
pub mod diagnostic;
pub mod duration;
pub mod emit;
pub(crate) mod go_regex;
mod go_yaml;
pub mod json;
pub mod map;
pub mod names;
pub mod node;
pub mod number;
pub mod object;
pub mod path;
pub mod quantity;
mod quick;
pub mod read;
mod refold;
pub mod resolve;
mod scalar_style;
pub mod selector;
pub mod source;
mod span;
pub mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use map::{Entry, Map};
pub use node::{Node, Scalar, ScalarKind, Value};
pub use number::Number;
pub use object::{Gvk, Object, ObjectId};
pub use path::FieldPath;
pub use read::{Document, ReadOptions};
pub use resolve::Dialect;
pub use source::{FileId, Position, Source, Sources, Span};
