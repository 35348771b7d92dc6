//! `Lion`: steps of one size, in the direction of the sign of the momentum.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated, check_option};
use crate::object::ConfigError;

optimizer_options! {
    /// Steps of the learning rate in the direction of the sign of a mean of gradients.
    ///
    /// `w ← w - rate · sign(beta_1 · m + (1 - beta_1) · g)`, `m ← beta_2 · m + (1 - beta_2) · g`.
    ///
    /// Source: <https://arxiv.org/abs/2302.06675>.
    Lion = Options::named("lion", 0.001); {
        /// How much of the mean gradient decides the direction.
        beta_1: f64 = 0.9,
        /// How much of the mean gradient is kept.
        beta_2: f64 = 0.99,
    }
}

impl OptimizerRule for Lion {
    optimizer_object!(Lion);

    fn check(&self) -> Result<(), ConfigError> {
        let fits = self.beta_1 > 0.0 && self.beta_1 <= 1.0;
        check_option("Lion", "beta_1", self.beta_1, "above 0 and at most 1", fits)
    }

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        vec![vec![Slot::zeros("momentum")]]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [momentum] = step.slots else { return Updated::nothing(step) };
        let mixed = |kept: f64| momentum * kept + step.gradient * (1.0 - kept);
        let variable = step.variable - mixed(self.beta_1).sign() * step.learning_rate;
        Updated::new(variable, [mixed(self.beta_2)])
    }
}
