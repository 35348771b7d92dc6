//! `Nadam`: Adam whose momentum looks one step ahead.

use ibex_graph::Tensor;

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

/// How fast the momentum warms up, as in the paper.
const DECAY: f64 = 0.96;

optimizer_options! {
    /// [`Adam`](super::Adam) with Nesterov's momentum, which warms up.
    ///
    /// With `u_t = beta_1 · (1 - 0.96^t / 2)` and `p_t` the product of `u_1` to `u_t`:
    /// `m̂ = u_{t+1} · m / (1 - p_{t+1}) + (1 - u_t) · g / (1 - p_t)`,
    /// `w ← w - rate · m̂ / (sqrt(v / (1 - beta_2^t)) + epsilon)`.
    ///
    /// ```
    /// use ibex_nn::optimizers::{Nadam, Optimizer};
    /// let optimizer = Optimizer::from(Nadam::new(0.002).beta_1(0.8));
    /// assert_eq!(optimizer.config()["beta_1"], 0.8);
    /// ```
    /// Source: <https://keras.io/api/optimizers/Nadam/>.
    Nadam = Options::named("nadam", 0.001); {
        /// How much of the mean gradient is kept, in the end.
        beta_1: f64 = 0.9,
        /// How much of the mean square is kept.
        beta_2: f64 = 0.999,
        /// Keeps the divisor from zero.
        epsilon: f64 = 1e-7,
    }
}

impl Nadam {
    /// The momentum at update `number`.
    fn momentum(&self, number: &Tensor) -> Tensor {
        let decay = Tensor::scalar(number.dtype(), DECAY).power(number);
        (1.0 - decay * 0.5) * self.beta_1
    }
}

impl OptimizerRule for Nadam {
    optimizer_object!(Nadam);

    fn slots(&self, _: Parameter<'_>) -> Vec<Vec<Slot>> {
        vec![vec![Slot::zeros("momentum"), Slot::zeros("velocity")]]
    }

    fn shared(&self) -> Vec<Slot> {
        // Keras gives the product of the momenta no name of its own.
        vec![Slot { shape: |_| ().into(), ..Slot::filled("variable", 1.0) }]
    }

    fn update_shared(&self, shared: &[Tensor], number: &Tensor) -> Vec<Tensor> {
        shared.iter().map(|product| product * self.momentum(number)).collect()
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let ([momentum, velocity], [product]) = (step.slots, step.shared) else {
            return Updated::nothing(step);
        };
        // Scalars, computed once.
        let number = step.number();
        let (now, next) = (self.momentum(&number), self.momentum(&(&number + 1.0)));
        let ahead = &next / (1.0 - product * &next);
        let here = (1.0 - now) / (1.0 - product);
        let correction = 1.0 - step.scalar(self.beta_2).power(&number);

        // Keras subtracts after it has rounded to the variable's dtype, here but not in Adam.
        let new = |beta: f64| 1.0 - step.scalar(beta);
        let momentum = momentum + (step.gradient - momentum) * new(self.beta_1);
        let velocity = velocity + (step.gradient.square() - velocity) * new(self.beta_2);
        let direction = &momentum * ahead + step.gradient * here;
        let divisor = (&velocity / correction).sqrt() + self.epsilon;
        let variable = step.variable - direction * step.learning_rate / divisor;
        Updated::new(variable, [momentum, velocity])
    }
}
