//! Pooling along one to three spatial axes, channels last: maxima, sums and averages of windows.
//!
//! Padding never wins and never counts.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::ops::along_axis::AddAlongAxis;
use crate::ops::max_pool_gradient::MaxPoolGradient;
use crate::ops::window::{Padding, Window, for_each_tap, positions};
use crate::{Array, DType, OpError, Shape, Tensor, Type};

/// An element asks up to so many windows for its gradient; where more cover it, each window adds
/// its gradient to the element it chose.
const FEW_WINDOWS: usize = 9;
/// So do windows of fewer channels, which are not worth looking at together.
const FEW_CHANNELS: usize = 8;

/// The windows of a pooling.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pool {
    /// Extents of the window along each spatial axis.
    pub window: Vec<usize>,
    /// Distance between two windows along each spatial axis.
    pub strides: Vec<usize>,
    /// Padding before and after each spatial axis, smaller than the window.
    pub padding: Vec<(usize, usize)>,
}

/// `(N, *spatial, C)` to the largest elements `(N, *out, C)` and their places, `int32` of the same
/// shape: flat row-major positions among the spatial axes.
///
/// The first of equal elements is chosen, and the first NaN before everything.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MaxPool {
    /// The windows.
    pub pool: Pool,
}

/// `(N, *spatial, C)` to the sums of windows `(N, *out, C)`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WindowSum {
    /// The windows.
    pub pool: Pool,
}

/// The adjoint of [`WindowSum`]: `(N, *out, C)` to `(N, *spatial, C)`, each element the sum of
/// the windows that cover it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WindowSumGradient {
    /// The windows.
    pub pool: Pool,
    /// The shape of the input of the sum.
    pub input_shape: Shape,
}

impl Tensor {
    /// The largest elements of windows of `(N, *spatial, C)`: `(N, *out, C)`.
    ///
    /// `window` and `strides` have one entry for each of the one to three spatial axes.
    /// `keras.ops.max_pool`.
    #[track_caller]
    pub fn max_pool(&self, window: &[usize], strides: &[usize], padding: Padding) -> Tensor {
        let [values, _] = self.max_pool_with_indices(window, strides, padding);
        values
    }

    /// The largest elements of windows and their places, as [`MaxPool`] gives them.
    #[track_caller]
    pub fn max_pool_with_indices(
        &self,
        window: &[usize],
        strides: &[usize],
        padding: Padding,
    ) -> [Tensor; 2] {
        let pool = Pool::of(self, window, strides, padding);
        Tensor::apply_many(MaxPool { pool }, &[self])
    }

    /// The sums of windows of `(N, *spatial, C)`: `(N, *out, C)`.
    #[track_caller]
    pub fn window_sum(&self, window: &[usize], strides: &[usize], padding: Padding) -> Tensor {
        Tensor::apply(WindowSum { pool: Pool::of(self, window, strides, padding) }, &[self])
    }

    /// The means of windows of `(N, *spatial, C)`, padding not counted: `(N, *out, C)`.
    ///
    /// `keras.ops.average_pool`.
    ///
    /// ```
    /// use ibex_graph::ops::window::Padding;
    /// use ibex_graph::{Array, Graph, Tensor, interpreter};
    ///
    /// let x = Tensor::constant(Array::from_slice([1, 3, 1], &[1f32, 3., 8.])?);
    /// let graph = Graph::new(&[], &[x.average_pool(&[2], &[1], Padding::Same)], &[])?;
    /// assert_eq!(interpreter::run(&graph, &[])?.outputs[0].to_f64_vec(), [2., 5.5, 8.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn average_pool(&self, window: &[usize], strides: &[usize], padding: Padding) -> Tensor {
        let pool = Pool::of(self, window, strides, padding);
        let sum = Tensor::apply(WindowSum { pool: pool.clone() }, &[self]);
        if sum.is_poisoned() {
            return sum;
        }
        let spatial = self.rank() - 2;
        let counts = pool.counts(&self.shape()[1..=spatial]);
        let mut dims = sum.shape().to_vec();
        (dims[0], dims[spatial + 1]) = (1, 1);
        match counts.split_first() {
            Some((&first, rest)) if rest.iter().any(|&count| count != first) => {
                let counts = Array::from_f64_slice(self.dtype(), dims, &counts);
                sum / Tensor::constant(counts)
            }
            first => sum / first.map_or(1.0, |(&count, _)| count),
        }
    }
}

impl Pool {
    /// The windows for a tensor, its padding made explicit.
    fn of(x: &Tensor, window: &[usize], strides: &[usize], padding: Padding) -> Pool {
        let extents = x.shape().get(1..).unwrap_or(&[]);
        let padding = padding.along(extents, window, strides, &[]);
        Pool { window: window.to_vec(), strides: strides.to_vec(), padding }
    }

