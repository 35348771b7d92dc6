//! Functions composed of operations, by theme: no backend knows them.
//!
//! They are methods of [`Tensor`] or free functions, each with an example; their
//! table of values and gradients is `tests/composed.rs`.

pub mod adaptive_pooling;
pub mod einops;
pub mod elementwise;
pub mod fourier;
pub mod linear_algebra;
pub mod matrix;
pub mod norm;
pub mod padding;
pub mod patches;
pub mod rearrange;
pub mod scatter;
pub mod statistics;

use crate::{OpError, Shape, Tensor};

/// The shape of a result that `name` would make larger than its input, or why it cannot be.
#[track_caller]
fn checked_shape(name: &str, extents: Vec<Option<usize>>) -> Result<Shape, Tensor> {
    let shape: Option<Vec<usize>> = extents.iter().copied().collect();
    match shape.map(Shape::from).filter(|shape| shape.checked_size().is_some()) {
        Some(shape) => Ok(shape),
        None => Err(Tensor::poisoned(OpError::new(
            format!("the result of `{name}` is too large"),
            "a size that memory can have",
            format!("{} axes with more elements than can be counted", extents.len()),
        ))),
    }
}
