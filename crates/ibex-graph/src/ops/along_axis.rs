//! Elements chosen along one axis by an index for each result, and the adjoint, which adds.
//!
//! The adjoint visits its updates in row-major order, so that sums come out the same everywhere.

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Shape, Tensor, Type};

/// `y[i, j, k] = x[i, indices[i, j, k], k]` for axis 1: NumPy's `take_along_axis`.
///
/// Indices are resolved by [`resolve_index`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TakeAlongAxis {
    /// The axis that the indices run along.
    pub axis: usize,
}

/// `y[i, indices[i, j, k], k] += updates[i, j, k]` for axis 1, from zeros: the adjoint of
/// [`TakeAlongAxis`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AddAlongAxis {
    /// The axis that the indices run along.
    pub axis: usize,
    /// The extent of the result along it.
    pub size: usize,
}

/// The position that an index names along an axis of `extent` (not 0) elements.
///
/// Negative indices count from the end; what is still outside is moved to the nearest end.
/// So no index can make a kernel leave its memory.
/// JAX fills in NaN instead, which integers do not have; indices that come from a user are checked
/// where they come in.
#[inline]
pub fn resolve_index(index: i64, extent: usize) -> usize {
    let extent = extent as i64;
    let from_start = if index < 0 { index.saturating_add(extent) } else { index };
    from_start.clamp(0, (extent - 1).max(0)) as usize
}

/// Checks that a tensor can hold indices.
pub(crate) fn expect_indices(name: &str, indices: &Type) -> Result<(), OpError> {
    match indices.dtype {
        DType::I32 | DType::I64 => Ok(()),
        other => Err(OpError::new(
            format!("`{name}` cannot take indices of dtype {other}"),
            "int32 or int64",
            indices.to_string(),
        )
        .help("cast the indices")),
    }
}

/// The shape with another extent along `axis`.
pub(crate) fn with_extent(shape: &Shape, axis: usize, extent: usize) -> Shape {
    let mut dims = shape.to_vec();
    if let Some(dim) = dims.get_mut(axis) {
        *dim = extent;
    }
    dims.into()
}

/// Calls `f` with the positions, in `indices` and in an array of `shape`, that belong together.
fn for_each_pair(axis: usize, shape: &Shape, indices: &Values, mut f: impl FnMut(usize, usize)) {
    let strides = shape.strides();
    let mut at = 0;
    for_each_index(indices.shape(), |i| {
        let chosen = resolve_index(indices.data[at] as i64, shape[axis]);
        let start = offset(i, &strides) - i[axis] * strides[axis];
        f(at, start + chosen * strides[axis]);
        at += 1;
    });
}

impl Tensor {
    /// The elements that `indices` name along `axis`; the result has the shape of `indices`.
    ///
    /// `indices` (`int32` or `int64`) has the rank of this tensor and its extents along the other
    /// axes.
    /// Negative indices count from the end; those out of range mean the nearest element.
    /// `keras.ops.take_along_axis`.
    ///
    /// ```
    /// # use ibex_graph::{Array, DType, Graph, Tensor, interpreter};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
    /// let last = Tensor::constant(Array::from_slice([2, 1], &[1i32, 0])?);
    /// let graph = Graph::new(&[], &[x.take_along_axis(&last, 1)], &[])?;
    /// assert_eq!(interpreter::run(&graph, &[])?.outputs[0].to_f64_vec(), [2., 3.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn take_along_axis(&self, indices: &Tensor, axis: isize) -> Tensor {
        match self.shape().axis(axis) {
            Some(axis) => Tensor::apply(TakeAlongAxis { axis }, &[self, indices]),
            None => self.bad_axis("take_along_axis", axis),
        }
    }

    /// Zeros with `size` elements along `axis`, to which these are added at `indices`.
    ///
    /// `indices` has the shape of this tensor; equal ones add up, in row-major order.
    #[track_caller]
    pub fn add_along_axis(&self, indices: &Tensor, axis: isize, size: usize) -> Tensor {
        match self.shape().axis(axis) {
            Some(axis) => Tensor::apply(AddAlongAxis { axis, size }, &[self, indices]),
            None => self.bad_axis("add_along_axis", axis),
        }
    }
}

