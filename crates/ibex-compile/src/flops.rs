//! How much arithmetic work takes, from shapes alone.
//!
//! Must not know: kernels, memory.

use ibex_graph::Op;
use ibex_graph::ops::recurrent::{Input, Recurrence};

use crate::lower::unit::{Lowered, Pointwise, Source, Unit, UnitKind};

/// What a uniform random number takes: ten rounds of multiplications and additions for four.
const RANDOM: u64 = 20;

/// What an operation that is no product takes for each element of its operands: softmax,
/// normalisation and pooling lie around it.
const KERNEL: u64 = 4;

fn size(shape: &[usize]) -> u64 {
    shape.iter().fold(1, |size, &extent| size.saturating_mul(extent as u64))
}

/// The multiplications and additions of a matrix product or convolution; `None` for others.
pub(crate) fn of_product<S: AsRef<[usize]>>(op: &Op, inputs: &[S], outputs: &[S]) -> Option<u64> {
    let last = |shape: &[usize]| shape.last().copied().unwrap_or(1).max(1) as u64;
    // Each element of the forward result takes the kernel's elements of its own channel.
    let convolution = |result: &S, kernel: &S| {
        let each = size(kernel.as_ref()) / last(kernel.as_ref());
        size(result.as_ref()).saturating_mul(2 * each)
    };
    match (op, inputs, outputs) {
        (Op::MatMul(_), [x, ..], [y, ..]) => {
            Some(size(y.as_ref()).saturating_mul(2 * last(x.as_ref())))
        }
        (Op::Convolution(_), [_, kernel, ..], [y, ..]) => Some(convolution(y, kernel)),
        (Op::ConvolutionInputGradient(_), [dy, kernel, ..], _) => Some(convolution(dy, kernel)),
        (Op::ConvolutionKernelGradient(_), [_, dy, ..], [kernel, ..]) => {
            Some(convolution(dy, kernel))
        }
        _ => None,
    }
}

/// About the FLOPs of a unit: one for each element that an element-wise function computes.
pub(crate) fn of_unit(lowered: &Lowered, unit: &Unit) -> u64 {
    match &unit.kind {
        UnitKind::Pointwise(Pointwise::Copy | Pointwise::Iota(..)) => 0,
        UnitKind::Pointwise(Pointwise::Random(_)) => RANDOM.saturating_mul(size(&unit.shape)),
        UnitKind::Pointwise(_) | UnitKind::Reduce(..) => size(&unit.shape),
        UnitKind::Op(op) => of_op(op, &inputs(unit), &outputs(lowered, unit)),
        UnitKind::Product(product) => {
            let ends = u64::from(product.bias) + u64::from(product.activation.is_some());
            let ends = ends.saturating_mul(size(&unit.shape));
            // The activation may have seen the result under another shape.
            of_op(&product.op, &inputs(unit), &[&unit.shape]).saturating_add(ends)
        }
    }
}

fn inputs(unit: &Unit) -> Vec<&[usize]> {
    unit.inputs.iter().map(Source::shape).collect()
}

fn outputs<'a>(lowered: &'a Lowered, unit: &Unit) -> Vec<&'a [usize]> {
    unit.outputs.iter().map(|&value| lowered.values[value].ty.shape.dims()).collect()
}

fn of_op(op: &Op, inputs: &[&[usize]], outputs: &[&[usize]]) -> u64 {
    if let Some(flops) = of_product(op, inputs, outputs) {
        return flops;
    }
    match (op, inputs) {
        // Two products in each direction: of queries and keys, and of their weights and values.
        (Op::Attention(_) | Op::AttentionGradient(_), [q, k, ..]) => {
            let factor = if matches!(op, Op::Attention(_)) { 4 } else { 10 };
            let keys = k.get(1).copied().unwrap_or(1) as u64;
            size(q).saturating_mul(factor * keys)
        }
        (Op::Recurrent(op), _) => recurrent(op.recurrence, inputs, 1),
        // Two products for each.
        (Op::RecurrentGradient(op), _) => recurrent(op.recurrence, inputs, 2),
        _ => inputs.iter().chain(outputs).map(|shape| KERNEL.saturating_mul(size(shape))).sum(),
    }
}

/// Two operations for each element of the kernels of a recurrence, for each row and product.
fn recurrent(recurrence: Recurrence, inputs: &[&[usize]], products: u64) -> u64 {
    let features = matches!(recurrence.input, Input::Features { .. });
    let kernels = inputs.iter().filter(|shape| shape.len() == 2);
    // The kernel of features comes first, then the recurrent one.
    let kernel = |at: usize| kernels.clone().nth(at).map_or(0, |shape| size(shape));
    let sum = kernel(0) + if features { kernel(1) } else { 0 };
    let rows = inputs.iter().find(|shape| shape.len() == 3).map_or(0, |steps| size(&steps[..2]));
    rows.saturating_mul(2 * products).saturating_mul(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_count_multiplications_and_additions() {
        let matmul = Op::MatMul(ibex_graph::ops::matmul::MatMul);
        assert_eq!(of_product(&matmul, &[&[8, 20][..], &[20, 30]], &[&[8, 30][..]]), Some(9600));
        assert_eq!(of_op(&matmul, &[&[8, 20], &[20, 30]], &[&[8, 30]]), 9600);
        let cast = ibex_graph::ops::cast::Cast { to: ibex_graph::DType::F16 };
        assert_eq!(of_product(&cast.into(), &[&[8][..]], &[&[8][..]]), None);
    }
}
