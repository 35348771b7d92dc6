//! A workload, and how Ibex runs it: through its own command line, on a model and data that the
//! Keras peer saved.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::options::Options;
use super::report::Measurement;

/// A model with its data, and the batch size.
pub(super) struct Workload {
    pub(super) name: String,
    batch_size: u64,
}

/// The workloads of the peers' folder, or the chosen ones among them.
pub(super) fn chosen(options: &Options) -> Result<Vec<Workload>, String> {
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
    let wanted = |name: &String| options.workloads.is_empty() || options.workloads.contains(name);
    let row = |(name, size): (String, Value)| {
        let batch_size = size.as_u64().ok_or(format!("no batch size for `{name}`"))?;
        Ok(Workload { name, batch_size })
    };
    batches.into_iter().filter(|(name, _)| wanted(name)).map(row).collect()
}

impl Workload {
    /// Saves the model and the data, if they are not there yet.
    pub(super) fn prepare(&self, options: &Options) -> Result<(), String> {
        if self.file(options, "keras").is_file() {
            return Ok(());
        }
        let mut command = Command::new(&options.python);
        command.arg("keras_peer.py").arg(&self.name).env("KERAS_BACKEND", "jax");
        let models = std::path::absolute(&options.models)
            .map_err(|error| format!("`{}`: {error}", options.models.display()))?;
        let output = start(options, command.env("SAVE", models), "keras_peer.py")?;
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("saving the model failed: {}", last_line(&output.stderr))),
        }
    }

    /// One run of an `ibex` program: trains, and predicts with what was trained.
    pub(super) fn run(
        &self,
        program: &Path,
        options: &Options,
        name: &'static str,
    ) -> Result<Measurement, String> {
        let (history, trained) =
            (self.file(options, "history.json"), self.file(options, "trained.keras"));
        let mut train = self.command(program, options, "train", &self.file(options, "keras"));
        train.arg("--history").arg(&history).arg("--out").arg(&trained);
        train.args(["--epochs", &options.epochs.to_string(), "--verbose", "0"]);
        let (_, memory_mb) = watched(train)?;
        let seconds = read_json(&history)?["step_seconds_median"].as_f64();
        let step_ms = 1e3 * seconds.ok_or("the history has no `step_seconds_median`")?;
        let mut predict = self.command(program, options, "predict", &trained);
        predict.arg("--json").arg("--out").arg(self.file(options, "predicted.npz"));
        // A program from before `--json` only trains.
        let printed = watched(predict).ok().and_then(|(text, _)| serde_json::from_str(&text).ok());
        let seconds = printed.and_then(|value: Value| value["step_seconds_median"].as_f64());
        let predict_ms = seconds.map(|seconds| 1e3 * seconds);
        Ok(Measurement { name, step_ms, predict_ms, memory_mb })
    }

    fn command(&self, program: &Path, options: &Options, task: &str, model: &Path) -> Command {
        let mut command = Command::new(program);
        command.arg(task).arg(model).arg("--data").arg(self.file(options, "npz"));
        command.args(["--batch-size", &self.batch_size.to_string()]);
        command.args(["--threads", &options.threads.to_string()]);
        command
    }

    fn file(&self, options: &Options, extension: &str) -> PathBuf {
        options.models.join(format!("{}.{extension}", self.name))
    }
}

/// Runs a command to its end: what it printed, and the most memory it had.
fn watched(mut command: Command) -> Result<(String, Option<f64>), String> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    let mut memory_mb = None;
    loop {
        memory_mb = peak_memory_mb(child.id()).or(memory_mb);
        match child.try_wait().map_err(|error| format!("lost a process: {error}"))? {
            Some(_) => break,
            None => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    }
    let output = child.wait_with_output().map_err(|error| format!("lost a process: {error}"))?;
    match output.status.success() {
        true => Ok((String::from_utf8_lossy(&output.stdout).into_owned(), memory_mb)),
        false => Err(format!("{command:?}: {}", last_line(&output.stderr))),
    }
}

/// The peak memory of a running process, where the system tells (Linux).
fn peak_memory_mb(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Runs a peer's program in its folder, on as many threads as everybody.
pub(super) fn start(
    options: &Options,
    command: &mut Command,
    name: &str,
) -> Result<Output, String> {
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

fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("`{}`: {error}", path.display()))
}

/// The last line that is not empty.
pub(super) fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output").to_owned()
}
