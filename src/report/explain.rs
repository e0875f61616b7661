//! How a field or an object came to be what it is, for people and machines.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::diff::{inline, shorten};
use super::place::Place;
use super::style::{Role, Style, count};
use crate::diff::compare::display_path;
use crate::diff::words::{Piece, words};
use crate::explain::{Change, Entry, History};
use crate::manifest::json::to_json;
use crate::manifest::{Node, Sources, Span};

/// How wide the column of places is at most.
const WIDEST: usize = 60;

/// Formats histories for people, one after the other, with a blank line between them.
pub fn histories(sources: &Sources, histories: &[History], style: Style) -> String {
    let texts: Vec<String> = histories
        .iter()
        .map(|history| Text { sources, style }.history(history))
        .collect();
    texts.join("\n")
}

/// Formats histories as one JSON document (docs/explain.md).
pub fn histories_json(sources: &Sources, histories: &[History]) -> String {
    let list: Vec<Value> = histories
        .iter()
        .map(|history| {
            let entries = history.entries.iter();
            let mut members = Members::default();
            members.add("object", Some(history.object.as_str().into()));
            members.add("path", Some(display_path(&history.path).into()));
            members.add("value", history.value.as_ref().map(to_json));
            let steps = entries.map(|entry| entry_json(sources, entry));
            members.add("steps", Some(steps.collect()));
            members.0.into()
        })
        .collect();
    format!("{:#}\n", json!({"version": 1, "histories": list}))
}

/// Members of a JSON object; what has nothing to say is left out.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn add(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }
}

fn entry_json(sources: &Sources, entry: &Entry) -> Value {
    let mut members = Members::default();
    members.add("step", Some(entry.step.into()));
    members.add("won", entry.won.then_some(true.into()));
    members.add("at", place_json(sources, entry.at));
    members.add("listedAt", place_json(sources, entry.asked));
    members.add("of", entry.of.as_deref().map(Value::from));
    if let Some((text, at)) = &entry.note {
        members.add("note", Some(text.as_str().into()));
        members.add("noteAt", place_json(sources, *at));
    }
    let changes = entry.changes.iter().map(|change| {
        let mut members = Members::default();
        members.add("path", Some(display_path(&change.path).into()));
        members.add("before", change.before.as_ref().map(to_json));
        members.add("after", change.after.as_ref().map(to_json));
        members.add("at", place_json(sources, change.at));
        Value::from(members.0)
    });
    members.add("changes", Some(changes.collect()));
    members.0.into()
}

fn place_json(sources: &Sources, span: Span) -> Option<Value> {
    let place = Place::of(sources, span)?;
    Some(json!({"file": place.file, "line": place.line, "column": place.column}))
}

struct Text<'t> {
    sources: &'t Sources,
    style: Style,
}

