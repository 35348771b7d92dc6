//! The gradient of attention: weights are computed again from two numbers for each row.
//!
//! Dao et al., "FlashAttention: fast and memory-efficient exact attention", 2022, section 3.

use super::scoring::{Extents, Naive, Scoring, by_key_head, by_position, scores_by_key_head};
use super::{Case, cases, expect_count, large_cases};
use crate::interpreter::Values;
use crate::op::{
    BadSample, Described, Forward, Info, Kind, Number, Rule, Sample, Vjp, vjp_of_decomposition,
};
use crate::{DType, OpError, Shape, Tensor, Type};

/// The gradients of [`Attention`](super::Attention)'s result by queries, keys and values.
///
/// Inputs: queries, keys and values; the gradient of the result; the largest score and the
/// logarithm of the sum of each row, as [`Attention`](super::Attention) gave them; for each row
/// the sum of the products of result and gradient; then the mask and the state as there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AttentionGradient {
    /// How scores become weights.
    pub scoring: Scoring,
}

/// How many inputs are always there.
const FIRST: usize = 7;

/// The weights before dropout, and the gradient by the scores as they are before hiding.
fn weights_and_score_gradient(
    scoring: &Scoring,
    extents: &Extents,
    inputs: &[Tensor],
) -> Option<(Tensor, Tensor)> {
    let [query, key, value, grad, largest, log_sum, mean] = inputs.first_chunk::<FIRST>()?;
    let (mask, state) = scoring.split(&inputs[FIRST..]);
    let (scores, seen) = scoring.scores(extents, [query, key], mask);
    let by_score = |x: &Tensor| x.transpose(&[0, 2, 1]).expand_dims(-1);
    let weights = (scores - by_score(largest) - by_score(log_sum)).exp();
    let by_weight = by_key_head(extents, grad).matmul(&value.transpose(&[0, 2, 3, 1]));
    let by_weight = scoring.keep(&by_weight.reshape(extents.scores()), state);
    let gradient = &weights * (by_weight - by_score(mean));
    let gradient = match seen {
        Some(seen) => seen.select(&gradient, &gradient.zeros_like()),
        None => gradient,
    };
    Some((weights, gradient))
}

/// The gradient by what is added to the scores, from the inputs of the gradient.
pub(super) fn score_gradient(scoring: &Scoring, inputs: &[Tensor]) -> Option<Tensor> {
    let [query, key, value] = inputs.first_chunk()?;
    let extents = Extents::of(query.shape(), key.shape(), value.shape())?;
    Some(weights_and_score_gradient(scoring, &extents, inputs)?.1)
}

