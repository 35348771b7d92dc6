//! The steepness of images, downwards and to the right.

use super::Channels;
use crate::ops::concatenate::stack;
use crate::ops::window::Padding;
use crate::{Array, Tensor};

/// The differences across each pixel, from top to bottom: those from left to right transposed.
const DOWN: [f64; 9] = [-1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0];
const RIGHT: [f64; 9] = [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0];

/// The differences of neighbours of each pixel, downwards and to the right, as a new last axis.
///
/// `(batch, height, width, channels)`; the image stands among zeros.
/// `keras.ops.image.sobel_edges`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, sobel_edges};
/// use ibex_graph::{DType, Tensor};
///
/// let x = Tensor::input("x", DType::F32, [2, 8, 8, 3]);
/// assert_eq!(sobel_edges(&x, Channels::Last).shape().dims(), [2, 8, 8, 3, 2]);
/// ```
#[track_caller]
pub fn sobel_edges(images: &Tensor, channels: Channels) -> Tensor {
    if images.is_poisoned() {
        return images.clone();
    }
    if images.rank() != 4 {
        return images.bad_axis("sobel_edges", 3);
    }
    let last = match channels {
        Channels::Last => images.clone(),
        Channels::First => images.move_axis(1, -1),
    };
    let depth = last.dim(-1);
    let edges = [DOWN, RIGHT].map(|kernel| {
        let kernel = Tensor::constant(Array::from_f64_slice(images.dtype(), [3, 3, 1, 1], &kernel));
        let kernel = kernel.broadcast_to([3, 3, depth, 1]);
        let found = last.depthwise_convolution(&kernel, &[1, 1], Padding::Same, &[1, 1]);
        match channels {
            Channels::Last => found,
            Channels::First => found.move_axis(-1, 1),
        }
    });
    stack(&edges, -1)
}
