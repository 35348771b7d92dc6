//! `Adam`: momentum over the root of the mean square, both corrected for their start at zero.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

optimizer_options! {
    /// Momentum divided by the root of a running mean of squared gradients.
    ///
    /// `m ← m + (g - m) · (1 - beta_1)`, `v ← v + (g² - v) · (1 - beta_2)`,
    /// `w ← w - rate · sqrt(1 - beta_2^t) / (1 - beta_1^t) · m / (sqrt(v) + epsilon)`.
    ///
    /// Source: <https://keras.io/api/optimizers/adam/>.
    Adam = Options::named("adam", 0.001); {
        /// How much of the mean gradient is kept.
        beta_1: f64 = 0.9,
        /// How much of the mean square is kept.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from zero.
        epsilon: f64 = 1e-7,
        /// Whether the largest mean square so far divides.
        amsgrad: bool = false,
    }
}

impl OptimizerRule for Adam {
    optimizer_object!(Adam);

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        slots(self.amsgrad)
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        update(step, self.beta_1, self.beta_2, self.epsilon)
    }
}

/// The slots of Adam and AdamW.
pub(super) fn slots(amsgrad: bool) -> Vec<Vec<Slot>> {
    let mut groups = vec![vec![Slot::zeros("momentum"), Slot::zeros("velocity")]];
    if amsgrad {
        groups.push(vec![Slot::zeros("velocity_hat")]);
    }
    groups
}

/// The update of Adam and AdamW; AMSGrad is on if there is a slot for it.
pub(super) fn update(step: &Step<'_>, beta_1: f64, beta_2: f64, epsilon: f64) -> Updated {
    let [momentum, velocity, largest @ ..] = step.slots else { return Updated::nothing(step) };
    // Scalars, computed once: what is left for each element is multiply, root and divide.
    let power = |beta: f64| step.scalar(beta).power(&step.number());
    let rate = step.learning_rate * (1.0 - power(beta_2)).sqrt() / (1.0 - power(beta_1));

    let momentum = momentum + (step.gradient - momentum) * (1.0 - beta_1);
    let velocity = velocity + (step.gradient.square() - velocity) * (1.0 - beta_2);
    let largest = largest.first().map(|largest| largest.maximum(&velocity));
    let divisor = largest.as_ref().unwrap_or(&velocity).sqrt() + epsilon;
    let variable = step.variable - &momentum * rate / divisor;
    let slots: Vec<_> = [Some(momentum), Some(velocity), largest].into_iter().flatten().collect();
    Updated::new(variable, slots)
}
