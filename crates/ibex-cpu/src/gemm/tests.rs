//! The product against plain loops in double precision: every path, view and epilogue.

use super::*;
use crate::testing::{assert_close, bits, numbers};

/// Odd and even sizes that reach every path: tiny, vector, direct, blocked by rows and columns,
/// several blocks of the inner dimension, split sums.
const SIZES: [(usize, usize, usize); 25] = [
    (1, 1, 1),
    (2, 3, 4),
    (1, 37, 100),
    (1, 300, 33),
    (41, 1, 77),
    (5, 7, 300),
    (3, 100, 65),
    (17, 31, 13),
    (14, 32, 8),
    (29, 65, 127),
    (128, 10, 512),
    (100, 60, 401),
    (33, 257, 129),
    (150, 70, 800),
    (70, 150, 800),
    (9, 20, 5000),
    (30, 33, 4500),
    (260, 40, 64),
    (64, 64, 64),
    (145, 290, 1100),
    (290, 145, 1100),
    (7, 1, 3),
    (77, 2, 70),
    (33, 3, 100),
    (19, 4, 8),
];

fn reference(sizes: (usize, usize, usize), a: &[f32], b: &[f32]) -> Vec<f64> {
    let (m, n, k) = sizes;
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for p in 0..k {
            for j in 0..n {
                c[i * n + j] += f64::from(a[i * k + p]) * f64::from(b[p * n + j]);
            }
        }
    }
    c
}

/// The matrix with `pad` unused floats after each row (or column, when `turned`), and its view.
fn lay(
    rows: usize,
    columns: usize,
    data: &[f32],
    turned: bool,
    pad: usize,
) -> (Vec<f32>, isize, isize) {
    let step = if turned { rows } else { columns } + pad;
    let mut memory = vec![f32::NAN; step * if turned { columns } else { rows }];
    for i in 0..rows {
        for j in 0..columns {
            memory[if turned { j * step + i } else { i * step + j }] = data[i * columns + j];
        }
    }
    let step = step.cast_signed();
    if turned { (memory, 1, step) } else { (memory, step, 1) }
}

fn run(
    sizes: (usize, usize, usize),
    a: View,
    b: View,
    threads: usize,
    epilogue: Epilogue,
    c: &mut [f32],
    c_row: usize,
) {
    let (m, n, k) = sizes;
    assert!(c.len() >= m.saturating_sub(1) * c_row + n);
    let pool = ThreadPool::new(threads);
    let product = Product { m, n, k, a, b, c: c.as_mut_ptr(), c_row, epilogue };
    // SAFETY: the tests pass views of memory of these sizes, and C is checked above.
    unsafe { gemm(&pool, &product) };
}

#[test]
fn products_match_plain_loops_in_every_layout_at_any_number_of_threads() {
    for (index, sizes) in SIZES.into_iter().enumerate() {
        let (m, n, k) = sizes;
        let a = numbers(m * k, index as u64 + 1);
        let b = numbers(k * n, index as u64 + 100);
        let expected = reference(sizes, &a, &b);
        for layout in 0..5 {
            let (a_turned, b_turned, pad) = [
                (false, false, 0),
                (true, false, 3),
                (false, true, 5),
                (true, true, 0),
                (false, false, 7),
            ][layout];
            let (a_data, row, column) = lay(m, k, &a, a_turned, pad);
            let a_view = View::Strided { data: a_data.as_ptr(), row, column };
            let (b_data, row, column) = lay(k, n, &b, b_turned, pad);
            let b_view = View::Strided { data: b_data.as_ptr(), row, column };
            let mut first: Option<Vec<u32>> = None;
            for threads in [1, 2, 3] {
                let mut c = vec![f32::NAN; m * n];
                run(sizes, a_view, b_view, threads, Epilogue::default(), &mut c, n);
                // Sums of k products of numbers below 1: the error grows like the root of k.
                let what = format!("{sizes:?} layout {layout} threads {threads}");
                assert_close(&c, &expected, 2e-6, &what);
                assert_eq!(*first.get_or_insert_with(|| bits(&c)), bits(&c), "{what}: bits");
            }
            let again = packed(sizes, a_view, b_view);
            assert!(again.is_none_or(|c| Some(bits(&c)) == first), "{sizes:?} layout {layout}");
        }
    }
    let (a, b) = (numbers(200 * 300, 1), numbers(300 * 100, 2));
    let views = (View::rows(a.as_ptr(), 300), View::rows(b.as_ptr(), 100));
    assert!(packed((200, 100, 300), views.0, views.1).is_some());
}

