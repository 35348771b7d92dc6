//! Fused regions and products of all sizes against the interpreter, and with one, two and three
//! threads bit for bit.

use ibex_graph::interpreter::{self, Values};
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::{Array, DType, Graph, Tensor};

/// Rounding of `float32`: sums of thousands of terms, in blocks.
const TOLERANCE: f64 = 1e-5;

#[track_caller]
fn check(what: &str, inputs: &[(&[usize], u64)], f: impl Fn(&[Tensor]) -> Vec<Tensor>) {
    let arrays: Vec<Array> = inputs
        .iter()
        .map(|&(shape, salt)| Values::uniform(shape, -1.0, 1.0, salt).to_array())
        .collect();
    let leaves: Vec<Tensor> =
        inputs.iter().map(|(shape, _)| Tensor::input("x", DType::F32, *shape)).collect();
    let graph = Graph::new(&leaves, &f(&leaves), &[]).unwrap();
    let expected = interpreter::run(&graph, &arrays).unwrap().values;
    let found = [1, 2, 3].map(|threads| {
        let mut executable = ibex_cpu::device(Some(threads)).compile(graph.clone()).unwrap();
        let arrays: Vec<&Array> = arrays.iter().collect();
        executable.run(&arrays).unwrap();
        let first = executable.outputs().to_vec();
        executable.run(&arrays).unwrap();
        assert_eq!(first, executable.outputs(), "{what}: a second run");
        first
    });
    for (output, (found, expected)) in found[0].iter().zip(&expected).enumerate() {
        let scale = expected.data.iter().fold(1f64, |a, b| a.max(b.abs()));
        for (i, (a, b)) in found.to_f64_vec().iter().zip(&expected.data).enumerate() {
            let near = (a - b).abs() <= TOLERANCE * scale;
            assert!(near, "{what}: output {output} [{i}] is {a}, expected {b}");
        }
    }
    assert_eq!(found[0], found[1], "{what}: two threads");
    assert_eq!(found[0], found[2], "{what}: three threads");
}

#[test]
fn reductions_of_all_sizes_along_all_axes() {
    let shapes: [&[usize]; 10] = [
        &[40_000],
        &[3, 5000],
        &[5000, 3],
        &[300, 2100],
        &[2, 40_000],
        &[40_000, 2],
        &[9, 3, 900],
        &[70, 40, 9],
        &[5, 1, 2100, 1],
        &[17, 13, 11, 7],
    ];
    for shape in shapes {
        let rank = shape.len();
        for set in 1..1usize << rank {
            let axes: Vec<usize> = (0..rank).filter(|axis| set >> axis & 1 == 1).collect();
            check(&format!("{shape:?} along {axes:?}"), &[(shape, 1), (shape, 2)], |x| {
                let y = &x[0] * 0.5 + x[1].tanh();
                let more = y.greater(&x[1]).select(&y, &x[0].exp());
                let any = y.greater(&x[0]).any(&axes, false).cast(DType::F32);
                vec![y.sum(&axes, false), more.max(&axes, true), more, any]
            });
        }
    }
}

#[test]
fn reductions_around_a_kept_axis() {
    for (shape, axes) in [
        (&[16, 64, 4, 4][..], &[1, 3][..]),
        (&[3, 40, 30, 3, 5], &[1, 2, 4]),
        (&[40, 2, 50, 5, 3], &[0, 2, 4]),
        (&[2, 700, 6, 3, 2], &[1, 3]),
    ] {
        check(&format!("{shape:?} along {axes:?}"), &[(shape, 1), (shape, 2)], |x| {
            let mean = x[0].mean(axes, true);
            let centred = &x[0] - &mean;
            let variance = centred.square().mean(axes, true);
            let normal = centred * (variance + 1e-3).rsqrt();
            vec![(&normal * &x[1]).sum(axes, false), x[1].max(axes, true), normal]
        });
    }
}

#[test]
fn concatenations_of_rows_of_all_lengths() {
    let cases: [(&[&[usize]], isize); 5] = [
        (&[&[900, 1], &[900, 2], &[900, 4], &[900, 8], &[900, 16], &[900, 7]], 1),
        (&[&[3000, 64], &[3000, 3]], 1),
        (&[&[70_000], &[3], &[0], &[140_000]], 0),
        (&[&[2, 70_000], &[2, 11], &[2, 66_000]], 1),
        (&[&[0, 3], &[0, 2]], 1),
    ];
    for (shapes, axis) in cases {
        let inputs: Vec<(&[usize], u64)> = shapes.iter().copied().zip(1..).collect();
        check(&format!("{shapes:?}"), &inputs, |x| vec![concatenate(x, axis)]);
    }
}

#[test]
fn products_of_all_sizes_with_all_endings() {
    let sizes = [(1, 1, 1), (1, 300, 40), (5, 7, 3), (33, 1, 17), (64, 129, 65), (130, 40, 300)];
    for (m, k, n) in sizes {
        let inputs: [(&[usize], u64); 3] = [(&[m, k], 1), (&[k, n], 2), (&[n], 3)];
        check(&format!("{m} {k} {n}"), &inputs, |x| {
            let y = || x[0].matmul(&x[1]);
            let shared = y() + &x[2];
            vec![
                (y() + &x[2]).relu(),
                (&x[2] + y()).sigmoid(),
                (y() + &x[2]).tanh().reshape([m * n]),
                y().relu(),
                y() + &x[2] * 2.0,
                &shared * shared.sigmoid(),
                // Not a bias: a column.
                y() + x[0].sum(&[1], true),
            ]
        });
    }
}

