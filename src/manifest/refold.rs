//! What kustomize does to folded text (`>`): it writes every object once more before it turns it
//! into JSON, and go-yaml 3 does not write lines that are indented further as it read them.

use std::borrow::Cow;

/// Returns a folded scalar's text as it is after go-yaml 3 wrote it and read it back.
pub(super) fn refold(text: &str) -> Cow<'_, str> {
    let is_blank = |text: &str| text.starts_with([' ', '\t']);
    let has_blank_end = text.ends_with("\n\n");
    // Without lines that start with a blank the trip changes nothing but blank lines at the end.
    if !has_blank_end && !is_blank(text) && !text.contains("\n ") && !text.contains("\n\t") {
        return Cow::Borrowed(text);
    }
    let content = text.trim_end_matches('\n');
    let mut result = fold(&write_lines(content));
    result.push_str(&text[content.len()..]);
    // Lines at the end are kept, with the one that doubles the break after the last text.
    let last = content.rsplit('\n').next().unwrap_or_default();
    if has_blank_end && !last.is_empty() && !is_blank(last) && doubles_breaks(content) {
        result.push('\n');
    }
    Cow::Owned(result)
}

/// The lines that go-yaml 3 writes (`yaml_emitter_write_folded_scalar`). It asks whether the
/// *first* line starts with a blank where it means the next one.
fn write_lines(text: &str) -> Vec<&str> {
    let doubles = doubles_breaks(text);
    let mut lines = Vec::new();
    let mut after_text = false;
    for (at, line) in text.split('\n').enumerate() {
        // The break before this line; one after text that is not indented is doubled.
        if at > 0 && after_text && doubles {
            lines.push("");
        }
        lines.push(line);
        after_text = !line.is_empty() && !line.starts_with([' ', '\t']);
    }
    lines
}

fn doubles_breaks(text: &str) -> bool {
    let first = text.trim_start_matches('\n');
    !first.is_empty() && !first.starts_with([' ', '\t'])
}

/// Reads folded lines: one break between lines of text is a space, of more breaks one goes, and
/// breaks next to lines that start with a blank all stay.
fn fold(lines: &[&str]) -> String {
    let mut result = String::new();
    let mut empty = 0;
    let mut before: Option<&str> = None;
    for line in lines {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if let Some(before) = before {
            let spaced = |line: &str| line.starts_with([' ', '\t']);
            if spaced(before) || spaced(line) {
                result.push('\n');
            } else if empty == 0 {
                result.push(' ');
            }
        }
        result.push_str(&"\n".repeat(empty));
        result.push_str(line);
        empty = 0;
        before = Some(line);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_lines_drift_as_under_kustomize() {
        // Made by kustomize 5.5.0.
        for (text, want) in [
            ("a b\nc\n", "a b\nc\n"),
            ("a\n\nb", "a\n\nb"),
            ("exists(c,\n  c.image\n)", "exists(c,\n\n  c.image\n)"),
            ("a\n  b\n\n  c\nd\n", "a\n\n  b\n\n  c\nd\n"),
            // By 5.8.1: `>+` with blank lines at the end.
            ("a b\n\n", "a b\n\n\n"),
            ("a\n  b\n\n", "a\n\n  b\n\n"),
        ] {
            assert_eq!(refold(text), want, "{text:?}");
        }
    }
}
