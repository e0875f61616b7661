//! The live diff, for people: what changes, by whom it was set, which pods restart.

use std::fmt::Write as _;

use super::{Role, Style, count};
use crate::cluster::fields::Step;
use crate::diff::compare::display_path;
use crate::diff::words::{Piece, words};
use crate::diff::{Action, FieldChange, ObjectDiff};
use crate::manifest::json::to_json;
use crate::manifest::node::{Node, Value};
use crate::manifest::object::ObjectId;
use crate::manifest::{Sources, emit};
use crate::plan::Choice;
use crate::release::{Prepared, store};

/// Where remarks begin.
const REMARK: usize = 68;

/// How the diff of a release is shown.
pub struct DiffView<'a> {
    /// What was prepared.
    pub prepared: &'a Prepared,
    /// The input, for places.
    pub sources: &'a Sources,
    /// What the input is called.
    pub input: &'a str,
    /// What the cluster is called.
    pub cluster: &'a str,
    /// Colour.
    pub style: Style,
}

impl DiffView<'_> {
    /// Writes the diff.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let prepared = self.prepared;
        let release = &prepared.release;
        let _ = writeln!(
            out,
            "{}  {}  ->  {} on {}",
            self.paint(Role::Strong, &release.name),
            self.input,
            release.namespace,
            self.cluster,
        );
        let _ = writeln!(out, "{}", self.summary());
        for diff in prepared.diffs() {
            if diff.action != Action::Keep {
                out.push('\n');
                self.object(&mut out, diff);
            }
        }
        self.strategies(&mut out);
        for warning in &prepared.warnings {
            let _ = writeln!(
                out,
                "\n{}  {warning}",
                self.paint(Role::Warning, "server warns")
            );
        }
        out
    }

    /// One line that counts.
    pub fn summary(&self) -> String {
        let number = |wanted: fn(&Action) -> bool| {
            self.prepared
                .diffs()
                .filter(|diff| wanted(&diff.action))
                .count()
        };
        let mut parts = Vec::new();
        for (n, word) in [
            (number(|a| *a == Action::Update), "changed"),
            (number(|a| *a == Action::Create), "new"),
            (number(|a| *a == Action::Adopt), "taken over"),
            (number(|a| *a == Action::Prune), "removed"),
            (number(|a| matches!(a, Action::Spare(_))), "left behind"),
            (number(|a| *a == Action::Keep), "unchanged"),
        ] {
            if n > 0 {
                parts.push(format!("{n} {word}"));
            }
        }
        let restarts: Vec<String> = self
            .prepared
            .diffs()
            .filter(|diff| diff.restarts > 0)
            .map(|diff| format!("{} ({})", diff.id.name, pods(diff.restarts)))
            .collect();
        let mut line = parts.join(", ");
        if !restarts.is_empty() {
            let _ = write!(line, " · restarts: {}", restarts.join(", "));
        }
        line
    }

    fn object(&self, out: &mut String, diff: &ObjectDiff) {
        let (role, mark) = match diff.action {
            Action::Create => (Role::Added, "+"),
            Action::Prune => (Role::Removed, "-"),
            Action::Spare(_) => (Role::Faint, "!"),
            Action::Adopt => (Role::Changed, "@"),
            Action::Update | Action::Keep => (Role::Changed, "~"),
        };
        let name = self.name(&diff.id);
        let remark = self.object_remark(diff);
        let head = format!(
            "{} {}",
            self.paint(role, mark),
            self.paint(Role::Strong, &name)
        );
        let _ = writeln!(out, "{}", aligned(&head, name.chars().count() + 2, &remark));
        let mut group = None;
        for change in &diff.changes {
            let (parent, leaf) = grouped(&change.change.path);
            if parent != group {
                if let Some(parent) = &parent {
                    let _ = writeln!(out, "    {}", self.paint(Role::Faint, parent));
                }
                group = parent;
            }
            let indent = if group.is_some() { "      " } else { "    " };
            self.change(out, indent, &leaf, change, diff);
        }
        for field in &diff.immutable {
            let mark = self.paint(Role::Error, "immutable");
            let _ = writeln!(
                out,
                "    {mark}  {field} cannot change while the object exists"
            );
        }
        for note in &diff.notes {
            let _ = writeln!(out, "    {note}");
        }
        for conflict in &diff.conflicts {
            let field = conflict.field.trim_start_matches('.');
            let _ = writeln!(
                out,
                "    {}  {field} is held by {}",
                self.paint(Role::Warning, "conflict"),
                conflict.manager
            );
        }
    }

    fn object_remark(&self, diff: &ObjectDiff) -> String {
        match &diff.action {
            _ if !diff.immutable.is_empty() => {
                self.paint(Role::Error, "immutable, needs a replace")
            }
            Action::Create => self.size_of(&diff.id),
            Action::Prune => "left the overlay; will be pruned".to_owned(),
            Action::Spare(why) => format!("left the overlay; stays: {why}"),
            _ if diff.is_drift() && diff.restarts > 0 => {
                format!(
                    "drift: not from this change; restarts {}",
                    pods(diff.restarts)
                )
            }
            _ if diff.is_drift() => "drift: not from this change".to_owned(),
            _ if diff.restarts > 0 => format!("restarts {}", pods(diff.restarts)),
            Action::Adopt | Action::Update if !diff.taken_from.is_empty() => {
                format!("taken over from {}", diff.taken_from.join(", "))
            }
            Action::Adopt => "taken over".to_owned(),
            _ => String::new(),
        }
    }

    /// What there is to say of a new object in two words.
    fn size_of(&self, id: &ObjectId) -> String {
        let item = self
            .prepared
            .items
            .iter()
            .find(|item| item.wanted.id == *id);
        let Some(item) = item else {
            return String::new();
        };
        let applied = &item.wanted.applied;
        if let Some(data) = applied.get("data").and_then(serde_json::Value::as_object) {
            return count(data.len(), "key");
        }
        match applied["spec"]["replicas"].as_i64() {
            Some(replicas) => pods(replicas),
            None => String::new(),
        }
    }

    fn change(
        &self,
        out: &mut String,
        indent: &str,
        leaf: &str,
        field: &FieldChange,
        diff: &ObjectDiff,
    ) {
        let change = &field.change;
        let place = self.sources.locate(field.origin);
        let remark = match (place.is_empty(), owners(field)) {
            (true, owners) => owners,
            (false, owners) if owners.is_empty() => place,
            (false, owners) => format!("{place}   {owners}"),
        };
        let is_secret = diff.id.kind == "Secret" && diff.id.group.is_empty();
        let lines = multiline(change.before.as_ref(), change.after.as_ref());
        if let Some((before, after)) = lines {
            let head = format!("{indent}{leaf}");
            let _ = writeln!(out, "{}", aligned(&head, head.chars().count(), &remark));
            self.lines(out, indent, &before, &after);
            return;
        }
        let (before, after) = (
            inline(change.before.as_ref()),
            inline(change.after.as_ref()),
        );
        let pieces = if is_secret || change.before.is_none() || change.after.is_none() {
            vec![Piece::Changed { before, after }]
        } else {
            words(&before, &after)
        };
        let (mut text, mut width) = (String::new(), 0);
        for piece in pieces {
            match piece {
                Piece::Same(same) => {
                    width += same.chars().count();
                    text.push_str(&same);
                }
                Piece::Changed { before, after } => {
                    let (before, after) = (shorten(&before), shorten(&after));
                    width += before.chars().count() + after.chars().count() + 6;
                    let _ = write!(
                        text,
                        "[{} -> {}]",
                        self.paint(Role::Removed, &before),
                        self.paint(Role::Added, &after)
                    );
                }
            }
        }
        let head = format!("{indent}{leaf}   {text}");
        let width = indent.len() + leaf.chars().count() + 3 + width;
        let _ = writeln!(out, "{}", aligned(&head, width, &remark));
    }

    /// The lines of a long text that differ, with one line around them.
    fn lines(&self, out: &mut String, indent: &str, before: &str, after: &str) {
        let diff = similar::TextDiff::from_lines(before, after);
        for group in diff.grouped_ops(1) {
            for op in group {
                for line in diff.iter_changes(&op) {
                    let text = line.value().trim_end_matches('\n');
                    let shown = match line.tag() {
                        similar::ChangeTag::Equal => format!("  {text}"),
                        similar::ChangeTag::Delete => {
                            self.paint(Role::Removed, format!("- {text}"))
                        }
                        similar::ChangeTag::Insert => self.paint(Role::Added, format!("+ {text}")),
                    };
                    let _ = writeln!(out, "{indent}  {shown}");
                }
            }
        }
    }

    fn strategies(&self, out: &mut String) {
        let told: Vec<&Choice> = self
            .prepared
            .choices
            .iter()
            .filter(|choice| {
                let diff = self.prepared.diffs().find(|diff| diff.id == choice.id);
                diff.is_some_and(|diff| diff.restarts > 0)
            })
            .collect();
        if !told.is_empty() {
            out.push('\n');
        }
        for choice in told {
            out.push_str(&self.choice(choice));
        }
    }

    /// The strategy of one workload and its reasons.
    fn choice(&self, choice: &Choice) -> String {
        use crate::plan::strategy::By;
        let by = match choice.by {
            By::Flag => "asked for by --strategy",
            By::Object => "written in the object",
            By::Release => "asked for by the Release resource",
            By::Auto => "chosen by auto",
            By::Live => "as it is live",
        };
        let label = self.paint(Role::Strong, "strategy");
        let mut out = format!("{label}  {}: {}, {by}\n", choice.id.name, choice.name());
        for reason in &choice.reasons {
            let _ = writeln!(out, "  {reason}");
        }
        if let Some(warning) = &choice.warning {
            let _ = writeln!(out, "  {}: {warning}", self.paint(Role::Warning, "warning"));
        }
        out
    }

    fn name(&self, id: &ObjectId) -> String {
        if id.namespace == self.prepared.release.namespace.as_str() {
            format!("{} {}", id.kind, id.name)
        } else {
            id.to_string()
        }
    }

    fn paint(&self, role: Role, text: impl AsRef<str>) -> String {
        self.style.paint(role, text)
    }
}

