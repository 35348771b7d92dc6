//! `CosineDecay`: the rate falls along half a cosine, after an optional linear warm-up.

use std::f64::consts::PI;

use ibex_graph::Tensor;

use super::{ScheduleFunction, Steps, number, positive};
use crate::{keras_object, keras_options};

keras_options! {
    /// `initial · ((1 - alpha) · (1 + cos(π · step / decay_steps)) / 2 + alpha)`.
    ///
    /// With a `warmup_target` the rate first climbs from the initial rate to the target in
    /// `warmup_steps` steps, and then decays from there.
    ///
    /// Source: <https://arxiv.org/abs/1608.03983>.
    CosineDecay {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// The number of steps of the decay.
        decay_steps: Steps = Steps(1000.0),
        /// The rate at the end, as a part of the rate from which it decays.
        alpha: f64 = 0.0,
        /// The name in files.
        name: String = "CosineDecay".to_string(),
        /// The rate at the end of the warm-up; without it there is none.
        warmup_target: Option<f64> = None,
        /// The number of steps of the warm-up.
        warmup_steps: Steps = Steps(0.0),
    }
}

impl CosineDecay {
    /// A rate that falls to zero in `decay_steps` steps.
    pub fn new(initial_learning_rate: f64, decay_steps: impl Into<Steps>) -> CosineDecay {
        let decay_steps = decay_steps.into();
        CosineDecay { initial_learning_rate, decay_steps, ..CosineDecay::default() }
    }

    fn decayed(&self, from: f64, part: Tensor) -> Tensor {
        let cosine = ((part * PI).cos() + 1.0) * 0.5;
        (cosine * (1.0 - self.alpha) + self.alpha) * from
    }
}

impl ScheduleFunction for CosineDecay {
    keras_object!(CosineDecay);

    fn value(&self, step: &Tensor) -> Tensor {
        let steps = positive("CosineDecay", "decay_steps", self.decay_steps);
        let initial = self.initial_learning_rate;
        let Some(target) = self.warmup_target else {
            return self.decayed(initial, step.minimum(&steps) / steps);
        };
        let decayed = |after: Tensor| {
            let after = after.minimum(&steps);
            self.decayed(target, after / &steps)
        };
        if self.warmup_steps.0 <= 0.0 {
            return decayed(step.clone());
        }
        let warmup = number(self.warmup_steps.0);
        let rising = step / &warmup * (number(target) - initial) + initial;
        step.less(&warmup).select(&rising, &decayed(step - &warmup))
    }
}
