//! Numbers that count along an axis; ranges and one-hot vectors, made of them.

use crate::interpreter::{Values, for_each_index};
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Shape, Tensor, Type};

/// `0, 1, 2, …` along `axis`, the same along the others.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Iota {
    /// The dtype of the numbers; not `bool`.
    pub dtype: DType,
    /// The shape of the result.
    pub shape: Shape,
    /// The axis that is counted.
    pub axis: usize,
}

impl Tensor {
    /// `0, 1, 2, …` along `axis` of a tensor of `shape`.
    #[track_caller]
    pub fn iota(dtype: DType, shape: impl Into<Shape>, axis: usize) -> Tensor {
        Tensor::apply(Iota { dtype, shape: shape.into(), axis }, &[])
    }

    /// `start, start + step, …` before `stop`, a vector. `keras.ops.arange`.
    ///
    /// ```
    /// # use ibex_graph::{DType, Tensor, interpreter::evaluate};
    /// let x = Tensor::range(DType::F32, 1.0, 2.0, 0.25);
    /// assert_eq!(evaluate(&x)?.to_f64_vec(), [1., 1.25, 1.5, 1.75]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn range(dtype: DType, start: f64, stop: f64, step: f64) -> Tensor {
        let count = ((stop - start) / step).ceil().max(0.0);
        let finite = [start, stop, step].iter().all(|number| number.is_finite());
        if !finite || step == 0.0 || count >= isize::MAX as f64 {
            return Tensor::poisoned(OpError::new(
                format!("no range leads from {start} to {stop} in steps of {step}"),
                "finite numbers and a step that is not 0",
                format!("start {start}, stop {stop}, step {step}"),
            ));
        }
        let index = Tensor::iota(dtype, [count as usize], 0);
        let scaled = if step == 1.0 { index } else { index * step };
        if start == 0.0 { scaled } else { scaled + start }
    }

    /// A vector of `depth` elements for each integer of this tensor: 1 at that index, 0 elsewhere.
    ///
    /// The vectors lie along a new `axis` (-1 is the last); integers out of range, negative ones
    /// among them, give zeros. `keras.ops.one_hot`.
    ///
    /// ```
    /// # use ibex_graph::{Array, DType, Tensor, interpreter::evaluate};
    /// let labels = Tensor::constant(Array::from_slice([3], &[1i32, 0, 2])?);
    /// let y = labels.one_hot(2, -1, DType::F32);
    /// assert_eq!(evaluate(&y)?.to_f64_vec(), [0., 1., 1., 0., 0., 0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn one_hot(&self, depth: usize, axis: isize, dtype: DType) -> Tensor {
        if self.is_poisoned() {
            return self.clone();
        }
        if !self.dtype().is_integer() {
            return Tensor::poisoned(
                OpError::new("`one_hot` needs integers", "an integer dtype", self.ty().to_string())
                    .help("cast the labels"),
            );
        }
        let labels = self.expand_dims(axis);
        let Some(axis) = labels.shape().axis(axis).filter(|_| !labels.is_poisoned()) else {
            return labels;
        };
        // Bytes could not count to a depth above 256.
        let labels = if labels.dtype() == DType::U8 { labels.cast(DType::I32) } else { labels };
        let mut shape = vec![1; labels.rank()];
        shape[axis] = depth;
        labels.equal(&Tensor::iota(labels.dtype(), shape, axis)).cast(dtype)
    }
}

impl Rule for Iota {
    fn name(&self) -> &'static str {
        "iota"
    }

    fn attributes(&self) -> String {
        format!("{} {}, {}", self.dtype, self.shape, self.axis)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        expect_inputs::<0>("iota", inputs)?;
        let Some(&extent) = self.shape.get(self.axis) else {
            return Err(OpError::new(
                format!("`iota` has no axis {} in {}", self.axis, self.shape),
                format!("an axis below {}", self.shape.rank()),
                self.axis.to_string(),
            ));
        };
        let largest = match self.dtype {
            DType::Bool => 0,
            DType::U8 => 1 << 8,
            DType::I32 => 1 << 31,
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 | DType::I64 => u64::MAX,
        };
        if extent as u64 > largest || self.shape.checked_size().is_none() {
            return Err(OpError::new(
                format!("`iota` cannot count along axis {} of {}", self.axis, self.shape),
                format!("numbers that {} holds and a size that memory can have", self.dtype),
                format!("{} {}", self.dtype, self.shape),
            ));
        }
        Ok(vec![Type::new(self.dtype, &self.shape)])
    }

    fn reference(&self, _: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let mut data = Vec::with_capacity(self.shape.size());
        for_each_index(&self.shape, |i| data.push(i[self.axis] as f64));
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::Rule(Vec::new())
    }
}

impl Described for Iota {
    const INFO: Info = Info {
        name: "iota",
        kind: Kind::Primitive,
        summary: "numbers that count along an axis",
        samples: || {
            let case = |label: &str, dtype, shape: &[usize], axis| {
                let op = Iota { dtype, shape: shape.into(), axis };
                Sample::new(label, op, Vec::new()).without_gradient()
            };
            vec![
                case("vector", DType::F32, &[5], 0),
                case("rows", DType::I32, &[3, 4], 0),
                case("columns", DType::I64, &[3, 4], 1),
                case("middle axis", DType::F64, &[2, 3, 2], 1),
                case("bytes", DType::U8, &[256], 0),
                case("one element", DType::I32, &[1], 0),
                case("nothing", DType::F32, &[0, 3], 1),
            ]
        },
        errors: || {
            let error = |dtype, shape: &[usize], axis, message| {
                BadSample::new(Iota { dtype, shape: shape.into(), axis }, &[], message)
            };
            vec![
                error(
                    DType::F32,
                    &[3],
                    1,
                    "`iota` has no axis 1 in (3,)\n  expected  an axis below 1\n  received  1",
                ),
                error(
                    DType::Bool,
                    &[2],
                    0,
                    "`iota` cannot count along axis 0 of (2,)\n  expected  numbers that bool holds \
                     and a size that memory can have\n  received  bool (2,)",
                ),
                error(
                    DType::U8,
                    &[257],
                    0,
                    "`iota` cannot count along axis 0 of (257,)\n  expected  numbers that uint8 \
                     holds and a size that memory can have\n  received  uint8 (257,)",
                ),
            ]
        },
    };
}
