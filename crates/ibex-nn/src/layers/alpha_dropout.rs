//! `AlphaDropout`: dropout that keeps the mean and variance of self-normalising networks.

use ibex_graph::Tensor;
use ibex_graph::ops::random;

use super::noise::{check_noise_shape, drawn_shape, nothing_kept};
use super::options::check_fraction;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

/// What SELU tends to for large negative numbers: `-scale · alpha`.
const SATURATION: f64 = -1.673_263_242_354_377_2 * 1.050_700_987_355_480_5;

layer! {
    /// Sets a fraction `rate` of the elements to the negative end of SELU while training, then
    /// scales and shifts all so that mean 0 and variance 1 stay what they are.
    ///
    /// Input and output have the same shape; outside training nothing is changed.
    /// Source: Klambauer et al., "Self-normalizing neural networks", 2017,
    /// <https://keras.io/api/layers/regularization_layers/alpha_dropout/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{AlphaDropout, Input};
    ///
    /// let y = AlphaDropout::new(0.1).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    AlphaDropout {
        /// The fraction of elements that are dropped.
        rate: is f64 = 0.5,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// The shape of the draw, which is repeated along axes of extent 1; `None` for an extent
        /// of the input. The whole shape of the input by default.
        noise_shape: some Vec<Option<usize>> = None,
    }
}

impl AlphaDropout {
    /// Drops this fraction of the elements.
    #[track_caller]
    pub fn new(rate: f64) -> AlphaDropout {
        AlphaDropout { rate, ..AlphaDropout::default() }
    }
}

impl Layer for AlphaDropout {
    layer_facts!(AlphaDropout);

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
        if self.rate == 1.0 {
            return vec![nothing_kept("AlphaDropout")];
        }
        let (state, stream) = call.trace().next_random_of(self.seed);
        let shape = drawn_shape(&self.noise_shape, x);
        let keep = random::bernoulli(&state, shape, stream, 1.0 - self.rate);
        let dropped = keep.select(x, &Tensor::full(x.dtype(), x.shape(), SATURATION));
        let factor = ((1.0 - self.rate) * (1.0 + self.rate * SATURATION.powi(2))).powf(-0.5);
        vec![dropped * factor - factor * SATURATION * self.rate]
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
