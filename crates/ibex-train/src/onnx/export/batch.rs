//! One graph for any batch size, from the graphs of two.
//!
//! A number that differs between the two must be a multiple of the batch size plus a constant, and
//! must stand in a list of extents, which is then computed from the shape of an input; everything
//! else must be equal.
//! It must not know any operation but the few that compute with extents.

use std::collections::HashMap;

use ibex_format::RawArray;
use ibex_format::onnx::{OnnxAttribute, OnnxExtent, OnnxGraph, OnnxNode, OnnxValue};
use ibex_format::{RawDType, Result as FormatResult};

/// The name of the open extent.
const BATCH: &str = "batch";

/// `factor * batch + constant`.
#[derive(Clone, Copy)]
struct Linear {
    factor: i64,
    constant: i64,
}

impl Linear {
    /// The line through two points; `None` if it is not of whole, natural numbers.
    fn through(values: [i64; 2], batches: [usize; 2]) -> Option<Linear> {
        let run = batches[1] as i64 - batches[0] as i64;
        let rise = values[1].checked_sub(values[0])?;
        let factor = rise / run;
        let constant = values[0] - factor * batches[0] as i64;
        let fits = rise % run == 0 && factor >= 0 && (constant >= 0 || factor == 0);
        fits.then_some(Linear { factor, constant })
    }
}

/// The graph for any batch size; `None` if there is none.
pub(super) fn merged(small: OnnxGraph, large: OnnxGraph, batches: [usize; 2]) -> Option<OnnxGraph> {
    if small.nodes != large.nodes || small.initializers.len() != large.initializers.len() {
        return None;
    }
    let inputs = values(&small.inputs, &large.inputs, batches)?;
    let outputs = values(&small.outputs, &large.outputs, batches)?;
    let (source, axis) = inputs.iter().find_map(|input| {
        let named = |extent: &OnnxExtent| *extent == OnnxExtent::Named(BATCH.to_string());
        Some((input.name.clone(), input.shape.as_ref()?.iter().position(named)?))
    })?;
    let mut open = Open { nodes: vec![extent_of(&source, axis)], ..Open::default() };
    let mut initializers = Vec::new();
    for ((name, a), (other, b)) in small.initializers.into_iter().zip(large.initializers) {
        if name != other || a.dtype() != b.dtype() || a.shape() != b.shape() {
            return None;
        }
        if a == b {
            initializers.push((name, a));
            continue;
        }
        let lines = lines(&a, &b, batches)?;
        match only_of_reshapes(&small.nodes, &name) && free_extents(&lines) == 1 {
            true => initializers.push((name, with_free_extent(&lines).ok()?)),
            false => initializers.extend(open.computed(&name, &lines).ok()?),
        }
    }
    let mut nodes = match open.nodes.len() {
        1 => Vec::new(),
        _ => open.nodes,
    };
    nodes.extend(small.nodes);
    Some(OnnxGraph { name: small.name, nodes, initializers, inputs, outputs })
}

fn values(small: &[OnnxValue], large: &[OnnxValue], batches: [usize; 2]) -> Option<Vec<OnnxValue>> {
    let extent = |(a, b): (&OnnxExtent, &OnnxExtent)| match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (OnnxExtent::Known(a), OnnxExtent::Known(b)) => {
            let line = Linear::through([*a as i64, *b as i64], batches)?;
            Some(match (line.factor, line.constant) {
                (1, 0) => OnnxExtent::Named(BATCH.to_string()),
                _ => OnnxExtent::Unknown,
            })
        }
        _ => None,
    };
    let one = |(a, b): (&OnnxValue, &OnnxValue)| {
        let (shape, other) = (a.shape.as_ref()?, b.shape.as_ref()?);
        let fits = a.name == b.name && a.dtype == b.dtype && shape.len() == other.len();
        let shape = shape.iter().zip(other).map(extent).collect::<Option<Vec<_>>>()?;
        fits.then(|| OnnxValue { shape: Some(shape), ..a.clone() })
    };
    small.iter().zip(large).map(one).collect()
}