/// The product with B packed before; `None` if that is not done for these sizes.
fn packed((m, n, k): (usize, usize, usize), a: View, b: View) -> Option<Vec<f32>> {
    let pool = ThreadPool::new(2);
    let mut c = vec![f32::NAN; m * n];
    let epilogue = Epilogue::default();
    let product = Product { m, n, k, a, b, c: c.as_mut_ptr(), c_row: n, epilogue };
    // SAFETY: the tests pass views of memory of these sizes.
    unsafe {
        let packed = Packed::new(&pool, &product)?;
        gemm_packed(&pool, &product, Some(&packed));
    }
    Some(c)
}

#[test]
fn neither_unit_stride_is_needed() {
    let sizes = (40, 50, 60);
    let (m, n, k) = sizes;
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    let mut wide_a = vec![0.0; m * k * 2];
    let mut wide_b = vec![0.0; n * k * 3];
    a.iter().enumerate().for_each(|(index, &value)| wide_a[2 * index] = value);
    b.iter().enumerate().for_each(|(index, &value)| wide_b[3 * index] = value);
    let a_view = View::Strided { data: wide_a.as_ptr(), row: 2 * 60, column: 2 };
    let b_view = View::Strided { data: wide_b.as_ptr(), row: 3 * 50, column: 3 };
    let mut c = vec![0.0; m * n];
    run(sizes, a_view, b_view, 2, Epilogue::default(), &mut c, n);
    assert_close(&c, &reference(sizes, &a, &b), 2e-6, "scattered");
}

unsafe fn halve(x: *const f32, out: *mut f32, count: usize) {
    for index in 0..count {
        // SAFETY: called by the product on its own rows.
        unsafe { *out.add(index) = *x.add(index) * 0.5 };
    }
}

#[test]
fn the_epilogue_scales_accumulates_adds_the_bias_and_activates() {
    for (index, sizes) in SIZES.into_iter().enumerate() {
        let (m, n, k) = sizes;
        let (a, b) = (numbers(m * k, 7), numbers(k * n, 8));
        let c_row = n + index % 3;
        let old = numbers(m * c_row, 9);
        let bias = numbers(m.max(n), 10);
        let product = reference(sizes, &a, &b);
        for by_row in [false, true] {
            for activation in [Activation::None, Activation::Relu, Activation::Function(halve)] {
                let epilogue = Epilogue {
                    alpha: 0.25,
                    accumulate: true,
                    bias: if by_row {
                        Bias::Row(bias.as_ptr())
                    } else {
                        Bias::Column(bias.as_ptr())
                    },
                    activation,
                };
                let mut c = old.clone();
                let (a_view, b_view) = (View::rows(a.as_ptr(), k), View::rows(b.as_ptr(), n));
                run(sizes, a_view, b_view, 2, epilogue, &mut c, c_row);
                let mut expected: Vec<f64> = old.iter().map(|&x| f64::from(x)).collect();
                for i in 0..m {
                    for j in 0..n {
                        let place = &mut expected[i * c_row + j];
                        *place += 0.25 * product[i * n + j];
                        *place += f64::from(bias[if by_row { i } else { j }]);
                        *place = match activation {
                            Activation::None => *place,
                            Activation::Relu => place.max(0.0),
                            Activation::Function(_) => *place * 0.5,
                        };
                    }
                }
                assert_close(&c, &expected, 2e-6, &format!("{sizes:?} {activation:?}"));
            }
        }
    }
}

