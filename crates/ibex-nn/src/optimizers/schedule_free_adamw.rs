//! `ScheduleFreeAdamW`: Adam with averaging in place of a learning-rate schedule.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

optimizer_options! {
    /// Weights between a point that Adam moves and the mean of where that point has been.
    ///
    /// With `z` the moving point (the slot `momentum`) and `x` its mean, weights are
    /// `y = (1 - beta_1) · z + beta_1 · x`.
    /// `z ← z - rate · g / (sqrt(v / (1 - beta_2^t)) + epsilon)`, `x ← x + (z - x) / t`; `x` is
    /// not kept but computed from `y` and `z`.
    ///
    /// ```
    /// use ibex_nn::optimizers::{Optimizer, ScheduleFreeAdamW};
    /// let optimizer = Optimizer::from(ScheduleFreeAdamW::new(0.01).warmup_steps(100));
    /// assert_eq!(optimizer.config()["warmup_steps"], 100);
    /// ```
    /// Source: <https://arxiv.org/abs/2405.15682>.
    ScheduleFreeAdamW = Options::named("schedule_free_adam_w", 0.0025); {
        /// The share of the mean in the weights.
        beta_1: f64 = 0.9,
        /// How much of the mean square is kept.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from zero.
        epsilon: f64 = 1e-8,
        /// The number of updates over which the learning rate rises to its value.
        warmup_steps: u64 = 0,
    }
}

impl OptimizerRule for ScheduleFreeAdamW {
    optimizer_object!(ScheduleFreeAdamW);

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        vec![vec![Slot::copied("momentum"), Slot::zeros("velocity")]]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [point, velocity] = step.slots else { return Updated::nothing(step) };
        let number = step.number();
        let rate = match self.warmup_steps {
            0 => step.learning_rate.clone(),
            steps => step.learning_rate * (&number / steps as f64).minimum(&step.scalar(1.0)),
        };
        let correction = 1.0 - step.scalar(self.beta_2).power(&number);
        // Keras subtracts after it has rounded to the variable's dtype, here but not in Adam.
        let new = |beta: f64| 1.0 - step.scalar(beta);
        let velocity = velocity + (step.gradient.square() - velocity) * new(self.beta_2);
        let divisor = (&velocity / correction).sqrt() + self.epsilon;
        let moved = point - step.gradient * rate / divisor;

        let share = 1.0 / &number;
        let mean = (step.variable - point * new(self.beta_1)) / self.beta_1;
        let mean = mean * (1.0 - &share) + &moved * share;
        let variable = &moved * new(self.beta_1) + mean * self.beta_1;
        Updated::new(variable, [moved, velocity])
    }
}
