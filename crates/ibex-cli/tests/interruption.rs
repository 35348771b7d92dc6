//! Trainings that are broken off at any moment lose nothing: they go on with the same bits.

#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use ibex::prelude::*;
use serde_json::Value;
use support::{Folder, Outcome, integers, noise};

/// 750 steps in each of three epochs, of a model that has everything that a checkpoint must hold:
/// dropout, metrics, moving averages, statistics of batches.
const LINE: &str = "train m.keras --data d.npz --epochs 3 --batch-size 4 --seed 5 \
                    --validation-split 0.2 --patience 2";
/// Checkpoints so dense that most moments lie in the middle of an epoch and after one of them.
const KEEP: &str = "--checkpoint-dir kept --checkpoint-every 7 --resume";

fn problem() -> Folder {
    let folder = Folder::new();
    let layers = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(32).activation(Relu))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(3).activation(Softmax));
    let mut model = layers.build().unwrap();
    let optimizer = Adam::new(0.01).use_ema(true);
    let loss = SparseCategoricalCrossentropy::new();
    model.compile(Compile::new(optimizer, loss).metric("accuracy")).unwrap();
    model.save(folder.path("m.keras")).unwrap();
    let labels: Vec<i32> = (0..3750).map(|i| i % 3).collect();
    folder.npz("d.npz", &[("x", noise(&[3750, 4])), ("y", integers(&[3750], &labels))]);
    folder
}

/// The training that nothing disturbs.
fn undisturbed() -> Folder {
    let folder = problem();
    let files = "--out whole.keras --history whole.json --csv whole.csv --log whole.jsonl";
    folder.done(&format!("{LINE} {files} --verbose 0"));
    folder
}

/// The bits of everything that training changes.
fn bits(folder: &Folder, name: &str) -> Vec<Vec<u8>> {
    let model = Model::load(folder.path(name)).unwrap();
    let mut all = model.variables();
    all.extend(model.optimizer().unwrap().variables());
    all.iter().map(|variable| variable.get().bytes().to_vec()).collect()
}

/// A training of which everything that it says is read by another thread.
struct Running {
    child: Child,
    said: mpsc::Receiver<String>,
    lines: Vec<String>,
}

impl Running {
    fn start(folder: &Folder, line: &str) -> Running {
        let mut command = folder.command(line);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).all(|l| say.send(l).is_ok())
        });
        Running { child, said, lines: Vec::new() }
    }

    /// Waits until it trains; `false` if it has ended before.
    fn trains(&mut self) -> bool {
        while let Ok(line) = self.said.recv() {
            self.lines.push(line);
            let last = self.lines.last().unwrap();
            if last.starts_with("Epoch ") || last.starts_with("going on ") {
                return true;
            }
        }
        false
    }

    fn send(&self, signal: &str) {
        let line = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// The exit code, and all it has said.
    fn ended(mut self) -> (Option<i32>, String) {
        self.lines.extend(self.said.iter());
        (self.child.wait().unwrap().code(), self.lines.join("\n"))
    }
}

/// The lines of a log but for what they say about time.
fn lines(folder: &Folder, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path(name)).unwrap();
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("seconds");
        line
    };
    text.lines().map(line).collect()
}

fn assert_same_end(folder: &Folder) {
    assert_eq!(bits(folder, "killed.keras"), bits(folder, "whole.keras"));
    let (whole, killed) = (folder.json("whole.json"), folder.json("killed.json"));
    for name in ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"] {
        assert_eq!(whole[name], killed[name], "{name}");
    }
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap();
    assert_eq!(read("killed.csv"), read("whole.csv"));
    assert_eq!(lines(folder, "killed.jsonl"), lines(folder, "whole.jsonl"));
}

const KILLED: &str = "--out killed.keras --history killed.json --csv killed.csv --log killed.jsonl";

/// The step at which a command says that it goes on.
fn step_of(stderr: &str) -> Option<usize> {
    let line = stderr.lines().find(|line| line.starts_with("going on from step "))?;
    line["going on from step ".len()..].split(' ').next()?.parse().ok()
}

