//! `Dot`: products of two tensors, summed along an axis of each.

use std::fmt;
use std::ops::RangeInclusive;

use ibex_graph::Tensor;
use ibex_graph::shape::resolve_axis;
use serde::{Deserialize, Serialize};

use crate::instance::Build;
use crate::layer::{Layer, LayerExt};
use crate::models::symbolic::{Arguments, SymbolicTensor};
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::trace::Call;
use crate::{layer, layer_facts};

/// What a length is at least, as in Keras.
const EPSILON: f64 = 1e-7;

layer! {
    /// Multiplies the samples of two inputs and sums along one axis of each.
    ///
    /// Inputs `(batch, …)` with the same extent along these axes; the output has the other axes of
    /// the first and then those of the second, or is `(batch, 1)` if there are none.
    /// Source: <https://keras.io/api/layers/merging_layers/dot/>.
    ///
    /// ```
    /// use ibex_nn::layers::{Input, dot};
    ///
    /// let (a, b) = (Input::new([3, 4]).tensor(), Input::new([4, 5]).tensor());
    /// assert_eq!(dot([&a, &b], [2, 1]).shape().to_string(), "(None, 3, 5)");
    /// ```
    Dot {
        /// The axis of both inputs, or one of each; the batch is axis 0.
        axes: into DotAxes = DotAxes::Both(-1),
        /// Whether the inputs are divided by their lengths along the axes first: the result is the
        /// cosine of the angle between them.
        normalize: is bool = false,
    }
}

/// Along which axes [`Dot`] sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected an axis, or one of each input")]
pub enum DotAxes {
    /// The same axis of both inputs.
    Both(isize),
    /// An axis of the first and one of the second input.
    Each([isize; 2]),
}

impl From<isize> for DotAxes {
    fn from(axis: isize) -> DotAxes {
        DotAxes::Both(axis)
    }
}

impl From<[isize; 2]> for DotAxes {
    fn from(axes: [isize; 2]) -> DotAxes {
        DotAxes::Each(axes)
    }
}

impl fmt::Display for DotAxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DotAxes::Both(axis) => write!(f, "{axis}"),
            DotAxes::Each([first, second]) => write!(f, "({first}, {second})"),
        }
    }
}

impl DotAxes {
    /// The axes of inputs of these ranks; `None` if one has no such axis, or it is the batch.
    fn resolve(self, ranks: [usize; 2]) -> Option<[usize; 2]> {
        let axes = match self {
            DotAxes::Both(axis) => [axis; 2],
            DotAxes::Each(axes) => axes,
        };
        let [first, second] = [0, 1].map(|i| resolve_axis(axes[i], ranks[i]).filter(|&a| a > 0));
        Some([first?, second?])
    }
}

impl Dot {
    /// Sums along this axis of both inputs, or one of each; the batch is axis 0.
    #[track_caller]
    pub fn new(axes: impl Into<DotAxes>) -> Dot {
        Dot { axes: axes.into(), ..Dot::default() }
    }
}

/// The products of two inputs, summed along `axes`; see [`Dot`].
#[track_caller]
pub fn dot(inputs: impl Arguments, axes: impl Into<DotAxes>) -> SymbolicTensor {
    Dot::new(axes).call(inputs)
}

impl Layer for Dot {
    layer_facts!(Dot);

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let [a, b]: [&PartialShape; 2] = [0, 1].map(|i| &inputs[i].shape);
        let error = |what: &str| {
            ConfigError::new(what)
                .expected("one axis of each input, not the batch, of the same extent")
                .received(format!("axes = {} of {a} and {b}", self.axes))
        };
        let Some([first, second]) = self.axes.resolve([a.rank(), b.rank()]) else {
            return Err(error("there are no such axes to sum along"));
        };
        let differ = |a: Option<usize>, b: Option<usize>| a.zip(b).is_some_and(|(a, b)| a != b);
        if differ(a.0[first], b.0[second]) || differ(a.0[0], b.0[0]) {
            return Err(error("the inputs do not fit along the axes to sum along"));
        }
        Ok(())
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let (a, b) = (&inputs[0], &inputs[1]);
        let Some([first, second]) = self.axes.resolve([a.rank(), b.rank()]) else {
            return vec![a.clone()];
        };
        let length = |x: &Tensor, axis: usize| match self.normalize {
            true => x.l2_normalize(&[axis], EPSILON),
            false => x.clone(),
        };
        let (a, b) = (length(a, first), length(b, second));
        let others = |x: &Tensor, axis: usize| {
            let kept = (1..x.rank()).filter(|&other| other != axis);
            kept.map(|other| x.shape()[other]).collect::<Vec<usize>>()
        };
        let (rows, columns) = (others(&a, first), others(&b, second));
        let (batch, inner) = (a.dim(0), a.shape()[first]);
        let volume = |dims: &[usize]| dims.iter().product::<usize>();
        let left = a.move_axis(first as isize, -1).reshape([batch, volume(&rows), inner]);
        let right = b.move_axis(second as isize, 1).reshape([b.dim(0), inner, volume(&columns)]);
        let mut dims: Vec<usize> = [vec![batch], rows, columns].concat();
        if dims.len() == 1 {
            dims.push(1);
        }
        vec![left.matmul(&right).reshape(dims)]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn mask(&self, _: &mut Call<'_>, _: &[Tensor], _: &[Option<Tensor>]) -> Vec<Option<Tensor>> {
        vec![None]
    }

    fn takes_list(&self) -> bool {
        true
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        2..=2
    }
}