#[test]
fn convolutions_with_endings() {
    use ibex_graph::ops::window::Padding;
    for (groups, filters) in [(1, 6), (2, 6), (4, 4)] {
        let kernel = [3, 3, 4 / groups, filters];
        let inputs: [(&[usize], u64); 3] = [(&[2, 9, 8, 4], 1), (&kernel, 2), (&[filters], 3)];
        check(&format!("{groups} groups"), &inputs, |x| {
            let y = x[0].convolution(&x[1], &[2, 1], Padding::Same, &[1, 1], groups) + &x[2];
            vec![y.relu(), y.tanh().sum(&[0, 1, 2], false)]
        });
    }
}

#[test]
fn views_of_views_reach_every_kernel() {
    check("views", &[(&[6, 10, 8], 1), (&[8, 10, 6], 2)], |x| {
        let a = x[0].transpose(&[2, 1, 0]).flip(&[1]);
        let b = a.strided_slice(&[1, 0, 0], &[8, 10, 6], &[2, 3, 1]);
        let c = b.reshape([4, 24]);
        let d = x[1].sum(&[1], true).broadcast_to([8, 10, 6]);
        vec![
            &a + &x[1],
            a.matmul(&x[1].matrix_transpose()),
            c.matmul(&c.matrix_transpose().flip(&[0])).sum(&[0], false),
            b.softmax(1),
            &d * a.flip(&[0, 2]),
            d.sum(&[0, 2], false),
            x[0].reshape([60, 8]).transpose(&[1, 0]).reshape([8, 6, 10]).exp(),
        ]
    });
}

#[test]
fn rows_that_repeat_are_read_where_they_lie() {
    let inputs: [(&[usize], u64); 4] =
        [(&[5, 6, 2100], 1), (&[2100], 2), (&[6, 2100], 3), (&[5, 1, 1], 4)];
    check("rows", &inputs, |x| {
        let y = (&x[0] - &x[1]) * &x[2] + &x[3];
        vec![y.tanh(), y.sum(&[0], false), y.sum(&[2], true), y.max(&[0, 1], false), y.sum_all()]
    });
    let inputs: [(&[usize], u64); 3] = [(&[90, 130], 1), (&[130], 2), (&[90, 1], 3)];
    check("short rows", &inputs, |x| {
        let y = (&x[0] - &x[1]).exp() * &x[2];
        vec![y.sum(&[0], false), y.sum(&[1], true), y, x[1].exp() + &x[0]]
    });
}

#[test]
fn short_rows_repeat_over_many_tasks() {
    for (rows, width) in [(14_000, 3), (700, 64), (310, 130), (41, 1000), (40, 1023), (40, 1024)] {
        let inputs: [(&[usize], u64); 4] =
            [(&[rows, width], 1), (&[width], 2), (&[width], 3), (&[rows, 1], 4)];
        check(&format!("{rows} rows of {width}"), &inputs, |x| {
            let y = (&x[0] - &x[1]) * &x[2] + &x[3];
            let mask = x[1].greater(&x[2]).broadcast_to([rows, width]);
            let chosen = mask.select(&y, &x[0]);
            vec![y.tanh(), y.sum(&[0], false), y.sum(&[1], true), chosen.sum(&[0], false), chosen]
        });
    }
    let inputs: [(&[usize], u64); 3] = [(&[200, 6, 64], 1), (&[6, 64], 2), (&[64], 3)];
    check("rows within rows", &inputs, |x| {
        let y = (&x[0] - &x[1]) * &x[2];
        vec![y.sum(&[0, 1], false), y.max(&[1], false), y.exp()]
    });
}

#[test]
fn gradients_of_poolings_join_sums() {
    use ibex_graph::ops::window::Padding;
    let cases: [(&[usize], usize, usize, Padding); 7] = [
        (&[3, 34, 38, 16], 2, 2, Padding::Valid),
        (&[2, 33, 37, 9], 2, 2, Padding::Valid),
        (&[2, 33, 37, 8], 2, 2, Padding::Same),
        (&[2, 31, 29, 19], 3, 2, Padding::Same),
        (&[1, 40, 41, 24], 3, 1, Padding::Valid),
        (&[2, 50, 50, 10], 2, 3, Padding::Valid),
        // One channel, whose windows hand their gradients on themselves.
        (&[2, 50, 50, 1], 2, 2, Padding::Valid),
    ];
    for (shape, window, stride, padding) in cases {
        let label = format!("{shape:?}, window {window}, stride {stride}, {padding:?}");
        check(&label, &[(shape, 1), (&shape[3..], 2)], |x| {
            let y = (&x[0] * &x[1]).relu();
            let pooled = y.max_pool(&[window; 2], &[stride; 2], padding);
            let loss = (&pooled * pooled.exp()).sum_all();
            let found = ibex_graph::gradients(&loss, x).unwrap();
            let [dx, dscale]: [Tensor; 2] =
                found.into_iter().flatten().collect::<Vec<_>>().try_into().unwrap();
            // Sums along axes before and after those that are kept, and an order of its own.
            let turned = dx.transpose(&[3, 1, 0, 2]);
            vec![dscale, dx.sum(&[1], false), dx.sum(&[0, 1, 2], false), turned, &dx * &x[0]]
        });
    }
}