    /// The window along each spatial axis.
    pub fn windows(&self) -> Vec<Window> {
        let window = |axis: usize| Window {
            size: self.window[axis],
            stride: self.strides[axis],
            dilation: 1,
            low: self.padding[axis].0,
            high: self.padding[axis].1,
        };
        (0..self.window.len()).map(window).collect()
    }

    /// The most windows that cover an element.
    fn overlap(&self) -> usize {
        self.window.iter().zip(&self.strides).map(|(w, s)| w.div_ceil(*s)).product()
    }

    /// How many elements that are not padding each window covers, row-major.
    fn counts(&self, extents: &[usize]) -> Vec<f64> {
        let mut counts = Vec::new();
        for_each_tap(&self.windows(), extents, |place, _, _| {
            if counts.len() <= place {
                counts.resize(place + 1, 0.0);
            }
            counts[place] += 1.0;
        });
        counts
    }

    pub(super) fn text(&self) -> String {
        let padding: Vec<String> = self.padding.iter().map(|(l, h)| format!("{l}..{h}")).collect();
        let (window, strides) = (&self.window, &self.strides);
        format!("window {window:?}, strides {strides:?}, padding [{}]", padding.join(", "))
    }

    /// The type of the pooled values; `name` is the operation that asks.
    pub(super) fn output(&self, name: &str, x: &Type) -> Result<Type, OpError> {
        let (window, strides, padding) =
            (self.window.len(), self.strides.len(), self.padding.len());
        let alike = window == strides && window == padding && (1..=3).contains(&window);
        let positive = !self.window.contains(&0) && !self.strides.contains(&0);
        let inside = self.padding.iter().zip(&self.window).all(|(&(l, h), &w)| l < w && h < w);
        if !(alike && positive && inside) {
            return Err(OpError::new(
                format!("`{name}` has attributes that do not fit"),
                "window, strides and padding for the same 1, 2 or 3 spatial axes; window and \
                 strides of at least 1; padding smaller than the window",
                self.text(),
            ));
        }
        if x.dtype == DType::Bool {
            let what = format!("`{name}` does not apply to bool");
            return Err(OpError::new(what, "a numeric dtype", "bool").help("cast the input first"));
        }
        if x.shape.rank() != window + 2 {
            return Err(OpError::new(
                format!("`{name}` along {window} spatial axes cannot pool {}", x.shape),
                format!("{} axes: (batch, *spatial, channels)", window + 2),
                x.shape.to_string(),
            ));
        }
        let mut dims = vec![x.shape[0]];
        dims.extend(positions(name, &self.windows(), &x.shape[1..=window])?);
        dims.push(x.shape[window + 1]);
        Ok(Type::new(x.dtype, dims))
    }

    /// Calls `f` with the flat indices of each window's element and of what it covers, and the
    /// place of the latter among the spatial axes.
    pub(super) fn for_each_pair(&self, input: &Shape, mut f: impl FnMut(usize, usize, usize)) {
        let windows = self.windows();
        let extents = &input[1..=windows.len()];
        let channels = input[windows.len() + 1];
        let volume: usize = extents.iter().product();
        let count = |(w, &extent): (&Window, &usize)| w.positions(extent).unwrap_or(0);
        let places: usize = windows.iter().zip(extents).map(count).product();
        for batch in 0..input[0] {
            for_each_tap(&windows, extents, |place, _, source| {
                let to = (batch * places + place) * channels;
                let from = (batch * volume + source) * channels;
                (0..channels).for_each(|channel| f(to + channel, from + channel, source));
            });
        }
    }
}

impl Rule for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn attributes(&self) -> String {
        self.pool.text()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs(self.name(), inputs)?;
        let values = self.pool.output(self.name(), x)?;
        let places: usize = x.shape[1..x.shape.rank() - 1].iter().product();
        if i32::try_from(places).is_err() {
            return Err(OpError::new(
                format!("`{}` cannot number the places of {}", self.name(), x.shape),
                format!("at most {} places along the spatial axes", i32::MAX),
                places.to_string(),
            ));
        }
        let indices = Type::new(DType::I32, &values.shape);
        Ok(vec![values, indices])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let x = inputs[0];
        let mut best: Vec<Option<(f64, usize)>> = vec![None; outputs[0].shape.size()];
        self.pool.for_each_pair(x.shape(), |to, from, place| {
            let value = x.data[from];
            let wins = match best[to] {
                None => true,
                Some((before, _)) => value > before || (value.is_nan() && !before.is_nan()),
            };
            if wins {
                best[to] = Some((value, place));
            }
        });
        let values = best.iter().map(|b| b.map_or(f64::NAN, |(value, _)| value)).collect();
        let places = best.iter().map(|b| b.map_or(0.0, |(_, place)| place as f64)).collect();
        vec![Values::new(outputs[0].clone(), values), Values::new(outputs[1].clone(), places)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let x = &node.inputs[0];
        if node.grads[0].is_none() || !x.dtype().is_float() {
            return Vjp::ZeroAlmostEverywhere;
        }
        let (shape, out) = (x.shape(), node.outputs[0].shape());
        let (grad, places) = (node.grad(0), &node.outputs[1]);
        let channels = shape.last().copied().unwrap_or(0);
        if self.pool.overlap() <= FEW_WINDOWS && channels >= FEW_CHANNELS {
            let op = MaxPoolGradient { pool: self.pool.clone(), input_shape: shape.clone() };
            return Vjp::Rule(vec![Some(Tensor::apply(op, &[&grad, places]))]);
        }
        let last = shape.rank() - 1;
        let flat: usize = out[1..last].iter().product();
        let line = |t: &Tensor| t.reshape([out[0], flat, out[last]]);
        let add = AddAlongAxis { axis: 1, size: shape[1..last].iter().product() };
        let dx = Tensor::apply(add, &[&line(&grad), &line(places)]);
        Vjp::Rule(vec![Some(dx.reshape(shape))])
    }
}