impl Text<'_> {
    fn history(&self, history: &History) -> String {
        let mut out = self.head(history);
        out.push('\n');
        let steps = history.entries.iter().map(|entry| entry.step.len());
        let places = history
            .entries
            .iter()
            .map(|entry| self.sources.locate(entry.at).chars().count().max(14));
        let widths = (
            steps.max().unwrap_or_default(),
            places.max().unwrap_or_default().min(WIDEST),
        );
        for entry in &history.entries {
            self.entry(&mut out, history, entry, widths);
        }
        out
    }

    /// The answer in one line.
    fn head(&self, history: &History) -> String {
        let object = self.style.paint(Role::Strong, &history.object);
        let is_gone = history.value.is_none();
        if history.path.is_empty() {
            let steps = count(history.entries.len(), "step");
            let gone = if is_gone { "; not in the output" } else { "" };
            return format!("{object}  {steps}{gone}\n");
        }
        let path = display_path(&history.path);
        match &history.value {
            None => format!("{object}  {path} is not there at the end\n"),
            Some(value) if value.as_scalar().is_some() => {
                let value = shorten(&one_line(&inline(Some(value))));
                format!("{object}  {path} = {value}\n")
            }
            Some(_) => format!("{object}  {path}\n"),
        }
    }

    fn entry(&self, out: &mut String, history: &History, entry: &Entry, widths: (usize, usize)) {
        let (step_width, place_width) = widths;
        let mark = if entry.won && !history.path.is_empty() {
            self.style.paint(Role::Good, ">")
        } else {
            " ".to_owned()
        };
        let mut note = entry.note.as_ref();
        let mut place = self.sources.locate(entry.at);
        if place.is_empty()
            && let Some((text, _)) = note.take()
        {
            place.clone_from(text);
        }
        let field = match entry.changes.as_slice() {
            [only]
                if only.path == history.path || entry.of.is_some() && !history.path.is_empty() =>
            {
                Some(only)
            }
            _ => None,
        };
        let value = field.map_or_else(String::new, |change| self.value(change));
        let line = format!(
            "  {mark} {:step_width$}  {}  {value}",
            entry.step,
            self.style
                .paint(Role::Path, format!("{place:<place_width$}")),
        );
        let _ = writeln!(out, "{}", line.trim_end());
        let indent = " ".repeat(step_width + 6);
        let mut remark = |text: &str, at: Span| {
            let place = match self.sources.locate(at) {
                place if place.is_empty() => place,
                place => format!("  {}", self.style.paint(Role::Path, place)),
            };
            let _ = writeln!(out, "{indent}{text}{place}");
        };
        if let Some(of) = &entry.of {
            let field = match (field, history.path.is_empty()) {
                (Some(change), false) => format!(" {}", display_path(&change.path)),
                _ => String::new(),
            };
            remark(&format!("in {of}{field}"), Span::NONE);
        }
        if !entry.asked.is_none() && entry.asked != entry.at {
            remark("listed in", entry.asked);
        }
        if let Some((text, at)) = note {
            remark(text, *at);
        }
        if field.is_none() {
            self.changes(out, entry, &indent);
        }
    }

    /// The fields of an object that a step changed.
    fn changes(&self, out: &mut String, entry: &Entry, indent: &str) {
        for change in &entry.changes {
            let path = display_path(&change.path);
            let place = if change.at == entry.at {
                String::new()
            } else {
                self.near(change.at, entry.at)
            };
            let line = format!("{indent}  {path}   {}   {place}", self.value(change));
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }

    /// A place, without the file where it is that of another place.
    fn near(&self, span: Span, other: Span) -> String {
        let (Some(place), other) = (
            Place::of(self.sources, span),
            Place::of(self.sources, other),
        ) else {
            return String::new();
        };
        let text = match other {
            Some(other) if other.file == place.file => {
                format!("line {}", place.line)
            }
            _ => self.sources.locate(span),
        };
        self.style.paint(Role::Path, text)
    }

    fn value(&self, change: &Change) -> String {
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        let (old, new) = (text_of(before), text_of(after));
        let mut out = String::new();
        let pieces = match (before, after) {
            (None, _) => return shorten(&new),
            (Some(_), None) => {
                return format!(
                    "{} removed",
                    self.style
                        .paint(Role::Removed, format!("[{}]", shorten(&old)))
                );
            }
            (Some(_), Some(_)) if old == new => return format!("{}, as before", shorten(&new)),
            (Some(_), Some(_)) => words(&old, &new),
        };
        for piece in pieces {
            match piece {
                Piece::Same(text) => out.push_str(&text),
                Piece::Changed { before, after } => {
                    let _ = write!(
                        out,
                        "[{} -> {}]",
                        self.style.paint(Role::Removed, shorten(&before)),
                        self.style.paint(Role::Added, shorten(&after))
                    );
                }
            }
        }
        out
    }
}

fn text_of(node: Option<&Node>) -> String {
    one_line(&inline(node))
}

/// A text on one line: a line break reads `\n`.
fn one_line(text: &str) -> String {
    super::diagnostic::printable(&text.replace('\n', "\\n"))
}
