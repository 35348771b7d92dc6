//! Recurrent layers: ONNX has them time-major, with a further axis for the direction.

use ibex_graph::Array;
use ibex_nn::models::SymbolicTensor;
use ibex_nn::models::symbolic::with;
use ibex_nn::ops;
use serde_json::json;

use super::dense::transposed;
use super::node::NodeSite;
use super::value::Value;
use super::{NodeError, NodeRow, Outcome, rows, unsupported};

pub(super) const ROWS: &[NodeRow] = rows! {
    "LSTM" |site| recurrent(site, &LSTM);
    "GRU" |site| recurrent(site, &GRU);
    "RNN" |site| recurrent(site, &RNN);
};

/// How a cell of ONNX is one of Keras.
struct Cell {
    class_name: &'static str,
    /// For each gate of Keras, which one of ONNX it is.
    gates: &'static [usize],
    /// The activations by default: those of the gates first.
    activations: &'static [&'static str],
    states: usize,
}

const LSTM: Cell = Cell {
    class_name: "LSTM",
    gates: &[0, 2, 3, 1],
    activations: &["Sigmoid", "Tanh", "Tanh"],
    states: 2,
};
const GRU: Cell =
    Cell { class_name: "GRU", gates: &[0, 1, 2], activations: &["Sigmoid", "Tanh"], states: 1 };
const RNN: Cell = Cell { class_name: "SimpleRNN", gates: &[0], activations: &["Tanh"], states: 1 };

/// The name of an activation in Keras.
fn activation(name: &str) -> Result<&'static str, NodeError> {
    match name {
        "Sigmoid" => Ok("sigmoid"),
        "Tanh" => Ok("tanh"),
        "Relu" => Ok("relu"),
        other => unsupported(format!("activation `{}`", other.escape_debug())),
    }
}

/// The weights of one direction, `(1, gates · units, n)` or `(1, gates · units)` in ONNX, as
/// `(n, gates · units)` with the gates in Keras's order.
fn gathered(cell: &Cell, weights: &Array, direction: usize) -> Result<Array, NodeError> {
    let &[_, rows, columns] = weights.shape().dims() else {
        return unsupported(format!("weights of shape {}", weights.shape()));
    };
    let own = weights.rows(direction, direction + 1).reshape([rows, columns])?;
    let units = rows / cell.gates.len();
    let mut numbers = Vec::with_capacity(rows * columns);
    let all = own.to_f64_vec();
    for &gate in cell.gates {
        numbers.extend_from_slice(&all[gate * units * columns..(gate + 1) * units * columns]);
    }
    transposed(&Array::from_f64_slice(weights.dtype(), [rows, columns], &numbers), &[1, 0])
}

/// The biases of one direction: of the input and of the state, gates in Keras's order.
fn biases(cell: &Cell, biases: &Array, direction: usize, units: usize) -> [Vec<f64>; 2] {
    let width = cell.gates.len() * units;
    let all = biases.to_f64_vec();
    let own = all.get(direction * 2 * width..(direction + 1) * 2 * width).unwrap_or_default();
    [0, 1].map(|part| {
        let part = own.get(part * width..(part + 1) * width).unwrap_or_default();
        let gate = |&gate: &usize| part.get(gate * units..(gate + 1) * units);
        cell.gates.iter().filter_map(gate).flatten().copied().collect()
    })
}

/// What one direction gives: the sequence `(batch, time, units)` and the last states.
struct Pass {
    sequence: SymbolicTensor,
    states: Vec<SymbolicTensor>,
}

fn recurrent(site: &mut NodeSite<'_, '_>, cell: &Cell) -> Outcome {
    let batch_first = site.int("layout", 0) == 1;
    for (option, plain) in [("clip", None), ("input_forget", Some(0))] {
        let set = site.node.attribute(option).is_some();
        if set && plain.is_none_or(|plain| site.int(option, plain) != plain) {
            return unsupported(format!("`{option}`"));
        }
    }
    if site.has(4) || site.has(7) {
        return unsupported("sequences of different lengths, or peepholes");
    }
    let mut states: Vec<SymbolicTensor> = Vec::new();
    for state in 5..5 + cell.states {
        if site.has(state) && !site.is_zero(state)? {
            states.push(ops::squeeze(site.tensor(state)?).axis(i64::from(batch_first)).tensor());
        }
    }
    if !states.is_empty() && states.len() != cell.states {
        return unsupported("one initial state without the other");
    }
    let x = site.tensor(0)?;
    let x = if batch_first { x } else { ops::transpose(&x).axes([1, 0, 2]).tensor() };
    let backwards: &[bool] = match site.text("direction", "forward").as_str() {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => return unsupported(format!("direction `{}`", other.escape_debug())),
    };
    if !states.is_empty() && backwards.len() > 1 {
        return unsupported("initial states of both directions");
    }
    let mut passes = Vec::new();
    for (direction, &backwards) in backwards.iter().enumerate() {
        passes.push(pass(site, cell, (&x, &states), direction, backwards)?);
    }
    Ok(joined(&passes, batch_first).into_iter().map(Value::Open).collect())
}

