//! `Adamax`: momentum over the largest recent gradient.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

optimizer_options! {
    /// Momentum divided by the decaying maximum of gradients.
    ///
    /// `m ← m + (g - m) · (1 - beta_1)`, `u ← max(beta_2 · u, |g|)`,
    /// `w ← w - rate / (1 - beta_1^t) · m / (u + epsilon)`.
    ///
    /// Source: <https://keras.io/api/optimizers/adamax/>.
    Adamax = Options::named("adamax", 0.001); {
        /// How much of the mean gradient is kept.
        beta_1: f64 = 0.9,
        /// How slowly the maximum decays.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from zero.
        epsilon: f64 = 1e-7,
    }
}

impl OptimizerRule for Adamax {
    optimizer_object!(Adamax);

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        vec![vec![Slot::zeros("momentum"), Slot::zeros("norm")]]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [momentum, norm] = step.slots else { return Updated::nothing(step) };
        let rate = step.learning_rate / (1.0 - step.scalar(self.beta_1).power(&step.number()));
        let momentum = momentum + (step.gradient - momentum) * (1.0 - self.beta_1);
        let norm = (norm * self.beta_2).maximum(&step.gradient.abs());
        let variable = step.variable - &momentum * rate / (&norm + self.epsilon);
        Updated::new(variable, [momentum, norm])
    }
}
