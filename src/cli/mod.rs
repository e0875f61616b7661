//! The command line: parses arguments, wires the stages together, decides the exit code.
//!
//! One file for each command; nothing outside this folder reads arguments or the environment.

mod changed;
mod chart;
mod cluster;
mod diff;
mod error;
mod exit;
mod explain;
mod r#fn;
mod history;
mod project;
mod render;
mod render_many;
mod rules;
mod set;
mod source_args;
mod status;
mod templates;
mod ui;
mod upgrade;
mod validate;

use std::ffi::OsString;

use clap::{ArgAction, Parser, Subcommand};

pub use error::CommandError;
pub use exit::Exit;
pub use ui::{Captured, ColorChoice, Ui, Verbosity};

use crate::manifest::Sources;

/// Deploy Kubernetes overlays: render, validate, diff, apply, watch, roll back
#[derive(Debug, Parser)]
#[command(
    name = "deployx",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// When to colour output
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "DEPLOYX_COLOR",
        value_name = "WHEN"
    )]
    color: ColorChoice,
    /// Say errors alone
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say what was decided on the way
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Changed(changed::ChangedArgs),
    Diff(diff::DiffArgs),
    Fn(r#fn::FnArgs),
    History(history::HistoryArgs),
    Render(render::RenderArgs),
    Set(set::SetArgs),
    Rules(rules::RulesArgs),
    Status(status::StatusArgs),
    Templates(templates::TemplatesArgs),
    Upgrade(upgrade::UpgradeArgs),
    Validate(validate::ValidateArgs),
}

/// Runs the program on its arguments, the first being its own name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(call) = r#fn::found(&args) {
        let mut ui = Ui::from_process(ColorChoice::Auto, Verbosity::Normal);
        return report(&mut ui, |ui, sources| r#fn::serve(ui, sources, call));
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let shown = error.print();
            let usage = error.use_stderr();
            return if usage && shown.is_ok() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    let mut ui = Ui::from_process(cli.color, cli.verbosity());
    run(cli, &mut ui)
}

/// Runs a parsed command line.
pub fn run(cli: Cli, ui: &mut Ui) -> Exit {
    report(ui, |ui, sources| dispatch(cli, ui, sources))
}

/// Runs a command and shows how it failed.
fn report(
    ui: &mut Ui,
    command: impl FnOnce(&mut Ui, &Sources) -> Result<Exit, CommandError>,
) -> Exit {
    let sources = Sources::new();
    let result = command(ui, &sources);
    let result = result.and_then(|exit| ui.flush().map(|()| exit).map_err(CommandError::from));
    match result {
        Ok(exit) => exit,
        Err(error) => {
            ui.diagnostics(&sources, &error.diagnostics.0);
            // The reader of stdout may be gone; what there is to say went to stderr.
            let _ = ui.flush();
            error.exit
        }
    }
}

impl Cli {
    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

fn dispatch(cli: Cli, ui: &mut Ui, sources: &Sources) -> Result<Exit, CommandError> {
    match cli.command {
        Command::Changed(args) => changed::cmd_changed(ui, sources, args),
        Command::Diff(args) => diff::cmd_diff(ui, sources, args),
        Command::Fn(args) => r#fn::cmd_fn(ui, sources, args),
        Command::History(args) => history::cmd_history(ui, args),
        Command::Rules(args) => rules::cmd_rules(ui, &args),
        Command::Render(args) => render::cmd_render(ui, sources, args),
        Command::Set(args) => set::cmd_set(ui, sources, args),
        Command::Status(args) => status::cmd_status(ui, args),
        Command::Templates(args) => templates::cmd_templates(ui, sources, &args),
        Command::Upgrade(args) => upgrade::cmd_upgrade(ui, sources, args),
        Command::Validate(args) => validate::cmd_validate(ui, sources, args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
