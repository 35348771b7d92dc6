//! Reductions against plain loops in double precision, at several numbers of threads.

use super::*;
use crate::testing::{assert_close, bits, numbers};

const SHAPES: [(usize, usize, usize); 12] = [
    (1, 1, 1),
    (3, 10, 1),
    (7, 1000, 1),
    (2, 100_001, 1),
    (300, 257, 1),
    (1, 128, 512),
    (1, 50_000, 64),
    (1, 70_000, 3),
    (4, 65, 33),
    (2, 3, 1500),
    (0, 5, 3),
    (2, 0, 3),
];

#[test]
fn reductions_match_plain_loops_at_any_number_of_threads() {
    for shape in SHAPES {
        let (outer, size, inner) = shape;
        let x: Vec<f32> = numbers(outer * size * inner, 1).into_iter().map(|x| x + 0.5).collect();
        for reduction in
            [Reduction::Sum, Reduction::Mean, Reduction::Product, Reduction::Max, Reduction::Min]
        {
            let mut expected = Vec::new();
            for o in 0..outer {
                for i in 0..inner {
                    let values = (0..size).map(|p| f64::from(x[(o * size + p) * inner + i]));
                    expected.push(match reduction {
                        Reduction::Sum => values.sum(),
                        Reduction::Mean => values.sum::<f64>() / size as f64,
                        Reduction::Product => values.product(),
                        Reduction::Max => values.fold(f64::NEG_INFINITY, f64::max),
                        Reduction::Min => values.fold(f64::INFINITY, f64::min),
                    });
                }
            }
            let mut first: Option<Vec<u32>> = None;
            for threads in [1, 2, 3] {
                let pool = ThreadPool::new(threads);
                let mut out = vec![f32::NAN; outer * inner];
                // SAFETY: the vectors have these lengths.
                unsafe { reduce(&pool, reduction, x.as_ptr(), shape, out.as_mut_ptr()) };
                if size > 0 {
                    // Blocks of a thousand in single precision.
                    assert_close(&out, &expected, 1e-6, &format!("{reduction:?} {shape:?}"));
                } else if reduction == Reduction::Mean {
                    assert!(out.iter().all(|value| value.is_nan()));
                } else {
                    assert!(out.iter().zip(&expected).all(|(&a, &b)| f64::from(a) == b));
                }
                assert_eq!(*first.get_or_insert_with(|| bits(&out)), bits(&out), "{shape:?}");
            }
        }
    }
}

#[test]
fn extremes_of_values_with_a_nan_are_nan() {
    let pool = ThreadPool::new(1);
    for (outer, size, inner) in [(1, 100, 1), (1, 9, 1), (1, 20, 5)] {
        let mut x = numbers(size * inner, 1);
        x[3 * inner] = f32::NAN;
        for reduction in [Reduction::Max, Reduction::Min] {
            let mut out = vec![0.0; inner];
            // SAFETY: the vectors have these lengths.
            unsafe { reduce(&pool, reduction, x.as_ptr(), (outer, size, inner), out.as_mut_ptr()) };
            assert!(out[0].is_nan());
        }
    }
}

#[test]
fn a_sum_of_many_equal_values_keeps_its_digits() {
    let x = vec![0.1_f32; 10_000_000];
    let mut out = [0.0];
    let pool = ThreadPool::new(2);
    // SAFETY: one row of that length.
    unsafe { reduce(&pool, Reduction::Sum, x.as_ptr(), (1, x.len(), 1), out.as_mut_ptr()) };
    assert!((f64::from(out[0]) - 1e7 * f64::from(0.1_f32)).abs() < 1.0);
}

