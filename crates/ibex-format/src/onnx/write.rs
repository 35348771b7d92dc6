//! Writing the messages of an ONNX file: the same model gives the same bytes.

use super::tensor::{self, code_of};
use super::{OnnxAttribute, OnnxExtent, OnnxGraph, OnnxModel, OnnxNode, OnnxValue};
use crate::error::{Problem, Result};
use crate::wire::Message;

/// A whole file.
pub(super) fn model(model: &OnnxModel) -> Result<Vec<u8>> {
    let arrays = |graph: &OnnxGraph| -> u64 {
        graph.initializers.iter().map(|(_, array)| array.data().len() as u64).sum()
    };
    let too_large = |size: u64| {
        Problem::new("the model is too large for an ONNX file")
            .expected(format!("at most {} bytes", super::MAX_BYTES))
            .received(format!("at least {size} bytes"))
            .help("save it as `.keras` or `.safetensors`")
            .invalid()
    };
    let size = arrays(&model.graph);
    if size > super::MAX_BYTES {
        return Err(too_large(size));
    }
    let mut message = Message::default();
    message.int(1, model.ir_version);
    message.text(2, &model.producer);
    message.text(3, &model.producer_version);
    message.message(7, graph(&model.graph));
    for (domain, version) in &model.opsets {
        let mut opset = Message::default();
        opset.text(1, domain);
        opset.int(2, *version);
        message.message(8, opset);
    }
    for (key, value) in &model.metadata {
        let mut pair = Message::default();
        pair.text(1, key);
        pair.text(2, value);
        message.message(14, pair);
    }
    match message.0.len() as u64 {
        size if size > super::MAX_BYTES => Err(too_large(size)),
        _ => Ok(message.0),
    }
}

fn graph(graph: &OnnxGraph) -> Message {
    let mut message = Message::default();
    graph.nodes.iter().for_each(|node| message.message(1, self::node(node)));
    message.text(2, &graph.name);
    for (name, array) in &graph.initializers {
        message.message(5, tensor::write(name, array));
    }
    graph.inputs.iter().for_each(|input| message.message(11, value(input)));
    graph.outputs.iter().for_each(|output| message.message(12, value(output)));
    message
}

fn node(node: &OnnxNode) -> Message {
    let mut message = Message::default();
    // An empty name says that an argument is left out: here it is written.
    node.inputs.iter().for_each(|name| message.bytes(1, name.as_bytes()));
    node.outputs.iter().for_each(|name| message.bytes(2, name.as_bytes()));
    message.text(3, &node.name);
    message.text(4, &node.op_type);
    for (name, value) in &node.attributes {
        message.message(5, attribute(name, value));
    }
    message.text(7, &node.domain);
    message
}

fn attribute(name: &str, value: &OnnxAttribute) -> Message {
    let mut message = Message::default();
    message.text(1, name);
    let kind = match value {
        OnnxAttribute::Float(value) => {
            message.float(2, *value);
            1
        }
        OnnxAttribute::Int(value) => {
            message.int(3, *value);
            2
        }
        OnnxAttribute::Text(value) => {
            message.bytes(4, value.as_bytes());
            3
        }
        OnnxAttribute::Tensor(value) => {
            message.message(5, tensor::write("", value));
            4
        }
        OnnxAttribute::Graph(value) => {
            message.message(6, graph(value));
            5
        }
        OnnxAttribute::Floats(values) => {
            values.iter().for_each(|&value| message.float(7, value));
            6
        }
        OnnxAttribute::Ints(values) => {
            values.iter().for_each(|&value| message.int(8, value));
            7
        }
        OnnxAttribute::Texts(values) => {
            values.iter().for_each(|value| message.bytes(9, value.as_bytes()));
            8
        }
        OnnxAttribute::Other => 0,
    };
    message.int(20, kind);
    message
}

fn value(value: &OnnxValue) -> Message {
    let mut tensor = Message::default();
    tensor.int(1, value.dtype.map_or(0, code_of));
    if let Some(extents) = &value.shape {
        let mut shape = Message::default();
        for extent in extents {
            let mut dimension = Message::default();
            match extent {
                OnnxExtent::Known(extent) => dimension.int(1, *extent as i64),
                OnnxExtent::Named(name) => dimension.text(2, name),
                OnnxExtent::Unknown => {}
            }
            shape.message(1, dimension);
        }
        tensor.message(2, shape);
    }
    let mut ty = Message::default();
    ty.message(1, tensor);
    let mut message = Message::default();
    message.text(1, &value.name);
    message.message(2, ty);
    message
}
