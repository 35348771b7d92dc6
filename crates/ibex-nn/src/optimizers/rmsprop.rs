//! `RMSprop`: gradients divided by the root of their mean square.

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

optimizer_options! {
    /// Gradients divided by the root of a running mean of their squares.
    ///
    /// `v ← rho · v + (1 - rho) · g²`, `w ← w - rate · g / sqrt(v + epsilon)`; centered, the square
    /// of the mean gradient is subtracted from `v`; with momentum the change is accumulated.
    ///
    /// Source: <https://keras.io/api/optimizers/rmsprop/>.
    RMSprop = Options::named("rm_sprop", 0.001); {
        /// How much of the running means is kept.
        rho: f64 = 0.9,
        /// The share of the last change that is kept.
        momentum: f64 = 0.0,
        /// Keeps the divisor from zero.
        epsilon: f64 = 1e-7,
        /// Whether gradients are divided by their standard deviation.
        centered: bool = false,
    }
}

impl OptimizerRule for RMSprop {
    optimizer_object!(RMSprop);

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        let mut groups = vec![vec![Slot::zeros("velocity")]];
        if self.momentum > 0.0 {
            groups.push(vec![Slot::zeros("momentum")]);
        }
        if self.centered {
            groups.push(vec![Slot::zeros("average_gradient")]);
        }
        groups
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let mut slots = step.slots.iter();
        let mut slot = |wanted: bool| if wanted { slots.next() } else { None };
        let Some(velocity) = slot(true) else { return Updated::nothing(step) };
        let (momentum, average) = (slot(self.momentum > 0.0), slot(self.centered));

        let (kept, new) = (self.rho, 1.0 - self.rho);
        let velocity = velocity * kept + step.gradient.square() * new;
        let average = average.map(|average| average * kept + step.gradient * new);
        let spread = match &average {
            Some(average) => &velocity - average.square(),
            None => velocity.clone(),
        };
        let change = step.gradient * step.learning_rate / (spread + self.epsilon).sqrt();
        let momentum = momentum.map(|momentum| momentum * self.momentum + &change);
        let variable = step.variable - momentum.as_ref().unwrap_or(&change);
        let slots: Vec<_> = [Some(velocity), momentum, average].into_iter().flatten().collect();
        Updated::new(variable, slots)
    }
}
