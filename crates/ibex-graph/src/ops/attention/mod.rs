//! Attention: means of values, weighted by how well each key answers a query.
//!
//! Read in this order: [`Scoring`], this file, [`gradient`].
//! A kernel need not keep the scores of long sequences: two numbers for each query are enough to
//! compute the weights again, which is what the gradient does.
//! Must not know: the layers that project queries, keys and values.

pub mod gradient;
mod scoring;

pub use gradient::AttentionGradient;
pub use scoring::{Dropout, Extents, Scoring, hidden_score};

use crate::interpreter::Values;
use crate::op::{
    BadSample, Described, Forward, Info, Kind, Number, Rule, Sample, Vjp, vjp_of_decomposition,
};
use crate::{DType, OpError, Shape, Tensor, Type};
use gradient::score_gradient;
use scoring::{Naive, by_position, scores_by_key_head};

/// `softmax(query · keyᵀ · scale) · value` for each head.
///
/// Inputs: queries `(batch, queries, heads, dim)`, keys `(batch, keys, key heads, dim)`, values
/// `(batch, keys, key heads, value dim)`; then the mask if there is one, of 4 axes that broadcast
/// to `(batch, heads, queries, keys)`, `bool` (false hides a key) or of the dtype of the queries
/// (added to the scores); then, if weights are dropped, a state `int64 (2,)` of seed and step.
/// Outputs: the result `(batch, queries, heads, value dim)` and, for each row of scores, the
/// largest of them and the logarithm of the sum of `exp(score - largest)`, both
/// `(batch, queries, heads)`.
///
/// A query whose keys are all hidden gets the mean of all values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Attention {
    /// How scores become weights.
    pub scoring: Scoring,
}

/// What [`dot_product_attention`] does beside the plain formula.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttentionOptions<'a> {
    /// The factor of the scores; `1 / sqrt(dim)` by default.
    pub scale: Option<f64>,
    /// What hides keys or is added to the scores; broadcasts to `(batch, heads, queries, keys)`.
    pub mask: Option<&'a Tensor>,
    /// Whether a query sees only the keys up to its own position.
    pub causal: bool,
    /// The part of the weights that is dropped, the state and the stream of the draw.
    pub dropout: Option<(f64, &'a Tensor, u32)>,
}

/// The mean of the values, weighted by the softmax of the products of queries and keys.
///
/// Queries are `(batch, queries, heads, dim)`, keys `(batch, keys, key heads, dim)` and values
/// `(batch, keys, key heads, value dim)`; the result is `(batch, queries, heads, value dim)`.
/// Each head of keys and values serves `heads / key heads` neighbouring heads of the queries.
/// `keras.ops.dot_product_attention`.
///
/// ```
/// use ibex_graph::ops::attention::{AttentionOptions, dot_product_attention};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let query = Tensor::constant(Array::from_slice([1, 1, 1, 1], &[0f32])?);
/// let key = Tensor::constant(Array::from_slice([1, 2, 1, 1], &[3f32, -5.])?);
/// let value = Tensor::constant(Array::from_slice([1, 2, 1, 1], &[10f32, 20.])?);
/// let mean = dot_product_attention(&query, &key, &value, &AttentionOptions::default());
/// assert_eq!(evaluate(&mean)?.to_f64_vec(), [15.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    options: &AttentionOptions<'_>,
) -> Tensor {
    let scale = options.scale.unwrap_or_else(|| 1.0 / (query.dim(-1) as f64).sqrt());
    let dropout = options.dropout.filter(|(rate, ..)| *rate != 0.0);
    let scoring = Scoring {
        scale: Number::new(scale),
        causal: options.causal,
        masked: options.mask.is_some(),
        dropout: dropout.map(|(rate, _, stream)| Dropout { rate: Number::new(rate), stream }),
    };
    // Leading axes that a mask lacks are of extent 1, as in all broadcasting.
    let mask = options.mask.map(|mask| match mask.is_poisoned() || mask.rank() >= 4 {
        true => mask.clone(),
        false => mask.reshape([&[1; 4][mask.rank()..], mask.shape().dims()].concat()),
    });
    let state = dropout.map(|(_, state, _)| state);
    let inputs: Vec<&Tensor> =
        [query, key, value].into_iter().chain(mask.as_ref()).chain(state).collect();
    Tensor::apply(Attention { scoring }, &inputs)
}

