//! `Muon`: momentum made orthogonal for matrices, Adam for everything else.

use ibex_graph::Tensor;

use super::options::{optimizer_object, optimizer_options};
use super::{OptimizerRule, Options, Parameter, Slot, Step, Updated, adam};
use crate::object::ConfigError;

/// Keeps the norm of a momentum from zero.
const NORM_EPSILON: f64 = 1e-7;

/// Words in the paths of weights.
type Words = Vec<String>;

optimizer_options! {
    /// Matrices move by their momentum with all singular values made about equal, which a few
    /// Newton-Schulz iterations do; all other weights are trained by Adam.
    ///
    /// A weight is a matrix for Muon if it has two axes, is no embedding (if those are excluded),
    /// and has none of the words of `exclude_layers` in its path.
    /// Name the last layer there.
    ///
    /// ```
    /// use ibex_nn::optimizers::{Muon, Optimizer};
    /// let optimizer = Optimizer::from(Muon::new(0.02).exclude_layers(["output".to_string()]));
    /// assert_eq!(optimizer.config()["exclude_layers"][0], "output");
    /// ```
    /// Source: <https://arxiv.org/abs/2502.16982>.
    Muon = Options { weight_decay: Some(0.004), ..Options::named("muon", 0.001) }; {
        /// How much of the mean gradient Adam keeps.
        adam_beta_1: f64 = 0.9,
        /// How much of the mean square Adam keeps.
        adam_beta_2: f64 = 0.999,
        /// Keeps Adam's divisor from zero.
        epsilon: f64 = 1e-7,
        /// Words in paths whose weights are trained by Adam.
        exclude_layers: Words = Vec::new(),
        /// The factor of the matrix in an iteration.
        muon_a: f64 = 3.4445,
        /// The factor of its third power.
        muon_b: f64 = -4.7750,
        /// The factor of its fifth power.
        muon_c: f64 = 2.0315,
        /// The learning rate of Adam over that of Muon.
        adam_lr_ratio: f64 = 1.0,
        /// The share of the last momentum that is kept.
        momentum: f64 = 0.95,
        /// The number of Newton-Schulz iterations.
        ns_steps: usize = 5,
        /// Whether the gradient is taken where momentum will lead.
        nesterov: bool = true,
        /// Whether Adam trains weights with `embedding` in their path.
        exclude_embeddings: bool = true,
        /// The weight decay of what Adam trains.
        adam_weight_decay: Option<f64> = Some(0.004),
        /// The factor that, with the root of the larger extent, makes steps as large as Adam's;
        /// without it steps have about unit spectral norm.
        rms_rate: Option<f64> = Some(0.2),
    }
}

impl Muon {
    /// Whether Adam trains a weight.
    fn leaves_to_adam(&self, parameter: Parameter<'_>) -> bool {
        let path = parameter.path;
        parameter.shape.rank() != 2
            || self.exclude_embeddings && path.to_lowercase().contains("embedding")
            || self.exclude_layers.iter().any(|word| path.contains(word))
    }

    /// A matrix with the singular vectors of `x` and singular values near 1.
    fn orthogonal(&self, x: &Tensor) -> Tensor {
        let tall = x.dim(0) > x.dim(1);
        let wide = if tall { x.matrix_transpose() } else { x.clone() };
        let mut x = &wide / (wide.square().sum_all().sqrt() + NORM_EPSILON);
        for _ in 0..self.ns_steps {
            let square = x.matmul(&x.matrix_transpose());
            let factor = &square * self.muon_b + (&square * self.muon_c).matmul(&square);
            x = &x * self.muon_a + factor.matmul(&x);
        }
        if tall { x.matrix_transpose() } else { x }
    }
}

impl OptimizerRule for Muon {
    optimizer_object!(Muon);

    fn slots(&self, parameter: Parameter<'_>) -> Vec<Vec<Slot>> {
        let mut group = vec![Slot::zeros("momentum")];
        if self.leaves_to_adam(parameter) {
            group.push(Slot::zeros("velocity"));
        }
        vec![group]
    }

    fn weight_decay(&self, parameter: Parameter<'_>) -> Option<f64> {
        match self.leaves_to_adam(parameter) {
            true => self.adam_weight_decay,
            false => self.options.weight_decay,
        }
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        let [momentum] = step.slots else {
            let learning_rate = &(step.learning_rate * self.adam_lr_ratio);
            let step = Step { learning_rate, ..*step };
            return adam::update(&step, self.adam_beta_1, self.adam_beta_2, self.epsilon);
        };
        let momentum = momentum * self.momentum + step.gradient;
        let ahead = match self.nesterov {
            true => step.gradient + &momentum * self.momentum,
            false => momentum.clone(),
        };
        let extent = step.variable.shape().iter().copied().max().unwrap_or(1) as f64;
        let size = self.rms_rate.map_or(1.0, |rate| extent.sqrt() * rate);
        let change = self.orthogonal(&ahead) * (step.learning_rate * size);
        Updated::new(step.variable - change, [momentum])
    }

    fn check(&self) -> Result<(), ConfigError> {
        let is_plain =
            |word: &&String| word.chars().all(|c| c.is_alphanumeric() || "_/- ".contains(c));
        match self.exclude_layers.iter().find(|word| !is_plain(word)) {
            None => Ok(()),
            Some(word) => Err(ConfigError::new("`exclude_layers` of `Muon` holds a pattern")
                .expected("words of paths: letters, digits, `_`, `-`, `/`")
                .received(word)
                .help("name the layers one by one")),
        }
    }
}