#[test]
fn a_run_killed_within_an_epoch_goes_on_with_the_same_bits() {
    let folder = undisturbed();
    let line = format!("{LINE} {KEEP} {KILLED}");
    let mut within = 0;
    // Ever later after the beginning, so that any machine comes to its first checkpoints: steps and
    // checkpoints are hit; the first two do not wait for the beginning.
    for delay in (1..80).map(|kill| kill * 3) {
        let mut running = Running::start(&folder, &line);
        if delay > 6 && !running.trains() {
            break;
        }
        std::thread::sleep(Duration::from_millis(delay));
        running.child.kill().unwrap();
        within += usize::from(step_of(&running.ended().1).is_some());
        if within >= 5 {
            break;
        }
    }
    assert!(within >= 2, "it went on {within} times within an epoch");
    folder.done(&line);
    assert_same_end(&folder);
    let left: Vec<_> = std::fs::read_dir(folder.path("kept")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_signal_ends_the_step_and_keeps_everything() {
    let folder = undisturbed();
    let line = format!("{LINE} --checkpoint-dir kept --checkpoint-every 700 --resume {KILLED}");
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let mut running = Running::start(&folder, &line);
        assert!(running.trains(), "{:?}", running.lines);
        running.send(signal);
        let (ended, stderr) = running.ended();
        assert_eq!(ended, Some(code), "{stderr}");
        let mut last = stderr.lines().rev();
        let help = "  help: the same command with `--resume` goes on from there";
        assert_eq!(last.next(), Some(help), "{stderr}");
        let what = last.next().unwrap();
        assert!(what.starts_with("interrupted at "), "{what}");
        assert!(!folder.path("killed.keras").exists());
    }
    folder.done(&line);
    assert_same_end(&folder);
}

#[test]
fn without_a_checkpoint_the_model_so_far_is_kept() {
    let folder = problem();
    let line = "train m.keras --data d.npz --epochs 100000 --out n.keras";
    let mut running = Running::start(&folder, line);
    assert!(running.trains());
    running.send("TERM");
    let (code, stderr) = running.ended();
    assert_eq!(code, Some(143), "{stderr}");
    let note = "  note: the model so far is in `n-interrupted.keras`\n";
    assert!(stderr.contains(note), "{stderr}");
    folder.done("evaluate n-interrupted.keras --data d.npz");
}

/// Runs a command whose files cannot grow beyond `blocks` of 512 bytes: like a full disk.
fn limited(folder: &Folder, blocks: usize, line: &str) -> Outcome {
    let ibex = env!("CARGO_BIN_EXE_ibex");
    let script = format!("ulimit -f {blocks}; exec {ibex} {line}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(folder.path("")).stdin(Stdio::null());
    Outcome::of(command.output().unwrap())
}

#[test]
fn a_full_disk_leaves_the_last_checkpoint_whole() {
    let folder = undisturbed();
    // At the start, before anything is lost, it is an error.
    let fresh = format!("{LINE} --checkpoint-dir none");
    let outcome = limited(&folder, 4, &fresh);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let text = "the trained model will not be kept: there is no `--out FILE.keras`\nerror: cannot \
                write `none/checkpoint.npz`: File too large (os error 27)\n";
    assert_eq!(outcome.stderr, text);
    assert_eq!(std::fs::read_dir(folder.path("none")).unwrap().count(), 0);

    // Later the training goes on without: the checkpoint before stays as it is.
    let line = format!("{LINE} {KEEP} {KILLED}");
    let mut running = Running::start(&folder, &line);
    assert!(running.trains());
    running.send("TERM");
    assert_eq!(running.ended().0, Some(143));
    let kept = std::fs::read(folder.path("kept/checkpoint.npz")).unwrap();
    let outcome = limited(&folder, 4, &format!("{LINE} {KEEP}"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let warning = "warning: the checkpoint could not be written; the last one is that of ";
    assert_eq!(outcome.stderr.matches(warning).count(), 1, "{}", outcome.stderr);
    assert_eq!(std::fs::read(folder.path("kept/checkpoint.npz")).unwrap(), kept);
    folder.done(&line);
    assert_same_end(&folder);
}

#[test]
fn a_full_disk_ends_records_and_no_training() {
    let folder = undisturbed();
    let line = format!("{} --csv log.csv --log log.jsonl", LINE.replace("epochs 3", "epochs 20"));
    let outcome = limited(&folder, 1, &line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for callback in ["CSVLogger", "JsonLogger"] {
        let warning =
            format!("warning: {callback} records no more of this training, which goes on\n");
        assert_eq!(outcome.stderr.matches(&warning).count(), 1, "{}", outcome.stderr);
    }
    // What is there is whole.
    for name in ["log.csv", "log.jsonl"] {
        let text = std::fs::read_to_string(folder.path(name)).unwrap();
        assert!(text.len() <= 512 && text.ends_with('\n'), "{text}");
    }
}
