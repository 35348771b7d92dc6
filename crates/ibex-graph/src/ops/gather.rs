//! Slices chosen along one axis by indices of any shape, and the adjoint, which adds.
//!
//! With axis 0 this is the lookup in an embedding table; the adjoint is its gradient, which visits
//! the updates in row-major order, so that sums come out the same everywhere.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::ops::along_axis::{expect_elements, expect_indices, expect_numbers, resolve_index};
use crate::{DType, OpError, Shape, Tensor, Type};

/// `y[a…, i…, b…] = x[a…, indices[i…], b…]`, where `a…` are the axes before `axis`.
///
/// Indices are resolved by [`resolve_index`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Gather {
    /// The axis that the indices run along.
    pub axis: usize,
}

/// `y[a…, indices[i…], b…] += updates[a…, i…, b…]`, from zeros: the adjoint of [`Gather`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ScatterAdd {
    /// The axis that the indices run along.
    pub axis: usize,
    /// The extent of the result along it.
    pub size: usize,
}

impl Tensor {
    /// The slices of this tensor that `indices` name along `axis`.
    ///
    /// The result has this tensor's shape with the axis replaced by the shape of `indices`
    /// (`int32` or `int64`).
    /// Negative indices count from the end; those out of range mean the nearest slice.
    /// `keras.ops.take`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let table = Tensor::constant(Array::from_slice([3, 2], &[0f32, 1., 10., 11., 20., 21.])?);
    /// let words = Tensor::constant(Array::from_slice([2], &[2i32, 0])?);
    /// assert_eq!(evaluate(&table.take(&words, 0))?.to_f64_vec(), [20., 21., 0., 1.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn take(&self, indices: &Tensor, axis: isize) -> Tensor {
        match self.shape().axis(axis) {
            Some(axis) => Tensor::apply(Gather { axis }, &[self, indices]),
            None => self.bad_axis("take", axis),
        }
    }
}

/// The extents before and after `axis`, multiplied.
fn around(shape: &[usize], axis: usize) -> (usize, usize) {
    (shape[..axis].iter().product(), shape[axis + 1..].iter().product())
}

/// Calls `f(large, small, inner)` with the starts of the rows of `inner` elements that belong
/// together: in the array with `extent` slices, and in the one with a slice for each index.
fn for_each_row(
    (outer, inner): (usize, usize),
    extent: usize,
    indices: &Values,
    mut f: impl FnMut(usize, usize, usize),
) {
    let count = indices.data.len();
    for block in 0..outer {
        for (at, &index) in indices.data.iter().enumerate() {
            let chosen = resolve_index(index as i64, extent);
            f((block * extent + chosen) * inner, (block * count + at) * inner, inner);
        }
    }
}

