//! Replacements that go into JSON or YAML inside a text (kustomize 5.8 and later).

use crate::manifest::json::to_go_json;
use crate::manifest::read::read_documents;
use crate::manifest::{Node, ReadOptions, Sources, Span, Value, emit};

use super::replacements::set_scalar_text;
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

/// Writes data as the text was written: JSON on one line or on many, or YAML.
fn write(data: &Node, text: &str) -> String {
    if !text.trim_start().starts_with(['{', '[']) {
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
