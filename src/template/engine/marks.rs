//! Marks in rendered text that say where each stretch came from.
//!
//! A mark is written with code points that Unicode reserves for use inside a program
//! (noncharacters): `OPEN id SEP value CLOSE` around a value printed from an input, `AT n SEP`
//! where template text begins. They pass through macros, captures and filters like any text, and
//! are taken out before the text is read, so the bytes are those of a render without marks.

/// Starts a value that was printed from an input.
const OPEN: char = '\u{FDD0}';
/// Ends the number of a mark.
const SEP: char = '\u{FDD1}';
/// Ends a value that was printed from an input.
const CLOSE: char = '\u{FDD2}';
/// Starts a stretch of template text.
const AT: char = '\u{FDD3}';

/// Whether a text holds characters that marks use; such input is refused.
pub(in crate::template) fn has_marks(text: &str) -> bool {
    text.contains([OPEN, SEP, CLOSE, AT])
}

/// Wraps a printed value in the mark of an input.
pub(super) fn wrap(input: usize, printed: &str) -> String {
    format!("{OPEN}{input}{SEP}{printed}{CLOSE}")
}

/// A stretch of output between two marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Number of the input that was printed.
    pub(super) input: Option<usize>,
    /// Number of the template, and offset in its own text.
    pub(super) template: Option<(usize, usize)>,
}

/// Takes the marks out of a text.
pub(super) fn strip(marked: &str) -> (String, Vec<Stretch>) {
    let mut text = String::with_capacity(marked.len());
    let mut stretches = Vec::new();
    let mut inputs: Vec<Option<usize>> = Vec::new();
    let mut template = None;
    let mut start = 0;
    let mut rest = marked;
    while let Some(at) = rest.find([OPEN, CLOSE, AT]) {
        text.push_str(&rest[..at]);
        let mark = rest[at..].chars().next().unwrap_or(CLOSE);
        rest = &rest[at + mark.len_utf8()..];
        let input = inputs.last().copied().flatten();
        if text.len() > start {
            stretches.push(Stretch {
                start,
                end: text.len(),
                input,
                template,
            });
            start = text.len();
        }
        if mark == CLOSE {
            inputs.pop();
            continue;
        }
        let (number, after) = rest.split_once(SEP).unwrap_or((rest, ""));
        rest = after;
        if mark == OPEN {
            inputs.push(number.parse().ok());
        } else {
            template = number
                .split_once(':')
                .and_then(|(file, at)| Some((file.parse().ok()?, at.parse().ok()?)));
        }
    }
    text.push_str(rest);
    if text.len() > start {
        stretches.push(Stretch {
            start,
            end: text.len(),
            input: None,
            template,
        });
    }
    (text, stretches)
}

/// Takes the marks out of a text whose origins do not matter, for hashes and comparisons.
pub(super) fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    if has_marks(text) {
        strip(text).0.into()
    } else {
        text.into()
    }
}

/// A template's source with marks, and how to find an offset in the original.
#[derive(Clone, Debug, Default)]
pub(super) struct Instrumented {
    pub(super) text: String,
    /// Offset in the marked text behind an insertion, and bytes inserted so far.
    inserted: Vec<(usize, usize)>,
}

impl Instrumented {
    /// Returns the offset in the original source.
    pub(super) fn original(&self, offset: usize) -> usize {
        let at = self
            .inserted
            .partition_point(|(behind, _)| *behind <= offset);
        offset - at.checked_sub(1).map_or(0, |at| self.inserted[at].1)
    }

    fn insert(&mut self, text: &str) {
        self.text.push_str(text);
        let so_far = self.inserted.last().map_or(0, |(_, bytes)| *bytes) + text.len();
        self.inserted.push((self.text.len(), so_far));
    }
}

/// Marks a template's source: before the first visible character of each line of text and before
/// each printed expression. White space next to tags stays as it is, so trimming works as before.
pub(super) fn instrument(template: usize, source: &str) -> Instrumented {
    let mut out = Instrumented::default();
    let mut at = 0;
    while at < source.len() {
        let Some(tag) = next_tag(source, at) else {
            data(&mut out, template, source, at, source.len());
            break;
        };
        data(&mut out, template, source, at, tag);
        let end = tag_end(source, tag);
        let mark = format!("{AT}{template}:{tag}{SEP}");
        let inner = &source[tag..end];
        match inner.strip_prefix("{{") {
            Some(body) if body.starts_with(['-', '+']) => {
                // The sign must stay next to the white space that it rules.
                out.text.push_str(&inner[..3]);
                out.insert(&format!("\"{mark}\"}}}}{{{{"));
                out.text.push_str(&inner[3..]);
            }
            Some(_) => {
                out.insert(&mark);
                out.text.push_str(inner);
            }
            None => out.text.push_str(inner),
        }
        at = end;
        if is_raw(inner) {
            let close = raw_end(source, at);
            data(&mut out, template, source, at, close);
            at = close;
        }
    }
    out
}

