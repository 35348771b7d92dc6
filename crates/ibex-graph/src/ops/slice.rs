//! Every n-th element between two positions along each axis.

use std::ops::{Bound, RangeBounds};

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{
    BadSample, Described, Forward, Info, Kind, Number, Rule, Sample, Vjp, expect_inputs,
};
use crate::ops::pad::Pad;
use crate::{DType, OpError, Shape, Tensor, Type};

/// The elements `start, start + step, …` below `stop` along each axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Slice {
    /// The first position along each axis.
    pub start: Vec<usize>,
    /// The position after the last one along each axis, at least `start`.
    pub stop: Vec<usize>,
    /// The distance of positions along each axis, at least 1.
    pub step: Vec<usize>,
}

impl Slice {
    /// The slice that takes all of `shape`, to be narrowed axis by axis.
    pub fn whole(shape: &Shape) -> Slice {
        let rank = shape.rank();
        Slice { start: vec![0; rank], stop: shape.to_vec(), step: vec![1; rank] }
    }

    /// The extent of the result along each axis.
    pub fn extents(&self) -> Vec<usize> {
        let count = |axis: usize| (self.stop[axis] - self.start[axis]).div_ceil(self.step[axis]);
        (0..self.start.len()).map(count).collect()
    }

    /// Whether there is one of each number for each axis of `shape`, inside its extent.
    fn fits(&self, shape: &Shape) -> bool {
        let rank = shape.rank();
        let lengths = [self.start.len(), self.stop.len(), self.step.len()];
        lengths == [rank; 3]
            && (0..rank).all(|axis| {
                let ordered = self.start[axis] <= self.stop[axis] && self.stop[axis] <= shape[axis];
                ordered && self.step[axis] > 0
            })
    }

    /// The pad that puts the elements back where they came from.
    fn adjoint(&self, shape: &Shape) -> Pad {
        let extents = self.extents();
        let axes = 0..extents.len();
        let span = |axis: usize| match extents[axis] {
            0 => 0,
            count => (count - 1) * self.step[axis] + 1,
        };
        Pad {
            low: self.start.clone(),
            high: axes.map(|axis| shape[axis] - self.start[axis] - span(axis)).collect(),
            interior: self.step.iter().map(|step| step - 1).collect(),
            value: Number::new(0.0),
        }
    }
}

impl Tensor {
    /// The elements `start, start + step, …` below `stop` along each axis.
    ///
    /// [`Slice`] says what the numbers mean; [`Tensor::slice_axis`] is shorter for one axis.
    #[track_caller]
    pub fn strided_slice(&self, start: &[usize], stop: &[usize], step: &[usize]) -> Tensor {
        let (start, stop, step) = (start.to_vec(), stop.to_vec(), step.to_vec());
        let slice = Slice { start, stop, step };
        match !self.is_poisoned() && slice == Slice::whole(self.shape()) {
            true => self.clone(),
            false => Tensor::apply(slice, &[self]),
        }
    }

    /// The part of this tensor in `range` along `axis`, as `x[start:stop]` in Python.
    ///
    /// Negative positions count from the end, and those beyond the ends mean the ends.
    /// Clippy takes a range like `1..-1` for an empty one; `(1..)` and then `(..-1)` says the same.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 3], &[1f32, 2., 3., 4., 5., 6.])?);
    /// assert_eq!(evaluate(&x.slice_axis(1, 1..))?.to_f64_vec(), [2., 3., 5., 6.]);
    /// assert_eq!(evaluate(&x.slice_axis(-1, -1..))?.to_f64_vec(), [3., 6.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn slice_axis(&self, axis: isize, range: impl RangeBounds<isize>) -> Tensor {
        self.slice_axis_by(axis, range, 1)
    }

    /// Every `step`-th element of `range` along `axis`, as `x[start:stop:step]` in Python.
    ///
    /// `step` is at least 1; see [`Tensor::flip`] for the other direction.
    #[track_caller]
    pub fn slice_axis_by(
        &self,
        axis: isize,
        range: impl RangeBounds<isize>,
        step: usize,
    ) -> Tensor {
        let Some(at) = self.shape().axis(axis) else { return self.bad_axis("slice", axis) };
        let extent = self.shape()[at] as isize;
        let place = |p: isize| (if p < 0 { p.saturating_add(extent) } else { p }).clamp(0, extent);
        // The position after -1 is the end, not the start: only then is `..=-1` all of the axis.
        let after = |p: isize| if p == -1 { extent } else { place(p.saturating_add(1)) };
        let start = match range.start_bound() {
            Bound::Included(&p) => place(p),
            Bound::Excluded(&p) => after(p),
            Bound::Unbounded => 0,
        };
        let stop = match range.end_bound() {
            Bound::Included(&p) => after(p),
            Bound::Excluded(&p) => place(p),
            Bound::Unbounded => extent,
        };
        let mut slice = Slice::whole(self.shape());
        slice.start[at] = start as usize;
        slice.stop[at] = stop.max(start) as usize;
        slice.step[at] = step;
        self.strided_slice(&slice.start, &slice.stop, &slice.step)
    }

    /// This tensor cut into `parts` of one extent along `axis`.
    ///
    /// If that is not possible, every part carries the error.
    #[track_caller]
    pub fn split(&self, parts: usize, axis: isize) -> Vec<Tensor> {
        let extent = self.dim(axis);
        let wrong = match self.shape().axis(axis) {
            None => self.bad_axis("split", axis),
            Some(_) if parts == 0 || !extent.is_multiple_of(parts) => {
                Tensor::poisoned(OpError::new(
                    format!("`split` cannot cut axis {axis} of {} into {parts}", self.shape()),
                    format!("a number of parts that divides {extent}"),
                    parts.to_string(),
                ))
            }
            Some(_) => {
                let width = extent / parts;
                let ends: Vec<usize> = (1..parts).map(|part| part * width).collect();
                return self.split_at(&ends, axis);
            }
        };
        // Callers destructure the parts: give them as many as they asked for, within reason.
        vec![wrong; parts.clamp(1, 1024)]
    }

    /// This tensor cut at the given ascending positions along `axis`: one part more than there are
    /// positions.
    #[track_caller]
    pub fn split_at(&self, positions: &[usize], axis: isize) -> Vec<Tensor> {
        let Some(at) = self.shape().axis(axis) else {
            return vec![self.bad_axis("split", axis); positions.len() + 1];
        };
        let starts = std::iter::once(0).chain(positions.iter().copied());
        let stops = positions.iter().copied().chain(std::iter::once(self.shape()[at]));
        let mut parts = Vec::with_capacity(positions.len() + 1);
        for (start, stop) in starts.zip(stops) {
            let mut slice = Slice::whole(self.shape());
            (slice.start[at], slice.stop[at]) = (start, stop);
            parts.push(self.strided_slice(&slice.start, &slice.stop, &slice.step));
        }
        parts
    }
}

