//! Project tasks, run as `cargo xtask TASK`.
//!
//! One file and one row of [`TASKS`] per task.
//! Nothing here is part of what users build: the task runner must not depend on any Ibex crate,
//! so that it still runs when one of them does not compile.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod bench;
mod fuzz;
mod goldens;
mod mutate;
mod tidy;

/// A task of the project: what it is called, what it does, and how it runs.
struct Task {
    name: &'static str,
    help: &'static str,
    run: fn(&Path, &[String]) -> Result<(), String>,
}

/// Every task, in the order in which the help lists them.
const TASKS: &[Task] = &[
    Task {
        name: "tidy",
        help: "check sizes, lints of our own, module docs and the order of the crates",
        run: tidy::run,
    },
    Task {
        name: "goldens",
        help: "make the golden files again from real Keras: goldens --python PYTHON",
        run: goldens::run,
    },
    Task {
        name: "bench",
        help: "run the benchmarks; bench --peers compares with other frameworks in turn",
        run: bench::run,
    },
    Task {
        name: "fuzz",
        help: "feed random bytes to every reader of files: fuzz [MINUTES] [TARGET ...]",
        run: fuzz::run,
    },
    Task {
        name: "mutate",
        help: "run a built `ibex` on damaged files: mutate IBEX [COUNT]",
        run: mutate::run,
    },
];

/// The root of the workspace.
fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask TASK [OPTIONS]\n\ntasks:\n");
    for task in TASKS {
        text.push_str(&format!("  {:<9} {}\n", task.name, task.help));
    }
    text
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprint!("error: there is no task `{name}`\n\n{}", usage());
        return ExitCode::from(2);
    };
    match (task.run)(&workspace_root(), rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
