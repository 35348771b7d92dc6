//! `CosineDecayRestarts`: cosine decays one after another, each longer and lower than the last.

use std::f64::consts::PI;

use ibex_graph::Tensor;

use super::{ScheduleFunction, Steps, number, positive};
use crate::{keras_object, keras_options};

keras_options! {
    /// Cosine decays of which the first takes `first_decay_steps` steps, each next one `t_mul`
    /// times as many and from `m_mul` times as high.
    ///
    /// Source: <https://arxiv.org/abs/1608.03983>.
    CosineDecayRestarts {
        /// The rate at step 0.
        initial_learning_rate: f64 = 0.001,
        /// The number of steps of the first decay.
        first_decay_steps: Steps = Steps(1000.0),
        /// How much longer each next decay is.
        t_mul: f64 = 2.0,
        /// How much higher each next decay starts.
        m_mul: f64 = 1.0,
        /// The lowest rate, as a part of the initial one.
        alpha: f64 = 0.0,
        /// The name in files.
        name: String = "SGDRDecay".to_string(),
    }
}

impl CosineDecayRestarts {
    /// A rate that falls to zero in `first_decay_steps` steps, then in twice as many, and so on.
    pub fn new(
        initial_learning_rate: f64,
        first_decay_steps: impl Into<Steps>,
    ) -> CosineDecayRestarts {
        let first_decay_steps = first_decay_steps.into();
        let rest = CosineDecayRestarts::default();
        CosineDecayRestarts { initial_learning_rate, first_decay_steps, ..rest }
    }

    /// The number of restarts so far, and the part of the current decay that is over.
    fn place(&self, periods: &Tensor) -> (Tensor, Tensor) {
        if self.t_mul == 1.0 {
            let restarts = periods.floor();
            let part = periods - &restarts;
            return (restarts, part);
        }
        let ratio = number(self.t_mul);
        let longer = 1.0 - &ratio;
        let restarts = ((1.0 - periods * &longer).log() / ratio.log()).floor();
        let length = ratio.power(&restarts);
        let before = (1.0 - &length) / longer;
        let part = (periods - before) / length;
        (restarts, part)
    }
}

impl ScheduleFunction for CosineDecayRestarts {
    keras_object!(CosineDecayRestarts);

    fn value(&self, step: &Tensor) -> Tensor {
        let first = positive("CosineDecayRestarts", "first_decay_steps", self.first_decay_steps);
        let (restarts, part) = self.place(&(step / first));
        let height = number(self.m_mul).power(&restarts);
        let cosine = height * ((part * PI).cos() + 1.0) * 0.5;
        (cosine * (1.0 - self.alpha) + self.alpha) * self.initial_learning_rate
    }
}
