//! The passes keep what each operation computes, on all samples of the table of operations:
//! with its inputs unknown, where it may be decomposed and simplified, and with them known, where
//! it may be folded.

use std::collections::HashMap;

use ibex_compile::passes::optimise;
use ibex_graph::interpreter::{Values, run_values};
use ibex_graph::op::{OPS, Sample};
use ibex_graph::{Graph, Op, Tensor};

fn graph(sample: &Sample, known: bool) -> Graph {
    let input = |values: &Values| match known {
        true => Tensor::constant(values.to_array()),
        false => Tensor::input("x", values.ty.dtype, values.shape()),
    };
    let inputs: Vec<Tensor> = sample.inputs.iter().map(input).collect();
    let result = Tensor::apply(sample.op.clone(), &inputs.iter().collect::<Vec<_>>());
    let arguments = if known { Vec::new() } else { inputs };
    Graph::new(&arguments, &result.siblings(), &[]).unwrap_or_else(|e| panic!("{e}"))
}

/// Folding rounds to `float32`, which the interpreter does not: 1e-6 is some units in the last
/// place; a decomposition may round a few times more than its operation.
fn check(sample: &Sample, known: bool) -> Graph {
    let before = graph(sample, known);
    let after = optimise(before.clone(), &|_, _| false);
    let inputs = if known { &[] } else { sample.inputs.as_slice() };
    let run = |graph| run_values(graph, inputs, &HashMap::new()).unwrap_or_else(|e| panic!("{e}"));
    let (want, got) = (run(&before).values, run(&after).values);
    assert_eq!(want.len(), got.len());
    for (want, got) in want.iter().zip(&got) {
        assert_eq!(want.ty, got.ty, "{}", sample.label);
        for (&a, &b) in want.data.iter().zip(&got.data) {
            // What does not fit `float32` folds to an infinity, as it would have run.
            let round = |x: f64| if known { f64::from(x as f32) } else { x };
            let (a, b) = (round(a), round(b));
            let same =
                a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-6 * a.abs().max(1.0);
            assert!(same, "{}: {a} became {b}\n{after}", sample.label);
        }
    }
    after
}

#[test]
fn every_sample_stays_the_same() {
    let (mut samples, mut folded) = (0, 0);
    for sample in OPS.iter().flat_map(|info| (info.samples)()) {
        check(&sample, false);
        let after = check(&sample, true);
        samples += 1;
        let leaf = |op: &Op| matches!(op, Op::Constant(_) | Op::Broadcast(_));
        folded += usize::from(after.nodes().iter().all(|node| leaf(&node.op)));
    }
    println!("{samples} samples, {folded} of them folded");
    assert!(folded * 10 > samples * 9, "only {folded} of {samples} folded");
}
