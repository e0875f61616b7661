//! How a command fails: what is printed, and with which code the process ends.

use std::io;

use crate::manifest::{Diagnostic, Diagnostics};

use super::exit::Exit;

/// A failed command.
#[derive(Debug)]
pub struct CommandError {
    /// The exit code.
    pub exit: Exit,
    /// What is wrong, located where that is possible.
    pub diagnostics: Diagnostics,
}

impl CommandError {
    /// A failure without a position: refused, or failed before anything changed.
    pub fn message(message: impl Into<String>) -> Self {
        Diagnostic::error("", message).into()
    }

    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::message(message)
        }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(last) = self.diagnostics.0.last_mut() {
            last.hint = Some(hint.into());
        }
        self
    }

    /// Makes the command that a hint proposes the one that was run.
    pub fn of_command(mut self, command: &str) -> Self {
        for fault in &mut self.diagnostics.0 {
            if let Some(hint) = fault.hint.take() {
                let meant = format!("try: deployx {command} ");
                fault.hint = Some(hint.replace("try: deployx render ", &meant));
            }
        }
        self
    }

    /// Sets the exit code.
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl From<Diagnostics> for CommandError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self {
            exit: Exit::Failure,
            diagnostics,
        }
    }
}

impl From<Diagnostic> for CommandError {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics::from(diagnostic).into()
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::message(format!("{error:#}"))
    }
}

impl From<io::Error> for CommandError {
    /// A closed pipe is no failure: the reader has seen enough.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self {
                exit: Exit::Success,
                diagnostics: Diagnostics::default(),
            };
        }
        Self::message(format!("cannot write the output: {error}"))
    }
}
