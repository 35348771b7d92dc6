//! Initializers against real Keras: exact values, or the moments of the distribution.

mod common;

use common::{assert_close, goldens, name};
use ibex_graph::Shape;
use ibex_nn::initializers::{Identity, Initializer, Orthogonal, Seeds};
use ibex_nn::instance::{Instance, WeightSpec};
use ibex_nn::layer::{Base, Layer};
use serde_json::Value;

fn shape(case: &Value) -> Shape {
    let dims = case["shape"].as_array().unwrap().iter();
    Shape::from(dims.map(|d| d.as_u64().unwrap() as usize).collect::<Vec<usize>>())
}

#[test]
fn exact_values_are_those_of_keras() {
    let goldens = goldens("initializers");
    let exact = goldens.cases.iter().filter(|case| case["exact"] == true);
    for case in exact {
        let name = name(case);
        // Keras forgets the gain in the configuration.
        let initializer = match name.contains("identity_gain") {
            true => {
                let expected = goldens.get(&format!("{name}.value")).to_f64_vec();
                Identity::new(expected[0]).into()
            }
            false => Initializer::from_value(&case["object"]).unwrap(),
        };
        let value = initializer.initialize(&shape(case), &mut Seeds::new(1));
        assert_close(name, &value, &goldens.get(&format!("{name}.value")), 1e-6);
    }
}

#[test]
fn moments_are_those_of_keras() {
    let goldens = goldens("initializers");
    let mut count = 0;
    for case in goldens.cases.iter().filter(|case| case["exact"] == false) {
        let (name, shape) = (name(case), shape(case));
        let initializer = Initializer::from_value(&case["object"]).unwrap();
        let mut seeds = Seeds::new(7);
        let repeats = 200_000usize.div_ceil(shape.size());
        let draw = |_| initializer.initialize(&shape, &mut seeds).to_f64_vec();
        let mut all: Vec<f64> = (0..repeats).flat_map(draw).collect();
        let n = all.len() as f64;
        let mean = all.iter().sum::<f64>() / n;
        let variance = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        let expected = goldens.get(&format!("{name}.moments")).to_f64_vec();
        let theirs = goldens.get(&format!("{name}.count")).to_f64_vec()[0];
        // Five standard errors of the difference of two estimates.
        let bound = 5.0 * (expected[1] / n + expected[1] / theirs).sqrt();
        assert!((mean - expected[0]).abs() <= bound, "{name}: mean {mean}, {expected:?}");
        // The standard error of a variance is at most sqrt(2 / n) of it for these distributions.
        let bound = 5.0 * (2.0 / n + 2.0 / theirs).sqrt() * expected[1];
        assert!((variance - expected[1]).abs() <= bound, "{name}: {variance}, {expected:?}");
        all.sort_by(f64::total_cmp);
        let deciles = goldens.get(&format!("{name}.deciles")).to_f64_vec();
        for (i, decile) in deciles.iter().enumerate() {
            let own = all[((i + 1) as f64 * n / 10.0) as usize];
            // Deciles of both samples are uncertain by sqrt(0.25 / n) over the density, which is
            // at least 0.15 standard deviations here.
            let bound = 5.0 * (0.25 / n + 0.25 / theirs).sqrt() / 0.15 * expected[1].sqrt();
            assert!((own - decile).abs() <= bound, "{name}: decile {i} {own}, not {decile}");
        }
        count += 1;
    }
    assert!(count > 20, "{count} distributions");
}

#[test]
fn truncated_numbers_stay_within_two_deviations() {
    let truncated: Initializer = "truncated_normal".parse().unwrap();
    let values = truncated.initialize(&Shape::from([100_000]), &mut Seeds::new(3)).to_f64_vec();
    let largest = values.iter().fold(0f64, |largest, v| largest.max(v.abs()));
    assert!(largest <= 0.1 && largest > 0.0995, "{largest}");
}

#[test]
fn orthogonal_matrices_are_orthogonal() {
    for dims in [[6, 6], [4, 9], [9, 4]] {
        let q = Orthogonal::new(1.5);
        let q = Initializer::from(q).initialize(&Shape::from(dims), &mut Seeds::new(2));
        let (values, [rows, columns]) = (q.to_f64_vec(), dims);
        let at = |i: usize, j: usize| values[i * columns + j];
        let short = rows.min(columns);
        for (i, j) in (0..short).flat_map(|i| (0..short).map(move |j| (i, j))) {
            let product: f64 = match rows < columns {
                true => (0..columns).map(|k| at(i, k) * at(j, k)).sum(),
                false => (0..rows).map(|k| at(k, i) * at(k, j)).sum(),
            };
            let expected = if i == j { 2.25 } else { 0.0 };
            // `float32` values: a few units in the last place.
            assert!((product - expected).abs() < 1e-6, "{dims:?} {i} {j} {product}");
        }
    }
}

#[test]
fn an_own_seed_gives_the_same_numbers_whatever_the_model_s() {
    let own = serde_json::json!({"class_name": "HeNormal", "config": {"seed": 3}});
    let own = Initializer::from_value(&own).unwrap();
    let (shape, mut a, mut b) = (Shape::from([3, 2]), Seeds::new(1), Seeds::new(2));
    assert_eq!(own.initialize(&shape, &mut a), own.initialize(&shape, &mut b));
    let free: Initializer = "he_normal".parse().unwrap();
    assert_ne!(free.initialize(&shape, &mut a), free.initialize(&shape, &mut a));
}

/// A layer whose only weight is a vector.
#[derive(Clone, Debug, Default, serde::Serialize)]
struct Vector {
    initializer: Option<Initializer>,
    #[serde(skip)]
    base: Base,
}

impl Layer for Vector {
    ibex_nn::layer_facts!(Vector);

    fn build(
        &self,
        build: &mut ibex_nn::Build<'_>,
        _: &[ibex_nn::PartialType],
    ) -> Result<(), ibex_nn::ConfigError> {
        let initializer = self.initializer.clone().unwrap_or_else(|| Orthogonal::new(1.0).into());
        build.weight(WeightSpec::new("v", [4], initializer));
        Ok(())
    }

    fn forward(
        &self,
        call: &mut ibex_nn::Call<'_>,
        inputs: &[ibex_graph::Tensor],
    ) -> Vec<ibex_graph::Tensor> {
        vec![&inputs[0] + call.weight("v")]
    }
}

#[test]
fn a_vector_cannot_be_orthogonal() {
    let input = ibex_nn::layers::Input::new([4]).layer().ty();
    let error = Instance::of(&Vector::default().shared(), &[input]).unwrap_err().to_string();
    assert_eq!(
        error,
        "`Orthogonal` initializes matrices\n  expected  a weight of at least two axes\n  \
         received  a weight of shape (4,)"
    );
}
