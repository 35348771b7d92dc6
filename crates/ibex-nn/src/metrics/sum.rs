//! `Sum`: the weighted sum of the predictions themselves.

use ibex_graph::{Array, Tensor};

use super::reduction::{Values, Within, number, samplewise};
use super::{MetricFunction, State, metric_object, metric_options};
use crate::{ConfigError, PartialType};

metric_options! {
    /// The weighted sum of values, which are given as predictions; targets do not matter.
    ///
    /// Source: <https://keras.io/api/metrics/reduction_metrics/>.
    Sum = "sum" {}
}

impl MetricFunction for Sum {
    metric_object!(Sum);

    fn states(&self, _: &PartialType, _: &PartialType) -> Result<Vec<State>, ConfigError> {
        Ok(vec![State::zeros("total", ())])
    }

    fn update(
        &self,
        states: &[Tensor],
        _: &Tensor,
        values: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let (values, _) = samplewise(Values::from(values.clone()), weight, Within::Sum);
        states.iter().map(|total| total + values.sum_all()).collect()
    }

    fn result(&self, states: &[Array]) -> f64 {
        states.first().map_or(0.0, number)
    }
}
