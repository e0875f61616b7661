//! Exit codes: one table for the whole program.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; for `diff --exit-code`: no differences.
    Success,
    /// Refused, or failed before anything changed: invalid input, refused plan, no permission,
    /// error of the API server.
    Failure,
    /// `diff --exit-code` found differences.
    Differences,
    /// A rollout or a gate failed after something was changed.
    RolloutFailed,
    /// Wrong usage of the command line.
    Usage,
    /// Ended by SIGINT.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Exit {
    /// The code that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Differences => 2,
            Exit::RolloutFailed => 3,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
