//! `Huber`: a square for small errors, a line for large ones.

use ibex_graph::Tensor;

use super::{LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean over the last axis of `x² / 2` where the error `x` is at most `delta`, and of
    /// `delta · |x| - delta² / 2` elsewhere.
    ///
    /// Outliers weigh less than in a squared error.
    /// Keras does not write `delta` to files; Ibex writes it if it is not 1, and Keras reads it.
    ///
    /// Source: <https://keras.io/api/losses/regression_losses/>.
    Huber = "huber_loss" {
        /// The error at which the square turns into a line.
        delta: f64 = 1.0,
    }
}

impl LossFunction for Huber {
    loss_object!(Huber, ["delta"]);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let error = y_pred - y_true;
        let size = error.abs();
        let delta = Tensor::scalar(size.dtype(), self.delta);
        let line = &size * &delta - delta.square() * 0.5;
        mean_last(&size.less_equal(&delta).select(&(error.square() * 0.5), &line))
    }
}