impl Rule for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    /// As in Python: `1:5, :2:2`.
    fn attributes(&self) -> String {
        let step = |axis: usize| match self.step[axis] {
            1 => String::new(),
            step => format!(":{step}"),
        };
        let axes = 0..self.start.len().min(self.stop.len()).min(self.step.len());
        let parts =
            axes.map(|axis| format!("{}:{}{}", self.start[axis], self.stop[axis], step(axis)));
        parts.collect::<Vec<_>>().join(", ")
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("slice", inputs)?;
        if !self.fits(&x.shape) {
            return Err(OpError::new(
                format!("cannot slice {} by [{}]", x.shape, self.attributes()),
                format!(
                    "0 <= start <= stop <= extent and a positive step for {} axes",
                    x.shape.rank()
                ),
                format!("start {:?}, stop {:?}, step {:?}", self.start, self.stop, self.step),
            ));
        }
        Ok(vec![Type::new(x.dtype, self.extents())])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let own = inputs[0].shape().strides();
        let strides: Vec<usize> = own.iter().zip(&self.step).map(|(a, b)| a * b).collect();
        let first = offset(&self.start, &own);
        let mut data = Vec::with_capacity(outputs[0].shape.size());
        for_each_index(&outputs[0].shape, |i| {
            data.push(inputs[0].data[first + offset(i, &strides)]);
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let pad = self.adjoint(node.inputs[0].shape());
        Vjp::Rule(vec![Some(Tensor::apply(pad, &[&node.grad(0)]))])
    }
}

impl Described for Slice {
    const INFO: Info = Info {
        name: "slice",
        kind: Kind::Primitive,
        summary: "every n-th element between two positions along each axis",
        samples: || {
            let case = |label: &str, shape: &[usize], axes: &[[usize; 3]]| {
                let part = |i: usize| axes.iter().map(|axis| axis[i]).collect();
                let op = Slice { start: part(0), stop: part(1), step: part(2) };
                Sample::new(label, op, vec![Values::uniform(shape, -1.0, 1.0, 1)])
            };
            vec![
                case("rows", &[5, 3], &[[1, 4, 1], [0, 3, 1]]),
                case("columns", &[3, 5], &[[0, 3, 1], [2, 5, 1]]),
                case("every second", &[3, 6], &[[0, 3, 1], [1, 6, 2]]),
                case("steps that do not come out even", &[7], &[[1, 6, 3]]),
                case("three axes", &[2, 4, 5], &[[1, 2, 1], [0, 4, 3], [2, 3, 1]]),
                case("a step beyond the end", &[4], &[[1, 4, 9]]),
                case("all", &[2, 2], &[[0, 2, 1], [0, 2, 1]]),
                case("no element", &[4, 2], &[[2, 2, 3], [0, 2, 1]]),
                case("of nothing", &[0, 2], &[[0, 0, 1], [1, 2, 1]]),
                case("scalar", &[], &[]),
            ]
        },
        errors: || {
            let op = |start, stop, step| Slice {
                start: vec![start],
                stop: vec![stop],
                step: vec![step],
            };
            let x = |shape: &[usize]| [Type::new(DType::F32, shape)];
            vec![
                BadSample::new(
                    op(1, 5, 1),
                    &x(&[4]),
                    "cannot slice (4,) by [1:5]\n  expected  0 <= start <= stop <= extent and a \
                     positive step for 1 axes\n  received  start [1], stop [5], step [1]",
                ),
                BadSample::new(
                    op(0, 4, 0),
                    &x(&[4]),
                    "cannot slice (4,) by [0:4:0]\n  expected  0 <= start <= stop <= extent and a \
                     positive step for 1 axes\n  received  start [0], stop [4], step [0]",
                ),
                BadSample::new(
                    op(0, 2, 1),
                    &x(&[4, 4]),
                    "cannot slice (4, 4) by [0:2]\n  expected  0 <= start <= stop <= extent and a \
                     positive step for 2 axes\n  received  start [0], stop [2], step [1]",
                ),
            ]
        },
    };
}
