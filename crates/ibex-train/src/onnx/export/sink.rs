//! Moves elementwise operations to the other side of the transposition before them, so that those
//! between two convolutions meet, and lets convolutions add their own biases.

use std::collections::HashMap;

use ibex_format::RawArray;
use ibex_format::onnx::{OnnxAttribute, OnnxGraph, OnnxNode};

use super::layout::{order, remove_unused};
use crate::error::Result;
use crate::onnx::transposed;

/// Operations that treat every element by itself, whatever its place.
const ELEMENTWISE: &[&str] = &[
    "Abs",
    "Add",
    "Ceil",
    "Clip",
    "Cos",
    "Div",
    "Erf",
    "Exp",
    "Floor",
    "Log",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Pow",
    "Reciprocal",
    "Relu",
    "Round",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softplus",
    "Sqrt",
    "Sub",
    "Tanh",
];

/// The largest constant that is rearranged for it, in elements.
const MAX_ELEMENTS: usize = 1 << 16;

/// Moves what can be moved.
pub(super) fn sink(graph: &mut OnnxGraph) -> Result<()> {
    let constants: HashMap<String, RawArray> =
        graph.initializers.iter().filter(|(_, a)| a.len() <= MAX_ELEMENTS).cloned().collect();
    let mut sources: HashMap<String, (String, Vec<usize>)> = HashMap::new();
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes) {
        if let Some(axes) = order(&node) {
            sources.insert(node.outputs[0].clone(), (node.inputs[0].clone(), axes));
            nodes.push(node);
            continue;
        }
        let Some(axes) = common_order(&node, &sources) else {
            nodes.push(node);
            continue;
        };
        let Some(inputs) = rearranged(&node, &axes, &sources, &constants)? else {
            nodes.push(node);
            continue;
        };
        let output = node.outputs[0].clone();
        let moved = format!("{output}/channels_first");
        let mut names = Vec::with_capacity(inputs.len());
        for input in inputs {
            names.push(match input {
                Operand::Name(name) => name,
                Operand::New(name, array) => {
                    if !graph.initializers.iter().any(|(known, _)| *known == name) {
                        graph.initializers.push((name.clone(), array));
                    }
                    name
                }
            });
        }
        nodes.push(OnnxNode {
            name: moved.clone(),
            inputs: names,
            outputs: vec![moved.clone()],
            ..node
        });
        sources.insert(output.clone(), (moved.clone(), axes.clone()));
        nodes.push(transpose(&moved, &output, &axes));
    }
    graph.nodes = nodes;
    remove_unused(graph);
    add_biases(graph)?;
    remove_unused(graph);
    Ok(())
}

fn transpose(input: &str, output: &str, axes: &[usize]) -> OnnxNode {
    let perm = axes.iter().map(|&axis| axis as i64).collect();
    OnnxNode {
        op_type: "Transpose".to_string(),
        name: output.to_string(),
        inputs: vec![input.to_string()],
        outputs: vec![output.to_string()],
        attributes: vec![("perm".to_string(), OnnxAttribute::Ints(perm))],
        ..OnnxNode::default()
    }
}

/// The order that all transposed inputs of an elementwise operation have.
fn common_order(
    node: &OnnxNode,
    sources: &HashMap<String, (String, Vec<usize>)>,
) -> Option<Vec<usize>> {
    if !ELEMENTWISE.contains(&node.op_type.as_str()) {
        return None;
    }
    let mut orders = node.inputs.iter().filter_map(|input| Some(&sources.get(input)?.1));
    let first = orders.next()?;
    orders.all(|other| other == first).then(|| first.clone())
}

/// An operand on the other side of a transposition.
enum Operand {
    Name(String),
    New(String, RawArray),
}

