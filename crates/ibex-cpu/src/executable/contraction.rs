//! Matrix products.
//!
//! `float32` goes to the blocked kernels; other dtypes are summed in `f64`, one result at a time.

use ibex_compile::program::{Operand, Step};
use ibex_graph::{DType, Element, with_element};

use super::Launch;
use super::kept::Kept;
use super::memory::{Layout, Located};
use super::op::{Ending, function};
use crate::gemm::{self, BatchStrides, View};

/// One operand of a matrix product: where it begins and how it is walked.
#[derive(Debug, Clone)]
struct Matrix {
    place: Located,
    row: isize,
    column: isize,
    /// Strides of the batch axes.
    batch: Vec<isize>,
}

impl Matrix {
    fn new(operand: &Operand, layout: &Layout) -> Matrix {
        let rank = operand.shape.len();
        Matrix {
            place: layout.locate(operand),
            row: operand.strides[rank - 2],
            column: operand.strides[rank - 1],
            batch: operand.strides[..rank - 2].to_vec(),
        }
    }

    /// The offset of a product of the batch, whose extents are `dims`.
    fn offset(&self, dims: &[usize], mut index: usize) -> isize {
        let mut offset = 0;
        for (&extent, &stride) in dims.iter().zip(&self.batch).rev() {
            offset += (index % extent) as isize * stride;
            index /= extent;
        }
        offset
    }

    /// The distance between neighbouring products, if there is one distance for all.
    fn batch_stride(&self, dims: &[usize]) -> Option<isize> {
        let axes = dims.iter().copied().zip(self.batch.iter().copied()).filter(|&(d, _)| d != 1);
        let axes: Vec<(usize, isize)> = axes.collect();
        let even = axes.windows(2).all(|pair| pair[0].1 == pair[1].1 * pair[1].0 as isize);
        even.then(|| axes.last().map_or(0, |&(_, stride)| stride))
    }
}

/// A batch of matrix products.
pub(super) fn matmul(step: &Step, layout: &Layout, ending: Ending) -> Box<dyn Launch> {
    let (a, b, c) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
    let rank = c.shape.len();
    let (m, n, k) = (c.shape[rank - 2], c.shape[rank - 1], a.shape[rank - 1]);
    let dims = c.shape[..rank - 2].to_vec();
    let batch: usize = dims.iter().product();
    let (x, y) = (Matrix::new(a, layout), Matrix::new(b, layout));
    let to = layout.locate(c);
    if c.dtype != DType::F32 {
        return one_by_one(c.dtype, (m, n, k), (x, y, to), dims);
    }
    let even = x.batch_stride(&dims).zip(y.batch_stride(&dims));
    let kept = Kept::new();
    // SAFETY: the strides are those of the operands; products do not overlap.
    unsafe {
        function(move |memory, pool| {
            let view = |matrix: &Matrix, offset: isize| View::Strided {
                data: memory.at(matrix.place).cast::<f32>().offset(offset).cast_const(),
                row: matrix.row,
                column: matrix.column,
            };
            let product = |index: usize, a: isize, b: isize| gemm::Product {
                m,
                n,
                k,
                a: view(&x, a),
                b: view(&y, b),
                c: memory.at(to).cast::<f32>().add(index * m * n),
                c_row: n,
                epilogue: ending.at(memory),
            };
            match even {
                _ if batch == 1 => {
                    let product = product(0, 0, 0);
                    let pack = || gemm::Packed::new(pool, &product);
                    kept.with(memory.version(y.place), pack, |packed| {
                        gemm::gemm_packed(pool, &product, packed);
                    });
                }
                Some((a, b)) => {
                    let strides = BatchStrides { a, b, c: m * n };
                    gemm::gemm_batched(pool, &product(0, 0, 0), batch, strides);
                }
                None => {
                    for index in 0..batch {
                        let (a, b) = (x.offset(&dims, index), y.offset(&dims, index));
                        gemm::gemm(pool, &product(index, a, b));
                    }
                }
            }
        })
    }
}

/// Products of other dtypes, summed in `f64`, one result at a time.
fn one_by_one(
    dtype: DType,
    (m, n, k): (usize, usize, usize),
    (x, y, to): (Matrix, Matrix, Located),
    dims: Vec<usize>,
) -> Box<dyn Launch> {
    let batch: usize = dims.iter().product();
    // SAFETY: the strides are those of the operands.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let (from_x, from_y) = (memory.at(x.place), memory.at(y.place));
                let to = memory.write::<T>(to, batch * m * n);
                for (at, value) in to.iter_mut().enumerate() {
                    let (index, row, column) = (at / (m * n), at / n % m, at % n);
                    let x_row = x.offset(&dims, index) + row as isize * x.row;
                    let y_column = y.offset(&dims, index) + column as isize * y.column;
                    let product = |i: usize| {
                        let x_at = x_row + i as isize * x.column;
                        let y_at = y_column + i as isize * y.row;
                        let x = *from_x.cast::<T>().offset(x_at);
                        x.to_f64() * (*from_y.cast::<T>().offset(y_at)).to_f64()
                    };
                    *value = T::from_f64((0..k).map(product).sum());
                }
            });
        })
    }
}
