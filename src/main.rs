//! The `deployx` binary: everything it does is in the library.

use std::process::ExitCode;

use deployx::cli;

fn main() -> ExitCode {
    cli::main(std::env::args_os()).into()
}