/// Checks the number of inputs; `first` are always there.
fn expect_count(
    name: &str,
    first: usize,
    scoring: &Scoring,
    inputs: &[Type],
) -> Result<(), OpError> {
    let expected = first + scoring.extra_inputs();
    match inputs.len() == expected {
        true => Ok(()),
        false => Err(OpError::new(
            format!("`{name}` takes {expected} inputs"),
            expected.to_string(),
            inputs.len().to_string(),
        )),
    }
}

impl Rule for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn attributes(&self) -> String {
        self.scoring.attributes()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        expect_count(self.name(), 3, &self.scoring, inputs)?;
        let (first, extra) = inputs.split_at(3);
        let extents = self.scoring.infer(self.name(), [&first[0], &first[1], &first[2]], extra)?;
        let dtype = inputs[0].dtype;
        let Extents { batch, queries, heads, value_dim, .. } = extents;
        let rows = Type::new(dtype, extents.rows());
        Ok(vec![Type::new(dtype, [batch, queries, heads, value_dim]), rows.clone(), rows])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let naive = Naive::new(&self.scoring, inputs, &inputs[3..]);
        let value_dim = naive.extents.value_dim;
        let [mut result, mut all_largest, mut all_sums] = [const { Vec::new() }; 3];
        for row in naive.rows() {
            let scores = naive.scores(row);
            let largest = scores.iter().fold(f64::NEG_INFINITY, |a, &(score, _)| a.max(score));
            let sum: f64 = scores.iter().map(|(score, _)| (score - largest).exp()).sum();
            let mut mean = vec![0.0; value_dim];
            for (key, (score, _)) in scores.iter().enumerate() {
                let weight = (score - largest).exp() / sum * naive.factor(row, key);
                let at = naive.at_key(row, key, value_dim);
                let value = &naive.value.data[at..at + value_dim];
                mean.iter_mut().zip(value).for_each(|(mean, value)| *mean += weight * value);
            }
            result.append(&mut mean);
            all_largest.push(largest);
            all_sums.push(sum.ln());
        }
        let all = [result, all_largest, all_sums];
        outputs.iter().cloned().zip(all).map(|(ty, data)| Values::new(ty, data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let mut total: Vec<Option<Tensor>> = vec![None; node.inputs.len()];
        if let Some(grad) = &node.grads[0] {
            for (to, grad) in total.iter_mut().zip(self.gradients(node, grad)) {
                *to = grad;
            }
        }
        if node.grads[1..].iter().all(Option::is_none) {
            return Vjp::Rule(total);
        }
        // Only gradients of the gradient use the statistics.
        let grads = [None, node.grads[1].clone(), node.grads[2].clone()];
        let by_statistics = Forward { grads: &grads, ..*node };
        match vjp_of_decomposition(self, &by_statistics) {
            Vjp::Rule(more) => Vjp::Rule(total.into_iter().zip(more).map(added).collect()),
            other => other,
        }
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [query, key, value] = inputs.first_chunk()?;
        let extents = Extents::of(query.shape(), key.shape(), value.shape())?;
        let (mask, state) = self.scoring.split(&inputs[3..]);
        let (scores, _) = self.scoring.scores(&extents, [query, key], mask);
        let largest = scores.max(&[3], true);
        let powers = (&scores - &largest).exp();
        let sum = powers.sum(&[3], true);
        // The weights do not depend on what is subtracted before the exponential.
        let fixed = (&scores - largest.stop_gradient()).exp();
        let weights = &fixed / fixed.sum(&[3], true);
        let kept = scores_by_key_head(&extents, &self.scoring.keep(&weights, state));
        let result = by_position(&extents, &kept.matmul(&value.transpose(&[0, 2, 1, 3])));
        let by_row = |x: &Tensor| by_position(&extents, x).reshape(extents.rows());
        Some(vec![result, by_row(&largest), by_row(&sum.log())])
    }
}

fn added((a, b): (Option<Tensor>, Option<Tensor>)) -> Option<Tensor> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}