#[test]
fn moments_survive_a_large_mean() {
    for (rows, columns) in [(1, 7), (5, 1), (300, 70), (9000, 64), (20, 900)] {
        let x: Vec<f32> = numbers(rows * columns, 2).into_iter().map(|x| x + 1000.0).collect();
        let exact = |values: Vec<f64>| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
            (mean, squares / values.len() as f64)
        };
        let by_rows: (Vec<f64>, Vec<f64>) = (0..rows)
            .map(|i| exact((0..columns).map(|j| f64::from(x[i * columns + j])).collect()))
            .unzip();
        let by_columns: (Vec<f64>, Vec<f64>) = (0..columns)
            .map(|j| exact((0..rows).map(|i| f64::from(x[i * columns + j])).collect()))
            .unzip();
        let mut first: Option<Vec<u32>> = None;
        for threads in [1, 2, 3] {
            let pool = ThreadPool::new(threads);
            let (mut mean, mut variance) = (vec![0.0; rows], vec![0.0; rows]);
            let (m, v) = (mean.as_mut_ptr(), variance.as_mut_ptr());
            // SAFETY: the vectors have these lengths.
            unsafe { moments_of_rows(&pool, x.as_ptr(), rows, columns, m, v) };
            assert_close(&mean, &by_rows.0, 1e-6, "mean of rows");
            // The mean is rounded to 3e-5, whose square is what the variance may be off.
            assert_close(&variance, &by_rows.1, 2e-6, "variance of rows");
            let (mut mean, mut variance) = (vec![0.0; columns], vec![0.0; columns]);
            let (m, v) = (mean.as_mut_ptr(), variance.as_mut_ptr());
            // SAFETY: the vectors have these lengths.
            unsafe { moments_of_columns(&pool, x.as_ptr(), rows, columns, m, v) };
            assert_close(&mean, &by_columns.0, 1e-6, "mean of columns");
            assert_close(&variance, &by_columns.1, 2e-6, "variance of columns");
            let all = [bits(&mean), bits(&variance)].concat();
            assert_eq!(*first.get_or_insert_with(|| all.clone()), all);
        }
    }
}

#[test]
fn softmax_and_its_logarithm_match_with_their_gradients() {
    let pool = ThreadPool::new(2);
    for (rows, columns) in [(1, 1), (4, 10), (3, 100), (700, 33)] {
        let x: Vec<f32> = numbers(rows * columns, 3).into_iter().map(|x| x * 30.0).collect();
        let dy = numbers(rows * columns, 4);
        let mut expected: [Vec<f64>; 4] = Default::default();
        for (x, dy) in x.chunks(columns).zip(dy.chunks(columns)) {
            let largest = x.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(f64::from(b)));
            let sum: f64 = x.iter().map(|&x| (f64::from(x) - largest).exp()).sum();
            let logs: Vec<f64> = x.iter().map(|&x| f64::from(x) - largest - sum.ln()).collect();
            let dot: f64 = logs.iter().zip(dy).map(|(l, &d)| l.exp() * f64::from(d)).sum();
            let total: f64 = dy.iter().map(|&d| f64::from(d)).sum();
            for (log, &dy) in logs.iter().zip(dy) {
                expected[0].push(log.exp());
                expected[1].push(*log);
                expected[2].push(log.exp() * (f64::from(dy) - dot));
                expected[3].push(f64::from(dy) - log.exp() * total);
            }
        }
        let mut found = [0, 1, 2, 3].map(|_| vec![0.0; rows * columns]);
        let [y, log, dx, dlog] = &mut found;
        // SAFETY: the vectors have these lengths.
        unsafe {
            softmax(&pool, x.as_ptr(), rows, columns, y.as_mut_ptr());
            log_softmax(&pool, x.as_ptr(), rows, columns, log.as_mut_ptr());
            softmax_backward(&pool, y.as_ptr(), dy.as_ptr(), rows, columns, dx.as_mut_ptr());
            let (log, dlog) = (log.as_ptr(), dlog.as_mut_ptr());
            log_softmax_backward(&pool, log, dy.as_ptr(), rows, columns, dlog);
        }
        for (found, expected) in found.iter().zip(&expected) {
            // A logarithm of size 60 is off by 4e-6, and the exponential carries that over.
            assert_close(found, expected, 5e-6, "softmax family");
        }
    }
}
