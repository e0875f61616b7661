//! A finding for people: rule, message, place, snippet with carets, notes, what to do.

use std::fmt::Write as _;

use super::style::{Role, Style};
use crate::manifest::{Diagnostic, Severity, Source, Sources, Span};

/// Widest source line that is shown whole; a longer one is cut around the caret.
const SNIPPET_COLUMNS: usize = 96;

/// Formats a finding, with a final newline.
pub fn diagnostic(sources: &Sources, diagnostic: &Diagnostic, style: Style) -> String {
    let mut out = String::new();
    let role = match diagnostic.severity {
        Severity::Error => Role::Error,
        Severity::Warning => Role::Warning,
        Severity::Info => Role::Info,
    };
    let rule = match diagnostic.rule.as_ref() {
        "" => String::new(),
        rule => format!("[{rule}]"),
    };
    let head = style.paint(role, format!("{}{rule}", diagnostic.severity.as_str()));
    let _ = writeln!(
        out,
        "{head}: {}",
        style.paint(Role::Strong, printable(&diagnostic.message))
    );
    let mut indent = 2;
    if let Some(primary) = &diagnostic.primary {
        indent = place(&mut out, sources, primary.span, &primary.text, style).unwrap_or(indent);
    }
    for label in &diagnostic.secondary {
        for (location, text) in ends(sources, label.span, &label.text) {
            let arrow = style.paint(Role::Path, "-->");
            let _ = writeln!(
                out,
                "{:indent$}{arrow} {location:<40}  {text}",
                "",
                indent = indent - 1
            );
        }
    }
    let equals = style.paint(Role::Path, "=");
    let mut line = |text: &str| {
        let _ = writeln!(out, "{:indent$}{equals} {}", "", printable(text));
    };
    if let Some(object) = &diagnostic.object {
        line(&format!("in  {object}"));
    }
    if let Some(field) = &diagnostic.field {
        line(&format!("at  {field}"));
    }
    diagnostic.notes.iter().for_each(|note| line(note));
    if let Some(hint) = &diagnostic.hint {
        line(hint);
    }
    out
}

/// Draws the primary place. Returns the width of the line-number column, to align notes under.
fn place(
    out: &mut String,
    sources: &Sources,
    span: Span,
    remark: &str,
    style: Style,
) -> Option<usize> {
    let trace = sources.trace(span);
    let shown = trace.input.or(trace.template).unwrap_or(span);
    let source = sources.get(shown.file())?;
    let position = source.position(shown.start());
    let width = position.line.to_string().len().max(2);
    let arrow = style.paint(Role::Path, "-->");
    let _ = writeln!(out, "{:width$}{arrow} {}", "", sources.locate(shown));
    if let (Some(_), Some(template)) = (trace.input, trace.template) {
        let _ = writeln!(
            out,
            "{:width$}{arrow} {}  by this template line",
            "",
            sources.locate(template)
        );
    }
    snippet(out, &source, shown, remark, width, style);
    Some(width + 1)
}

fn snippet(
    out: &mut String,
    source: &Source,
    span: Span,
    remark: &str,
    width: usize,
    style: Style,
) {
    let position = source.position(span.start());
    let bar = style.paint(Role::Path, "|");
    let _ = writeln!(out, "{:width$} {bar}", "");
    let line = source.line(position.line);
    let before = position
        .line
        .checked_sub(1)
        .filter(|&n| n > 0)
        .map(|n| (n, source.line(n)));
    if let Some((number, text)) = before.filter(|(_, text)| !text.trim().is_empty()) {
        let (text, _) = cut(text, 1);
        let number = style.paint(Role::Path, format!("{number:>width$}"));
        let _ = writeln!(out, "{number} {bar} {}", printable(&text));
    }
    let (text, column) = cut(line, position.column);
    let number = style.paint(Role::Path, format!("{:>width$}", position.line));
    let _ = writeln!(out, "{number} {bar} {}", printable(&text));
    let length = source.text.get(span.range()).map_or(1, |covered| {
        covered.lines().next().unwrap_or_default().chars().count()
    });
    let room = text.chars().count().saturating_sub(column - 1).max(1);
    let carets = "^".repeat(length.clamp(1, room));
    let marker = style.paint(
        Role::Error,
        format!("{carets} {}", printable(remark)).trim_end(),
    );
    let _ = writeln!(
        out,
        "{:width$} {bar} {:pad$}{marker}",
        "",
        "",
        pad = column - 1
    );
}

