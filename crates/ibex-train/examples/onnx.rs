//! Many models to ONNX: each `.keras` file below a folder, to be run by `tools/onnx/check.py`.
//!
//! One model is converted by `ibex convert`.

use std::path::{Path, PathBuf};

use ibex_format::NpzReader;
use ibex_train::{Model, OnnxOptions};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [folder, out] => export_all(Path::new(folder), Path::new(out)),
        _ => Err("usage: onnx FOLDER OUT".into()),
    }
}

/// Exports each file; a line for each: its name, then `ok` or why not.
fn export_all(folder: &Path, out: &Path) -> Outcome<()> {
    for file in keras_files(folder)? {
        let target = out.join(file.strip_prefix(folder)?).with_extension("onnx");
        std::fs::create_dir_all(target.parent().unwrap_or(out))?;
        let outcome = match export(&file, &target) {
            Ok(()) => "ok".to_string(),
            Err(error) => error.to_string().replace('\n', " "),
        };
        println!("{}\t{outcome}", target.display());
    }
    Ok(())
}

fn keras_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(keras_files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "keras") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Exports one model; the arrays beside it, if any, give the extents that it leaves open.
fn export(file: &Path, target: &Path) -> Outcome<()> {
    let model = Model::load_uncompiled(file)?;
    let name = file.to_string_lossy().replace(".trained.keras", ".keras");
    let shapes = shapes(&Path::new(&name).with_extension("npz")).unwrap_or_default();
    let options = OnnxOptions::new().input_shapes(shapes);
    Ok(model.export_onnx_with(target, &options)?)
}

fn shapes(arrays: &Path) -> Outcome<Vec<Vec<usize>>> {
    let mut reader = NpzReader::open(arrays)?;
    let names: Vec<String> = reader.names().into_iter().map(str::to_string).collect();
    let mut shapes = Vec::new();
    for at in 0.. {
        let name = format!("x{at}");
        if !names.contains(&name) {
            break;
        }
        shapes.push(reader.read(&name)?.shape().to_vec());
    }
    Ok(shapes)
}