impl Rule for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn attributes(&self) -> String {
        self.axis.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x, indices] = expect_inputs(self.name(), inputs)?;
        expect_indices(self.name(), indices)?;
        if self.axis >= x.shape.rank() {
            return Err(OpError::new(
                format!("`gather` has no axis {} in {}", self.axis, x.shape),
                format!("an axis below {}", x.shape.rank()),
                self.axis.to_string(),
            ));
        }
        expect_elements(self.name(), x.shape[self.axis], indices)?;
        let mut dims = x.shape[..self.axis].to_vec();
        dims.extend_from_slice(&indices.shape);
        dims.extend_from_slice(&x.shape[self.axis + 1..]);
        Ok(vec![Type::new(x.dtype, dims)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [x, indices] = inputs else { return Vec::new() };
        let mut data = vec![0.0; outputs[0].shape.size()];
        let rows = around(x.shape(), self.axis);
        for_each_row(rows, x.shape()[self.axis], indices, |from, to, inner| {
            data[to..to + inner].copy_from_slice(&x.data[from..from + inner]);
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let size = node.inputs[0].dim(self.axis as isize);
        let adjoint = ScatterAdd { axis: self.axis, size };
        let gradient = Tensor::apply(adjoint, &[&node.grad(0), &node.inputs[1]]);
        Vjp::Rule(vec![Some(gradient), None])
    }
}

impl ScatterAdd {
    /// The shape of the result, or `None` if the shapes do not belong together.
    fn result(&self, updates: &Shape, indices: &Shape) -> Option<Shape> {
        let end = self.axis.checked_add(indices.rank())?;
        if updates.get(self.axis..end)? != indices.dims() {
            return None;
        }
        let mut dims = updates[..self.axis].to_vec();
        dims.push(self.size);
        dims.extend_from_slice(&updates[end..]);
        Some(dims.into())
    }
}

impl Rule for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn attributes(&self) -> String {
        format!("{}, {}", self.axis, self.size)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [updates, indices] = expect_inputs(self.name(), inputs)?;
        expect_indices(self.name(), indices)?;
        expect_numbers(self.name(), updates)?;
        let Some(shape) = self.result(&updates.shape, &indices.shape) else {
            return Err(OpError::new(
                format!("`scatter_add` cannot add {} at {}", updates.shape, indices.shape),
                format!("updates whose axes from {} on are {}", self.axis, indices.shape),
                updates.shape.to_string(),
            ));
        };
        expect_elements(self.name(), self.size, indices)?;
        Ok(vec![Type::new(updates.dtype, shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [updates, indices] = inputs else { return Vec::new() };
        let mut data = vec![0.0; outputs[0].shape.size()];
        let rows = around(&outputs[0].shape, self.axis);
        for_each_row(rows, self.size, indices, |to, from, inner| {
            for i in 0..inner {
                data[to + i] += updates.data[from + i];
            }
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let adjoint = Gather { axis: self.axis };
        Vjp::Rule(vec![Some(Tensor::apply(adjoint, &[&node.grad(0), &node.inputs[1]])), None])
    }
}

fn integers(shape: &[usize], low: i64, high: i64) -> Values {
    Values::integers(DType::I32, shape, low, high, 7)
}

impl Described for Gather {
    const INFO: Info = Info {
        name: "gather",
        kind: Kind::Primitive,
        summary: "slices chosen along one axis by indices of any shape",
        samples: || {
            let case = |label: &str, axis, shape: &[usize], indices| {
                let x = Values::uniform(shape, -1.0, 1.0, 1);
                Sample::new(label, Gather { axis }, vec![x, indices])
            };
            vec![
                case("rows of a table", 0, &[5, 3], integers(&[4], 0, 5)),
                case("batches of rows", 0, &[4, 3], integers(&[2, 3], 0, 4)),
                case("columns", 1, &[3, 4], integers(&[2], 0, 4)),
                case("middle axis", 1, &[2, 3, 2], integers(&[2, 2], 0, 3)),
                case("one index", 0, &[3, 2], integers(&[], 0, 3)),
                case("of a vector", 0, &[4], integers(&[3], 0, 4)),
                case("from the end and out of range", 0, &[3, 2], integers(&[9], -5, 6)),
                case("one row", 0, &[1, 2], integers(&[3], 0, 1)),
                case("int64", 0, &[3, 2], Values::integers(DType::I64, [2], 0, 3, 3)),
                case("no index", 0, &[3, 2], integers(&[0], 0, 3)),
                case("of nothing", 0, &[0, 2], integers(&[0], 0, 3)),
                case("empty rows", 0, &[3, 0], integers(&[2], 0, 3)),
            ]
        },
        errors: || {
            let ty = |dtype, shape: &[usize]| Type::new(dtype, shape);
            let table = ty(DType::F32, &[5, 3]);
            vec![
                BadSample::new(
                    Gather { axis: 2 },
                    &[table.clone(), ty(DType::I32, &[2])],
                    "`gather` has no axis 2 in (5, 3)\n  expected  an axis below 2\n  received  2",
                ),
                BadSample::new(
                    Gather { axis: 0 },
                    &[table, ty(DType::F32, &[2])],
                    "`gather` cannot take indices of dtype float32\n  expected  int32 or int64\n  \
                     received  float32 (2,)\n  help: cast the indices",
                ),
                BadSample::new(
                    Gather { axis: 0 },
                    &[ty(DType::F32, &[0, 3]), ty(DType::I32, &[2])],
                    "`gather` cannot index an axis without elements\n  expected  an axis of at \
                     least one element\n  received  an axis of 0 and 2 indices",
                ),
            ]
        },
    };
}

impl Described for ScatterAdd {
    const INFO: Info = Info {
        name: "scatter_add",
        kind: Kind::Primitive,
        summary: "slices added to zeros along one axis, at indices of any shape",
        samples: || {
            let case = |label: &str, axis, size, shape: &[usize], indices| {
                let updates = Values::uniform(shape, -1.0, 1.0, 1);
                Sample::new(label, ScatterAdd { axis, size }, vec![updates, indices])
            };
            vec![
                case("rows of a table", 0, 5, &[4, 3], integers(&[4], 0, 5)),
                case("equal indices", 0, 2, &[2, 3, 2], integers(&[2, 3], 0, 2)),
                case("columns", 1, 4, &[3, 2], integers(&[2], 0, 4)),
                case("middle axis", 1, 3, &[2, 2, 2, 2], integers(&[2, 2], 0, 3)),
                case("one index", 0, 3, &[2], integers(&[], 0, 3)),
                case("from the end and out of range", 0, 3, &[9, 2], integers(&[9], -5, 6)),
                case("no index", 0, 3, &[0, 2], integers(&[0], 0, 3)),
                case("to nothing", 0, 0, &[0, 2], integers(&[0], 0, 3)),
            ]
        },
        errors: || {
            let op = ScatterAdd { axis: 0, size: 5 };
            let ty = |dtype, shape: &[usize]| Type::new(dtype, shape);
            vec![
                BadSample::new(
                    op,
                    &[ty(DType::F32, &[4, 3]), ty(DType::I32, &[2])],
                    "`scatter_add` cannot add (4, 3) at (2,)\n  expected  updates whose axes from \
                     0 on are (2,)\n  received  (4, 3)",
                ),
                BadSample::new(
                    op,
                    &[ty(DType::Bool, &[2, 3]), ty(DType::I32, &[2])],
                    "`scatter_add` does not apply to bool\n  expected  a numeric dtype\n  \
                     received  bool (2, 3)\n  help: cast the input first",
                ),
                BadSample::new(
                    ScatterAdd { axis: 0, size: 0 },
                    &[ty(DType::F32, &[2, 3]), ty(DType::I32, &[2])],
                    "`scatter_add` cannot index an axis without elements\n  expected  an axis of \
                     at least one element\n  received  an axis of 0 and 2 indices",
                ),
            ]
        },
    };
}
