//! `TimeDistributed`: a layer applied to each time step by itself.

use std::sync::Arc;

use ibex_graph::ops::concatenate::stack;
use ibex_graph::{OpError, Tensor};

use super::recurrent::sequence::{at_step, step_shape};
use crate::inner_layer::InnerLayer;
use crate::instance::{Build, Instance};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Applies a layer to each time step by itself.
    ///
    /// Input `(batch, time, …)`, output `(batch, time, …)` with what the layer makes of
    /// `(batch, …)`.
    /// A mask goes to the layer step by step.
    /// Weights are those of the layer.
    /// Source: <https://keras.io/api/layers/recurrent_layers/time_distributed/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Conv2D, Input, TimeDistributed};
    ///
    /// let video = Input::new([10, 32, 32, 3]).tensor();
    /// let y = TimeDistributed::new(Conv2D::new(8, 3)).call(&video);
    /// assert_eq!(y.shape().to_string(), "(None, 10, 30, 30, 8)");
    /// ```
    TimeDistributed {
        /// The layer.
        layer: into InnerLayer = InnerLayer::default(),
    }
}

/// The place of the layer in files.
const LAYER: &str = "layer";

impl TimeDistributed {
    /// This layer, for each time step.
    #[track_caller]
    pub fn new(layer: impl Into<InnerLayer>) -> TimeDistributed {
        TimeDistributed { layer: layer.into(), ..TimeDistributed::default() }
    }
}

/// Whether all time steps can be computed as one larger batch: nothing in the layer looks at
/// other samples, carries something on, or depends on the size of the batch.
fn treats_samples_alone(instance: &Instance, training: bool) -> bool {
    let layer = instance.layer();
    let own = layer.module().is_some();
    let changes = instance.weights().iter().any(|weight| !weight.spec().trainable);
    let alone = if training { !layer.mixes_samples() && !changes } else { own };
    alone
        && instance.states().is_empty()
        && instance.children().iter().all(|(_, child)| {
            child.layer().base().activity_regularizer.is_none()
                && treats_samples_alone(child, training)
        })
}

/// The layer on a batch, without what only a call of its own would do, as in Keras.
fn apply(call: &mut Call<'_>, x: &Tensor, mask: Option<Tensor>) -> Tensor {
    if let Some(mask) = &mask {
        call.trace().set_mask(x, mask.clone());
    }
    let x = std::slice::from_ref(x);
    let found = call.inside(LAYER, x, &[mask], |layer, call| layer.forward(call, x));
    found.and_then(|found| found.into_iter().next()).unwrap_or_else(|| x[0].clone())
}

/// Checks that a mask has the batch and the time of the input first.
fn check_mask(mask: &Tensor, x: &Tensor) -> Result<(), OpError> {
    let wanted = x.shape().get(..2);
    match mask.shape().get(..2) == wanted {
        true => Ok(()),
        false => Err(OpError::new(
            "the mask does not fit the input",
            format!("({}, {}, …): batch and time", x.dim(0), x.dim(1)),
            mask.shape().to_string(),
        )),
    }
}

/// The batch and the time as one axis.
fn joined(tensor: &Tensor) -> Tensor {
    let rest = tensor.shape().get(2..).unwrap_or_default();
    let first = [tensor.dim(0) * tensor.dim(1)];
    tensor.reshape(first.iter().chain(rest).copied().collect::<Vec<usize>>())
}

impl Layer for TimeDistributed {
    layer_facts!(TimeDistributed);

    fn check(&self) -> Vec<ConfigError> {
        self.layer.check()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        if shape.rank() < 3 {
            return Err(ConfigError::new("the input must have time steps")
                .expected("(batch, time, …) with at least 3 axes")
                .received(shape.to_string()));
        }
        let step = PartialType::new(inputs[0].dtype, step_shape(shape));
        build.adopt(LAYER, &Instance::of(self.layer.layer(), &[step])?);
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let mask = call.mask(0);
        if let Some(Err(error)) = mask.as_ref().map(|mask| check_mask(mask, x)) {
            return vec![Tensor::poisoned(error)];
        }
        let (batch, time, training) = (x.dim(0), x.dim(1), call.training());
        let child = call.instance().child(LAYER);
        if child.is_some_and(|child| treats_samples_alone(child, training)) {
            let y = apply(call, &joined(x), mask.as_ref().map(joined));
            let rest = y.shape().get(1..).unwrap_or_default();
            let extents = [batch, time].iter().chain(rest).copied().collect::<Vec<usize>>();
            return vec![if y.is_poisoned() { y } else { y.reshape(extents) }];
        }
        let x = x.swap_axes(0, 1);
        let mask = mask.map(|mask| mask.swap_axes(0, 1));
        let step = |step: isize| {
            apply(call, &at_step(&x, step), mask.as_ref().map(|mask| at_step(mask, step)))
        };
        let steps: Vec<Tensor> = (0..time as isize).map(step).collect();
        vec![stack(&steps, 1)]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        vec![self.layer.layer().clone()]
    }
}
