//! Plain JSON Schema for editors.