impl Rule for WindowSum {
    fn name(&self) -> &'static str {
        "window_sum"
    }

    fn attributes(&self) -> String {
        self.pool.text()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs(self.name(), inputs)?;
        Ok(vec![self.pool.output(self.name(), x)?])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let mut data = vec![0.0; outputs[0].shape.size()];
        self.pool.for_each_pair(inputs[0].shape(), |to, from, _| data[to] += inputs[0].data[from]);
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let input_shape = node.inputs[0].shape().clone();
        let op = WindowSumGradient { pool: self.pool.clone(), input_shape };
        Vjp::Rule(vec![Some(Tensor::apply(op, &[&node.grad(0)]))])
    }
}

impl Rule for WindowSumGradient {
    fn name(&self) -> &'static str {
        "window_sum_gradient"
    }

    fn attributes(&self) -> String {
        format!("input {}, {}", self.input_shape, self.pool.text())
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [grad] = expect_inputs(self.name(), inputs)?;
        let input = Type::new(grad.dtype, &self.input_shape);
        let output = self.pool.output(self.name(), &input)?;
        match output == *grad {
            true => Ok(vec![input]),
            false => Err(OpError::new(
                format!("the output gradient of `{}` does not fit", self.name()),
                output.to_string(),
                grad.to_string(),
            )),
        }
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let mut data = vec![0.0; outputs[0].shape.size()];
        self.pool.for_each_pair(&self.input_shape, |to, from, _| data[from] += inputs[0].data[to]);
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let op = WindowSum { pool: self.pool.clone() };
        Vjp::Rule(vec![Some(Tensor::apply(op, &[&node.grad(0)]))])
    }
}

/// Shapes that all operations on windows are tested with.
pub(super) fn cases() -> Vec<(&'static str, Pool, Shape)> {
    let case = |label, input: &[usize], window: &[usize], strides: &[usize], padding: Padding| {
        let padding = padding.along(&input[1..], window, strides, &[]);
        let pool = Pool { window: window.to_vec(), strides: strides.to_vec(), padding };
        (label, pool, Shape::from(input))
    };
    use Padding::{Same, Valid};
    vec![
        case("line", &[2, 7, 3], &[2], &[2], Valid),
        case("line, overlapping, same", &[2, 6, 2], &[3], &[1], Same),
        case("image", &[2, 4, 6, 3], &[2, 2], &[2, 2], Valid),
        case("image, overlapping, same", &[1, 5, 6, 2], &[3, 2], &[2, 1], Same),
        case("image, stride beyond the window", &[1, 7, 7, 2], &[2, 2], &[3, 3], Valid),
        case("image, whole", &[2, 3, 4, 2], &[3, 4], &[1, 1], Valid),
        case("image, one channel", &[2, 4, 4, 1], &[2, 2], &[2, 2], Same),
        case("image, many channels", &[1, 4, 4, 19], &[2, 2], &[2, 2], Valid),
        case("image, windows upon windows", &[1, 6, 5, 2], &[4, 3], &[1, 1], Same),
        case("volume", &[1, 4, 3, 4, 2], &[2, 2, 2], &[2, 1, 2], Same),
        case("no images", &[0, 4, 4, 2], &[2, 2], &[2, 2], Valid),
        case("no channels", &[1, 4, 4, 0], &[2, 2], &[2, 2], Valid),
    ]
}

pub(super) fn line(window: usize, padding: (usize, usize)) -> Pool {
    Pool { window: vec![window], strides: vec![1], padding: vec![padding] }
}

