//! `Softmax`: exponentials, divided by their sum.

use ibex_graph::{OpError, Tensor};

use super::options::Axes;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// `e^x`, divided by the sum along one axis or several.
    ///
    /// Input and output have the same shape; masked elements get 0.
    /// Source: <https://keras.io/api/layers/activation_layers/softmax/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Softmax};
    ///
    /// let y = Softmax::new().call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    Softmax {
        /// The axes along which the results add up to 1; the last by default.
        axis: into Axes = Axes::One(-1),
    }
}

impl Softmax {
    /// The softmax along the last axis.
    #[track_caller]
    pub fn new() -> Softmax {
        Softmax::default()
    }
}

impl Layer for Softmax {
    layer_facts!(Softmax);

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        self.axis.resolve(inputs[0].shape.rank()).map(|_| ())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let mask = call.mask(0);
        let fits = |mask: &Tensor| x.shape().broadcast(mask.shape()).as_ref() == Some(x.shape());
        if let Some(mask) = mask.as_ref().filter(|mask| !fits(mask)) {
            return vec![Tensor::poisoned(OpError::new(
                "the mask does not fit the input of `Softmax`",
                format!("a mask that broadcasts to {}", x.shape()),
                mask.shape().to_string(),
            ))];
        }
        let masked = match &mask {
            // Keras's large negative number; infinity would make NaN of a line that is all masked.
            Some(mask) => mask.select(x, &Tensor::scalar(x.dtype(), -1e9)),
            None => x.clone(),
        };
        let y = match self.axis.resolve(x.rank()).unwrap_or_default().as_slice() {
            [axis] => masked.softmax(*axis as isize),
            axes => (&masked - masked.logsumexp(axes, true)).exp(),
        };
        vec![match &mask {
            Some(mask) => mask.select(&y, &y.zeros_like()),
            None => y,
        }]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
