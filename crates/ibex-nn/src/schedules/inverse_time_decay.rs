//! `InverseTimeDecay`: the rate falls like one over the step.

use ibex_graph::Tensor;

use super::{ScheduleFunction, Steps, number, positive};
use crate::{keras_object, keras_options};

keras_options! {
    /// `initial / (1 + decay_rate · step / decay_steps)`.
    ///
    /// Source: <https://keras.io/api/optimizers/learning_rate_schedules/>.
    InverseTimeDecay {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// The number of steps in which the divisor grows by `decay_rate`.
        decay_steps: Steps = Steps(1000.0),
        /// By how much the divisor grows.
        decay_rate: f64 = 0.5,
        /// Whether the rate changes only every `decay_steps` steps.
        staircase: bool = false,
        /// The name in files.
        name: String = "InverseTimeDecay".to_string(),
    }
}

impl InverseTimeDecay {
    /// A rate whose divisor grows by `decay_rate` every `decay_steps` steps.
    pub fn new(
        initial_learning_rate: f64,
        decay_steps: impl Into<Steps>,
        decay_rate: f64,
    ) -> InverseTimeDecay {
        let decay_steps = decay_steps.into();
        let rest = InverseTimeDecay::default();
        InverseTimeDecay { initial_learning_rate, decay_steps, decay_rate, ..rest }
    }
}

impl ScheduleFunction for InverseTimeDecay {
    keras_object!(InverseTimeDecay);

    fn value(&self, step: &Tensor) -> Tensor {
        let mut periods = step / positive("InverseTimeDecay", "decay_steps", self.decay_steps);
        if self.staircase {
            periods = periods.floor();
        }
        number(self.initial_learning_rate) / (periods * self.decay_rate + 1.0)
    }
}