/// Who has set the live value, and when.
fn owners(field: &FieldChange) -> String {
    let owners: Vec<String> = field
        .owners
        .iter()
        .map(|owner| format!("{} {}", owner.manager, store::age_of(&owner.time)))
        .collect();
    match owners.as_slice() {
        [] => String::new(),
        owners => format!("set by {}", owners.join(", ")),
    }
}

/// The path up to a container as a heading, and the rest; an item's `value` reads as the item.
fn grouped(path: &[Step]) -> (Option<String>, String) {
    let is_container = |step: &Step| matches!(step, Step::Field(name) if name == "containers" || name == "initContainers");
    let mut rest = path;
    if let [head @ .., Step::Item(_), Step::Field(last)] = path
        && last == "value"
    {
        rest = &path[..=head.len()];
    }
    match rest.iter().position(is_container) {
        Some(at) if rest.len() > at + 2 => {
            let (parent, leaf) = rest.split_at(at + 2);
            (Some(display_path(parent)), display_path(leaf))
        }
        _ => (None, display_path(rest)),
    }
}

/// A text of several lines on either side: then lines are compared, not words.
fn multiline(before: Option<&Node>, after: Option<&Node>) -> Option<(String, String)> {
    let text = |node: Option<&Node>| match node.map(|node| &node.value) {
        None => Some(String::new()),
        Some(Value::Scalar(_)) => node.and_then(Node::scalar_text).map(str::to_owned),
        Some(_) => None,
    };
    let (before, after) = (text(before)?, text(after)?);
    (before.contains('\n') || after.contains('\n')).then_some((before, after))
}

