//! Every `keras.ops` function as a node of a functional model, against real Keras: configuration
//! both ways, outputs and gradients.

mod common;
mod operation_files;

use std::collections::BTreeSet;

use common::same_json;
use ibex_graph::interpreter;
use ibex_nn::layers::operation::operations;
use ibex_nn::saving::{model_config, model_from_config};
use operation_files::{Case, parts};

/// What is wrong with a case, if anything.
fn failures_of(case: &Case) -> Result<(), String> {
    let config = case.model();
    if let Some(class) = case.refused() {
        let error = model_from_config(&config).err().ok_or("it is not refused")?.to_string();
        return match error.contains(class) {
            true => Ok(()),
            false => Err(format!("the error does not name `{class}`: {error}")),
        };
    }
    let model = model_from_config(&config).map_err(|e| e.to_string())?;
    let written = model_config(&model);
    let layers = written["config"]["layers"].as_array().ok_or("no layers")?;
    for expected in &case.layers {
        let found = layers.iter().find(|layer| layer["name"] == expected["name"]);
        let found = found.ok_or("a layer is not written")?;
        if !same_json(found, expected) {
            return Err(format!("written as {found}\n     instead of {expected}"));
        }
    }
    let graph = case.graph(&model)?;
    let found = interpreter::run(&graph, &case.values()).map_err(|e| e.to_string())?;
    case.compare(&found.outputs)
}

#[test]
fn operations_are_those_of_keras() {
    let mut seen = BTreeSet::new();
    let (mut count, mut failures) = (0, Vec::new());
    for (part, cases) in parts() {
        for case in &cases {
            count += 1;
            if let Err(text) = failures_of(case) {
                failures.push(format!("{part}: {}\n     {text}", case.name));
            }
            for layer in &case.layers {
                let class = layer["class_name"].as_str().unwrap_or_default();
                seen.insert((
                    layer["module"].as_str().unwrap_or_default().to_string(),
                    class.to_string(),
                ));
            }
        }
    }
    println!("{count} cases, {} operations", seen.len());
    let unseen: Vec<String> = operations()
        .filter(|row| !row.refused)
        .map(|row| (row.module.to_string(), row.class_name.to_string()))
        .filter(|row| !seen.contains(row))
        .map(|(module, class)| format!("{module}.{class}"))
        .collect();
    println!("without a golden: {}", unseen.join(" "));
    assert!(failures.is_empty(), "{} of {count}\n{}", failures.len(), failures.join("\n"));
}
