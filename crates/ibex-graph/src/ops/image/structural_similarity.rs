//! How alike two images look.

use super::Channels;
use crate::ops::window::Padding;
use crate::{Array, OpError, Tensor};

/// What [`structural_similarity`] compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// The largest value that a pixel can have.
    pub largest: f64,
    /// The extent of the windows.
    pub size: usize,
    /// The deviation of the weights inside a window.
    pub sigma: f64,
    /// The factors of the largest value that keep quotients finite.
    pub guards: [f64; 2],
}

impl Similarity {
    fn kernel(&self) -> Vec<f64> {
        let middle = (self.size as f64 - 1.0) / 2.0;
        let weight = |i: usize| (-(i as f64 - middle).powi(2) / (2.0 * self.sigma.powi(2))).exp();
        let weights: Vec<f64> = (0..self.size).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().flat_map(|a| weights.iter().map(move |b| a * b / (sum * sum))).collect()
    }
}

/// The structural similarity of pairs of images, 1 for equal ones: `(batch,)`.
///
/// `(batch, height, width, channels)`, or one pair without a batch.
/// `keras.ops.image.ssim`; source: Wang et al., "Image quality assessment", 2004.
///
/// ```
/// use ibex_graph::ops::image::{Channels, Similarity, structural_similarity};
/// use ibex_graph::{DType, Tensor};
///
/// let x = Tensor::input("x", DType::F32, [2, 8, 8, 3]);
/// let similarity = Similarity { largest: 1.0, size: 5, sigma: 1.5, guards: [0.01, 0.03] };
/// assert_eq!(structural_similarity(&x, &x, &similarity, Channels::Last).shape().dims(), [2]);
/// ```
#[track_caller]
pub fn structural_similarity(
    first: &Tensor,
    second: &Tensor,
    similarity: &Similarity,
    channels: Channels,
) -> Tensor {
    if let Some(poisoned) = [first, second].into_iter().find(|image| image.is_poisoned()) {
        return poisoned.clone();
    }
    if first.shape() != second.shape() || !matches!(first.rank(), 3 | 4) {
        return Tensor::poisoned(OpError::new(
            "`structural_similarity` cannot compare these images",
            "two images, or two batches of them, of one shape",
            format!("{} and {}", first.shape(), second.shape()),
        ));
    }
    // Each channel counts for itself.
    let planes = |x: &Tensor| {
        let x = if x.rank() == 3 { x.expand_dims(0) } else { x.clone() };
        let x = if channels == Channels::Last { x.move_axis(-1, 1) } else { x };
        let [batch, depth, height, width] = [0, 1, 2, 3].map(|axis| x.dim(axis));
        (x.reshape([batch * depth, height, width, 1]), [batch, depth])
    };
    let ((a, shape), (b, _)) = (planes(first), planes(second));
    let size = similarity.size;
    let kernel = Array::from_f64_slice(a.dtype(), [size, size, 1, 1], &similarity.kernel());
    let kernel = Tensor::constant(kernel);
    let mean = |x: &Tensor| x.convolution(&kernel, &[1, 1], Padding::Valid, &[1, 1], 1);
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let [c1, c2] = similarity.guards.map(|guard| (guard * similarity.largest).powi(2));
    let variance_a = mean(&a.square()) - mean_a.square();
    let variance_b = mean(&b.square()) - mean_b.square();
    let covariance = mean(&(&a * &b)) - &mean_a * &mean_b;
    let above = (&mean_a * &mean_b * 2.0 + c1) * (covariance * 2.0 + c2);
    let below = (mean_a.square() + mean_b.square() + c1) * (variance_a + variance_b + c2);
    let all = (above / below).mean(&[1, 2, 3], false).reshape(shape).mean(&[1], false);
    if first.rank() == 3 { all.squeeze(0) } else { all }
}
