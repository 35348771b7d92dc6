//! `PiecewiseConstantDecay`: a list of rates and of the steps at which they change.

use ibex_graph::{OpError, Tensor};

use super::{ScheduleFunction, Steps, number};
use crate::{keras_object, keras_options};

keras_options! {
    /// `values[0]` up to and including step `boundaries[0]`, then `values[1]`, and so on.
    ///
    /// Source: <https://keras.io/api/optimizers/learning_rate_schedules/>.
    PiecewiseConstantDecay {
        /// The last step of each rate but the last, in increasing order.
        boundaries: Vec<Steps> = Vec::new(),
        /// The rates; one more than boundaries.
        values: Vec<f64> = vec![0.001],
        /// The name in files.
        name: String = "PiecewiseConstant".to_string(),
    }
}

impl PiecewiseConstantDecay {
    /// A rate that changes after each of `boundaries`; `values` holds one more.
    pub fn new<S: Into<Steps>>(
        boundaries: impl IntoIterator<Item = S>,
        values: impl Into<Vec<f64>>,
    ) -> PiecewiseConstantDecay {
        let boundaries = boundaries.into_iter().map(Into::into).collect();
        let values = values.into();
        PiecewiseConstantDecay { boundaries, values, ..PiecewiseConstantDecay::default() }
    }
}

impl ScheduleFunction for PiecewiseConstantDecay {
    keras_object!(PiecewiseConstantDecay);

    fn value(&self, step: &Tensor) -> Tensor {
        let count = self.boundaries.len();
        let Some((last, before)) = self.values.split_last().filter(|(_, b)| b.len() == count)
        else {
            return Tensor::poisoned(OpError::new(
                "`values` of the schedule `PiecewiseConstantDecay` do not fit its `boundaries`",
                format!("{} values", count + 1),
                format!("{} values", self.values.len()),
            ));
        };
        let pieces = self.boundaries.iter().zip(before).rev();
        pieces.fold(number(*last), |later, (boundary, value)| {
            step.less_equal(&number(boundary.0)).select(&number(*value), &later)
        })
    }
}
