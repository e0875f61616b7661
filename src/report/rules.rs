//! The list of rules.

use std::io::{self, Write};

use super::style::{Role, Style};
use crate::manifest::Severity;
use crate::validate::RuleInfo;

/// Writes a line for each rule: identifier, severity, what it finds.
///
/// # Errors
/// The writer's.
pub fn rules(
    out: &mut dyn Write,
    rules: impl Iterator<Item = RuleInfo>,
    style: Style,
) -> io::Result<()> {
    let rules: Vec<RuleInfo> = rules.collect();
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in rules {
        let role = match rule.severity {
            Severity::Error => Role::Error,
            Severity::Warning => Role::Warning,
            Severity::Info => Role::Info,
        };
        let severity = style.paint(role, format!("{:<7}", rule.severity.as_str()));
        let summary = rule.summary.replace('`', "");
        let whose = if rule.of_server {
            " (the server warns)"
        } else {
            ""
        };
        writeln!(out, "{:<width$}  {severity}  {summary}{whose}", rule.id)?;
    }
    Ok(())
}
