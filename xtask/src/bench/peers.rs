//! The other frameworks, and how each is run.
//!
//! A peer's program takes the name of a workload and prints one JSON line with `step_ms` and
//! `infer_ms`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::options::Options;
use super::report::Measurement;
use super::workload::{Workload, last_line, start};

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
struct Peer {
    name: &'static str,
    program: Program,
}

/// Every peer, one row each.
const PEERS: &[Peer] = &[
    Peer { name: "Keras-JAX", program: Program::Keras("jax") },
    Peer { name: "Keras-TensorFlow", program: Program::Keras("tensorflow") },
    Peer { name: "PyTorch", program: Program::Torch("eager") },
    Peer { name: "PyTorch channels-last", program: Program::Torch("eager_cl") },
    Peer { name: "torch.compile", program: Program::Torch("compile") },
    Peer { name: "Burn", program: Program::Rust("burn") },
    Peer { name: "Candle", program: Program::Rust("candle") },
];

/// One run of every peer that takes part.
pub(super) fn run(options: &Options, workload: &Workload, found: &mut Vec<Measurement>) {
    for peer in PEERS {
        match run_peer(options, peer, workload) {
            Ok(Some(measurement)) => found.push(measurement),
            Ok(None) => {}
            Err(reason) => eprintln!("{}: {}: {reason}", workload.name, peer.name),
        }
    }
}

/// One run of a peer; `None` where it does not take part in the workload.
fn run_peer(
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
            let is_there = options.peers_dir.join("torch_peer.py").is_file();
            if !is_there || mode == "eager_cl" && !has_images {
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
    let predict_ms = value["infer_ms"].as_f64();
    Ok(Some(Measurement { name: peer.name, step_ms, predict_ms, memory_mb }))
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
