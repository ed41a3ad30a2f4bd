//! The binary `airlock`: a query child, or the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: a query child must not have threads, nor read anything.
    airlock_worker::isolate::run_if_child();
    airlock_worker::cli::main()
}
