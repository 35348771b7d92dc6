//! Recurrences: layers of ONNX where the cells agree, and steps one after another elsewhere.

use ibex_format::onnx::OnnxAttribute;
use ibex_graph::ops::recurrent::{Activation, Cell, Input, Recurrence, Recurrent};
use ibex_graph::{Array, ValueId};

use super::super::builder::{int, text};
use super::super::site::{Outcome, Site, source};
use crate::arrays::from_raw;
use crate::error::Result;

/// A sequence through a recurrent cell.
pub(super) fn recurrent(site: &mut Site<'_>, op: &Recurrent) -> Result<Outcome> {
    let recurrence = &op.recurrence;
    let names = activations(recurrence);
    let bias = match recurrence.input {
        Input::Features { bias } if !recurrence.masked && !op.saves => bias,
        _ => return Ok(Outcome::Parts),
    };
    let Some(names) = names else { return Ok(Outcome::Parts) };
    // Features, kernel and perhaps a bias come first.
    let recurrent = 2 + usize::from(bias);
    let Some(weights) = weights(site, recurrence, recurrent)? else { return Ok(Outcome::Parts) };
    let [w, r, b] = weights;
    let cell = recurrence.cell;
    let units = site.shape(recurrent)[0];
    let x = site.name(site.node.inputs[0]);
    let mut inputs = vec![x, w, r, b, String::new()];
    let first = recurrent + 1 + usize::from(cell.has_recurrent_bias());
    for state in first..first + cell.states() {
        inputs.push(match site.splat(state) {
            Some(0.0) => String::new(),
            _ => {
                let (name, from) = (site.x(state), site.shape(state).to_vec());
                site.builder.reshape(&name, &from, &[&[1], from.as_slice()].concat())?
            }
        });
    }
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    let mut options = vec![
        int("hidden_size", units),
        text("direction", if recurrence.reverse { "reverse" } else { "forward" }),
    ];
    options.extend(names);
    if let Cell::Gru { reset_after } = cell {
        options.push(int("linear_before_reset", usize::from(reset_after)));
    }
    let count = 1 + cell.states();
    let outputs = site.builder.nodes(op_type(cell), &inputs, count, options);
    // The axis of the directions.
    let mut values = Vec::with_capacity(count);
    for (at, output) in outputs.iter().enumerate() {
        let axis = site.builder.counts(&[usize::from(at == 0)])?;
        values.push(site.builder.node("Squeeze", &[output, &axis]));
    }
    Ok(Outcome::Values(values))
}

fn op_type(cell: Cell) -> &'static str {
    match cell {
        Cell::Simple => "RNN",
        Cell::Lstm => "LSTM",
        Cell::Gru { .. } => "GRU",
    }
}

/// The gates of ONNX, each as its number here.
fn gates(cell: Cell) -> &'static [usize] {
    match cell {
        Cell::Simple => &[0],
        Cell::Lstm => &[0, 3, 1, 2],
        Cell::Gru { .. } => &[0, 1, 2],
    }
}

/// The options that name the activations; `None` if ONNX lacks one.
fn activations(recurrence: &Recurrence) -> Option<Vec<(String, OnnxAttribute)>> {
    let (gate, outer) = (recurrence.recurrent_activation, recurrence.activation);
    let all = match recurrence.cell {
        Cell::Simple => vec![outer],
        Cell::Lstm => vec![gate, outer, outer],
        Cell::Gru { .. } => vec![gate, outer],
    };
    let name = |activation: &Activation| match activation {
        Activation::Tanh => Some("Tanh".to_string()),
        Activation::Sigmoid => Some("Sigmoid".to_string()),
        Activation::Relu => Some("Relu".to_string()),
        Activation::HardSigmoid | Activation::Linear => None,
    };
    let names = all.iter().map(name).collect::<Option<Vec<String>>>()?;
    Some(vec![("activations".to_string(), OnnxAttribute::Texts(names))])
}

/// The kernels and biases as ONNX arranges them; `None` if they are not known.
///
/// `at` is the input that is the recurrent kernel.
fn weights(site: &mut Site<'_>, recurrence: &Recurrence, at: usize) -> Result<Option<[String; 3]>> {
    let cell = recurrence.cell;
    let known = |site: &Site<'_>, value: ValueId| {
        let name = site.name(value);
        let raw = site.builder.known(&name)?;
        Some(from_raw(raw).map(|array| (name, array)))
    };
    let kernel = known(site, site.node.inputs[1]).transpose()?;
    let recurrent = known(site, site.node.inputs[at]).transpose()?;
    let bias = (at > 2).then(|| known(site, source(site.graph, site.node.inputs[2])));
    let own = cell
        .has_recurrent_bias()
        .then(|| known(site, source(site.graph, site.node.inputs[at + 1])));
    let (Some((name, kernel)), Some((other, recurrent))) = (kernel, recurrent) else {
        return Ok(None);
    };
    let width = recurrent.shape()[1];
    let mut numbers = Vec::with_capacity(2 * width);
    for part in [bias, own] {
        match part.map(Option::transpose).transpose()? {
            None => numbers.extend(vec![0.0; width]),
            Some(None) => return Ok(None),
            Some(Some((_, array))) => match array.size() {
                1 => numbers.extend(vec![array.to_f64_vec()[0]; width]),
                _ => numbers.extend(array.to_f64_vec()),
            },
        }
    }
    let both = Array::from_f64_slice(kernel.dtype(), [2, width], &numbers);
    let w = arranged(cell, &kernel);
    let r = arranged(cell, &recurrent);
    let b = arranged_rows(cell, &both);
    Ok(Some([
        site.builder.constant(&format!("{name}/W"), &w)?,
        site.builder.constant(&format!("{other}/R"), &r)?,
        site.builder.constant(&format!("{name}/B"), &b)?,
    ]))
}

/// `(n, gates · units)` as `(1, gates · units, n)` with the gates in ONNX's order.
fn arranged(cell: Cell, kernel: &Array) -> Array {
    let [rows, width] = [kernel.shape()[0], kernel.shape()[1]];
    let units = width / cell.gates();
    let all = kernel.to_f64_vec();
    let mut numbers = Vec::with_capacity(all.len());
    for &gate in gates(cell) {
        for column in gate * units..(gate + 1) * units {
            numbers.extend((0..rows).map(|row| all[row * width + column]));
        }
    }
    Array::from_f64_slice(kernel.dtype(), [1, width, rows], &numbers)
}

/// Two biases `(2, gates · units)` as `(1, 2 · gates · units)` with the gates in ONNX's order.
fn arranged_rows(cell: Cell, biases: &Array) -> Array {
    let width = biases.shape()[1];
    let units = width / cell.gates();
    let all = biases.to_f64_vec();
    let mut numbers = Vec::with_capacity(all.len());
    for row in all.chunks(width) {
        for &gate in gates(cell) {
            numbers.extend_from_slice(&row[gate * units..(gate + 1) * units]);
        }
    }
    Array::from_f64_slice(biases.dtype(), [1, 2 * width], &numbers)
}
