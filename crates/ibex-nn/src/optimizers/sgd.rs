//! `SGD`: gradient descent, with momentum and Nesterov's variant.

use serde::{Deserialize, Serialize};

use super::{OptimizerRule, Options, Slot, Step, Updated};
use crate::keras_object;
use crate::schedules::LearningRate;

/// Gradient descent: `w ← w - rate · g`, or with momentum `m ← momentum · m - rate · g`,
/// `w ← w + m`.
///
/// Source: <https://keras.io/api/optimizers/sgd/>.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct SGD {
    /// The options of every optimizer.
    #[serde(flatten)]
    pub options: Options,
    /// The share of the last change that is kept.
    pub momentum: f64,
    /// Whether the gradient is taken where momentum will lead.
    pub nesterov: bool,
}

impl Default for SGD {
    fn default() -> SGD {
        SGD { options: Options::named("SGD", 0.01), momentum: 0.0, nesterov: false }
    }
}

impl SGD {
    /// Plain gradient descent with this learning rate.
    pub fn new(learning_rate: impl Into<LearningRate>) -> SGD {
        let mut sgd = SGD::default();
        sgd.options.learning_rate = learning_rate.into();
        sgd
    }
}

impl OptimizerRule for SGD {
    keras_object!(SGD);

    fn options(&self) -> &Options {
        &self.options
    }

    fn slots(&self) -> Vec<Slot> {
        // Keras makes the slot even when the momentum is 0.
        vec![Slot::zeros("momentum")]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let change = step.gradient * step.learning_rate;
        let [momentum] = step.slots else { return Updated::nothing(step) };
        if self.momentum == 0.0 {
            let variable = step.variable - change;
            return Updated { variable, slots: vec![momentum.clone()] };
        }
        let momentum = momentum * self.momentum - &change;
        let variable = match self.nesterov {
            true => step.variable + &momentum * self.momentum - change,
            false => step.variable + &momentum,
        };
        Updated { variable, slots: vec![momentum] }
    }
}
