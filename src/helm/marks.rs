//! Which template line made a line of a rendered chart.
//!
//! Helm keeps no record of it. So a copy of the chart is rendered beside the real one, in which
//! lines of the templates carry marks; the marks come out beside the text that they stand before.
//! A mark can disturb what it is in (a name that is cut to 63 characters), therefore the marked
//! rendering only says where lines come from, and is laid against the real one line by line. It
//! has to be YAML all the same, since Helm reads it: a mark before a text is a part of the key or
//! value that it stands before, one behind an action is a comment.

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// A line of a template: the index of the file, and the line, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) file: usize,
    pub(super) line: u32,
}

// Private-use characters: they are no YAML indicators and nobody writes them.
const BEFORE: char = '\u{e0f0}';
const AFTER: char = '\u{e0f1}';
const END: char = '\u{e0f2}';

/// What makes a mark behind an action a comment.
const COMMENT: &str = " #";

/// Marks the lines of a template.
///
/// A line that begins as YAML does (`name: ..`, `- ..`) is marked where its text begins, behind the
/// dashes of list items; a line that ends with an action, which may print many lines, behind it.
/// In a named template only the former: others are often names that the caller goes on to cut or
/// to compare.
pub(super) fn mark(template: &str, file: usize) -> String {
    let mut out = String::with_capacity(template.len() + template.len() / 4);
    let mut state = State::default();
    for (index, line) in template.split_inclusive('\n').enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let text = line.trim_end_matches(['\n', '\r']);
        let before = state.clone();
        let last = state.read(text);
        let start = text.len() - text.trim_start_matches([' ', '\t', '-']).len();
        let is_item = text[..start].trim_start().starts_with("- ");
        let is_yaml = !before.in_action && (is_item || begins_with_key(&text[start..]));
        let is_action =
            !before.in_define && !state.in_define && !state.in_action && last == Some(Last::Action);
        if is_yaml {
            out.push_str(&text[..start]);
            push(&mut out, BEFORE, file, number);
            out.push_str(&text[start..]);
        } else {
            out.push_str(text);
            if is_action {
                out.push_str(COMMENT);
                push(&mut out, AFTER, file, number);
            }
        }
        out.push_str(&line[text.len()..]);
    }
    out
}

fn push(out: &mut String, kind: char, file: usize, line: u32) {
    out.push(kind);
    out.push_str(&format!("{file}.{line}"));
    out.push(END);
}

/// Whether a text begins with a plain key, outside of any action.
fn begins_with_key(text: &str) -> bool {
    let key = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "_-./\"'".contains(c)))
        .unwrap_or(text.len());
    key > 0 && text[key..].starts_with(':')
}

/// What a line of a template ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// An action that leaves the line break behind it alone.
    Action,
    Other,
}

/// Where in a template one is, line by line.
#[derive(Clone, Debug, Default)]
struct State {
    in_action: bool,
    in_define: bool,
    /// The blocks that are open, `true` for `define`.
    blocks: Vec<bool>,
    action: String,
}

impl State {
    /// Reads a line. Returns what it ends with, if it has any action.
    fn read(&mut self, line: &str) -> Option<Last> {
        let mut rest = line;
        let mut last = None;
        loop {
            if self.in_action {
                let Some(end) = rest.find("}}") else {
                    self.action.push_str(rest);
                    self.action.push('\n');
                    return last;
                };
                self.action.push_str(&rest[..end]);
                let trims = rest[..end].ends_with('-');
                rest = &rest[end + 2..];
                self.close();
                last = Some(if rest.is_empty() && !trims {
                    Last::Action
                } else {
                    Last::Other
                });
            }
            let Some(start) = rest.find("{{") else {
                return last;
            };
            self.in_action = true;
            self.action.clear();
            rest = &rest[start + 2..];
        }
    }

    /// Notes which block an action opens or ends.
    fn close(&mut self) {
        self.in_action = false;
        let action = self.action.trim_matches(['-', ' ', '\n', '\t']);
        match action.split_whitespace().next().unwrap_or_default() {
            "define" => self.blocks.push(true),
            "if" | "range" | "with" | "block" => self.blocks.push(false),
            "end" => {
                self.blocks.pop();
            }
            _ => {}
        }
        self.in_define = self.blocks.contains(&true);
    }
}

