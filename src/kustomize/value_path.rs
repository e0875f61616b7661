//! Paths of replacements and variables: `spec.containers.[name=web].image`, `data.a\.b`,
//! `items.0`, `list.-`, `spec.*.x`.

use smol_str::SmolStr;

use super::fieldspec::split_escaped;
use super::resource::untagged;
use super::structured;
use crate::manifest::{Map, Node, Span, Value, go_regex, suggest};

/// A path split into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValuePath(pub(crate) Vec<SmolStr>);

/// What a path makes where it leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MakeKind {
    Scalar,
    Map,
    List,
}

impl ValuePath {
    /// Splits at dots; a backslash escapes one, and what is in brackets stays together. Brackets
    /// without `=` are dropped.
    pub(crate) fn new(path: &str) -> Self {
        let parts = split_escaped(path, '.');
        let mut result = Vec::new();
        let mut rest = parts.into_iter();
        while let Some(part) = rest.next() {
            if !part.starts_with('[') || part.ends_with(']') {
                result.push(part);
                continue;
            }
            let mut joined = part.to_string();
            for more in rest.by_ref() {
                joined.push('.');
                joined.push_str(&more);
                if more.ends_with(']') {
                    break;
                }
            }
            if joined.contains('=') {
                result.push(joined.into());
            } else {
                result.push(joined.trim_matches(['[', ']']).into());
            }
        }
        Self(result)
    }

    /// Finds the one value that the path leads to; of several list elements the first.
    pub(crate) fn find<'n>(&self, root: &'n Node) -> Option<&'n Node> {
        let parts = self.0.iter().map(|part| part.trim());
        parts
            .filter(|part| !part.is_empty())
            .try_fold(root, |node, part| step(node, part))
    }

    /// What is there instead where the path leads nowhere: the nearest path that exists, or what
    /// the last list on the way holds.
    pub(crate) fn nearest(&self, root: &Node) -> Option<String> {
        let parts: Vec<&str> = self.0.iter().map(|part| part.trim()).collect();
        let mut node = root;
        let mut depth = 0;
        while let Some(part) = parts.get(depth) {
            let next = match (*part, node.as_seq()) {
                ("*", Some(items)) => items.first(),
                _ => step(node, part),
            };
            let Some(next) = next else {
                break;
            };
            node = next;
            depth += 1;
        }
        let part = parts.get(depth)?;
        let head = parts[..depth].join(".");
        match &node.value {
            Value::Map(map) => {
                let near = suggest::nearest(part, map.keys())?.replace('.', "\\.");
                let mut path = parts.clone();
                path[depth] = &near;
                Some(format!("did you mean `{}`?", path.join(".")))
            }
            Value::Seq(items) => {
                let names: Vec<&str> = items
                    .iter()
                    .filter_map(|item| item.get("name").and_then(Node::scalar_text))
                    .collect();
                if let Some((key, value)) = list_entry(part)
                    && key == "name"
                    && let Some(near) = suggest::nearest(value, names.iter().copied())
                {
                    let near = format!("[name={near}]");
                    let mut path = parts.clone();
                    path[depth] = &near;
                    return Some(format!("did you mean `{}`?", path.join(".")));
                }
                let what = match items.len() {
                    1 => "one element".to_owned(),
                    n => format!("{n} elements"),
                };
                Some(match names.len() {
                    0 => format!("`{head}` is a list with {what}"),
                    _ => format!("`{head}` is a list with {what}: {}", names.join(", ")),
                })
            }
            Value::Scalar(_) if depth > 0 => Some(format!("`{head}` is {}", node.describe())),
            Value::Scalar(_) => None,
        }
    }

    /// Calls `set` on every value that the path leads to, and returns how many there are.
    ///
    /// # Errors
    /// A path that does not fit the tree.
    pub(crate) fn visit(
        &self,
        root: &mut Node,
        make: Option<MakeKind>,
        set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
    ) -> Result<usize, String> {
        let mut walk = Walk {
            make,
            into_texts: false,
            forgets: false,
            set,
        };
        walk.visit(root, &self.0)
    }

    /// As [`ValuePath::visit`], and counts what the path leads to inside of texts: what kustomize
    /// sets there, it forgets. Returns whether it forgets anything.
    ///
    /// # Errors
    /// As [`ValuePath::visit`].
    pub(crate) fn visit_with_texts(
        &self,
        root: &mut Node,
        make: Option<MakeKind>,
        set: &mut dyn FnMut(&mut Node) -> Result<(), String>,
    ) -> Result<(usize, bool), String> {
        let mut walk = Walk {
            make,
            into_texts: true,
            forgets: false,
            set,
        };
        let count = walk.visit(root, &self.0)?;
        Ok((count, walk.forgets))
    }
}

