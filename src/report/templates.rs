//! Tables of the typed kinds and of their fields.

use std::io::{self, Write};

use super::{Role, Style};
use crate::template::dialect::{KindInfo, Row};

/// One line of the list of kinds.
pub struct KindLine<'k> {
    /// What the kind is.
    pub info: &'k KindInfo,
    /// What it is for.
    pub description: &'k str,
    /// Where it comes from: `built in`, or the project.
    pub origin: &'k str,
}

/// Writes the list of kinds.
///
/// # Errors
/// The reader is gone.
pub fn kinds(out: &mut dyn Write, lines: &[KindLine<'_>], style: Style) -> io::Result<()> {
    let api = |info: &KindInfo| format!("{}/{}", info.group, info.version);
    let width = |text: &dyn Fn(&KindLine<'_>) -> usize| lines.iter().map(text).max().unwrap_or(0);
    let kind_width = width(&|line| line.info.kind.len());
    let api_width = width(&|line| api(line.info).len());
    for line in lines {
        let kind = style.paint(Role::Strong, format!("{:kind_width$}", line.info.kind));
        let api = style.paint(Role::Faint, format!("{:api_width$}", api(line.info)));
        writeln!(
            out,
            "{kind}  {api}  {:8}  {}",
            line.origin, line.description
        )?;
    }
    Ok(())
}

/// Writes the fields of a kind: name, type and default on one line, then what it becomes, what it
/// is for and which rules hold.
///
/// # Errors
/// The reader is gone.
pub fn fields(out: &mut dyn Write, rows: &[Row], style: Style) -> io::Result<()> {
    let field_width = rows.iter().map(|row| row.field.len()).max().unwrap_or(0);
    let field_width = field_width.clamp(5, 36);
    let heading = format!("{:field_width$}  {:26}  DEFAULT", "FIELD", "TYPE");
    writeln!(out, "{}", style.paint(Role::Faint, heading))?;
    for row in rows {
        let name = style.paint(Role::Strong, format!("{:field_width$}", row.field));
        let line = format!("{name}  {:26}  {}", row.kind, row.default);
        writeln!(out, "{}", line.trim_end())?;
        if !row.becomes.is_empty() {
            let becomes = format!("-> {}", row.becomes);
            writeln!(out, "    {}", style.paint(Role::Faint, becomes))?;
        }
        for line in wrapped(&row.description, 94) {
            writeln!(out, "    {line}")?;
        }
        for rule in &row.rules {
            writeln!(out, "    {} {rule}", style.paint(Role::Warning, "!"))?;
        }
    }
    Ok(())
}

/// Breaks a text at spaces into lines of at most `width` characters, where words allow.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_shown_with_what_it_becomes_and_its_rules() {
        let row = Row {
            field: "replicas".into(),
            kind: "integer".into(),
            default: "2".into(),
            becomes: "Deployment.spec.replicas".into(),
            description: format!("Number of pods. {}", "word ".repeat(20)),
            rules: vec!["not beside `autoscaling`".into()],
        };
        let mut out = Vec::new();
        fields(&mut out, &[row], Style::new(false)).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
