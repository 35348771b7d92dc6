//! The table test of the operations: every row of `OPS` with all its samples and mistakes.

use ibex_graph::check::GradientCheck;
use ibex_graph::interpreter::{Values, run_values};
use ibex_graph::op::{Info, Kind, OPS, Sample};
use ibex_graph::{Array, DType, Graph, Tensor, Type, gradients};

/// A step of 1e-5 in `f64` loses about 1e-11 to rounding and as much to curvature: samples lie
/// where higher derivatives stay below some hundreds.
/// The smallest gradients of a sample are about 1e-5, which leaves six digits to compare.
const STEP: f64 = 1e-5;
const GRADIENT_TOLERANCE: f64 = 1e-6;

/// Elements moved per input: enough to hit every corner of a sample, few enough for minutes.
const ELEMENTS: usize = 24;

fn samples() -> impl Iterator<Item = (&'static Info, Sample)> {
    OPS.iter().flat_map(|&info| (info.samples)().into_iter().map(move |sample| (info, sample)))
}

/// The sample with its floats as `float64`, so that constants of gradients are not rounded.
fn exact(inputs: &[Values]) -> Vec<Values> {
    let widen = |v: &Values| match v.ty.dtype.is_float() {
        true => Values::new(Type::new(DType::F64, v.shape()), v.data.clone()),
        false => v.clone(),
    };
    inputs.iter().map(widen).collect()
}

fn outputs_of(sample: &Sample, inputs: &[Tensor]) -> Vec<Tensor> {
    Tensor::apply(sample.op.clone(), &inputs.iter().collect::<Vec<_>>()).siblings()
}

/// The sum of all elements of the floating-point tensors, each with a weight of its own.
fn weighted_sum(tensors: &[Tensor]) -> Tensor {
    let mut total = Tensor::scalar(DType::F64, 0.0);
    for (salt, tensor) in tensors.iter().enumerate().filter(|(_, t)| t.dtype().is_float()) {
        let weights = Values::uniform(tensor.shape(), 0.5, 1.5, salt as u64 + 100);
        let weights = Array::from_f64_slice(DType::F64, tensor.shape(), &weights.data);
        total = total + (tensor.cast(DType::F64) * Tensor::constant(weights)).sum_all();
    }
    total
}

#[test]
fn inferred_types_are_produced() {
    let mut count = 0;
    for (info, sample) in samples() {
        let types: Vec<Type> = sample.inputs.iter().map(|v| v.ty.clone()).collect();
        let rule = sample.op.rule();
        let inferred = rule.infer(&types).unwrap_or_else(|e| panic!("{}: {e}", sample.label));
        let given: Vec<&Values> = sample.inputs.iter().collect();
        let produced = rule.reference(&given, &inferred);
        let types: Vec<Type> = produced.iter().map(|v| v.ty.clone()).collect();
        assert_eq!(types, inferred, "{}: {}", info.name, sample.label);
        for value in &produced {
            assert_eq!(value.data.len(), value.shape().size(), "{}: {}", info.name, sample.label);
            let integer = |x: &f64| x.fract() == 0.0;
            let fits = value.ty.dtype.is_float() || value.data.iter().all(integer);
            assert!(fits, "{}: {} gives fractions as integers", info.name, sample.label);
        }
        count += 1;
    }
    println!("{} rows, {count} samples", OPS.len());
}

#[test]
fn every_row_has_samples_and_its_mistakes_their_texts() {
    let mut count = 0;
    for info in OPS {
        assert!(!info.summary.is_empty(), "{} has no summary", info.name);
        let sampled = info.kind == Kind::Leaf || !(info.samples)().is_empty();
        assert!(sampled, "{} has no samples", info.name);
        for bad in (info.errors)() {
            match bad.op.rule().infer(&bad.inputs) {
                Ok(types) => panic!("{} {:?} gives {types:?}", bad.op, bad.inputs),
                Err(error) => assert_eq!(error.message(), bad.message, "{}", info.name),
            }
            count += 1;
        }
    }
    println!("{count} mistakes");
}

