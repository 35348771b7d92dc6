//! `PolynomialDecay`: the rate falls to an end value along a power of the step.

use ibex_graph::Tensor;

use super::{ScheduleFunction, Steps, number, positive};
use crate::{keras_object, keras_options};

keras_options! {
    /// `(initial - end) · (1 - step / decay_steps)^power + end`.
    ///
    /// Source: <https://keras.io/api/optimizers/learning_rate_schedules/>.
    PolynomialDecay {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// The number of steps to the end.
        decay_steps: Steps = Steps(1000.0),
        /// The rate at the end.
        end_learning_rate: f64 = 0.0001,
        /// The power: 1 is a straight line.
        power: f64 = 1.0,
        /// Whether the decay starts anew, each time over a longer way, rather than staying at the
        /// end.
        cycle: bool = false,
        /// The name in files.
        name: String = "PolynomialDecay".to_string(),
    }
}

impl PolynomialDecay {
    /// A rate that falls to 0.0001 in `decay_steps` steps.
    pub fn new(initial_learning_rate: f64, decay_steps: impl Into<Steps>) -> PolynomialDecay {
        let decay_steps = decay_steps.into();
        PolynomialDecay { initial_learning_rate, decay_steps, ..PolynomialDecay::default() }
    }
}

impl ScheduleFunction for PolynomialDecay {
    keras_object!(PolynomialDecay);

    fn value(&self, step: &Tensor) -> Tensor {
        let steps = positive("PolynomialDecay", "decay_steps", self.decay_steps);
        let part = match self.cycle {
            // The end is the first multiple of `decay_steps` not before the step.
            true => step / (&steps * (step / &steps).ceil().maximum(&number(1.0))),
            false => step.minimum(&steps) / &steps,
        };
        let left = (1.0 - part).power(&number(self.power));
        let end = number(self.end_learning_rate);
        left * (number(self.initial_learning_rate) - &end) + end
    }
}
