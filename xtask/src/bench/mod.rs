//! `cargo xtask bench`: the kernels' benchmarks, and whole training steps against other frameworks.
//!
//! With `--peers`, each workload runs in rounds: every peer and then Ibex, one process at a time,
//! so that a noisy machine disturbs both sides of a ratio alike.
//! What is printed is the median over the rounds of the ratio taken within each round.
//! Read [`options`], then [`peers`] (who is compared), then [`report`] (medians and the table).

use std::path::Path;
use std::process::Command;

mod options;
mod peers;
mod report;

use options::Options;
use report::Round;

/// Runs the task.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let options = Options::parse(root, arguments)?;
    if !options.peers {
        return cargo(root, &["bench", "-p", "ibex-cpu"]);
    }
    cargo(root, &["build", "--release", "-p", "ibex-cli"])?;
    let mut table = report::header(&options);
    for workload in peers::workloads(&options)? {
        match measure(root, &options, &workload) {
            Ok(rounds) => table.push_str(&report::rows(&workload.name, &rounds)),
            Err(reason) => eprintln!("{}: skipped: {reason}", workload.name),
        }
    }
    println!("{table}");
    Ok(())
}

/// All rounds of one workload.
fn measure(
    root: &Path,
    options: &Options,
    workload: &peers::Workload,
) -> Result<Vec<Round>, String> {
    peers::prepare(options, workload)?;
    let mut rounds = Vec::with_capacity(options.rounds);
    for number in 1..=options.rounds {
        let mut others = Vec::new();
        for peer in peers::PEERS {
            match peers::run_peer(options, peer, workload) {
                Ok(Some(found)) => others.push(found),
                Ok(None) => {}
                Err(reason) => eprintln!("{}: {}: {reason}", workload.name, peer.name),
            }
        }
        let ibex = peers::run_ibex(root, options, workload)?;
        eprintln!("{} {number}/{}: ibex {:.3} ms", workload.name, options.rounds, ibex.step_ms);
        rounds.push(Round { ibex, others });
    }
    Ok(rounds)
}

/// Runs cargo with its output shown.
fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`cargo {}` failed ({status})", arguments.join(" "))),
    }
}
