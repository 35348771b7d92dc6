//! `Dropout`: zeroes part of the input while training.

use ibex_graph::Tensor;

use super::noise::{check_noise_shape, drawn_shape, dropped};
use super::options::check_fraction;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Sets a fraction `rate` of the elements to 0 while training and scales the others up.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from
    /// overfitting", 2014,
    /// <https://keras.io/api/layers/regularization_layers/dropout/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Dropout, Input};
    ///
    /// let y = Dropout::new(0.5).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    Dropout {
        /// The fraction of elements that are dropped.
        rate: is f64 = 0.5,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// The shape of the draw, which is repeated along axes of extent 1; `None` for an extent
        /// of the input. The whole shape of the input by default.
        noise_shape: some Vec<Option<usize>> = None,
    }
}

impl Dropout {
    /// Drops this fraction of the elements.
    #[track_caller]
    pub fn new(rate: f64) -> Dropout {
        Dropout { rate, ..Dropout::default() }
    }
}

impl Layer for Dropout {
    layer_facts!(Dropout);

    fn check(&self) -> Vec<ConfigError> {
        check_fraction("rate", self.rate).into_iter().collect()
    }

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        check_noise_shape(&self.noise_shape, &inputs[0].shape)
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        if !call.training() || self.rate == 0.0 {
            return vec![x.clone()];
        }
        vec![dropped(call, x, self.rate, self.seed, drawn_shape(&self.noise_shape, x))]
    }

    fn draws_random_numbers(&self) -> bool {
        self.rate > 0.0
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
