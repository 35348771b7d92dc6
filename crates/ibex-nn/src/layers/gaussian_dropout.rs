//! `GaussianDropout`: multiplies by random numbers around 1 while training.

use ibex_graph::Tensor;

use super::noise::{normal_like, nothing_kept};
use super::options::check_fraction;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Multiplies each element by a normal number of mean 1 and standard deviation
    /// `sqrt(rate / (1 - rate))` while training.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from
    /// overfitting", 2014,
    /// <https://keras.io/api/layers/regularization_layers/gaussian_dropout/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GaussianDropout, Input};
    ///
    /// let y = GaussianDropout::new(0.5).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    GaussianDropout {
        /// How strong the noise is: that of a dropout of this fraction.
        rate: is f64 = 0.5,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
    }
}

impl GaussianDropout {
    /// Noise like that of a dropout of this fraction.
    #[track_caller]
    pub fn new(rate: f64) -> GaussianDropout {
        GaussianDropout { rate, ..GaussianDropout::default() }
    }
}

impl Layer for GaussianDropout {
    layer_facts!(GaussianDropout);

    fn check(&self) -> Vec<ConfigError> {
        check_fraction("rate", self.rate).into_iter().collect()
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        if !call.training() || self.rate == 0.0 {
            return vec![x.clone()];
        }
        if self.rate == 1.0 {
            return vec![nothing_kept("GaussianDropout")];
        }
        let deviation = (self.rate / (1.0 - self.rate)).sqrt();
        vec![x * (normal_like(call, x, self.seed) * deviation + 1.0)]
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
