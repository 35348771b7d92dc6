//! `cargo xtask goldens`: makes the golden files again from real Keras.
//!
//! The generators are Python; the tests that read their results need none.

use std::path::Path;
use std::process::Command;

const GENERATOR: &str = "tools/goldens/make.py";
const REQUIREMENTS: &str = "tools/goldens/requirements.txt";

/// Runs the generator with the Python that the arguments name.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (python, rest) = match arguments {
        [flag, python, rest @ ..] if flag == "--python" => (python, rest),
        _ => return Err(how_to(root)),
    };
    if !root.join(GENERATOR).is_file() {
        return Err(format!("the generator `{GENERATOR}` is not there"));
    }
    let status = Command::new(python)
        .arg(root.join(GENERATOR))
        .args(rest)
        .current_dir(root)
        .env("KERAS_BACKEND", "jax")
        .status()
        .map_err(|error| format!("cannot run `{python}`: {error}\n\n{}", how_to(root)))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{GENERATOR}` failed ({status})\n\n{}", how_to(root))),
    }
}

/// How to get a Python that has the Keras of the goldens.
fn how_to(root: &Path) -> String {
    let requirements = std::fs::read_to_string(root.join(REQUIREMENTS)).unwrap_or_default();
    let packages: Vec<&str> =
        requirements.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!(
        "usage: cargo xtask goldens --python PYTHON [OPTIONS OF make.py]\n\n\
         The goldens come from real Keras; make a Python that has it once:\n\
         \x20 python3 -m venv target/goldens-venv\n\
         \x20 target/goldens-venv/bin/pip install -r {REQUIREMENTS}\n\
         \x20 cargo xtask goldens --python target/goldens-venv/bin/python\n\
         ({REQUIREMENTS}: {})",
        packages.join(", ")
    )
}
