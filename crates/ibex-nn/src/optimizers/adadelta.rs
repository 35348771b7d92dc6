//! `Adadelta`: steps as large as earlier steps were, in proportion to the gradients.

use ibex_graph::Tensor;

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

optimizer_options! {
    /// Gradients times the root of the mean square of earlier changes over that of gradients.
    ///
    /// `a ← rho · a + (1 - rho) · g²`, `d = -sqrt(b + epsilon) / sqrt(a + epsilon) · g`,
    /// `b ← rho · b + (1 - rho) · d²`, `w ← w + rate · d`.
    ///
    /// Source: <https://keras.io/api/optimizers/adadelta/>.
    Adadelta = Options::named("adadelta", 0.001); {
        /// How much of the running means is kept.
        rho: f64 = 0.95,
        /// Keeps the roots from zero.
        epsilon: f64 = 1e-7,
    }
}

impl OptimizerRule for Adadelta {
    optimizer_object!(Adadelta);

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        vec![vec![Slot::zeros("accumulated_grad"), Slot::zeros("accumulated_delta_var")]]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [gradients, changes] = step.slots else { return Updated::nothing(step) };
        let (kept, new) = (self.rho, 1.0 - self.rho);
        let gradients = gradients * kept + step.gradient.square() * new;
        let root = |mean: &Tensor| (mean + self.epsilon).sqrt();
        let change = -(root(changes) * step.gradient / root(&gradients));
        let changes = changes * kept + change.square() * new;
        Updated::new(step.variable + change * step.learning_rate, [gradients, changes])
    }
}
