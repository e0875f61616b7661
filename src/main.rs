//! The `deployx` binary: everything it does is in the library.

use std::process::ExitCode;

use deployx::cli;

// A third of the time of a large build is spent on making and freeing small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(std::env::args_os()).into()
}
