//! `cargo xtask mutate`: thousands of damaged files through the command itself.
//!
//! Every run must end with exit code 0, 1 or 2, and within the memory that the contract allows:
//! four times the file and 200 MB.
//! The damage is the same in every run of the task.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[path = "../../crates/ibex-format/tests/damage/mod.rs"]
mod damage;

use damage::{Random, damage};

/// Where the files come from that are damaged.
const SEEDS: &[&str] = &[
    "crates/ibex-format/tests/goldens",
    "tests/goldens/torch/layers",
    "tests/goldens/legacy",
    "tests/goldens/onnx",
];

/// The endings that the command reads.
const ENDINGS: &[&str] = &[".npz", ".h5", ".keras", ".safetensors", ".pt", ".onnx"];

/// The endings of models, whose layers are shown too.
const MODELS: &[&str] = &[".keras", ".h5", ".onnx"];

/// Address space in KB beyond four times the file: 200 MB, and what the program itself maps.
const ROOM: u64 = (200 + 64) * 1024;

/// Runs `IBEX inspect`, and `IBEX summary` for models, on damaged files: `IBEX [COUNT]`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let usage = "usage: cargo xtask mutate IBEX [COUNT], where IBEX is the built command";
    let (ibex, count) = match arguments {
        [ibex] => (ibex, 20_000),
        [ibex, count] => (ibex, count.parse().map_err(|_| usage.to_string())?),
        _ => return Err(usage.to_string()),
    };
    let seeds = seeds(root)?;
    let folder = root.join("target/mutate");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut random = Random(0x1be5);
    let mut codes = [0u64; 3];
    for index in 0..count {
        let (name, bytes) = &seeds[index % seeds.len()];
        let damaged = damage(bytes, &mut random);
        let path = folder.join(name);
        fs::write(&path, &damaged).map_err(|error| format!("{}: {error}", path.display()))?;
        let is_model = MODELS.iter().any(|ending| name.ends_with(ending));
        for command in ["inspect", "summary"].into_iter().take(1 + usize::from(is_model)) {
            match exit_code(ibex, command, &path, damaged.len() as u64)? {
                Some(code @ 0..=2) => codes[code as usize] += 1,
                code => {
                    let kept = folder.join(format!("failed-{index}-{name}"));
                    fs::write(&kept, &damaged).map_err(|error| error.to_string())?;
                    let code = code.map_or("a signal".to_string(), |code| format!("code {code}"));
                    return Err(format!("`ibex {command} {}` ended with {code}", kept.display()));
                }
            }
        }
    }
    println!("mutate: {count} files, exit codes 0: {}, 1: {}, 2: {}", codes[0], codes[1], codes[2]);
    Ok(())
}

fn seeds(root: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in SEEDS {
        let entries = fs::read_dir(root.join(folder)).map_err(|e| format!("{folder}: {e}"))?;
        paths.extend(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())));
    }
    paths.sort();
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.retain(|path| ENDINGS.iter().any(|ending| name(path).ends_with(ending)));
    let read = |path: &PathBuf| {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((name(path), bytes))
    };
    paths.iter().map(read).collect()
}

/// The exit code of the command within its bounds of memory; none when a signal ended it.
fn exit_code(ibex: &str, command: &str, path: &Path, size: u64) -> Result<Option<i32>, String> {
    let limit = ROOM + 4 * size / 1024;
    let script = format!("ulimit -v {limit}; exec \"$0\" \"$1\" \"$2\"");
    let status = Command::new("sh")
        .args(["-c", &script, ibex, command])
        .arg(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run `{ibex}`: {error}"))?;
    Ok(status.code())
}