impl Described for MaxPool {
    const INFO: Info = Info {
        name: "max_pool",
        kind: Kind::Primitive,
        summary: "the largest elements of sliding windows and their places",
        samples: || {
            let sample = |(label, pool, shape): (&str, Pool, Shape)| {
                Sample::new(label, MaxPool { pool }, vec![Values::distinct(shape, 1)])
            };
            let mut all: Vec<Sample> = cases().into_iter().map(sample).collect();
            let pool = || Pool { strides: vec![2], ..line(2, (0, 1)) };
            let (nan, low) = (f64::NAN, f64::NEG_INFINITY);
            let edges = [1.0, 1.0, nan, 2.0, 2.0, nan, nan, nan, low, low, low, nan, low];
            let x = Values::of([1, 13, 1], &edges);
            all.push(
                Sample::new("ties and NaN", MaxPool { pool: pool() }, vec![x]).without_gradient(),
            );
            let x = Values::integers(DType::I32, [2, 5, 2], -9, 9, 1);
            all.push(Sample::new("integers", MaxPool { pool: pool() }, vec![x]));
            all
        },
        errors: || {
            let float = |shape: &[usize]| [Type::new(DType::F32, shape)];
            let pool = |window, padding| MaxPool { pool: line(window, padding) };
            vec![
                BadSample::new(
                    pool(3, (0, 0)),
                    &float(&[2, 2, 4]),
                    "`max_pool` finds no place for a window of 3 along spatial axis 0\n  expected  \
                     at least 3 elements with the padding\n  received  2 elements padded by 0 and \
                     0\n  help: pad with `same`, or use a smaller window or fewer layers that \
                     shrink the input",
                ),
                BadSample::new(
                    pool(2, (0, 2)),
                    &float(&[2, 2, 4]),
                    "`max_pool` has attributes that do not fit\n  expected  window, strides and \
                     padding for the same 1, 2 or 3 spatial axes; window and strides of at least \
                     1; padding smaller than the window\n  received  window [2], strides [1], \
                     padding [0..2]",
                ),
                BadSample::new(
                    pool(2, (0, 0)),
                    &float(&[2, 5, 5, 4]),
                    "`max_pool` along 1 spatial axes cannot pool (2, 5, 5, 4)\n  expected  3 \
                     axes: (batch, *spatial, channels)\n  received  (2, 5, 5, 4)",
                ),
                BadSample::new(
                    pool(2, (0, 0)),
                    &[Type::new(DType::Bool, [2, 5, 4])],
                    "`max_pool` does not apply to bool\n  expected  a numeric dtype\n  received  \
                     bool\n  help: cast the input first",
                ),
                BadSample::new(
                    pool(2, (0, 0)),
                    &float(&[1, 1 << 31, 1]),
                    "`max_pool` cannot number the places of (1, 2147483648, 1)\n  expected  at \
                     most 2147483647 places along the spatial axes\n  received  2147483648",
                ),
            ]
        },
    };
}

impl Described for WindowSum {
    const INFO: Info = Info {
        name: "window_sum",
        kind: Kind::Primitive,
        summary: "the sums of sliding windows",
        samples: || {
            let sample = |(label, pool, shape): (&str, Pool, Shape)| {
                Sample::new(label, WindowSum { pool }, vec![Values::uniform(shape, -1.0, 1.0, 1)])
            };
            cases().into_iter().map(sample).collect()
        },
        errors: || {
            vec![BadSample::new(
                WindowSum { pool: line(0, (0, 0)) },
                &[Type::new(DType::F32, [2, 5, 4])],
                "`window_sum` has attributes that do not fit\n  expected  window, strides and \
                 padding for the same 1, 2 or 3 spatial axes; window and strides of at least 1; \
                 padding smaller than the window\n  received  window [0], strides [1], padding \
                 [0..0]",
            )]
        },
    };
}

impl Described for WindowSumGradient {
    const INFO: Info = Info {
        name: "window_sum_gradient",
        kind: Kind::Primitive,
        summary: "for each element the sum of the windows that cover it",
        samples: || {
            let sample = |(label, pool, input_shape): (&str, Pool, Shape)| {
                let input = Type::new(DType::F32, &input_shape);
                let out = pool.output("window_sum", &input).unwrap_or(input);
                let grad = Values::uniform(out.shape, -1.0, 1.0, 2);
                Sample::new(label, WindowSumGradient { pool, input_shape }, vec![grad])
            };
            cases().into_iter().map(sample).collect()
        },
        errors: || {
            let input_shape = Shape::from([2, 5, 4]);
            vec![BadSample::new(
                WindowSumGradient { pool: line(2, (0, 0)), input_shape },
                &[Type::new(DType::F32, [2, 5, 4])],
                "the output gradient of `window_sum_gradient` does not fit\n  expected  float32 \
                 (2, 4, 4)\n  received  float32 (2, 5, 4)",
            )]
        },
    };
}
