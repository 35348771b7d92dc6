//! What each operation of Ibex is in ONNX: one arm each, without a fallback, so that a new
//! operation is not forgotten.

mod elementwise;
mod products;
mod recurrent;
mod reductions;
mod shapes;
mod windows;

use ibex_graph::Op;

use super::site::{Outcome, Site};
use crate::error::Result;

/// Gradients are no part of a prediction.
const GRADIENT: Outcome = Outcome::Lacking("only training needs it");

/// Writes one node.
pub(super) fn write(site: &mut Site<'_>) -> Result<Outcome> {
    let op = site.node.op.clone();
    match &op {
        Op::Input(_) => Ok(Outcome::Lacking("the computation has further arguments")),
        Op::Read(read) => {
            let variable = &read.variable;
            let value = site.builder.constant(variable.name(), &variable.get())?;
            Ok(Outcome::Values(vec![value]))
        }
        Op::Constant(constant) => {
            let place = format!("{}/constant", site.builder.path);
            let value = site.builder.constant(place.trim_start_matches('/'), &constant.value)?;
            Ok(Outcome::Values(vec![value]))
        }
        Op::Unary(op) => elementwise::unary(site, *op),
        Op::Binary(op) => elementwise::binary(site, *op),
        Op::Compare(op) => elementwise::compare(site, *op),
        Op::Select(_) => elementwise::select(site),
        Op::Cast(op) => elementwise::cast(site, op.to),
        Op::Softplus(_) => site.direct("Softplus", Vec::new()),
        Op::StopGradient(_) => Ok(Outcome::Values(site.all())),
        Op::Reshape(op) => shapes::reshape(site, &op.shape),
        Op::Transpose(op) => shapes::transpose(site, &op.axes),
        Op::Broadcast(op) => shapes::broadcast(site, &op.shape),
        Op::Slice(op) => shapes::slice(site, op),
        Op::Pad(op) => shapes::pad(site, op),
        Op::Reverse(op) => shapes::reverse(site, &op.axes),
        Op::Concatenate(op) => shapes::concatenate(site, op.axis),
        Op::Gather(op) => shapes::gather(site, op.axis),
        Op::TakeAlongAxis(op) => shapes::take_along_axis(site, op.axis),
        Op::AddAlongAxis(op) => shapes::add_along_axis(site, op.axis),
        Op::ScatterAdd(op) => shapes::scatter_add(site, op.axis),
        Op::Iota(op) => shapes::iota(site, op.axis),
        Op::MatMul(_) => products::matmul(site),
        Op::Reduce(op) => reductions::reduce(site, op),
        Op::Softmax(op) => reductions::along(site, "Softmax", op.axis),
        Op::LogSoftmax(op) => reductions::along(site, "LogSoftmax", op.axis),
        Op::Moments(op) => reductions::moments(site, &op.axes),
        Op::Normalize(op) => reductions::normalize(site, op),
        Op::ArgSort(op) => reductions::arg_sort(site, op),
        Op::ArgReduce(op) => reductions::arg_reduce(site, op),
        Op::CumulativeSum(op) => reductions::cumulative_sum(site, op),
        Op::Convolution(op) => windows::convolution(site, op),
        Op::ConvolutionInputGradient(op) => windows::transposed_convolution(site, op),
        Op::MaxPool(op) => windows::max_pool(site, &op.pool),
        Op::WindowSum(op) => windows::window_sum(site, &op.pool),
        Op::Recurrent(op) => recurrent::recurrent(site, op),
        Op::Attention(_) | Op::SparseSoftmaxCrossEntropy(_) => Ok(Outcome::Parts),
        Op::SamplePixels(_) => Ok(Outcome::Parts),
        Op::ConvolutionKernelGradient(_)
        | Op::MaxPoolGradient(_)
        | Op::WindowSumGradient(_)
        | Op::AttentionGradient(_)
        | Op::SparseSoftmaxCrossEntropyGradient(_)
        | Op::NormalizeGradient(_)
        | Op::RecurrentGradient(_) => Ok(GRADIENT),
        Op::RandomUniform(_) => Ok(Outcome::Lacking("ONNX has no random numbers with a seed")),
        Op::HashBins(_) => Ok(Outcome::Lacking("ONNX has no hashes of integers")),
        Op::MatrixFunction(_) => Ok(Outcome::Lacking("ONNX has no such function of matrices")),
    }
}
