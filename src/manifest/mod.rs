//! The object model: YAML and JSON in and out with positions kept, and the small types
//! (names, quantities, paths, selectors) that every stage speaks.

pub mod diagnostic;
pub mod map;
pub mod node;
pub mod number;
pub mod resolve;
pub mod source;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use map::{Entry, Map};
pub use node::{Node, Scalar, ScalarKind, Value};
pub use resolve::Dialect;
pub use source::{FileId, Position, Source, Sources, Span};
