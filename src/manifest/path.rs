//! Paths to fields, in the forms that people and servers write.

use std::fmt;

use smol_str::SmolStr;

use super::node::{Node, Value};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A key of a mapping.
    Key(SmolStr),
    /// An index of a list.
    Index(usize),
}

/// A path from the root of an object, written as the API server does:
/// `spec.containers[0].image`, `metadata.labels[app.kubernetes.io/name]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldPath(pub Vec<Step>);

impl FieldPath {
    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path with a key appended.
    pub fn key(&self, key: impl Into<SmolStr>) -> Self {
        let mut path = self.clone();
        path.0.push(Step::Key(key.into()));
        path
    }

    /// The path with an index appended.
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Step::Index(index));
        path
    }

    /// Reads a JSON pointer (RFC 6901). Steps of digits are indexes where they meet a list, so
    /// they are resolved against a tree; see [`FieldPath::find`].
    ///
    /// Returns `None` for a text that does not start with `/` (the empty text is the root).
    pub fn from_pointer(pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return Some(Self::root());
        }
        let steps = pointer.strip_prefix('/')?.split('/');
        let unescape = |step: &str| Step::Key(step.replace("~1", "/").replace("~0", "~").into());
        Some(Self(steps.map(unescape).collect()))
    }

    /// Writes a JSON pointer (RFC 6901).
    pub fn to_pointer(&self) -> String {
        let mut out = String::new();
        for step in &self.0 {
            out.push('/');
            match step {
                Step::Key(key) => out.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => out.push_str(&index.to_string()),
            }
        }
        out
    }

    /// Follows the path. Keys of digits also index lists.
    pub fn find<'n>(&self, root: &'n Node) -> Option<&'n Node> {
        self.0
            .iter()
            .try_fold(root, |node, step| match (&node.value, step) {
                (Value::Map(map), Step::Key(key)) => map.get(key),
                (Value::Seq(items), Step::Index(index)) => items.get(*index),
                (Value::Seq(items), Step::Key(key)) => items.get(key.parse::<usize>().ok()?),
                _ => None,
            })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_plain(key) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(key)?;
                }
                Step::Key(key) => write!(f, "[{key}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_the_server_writes_them() {
        let path = FieldPath::root()
            .key("spec")
            .key("containers")
            .index(0)
            .key("image");
        assert_eq!(path.to_string(), "spec.containers[0].image");
        assert_eq!(path.to_pointer(), "/spec/containers/0/image");
        let label = FieldPath::root()
            .key("metadata")
            .key("labels")
            .key("app.kubernetes.io/name");
        assert_eq!(label.to_string(), "metadata.labels[app.kubernetes.io/name]");
        assert_eq!(
            label.to_pointer(),
            "/metadata/labels/app.kubernetes.io~1name"
        );
        assert_eq!(FieldPath::from_pointer(&label.to_pointer()), Some(label));
        assert_eq!(FieldPath::from_pointer("x"), None);
    }
}
