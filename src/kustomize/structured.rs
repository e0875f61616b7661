//! Replacements that go into JSON or YAML inside a text (kustomize 5.8 and later).

use smol_str::SmolStr;

use crate::manifest::json::to_go_json;
use crate::manifest::read::read_documents;
use crate::manifest::{Map, Node, ReadOptions, Scalar, Sources, Span, Value, go_regex};

use super::replacements::set_scalar_text;
use super::value_path::{MakeKind, ValuePath, list_entry};
use super::yaml_text::{Document, Piece, Shape, Style, tag_of};

/// Sets a value inside the first text on a path that holds data, and returns whether it did.
/// kustomize looks at no option but `create` here.
pub(crate) fn set(
    root: &mut Node,
    path: &ValuePath,
    value: &Node,
    make: Option<MakeKind>,
    sources: &Sources,
) -> bool {
    let parts = &path.0;
    for length in 1..parts.len() {
        let head = ValuePath(parts[..length].to_vec());
        let Some(text) = head.find(root).and_then(Node::as_scalar) else {
            continue;
        };
        let text = text.text.to_string();
        let Some(document) = Document::read(&text) else {
            continue;
        };
        let value = piece_of(value, Some(sources));
        let Some(new) = set_in_text(&text, document, &parts[length..], &value, make) else {
            return false;
        };
        let done = head.visit(root, None, &mut |field| {
            set_scalar_text(field, &new);
            Ok(())
        });
        return done.is_ok();
    }
    false
}

/// How many values a path leads to inside a text. kustomize sets them there and forgets the text.
pub(crate) fn count(text: &str, path: &[SmolStr], make: Option<MakeKind>) -> Option<usize> {
    let mut document = Document::read(text)?;
    visit(&mut document.root, path, make, &mut |_| {})
}

/// What kustomize compares a value with a regular expression by: the text that it would be
/// written as.
pub(crate) fn written(node: &Node) -> String {
    piece_of(node, None).write().trim().to_owned()
}

fn set_in_text(
    text: &str,
    mut document: Document,
    path: &[SmolStr],
    value: &Piece,
    make: Option<MakeKind>,
) -> Option<String> {
    let found = visit(&mut document.root, path, make, &mut |field| {
        if field.shape == Shape::Scalar {
            field.value.clone_from(&value.value);
        } else {
            *field = value.clone();
        }
    })?;
    if found == 0 {
        return None;
    }
    let written = document.write();
    if text.trim_start().starts_with(['{', '[']) {
        json(&written, text)
    } else {
        Some(written.trim().to_owned())
    }
}

/// Writes data as JSON on one line or on many, as the text was written.
fn json(written: &str, text: &str) -> Option<String> {
    let sources = Sources::new();
    let file = sources.add("text", written);
    let documents = read_documents(&sources, file, &ReadOptions::kustomize_patch());
    let data = documents.into_iter().next()?.ok()?;
    if !data.duplicates.is_empty() {
        return None;
    }
    let compact = to_go_json(&data.root);
    if text.contains('\n') && text.contains("  ") {
        Some(indent(&compact))
    } else {
        Some(compact)
    }
}

/// Calls `set` on every value that a path leads to, and returns how many there are; `None` for a
/// path that does not fit.
fn visit(
    piece: &mut Piece,
    path: &[SmolStr],
    make: Option<MakeKind>,
    set: &mut dyn FnMut(&mut Piece),
) -> Option<usize> {
    let Some((part, rest)) = path.split_first() else {
        set(piece);
        return Some(1);
    };
    let entry = list_entry(part);
    let index = part.parse::<usize>().ok();
    let is_list = index.is_some() || part.starts_with('[') && part.ends_with(']') || part == "*";
    if piece.is_null() {
        // What kustomize makes in a null hangs on it unseen.
        return Some(usize::from(make.is_some() && part != "*"));
    }
    let wanted = if is_list { Shape::Seq } else { Shape::Map };
    if piece.shape != wanted {
        return None;
    }
    if let Some(at) = index {
        if let Some(make) = make.filter(|_| piece.content.len() == at) {
            piece.content.push(Piece::made(shape_for(rest, make)));
        }
        return visit(piece.content.get_mut(at)?, rest, make, set);
    }
    if part == "*" {
        let items = piece.content.iter_mut();
        return items.map(|item| visit(item, rest, make, set)).sum();
    }
    if is_list {
        return visit_entries(piece, entry?, rest, make, set);
    }
    visit_field(piece, part, rest, make, set)
}

fn visit_entries(
    list: &mut Piece,
    (key, value): (&str, &str),
    rest: &[SmolStr],
    make: Option<MakeKind>,
    set: &mut dyn FnMut(&mut Piece),
) -> Option<usize> {
    let pattern = go_regex::compile(value).ok()?;
    let is_meant = |item: &Piece| {
        let field = match key {
            "" => Some(item),
            _ if item.shape == Shape::Map => item.field(key),
            _ => None,
        };
        field.is_some_and(|field| pattern.is_match(field.write().trim()))
    };
    let rest = if key.is_empty() { &[] } else { rest };
    let mut count = 0;
    for item in list.content.iter_mut().filter(|item| is_meant(item)) {
        count += visit(item, rest, make, set)?;
    }
    if count == 0 && make.is_some() {
        let mut made = Piece::scalar(value);
        if !key.is_empty() {
            let mut map = Piece::made(Shape::Map);
            map.content = vec![Piece::scalar(key), made];
            made = map;
        }
        count = visit(&mut made, rest, make, set)?;
        list.content.push(made);
    }
    Some(count)
}