#[test]
fn an_empty_sum_is_zero_and_an_empty_result_is_nothing() {
    let mut c = vec![3.0; 6];
    let nothing = View::rows(std::ptr::null(), 0);
    run((2, 3, 0), nothing, nothing, 1, Epilogue::default(), &mut c, 3);
    assert_eq!(c, vec![0.0; 6]);
    run((0, 3, 2), nothing, nothing, 1, Epilogue::default(), &mut c, 3);
    run((3, 0, 2), nothing, nothing, 1, Epilogue::default(), &mut c, 0);
    assert_eq!(c, vec![0.0; 6]);
}

#[test]
fn a_batch_is_its_products_one_by_one() {
    let (m, n, k, batch) = (13, 21, 34, 9);
    let (a, b) = (numbers(batch * m * k, 1), numbers(k * n, 2));
    for threads in [1, 3] {
        let pool = ThreadPool::new(threads);
        let mut c = vec![0.0; batch * m * n];
        let product = Product {
            m,
            n,
            k,
            a: View::rows(a.as_ptr(), k),
            b: View::rows(b.as_ptr(), n),
            c: c.as_mut_ptr(),
            c_row: n,
            epilogue: Epilogue::default(),
        };
        let strides = BatchStrides { a: (m * k) as isize, b: 0, c: m * n };
        // SAFETY: the operands hold the batch.
        unsafe { gemm_batched(&pool, &product, batch, strides) };
        for index in 0..batch {
            let expected = reference((m, n, k), &a[index * m * k..], &b);
            assert_close(&c[index * m * n..][..m * n], &expected, 2e-6, "batch");
        }
    }
}

