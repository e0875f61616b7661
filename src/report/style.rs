//! Roles of text and their colours, and small grammar.

use anstyle::{AnsiColor, Style as Ansi};

/// What a piece of text is. Colour only repeats what the text already says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `error`, a failed step.
    Error,
    /// `warning`.
    Warning,
    /// `info`.
    Info,
    /// What to do next.
    Hint,
    /// A file, a line number, the frame of a snippet.
    Path,
    /// What was added.
    Added,
    /// What was removed.
    Removed,
    /// What was changed.
    Changed,
    /// A heading or a name that matters.
    Strong,
    /// What is there for completeness.
    Faint,
    /// Done, healthy.
    Good,
}

/// Whether and how text is coloured.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// Creates a style.
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// Whether text is coloured.
    pub fn is_coloured(self) -> bool {
        self.colour
    }

    /// Colours a text by its role, or returns it as it is.
    pub fn paint(self, role: Role, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let ansi = ansi(role);
        format!("{ansi}{text}{ansi:#}")
    }
}

fn ansi(role: Role) -> Ansi {
    let fg = |colour: AnsiColor| colour.on_default();
    match role {
        Role::Error | Role::Removed => fg(AnsiColor::Red).bold(),
        Role::Warning | Role::Changed => fg(AnsiColor::Yellow).bold(),
        Role::Info => fg(AnsiColor::Blue).bold(),
        Role::Hint => fg(AnsiColor::Cyan),
        Role::Path => fg(AnsiColor::Blue),
        Role::Added | Role::Good => fg(AnsiColor::Green).bold(),
        Role::Strong => Ansi::new().bold(),
        Role::Faint => Ansi::new().dimmed(),
    }
}

/// A number with its noun: `1 object`, `2 objects`, `no objects` is never needed.
pub fn count(n: usize, noun: &str) -> String {
    match (n, noun) {
        (1, _) => format!("1 {noun}"),
        (_, noun) if noun.ends_with('y') && !noun.ends_with("ay") && !noun.ends_with("ey") => {
            format!("{n} {}ies", &noun[..noun.len() - 1])
        }
        _ => format!("{n} {noun}s"),
    }
}

/// Names in back-ticks, joined as in a sentence: `` `a`, `b` and `c` ``.
pub fn ticked<S: AsRef<str>>(names: &[S]) -> String {
    let ticked: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match ticked.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, head)) => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        assert_eq!(count(1, "object"), "1 object");
        assert_eq!(count(0, "object"), "0 objects");
        assert_eq!(count(2, "policy"), "2 policies");
        assert_eq!(count(2, "overlay"), "2 overlays");
        assert_eq!(ticked(&["a"]), "`a`");
        assert_eq!(ticked(&["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn colour_is_off_unless_asked_for() {
        assert_eq!(Style::new(false).paint(Role::Error, "x"), "x");
        assert!(Style::new(true).paint(Role::Error, "x").contains("\u{1b}["));
    }
}
