//! Who is compared with Ibex, and how each is run.
//!
//! A peer's program takes the name of a workload and prints one JSON line with `step_ms`.
//! Ibex trains the same model and data as saved by the Keras peer, through its own command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::options::Options;
use super::report::Measurement;

/// A workload: its name and its batch size.
pub(super) struct Workload {
    pub(super) name: String,
    batch_size: u64,
}

/// How a peer's program is started.
enum Program {
    /// `keras_peer.py` with this backend.
    Keras(&'static str),
    /// `torch_peer.py` with this mode.
    Torch(&'static str),
    /// A binary of its own in the folder of this name.
    Rust(&'static str),
}

/// A framework to compare with.
pub(super) struct Peer {
    pub(super) name: &'static str,
    program: Program,
}

/// Every peer, one row each.
pub(super) const PEERS: &[Peer] = &[
    Peer { name: "Keras-JAX", program: Program::Keras("jax") },
    Peer { name: "Keras-TensorFlow", program: Program::Keras("tensorflow") },
    Peer { name: "PyTorch", program: Program::Torch("eager") },
    Peer { name: "PyTorch channels-last", program: Program::Torch("eager_cl") },
    Peer { name: "torch.compile", program: Program::Torch("compile") },
    Peer { name: "Burn", program: Program::Rust("burn") },
    Peer { name: "Candle", program: Program::Rust("candle") },
];

/// The workloads of the peers' folder, or the chosen ones among them.
pub(super) fn workloads(options: &Options) -> Result<Vec<Workload>, String> {
    let path = options.peers_dir.join("batches.json");
    let Value::Object(batches) = read_json(&path)? else {
        return Err(format!("`{}` is not a JSON object", path.display()));
    };
    for name in &options.workloads {
        if !batches.contains_key(name) {
            let known: Vec<&str> = batches.keys().map(String::as_str).collect();
            return Err(format!("there is no workload `{name}` among {}", known.join(", ")));
        }
    }
    let chosen = |name: &String| options.workloads.is_empty() || options.workloads.contains(name);
    let row = |(name, size): (String, Value)| {
        let batch_size = size.as_u64().ok_or(format!("no batch size for `{name}`"))?;
        Ok(Workload { name, batch_size })
    };
    batches.into_iter().filter(|(name, _)| chosen(name)).map(row).collect()
}

/// Saves the model and the data of a workload, if they are not there yet.
pub(super) fn prepare(options: &Options, workload: &Workload) -> Result<(), String> {
    if options.models.join(format!("{}.keras", workload.name)).is_file() {
        return Ok(());
    }
    let mut command = Command::new(&options.python);
    command.arg("keras_peer.py").arg(&workload.name).env("KERAS_BACKEND", "jax");
    let models = std::path::absolute(&options.models)
        .map_err(|error| format!("`{}`: {error}", options.models.display()))?;
    let output = start(options, command.env("SAVE", models), "keras_peer.py")?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("saving the model failed: {}", last_line(&output.stderr))),
    }
}

/// One run of a peer; `None` where it does not take part in the workload.
pub(super) fn run_peer(
    options: &Options,
    peer: &Peer,
    workload: &Workload,
) -> Result<Option<Measurement>, String> {
    let mut command = match peer.program {
        Program::Keras(backend) => {
            let mut command = Command::new(&options.python);
            command.arg("keras_peer.py").arg(&workload.name).env("KERAS_BACKEND", backend);
            command
        }
        Program::Torch(mode) => {
            // Channels last means something only where there are images.
            let has_images =
                ["cnn", "resnet", "sep"].iter().any(|start| workload.name.starts_with(start));
            if mode == "eager_cl" && !has_images {
                return Ok(None);
            }
            let mut command = Command::new(&options.python);
            command.arg("torch_peer.py").arg(&workload.name).arg(mode);
            command
        }
        Program::Rust(folder) => match rust_binary(&options.rust_peers.join(folder)) {
            Some(binary) => {
                let mut command = Command::new(binary);
                command.arg(&workload.name);
                command
            }
            None => return Ok(None),
        },
    };
    let output = start(options, &mut command, peer.name)?;
    if !output.status.success() {
        return Err(format!("failed: {}", last_line(&output.stderr)));
    }
    let line = last_line(&output.stdout);
    let value: Value =
        serde_json::from_str(&line).map_err(|error| format!("printed no JSON line: {error}"))?;
    let step_ms = value["step_ms"].as_f64().ok_or("its JSON line has no `step_ms`")?;
    let memory_mb = value["rss_mb"].as_f64();
    Ok(Some(Measurement { name: peer.name, step_ms, memory_mb }))
}

/// One run of Ibex: trains the saved model on the saved data.
pub(super) fn run_ibex(
    root: &Path,
    options: &Options,
    workload: &Workload,
) -> Result<Measurement, String> {
    let saved = |extension: &str| options.models.join(format!("{}.{extension}", workload.name));
    let history = options.models.join(format!("{}.history.json", workload.name));
    let binary = root.join("target/release").join(format!("ibex{}", std::env::consts::EXE_SUFFIX));
    let mut child = Command::new(&binary)
        .arg("train")
        .arg(saved("keras"))
        .arg("--data")
        .arg(saved("npz"))
        .arg("--history")
        .arg(&history)
        .arg("--out")
        .arg(options.models.join(format!("{}.trained.keras", workload.name)))
        .args(["--epochs", &options.epochs.to_string()])
        .args(["--batch-size", &workload.batch_size.to_string()])
        .args(["--threads", &options.threads.to_string()])
        .args(["--verbose", "0"])
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot run `{}`: {error}", binary.display()))?;
    let mut memory_mb = None;
    let status = loop {
        memory_mb = peak_memory_mb(child.id()).or(memory_mb);
        match child.try_wait().map_err(|error| format!("lost `ibex train`: {error}"))? {
            Some(status) => break status,
            None => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    };
    if !status.success() {
        return Err(format!("`ibex train` failed ({status})"));
    }
    let value = read_json(&history)?;
    let seconds = value["step_seconds_median"].as_f64();
    let step_ms = 1e3 * seconds.ok_or("the history has no `step_seconds_median`")?;
    Ok(Measurement { name: "Ibex", step_ms, memory_mb })
}

/// The peak memory of a running process, where the system tells (Linux).
fn peak_memory_mb(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Runs a peer's program in its folder, on as many threads as everybody.
fn start(options: &Options, command: &mut Command, name: &str) -> Result<Output, String> {
    let threads = options.threads.to_string();
    command
        .current_dir(&options.peers_dir)
        .env("SECS", options.seconds.to_string())
        .env("THREADS", &threads)
        .env("OMP_NUM_THREADS", &threads)
        .env("RAYON_NUM_THREADS", &threads)
        .output()
        .map_err(|error| format!("cannot run {name}: {error}"))
}

/// The built program in a Rust peer's folder.
fn rust_binary(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder.join("target/release")).ok()?;
    let mut binaries: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && path.extension().is_none_or(|end| end == "exe"))
        .filter(|path| {
            path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
        })
        .collect();
    binaries.sort();
    std::path::absolute(binaries.into_iter().next()?).ok()
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("`{}`: {error}", path.display()))
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output").to_owned()
}