/// The lists of extents as lines.
fn lines(a: &RawArray, b: &RawArray, batches: [usize; 2]) -> Option<Vec<Linear>> {
    if a.dtype() != RawDType::I64 || a.shape().len() != 1 {
        return None;
    }
    let (a, b) = (a.as_i64().ok()?, b.as_i64().ok()?);
    a.iter().zip(b.iter()).map(|(&a, &b)| Linear::through([a, b], batches)).collect()
}

fn free_extents(lines: &[Linear]) -> usize {
    lines.iter().filter(|line| line.factor != 0).count()
}

fn only_of_reshapes(nodes: &[OnnxNode], name: &str) -> bool {
    let uses = |node: &&OnnxNode| node.inputs.iter().any(|input| input == name);
    let plain = |node: &OnnxNode| node.op_type == "Reshape" && node.attributes.is_empty();
    nodes.iter().filter(uses).all(plain)
}

/// The shape of a reshape, which finds one extent by itself.
fn with_free_extent(lines: &[Linear]) -> FormatResult<RawArray> {
    let extent = |line: &Linear| if line.factor == 0 { line.constant } else { -1 };
    let extents: Vec<i64> = lines.iter().map(extent).collect();
    RawArray::from_slice(&[extents.len()], &extents)
}

/// The node that gives the batch size as a list of one extent.
fn extent_of(input: &str, axis: usize) -> OnnxNode {
    let axis = axis as i64;
    OnnxNode {
        op_type: "Shape".to_string(),
        name: BATCH.to_string(),
        inputs: vec![input.to_string()],
        outputs: vec![BATCH.to_string()],
        attributes: vec![
            ("start".to_string(), OnnxAttribute::Int(axis)),
            ("end".to_string(), OnnxAttribute::Int(axis + 1)),
        ],
        ..OnnxNode::default()
    }
}

/// The nodes that compute extents from the batch size.
#[derive(Default)]
struct Open {
    nodes: Vec<OnnxNode>,
    known: HashMap<(i64, i64), String>,
}

impl Open {
    fn node(&mut self, op_type: &str, inputs: &[&str], output: &str) {
        let list = op_type == "Concat";
        self.nodes.push(OnnxNode {
            op_type: op_type.to_string(),
            name: output.to_string(),
            inputs: inputs.iter().map(|input| input.to_string()).collect(),
            outputs: vec![output.to_string()],
            attributes: match list {
                true => vec![("axis".to_string(), OnnxAttribute::Int(0))],
                false => Vec::new(),
            },
            ..OnnxNode::default()
        });
    }

    /// Adds nodes that give the extents under `name`; what they need is returned.
    fn computed(&mut self, name: &str, lines: &[Linear]) -> FormatResult<Vec<(String, RawArray)>> {
        let mut constants = Vec::new();
        let mut parts = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            if line.factor == 0 {
                let part = format!("{name}/{at}");
                constants.push((part.clone(), RawArray::from_slice(&[1], &[line.constant])?));
                parts.push(part);
                continue;
            }
            let key = (line.factor, line.constant);
            if let Some(known) = self.known.get(&key) {
                parts.push(known.clone());
                continue;
            }
            let mut part = BATCH.to_string();
            for (op_type, number, neutral) in [("Mul", line.factor, 1), ("Add", line.constant, 0)] {
                if number != neutral {
                    let (constant, next) =
                        (format!("{part}/{number}"), format!("{part}_{op_type}{number}"));
                    constants.push((constant.clone(), RawArray::from_slice(&[1], &[number])?));
                    self.node(op_type, &[&part, &constant], &next);
                    part = next;
                }
            }
            self.known.insert(key, part.clone());
            parts.push(part);
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.node("Concat", &parts, name);
        Ok(constants)
    }
}
