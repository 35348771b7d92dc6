//! A training step allocates nothing: an epoch of many steps allocates as often as one of few.

mod common;

use std::alloc::System;

use common::golden;
use ibex_graph::{Array, DType};
use ibex_train::{Fit, Model, Samples};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The number of allocations of one epoch of that many steps, once everything has its size.
///
/// The least of several epochs: a thread may meet the largest of its tasks for the first time at
/// any of them, and what it allocates then it keeps.
fn allocations(model: &mut Model, batches: usize) -> usize {
    let rows = batches * 4;
    let inputs = model.functional().inputs().iter().map(|input| {
        let shape = input.shape();
        let mut dims = shape.filled(1).to_vec();
        dims[0] = rows;
        Array::full(input.dtype(), dims, 0.5)
    });
    let x: Vec<Array> = inputs.collect();
    let y = vec![Array::zeros(DType::I32, [rows])];
    let samples = Samples { x, y, weights: Vec::new() };
    let fit = || Fit::new().batch_size(4).verbose(0);
    let epoch = |model: &mut Model| {
        let (samples, fit) = (samples.clone(), fit());
        let region = Region::new(ALLOCATOR);
        model.fit_samples(samples, fit).unwrap();
        let change = region.change();
        change.allocations + change.reallocations
    };
    (0..6).map(|_| epoch(model)).min().unwrap()
}

#[test]
fn a_step_allocates_nothing() {
    for name in ["mlp_sequential", "convnet_digits", "dropout"] {
        for threads in [1, 2] {
            let mut model = Model::load(golden(&format!("models/{name}.keras"))).unwrap();
            model.set_device(ibex_cpu::device(Some(threads)));
            let (few, many) = (allocations(&mut model, 10), allocations(&mut model, 200));
            assert_eq!(few, many, "{name} with {threads} threads");
        }
    }
}
