//! `Adafactor`: mean squares of gradients kept as row and column means, for large matrices.

use ibex_graph::{DType, Shape, Tensor};

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated};

optimizer_options! {
    /// Gradients divided by the root of their mean square, which for matrices is estimated from
    /// the means of its rows and columns.
    ///
    /// Steps are proportional to the size of the weights, and bounded: `u = g / sqrt(v)`,
    /// `w ← w - max(epsilon_2, rms(w)) · min(rate, 1 / sqrt(t)) · u / max(1, rms(u) / clip)`.
    ///
    /// ```
    /// use ibex_nn::optimizers::{Adafactor, Optimizer};
    /// let optimizer = Optimizer::from(Adafactor::new(0.01).clip_threshold(0.5));
    /// assert_eq!(optimizer.config()["clip_threshold"], 0.5);
    /// ```
    /// Source: <https://arxiv.org/abs/1804.04235>.
    Adafactor = Options::named("adafactor", 0.001); {
        /// The exponent by which the share of new squares falls with the updates.
        beta_2_decay: f64 = -0.8,
        /// Keeps the mean squares from zero.
        epsilon_1: f64 = 1e-30,
        /// The smallest size of weights that steps are proportional to.
        epsilon_2: f64 = 1e-3,
        /// The bound of the root mean square of a step, in units of its rate.
        clip_threshold: f64 = 1.0,
        /// Whether the learning rate is bounded by `1 / sqrt(t)`; in Keras it always is.
        relative_step: bool = true,
    }
}

/// Whether mean squares are those of rows and columns.
fn is_factored(shape: &Shape) -> bool {
    shape.rank() >= 2
}

/// A shape without one of its last two axes, counted from the end.
fn without(shape: &Shape, from_end: usize) -> Shape {
    let mut extents = shape.to_vec();
    if let Some(axis) = extents.len().checked_sub(from_end) {
        extents.remove(axis);
    }
    extents.into()
}

impl OptimizerRule for Adafactor {
    optimizer_object!(Adafactor);

    fn slots(&self, parameter: Parameter<'_>) -> Vec<Vec<Slot>> {
        // Vectors have no rows: Keras keeps two numbers in their place, which it never uses.
        let mean = |shape: fn(&Shape) -> Shape| match is_factored(parameter.shape) {
            true => Slot { shape, ..Slot::zeros("") },
            false => Slot { shape: |_| ().into(), dtype: Some(DType::I32), ..Slot::zeros("") },
        };
        let (rows, columns) = (mean(|shape| without(shape, 1)), mean(|shape| without(shape, 2)));
        vec![vec![rows, columns, Slot::zeros("velocity")]]
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [rows, columns, velocity] = step.slots else { return Updated::nothing(step) };
        let number = step.number();
        let one = step.scalar(1.0);
        let kept = 1.0 - number.power(&step.scalar(self.beta_2_decay));
        let squares = step.gradient.square() + self.epsilon_1;
        let mixed = |old: &Tensor, new: &Tensor| old * &kept + new * (1.0 - &kept);
        let (rows, columns, velocity) = match is_factored(step.variable.shape()) {
            true => {
                let last = step.variable.rank() - 1;
                let rows = mixed(rows, &squares.mean(&[last], false));
                let columns = mixed(columns, &squares.mean(&[last - 1], false));
                let share = &rows / rows.mean(&[last - 1], true);
                let velocity = share.expand_dims(-1) * columns.expand_dims(-2);
                (rows, columns, velocity)
            }
            false => (rows.clone(), columns.clone(), mixed(velocity, &squares)),
        };
        let direction = step.gradient / velocity.sqrt();
        let size = root_mean_square(&direction) / self.clip_threshold;
        let rate = step.learning_rate.minimum(&(&one / number.sqrt()));
        let scale = root_mean_square(step.variable).maximum(&step.scalar(self.epsilon_2));
        let change = direction * (scale * rate / size.maximum(&one));
        Updated::new(step.variable - change, [rows, columns, velocity])
    }
}

fn root_mean_square(x: &Tensor) -> Tensor {
    x.square().mean_all().sqrt()
}
