//! `GaussianNoise`: adds random numbers while training.

use ibex_graph::Tensor;

use super::noise::normal_like;
use super::options::check_fraction;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Adds a normal number of mean 0 and standard deviation `stddev` to each element while
    /// training.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: <https://keras.io/api/layers/regularization_layers/gaussian_noise/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GaussianNoise, Input};
    ///
    /// let y = GaussianNoise::new(0.1).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    GaussianNoise {
        /// The standard deviation of the noise, between 0 and 1.
        stddev: is f64 = 0.1,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
    }
}

impl GaussianNoise {
    /// Noise of this standard deviation.
    #[track_caller]
    pub fn new(stddev: f64) -> GaussianNoise {
        GaussianNoise { stddev, ..GaussianNoise::default() }
    }
}

impl Layer for GaussianNoise {
    layer_facts!(GaussianNoise);

    fn check(&self) -> Vec<ConfigError> {
        check_fraction("stddev", self.stddev).into_iter().collect()
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        if !call.training() || self.stddev == 0.0 {
            return vec![x.clone()];
        }
        vec![x + normal_like(call, x, self.seed) * self.stddev]
    }

    fn draws_random_numbers(&self) -> bool {
        self.stddev > 0.0
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