fn step<'n>(node: &'n Node, part: &str) -> Option<&'n Node> {
    if let Ok(at) = part.parse::<usize>() {
        return node.as_seq()?.get(at);
    }
    if part == "-" {
        return node.as_seq()?.last();
    }
    if let Some((key, value)) = list_entry(part) {
        return node.as_seq()?.iter().find(|item| {
            let field = if key.is_empty() {
                Some(*item)
            } else {
                item.get(key)
            };
            field
                .and_then(Node::as_scalar)
                .is_some_and(|scalar| scalar.text == value)
        });
    }
    node.get(part)
}

/// `[key=value]`, or `[=value]` for a list of scalars.
pub(crate) fn list_entry(part: &str) -> Option<(&str, &str)> {
    let inner = part.strip_prefix('[')?.strip_suffix(']')?;
    inner.split_once('=')
}

/// A walk along a path.
struct Walk<'w> {
    make: Option<MakeKind>,
    /// Whether the path may lead into a text, as it does since kustomize 5.8: what is set in there
    /// is forgotten.
    into_texts: bool,
    /// Whether something is forgotten.
    forgets: bool,
    set: &'w mut dyn FnMut(&mut Node) -> Result<(), String>,
}

impl Walk<'_> {
    fn visit(&mut self, node: &mut Node, path: &[SmolStr]) -> Result<usize, String> {
        let Some((part, rest)) = path.split_first() else {
            return (self.set)(node).map(|()| 1);
        };
        if let Ok(at) = part.parse::<usize>() {
            return self.index(node, at, rest);
        }
        if let Some(entry) = list_entry(part) {
            return self.entries(node, part, entry, rest);
        }
        if part == "*" {
            let items = list_of(node, part)?;
            return items
                .iter_mut()
                .try_fold(0, |count, item| Ok(count + self.visit(item, rest)?));
        }
        self.field(node, part, rest)
    }

    fn field(
        &mut self,
        node: &mut Node,
        part: &SmolStr,
        rest: &[SmolStr],
    ) -> Result<usize, String> {
        if node.is_null() {
            // What kustomize makes in a null hangs on it unseen.
            return Ok(usize::from(self.make.is_some()));
        }
        let (span, describe) = (node.span, node.describe());
        if node.as_map().is_none() {
            return Err(format!("`{part}` is looked up in {describe}"));
        }
        if self.make.is_none() && node.get(part).is_none() {
            return Ok(0);
        }
        let Some(map) = node.as_map_mut() else {
            return Ok(0);
        };
        let field = match self.make {
            Some(make) => map.get_or_insert_with(part, || made(rest, make, span)),
            None => match map.get_mut(part) {
                Some(field) => field,
                None => return Ok(0),
            },
        };
        match field.as_scalar().filter(|_| !rest.is_empty()) {
            Some(text) if self.into_texts => {
                if let Some(count) = structured::count(&text.text, rest, self.make) {
                    self.forgets |= count > 0;
                    return Ok(count);
                }
            }
            Some(_) if !field.is_null() => {}
            _ => return self.visit(field, rest),
        }
        Err(format!(
            "`{part}` is {}, and the path goes on",
            field.describe()
        ))
    }

    fn index(&mut self, node: &mut Node, at: usize, rest: &[SmolStr]) -> Result<usize, String> {
        let span = node.span;
        let items = list_of(node, &at.to_string())?;
        if let Some(make) = self.make.filter(|_| items.len() == at) {
            items.push(made(rest, make, span));
        }
        let count = items.len();
        match items.get_mut(at) {
            Some(item) => self.visit(item, rest),
            None => Err(format!(
                "there is no index {at}: the list has {count} elements"
            )),
        }
    }

    fn entries(
        &mut self,
        node: &mut Node,
        part: &str,
        (key, value): (&str, &str),
        rest: &[SmolStr],
    ) -> Result<usize, String> {
        let pattern = go_regex::compile(value)
            .map_err(|reason| format!("`{part}` holds no regular expression: {reason}"))?;
        let span = node.span;
        let items = list_of(node, part)?;
        let is_meant = |item: &Node| {
            let field = if key.is_empty() {
                Some(item)
            } else {
                item.get(key)
            };
            field.is_some_and(|field| match field.as_scalar() {
                Some(scalar) if scalar.plain => pattern.is_match(&scalar.text),
                _ => pattern.is_match(&structured::written(field)),
            })
        };
        // A path ends at a scalar that is found by itself.
        let rest = if key.is_empty() { &[] } else { rest };
        let mut count = 0;
        for item in items.iter_mut().filter(|item| is_meant(item)) {
            count += self.visit(item, rest)?;
        }
        if count == 0 && self.make.is_some() {
            let mut made = untagged(value, span);
            if !key.is_empty() {
                let mut map = Map::new();
                map.set(key, made);
                made = Node::map(map, span);
            }
            count = self.visit(&mut made, rest)?;
            items.push(made);
        }
        Ok(count)
    }
}

