//! `Dropout`: zeroes part of the input while training.

use ibex_graph::Tensor;
use ibex_graph::ops::random;

use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
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

    /// The extents of the draw for an input.
    fn drawn_shape(&self, x: &Tensor) -> Vec<usize> {
        match &self.noise_shape {
            None => x.shape().to_vec(),
            Some(dims) => {
                let extents = x.shape().iter().zip(dims);
                extents.map(|(&extent, drawn)| drawn.unwrap_or(extent)).collect()
            }
        }
    }
}

impl Layer for Dropout {
    layer_facts!(Dropout);

    fn check(&self) -> Vec<ConfigError> {
        let error = || {
            ConfigError::new("`rate` must be a fraction")
                .expected("between 0 and 1")
                .received(format!("rate = {}", self.rate))
        };
        (!(0.0..=1.0).contains(&self.rate)).then(error).into_iter().collect()
    }

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        let Some(noise) = &self.noise_shape else { return Ok(()) };
        let fits = |(drawn, extent): (&Option<usize>, &Option<usize>)| match (drawn, extent) {
            (Some(drawn), Some(extent)) => *drawn == 1 || drawn == extent,
            _ => true,
        };
        match noise.len() == shape.rank() && noise.iter().zip(&shape.0).all(fits) {
            true => Ok(()),
            false => Err(ConfigError::new("`noise_shape` does not fit the input")
                .expected(format!("{} extents, each as in {shape}, 1 or None", shape.rank()))
                .received(PartialShape(noise.clone()).to_string())),
        }
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        if !call.training() || self.rate == 0.0 {
            return vec![x.clone()];
        }
        if self.rate == 1.0 {
            return vec![x.zeros_like()];
        }
        let (state, stream) = call.trace().next_random_of(self.seed);
        let kept = 1.0 - self.rate;
        let keep = random::bernoulli(&state, self.drawn_shape(x), stream, kept);
        vec![keep.select(&(x * (1.0 / kept)), &x.zeros_like())]
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
