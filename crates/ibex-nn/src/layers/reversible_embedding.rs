//! `ReversibleEmbedding`: a table of vectors that also gives scores for each of its entries.

use ibex_graph::{DType, Tensor};

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

/// The flag of a call that goes the other way.
const REVERSE: &str = "reverse";

layer! {
    /// A table of vectors, looked up by index, that can also be read the other way round.
    ///
    /// Input `(batch, …)` of integers in `0..input_dim`, output `(batch, …, output_dim)`.
    /// A call with the flag `reverse` goes the other way: from `(batch, …, output_dim)` to one
    /// score for each entry, `(batch, …, input_dim)`.
    /// Weights `embeddings (input_dim, output_dim)` and, if the weights are not tied,
    /// `reverse_embeddings (output_dim, input_dim)`.
    /// Source: <https://keras.io/api/layers/core_layers/reversible_embedding/>.
    ///
    /// ```
    /// use ibex_graph::DType;
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, ReversibleEmbedding};
    /// use ibex_nn::models::symbolic::with;
    ///
    /// let words = Input::new([100]).dtype(DType::I32).tensor();
    /// let table = ReversibleEmbedding::new(10_000, 64);
    /// let y = table.call(&words);
    /// assert_eq!(y.shape().to_string(), "(None, 100, 64)");
    /// let scores = table.call(with(&y).value("reverse", true));
    /// assert_eq!(scores.shape().to_string(), "(None, 100, 10000)");
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

    /// A score for each entry of the table.
    fn scores(&self, call: &mut Call<'_>, vectors: &Tensor) -> Tensor {
        let table = match self.tie_weights {
            true => call.weight("embeddings").matrix_transpose(),
            false => call.weight("reverse_embeddings"),
        };
        let dtype = self.reverse_dtype.as_ref().and_then(|name| name.parse::<DType>().ok());
        // Vectors come as they are, and may be finer than the table under a mixed policy.
        let dtype = dtype.unwrap_or(vectors.dtype().max(table.dtype()));
        let scores = vectors.cast(dtype).matmul(&table.cast(dtype));
        match self.logit_soft_cap {
            Some(cap) => (scores / cap).tanh() * cap,
            None => scores,
        }
    }
}

impl Layer for ReversibleEmbedding {
    layer_facts!(ReversibleEmbedding);

    fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        check_positive("input_dim", &[self.input_dim], &mut found);
        check_positive("output_dim", &[self.output_dim], &mut found);
        if let Some(name) = self.reverse_dtype.as_ref().filter(|n| n.parse::<DType>().is_err()) {
            found.push(
                ConfigError::new("`reverse_dtype` is no dtype")
                    .expected("a dtype such as float32")
                    .received(format!("reverse_dtype = {name}")),
            );
        }
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

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![match call.flag(REVERSE) {
            true => self.scores(call, &inputs[0]),
            false => looked_up(&call.weight("embeddings"), &inputs[0]),
        }]
    }

    fn signature(&self) -> &'static [&'static str] {
        &["inputs", REVERSE]
    }

    fn arguments_of_build(&self) -> &'static [&'static str] {
        &["inputs"]
    }

    fn casts_inputs(&self) -> bool {
        false
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
        let shown = self.mask_zero && !call.flag(REVERSE);
        vec![shown.then(|| not_padding(&inputs[0]))]
    }
}