/// The outputs of all directions as ONNX arranges them.
fn joined(passes: &[Pass], batch_first: bool) -> Vec<SymbolicTensor> {
    let stacked = |parts: Vec<SymbolicTensor>, axis: i64| match parts.as_slice() {
        [one] => ops::expand_dims(one, axis),
        _ => ops::stack(parts).axis(axis).tensor(),
    };
    let sequence = |pass: &Pass| match batch_first {
        true => pass.sequence.clone(),
        false => ops::transpose(&pass.sequence).axes([1, 0, 2]).tensor(),
    };
    let sequences = passes.iter().map(sequence).collect();
    let mut outputs = vec![stacked(sequences, if batch_first { 2 } else { 1 })];
    let count = passes.first().map_or(0, |pass| pass.states.len());
    for state in 0..count {
        let states = passes.iter().map(|pass| pass.states[state].clone()).collect();
        outputs.push(stacked(states, i64::from(batch_first)));
    }
    outputs
}

fn pass(
    site: &mut NodeSite<'_, '_>,
    cell: &Cell,
    (x, states): (&SymbolicTensor, &[SymbolicTensor]),
    direction: usize,
    backwards: bool,
) -> Result<Pass, NodeError> {
    let kernel = gathered(cell, &site.known(1)?, direction)?;
    let recurrent_kernel = gathered(cell, &site.known(2)?, direction)?;
    let units = recurrent_kernel.shape()[0];
    let names: Vec<String> = match site.node.attribute("activations") {
        Some(ibex_format::onnx::OnnxAttribute::Texts(names)) => names.clone(),
        _ => Vec::new(),
    };
    let count = cell.activations.len();
    let name = |at: usize| names.get(direction * count + at).map_or(cell.activations[at], |n| n);
    let (gate, outer) = (activation(name(0))?, activation(name(count - 1))?);
    if count == 3 && name(1) != name(2) {
        return unsupported("two activations of the state");
    }
    let after = site.int("linear_before_reset", 0) == 1;
    let mut config = json!({
        "units": units,
        "activation": outer,
        "return_sequences": true,
        "return_state": true,
        "go_backwards": backwards,
        "use_bias": site.has(3),
    });
    if cell.class_name != "SimpleRNN" {
        config["recurrent_activation"] = json!(gate);
    }
    let resets_after = cell.class_name == "GRU" && after;
    if cell.class_name == "GRU" {
        config["reset_after"] = json!(resets_after);
    }
    let mut weights = vec![kernel, recurrent_kernel];
    if site.has(3) {
        let [own, of_state] = biases(cell, &site.known(3)?, direction, units);
        weights.push(match resets_after {
            true => {
                let both = [own.as_slice(), &of_state].concat();
                Array::from_f64_slice(weights[0].dtype(), [2, own.len()], &both)
            }
            false => {
                let sum: Vec<f64> = own.iter().zip(&of_state).map(|(a, b)| a + b).collect();
                Array::from_f64_slice(weights[0].dtype(), [sum.len()], &sum)
            }
        });
    }
    let inputs = if states.is_empty() { with(x) } else { with(x).tensors("initial_state", states) };
    let mut outputs = site.layer(cell.class_name, config, inputs, weights)?;
    if outputs.is_empty() {
        return unsupported("a layer without outputs");
    }
    let sequence = outputs.remove(0);
    // Keras gives what it computed first first; ONNX leaves each result at its own time.
    let sequence = if backwards { ops::flip(&sequence).axis(1).tensor() } else { sequence };
    Ok(Pass { sequence, states: outputs })
}