#[test]
fn gradients_match_central_differences() {
    let mut count = 0;
    for (info, sample) in samples().filter(|(_, s)| s.check_gradient) {
        let check = GradientCheck::new().epsilon(STEP).elements(ELEMENTS);
        let inputs = exact(&sample.inputs);
        let loss = |x: &[Tensor]| weighted_sum(&outputs_of(&sample, x));
        let report = check
            .function(&inputs, loss)
            .unwrap_or_else(|e| panic!("{}: {}: {e}", info.name, sample.label));
        let error = report.relative_error();
        let label = &sample.label;
        assert!(error < GRADIENT_TOLERANCE, "{}: {label}\n{report}", info.name);
        count += report.inputs.len();
    }
    println!("{count} first gradients");
}

#[test]
fn second_gradients_match_central_differences_of_the_first() {
    let mut count = 0;
    for (info, sample) in samples().filter(|(_, s)| s.check_gradient) {
        let check = GradientCheck::new().epsilon(STEP).elements(ELEMENTS);
        let squared_gradient = |x: &[Tensor]| {
            let floats: Vec<Tensor> = x.iter().filter(|t| t.dtype().is_float()).cloned().collect();
            let loss = weighted_sum(&outputs_of(&sample, x));
            let first = gradients(&loss, &floats)
                .unwrap_or_else(|e| panic!("{}: {}: {e}", info.name, sample.label));
            let squares: Vec<Tensor> = first.iter().flatten().map(Tensor::square).collect();
            weighted_sum(&squares)
        };
        let report = check
            .function(&exact(&sample.inputs), squared_gradient)
            .unwrap_or_else(|e| panic!("{}: {}: {e}", info.name, sample.label));
        let error = report.relative_error();
        let label = &sample.label;
        assert!(error < GRADIENT_TOLERANCE, "{}: {label}\n{report}", info.name);
        count += report.inputs.len();
    }
    println!("{count} second gradients");
}

#[test]
fn decompositions_match_the_reference() {
    let mut count = 0;
    for (info, sample) in samples() {
        let inputs = exact(&sample.inputs);
        let argument = |v: &Values| Tensor::input("x", v.ty.dtype, v.shape());
        let arguments: Vec<Tensor> = inputs.iter().map(argument).collect();
        let decomposed = sample.op.rule().decompose(&arguments);
        let library = info.kind == Kind::Library;
        assert_eq!(decomposed.is_some(), library, "{}: {}", info.name, sample.label);
        let Some(decomposed) = decomposed else { continue };
        let whole = outputs_of(&sample, &arguments);
        let run = |outputs: &[Tensor]| {
            let graph = Graph::new(&arguments, outputs, &[])
                .unwrap_or_else(|e| panic!("{}: {}: {e}", info.name, sample.label));
            let outcome = run_values(&graph, &inputs, &Default::default());
            outcome.unwrap_or_else(|e| panic!("{}: {}: {e}", info.name, sample.label)).values
        };
        let (want, have) = (run(&whole), run(&decomposed));
        assert_eq!(want.len(), have.len(), "{}: {}", info.name, sample.label);
        for (want, have) in want.iter().zip(&have) {
            assert_eq!(want.ty, have.ty, "{}: {}", info.name, sample.label);
            for (i, (a, b)) in want.data.iter().zip(&have.data).enumerate() {
                // The same formula in `f64` in another order of operations.
                let near = (a - b).abs() <= 1e-9 * (1.0 + a.abs()) || a == b;
                let same = near || (a.is_nan() && b.is_nan());
                assert!(same, "{}: {} at {i}: {a} and {b}", info.name, sample.label);
            }
        }
        count += 1;
    }
    println!("{count} decompositions");
}
