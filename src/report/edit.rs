//! What an edit does to files: a line for each change, or the difference of the texts.

use similar::{ChangeTag, TextDiff};

use super::{Role, Style};
use crate::edit::FileEdit;
use crate::manifest::source::display_path;

/// Lines of a text around a change.
const CONTEXT: usize = 3;

/// A line for each change: `overlays/shop/prod/kustomization.yaml:14: web: newTag 1 -> 2`.
pub fn file_changes(edit: &FileEdit, style: Style) -> String {
    let path = display_path(&edit.path);
    let lines = edit.changes.iter().map(|(line, words)| {
        let place = style.paint(Role::Path, format!("{path}:{line}:"));
        format!("{place} {words}\n")
    });
    lines.collect()
}

/// The difference of a file's texts, as `diff -u` prints it.
pub fn file_diff(edit: &FileEdit, style: Style) -> String {
    let path = display_path(&edit.path);
    let diff = TextDiff::from_lines(&edit.before, &edit.after);
    let mut text = format!(
        "{}\n{}\n",
        style.paint(Role::Strong, format!("--- {path}")),
        style.paint(Role::Strong, format!("+++ {path}"))
    );
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        text.push_str(&style.paint(Role::Path, hunk.header().to_string().trim_end()));
        text.push('\n');
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches(['\n', '\r']);
            let line = match change.tag() {
                ChangeTag::Delete => style.paint(Role::Removed, format!("-{line}")),
                ChangeTag::Insert => style.paint(Role::Added, format!("+{line}")),
                ChangeTag::Equal => format!(" {line}"),
            };
            text.push_str(&line);
            text.push('\n');
            if change.missing_newline() {
                text.push_str("\\ No newline at end of file\n");
            }
        }
    }
    text
}
