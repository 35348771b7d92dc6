//! An ONNX graph as a model of Keras layers.
//!
//! Each node becomes the layer that computes the same, with its weights, or a call of `keras.ops`;
//! [`NODES`] is the table.
//! Layers keep the channels first, as in the file, so that data need not be rearranged.
//! What depends on no input is computed while the file is read; lists of extents are followed
//! through the nodes that programs compute them with.
//! Read in this order: this file, `value`, `context`, `node`, and then any family of nodes.

mod activations;
mod arithmetic;
mod context;
mod dense;
mod node;
mod normalization;
mod recurrent;
mod reductions;
mod shapes;
mod value;
mod windows;

use ibex_format::error::Problem;
use ibex_format::onnx::{OnnxModel, OnnxNode};

use crate::error::Result;
use crate::model::Model;
use context::Context;
use node::NodeSite;
use value::Value;

/// What the conversion of a node gives: a value for each of its outputs, or what is not supported.
type Outcome = Result<Vec<Value>, NodeError>;

/// Why a node is not converted.
#[derive(Debug)]
enum NodeError {
    /// There is no such node here, or not with these options; the text says which.
    Unsupported(String),
    /// Something else went wrong.
    Failed(crate::error::Error),
}

impl<E: Into<crate::error::Error>> From<E> for NodeError {
    fn from(error: E) -> NodeError {
        NodeError::Failed(error.into())
    }
}

fn unsupported<T>(reason: impl Into<String>) -> Result<T, NodeError> {
    Err(NodeError::Unsupported(reason.into()))
}

/// One kind of node.
struct NodeRow {
    op_type: &'static str,
    convert: fn(&mut NodeSite<'_, '_>) -> Outcome,
}

/// The rows of a table: the name in ONNX and the function that converts it.
macro_rules! rows {
    ($($op_type:literal $convert:expr;)*) => {
        &[$(super::NodeRow { op_type: $op_type, convert: $convert },)*]
    };
}
use rows;

/// Every kind of node that is read.
const NODES: &[&[NodeRow]] = &[
    activations::ROWS,
    arithmetic::ROWS,
    dense::ROWS,
    normalization::ROWS,
    recurrent::ROWS,
    reductions::ROWS,
    shapes::ROWS,
    windows::ROWS,
];

/// The model that a file describes: for batches of any size, where the file allows it.
pub(super) fn import(file: &OnnxModel) -> Result<Model> {
    let context = Context::new(file, true)?;
    match context.opened {
        // What works for single samples only stays so.
        true => converted(context).or_else(|_| converted(Context::new(file, false)?)),
        false => converted(context),
    }
}

fn converted(mut context: Context<'_>) -> Result<Model> {
    let file = context.file;
    let mut lacking: Vec<String> = Vec::new();
    for (at, node) in file.graph.nodes.iter().enumerate() {
        if context.is_done(at) {
            continue;
        }
        match convert(&mut context, node) {
            Ok(values) => context.give(node, values),
            Err(NodeError::Failed(error)) => return Err(error),
            Err(NodeError::Unsupported(reason)) => {
                let text = format!("{}: {reason}", described(node));
                if !lacking.contains(&text) {
                    lacking.push(text);
                }
                context.give_nothing(node);
            }
        }
    }
    if lacking.is_empty() {
        return context.model();
    }
    let count = lacking.len();
    lacking.truncate(12);
    if lacking.len() < count {
        lacking.push(format!("and {} more", count - lacking.len()));
    }
    Err(Problem::new("the ONNX file has nodes that are not supported")
        .expected("nodes for which there is a Keras layer or operation")
        .received(lacking.join("\n            "))
        .help("export the part of the model before them, or replace them")
        .unsupported()
        .into())
}

fn described(node: &OnnxNode) -> String {
    let names = [&node.name, node.outputs.first().unwrap_or(&node.name)];
    let name = names.into_iter().find(|name| !name.is_empty());
    match name {
        Some(name) => format!("`{}` (`{}`)", name.escape_debug(), node.op_type.escape_debug()),
        None => format!("`{}`", node.op_type.escape_debug()),
    }
}

fn convert(context: &mut Context<'_>, node: &OnnxNode) -> Outcome {
    if !matches!(node.domain.as_str(), "" | "ai.onnx") {
        return unsupported(format!("operations of `{}`", node.domain.escape_debug()));
    }
    let row = NODES.iter().copied().flatten().find(|row| row.op_type == node.op_type);
    let Some(row) = row else { return unsupported("there is no such layer") };
    let mut site = NodeSite { context, node };
    if site.depends_on_lacking() {
        return Ok(Vec::new());
    }
    let values = (row.convert)(&mut site)?;
    if let Some(mistake) = values.iter().find_map(Value::mistake) {
        return unsupported(mistake);
    }
    values.into_iter().map(|value| value.folded()).collect()
}