impl Rule for TakeAlongAxis {
    fn name(&self) -> &'static str {
        "take_along_axis"
    }

    fn attributes(&self) -> String {
        self.axis.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x, indices] = expect_inputs(self.name(), inputs)?;
        expect_indices(self.name(), indices)?;
        let fits = self.axis < x.shape.rank()
            && indices.shape.rank() == x.shape.rank()
            && with_extent(&indices.shape, self.axis, x.shape[self.axis]) == x.shape;
        if !fits {
            return Err(OpError::new(
                format!("`take_along_axis` cannot index {} by {}", x.shape, indices.shape),
                format!("indices with the extents of {} except along axis {}", x.shape, self.axis),
                indices.shape.to_string(),
            ));
        }
        expect_elements(self.name(), x.shape[self.axis], indices)?;
        Ok(vec![Type::new(x.dtype, &indices.shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [x, indices] = inputs else { return Vec::new() };
        let mut data = vec![0.0; outputs[0].shape.size()];
        for_each_pair(self.axis, x.shape(), indices, |to, from| data[to] = x.data[from]);
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (x, indices) = (&node.inputs[0], &node.inputs[1]);
        let adjoint = AddAlongAxis { axis: self.axis, size: x.dim(self.axis as isize) };
        Vjp::Rule(vec![Some(Tensor::apply(adjoint, &[&node.grad(0), indices])), None])
    }
}

/// Checks that there is an element for indices to name.
pub(crate) fn expect_elements(name: &str, extent: usize, indices: &Type) -> Result<(), OpError> {
    match extent == 0 && indices.shape.size() > 0 {
        false => Ok(()),
        true => Err(OpError::new(
            format!("`{name}` cannot index an axis without elements"),
            "an axis of at least one element",
            format!("an axis of 0 and {} indices", indices.shape.size()),
        )),
    }
}

impl Rule for AddAlongAxis {
    fn name(&self) -> &'static str {
        "add_along_axis"
    }

    fn attributes(&self) -> String {
        format!("{}, {}", self.axis, self.size)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [updates, indices] = expect_inputs(self.name(), inputs)?;
        expect_indices(self.name(), indices)?;
        expect_numbers(self.name(), updates)?;
        if self.axis >= updates.shape.rank() || indices.shape != updates.shape {
            return Err(OpError::new(
                format!("`add_along_axis` cannot add {} at {}", updates.shape, indices.shape),
                format!("indices of the same shape, with an axis {}", self.axis),
                indices.shape.to_string(),
            ));
        }
        expect_elements(self.name(), self.size, indices)?;
        let shape = with_extent(&updates.shape, self.axis, self.size);
        Ok(vec![Type::new(updates.dtype, shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [updates, indices] = inputs else { return Vec::new() };
        let mut data = vec![0.0; outputs[0].shape.size()];
        let shape = &outputs[0].shape;
        for_each_pair(self.axis, shape, indices, |from, to| data[to] += updates.data[from]);
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let adjoint = TakeAlongAxis { axis: self.axis };
        Vjp::Rule(vec![Some(Tensor::apply(adjoint, &[&node.grad(0), &node.inputs[1]])), None])
    }
}

/// Checks that a tensor can be added up.
pub(crate) fn expect_numbers(name: &str, x: &Type) -> Result<(), OpError> {
    match x.dtype {
        DType::Bool => {
            let what = format!("`{name}` does not apply to bool");
            Err(OpError::new(what, "a numeric dtype", x.to_string()).help("cast the input first"))
        }
        _ => Ok(()),
    }
}

fn integers(shape: &[usize], low: i64, high: i64) -> Values {
    Values::integers(DType::I32, shape, low, high, 7)
}

impl Described for TakeAlongAxis {
    const INFO: Info = Info {
        name: "take_along_axis",
        kind: Kind::Primitive,
        summary: "elements chosen along one axis by an index for each result",
        samples: || {
            let case = |label: &str, axis, shape: &[usize], indices| {
                let x = Values::uniform(shape, -1.0, 1.0, 1);
                Sample::new(label, TakeAlongAxis { axis }, vec![x, indices])
            };
            vec![
                case("last axis", 1, &[3, 4], integers(&[3, 2], 0, 4)),
                case("first axis, more than there are", 0, &[2, 3], integers(&[5, 3], 0, 2)),
                case("middle axis", 1, &[2, 3, 2], integers(&[2, 3, 2], 0, 3)),
                case("from the end and out of range", 0, &[3], integers(&[9], -5, 6)),
                case("one element", 1, &[2, 1], integers(&[2, 3], 0, 1)),
                case("int64", 1, &[2, 3], Values::integers(DType::I64, [2, 2], 0, 3, 3)),
                case("no index", 1, &[2, 3], integers(&[2, 0], 0, 3)),
                case("of nothing", 1, &[2, 0], integers(&[2, 0], 0, 3)),
            ]
        },
        errors: || {
            let op = TakeAlongAxis { axis: 1 };
            let x = |shape: &[usize]| Type::new(DType::F32, shape);
            let indices = |shape: &[usize]| Type::new(DType::I32, shape);
            vec![
                BadSample::new(
                    op,
                    &[x(&[2, 3]), indices(&[3, 2])],
                    "`take_along_axis` cannot index (2, 3) by (3, 2)\n  expected  indices with \
                     the extents of (2, 3) except along axis 1\n  received  (3, 2)",
                ),
                BadSample::new(
                    op,
                    &[x(&[2, 3]), x(&[2, 2])],
                    "`take_along_axis` cannot take indices of dtype float32\n  expected  int32 or \
                     int64\n  received  float32 (2, 2)\n  help: cast the indices",
                ),
                BadSample::new(
                    op,
                    &[x(&[2, 0]), indices(&[2, 2])],
                    "`take_along_axis` cannot index an axis without elements\n  expected  an axis \
                     of at least one element\n  received  an axis of 0 and 4 indices",
                ),
            ]
        },
    };
}

impl Described for AddAlongAxis {
    const INFO: Info = Info {
        name: "add_along_axis",
        kind: Kind::Primitive,
        summary: "additions to zeros along one axis, at an index for each update",
        samples: || {
            let case = |label: &str, axis, size, indices: Values| {
                let updates = Values::uniform(indices.shape(), -1.0, 1.0, 1);
                Sample::new(label, AddAlongAxis { axis, size }, vec![updates, indices])
            };
            vec![
                case("last axis", 1, 4, integers(&[3, 2], 0, 4)),
                case("first axis, equal indices", 0, 2, integers(&[5, 3], 0, 2)),
                case("middle axis", 1, 3, integers(&[2, 4, 2], 0, 3)),
                case("from the end and out of range", 0, 3, integers(&[9], -5, 6)),
                case("one element", 1, 1, integers(&[2, 3], 0, 1)),
                case("no index", 1, 3, integers(&[2, 0], 0, 3)),
                case("to nothing", 1, 0, integers(&[2, 0], 0, 3)),
            ]
        },
        errors: || {
            let op = AddAlongAxis { axis: 1, size: 3 };
            let ty = |dtype, shape: &[usize]| Type::new(dtype, shape);
            vec![
                BadSample::new(
                    op,
                    &[ty(DType::F32, &[2, 3]), ty(DType::I32, &[2, 2])],
                    "`add_along_axis` cannot add (2, 3) at (2, 2)\n  expected  indices of the same \
                     shape, with an axis 1\n  received  (2, 2)",
                ),
                BadSample::new(
                    op,
                    &[ty(DType::Bool, &[2, 3]), ty(DType::I32, &[2, 3])],
                    "`add_along_axis` does not apply to bool\n  expected  a numeric dtype\n  \
                     received  bool (2, 3)\n  help: cast the input first",
                ),
                BadSample::new(
                    AddAlongAxis { axis: 1, size: 0 },
                    &[ty(DType::F32, &[2, 3]), ty(DType::I32, &[2, 3])],
                    "`add_along_axis` cannot index an axis without elements\n  expected  an axis \
                     of at least one element\n  received  an axis of 0 and 6 indices",
                ),
            ]
        },
    };
}
