//! `deployx rules`: what the lint looks for, and what the server warns of.

use clap::Args;

use super::{CommandError, Exit, Ui};
use crate::manifest::suggest;
use crate::report;
use crate::validate::{VERDICT_RULES, switchable_rules};

/// List the rules that can be switched, or print the page of one
#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    /// Rule, for example pdb-unreachable
    #[arg(value_name = "RULE")]
    rule: Option<String>,
}

/// Runs `deployx rules`.
pub(super) fn cmd_rules(ui: &mut Ui, args: &RulesArgs) -> Result<Exit, CommandError> {
    let style = ui.out_style;
    let Some(id) = &args.rule else {
        report::rules(ui.stdout(), switchable_rules(), style)?;
        return Ok(Exit::Success);
    };
    if let Some(rule) = switchable_rules().find(|rule| rule.id == id) {
        ui.stdout().write_all(rule.page.as_bytes())?;
        return Ok(Exit::Success);
    }
    let row = format!("| `{id}` | ");
    if let Some(row) = VERDICT_RULES
        .lines()
        .find_map(|line| line.strip_prefix(&row))
    {
        let what = row.trim_end_matches([' ', '|']);
        writeln!(
            ui.stdout(),
            "{id}: {what}\n\na rule of the verdict: it cannot be switched off"
        )?;
        return Ok(Exit::Success);
    }
    let error = CommandError::message(format!("there is no rule `{id}`"));
    let names: Vec<&str> = switchable_rules().map(|rule| rule.id).collect();
    Err(match suggest::nearest(id, names) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`deployx rules` lists them"),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn run(args: &[&str]) -> (Exit, String, String) {
        let words = [&["deployx", "rules"], args].concat();
        let (mut ui, captured) = Ui::capture();
        let exit = crate::cli::run(crate::cli::Cli::parse_from(words), &mut ui);
        (exit, captured.stdout(), captured.stderr())
    }

    #[test]
    fn rules_are_listed_and_shown() {
        let (exit, out, _) = run(&[]);
        assert_eq!(exit, Exit::Success);
        assert!(out.lines().all(|line| line.chars().count() <= 140), "{out}");
        assert!(out.contains("pdb-unreachable"), "{out}");
        let (_, out, _) = run(&["pdb-unreachable"]);
        assert!(out.starts_with("# `pdb-unreachable`"), "{out}");
        let (_, out, _) = run(&["unknown-field"]);
        assert!(out.starts_with("unknown-field: a field that"), "{out}");
        let (exit, _, err) = run(&["pdb-unreachabel"]);
        assert_eq!(exit, Exit::Failure);
        assert!(err.contains("did you mean `pdb-unreachable`?"), "{err}");
    }
}
