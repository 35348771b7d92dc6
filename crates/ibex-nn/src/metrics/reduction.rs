//! Means of samples: from values and weights to a total and a count, exactly as in Keras.

use ibex_graph::{Array, DType, Tensor};

use super::State;
use crate::losses::shapes::same_rank;
use crate::losses::{Reduction, masked_weight};

/// A value for each sample (and time step, …), and which of them count.
pub(super) struct Values {
    pub(super) values: Tensor,
    pub(super) valid: Option<Tensor>,
}

impl From<Tensor> for Values {
    fn from(values: Tensor) -> Values {
        Values { values, valid: None }
    }
}

/// What becomes of the axes after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    Mean,
    Sum,
}

impl Within {
    fn reduce(self, x: &Tensor, axes: std::ops::Range<usize>) -> Tensor {
        let axes: Vec<usize> = axes.collect();
        match (axes.is_empty(), self) {
            (true, _) => x.clone(),
            (false, Within::Mean) => x.mean(&axes, false),
            (false, Within::Sum) => x.sum(&axes, false),
        }
    }
}

/// One weighted value for each sample, and the weight of each if there are weights.
pub(super) fn samplewise(
    values: Values,
    weight: Option<&Tensor>,
    within: Within,
) -> (Tensor, Option<Tensor>) {
    let values_of = values.values.cast(DType::F32);
    let Some(weight) = weight else {
        return (within.reduce(&values_of, 1..values_of.rank().max(1)), None);
    };
    // Keras lets a mask of the values act only where there are weights, too.
    let weight = masked_weight(Some(weight), values.valid.as_ref(), DType::F32, Reduction::Sum);
    let weight = weight.unwrap_or_else(|| values_of.ones_like());
    let (values, weight) = same_rank(&values_of, &weight, true);
    let axes = weight.rank();
    let values = within.reduce(&values, axes..values.rank().max(axes));
    let weight = weight.broadcast_to(values.shape());
    let weighted = values * &weight;
    let weighted = within.reduce(&weighted, 1..weighted.rank().max(1));
    (weighted, Some(within.reduce(&weight, 1..axes.max(1))))
}

/// The states of a mean.
pub(super) fn mean_states() -> Vec<State> {
    vec![State::zeros("total", ()), State::zeros("count", ())]
}

/// The states of a mean after a batch.
pub(super) fn mean_update(
    states: &[Tensor],
    values: Values,
    weight: Option<&Tensor>,
) -> Vec<Tensor> {
    let [total, count] = states else { return states.to_vec() };
    let (values, weight) = samplewise(values, weight, Within::Mean);
    let added = match &weight {
        Some(weight) => count + weight.sum_all(),
        None => count + values.shape().first().copied().unwrap_or(1) as f64,
    };
    vec![total + values.sum_all(), added]
}

/// The mean; 0 of nothing.
pub(super) fn mean_result(states: &[Array]) -> f64 {
    match states {
        [total, count] => quotient(number(total), number(count)),
        _ => 0.0,
    }
}

/// The value of a scalar state.
pub(super) fn number(state: &Array) -> f64 {
    state.to_f64_vec().first().copied().unwrap_or(0.0)
}

/// `a / b`, and 0 where `b` is 0.
pub(super) fn quotient(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
