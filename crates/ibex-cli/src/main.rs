//! The `ibex` command: train, evaluate, predict and look into models from the shell.
//!
//! One file for each command under `commands`, one row each in [`Command`].
//! Progress goes to stderr, results to stdout; 0 done, 1 the work failed, 2 wrong usage.

mod commands;
mod failure;
mod interrupt;
mod output;

use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use clap::Parser;

use commands::Command;
use failure::Failure;
use ibex::train::data::table::PARQUET_THREAD;
use output::note;

/// Keras for Rust: train and run models in one binary.
#[derive(Debug, Parser)]
#[command(name = "ibex", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    panic::set_hook(Box::new(report_bug));
    let command = Arguments::parse().command;
    match panic::catch_unwind(|| command.run()) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure @ Failure::Different)) => failure.exit_code(),
        Ok(Err(failure @ Failure::Interrupted { .. })) => {
            note(&failure.to_string());
            failure.exit_code()
        }
        Ok(Err(failure)) => {
            note(&format!("error: {failure}"));
            failure.exit_code()
        }
        Err(_) => ExitCode::from(1),
    }
}

/// Tells of a mistake in Ibex itself: a user can do nothing with a backtrace.
fn report_bug(panic: &PanicHookInfo<'_>) {
    if std::thread::current().name() == Some(PARQUET_THREAD) {
        return;
    }
    let payload = panic.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let reason = text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("of an unknown kind");
    let place = panic.location().map(|at| format!("\n  at {at}")).unwrap_or_default();
    note(&format!(
        "error: internal error: {reason}{place}\n  help: this is a bug in Ibex, not in your \
         input; please report it with the command line and the model"
    ));
}