/// Cuts a long line around a column. Returns the text and the column in it; tabs become spaces.
fn cut(line: &str, column: usize) -> (String, usize) {
    let line = line.replace('\t', " ");
    let chars: Vec<char> = line.chars().collect();
    if chars.len() <= SNIPPET_COLUMNS {
        return (line, column);
    }
    let from = column
        .saturating_sub(SNIPPET_COLUMNS / 2)
        .min(chars.len() - SNIPPET_COLUMNS);
    let to = from + SNIPPET_COLUMNS;
    let head = if from > 0 { "…" } else { "" };
    let tail = if to < chars.len() { "…" } else { "" };
    let text: String = chars[from..to].iter().collect();
    (
        format!("{head}{text}{tail}"),
        column - from + head.chars().count(),
    )
}

/// The places that a span stands for: for generated text the input and the template line.
fn ends(sources: &Sources, span: Span, text: &str) -> Vec<(String, String)> {
    let trace = sources.trace(span);
    let mut places = Vec::new();
    if let Some(input) = trace.input {
        places.push((sources.locate(input), text.to_owned()));
    }
    if let Some(template) = trace.template {
        places.push((sources.locate(template), "by this template line".to_owned()));
    }
    places
}

/// Neutralises control characters of data, which could rewrite what the terminal shows.
pub(super) fn printable(text: &str) -> String {
    if !text.chars().any(is_control) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if is_control(c) { '\u{fffd}' } else { c })
        .collect()
}

fn is_control(c: char) -> bool {
    c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(diagnostic_value: &Diagnostic, sources: &Sources) -> String {
        diagnostic(sources, diagnostic_value, Style::new(false))
    }

    #[test]
    fn a_finding_shows_place_snippet_and_what_to_do() {
        let sources = Sources::new();
        let text = "spec:\n  image: x\n  replica: 2\n";
        let file = sources.add("prod/backend.yaml", text);
        let at = text.find("replica").unwrap();
        let finding = Diagnostic::error("input", "unknown field `replica` in WebService")
            .at(Span::new(file, at, at + 7), "did you mean `replicas`?")
            .also(Span::new(file, 0, 4), "in this block")
            .in_object("WebService shop/backend")
            .note("`deployx templates show WebService` lists all fields");
        insta::assert_snapshot!(shown(&finding, &sources), @"
        error[input]: unknown field `replica` in WebService
          --> prod/backend.yaml:3:3
           |
         2 |   image: x
         3 |   replica: 2
           |   ^^^^^^^ did you mean `replicas`?
          --> prod/backend.yaml:1:1                     in this block
           = in  WebService shop/backend
           = `deployx templates show WebService` lists all fields
        ");
    }

    #[test]
    fn long_lines_are_cut_around_the_caret_and_control_characters_are_neutralised() {
        let sources = Sources::new();
        let text = format!("{}X\u{1b}[2J{}", "a".repeat(300), "b".repeat(300));
        let file = sources.add("long.yaml", text.as_str());
        let finding = Diagnostic::warning("long", "x").at(Span::new(file, 300, 301), "here");
        let shown = shown(&finding, &sources);
        assert!(!shown.contains('\u{1b}'));
        assert!(
            shown.lines().all(|line| line.chars().count() <= 110),
            "{shown}"
        );
        assert!(shown.contains("^ here"));
    }
}
