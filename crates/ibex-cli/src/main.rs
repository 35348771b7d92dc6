//! The `ibex` command: train, evaluate, predict and look into models from the shell.
//!
//! One file for each command under `commands`, one row each in [`Command`].
//! Progress goes to stderr, results to stdout; 0 done, 1 the work failed, 2 wrong usage.

mod commands;
mod failure;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// Keras for Rust: train and run models in one binary.
#[derive(Debug, Parser)]
#[command(name = "ibex", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match Arguments::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}
