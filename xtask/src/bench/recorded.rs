//! The commit whose figures were last written down, built again beside the working tree.
//!
//! Figures of another machine, or of another hour, say nothing about a change: the old program
//! runs again, in turn with the new one.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::options::Options;
use super::report::Measurement;
use super::workload::Workload;
use super::{binary, cargo, finish};

/// Builds a commit, by default the last one that changed a `BENCHMARKS.md`, in a folder of its own
/// under `target`; gives its program.
pub(super) fn build(root: &Path, commit: Option<&str>) -> Result<PathBuf, String> {
    let wanted = ["log", "-1", "--format=%H", commit.unwrap_or("HEAD")];
    let recorded: &[&str] = &["--", "BENCHMARKS.md", "crates/*/BENCHMARKS.md"];
    let paths = if commit.is_some() { &[] } else { recorded };
    let commit = git(root, &[&wanted, paths].concat())?;
    if commit.is_empty() {
        return Err("no commit changed a `BENCHMARKS.md`: name one with `--against`".to_owned());
    }
    let folder = root.join("target/bench-recorded");
    let kept = folder.join(format!("ibex-{commit}{}", std::env::consts::EXE_SUFFIX));
    eprintln!("against {}", git(root, &["log", "-1", "--format=%h %s", &commit])?);
    if kept.is_file() {
        return Ok(kept);
    }
    let source = folder.join("source");
    if source.exists() {
        finish("git", Command::new("git").current_dir(&source).args(["checkout", "-q", &commit]))?;
    } else {
        let add = ["worktree", "add", "--force", "--detach"];
        let mut command = Command::new("git");
        finish("git", command.current_dir(root).args(add).arg(&source).arg(&commit))?;
    }
    cargo(&source, &["build", "--release"])?;
    std::fs::copy(binary(&source.join("target")), &kept)
        .map_err(|error| format!("cannot keep `{}`: {error}", kept.display()))?;
    Ok(kept)
}

/// One run of the program of that commit.
pub(super) fn run(
    program: &Path,
    options: &Options,
    workload: &Workload,
    found: &mut Vec<Measurement>,
) {
    match workload.run(program, options, "Ibex, as recorded") {
        Ok(measurement) => found.push(measurement),
        Err(reason) => eprintln!("{}: as recorded: {reason}", workload.name),
    }
}

/// What git prints, without the end of the line.
fn git(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("`git {}`: {}", arguments.join(" "), text(&output.stderr))),
    }
}
