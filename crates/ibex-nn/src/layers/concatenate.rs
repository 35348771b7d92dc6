//! `Concatenate`: the inputs one after the other along an axis.

use ibex_graph::ops::concatenate;
use ibex_graph::shape::resolve_axis;
use ibex_graph::{DType, Tensor};

use super::merging::without_axis;
use super::options::bad_axis;
use crate::instance::Build;
use crate::layer::{Layer, LayerExt};
use crate::models::symbolic::{Arguments, SymbolicTensor};
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The inputs one after the other along an axis.
    ///
    /// Inputs of one shape but for that axis.
    /// Source: <https://keras.io/api/layers/merging_layers/concatenate/>.
    ///
    /// ```
    /// use ibex_nn::layers::{Input, concatenate};
    ///
    /// let (a, b) = (Input::new([16]).tensor(), Input::new([4]).tensor());
    /// assert_eq!(concatenate([&a, &b]).shape().to_string(), "(None, 20)");
    /// ```
    Concatenate {
        /// The axis; the last by default. The batch is axis 0.
        axis: is isize = -1,
    }
}

impl Concatenate {
    /// Along this axis; the batch is axis 0.
    #[track_caller]
    pub fn new(axis: isize) -> Concatenate {
        Concatenate { axis, ..Concatenate::default() }
    }
}

/// The inputs one after the other along the last axis; see [`Concatenate`] for another axis.
#[track_caller]
pub fn concatenate(inputs: impl Arguments) -> SymbolicTensor {
    Concatenate::default().call(inputs)
}

impl Layer for Concatenate {
    layer_facts!(Concatenate);

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let rank = inputs[0].shape.rank();
        let axis = resolve_axis(self.axis, rank).ok_or_else(|| bad_axis(self.axis, rank))?;
        let first = without_axis(&inputs[0].shape, axis);
        let fits = |ty: &PartialType| {
            let others = without_axis(&ty.shape, axis);
            let alike =
                |(a, b): (&Option<usize>, &Option<usize>)| a.zip(*b).is_none_or(|(a, b)| a == b);
            ty.shape.rank() == rank && others.iter().zip(&first).all(alike)
        };
        if inputs.iter().all(fits) {
            return Ok(());
        }
        let shapes: Vec<String> = inputs.iter().map(|ty| ty.shape.to_string()).collect();
        Err(ConfigError::new("the inputs do not have matching shapes")
            .expected(format!("equal extents along every axis but {axis}"))
            .received(shapes.join(" and ")))
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![concatenate::concatenate(inputs, self.axis)]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn mask(
        &self,
        _: &mut Call<'_>,
        inputs: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Vec<Option<Tensor>> {
        if masks.iter().all(Option::is_none) {
            return vec![None];
        }
        let of = |(x, mask): (&Tensor, &Option<Tensor>)| match mask {
            None => Tensor::full(DType::Bool, x.shape(), 1.0),
            Some(mask) if mask.rank() < x.rank() => mask.expand_dims(-1).broadcast_to(x.shape()),
            Some(mask) => mask.clone(),
        };
        let parts: Vec<Tensor> = inputs.iter().zip(masks).map(of).collect();
        let joined = concatenate::concatenate(&parts, self.axis);
        let last = joined.rank().saturating_sub(1);
        vec![Some(joined.any(&[last], false))]
    }

    fn takes_list(&self) -> bool {
        true
    }
}