fn list_of<'n>(node: &'n mut Node, part: &str) -> Result<&'n mut Vec<Node>, String> {
    let describe = node.describe();
    node.as_seq_mut()
        .ok_or_else(|| format!("`{part}` is looked up in {describe}, not in a list"))
}

/// A new value in the shape that the rest of the path needs.
fn made(rest: &[SmolStr], make: MakeKind, span: Span) -> Node {
    match rest.first() {
        Some(next) if list_entry(next).is_some() || next.parse::<usize>().is_ok() => {
            Node::seq(Vec::new(), span)
        }
        Some(_) => Node::empty_map(span),
        None => match make {
            MakeKind::Map => Node::empty_map(span),
            MakeKind::List => Node::seq(Vec::new(), span),
            MakeKind::Scalar => untagged("", Span::NONE),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::json::{from_json, to_json};

    #[test]
    fn paths_split_at_dots_outside_of_brackets() {
        for (path, want) in [
            ("spec.a", vec!["spec", "a"]),
            (r"data.a\.b", vec!["data", "a.b"]),
            ("c.[name=x.y].image", vec!["c", "[name=x.y]", "image"]),
            (
                "metadata.annotations.[a.b/c]",
                vec!["metadata", "annotations", "a.b/c"],
            ),
        ] {
            assert_eq!(ValuePath::new(path).0, want, "{path}");
        }
    }

    fn set_all(object: &str, path: &str, make: Option<MakeKind>) -> Result<String, String> {
        let mut node = from_json(&serde_json::from_str(object).unwrap(), Span::NONE);
        ValuePath::new(path).visit(&mut node, make, &mut |value| {
            *value = Node::int(7, Span::NONE);
            Ok(())
        })?;
        Ok(to_json(&node).to_string())
    }

    #[test]
    fn every_match_is_visited_and_what_is_missing_is_made() {
        let scalar = Some(MakeKind::Scalar);
        for (object, path, make, want) in [
            (r#"{"a":{"b":1}}"#, "a.b", None, r#"{"a":{"b":7}}"#),
            (
                r#"{"a":[{"b":1},{"b":2}]}"#,
                "a.*.b",
                None,
                r#"{"a":[{"b":7},{"b":7}]}"#,
            ),
            (
                r#"{"a":[{"n":"x","b":1}]}"#,
                "a.[n=x].b",
                None,
                r#"{"a":[{"n":"x","b":7}]}"#,
            ),
            (r#"{"a":["x","y"]}"#, "a.[=y]", None, r#"{"a":["x",7]}"#),
            (r#"{"a":[{"x":1}]}"#, "a.[=x: 1]", None, r#"{"a":[7]}"#),
            (
                r#"{"a":[{"n":["x"],"b":1}]}"#,
                "a.[n=x].b",
                None,
                r#"{"a":[{"n":["x"],"b":7}]}"#,
            ),
            (r#"{"a":[1,2]}"#, "a.1", None, r#"{"a":[1,7]}"#),
            (r#"{"a":1}"#, "b.c", None, r#"{"a":1}"#),
            ("{}", "a.b", scalar, r#"{"a":{"b":7}}"#),
            ("{}", "a.[n=x].b", scalar, r#"{"a":[{"n":"x","b":7}]}"#),
            (r#"{"a":[]}"#, "a.0.b", scalar, r#"{"a":[{"b":7}]}"#),
        ] {
            assert_eq!(
                set_all(object, path, make).as_deref(),
                Ok(want),
                "{path} in {object}"
            );
        }
        for (object, path) in [
            (r#"{"a":[1]}"#, "a.5"),
            (r#"{"a":1}"#, "a.b"),
            (r#"{"a":1}"#, "a.*"),
        ] {
            assert!(set_all(object, path, None).is_err(), "{path}");
        }
    }
}
