//! Operations against numbers that Keras 3.15.1 (JAX backend) gave for the same inputs.
//!
//! Inputs are the integers `pattern` makes, so that products and sums are exact in any order and
//! compared without a tolerance.

use ibex_graph::ops::window::Padding::{self, Same, Valid};
use ibex_graph::{Array, DType, Graph, Tensor, interpreter};

/// `(i * step + 3) % modulus - modulus / 2` for each flat index `i`.
fn pattern(shape: &[usize], modulus: usize, step: usize) -> Array {
    let size: usize = shape.iter().product();
    let value = |i: usize| ((i * step + 3) % modulus) as f64 - (modulus / 2) as f64;
    Array::from_f64_slice(DType::F32, shape, &(0..size).map(value).collect::<Vec<_>>())
}

fn input(shape: &[usize]) -> Tensor {
    Tensor::constant(pattern(shape, 11, 7))
}

fn kernel(shape: &[usize]) -> Tensor {
    Tensor::constant(pattern(shape, 7, 5))
}

fn values(tensor: &Tensor) -> Vec<f64> {
    let graph = Graph::new(&[], std::slice::from_ref(tensor), &[]).unwrap();
    interpreter::run(&graph, &[]).unwrap().outputs.remove(0).to_f64_vec()
}

#[track_caller]
fn check(tensor: &Tensor, shape: &[usize], expected: &[f64]) {
    assert_eq!(values(tensor), expected);
    assert_eq!(tensor.shape().dims(), shape);
}

/// For results that are not integers: Keras computed them in `float32`, rounding several times.
#[track_caller]
fn check_near(tensor: &Tensor, expected: &[f64]) {
    let found = values(tensor);
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 2e-6, "{found:?}\n{expected:?}");
    }
}

#[test]
fn convolutions() {
    let image = input(&[1, 4, 5, 2]).convolution(&kernel(&[3, 3, 2, 2]), &[2, 2], Same, &[1, 1], 1);
    let expected = [41., 41., -52., -56., 23., 35., 28., 12., -6., 40., 23., 2.];
    check(&image, &[1, 2, 3, 2], &expected);
    let groups =
        input(&[1, 3, 3, 4]).convolution(&kernel(&[2, 2, 2, 4]), &[1, 1], Valid, &[1, 1], 2);
    let expected =
        [4., 14., -24., 25., 4., -20., 16., -13., 4., -22., -14., -23., 4., -1., 4., -6.];
    check(&groups, &[1, 2, 2, 4], &expected);
    let line = input(&[1, 6, 2]).convolution(&kernel(&[3, 2, 2]), &[1], Same, &[2], 1);
    let expected = [4., 18., 4., -18., 8., -1., -5., 15., -9., -5., 3., 5.];
    check(&line, &[1, 6, 2], &expected);
    let volume = input(&[1, 3, 3, 2, 1]).convolution(
        &kernel(&[2, 2, 2, 1, 2]),
        &[1, 1, 1],
        Valid,
        &[1, 1, 1],
        1,
    );
    check(&volume, &[1, 2, 2, 1, 2], &[22., -1., -22., -7., 0., 14., -11., -14.]);
    let depthwise =
        input(&[1, 3, 4, 2]).depthwise_convolution(&kernel(&[2, 2, 2, 2]), &[1, 1], Same, &[1, 1]);
    let expected = [
        -5., 2., 4., 14., -23., 2., -11., -3., 3., 13., 7., -9., 6., -1., 13., -1., -11., 2., -23.,
        1., 4., -20., -5., -5., 19., -20., 13., -11., 4., 0., 17., -1., -3., -9., -14., -4., 5.,
        9., 1., -1., 2., 16., 16., 2., 0., 4., 15., 5.,
    ];
    check(&depthwise, &[1, 3, 4, 4], &expected);
}

/// Extent and depth of the input, kernel, stride, padding, output padding, dilation, result.
struct Case<'a>([usize; 2], [usize; 3], usize, Padding, Option<usize>, usize, &'a [f64]);

