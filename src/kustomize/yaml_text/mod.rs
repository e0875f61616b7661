//! YAML inside a text, as go-yaml 3 keeps it and writes it again: order, quotes, brackets, tags,
//! anchors and comments stay, blank lines and indentation become go-yaml's own. kustomize sets
//! values in such texts since 5.8.
//!
//! The tree of the rest of the program forgets most of that, which a resource's file never shows.

mod comments;
mod parse;
mod scalar;
mod tokens;
mod write;

use crate::manifest::resolve::{Resolved, resolve};
use crate::manifest::{Dialect, ScalarKind};

/// The first document of a text.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) root: Piece,
    head: String,
    foot: String,
}

/// A node of such a document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piece {
    pub(crate) shape: Shape,
    /// In short form: `!!str`. Empty where kustomize makes a node without saying what it is.
    pub(crate) tag: String,
    /// Whether the tag is written in the text.
    pub(crate) is_tagged: bool,
    pub(crate) style: Style,
    pub(crate) anchor: String,
    /// The text of a scalar, the name of an alias.
    pub(crate) value: String,
    /// Elements of a list; keys and values of a mapping, one behind the other.
    pub(crate) content: Vec<Piece>,
    pub(crate) comments: Comments,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    #[default]
    Scalar,
    Map,
    Seq,
    Alias,
}

/// How a piece is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// Plain, or on lines of its own.
    #[default]
    None,
    /// In brackets.
    Flow,
    DoubleQuoted,
    SingleQuoted,
    Literal,
    Folded,
}

/// What stands above, beside and below a piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comments {
    head: String,
    line: String,
    foot: String,
}

impl Document {
    /// Reads the first document of a text. `None` for what is no YAML, and for nothing at all.
    pub(crate) fn read(text: &str) -> Option<Self> {
        parse::parse(text)
    }

    /// Writes the document as kustomize does.
    pub(crate) fn write(&self) -> String {
        write::document(self)
    }
}

impl Piece {
    /// A node that kustomize makes: nothing is said about what it is.
    pub(crate) fn made(shape: Shape) -> Self {
        Self {
            shape,
            ..Self::default()
        }
    }

    /// A scalar that kustomize makes.
    pub(crate) fn scalar(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            ..Self::default()
        }
    }

    /// Whether it says of itself that it is null.
    pub(crate) fn is_null(&self) -> bool {
        self.tag == "!!null"
    }

    /// The value of the first such key of a mapping.
    pub(crate) fn field(&self, key: &str) -> Option<&Piece> {
        let at = self.place(key)?;
        self.content.get(at)
    }

    /// As [`Piece::field`], to change it.
    pub(crate) fn field_mut(&mut self, key: &str) -> Option<&mut Piece> {
        let at = self.place(key)?;
        self.content.get_mut(at)
    }

    fn place(&self, key: &str) -> Option<usize> {
        let mut pairs = self.content.chunks_exact(2);
        let at = pairs.position(|pair| pair[0].value == key)?;
        Some(2 * at + 1)
    }

    /// Writes the piece alone as kustomize does.
    pub(crate) fn write(&self) -> String {
        write::piece(self)
    }
}

/// The tag that a plain text has without saying so.
fn implied_tag(text: &str) -> &'static str {
    match resolve(text, Dialect::Kustomize) {
        Resolved::Kind(kind) => tag_of(kind),
        Resolved::NotFinite => "!!float",
    }
}

/// The tag of a kind of scalar.
pub(crate) fn tag_of(kind: ScalarKind) -> &'static str {
    match kind {
        ScalarKind::Null => "!!null",
        ScalarKind::Bool => "!!bool",
        ScalarKind::Int => "!!int",
        ScalarKind::Float => "!!float",
        ScalarKind::Str => "!!str",
        ScalarKind::Timestamp => "!!timestamp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_go_yaml_writes_them() {
        // Made by go-yaml 3.0.4 as kustomize 5.8.1 uses it.
        for (text, want) in [
            (
                "a:\n    b: 1\n\n\n    c:\n      - d\n",
                "a:\n  b: 1\n  c:\n  - d\n",
            ),
            ("# top\n\n# a\na: 1 # side\n", "# top\n\n# a\na: 1 # side\n"),
            (
                "a:\n  b: 1\n  # below\n\n# c\nc: 2\n",
                "a:\n  b: 1\n  # below\n# c\nc: 2\n",
            ),
            (
                "a:\n  b: 1\n# left\nc: 2\n# end\n",
                "a:\n  b: 1\n# left\nc: 2\n# end\n",
            ),
            (
                "a: # beside\n- b\n# c\n- # d\n  e: f\n",
                "a: # beside\n- b\n# c\n- # d\n  e: f\n",
            ),
            (
                "a: {b: 1,c: [ 2 ], # d\n  e: f}\n",
                "a: {b: 1, c: [2] # d\n, e: f}\n",
            ),
            (
                "a: |2 # x\n    b\n\n  c\nd: >-\n  e\n  f\n",
                "a: |2 # x\n    b\n\n  c\nd: >-\n  e f\n",
            ),
            (
                "a: &x !!str 5\nb: *x\nc: 'it''s'\n\"d\": \"\\u00e9\\t\"\n",
                "a: &x !!str 5\nb: *x\nc: 'it''s'\n\"d\": \"é\\t\"\n",
            ),
            (
                "a: &x {b: 1}\nc:\n  <<: *x\n",
                "a: &x {b: 1}\nc:\n  !!merge <<: *x\n",
            ),
            ("? a\n: - b\n  - - c\n", "a:\n- b\n- - c\n"),
            ("a:\nb: ~\n0x1F: yes\n--- \nc: 1\n", "a:\nb: ~\n0x1F: yes\n"),
        ] {
            let document = Document::read(text).expect(text);
            assert_eq!(document.write(), want, "{text}");
        }
        for text in ["", "# a\n", "a: [", "a: 'b\n", "...\na: 1\n"] {
            assert!(Document::read(text).is_none(), "{text}");
        }
    }
}
