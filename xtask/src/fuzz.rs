//! `cargo xtask fuzz`: random bytes for every reader of files, by libFuzzer.
//!
//! Seeds are the goldens of the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A reader: its target under `fuzz/fuzz_targets`, and how names of its seeds end.
struct Target {
    name: &'static str,
    seeds: &'static [&'static str],
}

/// Every target.
const TARGETS: &[Target] = &[
    Target { name: "npy", seeds: &[".npy"] },
    Target { name: "npy_lists", seeds: &[".npy", ".npz"] },
    Target { name: "npz", seeds: &[".npz"] },
    Target { name: "hdf5", seeds: &[".h5"] },
    Target { name: "keras", seeds: &[".keras"] },
    Target { name: "safetensors", seeds: &[".safetensors"] },
    Target { name: "torch", seeds: &[".pt"] },
    Target { name: "onnx", seeds: &[".onnx"] },
    Target { name: "json", seeds: &[".json"] },
];

/// Where seeds are looked for, folders below included.
const GOLDENS: &[&str] = &["crates/ibex-format/tests/goldens", "tests/goldens"];

/// Larger inputs find little more, and slowly.
const LONGEST: u64 = 1 << 16;

/// Fuzzes: `[MINUTES] [TARGET …]`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (minutes, names) = match arguments.split_first() {
        Some((first, rest)) if first.parse::<u64>().is_ok() => (first.parse().unwrap_or(1), rest),
        _ => (1u64, arguments),
    };
    let known = |name: &String| TARGETS.iter().any(|target| target.name == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!("there is no target `{unknown}`; there are {}", all.join(", ")));
    }
    let chosen = |target: &&Target| names.is_empty() || names.iter().any(|n| n == target.name);
    for target in TARGETS.iter().filter(chosen) {
        let seeds = seed(root, target)?;
        println!("fuzz: {} from {seeds} seeds, {minutes} minutes", target.name);
        fuzz(root, target, minutes)?;
    }
    Ok(())
}

/// Copies the seeds of a target into its corpus; gives their number.
fn seed(root: &Path, target: &Target) -> Result<usize, String> {
    let corpus = root.join("fuzz/corpus").join(target.name);
    fs::create_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let mut folders: Vec<PathBuf> = GOLDENS.iter().map(|folder| root.join(folder)).collect();
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            let name = path.to_string_lossy();
            let short = || fs::metadata(&path).is_ok_and(|about| about.len() <= LONGEST);
            if path.is_dir() {
                folders.push(path);
            } else if target.seeds.iter().any(|ending| name.ends_with(ending)) && short() {
                // Files of one name in several folders are all seeds.
                let place = corpus.join(format!("golden-{count}"));
                fs::copy(&path, place).map_err(|error| format!("{}: {error}", path.display()))?;
                count += 1;
            }
        }
    }
    Ok(count)
}

fn fuzz(root: &Path, target: &Target, minutes: u64) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(["+nightly", "fuzz", "run", target.name, "--"])
        .arg(format!("-max_total_time={}", 60 * minutes))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-timeout=5", "-rss_limit_mb=600", "-malloc_limit_mb=200", "-print_final_stats=1"])
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!(
            "fuzzing `{}` failed ({status}): a crash is kept in fuzz/artifacts; without \
             `cargo-fuzz`, see fuzz/README.md",
            target.name
        )),
    }
}
