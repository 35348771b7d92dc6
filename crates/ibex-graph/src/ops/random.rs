//! Random numbers: one primitive, uniform, and the distributions made of it.
//!
//! Numbers are a pure function of a state (seed and step), the number of the stream and the
//! position, see [`crate::rng`]: the same for any number of threads and after a resume.
//! Who traces a program gives each place its own stream and counts the step up once per run.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::rng::Draw;
use crate::{DType, OpError, Shape, Tensor, Type};

/// State `int64 (2,)`, a seed below 2^53 and a step, to `float32` numbers of `shape` in `[0, 1)`,
/// multiples of 2^-24.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RandomUniform {
    /// The shape of the result.
    pub shape: Shape,
    /// The place in the program, different from all others.
    pub stream: u32,
}

impl Rule for RandomUniform {
    fn name(&self) -> &'static str {
        "random_uniform"
    }

    fn attributes(&self) -> String {
        format!("{}, stream {}", self.shape, self.stream)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [state] = expect_inputs(self.name(), inputs)?;
        let expected = Type::new(DType::I64, [2]);
        match *state == expected {
            true => Ok(vec![Type::new(DType::F32, &self.shape)]),
            false => Err(OpError::new(
                format!("`{}` takes a state of seed and step", self.name()),
                expected.to_string(),
                state.to_string(),
            )),
        }
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let word = |i: usize| inputs[0].data.get(i).map_or(0, |&value| value as i64 as u64);
        let draw = Draw::new(word(0), word(1), self.stream);
        let data = (0..self.shape.size()).map(|i| f64::from(draw.uniform(i as u64))).collect();
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::ZeroAlmostEverywhere
    }
}

/// Uniform `float32` numbers in `[low, high)`; `state` is `int64 (2,)`: seed and step.
///
/// Rounding may give `high` itself where the interval is wide. `keras.random.uniform`.
///
/// ```
/// use ibex_graph::{Array, Graph, Tensor, interpreter, ops::random};
///
/// let state = Tensor::constant(Array::from_slice([2], &[7i64, 0])?);
/// let draw = |stream| random::uniform(&state, [3], stream, 0.0, 1.0);
/// let graph = Graph::new(&[], &[draw(0), draw(1)], &[])?;
/// let out = interpreter::run(&graph, &[])?.outputs;
/// assert_ne!(out[0], out[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn uniform(
    state: &Tensor,
    shape: impl Into<Shape>,
    stream: u32,
    low: f64,
    high: f64,
) -> Tensor {
    let unit = Tensor::apply(RandomUniform { shape: shape.into(), stream }, &[state]);
    match (low, high) {
        (0.0, 1.0) => unit,
        (0.0, _) => unit * high,
        _ => unit * (high - low) + low,
    }
}

/// Normal `float32` numbers of mean 0 and variance 1, at most 5.4 from zero.
///
/// `keras.random.normal`.
#[track_caller]
pub fn normal(state: &Tensor, shape: impl Into<Shape>, stream: u32) -> Tensor {
    // The middle of each step of 2^-23 in (-1, 1): symmetric, exact in `float32`, never ±1, where
    // the inverse error function is infinite.
    let symmetric = uniform(state, shape, stream, 0.0, 2.0) - (1.0 - 2f64.powi(-24));
    symmetric.erfinv() * SQRT_2
}

/// Normal `float32` numbers of mean 0 and scale 1 that lie within two of zero.
///
/// Their variance is 0.774, which initializers make up for. `keras.random.truncated_normal`.
#[track_caller]
pub fn truncated_normal(state: &Tensor, shape: impl Into<Shape>, stream: u32) -> Tensor {
    // Twice the error function of 2 / sqrt(2): the probability of that interval.
    let edge = libm::erf(2.0 * FRAC_1_SQRT_2);
    let inside = uniform(state, shape, stream, -edge, edge).erfinv() * SQRT_2;
    // `float32` rounding may step over the edge by a few units in the last place.
    let (low, high) = (Tensor::scalar(DType::F32, -2.0), Tensor::scalar(DType::F32, 2.0));
    inside.maximum(&low).minimum(&high)
}

/// `bool` values that are true with the given probability.
///
/// `keras.random.binomial` with one trial.
#[track_caller]
pub fn bernoulli(state: &Tensor, shape: impl Into<Shape>, stream: u32, probability: f64) -> Tensor {
    let unit = uniform(state, shape, stream, 0.0, 1.0);
    unit.less(&Tensor::scalar(DType::F32, probability))
}