impl Attention {
    /// The gradients of the inputs by that of the result.
    fn gradients(&self, node: &Forward<'_>, grad: &Tensor) -> Vec<Option<Tensor>> {
        let (Some([query, key, value]), [result, largest, log_sum]) =
            (node.inputs.first_chunk(), node.outputs)
        else {
            return Vec::new();
        };
        // The weighted mean of the gradients of a row's weights; dropped weights count for nothing
        // in it, as they do in the result.
        let mean = (grad * result).sum(&[3], false);
        let first = [query, key, value, grad, largest, log_sum, &mean];
        let inputs: Vec<&Tensor> = first.into_iter().chain(&node.inputs[3..]).collect();
        let op = AttentionGradient { scoring: self.scoring };
        let [by_query, by_key, by_value] = Tensor::apply_many(op, &inputs);
        let mut grads = vec![Some(by_query), Some(by_key), Some(by_value)];
        if self.scoring.masked {
            let mask = &node.inputs[3];
            let by_mask = || {
                let inputs: Vec<Tensor> = inputs.iter().map(|&t| t.clone()).collect();
                let by_score = score_gradient(&self.scoring, &inputs)?;
                let axes: Vec<usize> = (0..4).filter(|&axis| mask.shape()[axis] == 1).collect();
                Some(by_score.sum(&axes, true))
            };
            grads.push(mask.dtype().is_float().then(by_mask).flatten());
        }
        grads.resize(node.inputs.len(), None);
        grads
    }
}

/// A case of the tables of both operations.
pub(super) struct Case {
    pub(super) label: &'static str,
    pub(super) scoring: Scoring,
    pub(super) query: Shape,
    pub(super) key: Shape,
    pub(super) value: Shape,
    pub(super) mask: Option<Values>,
}

impl Case {
    fn new(label: &'static str, query: [usize; 4], key: [usize; 4], value_dim: usize) -> Case {
        let scale = Number::new(0.5);
        let scoring = Scoring { scale, causal: false, masked: false, dropout: None };
        let value = [key[0], key[1], key[2], value_dim].into();
        Case { label, scoring, query: query.into(), key: key.into(), value, mask: None }
    }

    fn causal(mut self) -> Case {
        self.scoring.causal = true;
        self
    }

    fn dropout(mut self, rate: f64) -> Case {
        self.scoring.dropout = Some(Dropout { rate: Number::new(rate), stream: 5 });
        self
    }

    fn hiding(self, shape: [usize; 4]) -> Case {
        let mut mask = Values::integers(DType::Bool, shape, 0, 2, 11);
        // Every query sees the first key.
        mask.data.iter_mut().step_by(shape[3]).for_each(|seen| *seen = 1.0);
        self.masked(mask)
    }

    fn adding(self, shape: [usize; 4]) -> Case {
        self.masked(Values::uniform(shape, -1.0, 1.0, 12))
    }

    fn masked(mut self, mask: Values) -> Case {
        self.scoring.masked = true;
        self.mask = Some(mask);
        self
    }

    /// The inputs that follow those that are always there.
    pub(super) fn extra(&self) -> Vec<Values> {
        let state = Values::new(Type::new(DType::I64, [2]), vec![7.0, 3.0]);
        let state = self.scoring.dropout.map(|_| state);
        self.mask.iter().cloned().chain(state).collect()
    }
}