#[test]
fn transposed_convolutions() {
    let same = [-10., -1., -13., -4., 25., -7., 8., 2., -11., 16., -4., 8., -8., 4.];
    let long: &[f64] = &[0., 4., -6., -2., -10., 15., 5., 0., 0.];
    let cases = [
        Case([3, 2], [3, 2, 2], 2, Same, None, 1, &same[..12]),
        Case([3, 2], [3, 2, 2], 2, Valid, None, 1, &same),
        Case(
            [2, 2],
            [2, 2, 2],
            3,
            Valid,
            None,
            1,
            &[-10., -1., -13., -4., 0., 0., 6., 0., 8., 2., 0., 0.],
        ),
        Case([3, 2], [3, 2, 2], 2, Same, Some(1), 1, &same[..12]),
        Case([3, 2], [3, 2, 2], 2, Same, Some(0), 1, &same[2..12]),
        Case([2, 1], [4, 1, 1], 3, Valid, Some(1), 1, &long[..8]),
        Case([2, 1], [4, 1, 1], 3, Valid, Some(2), 1, long),
        Case([4, 1], [3, 1, 1], 1, Same, None, 2, &[4., -10., -8., 21.]),
        Case([2, 1], [2, 1, 1], 3, Same, None, 1, &[0., 4., 0., 0., -10., 0.]),
    ];
    for Case([extent, depth], window, stride, padding, extra, dilation, expected) in cases {
        let (x, k) = (input(&[1, extent, depth]), kernel(&window));
        let extra = extra.map(|extra| [extra]);
        let extra = extra.as_ref().map(|extra| extra.as_slice());
        let y = x.convolution_transpose(&k, &[stride], padding, extra, &[dilation]);
        check(&y, &[1, expected.len() / window[1], window[1]], expected);
    }
    let image = input(&[1, 2, 3, 1]).convolution_transpose(
        &kernel(&[4, 3, 1, 1]),
        &[2, 2],
        Same,
        None,
        &[1, 1],
    );
    let expected = [
        -2., 2., 11., -5., -14., -1., -4., 6., 5., -8., 4., 0., -9., 1., 30., 1., -14., 1., -6.,
        0., 14., 0., -8., 0.,
    ];
    check(&image, &[1, 4, 6, 1], &expected);
}

#[test]
fn pooling() {
    let largest = input(&[1, 3, 5, 2]).max_pool(&[2, 2], &[1, 2], Same);
    let expected = [5., 5., 4., 4., 3., -1., 5., 5., 4., 4., 3., 3., -2., 5., 4., 0., -4., 3.];
    check(&largest, &[1, 3, 3, 2], &expected);
    let mean = input(&[1, 3, 5, 1]).average_pool(&[2, 2], &[1, 2], Same);
    check(&mean, &[1, 3, 3, 1], &[-0.25, 0., -0.5, -1., 2., -4., 0., 3., -3.]);
    let mean = input(&[1, 5, 1]).average_pool(&[3], &[2], Same);
    check(&mean, &[1, 3, 1], &[1.5, 1., 0.5]);
}

#[test]
fn softmax_and_cross_entropy() {
    let logits = input(&[2, 4]) / 2.0;
    let softmax = [
        0.025507813319563866,
        0.8447027802467346,
        0.11431808769702911,
        0.015471271239221096,
        0.5681231617927551,
        0.0768871083855629,
        0.010405538603663445,
        0.3445841073989868,
    ];
    check_near(&logits.softmax(-1), &softmax);
    let log_softmax = [
        -3.6687705516815186,
        -0.16877047717571259,
        -2.1687705516815186,
        -4.1687703132629395,
        -0.5654170513153076,
        -2.5654170513153076,
        -4.565417289733887,
        -1.0654170513153076,
    ];
    check_near(&logits.log_softmax(-1), &log_softmax);
    let labels = Tensor::constant(Array::from_slice([2], &[1i32, 3]).unwrap());
    let loss = logits.sparse_softmax_cross_entropy(&labels);
    check_near(&loss, &[0.16877047717571259, 1.0654170513153076]);
}

#[test]
fn batch_and_layer_normalization() {
    let x = input(&[3, 2, 2]) / 4.0;
    let factor = |value| Tensor::full(DType::F32, [1, 1, 2], value);
    let [layer, _, _] = x.normalize(&factor(1.0), &factor(0.0), &[2], 1e-3);
    let expected = [
        -0.9993475675582886,
        0.9993476867675781,
        0.9980059862136841,
        -0.9980060458183289,
        0.9980059862136841,
        -0.9980059862136841,
        -0.9993475675582886,
        0.9993475675582886,
        0.9980060458183289,
        -0.9980058670043945,
        0.9980059862136841,
        -0.9980059862136841,
    ];
    check_near(&layer, &expected);
    let [batch, mean, variance] = x.normalize(&factor(1.0), &factor(0.0), &[0, 1], 1e-3);
    let expected = [
        -0.7550665140151978,
        1.545738697052002,
        0.3775332570075989,
        -0.772869348526001,
        1.5101330280303955,
        0.09660866856575012,
        -1.5101330280303955,
        0.9660866260528564,
        -0.3775332570075989,
        -1.3525214195251465,
        0.7550665140151978,
        -0.4830433428287506,
    ];
    check_near(&batch, &expected);
    check_near(&mean, &[0.0, -0.0833333358168602]);
    check_near(&variance, &[0.4375, 0.7430555820465088]);
}