/// The matrix that windows stand for.
fn unfold(windows: &Windows, image: &[f32]) -> Vec<f32> {
    let mut rows = Vec::new();
    for b in 0..windows.batch {
        for od in 0..windows.output[0] {
            for oh in 0..windows.output[1] {
                for ow in 0..windows.output[2] {
                    for kd in 0..windows.kernel[0] {
                        for kh in 0..windows.kernel[1] {
                            for kw in 0..windows.kernel[2] {
                                let at = |axis: usize, o: usize, t: usize| {
                                    o as isize * windows.stride[axis]
                                        + t as isize * windows.dilation[axis]
                                        + windows.origin[axis]
                                };
                                let (d, h, w) = (at(0, od, kd), at(1, oh, kh), at(2, ow, kw));
                                let inside = [(d, 0), (h, 1), (w, 2)]
                                    .iter()
                                    .all(|&(x, axis)| x >= 0 && x < windows.input[axis] as isize);
                                for c in 0..windows.channels {
                                    let row = (b * windows.input[0]
                                        + d as usize * usize::from(inside))
                                        * windows.input[1]
                                        + h as usize * usize::from(inside);
                                    let pixel =
                                        row * windows.input[2] + w as usize * usize::from(inside);
                                    rows.push(if inside {
                                        image[pixel * windows.pixel + c]
                                    } else {
                                        0.0
                                    });
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    rows
}

#[test]
fn windows_of_images_are_the_matrix_they_stand_for() {
    for (channels, spare) in [(1, 0), (3, 1), (8, 0), (16, 0), (33, 2)] {
        let windows = Windows {
            batch: 2,
            input: [3, 9, 11],
            channels,
            pixel: channels + spare,
            output: [3, 5, 6],
            kernel: [2, 3, 3],
            stride: [1, 2, 2],
            dilation: [1, 1, 1],
            origin: [-1, -1, 0],
        };
        let backwards = Windows {
            output: [3, 9, 4],
            stride: [1, 1, 3],
            dilation: [-1, 2, -2],
            origin: [1, -2, 3],
            ..windows
        };
        for windows in [windows, backwards] {
            let image = numbers(2 * 3 * 9 * 11 * windows.pixel, 3);
            let matrix = unfold(&windows, &image);
            let (rows, columns) = (windows.positions(), windows.columns());
            let data = image.as_ptr();
            for threads in [1, 2] {
                // Forward: windows times a kernel.
                let n = 37;
                let kernel = numbers(columns * n, 4);
                let mut c = vec![0.0; rows * n];
                let (a, b) =
                    (View::Windows { data, windows: &windows }, View::rows(kernel.as_ptr(), n));
                run((rows, n, columns), a, b, threads, Epilogue::default(), &mut c, n);
                let expected = reference((rows, n, columns), &matrix, &kernel);
                assert_close(&c, &expected, 2e-6, &format!("windows, {channels} channels"));
                // Weight gradient: transposed windows times an output gradient.
                let gradient = numbers(rows * n, 5);
                let mut c = vec![0.0; columns * n];
                let a = View::WindowsTransposed { data, windows: &windows };
                let b = View::rows(gradient.as_ptr(), n);
                run((columns, n, rows), a, b, threads, Epilogue::default(), &mut c, n);
                let mut turned = vec![0.0; matrix.len()];
                for i in 0..rows {
                    for j in 0..columns {
                        turned[j * rows + i] = matrix[i * columns + j];
                    }
                }
                let expected = reference((columns, n, rows), &turned, &gradient);
                assert_close(&c, &expected, 2e-6, &format!("transposed, {channels} channels"));
            }
        }
    }
}

#[test]
fn long_sums_over_windows_are_cut_and_keep_their_bits() {
    let windows = Windows {
        batch: 6,
        input: [1, 28, 30],
        channels: 5,
        pixel: 5,
        output: [1, 28, 30],
        kernel: [1, 3, 3],
        stride: [1; 3],
        dilation: [1; 3],
        origin: [0, -1, -1],
    };
    let image = numbers(6 * 28 * 30 * 5, 1);
    let (rows, columns, n) = (windows.positions(), windows.columns(), 19);
    let gradient = numbers(rows * n, 2);
    let matrix = unfold(&windows, &image);
    let mut expected = vec![0.0; columns * n];
    for i in 0..rows {
        for j in 0..columns {
            for o in 0..n {
                expected[j * n + o] +=
                    f64::from(matrix[i * columns + j]) * f64::from(gradient[i * n + o]);
            }
        }
    }
    let mut first: Option<Vec<u32>> = None;
    for threads in [1, 2, 3] {
        let mut c = vec![0.0; columns * n];
        let a = View::WindowsTransposed { data: image.as_ptr(), windows: &windows };
        run(
            (columns, n, rows),
            a,
            View::rows(gradient.as_ptr(), n),
            threads,
            Epilogue::default(),
            &mut c,
            n,
        );
        assert_close(&c, &expected, 2e-6, "split sum");
        assert_eq!(*first.get_or_insert_with(|| bits(&c)), bits(&c));
    }
}

#[test]
fn double_precision_products_match() {
    let (m, n, k) = (7, 9, 11);
    let a: Vec<f64> = numbers(m * k, 1).into_iter().map(f64::from).collect();
    let b: Vec<f64> = numbers(k * n, 2).into_iter().map(f64::from).collect();
    let mut c = vec![0.0; m * n];
    let pool = ThreadPool::new(2);
    let a_view = View64 { data: a.as_ptr(), row: 11, column: 1 };
    let b_view = View64 { data: b.as_ptr(), row: 9, column: 1 };
    // SAFETY: the operands have these sizes.
    unsafe { gemm_f64(&pool, (m, n, k), a_view, b_view, c.as_mut_ptr(), n) };
    for i in 0..m {
        for j in 0..n {
            let expected: f64 = (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum();
            assert!((c[i * n + j] - expected).abs() < 1e-14);
        }
    }
}