/// The cases of both operations.
pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("plain", [2, 3, 2, 4], [2, 5, 2, 4], 3),
        Case::new("causal", [1, 4, 2, 3], [1, 4, 2, 3], 3).causal(),
        Case::new("causal, fewer keys", [1, 5, 1, 2], [1, 3, 1, 2], 2).causal(),
        Case::new("shared keys", [2, 3, 4, 3], [2, 4, 2, 3], 2),
        Case::new("one head of keys, causal", [1, 3, 3, 2], [1, 3, 1, 2], 2).causal(),
        Case::new("keys hidden", [2, 3, 2, 3], [2, 4, 2, 3], 3).hiding([2, 1, 1, 4]),
        Case::new("scores hidden", [2, 3, 2, 3], [2, 4, 2, 3], 2).hiding([2, 2, 3, 4]),
        Case::new("hidden and causal", [1, 4, 1, 3], [1, 4, 1, 3], 3).hiding([1, 1, 4, 4]).causal(),
        Case::new("scores shifted", [2, 3, 2, 3], [2, 4, 1, 3], 3).adding([1, 2, 3, 4]),
        Case::new("scores shifted alike", [2, 3, 2, 3], [2, 4, 2, 3], 3).adding([2, 1, 1, 4]),
        Case::new("dropout", [2, 3, 2, 3], [2, 5, 2, 3], 2).dropout(0.4),
        Case::new("dropout, hidden, causal", [1, 4, 2, 2], [1, 4, 1, 2], 3)
            .dropout(0.3)
            .hiding([1, 2, 1, 4])
            .causal(),
        Case::new("one of each", [1, 1, 1, 1], [1, 1, 1, 1], 1),
        Case::new("no queries", [2, 0, 2, 3], [2, 4, 2, 3], 3),
        Case::new("no batch", [0, 3, 2, 3], [0, 4, 2, 3], 3).hiding([1, 1, 3, 4]),
    ]
}

/// A case in which one query sees no key.
pub(super) fn nothing_seen() -> Case {
    let mask = Values::new(Type::new(DType::Bool, [1, 1, 3, 1]), vec![1.0, 0.0, 1.0]);
    Case::new("a query sees nothing", [1, 3, 2, 2], [1, 4, 1, 2], 3).masked(mask)
}

/// Cases larger than a block of any kernel, whose gradients would take long to check.
pub(super) fn large_cases() -> Vec<Case> {
    vec![
        Case::new("long", [1, 70, 2, 17], [1, 150, 1, 17], 33),
        Case::new("long, causal, hidden", [1, 90, 1, 16], [1, 90, 1, 16], 16)
            .hiding([1, 1, 90, 90])
            .causal(),
        Case::new("long, causal, dropout", [2, 133, 1, 8], [2, 133, 1, 8], 8)
            .dropout(0.25)
            .causal(),
        Case::new("long, shifted", [1, 67, 2, 8], [1, 131, 2, 8], 8).adding([1, 2, 67, 131]),
    ]
}

