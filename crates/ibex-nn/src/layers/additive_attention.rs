//! `AdditiveAttention`: means of values, weighted by sums of queries and keys.

use ibex_graph::Tensor;

use super::options::{check_fraction, known_extent};
use super::sequence_attention::{Sequences, sequence_attention_facts};
use crate::initializers::GlorotUniform;
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Means of values, weighted by the softmax of `sum(scale · tanh(query + key))`.
    ///
    /// Called on `[query, value]` or `[query, value, key]`: queries `(batch, queries, dim)`,
    /// values `(batch, keys, any)`, keys `(batch, keys, dim)`, output `(batch, queries, any)`.
    /// A call may name `mask` (of queries and values), `use_causal_mask` and
    /// `return_attention_scores`, which adds an output `(batch, queries, keys)`.
    /// Weight `scale (dim,)`.
    /// Source: Bahdanau et al., "Neural machine translation by jointly learning to align and
    /// translate", 2015, <https://keras.io/api/layers/attention_layers/additive_attention/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{AdditiveAttention, Input};
    ///
    /// let query = Input::new([4, 16]).tensor();
    /// let value = Input::new([10, 16]).tensor();
    /// let y = AdditiveAttention::new().call([&query, &value]);
    /// assert_eq!(y.shape().to_string(), "(None, 4, 16)");
    /// ```
    AdditiveAttention {
        /// Whether weights multiply the tangents; they do by default.
        use_scale: is bool = true,
        /// The fraction of the weights that is dropped while training.
        dropout: is f64 = 0.0,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
    }
}

impl AdditiveAttention {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> AdditiveAttention {
        AdditiveAttention::default()
    }
}

impl Layer for AdditiveAttention {
    layer_facts!(AdditiveAttention);
    sequence_attention_facts!();

    fn check(&self) -> Vec<ConfigError> {
        check_fraction("dropout", self.dropout).into_iter().collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        if self.use_scale {
            let shape = &inputs[0].shape;
            let dim = known_extent(shape, shape.rank().saturating_sub(1), "last")?;
            build.weight(WeightSpec::new("scale", [dim], GlorotUniform::default()));
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let Some(sequences) = Sequences::of(inputs, self.dropout, self.seed) else {
            return inputs.to_vec();
        };
        let sums = sequences.query.expand_dims(-2) + sequences.key.expand_dims(-3);
        let terms = match call.optional_weight("scale") {
            Some(scale) => sums.tanh() * scale,
            None => sums.tanh(),
        };
        let last = terms.rank().saturating_sub(1);
        let scores = terms.sum(&[last], false);
        sequences.by_scores(call, &scores)
    }
}
