//! `Ftrl`: follow the regularized leader, for large sparse linear models.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated, check_option};
use crate::object::ConfigError;

optimizer_options! {
    /// The weights that would have been best so far, given penalties on their size.
    ///
    /// Source: <https://research.google.com/pubs/archive/41159.pdf>.
    Ftrl = Options::named("ftrl", 0.001); {
        /// How the learning rate falls with the sum of squares; at most 0.
        learning_rate_power: f64 = -0.5,
        /// The sum of squares at the start.
        initial_accumulator_value: f64 = 0.1,
        /// The penalty on absolute values, which makes weights exactly zero.
        l1_regularization_strength: f64 = 0.0,
        /// The penalty on squares.
        l2_regularization_strength: f64 = 0.0,
        /// A penalty on squares that acts on the gradient.
        l2_shrinkage_regularization_strength: f64 = 0.0,
        /// A further penalty on squares, divided by twice the learning rate.
        beta: f64 = 0.0,
    }
}

impl OptimizerRule for Ftrl {
    optimizer_object!(Ftrl);

    fn check(&self) -> Result<(), ConfigError> {
        let not_negative = [
            ("initial_accumulator_value", self.initial_accumulator_value),
            ("l1_regularization_strength", self.l1_regularization_strength),
            ("l2_regularization_strength", self.l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", self.l2_shrinkage_regularization_strength),
        ];
        for (option, value) in not_negative {
            check_option("Ftrl", option, value, "0 or more", value >= 0.0)?;
        }
        let power = self.learning_rate_power;
        check_option("Ftrl", "learning_rate_power", power, "0 or less", power <= 0.0)
    }

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        let accumulator = Slot::filled("accumulator", self.initial_accumulator_value);
        vec![vec![accumulator, Slot::zeros("linear")]]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [accumulator, linear] = step.slots else { return Updated::nothing(step) };
        let rate = step.learning_rate;
        let power = step.scalar(-self.learning_rate_power);
        let squares = accumulator + step.gradient.square();
        let (before, after) = (accumulator.power(&power), squares.power(&power));

        let shrinkage = 2.0 * self.l2_shrinkage_regularization_strength;
        let gradient = step.gradient + step.variable * shrinkage;
        let linear = linear + (gradient - (&after - before) / rate * step.variable);
        let l2 = step.scalar(self.beta) / (rate * 2.0) + self.l2_regularization_strength;
        let quadratic = after / rate + l2 * 2.0;
        let l1 = self.l1_regularization_strength;
        let variable = (linear.clip(-l1, l1) - &linear) / quadratic;
        Updated::new(variable, [squares, linear])
    }
}
