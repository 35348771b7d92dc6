//! `RootMeanSquaredError`: the root of the mean of squared errors.

use ibex_graph::{Array, DType, Tensor};

use super::reduction::{Values, mean_result, mean_states, mean_update};
use super::{MetricFunction, State, metric_object, metric_options};
use crate::losses::shapes::same_rank;
use crate::{ConfigError, PartialType};

metric_options! {
    /// The root of the weighted mean of `(y_pred - y_true)²`.
    ///
    /// Source: <https://keras.io/api/metrics/regression_metrics/>.
    RootMeanSquaredError = "root_mean_squared_error" {}
}

impl MetricFunction for RootMeanSquaredError {
    metric_object!(RootMeanSquaredError);

    fn states(&self, _: &PartialType, _: &PartialType) -> Result<Vec<State>, ConfigError> {
        Ok(mean_states())
    }

    fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let (y_true, y_pred) = same_rank(&y_true.cast(DType::F32), &y_pred.cast(DType::F32), true);
        mean_update(states, Values::from((y_pred - y_true).square()), weight)
    }

    fn result(&self, states: &[Array]) -> f64 {
        mean_result(states).sqrt()
    }
}