fn data(out: &mut Instrumented, template: usize, source: &str, from: usize, to: usize) {
    let mut at = from;
    for line in source[from..to].split_inclusive('\n') {
        let visible = line.len() - line.trim_start().len();
        out.text.push_str(&line[..visible]);
        if visible < line.len() {
            out.insert(&format!("{AT}{template}:{}{SEP}", at + visible));
            out.text.push_str(&line[visible..]);
        }
        at += line.len();
    }
}

fn next_tag(source: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += source[at..].find('{')?;
        if source[at + 1..].starts_with(['{', '%', '#']) {
            return Some(at);
        }
        at += 1;
    }
}

/// The end of the tag at `start`: its closing delimiter outside strings and brackets.
fn tag_end(source: &str, start: usize) -> usize {
    let bytes = source.as_bytes();
    let close: &[u8] = match bytes.get(start + 1) {
        Some(b'#') => {
            return source[start..]
                .find("#}")
                .map_or(source.len(), |at| start + at + 2);
        }
        Some(b'%') => b"%}",
        _ => b"}}",
    };
    let mut at = start + 2;
    let mut depth = 0_usize;
    let mut quote = None;
    while at < bytes.len() {
        let byte = bytes[at];
        match quote {
            Some(_) if byte == b'\\' => at += 1,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if depth == 0 && bytes[at..].starts_with(close) => return at + 2,
            None => match byte {
                b'"' | b'\'' => quote = Some(byte),
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            },
        }
        at += 1;
    }
    source.len()
}

fn is_raw(tag: &str) -> bool {
    let inner = tag.trim_start_matches(['{', '%', '-', '+']);
    let inner = inner.trim_end_matches(['}', '%', '-', '+']);
    inner.trim() == "raw"
}

fn raw_end(source: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(found) = source[at..].find("{%") {
        let tag = at + found;
        let word = source[tag + 2..]
            .trim_start_matches(['-', '+'])
            .trim_start();
        if word.starts_with("endraw") {
            return tag;
        }
        at = tag + 2;
    }
    source.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_come_out_again() {
        let marked = format!(
            "{AT}0:3{SEP}a: {}\n{AT}1:9{SEP}b",
            wrap(7, &format!("[1, {}]", wrap(8, "2")))
        );
        let (text, stretches) = strip(&marked);
        assert_eq!(text, "a: [1, 2]\nb");
        let at = |needle: &str| {
            let offset = text.find(needle).unwrap();
            *stretches
                .iter()
                .find(|s| s.start <= offset && offset < s.end)
                .unwrap()
        };
        assert_eq!(at("a").input, None);
        assert_eq!(at("1").input, Some(7));
        assert_eq!(at("2").input, Some(8));
        assert_eq!(at("b").template, Some((1, 9)));
        assert_eq!(at("2").template, Some((0, 3)));
        assert_eq!(plain(&marked), text);
    }

    #[test]
    fn offsets_lead_back_to_the_template() {
        let source = "a: {{ x }}\n  b: {%- if y %} c{% endif %}\n{{- z }}";
        let made = instrument(4, source);
        for word in ["a:", "x }", "b:", "if y", "c{", "z }"] {
            let there = made.text.find(word).unwrap();
            assert_eq!(made.original(there), source.find(word).unwrap(), "{word}");
        }
    }

    fn render(source: &str) -> Result<String, String> {
        let mut env = minijinja::Environment::new();
        let mut syntax = minijinja::syntax::SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true);
        env.set_syntax(syntax.build().unwrap());
        env.render_str(source, minijinja::context! { x => "v", y => true })
            .map_err(|error| error.kind().to_string())
    }

    #[test]
    fn a_marked_template_renders_the_same() {
        for source in [
            "a: {{ x }}\n  {% if y %}\nb\n  {% endif %}\nc",
            "a {{- x -}}   b\n{%- if y -%}  c  {%- endif -%}\n d",
            "{% raw %}{{ x }} {% if %}{% endraw %} {# c {{ #} e",
            "{{ {'a': {'b': '}}'}} }} { {x} }",
            "{% macro m() %} in\n {{ x }}{% endmacro %}<{{ m() }}>",
            "{% set z %}\n t {% endset %}{{ z }}|{{- z }}",
            "{{ \"a\\\"}}\" }}",
        ] {
            let marked = render(&instrument(0, source).text).unwrap();
            assert_eq!(strip(&marked).0, render(source).unwrap(), "{source}");
        }
    }

    proptest! {
        #[test]
        fn no_template_changes_by_marks(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("{{ x }}"), Just("{{- x }}"), Just("{{ x -}}"), Just("{% if y %}"),
                    Just("{%- if y -%}"), Just("{% endif %}"), Just("{%- endif -%}"), Just("{# c #}"),
                    Just("\n"), Just("  "), Just("text"), Just(": "), Just("{"), Just("}"),
                    Just("{% raw %}{{{% endraw %}"), Just("é"),
                ],
                0..12,
            )
        ) {
            let source = parts.concat();
            let marked = render(&instrument(0, &source).text).map(|text| strip(&text).0);
            prop_assert_eq!(marked, render(&source));
        }
    }
}
