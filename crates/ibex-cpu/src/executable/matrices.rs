//! Functions of matrices, in `f64` whatever the dtype: one matrix of a batch after the other.

use ibex_compile::program::Step;
use ibex_graph::ops::linalg::MatrixFunction;
use ibex_graph::{DType, Element, with_element};

use super::Launch;
use super::op::{Places, function};

/// A factorization, a solution of equations or a determinant.
pub(super) fn matrix_function(op: MatrixFunction, step: &Step, places: Places) -> Box<dyn Launch> {
    let shape = &step.inputs[0].shape;
    let rank = shape.len();
    let (rows, columns) = (shape[rank - 2], shape[rank - 1]);
    let batches: usize = shape[..rank - 2].iter().product();
    let sides = step.inputs.get(1).map_or(0, |right| rows * right.shape[right.shape.len() - 1]);
    let outputs: Vec<(DType, usize)> = step
        .outputs
        .iter()
        .map(|output| {
            let size: usize = output.shape.iter().product();
            (output.dtype, size.checked_div(batches).unwrap_or(0))
        })
        .collect();
    let dtype = step.inputs[0].dtype;
    let size = rows * columns;
    // SAFETY: the extents are those of the operands.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let matrices = memory.read::<T>(places.inputs[0], batches * size);
                let right = match places.inputs.get(1) {
                    Some(place) => memory.read::<T>(*place, batches * sides),
                    None => &[],
                };
                let exact = |x: &[T]| x.iter().map(|value| value.to_f64()).collect::<Vec<f64>>();
                for batch in 0..batches {
                    let matrix = exact(&matrices[batch * size..(batch + 1) * size]);
                    let right = exact(&right[batch * sides..(batch + 1) * sides]);
                    let found = op.evaluate(&matrix, [rows, columns], &right);
                    for (at, (dtype, size)) in outputs.iter().enumerate() {
                        let range = batch * size..(batch + 1) * size;
                        with_element!(*dtype, U => {
                            let all = memory.write::<U>(places.outputs[at], batches * size);
                            for (to, value) in all[range].iter_mut().zip(&found[at]) {
                                *to = U::from_f64(*value);
                            }
                        });
                    }
                }
            });
        })
    }
}
