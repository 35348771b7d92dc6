//! `Lamb`: Adam whose steps are proportional to the size of each weight, for large batches.

use ibex_graph::Tensor;

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

optimizer_options! {
    /// Adam's direction, scaled for each variable by the norm of its weights over that of the
    /// direction.
    ///
    /// `d = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)`,
    /// `w ← w - rate · |w| / |d| · d`.
    ///
    /// ```
    /// use ibex_nn::optimizers::{Lamb, Optimizer};
    /// let optimizer = Optimizer::from(Lamb::new(0.01).weight_decay(0.001));
    /// assert_eq!(optimizer.config()["weight_decay"], 0.001);
    /// ```
    /// Source: <https://arxiv.org/abs/1904.00962>.
    Lamb = Options::named("lamb", 0.001); {
        /// How much of the mean gradient is kept.
        beta_1: f64 = 0.9,
        /// How much of the mean square is kept.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from zero.
        epsilon: f64 = 1e-7,
    }
}

impl OptimizerRule for Lamb {
    optimizer_object!(Lamb);

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        vec![vec![Slot::zeros("momentum"), Slot::zeros("velocity")]]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [momentum, velocity] = step.slots else { return Updated::nothing(step) };
        let correction = |beta: f64| 1.0 - step.scalar(beta).power(&step.number());
        let momentum = momentum + (step.gradient - momentum) * (1.0 - self.beta_1);
        let velocity = velocity + (step.gradient.square() - velocity) * (1.0 - self.beta_2);
        let divisor = (&velocity / correction(self.beta_2)).sqrt() + self.epsilon;
        let direction = &momentum / correction(self.beta_1) / divisor;
        let ratio = ratio(&norm(step.variable), &norm(&direction));
        let variable = step.variable - direction * (ratio * step.learning_rate);
        Updated::new(variable, [momentum, velocity])
    }
}

fn norm(x: &Tensor) -> Tensor {
    x.square().sum_all().sqrt()
}

/// `a / b`, or 1 where one of them is zero.
fn ratio(a: &Tensor, b: &Tensor) -> Tensor {
    let (zero, one) = (a.zeros_like(), a.ones_like());
    let both = a.greater(&zero).logical_and(&b.greater(&zero));
    both.select(&(a / both.select(b, &one)), &one)
}
