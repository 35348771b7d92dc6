//! `Attention`: means of values, weighted by how queries and keys agree.

use ibex_graph::{Shape, Tensor};
use serde::{Deserialize, Serialize};

use super::options::check_fraction;
use super::sequence_attention::{Sequences, sequence_attention_facts};
use crate::initializers::Ones;
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

/// How a query and a key become a score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreMode {
    /// The sum of their products.
    #[default]
    Dot,
    /// The sum of the hyperbolic tangents of their sums.
    Concat,
}

layer! {
    /// Means of values, weighted by the softmax of scores of queries and keys.
    ///
    /// Called on `[query, value]` or `[query, value, key]`: queries `(batch, queries, dim)`,
    /// values `(batch, keys, any)`, keys `(batch, keys, dim)`, output `(batch, queries, any)`.
    /// A call may name `mask` (of queries and values), `use_causal_mask` and
    /// `return_attention_scores`, which adds an output `(batch, queries, keys)`.
    /// Weights `scale ()` with `use_scale`, `concat_score_weight ()` with `ScoreMode::Concat`.
    /// Source: Luong et al., "Effective approaches to attention-based neural machine
    /// translation", 2015, <https://keras.io/api/layers/attention_layers/attention/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Attention, Input};
    ///
    /// let query = Input::new([4, 16]).tensor();
    /// let value = Input::new([10, 16]).tensor();
    /// let y = Attention::new().call([&query, &value]);
    /// assert_eq!(y.shape().to_string(), "(None, 4, 16)");
    /// ```
    Attention {
        /// Whether a weight multiplies the scores.
        use_scale: is bool = false,
        /// How a query and a key become a score.
        score_mode: is ScoreMode = ScoreMode::Dot,
        /// The fraction of the weights that is dropped while training.
        dropout: is f64 = 0.0,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
    }
}

impl Attention {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> Attention {
        Attention::default()
    }
}

impl Layer for Attention {
    layer_facts!(Attention);
    sequence_attention_facts!();

    fn check(&self) -> Vec<ConfigError> {
        check_fraction("dropout", self.dropout).into_iter().collect()
    }

    fn build(&self, build: &mut Build<'_>, _: &[PartialType]) -> Result<(), ConfigError> {
        if self.use_scale {
            build.weight(WeightSpec::new("scale", Shape::scalar(), Ones));
        }
        if self.score_mode == ScoreMode::Concat {
            build.weight(WeightSpec::new("concat_score_weight", Shape::scalar(), Ones));
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let Some(mut sequences) = Sequences::of(inputs, self.dropout, self.seed) else {
            return inputs.to_vec();
        };
        let scale = call.optional_weight("scale");
        if self.score_mode == ScoreMode::Dot {
            if let Some(scale) = scale {
                sequences.query = &sequences.query * scale;
            }
            return sequences.by_products(call);
        }
        let sums = sequences.query.expand_dims(-2) + sequences.key.expand_dims(-3);
        let sums = match scale {
            Some(scale) => sums * scale,
            None => sums,
        };
        let last = sums.rank().saturating_sub(1);
        let scores = sums.tanh().sum(&[last], false) * call.weight("concat_score_weight");
        sequences.by_scores(call, &scores)
    }
}
