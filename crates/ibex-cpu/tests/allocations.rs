//! After the first runs a program allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use ibex_graph::{Array, DType, Graph, Tensor, Variable, gradients};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is handed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(data, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_run_allocates_nothing() {
    let x = Tensor::input("x", DType::F32, [64, 200]);
    let w = Variable::new("w", Array::full(DType::F32, [200, 300], 0.01));
    let b = Variable::new("b", Array::zeros(DType::F32, [300]));
    let reads = [Tensor::read(&w), Tensor::read(&b)];
    let loss = (x.matmul(&reads[0]) + &reads[1]).tanh().softmax(-1).square().mean_all();
    let grads = gradients(&loss, &reads).unwrap();
    let updates: Vec<(Variable, Tensor)> = [w, b]
        .into_iter()
        .zip(reads.iter().zip(grads))
        .map(|(variable, (read, grad))| (variable, read - grad.unwrap() * 0.1))
        .collect();
    let graph = Graph::new(&[x], &[loss], &updates).unwrap();
    let batch = Array::full(DType::F32, [64, 200], 0.5);
    for threads in [1, 2] {
        let device = ibex_cpu::device(Some(threads));
        let mut executable = device.compile(graph.clone()).unwrap();
        // Every thread must have met every kernel once, and which thread does is left to chance.
        for _ in 0..200 {
            executable.run(&[&batch]).unwrap();
        }
        let before = COUNT.load(Ordering::Relaxed);
        for _ in 0..20 {
            executable.run(&[&batch]).unwrap();
        }
        assert_eq!(COUNT.load(Ordering::Relaxed) - before, 0, "{threads} threads");
    }
}