/// The numbers `0..count` in random order, `int32 (count,)`.
///
/// Gather rows by it to shuffle them. `keras.random.shuffle`.
#[track_caller]
pub fn permutation(state: &Tensor, count: usize, stream: u32) -> Tensor {
    uniform(state, [count], stream, 0.0, 1.0).arg_sort(0, false)
}

impl Described for RandomUniform {
    const INFO: Info = Info {
        name: "random_uniform",
        kind: Kind::Primitive,
        summary: "uniform random numbers, a function of seed, step, stream and position",
        samples: || {
            let sample = |label: &str, state: [f64; 2], shape: &[usize], stream| {
                let state = Values::new(Type::new(DType::I64, [2]), state.to_vec());
                Sample::new(label, RandomUniform { shape: shape.into(), stream }, vec![state])
            };
            vec![
                sample("matrix", [7.0, 3.0], &[3, 5], 1),
                sample("scalar", [7.0, 3.0], &[], 2),
                sample("nothing", [7.0, 3.0], &[0, 2], 3),
                sample("large seed and step", [9e15, 5e9], &[9], u32::MAX),
                sample("negative seed", [-1.0, 0.0], &[6], 0),
            ]
        },
        errors: || {
            vec![BadSample::new(
                RandomUniform { shape: [2].into(), stream: 0 },
                &[Type::new(DType::I32, [2])],
                "`random_uniform` takes a state of seed and step\n  expected  int64 (2,)\n  \
                 received  int32 (2,)",
            )]
        },
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Array, Graph, interpreter};

    fn draw(f: impl Fn(&Tensor) -> Tensor) -> Vec<f64> {
        let state = Tensor::constant(Array::from_slice([2], &[11i64, 4]).unwrap());
        let graph = Graph::new(&[], &[f(&state)], &[]).unwrap();
        interpreter::run(&graph, &[]).unwrap().outputs.remove(0).to_f64_vec()
    }

    /// The sample's moments of order 1, 2 and 4 and its largest absolute value.
    fn moments(values: &[f64]) -> [f64; 4] {
        let mean = |power| values.iter().map(|x| x.powi(power)).sum::<f64>() / values.len() as f64;
        [mean(1), mean(2), mean(4), values.iter().fold(0.0, |a, x| x.abs().max(a))]
    }

    // Bounds below are about four standard errors of each moment for this many draws.
    const COUNT: usize = 100_000;

    #[test]
    fn normal_numbers_have_the_moments_of_the_normal_distribution() {
        let [m1, m2, m4, largest] = moments(&draw(|s| normal(s, [COUNT], 0)));
        assert!(m1.abs() < 0.013 && (m2 - 1.0).abs() < 0.018 && (m4 - 3.0).abs() < 0.13);
        assert!(largest > 3.5 && largest < 5.5, "{largest}");
    }

    #[test]
    fn truncated_numbers_stay_within_two() {
        let [m1, m2, _, largest] = moments(&draw(|s| truncated_normal(s, [COUNT], 0)));
        // 1 - 2 · 2 · pdf(2) / (cdf(2) - cdf(-2)), Johnson and Kotz.
        assert!(m1.abs() < 0.012 && (m2 - 0.774_0).abs() < 0.012, "{m1} {m2}");
        assert!(largest <= 2.0 && largest > 1.99, "{largest}");
    }

    #[test]
    fn uniform_and_bernoulli_numbers_keep_their_bounds() {
        let values = draw(|s| uniform(s, [COUNT], 0, -3.0, 1.0));
        let [m1, _, _, _] = moments(&values);
        assert!((m1 + 1.0).abs() < 0.015, "{m1}");
        assert!(values.iter().all(|x| (-3.0..1.0).contains(x)));
        let [rate, _, _, _] = moments(&draw(|s| bernoulli(s, [COUNT], 0, 0.3)));
        assert!((rate - 0.3).abs() < 0.006, "{rate}");
        assert_eq!(moments(&draw(|s| bernoulli(s, [100], 0, 0.0)))[0], 0.0);
        assert_eq!(moments(&draw(|s| bernoulli(s, [100], 0, 1.0)))[0], 1.0);
    }
    #[test]
    fn a_permutation_holds_each_number_once() {
        let order = draw(|s| permutation(s, 1000, 0));
        let fixed = (0..1000).filter(|&i| order[i] == i as f64).count();
        // One on the average, Poisson: more than 9 once in ten million.
        assert!(fixed < 10, "{fixed}");
        let mut sorted = order;
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.into_iter().eq((0..1000).map(f64::from)));
    }
}
