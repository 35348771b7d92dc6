//! Reading the messages of an ONNX file.
//!
//! How many messages and names a file may hold, and how deep graphs may stand in graphs, is bounded
//! before memory is taken for them.

use super::tensor::{self, dtype_of};
use super::{OnnxAttribute, OnnxExtent, OnnxGraph, OnnxModel, OnnxNode, OnnxValue};
use crate::error::{Problem, Result, excerpt};
use crate::wire::{Field, damaged, for_each};

/// The most messages, names and numbers of options in a file: the largest exported networks have
/// some ten thousand.
const MAX_PARTS: usize = 500_000;

/// How deep graphs may stand in the options of nodes.
const MAX_DEPTH: usize = 8;

/// What a file may still ask for.
#[derive(Debug)]
pub(super) struct Budget {
    parts: usize,
    depth: usize,
}

impl Budget {
    /// Takes one of the parts.
    pub(super) fn take(&mut self) -> Result<()> {
        let too_many = || Problem::new("the file has too many parts").refused();
        self.parts = self.parts.checked_sub(1).ok_or_else(too_many)?;
        Ok(())
    }
}

/// A whole file.
pub(super) fn model(bytes: &[u8]) -> Result<OnnxModel> {
    if bytes.len() as u64 > super::MAX_BYTES {
        return Err(Problem::new("the file is larger than an ONNX file can be")
            .expected(format!("at most {} bytes", super::MAX_BYTES))
            .refused());
    }
    let mut budget = Budget { parts: MAX_PARTS, depth: MAX_DEPTH };
    let mut model = OnnxModel {
        ir_version: 0,
        producer: String::new(),
        producer_version: String::new(),
        opsets: Vec::new(),
        graph: OnnxGraph::default(),
        metadata: Vec::new(),
    };
    let mut has_graph = false;
    for_each(bytes, |number, field| {
        match number {
            1 => model.ir_version = field.int()?,
            2 => model.producer = field.text()?,
            3 => model.producer_version = field.text()?,
            7 => {
                has_graph = true;
                model.graph = graph(field.bytes()?, &mut budget)?;
            }
            8 => model.opsets.push(opset(field.bytes()?, &mut budget)?),
            14 => model.metadata.push(pair(field.bytes()?, &mut budget)?),
            _ => {}
        }
        Ok(())
    })?;
    if !has_graph {
        return Err(Problem::new("the file is no ONNX model: it has no graph").damaged());
    }
    Ok(model)
}

