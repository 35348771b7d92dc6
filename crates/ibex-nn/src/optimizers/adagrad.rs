//! `Adagrad`: gradients divided by the root of the sum of their squares.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

optimizer_options! {
    /// Gradients divided by the root of the sum of their squares so far.
    ///
    /// `a ← a + g²`, `w ← w - rate · g / sqrt(a + epsilon)`.
    ///
    /// Source: <https://keras.io/api/optimizers/adagrad/>.
    Adagrad = Options::named("adagrad", 0.001); {
        /// The sum at the start.
        initial_accumulator_value: f64 = 0.1,
        /// Keeps the divisor from zero.
        epsilon: f64 = 1e-7,
    }
}

impl OptimizerRule for Adagrad {
    optimizer_object!(Adagrad);

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        vec![vec![Slot::filled("accumulator", self.initial_accumulator_value)]]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [sum] = step.slots else { return Updated::nothing(step) };
        let sum = sum + step.gradient.square();
        let change = step.gradient * step.learning_rate / (&sum + self.epsilon).sqrt();
        Updated::new(step.variable - change, [sum])
    }
}
