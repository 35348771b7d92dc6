//! Random host arrays: made-up data for examples and tests.
//!
//! The same seed gives the same numbers everywhere; for random numbers inside a model see
//! [`Trace`](ibex_nn::Trace).

use ibex_graph::{DType, Shape, Tensor, interpreter, ops};
use ndarray::ArrayD;

/// Normal numbers of mean 0 and variance 1; `keras.random.normal`.
pub fn normal(shape: impl Into<Shape>, seed: u64) -> ArrayD<f32> {
    let shape = shape.into();
    drawn(&shape, ops::random::normal(&state(seed), &shape, 0))
}

/// Uniform numbers between `low` and `high`; `keras.random.uniform`.
pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, seed: u64) -> ArrayD<f32> {
    let shape = shape.into();
    drawn(&shape, ops::random::uniform(&state(seed), &shape, 0, low, high))
}

/// Whole numbers from `low` up to but not including `high`; `keras.random.randint`.
pub fn integers(shape: impl Into<Shape>, low: i32, high: i32, seed: u64) -> ArrayD<i32> {
    let unit = uniform(shape, 0.0, 1.0, seed);
    unit.mapv(|u| low + (f64::from(u) * f64::from(high - low)) as i32)
}

fn state(seed: u64) -> Tensor {
    Tensor::constant(crate::model::random_state(seed))
}

fn drawn(shape: &Shape, numbers: Tensor) -> ArrayD<f32> {
    let numbers = interpreter::evaluate(&numbers.cast(DType::F32));
    // The draw depends on constants alone, so that there is nothing that can fail.
    numbers.map_or_else(|_| ArrayD::zeros(shape.to_vec()), |array| array.to_ndarray())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_seed_and_fill_the_range() {
        assert_eq!(normal([4], 1), normal([4], 1));
        assert_ne!(normal([4], 1), normal([4], 2));
        let dice = integers([600], 1, 7, 3);
        for side in 1..7 {
            let count = dice.iter().filter(|&&d| d == side).count();
            // Expected 100, standard deviation 9.
            assert!((60..140).contains(&count), "{side} came {count} times");
        }
    }
}
