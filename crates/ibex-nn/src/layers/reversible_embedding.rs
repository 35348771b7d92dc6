//! `ReversibleEmbedding`: a table of vectors that also gives scores for each of its entries.

use ibex_graph::Tensor;

use super::embedding::{looked_up, not_padding};
use super::options::check_positive;
use crate::constraints::Constraint;
use crate::initializers::{Initializer, RandomUniform};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer, layer_facts};

/// The argument of a call that asks for scores: `call` with `reverse=True`.
const REVERSE: &str = "reverse";

layer! {
    /// A table of vectors, looked up by index, that can also be read the other way round.
    ///
    /// Input `(batch, …)` of integers in `0..input_dim`, output `(batch, …, output_dim)`.
    /// Called with `reverse`, it gives for vectors `(batch, …, output_dim)` the scores
    /// `(batch, …, input_dim)` of all entries.
    /// Weights `embeddings (input_dim, output_dim)` and, if the weights are not tied,
    /// `reverse_embeddings (output_dim, input_dim)`.
    /// Source: <https://keras.io/api/layers/core_layers/reversible_embedding/>.
    ///
    /// ```
    /// use ibex_graph::DType;
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, ReversibleEmbedding};
    ///
    /// let words = Input::new([100]).dtype(DType::I32).tensor();
    /// let y = ReversibleEmbedding::new(10_000, 64).call(&words);
    /// assert_eq!(y.shape().to_string(), "(None, 100, 64)");
    /// ```
    ReversibleEmbedding {
        /// Number of vectors.
        input_dim: is usize = 1,
        /// Length of a vector.
        output_dim: is usize = 1,
        /// Initial values of the table; `RandomUniform` by default.
        embeddings_initializer: into Initializer = RandomUniform::default().into(),
        /// Penalty on the table, added to the loss.
        embeddings_regularizer: some Regularizer = None,
        /// Projection of the table after each update.
        embeddings_constraint: some Constraint = None,
        /// Whether index 0 is padding, which layers after this one are to ignore.
        mask_zero: is bool = false,
        /// Whether both directions have the same table; they do by default.
        tie_weights: is bool = true,
        /// The dtype of the scores of the other direction; the layer's by default.
        reverse_dtype: some String = None,
        /// Scores of the other direction stay within this number of 0, by `tanh`.
        logit_soft_cap: some f64 = None,
    }
}

impl ReversibleEmbedding {
    /// A table of `input_dim` vectors of length `output_dim`.
    #[track_caller]
    pub fn new(input_dim: usize, output_dim: usize) -> ReversibleEmbedding {
        ReversibleEmbedding { input_dim, output_dim, ..ReversibleEmbedding::default() }
    }
}

impl Layer for ReversibleEmbedding {
    layer_facts!(ReversibleEmbedding);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("input_dim", &[self.input_dim], &mut found);
        check_positive("output_dim", &[self.output_dim], &mut found);
        found
    }

    fn build(&self, build: &mut Build<'_>, _: &[PartialType]) -> Result<(), ConfigError> {
        let shape = [self.input_dim, self.output_dim];
        build.weight(
            WeightSpec::new("embeddings", shape, self.embeddings_initializer.clone())
                .regularizer(self.embeddings_regularizer.clone())
                .constraint(self.embeddings_constraint.clone()),
        );
        if !self.tie_weights {
            let shape = [self.output_dim, self.input_dim];
            let initializer = self.embeddings_initializer.clone();
            build.weight(WeightSpec::new("reverse_embeddings", shape, initializer));
        }
        Ok(())
    }

    fn signature(&self) -> &'static [&'static str] {
        &["inputs", REVERSE]
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        if !call.flag(REVERSE) {
            return vec![looked_up(&call.weight("embeddings"), &inputs[0])];
        }
        let mut x = inputs[0].clone();
        let mut kernel = match self.tie_weights {
            true => call.weight("embeddings").transpose(&[1, 0]),
            false => call.weight("reverse_embeddings"),
        };
        if let Some(dtype) = self.reverse_dtype.as_deref().and_then(|name| name.parse().ok()) {
            (x, kernel) = (x.cast(dtype), kernel.cast(dtype));
        }
        let scores = x.matmul(&kernel);
        vec![match self.logit_soft_cap {
            Some(cap) => (scores / cap).tanh() * cap,
            None => scores,
        }]
    }

    fn supports_masking(&self) -> bool {
        self.mask_zero
    }

    fn mask(
        &self,
        call: &mut Call<'_>,
        inputs: &[Tensor],
        _: &[Option<Tensor>],
    ) -> Vec<Option<Tensor>> {
        let masks = self.mask_zero && !call.flag(REVERSE);
        vec![masks.then(|| not_padding(&inputs[0]))]
    }
}
