//! The random numbers of one initial value, one after the other.

use ibex_graph::rng::{Draw, to_unit};
use ibex_graph::{Array, DType, Shape};

/// Uniform and normal numbers of one draw, in order.
pub(super) struct Stream {
    draw: Draw,
    block: u64,
    words: [u32; 4],
    used: usize,
    spare: Option<f64>,
}

impl Stream {
    pub(super) fn new(draw: Draw) -> Stream {
        Stream { draw, block: 0, words: [0; 4], used: 4, spare: None }
    }

    fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.words = self.draw.block(self.block);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// Uniform in `[0, 1)`.
    pub(super) fn uniform(&mut self) -> f64 {
        f64::from(to_unit(self.word()))
    }

    /// Normal of mean 0 and variance 1 (Box and Muller, 1958).
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // All 32 bits, so that the tails are not cut; never 0, whose logarithm is infinite.
        let radius = (-2.0 * ((f64::from(self.word()) + 0.5) / 4_294_967_296.0).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// Normal, but drawn again when beyond two standard deviations.
    pub(super) fn truncated_normal(&mut self) -> f64 {
        loop {
            let value = self.normal();
            if value.abs() < 2.0 {
                return value;
            }
        }
    }
}

/// `float32` values of `shape`, one after the other.
pub(super) fn filled(shape: &Shape, mut next: impl FnMut() -> f64) -> Array {
    let mut array = Array::zeros(DType::F32, shape);
    for value in array.as_mut_slice::<f32>().unwrap_or_default() {
        *value = next() as f32;
    }
    array
}
