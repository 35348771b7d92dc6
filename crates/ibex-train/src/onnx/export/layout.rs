//! Leaves out what an ONNX graph does not need: transpositions that undo each other, and nodes and
//! constants that no output depends on.
//!
//! Convolutions are written between two transpositions, as their channels come first in ONNX;
//! `sink` moves what lies between two convolutions to the other side, so that they meet here.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use ibex_format::RawDType;
use ibex_format::onnx::{OnnxAttribute, OnnxGraph, OnnxNode};

use crate::error::Result;

/// Simplifies a graph.
pub(super) fn simplify(graph: &mut OnnxGraph) -> Result<()> {
    remove_unused(graph);
    super::sink::sink(graph)?;
    join_transposes(graph);
    remove_unused(graph);
    name_results(graph);
    Ok(())
}

/// The largest constants of which equal ones become one, in bytes.
const MAX_SHARED: usize = 64;

/// Keeps one of extents and numbers that are equal; weights stay by themselves.
pub(super) fn share_constants(graph: &mut OnnxGraph) {
    let mut first: HashMap<(RawDType, Vec<usize>, Vec<u8>), String> = HashMap::new();
    let mut same: HashMap<String, String> = HashMap::new();
    graph.initializers.retain(|(name, array)| {
        let plain = array.shape().is_empty() || array.dtype() == RawDType::I64;
        if !plain || array.data().len() > MAX_SHARED {
            return true;
        }
        let key = (array.dtype(), array.shape().to_vec(), array.data().to_vec());
        match first.entry(key) {
            Entry::Vacant(place) => {
                place.insert(name.clone());
                true
            }
            Entry::Occupied(known) => {
                same.insert(name.clone(), known.get().clone());
                false
            }
        }
    });
    for input in graph.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
        if let Some(other) = same.get(input) {
            input.clone_from(other);
        }
    }
}

/// Removes nodes, outputs of nodes and constants that no result depends on.
pub(super) fn remove_unused(graph: &mut OnnxGraph) {
    let mut needed: HashSet<String> = graph.outputs.iter().map(|v| v.name.clone()).collect();
    let mut kept = Vec::with_capacity(graph.nodes.len());
    for mut node in std::mem::take(&mut graph.nodes).into_iter().rev() {
        let is_needed = |name: &String| needed.contains(name);
        let Some(last) = node.outputs.iter().rposition(is_needed) else { continue };
        node.outputs.truncate(last + 1);
        needed.extend(node.inputs.iter().cloned());
        kept.push(node);
    }
    kept.reverse();
    graph.nodes = kept;
    graph.initializers.retain(|(name, _)| needed.contains(name));
}

/// The order of the axes of a transposition.
pub(super) fn order(node: &OnnxNode) -> Option<Vec<usize>> {
    match (node.op_type.as_str(), node.attribute("perm")) {
        ("Transpose", Some(OnnxAttribute::Ints(axes))) => {
            axes.iter().map(|&axis| usize::try_from(axis).ok()).collect()
        }
        _ => None,
    }
}

/// Joins each transposition with the one before it, and leaves out those that do nothing.
fn join_transposes(graph: &mut OnnxGraph) {
    let mut sources: HashMap<String, (String, Vec<usize>)> = HashMap::new();
    let mut same: HashMap<String, String> = HashMap::new();
    let mut kept = Vec::with_capacity(graph.nodes.len());
    for mut node in std::mem::take(&mut graph.nodes) {
        for input in &mut node.inputs {
            if let Some(other) = same.get(input) {
                input.clone_from(other);
            }
        }
        if let Some(mut axes) = order(&node) {
            if let Some((source, first)) = sources.get(&node.inputs[0]) {
                axes = axes.iter().map(|&axis| first[axis]).collect();
                node.inputs[0].clone_from(source);
                let perm = axes.iter().map(|&axis| axis as i64).collect();
                node.attributes = vec![("perm".to_string(), OnnxAttribute::Ints(perm))];
            }
            if axes.iter().copied().eq(0..axes.len()) {
                same.insert(node.outputs[0].clone(), node.inputs[0].clone());
                continue;
            }
            sources.insert(node.outputs[0].clone(), (node.inputs[0].clone(), axes));
        }
        kept.push(node);
    }
    graph.nodes = kept;
}

/// Lets the node that computes a result give it under its name, where nothing else uses it.
fn name_results(graph: &mut OnnxGraph) {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for input in graph.nodes.iter().flat_map(|node| &node.inputs) {
        *uses.entry(input.clone()).or_default() += 1;
    }
    let results: HashSet<String> = graph.outputs.iter().map(|v| v.name.clone()).collect();
    let is_named =
        |node: &OnnxNode| node.op_type == "Identity" && results.contains(&node.outputs[0]);
    let computed: HashSet<String> =
        graph.nodes.iter().flat_map(|node| node.outputs.iter().cloned()).collect();
    let mut renamed: HashMap<String, String> = HashMap::new();
    graph.nodes.retain(|node| {
        let source = &node.inputs.first().cloned().unwrap_or_default();
        let alone = is_named(node) && uses.get(source) == Some(&1) && computed.contains(source);
        if alone {
            renamed.insert(source.clone(), node.outputs[0].clone());
        }
        !alone
    });
    for output in graph.nodes.iter_mut().flat_map(|node| &mut node.outputs) {
        if let Some(name) = renamed.get(output) {
            output.clone_from(name);
        }
    }
}
