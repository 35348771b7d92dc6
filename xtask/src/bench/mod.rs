//! `cargo xtask bench`: whole training steps and predictions against the last recorded commit or
//! against other frameworks; the kernels' benchmarks.
//!
//! Each workload runs in rounds: every other program and then Ibex, one process at a time, so that
//! a noisy machine disturbs both sides of a ratio alike.
//! What is printed is the median over the rounds of the ratio taken within each round.
//! Read [`options`], then [`workload`] (what is run), [`peers`] and [`recorded`] (who is compared),
//! then [`report`] (medians and the table).

use std::path::{Path, PathBuf};
use std::process::Command;

mod options;
mod peers;
mod recorded;
mod report;
mod workload;

use options::{Against, Options};
use report::{Measurement, Round};
use workload::Workload;

/// Runs the task.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let options = Options::parse(root, arguments)?;
    if options.against == Against::Nothing {
        return cargo(root, &["bench", "-p", "ibex-cpu"]);
    }
    cargo(root, &["build", "--release"])?;
    let ibex = binary(&root.join("target"));
    let before = match &options.against {
        Against::Commit(commit) => Some(recorded::build(root, commit.as_deref())?),
        _ => None,
    };
    // The table grows as it is measured: a run that is cut short has not been for nothing.
    print!("{}", report::header(&options, &machine(root)?));
    for workload in workload::chosen(&options)? {
        let others = |round: &mut Vec<Measurement>| match &before {
            Some(before) => recorded::run(before, &options, &workload, round),
            None => peers::run(&options, &workload, round),
        };
        match rounds(&ibex, &options, &workload, others) {
            Ok(rounds) => print!("{}", report::rows(&workload.name, &rounds)),
            Err(reason) => eprintln!("{}: skipped: {reason}", workload.name),
        }
    }
    Ok(())
}

/// All rounds of one workload.
fn rounds(
    ibex: &Path,
    options: &Options,
    workload: &Workload,
    others: impl Fn(&mut Vec<Measurement>),
) -> Result<Vec<Round>, String> {
    workload.prepare(options)?;
    let mut rounds = Vec::with_capacity(options.rounds);
    for number in 1..=options.rounds {
        let mut found = Vec::new();
        others(&mut found);
        let ibex = workload.run(ibex, options, "Ibex")?;
        eprintln!("{} {number}/{}: ibex {:.3} ms", workload.name, options.rounds, ibex.step_ms);
        rounds.push(Round { ibex, others: found });
    }
    Ok(rounds)
}

/// What the machine can do, from the kernels' benchmark: the copy, the product of 1024³ beside the
/// peak of fused multiply-adds.
fn machine(root: &Path) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["bench", "-q", "-p", "ibex-cpu", "--bench", "kernels", "--", "cube 1024"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("the kernels' benchmark failed ({})", output.status)),
    }
}

/// The program that cargo leaves in a target folder.
fn binary(target: &Path) -> PathBuf {
    target.join("release").join(format!("ibex{}", std::env::consts::EXE_SUFFIX))
}

/// Runs cargo with its output shown.
fn cargo(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    finish("cargo", Command::new(env!("CARGO")).args(arguments).current_dir(folder))
}

/// Runs a command with its output shown.
fn finish(name: &str, command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot run {name}: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{name}` failed ({status}): {command:?}")),
    }
}