/// A rendered text without its marks, and for each of its lines where it comes from.
pub(super) fn unmark(marked: &str) -> (String, Vec<Option<Line>>) {
    let mut text = String::with_capacity(marked.len());
    let mut lines = Vec::new();
    // Lines that wait for a mark behind them.
    let mut open = 0;
    let mut last = None;
    for line in marked.split_inclusive('\n') {
        if line.starts_with("---") || line.starts_with("# Source: ") {
            (open, last) = (0, None);
        }
        let mut own = None;
        let mut rest = line;
        while let Some(at) = rest.find([BEFORE, AFTER]) {
            let kind = rest[at..].chars().next().unwrap_or(BEFORE);
            let before = &rest[..at];
            text.push_str(match kind {
                AFTER => before.strip_suffix(COMMENT).unwrap_or(before),
                _ => before,
            });
            let body = &rest[at + kind.len_utf8()..];
            let Some(end) = body.find(END) else {
                rest = body;
                continue;
            };
            own = own.or(parse(&body[..end]).map(|place| (kind, place)));
            rest = &body[end + END.len_utf8()..];
        }
        text.push_str(rest);
        if let Some((kind, place)) = own {
            if kind == AFTER {
                let from = lines.len() - open;
                lines[from..].fill(Some(place));
            }
            open = 0;
            last = Some(place);
        } else {
            open += 1;
        }
        lines.push(last);
    }
    (text, lines)
}

fn parse(text: &str) -> Option<Line> {
    let (file, line) = text.split_once('.')?;
    Some(Line {
        file: file.parse().ok()?,
        line: line.parse().ok()?,
    })
}

/// For each line of the real rendering where it comes from, by a marked one without its marks.
pub(super) fn align(real: &str, unmarked: &str, lines: &[Option<Line>]) -> Vec<Option<Line>> {
    let ours: Vec<&str> = real.lines().collect();
    let theirs: Vec<&str> = unmarked.lines().collect();
    let mut found = vec![None; ours.len()];
    for op in capture_diff_slices(Algorithm::Myers, &theirs, &ours) {
        let (tag, old, new) = op.as_tag_tuple();
        if tag == DiffTag::Equal || tag == DiffTag::Replace {
            for (old, new) in old.zip(new) {
                found[new] = lines.get(old).copied().flatten();
            }
        }
    }
    let mut last = None;
    for place in &mut found {
        last = place.or(last);
        *place = last;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template lines that are marked, with `<` for a mark before and `>` for one behind.
    fn marks(template: &str) -> Vec<String> {
        let marked = mark(template, 0);
        let found = marked.lines().map(|line| {
            let kinds = line.chars().filter_map(|c| match c {
                BEFORE => Some('<'),
                AFTER => Some('>'),
                _ => None,
            });
            kinds.collect()
        });
        found.collect()
    }

    #[test]
    fn yaml_is_marked_before_and_actions_behind() {
        let template = "\
{{- if .Values.on }}
kind: Service
  name: {{ include \"web.name\" . }}
  {{- include \"web.labels\" . | nindent 4 }}
  {{- with .Values.x -}}
  - {{ . }}
  plain words
{{- include \"a\"
    (dict \"b: c\" 1) }}
{{ end }}
{{ define \"web.name\" }}
{{ .Release.Name }}
app: x
{{ end }}
---
";
        let want = [
            ">", "<", "<", ">", "", "<", "", "", ">", ">", "", "", "<", "", "",
        ];
        assert_eq!(marks(template), want);
        let (text, lines) = unmark(&mark(template, 3));
        assert_eq!(text, template);
        assert_eq!(lines[1], Some(Line { file: 3, line: 2 }));
    }

    #[test]
    fn lines_that_an_action_prints_are_its_own() {
        let place = |line| Some(Line { file: 0, line });
        let marked = format!(
            "{BEFORE}0.1{END}kind: X\n  a: 1\n  b: 2 #{AFTER}0.2{END}\n{BEFORE}0.3{END}c: 1\nd\n"
        );
        let (text, lines) = unmark(&marked);
        assert_eq!(text, "kind: X\n  a: 1\n  b: 2\nc: 1\nd\n");
        assert_eq!(lines, [place(1), place(2), place(2), place(3), place(3)]);
    }

    #[test]
    fn what_the_marks_disturbed_is_found_by_its_neighbours() {
        let place = |line| Some(Line { file: 0, line });
        let lines = [place(1), place(2), place(3)];
        let real = "a: 1\nchecksum: 123\nextra\nb: 2\n";
        let found = align(real, "a: 1\nchecksum: 999\nb: 2\n", &lines);
        assert_eq!(found, [place(1), place(2), place(2), place(3)]);
    }
}
