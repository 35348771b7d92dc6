//! `PrecisionAtRecall` and its three siblings: the best of one rate over all thresholds at which
//! another is high enough; they differ only in the rates.

use ibex_graph::{Array, Tensor};

use super::confusion::{Cell, Confusion};
use super::reduction::quotient;
use super::{MetricFunction, State, metric_object};
use crate::{ConfigError, PartialType, keras_options};

/// The answers at one threshold: true and false positives, true and false negatives.
type Answers = [f64; 4];

fn recall([right, _, _, missed]: Answers) -> f64 {
    quotient(right, right + missed)
}

fn precision([right, wrong, ..]: Answers) -> f64 {
    quotient(right, right + wrong)
}

fn specificity([_, wrong, no, _]: Answers) -> f64 {
    quotient(no, no + wrong)
}

/// Evenly spread thresholds from 0 to 1; one half if there is one.
fn thresholds(count: usize) -> Vec<f64> {
    match count {
        1 => vec![0.5],
        _ => (0..count).map(|i| i as f64 / (count - 1) as f64).collect(),
    }
}

fn confusion(count: usize, class_id: Option<usize>) -> Confusion {
    let thresholds = thresholds(count);
    Confusion { thresholds, top_k: None, class_id, multi_label: false, label_weights: None }
}

/// The largest `wanted` where `bounded` is at least `bound`; 0 if it is nowhere.
fn best(
    states: &[Array],
    bound: f64,
    bounded: fn(Answers) -> f64,
    wanted: fn(Answers) -> f64,
) -> f64 {
    let [yes, yes_wrong, no, no_wrong] = states else { return 0.0 };
    let columns = [yes, yes_wrong, no, no_wrong].map(Array::to_f64_vec);
    let rows =
        (0..columns[0].len()).map(|row| [0, 1, 2, 3].map(|column: usize| columns[column][row]));
    // Keras compares in `float32`.
    let feasible = rows.filter(|answers| bounded(*answers) as f32 >= bound as f32);
    feasible.map(wanted).fold(0.0, f64::max)
}

macro_rules! best_at {
    ($($(#[$doc:meta])* $member:ident =
        $name:literal, $option:ident, $bounded:ident => $wanted:ident;)*) => {$(
        keras_options! {
            $(#[$doc])*
            ///
            /// Targets are 0 or 1, predictions probabilities.
            ///
            /// Source: <https://keras.io/api/metrics/classification_metrics/>.
            $member {
                /// The name in logs.
                name: String = $name.to_string(),
                /// The dtype that files name; states are always `float32`.
                dtype: String = "float32".to_string(),
                /// The class that counts; all of them if `None`.
                class_id: Option<usize> = None,
                /// The number of thresholds, spread evenly from 0 to 1.
                num_thresholds: usize = 200,
                /// The least value of the other rate.
                $option: f64 = 0.5,
            }
        }

        impl $member {
            /// The metric for this least value of the other rate, from 0 to 1.
            pub fn new($option: f64) -> $member {
                $member { $option, ..$member::default() }
            }
        }

        impl MetricFunction for $member {
            metric_object!($member);

            fn states(&self, _: &PartialType, _: &PartialType) -> Result<Vec<State>, ConfigError> {
                let wrong = |option: &str, expected: &str, received: String| {
                    let what = format!("`{option}` of the metric `{}` is out of range", self.name);
                    Err(ConfigError::new(what).expected(expected).received(received))
                };
                if !(0.0..=1.0).contains(&self.$option) {
                    return wrong(stringify!($option), "from 0 to 1", self.$option.to_string());
                }
                if self.num_thresholds == 0 {
                    return wrong("num_thresholds", "at least 1", "0".to_string());
                }
                let count = self.num_thresholds;
                Ok(Cell::ALL.iter().map(|cell| State::zeros(cell.name(), [count])).collect())
            }

            fn update(
                &self,
                states: &[Tensor],
                y_true: &Tensor,
                y_pred: &Tensor,
                weight: Option<&Tensor>,
            ) -> Vec<Tensor> {
                let confusion = confusion(self.num_thresholds, self.class_id);
                confusion.update(states, &Cell::ALL, y_true, y_pred, weight)
            }

            fn result(&self, states: &[Array]) -> f64 {
                best(states, self.$option, $bounded, $wanted)
            }
        }
    )*};
}

best_at! {
    /// The best precision at which recall is at least `recall`.
    PrecisionAtRecall = "precision_at_recall", recall, recall => precision;
    /// The best recall at which precision is at least `precision`.
    RecallAtPrecision = "recall_at_precision", precision, precision => recall;
    /// The best recall at which specificity, the recall of zeros, is at least `specificity`.
    SensitivityAtSpecificity = "sensitivity_at_specificity", specificity, specificity => recall;
    /// The best specificity, the recall of zeros, at which recall is at least `sensitivity`.
    SpecificityAtSensitivity = "specificity_at_sensitivity", sensitivity, recall => specificity;
}
