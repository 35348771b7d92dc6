//! Trainings that are broken off at any moment lose nothing: they go on with the same bits.

#![cfg(unix)]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
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

/// Starts a command with its stderr kept for later.
fn start(folder: &Folder, line: &str) -> Child {
    folder.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child) -> Outcome {
    Outcome::of(child.wait_with_output().unwrap())
}

fn send(child: &Child, signal: &str) {
    let line = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
}

/// Waits until a checkpoint in the middle of an epoch has been written.
fn wait_for(path: &Path) {
    for _ in 0..6000 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(path.exists(), "there is no {}", path.display());
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
    let mut steps = Vec::new();
    // Delays that are no multiple of anything: loading, steps and checkpoints are all hit.
    for delay in [61, 143, 97, 211, 167, 83] {
        let mut child = start(&folder, &line);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        steps.extend(step_of(&ended(child).stderr));
    }
    let last = folder.done(&line);
    steps.extend(step_of(&last.stderr));
    assert!(steps.iter().any(|&step| step > 0), "never within an epoch: {}", last.stderr);
    assert_same_end(&folder);
    let left: Vec<_> = std::fs::read_dir(folder.path("kept")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_signal_ends_the_step_and_keeps_everything() {
    let folder = undisturbed();
    let line = format!("{LINE} --checkpoint-dir kept --checkpoint-every 700 --resume {KILLED}");
    let mut interrupted = 0;
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let child = start(&folder, &line);
        wait_for(&folder.path("kept/checkpoint.npz"));
        std::thread::sleep(Duration::from_millis(20));
        send(&child, signal);
        let outcome = ended(child);
        if outcome.code == Some(0) {
            continue;
        }
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        let mut last = outcome.stderr.lines().rev();
        let help = "  help: the same command with `--resume` goes on from there";
        assert_eq!(last.next(), Some(help), "{}", outcome.stderr);
        let what = last.next().unwrap();
        assert!(what.starts_with("interrupted at "), "{what}");
        assert!(!folder.path("killed.keras").exists());
        interrupted += 1;
    }
    assert!(interrupted > 0, "the training is too short to be interrupted");
    folder.done(&line);
    assert_same_end(&folder);
}

#[test]
fn without_a_checkpoint_the_model_so_far_is_kept() {
    let folder = problem();
    let line = "train m.keras --data d.npz --epochs 100000 --out n.keras --log log.jsonl";
    let child = start(&folder, line);
    wait_for(&folder.path("log.jsonl"));
    send(&child, "TERM");
    let outcome = ended(child);
    assert_eq!(outcome.code, Some(143), "{}", outcome.stderr);
    let note = "  note: the model so far is in `n-interrupted.keras`\n";
    assert!(outcome.stderr.contains(note), "{}", outcome.stderr);
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
    let text = "error: cannot write `none/checkpoint.npz`: File too large (os error 27)";
    assert!(outcome.stderr.contains(text), "{}", outcome.stderr);
    assert_eq!(std::fs::read_dir(folder.path("none")).unwrap().count(), 0);

    // Later the training goes on without: the checkpoint before stays as it is.
    let line = format!("{LINE} {KEEP} {KILLED}");
    let child = start(&folder, &line);
    wait_for(&folder.path("kept/checkpoint.npz"));
    send(&child, "TERM");
    assert_eq!(ended(child).code, Some(143));
    let kept = std::fs::read(folder.path("kept/checkpoint.npz")).unwrap();
    let outcome = limited(&folder, 4, &format!("{LINE} {KEEP}"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let warning = "warning: the checkpoint could not be written; the last one is that of ";
    assert_eq!(outcome.stderr.matches(warning).count(), 1, "{}", outcome.stderr);
    assert_eq!(std::fs::read(folder.path("kept/checkpoint.npz")).unwrap(), kept);
    folder.done(&line);
    assert_same_end(&folder);
}
