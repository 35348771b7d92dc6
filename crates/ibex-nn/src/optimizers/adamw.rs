//! `AdamW`: Adam with decoupled weight decay.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated, adam};
use crate::object::ConfigError;

optimizer_options! {
    /// [`Adam`](super::Adam) with a weight decay of 0.004, which does not pass through the running
    /// means.
    ///
    /// Source: <https://keras.io/api/optimizers/adamw/>.
    AdamW = Options { weight_decay: Some(0.004), ..Options::named("adam_w", 0.001) }; {
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

impl OptimizerRule for AdamW {
    optimizer_object!(AdamW);

    fn check(&self) -> Result<(), ConfigError> {
        let error = || {
            ConfigError::new("the optimizer `AdamW` has no `weight_decay`")
                .expected("a number")
                .help("take `Adam`, which has none")
        };
        self.options.weight_decay.map(drop).ok_or_else(error)
    }

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        adam::slots(self.amsgrad)
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        adam::update(step, self.beta_1, self.beta_2, self.epsilon)
    }
}
