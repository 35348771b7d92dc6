//! The page about a training: over loopback while it runs, and as one file afterwards; and what is
//! recorded for TensorBoard.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{Folder, classifier, integers, noise};

/// A folder with a small problem whose training does not end by itself.
fn endless() -> (Folder, &'static str) {
    let folder = Folder::new();
    classifier().save(folder.path("m.keras")).unwrap();
    let labels: Vec<i32> = (0..48).map(|i| i % 3).collect();
    folder.npz("d.npz", &[("x", noise(&[48, 4])), ("y", integers(&[48], &labels))]);
    (folder, "train m.keras --data d.npz --epochs 100000000 --verbose 0 --validation-split 0.25")
}

/// Starts a command and gives the port that it names in its first line on that stream.
fn start(folder: &Folder, line: &str, on_stdout: bool) -> (Child, u16) {
    let mut command = folder.command(line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stream: Box<dyn Read> = match on_stdout {
        true => Box::new(child.stdout.take().unwrap()),
        false => Box::new(child.stderr.take().unwrap()),
    };
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first).unwrap();
    let port = first.split("127.0.0.1:").nth(1).unwrap().split('/').next().unwrap();
    (child, port.parse().unwrap())
}

/// Sends a request; gives the status and the body.
fn ask(port: u16, head: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "{head} HTTP/1.1\r\n{headers}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_string())
}

fn own(port: u16) -> String {
    format!("Host: 127.0.0.1:{port}\r\nX-Ibex: 1")
}

/// Asks for the run until it has what is wanted.
fn run_with(port: u16, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let (status, body) = ask(port, "GET /run.json", &own(port));
        assert_eq!(status, 200);
        let run = serde_json::from_str(&body).unwrap_or_default();
        if wanted(&run) {
            return run;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the run never has what is wanted");
}

fn wait_for(path: &Path) {
    for _ in 0..2400 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("there is no {}", path.display());
}

#[test]
fn a_training_is_watched_saved_and_stopped_from_its_page() {
    let (folder, line) = endless();
    let (child, port) =
        start(&folder, &format!("{line} --out n.keras --dashboard --run-dir run"), false);
    let (status, page) = ask(port, "GET /", &own(port));
    assert_eq!(status, 200);
    assert!(page.starts_with("<!doctype html>") && page.contains("const recorded = /*RUN*/null;"));
    for outside in ["http://", "https://", "src=\"//"] {
        let own = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!own.contains(outside), "the page loads something from {outside}");
    }
    let run = run_with(port, |run| run["history"].as_array().is_some_and(|h| h.len() > 1));
    assert_eq!((&run["state"], &run["steps"]), (&"running".into(), &2.into()));
    assert!(run["history"][0]["val_accuracy"].is_number(), "{run}");
    assert_eq!(run["samples"].as_array().unwrap().len(), 12);
    assert!(run["graph"].as_str().unwrap().contains("(None, 3)"));
    assert!(run["confusion"].as_str().unwrap().starts_with("<svg"));

    // Whoever is not the page itself gets nothing done.
    assert_eq!(ask(port, "POST /stop", &format!("Host: 127.0.0.1:{port}")).0, 403);
    assert_eq!(ask(port, "GET /run.json", "Host: evil.example\r\nX-Ibex: 1").0, 403);
    assert_eq!(ask(port, "GET /../secret", &own(port)).0, 404);
    // Connections that break or talk nonsense do no harm.
    drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
    TcpStream::connect(("127.0.0.1", port)).unwrap().write_all(&[0xff; 100]).unwrap();

    assert_eq!(ask(port, "POST /save", &own(port)).0, 200);
    let run = run_with(port, |run| run["saved"].as_str().is_some_and(|path| !path.is_empty()));
    let saved = run["saved"].as_str().unwrap();
    folder.done(&format!("evaluate {saved} --data d.npz"));
    assert_eq!(ask(port, "POST /stop", &own(port)).0, 200);
    let outcome = child.wait_with_output().unwrap();
    assert_eq!(outcome.status.code(), Some(0));
    assert!(String::from_utf8(outcome.stdout).unwrap().ends_with("saved n.keras\n"));
    folder.done("evaluate n.keras --data d.npz");

    assert_eq!(folder.done("report run").stdout, "saved run/report.html\n");
    let page = std::fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page.contains("const recorded = {\"model\":\"sequential\""), "{}", &page[..4000]);
    assert!(page.contains("\"state\":\"ended\""));
    // What is recorded cannot end the script that holds it.
    let script = page.split("const recorded = ").nth(1).unwrap().split('\n').next().unwrap();
    assert!(!script.contains('<'));
}

#[test]
fn another_process_shows_and_stops_a_training() {
    let (folder, line) = endless();
    let train = folder
        .command(&format!("{line} --out n.keras --run-dir run"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&folder.path("run/run.json"));
    let (mut board, port) = start(&folder, "board run", true);
    run_with(port, |run| run["history"].as_array().is_some_and(|h| h.len() > 1));
    assert_eq!(ask(port, "POST /stop", &own(port)).0, 200);
    assert_eq!(train.wait_with_output().unwrap().status.code(), Some(0));
    run_with(port, |run| run["state"] == "ended");
    board.kill().unwrap();
    board.wait().unwrap();
    folder.done("evaluate n.keras --data d.npz");
}

#[test]
fn a_folder_without_a_run_is_an_error() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("empty")).unwrap();
    for command in ["board empty", "report empty"] {
        let outcome = folder.run(command);
        assert_eq!(outcome.code, Some(1));
        let expected =
            "error: cannot read `empty/run.json`: No such file or directory (os error 2)\n";
        assert_eq!(outcome.stderr, expected);
    }
    std::fs::write(folder.path("empty/run.json"), "[1, 2]").unwrap();
    let outcome = folder.run("report empty");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.starts_with("error: `empty/run.json` is no record of a run\n"));
}

/// The event files of a folder as one text, in which the names of what is recorded stand.
fn records(folder: &Folder, name: &str) -> String {
    let files = std::fs::read_dir(folder.path(name)).unwrap().flatten();
    let mut paths: Vec<_> = files.map(|file| file.path()).collect();
    paths.retain(|path| path.to_string_lossy().contains("tfevents"));
    paths.sort();
    let text = |path: &std::path::PathBuf| std::fs::read(path).unwrap();
    String::from_utf8_lossy(&paths.iter().flat_map(text).collect::<Vec<u8>>()).into_owned()
}

/// Whether TensorBoard reads the records is for `tools/tensorboard/check.py` to say.
#[test]
fn records_for_tensorboard_have_the_names_of_keras() {
    let (folder, line) = endless();
    let line = line.replace("100000000", "3");
    folder.done(&format!("{line} --tensorboard logs --checkpoint-dir kept"));
    let train = records(&folder, "logs/train");
    for tag in
        ["epoch_loss", "epoch_accuracy", "epoch_learning_rate", "dense/kernel/histogram", "keras"]
    {
        assert!(train.contains(tag), "{tag}");
    }
    assert_eq!(train.matches("epoch_loss").count(), 3);
    let validation = records(&folder, "logs/validation");
    for tag in ["epoch_loss", "evaluation_loss_vs_iterations"] {
        assert_eq!(validation.matches(tag).count(), 3, "{tag}");
    }
    // Gone on with, only the further epochs are recorded.
    let line = line.replace("epochs 3", "epochs 5");
    folder.done(&format!("{line} --tensorboard logs --checkpoint-dir kept --resume"));
    assert_eq!(records(&folder, "logs/train").matches("epoch_loss").count(), 5);
}
