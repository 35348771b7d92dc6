//! Gradients made smaller: by the norm of each, by the norm of all, or element by element.

use ibex_graph::{DType, Tensor};

use super::Options;

/// The gradients, clipped in the one way that is asked for.
pub(super) fn clipped(options: &Options, gradients: Vec<Tensor>) -> Vec<Tensor> {
    let positive = |bound: Option<f64>| bound.filter(|&bound| bound > 0.0);
    if let Some(bound) = positive(options.clipnorm) {
        return gradients
            .iter()
            .map(|g| g * shrink(&norm(std::slice::from_ref(g)), bound, g))
            .collect();
    }
    if let Some(bound) = positive(options.global_clipnorm) {
        let norm = norm(&gradients);
        // A norm that is not finite makes every gradient NaN, as in Keras.
        let taint = &norm * 0.0;
        return gradients
            .iter()
            .map(|g| g * (shrink(&norm, bound, g) + taint.cast(g.dtype())))
            .collect();
    }
    match positive(options.clipvalue) {
        Some(bound) => gradients.iter().map(|g| g.clip(-bound, bound)).collect(),
        None => gradients,
    }
}

/// The norm of several tensors together, a `float32` scalar.
fn norm(tensors: &[Tensor]) -> Tensor {
    let squares = tensors.iter().map(|t| t.square().sum_all().cast(DType::F32));
    let sum = squares.reduce(|a, b| a + b);
    sum.unwrap_or_else(|| Tensor::scalar(DType::F32, 0.0)).sqrt()
}

/// The factor, of the dtype of `gradient`, that makes a norm at most `bound`.
fn shrink(norm: &Tensor, bound: f64, gradient: &Tensor) -> Tensor {
    let bound = Tensor::scalar(norm.dtype(), bound);
    (&bound / norm.maximum(&bound)).cast(gradient.dtype())
}
