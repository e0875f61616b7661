//! Replacements that go into JSON or YAML inside a text (kustomize 5.8 and later).

use crate::manifest::json::{to_go_json, write_go_string};
use crate::manifest::read::read_documents;
use crate::manifest::{Node, ReadOptions, ScalarKind, Sources, Span, Value, emit};

use super::replacements::set_scalar_text;
use super::resource::plain_scalar;
use super::value_path::{MakeKind, ValuePath};

/// Sets a value inside the first text on a path that holds data, and returns whether it did.
/// kustomize looks at no option but `create` here.
pub(crate) fn set(root: &mut Node, path: &ValuePath, value: &Node, make: Option<MakeKind>) -> bool {
    let parts = &path.0;
    for length in 1..parts.len() {
        let head = ValuePath(parts[..length].to_vec());
        let Some(found) = head.find(root) else {
            continue;
        };
        let Some(scalar) = found.as_scalar() else {
            continue;
        };
        let text = scalar.text.to_string();
        let tail = ValuePath(parts[length..].to_vec());
        let Some(new) = set_in_text(&text, &tail, value, make) else {
            return false;
        };
        let done = head.visit(root, None, &mut |field| set_scalar_text(field, &new));
        return done.is_ok();
    }
    false
}

fn set_in_text(
    text: &str,
    path: &ValuePath,
    value: &Node,
    make: Option<MakeKind>,
) -> Option<String> {
    let sources = Sources::new();
    let file = sources.add("text", text);
    let documents = read_documents(&sources, file, &ReadOptions::kustomize_patch());
    let mut data = documents.into_iter().next()?.ok()?.root;
    if data.as_scalar().is_some() {
        return None;
    }
    if !is_json(text)
        && let Some(new) = set_in_place(text, &data, path, value)
    {
        return Some(new);
    }
    let count = path.visit(&mut data, make, &mut |field| {
        if let (Value::Scalar(_), Some(new)) = (&field.value, value.as_scalar()) {
            return set_scalar_text(field, &new.text);
        }
        *field = value.clone();
        Ok(())
    });
    if count.ok()? == 0 {
        return None;
    }
    data.span = Span::NONE;
    Some(write(&data, text))
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// Sets scalars in YAML where they stand. kustomize writes the whole text anew but keeps its order,
/// comments, quotes and brackets, so that a text which is laid out as it would do it stays as it
/// is around them. `None` where anything else than scalars of one line is to be set.
fn set_in_place(text: &str, data: &Node, path: &ValuePath, value: &Node) -> Option<String> {
    let new = value.as_scalar()?;
    let mut places = Vec::new();
    let mut found = data.clone();
    let visited = path.visit(&mut found, None, &mut |field| {
        places.push(field.clone());
        Ok(())
    });
    visited.ok()?;
    places.sort_by_key(|field| std::cmp::Reverse(field.span.start()));
    let mut out = text.to_owned();
    for field in &places {
        let old = field.as_scalar()?;
        let range = field.span.range();
        let source = text.get(range.clone())?;
        if source.contains('\n') || source.starts_with(['|', '>', '&', '*', '!']) {
            return None;
        }
        let written = if source.starts_with('"') {
            let mut quoted = String::new();
            write_go_string(&new.text, &mut quoted);
            quoted
        } else if source.starts_with('\'') {
            format!("'{}'", new.text.replace('\'', "''"))
        } else {
            plain(old.kind, &new.text)
        };
        out.replace_range(range, &written);
    }
    (!places.is_empty()).then(|| out.trim().to_owned())
}

/// A scalar without quotes, whose type stays: what does not look like it gets a tag.
fn plain(kind: ScalarKind, text: &str) -> String {
    let tag = match kind {
        ScalarKind::Str => {
            let node = Node::string(text, Span::NONE);
            return emit::emit(&node).trim_end().to_owned();
        }
        ScalarKind::Null => "null",
        ScalarKind::Bool => "bool",
        ScalarKind::Int => "int",
        ScalarKind::Float => "float",
        ScalarKind::Timestamp => "timestamp",
    };
    if plain_scalar(text).kind == kind {
        text.to_owned()
    } else {
        format!("!!{tag} {text}")
    }
}

/// Writes data as the text was written: JSON on one line or on many, or YAML.
fn write(data: &Node, text: &str) -> String {
    if !is_json(text) {
        return emit::emit(data).trim().to_owned();
    }
    let compact = to_go_json(data);
    if !(text.contains('\n') && text.contains("  ")) {
        return compact;
    }
    indent(&compact)
}

/// Go's `json.MarshalIndent` with two spaces, from compact JSON.
fn indent(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len() * 2);
    let mut depth = 0;
    let mut in_text = false;
    let mut chars = compact.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    while let Some(c) = chars.next() {
        if in_text {
            out.push(c);
            match c {
                '\\' => out.extend(chars.next()),
                '"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match c {
            '{' | '[' => {
                out.push(c);
                if matches!(chars.peek(), Some('}' | ']')) {
                    out.extend(chars.next());
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => {
                in_text = true;
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_a_text_keeps_its_form() {
        let value = Node::string("new", Span::NONE);
        let path = ValuePath::new("a.b");
        for (text, want) in [
            (
                r#"{"a":{"b":"old"},"c":[1]}"#,
                r#"{"a":{"b":"new"},"c":[1]}"#,
            ),
            (
                "{\n  \"a\": {\n    \"b\": \"x\"\n  }\n}",
                "{\n  \"a\": {\n    \"b\": \"new\"\n  }\n}",
            ),
            ("a:\n  b: old\n", "a:\n  b: new"),
            // Order, quotes, brackets and comments stay; so does a type.
            (
                "# c\nz: 1\na: {b: \"old\", c: [1]} # d\n",
                "# c\nz: 1\na: {b: \"new\", c: [1]} # d",
            ),
            ("a:\n  c: 2\n  b: 3\n", "a:\n  c: 2\n  b: !!int new"),
        ] {
            assert_eq!(
                set_in_text(text, &path, &value, None).as_deref(),
                Some(want)
            );
        }
        assert_eq!(set_in_text("plain", &path, &value, None), None);
        assert_eq!(set_in_text("{}", &path, &value, None), None);
    }
}