impl Described for Attention {
    const INFO: Info = Info {
        name: "attention",
        kind: Kind::Library,
        summary: "means of values, weighted by the softmax of products of queries and keys",
        samples: || {
            let sample = |case: Case| {
                let mut inputs = vec![
                    Values::uniform(&case.query, -1.0, 1.0, 1),
                    Values::uniform(&case.key, -1.0, 1.0, 2),
                    Values::uniform(&case.value, -1.0, 1.0, 3),
                ];
                inputs.extend(case.extra());
                Sample::new(case.label, Attention { scoring: case.scoring }, inputs)
            };
            // Beside the score of a row that sees nothing no difference can be seen.
            let unseen = sample(nothing_seen()).without_gradient();
            let large = large_cases().into_iter().map(|case| sample(case).without_gradient());
            cases().into_iter().map(sample).chain([unseen]).chain(large).collect()
        },
        errors: || {
            let ty = |shape: &[usize]| Type::new(DType::F32, shape);
            let plain =
                Scoring { scale: Number::new(1.0), causal: false, masked: false, dropout: None };
            let masked = Scoring { masked: true, ..plain };
            let dropout = Some(Dropout { rate: Number::new(1.0), stream: 0 });
            let (q, k) = (ty(&[2, 3, 4, 8]), ty(&[2, 5, 4, 8]));
            let bad = |scoring, inputs: &[Type], message| {
                BadSample::new(Attention { scoring }, inputs, message)
            };
            vec![
                bad(
                    plain,
                    &[q.clone(), k.clone()],
                    "`attention` takes 3 inputs\n  expected  3\n  received  2",
                ),
                bad(
                    plain,
                    &[q.clone(), ty(&[2, 5, 3, 8]), ty(&[2, 5, 3, 8])],
                    "queries, keys and values of `attention` do not fit each other\n  expected  \
                     (batch, queries, heads, dim), (batch, keys, key heads, dim) and (batch, \
                     keys, key heads, value dim), at least one key, heads a multiple of key \
                     heads\n  received  (2, 3, 4, 8), (2, 5, 3, 8), (2, 5, 3, 8)",
                ),
                bad(
                    plain,
                    &[q.clone(), k.clone(), Type::new(DType::F64, [2, 5, 4, 8])],
                    "`attention` needs queries, keys and values of one dtype\n  expected  a \
                     floating-point dtype\n  received  float32, float32, float64\n  help: cast \
                     them",
                ),
                bad(
                    masked,
                    &[q.clone(), k.clone(), k.clone(), Type::new(DType::I32, [2, 1, 3, 5])],
                    "the mask of `attention` does not fit its scores\n  expected  bool or float32 \
                     of 4 axes, each as in (2, 4, 3, 5) or 1\n  received  int32 (2, 1, 3, 5)",
                ),
                bad(
                    Scoring { dropout, ..plain },
                    &[q, k.clone(), k, Type::new(DType::I64, [2])],
                    "`attention` cannot drop this part of its weights\n  expected  a rate of at \
                     least 0, below 1\n  received  1.0",
                ),
            ]
        },
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::GradientCheck;
    use crate::interpreter::evaluate;

    #[test]
    fn a_query_that_sees_nothing_gets_the_mean_and_passes_its_gradient_to_all_values() {
        let case = nothing_seen();
        let [query, key, value] = [(&case.query, 1), (&case.key, 2), (&case.value, 3)]
            .map(|(shape, salt)| Values::uniform(shape, -1.0, 1.0, salt));
        let mask = Tensor::constant(case.extra()[0].to_array());
        let options = AttentionOptions { mask: Some(&mask), ..AttentionOptions::default() };
        let inputs = [&query, &key, &value].map(|values| Tensor::constant(values.to_array()));
        let result = dot_product_attention(&inputs[0], &inputs[1], &inputs[2], &options);
        let mean = inputs[2].mean(&[1], true);
        let (result, mean) = (result.slice_axis(1, 1..2), mean.broadcast_to([1, 1, 2, 3]));
        let difference = evaluate(&(result - mean).square().sum_all()).unwrap().to_f64_vec();
        assert!(difference[0] < 1e-12, "{difference:?}");
        let report = GradientCheck::new().epsilon(1e-5).function(&[query, key, value], |x| {
            dot_product_attention(&x[0], &x[1], &x[2], &options).square().sum_all()
        });
        let report = report.unwrap();
        assert!(report.relative_error() < 1e-6, "{report}");
    }

    #[test]
    fn a_mask_may_lack_its_leading_axes() {
        let x = Tensor::constant(Values::uniform([2, 3, 1, 2], -1.0, 1.0, 1).to_array());
        let mask = Tensor::tri(DType::Bool, 3, 3, 0);
        let masked = AttentionOptions { mask: Some(&mask), ..AttentionOptions::default() };
        let causal = AttentionOptions { causal: true, ..AttentionOptions::default() };
        let [a, b] = [masked, causal].map(|options| dot_product_attention(&x, &x, &x, &options));
        assert_eq!(evaluate(&a).unwrap(), evaluate(&b).unwrap());
    }
}
