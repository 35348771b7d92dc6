//! `ExponentialDecay`: the rate is multiplied by a factor every so many steps.

use ibex_graph::Tensor;

use super::{ScheduleFunction, Steps, number, positive};
use crate::{keras_object, keras_options};

keras_options! {
    /// `initial · decay_rate^(step / decay_steps)`.
    ///
    /// Source: <https://keras.io/api/optimizers/learning_rate_schedules/>.
    ExponentialDecay {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// The number of steps in which the rate is multiplied by `decay_rate`.
        decay_steps: Steps = Steps(1000.0),
        /// The factor.
        decay_rate: f64 = 0.96,
        /// Whether the rate changes only every `decay_steps` steps.
        staircase: bool = false,
        /// The name in files.
        name: String = "ExponentialDecay".to_string(),
    }
}

impl ExponentialDecay {
    /// A rate that is multiplied by `decay_rate` every `decay_steps` steps.
    pub fn new(
        initial_learning_rate: f64,
        decay_steps: impl Into<Steps>,
        decay_rate: f64,
    ) -> ExponentialDecay {
        let decay_steps = decay_steps.into();
        let rest = ExponentialDecay::default();
        ExponentialDecay { initial_learning_rate, decay_steps, decay_rate, ..rest }
    }
}

impl ScheduleFunction for ExponentialDecay {
    keras_object!(ExponentialDecay);

    fn value(&self, step: &Tensor) -> Tensor {
        let mut power = step / positive("ExponentialDecay", "decay_steps", self.decay_steps);
        if self.staircase {
            power = power.floor();
        }
        number(self.decay_rate).power(&power) * self.initial_learning_rate
    }
}
