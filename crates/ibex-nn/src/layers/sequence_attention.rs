//! What `Attention` and `AdditiveAttention` share: masks, weights and means of one head.
//!
//! Must not know: how queries and keys become scores.

use ibex_graph::ops::attention::{AttentionOptions, dot_product_attention};
use ibex_graph::{DType, Tensor};

use super::heads::{as_bool, past};
use super::noise::dropped;
use crate::trace::Call;

/// The names of the arguments of a call.
pub(super) const SIGNATURE: &[&str] =
    &["inputs", "mask", "training", "return_attention_scores", "use_causal_mask"];

/// Queries `(batch, queries, dim)`, keys and values `(batch, keys, …)` of a call, and what it
/// hides.
pub(super) struct Sequences {
    pub(super) query: Tensor,
    pub(super) key: Tensor,
    value: Tensor,
    dropout: f64,
    seed: Option<u64>,
}

impl Sequences {
    /// The tensors of a call; `None` if they are too few, which is refused before.
    pub(super) fn of(inputs: &[Tensor], dropout: f64, seed: Option<u64>) -> Option<Sequences> {
        let [query, value] = inputs.first_chunk()?;
        let key = inputs.get(2).unwrap_or(value).clone();
        Some(Sequences { query: query.clone(), key, value: value.clone(), dropout, seed })
    }

    /// What each query sees of the keys, if not all.
    fn seen(&self, call: &Call<'_>) -> Option<Tensor> {
        let by_value = call.mask(1).map(|mask| {
            let mask = as_bool(&mask);
            if mask.rank() == 2 { mask.expand_dims(-2) } else { mask }
        });
        let causal =
            call.flag("use_causal_mask").then(|| past((self.query.dim(-2), self.key.dim(-2))));
        match (by_value, causal) {
            (Some(a), Some(b)) => Some(a.logical_and(&b)),
            (a, b) => a.or(b),
        }
    }

    /// Means weighted by the products of queries and keys, without keeping scores if they are not
    /// wanted.
    pub(super) fn by_products(&self, call: &mut Call<'_>) -> Vec<Tensor> {
        let plain = self.query.rank() == 3 && self.dropout < 1.0 && call.mask(1).is_none();
        if call.flag("return_attention_scores") || !plain {
            let scores = self.query.matmul(&self.key.matrix_transpose());
            return self.by_scores(call, &scores);
        }
        let drawn =
            (call.training() && self.dropout > 0.0).then(|| call.trace().next_random_of(self.seed));
        let options = AttentionOptions {
            scale: Some(1.0),
            mask: None,
            causal: call.flag("use_causal_mask"),
            dropout: drawn.as_ref().map(|(state, stream)| (self.dropout, state, *stream)),
        };
        let [query, key, value] = [&self.query, &self.key, &self.value].map(|x| x.expand_dims(2));
        let means = dot_product_attention(&query, &key, &value, &options);
        let means = if means.is_poisoned() { means } else { means.squeeze(2) };
        vec![self.shown(call, means)]
    }

    /// Means weighted by the softmax of `scores (batch, queries, keys)`, and the weights if they
    /// are wanted.
    pub(super) fn by_scores(&self, call: &mut Call<'_>, scores: &Tensor) -> Vec<Tensor> {
        let lowered = match self.seen(call) {
            // Keras subtracts so much that the scores are rounded away: a query whose keys are all
            // hidden gets the mean of all values. Their gradient stays.
            Some(seen) => {
                let rounded = scores - scores.stop_gradient() - lowering(scores.dtype());
                seen.select(scores, &rounded)
            }
            None => scores.clone(),
        };
        let mut weights = lowered.softmax(-1);
        if call.training() && self.dropout > 0.0 && !weights.is_poisoned() {
            let shape = weights.shape().to_vec();
            weights = dropped(call, &weights, self.dropout, self.seed, shape);
        }
        let means = weights.matmul(&self.value);
        let mut outputs = vec![self.shown(call, means)];
        if call.flag("return_attention_scores") {
            outputs.push(weights);
        }
        outputs
    }

    /// The means of queries that are not masked; zeros for the others.
    fn shown(&self, call: &Call<'_>, means: Tensor) -> Tensor {
        match call.mask(0) {
            Some(mask) => as_bool(&mask).expand_dims(-1).select(&means, &means.zeros_like()),
            None => means,
        }
    }
}

/// What Keras subtracts from the scores of hidden keys.
fn lowering(dtype: DType) -> f64 {
    if dtype == DType::F16 { 65504.0 } else { 1e9 }
}

/// Implements what the two layers have in common.
macro_rules! sequence_attention_facts {
    () => {
        fn mask(
            &self,
            call: &mut Call<'_>,
            _: &[Tensor],
            _: &[Option<Tensor>],
        ) -> Vec<Option<Tensor>> {
            vec![call.mask(0)]
        }

        fn supports_masking(&self) -> bool {
            true
        }

        fn takes_list(&self) -> bool {
            true
        }

        fn input_count(&self) -> std::ops::RangeInclusive<usize> {
            2..=3
        }

        fn draws_random_numbers(&self) -> bool {
            self.dropout > 0.0
        }

        fn signature(&self) -> &'static [&'static str] {
            $crate::layers::sequence_attention::SIGNATURE
        }
    };
}
pub(super) use sequence_attention_facts;