pub(super) fn inline(node: Option<&Node>) -> String {
    let Some(node) = node else {
        return String::new();
    };
    match &node.value {
        Value::Scalar(_) => node.scalar_text().unwrap_or("null").to_owned(),
        Value::Seq(items) if items.iter().all(|item| item.as_scalar().is_some()) => {
            let texts: Vec<&str> = items.iter().filter_map(Node::scalar_text).collect();
            texts.join(" ")
        }
        Value::Map(map)
            if map.iter().all(|entry| entry.value.as_scalar().is_some())
                && emit::emit(node).len() < 60 =>
        {
            emit::emit(node).trim_end().replace('\n', ", ")
        }
        _ => to_json(node).to_string(),
    }
}

/// Cuts a value in the middle so that a line stays readable.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    let count = text.chars().count();
    if count <= MOST {
        return text.to_owned();
    }
    let half = MOST / 2 - 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - half).collect();
    format!("{head}...{tail}")
}

fn aligned(text: &str, width: usize, remark: &str) -> String {
    if remark.is_empty() {
        return text.to_owned();
    }
    let gap = REMARK.saturating_sub(width).max(3);
    format!("{text}{}{remark}", " ".repeat(gap))
}

fn pods(n: i64) -> String {
    count(usize::try_from(n).unwrap_or_default(), "pod")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_headings() {
        let field = |name: &str| Step::Field(name.into());
        let item = |name: &str| Step::Item(vec![("name".into(), format!("\"{name}\""))]);
        let container = [field("spec"), field("containers"), item("web")];
        let path = [&container[..], &[field("image")]].concat();
        assert_eq!(
            grouped(&path),
            (Some("spec.containers[web]".into()), "image".into())
        );
        let path = [&container[..], &[field("env"), item("A"), field("value")]].concat();
        assert_eq!(grouped(&path).1, "env[A]");
        assert_eq!(grouped(&container), (None, "spec.containers[web]".into()));
        assert_eq!(
            grouped(&[field("spec"), field("replicas")]),
            (None, "spec.replicas".into())
        );
    }

    #[test]
    fn long_values_are_cut_in_the_middle() {
        let long = "x".repeat(100);
        assert_eq!(shorten(&long).chars().count(), 59);
        assert_eq!(shorten("short"), "short");
    }
}