fn visit_field(
    map: &mut Piece,
    part: &SmolStr,
    rest: &[SmolStr],
    make: Option<MakeKind>,
    set: &mut dyn FnMut(&mut Piece),
) -> Option<usize> {
    if map.field(part).is_none() {
        let Some(make) = make else {
            return Some(0);
        };
        map.content.push(Piece::scalar(part));
        map.content.push(Piece::made(shape_for(rest, make)));
    }
    let field = map.field_mut(part)?;
    if field.shape == Shape::Scalar && !rest.is_empty() {
        return count(&field.value, rest, make);
    }
    visit(field, rest, make, set)
}

/// What is made where a path goes on.
fn shape_for(rest: &[SmolStr], make: MakeKind) -> Shape {
    match rest.first() {
        Some(next) if next.starts_with('[') || next.parse::<usize>().is_ok() => Shape::Seq,
        Some(_) => Shape::Map,
        None => match make {
            MakeKind::Scalar => Shape::Scalar,
            MakeKind::Map => Shape::Map,
            MakeKind::List => Shape::Seq,
        },
    }
}

/// A value of a resource, written as its file has it.
fn piece_of(node: &Node, sources: Option<&Sources>) -> Piece {
    let first = |span: Span| {
        let source = sources?.get(span.file())?;
        source.text.as_bytes().get(span.start() as usize).copied()
    };
    let collection = |shape: Shape, tag: &str, content: Vec<Piece>| {
        let is_flow = matches!(first(node.span), Some(b'{' | b'['));
        Piece {
            tag: tag.to_owned(),
            style: if is_flow { Style::Flow } else { Style::None },
            content,
            ..Piece::made(shape)
        }
    };
    match &node.value {
        Value::Scalar(scalar) => scalar_of(scalar, first(node.span)),
        Value::Seq(items) => {
            let items = items.iter().map(|item| piece_of(item, sources));
            collection(Shape::Seq, "!!seq", items.collect())
        }
        Value::Map(map) => collection(Shape::Map, "!!map", entries(map, &first, sources)),
    }
}

fn entries(map: &Map, first: &dyn Fn(Span) -> Option<u8>, sources: Option<&Sources>) -> Vec<Piece> {
    let entries = map.iter().flat_map(|entry| {
        let quote = first(entry.key_span).filter(|byte| matches!(byte, b'"' | b'\''));
        let key = Scalar {
            plain: quote.is_none(),
            ..Scalar::string(entry.key.clone())
        };
        [scalar_of(&key, quote), piece_of(&entry.value, sources)]
    });
    entries.collect()
}

/// A scalar, whose text begins with this byte in its file.
fn scalar_of(scalar: &Scalar, first: Option<u8>) -> Piece {
    let style = match first {
        _ if scalar.plain => Style::None,
        Some(b'\'') => Style::SingleQuoted,
        Some(b'|') => Style::Literal,
        Some(b'>') => Style::Folded,
        Some(b'"') => Style::DoubleQuoted,
        _ if scalar.text.contains('\n') => Style::Literal,
        _ => Style::DoubleQuoted,
    };
    let tag = match scalar.untagged {
        true => "",
        false => tag_of(scalar.kind),
    };
    Piece {
        tag: tag.to_owned(),
        style,
        ..Piece::scalar(&scalar.text)
    }
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

    fn set_text(text: &str, path: &str, make: Option<MakeKind>) -> Option<String> {
        let value = piece_of(&Node::string("new", Span::NONE), None);
        let document = Document::read(text)?;
        set_in_text(text, document, &ValuePath::new(path).0, &value, make)
    }

    #[test]
    fn values_are_set_in_texts_that_keep_their_form() {
        // Made by kustomize 5.8.1.
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
            (
                "# c\nz: 1\na: { b: \"old\",  c: [1,2] } # d\n",
                "# c\nz: 1\na: {b: \"new\", c: [1, 2]} # d",
            ),
            ("a:\n    c: 2\n\n    b: 3\n", "a:\n  c: 2\n  b: !!int new"),
            (
                "l:\n  - name: y # n\na:\n  b: 'x'\n# foot\n",
                "l:\n- name: y # n\na:\n  b: 'new'\n# foot",
            ),
            ("---\na: {b: x}\n---\na: 2\n", "a: {b: new}"),
        ] {
            assert_eq!(set_text(text, "a.b", None).as_deref(), Some(want), "{text}");
        }
        for text in [
            "plain",
            "{}",
            "a: 1",
            "a: [",
            "a:\n  c: 1",
            r#"{"a":{"b":1}}"#,
        ] {
            assert_eq!(set_text(text, "a.b", None), None, "{text}");
        }
    }

    #[test]
    fn what_is_missing_in_a_text_is_made() {
        let make = Some(MakeKind::Scalar);
        for (text, path, want) in [
            ("z: 1\n", "a.b", "z: 1\na:\n  b: new"),
            ("a: {}\n", "a.y", "a: {y: new}"),
            ("a: []\n", "a.[n=q].b", "a: [{n: q, b: new}]"),
            ("a:\n- n: q\n", "a.1", "a:\n- n: q\n- new"),
        ] {
            assert_eq!(set_text(text, path, make).as_deref(), Some(want), "{text}");
        }
    }
}
