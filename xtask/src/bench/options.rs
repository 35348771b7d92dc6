//! The options of `cargo xtask bench`.

use std::path::{Path, PathBuf};

const USAGE: &str =
    "usage: cargo xtask bench [--kernels | --peers | --against COMMIT] --peers-dir DIR
Without --kernels or --peers: against the last commit that changed a BENCHMARKS.md, in turn.
  --kernels          only the kernels' benchmarks
  --peers            against other frameworks, in turn
  --against COMMIT   against this commit
  --peers-dir DIR    the peers' programs: keras_peer.py, batches.json, and torch_peer.py and rust/
                     where they are there; tools/models has a folder of many models for Keras
  --rust-peers DIR   the built Rust peers (default: the folder rust/ of --peers-dir)
  --python PYTHON    a Python that has keras, jax, tensorflow and torch
  --models DIR       where the workloads' .keras and .npz are (default: target/bench-models)
  --workloads A,B    only these (default: all of batches.json)
  --rounds N         rounds in turn (default: 3)
  --seconds N        seconds for each peer and round (default: 3)
  --epochs N         epochs Ibex trains in each round (default: 5)
  --threads N        threads for everybody (default: 2)";

/// Whom to compare Ibex with.
#[derive(Debug, PartialEq)]
pub(super) enum Against {
    /// A commit, or the one that was last recorded.
    Commit(Option<String>),
    /// Other frameworks.
    Peers,
    /// Nobody: the kernels alone.
    Nothing,
}

/// What to run, and how often.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) against: Against,
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
            against: Against::Commit(None),
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
            match flag.as_str() {
                "--kernels" => options.against = Against::Nothing,
                "--peers" => options.against = Against::Peers,
                _ => {
                    let text = arguments.next().ok_or(format!("`{flag}` needs a value\n\n{USAGE}"));
                    options.set(flag, text?)?;
                }
            }
        }
        let missing = |path: &PathBuf| path.as_os_str().is_empty();
        if options.against != Against::Nothing && missing(&options.peers_dir) {
            return Err(format!("the workloads are found by `--peers-dir DIR`\n\n{USAGE}"));
        }
        if options.against == Against::Peers && missing(&options.python) {
            return Err(format!("`--peers` needs `--python`\n\n{USAGE}"));
        }
        if options.rust_peers.as_os_str().is_empty() {
            options.rust_peers = options.peers_dir.join("rust");
        }
        Ok(options)
    }

    fn set(&mut self, flag: &str, text: &str) -> Result<(), String> {
        let count = || match text.parse::<usize>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("`{flag}` needs a whole number above 0, received `{text}`")),
        };
        match flag {
            "--against" => self.against = Against::Commit(Some(text.to_owned())),
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
        assert_eq!(options.against, Against::Peers);
        assert_eq!((options.rounds, options.threads), (5, 2));
        assert_eq!(options.rust_peers, Path::new("p").join("rust"));
    }

    #[test]
    fn a_commit_is_what_ibex_is_compared_with() {
        let options = parse("--peers-dir p").unwrap();
        assert_eq!(options.against, Against::Commit(None));
        let options = parse("--against HEAD~2 --peers-dir p").unwrap();
        assert_eq!(options.against, Against::Commit(Some("HEAD~2".to_owned())));
        assert_eq!(parse("--kernels").unwrap().against, Against::Nothing);
    }

    #[test]
    fn wrong_options_are_named() {
        assert!(parse("").unwrap_err().contains("--peers-dir"));
        assert!(parse("--peers --peers-dir p").unwrap_err().contains("--python"));
        assert!(parse("--rounds 0").unwrap_err().contains("received `0`"));
        assert!(parse("--rounds").unwrap_err().contains("needs a value"));
        assert!(parse("--speed 3").unwrap_err().contains("no option `--speed`"));
    }
}
