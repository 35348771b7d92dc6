//! The options of `cargo xtask bench`.

use std::path::{Path, PathBuf};

const USAGE: &str = "usage: cargo xtask bench [--peers --peers-dir DIR --python PYTHON]
  --peers            compare whole training steps with other frameworks, in turn
  --peers-dir DIR    the peers' programs: keras_peer.py, torch_peer.py, batches.json, rust/
  --rust-peers DIR   the built Rust peers (default: the folder rust/ of --peers-dir)
  --python PYTHON    a Python that has keras, jax, tensorflow and torch
  --models DIR       where the workloads' .keras and .npz are (default: target/bench-models)
  --workloads A,B    only these (default: all of batches.json)
  --rounds N         rounds in turn (default: 3)
  --seconds N        seconds for each peer and round (default: 3)
  --epochs N         epochs Ibex trains in each round (default: 5)
  --threads N        threads for everybody (default: 2)";

/// What to run, and how often.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) peers: bool,
    pub(super) peers_dir: PathBuf,
    pub(super) rust_peers: PathBuf,
    pub(super) python: PathBuf,
    pub(super) models: PathBuf,
    pub(super) workloads: Vec<String>,
    pub(super) rounds: usize,
    pub(super) seconds: usize,
    pub(super) epochs: usize,
    pub(super) threads: usize,
}

impl Options {
    /// Reads the arguments after the name of the task.
    pub(super) fn parse(root: &Path, arguments: &[String]) -> Result<Options, String> {
        let mut options = Options {
            peers: false,
            peers_dir: PathBuf::new(),
            rust_peers: PathBuf::new(),
            python: PathBuf::new(),
            models: root.join("target/bench-models"),
            workloads: Vec::new(),
            rounds: 3,
            seconds: 3,
            epochs: 5,
            threads: 2,
        };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            if flag == "--peers" {
                options.peers = true;
                continue;
            }
            let value = || format!("`{flag}` needs a value\n\n{USAGE}");
            let text = arguments.next().ok_or_else(value)?;
            options.set(flag, text)?;
        }
        if options.peers && (options.peers_dir.as_os_str().is_empty() || options.no_python()) {
            return Err(format!("`--peers` needs `--peers-dir` and `--python`\n\n{USAGE}"));
        }
        if options.rust_peers.as_os_str().is_empty() {
            options.rust_peers = options.peers_dir.join("rust");
        }
        Ok(options)
    }

    fn no_python(&self) -> bool {
        self.python.as_os_str().is_empty()
    }

    fn set(&mut self, flag: &str, text: &str) -> Result<(), String> {
        let count = || match text.parse::<usize>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("`{flag}` needs a whole number above 0, received `{text}`")),
        };
        match flag {
            "--peers-dir" => self.peers_dir = text.into(),
            "--rust-peers" => self.rust_peers = text.into(),
            "--python" => self.python = text.into(),
            "--models" => self.models = text.into(),
            "--workloads" => self.workloads = text.split(',').map(str::to_owned).collect(),
            "--rounds" => self.rounds = count()?,
            "--seconds" => self.seconds = count()?,
            "--epochs" => self.epochs = count()?,
            "--threads" => self.threads = count()?,
            _ => return Err(format!("there is no option `{flag}`\n\n{USAGE}")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(Path::new("root"), &arguments)
    }

    #[test]
    fn options_are_read() {
        let options =
            parse("--peers --peers-dir p --python py --workloads a,b --rounds 5").unwrap();
        assert_eq!(options.workloads, ["a", "b"]);
        assert_eq!((options.rounds, options.threads), (5, 2));
        assert_eq!(options.rust_peers, Path::new("p").join("rust"));
    }

    #[test]
    fn wrong_options_are_named() {
        assert!(parse("--peers").unwrap_err().contains("--peers-dir"));
        assert!(parse("--rounds 0").unwrap_err().contains("received `0`"));
        assert!(parse("--rounds").unwrap_err().contains("needs a value"));
        assert!(parse("--speed 3").unwrap_err().contains("no option `--speed`"));
    }
}
