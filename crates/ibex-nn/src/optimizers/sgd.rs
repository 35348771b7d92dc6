//! `SGD`: gradient descent, with momentum and Nesterov's variant.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated, check_option};
use crate::object::ConfigError;

optimizer_options! {
    /// Gradient descent: `w ← w - rate · g`, or with momentum `m ← momentum · m - rate · g`,
    /// `w ← w + m`.
    ///
    /// Source: <https://keras.io/api/optimizers/sgd/>.
    SGD = Options::named("sgd", 0.01); {
        /// The share of the last change that is kept.
        momentum: f64 = 0.0,
        /// Whether the gradient is taken where momentum will lead.
        nesterov: bool = false,
    }
}

impl OptimizerRule for SGD {
    optimizer_object!(SGD);

    fn check(&self) -> Result<(), ConfigError> {
        let fits = (0.0..=1.0).contains(&self.momentum);
        check_option("SGD", "momentum", self.momentum, "between 0 and 1", fits)
    }

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        match self.momentum {
            0.0 => Vec::new(),
            _ => vec![vec![Slot::zeros("momentum")]],
        }
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let change = step.gradient * step.learning_rate;
        let [momentum] = step.slots else {
            return Updated::new(step.variable - change, []);
        };
        let momentum = momentum * self.momentum - &change;
        let variable = match self.nesterov {
            true => step.variable + (&momentum * self.momentum - change),
            false => step.variable + &momentum,
        };
        Updated::new(variable, [momentum])
    }
}
