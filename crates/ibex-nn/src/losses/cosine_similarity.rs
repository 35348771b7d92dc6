//! `CosineSimilarity`: minus the cosine of the angle between target and prediction.

use ibex_graph::Tensor;

use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options, sum_along};

loss_options! {
    /// Minus the cosine of the angle between the vectors along `axis`: -1 for equal directions.
    ///
    /// Keras does not write `axis` to files; Ibex writes it if it is not -1, and Keras reads it.
    ///
    /// Source: <https://keras.io/api/losses/regression_losses/>.
    CosineSimilarity = "cosine_similarity" {
        /// The axis along which the vectors lie.
        axis: isize = -1,
    }
}

impl LossFunction for CosineSimilarity {
    loss_object!(CosineSimilarity, ["axis"]);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let unit = |x: &Tensor| match x.shape().axis(self.axis) {
            Some(axis) => x.l2_normalize(&[axis], EPSILON),
            None => x.bad_axis("cosine_similarity", self.axis),
        };
        -sum_along(&(unit(y_true) * unit(y_pred)), self.axis)
    }
}
