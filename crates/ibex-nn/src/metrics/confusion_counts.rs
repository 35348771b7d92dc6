//! `TruePositives` and its three siblings: counts of right and wrong answers, which differ only in
//! what is counted.

use ibex_graph::{Array, Tensor};

use super::confusion::{Cell, Confusion};
use super::{MetricFunction, State, Thresholds, metric_object, metric_options};
use crate::{ConfigError, PartialType};

macro_rules! counts {
    ($($(#[$doc:meta])* $member:ident = $name:literal;)*) => {$(
        metric_options! {
            $(#[$doc])*
            ///
            /// Source: <https://keras.io/api/metrics/classification_metrics/>.
            $member = $name {
                /// Predictions above it are positive; 0.5 if `None`.
                thresholds: Option<Thresholds> = None,
            }
        }

        impl MetricFunction for $member {
            metric_object!($member);

            fn states(
                &self,
                _: &PartialType,
                _: &PartialType,
            ) -> Result<Vec<State>, ConfigError> {
                let given = self.thresholds.as_ref();
                let mut states =
                    Confusion::at(given, None, None).states(self, given, &[Cell::$member])?;
                states.iter_mut().for_each(|state| state.name = "accumulator".to_string());
                Ok(states)
            }

            fn update(
                &self,
                states: &[Tensor],
                y_true: &Tensor,
                y_pred: &Tensor,
                weight: Option<&Tensor>,
            ) -> Vec<Tensor> {
                let confusion = Confusion::at(self.thresholds.as_ref(), None, None);
                confusion.update(states, &[Cell::$member], y_true, y_pred, weight)
            }

            fn result(&self, states: &[Array]) -> f64 {
                let results = self.results(states);
                results.iter().sum::<f64>() / results.len().max(1) as f64
            }

            fn results(&self, states: &[Array]) -> Vec<f64> {
                states.first().map_or(Vec::new(), Array::to_f64_vec)
            }
        }
    )*};
}

counts! {
    /// How many targets of 1 are predicted as 1.
    TruePositives = "true_positives";
    /// How many targets of 0 are predicted as 1.
    FalsePositives = "false_positives";
    /// How many targets of 0 are predicted as 0.
    TrueNegatives = "true_negatives";
    /// How many targets of 1 are predicted as 0.
    FalseNegatives = "false_negatives";
}
