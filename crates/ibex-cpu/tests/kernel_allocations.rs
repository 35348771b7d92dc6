//! Kernels allocate nothing once their buffers have grown: counted by a global allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use ibex_cpu::conv::{
    Convolution, Weights, convolution, convolution_input_gradient, convolution_kernel_gradient,
};
use ibex_cpu::gemm::{Epilogue, Product, View, gemm};
use ibex_cpu::pool::ThreadPool;
use ibex_cpu::reduce::{Reduction, moments_of_columns, reduce, softmax};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(data, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// One of everything, large enough to pack, to cut sums into parts and to rearrange kernels.
fn everything(pool: &ThreadPool, x: &[f32], out: &mut [f32]) {
    let (x, out) = (x.as_ptr(), out.as_mut_ptr());
    let epilogue = Epilogue::default();
    let (m, n, k) = (150, 130, 300);
    let (a, b) = (View::rows(x, k), View::columns(x, k));
    let product = Product { m, n, k, a, b, c: out, c_row: n, epilogue };
    let shape = Convolution {
        batch: 4,
        input: [1, 32, 32],
        input_channels: 16,
        kernel: [1, 3, 3],
        output: [1, 16, 16],
        output_channels: 24,
        stride: [1, 2, 2],
        dilation: [1; 3],
        padding: [0; 3],
        groups: 1,
    };
    // SAFETY: both slices hold more floats than any of the shapes asks for.
    unsafe {
        gemm(pool, &product);
        gemm(pool, &Product { m: 20, n: 30, k: 3000, a: View::columns(x, 20), ..product });
        convolution(pool, &shape, (x, x, out), Weights::Changing, epilogue);
        convolution_kernel_gradient(pool, &shape, x, x, out, epilogue);
        convolution_input_gradient(pool, &shape, x, x, out);
        reduce(pool, Reduction::Sum, x, (1, 90_000, 1), out);
        reduce(pool, Reduction::Max, x, (1, 3000, 30), out);
        moments_of_columns(pool, x, 3000, 30, out, out.add(30));
        softmax(pool, x, 100, 10, out);
    }
}

#[test]
fn later_rounds_allocate_nothing() {
    let x = vec![0.5_f32; 1 << 17];
    let mut out = vec![0.0_f32; 1 << 17];
    for threads in [1, 2] {
        let pool = ThreadPool::new(threads);
        (0..20).for_each(|_| everything(&pool, &x, &mut out));
        let rounds_that_allocate = (0..50)
            .filter(|_| {
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                everything(&pool, &x, &mut out);
                ALLOCATIONS.load(Ordering::Relaxed) != before
            })
            .count();
        // A second thread may come too late for the first rounds, and grow its buffers then.
        assert!(rounds_that_allocate < threads, "{rounds_that_allocate} with {threads} threads");
    }
}