impl Rule for AttentionGradient {
    fn name(&self) -> &'static str {
        "attention_gradient"
    }

    fn attributes(&self) -> String {
        self.scoring.attributes()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        expect_count(self.name(), FIRST, &self.scoring, inputs)?;
        let (first, extra) = inputs.split_at(FIRST);
        let [query, key, value] = [&first[0], &first[1], &first[2]];
        let extents = self.scoring.infer(self.name(), [query, key, value], extra)?;
        let Extents { batch, queries, heads, value_dim, .. } = extents;
        let result = Type::new(query.dtype, [batch, queries, heads, value_dim]);
        let row = Type::new(query.dtype, extents.rows());
        let rows = [
            ("output gradient", &first[3], &result),
            ("largest scores", &first[4], &row),
            ("sums", &first[5], &row),
            ("mean gradients", &first[6], &row),
        ];
        for (role, received, expected) in rows {
            if received != expected {
                return Err(OpError::new(
                    format!("the {role} of `{}` do not fit its queries", self.name()),
                    expected.to_string(),
                    received.to_string(),
                ));
            }
        }
        Ok(vec![query.clone(), key.clone(), value.clone()])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let naive = Naive::new(&self.scoring, inputs, &inputs[FIRST..]);
        let [grad, largest, log_sum, mean] = [3, 4, 5, 6].map(|i| &inputs[i].data);
        let Extents { dim, value_dim, .. } = naive.extents;
        let zeros = |i: usize| vec![0.0; outputs[i].shape.size()];
        let (mut by_query, mut by_key, mut by_value) = (zeros(0), zeros(1), zeros(2));
        for row in naive.rows() {
            let by_result = &grad[row.index * value_dim..][..value_dim];
            for (key, (score, seen)) in naive.scores(row).into_iter().enumerate() {
                let weight = (score - largest[row.index] - log_sum[row.index]).exp();
                let factor = naive.factor(row, key);
                let at = naive.at_key(row, key, value_dim);
                let mut by_weight = 0.0;
                for (i, g) in by_result.iter().enumerate() {
                    by_value[at + i] += weight * factor * g;
                    by_weight += naive.value.data[at + i] * g;
                }
                if !seen {
                    continue;
                }
                let by_score = weight * (by_weight * factor - mean[row.index]);
                let by_score = by_score * self.scoring.scale.value();
                let (q, k) = (row.index * dim, naive.at_key(row, key, dim));
                for i in 0..dim {
                    by_query[q + i] += by_score * naive.key.data[k + i];
                    by_key[k + i] += by_score * naive.query.data[q + i];
                }
            }
        }
        let all = [by_query, by_key, by_value];
        outputs.iter().cloned().zip(all).map(|(ty, data)| Values::new(ty, data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        vjp_of_decomposition(self, node)
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [query, key, value, grad] = inputs.first_chunk()?;
        let extents = Extents::of(query.shape(), key.shape(), value.shape())?;
        let (_, state) = self.scoring.split(&inputs[FIRST..]);
        let (weights, by_score) = weights_and_score_gradient(&self.scoring, &extents, inputs)?;
        let scaled = by_score * self.scoring.scale.value();
        let by_score = scores_by_key_head(&extents, &scaled);
        let kept = scores_by_key_head(&extents, &self.scoring.keep(&weights, state));
        let swapped = |x: &Tensor| x.transpose(&[0, 2, 1, 3]);
        let by_query = by_position(&extents, &by_score.matmul(&swapped(key)));
        let by_key = by_score.matrix_transpose().matmul(&by_key_head(&extents, query));
        let by_value = kept.matrix_transpose().matmul(&by_key_head(&extents, grad));
        Some(vec![by_query, swapped(&by_key), swapped(&by_value)])
    }
}

impl Described for AttentionGradient {
    const INFO: Info = Info {
        name: "attention_gradient",
        kind: Kind::Library,
        summary: "the gradients of attention by queries, keys and values",
        samples: || {
            let sample = |case: Case| {
                let rows = Shape::from(&case.query[..3]);
                let result = [&rows[..], &case.value[3..]].concat();
                let mut inputs = vec![
                    Values::uniform(&case.query, -1.0, 1.0, 1),
                    Values::uniform(&case.key, -1.0, 1.0, 2),
                    Values::uniform(&case.value, -1.0, 1.0, 3),
                    Values::uniform(result, -1.0, 1.0, 4),
                    // About as large as in earnest: weights stay below some units.
                    Values::uniform(&rows, 0.0, 1.0, 5),
                    Values::uniform(&rows, 0.5, 1.5, 6),
                    Values::uniform(&rows, -1.0, 1.0, 7),
                ];
                inputs.extend(case.extra());
                Sample::new(case.label, AttentionGradient { scoring: case.scoring }, inputs)
            };
            let large = large_cases().into_iter().map(|case| sample(case).without_gradient());
            cases().into_iter().map(sample).chain(large).collect()
        },
        errors: || {
            let ty = |shape: &[usize]| Type::new(DType::F32, shape);
            let (q, k, row) = (ty(&[2, 3, 4, 8]), ty(&[2, 5, 4, 8]), ty(&[2, 3, 4]));
            let scale = Number::new(1.0);
            let scoring = Scoring { scale, causal: false, masked: false, dropout: None };
            let types = [q.clone(), k.clone(), k.clone(), q, row.clone(), row, ty(&[2, 4, 3])];
            vec![BadSample::new(
                AttentionGradient { scoring },
                &types,
                "the mean gradients of `attention_gradient` do not fit its queries\n  expected  \
                 float32 (2, 3, 4)\n  received  float32 (2, 4, 3)",
            )]
        },
    };
}
