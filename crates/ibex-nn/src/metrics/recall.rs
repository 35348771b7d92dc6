//! `Recall`: how many of the ones are predicted.

use ibex_graph::{Array, Tensor};

use super::confusion::{Cell, Confusion};
use super::reduction::quotient;
use super::{MetricFunction, State, Thresholds, metric_object, metric_options};
use crate::{ConfigError, PartialType};

metric_options! {
    /// True positives over true positives and false negatives: how many of the ones are predicted.
    ///
    /// Source: <https://keras.io/api/metrics/classification_metrics/>.
    Recall = "recall" {
        /// Predictions above it are positive; 0.5 if `None`, or any with `top_k`.
        thresholds: Option<Thresholds> = None,
        /// Only the `k` largest predictions of a sample can be positive.
        top_k: Option<usize> = None,
        /// The class that counts; all of them if `None`.
        class_id: Option<usize> = None,
    }
}

const CELLS: [Cell; 2] = [Cell::TruePositives, Cell::FalseNegatives];

impl Recall {
    fn confusion(&self) -> Confusion {
        Confusion::at(self.thresholds.as_ref(), self.top_k, self.class_id)
    }
}

impl MetricFunction for Recall {
    metric_object!(Recall);

    fn states(&self, _: &PartialType, _: &PartialType) -> Result<Vec<State>, ConfigError> {
        self.confusion().states(self, self.thresholds.as_ref(), &CELLS)
    }

    fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        self.confusion().update(states, &CELLS, y_true, y_pred, weight)
    }

    fn result(&self, states: &[Array]) -> f64 {
        let results = self.results(states);
        results.iter().sum::<f64>() / results.len().max(1) as f64
    }

    fn results(&self, states: &[Array]) -> Vec<f64> {
        let [right, wrong] = states else { return Vec::new() };
        let pairs = right.to_f64_vec().into_iter().zip(wrong.to_f64_vec());
        pairs.map(|(right, wrong)| quotient(right, right + wrong)).collect()
    }
}