fn opset(bytes: &[u8], budget: &mut Budget) -> Result<(String, i64)> {
    budget.take()?;
    let mut opset = (String::new(), 0);
    for_each(bytes, |number, field| {
        match number {
            1 => opset.0 = field.text()?,
            2 => opset.1 = field.int()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(opset)
}

fn pair(bytes: &[u8], budget: &mut Budget) -> Result<(String, String)> {
    budget.take()?;
    let mut pair = (String::new(), String::new());
    for_each(bytes, |number, field| {
        match number {
            1 => pair.0 = field.text()?,
            2 => pair.1 = field.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(pair)
}

fn graph(bytes: &[u8], budget: &mut Budget) -> Result<OnnxGraph> {
    budget.take()?;
    let too_deep = || Problem::new("graphs stand too deep in each other").refused();
    budget.depth = budget.depth.checked_sub(1).ok_or_else(too_deep)?;
    let mut graph = OnnxGraph::default();
    for_each(bytes, |number, field| {
        match number {
            1 => graph.nodes.push(node(field.bytes()?, budget)?),
            2 => graph.name = field.text()?,
            5 => {
                budget.take()?;
                graph.initializers.push(tensor::read(field.bytes()?, budget)?);
            }
            11 => graph.inputs.push(value(field.bytes()?, budget)?),
            12 => graph.outputs.push(value(field.bytes()?, budget)?),
            15 => {
                return Err(Problem::new("the file holds sparse tensors")
                    .help("export the model with dense weights")
                    .unsupported());
            }
            _ => {}
        }
        Ok(())
    })?;
    budget.depth += 1;
    Ok(graph)
}

fn node(bytes: &[u8], budget: &mut Budget) -> Result<OnnxNode> {
    budget.take()?;
    let mut node = OnnxNode::default();
    let mut options = Vec::new();
    for_each(bytes, |number, field| {
        match number {
            1 | 2 => {
                budget.take()?;
                let names = if number == 1 { &mut node.inputs } else { &mut node.outputs };
                names.push(field.text()?);
            }
            3 => node.name = field.text()?,
            4 => node.op_type = field.text()?,
            5 => {
                budget.take()?;
                options.push(field.bytes()?);
            }
            7 => node.domain = field.text()?,
            _ => {}
        }
        Ok(())
    })?;
    for option in options {
        let read = attribute(option, budget);
        let place = || format!("{} `{}`", excerpt(&node.op_type), excerpt(&node.name));
        node.attributes.push(read.map_err(|error| error.in_member(place()))?);
    }
    Ok(node)
}

/// Everything that an option may hold.
#[derive(Default)]
struct Parts<'a> {
    name: String,
    kind: i64,
    single: Vec<(u64, Field<'a>)>,
    floats: Vec<f32>,
    ints: Vec<i64>,
    texts: Vec<String>,
}

fn attribute(bytes: &[u8], budget: &mut Budget) -> Result<(String, OnnxAttribute)> {
    let mut parts = Parts::default();
    for_each(bytes, |number, field| {
        match number {
            1 => parts.name = field.text()?,
            2..=6 => {
                budget.take()?;
                parts.single.push((number, field));
            }
            7 => field.each_fixed(|bytes| {
                budget.take()?;
                parts.floats.push(f32::from_le_bytes(bytes));
                Ok(())
            })?,
            8 => field.each_int(|value| {
                budget.take()?;
                parts.ints.push(value);
                Ok(())
            })?,
            9 => {
                budget.take()?;
                parts.texts.push(field.text()?);
            }
            20 => parts.kind = field.int()?,
            _ => {}
        }
        Ok(())
    })?;
    let Parts { name, kind, single, floats, ints, texts } = parts;
    // The last one counts, as everywhere in protobuf; a number of zero is not written.
    let field = |wanted: u64| single.iter().rev().find(|(n, _)| *n == wanted).map(|(_, f)| *f);
    let needed = |wanted: u64| field(wanted).ok_or_else(|| damaged("an option without a value"));
    // Files before version 2 of the format do not say what kind of value it is.
    let kind = match (kind, single.first()) {
        (0, Some((number, _))) => *number as i64 - 1,
        (0, None) if !floats.is_empty() => 6,
        (0, None) if !texts.is_empty() => 8,
        (0, None) => 7,
        (kind, _) => kind,
    };
    let value = match kind {
        1 => OnnxAttribute::Float(field(2).map_or(Ok(0.0), Field::float)?),
        2 => OnnxAttribute::Int(field(3).map_or(Ok(0), Field::int)?),
        3 => match field(4).map_or(Ok(&[][..]), Field::bytes).map(std::str::from_utf8)? {
            Ok(text) => OnnxAttribute::Text(text.to_string()),
            Err(_) => OnnxAttribute::Other,
        },
        4 => OnnxAttribute::Tensor(tensor::read(needed(5)?.bytes()?, budget)?.1),
        5 => OnnxAttribute::Graph(Box::new(graph(needed(6)?.bytes()?, budget)?)),
        6 => OnnxAttribute::Floats(floats),
        7 => OnnxAttribute::Ints(ints),
        8 => OnnxAttribute::Texts(texts),
        _ => OnnxAttribute::Other,
    };
    Ok((name, value))
}

fn value(bytes: &[u8], budget: &mut Budget) -> Result<OnnxValue> {
    budget.take()?;
    let mut value = OnnxValue { name: String::new(), dtype: None, shape: None };
    for_each(bytes, |number, field| {
        match number {
            1 => value.name = field.text()?,
            2 => for_each(field.bytes()?, |kind, field| match kind {
                1 => tensor_type(field.bytes()?, &mut value, budget),
                _ => Ok(()),
            })?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(value)
}

fn tensor_type(bytes: &[u8], value: &mut OnnxValue, budget: &mut Budget) -> Result<()> {
    for_each(bytes, |number, field| {
        match number {
            1 => value.dtype = dtype_of(field.int()?),
            2 => {
                let mut shape = Vec::new();
                for_each(field.bytes()?, |number, field| {
                    if number == 1 {
                        budget.take()?;
                        shape.push(extent(field.bytes()?)?);
                    }
                    Ok(())
                })?;
                value.shape = Some(shape);
            }
            _ => {}
        }
        Ok(())
    })
}

fn extent(bytes: &[u8]) -> Result<OnnxExtent> {
    let mut extent = OnnxExtent::Unknown;
    for_each(bytes, |number, field| {
        match number {
            // Some programs write an unknown extent as a negative number.
            1 => {
                extent =
                    usize::try_from(field.int()?).map_or(OnnxExtent::Unknown, OnnxExtent::Known)
            }
            2 => extent = OnnxExtent::Named(field.text()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(extent)
}