fn rearranged(
    node: &OnnxNode,
    axes: &[usize],
    sources: &HashMap<String, (String, Vec<usize>)>,
    constants: &HashMap<String, RawArray>,
) -> Result<Option<Vec<Operand>>> {
    let mut back = vec![0; axes.len()];
    for (to, &from) in axes.iter().enumerate() {
        back[from] = to;
    }
    let mut inputs = Vec::with_capacity(node.inputs.len());
    for input in &node.inputs {
        if let Some((source, _)) = sources.get(input) {
            inputs.push(Operand::Name(source.clone()));
            continue;
        }
        let Some(array) = constants.get(input).filter(|a| a.shape().len() <= axes.len()) else {
            return Ok(None);
        };
        if array.len() == 1 && array.shape().is_empty() {
            inputs.push(Operand::Name(input.clone()));
            continue;
        }
        let mut shape = vec![1; axes.len() - array.shape().len()];
        shape.extend_from_slice(array.shape());
        let whole = RawArray::new(array.dtype(), shape, array.data().to_vec())?;
        inputs.push(Operand::New(format!("{input}/channels_first"), transposed(&whole, &back)?));
    }
    Ok(Some(inputs))
}

/// Makes additions of a number for each channel the biases of the convolutions before them.
fn add_biases(graph: &mut OnnxGraph) -> Result<()> {
    let mut uses: HashMap<String, usize> = HashMap::new();
    let results = graph.outputs.iter().map(|output| &output.name);
    for name in graph.nodes.iter().flat_map(|node| &node.inputs).chain(results) {
        *uses.entry(name.clone()).or_default() += 1;
    }
    let mut convolutions: HashMap<String, usize> = HashMap::new();
    let mut biases = Vec::new();
    for at in 0..graph.nodes.len() {
        let node = &graph.nodes[at];
        if matches!(node.op_type.as_str(), "Conv" | "ConvTranspose") && node.inputs.len() == 2 {
            convolutions.insert(node.outputs[0].clone(), at);
        }
        let (true, [x, name]) = (node.op_type == "Add", node.inputs.as_slice()) else { continue };
        let Some(&convolution) = convolutions.get(x).filter(|_| uses.get(x) == Some(&1)) else {
            continue;
        };
        let known = graph.initializers.iter().find(|(known, _)| known == name);
        let Some((name, array)) = known else { continue };
        // `(1, C, 1, …)`, or without the first axis.
        let place = array.shape().len().checked_sub(graph_rank(graph, convolution) - 1);
        let channels = place.and_then(|place| array.shape().get(place));
        if channels != Some(&array.len()) || channels_of(graph, convolution) != channels.copied() {
            continue;
        }
        let vector = RawArray::new(array.dtype(), vec![array.len()], array.data().to_vec())?;
        let name = format!("{}/bias", name.trim_end_matches("/channels_first"));
        let output = node.outputs[0].clone();
        graph.nodes[convolution].inputs.push(name.clone());
        biases.push((name, vector));
        // The sum keeps its name; what nobody uses is removed.
        let before = std::mem::replace(&mut graph.nodes[convolution].outputs[0], output.clone());
        convolutions.remove(&before);
        graph.nodes[at].outputs[0] = format!("{output}/unused");
        graph.nodes[at].inputs = Vec::new();
    }
    for (name, vector) in biases {
        if !graph.initializers.iter().any(|(known, _)| *known == name) {
            graph.initializers.push((name, vector));
        }
    }
    Ok(())
}

/// The number of axes that a convolution works on.
fn graph_rank(graph: &OnnxGraph, convolution: usize) -> usize {
    match graph.nodes[convolution].attribute("kernel_shape") {
        Some(OnnxAttribute::Ints(window)) => window.len() + 2,
        _ => 0,
    }
}

/// How many channels a convolution gives.
fn channels_of(graph: &OnnxGraph, convolution: usize) -> Option<usize> {
    let node = &graph.nodes[convolution];
    let (_, kernel) = graph.initializers.iter().find(|(name, _)| *name == node.inputs[1])?;
    let groups = match node.attribute("group") {
        Some(OnnxAttribute::Int(groups)) => usize::try_from(*groups).ok()?,
        _ => 1,
    };
    match node.op_type.as_str() {
        "Conv" => kernel.shape().first().copied(),
        _ => kernel.shape().get(1).map(|channels| channels * groups),
    }
}
