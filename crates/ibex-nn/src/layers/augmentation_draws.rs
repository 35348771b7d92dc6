//! Random numbers for augmentations, from a trace: counter-based, anew in each step.
//!
//! This module knows no layer; what is done with the numbers is in [`augmentation`].
//!
//! [`augmentation`]: super::augmentation

use ibex_graph::ops::random;
use ibex_graph::{DType, Tensor};

use super::augmentation::ImageSize;
use super::options::DataFormat;
use crate::trace::Trace;

/// Where random numbers come from.
#[derive(Debug)]
pub struct Draws<'a> {
    trace: &'a mut Trace,
    seed: Option<u64>,
}

/// How often a gamma variate is tried: each try fails in less than 5 % of the cases.
const TRIES: usize = 8;

impl Draws<'_> {
    /// Numbers of the trace, under an own seed if there is one.
    pub fn new(trace: &mut Trace, seed: Option<u64>) -> Draws<'_> {
        Draws { trace, seed }
    }

    /// Uniform numbers in a range.
    pub fn uniform(&mut self, dims: &[usize], [low, high]: [f64; 2]) -> Tensor {
        let (state, stream) = self.trace.next_random_of(self.seed);
        random::uniform(&state, dims, stream, low, high)
    }

    /// Normal numbers of mean 0 and variance 1.
    pub fn normal(&mut self, dims: &[usize]) -> Tensor {
        let (state, stream) = self.trace.next_random_of(self.seed);
        random::normal(&state, dims, stream)
    }

    /// Integers from `low` to below `high`, `int32`.
    pub fn integers(&mut self, dims: &[usize], low: i64, high: i64) -> Tensor {
        let span = (high - low).max(1) as f64;
        let drawn = (self.uniform(dims, [0.0, 1.0]) * span).floor();
        (drawn.clip(0.0, span - 1.0) + low as f64).cast(DType::I32)
    }

    /// The numbers `0..count` in random order, `int32`.
    pub fn permutation(&mut self, count: usize) -> Tensor {
        let (state, stream) = self.trace.next_random_of(self.seed);
        random::permutation(&state, count, stream)
    }

    /// For each image whether something happens to it: with a probability in that range.
    pub fn happens(&mut self, count: usize, range: [f64; 2]) -> Tensor {
        let probability = self.uniform(&[count], range);
        self.uniform(&[count], [0.0, 1.0]).less(&probability)
    }

    /// One of `count` when the program is written: the same in all its steps.
    pub fn choice(&mut self, count: usize) -> usize {
        let (_, stream) = self.trace.next_random_of(self.seed);
        let draw = ibex_graph::rng::Draw::new(self.seed.unwrap_or(0), 0, stream);
        draw.word(0) as usize % count.max(1)
    }

    /// Logarithms of gamma variates of a shape parameter `alpha` (a scalar above 0).
    ///
    /// Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; below
    /// 1 by way of `alpha + 1`. Logarithms, because variates of a small `alpha` are too small.
    pub fn log_gamma_variates(&mut self, dims: &[usize], alpha: &Tensor) -> Tensor {
        let number = |value: f64| Tensor::scalar(DType::F32, value);
        let d = alpha + (1.0 - 1.0 / 3.0);
        let c = (&d * 9.0).rsqrt();
        let mut found = d.log().broadcast_to(dims);
        // From the last try to the first: the first that succeeds is the one that stays.
        for _ in 0..TRIES {
            let x = self.normal(dims);
            let u = self.positive(dims);
            let v = &x * &c + 1.0;
            let possible = v.greater(&number(0.0));
            let safe = possible.select(&v, &number(1.0));
            let log_cube = safe.log() * 3.0;
            let cube = &safe * &safe * &safe;
            let bound = x.square() * 0.5 + &d - &d * cube + &d * &log_cube;
            let accepted = possible.logical_and(&u.log().less(&bound));
            found = accepted.select(&(d.log() + log_cube), &found);
        }
        found + self.positive(dims).log() / alpha
    }

    /// Uniform numbers above 0 and below 1.
    fn positive(&mut self, dims: &[usize]) -> Tensor {
        self.uniform(dims, [0.0, 1.0]) + 2f64.powi(-25)
    }

    /// Beta variates of two equal parameters (a scalar above 0).
    pub fn symmetric_beta(&mut self, dims: &[usize], alpha: &Tensor) -> Tensor {
        let (a, b) = (self.log_gamma_variates(dims, alpha), self.log_gamma_variates(dims, alpha));
        (a - b).sigmoid()
    }

    /// A vector of weights of sum 1 from a Dirichlet distribution of equal parameters.
    pub fn dirichlet(&mut self, count: usize, alpha: &Tensor) -> Tensor {
        self.log_gamma_variates(&[count], alpha).softmax(-1)
    }
}

/// The rectangles that some layers cut out: for each image, `true` inside.
///
/// `ratio` is the share of the width and of the height, vectors; the place is drawn.
/// The second result is the share of the area.
pub(super) fn rectangles(
    draws: &mut Draws<'_>,
    size: ImageSize,
    ratio: [&Tensor; 2],
    format: DataFormat,
) -> (Tensor, Tensor) {
    let mut span = |extent: usize, ratio: &Tensor| {
        let length = ratio * extent as f64;
        let start = draws.uniform(&[size.count], [0.0, 1.0]) * (extent as f64 - &length);
        let end = &start + &length;
        let share = &end - &start;
        ([start, end].map(|place| place.reshape([size.count, 1, 1, 1])), share)
    };
    let ([left, right], width) = span(size.width, ratio[0]);
    let ([top, bottom], height) = span(size.height, ratio[1]);
    let [vertical, horizontal] = match format {
        DataFormat::ChannelsLast => [1, 2],
        DataFormat::ChannelsFirst => [2, 3],
    };
    let place = |axis: usize, extent: usize| {
        let mut dims = [1; 4];
        dims[axis] = extent;
        Tensor::iota(DType::F32, dims, axis)
    };
    let (y, x) = (place(vertical, size.height), place(horizontal, size.width));
    let columns = x.greater_equal(&left).logical_and(&x.less(&right));
    let rows = y.greater_equal(&top).logical_and(&y.less(&bottom));
    let area = (size.width * size.height).max(1) as f64;
    (columns.logical_and(&rows), width * height / area)
}
