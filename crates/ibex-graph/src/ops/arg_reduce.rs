//! The position of the largest or smallest element along an axis.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

/// Which element's position is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArgReduction {
    /// The largest.
    ArgMax,
    /// The smallest.
    ArgMin,
}

/// The position (`int32`) of the first largest or smallest element along `axis`, which vanishes.
///
/// The first NaN wins, as in NumPy.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ArgReduce {
    /// Which element's position is wanted.
    pub reduction: ArgReduction,
    /// The axis.
    pub axis: usize,
}

impl Tensor {
    #[track_caller]
    fn arg_reduce(&self, reduction: ArgReduction, axis: isize) -> Tensor {
        match self.shape().axis(axis) {
            Some(axis) => Tensor::apply(ArgReduce { reduction, axis }, &[self]),
            None => self.bad_axis(reduction.name(), axis),
        }
    }

    /// The position (`int32`) of the first largest element along `axis`. `keras.ops.argmax`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 3], &[1f32, 3., 3., 6., 5., 4.])?);
    /// assert_eq!(evaluate(&x.arg_max(-1))?.to_f64_vec(), [1., 0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn arg_max(&self, axis: isize) -> Tensor {
        self.arg_reduce(ArgReduction::ArgMax, axis)
    }

    /// The position (`int32`) of the first smallest element along `axis`. `keras.ops.argmin`.
    #[track_caller]
    pub fn arg_min(&self, axis: isize) -> Tensor {
        self.arg_reduce(ArgReduction::ArgMin, axis)
    }
}

impl ArgReduction {
    /// Both.
    pub const ALL: [ArgReduction; 2] = [ArgReduction::ArgMax, ArgReduction::ArgMin];

    /// Name in snake case.
    pub fn name(self) -> &'static str {
        match self {
            ArgReduction::ArgMax => "arg_max",
            ArgReduction::ArgMin => "arg_min",
        }
    }

    /// Whether `new`, which comes later, takes the place of `best`.
    pub fn replaces(self, new: f64, best: f64) -> bool {
        let beyond = match self {
            ArgReduction::ArgMax => new > best,
            ArgReduction::ArgMin => new < best,
        };
        beyond || (new.is_nan() && !best.is_nan())
    }
}

/// Checks that there is such an axis and that `int32` can count along it.
pub(crate) fn expect_axis(name: &str, x: &Type, axis: usize) -> Result<(), OpError> {
    match x.shape.get(axis) {
        None => Err(OpError::new(
            format!("`{name}` has no axis {axis} in {}", x.shape),
            format!("an axis below {}", x.shape.rank()),
            axis.to_string(),
        )),
        Some(&extent) if i32::try_from(extent).is_err() => Err(OpError::new(
            format!("`{name}` counts elements in int32"),
            format!("an axis of at most {}", i32::MAX),
            extent.to_string(),
        )),
        Some(_) => Ok(()),
    }
}

/// Calls `f` with the number of each lane along `axis` and the positions of its elements.
pub(crate) fn for_each_lane(shape: &[usize], axis: usize, mut f: impl FnMut(usize, &[usize])) {
    let outer: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let mut positions = vec![0; shape[axis]];
    for lane in 0..outer * inner {
        let start = lane / inner * shape[axis] * inner + lane % inner;
        for (i, position) in positions.iter_mut().enumerate() {
            *position = start + i * inner;
        }
        f(lane, &positions);
    }
}

impl Rule for ArgReduce {
    fn name(&self) -> &'static str {
        self.reduction.name()
    }

    fn attributes(&self) -> String {
        self.axis.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs(self.name(), inputs)?;
        expect_axis(self.name(), x, self.axis)?;
        if x.shape[self.axis] == 0 {
            return Err(OpError::new(
                format!("`{}` of nothing is not defined", self.name()),
                "at least one element along the axis",
                x.shape.to_string(),
            ));
        }
        Ok(vec![Type::new(DType::I32, x.shape.reduce(&[self.axis], false))])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let x = &inputs[0].data;
        let mut data = vec![0.0; outputs[0].shape.size()];
        for_each_lane(inputs[0].shape(), self.axis, |lane, positions| {
            let mut best = 0;
            for (i, &position) in positions.iter().enumerate() {
                if self.reduction.replaces(x[position], x[positions[best]]) {
                    best = i;
                }
            }
            data[lane] = best as f64;
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::ZeroAlmostEverywhere
    }
}

impl Described for ArgReduce {
    const INFO: Info = Info {
        name: "arg_reduce",
        kind: Kind::Primitive,
        summary: "the position of the largest or smallest element along an axis",
        samples: || ArgReduction::ALL.into_iter().flat_map(samples).collect(),
        errors: || {
            let op = ArgReduce { reduction: ArgReduction::ArgMax, axis: 1 };
            vec![
                BadSample::new(
                    op,
                    &[Type::new(DType::F32, [3])],
                    "`arg_max` has no axis 1 in (3,)\n  expected  an axis below 1\n  received  1",
                ),
                BadSample::new(
                    op,
                    &[Type::new(DType::F32, [3, 0])],
                    "`arg_max` of nothing is not defined\n  expected  at least one element along \
                     the axis\n  received  (3, 0)",
                ),
                BadSample::new(
                    op,
                    &[Type::new(DType::U8, [1, 1 << 31])],
                    "`arg_max` counts elements in int32\n  expected  an axis of at most \
                     2147483647\n  received  2147483648",
                ),
            ]
        },
    };
}

fn samples(reduction: ArgReduction) -> Vec<Sample> {
    let case = |label: &str, axis, x: Values| {
        Sample::new(format!("{} {label}", reduction.name()), ArgReduce { reduction, axis }, vec![x])
    };
    let nan = Values::of([2, 3], &[1.0, f64::NAN, f64::NAN, f64::INFINITY, 0.0, f64::NEG_INFINITY]);
    let infinite = |x: f64| Values::of([2], &[x, x]);
    let ties = Values::integers(DType::I32, [3, 9], 0, 4, 1);
    vec![
        case("of the last axis", 1, Values::distinct([3, 7], 1)),
        case("of the first axis", 0, Values::distinct([5, 2], 2)),
        case("of the middle axis", 1, Values::distinct([2, 4, 3], 3)),
        case("of one element", 1, Values::distinct([3, 1], 4)),
        case("of no lanes", 1, Values::distinct([0, 2], 5)),
        case("with NaN and infinities", 1, nan).without_gradient(),
        case("of infinity", 0, infinite(f64::INFINITY)).without_gradient(),
        case("of minus infinity", 0, infinite(f64::NEG_INFINITY)).without_gradient(),
        case("of ties of integers", 1, ties).without_gradient(),
    ]
}
