//! What the layers share that draw random numbers while training.

use ibex_graph::ops::random;
use ibex_graph::{OpError, Tensor};

use crate::object::ConfigError;
use crate::partial::PartialShape;
use crate::trace::Call;

/// The shape of a draw, as Keras's `noise_shape` has it: repeated along axes of extent 1, `None`
/// for an extent of the input.
pub(super) type NoiseShape = Option<Vec<Option<usize>>>;

/// Checks that a draw can be repeated to an input.
pub(super) fn check_noise_shape(
    noise: &NoiseShape,
    shape: &PartialShape,
) -> Result<(), ConfigError> {
    let Some(noise) = noise else { return Ok(()) };
    let fits = |(drawn, extent): (&Option<usize>, &Option<usize>)| match (drawn, extent) {
        (Some(drawn), Some(extent)) => *drawn == 1 || drawn == extent,
        _ => true,
    };
    match noise.len() == shape.rank() && noise.iter().zip(&shape.0).all(fits) {
        true => Ok(()),
        false => Err(ConfigError::new("`noise_shape` does not fit the input")
            .expected(format!("{} extents, each as in {shape}, 1 or None", shape.rank()))
            .received(PartialShape(noise.clone()).to_string())),
    }
}

/// The extents of the draw for an input.
pub(super) fn drawn_shape(noise: &NoiseShape, x: &Tensor) -> Vec<usize> {
    match noise {
        None => x.shape().to_vec(),
        Some(dims) => {
            let extents = x.shape().iter().zip(dims);
            extents.map(|(&extent, drawn)| drawn.unwrap_or(extent)).collect()
        }
    }
}

/// `x` with a fraction `rate` of its elements 0 and the others scaled up; one draw for each
/// element of `shape`.
pub(super) fn dropped(
    call: &mut Call<'_>,
    x: &Tensor,
    rate: f64,
    seed: Option<u64>,
    shape: Vec<usize>,
) -> Tensor {
    if rate == 1.0 {
        return x.zeros_like();
    }
    let (state, stream) = call.trace().next_random_of(seed);
    let kept = 1.0 - rate;
    let keep = random::bernoulli(&state, shape, stream, kept);
    keep.select(&(x * (1.0 / kept)), &x.zeros_like())
}

/// Normal numbers of mean 0 and variance 1 for each element of `x`.
pub(super) fn normal_like(call: &mut Call<'_>, x: &Tensor, seed: Option<u64>) -> Tensor {
    let (state, stream) = call.trace().next_random_of(seed);
    random::normal(&state, x.shape(), stream).cast(x.dtype())
}

/// What a layer gives that cannot keep the mean and the variance when it drops everything.
pub(super) fn nothing_kept(layer: &str) -> Tensor {
    Tensor::poisoned(OpError::new(
        format!("`{layer}` cannot drop everything while training"),
        "`rate` below 1",
        "rate = 1",
    ))
}
